"""KML, KMZ, ovkml and ovkmz by an own XML reader.

GDAL's reader turns 户数 and 人数 into one field and loses a value, so the elements are read as they
stand: ExtendedData of both kinds, facts in the description, folders as layers, inner boundaries, no
altitude. Documents with a DTD or entities are refused by defusedxml.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import defusedxml.ElementTree as SafeET
import numpy as np
import shapely
from defusedxml.common import DefusedXmlException

from geo.errors import EncodingUnknown, HostileFile, Refused, Where
from geo.formats.archive import open_archive
from geo.formats.dataset import Feature, Harvest, Source
from geo.formats.descriptions import read_description
from geo.formats.encoding import Decoded, canonical_encoding, decode
from geo.formats.numerals import strip_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geo.model import Geometry

__all__ = ["read_kml"]

_DECLARATION: Final = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"'][^>]*\?>")
_ANY_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MAX_DEPTH: Final = 64
_FOLDERS: Final = frozenset({"Folder", "Document"})
_SHAPES: Final = frozenset({"Polygon", "Point", "LineString", "LinearRing", "MultiGeometry"})
_RING_POSITIONS: Final = 4
_OVI: Final = (".ovkml", ".ovkmz")


class _FaultError(Exception):
    """A placemark's fault: code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def read_kml(source: Source) -> Harvest:
    """Read every placemark of a KML or KMZ.

    Raises
    ------
    Refused
        Not well-formed XML, or an archive without a KML.
    HostileFile
        Entities, a DTD, or elements nested too deeply.
    """
    harvest = Harvest(source)
    data, suffix = (source.data, source.path.suffix.lower()) if source.kind == "kml" else _unpack(source)
    _propose_datum(harvest, {suffix, source.path.suffix.lower()})
    decoded = _decode_xml(data, source, harvest)
    harvest.encoding, harvest.encoding_evidence = decoded.encoding, decoded.evidence
    try:
        for row, (placemark, folders) in enumerate(_placemarks(decoded.text, source), start=1):
            _read_placemark(row, placemark, folders, harvest)
    except DefusedXmlException as error:
        raise harvest.hostile("xml-entities", "XML 含有 DTD 或实体定义", "重新导出该文件") from error
    except (ET.ParseError, ValueError) as error:
        line = getattr(error, "position", (None,))[0]
        place = Where(file=source.name, row=line)
        raise Refused("不是完整的 KML", code="kml-broken", where=place, remedy="重新导出该文件") from error
    return harvest


def _unpack(source: Source) -> tuple[bytes, str]:
    archive = open_archive(source.data, limits=source.limits, file=source.name)
    found = [member for member in archive.members if member.suffix in {".kml", ".ovkml"}]
    if not found:
        raise Refused("压缩包内没有 KML", code="kmz-empty", where=Where(file=source.name), remedy="重新导出为 KMZ")
    root = next((member for member in found if member.name == "doc.kml"), found[0])
    return archive.read(root), root.suffix


def _propose_datum(harvest: Harvest, suffixes: set[str]) -> None:
    if suffixes & set(_OVI):
        harvest.proposed_datum = "gcj02"
        harvest.datum_evidence = "奥维 9.3.0 起导出的 ovkml/ovkmz 为 GCJ-02, 以前的版本为 WGS84: 请确认"
        harvest.warn("ovkml/ovkmz 的坐标可能是 GCJ-02 (火星坐标), 请确认后再导入")
    else:
        harvest.datum_evidence = "KML 名义上是 WGS84, 国内软件导出的常为 GCJ-02: 请声明"


def _decode_xml(data: bytes, source: Source, harvest: Harvest) -> Decoded:
    """Decode by the user's word, else by the XML declaration, else by detection."""
    place = Where(file=source.name)
    if source.encoding is not None:
        return decode(data, declared=source.encoding, where=place)
    stated = _DECLARATION.match(data.removeprefix(b"\xef\xbb\xbf"))
    encoding = canonical_encoding(stated.group(1).decode("ascii")) if stated else None
    if encoding is None or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return decode(data, where=place)
    try:
        found = decode(data, declared=encoding, where=place)
        return Decoded(found.text, found.encoding, f"XML 声明 {encoding}")
    except EncodingUnknown:
        found = decode(data, where=place)
        harvest.warn(f"XML 声明为 {encoding}, 实为 {found.encoding}")
        return found


def _local(tag: Any) -> str:
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def _placemarks(text: str, source: Source) -> Iterator[tuple[ET.Element, tuple[str, ...]]]:
    """Yield each placemark with the names of the folders around it, freeing memory as it goes."""
    body = _ANY_DECLARATION.sub("", text, count=1).lstrip("\ufeff \t\r\n").encode("utf-8")
    stack: list[ET.Element] = []
    names: list[str] = []
    seen_root = False
    for event, element in SafeET.iterparse(io.BytesIO(body), events=("start", "end"), forbid_dtd=True):
        tag = _local(element.tag)
        if event == "start":
            _check_start(stack, tag, source=source, seen_root=seen_root)
            seen_root = True
            stack.append(element)
            names.append("")
            continue
        stack.pop()
        names.pop()
        if tag == "name" and stack and _local(stack[-1].tag) in _FOLDERS:
            names[-1] = strip_marks(element.text or "")
        elif tag == "Placemark":
            yield element, _folder_names(stack, names)
        if tag == "Placemark" and stack:
            stack[-1].remove(element)


def _check_start(stack: list[ET.Element], tag: str, *, source: Source, seen_root: bool) -> None:
    if len(stack) >= _MAX_DEPTH:
        message, remedy = "XML 嵌套过深", "重新导出该文件"
        raise HostileFile(message, code="too-deep", where=Where(file=source.name), remedy=remedy)
    if not seen_root and tag not in {"kml", "Document", "Folder", "Placemark"}:
        raise Refused("不是 KML 文件", code="kml-broken", where=Where(file=source.name), remedy="重新导出为 KML")


