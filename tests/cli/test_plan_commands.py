"""The way of a plan to force from the terminal: no step on grids that are no longer in force."""

from __future__ import annotations

import json

import pytest

from geo.services.edits import KINDS
from geo.store import open_store
from tests import plan_county
from tests.ground_edits import streets_across
from tests.house.source_tree import ROOT

FILING = {
    "submit": (),
    "review": ("--reviewer", "演审员", "--date", "2025-05-01", "--document", "演〔2025〕1号"),
    "file": ("--filing-no", "演备〔2025〕1号", "--date", "2025-05-10"),
    "publish": ("--effective", "2025-07-01"),
}


def drawn(desk, *cells):
    return desk.done("plan", "apply", "new", json.dumps(plan_county.merge(*cells)))["id"]


def told_edits():
    """The kind, the fields and the example of every row of the guide's table of edits."""
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in guide.splitlines() if '{"op"' in line]
    return {row[0].strip("`"): (row[2], json.loads(row[3].strip("`"))) for row in rows}


def test_the_guide_shows_every_edit_with_its_fields_and_an_example_that_works(desk):
    told = told_edits()
    assert set(told) == set(KINDS)
    cells = {"A": "g00", "B": "g10", "C": "g20"}
    for word, (fields, example) in told.items():
        assert example["op"] == word
        assert all(f"`{field}`" in fields for field in example if field != "op")
        edit = {
            k: [cells[i] for i in v] if k == "grids" else cells.get(v, v) if isinstance(v, str) else v
            for k, v in example.items()
        }
        done = desk.done("plan", "apply", "new", json.dumps(edit, ensure_ascii=False))
        assert done["edits"] == 1
    shown = desk.done("plan", "show", done["id"])
    assert {"g10", "g20"} <= {c["grid_id"] for c in shown["consequences"]["codes"]}


def test_grids_without_a_common_border_are_warned_of_and_go_no_further(desk):
    edit = json.dumps(plan_county.merge((0, 0), (3, 0)))
    said = desk("plan", "apply", "new", edit)
    assert said.code == 0
    assert "  ! 黎明社区第1网格合并后由2块互不相连的部分组成" in said.out
    plan = desk.done("plan", "list")["plans"][0]["id"]
    late = desk("plan", "submit", plan)
    assert late.code == 1
    assert "[grid-in-pieces] 要素 黎明社区第1网格：这个网格会由 2 块互不相连的部分组成" in late.err
    assert "`wangge plan undo`" in late.err
    english = desk("plan", "submit", plan, WANGGE_LANG="en")
    assert "would leave the grid in 2 separate pieces, which it is not today" in english.err


def test_a_filing_dated_before_the_review_is_refused_in_both_languages(desk):
    plan = drawn(desk, (0, 0), (1, 0))
    taken(desk, plan, "submit", "review")
    early = ("--filing-no", "演备〔2025〕1号", "--date", "2025-04-30")
    said = desk("plan", "file", plan, *early)
    assert said.code == 1
    assert "[filing-date]" in said.err
    assert "备案日期 2025-04-30 早于审核日期 2025-05-01" in said.err
    assert "would lie before the review of 2025-05-01" in desk("plan", "file", plan, *early, WANGGE_LANG="en").err
    other = drawn(desk, (4, 0), (5, 0))
    taken(desk, plan, "file")
    taken(desk, other, "submit", "review")
    twice = desk("plan", "file", other, *FILING["file"])
    assert twice.code == 1
    assert "[filing-number-taken]" in twice.err
    assert "已用备案号 演备〔2025〕1号" in twice.err


def taken(desk, plan, *steps):
    for step in steps:
        done = desk.done("plan", step, plan, *FILING[step])
    return done


