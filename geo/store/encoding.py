"""Rows as callers know them ↔ rows as tables keep them, a column at a time."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from sqlalchemy import Boolean, Double, Integer

from geo.errors import Refused, Where
from geo.store import schema
from geo.store.base import FIELDS, RECORD_TYPES
from geo.store.shapes import Instant, decode, encode, instant, points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Column

    from geo.store.base import Row

__all__ = ["KEYS", "column_array", "column_name", "encode_columns", "key_of", "row_dicts"]

KEYS: Final = {kind: "code" if kind == "areas" else "source_key" for kind in FIELDS}
_FILLED: Final = {"id", "county_code"}
_SHAPES: Final = {
    "MULTIPOLYGON": {"Polygon", "MultiPolygon"},
    "MULTILINESTRING": {"LineString", "MultiLineString"},
    "GEOMETRY": {"Point", "Polygon", "MultiPolygon", "LineString", "MultiLineString", "MultiPoint"},
}
_WHOLE_LIMIT: Final = 2**31


def key_of(kind: str) -> str:
    """Return the field that identifies a row of a kind within its county.

    Raises
    ------
    Refused
        `kind` is none of `KINDS`.
    """
    if kind not in KEYS:
        raise Refused(f"{kind!r} is not a kind of record", code="kind-unknown", remedy=f"use one of {', '.join(KEYS)}")
    return KEYS[kind]


def column_name(kind: str, field: str) -> str:
    """Return the column that keeps a field; an unknown field is refused."""
    if field not in FIELDS[kind]:
        raise Refused(
            f"{kind} have no field {field!r}", code="field-unknown", remedy=f"use one of {', '.join(FIELDS[kind])}"
        )
    return "geom" if field == "geometry" else field


def _defaults(kind: str) -> dict[str, Any]:
    """Return the value of each field that may be left out."""
    return {field.name: field.default for field in fields(RECORD_TYPES[kind]) if field.default is not MISSING}


def encode_columns(kind: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the stored values of rows, column by column (without `id` and `county_code`).

    Raises
    ------
    Refused
        A field is unknown, missing or of a wrong type; the message names the row's key.
    """
    _check_fields(kind, rows)
    table, key, defaults = schema.RECORDS[kind], KEYS[kind], _defaults(kind)
    keys = [str(row.get(key, "")) for row in rows]
    stored: dict[str, list[Any]] = {}
    for field in FIELDS[kind]:
        if field in _FILLED:
            continue
        values = _values(rows, field, defaults, keys)
        column = table.c[column_name(kind, field)]
        stored[column.name] = _encoded(kind, field, column, values, keys)
    layer = schema.LAYERS[kind]
    if layer.geometry == "POINT":
        lon, lat = (np.array(stored[name], dtype=np.float64) for name in ("lon", "lat"))
        stored["geom"] = points(lon, lat)
    return stored


def _check_fields(kind: str, rows: Iterable[Mapping[str, Any]]) -> None:
    known = set(FIELDS[kind])
    for row in rows:
        if not known >= row.keys():
            column_name(kind, min(row.keys() - known))


def _values(
    rows: Sequence[Mapping[str, Any]], field: str, defaults: Mapping[str, Any], keys: Sequence[str]
) -> list[Any]:
    if field in defaults:
        default = defaults[field]
        return [row.get(field, default) for row in rows]
    for row, key in zip(rows, keys, strict=True):
        if field not in row:
            raise _bad(field, key, "is missing")
    return [row[field] for row in rows]


def _bad(field: str, key: str, what: str) -> Refused:
    return Refused(
        f"the field {field} {what}",
        code="bad-value",
        where=Where(feature=key or None, column=field),
        remedy="correct the row",
    )


