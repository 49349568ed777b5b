"""Edits of the coverage one by one: what they make, what they refuse, and the way back."""

import dataclasses

import numpy as np
import pytest
import shapely

from geo.crs import from_lattice, snap_geometry
from geo.errors import NotFound, Refused
from geo.topology import Coverage, verify
from geo.topology.edits import Dissolve, Merge, MoveEdge, MoveNode, Patch, Split, Transfer, same_ground
from geo.topology.edits.cutting import cut_grid, parts_of
from geo.topology.edits.patch import edited

# One cell of the board in lattice numbers: about 300 m.
X0, Y0, SIDE = 129_500_000_000, 48_200_000_000, 4_000_000


def at(x, y):
    """Return the lattice point at a place of the board; its cells have side 1."""
    return round(X0 + x * SIDE), round(Y0 + y * SIDE)


def shape(*corners):
    return shapely.Polygon(from_lattice([at(*c) for c in corners]))


def cell(column, row):
    return shape((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))


def board(columns=3, rows=2):
    cells = {f"{c}{r}": cell(c, r) for r in range(rows) for c in range(columns)}
    return Coverage.build(cells.values(), ids=list(cells))


def line(*places):
    return tuple(at(*p) for p in places)


def applied(edit, coverage):
    """Apply an edit, and hold it to everything that must be true of any."""
    before = coverage.polygons()
    after = edit.apply(coverage)
    assert verify(after) == ()
    assert coverage.polygons() == before
    assert after.extent().equals(coverage.extent())
    way_back = edit.inverse(coverage)
    assert way_back.apply(after) == coverage
    assert way_back.inverse(after).apply(coverage) == after
    return after


def refused(edit, coverage, code):
    with pytest.raises((Refused, NotFound)) as caught:
        edit.apply(coverage)
    assert caught.value.code == code
    return caught.value


def share(coverage, name):
    """Return the area of a grid in cells."""
    return round(coverage.polygon(name).area / cell(0, 0).area, 6)


def test_a_merge_joins_grids_and_forgets_nodes_that_are_none_any_more():
    base = board()
    after = applied(Merge(("00", "10"), "10"), base)
    assert after.ids == ("10", "20", "01", "11", "21")
    assert after.polygon("10").equals(shapely.union(cell(0, 0), cell(1, 0)))
    # The corner the two shared below is a plain vertex now, the one above is still a node.
    assert at(1, 0) not in {tuple(n) for n in after.nodes().tolist()}
    assert at(1, 1) in {tuple(n) for n in after.nodes().tolist()}


def test_merging_all_leaves_one_outline():
    base = board()
    after = applied(Merge(base.ids, "11"), base)
    assert after.ids == ("11",)
    assert len(after.edges) == 1


def test_grids_merged_around_another_make_a_hole_that_is_filled():
    base = board(3, 3)
    after = applied(Merge(tuple(i for i in base.ids if i != "11"), "00"), base)
    assert len(after.polygon("00").interiors) == 1
    assert share(after, "11") == 1


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Merge(("00",), "00"), "merge-members"),
        (Merge(("00", "00"), "00"), "merge-members"),
        (Merge(("00", "10"), "20"), "merge-members"),
        (Merge(("00", "zz"), "00"), "not-found"),
    ],
)
def test_a_merge_names_grids_that_are_there(edit, code):
    refused(edit, board(), code)


def test_a_cut_gives_the_neighbour_the_node_too():
    after = applied(Split("11", (line((1.3, 0.5), (1.4, 1.5), (1.3, 2.5)),), ("new",)), board())
    assert share(after, "11") + share(after, "new") == 1
    assert share(after, "11") > share(after, "new")
    node = tuple(int(v) for v in after.nodes()[(after.nodes()[:, 1] == at(0, 1)[1])][1])
    assert node in {tuple(p) for p in after.rings(after.position("10"))[0].tolist()}
    assert {tuple(p) for p in after.neighbours().tolist()} >= {
        tuple(sorted((after.position(a), after.position(b)))) for a, b in (("11", "new"), ("new", "10"), ("10", "11"))
    }


def test_the_largest_part_keeps_the_name_and_the_others_go_west_to_east():
    lines = (line((0.3, -1), (0.3, 2)), line((0.9, -1), (0.9, 2)))
    after = applied(Split("00", lines, ("west", "east")), board())
    assert [share(after, i) for i in ("00", "west", "east")] == [0.6, 0.3, 0.1]


