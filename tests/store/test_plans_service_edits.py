"""Plans that split, transfer and move: drawn, warned about, published, asked before and after, taken back."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import shapely

from geo.authority import Actor
from geo.crs import CGCS2000, to_lattice
from geo.errors import Conflict, Forbidden, NotFound, Refused, StaleVersion
from geo.model import ChangeKind, GridKind
from geo.services.coding import CodePolicy
from geo.services.lookup import Lookup
from geo.services.plans import add_edits, annotate_plan, compare_plans, rebase_plan, show_plan, start_plan, undo_edits
from geo.services.publish import preview_publication, publish_plan
from geo.services.revert import revert_generation
from tests import plan_county as county
from tests.ground_edits import APART, TOGETHER, next_edit, require_done
from tests.plan_county import EAST, WEST, clock, merge, rename

JUNE, JULY, AUGUST = (dt.date(2025, month, 1) for month in (6, 7, 8))


def spot(x, y):
    """Return [lon, lat] of a place in cells of the county's lattice."""
    return [county.LON + x * county.WIDE, county.LAT + y * county.HIGH]


def vertex(x, y):
    return to_lattice(spot(x, y)).tolist()


SPLIT = {"op": "split", "grid": "g10", "line": [spot(1.31, -1), spot(1.29, 2)], "id": "new-1"}
GIVE = {"op": "transfer", "from": "g30", "to": "g31", "line": [spot(2.5, 0.6), spot(4.5, 0.6)]}
MOVE = {"op": "move_node", "node": vertex(5, 1), "to": spot(5.2, 1.1)}


@pytest.fixture
def base(store):
    return county.settle(store)


@pytest.fixture
def plan(store, base, planner, place):
    return start_plan(store, planner, new_id=place.new_id)


def edit(store, actor, plan, *edits):
    return add_edits(store, actor, plan.id, edits, expected_version=plan.version, now=clock)


def publish(store, actor, place, plan, day=JUNE, **options):
    return publish_plan(
        store, actor, plan.id, effective_from=day, filing_no="1号", now=clock, new_id=place.new_id, **options
    )


def grids(store, actor, generation):
    with store.reading(actor) as session:
        return {g.id: g for g in session.grids(generation.id)}


def lookup(store):
    return Lookup(store, ticks=lambda: 0.0)


def asked(store, actor, places, as_of=None):
    lon, lat = np.array(places).T
    return lookup(store).locate_batch(actor, lon, lat, datum=CGCS2000, as_of=as_of).column("grid").tolist()


def test_split_transfer_and_move_are_published_and_asked_before_and_after(store, plan, planner, place):
    places = [spot(1.1, 0.5), spot(1.6, 0.5), spot(3.5, 0.8), spot(3.5, 0.3), spot(5.1, 1.02), spot(4.9, 0.97)]
    before = asked(store, planner, places)
    assert before == ["g10", "g10", "g30", "g30", "g51", "g40"]
    done = publish(store, planner, place, edit(store, planner, plan, SPLIT, GIVE, MOVE).plan)
    after = ["new-1", "g10", "g31", "g30", "g40", "g40"]
    assert asked(store, planner, places) == after
    assert asked(store, planner, places, as_of=JUNE) == after
    assert asked(store, planner, places, as_of=JUNE - dt.timedelta(days=1)) == before
    stored = grids(store, planner, done.generation)
    assert len(stored) == 15 + 1
    union = shapely.union_all([g.geometry for g in stored.values() if g.kind is GridKind.BASE])
    extent = county.cell(0, 0, columns=7, rows=2)
    assert shapely.area(shapely.symmetric_difference(union, extent)) < 1e-9 * extent.area
    # What was stored draws on.
    again = start_plan(store, planner, new_id=place.new_id)
    assert show_plan(store, planner, again.id).drawing.coverage == show_plan(store, planner, plan.id).drawing.coverage


def test_every_household_and_incident_follows_its_ground(store, plan, planner, place):
    done = publish(store, planner, place, edit(store, planner, plan, SPLIT, GIVE, MOVE).plan)
    with store.reading(planner) as session:
        homes = session.columns("households", ("id", "lon", "lat"))
        told = session.assignments(done.generation.id, "household")
    held = dict(zip(told["subject_id"], told["grid_id"], strict=True))
    stored = grids(store, planner, done.generation)
    for i, lon, lat in zip(homes["id"], homes["lon"], homes["lat"], strict=True):
        if np.isfinite(lon):
            assert shapely.intersects_xy(stored[held[i]].geometry, lon, lat)
    assert sum(done.households.by_basis.values()) == len(homes["id"])


