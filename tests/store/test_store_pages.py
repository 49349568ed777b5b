"""Registers in pages: every row once, one page at a time, and assignments written as they are handed over."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pytest

from geo.errors import NotFound, Refused
from geo.model import GridKind
from geo.store.base import AssignmentColumns
from tests.store.conftest import EAST, WEST, generation, grid, household, published

NEW_YEAR = dt.date(2025, 1, 1)
NAMES = ("id", "source_key", "lon", "persons", "resident", "building_id")


def columns(*lines):
    ids, grids, exclusive, basis = zip(*lines, strict=True) if lines else ((), (), (), ())
    return AssignmentColumns(subject_id=ids, grid_id=grids, exclusive_ids=exclusive, basis=basis)


def here(home, grid_id="grid-001"):
    return home, grid_id, "", "interior"


def told(session, generation_id="generation-1"):
    """What a generation says of each household."""
    found = session.assignments(generation_id, "household")
    return {line[0]: line[1:] for line in zip(*(column.tolist() for column in found.values()), strict=True)}


def former(session):
    """The rows of the history of assignments."""
    return session._connection.exec_driver_sql("SELECT count(*) FROM assignments_former").scalar()


def written(store, planner, count, *, seed=0):
    """Households whose ids and keys are in no order, in a generation of two grids in force; their ids."""
    ids = [f"h{n:05}" for n in range(count)]
    random.Random(seed).shuffle(ids)
    rows = [household(n, id=one, persons=n, lon=None if n % 5 == 4 else 129.0 + n / 1e4) for n, one in enumerate(ids)]
    with store.writing(planner) as session:
        session.upsert("households", rows)
        published(session, 1, [grid(1, EAST), grid(2, WEST)], NEW_YEAR)
        session.commit()
    return ids


# -- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 5, 11, 12, 13, 1000])
def test_pages_together_are_the_columns(store, planner, size):
    ids = written(store, planner, 12)
    with store.reading(planner) as session:
        pages = list(session.pages("households", NAMES, size=size))
        whole = session.columns("households", NAMES)
    assert [len(page["id"]) for page in pages] == [size] * (12 // size) + ([12 % size] if 12 % size else [])
    assert all(list(page) == list(NAMES) for page in pages)
    joined = {name: np.concatenate([page[name] for page in pages]) for name in NAMES}
    assert joined["id"].tolist() == ids
    order = np.argsort(joined["id"])
    for name in NAMES:
        assert joined[name].dtype == whole[name].dtype
        np.testing.assert_array_equal(joined[name][order], whole[name])


def test_pages_read_geometry_and_other_kinds_too(store, planner):
    with store.writing(planner) as session:
        shapes = [grid(n).geometry for n in range(3)]
        rows = [
            {"source_key": f"b{n}", "community_code": EAST, "compound": "", "number": str(n), "geometry": shape}
            for n, shape in enumerate(shapes)
        ]
        session.upsert("buildings", rows)
        found = [one for page in session.pages("buildings", ["geometry"], size=2) for one in page["geometry"]]
    assert [one.equals(shape) for one, shape in zip(found, shapes, strict=True)] == [True] * 3


def test_an_empty_register_has_no_page(store, planner):
    with store.reading(planner) as session:
        assert list(session.pages("households", ["id"], size=10)) == []


def test_pages_show_the_actors_areas_only(store, planner, town_a, town_b):
    with store.writing(planner) as session:
        session.upsert("households", [household(n, EAST if n % 3 else WEST, id=f"h{n}") for n in range(9)])
        session.commit()
    for actor in (planner, town_a, town_b):
        with store.reading(actor) as session:
            found = [one for page in session.pages("households", ["id"], size=2) for one in page["id"]]
            assert sorted(found) == session.columns("households", ["id"])["id"].tolist()


def test_what_cannot_be_paged_is_refused_before_the_first_page(store, planner):
    with store.reading(planner) as session:
        for kind, names, options in (
            ("trees", ["id"], {"size": 1}),
            ("households", ["1=1 --"], {"size": 1}),
            ("households", ["id"], {"size": 0}),
        ):
            with pytest.raises(Refused):
                session.pages(kind, names, **options)
        with pytest.raises(NotFound):
            session.pages("households", ["id"], size=1, placed_in="generation-9")


def test_pages_tell_where_rows_lie_in_a_generation(store, planner):
    ids = written(store, planner, 5)
    with store.writing(planner) as session:
        lines = [here(ids[0]), here(ids[3], "grid-002"), (ids[4], "", "", "outside")]
        session.put_assignments("generation-1", "household", [columns(*lines)])
        pages = list(session.pages("households", ["source_key"], size=2, placed_in="generation-1"))
        assert [page["grid_id"].tolist() for page in pages] == [["grid-001", ""], ["", "grid-002"], [""]]
        assert list(session.pages("incidents", ["id"], size=2, placed_in="generation-1")) == []
        with pytest.raises(Refused, match="cannot be assigned"):
            session.pages("buildings", ["id"], size=2, placed_in="generation-1")


def test_placing_while_paging_shows_every_row_once(store, planner, town_a):
    """A household placed in another town is out of this actor's sight at once; the pages go on where they were."""
    ids = written(store, planner, 7)
    seen = []

    def moved_away(session):
        for page in session.pages("households", ["id"], size=2):
            seen.extend(page["id"])
            yield columns(*(here(one, "grid-002") for one in page["id"]))

    with store.writing(town_a) as session:
        session.put_assignments("generation-1", "household", moved_away(session))
        assert session.count("households") == 0
    assert seen == ids


