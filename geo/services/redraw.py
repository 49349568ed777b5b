"""Plans of redrawing applied to the grids they were drawn on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import shapely

from geo.crs import snap_geometry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.model import Grid

__all__ = ["redraw_grids"]


def redraw_grids(grids: Sequence[Grid], edits: Sequence[Mapping[str, Any]]) -> list[Grid]:
    """Return the grids after a plan's edits, in position order."""
    known = {g.id: g for g in grids}
    for edit in edits:
        members = [known.pop(i) for i in edit["grids"]]
        into = next(m for m in members if m.id == edit["into"])
        union = snap_geometry(shapely.coverage_union_all([m.geometry for m in members]))
        known[into.id] = replace(into, geometry=union)
    return sorted(known.values(), key=lambda g: g.id)
