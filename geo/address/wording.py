"""How people write an address, brought to one way of writing; and how alike two names are, to eye and ear."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from pypinyin import Style, pinyin

from geo.formats.numerals import chinese_to_int, strip_marks

__all__ = ["BREAK", "GENERIC_TAILS", "fold", "folded_sound", "ordinals", "sound", "spelled", "stem_of"]

# What separates the parts of a text once it is folded.
BREAK: Final = "|"

# Kinds of compounds: what stands behind the distinctive part of a name. Longest first.
GENERIC_TAILS: Final = (
    "家属小区", "住宅小区", "家属楼", "家属区", "家属院", "平房区", "生活区", "住宅楼",
    "小区", "家园", "花园", "新村", "嘉苑", "新苑", "佳苑", "雅苑", "公寓", "大院", "新城", "广场",
)  # fmt: skip

_NUMERAL: Final = "〇零一二三四五六七八九两十百壹贰叁肆伍陆柒捌玖拾"
# Characters of unit words and areas as they come from traditional keyboards; names are compared by sound anyway.
_SIMPLIFIED: Final = str.maketrans(
    "號樓區園鎮縣單門棟層組龍興紅營東躍進團結學醫車場橋鐵廠屬綜業醫對邊後幾戶豐",
    "号楼区园镇县单门栋层组龙兴红营东跃进团结学医车场桥铁厂属综业医对边后几户丰",
)
_UNIT: Final = r"(?:号|#|栋|幢|座|单元|门(?!诊|市|卫|球)|室|层|楼|委|组)"
_COUNTED: Final = re.compile(rf"(?<![第{_NUMERAL}\d])([{_NUMERAL}]+)(?={_UNIT})")
_ORDERED: Final = re.compile(r"第(\d{1,2})(?!\d|号楼|单元|委|组|栋|幢|座|层)")
_ORDERED_UNIT: Final = re.compile(rf"第([{_NUMERAL}\d]+)(?=号楼|单元|委|居民组|组|栋|幢|座|层)")
_LINES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−─ーｰ~～_/\\", "-") | {"＃": "#", "﹟": "#", "♯": "#", "№": "#"})
_BRACKETED: Final = re.compile(r"[(\[【〔「『<《][^()\[\]【】〔〕「」『』<>《》]*[)\]】〕」』>》]")
_PAUSE: Final = re.compile(r"[\s,.，。;；:：!！?？、|·\"'“”‘’()\[\]【】〔〕「」『』<>《》]+")
_BETWEEN_DIGITS: Final = re.compile(r"(?<=[\dA-Z])\s+(?=\d)")
_BEFORE_UNIT: Final = re.compile(rf"(?<=\d)\s+(?={_UNIT})")
_DASHES: Final = re.compile(r"-{2,}")
# A line between words parts them (新青镇/黎明社区), between figures it is a hyphen (3/2/101).
_LINE_OF_WORDS: Final = re.compile(r"(?<=[\u4e00-\u9fff])-(?=[\u4e00-\u9fff])")
_HASH_BEFORE: Final = re.compile(r"(?<![\dA-Z])#(\d+[A-Z]?)(?:号楼|号|楼|栋|幢)?")
_BUILDING_WORD: Final = re.compile(r"(?<=\d)([A-Z]?)(?:号楼|号?[栋幢]楼?|号?座(?!谈)楼?|#楼|#)")
_PLAIN_FLOOR: Final = re.compile(r"(?<![\d号#])(\d{1,2})楼")
_ZEROS: Final = re.compile(r"(?<![\d-])0+(?=[1-9])")
_SEVERAL: Final = re.compile(r"(?<=\d)(?:号楼|号|栋|#)?(?:、|,|和|及|与|到|至)(?=\d{1,2}[A-Z]?(?:号|栋|幢|座|#))")
_FLOOR_MARK: Final = "层楼"

_SYLLABLES: dict[str, str] = {}
_FOLDED: Final = (("zh", "z"), ("ch", "c"), ("sh", "s"))
_DIGIT_WORDS: Final = frozenset("一二三四五六七八九十")


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Return an address in one way of writing.

    NFKC; invisible characters, bracketed remarks and blanks go (a pause becomes `BREAK`, a blank between two
    numbers a hyphen); Chinese numerals become digits before a unit word only; 栋, 幢, 座 and # become 号楼.
    三楼 stays apart from 三号楼: the first may be a floor.

    Examples
    --------
    >>> fold("佳园小区 ３＃二单元１０２室，暖气不热")
    '佳园小区|3号楼2单元102室|暖气不热'
    >>> fold("佳园小区三栋 2 102"), fold("第1中学"), fold("三楼")
    ('佳园小区3号楼-2-102', '第一中学', '3层楼')
    """
    word = strip_marks(unicodedata.normalize("NFKC", text)).upper().translate(_LINES).translate(_SIMPLIFIED)
    bare = _BRACKETED.sub("", word)
    word = bare if bare.strip() else word
    word = _COUNTED.sub(_as_digits, word)
    word = _BEFORE_UNIT.sub("", word)
    word = _ORDERED_UNIT.sub(_as_digits, word)
    word = _SEVERAL.sub("+", word)
    word = _BETWEEN_DIGITS.sub("-", word.strip())
    word = _HASH_BEFORE.sub(r"\1号楼", word)
    word = _PLAIN_FLOOR.sub(rf"\1{_FLOOR_MARK}", word)
    word = _BUILDING_WORD.sub(r"\1号楼", word)
    word = re.sub(r"(?<=号楼)\s+(?=\d)", "-", word)
    word = _LINE_OF_WORDS.sub(BREAK, _DASHES.sub("-", word))
    word = _ZEROS.sub("", _PAUSE.sub(BREAK, word).strip(BREAK))
    return _ORDERED.sub(lambda m: "第" + _in_words(int(m[1])), word)


