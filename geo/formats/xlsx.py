"""XLSX workbooks, read row by row after the zip directory has been looked at.

openpyxl's read-only mode streams cells but knows neither merged ranges nor hidden columns; those are
taken from the sheet's XML with a scan that never builds a tree.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, Final

import openpyxl
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from geo.errors import HostileFile, NotFound, Refused, Where
from geo.formats.archive import Archive, open_archive
from geo.formats.dataset import Harvest, Source
from geo.formats.tables import Merge, Sheet, read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_xlsx"]

_MERGE: Final = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=\"([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})\"")
_COLUMN: Final = re.compile(rb"<(?:\w+:)?col\s([^>]*?)/?>")
_ATTRIBUTE: Final = re.compile(rb"(\w+)=\"([^\"]*)\"")
_UNCOMPUTED: Final = re.compile(
    rb"<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*(?:/>|></(?:\w+:)?v>))?\s*</(?:\w+:)?c>"
)
_DTD: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_EXTERNAL: Final = "xl/externalLinks/"
_MAX_MERGES: Final = 50_000
_EMPTY_RUN: Final = 10_000
_BROKEN: Final = (
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    SyntaxError,  # xml.etree's ParseError
    OverflowError,
    zipfile.BadZipFile,
    InvalidFileException,
)


def read_xlsx(source: Source) -> Harvest:
    """Read all sheets of a workbook, or the one named by `source.layer`; formulas by their stored results.

    Raises
    ------
    HostileFile
        A bomb, a DTD, or more rows or columns than allowed.
    Refused
        Damaged, protected by a password, or without a table.
    """
    harvest = Harvest(source)
    harvest.encoding, harvest.encoding_evidence = "utf-8", "XLSX 规定为 Unicode"
    archive = open_archive(source.data, limits=source.limits, file=source.name, nested=True)
    if any(member.name.startswith(_EXTERNAL) for member in archive.members):
        harvest.warn("工作簿引用了别的文件, 引用值按保存时的结果读取")
    parts = {member.name: archive.read(member) for member in archive.members if member.suffix in {".xml", ".rels"}}
    if any(_DTD.search(part[:1024]) for part in parts.values()):
        raise harvest.hostile("xml-entities", "XML 含有 DTD 或实体定义", "重新导出该文件")
    with warnings.catch_warnings():
        # Unknown extensions and date styles are of no account for reading values.
        warnings.simplefilter("ignore")
        _read_book(source, archive, parts, harvest)
    if not harvest.columns:
        raise Refused(
            "没有找到表头", code="no-header", where=Where(file=source.name), remedy="表头应在前几行, 且每列有列名"
        )
    return harvest


def _read_book(source: Source, archive: Archive, parts: dict[str, bytes], harvest: Harvest) -> None:
    place = Where(file=source.name)
    try:
        book = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True, data_only=True, keep_links=False)
        if source.layer is not None and source.layer not in book.sheetnames:
            remedy = "工作表: " + "、".join(book.sheetnames)[:200]
            raise NotFound("没有这个工作表", where=place, remedy=remedy)
        for worksheet in book.worksheets:
            if source.layer in (None, worksheet.title):
                _read_worksheet(worksheet, parts, harvest)
        book.close()
    except _BROKEN as error:
        raise Refused(
            "工作簿已损坏", code="xlsx-broken", where=place, remedy="用 WPS 或 Excel 打开后另存再试"
        ) from error
    del archive


def _read_worksheet(worksheet: Any, parts: dict[str, bytes], harvest: Harvest) -> None:
    if worksheet.sheet_state != "visible" and harvest.source.layer is None:
        harvest.warn(f"隐藏的工作表 {worksheet.title[:40]} 未读, 需要时用 --layer 指明")
        return
    worksheet.reset_dimensions()  # the stated dimension may lie
    rows, numbers = [], []
    for number, row in _rows(worksheet, harvest):
        rows.append(row)
        numbers.append(number)
    xml = parts.get(str(worksheet._worksheet_path).lstrip("/"), b"")  # noqa: SLF001 - the only way to the sheet's part
    stale = len(_UNCOMPUTED.findall(xml))
    if stale:
        harvest.warn(f"工作表 {worksheet.title[:40]}: {stale} 个公式没有保存结果, 用 Excel 或 WPS 打开保存后再导入")
    # Rows are kept from the first one on, so that index + 1 is the row number merges refer to.
    sheet = Sheet(worksheet.title, rows, numbers, _merges(xml), _hidden(xml), knows_merges=True)
    read_sheet(sheet, harvest)


def _rows(worksheet: Any, harvest: Harvest) -> Iterator[tuple[int, list[Any]]]:
    limits = harvest.source.limits
    empty = 0
    for number, cells in enumerate(worksheet.iter_rows(values_only=True), start=1):
        row = _trimmed(cells)
        if len(row) > limits.table_columns:
            raise _too_large(harvest, worksheet.title, "too-many-columns", f"超过 {limits.table_columns} 列")
        if number > limits.table_rows + 1:
            raise _too_large(harvest, worksheet.title, "too-many-features", f"超过 {limits.table_rows} 行")
        empty = 0 if row else empty + 1
        if empty > _EMPTY_RUN:
            harvest.warn(f"工作表 {worksheet.title[:40]}: 连续 {_EMPTY_RUN} 个空行之后的内容未读")
            return
        yield number, row


def _trimmed(cells: tuple[Any, ...]) -> list[Any]:
    row = list(cells)
    while row and row[-1] is None:
        row.pop()
    return row


def _too_large(harvest: Harvest, layer: str, code: str, message: str) -> HostileFile:
    where = Where(file=harvest.source.name, layer=layer)
    return HostileFile(message, code=code, where=where, remedy="删去多余的行列, 或拆成几个文件")


def _merges(xml: bytes) -> tuple[Merge, ...]:
    found = []
    for match in _MERGE.finditer(xml):
        left, top, right, bottom = range_boundaries(match.group(1).decode("ascii"))
        found.append(Merge(int(top or 1) - 1, int(left or 1) - 1, int(bottom or 1) - 1, int(right or 1) - 1))
        if len(found) >= _MAX_MERGES:
            break
    return tuple(found)


def _hidden(xml: bytes) -> frozenset[int]:
    columns: set[int] = set()
    for match in _COLUMN.finditer(xml[: 1 << 16]):
        attributes = dict(_ATTRIBUTE.findall(match.group(1)))
        if attributes.get(b"hidden") in {b"1", b"true"}:
            first, last = int(attributes.get(b"min", b"1")), int(attributes.get(b"max", b"1"))
            columns.update(range(first - 1, min(last, first + 999)))
    return frozenset(columns)
