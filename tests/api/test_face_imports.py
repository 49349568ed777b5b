"""Uploads: a report first, then the same files applied; hostile names and forms refused; limits at their edge."""

import pytest

from geo.authority import Actor, Role
from geo.settings import Limits, Settings
from tests import plan_county as county
from tests.api.checked import Checked, refused
from tests.api.conftest import serving

HEAD = "户号,镇,社区,小区,楼号,单元,室,人口数,户籍/常住,经度,纬度"
GOOD = "N1,新青镇,黎明社区,红林1小区,1号楼,1,101,2,常住,129.502,48.201"
BAD = "N2,新青镇,没有的社区,红林1小区,1号楼,1,102,2,常住,129.502,48.201"


def table(*rows):
    return "\n".join([HEAD, *rows, ""]).encode()


def send(face, *files, **words):
    words = {"kind": "households", **words}
    if not files:
        files = (("住户.csv", table(GOOD)),)
    return face.post("/api/v1/imports", data=words, files=[("file", file) for file in files])


def households(face):
    return face.get("/api/v1/households?limit=1").json()["total"]


def test_a_dry_run_reports_and_writes_nothing(face):
    before = households(face)
    report = send(face, ("住户.csv", table(GOOD, BAD))).json()
    assert (report["applied"], report["rows_read"], report["accepted"], report["refused_count"]) == (False, 2, 1, 1)
    file = report["files"][0]
    assert (file["name"], file["format"], file["encoding"]) == ("住户.csv", "csv", "utf-8")
    assert len(file["sha256"]) == 64
    assert file["refused"][0]["row"] == 3
    assert file["datum_evidence"]
    assert households(face) == before


def test_applying_needs_the_datum(face):
    answer = send(face, apply="true")
    assert (answer.status_code, answer.json()["code"]) == (422, "datum-missing")


def test_applied_rows_are_there_and_twice_is_once(face):
    before = households(face)
    report = send(face, apply="true", datum="wgs84").json()
    assert (report["applied"], report["inserted"]) == (True, 1)
    again = send(face, apply="true", datum="wgs84").json()
    assert (again["inserted"], again["unchanged"]) == (0, 1)
    assert households(face) == before + 1


def test_refused_rows_hold_everything_back_until_accepted(face):
    before = households(face)
    answer = send(face, ("住户.csv", table(GOOD, BAD)), apply="true", datum="wgs84")
    assert (answer.status_code, answer.json()["code"]) == (422, "rows-refused")
    assert answer.json()["report"]["files"][0]["refused"][0]["row"] == 3
    assert households(face) == before
    done = send(face, ("住户.csv", table(GOOD, BAD)), apply="true", datum="wgs84", accept_refused="true").json()
    assert (done["applied"], done["inserted"]) == (True, 1)


def test_columns_may_be_named(face):
    text = table(GOOD).replace("人口数".encode(), "几口".encode())
    report = send(face, ("住户.csv", text), map="persons=几口").json()
    assert report["accepted"] == 1


@pytest.mark.parametrize(
    "name",
    ["../住户.csv", "..\\住户.csv", "/etc/passwd", "C:\\x.csv", ".ssh", "NUL.csv", "x\u202ecsv.exe", "a" * 101, "  "],
)
def test_names_that_are_no_plain_names(desk, name):
    answer = send(desk, (name, table(GOOD)))
    # The framework cuts folders off or keeps them; either way nothing outside its folder is written or named.
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert not set("/\\:") & set(answer.json()["files"][0]["name"])
    else:
        assert answer.json()["code"] in ("file-name", "file-missing")


def test_two_files_of_one_name(desk):
    answer = send(desk, ("a.csv", table(GOOD)), ("a.csv", table(GOOD)))
    assert answer.json()["code"] == "file-name"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"kind": "canary-kind"}, "kind-unknown"),
        ({"kind": ["households", "areas"]}, "form-invalid"),
        ({"apply": "yes"}, "form-invalid"),
        ({"canary-field": "1"}, "fields-unknown"),
        ({"datum": "mars"}, "datum-unknown"),
        ({"map": "persons"}, "form-invalid"),
        ({"encoding": "klingon"}, "encoding-unknown"),
    ],
)
def test_forms_that_are_refused(desk, words, code):
    data = {"kind": "households", **words}
    answer = desk.post(
        "/api/v1/imports", data=data, files=[("file", ("a.csv", table(GOOD)))], echoes=["canary-field", "canary-kind"]
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_bodies_that_are_no_form(desk):
    assert desk.post("/api/v1/imports", data={"kind": "households"}).status_code == 422
    assert desk.post("/api/v1/imports", json={"kind": "households"}).status_code == 422
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert desk.post("/api/v1/imports", content=b"no boundary here", headers=broken).status_code in (400, 422)
    nameless = {"content-type": "multipart/form-data"}
    assert desk.post("/api/v1/imports", content=b"x", headers=nameless).status_code in (400, 422)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("grid.geojson", b"<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>"),
        ("grid.geojson", b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":'),
        ("grid.zip", b"PK\x03\x04 cut off"),
        ("grid.gpkg", b"SQLite format 3\x00 not really"),
        ("grid.shp", b"\x00\x00\x27\x0a"),
        ("table.xlsx", b"PK\x05\x06" + bytes(18)),
        ("table.csv", b"\xff\xfe\x00\x01\x02"),
        ("drawing.dwg", b"AC1032 drawing"),
        ("empty.csv", b""),
    ],
)
def test_hostile_and_broken_files_are_refused_by_name(desk, name, body):
    answer = send(desk, (name, body), kind="boundaries")
    assert answer.status_code == 422
    assert answer.json()["where"]["file"] == name


def test_nobody_imports_without_the_right(store_file):
    with serving(store_file, actor=Actor("d", Role.DISPATCHER, (county.COUNTY,))) as client:
        answer = send(Checked(client), apply="true", datum="wgs84")
        assert answer.status_code == 403


def test_limits_at_their_edge(store_file):
    settings = Settings(limits=Limits(upload_bytes=3_000, json_body_bytes=200))
    with serving(store_file, settings=settings) as client:
        face = Checked(client)
        assert send(face, ("a.csv", table(GOOD))).status_code == 200
        assert send(face, ("a.csv", table(GOOD) + b"\n" * 4_000)).status_code == 413
        at_limit = '{"title":"' + "x" * 80 + '"}'
        for filler, status in ((200 - len(at_limit), 201), (201 - len(at_limit), 413)):
            body = at_limit + " " * filler
            answer = client.post("/api/v1/plans", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == status

        def endless():
            for _ in range(50):
                yield b" " * 20

        answer = client.post("/api/v1/plans", content=endless(), headers={"content-type": "application/json"})
        assert answer.status_code == 413
        refused(answer)


def test_a_full_disk_is_said_before_anything_is_written(store_file):
    settings = Settings(limits=Limits(free_disk_bytes=2**60))
    with serving(store_file, settings=settings) as client:
        answer = send(Checked(client))
        assert (answer.status_code, answer.json()["code"]) == (503, "disk-full")
        assert answer.headers["retry-after"]
