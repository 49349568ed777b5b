"""Plans over HTTP: every write against the version that was read; from a draft into force, or back."""

import threading
from functools import partial

import pytest

from api.refusals import term
from geo.authority import Actor, Role
from geo.services.redraw import Drawing
from tests import plan_county as county
from tests.api.checked import refused
from tests.api.conftest import serving
from tests.ground_edits import KINDS, next_edit

PLANS = "/api/v1/plans"


def tag(version):
    return {"If-Match": f'"{version}"'}


def start(face, **body):
    answer = face.post(PLANS, json=body)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    place = answer.headers["location"]
    assert place == f"{PLANS}/{answer.json()['id']}"
    return place


def edit(face, place, version, *edits, status=200, language="zh"):
    asked = {**tag(version), "Accept-Language": language}
    answer = face.post(f"{place}/edits", json={"edits": list(edits)}, headers=asked)
    assert answer.status_code == status, answer.text
    return answer


def test_a_draft_is_started_read_and_listed(face):
    place = start(face, title="合并方案")
    answer = face.get(place)
    assert answer.headers["etag"] == '"1"'
    assert answer.json()["title"] == "合并方案"
    assert face.get(place, headers={"If-None-Match": '"1"'}).status_code == 304
    assert face.get(place, headers={"If-None-Match": '"7", "1"'}).status_code == 304
    assert face.get(place, headers={"If-None-Match": '"2"'}).status_code == 200
    listed = face.get(PLANS).json()
    assert (listed["total"], [p["title"] for p in listed["plans"]]) == (1, ["合并方案"])


