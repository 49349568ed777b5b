# ruff: noqa: DTZ001 - spreadsheets know no time zone
"""CSV, XLSX and XLS as county staff type them."""

from __future__ import annotations

import datetime as dt
import io
import time

import openpyxl
import pytest
import xlwt

from geo.errors import HostileFile, NotFound, Refused
from geo.formats import personal_columns, read
from geo.formats.tables import is_count_column, is_identifier_column
from geo.settings import Limits


def values(dataset, *columns):
    return [tuple(f.properties.get(c) for c in columns) for f in dataset.features]


def roster(sheet="黎明社区"):
    """Title, unit line, heads of two rows, merged community, total, foot: the roster of every office."""
    book = openpyxl.Workbook()
    ws = book.active
    ws.title = sheet
    for row in (
        ["丰林县网格花名册", None, None, None, None, None, None],
        ["填报单位:新青镇", None, None, None, None, "2023年6月", None],
        ["序号", "社区", "网格名称", "户数", "人口数", None, "联系电话"],
        [None, None, None, None, "户籍", "常住", None],
        [1, "黎明社区", "第一网格", "312户", 800, 700.0, "138-0000-0001"],
        [2, None, "第二网格", "３００", "约七百人", 650, 13800000002],
        [3, "新民社区", "第一网格", "无", None, 600, None],
        ["合 计", None, None, 612, 1600, 1950, None],
        ["填表人:某某", None, None, "审核人:", None, None, None],
    ):
        ws.append(row)
    for area in ("A1:G1", "A2:E2", "E3:F3", "A3:A4", "B3:B4", "C3:C4", "D3:D4", "G3:G4", "B5:B6"):
        ws.merge_cells(area)
    ws.column_dimensions["F"].hidden = True
    return book


def saved(desk, book, name="a.xlsx"):
    stream = io.BytesIO()
    book.save(stream)
    return desk.put(name, stream.getvalue())


def test_xlsx_roster(desk):
    dataset = read(saved(desk, roster()))
    assert dataset.columns == ("序号", "社区", "网格名称", "户数", "人口数/户籍", "人口数/常住", "联系电话")
    assert values(dataset, "社区", "网格名称", "户数", "人口数/户籍", "联系电话") == [
        ("黎明社区", "第一网格", 312, 800, "138-0000-0001"),
        ("黎明社区", "第二网格", 300, 700, "13800000002"),
        ("新民社区", "第一网格", "无", None, None),
    ]
    assert [feature.row for feature in dataset.features] == [5, 6, 7]
    assert dataset.features[0].raw["户数"] == "312户"
    said = "".join(dataset.warnings)
    for word in ("表头在第 3 行", "隐藏", "向下填充 1 格", "合计", "填表人", "联系电话"):
        assert word in said
    assert dataset.layers == ("黎明社区",)


def test_xlsx_sheets_are_layers(desk):
    book = roster()
    second = book.create_sheet("新民社区")
    second.append(["网格名称", "户数"])
    second.append(["第一网格", 5])
    hidden = book.create_sheet("底稿")
    hidden.append(["网格名称", "户数"])
    hidden.append(["旧", 1])
    hidden.sheet_state = "hidden"
    book.create_sheet("空表")
    path = saved(desk, book)
    dataset = read(path)
    assert dataset.layers == ("黎明社区", "新民社区")
    assert {f.layer for f in dataset.features} == {"黎明社区", "新民社区"}
    assert any("底稿" in warning for warning in dataset.warnings)
    assert values(read(path, layer="底稿"), "网格名称") == [("旧",)]
    with pytest.raises(NotFound, match="新民社区"):
        read(path, layer="没有")


def test_xlsx_values(desk):
    book = openpyxl.Workbook()
    ws = book.active
    ws.append(["名称", "日期", "是否", "比例", "身份证号", "编码", "错误"])
    ws.append(["甲", dt.datetime(2023, 6, 1, 8, 30), True, 0.5, 230724199001011234, 230724100001001, "#REF!"])
    ws.append(["乙", None, False, 3.0, "230724199001011234", "2.30724E+14", None])
    dataset = read(saved(desk, book))
    first, second = (feature.properties for feature in dataset.features)
    assert (first["日期"], first["是否"], first["比例"]) == (dt.datetime(2023, 6, 1, 8, 30), True, 0.5)
    assert (first["身份证号"], first["编码"], first["错误"]) == (None, "230724100001001", None)
    assert (second["身份证号"], second["编码"], second["比例"]) == ("230724199001011234", None, 3)
    assert dataset.features[0].raw["身份证号"] is not None
    said = "".join(dataset.warnings)
    assert all(word in said for word in ("身份证号", "科学计数法", "公式错误值"))


