"""Coverage by people, on cases small enough to count by hand."""

import numpy as np
import pytest

from geo.errors import Refused
from geo.reach import Corner, reach_of_grids, suggest_anchors, within_distance


def test_the_distance_itself_is_within() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.001], [np.nan, 0.0]])
    assert within_distance(points, np.array([[0.0, 0.0]]), 5.0).tolist() == [True, True, False, False]


def test_nothing_is_near_where_there_is_no_anchor() -> None:
    assert not within_distance(np.zeros((3, 2)), np.empty((0, 2)), 5.0).any()


def test_a_negative_distance_is_refused() -> None:
    with pytest.raises(Refused, match="negative"):
        within_distance(np.zeros((1, 2)), np.zeros((1, 2)), -1.0)


def test_within_distance_agrees_with_measuring_every_pair() -> None:
    rng = np.random.default_rng(5)
    points, anchors = rng.uniform(0, 1000, (400, 2)), rng.uniform(0, 1000, (12, 2))
    pairwise = np.hypot(*(points[:, None] - anchors[None]).transpose(2, 0, 1)).min(axis=1) <= 150
    assert np.array_equal(within_distance(points, anchors, 150), pairwise)


def test_shares_corners_and_load_of_each_grid() -> None:
    first, second, third = reach_of_grids(
        3,
        household_grid=np.array([0, 0, 0, 0, 1, -1]),
        household_near=np.array([True, True, True, False, False, True]),
        household_linked=np.array([True, False, False, False, False, True]),
        workers_in=[0, 1, -1],
        groups_in=[0],
        anchors_in=[0, 0],
    )
    assert (first.near_share, first.linked_share, first.missing, first.households_per_worker) == (0.75, 0.25, (), 4.0)
    assert second.missing == (Corner.PARTY_GROUP, Corner.ANCHOR_HOUSEHOLD)
    assert (third.near_share, third.households_per_worker) == (None, None)
    assert len(third.missing) == 3


def test_suggestions_reach_the_most_first_and_stop_when_all_are_reached() -> None:
    points = np.array([[0.0, 0.0]] * 5 + [[10.0, 0.0]] * 2 + [[500.0, 0.0]] * 3)
    found = suggest_anchors(points, np.zeros(len(points), dtype=bool), 20.0)
    assert [n for _, _, n in found] == [7, 3]
    assert suggest_anchors(points, np.ones(len(points), dtype=bool), 20.0) == []
