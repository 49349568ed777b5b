import time

import numpy as np
import pytest
import shapely

from geo.assign import assign_points
from geo.locate import GridIndex
from geo.model import Basis


@pytest.fixture(scope="module")
def base():
    return GridIndex.from_polygons([shapely.box(i, 0, i + 1, 1) for i in range(3)], metric=None)


@pytest.fixture(scope="module")
def overlay():
    return GridIndex.from_polygons([shapely.box(0.5, 0, 1.5, 1), shapely.box(1, 0, 9, 9)], strict=False, metric=None)


def test_each_point_has_a_basis_and_its_overlays(base, overlay):
    lon = [0.25, 1.25, 1.0, 8.0, 20.0, np.nan, 1.0]
    lat = [0.5, 0.5, 0.5, 8.0, 20.0, 0.5, np.inf]
    found = assign_points(base, overlay, lon, lat)
    assert found.position.tolist() == [0, 1, 1, -1, -1, -1, -1]
    assert found.basis.tolist() == ["interior", "interior", "boundary", "outside", "outside", "invalid", "invalid"]
    assert found.overlays() == [(), (0, 1), (0, 1), (1,), (), (), ()]
    assert len(found) == 7
    assert set(found.basis) <= {str(b) for b in Basis}


def test_without_overlays_and_without_points(base):
    assert assign_points(base, None, [0.5], [0.5]).overlays() == [()]
    none = assign_points(base, None, [], [])
    assert (len(none), none.basis.tolist(), none.overlays()) == (0, [], [])


def test_a_county_of_households_is_placed_in_a_moment():
    rng = np.random.default_rng(1)
    seeds = np.column_stack([rng.uniform(129, 129.5, 163), rng.uniform(48, 48.3, 163)])
    index = GridIndex.from_polygons(shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds))))
    lon, lat = rng.uniform(129, 129.5, 28_000), rng.uniform(48, 48.3, 28_000)
    start = time.perf_counter()
    found = assign_points(index, None, lon, lat)
    assert time.perf_counter() - start < 0.2
    assert (found.position >= 0).all()
