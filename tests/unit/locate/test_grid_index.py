import pickle

import numpy as np
import pytest
import shapely

from geo.crs import metric_for
from geo.errors import CoverageBroken, Refused
from geo.locate import GridIndex


@pytest.fixture(scope="module")
def squares():
    return [shapely.box(x, y, x + 100, y + 100) for y in (0, 100) for x in (0, 100, 200)]


@pytest.fixture(scope="module")
def index(squares):
    return GridIndex.from_polygons(squares, metric=None)


def test_positions_and_outside(index):
    x = [50, 150, 250, 50, 350, -1, np.nan, np.inf, -np.inf, 1e308]
    y = [50, 50, 50, 150, 50, 50, 50, 50, 50, -1e308]
    assert index.locate_many(x, y).tolist() == [0, 1, 2, 3, -1, -1, -1, -1, -1, -1]
    assert index.locate_many(x, y).dtype == np.int32


def test_no_points_and_one_point(index):
    assert index.locate_many([], []).tolist() == []
    assert index.locate_many(50.0, 50.0).tolist() == [0]


def test_columns_of_unequal_length_are_refused(index):
    with pytest.raises(Refused):
        index.locate_many([1.0, 2.0], [1.0])


def test_the_outer_boundary_belongs_to_the_lowest_closed_position(index):
    x = [300, 300, 300, 100, 0, 300]
    y = [50, 100, 200, 200, 200, 0]
    position, boundary = index.place_many(x, y)
    assert position.tolist() == [2, 2, 5, 3, 3, 2]
    assert boundary.all()


def test_inner_edges_belong_to_the_north_and_the_east(index):
    position, boundary = index.place_many([100, 50, 100, 50], [50, 100, 100, 50])
    assert position.tolist() == [1, 3, 4, 0]
    assert boundary.tolist() == [True, True, True, False]


def test_threads_and_kernels_agree(squares):
    rng = np.random.default_rng(0)
    index = GridIndex.from_polygons(squares, metric=None)
    x, y = rng.uniform(-10, 310, (2, 200_000)).round(0)
    one = index.locate_many(x, y, kernel="numpy")
    assert (index.locate_many(x, y, kernel="numpy", threads=2) == one).all()
    assert (index.locate_many(x, y, kernel="numba") == one).all()


def test_one_lookup_says_distance_candidates_and_doubt(index):
    sure = index.locate(50.0, 50.0, accuracy_m=10.0)
    assert (sure.position, sure.candidates, sure.ambiguous, sure.on_boundary) == (0, (0,), False, False)
    assert sure.distance_to_boundary_m == pytest.approx(50.0)
    doubt = index.locate(95.0, 97.0, accuracy_m=6.0)
    assert doubt.distance_to_boundary_m == pytest.approx(3.0)
    assert (doubt.candidates, doubt.ambiguous) == ((0, 1, 3, 4), True)
    corner = index.locate(100.0, 100.0, accuracy_m=0.0)
    assert (corner.position, corner.on_boundary, corner.distance_to_boundary_m) == (4, True, 0.0)
    outside = index.locate(-40.0, 50.0, accuracy_m=60.0)
    assert (outside.position, outside.candidates, outside.ambiguous) == (-1, (0,), True)
    assert outside.distance_to_boundary_m == pytest.approx(40.0)
    far = index.locate(-9000.0, 50.0)
    assert (far.position, far.candidates, far.ambiguous) == (-1, (), False)
    assert far.distance_to_boundary_m == pytest.approx(9000.0)


def test_a_point_that_is_not_finite_is_nowhere(index):
    nowhere = index.locate(float("nan"), 1.0)
    assert (nowhere.position, nowhere.distance_to_boundary_m, nowhere.candidates) == (-1, None, ())


@pytest.mark.parametrize("accuracy", [-1.0, float("nan"), float("inf")])
def test_an_impossible_accuracy_is_refused(index, accuracy):
    with pytest.raises(Refused):
        index.locate(50.0, 50.0, accuracy_m=accuracy)


def test_distances_in_degrees_are_metres_on_the_ground():
    metric = metric_for(129.1)
    east, north = 129.1, 48.1
    town = [shapely.box(129.0, 48.0, 129.1, 48.2), shapely.box(129.1, 48.0, 129.2, 48.2)]
    index = GridIndex.from_polygons(town)
    assert index.metric == metric
    x = east + 0.003
    (a, b), (c, d) = metric.forward([east, x], [north, north])
    expected = float(np.hypot(b - a, d - c))
    assert index.locate(x, north).distance_to_boundary_m == pytest.approx(expected, rel=1e-3)


def test_nearest_distances_agree_with_a_plain_search():
    rng = np.random.default_rng(5)
    seeds = rng.uniform(0, 1000, (60, 2))
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds)))
    index = GridIndex.from_polygons(cells, metric=None)
    rim = shapely.union_all(shapely.boundary(cells))
    for x, y in rng.uniform(-500, 1500, (60, 2)):
        point = shapely.Point(x, y)
        answer = index.locate(x, y, accuracy_m=25.0)
        assert answer.distance_to_boundary_m == pytest.approx(rim.distance(point), abs=1e-6)
        near = [i for i, c in enumerate(cells) if c.distance(point) <= 25.0]
        assert list(answer.candidates) == near


def test_pickling_keeps_every_answer(index):
    again = pickle.loads(pickle.dumps(index))  # noqa: S301 - our own bytes
    x, y = np.random.default_rng(0).uniform(-10, 310, (2, 500))
    assert (again.locate_many(x, y) == index.locate_many(x, y)).all()
    assert (len(again), again.strict, again.metric) == (6, True, None)


