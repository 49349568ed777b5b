"""Plans as planners keep them, on both stores."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from geo.errors import Conflict, Forbidden, NotFound, Refused, StaleVersion
from geo.model import PlanState
from geo.services.filing import return_plan, submit_plan
from geo.services.plans import (
    add_edits,
    annotate_plan,
    branch_plan,
    compare_plans,
    difference,
    list_plans,
    rebase_plan,
    redo_edits,
    show_plan,
    standing_proof,
    start_plan,
    undo_edits,
)
from geo.services.publish import publish_plan
from geo.services.redraw import DrawingBoard
from tests import plan_county as county
from tests.plan_county import clock, merge, rename

ONE, TWO, THREE = merge((0, 0), (0, 1)), merge((2, 0), (3, 0)), merge((4, 0), (5, 0))


@pytest.fixture
def base(store):
    return county.settle(store)


@pytest.fixture
def plan(store, base, planner, place):
    return start_plan(store, planner, new_id=place.new_id)


def edit(store, actor, plan, *edits, **options):
    return add_edits(store, actor, plan.id, edits, expected_version=plan.version, now=clock, **options).plan


def ids(store, actor, plan):
    return set(show_plan(store, actor, plan.id).drawing.facts)


def test_a_plan_is_started_on_the_generation_in_force(store, base, plan, planner, place):
    assert (plan.generation_id, plan.version, plan.state, plan.edits) == (base, 1, PlanState.DRAFT, ())
    assert plan.title == "方案一"
    assert start_plan(store, planner, new_id=place.new_id).title == "方案二"
    assert [p.id for p in list_plans(store, planner)][-1] == plan.id
    with pytest.raises(NotFound):
        start_plan(store, planner, new_id=place.new_id, generation_id="nowhere")


def test_edits_are_logged_with_author_and_time(store, plan, planner):
    done = edit(store, planner, plan, ONE, rename(2, 1, "站前网格"))
    assert done.version == 2
    assert [(e["op"], e["by"], e["at"]) for e in done.edits] == [
        ("merge", "local", clock().isoformat()),
        ("rename", "local", clock().isoformat()),
    ]
    shown = show_plan(store, planner, plan.id)
    assert len(shown.drawing) == 13
    assert shown.drawing.grid("g21").name == "站前网格"
    assert shown.on_grids_in_force
    assert not shown.fault


def test_all_edits_fit_or_none_is_taken(store, plan, planner):
    before = store.verify_journal()
    with pytest.raises(Refused) as caught:
        edit(store, planner, plan, ONE, merge((3, 0), (4, 0)))
    assert caught.value.code == "other-community"
    with pytest.raises(Refused, match="no edit"):
        edit(store, planner, plan)
    assert show_plan(store, planner, plan.id).plan == plan
    assert store.verify_journal() == before


def test_undo_and_redo_go_all_the_way(store, plan, planner):
    board = DrawingBoard()
    first = show_plan(store, planner, plan.id, board=board).drawing
    done = edit(store, planner, plan, ONE, TWO, THREE, board=board)
    full = show_plan(store, planner, plan.id, board=board).drawing
    for version in range(2, 5):
        done = undo_edits(store, planner, plan.id, expected_version=version)
    assert (done.edits, len(done.undone)) == ((), 3)
    again = show_plan(store, planner, plan.id).drawing
    assert again.coverage == first.coverage
    with pytest.raises(Conflict, match="0 edits to undo"):
        undo_edits(store, planner, plan.id, expected_version=5)
    done = redo_edits(store, planner, plan.id, expected_version=5, steps=3)
    assert [e["grids"] for e in done.edits] == [e["grids"] for e in (ONE, TWO, THREE)]
    assert show_plan(store, planner, plan.id).drawing.coverage == full.coverage
    with pytest.raises(Conflict, match="redo"):
        redo_edits(store, planner, plan.id, expected_version=6)


def test_an_edit_after_an_undo_ends_what_could_be_redone(store, plan, planner):
    done = edit(store, planner, plan, ONE, TWO)
    done = undo_edits(store, planner, plan.id, expected_version=done.version)
    done = edit(store, planner, done, THREE)
    assert [e["into"] for e in done.edits] == ["g00", "g40"]
    assert done.undone == ()


def test_the_second_writer_learns_version_and_difference(store, plan, planner):
    edit(store, planner, plan, ONE)
    for late in (
        lambda: edit(store, planner, plan, TWO),
        lambda: undo_edits(store, planner, plan.id, expected_version=plan.version),
        lambda: annotate_plan(
            store, planner, plan.id, expected_version=plan.version, grid_id="g10", now=clock, locked=True
        ),
        lambda: rebase_plan(store, planner, plan.id, expected_version=plan.version, now=clock),
    ):
        with pytest.raises(StaleVersion) as caught:
            late()
        assert caught.value.current == 2
        assert "+1 edits (merge)" in caught.value.difference[0]
    assert show_plan(store, planner, plan.id).plan.edits[0]["into"] == "g00"


def test_stale_comes_before_any_complaint_about_the_edit(store, plan, planner):
    edit(store, planner, plan, ONE)
    with pytest.raises(StaleVersion):
        edit(store, planner, plan, ONE)


def test_branches_stand_beside_each_other(store, plan, planner, place):
    done = edit(store, planner, plan, ONE, TWO)
    other = branch_plan(store, planner, plan.id, new_id=place.new_id)
    assert (other.title, other.branch_of, other.version, other.edits) == ("方案二", plan.id, 1, done.edits)
    third = branch_plan(store, planner, other.id, new_id=place.new_id)
    assert (third.title, third.branch_of) == ("方案三", plan.id)
    other = undo_edits(store, planner, other.id, expected_version=1)
    other = edit(store, planner, other, THREE)
    found = compare_plans(store, planner, plan.id, other.id)
    assert (found.common, len(found.only_first), len(found.only_second)) == (1, 1, 1)
    assert found.grids == ("g20", "g30", "g40", "g50")
    assert difference(done, done).only_first == ()
    assert compare_plans(store, planner, plan.id, third.id).grids == ()


def test_notes_and_locks(store, plan, planner):
    def annotate(version, **what):
        return annotate_plan(store, planner, plan.id, expected_version=version, now=clock, **what)

    done = annotate(1, grid_id="g00", text="居民反对", locked=True)
    done = annotate(2, grid_id="g00", text="再议")
    assert [r["text"] for r in done.notes["g00"]["remarks"]] == ["居民反对", "再议"]
    with pytest.raises(Conflict, match="locked"):
        edit(store, planner, done, ONE)
    with pytest.raises(NotFound):
        annotate(3, grid_id="nowhere", text="x")
    done = annotate(3, grid_id="g00", locked=False)
    assert len(edit(store, planner, done, ONE).edits) == 1


def test_a_submitted_plan_is_not_edited(store, plan, planner):
    done = edit(store, planner, plan, ONE)
    done = submit_plan(store, planner, plan.id, expected_version=done.version, now=clock)
    assert done.state is PlanState.SUBMITTED
    with pytest.raises(Conflict, match="not edited"):
        edit(store, planner, done, TWO)
    done = return_plan(store, planner, plan.id, expected_version=done.version, reason="户数不均", now=clock)
    assert len(edit(store, planner, done, TWO).edits) == 2


def test_a_town_that_submitted_its_part_keeps_it(store, plan, planner):
    done = edit(store, planner, plan, ONE, THREE)
    done = submit_plan(store, planner, plan.id, expected_version=done.version, town=county.TOWN_A, now=clock)
    assert done.state is PlanState.DRAFT
    with pytest.raises(Conflict, match="submitted"):
        edit(store, planner, done, TWO)
    with pytest.raises(Conflict, match="submitted"):
        undo_edits(store, planner, plan.id, expected_version=done.version, steps=2)
    done = edit(store, planner, done, rename(6, 1, "河东网格"))
    done = submit_plan(store, planner, plan.id, expected_version=done.version, town=county.TOWN_B, now=clock)
    assert done.state is PlanState.SUBMITTED


def test_a_town_planner_redraws_the_own_town_only(store, plan, planner, town_a, town_b, place):
    mine = start_plan(store, town_a, new_id=place.new_id)
    mine = edit(store, town_a, mine, ONE)
    with pytest.raises(Forbidden, match="outside your areas"):
        edit(store, town_a, mine, THREE)
    with pytest.raises(NotFound):
        show_plan(store, town_b, mine.id)
    assert [p.id for p in list_plans(store, town_b)] == []


def test_rebase_replays_and_lists_what_no_longer_fits(store, plan, planner, place):
    done = edit(store, planner, plan, ONE, TWO, THREE)
    done = annotate_plan(store, planner, plan.id, expected_version=2, grid_id="g61", now=clock, text="看")
    other = start_plan(store, planner, new_id=place.new_id)
    edit(store, planner, other, merge((2, 0), (2, 1), into="g21"), rename(6, 0, "河西网格"))
    publish_plan(
        store,
        planner,
        other.id,
        effective_from=dt.date(2025, 6, 1),
        filing_no="1号",
        now=clock,
        new_id=place.new_id,
    )
    assert not show_plan(store, planner, plan.id).on_grids_in_force
    found = rebase_plan(store, planner, plan.id, expected_version=done.version, now=clock)
    assert (found.kept, [d.edit["into"] for d in found.dropped]) == (2, ["g20"])
    assert "g20" in found.dropped[0].reason.message
    assert found.plan.notes["g61"]["remarks"][0]["text"] == "看"
    shown = show_plan(store, planner, plan.id)
    assert shown.on_grids_in_force
    assert len(shown.drawing) == 14 - 1 - 2
    again = rebase_plan(store, planner, plan.id, expected_version=found.plan.version, now=clock)
    assert again.plan == found.plan


def test_a_proof_stands_only_for_the_edits_it_speaks_of(store, plan, planner):
    done = edit(store, planner, plan, ONE)
    with store.writing(planner) as session:
        done = session.put_plan(replace(done, proof={"status": "optimal"}), expected_version=done.version)
        session.commit()
    assert standing_proof(done)["status"] == "optimal"
    more = edit(store, planner, done, TWO)
    assert standing_proof(more) is None
    back = undo_edits(store, planner, plan.id, expected_version=more.version)
    assert standing_proof(back)["status"] == "optimal"
    below = undo_edits(store, planner, plan.id, expected_version=back.version)
    assert standing_proof(below) is None
    assert edit(store, planner, below, THREE).proof is None


def test_every_change_is_journalled(store, plan, planner):
    done = edit(store, planner, plan, ONE)
    done = undo_edits(store, planner, plan.id, expected_version=done.version)
    redo_edits(store, planner, plan.id, expected_version=done.version)
    with store.reading(planner) as session:
        told = [(e.action, e.detail["version"]) for e in session.journal() if e.subject == plan.id]
    assert told == [("plan-start", 1), ("plan-edit", 2), ("plan-undo", 3), ("plan-redo", 4)]
    store.verify_journal()
