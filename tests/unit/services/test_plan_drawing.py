"""Drawings: edits applied one after another to the base grids."""

from __future__ import annotations

import pytest
import shapely

from geo.crs import to_lattice
from geo.errors import Conflict, NotFound, Refused
from geo.model import GridKind
from geo.services.edits import KINDS, named_by_hand
from geo.services.multiparts import new_multiparts
from geo.services.redraw import Drawing, drawn_grids, locked_grids, redraw_grids, redrawn
from geo.topology.invariants import verify
from tests import plan_county as county
from tests.plan_county import cell, merge, rename


def place(x, y):
    """Return [lon, lat] of a place in cells of the county's lattice."""
    return [county.LON + x * county.WIDE, county.LAT + y * county.HIGH]


def vertex(x, y):
    return to_lattice(place(x, y)).tolist()


def share(drawing, grid_id):
    return round(drawing.coverage.polygon(grid_id).area / cell(0, 0).area, 4)


CUT = {"op": "split", "grid": "g10", "line": [place(1.4, -1), place(1.4, 2)], "id": "new"}
GIVE = {"op": "transfer", "from": "g10", "to": "g20", "line": [place(1.7, -1), place(1.7, 2)]}
PIECE = {
    "op": "transfer",
    "from": "g10",
    "to": "g20",
    "piece": [place(1.5, 0.5), place(2.5, 0.5), place(2.5, 1.5), place(1.5, 1.5)],
}
NODE = {"op": "move_node", "node": vertex(1, 1), "to": place(1.2, 1.1)}
EDGE = {"op": "move_edge", "edge": [vertex(1, 0), vertex(1, 1)], "to": place(1.3, 0.5)}
GONE = {"op": "dissolve", "grid": "g10"}
TURNED = {"op": "set_kind", "grid": "g10", "kind": "exclusive", "into": "g00", "owner_unit": "第二中学"}


@pytest.fixture(scope="module")
def base():
    return Drawing.of(county.base_grids())


def test_no_edit_gives_the_very_same_grids(base):
    grids = county.base_grids()
    assert redraw_grids(grids, []) == grids
    assert [g.id for g in base.grids()] == [g.id for g in grids]


def test_a_merge_keeps_one_identity_and_the_union(base):
    after = base.after(merge((0, 0), (1, 0), into="g10"))
    assert len(after) == len(base) - 1
    joined = after.grid("g10")
    assert joined.geometry.equals(cell(0, 0, columns=2))
    assert joined.name == base.facts["g10"].name
    assert after.parent is base
    assert verify(after.coverage) == ()


def test_what_an_edit_changed_is_told_apart_from_what_lies_beside_it(base):
    after = base.after(merge((0, 0), (1, 0)))
    assert after.changed == {"g00", "g10"}
    assert after.beside == {"g00", "g10", "g11", "g20"}
    named = base.after(rename(3, 1, "红星网格"))
    assert named.changed == frozenset() == named.beside


def test_untouched_grids_are_handed_back_as_they_were():
    grids = county.base_grids()
    after = {g.id: g for g in redraw_grids(grids, [merge((0, 0), (0, 1)), rename(2, 0, "新名")])}
    same = [g for g in grids if g.id in after and after[g.id].geometry is g.geometry]
    assert {g.id for g in grids} - {g.id for g in same} == {"g00", "g01"}
    assert after["g20"].name == "新名"


@pytest.mark.parametrize(
    ("edit", "shares"),
    [
        (CUT, {"g10": 0.6, "new": 0.4}),
        ({**CUT, "op": "split_by", "lines": [CUT["line"]], "line_id": "river"}, {"g10": 0.6, "new": 0.4}),
        ({**CUT, "lines": [CUT["line"], [place(1.1, -1), place(1.1, 2)]], "ids": ["a", "b"]}, {"a": 0.1, "b": 0.3}),
        (GIVE, {"g10": 0.7, "g20": 1.3}),
        ({**GIVE, "line": [place(0, 0.4), place(3, 0.4)], "inside": place(1.5, 0.1)}, {"g10": 0.6, "g20": 1.4}),
        (PIECE, {"g10": 0.75, "g20": 1.25, "g11": 1}),
        ({**PIECE, "piece": [[*PIECE["piece"], PIECE["piece"][0]]]}, {"g10": 0.75, "g20": 1.25}),
        (NODE, {"g00": 1.15, "g10": 0.95, "g01": 1.05, "g11": 0.85}),
        (EDGE, {"g00": 1.15, "g10": 0.85}),
        # The borders west and east are 445 m long, the one above 371 m; of equals the first id gets it.
        (GONE, {"g00": 2}),
        ({**GONE, "into": "g00"}, {"g00": 2}),
        ({**GONE, "line": [place(1.5, -1), place(1.5, 2)]}, {"g00": 1.5, "g20": 1.5}),
        (TURNED, {"g00": 2}),
    ],
)
def test_every_kind_of_edit_draws_what_it_says(base, edit, shares):
    after = base.after(edit)
    assert verify(after.coverage) == ()
    assert {i: share(after, i) for i in shares} == shares
    assert sum(share(after, i) for i in after.facts) == pytest.approx(14)
    assert set(after.facts) == set(after.coverage.ids)
    assert after.parent is base
    assert redrawn(base, after) >= {i for i, area in shares.items() if area != 1}


