"""Solids: what no border may cut. Compounds and buildings, those that overlap taken as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Solids", "bind_solids", "bound", "midlines", "spread_over"]

# As in `geo.services.splits`: a border along a wall touches, it does not cut.
_LEAST_M2: Final = 1.0
_LEAST_SHARE: Final = 0.01
_NOTHING_M2: Final = 1e-3
_SHRUNK_M: Final = 0.3
_STEP_M: Final = 2.0
_SMOOTH_M: Final = 1.5
_BEYOND_M: Final = 1.0
_AROUND_M: Final = 60.0
_IRREGULAR_M: Final = 0.04
# Powers of the plastic number: steps that fill a square evenly without ever forming rows.
_STEPS: Final = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True, slots=True, eq=False)
class Solids:
    """Outlines that stay whole.

    Attributes
    ----------
    shapes_m : ndarray of polygons, shape (s,)
        In metres, clipped to the ground, none overlapping another.
    members : tuple of tuple of int
        Positions of the outlines handed in that make up each.
    """

    shapes_m: NDArray[np.object_]
    members: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)


def bind_solids(outlines_m: Sequence[Any] | NDArray[np.object_], ground_m: Any) -> Solids:
    """Bind outlines that overlap by more than 1 m² into solids, in order of their first member.

    Parameters
    ----------
    outlines_m : sequence of Polygon or MultiPolygon
        Compounds and buildings in metres; empty, invalid and outlying ones are passed over.
    ground_m : Polygon or MultiPolygon
        What lies beyond it is clipped away: it is on another grid's ground.
    """
    array = np.empty(len(outlines_m), dtype=object)
    array[:] = list(outlines_m)
    usable = np.array([o is not None and o.is_valid and not o.is_empty for o in array], dtype=bool)
    inside = np.flatnonzero(usable)
    clipped = shapely.intersection(array[inside], ground_m) if len(inside) else array[:0]
    held = shapely.area(clipped) > _LEAST_M2
    inside, clipped = inside[held], clipped[held]
    left, right = shapely.STRtree(clipped).query(clipped, predicate="intersects")
    over = (left < right) & (shapely.area(shapely.intersection(clipped[left], clipped[right])) > _LEAST_M2)
    groups = bound(len(clipped), zip(left[over].tolist(), right[over].tolist(), strict=True))
    shapes = np.empty(len(groups), dtype=object)
    shapes[:] = [shapely.union_all(clipped[list(group)]) for group in groups]
    return Solids(shapes, tuple(tuple(inside[list(group)].tolist()) for group in groups))


def bound(count: int, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Return the groups that pairs bind 0 … count-1 into, each sorted, in order of their first member."""
    root = list(range(count))

    def top(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for a, b in pairs:
        low, high = sorted((top(a), top(b)))
        root[high] = low
    groups: dict[int, list[int]] = {}
    for i in range(count):
        groups.setdefault(top(i), []).append(i)
    return [tuple(group) for group in groups.values()]


def spread_over(shapes_m: NDArray[np.object_], blocks_m: NDArray[np.object_]) -> list[tuple[int, ...]]:
    """Return for each outline the blocks it lies in, the one with most of it first; slight overlaps do not count."""
    found: list[list[tuple[float, int]]] = [[] for _ in range(len(shapes_m))]
    which, block = shapely.STRtree(blocks_m).query(shapes_m, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes_m[which], blocks_m[block]))
    least = np.maximum(_LEAST_M2, _LEAST_SHARE * shapely.area(shapes_m))[which]
    for i, j, area, slight in zip(
        which.tolist(), block.tolist(), shared.tolist(), (shared <= least).tolist(), strict=True
    ):
        found[i].append((area if slight else -area, j))
    return [
        tuple(j for area, j in sorted(rows) if area < 0) or tuple(j for _, j in sorted(rows)[-1:]) for rows in found
    ]


def midlines(shapes_m: NDArray[np.object_], label: Sequence[int], ground_m: Any) -> list[Any]:
    """Return lines midway between outlines of different labels, within a ground and a metre beyond its border.

    The Voronoi cells of points along the outlines, dissolved by label and smoothed by up to 1.5 m where that cuts no
    outline.

    Parameters
    ----------
    shapes_m : ndarray of polygons, shape (s,)
        In metres; those of different labels do not overlap.
    label : sequence of int, shape (s,)
    ground_m : Polygon or MultiPolygon

    Returns
    -------
    list of LineString
        In metres; empty where all labels are one.
    """
    labels = sorted(set(label))
    if len(labels) < 2:  # noqa: PLR2004 - between needs two
        return []
    cells = _cells(shapes_m, np.array(label), labels, ground_m)
    smooth = shapely.coverage_simplify(cells, _SMOOTH_M)
    own = [shapely.union_all(shapes_m[np.array(label) == k]) for k in labels]
    kept = smooth if bool((shapely.area(shapely.difference(own, smooth)) <= _NOTHING_M2).all()) else cells
    left, right = np.triu_indices(len(labels), k=1)
    edges = shapely.intersection(shapely.boundary(kept[left]), shapely.boundary(kept[right]))
    within = shapely.intersection(shapely.union_all(edges), shapely.buffer(ground_m, _BEYOND_M))
    lines = [p for p in shapely.get_parts(within).tolist() if p.geom_type == "LineString" and p.length > 0]
    return sorted(
        shapely.get_parts(shapely.line_merge(shapely.MultiLineString(lines))).tolist() if lines else [],
        key=lambda line: shapely.get_coordinates(line).tolist(),
    )


def _cells(
    shapes_m: NDArray[np.object_], label: NDArray[np.int64], labels: Sequence[int], ground_m: Any
) -> NDArray[np.object_]:
    """Return the ground nearest to the outlines of each label, as a coverage of the surroundings."""
    shrunk = shapely.buffer(shapes_m, -_SHRUNK_M)
    source = np.where(shapely.is_empty(shrunk), shapes_m, shrunk)
    points, owner = shapely.get_coordinates(shapely.segmentize(source, _STEP_M), return_index=True)
    points = points + _irregular(len(points))
    around = shapely.buffer(shapely.envelope(ground_m), _AROUND_M)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=around))
    # The point nearest to any place inside a cell is the cell's own.
    told = label[owner[shapely.STRtree(shapely.points(points)).nearest(shapely.point_on_surface(cells))]]
    joined = np.empty(len(labels), dtype=object)
    joined[:] = [shapely.union_all(cells[told == k]) for k in labels]
    return joined


def _irregular(count: int) -> NDArray[np.float64]:
    """Return offsets of up to 2 cm, always the same ones, that keep points off common lines and circles.

    Walls stand in rows; cells of points of which many lie on one circle come out invalid.

    References
    ----------
    M. Roberts, "The unreasonable effectiveness of quasirandom sequences" (2018): the R2 sequence.
    """
    return (np.outer(np.arange(1, count + 1), _STEPS) % 1.0 - 0.5) * _IRREGULAR_M