def test_edits_change_grids_and_versions(desk):
    place = start(desk)
    body = edit(desk, place, 1, county.merge((0, 0), (1, 0))).json()
    assert body["version"] == 2
    assert [g["id"] for g in body["changed"]] == ["g00"]
    assert body["changed"][0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert body["ended"] == ["g10"]
    grids = desk.get(f"{place}/grids?geometry=true").json()
    assert len(grids["grids"]) == 13
    assert grids["fault"] == ""
    assert len(desk.get(f"{place}/grids?version=1").json()["grids"]) == 14


def test_undo_and_redo(desk):
    place = start(desk)
    edit(desk, place, 1, county.merge((0, 0), (1, 0)), county.rename(2, 0, "河西网格"))
    undone = desk.post(f"{place}/undo", json={}, headers=tag(2)).json()
    assert (len(undone["edits"]), undone["undone"]) == (1, 1)
    again = desk.post(f"{place}/redo", json={"steps": 1}, headers=tag(3)).json()
    assert (len(again["edits"]), again["undone"], again["version"]) == (2, 0, 4)
    assert desk.post(f"{place}/redo", json={}, headers=tag(4)).status_code == 409
    assert desk.post(f"{place}/undo", json={"steps": 5}, headers=tag(4)).status_code == 409


WRITES = ("edits", "undo", "redo", "propose", "notes", "submit", "review", "return", "file", "publish", "rebase")
BODIES = {
    "edits": {"edits": [{"op": "rename", "grid": "g00", "name": "x"}]},
    "propose": {"to": 12},
    "notes": {"grid": "g00", "text": "看"},
    "return": {"reason": "x"},
    "file": {"filing_no": "1", "filed_on": "2025-03-01", "document": "1"},
    "publish": {"effective_from": "2025-05-01", "filing_no": "1"},
}


@pytest.mark.parametrize("step", WRITES)
def test_every_write_needs_the_version_that_was_read(desk, step):
    place = start(desk)
    edit(desk, place, 1, county.merge((0, 0), (1, 0)))
    body = BODIES.get(step, {})
    for missing in ({}, {"If-Match": "*"}):
        answer = desk.post(f"{place}/{step}", json=body, headers=missing)
        assert (answer.status_code, answer.json()["code"]) == (428, "if-match-missing")
    for stale in ('"1"', 'W/"2"', "2", '"x"', '"99"'):
        answer = desk.post(f"{place}/{step}", json=body, headers={"If-Match": stale})
        if step in ("submit", "review", "return", "file") and answer.status_code == 409:
            continue  # the state forbids it whatever the version
        assert answer.status_code == 412, (step, stale, answer.text)
        assert answer.json()["current_version"] == 2
        assert answer.headers["etag"] == '"2"'
    assert desk.get(place).json()["version"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_writer_is_told_what_the_first_did(desk, kind):
    place = start(desk)
    drawing = Drawing.of([*county.base_grids(), county.overlay()])
    one, two = next_edit(drawing, kind, 0, word="A"), next_edit(drawing, kind, 0, word="B")
    edit(desk, place, 1, one)
    answer = edit(desk, place, 1, two, status=412)
    assert (answer.headers["etag"], answer.json()["current_version"]) == ('"2"', 2)
    (line,) = answer.json()["difference"]
    assert line.startswith("第 2 版（")
    assert line.endswith(f"）：加 1 步（{term('edit', one['op'], 'zh')}）")
    answer = edit(desk, place, 1, two, status=412, language="en")
    assert [line.partition(": ")[2] for line in answer.json()["difference"]] == [f"+1 edits ({one['op']})"]
    stored = desk.get(place).json()
    assert (stored["version"], [e["op"] for e in stored["edits"]]) == (2, [one["op"]])
    edit(desk, place, 2, county.rename(6, 1, "河东网格"))
    assert [e["op"] for e in desk.get(place).json()["edits"]] == [one["op"], "rename"]


def test_of_two_writers_at_once_one_is_refused(store_file):
    with serving(store_file) as client:
        place = f"{PLANS}/{client.post(PLANS, json={}).json()['id']}"
        seen, barrier = [], threading.Barrier(2)

        def write(number):
            barrier.wait()
            body = {"edits": [county.rename(number, 0, f"网格{number}")]}
            seen.append(client.post(f"{place}/edits", json=body, headers=tag(1)))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(a.status_code for a in seen) == [200, 412]
        assert client.get(place).json()["version"] == 2
        refused(next(a for a in seen if a.status_code == 412))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"edits": [{"op": "canary-word"}]}, 422),
        ({"edits": [{"op": "merge", "grids": ["g00"], "into": "g00"}]}, 422),
        ({"edits": [{"op": "merge", "grids": ["g00", "canary-word"], "into": "g00"}]}, 404),
        ({"edits": [{"op": "rename", "grid": "g00"}]}, 422),
        ({"edits": []}, 422),
        ({"edits": "canary-word"}, 422),
        ({"edits": [7]}, 422),
        ({}, 422),
        ({"edits": [{"op": "rename", "grid": "g00", "name": "x"}], "canary-word": 1}, 422),
    ],
)
def test_edits_that_do_not_fit_are_refused_whole(desk, sent, status):
    place = start(desk)
    answer = desk.post(f"{place}/edits", json=sent, headers=tag(1), echoes=["canary-word"])
    assert answer.status_code == status
    assert desk.get(place).json()["version"] == 1


def test_a_locked_grid_stays(desk):
    place = start(desk)
    noted = desk.post(f"{place}/notes", json={"grid": "g00", "text": "保留", "locked": True}, headers=tag(1)).json()
    assert noted["notes"]["g00"]["locked"] is True
    answer = edit(desk, place, 2, county.merge((0, 0), (1, 0)), status=409)
    assert answer.json()["code"] == "grid-locked"


def test_branches_are_compared(desk):
    place = start(desk)
    edit(desk, place, 1, county.merge((0, 0), (1, 0)))
    branch = desk.post(f"{place}/branch", json={"title": "方案乙"})
    assert (branch.status_code, branch.json()["branch_of"]) == (201, place.rpartition("/")[2])
    other = branch.headers["location"]
    edit(desk, other, 1, county.merge((2, 0), (3, 0)))
    found = desk.get(f"{place}/compare?with={branch.json()['id']}").json()
    assert (found["common"], len(found["only_first"]), len(found["only_second"])) == (1, 0, 1)
    assert found["grids"] == ["g20", "g30"]
    assert (found["first"]["grids"], found["second"]["grids"]) == (13, 12)
    alone = desk.get(f"{place}/compare").json()
    assert (alone["first"]["grids_before"], alone["second"]) == (14, None)
    assert desk.get(f"{place}/compare?with=nobody").status_code == 404


