"""Every export read back: bit for bit where promised, a stated loss where not."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import openpyxl
import pytest
import shapely

from geo import crs
from geo.errors import Refused, Unavailable
from geo.formats import Feature, read, write
from geo.formats.write_text import plain_cell, safe_cell


def coverage(seed, side=4):
    """A seamless block of crooked quadrilaterals on the lattice; neighbours share their vertices."""
    rng = np.random.default_rng(seed)
    nodes = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="ij"), axis=-1) * 0.01
    nodes = crs.snap(nodes + rng.uniform(-0.003, 0.003, nodes.shape) + (129.4, 48.2))
    rows = []
    for i in range(side):
        for j in range(side):
            ring = [nodes[i, j], nodes[i + 1, j], nodes[i + 1, j + 1], nodes[i, j + 1]]
            name = f"第{len(rows) + 1}网格"
            rows.append(
                Feature(
                    len(rows) + 1,
                    {"网格名称": name, "户数": int(rng.integers(1, 900)), "比": 0.5},
                    shapely.Polygon(ring),
                    "黎明社区",
                    name,
                )
            )
    return rows


def normal(features):
    return [shapely.normalize(feature.geometry) for feature in features]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ending", ["gpkg", "geojson", "kml", "zip", "shp"])
def test_coverage_comes_back_bit_for_bit(desk, seed, ending):
    rows = coverage(seed)
    path = desk.folder / f"网格.{ending}"
    write(path, rows)
    back = read(path)
    assert not back.refused
    assert [g.wkb for g in normal(back.features)] == [g.wkb for g in normal(rows)]
    assert bool(shapely.coverage_is_valid([feature.geometry for feature in back.features]))


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_values_and_datum_come_back(desk, ending):
    rows = coverage(1)
    rows.append(Feature(99, {"网格名称": None, "户数": None, "比": None}, shapely.box(130, 48, 130.1, 48.1)))
    path = desk.folder / f"a.{ending}"
    write(path, rows)
    back = read(path)
    assert [dict(f.properties) for f in back.features] == [dict(f.properties) for f in rows]
    assert back.declared_datum == "cgcs2000"


def test_geojson_is_rfc_7946(desk):
    holed = shapely.Polygon([(0, 0), (0, 9), (9, 9), (9, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
    path = desk.folder / "a.geojson"
    write(path, [Feature(1, {"甲": "乙\u2028<"}, holed)])
    document = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in document
    outer, inner = document["features"][0]["geometry"]["coordinates"]
    assert shapely.LinearRing(outer).is_ccw
    assert not shapely.LinearRing(inner).is_ccw
    assert document["features"][0]["properties"] == {"甲": "乙\u2028<"}


@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (129.123456789 48.1)",
        "MULTIPOINT ((1 2), (3 4))",
        "LINESTRING (1 2, 3 4)",
        "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
        "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (1 2, 3 4))",
    ],
)
@pytest.mark.parametrize("ending", ["geojson", "kml", "gpkg"])
def test_kinds_of_geometry(desk, wkt, ending):
    geometry = shapely.from_wkt(wkt)
    path = desk.folder / f"a.{ending}"
    write(path, [Feature(1, {"name": "甲"}, geometry, "", "甲")])
    assert shapely.normalize(read(path).features[0].geometry) == shapely.normalize(geometry)


def test_kml_keeps_names_folders_and_both_counts(desk):
    path = desk.folder / "a.kml"
    write(
        path, [Feature(1, {"户数": 3, "人数": 5, "备注": "<b>&\"'"}, shapely.box(0, 0, 1, 1), "黎明社区", "第一网格")]
    )
    (got,) = read(path).features
    assert (got.layer, got.name) == ("黎明社区", "第一网格")
    assert got.properties == {"name": "第一网格", "户数": "3", "人数": "5", "备注": "<b>&\"'"}


def test_shapefile_has_ascii_fields_code_page_and_a_legend(desk):
    rows = [
        Feature(1, {"code": "230724100001001", "网格名称": "第一网格", "备注": "长" * 100}, shapely.box(0, 0, 1, 1))
    ]
    written = write(desk.folder / "a.zip", rows)
    with zipfile.ZipFile(desk.folder / "a.zip") as bundle:
        assert {name.rsplit(".", 1)[1] for name in bundle.namelist()} >= {"shp", "shx", "dbf", "prj", "cpg", "csv"}
        assert bundle.read("网格.cpg") == b"UTF-8"
        legend = bundle.read("网格_字段说明.csv").decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(legend))) == [
        ["字段", "说明"],
        ["code", "code"],
        ["F02", "网格名称"],
        ["F03", "备注"],
    ]
    assert len(written.losses) == 1
    assert "备注" in written.losses[0]
    (got,) = read(desk.folder / "a.zip").features
    assert got.properties == {"code": "230724100001001", "F02": "第一网格", "F03": "长" * 84}


def test_same_features_give_the_same_bytes(desk):
    for ending in ("geojson", "kml", "csv"):
        contents = set()
        for name in ("a", "b"):
            write(desk.folder / f"{name}.{ending}", coverage(3))
            contents.add((desk.folder / f"{name}.{ending}").read_bytes())
        assert len(contents) == 1


def test_csv_points_and_shapes(desk):
    path = desk.folder / "a.csv"
    write(path, [Feature(1, {"名称": "甲"}, shapely.Point(129.123456789, 48.5))])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read(path).features[0].properties == {"名称": "甲", "lon": "129.123456789", "lat": "48.5"}
    write(path, coverage(2))
    back = [shapely.from_wkt(f.properties["wkt"]) for f in read(path).features]
    assert [g.wkb for g in back] == [f.geometry.wkb for f in coverage(2)]


NAUGHTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "a;=1",
    "a,=1",
    "a\n=1",
    "＝1",
    "  =1",
    "'=1",
    "''=1",
    "a'b",
    "正常",
    "3-2-102",
    "'",
    "=",
    "a|@b",
]


@pytest.mark.parametrize("text", NAUGHTY)
def test_no_cell_is_a_formula_and_each_is_recoverable(desk, text):
    guarded = safe_cell(text)
    assert plain_cell(guarded) == text
    for separator in ";,\t|\r\n":
        for piece in guarded.split(separator):
            assert not piece.strip(" ").startswith(("=", "+", "-", "@", "＝"))
    path = desk.folder / "a.csv"
    write(path, [Feature(1, {"名称": text, "数": -5}, None)])
    cells = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))[1]
    assert cells == [guarded, "-5"]


def test_workbook_keeps_codes_and_makes_no_formula(desk):
    path = desk.folder / "a.xlsx"
    texts = [text for text in NAUGHTY if "\r" not in text]
    rows = [
        Feature(n, {"编码": "230724100001001", "名称": text, "数": -5, "长数": 10**16}) for n, text in enumerate(texts)
    ]
    assert write(path, rows).losses == ()
    sheet = openpyxl.load_workbook(path)["网格"]
    assert [cell.value for cell in sheet[1]] == ["编码", "名称", "数", "长数"]
    for number, text in enumerate(texts, start=2):
        code, name, count, long = sheet[number]
        assert (code.value, name.value, count.value, long.value) == ("230724100001001", text, -5, "1" + "0" * 16)
        assert {code.data_type, name.data_type, long.data_type} == {"s"}
    assert write(path, coverage(1)).losses == ("表格不含图形",)
    with pytest.raises(Refused):
        write(path, [Feature(1, {"名称": "长" * 40_000})])


def test_nothing_half_written(desk, monkeypatch):
    path = desk.put("a.kml", "old")
    with pytest.raises(Refused):
        write(path, [Feature(1, {}, shapely.box(0, 0, 1, 1), "", "坏\x07名")])
    assert path.read_text() == "old"
    blocked = desk.put("file", "x") / "a.geojson"
    with pytest.raises(Unavailable):
        write(blocked, coverage(1))

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable):
        write(desk.put("b.geojson", "old"), coverage(1))
    assert sorted(p.name for p in desk.folder.iterdir()) == ["a.kml", "b.geojson", "file"]
    assert (desk.folder / "b.geojson").read_text() == "old"


def test_refusals(desk):
    rows = coverage(1)
    for name, datum in (
        ("a.xyz", crs.CGCS2000),
        ("a.gpkg", crs.GCJ02),
        ("a.geojson", crs.Datum("epsg:4552", 4552)),
        ("a.kml", crs.Datum("epsg:4552", 4552)),
    ):
        with pytest.raises(Refused):
            write(desk.folder / name, rows, datum=datum)
    mixed = [*rows, Feature(9, {}, shapely.Point(1, 2))]
    with pytest.raises(Refused, match="分开"):
        write(desk.folder / "a.zip", mixed)
    with pytest.raises(Refused, match="没有图形"):
        write(desk.folder / "a.gpkg", [*rows, Feature(9, {}, None)])
    assert not list(desk.folder.iterdir())


def test_chosen_columns_in_order_and_plane_coordinates(desk):
    path = desk.folder / "a.gpkg"
    shape = shapely.box(539_000.0, 5_350_000.0, 539_100.0, 5_350_100.0)
    write(path, [Feature(1, {"a": 1, "b": "x", "c": True}, shape)], columns=["c", "b"], datum=crs.parse_datum("4552"))
    back = read(path)
    assert back.columns == ("c", "b")
    assert back.declared_datum == "epsg:4552"
    assert back.features[0].geometry.equals(shape)


def test_tables_without_geometry_go_to_geopackage(desk):
    path = desk.folder / "a.gpkg"
    write(path, [Feature(1, {"名称": "甲", "数": 1}), Feature(2, {"名称": "乙", "数": None})], layer="名册")
    assert [dict(f.properties) for f in read(path).features] == [{"名称": "甲", "数": 1}, {"名称": "乙", "数": None}]
