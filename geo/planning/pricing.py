"""List every connected group whose reduced cost is small enough, or say how far the list is complete.

Groups are grown one atom at a time, all groups of one size together, each from its member of highest
rank (its heaviest), so that the heaviest is known at once and loads are large from the start. A group
is dropped when no superset can come under the window. That bound is the reach R of a neighbour j: an
upper bound on what any connected set hanging on j can still gain at load L,

    R(L, j) = p(L, j) + Σ_{k next to j} max(0, R(L + w_j, k)),
    p(L, j) = π_j − u_j − 2α·L·w_j − α·w_j² + ½·Σ_k e_jk,

for a connected set has a spanning tree, loads only grow along it, and an edge between two added atoms
can be counted half at each end. R is tabled at some loads, from the largest downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.planning.instance import LOAD_SLACK
from geo.planning.tangent import Tangent, regions_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from geo.planning.instance import Instance

__all__ = ["Listing", "Prices", "list_groups"]

_LEVELS: Final = 40
_SWEEPS: Final = 12
# Load V and heaviest atom of each tangent, in means of a group.
_TANGENTS: Final = (
    (1.0, 0.5),
    (1.0, 1.0),
    (0.9, 0.5),
    (1.1, 0.5),
    (0.9, 0.25),
    (1.1, 0.25),
    (1.2, 1.2),
    (1.5, 1.5),
    (2.5, 2.5),
)
# Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): splitmix64.
_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIXERS: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Multipliers of the atoms' rows and, added up, of the rows that count a parent's groups."""

    atoms: NDArray[np.float64]
    parents: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Groups under the window.

    Attributes
    ----------
    members : list of ndarray of int64, shape (m_k, k)
        Groups by size, rows sorted, one array a size.
    costs, reduced : list of ndarray of float64
        Scaled cost and reduced cost of each.
    floors : ndarray of float64, shape (n,)
        Every allowed group that is not listed has a reduced cost of at least that of its root (its member of
        highest rank).
    """

    members: list[NDArray[np.int64]]
    costs: list[NDArray[np.float64]]
    reduced: list[NDArray[np.float64]]
    floors: NDArray[np.float64]

    @property
    def floor(self) -> float:
        """Least of all floors."""
        return float(self.floors.min())

    def __len__(self) -> int:
        return sum(len(block) for block in self.members)


@dataclass(frozen=True, slots=True, eq=False)
class _Front:
    """Groups of one size still growing: members (first the root), load, reduced cost, hash."""

    members: NDArray[np.int64]
    load: NDArray[np.float64]
    reduced: NDArray[np.float64]
    mark: NDArray[np.uint64]

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> _Front:
        return _Front(self.members[which], self.load[which], self.reduced[which], self.mark[which])


def list_groups(
    instance: Instance,
    prices: Prices,
    *,
    window: float,
    limit: int = 200_000,
    poll: Callable[[], None] | None = None,
) -> Listing:
    """List the connected groups with reduced cost at most `window`.

    Parameters
    ----------
    instance : Instance
        The problem.
    prices : Prices
        Multipliers; the reduced cost of S is cost(S) − Σ atoms[S] − parents[parent of S].
    window : float, keyword
        Scaled upper limit of the reduced costs wanted.
    limit : int, keyword
        At most so many groups of one size are grown further; the most promising stay, and `floor`
        then says what may have been missed.
    poll : callable or None, keyword
        Called between sizes; may raise.

    Returns
    -------
    Listing
        Complete up to its floors, which are infinite unless the limit was met.
    """
    growth = _Growth(instance, prices, window)
    front = growth.roots()
    members: list[NDArray[np.int64]] = []
    costs: list[NDArray[np.float64]] = []
    reduced: list[NDArray[np.float64]] = []
    floors = np.full(len(instance), np.inf)
    while len(front.load):
        if poll is not None:
            poll()
        good = growth.wanted(front)
        if good.any():
            block = np.sort(front.members[good], axis=1)
            members.append(block)
            reduced.append(front.reduced[good])
            costs.append(front.reduced[good] + growth.value(block))
        front = growth.grown(front, limit, floors)
    return Listing(members, costs, reduced, floors)


class _Growth:
    """One enumeration: the tables that stay the same from size to size."""

    def __init__(self, instance: Instance, prices: Prices, window: float) -> None:
        self.instance, self.prices, self.window = instance, prices, window
        self.cap = instance.max_load * (1.0 + LOAD_SLACK)
        self.gain = prices.atoms - instance.own
        self.rank = instance.rank
        self.marks = _marks(len(instance))
        self.link_heads, self.link_tails = instance.heads[instance.links], instance.tails[instance.links]
        # Touches too short to join stand in no rim, so each end counts them in full.
        edges = np.where(instance.links, 0.5, 1.0) * instance.savings
        self.half = np.bincount(instance.heads, weights=edges, minlength=len(instance))
        self.levels = self._levels()
        self.reach = self._reach()
        self.region, self.yield_of, self.plus = self._regions()
        self.tallest = self._tallest()
        self.tangents = [Tangent(instance, self.gain, load, heaviest) for load, heaviest in self._anchors()]

    def _tallest(self) -> NDArray[np.float64]:
        """Return for each root the load of the heaviest atom it may take in.

        Atoms are ranked by peak, the heaviest unit in them: one that holds several units may weigh more than a root of
        higher rank.
        """
        order = np.argsort(self.rank)
        tallest = np.empty(len(order))
        tallest[order] = np.maximum.accumulate(self.instance.loads[order])
        return tallest

    def value(self, block: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum of the multipliers of each group."""
        worth: NDArray[np.float64] = self.prices.atoms[block].sum(axis=1)
        return worth + self.prices.parents[self.instance.parents[block[:, 0]]]

    def roots(self) -> _Front:
        it = self.instance
        reduced = it.base - it.delta * it.peaks + it.alpha * it.loads**2 - self.gain
        reduced -= self.prices.parents[it.parents]
        atoms = np.arange(len(it))
        fits = it.loads <= self.cap
        return _Front(atoms[:, None], it.loads, reduced, self.marks).take(fits)

    def wanted(self, front: _Front) -> NDArray[np.bool_]:
        """Which groups are under the window and allowed as they are."""
        it = self.instance
        good = (front.reduced <= self.window) & (front.load >= it.min_load * (1.0 - LOAD_SLACK))
        for both in it.bound:
            held = np.isin(front.members, both).sum(axis=1)
            good &= (held == 0) | (held == len(both))
        if it.forbidden:
            size = front.members.shape[1]
            banned = {group for group in it.forbidden if len(group) == size}
            if banned:
                rows = np.sort(front.members, axis=1)
                hit = np.isin(rows[:, 0], [group[0] for group in banned]) & good
                good[[i for i in np.flatnonzero(hit) if tuple(rows[i].tolist()) in banned]] = False
        return good

    def grown(self, front: _Front, limit: int, floors: NDArray[np.float64]) -> _Front:
        """Return the groups one larger that may still come under the window; lower the floors by those cut off."""
        it = self.instance
        row, atom, saved = self._rim(front)
        lowest = self._lowest(front, row, atom, saved)
        live = lowest <= self.window
        row, atom, saved, lowest = row[live], atom[live], saved[live], lowest[live]
        load = front.load[row] + it.loads[atom]
        reduced = front.reduced[row] + it.alpha * (load**2 - front.load[row] ** 2) - self.gain[atom] - saved
        mark = front.mark[row] + self.marks[atom]
        first = _first_of_each(mark)
        if len(first) > limit:
            cut = np.argsort(lowest[first], kind="stable")
            left_out = first[cut[limit:]]
            np.minimum.at(floors, front.members[row[left_out], 0], lowest[left_out])
            first = first[cut[:limit]]
        members = np.column_stack([front.members[row[first]], atom[first]])
        return _Front(members, load[first], reduced[first], mark[first])

    def _lowest(
        self, front: _Front, row: NDArray[np.int64], atom: NDArray[np.int64], saved: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Lower bound on the reduced costs of all supersets of each group with each of its neighbours."""
        hope = self._hope(front, row, atom, saved)
        open_end = self._open_end(front, row, atom, saved, hope)
        lowest: NDArray[np.float64] = front.reduced[row] - open_end[row] + np.maximum(-hope, 0.0)
        tallest = self.tallest[front.members[:, 0]]
        for tangent in self.tangents:
            asked = np.flatnonzero((lowest <= self.window) & (tallest <= tangent.heaviest)[row])
            if not len(asked):
                continue
            groups, place = np.unique(row[asked], return_inverse=True)
            part = tangent.lowest(front.take(groups), place, atom[asked], saved[asked])
            lowest[asked] = np.maximum(lowest[asked], part)
        return lowest

    def _rim(self, front: _Front) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Neighbours each group may take in: group, atom and the edge savings between them, each pair once."""
        it, members = self.instance, front.members
        flat = members.ravel()
        degree = it.degrees[flat]
        ends = np.cumsum(degree)
        edge = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - degree - it.starts[flat], degree)
        row = np.repeat(np.repeat(np.arange(len(members)), members.shape[1]), degree)
        atom, saved, link = it.tails[edge], it.savings[edge], it.links[edge]
        able = self.rank[atom] < self.rank[members[row, 0]]
        able &= front.load[row] + it.loads[atom] <= self.cap
        row, atom, saved, link = row[able], atom[able], saved[able], link[able]
        able = np.ones(len(row), dtype=bool)
        for column in range(members.shape[1]):
            able &= members[row, column] != atom
        for a, b in it.apart.tolist():
            able &= ~((atom == a) & (members == b).any(axis=1)[row])
        key = row[able] * len(it) + atom[able]
        pair, place = np.unique(key, return_inverse=True)
        total = np.bincount(place, weights=saved[able], minlength=len(pair)).astype(np.float64)
        linked = np.bincount(place, weights=link[able], minlength=len(pair)) > 0
        return pair[linked] // len(it), pair[linked] % len(it), total[linked]

    def _hope(
        self, front: _Front, row: NDArray[np.int64], atom: NDArray[np.int64], saved: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Upper bound of the gain of all that can hang on each neighbour."""
        it = self.instance
        level = np.searchsorted(self.levels, front.load, side="right") - 1
        beyond = front.load - self.levels[level]
        base: NDArray[np.float64] = self.reach[level[row], atom]
        return base - 2.0 * it.alpha * beyond[row] * it.loads[atom] + 0.5 * saved

    def _open_end(
        self,
        front: _Front,
        row: NDArray[np.int64],
        atom: NDArray[np.int64],
        saved: NDArray[np.float64],
        hope: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Upper bound of all that each group can still gain.

        Two bounds hold: the sum of its neighbours' reaches, and the gains of all regions of useful atoms
        it touches, each atom once (reaches of neighbours count the same light atoms again and again).
        """
        count = len(front.load)
        useful = hope > 0
        by_reach = np.bincount(row, weights=np.where(useful, hope, 0.0), minlength=count)
        level = np.searchsorted(self.levels, front.load, side="right") - 1
        width = len(self.instance)
        touched = np.unique(row[useful] * width + self.region[level[row[useful]], atom[useful]])
        line = touched // width
        by_region = np.bincount(line, weights=self.yield_of[level[line], touched % width], minlength=count)
        by_region += np.bincount(row[useful], weights=0.5 * saved[useful], minlength=count)
        size = front.members.shape[1]
        own = np.repeat(np.arange(count), size)
        flat = front.members.ravel()
        inside = own * width + self.region[level[own], flat]
        held = np.isin(inside, touched)
        by_region -= np.bincount(own[held], weights=self.plus[level[own[held]], flat[held]], minlength=count)
        return np.minimum(by_reach, np.maximum(by_region, 0.0))

    def _regions(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the connected regions of useful atoms at each level, the gains of each, and each atom's part."""
        it = self.instance
        region = np.empty(self.reach.shape, dtype=np.int64)
        plus = np.empty(self.reach.shape)
        yields = np.zeros(self.reach.shape)
        alone = self._gain_alone()
        half = self.half
        for q, load in enumerate(self.levels.tolist()):
            useful = self.reach[q] + half > 0  # a neighbour of the group saves the other half of its edges too
            region[q] = regions_of(len(it), self.link_heads, self.link_tails, among=useful)
            plus[q] = np.where(useful, np.maximum(alone - 2.0 * it.alpha * load * it.loads, 0.0), 0.0)
            yields[q] = np.bincount(region[q], weights=plus[q], minlength=len(it))
        return region, yields, plus

    def _levels(self) -> NDArray[np.float64]:
        """Return the loads at which reach is tabled: from nothing to where no atom gains any more, or the cap."""
        it = self.instance
        heavy = it.loads[it.loads > 0]
        top = float(it.loads.sum())
        if it.alpha > 0 and len(heavy):
            gain = np.maximum(self._gain_alone(), 0.0)[it.loads > 0]
            top = min(top, float((gain / (2.0 * it.alpha * heavy)).max()))
            typical = float(np.quantile(heavy, 0.9)) * 12.0
            top = min(top, max(typical, float(heavy.max()) * 2.0))
        top = min(top, self.cap)
        return np.linspace(0.0, max(top, np.finfo(np.float64).tiny), _LEVELS)

    def _anchors(self) -> list[tuple[float, float]]:
        """Return loads at which W² is replaced by its tangent, near the mean of a group, where groups end up.

        With each stands the weight of the heaviest atom it holds for.
        """
        it = self.instance
        if it.alpha <= 0:
            return []
        mean = float(it.loads.sum()) / it.groups
        return [(share * mean, most * mean) for share, most in _TANGENTS]

    def _gain_alone(self) -> NDArray[np.float64]:
        """Gain of each atom at load nothing, with half of all its edges."""
        it = self.instance
        alone: NDArray[np.float64] = self.gain - it.alpha * it.loads**2 + self.half
        return alone

    def _reach(self) -> NDArray[np.float64]:
        it = self.instance
        alone = self._gain_alone()
        table = np.empty((len(self.levels), len(it)))
        after = np.searchsorted(self.levels, self.levels[:, None] + it.loads[None, :], side="right") - 1
        for q in range(len(self.levels) - 1, -1, -1):
            gain = alone - 2.0 * it.alpha * self.levels[q] * it.loads
            # Light atoms gain from each other in circles: all gains of the parent together bound it then.
            everything = np.bincount(it.parents, weights=np.maximum(gain, 0.0))[it.parents]
            bounded = np.minimum(gain, 0.0) + everything
            table[q] = np.minimum(self._reach_at(q, gain, after[q], table), bounded)
        return table

    def _reach_at(
        self, q: int, gain: NDArray[np.float64], after: NDArray[np.int64], table: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Reach at one level: what is heavier is tabled already, what stays on this level is iterated."""
        it = self.instance
        heads, tails = self.link_heads, self.link_tails
        climbs = after[heads] > q
        over = np.zeros(len(heads))
        over[climbs] = np.maximum(table[after[heads[climbs]], tails[climbs]], 0.0)
        fixed = gain + np.bincount(heads, weights=over, minlength=len(it))
        reach = fixed
        stay_heads, stay_tails = heads[~climbs], tails[~climbs]
        if not len(stay_heads):
            return reach
        for _ in range(_SWEEPS):
            onward = np.maximum(reach, 0.0)[stay_tails]
            update = fixed + np.bincount(stay_heads, weights=onward, minlength=len(it))
            if (update <= reach).all():
                return reach
            reach = update
        return np.full(len(it), np.inf)


def _marks(count: int) -> NDArray[np.uint64]:
    """Return 64 well mixed bits for each atom, the same on every machine (splitmix64 of its number)."""
    mixed = (np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(_GOLDEN)
    for shift, factor in _MIXERS:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _first_of_each(mark: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Position of the first of each group (equal marks are equal groups: 64 mixed bits an atom, added up)."""
    return np.sort(np.unique(mark, return_index=True)[1])
