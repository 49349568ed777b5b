"""Writers of small files for the reader tests."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = [(129.5, 48.2), (129.6, 48.2), (129.6, 48.3), (129.5, 48.3), (129.5, 48.2)]


def zip_bytes(members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return stream.getvalue()


def dbf_bytes(fields: list[tuple[bytes, int]], records: list[list[bytes]], *, language: int = 0) -> bytes:
    width = 1 + sum(size for _, size in fields)
    header = struct.pack("<B3BIHH", 3, 126, 1, 1, len(records), 33 + 32 * len(fields), width)
    head = bytearray(header + bytes(20))
    head[29] = language
    body = b"".join(name[:11].ljust(11, b"\0") + b"C" + bytes(4) + bytes([size]) + bytes(15) for name, size in fields)
    rows = b"".join(
        b" " + b"".join(value[:size].ljust(size) for value, (_, size) in zip(record, fields, strict=True))
        for record in records
    )
    return bytes(head) + body + b"\r" + rows + b"\x1a"


def shp_bytes(rings: list[list[tuple[float, float]]]) -> tuple[bytes, bytes]:
    """Polygon .shp and .shx of one ring a record."""
    records, index, position = [], [], 100
    for number, ring in enumerate(rings, start=1):
        xs, ys = [p[0] for p in ring], [p[1] for p in ring]
        content = struct.pack("<i4d3i", 5, min(xs), min(ys), max(xs), max(ys), 1, len(ring), 0)
        content += b"".join(struct.pack("<2d", *point) for point in ring)
        records.append(struct.pack(">2i", number, len(content) // 2) + content)
        index.append(struct.pack(">2i", position // 2, len(content) // 2))
        position += 8 + len(content)

    def file(parts: list[bytes]) -> bytes:
        body = b"".join(parts)
        head = struct.pack(">i20xi", 9994, (100 + len(body)) // 2) + struct.pack("<2i8d", 1000, 5, *[0.0] * 8)
        return head + body

    return file(records), file(index)


def shapefile_parts(
    names: list[bytes], *, field: bytes = b"NAME", width: int = 40, language: int = 0, stem: str = "a"
) -> dict[str, bytes]:
    rings = [[(x + i, y) for x, y in reversed(SQUARE)] for i in range(len(names))]
    shp, shx = shp_bytes(rings)
    dbf = dbf_bytes([(field, width)], [[name] for name in names], language=language)
    return {f"{stem}.shp": shp, f"{stem}.shx": shx, f"{stem}.dbf": dbf}


class Desk:
    """A folder to put files in, and the builders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    square = SQUARE
    zip = staticmethod(zip_bytes)
    dbf = staticmethod(dbf_bytes)
    shp = staticmethod(shp_bytes)
    shapefile = staticmethod(shapefile_parts)

    def put(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