def test_xlsx_formula_without_result_is_told(desk):
    book = openpyxl.Workbook()
    book.active.append(["名称", "户数"])
    book.active.append(["甲", "=1+1"])
    dataset = read(saved(desk, book))
    assert values(dataset, "名称", "户数") == [("甲", None)]
    assert any("公式没有保存结果" in warning for warning in dataset.warnings)


def test_xlsx_limits(desk):
    book = openpyxl.Workbook()
    for i in range(4):
        book.active.append([f"名{i}", "列", "列三"])
    path = saved(desk, book)
    assert len(read(path, limits=Limits(table_rows=3, table_columns=3)).features) == 3
    for limits in (Limits(table_rows=2), Limits(table_columns=2)):
        with pytest.raises(HostileFile):
            read(path, limits=limits)


def test_xlsx_far_cell_is_not_paid_for(desk):
    book = openpyxl.Workbook()
    book.active.append(["名称", "户数"])
    book.active.append(["甲", 1])
    book.active["A1048576"] = "远"
    began = time.process_time()
    dataset = read(saved(desk, book))
    assert len(dataset.features) == 1
    assert any("空行" in warning for warning in dataset.warnings)
    assert time.process_time() - began < 5


def test_xlsx_without_head_is_refused(desk):
    book = openpyxl.Workbook()
    for _ in range(3):
        book.active.append([1, 2, 3])
    with pytest.raises(Refused, match="表头"):
        read(saved(desk, book))


def test_repeated_head_and_names_of_columns(desk):
    text = "序号,网格名称,户数,户数,\n1,第一网格,3,4,多\n序号,网格名称,户数,户数,\n2,第二网格,5,6,\n"
    dataset = read(desk.put("a.csv", text))
    assert dataset.columns == ("序号", "网格名称", "户数", "户数_2", "列5")
    assert values(dataset, "户数", "户数_2", "列5") == [(3, 4, "多"), (5, 6, None)]
    assert any("重复的表头" in warning for warning in dataset.warnings)


# --- XLS ----------------------------------------------------------------------------------------


def test_xls_roster(desk):
    book = xlwt.Workbook()
    ws = book.add_sheet("专属网格")
    ws.write_merge(0, 0, 0, 4, "丰林县专属网格花名册")
    for column, name in enumerate(["序号", "社区", "名称", "编码", "日期"]):
        ws.write(1, column, name)
    ws.write_merge(2, 3, 1, 1, "育林社区")
    style = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for row, name in enumerate(["医院", "学校"], start=2):
        ws.write(row, 0, row - 1)
        ws.write(row, 2, name)
        ws.write(row, 3, 230724102001601)
        ws.write(row, 4, dt.date(2023, 6, 30), style)
    ws.write(4, 0, "小计")
    ws.write(4, 2, 2)
    ws.col(3).hidden = True
    stream = io.BytesIO()
    book.save(stream)
    dataset = read(desk.put("a.xls", stream.getvalue()))
    assert values(dataset, "序号", "社区", "名称", "编码") == [
        (1, "育林社区", "医院", "230724102001601"),
        (2, "育林社区", "学校", "230724102001601"),
    ]
    assert dataset.features[0].properties["日期"] == dt.datetime(2023, 6, 30, 0, 0)
    assert [feature.row for feature in dataset.features] == [3, 4]
    assert any("隐藏" in warning for warning in dataset.warnings)
    with pytest.raises(NotFound):
        read(desk.folder / "a.xls", layer="没有")


def test_xls_cut_short_is_refused(desk):
    book = xlwt.Workbook()
    ws = book.add_sheet("a")
    for row in range(300):
        ws.write(row, 0, f"名{row}")
        ws.write(row, 1, "x" * 50 + str(row))
    stream = io.BytesIO()
    book.save(stream)
    with pytest.raises(Refused):
        read(desk.put("a.xls", stream.getvalue()[:9000]))


# --- CSV ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "，"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_csv_delimiters(desk, delimiter, newline):
    rows = [["名称", "户数", "备注"], ["甲", "3", "一二"], ["乙", "4", ""]]
    dataset = read(desk.put("a.csv", newline.join(delimiter.join(row) for row in rows) + newline))
    assert values(dataset, "名称", "户数", "备注") == [("甲", 3, "一二"), ("乙", 4, None)]
    assert [feature.row for feature in dataset.features] == [2, 3]


