"""kill -9 at any moment of a publish: the store is as before or as after, and the journal verifies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from geo.authority import local_planner
from tests.crash import publisher
from tests.pg import pg_server, pg_url  # noqa: F401

GRIDS = 25
HERE = Path(__file__).resolve()
# More on demand: WANGGE_KILLS=1000 with `-m battery`.
KILLS = int(os.environ.get("WANGGE_KILLS", "50"))

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")


def killed_after(url, seconds):
    """Run the publisher and kill it; return the serials it had acknowledged."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[2])}
    child = subprocess.Popen(
        [sys.executable, str(HERE.with_name("publisher.py")), url, str(GRIDS)],
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        assert child.stdout.readline() == b"ready\n"
        time.sleep(seconds)
    finally:
        child.send_signal(signal.SIGKILL)
        told, _ = child.communicate(timeout=30)
    assert child.returncode == -signal.SIGKILL
    return [int(line) for line in told.split()]


def check(store, acknowledged):
    """Every generation is whole, none that was acknowledged is lost, the chain holds."""
    actor = local_planner(publisher.COUNTY)
    entries, _ = store.verify_journal()
    with store.reading(actor) as session:
        found = session.generations()
        assert len(found) == entries
        assert len(found) - acknowledged in (0, 1), "an acknowledged publish was lost, or an unknown one appeared"
        assert [one.state.value for one in found] == ["superseded"] * (len(found) - 1) + ["active"] * bool(found)
        for one in found[-2:]:
            grids = session.grids(one.id)
            assert len(grids) == GRIDS
            assert {grid.name for grid in grids} == {f"第{one.serial}版第{n}网格" for n in range(GRIDS)}
            counts = session.assignment_counts(one.id, "household")
            assert sum(counts.values()) == publisher.HOUSEHOLDS
            assert len(session.lineage(to_generation=one.id)) == (GRIDS if one.serial > 1 else 0)
        if found:
            assert len(session.codes("3")) == len(found)
    return len(found)


def kill_and_check(url, *, kills, seed):
    rng = random.Random(seed)
    publisher.prepare(url)
    known = 0
    for _ in range(kills):
        told = killed_after(url, rng.uniform(0.0, 0.25))
        store = publisher.opened(url)
        known = check(store, told[-1] if told else known)
        store.close()
    store = publisher.opened(url)
    assert publisher.publish(store, GRIDS) == known + 1, "the next publish after the kills does not work"
    store.close()
    assert known > 0, "no publish ever came through: the kills came too early to prove anything"


def test_gpkg_survives_kills(tmp_path):
    kill_and_check(str(tmp_path / "county.gpkg"), kills=10, seed=1)


@pytest.mark.postgis
def test_postgis_survives_kills_of_its_client(pg_url):  # noqa: F811
    kill_and_check(pg_url, kills=3, seed=2)


@pytest.mark.battery
def test_gpkg_survives_many_kills(tmp_path):
    kill_and_check(str(tmp_path / "county.gpkg"), kills=KILLS, seed=3)


@pytest.mark.battery
@pytest.mark.postgis
def test_postgis_survives_many_kills(pg_url):  # noqa: F811
    kill_and_check(pg_url, kills=KILLS, seed=4)