def test_loose_ends_and_what_lies_outside_cut_nothing():
    loose = line((0.2, 0.2), (0.8, 0.8))
    through = line((-1, 0.5), (2, 0.5))
    after = applied(Split("00", (loose, through), ("new",)), board())
    assert share(after, "00") == share(after, "new") == 0.5
    # A vertex where a loose end hits the border is all it leaves.
    hits = line((0.4567, -0.5), (0.5, 0.2))
    again = applied(Split("00", (hits, through), ("new",)), board())
    assert sorted(share(again, i) for i in ("00", "new")) == [0.5, 0.5]


def test_a_closed_line_cuts_a_hole():
    ring = line((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2))
    after = applied(Split("00", (ring,), ("yard",)), board())
    assert share(after, "yard") == 0.36
    assert len(after.polygon("00").interiors) == 1


def test_a_street_along_the_border_leaves_no_slivers():
    # It wanders a few centimetres about the southern border, then crosses the grid.
    wobble = [(x / 20, 0.0001 if x % 2 else -0.0001) for x in range(-2, 12)]
    after = applied(Split("00", (line(*wobble, (0.55, 1.5)),), ("new",)), board())
    assert share(after, "00") + share(after, "new") == 1
    assert 0.4 < share(after, "new") < 0.5 or 0.4 < share(after, "00") < 0.6


def test_every_crossing_is_a_node_on_both_sides_wherever_it_falls():
    # Slanted borders: no crossing lies on the lattice.
    west = shape((0, 0), (1, 0.1337), (1.0777, 1.2), (0.05, 1))
    east = shape((1, 0.1337), (2, 0), (2.1, 1), (1.0777, 1.2))
    base = Coverage.build([west, east], ids=["w", "e"])
    after = Split("w", (line((-0.5, 0.61), (1.7, 0.7123)),), ("new",)).apply(base)
    assert verify(after) == ()
    assert Split("w", (line((-0.5, 0.61), (1.7, 0.7123)),), ("new",)).inverse(base).apply(after) == base
    assert len(after.rings(after.position("e"))[0]) == 5
    assert same_ground(base, after, "e")
    assert not same_ground(base, after, "w")
    assert after.extent().area == pytest.approx(base.extent().area, rel=1e-9)


@pytest.mark.parametrize(
    ("lines", "ids", "code"),
    [
        ((line((0.2, 0.2), (0.8, 0.8)),), ("new",), "line-misses"),
        ((line((5, 5), (6, 6)),), ("new",), "line-misses"),
        ((), ("new",), "line-misses"),
        ((line((-1, 0), (4, 0)),), ("new",), "line-misses"),
        ((line((0.3, -1), (0.3, 2), (0.6, 2), (0.6, -1)),), ("new",), "split-parts"),
        ((line((0.3, -1), (0.3, 2)),), ("new", "other"), "split-parts"),
        ((line((0.3, -1), (0.3, 2)),), ("10",), "id-taken"),
        ((line((0.3, -1), (0.3, 2)),), ("a", "a"), "id-taken"),
        ((line((0.3, -1), (0.3, 2)),), (), "id-taken"),
    ],
)
def test_an_unclear_cut_is_refused(lines, ids, code):
    refused(Split("00", lines, ids), board(), code)


def test_nobody_cuts_a_grid_that_is_not_there():
    refused(Split("zz", (line((0.3, -1), (0.3, 2)),), ("new",)), board(), "not-found")


def test_a_cut_through_one_of_several_parts_leaves_the_others_with_the_name():
    island = shapely.MultiPolygon([cell(0, 0), cell(2, 0)])
    base = Coverage.build([island, cell(1, 0)], ids=["two", "between"])
    assert len(parts_of(base, "two").pieces) == 2
    after = applied(Split("two", (line((2.3, -1), (2.3, 2)),), ("new",)), base)
    assert (share(after, "two"), share(after, "new")) == (1.7, 0.3)


def test_a_piece_cut_by_a_line_goes_to_the_side_it_lies_against():
    after = applied(Transfer("00", "10", (line((0.7, -1), (0.6, 2)),)), board())
    assert (share(after, "00"), share(after, "10")) == (0.65, 1.35)


def test_a_place_says_which_side_is_meant():
    cut = (line((-1, 0.6), (4, 0.6)),)
    refused(Transfer("00", "10", cut), board(), "side-unclear")
    after = applied(Transfer("00", "10", cut, at=at(0.5, 0.1)), board())
    assert (share(after, "00"), share(after, "10")) == (0.4, 1.6)


def test_an_outlined_piece_goes_whatever_lies_around_it():
    piece = line((0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5), (0.5, 0.5))
    after = applied(Transfer("00", "10", (piece,), area=True), board())
    assert (share(after, "00"), share(after, "10"), share(after, "01")) == (0.75, 1.25, 1)


