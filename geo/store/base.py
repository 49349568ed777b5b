"""What a store does, whichever engine carries it.

One schema, one contract test suite, two engines (GeoPackage, PostGIS). A `Store` opens a
`Session`; leaving a writing session without `commit()` rolls everything back. Every read applies the
actor's areas as a filter, for lists, single objects, counts and bulk columns alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geo.authority import Actor
from geo.model import Area, Generation, Grid, GridKind, Lineage, Plan

__all__ = ["KINDS", "AssignmentColumns", "ImportRecord", "JournalEntry", "Session", "Store", "Upserted"]

Row = dict[str, Any]

# Record kinds with (county_code, source_key) as identity; grids, generations, assignments, plans and
# the journal have methods of their own.
KINDS = (
    "areas",
    "compounds",
    "buildings",
    "households",
    "gridworkers",
    "party_groups",
    "anchor_households",
    "service_centres",
    "incidents",
    "places",
    "duties",
    "lines",
    "aliases",
)


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many rows an upsert inserted, changed, and found already equal."""

    inserted: int
    updated: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRecord:
    """Provenance of one applied file."""

    id: str
    county_code: str
    kind: str
    file_name: str
    sha256: str
    datum: str
    encoding: str
    rows_read: int
    rows_refused: int
    raw_rows: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentColumns:
    """Bulk assignments of one subject ("household" or "incident") as parallel columns.

    `grid_id` is "" where no base grid holds the subject; `exclusive_ids` holds overlay grid ids joined
    by a blank, "" where there are none; `basis` holds `geo.model.Basis` values.
    """

    subject: str
    subject_id: Sequence[str]
    grid_id: Sequence[str]
    exclusive_ids: Sequence[str]
    basis: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One link of the hash chain; `detail` carries counts and identifiers, never personal values."""

    serial: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    result: str
    detail: Mapping[str, Any]
    previous_hash: str
    hash: str


class Session(Protocol):
    """One transaction. Reads see the actor's areas only."""

    actor: Actor

    def commit(self) -> None:
        """Make everything written so far durable; after it the session is read-only."""

    # -- records -----------------------------------------------------------------------------
    def upsert(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> Upserted:
        """Insert or update rows of one of `KINDS` by (county_code, source_key), keeping known ids.

        Rows carry the fields of the model class; geometry is a shapely object; tuples are stored as
        JSON; unknown keys are refused.
        """

    def rows(
        self,
        kind: str,
        *,
        where: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Return rows as dicts. `where` values: scalar (equal), list (in), None (is null)."""

    def columns(self, kind: str, names: Sequence[str], *, where: Mapping[str, Any] | None = None) -> dict[str, NDArray[Any]]:
        """Return columns as numpy arrays ordered by id (floats with NaN for null, else object)."""

    def count(self, kind: str, *, where: Mapping[str, Any] | None = None) -> int:
        """Count the rows that `rows` would list."""

    def areas(self) -> list[Area]:
        """All areas of the county (readable by every actor), by code."""

    def record_import(self, record: ImportRecord) -> None:
        """Keep provenance (file hash, datum, encoding, counts, raw rows without personal columns)."""

    def imports(self) -> list[ImportRecord]:
        """Provenance of all applied files, oldest first."""

    # -- generations -------------------------------------------------------------------------
    def put_generation(self, generation: Generation) -> None:
        """Insert a generation, or update state, dates, filing number and note of a known one."""

    def generations(self) -> list[Generation]:
        """All generations of the county by serial."""

    def generation(self, *, id: str | None = None, as_of: dt.date | None = None) -> Generation | None:  # noqa: A002
        """One by id; else the active one; with `as_of`, the one in force on that date."""

    def put_grids(self, generation_id: str, grids: Sequence[Grid]) -> None:
        """Add or replace grids of an INACTIVE generation (also writes code and name history)."""

    def grids(self, generation_id: str, kind: GridKind | None = None) -> list[Grid]:
        """Grids of a generation in position order (order of grid UUID)."""

    def activate(self, generation_id: str, *, effective_from: dt.date, published_at: dt.datetime) -> None:
        """Make a generation the active one; the former active one becomes superseded."""

    def codes(self, code: str) -> list[Row]:
        """History rows (code, name, grid_id, valid_from, valid_to, reason, filing_no) of a code or local number."""

    def add_code(self, grid_id: str, code: str, *, name: str, valid_from: dt.date, reason: str, filing_no: str = "") -> None:
        """Open a code-and-name history row and close the former one of that grid; a retired code is refused."""

    def retire_code(self, grid_id: str, *, valid_to: dt.date, reason: str) -> None:
        """Close the open history row of a grid that ends."""

    # -- assignments and lineage ---------------------------------------------------------------
    def put_assignments(self, generation_id: str, columns: AssignmentColumns) -> None:
        """Write (replace, for an inactive generation) the assignments of one subject."""

    def assignments(self, generation_id: str, subject: str) -> dict[str, NDArray[Any]]:
        """Columns subject_id, grid_id, exclusive_ids, basis, ordered by subject_id."""

    def assignment_counts(self, generation_id: str, subject: str) -> dict[str, int]:
        """Rows per grid_id ("" = outside or unplaced)."""

    def put_lineage(self, from_generation: str, to_generation: str, links: Sequence[Lineage]) -> None:
        """Write the links between two generations."""

    def lineage(self, *, from_generation: str | None = None, to_generation: str | None = None) -> list[Lineage]:
        """Links out of, or into, a generation."""

    # -- plans ---------------------------------------------------------------------------------
    def put_plan(self, plan: Plan, *, expected_version: int | None) -> Plan:
        """Insert (`expected_version` None) or replace a plan; raises `StaleVersion` when the stored version differs.

        The stored version becomes `expected_version + 1`; former versions are kept.
        """

    def plan(self, plan_id: str, *, version: int | None = None) -> Plan:
        """One plan (its current or a former version); `NotFound` otherwise."""

    def plans(self) -> list[Plan]:
        """All plans the actor may see, newest first."""

    # -- journal -------------------------------------------------------------------------------
    def note(self, action: str, subject: str, *, result: str = "done", detail: Mapping[str, Any] | None = None) -> JournalEntry:
        """Append a hash-chained entry in this transaction."""

    def journal(self, *, after: int = 0, limit: int = 1000) -> list[JournalEntry]:
        """Entries with serial > `after`."""


class Store(Protocol):
    """A county's store. The clock and the id source are handed in when it is opened."""

    county_code: str
    url: str

    def reading(self, actor: Actor) -> AbstractContextManager[Session]:
        """Open a session that only reads (one snapshot)."""

    def writing(self, actor: Actor) -> AbstractContextManager[Session]:
        """Open a session that writes; nothing stays unless `commit()` was called."""

    def verify_journal(self) -> tuple[int, str]:
        """Recompute the chain; return (entries, head hash). Raises `Conflict` naming the first broken serial."""

    def backup(self, target: str) -> None:
        """Write a consistent copy (GeoPackage: a file; PostGIS: refused with the pg_dump line to run)."""

    def close(self) -> None:
        """Checkpoint and release every handle."""
