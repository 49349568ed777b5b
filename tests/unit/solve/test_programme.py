"""The wrapper of the solver: both kinds of programme, growing, limits, cancel, silence."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from geo.solve import Outcome, Programme


def partition(costs, groups, count, **options):
    programme = Programme(np.ones(count), np.ones(count), **options)
    starts = np.cumsum([0, *[len(g) for g in groups]])[:-1]
    rows = [row for group in groups for row in group]
    programme.add_columns(costs, starts=starts, rows=rows, values=np.ones(len(rows)))
    return programme


TRIANGLE = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)]


def test_linear_answer_carries_duals():
    answer = partition([1, 1, 1, 1.2, 1.2, 1.2], TRIANGLE, 3).solve_linear()
    assert answer.outcome is Outcome.OPTIMAL
    assert answer.objective == pytest.approx(1.8)
    assert answer.row_duals == pytest.approx([0.6, 0.6, 0.6])
    assert answer.reduced == pytest.approx([0.4, 0.4, 0.4, 0, 0, 0])


def test_interior_point_agrees_with_simplex():
    programme = partition([1, 1, 1, 1.2, 1.2, 1.2], TRIANGLE, 3)
    assert programme.solve_linear(interior=True).objective == pytest.approx(1.8)


def test_integer_answer_is_whole_and_bounded():
    answer = partition([1, 1, 1, 1.2, 1.2, 1.2], TRIANGLE, 3).solve_integer()
    assert answer.objective == pytest.approx(2.2)
    assert answer.bound == pytest.approx(2.2)
    assert set(answer.values) == {0.0, 1.0}


def test_a_row_added_later_cuts():
    programme = partition([1, 1, 1, 1.2, 1.2, 1.2], TRIANGLE, 3)
    programme.solve_linear()
    programme.add_rows([-np.inf], [1], starts=[0], columns=[3, 4, 5], values=[1, 1, 1])
    assert programme.solve_linear().objective == pytest.approx(2.2)
    programme.set_row_bounds(3, -np.inf, np.inf)
    assert programme.solve_linear().objective == pytest.approx(1.8)


def test_costs_can_be_replaced():
    programme = partition([1, 1, 1, 9, 9, 9], TRIANGLE, 3)
    assert programme.solve_linear().objective == pytest.approx(3)
    programme.set_costs([1, 1, 1, 0.5, 9, 9])
    assert programme.solve_linear().objective == pytest.approx(1.5)


def test_infeasible_is_an_outcome():
    programme = partition([1.0], [(0,)], 2)
    assert programme.solve_linear().outcome is Outcome.INFEASIBLE
    assert programme.solve_integer().outcome is Outcome.INFEASIBLE


def test_no_time_stops():
    answer = partition([1, 1, 1, 1.2, 1.2, 1.2], TRIANGLE, 3).solve_linear(seconds=0.0)
    assert answer.outcome in (Outcome.STOPPED, Outcome.OPTIMAL)


def test_what_a_poll_raises_comes_out():
    def cancel():
        raise KeyError("enough")

    rng = np.random.default_rng(0)
    count = 300
    pairs = [tuple(p) for p in rng.integers(0, count, (2_000, 2)).tolist() if p[0] != p[1]]
    groups = [(k,) for k in range(count)] + pairs
    with pytest.raises(KeyError, match="enough"):
        partition(rng.random(len(groups)), groups, count, poll=cancel).solve_linear()


def test_lengths_are_checked():
    with pytest.raises(ValueError, match="length"):
        Programme([1], [1]).add_columns([1, 2], starts=[0], rows=[0], values=[1])


def test_nothing_is_printed():
    code = "from geo.solve import Programme; p = Programme([1], [1]); p.solve_linear(); print('own')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "own\n"
