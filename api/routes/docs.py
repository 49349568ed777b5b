"""The API description and its page, served from this machine alone."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse, Response

from api.routes.font import FAMILY, FONT_FACE
from api.wire import JsonResponse

__all__ = ["docs_router"]

_ASSETS: Final = Path(__file__).resolve().parents[1] / "assets" / "swagger-ui"
_TYPES: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_START: Final = """\
window.onload = () => SwaggerUIBundle({
  url: "/api/v1/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
});
"""
_PAGE: Final = """\
<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wangge 接口说明</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
# The page's own styles are set by script on elements, which style-src must allow; nothing else is inline.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

_CHANGED: Final = "/* Swagger UI's style, changed: a Chinese font stands before every family it names. */\n"


@cache
def _asset(name: str) -> bytes:
    """Return a vendored file; a style with the Chinese font before every family it names."""
    body = (_ASSETS / name).read_bytes()
    if not name.endswith(".css"):
        return body
    named = re.sub(r"(font-family:)(?!inherit)", rf'\1"{FAMILY}",', body.decode("utf-8"))
    return (_CHANGED + FONT_FACE + named).encode("utf-8")


def docs_router(describe: Any) -> APIRouter:
    """Return the documentation page; `describe` gives the API description."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api/v1/openapi.json")
    def description() -> Response:
        return JsonResponse(describe(), headers={"Cache-Control": "no-cache"})

    @router.get("/docs")
    def page() -> Response:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @router.get("/docs/start.js")
    def start() -> Response:
        return Response(_START, media_type="text/javascript")

    @router.get("/docs/{name}")
    def asset(
        name: Annotated[Literal["swagger-ui-bundle.js", "swagger-ui.css"], PathParameter()],
    ) -> Response:
        return Response(_asset(name), media_type=_TYPES[name], headers={"Cache-Control": "public, max-age=86400"})

    return router
