"""The font that a page carries has what the page shows, under its own name, in the same bytes each time."""

import base64
import dataclasses
import functools
import html
import io
import re

import pytest
from fontTools.ttLib import TTFont

from maps import safe, webfont
from maps.interactive import county_page
from maps.payload import county_payload
from maps.words import words
from tests.unit.maps.naughty import NAUGHTY
from tests.unit.maps.sample_county import renamed, sample_county

FACE = re.compile(r'@font-face \{ font-family: "wangge-hans"; font-weight: (\d+);[^}]*?base64,([^)]*)\)')


def faces(style):
    """Return the fonts in a style by weight, opened."""
    return {int(weight): TTFont(io.BytesIO(base64.b64decode(body))) for weight, body in FACE.findall(style)}


def strings(value):
    """Yield every string in a JSON-ready value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings(part)


@functools.cache
def small_county():
    """Return the sample cut down to six grids a version."""
    view = sample_county()
    return dataclasses.replace(
        view, before=view.before[:6], after=view.after[:6], buildings=view.buildings[:5], anchors=()
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_character_of_a_page_is_in_its_font(lang):
    shown = set("".join(strings(county_payload(sample_county(), words(lang)))))
    # The map's own buttons write these, by references or from their scripts.
    shown |= set("+−×·0123456789 km")
    assert "丰" in shown
    embedded = faces(county_page(sample_county(), lang=lang))
    assert embedded.keys() == {400, 700}
    for font in embedded.values():
        assert {c for c in shown if ord(c) not in font.getBestCmap()} == set()


def test_names_come_with_their_characters():
    name = "".join(NAUGHTY) + "𡐓㘵街" + "全角，。、；：？！（）《》“”…——①"
    for font in faces(county_page(renamed(small_county(), name))).values():
        assert {c for c in name if ord(c) not in font.getBestCmap()} == set()


def test_a_font_holds_what_was_asked_for_and_no_more():
    characters = webfont.characters_of(["网格", f"&#{ord('棵')};"])
    assert characters >= set("网格棵")
    for font in faces(webfont.font_faces(characters)).values():
        assert {chr(c) for c in font.getBestCmap()} == characters | {chr(c) for c in range(0x20, 0x7F)}
        assert font["maxp"].numGlyphs == len(font.getBestCmap()) + 1


def test_a_character_without_glyph_is_left_to_the_reader():
    for font in faces(webfont.font_faces(webfont.characters_of(["网\U0001f600\ud800\x01\u2028"]))).values():
        known = font.getBestCmap()
        assert ord("网") in known
        assert known.keys().isdisjoint({0x1F600, 0xD800, 1, 0x2028})


def test_equal_characters_give_equal_bytes():
    one = webfont.font_faces(frozenset("网格管理"))
    webfont._encoded.cache_clear()
    assert webfont.font_faces(frozenset("理管格网")) == one
    for weight, font in faces(one).items():
        name = "Bold" if weight == 700 else "Regular"
        whole = TTFont(io.BytesIO(safe.asset_bytes(f"fonts/SourceHanSansCN-{name}.otf")), lazy=True)
        assert font["head"].modified == whole["head"].modified


def test_the_cut_font_drops_the_reserved_name_and_keeps_the_licence():
    style = webfont.font_faces(frozenset("网"))
    assert "SIL Open Font License" in style
    for font in faces(style).values():
        told = {record.nameID: str(record) for record in font["name"].names}
        assert not [number for number in (1, 2, 3, 4, 6, 16, 17) if "source" in told.get(number, "").lower()]
        assert told[1] == webfont.FAMILY
        assert "Adobe" in told[0]
        assert "SIL Open Font License" in told[13]
        outlines = font["CFF "].cff
        top = outlines.topDictIndex[0]
        named = [*outlines.fontNames, top.FullName, top.FamilyName, *(part.FontName for part in top.FDArray)]
        assert all(name.startswith(webfont.FAMILY) for name in named)


def test_a_page_with_its_font_names_no_address():
    page = html.unescape(county_page(sample_county()))
    fonts = re.findall(r"url\((data:font/[^)]{0,20})", page)
    assert len(fonts) == 2
    for url in re.findall(r"url\(\s*['\"]?([^)'\"]{1,40})", page):
        assert url.startswith(("data:font/woff;base64,", "data:image/png;base64,", "#"))


def test_every_rule_of_our_own_style_names_the_font_first():
    rules = re.findall(r"font(?:-family)?:\s*([^;}]+)", safe.asset_text("own/county.css"))
    assert rules
    assert all(rule.startswith(f'"{webfont.FAMILY}"') or rule == "inherit" for rule in rules)


def test_two_pages_of_a_county_share_one_cut():
    webfont._encoded.cache_clear()
    page = county_page(small_county())
    assert county_page(small_county()) == page
    assert webfont._encoded.cache_info().misses == 2