# -- writing ---------------------------------------------------------------------------------------


def test_pages_of_an_inactive_generation_replace_what_was_there_once(store, planner):
    ids = written(store, planner, 6)
    with store.writing(planner) as session:
        session.put_generation(generation(2))
        session.put_grids("generation-2", [grid(1), grid(8, kind=GridKind.EXCLUSIVE)])
        session.put_assignments("generation-2", "household", [columns(*map(here, ids))])
        pages = [columns(here(ids[4])), columns(), columns(here(ids[1]), (ids[0], "", "grid-008", "outside"))]
        session.put_assignments("generation-2", "household", (page for page in pages))
        assert told(session, "generation-2") == {
            ids[4]: ("grid-001", "", "interior"),
            ids[1]: ("grid-001", "", "interior"),
            ids[0]: ("", "grid-008", "outside"),
        }
        session.put_assignments("generation-2", "household", [])
        assert told(session, "generation-2") == {}
        assert former(session) == 0


def test_pages_of_the_generation_in_force_write_what_changed(store, planner):
    ids = written(store, planner, 6)
    with store.writing(planner) as session:
        session.put_assignments("generation-1", "household", [columns(*map(here, ids[:4]))])
        pages = [
            columns(here(ids[2], "grid-002"), here(ids[0])),
            columns(here(ids[5]), here(ids[1], "grid-002")),
        ]
        session.put_assignments("generation-1", "household", pages)
        assert former(session) == 2
        grids = {home: line[0] for home, line in told(session).items()}
        assert grids == dict(
            zip([*ids[:4], ids[5]], ["grid-001", "grid-002", "grid-002", "grid-001", "grid-001"], strict=True)
        )


@pytest.mark.parametrize("in_force", [True, False])
def test_a_subject_that_comes_twice_is_refused(store, planner, in_force):
    ids = written(store, planner, 40)
    name = "generation-1" if in_force else "generation-2"
    for pages in (
        [columns(here(ids[0]), here(ids[0]))],
        [columns(here(ids[0]), here(ids[1])), columns(here(ids[2])), columns(here(ids[39]), here(ids[1]))],
        [columns(here(ids[39])), columns(here(ids[0])), columns(here(ids[39], "grid-002"))],
    ):
        with store.writing(planner) as session:
            session.put_generation(generation(2))
            session.put_grids("generation-2", [grid(1), grid(2)])
            with pytest.raises(Refused, match="twice") as caught:
                session.put_assignments(name, "household", pages)
            assert caught.value.code == "key-doubled"


@pytest.mark.parametrize("in_force", [True, False])
def test_long_pages_in_any_order_are_the_same_as_one(store, planner, in_force):
    """Long enough for the fast ways of both engines, and in another order than that of the table."""
    ids = written(store, planner, 2400)
    rng = random.Random(1)
    lines = [(one, rng.choice(["grid-001", "grid-002", ""]), "", rng.choice(["interior", "outside"])) for one in ids]
    name = "generation-1" if in_force else "generation-2"
    with store.writing(planner) as session:
        session.put_generation(generation(2))
        session.put_grids("generation-2", [grid(1), grid(2)])
        session.put_assignments(name, "household", [columns(*map(here, ids))])
        rng.shuffle(lines)
        pages = [columns(*lines[start : start + 700]) for start in range(0, len(lines), 700)]
        session.put_assignments(name, "household", pages)
        assert told(session, name) == {line[0]: line[1:] for line in lines}
        changed = sum(line[1:] != ("grid-001", "", "interior") for line in lines)
        assert former(session) == (changed if in_force else 0)


def test_what_the_pages_raise_comes_through_and_nothing_stays(store, planner):
    ids = written(store, planner, 6)
    with store.writing(planner) as session:
        session.put_assignments("generation-1", "household", [columns(*map(here, ids))])
        session.commit()
    with store.reading(planner) as session:
        before = told(session)

    def broken():
        yield columns(*(here(one, "grid-002") for one in ids[:3]))
        raise InterruptedError

    with pytest.raises(InterruptedError), store.writing(planner) as session:
        session.put_assignments("generation-1", "household", broken())
    with store.reading(planner) as session:
        assert told(session) == before
        assert former(session) == 0
