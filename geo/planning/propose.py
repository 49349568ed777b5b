"""Propose a merge: the one door to the search."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from geo.errors import Refused
from geo.planning.clock import Clock, OutOfTime, Progress
from geo.planning.conflict import conflict, impossible, wishes_of
from geo.planning.constraints import Constraints, Weights
from geo.planning.instance import compile_instance
from geo.planning.proposal import Proposal, Saying, Status, measure, relative_gap
from geo.planning.search import Search, Verdict

if TYPE_CHECKING:
    from geo.planning.units import Units

__all__ = ["propose"]

FEWEST: Final = "fewest"
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
    gap : float, keyword
        Relative gap that counts as proven.

    Raises
    ------
    Refused
        A wish names what is not there, or `groups` is no count. A plan that cannot exist raises nothing:
        the proposal is ``infeasible`` and names the conflict.
    """
    weights, constraints = weights or Weights(), constraints or Constraints()
    constraints.check(units)
    band = _band(units, groups)
    clock = Clock(time_limit, progress)
    if groups == FEWEST:
        proposal = _fewest(units, weights, constraints, clock, seed=seed, gap=gap)
    else:
        proposal = _best_of(units, band, weights, constraints, clock, seed=seed, gap=gap)
    if proposal.status is Status.INFEASIBLE:
        wished = None if groups == FEWEST else band
        proposal = replace(proposal, conflict=_conflict(units, wished, constraints, clock))
    del alternatives, reasons
    return replace(proposal, seconds=clock.seconds)


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


def _solve(
    units: Units,
    count: int,
    weights: Weights,
    constraints: Constraints,
    clock: Clock,
    *,
    seed: int,
    gap: float,
    ceiling: float = math.inf,
) -> Proposal:
    """Search one K. `ceiling` is an unscaled objective worth beating."""
    instance = compile_instance(units, groups=count, weights=weights, constraints=constraints)
    if count > len(instance) or impossible(instance):
        verdict = Verdict(None, math.inf, math.inf)
    else:
        verdict = Search(instance, clock=clock, seed=seed, gap=gap, ceiling=ceiling * instance.scale).run()
    plan = None if verdict.plan is None else sorted(instance.units_of(group) for group in verdict.plan)
    bound = verdict.bound / instance.scale
    return _proposal(units, count, tuple(plan) if plan is not None else None, bound, weights, clock, gap=gap)


def _proposal(
    units: Units,
    count: int,
    groups: tuple[tuple[int, ...], ...] | None,
    bound: float,
    weights: Weights,
    clock: Clock,
    *,
    gap: float,
) -> Proposal:
    if groups is None:
        status = Status.INFEASIBLE if bound == math.inf else Status.UNKNOWN
        return Proposal(
            status=status,
            count=count,
            groups=(),
            objective=math.nan,
            bound=bound,
            gap=math.inf,
            balance_gap=math.inf,
            seconds=clock.seconds,
        )
    terms = measure(units, groups, weights=weights)
    bound = min(bound, terms.total)
    share = relative_gap(terms.total, bound)
    return Proposal(
        status=Status.OPTIMAL if share <= gap else Status.FEASIBLE,
        count=count,
        groups=groups,
        objective=terms.total,
        bound=bound,
        gap=share,
        balance_gap=relative_gap(terms.total, bound, over=terms.balance) if share > 0 else 0.0,
        seconds=clock.seconds,
        terms=terms,
    )


def _best_of(
    units: Units,
    band: tuple[int, int],
    weights: Weights,
    constraints: Constraints,
    clock: Clock,
    *,
    seed: int,
    gap: float,
) -> Proposal:
    """Return the best proposal of a band of K, its bound the least of the band's bounds."""
    best: Proposal | None = None
    bound = math.inf
    for count in range(band[0], min(band[1], max(len(units), band[0])) + 1):
        ceiling = math.inf if best is None else best.objective
        found = _solve(units, count, weights, constraints, clock, seed=seed, gap=gap, ceiling=ceiling)
        bound = min(bound, found.bound)
        if found.groups and (best is None or found.objective < best.objective):
            best = found
        elif best is None and found.status is Status.UNKNOWN:
            best = None
    if best is None:
        return _proposal(units, band[0], None, bound, weights, clock, gap=gap)
    return _proposal(units, best.count, best.groups, bound, weights, clock, gap=gap)


def _fewest(
    units: Units, weights: Weights, constraints: Constraints, clock: Clock, *, seed: int, gap: float
) -> Proposal:
    """Return the best plan for the smallest K that has one; smaller K are ruled out one by one."""
    ruled_out = True
    for count in range(1, len(units) + 1):
        instance = compile_instance(units, groups=count, weights=weights, constraints=constraints)
        if impossible(instance):
            continue
        found = _solve(units, count, weights, constraints, clock, seed=seed, gap=gap)
        if found.groups:
            return found if ruled_out else replace(found, status=Status.FEASIBLE)
        ruled_out &= found.status is Status.INFEASIBLE
    bound = math.inf if ruled_out else 0.0
    return _proposal(units, len(units), None, bound, weights, clock, gap=gap)


def _conflict(units: Units, band: tuple[int, int] | None, constraints: Constraints, clock: Clock) -> tuple[Saying, ...]:
    wishes = wishes_of(units, constraints, groups=band)
    patience = Clock(min(clock.left, _CONFLICT_SECONDS))
    try:
        return conflict(units, wishes, clock=patience, forbidden=constraints.forbidden)
    except OutOfTime:
        return tuple(wish.saying for wish in wishes)
