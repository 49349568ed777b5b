"""What `merge` shows beside its proposal, on store and file: the cost of each K, balance against disruption."""

from __future__ import annotations

import json

import pytest
import shapely

from geo.planning import propose as search
from geo.services import propose
from geo.services.merge_output import beside
from tests import plan_county

GROUPS = 10
ENGLISH = {"WANGGE_LANG": "en"}


@pytest.fixture
def grids(tmp_path):
    """The same grids and numbers as a file."""
    features = [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(grid.geometry),
            "properties": {"name": grid.id, "pop": plan_county.homes_of(int(grid.id[1]), int(grid.id[2]))},
        }
        for grid in plan_county.base_grids()
    ]
    path = tmp_path / "grids.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def weights_in(line):
    return next(word for word in line.split() if word.startswith("balance="))


def test_the_trade_off_of_the_store(desk):
    facts = desk.done("merge", "--to", GROUPS, "--trade-off", 6)
    points, proposed = facts["trade_off"]["points"], facts["trade_off"]["proposed"]
    assert 2 <= len(points) <= 6
    for point in points:
        assert (point["groups"], point["status"], point["gap"]) == (GROUPS, "optimal", 0.0)
        assert point["bound"] == pytest.approx(point["objective"])
        assert point["households"] == round(point["moved"])
    assert [p["households"] for p in points] == sorted((p["households"] for p in points), reverse=True)
    assert proposed["balance"] == pytest.approx(facts["terms"]["balance"])
    handed = [h for reason in facts["reasons"] for h in reason["people"]["handed_over"]]
    assert proposed["households"] == sum(h["households"] for h in handed)

    said = desk("merge", "--to", GROUPS, "--trade-off", 6)
    lines = [line for line in said.out.splitlines() if "离均值" in line and "换人" in line]
    assert len(lines) == 1 + len(points) + 1, said.out
    for line, point in zip(lines[1:], points, strict=False):
        assert f"{point['households']} 户" in line
        assert "已证明最优" in line
    assert lines[-1].endswith("← 本方案")
    knees = [place for place, line in enumerate(lines[1:]) if "← 拐点" in line]
    assert knees == ([] if facts["trade_off"]["knee"] is None else [facts["trade_off"]["knee"]])
    english = desk("merge", "--to", GROUPS, "--trade-off", 6, **ENGLISH).out
    assert f"{points[0]['households']} households" in english
    assert english.count("proven") == len(points) + 1
    assert "← this plan" in english

    # The weights that are printed lead to the plan that is printed.
    calm = desk.done("merge", "--to", GROUPS, "--weights", weights_in(lines[-2]))
    assert calm["objective"] == pytest.approx(points[-1]["objective"], rel=1e-5)
    handed = [h for reason in calm["reasons"] for h in reason["people"]["handed_over"]]
    assert sum(h["households"] for h in handed) == points[-1]["households"]


def test_one_plan_that_is_best_in_both_is_said_so(terminal):
    assert len(terminal.done("merge", "--to", 8, "--trade-off", 6)["trade_off"]["points"]) == 1
    assert "两者在此不相争" in terminal("merge", "--to", 8, "--trade-off", 6).out
    assert "do not conflict" in terminal("merge", "--to", 8, "--trade-off", 6, **ENGLISH).out


def test_the_trade_off_of_a_file(desk, grids):
    report, out = desk.files / "r.json", desk.files / "o.csv"
    words = ["merge", "--grids", grids, "--load", "pop", "--id", "name", "--to", GROUPS, "-o", out, "--report", report]
    facts = desk.done(*words, "--trade-off", 5)
    written = json.loads(report.read_text("utf-8"))
    assert written["trade_off"] == facts["trade_off"]
    assert len(facts["trade_off"]["points"]) >= 2
    lines = desk(*words, "--trade-off", 5).out.splitlines()
    first = facts["trade_off"]["points"][0]
    assert any(f"数量 {first['moved']:g}" in line and "已证明最优" in line for line in lines)
    assert "trade_off" not in desk.done(*words)


def test_the_curve_is_told_in_words(terminal):
    facts = terminal.done("merge", "--to", "8-11", "--curve")
    said = terminal("merge", "--to", "8-11", "--curve").out.splitlines()
    lines = [line for line in said if line.startswith("  ") and " 个  目标值 " in line]
    assert [int(line.split()[0]) for line in lines] == [11, 10, 9, 8] == [p["groups"] for p in facts["curve"]["points"]]
    assert all("已证明最优" in line for line in lines)
    assert sum("比上一个" in line for line in lines) == 3
    assert sum("← 拐点" in line for line in lines) == (facts["curve"]["knee"] is not None)
    english = terminal("merge", "--to", "8-11", "--curve", **ENGLISH).out
    assert "cost of each grid fewer" in english
    assert english.count("grids  objective") == 4


@pytest.mark.parametrize("number", [0, 1, 31, "many"])
def test_no_number_of_points(terminal, number):
    assert terminal("merge", "--to", 8, "--trade-off", number).code == 2
    assert terminal.done("plan", "list")["plans"] == []


@pytest.fixture
def hurried(monkeypatch):
    """The merge uses up all the time it was given."""

    def late(*given, **asked):
        return beside(*given, **{**asked, "seconds": 0.0})

    for module in ("merge_file", "propose"):
        monkeypatch.setattr(f"geo.services.{module}.beside", late)


@pytest.mark.usefixtures("hurried")
def test_where_no_time_was_left_it_is_said(desk, grids):
    out = desk.files / "o.csv"
    for words in ((), ("--grids", grids, "--load", "pop", "--id", "name", "-o", out)):
        asked = ("merge", "--to", GROUPS, "--trade-off", 5, "--curve", *words)
        said = desk(*asked).out.splitlines()
        assert "  时间不够，没有算出取舍（把 --time-limit 调大）" in said
        assert "  时间不够，没有算出曲线（把 --time-limit 调大）" in said
        assert not [line for line in said if line.endswith("没有方案")]
        assert any(line.endswith("← 本方案") for line in said)
        english = desk(*asked, **ENGLISH).out
        assert "no time was left for the trade-off (give a larger --time-limit)" in english
        assert "no time was left for the curve (give a larger --time-limit)" in english
        assert desk.done(*asked)["trade_off"]["reason"]["zh"].startswith("时间不够")


def test_time_that_runs_out_is_no_contradiction(desk, monkeypatch):
    monkeypatch.setattr(propose, "propose", lambda units, **asked: search(units, **{**asked, "time_limit": 0.0}))
    said, english = desk("merge", "--to", GROUPS), desk("merge", "--to", GROUPS, **ENGLISH)
    assert (said.code, english.code) == (1, 1)
    assert said.err == "不能执行 [time-limit] 给定时间内没有找到方案（放宽时限或减少要求）\n"
    assert "no plan was found in the time given (give more time or fewer wishes)" in english.err
    assert desk.done("plan", "list")["plans"] == []


def test_an_area_is_named_by_code_or_name_and_an_unknown_one_is_said(desk):
    by_name = desk.done("merge", "--to", 12, "--area", "黎明社区")
    by_code = desk.done("merge", "--to", 12, "--area", plan_county.EAST)
    assert by_name["objective"] == by_code["objective"]
    for word in ("没有的社区", "230724999"):
        said = desk("merge", "--to", 12, "--area", word)
        assert said.code == 1
        assert f"没有叫“{word}”的镇或社区" in said.err
        assert "[area-unknown]" in said.err
