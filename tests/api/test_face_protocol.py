"""The short way of HTTP beside uvicorn's own: the same bytes to the same requests, whatever comes before and after."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from api.app import LOCAL_HOSTS, create_app
from api.protocol import QuickProtocol, gate_of
from tests.api.conftest import open_county, spot

LON, LAT = spot(1, 0)
ASKED = f"/api/v1/locate?lon={LON!r}&lat={LAT!r}&datum=cgcs2000"
OFF = "/api/v1/locate?lon=0.5&lat=0.5&datum=cgcs2000"


def request(target=ASKED, *, method="GET", version="1.1", host="localhost", more="", body=""):
    return f"{method} {target} HTTP/{version}\r\nHost: {host}\r\n{more}\r\n{body}".encode()


class Line:
    """A connection that sends bytes as they are and reads whole answers."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._read = self._socket.makefile("rb")

    def send(self, *texts):
        self._socket.sendall(b"".join(texts))

    def answer(self, *, method="GET"):
        """Return status line, headers (without the date) and body; None at the end of the connection."""
        first = self._read.readline()
        if not first:
            return None
        headers = {}
        while (line := self._read.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b": ")
            headers[name.decode()] = value.strip().decode()
        assert headers.pop("date")
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        return first.strip().decode(), headers, self._read.read(length)

    def close(self):
        self._read.close()
        self._socket.close()


@contextmanager
def served(path, http):
    with open_county(path) as services:
        # The clock stands still: what is kept in memory does not age while the tests take their time.
        app = create_app(services, hosts=LOCAL_HOSTS, ticks=lambda: 1_000.0)
        config = uvicorn.Config(
            app, port=0, http=http, log_level="error", access_log=False, server_header=False, timeout_keep_alive=2
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        try:
            yield app, server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def both(county_file, tmp_path_factory):
    """Ports of the short way and of uvicorn's own, and the gate of the short way."""
    folder = tmp_path_factory.mktemp("protocol")
    for name in ("quick", "plain"):
        shutil.copy(county_file, folder / f"{name}.gpkg")
    with (
        served(folder / "quick.gpkg", QuickProtocol) as (gate, quick),
        served(folder / "plain.gpkg", "httptools") as (_, plain),
    ):
        for port in (quick, plain):  # what is asked again is answered from memory
            line = Line(port)
            for _ in range(2):
                line.send(request())
                assert line.answer()[0] == "HTTP/1.1 200 OK"
            line.close()
        yield gate, quick, plain


def exchanges(port, texts, methods):
    line = Line(port)
    line.send(*texts)
    found = [line.answer(method=method) for method in methods]
    line.close()
    return [answer and unnamed(*answer) for answer in found]


def unnamed(status, headers, body):
    """Take the process's own name for an exchange out of an answer."""
    name = headers.get("x-request-id", "")
    if not name or name.startswith("caller"):
        return status, headers, body
    return status, {**headers, "x-request-id": "some"}, body.replace(name.encode(), b"some")


KINDS = {
    "the usual question": request(),
    "asked by name": request(more="X-Request-Id: caller-0001\r\n"),
    "a name that is none": request(more="X-Request-Id: caller 1\r\n"),
    "outside": request(OFF),
    "another order": request(f"/api/v1/locate?datum=wgs84&lat={LAT!r}&lon={LON!r}"),
    "no datum": request(f"/api/v1/locate?lon={LON!r}&lat={LAT!r}"),
    "a fragment": request(f"{ASKED}#here"),
    "a strange host": request(host="elsewhere.example"),
    "another path": request("/api/v1/health"),
    "escaped path": request(ASKED.replace("locate", "loc%61te")),
    "head": request(method="HEAD"),
    "delete": request(method="DELETE"),
    "a body nobody reads": request(more="Content-Length: 5\r\n", body="hello"),
    "a promised body": request(more="Expect: 100-continue\r\nContent-Length: 0\r\n"),
    "an upgrade": request(more="Connection: Upgrade\r\nUpgrade: something\r\n"),
    "a batch": request(
        "/api/v1/locate",
        method="POST",
        more="Content-Type: application/json\r\nContent-Length: 51\r\n",
        body='{"datum":"cgcs2000","lon":[129.5001],"lat":[48.20]}',
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_request_gets_the_same_bytes(both, kind):
    _, quick, plain = both
    method = KINDS[kind].split(b" ")[0].decode()
    here, there = (exchanges(port, [KINDS[kind]], [method]) for port in (quick, plain))
    assert here == there
    assert here[0] is not None


def test_requests_sent_together_are_answered_in_their_order(both):
    _, quick, plain = both
    texts = [
        KINDS[kind] for kind in ("the usual question", "a batch", "the usual question", "head", "no datum", "outside")
    ]
    methods = [text.split(b" ")[0].decode() for text in texts]
    here, there = (exchanges(port, texts, methods) for port in (quick, plain))
    assert here == there
    assert [answer[0].split(" ")[1] for answer in here] == ["200", "200", "200", "200", "422", "200"]


@pytest.mark.parametrize("text", [request(version="1.0"), request(more="Connection: close\r\n")])
def test_a_connection_that_is_to_close_closes(both, text):
    _, quick, plain = both
    here, there = (exchanges(port, [text], ["GET", "GET"]) for port in (quick, plain))
    assert here == there
    assert here[1] is None


def test_a_request_in_pieces_is_answered_when_it_is_whole(both):
    _, quick, _ = both
    line = Line(quick)
    whole = request()
    for at in range(0, len(whole), 7):
        line.send(whole[at : at + 7])
        time.sleep(0.002)
    assert line.answer()[0] == "HTTP/1.1 200 OK"
    line.close()


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(both):
    _, quick, _ = both
    line = Line(quick)
    for _ in range(6):  # longer together than an idle one is kept
        line.send(request())
        assert line.answer()[0] == "HTTP/1.1 200 OK"
        time.sleep(0.5)
    begun = time.monotonic()
    assert line.answer() is None
    assert time.monotonic() - begun < 10
    line.close()


def test_answers_of_the_short_way_are_counted(both):
    gate, quick, _ = both
    counted = gate.tally.count("GET", "/api/v1/locate", 200)
    before = counted[0]
    exchanges(quick, [request()] * 5, ["GET"] * 5)
    assert counted[0] == before + 5


def test_the_short_way_is_taken(both, monkeypatch):
    gate, quick, _ = both
    exchanges(quick, [request()], ["GET"])

    async def broken(*_):
        raise AssertionError("uvicorn's own way")

    monkeypatch.setattr(type(gate), "__call__", broken)
    assert exchanges(quick, [request()], ["GET"])[0][0] == "HTTP/1.1 200 OK"


def test_a_gate_is_found_under_what_wraps_it(both):
    class Wrapped:
        def __init__(self, app):
            self.app = app

    gate = both[0]
    assert gate_of(Wrapped(Wrapped(gate))) is gate
    assert gate_of(Wrapped(object())) is None
