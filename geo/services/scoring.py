"""Scores of a plan: loads and their evenness, shape, borders, what is cut, who changes worker, reach; by area too.

`score_drawing` computes everything anew, `rescore` from the scores of the drawing before the last edit; both give
equal values after every step.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.locate import GridIndex
from geo.planning import GroupScore, Saying, Scores
from geo.planning.scores import gini
from geo.reach import GridReach, reach_of_grids
from geo.services.lineage import links_of, successors
from geo.services.measures import GridMeasure, GridScore, measure_grids, remeasure_grids
from geo.services.plan_findings import OUTSIDE_LEAST_M2, plan_findings
from geo.services.workforce import place_workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geo.services.ground import Ground
    from geo.services.redraw import Drawing
    from geo.services.splits import Cut

__all__ = ["AreaScore", "PlanScores", "rescore", "score_drawing"]

_LEAST_CELLS: Final = 400
_CELLS_PER_POINT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaScore:
    """One town or community: number of grids, loads, evenness, reach and changes.

    `deviation` is the largest absolute deviation from the mean load of its grids, `near_share` the share of resident
    households near an anchor household, None where there are none.
    """

    grids: int
    grids_before: int
    load: float
    largest: float
    smallest: float
    deviation: float
    gini: float
    cut_length_m: float
    worker_changes: int
    incomplete: int
    near_share: float | None
    linked_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanScores:
    """All scores of one drawing.

    Attributes
    ----------
    grids : mapping
        Score of every base grid by id, in order of id.
    planning : Scores
        Loads, deviations, Gini, perimeter and cut length; groups are numbered in order of id.
    cuts : tuple of Cut
        Buildings and compounds in several grids.
    towns, communities : mapping
        Scores by area code; `county` is the same over all.
    reach_before : tuple of GridReach
        Reach of today's grids, in order of id.
    warnings : tuple of Saying
        What the checks found and the county's size guidance, in words, the gravest first.
    """

    grids: Mapping[str, GridScore]
    planning: Scores
    cuts: tuple[Cut, ...]
    towns: Mapping[str, AreaScore]
    communities: Mapping[str, AreaScore]
    county: AreaScore
    reach_before: tuple[GridReach, ...]
    warnings: tuple[Saying, ...]
    state: _State = field(repr=False, compare=False)

    @property
    def worker_changes(self) -> int:
        """Resident households whose full-time gridworker changes."""
        return sum(g.worker_changes for g in self.grids.values())

    @property
    def disconnected(self) -> tuple[str, ...]:
        """Grids in several pieces."""
        return tuple(i for i, g in self.grids.items() if g.measure.parts > 1)

    @property
    def crossed(self) -> tuple[str, ...]:
        """Grids a barrier line runs through."""
        return tuple(i for i, g in self.grids.items() if g.measure.barriers)

    @property
    def outside(self) -> tuple[str, ...]:
        """Grids that reach outside their community."""
        return tuple(i for i, g in self.grids.items() if (g.measure.outside_m2 or 0.0) > OUTSIDE_LEAST_M2)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What the next increment starts from: ids in order, where homes and incidents lie, and all measures."""

    drawing: Drawing
    ids: tuple[str, ...]
    homes: NDArray[np.int64]
    cases: NDArray[np.int64]
    touching: NDArray[np.bool_]
    measures: Mapping[str, GridMeasure]


def score_drawing(ground: Ground, drawing: Drawing) -> PlanScores:
    """Compute all scores of a drawing from nothing but the ground."""
    ids = tuple(sorted(drawing.coverage.ids))
    lon, lat = _points(ground)
    index = GridIndex.from_polygons([drawing.coverage.polygon(i) for i in ids], cells=_cells_for(len(lon)))
    place, touching = index.place_many(lon, lat)
    homes, cases = np.split(place.astype(np.int64), [len(ground.homes.lon)])
    return _scores(ground, _State(drawing, ids, homes, cases, touching, measure_grids(ground, drawing)))


