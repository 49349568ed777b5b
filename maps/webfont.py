"""The bundled Chinese font as a web page carries it: cut down to the characters that occur in the page.

A page that names the reader's fonts shows empty boxes on a machine without Chinese ones. What is made here
stands inside the page, so every character that the bundled font knows is drawn on every machine.

The licence (SIL OFL 1.1) allows the cut and asks two things of it: another name than the reserved "Source", and
the copyright and licence notes, which stay in the font and are said once more in the style.
"""

from __future__ import annotations

import base64
import html
import io
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from maps import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FAMILY", "characters_of", "font_faces"]

FAMILY: Final = "wangge-hans"

# CSS weight -> file of that weight.
_WEIGHTS: Final = {400: "Regular", 700: "Bold"}
_ASCII: Final = frozenset(map(chr, range(0x20, 0x7F)))
# Vertical writing, feature tables and baselines of other scripts are of no use to a page and cost a third of it.
_DROPPED: Final = ("BASE", "GPOS", "GSUB", "VORG", "vhea", "vmtx")
_COPYRIGHT, _FAMILY, _STYLE, _IDENTITY, _FULL, _POSTSCRIPT, _LICENCE, _LICENCE_PLACE = 0, 1, 2, 3, 4, 6, 13, 14
_NOTE: Final = (
    f"/* {FAMILY}: Source Han Sans CN cut to the characters of this page, © 2014, 2015 Adobe Systems Incorporated, "
    "SIL Open Font License 1.1 */\n"
)


def characters_of(texts: Iterable[str]) -> frozenset[str]:
    """Return every character that texts may show: as they stand, and with references like ``&#8722;`` read."""
    found: set[str] = set()
    for text in texts:
        found.update(text)
        found.update(html.unescape(text))
    # Controls, line ends and halves of pairs have no picture.
    return frozenset(c for c in found if unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"})


def font_faces(characters: frozenset[str]) -> str:
    """Return the style that gives a page the family `FAMILY`, regular and bold, with these characters.

    Parameters
    ----------
    characters : frozenset of str
        Single characters; printable ASCII comes along. One that the bundled font has no glyph for is left to the
        reader's own fonts.

    Returns
    -------
    str
        Two ``@font-face`` rules, each with a WOFF file in a data URI. Equal characters give equal text.

    Raises
    ------
    Refused
        A font file is not the one the manifest states.
    """
    wanted = characters | _ASCII
    rules = (
        f'@font-face {{ font-family: "{FAMILY}"; font-weight: {weight}; font-style: normal; '
        f"src: url(data:font/woff;base64,{_encoded(weight, wanted)}); }}\n"
        for weight in _WEIGHTS
    )
    return _NOTE + "".join(rules)


@lru_cache(maxsize=8)
def _encoded(weight: int, characters: frozenset[str]) -> str:
    """Return one weight cut to these characters, as the text of a data URI. A service makes the same page often."""
    path = f"fonts/SourceHanSansCN-{_WEIGHTS[weight]}.otf"
    whole = TTFont(io.BytesIO(safe.asset_bytes(path)), recalcTimestamp=False, lazy=True)
    cutter = Subsetter(_options())
    cutter.populate(unicodes=sorted(map(ord, characters)))
    cutter.subset(whole)
    _rename(whole, _WEIGHTS[weight])
    whole.flavor = "woff"
    out = io.BytesIO()
    whole.save(out, reorderTables=None)
    return base64.b64encode(out.getvalue()).decode("ascii")


def _options() -> Options:
    options = Options(
        layout_features=[],
        hinting=False,
        notdef_outline=True,
        name_IDs=[_COPYRIGHT, _LICENCE, _LICENCE_PLACE],
        recalc_timestamp=False,
    )
    options.drop_tables += _DROPPED
    return options


def _rename(font: Any, style: str) -> None:
    """Give a cut font a name of its own wherever a reader of fonts looks for one; the notes stay."""
    full, postscript = f"{FAMILY} {style}", f"{FAMILY}-{style}"
    names = {_FAMILY: FAMILY, _STYLE: style, _IDENTITY: postscript, _FULL: full, _POSTSCRIPT: postscript}
    for number, name in names.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    outlines = font["CFF "].cff
    outlines.fontNames = [postscript]
    top = outlines.topDictIndex[0]
    top.FullName, top.FamilyName = full, FAMILY
    for number, part in enumerate(top.FDArray):
        part.FontName = f"{postscript}-{number}"
