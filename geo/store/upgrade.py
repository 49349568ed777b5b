"""Bring an older store to the present schema by adding only: tables and columns, never a change or removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import DDL, Column, Connection, Table, insert, inspect, select, table, text, update
from sqlalchemy.schema import CreateColumn

from geo.errors import Conflict, Refused
from geo.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_missing", "check_schema"]


def _missing(connection: Connection) -> tuple[list[Table], list[Column[object]]]:
    """Return the tables and columns of the schema that the store does not have."""
    held = set(inspect(connection).get_table_names())
    tables = [one for one in schema.METADATA.sorted_tables if one.name not in held]
    columns: list[Column[object]] = []
    for one in schema.METADATA.sorted_tables:
        if one.name in held:
            known = set(connection.execute(select(text("*")).select_from(table(one.name)).limit(0)).keys())
            columns += [column for column in one.columns if column.name not in known]
    return tables, columns


def _version(connection: Connection) -> int:
    info = schema.store_info
    found = connection.execute(select(info.c.value).where(info.c.key == "schema_version")).scalar()
    return int(found) if found else 0


def check_schema(connection: Connection) -> None:
    """Refuse a store of another version of the schema.

    Raises
    ------
    Conflict
        The store is older; the remedy is to upgrade it.
    Refused
        It is newer than this software.
    """
    version = _version(connection)
    if version > schema.SCHEMA_VERSION:
        raise Refused(f"the store has schema {version}, newer than this software", remedy="install the newer version")
    if version < schema.SCHEMA_VERSION or any(_missing(connection)):
        raise Conflict("the store is older than this software", code="schema-old", remedy="run: wangge upgrade")


def add_missing(connection: Connection, create: Callable[[Connection, Table], None]) -> tuple[str, ...]:
    """Add what is missing, in the caller's transaction; return what was added, one line each.

    Parameters
    ----------
    create : callable
        Makes one table in the engine's own way (a GeoPackage enters it into its catalogue).
    """
    if _version(connection) > schema.SCHEMA_VERSION:
        check_schema(connection)
    tables, columns = _missing(connection)
    for one in tables:
        create(connection, one)
    for column in columns:
        if not column.nullable and column.server_default is None:
            raise Conflict(f"{column.table.name}.{column.name} cannot be added to rows that exist", code="schema-old")
        told = CreateColumn(column).compile(dialect=connection.dialect)
        statement = f"ALTER TABLE {column.table.name} ADD COLUMN {told}"
        connection.execute(DDL(statement.replace("%", "%%")))  # type: ignore[no-untyped-call]
    _note_version(connection)
    return (*(f"table {one.name}" for one in tables), *(f"column {c.table.name}.{c.name}" for c in columns))


def _note_version(connection: Connection) -> None:
    info = schema.store_info
    told = {"value": str(schema.SCHEMA_VERSION)}
    moved = connection.execute(update(info).where(info.c.key == "schema_version").values(told))
    if not moved.rowcount:
        connection.execute(insert(info).values({"key": "schema_version", **told}))
