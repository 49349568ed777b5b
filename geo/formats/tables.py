"""From a sheet as staff type it to rows with column names.

Titles above, heads of two rows, merged community cells, 合计 rows, a 填表人 line at the foot, hidden
columns, "312户": everything that is passed over or changed is warned of, and original values are kept
in `Feature.raw`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from geo.formats.dataset import Feature, Harvest, name_of
from geo.formats.numerals import count_of, normalise, strip_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Merge", "Sheet", "is_count_column", "is_identifier_column", "personal_columns", "read_sheet"]

_SEARCH_ROWS: Final = 12
_HEAD_SHARE: Final = 0.5
_TOTAL: Final = re.compile(r"^(?:合计|小计|总计|共计|累计|本页合计|[^\d]{1,12}(?:合计|小计))[::]?$")
_FOOTER: Final = re.compile(
    r"^(?:填表人|制表人|制表|填报人|填报单位|填表单位|审核人|审核|负责人|联系人|联系电话|单位负责人|填表日期|制表日期|"
    r"填报日期|日期|注|说明|备注)\s*[::]"
)
_AREA_COLUMN: Final = re.compile(
    r"^(?:所属|所在)?(?:镇|乡镇|街道|镇\(街道\)|社区|社区\(村\)|村|社区名称|镇名称|乡镇街道)(?:名称)?$"
)
_COUNT_COLUMN: Final = re.compile(
    r"(?:户数|人数|人口|栋数|楼栋数|数量|面积|党员数|单元数|总数|门店数|[^\W\d]数)(?:[/((].*)?$"
)
_IDENTIFIER: Final = re.compile(
    r"身份证|证件号|公民身份|电话|手机|联系方式|编码|编号|代码|号码|户号|工单号|单号|邮编|(?:^|_)(?:id|code|phone|tel|mobile)(?:$|_)",
    re.IGNORECASE,
)
_PERSONAL: Final = re.compile(
    r"姓名|户主|联系人|身份证|证件号|公民身份|电话|手机|联系方式|出生|民族|政治面貌|与户主关系|银行|微信|"
    r"网格员$|网格长$|(?:^|_)(?:name_cn|phone|tel|mobile|id_?card)(?:$|_)",
    re.IGNORECASE,
)
_SCIENTIFIC: Final = re.compile(r"^\d(?:\.\d+)?[eE]\+?\d{2}$")
_EXACT_DIGITS: Final = 15
_NUMERIC: Final = re.compile(r"^[+-]?\d[\d,]*(?:\.\d+)?$")
_CAPTION: Final = re.compile(r"^(?:[^:]{1,8}:\s*\S.*|(?:19|20)\d\d\s*[年./-].*)$")
_ERRORS: Final = frozenset({"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})
_FOOTER_CELLS: Final = 6
_COUNTS: Final = "count"
_IDENTIFIES: Final = "identifier"


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged range; 0-based, last row and column included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cells of one sheet: `numbers` holds the row number a person sees for each row of `rows`."""

    name: str
    rows: Sequence[Sequence[Any]]
    numbers: Sequence[int]
    merges: Sequence[Merge] = ()
    hidden: frozenset[int] = frozenset()
    knows_merges: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    """A named column: where it stands and what its cells are for."""

    index: int
    name: str
    role: str


def is_count_column(name: str) -> bool:
    """Whether a column holds numbers of things, so that ``312户`` means 312."""
    return _COUNT_COLUMN.search(normalise(name)) is not None and not is_identifier_column(name)


def is_identifier_column(name: str) -> bool:
    """Whether a column holds codes, document or phone numbers, which are text even when all digits."""
    return _IDENTIFIER.search(normalise(name)) is not None


def personal_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that hold personal data by their names; they are dropped unless a use is declared."""
    return tuple(name for name in columns if _PERSONAL.search(normalise(name)))


def read_sheet(sheet: Sheet, harvest: Harvest) -> None:
    """Read one sheet into the harvest, as a layer of the sheet's name."""
    grid = [[_clean(cell) for cell in row] for row in sheet.rows]
    head = _find_head(sheet, grid)
    if head is None:
        if any(_filled(row) for row in grid):
            harvest.warn(f"工作表 {sheet.name[:40]} 没有找到表头, 未读")
        return
    if sheet.name:
        harvest.layers.setdefault(sheet.name)
    columns, start = _columns(sheet, grid, head)
    if head > 0:
        harvest.warn(f"{_label(sheet)}表头在第 {sheet.numbers[head]} 行, 其上为标题")
    _note_hidden(sheet, columns, harvest)
    _fill_down(sheet, grid, start, columns, harvest)
    harvest.columns.update(dict.fromkeys(name for name in columns if name))
    named = [_Column(index, name, _role(name)) for index, name in enumerate(columns) if name]
    for index in range(start, len(grid)):
        _read_row(sheet, grid[index], index, named, head_row=grid[head], harvest=harvest)


