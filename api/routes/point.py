"""GET /locate as a bare ASGI callable: the question asked most, answered with the least machinery.

It gives the same problems and passes the same gate as every other operation, and its description
(`api.routes.question`) stands in the API text. What every point of a grid shares, the description of the grid and
of who answers for it, is written once as JSON text and kept with the coverage it was made from. That pair is renewed
whole, half a second after it was read, by a thread beside the event loop; no answer rests on one older than a second.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import orjson
from anyio.to_thread import run_sync

from api.problems import problem_of, render
from api.routes.question import USUAL, PointQuestion, question_of
from geo.authority import Actor
from geo.errors import WanggeError
from geo.locate import Located
from geo.locate.vicinity import Leaf, Vicinity
from geo.model import Json, Placement
from geo.services.dispatch import IncidentPlacement, place_incident, whom_to_send
from geo.services.lookup import Lookup, on_call, overlay_positions, placement_at, responsible_grid, swap_proposal
from geo.services.published import PublishedCoverage
from geo.services.surroundings import surroundings_of
from geo.store.base import Store

__all__ = ["PATH", "PointLookup", "placement_json"]

PATH: Final = "/api/v1/locate"
_LOG = logging.getLogger("wangge.api")
_RENEWED_AFTER_S: Final = 0.5
_OLDEST_S: Final = 1.0
_KEPT_TEXTS: Final = 20_000
_MOST_ACTORS: Final = 1_000
# So near to an edge a point may lie on it: that is decided exactly, elsewhere.
_ON_EDGE_M: Final = 0.01
_NOWHERE: Final = (-1,)
_usual = USUAL.fullmatch
_CHANGING: Final = ("distance_to_boundary_m", "candidates", "ambiguous")

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class _Standing:
    """The coverage in force for one actor, who answers for its grids, and the texts written from both."""

    cover: PublishedCoverage
    people: Mapping[str, Json] | None
    read_at: float
    renew_at: float
    epoch: int
    overlays: Callable[[float, float], list[int]] | None
    surroundings: Vicinity
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

    def __init__(self, lookup: Lookup, store: Store, *, ticks: Callable[[], float]) -> None:
        self._lookup, self._store, self._ticks = lookup, store, ticks
        self._standing: dict[Actor, _Standing] = {}
        self._renewals: set[asyncio.Task[None]] = set()
        self._last: tuple[Actor, _Standing] | None = None
        self._reading = asyncio.Lock()
        self._around: tuple[PublishedCoverage | None, Vicinity] = (None, Vicinity(np.empty((0, 4)), degrees=True))

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

    def quick(self, actor: Actor, query: bytes) -> bytes | None:
        """Answer the usual question at once, from memory; None where there is more to do, or something to refuse."""
        usual = _usual(query)
        standing = self._current(actor) if usual is not None else None
        if usual is None or standing is None:
            return None
        lon, lat = map(float, usual.groups())
        leaf = standing.surroundings.leaf(lon, lat)
        if leaf is None:
            return None
        metres, kept = leaf.nearest_m(lon, lat), leaf.kept
        if kept is None or kept[0] is not standing.texts:
            kept = None if metres < _ON_EDGE_M else self._learned(standing, leaf, lon, lat)
            if kept is None:
                return None
        return b"%b%.3f%b" % (kept[1], metres, kept[2])

    @staticmethod
    def _learned(standing: _Standing, leaf: Leaf, x: float, y: float) -> tuple[Any, bytes, bytes] | None:
        """Return the texts of a point off every edge, None where they are not written yet.

        A clear leaf keeps them for all its points. The county and its mirror image, longitude and latitude exchanged,
        lie far apart: no point here is swapped.
        """
        overlays = () if standing.overlays is None else standing.overlays(x, y)
        text = standing.texts.get((*(standing.cover.base_index.holders(x, y) or _NOWHERE), False, *overlays))
        if text is None:
            return None
        kept = (standing.texts, text[0], text[2])
        if leaf.clear:
            leaf.kept = kept
        return kept

    async def _answer(self, actor: Actor, query: bytes) -> bytes:
        asked = question_of(query)
        if not asked.simple:
            return await run_sync(self._whole, actor, asked)
        x, y = asked.degrees()
        standing = self._current(actor) or await self._renewed(actor)
        found = standing.cover.base_index.locate(x, y, asked.accuracy_m)
        if found.position < 0 and swap_proposal(standing.cover, asked.lon or 0.0, asked.lat or 0.0, asked.datum):
            # Outside, but not with its numbers exchanged: the whole answer says so.
            return await run_sync(self._whole, actor, asked)
        return self._written(standing, found, x, y, closely=asked.accuracy_m is not None)

    def _current(self, actor: Actor) -> _Standing | None:
        """Return what is kept for an actor where it is young enough; sees to it that it stays so."""
        last, now = self._last, self._ticks()
        if last is not None and last[0] is actor:
            standing = last[1]
        else:
            found = self._standing.get(actor)
            if found is None:
                return None
            standing = found
            self._last = (actor, standing)
        if standing.epoch != self._lookup.epoch:
            return None
        return standing if now < standing.renew_at else self._ageing(actor, standing, now)

    def _ageing(self, actor: Actor, standing: _Standing, now: float) -> _Standing | None:
        if now >= standing.read_at + _OLDEST_S:
            return None
        if not standing.renewing:
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
            self._last = None

    async def _read(self, actor: Actor) -> _Standing:
        def read() -> _Standing:
            begun, epoch = self._ticks(), self._lookup.epoch
            cover = self._lookup.coverage(actor, fresh=True)
            people, layer = self._lookup.responsibles(actor), cover.overlay_index
            around = self._around if self._around[0] is cover else (cover, surroundings_of(cover))
            self._around = around
            return _Standing(
                cover, people, begun, begun + _RENEWED_AFTER_S, epoch, layer.holders if layer else None, around[1]
            )

        fresh = await run_sync(read)
        known = self._standing.get(actor)
        if known is not None and known.cover is fresh.cover and known.people == fresh.people:
            fresh.texts = known.texts
        if len(self._standing) > _MOST_ACTORS:
            self._standing.clear()
        self._standing[actor] = fresh
        self._last = (actor, fresh)
        return fresh

    def _whole(self, actor: Actor, asked: PointQuestion) -> bytes:
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

    def _with_sending(self, actor: Actor, asked: PointQuestion, placed: IncidentPlacement) -> Json:
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
        every = () if standing.overlays is None else standing.overlays(x, y)
        key = (found.position, found.on_boundary, *every)
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