def test_all_kinds_are_known_by_the_words_of_the_design():
    assert set(KINDS) == {
        *("merge", "split", "split_by", "transfer", "dissolve", "move_node", "move_edge", "rename", "set_kind"),
    }


def test_a_new_part_is_a_grid_of_its_own_under_a_free_name(base):
    after = base.after(CUT)
    part = after.grid("new")
    assert part.name == f"{base.facts['g10'].name}（2）"
    assert (part.community_code, part.kind, part.code, part.local_code) == (county.EAST, GridKind.BASE, None, None)
    again = after.after({**CUT, "line": [place(1.7, -1), place(1.7, 2)], "id": "newer"})
    assert again.facts["newer"].name == f"{base.facts['g10'].name}（3）"
    named = base.after({**CUT, "names": ["站前网格"]})
    assert named.facts["new"].name == "站前网格"
    assert named_by_hand([{**CUT, "names": ["站前网格"]}, CUT, rename(0, 0, "x")]) == {"new", "g00"}


def test_a_grid_that_turns_exclusive_lies_over_its_neighbours(base):
    after = base.after(TURNED)
    turned = after.overlays["g10"]
    assert (turned.kind, turned.owner_unit) == (GridKind.EXCLUSIVE, "第二中学")
    assert turned.geometry.equals(cell(1, 0))
    assert "g10" not in after.facts
    again = after.after({"op": "set_kind", "grid": "g10", "kind": "micro", "name": "院落"})
    assert (again.overlays["g10"].kind, again.overlays["g10"].name) == (GridKind.MICRO, "院落")
    assert again.after(rename(1, 0, "新名")).overlays["g10"].name == "新名"
    ids = [g.id for g in drawn_grids(again, county.base_grids())]
    assert ids == sorted(g.id for g in county.base_grids())
    with pytest.raises(Refused) as caught:
        again.after({"op": "set_kind", "grid": "g10", "kind": "base"})
    assert caught.value.code == "overlay-ground"
    with pytest.raises(Refused) as caught:
        after.after({**CUT, "grid": "g20", "line": [place(2.4, -1), place(2.4, 2)], "id": "g10"})
    assert caught.value.code == "id-taken"


def test_overlays_of_the_generation_are_drawn_too():
    base = Drawing.of([*county.base_grids(), county.overlay()])
    assert set(base.overlays) == {"x-school"}
    after = base.after({"op": "set_kind", "grid": "x-school", "kind": "police"})
    assert after.overlays["x-school"].kind is GridKind.POLICE
    assert after.changed == frozenset()
    assert after.overlays["x-school"].owner_unit == "第一中学"


FOLD = {**NODE, "to": place(2.5, 1)}


