"""The tables every department asks for: cross-reference of old and new grids (变更对照表) and filing table (备案表).

Workbooks are written with XlsxWriter and opened in WPS and Excel alike: no dynamic arrays, codes as text
cells, thin borders, heading rows repeated on each page, A3 landscape, 第X页 共Y页. Nothing here decides who may
see a name: rows arrive with people masked, unless the caller is entitled and has journalled it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import xlsxwriter

from geo.errors import Refused
from maps.safe import cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["CrosswalkRow", "FilingRow", "Heading", "crosswalk_workbook", "filing_workbook", "mask_name", "masked"]

_A3_PAPER: Final = 8
_TITLE_FONT: Final = "方正小标宋简体"
_BODY_FONT: Final = "仿宋"
_INTERNAL: Final = "内部资料 注意保存"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrosswalkRow:
    """One old grid and the new grid it (or a part of it) went to.

    `buildings` names the buildings concerned, `households` those that went along this link;
    workers are masked names (张*) or "". Areas are given by name.
    """

    town: str
    community: str
    old_code: str
    old_name: str
    new_code: str
    new_name: str
    buildings: str = ""
    households: int = 0
    old_worker: str = ""
    new_worker: str = ""
    change: str = ""
    effective: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingRow:
    """One grid as it is filed; `kind` is 基础网格, 专属网格 or 林业局公司专属网格."""

    town: str
    community: str
    code: str
    name: str
    kind: str = "基础网格"
    bounds: str = ""
    area_ha: float = 0.0
    buildings: int = 0
    households: int = 0
    persons: int = 0
    party: str = ""
    head: str = ""
    worker: str = ""
    phone: str = ""
    part_time: int = 0
    anchors: int = 0
    police: str = ""
    old: str = ""
    change: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What stands over and under the tables."""

    title: str
    unit: str = ""
    filled_on: dt.date | None = None
    basis: str = "常住户数"
    data_as_of: dt.date | None = None
    demonstration: bool = False
    state: str = "讨论稿"


@dataclass(frozen=True, slots=True)
class _Column:
    """Heading, width in characters, how a row gives it, and whether subtotals add it."""

    title: str
    width: float
    of: Callable[[Any], object]
    summed: bool = False
    form: str = "text"


_CROSSWALK: Final = (
    _Column("镇", 10, lambda r: r.town),
    _Column("社区(村)", 16, lambda r: r.community),
    _Column("原编号/原编码", 18, lambda r: r.old_code),
    _Column("原名称", 22, lambda r: r.old_name),
    _Column("新编码", 18, lambda r: r.new_code),
    _Column("新名称", 24, lambda r: r.new_name),
    _Column("涉及楼栋", 40, lambda r: r.buildings, form="wrap"),
    _Column("户数", 9, lambda r: r.households, summed=True, form="number"),
    _Column("原网格员", 11, lambda r: r.old_worker),
    _Column("新网格员", 11, lambda r: r.new_worker),
    _Column("变动方式", 10, lambda r: r.change),
    _Column("生效日期", 13, lambda r: r.effective.isoformat() if r.effective else ""),
)
_FILING: Final = (
    _Column("镇", 9, lambda r: r.town),
    _Column("社区(村)", 14, lambda r: r.community),
    _Column("网格编码", 18, lambda r: r.code),
    _Column("网格名称", 22, lambda r: r.name),
    _Column("网格类型", 12, lambda r: r.kind),
    _Column("四至范围", 34, lambda r: r.bounds, form="wrap"),
    _Column("面积（公顷）", 10, lambda r: round(r.area_ha, 2), summed=True, form="decimal"),
    _Column("楼栋数", 8, lambda r: r.buildings, summed=True, form="number"),
    _Column("常住户数", 9, lambda r: r.households, summed=True, form="number"),
    _Column("常住人数", 9, lambda r: r.persons, summed=True, form="number"),
    _Column("党支部/党小组", 18, lambda r: r.party, form="wrap"),
    _Column("网格长", 9, lambda r: r.head),
    _Column("专职网格员", 10, lambda r: r.worker),
    _Column("工作电话", 14, lambda r: r.phone),
    _Column("兼职网格员数", 9, lambda r: r.part_time, summed=True, form="number"),
    _Column("党员中心户数", 9, lambda r: r.anchors, summed=True, form="number"),
    _Column("警格/民警", 12, lambda r: r.police),
    _Column("原网格编码及名称", 28, lambda r: r.old, form="wrap"),
    _Column("变动方式", 9, lambda r: r.change),
    _Column("备注", 14, lambda r: r.note, form="wrap"),
)
_NOTES: Final = (
    "一、本册由网格数据自动生成,编码、编号均为文本,请勿改为数值格式(15位编码会显示为科学计数)。",
    "二、户数口径:{basis};资料截止日期:{as_of}。表中数字为实有数,不作四舍五入,小计、合计与各行之和一致。",
    "三、原编号为统一编码前各社区自编的编号,继续有效可查;首次统一编码自001起,按由西向东、由北向南顺序编排。",
    "四、变动方式:保留、合并、拆分、新设、撤销、调整。一个原网格分入几个新网格的,逐行列出,户数按实际去向分列。",
    "五、姓名已脱敏;含姓名和工作电话的报送版由有权限的人员另行导出并留痕。",
    "六、单元格以单引号开头的,是为防止被当作公式而加,去掉一个单引号即为原文。",
)


