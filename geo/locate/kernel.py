"""Bulk look-up in numpy: one table look-up a point, exact work for the few in cells on boundaries."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.locate.cells import Cells
from geo.locate.edges import OUTSIDE, EdgeTable
from geo.locate.lattice import LOWER_INSIDE, UPPER_INSIDE, Lattice
from geo.predicates import orientation

__all__ = ["between", "close_outer_boundary", "look_up", "place_points", "sides"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]

# Points of one pass over the table: the buffers stay in the second-level cache.
_PASS: Final = 16_384
# Points whose boundary cases are settled together.
_BLOCK: Final = 262_144
# Looser than `geo.predicates` needs, and cheaper: the differences of the ends are rounded once more here.
_ERROR_BOUND: Final = 8.0 * 2.0**-53
_SMALL: Final = 1e-280
_LARGE: Final = 1e280


def place_points(
    lattice: Lattice,
    cells: Cells,
    edges: EdgeTable,
    x: FloatArray,
    y: FloatArray,
    out: IntArray,
    boundary: BoolArray | None,
) -> None:
    """Write the position of the grid that holds each point.

    Parameters
    ----------
    lattice, cells, edges
        The index.
    x, y : ndarray of float64, shape (n,)
        Points; NaN and infinite ones are outside.
    out : ndarray of int32, shape (n,)
        Receives positions, −1 outside.
    boundary : ndarray of bool, shape (n,), or None
        Receives whether the point lies exactly on an edge; must be false on entry.
    """
    for start in range(0, len(x), _BLOCK):
        block = slice(start, start + _BLOCK)
        look_up(lattice, cells.table, x[block], y[block], out[block])
        rows = np.flatnonzero(out[block] < OUTSIDE) + start
        if rows.size:
            _settle(cells, edges, x, y, rows=rows, out=out, boundary=boundary)


def look_up(lattice: Lattice, table: IntArray, x: FloatArray, y: FloatArray, out: IntArray) -> None:
    """Write each point's table entry; points off the lattice, NaN and infinite ones get that of an empty cell."""
    with np.errstate(over="ignore", invalid="ignore"):
        _look_up(lattice, table, x, y, out)


def _look_up(lattice: Lattice, table: IntArray, x: FloatArray, y: FloatArray, out: IntArray) -> None:
    size = min(_PASS, len(x))
    u, v, cell = np.empty(size), np.empty(size), np.empty(size, dtype=np.intp)
    for start in range(0, len(x), size):
        n = min(size, len(x) - start)
        span = slice(start, start + n)
        a, b, c = u[:n], v[:n], cell[:n]
        np.subtract(x[span], lattice.x0, out=a)
        np.multiply(a, lattice.per_x, out=a)
        np.subtract(y[span], lattice.y0, out=b)
        np.multiply(b, lattice.per_y, out=b)
        inside = a.min() >= 0.0 and b.min() >= 0.0 and a.max() < lattice.columns and b.max() < lattice.rows
        if not inside:  # also where a NaN makes the comparisons false
            _keep_inside(lattice, a, b)
        np.floor(b, out=b)
        np.multiply(b, lattice.columns, out=b)
        np.add(a, b, out=a)
        np.copyto(c, a, casting="unsafe")
        np.take(table, c, out=out[span], mode="clip")


def _keep_inside(lattice: Lattice, u: FloatArray, v: FloatArray) -> None:
    """Send points off the lattice to its south-west cell, which is always empty."""
    good = (u >= 0.0) & (v >= 0.0) & (u < lattice.columns) & (v < lattice.rows)
    u[~good] = 0.0
    v[~good] = 0.0


def _settle(
    cells: Cells,
    edges: EdgeTable,
    x: FloatArray,
    y: FloatArray,
    *,
    rows: NDArray[np.intp],
    out: IntArray,
    boundary: BoolArray | None,
) -> None:
    number = -2 - out[rows]
    one = number < cells.simple
    if one.any():
        _settle_simple(cells, edges, x, y, rows=rows[one], number=number[one], out=out, boundary=boundary)
    if not one.all():
        many = ~one
        _settle_others(
            cells, edges, x, y, rows=rows[many], number=number[many] - cells.simple, out=out, boundary=boundary
        )


