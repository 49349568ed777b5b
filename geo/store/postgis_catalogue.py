"""What makes a PostgreSQL database a store: the extension, tables, spatial indexes and guards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import DDL

from geo.store import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Facts", "create_catalogue", "read_facts"]

_PUBLISHED: Final = """
CREATE OR REPLACE FUNCTION wangge_{table}_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM generations WHERE id IN (OLD.{column}, NEW.{column}) AND state <> 'inactive') THEN
    RAISE EXCEPTION 'wangge: a published generation cannot change' USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$"""

_TURNED: Final = """
CREATE OR REPLACE FUNCTION wangge_turned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'inactive' THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' OR NEW.state = 'inactive' OR (OLD.state = 'superseded' AND NEW.state <> OLD.state)
     OR (NEW.id, NEW.serial, NEW.effective_from, NEW.published_at)
        IS DISTINCT FROM (OLD.id, OLD.serial, OLD.effective_from, OLD.published_at) THEN
    RAISE EXCEPTION 'wangge: a published generation cannot change' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$"""

_KEPT: Final = """
CREATE OR REPLACE FUNCTION wangge_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'wangge: what was written here is kept for ever' USING ERRCODE = 'restrict_violation';
END $$"""

_BELONGS: Final = {"grids": "generation_id", "lineage": "to_generation"}
_GUARDS: Final = {
    **{
        table: f"BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION wangge_{table}_published()"
        for table in _BELONGS
    },
    "generations": "BEFORE UPDATE OR DELETE ON generations FOR EACH ROW EXECUTE FUNCTION wangge_turned()",
    **{
        table: f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION wangge_kept()"
        for table in ("journal", "plan_versions", "assignments_former")
    },
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a database says of itself."""

    encoding: str
    ctype: str
    has_store: bool


def read_facts(connection: Connection) -> Facts:
    """Ask for encoding, character type and whether the tables are there."""
    row = connection.exec_driver_sql(
        "SELECT pg_encoding_to_char(encoding), datctype, to_regclass('store_info') IS NOT NULL"
        " FROM pg_database WHERE datname = current_database()"
    ).one()
    return Facts(*row)


def create_catalogue(connection: Connection) -> None:
    """Make what is missing; tables and rows that exist stay as they are."""
    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS postgis")
    schema.METADATA.create_all(connection, checkfirst=True)
    for name, layer in schema.LAYERS.items():
        if layer.geometry:
            connection.execute(_ddl(f"CREATE INDEX IF NOT EXISTS {name}_by_place ON {name} USING gist (geom)"))
    published = (_PUBLISHED.format(table=table, column=column) for table, column in _BELONGS.items())
    for function in (*published, _TURNED, _KEPT):
        connection.execute(_ddl(function))
    for table, body in _GUARDS.items():
        connection.execute(_ddl(f"DROP TRIGGER IF EXISTS {table}_guard ON {table}"))
        connection.execute(_ddl(f"CREATE TRIGGER {table}_guard {body}"))


def _ddl(statement: str) -> DDL:
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
