"""Sheets and tables as a reader finds them: page size, real text, true scale, text codes, sums that tie."""

import dataclasses
import datetime as dt
import re

import numpy as np
import openpyxl
import pypdf
import pytest
from PIL import Image

from geo.errors import NotFound, Refused
from maps.filing import CrosswalkRow, FilingRow, Heading, crosswalk_workbook, filing_workbook, mask_name, masked
from maps.sheet import before_after_sheet, town_sheet
from maps.view import Edition, PaperState
from tests.unit.maps.naughty import NAUGHTY, UNPRINTABLE
from tests.unit.maps.sample_county import sample_county

MM = 72 / 25.4


def text_of(path):
    """Return the text of a one-page PDF."""
    reader = pypdf.PdfReader(path)
    assert len(reader.pages) == 1
    return reader.pages[0].extract_text()


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """Draw the sample once; give paths and report."""
    folder = tmp_path_factory.mktemp("sheet")
    made = before_after_sheet(sample_county(), folder / "a.pdf", folder / "a.png")
    return folder / "a.pdf", folder / "a.png", made


def test_the_sheet_is_a3_landscape_with_the_font_inside(sheet):
    page = pypdf.PdfReader(sheet[0]).pages[0]
    assert float(page.mediabox.width) == pytest.approx(420 * MM, abs=0.1)
    assert float(page.mediabox.height) == pytest.approx(297 * MM, abs=0.1)
    assert b"SourceHanSansCN" in sheet[0].read_bytes()


def test_the_sheet_prints_every_element(sheet):
    text = text_of(sheet[0])
    for mark in (
        "丰林县基础网格优化前后对照图",
        "163个网格优化为114个",
        "内部资料 注意保存",
        "演示数据",
        "讨论稿",
        "图例",
        "北",
        "1:25 000",
        "2000国家大地坐标系 高斯-克吕格投影 中央经线129°",
        "编制单位: 丰林县网格化服务管理中心",
        "编制日期: 2025年9月3日",
        "资料截止日期: 2025年6月30日",
        "图1-1",
        "位置示意图",
        "本图界线不作为行政区域划界依据",
        "户数口径: 常住户数",
        "黎明社区",
    ):
        assert mark in text, mark
    assert text.count("优化前 ·") == 3


def test_every_grid_is_labelled(sheet):
    assert sheet[2].unlabelled == ()
    assert sheet[2].scale == 25_000


def test_the_picture_is_full_of_ink_and_as_large_as_the_sheet(sheet):
    with Image.open(sheet[1]) as picture:
        assert picture.size == pytest.approx((420 / 25.4 * 200, 297 / 25.4 * 200), abs=1.5)
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    magenta = (abs(pixels.astype(int) - (0xC2, 0x18, 0x8B)).sum(axis=1) < 30).mean()
    assert magenta > 0.001
    assert (pixels.min(axis=1) < 250).mean() > 0.4


def test_equal_views_give_equal_bytes(sheet, tmp_path):
    before_after_sheet(sample_county(), tmp_path / "b.pdf", tmp_path / "b.png")
    assert (tmp_path / "b.pdf").read_bytes() == sheet[0].read_bytes()
    assert (tmp_path / "b.png").read_bytes() == sheet[1].read_bytes()


def test_a_town_has_its_own_sheet(tmp_path):
    made = town_sheet(sample_county(), "红星镇", tmp_path / "t.pdf", None)
    text = text_of(tmp_path / "t.pdf")
    assert "丰林县红星镇基础网格优化前后对照图" in text
    assert "36个网格优化为25个" in text
    assert "东升社区" in text
    assert "黎明社区" not in text
    assert made.scale < 25_000
    with pytest.raises(NotFound):
        town_sheet(sample_county(), "无此镇", tmp_path / "x.pdf", None)


