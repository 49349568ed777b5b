"""The embedded engine: a GeoPackage 1.4 file written by the standard library's sqlite3.

The live file belongs to this process and this SQLite library alone. Never hand its path to GDAL, pyogrio or another
SQLite library in the same process, nor open and close it as a plain file: closing any descriptor of it drops the
process's POSIX locks, and another writer then destroys the file. Hand out a copy made by `backup` instead.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    Double,
    Integer,
    MetaData,
    Table,
    UnaryExpression,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
    update,
)
from sqlalchemy import func as sql
from sqlalchemy.sql.operators import custom_op

from geo.errors import Conflict, NotFound, Refused, Unavailable, WanggeError
from geo.store import schema
from geo.store.gpkg_catalogue import (
    APPLICATION_ID,
    USER_VERSION,
    contents,
    create_catalogue,
    create_rtree_triggers,
    drop_rtree_triggers,
    register,
)
from geo.store.session import WRITES, SqlStore
from geo.store.shapes import blob_envelope, blob_is_empty
from geo.store.upgrade import add_missing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine

__all__ = ["GpkgCarrier", "GpkgStore", "open_gpkg"]

# From this many rows on, filling the R*Tree directly is cheaper than running seven triggers a row.
BULK_ROWS: Final = 500
_RTREES: Final = MetaData()
_RTREE: Final = {
    name: Table(
        f"rtree_{name}_geom",
        _RTREES,
        Column("id", Integer, primary_key=True),
        *(Column(edge, Double) for edge in ("minx", "maxx", "miny", "maxy")),
    )
    for name, layer in schema.LAYERS.items()
    if layer.geometry
}
_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY: Final = 0xFF


class GpkgStore(SqlStore):
    """A county in one GeoPackage file."""

    def backup(self, target: str) -> None:
        """Write a consistent copy with ``VACUUM INTO``; the copy needs no companion files.

        Raises
        ------
        Refused
            `target` exists.
        Unavailable
            The disk is full or the store busy; nothing is left behind.
        """
        copy = Path(target)
        if copy.exists():
            raise Refused(f"{copy.name} exists already", remedy="choose another name or remove it")
        draft = copy.with_name(f".{copy.name}.{self._new_id()}.part")
        try:
            with self._engine.connect() as connection:
                _driver(connection).execute("VACUUM INTO ?", (str(draft),))
            draft.rename(copy)
        except (sqlite3.Error, OSError) as error:
            raise _translated(error) from error
        finally:
            draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Bring the write-ahead log into the file and release every handle."""
        with self._engine.connect() as connection:
            _driver(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        super().close()


class GpkgCarrier:
    """Bulk writing with the R*Tree kept right, and GeoPackage's catalogue."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; many rows of a layer go past the R*Tree triggers."""
        if len(rows) < BULK_ROWS:
            connection.execute(insert(table), list(rows))
            return
        rtree = _RTREE.get(table.name)
        if rtree is None:
            _insert_many(connection, table, rows)
            return
        first = self._next_fid(connection, table)
        numbered = [{"fid": first + i, **row} for i, row in enumerate(rows)]
        drop_rtree_triggers(connection, table.name)
        _insert_many(connection, table, numbered)
        _fill(connection, rtree, numbered)
        create_rtree_triggers(connection, table.name)

    def update(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Update rows by `fid`, past the R*Tree triggers where they are many."""
        rtree = _RTREE.get(table.name)
        if rtree is None or len(rows) < BULK_ROWS:
            connection.execute(_by_fid(table, rows), [_bound(row) for row in rows])
            return
        drop_rtree_triggers(connection, table.name)
        connection.execute(_by_fid(table, rows), [_bound(row) for row in rows])
        connection.execute(delete(rtree).where(self.within(rtree.c.id, [row["fid"] for row in rows])))
        _fill(connection, rtree, rows)
        create_rtree_triggers(connection, table.name)

    def _next_fid(self, connection: Connection, table: Table) -> int:
        highest = connection.execute(select(sql.max(table.c.fid))).scalar() or 0
        # The sequence remembers removed rows: a fid is never given twice.
        sequence = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).scalar()
        return max(int(highest), int(sequence or 0)) + 1

    def within(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition that a column is one of many values, handed over as one JSON text."""
        return column.in_(select(sql.json_each(json.dumps(list(values))).table_valued("value").c.value))

    def aside(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column behind a unary plus: without statistics SQLite takes any equality for the best way in."""
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def before_commit(self, connection: Connection, touched: Iterable[str], *, now: dt.datetime) -> None:
        """Note time and extent of the written layers in ``gpkg_contents``."""
        for name in sorted(touched):
            if name not in schema.LAYERS:
                continue
            values: dict[str, Any] = {"last_change": now}
            rtree = _RTREE.get(name)
            if rtree is not None:
                box = select(sql.min(rtree.c.minx), sql.min(rtree.c.miny), sql.max(rtree.c.maxx), sql.max(rtree.c.maxy))
                edges = ("min_x", "min_y", "max_x", "max_y")
                values.update(zip(edges, connection.execute(box).one(), strict=True))
            connection.execute(update(contents).where(contents.c.table_name == name).values(values))


def _driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's connection, for statements that cannot run inside a transaction."""
    raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return raw


def _insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, handed to the driver as tuples: twice as fast as dicts."""
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = statement.positiontup or []
    turns = {
        name: table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for name in names
    }
    columns = [
        [row[name] for row in rows] if turn is None else [turn(row[name]) for row in rows]
        for name, turn in turns.items()
    ]
    connection.exec_driver_sql(str(statement), list(zip(*columns, strict=True)))


def _by_fid(table: Table, rows: Sequence[Mapping[str, Any]]) -> Any:
    names = [name for name in rows[0] if name != "fid"]
    return update(table).where(table.c.fid == bindparam("row_fid")).values({name: bindparam(name) for name in names})


def _bound(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"row_fid": row["fid"], **{name: value for name, value in row.items() if name != "fid"}}


def _fill(connection: Connection, rtree: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    edges = ("minx", "maxx", "miny", "maxy")
    boxes = [
        {"id": row["fid"], **dict(zip(edges, box, strict=True))}
        for row in rows
        if (box := blob_envelope(row["geom"])) is not None
    ]
    if boxes:
        connection.execute(insert(rtree), boxes)


# -- engine ------------------------------------------------------------------------------------


def open_gpkg(
    path: Path,
    *,
    county_code: str | None,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    create: bool,
    upgrade: bool,
    wait_seconds: float,
) -> GpkgStore:
    """Open (or create) the store in a GeoPackage file; see `geo.store.open_store`."""
    if not path.exists():
        if not create:
            raise NotFound(f"there is no store {path.name}", remedy="make one: wangge init STORE --county CODE")
        if county_code is None:
            raise Refused("a new store needs its county", remedy="say --county CODE")
        _create(path, county_code=county_code, now=now, new_id=new_id)
    _check_file(path)
    engine = _engine(path, wait_seconds)
    try:
        upgraded = _upgrade(engine, now()) if upgrade else ()
        return GpkgStore(
            engine,
            GpkgCarrier(),
            url=str(path),
            county_code=county_code,
            now=now,
            new_id=new_id,
            upgraded=upgraded,
        )
    except BaseException:
        engine.dispose()
        raise


def _upgrade(engine: Engine, now: dt.datetime) -> tuple[str, ...]:
    def create(connection: Connection, table: Table) -> None:
        table.create(connection, checkfirst=False)
        register(connection, table.name, now=now)

    with engine.connect().execution_options(**{WRITES: "upgrade"}) as connection, connection.begin():
        return add_missing(connection, create)


def _create(path: Path, *, county_code: str, now: Callable[[], dt.datetime], new_id: Callable[[], str]) -> None:
    """Build the file under another name, then move it into place: a half-made store is never seen."""
    draft = path.with_name(f".{path.name}.{new_id()}.part")
    engine = _engine(draft, 0.0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with engine.connect().execution_options(**{WRITES: county_code}) as connection, connection.begin():
            schema.METADATA.create_all(connection, checkfirst=False)
            create_catalogue(connection, now=now())
            connection.execute(insert(schema.counties).values(county_code=county_code, created_at=now()))
            version = {"key": "schema_version", "value": str(schema.SCHEMA_VERSION)}
            connection.execute(insert(schema.store_info).values(version))
        engine.dispose()
        draft.rename(path)
    except OSError as error:
        raise _translated(error) from error
    finally:
        engine.dispose()
        for companion in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            companion.unlink(missing_ok=True)


def _engine(path: Path, wait_seconds: float) -> Engine:
    engine = create_engine(f"sqlite+pysqlite:///{path}", connect_args={"timeout": wait_seconds})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _handle)
    return engine


def _prepare(raw: sqlite3.Connection, _record: Any) -> None:
    """Set up each connection: own transactions, durable log, foreign keys, the functions the triggers call."""
    raw.isolation_level = None
    mode = raw.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise Unavailable("the store's disk does not allow a write-ahead log", remedy="keep the file on a local disk")
    raw.execute("PRAGMA synchronous = FULL")
    raw.execute("PRAGMA foreign_keys = ON")
    raw.create_function("ST_IsEmpty", 1, blob_is_empty, deterministic=True)
    for place, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
        raw.create_function(name, 1, _edge(place), deterministic=True)


def _edge(place: int) -> Callable[[bytes | None], float | None]:
    def read(blob: bytes | None) -> float | None:
        box = blob_envelope(blob)
        return None if box is None else box[place]

    return read


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    # A writer takes its place at once: an upgrade from a reading transaction could fail half way.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    if writes == "":
        connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()  # the snapshot begins here


def _check_file(path: Path) -> None:
    """Refuse a file that is no store before anything is set up in it: anybody's GeoPackage stays as it is."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as raw:
            told = [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
            tables = raw.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'store_info'").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise _translated(error) from error
    if told != [APPLICATION_ID, USER_VERSION] or not tables:
        raise Refused(f"{path.name} is not a store of this software", remedy="import it instead: wangge import")


def _handle(context: Any) -> None:
    raise _translated(context.original_exception) from context.original_exception


def _translated(error: BaseException) -> BaseException:
    """Return the error of ours for one of SQLite or the file system; no SQL and no value gets out."""
    if isinstance(error, sqlite3.IntegrityError):
        told = str(error)
        if told.startswith("wangge: "):
            return Conflict(told.removeprefix("wangge: "), code="generation-immutable", remedy="make a new generation")
        return Conflict("a value that must be unique, or a row that must exist, stands against it", code="integrity")
    if isinstance(error, (sqlite3.OperationalError, sqlite3.DatabaseError)):
        return _unavailable(getattr(error, "sqlite_errorcode", 0) & _PRIMARY) or error
    if isinstance(error, OSError):
        return Unavailable(
            f"the file cannot be written: {os.strerror(error.errno or 0)}", remedy="check disk and rights"
        )
    return error


def _unavailable(code: int) -> WanggeError | None:
    if code in _BUSY:
        return Unavailable("somebody else is writing to the store", code="store-busy", remedy="try again in a moment")
    if code == sqlite3.SQLITE_FULL:
        return Unavailable("the disk is full; nothing was changed", code="disk-full", remedy="make room and repeat")
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return Unavailable(
            "the store cannot be read or written", code="store-unreachable", remedy="check disk and rights"
        )
    if code in _DAMAGED:
        return Unavailable("the store file is damaged", code="store-damaged", remedy="restore the last backup")
    return None
