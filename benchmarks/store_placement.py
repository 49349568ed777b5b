"""Placing whole registers in a store: seconds and memory of `wangge assign`, activation and publication.

    python benchmarks/store_placement.py                      10⁵ and 10⁶ households in a GeoPackage (some minutes)
    python benchmarks/store_placement.py --engine postgis     the same in a private PostGIS
    python benchmarks/store_placement.py --rows 200000        other numbers of households, one or more
    python benchmarks/store_placement.py --folder DIR         keep the stores (GeoPackage) and begin from those kept

An invented county of 2,000 grids and 20,000 buildings; of the households 60 % name their building, 37 % have a point,
2 % an address text alone, 1 % nothing; one incident for ten households. Each action runs in a process of its own on
a store as the action before left it: `activate` places all in a first generation, `assign` places all again where
nothing changed, `moved` after a tenth of those with a point were given another (their former placements are kept in
the history), `publish` places all in the next generation and follows what moved. Printed are seconds by the wall and
of the CPU (+ those of a PostGIS server's processes), and the peak of the resident memory; `start` is a process that
opens the store, reads the coverage and builds its index, and does no more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from geo.store.base import Store

COUNTY = "230724"
COMMUNITIES = 100
GRIDS, BUILDINGS, EACH_COMPOUND = 2_000, 20_000, 20
BY_BUILDING, BY_POINT, BY_ADDRESS = 0.60, 0.97, 0.99
PIECE = 50_000
MOVED_DEGREES = 0.02
ACTIONS = ("start", "activate", "assign", "moved", "publish")
PLAN = "plan-1"


def clock() -> dt.datetime:
    return dt.datetime(2025, 3, 1, 8, tzinfo=dt.UTC)


def opened(url: str, *, create: bool = False, first: int = 1) -> Store:
    from geo.store import open_store

    numbers = itertools.count(first)
    return open_store(
        url, county_code=COUNTY, now=clock, new_id=lambda: str(uuid.UUID(int=next(numbers))), create=create
    )


# -- the county ------------------------------------------------------------------------------------------
def build(url: str, rows: int, *, seed: int) -> None:
    """Write the county with its registers into a new store; its generation is still inactive."""
    import numpy as np
    import placement_data as data
    import shapely

    from geo.authority import local_planner
    from geo.model import Generation, GenerationState

    rng = np.random.default_rng(seed)
    shapes, codes = data.coverage(GRIDS, rng), data.communities(COMMUNITIES)
    grids = data.county_grids(shapes, codes, coded=False)
    of = [grid.community_code for grid in grids]
    inner = shapely.get_coordinates(shapely.point_on_surface(shapes))
    store = opened(url, create=True, first=1 << 64)
    with store.writing(local_planner(COUNTY)) as session:
        session.upsert("areas", data.areas(codes))
        session.upsert("buildings", list(_buildings(of, inner, rng)))
        for kind, count in (("households", rows), ("incidents", rows // 10)):
            for start in range(0, count, PIECE):
                many = range(start, min(start + PIECE, count))
                session.upsert(kind, list(_subjects(kind, many, of, inner, rng)))
        generation = Generation(
            id="generation-1", county_code=COUNTY, serial=1, state=GenerationState.INACTIVE, effective_from=None
        )
        session.put_generation(generation)
        session.put_grids(generation.id, grids)
        session.commit()
    store.close()


def _building(i: int) -> tuple[int, str, str]:
    return i * GRIDS // BUILDINGS, f"红林{i // EACH_COMPOUND}小区", str(i % EACH_COMPOUND + 1)


def _buildings(of: list[str], inner: object, rng: object) -> Iterator[dict]:
    import shapely

    for i in range(BUILDINGS):
        home, compound, number = _building(i)
        x, y = inner[home] + rng.uniform(-2e-4, 2e-4, 2)
        shape = shapely.box(round(x, 9), round(y, 9), round(x + 5e-5, 9), round(y + 5e-5, 9))
        yield {
            "source_key": f"b{i}",
            "community_code": of[home],
            "compound": compound,
            "number": number,
            "geometry": shape,
        }


def _subjects(kind: str, many: range, of: list[str], inner: object, rng: object) -> Iterator[dict]:
    community = "community_code" if kind == "households" else "community_hint"
    chosen = rng.integers(0, BUILDINGS, len(many)).tolist()
    fate = rng.uniform(0, 1, len(many)).tolist()
    away = rng.uniform(-2e-3, 2e-3, (len(many), 2))
    for n, building, lot, shift in zip(many, chosen, fate, away, strict=True):
        home, compound, number = _building(building)
        row = {"source_key": f"{kind[0]}{n}", community: of[home], "address_text": "", "id": str(_id(rng))}
        if kind == "incidents":
            row |= {"received_at": clock(), "category_code": "0101"}
        elif lot < BY_BUILDING:
            row |= {"compound": compound, "building_number": number}
        if BY_BUILDING <= lot < BY_POINT or (kind == "incidents" and lot < BY_POINT):
            x, y = inner[home] + shift
            row |= {"lon": float(x), "lat": float(y)}
        elif BY_POINT <= lot < BY_ADDRESS:
            row["address_text"] = f"{compound}{number}号楼{n % 4 + 1}单元{n % 6 + 1}0{n % 3 + 1}室"
        yield row


def _id(rng: object) -> uuid.UUID:
    return uuid.UUID(bytes=rng.bytes(16), version=4)


def shift(url: str) -> None:
    """Move every tenth household that has a point, and write a plan without edits to publish."""
    from geo.authority import local_planner
    from geo.model import Plan, PlanState

    store = opened(url, first=1 << 65)
    with store.writing(local_planner(COUNTY)) as session:
        rows = session.rows("households", columns=("source_key", "community_code", "address_text", "lon", "lat"))
        moved = [{**r, "lon": r["lon"] + MOVED_DEGREES} for r in rows if r["lon"] is not None][::10]
        session.upsert("households", moved)
        plan = Plan(
            id=PLAN,
            county_code=COUNTY,
            generation_id="generation-1",
            version=0,
            state=PlanState.DRAFT,
            title="空方案",
            edits=(),
            author="planner",
        )
        session.put_plan(plan, expected_version=None)
        session.commit()
    store.close()


# -- the actions -----------------------------------------------------------------------------------------
def act(url: str, action: str) -> dict:
    """Do one action in this process; return its figures."""
    from geo.authority import local_planner
    from geo.services.coverage import activate_generation, reassign
    from geo.services.publish import publish_plan
    from geo.services.published import load_coverage

    planner, store = local_planner(COUNTY), opened(url, first=1 << 66)
    wall, cpu = time.perf_counter(), time.process_time()
    counted = {}
    if action == "start":
        with store.reading(planner) as session:
            load_coverage(session, session.generations()[0])
    elif action == "activate":
        done = activate_generation(store, planner, effective_from=dt.date(2025, 1, 1), now=clock)
        counted = dict(done.households.by_basis)
    elif action in {"assign", "moved"}:
        counted = dict(reassign(store, planner)[0].by_basis)
    else:
        new_id = (str(uuid.UUID(int=n)) for n in itertools.count(1 << 67))
        done = publish_plan(
            store,
            planner,
            PLAN,
            effective_from=dt.date(2025, 6, 1),
            filing_no="1号",
            now=clock,
            new_id=lambda: next(new_id),
        )
        counted = dict(done.households.by_basis)
    seconds, busy = time.perf_counter() - wall, time.process_time() - cpu
    store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "cpu": round(busy, 2), "peak_mb": round(peak), "by_basis": counted}


def apart(*words: str) -> dict:
    """Run this file in a process of its own; return what it printed."""
    done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout or "{}")


def served(postmaster: int | None) -> float:
    """Return the CPU seconds of a server's processes that have ended; each session has one of its own."""
    if postmaster is None:
        return 0.0
    time.sleep(0.5)
    told = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(told[13]) + int(told[14])) / os.sysconf("SC_CLK_TCK")


