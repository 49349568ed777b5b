"""Made-up counties to redraw, random edits of them, and all that must be true after each; seeded."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import shapely

from geo.crs import from_lattice, metric_for, snap_geometry
from geo.model import Area, AreaKind, Grid, GridKind
from geo.reach import reach_of_grids
from geo.services.ground import Ground, Homes
from geo.services.redraw import Drawing
from geo.services.splits import Outlines
from geo.topology.edits import Merge, Patch
from geo.topology.edits.bends import same_outline
from geo.topology.invariants import verify

COUNTY = "230724"
METRIC = metric_for(129.5)
EAST, NORTH = 540_000.0, 5_350_000.0
KINDS = (
    *("merge", "split", "split", "split", "split_by", "transfer", "transfer", "piece"),
    *("move_node", "move_node", "move_node", "move_edge", "move_edge", "dissolve", "rename", "set_kind"),
)


def community(number):
    return f"{COUNTY}100{number:03}"


def ground_plan(size, rng, *, gap=True):
    """Return `size` or so polygons in metres that tile a slanted outline, some of them of several cells."""
    side = 300.0 * np.sqrt(size)
    points = rng.uniform(0, side, (size + size // 4, 2))
    frame = shapely.Polygon([(0, 13), (side * 0.97, -17), (side, side * 0.93), (side * 0.4, side), (-11, side * 0.9)])
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=frame))
    cells = [c for c in shapely.intersection(cells, frame).tolist() if c.area > 100]
    while len(cells) > size:
        one = cells.pop(int(rng.integers(len(cells))))
        near = [i for i, c in enumerate(cells) if shapely.length(shapely.intersection(c, one)) > 1]
        cells[near[0]] = shapely.coverage_union_all([cells[near[0]], one])
    inner = [i for i, c in enumerate(cells) if c.distance(frame.exterior) > 1]
    if gap and len(inner) > 3 and rng.random() < 0.3:
        cells.pop(inner[0])  # legitimate land between two towns
    return shapely.transform(np.array(cells, dtype=object), lambda c: c + np.array([EAST, NORTH]))


def base_drawing(size, rng, *, communities=2):
    """Return a county of base grids in communities west to east."""
    plane = ground_plan(size, rng)
    degrees = snap_geometry(METRIC.unproject(plane))
    order = np.argsort(shapely.get_x(shapely.centroid(plane)))
    part = np.empty(len(plane), int)
    part[order] = np.arange(len(plane)) * communities // len(plane)
    grids = [
        Grid(
            id=f"g{i:03}",
            county_code=COUNTY,
            kind=GridKind.BASE,
            name=f"第{i + 1}网格",
            community_code=community(int(part[i])),
            geometry=degrees[i],
            local_code=str(i + 1),
        )
        for i in range(len(plane))
    ]
    return Drawing.of(grids)


def ground_of(drawing, rng, *, homes=60):
    """Return what scores are computed from: homes (some on vertices), people, a river, buildings, incidents."""
    grids = drawing.grids()
    ids = tuple(g.id for g in grids)
    shapes = np.array([g.geometry for g in grids], dtype=object)
    west, south, east, north = shapely.total_bounds(shapes)
    vertices = shapely.get_coordinates(shapes)
    spots = np.column_stack([rng.uniform(west, east, homes), rng.uniform(south, north, homes)])
    spots[: homes // 6] = vertices[rng.integers(len(vertices), size=homes // 6)]
    spots[-1] = np.nan
    inside = [
        np.flatnonzero(shapely.intersects_xy(shapes, *p))[:1].tolist() if np.isfinite(p).all() else [] for p in spots
    ]
    base = np.array([found[0] if found else -1 for found in inside], dtype=np.int64)
    held = Homes(
        lon=spots[:, 0],
        lat=spots[:, 1],
        base=base,
        resident=rng.random(homes) < 0.8,
        near=rng.random(homes) < 0.3,
        linked=rng.random(homes) < 0.3,
        persons=rng.integers(1, 5, homes).astype(float),
        load=rng.integers(0, 3, homes).astype(float),
    )
    workers = tuple({"id": f"w{i}", "grid_id": i} for i in ids if rng.random() < 0.9)
    groups = tuple({"id": f"p{i}", "grid_ids": (i,)} for i in ids if rng.random() < 0.9)
    anchors = np.array([int(rng.integers(homes)) for _ in range(3)] + [-1], dtype=np.int64)
    river = shapely.LineString([((west + east) / 2, south - 0.01), ((west + east) / 2 + 0.001, north + 0.01)])
    codes = sorted({g.community_code for g in grids})
    return Ground(
        drawing=drawing,
        metric=METRIC,
        ids=ids,
        shapes=shapes,
        areas_m2=METRIC.area_m2(shapes),
        homes=held,
        case_lon=spots[:9, 0],
        case_lat=spots[:9, 1],
        case_load=0.5,
        workers=workers,
        groups=groups,
        anchors=anchors,
        barriers=(("汤旺河", METRIC.project(river)),),
        communities={
            c: shapely.coverage_union_all([g.geometry for g in grids if g.community_code == c]) for c in codes
        },
        areas={
            c: Area(id=c, county_code=COUNTY, code=c, name=c, kind=AreaKind.COMMUNITY, parent_code=c[:9]) for c in codes
        },
        outlines=_buildings(spots[-12:-1], METRIC),
        guidance=(5, 20),
        snap_m=15.0,
        reach_before=tuple(_reach_today(held, workers, groups, anchors, ids)),
    )


def _buildings(spots, metric):
    x, y = metric.forward(spots[:, 0], spots[:, 1])
    shapes = shapely.box(x - 20, y - 6, x + 20, y + 6)
    names = tuple(f"b{i}" for i in range(len(shapes)))
    kinds = ("buildings",) * len(shapes)
    return Outlines(kinds, names, names, shapes, shapely.area(shapes), shapely.STRtree(shapes))


def _reach_today(homes, workers, groups, anchors, ids):
    place = {name: i for i, name in enumerate(ids)}
    live = homes.resident
    return reach_of_grids(
        len(ids),
        household_grid=homes.base[live],
        household_near=homes.near[live],
        household_linked=homes.linked[live],
        workers_in=[place[w["grid_id"]] for w in workers],
        groups_in=[place[g] for row in groups for g in row["grid_ids"]],
        anchors_in=np.append(homes.base, -1)[anchors].tolist(),
    )


# -- random edits ------------------------------------------------------------------------------------------
def random_edit(drawing, rng, number, *, kinds=KINDS):
    """Return an edit that may fit; `number` names what is new in it."""
    coverage = drawing.coverage
    kind = kinds[rng.integers(len(kinds))]
    if kind in ("merge", "transfer", "piece"):
        return _between_neighbours(coverage, rng, kind)
    if kind in ("move_node", "move_edge"):
        return _moved(coverage, rng, kind)
    grid = coverage.ids[rng.integers(len(coverage))]
    cut = {"line": _line(coverage, grid, rng)}
    fields = {
        "split": {**cut, "id": f"n{number}"},
        "split_by": {
            "lines": [_line(coverage, grid, rng) for _ in range(2)],
            "ids": [f"n{number}-{i}" for i in range(rng.integers(1, 4))],
        },
        "dissolve": cut if rng.random() < 0.3 else {},
        "set_kind": {"kind": "exclusive"},
        "rename": {"name": f"网格{number}"},
    }
    return {"op": kind, "grid": grid, **fields[kind]}


def _between_neighbours(coverage, rng, kind):
    pairs = coverage.neighbours()
    pair = rng.permutation(pairs[rng.integers(len(pairs))]) if len(pairs) else [0, 0]
    a, b = (coverage.ids[i] for i in pair)
    if kind == "merge":
        return {"op": "merge", "grids": [a, b], "into": a}
    if kind == "piece":
        edge = coverage.edges[rng.integers(len(coverage.edges))]
        ring = shapely.Point(from_lattice(edge[0])).buffer(rng.uniform(0.0002, 0.004), quad_segs=2)
        return {"op": "transfer", "from": a, "to": b, "piece": shapely.get_coordinates(ring).tolist()}
    inside = shapely.get_coordinates(coverage.polygon(a).representative_point())[0].tolist()
    side = {"inside": inside} if rng.random() < 0.3 else {}
    return {"op": "transfer", "from": a, "to": b, "line": _line(coverage, a, rng), **side}


def _moved(coverage, rng, kind):
    inner = np.flatnonzero((coverage.left >= 0) & (coverage.right >= 0))
    # Now and then the outer boundary, which must be refused.
    number = rng.choice(inner) if len(inner) and rng.random() < 0.8 else rng.integers(len(coverage.edges))
    edge = coverage.edges[number]
    at = int(rng.integers(len(edge) - 1))
    if kind == "move_node":
        return {"op": "move_node", "node": edge[at].tolist(), "to": _shifted(edge[at], rng)}
    middle = (edge[at] + edge[at + 1]) // 2
    return {"op": "move_edge", "edge": edge[[at, at + 1]].tolist(), "to": _shifted(middle, rng)}


def _line(coverage, grid, rng):
    """Return a line through or past a grid, of one to three segments."""
    west, south, east, north = coverage.polygon(grid).bounds
    spread = np.array([east - west, north - south])
    inner = shapely.get_coordinates(coverage.polygon(grid).representative_point())[0]
    turn = rng.uniform(0, np.pi)
    way = np.array([np.cos(turn), np.sin(turn)]) * spread * 1.5
    bend = inner + rng.uniform(-0.2, 0.2, 2) * spread
    places = [inner - way, bend, inner + way] if rng.random() < 0.5 else [inner - way, inner + way]
    return np.array(places).tolist()


def _shifted(point, rng):
    reach = int(rng.choice([3, 300_000, 1_500_000]))
    return from_lattice(point + rng.integers(-reach, reach, 2, endpoint=True)).tolist()


# -- what must hold ----------------------------------------------------------------------------------------
def require_sound(base, drawing):
    """Hold one drawing to the invariants of a coverage, and to the ground it started from (a drawing and its lines)."""
    base, lines = base
    assert verify(drawing.coverage) == ()
    assert set(drawing.facts) == set(drawing.coverage.ids)
    # A node put into the outer boundary is rounded to the lattice: the line bends by less than a tenth of a millimetre,
    # and nodes put into its pieces later add to that, within the 0.4 mm of `geo.topology.edits.bends`.
    assert same_outline(base.coverage.outlines(), drawing.coverage.outlines()), "the extent moved"
    extent = drawing.coverage.extent()
    assert abs(float(shapely.area(drawing.coverage.polygons()).sum()) - extent.area) <= 1e-9 * extent.area
    assert extent.hausdorff_distance(base.coverage.extent()) <= 4e-9
    after = community_lines(drawing)
    assert lines.keys() == after.keys()
    for code, rings in lines.items():
        assert same_outline(rings, after[code]), f"the outline of {code} moved"
    near = Counter()
    for i, j in drawing.coverage.neighbours().tolist():
        near[i, j] += 1
    for face in range(len(drawing.coverage)):
        for e in drawing.coverage.around(face):
            pair = sorted((int(drawing.coverage.left[e]), int(drawing.coverage.right[e])))
            assert pair[0] < 0 or near[tuple(pair)] == 1


def community_lines(drawing):
    """Return the outline of every community by code."""
    held = {}
    for i in drawing.coverage.ids:
        held.setdefault(drawing.facts[i].community_code, []).append(i)
    merged = drawing.coverage
    for members in held.values():
        if len(members) > 1:
            merged = Merge(tuple(members), members[0]).apply(merged)
    return {code: merged.rings(merged.position(members[0])) for code, members in held.items()}


def require_way_back(before, after):
    """Undo bit for bit, by value and not by memory; and forth again."""
    back = Patch.between(after.coverage, before.coverage)
    assert back.apply(after.coverage) == before.coverage
    assert back.inverse(after.coverage).apply(before.coverage) == after.coverage


def through_bytes(drawing):
    """Return the grids of a drawing after a journey through the bytes a store keeps."""
    return [replace(g, geometry=shapely.from_wkb(shapely.to_wkb(g.geometry))) for g in drawing.grids()]
