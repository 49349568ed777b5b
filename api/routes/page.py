"""The first page: what this service offers, in Chinese."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.routes.font import FAMILY, FONT_FACE

__all__ = ["page_router"]

_PAGE: Final = """\
<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>网格管理</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<main>
<h1>网格管理</h1>
<p>查询坐标属于哪个网格，查看网格、行政区划和调整方案。</p>
<ul>
<li><a href="/api/v1/exports/map.html">地图</a>：优化前后的网格、户数和覆盖，离线可用</li>
<li><a href="/api/v1/exports/sheet.pdf">A3 图件</a>、<a href="/api/v1/exports/crosswalk.xlsx">变更对照表</a></li>
<li><a href="/docs">接口说明</a>：可以直接在页面上试用</li>
<li><a href="/ogc">标准接口</a>：供 QGIS 等软件读取网格图层（OGC API – Features）</li>
<li><a href="/api/v1/grids">现行网格</a></li>
<li><a href="/api/v1/areas">行政区划</a></li>
<li><a href="/api/v1/plans">调整方案</a></li>
<li><a href="/healthz">运行状态</a></li>
</ul>
</main>
</html>
"""
_STYLE: Final = f"""\
{FONT_FACE}body {{ font: 16px/1.7 "{FAMILY}", sans-serif; color: #222; margin: 0; }}
main {{ max-width: 42rem; margin: 4rem auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.6rem; }}
a {{ color: #0b5cad; }}
"""
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
)


def page_router() -> APIRouter:
    """Return the first page and its style."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def page() -> Response:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @router.get("/page.css")
    def style() -> Response:
        return Response(_STYLE, media_type="text/css")

    return router
