"""Measure the borders between polygons: how many metres two units share, away from barriers.

A valid coverage has equal edges on both sides of a border, so edges are matched exactly. Files made
elsewhere may node one side only, or round differently: there, edges that run along each other within
`TOUCH_M` are measured. What cannot be told (overlaps, strips of no one's land narrower than `STRIP_M`) is
refused by name, for a merge across it would tear or double the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.errors import CoverageBroken, Refused, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["STRIP_M", "TOUCH_M", "Borders", "measure_borders"]

TOUCH_M: Final = 0.2
STRIP_M: Final = 1.0
_STRIP_LEAST_M: Final = 30.0  # shorter ones are the notch where two outer borders part at a sharp angle
_ARC_PIECES: Final = 64
_LEAST_M: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """Perimeters, and the shared length of each touching pair i < j, in metres."""

    perimeters_m: NDArray[np.float64]
    pairs: NDArray[np.int64]
    shared_m: NDArray[np.float64]
    xy: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Edges of all rings: end points as the file has them, in metres, and their polygon."""

    raw: NDArray[np.float64]  # (m, 4)
    plane: NDArray[np.float64]  # (m, 4)
    owner: NDArray[np.int64]

    def take(self, which: NDArray[np.bool_]) -> _Edges:
        return _Edges(self.raw[which], self.plane[which], self.owner[which])


