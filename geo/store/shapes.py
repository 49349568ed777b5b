"""How geometry and instants lie in a column: GeoPackage blobs in SQLite, PostGIS geometry in PostgreSQL.

A GeoPackage blob is ``GP``, a version byte, a flags byte, the srs id, an optional envelope, then WKB
(OGC 12-128r19, clause 2.1.3). Envelopes are read from the header, so no geometry is parsed for the R*Tree.
"""

from __future__ import annotations

import datetime as dt
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from sqlalchemy import DateTime, Text
from sqlalchemy.types import UserDefinedType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "SRID",
    "Instant",
    "Shape",
    "blob_envelope",
    "blob_is_empty",
    "body_offset",
    "decode",
    "encode",
    "from_hex",
    "instant",
    "instant_type",
    "points",
    "shape_type",
    "to_hex",
    "word_type",
]

SRID: Final = 4490
_MAGIC: Final = b"GP\x00"
_LITTLE: Final = 0x01
_EMPTY: Final = 0x10
_ENVELOPE_XY: Final = 0x02
_ENVELOPE_BYTES: Final = (0, 32, 48, 48, 64)
_PLAIN_HEADER: Final = 8
_POINT_BYTES: Final = 29
_MULTI: Final = {"MULTIPOLYGON": (3, shapely.multipolygons), "MULTILINESTRING": (1, shapely.multilinestrings)}
_SINGLE: Final = {4: 0, 5: 1, 6: 3}
_POINT_ROW: Final = np.dtype(
    [("head", "S4"), ("srs", "<i4"), ("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")]
)


def encode(geometries: Sequence[Any], kind: str) -> list[bytes | None]:
    """Return GeoPackage blobs of shapely geometries (None stays None).

    Parameters
    ----------
    geometries : sequence of shapely geometry or None
        CGCS2000 longitude/latitude.
    kind : str
        Type of the layer; a polygon or line in a MULTI layer is wrapped, and unwrapped by `decode`.
    """
    shapes = np.array(list(geometries), dtype=object)
    if kind in _MULTI:
        single, wrap = _MULTI[kind]
        alone = shapely.get_type_id(shapes) == single
        shapes[alone] = [wrap([shape]) for shape in shapes[alone]]
    bodies = shapely.to_wkb(shapes, byte_order=1, output_dimension=2, include_srid=False)
    boxes, empty = shapely.bounds(shapes), shapely.is_empty(shapes)
    point = shapely.get_type_id(shapes) == 0
    return [
        None if body is None else _header(boxes[i], empty=bool(empty[i]), point=bool(point[i])) + body
        for i, body in enumerate(bodies)
    ]


def _header(box: NDArray[np.float64], *, empty: bool, point: bool) -> bytes:
    if empty:
        return _MAGIC + bytes([_LITTLE | _EMPTY]) + struct.pack("<i", SRID)
    if point:
        return _MAGIC + bytes([_LITTLE]) + struct.pack("<i", SRID)
    west, south, east, north = box
    return _MAGIC + bytes([_LITTLE | _ENVELOPE_XY]) + struct.pack("<idddd", SRID, west, east, south, north)


