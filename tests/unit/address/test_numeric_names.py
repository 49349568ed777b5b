"""Compounds called by a number (4号院, 3号小区): their number is a name, and no other number is it."""

from __future__ import annotations

import itertools

import pytest

from geo.address import AddressBook, Outcome
from geo.address.answer import Refusal
from tests.unit.address.small_county import AREAS, HONGJIAN, LIMING, QIANJIN, compounds, places
from tests.unit.address.small_county import buildings as other_buildings

# Grid of building n of a compound: ten times the compound's own figure, and n.
NUMBERED = {
    "4号院": (LIMING, 4, 40),
    "5号院": (LIMING, 3, 50),
    "12号院": (HONGJIAN, 4, 120),
    "3号小区": (HONGJIAN, 2, 30),
    "107大院": (QIANJIN, 2, 1070),
    "二号家属院": (QIANJIN, 3, 20),
}
OTHER_WAYS = ("{}{}号楼", "{}{}栋", "{} {}#楼", "{}，{}号楼", "{}{}-2-301", "{}{}号楼2单元301室暖气不热")
CHINESE = dict(enumerate("一二三四", start=1))


@pytest.fixture(scope="module")
def book():
    numbered = [
        {
            "source_key": f"N-{name}-{n}",
            "community_code": code,
            "compound": name,
            "number": f"{n}号楼",
            "stairwells": 3,
            "grid": first + n,
        }
        for name, (code, count, first) in NUMBERED.items()
        for n in range(1, count + 1)
    ]
    named = [{"source_key": f"NC-{n}", "community_code": code, "name": n} for n, (code, _, _) in NUMBERED.items()]
    return AddressBook.build(
        buildings=[*other_buildings(), *numbered], compounds=[*compounds(), *named], places=places(), areas=AREAS
    )


@pytest.mark.parametrize("name", list(NUMBERED))
def test_every_building_is_found_in_every_way_of_writing(book, name):
    _, count, first = NUMBERED[name]
    for way, number in itertools.product(OTHER_WAYS, range(1, count + 1)):
        found = book.find(way.format(name, number))
        assert (found.outcome, found.grid) == (Outcome.FOUND, first + number), way.format(name, number)
        assert found.parts.buildings == (str(number),)
    for number in range(1, count + 1):
        assert book.find(f"{name}{CHINESE[number]}号楼").grid == first + number


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("五号院3号楼2单元301", 53),
        ("十二号院2号楼", 122),
        ("2号家属院3号楼", 23),
        ("新青镇5号院3号楼", 53),
        ("黎明社区5号院3栋", 53),
        ("红旗街5号院3号楼", 53),
        ("5号苑3号楼", 53),
        ("你好，4号院1号楼没有热水", 41),
        ("4号院里1号楼", 41),
        ("暖气不热，新青镇4号院1号楼", 41),
        # A building's own yard is still that building.
        ("新青镇佳园小区3号院内", 1),
        ("新青镇红旗街5号佳园小区3号楼", 1),
    ],
)
def test_they_are_found_in_the_middle_of_other_words(book, text, grid):
    found = book.find(text)
    assert (found.outcome, found.grid) == (Outcome.FOUND, grid)


def test_a_building_that_is_not_there_is_said_by_the_compounds_name(book):
    found = book.find("5号院4号楼")
    assert (found.outcome, found.reason, found.detail) == (Outcome.REFUSED, Refusal.NO_SUCH_BUILDING, "5号院4号楼")
    assert (found.parts.name, found.parts.buildings) == ("5号院", ("4",))
    assert book.find("黎明社区5号院4号楼").reason is Refusal.NO_SUCH_BUILDING


@pytest.mark.parametrize(
    "name", ["6号院", "21号院", "44号院", "55号院", "54号院", "112号院", "1号院", "30号小区", "170大院"]
)
def test_no_other_number_is_taken_for_it(book, name):
    for text in (f"{name}1号楼", f"新青镇{name}2号楼", f"{name}1-1-101", name):
        found = book.find(text)
        assert found.outcome is not Outcome.FOUND, text
        assert found.grid is None


def test_a_number_with_yard_behind_a_name_is_no_building_of_that_name(book):
    # Building 4 of 佳园小区 is not meant; which yard is, only the caller knows.
    found = book.find("新青镇佳园小区4号院1号楼")
    assert found.outcome is not Outcome.FOUND
    assert found.parts.buildings == ("1",)


def test_the_name_alone_asks_which_building(book):
    found = book.find("4号院")
    assert (found.outcome, found.parts.name) == (Outcome.ASK, "4号院")
    assert {choice.grid for choice in found.choices} == {41, 42, 43, 44}
    assert book.find("4号楼").outcome is Outcome.REFUSED


def test_they_are_suggested_and_remembered(book):
    assert book.suggest("5号院")[:4] == ["新青镇黎明社区5号院", *(f"新青镇黎明社区5号院{n}号楼" for n in (1, 2, 3))]
    assert book.key_of("新青镇5号院3栋2单元") == "5号院3号楼"


def test_a_name_that_ends_in_a_figure_leaves_longer_numbers_alone():
    rows = [
        {
            "source_key": f"{name}-{n}",
            "community_code": LIMING,
            "compound": name,
            "number": f"{n}号楼",
            "grid": grid + n,
        }
        for name, grid in (("红林", 0), ("红林3", 100))
        for n in (1, 3, 31)
    ]
    made = AddressBook.build(buildings=rows, areas=AREAS)
    assert made.find("红林31号楼").grid == 31
    assert made.find("红林3 1号楼").grid != 31
