"""POST /locate: many points at once, as JSON columns, CSV or an Arrow stream, answered in the same form."""

from __future__ import annotations

from typing import Annotated, Any, Final, Protocol

import numpy as np
import orjson
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Query, Request
from numpy.typing import NDArray
from starlette.responses import Response

from api.gate import actor_of
from api.schemas import BatchAnswer
from api.wire import StrictRoute, datum_from, day_from
from geo.errors import Refused
from geo.services.lookup import Batch, Lookup
from geo.settings import Limits

__all__ = ["ARROW", "CSV", "batch_router"]

CSV: Final = "text/csv"
ARROW: Final = "application/vnd.apache.arrow.stream"
_KNOWN: Final = frozenset({"datum", "lon", "lat", "id"})
FloatArray = NDArray[np.float64]

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/BatchQuery"}},
            CSV: {"schema": {"type": "string", "description": "columns lon, lat, and if wanted id and datum"}},
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": BatchAnswer,
        "description": "The same facts in columns; CSV and Arrow name the generation in a column",
        "content": {CSV: {"schema": {"type": "string"}}, ARROW: {"schema": {"type": "string", "format": "binary"}}},
    }
}


def batch_router(lookup: Lookup, *, limits: Limits) -> APIRouter:
    """Return the router of the batch operation."""
    router = APIRouter(tags=["locate"], route_class=StrictRoute)

    @router.post(
        "/locate", responses=_ANSWERS, openapi_extra=_BODY, summary="Which grids are these points in? 批量落格"
    )
    async def locate_batch(
        request: Request,
        datum: Annotated[str | None, Query(max_length=20, description="for CSV and Arrow bodies")] = None,
        as_of: Annotated[str | None, Query(description="answer with the grids in force on that day")] = None,
    ) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        form = _FORMS.get(kind)
        if form is None:
            raise HTTPException(415)
        body, actor = await request.body(), actor_of(request)
        day = None if as_of is None else day_from(as_of)

        def work() -> bytes:
            points = form.read(body, datum, limits)
            return form.write(points, lookup.locate_batch(actor, points.lon, points.lat, datum=points.datum, as_of=day))

        return Response(await run_sync(work), media_type=kind)

    return router


class _Points:
    """Points read from a body: columns in the declared datum, and the ids as they came."""

    __slots__ = ("datum", "ids", "lat", "lon")

    def __init__(self, datum: Any, lon: FloatArray, lat: FloatArray, ids: Any) -> None:
        if lon.shape != lat.shape:
            raise Refused("lon and lat differ in length", code="columns-unequal", remedy="send pairs")
        if ids is not None and len(ids) != len(lon):
            raise Refused("id and lon differ in length", code="columns-unequal", remedy="send one id for each point")
        self.datum, self.lon, self.lat, self.ids = datum, lon, lat, ids


class _Form(Protocol):
    """One form of body: how points are read from it and answers written in it."""

    @staticmethod
    def read(body: bytes, datum: str | None, limits: Limits) -> _Points:
        """Return the points of a body."""

    @staticmethod
    def write(points: _Points, answer: Batch) -> bytes:
        """Return the answers in the same form."""


class _JsonForm:
    """Columns in a JSON object."""

    @staticmethod
    def read(body: bytes, datum: str | None, limits: Limits) -> _Points:
        try:
            sent = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Refused("the body is not JSON", code="json-invalid", remedy="NaN and Infinity are not JSON") from None
        if not isinstance(sent, dict) or sent.keys() - _KNOWN or {"lon", "lat"} - sent.keys():
            raise Refused(
                "the body must be an object of datum, lon, lat and, if wanted, id",
                code="fields-unknown",
                remedy="send {datum, lon: [...], lat: [...], id: [...]}",
            )
        declared = sent.get("datum", datum)
        if declared is not None and not isinstance(declared, str):
            raise Refused("datum must be a word", code="datum-unknown", remedy="send for example cgcs2000")
        ids = sent.get("id")
        if ids is not None and not (isinstance(ids, list) and set(map(type, ids)) <= {str, int}):
            raise Refused("id must be a list of texts or whole numbers", code="id-type", remedy="send texts")
        lon, lat = (_numbers(sent[name], name, limits) for name in ("lon", "lat"))
        return _Points(datum_from(declared), lon, lat, ids)

    @staticmethod
    def write(points: _Points, answer: Batch) -> bytes:
        # Each word is written once; a column is put together from the written words.
        parts = [b'{"generation":', orjson.dumps(answer.generation)]
        if points.ids is not None:
            parts += [b',"id":', orjson.dumps(points.ids)]
        for name in ("grid", "code", "basis"):
            parts += [b',"%s":[' % name.encode(), _joined(answer, name), b"]"]
        return b"".join([*parts, b"}"])


def _joined(answer: Batch, name: str) -> bytes:
    """Return the JSON texts of a column, joined by commas; shorter ones are filled up with blanks, as JSON allows."""
    texts = np.array([orjson.dumps(word) + b"," for word in answer.words[name].tolist()])
    width = texts.dtype.itemsize
    padded = np.array([text.ljust(width) for text in texts.tolist()])
    return padded[answer.numbers[name]].tobytes().rstrip(b" ")[:-1]