def test_the_best_merge_fills_an_empty_draft(desk):
    place = start(desk)
    answer = desk.post(f"{place}/propose", json={"to": 10, "alternatives": 1}, headers=tag(1))
    body = answer.json()
    assert answer.headers["etag"] == '"2"'
    assert body["plan"]["proof"]["status"] == "optimal"
    assert (body["report"]["units"], body["report"]["groups"], body["report"]["gap"]) == (14, 10, 0)
    assert len(desk.get(f"{place}/grids").json()["grids"]) == 10
    assert all(b["branch_of"] == body["plan"]["id"] for b in body["branches"])
    assert desk.post(f"{place}/propose", json={"to": 9}, headers=tag(2)).status_code == 409


def test_a_proposal_comes_with_what_lies_beside_it(desk):
    place = start(desk)
    answer = desk.post(f"{place}/propose", json={"to": 10, "curve": True, "trade_off": 5}, headers=tag(1))
    report = answer.json()["report"]
    assert [p["groups"] for p in report["curve"]["points"]] == [14, 13, 12, 11, 10]
    assert 2 <= len(report["trade_off"]["points"]) <= 5
    assert all(p["gap"] == 0 and p["groups"] == 10 for p in report["trade_off"]["points"])
    assert report["trade_off"]["proposed"]["households"] > 0


@pytest.mark.parametrize("wrong", [1, -1, 31, "5", False])
def test_a_trade_off_of_one_plan_is_refused_before_anything_is_searched(desk, monkeypatch, wrong):
    monkeypatch.setattr("geo.services.propose.propose", partial(pytest.fail, "a search was begun"))
    refusal = desk.post(f"{start(desk)}/propose", json={"to": 10, "trade_off": wrong}, headers=tag(1))
    assert (refusal.status_code, refusal.json()["code"]) == (422, "invalid-request")
    assert refusal.json()["errors"][0]["at"].startswith("body.trade_off")


def test_wishes_that_contradict_each_other_are_named(desk):
    place = start(desk)
    answer = desk.post(f"{place}/propose", json={"to": 2, "max_load": 5}, headers=tag(1))
    assert (answer.status_code, answer.json()["code"]) == (422, "infeasible")
    assert answer.json()["conflict"]
    assert desk.get(place).json()["version"] == 1


def through(face, place):
    """Bring a merge of two grids to the filing; return its version."""
    edit(face, place, 1, county.merge((0, 0), (1, 0)))
    steps = (
        ("submit", {}),
        ("return", {"reason": "请再核对界线"}),
        ("submit", {"town": county.TOWN_A}),
        ("review", {"reviewer": "县级审核人", "reviewed_on": "2025-03-01", "document": "审1号"}),
        ("file", {"filing_no": "备1号", "filed_on": "2025-03-02", "document": "文2号"}),
    )
    for version, (step, body) in enumerate(steps, start=2):
        answer = face.post(f"{place}/{step}", json=body, headers=tag(version))
        assert answer.status_code == 200, answer.text
    return 7


