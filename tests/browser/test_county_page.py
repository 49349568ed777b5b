"""The county page in a real browser with the network cut."""

import dataclasses
import functools

import pytest

from maps.interactive import county_page
from tests.browser.offline_browser import offline_page
from tests.unit.maps.naughty import NAUGHTY
from tests.unit.maps.sample_county import renamed, sample_county

pytestmark = pytest.mark.browser

OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll('.map-label')].map(n => n.getBoundingClientRect());
  let hits = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) { hits += 1; }
  }));
  return [boxes.length, hits];
}"""


CLICK = "() => document.querySelector('path.grid-after').dispatchEvent(new MouseEvent('click', {bubbles: true}))"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Write the sample's page once."""
    path = tmp_path_factory.mktemp("page") / "map.html"
    county_page(sample_county(), path)
    return path


def test_the_map_draws_all_polygons_and_asks_for_nothing(page_file):
    with offline_page(page_file) as opened:
        assert opened.count("path.grid-after") == 114
        opened.choose("before")
        assert opened.count("path.grid-before") == 163
        assert opened.count("path.grid-after") == 0
        opened.choose("exclusive")
        assert opened.count("path.grid-exclusive") == 3
        for theme in ("households", "workers", "triangle", "anchors"):
            opened.choose(theme)
            assert opened.count("path.grid-before") == 163
        assert opened.requests == []
        assert opened.complaints == []


def test_the_map_says_what_it_is(page_file):
    with offline_page(page_file) as opened:
        head = opened.page.inner_text("#head")
        for mark in ("丰林县基础网格优化前后对照图", "内部资料 注意保存", "演示数据", "讨论稿"):
            assert mark in head
        assert "未加载底图" in opened.page.inner_text("#foot")
        assert opened.count(".leaflet-control-attribution") == 0
        assert "mi" not in opened.page.inner_text(".leaflet-control-scale").replace("km", "")


def test_labels_never_overlap(page_file):
    with offline_page(page_file) as opened:
        for town in range(4):
            opened.page.locator("#head button").nth(town).click()
            opened.page.wait_for_timeout(700)
            placed, hits = opened.page.evaluate(OVERLAPS)
            assert placed >= (3 if town == 0 else 20)
            assert hits == 0


def test_legend_and_tooltip_speak_chinese(page_file):
    with offline_page(page_file) as opened:
        opened.choose("households")
        assert "200–299" in opened.page.inner_text("#legend")
        opened.page.locator("#head button").nth(1).click()
        opened.page.wait_for_timeout(700)
        opened.page.locator("path.grid-after").nth(20).hover(force=True)
        tip = opened.page.inner_text(".leaflet-tooltip")
        assert "户数" in tip
        assert "铁三角" in tip


def fonts_used(opened, selector):
    """Return (family, brought along by the page) of every font that draws the text of these elements."""
    session = opened.page.context.new_cdp_session(opened.page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    nodes = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
    used = [session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"] for node in nodes]
    return {(font["familyName"], font["isCustomFont"]) for fonts in used for font in fonts}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_text_is_drawn_with_the_font_of_the_page(tmp_path, lang):
    path = tmp_path / "map.html"
    county_page(sample_county(), path, lang=lang)
    with offline_page(path) as opened:
        opened.choose("households")
        opened.page.locator("#head button").nth(1).click()
        opened.page.wait_for_timeout(700)
        opened.page.locator("path.grid-after").nth(20).hover(force=True)
        opened.page.wait_for_selector(".leaflet-tooltip caption")
        assert fonts_used(opened, ".leaflet-tooltip *") == {("wangge-hans", True)}
        opened.page.evaluate(CLICK)
        opened.page.wait_for_selector(".leaflet-popup-content caption")
        parts = ("#head *", "#control *", "#legend *", "#foot *", ".map-label span", ".leaflet-popup-content *")
        for part in (*parts, ".leaflet-control a", ".leaflet-control-scale *"):
            assert fonts_used(opened, part) == {("wangge-hans", True)}, part
        close = opened.page.locator("a.leaflet-popup-close-button")
        assert close.evaluate("n => getComputedStyle(n).fontFamily").startswith("wangge-hans")


def test_a_popup_keeps_its_values_on_their_lines(page_file):
    with offline_page(page_file, size=(1600, 1000)) as opened:
        opened.page.locator("#head button").nth(1).click()
        opened.page.wait_for_timeout(700)
        opened.page.evaluate(CLICK)
        opened.page.wait_for_timeout(500)
        code = opened.page.locator(".leaflet-popup-content td").nth(1).bounding_box()
        assert code["height"] < 30
        popup = opened.page.locator(".leaflet-popup").bounding_box()
        head = opened.page.locator("#head").bounding_box()
        assert popup["y"] >= head["y"] + head["height"]


@functools.cache
def small_county():
    """Return the sample cut down to six grids a version."""
    view = sample_county()
    return dataclasses.replace(view, before=view.before[:6], after=view.after[:6], buildings=(), anchors=())


def tags(opened):
    """Return the DOM as tags and attribute names, without text, labels and what follows their size."""
    return opened.page.evaluate(
        """() => [...document.querySelectorAll('*')]
             .filter(n => !n.closest('.map-label') && !n.closest('.leaflet-pane'))
             .map(n => n.tagName + ' ' + [...n.attributes].map(a => a.name).sort())"""
    )


def test_naughty_names_show_as_typed_and_run_nothing(tmp_path):
    plain_file = tmp_path / "plain.html"
    county_page(renamed(small_county(), "plain"), plain_file)
    with offline_page(plain_file) as opened:
        plain = tags(opened)
        for number, name in enumerate(NAUGHTY):
            path = tmp_path / f"{number}.html"
            county_page(renamed(small_county(), name), path)
            opened.page.goto(path.as_uri())
            opened.page.wait_for_selector("body[data-drawn]", timeout=20_000, state="attached")
            assert tags(opened) == plain, name
            assert opened.page.text_content("#head h1") == name
            assert opened.page.title().strip() == " ".join(name.split())
            opened.page.evaluate(CLICK)
            popup = opened.page.locator(".leaflet-popup-content caption")
            assert popup.text_content() == name
            assert opened.page.evaluate("() => document.body.dataset.broken") is None
        own = [r for r in opened.requests if not r.startswith(tmp_path.as_uri())]
        assert own == []
        assert opened.complaints == []
