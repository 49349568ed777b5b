"""A small county put straight into a store: two towns, fourteen grids, homes, buildings, people, a river, incidents.

Grids stand in a lattice of cells; ``cell(column, row)`` is one. Community EAST holds columns 0-3, WEST columns 4-6,
each with rows 0 and 1. Every grid holds homes of its own number, so that loads are uneven.
"""

from __future__ import annotations

import datetime as dt
import itertools

import shapely

from geo.authority import local_planner
from geo.crs import snap_geometry
from geo.model import AreaKind, Generation, GenerationState, Grid, GridKind
from geo.services.placement import place_subjects
from geo.services.published import load_coverage

COUNTY = "230724"
TOWN_A, TOWN_B = f"{COUNTY}100", f"{COUNTY}101"
EAST, WEST = f"{TOWN_A}001", f"{TOWN_B}001"
NAMES = {EAST: "黎明社区", WEST: "东升社区"}
COLUMNS = {EAST: range(4), WEST: range(4, 7)}
ROWS = range(2)
LON, LAT = 129.5, 48.2
WIDE, HIGH = 0.005, 0.004
FIRST = dt.date(2025, 1, 1)
PLANNER = local_planner(COUNTY)


def clock():
    return dt.datetime(2025, 3, 1, 8, tzinfo=dt.UTC)


def new_ids(prefix="new"):
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers):04d}"


def cell(column, row, *, columns=1, rows=1):
    west, south = LON + column * WIDE, LAT + row * HIGH
    return snap_geometry(shapely.box(west, south, west + columns * WIDE, south + rows * HIGH))


def grid_id(column, row):
    return f"g{column}{row}"


def base_grids():
    found = []
    for community, columns in COLUMNS.items():
        numbered = itertools.count(1)
        for row, column in itertools.product(ROWS, columns):
            number = next(numbered)
            found.append(
                Grid(
                    id=grid_id(column, row),
                    county_code=COUNTY,
                    kind=GridKind.BASE,
                    name=f"第{number}网格",
                    community_code=community,
                    geometry=cell(column, row),
                    local_code=str(number),
                    source_key=f"{community}/{number}",
                )
            )
    return sorted(found, key=lambda g: g.id)


def overlay():
    return Grid(
        id="x-school",
        county_code=COUNTY,
        kind=GridKind.EXCLUSIVE,
        name="第一中学",
        community_code=EAST,
        geometry=snap_geometry(shapely.box(LON + 0.001, LAT + 0.001, LON + 0.002, LAT + 0.002)),
        source_key="school",
        owner_unit="第一中学",
    )


def homes_of(column, row):
    return 6 + 3 * column + 5 * row


