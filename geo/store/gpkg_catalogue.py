"""What makes an SQLite file a GeoPackage 1.4: identification, catalogue tables, R*Tree extension, guards.

OGC 12-128r19: clause 1.1.2 (tables), annex F.3 (R*Tree with the trigger set of version 1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import DDL, Column, Double, Integer, MetaData, Table, Text, UniqueConstraint, insert

from geo.store import schema
from geo.store.shapes import SRID, instant_type

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

__all__ = [
    "APPLICATION_ID",
    "USER_VERSION",
    "contents",
    "create_catalogue",
    "create_rtree_triggers",
    "drop_rtree_triggers",
    "register",
]

APPLICATION_ID: Final = 0x47504B47  # "GPKG"
USER_VERSION: Final = 10400
_CATALOGUE: Final = MetaData()
_RTREE_DEFINITION: Final = "http://www.geopackage.org/spec140/#extension_rtree"

_CGCS2000: Final = (
    'GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101,'
    'AUTHORITY["EPSG","1024"]],AUTHORITY["EPSG","1043"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4490"]]'
)
_WGS84: Final = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]'
)

reference_systems: Final = Table(
    "gpkg_spatial_ref_sys",
    _CATALOGUE,
    Column("srs_name", Text, nullable=False),
    Column("srs_id", Integer, primary_key=True, autoincrement=False),
    Column("organization", Text, nullable=False),
    Column("organization_coordsys_id", Integer, nullable=False),
    Column("definition", Text, nullable=False),
    Column("description", Text),
)
contents: Final = Table(
    "gpkg_contents",
    _CATALOGUE,
    Column("table_name", Text, primary_key=True),
    Column("data_type", Text, nullable=False),
    Column("identifier", Text, unique=True),
    Column("description", Text, server_default=""),
    Column("last_change", instant_type(), nullable=False),
    *(Column(edge, Double) for edge in ("min_x", "min_y", "max_x", "max_y")),
    Column("srs_id", Integer),
)
geometry_columns: Final = Table(
    "gpkg_geometry_columns",
    _CATALOGUE,
    Column("table_name", Text, primary_key=True),
    Column("column_name", Text, primary_key=True),
    Column("geometry_type_name", Text, nullable=False),
    Column("srs_id", Integer, nullable=False),
    Column("z", Integer, nullable=False),
    Column("m", Integer, nullable=False),
)
extensions: Final = Table(
    "gpkg_extensions",
    _CATALOGUE,
    Column("table_name", Text),
    Column("column_name", Text),
    Column("extension_name", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("scope", Text, nullable=False),
    UniqueConstraint("table_name", "column_name", "extension_name"),
)

# The catalogue tables are made from the standard's own text: validators compare column types and constraints.
_TABLES: Final = (
    """CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT)""",
    """CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
    """CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id))""",
    """CREATE TABLE gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))""",
)

_RTREE_TRIGGERS: Final = {
    "insert": """AFTER INSERT ON "%(t)s"
WHEN (new."geom" NOT NULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN
INSERT OR REPLACE INTO "rtree_%(t)s_geom" VALUES
(NEW."fid", ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END""",
    "update2": """AFTER UPDATE ON "%(t)s"
WHEN OLD."fid" = NEW."fid" AND (NEW."geom" IS NULL OR ST_IsEmpty(NEW."geom")) BEGIN
DELETE FROM "rtree_%(t)s_geom" WHERE id = OLD."fid"; END""",
    "update4": """AFTER UPDATE ON "%(t)s"
WHEN OLD."fid" != NEW."fid" AND (NEW."geom" IS NULL OR ST_IsEmpty(NEW."geom")) BEGIN
DELETE FROM "rtree_%(t)s_geom" WHERE id IN (OLD."fid", NEW."fid"); END""",
    "update5": """AFTER UPDATE ON "%(t)s"
WHEN OLD."fid" != NEW."fid" AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom")) BEGIN
DELETE FROM "rtree_%(t)s_geom" WHERE id = OLD."fid";
INSERT OR REPLACE INTO "rtree_%(t)s_geom" VALUES
(NEW."fid", ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END""",
    "update6": """AFTER UPDATE OF "geom" ON "%(t)s"
WHEN OLD."fid" = NEW."fid" AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom"))
AND (OLD."geom" NOTNULL AND NOT ST_IsEmpty(OLD."geom")) BEGIN
UPDATE "rtree_%(t)s_geom" SET minx = ST_MinX(NEW."geom"), maxx = ST_MaxX(NEW."geom"),
miny = ST_MinY(NEW."geom"), maxy = ST_MaxY(NEW."geom") WHERE id = NEW."fid"; END""",
    "update7": """AFTER UPDATE OF "geom" ON "%(t)s"
WHEN OLD."fid" = NEW."fid" AND (NEW."geom" NOTNULL AND NOT ST_IsEmpty(NEW."geom"))
AND (OLD."geom" ISNULL OR ST_IsEmpty(OLD."geom")) BEGIN
INSERT INTO "rtree_%(t)s_geom" VALUES
(NEW."fid", ST_MinX(NEW."geom"), ST_MaxX(NEW."geom"), ST_MinY(NEW."geom"), ST_MaxY(NEW."geom")); END""",
    "delete": """AFTER DELETE ON "%(t)s"
WHEN old."geom" NOT NULL BEGIN
DELETE FROM "rtree_%(t)s_geom" WHERE id = OLD."fid"; END""",
}

