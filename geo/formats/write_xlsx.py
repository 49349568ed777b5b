"""Features to a workbook: one sheet, texts as texts (codes keep their digits, nothing becomes a formula)."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from geo.errors import Refused, Where

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geo.crs import Datum
    from geo.formats.dataset import Feature

__all__ = ["write_xlsx"]

_ROWS: Final = 1_048_575  # a sheet's rows, less the heading
_CHARS: Final = 32_767
_TITLE: Final = 31
_WIDTH: Final = 18.0
_DIGITS: Final = 15  # a longer whole number loses its last digits in a spreadsheet


def write_xlsx(path: Path, rows: Sequence[Feature], *, columns: Sequence[str], layer: str, datum: Datum) -> list[str]:
    """Write the values of features as one sheet with a heading row; geometry does not fit and is left out.

    Parameters
    ----------
    layer : str
        Name of the sheet, cut to the 31 characters a sheet may have.

    Returns
    -------
    list of str
        What could not be kept.

    Raises
    ------
    Refused
        More rows or a longer text than a sheet holds.
    """
    del datum
    if len(rows) > _ROWS:
        raise Refused(f"表格最多 {_ROWS} 行", code="too-many-rows", where=Where(file=path.name), remedy="改用 CSV")
    # All values are looked at before the workbook begins: one given up halfway would leave a file behind.
    lines = [[_value(row.properties.get(name), row, path) for name in columns] for row in rows]
    book = Workbook(write_only=True)
    sheet = book.create_sheet(layer[:_TITLE])
    sheet.freeze_panes = "A2"
    for number in range(1, len(columns) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = _WIDTH
    heading = [_text(sheet, name) for name in columns]
    for cell in heading:
        cell.font = Font(bold=True)
    sheet.append(heading)
    for line in lines:
        sheet.append([_text(sheet, value) if isinstance(value, str) else value for value in line])
    book.save(path)
    return ["表格不含图形"] if any(row.geometry is not None for row in rows) else []


def _value(value: Any, row: Feature, path: Path) -> Any:
    """Return numbers, dates and nothing as such, all else as text."""
    if value is None or isinstance(value, (float, dt.date, dt.time)):
        return value
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return value if abs(value) < 10**_DIGITS else str(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    if len(text) > _CHARS:
        where = Where(file=path.name, row=row.row)
        raise Refused(f"单元格最多 {_CHARS} 个字", code="text-too-long", where=where, remedy="改用 CSV 或 GeoJSON")
    return text


def _text(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text))
    # Set after the value: openpyxl takes "=…" for a formula otherwise.
    cell.data_type = "s"
    cell.number_format = "@"
    return cell