def test_from_draft_into_force(face):
    place = start(face)
    early = face.post(f"{place}/publish", json={"effective_from": "2025-05-01"}, headers=tag(1))
    assert (early.status_code, early.json()["code"]) == (409, "plan-state")
    version = through(face, place)
    assert face.get(place).json()["state"] == "filed"
    before = face.get("/api/v1/locate?lon=129.5062&lat=48.2011&datum=cgcs2000").json()
    done = face.post(f"{place}/publish", json={"effective_from": "2025-05-01"}, headers=tag(version)).json()
    assert done["generation"]["serial"] == 2
    assert done["plan"]["state"] == "effective"
    after = face.get("/api/v1/locate?lon=129.5062&lat=48.2011&datum=cgcs2000").json()
    assert (before["grid"]["id"], after["grid"]["id"]) == ("g10", "g00")
    assert len(after["grid"]["code"]) == 15
    then = face.get("/api/v1/locate?lon=129.5062&lat=48.2011&datum=cgcs2000&as_of=2025-04-30").json()
    assert then["grid"]["id"] == "g10"
    history = face.get("/api/v1/grids/g00/history").json()
    assert {link["old_grid"] for link in history} == {"g00", "g10"}
    assert face.get(f"/api/v1/codes/{after['grid']['code']}").json()["history"][0]["grid_id"] == "g00"
    again = face.post(f"{place}/publish", json={"effective_from": "2025-06-01"}, headers=tag(version + 1))
    assert again.status_code == 409


def test_a_plan_on_former_grids_is_brought_onto_the_new_ones(face):
    first, second = start(face), start(face)
    edit(face, second, 1, county.merge((4, 0), (5, 0)), county.merge((0, 0), (1, 0)))
    version = through(face, first)
    face.post(f"{first}/publish", json={"effective_from": "2025-05-01"}, headers=tag(version))
    late = face.post(f"{second}/publish", json={"effective_from": "2025-06-01", "filing_no": "2"}, headers=tag(2))
    assert (late.status_code, late.json()["code"]) == (409, "base-superseded")
    early = face.post(f"{second}/submit", json={}, headers=tag(2))
    assert (early.status_code, early.json()["code"]) == (409, "base-superseded")
    for problem in (late.json(), early.json()):
        assert problem["plan"] == second.rpartition("/")[2]
        assert (problem["base"]["serial"], problem["in_force"]["serial"]) == (1, 2)
        assert f"plan rebase {problem['plan']}" in problem["remedy"]
        assert "基于第 1 版网格，该版不是现行的；现行的是第 2 版" in problem["detail"]
    empty = face.post(PLANS, json={"generation": problem["base"]["id"]}).headers["location"]
    refusal = face.post(f"{empty}/propose", json={"to": 10}, headers=tag(1))
    assert (refusal.status_code, refusal.json()["code"]) == (409, "base-superseded")
    rebased = face.post(f"{second}/rebase", headers=tag(2)).json()
    assert (len(rebased["edits"]), len(rebased["dropped"])) == (1, 1)


def test_a_second_person_reviews(desk):
    place = start(desk)
    edit(desk, place, 1, county.merge((0, 0), (1, 0)))
    desk.post(f"{place}/submit", json={}, headers=tag(2))
    assert desk.post(f"{place}/review", json={}, headers=tag(3)).status_code == 403


def test_one_town_does_not_see_the_plans_of_another(store_file):
    planners = [Actor(f"p{n}", Role.TOWN_PLANNER, (town,)) for n, town in enumerate((county.TOWN_A, county.TOWN_B))]
    with serving(store_file, actor=planners) as client:
        place = f"{PLANS}/{client.post(PLANS, json={}).json()['id']}"
        body = {"edits": [county.merge((0, 0), (1, 0))]}
        assert client.post(f"{place}/edits", json=body, headers=tag(1)).status_code == 200
        theirs = {"x-actor": "1"}
        absent = client.get(f"{PLANS}/nothing", headers=theirs)
        other = client.get(place, headers=theirs)
        assert (absent.status_code, other.status_code) == (404, 404)
        same = [{k: v for k, v in a.json().items() if k != "request_id"} for a in (absent, other)]
        assert same[0] == same[1]
        assert client.get(PLANS, headers=theirs).json()["total"] == 0
        own = f"{PLANS}/{client.post(PLANS, json={}, headers=theirs).json()['id']}"
        foreign = client.post(f"{own}/edits", json=body, headers={**theirs, **tag(1)})
        assert foreign.status_code == 403
