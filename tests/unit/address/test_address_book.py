"""Answers, questions and refusals on a county small enough to be read."""

from __future__ import annotations

import pytest

from geo.address import AddressBook, Outcome, Refusal
from tests.unit.address.small_county import HONGJIAN, LIMING, QIANJIN, book

BOOK = book()

FOUND = [
    ("新青镇黎明社区佳园小区3号楼2单元102室", 1),
    ("新青镇佳园小区三栋", 1),
    ("新青佳园小区3幢", 1),
    ("黎明社区佳园小区3#", 1),
    ("黎明社区居委会佳园小区３号楼", 1),
    ("黎明居委会佳园小区3-2-102", 1),
    ("佳园小区6号楼", 5),  # only one of the two has a sixth building
    ("红星镇佳圆小区5号楼", 5),  # by ear
    ("洪星镇佳园小区5号楼", 5),
    ("红星侦佳园小区5号楼", 5),
    ("红行镇前近社区佳园小区5号楼", 5),
    ("红星镇佳佳园小区5号楼", 5),  # a letter twice
    ("红星镇园佳小区5号楼", 5),  # two letters the wrong way round
    ("红星镇佳园5号楼", 5),  # the kind left out
    ("红星镇佳园小驱5号楼", 5),
    ("东风社区佳园小区5号楼", 5),  # an old name of the community
    ("红建社区青林小区2号楼", 2),
    ("红林小区", 0),  # all its buildings lie in one grid
    ("红林小区暖气不热", 0),
    ("青林小区三楼", 2),
    ("前进社区林业小区", 6),
    ("贮木场家属区一委二组平房", 0),
    ("黎明社区1委1组", 0),
    ("新青镇二委一组3号", 1),
    ("铁北平房区2委1组", 1),
    ("跃进村", 9),
    ("红星镇跃进村2组王家", 9),
    ("跃进村村委会", 9),
    ("新青镇第一中学门口", 1),
    ("红星一中附近", 6),
    ("县医院门诊楼", 3),
    ("红建中心县医院", 3),  # the community without its 社区, before a name that begins with 县
    ("丰林县人民医院", 3),
    ("新青镇政府", 2),
    ("前进小学院内", 7),
    ("我要反映 红星镇佳园小区5号楼没水", 5),
    ("水管冻裂，在红星镇佳园小区5号楼", 5),
    ("红星镇佳园小区，5号楼，2单元", 5),
    ("红星镇前进社区第三网格佳园小区5号楼", 5),
    ("佳園小區6號樓", 5),
    ("新青镇/黎明社区/佳园小区/3/2/101", 1),  # columns of a table, joined
    ("红星镇红星镇佳园小区5号楼", 5),
    ("红星镇前进社区前进社区佳园小区5号楼", 5),
    ("红星镇佳园小区3号楼和4号楼之间", 5),  # two buildings, one grid
]


@pytest.mark.parametrize(("text", "grid"), FOUND)
def test_one_grid_is_answered(text, grid):
    answer = BOOK.find(text)
    assert answer.outcome is Outcome.FOUND, answer
    assert answer.grid == grid
    assert [c.grid for c in answer.choices] == [grid]


ASKED = [
    ("佳园小区3号楼", {1, 5}, "哪个镇的佳园小区3号楼？"),
    ("林业3号楼", {1, 6}, "哪个小区的3号楼？"),
    ("第一中学", {1, 6}, None),
    ("1委1组", {0, 7}, "哪个镇的1委1组？"),
    ("新青镇佳园小区", {0, 1}, "佳园小区的哪一栋（哪一处）？"),
    ("新青镇佳园小区三楼暖气不热", {0, 1}, None),  # a floor, or a building
    ("前进小学后身", {7, 8}, None),  # the boundary is 25 m away
    ("松苑小区1号楼对面", {3, 4}, None),
    ("松圆小区1号楼", {3, 7}, None),  # sounds like two
    ("木林小区2号楼", {0, 2}, None),  # one letter from two
    ("红旗镇佳园小区5号楼", {5}, "您说的是红星镇前进社区佳园小区5号楼吗？"),
    ("红建中心社区红林小区1号楼", {0}, None),  # the community says otherwise
    ("红星镇佳园花园5号楼", {5}, None),  # another kind of compound
    ("红星镇佳园小区5号楼7单元", {5}, None),  # it has three stairwells
    ("红星镇佳园小区A座", {4, 5}, None),
    ("红星镇佳园小区二期5号楼", {5}, None),
    ("红星镇第一中学家属楼", {6}, None),
    ("铁北平房区", {1, 7, 8}, None),
    ("佳园小区3、5号楼", {1, 5}, None),
    ("前进小学和林业局职工医院之间", {2, 7}, "您说的是哪一处？"),  # two things, two grids
    ("红星镇佳园小区5号楼和新青镇红林小区1号楼都停水", {0, 5}, "您说的是哪一处？"),
]