def measure_borders(
    geometries: Sequence[Any],
    *,
    ids: Sequence[str],
    metric: Any | None = None,
    barriers: Sequence[Any] = (),
    barrier_snap_m: float = 15.0,
) -> Borders:
    """Measure perimeters and shared borders.

    Parameters
    ----------
    geometries : sequence of shapely Polygon or MultiPolygon
        In degrees (CGCS2000) when `metric` is given, else in metres.
    ids : sequence of str, keyword
        Names for refusals.
    metric : Metric or None, keyword
        The plane to measure in.
    barriers : sequence of shapely lines, keyword
        Rivers, railways…, in the coordinates of `geometries`.
    barrier_snap_m : float, keyword
        Border nearer than this to a barrier does not count.

    Raises
    ------
    Refused
        A geometry is missing, empty, not a polygon, not finite or invalid (named).
    CoverageBroken
        Two units overlap, or leave a strip narrower than `STRIP_M` between them (named).
    """
    array = _checked(geometries, ids)
    plane = array if metric is None else metric.project(array)
    edges = _edges(array, plane)
    lengths = np.hypot(edges.plane[:, 2] - edges.plane[:, 0], edges.plane[:, 3] - edges.plane[:, 1])
    first, second = _matched(edges)
    pieces = edges.plane[first]
    pairs = np.sort(np.column_stack([edges.owner[first], edges.owner[second]]), axis=1)
    if not shapely.coverage_is_valid(plane, gap_width=STRIP_M):
        _refuse_overlaps(plane, ids)
        single = np.ones(len(lengths), dtype=bool)
        single[first] = single[second] = False
        more_pairs, more_pieces = _alongside(edges.take(single), ids)
        pairs, pieces = np.concatenate([pairs, more_pairs]), np.concatenate([pieces, more_pieces])
    shared = _away_from(pieces, barriers, metric, barrier_snap_m)
    key, place = np.unique(pairs[:, 0] * len(array) + pairs[:, 1], return_inverse=True)
    total = np.bincount(place, weights=shared, minlength=len(key)).astype(np.float64, copy=False)
    some = total > _LEAST_M
    centroids = shapely.get_coordinates(shapely.centroid(plane))
    couples = np.column_stack([key // len(array), key % len(array)])[some]
    return Borders(shapely.length(plane), couples, total[some], centroids)


def _checked(geometries: Sequence[Any], ids: Sequence[str]) -> Any:
    array = np.empty(len(geometries), dtype=object)
    array[:] = list(geometries)
    for row, (geometry, name) in enumerate(zip(array, ids, strict=True), start=1):
        fault = _fault(geometry)
        if fault:
            raise Refused(
                f"unit {name} {fault}",
                code="unit-geometry",
                where=Where(row=row, feature=str(name)),
                remedy="check and repair the file first, or leave the unit out",
            )
    return shapely.force_2d(array)


def _fault(geometry: Any) -> str:
    if geometry is None or shapely.is_empty(geometry):
        return "has no geometry"
    if shapely.get_type_id(geometry) not in (3, 6):
        return f"is no polygon but a {geometry.geom_type}"
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        return "has a coordinate that is not finite"
    if not shapely.is_valid(geometry):
        return f"is invalid: {shapely.is_valid_reason(geometry)}"
    return ""


def _edges(array: Any, plane: Any) -> _Edges:
    raw, owner, ring = _ring_points(array)
    metres = shapely.get_coordinates(plane)
    joined = ring[1:] == ring[:-1]
    keep = np.flatnonzero(joined & (raw[1:] != raw[:-1]).any(axis=1))
    return _Edges(
        np.column_stack([raw[keep], raw[keep + 1]]),
        np.column_stack([metres[keep], metres[keep + 1]]),
        owner[keep],
    )


def _ring_points(array: Any) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    parts, part_owner = shapely.get_parts(array, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    return points, part_owner[ring_part[ring]], ring


def _matched(edges: _Edges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of edges that two polygons have in common, vertex by vertex."""
    raw = edges.raw + 0.0  # no negative zeros
    swap = (raw[:, 0] > raw[:, 2]) | ((raw[:, 0] == raw[:, 2]) & (raw[:, 1] > raw[:, 3]))
    raw[swap] = raw[swap][:, [2, 3, 0, 1]]
    order = np.lexsort((edges.owner, raw[:, 3], raw[:, 2], raw[:, 1], raw[:, 0]))
    ranked = raw[order]
    same = (ranked[1:] == ranked[:-1]).all(axis=1) & (edges.owner[order][1:] != edges.owner[order][:-1])
    return order[:-1][same], order[1:][same]


def _refuse_overlaps(plane: Any, ids: Sequence[str]) -> None:
    tree = shapely.STRtree(plane)
    left, right = tree.query(plane, predicate="intersects")
    left, right = left[left < right], right[left < right]
    both = shapely.intersection(plane[left], plane[right])
    area, rim = shapely.area(both), shapely.length(both)
    wide = np.flatnonzero(area > np.maximum(rim * TOUCH_M / 2.0, TOUCH_M**2))
    if not len(wide):
        return
    worst = wide[np.argmax(area[wide])]
    first, second = ids[left[worst]], ids[right[worst]]
    raise CoverageBroken(
        f"units {first} and {second} overlap by {area[worst]:.1f} m² ({len(wide)} such pairs)",
        code="overlap",
        where=Where(row=int(right[worst]) + 1, feature=str(second)),
        remedy="run wangge repair on the file first",
    )


def _alongside(edges: _Edges, ids: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pieces of edges that run along an edge of another polygon without being equal to it."""
    lines = shapely.linestrings(edges.plane.reshape(-1, 2, 2))
    tree = shapely.STRtree(lines)
    left, right = tree.query(lines, predicate="dwithin", distance=STRIP_M)
    other = edges.owner[left] < edges.owner[right]
    left, right = left[other], right[other]
    pieces, found = _overlap_pieces(edges.plane[left], edges.plane[right], TOUCH_M)
    _refuse_strips(edges, left, right, found, ids)
    pairs = np.column_stack([edges.owner[left], edges.owner[right]])[found]
    return pairs, pieces[found]


def _refuse_strips(
    edges: _Edges, left: NDArray[np.int64], right: NDArray[np.int64], touching: NDArray[np.bool_], ids: Sequence[str]
) -> None:
    """Refuse pairs that run beside each other for metres, close but apart."""
    apart = ~touching
    pieces, found = _overlap_pieces(edges.plane[left[apart]], edges.plane[right[apart]], STRIP_M)
    length = np.hypot(pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1]) * found
    key = edges.owner[left[apart]] * len(ids) + edges.owner[right[apart]]
    pair, place = np.unique(key, return_inverse=True)
    total = np.bincount(place, weights=length, minlength=len(pair))
    wide = np.flatnonzero(total > _STRIP_LEAST_M)
    if not len(wide):
        return
    worst = wide[np.argmax(total[wide])]
    first, second = ids[pair[worst] // len(ids)], ids[pair[worst] % len(ids)]
    raise CoverageBroken(
        f"units {first} and {second} leave a strip narrower than {STRIP_M:g} m along {total[worst]:.0f} m "
        f"({len(wide)} such pairs)",
        code="gap",
        where=Where(row=int(pair[worst] % len(ids)) + 1, feature=str(second)),
        remedy="run wangge repair on the file first",
    )


def _overlap_pieces(
    a: NDArray[np.float64], b: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the piece of each edge a that lies beside edge b within `reach`, and whether there is one.

    Distance to the line of b is linear along a, so the piece is one interval of a.
    """
    start, along = a[:, :2], a[:, 2:] - a[:, :2]
    origin, across = b[:, :2], b[:, 2:] - b[:, :2]
    size = np.maximum(np.hypot(across[:, 0], across[:, 1]), np.finfo(np.float64).tiny)
    unit = across / size[:, None]
    rel = start - origin
    at = (rel * unit).sum(axis=1)
    step = (along * unit).sum(axis=1)
    off = rel[:, 0] * unit[:, 1] - rel[:, 1] * unit[:, 0]
    turn = along[:, 0] * unit[:, 1] - along[:, 1] * unit[:, 0]
    low, high = np.zeros(len(a)), np.ones(len(a))
    low, high = _clip(low, high, at, step, 0.0, size)
    low, high = _clip(low, high, off, turn, -reach, np.full(len(a), reach))
    parallel = np.abs(step) >= 0.9 * np.hypot(along[:, 0], along[:, 1])
    found = (high > low) & parallel
    low, high = np.where(found, low, 0.0), np.where(found, high, 0.0)
    begin, end = start + along * low[:, None], start + along * high[:, None]
    return np.column_stack([begin, end]), found


def _clip(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    at: NDArray[np.float64],
    step: NDArray[np.float64],
    least: float,
    most: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Narrow the interval of t to where ``least ≤ at + t·step ≤ most``."""
    flat = np.abs(step) < np.finfo(np.float64).tiny
    safe = np.where(flat, 1.0, step)
    one, two = (least - at) / safe, (most - at) / safe
    inside = (at >= least) & (at <= most)
    begin = np.where(flat, np.where(inside, -np.inf, np.inf), np.minimum(one, two))
    end = np.where(flat, np.where(inside, np.inf, -np.inf), np.maximum(one, two))
    return np.maximum(low, begin), np.minimum(high, end)


def _away_from(
    pieces: NDArray[np.float64], barriers: Sequence[Any], metric: Any | None, snap_m: float
) -> NDArray[np.float64]:
    """Length of each piece that is farther than `snap_m` from every barrier."""
    length: NDArray[np.float64] = np.hypot(pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1])
    lines = np.array([line for line in barriers if line is not None and not line.is_empty], dtype=object)
    if not len(lines) or not len(pieces):
        return length
    plane = shapely.force_2d(lines) if metric is None else metric.project(shapely.force_2d(lines))
    zone = shapely.buffer(shapely.union_all(plane), snap_m, quad_segs=_ARC_PIECES)
    shapely.prepare(zone)
    segments = shapely.linestrings(pieces.reshape(-1, 2, 2))
    near = np.flatnonzero(shapely.intersects(zone, segments))
    length[near] = shapely.length(shapely.difference(segments[near], zone))
    return length
