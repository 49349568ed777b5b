"""An oversized grid divided into balanced, connected parts along streets and rivers; no compound is cut."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.errors import Refused
from geo.locate import GridIndex
from geo.planning.constraints import Constraints, Weights
from geo.planning.drawing.blocks import cut_blocks, lines_between
from geo.planning.drawing.coarsening import coarse_pairs, joined_blocks
from geo.planning.drawing.guides import REACH_M, cutting_lines
from geo.planning.drawing.solids import Solids, bind_solids, midlines, spread_over
from geo.planning.proposal import Status
from geo.planning.propose import propose
from geo.planning.units import units_from_polygons

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.planning.proposal import Proposal
    from geo.planning.units import Units
    from geo.topology.coverage import Coverage

__all__ = ["Division", "Load", "Terrain", "divide_ground"]

# Nobody of this grid changes worker before another: what counts is balance, and short borders.
_WEIGHTS: Final = Weights(balance=1.0, compactness=0.25, disruption=0.0)
_SLIVER_M: Final = 4.0
_ALONG_M: Final = 3.0
_SECONDS: Final = 20.0
# More blocks than this are coarsened first: to gather very many into very few with proof takes minutes.
_MOST_BLOCKS: Final = 14
_BLOCKS_A_PART: Final = 5
_SHARES: Final = 4.0
# Blocks that fit badly may need more parts than the load does, but not more than so many times as many.
_MOST_TIMES: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Where the load lies: points in degrees (CGCS2000), and what each weighs."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return math.fsum(self.weight.tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """How a ground is divided.

    Attributes
    ----------
    lines : tuple of lines
        Borders between the parts as [lon, lat] lists: what a split edit cuts along.
    loads : tuple of float
        Load of each part.
    status : Status
        ``optimal`` where no other way to gather the blocks into so many parts is better; never where small blocks
        were put together first, since what was proven then is not said of the blocks themselves.
    gap : float or None
        What remains unproven, relative; None where that is not known.
    blocks, gathered : int
        Blocks that streets and borders between buildings make, and how many of them were gathered: fewer where
        small ones were put together first.
    cut_m, along_m : float
        Length of the new borders, and how much of it runs along a street, river or railway.
    heavy : tuple of int
        Outlines (positions as handed in) that weigh more than `max_load` together as one and were not cut.
    """

    lines: tuple[Any, ...]
    loads: tuple[float, ...]
    status: Status
    gap: float | None
    blocks: int
    gathered: int
    cut_m: float
    along_m: float
    heavy: tuple[int, ...] = ()

    @property
    def coarsened(self) -> bool:
        """Whether small blocks were put together before the gathering."""
        return self.gathered < self.blocks

    @property
    def between_buildings(self) -> bool:
        """Whether a good part of the border runs midway between buildings, for want of a street."""
        return self.along_m < 0.95 * self.cut_m


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Terrain:
    """What lies on a ground that is to be divided; everything in degrees (CGCS2000).

    Attributes
    ----------
    metric : Metric
        Plane to measure in.
    lines, barriers : sequence of LineString
        All that may be cut along, and those of them that no part should lie across.
    outlines : sequence of Polygon
        Compounds and buildings.
    reach_m : float
        How far loose ends of streets are led on (`geo.planning.drawing.guides.cutting_lines`).
    min_shared_edge_m, barrier_snap_m : float
        Blocks are neighbours when they share more border than this, farther than that from a barrier.
    """

    metric: Metric
    lines: Sequence[Any] = ()
    barriers: Sequence[Any] = ()
    outlines: Sequence[Any] = ()
    reach_m: float = REACH_M
    min_shared_edge_m: float = 10.0
    barrier_snap_m: float = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    ground: Any
    load: Load
    limit: float
    parts: int | None
    guides: NDArray[np.object_]
    terrain: Terrain
    solids: Solids
    seed: int

    @property
    def metric(self) -> Metric:
        """The plane to measure in."""
        return self.terrain.metric

    @property
    def least(self) -> int:
        """The number of parts below which some part is above the limit."""
        return self.parts or max(2, math.ceil(self.load.total / self.limit - 1e-9))


@dataclass(frozen=True, slots=True, eq=False)
class _Board:
    """Blocks, those that must stay together put together, with their loads and the solids in each.

    `cut` is how many there were before small ones were put together.
    """

    cut: int
    blocks: Coverage
    shapes_m: NDArray[np.object_]
    loads: NDArray[np.float64]
    solids_in: list[list[int]]


def divide_ground(
    ground: Any, terrain: Terrain, *, load: Load, max_load: float, parts: int | None = None, seed: int = 0
) -> Division:
    """Divide a ground into connected parts of about the same load, none above a limit.

    Blocks between streets, rivers and railways are gathered by the exact merge optimiser; blocks that a compound or
    building lies across stay together. First it tries streets alone and no part across a barrier, then parts across
    barriers, then borders midway between the buildings of blocks that are above the limit by themselves, then of all
    blocks; it takes the first way that needs no more parts than the load does, else the one with fewest parts.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        Degrees (CGCS2000).
    terrain : Terrain
        Streets, barriers and outlines.
    load : Load
        Only points in the ground.
    max_load : float
        What no part should exceed. A single compound above it is not cut: it becomes the limit.
    parts : int, optional
        How many parts are wanted, whatever the limit; by default as few as the limit allows, at least 2.
    seed : int
        Of the solver.

    Raises
    ------
    Refused
        There is no load, or nothing to divide: one compound or block holds it all.
    """
    if load.total <= 0:
        raise Refused("nobody lives here, so there is nothing to balance", code="load-zero")
    task, heavy = _asked(ground, terrain, load, max_load, parts, seed)
    best = _first_good(task)
    if best is None:
        raise Refused(
            "neither a street nor a gap between buildings divides this grid",
            code="not-divisible",
            remedy="draw the border by hand",
        )
    return _told(task, *best, heavy)


def _asked(
    ground: Any, terrain: Terrain, load: Load, max_load: float, parts: int | None, seed: int
) -> tuple[_Task, tuple[int, ...]]:
    """Return the task, and the outlines that are above the limit by themselves."""
    metric = terrain.metric
    ground_m = metric.project(ground)
    solids = bind_solids(_projected(terrain.outlines, metric), ground_m)
    weighed = _solid_loads(solids, load, metric)
    ways = _projected([w for w in (*terrain.lines, *terrain.barriers) if shapely.intersects(w, ground)], metric)
    task = _Task(
        ground=ground,
        load=load,
        limit=max(max_load, float(weighed.max(initial=0.0))),
        parts=parts,
        guides=cutting_lines(ways, ground_m, reach_m=terrain.reach_m),
        terrain=terrain,
        solids=solids,
        seed=seed,
    )
    heavy = np.flatnonzero(weighed > max_load).tolist()
    return task, tuple(sorted(i for s in heavy for i in solids.members[s]))


def _projected(shapes: Sequence[Any], metric: Metric) -> NDArray[np.object_]:
    held = np.empty(len(shapes), dtype=object)
    held[:] = list(shapes)
    return np.asarray(metric.project(held), dtype=object) if len(held) else held


def _solid_loads(solids: Solids, load: Load, metric: Metric) -> NDArray[np.float64]:
    if not len(solids) or not len(load.lon):
        return np.zeros(len(solids))
    points = shapely.points(*metric.forward(load.lon, load.lat))
    nearest = shapely.STRtree(solids.shapes_m).nearest(points)
    return np.bincount(nearest, weights=load.weight, minlength=len(solids)).astype(np.float64, copy=False)


def _first_good(task: _Task) -> tuple[_Board, Proposal] | None:
    best: tuple[_Board, Proposal] | None = None
    for board in _boards(task):
        for barriers in (task.terrain.barriers, ()) if len(task.terrain.barriers) else ((),):
            found = _gathered(task, board, barriers)
            if found is None:
                continue
            if best is None or found.count < best[1].count:
                best = board, found
            if found.count <= task.least:
                return board, found
    return best or _above_limit(task, board)


def _above_limit(task: _Task, board: _Board) -> tuple[_Board, Proposal] | None:
    """Gather the finest blocks although some that stay together are above the limit: they become the limit."""
    found = _gathered(replace(task, limit=max(task.limit, float(board.loads.max()))), board, ())
    return None if found is None else (board, found)


def _boards(task: _Task) -> Iterator[_Board]:
    """Yield the blocks by streets alone, then with midlines in blocks above the limit, then in all of them."""
    streets = _board(task, task.guides)
    yield streets
    known = 0
    for least in (task.limit, -1.0):
        chosen = [i for i, load in enumerate(streets.loads.tolist()) if len(streets.solids_in[i]) > 1 and load > least]
        if len(chosen) > known:
            known = len(chosen)
            between = [line for i in chosen for line in _midlines(task, streets, i)]
            yield _board(task, np.array([*task.guides, *between], dtype=object))


def _midlines(task: _Task, board: _Board, block: int) -> list[Any]:
    inside = board.solids_in[block]
    return midlines(task.solids.shapes_m[inside], range(len(inside)), board.shapes_m[block])


def _board(task: _Task, lines: NDArray[np.object_]) -> _Board:
    """Cut the ground and put together the blocks that one solid lies across, and those too small to be a neighbour."""
    blocks = cut_blocks(task.ground, lines, metric=task.metric)
    spread = spread_over(task.solids.shapes_m, _projected(blocks.polygons(), task.metric))
    blocks = joined_blocks(blocks, [(own[0], other) for own in spread for other in own[1:]])
    while pairs := _too_small(blocks, task):
        blocks = joined_blocks(blocks, pairs)
    cut, blocks = len(blocks), _coarse(blocks, task)
    shapes_m = _projected(blocks.polygons(), task.metric)
    solids_in: list[list[int]] = [[] for _ in range(len(blocks))]
    for solid, own in enumerate(spread_over(task.solids.shapes_m, shapes_m)):
        solids_in[own[0]].append(solid)
    return _Board(cut, blocks, shapes_m, _block_loads(blocks, shapes_m, task), solids_in)


def _coarse(blocks: Coverage, task: _Task) -> Coverage:
    """Put small blocks together where there are more than can be gathered with proof within moments."""
    most = max(_MOST_BLOCKS, _BLOCKS_A_PART * task.least)
    if len(blocks) <= most:
        return blocks
    loads = _block_loads(blocks, _projected(blocks.polygons(), task.metric), task)
    pairs = coarse_pairs(_units(task, blocks, loads, task.terrain.barriers), most=most, limit=task.limit / _SHARES)
    return joined_blocks(blocks, pairs)


def _too_small(blocks: Coverage, task: _Task) -> list[tuple[int, int]]:
    """Pair blocks narrower than a lane, or without a border long enough to be anybody's neighbour, with the nearest.

    That is the one each shares most border with.
    """
    shapes_m = _projected(blocks.polygons(), task.metric)
    width = 2.0 * shapely.area(shapes_m) / shapely.length(shapes_m)
    most: dict[int, tuple[float, int]] = {}
    shared = blocks.shared_length_m(task.metric).tolist()
    for (i, j), length in zip(blocks.neighbours().tolist(), shared, strict=True):
        if i >= 0:
            most[i] = max(most.get(i, (0.0, -1)), (length, j))
            most[j] = max(most.get(j, (0.0, -1)), (length, i))
    return [
        (i, most[i][1])
        for i, wide in enumerate(width.tolist())
        if i in most and (wide < _SLIVER_M or most[i][0] <= task.terrain.min_shared_edge_m)
    ]


def _block_loads(blocks: Coverage, shapes_m: NDArray[np.object_], task: _Task) -> NDArray[np.float64]:
    load = task.load
    held = GridIndex.from_polygons(blocks.polygons()).locate_many(load.lon, load.lat).astype(np.int64)
    lost = np.flatnonzero(held < 0)
    if len(lost):
        points = shapely.points(*task.metric.forward(load.lon[lost], load.lat[lost]))
        held[lost] = shapely.STRtree(shapes_m).nearest(points)
    return np.bincount(held, weights=load.weight, minlength=len(blocks)).astype(np.float64, copy=False)


def _gathered(task: _Task, board: _Board, barriers: Sequence[Any]) -> Proposal | None:
    """Gather blocks into parts, None where that is impossible."""
    if len(board.blocks) < task.least or (board.loads.max() > task.limit and task.parts is None):
        return None
    units = _units(task, board.blocks, board.loads, barriers)
    wishes = Constraints(max_load=task.limit if task.parts is None else None)
    most = task.parts or min(_MOST_TIMES * task.least, len(board.blocks))
    for count in range(task.least, most + 1):
        found = propose(units, groups=count, weights=_WEIGHTS, constraints=wishes, seed=task.seed, time_limit=_SECONDS)
        if found.groups:
            return found
    return None


def _units(task: _Task, blocks: Coverage, loads: NDArray[np.float64], barriers: Sequence[Any]) -> Units:
    return units_from_polygons(
        blocks.polygons(),
        loads=loads,
        metric=task.metric,
        barriers=barriers,
        min_shared_edge_m=task.terrain.min_shared_edge_m,
        barrier_snap_m=task.terrain.barrier_snap_m,
    )


def _told(task: _Task, board: _Board, proposal: Proposal, heavy: tuple[int, ...]) -> Division:
    lines = lines_between(board.blocks, proposal.label(len(board.blocks)))
    drawn = task.metric.project(shapely.MultiLineString(lines))
    ways = shapely.union_all(task.guides) if len(task.guides) else shapely.LineString()
    along = shapely.intersection(drawn, shapely.buffer(ways, _ALONG_M))
    coarse = len(board.blocks) < board.cut
    return Division(
        lines=tuple(lines),
        loads=tuple(float(board.loads[list(group)].sum()) for group in proposal.groups),
        status=Status.FEASIBLE if coarse else proposal.status,
        gap=None if coarse else proposal.gap,
        blocks=board.cut,
        gathered=len(board.blocks),
        cut_m=float(shapely.length(drawn)),
        along_m=float(shapely.length(along)),
        heavy=heavy,
    )
