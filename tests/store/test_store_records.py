"""Records: identity by key, equal rows recognised, one filter for lists, counts and columns."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import shapely

from geo import model
from geo.errors import Forbidden, NotFound, Refused
from geo.model import AreaKind, WorkerKind
from geo.store.base import FIELDS, KINDS, RECORD_TYPES, AssignmentColumns, ImportRecord, Upserted
from tests.store.conftest import COUNTY, EAST, TOWN_A, WEST, generation, grid, household, published

MOMENT = dt.datetime(2025, 12, 1, 9, 30, 15, 250000, tzinfo=dt.timezone(dt.timedelta(hours=8)))
SQUARE = shapely.box(129.5, 48.0, 129.6, 48.1)
TWO = shapely.MultiPolygon([SQUARE, shapely.box(130.0, 48.0, 130.1, 48.1)])
RING = SQUARE.difference(shapely.box(129.52, 48.02, 129.58, 48.08))
# One full row of each kind, and the same row with something else in it.
SAMPLES = {
    "areas": (
        {"code": TOWN_A, "name": "新青镇", "kind": AreaKind.TOWN, "official_name": "", "parent_code": COUNTY}
        | {"geometry": RING},
        {"name": "新青"},
    ),
    "compounds": (
        {"source_key": "c1", "community_code": EAST, "name": "铁路家属院", "kind": "compound", "address_text": "a"}
        | {"aliases": ("老院", '"引号"'), "geometry": SQUARE},
        {"aliases": ()},
    ),
    "buildings": (
        {"source_key": "b1", "community_code": EAST, "compound": "x", "number": "3", "geometry": RING}
        | {"stairwells": 4, "dwellings": 40, "use": "住宅", "address_text": "红旗街3号楼"},
        {"geometry": shapely.Point(129.5, 48.0)},
    ),
    "households": (
        household(1, raw_x=129.51, raw_y=None, datum="gcj02", resident=False, persons=3, elderly=1, building_id="b"),
        {"lon": None, "lat": None},
    ),
    "gridworkers": (
        {"source_key": "w1", "kind": WorkerKind.PART_TIME, "community_code": EAST, "grid_id": None, "name": "甲"}
        | {"phone": "1", "post": "网格长", "grid_ids": ("g1",), "unit": "派出所"},
        {"grid_id": "grid-001"},
    ),
    "party_groups": (
        {"source_key": "p1", "level": model.PartyLevel.GROUP, "name": "第一党小组", "community_code": EAST}
        | {"parent_key": "p0", "grid_ids": ("g1", "g2")},
        {"grid_ids": ("g2",)},
    ),
    "anchor_households": (
        {"source_key": "a1", "community_code": EAST, "lon": 129.5, "lat": 48.0, "household_key": "h1"}
        | {"linked_keys": ("h2", "h3")},
        {"lat": 48.5},
    ),
    "service_centres": (
        {"source_key": "s1", "name": "中心", "community_code": EAST, "lon": 129.5, "lat": 48.0}
        | {"floor_area_m2": 812.5, "planned": True, "centre_key": "s"},
        {"planned": False},
    ),
    "incidents": (
        {"source_key": "i1", "received_at": MOMENT, "category_code": "heating", "address_text": "暖气不热"}
        | {"community_hint": EAST, "lon": 129.5, "lat": 48.0, "accuracy_m": 30.0},
        {"received_at": MOMENT + dt.timedelta(milliseconds=1)},
    ),
    "places": (
        {"source_key": "p", "community_code": EAST, "name": "前进小学", "kind": "school", "lon": 129.5, "lat": 48.0},
        {"aliases": ("前进小学后身",)},
    ),
    "duties": (
        {"source_key": "d1", "category_code": "heating", "unit": "供热公司", "phone": "0458-1", "grid_id": None},
        {"grid_id": "g"},
    ),
    "lines": (
        {"source_key": "l1", "name": "汤旺河", "kind": "river", "barrier": True}
        | {"geometry": shapely.LineString([(129.5, 48.0), (129.6, 48.1)])},
        {"barrier": False},
    ),
    "aliases": (
        {"source_key": "x1", "alias": "老电影院", "kind": "place", "target_key": "p"},
        {"note": "更正"},
    ),
}


def put(store, actor, kind, rows):
    with store.writing(actor) as session:
        done = session.upsert(kind, rows)
        session.commit()
    return done


def test_the_samples_cover_every_kind():
    assert tuple(SAMPLES) == KINDS == tuple(FIELDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_makes_the_model_value_again(store, planner, kind):
    put(store, planner, kind, [SAMPLES[kind][0]])
    with store.reading(planner) as session:
        (row,) = session.rows(kind)
    made = RECORD_TYPES[kind](**row)
    for name, given in SAMPLES[kind][0].items():
        assert getattr(made, name) == given, name


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_comes_back_as_it_went_in_and_is_known_again(store, planner, kind):
    row, change = SAMPLES[kind]
    assert put(store, planner, kind, [row]) == Upserted(1, 0, 0)
    assert put(store, planner, kind, [row]) == Upserted(0, 0, 1)
    with store.reading(planner) as session:
        (first,) = session.rows(kind)
    assert first["county_code"] == COUNTY
    assert {name: first[name] for name in row} == row
    assert put(store, planner, kind, [{**row, **change}]) == Upserted(0, 1, 0)
    with store.reading(planner) as session:
        (second,) = session.rows(kind)
    assert {name: second[name] for name in change} == change
    assert second["id"] == first["id"]


def test_geometry_keeps_every_bit(store, planner):
    tenth = shapely.Polygon([(129.1, 48.1), (129.3 + 1e-14, 48.1), (129.2, 48.3), (129.1, 48.1)])
    rows = [
        {"code": "230724", "name": "县", "kind": AreaKind.COUNTY, "geometry": TWO},
        {"code": EAST, "name": "社区", "kind": AreaKind.COMMUNITY, "geometry": tenth},
        {"code": WEST, "name": "社区二", "kind": AreaKind.COMMUNITY, "geometry": None},
    ]
    put(store, planner, "areas", rows)
    with store.reading(planner) as session:
        county, east, west = session.areas()
    assert shapely.to_wkb(county.geometry) == shapely.to_wkb(TWO)
    assert shapely.to_wkb(east.geometry) == shapely.to_wkb(tenth)
    assert west.geometry is None
    assert east.kind is AreaKind.COMMUNITY


def test_an_id_given_with_a_new_row_is_kept_and_later_ones_do_not_change_it(store, planner):
    put(store, planner, "households", [household(1, id="mine")])
    put(store, planner, "households", [household(1, id="other", persons=2), household(2)])
    with store.reading(planner) as session:
        rows = session.rows("households", order_by=("source_key",))
    assert rows[0]["id"] == "mine"
    assert rows[0]["persons"] == 2
    assert len(rows[1]["id"]) == 36


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ({"colour": "red"}, None),
        ({"persons": "three"}, "persons"),
        ({"persons": True}, "persons"),
        ({"persons": 2**40}, "persons"),
        ({"lon": "129.5"}, "lon"),
        ({"lon": float("inf")}, "lon"),
        ({"resident": 1}, "resident"),
        ({"address_text": None}, "address_text"),
        ({"address_text": "a\x00b"}, "address_text"),
        ({"address_text": "a\ud800b"}, "address_text"),
        ({"community_code": 230724100001}, "community_code"),
        ({"source_key": ""}, None),
        ({"county_code": "230725"}, None),
    ],
)
def test_a_bad_row_is_refused_by_name_and_nothing_is_written(store, planner, bad, column):
    with store.writing(planner) as session:
        with pytest.raises(Refused) as caught:
            session.upsert("households", [household(1), household(2, **bad)])
        assert caught.value.where.column == column
        if column:
            assert caught.value.where.feature == "h2"
        session.commit()
    with store.reading(planner) as session:
        assert session.count("households") == 0


def test_missing_doubled_and_unfit_values_are_refused(store, planner):
    incident = SAMPLES["incidents"][0]
    cases = [
        ("households", [{"source_key": "h1", "address_text": "x"}], "community_code"),
        ("households", [household(1), household(1)], "twice"),
        ("incidents", [{**incident, "received_at": dt.datetime(2025, 1, 1)}], "received_at"),  # noqa: DTZ001
        ("buildings", [{**SAMPLES["buildings"][0], "geometry": "POINT (1 1)"}], "geometry"),
        ("areas", [{**SAMPLES["areas"][0], "geometry": shapely.Point(1, 1)}], "multipolygon"),
        ("buildings", [{**SAMPLES["buildings"][0], "geometry": shapely.Point(float("nan"), 1)}], "geometry"),
        ("party_groups", [{**SAMPLES["party_groups"][0], "grid_ids": "g1"}], "list of texts"),
        ("persons", [], "not a kind"),
    ]
    with store.writing(planner) as session:
        for kind, rows, told in cases:
            with pytest.raises(Refused, match=told):
                session.upsert(kind, rows)


def test_where_order_and_pages(store, planner):
    put(store, planner, "households", [household(n, EAST if n % 2 else WEST, persons=n % 3) for n in range(10)])
    put(store, planner, "households", [household(10, lon=None, lat=None)])
    with store.reading(planner) as session:

        def keys(**asked):
            return [row["source_key"] for row in session.rows("households", columns=["source_key"], **asked)]

        assert keys(where={"source_key": "h3"}) == ["h3"]
        assert keys(where={"source_key": ["h3", "h1", "nobody"]}, order_by=("source_key",)) == ["h1", "h3"]
        assert keys(where={"source_key": []}) == []
        assert keys(where={"lon": None}) == ["h10"]
        assert keys(where={"community_code": WEST, "persons": 0}, order_by=("source_key",)) == ["h0", "h6"]
        assert keys(where={"persons": np.array([2])}, order_by=("-source_key",)) == ["h8", "h5", "h2"]
        assert keys(order_by=("source_key",), limit=3, offset=2) == ["h10", "h2", "h3"]
        many = [f"h{n}" for n in range(3, 2000)]
        assert len(keys(where={"source_key": many})) == 8
        assert session.count("households", where={"source_key": many}) == 8
        for asked in ({"where": {"1=1 --": 1}}, {"order_by": ("random()",)}, {"columns": ["geom"]}):
            with pytest.raises(Refused, match="no field"):
                session.rows("households", **asked)


def test_text_is_text_and_never_a_pattern_or_sql(store, planner):
    odd = ["%", "_", "'; DROP TABLE households; --", "a\\b", "a\tb\nc\r", "\\N", "𠮷", '"', "", "NULL"]
    put(store, planner, "households", [household(n, room=word) for n, word in enumerate(odd)])
    with store.reading(planner) as session:
        for n, word in enumerate(odd):
            found = session.rows("households", where={"room": word}, columns=["source_key", "room"])
            assert found == [{"source_key": f"h{n}", "room": word}]


def test_columns_are_typed_and_ordered_by_id(store, planner):
    rows = [household(n, persons=n, id=f"id-{9 - n}", lon=None if n == 4 else 129.0 + n) for n in range(10)]
    put(store, planner, "households", rows)
    put(store, planner, "party_groups", [SAMPLES["party_groups"][0]])
    names = ["id", "lon", "persons", "resident", "building_id", "address_text"]
    with store.reading(planner) as session:
        found = session.columns("households", names)
        empty = session.columns("households", ["id", "lon"], where={"source_key": "nobody"})
        groups = session.columns("party_groups", ["grid_ids"])
    assert list(found) == names
    assert found["id"].tolist() == [f"id-{n}" for n in range(10)]
    assert [found[name].dtype.kind for name in names] == ["O", "f", "i", "b", "O", "O"]
    assert np.isnan(found["lon"][5])
    assert found["persons"].tolist() == list(range(9, -1, -1))
    assert found["building_id"][0] is None
    assert empty["id"].shape == empty["lon"].shape == (0,)
    assert empty["lon"].dtype == np.float64
    assert groups["grid_ids"][0] == ("g1", "g2")


def test_many_rows_go_the_fast_way_with_the_same_result(store, planner):
    rows = [household(n, room=f"{n}\t室") for n in range(1200)]
    assert put(store, planner, "households", rows) == Upserted(1200, 0, 0)
    changed = [{**row, "lat": 48.9} if n % 2 else row for n, row in enumerate(rows)]
    assert put(store, planner, "households", [*changed, household(5000)]) == Upserted(1, 600, 600)
    with store.reading(planner) as session:
        assert session.count("households", where={"lat": 48.9}) == 600
        assert session.rows("households", where={"source_key": "h7"}, columns=["room", "lat"]) == [
            {"room": "7\t室", "lat": 48.9}
        ]


# -- whose area ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["households", "gridworkers", "party_groups", "anchor_households", "incidents"])
def test_lists_counts_and_columns_agree_and_show_the_actors_areas_only(store, planner, town_a, town_b, kind):
    field = "community_hint" if kind == "incidents" else "community_code"
    rows = [{**SAMPLES[kind][0], "source_key": f"k{n}", field: EAST if n < 3 else WEST} for n in range(5)]
    put(store, planner, kind, rows)
    for actor, seen in ((planner, 5), (town_a, 3), (town_b, 2)):
        with store.reading(actor) as session:
            listed = sorted(row["id"] for row in session.rows(kind))
            assert len(listed) == seen == session.count(kind)
            assert session.columns(kind, ["id"])["id"].tolist() == listed
            one = session.count(kind, where={"source_key": "k0"})
            assert one == (actor.sees(EAST))


def test_an_actor_without_areas_sees_no_household_but_every_area(store, planner, town_a):
    nobody = type(town_a)("nobody", town_a.role, ())
    put(store, planner, "households", [household(1)])
    put(store, planner, "areas", [SAMPLES["areas"][0]])
    with store.reading(nobody) as session:
        assert session.count("households") == 0
        assert len(session.areas()) == 1


def test_a_prefix_is_no_pattern(store, planner, town_a):
    sly = type(town_a)("sly", town_a.role, ("%", "______", "23072410_"))
    put(store, planner, "households", [household(1)])
    with store.reading(sly) as session:
        assert session.count("households") == 0


def test_nobody_writes_people_outside_the_own_areas(store, planner, town_a):
    put(store, planner, "households", [household(1, EAST), household(2, WEST)])
    with store.writing(town_a) as session:
        session.upsert("households", [household(1, EAST, persons=4)])
        for row in (household(3, WEST), household(2, EAST)):
            with pytest.raises(Forbidden):
                session.upsert("households", [row])


def test_the_right_to_see_moves_with_the_redraw(store, planner, town_a, town_b):
    """A household is seen by the community of its grid now in force, from the activation on."""
    put(store, planner, "households", [household(1, EAST)])
    with store.writing(planner) as session:
        published(session, 1, [grid(1, EAST), grid(2, WEST)], dt.date(2025, 1, 1))
        (home,) = session.columns("households", ["id"])["id"]
        session.put_assignments("generation-1", "household", [placed(home, "grid-001")])
        session.put_generation(generation(2))
        session.put_grids("generation-2", [grid(1, EAST), grid(2, WEST)])
        session.put_assignments("generation-2", "household", [placed(home, "grid-002")])
        session.commit()
    assert [seen(store, actor) for actor in (town_a, town_b)] == [1, 0]
    with store.writing(planner) as session:
        session.activate("generation-2", effective_from=dt.date(2026, 1, 1), published_at=MOMENT)
        session.commit()
    assert [seen(store, actor) for actor in (town_a, town_b)] == [0, 1]


def placed(home, grid_id):
    return AssignmentColumns(subject_id=[home], grid_id=[grid_id], exclusive_ids=[""], basis=["interior"])


def seen(store, actor):
    with store.reading(actor) as session:
        active = session.generation()
        counted = sum(session.assignment_counts(active.id, "household").values())
        assert session.count("households") == counted
        assert len(session.assignments(active.id, "household")["subject_id"]) == counted
        return counted


# -- provenance ----------------------------------------------------------------------------------


def test_imports_are_kept_in_order_with_raw_rows_for_the_county_alone(store, planner, town_a):
    records = [
        ImportRecord(
            id=f"import-{n}",
            county_code=COUNTY,
            kind="households",
            file_name="住户.csv",
            sha256="0" * 64,
            datum="wgs84",
            encoding="gb18030",
            rows_read=2,
            rows_refused=n,
            raw_rows=[{"户号": f"{n}", "地址": "红旗街"}],
        )
        for n in range(2)
    ]
    with store.writing(planner) as session:
        for record in records:
            session.record_import(record)
        session.commit()
    with store.reading(planner) as session:
        assert [(r.id, r.rows_refused, r.encoding, r.raw_rows) for r in session.imports()] == [
            ("import-0", 0, "gb18030", ()),
            ("import-1", 1, "gb18030", ()),
        ]
        assert session.import_rows("import-1") == [{"户号": "1", "地址": "红旗街"}]
    with store.reading(town_a) as session, pytest.raises(NotFound):
        session.import_rows("import-1")
