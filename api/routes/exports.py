"""Papers and files for download, made anew each time from what the actor may see."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.filing_paper import write_filing
from api.gate import actor_of
from api.heavy import HeavyWork
from api.papers import write_crosswalk, write_map, write_sheet
from api.wire import StrictRoute
from geo.authority import Actor
from geo.bootstrap import Services
from geo.model import GridKind
from geo.services.export import write_coverage
from geo.services.published import community_names

__all__ = ["Paper", "exports_router"]

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# Figures are drawn one at a time: the drawing library is not made for several threads.
_DRAWING: Final = threading.Lock()


class Paper(StrEnum):
    """What can be had."""

    MAP = "map.html"
    SHEET = "sheet.pdf"
    FILING = "filing.xlsx"
    CROSSWALK = "crosswalk.xlsx"
    COVERAGE = "coverage.gpkg"


def _coverage(services: Services, path: Path) -> None:
    cover = services.lookup.coverage(services.actor)
    grids = [*cover.base, *(g for g in cover.overlay if g.kind is GridKind.EXCLUSIVE)]
    write_coverage(grids, path, area_names=community_names(cover.areas))


def _sheet(services: Services, path: Path) -> None:
    with _DRAWING:
        write_sheet(services, path, path.with_suffix(".png"))


_WRITERS: Final[dict[Paper, tuple[str, Callable[[Services, Path], Any]]]] = {
    Paper.MAP: ("text/html; charset=utf-8", write_map),
    Paper.SHEET: ("application/pdf", _sheet),
    Paper.FILING: (_XLSX, write_filing),
    Paper.CROSSWALK: (_XLSX, write_crosswalk),
    Paper.COVERAGE: ("application/geopackage+sqlite3", _coverage),
}
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file, whole",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind, _ in _WRITERS.values()},
    }
}


def exports_router(services: Services, *, heavy: HeavyWork) -> APIRouter:
    """Return the operation on exports."""
    router = APIRouter(tags=["exports"], route_class=StrictRoute)

    def made(actor: Actor, paper: Paper) -> bytes:
        # The papers of a face are drawn for its actor; here the one who asks.
        with tempfile.TemporaryDirectory(prefix="wangge-export-") as folder:
            path = Path(folder) / paper.value
            _WRITERS[paper][1](replace(services, actor=actor), path)
            return path.read_bytes()

    @router.get("/exports/{paper}", responses=_FILES, response_class=Response, summary="A paper or file 导出")
    async def export(actor: Annotated[Actor, Depends(actor_of)], paper: Paper) -> Response:
        body = await heavy.do(lambda: made(actor, paper))
        # Never shown in place: a page of ours may hold texts of others.
        headers = {"Content-Disposition": f'attachment; filename="{paper.value}"'}
        return Response(body, media_type=_WRITERS[paper][0], headers=headers)

    return router
