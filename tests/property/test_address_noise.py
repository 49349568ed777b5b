"""Whatever happens to an address on its way: a wrong grid is never answered silently."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.address import Outcome
from tests.unit.address.small_county import _COMPOUNDS, _QUARTERS, _TOWN, AREAS, book

BOOK = book()
COMMUNITY = {a["code"]: a["name"] for a in AREAS}
ROOT = Path(__file__).resolve().parents[2]

HOMES = [
    (_TOWN[code], COMMUNITY[code], name, number, grid)
    for code, name, grids in _COMPOUNDS
    for number, grid in enumerate(grids, start=1)
]
STYLES = (
    "{n}号楼",
    "{w}号楼",
    "{n}栋",
    "{w}幢",
    "{n}#",
    "{n}#楼",
    "{n}座",
    "{n}-2-101",
    " {n} 号楼",
    "0{n}号楼",
    "第{n}栋",
)
TAILS = ("", "，暖气不热", "暖气不热", " 停电3天了", "2单元101室，漏水", "二单元", "楼下有人吵", "12月份起没水")
CHATTER = ("", "我家住", "您好，我是", "地址：", "水管坏了，")
WORDS = "零一二三四五六七八九"

homes = st.sampled_from(HOMES)
# Letters that make none of the small county's names into another one.
strays = st.sampled_from("的呢乌啊吧辽粤沪浙闽琼陕甘")


@st.composite
def said(draw, *, area: bool):
    """A home's address in any style; with `area` at least the town is said."""
    town, community, name, number, grid = draw(homes)
    heads = [town, town + community, f"丰林县{town}", town.removesuffix("镇") + community]
    head = draw(st.sampled_from(heads if area else ["", *heads]))
    style = draw(st.sampled_from(STYLES)).format(n=number, w=WORDS[number])
    return draw(st.sampled_from(CHATTER)), head, name, style, draw(st.sampled_from(TAILS)), grid


@given(said(area=True))
@settings(max_examples=400, deadline=None)
def test_every_style_of_a_full_address_finds_its_grid(parts):
    *words, grid = parts
    answer = BOOK.find("".join(words))
    assert answer.grid == grid or grid in [c.grid for c in answer.choices], (words, answer)


@given(said(area=False), st.data())
@settings(max_examples=600, deadline=None)
def test_a_damaged_name_never_becomes_a_wrong_grid(parts, data):
    chatter, head, name, style, tail, grid = parts
    at = data.draw(st.integers(0, len(name) - 1))
    stray = data.draw(strays)
    harm = data.draw(st.sampled_from(("replaced", "added", "lost", "doubled", "swapped")))
    damaged = {
        "replaced": name[:at] + stray + name[at + 1 :],
        "added": name[:at] + stray + name[at:],
        "lost": name[:at] + name[at + 1 :],
        "doubled": name[: at + 1] + name[at:],
        "swapped": name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :],
    }[harm]
    answer = BOOK.find(chatter + head + damaged + style + tail)
    assert answer.grid in (None, grid), (harm, damaged, answer)


@given(said(area=True), st.sampled_from(("汤旺县", "哈尔滨市南岗区", "上甘岭镇", "吉林省", "乌拉嘎镇", "友好区")))
@settings(max_examples=200, deadline=None)
def test_another_county_in_front_is_never_accepted(parts, foreign):
    chatter, _, name, style, tail, _ = parts
    assert BOOK.find(chatter + foreign + name + style + tail).outcome is not Outcome.FOUND


@given(said(area=False), st.integers(20, 99))
@settings(max_examples=200, deadline=None)
def test_a_number_that_does_not_exist_is_never_accepted(parts, number):
    chatter, head, name, _, tail, _ = parts
    assert BOOK.find(f"{chatter}{head}{name}{number}号楼{tail}").outcome is not Outcome.FOUND


@given(
    st.sampled_from(_QUARTERS[:5]), st.sampled_from(("{c}委{g}组", "{cw}委{gw}组", "第{c}委第{g}组", "{c} 委 {g} 组"))
)
@settings(max_examples=100, deadline=None)
def test_quarters_are_found_by_their_numbers(quarter, style):
    code, name, zone, grid = quarter
    c, g = (int(x) for x in name.removesuffix("组").split("委"))
    text = style.format(c=c, g=g, cw=WORDS[c], gw=WORDS[g])
    assert BOOK.find(f"{_TOWN[code]}{text}平房").grid == grid
    assert BOOK.find(f"{COMMUNITY[code]}{zone}{text}").grid == grid


@given(st.text(max_size=80))
@settings(max_examples=500, deadline=None)
def test_any_text_has_an_answer(text):
    answer = BOOK.find(text)
    assert (answer.outcome is Outcome.FOUND) == (answer.grid is not None)
    assert (answer.outcome is Outcome.REFUSED) == (answer.reason is not None)


@given(st.text(alphabet="佳园小区红林前进一二三委组号楼单元栋幢#-0123456789镇社村市县，。 ", max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_of_address_letters_has_an_answer_of_known_grids(text):
    answer = BOOK.find(text)
    assert {c.grid for c in answer.choices} <= set(range(10))
    assert answer == BOOK.find(text)


def _benchmark():
    spec = importlib.util.spec_from_file_location("address_benchmark", ROOT / "benchmarks" / "address.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", [101, 102])
def test_the_goals_hold_on_the_demonstration_county(seed, capsys):
    benchmark = _benchmark()
    result = benchmark.run(seed, data=benchmark.SHIPPED, queries=1000, refuse=200, verbose=False)
    assert result["right"] >= 0.85
    assert result["right_or_asked"] >= 0.97
    assert result["wrong"] <= 0.001
    assert result["false_accepts"] == 0
    assert "right" in capsys.readouterr().out
