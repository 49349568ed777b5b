"""One peer on one merge case, in a process of its own: reads a case, prints groups and seconds as JSON.

Called by benchmarks/merge.py with the interpreter of the peers' environment:
``python merge_peers.py PEER CASE.pickle``. A case holds plain lists and well-known binary, nothing of ours.
"""

from __future__ import annotations

import heapq
import json
import pickle
import random
import sys
import time
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

Case = dict[str, Any]
Groups = list[list[int]]


def neighbours(case: Case) -> dict[int, list[int]]:
    near = {u: [] for u in range(len(case["loads"]))}
    for (i, j), joins in zip(case["pairs"], case["joins"], strict=True):
        if joins:
            near[i].append(j)
            near[j].append(i)
    return near


def frame(case: Case) -> Any:
    import geopandas
    import shapely

    shapes = shapely.from_wkb([bytes.fromhex(text) for text in case["wkb"]])
    return geopandas.GeoDataFrame({"load": case["loads"]}, geometry=list(shapes))


def weights_of(case: Case) -> Any:
    from libpysal.weights import W

    return W(neighbours(case), silence_warnings=True)


def groups_of(labels: Any) -> Groups:
    found = {}
    for unit, label in enumerate(labels):
        found.setdefault(label, []).append(unit)
    return list(found.values())


def greedy(case: Case) -> Groups:  # noqa: C901 - the baseline stands in one piece, to be read as such
    """Merge the pair of neighbouring groups that raises the objective least, until K are left."""
    count, groups, (b, c, d) = len(case["loads"]), case["groups"], case["weights"]
    total, rim = sum(case["loads"]), sum(case["perimeters"])
    load, peak = list(case["loads"]), list(case["loads"])
    members = [[u] for u in range(count)]
    saved = [{} for _ in range(count)]
    joined = [set() for _ in range(count)]
    for (i, j), metres, joins in zip(case["pairs"], case["shared"], case["joins"], strict=True):
        saved[i][j] = saved[j][i] = metres
        if joins:
            joined[i].add(j)
            joined[j].add(i)
    alive, age, heap = [True] * count, [0] * count, []

    def offer(i: int, j: int) -> None:
        more = (
            b * 2 * groups * load[i] * load[j] / total**2
            - c * 2 * saved[i][j] / rim
            + d * min(peak[i], peak[j]) / total
        )
        heapq.heappush(heap, (more, i, j, age[i], age[j]))

    for i in range(count):
        for j in joined[i]:
            if i < j:
                offer(i, j)
    left = count
    while left > groups:
        _, i, j, one, two = heapq.heappop(heap)
        if not (alive[i] and alive[j]) or (one, two) != (age[i], age[j]):
            continue
        alive[j], age[i], left = False, age[i] + 1, left - 1
        members[i] += members[j]
        load[i] += load[j]
        peak[i] = max(peak[i], peak[j])
        for k, metres in saved[j].items():
            saved[k].pop(j)
            if k != i:
                saved[i][k] = saved[k][i] = saved[i].get(k, 0.0) + metres
        for k in joined[j]:
            joined[k].discard(j)
            if k != i:
                joined[i].add(k)
                joined[k].add(i)
        for k in joined[i]:
            offer(i, k)
    return [members[u] for u in range(count) if alive[u]]


def spopt_azp(case: Case) -> Groups:
    import numpy as np
    from spopt.region import AZP

    np.random.seed(1)  # noqa: NPY002 - the peer draws from the global generator
    model = AZP(frame(case), weights_of(case), ["load"], case["groups"], random_state=1)
    model.solve()
    return groups_of(model.labels_)


def spopt_azp_squares(case: Case) -> Groups:
    """AZP with the balance term itself: the sum of the squares of the regions' loads."""
    import numpy as np
    from spopt.region import AZP
    from spopt.region.objective_function import ObjectiveFunction

    class Squares(ObjectiveFunction):
        def __call__(self, labels: Any, attr: Any) -> float:
            return float((np.bincount(labels.astype(int), weights=attr[:, 0]) ** 2).sum())

        def update(self, moving_area: int, recipient_region: int, labels: Any, attr: Any) -> float:
            load = attr[moving_area, 0]
            gains, gives = attr[labels == recipient_region, 0].sum(), attr[labels == labels[moving_area], 0].sum()
            return float((gains + load) ** 2 - gains**2 + (gives - load) ** 2 - gives**2)

    np.random.seed(1)  # noqa: NPY002 - the peer draws from the global generator
    model = AZP(
        frame(case),
        weights_of(case),
        ["load"],
        case["groups"],
        random_state=1,
        objective_func=Squares(metric="manhattan"),
    )
    model.solve()
    return groups_of(model.labels_)