def test_lineage_of_what_was_cut_and_given(store, plan, planner, place):
    done = publish(store, planner, place, edit(store, planner, plan, SPLIT, GIVE, MOVE).plan)
    links = {(k.old_grid_id, k.new_grid_id): k for k in done.lineage}
    assert links["g10", "new-1"].change is ChangeKind.SPLIT
    assert links["g10", "new-1"].area_share == pytest.approx(0.3, abs=0.01)
    assert links["g10", "g10"].area_share == pytest.approx(0.7, abs=0.01)
    assert sum(links["g10", g].households for g in ("g10", "new-1")) == county.homes_of(1, 0)
    assert links["g30", "g31"].change is ChangeKind.ADJUST
    assert links["g30", "g31"].area_share == pytest.approx(0.4, abs=0.001)
    assert links["g31", "g31"].area_share == 1.0
    assert {new for old, new in links if old == "g51"} == {"g40", "g41", "g50", "g51"}
    # A node put into a neighbour's border is no change of its ground.
    assert links["g11", "g11"].change is ChangeKind.KEEP
    assert [k for k in links if k[0] == "g11"] == [("g11", "g11")]
    total = {}
    for (old, _), link in links.items():
        total[old] = total.get(old, 0.0) + link.area_share
    assert total == pytest.approx(dict.fromkeys(total, 1.0), abs=1e-5)


def test_the_worker_stays_with_most_households_and_the_new_part_waits(store, plan, planner, place):
    done = publish(store, planner, place, edit(store, planner, plan, SPLIT).plan)
    moved = {m.from_grid: (m.to_grid, m.status) for m in done.workers}
    assert moved["g10"] == ("g10", "保留")
    assert done.vacant == ("new-1",)


@pytest.mark.parametrize("policy", list(CodePolicy))
def test_only_grids_whose_ground_moved_take_a_new_serial(store, base, planner, place, policy):
    first = start_plan(store, planner, new_id=place.new_id)
    coded = grids(
        store, planner, publish(store, planner, place, edit(store, planner, first, rename(6, 1, "x")).plan).generation
    )
    second = start_plan(store, planner, new_id=place.new_id)
    done = publish(store, planner, place, edit(store, planner, second, SPLIT, GIVE, MOVE).plan, JULY, policy=policy)
    after = grids(store, planner, done.generation)
    anew = {i for i in coded if after[i].code != coded[i].code}
    redrawn = {"g10", "g30", "g31", "g40", "g41", "g50", "g51"}
    assert anew == (redrawn if policy is CodePolicy.NEW else set())
    assert after["new-1"].code.startswith(EAST)
    assert after["new-1"].code not in {g.code for g in coded.values()}


def test_cutting_a_building_or_compound_is_said(store, plan, planner):
    done = edit(store, planner, plan, {**SPLIT, "line": [spot(1.5, -1), spot(1.5, 2)]})
    said = [w.zh for w in done.warnings]
    # The compound lay in two grids before; only what is cut anew is told.
    assert said == ["界线切开了楼栋“红林1小区1号楼”"]
    quiet = edit(store, planner, done.plan, rename(0, 0, "新名"))
    assert quiet.warnings == ()


def test_a_street_of_the_line_layers_cuts_by_name_and_stays_in_the_log(store, plan, planner):
    cut = {"op": "split_by", "grid": "g20", "name": "汤旺河", "ids": ["east-bank"]}
    done = edit(store, planner, plan, cut)
    logged = done.plan.edits[0]
    assert logged["lines"]
    assert done.drawing.coverage.polygon("east-bank").area == pytest.approx(county.cell(0, 0).area / 2, rel=1e-6)
    for key in ("river", {r["source_key"]: r["id"] for r in rows(store, planner)}["river"]):
        back = undo_edits(store, planner, plan.id, expected_version=show_plan(store, planner, plan.id).plan.version)
        again = edit(store, planner, back, {**{k: v for k, v in cut.items() if k != "name"}, "line_id": key})
        assert again.drawing.coverage == done.drawing.coverage
    # The line may be imported anew elsewhere: the plan means what it meant.
    with store.writing(planner) as session:
        far = shapely.LineString([(0, 0), (1, 1)])
        session.upsert(
            "lines", [{"source_key": "river", "kind": "river", "name": "汤旺河", "barrier": True, "geometry": far}]
        )
        session.commit()
    assert show_plan(store, planner, plan.id).drawing.coverage == done.drawing.coverage


