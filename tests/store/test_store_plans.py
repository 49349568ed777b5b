"""Plans: the second writer is told, nothing is lost, former versions stay."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest

from geo.errors import Conflict, NotFound, Refused, StaleVersion
from geo.model import Plan, PlanState
from tests.store.conftest import COUNTY, WEST, grid, published


def merge(*numbers):
    return {"edit": {"op": "merge", "grids": [f"grid-{n:03}" for n in numbers]}, "by": "local"}


@pytest.fixture
def plan():
    return Plan(
        id="plan-1",
        county_code=COUNTY,
        generation_id="generation-1",
        version=0,
        state=PlanState.DRAFT,
        title="方案一",
        edits=(merge(1, 2),),
        proof={"objective": 0.125, "gap": 0},
        author="local",
    )


@pytest.fixture
def drafted(store, planner, plan):
    with store.writing(planner) as session:
        published(session, 1, [grid(1), grid(2), grid(3, WEST)], dt.date(2025, 1, 1))
        session.put_plan(plan, expected_version=None)
        session.commit()
    return store


def test_a_plan_comes_back_and_its_versions_are_kept(drafted, planner, plan):
    with drafted.writing(planner) as session:
        second = session.put_plan(replace(plan, state=PlanState.SUBMITTED, edits=()), expected_version=1)
        assert second == replace(plan, state=PlanState.SUBMITTED, edits=(), version=2)
        session.commit()
    with drafted.reading(planner) as session:
        assert session.plan("plan-1") == second
        assert session.plan("plan-1", version=1) == replace(plan, version=1)
        assert session.plans() == [second]
        for missing in ({"plan_id": "plan-1", "version": 3}, {"plan_id": "plan-2"}):
            with pytest.raises(NotFound):
                session.plan(**missing)


def test_a_stale_version_is_refused_with_the_difference(drafted, planner, plan):
    with drafted.writing(planner) as session:
        session.put_plan(replace(plan, edits=(*plan.edits, merge(2, 3))), expected_version=1)
        session.put_plan(replace(plan, title="方案二"), expected_version=2)
        session.commit()
    with drafted.writing(planner) as session, pytest.raises(StaleVersion) as caught:
        session.put_plan(plan, expected_version=1)
    assert caught.value.current == 3
    assert len(caught.value.difference) == 2
    assert "+1 edits" in caught.value.difference[0]
    assert "title changed" in caught.value.difference[1]
    with drafted.writing(planner) as session:
        with pytest.raises(Conflict, match="already"):
            session.put_plan(plan, expected_version=None)
        with pytest.raises(NotFound):
            session.put_plan(replace(plan, id="plan-9"), expected_version=1)
        with pytest.raises(Refused, match="no JSON"):
            session.put_plan(replace(plan, proof={"gap": float("nan")}), expected_version=3)


def test_plans_are_seen_by_the_communities_they_touch(drafted, planner, plan, town_a, town_b):
    other = replace(plan, id="plan-2", edits=(merge(3),))
    own = replace(plan, id="plan-3", edits=(), author="town-b")
    with drafted.writing(planner) as session:
        session.put_plan(other, expected_version=None)
        session.put_plan(own, expected_version=None)
        session.commit()
    seen = {}
    for actor in (planner, town_a, town_b):
        with drafted.reading(actor) as session:
            seen[actor.name] = [found.id for found in session.plans()]
            for known in ("plan-1", "plan-2", "plan-3"):
                if known not in seen[actor.name]:
                    with pytest.raises(NotFound):
                        session.plan(known)
    assert seen == {"local": ["plan-3", "plan-2", "plan-1"], "town-a": ["plan-1"], "town-b": ["plan-3", "plan-2"]}
    with drafted.writing(town_a) as session, pytest.raises(NotFound):
        session.put_plan(other, expected_version=1)


def test_two_writers_never_lose_an_update(place, drafted, planner, plan):
    """Writers released together load, edit, save: the accepted ones make up the final version."""
    tries, accepted, refused = 15, [], []
    barrier = threading.Barrier(2)

    def write(store, name):
        barrier.wait()
        for _ in range(tries):
            with store.reading(planner) as session:
                current = session.plan("plan-1")
            try:
                with store.writing(planner) as session:
                    session.put_plan(
                        replace(current, edits=(*current.edits, {"edit": name})), expected_version=current.version
                    )
                    session.note("edit", "plan-1")
                    session.commit()
                accepted.append(name)
            except StaleVersion as error:
                refused.append(error.current - current.version)

    stores = [drafted, place.open()]
    writers = [threading.Thread(target=write, args=(one, f"writer-{n}")) for n, one in enumerate(stores)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    with drafted.reading(planner) as session:
        final = session.plan("plan-1")
    assert len(accepted) + len(refused) == 2 * tries
    assert all(ahead > 0 for ahead in refused)
    assert final.version == 1 + len(accepted)
    assert sorted(edit["edit"] for edit in final.edits[1:]) == sorted(accepted)
    assert drafted.verify_journal()[0] == len(accepted)


def test_both_sides_of_every_interleaving_of_load_and_save_are_told(drafted, planner, plan):
    """Two sessions of two steps (load, save): in all six orders only the one who loaded the newest saves."""
    orders = ["aabb", "abab", "abba", "baab", "baba", "bbaa"]
    for order in orders:
        loaded, saved = {}, []
        for who in order:
            if who not in loaded:
                with drafted.reading(planner) as session:
                    loaded[who] = session.plan("plan-1")
                continue
            try:
                with drafted.writing(planner) as session:
                    session.put_plan(replace(loaded[who], title=who), expected_version=loaded[who].version)
                    session.commit()
                saved.append(who)
            except StaleVersion:
                saved.append(who.upper())
        in_turn = order in {"aabb", "bbaa"}
        assert [who.isupper() for who in saved] == [False, not in_turn], order
