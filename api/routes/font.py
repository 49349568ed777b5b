"""The Chinese font for the pages this service shows, for readers whose machine has none."""

from __future__ import annotations

from functools import cache
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

__all__ = ["FAMILY", "FONT_FACE", "font_router"]

FAMILY: Final = "wangge-hans"
_PATH: Final = "/fonts/hans.otf"
# A machine with a Chinese font uses its own and fetches nothing; Latin letters stay those of the page.
FONT_FACE: Final = f"""\
@font-face {{
  font-family: "{FAMILY}";
  src: local("Microsoft YaHei"), local("PingFangSC-Regular"), local("NotoSansCJKsc-Regular"), url({_PATH});
  unicode-range: U+2E80-9FFF, U+F900-FAFF, U+FE30-FE4F, U+FF00-FFEF, U+20000-2FA1F;
}}
"""


@cache
def _font() -> bytes:
    from maps.safe import asset_bytes

    return asset_bytes("fonts/SourceHanSansCN-Regular.otf")


def font_router() -> APIRouter:
    """Return the route of the bundled font, whole and unmodified."""
    router = APIRouter(include_in_schema=False)

    @router.get(_PATH)
    def font() -> Response:
        return Response(_font(), media_type="font/otf", headers={"Cache-Control": "public, max-age=604800"})

    return router
