"""A pool of candidate groups with costs and cuts, and its layout as rows and columns of a programme.

Rows: one equation an atom, one for the number of groups, a range for each parent or region whose count is
wished, then the cuts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from geo.planning.cuts import Cut
    from geo.planning.instance import Instance
    from geo.planning.pricing import Listing, Prices

__all__ = ["Pool"]


class Pool:
    """Groups (sorted atoms), their scaled costs, and cuts.

    Parameters
    ----------
    instance : Instance
        The problem.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.groups: list[tuple[int, ...]] = []
        self.costs: list[float] = []
        self.place: dict[tuple[int, ...], int] = {}
        self.cuts: list[Cut] = []
        self._cuts_of: dict[int, list[int]] = {}
        self._groups_of: list[list[int]] = [[] for _ in range(len(instance))]
        self._rows_of_parent: dict[int, list[int]] = {}
        for number, (parents, _, _) in enumerate(instance.counts):
            for parent in parents:
                self._rows_of_parent.setdefault(parent, []).append(len(instance) + 1 + number)

    @property
    def first_cut_row(self) -> int:
        """Row of the first cut."""
        return len(self.instance) + 1 + len(self.instance.counts)

    def row_ranges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper limits of all rows."""
        it = self.instance
        ranges = [(it.fewest, it.most), *((low, high) for _, low, high in it.counts)]
        lower = [1.0] * len(it) + [low for low, _ in ranges] + [-np.inf] * len(self.cuts)
        upper = [1.0] * len(it) + [high for _, high in ranges] + [cut.limit for cut in self.cuts]
        return np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)

    def count_rows(self, parent: int) -> Sequence[int]:
        """Rows that count a parent's groups, alone or with others'."""
        return self._rows_of_parent.get(parent, ())

    def add(self, groups: Iterable[tuple[int, ...]], costs: Iterable[float]) -> list[tuple[int, ...]]:
        """Add groups that are not in the pool; return the new ones."""
        fresh = []
        for group, cost in zip(groups, costs, strict=True):
            if group not in self.place:
                self.place[group] = len(self.groups)
                for atom in group:
                    self._groups_of[atom].append(len(self.groups))
                self.groups.append(group)
                self.costs.append(cost)
                fresh.append(group)
        return fresh

    def add_cut(self, cut: Cut) -> int:
        """Add a cut; return its number."""
        number = len(self.cuts)
        for atom in cut.atoms or {atom for group in cut.groups for atom in group}:
            self._cuts_of.setdefault(atom, []).append(number)
        self.cuts.append(cut)
        return number

    def weights_of(self, cut: Cut) -> tuple[list[int], list[float]]:
        """Return the groups of the pool with a weight in a cut, and the weights."""
        if cut.groups:
            places = sorted(self.place[group] for group in cut.groups if group in self.place)
            return places, [1.0] * len(places)
        tally: dict[int, int] = {}
        for atom in sorted(cut.atoms):
            for place in self._groups_of[atom]:
                tally[place] = tally.get(place, 0) + 1
        held = sorted((place, float(inside // 2)) for place, inside in tally.items() if inside > 1)
        return [place for place, _ in held], [weight for _, weight in held]

    def columns(self, groups: Sequence[tuple[int, ...]]) -> tuple[list[int], list[int], list[float]]:
        """Return start of each column, rows and values of these groups."""
        starts: list[int] = []
        rows: list[int] = []
        values: list[float] = []
        parents, count = self.instance.parents, len(self.instance)
        for group in groups:
            starts.append(len(rows))
            rows += group
            rows.append(count)
            if self._rows_of_parent:
                rows += self.count_rows(int(parents[group[0]]))
            values += [1.0] * (len(rows) - len(values))
            for cut, weight in self._cut_weights(group):
                rows.append(self.first_cut_row + cut)
                values.append(weight)
        return starts, rows, values

    def reduced_all(self, prices: Prices, duals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the reduced cost of every group of the pool."""
        sizes = np.array([len(g) for g in self.groups])
        flat = np.concatenate([np.array(g, dtype=np.int64) for g in self.groups])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        worth = np.add.reduceat(prices.atoms[flat], starts) + prices.parents[self.instance.parents[flat[starts]]]
        reduced: NDArray[np.float64] = np.array(self.costs) - worth
        for dual, cut in zip(duals.tolist(), self.cuts, strict=False):
            if dual < 0:
                places, weights = self.weights_of(cut)
                reduced[places] -= dual * np.array(weights)
        return reduced

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

    def _cut_weights(self, group: tuple[int, ...]) -> list[tuple[int, float]]:
        near = {number for atom in group for number in self._cuts_of.get(atom, ())}
        weights = [(number, float(self.cuts[number].weight(group))) for number in sorted(near)]
        return [(number, weight) for number, weight in weights if weight]


def _weights_in(cut: Cut, block: NDArray[np.int64]) -> NDArray[np.int64]:
    """Coefficients of a cut in groups of one size."""
    if not cut.groups:
        inside: NDArray[np.int64] = np.isin(block, list(cut.atoms)).sum(axis=1) // 2
        return inside
    size = block.shape[1]
    held = np.array(sorted(g for g in cut.groups if len(g) == size), dtype=np.int64).reshape(-1, size)
    hit = np.zeros(len(block), dtype=np.int64)
    for row in np.flatnonzero(np.isin(block[:, 0], held[:, 0])) if len(held) else ():
        hit[row] = int((held == block[row]).all(axis=1).any())
    return hit
