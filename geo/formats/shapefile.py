"""Shapefiles, zipped or loose: sizes checked against each other, then geometry by GDAL from a private copy.

Attributes come from our own strict table reader (`dbf`), geometry from the driver named ESRI Shapefile.
"""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import shapely

from geo.crs import datum_word
from geo.errors import Refused, Where
from geo.formats.archive import open_archive
from geo.formats.dataset import Feature, Harvest, Source, name_of
from geo.formats.dbf import Dbf, read_dbf
from geo.formats.drivers import gdal_guard, geometry_of, pyogrio
from geo.formats.sniff import load

if TYPE_CHECKING:
    from geo.model import Geometry

__all__ = ["read_shapefile"]

_PARTS: Final = (".shp", ".dbf", ".shx", ".prj", ".cpg")
_HEADER: Final = 100
_MAGIC: Final = 9994
_TYPES: Final = frozenset({0, 1, 3, 5, 8, 11, 13, 15, 18, 21, 23, 25, 28})


@dataclass(frozen=True, slots=True)
class _Set:
    """The parts of one shapefile by ending."""

    stem: str
    parts: dict[str, bytes]


def read_shapefile(source: Source) -> Harvest:
    """Read every shapefile of a zip, or the loose set beside a .shp.

    Raises
    ------
    Refused
        A part is missing, truncated or contradicts another.
    """
    harvest = Harvest(source)
    words: set[str | None] = set()
    for shapes in _sets(source):
        harvest.layers.setdefault(shapes.stem)
        if source.layer in (None, shapes.stem):
            words.add(_read_set(shapes, harvest))
    harvest.declared_datum = words.pop() if len(words) == 1 else None
    if words:
        harvest.warn("各图层声明的坐标系不同, 请按图层分别导入")
    return harvest


def _sets(source: Source) -> list[_Set]:
    found = _zipped(source) if source.data.startswith(b"PK") else [_loose(source)]
    for shapes in found:
        place = Where(file=source.name, layer=shapes.stem)
        for ending, remedy in ((".shp", "补上 .shp 文件"), (".dbf", "把同名的 .dbf 一起压缩成 ZIP")):
            if ending not in shapes.parts:
                raise Refused(f"缺少 {ending} 文件", code="part-missing", where=place, remedy=remedy)
    return found


def _zipped(source: Source) -> list[_Set]:
    archive = open_archive(source.data, limits=source.limits, file=source.name)
    sets: dict[str, dict[str, bytes]] = {}
    for member in archive.members:
        if member.suffix in _PARTS:
            sets.setdefault(member.name[: -len(member.suffix)], {})[member.suffix] = archive.read(member)
    return [_Set(stem.rsplit("/", 1)[-1], parts) for stem, parts in sets.items() if ".shp" in parts]


def _loose(source: Source) -> _Set:
    parts = {".shp": source.data}
    wanted = {source.path.stem.lower() + ending: ending for ending in _PARTS[1:]}
    for beside in sorted(source.path.parent.iterdir()):
        ending = wanted.get(beside.name.lower())
        if ending and ending not in parts and beside.is_file() and beside.stat().st_size:
            parts[ending] = load(beside, limits=source.limits)
    return _Set(source.path.stem, parts)


def _read_set(shapes: _Set, harvest: Harvest) -> str | None:
    """Read one shapefile into the harvest and return the datum its .prj declares."""
    source = harvest.source
    place = Where(file=source.name, layer=shapes.stem)
    _check_shp(shapes.parts[".shp"], place)
    cpg = shapes.parts.get(".cpg", b"").decode("ascii", errors="replace")
    table = read_dbf(shapes.parts[".dbf"], where=place, cpg=cpg, declared=source.encoding)
    harvest.encoding, harvest.encoding_evidence = table.encoding, table.evidence
    for note in table.warnings:
        harvest.warn(note)
    geometries = _geometries(shapes, place, harvest)
    if len(table.records) != len(geometries):
        message = f"图形 {len(geometries)} 个, 属性 {len(table.records)} 行, 数目不符"
        raise Refused(message, code="parts-disagree", where=place, remedy="重新导出整套文件")
    _join(table, geometries, shapes.stem, harvest)
    word, harvest.datum_evidence = _declared(shapes.parts.get(".prj", b""))
    return word