def _encoded(kind: str, field: str, column: Column[Any], values: list[Any], keys: Sequence[str]) -> list[Any]:
    if (kind, field) in schema.LISTS:
        return [_list_text(value, field, keys[i]) for i, value in enumerate(values)]
    if field == "geometry":
        return _encoded_shapes(schema.LAYERS[kind].geometry or "", values, keys)
    convert = _converter(column)
    out = [convert(value) for value in values]
    for i, value in enumerate(out):
        given = values[i] is not None and not _is_nan(values[i])
        if value is None and (given or not column.nullable):
            raise _bad(field, keys[i], "is missing or has a value of a wrong type")
    if convert is _word:
        _check_text(field, out, keys)
    return out


def _converter(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, Boolean):
        return _truth
    if isinstance(column.type, Double):
        return _real
    if isinstance(column.type, Integer):
        return _whole
    return _moment if isinstance(column.type, Instant) else _word


def _word(value: Any) -> str | None:
    return value if type(value) is str else str(value) if isinstance(value, str) else None


def _truth(value: Any) -> bool | None:
    return bool(value) if isinstance(value, (bool, np.bool_)) else None


def _real(value: Any) -> float | None:
    if type(value) is not float:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
            return None
        value = float(value)
    return value if math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    if type(value) is int:
        return value if abs(value) < _WHOLE_LIMIT else None
    return _whole(int(value)) if isinstance(value, np.integer) else None


def _moment(value: Any) -> dt.datetime | None:
    return instant(value) if isinstance(value, dt.datetime) and value.tzinfo else None


def _is_nan(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def _check_text(field: str, words: Sequence[str | None], keys: Sequence[str]) -> None:
    """Refuse text that one of the engines could not keep: NUL characters and lone surrogates."""
    whole = "".join(filter(None, words))
    if "\x00" not in whole and _encodable(whole):
        return
    for word, key in zip(words, keys, strict=True):
        if word is not None and ("\x00" in word or not _encodable(word)):
            raise _bad(field, "" if field in KEYS.values() else key, "holds a character that is no text")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list_text(value: Any, field: str, key: str) -> str:
    if not isinstance(value, (tuple, list)) or not all(isinstance(item, str) for item in value):
        raise _bad(field, key, "must be a list of texts")
    return json.dumps([str(item) for item in value], ensure_ascii=False, separators=(",", ":"))


def _encoded_shapes(layer: str, values: list[Any], keys: Sequence[str]) -> list[bytes | None]:
    for value, key in zip(values, keys, strict=True):
        if value is None:
            continue
        if not isinstance(value, shapely.Geometry) or value.geom_type not in _SHAPES[layer]:
            raise _bad("geometry", key, f"is no geometry of the layer type {layer.lower()}")
        if not np.isfinite(shapely.get_coordinates(value)).all():
            raise _bad("geometry", key, "has a coordinate that is not a finite number")
    return encode(values, layer)


def row_dicts(kind: str, names: Sequence[str], stored: Sequence[Sequence[Any]]) -> list[Row]:
    """Return stored rows as dicts of fields."""
    decoders = {i: _list_value for i, name in enumerate(names) if (kind, name) in schema.LISTS}
    rows = [dict(zip(names, values, strict=True)) for values in stored]
    for i, read in decoders.items():
        for row in rows:
            row[names[i]] = read(row[names[i]])
    if "geometry" in names and rows:
        for row, shape in zip(rows, decode([row["geometry"] for row in rows]), strict=True):
            row["geometry"] = shape
    return rows


def _list_value(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


def column_array(kind: str, name: str, column: Column[Any], values: Sequence[Any]) -> NDArray[Any]:
    """Return one column as an array: float64 (NaN for null), int64, bool, else object."""
    if name == "geometry":
        return decode(values)
    if isinstance(column.type, Boolean):
        return np.array(values, dtype=np.bool_)
    if isinstance(column.type, Double):
        return np.array(values, dtype=np.float64)
    if isinstance(column.type, Integer):
        return np.array(values, dtype=np.int64)
    if (kind, name) in schema.LISTS:
        values = [_list_value(text) for text in values]
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
