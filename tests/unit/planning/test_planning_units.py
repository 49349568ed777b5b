"""Units: loads checked, borders measured, what cannot be told refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import box

from geo.crs import metric_for
from geo.errors import CoverageBroken, Refused
from geo.planning import units_from_polygons
from tests.coverages import town

ROW = [box(0, 0, 100, 100), box(100, 0, 200, 100), box(200, 95, 300, 195)]


def shared(units):
    return {tuple(p): m for p, m in zip(units.pairs.tolist(), units.shared_m.tolist(), strict=True)}


def test_point_contact_is_no_border():
    units = units_from_polygons([box(0, 0, 1, 1), box(1, 1, 2, 2)], loads=[1, 1])
    assert len(units.pairs) == 0


def test_neighbours_need_more_than_the_least_edge():
    units = units_from_polygons(ROW, loads=[1, 1, 1])
    assert shared(units) == {(0, 1): 100.0, (1, 2): 5.0}
    assert units.joins.tolist() == [True, False]


def test_exactly_the_least_edge_is_not_enough():
    units = units_from_polygons(ROW, loads=[1, 1, 1], min_shared_edge_m=100.0)
    assert not units.joins.any()


def test_holes_and_islands_count_all_rings():
    ring, inner = shapely.difference(box(0, 0, 100, 100), box(30, 30, 60, 60)), box(30, 30, 60, 60)
    far = shapely.MultiPolygon([box(500, 0, 510, 10), box(600, 0, 610, 10)])
    units = units_from_polygons([ring, inner, far], loads=[1, 1, 1])
    assert units.perimeters_m.tolist() == [520.0, 120.0, 80.0]
    assert shared(units) == {(0, 1): 120.0}


def test_perimeter_less_borders_is_the_outline():
    cells, loads, _ = town(60, seed=3)
    units = units_from_polygons(cells, loads=loads)
    outline = shapely.length(shapely.union_all(cells))
    assert units.total_perimeter_m - 2 * units.shared_m.sum() == pytest.approx(outline)


def test_one_sided_vertices_and_rounding_are_measured():
    cells, loads, _ = town(60, seed=4)
    plain = units_from_polygons(cells, loads=loads)
    noded = cells.copy()
    noded[::2] = shapely.segmentize(noded[::2], 40)
    noded[::3] = shapely.transform(noded[::3], lambda c: np.round(c, 1))
    rough = units_from_polygons(noded, loads=loads)
    assert rough.shared_m.sum() == pytest.approx(plain.shared_m.sum(), rel=1e-3)
    assert {tuple(p) for p in rough.pairs[rough.joins].tolist()} == {
        tuple(p) for p in plain.pairs[plain.joins].tolist()
    }


def test_a_barrier_takes_the_border_near_it():
    units = units_from_polygons(ROW, loads=[1, 1, 1], barriers=[shapely.LineString([(50, 40), (150, 40)])])
    assert shared(units)[(0, 1)] == pytest.approx(70.0)


def test_a_barrier_along_the_border_parts_the_units():
    units = units_from_polygons(ROW, loads=[1, 1, 1], barriers=[shapely.LineString([(110, -50), (110, 150)])])
    assert (0, 1) not in shared(units)


def test_degrees_are_measured_in_the_zone():
    metric = metric_for(129.4)
    plane = [shapely.transform(g, lambda c: c + np.array([500_000, 5_300_000])) for g in ROW[:2]]
    degrees = metric.unproject(np.array(plane, dtype=object))
    units = units_from_polygons(list(degrees), loads=[1, 1], metric=metric)
    assert units.shared_m[0] == pytest.approx(100.0, abs=1e-3)


def test_parents_part_neighbours():
    units = units_from_polygons(ROW, loads=[1, 1, 1], parents=["甲", "乙", "乙"])
    assert shared(units) == {(1, 2): 5.0}
    assert units.parent_of(0) == "甲"


@pytest.mark.parametrize(
    ("loads", "says"),
    [
        ([1, None, 1], "unit 乙 is missing"),
        ([1, float("nan"), 1], "unit 乙 is missing"),
        ([1, "12户", 1], "unit 乙 is missing"),
        ([1, 1, -2], "unit 丙 is negative"),
        ([0, 0, 0], "all loads are zero"),
        ([1, 1], "2 values of load for 3 units"),
    ],
)
def test_bad_loads_are_refused_by_name(loads, says):
    with pytest.raises(Refused, match=says):
        units_from_polygons(ROW, loads=loads, ids=["甲", "乙", "丙"])


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        (None, "has no geometry"),
        (shapely.Polygon(), "has no geometry"),
        (shapely.LineString([(0, 0), (1, 1)]), "is no polygon"),
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "is invalid"),
    ],
)
def test_bad_geometry_is_refused_by_name(geometry, says):
    with pytest.raises(Refused, match=f"unit 乙 {says}"):
        units_from_polygons([ROW[0], geometry], loads=[1, 1], ids=["甲", "乙"])


def test_overlaps_are_refused_by_name():
    with pytest.raises(CoverageBroken, match="甲 and 乙 overlap by 1000"):
        units_from_polygons([box(0, 0, 100, 100), box(90, 0, 200, 100)], loads=[1, 1], ids=["甲", "乙"])


def test_strips_are_refused_by_name():
    with pytest.raises(CoverageBroken, match="strip narrower than 1 m along 100 m"):
        units_from_polygons([box(0, 0, 100, 100), box(100.5, 0, 200, 100)], loads=[1, 1], ids=["甲", "乙"])


def test_hair_gaps_are_borders():
    units = units_from_polygons([box(0, 0, 100, 100), box(100.05, 0, 200, 100)], loads=[1, 1])
    assert units.shared_m.tolist() == pytest.approx([100.0])


def test_an_id_twice_is_refused():
    with pytest.raises(Refused, match="'甲' occurs twice"):
        units_from_polygons(ROW[:2], loads=[1, 1], ids=["甲", "甲"])
