"""Exactly one grid for every point: the index against rational arithmetic on the nastiest points there are."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import snap_geometry
from geo.locate import GridIndex

_spec = importlib.util.spec_from_file_location("brute_placement", Path(__file__).with_name("brute_placement.py"))
brute_placement = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(brute_placement)
Brute = brute_placement.Brute

KERNELS = ("numpy", "numba")


def voronoi(rng, *, count, box, lattice=False):
    west, south, east, north = box
    seeds = np.column_stack([rng.uniform(west, east, count), rng.uniform(south, north, count)])
    cells = shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=shapely.box(*box))
    parts = shapely.get_parts(cells)
    return snap_geometry(parts) if lattice else parts


def chessboard(rows, columns, *, size=1.0, origin=(0.0, 0.0)):
    x, y = origin
    return [
        shapely.box(x + j * size, y + i * size, x + (j + 1) * size, y + (i + 1) * size)
        for i in range(rows)
        for j in range(columns)
    ]


def nasty_points(geometries, rng, *, some):
    """Vertices, edge middles, random edge points, the eight float neighbours of each, and random points."""
    edges = []
    for ring in shapely.get_rings(geometries):
        xy = shapely.get_coordinates(ring)
        edges.append(np.hstack([xy[:-1], xy[1:]]))
    edges = rng.permutation(np.vstack(edges))[:some]
    a, b = edges[:, :2], edges[:, 2:]
    seeds = np.vstack([a, (a + b) / 2, a + rng.uniform(0, 1, (len(a), 1)) * (b - a)])
    steps = [-np.inf, None, np.inf]
    around = [
        np.column_stack([s if d is None else np.nextafter(s, d) for s, d in zip(seeds.T, (dx, dy), strict=True)])
        for dx in steps
        for dy in steps
    ]
    west, south, east, north = shapely.total_bounds(geometries)
    loose = np.column_stack([rng.uniform(west, east, some), rng.uniform(south, north, some)])
    # Points that share a row or a column with vertices meet the rule's equalities.
    rows = np.column_stack([rng.uniform(west, east, len(a)), a[:, 1]])
    columns = np.column_stack([a[:, 0], rng.uniform(south, north, len(a))])
    return np.vstack([*around, loose, rows, columns])


COVERAGES = {
    "voronoi, degrees on the lattice": lambda rng: voronoi(rng, count=40, box=(129.0, 48.0, 129.3, 48.2), lattice=True),
    "voronoi, degrees": lambda rng: voronoi(rng, count=25, box=(129.0, 48.0, 129.3, 48.2)),
    "voronoi, metres": lambda rng: voronoi(rng, count=25, box=(530000.0, 5340000.0, 545000.0, 5355000.0)),
    "voronoi, unit square about zero": lambda rng: voronoi(rng, count=25, box=(-0.5, -0.5, 0.5, 0.5)),
    "chessboard": lambda _: chessboard(5, 7),
    "chessboard about zero": lambda _: chessboard(4, 4, size=0.1, origin=(-0.2, -0.2)),
    "ring around a grid": lambda _: [
        shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6)),
        shapely.box(3, 3, 6, 6),
        shapely.box(9, 0, 12, 9),
    ],
    "two parts and a wide gap": lambda _: [
        shapely.MultiPolygon([shapely.box(0, 0, 3, 3), shapely.box(6, 6, 9, 9)]),
        shapely.box(3, 0, 9, 3),
        shapely.box(0, 6, 6, 9),
        shapely.box(0, 3, 3, 6),
        shapely.box(6, 3, 9, 6),
    ],
    "T-junctions": lambda _: [shapely.box(0, 0, 4, 2), shapely.box(0, 2, 1, 4), shapely.box(1, 2, 4, 4)],
}


@pytest.mark.parametrize("name", COVERAGES)
def test_the_index_answers_as_rational_arithmetic_does(name):
    rng = np.random.default_rng(3)
    geometries = COVERAGES[name](rng)
    points = nasty_points(geometries, rng, some=9)
    brute = Brute(geometries)
    expected = [brute.place(x, y) for x, y in points]
    on_boundary = [brute.on_boundary(x, y) for x, y in points]
    assert max(len(brute.all(x, y)) for x, y in points) == 1
    for cells in (None, 30, 5000):
        index = GridIndex.from_polygons(geometries, cells=cells, metric=None)
        loose = GridIndex.from_polygons(geometries, cells=cells, metric=None, strict=False)
        for kernel in KERNELS:
            found, touching = index.place_many(*points.T, kernel=kernel)
            assert found.tolist() == expected
            assert touching.tolist() == on_boundary
        assert loose.locate_many(*points.T).tolist() == expected
        assert loose.place_many(*points.T)[1].tolist() == on_boundary
    one_by_one = [index.locate(x, y) for x, y in points]
    assert [a.position for a in one_by_one] == expected
    assert [a.on_boundary for a in one_by_one] == on_boundary


@pytest.mark.parametrize("seed", range(3))
def test_overlapping_polygons_are_all_found(seed):
    rng = np.random.default_rng(seed)
    west, south = rng.uniform(0, 8, (2, 12)).round(1)
    wide, high = rng.uniform(0.5, 4, (2, 12)).round(1)
    geometries = list(shapely.box(west, south, west + wide, south + high))
    points = nasty_points(geometries, rng, some=8)
    brute = Brute(geometries)
    index = GridIndex.from_polygons(geometries, strict=False, metric=None)
    assert index.locate_many(*points.T).tolist() == [brute.place(x, y) for x, y in points]
    point, position = index.locate_all(*points.T)
    for k, (x, y) in enumerate(points):
        alone = [brute.place(x, y)] if brute.place(x, y) >= 0 else []
        assert position[point == k].tolist() == (brute.all(x, y) or alone)


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True),
    slopes=st.lists(st.floats(-3.0, 3.0), min_size=5, max_size=5),
    picks=st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)), min_size=5, max_size=20),
)
def test_strips_between_any_lines_hold_each_point_once(cuts, slopes, picks):
    """A square cut by vertical zigzags: each point falls to exactly one strip, by every path through the code."""
    lines = np.array([0.0, *sorted(cuts), 1.0])
    bend = np.array([0.0, *(lines[1:-1] + np.array(slopes[: len(lines) - 2]) * np.diff(lines).min() / 7), 1.0])
    strips = [
        shapely.Polygon([(a, 0), (b, 0), (d, 0.5), (b, 1), (a, 1), (c, 0.5)])
        for a, b, c, d in zip(lines[:-1], lines[1:], bend[:-1], bend[1:], strict=True)
    ]
    index = GridIndex.from_polygons(strips, metric=None)
    points = np.array([*picks, *[(c, y) for c in (*lines, *bend) for y in (0.0, 0.25, 0.5, 1.0)]])
    brute = Brute(strips)
    assert index.locate_many(*points.T, kernel="numpy").tolist() == [brute.place(x, y) for x, y in points]


def agree_with_whole_numbers(geometries, points):
    """Compare both kernels with the plain rule in integers; points that no polygon holds are asked of `Brute`."""
    x, y = points[:, 0].copy(), points[:, 1].copy()
    count, expected = brute_placement.holders(geometries, x, y)
    assert count.max() == 1
    brute = Brute(geometries)
    for row in np.flatnonzero(count == 0):
        expected[row] = brute.place(x[row], y[row])
    index = GridIndex.from_polygons(geometries)
    for kernel in KERNELS:
        assert np.flatnonzero(index.locate_many(x, y, kernel=kernel) != expected).tolist() == []


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_thousand_points_agree_with_whole_numbers(seed):
    rng = np.random.default_rng(seed)
    geometries = voronoi(rng, count=163, box=(129.0, 48.0, 129.5, 48.3), lattice=True)
    points = nasty_points(geometries, rng, some=7000)
    assert len(points) > 33_334
    agree_with_whole_numbers(geometries, points)


@pytest.mark.battery
@pytest.mark.parametrize("seed", range(30))
def test_a_million_points_in_many_coverages_agree_with_whole_numbers(seed):
    rng = np.random.default_rng(100 + seed)
    geometries = voronoi(rng, count=163, box=(129.0, 48.0, 129.5, 48.3), lattice=True)
    points = nasty_points(geometries, rng, some=7000)
    assert len(points) > 33_334
    agree_with_whole_numbers(geometries, points)


def test_whole_numbers_and_rationals_say_the_same():
    rng = np.random.default_rng(7)
    geometries = voronoi(rng, count=20, box=(129.0, 48.0, 129.3, 48.2))
    x, y = nasty_points(geometries, rng, some=20).T.copy()
    count, lowest = brute_placement.holders(geometries, x, y)
    told = [Brute(geometries).all(*point) for point in zip(x, y, strict=True)]
    assert count.tolist() == [len(found) for found in told]
    assert lowest.tolist() == [found[0] if found else -1 for found in told]