def test_an_outlined_piece_may_have_a_hole():
    outer = line((0.4, 0.2), (1.5, 0.2), (1.5, 0.8), (0.4, 0.8), (0.4, 0.2))
    hole = line((0.6, 0.4), (0.7, 0.4), (0.8, 0.5), (0.7, 0.6), (0.6, 0.6), (0.6, 0.4))
    refused(Transfer("00", "10", (outer, hole), area=True), board(), "falls-apart")
    yard = Split("00", (hole,), ("yard",)).apply(board())
    after = applied(Transfer("00", "10", (outer,), area=True), yard)
    assert share(after, "10") == 1.36 - share(after, "yard")
    by_place = applied(Transfer("00", "10", (line((0.4, -1), (0.4, 2)),), at=at(0.5, 0.5)), yard)
    assert share(by_place, "10") == 1.6 - share(after, "yard")


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Transfer("00", "00", (line((0.7, -1), (0.6, 2)),)), "transfer-same"),
        (Transfer("00", "zz", (line((0.7, -1), (0.6, 2)),)), "not-found"),
        (Transfer("zz", "00", (line((0.7, -1), (0.6, 2)),)), "not-found"),
        (Transfer("00", "10", (line((0.7, 0.1), (0.6, 0.9)),)), "line-misses"),
        (Transfer("00", "20", (line((0.7, -1), (0.6, 2)),)), "piece-unclear"),
        (Transfer("00", "20", (line((0.7, -1), (0.6, 2)),), at=at(0.9, 0.5)), "not-neighbours"),
        (Transfer("00", "10", (line((0.7, -1), (0.6, 2)),), at=at(2.9, 0.5)), "piece-unclear"),
        # Touching in a corner is no border.
        (Transfer("00", "11", (line((0.9, 1.1), (0.9, 0.9), (1.1, 0.9)),), at=at(0.95, 0.95)), "not-neighbours"),
        (
            Transfer("10", "11", (line((1.4, -0.5), (1.6, -0.5), (1.6, 1.5), (1.4, 1.5), (1.4, -0.5)),), area=True),
            "falls-apart",
        ),
    ],
)
def test_a_transfer_that_is_unclear_or_tears_is_refused(edit, code):
    refused(edit, board(), code)


def test_a_moved_vertex_takes_along_every_grid_that_meets_there():
    after = applied(MoveNode(at(1, 1), at(1.2, 1.1)), board())
    assert [share(after, i) for i in ("00", "10", "01", "11")] == [1.15, 0.95, 1.05, 0.85]
    assert share(after, "20") == 1


def test_a_vertex_put_into_a_border_and_moved():
    after = applied(MoveEdge((at(1, 0), at(1, 1)), at(1.3, 0.5)), board())
    assert (share(after, "00"), share(after, "10")) == (1.15, 0.85)
    assert applied(MoveEdge((at(1, 1), at(1, 0)), at(1.3, 0.5)), board()) == after


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (MoveNode(at(0.5, 0.5), at(0.6, 0.5)), "node-unknown"),
        (MoveNode(at(1, 0), at(1.1, 0)), "outer-line"),
        (MoveNode(at(1, 1), at(2, 1)), "node-taken"),
        (MoveNode(at(1, 1), at(1, 1)), "node-taken"),
        # Over the border beyond, onto it, and out of the county.
        (MoveNode(at(1, 1), at(2.2, 1.1)), "edit-folds"),
        (MoveNode(at(1, 1), at(2, 0.5)), "edit-folds"),
        (MoveNode(at(1, 1), at(1, -0.5)), "edit-folds"),
        (MoveEdge((at(0, 0), at(1, 1)), at(0.6, 0.5)), "edge-unknown"),
        (MoveEdge((at(0, 0), at(1, 0)), at(0.6, -0.5)), "outer-line"),
        (MoveEdge((at(1, 0), at(1, 1)), at(2.5, 0.5)), "edit-folds"),
        (MoveEdge((at(1, 0), at(1, 1)), at(2, 1)), "node-taken"),
    ],
)
def test_a_move_that_folds_a_border_is_refused(edit, code):
    assert refused(edit, board(), code).remedy


def test_a_grid_may_not_turn_over_nor_swallow_another():
    # The middle grid is a triangle with its tip pulled over its own base: a simple ring, but walked backwards.
    left = shape((0, 0), (1, 0), (1, 1), (1, 2), (0, 2))
    tip = shape((1, 0), (1.5, 1), (1, 1))
    right = shape((1, 0), (2, 0), (2, 2), (1, 2), (1, 1), (1.5, 1))
    base = Coverage.build([left, tip, right], ids=["left", "tip", "right"])
    refused(MoveNode(at(1.5, 1), at(0.5, 0.5)), base, "edit-folds")
    # An enclosed grid that another's border would run around.
    ring = line((0.2, 0.2), (0.3, 0.2), (0.3, 0.3), (0.2, 0.3), (0.2, 0.2))
    yard = Split("10", (tuple((x + SIDE, y) for x, y in ring),), ("yard",)).apply(board())
    refused(MoveEdge((at(1, 0), at(1, 1)), at(1.9, 0.3)), yard, "edit-folds")


