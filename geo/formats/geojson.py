"""GeoJSON read strictly (RFC 7946), feature by feature, with everything doubtful named.

The standard decoder takes NaN, and of two equal keys the last one wins in silence; both are caught
here and refused with the feature's number, while the good features are kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.crs import datum_word
from geo.errors import HostileFile, Refused, Where
from geo.formats.dataset import Feature, Harvest, Source, name_of
from geo.formats.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from geo.model import Geometry

__all__ = ["read_geojson"]

_RING_POSITIONS: Final = 4
_MAX_INT_DIGITS: Final = 18
_OWN_DATUMS: Final = ("cgcs2000", "wgs84")
_COLLECTION: Final = "GeometryCollection"


class _Doubled(dict[str, Any]):
    """An object that had two equal keys."""


class _FaultError(Exception):
    """A feature's fault: code and message."""

    def __init__(self, code: str, message: str, remedy: str = "改正或删除该要素") -> None:
        super().__init__(message)
        self.args = (code, message, remedy)


def read_geojson(source: Source) -> Harvest:
    """Read FeatureCollection, Feature or bare geometry; unclosed rings are closed with a warning.

    Raises
    ------
    Refused
        Not JSON, or no GeoJSON object.
    HostileFile
        Nested deeper than allowed.
    """
    harvest = Harvest(source)
    decoded = decode(source.data, declared=source.encoding, where=Where(file=source.name))
    harvest.encoding, harvest.encoding_evidence = decoded.encoding, decoded.evidence
    document = _parse(decoded.text, source)
    if not isinstance(document, dict):
        raise _refused(source, "不是 GeoJSON 对象")
    _read_crs(document, harvest)
    for row, member in enumerate(_members(document, source), start=1):
        _read_feature(row, member, harvest)
    return harvest


def _parse(text: str, source: Source) -> Any:
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except RecursionError as error:
        raise _too_deep(source) from error
    except ValueError as error:
        line = getattr(error, "lineno", None)
        place = Where(file=source.name, row=line)
        raise Refused("不是有效的 JSON", code="json-broken", where=place, remedy="重新导出该文件") from error
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Doubled(members)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else float(digits)


def _members(document: dict[str, Any], source: Source) -> Sequence[Any]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise _refused(source, "FeatureCollection 缺少 features 数组")
        return features
    if kind == "Feature":
        return [document]
    if kind == _COLLECTION or kind in _BUILDERS:
        return [{"type": "Feature", "properties": {}, "geometry": document}]
    raise _refused(source, "缺少 GeoJSON 的 type")


def _read_crs(document: dict[str, Any], harvest: Harvest) -> None:
    crs = document.get("crs")
    own = document.get("datum")  # the foreign member our own exports carry
    if crs is None and own in _OWN_DATUMS:
        harvest.declared_datum, harvest.datum_evidence = own, f"datum 成员: {own}"
    elif crs is None:
        harvest.datum_evidence = "文件没有声明坐标系"
    else:
        _read_crs_member(crs, harvest)


def _read_crs_member(crs: Any, harvest: Harvest) -> None:
    named = crs.get("properties") if isinstance(crs, dict) else None
    text = named.get("name") if isinstance(named, dict) else None
    word, evidence = datum_word(text if isinstance(text, str) else "")
    harvest.declared_datum, harvest.datum_evidence = word, f"crs 成员: {evidence}"


def _read_feature(row: int, member: Any, harvest: Harvest) -> None:
    name, layer = "", ""
    try:
        properties = _properties(member, harvest.source.limits.json_depth)
        name = name_of(properties)
        geometry = _geometry(member.get("geometry"), row=row, harvest=harvest)
        harvest.take(Feature(row, properties, geometry, layer, name))
    except _FaultError as fault:
        code, message, remedy = fault.args
        harvest.refuse(row, code, message, remedy, feature=name)


def _properties(member: Any, depth: int) -> dict[str, Any]:
    if not isinstance(member, dict) or member.get("type") != "Feature":
        raise _FaultError("feature-type", "不是 Feature 对象")
    if isinstance(member, _Doubled):
        raise _FaultError("duplicate-key", "同一对象内有重复的键")
    properties = member.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise _FaultError("properties-type", "properties 不是对象")
    _check_values(properties, depth)
    if "id" in member and "id" not in properties and isinstance(member["id"], (str, int)):
        properties = {"id": member["id"], **properties}
    return properties


