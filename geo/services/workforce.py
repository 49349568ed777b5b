"""People and a redrawing: who keeps a grid, who moves, who waits (网格员安置表), and what follows for groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo.model import WorkerKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.store.base import Session

__all__ = ["STANDING_BY", "WorkerMove", "carry_people", "people_served", "place_workers"]

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
