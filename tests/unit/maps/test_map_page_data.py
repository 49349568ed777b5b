"""What a county page carries, and what a public edition must not."""

import dataclasses
import functools
import json
import re

import pytest

from geo.errors import Refused
from maps.interactive import county_page
from maps.payload import county_payload
from maps.themes import corner
from maps.view import Edition, PaperState
from maps.words import GLOSSARY, words
from tests.unit.maps.naughty import NAUGHTY
from tests.unit.maps.sample_county import renamed, sample_county


def carried(page):
    """Return the data of a finished page."""
    return json.loads(re.search(r'id="county-data">(.*?)</script>', page, re.DOTALL).group(1))


def test_every_grid_travels_once_per_version_with_a_class_in_each_theme():
    data = county_payload(sample_county(), words("zh"))
    counts = {v["id"]: len(v["grids"]) for v in data["versions"]}
    assert counts == {"before": 163, "after": 114}
    for version in data["versions"]:
        for grid in version["grids"]:
            assert len(grid["s"]) == len(data["themes"])
            assert all(0 <= s < len(t["classes"]) for s, t in zip(grid["s"], data["themes"], strict=True))
            assert len(grid["v"]) == len(data["fields"]) + 1


def test_packed_rings_open_to_the_polygons():
    view = sample_county()
    data = county_payload(view, words("zh"))
    x0, y0 = data["origin"]
    for packed, grid in zip(data["versions"][0]["grids"], view.before, strict=True):
        x, y, ring = x0, y0, []
        run = packed["p"][0][0]
        for dx, dy in zip(run[::2], run[1::2], strict=True):
            x, y = x + dx, y + dy
            ring.append((x / 1e6, y / 1e6))
        truth = list(grid.geometry.exterior.coords)[:-1]
        assert all(abs(a - b) < 6e-7 for p, q in zip(ring, truth, strict=True) for a, b in zip(p, q, strict=True))


def test_equal_views_give_equal_pages_within_two_megabytes():
    one, two = county_page(sample_county()), county_page(sample_county())
    assert one == two
    assert len(one.encode()) < 2_000_000


def test_stamps_and_dates_are_there():
    text = json.dumps(county_payload(sample_county(), words("zh")), ensure_ascii=False)
    for mark in (
        "内部资料 注意保存",
        "演示数据",
        "讨论稿",
        "2025年6月30日",
        "本图界线不作为行政区域划界依据",
        "未加载底图",
    ):
        assert mark in text
    approved = dataclasses.replace(sample_county(), state=PaperState.APPROVED, demonstration=False)
    text = json.dumps(county_payload(approved, words("zh")), ensure_ascii=False)
    assert "讨论稿" not in text
    assert "演示数据" not in text


def test_english_page_has_english_labels():
    data = county_payload(sample_county(), words("en"))
    assert data["themes"][1]["name"] == "Households"
    assert not re.search(
        "[\u4e00-\u9fff]", json.dumps([data["fields"], data["words"], data["themes"]], ensure_ascii=False)
    )


def test_a_public_edition_needs_its_number():
    with pytest.raises(Refused, match="审图号"):
        county_page(dataclasses.replace(sample_county(), edition=Edition.PUBLIC))


def test_a_public_edition_carries_no_points_and_no_small_counts():
    view = sample_county()
    small = tuple(
        dataclasses.replace(g, households=3, persons=4, near_share=1 / 3) if i < 4 else g
        for i, g in enumerate(view.before)
    )
    public = dataclasses.replace(
        view, before=small, edition=Edition.PUBLIC, approval_no="黑S(2025)1号", households=((129.5, 48.3),)
    )
    data = carried(county_page(public))
    assert {o["id"] for o in data["overlays"]}.isdisjoint({"anchors-points", "centres-points", "household-points"})
    at = 1 + data["fields"].index("户数")
    near = 1 + data["fields"].index("中心户覆盖率")
    for grid in data["versions"][0]["grids"][:4]:
        assert grid["v"][at] == "<5"
        assert grid["v"][near] is None
        assert all("3户" not in row for rows in grid["l"] for row in rows)
    for version in data["versions"]:
        assert not {g["v"][at] for g in version["grids"]} & {"1", "2", "3", "4"}
    assert "黑S(2025)1号" in json.dumps(data, ensure_ascii=False)
    assert "内部资料" not in json.dumps(data, ensure_ascii=False)


def test_an_internal_edition_prints_true_counts_and_points():
    view = sample_county()
    small = (dataclasses.replace(view.before[0], households=3), *view.before[1:])
    data = county_payload(dataclasses.replace(view, before=small), words("zh"))
    assert data["versions"][0]["grids"][0]["v"][4] == "3"
    assert "anchors-points" in {o["id"] for o in data["overlays"]}


@functools.cache
def small_county():
    """Return the sample cut down to six grids a version."""
    view = sample_county()
    return dataclasses.replace(
        view, before=view.before[:6], after=view.after[:6], buildings=view.buildings[:5], anchors=()
    )


@pytest.mark.parametrize("name", NAUGHTY)
def test_a_naughty_name_changes_nothing_but_text(name):
    plain = county_page(renamed(small_county(), "plain"))
    naughty = county_page(renamed(small_county(), name))
    assert [m.lower() for m in re.findall(r"<(/?[a-zA-Z]+)", naughty)] == [
        m.lower() for m in re.findall(r"<(/?[a-zA-Z]+)", plain)
    ]
    data = carried(naughty)
    assert data["title"] == name
    assert data["versions"][0]["grids"][0]["v"][0] == name


def test_corners_of_the_triangle():
    grid = sample_county().before[0]

    def missing(**changes):
        base = {"party_groups": 1, "full_time": 1, "professional": 0, "part_time": 0, "anchors": 1}
        return corner(dataclasses.replace(grid, **(base | changes)))

    assert missing() == 0
    assert missing(party_groups=0) == 1
    assert missing(full_time=0) == 2
    assert missing(full_time=0, part_time=2) == 0
    assert missing(anchors=0) == 3
    assert missing(anchors=0, party_groups=0) == 4
    assert missing(anchors=0, party_groups=0, full_time=0) == 5


def test_an_empty_county_is_refused():
    with pytest.raises(Refused, match="no grid"):
        county_page(dataclasses.replace(sample_county(), before=(), after=()))


def test_only_one_version_still_makes_a_page():
    data = carried(county_page(dataclasses.replace(sample_county(), after=())))
    assert [v["id"] for v in data["versions"]] == ["before"]
    assert "old" not in {o["id"] for o in data["overlays"]}


def test_the_glossary_is_whole():
    for key, (chinese, english) in GLOSSARY.items():
        assert chinese, key
        assert english, key
        assert set(re.findall(r"{(\w+)}", chinese)) == set(re.findall(r"{(\w+)}", english)), key
    with pytest.raises(Refused):
        words("fr")
    with pytest.raises(KeyError):
        words("zh")("no such label")
