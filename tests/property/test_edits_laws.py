"""Laws of edits: what they make does not depend on how the grids were written down, nor on what lies elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geo.crs import from_lattice, to_lattice
from geo.errors import Refused
from geo.locate import GridIndex
from geo.services.redraw import redrawn
from geo.topology import Coverage, verify
from geo.topology.edits import Dissolve, Merge, MoveEdge, MoveNode, Split, Transfer
from tests.edit_histories import base_drawing, random_edit

SEEDS = st.integers(0, 2**32 - 1)
ORDINARY = settings(max_examples=200, deadline=None, database=None, derandomize=True)
LONG = settings(ORDINARY, max_examples=2_000)
# Degrees: what a border may bend by when a node comes into it, 0.4 mm.
GRAIN = 4e-9
X0, Y0 = 129_500_000_000, 48_200_000_000


def county(seed, *, size=(4, 10)):
    rng = np.random.default_rng(seed)
    return base_drawing(int(rng.integers(*size)), rng).coverage, rng


# -- the same edit on the same ground, written down otherwise ------------------------------------------------
def turned_rings(shape, rng):
    """Return a polygon with its rings begun elsewhere and run the other way."""
    rings = []
    for ring in shapely.get_rings(shape).tolist():
        points = np.roll(shapely.get_coordinates(ring)[:-1], int(rng.integers(100)), axis=0)
        rings.append(points[::-1] if rng.random() < 0.5 else points)
    return shapely.Polygon(rings[0], holes=rings[1:])


def rewritten(coverage, rng):
    """Return the same grids read in another order from other rings."""
    order = rng.permutation(len(coverage))
    shapes = coverage.polygons()
    parts = [[turned_rings(p, rng) for p in shapely.get_parts(shapes[i]).tolist()] for i in order]
    mixed = [p[0] if len(p) == 1 else shapely.MultiPolygon(p[::-1]) for p in parts]
    return Coverage.build(mixed, ids=[coverage.ids[i] for i in order])


def canonical(coverage):
    return {i: coverage.polygon(i).wkb for i in coverage.ids}


def made_of(coverage, edit):
    """Return what an edit makes as polygons by id, or the code of the refusal."""
    try:
        return canonical(edit.apply(coverage))
    except Refused as error:
        return error.code


def any_edit(coverage, rng):
    """Return one edit of any kind as a value."""
    ids = coverage.ids
    pairs = coverage.neighbours()
    a, b = (ids[i] for i in rng.permutation(pairs[rng.integers(len(pairs))]))
    edge = coverage.edges[rng.integers(len(coverage.edges))]
    at = int(rng.integers(len(edge) - 1))
    p, q = (tuple(v) for v in edge[[at, at + 1]].tolist())
    aside = rng.integers(-700_000, 700_000, 2)
    cut = (line_through(coverage, a, rng),)
    choices = (
        Merge((a, b), a),
        Split(a, cut, ("new",)),
        Transfer(a, b, cut),
        Dissolve(a),
        Dissolve(a, lines=cut),
        MoveNode(p, tuple((np.array(p) + aside).tolist())),
        MoveEdge((p, q), tuple(((np.array(p) + q) // 2 + aside).tolist())),
    )
    return choices[rng.integers(len(choices))]


def line_through(coverage, grid, rng):
    inner = to_lattice(shapely.get_coordinates(coverage.polygon(grid).representative_point())[0])
    far = rng.integers(-9_000_000, 9_000_000, 2)
    return tuple(map(tuple, [(inner - far).tolist(), (inner + far).tolist()]))


def holds_for_any_writing(seed):
    coverage, rng = county(seed)
    edit = any_edit(coverage, rng)
    other = rewritten(coverage, rng)
    assert canonical(other) == canonical(coverage)
    assert made_of(other, edit) == made_of(coverage, edit)


@ORDINARY
@given(SEEDS)
def test_order_start_and_direction_of_the_rings_change_nothing(seed):
    holds_for_any_writing(seed)


@pytest.mark.battery
@LONG
@given(SEEDS)
def test_order_start_and_direction_of_the_rings_change_nothing_at_length(seed):
    holds_for_any_writing(seed)


# -- the same edit on ground that was moved ------------------------------------------------------------------
def _shifted(p):
    return p + np.array([7_000_000, -3_000_000])


def _turned(p):
    return np.stack([X0 - (p[..., 1] - Y0), Y0 + (p[..., 0] - X0)], axis=-1)


def _mirrored(p):
    return np.stack([2 * X0 - p[..., 0], p[..., 1]], axis=-1)


def _doubled(p):
    return np.array([X0, Y0]) + 2 * (p - np.array([X0, Y0]))


MOTIONS = {"shift": _shifted, "turn": _turned, "mirror": _mirrored, "double": _doubled}


def moved_coverage(coverage, motion):
    shapes = [shapely.transform(s, lambda c: from_lattice(motion(to_lattice(c)))) for s in coverage.polygons()]
    return Coverage.build(shapes, ids=coverage.ids)


def moved_edit(edit, motion):
    def point(p):
        return tuple(motion(np.array(p)).tolist())

    def line(points):
        return tuple(point(p) for p in points)

    if isinstance(edit, (Split, Transfer, Dissolve)):
        return type(edit)(**{**fields(edit), "lines": tuple(line(one) for one in edit.lines)})
    if isinstance(edit, MoveNode):
        return MoveNode(point(edit.node), point(edit.to))
    if isinstance(edit, MoveEdge):
        return MoveEdge(line(edit.edge), point(edit.to))
    return edit


def fields(edit):
    return {name: getattr(edit, name) for name in edit.__dataclass_fields__}


def areas(made):
    """Return the exact shapes' areas, largest first, without the names: which part is the western one may change."""
    return made if isinstance(made, str) else sorted(shapely.area(list(map(shapely.from_wkb, made.values()))))


