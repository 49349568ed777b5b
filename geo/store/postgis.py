"""The server engine: PostgreSQL with PostGIS through psycopg2, many counties in one database.

A writing session holds its county's advisory lock from its first statement on, so that a county has one writer at
a time, as in the embedded engine: nobody decides on a state that another session is changing. A reading session
is one REPEATABLE READ snapshot and waits for nobody.
"""

from __future__ import annotations

import io
import logging
import zlib
from typing import TYPE_CHECKING, Any, Final, NoReturn

import psycopg2
from psycopg2 import errorcodes
from psycopg2 import sql as composed
from sqlalchemy import ARRAY, Column, Integer, MetaData, Table, any_, create_engine, event, insert, literal, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ArgumentError

from geo.errors import Conflict, NotFound, Refused, Unavailable, WanggeError
from geo.store import schema
from geo.store.postgis_catalogue import create_catalogue, read_facts
from geo.store.session import WRITES, SqlStore
from geo.store.upgrade import add_missing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine

__all__ = ["PostgisCarrier", "PostgisStore", "open_postgis"]

# From this many rows on COPY beats INSERT.
BULK_ROWS: Final = 500
_LOCK_CLASS: Final = 0x5747
_PREPARER: Final = postgresql.dialect()  # type: ignore[no-untyped-call]
_LOG: Final = logging.getLogger(__name__)
_BUSY: Final = {
    errorcodes.LOCK_NOT_AVAILABLE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.QUERY_CANCELED,
}
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class PostgisStore(SqlStore):
    """One county of a PostGIS database."""

    def backup(self, target: str) -> None:
        """Refuse: a server is backed up by its own tool.

        Raises
        ------
        Refused
            Always; the remedy is the line to run.
        """
        name = self._engine.url.database
        raise Refused(
            "a PostGIS store is backed up by the server's own tool",
            code="backup-by-server",
            remedy=f"run: pg_dump --format=custom --file={target} {name}",
        )


