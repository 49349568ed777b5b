"""The door: who asks, how much may be sent, from where, and the headers every answer carries.

A plain ASGI callable around everything else, so that the fast answers and the ordinary ones have the
same door.
"""

from __future__ import annotations

import itertools
import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from fastapi import HTTPException
from starlette.requests import Request

from api.problems import Problem, problem_of_status, render

if TYPE_CHECKING:
    from geo.authority import Actor
    from geo.settings import Limits

__all__ = ["SECURITY_HEADERS", "Gate", "Tally", "actor_of"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOG = logging.getLogger("wangge.access")
_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Bodies that are files or columns may be larger than a JSON document.
_BULK_TYPES: Final = (b"text/csv", b"application/vnd.apache.arrow.stream", b"multipart/form-data")

SECURITY_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
_FRESH: Final = (b"cache-control", b"no-store")
_ALL_HEADERS: Final = (*SECURITY_HEADERS, _POLICY, _FRESH)
_NO_HEADERS: Final[dict[bytes, bytes]] = {}


class Tally:
    """Counts of answers by method, route and status, and the seconds they took; for `/metrics`."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.answers[method, route, status] += 1
        self.seconds[method, route] += seconds  # type: ignore[assignment]

    def text(self) -> str:
        """Return the counts in the Prometheus text format."""
        lines = ["# TYPE wangge_requests_total counter"]
        lines += [
            f'wangge_requests_total{{method="{m}",route="{r}",status="{s}"}} {n}'
            for (m, r, s), n in sorted(self.answers.items())
        ]
        lines.append("# TYPE wangge_request_seconds_total counter")
        lines += [
            f'wangge_request_seconds_total{{method="{m}",route="{r}"}} {n:.6f}'
            for (m, r), n in sorted(self.seconds.items())
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
    """

    def __init__(
        self,
        app: App,
        *,
        identify: Callable[[Scope], Actor],
        limits: Limits,
        new_id: Callable[[], str],
        hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._identify = identify
        self._limits = limits
        self._process = new_id().encode("ascii", "replace")[:36]
        self._numbers = itertools.count(1)
        self._hosts = hosts
        self.tally = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = self._request_id(scope)
        scope["request_id"] = request_id.decode("ascii")
        status = 500

        async def dressed(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _dress(message.get("headers", ()), request_id)
            await send(message)

        unsafe = scope["method"] in _UNSAFE
        headers = dict(scope["headers"]) if unsafe or self._hosts else _NO_HEADERS
        try:
            refusal = self._refuse(scope, headers) if headers else None
            if refusal is not None:
                await render(refusal, scope)(scope, receive, dressed)
                return
            scope["actor"] = self._identify(scope)
            body = self._counted(receive, self._body_limit(headers)) if unsafe else receive
            await self._app(scope, body, dressed)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _request_id(self, scope: Scope) -> bytes:
        """Return the caller's id of the exchange where it is one, else a new one: this process, and a number."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ID.fullmatch(value):
                return bytes(value)
        return b"%s-%08x" % (self._process, next(self._numbers))

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's template, never the address asked for: that may hold coordinates or an address text.
        route = getattr(scope.get("route"), "path", None) or scope.get("fixed_route", "other")
        self.tally.add(scope["method"] if scope["method"] in _UNSAFE else "GET", route, status, seconds)
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info("%s %s %s %d %.1f ms", scope["request_id"], scope["method"], route, status, seconds * 1e3)

    def _body_limit(self, headers: dict[bytes, bytes]) -> int:
        bulk = headers.get(b"content-type", b"").lower().startswith(_BULK_TYPES)
        return self._limits.upload_bytes if bulk else self._limits.json_body_bytes

    def _refuse(self, scope: Scope, headers: dict[bytes, bytes]) -> Problem | None:
        """Refuse what needs no reading: a strange host, a strange site, a declared length that is too large."""
        if self._hosts and _host_name(headers.get(b"host", b"")) not in self._hosts:
            return problem_of_status(421)
        if scope["method"] in _UNSAFE:
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


def _dress(headers: Any, request_id: bytes) -> list[tuple[bytes, bytes]]:
    policy = fresh = True
    for name, _ in headers:
        policy = policy and name != b"content-security-policy"
        fresh = fresh and name != b"cache-control"
    own = (b"x-request-id", request_id)
    if policy and fresh:
        return [*headers, *_ALL_HEADERS, own]
    return [*headers, *SECURITY_HEADERS, *([_POLICY] if policy else []), *([_FRESH] if fresh else []), own]


def _host_name(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    return text.rsplit(":", 1)[0] if re.search(r":\d+$", text) else text


def _cross_site(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a browser says that another site makes it send this."""
    if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
        return True
    origin = headers.get(b"origin")
    return origin is not None and origin.split(b"://")[-1] != headers.get(b"host", b"")
