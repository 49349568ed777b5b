"""Footprints on a parcel: rows of slabs, rows of bungalows, and the yards of institutions (plane, metres)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Polygon, box

__all__ = ["Footprint", "bungalow_rows", "cut_off", "institution", "slab_rows"]

_STAIRWELL_M = 14.5


@dataclass(frozen=True, slots=True)
class Footprint:
    """An outline with its floors and stairwells; for a bungalow row `stairwells` counts its houses."""

    shape: Polygon
    floors: int
    stairwells: int


def _spans(parcel: Any, low: float, high: float) -> list[tuple[float, float]]:
    """Stretches of x for which the whole strip low..high lies in the parcel (tried at three heights)."""
    west, _, east, _ = parcel.bounds
    kept: list[tuple[float, float]] | None = None
    for y in (low, (low + high) / 2, high):
        cut = shapely.intersection(parcel, LineString([(west - 1, y), (east + 1, y)]))
        found = [(p.bounds[0], p.bounds[2]) for p in shapely.get_parts(cut) if p.length > 5.0]
        if kept is None:
            kept = found
        else:
            kept = [(max(a, c), min(b, d)) for a, b in kept for c, d in found if min(b, d) - max(a, c) > 5.0]
    return kept or []


def _turned(parcel: Any, angle: float) -> tuple[Any, Any]:
    origin = parcel.centroid
    return affinity.rotate(parcel, -angle, origin=origin, use_radians=True), origin


def _back(shape: Any, angle: float, origin: Any) -> Any:
    return affinity.rotate(shape, angle, origin=origin, use_radians=True)


def slab_rows(parcel: Any, angle: float, rng: np.random.Generator) -> list[Footprint]:
    """Rows of slab blocks facing south: 4 to 7 floors, 2 to 6 stairwells."""
    flat, origin = _turned(parcel, angle)
    floors = int(rng.choice([4, 5, 6, 6, 7], p=[0.12, 0.2, 0.4, 0.16, 0.12]))
    depth, pitch = rng.uniform(11.5, 13.5), rng.uniform(33.0, 40.0)
    found: list[Footprint] = []
    y = flat.bounds[1] + rng.uniform(0.5, 5.0)
    while y + depth < flat.bounds[3]:
        for west, east in _spans(flat, y, y + depth):
            found += _slabs_along(flat, (west, east), (y, depth), floors, rng)
        y += pitch
    return [Footprint(_back(f.shape, angle, origin), f.floors, f.stairwells) for f in found]


def _slabs_along(
    flat: Any, span: tuple[float, float], row: tuple[float, float], floors: int, rng: np.random.Generator
) -> list[Footprint]:
    at, east = span[0] + rng.uniform(0.0, 4.0), span[1]
    found = []
    while east - at > 2 * _STAIRWELL_M:
        most = min(int((east - at) // _STAIRWELL_M), 6)
        wells = most if most <= 4 and rng.random() < 0.75 else int(rng.integers(2, most + 1))
        low = row[0] + rng.uniform(-0.8, 0.8)
        shape = box(at, low, at + wells * _STAIRWELL_M, low + row[1])
        # One in fourteen places stays open: a court, a playground, a boiler house that went.
        if rng.random() > 0.07 and flat.contains(shape):
            if wells >= 3 and rng.random() < 0.13:
                wing = box(at, low - 13.0, at + row[1], low + 1.0)
                shape = shapely.union(shape, wing) if flat.contains(wing) else shape
            found.append(Footprint(shape, floors + int(rng.random() < 0.12), wells))
        at += wells * _STAIRWELL_M + rng.uniform(9.0, 16.0)
    return found


def bungalow_rows(parcel: Any, angle: float, rng: np.random.Generator, *, density: float) -> list[Footprint]:
    """Rows of small houses with yards; `density` in 0..1 says how closely they stand."""
    flat, origin = _turned(parcel, angle + rng.normal(0.0, 0.05))
    pitch = rng.uniform(21.0, 25.0) + 9.0 * (1.0 - density)
    found: list[Footprint] = []
    y = flat.bounds[1] + rng.uniform(0.0, 6.0)
    while y + 8.0 < flat.bounds[3]:
        for west, east in _spans(flat, y - 1.0, y + 8.5):
            at = west + rng.uniform(0.0, 7.0)
            while east - at > 11.0:
                houses = int(rng.choice([1, 2, 2, 3, 4]))
                width, depth = rng.uniform(8.2, 11.0), rng.uniform(6.4, 8.2)
                low = y + rng.uniform(-1.0, 1.4)
                shape = box(at, low, at + houses * width, low + depth)
                if rng.random() < 0.55 + 0.38 * density and flat.contains(shape):
                    found.append(Footprint(shape, 1, houses))
                at += houses * width + rng.uniform(4.0, 12.0)
        y += pitch + rng.uniform(-1.5, 1.5)
    turned = float(rng.normal(0.0, 0.01)) + angle
    kept = [Footprint(_back(f.shape, turned, origin), 1, f.stairwells) for f in found]
    return [f for f in kept if parcel.contains(f.shape)]


def cut_off(parcel: Any, area: float, rng: np.random.Generator, *, gap: float = 6.0) -> tuple[Any, Any]:
    """Cut a lot of about `area` square metres from one end of a parcel; return (lot, rest)."""
    frame = shapely.minimum_rotated_rectangle(parcel)
    ring = shapely.get_coordinates(frame)
    sides = np.diff(ring, axis=0)
    long_side = sides[int(np.argmax(np.hypot(sides[:, 0], sides[:, 1])))]
    angle = math.atan2(long_side[1], long_side[0]) + (math.pi if rng.random() < 0.5 else 0.0)
    flat, origin = _turned(parcel, angle)
    west, south, east, north = flat.bounds
    share = area / parcel.area
    if share > 0.72:
        return parcel, Polygon()
    cut = west + (east - west) * share
    left = shapely.intersection(flat, box(west - 1, south - 1, cut, north + 1))
    right = shapely.intersection(flat, box(cut + gap, south - 1, east + 1, north + 1))
    return _back(_largest(left), angle, origin), _back(_largest(right), angle, origin)


def _largest(shape: Any) -> Any:
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return max(parts, key=lambda p: p.area) if parts else Polygon()


# Layouts in the unit square of a yard: west, south, east, north.
_LAYOUTS: dict[str, tuple[tuple[tuple[float, float, float, float], ...], int]] = {
    "school": (((0.05, 0.78, 0.95, 0.95), (0.05, 0.42, 0.19, 0.78), (0.62, 0.48, 0.95, 0.62)), 4),
    "hospital": (((0.08, 0.72, 0.92, 0.92), (0.40, 0.38, 0.60, 0.72), (0.08, 0.18, 0.92, 0.38)), 6),
    "market": (((0.08, 0.40, 0.92, 0.94), (0.08, 0.08, 0.50, 0.26)), 2),
    "works": (
        ((0.05, 0.70, 0.62, 0.92), (0.05, 0.40, 0.62, 0.60), (0.72, 0.12, 0.94, 0.92), (0.05, 0.08, 0.40, 0.26)),
        1,
    ),
    "office": (((0.10, 0.66, 0.90, 0.90), (0.10, 0.30, 0.28, 0.66)), 5),
    "heat": (((0.10, 0.50, 0.60, 0.90), (0.70, 0.56, 0.90, 0.86), (0.10, 0.10, 0.40, 0.34)), 2),
    "care": (((0.10, 0.64, 0.90, 0.88), (0.66, 0.20, 0.90, 0.64)), 4),
    "shop": (((0.10, 0.45, 0.90, 0.90),), 3),
    "station": (((0.06, 0.42, 0.94, 0.80),), 2),
}


def institution(lot: Any, angle: float, layout: str) -> list[Footprint]:
    """Lay the buildings of an institution out in the largest upright yard its lot holds."""
    flat, origin = _turned(lot, angle)
    west, south, east, north = flat.bounds
    middle = flat.representative_point() if not flat.contains(flat.centroid) else flat.centroid
    for share in np.arange(0.98, 0.2, -0.04):
        half_x, half_y = (east - west) / 2 * share, (north - south) / 2 * share
        yard = box(middle.x - half_x, middle.y - half_y, middle.x + half_x, middle.y + half_y)
        if flat.contains(yard):
            break
    boxes, floors = _LAYOUTS[layout]
    x0, y0, x1, y1 = yard.bounds
    rects = [
        box(x0 + a * (x1 - x0), y0 + b * (y1 - y0), x0 + c * (x1 - x0), y0 + d * (y1 - y0)) for a, b, c, d in boxes
    ]
    joined = shapely.get_parts(shapely.union_all(rects))
    return [Footprint(_back(p, angle, origin), floors, 0) for p in joined if p.area > 40.0]