def home_rows():
    rows = [
        {
            "source_key": f"h{column}{row}-{n:02d}",
            "community_code": community,
            "address_text": f"红旗街{column}{row}号",
            "lon": LON + (column + (n % 5 + 1) / 6.5) * WIDE,
            "lat": LAT + (row + (n // 5 + 1) / 11.3) * HIGH,
            "persons": 1 + n % 4,
            "elderly": n % 2,
            "resident": n % 7 != 6,
        }
        for community, columns in COLUMNS.items()
        for column, row in itertools.product(columns, ROWS)
        for n in range(homes_of(column, row))
    ]
    rows.append({"source_key": "h-nowhere", "community_code": EAST, "address_text": "无", "persons": 2})
    return rows


def building_rows():
    rows = []
    for community, columns in COLUMNS.items():
        for column, row in itertools.product(columns, ROWS):
            west, south = LON + (column + 0.4) * WIDE, LAT + (row + 0.4) * HIGH
            rows.append(
                {
                    "source_key": f"b{column}{row}",
                    "community_code": community,
                    "compound": f"红林{column}小区",
                    "number": str(row + 1),
                    "geometry": snap_geometry(shapely.box(west, south, west + 0.001, south + 0.0008)),
                }
            )
    return rows


def compound_rows():
    outline = shapely.box(LON + 1.2 * WIDE, LAT + 0.2 * HIGH, LON + 1.8 * WIDE, LAT + 1.8 * HIGH)
    return [{"source_key": "c1", "name": "红林1小区", "community_code": EAST, "geometry": snap_geometry(outline)}]


def people():
    workers, groups = (
        [],
        [
            {"source_key": "B1", "level": "branch", "name": "第一党支部", "community_code": EAST},
            {"source_key": "B2", "level": "branch", "name": "第二党支部", "community_code": EAST},
            {"source_key": "B3", "level": "branch", "name": "第三党支部", "community_code": WEST},
        ],
    )
    for grid in base_grids():
        column = int(grid.id[1])
        workers.append(
            {
                "source_key": f"w-{grid.id}",
                "kind": "full_time",
                "community_code": grid.community_code,
                "grid_id": grid.id,
                "grid_ids": (grid.id,),
                "name": "甲",
            }
        )
        branch = "B3" if grid.community_code == WEST else "B1" if column < 2 else "B2"
        groups.append(
            {
                "source_key": f"p-{grid.id}",
                "level": "group",
                "name": f"{grid.id}党小组",
                "community_code": grid.community_code,
                "parent_key": branch,
                "grid_ids": (grid.id,),
            }
        )
    workers.append(
        {
            "source_key": "part-time",
            "kind": "part_time",
            "community_code": EAST,
            "grid_id": "g00",
            "grid_ids": ("g00", "g10"),
            "name": "乙",
        }
    )
    return workers, groups


def area_rows():
    rows = [{"code": COUNTY, "name": "丰林县", "kind": AreaKind.COUNTY.value}]
    for town, name in ((TOWN_A, "新青镇"), (TOWN_B, "红星镇")):
        rows.append({"code": town, "name": name, "kind": AreaKind.TOWN.value, "parent_code": COUNTY})
    for community, columns in COLUMNS.items():
        outline = cell(columns[0], 0, columns=len(columns), rows=2)
        rows.append(
            {
                "code": community,
                "name": NAMES[community],
                "kind": AreaKind.COMMUNITY.value,
                "parent_code": community[:9],
                "geometry": outline,
            }
        )
    return rows


def rest_rows():
    river = shapely.LineString([(LON + 2.5 * WIDE, LAT - HIGH), (LON + 2.5 * WIDE, LAT + 3 * HIGH)])
    street = shapely.LineString([(LON - WIDE, LAT + HIGH), (LON + 9 * WIDE, LAT + HIGH)])
    lines = [
        {"source_key": "river", "kind": "river", "name": "汤旺河", "barrier": True, "geometry": river},
        {"source_key": "rail", "kind": "railway", "name": "铁路", "barrier": True, "geometry": street},
    ]
    anchors = [
        {
            "source_key": f"a{column}",
            "community_code": EAST,
            "lon": LON + (column + 1 / 6.5) * WIDE,
            "lat": LAT + (1 / 11.3) * HIGH,
            "household_key": f"h{column}0-00",
            "linked_keys": (f"h{column}0-01", f"h{column}0-02"),
        }
        for column in range(3)
    ]
    incidents = [
        {
            "source_key": f"case{column}{row}",
            "received_at": dt.datetime(2025, 2, 1, tzinfo=dt.UTC),
            "category_code": "供热",
            "address_text": "x",
            "lon": LON + (column + 0.5) * WIDE,
            "lat": LAT + (row + 0.5) * HIGH,
        }
        for column, row in itertools.product(range(7), ROWS)
    ]
    return lines, anchors, incidents


def settle(store, *, generation_id="generation-1"):
    """Fill a store and put the fourteen grids into force from `FIRST`."""
    workers, groups = people()
    lines, anchors, incidents = rest_rows()
    with store.writing(PLANNER) as session:
        for kind, rows in (
            ("areas", area_rows()),
            ("buildings", building_rows()),
            ("compounds", compound_rows()),
            ("households", home_rows()),
            ("gridworkers", workers),
            ("party_groups", groups),
            ("lines", lines),
            ("anchor_households", anchors),
            ("incidents", incidents),
        ):
            session.upsert(kind, rows)
        generation = Generation(
            id=generation_id, county_code=COUNTY, serial=1, state=GenerationState.INACTIVE, effective_from=None
        )
        session.put_generation(generation)
        session.put_grids(generation.id, [*base_grids(), overlay()])
        place_subjects(session, generation.id, load_coverage(session, generation))
        session.activate(generation.id, effective_from=FIRST, published_at=clock())
        session.note("activate", generation.id)
        session.commit()
    return generation.id


def merge(*cells, into=None):
    names = [grid_id(*c) for c in cells]
    return {"op": "merge", "grids": names, "into": into or names[0]}


def rename(column, row, name):
    return {"op": "rename", "grid": grid_id(column, row), "name": name}