@pytest.mark.parametrize(("text", "grids", "question"), ASKED)
def test_a_question_is_put_where_grids_differ(text, grids, question):
    answer = BOOK.find(text)
    assert answer.outcome is Outcome.ASK, answer
    assert grids <= {c.grid for c in answer.choices}
    assert answer.grid is None
    assert answer.explain() == answer.question
    assert answer.explain(english=True).isascii() or "?" in answer.explain(english=True)
    if question:
        assert answer.question == question


REFUSED = [
    ("", Refusal.EMPTY),
    ("　，。", Refusal.EMPTY),
    ("汤旺县佳园小区6号楼", Refusal.FOREIGN),
    ("哈尔滨市南岗区佳园小区6号楼", Refusal.FOREIGN),
    ("伊春市友好区第一中学", Refusal.FOREIGN),
    ("上甘岭镇佳园小区6号楼", Refusal.FOREIGN),
    ("红星镇曙光社区佳园小区6号楼", Refusal.FOREIGN),
    ("嘉荫县公安小区6号楼", Refusal.FOREIGN),
    ("美溪镇医院附近", Refusal.FOREIGN),
    ("小学门口", Refusal.UNKNOWN_NAME),
    ("翡翠华府3号楼", Refusal.UNKNOWN_NAME),
    ("第九中学对面", Refusal.UNKNOWN_NAME),
    ("暖气不热", Refusal.UNKNOWN_NAME),
    ("佳园小区99号楼", Refusal.NO_SUCH_BUILDING),
    ("红星镇林业小区九号楼", Refusal.NO_SUCH_BUILDING),
    ("新青镇77委1组", Refusal.NO_SUCH_QUARTER),
    ("红星镇", Refusal.TOO_VAGUE),
    ("前进社区", Refusal.TOO_VAGUE),
    ("山神庙", Refusal.UNKNOWN_NAME),  # in no grid
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_not_known_is_refused_with_its_reason(text, reason):
    answer = BOOK.find(text)
    assert answer.outcome is Outcome.REFUSED, answer
    assert answer.reason is reason
    assert answer.grid is None
    assert not answer.choices
    assert answer.explain()
    assert answer.explain(english=True) != answer.explain()


def test_the_community_of_the_order_chooses_and_never_overrules():
    assert BOOK.find("佳园小区3号楼", community=LIMING).grid == 1
    assert BOOK.find("佳园小区3号楼", community=QIANJIN).grid == 5
    assert BOOK.find("1委1组", town="230724101").grid == 7
    assert BOOK.find("红星镇佳园小区5号楼", community=HONGJIAN).outcome is Outcome.ASK
    assert BOOK.find("3号楼2单元", community=HONGJIAN).outcome is not Outcome.FOUND


def test_a_numbered_building_is_the_basis_only_where_it_is_said():
    assert BOOK.find("红星镇佳园小区5号楼").basis == "building"
    assert BOOK.find("红林小区").basis == "address"
    assert BOOK.find("县人民医院").basis == "address"


def test_labels_and_targets_name_what_is_meant():
    (choice,) = BOOK.find("红星佳园小区五号楼暖气不热").choices
    assert choice.labels == ("红星镇前进社区佳园小区5号楼",)
    assert choice.targets == (("building", "B-101001-佳园小区-5"),)


def alias(word, kind, key, community=""):
    return {"alias": word, "kind": kind, "target_key": key, "community_code": community}


def test_a_correction_wins_over_everything():
    taught = book(
        [
            alias("大红楼", "building", "B-100001-林业嘉苑-2", LIMING),
            alias("老供销社", "compound", "C-100002-山水家园", HONGJIAN),
            alias("佳园小区3号楼", "building", "B-101001-佳园小区-3", QIANJIN),
            alias("佳园小区3号楼", "building", "B-100001-佳园小区-3", LIMING),
            alias("河沿", "grid", 8),
            alias("消失的楼", "building", "gone"),
        ]
    )
    assert taught.find("新青镇大红楼2单元 没水").grid == 1
    assert taught.find("大红楼").learned
    assert taught.find("老供销社2号楼").grid == 3
    assert taught.find("河沿有人烧荒").grid == 8
    # One of two things named together does not decide for both.
    assert taught.find("大红楼和林业局职工医院之间").outcome is Outcome.ASK
    assert taught.find("消失的楼").reason is Refusal.UNKNOWN_NAME
    # Two corrections that differ are told apart by the community, and asked about without one.
    assert taught.find("黎明社区佳园小区3号楼").grid == 1
    assert taught.find("佳园小区3号楼", community=QIANJIN).grid == 5
    assert taught.find("佳园小区3号楼").outcome is Outcome.ASK
    assert taught.find("汤旺县大红楼").reason is Refusal.FOREIGN
    assert taught.find("大红楼5号楼").outcome is not Outcome.FOUND


def test_a_correction_of_a_wording_that_means_several_things_counts_in_its_area_alone():
    taught = book(
        [
            alias("佳园小区3号楼", "building", "B-101001-佳园小区-1", QIANJIN),
            alias("1委1组", "grid", 8, QIANJIN),
            alias("新青幼儿园", "grid", 3, HONGJIAN),
        ]
    )
    assert taught.find("佳园小区3号楼").outcome is Outcome.ASK
    assert taught.find("新青镇佳园小区3号楼").grid == 1
    assert taught.find("红星镇佳园小区3号楼").grid == 4
    assert taught.find("佳园小区3号楼", community=QIANJIN).grid == 4
    assert taught.find("1委1组", town="230724101").grid == 8
    assert taught.find("1委1组").outcome is Outcome.ASK
    assert taught.find("新青幼儿园门口").grid == 3
    assert taught.find("红星幼儿园").grid is None
    assert taught.find("红旗镇佳园小区3号楼").outcome is Outcome.ASK


def test_what_is_remembered_holds_no_room_and_no_complaint():
    assert BOOK.key_of("红星镇大红楼3号楼2单元101室，暖气不热，电话10012345678") == "大红楼3号楼"
    assert BOOK.key_of("红星镇红楼后身第三家") == "红楼"
    assert BOOK.key_of("新青幼儿园没人管") == "新青幼儿园没人管"  # the end of an unknown name is not guessed
    assert BOOK.key_of("") == ""
    assert BOOK.key_of("，。") == ""


def test_suggestions_while_typing():
    assert BOOK.suggest("红星镇佳") == ["红星镇前进社区佳园小区"]
    assert BOOK.suggest("嘉苑", limit=3)[:2] == ["新青镇黎明社区佳园小区", "红星镇前进社区佳园小区"]  # by ear
    assert "红星镇前进社区佳园小区6号楼" in BOOK.suggest("红星镇佳园小区6")
    assert BOOK.suggest("前进小") == ["红星镇前进社区前进小学"]
    assert BOOK.suggest("jyxq") == ["新青镇黎明社区佳园小区", "红星镇前进社区佳园小区"]  # by initials
    assert BOOK.suggest("红星镇jiayuan") == ["红星镇前进社区佳园小区"]
    assert BOOK.suggest("") == []
    assert BOOK.suggest("汤旺县佳") == []


def test_an_empty_book_refuses_everything():
    empty = AddressBook.build()
    assert len(empty) == 0
    assert empty.find("佳园小区3号楼").outcome is Outcome.REFUSED
    assert empty.suggest("佳") == []


def test_grids_may_be_named_by_text():
    rows = [{"source_key": "b", "community_code": LIMING, "compound": "佳园小区", "number": "3", "grid": "g-1"}]
    assert AddressBook.build(buildings=rows).find("佳园小区三号楼").grid == "g-1"


def test_a_long_text_is_read_by_its_beginning():
    assert BOOK.find("红星镇佳园小区5号楼" + "暖气不热" * 10_000).grid == 5
    assert BOOK.find("热" * 10_000).outcome is Outcome.REFUSED
