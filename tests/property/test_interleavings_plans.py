"""All orders in which two planners can load, edit, save and publish, on both stores: no update is ever lost.

What they draw are names and ground: grids merged and split, nodes moved, pieces given to a neighbour, apart from each
other and in the same spot. In the ordinary run the kinds take turns over the orders; ``pytest -m battery`` walks every
order with every pair of kinds.
"""

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
from geo.services.redraw import Drawing, DrawingBoard
from geo.store import open_store
from tests import plan_county as county
from tests.ground_edits import APART, TOGETHER, next_edit, require_done
from tests.pg import pg_server, pg_url  # noqa: F401
from tests.plan_county import clock

STEPS = ("load", "edit", "save", "publish")
ORDERS = sorted(set(itertools.permutations("AAAABBBB")))
PAIRS = (*APART, *TOGETHER)
# Of plans that were rebased one in so many is published too; that it says the same as its drawing is told by all.
PUBLISHED_TOO = 7


def test_there_are_seventy_orders():
    assert len(ORDERS) == 70


@dataclass
class Desk:
    """What both sit at: a store, the drawings a service keeps, numbers for plans, days to put them into force."""

    store: object
    board: DrawingBoard = field(default_factory=DrawingBoard)
    numbered: object = field(default_factory=lambda: itertools.count(1))
    day: object = field(default_factory=lambda: (county.FIRST + dt.timedelta(days=n) for n in itertools.count(1)))

    def start(self):
        plan_id = f"plan{next(self.numbered)}"
        start_plan(self.store, county.PLANNER, new_id=lambda: plan_id)
        return plan_id

    def in_force(self):
        with self.store.reading(county.PLANNER) as session:
            generation = session.generation()
            return generation, self.board.base(session, generation.id)


@dataclass
class Planner:
    """One of the two: walks through the four steps and notes what came of each."""

    name: str
    kind: tuple[str, int]
    desk: Desk
    plan_id: str
    actor: Actor = None
    seen: object = None
    drawing: Drawing = None
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
        view = show_plan(self.desk.store, self.actor, self.plan_id, board=self.desk.board)
        self.seen, self.drawing = view.plan, view.drawing

    def edit(self):
        self.drawn = next_edit(self.drawing, *self.kind, word=f"{self.name}{self.plan_id}")

    def save(self):
        try:
            done = add_edits(
                self.desk.store,
                self.actor,
                self.plan_id,
                [self.drawn],
                expected_version=self.seen.version,
                now=clock,
                board=self.desk.board,
            )
        except StaleVersion as error:
            self.told_late(error)
        except Conflict as error:
            self.refused = error.code
        else:
            self.seen, self.saved = done.plan, True

    def publish(self):
        try:
            publish_plan(
                self.desk.store,
                self.actor,
                self.plan_id,
                effective_from=next(self.desk.day),
                filing_no="1号",
                now=clock,
                new_id=county.new_ids(f"{self.plan_id}{self.name}"),
                expected_version=self.seen.version,
            )
        except StaleVersion as error:
            self.told_late(error)
        except Conflict as error:
            self.refused = error.code
        else:
            self.published = True

    def told_late(self, error):
        """Hold that the answer names the current version and, version by version, who changed what since."""
        self.stale = error
        with self.desk.store.reading(self.actor) as session:
            current = session.plan(self.plan_id)
            assert error.current == current.version > self.seen.version
            assert len(error.difference) == current.version - self.seen.version
            others = current.edits[len(self.seen.edits) :]
        told = [line for line in error.difference if "edits" in line]
        assert len(told) == len(others)
        for line, edit in zip(told, others, strict=True):
            assert f"by {edit['by']}: +1 edits ({edit['op']})" in line


def require_all_done(before, edits, after):
    """Assert that the edits, one after another, each in full, make what is there."""
    for edit in edits:
        state = before.after(edit)
        require_done(before, state, edit)
        before = state
    assert on_the_lattice(after) == on_the_lattice(before)


