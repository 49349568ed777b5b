"""Whether this process can answer, and how often it did."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse, Response

from api.gate import Tally, actor_of
from api.schemas import Health
from api.wire import JsonResponse, StrictRoute
from geo import __version__
from geo.authority import Actor
from geo.errors import NotFound
from geo.services.lookup import Lookup

__all__ = ["health_router"]


def health_router(lookup: Lookup, *, tally: Tally) -> APIRouter:
    """Return the operations that watch over the service."""
    router = APIRouter(tags=["operations"], route_class=StrictRoute)

    @router.get("/healthz", response_model=Health, summary="Can this process answer? 健康检查")
    def health(actor: Annotated[Actor, Depends(actor_of)]) -> Response:
        try:
            generation = lookup.coverage(actor).describe_generation()
        except NotFound:
            generation = None  # an empty store is healthy, it only has nothing to say
        return JsonResponse({"status": "ok", "version": __version__, "generation": generation})

    @router.get("/metrics", response_class=PlainTextResponse, summary="Counts in the Prometheus form 运行指标")
    def metrics() -> Response:
        return PlainTextResponse(tally.text(), media_type="text/plain; version=0.0.4")

    return router