def _role(name: str) -> str:
    name = re.sub(r"(?:_2)+$", "", name)  # the mark of a repeated name
    if is_identifier_column(name):
        return _IDENTIFIES
    return _COUNTS if is_count_column(name) else ""


def _label(sheet: Sheet) -> str:
    return f"工作表 {sheet.name[:40]}: " if sheet.name else ""


def _clean(cell: Any) -> Any:
    if isinstance(cell, str):
        text = strip_marks(cell)
        return text or None
    return cell


def _filled(row: Sequence[Any]) -> int:
    return len(row) - row.count(None)


def _is_label(cell: Any) -> bool:
    """Whether a cell can be a column's name: words, not a number, not ``单位: …`` or a date above the table."""
    if not isinstance(cell, str):
        return False
    text = normalise(cell)
    return not _NUMERIC.match(text) and not _CAPTION.match(text)


def _find_head(sheet: Sheet, grid: list[list[Any]]) -> int | None:
    """Return the index of the first row that looks like column names: wide and all words."""
    top = grid[: _SEARCH_ROWS * 2]
    width = max((_filled(row) for row in top), default=0)
    for index, row in enumerate(top[:_SEARCH_ROWS]):
        labels = [cell for cell in row if cell is not None]
        lone = len(labels) == 1 and width > 1
        wide = _spread(sheet, row, index, width) >= max(min(2, width), _HEAD_SHARE * width)
        words = all(_is_label(cell) for cell in labels) and len(set(labels)) > len(labels) // 2
        if labels and wide and words and not lone:
            return index
    return None


def _spread(sheet: Sheet, row: Sequence[Any], index: int, width: int) -> int:
    """Count filled cells, a merged head such as 人口数 for all columns it spans, but a title for one."""
    covered = _filled(row)
    for merge in sheet.merges:
        span = merge.right - merge.left
        if merge.top == index and 0 < span < width * _HEAD_SHARE:
            covered += span
    return covered


def _columns(sheet: Sheet, grid: list[list[Any]], head: int) -> tuple[list[str], int]:
    """Return the column names, heads of two rows joined by a slash, and where the body starts."""
    width = max(len(row) for row in grid)
    lower = _second_head(sheet, grid, head, width)  # may carry a head over the blanks it spans
    upper = _spanned(sheet, grid, head, width)
    start = head + 1 if lower is None else head + 2
    names: list[str] = []
    for column in range(width):
        parts = [upper[column], lower[column] if lower else None]
        words = [re.sub(r"\s+", "", str(part)) for part in parts if part is not None]
        name = "/".join(dict.fromkeys(words))
        if not name and any(column < len(row) and row[column] is not None for row in grid[start:]):
            name = f"列{column + 1}"
        while name and name in names:
            name += "_2"
        names.append(name)
    return names, start


def _spanned(sheet: Sheet, grid: list[list[Any]], index: int, width: int) -> list[Any]:
    row = [*grid[index], *[None] * (width - len(grid[index]))]
    for merge in sheet.merges:
        if merge.top == index and merge.right > merge.left:
            for column in range(merge.left + 1, min(merge.right + 1, width)):
                row[column] = row[column] if row[column] is not None else row[merge.left]
    return row


def _second_head(sheet: Sheet, grid: list[list[Any]], head: int, width: int) -> list[Any] | None:
    """Return the second head row where there is one: below a merged head, or filling the first one's blanks."""
    if head + 1 >= len(grid):
        return None
    below = [*grid[head + 1], *[None] * (width - len(grid[head + 1]))]
    if not any(below) or not all(_is_label(cell) for cell in below if cell is not None):
        return None
    across = [m for m in sheet.merges if m.top == head and m.bottom == head and m.right > m.left]
    under = {column for merge in across for column in range(merge.left, merge.right + 1)}
    if under and any(below[column] is not None for column in under if column < width):
        return below if all(below[c] is None or c in under for c in range(width)) else None
    if sheet.knows_merges:
        return None
    first = [*grid[head], *[None] * (width - len(grid[head]))]
    blanks = {column for column in range(width) if first[column] is None}
    filled = {column for column in range(width) if below[column] is not None}
    # Under 人口数 | (blank) | (blank) stand 户籍 | 常住 | 流动: the blanks and the cell before them, nothing else.
    allowed = blanks | {column - 1 for column in blanks}
    if not blanks or 0 in blanks or not blanks <= filled or not filled <= allowed:
        return None
    for column in sorted(blanks):
        grid[head].extend([None] * (column + 1 - len(grid[head])))
        grid[head][column] = grid[head][column - 1]
    return below


def _note_hidden(sheet: Sheet, columns: list[str], harvest: Harvest) -> None:
    names = [columns[column] for column in sorted(sheet.hidden) if column < len(columns) and columns[column]]
    if names:
        harvest.warn(f"{_label(sheet)}隐藏的列也已读取: {'、'.join(names)[:120]}")


