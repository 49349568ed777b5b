"""The merge problem in arrays: separable group costs over atoms and their neighbours.

An *atom* is a unit, or units that must share a group and hang together already. With K groups and
T = W/K the cost of a group S (design §8) is, after expanding the square,

    b/K + α·W(S)² + Σ_{i∈S} u_i − Σ_{ij inside S} e_ij − δ·max_{i∈S} w_i

with α = b·K/W², u_i = c·P(i)/P₀ + (d − 2b)·w_i/W, e_ij = 2c·s_ij/P₀ and δ = d/W. Everything is
multiplied by `scale` so that a group costs about 1 and the solver's absolute tolerances mean little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.planning.constraints import count_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.planning.constraints import Constraints, Weights
    from geo.planning.units import Units

__all__ = ["Instance", "compile_instance"]

# Loads add up in another order here than in a check outside: a limit holds when it holds up to this share.
LOAD_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Instance:
    """A merge problem for one K, over atoms.

    Attributes
    ----------
    groups : int
        K.
    scale : float
        Factor on all costs.
    atoms : tuple of tuple of int
        Units of each atom.
    parents : ndarray of int64
        Parent of each atom.
    loads, peaks : ndarray of float64
        Load of each atom and of its heaviest unit.
    own : ndarray of float64
        Scaled u_i (an atom's own edges already saved).
    alpha, delta, base : float
        Scaled α, δ and b/K.
    heads, tails : ndarray of int64, shape (2m,)
        Directed neighbour pairs of atoms, sorted by head; `starts` marks each head's first.
    savings : ndarray of float64, shape (2m,)
        Scaled e_ij of each directed pair.
    links : ndarray of bool, shape (2m,)
        Whether the pair are neighbours (a group hangs together by these alone).
    min_load, max_load : float
        Limits on a group's load.
    alone : ndarray of bool
        Atoms that form a group by themselves (kept or fixed).
    apart : ndarray of int64, shape (p, 2)
        Pairs of atoms that must not share a group.
    bound : tuple of tuple of int
        Sets of atoms that must share a group though no chain of theirs joins them.
    forbidden : frozenset of tuple of int
        Groups (sorted atoms) that must not occur.
    counts : tuple of (parents, low, high)
        Ranges of the number of groups in one parent, or in several together.
    fewest, most : int
        Range of the number of groups in all: both K, but where only feasibility is asked.
    """

    groups: int
    scale: float
    atoms: tuple[tuple[int, ...], ...]
    parents: NDArray[np.int64]
    loads: NDArray[np.float64]
    peaks: NDArray[np.float64]
    own: NDArray[np.float64]
    alpha: float
    delta: float
    base: float
    heads: NDArray[np.int64]
    tails: NDArray[np.int64]
    savings: NDArray[np.float64]
    links: NDArray[np.bool_]
    starts: NDArray[np.int64]
    min_load: float
    max_load: float
    alone: NDArray[np.bool_]
    apart: NDArray[np.int64]
    bound: tuple[tuple[int, ...], ...]
    forbidden: frozenset[tuple[int, ...]]
    counts: tuple[tuple[tuple[int, ...], int, int], ...]
    fewest: int
    most: int

    def __len__(self) -> int:
        return len(self.atoms)

    @cached_property
    def alone_costs(self) -> NDArray[np.float64]:
        """Scaled cost of each atom as a group of its own."""
        costs: NDArray[np.float64] = self.base + self.alpha * self.loads**2 + self.own - self.delta * self.peaks
        return costs

    @cached_property
    def parents_known(self) -> int:
        """One more than the highest parent."""
        return int(self.parents.max()) + 1

    @cached_property
    def degrees(self) -> NDArray[np.int64]:
        """Number of neighbours of each atom."""
        return np.diff(self.starts)

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """Place of each atom by peak, ties by position: a group is grown from its member of highest rank."""
        order = np.lexsort((np.arange(len(self)), self.peaks))
        rank = np.empty(len(self), dtype=np.int64)
        rank[order] = np.arange(len(self))
        return rank

    @cached_property
    def saving_of(self) -> dict[tuple[int, int], float]:
        """Scaled e_ij by (i, j), both ways."""
        pairs = zip(self.heads.tolist(), self.tails.tolist(), strict=True)
        return dict(zip(pairs, self.savings.tolist(), strict=True))

    @cached_property
    def around(self) -> tuple[tuple[int, ...], ...]:
        """Neighbours of each atom."""
        spans = zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        return tuple(tuple(self.tails[a:b][self.links[a:b]].tolist()) for a, b in spans)

    def cost(self, group: Sequence[int]) -> float:
        """Return the scaled cost of a group of atoms."""
        members = sorted(group)
        load = float(self.loads[members].sum())
        inside = sum(self.saving_of.get((a, b), 0.0) for i, a in enumerate(members) for b in members[i + 1 :])
        peak = float(self.peaks[members].max())
        return self.base + self.alpha * load * load + float(self.own[members].sum()) - inside - self.delta * peak

    def allows(self, group: Sequence[int]) -> bool:
        """Tell whether a connected group keeps to all wishes about single groups."""
        members = frozenset(group)
        load = float(self.loads[sorted(members)].sum())
        if not self.min_load * (1 - LOAD_SLACK) <= load <= self.max_load * (1 + LOAD_SLACK):
            return False
        if len(members) > 1 and bool(self.alone[sorted(members)].any()):
            return False
        if any(a in members and b in members for a, b in self.apart.tolist()):
            return False
        if any(0 < len(members & set(both)) < len(both) for both in self.bound):
            return False
        return tuple(sorted(members)) not in self.forbidden

    def part(self, atoms: Sequence[int], *, groups: int) -> Instance:
        """Return the problem of some atoms alone, at the costs of the whole, into so many groups.

        The atoms lie in one parent and hold every wished company whole; they are renumbered in the order given.
        """
        count = len(atoms)
        place = np.full(len(self), -1, dtype=np.int64)
        place[list(atoms)] = np.arange(count)
        inside = (place[self.heads] >= 0) & (place[self.tails] >= 0)
        heads, tails = place[self.heads[inside]], place[self.tails[inside]]
        order = np.lexsort((tails, heads))
        held = list(atoms)
        pairs = place[self.apart]
        kept = set(atoms)
        return replace(
            self,
            groups=groups,
            atoms=tuple(self.atoms[a] for a in held),
            parents=np.zeros(count, dtype=np.int64),
            loads=self.loads[held],
            peaks=self.peaks[held],
            own=self.own[held],
            heads=heads[order],
            tails=tails[order],
            savings=self.savings[inside][order],
            links=self.links[inside][order],
            starts=np.searchsorted(heads[order], np.arange(count + 1)).astype(np.int64),
            alone=self.alone[held],
            apart=pairs[(pairs >= 0).all(axis=1)],
            bound=tuple(tuple(sorted(int(place[a]) for a in both)) for both in self.bound if kept.issuperset(both)),
            forbidden=frozenset(
                tuple(sorted(int(place[a]) for a in group)) for group in self.forbidden if kept.issuperset(group)
            ),
            counts=(),
            fewest=groups,
            most=groups,
        )

    def units_of(self, group: Sequence[int]) -> tuple[int, ...]:
        """Return the units of a group of atoms, sorted."""
        return tuple(sorted(unit for atom in group for unit in self.atoms[atom]))


def compile_instance(
    units: Units,
    *,
    groups: int,
    weights: Weights,
    constraints: Constraints,
    span: tuple[int, int] | None = None,
) -> Instance:
    """Return the arrays of a merge into `groups` groups.

    Parameters
    ----------
    units : Units
        What is merged.
    groups : int, keyword
        K.
    weights, constraints : keyword
        The objective and the wishes, checked before.
    span : (int, int) or None, keyword
        Range of the number of groups instead of exactly K (costs stay those of K).
    """
    atoms, loose = _atoms(units, constraints)
    atom_of = np.empty(len(units), dtype=np.int64)
    for a, members in enumerate(atoms):
        atom_of[list(members)] = a
    table = _tabled(units, atom_of, groups=groups, weights=weights, constraints=constraints)
    return Instance(
        groups=groups,
        atoms=atoms,
        parents=units.parents[[members[0] for members in atoms]],
        min_load=constraints.min_load or 0.0,
        max_load=float("inf") if constraints.max_load is None else constraints.max_load,
        apart=_apart(constraints, atom_of),
        bound=tuple(tuple(sorted({int(atom_of[u]) for u in group})) for group in loose),
        forbidden=_forbidden(constraints, atoms, atom_of),
        counts=_counts(units, constraints),
        fewest=groups if span is None else span[0],
        most=groups if span is None else span[1],
        **table,
    )


def _tabled(
    units: Units, atom_of: NDArray[np.int64], *, groups: int, weights: Weights, constraints: Constraints
) -> dict[str, Any]:
    """Return the scaled coefficients of the cost, atom by atom and neighbour by neighbour."""
    count = int(atom_of.max()) + 1
    total, rim = units.total_load, max(units.total_perimeter_m, np.finfo(np.float64).tiny)
    scale = float(groups)
    loads = np.bincount(atom_of, weights=units.loads, minlength=count).astype(np.float64, copy=False)
    peaks = np.zeros(count)
    np.maximum.at(peaks, atom_of, units.loads)
    ends = atom_of[units.pairs]
    saving = 2.0 * weights.compactness * units.shared_m / rim * scale
    inner = ends[:, 0] == ends[:, 1]
    own = np.bincount(atom_of, weights=units.perimeters_m, minlength=count).astype(np.float64, copy=False)
    own *= weights.compactness / rim * scale
    own += (weights.disruption - 2.0 * weights.balance) / total * scale * loads
    own -= np.bincount(ends[inner, 0], weights=saving[inner], minlength=count)
    alone = np.zeros(count, dtype=bool)
    alone[atom_of[list(constraints.keep)]] = True
    alone[[int(atom_of[group[0]]) for group in constraints.fixed if group]] = True
    outer = ~inner & ~alone[ends].any(axis=1)
    heads, tails, savings, links, starts = _neighbours(ends[outer], saving[outer], units.joins[outer], count)
    return {
        "scale": scale,
        "loads": loads,
        "peaks": peaks,
        "own": own,
        "alpha": weights.balance * groups / total**2 * scale,
        "delta": weights.disruption / total * scale,
        "base": weights.balance / groups * scale,
        "heads": heads,
        "tails": tails,
        "savings": savings,
        "links": links,
        "starts": starts,
        "alone": alone,
    }


def _atoms(units: Units, constraints: Constraints) -> tuple[tuple[tuple[int, ...], ...], list[tuple[int, ...]]]:
    """Return atoms in order of their first unit, and the wished companies that are no single atom."""
    boss = list(range(len(units)))

    def find(unit: int) -> int:
        while boss[unit] != unit:
            boss[unit] = boss[boss[unit]]
            unit = boss[unit]
        return unit

    for group in constraints.fixed:
        for unit in group[1:]:
            boss[find(unit)] = find(group[0])
    kept = set(constraints.keep)
    company: dict[int, set[int]] = {}
    for number, group in enumerate(constraints.together):
        for unit in group:
            company.setdefault(unit, set()).add(number)
    for i, j in units.pairs[units.joins].tolist() if company else []:
        if company.get(i, set()) & company.get(j, set()) and i not in kept and j not in kept:
            boss[find(i)] = find(j)
    members: dict[int, list[int]] = {}
    for unit in range(len(units)):
        members.setdefault(find(unit), []).append(unit)
    loose = [group for group in constraints.together if len({find(unit) for unit in group}) > 1]
    return tuple(tuple(group) for group in members.values()), loose


def _neighbours(
    ends: NDArray[np.int64], saving: NDArray[np.float64], joins: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    both = np.concatenate([ends, ends[:, ::-1]])
    key, place = np.unique(both[:, 0] * count + both[:, 1], return_inverse=True)
    savings = np.bincount(place, weights=np.concatenate([saving, saving]), minlength=len(key)).astype(np.float64)
    links = np.bincount(place, weights=np.concatenate([joins, joins]), minlength=len(key)) > 0
    heads, tails = key // count, key % count
    return heads, tails, savings, links, np.searchsorted(heads, np.arange(count + 1)).astype(np.int64)


def _apart(constraints: Constraints, atom_of: NDArray[np.int64]) -> NDArray[np.int64]:
    pairs = {(int(atom_of[a]), int(atom_of[b])) for group in constraints.apart for a in group for b in group if a != b}
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _forbidden(
    constraints: Constraints, atoms: tuple[tuple[int, ...], ...], atom_of: NDArray[np.int64]
) -> frozenset[tuple[int, ...]]:
    found = set()
    for group in constraints.forbidden:
        held = sorted({int(atom_of[unit]) for unit in group})
        if sum(len(atoms[a]) for a in held) == len(set(group)):
            found.add(tuple(held))
    return frozenset(found)


def _counts(units: Units, constraints: Constraints) -> tuple[tuple[tuple[int, ...], int, int], ...]:
    place = {label: i for i, label in enumerate(units.parent_labels)}
    ranges = []
    for label, count in constraints.counts.items():
        held = constraints.regions.get(label, (label,))
        ranges.append((tuple(sorted(place[inner] for inner in held if inner in place)), *count_range(count)))
    return tuple(sorted(ranges))
