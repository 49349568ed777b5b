"""Lines fit to cut along: streets, rivers and railways led on to the border where they stop short of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["REACH_M", "cutting_lines"]

REACH_M: Final = 30.0
# A street beside the border parts nothing worth having: stretches this near and this long are left out.
_BESIDE_M: Final = 2.0
_ALONG_M: Final = 15.0
_OVER_M: Final = 0.5
_STEP_M: Final = 1e-3

Point = tuple[float, float]


def cutting_lines(
    lines_m: Sequence[Any] | NDArray[np.object_], ground_m: Any, *, reach_m: float = REACH_M
) -> NDArray[np.object_]:
    """Return what of the lines may cut a ground, noded, with loose ends led on.

    Stretches that run beside the border are left out. A street that ends inside is led straight on to the next line
    or to the border where one lies within `reach_m`, and by the shortest way to a border within a third of that.

    Parameters
    ----------
    lines_m : sequence of LineString or MultiLineString
        Streets, rivers, railways in metres; None and empty ones are passed over.
    ground_m : Polygon or MultiPolygon
        In metres.
    reach_m : float, keyword
        0: ends stay where they are.
    """
    held = [line for line in lines_m if line is not None and not line.is_empty]
    near = [line for line in held if shapely.intersects(line, ground_m)]
    if not near:
        return np.empty(0, dtype=object)
    inside = shapely.intersection(shapely.union_all(near), shapely.buffer(ground_m, _BESIDE_M))
    net = _parts(_without_stretches_beside(inside, ground_m))
    return np.array([*net, *_led_on(net, ground_m, reach_m)], dtype=object)


def _parts(lines: Any) -> list[Any]:
    kept = [part for part in shapely.get_parts(lines).tolist() if part.geom_type == "LineString" and part.length > 0]
    if not kept:
        return []
    merged = shapely.get_parts(shapely.line_merge(shapely.union_all(kept))).tolist()
    return sorted(merged, key=lambda part: shapely.get_coordinates(part).tolist())


def _without_stretches_beside(lines: Any, ground_m: Any) -> Any:
    rim = shapely.boundary(ground_m)
    beside = _parts(shapely.intersection(lines, shapely.buffer(rim, _BESIDE_M)))
    along = [part for part in beside if part.length > _ALONG_M]
    return shapely.difference(lines, shapely.buffer(shapely.union_all(along), _STEP_M)) if along else lines


def _led_on(net: Sequence[Any], ground_m: Any, reach_m: float) -> list[Any]:
    """Return a connector for each loose end inside the ground that has somewhere to go."""
    rim = shapely.boundary(ground_m)
    if reach_m <= 0.0 or not net:
        return []
    others = shapely.union_all([rim, *net])
    found = []
    for before, end in _loose_ends(net):
        if shapely.contains_xy(ground_m, *end):
            goal = _straight_on(before, end, others, reach_m) or _to_border(end, rim, reach_m / 3.0)
            found += [shapely.LineString([end, goal])] if goal else []
    return found


def _loose_ends(net: Sequence[Any]) -> list[tuple[Point, Point]]:
    """Return (the vertex before, the end) of each end that no other line shares."""
    tips: list[tuple[Point, Point]] = []
    for line in net:
        points: list[Point] = [(x, y) for x, y in shapely.get_coordinates(line).tolist()]
        tips += [(points[1], points[0]), (points[-2], points[-1])]
    meeting = Counter(end for _, end in tips)
    return sorted(tip for tip in tips if meeting[tip[1]] == 1)


def _straight_on(before: Point, end: Point, others: Any, reach_m: float) -> Point | None:
    way = np.array(end) - np.array(before)
    way = way / np.hypot(*way)
    ray = shapely.LineString([np.array(end) + way * _STEP_M * 10, np.array(end) + way * reach_m])
    hit = shapely.intersection(ray, others)
    if hit.is_empty:
        return None
    far = float(shapely.distance(shapely.Point(end), hit))
    x, y = (np.array(end) + way * (far + _OVER_M)).tolist()
    return x, y


def _to_border(end: Point, rim: Any, reach_m: float) -> Point | None:
    link = shapely.shortest_line(shapely.Point(end), rim)
    if link.length > reach_m or link.length <= 0.0:
        return None
    start, goal = shapely.get_coordinates(link)
    x, y = (goal + (goal - start) / link.length * _OVER_M).tolist()
    return x, y
