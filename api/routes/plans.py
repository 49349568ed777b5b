"""Plans: listed, read with their version as ETag."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from starlette.responses import Response

from api.gate import actor_of
from api.schemas import PlanList, PlanOut
from api.wire import JsonResponse, StrictRoute
from geo.authority import Actor
from geo.model import Json, Plan
from geo.settings import Limits
from geo.store.base import Store

__all__ = ["plan_summary", "plans_router"]

Who = Annotated[Actor, Depends(actor_of)]
Id = Annotated[str, Path(max_length=64, pattern=r"^[0-9A-Za-z_.-]+$")]


def plan_summary(plan: Plan) -> Json:
    """Return what a list shows of a plan."""
    return {
        "id": plan.id,
        "title": plan.title,
        "state": plan.state.value,
        "version": plan.version,
        "generation_id": plan.generation_id,
        "branch_of": plan.branch_of,
    }


def plans_router(store: Store, *, limits: Limits) -> APIRouter:
    """Return the operations on plans."""
    router = APIRouter(tags=["plans"], route_class=StrictRoute)
    most = limits.page_rows

    @router.get("/plans", response_model=PlanList, summary="Plans, newest first 方案列表")
    def list_plans(
        actor: Who,
        limit: Annotated[int, Query(ge=1, le=most)] = min(100, most),
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    ) -> Response:
        with store.reading(actor) as session:
            plans = session.plans()
        page = [plan_summary(p) for p in plans[offset : offset + limit]]
        return JsonResponse({"total": len(plans), "offset": offset, "plans": page})

    @router.get("/plans/{id}", response_model=PlanOut, summary="One plan with its edits and proof 方案")
    def read_plan(
        actor: Who,
        id: Id,  # noqa: A002
        version: Annotated[int | None, Query(ge=1)] = None,
        if_none_match: Annotated[str | None, Header(max_length=100)] = None,
    ) -> Response:
        with store.reading(actor) as session:
            plan = session.plan(id, version=version)
        tag = f'"{plan.version}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if if_none_match is not None and tag in (t.strip() for t in if_none_match.split(",")):
            return Response(status_code=304, headers=headers)
        body = {**plan_summary(plan), "edits": [dict(e) for e in plan.edits], "proof": plan.proof}
        return JsonResponse(body, headers=headers)

    return router
