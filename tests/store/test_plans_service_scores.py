"""Scores of plans: equal by increment and in full after every step, and right by hand."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import shapely

from geo.errors import Refused, WanggeError
from geo.services.ground import load_ground
from geo.services.plans import add_edits, start_plan, undo_edits
from geo.services.redraw import Drawing
from geo.services.scoreboard import ScoreBoard
from geo.services.scoring import rescore, score_drawing
from geo.settings import Settings
from tests import plan_county as county
from tests.plan_county import clock, merge, rename

SETTINGS = Settings(store="unused.gpkg", guidance_min_households=10, guidance_max_households=40)


@pytest.fixture
def ground(store, planner):
    base = county.settle(store)
    with store.reading(planner) as session:
        return load_ground(session, session.generation(id=base), settings=SETTINGS)


def random_edit(rng, drawing):
    ids = sorted(drawing.facts)
    pairs = [(drawing.coverage.ids[i], drawing.coverage.ids[j]) for i, j in drawing.coverage.neighbours().tolist()]
    alike = [p for p in pairs if len({drawing.facts[i].community_code for i in p}) == 1]
    if alike and rng.random() < 0.8:
        pair = rng.choice(alike)
        return {"op": "merge", "grids": list(pair), "into": rng.choice(pair)}
    return {"op": "rename", "grid": rng.choice(ids), "name": f"网格{rng.random():.6f}"}


@pytest.mark.parametrize("seed", range(4))
def test_increments_equal_the_full_computation_after_every_step(ground, seed):
    rng = random.Random(seed)
    drawing = ground.drawing
    scores = score_drawing(ground, drawing)
    for _ in range(10):
        drawing = drawing.after(random_edit(rng, drawing))
        scores = rescore(ground, drawing, scores)
        assert scores == score_drawing(ground, drawing)
        fresh = Drawing.of(drawing.grids())
        assert score_drawing(ground, fresh) == scores


def test_scores_by_hand(ground):
    today = score_drawing(ground, ground.drawing)
    assert today.worker_changes == 0
    assert today.cuts[0].key == "c1"
    assert today.cuts[0].grids == ("g10", "g11")
    after = rescore(ground, ground.drawing.after(merge((1, 0), (1, 1))), today)
    assert after.cuts == ()
    live = {i: sum(n % 7 != 6 for n in range(county.homes_of(*map(int, i[1:])))) for i in ("g10", "g11")}
    assert today.grids["g10"].load == live["g10"]
    assert after.grids["g10"].load == sum(live.values())
    assert after.grids["g10"].persons == sum(
        1 + n % 4 for i in live for n in range(county.homes_of(*map(int, i[1:]))) if n % 7 != 6
    )
    # The worker of g10 stays; the homes of g11 get another one.
    assert after.worker_changes == live["g11"]
    assert after.county.grids == after.county.grids_before - 1 == 13
    assert set(after.towns) == {county.TOWN_A, county.TOWN_B}
    assert after.communities[county.EAST].grids == 7
    assert after.communities[county.WEST] == today.communities[county.WEST]
    metres = today.grids["g10"].measure.borders["g11"]
    assert after.planning.cut_length_m == pytest.approx(today.planning.cut_length_m - metres)
    assert after.planning.target == pytest.approx(today.planning.target * 14 / 13)
    assert 0 < after.planning.gini < 1


def test_shape_barriers_and_reach(ground):
    today = score_drawing(ground, ground.drawing)
    # The river runs through the middle of column 2, the railway along the border between the rows.
    assert set(today.crossed) == {"g20", "g21"}
    assert today.grids["g20"].measure.barriers[0][0] == "汤旺河"
    assert today.disconnected == today.outside == ()
    square = today.grids["g00"].measure.shape
    assert square.hull_ratio == pytest.approx(1.0, abs=1e-5)
    assert 0.7 < square.polsby_popper < 0.8
    joined = rescore(ground, ground.drawing.after(merge((0, 0), (0, 1))), today)
    assert {name for name, _ in joined.grids["g00"].measure.barriers} == {"铁路"}
    assert any("铁路" in w.zh for w in joined.warnings)
    assert any("少于10户" in w.zh for w in today.warnings)
    reach = joined.grids["g00"].reach
    assert (reach.full_time, reach.party_groups, reach.anchors) == (1, 2, 1)
    assert not reach.missing
    assert len(joined.reach_before) == 14
    assert joined.reach_before[0].party_groups == 1


def test_the_gravest_is_said_first(ground):
    low = [w.zh for w in score_drawing(ground, ground.drawing).warnings]
    assert low[0] == "界线切开了小区“红林1小区”"
    drawing = ground.drawing.after_all([merge((0, 0), (3, 0)), merge((2, 0), (2, 1)), merge((5, 0), (5, 1), (6, 0))])
    facts = {**drawing.facts, "g61": replace(drawing.facts["g61"], name=drawing.facts["g41"].name)}
    said = [w.zh for w in score_drawing(ground, replace(drawing, facts=facts)).warnings]
    marks = ("互不相连", "多于40户", "界线切开了", "都叫", "穿过", "少于10户")
    first = [next(i for i, text in enumerate(said) if mark in text) for mark in marks]
    last = [max(i for i, text in enumerate(said) if mark in text) for mark in marks]
    assert first == sorted(first)
    assert all(end < start for end, start in zip(last, first[1:], strict=False))
    assert said[0] == "黎明社区第1网格由2块互不相连的部分组成"
    assert "同一社区有2个网格都叫东升社区第4网格" in said


def test_slivers_outside_the_community_are_counted_in_one_line(ground):
    """One grid of 16.5 ha is 0.1 % beyond 165 m², so that 100 m² is what tells a sliver here."""

    def said(**metres):
        outlines = dict(ground.communities)
        for code, m in metres.items():
            west, south, east, north = outlines[code[1:]].bounds
            outlines[code[1:]] = shapely.box(west, south + m / 111_200, east, north)
        at = replace(ground, communities=outlines)
        return [w for w in score_drawing(at, at.drawing).warnings if "界外" in w.zh]

    # Grids are 371 m wide: a strip of 0.1 m has 37 m², one of 1 m 371 m².
    (trifle,) = said(**{f"_{county.EAST}": 0.1})
    assert trifle.zh.startswith("4个网格有窄边在所属社区界外，各不足100平方米且不到本格的0.1%，共14")
    assert trifle.en.startswith("4 grids reach outside their community by slivers")
    both = said(**{f"_{county.EAST}": 1, f"_{county.WEST}": 0.1})
    assert [w.zh[:6] for w in both] == ["黎明社区第1", "黎明社区第2", "黎明社区第3", "黎明社区第4", "3个网格有窄"]
    assert "reaches 37" in both[0].en
    assert said() == []


def test_weighted_loads(store, planner, ground):
    with store.reading(planner) as session:
        generation = session.generation()
        plain = score_drawing(ground, ground.drawing)
        mixed = load_ground(
            session, generation, settings=SETTINGS, load={"households": 1.0, "elderly": 0.5, "incidents": 2.0}
        )
        with pytest.raises(Refused, match="no load"):
            load_ground(session, generation, settings=SETTINGS, load={"cows": 1.0})
    scores = score_drawing(mixed, mixed.drawing)
    old = sum(n % 2 for n in range(county.homes_of(3, 1)) if n % 7 != 6)
    assert scores.grids["g31"].load == plain.grids["g31"].load + 0.5 * old + 2.0
    step = mixed.drawing.after(merge((3, 0), (3, 1)))
    assert rescore(mixed, step, scores) == score_drawing(mixed, step)


def test_the_board_answers_for_every_version_as_the_full_computation_does(store, planner, place, ground):
    board = ScoreBoard(store, settings=SETTINGS)
    plan = start_plan(store, planner, new_id=place.new_id)
    for edit in (merge((0, 0), (1, 0)), rename(6, 0, "河西网格"), merge((0, 0), (0, 1))):
        plan = add_edits(
            store, planner, plan.id, [edit], expected_version=plan.version, now=clock, board=board.drawings
        ).plan
        drawing = ground.drawing.after_all(plan.edits)
        assert board.scores(planner, plan.id) == score_drawing(ground, drawing)
    undo_edits(store, planner, plan.id, expected_version=plan.version)
    former = board.scores(planner, plan.id)
    assert former == board.scores(planner, plan.id, version=3)
    assert former.grids["g60"].name == "河西网格"
    with pytest.raises(WanggeError):
        board.scores(planner, "nowhere")


def test_a_compound_cut_by_an_edit_is_said_when_it_is_drawn(store, planner, place, ground):
    plan = start_plan(store, planner, new_id=place.new_id)
    done = add_edits(store, planner, plan.id, [merge((1, 0), (1, 1))], expected_version=1, now=clock)
    assert done.warnings == ()
