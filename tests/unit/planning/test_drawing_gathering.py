"""Grids gathered around buildings: seamless, along streets, and seated among neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.errors import Refused
from geo.planning.drawing import RemarkCode, gather_grids, seat_among
from geo.topology.coverage import Coverage
from tests.drawn_quarter import METRIC, box, ground, metres, place, street

CROSS = [street((-10, 200), (410, 200)), street((200, -10), (200, 410))]
SPOTS = {"sw": (100, 100), "se": (300, 100), "nw": (100, 300), "ne": (300, 300)}


def house(x, y):
    return box(x - 15, y - 8, x + 15, y + 8)


def gathered(spots, owner, *, lines=CROSS, names=("甲", "乙", "丙"), area=None, **more):
    return gather_grids(
        area or ground(),
        names=names,
        owner=owner,
        buildings=[house(*spot) if isinstance(spot, tuple) else spot for spot in spots],
        labels=[f"{i}号楼" for i in range(len(spots))],
        lines=lines,
        metric=METRIC,
        **more,
    )


def codes(found):
    return [r.code for r in found.remarks]


def areas(found):
    shapes = metres(np.array(found.coverage.polygons(), dtype=object))
    return dict(zip(found.coverage.ids, [round(a, -2) for a in shapely.area(shapes).tolist()], strict=True))


def test_blocks_go_to_the_grid_whose_buildings_they_hold():
    found = gathered([*SPOTS.values()], [0, 0, 1, 2])
    assert areas(found) == {"0": 80_000, "1": 40_000, "2": 40_000}
    assert found.owner.tolist() == [0, 0, 1, 2]
    assert found.remarks == ()


def test_the_ground_is_covered_exactly():
    found = gathered([*SPOTS.values(), (150, 150)], [0, 0, 1, 2, 1])
    assert plain(found.coverage.extent()).equals(plain(ground()))


def plain(shape):
    return shapely.simplify(shape, 3e-9)


def test_a_block_of_several_grids_is_divided_between_the_buildings():
    found = gathered([(60, 100), (140, 100), SPOTS["se"]], [0, 1, 1], names=("甲", "乙"))
    west, east = metres(np.array(found.coverage.polygons(), dtype=object))
    assert west.bounds[2] == pytest.approx(100, abs=1.5)
    assert round(west.area + east.area) == pytest.approx(160_000, rel=1e-4)
    assert found.owner.tolist() == [0, 1, 1]


def test_empty_blocks_go_to_the_longest_border_and_not_across_a_river():
    river = [street((-10, 200), (410, 200))]
    free = gathered([SPOTS["sw"], (260, 260), SPOTS["ne"]], [0, 1, 1], names=("甲", "乙"))
    assert set(areas(free)) == {"0", "1"}
    kept = gathered([SPOTS["sw"], SPOTS["ne"]], [0, 1], lines=CROSS[1:], barriers=river, names=("甲", "乙"))
    assert areas(kept) == {"0": 80_000, "1": 80_000}
    north = metres(kept.coverage.polygon("1"))
    assert north.bounds[1] == pytest.approx(200, abs=0.01)


def test_an_empty_block_that_brings_two_parts_together_goes_to_them():
    lines = [street((x, -10), (x, 410)) for x in (130, 270)]
    found = gathered([(60, 200), (340, 200)], [0, 0], lines=lines, names=("甲",))
    assert found.coverage.polygon("0").geom_type == "Polygon"
    assert len(found.coverage) == 1


def test_buildings_of_no_list_go_with_the_nearest_and_are_named():
    found = gathered([(60, 100), (140, 100), (150, 150), SPOTS["ne"]], [0, 1, -1, 1])
    assert found.owner.tolist() == [0, 1, 1, 1]
    assert [(r.code, r.what) for r in found.remarks if r.code is RemarkCode.UNCLAIMED] == [
        (RemarkCode.UNCLAIMED, "2号楼")
    ]
    assert (RemarkCode.NO_BUILDING, "丙") in [(r.code, r.grid) for r in found.remarks]


def test_buildings_given_by_points_are_enough():
    points = [place(shapely.Point(x, y)) for x, y in ((60, 100), (140, 100), (300, 300))]
    found = gathered(points, [0, 1, 1], names=("甲", "乙"))
    assert found.owner.tolist() == [0, 1, 1]


def test_grids_whose_buildings_lie_apart_are_told():
    lines = [street((x, -10), (x, 410)) for x in (130, 270)]
    found = gathered([(60, 200), (200, 200), (340, 200)], [0, 1, 0], lines=lines, names=("甲", "乙"))
    assert codes(found) == [RemarkCode.IN_PARTS]
    assert found.coverage.polygon("0").geom_type == "MultiPolygon"


def test_a_building_across_a_street_takes_its_blocks_along():
    found = gathered([(200, 100), SPOTS["nw"], SPOTS["ne"]], [0, 1, 2])
    assert areas(found)["0"] == 80_000
    assert found.remarks == ()


def test_overlapping_buildings_of_two_grids_are_told():
    found = gathered([(100, 100), (110, 100), (105, 105), SPOTS["ne"]], [0, 0, 1, 1], names=("甲", "乙"))
    assert codes(found) == [RemarkCode.MISPLACED]
    assert found.owner.tolist() == [0, 0, 0, 1]


def test_a_roster_of_another_place_is_refused():
    with pytest.raises(Refused) as told:
        gathered([(900, 900)], [0])
    assert told.value.code == "roster-empty"
    with pytest.raises(Refused):
        gathered([], [])


def test_an_island_goes_to_the_nearest_grid():
    island = shapely.union(ground(), box(450, 0, 500, 50))
    found = gathered([SPOTS["sw"], SPOTS["ne"]], [0, 1], area=island, names=("甲", "乙"))
    assert round(sum(areas(found).values())) == pytest.approx(162_500, abs=200)


def test_a_ground_is_seated_among_its_neighbours():
    beside = shapely.Polygon([(400, 0), (800, 0), (800, 400), (400, 400), (400, 133.3), (400, 77.7)])
    neighbour = place(shapely.segmentize(beside, 20.0))
    first = gather_grids(
        neighbour, names=["丁"], owner=[0], buildings=[house(600, 200)], labels=["x"], lines=[], metric=METRIC
    )
    shape = first.coverage.polygon("0")
    seat = seat_among(square(), {"east": shape})
    assert seat.fits
    found = gathered([SPOTS["sw"], SPOTS["se"], SPOTS["ne"]], [0, 1, 2], area=seat.ground)
    shapes, moved = seat.drawn(found)
    assert set(shapes) == {0, 1, 2}
    both = Coverage.build([*shapes.values(), *moved.values()])
    assert len(both) == 4
    assert len(both.neighbours()) >= 4


def square():
    """Return the ground with the vertices its neighbour has on the common side."""
    side = [(0, 0), (400, 0), (400, 77.7), (400, 133.3), (400, 400), (0, 400)]
    return place(shapely.segmentize(shapely.Polygon(side), 20.0))


def test_a_ground_alone_needs_no_seat():
    found = gathered([*SPOTS.values()], [0, 0, 1, 2])
    seat = seat_among(ground(), {"far": box(900, 900, 950, 950)})
    assert (seat.fits, seat.among) == (True, None)
    shapes, moved = seat.drawn(found)
    assert (len(shapes), moved) == (3, {})


def test_neighbours_that_overlap_do_not_fit():
    seat = seat_among(ground(), {"over": box(300, 100, 500, 300)})
    assert not seat.fits
    assert seat.drawn(gathered([*SPOTS.values()], [0, 0, 1, 2])) is None
