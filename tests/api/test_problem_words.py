"""A problem's detail and remedy are in the language asked for, Chinese where none is; code and status are the same."""

import re
from dataclasses import replace

import pytest

from tests import plan_county as county
from tests.api.test_face_plans import PLANS, edit, start, tag, through

HAN = re.compile(r"[\u3400-\u9fff]")
PROSE = re.compile(r"\b(the|is|are|not|no|of|this|that|must|should|first|there|send)\b")

ASKED = {
    "no datum": ("GET", "/api/v1/locate?lon=129.5&lat=48.2", {}),
    "unknown datum": ("GET", "/api/v1/locate?lon=129.5&lat=48.2&datum=mars", {}),
    "no number": ("GET", "/api/v1/locate?lon=east&lat=48.2&datum=wgs84", {}),
    "missing": ("GET", "/api/v1/locate?lon=129.5&datum=wgs84", {}),
    "unknown parameter": ("GET", "/api/v1/locate?lon=129.5&lat=48.2&datum=wgs84&colour=red", {}),
    "no such grid": ("GET", "/api/v1/grids/nothing", {}),
    "no such code": ("GET", "/api/v1/codes/000000000000000", {}),
    "no such route": ("GET", "/api/v1/nothing", {}),
    "no such method": ("DELETE", "/api/v1/areas", {}),
    "no such plan": ("GET", f"{PLANS}/nothing", {}),
    "uneven columns": ("POST", "/api/v1/locate", {"json": {"datum": "wgs84", "lon": [1.0, 2.0], "lat": [1.0]}}),
    "broken JSON": ("POST", "/api/v1/locate", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    "a field too many": ("POST", PLANS, {"json": {"colour": "red"}}),
    "a text for a list": ("POST", f"{PLANS}/x/edits", {"json": {"edits": "all"}, "headers": tag(1)}),
    "limit": ("GET", "/api/v1/areas?limit=0", {}),
    "no If-Match": ("POST", f"{PLANS}/x/undo", {"json": {"steps": 1}}),
    "box": ("GET", "/ogc/collections/grids/items?bbox=1,2,3", {}),
}


def problem(face, case, language):
    method, path, options = ASKED[case]
    headers = {**options.get("headers", {}), **({"Accept-Language": language} if language else {})}
    return face(method, path, **{**options, "headers": headers})


@pytest.mark.parametrize("case", ASKED)
def test_a_problem_speaks_the_language_asked_for(face, case):
    chinese, english = problem(face, case, ""), problem(face, case, "en-GB,en;q=0.9")
    assert chinese.status_code == english.status_code >= 400
    said, told = chinese.json(), english.json()
    assert (said["code"], said["type"]) == (told["code"], told["type"])
    for member in ("title", "detail", "remedy"):
        assert HAN.search(said[member]), (member, said)
        assert not PROSE.search(said[member]), (member, said)
        assert not HAN.search(told[member]), (member, told)
        assert told[member].strip()
    for row in said.get("errors", ()):
        assert HAN.search(row["message"]), row


def test_the_state_of_a_plan_is_named_in_either_language(face):
    place = start(face)
    chinese = face.post(f"{place}/submit", json={}, headers=tag(1)).json()
    assert (chinese["detail"], chinese["remedy"]) == ("方案还没有改动", "先合并或调整网格")
    english = face.post(f"{place}/submit", json={}, headers={**tag(1), "Accept-Language": "en"}).json()
    assert (english["detail"], english["remedy"]) == ("the plan changes nothing yet", "merge or redraw grids first")


def test_what_was_sent_is_not_quoted_in_either_language(face):
    place = start(face)
    for language in ("zh", "en"):
        answer = edit(face, place, 1, {"op": "paint-it-red"}, status=422, language=language)
        assert "paint-it-red" not in answer.text
        assert "…" in answer.json()["detail"]


def test_the_report_of_an_import_is_in_the_language_asked_for(face):
    table = "户号,社区代码,社区,人口数,经度,纬度\n,,不知社区,x,129.5,48.2\n".encode()
    files = [("file", ("住户.csv", table, "text/csv"))]
    reports = [
        face.post(
            "/api/v1/imports", files=files, data={"kind": "households"}, headers={"Accept-Language": language}
        ).json()["files"][0]
        for language in ("zh", "en")
    ]
    for report, chinese in zip(reports, (True, False), strict=True):
        (refused,) = report["refused"]
        said = [refused["message"], refused["remedy"], *report["datum_evidence"]]
        assert all(bool(HAN.search(line)) is chinese for line in said), said
        assert not chinese or not any(PROSE.search(line) for line in said), said


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("zh", "这里没有网格 g10（先载入方案的当前版本）"),
        ("en", "no grid g10 in this coverage (load the current version of the plan)"),
    ],
)
def test_an_edit_that_a_rebase_drops_is_told_in_the_language_asked_for(face, language, told):
    first, second = start(face), start(face)
    edit(face, second, 1, county.merge((4, 0), (5, 0)), county.merge((1, 0), (2, 0)))
    version = through(face, first)
    face.post(f"{first}/publish", json={"effective_from": "2025-05-01"}, headers=tag(version))
    rebased = face.post(f"{second}/rebase", headers={**tag(2), "Accept-Language": language}).json()
    assert [d["reason"] for d in rebased["dropped"]] == [told]


def test_why_a_plan_no_longer_fits_is_told_in_the_language_asked_for(face):
    place = start(face)
    edit(face, place, 1, county.merge((0, 0), (1, 0)))
    with face.client.services.store.writing(county.PLANNER) as session:
        kept = session.plan(place.rpartition("/")[2])
        edits = (*kept.edits, county.merge((3, 0), (4, 0)))
        session.put_plan(replace(kept, edits=edits), expected_version=kept.version)
        session.commit()
    chinese = face.get(f"{place}/grids").json()["fault"]
    assert chinese.startswith("第 2 行，要素 ")
    assert not PROSE.search(chinese), chinese
    english = face.get(f"{place}/grids", headers={"Accept-Language": "en"}).json()
    assert english["fault"].startswith("row 2, feature ")
    assert english["grids"] == []
