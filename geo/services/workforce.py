"""People and a redrawing: who keeps a grid, who moves, who waits (网格员安置表), and what follows for groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo.model import PartyLevel, WorkerKind
from geo.planning import Saying

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from geo.store.base import Session

__all__ = [
    "STANDING_BY",
    "Straddle",
    "WorkerMove",
    "branch_straddles",
    "carry_people",
    "people_served",
    "place_workers",
    "restore_people",
    "vacancies",
]

STANDING_BY = "待安置"
KEPT = "保留"
MOVED = "调整"


@dataclass(frozen=True, slots=True)
class WorkerMove:
    """One line of the placement table: a full-time worker, the grid left and the grid taken ("" while standing by)."""

    worker_id: str
    from_grid: str
    to_grid: str
    status: str


@dataclass(frozen=True, slots=True)
class Straddle:
    """A grid after the redrawing whose party groups hang under several branches; `saying` says so in words."""

    grid_id: str
    branches: tuple[str, ...]
    groups: tuple[str, ...]
    saying: Saying


def place_workers(workers: Sequence[Mapping[str, Any]], successor: Mapping[str, str]) -> list[WorkerMove]:
    """Give each new grid one full-time worker.

    The worker of the grid whose identity the merged grid carries on stays; another one of its grids is
    taken where that grid had none; whoever is left over stands by.

    Parameters
    ----------
    workers : sequence of rows with id and grid_id
        Full-time workers today.
    successor : mapping
        Old grid id → new grid id.
    """
    first = sorted(workers, key=lambda w: (successor.get(w["grid_id"] or "", "") != w["grid_id"], w["id"]))
    taken: set[str] = set()
    moves = []
    for worker in first:
        old = worker["grid_id"] or ""
        new = successor.get(old, "")
        if not new or new in taken:
            moves.append(WorkerMove(worker["id"], old, "", STANDING_BY))
            continue
        taken.add(new)
        moves.append(WorkerMove(worker["id"], old, new, KEPT if new == old else MOVED))
    return sorted(moves, key=lambda m: (m.from_grid, m.worker_id))


def people_served(session: Session) -> dict[str, dict[str, list[str]]]:
    """Return which grids every worker and party group serves now, by id; kept with a plan when it is published."""
    workers = session.rows("gridworkers", columns=("id", "grid_id", "grid_ids"))
    groups = session.rows("party_groups", columns=("id", "grid_ids"))
    return {
        "gridworkers": {w["id"]: list(w["grid_ids"]) or ([w["grid_id"]] if w["grid_id"] else []) for w in workers},
        "party_groups": {g["id"]: list(g["grid_ids"]) for g in groups},
    }


def carry_people(session: Session, successor: Mapping[str, str]) -> list[WorkerMove]:
    """Bring gridworkers and party groups over to the grids that follow theirs; return the placement table."""
    rows = session.rows("gridworkers")
    full_time = [w for w in rows if w["kind"] == WorkerKind.FULL_TIME.value]
    moves = place_workers(full_time, successor)
    by_worker = {m.worker_id: m for m in moves}
    session.upsert("gridworkers", [_carried(w, by_worker.get(w["id"]), successor) for w in rows])
    groups = session.rows("party_groups")
    session.upsert("party_groups", [{**g, "grid_ids": _followed(g["grid_ids"], successor)} for g in groups])
    return moves


def _carried(worker: Mapping[str, Any], move: WorkerMove | None, successor: Mapping[str, str]) -> dict[str, Any]:
    if move is None:
        served = _followed(worker["grid_ids"], successor)
        return {**worker, "grid_id": served[0] if served else None, "grid_ids": served}
    post = STANDING_BY if move.status == STANDING_BY else ""
    return {
        **worker,
        "grid_id": move.to_grid or None,
        "grid_ids": (move.to_grid,) if move.to_grid else (),
        "post": post,
    }


def _followed(grids: Sequence[str], successor: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(successor.get(g, g) for g in grids))


def restore_people(
    session: Session,
    served: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    grids: Collection[str],
    successor: Mapping[str, str],
) -> list[WorkerMove]:
    """Bring people back to the grids they served before a redrawing that is reverted.

    Who was not there then, or served a grid that does not come back, follows `successor`.

    Parameters
    ----------
    served : mapping
        What `people_served` told when that redrawing was published.
    grids : collection of str
        Grids that come back.
    """
    rows = session.rows("gridworkers")
    moves, upserts = [], []
    for worker in rows:
        then = [g for g in served["gridworkers"].get(worker["id"], ()) if g in grids]
        back = tuple(then) or _followed(worker["grid_ids"], successor)
        upserts.append({**worker, **_post(worker, back), "grid_id": back[0] if back else None, "grid_ids": back})
        if worker["kind"] == WorkerKind.FULL_TIME.value:
            moves.append(_move(worker, back))
    session.upsert("gridworkers", upserts)
    groups = session.rows("party_groups")
    session.upsert("party_groups", [{**g, "grid_ids": _group_back(g, served, grids, successor)} for g in groups])
    return sorted(moves, key=lambda m: (m.from_grid, m.worker_id))


def _post(worker: Mapping[str, Any], served: Sequence[str]) -> dict[str, str]:
    return {"post": ""} if served and worker["post"] == STANDING_BY else {}


def _move(worker: Mapping[str, Any], served: Sequence[str]) -> WorkerMove:
    old, new = worker["grid_id"] or "", served[0] if served else ""
    return WorkerMove(worker["id"], old, new, STANDING_BY if not new else KEPT if new == old else MOVED)


def _group_back(
    group: Mapping[str, Any],
    served: Mapping[str, Mapping[str, Sequence[str]]],
    grids: Collection[str],
    successor: Mapping[str, str],
) -> tuple[str, ...]:
    then = tuple(g for g in served["party_groups"].get(group["id"], ()) if g in grids)
    return then or _followed(group["grid_ids"], successor)


def vacancies(moves: Sequence[WorkerMove], grids: Collection[str]) -> tuple[str, ...]:
    """Return the grids that no full-time worker serves (待配专职网格员)."""
    taken = {m.to_grid for m in moves}
    return tuple(sorted(g for g in grids if g not in taken))


def branch_straddles(
    groups: Sequence[Mapping[str, Any]], successor: Mapping[str, str], names: Mapping[str, str]
) -> tuple[Straddle, ...]:
    """Return the grids whose party groups would hang under two branches or more.

    A grid that did so before is listed too where it is redrawn, for the branches have to agree on it either way.

    Parameters
    ----------
    groups : sequence of rows with level, name, source_key, parent_key and grid_ids
        The Party tree.
    successor : mapping
        Old grid id → new grid id.
    names : mapping
        Name of each new grid asked about.
    """
    branch_names = {g["source_key"]: g["name"] for g in groups if g["level"] == PartyLevel.BRANCH.value}
    held: dict[str, list[Mapping[str, Any]]] = {}
    for group in groups:
        if group["level"] == PartyLevel.GROUP.value and group["parent_key"] in branch_names:
            for grid in _followed(group["grid_ids"], successor):
                held.setdefault(grid, []).append(group)
    found = []
    for grid, members in sorted(held.items()):
        branches = tuple(sorted({branch_names[g["parent_key"]] for g in members}))
        if grid in names and len(branches) > 1:
            listed = tuple(sorted({g["name"] for g in members}))
            found.append(Straddle(grid, branches, listed, _said_straddle(names[grid], branches)))
    return tuple(found)


def _said_straddle(name: str, branches: Sequence[str]) -> Saying:
    return Saying(
        f"{name}跨{len(branches)}个党支部：{'、'.join(branches)}",
        f"{name} straddles {len(branches)} party branches: {', '.join(branches)}",
    )