def _numbers(column: Any, name: str, limits: Limits) -> FloatArray:
    """Return a JSON list of numbers and nulls as floats; texts and truth values are refused."""
    if not isinstance(column, list):
        raise Refused(f"{name} must be a list", code="column-type", remedy="send a list of numbers")
    if len(column) > limits.table_rows:
        raise Refused(f"{name} is longer than {limits.table_rows}", code="too-many-rows", remedy="send several batches")
    kinds = set(map(type, column))
    if not kinds <= {float, int, type(None)}:
        raise Refused(f"{name} must hold numbers or null only", code="column-type", remedy="send numbers, not texts")
    try:
        return np.array(column, dtype=np.float64)
    except OverflowError:
        raise Refused(f"{name} holds a number too large", code="number-expected", remedy="send degrees") from None


class _CsvForm:
    """Comma-separated text with a header line, UTF-8."""

    @staticmethod
    def read(body: bytes, datum: str | None, limits: Limits) -> _Points:
        import pyarrow as pa
        from pyarrow import csv

        types = {"lon": pa.float64(), "lat": pa.float64(), "id": pa.string(), "datum": pa.string()}
        options = csv.ConvertOptions(column_types=types, null_values=["", "NaN", "nan"], strings_can_be_null=False)
        try:
            table = csv.read_csv(pa.py_buffer(body), convert_options=options)
        except pa.ArrowInvalid:
            raise Refused(
                "the body is not a table of numbers with a header line",
                code="csv-invalid",
                remedy="send UTF-8 with a header line lon,lat and decimal numbers below it",
            ) from None
        return _points_of(table, datum, limits)

    @staticmethod
    def write(points: _Points, answer: Batch) -> bytes:
        import pyarrow as pa
        from pyarrow import csv

        sink = pa.BufferOutputStream()
        table = _table_of(points, answer)
        plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
        csv.write_csv(pa.table(plain, names=table.column_names), sink, csv.WriteOptions(quoting_style="needed"))
        return bytes(sink.getvalue())


class _ArrowForm:
    """An Arrow IPC stream."""

    @staticmethod
    def read(body: bytes, datum: str | None, limits: Limits) -> _Points:
        import pyarrow as pa

        from api.arrow_stream import refuse_compressed

        refuse_compressed(body)
        try:
            table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
            table.validate(full=True)
        except (pa.ArrowException, OSError):
            raise Refused(
                "the body is not an Arrow stream", code="arrow-invalid", remedy="send an uncompressed IPC stream"
            ) from None
        return _points_of(table, datum, limits)

    @staticmethod
    def write(points: _Points, answer: Batch) -> bytes:
        import pyarrow as pa

        table = _table_of(points, answer)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return bytes(sink.getvalue())


def _points_of(table: Any, datum: str | None, limits: Limits) -> _Points:
    """Take the columns out of an Arrow table."""
    names = table.column_names
    if len(set(names)) != len(names) or set(names) - _KNOWN or {"lon", "lat"} - set(names):
        raise Refused(
            "the columns must be lon, lat and, if wanted, id and datum",
            code="fields-unknown",
            remedy="name them so in the header",
        )
    if table.num_rows > limits.table_rows:
        raise Refused(f"more than {limits.table_rows} rows", code="too-many-rows", remedy="send several batches")
    declared = datum
    if "datum" in names:
        words = table["datum"].unique().to_pylist()
        if len(words) > 1 or (datum is not None and words != [datum]):
            raise Refused("the datum must be one for all rows", code="datum-mixed", remedy="send one batch per datum")
        declared = words[0] if words else datum
    if declared is not None and not isinstance(declared, str):
        raise Refused("datum must be a word", code="datum-unknown", remedy="send for example cgcs2000")
    lon, lat = (_floats(table[name], name) for name in ("lon", "lat"))
    return _Points(datum_from(declared), lon, lat, table["id"] if "id" in names else None)


def _floats(column: Any, name: str) -> FloatArray:
    import pyarrow as pa

    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise Refused(f"{name} must be a column of numbers", code="column-type", remedy="send float64")
    values: FloatArray = column.cast(pa.float64()).to_numpy()
    return values


def _table_of(points: _Points, answer: Batch) -> Any:
    """Return the answer as an Arrow table; repeated words travel as dictionaries of one copy each."""
    import pyarrow as pa

    columns = {} if points.ids is None else {"id": points.ids}
    for name in ("grid", "code", "basis"):
        words = pa.array(answer.words[name], type=pa.string())
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(answer.numbers[name]), words)
    here = np.zeros(len(answer), dtype=np.int8)
    columns["generation"] = pa.DictionaryArray.from_arrays(pa.array(here), pa.array([answer.generation["id"]]))
    return pa.table(columns)


_FORMS: Final[dict[str, type[_Form]]] = {"application/json": _JsonForm, CSV: _CsvForm, ARROW: _ArrowForm}
