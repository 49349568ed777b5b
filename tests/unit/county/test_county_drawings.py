"""Drawings on the demonstration county: its largest grids divided, and a community drawn from its roster alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.crs import metric_for, snap_geometry, to_lattice
from geo.errors import Refused
from geo.formats import read
from geo.planning.drawing import House, Load, Terrain, divide_ground, gather_grids, read_roster
from geo.services.drawing_rosters import roster_from_text
from geo.services.naming import house_number, plain_text
from geo.topology.coverage import Coverage
from geo.topology.edits import Split

DATA = Path(__file__).resolve().parents[3] / "data" / "boundaries"
METRIC = metric_for(129.5)


def rows(path):
    features = read(DATA / path).features
    return [f.properties for f in features], np.array([f.geometry for f in features], dtype=object)


@pytest.fixture(scope="module")
def land():
    lines, ways = rows("06_底图/道路河流铁路.geojson")
    return {
        "grids": rows("truth/grids.geojson"),
        "buildings": rows("06_底图/楼栋.gpkg"),
        "compounds": rows("06_底图/小区.geojson"),
        "lines": ways,
        "barriers": ways[[bool(p["barrier"]) for p in lines]],
    }


@pytest.mark.parametrize("key", ["新林社区/8", "新立中心社区/4", "建林社区/12", "东升社区/1"])
def test_large_grids_are_divided_along_streets_and_cut_no_compound(land, key):
    found = divided(land, key, share=0.7)
    assert len(found.loads) == 2
    assert found.along_m > 0.99 * found.cut_m


@pytest.mark.battery
@pytest.mark.parametrize("share", [0.35, 0.6])
def test_every_grid_of_the_county_is_divided_or_is_one_compound(land, share):
    whole = []
    for facts in land["grids"][0]:
        try:
            divided(land, facts["key"], share=share)
        except Refused as error:
            whole.append((facts["key"], error.code))
    assert whole == [(key, "not-divisible") for key in ("红建中心社区/2", "新立中心社区/7", "团结社区/7", "育林社区/3")]


def divided(land, key, *, share):
    """Divide a grid so that no part exceeds a share of its load, and check what came of it."""
    facts, shapes = land["grids"]
    ground = snap_geometry(shapes[[f["key"] for f in facts].index(key)])
    buildings, outlines = land["buildings"]
    inner = shapely.point_on_surface(outlines)
    held = np.flatnonzero(shapely.contains(ground, inner))
    flats = np.array([float(buildings[i]["套数"] or 1) for i in held])
    load = Load(shapely.get_x(inner[held]), shapely.get_y(inner[held]), flats)
    near = [
        s for group in ("compounds", "buildings") for s in land[group][1][shapely.intersects(land[group][1], ground)]
    ]
    terrain = Terrain(metric=METRIC, lines=land["lines"], barriers=land["barriers"], outlines=near)
    found = divide_ground(ground, terrain, load=load, max_load=float(flats.sum()) * share)
    ids = tuple(f"n{i}" for i in range(1, len(found.loads)))
    places = tuple(tuple(tuple(p) for p in to_lattice(line).tolist()) for line in found.lines)
    after = Split("a", places, ids).apply(Coverage.build([ground], ids=["a"]))
    parts = METRIC.project(np.array(after.polygons(), dtype=object))
    assert len(parts) == len(found.loads)
    loads = [float(flats[shapely.contains(p, inner[held])].sum()) for p in after.polygons()]
    assert sorted(loads) == sorted(found.loads)
    ground_m = METRIC.project(ground)
    for outline in shapely.intersection(METRIC.project(np.array(near, dtype=object)), ground_m).tolist():
        least = max(1.0, 0.01 * outline.area)
        assert sum(p.intersection(outline).area > least for p in parts) <= 1
    return found


@pytest.mark.parametrize("name", ["前进社区", "团结社区"])
def test_a_community_is_drawn_from_its_roster_alone(land, name):
    facts, shapes = land["grids"]
    chosen = [i for i, f in enumerate(facts) if f["community"] == name]
    buildings, outlines = land["buildings"]
    own = [i for i, b in enumerate(buildings) if b["社区"] == name]
    inner = shapely.point_on_surface(outlines[own])
    truth = np.full(len(own), -1)
    for position, grid in enumerate(chosen):
        truth[shapely.contains(shapes[grid], inner)] = position
    texts = [defaultdict(list) for _ in chosen]
    for i, grid in zip(own, truth.tolist(), strict=True):
        texts[grid][buildings[i]["小区"]].append(house_number(buildings[i]["楼号"] or ""))
    roster = roster_from_text(
        "\n".join(
            f"{facts[g]['name']}：" + "、".join(f"{c}{'、'.join(n)}号楼" if all(n) else c for c, n in held.items())
            for g, held in zip(chosen, texts, strict=True)
        )
    )
    houses = [
        House(buildings[i]["楼栋编号"], plain_text(buildings[i]["小区"]), house_number(buildings[i]["楼号"] or ""))
        for i in own
    ]
    owner, remarks = read_roster(roster, houses)
    assert remarks == []
    assert owner.tolist() == truth.tolist()
    names, areas = rows("01_行政区划/丰林县_社区村界.geojson")
    ground = snap_geometry(areas[[a["name"] for a in names].index(name)])
    found = gather_grids(
        ground,
        names=[line.grid for line in roster],
        owner=owner,
        buildings=list(outlines[own]),
        labels=[h.label for h in houses],
        lines=land["lines"],
        barriers=land["barriers"],
        metric=METRIC,
    )
    assert found.owner.tolist() == truth.tolist()
    assert len(found.coverage) == len(chosen)
    assert found.remarks == ()
    drawn = METRIC.project(np.array(found.coverage.polygons(), dtype=object))
    today = METRIC.project(shapes[chosen])
    shared = shapely.area(shapely.intersection(drawn, today)).sum()
    # Streets are where today's borders run, too.
    assert shared > 0.95 * shapely.area(today).sum()
