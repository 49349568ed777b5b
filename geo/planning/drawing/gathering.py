"""Grids gathered around the buildings a roster gives them: a seamless coverage of the community, along streets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.errors import Refused
from geo.planning.borders import measure_borders
from geo.planning.drawing.blocks import cut_blocks, gathered_shapes
from geo.planning.drawing.guides import REACH_M, cutting_lines
from geo.planning.drawing.remarks import Remark, RemarkCode, remark
from geo.planning.drawing.solids import Solids, bind_solids, bound, midlines, spread_over
from geo.topology.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric

__all__ = ["Gathered", "gather_grids"]

# A building known by a point alone is taken to be this wide.
_POINT_M: Final = 6.0
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Grids around buildings.

    Attributes
    ----------
    coverage : Coverage
        The grids, with their position among the names handed in as id, covering the ground exactly.
    owner : ndarray of int64, shape (h,)
        Grid each building lies in, by position among the names; -1 outside the ground.
    remarks : tuple of Remark
        Buildings in no list, grids without a building or in several parts, buildings across a border.
    """

    coverage: Coverage
    owner: NDArray[np.int64]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Houses:
    """The buildings: outlines in metres, words, whether they lie in the ground, and the grid that claims each."""

    outlines: NDArray[np.object_]
    labels: Sequence[str]
    inside: NDArray[np.bool_]
    claimed: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Site:
    """The ground, its guides, and the solids on it with the grid each belongs to."""

    ground: Any
    guides: NDArray[np.object_]
    solids: Solids
    label: NDArray[np.int64]
    metric: Metric


def gather_grids(
    ground: Any,
    *,
    names: Sequence[str],
    owner: Sequence[int] | NDArray[np.int64],
    buildings: Sequence[Any],
    labels: Sequence[str],
    lines: Sequence[Any],
    barriers: Sequence[Any] = (),
    metric: Metric,
    reach_m: float = REACH_M,
    barrier_snap_m: float = 15.0,
) -> Gathered:
    """Draw grids so that each holds the buildings it is said to have.

    Streets, rivers and railways cut the ground into blocks. A block goes to the grid whose buildings it holds; one
    with buildings of several is divided midway between them; one without any goes to the neighbour it shares most
    border with, and across a barrier only where there is no other. Buildings in no list go with the nearest one that
    is in some.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        The community, in degrees (CGCS2000).
    names : sequence of str
        Grids in order.
    owner : sequence of int, shape (h,)
        Grid of each building by position in `names`, -1 for none.
    buildings : sequence of Polygon or Point, shape (h,)
        Outlines or places in degrees.
    labels : sequence of str, shape (h,)
        Buildings in words, for remarks.
    lines, barriers : sequence of LineString
        All that may be cut along, and those of them that no grid should lie across, in degrees.
    metric : Metric
        Plane to measure in.

    Raises
    ------
    Refused
        No building in any list lies in the community.
    """
    ground_m = metric.project(ground)
    houses = _houses(ground_m, buildings, owner, labels, metric)
    if not (houses.claimed >= 0).any():
        raise Refused(
            "no building of this roster lies in the community",
            code="roster-empty",
            remedy="import the buildings first, and check the names of the compounds",
        )
    guides = cutting_lines(_projected([*lines, *barriers], metric), ground_m, reach_m=reach_m)
    site = _site(ground, houses, guides, metric)
    blocks, taken = _divided(site)
    return _told(site, blocks, _spread(blocks, taken, barriers, metric, barrier_snap_m), names, houses, [])


def _houses(
    ground_m: Any,
    buildings: Sequence[Any],
    owner: Sequence[int] | NDArray[np.int64],
    labels: Sequence[str],
    metric: Metric,
) -> _Houses:
    plane = _projected(buildings, metric)
    flat = shapely.get_dimensions(plane) < 2 if len(plane) else np.empty(0, bool)  # noqa: PLR2004 - no area
    outlines = np.where(flat, shapely.buffer(plane, _POINT_M / 2, cap_style="square"), plane)
    inside = shapely.intersects(ground_m, shapely.point_on_surface(outlines))
    claimed = np.where(inside, np.asarray(owner, dtype=np.int64).reshape(-1), _NOBODY)
    return _Houses(outlines, labels, inside, claimed)


