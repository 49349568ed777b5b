"""What a merge answers: the groups, what they cost, and how far that is proven."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.planning.constraints import Weights
    from geo.planning.units import Units

__all__ = ["Proposal", "Reason", "Saying", "Status", "StopSearch", "Terms", "measure", "relative_gap"]

GAP_ZERO: Final = 1e-6
_NOISE: Final = 1e-12

Groups = tuple[tuple[int, ...], ...]


class StopSearch(Exception):
    """Raised by a progress callback to end a search early; the best plan so far is returned."""


class Status(StrEnum):
    """How far a proposal is proven."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence in both tongues."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The objective's parts, each multiplied by its weight."""

    balance: float
    compactness: float
    disruption: float

    @property
    def total(self) -> float:
        """The objective of design §8."""
        return math.fsum((self.balance, self.compactness, self.disruption))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why two or more units become one grid.

    Attributes
    ----------
    group : tuple of int
        Units joined.
    shared_m : float
        Boundary that disappears, in metres.
    load, target, heaviest : float
        Load of the new grid, W/K, and the load of its heaviest unit.
    stays : int
        Unit whose worker stays (the heaviest; the first of equals).
    moved : float
        Load that changes its worker.
    price : float or None
        What the best plan without this very group costs more; None where there is no such plan
        (`price_proven`) or it was not settled in time (not `price_proven`).
    price_proven : bool
        Whether `price` is exact (else it is an upper limit).
    instead : tuple of tuple of int
        The groups of that plan that hold these units.
    saying : Saying
        All of it in words.
    """

    group: tuple[int, ...]
    shared_m: float
    load: float
    target: float
    heaviest: float
    stays: int
    moved: float
    price: float | None
    price_proven: bool
    instead: Groups
    saying: Saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A merge proposal with its proof.

    Attributes
    ----------
    status : Status
        ``optimal`` when `gap` is within what was asked; ``infeasible`` is a proof as well.
    count : int
        K.
    groups : tuple of tuple of int
        Units of each group, sorted, groups in order of their first unit. Empty without a plan.
    objective, bound : float or None
        Of design §8; no objective without a plan, no bound when infeasible.
    gap : float or None
        (objective − bound)/|objective|, 0 when ≤ 1e-6; None without a plan.
    balance_gap : float or None
        The same difference over the balance term alone, which no constant flatters; None where that is 0.
    seconds : float
        Wall time.
    terms : Terms or None
        Parts of the objective.
    reasons : tuple of Reason
        One a merge, where asked for.
    alternatives : tuple of Proposal
        The next best different plans, where asked for.
    conflict : tuple of Saying
        When infeasible: wishes that contradict each other, none of which can be left out of the contradiction.
    """

    status: Status
    count: int
    groups: Groups
    objective: float | None
    bound: float | None
    gap: float | None
    balance_gap: float | None
    seconds: float
    terms: Terms | None = None
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Proposal, ...] = ()
    conflict: tuple[Saying, ...] = ()

    @property
    def merges(self) -> Groups:
        """The groups of more than one unit."""
        return tuple(group for group in self.groups if len(group) > 1)

    def label(self, count: int) -> list[int]:
        """Return for each of `count` units the position of its group."""
        labels = [-1] * count
        for number, group in enumerate(self.groups):
            for unit in group:
                labels[unit] = number
        return labels


def measure(units: Units, groups: Sequence[Sequence[int]], *, weights: Weights) -> Terms:
    """Return the terms of the objective for any grouping, by the formulas of design §8 as they stand there.

    Parameters
    ----------
    units : Units
        What is merged.
    groups : sequence of sequence of int
        A partition of the units.
    weights : Weights, keyword
        Weights of the terms.
    """
    total, rim = units.total_load, units.total_perimeter_m
    target = total / len(groups)
    label = [-1] * len(units)
    for number, group in enumerate(groups):
        for unit in group:
            label[unit] = number
    loads = units.loads.tolist()
    sums = [math.fsum(loads[u] for u in group) for group in groups]
    spread = math.fsum((load / target - 1.0) ** 2 for load in sums) / len(groups)
    inside = math.fsum(
        length
        for (i, j), length in zip(units.pairs.tolist(), units.shared_m.tolist(), strict=True)
        if label[i] == label[j]
    )
    moved = math.fsum(load - max(loads[u] for u in group) for load, group in zip(sums, groups, strict=True))
    return Terms(
        balance=weights.balance * spread,
        compactness=weights.compactness * (rim - 2.0 * inside) / rim if rim > 0 else 0.0,
        disruption=weights.disruption * moved / total,
    )


def relative_gap(objective: float, bound: float, *, over: float | None = None) -> float:
    """Return (objective − bound)/|objective| (or over another yardstick), 0 when ≤ 1e-6."""
    if not math.isfinite(objective) or not math.isfinite(bound):
        return math.inf
    yard = abs(objective if over is None else over)
    apart = max(objective - bound, 0.0)
    if apart <= _NOISE:  # a perfect plan costs 0 but for rounding
        return 0.0
    gap = apart / yard if yard > 0 else math.inf
    return 0.0 if gap <= GAP_ZERO else gap
