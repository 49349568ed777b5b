"""The administrative areas of the county."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.gate import actor_of
from api.schemas import AreaList
from api.wire import JsonResponse, StrictRoute
from geo.authority import Actor
from geo.store.base import Store

__all__ = ["areas_router"]

Who = Annotated[Actor, Depends(actor_of)]


def areas_router(store: Store) -> APIRouter:
    """Return the operations on areas."""
    router = APIRouter(tags=["areas"], route_class=StrictRoute)

    @router.get("/areas", response_model=AreaList, summary="Towns, communities and villages 行政区划")
    def list_areas(actor: Who) -> Response:
        with store.reading(actor) as session:
            areas = session.areas()
        rows = [
            {
                "code": a.code,
                "name": a.name,
                "kind": a.kind.value,
                "official_name": a.official_name,
                "parent_code": a.parent_code,
            }
            for a in areas
        ]
        return JsonResponse({"areas": rows})

    return router
