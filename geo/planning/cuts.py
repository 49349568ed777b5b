"""Odd-set cuts: what the linear relaxation of a partition into small groups violates.

For an odd set C of atoms every partition fulfils Σ_S ⌊|S∩C|/2⌋·x_S ≤ (|C|−1)/2. With singles and pairs
these are Edmonds' matching inequalities, which make the relaxation integral. Candidates are sought where
the solution is fractional: components, blocks and odd cycles of the graph that the fractional groups span.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Cut", "leave_out", "odd_cut", "odd_sets"]

_VIOLATION: Final = 1e-4
_LARGEST_BLOCK: Final = 400


@dataclass(frozen=True, slots=True)
class Cut:
    """A row Σ weight(S)·x_S ≤ limit, with weights of 0 or more, so that its multiplier only raises reduced costs.

    Attributes
    ----------
    limit : float
        Right-hand side.
    atoms : frozenset of int
        Of an odd-set cut.
    groups : frozenset of tuple of int
        Of a row that leaves out part of a plan.
    """

    limit: float
    atoms: frozenset[int] = frozenset()
    groups: frozenset[tuple[int, ...]] = frozenset()

    def weight(self, group: tuple[int, ...]) -> int:
        """Return the coefficient of a group (sorted atoms)."""
        if self.groups:
            return int(group in self.groups)
        return sum(atom in self.atoms for atom in group) // 2


def odd_cut(atoms: frozenset[int]) -> Cut:
    """Return the cut of an odd set of atoms."""
    return Cut((len(atoms) - 1) // 2, atoms=atoms)


def leave_out(groups: Iterable[tuple[int, ...]], *, keeping: int) -> Cut:
    """Return a row that lets at most `keeping` of these groups occur."""
    return Cut(keeping, groups=frozenset(groups))


def odd_sets(groups: Sequence[tuple[int, ...]], shares: Sequence[float], *, limit: int = 200) -> list[frozenset[int]]:
    """Return odd sets whose cut the fractional solution violates, the worst first.

    Parameters
    ----------
    groups : sequence of tuple of int
        Groups taken in part.
    shares : sequence of float
        Value of each, between 0 and 1.
    limit : int, keyword
        At most so many.
    """
    joined = [(group, share) for group, share in zip(groups, shares, strict=True) if len(group) > 1]
    near: dict[int, set[int]] = {}
    for group, _ in joined:
        for atom in group:
            near.setdefault(atom, set()).update(group)
    for atom, others in near.items():
        others.discard(atom)
    holding: dict[int, list[int]] = {}
    for number, (group, _) in enumerate(joined):
        for atom in group:
            holding.setdefault(atom, []).append(number)
    found: dict[frozenset[int], float] = {}
    for candidate in _candidates(near):
        excess = _excess(candidate, joined, holding)
        if excess > _VIOLATION:
            found[candidate] = excess
    ranked = sorted(found, key=lambda held: (-found[held], sorted(held)))
    return ranked[:limit]


def _excess(
    held: frozenset[int], joined: Sequence[tuple[tuple[int, ...], float]], holding: dict[int, list[int]]
) -> float:
    touching = {number for atom in held for number in holding[atom]}
    left = sum((sum(a in held for a in joined[k][0]) // 2) * joined[k][1] for k in touching)
    return left - (len(held) - 1) / 2


def _candidates(near: dict[int, set[int]]) -> Iterable[frozenset[int]]:
    seen: set[frozenset[int]] = set()
    for part in (*_components(near), *_blocks(near)):
        for held in _odd_versions(part, near):
            if held not in seen:
                seen.add(held)
                yield held
    for start in sorted(near):
        cycle = _odd_cycle(start, near)
        if cycle is not None and cycle not in seen:
            seen.add(cycle)
            yield cycle


def _odd_versions(part: frozenset[int], near: dict[int, set[int]]) -> Iterable[frozenset[int]]:
    """Return the part if odd, else the part without one atom (those with few neighbours inside first)."""
    if len(part) < 3 or len(part) > _LARGEST_BLOCK:  # noqa: PLR2004 - three is the smallest odd set that cuts
        return
    if len(part) % 2:
        yield part
        return
    for atom in sorted(part, key=lambda a: (len(near[a] & part), a))[:8]:
        yield part - {atom}


def _components(near: dict[int, set[int]]) -> list[frozenset[int]]:
    seen: set[int] = set()
    parts = []
    for start in sorted(near):
        if start in seen:
            continue
        part, queue = {start}, deque([start])
        while queue:
            for other in near[queue.popleft()] - part:
                part.add(other)
                queue.append(other)
        seen |= part
        parts.append(frozenset(part))
    return parts


def _blocks(near: dict[int, set[int]]) -> list[frozenset[int]]:
    """Biconnected components, by depth-first search without recursion (Hopcroft and Tarjan, 1973)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    blocks: list[frozenset[int]] = []
    for start in sorted(near):
        if start in order:
            continue
        order[start] = low[start] = len(order)
        path = [(start, start, iter(sorted(near[start])))]
        edges: list[tuple[int, int]] = []
        while path:
            atom, parent, others = path[-1]
            step = next(others, None)
            if step is None:
                path.pop()
                if path:
                    _close_block(path[-1][0], atom, order, low, edges, blocks)
            elif step not in order:
                order[step] = low[step] = len(order)
                edges.append((atom, step))
                path.append((step, atom, iter(sorted(near[step]))))
            elif step != parent and order[step] < order[atom]:
                low[atom] = min(low[atom], order[step])
                edges.append((atom, step))
    return blocks


def _close_block(
    atom: int,
    child: int,
    order: dict[int, int],
    low: dict[int, int],
    edges: list[tuple[int, int]],
    blocks: list[frozenset[int]],
) -> None:
    low[atom] = min(low[atom], low[child])
    if low[child] < order[atom]:
        return
    held: set[int] = set()
    while edges:
        edge = edges.pop()
        held.update(edge)
        if edge == (atom, child):
            break
    blocks.append(frozenset(held))


def _odd_cycle(start: int, near: dict[int, set[int]]) -> frozenset[int] | None:
    """Shortest odd closed walk through an atom (breadth first over atom and parity), as a set of atoms."""
    before: dict[tuple[int, int], tuple[int, int]] = {(start, 0): (start, 0)}
    queue = deque([(start, 0)])
    while queue:
        atom, parity = queue.popleft()
        for other in sorted(near[atom]):
            state = (other, 1 - parity)
            if state in before:
                continue
            before[state] = (atom, parity)
            if state == (start, 1):
                walk, here = [], state
                while here != (start, 0):
                    walk.append(here[0])
                    here = before[here]
                held = frozenset(walk)
                return held if len(held) % 2 and len(held) == len(walk) else None
            queue.append(state)
    return None
