"""A look at an Arrow stream before a library opens it: compressed buffers are refused.

A few bytes of compressed zeros unpack to any size. The format says of every record batch, in a small
table, whether it is compressed; that table is read here, nothing else.

References
----------
Apache Arrow columnar format, "Encapsulated message format"; FlatBuffers internals.
"""

from __future__ import annotations

import struct
from typing import Final

from geo.errors import HostileFile, Refused

__all__ = ["refuse_compressed"]

_CONTINUATION: Final = 0xFFFFFFFF
_RECORD_BATCH: Final = 3
_DICTIONARY_BATCH: Final = 2
# Positions of fields in their tables (Message.fbs): header type, header, body length; compression; data.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_COMPRESSION = 3
_DICTIONARY_DATA = 1


def _table_at(meta: bytes, position: int) -> int:
    """Follow the offset at `position` to a table."""
    (offset,) = struct.unpack_from("<I", meta, position)
    return position + int(offset)


def _field(meta: bytes, table: int, number: int) -> int:
    """Return where a field of a table lies, 0 where it is absent."""
    (back,) = struct.unpack_from("<i", meta, table)
    vtable = table - int(back)
    (size,) = struct.unpack_from("<H", meta, vtable)
    slot = 4 + 2 * number
    if slot + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", meta, vtable + slot)
    return table + int(offset) if offset else 0


def _is_compressed(meta: bytes, message: int) -> bool:
    kind = _field(meta, message, _HEADER_TYPE)
    header = _field(meta, message, _HEADER)
    if not kind or not header or meta[kind] not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        return False
    batch = _table_at(meta, header)
    if meta[kind] == _DICTIONARY_BATCH:
        data = _field(meta, batch, _DICTIONARY_DATA)
        if not data:
            return False
        batch = _table_at(meta, data)
    return _field(meta, batch, _COMPRESSION) != 0


def refuse_compressed(body: bytes) -> None:
    """Walk the messages of a stream and refuse it where one is compressed.

    Raises
    ------
    HostileFile
        A record batch or dictionary is compressed.
    Refused
        The bytes are no sequence of messages.
    """
    at = 0
    try:
        while at + 8 <= len(body):
            mark, size = struct.unpack_from("<II", body, at)
            if mark != _CONTINUATION:
                break
            if size == 0:
                return
            meta = body[at + 8 : at + 8 + size]
            message = _table_at(meta, 0)
            if _is_compressed(meta, message):
                raise HostileFile("the Arrow stream is compressed", remedy="write it without compression")
            place = _field(meta, message, _BODY_LENGTH)
            length = int(struct.unpack_from("<q", meta, place)[0]) if place else 0
            if length < 0:
                break
            at += 8 + size + length
        else:
            return
    except (struct.error, IndexError):
        pass
    raise Refused("the body is not an Arrow stream", code="arrow-invalid", remedy="send an uncompressed IPC stream")
