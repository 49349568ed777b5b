"""Who is touched by a merge: the worker that stays, those that move, and the households that get another worker."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo.model import WorkerKind
from geo.services.workforce import WorkerMove, place_workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.model import Generation
    from geo.store.base import Session

__all__ = ["HandedOver", "Handover", "handovers", "households_moved"]

_NAMELESS = "无楼号"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A grid whose resident households get another worker: how many, and by building (compound and number)."""

    grid_id: str
    households: int
    buildings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Handover:
    """One merge: the full-time workers of its grids and what becomes of them, and the households handed over.

    Households are those of the grids whose own worker does not serve the merged grid.
    """

    into: str
    stays: str | None
    workers: tuple[WorkerMove, ...]
    handed_over: tuple[HandedOver, ...]


def handovers(session: Session, generation: Generation, merges: Sequence[Sequence[str]]) -> tuple[Handover, ...]:
    """Return what each merge means for workers and households.

    Parameters
    ----------
    merges : sequence of sequence of str
        Grid ids of each merge, the one whose identity is carried on first.

    Returns
    -------
    tuple of Handover
        Parallel to `merges`; workers are named by id, households only counted.
    """
    return _handovers(merges, _full_time(session), _buildings(session, generation))


def households_moved(
    session: Session, generation: Generation, plans: Sequence[Sequence[Sequence[str]]]
) -> tuple[int, ...]:
    """Return for each of several plans how many resident households get another worker.

    Parameters
    ----------
    plans : sequence
        The merges of each plan, as for `handovers`.
    """
    workers, buildings = _full_time(session), _buildings(session, generation)
    found = [_handovers(merges, workers, buildings) for merges in plans]
    return tuple(sum(handed.households for one in plan for handed in one.handed_over) for plan in found)


def _full_time(session: Session) -> Sequence[Mapping[str, Any]]:
    return session.rows("gridworkers", where={"kind": WorkerKind.FULL_TIME.value}, columns=("id", "grid_id"))


def _handovers(
    merges: Sequence[Sequence[str]], workers: Sequence[Mapping[str, Any]], buildings: Mapping[str, Counter[str]]
) -> tuple[Handover, ...]:
    successor = {grid: group[0] for group in merges for grid in group}
    moves = place_workers([row for row in workers if row["grid_id"] in successor], successor)
    return tuple(_handover(group, moves, buildings) for group in merges)


def _handover(group: Sequence[str], moves: Sequence[WorkerMove], buildings: Mapping[str, Counter[str]]) -> Handover:
    workers = tuple(move for move in moves if move.from_grid in group)
    stays = next((move for move in workers if move.to_grid), None)
    keeps = stays.from_grid if stays is not None else group[0]
    left = [grid for grid in group if grid != keeps]
    handed = tuple(HandedOver(grid, buildings[grid].total(), dict(sorted(buildings[grid].items()))) for grid in left)
    return Handover(group[0], stays.worker_id if stays is not None else None, workers, handed)


def _buildings(session: Session, generation: Generation) -> Mapping[str, Counter[str]]:
    """Resident households by grid and building."""
    told = session.assignments(generation.id, "household")
    grid_of = dict(zip(told["subject_id"], told["grid_id"], strict=True))
    facts = session.columns("households", ("id", "resident", "compound", "building_number"))
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, resident, compound, number in zip(
        facts["id"], facts["resident"], facts["compound"], facts["building_number"], strict=True
    ):
        if resident:
            name = f"{compound}{number}号楼" if number else (compound or _NAMELESS)
            found[grid_of.get(one, "")][name] += 1
    return found
