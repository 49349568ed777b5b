"""Papers and files: whole, as attachments, drawn for the actor who asks."""

import io
import json
import sqlite3

import openpyxl
import pytest

from tests import plan_county as county
from tests.api.conftest import spot

EXPORTS = "/api/v1/exports"


def fetched(face, name):
    answer = face.get(f"{EXPORTS}/{name}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    return answer.content


def test_the_coverage_as_a_geopackage(reading, tmp_path):
    path = tmp_path / "coverage.gpkg"
    path.write_bytes(fetched(reading, "coverage.gpkg"))
    with sqlite3.connect(path) as base:
        (layer,) = base.execute("SELECT table_name FROM gpkg_contents").fetchone()
        count = base.execute(f'SELECT count(*) FROM "{layer}"').fetchone()[0]  # noqa: S608
    base.close()
    assert count == 15


def test_the_map_needs_no_other_host(reading):
    text = fetched(reading, "map.html").decode()
    assert "第1网格" in text
    assert '<script src="http' not in text


def test_the_cross_reference_after_a_publication(face):
    assert face.get(f"{EXPORTS}/crosswalk.xlsx").status_code == 422
    place = face.post("/api/v1/plans", json={}).headers["location"]
    edits = {"edits": [county.merge((0, 0), (1, 0))]}
    face.post(f"{place}/edits", json=edits, headers={"If-Match": '"1"'})
    sent = {"effective_from": "2025-05-01", "filing_no": "备1号"}
    assert face.post(f"{place}/publish", json=sent, headers={"If-Match": '"2"'}).status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(fetched(face, "crosswalk.xlsx")))
    cells = [str(c.value) for row in book.active.iter_rows() for c in row if c.value is not None]
    grid = face.get(f"/api/v1/locate?lon={spot(0, 0)[0]}&lat={spot(0, 0)[1]}&datum=cgcs2000").json()["grid"]
    assert grid["code"] in cells
    assert "合并" in cells


def test_the_filing_table_lists_every_grid_once(reading):
    book = openpyxl.load_workbook(io.BytesIO(fetched(reading, "filing.xlsx")))
    cells = [str(c.value) for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert sum("网格备案表" in c for c in cells) >= 1
    assert cells.count("第5网格") == 2  # one in each community
    assert "第一中学" in cells


@pytest.mark.battery
def test_the_sheet(reading):
    assert fetched(reading, "sheet.pdf").startswith(b"%PDF")


def test_what_is_not_offered(reading):
    for name in ("slides.pptx", "pack.zip", "secrets.txt", "..%2f..%2fetc%2fpasswd"):
        assert reading.get(f"{EXPORTS}/{name}").status_code in (404, 422)


def test_ogc_features_page_by_page(reading):
    root = reading.get("/ogc").json()
    assert {link["rel"] for link in root["links"]} >= {"self", "conformance", "data"}
    assert "core" in json.dumps(reading.get("/ogc/conformance").json())
    names = [c["id"] for c in reading.get("/ogc/collections").json()["collections"]]
    assert names == ["grids", "exclusive"]
    seen, path = [], "/ogc/collections/grids/items?limit=5"
    while path:
        page = reading.get(path).json()
        assert page["numberMatched"] == 14
        seen += [f["id"] for f in page["features"]]
        path = next((k["href"].removeprefix("http://localhost") for k in page["links"] if k["rel"] == "next"), None)
    assert sorted(seen) == [g.id for g in county.base_grids()]
    one = reading.get("/ogc/collections/grids/items/g00").json()
    assert one["geometry"]["type"] in ("Polygon", "MultiPolygon")
    west = reading.get("/ogc/collections/grids/items?bbox=129.5,48.2,129.5001,48.2001").json()
    assert [f["id"] for f in west["features"]] == ["g00"]


@pytest.mark.parametrize("box", ["1,2,3", "nan,0,1,1", "a", "3,3,1,1,", "1e999,0,1,1", "129,49,130,48"])
def test_ogc_boxes_that_are_none(reading, box):
    assert reading.get(f"/ogc/collections/grids/items?bbox={box}").status_code in (400, 422)


def test_ogc_absent_things(reading):
    for path in ("collections/none", "collections/none/items", "collections/grids/items/none", "none"):
        assert reading.get(f"/ogc/{path}").status_code == 404


def test_reach_counts_corners(reading):
    report = reading.get("/api/v1/reach").json()
    assert report["distance_m"] == 150
    assert len(report["grids"]) == 14
    first = next(g for g in report["grids"] if g["grid"] == "g00")
    assert (first["full_time"], first["anchors"], first["missing"]) == (1, 1, [])
    wide = reading.get("/api/v1/reach?distance_m=1000").json()
    assert wide["near_share"] >= report["near_share"]
    assert reading.get("/api/v1/reach?distance_m=0").status_code == 422


def test_grids_areas_and_codes(reading):
    grids = reading.get("/api/v1/grids?kind=base&limit=3&offset=2").json()
    assert (grids["total"], len(grids["grids"])) == (14, 3)
    assert reading.get(f"/api/v1/grids?community={county.WEST}").json()["total"] == 6
    assert reading.get("/api/v1/grids/g00").json()["geometry"]
    assert reading.get("/api/v1/grids/nothing").status_code == 404
    assert reading.get("/api/v1/grids/nothing/history").status_code == 404
    assert reading.get("/api/v1/grids?as_of=2020-01-01").status_code == 404
    assert [row["grid_id"] for row in reading.get("/api/v1/codes/3").json()["history"]]
    assert reading.get("/api/v1/codes/999999").status_code == 404
    assert {a["code"] for a in reading.get("/api/v1/areas").json()["areas"]} >= {county.EAST, county.WEST}
