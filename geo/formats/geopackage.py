"""GeoPackage through the named driver, always from a private copy.

Reading the live file with a second SQLite library in one process drops the store's locks and has
destroyed files, so the path itself is never handed on, only a copy of its bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from geo.crs import datum_word
from geo.errors import HostileFile, NotFound, Refused, Where
from geo.formats.dataset import Feature, Harvest, Source, name_of
from geo.formats.drivers import gdal_guard, geometry_of, pyogrio

__all__ = ["read_geopackage", "refuse_unwritten"]

_HEADER: Final = 100
_APPLICATION_IDS: Final = (b"GPKG", b"GP10", b"GP11")
_FID: Final = "fid"


def read_geopackage(source: Source) -> Harvest:
    """Read the layers of a GeoPackage, or the one named by `source.layer`.

    Layers with geometry are read; attribute tables only where no layer has geometry or one is named.

    Raises
    ------
    Refused
        Damaged, no GeoPackage, or without layers.
    HostileFile
        A layer is a view, whose query could cost anything.
    NotFound
        No layer of that name.
    """
    harvest = Harvest(source)
    place = Where(file=source.name)
    refuse_unwritten(source.path)
    if source.data[68:72] not in _APPLICATION_IDS or len(source.data) < _HEADER:
        raise Refused("是 SQLite 数据库, 不是 GeoPackage", code="gpkg-broken", where=place, remedy="导出为 GPKG 后重试")
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        copy = Path(folder) / "copy.gpkg"
        copy.write_bytes(_without_wal(source.data))
        _read_copy(f"GPKG:{copy}", harvest, place, notes)
    for note in notes:
        harvest.warn(f"GPKG: {note.replace(folder, '')}")
    return harvest


def refuse_unwritten(path: Path) -> None:
    """Refuse a GeoPackage with changes that stand beside it only: a copy of the file alone would silently lack them.

    Raises
    ------
    Refused
        There is a write-ahead log: a program (QGIS does so) has the file open, or ended without closing it.
    """
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size:
        raise Refused(
            f"此文件正被别的程序打开, 旁边的 {log.name} 里可能有还没写进来的修改",
            code="gpkg-open",
            where=Where(file=path.name),
            remedy="在打开它的程序 (如 QGIS) 里保存并关闭此文件, 或另存一份, 再试",
        )


def _without_wal(data: bytes) -> bytes:
    """Return the file with its journal mode set back, so that reading the copy writes nothing beside it."""
    return data[:18] + b"\x01\x01" + data[20:]


def _read_copy(path: str, harvest: Harvest, place: Where, notes: list[str]) -> None:
    with gdal_guard(place, notes=notes):
        listed = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
        views = _views(path)
    wanted = harvest.source.layer
    if wanted is not None and wanted not in dict(listed):
        raise NotFound("没有这个图层", where=place, remedy="图层: " + ", ".join(name for name, _ in listed)[:200])
    spatial = [name for name, kind in listed if kind is not None]
    chosen = [wanted] if wanted is not None else spatial or [name for name, _ in listed]
    words: set[str | None] = set()
    for name in chosen:
        harvest.layers.setdefault(name)
        if name in views:
            message, remedy = "图层是视图, 不是数据表", "把图层另存为新的 GPKG 后再导入"
            where = Where(file=place.file, layer=name)
            raise HostileFile(message, code="gpkg-view", where=where, remedy=remedy)
        words.add(_read_layer(path, name, harvest, notes))
    harvest.encoding, harvest.encoding_evidence = "utf-8", "GeoPackage 规定为 UTF-8"
    harvest.declared_datum = words.pop() if len(words) == 1 else None
    if words:
        harvest.warn("各图层声明的坐标系不同, 请按图层分别导入")


def _views(path: str) -> set[str]:
    sql = "SELECT name FROM sqlite_master WHERE type = 'view'"
    _, _, _, (names,) = pyogrio.raw.read(path, sql=sql, read_geometry=False)
    return {str(name) for name in names}


def _read_layer(path: str, layer: str, harvest: Harvest, notes: list[str]) -> str | None:
    place = Where(file=harvest.source.name, layer=layer)
    limit = harvest.source.limits.table_rows
    with gdal_guard(place, notes=notes):
        meta, table = pyogrio.raw.read_arrow(path, layer=layer, return_fids=True, max_features=limit + 1)
        columns: dict[str, list[Any]] = {name: table.column(name).to_pylist() for name in table.column_names}
    fids = columns.pop(meta.get("fid_column") or _FID, None) or columns.pop("OGC_FID", [])
    blobs = columns.pop(meta.get("geometry_name") or "wkb_geometry", None)
    if blobs is None:
        blobs = columns.pop("wkb_geometry", None)
    harvest.columns.update(dict.fromkeys(columns))
    for number in range(table.num_rows):
        properties = {name: values[number] for name, values in columns.items()}
        row = int(fids[number]) if fids else number + 1
        _take(row, properties, None if blobs is None else blobs[number], layer, harvest, spatial=blobs is not None)
    word, harvest.datum_evidence = datum_word(str(meta.get("crs") or ""))
    return word


def _take(
    row: int, properties: dict[str, Any], blob: bytes | None, layer: str, harvest: Harvest, *, spatial: bool
) -> None:
    name = name_of(properties)
    if spatial and blob is None:
        harvest.refuse(row, "geometry-missing", "没有图形", "补画图形或删除该行", layer=layer, feature=name)
        return
    geometry, closed = (None, False) if blob is None else geometry_of(blob)
    if closed:
        harvest.warn("未闭合的边界已闭合")
    if spatial and geometry is None:
        harvest.refuse(row, "geometry-broken", "图形数据已损坏", "重画该要素", layer=layer, feature=name)
        return
    harvest.take(Feature(row, properties, geometry, layer, name))
