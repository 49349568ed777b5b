"""The datum vote: the right reading is proposed, and below the margin nothing is."""

import numpy as np
import pytest
import shapely

from geo.crs import BD09, CGCS2000, GCJ02, WGS84, Datum, from_cgcs2000, metric_for, readings_by_range
from geo.locate import GridIndex
from geo.services.ingest.positions import Hints, convert_points, decide_datum
from geo.services.ingest.request import Declared, declared
from geo.services.ingest.vote import vote

METRIC = metric_for(129.5)
NEAR = (129.2, 48.1, 129.6, 48.4)


@pytest.fixture(scope="module")
def town() -> tuple[GridIndex, np.ndarray]:
    boxes = [
        shapely.box(539_000 + 500 * c, 5_350_000 + 500 * r, 539_500 + 500 * c, 5_350_500 + 500 * r)
        for r in range(3)
        for c in range(4)
    ]
    shapes = METRIC.unproject(np.array(boxes, dtype=object))
    return GridIndex.from_polygons(list(shapes)), shapes


def points(shapes: np.ndarray, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    east, north = rng.uniform(539_010, 540_990, n), rng.uniform(5_350_010, 5_351_490, n)
    lon, lat = METRIC.inverse(east, north)
    return lon, lat, GridIndex.from_polygons(list(shapes)).locate_many(lon, lat)


@pytest.mark.parametrize("datum", [WGS84, GCJ02, BD09])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_vote_finds_datum_and_axis_order(
    town: tuple[GridIndex, np.ndarray], datum: Datum, *, swapped: bool
) -> None:
    index, shapes = town
    lon, lat, truth = points(shapes)
    x, y = from_cgcs2000(lon, lat, datum)
    x, y = (y, x) if swapped else (x, y)
    outcome = vote(x, y, truth, readings=readings_by_range(x, y, near=NEAR), index=index)
    assert outcome.proposed == Declared(datum, swapped)
    assert outcome.evidence[0].startswith(str(outcome.proposed))


def test_nothing_is_proposed_when_the_names_do_not_fit_the_places(town: tuple[GridIndex, np.ndarray]) -> None:
    index, shapes = town
    lon, lat, truth = points(shapes)
    wrong = np.random.default_rng(1).permutation(truth)
    outcome = vote(lon, lat, wrong, readings=readings_by_range(lon, lat, near=NEAR), index=index)
    assert outcome.proposed is None
    assert "nothing is proposed" in outcome.evidence[-1]


def test_nothing_is_proposed_from_a_handful(town: tuple[GridIndex, np.ndarray]) -> None:
    index, shapes = town
    lon, lat, truth = points(shapes, 3)
    outcome = vote(lon, lat, truth, readings=readings_by_range(lon, lat, near=NEAR), index=index)
    assert outcome.proposed is None


def test_a_declaration_that_throws_the_points_out_of_the_county_is_not_used() -> None:
    lat, lon = np.full(10, 48.3), np.full(10, 129.5)
    decided = decide_datum("wgs84", None, lat, lon, [""] * 10, hints=Hints(None, {}), near=NEAR)
    assert (decided.used, decided.proposed) == (None, Declared(WGS84, swapped=True))
    north, east = np.full(10, 5_350_600.0), np.full(10, 539_000.0)
    decided = decide_datum("epsg:4552", None, north, east, [""] * 10, hints=Hints(None, {}), near=NEAR)
    assert decided.used is None
    assert decided.proposed == Declared(Datum("epsg:4552", 4552), swapped=True)


def test_useless_points_stay_raw_and_leave_the_place_unknown() -> None:
    spots = [(129.5, 48.3), (0.0, 0.0), (10.0, 10.0), (None, None)] + [(129.51, 48.31)] * 25
    records = [{"raw_x": x, "raw_y": y} for x, y in spots]
    flagged = convert_points(records, Declared(CGCS2000), near=NEAR, flag_repeated=True)
    assert (records[0]["lon"], records[0]["lat"]) == (129.5, 48.3)
    assert all(r["lon"] is None for r in records[1:])
    assert records[1]["raw_x"] == 0.0
    assert sorted({reason for _, reason in flagged}) == [
        "0,0 is no place",
        "one point repeated in many rows",
        "outside the county",
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("GCJ-02", Declared(GCJ02)), ("wgs84:yx", Declared(WGS84, swapped=True)), (None, None), ("unknown", None)],
)
def test_a_declared_word_may_say_the_axis_order(word: str | None, expected: Declared | None) -> None:
    assert declared(word) == expected
