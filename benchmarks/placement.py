"""Placement of points in grids: ours interleaved with the peers, on the same data, in one run.

    python benchmarks/placement.py            all cases (about 25 minutes)
    python benchmarks/placement.py --quick    163 grids and small columns (about a minute)

Each case prints CPU and wall seconds, the ratio to geopandas.sjoin(predicate="intersects") and to the fastest
exact peer, and how many answers differ from the exact truth (the semi-open rule polygon by polygon, without any
index; where the outer boundary leaves a point in no grid any grid that touches it counts as right).
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This folder goes last: a file in it may be called like a module that a peer needs.
sys.path[:] = [str(ROOT), *(p for p in sys.path if p != str(ROOT / "benchmarks")), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
import placement_data as data  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import shapely  # noqa: E402
from placement_peers import PEERS, Answer  # noqa: E402

from geo.locate import GridIndex, compiled  # noqa: E402

SJOIN = "geopandas.sjoin intersects"
EXACT_PEER = "geoindex-rs + exact test"


@dataclass(frozen=True)
class Case:
    """One row of the table: grids, points, and the points the slower peers get (their times are scaled)."""

    grids: int
    kind: str
    points: int
    peer_points: int


CASES = (
    Case(163, "uniform", 40_000, 40_000),
    Case(163, "uniform", 1_000_000, 1_000_000),
    Case(163, "clustered", 1_000_000, 1_000_000),
    Case(163, "boundary", 1_000_000, 200_000),
    Case(163, "uniform", 10_000_000, 1_000_000),
    Case(10_000, "uniform", 1_000_000, 1_000_000),
    Case(10_000, "boundary", 1_000_000, 200_000),
    Case(200_000, "uniform", 1_000_000, 200_000),
)
QUICK = (
    Case(163, "uniform", 40_000, 40_000),
    Case(163, "uniform", 1_000_000, 200_000),
    Case(163, "boundary", 200_000, 40_000),
)
# Peers that take longer run once: a slow neighbour on the machine matters little to them.
PATIENCE = 15.0
COLUMNS = ("CPU s", "wall s", "M/s CPU", "x sjoin", "x exact", "x wall", "wrong")


def timed(answer: Answer, x: np.ndarray, y: np.ndarray) -> tuple[float, float, np.ndarray]:
    gc.collect()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, wall = time.process_time(), time.perf_counter()
    found = answer(x, y)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu + after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime, wall, found


def ours(index: GridIndex) -> dict[str, Answer]:
    found: dict[str, Answer] = {
        "wangge numpy": lambda x, y: index.locate_many(x, y, kernel="numpy"),
        "wangge numpy, 2 threads": lambda x, y: index.locate_many(x, y, kernel="numpy", threads=2),
    }
    try:
        compiled.load()
    except Exception as error:
        print(f"    skipped: wangge numba ({error})")
        return found
    found["wangge numba"] = lambda x, y: index.locate_many(x, y, kernel="numba")
    found["wangge numba, 2 threads"] = lambda x, y: index.locate_many(x, y, kernel="numba", threads=2)
    return found


def peers(grids: np.ndarray, wanted: list[str]) -> dict[str, Answer]:
    found = {}
    for name, set_up in PEERS.items():
        if wanted and not any(w in name for w in wanted):
            continue
        start = time.perf_counter()
        try:
            found[name] = set_up(grids)
        except Exception as error:
            print(f"    skipped: {name} ({str(error).splitlines()[0][:90]})")
        else:
            print(f"    set up: {name} in {time.perf_counter() - start:.2f} s")
    return found


def wrong_answers(found: np.ndarray, true: np.ndarray, grids: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
    """Count answers that differ from the truth; on the outer boundary the closed polygons decide."""
    differing = np.flatnonzero(found != true)
    rim = differing[(true[differing] < 0) & (found[differing] >= 0)]
    touching = shapely.intersects_xy(grids[found[rim]], x[rim], y[rim]) if rim.size else np.zeros(0, dtype=bool)
    return int(len(differing) - touching.sum())


def run_case(case: Case, grids: np.ndarray, index: GridIndex, others: dict[str, Answer], rounds: int) -> None:
    x, y = data.points(case.kind, case.points, grids, np.random.default_rng(9))
    few = slice(0, case.peer_points)
    checked = slice(0, min(case.points, 1_000_000))
    true, several = data.truth(grids, x[checked], y[checked])
    print(f"\n{len(grids)} grids, {case.points} points, {case.kind} (peers: {case.peer_points})")
    print(f"    points that the rule puts in several grids: {several}")
    best: dict[str, tuple[float, float, np.ndarray]] = {}
    contenders = {**{n: (a, slice(None)) for n, a in ours(index).items()}, **{n: (a, few) for n, a in others.items()}}
    for _ in range(rounds):
        for name, (answer, part) in list(contenders.items()):
            try:
                now = timed(answer, x[part], y[part])
            except Exception as error:
                print(f"    failed: {name} ({str(error).splitlines()[0][:90]})")
                del contenders[name]
                continue
            best[name] = min(best.get(name, now), now, key=lambda t: t[0])
            if now[1] > PATIENCE and name not in (SJOIN, EXACT_PEER):
                print(f"    once only, it takes {now[1]:.0f} s: {name}")
                del contenders[name]
    scale = {name: case.points / len(best[name][2]) for name in best}
    print(" " * 32 + "".join(f"{c:>10}" for c in COLUMNS))
    for name, (cpu, wall, found) in best.items():
        part = slice(0, min(len(found), len(true)))
        wrong = wrong_answers(found[part], true[part], grids, x[part], y[part])
        ratios = [
            best[p][0] * scale[p] / (cpu * scale[name]) if p in best else float("nan") for p in (SJOIN, EXACT_PEER)
        ]
        walls = best[SJOIN][1] * scale[SJOIN] / (wall * scale[name]) if SJOIN in best else float("nan")
        cells = (cpu * scale[name], wall * scale[name], len(found) / cpu / 1e6, *ratios, walls)
        digits = (4, 4, 2, 1, 1, 1)
        print(f"    {name:28}" + "".join(f"{c:10.{d}f}" for c, d in zip(cells, digits, strict=True)) + f"{wrong:10d}")


def built(grids: np.ndarray) -> GridIndex:
    start = time.perf_counter()
    index = GridIndex.from_polygons(grids)
    seconds = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "index")
        start = time.perf_counter()
        GridIndex.open(Path(folder) / "index")
        opened = time.perf_counter() - start
    size = f"{index.nbytes / 1e6:.1f} MB"
    print(f"\n=== {len(grids)} grids: index built in {seconds:.3f} s, {size}, opened in {opened * 1e3:.1f} ms")
    return index


BULK = """
import sys, time
sys.path.insert(0, {root!r})
from geo.assign import assign_file
files = dict(grids={grids!r}, points={points!r}, out={out!r})
start = time.perf_counter()
report = assign_file(**files, datum="cgcs2000", grids_datum="cgcs2000", point_id="id", lon="lon", lat="lat")
seconds = time.perf_counter() - start
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1e3
print(f"{{report.rows}} points from Parquet to Parquet in {{seconds:.2f}} s, peak memory {{peak:.0f}} MB")
"""


def bulk(grids: np.ndarray, count: int) -> None:
    """Place a Parquet file in a process of its own and print its peak memory."""
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "grids.geojson").write_text(
            '{"type":"FeatureCollection","features":['
            + ",".join(f'{{"type":"Feature","properties":{{}},"geometry":{shapely.to_geojson(g)}}}' for g in grids)
            + "]}"
        )
        schema = pa.schema([("id", pa.int64()), ("lon", pa.float64()), ("lat", pa.float64())])
        with pq.ParquetWriter(here / "points.parquet", schema) as writer:
            for start in range(0, count, 1_000_000):
                n = min(1_000_000, count - start)
                lon, lat = data.points("uniform", n, grids, rng)
                writer.write_table(pa.table({"id": np.arange(start, start + n), "lon": lon, "lat": lat}, schema=schema))
        names = {"root": str(ROOT), "grids": str(here / "grids.geojson"), "points": str(here / "points.parquet")}
        code = BULK.format(**names, out=str(here / "out.parquet"))
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        print("   ", done.stdout.strip() or done.stderr.strip().splitlines()[-1])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="small cases only")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--grids", type=int, nargs="*", help="only cases of so many grids")
    words.add_argument("--peers", nargs="*", default=[], help="only peers whose name contains one of these")
    asked = words.parse_args()
    cases = [c for c in (QUICK if asked.quick else CASES) if not asked.grids or c.grids in asked.grids]
    for count in dict.fromkeys(c.grids for c in cases):
        grids = data.coverage(count, np.random.default_rng(1))
        index = built(grids)
        others = peers(grids, asked.peers)
        for case in (c for c in cases if c.grids == count):
            run_case(case, grids, index, others, asked.rounds)
        if count == 163:
            for size in (100_000,) if asked.quick else (1_000_000, 10_000_000):
                bulk(grids, size)


if __name__ == "__main__":
    main()
