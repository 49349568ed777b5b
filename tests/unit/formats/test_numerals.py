"""Names and numbers as people write them."""

from __future__ import annotations

import pytest

from geo.formats import numerals


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("十", 10), ("十二", 12), ("二十", 20), ("二十三", 23), ("一百", 100), ("一百零三", 103), ("一百一十", 110),
        ("两千", 2000), ("一万二千", 12000), ("三四", 34), ("〇", 0), ("一○二", 102), ("贰拾叁", 23), ("", None),
        ("甲", None), ("十十", None), ("百千", None), ("三十四五", None), ("万", None), ("第三", None),
    ],
)  # fmt: skip
def test_chinese_numerals(text, number):
    assert numerals.chinese_to_int(text) == number


@pytest.mark.parametrize("number", [1, 9, 10, 11, 19, 20, 21, 99, 100, 101, 110, 114, 163, 205, 999])
def test_every_number_a_county_needs_reads_back(number):
    assert numerals.chinese_to_int(written(number)) == number


def written(number):
    digits, text, zero = "零一二三四五六七八九", "", False
    for size, unit in ((100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            text += ("零" if zero else "") + digits[digit] + unit
            zero = False
        elif text:
            zero = bool(number)
    return text


@pytest.mark.parametrize(
    "text",
    [
        "第三网格",
        "第3网格",
        "第３网格",
        "三号网格",
        "3号网格",
        "03",
        "㈢",
        "（三）",
        "③",
        "三",
        "网格3",
        "３#网格",
        "第三专属网格",
    ],
)
def test_one_grid_written_many_ways(text):
    assert numerals.grid_key(text)[:2] == ("", 3)


@pytest.mark.parametrize(
    ("text", "community", "number"),
    [
        ("5060802 第二网格", "", 2),
        ("白荡海社区第四网格", "白荡海", 4),
        ("新青镇黎明社区第十二网格", "黎明", 12),
        ("黎明社区居民委员会 第 12 网格", "黎明", 12),
        ("五一社区五网格", "五一", 5),
        ("红建中心社区第一网格", "红建中心", 1),
        ("跃进村第二网格", "跃进村", 2),
        ("伊春市丰林县五营镇育林社区３号网格", "育林", 3),
        ("黎明第7网格", "黎明", 7),
        ("医院专属网格", "", None),
        ("黎明社区", "", None),
        ("", "", None),
        ("　第二十一网格　", "", 21),
    ],
)
def test_grid_names(text, community, number):
    assert numerals.grid_key(text)[:2] == (community, number)


@pytest.mark.parametrize(
    "text",
    ["黎明社区", "黎明居委会", "黎明社区居委会", "黎明社区居民委员会", "黎明居民委员会", "新青镇黎明社区",
     "丰林县新青镇黎明社区",
     "黑龙江省伊春市丰林县新青镇黎明社区", "黎明虚拟社区", " 黎明 社区 "],
)  # fmt: skip
def test_one_community_written_many_ways(text):
    assert numerals.community_key(text) == "黎明"


def test_communities_that_must_stay_apart():
    keys = [numerals.community_key(f"{town}林场中心社区") for town in ("新青镇", "红星镇", "五营镇")]
    assert len(set(keys)) == 3
    assert numerals.community_key("红建社区") != numerals.community_key("红建中心社区")
    assert numerals.community_core("红建社区") == numerals.community_core("红建中心社区")
    assert numerals.community_core("新青镇林场中心社区") == keys[0]
    assert numerals.community_key("跃进村村民委员会") == numerals.community_key("跃进村委会") == "跃进村"
    assert numerals.community_key("城镇社区") == "城镇"


@pytest.mark.parametrize(
    ("text", "value"),
    [("312户", 312), ("３１２户", 312), ("1,234人", 1234), ("约三百户", 300), ("2.5㎡", 2.5), ("12 栋", 12), ("0", 0),
     ("无", None), ("3号楼", None), ("312-315户", None), ("-3户", None), ("", None)],
)  # fmt: skip
def test_counts(text, value):
    assert numerals.count_of(text) == value


def test_numbers_and_ordinals():
    assert numerals.parse_number("０１２") == 12
    assert numerals.parse_number("9" * 30) is None
    assert numerals.ordinal_of("平房") is None
    assert numerals.ordinal_of("3#2-102") == 3


def test_invisible_characters_go():
    assert numerals.normalise("\ufeff黎\u200b明\u202e　社区 \t") == "黎明 社区"
