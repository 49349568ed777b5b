"""Facts written into a KML description: HTML tables, or lines such as ``户数:312``."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from geo.formats.numerals import strip_marks

__all__ = ["read_description"]

_PAIR: Final = re.compile(r"^\s*(?P<key>[^:：=\s][^:：=]{0,19}?)\s*[:：=]\s*(?P<value>\S.*?)\s*$")
_SPLIT: Final = re.compile(r"[\r\n;；]+")
_BREAKING: Final = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4"})
_CELLS: Final = frozenset({"td", "th"})
_SILENT: Final = frozenset({"script", "style"})
_MAX_CELLS: Final = 10_000


class _Page(HTMLParser):
    """Collects table rows and the remaining text of an HTML fragment; markup itself is dropped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.text: list[str] = []
        self._cell: list[str] | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "tr":
            self.rows.append([])
        elif tag in _CELLS and self.rows:
            self._close()
            self._cell = []
        self._silent += tag in _SILENT
        if tag in _BREAKING:
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _CELLS or tag == "tr":
            self._close()
        self._silent -= tag in _SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            (self.text if self._cell is None else self._cell).append(data)

    def _close(self) -> None:
        if self._cell is not None and len(self.rows) < _MAX_CELLS:
            self.rows[-1].append(strip_marks("".join(self._cell)))
        self._cell = None


def read_description(text: str) -> tuple[dict[str, str], str]:
    """Return the facts a description states, and the text that is left over.

    Parameters
    ----------
    text : str
        Plain text or HTML.

    Examples
    --------
    >>> read_description("户数:312<br/>人数：805<br>沿河一片")
    ({'户数': '312', '人数': '805'}, '沿河一片')
    >>> read_description("<table><tr><td>户数</td><td>312</td></tr></table>")
    ({'户数': '312'}, '')
    """
    page = _Page()
    page.feed(text)
    page.close()
    facts = _facts_of_rows([row for row in page.rows if any(row)])
    left = []
    for line in _SPLIT.split("".join(page.text)):
        pair = _PAIR.match(strip_marks(line))
        if pair and "//" not in pair["value"][:2]:
            facts.setdefault(pair["key"], pair["value"])
        elif line.strip():
            left.append(strip_marks(line))
    return facts, "\n".join(left)


def _facts_of_rows(rows: list[list[str]]) -> dict[str, str]:
    """Read key-value rows, or one row of heads above one row of values."""
    if len(rows) == 2 and len(rows[0]) == len(rows[1]) > 2:  # noqa: PLR2004 - a head row and a value row
        return {key: value for key, value in zip(rows[0], rows[1], strict=True) if key}
    facts: dict[str, str] = {}
    for row in rows:
        # Four cells a row is the common "two pairs side by side" form.
        for key, value in zip(row[0::2], row[1::2], strict=False):
            if key:
                facts.setdefault(key.rstrip(":："), value)
    return facts
