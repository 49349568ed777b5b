"""The county of benchmarks/http.py: 163 grids with their workers and overlays in a store, and in PostGIS."""

from __future__ import annotations

import datetime as dt
import pickle
import shutil
import sys
import uuid
from typing import TYPE_CHECKING

import numpy as np
import placement_data as data
import shapely

from geo.authority import local_planner
from geo.crs import snap_geometry
from geo.model import Generation, GenerationState, Grid, GridKind
from geo.store import open_store

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

COUNTY = data.COUNTY
COMMUNITIES = data.communities(12)
GRIDS, OVERLAYS = 163, 236


def write_county(folder: Path, *, seed: int) -> None:
    """Write a GeoPackage with 163 coded grids in force, 236 exclusive grids and a full-time worker for each grid."""
    rng = np.random.default_rng(seed)
    grids = data.county_grids(data.coverage(GRIDS, rng), COMMUNITIES, coded=True)
    (folder / "grids.pickle").write_bytes(pickle.dumps(([g.geometry for g in grids], [g.id for g in grids])))
    now = dt.datetime(2025, 3, 1, 8, tzinfo=dt.UTC)
    numbers = iter(range(1, 1_000_000))
    store = open_store(
        str(folder / "county.gpkg"),
        county_code=COUNTY,
        now=lambda: now,
        new_id=lambda: str(uuid.UUID(int=next(numbers))),
        create=True,
    )
    with store.writing(local_planner(COUNTY)) as session:
        session.upsert("areas", data.areas(COMMUNITIES))
        session.upsert("gridworkers", [_worker(g) for g in grids])
        generation = Generation(
            id="generation-1", county_code=COUNTY, serial=1, state=GenerationState.INACTIVE, effective_from=None
        )
        session.put_generation(generation)
        session.put_grids(generation.id, [*grids, *_overlays(grids, rng)])
        session.activate(generation.id, effective_from=dt.date(2025, 1, 1), published_at=now)
        session.commit()
    store.close()


def _worker(grid: Grid) -> dict:
    return {
        "source_key": f"w-{grid.id}",
        "kind": "full_time",
        "community_code": grid.community_code,
        "grid_id": grid.id,
        "grid_ids": (grid.id,),
        "name": "演某员",
    }


def _overlays(grids: list[Grid], rng: np.random.Generator) -> list[Grid]:
    found = []
    for i in range(OVERLAYS):
        home = grids[int(rng.integers(0, len(grids)))]
        spot = shapely.point_on_surface(home.geometry)
        wide, high = rng.uniform(0.0005, 0.0015, 2)
        x, y = spot.x + rng.uniform(-0.004, 0.004), spot.y + rng.uniform(-0.004, 0.004)
        found.append(
            Grid(
                id=str(uuid.UUID(int=(i + 1) << 64)),
                county_code=COUNTY,
                kind=GridKind.EXCLUSIVE,
                name=f"专属{i + 1}",
                community_code=home.community_code,
                geometry=snap_geometry(shapely.box(x, y, x + wide, y + high)),
                source_key=f"exclusive-{i}",
                owner_unit=f"单位{i + 1}",
            )
        )
    return found


def grids_of(folder: Path) -> tuple[np.ndarray, list[str]]:
    """Return the outlines and ids of the base grids in position order."""
    shapes, ids = pickle.loads((folder / "grids.pickle").read_bytes())  # noqa: S301 - written by this run
    return np.array(shapes, dtype=object), ids


def offer_postgis(stack: ExitStack, folder: Path) -> None:
    """Start a private PostGIS with the grids in an indexed table, where one is installed; tell where in a file."""
    import psycopg2

    from tests.pg import binaries, private_server

    if binaries() is None or not shutil.which("psql"):
        print("skipped: postgis (no server is installed)", file=sys.stderr)
        return
    server = stack.enter_context(private_server())
    server.make_template()
    host = server.base.rpartition("host=")[2]
    connection = psycopg2.connect(host=host, user="wg", dbname="wangge_template")
    shapes, ids = grids_of(folder)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark_grids (id text PRIMARY KEY, geom geometry(Polygon, 4490))")
        for grid_id, shape in zip(ids, shapes, strict=True):
            cursor.execute(
                "INSERT INTO benchmark_grids VALUES (%s, ST_GeomFromWKB(%s, 4490))", (grid_id, shapely.to_wkb(shape))
            )
        cursor.execute("CREATE INDEX ON benchmark_grids USING gist (geom)")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE benchmark_grids")
    connection.close()
    (folder / "postgis").write_text(f"{host} wangge_template")
    (folder / "postmaster").write_text((server.data / "postmaster.pid").read_text().split()[0])
