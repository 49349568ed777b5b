"""One row of a file, asked by field; a wrong cell raises `RowRefused` with column and reason."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from geo.errors import Where
from geo.formats import Feature, Rejected
from geo.formats.numerals import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

__all__ = ["RowReader", "RowRefused", "rejection"]

_COUNT = re.compile(r"^(-?\d+(?:\.\d+)?)\s*(?:户|人|个|栋|㎡|m2|平方米|岁)?$")
_DATE_FORMS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d%H%M%S",
)
# Names of streets, compounds and communities repeat down a register of thousands of rows.
_folded = lru_cache(maxsize=1 << 16)(normalise)
_TRUE = frozenset({"true", "1", "是", "有", "y", "yes"})


class RowRefused(Exception):
    """A row that cannot be accepted: code, column and remedy."""

    def __init__(self, message: str, *, code: str, column: str = "", remedy: str = "correct the cell") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.column = column
        self.remedy = remedy


def rejection(error: RowRefused, feature: Feature, file: str) -> Rejected:
    """Turn a refused row into the report's line."""
    where = Where(file=file, layer=feature.layer or None, row=feature.row, column=error.column or None)
    return Rejected(where=where, code=error.code, message=error.message, remedy=error.remedy)


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads fields of one feature through the file's field → column table."""

    feature: Feature
    columns: Mapping[str, str]
    timezone: ZoneInfo

    def raw(self, field: str) -> Any:
        """Return the cell as the file has it, None where there is no such column."""
        column = self.columns.get(field)
        return self.feature.properties.get(column) if column is not None else None

    def text(self, field: str) -> str:
        """Return the cell as trimmed text in composed form; numbers without a trailing ``.0``."""
        value = self.raw(field)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return ""
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return _folded(str(value))

    def needed(self, field: str) -> str:
        """Return a text that must not be empty."""
        text = self.text(field)
        if not text:
            raise RowRefused(
                f"{field} is empty", code="cell-empty", column=self.columns.get(field, field), remedy="fill the cell in"
            )
        return text

    def count(self, field: str, *, default: int = 0) -> int:
        """Return a count ≥ 0 ("312户" is 312)."""
        number = self.number(field)
        if number is None:
            return default
        if number < 0 or number != int(number):
            raise RowRefused(f"{field} is not a count", code="count-bad", column=self.columns.get(field, field))
        return int(number)

    def number(self, field: str) -> float | None:
        """Return a finite number, None where the cell is empty."""
        value = self.raw(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        text = self.text(field).replace(",", "")
        if text in {"", "无", "-", "—", "/"}:
            return None
        match = _COUNT.match(text)
        value = _float(match.group(1) if match else text)
        if value is None or not math.isfinite(value):
            raise RowRefused(
                f"{field} is not a finite number", code="number-bad", column=self.columns.get(field, field)
            )
        return value

    def listed(self, field: str) -> tuple[str, ...]:
        """Return the parts of a cell that lists several, joined by ; or 、 or a comma."""
        return tuple(part.strip() for part in re.split(r"[;；、,，]", self.text(field)) if part.strip())

    def flag(self, field: str) -> bool:
        """Return a yes/no cell."""
        return self.text(field).lower() in _TRUE

    def moment(self, field: str) -> dt.datetime:
        """Return a date and time (county time zone) as an aware value in UTC."""
        value = self.raw(field)
        local = value if isinstance(value, dt.datetime) else self._parse_moment(self.needed(field), field)
        return (local if local.tzinfo else local.replace(tzinfo=self.timezone)).astimezone(dt.UTC)

    def _parse_moment(self, text: str, field: str) -> dt.datetime:
        plain = text.replace("T", " ").split(".")[0]
        for form in _DATE_FORMS:
            try:
                return dt.datetime.strptime(plain, form).replace(tzinfo=self.timezone)
            except ValueError:
                continue
        raise RowRefused(
            f"{field} is not a date",
            code="date-bad",
            column=self.columns.get(field, field),
            remedy="write it as 2025-03-01 14:30",
        )


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
