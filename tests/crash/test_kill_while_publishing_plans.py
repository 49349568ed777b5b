"""kill -9 while a redrawn plan is published: all that hangs on it is there, or nothing of it."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import random
import signal
import time

import pytest

from geo.model import PlanState
from geo.services.plans import add_edits, start_plan
from geo.services.publish import publish_plan
from geo.store import open_store
from tests import plan_county as county
from tests.pg import pg_server, pg_url  # noqa: F401

# More on demand: WANGGE_KILLS=1000 with `-m battery`.
KILLS = int(os.environ.get("WANGGE_KILLS", "50"))
STEPS = (
    *("codes", "generation", "placements", "lineage", "people", "codes history"),
    *("activate", "plan", "journal", "commit", "committed"),
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork and no kill -9 on this system")


def opened(url, *, create=False):
    serial = itertools.count(1)
    name = f"{os.getpid()}-{time.monotonic_ns()}"
    return open_store(
        url, county_code=county.COUNTY, now=county.clock, new_id=lambda: f"{name}-{next(serial)}", create=create
    )


def ready(url):
    store = opened(url, create=True)
    county.settle(store)
    store.close()


def spot(x, y):
    return [county.LON + x * county.WIDE, county.LAT + y * county.HIGH]


def redrawing(number):
    """Return edits that fit after those of the number before: what one cuts off, the next brings back."""
    told = {"op": "rename", "grid": "g00", "name": f"第{number}次"}
    if number % 2:
        cut = {"op": "split", "grid": "g10", "line": [spot(1.5, -1), spot(1.5, 3)], "id": f"part-{number}"}
        return [cut, {"op": "transfer", "from": "g50", "to": "g51", "line": [spot(4.5, 0.6), spot(6.5, 0.6)]}, told]
    joined = {"op": "merge", "grids": ["g10", f"part-{number - 1}"], "into": "g10"}
    return [joined, {"op": "transfer", "from": "g51", "to": "g50", "line": [spot(4.5, 1), spot(6.5, 1)]}, told]


def drawn(url, number):
    store = opened(url)
    plan = start_plan(store, county.PLANNER, new_id=lambda: f"plan-{number}")
    add_edits(store, county.PLANNER, plan.id, redrawing(number), expected_version=1, now=county.clock)
    store.close()
    return plan.id


def publish(url, plan_id, number, *, at=None):
    store = opened(url)
    fresh = itertools.count(1)
    publish_plan(
        store,
        county.PLANNER,
        plan_id,
        effective_from=county.FIRST + dt.timedelta(days=number),
        filing_no="1号",
        now=county.clock,
        new_id=lambda: f"{plan_id}-{next(fresh)}",
        at=at,
    )
    store.close()


def killed(url, plan_id, number, *, at_step=None, after_s=None):
    """Publish in a child that is killed at a step or after some seconds; return whether it came to its end first."""

    def at(step):
        if step == at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            publish(url, plan_id, number, at=at)
            os._exit(0)
        finally:
            os._exit(1)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "publishing failed by itself"
        return True
    assert os.WTERMSIG(status) == signal.SIGKILL
    return False


def found(url, plan_id, number, before):
    """Return whether the plan is in force, having seen that all of it is there or nothing."""
    store = opened(url)
    entries, _ = store.verify_journal()
    with store.reading(county.PLANNER) as session:
        plan, active = session.plan(plan_id), session.generation()
        generations = session.generations()
        names = {g.id: g.name for g in session.grids(active.id)}
        placed = session.assignment_counts(active.id, "household")
        links = session.lineage(to_generation=active.id)
        history = session.code_history("g00")
        homes = session.count("households")
        told = [r["grid_id"] for r in session.rows("gridworkers", where={"kind": "full_time"})]
    store.close()
    done = plan.state is PlanState.EFFECTIVE
    assert (active.plan_id == plan_id) == done
    assert len(generations) == before + done
    assert [g.state.value for g in generations] == ["superseded"] * (len(generations) - 1) + ["active"]
    assert (names["g00"] == f"第{number}次") == done
    assert sum(placed.values()) == homes
    assert bool(links) == (len(generations) > 1)
    assert history[-1]["valid_to"] is None
    assert history[-1]["name"] == names["g00"]
    assert set(told) <= set(names) | {None, ""}
    assert entries > len(generations)
    return done


def kill_at_every_step(url, steps):
    ready(url)
    generations = 1
    for number, step in enumerate(steps, start=1):
        plan_id = drawn(url, number)
        assert not killed(url, plan_id, number, at_step=step)
        done = found(url, plan_id, number, generations)
        assert done == (step == "committed")
        if not done:
            publish(url, plan_id, number)
            assert found(url, plan_id, number, generations)
        generations += 1


def timed(url, number):
    plan_id = drawn(url, number)
    began = time.monotonic()
    publish(url, plan_id, number)
    return time.monotonic() - began


def kill_at_any_moment(url, *, kills, seed):
    ready(url)
    rng = random.Random(seed)
    # How long one takes here, so that the kills fall all over it; the first one also warms everything up.
    usual = min(timed(url, 1), timed(url, 2))
    generations, stopped = 3, 0
    for number in range(3, kills + 3):
        plan_id = drawn(url, number)
        stopped += not killed(url, plan_id, number, after_s=rng.uniform(0.0, usual))
        if not found(url, plan_id, number, generations):
            publish(url, plan_id, number)
        generations += 1
    assert stopped > kills // 3, "most publications were over before the kill"


def test_a_publication_killed_at_any_step_leaves_before_or_after_in_a_geopackage(tmp_path):
    kill_at_every_step(str(tmp_path / "county.gpkg"), STEPS)


@pytest.mark.postgis
def test_a_publication_killed_at_some_steps_leaves_before_or_after_in_postgis(pg_url):  # noqa: F811
    kill_at_every_step(pg_url, ("placements", "activate", "journal", "commit", "committed"))


@pytest.mark.battery
def test_a_geopackage_survives_many_kills_of_publications(tmp_path):
    kill_at_any_moment(str(tmp_path / "county.gpkg"), kills=KILLS, seed=5)


@pytest.mark.battery
@pytest.mark.postgis
def test_postgis_survives_many_kills_of_publications(pg_url):  # noqa: F811
    kill_at_any_moment(pg_url, kills=KILLS, seed=6)
