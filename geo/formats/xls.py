"""XLS workbooks (Excel 97–2003), still the commonest roster."""

from __future__ import annotations

import io
import struct
from typing import Any, Final

import xlrd

from geo.errors import HostileFile, NotFound, Refused, Where
from geo.formats.dataset import Harvest, Source
from geo.formats.tables import Merge, Sheet, read_sheet

__all__ = ["read_xls"]

# What xlrd's record parsing throws at damaged files, beside its own error.
_BROKEN: Final = (
    xlrd.XLRDError,
    xlrd.compdoc.CompDocError,
    struct.error,
    AssertionError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    UnicodeError,
    ValueError,
    ZeroDivisionError,
)


def read_xls(source: Source) -> Harvest:
    """Read all sheets, or the one named by `source.layer`; formulas by their stored results.

    Raises
    ------
    Refused
        Damaged, protected by a password, or without a table.
    HostileFile
        More rows or columns than allowed.
    """
    harvest = Harvest(source)
    place = Where(file=source.name)
    try:
        book = _open(source)
        harvest.encoding = str(book.encoding or "")
        harvest.encoding_evidence = "工作簿内声明"
        for sheet in _sheets(book, harvest):
            read_sheet(sheet, harvest)
    except _BROKEN as error:
        secret = "ncrypt" in str(error)
        message = "工作簿有密码" if secret else "工作簿已损坏"
        remedy = "去掉密码后另存再试" if secret else "用 WPS 或 Excel 打开后另存为 .xlsx 再试"
        raise Refused(message, code="xls-encrypted" if secret else "xls-broken", where=place, remedy=remedy) from error
    if not harvest.columns:
        raise Refused("没有找到表头", code="no-header", where=place, remedy="表头应在前几行, 且每列有列名")
    return harvest


def _open(source: Source) -> Any:
    # A log of its own, because xlrd writes notes on damaged files to the standard output.
    log = io.StringIO()
    return xlrd.open_workbook(
        file_contents=source.data,
        formatting_info=True,
        logfile=log,
        encoding_override=source.encoding,
    )


def _sheets(book: Any, harvest: Harvest) -> list[Sheet]:
    names = book.sheet_names()
    wanted = harvest.source.layer
    place = Where(file=harvest.source.name)
    if wanted is not None and wanted not in names:
        raise NotFound("没有这个工作表", where=place, remedy="工作表: " + "、".join(names)[:200])
    sheets = []
    for worksheet in book.sheets():
        if wanted is None and worksheet.visibility:
            harvest.warn(f"隐藏的工作表 {worksheet.name[:40]} 未读, 需要时用 --layer 指明")
        elif wanted in (None, worksheet.name):
            _check_size(worksheet, harvest)
            sheets.append(_sheet(book, worksheet))
    return sheets


def _check_size(worksheet: Any, harvest: Harvest) -> None:
    limits = harvest.source.limits
    if worksheet.nrows > limits.table_rows or worksheet.ncols > limits.table_columns:
        where = Where(file=harvest.source.name, layer=worksheet.name)
        raise HostileFile("行列过多", code="too-many-features", where=where, remedy="删去多余的行列, 或拆成几个文件")


def _sheet(book: Any, worksheet: Any) -> Sheet:
    rows = []
    for index in range(worksheet.nrows):
        row = [_value(book, cell) for cell in worksheet.row(index)]
        while row and row[-1] is None:
            row.pop()
        rows.append(row)
    # xlrd gives half-open ranges.
    merges = tuple(Merge(top, left, below - 1, right - 1) for top, below, left, right in worksheet.merged_cells)
    hidden = frozenset(column for column, info in worksheet.colinfo_map.items() if info.hidden)
    return Sheet(worksheet.name, rows, range(1, len(rows) + 1), merges, hidden, knows_merges=True)


def _value(book: Any, cell: Any) -> Any:
    if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK) or cell.value == "":
        return None
    if cell.ctype == xlrd.XL_CELL_DATE:
        try:
            return xlrd.xldate_as_datetime(cell.value, book.datemode)
        except (ValueError, OverflowError):
            return cell.value
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#VALUE!")
    return cell.value