def points(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> list[bytes | None]:
    """Return GeoPackage blobs of points; None where a coordinate is NaN.

    The header of a point has no envelope, as the standard recommends.
    """
    rows = np.empty(len(lon), dtype=_POINT_ROW)
    rows["head"], rows["srs"], rows["order"], rows["kind"] = _MAGIC + b"\x01", SRID, 1, 1
    rows["x"], rows["y"] = lon, lat
    raw, size = rows.tobytes(), _POINT_ROW.itemsize
    known = np.isfinite(lon) & np.isfinite(lat)
    return [raw[i * size : (i + 1) * size] if known[i] else None for i in range(len(lon))]


def body_offset(blob: bytes) -> int:
    """Return where the WKB of a GeoPackage blob begins."""
    return _PLAIN_HEADER + _ENVELOPE_BYTES[(blob[3] >> 1) & 7]


def decode(blobs: Sequence[bytes | None]) -> NDArray[Any]:
    """Return shapely geometries of GeoPackage blobs; a MULTI geometry of one part comes back as that part."""
    bodies = np.array([None if blob is None else blob[body_offset(blob) :] for blob in blobs], dtype=object)
    return _unwrap(shapely.from_wkb(bodies))


def _unwrap(shapes: NDArray[Any]) -> NDArray[Any]:
    multi = np.isin(shapely.get_type_id(shapes), list(_SINGLE)) & (shapely.get_num_geometries(shapes) == 1)
    shapes[multi] = shapely.get_geometry(shapes[multi], 0)
    return shapes


def blob_is_empty(blob: bytes | None) -> int | None:
    """``ST_IsEmpty`` of a GeoPackage blob."""
    if blob is None or blob[:2] != b"GP":
        return None
    return int(bool(blob[3] & _EMPTY))


def blob_envelope(blob: bytes | None) -> tuple[float, float, float, float] | None:
    """Return (min x, max x, min y, max y) of a GeoPackage blob, None where it is empty or null."""
    if blob is None or blob[:2] != b"GP" or blob[3] & _EMPTY:
        return None
    if (blob[3] >> 1) & 7:
        order = "<" if blob[3] & _LITTLE else ">"
        west, east, south, north = struct.unpack_from(f"{order}dddd", blob, _PLAIN_HEADER)
        return west, east, south, north
    if len(blob) == _POINT_BYTES:
        order = "<" if blob[_PLAIN_HEADER] else ">"
        x, y = struct.unpack_from(f"{order}dd", blob, _PLAIN_HEADER + 5)
        return x, x, y, y
    west, south, east, north = shapely.from_wkb(blob[body_offset(blob) :]).bounds
    return west, east, south, north


class Shape(UserDefinedType[Any]):
    """A geometry column as GeoPackage sees it; values are ready blobs on both sides.

    Rows are encoded and decoded many at a time (`encode`, `decode`), which is ten times as fast as one by one.
    """

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_col_spec(self, **_: Any) -> str:
        """Return the geometry type name, which is the column type in a GeoPackage."""
        return self.kind


class _PostgisShape(Shape):
    """The same column in PostGIS: hex EWKB on the wire, GeoPackage blobs on our side."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the PostGIS column type."""
        return f"geometry({self.kind},{SRID})"

    def bind_processor(self, dialect: Any) -> Callable[[bytes | None], str | None]:  # noqa: ARG002
        """Turn blobs into the text PostGIS reads."""
        return to_hex

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[str | None], bytes | None]:  # noqa: ARG002
        """Turn the text PostGIS writes into blobs."""
        return from_hex


_WITH_SRID: Final = 0x20000000


def to_hex(blob: bytes | None) -> str | None:
    """Return the hex EWKB (with srid 4490) of a GeoPackage blob."""
    if blob is None:
        return None
    body = blob[body_offset(blob) :]
    (kind,) = struct.unpack_from("<I", body, 1)
    return (body[:1] + struct.pack("<II", kind | _WITH_SRID, SRID) + body[5:]).hex()


def from_hex(text: str | None) -> bytes | None:
    """Return the GeoPackage blob of hex EWKB as PostGIS writes it (little-endian, with srid)."""
    if text is None:
        return None
    raw = bytes.fromhex(text)
    (kind,) = struct.unpack_from("<I", raw, 1)
    body = raw[:1] + struct.pack("<I", kind & ~_WITH_SRID) + raw[9 if kind & _WITH_SRID else 5 :]
    # The envelope is not rebuilt: only the SQLite triggers read it.
    return _MAGIC + bytes([_LITTLE]) + struct.pack("<i", SRID) + body


class Instant(UserDefinedType[dt.datetime]):
    """An aware moment in UTC, written ``YYYY-MM-DDTHH:MM:SS.fffZ`` as GeoPackage asks."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return GeoPackage's name of the type."""
        return "DATETIME"

    def bind_processor(self, dialect: Any) -> Callable[[dt.datetime | None], str | None]:  # noqa: ARG002
        """Write the text form."""
        return lambda value: (
            None if value is None else f"{value.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
        )

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[str | None], dt.datetime | None]:  # noqa: ARG002
        """Read the text form."""
        return lambda text: None if text is None else dt.datetime.fromisoformat(text)


def instant(value: dt.datetime) -> dt.datetime:
    """Return an aware moment in UTC, cut to the millisecond that both engines keep."""
    utc = value.astimezone(dt.UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def shape_type(kind: str) -> Any:
    """Column type of a geometry layer in both engines."""
    return Shape(kind).with_variant(_PostgisShape(kind), "postgresql")


def instant_type() -> Any:
    """Column type of a moment in both engines."""
    return Instant().with_variant(DateTime(timezone=True), "postgresql")


def word_type() -> Any:
    """Text compared byte by byte in both engines (ids, keys, codes: their order must not depend on a locale)."""
    return Text().with_variant(Text(collation="C"), "postgresql")
