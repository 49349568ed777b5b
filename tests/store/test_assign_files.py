import csv
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from geo.assign import assign_file, sources
from geo.crs import Datum, from_cgcs2000, parse_datum
from geo.errors import DatumRequired, EncodingUnknown, NotFound, Refused, Unavailable

WEST, SOUTH, SIDE = 129.0, 48.0, 0.01


def grid_shapes(rows=3, columns=4):
    return [
        shapely.box(WEST + j * SIDE, SOUTH + i * SIDE, WEST + (j + 1) * SIDE, SOUTH + (i + 1) * SIDE)
        for i in range(rows)
        for j in range(columns)
    ]


def write_grids(path, shapes, crs=None):
    features = [
        {"type": "Feature", "properties": {"code": f"网格{i:02d}"}, "geometry": json.loads(shapely.to_geojson(s))}
        for i, s in enumerate(shapes)
    ]
    head = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    path.write_text(json.dumps({"type": "FeatureCollection", **head, "features": features}), encoding="utf-8")
    return path


@pytest.fixture
def grids(tmp_path):
    return write_grids(tmp_path / "grids.geojson", grid_shapes())


@pytest.fixture
def households():
    rng = np.random.default_rng(4)
    lon = rng.uniform(WEST - 0.001, WEST + 4 * SIDE, 3000)
    lat = rng.uniform(SOUTH - 0.001, SOUTH + 3 * SIDE, 3000)
    ids = [f"00{i:05d}" for i in range(3000)]
    column, row = np.floor((lon - WEST) / SIDE).astype(int), np.floor((lat - SOUTH) / SIDE).astype(int)
    inside = (column >= 0) & (row >= 0)
    grid = [f"网格{r * 4 + c:02d}" if ok else "" for r, c, ok in zip(row, column, inside, strict=True)]
    return ids, lon, lat, grid


