"""GeoJSON, KML, shapefile, GeoPackage and DXF as staff send them."""

from __future__ import annotations

import io
import json
import zipfile

import ezdxf
import numpy as np
import pytest
import shapely

from geo.errors import HostileFile, NotFound, Refused
from geo.formats import Feature, read, write
from geo.formats.drivers import pyogrio

KML = '<?xml version="1.0" encoding="{encoding}"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>总图</name>{body}</Document></kml>'
RING = "129.5,48.2,233 129.6,48.2,233 129.6,48.3,233 129.5,48.3,233 129.5,48.2,233"
HOLE = "129.52,48.22 129.53,48.22 129.53,48.23 129.52,48.22"


def kml(body, encoding="UTF-8"):
    return KML.format(body=body, encoding=encoding)


def area(name="第一网格", extra="", ring=RING, inner=""):
    hole = (
        f"<innerBoundaryIs><LinearRing><coordinates>{inner}</coordinates></LinearRing></innerBoundaryIs>"
        if inner
        else ""
    )
    return (
        f"<Placemark><name>{name}</name>{extra}<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}"
        f"</coordinates></LinearRing></outerBoundaryIs>{hole}</Polygon></Placemark>"
    )


# --- GeoJSON ------------------------------------------------------------------------------------


def test_geojson_forms(desk):
    geometry = {
        "type": "Polygon",
        "coordinates": [[[0, 0, 9], [2, 0, 9], [2, 2, 9], [0, 2, 9]], [[1, 1], [1.5, 1], [1, 1.5], [1, 1]]],
    }
    feature = {"type": "Feature", "id": 7, "properties": None, "geometry": geometry}
    for document in (geometry, feature, {"type": "FeatureCollection", "features": [feature]}):
        dataset = read(desk.put("a.geojson", "\ufeff" + json.dumps(document)))
        (got,) = dataset.features
        assert got.geometry.equals(shapely.Polygon([(0, 0), (2, 0), (2, 2), (0, 2)], [[(1, 1), (1.5, 1), (1, 1.5)]]))
        assert not shapely.has_z(got.geometry)
        assert dataset.warnings == ("未闭合的边界已闭合",)
        assert dataset.declared_datum is None
    assert got.properties == {"id": 7}


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "wgs84"),
        ("urn:ogc:def:crs:EPSG::4552", "epsg:4552"),
        ("EPSG:4490", "cgcs2000"),
        ("nonsense", None),
    ],
)
def test_geojson_crs_member(desk, name, word):
    document = {"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": name}}, "features": []}
    dataset = read(desk.put("a.geojson", json.dumps(document)))
    assert dataset.declared_datum == word
    assert dataset.datum_evidence


@pytest.mark.parametrize("crs", ["EPSG:4490", {"type": "link"}, {"properties": {"name": 5}}, []])
def test_geojson_odd_crs_member_declares_nothing(desk, crs):
    document = {"type": "FeatureCollection", "crs": crs, "features": []}
    assert read(desk.put("a.geojson", json.dumps(document))).declared_datum is None


def test_geojson_numbers_are_kept_bit_for_bit(desk):
    text = '{"type":"LineString","coordinates":[[129.123456789,48.987654321],[0.1,1e-7]]}'
    (got,) = read(desk.put("a.json", text)).features
    assert shapely.get_coordinates(got.geometry).tolist() == [[129.123456789, 48.987654321], [0.1, 1e-7]]


@pytest.mark.parametrize(
    "wkt",
    ["POINT (1 2)", "MULTIPOINT ((1 2), (3 4))", "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))",
     "GEOMETRYCOLLECTION (POINT (1 2))",
     "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))"],
)  # fmt: skip
def test_geojson_kinds(desk, wkt):
    geometry = shapely.from_wkt(wkt)
    (got,) = read(desk.put("a.json", shapely.to_geojson(geometry))).features
    assert got.geometry.equals(geometry)


# --- KML ----------------------------------------------------------------------------------------


def test_kml_keeps_both_counts_folders_and_holes(desk):
    extra = (
        '<ExtendedData><Data name="户数"><value>312</value></Data><Data name="人数"><value>805</value></Data>'
        '<SchemaData schemaUrl="#s"><SimpleData name="网格员">有</SimpleData></SchemaData></ExtendedData>'
    )
    body = f"<Folder><name>新青镇</name><Folder><name>黎明社区</name>{area(extra=extra, inner=HOLE)}</Folder></Folder>"
    dataset = read(desk.put("a.kml", kml(body)))
    (got,) = dataset.features
    assert got.properties == {
        "name": "第一网格",
        "文件夹": "新青镇/黎明社区",
        "户数": "312",
        "人数": "805",
        "网格员": "有",
    }
    assert (got.layer, got.name, dataset.layers) == ("黎明社区", "第一网格", ("黎明社区",))
    assert len(got.geometry.interiors) == 1
    assert not shapely.has_z(got.geometry)
    assert dataset.declared_datum is dataset.proposed_datum is None


