"""Placing in pages: the same answers whatever the page, all or nothing, memory that does not grow with a register."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from functools import partial

import pytest

from geo.model import Generation, GenerationState
from geo.services import coverage as coverage_service
from geo.services import enactment
from geo.services.coverage import activate_generation, reassign
from geo.services.placement import Placing, place_subjects
from geo.services.plans import add_edits, start_plan
from geo.services.publish import preview_publication, publish_plan
from geo.services.published import load_coverage
from geo.services.revert import revert_generation
from geo.store import schema
from tests import plan_county as county
from tests.plan_county import EAST, clock, merge

JUNE, JULY = dt.date(2025, 6, 1), dt.date(2025, 7, 1)
TABLES = ("assignments", "assignments_former", "lineage", "journal", "generations", "plan_versions", "code_history")


class Cancelled(Exception):
    """What a progress call raises to end the work."""


def mixed(count):
    """Households that say where they are in every way, in no order of their keys."""
    for n in range(count):
        column, row = n % 4, n // 4 % 2
        point = {"lon": county.LON + (n % 31 + 0.5) / 31 * 4 * county.WIDE, "lat": county.LAT + 0.003}
        ways = (
            {"compound": f"红林{column}小区", "building_number": str(row + 1), **point},
            {"compound": f"红林{column}小区", "building_number": f"{row + 1}号楼"},
            point,
            {"address_text": f"红林{column}小区{row + 1}号楼{n % 3 + 1}单元"},
            {"compound": "没有这个小区", "building_number": "9", **point},
            {"lon": county.LON - 1, "lat": county.LAT},
            {"address_text": "不知道在哪里"},
        )
        known = {"source_key": f"m{n * 7919 % 100003}", "community_code": EAST, "address_text": ""}
        yield {**known, **ways[n % len(ways)]}


@pytest.fixture
def settled(store, planner):
    """The small county in force, with seventy more households that are not placed yet."""
    county.settle(store)
    with store.writing(planner) as session:
        session.upsert("households", list(mixed(70)))
        session.commit()
    return store


def stored(store, actor):
    """Everything that placing may write, row by row."""
    with store.reading(actor) as session:
        tables = {name: schema.METADATA.tables[name].select() for name in TABLES}
        return {name: sorted(map(repr, session._connection.execute(rows))) for name, rows in tables.items()}


def another(session, serial=2):
    """A generation with the grids of the small county, not in force."""
    made = Generation(
        id=f"generation-{serial}",
        county_code=county.COUNTY,
        serial=serial,
        state=GenerationState.INACTIVE,
        effective_from=None,
    )
    session.put_generation(made)
    session.put_grids(made.id, [*county.base_grids(), county.overlay()])
    return made


def assigned(session, generation_id):
    return [
        [column.tolist() for column in session.assignments(generation_id, subject).values()]
        for subject in ("household", "incident")
    ]


def drawn(store, planner, place):
    plan = start_plan(store, planner, new_id=place.new_id)
    edits = (merge((0, 0), (0, 1), into="g01"), merge((1, 0), (2, 0), into="g20"))
    return add_edits(store, planner, plan.id, edits, expected_version=1, now=clock).plan


def publish(store, planner, place, plan, **options):
    return publish_plan(
        store, planner, plan.id, effective_from=JUNE, filing_no="1号", now=clock, new_id=place.new_id, **options
    )


def small_pages(monkeypatch, rows):
    """Let the services place in pages of a few rows."""
    monkeypatch.setattr(enactment, "Placing", partial(Placing, page_rows=rows))
    monkeypatch.setattr(coverage_service, "place_subjects", partial(place_subjects, page_rows=rows))


# -- the same answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("page_rows", [1, 7, 64])
def test_answers_do_not_depend_on_the_page(settled, planner, page_rows):
    with settled.writing(planner) as session:
        whole, paged = another(session, 2), another(session, 3)
        cover = load_coverage(session, whole)
        counts = place_subjects(session, whole.id, cover, page_rows=10**6)
        assert place_subjects(session, paged.id, cover, page_rows=page_rows) == counts
        assert assigned(session, paged.id) == assigned(session, whole.id)
        total = session.count("households"), session.count("incidents")
    homes, incidents = counts
    assert (homes.rows, incidents.rows) == total
    # Seventy mixed rows hold every way of saying ten times; h-nowhere is the unplaced one of the small county.
    told = {basis: homes.by_basis[basis] for basis in ("building", "address", "outside", "unplaced")}
    assert told == {"building": 20, "address": 10, "outside": 10, "unplaced": 11}
    assert homes.placed == homes.rows - 21


def test_placing_again_in_pages_keeps_what_was_replaced(settled, planner, monkeypatch):
    small_pages(monkeypatch, 3)
    assert reassign(settled, planner)[0].by_basis["building"] == 20
    with settled.writing(planner) as session:
        home = session.rows("households", where={"source_key": "h00-00"})[0]
        session.upsert("households", [{**home, "lon": home["lon"] + county.WIDE}])
        session.commit()
    before = stored(settled, planner)
    reassign(settled, planner)
    after = stored(settled, planner)
    assert len(after["assignments"]) == len(before["assignments"])
    assert len(set(after["assignments"]) - set(before["assignments"])) == 1
    assert (len(before["assignments_former"]), len(after["assignments_former"])) == (0, 1)


def test_publishing_in_pages_follows_the_same_moves(settled, planner, place, monkeypatch):
    plan = drawn(settled, planner, place)
    whole = preview_publication(settled, planner, plan.id).consequences
    small_pages(monkeypatch, 3)
    assert preview_publication(settled, planner, plan.id).consequences == whole
    done = publish(settled, planner, place, plan)
    told = (done.households, done.incidents, done.lineage, done.workers, done.anchors, done.incidents_carried)
    assert told == (
        whole.households,
        whole.incidents_placed,
        whole.lineage,
        whole.workers,
        whole.anchors,
        whole.incidents,
    )
    assert [c.key for c in done.anchors] == ["a0", "a1"]
    with settled.reading(planner) as session:
        counts = session.assignment_counts(done.generation.id, "household")
    assert sum(counts.values()) == done.households.rows
    # The seventy were in no grid before: they are in none of the links.
    moved = sum(link.households for link in done.lineage)
    assert moved == sum(county.homes_of(column, row) for column in range(7) for row in county.ROWS)


# -- progress and its end ------------------------------------------------------------------------------


def test_progress_tells_the_share_that_is_written(settled, planner):
    told = []
    with settled.writing(planner) as session:
        made = another(session)

        def listen(share, _):
            told.append((share, sum(session.assignment_counts(made.id, "household").values())))

        homes, incidents = place_subjects(session, made.id, load_coverage(session, made), page_rows=25, progress=listen)
    total = homes.rows + incidents.rows
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [written for share, written in told] == [min(round(share * total), homes.rows) for share in shares]
    assert len(told) == -(-homes.rows // 25) + -(-incidents.rows // 25)


def works(store, planner, place):
    """Every use case that places all, ready to run."""
    plan = drawn(store, planner, place)
    with store.writing(planner) as session:
        another(session, 9)
        session.commit()
    return {
        "assign": partial(reassign, store, planner),
        "publish": partial(publish, store, planner, place, plan),
        "activate": partial(
            activate_generation, store, planner, effective_from=JUNE, now=clock, generation_id="generation-9"
        ),
    }


@pytest.mark.parametrize("work", ["assign", "publish", "activate"])
@pytest.mark.parametrize("calls", [1, 2, -1])
def test_an_interruption_leaves_the_store_as_it_was(settled, planner, place, monkeypatch, work, calls):
    """Ended after the first page, between two and after the last one (-1)."""
    small_pages(monkeypatch, 40)
    run = works(settled, planner, place)[work]
    before = stored(settled, planner)
    told = []

    def cancel(share, _):
        told.append(share)
        if len(told) == calls or (calls < 0 and share == 1.0):
            raise Cancelled

    with pytest.raises(Cancelled):
        run(progress=cancel)
    assert stored(settled, planner) == before
    run(progress=lambda *_: None)
    assert stored(settled, planner) != before


def test_a_revert_can_be_cancelled_too(settled, planner, place):
    done = publish(settled, planner, place, drawn(settled, planner, place))
    before = stored(settled, planner)

    def cancel(*_):
        raise Cancelled

    back = partial(
        revert_generation, settled, planner, to="generation-1", effective_from=JULY, now=clock, new_id=place.new_id
    )
    with pytest.raises(Cancelled):
        back(progress=cancel)
    assert stored(settled, planner) == before
    assert back().generation.parent_id == done.generation.id


# -- memory ------------------------------------------------------------------------------------------


def peak(session, made, cover, page_rows):
    """The most memory (bytes) that Python held while everything was placed."""
    tracemalloc.start()
    try:
        place_subjects(session, made.id, cover, page_rows=page_rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_register(store, planner):
    """Eight times the households in pages of the same size: the same memory; in one page several times as much."""
    county.settle(store)
    with store.writing(planner) as session:
        session.upsert("households", list(mixed(1500)))
        made = another(session)
        cover = load_coverage(session, made)
        place_subjects(session, made.id, cover)
        few = peak(session, made, cover, 500)
        session.upsert("households", list(mixed(12_000)))
        # Twice: the first one after writing fills caches again that are there already.
        many = min(peak(session, made, cover, 500) for _ in range(2))
        at_once = peak(session, made, cover, 10**6)
    assert many < 1.25 * few
    assert at_once > 5 * many