def on_the_lattice(drawing):
    """Return the coverage as a generation holds it, grids in order of their ids: to be compared bit for bit."""
    return Drawing.of(drawing.grids()).coverage


def walked(order, a, b):
    for name in order:
        (a if name == "A" else b).step()


def one_plan(desk, order, pair):
    """Both work on one plan: every save that was accepted is in it, every other one was told so."""
    plan_id = desk.start()
    a, b = (Planner(name, kind, desk, plan_id) for name, kind in zip("AB", pair, strict=True))
    _, before = desk.in_force()
    walked(order, a, b)
    with desk.store.reading(county.PLANNER) as session:
        plan = session.plan(plan_id)
    generation, after = desk.in_force()
    accepted = [p for p in (a, b) if p.saved]
    assert accepted, "somebody comes first"
    assert sorted(e["by"] for e in plan.edits) == sorted(p.name for p in accepted)
    assert plan.version == 1 + len(accepted) + a.published + b.published
    for planner in (a, b):
        if planner.saved:
            assert any(planner.drawn.items() <= edit.items() for edit in plan.edits)
        else:
            assert planner.stale or planner.refused == "plan-published"
    # Whoever publishes had seen exactly what was published.
    assert a.published + b.published == 1
    for planner in (a, b):
        if planner.published:
            assert plan.state is PlanState.EFFECTIVE
            assert generation.plan_id == plan_id
            assert planner.seen.version == plan.version - 1
            require_all_done(before, plan.edits, after)
            renamed = [e for e in plan.edits if e["op"] == "rename"]
            assert all(after.facts[e["grid"]].name == e["name"] for e in renamed)
        else:
            assert planner.stale or planner.refused in ("plan-published", "base-superseded")


def two_plans(desk, order, pair):
    """Each works on a plan of the own on the same grids: the later one is told to rebase, and the earlier one stays."""
    a, b = (Planner(name, kind, desk, desk.start()) for name, kind in zip("AB", pair, strict=True))
    _, before = desk.in_force()
    walked(order, a, b)
    assert a.saved
    assert b.saved
    first, second = (a, b) if a.published else (b, a)
    assert first.published
    assert not second.published
    assert second.refused == "base-superseded"
    _, now = desk.in_force()
    require_all_done(before, [first.drawn], now)
    rebased = rebase_plan(desk.store, second.actor, second.plan_id, expected_version=second.seen.version, now=clock)
    # Apart, both stand; in the same spot the later edit stands on the earlier one, or is handed back with the reason.
    assert rebased.kept + len(rebased.dropped) == 1
    assert rebased.kept or pair in TOGETHER
    assert all(second.drawn.items() <= d.edit.items() and d.reason for d in rebased.dropped)
    second.load()
    assert second.seen == rebased.plan
    drawing = second.drawing
    require_all_done(now, second.seen.edits, drawing)
    if ORDERS.index(order) % PUBLISHED_TOO == 0:
        second.publish()
        assert second.published
        assert on_the_lattice(desk.in_force()[1]) == on_the_lattice(drawing)


def all_orders(url, scene, *, turn=0, every_pair=False):
    store = open_store(url, county_code=county.COUNTY, now=clock, new_id=county.new_ids("row"), create=True)
    county.settle(store)
    desk = Desk(store)
    for number, order in enumerate(ORDERS):
        for pair in PAIRS if every_pair else [PAIRS[(number + turn) % len(PAIRS)]]:
            scene(desk, order, pair)
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
    all_orders(pg_url, scene, turn=3)


@pytest.mark.battery
@pytest.mark.parametrize("scene", [one_plan, two_plans])
def test_every_pair_of_edits_in_seventy_orders_in_a_geopackage(tmp_path, scene):
    all_orders(str(tmp_path / "county.gpkg"), scene, every_pair=True)


@pytest.mark.battery
@pytest.mark.postgis
@pytest.mark.parametrize("scene", [one_plan, two_plans])
def test_every_pair_of_edits_in_seventy_orders_in_postgis(pg_url, scene):  # noqa: F811
    all_orders(pg_url, scene, every_pair=True)