class PostgisCarrier:
    """Bulk writing by COPY."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, by COPY where they are many."""
        if len(rows) < BULK_ROWS:
            connection.execute(insert(table), list(rows))
        else:
            _copy(connection, table, rows)

    def update(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Update rows by `fid`: COPY into a passing table, then one UPDATE."""
        names = list(rows[0])
        incoming = Table(
            f"incoming_{table.name}",
            MetaData(),
            *(Column(name, Integer() if name == "fid" else table.c[name].type) for name in names),
            prefixes=["TEMPORARY"],
        )
        incoming.create(connection, checkfirst=False)
        _copy(connection, incoming, rows)
        values = {name: incoming.c[name] for name in names if name != "fid"}
        connection.execute(update(table).where(table.c.fid == incoming.c.fid).values(values))
        incoming.drop(connection, checkfirst=False)

    def within(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition that a column is one of many values, handed over as one array."""
        return column == any_(literal(list(values), ARRAY(column.type)))

    def aside(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column itself: the server knows how its values are spread."""
        return column

    def before_commit(self, connection: Connection, touched: Iterable[str], *, now: dt.datetime) -> None:
        """Do nothing: the server keeps its own catalogue."""


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    names = list(rows[0])
    convert = [table.c[name].type.dialect_impl(_PREPARER).bind_processor(_PREPARER) for name in names]
    statement = composed.SQL("COPY {} ({}) FROM STDIN").format(
        composed.Identifier(table.name), composed.SQL(", ").join(map(composed.Identifier, names))
    )
    raw: Any = connection.connection.driver_connection
    try:
        with raw.cursor() as cursor:
            cursor.copy_expert(statement.as_string(raw), io.StringIO("".join(_lines(rows, names, convert))))
    except psycopg2.Error as error:
        raise _translated(error) from error


def _lines(rows: Iterable[Mapping[str, Any]], names: Sequence[str], convert: Sequence[Any]) -> Iterator[str]:
    pairs = list(zip(names, convert, strict=True))
    for row in rows:
        yield "\t".join(_word(row[name] if turn is None else turn(row[name])) for name, turn in pairs) + "\n"


def _word(value: Any) -> str:
    if type(value) is str:
        return value.translate(_ESCAPES) if value else value
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return repr(value)
    return str(value).translate(_ESCAPES)


# -- engine ------------------------------------------------------------------------------------


def open_postgis(
    url: str,
    *,
    county_code: str | None,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    create: bool,
    upgrade: bool,
    wait_seconds: float,
) -> PostgisStore:
    """Open (or create) the store in a PostGIS database; see `geo.store.open_store`."""
    engine = _engine(url, wait_seconds)
    try:
        warnings = _check_server(engine)
        if create:
            _create(engine, county_code, now())
        _check_schema(engine)
        upgraded = _upgrade(engine) if upgrade else ()
        return PostgisStore(
            engine,
            PostgisCarrier(),
            url=engine.url.render_as_string(hide_password=True),
            county_code=county_code,
            now=now,
            new_id=new_id,
            warnings=warnings,
            upgraded=upgraded,
        )
    except BaseException:
        engine.dispose()
        raise


def _engine(url: str, wait_seconds: float) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=_connect_arguments(wait_seconds))
    except ArgumentError as error:
        raise Refused("the store address cannot be read", code="store-url") from error
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _handle)
    return engine


def _connect_arguments(wait_seconds: float) -> dict[str, Any]:
    settings = {"timezone": "UTC", "lock_timeout": f"{int(wait_seconds * 1000)}ms", "client_encoding": "UTF8"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {"options": options, "connect_timeout": 10, "application_name": "wangge"}


def _begin(connection: Connection) -> None:
    county = connection.get_execution_options().get(WRITES)
    if county is None:
        return
    if county:
        lock = (_LOCK_CLASS, _signed(zlib.crc32(county.encode())))
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", lock)
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.exec_driver_sql("SELECT 1")  # the snapshot begins here


def _signed(number: int) -> int:
    return number - 2**32 if number >= 2**31 else number


def _check_server(engine: Engine) -> tuple[str, ...]:
    """Refuse a database that cannot keep Chinese text; warn where it cannot compare it."""
    with engine.connect() as connection:
        facts = read_facts(connection)
    if facts.encoding != "UTF8":
        raise Refused(
            f"the database has encoding {facts.encoding}", code="encoding", remedy="create it with ENCODING 'UTF8'"
        )
    if facts.ctype not in {"C", "POSIX"}:
        return ()
    told = (
        f"the database has lc_ctype {facts.ctype}: pg_trgm finds every two Chinese texts equal; "
        "create it with lc_ctype C.UTF-8"
    )
    _LOG.warning(told)
    return (told,)


def _create(engine: Engine, county_code: str | None, created_at: dt.datetime) -> None:
    """Make what is missing, in one transaction; what exists stays."""
    if county_code is None:
        raise Refused("a new store needs its county", remedy="say --county CODE")
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, 0)", (_LOCK_CLASS,))
        # Not again where it is: making triggers anew would lock tables against sessions at work.
        if not read_facts(connection).has_store:
            create_catalogue(connection)
        county = postgresql.insert(schema.counties).values(county_code=county_code, created_at=created_at)
        connection.execute(county.on_conflict_do_nothing())
        version = postgresql.insert(schema.store_info).values(key="schema_version", value=str(schema.SCHEMA_VERSION))
        connection.execute(version.on_conflict_do_nothing())


def _upgrade(engine: Engine) -> tuple[str, ...]:
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, 0)", (_LOCK_CLASS,))
        added = add_missing(connection, lambda held, table: table.create(held, checkfirst=False))
        create_catalogue(connection)
        return added


def _check_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        if not read_facts(connection).has_store:
            raise NotFound(
                f"the database {engine.url.database} holds no store", remedy="make one: wangge init STORE --county CODE"
            )


def _handle(context: Any) -> NoReturn:
    raise _translated(context.original_exception) from context.original_exception


def _translated(error: BaseException) -> BaseException:
    """Return the error of ours for one of the driver; no SQL and no value gets out."""
    if not isinstance(error, psycopg2.Error):
        return error
    code = error.pgcode or ""
    told = (error.diag.message_primary or "") if error.diag else ""
    if told.startswith("wangge: "):
        return Conflict(told.removeprefix("wangge: "), code="generation-immutable", remedy="make a new generation")
    if code.startswith("23"):
        return Conflict("a value that must be unique, or a row that must exist, stands against it", code="integrity")
    return _unavailable(error, code) or error


def _unavailable(error: psycopg2.Error, code: str) -> WanggeError | None:
    if code in _BUSY:
        return Unavailable("somebody else is writing to the store", code="store-busy", remedy="try again in a moment")
    if code.startswith("53"):
        return Unavailable("the server is out of disk, memory or connections", code="disk-full", remedy="make room")
    lost = not code and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.DatabaseError))
    if lost or code.startswith(("08", "57P", "58")):
        return Unavailable(
            "the database cannot be reached", code="store-unreachable", remedy="check address and server"
        )
    if code.startswith("28") or code in {errorcodes.INSUFFICIENT_PRIVILEGE, errorcodes.INVALID_CATALOG_NAME}:
        return Unavailable("the database refuses this account", code="store-refused", remedy="check name and rights")
    return None
