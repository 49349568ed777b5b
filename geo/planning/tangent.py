"""A lower bound on all that can still grow out of a group, by a tangent of the load's square.

For every load V, αW² ≥ αV² + 2αV(W − V). With the tangent in place of the square the reduced cost of a group is
a sum over its atoms, and what a group may still take in is a connected set of atoms with fixed gains

    p_j = π_j − u_j − 2αV·w_j + ½·Σ_k e_jk

(an edge between two added atoms counts half at each end, an edge to the group in full). Near the load at which
groups end up, few atoms gain: they form small *regions*. An atom that does not gain is of use only as a bridge
that what lies behind it pays for. So the gains of the regions a group touches bound all its supersets. Once it is
known who may be of use, edges to all others need not be counted any more, which makes the regions smaller still;
a bridge next to the group, of no use elsewhere, counts its edges into the regions in full itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.planning.instance import Instance

__all__ = ["Growing", "Tangent", "regions_of"]

_ROUNDS: Final = 6


class Growing(Protocol):
    """Groups of one size: members, load and reduced cost of each."""

    @property
    def members(self) -> NDArray[np.int64]:
        """Atoms, one row a group."""

    @property
    def load(self) -> NDArray[np.float64]:
        """Load of each group."""

    @property
    def reduced(self) -> NDArray[np.float64]:
        """Reduced cost of each group."""


class Tangent:
    """The bound for one load V.

    Parameters
    ----------
    instance : Instance
        The problem.
    gain : ndarray of float64
        π_j − u_j of each atom.
    load : float
        V.
    heaviest : float
        It holds for groups whose heaviest atom weighs no more; atoms that do are out of their reach.
    """

    def __init__(self, instance: Instance, gain: NDArray[np.float64], load: float, heaviest: float) -> None:
        it = instance
        self.alpha, self.load, self.heaviest = it.alpha, load, heaviest
        able = it.loads <= heaviest
        bare = np.where(able, gain - 2.0 * it.alpha * load * it.loads, -np.inf)
        self.useful = able
        for _ in range(_ROUNDS):
            within = self._half_edges(it, self.useful)
            former = self.useful
            self.gain = np.where(former, bare + within, -np.inf)
            self._close(it)
            if (self.useful == former).all():
                break
        self.bridging = bare + self._half_edges(it, able) + self._half_edges(it, self.useful)

    @staticmethod
    def _half_edges(it: Instance, among: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Half the edge savings between each atom and those `among` some; touches too short to join count in full."""
        weights = np.where(it.links, np.where(among[it.tails], 0.5, 0.0), 1.0) * it.savings
        half: NDArray[np.float64] = np.bincount(it.heads, weights=weights, minlength=len(it)).astype(np.float64)
        return half

    def _close(self, it: Instance) -> None:
        """Find the atoms that gain and the bridges worth crossing between them, and the regions they form."""
        heads, tails = it.heads[it.links], it.tails[it.links]
        self.plus = np.maximum(self.gain, 0.0)
        self.useful = self.gain > 0
        while True:
            self.region = regions_of(len(it), heads, tails, among=self.useful)
            self.worth = np.bincount(self.region, weights=self.plus, minlength=len(it))
            self.behind = self._behind(heads, tails)
            bridges = ~self.useful & (self.behind + self.gain > 0)
            if not bridges.any():
                return
            self.useful |= bridges

    def _behind(self, heads: NDArray[np.int64], tails: NDArray[np.int64]) -> NDArray[np.float64]:
        """Worth of the regions next to each atom, each region once."""
        count = len(self.gain)
        onto = self.useful[tails]
        pairs = np.unique(heads[onto] * count + self.region[tails[onto]])
        total: NDArray[np.float64] = np.bincount(
            pairs // count, weights=self.worth[pairs % count], minlength=count
        ).astype(np.float64)
        return total

    def lowest(
        self, front: Growing, row: NDArray[np.int64], atom: NDArray[np.int64], saved: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return, for each pair, a lower bound on the reduced costs of all supersets of the group with the atom.

        Parameters
        ----------
        front : groups of one size
            Members, load and reduced cost; only groups this tangent holds for may stand in `row`.
        row, atom, saved : ndarray
            The atoms each group may take in next, and the edge savings between them and the group.
        """
        count, width = len(front.load), len(self.gain)
        useful = self.useful[atom]
        bridge = np.where(useful, 0.0, self.bridging[atom] + 0.5 * saved + self.behind[atom])
        more = np.bincount(row, weights=np.where(useful, saved, np.maximum(bridge, 0.0)), minlength=count)
        touched = np.unique(row[useful] * width + self.region[atom[useful]])
        more += np.bincount(touched // width, weights=self.worth[touched % width], minlength=count)
        own = np.repeat(np.arange(count), front.members.shape[1])
        flat = front.members.ravel()
        held = np.flatnonzero(self.useful[flat])
        inside = held[np.isin(own[held] * width + self.region[flat[held]], touched)]
        more -= np.bincount(own[inside], weights=self.plus[flat[inside]], minlength=count)
        lowest = front.reduced - self.alpha * (front.load - self.load) ** 2 - np.maximum(more, 0.0)
        forced: NDArray[np.float64] = lowest[row] - np.minimum(bridge, 0.0)
        return forced


def regions_of(
    count: int, heads: NDArray[np.int64], tails: NDArray[np.int64], *, among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the smallest atom of each atom's connected region, regions being joined by pairs of atoms `among` some."""
    both = among[heads] & among[tails]
    heads, tails = heads[both], tails[both]
    label = np.arange(count)
    while True:
        lower = label.copy()
        np.minimum.at(lower, heads, label[tails])
        lower = lower[lower]
        if (lower == label).all():
            return label
        label = lower
