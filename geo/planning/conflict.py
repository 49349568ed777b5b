"""Why a merge is impossible: the smallest set of wishes that contradict each other.

Wishes are dropped by halves (Junker's QuickXplain, AAAI 2004) until none of those left can be spared.
Whether a set of wishes can be met is asked first of counts and sums, component by component, then of a
greedy plan, then of the search itself; where the time given to a question runs out the wishes are
taken to be compatible, so what is named is always a contradiction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.planning.clock import Clock
from geo.planning.constraints import Constraints, Count, Weights, count_range
from geo.planning.instance import LOAD_SLACK, Instance, compile_instance
from geo.planning.opening import first_plan
from geo.planning.proposal import Saying
from geo.planning.search import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.planning.units import Units

__all__ = ["Wish", "conflict", "impossible", "wishes_of"]

Clash = Callable[[Sequence[int]], bool]

_SECONDS_EACH: Final = 5.0


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish: what it does to the constraints, or to the number of groups, and how it reads."""

    saying: Saying
    groups: tuple[int, int] | None = None
    keep: tuple[int, ...] = ()
    together: tuple[tuple[int, ...], ...] = ()
    apart: tuple[tuple[int, ...], ...] = ()
    fixed: tuple[tuple[int, ...], ...] = ()
    min_load: float | None = None
    max_load: float | None = None
    counts: dict[Hashable, Count] = field(default_factory=dict)
    regions: dict[Hashable, tuple[Hashable, ...]] = field(default_factory=dict)


def wishes_of(units: Units, constraints: Constraints, *, groups: tuple[int, int] | None) -> list[Wish]:
    """Return every wish by itself, in words.

    Parameters
    ----------
    units : Units
        What is merged.
    constraints : Constraints
        All wishes.
    groups : (int, int) or None, keyword
        Number of groups wished, or None.
    """

    def names(held: Sequence[int]) -> str:
        return "、".join(units.ids[u] for u in held)

    wishes = []
    if groups is not None:
        zh, en = _range_words(groups)
        wishes.append(Wish(Saying(f"合并为{zh}个网格", f"merge into {en} groups"), groups=groups))
    if constraints.max_load is not None:
        limit = f"{constraints.max_load:g}"
        wishes.append(Wish(Saying(f"每个网格不超过{limit}", f"no group above {limit}"), max_load=constraints.max_load))
    if constraints.min_load is not None:
        limit = f"{constraints.min_load:g}"
        wishes.append(Wish(Saying(f"每个网格不少于{limit}", f"no group below {limit}"), min_load=constraints.min_load))
    for label, count in constraints.counts.items():
        zh, en = _range_words(count_range(count))
        wishes.append(
            Wish(
                Saying(f"{label}为{zh}个网格", f"{en} groups in {label}"),
                counts={label: count},
                regions=dict(constraints.regions),
            )
        )
    wishes += [
        Wish(Saying(f"保留{names([unit])}不合并", f"keep {names([unit])} unmerged"), keep=(unit,))
        for unit in constraints.keep
    ]
    wishes += [
        Wish(Saying(f"{names(held)}并在一起", f"{names(held)} together"), together=(held,))
        for held in constraints.together
    ]
    wishes += [
        Wish(Saying(f"{names(held)}不得合并", f"{names(held)} apart"), apart=(held,)) for held in constraints.apart
    ]
    wishes += [
        Wish(Saying(f"{names(held)}保持现状", f"{names(held)} stay as they are"), fixed=(held,))
        for held in constraints.fixed
    ]
    return wishes


def _range_words(span: tuple[int, int]) -> tuple[str, str]:
    low, high = span
    return (f"{low}", f"{low}") if low == high else (f"{low}至{high}", f"{low} to {high}")


def conflict(
    units: Units, wishes: Sequence[Wish], *, clock: Clock, forbidden: tuple[tuple[int, ...], ...] = ()
) -> tuple[Saying, ...]:
    """Return an irreducible set of contradicting wishes, in the order they were given.

    Parameters
    ----------
    units : Units
        What is merged.
    wishes : sequence of Wish
        All wishes, known to contradict each other.
    clock : Clock, keyword
        Time and progress.
    forbidden : tuple of tuple of int, keyword
        Groups that must not occur, kept throughout.
    """

    def clash(chosen: Sequence[int]) -> bool:
        clock.poll()
        return not _may_hold(units, [wishes[k] for k in sorted(chosen)], clock, forbidden)

    everything = list(range(len(wishes)))
    if clash([]):
        return (Saying("各单元的邻接关系和归属本身不允许", "neighbours and parents alone forbid it"),)
    core = _explain(clash, [], [], everything)
    if len(core) == 1:
        return (_with_cause(units, wishes[core[0]]),)
    return tuple(wishes[k].saying for k in sorted(core))


def _with_cause(units: Units, wish: Wish) -> Saying:
    """Return a wish that cannot hold even alone, with the figure it breaks against."""
    zh, en = wish.saying.zh, wish.saying.en
    if wish.max_load is not None and float(units.loads.max()) > wish.max_load:
        unit = int(units.loads.argmax())
        zh += f"（{units.ids[unit]}已有{units.loads[unit]:g}）"
        en += f" ({units.ids[unit]} alone has {units.loads[unit]:g})"
    elif wish.groups is not None:
        instance = compile_instance(units, groups=wish.groups[0], weights=Weights(), constraints=Constraints())
        least = int(_components(instance).max()) + 1
        zh += f"（按邻接和归属只能是{least}至{len(units)}个）"
        en += f" (neighbours and parents allow {least} to {len(units)})"
    return Saying(zh, en)


