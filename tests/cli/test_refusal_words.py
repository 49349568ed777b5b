"""What a refusal says at the terminal: a Chinese sentence to a clerk, and not one Chinese character in English."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import shapely

from api.cli.frame import progress_line
from geo.store import open_store
from tests import plan_county

HAN = re.compile(r"[\u3400-\u9fff]")
NAME = re.compile(r"[\u3400-\u9fff]+社区第\d+网格")  # a grid keeps its name in either language
SENTENCE = re.compile(r"不能执行 \[[a-z-]+\] .*[\u3400-\u9fff]{3}")
# An English word that is no command, option, field or value of the software: prose that was left in English.
PROSE = re.compile(r"\b(the|is|are|not|no|of|this|that|must|first|there|in force)\b")


def both(terminal, *words):
    """Type a command that is refused, in Chinese and in English; return both lines."""
    chinese, english = terminal(*words), terminal(*words, WANGGE_LANG="en")
    assert (chinese.code, english.code) == (1, 1), chinese.out + chinese.err
    assert chinese.err.count("\n") == english.err.count("\n") == 1
    return chinese.err, english.err


def no_datum(desk):
    table = desk.store.parent / "homes.csv"
    table.write_text("户号,社区,经度,纬度,人口数\nH1,甲,129.5,48.2,3\n", encoding="utf-8")
    return ("import", "incidents", table, "--map", "text=户号", "--apply")


def merged(*cells):
    return json.dumps(plan_county.merge(*cells))


COMMANDS = {
    "unknown plan": lambda _: ("plan", "show", "nosuch"),
    "no generation": lambda _: ("generation", "show", "99"),
    "active again": lambda _: ("generation", "activate", "1", "--effective", "2026-01-01"),
    "revert to the present": lambda _: ("generation", "revert", "1", "--effective", "2026-01-01"),
    "unknown edit": lambda _: ("plan", "apply", "new", '{"op": "paint"}'),
    "no JSON": lambda _: ("plan", "apply", "new", "{"),
    "no edit": lambda _: ("plan", "apply", "new", "[]"),
    "half an edit": lambda _: ("plan", "apply", "new", '{"op": "merge"}'),
    "a grid that is not there": lambda _: ("plan", "apply", "new", merged((0, 0), (0, 5))),
    "unknown kind": lambda d: ("import", "pigeons", d.store),
    "unknown datum": lambda _: ("locate", "129.5", "48.2", "--datum", "mars"),
    "no number": lambda _: ("locate", "nan", "48.2", "--datum", "wgs84"),
    "negative accuracy": lambda _: ("locate", "129.5", "48.2", "--datum", "wgs84", "--accuracy-m", "-1"),
    "no file": lambda d: ("import", "households", d.store.parent / "none.csv", "--datum", "wgs84"),
    "own store": lambda d: ("init", d.store, "--county", "230700"),
    "backup again": lambda d: ("backup", d.store),
    "no load": lambda _: ("merge", "--to", "3", "--load", "dogs"),
    "target": lambda _: ("merge", "--to", "many"),
    "unknown grid": lambda _: ("merge", "--to", "fewest", "--keep", "nobody"),
    "infeasible": lambda _: ("merge", "--to", "fewest", "--max-load", "1"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_refusal_is_said_in_the_language_of_the_terminal(desk, case):
    chinese, english = both(desk, *COMMANDS[case](desk))
    assert SENTENCE.match(chinese), chinese
    assert not PROSE.search(chinese.partition("] ")[2]), chinese
    assert english.startswith("refused ["), english
    assert not HAN.search(NAME.sub("", english)), english
    assert re.search(r"\[([a-z-]+)\]", chinese)[1] == re.search(r"\[([a-z-]+)\]", english)[1]


def test_a_plan_in_the_wrong_state_is_named_by_the_words_of_the_office(desk):
    plan = desk.done("plan", "apply", "new", merged((0, 0), (1, 0)))["id"]
    desk.done("plan", "submit", plan)
    chinese, english = both(desk, "plan", "apply", plan, merged((4, 0), (5, 0)))
    assert "方案的状态是“已上报”，不能修改（先退回修改）" in chinese
    assert "a plan in state submitted is not edited (send it back first)" in english
    chinese, english = both(desk, "plan", "file", plan, "--filing-no", "1", "--date", "2025-05-10")
    assert "方案的状态是“已上报”，不能备案（要先到“已审核”这一步）" in chinese
    assert not HAN.search(english)


def test_names_and_figures_are_kept(desk):
    chinese, english = both(
        desk, "plan", "undo", "--steps", "7", desk.done("plan", "apply", "new", merged((0, 0), (1, 0)))["id"]
    )
    assert "可撤销的有 1 步，不是 7 步" in chinese
    assert "there are 1 edits to undo, not 7" in english


def test_the_place_of_a_fault_is_said_too(terminal):
    table = terminal.files / "坏表.csv"
    table.write_text("户号,社区\n,黎明社区\n", encoding="utf-8")
    words = ("import", "households", table, "--datum", "wgs84")
    said = terminal(*words).out
    assert "坏表.csv，第 2 行，“户号”一列：编号是空的（填上这一格）" in said
    english = terminal(*words, WANGGE_LANG="en").out
    assert "row 2, column 户号: key is empty (fill the cell in)" in english


def test_a_file_without_a_datum_is_explained(terminal):
    words = ("import", "households", terminal.files / "homes.csv")
    said = terminal(*words).out
    assert "建议坐标系 cgcs2000" in said or "建议坐标系" in said
    assert not PROSE.search(said), said
    assert "的点（共" in said
    refused, english = both(terminal, *words, "--apply")
    assert "坐标系还没有确定" in refused.splitlines()[-1]
    assert not PROSE.search(refused.splitlines()[-1])
    assert not HAN.search(english.splitlines()[-1])


def test_findings_are_told_in_both_languages(terminal):
    for name in sorted(terminal.files.glob("*.kml"))[:1]:
        english = terminal("check", name, "--datum", "wgs84", WANGGE_LANG="en")
        assert english.code == 0
        assert "米" not in english.out


def test_outside_is_said_in_both_languages(terminal):
    words = ("locate", "100.0", "30.0", "--datum", "wgs84")
    assert "依据 界外" in terminal(*words).out
    assert not HAN.search(terminal(*words, WANGGE_LANG="en").out)


# -- refusals that a report tells ------------------------------------------------------------------------------
def drawn(desk, *merges):
    return desk.done("plan", "apply", "new", json.dumps([plan_county.merge(*cells) for cells in merges]))["id"]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("zh", "  × 这里没有网格 g10（先载入方案的当前版本）"),
        ("en", "  × no grid g10 in this coverage (load the current version of the plan)"),
    ],
)
def test_an_edit_that_is_dropped_is_told_with_its_reason(desk, language, told):
    first, second = drawn(desk, ((0, 0), (1, 0))), drawn(desk, ((4, 0), (5, 0)), ((1, 0), (2, 0)))
    desk.done("plan", "publish", first, "--effective", "2025-06-01", "--filing-no", "1")
    assert desk("plan", "rebase", second, WANGGE_LANG=language).out.splitlines()[-1] == told


def test_what_is_dropped_is_told_to_machines_in_the_same_words(desk):
    first, second = drawn(desk, ((0, 0), (1, 0))), drawn(desk, ((4, 0), (5, 0)), ((1, 0), (2, 0)))
    desk.done("plan", "publish", first, "--effective", "2025-06-01", "--filing-no", "1")
    (dropped,) = desk.done("plan", "rebase", second)["dropped"]
    assert dropped["reason"] == "这里没有网格 g10（先载入方案的当前版本）"
    assert dropped["edit"]["into"] == "g10"


@pytest.fixture
def unfitting(desk):
    """A plan whose second edit does not fit its grids, as a store written by other software may hold it."""
    plan = drawn(desk, ((0, 0), (1, 0)))
    store = open_store(
        str(desk.store), county_code=plan_county.COUNTY, now=plan_county.clock, new_id=plan_county.new_ids("late")
    )
    with store.writing(plan_county.PLANNER) as session:
        kept = session.plan(plan)
        edits = (*kept.edits, plan_county.merge((3, 0), (4, 0)))
        session.put_plan(replace(kept, edits=edits), expected_version=kept.version)
        session.commit()
    store.close()
    return plan


def test_why_a_plan_no_longer_fits_is_said_in_the_language_of_the_terminal(desk, unfitting):
    chinese = desk("plan", "show", unfitting).out.splitlines()[-1]
    assert chinese.startswith("不能执行：第 2 行，要素 "), chinese
    assert not PROSE.search(chinese), chinese
    english = desk("plan", "show", unfitting, WANGGE_LANG="en").out.splitlines()[-1]
    assert english.startswith("does not fit: row 2, feature "), english
    assert not HAN.search(NAME.sub("", english.replace("第4网格", ""))), english
    assert desk.done("plan", "show", unfitting)["fault"] == chinese.partition("：")[2]


def test_why_a_grid_is_not_divided_is_said_in_both_languages(desk):
    words = ("plan", "draw-split", "--grid", "g60", "--parts", 9, "--max-load", 100)
    assert desk(*words).out.splitlines()[-1] == ("  × 第3网格：没有街道或楼间空地可以把这个网格分开（手工画分界线）")
    english = "neither a street nor a gap between buildings divides this grid (draw the border by hand)"
    assert desk(*words, WANGGE_LANG="en").out.splitlines()[-1] == f"  × 第3网格: {english}"
    (left,) = desk.done(*words)["left"]
    assert (left["grid"], left["en"]) == ("g60", english)
    assert HAN.search(left["zh"])


@pytest.mark.parametrize("command", ["check", "repair"])
def test_what_of_a_file_cannot_be_read_is_said_in_both_languages(desk, command):
    good = shapely.geometry.mapping(plan_county.cell(0, 0))
    shapes = {"甲": good, "乙": {"type": "Polygon", "coordinates": [[[1, 2], [3, "x"]]]}}
    rows = [{"type": "Feature", "properties": {"name": n}, "geometry": shape} for n, shape in shapes.items()]
    table = desk.files / "grids.geojson"
    table.write_text(json.dumps({"type": "FeatureCollection", "features": rows}, ensure_ascii=False), "utf-8")
    words = (command, table, "--datum", "cgcs2000", *(("-o", desk.files / "o.geojson") if command == "repair" else ()))
    told = "grids.geojson，第 2 行，要素 乙：坐标不是数值（改正或删除该要素）"
    assert desk(*words).out.splitlines()[0] == f"! {told}"
    assert desk.done(*words)["warnings"] == [told]
    english = desk(*words, WANGGE_LANG="en").out.splitlines()[0]
    assert english == "! grids.geojson, row 2, feature 乙: a coordinate is no number (correct or delete the feature)"


def test_progress_is_told_in_the_language_of_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for language, words in (("zh", {"落格": "落格", "proof": "证明"}), ("en", {"落格": "placing", "proof": "proof"})):
        monkeypatch.setenv("WANGGE_LANG", language)
        for word, said in words.items():
            progress_line(0.5, word)
            assert capsys.readouterr().err.strip() == f"50% {said}"
    progress_line(1.0, "K = 114")
    assert "K = 114" in capsys.readouterr().err
