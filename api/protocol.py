"""HTTP/1.1 of uvicorn with a short way for questions the gate answers from memory.

Between a parsed request and its answer uvicorn makes a task, a cycle with its events, and checks every header it is
given; for an answer that is ready in microseconds that is most of the work. Here such an answer is written where the
request's headers end. The same parser reads the request, the same gate answers, and everything else (other
paths and methods, refusals, HTTP/1.0, a client that waits for `100 Continue`, a connection that is closing or behind,
an access log, an application that something else is wrapped around) takes uvicorn's own way.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, Final, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.gate import Gate, quick_headers

__all__ = ["QuickProtocol", "gate_of"]

_KEPT_OPEN: Final = "1.1"
# With places for the length and the id; no other header has a percent sign.
_HEAD: Final = b"".join(b"%b: %b\r\n" % pair for pair in quick_headers(b"%d", b"%b"))


def gate_of(app: Any) -> Gate | None:
    """Return the gate an application is, None where it is another or something stands before it.

    What uvicorn itself puts before it (who is asking behind a proxy, and by which scheme) is of no account here: the
    gate looks at neither.
    """
    while isinstance(app, ProxyHeadersMiddleware):
        app = app.app
    return app if isinstance(app, Gate) else None


class QuickProtocol(HttpToolsProtocol):
    """One connection; see the module."""

    # The server's own headers, written once for each of its ticks: the list they came from, and their text.
    _standard: tuple[Any, bytes] = (None, b"")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        noted = self.config.access_log and self.access_log
        plain = not (self.root_path or noted or self.limit_concurrency is not None)
        self._gate = gate_of(self.app) if plain else None

    def on_headers_complete(self) -> None:
        """Answer at once, or go uvicorn's way."""
        if not self._answered():
            super().on_headers_complete()

    def _answered(self) -> bool:
        gate, cycle, parser = self._gate, self.cycle, self.parser
        # An answer under way, or one that does not get through, keeps its turn.
        if gate is None or not (cycle is None or cycle.response_complete) or self.flow.write_paused:
            return False
        path, _, query = self.url.partition(b"?")
        if path not in gate.quick_paths or parser.get_method() != b"GET" or self.expect_100_continue:
            return False
        if parser.get_http_version() != _KEPT_OPEN or not parser.should_keep_alive() or parser.should_upgrade():
            return False
        scope = cast("Any", self.scope)
        scope |= {"method": "GET", "path": path.decode("ascii"), "raw_path": path, "query_string": query}
        found = gate.at_once(scope, path, query)
        if found is None or self.transport.is_closing():
            return False
        body, request_id = found
        head = _HEAD % (len(body), request_id)
        self.transport.write(b"HTTP/1.1 200 OK\r\n%b%b\r\n%b" % (self._servers_own(), head, body))
        self.cycle = _DONE
        self.on_response_complete()
        return True

    def _servers_own(self) -> bytes:
        headers = self.server_state.default_headers
        kept, text = QuickProtocol._standard
        if headers is not kept:
            text = b"".join(b"%b: %b\r\n" % pair for pair in headers)
            QuickProtocol._standard = (headers, text)
        return text


# What stands where uvicorn looks for the cycle of the last request: it is answered, and nobody waits for more of it.
_DONE = cast(
    "RequestResponseCycle",
    SimpleNamespace(response_complete=True, disconnected=False, message_event=asyncio.Event()),
)
