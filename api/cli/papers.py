"""Commands that make papers: the map page and the A3 sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.frame import AsJson, StoreName, opened, report, words

__all__ = ["map_", "register", "sheet"]

Lang = Annotated[str, typer.Option("--lang", help="zh 或 en")]
Demonstration = Annotated[bool, typer.Option("--demonstration", help="图上注明 演示数据")]


def _lang(lang: str) -> str:
    if lang not in ("zh", "en"):
        raise typer.BadParameter(words("只有 zh 和 en", "zh or en"), param_hint="--lang")
    return lang


def map_(
    out: Annotated[Path, typer.Option("-o", "--out", help="网页文件")] = Path("map.html"),
    lang: Lang = "zh",
    demonstration: Demonstration = False,  # noqa: FBT002
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """离线地图网页：优化前后、覆盖、户数 / an offline page of the grids before and after."""
    from api.papers import write_map

    with opened(store) as services:
        write_map(services, out, lang=_lang(lang), demonstration=demonstration)
    report({"out": str(out)}, as_json=as_json, lines=[words(f"已写入 {out}", f"wrote {out}")])


def sheet(
    out: Annotated[Path, typer.Option("-o", "--out", help="PDF 文件；旁边另存 PNG")] = Path("sheet_A3.pdf"),
    town: Annotated[str | None, typer.Option("--town", help="只画一个镇")] = None,
    lang: Lang = "zh",
    demonstration: Demonstration = False,  # noqa: FBT002
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """A3 图件：优化前后对比，PDF 与 PNG / the A3 sheet of before and after."""
    from api.papers import write_sheet

    png = out.with_suffix(".png")
    with opened(store) as services:
        write_sheet(services, out, png, lang=_lang(lang), demonstration=demonstration, town=town)
    files = [str(out), str(png)]
    report({"out": files}, as_json=as_json, lines=[words("已写入 ", "wrote ") + " ".join(files)])


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("map")(map_)
    app.command("sheet")(sheet)