def spopt_maxp(case: Case) -> Groups:
    import numpy as np
    from spopt.region import MaxPHeuristic

    np.random.seed(1)  # noqa: NPY002 - the peer draws from the global generator
    floor = 0.75 * sum(case["loads"]) / case["groups"]
    model = MaxPHeuristic(frame(case), weights_of(case), ["load"], "load", floor, 2)
    model.solve()
    return groups_of(model.labels_)


def spopt_ward(case: Case) -> Groups:
    from spopt.region import WardSpatial

    model = WardSpatial(frame(case), weights_of(case), ["load"], n_clusters=case["groups"])
    model.solve()
    return groups_of(model.labels_)


def spopt_skater(case: Case) -> Groups:
    from spopt.region import Skater

    model = Skater(frame(case), weights_of(case), ["load"], n_clusters=case["groups"])
    model.solve()
    return groups_of(model.labels_)


def geoda_weights(case: Case, folder: str) -> Any:
    import pygeoda

    near = neighbours(case)
    lines = [f"0 {len(near)} case POLY_ID"]
    for unit, others in near.items():
        lines += [f"{unit} {len(others)}", " ".join(str(o) for o in others)]
    path = Path(folder) / "case.gal"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return pygeoda.weights.read_gal(str(path), [str(unit) for unit in near])


def geoda(case: Case, method: str) -> Groups:
    import tempfile

    import pygeoda

    with tempfile.TemporaryDirectory() as folder:
        data = frame(case)[["load"]]
        found = getattr(pygeoda, method)(case["groups"], geoda_weights(case, folder), data)
    return groups_of(found["Clusters"])


def pygeoda_skater(case: Case) -> Groups:
    return geoda(case, "skater")


def pygeoda_azp(case: Case) -> Groups:
    return geoda(case, "azp_greedy")


def graph_of(case: Case) -> tuple[Any, Any]:
    import networkx as nx
    from gerrychain import Graph

    net = nx.Graph()
    for unit, load in enumerate(case["loads"]):
        net.add_node(unit, load=load)
    net.add_edges_from((i, j) for (i, j), joins in zip(case["pairs"], case["joins"], strict=True) if joins)
    return Graph.from_networkx(net), net


def gerrychain_tree(case: Case) -> Groups:
    import networkx as nx
    from gerrychain.tree import recursive_tree_part

    random.seed(1)
    graph, net = graph_of(case)
    if not nx.is_connected(net):
        raise ValueError("recursive_tree_part needs a connected graph")
    target = sum(case["loads"]) / case["groups"]
    for epsilon in (0.5, 0.9, 2.0):
        try:
            found = recursive_tree_part(graph, range(case["groups"]), target, "load", epsilon)
            return groups_of([found[u] for u in range(len(case["loads"]))])
        except Exception as error:
            last = error
    raise last


def gerrychain_bursts(case: Case) -> Groups:
    from gerrychain import Partition, constraints, updaters
    from gerrychain.optimization import SingleMetricOptimizer
    from gerrychain.proposals import propose_random_flip

    random.seed(1)
    graph, _ = graph_of(case)
    start = {u: n for n, group in enumerate(greedy(case | {"weights": (0, 1, 0)})) for u in group}
    ideal = sum(case["loads"]) / case["groups"]
    first = Partition(graph, start, {"load": updaters.Tally("load"), "cut_edges": updaters.cut_edges})

    def spread(partition: Any) -> float:
        return sum((load / ideal - 1) ** 2 for load in partition["load"].values())

    walk = SingleMetricOptimizer(
        propose_random_flip, constraints.Validator([constraints.single_flip_contiguous]), first, spread, maximize=False
    )
    for _ in walk.short_bursts(20, 20_000):
        pass
    best = walk.best_part
    return groups_of([best.assignment[u] for u in range(len(case["loads"]))])


PEERS = {
    "greedy pair merge": greedy,
    "spopt AZP": spopt_azp,
    "spopt AZP, our objective": spopt_azp_squares,
    "spopt MaxP": spopt_maxp,
    "spopt Ward": spopt_ward,
    "spopt Skater": spopt_skater,
    "pygeoda SKATER": pygeoda_skater,
    "pygeoda AZP": pygeoda_azp,
    "GerryChain tree": gerrychain_tree,
    "GerryChain short bursts": gerrychain_bursts,
}


def main() -> None:
    peer, path = sys.argv[1:3]
    case = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by merge.py a moment ago
    begun, worked = time.perf_counter(), time.process_time()
    groups = PEERS[peer](case)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
    print(json.dumps({"groups": [[int(u) for u in group] for group in groups], "seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()
