"""Drawing proposals on both stores: oversized grids as plans of split edits, rosters as grids of a generation."""

from __future__ import annotations

import pytest
import shapely

from geo.authority import Actor, Role
from geo.errors import Conflict, Forbidden, NotFound, Refused
from geo.model import GridKind, PlanState
from geo.planning.drawing import RemarkCode, RosterLine
from geo.services.drawing_proposals import SplitRequest, draw_splits
from geo.services.drawing_rosters import draw_roster, roster_from_rows, roster_from_text
from geo.services.plans import list_plans, show_plan
from geo.settings import Settings
from geo.topology.coverage import Coverage
from geo.topology.invariants import verify
from tests import plan_county as county
from tests.ground_edits import streets_across

SETTINGS = Settings()
OFFICER = Actor("office", Role.OFFICER, (county.COUNTY,))


@pytest.fixture
def base(store):
    return county.settle(store)


@pytest.fixture
def east(store, base):
    """Add a street through the middle of the southern grids, clear of the buildings."""
    x = county.LON + 3.3 * county.WIDE
    line = shapely.LineString([(x, county.LAT - county.HIGH), (x, county.LAT + 3 * county.HIGH)])
    with store.writing(county.PLANNER) as session:
        session.upsert("lines", [{"source_key": "street", "kind": "road", "name": "林都街", "geometry": line}])
        session.commit()
    return base


def splits(store, actor, place, **asked):
    return draw_splits(store, actor, SplitRequest(**asked), settings=SETTINGS, new_id=place.new_id)


def test_an_oversized_grid_becomes_a_plan_of_split_edits(store, east, planner, place):
    seen = []
    done = draw_splits(
        store,
        planner,
        SplitRequest(max_load=14, area=county.EAST),
        settings=SETTINGS,
        new_id=place.new_id,
        progress=lambda share, what: seen.append((share, what)),
    )
    assert done.plan.state is PlanState.DRAFT
    assert {e["op"] for e in done.plan.edits} == {"split"}
    assert [s.grid.id for s in done.splits] == [e["grid"] for e in done.plan.edits]
    assert len(seen) == len(done.splits) + len(done.left)
    drawn = show_plan(store, planner, done.plan.id).drawing
    assert verify(drawn.coverage) == ()
    assert len(drawn) == 14 + sum(len(s.parts) - 1 for s in done.splits)
    for split in done.splits:
        assert sum(p.load for p in split.parts) == sum(split.division.loads)
        assert {p.grid_id for p in split.parts} <= set(drawn.facts)
        assert max(p.load for p in split.parts) <= 14 or split.division.heavy
        assert sum(p.area_m2 for p in split.parts) > 0


def test_a_street_makes_the_border(store, east, planner, place):
    done = splits(store, planner, place, max_load=1000, grids=["g30"], parts=2)
    (split,) = done.splits
    assert split.division.along_m == pytest.approx(split.division.cut_m)
    assert split.remarks == ()
    assert done.warnings == ()
    assert [p.name for p in split.parts] == ["第4网格", "第4网格（2）"]


def test_blocks_put_together_first_are_told_to_the_planner(store, base, planner, place):
    with store.writing(county.PLANNER) as session:
        session.upsert("lines", streets_across(3, 0))
        session.commit()
    done = splits(store, planner, place, max_load=1000, grids=["g30"], parts=2)
    (split,) = done.splits
    assert split.division.blocks > split.division.gathered
    assert str(split.division.status) == "feasible"
    (told,) = [r.saying for r in split.remarks if r.code is RemarkCode.COARSENED]
    counts = f"{split.division.blocks}→{split.division.gathered}"
    assert counts in told.zh
    assert "未证明" in told.zh
    assert counts in told.en


def test_grids_are_named_in_any_way(store, east, planner, place):
    for word in ("g30", f"{county.EAST}/4", f"{county.EAST}/第4网格"):
        assert [s.grid.id for s in splits(store, planner, place, max_load=1000, grids=[word], parts=2).splits] == [
            "g30"
        ]
    with pytest.raises(NotFound):
        splits(store, planner, place, max_load=10, grids=["nowhere"])


def test_the_same_county_gives_the_same_plan(store, east, planner, place):
    one, two = (splits(store, planner, place, max_load=14, area=county.EAST) for _ in range(2))
    assert [s.division for s in one.splits] == [s.division for s in two.splits]


def test_nothing_oversized_saves_nothing(store, base, planner, place):
    done = splits(store, planner, place, max_load=1000)
    assert (done.plan, done.splits, done.left) == (None, (), ())
    assert list_plans(store, planner) == []


def test_other_loads_are_balanced_too(store, east, planner, place):
    for load in ({"persons": 1.0}, {"incidents": 1.0, "registered": 0.5}):
        done = splits(store, planner, place, max_load=10_000, grids=["g30"], parts=2, load=load)
        assert len(done.splits[0].parts) == 2


def test_what_is_asked_wrongly_is_refused(store, base, planner, place):
    for asked in ({"max_load": 0}, {"max_load": 10, "parts": 1}, {"max_load": 10, "load": {"cats": 1.0}}):
        with pytest.raises(Refused):
            splits(store, planner, place, **asked)
    with pytest.raises(Forbidden):
        splits(store, OFFICER, place, max_load=10)


