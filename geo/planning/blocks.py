"""A merge of very many units in many parents: blocks of parents solved apart at one price of a group.

The number of groups is all that ties parents together. At a price λ for each group the problem falls into blocks,
and for every λ the sum of the blocks' bounds, less λ·K, bounds the whole (Lagrange; Geoffrion, "Lagrangean
relaxation for integer programming", 1974). λ is what the blocks of a sample pay for one group more or less at
their share of K. The few groups too many or too few that come out are settled by solving some blocks for a given count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.planning.clock import Clock, OutOfTime
from geo.planning.opening import first_plan
from geo.planning.search import Search, Verdict

if TYPE_CHECKING:
    from geo.planning.instance import Instance

__all__ = ["in_blocks", "solve_in_blocks"]

_FROM: Final = 30_000
_BLOCK: Final = 1_400
_SAMPLE: Final = 20
_STEP: Final = 4  # groups more or fewer in one block: dearer by the square, cheaper by the blocks solved


def in_blocks(instance: Instance) -> bool:
    """Tell whether a problem is solved by blocks: very many atoms in parents that are small, no wished counts."""
    it = instance
    small = int(np.bincount(it.parents).max()) <= _BLOCK
    return len(it) >= _FROM and small and not it.counts and it.fewest == it.most


def solve_in_blocks(instance: Instance, *, clock: Clock, seed: int, gap: float) -> Verdict:
    """Return the best plan found, its value and the proven bound, scaled.

    Parameters
    ----------
    instance : Instance
        A problem that `in_blocks` accepts.
    clock : Clock, keyword
        Time and progress.
    seed : int, keyword
        The solver's seed.
    gap : float, keyword
        Relative gap of each block.
    """
    work = _Blocks(instance, clock, seed, gap)
    try:
        work.run()
    except OutOfTime:
        return Verdict(work.plan, work.value, work.bound)
    return Verdict(work.plan, work.value, work.bound)


class _Blocks:
    def __init__(self, instance: Instance, clock: Clock, seed: int, gap: float) -> None:
        self.it, self.clock, self.seed, self.gap = instance, clock, seed, gap
        self.plan: list[tuple[int, ...]] | None = None
        self.value, self.bound = np.inf, 0.0  # no plan of the whole costs less than nothing
        self.atoms = self._divided()
        self.parts = [self.it.part(atoms, groups=self._share(atoms)) for atoms in self.atoms]

    def run(self) -> None:
        self._tell(0.02)
        opening = first_plan(self.it)
        if opening is not None:
            self._offer(opening)
        price = self._price()
        plans, total = [], 0.0
        for number, part in enumerate(self.parts):
            self._tell(0.1 + 0.6 * number / len(self.parts))
            free = replace(part, base=part.base + price, fewest=1, most=len(part))
            found = self._solve(free)
            if found.plan is None:
                return
            plans.append(found.plan)
            total += found.bound
        self.bound = max(self.bound, total - price * self.it.most)
        self._settle(plans)

    def _settle(self, plans: list[list[tuple[int, ...]]]) -> None:
        """Solve blocks anew, evenly spread, for so many groups more or fewer that K come out."""
        over = sum(len(plan) for plan in plans) - self.it.most
        step = max(-(-abs(over) // len(plans)), _STEP)
        for number in range(len(plans)):
            if not over:
                break
            self._tell(0.7 + 0.3 * number / len(plans))
            change = -min(step, over) if over > 0 else min(step, -over)
            wished = len(plans[number]) + change
            exact = replace(self.parts[number], groups=wished, fewest=wished, most=wished)
            found = self._solve(exact)
            if found.plan is not None:
                plans[number] = found.plan
                over += change
        if not over:
            pairs = zip(self.atoms, plans, strict=True)
            self._offer([tuple(sorted(atoms[a] for a in group)) for atoms, plan in pairs for group in plan])

    def _offer(self, plan: list[tuple[int, ...]]) -> None:
        value = sum(self.it.cost(group) for group in plan)
        if value < self.value:
            self.plan, self.value = sorted(plan), value

    def _tell(self, share: float) -> None:
        self.clock.muted = False
        self.clock.tell(share, "blocks")
        self.clock.muted = True

    def _solve(self, part: Instance) -> Verdict:
        try:
            found = Search(part, clock=self.clock, seed=self.seed, gap=self.gap, least=-np.inf).run()
        finally:
            self.clock.muted = False
        self.clock.poll()
        return found

    def _price(self) -> float:
        """Return what a group is worth, at the share of K that their load gives the blocks of a sample."""
        step = max(len(self.parts) // _SAMPLE, 1)
        paid = []
        for part in self.parts[::step][:_SAMPLE]:
            self._tell(0.05)
            search = Search(part, clock=self.clock, seed=self.seed, gap=self.gap)
            paid.append(search.price_of_a_group())
            self.clock.muted = False
        return -float(np.mean(paid))

    def _share(self, atoms: list[int]) -> int:
        share = float(self.it.loads[atoms].sum() / self.it.loads.sum()) * self.it.most
        return min(max(round(share), 1), len(atoms))

    def _divided(self) -> list[list[int]]:
        """Atoms of blocks of whole parents, about equally large."""
        order = np.argsort(self.it.parents, kind="stable")
        cuts = np.flatnonzero(np.diff(self.it.parents[order])) + 1
        blocks: list[list[int]] = [[]]
        for held in np.split(order, cuts):
            if blocks[-1] and len(blocks[-1]) + len(held) > _BLOCK:
                blocks.append([])
            blocks[-1] += held.tolist()
        return blocks