def _chinese_date(day: dt.date | None) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if day else ""


class _Book:
    """A workbook being written in memory, so that nothing half-made reaches the disk."""

    def __init__(self, heading: Heading) -> None:
        self.heading = heading
        self.held = BytesIO()
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.book = xlsxwriter.Workbook(self.held, options)
        # A fixed date of making: equal rows give equal bytes.
        made = dt.datetime.combine(heading.filled_on or dt.date(2000, 1, 1), dt.time(), dt.UTC)
        self.book.set_properties({"title": heading.title, "created": made.replace(tzinfo=None)})
        self.forms = {name: self.book.add_format(options) for name, options in _formats().items()}

    def table(self, name: str, title: str, columns: Sequence[_Column], rows: Sequence[Any]) -> None:
        """Write one sheet: title, who and when, headings, rows with subtotals by community, total, signatures."""
        sheet = self.book.add_worksheet(name)
        last = len(columns)
        sheet.merge_range(0, 0, 0, last, str(cell(title)), self.forms["title"])
        self._captions(sheet, last)
        sheet.write_string(2, 0, "序号", self.forms["head"])
        sheet.set_column(0, 0, 6)
        for number, column in enumerate(columns, start=1):
            sheet.write_string(2, number, column.title, self.forms["head"])
            sheet.set_column(number, number, column.width)
        sheet.set_row(0, 34)
        sheet.set_row(2, 32)
        end = self._body(sheet, columns, rows)
        self._foot(sheet, end, last)
        _page_setup(sheet, last, end, self.heading)

    def _captions(self, sheet: Any, last: int) -> None:
        heading, middle = self.heading, last // 2
        sheet.merge_range(1, 0, 1, middle, str(cell(f"填报单位(盖章):{heading.unit}")), self.forms["caption"])
        filled, data = _chinese_date(heading.filled_on), _chinese_date(heading.data_as_of)
        dated = f"填报日期:{filled}    户数口径:{heading.basis}    资料截止日期:{data}"
        sheet.merge_range(1, middle + 1, 1, last, str(cell(dated)), self.forms["caption_right"])

    def _body(self, sheet: Any, columns: Sequence[_Column], rows: Sequence[Any]) -> int:
        """Write rows and sums; return the number of the next free row."""
        line, serial = 3, 0
        for (_, community), group in groupby(rows, key=lambda r: (r.town, r.community)):
            members = list(group)
            for row in members:
                serial += 1
                self._row(sheet, line, str(serial), [column.of(row) for column in columns], columns)
                line += 1
            self._sum(sheet, line, f"{community} 小计 {len(members)}", columns, members)
            line += 1
        self._sum(sheet, line, f"合计 {len(rows)}", columns, rows)
        return line + 1

    def _row(self, sheet: Any, line: int, serial: str, values: Sequence[object], columns: Sequence[_Column]) -> None:
        sheet.write_number(line, 0, int(serial), self.forms["number"])
        for number, (value, column) in enumerate(zip(values, columns, strict=True), start=1):
            form = self.forms[column.form]
            if isinstance(value, int | float):
                sheet.write_number(line, number, value, form)
            else:
                sheet.write_string(line, number, str(cell(str(value))), form)

    def _sum(self, sheet: Any, line: int, label: str, columns: Sequence[_Column], rows: Sequence[Any]) -> None:
        """Write a sum as a value: a formula would show 0 in viewers that do not reckon."""
        first = next(i for i, column in enumerate(columns, start=1) if column.summed)
        sheet.merge_range(line, 0, line, first - 1, str(cell(label)), self.forms["sum_label"])
        for number, column in enumerate(columns[first - 1 :], start=first):
            if column.summed:
                total = round(float(sum(_number(column.of(row)) for row in rows)), 2)
                form = self.forms["sum_decimal" if column.form == "decimal" else "sum"]
                sheet.write_number(line, number, total, form)
            else:
                sheet.write_blank(line, number, None, self.forms["sum"])

    def _foot(self, sheet: Any, line: int, last: int) -> None:
        text = "填表人:                审核人:                单位负责人:                联系电话:"
        sheet.merge_range(line, 0, line, last, text, self.forms["caption"])

    def notes(self) -> None:
        """Write the sheet that says how to read and fill the tables."""
        sheet = self.book.add_worksheet("填表说明")
        sheet.set_column(0, 0, 120)
        sheet.write_string(0, 0, "填表说明", self.forms["title"])
        values = {"basis": self.heading.basis, "as_of": _chinese_date(self.heading.data_as_of) or "未注明"}
        lines = [note.format(**values) for note in _NOTES]
        lines += ["七、本册为演示数据,地名真实,几何与人员均为虚构。"] if self.heading.demonstration else []
        for number, text in enumerate(lines, start=1):
            sheet.write_string(number, 0, text, self.forms["note"])
        _page_setup(sheet, 0, len(lines) + 1, self.heading, repeat=False)

    def save(self, path: Path) -> None:
        """Write the finished workbook whole or not at all."""
        self.book.close()
        partial = path.with_name(path.name + ".part")
        partial.write_bytes(self.held.getvalue())
        partial.replace(path)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _formats() -> dict[str, dict[str, Any]]:
    body = {"font_name": _BODY_FONT, "font_size": 11, "border": 1, "valign": "vcenter"}
    plain = {"font_name": _BODY_FONT, "font_size": 11, "valign": "vcenter"}
    summed = {**body, "bold": True, "bg_color": "#F2EEF6"}
    return {
        "title": {"font_name": _TITLE_FONT, "font_size": 22, "align": "center", "valign": "vcenter"},
        "caption": plain,
        "caption_right": {**plain, "align": "right"},
        "head": {**body, "font_name": "黑体", "align": "center", "text_wrap": True, "bg_color": "#E8E2EF"},
        "text": {**body, "num_format": "@", "align": "center"},
        "wrap": {**body, "num_format": "@", "text_wrap": True},
        "number": {**body, "num_format": "0", "align": "center"},
        "decimal": {**body, "num_format": "0.00", "align": "center"},
        "sum": {**summed, "num_format": "0", "align": "center"},
        "sum_decimal": {**summed, "num_format": "0.00", "align": "center"},
        "sum_label": {**summed, "align": "center"},
        "note": {**plain, "text_wrap": True},
    }


