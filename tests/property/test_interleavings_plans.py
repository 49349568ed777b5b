"""All orders in which two planners can load, edit, save and publish, on both stores: no update is ever lost."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field

import pytest

from geo.authority import Actor, Role
from geo.errors import Conflict, StaleVersion
from geo.model import PlanState
from geo.services.plans import add_edits, rebase_plan, show_plan, start_plan
from geo.services.publish import publish_plan
from geo.store import open_store
from tests import plan_county as county
from tests.pg import pg_server, pg_url  # noqa: F401
from tests.plan_county import clock, rename

STEPS = ("load", "edit", "save", "publish")
ORDERS = sorted(set(itertools.permutations("AAAABBBB")))


def test_there_are_seventy_orders():
    assert len(ORDERS) == 70


@dataclass
class Planner:
    """One of the two: walks through the four steps and notes what came of each."""

    name: str
    cell: tuple[int, int]
    store: object
    plan_id: str
    day: object
    actor: Actor = None
    seen: object = None
    drawn: dict = None
    saved: bool = False
    published: bool = False
    stale: StaleVersion = None
    refused: str = ""
    walk: object = field(default_factory=lambda: iter(STEPS))

    def __post_init__(self):
        self.actor = Actor(self.name, Role.COUNTY_PLANNER, (county.COUNTY,))

    def step(self):
        getattr(self, next(self.walk))()

    def load(self):
        self.seen = show_plan(self.store, self.actor, self.plan_id).plan

    def edit(self):
        self.drawn = rename(*self.cell, f"{self.name}的网格{self.plan_id}")

    def save(self):
        try:
            done = add_edits(
                self.store, self.actor, self.plan_id, [self.drawn], expected_version=self.seen.version, now=clock
            )
        except StaleVersion as error:
            self.stale = error
        except Conflict as error:
            self.refused = error.code
        else:
            self.seen, self.saved = done.plan, True

    def publish(self):
        try:
            publish_plan(
                self.store,
                self.actor,
                self.plan_id,
                effective_from=next(self.day),
                filing_no="1号",
                now=clock,
                new_id=county.new_ids(f"{self.plan_id}{self.name}"),
                expected_version=self.seen.version,
            )
        except StaleVersion as error:
            self.stale = error
        except Conflict as error:
            self.refused = error.code
        else:
            self.published = True


def days():
    return (county.FIRST + dt.timedelta(days=n) for n in itertools.count(1))


def ready(url):
    store = open_store(url, county_code=county.COUNTY, now=clock, new_id=county.new_ids("row"), create=True)
    county.settle(store)
    return store


def walked(store, order, a, b):
    for name in order:
        (a if name == "A" else b).step()
    with store.reading(county.PLANNER) as session:
        return (
            session.plan(a.plan_id),
            session.generation(),
            {g.id: g.name for g in session.grids(session.generation().id)},
        )


def one_plan(store, numbered, day, order):
    """Both work on one plan: every save that was accepted is in it, every other one was told so."""
    plan_id = f"plan{next(numbered)}"
    start_plan(store, county.PLANNER, new_id=lambda: plan_id)
    a, b = Planner("A", (0, 0), store, plan_id, day), Planner("B", (5, 1), store, plan_id, day)
    plan, generation, names = walked(store, order, a, b)
    accepted = [p for p in (a, b) if p.saved]
    assert accepted, "somebody comes first"
    assert sorted(e["by"] for e in plan.edits) == sorted(p.name for p in accepted)
    assert plan.version == 1 + len(accepted) + a.published + b.published
    for planner in (a, b):
        if not planner.saved:
            told_late = planner.stale is not None and planner.stale.current > planner.seen.version
            assert (told_late and planner.stale.difference) or planner.refused == "plan-published"
    # Whoever publishes had seen exactly what was published.
    assert a.published + b.published <= 1
    for planner in (a, b):
        if planner.published:
            assert plan.state is PlanState.EFFECTIVE
            assert generation.plan_id == plan_id
            assert planner.seen.version == plan.version - 1
            assert all(names[e["grid"]] == e["name"] for e in plan.edits)
        else:
            assert planner.stale or planner.refused in ("plan-published", "base-superseded")


def two_plans(store, numbered, day, order):
    """Each works on a plan of the own on the same grids: the later one is told to rebase, and then keeps both."""
    ids = [f"plan{next(numbered)}" for _ in "AB"]
    for plan_id in ids:
        start_plan(store, county.PLANNER, new_id=lambda name=plan_id: name)
    a, b = Planner("A", (0, 0), store, ids[0], day), Planner("B", (5, 1), store, ids[1], day)
    walked(store, order, a, b)
    assert a.saved
    assert b.saved
    first, second = (a, b) if a.published else (b, a)
    assert first.published
    assert not second.published
    assert second.refused == "base-superseded"
    rebased = rebase_plan(store, second.actor, second.plan_id, expected_version=second.seen.version, now=clock)
    assert (rebased.kept, rebased.dropped) == (1, ())
    second.seen = rebased.plan
    second.publish()
    assert second.published
    with store.reading(county.PLANNER) as session:
        names = {g.id: g.name for g in session.grids(session.generation().id)}
    for planner in (a, b):
        assert names[planner.drawn["grid"]] == planner.drawn["name"]


def all_orders(url, scene):
    store = ready(url)
    numbered, day = itertools.count(1), days()
    for order in ORDERS:
        scene(store, numbered, day, order)
    entries, _ = store.verify_journal()
    assert entries > 3 * len(ORDERS)
    with store.reading(county.PLANNER) as session:
        states = [g.state.value for g in session.generations()]
    assert states == ["superseded"] * (len(states) - 1) + ["active"]
    store.close()


@pytest.mark.parametrize("scene", [one_plan, two_plans])
def test_seventy_orders_in_a_geopackage(tmp_path, scene):
    all_orders(str(tmp_path / "county.gpkg"), scene)


@pytest.mark.postgis
@pytest.mark.parametrize("scene", [one_plan, two_plans])
def test_seventy_orders_in_postgis(pg_url, scene):  # noqa: F811
    all_orders(pg_url, scene)