def write_csv(path, ids, lon, lat, encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        out = csv.writer(file)
        out.writerow(["户号", "经度", "纬度", "备注"])
        out.writerows([i, repr(float(x)), repr(float(y)), "a,b"] for i, x, y in zip(ids, lon, lat, strict=True))
    return path


def names_in(folder):
    return sorted(p.name for p in folder.iterdir())


def read_answers(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def options(grids, points, out, **more):
    columns = {"point_id": "户号", "lon": "经度", "lat": "纬度"}
    return {
        "grids": grids, "grid_id": "code", "points": points, "out": out, "datum": "cgcs2000",
        "grids_datum": "cgcs2000", **columns, **more,
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_of_households_is_placed_row_by_row(grids, households, tmp_path, encoding):
    ids, lon, lat, expected = households
    points = write_csv(tmp_path / "p.csv", ids, lon, lat, encoding)
    report = assign_file(**options(grids, points, tmp_path / "out.csv"))
    answers = read_answers(tmp_path / "out.csv")
    assert answers[0] == ["户号", "grid", "basis"]
    assert [a[0] for a in answers[1:]] == ids
    assert [a[1] for a in answers[1:]] == expected
    assert {a[2] for a in answers[1:]} == {"interior", "outside"}
    assert (report.rows, report.invalid, report.placed) == (3000, 0, sum(1 for g in expected if g))
    assert report.placed + report.outside == report.rows


def test_parquet_to_parquet_keeps_the_type_of_the_id(grids, households, tmp_path):
    _, lon, lat, expected = households
    table = pa.table({"户号": np.arange(3000), "经度": lon, "纬度": lat, "别的": ["x"] * 3000})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=700)
    assign_file(**options(grids, tmp_path / "p.parquet", tmp_path / "out.parquet"))
    answers = pq.read_table(tmp_path / "out.parquet")
    assert answers.column_names == ["户号", "grid", "basis"]
    assert answers["户号"].to_pylist() == list(range(3000))
    assert answers["grid"].to_pylist() == expected


def test_a_geopackage_of_points_needs_no_columns(grids, households, tmp_path):
    geopandas = pytest.importorskip("geopandas")
    ids, lon, lat, expected = households
    frame = geopandas.GeoDataFrame({"户号": ids}, geometry=shapely.points(lon, lat), crs=4490)
    frame.to_file(tmp_path / "p.gpkg", driver="GPKG")
    before = (tmp_path / "p.gpkg").read_bytes()
    assign_file(**options(grids, tmp_path / "p.gpkg", tmp_path / "out.csv", lon=None, lat=None))
    assert [a[1] for a in read_answers(tmp_path / "out.csv")[1:]] == expected
    assert (tmp_path / "p.gpkg").read_bytes() == before


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09", "epsg:4552"])
def test_one_place_in_any_declared_datum_gets_one_grid(grids, households, tmp_path, datum):
    ids, lon, lat, expected = households
    x, y = from_cgcs2000(lon, lat, parse_datum(datum))
    points = write_csv(tmp_path / "p.csv", ids, x, y)
    assign_file(**options(grids, points, tmp_path / "out.csv", datum=datum))
    assert [a[1] for a in read_answers(tmp_path / "out.csv")[1:]] == expected


def test_polygons_and_points_in_one_plane_are_compared_there(households, tmp_path):
    plane = Datum("epsg:4552", 4552)
    square = [(500_000.0, 5_300_000.0), (500_100.0, 5_300_000.0), (500_100.0, 5_300_100.0), (500_000.0, 5_300_100.0)]
    grids = write_grids(tmp_path / "g.geojson", [shapely.Polygon(square)])
    points = write_csv(
        tmp_path / "p.csv", ["a", "b", "c"], [500_000.0, 500_100.0, 500_050.0], [5_300_000.0] * 2 + [5_300_100.5]
    )
    assign_file(**options(grids, points, tmp_path / "out.csv", datum=str(plane), grids_datum=str(plane)))
    assert [a[1:] for a in read_answers(tmp_path / "out.csv")[1:]] == [
        ["网格00", "boundary"],
        ["网格00", "boundary"],
        ["", "outside"],
    ]


def test_bad_rows_stay_in_place_and_are_listed(grids, tmp_path):
    points = tmp_path / "p.csv"
    points.write_text(
        '户号,经度,纬度\n1,129.005,48.005\n2,129.005\n3,129.005,48.005,9\n4,,\n5,nan,48.0\n"六,A",inf,48\n7,129.005,abc\n'
        "8, 129.015 ,48.005\n9,1e400,48.005\n",
        encoding="utf-8",
    )
    report = assign_file(**options(grids, points, tmp_path / "out.csv"))
    answers = read_answers(tmp_path / "out.csv")[1:]
    assert [a[0] for a in answers] == ["1", "2", "3", "4", "5", "六,A", "7", "8", "9"]
    assert [a[1] for a in answers] == ["网格00", "", "", "", "", "", "", "网格01", ""]
    assert [a[2] for a in answers] == ["interior", *["invalid"] * 6, "interior", "invalid"]
    assert (report.rows, report.invalid, report.placed) == (9, 7, 2)
    assert [b.row for b in report.bad] == [3, 4, 5, 6, 7, 8, 10]


def test_only_the_first_bad_rows_are_listed(grids, tmp_path):
    points = write_csv(tmp_path / "p.csv", range(100), [float("nan")] * 100, [48.0] * 100)
    report = assign_file(**options(grids, points, tmp_path / "out.csv"))
    assert (report.invalid, len(report.bad)) == (100, 20)


def test_overlaps_are_reported_and_the_first_polygon_wins(tmp_path):
    shapes = [shapely.box(129.0, 48.0, 129.02, 48.02), shapely.box(129.01, 48.0, 129.03, 48.02)]
    grids = write_grids(tmp_path / "g.geojson", shapes)
    points = write_csv(tmp_path / "p.csv", ["a", "b"], [129.015, 129.025], [48.01, 48.01])
    report = assign_file(**options(grids, points, tmp_path / "out.csv", grid_id=None))
    assert [a[1] for a in read_answers(tmp_path / "out.csv")[1:]] == ["0", "1"]
    assert "重叠" in report.warnings[0]


def test_swapped_axes_are_proposed_and_nothing_is_written(grids, households, tmp_path):
    ids, lon, lat, _ = households
    points = write_csv(tmp_path / "p.csv", ids, lat, lon)
    with pytest.raises(Refused, match="对调") as caught:
        assign_file(**options(grids, points, tmp_path / "out.csv"))
    assert caught.value.code == "axes-swapped"
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_datum_is_asked_for(grids, households, tmp_path):
    ids, lon, lat, _ = households
    points = write_csv(tmp_path / "p.csv", ids, lon, lat)
    for datum in (None, "unknown"):
        with pytest.raises(DatumRequired):
            assign_file(**options(grids, points, tmp_path / "out.csv", datum=datum))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_missing_columns_are_named(grids, tmp_path, suffix):
    points = tmp_path / f"p{suffix}"
    if suffix == ".csv":
        points.write_text("a,b\n1,2\n", encoding="utf-8")
    else:
        pq.write_table(pa.table({"a": [1], "b": [2.0]}), points)
    with pytest.raises(Refused, match="户号") as caught:
        assign_file(**options(grids, points, tmp_path / "out.csv"))
    assert caught.value.code == "column-missing"
    good = write_csv(tmp_path / "q.csv", ["a"], [129.0], [48.0])
    with pytest.raises(Refused, match="没有字段 no"):
        assign_file(**options(grids, good, tmp_path / "out.csv", grid_id="no"))


def test_empty_files(grids, tmp_path):
    (tmp_path / "none.csv").write_bytes(b"")
    (tmp_path / "lines.csv").write_text("\n\n", encoding="utf-8")
    for name in ("none.csv", "lines.csv"):
        with pytest.raises(Refused) as caught:
            assign_file(**options(grids, tmp_path / name, tmp_path / "out.csv"))
        assert caught.value.code == "empty-file"
    write_csv(tmp_path / "head.csv", [], [], [])
    assert assign_file(**options(grids, tmp_path / "head.csv", tmp_path / "out.csv")).rows == 0
    assert read_answers(tmp_path / "out.csv") == [["户号", "grid", "basis"]]
    with pytest.raises(NotFound):
        assign_file(**options(grids, tmp_path / "gone.csv", tmp_path / "out.csv"))


def test_files_of_other_kinds_and_broken_ones_are_refused(grids, tmp_path):
    (tmp_path / "p.csv").write_bytes(b"PK\x03\x04" + b"\0" * 30)
    (tmp_path / "q.csv").write_bytes("户号,经度,纬度\n1,2,\xff\xfe\n".encode("latin-1", "replace") + b"\xff\xff\n")
    (tmp_path / "p.parquet").write_bytes(b"PAR1" + b"\0" * 50)
    for name, error in (("p.csv", Refused), ("q.csv", EncodingUnknown), ("p.parquet", Refused)):
        with pytest.raises(error):
            assign_file(**options(grids, tmp_path / name, tmp_path / "out.csv"))
    good = write_csv(tmp_path / "g.csv", ["a"], [129.0], [48.0])
    with pytest.raises(Refused):
        assign_file(**options(grids, good, tmp_path / "out.xlsx"))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_disk_that_fills_up_leaves_the_old_answer_alone(grids, households, tmp_path, monkeypatch, suffix):
    ids, lon, lat, _ = households
    points = write_csv(tmp_path / "p.csv", ids, lon, lat)
    out = tmp_path / f"out{suffix}"
    out.write_bytes(b"old")
    names = names_in(tmp_path)

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geo.assign.sinks._Text._append", full)
    monkeypatch.setattr("geo.assign.sinks._Columns.write", full)
    with pytest.raises(Unavailable):
        assign_file(**options(grids, points, out))
    assert out.read_bytes() == b"old"
    assert names_in(tmp_path) == names


FULL_DISK = """
import resource, sys
from geo.assign import assign_file
from geo.errors import Unavailable
grids, points, out = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (2_048, 2_048))
try:
    assign_file(grids=grids, grid_id="code", points=points, out=out, datum="cgcs2000", grids_datum="cgcs2000",
                point_id="户号", lon="经度", lat="纬度")
except Unavailable as error:
    raise SystemExit(0 if error.code == "write-failed" else 2)
raise SystemExit(1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files there")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_disk_that_really_ends_halfway_leaves_nothing(grids, households, tmp_path, suffix):
    ids, lon, lat, _ = households
    points = write_csv(tmp_path / "p.csv", ids, lon, lat)
    names = names_in(tmp_path)
    words = [str(w) for w in (grids, points, tmp_path / f"out{suffix}")]
    done = subprocess.run([sys.executable, "-c", FULL_DISK, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path) == names


def test_progress_grows_and_may_cancel(grids, households, tmp_path, monkeypatch):
    ids, lon, lat, _ = households
    pq.write_table(pa.table({"户号": ids, "经度": lon, "纬度": lat}), tmp_path / "p.parquet")
    monkeypatch.setattr(sources, "BATCH_ROWS", 500)
    seen = []
    assign_file(
        **options(grids, tmp_path / "p.parquet", tmp_path / "a.csv", progress=lambda share, _: seen.append(share))
    )
    assert len(seen) == 6
    assert seen == sorted(seen)
    assert seen[-1] == 1.0

    def cancel(_share, _what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assign_file(**options(grids, tmp_path / "p.parquet", tmp_path / "b.csv", progress=cancel))
    assert not (tmp_path / "b.csv").exists()
    assert not [n for n in names_in(tmp_path) if n.startswith(".")]


def test_the_size_of_batches_changes_no_answer(grids, households, tmp_path, monkeypatch):
    ids, lon, lat, _ = households
    pq.write_table(pa.table({"户号": ids, "经度": lon, "纬度": lat}), tmp_path / "p.parquet", row_group_size=1000)
    assign_file(**options(grids, tmp_path / "p.parquet", tmp_path / "a.csv"))
    monkeypatch.setattr(sources, "BATCH_ROWS", 77)
    assign_file(**options(grids, tmp_path / "p.parquet", tmp_path / "b.csv"))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_grids_without_polygons_or_datum_are_refused(tmp_path):
    points = write_csv(tmp_path / "p.csv", ["a"], [129.0], [48.0])
    lines = write_grids(tmp_path / "lines.geojson", [shapely.LineString([(129, 48), (130, 49)])])
    with pytest.raises(Refused) as caught:
        assign_file(**options(lines, points, tmp_path / "out.csv"))
    assert caught.value.code == "no-polygons"
    geopandas = pytest.importorskip("geopandas")
    bare = geopandas.GeoDataFrame({"code": ["a"]}, geometry=[grid_shapes()[0]])
    with pytest.warns(UserWarning, match="crs"):
        bare.to_file(tmp_path / "bare.gpkg", driver="GPKG")
    with pytest.raises(DatumRequired):
        assign_file(**options(tmp_path / "bare.gpkg", points, tmp_path / "out.csv", grids_datum=None))


def test_a_geopackage_declares_the_datum_of_its_grids_and_may_hold_columns(households, tmp_path):
    geopandas = pytest.importorskip("geopandas")
    ids, lon, lat, expected = households
    shapes = [*grid_shapes(), shapely.LineString([(129, 48), (130, 49)])]
    frame = geopandas.GeoDataFrame({"code": [f"网格{i:02d}" for i in range(13)]}, geometry=shapes, crs=4490)
    frame.to_crs(4552).to_file(tmp_path / "g.gpkg", driver="GPKG")
    table = geopandas.GeoDataFrame({"户号": ids, "经度": lon, "纬度": lat}, geometry=shapely.points(lat, lon), crs=4490)
    table.to_file(tmp_path / "p.gpkg", driver="GPKG")
    report = assign_file(**options(tmp_path / "g.gpkg", tmp_path / "p.gpkg", tmp_path / "out.csv", grids_datum=None))
    assert [a[1] for a in read_answers(tmp_path / "out.csv")[1:]] == expected
    assert any("1 个要素" in w for w in report.warnings)
    with pytest.raises(Refused) as caught:
        assign_file(**options(tmp_path / "g.gpkg", tmp_path / "p.gpkg", tmp_path / "out.csv", point_id="x"))
    assert caught.value.code == "column-missing"


def test_columns_of_coordinates_must_be_named_for_tables(grids, tmp_path):
    points = write_csv(tmp_path / "p.csv", ["a"], [129.0], [48.0])
    with pytest.raises(Refused) as caught:
        assign_file(**options(grids, points, tmp_path / "out.csv", lon=None, lat=None))
    assert caught.value.code == "column-missing"


def test_text_and_dictionary_columns_of_parquet_are_read_as_numbers(grids, tmp_path):
    table = pa.table(
        {
            "户号": pa.array(["a", "b", "c"]).dictionary_encode(),
            "经度": pa.array(["129.005", "x", None]).dictionary_encode(),
            "纬度": pa.array(["48.005", "48.0", "48.0"]),
            "时": pa.array([True, False, None]),
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    report = assign_file(**options(grids, tmp_path / "p.parquet", tmp_path / "out.csv"))
    assert [a[1] for a in read_answers(tmp_path / "out.csv")[1:]] == ["网格00", "", ""]
    assert report.invalid == 2
    assert assign_file(**options(grids, tmp_path / "p.parquet", tmp_path / "out.csv", lon="时")).invalid == 3


def test_a_quote_that_never_ends_is_refused(grids, tmp_path):
    points = tmp_path / "p.csv"
    points.write_text('户号,经度,纬度\n"1,129.005,48.005\n2,129.005,48.005\n', encoding="utf-8")
    with pytest.raises(Refused):
        assign_file(**options(grids, points, tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()
