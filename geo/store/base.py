"""What a store does, whichever engine carries it.

One schema, one contract test suite, two engines (GeoPackage, PostGIS). A `Store` opens a
`Session`; leaving a writing session without `commit()` rolls everything back. Every read applies the
actor's areas as a filter, for lists, single objects, counts and bulk columns alike.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from geo.model import (
    Alias,
    AnchorHousehold,
    Area,
    Building,
    Compound,
    Duty,
    Gridworker,
    Household,
    Incident,
    Line,
    PartyGroup,
    Place,
    ServiceCentre,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from geo.authority import Actor
    from geo.model import Generation, Grid, GridKind, Lineage, Plan

__all__ = [
    "FIELDS",
    "KINDS",
    "RECORD_TYPES",
    "AssignmentColumns",
    "ImportRecord",
    "JournalEntry",
    "Session",
    "Store",
    "Upserted",
]

Row = dict[str, Any]

# Record kinds, each with the model class whose fields its rows carry; (county_code, source_key) is the identity of a
# row (areas: county_code and code). Grids, generations, assignments, plans and the journal have methods of their own.
RECORD_TYPES: dict[str, type[Any]] = {
    "areas": Area,
    "compounds": Compound,
    "buildings": Building,
    "households": Household,
    "gridworkers": Gridworker,
    "party_groups": PartyGroup,
    "anchor_households": AnchorHousehold,
    "service_centres": ServiceCentre,
    "incidents": Incident,
    "places": Place,
    "duties": Duty,
    "lines": Line,
    "aliases": Alias,
}
KINDS = tuple(RECORD_TYPES)

# `id` and `county_code` may be left out of an upsert (the store fills them), other fields as the class allows.
FIELDS: dict[str, tuple[str, ...]] = {kind: tuple(f.name for f in fields(RECORD_TYPES[kind])) for kind in KINDS}


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
    """Assignments of many households, or of many incidents, as parallel columns.

    `grid_id` is "" where no base grid holds the subject; `exclusive_ids` holds overlay grid ids joined
    by a blank, "" where there are none; `basis` holds `geo.model.Basis` values.
    """

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

        Rows carry the `FIELDS` of the kind; geometry is a shapely object; tuples are stored as JSON; unknown
        keys are refused. The id of a known row is kept, whatever the new row says; a new row without `id`
        gets one of `new_id`. A key that comes twice in one call is refused, and a row outside the actor's
        areas too. Instants are aware and kept to the millisecond, in UTC.

        Raises
        ------
        Refused
            An unknown or missing field, a wrong type, a doubled key (the row is named).
        Forbidden
            A row lies outside the actor's areas.
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
        """Return rows as dicts, ordered by `order_by` ("-name" is descending), then by id.

        `where` values: scalar (equal), list (in), None (is null). Tuples come back as tuples, enumerations as
        their values, instants aware in UTC, geometry as shapely objects.
        """

    def columns(
        self, kind: str, names: Sequence[str], *, where: Mapping[str, Any] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return columns as numpy arrays ordered by id.

        Numbers that may be null are float64 with NaN, whole numbers int64, truth values bool, all else object.
        """

    def pages(
        self, kind: str, names: Sequence[str], *, size: int, placed_in: str | None = None
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the columns of all rows in pages of at most `size` rows, holding one page at a time.

        Every row the actor sees comes once, in the order in which rows were first written; no page is empty. Between
        two pages the session may read and write: each page is a query of its own.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        names : sequence of str
            Fields; their columns are typed as in `columns`.
        size : int
            Most rows of a page, 1 or more.
        placed_in : str, optional
            Id of a generation, for households and incidents: the page has the column ``grid_id`` besides, "" where
            the generation places the row in no grid or not at all.

        Raises
        ------
        Refused
            An unknown kind or field, or a kind that is not placed.
        NotFound
            There is no such generation.
        """

    def count(self, kind: str, *, where: Mapping[str, Any] | None = None) -> int:
        """Count the rows that `rows` would list."""

    def areas(self) -> list[Area]:
        """All areas of the county (readable by every actor), by code."""

    def record_import(self, record: ImportRecord) -> None:
        """Keep provenance (file hash, datum, encoding, counts, raw rows without personal columns)."""

    def imports(self) -> list[ImportRecord]:
        """Provenance of all applied files, oldest first; `raw_rows` is left empty."""

    def import_rows(self, import_id: str) -> list[Row]:
        """Raw rows kept with one import; `NotFound` unless the actor sees the whole county."""

    # -- generations -------------------------------------------------------------------------
    def put_generation(self, generation: Generation) -> None:
        """Insert an inactive generation, or update dates, plan, filing number and note of a known one.

        Of a generation that was ever active only filing number and note may change; the state changes by
        `activate` alone (`Conflict` otherwise).
        """

    def generations(self) -> list[Generation]:
        """All generations of the county by serial."""

    def generation(self, *, id: str | None = None, as_of: dt.date | None = None) -> Generation | None:  # noqa: A002
        """One by id; else the active one; with `as_of`, the one in force on that date.

        In force on a date is, of all generations that are or were active, the one with the latest
        `effective_from` not after the date (of equal ones the highest serial). None where there is none.
        """

    def put_grids(self, generation_id: str, grids: Sequence[Grid]) -> None:
        """Add or replace (by grid id) grids of an INACTIVE generation; the others stay.

        Raises
        ------
        Conflict
            The generation is or was active; a code comes twice or belongs, now or formerly, to another grid;
            a source key comes twice in one kind.
        """

    def remove_grids(self, generation_id: str, grid_ids: Sequence[str]) -> int:
        """Take grids out of an INACTIVE generation, with their assignments; return how many there were."""

    def grids(self, generation_id: str, kind: GridKind | None = None) -> list[Grid]:
        """Grids of a generation in position order (order of grid UUID)."""

    def activate(self, generation_id: str, *, effective_from: dt.date, published_at: dt.datetime) -> None:
        """Make an inactive generation the active one; the former active one becomes superseded.

        Writes the history of codes and names: opens a row for each grid whose code (or local number, while it
        has no code) or name is new, from `effective_from` on, and closes those of grids that end.
        `add_code` and `retire_code`, before or after it, only add reason and filing number.

        Raises
        ------
        Conflict
            The generation is not inactive, has no base grid, or starts before the one now active.
        """

    def codes(self, code: str) -> list[Row]:
        """History rows of a code or local number, oldest first.

        Keys: code, name, grid_id, local (True for 原编号), valid_from, valid_to (None while open), reason, filing_no.
        """

    def code_history(self, grid_id: str) -> list[Row]:
        """History rows (keys as in `codes`) of one grid, oldest first."""

    def used_codes(self) -> frozenset[str]:
        """Every code ever given in the county, retired ones included (local numbers are not codes)."""

    def add_code(
        self, grid_id: str, code: str, *, name: str, valid_from: dt.date, reason: str, filing_no: str = ""
    ) -> None:
        """Open a code-and-name history row and close the former one of that grid.

        A code belongs to one grid for ever: a retired code, or one of another grid, raises `Conflict`.
        """

    def retire_code(self, grid_id: str, *, valid_to: dt.date, reason: str) -> None:
        """Close the open history row of a grid that ends."""

    # -- assignments and lineage ---------------------------------------------------------------
    def put_assignments(self, generation_id: str, subject: str, pages: Iterable[AssignmentColumns]) -> None:
        """Write assignments of one subject ("household" or "incident"), page by page as they are handed over.

        Inactive generation: all that were there are forgotten before the first page. Active or superseded: new
        subjects are added, and a changed placement keeps the former one in the history of assignments (nothing is
        overwritten without trace).

        One page is held at a time, besides one bit for each subject; pages in the order of `pages` are the fastest.
        What iterating over `pages` raises comes through, with the pages before it written in this transaction: leave
        it without `commit`.

        Raises
        ------
        Refused
            An unknown subject or grid id, or a subject that comes twice, in one page or in two.
        NotFound
            There is no such generation.
        """

    def assignments(self, generation_id: str, subject: str) -> dict[str, NDArray[Any]]:
        """Columns subject_id, grid_id, exclusive_ids, basis, ordered by subject_id."""

    def assignment_counts(self, generation_id: str, subject: str) -> dict[str, int]:
        """Rows per grid_id ("" = outside or unplaced) among the subjects the actor sees."""

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
    def note(
        self, action: str, subject: str, *, result: str = "done", detail: Mapping[str, Any] | None = None
    ) -> JournalEntry:
        """Append a hash-chained entry in this transaction.

        Raises
        ------
        Refused
            `detail` has a key or value that looks personal (name, phone, document number), or is no JSON.
        """

    def journal(self, *, after: int = 0, limit: int = 1000) -> list[JournalEntry]:
        """Entries with serial > `after`."""


class Store(Protocol):
    """A county's store. The clock and the id source are handed in when it is opened."""

    county_code: str
    url: str
    warnings: tuple[str, ...]
    upgraded: tuple[str, ...]

    def reading(self, actor: Actor) -> AbstractContextManager[Session]:
        """Open a session that only reads (one snapshot)."""

    def writing(self, actor: Actor) -> AbstractContextManager[Session]:
        """Open a session that writes; nothing stays unless `commit()` was called.

        One county has one writer at a time, in both engines; others wait some seconds, then get `Unavailable`.
        """

    def verify_journal(self) -> tuple[int, str]:
        """Recompute the chain; return (entries, head hash). Raises `Conflict` naming the first broken serial."""

    def backup(self, target: str) -> None:
        """Write a consistent copy (GeoPackage: a file; PostGIS: refused with the pg_dump line to run).

        Hand this copy, never the live file, to QGIS, GDAL or pyogrio: a second SQLite library in one process
        drops the locks of the first.
        """

    def close(self) -> None:
        """Checkpoint and release every handle."""
