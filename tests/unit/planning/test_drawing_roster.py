"""Rosters of buildings read, and compared with the buildings there are."""

from __future__ import annotations

import pytest

from geo.planning.drawing import Claim, House, RemarkCode, RosterLine, read_claims, read_roster


def numbers(*found):
    return tuple(str(n) for n in found)


READ = [
    ("1—8号楼", [("", numbers(*range(1, 9)))]),
    ("1号楼至8号楼", [("", numbers(*range(1, 9)))]),
    ("佳园小区一至三号楼", [("佳园小区", numbers(1, 2, 3))]),
    ("佳园小区1~3栋、5幢", [("佳园小区", numbers(1, 2, 3)), ("佳园小区", numbers(5))]),
    ("佳园小区1、3、5号楼；林业小区全部", [("佳园小区", numbers(n)) for n in (1, 3, 5)] + [("林业小区", None)]),
    ("佳园小区 1-4 号楼", [("佳园小区", numbers(1, 2, 3, 4))]),
    ("佳园1.2号楼", [("佳园", numbers(1)), ("佳园", numbers(2))]),
    ("佳园小区1-7号楼单号", [("佳园小区", numbers(1, 3, 5, 7))]),
    ("佳园小区1-8号楼（双号）", [("佳园小区", numbers(2, 4, 6, 8))]),
    ("佳园小区1-4号楼（除3号楼）、6号楼", [("佳园小区", numbers(1, 2, 4)), ("佳园小区", numbers(6))]),
    ("佳园小区1-4号楼（不含2、3号楼）", [("佳园小区", numbers(1, 4))]),
    ("佳园小区3A号楼", [("佳园小区", ("3A",))]),
    ("嘉和家园1号楼和和平小区2号楼", [("嘉和家园", numbers(1)), ("和平小区", numbers(2))]),
    ("第一中学家属楼1#-2#", [("第一中学家属楼", numbers(1, 2))]),
    ("三八小区", [("三八小区", None)]),
    ("五委1-2组平房", [("5委1组", None), ("5委2组", None)]),
    ("五委1组、2组、林业嘉苑3号楼", [("5委1组", None), ("5委2组", None), ("林业嘉苑", numbers(3))]),
    ("五委1组、新青粮库、5委2组", [("5委1组", None), ("新青粮库", None), ("5委2组", None)]),
    ("五委", [("5委", None)]),
    ("跃进村1-2组", [("跃进村1组", None), ("跃进村2组", None)]),
    ("", []),
]


@pytest.mark.parametrize(("text", "claims"), READ)
def test_texts_of_rosters_are_read(text, claims):
    found, unread = read_claims(text)
    assert [(c.compound, c.numbers) for c in found] == claims
    assert unread == ()


@pytest.mark.parametrize("text", ["佳园小区8-1号楼", "！！", "佳园小区1-900号楼", "1A-3号楼", "五委1-900组"])
def test_what_cannot_be_read_is_handed_back(text):
    claims, unread = read_claims(text)
    assert claims == ()
    assert len(unread) == 1


HOUSES = [
    House("a1", "佳园小区", "1"),
    House("a2", "佳园小区", "2"),
    House("a3", "佳园小区", "3"),
    House("b1", "红林家园", "1"),
    House("b4", "红林家园", "4"),
    House("q1", "5委1组"),
    House("q2", "5委2组"),
    House("s", "新青第一中学"),
]


def read(*texts):
    owner, remarks = read_roster([RosterLine(f"第{i}网格", t) for i, t in enumerate(texts, start=1)], HOUSES)
    return dict(zip([h.key for h in HOUSES], owner.tolist(), strict=True)), [(r.code, r.what) for r in remarks]


def test_buildings_go_to_the_line_that_claims_them():
    owner, remarks = read("佳园小区1-2号楼、五委", "佳园3号楼、红林家园、新青第一中学")
    assert owner == {"a1": 0, "a2": 0, "q1": 0, "q2": 0, "a3": 1, "b1": 1, "b4": 1, "s": 1}
    assert remarks == []


def test_a_number_without_a_compound_counts_where_there_is_one_building_of_it():
    owner, remarks = read("2—4号楼", "1号楼")
    assert (owner["a2"], owner["a3"], owner["b4"]) == (0, 0, 0)
    assert owner["a1"] == owner["b1"] == -1
    assert remarks == [(RemarkCode.AMBIGUOUS, "1号楼")]


def test_contradictions_are_told_and_decide_nothing():
    owner, remarks = read("佳园小区1-2号楼", "佳园小区2-9号楼、翡翠华府1号楼")
    assert owner["a2"] == -1
    assert (RemarkCode.CLAIMED_TWICE, "佳园小区2号楼") in remarks
    assert (RemarkCode.NO_SUCH_BUILDING, "佳园小区9号楼") in remarks
    assert (RemarkCode.NAME_UNKNOWN, "翡翠华府") in remarks
    assert read("佳园小区1-2号楼、佳园小区2号楼")[1] == []


def test_a_remark_speaks_both_tongues():
    _, remarks = read_roster([RosterLine("第三网格", "！！")], HOUSES)
    assert str(remarks[0].saying) == "第三网格：读不懂“!!”"
    assert remarks[0].saying.en == "第三网格: !! cannot be read"
    assert Claim("a", None) == Claim("a", None)
