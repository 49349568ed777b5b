"""Merges against brute force over all partitions of small coverages, with every kind of wish at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.planning import Constraints, Status, Weights, propose, units_from_polygons
from tests.coverages import town
from tests.merge_checker import complaints, objective


def all_partitions(count, groups):
    def grow(unit, held):
        if unit == count:
            if len(held) == groups:
                yield [tuple(group) for group in held]
            return
        if len(held) > groups or len(held) + count - unit < groups:
            return
        for group in held:
            group.append(unit)
            yield from grow(unit + 1, held)
            group.pop()
        held.append([unit])
        yield from grow(unit + 1, held)
        held.pop()

    yield from grow(0, [])


def case(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 9))
    cells, loads, labels = town(
        count, seed=seed, parents=int(rng.integers(0, 3)), spread=float(rng.choice([0.3, 1, 2]))
    )
    if rng.random() < 0.3:
        loads[rng.random(count) < 0.5] = 0
        loads[0] += 1
    if rng.random() < 0.3:
        loads = loads * rng.random(count) + 0.1
    units = units_from_polygons(cells, loads=loads, parents=labels)
    groups = int(rng.integers(1, count + 1))
    target = units.total_load / groups

    def some(size):
        return tuple(int(u) for u in rng.choice(count, min(size, count), replace=False))

    wishes = Constraints(
        keep=some(1) if rng.random() < 0.2 else (),
        together=(some(2),) if rng.random() < 0.25 else (),
        apart=(some(2),) if rng.random() < 0.25 else (),
        max_load=float(target * rng.uniform(1, 2.5)) if rng.random() < 0.3 else None,
        min_load=float(target * rng.uniform(0, 0.8)) if rng.random() < 0.2 else None,
        counts={labels[0]: (1, int(rng.integers(1, 5)))} if rng.random() < 0.3 else {},
    )
    if wishes.counts and rng.random() < 0.5:  # a region of some parents instead
        low = int(rng.integers(1, 5))
        held = tuple(label for label in dict.fromkeys(labels) if rng.random() < 0.6) or (labels[0],)
        wishes = replace(wishes, counts={"镇": (low, low + 1), **wishes.counts}, regions={"镇": held})
    weights = Weights(
        balance=float(rng.choice([0, 1, 3])),
        compactness=float(rng.choice([0, 0.25, 2])),
        disruption=float(rng.choice([0, 0.5, 3])),
    )
    return units, groups, wishes, weights


def facts(units, wishes, weights):
    pairs = units.pairs.tolist()
    return {
        "loads": units.loads.tolist(),
        "perimeters": units.perimeters_m.tolist(),
        "shared": {tuple(p): m for p, m in zip(pairs, units.shared_m.tolist(), strict=True)},
        "weights": (weights.balance, weights.compactness, weights.disruption),
    }, {
        "parents": [units.parent_of(k) for k in range(len(units))],
        "joins": {tuple(p) for p, j in zip(pairs, units.joins.tolist(), strict=True) if j},
        "wishes": {
            name: getattr(wishes, name)
            for name in ("keep", "together", "apart", "min_load", "max_load", "counts", "regions")
        },
    }


def settle(seed):
    units, groups, wishes, weights = case(seed)
    sums, rules = facts(units, wishes, weights)
    found = propose(units, groups=groups, constraints=wishes, weights=weights)
    best = None
    for plan in all_partitions(len(units), groups):
        if not complaints(plan, **sums, **rules, claimed=float(objective(plan, **sums))):
            value = float(objective(plan, **sums))
            best = value if best is None else min(best, value)
    if best is None:
        assert found.status is Status.INFEASIBLE
        assert found.conflict
        return
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(best, rel=1e-6, abs=1e-9)
    assert found.bound <= best * (1 + 1e-9) + 1e-12
    assert complaints(found.groups, **sums, **rules, claimed=found.objective) == []


@pytest.mark.parametrize("block", range(10))
def test_proposals_equal_brute_force(block):
    for seed in range(block * 6, block * 6 + 6):
        settle(seed)


def test_units_kept_together_may_outweigh_the_root_of_a_group():
    settle(2_462)


@pytest.mark.battery
@pytest.mark.parametrize("block", range(100))
def test_proposals_equal_brute_force_at_length(block):
    for seed in range(1_000 + block * 20, 1_020 + block * 20):
        settle(seed)