def _as_digits(match: re.Match[str]) -> str:
    word = match[1]
    number = int(word) if word.isdigit() else chinese_to_int(word)
    return match[0] if number is None else str(number)


def _in_words(number: int) -> str:
    digits = "零一二三四五六七八九"
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else digits[tens] + "十"
    return head + (digits[ones] if ones or not tens else "")


@lru_cache(maxsize=16_384)
def _syllable(char: str) -> str:
    return str(pinyin(char, style=Style.NORMAL, errors="default")[0][0])


@lru_cache(maxsize=4096)
def _blunt(syllable: str) -> str:
    for sharp, flat in _FOLDED:
        if syllable.startswith(sharp):
            syllable = flat + syllable[2:]
    return syllable[:-1] if syllable.endswith("ng") and syllable[-3:] in ("ing", "eng") else syllable


def _coded(syllable: str) -> str:
    """One character per syllable (from the private planes), so that sounds compare as fast as texts."""
    return _SYLLABLES.setdefault(syllable, chr(0xF0000 + len(_SYLLABLES)))


@lru_cache(maxsize=65_536)
def sound(text: str) -> str:
    """Return a string of one code per character that is equal for homophones (tones aside)."""
    return "".join(_coded(_syllable(c)) for c in text)


@lru_cache(maxsize=65_536)
def folded_sound(text: str) -> str:
    """Return `sound` with zh/z, ch/c, sh/s, in/ing and en/eng taken for one, as many speakers do."""
    return "".join(_coded("~" + _blunt(_syllable(c))) for c in text)


@lru_cache(maxsize=65_536)
def spelled(text: str) -> tuple[str, str]:
    """Return a name in letters as people type them: whole syllables, and their initials.

    Examples
    --------
    >>> spelled("佳园小区")
    ('JIAYUANXIAOQU', 'JYXQ')
    """
    syllables = [_syllable(c).upper() for c in text]
    return "".join(syllables), "".join(s[:1] for s in syllables)


def stem_of(name: str) -> tuple[str, str]:
    """Split a compound's name into its distinctive part and its kind.

    Examples
    --------
    >>> stem_of("佳园小区"), stem_of("第一中学")
    (('佳园', '小区'), ('第一中学', ''))
    """
    for tail in GENERIC_TAILS:
        if name.endswith(tail) and len(name) >= len(tail) + 2:
            return name[: -len(tail)], tail
    return name, ""


def ordinals(name: str) -> tuple[str, ...]:
    """Return the numbers inside a name (第一中学, 三道街): names that differ there are different names."""
    return tuple(c for c in name if c in _DIGIT_WORDS or c.isdigit())