@pytest.mark.parametrize(
    ("edit", "error", "code"),
    [
        ({"op": "fold"}, Refused, "edit-unknown"),
        ({"op": "merge", "grids": ["g00", "g10"]}, Refused, "edit-incomplete"),
        (merge((3, 0), (4, 0)), Refused, "other-community"),
        ({"op": "merge", "grids": ["g00"], "into": "g00"}, Refused, "merge-members"),
        ({"op": "merge", "grids": ["g00", "g10"], "into": "g20"}, Refused, "merge-members"),
        ({"op": "merge", "grids": ["g00", "gone"], "into": "g00"}, NotFound, "not-found"),
        ({**CUT, "grid": "gone"}, NotFound, "not-found"),
        ({**CUT, "id": "g00"}, Refused, "id-taken"),
        ({**CUT, "line": [place(1.4, 0.2), place(1.4, 0.8)]}, Refused, "line-misses"),
        ({**CUT, "names": ["一", "二"]}, Refused, "split-names"),
        ({**CUT, "names": [""]}, Refused, "name-empty"),
        ({**CUT, "names": ["a\u202eb"]}, Refused, "name-invalid"),
        ({"op": "split", "grid": "g10", "id": "new"}, Refused, "edit-incomplete"),
        ({"op": "split_by", "grid": "g10", "id": "new", "name": "汤旺河"}, Refused, "edit-incomplete"),
        ({**CUT, "line": "x"}, Refused, "line-invalid"),
        ({**CUT, "lines": []}, Refused, "line-invalid"),
        ({**CUT, "line": [place(1.4, -1)]}, Refused, "line-invalid"),
        ({**CUT, "line": [place(1.4, -1), place(1.4, -1)]}, Refused, "line-invalid"),
        ({**CUT, "line": [place(1.4, -1), [float("nan"), 1]]}, Refused, "place-invalid"),
        ({**CUT, "line": [place(1.4, -1), [200, 1]]}, Refused, "place-invalid"),
        ({**CUT, "line": [place(1.4, -1), [True, 1]]}, Refused, "place-invalid"),
        ({**CUT, "line": [place(1.4, -1), "ab"]}, Refused, "place-invalid"),
        ({**CUT, "line": [place(1.4, -1), place(1.4, 2)] * 10_001}, Refused, "line-long"),
        ({**GIVE, "to": "gone"}, NotFound, "not-found"),
        ({**GIVE, "from": "g30", "to": "g40"}, Refused, "other-community"),
        ({**GIVE, "to": "g30"}, Refused, "piece-unclear"),
        ({**PIECE, "to": "g30"}, Refused, "not-neighbours"),
        ({**PIECE, "piece": []}, Refused, "line-invalid"),
        ({**NODE, "node": [1, 2]}, Refused, "node-unknown"),
        ({**NODE, "node": place(1, 1)}, Refused, "node-unknown"),
        ({**NODE, "node": vertex(0, 1)}, Refused, "outer-line"),
        ({**NODE, "node": vertex(4, 1)}, Refused, "community-line"),
        (FOLD, Refused, "edit-folds"),
        ({**EDGE, "edge": [vertex(1, 0)]}, Refused, "edge-unknown"),
        ({**EDGE, "edge": [vertex(1, 0), vertex(2, 1)]}, Refused, "edge-unknown"),
        ({**EDGE, "edge": [vertex(4, 0), vertex(4, 1)]}, Refused, "community-line"),
        ({**EDGE, "edge": [vertex(0, 0), vertex(0, 1)]}, Refused, "outer-line"),
        ({**GONE, "into": "g40"}, Refused, "other-community"),
        ({**GONE, "into": "gone"}, NotFound, "not-found"),
        ({**GONE, "grid": "gone"}, NotFound, "not-found"),
        ({**TURNED, "kind": "base"}, Refused, "kind-same"),
        ({**TURNED, "kind": "royal"}, Refused, "kind-unknown"),
        ({**TURNED, "grid": "gone"}, NotFound, "not-found"),
        ({"op": "rename", "grid": "g00", "name": " "}, Refused, "name-empty"),
        ({"op": "rename", "grid": "gone", "name": "x"}, NotFound, "not-found"),
        (rename(0, 0, " 第2网格 "), Refused, "name-taken"),
        ({**CUT, "names": ["第2网格"]}, Refused, "name-taken"),
        ({**TURNED, "name": "第3网格"}, Refused, "name-taken"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_by_name(base, edit, error, code):
    with pytest.raises(error) as caught:
        base.after(edit)
    assert caught.value.code == code


def test_a_name_is_one_grids_of_its_community_over_base_and_exclusive_grids():
    base = Drawing.of([*county.base_grids(), county.overlay()])
    two = {**CUT, "lines": [CUT["line"], [place(1.1, -1), place(1.1, 2)]], "ids": ["a", "b"], "names": ["x", "x"]}
    for edit in (rename(0, 0, "第一中学"), {"op": "rename", "grid": "x-school", "name": "第1网格"}, two):
        with pytest.raises(Refused) as caught:
            base.after(edit)
        assert (caught.value.code, bool(caught.value.remedy)) == ("name-taken", True)
    with pytest.raises(Refused, match="is called 第2网格") as caught:
        base.after_all([rename(0, 0, "站前网格"), rename(0, 0, "第2网格")])
    assert (caught.value.where.feature, caught.value.where.row) == ("站前网格", 2)
    # Its own name, a name given up, that of another community or of another layer is free.
    assert base.after(rename(0, 0, "第1网格")).facts["g00"].name == "第1网格"
    assert base.after_all([rename(1, 0, "新"), rename(0, 0, "第2网格")]).facts["g00"].name == "第2网格"
    assert base.after(rename(4, 0, "第8网格")).facts["g40"].name == "第8网格"
    police = base.after({"op": "set_kind", "grid": "x-school", "kind": "police", "name": "第2网格"})
    assert police.overlays["x-school"].name == "第2网格"
    with pytest.raises(Refused) as caught:
        police.after({"op": "set_kind", "grid": "x-school", "kind": "exclusive"})
    assert caught.value.code == "name-taken"


def torn(base, *edits):
    return [(m.grid.id, m.parts) for m in new_multiparts(base, base.after_all(edits))]


def test_grids_put_together_across_others_are_told(base):
    assert torn(base, merge((0, 0), (3, 1))) == [("g00", 2)]
    # A common corner is no common border.
    assert torn(base, merge((0, 0), (1, 1))) == [("g00", 2)]
    assert torn(base, merge((0, 0), (1, 0)), merge((2, 0), (2, 1))) == []
    # Put together across others first, and hanging together at last.
    assert torn(base, merge((0, 0), (2, 0)), merge((0, 0), (1, 0))) == []


def test_an_exclave_of_today_is_not_told_again_and_explains_what_it_joins(base):
    today = Drawing.of(base.after(merge((0, 0), (2, 0))).grids())
    assert torn(today, rename(0, 0, "新名")) == []
    assert torn(today, merge((0, 0), (0, 1))) == []
    assert torn(today, merge((2, 1), (0, 0), into="g21")) == []
    # A third piece is the plan's own, though the other two are today's.
    assert torn(today, merge((0, 0), (3, 1))) == [("g00", 3)]


def test_a_refusal_names_the_grid_as_people_call_it(base):
    with pytest.raises(Refused) as caught:
        base.after_all([merge((2, 0), (3, 0)), {**CUT, "line": [place(1.4, 0.2), place(1.4, 0.8)]}])
    assert (caught.value.where.feature, caught.value.where.row) == (base.facts["g10"].name, 2)
    assert caught.value.remedy


def test_ground_given_up_stays_in_its_community(base):
    # g30 borders on g40 of the other community as on g20; only its own community may get it.
    after = base.after({"op": "dissolve", "grid": "g31", "line": [place(3.5, 0), place(3.5, 3)]})
    own = {i for i, g in base.facts.items() if g.community_code == county.WEST}
    assert not redrawn(base, after) & own


def test_a_cut_across_the_community_leaves_the_neighbours_their_ground(base):
    after = base.after({**CUT, "grid": "g30", "line": [place(2.5, 0.3), place(4.5, 0.31)]})
    assert redrawn(base, after) == {"g30", "new"}
    assert {"g20", "g40"} <= after.changed
    locked = base.after_all([{**CUT, "grid": "g30", "line": [place(2.5, 0.3), place(4.5, 0.31)]}], locked=["g40"])
    assert locked.coverage == after.coverage


def test_the_place_of_a_bad_edit_is_told(base):
    with pytest.raises(Refused) as caught:
        base.after_all([merge((0, 0), (1, 0)), {"op": "fold"}])
    assert caught.value.where.row == 2


def test_locked_grids_stay(base):
    locked = locked_grids({"g10": {"locked": True}, "g20": {"remarks": []}})
    assert locked == {"g10"}
    with pytest.raises(Conflict) as caught:
        base.after_all([merge((0, 0), (1, 0))], locked=locked)
    assert caught.value.code == "grid-locked"
    with pytest.raises(Conflict):
        base.after_all([rename(1, 0, "新名")], locked=locked)
    # A neighbour may change: its own outline stays though its borders go by another name.
    assert len(base.after_all([merge((0, 0), (0, 1))], locked=locked)) == len(base) - 1


def test_every_grid_keeps_its_ground(base):
    after = base.after_all([merge((0, 0), (0, 1)), merge((4, 0), (5, 0), (5, 1)), merge((2, 0), (3, 0), into="g30")])
    union = shapely.union_all([g.geometry for g in after.grids()])
    assert union.equals(shapely.union_all([g.geometry for g in base.grids()]))
    assert len(after) == 10
