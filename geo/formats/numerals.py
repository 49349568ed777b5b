"""Numbers and names as people write them: 第十二网格, ㈢, ３号楼, "312户", 黎明社区居民委员会.

Unicode NFKC folds full-width and circled forms but knows no Chinese numerals and leaves blanks;
the rest is done here, once, for the readers and for the address parser.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

__all__ = [
    "GridKey",
    "chinese_to_int",
    "community_core",
    "community_key",
    "count_of",
    "grid_key",
    "normalise",
    "ordinal_of",
    "parse_number",
    "strip_marks",
]

_DIGITS: Final = dict(zip("〇零一二三四五六七八九", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)) | {
    "两": 2,
    "○": 0,
    "壹": 1,
    "贰": 2,
    "叁": 3,
    "肆": 4,
    "伍": 5,
    "陆": 6,
    "柒": 7,
    "捌": 8,
    "玖": 9,
}
_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIAD: Final = 10_000
_INT_DIGITS: Final = 18
_NUMERAL: Final = r"\d+|[〇零○一二三四五六七八九两壹贰叁肆伍陆柒捌玖十拾百佰千仟万]+"
_INVISIBLE: Final = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BLANK: Final = re.compile(r"\s+")
_COUNT: Final = re.compile(
    r"(?:约|共)?(?P<number>\d[\d,]*(?:\.\d+)?|[〇零一二三四五六七八九两十百千万]+)\s*"
    r"(?:余|多)?(?:户|人|口|名|栋|幢|座|个|间|套|处|单元|平方米|平米|m2|㎡|米|岁|元)?"
)
# Longest first; 社区中心社区 is how one official paper writes 红建中心社区.
_COMMUNITY_TAILS: Final = (
    "社区居民委员会",
    "社区居委会",
    "社区委员会",
    "社区村民委员会",
    "村民委员会",
    "居民委员会",
    "居委会",
    "村委会",
    "虚拟社区",
    "社区",
)
_ADMINISTRATIVE: Final = re.compile(
    r"^(?:[^市县区]{1,6}省)?(?:[^县区镇乡]{1,6}市)?(?:[^镇乡社]{1,6}[县区])?(?:[^社村]{1,6}[镇乡])?(?=.)"
)
_GRID: Final = re.compile(
    rf"^(?P<head>.*?)(?:第\s*)?(?:\(?(?P<number>{_NUMERAL})\)?)\s*(?:号|#)?\s*(?:基础|专属|微|警务)?(?:网格|格)(?P<tail>.*)$"
)
_GRID_BEHIND: Final = re.compile(rf"^(?P<head>.*?)网格\s*(?:第\s*)?\(?(?P<number>{_NUMERAL})\)?\s*(?:号|#)?$")
_BARE: Final = re.compile(rf"^(?:第\s*)?\(?(?P<number>{_NUMERAL})\)?\s*(?:号|#)?$")
_CODE_PREFIX: Final = re.compile(r"^[0-9A-Za-z_-]{4,}[\s:、.-]+")
_ORDINAL: Final = re.compile(rf"(?:第|no\.?)?\s*\(?(?P<number>{_NUMERAL})\)?", re.IGNORECASE)
_COMMUNITY_IN_GRID: Final = re.compile(
    r"^(?P<community>.+?(?:社区居民委员会|社区居委会|居委会|村委会|中心社区|社区|村))(?P<rest>.*)$"
)


class GridKey(NamedTuple):
    """A grid as named in a cell: community ("" where unnamed), number (None where unnumbered), text."""

    community: str
    number: int | None
    text: str


def strip_marks(text: str) -> str:
    """Return the text without zero-width, soft-hyphen and direction characters, trimmed (U+3000 too)."""
    return (text if text.isascii() else _INVISIBLE.sub("", text)).strip()


def normalise(text: str) -> str:
    """Return the text folded by NFKC, without invisible characters, with single blanks.

    Examples
    --------
    >>> normalise("　３号楼\u200b ㈢  ")
    '3号楼 (三)'
    """
    return _BLANK.sub(" ", strip_marks(unicodedata.normalize("NFKC", text))).strip()


def chinese_to_int(text: str) -> int | None:
    """Return the value of a Chinese numeral, None where the text is none.

    Examples
    --------
    >>> [chinese_to_int(t) for t in ("十二", "二十", "一百零三", "两千", "一二", "万一人")]
    [12, 20, 103, 2000, 12, None]
    """
    if not text or any(c not in _DIGITS and c not in _UNITS and c != "万" for c in text):
        return None
    if all(c in _DIGITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    high, _, low = text.rpartition("万")
    upper = _below_myriad(high) if high else 0
    lower = _below_myriad(low) if low else 0
    if upper is None or lower is None or (not high and text.startswith("万")):
        return None
    return upper * _MYRIAD + lower


def _below_myriad(text: str) -> int | None:
    total, digit, last = 0, None, _MYRIAD
    for char in text:
        if char in _DIGITS:
            if digit:  # two digits in a row mix the two ways of writing
                return None
            digit = _DIGITS[char]
            continue
        unit = _UNITS.get(char)
        if unit is None or unit >= last:
            return None
        total, digit, last = total + (1 if digit is None else digit) * unit, None, unit
    return total + (digit or 0)


def parse_number(text: str) -> int | None:
    """Return an integer written with digits (any width, leading zeros) or in Chinese, else None."""
    word = normalise(text).strip("()")
    if word.isascii() and word.isdigit():
        return int(word) if len(word) <= _INT_DIGITS else None
    return chinese_to_int(word)


def count_of(text: str) -> int | float | None:
    """Return the number of a count cell, unit dropped; None where it is no count.

    Examples
    --------
    >>> [count_of(t) for t in ("312户", "１,２３４ 人", "约三百二十户", "56.5㎡", "312-315", "")]
    [312, 1234, 320, 56.5, None, None]
    """
    if text.isascii() and text.isdigit() and len(text) <= _INT_DIGITS:  # what nearly all cells hold
        return int(text)
    match = _COUNT.fullmatch(normalise(text))
    if match is None:
        return None
    word = match["number"].replace(",", "")
    if "." in word:
        return float(word)
    return parse_number(word)


def ordinal_of(text: str) -> int | None:
    """Return the first number of a name: 第十二网格 → 12, ㈢ → 3, ３号楼 → 3, 01 → 1; None where there is none.

    Examples
    --------
    >>> [ordinal_of(t) for t in ("第十二网格", "㈢", "３号楼", "三号楼", "第１", "一号", "01", "平房")]
    [12, 3, 3, 3, 1, 1, 1, None]
    """
    for match in _ORDINAL.finditer(normalise(text)):
        number = parse_number(match["number"])
        if number is not None:
            return number
    return None


def community_key(text: str) -> str:
    """Return the community's name without province … town in front and 社区/居委会 behind.

    红建中心社区 and 红建社区 stay apart here (`community_core` brings them together on request).

    Examples
    --------
    >>> [community_key(t) for t in ("新青镇黎明社区居民委员会", "黎明居委会", "红建社区中心社区", "跃进村")]
    ['黎明', '黎明', '红建中心', '跃进村']
    """
    word = normalise(text).replace(" ", "")
    word = word.replace("社区中心社区", "中心社区")
    short = _ADMINISTRATIVE.sub("", word, count=1)
    # 新青镇林场中心社区 would lose the town that tells three of them apart.
    # 城镇社区 is a name, no town in front of one.
    word = word if short.startswith("林场中心") or short in _COMMUNITY_TAILS else short
    for tail in _COMMUNITY_TAILS:
        if word.endswith(tail) and len(word) > len(tail):
            stem = word[: -len(tail)]
            return stem + "村" if tail in ("村民委员会", "村委会") and not stem.endswith("村") else stem
    return word


def community_core(text: str) -> str:
    """Return the key without 中心, for a second, weaker comparison: 红建社区 meets 红建中心社区."""
    key = community_key(text)
    return key if key.endswith("林场中心") else key.removesuffix("中心")


def grid_key(text: str) -> GridKey:
    """Return community, number and cleaned text of a grid's name, whatever noise surrounds it.

    Examples
    --------
    >>> grid_key("5060802 第二网格")
    GridKey(community='', number=2, text='第二网格')
    >>> grid_key("白荡海社区第四网格")[:2], grid_key("黎明社区居委会０３号网格")[:2], grid_key("㈢")[:2]
    (('白荡海', 4), ('黎明', 3), ('', 3))
    """
    word = _CODE_PREFIX.sub("", normalise(text))
    community, rest = "", word.replace(" ", "")
    named = _COMMUNITY_IN_GRID.match(rest)
    if named and named["rest"]:
        community, rest = community_key(named["community"]), named["rest"]
    match = _GRID.match(rest) or _GRID_BEHIND.match(rest) or _BARE.match(rest)
    if match is None:
        return GridKey(community, None, word)
    head = match.groupdict().get("head") or ""
    if head and not community:
        community = community_key(head)
    return GridKey(community, parse_number(match["number"]), word)
