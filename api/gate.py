"""The door: who asks, how much may be sent, from where, and the headers every answer carries.

A plain ASGI callable around everything else, so that the fast answers and the ordinary ones have the
same door.
"""

from __future__ import annotations

import itertools
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

from fastapi import HTTPException
from starlette.requests import Request

from api.problems import Problem, problem_of_status, render
from geo.authority import Actor
from geo.settings import Limits

__all__ = ["SECURITY_HEADERS", "Gate", "Tally", "actor_of", "quick_headers"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG = logging.getLogger("wangge.access")
_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_METHODS: Final = _UNSAFE | {"GET", "HEAD", "OPTIONS"}
# Bodies that are files or columns may be larger than a JSON document.
_BULK_TYPES: Final = (b"text/csv", b"application/vnd.apache.arrow.stream", b"multipart/form-data")

SECURITY_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# What only a document can be told: framing is forbidden everywhere by the policy's frame-ancestors.
_OF_DOCUMENTS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
_FRESH: Final = (b"cache-control", b"no-store")
_JSON: Final = (b"content-type", b"application/json")
_NO_HEADERS: Final[dict[bytes, bytes]] = {}
# In a scope: memory was asked already, and had no answer.
_ASKED: Final = "wangge.asked"

Quick = Callable[[Actor, bytes], bytes | None]


class Tally:
    """Counts of answers by method, route and status, and the seconds they took; for `/metrics`."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], list[float]] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        count = self.count(method, route, status)
        count[0] += 1
        count[1] += seconds

    def count(self, method: str, route: str, status: int) -> list[float]:
        """Return what is counted of one kind of answer, to be added to: how many, and the seconds they took."""
        key = (method, route, status)
        found = self._counts.get(key)
        return self._counts.setdefault(key, [0, 0.0]) if found is None else found

    def text(self) -> str:
        """Return the counts in the Prometheus text format."""
        rows = sorted((key, count) for key, count in self._counts.items() if count[0])
        labels = [f'{{method="{m}",route="{r}",status="{s}"}}' for (m, r, s), _ in rows]
        lines = ["# TYPE wangge_requests_total counter"]
        lines += [f"wangge_requests_total{label} {n:.0f}" for label, (_, (n, _s)) in zip(labels, rows, strict=True)]
        lines.append("# TYPE wangge_request_seconds_total counter")
        lines += [
            f"wangge_request_seconds_total{label} {s:.6f}" for label, (_, (_n, s)) in zip(labels, rows, strict=True)
        ]
        return "\n".join(lines) + "\n"


def actor_of(request: Request) -> Actor:
    """Return who asks; set by the gate before anything else runs."""
    actor: Actor = request.scope["actor"]
    return actor


class Gate:
    """ASGI callable that checks and dresses every exchange.

    Parameters
    ----------
    app : ASGI callable
        What is guarded.
    identify : callable
        Scope to actor.
    limits : Limits
        Upper bounds of bodies.
    new_id : callable
        Names this process in request ids.
    hosts : frozenset of str
        Names (without port) this service answers to; empty means any. Refusing others stops pages of
        strangers that point their own name at this machine.
    quick : mapping, optional
        Path → function that answers the query of a GET from memory as JSON, or None where the ordinary way must be
        gone (refusals too go that way).
    """

    def __init__(
        self,
        app: App,
        *,
        identify: Callable[[Scope], Actor],
        limits: Limits,
        new_id: Callable[[], str],
        hosts: frozenset[str] = frozenset(),
        quick: Mapping[str, Quick] | None = None,
    ) -> None:
        self._app = app
        self.quick_paths = {path.encode("ascii"): (path, function) for path, function in (quick or {}).items()}
        self._identify = identify
        self._limits = limits
        self._process = new_id().encode("ascii", "replace")[:36]
        self._numbers = itertools.count(1)
        self._hosts = hosts
        self.tally = Tally()
        self._counts = {path: self.tally.count("GET", path, 200) for path in quick or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        if scope["method"] == "GET" and _ASKED not in scope:
            found = self.at_once(scope, scope["path"].encode("ascii", "replace"), scope["query_string"])
            if found is not None:
                body, request_id = found
                headers = quick_headers(b"%d" % len(body), request_id)
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        host, request_id = self._told(scope)
        await self._ordinary(scope, receive, send, host, request_id, started)

    def at_once(self, scope: Scope, path: bytes, query: bytes) -> tuple[bytes, bytes] | None:
        """Answer a GET from memory, checked and counted as every other.

        Parameters
        ----------
        scope : mapping
            Of the exchange; noted in it is that this was asked.
        path, query : bytes
            As the request has them.

        Returns
        -------
        body, request_id : bytes
            None where the ordinary way must be gone; nothing is raised.
        """
        known = self.quick_paths.get(path)
        if known is None:
            return None
        scope[_ASKED] = True
        started = time.perf_counter()
        host, request_id = self._told(scope)
        if self._hosts and _host_name(host) not in self._hosts:
            return None
        name, function = known
        try:
            body = function(self._identify(scope), query)
        except Exception as error:  # noqa: BLE001 - whatever it is, another way is there
            # The ordinary way meets the fault again, and tells and counts it.
            _LOG.warning("not answered from memory: %s", type(error).__name__)
            return None
        if body is None:
            return None
        count = self._counts[name]
        count[0] += 1
        count[1] += time.perf_counter() - started
        if _LOG.isEnabledFor(logging.INFO):
            self._log("GET", request_id, name, 200, time.perf_counter() - started)
        return body, request_id

    async def _ordinary(
        self, scope: Scope, receive: Receive, send: Send, host: bytes, request_id: bytes, started: float
    ) -> None:
        scope["request_id"] = request_id.decode("ascii")
        scope["limits"] = self._limits
        status = 500

        async def dressed(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _dress(message.get("headers", ()), request_id)
            await send(message)

        unsafe = scope["method"] in _UNSAFE
        headers = dict(scope["headers"]) if unsafe else _NO_HEADERS
        try:
            refusal = self._refuse(host, headers, unsafe=unsafe)
            if refusal is not None:
                await render(refusal, scope)(scope, receive, dressed)
                return
            scope["actor"] = self._identify(scope)
            if unsafe:
                receive = self._counted(receive, self._body_limit(headers))
            await self._app(scope, receive, dressed)
        finally:
            # The route's template, never the address asked for: that may hold coordinates or an address text.
            route = getattr(scope.get("route"), "path", None) or scope.get("fixed_route", "other")
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self._note(method, request_id, route, status, started)

    def _told(self, scope: Scope) -> tuple[bytes, bytes]:
        """Return the host asked for, and the id of the exchange: the caller's, else this process and a number."""
        host = given = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"x-request-id" and _ID.fullmatch(value):
                given = value
        return host, given or b"%s-%08x" % (self._process, next(self._numbers))

    def _note(self, method: str, request_id: bytes, route: str, status: int, started: float) -> None:
        seconds = time.perf_counter() - started
        self.tally.add(method, route, status, seconds)
        if _LOG.isEnabledFor(logging.INFO):
            self._log(method, request_id, route, status, seconds)

    @staticmethod
    def _log(method: str, request_id: bytes, route: str, status: int, seconds: float) -> None:
        _LOG.info("%s %s %s %d %.1f ms", request_id.decode("ascii"), method, route, status, seconds * 1e3)

    def _body_limit(self, headers: dict[bytes, bytes]) -> int:
        bulk = headers.get(b"content-type", b"").lower().startswith(_BULK_TYPES)
        return self._limits.upload_bytes if bulk else self._limits.json_body_bytes

    def _refuse(self, host: bytes, headers: dict[bytes, bytes], *, unsafe: bool) -> Problem | None:
        """Refuse what needs no reading: a strange host, a strange site, a declared length that is too large."""
        if self._hosts and _host_name(host) not in self._hosts:
            return problem_of_status(421)
        if unsafe:
            if _cross_site(headers):
                return problem_of_status(403, detail="requests of other sites are not accepted")
            declared = headers.get(b"content-length", b"0")
            if not declared.isdigit() or int(declared) > self._body_limit(headers):
                return problem_of_status(413)
        return None

    @staticmethod
    def _counted(receive: Receive, most: int) -> Receive:
        """Return a `receive` that stops a body longer than declared."""
        seen = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413)
            return message

        return counted


def quick_headers(length: bytes, request_id: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of an answer from memory, those `_dress` gives the ordinary one in their order."""
    return (_JSON, (b"content-length", length), *SECURITY_HEADERS, (b"x-request-id", request_id), _POLICY, _FRESH)


def _dress(headers: Any, request_id: bytes) -> list[tuple[bytes, bytes]]:
    present = dict(headers)
    dressed = [*headers, *SECURITY_HEADERS, (b"x-request-id", request_id)]
    if b"content-security-policy" not in present:
        dressed.append(_POLICY)
    if b"cache-control" not in present:
        dressed.append(_FRESH)
    if present.get(b"content-type", b"").startswith(b"text/html"):
        dressed += _OF_DOCUMENTS
    return dressed


@lru_cache(maxsize=64)
def _host_name(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    return text.rsplit(":", 1)[0] if re.search(r":\d+$", text) else text


def _cross_site(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a browser says that another site makes it send this."""
    if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
        return True
    origin = headers.get(b"origin")
    return origin is not None and origin.split(b"://")[-1] != headers.get(b"host", b"")
