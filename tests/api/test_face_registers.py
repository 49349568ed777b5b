"""Registers: coarse, and each actor's own areas only; an incident reported, placed and put on record."""

import json

import pytest

from geo.authority import Actor, Role
from tests import plan_county as county
from tests.api.checked import Checked
from tests.api.conftest import serving, spot

ADDRESS = "黎明社区红林1小区2号楼"
ACTORS = [
    county.PLANNER,
    Actor("east", Role.DISPATCHER, (county.EAST,)),
    Actor("west", Role.DISPATCHER, (county.WEST,)),
    Actor("nobody", Role.DISPATCHER, ()),
    Actor("officer", Role.OFFICER, (county.COUNTY,)),
]


@pytest.fixture
def many(store_file):
    with serving(store_file, actor=ACTORS) as client:
        yield Checked(client)


def as_actor(number):
    return {"x-actor": str(number)}


def ids(face, what, number):
    found = face.get(f"/api/v1/{what}?limit=1000", headers=as_actor(number)).json()
    assert found["total"] == len(found[what])
    return {row["id"] for row in found[what]}


@pytest.mark.parametrize("what", ["households", "incidents"])
def test_each_sees_the_own_areas_and_together_they_see_all(many, what):
    whole, east, west = (ids(many, what, n) for n in (0, 1, 2))
    assert east
    assert west
    assert not east & west
    assert east | west <= whole
    assert ids(many, what, 3) == set()
    assert many.get(f"/api/v1/{what}", headers=as_actor(4)).status_code == 403


def test_a_grid_of_others_looks_empty(many):
    for number, mine, other in ((1, "g00", "g40"), (2, "g40", "g00")):
        full = many.get(f"/api/v1/households?grid={mine}", headers=as_actor(number)).json()
        assert full["total"] > 0
        assert {row["grid"] for row in full["households"]} == {mine}
        empty = many.get(f"/api/v1/households?grid={other}", headers=as_actor(number)).json()
        assert (empty["total"], empty["households"]) == (0, [])


def test_rows_are_coarse(many):
    home = many.get("/api/v1/households?limit=1").json()["households"][0]
    assert not {"name", "phone", "room", "stairwell", "lon", "lat", "address_text", "source_key"} & home.keys()
    case = many.get("/api/v1/incidents?limit=1").json()["incidents"][0]
    assert not {"lon", "lat", "raw_x", "address_text", "name", "phone"} & case.keys()
    assert "红旗街" not in many.get("/api/v1/households?limit=1000").text


def test_pages(many):
    whole = many.get("/api/v1/households?limit=1000").json()["households"]
    pages = [many.get(f"/api/v1/households?limit=100&offset={n}").json()["households"] for n in (0, 100, 200)]
    assert [row for page in pages for row in page] == whole
    assert many.get("/api/v1/households?limit=1001").status_code == 422
    assert many.get("/api/v1/households?offset=-1").status_code == 422


def report(face, number=0, **body):
    return face.post("/api/v1/incidents", json={"category": "供热", **body}, headers=as_actor(number))


def test_an_incident_is_placed_and_on_record(many):
    lon, lat = spot(1, 1)
    answer = report(many, id="G1", lon=lon, lat=lat, datum="cgcs2000", address=ADDRESS)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["number"], body["placement"]["grid"]["id"], body["placement"]["agree"]) == ("G1", "g11", True)
    assert body["placement"]["send"]["chain"][0]["role"] == "专职网格员"
    row = next(i for i in many.get("/api/v1/incidents?grid=g11").json()["incidents"] if i["source_key"] == "G1")
    assert (row["id"], row["category_code"], row["basis"]) == (body["id"], "供热", body["placement"]["basis"])


def test_the_same_number_again_updates_and_never_doubles(many):
    lon, lat = spot(1, 1)
    first = report(many, id="G1", lon=lon, lat=lat, datum="cgcs2000")
    lon, lat = spot(2, 0)
    second = report(many, id="G1", lon=lon, lat=lat, datum="cgcs2000")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    rows = [i for i in many.get("/api/v1/incidents?limit=1000").json()["incidents"] if i["source_key"] == "G1"]
    assert [r["grid"] for r in rows] == ["g20"]


def test_an_incident_outside_is_recorded_as_outside(many):
    body = report(many, lon=128.0, lat=47.0, datum="wgs84").json()
    assert (body["placement"]["grid"], body["placement"]["basis"]) == (None, "outside")


def test_nobody_records_for_others(many):
    lon, lat = spot(5, 0)
    before = ids(many, "incidents", 0)
    answer = report(many, 1, lon=lon, lat=lat, datum="cgcs2000")
    assert (answer.status_code, answer.json()["code"]) == (403, "outside-areas")
    assert report(many, 4, lon=lon, lat=lat, datum="cgcs2000").status_code == 403
    assert report(many, 2, lon=lon, lat=lat, datum="cgcs2000").status_code == 201
    assert len(ids(many, "incidents", 0)) == len(before) + 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"lon": 129.5, "lat": 48.2}, "datum-missing"),
        ({"lon": 129.5, "datum": "wgs84"}, "place-missing"),
        ({}, "place-missing"),
        ({"address": "   "}, "place-missing"),
        ({"lon": "129.5", "lat": 48.2, "datum": "wgs84"}, "invalid-request"),
        ({"lon": True, "lat": 48.2, "datum": "wgs84"}, "invalid-request"),
        ({"address": "长" * 301}, "invalid-request"),
        ({"address": "x", "received_at": "yesterday"}, "invalid-request"),
        ({"address": "x", "canary-field": 1}, "invalid-request"),
        ({"address": "x", "community": "12"}, "invalid-request"),
    ],
)
def test_reports_that_are_refused(desk, body, code):
    answer = desk.post("/api/v1/incidents", json={"category": "供热", **body}, echoes=["canary-field"])
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"category":"x","lon":NaN}', "invalid-request"),
        ('{"category":"x","lon":-Infinity}', "invalid-request"),
        ('{"category":"x","category":"y"}', "field-doubled"),
        ('{"category":"\\ud800","address":"x"}', "invalid-request"),
        ('{"category":' + "[" * 33 + "]" * 33 + "}", "json-deep"),
        ('{"lon":' + "9" * 5000 + "}", "number-expected"),
        ("{", "invalid-request"),
    ],
)
def test_bodies_no_reader_should_take(desk, body, code):
    answer = desk.post("/api/v1/incidents", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_depth_at_the_limit_is_read(many):
    body = json.dumps({"category": "x", "address": "x"})[:-1] + ',"y":' + "[" * 31 + "]" * 31 + "}"
    answer = many.post("/api/v1/incidents", content=body, headers={"content-type": "application/json"})
    assert answer.json()["code"] == "invalid-request"  # read, and refused for the unknown field


def test_what_one_dispatcher_records_the_other_does_not_see(many):
    lon, lat = spot(4, 0)
    assert report(many, 2, id="G9", lon=lon, lat=lat, datum="cgcs2000").status_code == 201
    assert "G9" in many.get("/api/v1/incidents?limit=1000", headers=as_actor(2)).text
    assert "G9" not in many.get("/api/v1/incidents?limit=1000", headers=as_actor(1)).text
    assert report(many, 1, id="G9", address=ADDRESS).status_code == 403
