"""Curves for a decision: what each grid fewer costs, and balance against disruption."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from geo.errors import Refused
from geo.planning.clock import Clock, Progress
from geo.planning.constraints import Constraints, Weights
from geo.planning.proposal import Proposal, StopSearch
from geo.planning.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.planning.units import Units

__all__ = ["FEWEST_POINTS", "Curve", "CurvePoint", "TradeOff", "TradeOffPoint", "curve", "trade_off"]

# Nearly all the weight on one term: the other still decides between plans equal in it.
_UTMOST: Final = 1.0 - 1e-4
_SAME: Final = 1e-9
# A trade-off lies between two plans: the most balanced and the calmest.
FEWEST_POINTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One K: its proposal, and what the step to it from K+1 cost (None at the top or without a plan)."""

    count: int
    proposal: Proposal
    step_cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Objective by K, from the largest K down.

    Attributes
    ----------
    points : tuple of CurvePoint
        One a K, each with its gap.
    knee : int or None
        K after which each grid fewer costs clearly more: from the K of least objective downwards, the
        point farthest below the chord (Satopää et al., "Finding a kneedle in a haystack", 2011). None
        with fewer than three plans there or where no point lies below the chord.
    """

    points: tuple[CurvePoint, ...]
    knee: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOffPoint:
    """A plan on the trade-off.

    Attributes
    ----------
    balance : float
        Mean square of the relative deviations from W/K: the term of design §8 without its weight.
    disruption : float
        Share of the load that changes its worker, 0 to 1: likewise.
    weights : Weights
        Those at which this plan is the best one; asked again, they give it again.
    proposal : Proposal
        The plan with its bound and gap, which are those of the weighted objective.
    """

    balance: float
    disruption: float
    weights: Weights
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """Plans of one K none of which is better in both, the most balanced first.

    Attributes
    ----------
    points : tuple of TradeOffPoint
        Balance gets worse from each to the next, disruption less. Empty where no plan was found.
    knee : int or None
        Position of the plan after which more calm costs clearly more balance: the point farthest below the
        chord between the two ends, both axes scaled to them. None with fewer than three plans or no bend.
    """

    points: tuple[TradeOffPoint, ...]
    knee: int | None


def curve(
    units: Units,
    lo: int,
    hi: int,
    *,
    weights: Weights | None = None,
    constraints: Constraints | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Progress | None = None,
    gap: float = 1e-6,
) -> Curve:
    """Propose the best merge for every K from `lo` to `hi`.

    Parameters
    ----------
    units : Units
        What is merged.
    lo, hi : int
        Inclusive range of K.
    weights, constraints, seed, gap : keyword
        As for `propose`.
    time_limit : float or None, keyword
        Seconds for all points; each gets an equal share of what is left.
    progress : callable or None, keyword
        As for `propose`; when it stops the search, the points not reached are missing.

    Raises
    ------
    Refused
        The range is no range of counts, or a wish names what is not there.
    """
    if not 1 <= lo <= hi:
        raise Refused(
            f"{lo}-{hi} is no range of counts", code="groups-invalid", remedy="K is at least 1, a band goes upwards"
        )
    wishes = constraints or Constraints()
    wishes.check(units)
    outer = Clock(time_limit)
    points: list[CurvePoint] = []
    above = math.nan
    counts = range(min(hi, len(units)), lo - 1, -1)
    for number, count in enumerate(counts):
        try:
            if progress is not None:
                progress(number / len(counts), f"K = {count}")
        except StopSearch:
            break
        share = None if time_limit is None else outer.left / (len(counts) - number)
        task = Task(
            units=units, weights=weights or Weights(), constraints=wishes, clock=Clock(share), seed=seed, gap=gap
        )
        found = task.solve(count)
        step = found.objective - above
        points.append(CurvePoint(count=count, proposal=found.proposal, step_cost=step if math.isfinite(step) else None))
        above = found.objective
    plans = [(p.count, p.proposal.objective) for p in points if p.proposal.objective is not None]
    return Curve(points=tuple(points), knee=_knee(plans))


def _knee(plans: Sequence[tuple[int, float]]) -> int | None:
    lowest = min(range(len(plans)), key=lambda k: plans[k][1]) if plans else 0
    bend = _bend(plans[lowest:])
    return None if bend is None else plans[lowest + bend][0]


def _bend(points: Sequence[tuple[float, float]]) -> int | None:
    """Return the position of the point farthest below the chord from the first to the last, None without one."""
    if len(points) < 3:  # noqa: PLR2004 - a bend needs three points
        return None
    (left, start), (right, end) = points[0], points[-1]
    span, rise = right - left, end - start
    if not span or not rise:
        return None
    below = [((x - left) / span - (y - start) / rise) * math.copysign(1.0, rise) for x, y in points]
    # Of points equally far below the first in the row counts.
    deepest = max(range(len(points)), key=below.__getitem__)
    return deepest if below[deepest] > _SAME else None


def trade_off(
    units: Units,
    *,
    groups: int,
    points: int = 9,
    weights: Weights | None = None,
    constraints: Constraints | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> TradeOff:
    """Return plans along the trade-off between balance and disruption, most balanced first.

    The weight of compactness stays, and so does the sum of the two others. Between two plans the weights are tried
    at which both cost the same (dichotomic search): either a better plan is found there, or none is between them.
    The widest gap of the front is looked into first.

    Parameters
    ----------
    units : Units
        What is merged.
    groups : int, keyword
        K.
    points : int, keyword
        At most so many plans, at least two.
    weights, constraints, seed, progress : keyword
        As for `propose`; a progress callable that stops the search leaves the plans found so far.
    time_limit : float or None, keyword
        Seconds for all plans; each of those still to be found gets an equal share of what is left.

    Raises
    ------
    Refused
        `groups` is no count, `points` less than two, or a wish names what is not there.
    """
    if groups < 1 or points < FEWEST_POINTS:
        raise Refused("no trade-off can be drawn so", code="trade-off-invalid", remedy="at least one group, two points")
    wishes = constraints or Constraints()
    wishes.check(units)
    walk = _Walk(units, groups, weights or Weights(), wishes, seed, Clock(time_limit), progress, points)
    return walk.run()


@dataclass(slots=True, eq=False)
class _Walk:
    units: Units
    groups: int
    weights: Weights
    constraints: Constraints
    seed: int
    clock: Clock
    progress: Progress | None
    points: int
    asked: int = 0

    def run(self) -> TradeOff:
        ends = [self._solve(_UTMOST), self._solve(1.0 - _UTMOST)]
        found = [end for end in ends if end is not None]
        gaps = [(found[0], found[1])] if len(found) == FEWEST_POINTS else []
        while gaps and len(found) < self.points and self._told(len(found) / self.points):
            left, right = gaps.pop(max(range(len(gaps)), key=lambda k: _width(*gaps[k])))
            share = _indifferent(left, right)
            middle = None if share is None else self._solve(share)
            if middle is None or any(_same(middle, other) for other in found):
                continue
            found.append(middle)
            gaps += [(left, middle), (middle, right)]
        front = _front(found)
        return TradeOff(points=front, knee=_bend([(p.balance, p.disruption) for p in front]))

    def _told(self, share: float) -> bool:
        try:
            if self.progress is not None:
                self.progress(share, "trade-off")
        except StopSearch:
            return False
        return self.clock.left > 0

    def _solve(self, share: float) -> TradeOffPoint | None:
        size = self.weights.balance + self.weights.disruption or 1.0
        weights = replace(self.weights, balance=share * size, disruption=(1.0 - share) * size)
        seconds = self.clock.left / max(self.points - self.asked, 1)
        self.asked += 1
        task = Task(
            units=self.units, weights=weights, constraints=self.constraints, clock=Clock(seconds), seed=self.seed
        )
        found = task.solve(self.groups).proposal
        if found.terms is None:
            return None
        return TradeOffPoint(
            balance=found.terms.balance / weights.balance,
            disruption=found.terms.disruption / weights.disruption,
            weights=weights,
            proposal=found,
        )


def _width(left: TradeOffPoint, right: TradeOffPoint) -> float:
    """Area of the rectangle between two plans in which a plan better than their chord would lie."""
    return (right.balance - left.balance) * (left.disruption - right.disruption)


def _indifferent(left: TradeOffPoint, right: TradeOffPoint) -> float | None:
    """Return the share of balance at which two plans cost the same, compactness included; None outside their own."""
    size = left.weights.balance + left.weights.disruption
    bent = math.fsum((-_compactness(left), _compactness(right), -size * left.disruption, size * right.disruption))
    slope = size * math.fsum((left.balance, -right.balance, -left.disruption, right.disruption))
    if not slope:
        return None
    share = bent / slope
    return share if right.weights.balance < share * size < left.weights.balance else None


def _compactness(point: TradeOffPoint) -> float:
    return point.proposal.terms.compactness if point.proposal.terms is not None else 0.0


def _front(found: Sequence[TradeOffPoint]) -> tuple[TradeOffPoint, ...]:
    """Leave out what is worse in both: the third term can make such a plan the best at its weights."""
    front: list[TradeOffPoint] = []
    for point in sorted(found, key=lambda p: (p.balance, p.disruption)):
        if not front or point.disruption < front[-1].disruption - _SAME:
            front.append(point)
    return tuple(front)


def _same(one: TradeOffPoint, two: TradeOffPoint) -> bool:
    return abs(one.balance - two.balance) <= _SAME and abs(one.disruption - two.disruption) <= _SAME
