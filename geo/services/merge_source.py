"""The polygons of a file as units of a merge: read once, every row that cannot take part refused by name."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.crs import WGS84, Datum, Metric, geometry_to_cgcs2000, metric_for, parse_datum
from geo.errors import DatumRequired, NotFound, Refused, Where
from geo.formats import Dataset, Feature, read
from geo.formats.numerals import count_of
from geo.planning import Units, Weights, units_from_polygons
from geo.planning.asking import parse_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.model import Geometry
    from geo.planning.asking import Target
    from geo.planning.constraints import Count
    from geo.settings import Settings

__all__ = ["MergeFileRequest", "MergeSource", "read_counts", "read_source", "source_units"]

_AREAL: Final = frozenset({"Polygon", "MultiPolygon"})
_LIMITS_DEG: Final = (180.0, 90.0)
_CHINA_DEG: Final = (73.5, 136.5)
_UTM_NORTH, _UTM_SOUTH, _UTM_ZONES = 32600, 32700, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeFileRequest:
    """What is asked of a polygon file. Units are named by the values of the id field, or by position from 0.

    Attributes
    ----------
    grids, out, report : Path
        Polygons; result (``.csv`` holds ``id,group``, any other ending the merged polygons); report (JSON), if any.
    groups : int, (int, int) or "fewest"
        Exactly K, a band, or as few as the wishes allow (`geo.planning.asking.parse_target`).
    load : str
        Field that is balanced.
    within : str or None
        Field whose value groups never cross.
    id_field : str or None
        Field that names the units; their position in the file, from 0, when None.
    counts : mapping
        Number of groups, or a range, by value of `within` (`read_counts`).
    barriers : Path or None
        Lines or polygons that borders along them do not count across.
    curve : bool
        Also report every K: over the band, else from the K proposed up to today's number.
    trade_off : int
        Also report at most so many plans of the K proposed between balance and disruption; 0 for none.
    datum : str or None
        What the coordinates mean; None: what the file declares (GeoJSON that says nothing is WGS 84, RFC 7946).
    """

    grids: Path
    out: Path
    groups: Target
    load: str
    report: Path | None = None
    within: str | None = None
    id_field: str | None = None
    counts: Mapping[str, Count] = field(default_factory=dict)
    barriers: Path | None = None
    curve: bool = False
    trade_off: int = 0
    min_load: float | None = None
    max_load: float | None = None
    weights: Weights = field(default_factory=Weights)
    keep: Sequence[str] = ()
    together: Sequence[Sequence[str]] = ()
    apart: Sequence[Sequence[str]] = ()
    alternatives: int = 0
    seed: int = 0
    time_limit: float | None = None
    datum: str | None = None
    layer: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class MergeSource:
    """A file's polygons: as they stand there, and in degrees with the plane to measure in."""

    data: Dataset
    datum: Datum
    own: NDArray[np.object_]
    degrees: NDArray[np.object_]
    metric: Metric


def read_counts(path: Path) -> dict[str, Count]:
    """Return wished numbers of groups by label, from a table of two columns or a JSON object.

    A count is a number, a range ``A-B``, or, in a table of three columns, lowest and highest.

    Raises
    ------
    Refused
        A row holds no count (named), or a label stands twice.
    """
    rows = _json_counts(path) if path.suffix.lower() == ".json" else _table_counts(path)
    counts: dict[str, Count] = {}
    for row, label, text in rows:
        count, where = parse_count(text), Where(file=path.name, row=row, feature=label or None)
        if not label or count is None:
            raise Refused("这一行不是“名称, 个数”", code="count-invalid", where=where, remedy="个数写 7 或 6-8")
        if label in counts:
            raise Refused("同一名称出现两次", code="count-invalid", where=where, remedy="每个名称写一行")
        counts[label] = count
    return counts


def _json_counts(path: Path) -> list[tuple[int, str, str]]:
    try:
        held = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise Refused("读不出个数", code="json-broken", where=Where(file=path.name), remedy="检查文件") from error
    if not isinstance(held, dict):
        raise Refused("不是名称到个数的对象", code="count-invalid", where=Where(file=path.name), remedy='{"甲": 7}')
    texts = ["-".join(map(str, v)) if isinstance(v, list) else str(v) for v in held.values()]
    return [(row, _label(name), text) for row, (name, text) in enumerate(zip(held, texts, strict=True), start=1)]


def _table_counts(path: Path) -> list[tuple[int, str, str]]:
    rows = []
    for feature in read(path).features:
        cells = [_label(value) for value in feature.properties.values()]
        filled = [cell for cell in cells[1:] if cell]
        rows.append((feature.row, cells[0] if cells else "", "-".join(filled[:2])))
    return rows


def read_source(request: MergeFileRequest, *, settings: Settings) -> MergeSource:
    """Return the file's polygons, all of them or none.

    Raises
    ------
    Refused
        The file, or a row of it (named), holds no usable polygon.
    DatumRequired
        Nobody says what the coordinates mean.
    """
    data = read(request.grids, layer=request.layer, encoding=request.encoding, limits=settings.limits)
    where = Where(file=request.grids.name, layer=request.layer)
    if data.refused:  # a merge of what is left would tear a hole
        first = data.refused[0]
        raise Refused(first.message, code=first.code, where=first.where, remedy=first.remedy)
    if not data.features:
        raise Refused("文件里没有面图形", code="no-polygons", where=where, remedy="检查文件和图层")
    for feature in data.features:
        if feature.geometry is None or feature.geometry.geom_type not in _AREAL:
            fault = "没有图形" if feature.geometry is None else f"不是面而是 {feature.geometry.geom_type}"
            raise _bad_row(request, feature, fault, code="unit-geometry", remedy="删除该要素, 或补画面图形")
    own = np.empty(len(data.features), dtype=object)
    own[:] = [feature.geometry for feature in data.features]
    datum = _datum(request, data, own)
    degrees = geometry_to_cgcs2000(own, datum)
    return MergeSource(data, datum, own, degrees, _plane(degrees, where))