def sides(ends: FloatArray, x: FloatArray, y: FloatArray) -> tuple[BoolArray, NDArray[np.intp]]:
    """Return which points lie strictly left of their edges, and the rows of those exactly on the line."""
    x1, y1 = ends[:, 0] - x, ends[:, 1] - y
    x2, y2 = ends[:, 2] - x, ends[:, 3] - y
    x1 *= y2
    y1 *= x2
    det = x1 - y1
    np.abs(x1, out=x1)
    np.abs(y1, out=y1)
    x1 += y1
    left = det > 0.0
    np.abs(det, out=det)
    unsure = det <= _ERROR_BOUND * x1
    unsure |= ~((x1 > _SMALL) & (x1 < _LARGE))
    open_cases = np.flatnonzero(unsure)
    if not open_cases.size:
        return left, open_cases
    sign = orientation(*ends[open_cases].T, x[open_cases], y[open_cases])
    left[open_cases] = sign > 0
    return left, open_cases[sign == 0]


def _settle_simple(
    cells: Cells,
    edges: EdgeTable,
    x: FloatArray,
    y: FloatArray,
    *,
    rows: NDArray[np.intp],
    number: IntArray,
    out: IntArray,
    boundary: BoolArray | None,
) -> None:
    """Settle points in cells cut through by one edge: it has two sides."""
    edge = cells.code[number] >> 2
    left, touching = sides(np.take(edges.ends, edge, axis=0), x[rows], y[rows])
    found = np.where(left, edges.left[edge], edges.right[edge])
    if touching.size:
        found[touching] = np.where(found[touching] == OUTSIDE, edges.left[edge[touching]], found[touching])
        if boundary is not None:
            boundary[rows[touching]] = True
    out[rows] = found


def _settle_others(
    cells: Cells,
    edges: EdgeTable,
    x: FloatArray,
    y: FloatArray,
    *,
    rows: NDArray[np.intp],
    number: IntArray,
    out: IntArray,
    boundary: BoolArray | None,
) -> None:
    """Settle points in cells with ends of edges or several of them, by the sum over the cell's edges."""
    first = cells.start[number]
    count = cells.start[number + 1] - first
    owner = np.repeat(np.arange(len(rows)), count)
    runs = np.cumsum(count) - count
    code = cells.code[(first - runs)[owner] + np.arange(len(owner))]
    edge = code >> 2
    ends, px, py = np.take(edges.ends, edge, axis=0), x[rows][owner], y[rows][owner]
    left, touching = sides(ends, px, py)
    left &= ((code & LOWER_INSIDE) == 0) | (ends[:, 1] <= py)
    left &= ((code & UPPER_INSIDE) == 0) | (py < ends[:, 3])
    change = np.where(left, edges.left[edge] - edges.right[edge], 0)
    found = cells.base[number] + np.add.reduceat(change, runs, dtype=np.int32)
    if touching.size:
        on_it = touching[between(ends[touching], px[touching], py[touching])]
        close_outer_boundary(found, owner=owner[on_it], left=edges.left[edge[on_it]], right=edges.right[edge[on_it]])
        if boundary is not None:
            boundary[rows[owner[on_it]]] = True
    out[rows] = found


def between(ends: FloatArray, x: FloatArray, y: FloatArray) -> BoolArray:
    """Tell which points on the line of an edge lie between its ends (ends included)."""
    x1, y1, x2, y2 = ends.T
    return (y1 <= y) & (y <= y2) & (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2))


def close_outer_boundary(found: IntArray, *, owner: NDArray[np.intp], left: IntArray, right: IntArray) -> None:
    """Give points on an edge that no grid holds to the lowest position whose closed polygon does."""
    top = np.iinfo(np.int32).max
    best = np.minimum(np.where(left == OUTSIDE, top, left), np.where(right == OUTSIDE, top, right))
    lonely = found[owner] == OUTSIDE
    owner, best = owner[lonely], best[lonely].astype(np.int32)
    found[owner] = top
    np.minimum.at(found, owner, best)