def test_an_index_without_grids_answers_outside():
    for strict in (True, False):
        index = GridIndex.from_polygons([], strict=strict)
        assert index.locate_many([1.0], [1.0]).tolist() == [-1]
        assert index.locate(1.0, 1.0, accuracy_m=5.0).distance_to_boundary_m is None
        assert index.locate_all([1.0], [1.0])[0].tolist() == []


def test_overlaps_are_refused_by_name_unless_asked_for():
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(9, 0, 20, 10)]
    with pytest.raises(CoverageBroken, match=r"甲.*乙"):
        GridIndex.from_polygons(shapes, names=["甲", "乙"], metric=None)
    loose = GridIndex.from_polygons(shapes, strict=False, metric=None)
    assert not loose.strict
    assert loose.locate_many([5, 9.5, 15, 30], [5, 5, 5, 5]).tolist() == [0, 0, 1, -1]
    point, position = loose.locate_all([5, 9.5, 15, 30], [5, 5, 5, 5])
    assert (point.tolist(), position.tolist()) == ([0, 1, 1, 2], [0, 0, 1, 1])
    answer = loose.locate(9.5, 5.0, accuracy_m=0.1)
    assert (answer.position, answer.candidates, answer.ambiguous) == (0, (0, 1), True)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("the same ground twice", [shapely.box(0, 0, 5, 5), shapely.box(0, 0, 5, 5)]),
        ("one inside the other", [shapely.box(0, 0, 50, 50), shapely.box(20, 20, 30, 30)]),
        ("a tiny one inside the other", [shapely.box(0, 0, 5000, 5000), shapely.box(20, 20, 20.001, 20.001)]),
        ("an overlap of one float", [shapely.box(0, 0, 5, 5), shapely.box(np.nextafter(5, 0), 0, 9, 5)]),
        ("a crossing", [shapely.box(0, 4, 10, 6), shapely.box(4, 0, 6, 10)]),
        ("shared corners", [shapely.Polygon([(0, 0), (9, 0), (9, 9)]), shapely.Polygon([(0, 0), (9, 0), (0, 9)])]),
    ],
)  # fmt: skip
def test_every_kind_of_overlap_is_refused(name, shapes):
    with pytest.raises(CoverageBroken):
        GridIndex.from_polygons(shapes, metric=None)


def test_a_bow_tie_is_refused_by_name():
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    with pytest.raises(CoverageBroken, match="结"):
        GridIndex.from_polygons([bow], names=["结"], metric=None)
    loose = GridIndex.from_polygons([bow], strict=False, metric=None)
    assert loose.locate_many([0.2, 1.8, 1.0], [1, 1, 0.2]).tolist() == [0, 0, -1]


def ring_with_hole(width, *, height=6.0):
    hole = shapely.box(4, 2, 4 + width, 2 + height)
    return [shapely.box(0, 0, 4, 10), shapely.box(4, 0, 20, 10).difference(hole)]


def test_enclosed_gaps_narrower_than_a_metre_are_refused_by_name():
    with pytest.raises(CoverageBroken, match=r"西.*东"):
        GridIndex.from_polygons(ring_with_hole(0.9), names=["西", "东"], metric=None)
    wide = GridIndex.from_polygons(ring_with_hole(1.1), metric=None)
    assert wide.locate_many([4.5], [5.0]).tolist() == [-1]
    assert GridIndex.from_polygons(ring_with_hole(0.9), strict=False, metric=None).locate_many(
        [4.5], [5.0]
    ).tolist() == [-1]


def test_a_square_gap_of_more_than_a_metre_is_no_strip():
    assert GridIndex.from_polygons(ring_with_hole(1.2, height=1.2), metric=None).strict
    with pytest.raises(CoverageBroken):
        GridIndex.from_polygons(ring_with_hole(0.8, height=0.8), metric=None)


def test_gaps_in_degrees_are_measured_in_metres():
    def town(gap_deg):
        west, east = shapely.box(129.0, 48.0, 129.01, 48.02), shapely.box(129.01, 48.0, 129.02, 48.02)
        gap = shapely.box(129.01, 48.005, 129.01 + gap_deg, 48.015)
        return [west, east.difference(gap)]

    with pytest.raises(CoverageBroken):
        GridIndex.from_polygons(town(0.7 / 74_600))
    assert GridIndex.from_polygons(town(1.5 / 74_600)).strict


@pytest.mark.parametrize("shape", [shapely.Point(0, 0), shapely.LineString([(0, 0), (1, 1)]), None])
def test_what_is_no_polygon_is_refused(shape):
    with pytest.raises(Refused, match="网"):
        GridIndex.from_polygons([shapely.box(0, 0, 1, 1), shape], names=["甲", "网"])


def test_a_coordinate_that_is_not_finite_is_refused():
    with np.errstate(invalid="ignore"):
        bad = shapely.Polygon([(0, 0), (1, 0), (1, float("nan"))])
    with pytest.raises(Refused):
        GridIndex.from_polygons([bad], strict=False)


def test_the_resolution_changes_no_answer(squares):
    rng = np.random.default_rng(2)
    x, y = rng.integers(-1, 31, (2, 3000)) * 10.0
    answers = [
        GridIndex.from_polygons(squares, cells=c, metric=None).locate_many(x, y).tolist() for c in (1, 7, 1000, 10**5)
    ]
    assert all(a == answers[0] for a in answers)


def test_a_far_origin_with_tiny_grids_is_still_exact():
    x0, step = 5_350_618.0, 2.0**-20
    shapes = [shapely.box(x0 + i * step, x0, x0 + (i + 1) * step, x0 + step) for i in range(4)]
    index = GridIndex.from_polygons(shapes, metric=None)
    x = x0 + np.arange(5) * step
    assert index.locate_many(x, np.full(5, x0)).tolist() == [0, 1, 2, 3, 3]