@pytest.mark.parametrize("motion", MOTIONS)
@settings(ORDINARY, max_examples=50)
@given(seed=SEEDS)
def test_moving_the_ground_moves_what_is_drawn_with_it(motion, seed):
    coverage, rng = county(seed)
    edit = any_edit(coverage, rng)
    # A degree of longitude is shorter on the ground, so which neighbour borders longest turns with the map.
    assume(not (isinstance(edit, Dissolve) and motion == "turn"))
    here = made_of(coverage, edit)
    there = made_of(moved_coverage(coverage, MOTIONS[motion]), moved_edit(edit, MOTIONS[motion]))
    if isinstance(here, str) or isinstance(there, str):
        assert here == there
        return
    factor = 4 if motion == "double" else 1
    assert areas(there) == pytest.approx([factor * a for a in areas(here)], rel=1e-6)


@ORDINARY
@given(SEEDS)
def test_merges_in_any_order_agree(seed):
    coverage, rng = county(seed, size=(6, 14))
    members = [coverage.ids[i] for i in rng.permutation(len(coverage))[: int(rng.integers(3, 6))]]
    keep = min(members)
    at_once = Merge(tuple(members), keep).apply(coverage)
    assert verify(at_once) == ()
    step_by_step = coverage
    for other in rng.permutation([m for m in members if m != keep]).tolist():
        step_by_step = Merge((other, keep), keep).apply(step_by_step)
    assert canonical(step_by_step) == canonical(at_once)


@ORDINARY
@given(SEEDS)
def test_edits_far_from_each_other_may_change_places(seed):
    coverage, rng = county(seed, size=(8, 16))
    first, second = any_edit(coverage, rng), any_edit(coverage, rng)
    if isinstance(second, Split):
        second = Split(second.grid, second.lines, ("newer",))
    one, two = made(coverage, first), made(coverage, second)
    if one is None or two is None or touched(coverage, one) & touched(coverage, two):
        return
    there, back = made(one, second), made(two, first)
    assert there is not None
    assert back is not None
    assert canonical(there) == canonical(back)


def made(coverage, edit):
    try:
        return edit.apply(coverage)
    except Refused:
        return None


def touched(before, after):
    """Return the grids whose outline an edit changed, with their neighbours."""
    was, now = canonical(before), canonical(after)
    changed = {i for i in was.keys() | now.keys() if was.get(i) != now.get(i)}
    pairs = [(before.ids[i], before.ids[j]) for i, j in before.neighbours().tolist()]
    return changed | {a for a, b in pairs if b in changed} | {b for a, b in pairs if a in changed}


# -- who changes grid ----------------------------------------------------------------------------------------
def only_what_was_redrawn_changes_hands(seed):
    rng = np.random.default_rng(seed)
    before = base_drawing(int(rng.integers(5, 12)), rng)
    after = None
    for number in range(12):
        try:
            after = before.after(random_edit(before, rng, number))
            break
        except Refused:
            continue
    if after is None:
        return
    points = probes(before, after, rng)
    was, now = held_by(before, points), held_by(after, points)
    changed = redrawn(before, after)
    moved = [shapely.symmetric_difference(shape_in(before, i), shape_in(after, i)) for i in changed]
    zone = shapely.union_all(moved) if moved else shapely.Point()
    for place, a, b in zip(points, was, now, strict=True):
        if a != b:
            assert shapely.distance(zone, shapely.Point(place)) <= GRAIN or on_a_border(before, place)
            assert {a, b} - {""} <= changed or on_a_border(before, place)


