# ruff: noqa: ARG005 - every maker is handed the desk
"""Hostile and broken files: each is refused by a typed error, and nothing is left behind."""

from __future__ import annotations

import io
import json
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import openpyxl
import pytest

from geo.errors import EncodingUnknown, HostileFile, NotFound, Refused, WanggeError
from geo.formats import read
from geo.formats.drivers import ALLOWED, DRIVERS
from geo.settings import Limits

VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)
KML = (
    '<?xml version="1.0" encoding="UTF-8"?>{dtd}'
    '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{body}</Document></kml>'
)
POLYGON = "129.5,48.2 129.6,48.2 129.6,48.3 129.5,48.2"


def kml(body="", dtd=""):
    return KML.format(body=body, dtd=dtd)


def placemark(coordinates):
    return (
        "<Placemark><name>甲</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{coordinates}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )


def collection(*geometries, properties=None):
    features = [{"type": "Feature", "properties": properties or {"name": "甲"}, "geometry": g} for g in geometries]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def polygon(ring):
    return {"type": "Polygon", "coordinates": [ring]}


def workbook_bytes(rows=(("名称", "户数"), ("第一网格", 3))):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def rewritten(data, **replace):
    """A zip with some members' content replaced or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename not in replace:
                new.writestr(info.filename, old.read(info))
        for name, content in replace.items():
            new.writestr(name, content)
    return stream.getvalue()


def bomb_workbook():
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    sheet += b'<row r="1"><c r="A1"><v>1</v></c></row>' * 400_000 + b"</sheetData></worksheet>"
    return rewritten(workbook_bytes(), **{"xl/worksheets/sheet1.xml": sheet})


def link_zip():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        info = zipfile.ZipInfo("a.shp")
        info.external_attr = 0o120777 << 16
        bundle.writestr(info, "/etc/passwd")
    return stream.getvalue()


def named_zip(name):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        bundle.writestr("a.shp", b"x")
        info = zipfile.ZipInfo("plain")
        info.filename = name
        bundle.writestr(info, b"x")
    return stream.getvalue()


def lying_zip(desk):
    """The directory says 10 bytes, a megabyte comes out."""
    data = bytearray(desk.zip({"doc.kml": kml().encode() + b" " * 1_000_000}))
    at = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, at + 24, 10)
    return bytes(data)


def overlapping_zip(desk):
    """Two directory entries point to the same bytes."""
    data = bytearray(desk.zip({"a.kml": kml().encode(), "b.kml": kml().encode()}))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    struct.pack_into("<I", data, second + 42, 0)
    return bytes(data)


def encrypted_zip(desk):
    data = bytearray(desk.zip({"doc.kml": kml().encode()}))
    struct.pack_into("<H", data, 6, 1)
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 8, 1)
    return bytes(data)


WHOLE = {
    "vrt named geojson": ("grid.geojson", lambda d: VRT),
    "vrt named json": ("grid.json", lambda d: VRT),
    "vrt named kml": ("grid.kml", lambda d: VRT),
    "vrt named shp": ("grid.shp", lambda d: VRT),
    "vrt named gpkg": ("grid.gpkg", lambda d: VRT),
    "vrt named csv": ("grid.csv", lambda d: VRT),
    "vrt named dxf": ("grid.dxf", lambda d: VRT),
    "vrt after blanks": ("grid.geojson", lambda d: "\n\n  " + VRT),
    "raster vrt": ("grid.geojson", lambda d: "<VRTDataset rasterXSize='1'></VRTDataset>"),
    "vrt named shp in a zip": ("grid.zip", lambda d: d.zip({**d.shapefile([b"a"]), "a.shp": VRT.encode()})),
    "truncated zip": ("a.zip", lambda d: d.zip(d.shapefile([b"a"] * 50))[:-200]),
    "zip cut at the head": ("a.zip", lambda d: d.zip(d.shapefile([b"a"] * 50))[:40]),
    "zip with flipped bytes": ("a.zip", lambda d: d.zip(d.shapefile([b"a"] * 50)).replace(b"a.shx", b"b.shx", 1)),
    "truncated xlsx": ("a.xlsx", lambda d: workbook_bytes()[:-300]),
    "not a zip": ("a.zip", lambda d: b"PK\x07\x08" + b"x" * 100),
    "zip bomb": ("a.zip", lambda d: d.zip({"a.shp": b"\0" * 20_000_000})),
    "xlsx bomb": ("a.xlsx", lambda d: bomb_workbook()),
    "lying zip": ("a.kmz", lying_zip),
    "overlapping zip": ("a.kmz", overlapping_zip),
    "encrypted zip": ("a.kmz", encrypted_zip),
    "nested zip": ("a.zip", lambda d: d.zip({**d.shapefile([b"a"]), "in.zip": d.zip({"x": b"1"})})),
    "slip ..": ("a.zip", lambda d: named_zip("../../x.dbf")),
    "slip absolute": ("a.zip", lambda d: named_zip("/etc/x.dbf")),
    "slip backslash": ("a.zip", lambda d: named_zip("..\\x.dbf")),
    "slip drive": ("a.zip", lambda d: named_zip("C:x.dbf")),
    "device name": ("a.zip", lambda d: named_zip("aux.dbf")),
    "member with NUL": ("a.zip", lambda d: named_zip("a\0b.dbf")),
    "right-to-left member": ("a.zip", lambda d: named_zip("a\u202efbd.exe")),
    "symlink": ("a.zip", lambda d: link_zip()),
    "duplicate member": ("a.zip", lambda d: named_zip("A.SHP")),
    "too many members": ("a.zip", lambda d: d.zip({f"{i}.shp": b"x" for i in range(201)})),
    "bzip2 member": ("a.zip", lambda d: d.zip({"a.shp": b"x"}, method=zipfile.ZIP_BZIP2)),
    "zip without layers": ("a.zip", lambda d: d.zip({"readme.txt": b"x"})),
    "word named xlsx": ("a.xlsx", lambda d: d.zip({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"})),
    "json depth": ("a.geojson", lambda d: "[" * 100_000),
    "json object depth": ("a.geojson", lambda d: '{"type":"Feature","a":' * 100_000),
    "json list": ("a.geojson", lambda d: "[1,2]"),
    "json cut": ("a.geojson", lambda d: collection(polygon([[1, 2]]))[:-5]),
    "topojson": ("a.json", lambda d: '{"type":"Topology","objects":{}}'),
    "features no list": ("a.json", lambda d: '{"type":"FeatureCollection","features":{}}'),
    "entity bomb": ("a.kml", lambda d: kml("&b;", '<!DOCTYPE k [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>')),
    "external entity": ("a.kml", lambda d: kml("&x;", '<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
    "external dtd": ("a.kml", lambda d: kml("", '<!DOCTYPE kml SYSTEM "http://example.invalid/x.dtd">')),
    "deep xml": ("a.kml", lambda d: kml("<Folder>" * 100_000)),
    "cut kml": ("a.kml", lambda d: kml(placemark(POLYGON))[:-20]),
    "html named kml": ("a.kml", lambda d: "<html><body><table></table></body></html>"),
    "html named xls": ("a.xls", lambda d: "<html><table><tr><td>1</td></tr></table></html>"),
    "text named xls": ("a.xls", lambda d: "名称\t户数\n甲\t1\n"),
    "text named xlsx": ("a.xlsx", lambda d: "名称,户数\n"),
    "broken xls": ("a.xls", lambda d: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000),
    "xlsx with dtd": (
        "a.xlsx",
        lambda d: rewritten(workbook_bytes(), **{"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'}),
    ),
    "xlsx without sheets": ("a.xlsx", lambda d: rewritten(workbook_bytes(), **{"xl/workbook.xml": b"<x/>"})),
    "sqlite named gpkg": ("a.gpkg", lambda d: b"SQLite format 3\0" + b"\0" * 4000),
    "cut shp": ("a.zip", lambda d: d.zip({**d.shapefile([b"a"] * 3), "a.shp": d.shapefile([b"a"] * 3)["a.shp"][:-40]})),
    "cut dbf": ("a.zip", lambda d: d.zip({**d.shapefile([b"a"] * 3), "a.dbf": d.shapefile([b"a"] * 3)["a.dbf"][:-60]})),
    "dbf with fewer rows": (
        "a.zip",
        lambda d: d.zip({**d.shapefile([b"a"] * 3), "a.dbf": d.shapefile([b"a"])["a.dbf"]}),
    ),
    "shx of another": ("a.zip", lambda d: d.zip({**d.shapefile([b"a"] * 3), "a.shx": d.shapefile([b"a"])["a.shx"]})),
    "shp without dbf": ("a.zip", lambda d: d.zip({"a.shp": d.shapefile([b"a"])["a.shp"]})),
    "dbf header lies": ("a.zip", lambda d: d.zip({**d.shapefile([b"a"]), "a.dbf": b"\x03" + b"\xff" * 200})),
    "shp record lies": ("a.zip", lambda d: d.zip({**d.shapefile([b"a"]), "a.shp": _long_record(d)})),
    "cut dxf": ("a.dxf", lambda d: "0\nSECTION\n2\nENTITIES\n0\nLWPOLYLINE\n"),
    "csv of 10^5 columns": ("a.csv", lambda d: ",".join(f"c{i}" for i in range(100_000)) + "\n"),
    "csv of NULs": ("a.csv", lambda d: b"a,b\n1,\0\n"),
    "utf-16 without mark": ("a.csv", lambda d: "名称,户数\n甲,1\n".encode("utf-16-le")),
    "big5 text": ("a.csv", lambda d: "社區名稱,戶數\n黎明社區第一網格,312\n紅建中心社區,200\n".encode("big5")),
    "two encodings": ("a.csv", lambda d: "名称,户数\n网格,1\n".encode() + "备注网格".encode("gb18030")),
    "empty file": ("a.csv", lambda d: b""),
    "unknown ending": ("a.xyz", lambda d: b"abc"),
    "no ending": ("abc", lambda d: b"abc"),
    "numbers only": ("a.csv", lambda d: "1,2\n3,4\n"),
}
for _ending in ("et", "dwg", "rar", "doc", "docx", "pdf", "7z", "ovobj", "dbf", "png", "mdb", "ods"):
    WHOLE[f"{_ending} by name"] = (f"a.{_ending}", lambda d: b"anything")
WHOLE["dwg named dxf"] = ("a.dxf", lambda d: b"AC1015" + b"\0" * 100)
WHOLE["rar named zip"] = ("a.zip", lambda d: b"Rar!\x1a\x07\x00" + b"\0" * 100)
WHOLE["gzip named csv"] = ("a.csv", lambda d: b"\x1f\x8b\x08" + b"\0" * 100)


def _long_record(desk):
    data = bytearray(desk.shapefile([b"a"])["a.shp"])
    struct.pack_into(">i", data, 104, 1_000_000)
    return bytes(data)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_whole_file_is_refused_with_place_and_remedy(desk, name, monkeypatch):
    scratch = desk.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    file_name, make = WHOLE[name]
    path = desk.put(file_name, make(desk))
    before = sorted(desk.folder.iterdir())

    with pytest.raises(Refused) as caught:
        read(path)

    assert caught.value.where.file == file_name
    assert caught.value.remedy
    assert caught.value.code not in {"refused", "error"} or type(caught.value) is not Refused
    assert not list(scratch.iterdir())
    assert sorted(desk.folder.iterdir()) == before


FEATURES = {
    "NaN": '{"type":"Polygon","coordinates":[[[NaN,48],[129,48],[129,49],[129.1,48]]]}',
    "Infinity": '{"type":"Point","coordinates":[Infinity,48]}',
    "minus Infinity": '{"type":"Point","coordinates":[-Infinity,48]}',
    "1e999": '{"type":"Point","coordinates":[1e999,48]}',
    "5000 digits": '{"type":"Point","coordinates":[' + "9" * 5000 + ",48]}",
    "text numbers": '{"type":"Point","coordinates":["129","48"]}',
    "true": '{"type":"Point","coordinates":[true,48]}',
    "null": '{"type":"Point","coordinates":[null,48]}',
    "one number": '{"type":"Point","coordinates":[129]}',
    "object": '{"type":"Point","coordinates":{"x":1}}',
    "no coordinates": '{"type":"Polygon"}',
    "empty polygon": '{"type":"Polygon","coordinates":[]}',
    "two corners": '{"type":"Polygon","coordinates":[[[129,48],[129.1,48]]]}',
    "wrong depth": '{"type":"Polygon","coordinates":[[129,48],[129,49],[130,48]]}',
    "unknown type": '{"type":"Circle","coordinates":[129,48]}',
    "type is a list": '{"type":["Point"],"coordinates":[129,48]}',
    "nested collection": '{"type":"GeometryCollection","geometries":[{"type":"GeometryCollection","geometries":[]}]}',
    "empty collection": '{"type":"GeometryCollection","geometries":[]}',
    "equal keys": '{"type":"Point","coordinates":[129,48],"coordinates":[0,0]}',
    "null geometry": "null",
    "text geometry": '"POINT (1 2)"',
}
PROPERTIES = {
    "equal keys": '{"name":"甲","name":"乙"}',
    "equal keys deep": '{"a":{"b":1,"b":2}}',
    "NaN": '{"户数":NaN}',
    "surrogate": '{"name":"\\ud800"}',
    "depth": "[" * 40 + "]" * 40,
    "deep object": '{"a":' + '{"a":' * 40 + "1" + "}" * 41,
    "list": "[1]",
    "direction mark": '{"name":"甲\\u202e乙"}',
    "control": '{"name":"甲\\u0007乙"}',
    "long name": '{"name":"' + "长" * 101 + '"}',
}
GOOD = '{"type":"Point","coordinates":[129.5,48.2]}'


def _document(geometry, properties):
    bad = f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}'
    good = f'{{"type":"Feature","properties":{{"name":"好"}},"geometry":{GOOD}}}'
    return f'{{"type":"FeatureCollection","features":[{good},{bad},{good}]}}'


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_bad_geometry_costs_its_own_feature_only(desk, name):
    dataset = read(desk.put("a.geojson", _document(FEATURES[name], '{"name":"坏"}')))
    assert [feature.row for feature in dataset.features] == [1, 3]
    (rejected,) = dataset.refused
    assert (rejected.where.row, rejected.where.feature, rejected.where.file) == (2, "坏", "a.geojson")
    assert rejected.code
    assert rejected.remedy


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_bad_properties_cost_their_own_feature_only(desk, name):
    dataset = read(desk.put("a.geojson", _document(GOOD, PROPERTIES[name])))
    assert [feature.row for feature in dataset.features] == [1, 3]
    assert dataset.refused[0].where.row == 2


@pytest.mark.parametrize(
    "coordinates", ["NaN,48 1,2 3,4", "129;48", "129", "1,2,3,4", "inf,1", "1e999,2", "129,48", "x,y", "1_0,2", ""]
)
def test_bad_kml_coordinates_cost_their_own_placemark_only(desk, coordinates):
    dataset = read(desk.put("a.kml", kml(placemark(POLYGON) + placemark(coordinates))))
    assert [feature.row for feature in dataset.features] == [1]
    assert dataset.refused[0].where.row == 2


def test_only_named_drivers_are_there():
    if "geo.formats.drivers" in sys.modules and DRIVERS > ALLOWED:  # pyogrio came in by another door first
        pytest.fail(f"more than the named drivers: {sorted(DRIVERS - ALLOWED)[:5]}")
    assert DRIVERS == ALLOWED


@pytest.mark.parametrize("ending", ["et", "dwg", "rar"])
def test_foreign_formats_name_the_steps(desk, ending):
    with pytest.raises(Refused) as caught:
        read(desk.put(f"名册.{ending}", b"x"))
    steps = {"et": "另存为", "dwg": "DXF", "rar": "解压"}
    assert steps[ending] in caught.value.remedy


@pytest.mark.parametrize(
    ("limit", "fits", "above"),
    [("features", 3, 2), ("vertices", 12, 11), ("upload_bytes", 10_000, 100), ("table_rows", 3, 2)],
)
def test_limits_hold_at_the_limit_and_above(desk, limit, fits, above):
    if limit == "table_rows":
        path = desk.put("a.csv", "名称,户数\n甲,1\n乙,2\n丙,3\n")
    else:
        path = desk.put("a.geojson", collection(*[polygon([[0, 0], [1, 0], [1, 1], [0, 0]])] * 3))
    assert len(read(path, limits=Limits(**{limit: fits})).features) == 3
    with pytest.raises(HostileFile):
        read(path, limits=Limits(**{limit: above}))


def test_polygon_limits_refuse_the_feature(desk):
    path = desk.put("a.geojson", collection(polygon([[0, 0], [1, 0], [1, 1], [0, 0]])))
    assert len(read(path, limits=Limits(polygon_vertices=4)).features) == 1
    assert read(path, limits=Limits(polygon_vertices=3)).refused[0].code == "polygon-too-large"
    holed = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]], [[3, 1], [4, 1], [4, 2], [3, 1]]]}
    path = desk.put("b.geojson", collection(holed))
    assert len(read(path, limits=Limits(polygon_holes=1)).features) == 1
    assert read(path, limits=Limits(polygon_holes=0)).refused[0].code == "too-many-holes"


def test_zip_limits_hold_at_the_limit_and_above(desk):
    parts = desk.shapefile([b"a"])
    path = desk.put("a.zip", desk.zip(parts))
    size = sum(map(len, parts.values()))
    assert read(path, limits=Limits(zip_members=3, unpacked_bytes=size)).features
    for limits in (Limits(zip_members=2), Limits(unpacked_bytes=size - 1)):
        with pytest.raises(HostileFile):
            read(path, limits=limits)


def test_missing_folder_and_unknown_encoding(desk):
    with pytest.raises(Refused, match="不存在"):
        read(desk.folder / "nothing.csv")
    with pytest.raises(Refused, match="文件夹"):
        read(desk.folder)
    path = desk.put("a.csv", "名称,户数\n甲,1\n")
    for word in ("klingon", "zip", "rot13"):
        with pytest.raises(EncodingUnknown):
            read(path, encoding=word)


def test_unknown_layer_is_named(desk):
    path = desk.put("a.kml", kml("<Folder><name>黎明社区</name>" + placemark(POLYGON) + "</Folder>"))
    assert len(read(path, layer="黎明社区").features) == 1
    with pytest.raises(NotFound, match="黎明社区"):
        read(path, layer="没有")


def test_errors_do_not_repeat_personal_values(desk):
    path = desk.put("a.csv", "姓名,电话\n张三丰,13800001111\n李四光,13900002222,多\n")
    dataset = read(path)
    assert "李四光" not in str(dataset.refused)
    assert "13900002222" not in str(dataset.refused)
    with pytest.raises(WanggeError) as caught:
        read(desk.put("b.geojson", '{"张三丰": '))
    assert "张三丰" not in str(caught.value)


def test_source_path_is_untouched(desk):
    path = desk.put("a.zip", desk.zip(desk.shapefile([b"a"])))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    read(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in Path(desk.folder).iterdir()] == ["a.zip"]
