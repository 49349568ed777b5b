"""The next best plans that are really different, and the price of doing without one merge."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from geo.planning.cuts import Cut, leave_out
from geo.planning.polish import pieces
from geo.planning.proposal import Status
from geo.planning.search import Search

if TYPE_CHECKING:
    from geo.planning.proposal import Proposal
    from geo.planning.task import Task

__all__ = ["next_best", "without_group", "without_group_nearby"]

_DIFFERENT: Final = 0.1
_NEARBY: Final = 16


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


def without_group_nearby(task: Task, search: Search, proposal: Proposal, group: tuple[int, ...]) -> Proposal:
    """Return the best plan without this group that changes nothing but the groups around it: an upper limit.

    Where there are many units this is quick, and it is the answer a planner looks for: what else could be done here.
    """
    whole = search.instance
    plan = _atom_groups(search, proposal)
    centre = plan[proposal.groups.index(group)]
    held = [plan[k] for k in pieces(whole, plan, centre=centre, size=_NEARBY)]
    atoms = [atom for other in held for atom in other]
    banned = tuple(sorted(atoms.index(atom) for atom in centre))
    part = whole.part(atoms, groups=len(held))
    part = replace(part, forbidden=part.forbidden | {banned})
    found = Search(part, clock=task.clock, seed=task.seed).run()
    if found.plan is None:
        return task.report(proposal.count, None, -math.inf, None).proposal
    kept = [other for other in plan if other not in held]
    anew = kept + [tuple(atoms[a] for a in other) for other in found.plan]
    groups = tuple(sorted(whole.units_of(other) for other in anew))
    return task.report(proposal.count, groups, proposal.bound or -math.inf, search).proposal


def _atom_groups(search: Search, proposal: Proposal) -> list[tuple[int, ...]]:
    atom_of = {unit: atom for atom, units in enumerate(search.instance.atoms) for unit in units}
    return [tuple(sorted({atom_of[unit] for unit in group})) for group in proposal.groups]