def _page_setup(sheet: Any, last: int, end: int, heading: Heading, *, repeat: bool = True) -> None:
    sheet.set_landscape()
    sheet.set_paper(_A3_PAPER)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.print_area(0, 0, end, last)
    marks = "  ".join(mark for mark in (_INTERNAL, "演示数据" if heading.demonstration else "", heading.state) if mark)
    sheet.set_header(f"&L{marks}")
    sheet.set_footer("&C第&P页 共&N页")
    if repeat:
        sheet.repeat_rows(0, 2)
        sheet.freeze_panes(3, 0)


def _ordered(rows: Iterable[Any]) -> list[Any]:
    """Keep towns and communities together in order of first appearance, rows in the order given."""
    listed = list(rows)
    places: dict[tuple[str, str], int] = {}
    towns: dict[str, int] = {}
    for row in listed:
        towns.setdefault(row.town, len(towns))
        places.setdefault((row.town, row.community), len(places))
    return sorted(listed, key=lambda r: (towns[r.town], places[r.town, r.community]))


def crosswalk_workbook(rows: Iterable[CrosswalkRow], path: Path, *, heading: Heading) -> Mapping[str, int]:
    """Write the cross-reference of old and new grids, subtotalled by community, with notes.

    Parameters
    ----------
    rows : iterable of CrosswalkRow
        One per link old → new; communities need not arrive sorted.
    path : Path
        An ``.xlsx`` file; written whole or not at all.
    heading : Heading, keyword

    Returns
    -------
    mapping
        ``rows``, ``old`` and ``new`` grids named, and ``households`` in total, as printed.

    Raises
    ------
    Refused
        No row.
    """
    listed = _ordered(rows)
    if not listed:
        raise Refused("there is no old or new grid to list", code="table-empty", remedy="publish a plan first")
    book = _Book(heading)
    book.table("变更对照表", heading.title, _CROSSWALK, listed)
    book.notes()
    book.save(path)
    return {
        "rows": len(listed),
        "old": len({(r.community, r.old_code, r.old_name) for r in listed if r.old_code or r.old_name}),
        "new": len({r.new_code for r in listed if r.new_code}),
        "households": sum(r.households for r in listed),
    }