def test_a_dissolved_grid_goes_to_the_neighbour_with_the_longest_border():
    wide = shape((0, 0), (3, 0), (3, 1), (2, 1), (0, 1))
    base = Coverage.build([wide, cell(3, 0), shape((0, 1), (2, 1), (2, 2), (0, 2))], ids=["wide", "side", "above"])
    after = applied(Dissolve("wide"), base)
    assert (after.ids, share(after, "above"), share(after, "side")) == (("side", "above"), 5, 1)
    assert share(applied(Dissolve("wide", into="side"), base), "side") == 4
    assert share(applied(Dissolve("wide", among=("side",)), base), "side") == 4


def test_a_dissolved_grid_may_be_cut_first():
    after = applied(Dissolve("10", lines=(line((1.5, -1), (1.5, 2)),), among=("00", "20")), board())
    assert (share(after, "00"), share(after, "20")) == (1.5, 1.5)


def test_equal_borders_fall_to_the_first_id():
    assert share(applied(Dissolve("10", among=("20", "00")), board()), "00") == 2


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Dissolve("zz"), "not-found"),
        (Dissolve("00", into="zz"), "not-found"),
        (Dissolve("00", into="11"), "no-neighbour"),
        (Dissolve("00", among=("20",)), "no-neighbour"),
        (Dissolve("00", among=()), "no-neighbour"),
        (Dissolve("00", lines=(line((5, 5), (6, 6)),)), "line-misses"),
    ],
)
def test_ground_is_not_given_to_who_does_not_border_on_it(edit, code):
    refused(edit, board(), code)


def test_the_last_grid_is_not_given_up():
    refused(Dissolve("00"), board(1, 1), "no-neighbour")


def test_a_patch_fits_the_coverage_it_was_made_for_alone():
    base = board()
    merged = Merge(("00", "10"), "00").apply(base)
    patch = Patch.between(base, merged)
    assert patch.apply(base) == merged
    assert patch == Patch.between(base, merged)
    refused(patch, merged, "patch-misfit")
    moved = MoveNode(at(1, 1), at(1.2, 1.1)).apply(base)
    refused(patch, moved, "patch-misfit")


def test_edits_are_plain_values():
    one = Split("00", (line((0.3, -1), (0.3, 2)),), ("new",))
    assert one == dataclasses.replace(one)
    assert hash(one) == hash(dataclasses.replace(one))
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.grid = "10"


def test_rings_that_would_leave_the_extent_are_refused():
    base = board(2, 1)
    wider = [np.array([at(1, 0), at(3, 0), at(3, 1), at(1, 1)])]
    with pytest.raises(Refused) as caught:
        edited(base, {"10": wider}, what="this")
    assert caught.value.code == "outer-line"
    over = [np.array([at(0, 0), at(2, 0), at(2, 1), at(0, 1)])]
    with pytest.raises(Refused) as caught:
        edited(base, {"10": over}, what="this")
    assert caught.value.code == "edit-folds"


def test_a_line_beside_a_vertex_is_led_through_it_or_refused():
    # Half a lattice step beside the corner: no piece is thinner than the lattice.
    base = board()
    x, y = at(1, 1)
    close = ((x - 1, y + 10), (x, y), (x + 10, y - 1))
    cut = cut_grid(base, "10", (((x, y), at(2, 0)),))
    assert len(cut.severed) == 2
    with pytest.raises(Refused):
        cut_grid(base, "20", (close,))


def test_nodes_put_into_straight_borders_move_no_ground():
    base = board()
    after = Split("00", (line((0.3, -1), (0.31, 2)),), ("new",)).apply(base)
    assert same_ground(base, after, "01")
    assert len(after.rings(after.position("01"))[0]) == 5
    assert not same_ground(base, after, "00")
    moved = MoveEdge((at(1, 0), at(1, 1)), (at(1, 0)[0] + 50, at(1, 0.5)[1])).apply(base)
    assert not same_ground(base, moved, "00")
    pulled = MoveNode(at(1, 1), at(1.2, 1.1)).apply(base)
    assert not same_ground(base, pulled, "11")
    assert same_ground(base, pulled, "20")
    with pytest.raises(NotFound):
        same_ground(base, after, "new")


def test_snapping_of_the_test_board_changes_nothing():
    assert snap_geometry(cell(1, 1)).equals_exact(cell(1, 1), tolerance=0)