def _fill_down(sheet: Sheet, grid: list[list[Any]], start: int, columns: list[str], harvest: Harvest) -> None:
    """Give merged cells their value in every row; where merges are unknown, only to grouped area columns."""
    filled = 0
    for merge in sheet.merges:
        if merge.top < start or merge.bottom == merge.top or merge.top >= len(grid):
            continue
        value = grid[merge.top][merge.left] if merge.left < len(grid[merge.top]) else None
        for index in range(merge.top + 1, min(merge.bottom + 1, len(grid))):
            filled += _put(grid[index], merge.left, value)
    if not sheet.knows_merges:
        for column, name in enumerate(columns):
            if _AREA_COLUMN.match(normalise(name)) and _is_grouped(grid[start:], column):
                filled += _carry(grid[start:], column)
    if filled:
        harvest.warn(f"{_label(sheet)}合并单元格已向下填充 {filled} 格")


def _put(row: list[Any], column: int, value: Any) -> int:
    if value is None or _filled(row) == 0:
        return 0
    row.extend([None] * (column + 1 - len(row)))
    if row[column] is not None:
        return 0
    row[column] = value
    return 1


def _is_grouped(rows: list[list[Any]], column: int) -> bool:
    """Whether blanks follow the first of a group: each value stands exactly once and the first row has one."""
    values = [row[column] if column < len(row) else None for row in rows if _filled(row)]
    named = [value for value in values if value is not None]
    return bool(named) and values[0] is not None and len(set(map(str, named))) == len(named) < len(values)


def _carry(rows: list[list[Any]], column: int) -> int:
    value, filled = None, 0
    for row in rows:
        if column < len(row) and row[column] is not None:
            value = row[column]
        elif not _is_total(row) and not _is_footer(row):
            filled += _put(row, column, value)
    return filled


def _read_row(
    sheet: Sheet, row: list[Any], index: int, columns: Sequence[_Column], *, head_row: list[Any], harvest: Harvest
) -> None:
    if _filled(row) == 0:
        return
    if row == head_row:
        harvest.warn(f"{_label(sheet)}重复的表头行已略过")
    elif _is_total(row):
        harvest.warn(f"{_label(sheet)}合计/小计行已略过")
    elif _is_footer(row):
        harvest.warn(f"{_label(sheet)}表尾 (填表人等) 已略过")
    else:
        properties, raw = _values(row, columns, harvest)
        harvest.take(Feature(sheet.numbers[index], properties, None, sheet.name, name_of(properties), raw))


def _first_text(row: Sequence[Any]) -> list[str]:
    return [cell for cell in row[:5] if isinstance(cell, str)][:2]


def _is_total(row: Sequence[Any]) -> bool:
    return any("计" in word and _TOTAL.match(_squeezed(word)) for word in _first_text(row))


def _is_footer(row: Sequence[Any]) -> bool:
    words = _first_text(row)[:1]
    marked = bool(words) and (":" in words[0] or "：" in words[0])
    return marked and _FOOTER.match(_squeezed(words[0])) is not None and _filled(row) <= _FOOTER_CELLS


def _squeezed(text: str) -> str:
    return normalise(text).replace(" ", "")


def _values(row: list[Any], columns: Sequence[_Column], harvest: Harvest) -> tuple[dict[str, Any], dict[str, Any]]:
    properties: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    for column in columns:
        cell = row[column.index] if column.index < len(row) else None
        value = cell
        if cell is not None and (column.role or cell.__class__ is not str or cell[0] == "#"):
            value = _value(column, cell, harvest)
            if value is None or (isinstance(cell, str) and value != cell):
                raw[column.name] = cell
        properties[column.name] = value
    return properties, raw


def _value(column: _Column, cell: Any, harvest: Harvest) -> Any:
    """Return a cell's value by what its column holds."""
    if isinstance(cell, (bool, dt.date, dt.time)):
        return cell
    if isinstance(cell, str) and cell in _ERRORS:
        harvest.warn(f"列 {column.name} 有公式错误值")
        return None
    if column.role == _IDENTIFIES:
        return _identifier(column.name, cell, harvest)
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str) and column.role == _COUNTS:
        number = count_of(cell)
        return cell if number is None else number
    return cell


def _identifier(name: str, cell: Any, harvest: Harvest) -> str | None:
    """Return a code or number as text, None where Excel has destroyed its last digits."""
    if isinstance(cell, (int, float)):
        text = str(int(cell)) if float(cell).is_integer() else str(cell)
        if len(text) > _EXACT_DIGITS:
            harvest.warn(f"列 {name} 的长号码被表格软件存成数值, 末位已失真, 未采用: 请把该列设为文本后重新录入")
            return None
        harvest.warn(f"列 {name} 是数值, 已按文本读取; 开头的 0 可能已丢失")
        return text
    if cell.isascii() and cell.isalnum() and "E" not in cell.upper():
        return str(cell)
    if _SCIENTIFIC.match(cell):
        harvest.warn(f"列 {name} 有科学计数法的号码 (如 2.3E+14), 末位已丢失, 未采用: 请把该列设为文本后重新导出")
        return None
    return normalise(cell)