def test_csv_broken_rows_are_named_and_good_ones_kept(desk):
    broken = ["H,缺一列", "H,多,一,列", 'H,"开口,1']
    rows = [f"H{i},红林小区{i}号楼,1" if i % 2 else broken[i % 3] for i in range(1, 101)]
    lines = ["户号,地址,户数", *rows]
    dataset = read(desk.put("a.csv", "\n".join(lines)))
    assert [feature.row for feature in dataset.features] == [i + 1 for i in range(1, 101) if i % 2]
    assert [r.where.row for r in dataset.refused] == [i + 1 for i in range(1, 101) if not i % 2]
    assert {r.code for r in dataset.refused} == {"row-width", "row-broken"}
    assert all(r.message and r.remedy and r.where.file == "a.csv" for r in dataset.refused)


def test_csv_open_quote_does_not_swallow_the_rest(desk):
    text = '名称,备注\n甲,"开口\n' + "".join(f"网格{i},好\n" for i in range(100))
    dataset = read(desk.put("a.csv", text))
    assert len(dataset.features) == 100
    assert [(r.where.row, r.code) for r in dataset.refused] == [(2, "row-broken")]


def test_csv_quotes_lines_and_delimiters_in_cells(desk):
    text = '名称,备注\n"甲","一,二\n三""四"""\n乙,五\n'
    dataset = read(desk.put("a.csv", text))
    assert values(dataset, "名称", "备注") == [("甲", '一,二\n三"四"'), ("乙", "五")]
    assert [feature.row for feature in dataset.features] == [2, 4]


def test_csv_title_two_heads_and_fill_down(desk):
    text = (
        "丰林县网格花名册,,,,\n单位:新青镇,,,,2023年\n社区,网格名称,人口数,,备注\n,,户籍,常住,\n"
        "黎明社区,第一网格,1,2,\n,第二网格,3,4,\n新民社区,第一网格,5,6,\n,第二网格,7,8,x\n合计,,16,20,\n"
    )
    dataset = read(desk.put("a.csv", text))
    assert dataset.columns == ("社区", "网格名称", "人口数/户籍", "人口数/常住", "备注")
    assert values(dataset, "社区", "人口数/常住") == [
        ("黎明社区", 2),
        ("黎明社区", 4),
        ("新民社区", 6),
        ("新民社区", 8),
    ]


def test_csv_missing_community_is_not_filled_where_values_repeat(desk):
    text = "社区,网格名称\n黎明社区,一\n,二\n黎明社区,三\n新民社区,四\n"
    assert values(read(desk.put("a.csv", text)), "社区") == [("黎明社区",), (None,), ("黎明社区",), ("新民社区",)]


def test_csv_column_limit(desk):
    def wide(n):
        return ",".join(f"列{i}" for i in range(n)) + "\n" + ",".join("甲" for _ in range(n)) + "\n"

    assert len(read(desk.put("a.csv", wide(1000))).columns) == 1000
    with pytest.raises(HostileFile):
        read(desk.put("b.csv", wide(1001)))


def test_csv_giant_cell_costs_its_row(desk):
    dataset = read(desk.put("a.csv", "名称,备注\n甲," + "长" * 200_000 + "\n乙,好\n"))
    assert values(dataset, "名称") == [("乙",)]
    assert dataset.refused[0].where.row == 2


def test_coordinates_stay_plain_values(desk):
    dataset = read(desk.put("a.csv", "名称,经度,纬度\n甲,129.5,48.2\n"))
    assert dataset.features[0].geometry is None
    assert values(dataset, "经度", "纬度") == [("129.5", "48.2")]


def test_a_county_of_households_is_read_within_a_second(desk):
    lines = [
        f"H{i:06d},黎明社区,红林小区,{i % 40}号楼,{i % 600},1,无,{129 + i * 1e-6},{48 + i * 1e-6}"
        for i in range(28_000)
    ]
    text = "户号,社区,小区,楼号,室,户数,备注,x,y\n" + "\n".join(lines)
    path = desk.put("a.csv", text.encode("gb18030"))
    began = time.process_time()
    assert len(read(path).features) == 28_000
    assert time.process_time() - began < 2.5  # 0.7 s on an idle core; room for a busy one


# --- columns ------------------------------------------------------------------------------------


def test_kinds_of_columns():
    assert all(is_count_column(n) for n in ("户数", "人口数/户籍", "建筑面积", "党员数", "楼栋数", "常住人口"))
    assert not any(is_count_column(n) for n in ("楼号", "网格名称", "户号", "户主", "备注", "小区"))
    assert all(is_identifier_column(n) for n in ("身份证号", "网格编码", "联系电话", "户号", "grid_code", "ID", "手机"))
    assert not any(is_identifier_column(n) for n in ("户数", "idea", "楼号", "社区"))


def test_personal_columns():
    columns = ["序号", "姓名", "户主", "身份证号", "联系电话", "网格员", "网格名称", "户数", "社区"]
    assert personal_columns(columns) == ("姓名", "户主", "身份证号", "联系电话", "网格员")
