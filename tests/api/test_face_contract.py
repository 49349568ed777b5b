"""The description is complete, the door holds, and each role is told what the one table says."""

import io
import json
import re
import shutil
from urllib.parse import quote

import pytest
from fontTools.ttLib import TTFont
from starlette.testclient import TestClient

from api.app import LOCAL_HOSTS, create_app
from geo.authority import Actor, Role
from tests import plan_county as county
from tests.api.checked import Checked, refused
from tests.api.conftest import open_county, serving

PROMISED = """
GET /api/v1/locate | POST /api/v1/locate | GET /api/v1/grids | GET /api/v1/grids/{id} | GET /api/v1/grids/{id}/history
GET /api/v1/codes/{code} | GET /api/v1/areas | GET /api/v1/incidents | POST /api/v1/incidents | GET /api/v1/households
POST /api/v1/imports | POST /api/v1/plans | GET /api/v1/plans | GET /api/v1/plans/{id} | POST /api/v1/plans/{id}/edits
POST /api/v1/plans/{id}/undo | POST /api/v1/plans/{id}/redo | POST /api/v1/plans/{id}/propose
GET /api/v1/plans/{id}/compare | POST /api/v1/plans/{id}/submit | POST /api/v1/plans/{id}/review
POST /api/v1/plans/{id}/return | POST /api/v1/plans/{id}/file | POST /api/v1/plans/{id}/publish | GET /api/v1/reach
GET /api/v1/exports/{paper} | GET /healthz | GET /metrics | GET /ogc/collections/{name}/items
"""


@pytest.fixture(scope="module")
def text(reading):
    return reading.get("/api/v1/openapi.json").json()


def operations(text):
    return {f"{m.upper()} {path}": op for path, item in text["paths"].items() for m, op in item.items()}


def test_every_promised_operation_stands_in_the_text(text):
    promised = {line.strip() for line in re.split(r"[|\n]", PROMISED) if line.strip()}
    assert promised <= operations(text).keys()


def test_every_operation_is_described_whole(text):
    for name, operation in operations(text).items():
        assert operation["summary"], name
        assert operation["tags"], name
        assert {"200", "201"} & operation["responses"].keys(), name
        for status, told in operation["responses"].items():
            assert told["description"], (name, status)
            if status >= "400":
                assert set(told["content"]) == {"application/problem+json"}, (name, status)
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], (name, parameter["name"])
        if "requestBody" in operation:
            assert operation["requestBody"]["content"], name
    ids = [op["operationId"] for op in operations(text).values()]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(text):
    written = json.dumps(text)
    for name in set(re.findall(r"#/components/schemas/(\w+)", written)):
        assert name in text["components"]["schemas"], name
    assert "HTTPValidationError" not in written


def test_writes_against_a_version_say_so(text):
    for name, operation in operations(text).items():
        guarded = any(p["name"].lower() == "if-match" for p in operation.get("parameters", ()))
        assert guarded == ("428" in operation["responses"])
        if name.startswith("POST /api/v1/plans/{id}/") and not name.endswith("branch"):
            assert guarded, name


# -- the door ---------------------------------------------------------------------------------------------
def test_pages_come_from_this_machine_alone(reading):
    for path in ("/", "/docs"):
        page = reading.get(path)
        assert page.status_code == 200
        assert not re.search(r"(src|href)=\"(https?:)?//", page.text)
        for asset in re.findall(r"(?:src|href)=\"(/[^\"]+\.(?:js|css))\"", page.text):
            assert reading.get(asset).status_code == 200


def test_pages_bring_a_chinese_font(reading):
    described = reading.get("/api/v1/openapi.json").text
    for path, style, text in (("/", "/page.css", ""), ("/docs", "/docs/swagger-ui.css", described)):
        page = reading.get(path)
        assert "font-src 'self'" in page.headers["content-security-policy"]
        css = reading.get(style).text
        assert all(f.startswith(('"wangge-hans"', "inherit")) for f in re.findall(r"font-family:\s*([^;}]+)", css))
        font = reading.get(re.search(r"url\((/fonts/[^)]+)\)", css)[1])
        assert font.headers["content-type"] == "font/otf"
        known = TTFont(io.BytesIO(font.content), lazy=True).getBestCmap()
        chinese = re.findall("[\u2e80-\u9fff\uff00-\uffef]", page.text + text)
        assert chinese
        assert [c for c in chinese if ord(c) not in known] == []


def test_requests_of_other_sites_change_nothing(desk):
    before = desk.get("/api/v1/plans").json()["total"]
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert desk.post("/api/v1/plans", json={}, headers=headers).status_code == 403
    assert desk.get("/api/v1/plans").json()["total"] == before
    assert desk.post("/api/v1/plans", json={}, headers={"Origin": "http://localhost"}).status_code == 201


