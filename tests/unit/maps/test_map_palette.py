"""Neighbours differ, classes hold what they say, and grey prints keep the order."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from maps import palette
from tests.unit.maps.sample_county import sample_county


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_six_colours_always_do_for_a_planar_graph(count, seed):
    points = np.random.default_rng(seed).random((count, 2))
    lines = shapely.delaunay_triangles(shapely.MultiPoint(points), only_edges=True)
    place = {tuple(p): i for i, p in enumerate(points)}
    pairs = [tuple(place[c] for c in line.coords) for line in shapely.get_parts(lines)]
    chosen = palette.colour_indices(count, pairs)
    assert all(chosen[i] != chosen[j] for i, j in pairs)
    assert set(chosen) <= set(range(6))
    assert chosen == palette.colour_indices(count, pairs)


@pytest.mark.parametrize("version", ["before", "after"])
def test_grids_that_meet_even_in_a_point_differ(version):
    shapes = [g.geometry for g in getattr(sample_county(), version)]
    chosen = palette.map_colours(shapes)
    pairs = palette.adjacent_pairs(shapes)
    assert len(pairs) > 100
    assert all(chosen[i] != chosen[j] for i, j in pairs)


def test_point_contact_counts_only_when_asked():
    corner = [shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2), shapely.box(1, 0, 2, 1)]
    assert len(palette.adjacent_pairs(corner)) == 3
    assert palette.adjacent_pairs(corner, points_count=False).tolist() == [[0, 2], [1, 2]]


def test_a_clash_is_kept_apart_along_lines_when_points_ask_too_much():
    slices = 9
    angles = np.linspace(0, 2 * np.pi, slices + 1)
    wedges = [
        shapely.Polygon([(0, 0), (np.cos(a), np.sin(a)), (np.cos(b), np.sin(b))]) for a, b in itertools.pairwise(angles)
    ]
    chosen = palette.map_colours(wedges)
    lines = palette.adjacent_pairs(wedges, points_count=False)
    assert len(lines) >= slices - 1
    assert all(chosen[i] != chosen[j] for i, j in lines)


def test_no_polygon_needs_no_colour():
    assert palette.map_colours([]) == []


def test_classes_hold_their_bounds():
    classes = palette.household_classes()
    assert classes.of([0, 99, 100, 199, 200, 500, 501]).tolist() == [0, 0, 1, 1, 2, 4, 5]
    assert classes.texts == ("<100", "100–199", "200–299", "300–399", "400–500", "≥501")
    assert palette.share_classes().of([0.0, 0.2, 1.0]).tolist() == [0, 1, 5]


@pytest.mark.parametrize("classes", [palette.household_classes(), palette.per_worker_classes()])
def test_ramps_darken_steadily(classes):
    lights = [palette.relative_luminance(c) for c in classes.colours]
    assert all(a - b > 0.03 for a, b in itertools.pairwise(lights))
    assert len(classes.colours) == len(classes.texts) == len(classes.breaks) + 1


def test_dark_text_reads_on_every_pastel():
    ink = palette.relative_luminance("#222222")
    assert all((palette.relative_luminance(p) + 0.05) / (ink + 0.05) > 7 for p in palette.PASTELS)
    assert len(set(palette.PASTELS)) == len(palette.PASTELS)
