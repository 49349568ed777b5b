"""Addresses asked of a store, on both engines: placements, corrections, the point and the address together."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest
import shapely

from geo.authority import Actor, Role
from geo.crs import BD09, CGCS2000, GCJ02, from_cgcs2000
from geo.errors import Forbidden, NotFound, Refused
from geo.model import Basis, WorkerKind
from geo.services.addressing import correct, know_addresses
from geo.services.coverage import activate_generation
from geo.services.dispatch import place_incident, whom_to_send
from geo.services.lookup import Lookup
from tests.store.conftest import COUNTY, EAST, TOWN_A, TOWN_B, WEST, generation, grid

# Two grids of EAST west of 129.52 and one of WEST; each is 0.01 degree (about 740 m) wide.
SPOTS = {"east-1": (129.515, 48.05), "east-2": (129.525, 48.05), "west": (129.535, 48.05)}


def building(key, community, compound, number, spot, **fields):
    x, y = spot
    return {
        "source_key": key,
        "community_code": community,
        "compound": compound,
        "number": number,
        "geometry": shapely.box(x - 1e-4, y - 1e-4, x + 1e-4, y + 1e-4),
        "stairwells": 3,
        **fields,
    }


BUILDINGS = [
    building("b1", EAST, "佳园小区", "1", SPOTS["east-1"]),
    building("b2", EAST, "佳园小区", "2", SPOTS["east-2"]),
    building("b3", WEST, "佳园小区", "1", SPOTS["west"]),
    building("b4", EAST, "红林小区", "1", SPOTS["east-1"]),
]
AREAS = [
    {"code": COUNTY, "name": "丰林县", "kind": "county", "parent_code": None},
    {"code": TOWN_A, "name": "新青镇", "kind": "town", "parent_code": COUNTY},
    {"code": TOWN_B, "name": "红星镇", "kind": "town", "parent_code": COUNTY},
    {"code": EAST, "name": "黎明社区", "kind": "community", "parent_code": TOWN_A},
    {"code": WEST, "name": "前进社区", "kind": "community", "parent_code": TOWN_B},
]
COMPOUNDS = [
    {"source_key": "c1", "community_code": EAST, "name": "佳园小区"},
    {"source_key": "c2", "community_code": WEST, "name": "佳园小区"},
    {"source_key": "c3", "community_code": EAST, "name": "红林小区", "aliases": ("老林场楼",)},
]
PLACES = [
    {"source_key": "p1", "community_code": EAST, "name": "前进小学", "lon": 129.5199, "lat": 48.05},
    {"source_key": "p2", "community_code": "", "name": "望火楼", "lon": 120.0, "lat": 40.0},
]
WORKERS = [
    {
        "source_key": "w1",
        "kind": WorkerKind.FULL_TIME.value,
        "grid_id": "grid-001",
        "name": "张三丰",
        "phone": "10011112222",
    },
    {"source_key": "w2", "kind": WorkerKind.PART_TIME.value, "grid_id": "grid-001", "name": "李四", "post": "网格长"},
]
DUTIES = [
    {
        "source_key": "d1",
        "category_code": "物业",
        "unit": "佳园物业",
        "phone": "10084000001",
        "community_code": EAST,
        "compound": "佳园小区",
    },
    {"source_key": "d2", "category_code": "物业", "unit": "社区物业", "community_code": EAST},
    {"source_key": "d3", "category_code": "供热", "unit": "供热公司", "community_code": EAST},
]


def incident(number, text, hint="", **fields):
    return {
        "source_key": f"i{number}",
        "received_at": dt.datetime(2026, 1, 5, tzinfo=dt.UTC),
        "category_code": "供热",
        "address_text": text,
        "community_hint": hint,
        **fields,
    }


INCIDENTS = [
    incident(1, "红林小区1号楼暖气不热"),
    incident(2, "佳园小区1号楼"),
    incident(3, "佳园小区一号楼", EAST),
    incident(4, "汤旺县红林小区1号楼"),
    incident(5, "红林小区1号楼", lon=129.535, lat=48.05),
    incident(6, ""),
]
HOUSEHOLDS = [
    {"source_key": "h1", "community_code": EAST, "address_text": "新青镇红林小区1号楼"},
    {"source_key": "h2", "community_code": EAST, "address_text": "", "compound": "佳园小区", "building_number": "2"},
    {"source_key": "h3", "community_code": EAST, "address_text": "前进社区佳园小区1号楼"},
]


@pytest.fixture
def ticks():
    return itertools.count().__next__


@pytest.fixture
def county(store, planner, place):
    """A county in force: three base grids with everything an address needs."""
    with store.writing(planner) as session:
        session.upsert("areas", AREAS)
        for kind, rows in (("compounds", COMPOUNDS), ("buildings", BUILDINGS), ("places", PLACES), ("duties", DUTIES)):
            session.upsert(kind, rows)
        session.upsert("households", HOUSEHOLDS)
        session.upsert("incidents", INCIDENTS)
        session.put_generation(generation(1))
        session.put_grids("generation-1", [grid(1), grid(2), grid(3, WEST)])
        session.upsert("gridworkers", [{"community_code": EAST, "grid_ids": (w["grid_id"],), **w} for w in WORKERS])
        session.commit()
    activate_generation(store, planner, effective_from=dt.date(2026, 1, 1), now=place.clock)
    return store


@pytest.fixture
def lookup(county, ticks):
    return Lookup(county, ticks=ticks)


def placed(store, actor, subject):
    kind = {"incident": "incidents", "household": "households"}[subject]
    with store.reading(actor) as session:
        keys = session.columns(kind, ("id", "source_key"))
        named = dict(zip(keys["id"], keys["source_key"], strict=True))
        told = session.assignments("generation-1", subject)
        return {named[i]: (g, b) for i, g, b in zip(told["subject_id"], told["grid_id"], told["basis"], strict=True)}


def test_rows_without_a_point_are_placed_by_their_address_where_it_means_one_grid(county, planner):
    assert placed(county, planner, "incident") == {
        "i1": ("grid-001", "address"),
        "i2": ("", "unplaced"),  # in two towns
        "i3": ("grid-001", "address"),  # the order names the community
        "i4": ("", "unplaced"),
        "i5": ("grid-003", "interior"),  # a recorded point goes before a text
        "i6": ("", "unplaced"),
    }
    assert placed(county, planner, "household") == {
        "h1": ("grid-001", "address"),
        "h2": ("grid-002", "building"),
        "h3": ("", "unplaced"),  # register and text name different communities
    }


def test_a_found_address_is_a_placement(lookup, planner):
    answer = lookup.by_address(planner, "新青镇佳园小区二号楼暖气不热")
    assert answer.basis is Basis.BUILDING
    assert (answer.grid["id"], answer.community["name"], answer.town["name"]) == ("grid-002", "黎明社区", "新青镇")
    assert answer.notes == ("新青镇黎明社区佳园小区2号楼",)
    assert not answer.ambiguous
    assert answer.responsible["role"] == "社区值班"
    assert lookup.by_address(planner, "红林小区").basis is Basis.ADDRESS


def test_a_question_is_a_placement_without_a_grid(lookup, planner):
    answer = lookup.by_address(planner, "佳园小区1号楼")
    assert answer.grid is None
    assert answer.ambiguous
    assert answer.basis is Basis.UNPLACED
    assert [g["id"] for g in answer.candidates] == ["grid-001", "grid-003"]
    assert answer.notes[0] == "哪个镇的佳园小区1号楼？"
    assert lookup.by_address(planner, "佳园小区1号楼", community=WEST).grid["id"] == "grid-003"


def test_a_refusal_says_why(lookup, planner):
    answer = lookup.by_address(planner, "汤旺县佳园小区1号楼")
    assert (answer.grid, answer.candidates, answer.ambiguous) == (None, (), False)
    assert answer.notes == ("“汤旺县”不在本县",)
    assert lookup.by_address(planner, "望火楼").grid is None  # outside every grid


def test_words_of_place_ask_near_a_boundary(lookup, planner):
    assert lookup.by_address(planner, "前进小学院内").grid["id"] == "grid-001"
    assert {g["id"] for g in lookup.by_address(planner, "前进小学后身").candidates} == {"grid-001", "grid-002"}


def test_suggestions_come_from_the_store(lookup, planner):
    cover = lookup.coverage(planner)
    assert lookup.addresses.suggest(planner, cover, "红林") == ["新青镇黎明社区红林小区"]


def test_a_correction_is_learned_at_once_and_elsewhere_soon(county, lookup, planner, place):
    known = lookup.addresses.known(planner, lookup.coverage(planner))
    assert lookup.by_address(planner, "大红楼").grid is None
    text = "新青镇大红楼2单元502室暖气不热，电话10012345678"
    wording = correct(county, planner, known, text=text, kind="building", target_key="b2", new_id=place.new_id)
    assert wording == "大红楼"
    lookup.addresses.forget()
    assert lookup.by_address(planner, "新青大红楼没水").grid["id"] == "grid-002"
    with county.reading(planner) as session:
        (row,) = session.rows("aliases")
        entry = session.journal()[-1]
    assert (row["alias"], row["kind"], row["target_key"], row["community_code"]) == ("大红楼", "building", "b2", EAST)
    assert entry.action == "correct-address"
    assert "502" not in str(entry.detail)
    assert "大红楼" not in str(entry.detail)
    # The same wording corrected again replaces what was learned.
    correct(county, planner, known, text="大红楼", kind="building", target_key="b1", new_id=place.new_id)
    lookup.addresses.forget()
    assert lookup.by_address(planner, "大红楼").grid["id"] == "grid-001"
    county.verify_journal()


def test_a_correction_may_name_a_grid_an_area_a_compound_or_a_place(county, lookup, planner, place):
    known = lookup.addresses.known(planner, lookup.coverage(planner))
    for text, kind, key in (("河沿", "grid", "grid-002"), ("老供销社", "compound", "c3"), ("小学校", "place", "p1")):
        correct(county, planner, known, text=text, kind=kind, target_key=key, new_id=place.new_id)
    lookup.addresses.forget()
    assert lookup.by_address(planner, "河沿有人烧荒").grid["id"] == "grid-002"
    assert lookup.by_address(planner, "老供销社1号楼").grid["id"] == "grid-001"
    assert lookup.by_address(planner, "小学校").grid["id"] == "grid-001"


def test_a_correction_is_refused_without_a_target_a_wording_or_a_right(county, lookup, planner, town_a, place):
    known = lookup.addresses.known(planner, lookup.coverage(planner))

    def teach(actor=planner, text="大红楼", kind="building", key="b1"):
        correct(county, actor, known, text=text, kind=kind, target_key=key, new_id=place.new_id)

    for kind in ("building", "area", "grid"):
        with pytest.raises(NotFound):
            teach(kind=kind, key="nothing")
    with pytest.raises(NotFound):
        teach(actor=town_a, key="b3")  # of the other town
    with pytest.raises(Refused):
        teach(kind="person")
    with pytest.raises(Refused):
        teach(text="，")
    with pytest.raises(Forbidden):
        teach(actor=Actor("office", Role.OFFICER, (COUNTY,)))
    with county.reading(planner) as session:
        assert session.count("aliases") == 0


def test_point_and_address_agree(lookup, planner):
    lon, lat = SPOTS["east-2"]
    found = place_incident(lookup, planner, lon=lon, lat=lat, datum=CGCS2000, text="新青镇佳园小区2号楼")
    assert found.agree is True
    assert (found.placement.basis, found.placement.grid["id"]) == (Basis.BUILDING, "grid-002")
    assert found.reconciled_by == ""


@pytest.mark.parametrize(
    ("datum", "declared", "name"), [(GCJ02, CGCS2000, "gcj02"), (BD09, GCJ02, "bd09"), (CGCS2000, GCJ02, "cgcs2000")]
)
def test_the_datum_that_reconciles_point_and_address_is_named(lookup, planner, datum, declared, name):
    # Close enough to the boundary that the shift between datums crosses it.
    west = {"gcj02": 129.5199, "bd09": 129.5199, "cgcs2000": 129.5201}[name]
    key = "b9"
    with lookup._store.writing(planner) as session:
        session.upsert("buildings", [building(key, EAST, "边界小区", "1", (west, 48.05))])
        session.note("import", "buildings")
        session.commit()
    x, y = from_cgcs2000(west, 48.05, datum)
    found = place_incident(
        lookup, planner, lon=float(x[0]), lat=float(y[0]), datum=declared, text="新青镇边界小区1号楼"
    )
    assert found.agree is False
    assert found.reconciled_by == name
    assert found.placement.ambiguous
    assert found.placement.basis is Basis.BUILDING
    assert name in found.placement.notes[-1]
    assert len(found.placement.candidates) == 2


def test_swapped_axes_are_named_too(lookup, planner):
    lon, lat = SPOTS["east-1"]
    found = place_incident(lookup, planner, lon=lat, lat=lon, datum=CGCS2000, text="红林小区1号楼")
    assert found.reconciled_by == "cgcs2000, swapped"
    assert found.placement.grid["id"] == "grid-001"


def test_where_nothing_reconciles_the_building_stays_and_a_person_looks(lookup, planner):
    lon, lat = SPOTS["west"]
    found = place_incident(lookup, planner, lon=lon, lat=lat, datum=CGCS2000, text="红林小区1号楼")
    assert (found.agree, found.reconciled_by) == (False, "")
    assert (found.placement.grid["id"], found.placement.basis) == ("grid-001", Basis.BUILDING)
    by_name = place_incident(lookup, planner, lon=lon, lat=lat, datum=CGCS2000, text="前进小学")
    assert by_name.agree is False
    assert by_name.placement.grid["id"] == "grid-003"  # a point goes before a name


def test_a_point_answers_the_question_an_address_asks(lookup, planner):
    lon, lat = SPOTS["west"]
    found = place_incident(lookup, planner, lon=lon, lat=lat, datum=CGCS2000, text="佳园小区1号楼")
    assert (found.agree, found.question) == (True, "")
    assert found.placement.grid["id"] == "grid-003"
    lon, lat = SPOTS["east-2"]
    other = place_incident(lookup, planner, lon=lon, lat=lat, datum=CGCS2000, text="佳园小区1号楼")
    assert (other.agree, other.question) == (False, "哪个镇的佳园小区1号楼？")
    assert other.placement.ambiguous


def test_one_of_the_two_is_enough(lookup, planner):
    lon, lat = SPOTS["west"]
    only_point = place_incident(lookup, planner, lon=lon, lat=lat, datum=CGCS2000, text="")
    assert (only_point.agree, only_point.placement.basis) == (None, Basis.INTERIOR)
    only_text = place_incident(lookup, planner, lon=None, lat=None, datum=CGCS2000, text="红林小区1号楼")
    assert (only_text.agree, only_text.placement.grid["id"]) == (None, "grid-001")
    nan = place_incident(lookup, planner, lon=float("nan"), lat=lat, datum=CGCS2000, text="红林小区1号楼")
    assert nan.placement.grid["id"] == "grid-001"
    neither = place_incident(lookup, planner, lon=None, lat=None, datum=CGCS2000, text="")
    assert neither.placement.grid is None


def test_a_point_outside_leaves_the_address(lookup, planner):
    found = place_incident(lookup, planner, lon=120.0, lat=40.0, datum=CGCS2000, text="前进小学")
    assert (found.agree, found.placement.grid["id"]) == (False, "grid-001")
    asked = place_incident(lookup, planner, lon=120.0, lat=40.0, datum=CGCS2000, text="佳园小区1号楼")
    assert asked.question
    assert asked.placement.grid is None


def test_whom_to_send(county, lookup, planner):
    cover = lookup.coverage(planner)
    told = whom_to_send(county, planner, cover, "grid-001", category="小区照明", compound="佳园小区")
    assert [(c["role"], c["name"]) for c in told["chain"]] == [
        ("专职网格员", "张**"),
        ("网格长", "李*"),
        ("社区值班", "黎明社区"),
    ]
    assert told["unit"] == {"category": "物业", "name": "佳园物业", "phone": "10084000001"}
    assert whom_to_send(county, planner, cover, "grid-002", category="小区照明")["unit"]["name"] == "社区物业"
    assert whom_to_send(county, planner, cover, "grid-002", category="供热")["unit"]["name"] == "供热公司"
    assert whom_to_send(county, planner, cover, "grid-003", category="供热")["unit"] is None
    assert whom_to_send(county, planner, cover, "grid-003")["unit"] is None


def test_who_is_not_entitled_sees_no_people(county, lookup):
    officer = Actor("office", Role.OFFICER, (COUNTY,))
    told = whom_to_send(county, officer, lookup.coverage(officer), "grid-001", category="小区照明", compound="佳园小区")
    assert [c["role"] for c in told["chain"]] == ["社区值班"]
    assert told["unit"]["phone"] is None


def test_every_actor_may_ask_for_any_address(lookup, town_b):
    assert lookup.by_address(town_b, "新青镇佳园小区2号楼").grid["id"] == "grid-002"


def test_the_past_is_answered_with_its_grids(county, lookup, planner):
    with pytest.raises(NotFound):
        lookup.by_address(planner, "红林小区", dt.date(2025, 12, 31))
    assert lookup.by_address(planner, "红林小区", dt.date(2026, 2, 1)).generation["serial"] == 1


def test_the_book_holds_every_building_with_its_inner_point(county, lookup, planner):
    cover = lookup.coverage(planner)
    with county.reading(planner) as session:
        known = know_addresses(session, cover)
    spot = known.spot_of(known.book.find("新青镇佳园小区2号楼"))
    assert np.allclose(spot, SPOTS["east-2"], atol=1e-9)
    assert known.spot_of(known.book.find("没有这个地方")) is None
