"""What a repair promises: nothing moves further than said, everything is listed, and the rest is a finding."""

import numpy as np
import pytest
import shapely

from geo.crs import metric_for, snap_geometry
from geo.errors import HostileFile, Refused
from geo.model import FindingCode
from geo.topology import Coverage, check, repair, settle, verify

METRIC = metric_for(129.5)
EAST, NORTH = 540_000.0, 5_350_000.0


def degrees(*shapes):
    return [METRIC.unproject(shapely.transform(s, lambda c: c + np.array([EAST, NORTH]))) for s in shapes]


def board(columns=4, rows=3, side=300.0):
    return [
        shapely.box(c * side, r * side, (c + 1) * side, (r + 1) * side) for r in range(rows) for c in range(columns)
    ]


def named(shapes):
    return [f"第{i + 1}网格" for i in range(len(shapes))]


def mend(shapes, *, extent=None, tolerance_m=0.5):
    return repair(shapes, names=named(shapes), metric=METRIC, tolerance_m=tolerance_m, extent=extent)


def shaken(ring, rng, reach):
    moved = ring[:-1] + rng.uniform(-reach, reach, (len(ring) - 1, 2))
    return np.vstack([moved, moved[:1]])


def jitter(shapes, rng, reach):
    return [shapely.transform(s, lambda c: shaken(c, rng, reach)) for s in shapes]


def assert_covers(geometries, extent):
    assert verify(Coverage.build(geometries)) == ()
    union = shapely.union_all(list(geometries))
    # In square degrees: a node on a long straight edge would bend its picture in metres by millimetres.
    assert shapely.area(shapely.symmetric_difference(union, extent)) < 0.1 / 111_320**2
    assert not [f for f in check(geometries, names=named(geometries), metric=METRIC, extent=extent) if f.blocking]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("reach", [0.1, 0.3])
def test_jitter_within_the_tolerance_leaves_no_finding(seed, reach):
    rng = np.random.default_rng(seed)
    shapes = degrees(*jitter(board(), rng, reach))
    extent = snap_geometry(shapely.union_all(degrees(*board())))
    mended = mend(shapes, extent=extent, tolerance_m=1.0)
    assert_covers(mended.geometries, extent)
    assert mended.changes
    assert max(c.moved_m for c in mended.changes) <= 1.0


@pytest.mark.parametrize("seed", range(12))
def test_no_grid_changes_its_area_by_more_than_its_rim_times_the_tolerance(seed):
    rng = np.random.default_rng(seed)
    shapes = degrees(*jitter(board(), rng, 0.2))
    mended = mend(shapes, extent=snap_geometry(shapely.union_all(degrees(*board()))), tolerance_m=0.6)
    before, after = (METRIC.area_m2(np.array(list(g), dtype=object)) for g in (shapes, mended.geometries))
    assert (np.abs(after - before) <= 4 * 300.0 * 0.6).all()


@pytest.mark.parametrize("seed", range(8))
def test_wide_dirt_stays_a_finding_until_it_is_settled_by_rule(seed):
    rng = np.random.default_rng(seed)
    squares = board()
    # A gap of 3 m to the west and an overlap of 2.5 m to the east.
    squares[5] = shapely.box(300 + 3.0, 300, 600 + 2.5, 600)
    shapes = degrees(*jitter(squares, rng, 0.15))
    extent = snap_geometry(shapely.union_all(degrees(*board())))
    mended = mend(shapes, extent=extent)
    kinds = {f.code for f in mended.findings if f.blocking}
    assert {FindingCode.GAP, FindingCode.OVERLAP} <= kinds
    assert max(c.moved_m for c in mended.changes) <= 0.5
    names = named(shapes)
    settled = settle(mended.geometries, mended.findings, names=names, metric=METRIC, extent=extent)
    assert_covers(settled.geometries, extent)
    assert {c.code for c in settled.changes} >= {"gap", "overlap"}
    assert all(c.features and c.message for c in settled.changes)


def test_a_bow_tie_is_read_by_what_it_encloses_and_listed():
    squares = board(2, 1)
    tangled = shapely.Polygon([(0, 0), (300, 0), (300, 300), (0.4, 300), (0, 299.6), (0.4, 299.6), (0, 300)])
    shapes = degrees(tangled, squares[1])
    extent = snap_geometry(shapely.union_all(degrees(*squares)))
    mended = mend(shapes, extent=extent, tolerance_m=1.0)
    assert "self-crossing" in {c.code for c in mended.changes}
    assert_covers(mended.geometries, extent)


def test_a_t_junction_becomes_a_node_on_both_sides():
    lower, left, right = shapely.box(0, 0, 600, 300), shapely.box(0, 300, 280, 600), shapely.box(280, 300, 600, 600)
    shapes = degrees(lower, left, right)
    # A straight line in metres is none in degrees: drawn apart, the two sides leave a slit of millimetres.
    (extent,) = degrees(shapely.box(0, 0, 600, 600))
    mended = mend(shapes, extent=extent)
    assert_covers(mended.geometries, extent)
    assert shapely.get_num_coordinates(mended.geometries[0]) == 6


def test_what_is_sound_is_left_alone():
    shapes = degrees(*board())
    mended = mend(shapes, extent=shapely.union_all(shapes))
    assert mended.changes == ()
    assert all(shapely.equals(a, b) for a, b in zip(shapes, mended.geometries, strict=True))
    again = settle(mended.geometries, mended.findings, names=named(shapes), metric=METRIC)
    assert again.geometries == mended.geometries


def test_without_a_declared_extent_neighbours_still_meet():
    rng = np.random.default_rng(4)
    mended = mend(degrees(*jitter(board(), rng, 0.2)), tolerance_m=1.0)
    assert verify(Coverage.build(mended.geometries)) == ()


def test_ground_outside_the_extent_is_cut_off_when_settled():
    squares = board(2, 1)
    shapes = degrees(shapely.box(-40, 0, 300, 300), squares[1])
    extent = snap_geometry(shapely.union_all(degrees(*squares)))
    mended = mend(shapes, extent=extent)
    assert {f.code for f in mended.findings if f.blocking} == {FindingCode.OUTSIDE_EXTENT}
    settled = settle(mended.geometries, mended.findings, names=named(shapes), metric=METRIC, extent=extent)
    assert_covers(settled.geometries, extent)
    assert [c.code for c in settled.changes] == ["outside-extent"]


def test_a_tolerance_out_of_range_a_missing_polygon_and_a_wild_star_are_refused():
    shapes = degrees(*board(2, 1))
    with pytest.raises(Refused, match="tolerance"):
        mend(shapes, tolerance_m=0.0)
    with pytest.raises(Refused, match="第2网格"):
        mend([shapes[0], None])
    with pytest.raises(Refused, match="no rule"):
        settle(shapes, (), names=named(shapes), metric=METRIC, rule="coin")
    points = np.random.default_rng(0).uniform(0, 300, (500, 2))
    with pytest.raises(HostileFile, match="crosses itself"):
        mend(degrees(shapely.Polygon(points)))


def test_the_order_of_input_changes_nothing_but_the_order_of_output():
    shapes = degrees(*jitter(board(), np.random.default_rng(9), 0.2))
    extent = snap_geometry(shapely.union_all(degrees(*board())))
    forward = mend(shapes, extent=extent, tolerance_m=1.0).geometries
    backward = mend(shapes[::-1], extent=extent, tolerance_m=1.0).geometries[::-1]
    assert all(shapely.equals(a, b) for a, b in zip(forward, backward, strict=True))
