"""GET /locate as a bare ASGI callable: the question asked most, answered with the least machinery.

It gives the same problems and passes the same gate as every other operation, and its description
(`OPERATION`) stands in the API text. What every point of a grid shares, the description of the grid and of who
answers for it, is written once as JSON text and kept with the coverage it was made from. That pair is renewed
whole, half a second after it was read, by a thread beside the event loop; no answer rests on one older than a second.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson
from anyio.to_thread import run_sync

from api.problems import problem_of, render
from api.wire import datum_from, day_from, number_from
from geo.authority import Actor
from geo.crs import CGCS2000, Datum, to_cgcs2000
from geo.errors import Refused, WanggeError
from geo.locate import Located
from geo.model import Json, Placement
from geo.services.dispatch import IncidentPlacement, place_incident, whom_to_send
from geo.services.lookup import Lookup, on_call, overlay_positions, placement_at, responsible_grid
from geo.services.published import PublishedCoverage
from geo.store.base import Store

__all__ = ["OPERATION", "PARAMETERS", "PATH", "PointLookup", "placement_json"]

PATH: Final = "/api/v1/locate"
_LOG = logging.getLogger("wangge.api")
_RENEWED_AFTER_S: Final = 0.5
_OLDEST_S: Final = 1.0
_KEPT_TEXTS: Final = 20_000
_MOST_ACTORS: Final = 1_000
_WIDEST_M: Final = 100_000.0
_LONGEST_TEXT: Final = 300
_PLAIN: Final = ("cgcs2000", "wgs84")
_CHANGING: Final = ("distance_to_boundary_m", "candidates", "ambiguous")

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
    _parameter(
        "address",
        {"type": "string", "minLength": 1, "maxLength": _LONGEST_TEXT},
        "address as said or written; alone, or with lon, lat and datum for one placement from both",
    ),
    _parameter(
        "community",
        {"type": "string", "pattern": r"^\d{12}$"},
        "code of the community known besides the address",
    ),
    _parameter(
        "category",
        {"type": "string", "maxLength": 100},
        "category of the incident (供热): the answer then names whom to send",
    ),
)
_NAMES: Final = {str(p["name"]).encode("ascii"): str(p["name"]) for p in PARAMETERS}
_COMMUNITY: Final = re.compile(r"\d{12}")
# What nearly every caller sends; anything else takes the general way, with the same answers.
_NUMBER: Final = rb"([+-]?(?:\d{1,18}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)"
_USUAL: Final = re.compile(rb"lon=" + _NUMBER + rb"&lat=" + _NUMBER + rb"&datum=([a-z0-9:-]{1,20})")

OPERATION: Final[dict[str, Any]] = {
    "tags": ["locate"],
    "summary": "Which grid is this point, or this address, in? 查询坐标或地址所在网格",
    "description": (
        "Exactly one base grid for every point of the extent; outside is an answer (200, basis `outside`). An address "
        "that fits several grids is answered with one question and the grids to choose from. Given both, `agree` "
        "says whether they name one grid, and `reconciled_by` under which datum they would."
    ),
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
    lon: float | None
    lat: float | None
    datum: Datum
    accuracy_m: float | None = None
    as_of: dt.date | None = None
    address: str = ""
    community: str | None = None
    category: str = ""

    @property
    def simple(self) -> bool:
        """Whether the kept texts can answer it: a point, now."""
        if self.as_of is not None or self.address or self.category:
            return False
        return self.accuracy_m is None or 0 <= self.accuracy_m <= _WIDEST_M


@dataclass(slots=True)
class _Standing:
    """The coverage in force for one actor, who answers for its grids, and the texts written from both."""

    cover: PublishedCoverage
    people: Mapping[str, Json] | None
    read_at: float
    epoch: int
    renewing: bool = False
    texts: dict[Any, tuple[bytes, bytes, bytes]] = field(default_factory=dict)


def placement_json(answer: Placement) -> dict[str, Any]:
    """Return a placement as the wire has it."""
    return {
        "grid": answer.grid,
        "exclusive": answer.exclusive,
        "community": answer.community,
        "town": answer.town,
        "basis": answer.basis.value,
        "distance_to_boundary_m": None
        if answer.distance_to_boundary_m is None
        else round(answer.distance_to_boundary_m, 3),
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
                remedy="known: " + ", ".join(_NAMES.values()),
            )
        if known in given:
            raise Refused(f"{known} is given twice", code="repeated-parameter", remedy="send each parameter once")
        text = value.decode("ascii", "replace")
        given[known] = unquote_plus(text) if "%" in text or "+" in text else text
    return _checked(given)


def _checked(given: Mapping[str, str]) -> _Question:
    address = given.get("address", "").strip()
    if len(address) > _LONGEST_TEXT or "\ufffd" in address:
        raise Refused(
            f"address is no text of at most {_LONGEST_TEXT} characters",
            code="address-invalid",
            remedy="send UTF-8, percent-encoded",
        )
    pointed = "lon" in given or "lat" in given or not address
    for needed in ("lon", "lat") if pointed else ():
        if needed not in given:
            raise Refused(
                f"{needed} is missing", code="parameter-missing", remedy="send lon, lat and datum, or an address"
            )
    accuracy, as_of, community = given.get("accuracy_m"), given.get("as_of"), given.get("community")
    if community is not None and _COMMUNITY.fullmatch(community) is None:
        raise Refused("community is no 12-digit code", code="community-code", remedy="see /api/v1/areas")
    return _Question(
        number_from("lon", given["lon"]) if pointed else None,
        number_from("lat", given["lat"]) if pointed else None,
        datum_from(given.get("datum")) if pointed else CGCS2000,
        None if accuracy is None else number_from("accuracy_m", accuracy),
        None if as_of is None else day_from(as_of),
        address,
        community,
        given.get("category", "")[:100],
    )


class PointLookup:
    """ASGI callable that answers one point or address.

    Parameters
    ----------
    lookup : Lookup
        The service asked.
    store : Store
        Where duties stand, for whom to send.
    ticks : callable
        Monotonic clock in seconds, for how long the coverage and its texts are kept.
    """

    def __init__(self, lookup: Lookup, store: Store, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._lookup, self._store, self._ticks = lookup, store, ticks
        self._standing: dict[Actor, _Standing] = {}
        self._renewals: set[asyncio.Task[None]] = set()
        self._last: tuple[Actor | None, _Standing | None] = (None, None)
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Scope, _receive: Any, send: Send) -> None:
        """Answer one GET or HEAD."""
        scope["fixed_route"] = PATH
        try:
            body = await self._answer(scope["actor"], scope["query_string"])
        except WanggeError as error:
            await render(problem_of(error), scope)(scope, _receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, actor: Actor, query: bytes) -> bytes:
        usual = _USUAL.fullmatch(query)
        asked = None
        if usual is not None and (word := usual[3].decode("ascii")) in _PLAIN:
            x, y, accuracy = float(usual[1]), float(usual[2]), None
            if x - x != 0.0 or y - y != 0.0:
                raise Refused("the number is too large", code="number-expected", remedy="send degrees or metres")
        else:
            asked = _question(query)
            if not asked.simple:
                return await run_sync(self._whole, actor, asked)
            x, y = _converted(asked)
            accuracy, word = asked.accuracy_m, asked.datum.name
        standing = self._current(actor) or await self._renewed(actor)
        found = standing.cover.base_index.locate(x, y, accuracy)
        if found.position < 0 and standing.cover.base_index.holders(y, x):
            # Outside, but not with its numbers exchanged: the whole answer says so.
            return await run_sync(self._whole, actor, asked or _Question(x, y, datum_from(word)))
        return self._written(standing, found, x, y, closely=accuracy is not None)

    def _current(self, actor: Actor) -> _Standing | None:
        """Return what is kept for an actor where it is young enough; sees to it that it stays so."""
        last_actor, standing = self._last
        if actor is not last_actor:
            standing = self._standing.get(actor)
            self._last = (actor, standing)
        if standing is None:
            return None
        age = self._ticks() - standing.read_at
        if age >= _OLDEST_S or standing.epoch != self._lookup.epoch:
            return None
        if age >= _RENEWED_AFTER_S and not standing.renewing:
            standing.renewing = True
            task = asyncio.ensure_future(self._renew(actor))
            self._renewals.add(task)
            task.add_done_callback(self._renewals.discard)
        return standing

    async def _renewed(self, actor: Actor) -> _Standing:
        """Read what stands now; of many who ask at once one reads."""
        async with self._reading:
            known = self._standing.get(actor)
            age = math.inf if known is None else self._ticks() - known.read_at
            if known is not None and age < _RENEWED_AFTER_S and known.epoch == self._lookup.epoch:
                return known
            return await self._read(actor)

    async def _renew(self, actor: Actor) -> None:
        try:
            await self._read(actor)
        except WanggeError as error:
            # The next question asks again, and is told.
            _LOG.warning("the coverage in force could not be read: %s", error.code)
            self._standing.pop(actor, None)
            self._last = (None, None)

    async def _read(self, actor: Actor) -> _Standing:
        def read() -> _Standing:
            begun, epoch = self._ticks(), self._lookup.epoch
            cover = self._lookup.coverage(actor, fresh=True)
            return _Standing(cover, self._lookup.responsibles(actor), begun, epoch)

        fresh = await run_sync(read)
        known = self._standing.get(actor)
        if known is not None and known.cover is fresh.cover and known.people == fresh.people:
            fresh.texts = known.texts
        if len(self._standing) > _MOST_ACTORS:
            self._standing.clear()
        self._standing[actor] = fresh
        self._last = (actor, fresh)
        return fresh

    def _whole(self, actor: Actor, asked: _Question) -> bytes:
        """Answer what is asked less often: by address, with whom to send, as of a day, or with a note."""
        if not asked.address and asked.lon is not None and asked.lat is not None:
            placed = IncidentPlacement(
                self._lookup.locate(
                    actor, asked.lon, asked.lat, datum=asked.datum, accuracy_m=asked.accuracy_m, as_of=asked.as_of
                ),
                None,
            )
        else:
            placed = place_incident(
                self._lookup,
                actor,
                lon=asked.lon,
                lat=asked.lat,
                datum=asked.datum,
                text=asked.address,
                community=asked.community,
                accuracy_m=asked.accuracy_m,
                as_of=asked.as_of,
            )
        return orjson.dumps(self._with_sending(actor, asked, placed))

    def _with_sending(self, actor: Actor, asked: _Question, placed: IncidentPlacement) -> Json:
        body = placement_json(placed.placement)
        if asked.address:
            body |= {"agree": placed.agree, "reconciled_by": placed.reconciled_by, "question": placed.question}
        grid = placed.placement.grid
        if grid is not None and (asked.address or asked.category):
            cover = self._lookup.coverage(actor, as_of=asked.as_of)
            body["send"] = whom_to_send(self._store, actor, cover, grid["id"], category=asked.category)
        return body

    def _written(self, standing: _Standing, found: Located, x: float, y: float, *, closely: bool) -> bytes:
        overlays = overlay_positions(standing.cover, x, y)
        key = (found.position, found.on_boundary, overlays)
        text = standing.texts.get(key)
        if text is None:
            if len(standing.texts) > _KEPT_TEXTS:
                standing.texts.clear()
            text = standing.texts[key] = self._texts(standing, found, overlays)
        head, shared, plain = text
        metres = b"null" if found.distance_to_boundary_m is None else b"%.3f" % found.distance_to_boundary_m
        if not closely:
            return head + metres + plain
        cover = standing.cover
        candidates = [cover.describe_grid(cover.base[p]) for p in found.candidates]
        changing = {"candidates": candidates, "ambiguous": found.ambiguous}
        return head + metres + b"," + orjson.dumps(changing)[1:-1] + shared

    @staticmethod
    def _texts(standing: _Standing, found: Located, overlays: tuple[int, ...]) -> tuple[bytes, bytes, bytes]:
        """Return what every point of the same grid and overlays shares: before the distance, and after it."""
        cover = standing.cover
        grid = responsible_grid(cover, found.position, overlays)
        person = None
        if grid is not None and standing.people is not None:
            person = standing.people.get(grid.id) or on_call(grid)
        # Without a radius the grid that holds a point is its only candidate.
        holder = () if found.position < 0 else (found.position,)
        alone = replace(found, candidates=holder, ambiguous=False)
        placed = placement_json(placement_at(cover, alone, overlays, person))
        before = {k: placed.pop(k) for k in ("grid", "exclusive", "community", "town", "basis")}
        changing = {k: placed.pop(k) for k in _CHANGING}
        head = orjson.dumps(before)[:-1] + b',"distance_to_boundary_m":'
        shared = b"," + orjson.dumps(placed)[1:]
        own = {k: changing[k] for k in ("candidates", "ambiguous")}
        return head, shared, b"," + orjson.dumps(own)[1:-1] + shared


def _converted(asked: _Question) -> tuple[float, float]:
    x, y = asked.lon or 0.0, asked.lat or 0.0
    if asked.datum.name not in _PLAIN:
        lon, lat = to_cgcs2000([x], [y], asked.datum)
        x, y = float(lon[0]), float(lat[0])
    return x, y
