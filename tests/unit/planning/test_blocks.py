"""Very many units, solved block by block: held against the search that sees everything at once."""

from __future__ import annotations

import pytest

from geo.planning import Constraints, Weights, units_from_polygons
from geo.planning.blocks import in_blocks, solve_in_blocks
from geo.planning.clock import Clock
from geo.planning.instance import compile_instance
from geo.planning.search import Search
from tests.coverages import town


@pytest.fixture(scope="module")
def instance():
    cells, loads, labels = town(400, seed=4, parents=25)
    units = units_from_polygons(cells, loads=loads, parents=labels)
    weights = Weights(compactness=0, disruption=0)
    return compile_instance(units, groups=280, weights=weights, constraints=Constraints())


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("geo.planning.blocks._FROM", 100)
    monkeypatch.setattr("geo.planning.blocks._BLOCK", 60)


def test_blocks_come_near_and_bound_the_whole(instance, small_blocks):
    assert in_blocks(instance)
    found = solve_in_blocks(instance, clock=Clock(None), seed=0, gap=1e-6)
    best = Search(instance, clock=Clock(None)).run()
    assert found.bound <= best.value + 1e-7
    assert best.bound - 1e-7 <= found.value
    assert found.value - found.bound <= 0.05 * best.value
    assert found.value == pytest.approx(sum(instance.cost(group) for group in found.plan))
    assert len(found.plan) == 280
    assert sorted(atom for group in found.plan for atom in group) == list(range(400))
    assert all(instance.allows(group) for group in found.plan)


def test_no_time_leaves_no_plan_and_no_false_bound(instance, small_blocks):
    found = solve_in_blocks(instance, clock=Clock(0.0), seed=0, gap=1e-6)
    assert found.plan is None
    assert not found.infeasible


def test_small_problems_and_counted_ones_are_seen_whole(instance):
    assert not in_blocks(instance)
