"""The HTTP face measured: one point and batches, against the empty endpoints of the same server software.

    python benchmarks/http.py                 all (about four minutes)
    python benchmarks/http.py --quick         short rounds (about a minute)
    python benchmarks/http.py --peers FOLDER  where the peers' packages are (see requirements-http.txt)

All servers run on uvicorn with httptools and uvloop, one process each, started alike; only one is asked at a time, in
rounds that go through all of them, and a process of its own asks over keep-alive connections of the loopback. Printed
are requests per second, the server's CPU microseconds for a request, latencies, and ratios of the medians over the
rounds. The answers are compared with the exact truth in the same run, before and after the rounds.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import io
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import online_county as county  # noqa: E402
import placement_data as data  # noqa: E402

from geo.locate import GridIndex  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 16
BATCH = 10_000
WARM_UP_S = 6.0
JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
SINGLE = ("wangge", "fastapi-empty", "raw-empty", "raw-dressed", "postgis", "postgis-threads")
TIMED, CHECKED, ON_BOUNDARIES = 20_000, 3_500, 1_000


@dataclass
class Server:
    """A running server and what its rounds measured."""

    name: str
    port: int
    process: subprocess.Popen
    database: int = 0
    rounds: list[dict] = field(default_factory=list)

    def cpu(self) -> float:
        """Return the CPU seconds of the server's process so far, those of its database's workers with it."""
        return sum(cpu_of(pid) for pid in (self.process.pid, *children_of(self.database)))

    def middle(self, name: str) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(r[name] for r in self.rounds)


def stat_of(pid: int) -> list[str]:
    """Return what the kernel tells of a process, from its state on; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process."""
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def children_of(parent: int) -> list[int]:
    """Return the processes a process has started."""
    if not parent:
        return []
    every = (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
    return [pid for pid in every if stat_of(pid)[1:2] == [str(parent)]]


@contextmanager
def running(name: str, folder: Path, peers: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(p for p in (peers, os.environ.get("PYTHONPATH", "")) if p)
    command = [sys.executable, str(ROOT / "benchmarks/online_servers.py"), name, str(port), str(folder)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{name} did not start"
            time.sleep(0.1)
        database = int((folder / "postmaster").read_text()) if name.startswith("postgis") else 0
        yield Server(name, port, process, database)
    finally:
        process.terminate()
        process.wait(10)


def asked(server: Server, method: str, path: str, body: bytes = b"", kind: str = "") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, body or None, {"content-type": kind} if kind else {})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, (server.name, answer.status, text[:300])
    connection.close()
    return text


def keep_answer(server: Server, path: str, file: Path) -> None:
    """Ask once and write down the headers and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    file.write_text(json.dumps([[(k.lower(), v) for k, v in answer.getheaders()], answer.read().decode()]))
    connection.close()


def single_path(x: float, y: float) -> str:
    return "/api/v1/locate?" + urlencode({"lon": repr(x), "lat": repr(y), "datum": "cgcs2000"})


