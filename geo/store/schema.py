"""The one schema: tables of SQLAlchemy Core for both engines, and what they mean to a GeoPackage reader.

Tables of records follow the classes of `geo.model` field by field. Every table carries `county_code`. Spatial tables
have an integer `fid` (GeoPackage wants it; assignments use it to stay small) beside the UUID `id`, which is the
identity everywhere outside this room.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from geo.store.base import RECORD_TYPES
from geo.store.shapes import instant_type, shape_type, word_type

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "LAYERS",
    "LISTS",
    "METADATA",
    "RECORDS",
    "SCHEMA_VERSION",
    "TABLES",
    "Layer",
    "assignments",
    "assignments_former",
    "code_history",
    "counties",
    "generations",
    "grids",
    "imports",
    "journal",
    "journal_heads",
    "lineage",
    "plan_communities",
    "plan_versions",
    "plans",
    "store_info",
]

SCHEMA_VERSION: Final = 1
METADATA: Final = MetaData()


@dataclass(frozen=True, slots=True)
class Layer:
    """What a GeoPackage reader is told of a table; `geometry` is None for a plain table."""

    title: str
    geometry: str | None = None


LAYERS: Final[dict[str, Layer]] = {
    "areas": Layer("行政区划 (areas)", "MULTIPOLYGON"),
    "grids": Layer("网格 (grids, all generations)", "MULTIPOLYGON"),
    "compounds": Layer("小区院落 (compounds)", "GEOMETRY"),
    "buildings": Layer("楼栋 (buildings)", "GEOMETRY"),
    "households": Layer("住户 (households)", "POINT"),
    "incidents": Layer("工单 (incidents)", "POINT"),
    "places": Layer("地名标志物 (places)", "POINT"),
    "lines": Layer("道路河流铁路 (lines)", "MULTILINESTRING"),
    "anchor_households": Layer("党员中心户 (anchor households)", "POINT"),
    "service_centres": Layer("党群服务中心 (service centres)", "POINT"),
    "gridworkers": Layer("网格员 (gridworkers)"),
    "party_groups": Layer("党组织 (party groups)"),
    "duties": Layer("责任单位 (duties)"),
    "aliases": Layer("别名 (aliases)"),
    "generations": Layer("版本 (generations)"),
    "code_history": Layer("编码沿革 (code history)"),
    "lineage": Layer("新旧沿革 (lineage)"),
    "journal": Layer("操作日志 (journal)"),
}


def _word(name: str, *, null: bool = False) -> Column[Any]:
    default = None if null else text("''")
    return Column(name, word_type(), nullable=null, server_default=default)


def _whole(name: str) -> Column[Any]:
    return Column(name, Integer(), nullable=False, server_default=text("0"))


def _truth(name: str, *, default: bool) -> Column[Any]:
    return Column(name, Boolean(), nullable=False, server_default=true() if default else false())


def _fid() -> Column[Any]:
    return Column("fid", Integer(), primary_key=True, autoincrement=True, nullable=False)


def _owned() -> tuple[Column[Any], ...]:
    return _fid(), Column("county_code", word_type(), nullable=False)


# Column of a field, by the annotation of the model class; every other annotation is an enumeration, kept as text.
_COLUMNS: Final[dict[str, Callable[[str], Column[Any]]]] = {
    "str | None": lambda name: _word(name, null=True),
    "float": lambda name: Column(name, Double(), nullable=False),
    "float | None": lambda name: Column(name, Double(), nullable=True),
    "int": _whole,
    "bool": lambda name: _truth(name, default=False),
    "dt.datetime": lambda name: Column(name, instant_type(), nullable=False),
}
_OWNED: Final = {"id", "county_code", "geometry"}


def _annotations(kind: str) -> dict[str, str]:
    return {field.name: str(field.type) for field in fields(RECORD_TYPES[kind])}


# Fields that are tuples of texts, kept as JSON.
LISTS: Final = {
    (kind, name) for kind in RECORD_TYPES for name, told in _annotations(kind).items() if told == "tuple[str, ...]"
}


def _record(kind: str) -> Table:
    """Return the table of a record kind: the fields of its model class, and a geometry where it is a layer."""
    told = _annotations(kind)
    key = "source_key" if "source_key" in told else "code"
    layer = LAYERS[kind]
    shape = (Column("geom", shape_type(layer.geometry), nullable=True),) if layer.geometry else ()
    return Table(
        kind,
        METADATA,
        *_owned(),
        Column("id", word_type(), nullable=False),
        *(_COLUMNS.get(told[name], _word)(name) for name in told if name not in _OWNED),
        *shape,
        UniqueConstraint("id", name=f"{kind}_by_id"),
        UniqueConstraint("county_code", key, name=f"{kind}_by_key"),
        sqlite_autoincrement=True,
    )


RECORDS: Final[dict[str, Table]] = {kind: _record(kind) for kind in RECORD_TYPES}

generations: Final = Table(
    "generations",
    METADATA,
    *_owned(),
    Column("id", word_type(), nullable=False, unique=True),
    Column("serial", Integer(), nullable=False),
    Column("state", word_type(), nullable=False),
    Column("effective_from", Date()),
    Column("published_at", instant_type()),
    _word("parent_id", null=True),
    _word("plan_id", null=True),
    _word("filing_no"),
    _word("note"),
    UniqueConstraint("county_code", "serial", name="generations_by_serial"),
    CheckConstraint("state IN ('inactive', 'active', 'superseded')", name="generations_state"),
    sqlite_autoincrement=True,
)
# At most one generation of a county is active, whatever a program tries.
Index(
    "generations_one_active",
    generations.c.county_code,
    unique=True,
    sqlite_where=text("state = 'active'"),
    postgresql_where=text("state = 'active'"),
)

grids: Final = Table(
    "grids",
    METADATA,
    *_owned(),
    Column("generation_id", word_type(), ForeignKey("generations.id"), nullable=False),
    Column("id", word_type(), nullable=False),
    *(_word("kind"), _word("name"), _word("community_code"), _word("code", null=True), _word("local_code", null=True)),
    *(_word("source_key"), _word("owner_unit"), _word("department")),
    Column("geom", shape_type("MULTIPOLYGON"), nullable=False),
    UniqueConstraint("generation_id", "id", name="grids_by_id"),
    UniqueConstraint("generation_id", "code", name="grids_by_code"),
    sqlite_autoincrement=True,
)
Index("grids_by_local_code", grids.c.county_code, grids.c.local_code)
Index(
    "grids_by_source_key",
    grids.c.generation_id,
    grids.c.kind,
    grids.c.source_key,
    unique=True,
    sqlite_where=text("source_key <> ''"),
    postgresql_where=text("source_key <> ''"),
)

code_history: Final = Table(
    "code_history",
    METADATA,
    *_owned(),
    Column("code", word_type(), nullable=False),
    _word("name"),
    Column("grid_id", word_type(), nullable=False),
    _truth("local", default=False),
    Column("valid_from", Date(), nullable=False),
    Column("valid_to", Date()),
    *(_word("reason"), _word("filing_no")),
    sqlite_autoincrement=True,
)
Index("code_history_by_code", code_history.c.county_code, code_history.c.code)
Index(
    "code_history_one_open",
    code_history.c.county_code,
    code_history.c.grid_id,
    unique=True,
    sqlite_where=text("valid_to IS NULL"),
    postgresql_where=text("valid_to IS NULL"),
)

_ASSIGNED: Final = ("generation_fid", "subject", "subject_fid")


def _assigned_columns() -> tuple[Column[Any], ...]:
    return (
        Column("county_code", word_type(), nullable=False),
        Column("generation_fid", Integer(), ForeignKey("generations.fid"), nullable=False),
        Column("subject", Integer(), nullable=False),
        Column("subject_fid", Integer(), nullable=False),
        Column("grid_fid", Integer(), ForeignKey("grids.fid"), nullable=True),
        Column("exclusive_ids", word_type(), nullable=False),
        Column("basis", word_type(), nullable=False),
    )


# Integers only: 28,000 rows take half a megabyte, against three with UUID text.
assignments: Final = Table(
    "assignments", METADATA, *_assigned_columns(), PrimaryKeyConstraint(*_ASSIGNED), sqlite_with_rowid=False
)
assignments_former: Final = Table(
    "assignments_former",
    METADATA,
    _fid(),
    *_assigned_columns(),
    Column("replaced_at", instant_type(), nullable=False),
    sqlite_autoincrement=True,
)

lineage: Final = Table(
    "lineage",
    METADATA,
    *_owned(),
    Column("from_generation", word_type(), ForeignKey("generations.id"), nullable=False),
    Column("to_generation", word_type(), ForeignKey("generations.id"), nullable=False),
    *(Column("old_grid_id", word_type(), nullable=False), Column("new_grid_id", word_type(), nullable=False)),
    Column("change", word_type(), nullable=False),
    Column("area_share", Double(), nullable=False),
    Column("household_share", Double(), nullable=False),
    _whole("households"),
    UniqueConstraint("from_generation", "to_generation", "old_grid_id", "new_grid_id", name="lineage_by_pair"),
    sqlite_autoincrement=True,
)

plans: Final = Table(
    "plans",
    METADATA,
    *_owned(),
    Column("id", word_type(), nullable=False, unique=True),
    Column("generation_id", word_type(), ForeignKey("generations.id"), nullable=False),
    Column("version", Integer(), nullable=False),
    Column("author", word_type(), nullable=False),
    sqlite_autoincrement=True,
)
plan_versions: Final = Table(
    "plan_versions",
    METADATA,
    Column("county_code", word_type(), nullable=False),
    Column("plan_id", word_type(), ForeignKey("plans.id"), nullable=False),
    Column("version", Integer(), nullable=False),
    Column("saved_at", instant_type(), nullable=False),
    Column("saved_by", word_type(), nullable=False),
    Column("body", word_type(), nullable=False),
    PrimaryKeyConstraint("plan_id", "version"),
)
plan_communities: Final = Table(
    "plan_communities",
    METADATA,
    Column("county_code", word_type(), nullable=False),
    Column("plan_id", word_type(), ForeignKey("plans.id"), nullable=False),
    Column("community_code", word_type(), nullable=False),
    PrimaryKeyConstraint("plan_id", "community_code"),
)

imports: Final = Table(
    "imports",
    METADATA,
    *_owned(),
    Column("id", word_type(), nullable=False, unique=True),
    *(_word("kind"), _word("file_name"), _word("sha256"), _word("datum"), _word("encoding")),
    *(_whole("rows_read"), _whole("rows_refused")),
    Column("applied_at", instant_type(), nullable=False),
    _word("applied_by"),
    Column("raw_rows", LargeBinary(), nullable=False),
    sqlite_autoincrement=True,
)

journal: Final = Table(
    "journal",
    METADATA,
    *_owned(),
    Column("serial", Integer(), nullable=False),
    Column("at", word_type(), nullable=False),
    *(_word("actor"), _word("action"), _word("subject"), _word("result"), _word("detail")),
    *(_word("previous_hash"), _word("hash")),
    UniqueConstraint("county_code", "serial", name="journal_by_serial"),
    sqlite_autoincrement=True,
)
journal_heads: Final = Table(
    "journal_heads",
    METADATA,
    Column("county_code", word_type(), primary_key=True),
    Column("serial", Integer(), nullable=False),
    Column("hash", word_type(), nullable=False),
)

counties: Final = Table(
    "counties",
    METADATA,
    Column("county_code", word_type(), primary_key=True),
    Column("created_at", instant_type(), nullable=False),
)
store_info: Final = Table(
    "store_info",
    METADATA,
    Column("key", word_type(), primary_key=True),
    Column("value", word_type(), nullable=False),
)

TABLES: Final[dict[str, Table]] = {**RECORDS, "grids": grids}
