"""Bulk look-up in numpy: one table look-up a point, exact work for the few in cells on boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.locate.edges import OUTSIDE
from geo.locate.lattice import LOWER_INSIDE, UPPER_INSIDE
from geo.predicates import orientation

if TYPE_CHECKING:
    from geo.locate.cells import Cells
    from geo.locate.fabric import Fabric, Points
    from geo.locate.lattice import Lattice

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


def place_points(fabric: Fabric[Cells], points: Points) -> None:
    """Write the position of the grid that holds each point, and whether it lies on an edge."""
    for start in range(0, len(points.x), _BLOCK):
        block = points.part(slice(start, start + _BLOCK))
        look_up(fabric.lattice, fabric.held.table, block)
        rows = np.flatnonzero(block.out < OUTSIDE)
        if rows.size:
            _settle(fabric, block, rows)


def look_up(lattice: Lattice, table: IntArray, points: Points) -> None:
    """Write each point's table entry; points off the lattice, NaN and infinite ones get that of an empty cell."""
    size = min(_PASS, len(points.x))
    u, v, cell = np.empty(size), np.empty(size), np.empty(size, dtype=np.intp)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(points.x), size):
            some = points.part(slice(start, start + size))
            n = len(some.x)
            _cell_numbers(lattice, some, u=u[:n], v=v[:n], cell=cell[:n])
            np.take(table, cell[:n], out=some.out, mode="clip")


def _cell_numbers(lattice: Lattice, points: Points, *, u: FloatArray, v: FloatArray, cell: NDArray[np.intp]) -> None:
    np.subtract(points.x, lattice.x0, out=u)
    np.multiply(u, lattice.per_x, out=u)
    np.subtract(points.y, lattice.y0, out=v)
    np.multiply(v, lattice.per_y, out=v)
    # A NaN makes these comparisons false too.
    if not (u.min() >= 0.0 and v.min() >= 0.0 and u.max() < lattice.columns and v.max() < lattice.rows):
        off = ~((u >= 0.0) & (v >= 0.0) & (u < lattice.columns) & (v < lattice.rows))
        u[off] = 0.0  # the south-west cell is always empty
        v[off] = 0.0
    np.floor(v, out=v)
    np.multiply(v, lattice.columns, out=v)
    np.add(u, v, out=u)
    np.copyto(cell, u, casting="unsafe")


def _settle(fabric: Fabric[Cells], points: Points, rows: NDArray[np.intp]) -> None:
    number = -2 - points.out[rows]
    edges = len(fabric.held.record)
    one = number < edges
    if one.any():
        _settle_simple(fabric, points, rows=rows[one], edge=number[one])
    if not one.all():
        many = ~one
        _settle_others(fabric, points, rows=rows[many], number=number[many] - np.int32(edges))


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
    ax, ay, bx, by = ends[open_cases, :4].T
    sign = orientation(ax, ay, bx, by, x[open_cases], y[open_cases])
    left[open_cases] = sign > 0
    return left, open_cases[sign == 0]


def _settle_simple(fabric: Fabric[Cells], points: Points, *, rows: NDArray[np.intp], edge: IntArray) -> None:
    """Settle points in cells cut through by one edge: it has two sides."""
    record = np.take(fabric.held.record, edge, axis=0)
    west, touching = sides(record, points.x[rows], points.y[rows])
    found = np.where(west, record[:, 4], record[:, 5]).astype(np.int32)
    if touching.size:
        found[touching] = np.where(found[touching] == OUTSIDE, record[touching, 4], found[touching])
        if points.boundary is not None:
            points.boundary[rows[touching]] = True
    points.out[rows] = found


def _settle_others(fabric: Fabric[Cells], points: Points, *, rows: NDArray[np.intp], number: IntArray) -> None:
    """Settle points in cells with ends of edges or several of them, by the sum over the cell's edges."""
    cells = fabric.held
    first, count, base = np.take(cells.mixed, number, axis=0).T
    owner = np.repeat(np.arange(len(rows)), count)
    runs = np.cumsum(count) - count
    code = cells.code[(first - runs)[owner] + np.arange(len(owner))]
    record, x, y = np.take(cells.record, code >> 2, axis=0), points.x[rows][owner], points.y[rows][owner]
    west, touching = sides(record, x, y)
    west &= ((code & LOWER_INSIDE) == 0) | (record[:, 1] <= y)
    west &= ((code & UPPER_INSIDE) == 0) | (y < record[:, 3])
    left, right = record[:, 4].astype(np.int32), record[:, 5].astype(np.int32)
    found = base + np.add.reduceat(np.where(west, left - right, 0), runs, dtype=np.int32)
    on_it = touching[between(record[touching, :4], x[touching], y[touching])]
    if on_it.size:
        close_outer_boundary(found, owner=owner[on_it], left=left[on_it], right=right[on_it])
        if points.boundary is not None:
            points.boundary[rows[owner[on_it]]] = True
    points.out[rows] = found


def between(ends: FloatArray, x: FloatArray, y: FloatArray) -> BoolArray:
    """Tell which points on the line of an edge lie between its ends (ends included)."""
    x1, y1, x2, y2 = ends.T
    within = (y1 <= y) & (y <= y2) & (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2))
    return np.asarray(within, dtype=bool)


def close_outer_boundary(found: IntArray, *, owner: NDArray[np.intp], left: IntArray, right: IntArray) -> None:
    """Give points on an edge that no grid holds to the lowest position whose closed polygon does."""
    top = np.iinfo(np.int32).max
    best = np.minimum(np.where(left == OUTSIDE, top, left), np.where(right == OUTSIDE, top, right))
    lonely = found[owner] == OUTSIDE
    owner, best = owner[lonely], best[lonely].astype(np.int32)
    found[owner] = top
    np.minimum.at(found, owner, best)
