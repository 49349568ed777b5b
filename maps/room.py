"""Where a label stands inside a polygon, and how much room it has there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import shapely

__all__ = ["Room", "label_room"]

_FINENESS: Final = 60


@dataclass(frozen=True, slots=True)
class Room:
    """A point inside a polygon and the free half width and half height around it, in the polygon's unit."""

    x: float
    y: float
    half_width: float
    half_height: float


def _free(cut: Any, at: float, axis: int) -> float:
    """Distance from `at` to the nearer end of the piece of a cutting line that holds it."""
    for part in shapely.get_parts(cut):
        values = shapely.get_coordinates(part)[:, axis]
        if values.min() <= at <= values.max():
            return float(min(at - values.min(), values.max() - at))
    return 0.0


def label_room(geometry: Any) -> Room:
    """Return the middle of the largest circle inside a polygon and its reach along both axes.

    Parameters
    ----------
    geometry : shapely Polygon or MultiPolygon
        Degrees or metres; of several parts the largest counts.
    """
    biggest = max(shapely.get_parts(geometry), key=shapely.area)
    west, south, east, north = biggest.bounds
    circle = shapely.maximum_inscribed_circle(biggest, tolerance=max(east - west, north - south) / _FINENESS)
    x, y = (float(v) for v in shapely.get_coordinates(circle)[0])
    across = shapely.intersection(biggest, shapely.LineString([(west, y), (east, y)]))
    along = shapely.intersection(biggest, shapely.LineString([(x, south), (x, north)]))
    return Room(x, y, _free(across, x, 0), _free(along, y, 1))
