"""A first plan: merge the cheapest pair of neighbouring groups again and again."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from geo.planning.instance import LOAD_SLACK

if TYPE_CHECKING:
    from geo.planning.instance import Instance

__all__ = ["first_plan"]


def first_plan(instance: Instance) -> list[tuple[int, ...]] | None:
    """Merge greedily until K groups are left.

    Parameters
    ----------
    instance : Instance
        The problem.

    Returns
    -------
    list of tuple of int or None
        Groups of atoms, or None where the greedy way ends before K or breaks a wish.
    """
    return _Merging(instance).run()


class _Merging:
    def __init__(self, instance: Instance) -> None:
        self.it = instance
        count = len(instance)
        self.members: list[list[int] | None] = [[a] for a in range(count)]
        self.load: list[float] = instance.loads.tolist()
        self.peak: list[float] = instance.peaks.tolist()
        self.near: list[dict[int, float]] = [{} for _ in range(count)]
        for head, tail, saving in zip(
            instance.heads.tolist(), instance.tails.tolist(), instance.savings.tolist(), strict=True
        ):
            self.near[head][tail] = saving
        self.joined: list[set[int]] = [set(near) for near in instance.around]
        self.foes: list[set[int]] = [set() for _ in range(count)]
        for a, b in instance.apart.tolist():
            self.foes[a].add(b)
            self.foes[b].add(a)
        self.left = dict.fromkeys(set(instance.parents.tolist()), 0)
        for parent in instance.parents.tolist():
            self.left[parent] += 1
        self.rows: dict[int, list[int]] = {parent: [] for parent in self.left}
        for row, (held, _, _) in enumerate(instance.counts):
            for parent in held:
                self.rows.setdefault(parent, []).append(row)
        self.heap: list[tuple[float, int, int, int, int]] = []
        self.age = [0] * count

    def run(self) -> list[tuple[int, ...]] | None:
        it = self.it
        for a in range(len(it)):
            for b in self.joined[a]:
                if a < b:
                    self._offer(a, b)
        total = len(it)
        while total > it.groups:
            step = self._next()
            if step is None:
                break
            self._join(*step)
            total -= 1
        if not it.fewest <= total <= it.most:
            return None
        groups = [tuple(sorted(group)) for group in self.members if group is not None]
        counts_hold = all(low <= sum(self.left.get(p, 0) for p in held) <= high for held, low, high in it.counts)
        return groups if counts_hold and all(it.allows(group) for group in groups) else None

    def _change(self, a: int, b: int) -> float:
        it = self.it
        lighter = min(self.peak[a], self.peak[b])
        return 2.0 * it.alpha * self.load[a] * self.load[b] - it.base - self.near[a][b] + it.delta * lighter

    def _offer(self, a: int, b: int) -> None:
        if self.load[a] + self.load[b] > self.it.max_load * (1 + LOAD_SLACK):
            return
        a, b = min(a, b), max(a, b)
        heapq.heappush(self.heap, (self._change(a, b), a, b, self.age[a], self.age[b]))

    def _next(self) -> tuple[int, int] | None:
        while self.heap:
            _, a, b, age_a, age_b = heapq.heappop(self.heap)
            if self.members[a] is None or self.members[b] is None or (age_a, age_b) != (self.age[a], self.age[b]):
                continue
            if not self._may_lose(int(self.it.parents[a])) or not self.foes[a].isdisjoint(self.members[b] or ()):
                continue
            return a, b
        return None

    def _may_lose(self, parent: int) -> bool:
        """Whether a parent, and every region it is counted in, still has more groups than it must."""
        if self.left[parent] <= 1:
            return False
        return all(
            sum(self.left.get(p, 0) for p in self.it.counts[row][0]) > self.it.counts[row][1]
            for row in self.rows[parent]
        )

    def _join(self, a: int, b: int) -> None:
        mine, theirs = self.members[a], self.members[b]
        if mine is None or theirs is None:
            return
        mine.extend(theirs)
        self.members[b] = None
        self.left[int(self.it.parents[a])] -= 1
        self.load[a] += self.load[b]
        self.peak[a] = max(self.peak[a], self.peak[b])
        self.foes[a] |= self.foes[b]
        self.age[a] += 1
        for other, saving in self.near[b].items():
            self.near[other].pop(b, None)
            if other != a:
                self.near[a][other] = self.near[a].get(other, 0.0) + saving
                self.near[other][a] = self.near[a][other]
        self.near[b] = {}
        for other in self.joined[b]:
            self.joined[other].discard(b)
            if other != a:
                self.joined[other].add(a)
                self.joined[a].add(other)
        for other in self.joined[a]:
            self._offer(a, other)
