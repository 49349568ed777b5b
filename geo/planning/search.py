"""The best merge into exactly K groups, proven: relaxation, then an integer programme over all that may matter.

With a plan of value U and a bound L, no group whose reduced cost is above U − L is in a better plan. So
the integer programme over every group (of any size) under that window settles the question; where
the list would be too long, the floor of what was left out bounds the rest honestly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.planning.clock import Clock, OutOfTime
from geo.planning.master import Master, Relaxation
from geo.planning.opening import first_plan
from geo.planning.polish import polished
from geo.planning.pool import Pool
from geo.planning.pricing import list_groups
from geo.solve import Outcome, Programme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.planning.cuts import Cut
    from geo.planning.instance import Instance

__all__ = ["Search", "Verdict"]

_CLOSED: Final = 1e-7
_LIST_LIMIT: Final = 150_000
_FIRST_COLUMNS: Final = 3
_COLUMN_STEPS: Final = (1, 3, 9)
_POOL_NODES: Final = 300  # a limit on nodes keeps runs repeatable, one on seconds would not
_POLISH_FROM: Final = 1e-3
_PIECES: Final = (20, 30)
_FINE_BELOW: Final = 400
_PIECE_GAP: Final = 1e-4
_FIX_FROM: Final = 1_500
_FIRST_PART: Final = 1 / 16
_NEAR: Final = 0.01
_WHOLE: Final = 1e-6

Plan = list[tuple[int, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The outcome for one K, scaled: the best plan known, its value, and the proven bound."""

    plan: Plan | None
    value: float
    bound: float

    @property
    def infeasible(self) -> bool:
        """Whether it is proven that there is no plan."""
        return self.plan is None and self.bound == np.inf