def measure(
    url: str, rows: int, say: Callable[[str], None], *, ready: bool = False, postmaster: int | None = None
) -> None:
    if not ready:
        apart("--do", "build", "--url", url, "--rows", str(rows))
    for action in ACTIONS:
        if action == "moved":
            apart("--do", "shift", "--url", url)
        before = served(postmaster)
        found = apart("--do", action, "--url", url)
        busy = served(postmaster) - before
        placed = " ".join(f"{basis} {n}" for basis, n in sorted(found["by_basis"].items()))
        cpu = f"{found['cpu']:>8.2f}" + (f" +{busy:>6.2f}" if postmaster else "")
        figures = f"{found['seconds']:>8.2f} s {cpu} s {found['peak_mb']:>6} MB"
        say(f"{rows:>9}  {action:<9}{figures}  {placed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("gpkg", "postgis"), default="gpkg")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--do", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.do == "build":
        build(asked.url, asked.rows[0], seed=20250301)
    elif asked.do == "shift":
        shift(asked.url)
    elif asked.do:
        print(json.dumps(act(asked.url, asked.do)))
    else:
        print(f"{'rows':>9}  {'action':<9}{'wall':>10} {'CPU':>10} {'peak':>9}  households by basis")
        rounds(asked.engine, asked.rows, asked.folder)


def rounds(engine: str, numbers: list[int], kept: Path | None) -> None:
    def say(line: str) -> None:
        print(line, flush=True)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = None
        if engine == "postgis":
            from tests.pg import private_server

            server = stack.enter_context(private_server())
            server.make_template()
        for rows in numbers:
            if server is not None:
                postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
                with server.database() as url:
                    measure(url, rows, say, postmaster=postmaster)
                continue
            store, ready = folder / f"county-{rows}.gpkg", False
            if kept is not None:
                pattern = kept / f"county-{rows}.gpkg"
                if not pattern.exists():
                    apart("--do", "build", "--url", str(pattern), "--rows", str(rows))
                shutil.copyfile(pattern, store)
                ready = True
            measure(str(store), rows, say, ready=ready)
            store.unlink()


if __name__ == "__main__":
    main()
