"""How others place points: each peer is set up once and then answers columns of points with positions.

A peer returns one position a point (the lowest where several hold it, −1 where none does). What cannot be
loaded on this machine says why.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]


def lowest(point: np.ndarray, position: np.ndarray, count: int) -> np.ndarray:
    found = np.full(count, np.iinfo(np.int32).max, dtype=np.int64)
    np.minimum.at(found, np.asarray(point, dtype=np.int64), np.asarray(position, dtype=np.int64))
    return np.where(found == np.iinfo(np.int32).max, -1, found).astype(np.int32)


def sjoin(predicate: str) -> Callable[[np.ndarray], Answer]:
    def set_up(grids: np.ndarray) -> Answer:
        import geopandas

        frame = geopandas.GeoDataFrame(geometry=list(grids))

        def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            left = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y))
            joined = geopandas.sjoin(left, frame, predicate=predicate)
            return lowest(joined.index.to_numpy(), joined["index_right"].to_numpy(), len(x))

        return answer

    return set_up


def tree_of_points(grids: np.ndarray) -> Answer:
    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        polygon, point = shapely.STRtree(shapely.points(x, y)).query(grids, predicate="intersects")
        return lowest(point, polygon, len(x))

    return answer


def prepared_and_tree(grids: np.ndarray) -> Answer:
    grids = np.array(grids, dtype=object)
    shapely.prepare(grids)
    tree = shapely.STRtree(grids)

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        point, polygon = tree.query(shapely.points(x, y))
        held = shapely.intersects_xy(grids[polygon], x[point], y[point])
        return lowest(point[held], polygon[held], len(x))

    return answer


def geoindex(grids: np.ndarray) -> Answer:
    from geoindex_rs import rtree

    grids = np.array(grids, dtype=object)
    shapely.prepare(grids)
    boxes = rtree.RTreeBuilder(len(grids))
    boxes.add(*(np.ascontiguousarray(c) for c in shapely.bounds(grids).T))
    tree = boxes.finish()

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        builder = rtree.RTreeBuilder(len(x))
        builder.add(x, y, x, y)
        pairs = rtree.tree_join(tree, builder.finish())
        polygon, point = (np.asarray(pairs[name]) for name in ("left", "right"))
        order = np.argsort(polygon, kind="stable")  # so that each prepared polygon is met once
        polygon, point = polygon[order], point[order]
        held = shapely.intersects_xy(grids[polygon], x[point], y[point])
        return lowest(point[held], polygon[held], len(x))

    return answer


def rtree_boxes(grids: np.ndarray) -> Answer:
    from rtree import index

    grids = np.array(grids, dtype=object)
    shapely.prepare(grids)
    tree = index.Index((i, g.bounds, None) for i, g in enumerate(grids))

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        ids, counts = tree.intersection_v(np.column_stack([x, y]), np.column_stack([x, y]))
        ids, counts = ids.astype(np.int64), counts.astype(np.int64)
        point = np.repeat(np.arange(len(x)), counts)
        held = shapely.intersects_xy(grids[ids], x[point], y[point])
        return lowest(point[held], ids[held], len(x))

    return answer


def duckdb_spatial(grids: np.ndarray) -> Answer:
    import duckdb

    base = duckdb.connect()
    base.execute("INSTALL spatial")
    base.execute("LOAD spatial")
    base.register("raw", pd.DataFrame({"id": np.arange(len(grids)), "wkb": list(shapely.to_wkb(grids))}))
    base.execute("CREATE TABLE grids AS SELECT id, ST_GeomFromWKB(wkb) AS shape FROM raw")

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        base.register("points", pd.DataFrame({"k": np.arange(len(x)), "x": x, "y": y}))
        query = (
            "SELECT p.k, min(g.id) AS id FROM points p"
            " JOIN grids g ON ST_Intersects(g.shape, ST_Point(p.x, p.y)) GROUP BY p.k"
        )
        found = base.execute(query).fetchnumpy()
        return lowest(found["k"], found["id"], len(x))

    return answer


def sedona(grids: np.ndarray) -> Answer:
    import sedonadb

    engine = sedonadb.connect()
    shapes = pd.DataFrame({"id": np.arange(len(grids)), "wkb": list(shapely.to_wkb(grids))})
    engine.create_data_frame(shapes).to_view("raw", overwrite=True)
    engine.sql("SELECT id, ST_GeomFromWKB(wkb) AS shape FROM raw").to_memtable().to_view("grids", overwrite=True)

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        frame = pd.DataFrame({"k": np.arange(len(x)), "x": x, "y": y})
        engine.create_data_frame(frame).to_view("points", overwrite=True)
        query = "SELECT p.k, g.id FROM points p JOIN grids g ON ST_Intersects(g.shape, ST_Point(p.x, p.y))"
        found = engine.sql(query).to_pandas()
        return lowest(found["k"].to_numpy(), found["id"].to_numpy(), len(x))

    return answer


def h3_cover(grids: np.ndarray) -> Answer:
    import h3

    if len(grids) > 1000:
        raise RuntimeError("setting up cells for so many grids takes minutes")
    level = 9
    whole: dict[int, int] = {}
    for position, grid in enumerate(grids):
        for cell in h3.geo_to_cells(grid, level):
            rim = shapely.Polygon([(lon, lat) for lat, lon in h3.cell_to_boundary(cell)])
            if grid.contains(rim.buffer(rim.length * 0.01)):
                whole[h3.str_to_int(cell)] = position
    exact = prepared_and_tree(grids)

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        cells = [h3.str_to_int(h3.latlng_to_cell(b, a, level)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        found = np.array([whole.get(c, -1) for c in cells], dtype=np.int32)
        rest = np.flatnonzero(found < 0)
        found[rest] = exact(x[rest], y[rest])
        return found

    return answer


def postgis_address() -> str:
    """Return the address of the server named for tests, or of a private one that ends with this process."""
    named = os.environ.get("WANGGE_TEST_PG_URL")
    if named:
        return named
    place = Path(__file__).resolve().parent.parent / "tests" / "pg.py"
    found = importlib.util.spec_from_file_location("private_postgis", place)
    if found is None or found.loader is None:
        raise RuntimeError("no server is named and tests/pg.py is not there")
    room = importlib.util.module_from_spec(found)
    sys.modules["private_postgis"] = room
    found.loader.exec_module(room)
    if room.binaries() is None:
        raise RuntimeError("no PostgreSQL server is installed")
    held = contextlib.ExitStack()
    atexit.register(held.close)
    return str(held.enter_context(room.private_server()).base)


@functools.cache
def postgis_server() -> Any:
    """Return a connection to the server, which is started once."""
    import psycopg2

    url = postgis_address()
    base = psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
    base.autocommit = True
    base.cursor().execute("CREATE EXTENSION IF NOT EXISTS postgis")
    return base


def postgis(grids: np.ndarray) -> Answer:
    cursor = postgis_server().cursor()
    cursor.execute("DROP TABLE IF EXISTS bench_grids")
    cursor.execute("CREATE TEMP TABLE bench_grids (id int, shape geometry)")
    rows = [(i, g) for i, g in enumerate(shapely.to_wkb(grids))]
    cursor.executemany("INSERT INTO bench_grids VALUES (%s, ST_GeomFromWKB(%s))", rows)
    cursor.execute("CREATE INDEX ON bench_grids USING gist (shape)")
    cursor.execute("ANALYZE bench_grids")

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        cursor.execute(
            "SELECT p.k - 1, min(g.id) FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p(x, y, k)"
            " JOIN bench_grids g ON ST_Intersects(g.shape, ST_MakePoint(p.x, p.y)) GROUP BY p.k",
            (x.tolist(), y.tolist()),
        )
        found = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
        return lowest(found[:, 0], found[:, 1], len(x))

    return answer


def polars_st(grids: np.ndarray) -> Answer:
    import polars_st as st

    frame = st.GeoDataFrame({"geometry": list(shapely.to_wkb(grids)), "id": np.arange(len(grids))})

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        left = st.GeoDataFrame({"geometry": list(shapely.to_wkb(shapely.points(x, y))), "k": np.arange(len(x))})
        joined = left.st.sjoin(frame, on="geometry", predicate="intersects")
        return lowest(joined["k"].to_numpy(), joined["id"].to_numpy(), len(x))

    return answer


def dask_geopandas(grids: np.ndarray) -> Answer:
    import dask_geopandas
    import geopandas

    frame = geopandas.GeoDataFrame(geometry=list(grids))

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        left = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y))
        parts = dask_geopandas.from_geopandas(left, npartitions=2)
        joined = dask_geopandas.sjoin(parts, frame, predicate="intersects").compute(scheduler="processes")
        return lowest(joined.index.to_numpy(), joined["index_right"].to_numpy(), len(x))

    return answer


PEERS: dict[str, Callable[[np.ndarray], Answer]] = {
    "geopandas.sjoin intersects": sjoin("intersects"),
    "geopandas.sjoin within": sjoin("within"),
    "shapely STRtree of points": tree_of_points,
    "shapely prepared + tree": prepared_and_tree,
    "geoindex-rs + exact test": geoindex,
    "rtree + exact test": rtree_boxes,
    "DuckDB spatial": duckdb_spatial,
    "SedonaDB": sedona,
    "h3 cover + exact rims": h3_cover,
    "polars-st": polars_st,
    "PostGIS": postgis,
    "dask-geopandas": dask_geopandas,
}
