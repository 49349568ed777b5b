"""What is known of each grid of a generation: households, persons, people who serve it, reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.model import Generation, Grid, GridKind, Plan, WorkerKind
from geo.reach import GridReach, reach_of_grids, within_distance
from geo.services.placement import household_places
from geo.services.published import metric_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geo.store.base import Session

__all__ = ["GridFacts", "grid_facts"]


@dataclass(frozen=True, slots=True)
class GridFacts:
    """One base grid with its figures; `households` in `reach` are placed resident households."""

    grid: Grid
    reach: GridReach
    persons: int
    registered: int
    buildings: int
    professional: int
    part_time: int


@dataclass(frozen=True, slots=True)
class _Homes:
    grid: NDArray[np.int64]
    resident: NDArray[np.bool_]
    persons: NDArray[np.float64]
    near: NDArray[np.bool_]
    linked: NDArray[np.bool_]
    building: NDArray[np.object_]
    grid_of_key: Mapping[str, int]


def grid_facts(session: Session, generation: Generation, *, distance_m: float) -> list[GridFacts]:
    """Return the facts of every base grid of a generation, in position order.

    Parameters
    ----------
    distance_m : float
        Reach of an anchor household in metres.
    """
    grids = session.grids(generation.id, GridKind.BASE)
    position = {g.id: i for i, g in enumerate(grids)}
    homes = _homes(session, generation, grids, position, distance_m)
    served = _served(session, generation)
    workers = {kind: _places(session, "gridworkers", served, position, _kind_of(kind)) for kind in WorkerKind}
    live = homes.resident
    reach = reach_of_grids(
        len(grids),
        household_grid=homes.grid[live],
        household_near=homes.near[live],
        household_linked=homes.linked[live],
        workers_in=workers[WorkerKind.FULL_TIME],
        groups_in=_places(session, "party_groups", served, position, {"level": "group"}),
        anchors_in=_anchor_places(session, homes),
    )
    n = len(grids)
    held = homes.grid >= 0
    persons = np.bincount(homes.grid[held & live], weights=homes.persons[held & live], minlength=n)
    registered = np.bincount(homes.grid[held], minlength=n)
    buildings = _distinct(homes.grid[held], homes.building[held], n)
    professional = np.bincount(workers[WorkerKind.PROFESSIONAL], minlength=n)
    part_time = np.bincount(workers[WorkerKind.PART_TIME], minlength=n)
    return [
        GridFacts(
            grid=grid,
            reach=reach[i],
            persons=int(persons[i]),
            registered=int(registered[i]),
            buildings=int(buildings[i]),
            professional=int(professional[i]),
            part_time=int(part_time[i]),
        )
        for i, grid in enumerate(grids)
    ]


def _homes(
    session: Session, generation: Generation, grids: list[Grid], position: Mapping[str, int], distance_m: float
) -> _Homes:
    table = session.columns(
        "households", ("id", "source_key", "resident", "persons", "community_code", "compound", "building_number")
    )
    told = session.assignments(generation.id, "household")
    grid_of = dict(zip(told["subject_id"], told["grid_id"], strict=True))
    places = household_places(session)
    metric = metric_of(grids)
    anchors = session.columns("anchor_households", ("lon", "lat", "linked_keys"))
    spots = np.column_stack(metric.forward(anchors["lon"], anchors["lat"]))
    linked = {key for keys in anchors["linked_keys"] for key in (keys or ())}
    named = zip(table["community_code"], table["compound"], table["building_number"], strict=True)
    grid = np.array([position.get(grid_of.get(h, ""), -1) for h in table["id"]], dtype=np.int64)
    return _Homes(
        grid=grid,
        resident=table["resident"].astype(bool),
        persons=table["persons"].astype(np.float64),
        near=within_distance(
            np.column_stack(metric.forward(places.lon, places.lat)), spots[np.isfinite(spots).all(axis=1)], distance_m
        ),
        linked=np.array([k in linked for k in table["source_key"]], dtype=bool),
        building=np.array([f"{c}/{p}/{b}" if b else "" for c, p, b in named], dtype=object),
        grid_of_key=dict(zip(table["source_key"], grid.tolist(), strict=True)),
    )


def _served(session: Session, generation: Generation) -> Mapping[str, Any] | None:
    """Return who served which grid while a superseded generation was in force, None for the one in force."""
    following = [g for g in session.generations() if g.parent_id == generation.id and g.plan_id]
    if not following:
        return None
    plan: Plan = session.plan(following[0].plan_id or "")
    return (plan.proof or {}).get("people_before")


def _kind_of(kind: WorkerKind) -> dict[str, str]:
    """Choose the workers of a kind; the 网格长 who heads a grid is kept with the part-time ones and not counted."""
    return {"kind": kind.value, "post": ""} if kind is WorkerKind.PART_TIME else {"kind": kind.value}


def _places(
    session: Session, kind: str, served: Mapping[str, Any] | None, position: Mapping[str, int], where: Mapping[str, Any]
) -> list[int]:
    rows = session.rows(kind, where=where)
    found = []
    for row in rows:
        now = list(row["grid_ids"]) or [row.get("grid_id")]
        grids = served[kind].get(row["id"], []) if served is not None else now
        found += [position[g] for g in grids if g in position]
    return found


def _anchor_places(session: Session, homes: _Homes) -> list[int]:
    rows = session.rows("anchor_households", columns=("household_key",))
    return [homes.grid_of_key.get(r["household_key"], -1) for r in rows]


def _distinct(grid: NDArray[np.int64], building: NDArray[np.object_], n: int) -> NDArray[np.int64]:
    named = {(g, b) for g, b in zip(grid.tolist(), building.tolist(), strict=True) if b}
    return np.bincount(np.array([g for g, _ in named], dtype=np.int64), minlength=n)