def _folder_names(stack: list[ET.Element], names: list[str]) -> tuple[str, ...]:
    """Names of the folders around, outermost first; the document's own name only where no folder has one."""
    folders = [n for e, n in zip(stack, names, strict=True) if _local(e.tag) == "Folder" and n]
    documents = [n for e, n in zip(stack, names, strict=True) if _local(e.tag) == "Document" and n]
    return tuple(folders or documents[-1:])


def _read_placemark(row: int, placemark: ET.Element, folders: tuple[str, ...], harvest: Harvest) -> None:
    layer = folders[-1] if folders else Path(harvest.source.name).stem
    harvest.layers.setdefault(layer)
    if harvest.source.layer is not None and layer != harvest.source.layer:
        return
    name = strip_marks(_child_text(placemark, "name"))
    properties: dict[str, Any] = {"name": name} if name else {}
    if len(folders) > 1:
        properties["文件夹"] = "/".join(folders)
    properties |= _extended(placemark)
    facts, left = read_description(_child_text(placemark, "description"))
    properties |= {key: value for key, value in facts.items() if key not in properties}
    if left:
        properties.setdefault("description", left)
    try:
        geometry = _geometry(placemark, harvest)
    except _FaultError as fault:
        code, message = fault.args
        harvest.refuse(row, code, message, "在原软件中改正后重新导出", layer=layer, feature=name)
        return
    harvest.take(Feature(row, properties, geometry, layer, name))


def _child_text(element: ET.Element, tag: str) -> str:
    found = next((child for child in element if _local(child.tag) == tag), None)
    return "" if found is None else "".join(found.itertext())


def _extended(placemark: ET.Element) -> dict[str, str]:
    facts: dict[str, str] = {}
    for element in placemark.iter():
        tag, key = _local(element.tag), element.get("name", "").strip()
        if tag == "Data" and key:
            facts[key] = strip_marks(_child_text(element, "value"))
        elif tag == "SimpleData" and key:
            facts[key] = strip_marks("".join(element.itertext()))
    return facts


def _geometry(placemark: ET.Element, harvest: Harvest) -> Geometry:
    shapes = [child for child in placemark if _local(child.tag) in _SHAPES]
    parts = [part for shape in shapes for part in _shape_parts(shape, harvest)]
    if not parts:
        raise _FaultError("geometry-missing", "没有图形")
    return parts[0] if len(parts) == 1 else _multi(parts)


def _multi(parts: list[Geometry]) -> Geometry:
    kinds = {part.geom_type for part in parts}
    for kind, build in (
        ("Polygon", shapely.MultiPolygon),
        ("LineString", shapely.MultiLineString),
        ("Point", shapely.MultiPoint),
    ):
        if kinds == {kind}:
            return build(parts)
    return shapely.GeometryCollection(parts)


def _shape_parts(shape: ET.Element, harvest: Harvest) -> Iterator[Geometry]:
    tag = _local(shape.tag)
    if tag == "MultiGeometry":
        for child in shape:
            yield from _shape_parts(child, harvest)
    elif tag == "Polygon":
        yield _polygon(shape, harvest)
    elif tag in {"Point", "LineString", "LinearRing"}:
        yield _simple(tag, _positions(shape))


def _simple(tag: str, positions: NDArray[np.float64]) -> Geometry:
    if tag == "Point" and len(positions) == 1:
        return shapely.Point(positions[0])
    if tag != "Point" and len(positions) >= 2:  # noqa: PLR2004 - a line has two ends
        return shapely.LineString(positions)
    raise _FaultError("geometry-broken", "点数不对")


def _polygon(shape: ET.Element, harvest: Harvest) -> Geometry:
    outer: list[NDArray[np.float64]] = []
    inner: list[NDArray[np.float64]] = []
    for boundary in shape:
        tag = _local(boundary.tag)
        if tag in {"outerBoundaryIs", "innerBoundaryIs"}:
            rings = [_ring(ring, harvest) for ring in boundary if _local(ring.tag) == "LinearRing"]
            (outer if tag == "outerBoundaryIs" else inner).extend(rings)
    if len(outer) != 1:
        raise _FaultError("geometry-broken", "多边形应恰有一个外边界")
    return shapely.Polygon(outer[0], inner)


def _ring(ring: ET.Element, harvest: Harvest) -> NDArray[np.float64]:
    positions = _positions(ring)
    if len(positions) and (positions[0] != positions[-1]).any():
        positions = np.vstack([positions, positions[:1]])
        harvest.warn("未闭合的边界已闭合")
    if len(positions) < _RING_POSITIONS:
        raise _FaultError("ring-too-short", "边界少于 3 个不同的点")
    return positions


def _positions(shape: ET.Element) -> NDArray[np.float64]:
    """Return an (n, 2) array of a coordinates element; altitude is dropped, axis order kept."""
    pairs = []
    for token in _child_text(shape, "coordinates").split():
        numbers = token.split(",")
        if len(numbers) not in (2, 3):
            raise _FaultError("geometry-broken", "坐标应写作 经度,纬度")
        pairs.append([_number(number) for number in numbers[:2]])
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _number(text: str) -> float:
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        raise _FaultError("coordinate-not-finite", "坐标不是有限数值 (NaN 或 Infinity)")
    if not _NUMBER.fullmatch(text):
        raise _FaultError("coordinate-type", "坐标不是数值")
    value = float(text)
    if not np.isfinite(value):
        raise _FaultError("coordinate-not-finite", "坐标不是有限数值 (NaN 或 Infinity)")
    return value