@pytest.mark.parametrize("late", list(FILING))
def test_no_step_is_taken_on_grids_no_longer_in_force(desk, late):
    plan, other = drawn(desk, (0, 0), (1, 0)), drawn(desk, (4, 0), (5, 0))
    steps = list(FILING)
    before = steps[: steps.index(late)]
    if before:
        taken(desk, plan, *before)
    assert "plan rebase" not in desk("plan", "show", plan).out
    desk.done("plan", "publish", other, "--effective", "2025-06-01", "--filing-no", "1")
    listed = desk.done("plan", "list")

    said = desk("plan", late, plan, *FILING[late])
    assert said.code == 1
    assert "[base-superseded]" in said.err
    assert f"方案 {plan} 基于第 1 版网格" in said.err
    assert "现行的是第 2 版" in said.err
    assert f"wangge plan rebase {plan}" in said.err
    english = desk("plan", late, plan, *FILING[late], WANGGE_LANG="en")
    assert english.code == 1
    assert f"plan {plan} was drawn on generation 1, which is not in force; generation 2 is" in english.err
    assert f"`wangge plan rebase {plan}`" in english.err
    assert desk.done("plan", "list") == listed
    assert "先 plan rebase" in desk("plan", "show", plan).out

    rebased = desk.done("plan", "rebase", plan)
    assert (rebased["kept"], rebased["state"]) == (1, "draft")
    assert taken(desk, plan, *FILING)["state"] == "effective"
    assert "plan rebase" not in desk("plan", "show", plan).out


def test_a_division_is_called_optimal_only_where_every_block_was_weighed(desk):
    def ask(grid):
        words = ("plan", "draw-split", "--max-load", 1000, "--parts", 2, "--grid", grid)
        (split,) = desk.done(*words)["splits"]
        return split, desk(*words).out, desk(*words, WANGGE_LANG="en").out

    store = open_store(
        str(desk.store), county_code=plan_county.COUNTY, now=plan_county.clock, new_id=plan_county.new_ids("line")
    )
    with store.writing(plan_county.PLANNER) as session:
        session.upsert("lines", [*streets_across(3, 0), *streets_across(0, 0, ways=1)])
        session.commit()
    store.close()
    few, chinese, english = ask("g00")
    assert (few["status"], few["gap"], few["remarks"]) == ("optimal", 0.0, [])
    assert few["blocks"] == few["gathered"]
    assert f"{few['blocks']} 个街区，已证明没有更好的分法" in chinese
    assert f"proven best for its {few['blocks']} blocks" in english
    many, chinese, english = ask("g30")
    assert (many["status"], many["gap"]) == ("feasible", None)
    assert many["blocks"] > many["gathered"]
    assert "已证明没有" not in chinese
    assert "未证明没有更好的分法" in chinese
    assert "proven" not in english
    assert "a better division is not ruled out" in english


def test_a_plan_published_ahead_answers_from_its_day_on(desk):
    plan = drawn(desk, (0, 0), (1, 0))
    lon, lat = plan_county.LON + 1.31 * plan_county.WIDE, plan_county.LAT + 0.27 * plan_county.HIGH
    place = ("locate", f"{lon:.6f}", f"{lat:.6f}", "--datum", "cgcs2000")
    before = desk.done(*place)["grid"]["id"]
    said = desk("plan", "publish", plan, "--effective", "2999-01-01", "--filing-no", "演备〔2999〕1号")
    assert "2999-01-01 之前查询仍按原网格答复" in said.out
    assert desk.done(*place)["grid"]["id"] == before
    assert desk.done(*place, "--as-of", "2999-01-01")["grid"]["id"] != before
    states = [line.split()[2] for line in desk("generation", "list").out.splitlines()]
    assert states == ["现行", "待生效"]
    assert [g["in_force"] for g in desk.done("generation", "list")["generations"]] == [True, False]


def test_a_published_plan_is_shown(desk):
    plan = drawn(desk, (0, 0), (1, 0))
    desk.done("plan", "publish", plan, "--effective", "2025-06-01", "--filing-no", "演备〔2025〕1号")
    assert desk("plan", "show", plan).out.splitlines()
    assert desk.done("plan", "show", plan)["state"] == "effective"


def test_a_first_edit_that_does_not_fit_leaves_no_plan(desk):
    before = desk.done("plan", "list")
    assert desk("plan", "apply", "new", '[{"op": "foo"}]').code == 1
    misfit = [plan_county.merge((0, 0), (1, 0)), {"op": "rename", "grid": "没有", "name": "甲"}]
    assert desk("plan", "apply", "new", json.dumps(misfit)).code == 1
    assert desk.done("plan", "list") == before