def rescore(ground: Ground, drawing: Drawing, before: PlanScores) -> PlanScores:
    """Compute the scores of a drawing from those of its parent: only what the last edit touched is looked at.

    Parameters
    ----------
    before : PlanScores
        Scores of `drawing.parent` on the same ground; of another drawing, everything is computed anew.
    """
    state = before.state
    if drawing.parent is not state.drawing:
        return score_drawing(ground, drawing)
    ids = tuple(sorted(drawing.coverage.ids))
    place = {name: i for i, name in enumerate(ids)}
    lon, lat = _points(ground)
    was = np.concatenate([state.homes, state.cases])
    remap = np.array([-1 if i in drawing.changed else place.get(i, -1) for i in state.ids] + [-1], dtype=np.int64)
    now, touching = remap[was], state.touching.copy()
    again = np.flatnonzero(((now < 0) | touching) & np.isfinite(lon) & np.isfinite(lat))
    now[again], touching[again] = _placed(drawing, place, lon[again], lat[again])
    homes, cases = np.split(now, [len(ground.homes.lon)])
    measures = remeasure_grids(ground, drawing, state.measures)
    return _scores(ground, _State(drawing, ids, homes, cases, touching, measures))


def _points(ground: Ground) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    homes = ground.homes
    return np.concatenate([homes.lon, ground.case_lon]), np.concatenate([homes.lat, ground.case_lat])


