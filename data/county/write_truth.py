"""Write what is truly so, for scoring alone."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from geo.crs import Metric

from .world import NOTE, World
from .write_maps import geojson

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .incidents import Event

__all__ = ["write_truth"]


def _csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8", newline="\n")


def write_truth(world: World, events: Sequence[Event], defects: dict[str, list[str]], folder: Path) -> None:
    """Write true grids, the true grid of each household and incident, and the dirt that was put in."""
    folder.mkdir(parents=True, exist_ok=True)
    metric = Metric(4552)
    grids = [
        (metric.unproject(g.shape), {"key": g.key, "community": g.community, "community_code": g.community_code,
                                     "local_code": str(g.number), "name": g.name, "note": NOTE})
        for g in world.grids
    ]  # fmt: skip
    geojson(folder / "grids.geojson", f"真值网格（{NOTE}）", grids)
    _csv(folder / "households.csv", ("户号", "grid"), [(h.serial, h.grid) for h in world.homes])
    rows = [(e.number, e.grid, "outside" if not e.grid else "point" if e.x is not None else "building") for e in events]
    _csv(folder / "incidents.csv", ("工单编号", "grid", "basis"), rows)
    listed = [(file, d) for file, found in defects.items() for d in found]
    _csv(folder / "defects.csv", ("file", "defect"), listed)