def filing_workbook(
    rows: Iterable[FilingRow], crosswalk: Iterable[CrosswalkRow], path: Path, *, heading: Heading
) -> Mapping[str, int]:
    """Write the filing table, one sheet per kind of grid, then the cross-reference and the notes.

    Kinds stand apart, because base grids, exclusive grids and those of the forestry companies are
    counted apart (114, 236, 33) and never added up.

    Returns
    -------
    mapping
        Rows printed per kind.

    Raises
    ------
    Refused
        No row.
    """
    listed = _ordered(rows)
    if not listed:
        raise Refused("there is no grid to file", code="table-empty", remedy="activate a version first")
    book = _Book(heading)
    kinds = dict.fromkeys(row.kind for row in listed)
    for number, kind in enumerate(kinds):
        name = "备案表" if number == 0 else f"备案表({kind})"[:31]
        title = heading.title if number == 0 else f"{heading.title}({kind})"
        book.table(name, title, _FILING, [row for row in listed if row.kind == kind])
    links = _ordered(crosswalk)
    if links:
        book.table("变更对照表", f"{heading.title} 变更对照表", _CROSSWALK, links)
    book.notes()
    book.save(path)
    return {kind: sum(row.kind == kind for row in listed) for kind in kinds}


def masked(row: FilingRow) -> FilingRow:
    """Return a filing row as every edition but 报送 shows it: surnames only, no phone."""
    return dataclasses.replace(row, head=mask_name(row.head), worker=mask_name(row.worker), phone="")


_COMPOUND: Final = 2
_COMPOUND_SURNAMES: Final = ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐")


def mask_name(name: str) -> str:
    """Return a person's name with all but the surname starred (张*, 欧阳*)."""
    if not name or "*" in name:
        return name
    kept = _COMPOUND if name.startswith(_COMPOUND_SURNAMES) and len(name) > _COMPOUND else 1
    return name[:kept] + "*" * max(1, len(name) - kept)
