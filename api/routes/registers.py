"""The registers: incidents and households of the actor's areas, coarse; and a new incident put on record."""

# Annotations are evaluated where they stand: they hold limits of the settings.
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.gate import actor_of
from api.routes.point import placement_json
from api.schemas import HouseholdList, IncidentIn, IncidentList, RecordedOut
from api.wire import JsonResponse, StrictRoute, datum_from
from geo.authority import Actor
from geo.bootstrap import Services
from geo.model import Json
from geo.services.registers import IncidentReport, Recorded, list_households, list_incidents, record_incident

__all__ = ["registers_router"]

Who = Annotated[Actor, Depends(actor_of)]
Grid = Annotated[str | None, Query(max_length=64, pattern=r"^[0-9A-Za-z_.-]+$", description="id of a base grid")]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


def registers_router(services: Services) -> APIRouter:
    """Return the operations on registers."""
    router = APIRouter(route_class=StrictRoute)
    store, most = services.store, services.settings.limits.page_rows
    limited: Any = Query(ge=1, le=most)

    @router.get("/incidents", response_model=IncidentList, tags=["incidents"], summary="Incidents, newest first 工单")
    def read_incidents(
        actor: Who,
        grid: Grid = None,
        category: Annotated[str | None, Query(max_length=100)] = None,
        limit: Annotated[int, limited] = min(100, most),
        offset: Offset = 0,
    ) -> Response:
        page = list_incidents(store, actor, grid=grid, category=category, limit=limit, offset=offset)
        return JsonResponse({"total": page.total, "offset": offset, "incidents": page.rows})

    @router.get("/households", response_model=HouseholdList, tags=["households"], summary="Households 住户")
    def read_households(
        actor: Who, grid: Grid = None, limit: Annotated[int, limited] = min(100, most), offset: Offset = 0
    ) -> Response:
        page = list_households(store, actor, grid=grid, limit=limit, offset=offset)
        return JsonResponse({"total": page.total, "offset": offset, "households": page.rows})

    @router.post(
        "/incidents",
        response_model=RecordedOut,
        status_code=201,
        responses={200: {"model": RecordedOut, "description": "Known by its number, and updated"}},
        tags=["incidents"],
        summary="Place an incident and put it on record 登记工单",
    )
    def report_incident(actor: Who, sent: IncidentIn) -> Response:
        done = record_incident(store, services.lookup, actor, _report(sent), now=services.now, new_id=services.new_id)
        return JsonResponse(_recorded(done), status_code=201 if done.is_new else 200)

    return router


def _report(sent: IncidentIn) -> IncidentReport:
    pointed = sent.lon is not None or sent.datum is not None
    facts = sent.model_dump(exclude={"datum", "id"})
    return IncidentReport(source_key=sent.id, datum=datum_from(sent.datum) if pointed else None, **facts)


def _recorded(done: Recorded) -> Json:
    placed = done.placed
    body = placement_json(placed.placement)
    both = {"agree": placed.agree, "reconciled_by": placed.reconciled_by, "question": placed.question}
    return {"id": done.id, "number": done.source_key, "placement": {**body, **both, "send": done.send}}
