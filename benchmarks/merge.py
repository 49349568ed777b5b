"""Merging: ours against peers on the same units and the same objective, in one run.

    python benchmarks/merge.py                  the county and 163 units without parents, peers included (short)
    python benchmarks/merge.py --sizes          983, 2,294, 3,217 and 10,000 units as well, ours and the greedy merge
    python benchmarks/merge.py --uneven         loads that are no whole numbers and differ hundredfold, with caps
    python benchmarks/merge.py --deep           K at half of the units and below
    python benchmarks/merge.py --huge           100,000 units in 7,000 communities

Every method runs in a process of its own with a time limit (peers: of CPU seconds); peers come from the interpreter
named by ``--peers`` (``var/bench-venv``, see requirements-merge.txt), never from the product's environment. A plan is
checked here before it counts: K groups, connected, within parents. Printed: objective over the proven optimum (or our
best plan), wall and CPU seconds after loading, and what went wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
import pickle
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.crs import metric_for
from geo.planning import Constraints, Units, Weights, measure, units_from_polygons

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / "var" / "bench-venv" / "bin" / "python"
BALANCE = Weights(balance=1, compactness=0, disruption=0)
GREEDY = "greedy pair merge"
# How many wall seconds a peer may take for one of its CPU seconds before it counts as hanging.
_PATIENCE = 4
PEERS = (
    GREEDY,
    "spopt AZP",
    "spopt AZP, our objective",
    "spopt MaxP",
    "spopt Ward",
    "spopt Skater",
    "pygeoda SKATER",
    "pygeoda AZP",
    "GerryChain tree",
    "GerryChain short bursts",
)


def county() -> tuple[Units, list[Any]]:
    """Return the units of the demonstration county: its true grids, households counted in each."""
    truth = ROOT / "data" / "boundaries" / "truth"
    features = json.loads((truth / "grids.geojson").read_text(encoding="utf-8"))["features"]
    with (truth / "households.csv").open(encoding="utf-8-sig", newline="") as table:
        counted = Counter(row["grid"] for row in csv.DictReader(table))
    shapes = [shapely.geometry.shape(f["geometry"]) for f in features]
    keys = [f["properties"]["key"] for f in features]
    units = units_from_polygons(
        shapes,
        loads=[counted[key] for key in keys],
        parents=[f["properties"]["community_code"] for f in features],
        ids=keys,
        metric=metric_for(129.4),
    )
    return units, shapes


def synthetic(count: int, *, parents: int = 0, seed: int = 1, spread: float = 0.5) -> tuple[Units, list[Any]]:
    """Return cells of a jittered lattice with log-normal loads, in square parents where wanted."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    points = np.column_stack([x.ravel(), y.ravel()])[:count].astype(float)
    points = (points + rng.uniform(-0.45, 0.45, points.shape)) * 300.0
    edge = shapely.box(-200, -200, side * 300, side * 300)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=edge))
    cells = shapely.intersection(cells, edge)
    labels = None
    if parents:
        rows = int(np.ceil(np.sqrt(parents)))
        tile = np.clip(shapely.get_coordinates(shapely.centroid(cells)) // (side * 300 / rows), 0, rows - 1)
        labels = [int(a * rows + b) for a, b in tile.astype(int).tolist()]
    loads = np.round(rng.lognormal(5.0, spread, count))
    return units_from_polygons(list(cells), loads=loads, parents=labels), list(cells)


def write_case(
    folder: str, units: Units, shapes: list[Any], groups: int, weights: Weights, wishes: Constraints
) -> Path:
    """Write what a peer needs as plain values."""
    case = {
        "loads": units.loads.tolist(),
        "parents": units.parents.tolist(),
        "perimeters": units.perimeters_m.tolist(),
        "pairs": [tuple(p) for p in units.pairs.tolist()],
        "shared": units.shared_m.tolist(),
        "joins": units.joins.tolist(),
        "wkb": [shapely.to_wkb(shape, hex=True) for shape in shapes],
        "groups": groups,
        "weights": (weights.balance, weights.compactness, weights.disruption),
    }
    path = Path(folder) / "case.pickle"
    path.write_bytes(pickle.dumps(case))
    (Path(folder) / "units.pickle").write_bytes(pickle.dumps((units, groups, weights, wishes)))
    return path


def fault(units: Units, plan: list[list[int]], groups: int) -> str:
    """Return what is wrong with a plan, or an empty text."""
    if sorted(u for group in plan for u in group) != list(range(len(units))):
        return "no partition"
    near = units.around()
    torn = 0
    for group in plan:
        held, seen, stack = set(group), {group[0]}, [group[0]]
        while stack:
            for other, _, joins in near[stack.pop()]:
                if joins and other in held and other not in seen:
                    seen.add(other)
                    stack.append(other)
        torn += len(seen) < len(held)
    if torn:
        return f"{torn} groups not connected"
    if any(len({int(units.parents[u]) for u in group}) > 1 for group in plan):
        return "crosses parents"
    return "" if len(plan) == groups else f"{len(plan)} groups, not {groups}"


def run(command: list[str], limit: float, *, cpu: float | None = None) -> tuple[dict[str, Any] | None, str]:
    """Run a child for so many wall seconds, and CPU seconds where told; return its JSON answer or why there is none."""
    words = command if cpu is None else ["prlimit", f"--cpu={cpu:.0f}", *command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit, check=False, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return None, f"not finished in {limit:g} s"
    if cpu is not None and done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None, f"not finished in {cpu:.0f} s of CPU"
    if done.returncode < 0:
        return None, f"crashed ({signal.Signals(-done.returncode).name})"
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        return None, last[0][:90]
    return json.loads(done.stdout.strip().splitlines()[-1]), ""


def ours(folder: str, limit: float) -> None:
    """Solve one case in this process (called in a child)."""
    import time

    from geo.planning import propose

    text = (Path(folder) / "units.pickle").read_bytes()
    units, groups, weights, wishes = pickle.loads(text)  # noqa: S301 - written just now
    begun, worked = time.perf_counter(), time.process_time()
    found = propose(units, groups=groups, weights=weights, constraints=wishes, time_limit=limit)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    print(
        json.dumps(
            {
                "groups": found.groups,
                "seconds": seconds,
                "cpu": cpu,
                "status": str(found.status),
                "objective": found.objective,
                "bound": found.bound,
                "gap": found.gap,
                "balance_gap": found.balance_gap,
            }
        )
    )


def compare(
    title: str,
    units: Units,
    shapes: list[Any],
    groups: int,
    weights: Weights,
    *,
    peers: tuple[str, ...],
    limit: float,
    python: Path = PEER_PYTHON,
    wishes: Constraints | None = None,
) -> None:
    """Run ours and the peers on one case and print a table."""
    terms = f"{weights.balance:g}/{weights.compactness:g}/{weights.disruption:g}"
    print(f"\n{title}: {len(units)} units → {groups}, weights {terms}")
    with tempfile.TemporaryDirectory() as folder:
        path = write_case(folder, units, shapes, groups, weights, wishes or Constraints())
        best, why = run(
            [sys.executable, str(Path(__file__)), "--child", folder, "--limit", str(limit)], limit * 1.5 + 60
        )
        if best is None or best["objective"] is None:
            print(f"  {'ours':<26} {why or best['status']}")
            return
        wrong = fault(units, best["groups"], groups)
        proof = f"{best['status']}, gap {best['gap']:.1e}"
        if best["gap"]:
            proof += f" (of the balance term {best['balance_gap']:.1e})"
        took = f"{best['seconds']:8.3f} s ({best['cpu']:.2f} s CPU)"
        print(f"  {'ours':<26} {best['objective']:.9f}  1.0000 ×  {took}  {proof} {wrong}", flush=True)
        for peer in peers:
            runner = sys.executable if peer == GREEDY else str(python)
            command = [runner, str(ROOT / "benchmarks" / "merge_peers.py"), peer, str(path)]
            # By CPU, so that a busy machine takes nothing from them.
            found, why = run(command, _PATIENCE * limit, cpu=limit)
            print(f"  {peer:<26} {verdict(units, found, why, groups, weights, best['objective'])}", flush=True)


def verdict(units: Units, found: dict[str, Any] | None, why: str, groups: int, weights: Weights, best: float) -> str:
    """Return one peer's line."""
    if found is None:
        return f"failed: {why}"
    wrong = fault(units, found["groups"], groups)
    if wrong == "no partition":
        return f"failed: {wrong}  {found['seconds']:8.3f} s"
    value = measure(units, found["groups"], weights=weights).total
    took = f"{found['seconds']:8.3f} s ({found['cpu']:.2f} s CPU)"
    return f"{value:.9f}  {value / best:.4f} ×  {took}  {('failed: ' + wrong) if wrong else ''}"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--sizes", action="store_true")
    ask.add_argument("--uneven", action="store_true")
    ask.add_argument("--deep", action="store_true")
    ask.add_argument("--huge", action="store_true")
    ask.add_argument("--limit", type=float, default=30.0, help="seconds for one method on one case")
    ask.add_argument("--peers", type=Path, default=PEER_PYTHON, help="interpreter that has the peers")
    ask.add_argument("--child", help=argparse.SUPPRESS)
    asked = ask.parse_args()
    if asked.child:
        ours(asked.child, asked.limit)
        return
    peers = PEERS if asked.peers.exists() else PEERS[:1]
    if len(peers) == 1:
        print("there is no interpreter with the peers: only the greedy merge is compared (see requirements-merge.txt)")
    everything = Weights()
    place, shapes = county()
    compare(
        "county within communities", place, shapes, 114, everything, peers=peers, limit=asked.limit, python=asked.peers
    )
    compare(
        "county within communities", place, shapes, 114, BALANCE, peers=peers, limit=asked.limit, python=asked.peers
    )
    units, cells = synthetic(163)
    compare("no parents", units, cells, 114, BALANCE, peers=peers, limit=asked.limit, python=asked.peers)
    if asked.sizes:
        sizes(everything, max(asked.limit, 60.0))
    if asked.uneven:
        uneven(everything)
    if asked.deep:
        deep(everything)
    if asked.huge:
        units, cells = synthetic(100_000, parents=7_000)
        compare("7,000 parents", units, cells, 70_000, BALANCE, peers=(GREEDY,), limit=120.0)


def sizes(everything: Weights, limit: float) -> None:
    """Compare larger coverages at 70 % of their units."""
    for count, parents in ((983, 0), (2_294, 0), (2_294, 75), (3_217, 0), (10_000, 700), (10_000, 0)):
        units, cells = synthetic(count, parents=parents)
        for weights in (BALANCE, everything):
            title = f"{parents} parents" if parents else "no parents"
            compare(title, units, cells, round(count * 0.7), weights, peers=(GREEDY,), limit=limit)


def uneven(everything: Weights) -> None:
    """Compare where loads differ a hundredfold, are no whole numbers, and carry a cap."""
    for count, parents in ((983, 0), (2_294, 75), (2_294, 0)):
        units, cells = synthetic(count, parents=parents, spread=1.0)
        units = replace(units, loads=units.loads * np.pi + 0.37)
        groups = round(count * 0.7)
        cap = Constraints(max_load=max(2 * units.total_load / groups, float(units.loads.max())))
        for weights in (BALANCE, everything):
            for wishes in (Constraints(), cap):
                title = f"uneven, {parents or 'no'} parents{', cap' if wishes.max_load else ''}"
                compare(title, units, cells, groups, weights, peers=(GREEDY,), limit=60.0, wishes=wishes)


def deep(everything: Weights) -> None:
    """Compare at half of the units and below."""
    cases = ((163, 80, 0.5), (163, 54, 0.5), (163, 80, 1.2), (163, 54, 1.2), (983, 500, 0.5), (983, 500, 1.0))
    for count, groups, spread in (*cases, (983, 400, 1.0)):
        units, cells = synthetic(count, spread=spread)
        for weights in (BALANCE, everything):
            compare(f"deep, spread {spread}", units, cells, groups, weights, peers=(GREEDY,), limit=60.0)


if __name__ == "__main__":
    main()