def probes(before, after, rng):
    """Return random points, all vertices, and the middles of all edges."""
    west, south, east, north = shapely.total_bounds(before.coverage.polygons())
    random = np.column_stack([rng.uniform(west, east, 300), rng.uniform(south, north, 300)])
    edges = [from_lattice(e) for d in (before, after) for e in d.coverage.edges]
    return np.concatenate([random, *edges, *((e[:-1] + e[1:]) / 2 for e in edges)])


def held_by(drawing, points):
    ids = sorted(drawing.coverage.ids)
    index = GridIndex.from_polygons([drawing.coverage.polygon(i) for i in ids])
    return [[*ids, ""][i] for i in index.locate_many(points[:, 0], points[:, 1]).tolist()]


def shape_in(drawing, grid_id):
    return drawing.coverage.polygon(grid_id) if grid_id in drawing.facts else shapely.Polygon()


def on_a_border(drawing, place):
    """Tell whether a point lies on a border, where a node's rounding to the lattice may pass it over."""
    lines = shapely.geometrycollections([shapely.linestrings(from_lattice(e)) for e in drawing.coverage.edges])
    return shapely.distance(lines, shapely.Point(place)) <= GRAIN


@ORDINARY
@given(SEEDS)
def test_only_points_in_what_was_redrawn_change_their_grid(seed):
    only_what_was_redrawn_changes_hands(seed)


@pytest.mark.battery
@settings(LONG, max_examples=10_000)
@given(SEEDS)
def test_only_points_in_what_was_redrawn_change_their_grid_at_length(seed):
    only_what_was_redrawn_changes_hands(seed)


# -- at the grain of the lattice -----------------------------------------------------------------------------
def grains(seed):
    """Return a coverage of cells some lattice steps wide, where every crossing is rounded by a good part of one."""
    rng = np.random.default_rng(seed)
    span = int(rng.integers(30, 400))
    frame = shapely.Polygon([(0, 0), (span, span // 9), (span - 3, span), (span // 7, span + 2)])
    points = shapely.multipoints(rng.uniform(0, span, (int(rng.integers(4, 12)), 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=frame))
    cells = shapely.set_precision(shapely.intersection(cells, frame), 1.0)
    lines = shapely.get_parts(shapely.union_all(shapely.boundary(cells), grid_size=1.0))
    faces = shapely.get_parts(shapely.polygonize(lines))
    return shapely.transform(faces, lambda c: from_lattice(np.rint(c).astype(np.int64) + np.array([X0, Y0]))), rng


def grain_edit(coverage, rng):
    def spot():
        west, south, east, north = to_lattice(shapely.total_bounds(coverage.polygons())).tolist()
        return int(rng.integers(west - 5, east + 5)), int(rng.integers(south - 5, north + 5))

    edit = any_edit(coverage, rng)
    cut = (tuple(dict.fromkeys((spot(), spot(), spot()))),)
    if isinstance(edit, (Split, Transfer)):
        return type(edit)(**{**fields(edit), "lines": cut})
    if isinstance(edit, Dissolve):
        return Dissolve(edit.grid, lines=cut if rng.random() < 0.5 else ())
    if isinstance(edit, MoveNode):
        return MoveNode(edit.node, spot())
    return MoveEdge(edit.edge, spot()) if isinstance(edit, MoveEdge) else edit


@pytest.fixture
def no_width(monkeypatch):
    """Nothing counts as too narrow: cells of a few lattice steps are millimetres wide."""
    monkeypatch.setattr("geo.topology.edits.cutting.NARROW_M", 0.0)
    monkeypatch.setattr("geo.topology.coverage.NARROW_GAP_M", 0.0)


def test_edits_at_the_grain_of_the_lattice_tear_nothing(no_width):
    codes = set()
    for seed in range(60):
        faces, rng = grains(seed)
        coverage = Coverage.build(faces)
        for _ in range(15):
            if len(coverage) < 3:
                break
            edit = grain_edit(coverage, rng)
            try:
                after = edit.apply(coverage)
            except Refused as error:
                codes.add(error.code)
                continue
            assert verify(after) == ()
            assert edit.inverse(coverage).apply(after) == coverage
            coverage = after if "new" not in after.ids else renamed(after, seed, rng)
    assert {"line-too-close", "line-misses", "edit-folds", "node-taken", "outer-line"} <= codes


def renamed(coverage, seed, rng):
    """Return the coverage with the new part under an id of its own."""
    ids = tuple(f"n{seed}-{rng.integers(10**9)}" if i == "new" else i for i in coverage.ids)
    return Coverage(ids, coverage.edges, coverage.left, coverage.right)
