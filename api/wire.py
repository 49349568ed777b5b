"""How values are read from and written to the wire: one parser for each kind of parameter, one JSON writer."""

from __future__ import annotations

import datetime as dt
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson
import shapely
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from geo.crs import Datum, parse_datum
from geo.errors import DatumRequired, HostileFile, Refused

if TYPE_CHECKING:
    from geo.model import Grid, Json

__all__ = ["JsonResponse", "StrictRoute", "datum_from", "day_from", "geojson_of", "grid_json", "number_from"]

_NUMBER: Final = re.compile(r"[+-]?(\d{1,18}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?")
_LONGEST_DATUM: Final = 20
_BRACKETS: Final = re.compile(rb"[\[\]{}]")
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class JsonResponse(Response):
    """JSON by orjson: dates and numpy arrays written, NaN as null, text as UTF-8, names of any text class."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the JSON text of a value."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Parse the body strictly: no NaN, no Infinity, no lone surrogates."""
        return orjson.loads(await self.body())


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know, and any of them given twice."""

    def get_route_handler(self) -> Any:
        """Return the handler with the strict reading around it."""
        inner = super().get_route_handler()
        known = {field.alias for field in _query_fields(self.dependant)}

        async def handler(request: Request) -> Response:
            names = [name for name, _ in request.query_params.multi_items()]
            if set(names) - known:
                raise RequestValidationError([_fault("query", "unknown_parameter", "a parameter is not known here")])
            if len(names) != len(set(names)):
                raise RequestValidationError([_fault("query", "repeated_parameter", "a parameter is given twice")])
            strict = _StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                _refuse_odd_json(await strict.body(), deepest=request.scope["limits"].json_depth)
            response: Response = await inner(strict)
            return response

        return handler


def _refuse_odd_json(body: bytes, *, deepest: int) -> None:
    """Refuse JSON that is too deep, names a field twice, or holds a number no machine holds.

    Other faults are left to the reader that comes after. The body is bounded by the gate, so that this costs
    milliseconds at most.
    """
    depth = most = 0
    for mark in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if mark in b"[{" else -1
        most = max(most, depth)
    if most > deepest:
        raise HostileFile(f"the body is nested deeper than {deepest}", code="json-deep", remedy="send it flat")
    try:
        json.loads(body, object_pairs_hook=_each_once)
    except json.JSONDecodeError:
        return
    except (ValueError, RecursionError):
        raise Refused("a number of the body is too long", code="number-expected", remedy="send usual numbers") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("a field is given twice in one object", code="field-doubled", remedy="send each field once")
    return found


def _query_fields(dependant: Any) -> list[Any]:
    return [*dependant.query_params, *(f for d in dependant.dependencies for f in _query_fields(d))]


def _fault(place: str, code: str, message: str) -> dict[str, Any]:
    return {"loc": (place,), "type": code, "msg": message}


@lru_cache(maxsize=256)
def datum_from(text: str | None) -> Datum:
    """Return the declared datum, without quoting what was sent where it is none.

    Raises
    ------
    DatumRequired
        None was declared.
    Refused
        The word names no datum.
    """
    if text is not None and len(text) > _LONGEST_DATUM:
        text = "?"
    try:
        return parse_datum(text)
    except DatumRequired:
        raise DatumRequired(
            "the datum of these coordinates is not declared",
            remedy="send datum=cgcs2000, wgs84, gcj02, bd09 or a plane code such as epsg:4552",
        ) from None
    except Refused as error:
        raise Refused("datum is not one known here", code=error.code, remedy=error.remedy) from None


def number_from(name: str, text: str) -> float:
    """Return a finite decimal number; `name` is the parameter's, for the refusal."""
    if _NUMBER.fullmatch(text) is None:
        raise Refused(f"{name} is not a decimal number", code="number-expected", remedy="send for example 129.05")
    value = float(text)
    if value - value != 0.0:
        raise Refused(f"{name} is too large", code="number-expected", remedy="send degrees or metres")
    return value


def day_from(text: str) -> dt.date:
    """Return a calendar day written YYYY-MM-DD."""
    try:
        if _DAY.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise Refused("as_of is not a day", code="day-expected", remedy="write it as 2025-07-01")


def geojson_of(geometry: Any) -> Json:
    """Return GeoJSON: outer rings to the left (RFC 7946), coordinates as stored (at most 9 decimals)."""
    mapped: Json = shapely.geometry.mapping(shapely.orient_polygons(geometry))
    return mapped


def grid_json(grid: Grid, *, geometry: bool = False) -> Json:
    """Return the public facts of a grid."""
    facts: Json = {
        "id": grid.id,
        "code": grid.code,
        "name": grid.name,
        "local_code": grid.local_code,
        "kind": grid.kind.value,
        "owner_unit": grid.owner_unit or None,
        "community_code": grid.community_code,
        "department": grid.department,
    }
    if geometry:
        facts["geometry"] = geojson_of(grid.geometry)
    return facts
