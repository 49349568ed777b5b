"""The linear relaxation over all connected groups: columns priced in, odd-set cuts added, a safe bound.

The bound does not lean on the solver's word: it is the value of the multipliers in the dual, less what
reduced costs below zero (a solver's tolerance, or a pricing cut short) could still take away K times.
Multipliers of cuts only raise reduced costs, so pricing may leave them out and stays complete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.planning.cuts import Cut, odd_cut, odd_sets
from geo.planning.pricing import Listing, Prices, list_groups
from geo.solve import Outcome, Programme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from geo.planning.instance import Instance
    from geo.planning.pool import Pool

__all__ = ["Master", "Relaxation"]

_NEGATIVE: Final = -1e-7
_WHOLE: Final = 1e-6
_PENALTIES: Final = (30.0, 3_000.0, 300_000.0)
_ROUNDS: Final = 400
_INTERIOR_FROM: Final = 800  # atoms from which a cold start by the interior point method is faster
_CUTS_AT_ONCE: Final = 200
_QUICK_LEAST: Final = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """A solved relaxation.

    Attributes
    ----------
    bound : float
        Scaled value no plan can go under.
    prices : Prices
        Multipliers behind it.
    cut_duals : ndarray of float64
        Multipliers of the cuts, none above 0.
    values : ndarray of float64
        Share of each column of the pool.
    whole : bool
        Whether `values` is a plan.
    complete : bool
        Whether pricing and cutting came to their end.
    missing : float
        What artificial columns still cover; above 0 no plan was found in the relaxation.
    """

    bound: float
    prices: Prices
    cut_duals: NDArray[np.float64]
    values: NDArray[np.float64]
    whole: bool
    complete: bool
    missing: float


class Master:
    """The relaxation over a pool of groups that grows.

    Parameters
    ----------
    pool : Pool
        Groups and cuts; what is in it already becomes columns and rows.
    seed : int, keyword
        The solver's seed.
    poll : callable or None, keyword
        Called often; may raise to stop.
    """

    def __init__(self, pool: Pool, *, seed: int = 0, poll: Callable[[], None] | None = None) -> None:
        self.pool, self.instance, self.poll = pool, pool.instance, poll
        lower, upper = pool.row_ranges()
        self.programme = Programme(lower, upper, seed=seed, poll=poll)
        self.best_bound = -np.inf
        self._penalty = 0
        self._begun = False
        self._artificial = self._add_artificial(pool.first_cut_row)
        self._add_columns(pool.groups, pool.costs)

    def add(self, groups: Iterable[tuple[int, ...]], costs: Iterable[float]) -> int:
        """Add groups (sorted atoms) that are not in the pool; return how many were new."""
        known = len(self.pool.groups)
        fresh = self.pool.add(groups, costs)
        self._add_columns(fresh, self.pool.costs[known:])
        return len(fresh)

    def add_pairs(self) -> None:
        """Add every allowed single and pair: where few groups are merged, most of the answer."""
        it = self.instance
        singles = [(a,) for a in range(len(it))]
        ends = zip(it.heads[it.links].tolist(), it.tails[it.links].tolist(), strict=True)
        pairs = [(h, t) for h, t in ends if h < t]
        wanted = [group for group in (*singles, *pairs) if it.allows(group)]
        self.add(wanted, [it.cost(group) for group in wanted])

    def reprice(self, instance: Instance) -> None:
        """Go over to an instance that differs in the cost of a group as such; the basis stays."""
        more = instance.base - self.instance.base
        self.instance = self.pool.instance = instance
        self.pool.costs = [cost + more for cost in self.pool.costs]
        self._set_costs()

    def add_cut(self, cut: Cut) -> int:
        """Add a row; return its number, for `drop_cut`."""
        number = self.pool.add_cut(cut)
        places, values = self.pool.weights_of(cut)
        columns = [place + self._artificial for place in places]
        self.programme.add_rows([-np.inf], [cut.limit], starts=[0], columns=columns, values=values)
        return number

    def drop_cut(self, number: int) -> None:
        """Make a row mean nothing any more."""
        old = self.pool.cuts[number]
        self.pool.cuts[number] = Cut(np.inf, atoms=old.atoms, groups=old.groups)
        self.programme.set_row_bounds(self.pool.first_cut_row + number, -np.inf, np.inf)

    def relax(self, *, limit: int = 60_000, seconds: float = float("inf")) -> Relaxation:
        """Solve the relaxation over all connected groups.

        Parameters
        ----------
        limit : int, keyword
            Groups of one size grown in pricing.
        seconds : float, keyword
            Allowed to one linear solve.
        """
        result = self._solve(seconds)
        quick = max(_QUICK_LEAST, 2 * len(self.instance))
        for _ in range(_ROUNDS):
            if result is None:
                break
            listing = list_groups(self.instance, result.prices, window=_NEGATIVE, limit=quick, poll=self.poll)
            added, least = self._take(listing, result.cut_duals)
            if not added and listing.floor < _NEGATIVE and quick < limit:
                quick = limit  # a short list found nothing: from here on only the full one counts
                continue
            safe = result.bound + self._shortfall(np.minimum(least, listing.floors))
            self.best_bound = max(self.best_bound, safe)
            if added:
                result = self._again(result, seconds)
                continue
            if listing.floor < _NEGATIVE:
                return replace(result, bound=safe)
            further = self._cut(result, seconds)
            if further is None:
                return replace(result, bound=safe, complete=True)
            result = further
        return self._nothing() if result is None else replace(result, bound=-np.inf)

    def _cut(self, result: Relaxation, seconds: float) -> Relaxation | None:
        """Cut until nothing is violated (pricing waits for that); None when there was nothing to do."""
        if result.missing > _WHOLE:
            return self._again(result, seconds) if self._dearer() else None
        begun = result
        while not result.whole and self._separate(result):
            result = self._again(result, seconds)
        return None if result is begun else result

    def _again(self, last: Relaxation, seconds: float) -> Relaxation:
        result = self._solve(seconds)
        return result if result is not None else last

    def _shortfall(self, least: NDArray[np.float64]) -> float:
        """Return what reduced costs below zero can still take off the bound.

        A plan has at most `most` groups and no two with one root, so the least reduced cost of each root
        counts once at most.
        """
        below = np.minimum(least, 0.0)
        most = min(self.instance.most, len(below))
        return float(np.partition(below, most - 1)[:most].sum())

    def _take(self, listing: Listing, duals: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
        """Add what is listed under zero; return how many were new and the least reduced cost of each root."""
        least = np.full(len(self.instance), np.inf)
        if not len(listing):
            return 0, least
        reduced = self.pool.reduced(listing, duals)
        for block, value in zip(listing.members, reduced, strict=True):
            heaviest = self.instance.rank[block].argmax(axis=1)
            np.minimum.at(least, block[np.arange(len(block)), heaviest], value)
        groups: list[tuple[int, ...]] = []
        costs: list[float] = []
        values: list[float] = []
        for block, cost, value in zip(listing.members, listing.costs, reduced, strict=True):
            below = np.flatnonzero(value < _NEGATIVE)
            groups += [tuple(row) for row in block[below].tolist()]
            costs += cost[below].tolist()
            values += value[below].tolist()
        most = max(2_000, 3 * len(self.instance))
        order = np.argsort(values, kind="stable")[:most].tolist()
        return self.add([groups[i] for i in order], [costs[i] for i in order]), least

    def _separate(self, result: Relaxation) -> bool:
        part = np.flatnonzero((result.values > _WHOLE) & (result.values < 1 - _WHOLE)).tolist()
        known = {cut.atoms for cut in self.pool.cuts}
        most = max(_CUTS_AT_ONCE, len(self.instance) // 10)
        found = odd_sets([self.pool.groups[k] for k in part], result.values[part].tolist(), limit=most)
        fresh = [held for held in found if held not in known]
        for held in fresh:
            self.add_cut(odd_cut(held))
        return bool(fresh)

    def _add_columns(self, groups: Sequence[tuple[int, ...]], costs: Sequence[float]) -> None:
        if groups:
            starts, rows, values = self.pool.columns(groups)
            self.programme.add_columns(costs, starts=starts, rows=rows, values=values)

    def _add_artificial(self, count: int) -> int:
        """Add columns that let any row be met at a price, so that there is always an answer; return their number."""
        extra = np.arange(len(self.instance), count)
        rows = np.concatenate([np.arange(count), extra])
        values = np.concatenate([np.ones(count), -np.ones(len(extra))])
        # A heavy atom costs more alone than others do: leaving it out must be dearer still.
        self._fines = np.ones(len(rows))
        self._fines[: len(self.instance)] += np.abs(self.instance.alone_costs)
        self.programme.add_columns(_PENALTIES[0] * self._fines, starts=np.arange(len(rows)), rows=rows, values=values)
        return len(rows)

    def _dearer(self) -> bool:
        """Raise the price of artificial columns; False when it is at its highest."""
        if self._penalty + 1 >= len(_PENALTIES):
            return False
        self._penalty += 1
        self._set_costs()
        return True

    def _set_costs(self) -> None:
        self.programme.set_costs([*(_PENALTIES[self._penalty] * self._fines).tolist(), *self.pool.costs])

    def _solve(self, seconds: float) -> Relaxation | None:
        cold = not self._begun and len(self.instance) >= _INTERIOR_FROM
        self._begun = True
        answer = self.programme.solve_linear(seconds=seconds, interior=cold)
        if answer.values is None or answer.row_duals is None or answer.outcome is not Outcome.OPTIMAL:
            return None
        values = answer.values[self._artificial :]
        whole = bool(((values < _WHOLE) | (values > 1 - _WHOLE)).all())
        missing = float(answer.values[: self._artificial].sum())
        return Relaxation(
            self._dual_value(answer.row_duals),
            self._prices(answer.row_duals),
            np.minimum(answer.row_duals[self.pool.first_cut_row :], 0.0),
            values,
            whole and missing < _WHOLE,
            complete=False,
            missing=missing,
        )

    def _prices(self, duals: NDArray[np.float64]) -> Prices:
        count = len(self.instance)
        parents = np.full(self.instance.parents_known, duals[count])
        for number, (held, _, _) in enumerate(self.instance.counts, start=count + 1):
            parents[list(held)] += duals[number]
        return Prices(duals[:count], parents)

    def _dual_value(self, duals: NDArray[np.float64]) -> float:
        it = self.instance
        value = float(duals[: len(it)].sum()) + float(duals[len(it)]) * (it.fewest if duals[len(it)] > 0 else it.most)
        for row, (_, low, high) in enumerate(it.counts, start=len(it) + 1):
            value += float(duals[row]) * (low if duals[row] > 0 else high)
        cut_duals = duals[self.pool.first_cut_row :]
        for dual, cut in zip(cut_duals.tolist(), self.pool.cuts, strict=True):
            if dual < 0:
                value += dual * cut.limit
        return value

    def _nothing(self) -> Relaxation:
        it = self.instance
        empty = np.zeros(0)
        prices = Prices(np.zeros(len(it)), np.zeros(it.parents_known))
        return Relaxation(
            -np.inf, prices, empty, np.zeros(len(self.pool.groups)), whole=False, complete=False, missing=np.inf
        )
