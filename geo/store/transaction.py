"""What every part of a session stands on: one open transaction, its actor, and the engine underneath."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from sqlalchemy import ColumnElement, Table, or_, true
from sqlalchemy import func as sql

from geo.errors import Conflict
from geo.store import schema

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from geo.authority import Actor

__all__ = ["Carrier", "Transaction", "begins_with", "plain"]

# Longer lists than this go to the database as one value: the number of parameters of a statement is limited.
LONG_LIST = 500


def plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value a driver understands; other values as they are."""
    return value.item() if isinstance(value, np.generic) else value


class Carrier(Protocol):
    """What differs between the engines once a transaction is open."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows (column name → stored value)."""

    def update(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Update many rows by `fid`; all rows have the same columns."""

    def within(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition that a column is one of many values (all text or all whole numbers)."""

    def aside(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column for a condition that shall not choose the index a query goes by."""

    def before_commit(self, connection: Connection, touched: Iterable[str], *, now: dt.datetime) -> None:
        """Bring the engine's own catalogue up to date with the tables that were written."""


def begins_with(column: ColumnElement[Any], prefixes: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a code begins with one of the prefixes; no prefix sees nothing."""
    return or_(*(sql.substr(column, 1, len(prefix)) == prefix for prefix in prefixes), ~true())


class Transaction:
    """One open transaction of one actor in one county.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Already begun, in the mode (reading or writing) that `writes` says.
    """

    def __init__(
        self,
        connection: Connection,
        carrier: Carrier,
        *,
        actor: Actor,
        county_code: str,
        now: Callable[[], dt.datetime],
        new_id: Callable[[], str],
        writes: bool,
    ) -> None:
        self.actor = actor
        self._connection = connection
        self._carrier = carrier
        self._county = county_code
        self._now = now
        self._new_id = new_id
        self._writes = writes
        self._touched: set[str] = set()

    def commit(self) -> None:
        """Make everything written so far durable; after it the session is read-only."""
        self._must_write()
        self._carrier.before_commit(self._connection, self._touched, now=self._now())
        self._connection.commit()
        self._connection.execution_options(wangge_writes="")
        self._writes = False

    @property
    def _sees_county(self) -> bool:
        return self.actor.sees(self._county)

    def _must_write(self, *tables: Table) -> None:
        if not self._writes:
            raise Conflict(
                "this session cannot write", code="read-only", remedy="open a writing session; after commit, a new one"
            )
        self._touched.update(table.name for table in tables)

    def _within(self, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
        listed = [plain(value) for value in values]
        return column.in_(listed) if len(listed) <= LONG_LIST else self._carrier.within(column, listed)

    def _insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        self._must_write(table)
        if rows:
            self._carrier.insert(self._connection, table, rows)

    def _active_fid(self) -> int | None:
        table = schema.generations
        found = self._connection.execute(
            table.select()
            .with_only_columns(table.c.fid)
            .where(table.c.county_code == self._county, table.c.state == "active")
        ).scalar()
        return None if found is None else int(found)
