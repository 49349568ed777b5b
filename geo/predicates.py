"""Exact predicates: on which side of a line a point lies, and which polygon holds it.

Coordinates are float64 and are taken for the binary rationals they are; there is no tolerance. A point
(x, y) is inside a polygon where the number of its edges with ``(y1 > y) != (y2 > y)`` and ``x < x of the
edge at y`` is odd. Of polygons that tile the plane exactly one holds any point under this rule.

The sign of the orientation determinant is found in three steps, each for the cases the former left open:

1. the float determinant against Shewchuk's static error bound;
2. where the four differences are exact (always so for coordinates within a factor of two of each other, by
   Sterbenz's lemma), the two products are compared as unevaluated sums high + low: rounding is monotonic, so
   unequal high parts decide, and equal high parts leave the comparison to the low parts;
3. rational arithmetic.

References
----------
J. R. Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates",
Discrete & Computational Geometry 18 (1997) 305-363.
T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18
(1971) 224-242.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "contains_exact",
    "on_boundary_exact",
    "orientation",
    "orientation_of",
    "ring_crossings",
]

FloatArray = NDArray[np.float64]
SignArray = NDArray[np.int8]
BoolArray = NDArray[np.bool_]

_EPSILON: Final = 2.0**-53
_ERROR_BOUND: Final = (3.0 + 16.0 * _EPSILON) * _EPSILON
# Below this sum of products an underflow may have eaten digits, and the bound no longer holds.
_SMALL: Final = 1e-280
# Factors in this range multiply and split without underflow or overflow.
_SAFE_LOW: Final = 1e-140
_SAFE_HIGH: Final = 1e140
_SPLITTER: Final = 2.0**27 + 1.0


def orientation_of(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    """Return the exact side of the line a → b on which one point lies.

    Parameters
    ----------
    ax, ay, bx, by, px, py : float
        Finite coordinates in any plane.

    Returns
    -------
    int
        1 left of a → b, −1 right of it, 0 on the line.
    """
    left = (ax - px) * (by - py)
    right = (ay - py) * (bx - px)
    det = left - right
    size = abs(left) + abs(right)
    if _SMALL < size < _SAFE_HIGH and abs(det) > _ERROR_BOUND * size:
        return 1 if det > 0.0 else -1
    return _rational_sign(ax, ay, bx, by, px, py)


def _rational_sign(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    x, y = Fraction(px), Fraction(py)
    det = (Fraction(ax) - x) * (Fraction(by) - y) - (Fraction(ay) - y) * (Fraction(bx) - x)
    return (det > 0) - (det < 0)


def orientation(ax: ArrayLike, ay: ArrayLike, bx: ArrayLike, by: ArrayLike, px: ArrayLike, py: ArrayLike) -> SignArray:
    """Return the exact sides of the lines a → b on which points lie.

    Parameters
    ----------
    ax, ay, bx, by, px, py : array-like of float64
        Finite coordinates in any plane; they are broadcast together.

    Returns
    -------
    ndarray of int8
        1 left of a → b, −1 right of it, 0 on the line, in the broadcast shape.
    """
    columns = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (ax, ay, bx, by, px, py)))
    x1, y1, x2, y2, x, y = columns
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        left = (x1 - x) * (y2 - y)
        right = (y1 - y) * (x2 - x)
        det = left - right
        size = np.abs(left) + np.abs(right)
        open_cases = ~((np.abs(det) > _ERROR_BOUND * size) & (size > _SMALL) & (size < _SAFE_HIGH))
        sign = _signs(det)
    if open_cases.any():
        sign[open_cases] = _exact_sign(*(c[open_cases] for c in columns))
    return sign


def _signs(det: FloatArray) -> SignArray:
    return (det > 0.0).astype(np.int8) - (det < 0.0).astype(np.int8)


def _exact_sign(
    ax: FloatArray, ay: FloatArray, bx: FloatArray, by: FloatArray, px: FloatArray, py: FloatArray
) -> SignArray:
    """Decide what the error bound left open: by exact products, else by rationals."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        dx1, dy1, dx2, dy2 = ax - px, ay - py, bx - px, by - py
        exact = np.ones(dx1.shape, dtype=bool)
        for minuend, subtrahend, difference in ((ax, px, dx1), (ay, py, dy1), (bx, px, dx2), (by, py, dy2)):
            exact &= _tail_of_difference(minuend, subtrahend, difference) == 0.0
            magnitude = np.abs(difference)
            exact &= (magnitude == 0.0) | ((magnitude > _SAFE_LOW) & (magnitude < _SAFE_HIGH))
        high1, high2 = dx1 * dy2, dy1 * dx2
        low1, low2 = _tail_of_product(dx1, dy2, high1), _tail_of_product(dy1, dx2, high2)
        sign = np.where(high1 == high2, _signs(low1 - low2), _signs(high1 - high2)).astype(np.int8)
    for i in np.flatnonzero(~exact):
        sign[i] = _rational_sign(*(float(c[i]) for c in (ax, ay, bx, by, px, py)))
    return sign


