"""Address answers as placements, and which duty answers, without a store."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.address import AddressBook
from geo.crs import metric_for
from geo.locate import GridIndex
from geo.model import Area, AreaKind, Basis, Generation, GenerationState, Grid, GridKind
from geo.services.addressing import placement_of
from geo.services.dispatch import DUTY_OF, _duty_rank
from geo.services.published import PublishedCoverage

TOWN, COMMUNITY = "230724100", "230724100001"


def cover():
    base = tuple(
        Grid(
            id=f"g{n}",
            county_code="230724",
            kind=GridKind.BASE,
            name=f"第{n}网格",
            community_code=COMMUNITY,
            geometry=shapely.box(129.5 + n * 0.01, 48.0, 129.51 + n * 0.01, 48.01),
            local_code=str(n),
        )
        for n in range(2)
    )
    areas = (
        Area(id="t", county_code="230724", code=TOWN, name="新青镇", kind=AreaKind.TOWN),
        Area(id="c", county_code="230724", code=COMMUNITY, name="黎明社区", kind=AreaKind.COMMUNITY, parent_code=TOWN),
    )
    return PublishedCoverage(
        generation=Generation(
            id="n", county_code="230724", serial=1, state=GenerationState.ACTIVE, effective_from=None
        ),
        base=base,
        overlay=(),
        base_index=GridIndex.from_polygons([g.geometry for g in base]),
        overlay_index=None,
        areas={a.code: a for a in areas},
        metric=metric_for(129.5),
        ids=np.array([g.id for g in base] + [""], dtype=object),
        codes=np.array([g.local_code for g in base] + [""], dtype=object),
    )


BOOK = AddressBook.build(
    buildings=[
        {"source_key": "b1", "community_code": COMMUNITY, "compound": "佳园小区", "number": "1", "grid": 0},
        {"source_key": "b2", "community_code": COMMUNITY, "compound": "佳园小区", "number": "2", "grid": 1},
    ],
    areas=[
        {"code": TOWN, "name": "新青镇", "kind": "town"},
        {"code": COMMUNITY, "name": "黎明社区", "kind": "community", "parent_code": TOWN},
    ],
)


@pytest.mark.parametrize(
    ("text", "grid", "basis", "candidates", "ambiguous"),
    [
        ("佳园小区二号楼", "g1", Basis.BUILDING, ["g1"], False),
        ("佳园小区", None, Basis.UNPLACED, ["g0", "g1"], True),
        ("佳园小区9号楼", None, Basis.UNPLACED, [], False),
        ("", None, Basis.UNPLACED, [], False),
    ],
)
def test_an_answer_becomes_a_placement(text, grid, basis, candidates, ambiguous):
    found = placement_of(BOOK.find(text), cover(), None)
    assert (found.grid and found.grid["id"], found.basis, found.ambiguous) == (grid, basis, ambiguous)
    assert [c["id"] for c in found.candidates] == candidates
    assert found.notes
    assert found.generation["serial"] == 1
    assert (found.community is not None) == (grid is not None)


def duty(**fields):
    return {"grid_id": None, "community_code": "", "compound": "", **fields}


@pytest.mark.parametrize(
    ("row", "rank"),
    [
        (duty(grid_id="g0"), 0),
        (duty(grid_id="g1"), None),
        (duty(community_code=COMMUNITY, compound="佳园 小区"), 1),
        (duty(community_code=COMMUNITY, compound="红林小区"), None),
        (duty(community_code=COMMUNITY), 2),
        (duty(community_code="230724100002"), None),
        (duty(), 3),
    ],
)
def test_the_nearest_duty_answers(row, rank):
    assert _duty_rank(row, "g0", COMMUNITY, "佳园小区") == rank


def test_every_duty_word_is_one_of_the_duty_table():
    assert set(DUTY_OF.values()) == {"供热", "供水", "供电", "物业", "警格"}
