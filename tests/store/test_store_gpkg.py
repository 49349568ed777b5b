"""The embedded store as a file among other programs: valid, readable, and not to be broken from outside."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from osgeo_utils.samples import validate_gpkg

from geo.errors import Conflict, NotFound, Refused, Unavailable
from geo.store import open_store
from geo.store.shapes import blob_envelope, blob_is_empty, decode, encode, from_hex, points, to_hex
from tests.store.conftest import COUNTY, EAST, Place, grid, household, published

LAYERS = {
    "areas": "MultiPolygon",
    "grids": "MultiPolygon",
    "compounds": "Unknown",
    "buildings": "Unknown",
    "households": "Point",
    "incidents": "Point",
    "places": "Point",
    "lines": "MultiLineString",
    "anchor_households": "Point",
    "service_centres": "Point",
}
MOMENT = dt.datetime(2025, 5, 6, 7, 8, 9, 10_000, tzinfo=dt.UTC)


@pytest.fixture
def place(tmp_path, empty_county):
    found = Place(str(tmp_path / "county.gpkg"), "gpkg")
    shutil.copyfile(empty_county, found.url)
    yield found
    found.close()


@pytest.fixture
def filled(store, planner):
    """A store with something in every kind of layer, written the slow way and the fast way."""
    square = shapely.box(129.5, 48.0, 129.6, 48.1)
    with store.writing(planner) as session:
        session.upsert("areas", [{"code": EAST, "name": "前进社区", "kind": "community", "geometry": square}])
        session.upsert("households", [household(n) for n in range(700)])
        session.upsert("households", [household(n, lat=48.4) for n in range(600)])
        session.upsert("households", [household(701, lon=None, lat=None), household(702)])
        session.upsert("households", [household(3, lon=None, lat=None)])
        buildings = [shapely.Point(129.5, 48.0), square, shapely.MultiPolygon([square])]
        session.upsert(
            "buildings",
            [
                {"source_key": f"b{n}", "community_code": EAST, "compound": "", "number": "", "geometry": shape}
                for n, shape in enumerate(buildings)
            ],
        )
        session.upsert(
            "incidents",
            [
                {
                    "source_key": "i",
                    "received_at": MOMENT,
                    "category_code": "x",
                    "address_text": "y",
                    "lon": 1.0,
                    "lat": 2.0,
                }
            ],
        )
        line = shapely.LineString([(129.5, 48.0), (129.7, 48.3)])
        session.upsert("lines", [{"source_key": "l", "kind": "river", "geometry": line}])
        published(session, 1, [grid(1), grid(2)], dt.date(2025, 1, 1))
        session.note("publish", "generation-1")
        session.commit()
    return store


@pytest.fixture
def copy(filled, tmp_path):
    """A snapshot: what is handed to other programs."""
    target = tmp_path / "copy.gpkg"
    filled.backup(str(target))
    return target


def test_the_file_passes_the_geopackage_validator(copy):
    assert validate_gpkg.check(str(copy), extra_checks=True) == []


def test_the_validator_would_find_a_fault(copy):
    with_fault = sqlite3.connect(copy)
    with_fault.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'POLYGON' WHERE table_name = 'areas'")
    with_fault.commit()
    with_fault.close()
    with pytest.raises(validate_gpkg.GPKGCheckException):
        validate_gpkg.check(str(copy))


def test_identification_and_integrity(copy):
    raw = sqlite3.connect(copy)
    assert raw.execute("PRAGMA application_id").fetchone()[0] == 0x47504B47
    assert raw.execute("PRAGMA user_version").fetchone()[0] == 10400
    assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()


def test_every_rtree_agrees_with_its_layer(copy):
    raw = sqlite3.connect(copy)
    for layer in LAYERS:
        stored = dict(raw.execute(f"SELECT fid, geom FROM {layer} WHERE geom IS NOT NULL"))  # noqa: S608
        index = {row[0]: row[1:] for row in raw.execute(f"SELECT * FROM rtree_{layer}_geom")}  # noqa: S608
        assert index.keys() == stored.keys(), layer
        for fid, blob in stored.items():
            # The R*Tree keeps float32, rounded outward.
            west, east, south, north = blob_envelope(blob)
            low_x, high_x, low_y, high_y = index[fid]
            assert low_x <= west <= east <= high_x
            assert low_y <= south <= north <= high_y
            assert np.allclose((low_x, high_x, low_y, high_y), (west, east, south, north), atol=1e-4)
        assert raw.execute("SELECT rtreecheck(?)", (f"rtree_{layer}_geom",)).fetchone()[0] == "ok"
    raw.close()


def test_gdal_reads_layers_columns_and_values_from_a_copy(copy):
    told = {name: kind for name, kind in pyogrio.list_layers(copy) if kind is not None}
    assert told == LAYERS
    info = pyogrio.read_info(copy, layer="households")
    assert info["crs"] == "EPSG:4490"
    kinds = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert {"address_text": "object", "lon": "float64", "persons": "int64", "resident": "bool"}.items() <= kinds.items()
    frame = pyogrio.read_dataframe(copy, layer="households", where="source_key = 'h5'")
    assert frame.geometry.iloc[0].equals(shapely.Point(129.5 + 5 * 1e-4, 48.4))
    assert frame["address_text"].iloc[0] == "红旗街5号"
    incident = pyogrio.read_dataframe(copy, layer="incidents").iloc[0]
    assert incident["received_at"].isoformat() == MOMENT.isoformat()
    grids = pyogrio.read_dataframe(copy, layer="grids", bbox=(129.511, 48.01, 129.519, 48.02))
    assert grids["name"].tolist() == ["第1网格"]


@pytest.mark.skipif(shutil.which("ogrinfo") is None, reason="ogrinfo is not installed")
def test_ogrinfo_reads_a_copy(copy):
    done = subprocess.run(["ogrinfo", "-so", "-al", str(copy)], capture_output=True, text=True, check=True)
    assert "Layer name: grids" in done.stdout
    assert "ERROR" not in done.stderr


def test_contents_tell_extent_and_time_of_the_last_change(copy):
    raw = sqlite3.connect(copy)
    row = raw.execute(
        "SELECT min_x, max_y, last_change, identifier FROM gpkg_contents WHERE table_name = 'grids'"
    ).fetchone()
    raw.close()
    assert row[0] == pytest.approx(129.51, abs=1e-4)
    assert row[1] == pytest.approx(48.1, abs=1e-4)
    assert row[2] == "2026-03-01T08:00:00.123Z"
    assert row[3].startswith("网格")


def test_column_types_are_those_of_geopackage(copy):
    raw = sqlite3.connect(copy)
    allowed = {"INTEGER", "TEXT", "DOUBLE", "BOOLEAN", "DATE", "DATETIME", "BLOB", "POINT", "MULTIPOLYGON"}
    allowed |= {"MULTILINESTRING", "GEOMETRY"}
    tables = [row[0] for row in raw.execute("SELECT table_name FROM gpkg_contents")]
    used = {row[2] for table in tables for row in raw.execute(f"PRAGMA table_info({table})")}
    raw.close()
    assert used <= allowed


# -- other programs on the live file ---------------------------------------------------------------


def test_a_plain_sqlite_program_cannot_change_rows(filled, place):
    """Without the functions of the triggers an update or insert fails: the file stays right."""
    raw = sqlite3.connect(place.url)
    for statement in (
        "UPDATE households SET persons = 9",
        "INSERT INTO households (county_code, id, source_key, received_at, geom) VALUES ('x', 'x', 'x', 'x', x'00')",
        "INSERT INTO households (county_code, id, source_key, geom) VALUES ('x', 'x', 'x', x'4750')",
    ):
        with pytest.raises(sqlite3.OperationalError):
            raw.execute(statement)
    raw.execute("DELETE FROM households WHERE source_key = 'h9'")
    raw.commit()
    left = raw.execute("SELECT count(*) FROM rtree_households_geom").fetchone()[0]
    placed = raw.execute("SELECT count(*) FROM households WHERE geom IS NOT NULL").fetchone()[0]
    raw.close()
    assert left == placed


_OTHER = """
import json, sys, pyogrio, shapely, geopandas
path, task = sys.argv[1:]
try:
    if task == "read":
        print(json.dumps({"rows": len(pyogrio.read_dataframe(path, layer="households"))}))
    else:
        frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 1)], crs=4490)
        pyogrio.write_dataframe(frame, path, layer="strange", append=True)
        print(json.dumps({"rows": 1}))