def _declared(prj: bytes) -> tuple[str | None, str]:
    word, evidence = datum_word(prj.decode("utf-8", errors="replace"))
    return word, f".prj: {evidence}" if prj else "没有 .prj 文件, 请声明坐标系"


def _check_shp(data: bytes, place: Where) -> None:
    """Check the header against the content, record by record: GDAL reads some damaged files without a word."""
    magic, words, kind = struct.unpack(">i20xi4xi", data[:36]) if len(data) >= _HEADER else (0, 0, 0)
    kind = struct.unpack_from("<i", data, 32)[0] if len(data) >= _HEADER else 0
    if magic != _MAGIC or kind not in _TYPES:
        raise Refused("不是 SHP 图形文件", code="shp-broken", where=place, remedy="重新导出")
    if words * 2 != len(data):
        message = f"SHP 文件不完整: 文件头写 {words * 2} 字节, 实有 {len(data)} 字节"
        raise Refused(message, code="shp-truncated", where=place, remedy="重新导出或重新压缩")
    position = _HEADER
    while position < len(data):
        size = struct.unpack_from(">i", data, position + 4)[0] * 2 if position + 8 <= len(data) else -1
        if size < 4 or position + 8 + size > len(data):  # noqa: PLR2004 - a record holds at least its type
            raise Refused("SHP 的记录长度有误", code="shp-broken", where=place, remedy="重新导出")
        position += 8 + size


def _geometries(shapes: _Set, place: Where, harvest: Harvest) -> list[Geometry | None]:
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        for ending in (".shp", ".shx"):
            if ending in shapes.parts:
                (Path(folder) / f"set{ending}").write_bytes(shapes.parts[ending])
        if ".shx" in shapes.parts:
            _check_shx(shapes, place)
        else:
            harvest.warn("缺少 .shx 索引, 已按图形文件重建")
        with gdal_guard(place, notes=notes):
            # Without the .dbf in the copy GDAL gives every record, also those the table marks as deleted.
            _, _, wkb, _ = pyogrio.raw.read(str(Path(folder) / "set.shp"), columns=[], force_2d=True)
    for note in notes:
        harvest.warn(f"SHP: {note.replace(folder, '')}")
    read = [(None, False) if one is None else geometry_of(one) for one in wkb]
    if any(closed for _, closed in read):
        harvest.warn("未闭合的边界已闭合")
    # An empty collection stands for a record whose shape cannot be built; None for one without a shape.
    broken = shapely.GeometryCollection()
    return [g if g is not None or blob is None else broken for (g, _), blob in zip(read, wkb, strict=True)]


def _check_shx(shapes: _Set, place: Where) -> None:
    """Every offset of the index must be where a record begins."""
    shp, shx = shapes.parts[".shp"], shapes.parts[".shx"]
    starts, position = [], _HEADER
    while position < len(shp):
        starts.append(position)
        position += 8 + struct.unpack_from(">i", shp, position + 4)[0] * 2
    offsets = [struct.unpack_from(">i", shx, at)[0] * 2 for at in range(_HEADER, len(shx) - 7, 8)]
    if sorted(offsets) != starts:
        raise Refused("SHX 索引与 SHP 不符", code="parts-disagree", where=place, remedy="删去 .shx 后重试, 或重新导出")


def _join(table: Dbf, geometries: list[Geometry | None], layer: str, harvest: Harvest) -> None:
    harvest.columns.update(dict.fromkeys(table.columns))
    for row, (record, geometry) in enumerate(zip(table.records, geometries, strict=True), start=1):
        if record is None:
            harvest.warn("属性表中标记为已删除的行未读")
            continue
        name = name_of(record)
        if geometry is None:
            harvest.refuse(row, "geometry-missing", "没有图形", "补画图形或删除该行", layer=layer, feature=name)
            continue
        if shapely.is_empty(geometry):
            remedy = "在原软件中改正该要素"
            harvest.refuse(row, "geometry-broken", "图形残缺或坐标不是有限数值", remedy, layer=layer, feature=name)
            continue
        harvest.take(Feature(row, record, geometry, layer, name))