def _placed(
    drawing: Drawing, place: Mapping[str, int], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Place points that lie in changed grids, on a border or nowhere, among the grids whose box holds any of them.

    That is every grid that touches one of the points, which the outer boundary's own rule looks at.
    """
    names = drawing.coverage.ids
    spots = shapely.points(lon, lat)
    boxed = np.unique(shapely.STRtree(drawing.coverage.polygons()).query(spots)[1]).tolist()
    near = sorted(names[i] for i in boxed)
    if not near:
        return np.full(len(lon), -1, dtype=np.int64), np.zeros(len(lon), dtype=bool)
    shapes = [drawing.coverage.polygon(i) for i in near]
    index = GridIndex.from_polygons(shapes, strict=False, cells=_cells_for(len(lon)))
    position, touching = index.place_many(lon, lat)
    return np.array([*(place[i] for i in near), -1], dtype=np.int64)[position], touching


def _cells_for(points: int) -> int:
    """Return how fine an index that is asked once pays to be; answers do not depend on it."""
    return max(_LEAST_CELLS, _CELLS_PER_POINT * points)


# -- from places and measures to scores --------------------------------------------------------------------
def _scores(ground: Ground, state: _State) -> PlanScores:
    homes, n = ground.homes, len(state.ids)
    load = _tally(state.homes, homes.load, n) + ground.case_load * _tally(state.cases, np.ones(len(state.cases)), n)
    persons = _tally(state.homes, homes.persons * homes.resident, n)
    successor, after = _successors(ground, state)
    changes = _worker_changes(ground, state, after)
    reach = _reach(ground, state, successor, after)
    grids = {
        grid_id: GridScore(
            name=state.drawing.facts[grid_id].name,
            community_code=state.drawing.facts[grid_id].community_code,
            measure=state.measures[grid_id],
            load=float(load[i]),
            persons=int(persons[i]),
            worker_changes=int(changes[i]),
            reach=reach[i],
        )
        for i, grid_id in enumerate(state.ids)
    }
    planning = _planning(grids)
    cuts = ground.outlines.cuts({i: g.measure.cut for i, g in grids.items()})
    return PlanScores(
        grids=grids,
        planning=planning,
        cuts=cuts,
        towns=_by_area(ground, grids, ground.town_of),
        communities=_by_area(ground, grids, str),
        county=_area(list(grids.items()), len(ground.ids)),
        reach_before=ground.reach_before,
        warnings=plan_findings(ground, grids, cuts),
        state=state,
    )


def _tally(place: NDArray[np.int64], weight: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    held = place >= 0
    return np.bincount(place[held], weights=weight[held], minlength=n).astype(np.float64)


def _successors(ground: Ground, state: _State) -> tuple[dict[str, str], dict[str, str]]:
    """Return old grid → new grid, and new grid → full-time worker, as publishing would have it."""
    n = len(state.ids) + 1
    held = ground.homes.base >= 0
    pairs, counts = np.unique(ground.homes.base[held] * n + state.homes[held] + 1, return_counts=True)
    named = ("", *state.ids)
    rows = zip(pairs.tolist(), counts.tolist(), strict=True)
    moved = Counter({(ground.ids[p // n], named[p % n]): c for p, c in rows})
    common = {(old, new): share for new, m in state.measures.items() for old, share in m.sources}
    successor = successors(links_of(common, moved))
    moves = place_workers(ground.workers, successor)
    return successor, {m.to_grid: m.worker_id for m in moves if m.to_grid}


def _worker_changes(ground: Ground, state: _State, after: Mapping[str, str]) -> NDArray[np.float64]:
    """Count per new grid the resident households whose worker is another one, or gone, or new."""
    held: dict[str, list[str]] = {}
    for worker in ground.workers:
        held.setdefault(worker["grid_id"] or "", []).append(worker["id"])
    number = {w["id"]: i for i, w in enumerate(ground.workers, start=1)}
    stays = {i: after[i] for i in state.ids if i in after}
    was = np.array([number[held[i][0]] if i in held else 0 for i in ground.ids] + [0], dtype=np.int64)
    now = np.array([number[stays[i]] if i in stays else 0 for i in state.ids] + [0], dtype=np.int64)
    # Where several workers share a grid today, keeping any of them is no change.
    same = np.zeros(len(ground.homes.base), dtype=bool)
    for row, grid_id in enumerate(ground.ids):
        if len(held.get(grid_id, ())) > 1:
            mine = ground.homes.base == row
            same |= mine & np.isin(now[state.homes], [number[w] for w in held[grid_id]])
    changed = ground.homes.resident & (was[ground.homes.base] != now[state.homes]) & ~same
    return _tally(state.homes, changed.astype(np.float64), len(state.ids))


def _reach(ground: Ground, state: _State, successor: Mapping[str, str], after: Mapping[str, str]) -> list[GridReach]:
    position = {name: i for i, name in enumerate(state.ids)}
    live = ground.homes.resident
    served = [tuple(dict.fromkeys(successor.get(g, g) for g in row["grid_ids"])) for row in ground.groups]
    return reach_of_grids(
        len(state.ids),
        household_grid=state.homes[live],
        household_near=ground.homes.near[live],
        household_linked=ground.homes.linked[live],
        workers_in=[position[g] for g in after if g in position],
        groups_in=[position.get(g, -1) for grids in served for g in grids],
        anchors_in=np.append(state.homes, -1)[ground.anchors].tolist(),
    )


def _planning(grids: Mapping[str, GridScore]) -> Scores:
    groups = {
        number: GroupScore(
            load=g.load,
            perimeter_m=g.measure.perimeter_m,
            moved=float(g.worker_changes),
            connected=g.measure.parts == 1,
            parents=1 + ((g.measure.outside_m2 or 0.0) > OUTSIDE_LEAST_M2),
        )
        for number, g in enumerate(grids.values())
    }
    return Scores(groups=groups, cut_length_m=_cut_length(list(grids.items())))


def _cut_length(held: Sequence[tuple[str, GridScore]]) -> float:
    """Border between grids of one community, each metre once."""
    mine = {i: g.community_code for i, g in held}
    return math.fsum(
        metres
        for i, g in held
        for other, metres in g.measure.borders.items()
        if i < other and mine.get(other) == g.community_code
    )


def _by_area(ground: Ground, grids: Mapping[str, GridScore], area_of: Any) -> dict[str, AreaScore]:
    held: dict[str, list[tuple[str, GridScore]]] = {}
    for i, g in grids.items():
        held.setdefault(area_of(g.community_code), []).append((i, g))
    before = Counter(area_of(g.community_code) for g in ground.drawing.facts.values())
    return {code: _area(members, before[code]) for code, members in sorted(held.items())}


def _area(held: Sequence[tuple[str, GridScore]], before: int) -> AreaScore:
    loads = [g.load for _, g in held]
    mean = math.fsum(loads) / len(loads)
    homes = sum(g.reach.households for _, g in held)
    return AreaScore(
        grids=len(held),
        grids_before=before,
        load=math.fsum(loads),
        largest=max(loads),
        smallest=min(loads),
        deviation=max(abs(v / mean - 1.0) for v in loads) if mean else 0.0,
        gini=gini(loads),
        cut_length_m=_cut_length(held),
        worker_changes=sum(g.worker_changes for _, g in held),
        incomplete=sum(bool(g.reach.missing) for _, g in held),
        near_share=_share([(g.reach.near_share, g.reach.households) for _, g in held], homes),
        linked_share=_share([(g.reach.linked_share, g.reach.households) for _, g in held], homes),
    )


def _share(parts: Sequence[tuple[float | None, int]], homes: int) -> float | None:
    return math.fsum((share or 0.0) * count for share, count in parts) / homes if homes else None
