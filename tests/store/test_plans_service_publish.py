"""Publishing a plan: states, codes, lineage, people, what is carried over, and the way back."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import shapely

from geo.errors import BaseSuperseded, Conflict, Forbidden, Refused, StaleVersion
from geo.model import ChangeKind, GenerationState, GridKind, PlanState
from geo.services.coding import CodePolicy
from geo.services.facts import grid_facts
from geo.services.filing import file_plan, return_plan, review_plan, submit_plan
from geo.services.plans import add_edits, rebase_plan, start_plan
from geo.services.publish import preview_publication, publish_plan
from geo.services.revert import revert_generation
from geo.settings import Settings
from tests import plan_county as county
from tests.plan_county import EAST, WEST, clock, merge, rename

JUNE, JULY, AUGUST = (dt.date(2025, month, 1) for month in (6, 7, 8))
EDITS = (merge((0, 0), (0, 1), into="g01"), merge((1, 0), (2, 0), into="g20"), rename(6, 1, "河东网格"))


@pytest.fixture
def base(store):
    return county.settle(store)


@pytest.fixture
def plan(store, base, planner, place):
    return drawn(store, planner, place, *EDITS)


def drawn(store, actor, place, *edits):
    plan = start_plan(store, actor, new_id=place.new_id)
    return add_edits(store, actor, plan.id, edits, expected_version=1, now=clock).plan


def publish(store, actor, place, plan, day=JUNE, filing_no="1号", **options):
    return publish_plan(
        store, actor, plan.id, effective_from=day, filing_no=filing_no, now=clock, new_id=place.new_id, **options
    )


def grids(store, actor, generation):
    with store.reading(actor) as session:
        return {g.id: g for g in session.grids(generation.id)}


def test_the_preview_says_what_publishing_does(store, plan, planner, place):
    before = store.verify_journal()
    preview = preview_publication(store, planner, plan.id)
    assert store.verify_journal() == before
    done = publish(store, planner, place, plan)
    assert done.codes == preview.codes
    assert done.lineage == preview.consequences.lineage
    assert done.workers == preview.consequences.workers
    assert done.straddles == preview.consequences.straddles
    assert (done.anchors, done.incidents_carried) == (preview.consequences.anchors, preview.consequences.incidents)


def test_the_first_coding_numbers_each_community_and_keeps_names_given_by_hand(store, plan, planner, place):
    done = publish(store, planner, place, plan)
    after = grids(store, planner, done.generation)
    assert len(after) == 12 + 1
    east = sorted(g.code for g in after.values() if g.community_code == EAST and g.kind is GridKind.BASE)
    assert east == [f"{EAST}{n:03d}" for n in range(1, 7)]
    assert after["x-school"].code == f"{EAST}601"
    assert after["g61"].name == "河东网格"
    assert sorted(g.name for g in after.values() if g.community_code == WEST) == sorted(
        [*(f"东升社区第{n}网格" for n in "一二四五六"), "河东网格"]
    ) or after["g61"].code.startswith(WEST)
    with store.reading(planner) as session:
        assert session.generation().id == done.generation.id
        assert [r["reason"] for r in session.code_history("g00")] == ["撤并"]
        assert session.codes("1")[0]["local"]


def test_lineage_and_workers(store, plan, planner, place):
    done = publish(store, planner, place, plan)
    links = {(k.old_grid_id, k.new_grid_id): k for k in done.lineage}
    assert links["g00", "g01"].change is ChangeKind.MERGE
    assert links["g00", "g01"].area_share == links["g00", "g01"].household_share == 1.0
    assert links["g00", "g01"].households == county.homes_of(0, 0)
    assert links["g31", "g31"].change is ChangeKind.KEEP
    moved = {m.from_grid: (m.to_grid, m.status) for m in done.workers}
    assert moved["g01"] == ("g01", "保留")
    assert moved["g00"] == ("", "待安置")
    assert sum(not to for to, _ in moved.values()) == 2
    assert done.vacant == ()
    with store.reading(planner) as session:
        part_time = session.rows("gridworkers", where={"kind": "part_time"})[0]
        assert part_time["grid_ids"] == ("g01", "g20")
        assert session.rows("party_groups", where={"source_key": "p-g00"})[0]["grid_ids"] == ("g01",)


def test_straddled_branches_anchors_and_incidents_are_told(store, plan, planner, place):
    found = preview_publication(store, planner, plan.id).consequences
    assert [(s.grid_id, s.branches) for s in found.straddles] == [("g20", ("第一党支部", "第二党支部"))]
    assert "跨2个党支部" in found.straddles[0].saying.zh
    assert [(c.key, c.from_grid, c.to_grid) for c in found.anchors] == [("a0", "g00", "g01"), ("a1", "g10", "g20")]
    assert [(c.key, c.to_grid) for c in found.incidents] == [("case00", "g01"), ("case10", "g20")]


def test_a_filed_plan_brings_its_own_number(store, plan, planner, place):
    common = {"now": clock}
    plan = submit_plan(store, planner, plan.id, expected_version=plan.version, **common)
    with pytest.raises(Conflict, match="not put into force"):
        publish(store, planner, place, plan, filing_no="")
    plan = review_plan(
        store,
        planner,
        plan.id,
        expected_version=plan.version,
        settings=Settings(store="x.gpkg"),
        reviewer="王某",
        reviewed_on=dt.date(2025, 5, 1),
        document="丰网〔2025〕3号",
        **common,
    )
    plan = file_plan(
        store,
        planner,
        plan.id,
        expected_version=plan.version,
        filing_no="备7号",
        filed_on=dt.date(2025, 5, 9),
        document="x",
        **common,
    )
    with pytest.raises(Refused, match="备7号"):
        publish(store, planner, place, plan, filing_no="8号")
    done = publish(store, planner, place, plan, filing_no="")
    assert done.generation.filing_no == "备7号"
    assert done.plan.state is PlanState.EFFECTIVE
    assert [s["step"] for s in done.plan.steps] == ["submit", "submit", "review", "file"]


def test_on_one_laptop_the_filing_is_recorded_with_the_number_given(store, plan, planner, place, town_a):
    with pytest.raises(Conflict) as caught:
        publish(store, planner, place, plan, filing_no=" ")
    assert caught.value.code == "plan-state"
    with pytest.raises(Forbidden):
        publish(store, town_a, place, plan)
    done = publish(store, planner, place, plan)
    assert done.plan.steps[-1]["filing_no"] == "1号"
    assert done.plan.steps[-1]["offline"]


def test_what_was_not_looked_at_is_not_published(store, plan, planner, place):
    with pytest.raises(StaleVersion):
        publish(store, planner, place, plan, expected_version=1)
    publish(store, planner, place, plan, expected_version=2)


def test_publishing_twice_or_on_a_superseded_base_is_a_conflict(store, plan, planner, place):
    other = drawn(store, planner, place, merge((4, 0), (5, 0)))
    publish(store, planner, place, plan)
    with pytest.raises(Conflict, match="published already"):
        publish(store, planner, place, plan, JULY)
    with pytest.raises(Conflict) as caught:
        publish(store, planner, place, other, JULY)
    assert caught.value.code == "base-superseded"
    rebased = rebase_plan(store, planner, other.id, expected_version=other.version, now=clock).plan
    with pytest.raises(Conflict, match="later date"):
        publish(store, planner, place, rebased, JUNE)
    done = publish(store, planner, place, rebased, JULY)
    assert len(grids(store, planner, done.generation)) == 12


def submitted(store, planner, plan):
    return submit_plan(store, planner, plan.id, expected_version=plan.version, now=clock)


def reviewed(store, planner, plan):
    paper = {"reviewer": "王某", "reviewed_on": dt.date(2025, 5, 1), "document": "丰网〔2025〕3号"}
    settings = Settings(store="x.gpkg")
    return review_plan(store, planner, plan.id, expected_version=plan.version, settings=settings, now=clock, **paper)


def filed(store, planner, plan, **other):
    paper = {"filing_no": "备7号", "filed_on": dt.date(2025, 5, 9), "document": "x", **other}
    return file_plan(store, planner, plan.id, expected_version=plan.version, now=clock, **paper)


@pytest.mark.parametrize("taken", range(3))
def test_no_step_to_force_is_taken_on_a_superseded_base(store, plan, planner, place, taken):
    way = (submitted, reviewed, filed)
    other = drawn(store, planner, place, merge((4, 0), (5, 0)), merge((0, 1), (1, 1)))
    for step in way[:taken]:
        other = step(store, planner, other)
    generation = publish(store, planner, place, plan).generation
    with pytest.raises(BaseSuperseded) as caught:
        way[taken](store, planner, other)
    told = caught.value
    assert (told.code, told.plan_id) == ("base-superseded", other.id)
    assert (told.base, told.in_force) == ((1, other.generation_id), (2, generation.id))
    for said in (other.id, "generation 1,", "generation 2 is", f"wangge plan rebase {other.id}"):
        assert said in str(told)
    late = drawn_on(store, planner, place, other)
    with pytest.raises(BaseSuperseded):
        submit_plan(store, planner, late, expected_version=2, now=clock, town=county.TOWN_A)
    with store.reading(planner) as session:
        assert session.plan(other.id) == other
    if taken:
        assert (
            return_plan(store, planner, other.id, expected_version=other.version, reason="重画", now=clock).state
            is PlanState.DRAFT
        )
        return
    other = rebase_plan(store, planner, other.id, expected_version=other.version, now=clock).plan
    for step in way:
        other = step(store, planner, other)
    assert other.state is PlanState.FILED


def test_a_plan_that_leaves_a_grid_in_pieces_goes_no_way_to_force(store, base, planner, place):
    apart, one = merge((0, 0), (3, 1), into="g00"), merge((4, 0), (5, 0))
    plan = start_plan(store, planner, new_id=place.new_id)
    done = add_edits(store, planner, plan.id, [apart, one], expected_version=1, now=clock)
    assert [w.zh for w in done.warnings] == ["黎明社区第1网格合并后由2块互不相连的部分组成"]
    for step in (submitted, publish_at_once(place)):
        with pytest.raises(Refused) as caught:
            step(store, planner, done.plan)
        assert (caught.value.code, caught.value.where.feature) == ("grid-in-pieces", "黎明社区第1网格")
        assert caught.value.remedy
    # The other town's part is whole, and goes its way.
    part = submit_plan(store, planner, plan.id, expected_version=2, now=clock, town=county.TOWN_B)
    with pytest.raises(Refused, match="2 separate pieces"):
        submit_plan(store, planner, plan.id, expected_version=part.version, now=clock, town=county.TOWN_A)
    with store.reading(planner) as session:
        assert session.plan(plan.id) == part


def publish_at_once(place):
    return lambda store, planner, plan: publish(store, planner, place, plan)


def test_an_exclave_that_is_there_already_may_stay_and_be_merged_with(store, base, planner, place):
    """Which is how a base comes to have one: here a generation that an import brought."""
    with store.writing(planner) as session:
        later = replace(session.generation(id=base), id="generation-2", serial=2, state=GenerationState.INACTIVE)
        session.put_generation(replace(later, effective_from=None, published_at=None))
        rows = {g.id: g for g in session.grids(base)}
        whole = shapely.union_all([rows["g00"].geometry, rows.pop("g30").geometry])
        session.put_grids(later.id, [*(g for i, g in rows.items() if i != "g00"), replace(rows["g00"], geometry=whole)])
        session.activate(later.id, effective_from=dt.date(2025, 2, 1), published_at=clock())
        session.commit()
    plan = start_plan(store, planner, new_id=place.new_id)
    done = add_edits(store, planner, plan.id, [merge((0, 0), (0, 1))], expected_version=1, now=clock)
    assert done.warnings == ()
    assert submitted(store, planner, done.plan).state is PlanState.SUBMITTED


@pytest.mark.parametrize("on", [dt.date(2025, 4, 30), dt.date(2024, 12, 31)])
def test_a_filing_is_not_dated_before_the_review(store, plan, planner, on):
    plan = reviewed(store, planner, submitted(store, planner, plan))
    with pytest.raises(Refused, match=f"{on} would lie before the review of 2025-05-01") as caught:
        filed(store, planner, plan, filed_on=on)
    assert (caught.value.code, caught.value.where.feature) == ("filing-date", plan.title)
    assert filed(store, planner, plan, filed_on=dt.date(2025, 5, 1)).state is PlanState.FILED


def test_a_review_without_a_date_counts_from_the_day_it_was_recorded(store, plan, planner):
    plan = submitted(store, planner, plan)
    alone = Settings(store="x.gpkg", second_person=False)
    plan = review_plan(store, planner, plan.id, expected_version=plan.version, settings=alone, now=clock)
    with pytest.raises(Refused, match="review of 2025-03-01"):
        filed(store, planner, plan, filed_on=dt.date(2025, 2, 28))
    assert filed(store, planner, plan, filed_on=dt.date(2025, 3, 1)).state is PlanState.FILED


def test_a_filing_number_belongs_to_one_plan(store, base, planner, place):
    first, second = (
        reviewed(store, planner, submitted(store, planner, drawn(store, planner, place, edit)))
        for edit in (merge((0, 0), (0, 1)), merge((4, 0), (5, 0)))
    )
    first = filed(store, planner, first)
    with pytest.raises(Refused, match=f"another plan, {first.title}, bears") as caught:
        filed(store, planner, second, filing_no=" 备７号 ")
    assert (caught.value.code, caught.value.where.feature) == ("filing-number-taken", second.title)
    # Sent back, it frees its number, and may be filed again under it.
    first = return_plan(store, planner, first.id, expected_version=first.version, reason="重画", now=clock)
    first = filed(store, planner, reviewed(store, planner, submitted(store, planner, first)), filing_no=" 备7号 ")
    assert first.steps[-1]["filing_no"] == "备7号"
    publish(store, planner, place, first, filing_no="")
    second = rebase_plan(store, planner, second.id, expected_version=second.version, now=clock).plan
    second = reviewed(store, planner, submitted(store, planner, second))
    with pytest.raises(Refused, match="generation 2 bears the filing number 备7号"):
        filed(store, planner, second)
    assert filed(store, planner, second, filing_no="备8号").state is PlanState.FILED


def drawn_on(store, planner, place, other):
    """Draw a plan on the generation of another one, whatever is in force; return its id."""
    plan = start_plan(store, planner, new_id=place.new_id, generation_id=other.generation_id)
    return add_edits(store, planner, plan.id, EDITS, expected_version=1, now=clock).plan.id


def test_a_base_that_is_not_in_force_yet_is_told_apart():
    none = BaseSuperseded("p1", base=(1, "g1"), in_force=None)
    assert "no generation is" in str(none)
    assert "rebase" not in str(none)


@pytest.mark.parametrize("policy", list(CodePolicy))
def test_survivors_keep_their_code_or_take_a_new_serial_and_no_code_comes_back(store, plan, planner, place, policy):
    first = grids(store, planner, publish(store, planner, place, plan).generation)
    second = drawn(store, planner, place, merge((0, 1), (1, 1), into="g01"))
    done = publish(store, planner, place, second, JULY, policy=policy)
    after = grids(store, planner, done.generation)
    line = next(c for c in done.codes if c.grid_id == "g01")
    assert line.old_code == first["g01"].code
    if policy is CodePolicy.KEEP:
        assert after["g01"].code == first["g01"].code
        assert after["g01"].name == first["g01"].name
    else:
        assert after["g01"].code == f"{EAST}007"
        assert after["g01"].name == "黎明社区第七网格"
    others = {i: g.code for i, g in after.items() if i != "g01"}
    assert others == {i: first[i].code for i in others}
    with store.reading(planner) as session:
        assert first["g11"].code in session.used_codes()
        assert session.codes(first["g11"].code)[-1]["valid_to"] == JULY


def test_two_grids_of_one_community_never_share_a_name(store, base, planner, place):
    with pytest.raises(Refused) as caught:
        drawn(store, planner, place, rename(0, 0, "站前网格"), rename(1, 0, "站前网格"))
    assert (caught.value.code, caught.value.where.row) == ("name-taken", 2)
    # Free while it is drawn, but the name that coding gives to a neighbour.
    plan = drawn(store, planner, place, rename(0, 0, "黎明社区第二网格"))
    with pytest.raises(Refused) as caught:
        publish(store, planner, place, plan)
    assert caught.value.code == "name-clash"
    with store.reading(planner) as session:
        assert len(session.generations()) == 1


def test_as_of_answers_with_the_grids_of_the_day(store, base, plan, planner, place):
    done = publish(store, planner, place, plan)
    with store.reading(planner) as session:
        assert session.generation(as_of=JUNE - dt.timedelta(days=1)).id == base
        assert session.generation(as_of=JUNE).id == done.generation.id


def test_reverting_brings_grids_and_people_back_as_a_new_generation(store, base, plan, planner, place):
    def people():
        with store.reading(planner) as session:
            workers = session.rows("gridworkers")
            return {w["source_key"]: (w["grid_ids"], w["post"]) for w in workers}

    served = people()
    first = publish(store, planner, place, plan)
    assert people() != served
    back = revert_generation(store, planner, to=base, effective_from=JULY, now=clock, new_id=place.new_id)
    assert people() == served
    former = {g.id: g for g in [*county.base_grids(), county.overlay()]}
    now = grids(store, planner, back.generation)
    assert {i: (g.name, g.code, g.local_code) for i, g in now.items()} == {
        i: (g.name, g.code, g.local_code) for i, g in former.items()
    }
    assert all(now[i].geometry.equals(former[i].geometry) for i in now)
    assert {k.new_grid_id for k in back.lineage if k.old_grid_id == "g01"} == {"g00", "g01"}
    with store.reading(planner) as session:
        told = session.generations()
        assert [g.state for g in told] == [GenerationState.SUPERSEDED] * 2 + [GenerationState.ACTIVE]
        assert told[-1].parent_id == first.generation.id
        assert session.assignment_counts(back.generation.id, "household") == session.assignment_counts(
            base, "household"
        )
        then = {f.grid.id: f.reach for f in grid_facts(session, first.generation, distance_m=150)}
        assert then["g01"].full_time == 1
    with pytest.raises(Conflict, match="in force already"):
        revert_generation(store, planner, to=back.generation.id, effective_from=AUGUST, now=clock, new_id=place.new_id)
    again = revert_generation(
        store, planner, to=first.generation.id, effective_from=AUGUST, now=clock, new_id=place.new_id
    )
    assert {g.code for g in grids(store, planner, again.generation).values()} == {c.code for c in first.codes}
    store.verify_journal()
