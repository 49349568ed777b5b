"""CSV and other delimited text: broken rows are named by their line, the good ones kept.

The fast road is the standard reader in strict mode. Where a quote is left open that road would
swallow the rest of the file into one cell, so then each record is put together by hand and the open
quote costs only its own line.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from geo.errors import HostileFile, Refused, Where
from geo.formats.dataset import Harvest, Source
from geo.formats.encoding import decode
from geo.formats.tables import Sheet, read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_csv"]

_DELIMITERS: Final = (",", "\t", ";", "，", "|")
_SAMPLE_LINES: Final = 30
_CELL_CHARS: Final = 131_072
# A cell with more line breaks than this is taken for an open quote.
_MAX_CELL_LINES: Final = 20
_Record = tuple[int, list[str] | None]


def read_csv(source: Source) -> Harvest:
    """Read a delimited text table.

    Raises
    ------
    EncodingUnknown
        No encoding fits without doubt.
    HostileFile
        More columns or rows than allowed.
    Refused
        No column names found.
    """
    harvest = Harvest(source)
    decoded = decode(source.data, declared=source.encoding, where=Where(file=source.name))
    harvest.encoding, harvest.encoding_evidence = decoded.encoding, decoded.evidence
    if "\x00" in decoded.text:
        raise Refused("文本含有空字符", code="csv-broken", where=Where(file=source.name), remedy="重新导出")
    delimiter = _delimiter(decoded.text)
    records = _records(decoded.text, delimiter)
    _check_limits(records, source)
    good = _refuse_broken(records, harvest)
    rows = [[cell if cell != "" else None for cell in cells] for _, cells in good]
    read_sheet(Sheet("", rows, [line for line, _ in good]), harvest)
    if not harvest.columns:
        raise Refused("没有找到表头", code="no-header", where=Where(file=source.name), remedy="第一行写列名")
    return harvest


def _delimiter(text: str) -> str:
    """Return the delimiter that splits the first lines into the same number (above one) of cells most often."""
    lines = [line for line in text[: _CELL_CHARS * 4].splitlines()[:_SAMPLE_LINES] if line.strip()]

    def score(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines if line.count(delimiter)]
        common = max(set(counts), key=counts.count, default=0)
        return counts.count(common), common

    best = max(_DELIMITERS, key=score)
    return best if score(best)[0] else ","


def _records(text: str, delimiter: str) -> list[_Record]:
    """Return (line, cells) of each record, cells None where the record cannot be split."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[_Record] = []
    line = 1
    try:
        for cells in reader:
            if reader.line_num - line >= _MAX_CELL_LINES:
                return list(_by_line(text, delimiter))
            records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error:
        return list(_by_line(text, delimiter))
    return records


def _by_line(text: str, delimiter: str) -> Iterator[_Record]:
    """Put records together line by line; an open quote that never closes breaks its first line only."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    number = 0
    while number < len(lines):
        cells, used = _one_record(lines, number, delimiter)
        yield number + 1, cells
        number += used


def _one_record(lines: list[str], start: int, delimiter: str) -> tuple[list[str] | None, int]:
    quotes = 0
    for used, line in enumerate(lines[start : start + _MAX_CELL_LINES], start=1):
        quotes += line.count('"')
        if quotes % 2 == 0:
            cells = _split("\n".join(lines[start : start + used]), delimiter)
            # Two open quotes far apart pair up by chance: a record of several lines must parse whole.
            if cells is not None or used == 1:
                return cells, used
            break
    return None, 1


def _split(record: str, delimiter: str) -> list[str] | None:
    try:
        found = list(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else [] if not found else None


def _check_limits(records: list[_Record], source: Source) -> None:
    place = Where(file=source.name)
    widest = max((len(cells) for _, cells in records if cells), default=0)
    if widest > source.limits.table_columns:
        message = f"超过 {source.limits.table_columns} 列"
        raise HostileFile(message, code="too-many-columns", where=place, remedy="删去不用的列")
    if len(records) > source.limits.table_rows + _SAMPLE_LINES:
        message = f"超过 {source.limits.table_rows} 行"
        raise HostileFile(message, code="too-many-features", where=place, remedy="拆成几个文件分别导入")


def _refuse_broken(records: list[_Record], harvest: Harvest) -> list[tuple[int, list[str]]]:
    """Refuse records that do not parse or differ in width from the table, title and foot lines aside."""
    widths = [len(cells) for _, cells in records if cells and any(cells)]
    width = max(set(widths), key=lambda w: (widths.count(w) * (w > 1), w), default=0)
    good: list[tuple[int, list[str]]] = []
    for line, cells in records:
        if cells is None:
            harvest.refuse(line, "row-broken", "引号没有成对, 该行无法分列", "补上或删去引号")
        elif not any(cells):
            continue
        elif _fits(cells, width):
            good.append((line, cells))
        else:
            filled = f"应有 {width} 列, 实有 {len(cells)} 列"
            harvest.refuse(line, "row-width", filled, "检查该行多出或缺少的分隔符")
    return good


def _fits(cells: list[str], width: int) -> bool:
    """Whether a row has the right width, is longer only by blanks, or is a lone title or foot cell."""
    if len(cells) == width:
        return True
    if len(cells) > width:
        return not any(cells[width:])
    return sum(1 for cell in cells if cell.strip()) == 1 and width > 2  # noqa: PLR2004 - a title above a table