class Search:
    """One search for one K; keeps its best plan and bound while it runs, so that it can be stopped.

    Parameters
    ----------
    instance : Instance
        The problem.
    clock : Clock, keyword
        Time and progress.
    seed : int, keyword
        The solver's seed.
    gap : float, keyword
        Relative gap that is good enough.
    ceiling : float, keyword
        A scaled value that a plan must beat to be of interest.
    feasibility : bool, keyword
        Any plan ends the search.
    thorough : bool, keyword
        Go on until proven; otherwise a few nodes of each programme are enough.
    least : float, keyword
        A scaled value that no plan can go under (where groups are paid for, costs may be below 0).
    """

    def __init__(
        self,
        instance: Instance,
        *,
        clock: Clock,
        seed: int = 0,
        gap: float = 1e-6,
        ceiling: float = np.inf,
        feasibility: bool = False,
        thorough: bool = True,
        least: float = 0.0,
    ) -> None:
        self.instance, self.clock, self.seed, self.gap = instance, clock, seed, gap
        self.ceiling, self.feasibility, self.thorough = ceiling, feasibility, thorough
        self.plan: Plan | None = None
        self.value, self.bound = np.inf, least
        self.pool = Pool(instance)
        self._master: Master | None = None

    @property
    def master(self) -> Master:
        """The relaxation over the pool, made when first asked for."""
        if self._master is None:
            self._master = Master(self.pool, seed=self.seed, poll=self.clock.poll)
        return self._master

    def run(self) -> Verdict:
        """Search until proven, out of time, or at the end of what can be listed."""
        try:
            self._open()
            self._decide()
        except OutOfTime:
            self.bound = max(self.bound, -np.inf if self._master is None else self._master.best_bound)
        return Verdict(self.plan, self.value, self.bound)

    def price_of_a_group(self) -> float:
        """Return the multiplier of the number of groups in the relaxation: what one more would change."""
        self._open()
        return float(self.master.relax(seconds=self.clock.left).prices.parents[0])

    def again(self, cuts: Sequence[Cut]) -> Verdict:
        """Search once more with rows that leave plans out, then forget the rows; the pool stays warm."""
        kept = (self.plan, self.value, self.bound)
        self.plan, self.value = None, np.inf
        rows = [self.master.add_cut(cut) for cut in cuts]
        try:
            self._decide()
        except OutOfTime:
            self.bound = max(self.bound, self.master.best_bound)
        finally:
            verdict = Verdict(self.plan, self.value, self.bound)
            self.plan, self.value, self.bound = kept
            self.master.best_bound = -np.inf
            for row in rows:
                self.master.drop_cut(row)
        return verdict

    def _decide(self) -> None:
        relaxation = self.master.relax(seconds=self.clock.left)
        self._learn(relaxation)
        if not self._settled() and not self._hopeless(relaxation):
            self._close(relaxation)

    def offer(self, plan: Plan) -> None:
        """Take a plan that keeps all wishes if it is better than the best so far."""
        value = sum(self.instance.cost(group) for group in plan)
        if value < self.value:
            self.plan, self.value = sorted(plan), value

    def _open(self) -> None:
        self.clock.tell(0.05, "first plan")
        plan = first_plan(self.instance)
        if plan is not None:
            self.offer(plan)
        self.master.add_pairs()
        if self.plan is not None:
            self.master.add(self.plan, [self.instance.cost(group) for group in self.plan])
        self.clock.tell(0.1, "relaxation")

    def _learn(self, relaxation: Relaxation) -> None:
        self.bound = max(self.bound, self.master.best_bound)
        if relaxation.whole:
            self.offer([self.pool.groups[k] for k in np.flatnonzero(relaxation.values > 0.5)])  # noqa: PLR2004

    def _settled(self) -> bool:
        """Whether the plan is proven closely enough, or nothing better than the ceiling can come."""
        if self.bound >= self.ceiling or (self.feasibility and self.plan is not None):
            return True
        return self.plan is not None and self.value - self.bound <= max(self.gap, _CLOSED) * 0.5 * abs(self.value)

    def _hopeless(self, relaxation: Relaxation) -> bool:
        """Whether no plan exists: the relaxation costs more than any plan could."""
        if self.plan is None and relaxation.missing > 0 and self.bound > self._dearest():
            self.bound = np.inf
            return True
        return False

    def _dearest(self) -> float:
        """Scaled value that no plan can exceed."""
        it = self.instance
        total = float(it.loads.sum())
        squares = it.alpha * total * min(it.max_load * 1.000001, total)
        return squares + it.base * it.most + float(np.abs(it.own).sum())

    def _close(self, relaxation: Relaxation) -> None:
        """Integer programmes over growing windows until proven."""
        self.clock.tell(0.5, "integer programme")
        if len(self.instance) >= _FIX_FROM and self._fix_and_solve(relaxation):
            self._prove(relaxation)
            return
        before = self.value
        self._integer_over_pool(relaxation)
        # Where few units' programme found a plan, the gap is the relaxation's own: only proving helps.
        if self._is_far(relaxation) and (self.value >= before or len(self.instance) >= _FINE_BELOW):
            self._polish()
        self._prove(relaxation, whole=self.value < before)

    def _fix_and_solve(self, relaxation: Relaxation) -> bool:
        """Keep the groups that the relaxation takes whole where nothing near is in doubt, and solve the rest."""
        it, groups = self.instance, self.pool.groups
        taken = np.flatnonzero(relaxation.values > _WHOLE).tolist()
        doubt = np.zeros(len(it), dtype=bool)
        for k in taken:
            if relaxation.values[k] < 1 - _WHOLE:
                doubt[list(groups[k])] = True
        near = doubt.copy()
        near[it.heads[doubt[it.tails]]] = True
        sure = [groups[k] for k in taken if not near[list(groups[k])].any()]
        settled = np.zeros(len(it), dtype=bool)
        for group in sure:
            settled[list(group)] = True
        reduced = self.pool.reduced_all(relaxation.prices, relaxation.cut_duals)
        loose = [
            k
            for k in np.flatnonzero(reduced <= self._first_window(reduced)).tolist()
            if not settled[list(groups[k])].any()
        ]
        rest = [groups[k] for k in loose]
        self._integer(sure + rest, [it.cost(group) for group in sure] + [self.pool.costs[k] for k in loose])
        return self.plan is not None and self.value - relaxation.bound <= _NEAR * abs(self.value)

    def _integer_over_pool(self, relaxation: Relaxation) -> None:
        """Find a plan among the groups of the pool with the least reduced costs, more of them where there is none."""
        reduced = self.pool.reduced_all(relaxation.prices, relaxation.cut_duals)
        for share in _COLUMN_STEPS:
            window = self._first_window(reduced, share)
            picked = np.flatnonzero(reduced <= window).tolist()
            groups = [self.pool.groups[k] for k in picked]
            self._integer(groups, [self.pool.costs[k] for k in picked], nodes=_POOL_NODES)
            if self.plan is not None or len(picked) == len(reduced):
                return

    def _is_far(self, relaxation: Relaxation) -> bool:
        return self.plan is not None and self.value - relaxation.bound > _POLISH_FROM * abs(self.value)

    def _polish(self) -> None:
        """Better the plan piece by piece."""
        if self.plan is None or not self.thorough:
            return
        self.clock.tell(0.6, "polishing")
        for size in _PIECES if len(self.instance) < _FINE_BELOW else _PIECES[:1]:
            if len(self.instance) > size:
                self.clock.muted = True
                try:
                    polished(self.instance, self.plan, solve=self._piece, size=size, offer=self.offer)
                finally:
                    self.clock.muted = False

    def _piece(self, part: Instance, value: float) -> Plan | None:
        """Solve a piece as far as a few nodes lead."""
        self.clock.poll()
        search = Search(part, clock=self.clock, seed=self.seed, gap=_PIECE_GAP, ceiling=value, thorough=False)
        found = search.run()
        self.clock.poll()
        return found.plan if found.plan is not None and found.value < value else None

    def _prove(self, relaxation: Relaxation, *, whole: bool = False) -> None:
        """Solve over every group under a window until it is closed.

        The full window is the gap. Where many units make that list long, a part of it comes first: it
        mostly holds a better plan, which narrows the gap, and bounds the rest by its own floor.
        """
        large = len(self.instance) >= _FIX_FROM or (self._is_far(relaxation) and not whole)
        part = _FIRST_PART if large else 1.0
        while not self._settled():
            window = (self.value - relaxation.bound) * part if self.plan is not None else np.inf
            self.clock.tell(0.7, "proof")
            groups, costs, floor = self._all_under(relaxation, window)
            before = (self.value, self.bound)
            proven = self._integer(groups, costs, nodes=None if self.thorough else _POOL_NODES)
            limit = min(proven, relaxation.bound + floor)
            self.bound = max(self.bound, min(limit, self.value) if self.plan is not None else limit)
            if floor < window or (part >= 1.0 and before == (self.value, self.bound)):
                break
            part = min(part * 4.0, 1.0)

    def _first_window(self, reduced: NDArray[np.float64], share: int = 1) -> float:
        count = min(len(reduced), share * (_FIRST_COLUMNS * len(self.instance) + 200))
        return float(np.partition(reduced, count - 1)[count - 1]) if count else 0.0

    def _all_under(self, relaxation: Relaxation, window: float) -> tuple[Plan, list[float], float]:
        """Every group under the window, its cost, and the floor of what is not listed."""
        margin = window * (1 + 1e-9) + 1e-9 if np.isfinite(window) else window
        listing = list_groups(self.instance, relaxation.prices, window=margin, limit=_LIST_LIMIT, poll=self.clock.poll)
        groups: Plan = []
        costs: list[float] = []
        full = self.pool.reduced(listing, relaxation.cut_duals)
        for block, cost, reduced in zip(listing.members, listing.costs, full, strict=True):
            under = np.flatnonzero(reduced <= margin)
            groups += [tuple(row) for row in block[under].tolist()]
            costs += cost[under].tolist()
        return groups, costs, min(listing.floor, margin)

    def _integer(self, groups: Plan, costs: Sequence[float], *, nodes: int | None = None) -> float:
        """Solve over these groups; take what is better; return the proven bound over them."""
        lower, upper = self.pool.row_ranges()
        programme = Programme(lower, upper, seed=self.seed, poll=self.clock.poll)
        starts, rows, values = self.pool.columns(groups)
        programme.add_columns(costs, starts=starts, rows=rows, values=values, upper=1.0)
        allowed = max(self.gap, _CLOSED) * 0.2 * abs(self.value if self.plan is not None else self.bound)
        answer = programme.solve_integer(seconds=self.clock.left, gap=allowed, nodes=nodes)
        if answer.values is not None:
            self.offer([groups[k] for k in np.flatnonzero(answer.values > 0.5)])  # noqa: PLR2004
        return np.inf if answer.outcome is Outcome.INFEASIBLE else answer.bound
