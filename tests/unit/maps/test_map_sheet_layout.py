"""Scales are round and as large as can be; labels never touch; glyphs are all there."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Refused
from maps.fonts import Weight, printable, require_glyphs, text_width_mm
from maps.layout import A3, ROUND_SCALES, arrange, scale_bar_m
from maps.lettering import Box, Label, Placer, Style
from maps.view import Extent

SIZES = st.tuples(st.floats(300, 30_000), st.floats(300, 30_000))


def boxes_of(arrangement):
    """All rectangles of an arrangement that must not overlap."""
    m = arrangement.margin
    return [b for p in arrangement.panels for b in (p.header, p.window.box)] + [m.legend, m.table, m.locator, m.notes]


@given(st.lists(SIZES, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_panels_hold_their_towns_and_nothing_overlaps(sizes):
    extents = {f"t{i}": Extent(0, 0, w, h) for i, (w, h) in enumerate(sizes)}
    arrangement = arrange(extents, A3.body)
    scales = {p.window.scale for p in arrangement.panels}
    assert len(scales) == 1
    assert scales <= set(ROUND_SCALES)
    assert [(p.key, p.before) for p in arrangement.panels].count(("t0", True)) == 1
    assert len(arrangement.panels) == 2 * len(sizes)
    for panel in arrangement.panels:
        ground, town = panel.window.extent, extents[panel.key]
        assert ground.width >= town.width
        assert ground.height >= town.height
        assert abs(panel.window.box.width * panel.window.scale / 1000 - ground.width) < 1e-6 * ground.width
    small = 1e-6
    body = Box(A3.body.left - small, A3.body.bottom - small, A3.body.width + 2 * small, A3.body.height + 2 * small)
    boxes = boxes_of(arrangement)
    assert all(body.holds(b) for b in boxes)
    for one, other in itertools.combinations(boxes, 2):
        shrunk = Box(one.left + small, one.bottom + small, one.width - 2 * small, one.height - 2 * small)
        assert not shrunk.meets(other)


def test_the_same_town_before_and_after_shows_the_same_ground():
    arrangement = arrange(
        {"a": Extent(0, 0, 5000, 2400), "b": Extent(0, 0, 3200, 3000), "c": Extent(0, 0, 3200, 4000)}, A3.body
    )
    for key in "abc":
        one, two = (p.window for p in arrangement.panels if p.key == key)
        assert (one.extent, one.scale) == (two.extent, two.scale)
    # Stacked beside paired wins here: the plain ways reach only 1:40 000.
    assert arrangement.panels[0].window.scale == 30_000


def test_more_towns_than_a_sheet_carries_are_refused():
    with pytest.raises(Refused, match="do not fit"):
        arrange({f"t{i}": Extent(0, 0, 1000, 1000) for i in range(60)}, A3.body)


def test_page_and_ground_are_inverse():
    window = arrange({"a": Extent(10, 20, 2010, 1020)}, A3.body).panels[0].window
    x, y = window.to_ground(*window.to_page(500.0, 600.0))
    assert x == pytest.approx(500.0)
    assert y == pytest.approx(600.0)


@pytest.mark.parametrize(("scale", "room", "length"), [(10_000, 50, 500), (25_000, 50, 1000), (250_000, 45, 10_000)])
def test_scale_bars_are_round(scale, room, length):
    assert scale_bar_m(scale, room) == length


@given(
    st.lists(st.tuples(st.floats(0, 60), st.floats(0, 40), st.sampled_from(["001", "312户", "黎明社区"])), max_size=60)
)
@settings(max_examples=40, deadline=None)
def test_placed_labels_never_touch_and_stay_inside(wishes):
    placer = Placer(Box(0, 0, 60, 40))
    labels = [(Label((text,), Style(7)), (x, y)) for x, y, text in wishes]
    placed = [label.box(*spot) for label, spot in labels if placer.place(label, [spot])]
    assert len(placer.lines) == len(placed)
    assert all(placer.frame.holds(b) for b in placed)
    assert not any(a.meets(b) for a, b in itertools.combinations(placed, 2))


def test_a_taken_spot_gives_way_to_the_next():
    placer = Placer(Box(0, 0, 60, 40))
    label = Label(("001", "312户"), Style(7))
    assert placer.place(label, [(10, 10)])
    assert not placer.place(label, [(10.5, 10)])
    assert placer.place(label, [(10.5, 10), (30, 30)])
    assert not placer.place(label, [(45, 20)], room=(0.5, 10))


def test_chinese_characters_are_one_em_wide():
    assert text_width_mm("网格", 72 / 25.4 * 10) == pytest.approx(20.0)
    assert text_width_mm("001", 10, Weight.BOLD) > text_width_mm("001", 10)


def test_missing_glyphs_are_named_with_their_text():
    require_glyphs(["黎明社区第一网格", "㛃䶮㘵", "tab\there"])
    with pytest.raises(Refused, match=r"𬮤.*U\+2CBA4.*姓𬮤的楼"):
        require_glyphs(["正常", "姓𬮤的楼"])


def test_control_characters_become_blanks():
    assert printable("a\tb\u202ec\nd") == "a b c d"