def _explain(clash: Clash, background: list[int], added: list[int], rest: list[int]) -> list[int]:
    if added and clash(background):
        return []
    if len(rest) == 1:
        return rest
    half = len(rest) // 2
    left, right = rest[:half], rest[half:]
    second = _explain(clash, background + left, left, right)
    first = _explain(clash, background + second, second, left)
    return first + second


def _may_hold(units: Units, wishes: Sequence[Wish], clock: Clock, forbidden: tuple[tuple[int, ...], ...]) -> bool:
    constraints = Constraints(forbidden=forbidden)
    span = (1, len(units))
    for wish in wishes:
        constraints = replace(
            constraints,
            keep=constraints.keep + wish.keep,
            together=constraints.together + wish.together,
            apart=constraints.apart + wish.apart,
            fixed=constraints.fixed + wish.fixed,
            min_load=constraints.min_load if wish.min_load is None else wish.min_load,
            max_load=constraints.max_load if wish.max_load is None else wish.max_load,
            counts={**constraints.counts, **wish.counts},
            regions={**constraints.regions, **wish.regions},
        )
        span = wish.groups or span
    middle = min(max(span[0], math.ceil(len(units) * 0.7)), span[1])
    instance = compile_instance(units, groups=middle, weights=Weights(), constraints=constraints, span=span)
    if impossible(instance):
        return False
    if first_plan(instance) is not None:
        return True
    search = Search(instance, clock=Clock(min(_SECONDS_EACH, clock.left)), feasibility=True)
    return not search.run().infeasible


def impossible(instance: Instance) -> bool:
    """Tell whether sums and counts alone already rule every plan out.

    Each connected component needs at least load / max_load groups, holds at most load / min_load and
    at most as many as it has atoms; the ranges of a parent's components add up to the parent's, those to K's.
    """
    it = instance
    most_load = it.max_load * (1 + LOAD_SLACK)
    if (it.loads > most_load).any() or (it.apart[:, 0] == it.apart[:, 1]).any():
        return True
    part = _components(it)
    for both in it.bound:
        if len(set(part[list(both)].tolist())) > 1 or bool(it.alone[list(both)].any()):
            return True
    low, high = _ranges(it, part)
    if (low > high).any():
        return True
    parents = np.zeros(len(low), dtype=np.int64)
    parents[part] = it.parents
    least = np.bincount(parents, weights=low, minlength=it.parents_known).astype(np.int64)
    most = np.bincount(parents, weights=high, minlength=it.parents_known).astype(np.int64)
    return not _counts_may_hold(it, least, most)


def _counts_may_hold(it: Instance, least: NDArray[np.int64], most: NDArray[np.int64]) -> bool:
    """Tell whether ranges of the parents leave room for the wished counts, those of regions one at a time."""
    for held, low, high in it.counts:
        if len(held) == 1:
            least[held[0]], most[held[0]] = max(least[held[0]], low), min(most[held[0]], high)
    if (least > most).any():
        return False
    total_low, total_high = int(least.sum()), int(most.sum())
    for held, low, high in it.counts:
        members = list(held)
        within_low, within_high = int(least[members].sum()), int(most[members].sum())
        if within_low > high or within_high < low:
            return False
        outside_low, outside_high = int(least.sum()) - within_low, int(most.sum()) - within_high
        total_low = max(total_low, outside_low + low)
        total_high = min(total_high, outside_high + high)
    return total_low <= it.most and total_high >= it.fewest


def _ranges(it: Instance, part: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    load = np.bincount(part, weights=it.loads)
    size = np.bincount(part)
    low = np.ones(len(load), dtype=np.int64)
    if np.isfinite(it.max_load) and it.max_load > 0:
        low = np.maximum(low, np.ceil(load / (it.max_load * (1 + LOAD_SLACK)) - 1e-12).astype(np.int64))
    for both in {tuple(sorted(pair)) for pair in it.apart.tolist()}:
        if part[both[0]] == part[both[1]]:
            low[part[both[0]]] = max(low[part[both[0]]], 2)
    high = size.copy()
    if _disjoint(it.bound):
        for both in it.bound:
            high[part[both[0]]] -= len(both) - 1
    if it.min_load > 0:
        high = np.minimum(high, np.floor(load / (it.min_load * (1 - LOAD_SLACK)) + 1e-12).astype(np.int64))
    return low, high


def _disjoint(sets: Sequence[Sequence[int]]) -> bool:
    flat = [atom for held in sets for atom in held]
    return len(flat) == len(set(flat))


def _components(it: Instance) -> NDArray[np.int64]:
    label = np.arange(len(it))
    while True:
        lower = label.copy()
        np.minimum.at(lower, it.heads[it.links], label[it.tails[it.links]])
        lower = lower[lower]
        if (lower == label).all():
            return np.unique(label, return_inverse=True)[1]
        label = lower
