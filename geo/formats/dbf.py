"""dBASE attribute tables read strictly, with the code page found before a value is believed.

GDAL reads a GBK table without a .cpg file as Latin-1 without a word. Here the declared code page is
tried strictly, then UTF-8, then GB18030, and a value cut in the middle of a character is reported.
"""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from typing import Any, Final

from geo.errors import Refused, Where
from geo.formats.encoding import canonical_encoding, decode_cut, detect

__all__ = ["Dbf", "read_dbf"]

_HEADER: Final = 32
_FIELD: Final = 32
_END: Final = 0x0D
_DELETED: Final = 0x2A
_TEXT_KINDS: Final = frozenset("CM")
# Language driver ids that name a Chinese or Unicode-era code page; the others are noise left by exporters.
_LANGUAGE: Final = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "big5", 0x78: "big5"}
_DATE_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class _Column:
    name: bytes
    kind: str
    offset: int
    width: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Dbf:
    """An attribute table: records by their number, None where a record is marked deleted."""

    columns: tuple[str, ...]
    records: tuple[dict[str, Any] | None, ...]
    encoding: str
    evidence: str
    warnings: tuple[str, ...]


def read_dbf(data: bytes, *, where: Where, cpg: str | None = None, declared: str | None = None) -> Dbf:
    """Read a whole dBASE table.

    Parameters
    ----------
    data : bytes
        The .dbf file.
    where : Where
        For messages.
    cpg : str, optional
        Content of the .cpg file, a claim that may be false.
    declared : str, optional
        What the user says, never overruled.

    Raises
    ------
    Refused
        Truncated or contradictory header.
    EncodingUnknown
        No code page fits without doubt.
    """
    columns, rows = _structure(data, where)
    sample = _sample(columns, rows)
    encoding, evidence, notes = _choose(sample, cpg=cpg, declared=declared, language=data[29], where=where)
    names = _names(columns, encoding, notes)
    records: list[dict[str, Any] | None] = []
    for number, row in enumerate(rows, start=1):
        if row[0] == _DELETED:
            records.append(None)
            continue
        place = Where(file=where.file, layer=where.layer, row=number)
        records.append({n: _value(c, row, encoding, place, notes) for n, c in zip(names, columns, strict=True)})
    return Dbf(tuple(names), tuple(records), encoding, evidence, tuple(dict.fromkeys(notes)))


def _structure(data: bytes, where: Where) -> tuple[list[_Column], list[bytes]]:
    if len(data) < _HEADER + 1:
        raise _broken(where)
    count, header, width = struct.unpack_from("<IHH", data, 4)
    columns, offset, position = [], 1, _HEADER
    while position + _FIELD <= header and data[position : position + 1] != bytes([_END]):
        raw = data[position : position + _FIELD]
        if len(raw) < _FIELD or raw[16] == 0:
            raise _broken(where)
        columns.append(_Column(raw[:11].split(b"\x00")[0], chr(raw[11]).upper(), offset, raw[16], raw[17]))
        offset += raw[16]
        position += _FIELD
    if offset > width or not columns:
        raise _broken(where)
    if header + count * width > len(data):
        message = f"属性表 (.dbf) 不完整: 应有 {count} 行, 实有 {max(len(data) - header, 0) // width} 行"
        raise Refused(message, code="dbf-truncated", where=where, remedy="重新导出或重新压缩")
    return columns, [data[header + i * width : header + (i + 1) * width] for i in range(count)]


def _broken(where: Where) -> Refused:
    return Refused("属性表 (.dbf) 的文件头已损坏", code="dbf-broken", where=where, remedy="重新导出")


def _field(column: _Column, row: bytes) -> bytes:
    return row[column.offset : column.offset + column.width].split(b"\x00")[0]


def _sample(columns: list[_Column], rows: list[bytes]) -> list[bytes]:
    names = [column.name for column in columns]
    texts = [column for column in columns if column.kind in _TEXT_KINDS]
    # Every live text value is looked at: a single one in another code page is a question, not a sample error.
    return names + [_field(column, row).rstrip() for row in rows if row[0] != _DELETED for column in texts]


