"""Merging the stored coverage, on both stores: wishes by number, town counts, people named in the report."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pytest

from geo.errors import Refused
from geo.planning import Status, Weights
from geo.services.coverage import activate_generation, repair_generation
from geo.services.ingest import ImportRequest, import_files
from geo.services.propose import MergeRequest, propose_merge, report_of
from geo.settings import Settings
from tests import plan_county
from tests.small_county import HONGJIAN, LIMING, NAMES, TOWN, write_small_county

SETTINGS = Settings(store="unused.gpkg")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_small_county(tmp_path_factory.mktemp("county"))


@pytest.fixture
def county(store, planner, place, files):
    def bring(kind, *names, datum=None):
        request = ImportRequest(kind=kind, paths=[files.path(n) for n in names], datum=datum, apply=True)
        assert import_files(store, planner, request, settings=SETTINGS, new_id=place.new_id).applied

    bring("areas", "areas.geojson", datum="cgcs2000")
    bring("buildings", "buildings.geojson", datum="cgcs2000")
    bring("boundaries", *(f"{n}.kml" for n in NAMES.values()), datum="wgs84")
    bring("households", "homes.csv", datum="cgcs2000")
    bring("gridworkers", "workers.xlsx")
    repair_generation(store, planner, tolerance_m=1.5, settle_rest=True)
    activate_generation(store, planner, effective_from=dt.date(2025, 1, 1), now=place.clock)
    return store


@pytest.fixture
def ask(county, planner, place):
    def merge(**wishes):
        return propose_merge(county, planner, MergeRequest(**wishes), settings=SETTINGS, new_id=place.new_id)

    return merge


def test_the_report_names_people_and_prices(ask, county, planner):
    done = ask(groups=8, curve=True, alternatives=1)
    told = report_of(done)
    assert (told["status"], told["gap"], len(told["plans"])) == ("optimal", 0.0, 2)
    with county.reading(planner) as session:
        kind = {w["id"]: w["kind"] for w in session.rows("gridworkers")}
    for reason in told["reasons"]:
        people = reason["people"]
        assert len(people["workers"]) == len(reason["grids"])
        assert [w["status"] for w in people["workers"]].count("待安置") == len(reason["grids"]) - 1
        assert kind[people["stays"]] == "full_time"
        assert sum(handed["households"] for handed in people["handed_over"]) == reason["moved"]
        for handed in people["handed_over"]:
            assert sum(handed["buildings"].values()) == handed["households"]
        assert "户更换网格员" in reason["zh"]
        assert reason["price"] >= 0
    assert [point["groups"] for point in told["curve"]["points"]] == [12, 11, 10, 9, 8]
    assert told["alternatives"][0]["price"] >= 0


def test_the_trade_off_counts_households(store, planner, place):
    plan_county.settle(store)

    def ask(**wishes):
        return propose_merge(store, planner, MergeRequest(groups=10, **wishes), settings=SETTINGS, new_id=place.new_id)

    done = ask(trade_off=6)
    found = report_of(done)["trade_off"]
    points = found["points"]
    assert len(points) >= 2
    assert [p["households"] for p in points] == sorted((p["households"] for p in points), reverse=True)
    for point in (*points, found["proposed"]):
        # The load is households, and every grid has its own worker: both ways of counting agree.
        assert point["households"] == round(point["moved"])
    assert {p["status"] for p in points} == {"optimal"}
    chosen = report_of(ask(weights=Weights(**points[-1]["weights"])))
    handed = (handed for reason in chosen["reasons"] for handed in reason["people"]["handed_over"])
    assert sum(h["households"] for h in handed) == points[-1]["households"]
    assert "trade_off" not in chosen


def test_a_trade_off_of_another_load_still_counts_households(ask):
    found = report_of(ask(groups=8, trade_off=3, load={"persons": 1.0}))["trade_off"]
    assert all(0 < p["households"] < p["moved"] for p in (*found["points"], found["proposed"]))


def test_no_trade_off_of_one_plan_is_searched_for(ask, monkeypatch):
    for step in ("stored_units", "propose"):
        monkeypatch.setattr(f"geo.services.propose.{step}", partial(pytest.fail, f"{step} was begun"))
    with pytest.raises(Refused, match="between two plans") as caught:
        ask(groups=8, trade_off=1)
    assert caught.value.code == "trade-off-invalid"


def test_a_town_counts_all_its_communities(ask):
    assert len(ask(groups=7, counts={TOWN: 7, LIMING: (2, 3)}).proposal.groups) == 7
    done = ask(groups=(6, 9), counts={TOWN: 8, HONGJIAN: 5})
    assert (done.proposal.status, len(done.proposal.groups)) == (Status.OPTIMAL, 8)
    told = report_of(ask(groups=9, counts={TOWN: 8}))
    assert (told["status"], told["plans"]) == ("infeasible", [])
    assert {s["zh"] for s in told["conflict"]} == {"合并为9个网格", f"{TOWN}为8个网格"}
    with pytest.raises(Refused):
        ask(groups=9, counts={"999": 2})


def test_conflicts_speak_of_grids_as_people_do(ask):
    told = report_of(ask(groups=12, together=((f"{LIMING}/1", f"{LIMING}/2"),)))
    assert told["status"] == "infeasible"
    assert any(s["zh"].endswith("并在一起") and NAMES[LIMING] in s["zh"] for s in told["conflict"])


def test_one_area_alone_and_other_loads(ask):
    done = ask(groups=10, area=LIMING, load={"persons": 1.0})
    assert all(len(group) == 1 or done.grids[group[0]].community_code == LIMING for group in done.proposal.groups)
    assert "人更换网格员" in report_of(done)["reasons"][0]["zh"]


def test_no_time_leaves_no_plan(ask):
    done = ask(groups=8, time_limit=0.0)
    assert (done.proposal.status, done.plans) == (Status.UNKNOWN, ())
