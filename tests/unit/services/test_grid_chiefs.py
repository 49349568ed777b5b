"""The 网格长 of a roster: read beside the full-time worker, called after him, counted nowhere."""

from __future__ import annotations

from geo.model import WorkerKind
from geo.services.facts import _kind_of
from geo.services.ingest.headers import resolve_columns
from geo.services.ingest.records import CHIEF_POST, with_chief

WORKER = {"id": "1", "source_key": "full_time/3", "kind": "full_time", "grid_id": "g", "name": "甲"}
CHIEF = {"id": "2", "source_key": "chief/full_time/3", "kind": "part_time", "post": CHIEF_POST, "name": "乙"}


def test_a_row_that_names_a_chief_is_two_records():
    assert with_chief({**WORKER, "chief": CHIEF}) == [WORKER, CHIEF]
    assert with_chief({**WORKER, "chief": None}) == [WORKER]
    assert with_chief(WORKER) == [WORKER]


def test_the_column_is_known_and_the_post_is_left_out_of_the_counts():
    columns = ("序号", "社区", "原编号", "网格长", "专职网格员")
    found = resolve_columns("gridworkers", columns, {}, file="roster.xlsx", geometry=False)
    assert (found["chief"], found["name"]) == ("网格长", "专职网格员")
    assert _kind_of(WorkerKind.PART_TIME) == {"kind": "part_time", "post": ""}
    assert _kind_of(WorkerKind.FULL_TIME) == {"kind": "full_time"}
