"""Blocks between streets: guides led on, solids bound, lines midway, borders that a split edit makes again."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.crs import to_lattice
from geo.planning.drawing import bind_solids, cut_blocks, cutting_lines, lines_between
from geo.planning.drawing.blocks import gathered_shapes
from geo.planning.drawing.solids import bound, midlines, spread_over
from geo.topology.coverage import Coverage
from geo.topology.edits import Split
from tests.drawn_quarter import METRIC, ground, metres, street

SQUARE = shapely.box(0, 0, 400, 400)
CROSS = [street((-10, 200), (410, 200)), street((150, -10), (150, 410))]


def cut(*lines):
    return cut_blocks(ground(), METRIC.project(np.array(lines, dtype=object)), metric=METRIC)


def sizes(blocks):
    return sorted(round(s.area, -1) for s in metres(np.array(blocks.polygons(), dtype=object)))


def test_streets_cut_a_ground_into_blocks_that_cover_it():
    blocks = cut(*CROSS)
    assert sizes(blocks) == [30_000, 30_000, 50_000, 50_000]
    assert plain(blocks.extent()).equals(plain(ground()))
    assert sum(sizes(blocks)) == 160_000


def test_what_hangs_loose_or_lies_outside_cuts_nothing():
    assert len(cut(street((100, 100), (300, 100)))) == 1
    assert len(cut(street((500, 0), (500, 400)))) == 1
    assert len(cut()) == 1


def test_lines_between_blocks_make_the_same_borders_again():
    blocks = cut(*CROSS)
    label = [0 if metres(s).centroid.x < 150 else 1 for s in blocks.polygons()]
    lines = lines_between(blocks, label)
    assert len(lines) == 1
    whole = Coverage.build([ground()], ids=["a"])
    places = tuple(tuple(tuple(p) for p in to_lattice(line).tolist()) for line in lines)
    after = Split("a", places, ("b",)).apply(whole)
    drawn = [shapely.normalize(s) for s in after.polygons()]
    wanted = [shapely.normalize(s) for s in gathered_shapes(blocks, label, 2)]
    assert {shapely.to_wkt(s, rounding_precision=9) for s in map(plain, drawn)} == {
        shapely.to_wkt(s, rounding_precision=9) for s in map(plain, wanted)
    }
    assert lines_between(blocks, [0] * len(blocks)) == []


def plain(shape):
    """Return a shape without the nodes that other blocks put into its straight sides."""
    return shapely.normalize(shapely.simplify(shape, 3e-9))


def test_a_street_that_stops_short_is_led_on_to_the_border():
    short = [shapely.LineString([(150, 20), (150, 385)])]
    led = cutting_lines(short, SQUARE)
    assert len(led) == 3
    assert shapely.union_all(led).bounds == pytest.approx((150, -0.5, 150, 400.5))
    assert len(cutting_lines(short, SQUARE, reach_m=0.0)) == 1
    assert len(cutting_lines(short, SQUARE, reach_m=10.0)) == 1


def test_a_street_that_stops_short_of_another_is_led_on_to_that():
    led = cutting_lines(
        [shapely.LineString([(-5, 200), (405, 200)]), shapely.LineString([(150, -5), (150, 180)])], SQUARE
    )
    assert shapely.intersects(shapely.union_all(led), shapely.Point(150, 199))


def test_a_street_that_turns_away_goes_the_shortest_way_to_the_border():
    led = cutting_lines([shapely.LineString([(200, -5), (200, 200), (393, 201)])], SQUARE, reach_m=3.0)
    assert shapely.union_all(led).bounds[2] == pytest.approx(393)
    led = cutting_lines([shapely.LineString([(200, -5), (200, 394), (100, 394)])], SQUARE, reach_m=20.0)
    assert shapely.union_all(led).bounds[3] == pytest.approx(400.5)


def test_a_street_beside_the_border_parts_nothing():
    beside = shapely.LineString([(1, -10), (1, 410)])
    assert len(cutting_lines([beside, None, shapely.LineString()], SQUARE, reach_m=0.0)) == 0


def test_overlapping_outlines_are_one_solid():
    outlines = [
        shapely.box(0, 0, 10, 10),
        shapely.box(8, 0, 20, 10),
        shapely.box(20, 0, 30, 10),  # touches only
        shapely.box(500, 0, 510, 10),  # outside
        shapely.box(395, 0, 405, 10),  # half outside
        shapely.Polygon(),
        shapely.Polygon([(0, 0), (5, 5), (5, 0), (0, 5)]),  # crosses itself
    ]
    solids = bind_solids(outlines, SQUARE)
    assert solids.members == ((0, 1), (2,), (4,))
    assert [round(a) for a in shapely.area(solids.shapes_m)] == [200, 100, 50]
    assert len(bind_solids([], SQUARE)) == 0


def test_pairs_bind_groups():
    assert bound(5, [(3, 1), (1, 4)]) == [(0,), (1, 3, 4), (2,)]


def test_a_solid_lies_in_the_blocks_it_covers_the_largest_first():
    blocks = np.array([shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)], dtype=object)
    solids = np.array(
        [shapely.box(60, 10, 110, 20), shapely.box(95, 10, 150, 20), shapely.box(50, 10, 100.05, 20)], dtype=object
    )
    assert spread_over(solids, blocks) == [(0, 1), (1, 0), (0,)]


def test_midlines_keep_clear_of_the_outlines_and_part_them():
    rng = np.random.default_rng(3)
    for _ in range(5):
        corners = [(x, y) for x in range(20, 361, 68) for y in range(20, 361, 68)]
        shapes = np.array(
            [shapely.box(x + dx, y + dy, x + dx + 30 + w, y + dy + 40)
             for (x, y), (dx, dy, w) in zip(corners, rng.uniform(0, 12, (len(corners), 3)).tolist(), strict=True)],
            dtype=object,
        )  # fmt: skip
        label = rng.integers(0, 4, len(shapes)).tolist()
        lines = shapely.union_all(midlines(shapes, label, SQUARE))
        assert not shapely.intersects(lines, shapely.buffer(shapes, -0.05)).any()
        faces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.union_all([lines, SQUARE.boundary]))]))
        for face in faces.tolist():
            inside = {k for k, s in zip(label, shapes.tolist(), strict=True) if face.intersection(s).area > 1.0}
            assert len(inside) <= 1
    assert midlines(shapes, [0] * len(shapes), SQUARE) == []
