"""Scores of a partition: loads, evenness, shape, borders, guidance. Each in full, and by increment after a flip.

Shape scores need polygons; they are computed of merged polygons in metres by `shape_of`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.planning.proposal import Saying

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.planning.partition import Partition
    from geo.planning.units import Around

__all__ = ["GroupScore", "Scores", "Shape", "gini", "score", "score_flip", "shape_of", "size_warnings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupScore:
    """One group.

    Attributes
    ----------
    load : float
        Sum of its units' loads.
    perimeter_m : float
        Rings of the merged group in metres.
    moved : float
        Load that changes its worker: all but the heaviest unit's.
    connected : bool
        Whether it hangs together across neighbours' borders.
    parents : int
        Number of parents it lies in (more than one breaks the rule).
    """

    load: float
    perimeter_m: float
    moved: float
    connected: bool
    parents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A partition's scores.

    Attributes
    ----------
    groups : mapping
        Score of each group by its number.
    cut_length_m : float
        Border between units of different groups, each metre once, the parents' borders not counted.
    """

    groups: Mapping[int, GroupScore]
    cut_length_m: float

    @property
    def loads(self) -> dict[int, float]:
        """Load of each group."""
        return {number: score.load for number, score in self.groups.items()}

    @property
    def target(self) -> float:
        """Mean load."""
        return math.fsum(self.loads.values()) / len(self.groups)

    @property
    def deviations(self) -> dict[int, float]:
        """Load of each group over the mean, less one."""
        target = self.target
        return {number: load / target - 1.0 if target else 0.0 for number, load in self.loads.items()}

    @property
    def largest_deviation(self) -> float:
        """Largest absolute deviation."""
        return max(abs(value) for value in self.deviations.values())

    @property
    def gini(self) -> float:
        """Gini coefficient of the loads."""
        return gini(list(self.loads.values()))

    @property
    def perimeter_m(self) -> float:
        """Sum of all perimeters in metres."""
        return math.fsum(score.perimeter_m for score in self.groups.values())

    @property
    def moved(self) -> float:
        """Households (or what the load is) whose worker changes."""
        return math.fsum(score.moved for score in self.groups.values())

    @property
    def disconnected(self) -> tuple[int, ...]:
        """Groups that do not hang together."""
        return tuple(sorted(n for n, score in self.groups.items() if not score.connected))

    @property
    def across_parents(self) -> tuple[int, ...]:
        """Groups that lie in more than one parent."""
        return tuple(sorted(n for n, score in self.groups.items() if score.parents > 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Shape of one polygon: three ratios, each 1 for a circle (hull ratio: for anything convex)."""

    polsby_popper: float
    reock: float
    hull_ratio: float


def gini(values: Sequence[float]) -> float:
    """Return the Gini coefficient: half the mean absolute difference over the mean (0 even, towards 1 uneven)."""
    ranked = np.sort(np.asarray(values, dtype=np.float64))
    total = float(ranked.sum())
    if total <= 0:
        return 0.0
    count = len(ranked)
    return float((2.0 * np.arange(1, count + 1) - count - 1) @ ranked / (count * total))


def score(partition: Partition) -> Scores:
    """Compute all scores from the units alone."""
    near = partition.units.around()
    groups = {number: _group_score(partition, number, near) for number in partition.members}
    units = partition.units
    cut = math.fsum(
        length
        for (i, j), length in zip(units.pairs.tolist(), units.shared_m.tolist(), strict=True)
        if partition.label[i] != partition.label[j]
    )
    return Scores(groups=groups, cut_length_m=cut)


def score_flip(partition: Partition, before: Scores) -> Scores:
    """Compute the scores of a child from its parent's: only touched groups and moved units are looked at.

    Parameters
    ----------
    partition : Partition
        A child made by `Partition.child`.
    before : Scores
        Scores of its parent.
    """
    if partition.parent is None or partition.flip is None:
        return score(partition)
    near = partition.units.around()
    groups = dict(before.groups)
    for number in sorted(partition.touched()):
        groups.pop(number, None)
        if number in partition.members:
            groups[number] = _group_score(partition, number, near)
    old, new = partition.parent.label, partition.label
    change, seen = [], set()
    for unit in partition.flip.moves:
        for other, length, _ in near[unit]:
            edge = (min(unit, other), max(unit, other))
            if edge not in seen:
                seen.add(edge)
                change.append(length * ((new[unit] != new[other]) - (old[unit] != old[other])))
    return replace(before, groups=groups, cut_length_m=before.cut_length_m + math.fsum(change))


def _group_score(partition: Partition, number: int, near: Around) -> GroupScore:
    units, members = partition.units, partition.members[number]
    held = set(members)
    loads = [float(units.loads[unit]) for unit in members]
    inside = math.fsum(length for unit in members for other, length, _ in near[unit] if other in held)
    rim = math.fsum(float(units.perimeters_m[unit]) for unit in members) - inside
    load = math.fsum(loads)
    return GroupScore(
        load=load,
        perimeter_m=rim,
        moved=load - max(loads),
        connected=_connected(members, held, near),
        parents=len({int(units.parents[unit]) for unit in members}),
    )


def _connected(members: Sequence[int], held: set[int], near: Around) -> bool:
    seen, stack = {members[0]}, [members[0]]
    while stack:
        for other, _, joins in near[stack.pop()]:
            if joins and other in held and other not in seen:
                seen.add(other)
                stack.append(other)
    return len(seen) == len(held)


def shape_of(geometry: Any) -> Shape:
    """Return the shape ratios of a polygon in metres.

    Polsby-Popper 4πA/P² (Polsby and Popper 1991), Reock A/area of the smallest enclosing circle (Reock
    1961), and A/area of the convex hull.
    """
    area, rim = float(shapely.area(geometry)), float(shapely.length(geometry))
    radius = float(shapely.minimum_bounding_radius(geometry))
    hull = float(shapely.area(shapely.convex_hull(geometry)))
    return Shape(
        polsby_popper=4.0 * math.pi * area / rim**2 if rim else 0.0,
        reock=area / (math.pi * radius**2) if radius else 0.0,
        hull_ratio=area / hull if hull else 0.0,
    )


def size_warnings(
    scores: Scores, *, names: Mapping[int, str], low: float = 200.0, high: float = 500.0
) -> tuple[Saying, ...]:
    """Return the county's size guidance as warnings, never as a rule.

    Parameters
    ----------
    scores : Scores
        Scores of a partition.
    names : mapping, keyword
        Name of each group.
    low, high : float, keyword
        Loads below and above which a warning is given.
    """
    found = []
    for number, load in sorted(scores.loads.items()):
        name = names.get(number, str(number))
        if load < low:
            found.append(
                Saying(f"{name}只有{load:g}户，少于{low:g}户", f"{name} has {load:g} households, below {low:g}")
            )
        elif load > high:
            found.append(
                Saying(f"{name}有{load:g}户，多于{high:g}户", f"{name} has {load:g} households, above {high:g}")
            )
    return tuple(found)
