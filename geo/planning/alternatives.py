"""The next best plans that are really different, and the price of doing without one merge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from geo.planning.cuts import Cut, leave_out
from geo.planning.proposal import Status

if TYPE_CHECKING:
    from geo.planning.proposal import Proposal
    from geo.planning.search import Search
    from geo.planning.task import Task

__all__ = ["next_best", "without_group"]

_DIFFERENT: Final = 0.1


def next_best(task: Task, search: Search, proposal: Proposal, *, count: int) -> tuple[Proposal, ...]:
    """Return up to `count` further plans, each the best of those different enough from all before it.

    A plan is different when at least a tenth of the merges (rounded up) of every plan before it is not in it.

    Parameters
    ----------
    task, search : Task, Search
        The request, and its search that found `proposal`.
    proposal : Proposal
        The best plan.
    count : int, keyword
        Number wanted; fewer come back when there are no more, or no time.
    """
    found: list[Proposal] = []
    cuts: list[Cut] = []
    latest = proposal
    for _ in range(count):
        merges = [group for group in _atom_groups(search, latest) if len(group) > 1]
        if not merges:
            break
        cuts.append(leave_out(merges, keeping=len(merges) - math.ceil(_DIFFERENT * len(merges))))
        latest = task.judged(search, search.again(cuts)).proposal
        if latest.status in (Status.INFEASIBLE, Status.UNKNOWN):
            break
        found.append(latest)
    return tuple(found)


def without_group(task: Task, search: Search, group: tuple[int, ...]) -> Proposal:
    """Return the best plan in which this very group of units does not occur."""
    atom_of = {unit: atom for atom, units in enumerate(search.instance.atoms) for unit in units}
    atoms = tuple(sorted({atom_of[unit] for unit in group}))
    return task.judged(search, search.again([leave_out([atoms], keeping=0)])).proposal


def _atom_groups(search: Search, proposal: Proposal) -> list[tuple[int, ...]]:
    atom_of = {unit: atom for atom, units in enumerate(search.instance.atoms) for unit in units}
    return [tuple(sorted({atom_of[unit] for unit in group})) for group in proposal.groups]
