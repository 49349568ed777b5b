"""From chains back to rings and polygons: walk each face's boundary with the face on the left."""

from __future__ import annotations

from collections import defaultdict
from functools import cmp_to_key, partial
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.errors import CoverageBroken
from geo.topology.chains import Lattice, signed_area2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.model import Geometry

__all__ = ["canonical_ring", "close_walks", "polygon_from_rings", "polygons_from_rings"]

_Point = tuple[int, int]


def canonical_ring(ring: Lattice) -> Lattice:
    """Turn an open ring so that it begins at its lexicographically smallest vertex."""
    smallest = np.lexsort((ring[:, 1], ring[:, 0]))[0]
    return ring if smallest == 0 else np.roll(ring, -int(smallest), axis=0)


def close_walks(pieces: Sequence[Lattice]) -> list[Lattice]:
    """Join directed runs of one face's boundary into simple rings.

    Parameters
    ----------
    pieces : sequence of (k, 2) int64
        Runs with the face on the left, each from node to node (or closed).

    Returns
    -------
    list of (k, 2) int64
        Open rings in canonical order: shells counter-clockwise, holes clockwise. Where a face touches itself in a
        vertex the rings are parted there, as the simple-features model wants it.
    """
    rings: list[Lattice] = []
    leaving: dict[_Point, list[Lattice]] = defaultdict(list)
    for piece in pieces:
        if (piece[0] == piece[-1]).all():
            rings.append(piece[:-1])
        else:
            leaving[_point(piece[0])].append(piece)
    pinched = any(len(runs) > 1 for runs in leaving.values())
    while leaving:
        walk = _walk(leaving)
        rings += _part(walk) if pinched else [walk]
    rings = [canonical_ring(r) for r in rings]
    return sorted(rings, key=lambda r: (_point(r[0]), _point(r[1])))


def _point(row: Lattice) -> _Point:
    return int(row[0]), int(row[1])


def _walk(leaving: dict[_Point, list[Lattice]]) -> Lattice:
    """Follow runs from the smallest node until it is reached again, keeping to the face on the left."""
    start = min(leaving)
    run = _take(leaving, start, None)
    walk = [run[:-1]]
    while _point(run[-1]) != start:
        if _point(run[-1]) not in leaving:
            raise CoverageBroken("the boundary of a grid does not close", code="ring-open", remedy="repair the file")
        run = _take(leaving, _point(run[-1]), run)
        walk.append(run[:-1])
    return np.concatenate(walk)


def _take(leaving: dict[_Point, list[Lattice]], node: _Point, arriving: Lattice | None) -> Lattice:
    """Take the run that leaves `node` first clockwise from where the walk came from."""
    runs = leaving[node]
    chosen = 0
    if len(runs) > 1 and arriving is not None:
        back = _vector(arriving[-1], arriving[-2])
        turns = cmp_to_key(partial(_compare_clockwise, back))
        chosen = min(range(len(runs)), key=lambda i: turns(_vector(runs[i][0], runs[i][1])))
    run = runs.pop(chosen)
    if not runs:
        del leaving[node]
    return run


def _vector(origin: Lattice, target: Lattice) -> _Point:
    return int(target[0]) - int(origin[0]), int(target[1]) - int(origin[1])


def _cross(a: _Point, b: _Point) -> int:
    return a[0] * b[1] - a[1] * b[0]


def _compare_clockwise(back: _Point, a: _Point, b: _Point) -> int:
    """Order two directions by their clockwise turn from `back`; Python integers, hence exact."""
    late_a, late_b = _cross(back, a) > 0, _cross(back, b) > 0
    if late_a != late_b:
        return 1 if late_a else -1
    turn = _cross(a, b)
    return (turn > 0) - (turn < 0)


def _part(walk: Lattice) -> list[Lattice]:
    """Part a closed walk at the vertices it visits more than once."""
    loops: list[Lattice] = []
    path: list[_Point] = []
    seen: set[_Point] = set()
    for x, y in walk.tolist():
        if (x, y) in seen:
            at = path.index((x, y))
            loops.append(np.array(path[at:], np.int64))
            seen.difference_update(path[at + 1 :])
            del path[at + 1 :]
        else:
            path.append((x, y))
            seen.add((x, y))
    loops.append(np.array(path, np.int64))
    return loops


def polygons_from_rings(rings: Sequence[Sequence[Lattice]]) -> NDArray[np.object_]:
    """Return one polygon or multipolygon (degrees) for each face's list of rings; one shell each is the fast way."""
    shapes = np.empty(len(rings), dtype=object)
    single = [i for i, own in enumerate(rings) if len(own) == 1]
    if single:
        sizes = np.array([len(rings[i][0]) for i in single])
        degrees = crs.from_lattice(np.concatenate([rings[i][0] for i in single]))
        shapes[single] = shapely.polygons(
            shapely.linearrings(degrees, indices=np.repeat(np.arange(len(single)), sizes))
        )
    for i, own in enumerate(rings):
        if len(own) != 1:
            shapes[i] = polygon_from_rings(own)
    return shapes


def polygon_from_rings(rings: Sequence[Lattice]) -> Geometry:
    """Return the polygon or multipolygon (degrees) of counter-clockwise shells and clockwise holes."""
    shells = [r for r in rings if signed_area2(r) > 0]
    holes = [r for r in rings if signed_area2(r) < 0]
    outlines = [shapely.Polygon(crs.from_lattice(s)) for s in shells]
    own: list[list[NDArray[np.float64]]] = [[] for _ in shells]
    for hole in holes:
        ring = crs.from_lattice(hole)
        own[_smallest_around(outlines, shapely.Polygon(ring))].append(ring)
    parts = [shapely.Polygon(crs.from_lattice(s), holes=h) for s, h in zip(shells, own, strict=True)]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _smallest_around(outlines: Sequence[Geometry], hole: Geometry) -> int:
    """Return which outline holds a hole: of nested islands the innermost."""
    around = [i for i, outline in enumerate(outlines) if shapely.covers(outline, hole)]
    if not around:
        raise CoverageBroken("a hole lies in no grid", code="hole-outside", remedy="repair the file")
    return min(around, key=lambda i: float(shapely.area(outlines[i])))
