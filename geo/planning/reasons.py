"""Say why: every merge in figures and in sentences, Chinese and English, with its next best alternative."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from geo.planning.alternatives import without_group, without_group_nearby
from geo.planning.clock import Clock
from geo.planning.constraints import Constraints, Weights
from geo.planning.proposal import Groups, Proposal, Reason, Saying, Status
from geo.planning.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.planning.search import Search
    from geo.planning.units import Units

__all__ = ["HOUSEHOLDS", "explain", "explain_with"]

HOUSEHOLDS: Final = Saying("户", "households")

_SAME: Final = 1e-12
_WHOLE: Final = 1e-9
_EVERYWHERE: Final = 400  # units up to which the next best plan is sought everywhere, proven
_MOST_PRICED: Final = 1_000


def explain(
    units: Units,
    proposal: Proposal,
    *,
    weights: Weights | None = None,
    constraints: Constraints | None = None,
    names: Sequence[str] | None = None,
    counted: Saying = HOUSEHOLDS,
    seed: int = 0,
    time_limit: float | None = 30.0,
) -> tuple[Reason, ...]:
    """Explain every merge of a proposal.

    Parameters
    ----------
    units : Units
        What was merged.
    proposal : Proposal
        The plan; also one that a planner has changed by hand.
    weights, constraints : keyword
        Those of the proposal.
    names : sequence of str or None, keyword
        Names for the sentences; ids when None.
    counted : Saying, keyword
        What loads count, as it is written behind a number.
    seed : int, keyword
        The solver's seed.
    time_limit : float or None, keyword
        Seconds for the search of alternatives; what is not settled then has no price.

    Returns
    -------
    tuple of Reason
        One for each group of more than one unit, in order.
    """
    task = Task(
        units=units,
        weights=weights or Weights(),
        constraints=constraints or Constraints(),
        clock=Clock(time_limit),
        seed=seed,
    )
    search = task.solve(proposal.count).search if proposal.merges else None
    return explain_with(task, search, proposal, names=names, counted=counted)


def explain_with(
    task: Task,
    search: Search | None,
    proposal: Proposal,
    *,
    names: Sequence[str] | None = None,
    counted: Saying = HOUSEHOLDS,
) -> tuple[Reason, ...]:
    """Explain every merge with a search that is still warm (None: no prices)."""
    called = tuple(names) if names is not None else task.units.ids
    inside = _shared_inside(task.units, proposal)
    reasons = []
    for number, group in enumerate(proposal.groups):
        if len(group) > 1:
            rival = _rival(task, search, proposal, group)
            reasons.append(_reason(task.units, proposal, group, inside[number], rival, called, counted))
    return tuple(reasons)


def _rival(task: Task, search: Search | None, proposal: Proposal, group: tuple[int, ...]) -> Proposal | None:
    """Return the best plan without a group: of all plans, or where units are many of those that differ nearby."""
    if search is None or task.clock.left <= 0 or len(proposal.merges) > _MOST_PRICED:
        return None
    if len(task.units) <= _EVERYWHERE:
        found = without_group(task, search, group)
    else:
        found = without_group_nearby(task, search, proposal, group)
    return None if found.status is Status.UNKNOWN else found


def _shared_inside(units: Units, proposal: Proposal) -> list[float]:
    label = proposal.label(len(units))
    total = [0.0] * len(proposal.groups)
    for (i, j), length in zip(units.pairs.tolist(), units.shared_m.tolist(), strict=True):
        if label[i] == label[j]:
            total[label[i]] += length
    return total


def _reason(
    units: Units,
    proposal: Proposal,
    group: tuple[int, ...],
    shared_m: float,
    rival: Proposal | None,
    names: Sequence[str],
    counted: Saying,
) -> Reason:
    loads = [float(units.loads[unit]) for unit in group]
    load, heaviest = math.fsum(loads), max(loads)
    price = None
    if rival is not None and rival.objective is not None and proposal.objective is not None:
        price = rival.objective - proposal.objective
    bare = Reason(
        group=group,
        shared_m=shared_m,
        load=load,
        target=units.total_load / proposal.count,
        heaviest=heaviest,
        stays=group[loads.index(heaviest)],
        moved=load - heaviest,
        price=price,
        price_proven=rival is not None
        and len(units) <= _EVERYWHERE
        and rival.status in (Status.OPTIMAL, Status.INFEASIBLE),
        instead=_instead(rival, group),
        saying=Saying("", ""),
    )
    value = proposal.objective or 0.0
    return replace(
        bare, saying=Saying(_zh(units, bare, value, names, counted.zh), _en(units, bare, value, names, counted.en))
    )


def _instead(rival: Proposal | None, group: tuple[int, ...]) -> Groups:
    if rival is None:
        return ()
    held = set(group)
    return tuple(other for other in rival.groups if held & set(other))


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < _WHOLE else f"{value:.1f}"


def _zh(units: Units, reason: Reason, objective: float, names: Sequence[str], counted: str) -> str:
    before = "、".join(_number(units.loads[u]) for u in reason.group)
    text = (
        f"{'、'.join(names[u] for u in reason.group)}合并：共有边界{reason.shared_m:.0f}米；合并前各{before}{counted}，"
        f"合并后{_number(reason.load)}{counted}，为均值{reason.target:.1f}{counted}的"
        f"{reason.load / reason.target:.0%}；{names[reason.stays]}的网格员留任，"
        f"{_number(reason.moved)}{counted}更换网格员。"
    )
    if reason.price is None:
        return text + ("不这样合并就没有满足全部要求的方案。" if reason.price_proven else "次优方案未比较。")
    other = "；".join("＋".join(names[u] for u in held) for held in reason.instead)
    change = f"目标值增加{reason.price:.6f}{_share(reason.price, objective)}"
    nearby = "" if reason.price_proven else "（只比较周边的调整，可能还有更好的）"
    return text + f"若不这样合并，次优安排为{other}，{change if reason.price > _SAME else '目标值相同'}{nearby}。"


def _en(units: Units, reason: Reason, objective: float, names: Sequence[str], counted: str) -> str:
    before = ", ".join(_number(units.loads[u]) for u in reason.group)
    text = (
        f"{', '.join(names[u] for u in reason.group)} become one: {reason.shared_m:.0f} m of common border; "
        f"{before} {counted} before, {_number(reason.load)} after, {reason.load / reason.target:.0%} of the mean "
        f"{reason.target:.1f}; the worker of {names[reason.stays]} stays, "
        f"{_number(reason.moved)} {counted} change worker. "
    )
    if reason.price is None:
        late = "The next best plan was not compared."
        return text + ("Without this merge no plan meets every wish." if reason.price_proven else late)
    other = "; ".join(" + ".join(names[u] for u in held) for held in reason.instead)
    change = f"costs {reason.price:.6f} more{_share(reason.price, objective)}"
    nearby = "" if reason.price_proven else " (of changes nearby; there may be better ones)"
    return text + f"The next best arrangement, {other}, {change if reason.price > _SAME else 'costs the same'}{nearby}."


def _share(price: float, objective: float) -> str:
    return f" ({price / objective:+.3%})" if objective else ""
