"""What is refused at the door of a coverage, each with a typed finding."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.errors import CoverageBroken
from geo.model import Finding, FindingCode, Geometry
from geo.topology.chains import Chains, Lattice, signed_area2
from geo.topology.words import make_finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "NARROW_GAP_M",
    "BrokenCoverage",
    "close_slits",
    "narrow_gaps",
    "place_of",
    "require_unshared",
    "require_valid",
    "usable",
]

METRES_PER_DEGREE = 111_320.0
NARROW_GAP_M = 1.0
_FURTHEST = np.array([180.0, 90.0])
_PLACE = re.compile(r"\[(-?[\d.eE+-]+) (-?[\d.eE+-]+)\]")


class BrokenCoverage(CoverageBroken):
    """Polygons that form no coverage; `findings` says where and why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        first = self.findings[0]
        super().__init__(
            f"{first.message} ({first.code}, {first.lon:.9f} {first.lat:.9f}; {len(self.findings)} in all)",
            remedy="run check for the whole list, then repair",
        )


def usable(geometry: Geometry | None) -> bool:
    """Say whether a geometry is a non-empty polygon or multipolygon of finite degrees."""
    if not isinstance(geometry, (shapely.Polygon, shapely.MultiPolygon)) or geometry.is_empty:
        return False
    degrees = shapely.get_coordinates(geometry)
    return bool(np.isfinite(degrees).all() and (np.abs(degrees) <= _FURTHEST).all())


def require_valid(shapes: NDArray[np.object_], names: Sequence[str]) -> None:
    """Refuse empty and invalid polygons (`shapes` holds None for what is no usable polygon)."""
    empty = [
        make_finding(FindingCode.EMPTY, [n], at=(math.nan, math.nan))
        for n, s in zip(names, shapes, strict=True)
        if s is None
    ]
    bad = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)).tolist()
    crossing = [make_finding(FindingCode.SELF_CROSSING, [names[i]], at=place_of(shapes[i])) for i in bad]
    if empty or crossing:
        raise BrokenCoverage(empty + crossing)


def place_of(shape: Geometry) -> tuple[float, float]:
    """Return the place GEOS names as the reason why a geometry is invalid, else its first vertex."""
    found = _PLACE.search(shapely.is_valid_reason(shape))
    if found:
        return float(found.group(1)), float(found.group(2))
    lon, lat = shapely.get_coordinates(shape)[0].tolist()
    return lon, lat


def require_unshared(chains: Chains, names: Sequence[str]) -> None:
    """Refuse faces that walk the same segment the same way: they overlap beside it."""
    if len(chains.doubled):
        places = crs.from_lattice(chains.doubled_at).tolist()
        raise BrokenCoverage(
            [
                make_finding(FindingCode.OVERLAP, [names[a], names[b]], at=(lon, lat))
                for (a, b), (lon, lat) in zip(chains.doubled.tolist(), places, strict=True)
            ]
        )


def close_slits(extent: Geometry, *, width_m: float = NARROW_GAP_M) -> Geometry:
    """Return an extent (degrees) without the holes that are narrower than `width_m`; wider ones are land of others."""
    parts = []
    for part in shapely.get_parts(extent):
        wide = [ring for ring in part.interiors if not narrow_gaps([_lattice_ring(ring)], width_m=width_m)]
        parts.append(part if len(wide) == len(part.interiors) else shapely.Polygon(part.exterior, wide))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _lattice_ring(ring: Geometry) -> Lattice:
    points = crs.to_lattice(shapely.get_coordinates(ring)[:-1])
    return points if signed_area2(points) >= 0 else points[::-1]


def narrow_gaps(gaps: Sequence[Lattice], *, width_m: float) -> list[Finding]:
    """Return findings for enclosed gaps (rings, counter-clockwise) narrower than `width_m`.

    Widths are taken on a local plane (equal scale in both directions at the gap's latitude), which is exact enough
    to tell a sliver from the land between two towns, anywhere on the globe.
    """
    found = []
    for gap in gaps:
        degrees = crs.from_lattice(gap)
        shrink = math.cos(math.radians(float(degrees[0, 1])))
        area = abs(signed_area2(gap)) / 2 / crs.LATTICE_PER_DEGREE**2 * METRES_PER_DEGREE**2 * shrink
        steps = (np.roll(degrees, -1, axis=0) - degrees) * METRES_PER_DEGREE
        width = area / (float(np.hypot(steps[:, 0] * shrink, steps[:, 1]).sum()) / 2)
        if width < width_m:
            found.append(
                make_finding(FindingCode.GAP, [], at=(degrees[0, 0], degrees[0, 1]), size_m=width, area_m2=area)
            )
    return found
