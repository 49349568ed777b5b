"""The load generator of benchmarks/http.py: a process of its own, keep-alive connections, raw sockets, loopback only.

    python benchmarks/online_load.py PORT REQUESTS CONNECTIONS SECONDS

REQUESTS is a file of ready-made requests, each preceded by its length (4 bytes, little-endian). Every connection has
one request under way; answers are read by their Content-Length. One line of JSON comes out: answers, seconds,
requests per second, the latencies' median and 99th percentile in milliseconds, and how many were not 200.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import sys
import time
from pathlib import Path

import uvloop


def requests_of(path: Path) -> list[bytes]:
    """Return the ready-made requests of a file."""
    text, at, found = path.read_bytes(), 0, []
    while at < len(text):
        (size,) = struct.unpack_from("<I", text, at)
        found.append(text[at + 4 : at + 4 + size])
        at += 4 + size
    return found


class Caller(asyncio.Protocol):
    """One connection: sends a request, waits for its whole answer, sends the next until the time is over."""

    def __init__(self, requests: list[bytes], *, first: int, until: float) -> None:
        self._requests = itertools.islice(itertools.cycle(requests), first, None)
        self._until = until
        self._buffer = b""
        self._wanted = 0
        self._sent_at = 0.0
        self.latencies: list[float] = []
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._buffer, self._wanted = b"", 0
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Gather an answer; when it is whole, note its time and send the next request."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._wanted:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            at = self._buffer.find(b"content-length: ", 0, head) + 16
            self._wanted = head + 4 + int(self._buffer[at : self._buffer.find(b"\r\n", at)])
            if self._buffer[9:12] != b"200":
                self.failed += 1
        if len(self._buffer) < self._wanted:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent_at)
        if now < self._until:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, _: Exception | None) -> None:
        """Fail where the server closed before the time was over."""
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed the connection"))


async def load(port: int, requests: list[bytes], connections: int, seconds: float) -> dict[str, float]:
    """Ask for some seconds and return the figures."""
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    callers = []
    for number in range(connections):
        first = number * len(requests) // connections
        _, caller = await loop.create_connection(
            lambda first=first: Caller(requests, first=first, until=begun + seconds), "127.0.0.1", port
        )
        callers.append(caller)
    await asyncio.gather(*(c.done for c in callers))
    elapsed = time.perf_counter() - begun
    latencies = sorted(itertools.chain.from_iterable(c.latencies for c in callers))
    return {
        "answers": len(latencies),
        "seconds": elapsed,
        "per_second": len(latencies) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
        "not_200": sum(c.failed for c in callers),
    }


if __name__ == "__main__":
    port, path, connections, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(load(int(port), requests_of(Path(path)), int(connections), float(seconds)))))
