"""Vertices of polygons drawn apart brought together: none moves further than the tolerance, none moves twice.

The declared extent stands still. A vertex near one of its corners goes there, one near its edge goes
to the foot on it, the rest gather on the first of them in reading order. Then every edge that passes
a vertex within the tolerance is led through it, so that a T-junction is a node on both sides.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geo.model import Geometry

__all__ = ["Moved", "lead_through", "snap_vertices"]

FloatArray = NDArray[np.float64]
# Closer than this (metres) two places are one: far below the lattice step of 0.1 mm.
_SAME_M = 1e-6


@dataclass(frozen=True, slots=True)
class Moved:
    """Shapes with vertices snapped, and each distinct vertex before and after, in metres."""

    shapes: NDArray[np.object_]
    before: FloatArray
    after: FloatArray

    def distances(self) -> FloatArray:
        """Return how far each distinct vertex went, in metres."""
        return np.asarray(np.hypot(*(self.after - self.before).T), dtype=np.float64)


def snap_vertices(plane: NDArray[np.object_], extent: Geometry | None, *, tolerance_m: float) -> Moved:
    """Bring vertices within the tolerance together.

    Parameters
    ----------
    plane : ndarray of polygons
        In metres.
    extent : Polygon or MultiPolygon or None
        In metres; its vertices and edges attract and stay.
    tolerance_m : float
        No vertex goes further.
    """
    points = shapely.get_coordinates(plane)
    before, place = np.unique(points, axis=0, return_inverse=True)
    after, fixed = before.copy(), np.zeros(len(before), dtype=bool)
    on_edge = np.empty(0, dtype=np.int64)
    if extent is not None:
        fixed = _to_corners(before, after, extent, tolerance_m)
        on_edge = _to_edges(before, after, extent, np.flatnonzero(~fixed), tolerance_m)
    loose = np.setdiff1d(np.flatnonzero(~fixed), on_edge)
    _gather(before, after, np.concatenate([on_edge, loose]), tolerance_m)
    return Moved(shapely.set_coordinates(plane.copy(), after[place.ravel()]), before, after)


def _to_corners(before: FloatArray, after: FloatArray, extent: Geometry, reach: float) -> NDArray[np.bool_]:
    corners = shapely.get_coordinates(extent)
    near, corner = shapely.STRtree(shapely.points(corners)).query_nearest(
        shapely.points(before), max_distance=reach, all_matches=False
    )
    after[near] = corners[corner]
    fixed = np.zeros(len(before), dtype=bool)
    fixed[near] = True
    return fixed


def _to_edges(
    before: FloatArray, after: FloatArray, extent: Geometry, rest: NDArray[np.int64], reach: float
) -> NDArray[np.int64]:
    edges = shapely.linestrings(_segments(shapely.get_rings(shapely.get_parts(extent))))
    spots = shapely.points(before[rest])
    near, edge = shapely.STRtree(edges).query_nearest(spots, max_distance=reach, all_matches=False)
    along = shapely.line_locate_point(edges[edge], spots[near])
    after[rest[near]] = shapely.get_coordinates(shapely.line_interpolate_point(edges[edge], along))
    return np.asarray(rest[near], dtype=np.int64)


def _segments(rings: NDArray[np.object_]) -> FloatArray:
    """Return the (n, 2, 2) segments of rings."""
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inner = ring[1:] == ring[:-1]
    return np.stack([points[:-1][inner], points[1:][inner]], axis=1)


def _gather(before: FloatArray, after: FloatArray, order: NDArray[np.int64], reach: float) -> None:
    """Let each vertex in turn draw the free ones within reach to itself; feet on the extent come first."""
    places = after[order]
    first, second = shapely.STRtree(shapely.points(places)).query(
        shapely.points(places), predicate="dwithin", distance=reach
    )
    near: dict[int, list[int]] = defaultdict(list)
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        near[a].append(b)
    free = np.ones(len(order), dtype=bool)
    for k in range(len(order)):
        if not free[k]:
            continue
        free[k] = False
        for n in near[k]:
            # Measured from where the vertex was drawn, so that a foot on the extent is not a second move.
            if free[n] and np.hypot(*(before[order[n]] - places[k])) <= reach:
                free[n] = False
                after[order[n]] = places[k]


def lead_through(shapes: NDArray[np.object_], *, tolerance_m: float) -> NDArray[np.object_]:
    """Return polygons whose edges pass through every vertex that lies within the tolerance of them.

    No vertex moves; an edge bends by no more than the tolerance.
    """
    vertices = np.unique(shapely.get_coordinates(shapes), axis=0)
    tree = shapely.STRtree(shapely.points(vertices))
    return np.array([_led(shape, vertices, tree, tolerance_m) for shape in shapes], dtype=object)


def _led(shape: Geometry, vertices: FloatArray, tree: shapely.STRtree, reach: float) -> Geometry:
    parts = []
    for part in shapely.get_parts(shape):
        rings = [_led_ring(shapely.get_coordinates(r), vertices, tree, reach) for r in shapely.get_rings(part)]
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _led_ring(ring: FloatArray, vertices: FloatArray, tree: shapely.STRtree, reach: float) -> FloatArray:
    ring = ring[np.append(True, np.hypot(*np.diff(ring, axis=0).T) > _SAME_M)]
    if len(ring) < 4:  # noqa: PLR2004 - collapsed: a triangle needs four coordinates
        return np.repeat(ring[:1], 4, axis=0)
    segments = np.stack([ring[:-1], ring[1:]], axis=1)
    segment, vertex = tree.query(shapely.linestrings(segments), predicate="dwithin", distance=reach)
    start, step = segments[segment, 0], segments[segment, 1] - segments[segment, 0]
    length2 = (step**2).sum(axis=1)
    along = ((vertices[vertex] - start) * step).sum(axis=1) / length2
    margin = _SAME_M / np.sqrt(length2)
    inner = (along > margin) & (along < 1 - margin)
    # A vertex so near an end that the edge would double back belongs to that end's own snapping.
    ends = np.minimum(
        np.hypot(*(vertices[vertex] - segments[segment, 0]).T), np.hypot(*(vertices[vertex] - segments[segment, 1]).T)
    )
    inner &= ends > _SAME_M
    segment, vertex, along = segment[inner], vertex[inner], along[inner]
    order = np.lexsort((along, segment))
    return np.insert(ring, segment[order] + 1, vertices[vertex[order]], axis=0)