def _choose(
    sample: list[bytes], *, cpg: str | None, declared: str | None, language: int, where: Where
) -> tuple[str, str, list[str]]:
    notes: list[str] = []
    if declared is not None:
        encoding = canonical_encoding(declared)
        if encoding is None or not _fits(sample, encoding):
            message = f"属性表不是有效的 {declared[:20]} 文本"
            raise Refused(message, code="encoding-unknown", where=where, remedy="换一个编码, 如 --encoding gb18030")
        return encoding, "已声明", notes
    stated = canonical_encoding(cpg) if cpg else None
    unmistakable = _is_utf8(sample)
    if stated is not None and _fits(sample, stated) and (stated == "utf-8" or not unmistakable):
        return stated, f".cpg 文件声明 {stated}", notes
    if cpg:
        notes.append(f".cpg 文件的声明 ({cpg.strip()[:20]}) 与内容不符, 未采用")
    if unmistakable:
        return "utf-8", "严格 UTF-8 解码成功", notes
    by_byte = _LANGUAGE.get(language)
    if by_byte is not None and _fits(sample, by_byte):
        return by_byte, f"语言标志字节 0x{language:02X}", notes
    encoding, evidence = detect(b"\n".join(_trimmed(sample)), where=where)
    return encoding, evidence, notes


def _is_utf8(sample: list[bytes]) -> bool:
    """Whether the values are UTF-8 beyond doubt: strictly decodable, with a character of three bytes or more."""
    if not _fits(sample, "utf-8"):
        return False
    return any(_has_wide(value) for value in sample if not value.isascii())


def _has_wide(value: bytes) -> bool:
    return any(char > "\u2000" for char in decode_cut(value, "utf-8")[0])


def _fits(sample: list[bytes], encoding: str) -> bool:
    for value in sample:
        try:
            decode_cut(value, encoding)
        except UnicodeDecodeError:
            return False
    return True


def _trimmed(sample: list[bytes]) -> list[bytes]:
    """Drop a last byte that a field's end left over, so that one cut value does not spoil the detection."""
    trimmed = []
    for value in sample:
        try:
            trimmed.append(decode_cut(value, "gb18030")[0].encode("gb18030"))
        except UnicodeDecodeError:
            trimmed.append(value)
    return trimmed


def _names(columns: list[_Column], encoding: str, notes: list[str]) -> list[str]:
    names: list[str] = []
    for number, column in enumerate(columns, start=1):
        text, cut = decode_cut(column.name, encoding)
        name = text.strip() or f"列{number}"
        if cut:
            notes.append(f"字段名 {name} 超过 10 字节, 被原软件截断")
        while name in names:
            name += "_2"
        names.append(name)
    return names


def _value(column: _Column, row: bytes, encoding: str, where: Where, notes: list[str]) -> Any:
    raw = _field(column, row)
    if column.kind in _TEXT_KINDS:
        text, cut = decode_cut(raw.rstrip(), encoding)
        if cut:
            notes.append(f"有文字在字段宽度处被截断, 首见于 {where}")
        return text.strip() or None
    word = raw.decode("ascii", errors="replace").strip()
    if not word or word.startswith("*"):
        return None
    if column.kind in "NF":
        return _numeric(word, where, notes)
    if column.kind == "D":
        return _date(word)
    if column.kind == "L":
        return {"T": True, "Y": True, "F": False, "N": False}.get(word.upper())
    return word


def _numeric(word: str, where: Where, notes: list[str]) -> int | float | None:
    try:
        number = float(word)
        return int(word) if word.lstrip("+-").isdigit() else int(number) if number.is_integer() else number
    except (ValueError, OverflowError):
        notes.append(f"有数值字段不是数值, 首见于 {where}")
        return None


def _date(word: str) -> dt.date | None:
    if len(word) != _DATE_DIGITS or not word.isdigit() or word == "0" * _DATE_DIGITS:
        return None
    try:
        return dt.date(int(word[:4]), int(word[4:6]), int(word[6:]))
    except ValueError:
        return None
