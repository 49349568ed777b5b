"""The linear relaxation over all connected groups: columns priced in, odd-set cuts added, a safe bound.

Rows: one equation an atom, one for K, a range for each parent whose count is wished, then the cuts.
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
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from geo.planning.instance import Instance

__all__ = ["Master", "Relaxation"]

_NEGATIVE: Final = -1e-7
_WHOLE: Final = 1e-6
_PENALTIES: Final = (30.0, 3_000.0, 300_000.0)
_ROUNDS: Final = 400
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
    """A pool of groups and the relaxation over it.

    Parameters
    ----------
    instance : Instance
        The problem.
    seed : int, keyword
        The solver's seed.
    poll : callable or None, keyword
        Called often; may raise to stop.
    """

    def __init__(self, instance: Instance, *, seed: int = 0, poll: Callable[[], None] | None = None) -> None:
        self.instance, self.poll, self.seed = instance, poll, seed
        self.groups: list[tuple[int, ...]] = []
        self.costs: list[float] = []
        self.place: dict[tuple[int, ...], int] = {}
        self.cuts: list[Cut] = []
        self._cuts_of: dict[int, list[int]] = {}
        self._counted = sorted(instance.counts)
        self._row_of_parent = {p: len(instance) + 1 + i for i, p in enumerate(self._counted)}
        ranges = [instance.counts[p] for p in self._counted]
        lower = np.concatenate([np.ones(len(instance)), [instance.fewest], [low for low, _ in ranges]])
        upper = np.concatenate([np.ones(len(instance)), [instance.most], [high for _, high in ranges]])
        self.programme = Programme(lower, upper, seed=seed, poll=poll)
        self.best_bound = -np.inf
        self._artificial = 0
        self._penalty = 0
        self._add_artificial()

    def add(self, groups: Iterable[tuple[int, ...]], costs: Iterable[float]) -> int:
        """Add groups (sorted atoms) that are not in the pool; return how many were new."""
        fresh = [(g, c) for g, c in zip(groups, costs, strict=True) if g not in self.place]
        if not fresh:
            return 0
        rows: list[int] = []
        values: list[float] = []
        starts = []
        parents = self.instance.parents
        for group, cost in fresh:
            self.place[group] = len(self.groups)
            self.groups.append(group)
            self.costs.append(cost)
            starts.append(len(rows))
            rows += group
            rows.append(len(self.instance))
            count_row = self._row_of_parent.get(int(parents[group[0]]))
            if count_row is not None:
                rows.append(count_row)
            values += [1.0] * (len(rows) - len(values))
            for cut, weight in self.cut_weights(group):
                rows.append(len(self.instance) + 1 + len(self._counted) + cut)
                values.append(weight)
        self.programme.add_columns([c for _, c in fresh], starts=starts, rows=rows, values=values)
        return len(fresh)

    def add_pairs(self) -> None:
        """Add every allowed single and pair: where few groups are merged, most of the answer."""
        it = self.instance
        singles = [(a,) for a in range(len(it))]
        ends = zip(it.heads[it.links].tolist(), it.tails[it.links].tolist(), strict=True)
        pairs = [(h, t) for h, t in ends if h < t]
        wanted = [group for group in (*singles, *pairs) if it.allows(group)]
        self.add(wanted, [it.cost(group) for group in wanted])

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
            added, lowest = self._take(listing, result.cut_duals)
            if not added and listing.floor < _NEGATIVE and quick < limit:
                quick = limit  # a short list found nothing: from here on only the full one counts
                continue
            safe = result.bound + self.instance.most * min(0.0, lowest, listing.floor)
            self.best_bound = max(self.best_bound, safe)
            if added:
                result = self._again(result, seconds)
                continue
            if listing.floor < _NEGATIVE or (result.missing <= _WHOLE and (result.whole or not self._separate(result))):
                return replace(result, bound=safe, complete=listing.floor >= _NEGATIVE)
            if result.missing > _WHOLE and not self._dearer():
                return replace(result, bound=safe, complete=True)
            result = self._again(result, seconds)
        return self._nothing() if result is None else replace(result, bound=-np.inf)

    def reduced(self, listing: Listing, duals: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the reduced costs of listed groups with the cuts' multipliers counted in."""
        active = [(cut, dual) for cut, dual in zip(self.cuts, duals.tolist(), strict=False) if dual < 0]
        if not active:
            return listing.reduced
        full = []
        for block, reduced in zip(listing.members, listing.reduced, strict=True):
            more = reduced.copy()
            for cut, dual in active:
                more -= dual * _weights_in(cut, block)
            full.append(more)
        return full

    def add_cut(self, cut: Cut) -> int:
        """Add a row; return its number, for `drop_cut`."""
        number = len(self.cuts)
        for atom in cut.atoms or {atom for group in cut.groups for atom in group}:
            self._cuts_of.setdefault(atom, []).append(number)
        self.cuts.append(cut)
        columns, values = [], []
        for place, group in enumerate(self.groups):
            weight = cut.weight(group)
            if weight:
                columns.append(place + self._artificial)
                values.append(float(weight))
        self.programme.add_rows([-np.inf], [cut.limit], starts=[0], columns=columns, values=values)
        return number

    def drop_cut(self, number: int) -> None:
        """Make a row mean nothing any more."""
        old = self.cuts[number]
        self.cuts[number] = Cut(np.inf, atoms=old.atoms, groups=old.groups)
        self.programme.set_row_bounds(len(self.instance) + 1 + len(self._counted) + number, -np.inf, np.inf)

    def _again(self, last: Relaxation, seconds: float) -> Relaxation | None:
        result = self._solve(seconds)
        return result if result is not None else last

    def _take(self, listing: Listing, duals: NDArray[np.float64]) -> tuple[int, float]:
        """Add what is listed under zero; return how many were new and the lowest reduced cost of all."""
        if not len(listing):
            return 0, 0.0
        reduced = self.reduced(listing, duals)
        lowest = min(float(block.min()) for block in reduced)
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
        return self.add([groups[i] for i in order], [costs[i] for i in order]), lowest

    def _separate(self, result: Relaxation) -> bool:
        part = np.flatnonzero((result.values > _WHOLE) & (result.values < 1 - _WHOLE)).tolist()
        known = {cut.atoms for cut in self.cuts}
        found = odd_sets([self.groups[k] for k in part], result.values[part].tolist())
        fresh = [held for held in found if held not in known]
        for held in fresh:
            self.add_cut(odd_cut(held))
        return bool(fresh)

    def cut_weights(self, group: tuple[int, ...]) -> list[tuple[int, float]]:
        """Return the cuts a group takes part in, with its coefficient in each."""
        near = {number for atom in group for number in self._cuts_of.get(atom, ())}
        weights = [(number, float(self.cuts[number].weight(group))) for number in sorted(near)]
        return [(number, weight) for number, weight in weights if weight]

    def _add_artificial(self) -> None:
        """Columns that let any row be met at a price, so that the relaxation always has an answer."""
        count = self.programme.rows
        extra = np.arange(len(self.instance), count)
        rows = np.concatenate([np.arange(count), extra])
        values = np.concatenate([np.ones(count), -np.ones(len(extra))])
        self._artificial = len(rows)
        self.programme.add_columns(
            np.full(len(rows), _PENALTIES[0]), starts=np.arange(len(rows)), rows=rows, values=values
        )

    def _dearer(self) -> bool:
        """Raise the price of artificial columns; False when it is at its highest."""
        self._penalty += 1
        if self._penalty >= len(_PENALTIES):
            return False
        self.programme.set_costs([_PENALTIES[self._penalty]] * self._artificial + self.costs)
        return True

    def _solve(self, seconds: float) -> Relaxation | None:
        answer = self.programme.solve_linear(seconds=seconds)
        if answer.values is None or answer.row_duals is None or answer.outcome is not Outcome.OPTIMAL:
            return None
        values = answer.values[self._artificial :]
        whole = bool(((values < _WHOLE) | (values > 1 - _WHOLE)).all())
        missing = float(answer.values[: self._artificial].sum())
        return Relaxation(
            self._dual_value(answer.row_duals),
            self._prices(answer.row_duals),
            np.minimum(answer.row_duals[len(self.instance) + 1 + len(self._counted) :], 0.0),
            values,
            whole and missing < _WHOLE,
            complete=False,
            missing=missing,
        )

    def _prices(self, duals: NDArray[np.float64]) -> Prices:
        count = len(self.instance)
        parents = np.full(int(self.instance.parents.max()) + 1, duals[count])
        for parent, row in self._row_of_parent.items():
            if parent < len(parents):
                parents[parent] += duals[row]
        return Prices(duals[:count], parents)

    def _dual_value(self, duals: NDArray[np.float64]) -> float:
        it = self.instance
        value = float(duals[: len(it)].sum()) + float(duals[len(it)]) * (it.fewest if duals[len(it)] > 0 else it.most)
        for parent, row in self._row_of_parent.items():
            low, high = it.counts[parent]
            value += float(duals[row]) * (low if duals[row] > 0 else high)
        cut_duals = duals[len(it) + 1 + len(self._counted) :]
        for dual, cut in zip(cut_duals.tolist(), self.cuts, strict=True):
            if dual < 0:
                value += dual * cut.limit
        return value

    def _nothing(self) -> Relaxation:
        it = self.instance
        empty = np.zeros(0)
        prices = Prices(np.zeros(len(it)), np.zeros(int(it.parents.max()) + 1))
        return Relaxation(
            -np.inf, prices, empty, np.zeros(len(self.groups)), whole=False, complete=False, missing=np.inf
        )


def _weights_in(cut: Cut, block: NDArray[np.int64]) -> NDArray[np.int64]:
    """Coefficients of a cut in groups of one size."""
    if not cut.groups:
        inside: NDArray[np.int64] = np.isin(block, list(cut.atoms)).sum(axis=1) // 2
        return inside
    held = np.array(sorted(g for g in cut.groups if len(g) == block.shape[1]), dtype=np.int64).reshape(
        -1, block.shape[1]
    )
    hit = np.zeros(len(block), dtype=np.int64)
    near = np.flatnonzero(np.isin(block[:, 0], held[:, 0])) if len(held) else ()
    for row in near:
        hit[row] = int((held == block[row]).all(axis=1).any())
    return hit