def _projected(shapes: Sequence[Any], metric: Metric) -> NDArray[np.object_]:
    held = np.empty(len(shapes), dtype=object)
    held[:] = list(shapes)
    return np.asarray(metric.project(held), dtype=object) if len(held) else held


def _site(ground: Any, houses: _Houses, guides: NDArray[np.object_], metric: Metric) -> _Site:
    """Bind buildings that overlap: the grid with most of their number has them, buildings in no list go with theirs."""
    solids = bind_solids(houses.outlines[houses.inside], metric.project(ground))
    claimed = houses.claimed[houses.inside]
    label = np.full(len(solids), _NOBODY, dtype=np.int64)
    for i, members in enumerate(solids.members):
        votes = Counter(c for c in claimed[list(members)].tolist() if c != _NOBODY)
        label[i] = min(votes, key=lambda grid: (-votes[grid], grid), default=_NOBODY)
    return _Site(ground, guides, solids, _with_nearest(label, solids.shapes_m), metric)


def _with_nearest(label: NDArray[np.int64], shapes_m: NDArray[np.object_]) -> NDArray[np.int64]:
    """Give the buildings of no grid to that of the nearest one that has a grid."""
    full = label.copy()
    known, lost = np.flatnonzero(label != _NOBODY), np.flatnonzero(label == _NOBODY)
    if len(lost):
        full[lost] = label[known[shapely.STRtree(shapes_m[known]).nearest(shapes_m[lost])]]
    return full


def _divided(site: _Site) -> tuple[Coverage, list[int]]:
    """Cut the ground along streets, then blocks of several grids midway between their buildings.

    Returns
    -------
    Coverage, list of int
        Blocks, and the grid of each, -1 where it holds no building.
    """
    blocks = cut_blocks(site.ground, site.guides, metric=site.metric)
    between: list[Any] = []
    shapes_m = _projected(blocks.polygons(), site.metric)
    for cluster, held in _clusters(site, shapes_m):
        ground = shapely.union_all(shapes_m[list(cluster)])
        between += midlines(site.solids.shapes_m[held], site.label[held].tolist(), ground)
    if between:
        blocks = cut_blocks(site.ground, np.array([*site.guides, *between], dtype=object), metric=site.metric)
        shapes_m = _projected(blocks.polygons(), site.metric)
    taken = [_NOBODY] * len(blocks)
    for cluster, held in _clusters(site, shapes_m):
        areas = np.bincount(site.label[held], weights=shapely.area(site.solids.shapes_m[held]))
        for block in cluster:
            taken[block] = int(areas.argmax())
    return blocks, taken