def _check_values(value: Any, depth: int) -> None:
    if depth <= 0:
        raise _FaultError("too-deep", "properties 嵌套过深")
    if isinstance(value, _Doubled):
        raise _FaultError("duplicate-key", "properties 内有重复的键")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_values(key, depth - 1)
            _check_values(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, depth - 1)
    elif isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise _FaultError("surrogate", "文字含有残缺的字符 (代理项)")
    elif isinstance(value, float) and not np.isfinite(value):
        raise _FaultError("number-not-finite", "属性值不是有限数值 (NaN 或 Infinity)")


def _geometry(value: Any, *, row: int, harvest: Harvest) -> Geometry | None:
    if value is None:
        raise _FaultError("geometry-missing", "没有图形", "补画图形或删除该要素")
    if not isinstance(value, dict):
        raise _FaultError("geometry-type", "geometry 不是对象")
    if isinstance(value, _Doubled):
        raise _FaultError("duplicate-key", "geometry 内有重复的键")
    kind = value.get("type")
    if kind == _COLLECTION:
        return _collection(value, row=row, harvest=harvest)
    if not isinstance(kind, str) or kind not in _BUILDERS:
        raise _FaultError("geometry-type", "图形类型不认识")
    try:
        return _BUILDERS[kind](value.get("coordinates"), harvest)
    except (ValueError, TypeError, shapely.errors.GEOSException) as error:
        raise _FaultError("geometry-broken", "坐标不能构成图形") from error


def _collection(value: dict[str, Any], *, row: int, harvest: Harvest) -> Geometry:
    members = value.get("geometries")
    if not isinstance(members, list):
        raise _FaultError("geometry-type", "GeometryCollection 缺少 geometries")
    if any(isinstance(inner, dict) and inner.get("type") == _COLLECTION for inner in members):
        raise _FaultError("too-deep", "GeometryCollection 嵌套")
    return shapely.GeometryCollection([_geometry(inner, row=row, harvest=harvest) for inner in members])


def _positions(value: Any) -> NDArray[np.float64]:
    """Return an (n, 2) array of a list of positions; only numbers pass, altitude is dropped."""
    if not isinstance(value, list) or not all(isinstance(position, list) for position in value):
        raise _FaultError("geometry-broken", "坐标不是数组")
    if not all(2 <= len(position) <= 4 for position in value):  # noqa: PLR2004 - x, y, z, m
        raise _FaultError("geometry-broken", "坐标应有 2 个数值")
    if not {type(number) for position in value for number in position} <= {int, float}:
        raise _FaultError("coordinate-type", "坐标不是数值")
    return np.array([position[:2] for position in value], dtype=np.float64).reshape(-1, 2)


def _ring(value: Any, harvest: Harvest) -> NDArray[np.float64]:
    ring = _positions(value)
    if len(ring) and np.isfinite(ring).all() and (ring[0] != ring[-1]).any():
        ring = np.vstack([ring, ring[:1]])
        harvest.warn("未闭合的边界已闭合")
    if not np.isfinite(ring).all():
        raise _FaultError("coordinate-not-finite", "坐标不是有限数值 (NaN 或 Infinity)")
    if len(ring) < _RING_POSITIONS:
        raise _FaultError("ring-too-short", "边界少于 3 个不同的点")
    return ring


def _polygon(value: Any, harvest: Harvest) -> Geometry:
    if not isinstance(value, list) or not value:
        raise _FaultError("geometry-broken", "多边形没有边界")
    rings = [_ring(ring, harvest) for ring in value]
    return shapely.Polygon(rings[0], rings[1:])


def _line(value: Any, _: Harvest) -> Geometry:
    return shapely.LineString(_positions(value))


def _point(value: Any, _: Harvest) -> Geometry:
    return shapely.Point(_positions([value])[0])


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _FaultError("geometry-broken", "图形为空")
    return value


_BUILDERS: Final[dict[str, Callable[[Any, Harvest], Geometry]]] = {
    "Point": _point,
    "LineString": _line,
    "Polygon": _polygon,
    "MultiPoint": lambda value, _: shapely.MultiPoint(_positions(value)),
    "MultiLineString": lambda value, h: shapely.MultiLineString([_line(part, h) for part in _listed(value)]),
    "MultiPolygon": lambda value, h: shapely.MultiPolygon([_polygon(part, h) for part in _listed(value)]),
}


def _refused(source: Source, message: str) -> Refused:
    return Refused(
        message, code="geojson-broken", where=Where(file=source.name), remedy="重新导出为 GeoJSON (RFC 7946)"
    )


def _too_deep(source: Source) -> HostileFile:
    return HostileFile("JSON 嵌套过深", code="too-deep", where=Where(file=source.name), remedy="重新导出该文件")