def test_english_by_a_switch(tmp_path):
    town_sheet(sample_county(), "红星镇", tmp_path / "t.pdf", None, lang="en")
    text = text_of(tmp_path / "t.pdf")
    assert "Lines on this map are no basis" in text
    assert "central meridian 129" in text


def test_a_public_sheet_has_its_number_and_no_counts(tmp_path):
    public = dataclasses.replace(
        sample_county(), edition=Edition.PUBLIC, approval_no="黑S(2025)1号", state=PaperState.APPROVED
    )
    town_sheet(public, "红星镇", tmp_path / "t.pdf", None)
    text = text_of(tmp_path / "t.pdf")
    assert "黑S(2025)1号" in text
    assert "内部资料" not in text
    assert "讨论稿" not in text
    assert not re.search(r"\d户", text)
    with pytest.raises(Refused):
        before_after_sheet(dataclasses.replace(public, approval_no=" "), tmp_path / "x.pdf", None)


def test_a_missing_glyph_leaves_nothing_behind(tmp_path):
    view = dataclasses.replace(sample_county(), compiled_by="姓𬮤的单位")
    with pytest.raises(Refused, match="姓𬮤的单位"):
        before_after_sheet(view, tmp_path / "x.pdf", tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["$\\frac{1}{2}$", "100% $x$ _y^z", "长" * 60, "a\tb\nc"])
def test_strange_names_are_printed_as_they_stand(name, tmp_path):
    view = dataclasses.replace(sample_county(), title=name, compiled_by=name)
    before_after_sheet(dataclasses.replace(view, before=view.before[:9], after=()), tmp_path / "n.pdf", None)
    shown = name.replace("\t", " ").replace("\n", " ")
    assert shown in text_of(tmp_path / "n.pdf")


HEADING = Heading(
    title="丰林县网格变更对照表",
    unit="丰林县",
    filled_on=dt.date(2025, 9, 3),
    data_as_of=dt.date(2025, 6, 30),
    demonstration=True,
)


def links():
    """Return cross-reference rows of the sample."""
    view = sample_county()
    old = {g.id: g for g in view.before}
    return [
        CrosswalkRow(
            town=new.town,
            community=new.community,
            old_code=old[i].code,
            old_name=old[i].name,
            new_code=new.code,
            new_name=new.name,
            buildings="1号楼、2号楼",
            households=old[i].households,
            old_worker="张*",
            change="合并" if len(new.member_ids) > 1 else "保留",
            effective=dt.date(2025, 9, 1),
        )
        for new in view.after
        for i in new.member_ids
    ]


def test_the_cross_reference_ties_and_keeps_codes_as_text(tmp_path):
    made = crosswalk_workbook(links(), tmp_path / "c.xlsx", heading=HEADING)
    total = sum(g.households for g in sample_county().before)
    assert made == {"rows": 163, "old": 163, "new": 114, "households": total}
    sheet = openpyxl.load_workbook(tmp_path / "c.xlsx")["变更对照表"]
    rows = list(sheet.iter_rows(min_row=4, values_only=True))
    body = [r for r in rows if isinstance(r[0], int)]
    sums = [r for r in rows if isinstance(r[0], str) and "小计" in r[0]]
    grand = next(r for r in rows if isinstance(r[0], str) and r[0].startswith("合计"))
    assert len(body) == 163
    assert all(isinstance(r[5], str) and len(r[5]) == 15 for r in body)
    assert sum(r[8] for r in body) == sum(r[8] for r in sums) == grand[8] == total
    assert len(sums) == 14
    assert "常住户数" in sheet.cell(2, 8).value or "常住户数" in str([c.value for c in sheet[2]])
    assert "2025年6月30日" in str([c.value for c in sheet[2]])