def _clusters(site: _Site, shapes_m: NDArray[np.object_]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return the blocks that hold buildings, those under one building together, with the buildings in them."""
    held = spread_over(site.solids.shapes_m, shapes_m)
    pairs = [(own[0], other) for own in held for other in own[1:]]
    groups = bound(len(shapes_m), pairs)
    place = {block: i for i, group in enumerate(groups) for block in group}
    inside: dict[int, list[int]] = {}
    for solid, own in enumerate(held):
        if own:
            inside.setdefault(place[own[0]], []).append(solid)
    return [(groups[i], inside[i]) for i in sorted(inside)]


def _spread(
    blocks: Coverage, taken: list[int], barriers: Sequence[Any], metric: Metric, barrier_snap_m: float
) -> list[int]:
    """Give the blocks of nobody to neighbours, the longest shared border first; across barriers only at last."""
    names = [str(i) for i in range(len(blocks))]
    held = list(taken)
    for crossed in (list(barriers), []) if len(barriers) else ([],):
        borders = measure_borders(
            blocks.polygons(), ids=names, metric=metric, barriers=crossed, barrier_snap_m=barrier_snap_m
        )
        around: list[list[tuple[int, float]]] = [[] for _ in names]
        for (i, j), length in zip(borders.pairs.tolist(), borders.shared_m.tolist(), strict=True):
            around[i].append((j, length))
            around[j].append((i, length))
        while (best := _next_given(held, around)) is not None:
            held[best[0]] = best[1]
    return _with_nearest_block(held, _projected(blocks.polygons(), metric))


def _with_nearest_block(held: list[int], shapes_m: NDArray[np.object_]) -> list[int]:
    """Give parts of the ground that border on nothing to the grid that is nearest."""
    known = [i for i, grid in enumerate(held) if grid != _NOBODY]
    tree = shapely.STRtree(shapes_m[known])
    return [grid if grid != _NOBODY else held[known[int(tree.nearest(shapes_m[i]))]] for i, grid in enumerate(held)]


def _next_given(held: Sequence[int], around: Sequence[Sequence[tuple[int, float]]]) -> tuple[int, int] | None:
    """Return the block of nobody to give next, and to which grid.

    First one that brings parts of a grid together, then the one that shares most border with one grid.
    """
    same = ((i, j) for i, own in enumerate(around) for j, _ in own if i < j and held[i] == held[j] != _NOBODY)
    part = {block: n for n, group in enumerate(bound(len(held), same)) for block in group}
    best: tuple[bool, float, int, int] | None = None
    for block in (i for i, grid in enumerate(held) if grid == _NOBODY):
        shared: dict[int, float] = {}
        parts: dict[int, set[int]] = {}
        for other, length in around[block]:
            if held[other] != _NOBODY:
                shared[held[other]] = shared.get(held[other], 0.0) + length
                parts.setdefault(held[other], set()).add(part[other])
        for grid, length in shared.items():
            best = max(best or (False, 0.0, 0, 0), (len(parts[grid]) > 1, length, -block, -grid))
    return None if best is None else (-best[2], -best[3])


def _told(
    site: _Site, blocks: Coverage, taken: Sequence[int], names: Sequence[str], houses: _Houses, remarks: list[Remark]
) -> Gathered:
    """Put the blocks of each grid together and say what is odd about them."""
    present = sorted(set(taken))
    place = {grid: i for i, grid in enumerate(present)}
    shapes = gathered_shapes(blocks, [place[t] for t in taken], len(present))
    coverage = Coverage.build(shapes, ids=[str(g) for g in present])
    for grid, parts in zip(present, shapely.get_num_geometries(shapes).tolist(), strict=True):
        remarks += [remark(RemarkCode.IN_PARTS, grid=names[grid], what=str(parts))] if parts > 1 else []
    remarks += [remark(RemarkCode.NO_BUILDING, grid=name) for grid, name in enumerate(names) if grid not in place]
    spread = spread_over(houses.outlines, _projected(coverage.polygons(), site.metric))
    owner = np.full(len(spread), _NOBODY, dtype=np.int64)
    for house in np.flatnonzero(houses.inside).tolist():
        grids = [present[g] for g in spread[house]]
        owner[house] = grids[0]
        remarks += _odd(houses, house, grids, names)
    return Gathered(coverage, owner, tuple(remarks))


def _odd(houses: _Houses, house: int, grids: Sequence[int], names: Sequence[str]) -> list[Remark]:
    what, claimed = houses.labels[house], int(houses.claimed[house])
    if len(grids) > 1:
        return [remark(RemarkCode.BUILDING_CUT, grid="、".join(names[g] for g in sorted(grids)), what=what)]
    if claimed == _NOBODY:
        return [remark(RemarkCode.UNCLAIMED, grid=names[grids[0]], what=what)]
    return [] if claimed == grids[0] else [remark(RemarkCode.MISPLACED, grid=names[claimed], what=what)]
