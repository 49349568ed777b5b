"""Files of county staff: a dry run with a report first, then the same files again with apply=true."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.gate import actor_of
from api.heavy import HeavyWork
from api.problems import RowsRefused, language_of
from api.schemas import ImportOut
from api.uploads import FORM, Upload, read_upload, report_json, stored_files
from api.wire import JsonResponse, StrictRoute
from geo.authority import Actor
from geo.bootstrap import Services
from geo.model import Json
from geo.services.ingest import import_files

__all__ = ["imports_router"]


def imports_router(services: Services, *, heavy: HeavyWork) -> APIRouter:
    """Return the operation on imports."""
    router = APIRouter(tags=["imports"], route_class=StrictRoute)
    limits = services.settings.limits

    def imported(actor: Actor, upload: Upload, language: str) -> Json:
        with stored_files(upload, limits) as paths:
            asked = upload.request(paths)
            report = import_files(services.store, actor, asked, settings=services.settings, new_id=services.new_id)
        if asked.apply:
            services.lookup.forget()
        told = report_json(report, language)
        if asked.apply and not report.applied:
            raise RowsRefused(told)
        return told

    @router.post(
        "/imports", response_model=ImportOut, openapi_extra=FORM, summary="Read files: report, then apply 导入"
    )
    async def import_upload(request: Request, actor: Annotated[Actor, Depends(actor_of)]) -> Response:
        async with read_upload(request, limits) as upload:
            language = language_of(request.scope["headers"])
            return JsonResponse(await heavy.do(lambda: imported(actor, upload, language)))

    return router
