"""Generations: loaded inactive, activated once, never changed; codes belong to one grid for ever."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import shapely

from geo.errors import Conflict, NotFound, Refused
from geo.model import ChangeKind, GenerationState, GridKind, Lineage
from geo.store.base import AssignmentColumns
from tests.store.conftest import EAST, WEST, generation, grid, household, published

NEW_YEAR, MARCH = dt.date(2025, 1, 1), dt.date(2026, 3, 1)
AT = dt.datetime(2026, 2, 20, 1, 2, 3, 456000, tzinfo=dt.UTC)


COPY_OF_A_GRID = """
INSERT INTO grids (county_code, generation_id, id, geom) SELECT county_code, generation_id, 'x', geom FROM grids
"""


def placements(**homes):
    return AssignmentColumns(
        subject_id=list(homes),
        grid_id=[grid_id for grid_id, _ in homes.values()],
        exclusive_ids=[exclusive for _, exclusive in homes.values()],
        basis=["interior" if grid_id else "outside" for grid_id, _ in homes.values()],
    )


@pytest.fixture
def first(store, planner):
    """A store with generation 1 (grids 1 and 2, local numbers) in force since New Year 2025."""
    with store.writing(planner) as session:
        session.upsert("households", [household(n, id=f"h{n}") for n in range(4)])
        published(session, 1, [grid(1), grid(2)], NEW_YEAR)
        session.commit()
    return store


def test_grids_come_back_in_order_of_id_with_every_field(store, planner):
    hole = shapely.box(129, 48, 130, 49).difference(shapely.box(129.2, 48.2, 129.4, 48.4))
    forest = grid(
        9,
        WEST,
        id="a",
        kind=GridKind.EXCLUSIVE,
        geometry=hole,
        code=f"{WEST}601",
        local_code=None,
        source_key="森7",
        owner_unit="林场",
        department="林业",
    )
    with store.writing(planner) as session:
        session.put_generation(generation(1))
        session.put_grids("generation-1", [grid(2), grid(1), forest])
        session.commit()
    with store.reading(planner) as session:
        assert session.grids("generation-1") == [forest, grid(1), grid(2)]
        assert session.grids("generation-1", GridKind.BASE) == [grid(1), grid(2)]
        assert session.generation() is None


def test_grids_of_an_inactive_generation_are_replaced_exchanged_and_removed(first, planner):
    with first.writing(planner) as session:
        session.put_generation(generation(2))
        coded = [grid(n, code=f"{EAST}00{n}", source_key=f"k{n}") for n in (1, 2, 3)]
        session.put_grids("generation-2", coded)
        swapped = [replace(coded[0], code=coded[1].code), replace(coded[1], code=coded[0].code, name="新名")]
        session.put_grids("generation-2", swapped)
        session.put_assignments("generation-2", "household", [placements(h1=("grid-003", ""))])
        assert session.remove_grids("generation-2", ["grid-003", "nobody"]) == 1
        assert session.grids("generation-2") == swapped
        assert session.assignment_counts("generation-2", "household") == {}


def test_clashes_inside_a_generation_are_refused(store, planner):
    with store.writing(planner) as session:
        session.put_generation(generation(1))
        for pair in (
            [grid(1), grid(1)],
            [grid(1, code="1"), grid(2, code="1")],
            [grid(1, source_key="k"), grid(2, source_key="k")],
        ):
            with pytest.raises(Conflict, match="two grids"):
                session.put_grids("generation-1", pair)
        with pytest.raises(Refused, match="geometry"):
            session.put_grids("generation-1", [grid(1, geometry=None)])
        with pytest.raises(NotFound):
            session.put_grids("generation-9", [grid(1)])
        with pytest.raises(Conflict, match="serial 1"):
            session.put_generation(replace(generation(1), id="twin"))


def test_a_published_generation_cannot_change(first, planner):
    with first.writing(planner) as session:
        active = session.generation()
        for write in (
            lambda: session.put_grids("generation-1", [grid(3)]),
            lambda: session.remove_grids("generation-1", ["grid-001"]),
            lambda: session.activate("generation-1", effective_from=MARCH, published_at=AT),
            lambda: session.put_generation(replace(active, effective_from=MARCH)),
            lambda: session.put_generation(replace(active, serial=7)),
            lambda: session.put_generation(replace(active, state=GenerationState.INACTIVE)),
            lambda: session.put_lineage("generation-1", "generation-1", []),
        ):
            with pytest.raises(Conflict):
                write()
        session.put_generation(replace(active, filing_no="民〔2026〕1号", note="备案"))
        assert session.generation().filing_no == "民〔2026〕1号"
        assert session.generation().published_at == active.published_at


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE grids SET name = 'x'",
        "DELETE FROM grids",
        COPY_OF_A_GRID,
        "UPDATE generations SET state = 'inactive'",
        "UPDATE generations SET effective_from = '2030-01-01'",
        "DELETE FROM generations",
        "UPDATE journal SET action = 'nothing'",
        "DELETE FROM journal",
    ],
)
def test_the_database_itself_keeps_published_rows(first, planner, statement):
    with first.writing(planner) as session:
        session.note("publish", "generation-1")
        with pytest.raises(Conflict):
            session._connection.exec_driver_sql(statement)


def test_activation_supersedes_and_as_of_answers_by_date(first, planner):
    with first.writing(planner) as session:
        session.put_generation(generation(2, parent_id="generation-1", note="整合"))
        session.put_grids("generation-2", [grid(1)])
        with pytest.raises(Conflict, match="starts on 2025-01-01"):
            session.activate("generation-2", effective_from=dt.date(2024, 12, 31), published_at=AT)
        session.activate("generation-2", effective_from=MARCH, published_at=AT)
        session.commit()
    with first.reading(planner) as session:
        assert [(g.serial, g.state) for g in session.generations()] == [(1, "superseded"), (2, "active")]
        assert session.generation().published_at == AT
        assert session.generation(id="generation-1").serial == 1
        assert session.generation(id="nobody") is None
        told = {
            day: session.generation(as_of=day)
            for day in (dt.date(2024, 12, 31), NEW_YEAR, dt.date(2026, 2, 28), MARCH, dt.date(2030, 1, 1))
        }
        assert [g and g.serial for g in told.values()] == [None, 1, 1, 2, 2]


def test_a_generation_without_base_grid_is_not_activated(store, planner):
    with store.writing(planner) as session:
        session.put_generation(generation(1))
        session.put_grids("generation-1", [grid(1, kind=GridKind.EXCLUSIVE)])
        with pytest.raises(Conflict, match="no base grid"):
            session.activate("generation-1", effective_from=MARCH, published_at=AT)
        with pytest.raises(Conflict, match="begins inactive"):
            session.put_generation(generation(2, state=GenerationState.ACTIVE))


# -- codes ---------------------------------------------------------------------------------------


def test_the_history_of_codes_follows_activation(first, planner):
    code = f"{EAST}001"
    with first.writing(planner) as session:
        session.put_generation(generation(2))
        session.put_grids("generation-2", [grid(1, code=code, name="前进第一网格")])
        session.add_code("grid-001", code, name="前进第一网格", valid_from=MARCH, reason="统一编码", filing_no="1号")
        session.activate("generation-2", effective_from=MARCH, published_at=AT)
        session.retire_code("grid-002", valid_to=MARCH, reason="撤并")
        session.commit()
    with first.reading(planner) as session:
        assert session.codes(code) == [
            {
                "code": code,
                "name": "前进第一网格",
                "grid_id": "grid-001",
                "local": False,
                "valid_from": MARCH,
                "valid_to": None,
                "reason": "统一编码",
                "filing_no": "1号",
            }
        ]
        (old,) = session.codes("2")
        assert (old["grid_id"], old["local"], old["valid_from"], old["valid_to"]) == ("grid-002", True, NEW_YEAR, MARCH)
        assert old["reason"] == "撤并"
        assert [row["code"] for row in session.code_history("grid-001")] == ["1", code]
        assert session.used_codes() == {code}


def test_a_retired_code_is_never_reused(first, planner):
    code = f"{EAST}001"
    with first.writing(planner) as session:
        session.add_code("grid-002", code, name="二", valid_from=NEW_YEAR, reason="编码")
        with pytest.raises(Conflict, match="another grid's"):
            session.add_code("grid-001", code, name="一", valid_from=MARCH, reason="编码")
        session.retire_code("grid-002", valid_to=MARCH, reason="撤并")
        for write in (
            lambda: session.add_code("grid-001", code, name="一", valid_from=MARCH, reason="编码"),
            lambda: session.put_grids("generation-2", [grid(1, code=code)]),
        ):
            session.put_generation(generation(2))
            with pytest.raises(Conflict, match="was retired"):
                write()
        with pytest.raises(Conflict, match="was retired"):
            session.retire_code("grid-002", valid_to=dt.date(2027, 1, 1), reason="x")
        with pytest.raises(NotFound):
            session.retire_code("nobody", valid_to=MARCH, reason="x")
        session.add_code("grid-002", code, name="二", valid_from=MARCH, reason="恢复")


# -- assignments and lineage -----------------------------------------------------------------------


def test_assignments_of_an_inactive_generation_are_replaced(first, planner):
    with first.writing(planner) as session:
        session.put_generation(generation(2))
        session.put_grids("generation-2", [grid(1), grid(2), grid(8, kind=GridKind.EXCLUSIVE)])
        session.put_assignments("generation-2", "household", [placements(h0=("grid-001", ""), h1=("grid-002", ""))])
        session.put_assignments(
            "generation-2", "household", [placements(h2=("grid-002", "grid-008"), h0=("", "grid-008"))]
        )
        session.commit()
    with first.reading(planner) as session:
        found = session.assignments("generation-2", "household")
        assert {name: column.tolist() for name, column in found.items()} == {
            "subject_id": ["h0", "h2"],
            "grid_id": ["", "grid-002"],
            "exclusive_ids": ["grid-008", "grid-008"],
            "basis": ["outside", "interior"],
        }
        assert session.assignment_counts("generation-2", "household") == {"": 1, "grid-002": 1}
        assert session.assignments("generation-1", "household")["subject_id"].tolist() == []
        assert session.assignments("generation-1", "incident")["basis"].tolist() == []


def test_assignments_of_an_active_generation_leave_a_trace(first, planner):
    with first.writing(planner) as session:
        session.put_assignments("generation-1", "household", [placements(h0=("grid-001", ""), h1=("grid-001", ""))])
        session.put_assignments("generation-1", "household", [placements(h1=("grid-002", ""), h2=("grid-002", ""))])
        found = session.assignments("generation-1", "household")
        assert found["grid_id"].tolist() == ["grid-001", "grid-002", "grid-002"]
        former = session._connection.exec_driver_sql("SELECT count(*) FROM assignments_former").scalar()
        assert former == 1


def test_assignments_of_unknown_things_are_refused(first, planner):
    with first.writing(planner) as session:
        for wrong in (
            placements(nobody=("grid-001", "")),
            placements(h0=("grid-009", "")),
            placements(h0=("", "grid-009")),
        ):
            with pytest.raises(Refused, match="there is no"):
                session.put_assignments("generation-1", "household", [wrong])
        with pytest.raises(Refused, match="cannot be assigned"):
            session.assignments("generation-1", "tree")
        with pytest.raises(NotFound):
            session.put_assignments("generation-9", "household", [placements(h0=("", ""))])


def test_lineage_is_read_from_both_ends(first, planner):
    links = [
        Lineage(
            old_grid_id=f"grid-00{n}",
            new_grid_id="grid-001",
            change=ChangeKind.MERGE,
            area_share=1.0,
            household_share=0.1 + 0.2,
            households=200 + n,
        )
        for n in (1, 2)
    ]
    with first.writing(planner) as session:
        session.put_generation(generation(2))
        session.put_lineage("generation-1", "generation-2", links[:1])
        session.put_lineage("generation-1", "generation-2", links)
        session.commit()
    with first.reading(planner) as session:
        assert session.lineage(from_generation="generation-1") == links
        assert session.lineage(to_generation="generation-2") == links
        assert session.lineage(to_generation="generation-1") == []