except Exception as error:
    print(json.dumps({"error": str(error)}))
"""


def other_program(path, task):
    done = subprocess.run(
        [sys.executable, "-c", _OTHER, path, task],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SQLITE_BUSY_TIMEOUT": "300"},
    )
    return json.loads(done.stdout)


def test_another_process_reads_the_old_state_and_cannot_write_while_we_write(filled, place, planner):
    with filled.writing(planner) as session:
        session.upsert("households", [household(9000)])
        assert other_program(place.url, "read") == {"rows": 702}
        assert "locked" in other_program(place.url, "write")["error"]
        session.commit()
    with filled.reading(planner) as session:
        assert session.count("households") == 703
    raw = sqlite3.connect(place.url)
    assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()


def test_a_snapshot_under_writing_is_whole_and_of_one_moment(filled, tmp_path, planner):
    stop = threading.Event()

    def write():
        number = 10_000
        while not stop.is_set():
            with filled.writing(planner) as session:
                session.upsert("households", [household(number), household(number + 1)])
                session.note("import", "pair")
                session.commit()
            number += 2

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(3):
            target = tmp_path / f"snapshot-{n}.gpkg"
            filled.backup(str(target))
            raw = sqlite3.connect(target)
            rows = raw.execute("SELECT count(*) FROM households").fetchone()[0]
            notes = raw.execute("SELECT count(*) FROM journal").fetchone()[0]
            raw.close()
            assert rows - 702 == 2 * (notes - 1)
            assert validate_gpkg.check(str(target)) == []
    finally:
        stop.set()
        writer.join(30)
    assert not list(tmp_path.glob("*.part"))


def test_a_copy_opens_as_a_store_and_an_existing_target_is_refused(filled, copy, planner):
    clock = Place(str(copy), "gpkg")
    again = clock.open(county_code=None)
    with again.reading(planner) as session:
        assert session.count("households") == 702
        assert session.generation().serial == 1
    assert again.verify_journal()[0] == 1
    again.close()
    with pytest.raises(Refused, match="exists already"):
        filled.backup(str(copy))


def test_closing_leaves_one_file(filled, place):
    filled.close()
    assert [path.name for path in Path(place.url).parent.iterdir() if path.suffix != ".part"] == ["county.gpkg"]


# -- refusals --------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_changes_nothing(filled, planner):
    with filled._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(Unavailable) as caught, filled.writing(planner) as session:
        session.upsert("households", [household(n) for n in range(20_000, 25_000)])
    assert caught.value.code == "disk-full"
    with filled.reading(planner) as session:
        assert session.count("households") == 702
    with filled._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    with filled.writing(planner) as session:
        session.upsert("households", [household(20_000)])
        session.commit()


@pytest.mark.parametrize("content", [b"", b"not a database, but a text file of some length" * 50])
def test_a_file_that_is_no_store_is_refused(tmp_path, content):
    path = tmp_path / "x.gpkg"
    path.write_bytes(content)
    with pytest.raises((Refused, Unavailable)):
        open_store(str(path), county_code=COUNTY, now=lambda: MOMENT, new_id=lambda: "1")
    assert path.read_bytes() == content


def test_anybodys_geopackage_is_no_store(copy, tmp_path):
    other = tmp_path / "other.gpkg"
    frame = pyogrio.read_dataframe(copy, layer="grids")[["name", "geometry"]]
    pyogrio.write_dataframe(frame, other, layer="grids")
    before = other.read_bytes()
    with pytest.raises(Refused, match="not a store"):
        open_store(str(other), now=lambda: MOMENT, new_id=lambda: "1")
    assert other.read_bytes() == before


@pytest.mark.parametrize(("version", "error", "told"), [("0", Conflict, "wangge upgrade"), ("99", Refused, "newer")])
def test_another_schema_version_is_refused(copy, version, error, told):
    raw = sqlite3.connect(copy)
    raw.execute("UPDATE store_info SET value = ? WHERE key = 'schema_version'", (version,))
    raw.commit()
    raw.close()
    with pytest.raises(error) as caught:
        open_store(str(copy), now=lambda: MOMENT, new_id=lambda: "1")
    assert told in str(caught.value)


def test_a_failed_creation_leaves_nothing(tmp_path):
    def broken():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        open_store(str(tmp_path / "x.gpkg"), county_code=COUNTY, now=broken, new_id=lambda: "1", create=True)
    with pytest.raises(NotFound):
        open_store(str(tmp_path / "no" / "x.gpkg"), county_code=COUNTY, now=lambda: MOMENT, new_id=lambda: "1")
    assert list(tmp_path.iterdir()) == []


# -- blobs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        (shapely.Point(129.5, 48.25), "POINT"),
        (shapely.box(1, 2, 3, 4), "MULTIPOLYGON"),
        (shapely.box(1, 2, 3, 4), "GEOMETRY"),
        (shapely.LineString([(1, 2), (3, 4)]), "MULTILINESTRING"),
        (shapely.MultiPolygon([shapely.box(1, 2, 3, 4), shapely.box(5, 5, 6, 6)]), "MULTIPOLYGON"),
    ],
)
def test_blobs_keep_geometry_and_envelope(shape, layer):
    (blob,) = encode([shape], layer)
    west, south, east, north = shape.bounds
    assert blob_envelope(blob) == (west, east, south, north)
    assert blob_is_empty(blob) == 0
    assert int.from_bytes(blob[4:8], "little") == 4490
    assert decode([blob, None]).tolist() == [shape, None]
    assert decode([from_hex(to_hex(blob))])[0] == shape
    assert shapely.get_srid(shapely.from_wkb(to_hex(blob))) == 4490
    assert blob_envelope(from_hex(to_hex(blob))) == (west, east, south, north)


def test_empty_and_missing_shapes_have_no_envelope():
    (blob,) = encode([shapely.Polygon()], "MULTIPOLYGON")
    assert (blob_is_empty(blob), blob_envelope(blob)) == (1, None)
    assert (blob_is_empty(None), blob_envelope(None), blob_is_empty(b"xx")) == (None, None, None)


def test_points_written_in_bulk_equal_points_written_singly():
    lon, lat = np.array([129.5, np.nan, -0.0]), np.array([48.2, 48.0, 1e-300])
    assert points(lon, lat) == encode([shapely.Point(129.5, 48.2), None, shapely.Point(-0.0, 1e-300)], "POINT")
