"""Streets, rivers and railways of the line layers as lines that edits cut along.

An edit names a stored line; what it meant is written into the edit when the planner makes it, so that the log draws
the same border for ever, whatever is imported later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo import crs
from geo.errors import NotFound, Refused, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.services.redraw import Drawing
    from geo.store.base import Session

__all__ = ["with_stored_lines"]

_MOST_REACH_M: Final = 100.0
_COLUMNS: Final = ("id", "source_key", "name", "geometry")


def with_stored_lines(session: Session, drawing: Drawing, edit: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the edit with the lines it names written into it as `lines`; an edit that names none as it is.

    Parameters
    ----------
    edit : mapping
        With `line_id` (id or source key) or `line_name` (for split_by also `name`), and `grid` or `from`. `reach_m`
        prolongs both ends of each line straight on, for streets that stop short of the border; at most 100 m.

    Raises
    ------
    NotFound
        No stored line is called so, or the grid is not there.
    Refused
        The line does not come near the grid.
    """
    field, word = _named(edit)
    grid_id = str(edit.get("grid", edit.get("from", "")))
    if not word or "lines" in edit or "line" in edit:
        return edit
    ground = drawing.coverage.polygon(grid_id)
    metric = crs.metric_for(float(shapely.get_x(shapely.centroid(ground))))
    reach_m = _reach(edit)
    lines = [
        piece
        for row in _rows(session, field, word)
        for line in shapely.get_parts(row["geometry"]).tolist()
        for piece in _near(_prolonged(shapely.get_coordinates(line), metric, reach_m), ground)
    ]
    if not lines:
        raise Refused(
            f"{word[:80]} does not run through this grid",
            code="line-misses",
            where=Where(feature=drawing.facts[grid_id].name),
            remedy="choose a street or river that crosses it",
        )
    return {**edit, "lines": lines}


def _named(edit: Mapping[str, Any]) -> tuple[str, str]:
    if edit.get("line_id"):
        return "id", str(edit["line_id"])
    name = edit.get("line_name") or (edit.get("name") if edit.get("op") == "split_by" else None)
    return "name", str(name or "")


def _rows(session: Session, field: str, word: str) -> list[dict[str, Any]]:
    keys = ("id", "source_key") if field == "id" else ("name",)
    for key in keys:
        rows = session.rows("lines", where={key: word}, columns=_COLUMNS)
        held = [r for r in rows if r["geometry"] is not None and not r["geometry"].is_empty]
        if held:
            return sorted(held, key=lambda r: str(r["source_key"]))
    raise NotFound(f"no stored line is called {word[:80]}", code="line-unknown", remedy="see the lines on the map")


def _reach(edit: Mapping[str, Any]) -> float:
    value = edit.get("reach_m", 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= _MOST_REACH_M:
        raise Refused(f"reach_m lies between 0 and {_MOST_REACH_M:.0f} metres", code="reach-invalid")
    return float(value)


def _prolonged(line: NDArray[np.float64], metric: Metric, reach_m: float) -> NDArray[np.float64]:
    """Return a line (degrees) with both ends led straight on by some metres; a closed one has no ends."""
    if reach_m <= 0.0 or (line[0] == line[-1]).all():
        return line
    plane = np.column_stack(metric.forward(line[:, 0], line[:, 1]))
    ends = [_onward(plane[1], plane[0], reach_m), _onward(plane[-2], plane[-1], reach_m)]
    lon, lat = metric.inverse(*np.array(ends).T)
    return np.vstack([[lon[0], lat[0]], line, [lon[1], lat[1]]])


def _onward(before: NDArray[np.float64], end: NDArray[np.float64], by_m: float) -> NDArray[np.float64]:
    step = end - before
    length = float(np.hypot(*step))
    return end + step / length * by_m if length > 0.0 else end


def _near(line: NDArray[np.float64], ground: Any) -> list[list[list[float]]]:
    """Return the runs of a line whose segments come near a grid (by their boxes), as lists of [lon, lat]."""
    west, south, east, north = shapely.bounds(ground).tolist()
    low, high = np.minimum(line[:-1], line[1:]), np.maximum(line[:-1], line[1:])
    touching = (low <= (east, north)).all(axis=1) & (high >= (west, south)).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], touching, [False]]).astype(np.int8)))
    return [crs.snap(line[a : b + 1]).tolist() for a, b in edges.reshape(-1, 2).tolist()]
