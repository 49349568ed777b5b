"""OGC API – Features, Part 1 core: QGIS and GDAL read the grids in force.

Coordinates are CGCS2000, which for these purposes is CRS84 (the two differ by centimetres). The class
"OpenAPI 3.0" is not claimed: the description is OpenAPI 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import numpy as np
import shapely
from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api.gate import actor_of
from api.wire import JsonResponse, StrictRoute, geojson_of, grid_json, number_from
from geo.authority import Actor
from geo.errors import NotFound, Refused
from geo.model import Grid, GridKind, Json
from geo.services.lookup import Lookup
from geo.settings import Limits

__all__ = ["ogc_router"]

_CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_CLASSES: Final = [f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "geojson")]
_GEOJSON: Final = "application/geo+json"
_JSON: Final = "application/json"

Who = Annotated[Actor, Depends(actor_of)]
Form = Annotated[Literal["json"], Query(description="the only form there is")]
Name = Annotated[str, Path(max_length=40, pattern=r"^[a-z]+$")]
Feature = Annotated[str, Path(max_length=64, pattern=r"^[0-9A-Za-z_.-]+$")]


@dataclass(frozen=True, slots=True)
class _Collection:
    kind: GridKind
    title: str
    description: str


_COLLECTIONS: Final = {
    "grids": _Collection(GridKind.BASE, "基础网格", "The base grids in force: one seamless coverage"),
    "exclusive": _Collection(GridKind.EXCLUSIVE, "专属网格", "Exclusive grids in force: an overlay"),
}


class _Features(JsonResponse):
    media_type = _GEOJSON


def _collection(name: str) -> _Collection:
    found = _COLLECTIONS.get(name)
    if found is None:
        raise NotFound("no such collection", remedy="see /ogc/collections")
    return found


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/") + "/ogc"


def _link(href: str, rel: str, kind: str = _JSON, title: str = "") -> Json:
    return {"href": href, "rel": rel, "type": kind, **({"title": title} if title else {})}


def _describe(request: Request, name: str, lookup: Lookup, actor: Actor) -> Json:
    about, here = _collection(name), f"{_root(request)}/collections/{name}"
    grids = lookup.grids(actor, kind=about.kind)
    extent = shapely.total_bounds([g.geometry for g in grids]).tolist() if grids else None
    return {
        "id": name,
        "title": about.title,
        "description": about.description,
        "itemType": "feature",
        "crs": [_CRS84],
        **({"extent": {"spatial": {"bbox": [extent], "crs": _CRS84}}} if extent else {}),
        "links": [_link(here, "self"), _link(f"{here}/items", "items", _GEOJSON)],
    }


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of a `bbox` parameter (heights are left out)."""
    if text is None:
        return None
    numbers = [number_from("bbox", part.strip()) for part in text.split(",")]
    if len(numbers) not in (4, 6):
        raise Refused("bbox must hold 4 or 6 numbers", code="bbox", remedy="send west,south,east,north")
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if south > north or west > east:
        raise Refused("bbox is turned round", code="bbox", remedy="send west,south,east,north")
    return west, south, east, north


def _within(grids: tuple[Grid, ...], box: tuple[float, float, float, float] | None) -> list[Grid]:
    if box is None or not grids:
        return list(grids)
    hit = shapely.intersects(np.array([g.geometry for g in grids], dtype=object), shapely.box(*box))
    return [g for g, meets in zip(grids, hit, strict=True) if meets]


def _feature(grid: Grid) -> Json:
    facts = grid_json(grid)
    return {"type": "Feature", "id": facts.pop("id"), "properties": facts, "geometry": geojson_of(grid.geometry)}


def _page_links(request: Request, name: str, *, limit: int, offset: int, matched: int, bbox: str | None) -> list[Json]:
    here = f"{_root(request)}/collections/{name}"

    def page(at: int) -> str:
        box = f"&bbox={bbox}" if bbox is not None else ""
        return f"{here}/items?limit={limit}&offset={at}{box}"

    links = [_link(page(offset), "self", _GEOJSON), _link(here, "collection")]
    if offset + limit < matched:
        links.append(_link(page(offset + limit), "next", _GEOJSON))
    if offset > 0:
        links.append(_link(page(max(0, offset - limit)), "prev", _GEOJSON))
    return links


def ogc_router(lookup: Lookup, *, limits: Limits) -> APIRouter:
    """Return the operations of OGC API – Features."""
    router = APIRouter(prefix="/ogc", tags=["ogc"], route_class=StrictRoute)
    most = limits.page_rows

    @router.get("", summary="Landing page of the standard interface 标准接口")
    def landing(request: Request, f: Form = "json") -> Response:  # noqa: ARG001
        here = _root(request)
        links = [
            _link(here, "self"),
            _link(f"{here}/conformance", "conformance"),
            _link(f"{here}/collections", "data"),
            _link(here.removesuffix("/ogc") + "/api/v1/openapi.json", "service-desc", _JSON),
            _link(here.removesuffix("/ogc") + "/docs", "service-doc", "text/html"),
        ]
        return JsonResponse({"title": "wangge 网格", "description": "Grids in force", "links": links})

    @router.get("/conformance", summary="What is conformed to")
    def conformance(f: Form = "json") -> Response:  # noqa: ARG001
        return JsonResponse({"conformsTo": _CLASSES})

    @router.get("/collections", summary="Collections 图层")
    def collections(request: Request, actor: Who, f: Form = "json") -> Response:  # noqa: ARG001
        described = [_describe(request, name, lookup, actor) for name in _COLLECTIONS]
        return JsonResponse({"links": [_link(f"{_root(request)}/collections", "self")], "collections": described})

    @router.get("/collections/{name}", summary="One collection")
    def collection(request: Request, actor: Who, name: Name, f: Form = "json") -> Response:  # noqa: ARG001
        return JsonResponse(_describe(request, name, lookup, actor))

    @router.get("/collections/{name}/items", response_class=_Features, summary="Features of a collection 要素")
    def items(
        request: Request,
        actor: Who,
        name: Name,
        bbox: Annotated[str | None, Query(max_length=200, pattern=r"^[-+0-9.,eE ]+$")] = None,
        limit: Annotated[int, Query(ge=1)] = 100,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        f: Form = "json",  # noqa: ARG001
    ) -> Response:
        limit = min(limit, most)  # the standard: a server may answer fewer, it does not refuse
        found = _within(lookup.grids(actor, kind=_collection(name).kind), _bbox(bbox))
        page: dict[str, Any] = {"type": "FeatureCollection", "numberMatched": len(found)}
        page["features"] = [_feature(g) for g in found[offset : offset + limit]]
        page["numberReturned"] = len(page["features"])
        page["links"] = _page_links(request, name, limit=limit, offset=offset, matched=len(found), bbox=bbox)
        return _Features(page)

    @router.get("/collections/{name}/items/{feature}", response_class=_Features, summary="One feature")
    def item(request: Request, actor: Who, name: Name, feature: Feature, f: Form = "json") -> Response:  # noqa: ARG001
        wanted = _collection(name)
        grid = lookup.grid(actor, feature)
        if grid.kind is not wanted.kind:
            raise NotFound("no such feature")
        here = f"{_root(request)}/collections/{name}"
        links = [_link(f"{here}/items/{grid.id}", "self", _GEOJSON), _link(here, "collection")]
        return _Features({**_feature(grid), "links": links})

    return router