def _datum(request: MergeFileRequest, data: Dataset, shapes: Any) -> Datum:
    word = request.datum or data.declared_datum
    if word is not None:
        return parse_datum(word)
    west, south, east, north = shapely.total_bounds(shapes)
    in_degrees = max(abs(west), abs(east)) <= _LIMITS_DEG[0] and max(abs(south), abs(north)) <= _LIMITS_DEG[1]
    if data.format == "geojson" and in_degrees:
        return WGS84
    remedy = "加上 --datum, 例如 cgcs2000、wgs84 或 epsg:4552"
    raise DatumRequired("文件没有声明坐标系", where=Where(file=request.grids.name), remedy=remedy)


def _plane(degrees: Any, where: Where) -> Metric:
    """Return the zone the polygons are measured in: Gauss-Krüger in China, UTM elsewhere."""
    west, south, east, north = (float(v) for v in shapely.total_bounds(degrees))
    middle = (west + east) / 2.0
    if _CHINA_DEG[0] <= middle <= _CHINA_DEG[1] and south >= 0:
        metric = metric_for(middle)
    else:
        zone = min(max(int((middle + 180.0) // 6.0) + 1, 1), _UTM_ZONES)
        metric = Metric((_UTM_NORTH if south + north >= 0 else _UTM_SOUTH) + zone)
    if not np.isfinite(shapely.bounds(metric.project(degrees))).all():
        raise Refused("范围太大, 不能在一个投影带内量测", code="extent-too-wide", where=where, remedy="分成几个文件")
    return metric


def _bad_row(request: MergeFileRequest, feature: Feature, fault: str, *, code: str, remedy: str) -> Refused:
    name = _label(feature.properties.get(request.id_field)) if request.id_field else feature.name
    where = Where(file=request.grids.name, layer=feature.layer or None, row=feature.row, feature=name or None)
    return Refused(f"第 {feature.row} 行{fault}", code=code, where=where, remedy=remedy)


def source_units(request: MergeFileRequest, source: MergeSource, *, settings: Settings) -> Units:
    """Return the file's polygons as units.

    Raises
    ------
    NotFound
        A field is not there.
    Refused
        A row (named) lacks its load, parent or id, shares its id, or overlaps another.
    """
    _check_fields(request, source.data)
    features = source.data.features
    barriers: Sequence[Geometry] = ()
    if request.barriers is not None:
        barriers = _lines(request.barriers, request, settings)
    return units_from_polygons(
        source.degrees.tolist(),
        loads=[_load(request, feature) for feature in features],
        parents=None if request.within is None else [_text(request, f, request.within) for f in features],
        ids=_names(request, features),
        metric=source.metric,
        barriers=barriers,
        min_shared_edge_m=settings.min_shared_edge_m,
        barrier_snap_m=settings.barrier_snap_m,
    )


def _check_fields(request: MergeFileRequest, data: Dataset) -> None:
    for name in (request.load, request.within, request.id_field):
        if name is not None and name not in data.columns:
            where, remedy = Where(file=request.grids.name, column=name), f"字段: {'、'.join(data.columns)[:200]}"
            raise NotFound(f"没有字段 {name}", code="field-unknown", where=where, remedy=remedy)


def _names(request: MergeFileRequest, features: Sequence[Feature]) -> list[str]:
    if request.id_field is None:
        return [str(position) for position in range(len(features))]
    names = [_text(request, feature, request.id_field) for feature in features]
    seen: dict[str, int] = {}
    for feature, name in zip(features, names, strict=True):
        if name in seen:
            fault = f"的 {request.id_field} 与第 {seen[name]} 行相同"
            raise _bad_row(request, feature, fault, code="id-clash", remedy="换一个没有重复值的字段")
        seen[name] = feature.row
    return names


def _text(request: MergeFileRequest, feature: Feature, name: str) -> str:
    text = _label(feature.properties.get(name))
    if not text:
        raise _bad_row(request, feature, f"的 {name} 是空的", code="field-empty", remedy="补上该值")
    return text


def _label(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value).strip()


def _load(request: MergeFileRequest, feature: Feature) -> float:
    value = feature.properties.get(request.load)
    number = _number(value)
    if number is None or not math.isfinite(number) or number < 0:
        empty = value is None or value == "" or (isinstance(value, float) and math.isnan(value))
        fault = f"没有 {request.load}" if empty else f"的 {request.load} 不是不小于 0 的数"
        raise _bad_row(request, feature, fault, code="load-invalid", remedy="补上或改正该值, 或把该单元移出文件")
    return number


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            value = count_of(value)
    return float(value) if isinstance(value, (int, float)) else None


def _lines(path: Path, request: MergeFileRequest, settings: Settings) -> list[Geometry]:
    data = read(path, limits=settings.limits)
    shapes = np.array([f.geometry for f in data.features if f.geometry is not None], dtype=object)
    if not len(shapes):
        raise Refused("文件里没有线", code="no-lines", where=Where(file=path.name), remedy="检查文件和图层")
    word = data.declared_datum or request.datum
    datum = parse_datum(word) if word else _datum(request, data, shapes)
    return list(geometry_to_cgcs2000(shapes, datum))