def wrong_answers(server: Server, x: np.ndarray, y: np.ndarray, held: np.ndarray, ids: list[str]) -> int:
    """Ask every point once and count the answers that are not the exact truth."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    wrong = 0
    for lon, lat, position in zip(x.tolist(), y.tolist(), held.tolist(), strict=True):
        connection.request("GET", single_path(lon, lat))
        grid = json.loads(connection.getresponse().read())["grid"]
        wrong += ((grid or {}).get("id") or "") != (ids[position] if position >= 0 else "")
    connection.close()
    return wrong


def round_of(server: Server, requests: Path, connections: int, seconds: float) -> dict:
    """Load one server for some seconds."""
    command = [sys.executable, str(ROOT / "benchmarks/online_load.py"), str(server.port), str(requests)]
    begun = server.cpu()
    done = subprocess.run([*command, str(connections), str(seconds)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert not found["not_200"], (server.name, found)
    return {**found, "cpu_us": (server.cpu() - begun) / found["answers"] * 1e6}


def written(path: Path, requests: list[bytes]) -> Path:
    path.write_bytes(b"".join(struct.pack("<I", len(r)) + r for r in requests))
    return path


def get_request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".encode("ascii")


def post_request(path: str, kind: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def print_single(servers: list[Server]) -> None:
    by_name = {s.name: s for s in servers}
    ours = by_name["wangge"]
    print(f"\n{'GET /locate':16}{'requests/s':>12}{'CPU µs':>9}{'p50 ms':>9}{'p99 ms':>9}{'ours x':>9}{'x CPU':>8}")
    for s in servers:
        ratio = statistics.median(a["per_second"] / b["per_second"] for a, b in zip(ours.rounds, s.rounds, strict=True))
        cpu = s.middle("cpu_us") / ours.middle("cpu_us")
        figures = f"{s.middle('per_second'):12,.0f}{s.middle('cpu_us'):9.1f}{s.middle('p50_ms'):9.2f}"
        print(f"{s.name:16}{figures}{s.middle('p99_ms'):9.2f}{ratio:9.2f}{cpu:8.2f}")
    empty = by_name["fastapi-empty"]
    tail = statistics.median(a["p99_ms"] / b["p99_ms"] for a, b in zip(ours.rounds, empty.rounds, strict=True))
    print(f"p99 of ours against the empty FastAPI endpoint's: {tail:.2f} x")


def measure_single(stack: ExitStack, folder: Path, peers: str, *, rounds: int, seconds: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    grids, ids = county.grids_of(folder)
    names = [n for n in SINGLE if not n.startswith("postgis") or (folder / "postgis").exists()]
    x, y = data.points("uniform", TIMED, grids, rng)
    bx, by = data.points("boundary", ON_BOUNDARIES, grids, rng)
    paths = [single_path(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    servers = [stack.enter_context(running(names[0], folder, peers))]
    keep_answer(servers[0], paths[0], folder / "answer.json")
    servers += [stack.enter_context(running(n, folder, peers)) for n in names[1:]]
    requests = written(folder / "single.bin", [get_request(p) for p in paths])
    # Checked, not timed: points on boundaries and their float neighbours.
    x, y = np.concatenate([x[:CHECKED], bx]), np.concatenate([y[:CHECKED], by])
    held, _ = data.truth(grids, x, y)
    inside = held >= 0  # where the outer boundary leaves a point in no grid, several answers would be right
    checked = (x[inside], y[inside], held[inside], ids)
    print(f"{len(grids)} grids, {CONNECTIONS} connections, {rounds} rounds of {seconds} s for each server in turn")
    for when in ("before", "after"):
        for s in servers:
            if not s.name.startswith(("fastapi", "raw")):
                wrong = wrong_answers(s, *checked)
                print(f"wrong answers {when} the rounds, {s.name}: {wrong} of {int(inside.sum())}")
        if when == "before":
            for s in servers:  # long enough for every point to be asked once
                round_of(s, requests, CONNECTIONS, WARM_UP_S)
            for _ in range(rounds):
                for s in servers:
                    s.rounds.append(round_of(s, requests, CONNECTIONS, seconds))
    print_single(servers)


def bodies(x: np.ndarray, y: np.ndarray) -> dict[str, tuple[str, str, bytes]]:
    """Return name → (server, path, body) of the batch forms, the same points in each."""
    import pyarrow as pa

    names = [str(i) for i in range(len(x))]
    lon, lat = x.round(7), y.round(7)
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["id", "lon", "lat"])
    out.writerows(zip(names, lon.tolist(), lat.tolist(), strict=True))
    sink = pa.BufferOutputStream()
    table = pa.table({"id": names, "lon": lon, "lat": lat})
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    columns = {"datum": "cgcs2000", "lon": lon.tolist(), "lat": lat.tolist(), "id": names}
    rows = [{"id": i, "lon": a, "lat": b} for i, a, b in zip(names, lon.tolist(), lat.tolist(), strict=True)]
    path = "/api/v1/locate"
    return {
        "JSON columns": ("wangge", JSON, post_request(path, JSON, json.dumps(columns).encode())),
        "CSV": ("wangge", CSV, post_request(f"{path}?datum=cgcs2000", CSV, text.getvalue().encode())),
        "Arrow": ("wangge", ARROW, post_request(f"{path}?datum=cgcs2000", ARROW, bytes(sink.getvalue()))),
        "pydantic rows": (
            "pydantic-rows",
            JSON,
            post_request(path, JSON, json.dumps({"datum": "cgcs2000", "points": rows}).encode()),
        ),
    }


def wrong_rows(server: Server, name: str, kind: str, request: bytes, expected: list[str]) -> int:
    """Send one batch and count the rows that differ from the exact truth."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    head, body = request.split(b"\r\n\r\n", 1)
    text = asked(server, "POST", head.split(b" ")[1].decode("ascii"), body, kind)
    if name == "Arrow":
        found = pa.ipc.open_stream(text).read_all()["grid"].to_pylist()
    elif name == "CSV":
        options = arrow_csv.ConvertOptions(column_types={"grid": pa.string()}, strings_can_be_null=False)
        found = arrow_csv.read_csv(io.BytesIO(text), convert_options=options)["grid"].to_pylist()
    elif name == "pydantic rows":
        found = [row["grid"] for row in json.loads(text)]
    else:
        found = json.loads(text)["grid"]
    return sum(a != b for a, b in zip(found, expected, strict=True))


