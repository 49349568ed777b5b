"""What goes with the report of a merge, the curve and the trade-off; why there is none; what is refused first."""

from __future__ import annotations

import json
from functools import partial

import pytest

from geo.errors import Refused
from geo.planning import Weights
from geo.planning.proposal import StopSearch
from geo.services import merge_file as merging
from geo.services.merge_file import merge_file
from geo.services.merge_output import beside
from tests.merge_files import ask, squares


def test_the_curve_goes_with_the_report(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    merge_file(ask(tmp_path, grids, groups=(10, 14), curve=True))
    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [point["groups"] for point in told["curve"]["points"]] == [14, 13, 12, 11, 10]
    assert all(point["gap"] == 0.0 for point in told["curve"]["points"])
    assert told["groups"] == min(told["curve"]["points"], key=lambda p: p["objective"])["groups"]


def test_the_trade_off_goes_with_the_report(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    merge_file(ask(tmp_path, grids, groups=(8, 9), trade_off=5, curve=True))
    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    found = told["trade_off"]
    assert 2 <= len(found["points"]) <= 5
    assert {(p["groups"], p["gap"]) for p in found["points"]} == {(told["groups"], 0.0)}
    load = sum(group["load"] for group in told["members"])
    for point in (*found["points"], found["proposed"]):
        assert point["moved"] == pytest.approx(point["disruption"] * load)
        assert "households" not in point
    balance, disruption = (told["terms"][name] / told["weights"][name] for name in ("balance", "disruption"))
    assert found["proposed"]["balance"] == pytest.approx(balance)
    assert found["proposed"]["disruption"] == pytest.approx(disruption)
    assert len(told["curve"]["points"]) == 2
    assert told["curve"]["reason"] is found["reason"] is None
    chosen = Weights(**found["points"][-1]["weights"])
    again = merge_file(ask(tmp_path, grids, groups=told["groups"], weights=chosen))
    assert again.report["objective"] == pytest.approx(found["points"][-1]["objective"])
    assert "trade_off" not in again.report


def test_where_the_merge_leaves_no_time_the_report_says_so(tmp_path, monkeypatch):
    grids = squares(tmp_path / "any.geojson")
    monkeypatch.setattr(merging, "beside", lambda *given, **asked: beside(*given, **{**asked, "seconds": 0.0}))
    told = merge_file(ask(tmp_path, grids, trade_off=5, curve=True)).report
    assert told == json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (told["status"], told["trade_off"]["points"]) == ("optimal", [])
    assert told["trade_off"]["reason"]["zh"].startswith("时间不够，没有算出取舍")
    assert "--time-limit" in told["trade_off"]["reason"]["en"]
    assert told["trade_off"]["proposed"]["balance"] > 0
    assert {point["status"] for point in told["curve"]["points"]} == {"unknown"}
    assert told["curve"]["reason"]["zh"].startswith("时间不够，没有算出曲线")


def test_a_curve_that_was_stopped_says_so(tmp_path):
    grids = squares(tmp_path / "any.geojson")

    def stop(_, what):
        if what.startswith("K = "):
            raise StopSearch

    told = merge_file(ask(tmp_path, grids, curve=True), progress=stop).report
    assert told["curve"]["points"] == []
    assert told["curve"]["reason"] == {"zh": "已停止，没有算出曲线", "en": "the search was stopped before the curve"}


@pytest.mark.parametrize("number", [1, -1])
def test_no_trade_off_of_one_plan_is_searched_for(tmp_path, monkeypatch, number):
    grids = squares(tmp_path / "any.geojson")
    for step in ("read_source", "propose"):
        monkeypatch.setattr(merging, step, partial(pytest.fail, f"{step} was begun"))
    with pytest.raises(Refused, match="between two plans") as caught:
        merge_file(ask(tmp_path, grids, trade_off=number))
    assert caught.value.code == "trade-off-invalid"
    assert not (tmp_path / "r.json").exists()
