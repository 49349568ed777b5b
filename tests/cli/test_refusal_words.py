"""What a refusal says at the terminal: a Chinese sentence to a clerk, and not one Chinese character in English."""

from __future__ import annotations

import json
import re

import pytest

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