def test_another_host_name_is_not_answered(store_file):
    with open_county(store_file) as services:
        client = TestClient(create_app(services, hosts=LOCAL_HOSTS), base_url="http://localhost")
        for host, status in (("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("evil.example", 421)):
            answer = client.get("/api/v1/areas", headers={"host": host})
            assert answer.status_code == status, host
            quick = client.get("/api/v1/locate?lon=129.5&lat=48.2&datum=wgs84", headers={"host": host})
            assert quick.status_code == status, host


def test_request_ids_are_kept_or_given(reading):
    for path in ("/healthz", "/api/v1/locate?lon=129.51&lat=48.201&datum=wgs84"):
        assert reading.get(path, headers={"X-Request-Id": "abcdef-123"}).headers["x-request-id"] == "abcdef-123"
        for odd in ("short", "x" * 65, "semi;colon", "a b c d e f"):
            assert reading.get(path, headers={"X-Request-Id": odd}).headers["x-request-id"] != odd
        ids = {reading.get(path).headers["x-request-id"] for _ in range(3)}
        assert len(ids) == 3


def test_a_fault_of_ours_tells_nothing(store_file, caplog):
    with serving(store_file) as client:
        client.services.lookup.code = lambda *_: 1 / 0
        quiet = TestClient(client.app, base_url="http://localhost", raise_server_exceptions=False)
        answer = quiet.get("/api/v1/codes/5")
    assert answer.status_code == 500
    refused(answer)
    assert "division" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_unknown_paths_methods_and_parameters(reading):
    assert reading.get("/api/v1/nothing").status_code == 404
    assert reading.get("/api/v2/locate").status_code == 404
    for method, path in (("POST", "/api/v1/areas"), ("DELETE", "/api/v1/plans/x"), ("PUT", "/healthz")):
        answer = reading(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"]
    for path in ("areas?canary-word=1", "grids?limit=1&limit=2", "reach?canary-word=2", "plans?limit=0"):
        answer = reading.get(f"/api/v1/{path}", echoes=["canary-word"])
        assert answer.status_code == 422


def test_problems_speak_chinese_unless_asked(reading):
    assert reading.get("/api/v1/codes/none").json()["title"] == "没有找到"
    english = reading.get("/api/v1/codes/none", headers={"Accept-Language": "en-GB,en;q=0.9"}).json()
    assert english["title"] == "Not found"


NASTY = (
    "'; DROP TABLE grids; --",
    "1 OR 1=1",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "%00",
    "\u202egnp.exe",
    "＇ＯＲ＇",
    "A" * 5_000,
    "\ud83d\ude00",
    "$(id)",
)


@pytest.mark.parametrize("word", NASTY)
def test_nasty_words_are_text_everywhere(reading, word):
    word = word.encode("utf-16", "surrogatepass").decode("utf-16")
    for place in ("grids/{}", "grids/{}/history", "codes/{}", "plans/{}", "plans/{}/compare", "exports/{}"):
        answer = reading.get("/api/v1/" + place.format(quote(word, safe="")), echoes=[word])
        assert answer.status_code in (400, 404, 422), place
    for name in ("grid", "category"):
        answer = reading.get("/api/v1/incidents", params={name: word})
        assert answer.status_code in (200, 422)
        if answer.status_code == 200:
            assert answer.json()["total"] == 0
    for name in ("as_of", "generation", "community", "kind"):
        assert reading.get("/api/v1/grids", params={name: word}, echoes=[word]).status_code in (404, 422)
    located = reading.get("/api/v1/locate", params={"address": word})
    assert located.status_code in (200, 422)


# -- who may do what ----------------------------------------------------------------------------------------
ROLES = list(Role)
PEOPLE = {Role.COUNTY_PLANNER, Role.TOWN_PLANNER, Role.DISPATCHER}
PLANS = {Role.COUNTY_PLANNER, Role.TOWN_PLANNER}
LEADS = {Role.COUNTY_PLANNER}
EVERYBODY = set(ROLES)
# Operation -> the roles it is open to; plans/{id} means a plan that is not there, so the right answer is 403 or 404.
TABLE = {
    "GET /healthz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /ogc": EVERYBODY,
    "GET /ogc/conformance": EVERYBODY,
    "GET /ogc/collections": EVERYBODY,
    "GET /ogc/collections/{name}": EVERYBODY,
    "GET /ogc/collections/{name}/items": EVERYBODY,
    "GET /ogc/collections/{name}/items/{feature}": EVERYBODY,
    "GET /api/v1/locate": EVERYBODY,
    "POST /api/v1/locate": EVERYBODY,
    "GET /api/v1/grids": EVERYBODY,
    "GET /api/v1/grids/{id}": EVERYBODY,
    "GET /api/v1/grids/{id}/history": EVERYBODY,
    "GET /api/v1/codes/{code}": EVERYBODY,
    "GET /api/v1/areas": EVERYBODY,
    "GET /api/v1/reach": EVERYBODY,
    "GET /api/v1/exports/{paper}": EVERYBODY,
    "GET /api/v1/plans": EVERYBODY,
    "GET /api/v1/plans/{id}": EVERYBODY,
    "GET /api/v1/plans/{id}/grids": EVERYBODY,
    "GET /api/v1/plans/{id}/compare": EVERYBODY,
    "GET /api/v1/incidents": PEOPLE,
    "GET /api/v1/households": PEOPLE,
    "POST /api/v1/incidents": PEOPLE,
    "POST /api/v1/imports": EVERYBODY,
    "POST /api/v1/plans": PLANS,
    "POST /api/v1/plans/{id}/branch": PLANS,
    "POST /api/v1/plans/{id}/notes": PLANS,
    "POST /api/v1/plans/{id}/edits": PLANS,
    "POST /api/v1/plans/{id}/undo": PLANS,
    "POST /api/v1/plans/{id}/redo": PLANS,
    "POST /api/v1/plans/{id}/propose": PLANS,
    "POST /api/v1/plans/{id}/rebase": PLANS,
    "POST /api/v1/plans/{id}/submit": PLANS,
    "POST /api/v1/plans/{id}/review": LEADS,
    "POST /api/v1/plans/{id}/return": LEADS,
    "POST /api/v1/plans/{id}/file": LEADS,
    "POST /api/v1/plans/{id}/publish": LEADS,
}
FILLED = {"{name}": "grids", "{feature}": "g00", "{code}": "1", "{paper}": "coverage.gpkg"}
SENT = {
    "locate": {"datum": "wgs84", "lon": [129.51], "lat": [48.201]},
    "incidents": {"category": "x", "address": "x"},
    "edits": {"edits": [{"op": "rename", "grid": "g00", "name": "x"}]},
    "propose": {"to": 12},
    "notes": {"grid": "g00"},
    "return": {"reason": "x"},
    "file": {"filing_no": "1", "filed_on": "2025-03-01", "document": "1"},
    "publish": {"effective_from": "2025-05-01"},
}


def test_every_operation_has_a_row(text):
    assert operations(text).keys() == TABLE.keys()


@pytest.fixture(scope="module")
def roles(county_file, tmp_path_factory):
    path = shutil.copyfile(county_file, tmp_path_factory.mktemp("roles") / "county.gpkg")
    actors = [Actor(role.value, role, (county.COUNTY,)) for role in ROLES]
    with serving(path, actor=actors) as client:
        yield Checked(client)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_told_what_the_table_says(roles, role):
    headers = {"x-actor": str(ROLES.index(role)), "If-Match": '"1"'}
    for name, open_to in TABLE.items():
        method, path = name.split(" ")
        path = re.sub(r"/plans/\{id\}", "/plans/absent", path).replace("{id}", "g00")
        for mark, value in FILLED.items():
            path = path.replace(mark, value)
        if path.endswith("locate") and method == "GET":
            path += "?lon=129.51&lat=48.201&datum=wgs84"
        options = {"json": SENT.get(path.rpartition("/")[2], {})} if method == "POST" else {}
        if path.endswith("imports"):
            options = {"data": {"kind": "places"}, "files": [("file", ("a.csv", b"x"))]}
        answer = roles(method, path, headers=headers, **options)
        expected = ({404} if "absent" in path else {200, 201, 422}) if role in open_to else {403}
        assert answer.status_code in expected, (role, name, answer.status_code, answer.text[:200])
        assert answer.status_code != 422 or path.endswith(("imports", "exports")), (name, answer.text)


def test_no_area_sees_no_person_and_no_plan(store_file):
    nobody = Actor("nobody", Role.COUNTY_PLANNER, ())
    with serving(store_file, actor=nobody) as client:
        face = Checked(client)
        assert face.get("/api/v1/households").json()["total"] == 0
        assert face.get("/api/v1/incidents").json()["total"] == 0
        assert face.get("/api/v1/plans").json()["total"] == 0
        assert face.get("/api/v1/grids").json()["total"] == 15
        reach = face.get("/api/v1/reach").json()
        assert {g["households"] for g in reach["grids"]} == {0}