def test_tables_print_on_a3_with_repeated_heads_and_page_numbers(tmp_path):
    crosswalk_workbook(links(), tmp_path / "c.xlsx", heading=HEADING)
    book = openpyxl.load_workbook(tmp_path / "c.xlsx")
    sheet = book["变更对照表"]
    assert sheet.page_setup.orientation == "landscape"
    assert int(sheet.page_setup.paperSize) == 8
    assert sheet.print_title_rows in {"1:3", "$1:$3"}
    assert sheet.oddFooter.center.text == "第&P页 共&N页"
    assert "内部资料 注意保存" in sheet.oddHeader.left.text
    assert "演示数据" in sheet.oddHeader.left.text
    assert sheet.cell(4, 3).border.left.style == "thin"
    assert "填表说明" in book.sheetnames


def test_equal_rows_give_equal_workbooks(tmp_path):
    for name in "ab":
        crosswalk_workbook(links()[:9], tmp_path / f"{name}.xlsx", heading=HEADING)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


@pytest.mark.parametrize("name", [n for n in (*NAUGHTY, *UNPRINTABLE) if n != "nul\x01"])
def test_no_name_becomes_a_formula_or_a_link(name, tmp_path):
    row = CrosswalkRow(
        town=name,
        community=name,
        old_code=name,
        old_name=name,
        new_code=name,
        new_name=name,
        buildings=name,
        change=name,
    )
    crosswalk_workbook([row], tmp_path / "n.xlsx", heading=dataclasses.replace(HEADING, title=name, unit=name))
    sheet = openpyxl.load_workbook(tmp_path / "n.xlsx")["变更对照表"]
    for line in sheet.iter_rows():
        for one in line:
            assert one.data_type != "f"
            assert one.hyperlink is None
    shown = sheet.cell(4, 5).value
    stripped = shown.removeprefix("'") if shown.startswith("'") else shown
    # XML turns a carriage return into a line feed where it is not escaped; nothing else may change.
    assert stripped.replace("_x000D_", "\r").replace("\r", "\n") == name.replace("\r", "\n")


def test_the_filing_table_counts_kinds_apart(tmp_path):
    base = [
        FilingRow(
            town=g.town,
            community=g.community,
            code=g.code,
            name=g.name,
            households=g.households,
            persons=g.persons,
            area_ha=6.1,
            worker="欧阳建国",
            phone="13800000000",
        )
        for g in sample_county().after
    ]
    other = [
        FilingRow(town=g.town, community=g.community, code=g.code, name=g.name, kind="专属网格")
        for g in sample_county().exclusive
    ]
    made = filing_workbook([masked(r) for r in base] + other, links(), tmp_path / "f.xlsx", heading=HEADING)
    assert made == {"基础网格": 114, "专属网格": 3}
    book = openpyxl.load_workbook(tmp_path / "f.xlsx")
    assert book.sheetnames == ["备案表", "备案表(专属网格)", "变更对照表", "填表说明"]
    sheet = book["备案表"]
    assert [c.value for c in sheet[3]][:4] == ["序号", "镇", "社区(村)", "网格编码"]
    grand = next(r for r in sheet.iter_rows(values_only=True) if str(r[0]).startswith("合计"))
    assert grand[0] == "合计 114"
    assert grand[9] == sum(r.households for r in base)
    cells = {str(v) for r in sheet.iter_rows(values_only=True) for v in r}
    assert "欧阳**" in cells
    assert not any("建国" in c or "13800000000" in c for c in cells)


@pytest.mark.parametrize(
    ("name", "shown"), [("张三", "张*"), ("欧阳建国", "欧阳**"), ("欧阳", "欧*"), ("王*", "王*"), ("", "")]
)
def test_names_are_masked(name, shown):
    assert mask_name(name) == shown


def test_empty_tables_are_refused(tmp_path):
    with pytest.raises(Refused):
        crosswalk_workbook([], tmp_path / "x.xlsx", heading=HEADING)
    with pytest.raises(Refused):
        filing_workbook([], [], tmp_path / "x.xlsx", heading=HEADING)
    assert list(tmp_path.iterdir()) == []
