"""Texts brought to one way of writing, and taken apart."""

from __future__ import annotations

import pytest

from geo.address.parts import find_numbers, find_relation
from geo.address.wording import fold, folded_sound, ordinals, sound, spelled, stem_of
from tests.unit.address.small_county import book

FOLDED = [
    ("佳园小区 ３＃二单元１０２室，暖气不热", "佳园小区|3号楼2单元102室|暖气不热"),
    ("佳园小区三栋", "佳园小区3号楼"),
    ("佳园小区十二幢", "佳园小区12号楼"),
    ("佳园小区3#楼", "佳园小区3号楼"),
    ("佳园小区#3", "佳园小区3号楼"),
    ("佳园小区3#2单元", "佳园小区3号楼2单元"),
    ("佳园小区03号楼", "佳园小区3号楼"),
    ("佳园小区3 号楼", "佳园小区3号楼"),
    ("佳园小区 3 2 102", "佳园小区|3-2-102"),
    ("3—2—102", "3-2-102"),
    ("3－2～102", "3-2-102"),
    ("佳园小区伍号楼", "佳园小区5号楼"),
    ("佳园小区三楼", "佳园小区3层楼"),
    ("佳园小区3、5号楼", "佳园小区3+5号楼"),
    ("佳园小区3号楼和5号楼", "佳园小区3+5号楼"),
    ("佳园小区(原供销社)3座", "佳园小区3号楼"),
    ("五委七组", "5委7组"),
    ("第五委七组", "5委7组"),
    ("第1中学", "第一中学"),
    ("第一中学", "第一中学"),
    ("百货商场三八路", "百货商场三八路"),
    ("佳園小區5號樓", "佳园小区5号楼"),
    ("新青镇/佳园小区/3/2", "新青镇|佳园小区-3-2"),
    ("\u200b佳园\ufeff小区\u3000", "佳园小区"),
    ("", ""),
    ("，。！", ""),
]

# text → committee, group, buildings, stairwell, floor, room, sure
NUMBERS = [
    ("佳园小区3号楼2单元102室", (None, None, ("3",), 2, None, "102", True)),
    ("佳园小区3-2-102", (None, None, ("3",), 2, None, "102", True)),
    ("佳园小区3-102", (None, None, ("3",), None, None, "102", True)),
    ("佳园小区3-2", (None, None, ("3",), 2, None, "", True)),
    ("佳园小区三号楼二门五楼", (None, None, ("3",), 2, 5, "", True)),
    ("佳园小区3号楼2-102", (None, None, ("3",), 2, None, "102", True)),
    ("佳园小区3号楼102", (None, None, ("3",), None, None, "102", True)),
    ("佳园小区3A栋", (None, None, ("3A",), None, None, "", True)),
    ("佳园小区3、5号楼", (None, None, ("3", "5"), None, None, "", True)),
    ("佳园小区5号", (None, None, ("5",), None, None, "", True)),
    ("佳园小区5", (None, None, ("5",), None, None, "", False)),
    ("佳园小区三楼", (None, None, ("3",), None, None, "", False)),
    ("佳园小区三楼二单元", (None, None, ("3",), 2, None, "", True)),
    ("五委七组平房", (5, 7, (), None, None, "", True)),
    ("五委", (5, None, (), None, None, "", True)),
    ("跃进村4组", (None, 4, (), None, None, "", True)),
    ("19委3组5号", (19, 3, ("5",), None, None, "", True)),
    ("佳园小区2单元301", (None, None, (), 2, None, "301", True)),
    ("佳园小区3号楼2单元10112月份漏水", (None, None, ("3",), 2, None, "101", True)),
]


@pytest.mark.parametrize(("text", "expected"), FOLDED)
def test_texts_are_brought_to_one_way_of_writing(text, expected):
    assert fold(text) == expected


@pytest.mark.parametrize("text", [t for t, _ in FOLDED])
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(("text", "expected"), NUMBERS)
def test_numbers_are_read(text, expected):
    plain = fold(text)
    found = find_numbers(plain, 0, len(plain))
    said = (found.committee, found.group, found.buildings, found.stairwell, found.floor, found.room, found.sure)
    assert said == expected


@pytest.mark.parametrize("text", ["室温只有15度", "暖气5天不热", "第一中学", "110千伏线路", "佳园小区"])
def test_other_figures_are_no_house_numbers(text):
    plain = fold(text)
    assert find_numbers(plain, 0, len(plain)) is None


@pytest.mark.parametrize(
    ("text", "words", "reach"),
    [
        ("后身", "后身", 40.0),
        ("斜对面的胡同", "斜对面", 60.0),
        ("门口有人", "门口", 15.0),
        ("院内", "院内", 0.0),
        ("往东50米", "往东50米", 70.0),
        ("|附近", "附近", 60.0),
    ],
)
def test_words_of_place_say_how_far(text, words, reach):
    found = find_relation(text, 0)
    assert (found.words, found.reach_m) == (words, reach)


def test_homophones_sound_alike_and_dialects_nearly():
    assert sound("佳园") == sound("嘉苑")
    assert sound("新民") != sound("兴民")
    assert folded_sound("新民") == folded_sound("兴民")
    assert folded_sound("松树") == folded_sound("松素")
    assert spelled("佳园") == ("JIAYUAN", "JY")


def test_names_have_a_stem_a_kind_and_numbers():
    assert stem_of("佳园小区") == ("佳园", "小区")
    assert stem_of("第一中学") == ("第一中学", "")
    assert ordinals("第一中学") != ordinals("第二中学")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "黑龙江省伊春市丰林县新青镇黎明社区佳园小区3号楼2单元102室，暖气不热",
            {
                "province": "黑龙江省",
                "city": "伊春市",
                "county": "丰林县",
                "town": "新青镇",
                "community": "黎明社区",
                "name": "佳园小区",
                "buildings": ("3",),
                "stairwell": 2,
                "room": "102",
                "rest": "暖气不热",
            },
        ),
        ("新青黎明居委会贮木场家属区一委二组", {"town": "新青", "name": "贮木场家属区", "committee": 1, "group": 2}),
        ("红星镇光明路12号佳园小区5号楼", {"street": "光明路12号", "name": "佳园小区", "buildings": ("5",)}),
        ("前进小学后身有人烧荒", {"name": "前进小学", "relation": "后身", "rest": "有人烧荒"}),
        ("我家住在红星镇佳园小区五号楼楼道灯不亮", {"town": "红星镇", "name": "佳园小区", "rest": "灯不亮"}),
    ],
)
def test_an_address_is_taken_apart(text, parts):
    found = book().parse(text)
    assert {k: getattr(found, k) for k in parts} == parts