def _tail_of_difference(a: FloatArray, b: FloatArray, difference: FloatArray) -> FloatArray:
    """Return the rounding error of ``a - b`` (Knuth's two-sum)."""
    b_virtual = a - difference
    a_virtual = difference + b_virtual
    return (b_virtual - b) + (a - a_virtual)


def _tail_of_product(a: FloatArray, b: FloatArray, product: FloatArray) -> FloatArray:
    """Return the rounding error of ``a * b`` (Dekker's two-product with Veltkamp's split)."""
    scaled_a, scaled_b = _SPLITTER * a, _SPLITTER * b
    a_high, b_high = scaled_a - (scaled_a - a), scaled_b - (scaled_b - b)
    a_low, b_low = a - a_high, b - b_high
    rest = ((product - a_high * b_high) - a_low * b_high) - a_high * b_low
    return a_low * b_low - rest


def ring_crossings(ring: ArrayLike, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
    """Count the edges of a ring that lie east of each point under the semi-open rule.

    Parameters
    ----------
    ring : array-like of float64, shape (n, 2)
        Vertices in any plane, closed (the first repeated at the end) or not.
    x, y : array-like of float64, shape (m,)
        Points in the same plane.

    Returns
    -------
    ndarray of int64, shape (m,)
        Number of edges with ``(y1 > y) != (y2 > y)`` and ``x < x of the edge at y``, exactly.
    """
    east, north = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    count = np.zeros(east.shape, dtype=np.int64)
    for x1, y1, x2, y2 in _edges(ring):
        low_first = y1 <= y2
        ax, ay, bx, by = (x1, y1, x2, y2) if low_first else (x2, y2, x1, y1)
        rows = np.flatnonzero((ay <= north) & (north < by))
        if rows.size:
            count[rows] += orientation(ax, ay, bx, by, east[rows], north[rows]) > 0
    return count


def _edges(ring: ArrayLike) -> FloatArray:
    vertices = np.asarray(ring, dtype=np.float64)[:, :2]
    if not np.array_equal(vertices[0], vertices[-1]):
        vertices = np.vstack([vertices, vertices[:1]])
    return np.hstack([vertices[:-1], vertices[1:]])


def contains_exact(polygon_rings: Iterable[ArrayLike], x: ArrayLike, y: ArrayLike) -> BoolArray:
    """Tell which points a polygon holds under the semi-open rule, exactly.

    Parameters
    ----------
    polygon_rings : iterable of array-like, each of shape (n, 2)
        All rings of the polygon or multipolygon, shells and holes alike.
    x, y : array-like of float64, shape (m,)
        Points in the plane of the rings; NaN and infinity are in no polygon.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    east, north = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    good = np.isfinite(east) & np.isfinite(north)
    crossings = np.zeros(int(good.sum()), dtype=np.int64)
    for ring in polygon_rings:
        crossings += ring_crossings(ring, east[good], north[good])
    inside = np.zeros(east.shape, dtype=bool)
    inside[good] = crossings % 2 == 1
    return inside


def on_boundary_exact(polygon_rings: Iterable[ArrayLike], x: ArrayLike, y: ArrayLike) -> BoolArray:
    """Tell which points lie exactly on a ring of a polygon.

    Parameters
    ----------
    polygon_rings : iterable of array-like, each of shape (n, 2)
        All rings of the polygon or multipolygon.
    x, y : array-like of float64, shape (m,)
        Points in the plane of the rings.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    east, north = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    found = np.zeros(east.shape, dtype=bool)
    for ring in polygon_rings:
        for x1, y1, x2, y2 in _edges(ring):
            near = (east >= min(x1, x2)) & (east <= max(x1, x2)) & (north >= min(y1, y2)) & (north <= max(y1, y2))
            rows = np.flatnonzero(near & ~found)
            if rows.size:
                found[rows] = orientation(x1, y1, x2, y2, east[rows], north[rows]) == 0
    return found