_PUBLISHED: Final = "(SELECT state FROM generations WHERE id = %s) <> 'inactive'"
_RAISE: Final = "BEGIN SELECT RAISE(ABORT, 'wangge: %s'); END"
_FIXED: Final = "a published generation cannot change"
_KEPT: Final = "what was written here is kept for ever"


def _guards() -> dict[str, str]:
    """Triggers that keep published generations and the journal, whatever program writes."""
    grid_new, grid_old = _PUBLISHED % "NEW.generation_id", _PUBLISHED % "OLD.generation_id"
    link_new, link_old = _PUBLISHED % "NEW.to_generation", _PUBLISHED % "OLD.to_generation"
    fixed, kept = _RAISE % _FIXED, _RAISE % _KEPT
    turned = (
        "OLD.state <> 'inactive' AND (NEW.state = 'inactive' OR (OLD.state = 'superseded' AND NEW.state <> OLD.state)"
        " OR NEW.id IS NOT OLD.id OR NEW.serial IS NOT OLD.serial OR NEW.effective_from IS NOT OLD.effective_from"
        " OR NEW.published_at IS NOT OLD.published_at)"
    )
    return {
        "grids_published_insert": f"BEFORE INSERT ON grids WHEN {grid_new} {fixed}",
        "grids_published_update": f"BEFORE UPDATE ON grids WHEN {grid_old} OR {grid_new} {fixed}",
        "grids_published_delete": f"BEFORE DELETE ON grids WHEN {grid_old} {fixed}",
        "lineage_published_insert": f"BEFORE INSERT ON lineage WHEN {link_new} {fixed}",
        "lineage_published_update": f"BEFORE UPDATE ON lineage WHEN {link_old} OR {link_new} {fixed}",
        "lineage_published_delete": f"BEFORE DELETE ON lineage WHEN {link_old} {fixed}",
        "generations_published_update": f"BEFORE UPDATE ON generations WHEN {turned} {fixed}",
        "generations_published_delete": f"BEFORE DELETE ON generations WHEN OLD.state <> 'inactive' {fixed}",
        **{
            f"{table}_kept_{verb.lower()}": f"BEFORE {verb} ON {table} {kept}"
            for table in ("journal", "plan_versions", "assignments_former")
            for verb in ("UPDATE", "DELETE")
        },
    }


def create_catalogue(connection: Connection, *, now: dt.datetime) -> None:
    """Make the GeoPackage catalogue over the tables of the schema, with R*Trees and guards."""
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {USER_VERSION}")
    for statement in _TABLES:
        connection.exec_driver_sql(statement)
    connection.execute(insert(reference_systems), _reference_systems())
    for name in schema.LAYERS:
        register(connection, name, now=now)
    for name, body in _guards().items():
        connection.execute(_ddl(f"CREATE TRIGGER {name} {body}"))


def _reference_systems() -> list[dict[str, Any]]:
    rows = (
        ("China Geodetic Coordinate System 2000", SRID, "EPSG", SRID, _CGCS2000, "国家2000大地坐标系"),
        ("WGS 84", 4326, "EPSG", 4326, _WGS84, "longitude/latitude in degrees on the WGS 84 ellipsoid"),
        ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian coordinates"),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic coordinates"),
    )
    names = ("srs_name", "srs_id", "organization", "organization_coordsys_id", "definition", "description")
    return [dict(zip(names, row, strict=True)) for row in rows]


def register(connection: Connection, name: str, *, now: dt.datetime) -> None:
    """Enter a table into the catalogue, with an R*Tree where it is a layer; tables of the house stay out."""
    layer = schema.LAYERS.get(name)
    if layer is None:
        return
    row: dict[str, Any] = {"table_name": name, "identifier": layer.title, "last_change": now}
    spatial = {"data_type": "features", "srs_id": SRID} if layer.geometry else {"data_type": "attributes"}
    connection.execute(insert(contents).values({**row, **spatial}))
    if layer.geometry:
        shape = {"table_name": name, "column_name": "geom", "geometry_type_name": layer.geometry, "srs_id": SRID}
        connection.execute(insert(geometry_columns).values({**shape, "z": 0, "m": 0}))
        index = {"table_name": name, "column_name": "geom", "extension_name": "gpkg_rtree_index"}
        connection.execute(insert(extensions).values({**index, "definition": _RTREE_DEFINITION, "scope": "write-only"}))
        connection.execute(_ddl(f"CREATE VIRTUAL TABLE rtree_{name}_geom USING rtree(id, minx, maxx, miny, maxy)"))
        create_rtree_triggers(connection, name)


def create_rtree_triggers(connection: Connection, name: str) -> None:
    """Make the seven triggers that keep the R*Tree of a layer."""
    for verb, body in _RTREE_TRIGGERS.items():
        connection.execute(_ddl(f'CREATE TRIGGER "rtree_{name}_geom_{verb}" {body % {"t": name}}'))


def drop_rtree_triggers(connection: Connection, name: str) -> None:
    """Take them away while rows are written in bulk, inside the same transaction."""
    for verb in _RTREE_TRIGGERS:
        connection.execute(_ddl(f'DROP TRIGGER "rtree_{name}_geom_{verb}"'))


def _ddl(statement: str) -> DDL:
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
