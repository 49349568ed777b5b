"""A real scheduler, two worker processes, one of them killed: the answer is that of one machine, byte for byte."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from geo.assign import assign_file, assign_on_cluster
from geo.errors import Refused, Unavailable

if importlib.util.find_spec("distributed") is None:
    if os.environ.get("CI") == "true":
        raise ModuleNotFoundError("the cluster extra must be installed where every test has to run")
    pytest.skip("the cluster extra is not installed", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # what dask and its event loop warn about is theirs

ROOT = os.getcwd()  # noqa: PTH109 - the workers import the product from here


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(1)
    seeds = np.column_stack([rng.uniform(129, 129.5, 60), rng.uniform(48, 48.3, 60)])
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds)))
    features = [
        {"type": "Feature", "properties": {"code": f"G{i}"}, "geometry": json.loads(shapely.to_geojson(c))}
        for i, c in enumerate(cells)
    ]
    grids = tmp_path / "grids.geojson"
    grids.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    n = 600_000
    lon, lat = rng.uniform(129, 129.5, n), rng.uniform(48, 48.3, n)
    lon[::1001] = np.nan
    points = tmp_path / "points.parquet"
    pq.write_table(pa.table({"id": np.arange(n), "lon": lon, "lat": lat}), points, row_group_size=20_000)
    return {
        "grids": grids, "grid_id": "code", "grids_datum": "cgcs2000", "points": points, "datum": "wgs84",
        "point_id": "id", "lon": "lon", "lat": "lat",
    }  # fmt: skip


@pytest.fixture
def cluster(tmp_path):
    """Start a scheduler and two workers as processes of their own; yield (address, workers)."""
    environment = os.environ | {"PYTHONPATH": ROOT, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
    scheduler_file = tmp_path / "scheduler.json"

    def start(*words):
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + words[0], *words[1:], "--scheduler-file", str(scheduler_file)],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    started = [start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")]
    try:
        deadline = time.monotonic() + 30
        while not scheduler_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = [
            start(
                "dask_worker",
                "--nthreads",
                "1",
                "--no-nanny",
                "--no-dashboard",
                "--local-directory",
                str(tmp_path / name),
            )
            for name in ("one", "two")
        ]
        started += workers
        yield json.loads(scheduler_file.read_text())["address"], workers
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def test_a_killed_worker_costs_only_its_partitions(files, cluster, tmp_path):
    address, workers = cluster
    alone = assign_file(**files, out=tmp_path / "alone.parquet")
    killed = []
    shares = []

    def kill_one(share, _what):
        shares.append(share)
        if not killed and 0.1 < share < 0.9:
            workers[0].send_signal(signal.SIGKILL)
            workers[0].wait()
            killed.append(workers[0].pid)

    report = assign_on_cluster(address, **files, out=tmp_path / "together.parquet", progress=kill_one)
    assert killed
    assert report == alone
    assert (tmp_path / "together.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()
    assert shares == sorted(shares)
    assign_file(**files, out=tmp_path / "alone.csv")
    assign_on_cluster(address, **files, out=tmp_path / "together.csv")
    assert (tmp_path / "together.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".wangge")]


def test_an_address_that_does_not_answer_is_unavailable(files, tmp_path, monkeypatch):
    monkeypatch.setattr("geo.assign.cluster._CONNECT_SECONDS", 1.0)
    for address in ("tcp://127.0.0.1:9", "nonsense://x", "tcp://"):
        with pytest.raises(Unavailable):
            assign_on_cluster(address, **files, out=tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_silent_listener_is_given_up_in_bounded_time(files, tmp_path, monkeypatch):
    monkeypatch.setattr("geo.assign.cluster._CONNECT_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable) as caught:
            assign_on_cluster(address, **files, out=tmp_path / "out.parquet")
    assert caught.value.code == "cluster-unreachable"
    assert not (tmp_path / "out.parquet").exists()


def test_a_scheduler_nobody_works_for_is_refused(files, cluster, tmp_path, monkeypatch):
    address, workers = cluster
    for worker in workers:
        worker.kill()
        worker.wait()
    time.sleep(1.0)  # until the scheduler has noticed
    monkeypatch.setattr("geo.assign.cluster._CONNECT_SECONDS", 2.0)
    with pytest.raises(Unavailable) as caught:
        assign_on_cluster(address, **files, out=tmp_path / "out.parquet")
    assert caught.value.code == "cluster-unreachable"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith((".wangge", "out"))]


def test_points_in_csv_are_refused(files, tmp_path):
    points = tmp_path / "p.csv"
    points.write_text("id,lon,lat\n1,129.1,48.1\n", encoding="utf-8")
    with pytest.raises(Refused):
        assign_on_cluster("local", **{**files, "points": points}, out=tmp_path / "out.parquet")
