import itertools
from fractions import Fraction

import numpy as np
import pytest

from geo.predicates import contains_exact, on_boundary_exact, orientation, orientation_of, ring_crossings


def true_side(ax, ay, bx, by, px, py):
    ax, ay, bx, by, px, py = (Fraction(float(v)) for v in (ax, ay, bx, by, px, py))
    det = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return (det > 0) - (det < 0)


def neighbourhood(value):
    return [np.nextafter(value, -np.inf), value, np.nextafter(value, np.inf)]


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        ((129.1, 48.1), (129.7, 48.7), (129.4, 48.4)),
        ((0.1, 0.1), (0.7, 0.7), (0.3, 0.3)),
        ((0.0, 0.0), (1e-200, 1e-200), (5e-201, 5e-201)),
        ((-1e300, -1e300), (1e300, 1e300), (1.0, 1.0)),
        ((539012.15, 5350618.18), (540012.15, 5351618.18), (539512.15, 5351118.18)),
        ((0.1, -3.0), (0.1, 7.0), (0.1, 0.3)),
        ((-3.0, 0.1), (7.0, 0.1), (0.3, 0.1)),
        ((1e-30, 1.0), (1.0, 1e-30), (0.5, 0.5)),
    ],
)
def test_the_side_is_exact_among_float_neighbours(a, b, p):
    cases = [(*a, *b, x, y) for x, y in itertools.product(neighbourhood(p[0]), neighbourhood(p[1]))]
    expected = [true_side(*case) for case in cases]
    assert orientation(*np.array(cases).T).tolist() == expected
    assert [orientation_of(*map(float, case)) for case in cases] == expected


def test_the_side_is_exact_on_random_near_collinear_points():
    rng = np.random.default_rng(7)
    a, b = rng.uniform(-1, 1, (400, 2)), rng.uniform(-1, 1, (400, 2))
    p = a + rng.uniform(0, 1, (400, 1)) * (b - a)
    cases = np.hstack([a, b, p])
    assert orientation(*cases.T).tolist() == [true_side(*c) for c in cases]


def test_sides_broadcast():
    assert orientation(0.0, 0.0, 1.0, 0.0, [0.5, 0.5, 0.5], [1.0, 0.0, -1.0]).tolist() == [1, 0, -1]


SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2), (0, 0)]


def test_a_square_holds_its_south_and_west_side_but_not_the_others():
    x = [1, 1, 0, 2, 1, 0, 2, 0, 2, 3, np.nan, np.inf]
    y = [1, 0, 1, 1, 2, 0, 0, 2, 2, 1, 1.0, 1.0]
    inside = contains_exact([SQUARE], x, y)
    assert inside.tolist() == [True, True, True, False, False, True, False, False, False, False, False, False]


def test_an_open_ring_counts_like_a_closed_one():
    assert ring_crossings(SQUARE[:-1], [-1.0, 1.0, 3.0], [1.0, 1.0, 1.0]).tolist() == [2, 1, 0]


def test_a_hole_is_not_inside():
    hole = [(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5), (0.5, 0.5)]
    assert contains_exact([SQUARE, hole], [1.0, 0.25, 0.5, 1.5], [1.0, 0.25, 1.0, 1.0]).tolist() == [
        False,
        True,
        False,
        True,
    ]


def test_points_on_rings_are_known_exactly():
    ring = [(0.0, 0.0), (3.0, 1.0), (0.0, 1.0)]
    third = 3.0 * 0.5
    on = on_boundary_exact([ring], [third, third, 0.0, 4.0, np.nan], [0.5, np.nextafter(0.5, 1), 0.3, 1.0, 0.5])
    assert on.tolist() == [True, False, True, False, False]
