"""`wangge demo`: the demonstration run from the terminal, its figures printed, its result served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from api.cli.demonstration import SHIPPED, Demonstration, demonstrate
from geo.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["closing_lines", "run_demo"]


def run_demo(
    *, out: Path, data: Path | None, seed: int | None, serve: bool, as_json: bool, say: Callable[[str], None]
) -> None:
    """Run the demonstration, print its figures, and (unless told not to) serve the result.

    Parameters
    ----------
    out : Path
        Folder that receives store, coverage, report, map, sheet, cross-reference and summary.
    data : Path, optional
        Files to read; the ones shipped by default.
    seed : int, optional
        Make another county first and run on that.
    """
    folder = data or SHIPPED
    if seed is not None:
        folder = out / "county"
        _make_county(folder, seed, say)
    run = Demonstration(data=folder, out=out, say=(lambda _: None) if as_json else say)
    summary = demonstrate(run)
    if as_json:
        say(json.dumps(summary, ensure_ascii=False, default=str))
        return
    for line in closing_lines(summary, out):
        say(line)
    if serve:
        from api.cli.serving import serve_store

        _show(out / "map.html")
        serve_store(str(out / "fenglin.gpkg"), say=say)


def _show(page: Path) -> None:
    """Open the map in the browser of a desktop; a terminal without one is left alone."""
    if sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def _make_county(folder: Path, seed: int, say: Callable[[str], None]) -> None:
    say(f"▶ 生成另一个演示县 make another county (seed {seed}) …")
    make = SHIPPED.parent / "make_county.py"
    command = [sys.executable, str(make), "--seed", str(seed), "--out", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        remedy = "it needs the development set: python3 run.py setup --dev"
        raise Refused(f"the county could not be made: {last}", code="county-not-made", remedy=remedy)


def closing_lines(summary: dict[str, Any], out: Path) -> list[str]:
    """Return the summary in words."""
    findings, merge, truth = summary["findings"], summary["merge"], summary.get("truth")
    before, after = sum(findings["before"].values()), sum(findings["after"].values())
    proven = f"{merge['status']}, gap {merge['gap']}, {merge['seconds']} s"
    lines = [
        "",
        "演示数据 demonstration data · 丰林县",
        f"  问题 findings: 修复前 {before} → 修复后 {after}（阻塞 blocking {findings['blocking_after']}）",
        f"  合并 merge: {merge['units']} → {merge['groups']}, {proven}",
    ]
    if truth:
        lines.append(
            f"  与真值一致 matching the truth: 住户 households {truth['households']['share']:.3%}, "
            f"工单 incidents {truth['incidents']['share']:.3%}"
        )
    lines.append(
        f"  共用时 total {summary['seconds']['total']} s; 结果在 {out}：{', '.join(summary['papers'])}, summary.json"
    )
    return lines
