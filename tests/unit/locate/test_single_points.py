"""One point at a time gives what many points give, whatever was asked before."""

import numpy as np
import pytest
import shapely

from geo.locate import GridIndex
from geo.locate.nearness import metres_per_unit
from geo.locate.vicinity import Vicinity

WEST, SOUTH = 129.3, 48.1


def town(seed=3, side=6):
    """Cells of a crooked lattice in degrees, as a town's grids are."""
    rng = np.random.default_rng(seed)
    nodes = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1)), axis=-1).astype(float)
    nodes[1:-1, 1:-1] += rng.uniform(-0.3, 0.3, (side - 1, side - 1, 2))
    nodes = nodes * (0.004, 0.003) + (WEST, SOUTH)
    return [
        shapely.Polygon([nodes[j, i], nodes[j, i + 1], nodes[j + 1, i + 1], nodes[j + 1, i]])
        for j in range(side)
        for i in range(side)
    ]


def ends_of(shapes):
    rings = [shapely.get_coordinates(s.exterior) for s in shapes]
    return np.vstack([np.hstack([r[:-1], r[1:]]) for r in rings])


def brute_m(ends, x, y):
    sx, sy = metres_per_unit(degrees=True, y=y)
    lines = shapely.linestrings([[((a - x) * sx, (b - y) * sy), ((c - x) * sx, (d - y) * sy)] for a, b, c, d in ends])
    return float(shapely.distance(lines, shapely.Point(0, 0)).min())


def points(count, seed=5):
    rng = np.random.default_rng(seed)
    return rng.uniform((WEST - 0.01, SOUTH - 0.01), (WEST + 0.034, SOUTH + 0.028), (count, 2)).tolist()


def test_the_nearest_edge_is_that_of_a_full_search():
    ends = ends_of(town())
    near = Vicinity(ends, degrees=True)
    for x, y in points(800):
        assert near.nearest_m(x, y) == pytest.approx(brute_m(ends, x, y), rel=1e-4, abs=1e-6)


def test_answers_do_not_depend_on_the_order_of_questions():
    ends, asked = ends_of(town()), points(400)
    forth, back = Vicinity(ends, degrees=True), Vicinity(ends, degrees=True)
    there = [forth.nearest_m(x, y) for x, y in asked]
    assert [back.nearest_m(x, y) for x, y in reversed(asked)] == there[::-1]


def beside(value):
    return [value, float(np.nextafter(value, -np.inf)), float(np.nextafter(value, np.inf))]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_point_on_a_line_between_cells_decides_nothing_for_others(seed):
    ends = ends_of(town(seed))
    west, south, east, north = Vicinity(ends, degrees=True)._bounds
    rng = np.random.default_rng(seed)
    asked, plain = Vicinity(ends, degrees=True), Vicinity(ends, degrees=True)
    crooked = 0
    for _ in range(1_500):
        column, row = rng.integers(256, 768, 2)
        x0, y0 = west + column / 1024 * (east - west), south + row / 1024 * (north - south)
        inner = rng.uniform(0.05, 0.95, 2) / 1024 * (east - west, north - south)
        for x, y in [(x, y0 + inner[1]) for x in beside(x0)] + [(x0 + inner[0], y) for y in beside(y0)]:
            asked.leaf(x, y)
            crooked += int((x - west) * asked._per_x) != column
        for left, down in ((0, 0), (1, 0), (0, 1)):
            x, y = x0 + inner[0] - left / 1024 * (east - west), y0 + inner[1] - down / 1024 * (north - south)
            found, wanted = asked.leaf(x, y), plain._descend(x, y)
            assert found.clear == wanted.clear
            assert found.nearest_m(x, y) == wanted.nearest_m(x, y)
    assert crooked > 100


def test_far_away_and_without_edges_nothing_is_claimed():
    near = Vicinity(ends_of(town()), degrees=True)
    assert near.nearest_m(120.0, 40.0) is None
    assert near.nearest_m(float("nan"), 48.0) is None
    assert Vicinity(np.empty((0, 4)), degrees=True).nearest_m(1.0, 1.0) is None


def test_far_points_still_get_their_distance():
    index = GridIndex.from_polygons(town())
    assert index.locate(128.0, 48.0).distance_to_boundary_m == pytest.approx(97_000, rel=0.05)


def test_forgetting_the_kept_lists_changes_nothing(monkeypatch):
    ends, asked = ends_of(town()), points(200)
    whole = Vicinity(ends, degrees=True)
    there = [whole.nearest_m(x, y) for x, y in asked]
    monkeypatch.setattr("geo.locate.vicinity._MOST_LEAVES", 3)
    short = Vicinity(ends, degrees=True)
    assert [short.nearest_m(x, y) for x, y in asked] == there


def overlapping():
    rng = np.random.default_rng(9)
    centres = rng.uniform((WEST, SOUTH), (WEST + 0.02, SOUTH + 0.015), (25, 2))
    discs = [shapely.Point(c).buffer(0.002, quad_segs=3) for c in centres]
    return [*discs, shapely.box(WEST, SOUTH, WEST + 0.004, SOUTH + 0.004), *town()[:3]]


def test_one_point_has_the_holders_that_many_have():
    shapes = overlapping()
    index = GridIndex.from_polygons(shapes, strict=False)
    corners = shapely.get_coordinates(shapes[25:]).tolist()
    for x, y in [*points(1500), *corners, (WEST + 0.002, SOUTH), (WEST + 0.004, SOUTH + 0.002)]:
        assert index.holders(x, y) == index.locate_all([x], [y])[1].tolist()
    assert index.holders(float("nan"), 48.0) == []


def test_a_coverage_has_one_holder():
    index = GridIndex.from_polygons(town())
    for x, y in points(300):
        assert index.holders(x, y) == [p for p in index.locate_many([x], [y]).tolist() if p >= 0]


def test_all_points_of_a_clear_tile_have_one_holder():
    shapes, others = town(), ends_of(overlapping())
    index, layers = GridIndex.from_polygons(shapes), GridIndex.from_polygons(overlapping(), strict=False)
    near = Vicinity(ends_of(shapes), degrees=True, others=others)
    held = {}
    for x, y in points(6000):
        leaf = near.leaf(x, y)
        if leaf is not None and leaf.clear:
            found = (index.holders(x, y), layers.holders(x, y))
            assert held.setdefault(id(leaf), (leaf, found))[1] == found
    assert len(held) > 500
