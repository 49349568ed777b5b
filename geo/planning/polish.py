"""Better a plan piece by piece: neighbouring groups are merged anew, exactly, while all others stay.

This finds good plans where the programme over everything is too large to end; it proves nothing (a large
neighbourhood search, Shaw, "Using constraint programming and local search methods…", CP 1998).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.planning.instance import Instance

__all__ = ["Group", "Solve", "pieces", "polished"]

Group = tuple[int, ...]
Solve = Callable[["Instance", float], "Sequence[Group] | None"]

_BETTER: Final = 1e-9


def polished(
    instance: Instance, plan: Sequence[Group], *, solve: Solve, size: int, offer: Callable[[list[Group]], None]
) -> list[Group]:
    """Return a plan at least as good.

    Parameters
    ----------
    instance : Instance
        The problem.
    plan : sequence of tuple of int
        Groups of atoms that keep all wishes.
    solve : callable, keyword
        ``solve(part, value)``: a plan of a part that is cheaper than `value`, or None.
    size : int, keyword
        Atoms of a piece, about.
    offer : callable, keyword
        Told every better plan at once, for the search may be stopped at any time.
    """
    current = list(plan)
    for centre in range(len(current)):
        piece = pieces(instance, current, centre=current[centre], size=size)
        held = [current[k] for k in piece]
        atoms = [atom for group in held for atom in group]
        value = sum(instance.cost(group) for group in held)
        found = solve(instance.part(atoms, groups=len(held)), value) if len(held) > 1 else None
        if found is None or sum(instance.cost([atoms[a] for a in group]) for group in found) > value - _BETTER:
            continue
        for k, group in zip(piece, found, strict=True):
            current[k] = tuple(sorted(atoms[a] for a in group))
        offer(list(current))
    return current


def pieces(instance: Instance, plan: Sequence[Group], *, centre: Group, size: int) -> list[int]:
    """Return the positions of a group and of those around it, nearest first, until they have `size` atoms."""
    owner = {atom: k for k, group in enumerate(plan) for atom in group}
    first = owner[centre[0]]
    found, queue, total = [first], deque([first]), len(centre)
    seen = {first}
    while queue and total < size:
        near = sorted({owner[b] for a in plan[queue.popleft()] for b in instance.around[a]} - seen)
        for k in near:
            if total >= size:
                break
            seen.add(k)
            queue.append(k)
            found.append(k)
            total += len(plan[k])
    return sorted(found)
