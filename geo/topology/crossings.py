"""Rings that cross themselves: counted first, located, and read by their winding number.

Repairing a tangled ring by general overlay can take minutes, so crossings are counted with a spatial index and
early exit before anything else is done, and a polygon above the limit is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import HostileFile, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.model import Geometry
    from geo.settings import Limits

__all__ = ["count_crossings", "covers_points", "crossing_places", "require_bounded", "resolve"]

FloatArray = NDArray[np.float64]

# Pairs of segments looked at in one go: bounds memory to some tens of megabytes.
_PAIRS: Final = 1_000_000
_LARGE: Final = 20_000


def require_bounded(shapes: NDArray[np.object_], names: Sequence[str], limits: Limits) -> None:
    """Refuse polygons above the stated limits of vertices, holes and self-crossings.

    Raises
    ------
    HostileFile
        Names the polygon and the limit it passed.
    """
    vertices, holes = shapely.get_num_coordinates(shapes), _hole_counts(shapes)
    _require(vertices.max(initial=0) <= limits.polygon_vertices, names, vertices, limits.polygon_vertices, "vertices")
    _require(holes.max(initial=0) <= limits.polygon_holes, names, holes, limits.polygon_holes, "holes")
    if vertices.sum() > limits.vertices:
        raise HostileFile(
            f"{int(vertices.sum())} vertices in all, {limits.vertices} are allowed", code="too-many-vertices"
        )
    # Asking whether a huge tangle is valid takes seconds already: large polygons are counted unasked.
    large = vertices > _LARGE
    suspect = large.copy()
    suspect[~large] = ~shapely.is_valid(shapes[~large]) & ~shapely.is_missing(shapes[~large])
    for i in np.flatnonzero(suspect).tolist():
        found = count_crossings(shapes[i], stop_above=limits.polygon_crossings)
        if found > limits.polygon_crossings:
            raise HostileFile(
                f"the boundary crosses itself more than {limits.polygon_crossings} times",
                code="too-many-crossings",
                where=Where(feature=names[i]),
                remedy="redraw this polygon",
            )


def _hole_counts(shapes: NDArray[np.object_]) -> NDArray[np.int64]:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return np.bincount(owner, weights=shapely.get_num_interior_rings(parts), minlength=len(shapes)).astype(np.int64)


def _require(fine: bool, names: Sequence[str], counts: NDArray[np.int64], limit: int, what: str) -> None:  # noqa: FBT001
    if not fine:
        worst = int(np.argmax(counts))
        raise HostileFile(
            f"{int(counts[worst])} {what} in one polygon, {limit} are allowed",
            code=f"too-many-{what}",
            where=Where(feature=names[worst]),
            remedy="simplify or split the polygon in the program it came from",
        )


def _segments(shape: Geometry) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return starts, ends and ring numbers of all segments that have a length."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inner = (ring[1:] == ring[:-1]) & (points[1:] != points[:-1]).any(axis=1)
    return points[:-1][inner], points[1:][inner], ring[1:][inner]


def count_crossings(shape: Geometry, *, stop_above: int) -> int:
    """Count pairs of segments of one polygon that cross properly, giving up once above `stop_above`."""
    start, end, _ = _segments(shape)
    tree = shapely.STRtree(shapely.linestrings(np.stack([start, end], axis=1)))
    boxes = shapely.box(
        np.minimum(start, end)[:, 0],
        np.minimum(start, end)[:, 1],
        np.maximum(start, end)[:, 0],
        np.maximum(start, end)[:, 1],
    )
    found, done, block = 0, 0, max(1, _PAIRS // max(len(start), 1))
    while done < len(start) and found <= 2 * stop_above:
        first, second = tree.query(boxes[done : done + block])
        first = first + done
        found += int(_cross(start[first], end[first], start[second], end[second]).sum())
        done += block
        block *= 2 if len(first) < _PAIRS // 4 else 1
    return found // 2 if done >= len(start) else found


def _side(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    return np.sign((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


def _cross(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> NDArray[np.bool_]:
    return np.asarray((_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0))


def crossing_places(shape: Geometry) -> tuple[FloatArray, NDArray[np.object_]]:
    """Return the (k, 2) places where the rings of one polygon meet themselves, and the faces they enclose.

    The polygon must have passed `require_bounded`.
    """
    lines = shapely.node(shapely.multilinestrings(shapely.get_rings(shapely.get_parts(shape))))
    pieces = shapely.get_parts(lines)
    faces = shapely.get_parts(shapely.polygonize(pieces))
    points, piece = shapely.get_coordinates(pieces, return_index=True)
    is_end = np.append(piece[1:] != piece[:-1], True) | np.insert(piece[1:] != piece[:-1], 0, True)
    places, degree = np.unique(points[is_end], axis=0, return_counts=True)
    return places[degree > 2], faces  # noqa: PLR2004 - two ends meet in a plain vertex


def covers_points(shape: Geometry, points: FloatArray) -> NDArray[np.bool_]:
    """Say which points a possibly tangled polygon covers: wound around by its shell, by none of its holes.

    Winding numbers, unlike the even-odd rule, keep ground inside that a curling outline goes around twice.
    """
    covered = np.zeros(len(points), bool)
    for part in shapely.get_parts(shape):
        rings = shapely.get_rings(part)
        own = _winds(rings[0], points)
        for hole in rings[1:]:
            own &= ~_winds(hole, points)
        covered |= own
    return covered


def _winds(ring: Geometry, points: FloatArray) -> NDArray[np.bool_]:
    vertices = shapely.get_coordinates(ring)
    a, b = vertices[:-1], vertices[1:]
    wound = np.zeros(len(points), np.int64)
    for i, (x, y) in enumerate(points):
        side = (b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])
        up = (a[:, 1] <= y) & (b[:, 1] > y) & (side > 0)
        down = (a[:, 1] > y) & (b[:, 1] <= y) & (side < 0)
        wound[i] = int(up.sum()) - int(down.sum())
    return np.asarray(wound != 0)


def resolve(shape: Geometry) -> Geometry:
    """Return the ground a tangled polygon covers, as a valid geometry; used to look, never to store."""
    _, faces = crossing_places(shape)
    if not len(faces):
        return shapely.MultiPolygon()
    inside = covers_points(shape, shapely.get_coordinates(shapely.point_on_surface(faces)))
    return shapely.union_all(faces[inside])
