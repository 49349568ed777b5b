"""The bundled Chinese font: measured, embedded, and checked for every character before a sheet is drawn.

Fonts are taken by file path, never by system name, so a sheet looks the same on every machine; a
character without a glyph is an error that names it, not an empty box on a meeting's paper.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font, LoadFlags

from geo.errors import Refused
from maps.safe import ASSETS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MM_PER_POINT", "Weight", "font", "printable", "require_glyphs", "text_width_mm"]

MM_PER_POINT: Final = 25.4 / 72


class Weight(StrEnum):
    """The two weights that are bundled."""

    REGULAR = "Regular"
    BOLD = "Bold"


@dataclass(frozen=True, slots=True)
class _Face:
    """One font file: which characters it has and how wide they are, in ems."""

    reader: Any
    characters: frozenset[int]

    def advance(self, character: str) -> float:
        glyph = self.reader.load_char(ord(character), flags=LoadFlags.NO_SCALE)
        return float(glyph.horiAdvance) / float(self.reader.units_per_EM)


def _path(weight: Weight) -> str:
    return str(ASSETS / "fonts" / f"SourceHanSansCN-{weight.value}.otf")


@lru_cache(maxsize=2)
def _face(weight: Weight) -> _Face:
    reader = FT2Font(_path(weight))
    return _Face(reader, frozenset(reader.get_charmap()))


@lru_cache(maxsize=20_000)
def _advance(character: str, weight: Weight) -> float:
    return _face(weight).advance(character)


@lru_cache(maxsize=256)
def font(size: float, weight: Weight = Weight.REGULAR) -> FontProperties:
    """Return matplotlib's handle on the bundled font at `size` points."""
    return FontProperties(fname=_path(weight), size=size)


def text_width_mm(text: str, size: float, weight: Weight = Weight.REGULAR) -> float:
    """Return the width of one line of text in millimetres."""
    return sum(_advance(c, weight) for c in text) * size * MM_PER_POINT


def printable(text: str) -> str:
    """Return text as one printable line: control and format characters shown as their symbol or a blank.

    A line end, a tab or a direction mark in a name would otherwise break a sheet or reverse its
    neighbours; the letters themselves stay.
    """
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} else c for c in text)


def require_glyphs(texts: Iterable[str]) -> None:
    """Raise unless the bundled font can draw every character of every text.

    Raises
    ------
    Refused
        Names each missing character, its code point and the first text that holds it.
    """
    known = _face(Weight.REGULAR).characters & _face(Weight.BOLD).characters
    missing: dict[str, str] = {}
    for text in texts:
        for character in printable(text):
            if ord(character) not in known:
                missing.setdefault(character, text)
    if missing:
        named = "; ".join(f"“{c}” (U+{ord(c):04X}) in “{t[:40]}”" for c, t in list(missing.items())[:10])
        raise Refused(
            f"the sheet's font has no glyph for {len(missing)} character(s): {named}",
            code="glyph-missing",
            remedy="write the name with another character, or correct the row it comes from",
        )
