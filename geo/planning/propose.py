"""Propose a merge: the one door to the search."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from geo.errors import Refused
from geo.planning.alternatives import next_best
from geo.planning.asking import FEWEST
from geo.planning.clock import Clock, OutOfTime, Progress
from geo.planning.conflict import conflict, impossible, wishes_of
from geo.planning.constraints import Constraints, Weights
from geo.planning.instance import compile_instance
from geo.planning.proposal import Proposal, Saying, Status
from geo.planning.reasons import HOUSEHOLDS, explain_with
from geo.planning.task import Solved, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.planning.units import Units

__all__ = ["propose"]

_CONFLICT_SECONDS: Final = 60.0


def propose(
    units: Units,
    *,
    groups: int | tuple[int, int] | str,
    weights: Weights | None = None,
    constraints: Constraints | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Progress | None = None,
    alternatives: int = 0,
    reasons: bool = False,
    names: Sequence[str] | None = None,
    counted: Saying = HOUSEHOLDS,
    gap: float = 1e-6,
) -> Proposal:
    """Propose the best merge of design §8, with its proof.

    Parameters
    ----------
    units : Units
        What is merged.
    groups : int, (int, int) or "fewest", keyword
        K; an inclusive band, of which the K with the least objective is taken; or the smallest K that
        the wishes allow.
    weights : Weights, keyword
        Weights of the terms.
    constraints : Constraints, keyword
        Wishes that must hold.
    seed : int, keyword
        Seed of the solver; the same data and seed give the same answer.
    time_limit : float or None, keyword
        Seconds after which the best plan so far is returned with its bound.
    progress : callable or None, keyword
        ``progress(share, saying)``; may raise `StopSearch` to get the best plan so far.
    alternatives : int, keyword
        Number of next best different plans wanted.
    reasons : bool, keyword
        Whether every merge is explained (each needs a small search of its own).
    names : sequence of str or None, keyword
        Names of the units in reasons and conflicts; ids when None.
    counted : Saying, keyword
        What loads count, as the reasons write it behind a number.
    gap : float, keyword
        Relative gap that counts as proven.

    Raises
    ------
    Refused
        A wish names what is not there, or `groups` is no count (an impossible plan is an answer, no error).
    """
    wishes = constraints or Constraints()
    wishes.check(units)
    band = _band(units, groups)
    clock, named = Clock(time_limit, progress), _named(units, names)
    task = Task(units=named, weights=weights or Weights(), constraints=wishes, clock=clock, seed=seed, gap=gap)
    solved = _fewest(task) if groups == FEWEST else _best_of(task, band)
    if solved.proposal.status is Status.INFEASIBLE:
        return replace(_refused(task, solved, None if groups == FEWEST else band), seconds=clock.seconds)
    proven = clock.seconds  # what finding and proving took, before reasons and alternatives are looked for
    told = _told(task, solved, alternatives=alternatives, counted=counted if reasons else None)
    return replace(told, seconds=proven)


def _named(units: Units, names: Sequence[str] | None) -> Units:
    return units if names is None else replace(units, ids=tuple(names))


def _told(task: Task, solved: Solved, *, alternatives: int, counted: Saying | None) -> Proposal:
    """Return a proposal with its alternatives and, where it is said what loads count, its reasons."""
    proposal = solved.proposal
    if solved.search is None or not proposal.groups:
        return proposal
    return replace(
        proposal,
        alternatives=next_best(task, solved.search, proposal, count=alternatives),
        reasons=() if counted is None else explain_with(task, solved.search, proposal, counted=counted),
    )


def _band(units: Units, groups: int | tuple[int, int] | str) -> tuple[int, int]:
    if groups == FEWEST:
        return 1, len(units)
    if isinstance(groups, int) and not isinstance(groups, bool):
        low = high = groups
    elif isinstance(groups, tuple) and len(groups) == 2:  # noqa: PLR2004 - low and high
        low, high = int(groups[0]), int(groups[1])
    else:
        raise Refused(f"{groups!r} is no number of groups", code="groups-invalid", remedy="give K, a band or 'fewest'")
    if low < 1 or high < low:
        raise Refused(
            f"{groups!r} is no number of groups", code="groups-invalid", remedy="K is at least 1, a band goes upwards"
        )
    return low, high


def _best_of(task: Task, band: tuple[int, int]) -> Solved:
    """Return the best of a band of K, its bound the least of the band's bounds."""
    best: Solved | None = None
    bound = math.inf
    for count in range(band[0], min(band[1], max(len(task.units), band[0])) + 1):
        ceiling = math.inf if best is None else best.objective
        found = task.solve(count, ceiling=ceiling)
        bound = min(bound, found.bound)
        if found.objective < ceiling:
            best = found
    if best is None:
        return task.report(band[0], None, bound, None)
    return task.report(best.proposal.count, best.proposal.groups, bound, best.search)


def _fewest(task: Task) -> Solved:
    """Return the best plan for the smallest K that has one; smaller K are ruled out one by one."""
    ruled_out = True
    for count in range(_least_count(task), len(task.units) + 1):
        found = task.solve(count)
        if found.proposal.groups:
            status = found.proposal.status if ruled_out else Status.FEASIBLE
            return replace(found, proposal=replace(found.proposal, status=status))
        ruled_out &= found.proposal.status is Status.INFEASIBLE
    return task.report(len(task.units), None, math.inf if ruled_out else 0.0, None)


def _least_count(task: Task) -> int:
    """Smallest K that sums and counts do not rule out at once."""
    for count in range(1, len(task.units) + 1):
        instance = compile_instance(task.units, groups=count, weights=task.weights, constraints=task.constraints)
        if not impossible(instance):
            return count
    return len(task.units) + 1


def _refused(task: Task, solved: Solved, band: tuple[int, int] | None) -> Proposal:
    """Return an infeasible proposal with the wishes that contradict each other (all of them where time runs out)."""
    wishes = wishes_of(task.units, task.constraints, groups=band)
    patience = Clock(min(task.clock.left, _CONFLICT_SECONDS))
    try:
        named = conflict(task.units, wishes, clock=patience, forbidden=task.constraints.forbidden)
    except OutOfTime:
        named = tuple(wish.saying for wish in wishes)
    return replace(solved.proposal, conflict=named)
