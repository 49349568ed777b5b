"""Pricing lists every connected group under its window: held against all connected sets of small coverages."""

from __future__ import annotations

import numpy as np
import pytest

from geo.planning import Constraints, Weights, units_from_polygons
from geo.planning.instance import compile_instance
from geo.planning.pricing import Prices, list_groups
from tests.coverages import town

COUNT = 13


def connected_sets(instance):
    """Every connected set of atoms that holds all wishes about single groups."""
    around = instance.around
    seen = {frozenset([a]) for a in range(len(instance))}
    stack = list(seen)
    while stack:
        held = stack.pop()
        for a in held:
            for b in around[a]:
                more = held | {b}
                if b not in held and more not in seen:
                    seen.add(more)
                    stack.append(more)
    return [tuple(sorted(held)) for held in seen if instance.allows(tuple(held))]


def made(seed):
    """An instance with loads of every unevenness, some pairs that touch without joining, and prices near its costs."""
    rng = np.random.default_rng(seed)
    cells, loads, _ = town(COUNT, seed=seed, spread=float(rng.choice([0.2, 0.7, 1.5])))
    if rng.random() < 0.3:
        loads[rng.random(COUNT) < 0.4] = 0
        loads[0] += 1
    units = units_from_polygons(cells, loads=loads, min_shared_edge_m=float(rng.choice([10.0, 120.0])))
    groups = int(rng.integers(2, COUNT))
    target = units.total_load / groups
    weights = Weights(
        balance=float(rng.choice([0.2, 1, 3])),
        compactness=float(rng.choice([0, 0.25, 2])),
        disruption=float(rng.choice([0, 0.5, 3])),
    )
    wishes = Constraints(max_load=float(target * rng.uniform(0.9, 3)) if rng.random() < 0.3 else None)
    instance = compile_instance(units, groups=groups, weights=weights, constraints=wishes)
    share = rng.uniform(-0.5, 1.5)
    atoms = instance.own * rng.uniform(0.2, 1.2) + share * instance.loads / target + rng.normal(0, 0.15, COUNT)
    return instance, Prices(atoms, rng.normal(0.2, 0.3, 1))


def listed(listing):
    return {tuple(row) for block in listing.members for row in block.tolist()}


@pytest.mark.parametrize("seed", range(40))
def test_every_group_under_the_window_is_listed(seed):
    instance, prices = made(seed)
    worth = {
        g: instance.cost(g) - float(prices.atoms[list(g)].sum() + prices.parents[0]) for g in connected_sets(instance)
    }
    order = sorted(worth.values())
    for window in (order[0] - 1e-6, order[len(order) // 200], order[len(order) // 20], order[len(order) // 3]):
        found = list_groups(instance, prices, window=window + 1e-9)
        missing = {g for g, value in worth.items() if value <= window} - listed(found)
        assert not missing
        assert all(worth[g] <= window + 1e-6 for g in listed(found))
        reduced = {
            tuple(row): value
            for block, values in zip(found.members, found.reduced, strict=True)
            for row, value in zip(block.tolist(), values.tolist(), strict=True)
        }
        assert all(abs(worth[g] - value) < 1e-9 for g, value in reduced.items())


@pytest.mark.parametrize("seed", range(20))
def test_a_list_cut_short_says_what_it_may_have_missed(seed):
    """What is not listed is nowhere under the floor of its root, its member of highest rank."""
    instance, prices = made(seed)
    worth = {
        g: instance.cost(g) - float(prices.atoms[list(g)].sum() + prices.parents[0]) for g in connected_sets(instance)
    }
    window = sorted(worth.values())[len(worth) // 10]
    found = list_groups(instance, prices, window=window, limit=6)
    for group, value in worth.items():
        if value <= window and group not in listed(found):
            root = max(group, key=lambda a: instance.rank[a])
            assert found.floors[root] <= value + 1e-9
