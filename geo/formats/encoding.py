"""Which code page a text is in: declared, or strict UTF-8 first, then GB18030, or a question.

UTF-8 read as GB18030 gives wrong characters without an error, and so does Big5. Hence the order,
and hence the look at *which* characters come out before GB18030 is believed.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass
from typing import Final

from geo.errors import EncodingUnknown, Where

__all__ = ["Decoded", "canonical_encoding", "decode", "decode_cut", "detect"]

_REMEDY: Final = "用 --encoding 指明编码 (utf-8、gb18030、big5、utf-16), 或另存为 “CSV UTF-8”"
# Share of Chinese characters that must be in the everyday set of GB 2312; Chinese text has over 0.95,
# Big5 or Latin bytes misread as GB18030 stay below 0.6.
_COMMON_SHARE: Final = 0.8
_WHOLE_CHARS: Final = 200_000
_CJK_FROM: Final = 0x2000
_ALIASES: Final = {
    "936": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "ansi 936": "gb18030",
    "ansi_936": "gb18030",
    "x-gbk": "gb18030",
    "65001": "utf-8",
    "950": "big5",
    "cp950": "big5",
    "ansi 950": "big5",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the code page it was read with, and why that one."""

    text: str
    encoding: str
    evidence: str


def canonical_encoding(name: str) -> str | None:
    """Return the codec name for what a user or a .cpg file wrote, None where no such codec exists.

    Examples
    --------
    >>> canonical_encoding("GBK"), canonical_encoding("nonsense")
    ('gb18030', None)
    """
    word = name.strip().strip("\x00\ufeff").lower()
    word = _ALIASES.get(word, word)
    try:
        info = codecs.lookup(word)
    except (LookupError, ValueError):
        return None
    # Codecs such as zip or rot13 turn bytes into something else than text.
    return info.name if info._is_text_encoding else None  # noqa: SLF001


def decode(data: bytes, *, declared: str | None = None, where: Where | None = None) -> Decoded:
    """Return a whole text file decoded.

    Parameters
    ----------
    data : bytes
        The file.
    declared : str, optional
        What a person or the file declares; used strictly and never overruled.

    Raises
    ------
    EncodingUnknown
        The declared encoding does not fit, or none fits without doubt.
    """
    place = where or Where()
    if declared is not None:
        return _declared(data, declared, place)
    if data.startswith(codecs.BOM_UTF8):
        return Decoded(_strict(data[3:], "utf-8", place), "utf-8", "UTF-8 标记 (BOM)")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Decoded(_strict(data, "utf-16", place), "utf-16", "UTF-16 标记 (BOM)")
    if b"\x00" in data:
        raise EncodingUnknown("文件含有空字节, 不是可识别的文本", where=place, remedy=_REMEDY)
    encoding, evidence = detect(data, where=place)
    return Decoded(data.decode(encoding), encoding, evidence)


def detect(data: bytes, *, where: Where | None = None) -> tuple[str, str]:
    """Return (encoding, evidence) of undeclared bytes without a mark.

    Raises
    ------
    EncodingUnknown
        Neither strict UTF-8 nor plausible GB18030, or both.
    """
    if data.isascii():
        return "utf-8", "仅含 ASCII 字符"
    utf8, chinese = _try(data, "utf-8"), _try(data, "gb18030")
    if utf8 is not None:
        if chinese is not None and _only_two_byte(utf8) and _common_share(chinese) == 1.0:
            raise EncodingUnknown("文字太短, UTF-8 和 GB18030 都说得通", where=where, remedy=_REMEDY)
        return "utf-8", "严格 UTF-8 解码成功"
    if chinese is not None and _common_share(chinese) >= _COMMON_SHARE:
        return "gb18030", "不是 UTF-8; GB18030 解码成功且为常用汉字"
    hint = "可能是 Big5" if _try(data, "big5") is not None else "可能混有两种编码"
    raise EncodingUnknown(f"既不是 UTF-8, 也不像 GB18030 ({hint})", where=where, remedy=_REMEDY)


def decode_cut(data: bytes, encoding: str) -> tuple[str, bool]:
    """Decode a fixed-width field, dropping one character that the field's end cut in two.

    Returns
    -------
    text : str
    cut : bool
        Whether an incomplete last character was dropped.

    Raises
    ------
    UnicodeDecodeError
        The fault lies elsewhere than at the end.
    """
    try:
        return data.decode(encoding), False
    except UnicodeDecodeError as error:
        if len(data) - error.start >= 4:  # noqa: PLR2004 - no encoding here needs more than 4 bytes
            raise
        return data[: error.start].decode(encoding), True


def _declared(data: bytes, declared: str, where: Where) -> Decoded:
    encoding = canonical_encoding(declared)
    if encoding is None:
        raise EncodingUnknown(f"没有名为 {declared[:20]!r} 的编码", where=where, remedy=_REMEDY)
    if data.startswith(codecs.BOM_UTF8) and encoding == "utf-8":
        data = data[3:]
    return Decoded(_strict(data, encoding, where), encoding, "已声明")


def _strict(data: bytes, encoding: str, where: Where) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        place = Where(file=where.file, layer=where.layer, row=line)
        raise EncodingUnknown(f"不是有效的 {encoding} 文本", where=place, remedy=_REMEDY) from error


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _only_two_byte(text: str) -> bool:
    """Whether every non-ASCII character is below U+2000: what GBK pairs give when they pass as UTF-8."""
    return all(ord(char) < _CJK_FROM for char in set(text))


def _common_share(text: str) -> float:
    # All of the beginning and every seventh character after it: shares do not need more.
    counts = Counter(text[:_WHOLE_CHARS]) + Counter(text[_WHOLE_CHARS::7])
    foreign = {char: n for char, n in counts.items() if not char.isascii()}
    total = sum(foreign.values())
    return sum(n for char, n in foreign.items() if _in_gb2312(char)) / total if total else 1.0


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