@pytest.mark.parametrize(
    ("description", "facts"),
    [
        ("户数:312", {"户数": "312"}),
        ("<![CDATA[户数：312<br>人数：805]]>", {"户数": "312", "人数": "805"}),
        ("<![CDATA[<table><tr><td>户数</td><td>312</td></tr><tr><td>人数</td><td>805</td></tr></table>]]>",
         {"户数": "312", "人数": "805"}),
        ("<![CDATA[<table><tr><th>户数</th><th>人数</th><th>楼栋</th></tr><tr><td>1</td><td>2</td><td>3</td></tr></table>]]>",
         {"户数": "1", "人数": "2", "楼栋": "3"}),
        ("<![CDATA[<script>alert(1)</script>沿河]]>", {"description": "沿河"}),
        ("见 http://example.invalid/x", {"description": "见 http://example.invalid/x"}),
    ],
)  # fmt: skip
def test_kml_descriptions(desk, description, facts):
    dataset = read(desk.put("a.kml", kml(area(extra=f"<description>{description}</description>"))))
    properties = dict(dataset.features[0].properties)
    assert properties.pop("name") == "第一网格"
    assert properties == facts


def test_kml_multi_geometry_line_and_unclosed_ring(desk):
    ring = (
        "<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    )
    multi = (
        "<Placemark><name>多</name><MultiGeometry>"
        + ring.format(RING)
        + ring.format(RING)
        + "</MultiGeometry></Placemark>"
    )
    line = "<Placemark><name>线</name><LineString><coordinates>1,2 3,4</coordinates></LineString></Placemark>"
    mixed = (
        "<Placemark><MultiGeometry><Point><coordinates>1,2</coordinates></Point>"
        + ring.format(RING)
        + "</MultiGeometry></Placemark>"
    )
    nothing = "<Placemark><name>空</name></Placemark>"
    body = multi + line + area(ring="0,0 1,0 1,1 0,1") + mixed + nothing
    dataset = read(desk.put("a.kml", kml(body)))
    kinds = [feature.geometry.geom_type for feature in dataset.features]
    assert kinds == ["MultiPolygon", "LineString", "Polygon", "GeometryCollection"]
    assert dataset.refused[0].code == "geometry-missing"
    assert dataset.layers == ("总图",)
    assert "未闭合的边界已闭合" in dataset.warnings


@pytest.mark.parametrize(("name", "proposed"), [("a.ovkml", "gcj02"), ("a.kml", None)])
def test_ovkml_is_proposed_not_declared(desk, name, proposed):
    dataset = read(desk.put(name, kml(area())))
    assert (dataset.proposed_datum, dataset.declared_datum) == (proposed, None)
    assert dataset.datum_evidence


@pytest.mark.parametrize("name", ["a.kmz", "a.ovkmz"])
def test_kmz(desk, name):
    data = desk.zip({"files/x.png": b"p", "other.kml": kml(area("别的")).encode(), "doc.kml": kml(area()).encode()})
    dataset = read(desk.put(name, data))
    assert [feature.name for feature in dataset.features] == ["第一网格"]
    assert dataset.proposed_datum == ("gcj02" if name.endswith("ovkmz") else None)


@pytest.mark.parametrize(
    ("stated", "real"),
    [("UTF-8", "utf-8"), ("GBK", "gb18030"), ("gb2312", "gb18030"), ("UTF-8", "gb18030"), ("UTF-16", "utf-16")],
)
def test_kml_encodings(desk, stated, real):
    dataset = read(desk.put("a.kml", kml(area(), stated).encode(real)))
    assert dataset.features[0].name == "第一网格"
    assert dataset.encoding == real


def test_kml_without_declaration_or_namespace(desk):
    text = f"<kml><Folder><name>黎明社区</name>{area()}</Folder></kml>"
    assert read(desk.put("a.kml", text)).layers == ("黎明社区",)


# --- shapefile ----------------------------------------------------------------------------------


def test_loose_shapefile_with_prj_and_missing_index(desk):
    parts = desk.shapefile(["第一网格".encode("gbk")])
    parts["a.prj"] = (
        b'GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
    )
    del parts["a.shx"]
    for name, data in parts.items():
        desk.put(name, data)
    dataset = read(desk.folder / "a.shp")
    assert dataset.declared_datum == "cgcs2000"
    assert dataset.features[0].properties == {"NAME": "第一网格"}
    assert any(".shx" in warning for warning in dataset.warnings)
    assert not (desk.folder / "a.shx").exists()


def test_zip_with_gbk_member_names_and_two_layers(desk):
    parts = {}
    for stem in ("黎明社区", "新民社区"):
        parts |= desk.shapefile(["第一网格".encode("gbk")], stem=stem)
    data = desk.zip(parts)
    for stem in ("黎明社区", "新民社区"):  # the same names as an old archiver writes them, without the UTF-8 flag
        assert stem.encode() in data
    dataset = read(desk.put("a.zip", _unflagged(parts)))
    assert set(dataset.layers) == {"黎明社区", "新民社区"}
    assert [f.row for f in read(desk.folder / "a.zip", layer="新民社区").features] == [1]


def _unflagged(parts):
    """A zip whose names are GBK bytes without the UTF-8 flag."""

    class Raw(zipfile.ZipInfo):
        def _encodeFilenameFlags(self):  # noqa: N802
            return self.filename.encode("gbk"), self.flag_bits

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, data in parts.items():
            bundle.writestr(Raw(name), data)
    return stream.getvalue()


def test_deleted_record_and_null_shape(desk):
    parts = desk.shapefile([b"a", b"b", b"c"])
    dbf = bytearray(parts["a.dbf"])
    dbf[33 + 32 + 41] = 0x2A
    parts["a.dbf"] = bytes(dbf)
    dataset = read(desk.put("a.zip", desk.zip(parts)))
    assert [(f.row, f.properties["NAME"]) for f in dataset.features] == [(1, "a"), (3, "c")]
    assert [f.geometry.bounds[0] for f in dataset.features] == [129.5, 131.5]


def test_nan_in_a_shapefile_costs_its_feature(desk):
    parts = desk.shapefile([b"a", b"b"])
    shp, shx = desk.shp([desk.square, [(float("nan"), 1.0), *desk.square[1:]]])
    dataset = read(desk.put("a.zip", desk.zip({**parts, "a.shp": shp, "a.shx": shx})))
    assert len(dataset.features) == 1
    assert (dataset.refused[0].code, dataset.refused[0].where.row) == ("geometry-broken", 2)


# --- GeoPackage ---------------------------------------------------------------------------------


def square(x=129.5):
    return shapely.box(x, 48.2, x + 0.1, 48.3)


def test_geopackage_reads_a_copy_and_its_declaration(desk):
    path = desk.folder / "网格.gpkg"
    write(path, [Feature(1, {"网格名称": "第一网格", "户数": 3, "空": None}, square())], layer="黎明社区")
    before = path.read_bytes()
    dataset = read(path)
    assert (dataset.declared_datum, dataset.layers) == ("cgcs2000", ("黎明社区",))
    assert dataset.features[0].properties == {"网格名称": "第一网格", "户数": 3, "空": None}
    assert path.read_bytes() == before
    assert [p.name for p in desk.folder.iterdir()] == ["网格.gpkg"]
    with pytest.raises(NotFound):
        read(path, layer="没有")


def test_geopackage_with_z_null_geometry_and_plane(desk):
    path = desk.folder / "a.gpkg"
    shapes = np.array([shapely.to_wkb(shapely.force_3d(square(), 5.0), output_dimension=3), None], dtype=object)
    pyogrio.raw.write(
        str(path), shapes, field_data=[np.array(["甲", "乙"], dtype=object)], fields=np.array(["name"], dtype=object),
        driver="GPKG", layer="g", geometry_type="Polygon Z", crs="EPSG:4552",
    )  # fmt: skip
    dataset = read(path)
    assert dataset.declared_datum == "epsg:4552"
    assert not shapely.has_z(dataset.features[0].geometry)
    assert (dataset.refused[0].code, dataset.refused[0].where.row) == ("geometry-missing", 2)


def test_geopackage_cut_short_is_refused(desk):
    path = desk.folder / "a.gpkg"
    write(path, [Feature(i, {"n": "x" * 200}, square()) for i in range(500)])
    cut = desk.put("b.gpkg", path.read_bytes()[:30_000])
    with pytest.raises(Refused):
        read(cut)


def test_geopackage_view_is_refused(desk):
    path = desk.folder / "a.gpkg"
    write(path, [Feature(1, {"name": "甲"}, square())], layer="grids")
    data = path.read_bytes()
    # A table's entry in the schema, rewritten in place to be a view of the same length.
    old = data[data.index(b'CREATE TABLE "grids"') :]
    old = old[: old.index(b")\x00") + 1] if b")\x00" in old[:400] else old[: old.index(b"TEXT)") + 5]
    view = b"CREATE VIEW \"grids\" AS SELECT 1 fid, x'' geom, 1 name"
    forged = data.replace(old, view.ljust(len(old)), 1).replace(b"tablegridsgrids", b"view\x20gridsgrids", 1)
    with pytest.raises((HostileFile, Refused)):
        read(desk.put("b.gpkg", forged))


# --- DXF ----------------------------------------------------------------------------------------

BASE = (539_000.0, 5_350_000.0)


def drawing(*, version="R2007"):
    document = ezdxf.new(version)
    document.layers.add("网格界")
    return document, document.modelspace()


def saved(desk, document, encoding=None):
    stream = io.StringIO()
    document.write(stream)
    return desk.put("a.dxf", stream.getvalue().encode(encoding or document.output_encoding, errors="strict"))


def corners(x=0.0, y=0.0, size=100.0):
    return [(BASE[0] + x + dx * size, BASE[1] + y + dy * size) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]


def test_dxf_polygons_take_the_texts_inside(desk):
    document, space = drawing()
    space.add_lwpolyline(corners(), close=True, dxfattribs={"layer": "网格界"})
    space.add_polyline2d([*corners(200), corners(200)[0]], dxfattribs={"layer": "网格界"})
    space.add_lwpolyline(corners(500), dxfattribs={"layer": "道路"})
    space.add_text("第一网格", dxfattribs={"insert": (BASE[0] + 50, BASE[1] + 50)})
    space.add_mtext("第二网格\\P户数:312", dxfattribs={"insert": (BASE[0] + 250, BASE[1] + 50)})
    space.add_text("图名", dxfattribs={"insert": (BASE[0] - 500, BASE[1])})
    dataset = read(saved(desk, document))
    assert [(f.name, f.layer, f.geometry.geom_type) for f in dataset.features] == [
        ("第一网格", "网格界", "Polygon"), ("第二网格", "网格界", "Polygon"), ("", "道路", "LineString"),
    ]  # fmt: skip
    assert dataset.features[1].properties["户数"] == "312"
    assert shapely.get_coordinates(dataset.features[0].geometry).tolist()[:4] == [list(c) for c in corners()]
    assert dataset.declared_datum is None
    assert any("未闭合" in warning for warning in dataset.warnings)


def test_dxf_gbk_drawing_and_nested_polygons(desk):
    document, space = drawing(version="R2000")
    document.encoding = "gbk"
    space.add_lwpolyline(corners(-100, -100, 400), close=True)
    space.add_lwpolyline(corners(), close=True)
    space.add_text("专属网格", dxfattribs={"insert": (BASE[0] + 50, BASE[1] + 50)})
    space.add_text("大网格", dxfattribs={"insert": (BASE[0] - 50, BASE[1] - 50)})
    dataset = read(saved(desk, document, "gbk"))
    assert dataset.encoding == "gb18030"
    assert [feature.name for feature in dataset.features] == ["大网格", "专属网格"]


def test_dxf_bulge_becomes_an_arc(desk):
    document, space = drawing()
    x, y = BASE
    space.add_lwpolyline([(x - 50, y, 1.0), (x + 50, y, 1.0)], format="xyb", close=True)
    (circle,) = read(saved(desk, document)).features
    ring = shapely.get_coordinates(circle.geometry)
    radius = np.hypot(ring[:, 0] - x, ring[:, 1] - y)
    assert len(ring) > 30
    assert np.abs(radius - 50).max() < 0.01


def test_dxf_without_polylines_is_refused(desk):
    document, space = drawing()
    space.add_line((0, 0), (1, 1))
    with pytest.raises(Refused, match="多段线"):
        read(saved(desk, document))


def test_dxf_gbk_bytes_under_a_western_code_page(desk):
    document, space = drawing(version="R2000")
    document.encoding = "gbk"
    space.add_lwpolyline(corners(), close=True)
    space.add_text("黎明社区第一网格", dxfattribs={"insert": (BASE[0] + 50, BASE[1] + 50)})
    path = saved(desk, document, "gbk")
    lying = path.read_bytes().replace(b"ANSI_936", b"ANSI_1252")
    assert lying != path.read_bytes()
    dataset = read(desk.put("b.dxf", lying))
    assert (dataset.encoding, dataset.features[0].name) == ("gb18030", "黎明社区第一网格")


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_dxf_declared_encoding_is_taken_strictly(desk, codec):
    document, space = drawing(version="R2000")
    document.encoding = "gbk"
    space.add_lwpolyline(corners(), close=True)
    space.add_text("网格", dxfattribs={"insert": (BASE[0] + 50, BASE[1] + 50)})
    path = saved(desk, document, "gbk")
    if codec == "gb18030":
        assert read(path, encoding=codec).features[0].name == "网格"
    else:
        with pytest.raises(Refused):
            read(path, encoding=codec)
