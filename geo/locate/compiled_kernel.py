# ruff: noqa: ANN001, ANN202 - numba infers the types, and its functions take plain arrays
"""Bulk look-up compiled by numba: the same answers as `geo.locate.kernel`, one point at a time.

Compiled once and cached beside the source. What the compiled arithmetic cannot decide exactly (differences
that round) is left to the numpy kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit

from geo.locate import kernel
from geo.locate.blocks import Blocks
from geo.locate.cells import Cells
from geo.locate.edges import EdgeTable
from geo.locate.fabric import Fabric, Points
from geo.locate.lattice import Lattice

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["place_points", "warm"]

_OUTSIDE: Final = -1
_LOWER: Final = 1
_UPPER: Final = 2
_UNDECIDED: Final = 2
_NOBODY: Final = 2**31 - 1
_ERROR_BOUND: Final = (3.0 + 16.0 * 2.0**-53) * 2.0**-53
_SMALL: Final = 1e-280
_SAFE_LOW: Final = 1e-140
_SAFE_HIGH: Final = 1e140
_SPLITTER: Final = 2.0**27 + 1.0
_BLOCK: Final = 2048
_SMALL_TABLE: Final = 2**18
_NO_FLAGS: Final = np.zeros(0, dtype=np.bool_)


@njit(inline="always")  # pragma: no cover - runs compiled
def _inexact(a, b, difference):  # type: ignore[no-untyped-def]
    """Tell whether a − b was rounded (Knuth's two-sum), or is out of the range in which products are safe."""
    b_virtual = a - difference
    a_virtual = difference + b_virtual
    if (b_virtual - b) + (a - a_virtual) != 0.0:
        return True
    size = abs(difference)
    return size != 0.0 and not _SAFE_LOW < size < _SAFE_HIGH


@njit(inline="always")  # pragma: no cover - runs compiled
def _tail(a, b, product):  # type: ignore[no-untyped-def]
    """Return the rounding error of a · b (Dekker's two-product)."""
    scaled_a, scaled_b = _SPLITTER * a, _SPLITTER * b
    a_high, b_high = scaled_a - (scaled_a - a), scaled_b - (scaled_b - b)
    a_low, b_low = a - a_high, b - b_high
    return a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


@njit  # pragma: no cover - runs compiled
def _exact_side(ax, ay, bx, by, px, py):  # type: ignore[no-untyped-def]
    dx1, dy1, dx2, dy2 = ax - px, ay - py, bx - px, by - py
    if _inexact(ax, px, dx1) or _inexact(ay, py, dy1) or _inexact(bx, px, dx2) or _inexact(by, py, dy2):
        return _UNDECIDED
    high1, high2 = dx1 * dy2, dy1 * dx2
    if high1 != high2:
        return 1 if high1 > high2 else -1
    low1, low2 = _tail(dx1, dy2, high1), _tail(dy1, dx2, high2)
    if low1 == low2:
        return 0
    return 1 if low1 > low2 else -1


@njit(inline="always")  # pragma: no cover - runs compiled
def _side(ax, ay, bx, by, px, py):  # type: ignore[no-untyped-def]
    """Return 1 left of a → b, −1 right of it, 0 on it, 2 where this arithmetic cannot say."""
    left = (ax - px) * (by - py)
    right = (ay - py) * (bx - px)
    det = left - right
    size = abs(left) + abs(right)
    if size > _SMALL and size < _SAFE_HIGH:
        if det > _ERROR_BOUND * size:
            return 1
        if -det > _ERROR_BOUND * size:
            return -1
    return _exact_side(ax, ay, bx, by, px, py)


@njit  # pragma: no cover - runs compiled
def _beside(ends, left, right, e, x, y):  # type: ignore[no-untyped-def]
    """Return (label, touching) in a cell cut through by one edge; touching is 2 where undecided."""
    side = _side(ends[e, 0], ends[e, 1], ends[e, 2], ends[e, 3], x, y)
    if side == _UNDECIDED:
        return _OUTSIDE, _UNDECIDED
    if side > 0 or (side == 0 and right[e] == _OUTSIDE):
        return left[e], 1 if side == 0 else 0
    return right[e], 1 if side == 0 else 0


@njit  # pragma: no cover - runs compiled
def _among(ends, left, right, code, first, past, label, x, y):  # type: ignore[no-untyped-def]
    """Return (label, touching) by the sum over a cell's edges."""
    touched = _NOBODY
    touching = 0
    for k in range(first, past):
        e = code[k] >> 2
        x1, y1, x2, y2 = ends[e, 0], ends[e, 1], ends[e, 2], ends[e, 3]
        side = _side(x1, y1, x2, y2, x, y)
        if side == _UNDECIDED:
            return _OUTSIDE, _UNDECIDED
        if side > 0:
            if not ((code[k] & _LOWER and y < y1) or (code[k] & _UPPER and y >= y2)):
                label += left[e] - right[e]
        elif side == 0 and y1 <= y <= y2 and min(x1, x2) <= x <= max(x1, x2):
            touching = 1
            touched = min(touched, left[e] if left[e] >= 0 else _NOBODY, right[e] if right[e] >= 0 else _NOBODY)
    if label == _OUTSIDE and touching == 1:
        label = touched
    return label, touching


@njit(inline="always")  # pragma: no cover - runs compiled
def _look_up(x, y, x0, y0, per_x, per_y, columns, rows, table, first, past, cell, out):  # type: ignore[no-untyped-def]
    """Write the table entries of a block; the south-west cell, always empty, stands for all off the lattice.

    From a table beyond the caches, the entries are fetched in a pass of their own: many misses are then under
    way at once. A small table is faster in one pass.
    """
    small = len(table) <= _SMALL_TABLE
    wide = np.int32(columns)
    for i in range(first, past):
        u = (x[i] - x0) * per_x
        v = (y[i] - y0) * per_y
        inside = (u >= 0.0) & (v >= 0.0) & (u < columns) & (v < rows)
        number = np.int32(v if inside else 0.0) * wide + np.int32(u if inside else 0.0)
        if small:
            out[i] = table[np.uint32(number)]
        else:
            cell[i - first] = number
    if not small:
        for i in range(first, past):
            out[i] = table[np.uint32(cell[i - first])]


@njit(inline="always")  # pragma: no cover - runs compiled
def _listed(first, past, out, pending):  # type: ignore[no-untyped-def]
    """List the points of a block that lie in boundary cells, without a branch to guess wrong; return how many."""
    n = 0
    for i in range(first, past):
        pending[n] = i
        n += 1 if out[i] < _OUTSIDE else 0
    return n


@njit(inline="always")  # pragma: no cover - runs compiled
def _try_simple(x, y, simple, code, ends, left, right, out, pending, n, edge):  # type: ignore[no-untyped-def]
    """Answer the points beside one edge that the error bound decides; return how many others are left in `pending`.

    The edges are looked up in a pass of their own, so that many cache misses are under way at once.
    """
    for k in range(n):
        b = -2 - out[pending[k]]
        edge[k] = code[np.uint32(b)] >> 2
    rest = 0
    for k in range(n):
        i = pending[k]
        e = np.uint32(edge[k])
        west_part = (ends[e, 0] - x[i]) * (ends[e, 3] - y[i])
        east_part = (ends[e, 1] - y[i]) * (ends[e, 2] - x[i])
        det = west_part - east_part
        size = abs(west_part) + abs(east_part)
        label = left[e] if det > 0.0 else right[e]
        sure = (abs(det) > _ERROR_BOUND * size) & (size > _SMALL) & (size < _SAFE_HIGH) & (-2 - out[i] < simple)
        out[i] = label if sure else out[i]
        pending[rest] = i
        rest += 0 if sure else 1
    return rest


@njit(nogil=True, cache=True)  # pragma: no cover - runs compiled
def _place(  # type: ignore[no-untyped-def]
    x, y, x0, y0, per_x, per_y, columns, rows, table, simple, start, base, code, ends, left, right, out, boundary
):
    """Write all answers; leave a table entry below −1 where undecided and count those."""
    undecided = 0
    cell = np.empty(_BLOCK, dtype=np.int32)
    pending = np.empty(_BLOCK + 1, dtype=np.int64)
    for first in range(0, len(x), _BLOCK):
        past = min(first + _BLOCK, len(x))
        _look_up(x, y, x0, y0, per_x, per_y, columns, rows, table, first, past, cell, out)
        n = _listed(first, past, out, pending)
        n = _try_simple(x, y, simple, code, ends, left, right, out, pending, n, cell)
        for k in range(n):
            i = pending[k]
            b = -2 - out[i]
            if b < simple:
                label, touching = _beside(ends, left, right, code[b] >> 2, x[i], y[i])
            else:
                b -= simple
                label, touching = _among(ends, left, right, code, start[b], start[b + 1], base[b], x[i], y[i])
            if touching == _UNDECIDED:
                undecided += 1
                continue
            out[i] = label
            if touching == 1 and len(boundary):
                boundary[i] = True
    return undecided


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view: memory-mapped arrays are read-only, and each mixture would be compiled anew."""
    view = array.view()
    view.setflags(write=False)
    return view


def place_points(fabric: Fabric[Cells], points: Points) -> None:
    """Write positions and boundary flags exactly as `geo.locate.kernel.place_points` does."""
    lattice, cells, edges = fabric.lattice, fabric.held, fabric.edges
    undecided = _place(
        _frozen(points.x), _frozen(points.y), lattice.x0, lattice.y0, lattice.per_x, lattice.per_y,
        lattice.columns, lattice.rows, _frozen(cells.table), cells.simple, _frozen(cells.start), _frozen(cells.base),
        _frozen(cells.code), _frozen(edges.ends), _frozen(edges.left), _frozen(edges.right),
        points.out, _NO_FLAGS if points.boundary is None else points.boundary,
    )  # fmt: skip
    if undecided:
        _settle_undecided(fabric, points)


def _settle_undecided(fabric: Fabric[Cells], points: Points) -> None:
    rows = np.flatnonzero(points.out < _OUTSIDE)
    found, touching = np.empty(len(rows), dtype=np.int32), np.zeros(len(rows), dtype=bool)
    kernel.place_points(fabric, Points(points.x[rows], points.y[rows], found, touching))
    points.out[rows] = found
    if points.boundary is not None:
        points.boundary[rows] = touching


def warm() -> None:
    """Compile, or load from the cache, before the first question."""
    lattice = Lattice(0.0, 0.0, 1.0, 1.0, 1, 1)
    none, long = np.empty(0, dtype=np.int32), np.zeros(1, dtype=np.int64)
    cells = Cells(np.full(1, _OUTSIDE, dtype=np.int32), 0, long, none, none)
    edges = EdgeTable(np.empty((0, 4)), none, none)
    nowhere = Points(np.zeros(1), np.zeros(1), np.empty(1, dtype=np.int32), None)
    place_points(Fabric(lattice, edges, cells, Blocks(long, none)), nowhere)
