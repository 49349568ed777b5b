"""GET /locate as a bare ASGI callable: the question asked most, answered with the least machinery.

It gives the same problems and passes the same gate as every other operation, and its description
(`OPERATION`) stands in the API text. What does not change from call to call, the description of a grid and of
who answers for it, is written once and kept for half a second as JSON text.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson
from anyio.to_thread import run_sync

from api.problems import problem_of, render
from api.wire import datum_from, day_from, number_from
from geo.authority import Actor
from geo.crs import Datum, to_cgcs2000
from geo.errors import Refused, WanggeError
from geo.model import Placement
from geo.services.lookup import Lookup

__all__ = ["OPERATION", "PARAMETERS", "PATH", "PointLookup", "placement_json"]

PATH: Final = "/api/v1/locate"
_KEPT_SECONDS: Final = 0.5
_KEPT_TEXTS: Final = 20_000
_WIDEST_M: Final = 100_000.0
_PLAIN: Final = ("cgcs2000", "wgs84")

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def _parameter(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


PARAMETERS: Final = (
    _parameter("lon", {"type": "number"}, "longitude in degrees, or easting in metres for a plane datum"),
    _parameter("lat", {"type": "number"}, "latitude in degrees, or northing in metres for a plane datum"),
    _parameter(
        "datum",
        {"type": "string", "pattern": r"^(cgcs2000|wgs84|gcj-?02|bd-?09|(epsg:)?\d{4,6})$", "maxLength": 20},
        "what the two numbers mean; required with lon and lat, never guessed",
    ),
    _parameter(
        "accuracy_m",
        {"type": "number", "minimum": 0, "maximum": 100000},
        "radius of uncertainty in metres: grids within it become candidates",
    ),
    _parameter("as_of", {"type": "string", "format": "date"}, "answer with the grids in force on that day"),
)
_NAMES: Final = {str(p["name"]).encode("ascii"): str(p["name"]) for p in PARAMETERS}

OPERATION: Final[dict[str, Any]] = {
    "tags": ["locate"],
    "summary": "Which grid is this point in? 查询坐标所在网格",
    "description": "Exactly one base grid for every point of the extent; outside is an answer (200, basis `outside`).",
    "operationId": "locate_point",
    "parameters": list(PARAMETERS),
    "responses": {
        "200": {
            "description": "The placement",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PlacementOut"}}},
        }
    },
}


@dataclass(frozen=True, slots=True)
class _Question:
    lon: float
    lat: float
    datum: Datum
    accuracy_m: float | None
    as_of: dt.date | None


def placement_json(answer: Placement) -> dict[str, Any]:
    """Return a placement as the wire has it."""
    return {
        "grid": answer.grid,
        "exclusive": answer.exclusive,
        "community": answer.community,
        "town": answer.town,
        "basis": answer.basis.value,
        "distance_to_boundary_m": answer.distance_to_boundary_m,
        "candidates": answer.candidates,
        "ambiguous": answer.ambiguous,
        "generation": answer.generation,
        "responsible": answer.responsible,
        "notes": answer.notes,
    }


def _question(query: bytes) -> _Question:
    """Parse the query string; every name known and given once."""
    given: dict[str, str] = {}
    for pair in query.split(b"&") if query else ():
        name, _, value = pair.partition(b"=")
        known = _NAMES.get(name)
        if known is None:
            raise Refused(
                "a parameter is not known here",
                code="unknown-parameter",
                remedy="lon, lat, datum, accuracy_m and as_of are known",
            )
        if known in given:
            raise Refused(f"{known} is given twice", code="repeated-parameter", remedy="send each parameter once")
        text = value.decode("ascii", "replace")
        given[known] = unquote_plus(text) if "%" in text or "+" in text else text
    for needed in ("lon", "lat"):
        if needed not in given:
            raise Refused(f"{needed} is missing", code="parameter-missing", remedy="send lon, lat and datum")
    accuracy = given.get("accuracy_m")
    as_of = given.get("as_of")
    return _Question(
        number_from("lon", given["lon"]),
        number_from("lat", given["lat"]),
        datum_from(given.get("datum")),
        None if accuracy is None else number_from("accuracy_m", accuracy),
        None if as_of is None else day_from(as_of),
    )


class PointLookup:
    """ASGI callable that answers one point.

    Parameters
    ----------
    lookup : Lookup
        The service asked.
    ticks : callable
        Monotonic clock in seconds, for how long written texts are kept.
    """

    def __init__(self, lookup: Lookup, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._ticks = ticks
        self._texts: dict[tuple[Any, ...], bytes] = {}
        self._written_at = -_KEPT_SECONDS

    async def __call__(self, scope: Scope, _receive: Any, send: Send) -> None:
        """Answer one GET or HEAD."""
        scope["fixed_route"] = PATH
        try:
            body = await self._answer(scope["actor"], _question(scope["query_string"]))
        except WanggeError as error:
            await render(problem_of(error), scope)(scope, _receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode("ascii"))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, actor: Actor, asked: _Question) -> bytes:
        if asked.as_of is not None or (asked.accuracy_m is not None and not 0 <= asked.accuracy_m <= _WIDEST_M):
            return await run_sync(self._whole, actor, asked)
        return self._quick(actor, asked)

    def _whole(self, actor: Actor, asked: _Question) -> bytes:
        placed = self._lookup.locate(
            actor, asked.lon, asked.lat, datum=asked.datum, accuracy_m=asked.accuracy_m, as_of=asked.as_of
        )
        return orjson.dumps(placement_json(placed))

    def _quick(self, actor: Actor, asked: _Question) -> bytes:
        cover = self._lookup.coverage(actor)
        x, y = asked.lon, asked.lat
        if asked.datum.name not in _PLAIN:
            lon, lat = to_cgcs2000([x], [y], asked.datum)
            x, y = float(lon[0]), float(lat[0])
        found = cover.base_index.locate(x, y, accuracy_m=asked.accuracy_m)
        overlays = (
            tuple(cover.overlay_index.locate_all([x], [y])[1].tolist()) if cover.overlay_index is not None else ()
        )
        now = self._ticks()
        if now - self._written_at > _KEPT_SECONDS or len(self._texts) > _KEPT_TEXTS:
            self._texts.clear()
            self._written_at = now
        key = (cover.generation.id, actor, found.position, found.on_boundary, overlays)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._kept(actor, asked)
        candidates = [cover.describe_grid(cover.base[p]) for p in found.candidates]
        changing = {
            "distance_to_boundary_m": found.distance_to_boundary_m,
            "candidates": candidates,
            "ambiguous": found.ambiguous,
        }
        return text + orjson.dumps(changing)[1:]

    def _kept(self, actor: Actor, asked: _Question) -> bytes:
        """Return the part of the answer that every point of the same grid and overlays shares, open at its end."""
        placed = placement_json(self._lookup.locate(actor, asked.lon, asked.lat, datum=asked.datum))
        for name in ("distance_to_boundary_m", "candidates", "ambiguous"):
            del placed[name]
        return orjson.dumps(placed)[:-1] + b","
