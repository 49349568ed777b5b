"""The short way of HTTP beside uvicorn's own: the same bytes to the same requests, whatever comes before and after."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.app import LOCAL_HOSTS, create_app
from api.protocol import QuickProtocol, gate_of
from tests.api.conftest import open_county, spot

ROOT = Path(__file__).parents[2]
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
        """Return status line, header lines as they came (without the date) and body; None at the end."""
        first = self._read.readline()
        if not first:
            return None
        lines = []
        while (line := self._read.readline()) not in (b"\r\n", b""):
            lines.append(line.strip().decode())
        dates = [line for line in lines if line.startswith("date: ")]
        assert len(dates) == 1
        lines.remove(dates[0])
        length = 0 if method == "HEAD" else int(dict(line.split(": ", 1) for line in lines).get("content-length", 0))
        return first.strip().decode(), lines, self._read.read(length)

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


def unnamed(status, lines, body):
    """Take the process's own name for an exchange out of an answer."""
    name = next((line[14:] for line in lines if line.startswith("x-request-id: ")), "")
    if not name or name.startswith("caller"):
        return status, lines, body
    return status, [line.replace(name, "some") for line in lines], body.replace(name.encode(), b"some")


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
    "a large body nobody reads": request(more="Content-Length: 300000\r\n", body="x" * 300_000),
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
        KINDS[kind]
        for kind in (
            "a large body nobody reads",
            "the usual question",
            "a batch",
            "the usual question",
            "head",
            "no datum",
            "outside",
        )
    ]
    methods = [text.split(b" ")[0].decode() for text in texts]
    here, there = (exchanges(port, texts, methods) for port in (quick, plain))
    assert here == there
    assert [answer[0].split(" ")[1] for answer in here] == ["200"] * 5 + ["422", "200"]


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


def test_a_reader_that_takes_its_time_gets_every_answer_in_its_order(both):
    _, quick, _ = both
    line = Line(quick)
    names = [f"caller-{i:06d}" for i in range(20_000)]
    texts = b"".join(request(more=f"X-Request-Id: {name}\r\n") for name in names)
    sender = threading.Thread(target=line.send, args=(texts,), daemon=True)
    sender.start()
    time.sleep(0.5)  # by now neither side's buffers take any more
    for name in names:
        status, lines, _ = line.answer()
        assert (status, f"x-request-id: {name}" in lines) == ("HTTP/1.1 200 OK", True)
    sender.join(20)
    line.close()


def test_a_fault_in_memory_goes_the_ordinary_way(both, monkeypatch):
    gate, quick, _ = both

    def broken(*_):
        raise ZeroDivisionError

    wanted = exchanges(quick, [request()], ["GET"])
    monkeypatch.setattr(gate, "quick_paths", {b"/api/v1/locate": ("/api/v1/locate", broken)})
    assert exchanges(quick, [request(), request()], ["GET"] * 2) == wanted * 2


def test_a_server_that_stops_closes_idle_connections(county_file, tmp_path):
    with served(shutil.copy(county_file, tmp_path / "county.gpkg"), QuickProtocol) as (_, port):
        line = Line(port)
        line.send(request(), request())
        assert [line.answer()[0] for _ in range(2)] == ["HTTP/1.1 200 OK"] * 2
    assert line.answer() is None
    line.close()


def test_nothing_that_stands_before_the_gate_is_passed_by(both):
    class Guard:
        def __init__(self, app):
            self.app = app

    gate = both[0]
    assert gate_of(ProxyHeadersMiddleware(gate)) is gate
    assert gate_of(Guard(gate)) is None
    assert gate_of(ProxyHeadersMiddleware(Guard(gate))) is None


SETTLED = """
import gc
from api.app import from_environment
from_environment()
raise SystemExit(0 if gc.get_freeze_count() > 50_000 and gc.get_threshold()[0] > 700 else 1)
"""


def test_what_a_worker_has_loaded_is_not_searched_for_garbage(county_file):
    environment = {**os.environ, "WANGGE_STORE": str(county_file)}
    done = subprocess.run([sys.executable, "-c", SETTLED], check=False, cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
