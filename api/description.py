"""The API description (OpenAPI): what FastAPI knows, the fast operation beside it, and every problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.problems import MEDIA_TYPE
from api.routes.point import PATH
from api.routes.question import OPERATION
from api.schemas import BatchQuery, PlacementOut, ProblemOut
from geo import __version__

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["describe"]

# What any operation may answer beside its own: status -> words.
_EVERYWHERE = {
    "400": "the request is not readable",
    "403": "not allowed, or a request of another site",
    "404": "no such object, or none this actor may see",
    "405": "no such method here",
    "409": "the present state forbids it",
    "413": "the body is too large",
    "415": "the content type is not one of those named",
    "421": "this service answers to another host name",
    "422": "refused: a parameter or the content is not acceptable",
    "500": "a fault of this software",
    "503": "store or disk cannot serve now; nothing was changed",
}
# What an operation that writes against a version may answer besides.
_GUARDED = {
    "412": "somebody else wrote first; carries the current version and the difference",
    "428": "If-Match is missing",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the complete description of an application, made once.

    Returns
    -------
    dict
        OpenAPI 3.1. Every operation names its refusals, each in the one problem shape.
    """
    if app.openapi_schema is None:
        text = get_openapi(
            title="wangge 网格",
            version=__version__,
            summary="Which grid is this, and who is responsible?",
            description=(
                "网格查询、落格、区划与方案接口。Coordinates always come with their datum; answers name the "
                "generation they rest on; refusals are problems (RFC 9457)."
            ),
            routes=app.routes,
        )
        text["paths"].setdefault(PATH, {})["get"] = dict(OPERATION)
        _, own = models_json_schema(
            [(m, "serialization") for m in (PlacementOut, ProblemOut)] + [(BatchQuery, "validation")],
            ref_template="#/components/schemas/{model}",
        )
        schemas = text.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in own["$defs"].items():
            schemas.setdefault(name, schema)
        for path in text["paths"].values():
            for operation in path.values():
                _with_problems(operation)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = text
    return app.openapi_schema


def _with_problems(operation: dict[str, Any]) -> None:
    shape = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    guarded = any(p["name"].lower() == "if-match" for p in operation.get("parameters", ()))
    for status, words in {**_EVERYWHERE, **(_GUARDED if guarded else {})}.items():
        operation["responses"][status] = {"description": words, "content": shape}