def rows(store, actor):
    with store.reading(actor) as session:
        return session.rows("lines", columns=("id", "source_key"))


def test_a_street_that_stops_short_of_the_border_may_be_prolonged(store, plan, planner):
    short = shapely.LineString([spot(3.5, 0.01), spot(3.5, 0.99)])
    with store.writing(planner) as session:
        session.upsert(
            "lines", [{"source_key": "lane", "kind": "road", "name": "小巷", "barrier": False, "geometry": short}]
        )
        session.commit()
    cut = {"op": "split_by", "grid": "g30", "name": "小巷", "id": "new"}
    with pytest.raises(Refused) as caught:
        edit(store, planner, plan, cut)
    assert caught.value.code == "line-misses"
    done = edit(store, planner, plan, {**cut, "reach_m": 15})
    assert done.drawing.coverage.polygon("new").area == pytest.approx(county.cell(0, 0).area / 2, rel=1e-6)
    for reach in (-1, 101, True, "far"):
        with pytest.raises(Refused) as caught:
            edit(store, planner, done.plan, {**cut, "reach_m": reach})
        assert caught.value.code == "reach-invalid"


def test_lines_may_cut_a_transfer_and_a_grid_given_up(store, plan, planner):
    give = {"op": "transfer", "from": "g20", "to": "g30", "line_name": "汤旺河"}
    gone = {"op": "dissolve", "grid": "g21", "line_name": "汤旺河"}
    done = edit(store, planner, plan, give, gone)
    ground = done.drawing.coverage.polygon
    cell = county.cell(0, 0).area
    assert ground("g30").area == pytest.approx(1.5 * cell)
    assert [ground(g).area for g in ("g11", "g31")] == pytest.approx([1.5 * cell, 1.5 * cell])


@pytest.mark.parametrize(
    ("cut", "error", "code"),
    [
        ({"name": "无名路"}, NotFound, "line-unknown"),
        ({"line_id": "nowhere"}, NotFound, "line-unknown"),
        ({"name": "汤旺河", "grid": "g00"}, Refused, "line-misses"),
        ({"name": "汤旺河", "grid": "gone"}, NotFound, "not-found"),
        ({}, Refused, "edit-incomplete"),
    ],
)
def test_a_line_that_is_not_stored_or_runs_elsewhere_is_refused(store, plan, planner, cut, error, code):
    with pytest.raises(error) as caught:
        edit(store, planner, plan, {"op": "split_by", "grid": "g20", "id": "new", **cut})
    assert caught.value.code == code


def test_a_cut_that_ends_at_another_towns_border_is_nobody_elses_business(store, base, town_a, planner, place):
    plan = start_plan(store, town_a, new_id=place.new_id)
    cut = {"op": "split", "grid": "g30", "line": [spot(2.5, 0.41), spot(4.5, 0.4)], "id": "new"}
    plan = edit(store, town_a, plan, cut).plan
    assert "g40" in show_plan(store, planner, plan.id).drawing.changed
    with pytest.raises(Forbidden):
        edit(store, town_a, plan, MOVE)


def test_locked_grids_stay_though_a_node_comes_into_their_border(store, plan, planner):
    plan = annotate_plan(store, planner, plan.id, expected_version=plan.version, grid_id="g11", now=clock, locked=True)
    plan = edit(store, planner, plan, SPLIT).plan
    with pytest.raises(Conflict) as caught:
        edit(store, planner, plan, {"op": "move_node", "node": vertex(1, 1), "to": spot(1.1, 1.1)})
    assert caught.value.code == "grid-locked"


def test_rebase_replays_what_still_fits(store, plan, planner, place):
    late = start_plan(store, planner, new_id=place.new_id)
    late = edit(
        store,
        planner,
        late,
        {**SPLIT, "id": "late"},
        GIVE,
        MOVE,
        {**GIVE, "to": "g20", "line": [spot(3.3, -1), spot(3.3, 2)]},
    ).plan
    early = edit(store, planner, plan, merge((0, 0), (1, 0), into="g00"), {**MOVE, "to": spot(4.9, 1.1)}).plan
    publish(store, planner, place, early)
    rebased = rebase_plan(store, planner, late.id, expected_version=late.version, now=clock)
    assert rebased.kept == 2
    assert [d.edit["op"] for d in rebased.dropped] == ["split", "move_node"]
    assert all(d.reason for d in rebased.dropped)
    done = publish(store, planner, place, rebased.plan, JULY)
    assert len(grids(store, planner, done.generation)) == 13 + 1


