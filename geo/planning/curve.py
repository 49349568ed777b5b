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

__all__ = ["Curve", "CurvePoint", "TradeOff", "curve", "trade_off"]

_STEEPEST: Final = 1e4
_SAME: Final = 1e-9


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
class TradeOff:
    """Plans of one K none of which is better in both: unweighted balance and disruption, with the weights used."""

    balance: float
    disruption: float
    weights: Weights
    proposal: Proposal


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
    points = plans[lowest:]
    if len(points) < 3:  # noqa: PLR2004 - a bend needs three points
        return None
    (first, top), (last, bottom) = points[0], points[-1]
    span, rise = first - last, bottom - top
    if rise <= 0:
        return None
    below = [((first - k) / span - (value - top) / rise, k) for k, value in points]
    depth, knee = max(below)
    return knee if depth > _SAME else None


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
) -> tuple[TradeOff, ...]:
    """Return plans along the trade-off between balance and disruption, most balanced first.

    The weight of compactness stays. Weights between two plans are set to the slope between them
    (dichotomic search), so every plan is a corner of the lower convex hull.

    Parameters
    ----------
    units : Units
        What is merged.
    groups : int, keyword
        K.
    points : int, keyword
        At most so many plans.
    weights, constraints, seed, time_limit, progress : keyword
        As for `propose`.
    """
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

    def run(self) -> tuple[TradeOff, ...]:
        balanced, calm = self._solve(1.0, 1.0 / _STEEPEST), self._solve(1.0 / _STEEPEST, 1.0)
        found = [end for end in (balanced, calm) if end is not None]
        if balanced is None or calm is None:
            return tuple(found)
        queue = [(balanced, calm)]
        while queue and len(found) < self.points and self._told(len(found) / self.points):
            left, right = queue.pop(0)
            rise, run = left.disruption - right.disruption, right.balance - left.balance
            if rise <= _SAME or run <= _SAME:
                continue
            middle = self._solve(rise / (rise + run), run / (rise + run))
            if middle is None or any(_same(middle, other) for other in found):
                continue
            found.append(middle)
            queue += [(left, middle), (middle, right)]
        ranked = sorted(found, key=lambda p: (p.balance, p.disruption))
        front: list[TradeOff] = []
        for point in ranked:  # the third term can make a plan best at its weights and yet worse in both of these
            if not front or point.disruption < front[-1].disruption - _SAME:
                front.append(point)
        return tuple(front)

    def _told(self, share: float) -> bool:
        try:
            if self.progress is not None:
                self.progress(share, "trade-off")
        except StopSearch:
            return False
        return self.clock.left > 0

    def _solve(self, balance: float, disruption: float) -> TradeOff | None:
        size = self.weights.balance + self.weights.disruption or 1.0
        weights = replace(self.weights, balance=balance * size, disruption=disruption * size)
        task = Task(
            units=self.units,
            weights=weights,
            constraints=self.constraints,
            clock=Clock(self.clock.left),
            seed=self.seed,
        )
        found = task.solve(self.groups).proposal
        if found.terms is None:
            return None
        return TradeOff(
            balance=found.terms.balance / weights.balance,
            disruption=found.terms.disruption / weights.disruption,
            weights=weights,
            proposal=found,
        )


def _same(one: TradeOff, two: TradeOff) -> bool:
    return abs(one.balance - two.balance) <= _SAME and abs(one.disruption - two.disruption) <= _SAME
