"""Datums against published vectors, and inverses against their own forward formula."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo import crs
from geo.errors import DatumRequired, Refused

# name, WGS84, GCJ-02, BD-09, EPSG:4552 as (north, east) where inside the zone.
VECTORS = [
    ("新青", (129.525710, 48.288300), (129.533599, 48.290455), (129.540244, 48.296091), (5350618.18, 539012.15)),
    ("红星", (129.382817, 48.237013), (129.390983, 48.239431), (129.397489, 48.245411), (5344852.55, 528436.73)),
    ("五营", (129.237594, 48.105626), (129.245343, 48.107910), (129.251693, 48.114279), (5330199.60, 517694.31)),
    ("西南角", (128.9, 48.0), (128.907072, 48.002125), (128.913552, 48.008185), (5318432.43, 492537.47)),
    ("北京", (116.391223, 39.907333), (116.397464, 39.908734), (116.403837, 39.915077), None),
]
METRES_PER_DEGREE = 111_320.0


@pytest.mark.parametrize(("name", "wgs", "gcj", "bd", "plane"), VECTORS, ids=[v[0] for v in VECTORS])
def test_published_vectors(name, wgs, gcj, bd, plane):
    for datum, expected in ((crs.GCJ02, gcj), (crs.BD09, bd)):
        lon, lat = crs.from_cgcs2000(*wgs, datum)
        assert (round(lon[0], 6), round(lat[0], 6)) == pytest.approx(expected, abs=1.001e-6)
    if plane is not None:
        east, north = crs.metric_for(wgs[0]).forward(*wgs)
        assert (round(north[0], 2), round(east[0], 2)) == pytest.approx(plane, abs=0.011)


@pytest.mark.parametrize("datum", [crs.GCJ02, crs.BD09], ids=str)
def test_shifted_datums_are_inverted_to_a_micrometre(datum):
    rng = np.random.default_rng(20260601)
    lon, lat = rng.uniform(73.5, 135.0, 20_000), rng.uniform(18.2, 53.5, 20_000)
    back_lon, back_lat = crs.to_cgcs2000(*crs.from_cgcs2000(lon, lat, datum), datum)
    error = np.hypot((back_lon - lon) * np.cos(np.radians(lat)), back_lat - lat) * METRES_PER_DEGREE
    assert error.max() < 1e-6


def test_shift_in_the_county_is_larger_than_a_grid():
    lon, lat = crs.from_cgcs2000([129.5257], [48.2883], crs.GCJ02)
    metric = crs.metric_for(129.5)
    east, north = metric.forward([129.5257, lon[0]], [48.2883, lat[0]])
    assert 574 <= np.hypot(np.diff(east), np.diff(north))[0] <= 669


def test_outside_china_and_missing_coordinates():
    assert crs.from_cgcs2000(2.35, 48.85, crs.GCJ02) == (np.array([2.35]), np.array([48.85]))
    lon, lat = crs.to_cgcs2000([np.nan, 129.53], [48.0, np.nan], crs.GCJ02)
    assert np.isnan(lon).all()
    assert np.isnan(lat).all()


def test_conversion_leaves_its_input_alone():
    lon, lat = np.array([129.5]), np.array([48.2])
    crs.to_cgcs2000(lon, lat, crs.BD09)
    got, _ = crs.to_cgcs2000(lon, lat, crs.CGCS2000)
    got[0] = 0.0
    assert (lon[0], lat[0]) == (129.5, 48.2)


@pytest.mark.parametrize("epsg", [4552, 4531, 4511, 4500, 3857, 32652])
def test_planes_round_trip(epsg):
    datum = crs.Datum(f"epsg:{epsg}", epsg)
    lon, lat = np.array([129.53, 128.9]), np.array([48.29, 48.0])
    back = crs.to_cgcs2000(*crs.from_cgcs2000(lon, lat, datum), datum)
    np.testing.assert_allclose(back, (lon, lat), atol=1e-9)


def test_zone_number_is_only_a_prefix():
    plain = crs.from_cgcs2000(129.53, 48.29, crs.parse_datum("4552"))
    zoned = crs.from_cgcs2000(129.53, 48.29, crs.parse_datum("epsg:4531"))
    assert zoned[0][0] - plain[0][0] == pytest.approx(43_000_000, abs=1e-3)
    assert zoned[1][0] == pytest.approx(plain[1][0], abs=1e-3)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("CGCS2000", "cgcs2000"),
        ("EPSG:4490", "cgcs2000"),
        ("4326", "wgs84"),
        ("GCJ-02", "gcj02"),
        ("bd09ll", "bd09"),
        ("火星坐标", "gcj02"),
        ("epsg:4552", "epsg:4552"),
        (" 4531 ", "epsg:4531"),
    ],
)
def test_words_for_datums(word, name):
    assert str(crs.parse_datum(word)) == name


@pytest.mark.parametrize("word", [None, "", " ", "unknown", "未知"])
def test_no_datum_is_a_question(word):
    with pytest.raises(DatumRequired):
        crs.parse_datum(word)


@pytest.mark.parametrize("word", ["wgs-85", "epsg:999999", "+proj=longlat", "99999"])
def test_wrong_datum_is_refused(word):
    with pytest.raises(Refused) as caught:
        crs.parse_datum(word)
    assert caught.value.code == "datum-unknown"


def test_shifted_datums_have_no_plane():
    nameless = crs.Datum("local")
    for convert in (crs.to_cgcs2000, crs.from_cgcs2000):
        with pytest.raises(DatumRequired):
            convert(1.0, 2.0, nameless)


@pytest.mark.parametrize("epsg", [4490, 4326, 4552, 4531, 4500, 2388, 3857])
def test_declaration_by_wkt_is_understood(epsg):
    word, evidence = crs.datum_word(crs.wkt_of(crs.Datum("x", epsg)))
    assert word == str(crs.parse_datum(str(epsg)))
    assert f"EPSG:{epsg}" in evidence


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "wgs84"),
        ("urn:ogc:def:crs:EPSG::4490", "cgcs2000"),
        ("EPSG:4552", "epsg:4552"),
        ("http://www.opengis.net/def/crs/EPSG/0/4531", "epsg:4531"),
        ("", None),
        ("+proj=longlat +nadgrids=/etc/passwd", None),
        ("GEOGCS[broken", None),
        ("EPSG:999999", None),
        ('LOCAL_CS["矿区独立坐标系"]', None),
        ("GEOGCS[" + "x" * 30_000, None),
    ],
)
def test_declarations(text, word):
    assert crs.datum_word(text)[0] == word


def test_unregistered_system_is_named_not_guessed():
    wkt = crs.wkt_of(crs.parse_datum("4552")).replace("129.0", "128.7").replace("CGCS2000_3_Degree_GK_CM_129E", "own")
    word, evidence = crs.datum_word(wkt)
    assert word is None
    assert "own" in evidence


def test_no_file_may_declare_a_shifted_datum():
    with pytest.raises(Refused):
        crs.wkt_of(crs.GCJ02)


def test_lattice_numbers_come_back_bit_for_bit():
    rng = np.random.default_rng(7)
    numbers = rng.integers(128_000_000_000, 131_000_000_000, 100_000)
    degrees = crs.from_lattice(numbers)
    assert (crs.to_lattice(degrees) == numbers).all()
    assert (crs.snap(degrees) == degrees).all()
    assert all(float(f"{value:.9f}") == value for value in degrees[:2000].tolist())


def test_lattice_refuses_what_is_no_number():
    with pytest.raises(Refused) as caught:
        crs.to_lattice([129.0, np.nan])
    assert caught.value.code == "coordinate-not-finite"


def test_geometry_is_flattened_converted_and_snapped():
    lon, lat = crs.from_cgcs2000([129.5, 129.6, 129.6], [48.2, 48.2, 48.3], crs.GCJ02)
    shifted = shapely.Polygon(np.column_stack([lon, lat, [100.0, 101.0, 102.0]]))
    (back,) = crs.geometry_to_cgcs2000(np.array([shifted]), crs.GCJ02)
    assert not shapely.has_z(back)
    assert shapely.get_coordinates(back).tolist()[:3] == [[129.5, 48.2], [129.6, 48.2], [129.6, 48.3]]
    assert crs.snap_geometry(back).equals(back)


def test_metric_plane_measures_metres():
    metric = crs.metric_for(129.5)
    assert metric.epsg == 4552
    square = shapely.box(539_000.0, 5_350_000.0, 539_100.0, 5_350_100.0)
    assert metric.area_m2(metric.unproject(square)) == pytest.approx(10_000, abs=0.1)
    assert metric.length_m(metric.unproject(square)) == pytest.approx(400, abs=0.01)


@pytest.mark.parametrize(("lon", "epsg"), [(75.0, 4534), (117.2, 4548), (128.9, 4552), (135.0, 4554), (130.4, 4552)])
def test_zones(lon, epsg):
    assert crs.metric_for(lon).epsg == epsg


@pytest.mark.parametrize("lon", [0.0, 48.2, 140.0])
def test_no_zone_outside_china(lon):
    with pytest.raises(Refused):
        crs.metric_for(lon)


NEAR = (128.8, 47.9, 130.0, 48.7)


@pytest.mark.parametrize(
    ("x", "y", "names", "swapped"),
    [
        ([129.53], [48.29], {"wgs84", "gcj02", "bd09"}, False),
        ([48.29], [129.53], {"wgs84", "gcj02", "bd09"}, True),
        ([43_539_012.0], [5_350_618.0], {"epsg:4531"}, False),
        ([5_350_618.0], [539_012.0], {"epsg:4552"}, True),
        ([22_539_012.0], [5_350_618.0], {"epsg:4500"}, False),
        ([14_420_000.0], [6_150_000.0], {"epsg:3857"}, False),
    ],
)
def test_readings_by_magnitude(x, y, names, swapped):
    readings = crs.readings_by_range(x, y, near=NEAR)
    assert names <= {str(reading.datum) for reading in readings}
    assert all(reading.swapped is swapped for reading in readings if str(reading.datum) in names)
    assert all(reading.evidence for reading in readings)


def test_readings_of_nothing_and_of_nonsense():
    assert crs.readings_by_range([np.nan], [48.0], near=NEAR) == ()
    assert crs.readings_by_range([1.0], [2.0], near=NEAR) == ()