def test_a_grid_turned_exclusive_is_an_overlay_of_the_new_generation(store, plan, planner, place):
    turned = {
        "op": "set_kind",
        "grid": "g10",
        "kind": "exclusive",
        "into": "g00",
        "name": "第二中学",
        "owner_unit": "第二中学",
    }
    plan = edit(store, planner, plan, turned).plan
    preview = preview_publication(store, planner, plan.id)
    done = publish(store, planner, place, plan)
    assert done.codes == preview.codes
    stored = grids(store, planner, done.generation)
    assert (stored["g10"].kind, stored["g10"].name, stored["g10"].code) == (
        GridKind.EXCLUSIVE,
        "第二中学",
        f"{EAST}602",
    )
    assert stored["g10"].geometry.equals(county.cell(1, 0))
    found = lookup(store).locate(planner, *spot(1.5, 0.5), datum=CGCS2000)
    assert found.grid["id"] == "g00"
    assert [e["id"] for e in found.exclusive] == ["g10"]
    # The school's worker has no base grid of that name any more; the homes are g00's.
    assert {m.from_grid: m.to_grid for m in done.workers}["g10"] in ("g00", "")


def test_a_revert_brings_the_old_lines_back(store, plan, planner, place):
    publish(store, planner, place, edit(store, planner, plan, SPLIT, GIVE, MOVE).plan)
    with store.reading(planner) as session:
        former = session.generations()[0]
    back = revert_generation(
        store, planner, to=former.id, effective_from=JULY, filing_no="2号", now=clock, new_id=place.new_id
    )
    stored = grids(store, planner, back.generation)
    assert "new-1" not in stored
    assert all(stored[g.id].geometry.equals_exact(g.geometry, tolerance=0) for g in county.base_grids())
    assert asked(store, planner, [spot(1.1, 0.5)]) == ["g10"]


def test_two_plans_are_compared_by_the_ground_they_make(store, plan, planner, place):
    other = start_plan(store, planner, new_id=place.new_id)
    edit(store, planner, plan, SPLIT)
    edit(store, planner, other, {**SPLIT, "line": [spot(1.6, -1), spot(1.6, 2)]})
    found = compare_plans(store, planner, plan.id, other.id)
    assert found.grids == ("g10", "new-1")
    assert found.common == 0


def test_the_west_is_not_touched(store, plan, planner):
    done = edit(store, planner, plan, SPLIT, GIVE)
    west = {i for i, g in done.drawing.facts.items() if g.community_code == WEST}
    assert all(done.drawing.grid(i).geometry.area == pytest.approx(county.cell(0, 0).area, rel=1e-9) for i in west)


@pytest.mark.parametrize("pair", [*APART, *TOGETHER])
def test_the_second_writer_is_told_the_version_and_the_difference_and_loses_nothing(store, plan, planner, pair):
    first, second = (Actor(name, planner.role, planner.areas) for name in "AB")
    seen = show_plan(store, planner, plan.id).drawing
    one, two = (next_edit(seen, *kind, word=name) for kind, name in zip(pair, "AB", strict=True))
    kept = edit(store, first, plan, one)
    with pytest.raises(StaleVersion) as caught:
        edit(store, second, plan, two)
    assert caught.value.current == kept.plan.version == 2
    assert caught.value.difference == (f"version 2 by A: +1 edits ({one['op']})",)
    now = show_plan(store, second, plan.id)
    assert now.plan == kept.plan
    require_done(seen, now.drawing, one)
    # What the answer asks for: load the current version, and draw again on what is there.
    again = next_edit(now.drawing, *pair[1], word="B")
    done = edit(store, second, now.plan, again)
    require_done(now.drawing, done.drawing, again)
    assert [(e["op"], e["by"]) for e in done.plan.edits] == [(one["op"], "A"), (again["op"], "B")]
    with pytest.raises(StaleVersion) as caught:
        edit(store, first, plan, one)
    assert caught.value.current == 3
    assert [line.split(":")[0] for line in caught.value.difference] == ["version 2 by A", "version 3 by B"]
