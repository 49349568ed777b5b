"""The command line: `wangge WORD …`. Commands load what they need when they run, so that help is instant."""

from __future__ import annotations

import sys

from api.cli import coverage, history, merging, papers, placing, planning, serving, storing
from api.cli.frame import commands

__all__ = ["app", "main"]

app = commands("网格管理 / grids of a county: coverage, placement, merging, papers")
for _room in (storing, coverage, placing, merging, planning, history, papers, serving):
    _room.register(app)


def main() -> None:
    """Run the command line; what the console script and `python -m api.cli` call."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a console that cannot show a sign shows a mark instead of failing
            reconfigure(errors="replace")
    app(prog_name="wangge")