def measure_batches(stack: ExitStack, folder: Path, *, rounds: int, seconds: float, seed: int) -> None:
    rng = np.random.default_rng(seed + 1)
    grids, ids = county.grids_of(folder)
    x, y = data.points("uniform", BATCH, grids, rng)
    x, y = x.round(7), y.round(7)
    index = GridIndex.from_polygons(grids)
    held, _ = data.truth(grids, x, y)
    expected = [ids[p] if p >= 0 else "" for p in held.tolist()]
    servers = {n: stack.enter_context(running(n, folder, "")) for n in ("wangge", "pydantic-rows")}
    forms = bodies(x, y)
    files = {n: written(folder / f"batch-{i}.bin", [f[2]]) for i, (n, f) in enumerate(forms.items())}
    figures: dict[str, list[dict]] = {n: [] for n in [*forms, "bare index"]}
    for name, (server, kind, request) in forms.items():
        wrong = wrong_rows(servers[server], name, kind, request, expected)
        print(f"wrong rows, {name}: {wrong} of {BATCH}")
        round_of(servers[server], files[name], 1, 1.0)
    for _ in range(rounds):
        for name, (server, _, _) in forms.items():
            figures[name].append(round_of(servers[server], files[name], 1, seconds))
        cpu, begun, count = time.process_time(), time.perf_counter(), 0
        while time.perf_counter() - begun < seconds / 2:
            index.place_many(x, y)
            count += 1
        cpu, wall = time.process_time() - cpu, time.perf_counter() - begun
        figures["bare index"].append({"per_second": count / wall, "cpu_us": cpu / count * 1e6})
    print_batches(figures)


def print_batches(figures: dict[str, list[dict]]) -> None:
    print(f"\n{'batches of ' + f'{BATCH:,}':16}{'M rows/s':>12}{'M rows/CPU s':>14}{'x pydantic':>12}{'x CPU':>8}")
    peer = figures["pydantic rows"]
    for name, rounds in figures.items():
        speed, cpu = (statistics.median(r[k] for r in rounds) for k in ("per_second", "cpu_us"))
        ratio = statistics.median(a["per_second"] / b["per_second"] for a, b in zip(rounds, peer, strict=True))
        by_cpu = statistics.median(b["cpu_us"] / a["cpu_us"] for a, b in zip(rounds, peer, strict=True))
        print(f"{name:16}{speed * BATCH / 1e6:12.2f}{BATCH / cpu:14.2f}{ratio:12.1f}{by_cpu:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", default="", metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--only", choices=("single", "batch"))
    options = parser.parse_args()
    rounds, seconds = (3, 1.5) if options.quick else (9, 3.0)
    with tempfile.TemporaryDirectory(prefix="wangge-http-") as name, ExitStack() as stack:
        folder = Path(name)
        county.write_county(folder, seed=options.seed)
        if options.only != "batch":
            county.offer_postgis(stack, folder)
            measure_single(stack, folder, options.peers, rounds=rounds, seconds=seconds, seed=options.seed)
        if options.only != "single":
            measure_batches(stack, folder, rounds=rounds, seconds=seconds, seed=options.seed)


if __name__ == "__main__":
    main()
