"""Partitions and scores: full and incremental forms agree after every step."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from geo.errors import Refused
from geo.planning import Partition, score, score_flip, shape_of, size_warnings, units_from_polygons
from geo.planning.scores import gini
from tests.coverages import town


@pytest.fixture(scope="module")
def place():
    cells, loads, labels = town(60, seed=2, parents=4)
    return cells, units_from_polygons(cells, loads=loads, parents=labels)


def test_incremental_equals_full_after_every_step(place):
    _, units = place
    rng = np.random.default_rng(8)
    here = Partition.today(units)
    known = score(here)
    for _ in range(60):
        moves = {int(u): int(rng.integers(0, 70)) for u in rng.choice(len(units), 3, replace=False)}
        here = here.child(moves)
        known, full = score_flip(here, known), score(here)
        assert known.groups == full.groups
        assert known.cut_length_m == pytest.approx(full.cut_length_m, abs=1e-6)


def test_perimeters_are_those_of_the_union(place):
    cells, units = place
    pair = tuple(units.pairs[units.joins][0].tolist())
    rest = [[u] for u in range(len(units)) if u not in pair]
    found = score(Partition.of(units, [pair, *rest]))
    assert found.groups[0].perimeter_m == pytest.approx(shapely.length(shapely.union_all(cells[list(pair)])))
    assert found.groups[0].connected


def test_a_torn_group_and_a_border_crossing_are_seen(place):
    _, units = place
    far = [0, len(units) - 1]
    rest = [[u] for u in range(len(units)) if u not in far]
    found = score(Partition.of(units, [far, *rest]))
    assert found.disconnected == (0,)
    assert found.across_parents == (0,)
    assert found.moved == min(units.loads[far])


def test_children_remember(place):
    _, units = place
    parent = Partition.today(units)
    child = parent.merged(0, 1)
    assert child.parent is parent
    assert child.touched() == {0, 1}
    assert child.members[0] == (0, 1)
    assert parent.members[0] == (0,)
    assert len(child) == len(parent) - 1


@pytest.mark.parametrize("groups", [[[0, 1], [1]], [[0]]])
def test_no_partition_is_refused(place, groups):
    with pytest.raises(Refused):
        Partition.of(place[1], groups)


def test_shapes():
    disc = shapely.Point(0, 0).buffer(100, quad_segs=256)
    found = shape_of(disc)
    assert (found.polsby_popper, found.reock, found.hull_ratio) == pytest.approx((1, 1, 1), abs=1e-4)
    square = shape_of(shapely.box(0, 0, 1, 1))
    assert (square.polsby_popper, square.reock) == pytest.approx((math.pi / 4, 2 / math.pi))


def test_gini():
    assert gini([5, 5, 5]) == 0
    assert gini([0, 0, 0, 8]) == pytest.approx(0.75)
    assert gini([0, 0]) == 0


def test_size_guidance_warns_only(place):
    _, units = place
    found = score(Partition.today(units))
    warned = size_warnings(found, names={}, low=100, high=300)
    loads = list(found.loads.values())
    assert len(warned) == sum(load < 100 or load > 300 for load in loads)
    assert all("户" in saying.zh and "households" in saying.en for saying in warned)
