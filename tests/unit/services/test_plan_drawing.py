"""Drawings: edits applied one after another to the base grids."""

from __future__ import annotations

import pytest
import shapely

from geo.errors import Conflict, NotFound, Refused
from geo.services.redraw import Drawing, locked_grids, redraw_grids
from geo.topology.invariants import verify
from tests import plan_county as county
from tests.plan_county import cell, merge, rename


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
    ("edit", "error", "code"),
    [
        ({"op": "fold"}, Refused, "edit-unknown"),
        ({"op": "merge", "grids": ["g00", "g10"]}, Refused, "edit-incomplete"),
        (merge((3, 0), (4, 0)), Refused, "other-community"),
        ({"op": "merge", "grids": ["g00"], "into": "g00"}, Refused, "merge-members"),
        ({"op": "merge", "grids": ["g00", "g10"], "into": "g20"}, Refused, "merge-members"),
        ({"op": "merge", "grids": ["g00", "gone"], "into": "g00"}, NotFound, "not-found"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_by_name(base, edit, error, code):
    with pytest.raises(error) as caught:
        base.after(edit)
    assert caught.value.code == code


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
