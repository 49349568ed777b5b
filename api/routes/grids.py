"""Grids in force, one grid, where it came from, and what a code ever meant."""

# Annotations are evaluated where they stand: they hold limits of the settings.
import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from api.gate import actor_of
from api.schemas import CodeHistory, GridList, GridOut, LineageRow
from api.wire import JsonResponse, StrictRoute, grid_json
from geo.authority import Actor
from geo.model import GridKind
from geo.services.lookup import Lookup
from geo.settings import Limits

__all__ = ["grids_router"]

Id = Annotated[str, Path(max_length=64, pattern=r"^[0-9A-Za-z_.-]+$", description="UUID or 15-digit code")]
Code = Annotated[str, Path(max_length=100, description="code or local number, old ones too")]
Day = Annotated[dt.date | None, Query(description="as the grids stood on that day")]
Who = Annotated[Actor, Depends(actor_of)]


def grids_router(lookup: Lookup, *, limits: Limits) -> APIRouter:
    """Return the operations on grids."""
    router = APIRouter(tags=["grids"], route_class=StrictRoute)
    most = limits.page_rows

    @router.get("/grids", response_model=GridList, summary="Grids in force 网格列表")
    def list_grids(
        actor: Who,
        kind: GridKind | None = None,
        as_of: Day = None,
        generation: Annotated[str | None, Query(max_length=64)] = None,
        community: Annotated[str | None, Query(max_length=12, pattern=r"^\d+$", description="code prefix")] = None,
        limit: Annotated[int, Query(ge=1, le=most)] = min(500, most),
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        geometry: Annotated[bool, Query(description="with outlines as GeoJSON")] = False,  # noqa: FBT002
    ) -> Response:
        grids = lookup.grids(actor, kind=kind, as_of=as_of, generation=generation)
        chosen = [g for g in grids if community is None or g.community_code.startswith(community)]
        cover = lookup.coverage(actor, as_of=as_of, generation=generation)
        return JsonResponse(
            {
                "generation": cover.describe_generation(),
                "total": len(chosen),
                "offset": offset,
                "grids": [grid_json(g, geometry=geometry) for g in chosen[offset : offset + limit]],
            }
        )

    @router.get("/grids/{id}", response_model=GridOut, summary="One grid in force 网格")
    def read_grid(actor: Who, id: Id, as_of: Day = None) -> Response:  # noqa: A002
        return JsonResponse(grid_json(lookup.grid(actor, id, as_of=as_of), geometry=True))

    @router.get("/grids/{id}/history", response_model=list[LineageRow], summary="Where a grid came from 沿革")
    def read_history(actor: Who, id: Id) -> Response:  # noqa: A002
        return JsonResponse(lookup.history(actor, id))

    @router.get("/codes/{code}", response_model=CodeHistory, tags=["codes"], summary="What a code ever meant 编码沿革")
    def read_code(actor: Who, code: Code) -> Response:
        return JsonResponse({"code": code, "history": lookup.code(actor, code)})

    return router
