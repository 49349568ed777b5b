"""GeoPackage and shapefile through their named drivers, into a private folder first."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.crs import Datum, wkt_of
from geo.errors import Refused, Where
from geo.formats.atomic import replacing
from geo.formats.dataset import Feature
from geo.formats.drivers import gdal_guard, pyogrio
from geo.formats.write_text import safe_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["shapefile_fields", "write_gpkg", "write_shp", "write_shp_zip"]

_FIELD_CHARS: Final = 10
_TEXT_BYTES: Final = 254
_INT32: Final = 2**31
# A fixed stamp, because the members' time would make equal exports differ.
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_KINDS: Final = {
    frozenset({"Point"}): "Point",
    frozenset({"LineString"}): "LineString",
    frozenset({"Polygon"}): "Polygon",
    frozenset({"MultiPolygon"}): "MultiPolygon",
    frozenset({"Polygon", "MultiPolygon"}): "MultiPolygon",
    frozenset({"LineString", "MultiLineString"}): "MultiLineString",
    frozenset({"MultiLineString"}): "MultiLineString",
    frozenset({"MultiPoint"}): "MultiPoint",
    frozenset({"Point", "MultiPoint"}): "MultiPoint",
}


def write_gpkg(path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum) -> list[str]:
    """Write one layer of a GeoPackage."""
    geometries, kind = _geometries(rows, path)
    _write(path, geometries, kind, rows, columns=columns, names=columns, driver="GPKG", layer=layer, datum=datum)
    return []


def write_shp(path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum) -> list[str]:
    """Write a loose shapefile set; the .shp is put in place last, so that it never stands without its table."""
    del layer
    parts, losses = _shapefile(path.stem, rows, columns=columns, datum=datum, place=path)
    for name in sorted(parts, key=lambda part: part.endswith(".shp")):
        with replacing(path.with_name(name)) as fresh:
            fresh.write_bytes(parts[name])
    return losses


def write_shp_zip(
    path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum
) -> list[str]:
    """Write a zipped shapefile set; names carry the UTF-8 flag."""
    parts, losses = _shapefile(layer, rows, columns=columns, datum=datum, place=path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in sorted(parts):
            bundle.writestr(zipfile.ZipInfo(name, _ZIP_TIME), parts[name], zipfile.ZIP_DEFLATED)
    return losses


def shapefile_fields(columns: Sequence[str]) -> dict[str, str]:
    """Return column → ASCII field name of at most ten letters, unique without regard to case.

    Examples
    --------
    >>> shapefile_fields(["code", "网格名称", "households_resident"])
    {'code': 'code', '网格名称': 'F02', 'households_resident': 'F03'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for number, column in enumerate(columns, start=1):
        fits = column.isascii() and column.isidentifier() and len(column) <= _FIELD_CHARS
        name = column if fits and column.lower() not in taken else f"F{number:02d}"
        names[column] = name
        taken.add(name.lower())
    return names


def _geometries(rows: Sequence[Feature], path: Path) -> tuple[NDArray[np.object_] | None, str | None]:
    if any(row.geometry is None for row in rows):
        if all(row.geometry is None for row in rows):
            return None, None
        row = next(row.row for row in rows if row.geometry is None)
        raise Refused(
            "有记录没有图形", code="geometry-missing", where=Where(file=path.name, row=row), remedy="分开导出"
        )
    shapes = shapely.force_2d(np.array([row.geometry for row in rows], dtype=object))
    kinds = frozenset(str(shape.geom_type) for shape in shapes)
    kind = _KINDS.get(kinds, "Unknown") if kinds else "Polygon"
    return np.asarray(shapely.to_wkb(shapes), dtype=object), kind


def _write(
    path: Path,
    geometries: NDArray[np.object_] | None,
    kind: str | None,
    rows: Sequence[Feature],
    *,
    columns: Sequence[str],
    names: Sequence[str],
    driver: str,
    layer: str,
    datum: Datum,
) -> None:
    data, masks = [], []
    for column in columns:
        values, mask = _array([row.properties.get(column) for row in rows])
        data.append(values)
        masks.append(mask)
    notes: list[str] = []
    with gdal_guard(Where(file=path.name, layer=layer), notes=notes):
        pyogrio.raw.write(
            str(path),
            geometries,
            field_data=data,
            fields=np.array(list(names), dtype=object),
            field_mask=masks,
            layer=layer,
            driver=driver,
            geometry_type=kind,
            crs=f"EPSG:{datum.epsg}" if kind else None,
            encoding="UTF-8",
            promote_to_multi=bool(kind and kind.startswith("Multi")),
        )


def _array(values: list[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return one column as an array of the narrowest kind that holds all values, and where it is null."""
    mask = np.array([value is None for value in values], dtype=bool)
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {bool}:
        return np.array([bool(value) for value in values]), mask
    if kinds and kinds <= {int}:
        if all(value is None or abs(value) < 2**63 for value in values):
            return np.array([0 if value is None else value for value in values], dtype=np.int64), mask
    elif kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else float(value) for value in values]), mask
    return np.array([None if value is None else _text(value) for value in values], dtype=object), mask


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


def _shapefile(
    stem: str, rows: Sequence[Feature], *, columns: Sequence[str], datum: Datum, place: Path
) -> tuple[dict[str, bytes], list[str]]:
    """Return the parts of a shapefile set by file name, and what was lost."""
    fields = shapefile_fields(columns)
    geometries, kind = _geometries(rows, place)
    if kind in {None, "Unknown"}:
        remedy = "按点、线、面分开导出"
        raise Refused("SHP 一个文件只能放一种图形", code="geometry-type", where=Where(file=place.name), remedy=remedy)
    losses = _losses(rows, columns)
    with TemporaryDirectory(prefix="wangge-") as folder:
        target = Path(folder) / "set.shp"
        _write(
            target,
            geometries,
            str(kind).removeprefix("Multi") if kind != "MultiPoint" else kind,
            [_shortened(row, columns) for row in rows],
            columns=columns,
            names=list(fields.values()),
            driver="ESRI Shapefile",
            layer="set",
            datum=datum,
        )
        parts = {f"{stem}{part.suffix}": part.read_bytes() for part in sorted(Path(folder).iterdir())}
    parts[f"{stem}.cpg"] = b"UTF-8"
    parts[f"{stem}.prj"] = wkt_of(datum).encode("ascii")
    parts[f"{stem}_字段说明.csv"] = _field_table(fields)
    return parts, losses


def _losses(rows: Sequence[Feature], columns: Sequence[str]) -> list[str]:
    cut = sorted({c for row in rows for c in columns if _too_long(row.properties.get(c))})
    return [f"列 {column} 有文字超过 {_TEXT_BYTES} 字节, SHP 中已截短" for column in cut]


def _too_long(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode()) > _TEXT_BYTES


def _shortened(row: Feature, columns: Sequence[str]) -> Feature:
    """Cut texts at a whole character, which the driver does not."""
    properties = {name: row.properties.get(name) for name in columns}
    for name, value in properties.items():
        if _too_long(value):
            properties[name] = str(value).encode()[:_TEXT_BYTES].decode(errors="ignore")
    return Feature(row.row, properties, row.geometry, row.layer, row.name)


def _field_table(fields: dict[str, str]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["字段", "说明"])
    writer.writerows((short, safe_cell(column)) for column, short in fields.items())
    return stream.getvalue().encode("utf-8-sig")