def test_a_town_divides_its_own_grids_alone(store, base, town_a, place):
    done = splits(store, town_a, place, max_load=12)
    assert {s.grid.community_code for s in done.splits} <= {county.EAST}
    assert all(g.community_code == county.EAST for g, _ in done.left)


def test_what_cannot_be_divided_is_left_with_its_reason(store, planner, place, base):
    with store.writing(planner) as session:
        session.upsert(
            "lines",
            [
                {"source_key": k, "kind": "road", "geometry": shapely.LineString([(1, 1), (2, 2)])}
                for k in ("river", "rail")
            ],
        )
        session.commit()
    done = splits(store, planner, place, max_load=1000, grids=["g00"], parts=2)
    assert done.plan is None
    ((grid, why),) = done.left
    assert grid.id == "g00"
    assert why.code == "not-divisible"


def test_without_a_generation_there_is_nothing_to_divide(store, planner, place):
    with pytest.raises(NotFound):
        splits(store, planner, place, max_load=10)


# -- rosters -----------------------------------------------------------------------------------------------
EAST_ROSTER = roster_from_text(
    "第一网格：红林0小区\n第二网格：红林1小区、红林2小区1号楼\n第3网格：红林2小区2号楼、红林3小区1—2号楼"
)
WEST_ROSTER = roster_from_text("第一网格：红林4小区1-2号楼\n第二网格：红林5小区、红林6小区全部")


def roster(store, actor, place, code=county.EAST, lines=EAST_ROSTER, **more):
    return draw_roster(store, actor, code, lines, settings=SETTINGS, new_id=place.new_id, **more)


def grids_of(store, actor, generation_id):
    with store.reading(actor) as session:
        return session.grids(generation_id, GridKind.BASE)


def test_a_roster_becomes_a_seamless_proposal_and_writes_nothing(store, base, planner, place):
    before = store.verify_journal()
    done = roster(store, planner, place)
    assert (done.generation_id, done.remarks) == (None, ())
    assert [(g.name, g.local_code) for g in done.grids] == [("第一网格", "1"), ("第二网格", "2"), ("第3网格", "3")]
    assert [done.houses[g.id] for g in done.grids] == [2, 3, 3]
    cover = Coverage.build([g.geometry for g in done.grids])
    assert cover.extent().symmetric_difference(county.cell(0, 0, columns=4, rows=2)).area < 1e-12
    assert [f["buildings"] for f in done.features()] == [2, 3, 3]
    assert store.verify_journal() == before


def test_two_communities_drawn_one_after_the_other_fit_together(store, base, planner, place):
    first = roster(store, planner, place, apply=True)
    second = roster(store, planner, place, county.WEST, WEST_ROSTER, apply=True)
    assert first.generation_id == second.generation_id
    held = grids_of(store, planner, first.generation_id)
    assert len(held) == 5
    assert RemarkCode.NEIGHBOURS_DIFFER not in [r.code for r in second.remarks]
    assert len(Coverage.build([g.geometry for g in held])) == 5
    with store.reading(planner) as session:
        assert [e.action for e in session.journal()][-2:] == ["draw-roster", "draw-roster"]


def test_grids_that_are_there_are_replaced_only_on_request(store, base, planner, place):
    first = roster(store, planner, place, apply=True)
    with pytest.raises(Conflict):
        roster(store, planner, place, apply=True)
    fewer = EAST_ROSTER[:2]
    again = roster(store, planner, place, lines=fewer, apply=True, replace_grids=True)
    assert [g.id for g in again.grids] == [g.id for g in first.grids[:2]]
    assert {g.id for g in grids_of(store, planner, again.generation_id)} == {g.id for g in again.grids}
    assert {r.code for r in again.remarks} == {RemarkCode.UNCLAIMED}


def test_a_roster_is_refused_for_a_stranger_or_an_unknown_place(store, base, planner, town_b, place):
    with pytest.raises(NotFound):
        roster(store, planner, place, "没有的社区")
    with pytest.raises(NotFound):
        roster(store, town_b, place)
    with pytest.raises(Forbidden):
        roster(store, OFFICER, place)
    with pytest.raises(Refused):
        roster(store, planner, place, lines=[RosterLine("第一网格", "翡翠华府1号楼")])
    assert roster(store, planner, place, county.NAMES[county.EAST]).community.code == county.EAST


def test_rosters_are_read_from_text_and_tables():
    assert roster_from_text("第三网格：1—8号楼\n\n第三网格: 10号楼") == (RosterLine("第三网格", "1—8号楼；10号楼"),)
    with pytest.raises(Refused):
        roster_from_text("1—8号楼")
    with pytest.raises(Refused):
        roster_from_text("")
    rows = [
        {"社区": "黎明社区", "网格名称": "第一网格", "楼栋范围": "1-3号楼"},
        {"社区": "东升社区", "网格名称": "第一网格", "楼栋范围": "9号楼"},
        {"社区": "", "网格名称": "第二网格", "楼栋范围": None},
    ]
    assert roster_from_rows(rows, community="黎明社区") == (RosterLine("第一网格", "1-3号楼"),)
    with pytest.raises(Refused):
        roster_from_rows([{"a": 1}])
