"""Rosters that say which buildings make a grid (第三网格：1—8号楼), read and compared with the buildings there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.address.parts import find_numbers
from geo.address.wording import fold, stem_of
from geo.formats.numerals import normalise, parse_number
from geo.planning.drawing.remarks import Remark, RemarkCode, remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Claim", "House", "RosterLine", "read_claims", "read_roster"]

_NUMERAL: Final = r"[\d〇零一二三四五六七八九十百]+"
_UNIT: Final = r"(?:号楼|号|栋楼?|幢|座|#楼?|楼)"
_LINES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−─ー~～", "-"))
_TO: Final = re.compile(rf"(?<=[\d一二三四五六七八九十楼号栋幢座组#])\s*(?:至|到|-+)\s*第?(?={_NUMERAL})")
_AND: Final = re.compile(
    rf"[、,，;；。\s+]+|(?<=\d)\.(?=\d)|(?<=[楼号栋幢座组#\d])(?:以及|和|及|与)|(?<=[一二三四五六七八九十])(?:和|及|与)(?={_NUMERAL})"
)
_BESIDE_FIGURES: Final = re.compile(r"(?<=\d)\s+|\s+(?=\d)")
_BUT: Final = re.compile(r"[(\[]?(?:除去?|不含|不包括)(?P<what>[^()\[\]外]+?)(?:以外|之外|外|[)\]]|$)[)\]]?")
_BRACKETS: Final = re.compile(r"[()\[\]]")
_PIECE: Final = re.compile(
    rf"(?P<name>.*?)第?(?P<first>{_NUMERAL})(?P<letter>[A-Za-z]?)(?:{_UNIT}?-(?P<last>{_NUMERAL}))?"
    rf"(?P<unit>{_UNIT}|组|)(?P<odd>[(]?(?:单|双|奇|偶)(?:号|数)?[)]?|)(?:平房)?$"
)
_NUMERAL_FIRST: Final = re.compile(rf"第?{_NUMERAL}(?:组|-|$)")
_COMMITTEE: Final = re.compile(rf"(?P<head>.*?)第?(?P<committee>{_NUMERAL})委(?P<groups>.*)$")
_WHOLE: Final = re.compile(r"(?:的?(?:全部|所有|整个|全体)(?:楼栋|楼房|楼|住户|平房)?|全域|平房)$")
_LONGEST_RANGE: Final = 400


@dataclass(frozen=True, slots=True)
class RosterLine:
    """One grid of a roster: its name, and the text that says which buildings it has."""

    grid: str
    text: str


@dataclass(frozen=True, slots=True)
class House:
    """A building by which a roster can claim it; `number` "" for one without."""

    key: str
    compound: str
    number: str = ""

    @property
    def label(self) -> str:
        """The building in words."""
        return f"{self.compound}{self.number}号楼" if self.number else self.compound or self.key


@dataclass(frozen=True, slots=True)
class Claim:
    """Buildings claimed: of a compound ("" where none is named), the numbers, or None for all of them."""

    compound: str
    numbers: tuple[str, ...] | None


def read_claims(text: str) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """Read which buildings a roster's text names.

    Lists and ranges in any writing; a name holds for the numbers behind it until the next name. 单号 and 双号 halve
    a range, 除…外 and 不含… take from it; 五委1-3组 are quarters; a name alone, or with 全部, is the whole of it.

    Returns
    -------
    tuple of Claim, tuple of str
        What is claimed, and the pieces that could not be read.

    Examples
    --------
    >>> read_claims("佳园小区1—3号楼、五号楼")[0]
    (Claim(compound='佳园小区', numbers=('1', '2', '3')), Claim(compound='佳园小区', numbers=('5',)))
    >>> read_claims("五委1至2组")[0]
    (Claim(compound='5委1组', numbers=None), Claim(compound='5委2组', numbers=None))
    """
    plain = _TO.sub("-", _BESIDE_FIGURES.sub("", normalise(text).translate(_LINES)))
    claims: list[Claim] = []
    unread: list[str] = []
    at = 0
    for but in _BUT.finditer(plain):
        _read_list(plain[at : but.start()], claims, unread)
        taken = [n for c in read_claims(but["what"])[0] for n in c.numbers or ()]
        claims[:] = _without(claims, taken)
        at = but.end()
    _read_list(plain[at:], claims, unread)
    return tuple(claims), tuple(unread)


def _without(claims: Sequence[Claim], taken: Sequence[str]) -> list[Claim]:
    """Take numbers from the claims on the compound named last."""
    name = claims[-1].compound if claims else ""
    return [
        Claim(c.compound, tuple(n for n in c.numbers if n not in taken)) if c.compound == name and c.numbers else c
        for c in claims
    ]


def _read_list(text: str, claims: list[Claim], unread: list[str]) -> None:
    name, committee = (claims[-1].compound if claims else ""), ""
    pieces = [p for p in (_BRACKETS.sub("", p) for p in _AND.split(text)) if p]
    for piece, unit in zip(pieces, _units(pieces), strict=True):
        quarter = _COMMITTEE.match(piece)
        if quarter:
            committee = str(parse_number(quarter["committee"]))
            claims += _groups(committee, quarter["groups"], unread, piece)
            continue
        if committee and unit == "组" and _NUMERAL_FIRST.match(piece):
            claims += _groups(committee, piece, unread, piece)
            continue
        found = _PIECE.match(piece)
        numbers = _numbers(found) if found and (found["unit"] or found["name"] or unit) else None
        if found and numbers:
            name, committee = found["name"] or name, ""
            claims += [Claim(f"{name}{n}组", None) for n in numbers] if unit == "组" else [Claim(name, numbers)]
        elif _is_name(piece):
            name, committee = _WHOLE.sub("", piece) or name, ""
            claims.append(Claim(name, None))
        else:
            unread.append(piece)


def _is_name(piece: str) -> bool:
    bare = _WHOLE.sub("", piece)
    spoken = sum(c.isalpha() for c in bare)
    return (spoken > 1 or bare != piece) and not bare.isdigit() and not find_numbers(fold(bare), 0, len(fold(bare)))


def _units(pieces: Sequence[str]) -> list[str]:
    """Return the unit word each piece counts in: its own, else that of the next piece that has one (1、3、5号楼)."""
    units: list[str] = []
    behind = ""
    for piece in reversed(pieces):
        found = _PIECE.match(piece)
        behind = "组" if piece.endswith("组") else (found["unit"] if found and found["unit"] else behind)
        units.append(behind)
    return units[::-1]


def _groups(committee: str, text: str, unread: list[str], piece: str) -> list[Claim]:
    if not text or _WHOLE.fullmatch(text):
        return [Claim(f"{committee}委", None)]
    found = _PIECE.match(text)
    numbers = _numbers(found) if found and not found["name"] else None
    if not numbers:
        unread.append(piece)
    return [Claim(f"{committee}委{n}组", None) for n in numbers or ()]


def _numbers(found: re.Match[str]) -> tuple[str, ...] | None:
    first = parse_number(found["first"])
    last = parse_number(found["last"]) if found["last"] else first
    if first is None or last is None or not 0 <= last - first <= _LONGEST_RANGE:
        return None
    if found["letter"] and found["last"]:
        return None
    odd = found["odd"]
    step = 2 if odd else 1
    start = first + (1 if odd and (first % 2 == 0) == any(w in odd for w in "单奇") else 0)
    return tuple(f"{n}{found['letter'].upper()}" for n in range(start, last + 1, step))


def read_roster(lines: Sequence[RosterLine], houses: Sequence[House]) -> tuple[NDArray[np.int64], list[Remark]]:
    """Find the buildings each line of a roster claims.

    Parameters
    ----------
    lines : sequence of RosterLine
        Of one community.
    houses : sequence of House
        All buildings of that community.

    Returns
    -------
    ndarray of int64, shape (h,)
        Line that claims each building, -1 where none does or several do.
    list of Remark
        What cannot be read, is not there, is meant twice or left out of every list.
    """
    book = _Book(houses)
    holders: list[list[int]] = [[] for _ in houses]
    remarks: list[Remark] = []
    for number, line in enumerate(lines):
        for i in book.claimed(line, remarks):
            holders[i] += [] if number in holders[i] else [number]
    for house, held in zip(houses, holders, strict=True):
        if len(held) > 1:
            grids = "、".join(lines[i].grid for i in held)
            remarks.append(remark(RemarkCode.CLAIMED_TWICE, grid=grids, what=house.label))
    return np.array([held[0] if len(held) == 1 else -1 for held in holders], dtype=np.int64), remarks


class _Book:
    """The buildings of a community by compound and number."""

    def __init__(self, houses: Sequence[House]) -> None:
        self._houses = houses
        self._of: dict[str, list[int]] = {}
        for i, house in enumerate(houses):
            self._of.setdefault(fold(house.compound), []).append(i)

    def claimed(self, line: RosterLine, remarks: list[Remark]) -> Iterator[int]:
        claims, unread = read_claims(line.text)
        remarks += [remark(RemarkCode.UNREADABLE, grid=line.grid, what=piece) for piece in unread]
        for claim in claims:
            among = self._compound(claim.compound)
            if among is None:
                remarks.append(remark(RemarkCode.NAME_UNKNOWN, grid=line.grid, what=claim.compound))
            elif claim.numbers is None:
                yield from among
            else:
                yield from self._numbered(line, claim, among, remarks)

    def _compound(self, name: str) -> list[int] | None:
        """Return the buildings of a compound by its name, its name without its kind, or all where none is named."""
        word = fold(name)
        if not word:
            return list(range(len(self._houses)))
        if word in self._of:
            return self._of[word]
        stems = [w for w in self._of if word in (stem_of(w)[0], w[: len(word)]) or stem_of(word)[0] == w]
        return self._of[stems[0]] if len(stems) == 1 else self._quarters(word)

    def _quarters(self, word: str) -> list[int] | None:
        """Return all groups of a committee (五委)."""
        held = [i for w, own in self._of.items() if word.endswith("委") and w.startswith(word) for i in own]
        return sorted(held) or None

    def _numbered(self, line: RosterLine, claim: Claim, among: list[int], remarks: list[Remark]) -> Iterator[int]:
        for number in claim.numbers or ():
            found = [i for i in among if self._houses[i].number == number]
            what = f"{claim.compound}{number}号楼"
            if not found:
                remarks.append(remark(RemarkCode.NO_SUCH_BUILDING, grid=line.grid, what=what))
            elif len({self._houses[i].compound for i in found}) > 1:
                remarks.append(remark(RemarkCode.AMBIGUOUS, grid=line.grid, what=what))
            else:
                yield from found
