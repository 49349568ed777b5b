"""The servers of benchmarks/http.py, each on uvicorn with httptools and uvloop, started alike.

    python benchmarks/online_servers.py NAME PORT FOLDER

wangge           the whole application on the store in FOLDER
fastapi-empty    an `async def` endpoint of FastAPI that returns an empty object
raw-empty        a bare ASGI callable that answers an empty object
raw-dressed      the same with the headers of ours and a body as long: what there is left to gain
postgis          a bare ASGI callable that asks PostGIS for each request: asyncpg, prepared statement, eight connections
postgis-threads  a FastAPI `def` endpoint that asks PostGIS for each request: psycopg2, prepared, eight threads
pydantic-rows    a FastAPI endpoint that takes and gives points as rows of pydantic models, on the bare index
"""

import gc
import json
import os
import sys
from pathlib import Path
from urllib.parse import parse_qs

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import uvicorn  # noqa: E402

QUERY = "SELECT id FROM benchmark_grids WHERE ST_Intersects(geom, ST_SetSRID(ST_MakePoint($1, $2), 4490)) LIMIT 1"


def wangge(folder: Path) -> object:
    from api.app import LOCAL_HOSTS, from_environment

    os.environ |= {"WANGGE_STORE": str(folder / "county.gpkg"), "WANGGE_SERVE_HOSTS": ",".join(LOCAL_HOSTS)}
    return from_environment()


def fastapi_empty(_: Path) -> object:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/api/v1/locate")
    async def locate() -> dict:
        return {}

    return app


async def _answer(send: object, body: bytes, more: tuple = ()) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def raw_empty(_: Path) -> object:
    async def app(scope: dict, _receive: object, send: object) -> None:
        if scope["type"] == "http":
            await _answer(send, b"{}")

    return app


def raw_dressed(folder: Path) -> object:
    # What ours sends, asked of it once.
    head, body = json.loads((folder / "answer.json").read_text())
    own = tuple((k.encode(), v.encode()) for k, v in head if k not in ("content-type", "content-length", "date"))
    text = body.encode()

    async def app(scope: dict, _receive: object, send: object) -> None:
        if scope["type"] == "http":
            await _answer(send, text, own)

    return app


def postgis(folder: Path) -> object:
    import asyncpg

    host, _, database = (folder / "postgis").read_text().strip().partition(" ")
    pool = None

    async def app(scope: dict, receive: object, send: object) -> None:
        nonlocal pool
        if scope["type"] == "lifespan":
            await receive()
            pool = await asyncpg.create_pool(host=host, user="wg", database=database, min_size=8, max_size=8)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await pool.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        asked = parse_qs(scope["query_string"].decode("ascii"))
        async with pool.acquire() as connection:
            found = await connection.fetchval(QUERY, float(asked["lon"][0]), float(asked["lat"][0]))
        await _answer(send, b'{"grid":{"id":"%s"}}' % (found or "").encode())

    return app


def postgis_threads(folder: Path) -> object:
    import threading

    import psycopg2
    from anyio.to_thread import current_default_thread_limiter
    from fastapi import FastAPI

    host, _, database = (folder / "postgis").read_text().strip().partition(" ")
    own = threading.local()

    async def eight_threads() -> None:
        current_default_thread_limiter().total_tokens = 8

    app = FastAPI(on_startup=[eight_threads])

    @app.get("/api/v1/locate")
    def locate(lon: float, lat: float, datum: str) -> dict:
        if not hasattr(own, "cursor"):
            connection = psycopg2.connect(host=host, user="wg", dbname=database)
            connection.autocommit = True
            own.cursor = connection.cursor()
            own.cursor.execute(f"PREPARE find (float8, float8) AS {QUERY}")
        own.cursor.execute("EXECUTE find (%s, %s)", (lon, lat))
        return {"grid": {"id": (own.cursor.fetchone() or ("",))[0]}, "datum": datum}

    return app


def pydantic_rows(folder: Path) -> object:
    import numpy as np
    from fastapi import FastAPI
    from pydantic import BaseModel

    from geo.authority import local_planner
    from geo.bootstrap import open_services

    services = open_services(store_url=str(folder / "county.gpkg"))
    cover = services.lookup.coverage(local_planner(services.store.county_code))

    class Point(BaseModel):
        id: str
        lon: float
        lat: float

    class Asked(BaseModel):
        datum: str
        points: list[Point]

    class Placed(BaseModel):
        id: str
        grid: str
        code: str
        basis: str

    app = FastAPI()

    @app.post("/api/v1/locate")
    async def locate(asked: Asked) -> list[Placed]:
        x = np.array([p.lon for p in asked.points])
        y = np.array([p.lat for p in asked.points])
        position, on_boundary = cover.base_index.place_many(x, y)
        return [
            Placed(
                id=p.id,
                grid=cover.ids[n],
                code=cover.codes[n],
                basis="outside" if n < 0 else "boundary" if edge else "interior",
            )
            for p, n, edge in zip(asked.points, position.tolist(), on_boundary.tolist(), strict=True)
        ]

    return app


SERVERS = {
    "wangge": wangge,
    "fastapi-empty": fastapi_empty,
    "raw-empty": raw_empty,
    "raw-dressed": raw_dressed,
    "postgis": postgis,
    "postgis-threads": postgis_threads,
    "pydantic-rows": pydantic_rows,
}

if __name__ == "__main__":
    name, port, folder = sys.argv[1:]
    app = SERVERS[name](Path(folder))
    if os.environ.get("SETTLED") == "all":  # what ours does for itself, given to every server
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        # Ours is served as `wangge serve` does it; the others as uvicorn does.
        http="api.protocol:QuickProtocol" if name == "wangge" else "httptools",
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
