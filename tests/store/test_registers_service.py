"""Registers and proposals for a plan, on both engines: coarse rows, areas, one incident for one number."""

import datetime as dt

import pytest

from geo.authority import Actor, Role
from geo.crs import CGCS2000
from geo.errors import Conflict, Forbidden, StaleVersion
from geo.services.lookup import Lookup
from geo.services.plans import add_edits, start_plan
from geo.services.propose import MergeRequest
from geo.services.propose_plan import propose_for_plan
from geo.services.publish import publish_plan
from geo.services.registers import IncidentReport, list_households, list_incidents, record_incident
from geo.settings import Settings
from tests import plan_county as county

EAST = Actor("east", Role.DISPATCHER, (county.EAST,))


@pytest.fixture
def settled(store):
    county.settle(store)
    return store


def record(store, actor, column, row, number="G1"):
    lookup = Lookup(store, ticks=lambda: 0.0)
    place = {"lon": county.LON + (column + 0.3) * county.WIDE, "lat": county.LAT + (row + 0.3) * county.HIGH}
    report = IncidentReport(source_key=number, category="供热", datum=CGCS2000, **place)
    return record_incident(store, lookup, actor, report, now=county.clock, new_id=county.new_ids("order"))


def test_lists_follow_the_areas_and_the_grid(settled):
    whole, east = (list_households(settled, a, limit=1000) for a in (county.PLANNER, EAST))
    assert 0 < east.total < whole.total
    assert {row["community_code"] for row in east.rows} == {county.EAST, None}
    one = list_households(settled, county.PLANNER, grid="g40", limit=5)
    assert one.total == county.homes_of(4, 0)
    assert list_households(settled, EAST, grid="g40", limit=5).total == 0
    with pytest.raises(Forbidden):
        list_households(settled, Actor("o", Role.OFFICER, (county.COUNTY,)), limit=1)


def test_an_incident_moves_and_is_never_doubled(settled):
    first, second = record(settled, EAST, 1, 1), record(settled, EAST, 2, 0)
    assert (first.id, first.is_new, second.is_new) == (second.id, True, False)
    found = [r for r in list_incidents(settled, EAST, limit=1000).rows if r["source_key"] == "G1"]
    assert [r["grid"] for r in found] == ["g20"]
    with pytest.raises(Forbidden):
        record(settled, EAST, 5, 0, "G2")


def test_a_proposal_fills_the_draft_it_was_asked_for(settled):
    ids = county.new_ids("plan")
    plan = start_plan(settled, county.PLANNER, new_id=ids)
    asked = {"settings": Settings(), "new_id": ids}
    done = propose_for_plan(settled, county.PLANNER, plan.id, MergeRequest(groups=10), expected_version=1, **asked)
    assert (done.plans[0].id, done.plans[0].version) == (plan.id, 2)
    with pytest.raises(StaleVersion):
        propose_for_plan(settled, county.PLANNER, plan.id, MergeRequest(groups=9), expected_version=1, **asked)
    with pytest.raises(Conflict):
        propose_for_plan(settled, county.PLANNER, plan.id, MergeRequest(groups=9), expected_version=2, **asked)


def test_an_incident_before_a_generation_comes_into_force_is_placed_for_both_days(settled):
    ids = county.new_ids("ahead")
    plan = start_plan(settled, county.PLANNER, new_id=ids)
    edits = [county.merge((0, 0), (1, 0))]
    plan = add_edits(settled, county.PLANNER, plan.id, edits, expected_version=plan.version, now=county.clock).plan
    day = dt.date(2999, 1, 1)
    published = publish_plan(
        settled, county.PLANNER, plan.id, effective_from=day, now=county.clock, new_id=ids, filing_no="演备1号"
    )
    lookup = Lookup(settled, ticks=lambda: 0.0, today=lambda: dt.date(2998, 12, 31))
    place = {"lon": county.LON + 1.3 * county.WIDE, "lat": county.LAT + 0.3 * county.HIGH, "datum": CGCS2000}
    report = IncidentReport(source_key="G9", category="供热", **place)
    done = record_incident(settled, lookup, county.PLANNER, report, now=county.clock, new_id=ids)
    assert done.placed.placement.grid["id"] == "g10"
    with settled.reading(county.PLANNER) as session:
        for generation, grid in (("generation-1", "g10"), (published.generation.id, None)):
            rows = session.assignments(generation, "incident")
            found = dict(zip(rows["subject_id"], rows["grid_id"], strict=True))[done.id]
            assert found == grid if grid else found not in ("", "g10")
    later = Lookup(settled, ticks=lambda: 0.0, today=lambda: day)
    again = record_incident(settled, later, county.PLANNER, report, now=county.clock, new_id=ids)
    assert (again.id, again.is_new) == (done.id, False)
    assert again.placed.placement.grid["id"] not in ("", "g10")
