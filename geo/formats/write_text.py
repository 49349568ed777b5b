"""GeoJSON, KML and CSV written by hand, so that every digit and every character is ours."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.crs import CGCS2000, WGS84, Datum
from geo.errors import Refused, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geo.formats.dataset import Feature
    from geo.model import Geometry

__all__ = ["plain_cell", "safe_cell", "write_csv", "write_geojson", "write_kml"]

_DEGREE_DECIMALS: Final = 9
_KML: Final = "http://www.opengis.net/kml/2.2"
_ILLEGAL_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Spreadsheets run cells that begin with these; after a separator too, where the list separator differs.
_GUARD: Final = "'"
_FORMULA: Final = re.compile(r"(^|[;,\t|\r\n])(?='*\s*[=+\-@＝＋－＠\t\r])")
_GUARDED: Final = re.compile(r"(^|[;,\t|\r\n])'(?='*\s*[=+\-@＝＋－＠\t\r])")


def write_geojson(
    path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum
) -> list[str]:
    """Write an RFC 7946 FeatureCollection: longitude first, right-hand rule, nine decimals.

    A foreign member ``datum`` says what the numbers mean, because RFC 7946 has no place for it.
    """
    if datum not in (CGCS2000, WGS84):
        raise Refused("GeoJSON 只能用经纬度", code="datum-plane", where=Where(file=path.name), remedy="导出为 cgcs2000")
    lines = [_feature_text(row, columns) for row in rows]
    head = f'{{"type":"FeatureCollection","name":{json.dumps(layer, ensure_ascii=False)},"datum":"{datum}","features":['
    path.write_text(head + "\n" + ",\n".join(lines) + "\n]}\n", encoding="utf-8", newline="\n")
    return []


def _feature_text(row: Feature, columns: Sequence[str]) -> str:
    values = {name: _json_value(row.properties[name]) for name in columns if name in row.properties}
    properties = json.dumps(values, ensure_ascii=False, allow_nan=False)
    geometry = "null" if row.geometry is None else _geometry_text(row.geometry)
    return f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}'


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, np.generic):
        return _json_value(value.item())
    return value if value is None or isinstance(value, (str, int, float, bool, dict, list)) else str(value)


def _geometry_text(geometry: Geometry) -> str:
    oriented = shapely.orient_polygons(shapely.force_2d(geometry))  # exterior rings counter-clockwise
    kind = oriented.geom_type
    if kind == "GeometryCollection":
        return f'{{"type":"{kind}","geometries":[{",".join(_geometry_text(part) for part in oriented.geoms)}]}}'
    return f'{{"type":"{kind}","coordinates":{_coordinates(oriented)}}}'


def _coordinates(geometry: Geometry) -> str:
    kind = geometry.geom_type
    if kind == "Point":
        return _positions(geometry)[1:-1]
    if kind == "LineString":
        return _positions(geometry)
    if kind == "Polygon":
        return "[" + ",".join(_positions(ring) for ring in (geometry.exterior, *geometry.interiors)) + "]"
    return "[" + ",".join(_coordinates(part) for part in geometry.geoms) + "]"


def _positions(geometry: Geometry) -> str:
    pairs = shapely.get_coordinates(geometry).tolist()
    return "[" + ",".join(f"[{_number(x)},{_number(y)}]" for x, y in pairs) + "]"


def _number(value: float) -> str:
    """Nine decimals: the shortest text that gives a lattice coordinate back bit for bit."""
    text = f"{value:.{_DEGREE_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def write_kml(path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum) -> list[str]:
    """Write KML with a folder per layer and every value as ExtendedData under its Chinese name."""
    if datum not in (CGCS2000, WGS84):
        raise Refused("KML 只能用经纬度", code="datum-plane", where=Where(file=path.name), remedy="导出为 cgcs2000")
    root = ET.Element("kml", xmlns=_KML)
    document = ET.SubElement(root, "Document")
    _text(document, "name", layer, path)
    folders: dict[str, ET.Element] = {}
    for row in rows:
        folder = row.layer or layer
        if folder not in folders:
            folders[folder] = ET.SubElement(document, "Folder")
            _text(folders[folder], "name", folder, path)
        _placemark(folders[folder], row, columns, path)
    ET.indent(root, space=" ")
    path.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    return []


def _text(parent: ET.Element, tag: str, text: str, path: Path, **attributes: str) -> ET.Element:
    if _ILLEGAL_XML.search(text) or any(_ILLEGAL_XML.search(value) for value in attributes.values()):
        raise Refused(
            "文字含有 KML 不允许的控制字符", code="text-illegal", where=Where(file=path.name), remedy="改正名称或属性"
        )
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _placemark(folder: ET.Element, row: Feature, columns: Sequence[str], path: Path) -> None:
    placemark = ET.SubElement(folder, "Placemark")
    _text(placemark, "name", row.name, path)
    extended = ET.SubElement(placemark, "ExtendedData")
    for name in columns:
        value = row.properties.get(name)
        if value is not None and name != "name":
            data = ET.SubElement(extended, "Data")
            _text(data, "value", _plain(value), path)
            _text(data, "displayName", name, path)
            data.set("name", name)
    if row.geometry is not None:
        _shape(placemark, shapely.orient_polygons(shapely.force_2d(row.geometry)))


def _shape(parent: ET.Element, geometry: Geometry) -> None:
    kind = geometry.geom_type
    if kind == "Polygon":
        polygon = ET.SubElement(parent, "Polygon")
        for tag, rings in (("outerBoundaryIs", [geometry.exterior]), ("innerBoundaryIs", geometry.interiors)):
            for ring in rings:
                _tuples(ET.SubElement(ET.SubElement(polygon, tag), "LinearRing"), ring)
    elif kind in {"Point", "LineString"}:
        _tuples(ET.SubElement(parent, kind), geometry)
    else:
        multi = ET.SubElement(parent, "MultiGeometry")
        for part in geometry.geoms:
            _shape(multi, part)


def _tuples(parent: ET.Element, geometry: Geometry) -> None:
    pairs = shapely.get_coordinates(geometry).tolist()
    ET.SubElement(parent, "coordinates").text = " ".join(f"{_number(x)},{_number(y)}" for x, y in pairs)


def _plain(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "是" if value else "否"
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


def safe_cell(text: str) -> str:
    """Return a cell's text so that no spreadsheet takes it, or a piece of it, for a formula.

    Examples
    --------
    >>> safe_cell("=1+1"), safe_cell("红林小区-2"), safe_cell("a;=1"), plain_cell(safe_cell("=1+1"))
    ("'=1+1", '红林小区-2', "a;'=1", '=1+1')
    """
    # A text that already looks guarded gets one more mark, so that the inverse stays exact.
    return _FORMULA.sub(rf"\1{_GUARD}", text)


def plain_cell(text: str) -> str:
    """Return the text `safe_cell` was given."""
    return _GUARDED.sub(r"\1", text)


def write_csv(path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum) -> list[str]:
    """Write CSV, points as lon/lat, other geometry as WKT; with the UTF-8 mark Excel needs, unless all is ASCII."""
    del layer
    geometries = [row.geometry for row in rows if row.geometry is not None]
    points = bool(geometries) and all(geometry.geom_type == "Point" for geometry in geometries)
    axes = ["lon", "lat"] if datum in (CGCS2000, WGS84) else ["x", "y"]
    extra = (axes if points else ["wkt"]) if geometries else []
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in (*columns, *extra)])
    for row in rows:
        cells = [_cell(row.properties.get(name)) for name in columns]
        writer.writerow([*cells, *(_place(row.geometry, points=points) if extra else [])])
    text = stream.getvalue()
    path.write_bytes(text.encode("ascii" if text.isascii() else "utf-8-sig"))
    return []


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)  # a negative number is no formula
    return safe_cell(_plain(value))


def _place(geometry: Geometry | None, *, points: bool) -> list[str]:
    if geometry is None:
        return ["", ""] if points else [""]
    if points:
        return [_number(geometry.x), _number(geometry.y)]
    return [shapely.to_wkt(geometry, rounding_precision=_DEGREE_DECIMALS, trim=True)]
