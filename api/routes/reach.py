"""Coverage by people: the iron triangle of each grid, homes near an anchor household, where to add one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.gate import actor_of
from api.heavy import HeavyWork
from api.schemas import ReachOut
from api.wire import JsonResponse, StrictRoute
from geo.authority import Actor
from geo.bootstrap import Services
from geo.model import Json
from geo.services.coverage_by_people import ReachReport, reach_report
from geo.services.facts import GridFacts

__all__ = ["reach_router"]


def reach_router(services: Services, *, heavy: HeavyWork) -> APIRouter:
    """Return the operation on reach."""
    router = APIRouter(tags=["reach"], route_class=StrictRoute)
    usual = services.settings.anchor_distance_m

    @router.get("/reach", response_model=ReachOut, summary="Coverage by people 覆盖情况")
    async def read_reach(
        actor: Annotated[Actor, Depends(actor_of)],
        distance_m: Annotated[float, Query(gt=0, le=5000, description="reach of an anchor household")] = usual,
    ) -> Response:
        report = await heavy.do(lambda: reach_report(services.store, actor, distance_m=distance_m))
        return JsonResponse(_report(report))

    return router


def _report(report: ReachReport) -> Json:
    return {
        "distance_m": report.distance_m,
        "near_share": report.near_share,
        "linked_share": report.linked_share,
        "grids": [_grid(f) for f in report.grids],
        "suggestions": [asdict(s) for s in report.suggestions],
        "centres": [asdict(c) for c in report.centres],
    }


def _grid(facts: GridFacts) -> Json:
    reach = facts.reach
    return {
        "grid": facts.grid.id,
        "code": facts.grid.code,
        "name": facts.grid.name,
        "community_code": facts.grid.community_code,
        "households": reach.households,
        "full_time": reach.full_time,
        "professional": facts.professional,
        "part_time": facts.part_time,
        "party_groups": reach.party_groups,
        "anchors": reach.anchors,
        "near_share": reach.near_share,
        "linked_share": reach.linked_share,
        "missing": [str(corner) for corner in reach.missing],
    }
