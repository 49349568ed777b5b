"""The HTTP service put together: gate, fast point lookup, operations, problems, description."""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from pydantic_settings import BaseSettings, SettingsConfigDict

from api import problems
from api.description import describe
from api.gate import Gate, Receive, Scope, Send
from api.heavy import HeavyWork
from api.routes.areas import areas_router
from api.routes.docs import docs_router
from api.routes.exports import exports_router
from api.routes.font import font_router
from api.routes.grids import grids_router
from api.routes.health import health_router
from api.routes.imports import imports_router
from api.routes.locate import batch_router
from api.routes.ogc import ogc_router
from api.routes.page import page_router
from api.routes.plan_states import plan_states_router
from api.routes.plans import plans_router
from api.routes.point import PATH, PointLookup
from api.routes.reach import reach_router
from api.routes.registers import registers_router
from geo.authority import Actor
from geo.bootstrap import Services, open_services
from geo.services.scoreboard import ScoreBoard

__all__ = ["LOCAL_HOSTS", "create_app", "from_environment"]

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_POINT_METHODS: Final = frozenset({"GET", "HEAD"})
# New objects until the young, young searches until the middle-aged, and those until all are searched for garbage.
_COLLECTED_AFTER: Final = (10_000, 20, 20)


class _Switch:
    """Send point lookups to the bare callable and all else to the application."""

    def __init__(self, app: FastAPI, point: PointLookup) -> None:
        self._app = app
        self._point = point

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] in _POINT_METHODS:
            await self._point(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def create_app(
    services: Services,
    *,
    hosts: Iterable[str] = (),
    identify: Callable[[Scope], Actor] | None = None,
    close: bool = False,
    ticks: Callable[[], float] = time.monotonic,
) -> Gate:
    """Return the ASGI application on opened services.

    Parameters
    ----------
    services : Services
        Store, lookup, clock and ids.
    hosts : iterable of str
        Host names answered to; empty means any.
    identify : callable, optional
        Scope to actor; by default everybody is the actor of `services` (local mode).
    close : bool
        Close the services when the server stops.
    ticks : callable
        Monotonic clock in seconds, for how long answers may lag behind the store.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if close:
            services.close()

    app = FastAPI(title="wangge 网格", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    point = PointLookup(services.lookup, services.store, ticks=ticks)
    gate = Gate(
        _Switch(app, point),
        quick={PATH: point.quick},
        identify=identify or (lambda _: services.actor),
        limits=services.settings.limits,
        new_id=services.new_id,
        hosts=frozenset(hosts),
    )
    problems.install(app)
    _add_operations(app, services)
    app.include_router(health_router(services.lookup, tally=gate.tally))
    app.include_router(ogc_router(services.lookup, limits=services.settings.limits))
    app.include_router(docs_router(lambda: describe(app)))
    app.include_router(page_router())
    app.include_router(font_router())
    return gate


def _add_operations(app: FastAPI, services: Services) -> None:
    limits = services.settings.limits
    heavy = HeavyWork(running=limits.heavy_jobs, waiting=limits.heavy_queue)
    board = ScoreBoard(services.store, settings=services.settings)
    for router in (
        batch_router(services.lookup, limits=limits),
        grids_router(services.lookup, limits=limits),
        areas_router(services.store),
        registers_router(services),
        imports_router(services, heavy=heavy),
        plans_router(services, heavy=heavy, board=board),
        plan_states_router(services, heavy=heavy),
        reach_router(services, heavy=heavy),
        exports_router(services, heavy=heavy),
    ):
        app.include_router(router, prefix="/api/v1")


class _Serving(BaseSettings):
    """What `wangge serve` tells its workers."""

    model_config = SettingsConfigDict(env_prefix="WANGGE_SERVE_", frozen=True)

    hosts: str = ""


def from_environment() -> Gate:
    """Open the services the environment names; what each worker of the server calls."""
    hosts = [name for name in _Serving().hosts.split(",") if name]
    app = create_app(open_services(), hosts=hosts, close=True)
    _settle_memory()
    return app


def _settle_memory() -> None:
    """Take what is loaded out of the search for unreachable objects, which stops every answer while it lasts.

    The modules alone are some hundred thousand objects that stay as long as the process; a full search among them takes
    a tenth of a second and more, and finds nothing. What comes later is searched as before, less often in full.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
