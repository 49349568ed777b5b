# ruff: noqa: ANN001, ANN202 - numba infers the types, and its functions take plain arrays
"""Bulk look-up compiled by numba: the same answers as `geo.locate.kernel`, block by block of points.

A block goes through passes over the same few points: cell numbers, table entries, cells beside one edge, cells with
several, and what the error bound leaves open. Each pass fetches from places that do not depend on each other, so
that many cache misses are under way at once, and decides without a branch to guess wrong; done point by point the
same work takes three times as long. Compiled once and cached beside the source. What the compiled arithmetic cannot
decide exactly (differences that round) is left to the numpy kernel.
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
# Points of one block and pairs looked at together: their buffers stay in the second-level cache.
_BLOCK: Final = 2048
_PAIRS: Final = 4096
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


@njit(inline="always")  # pragma: no cover - runs compiled
def _exact_side(ax, ay, bx, by, px, py):  # type: ignore[no-untyped-def]
    """Return 1 left of a → b, −1 right of it, 0 on it, 2 where this arithmetic cannot say."""
    dx1, dy1, dx2, dy2 = ax - px, ay - py, bx - px, by - py
    if _inexact(ax, px, dx1) or _inexact(ay, py, dy1) or _inexact(bx, px, dx2) or _inexact(by, py, dy2):
        return _UNDECIDED
    high1, high2 = dx1 * dy2, dy1 * dx2
    low1, low2 = _tail(dx1, dy2, high1), _tail(dy1, dx2, high2)
    more = (high1 > high2) | ((high1 == high2) & (low1 > low2))
    less = (high1 < high2) | ((high1 == high2) & (low1 < low2))
    return (1 if more else 0) - (1 if less else 0)


@njit(inline="always")  # pragma: no cover - runs compiled
def _filtered(record, e, x, y):  # type: ignore[no-untyped-def]
    """Return (left of the edge, whether the error bound warrants it)."""
    west_part = (record[e, 0] - x) * (record[e, 3] - y)
    east_part = (record[e, 1] - y) * (record[e, 2] - x)
    det = west_part - east_part
    size = abs(west_part) + abs(east_part)
    return det > 0.0, (abs(det) > _ERROR_BOUND * size) & (size > _SMALL) & (size < _SAFE_HIGH)


@njit  # pragma: no cover - runs compiled
def _number_cells(x, y, x0, y0, per_x, per_y, columns, rows, cell):  # type: ignore[no-untyped-def]
    """Write the cell of each point; the south-west cell, always empty, stands for all off the lattice."""
    wide = np.int32(columns)
    for i in range(len(x)):
        u = (x[i] - x0) * per_x
        v = (y[i] - y0) * per_y
        inside = (u >= 0.0) & (v >= 0.0) & (u < columns) & (v < rows)
        cell[i] = np.int32(v if inside else 0.0) * wide + np.int32(u if inside else 0.0)


@njit  # pragma: no cover - runs compiled
def _look_up(table, cell, out):  # type: ignore[no-untyped-def]
    """Write the table entries; nothing else in this loop, for anything that waits for an entry doubles its time."""
    for i in range(len(out)):
        out[i] = table[np.uint32(cell[i])]


@njit  # pragma: no cover - runs compiled
def _listed(out, pending):  # type: ignore[no-untyped-def]
    """List the points in boundary cells; return how many these are."""
    n = 0
    for i in range(len(out)):
        pending[n] = i
        n += 1 if out[i] < _OUTSIDE else 0
    return n


@njit  # pragma: no cover - runs compiled
def _fetched(record, out, pending, n):  # type: ignore[no-untyped-def]
    """Read the records of edges that alone cut cells, so that they lie in the cache when arithmetic waits for them."""
    total, edges = 0.0, len(record)
    for k in range(n):
        number = -2 - out[pending[k]]
        total += record[np.uint32(number if number < edges else 0), 0]
    return total


@njit  # pragma: no cover - runs compiled
def _beside(x, y, record, out, pending, n, others):  # type: ignore[no-untyped-def]
    """Answer the points beside one edge that the error bound decides.

    Returns how many beside one edge stay open (left in `pending`), and how many lie in other cells (in `others`).
    """
    edges = len(record)
    open_ones = several = 0
    for k in range(n):
        i = pending[k]
        number = -2 - out[i]
        one = number < edges
        e = np.uint32(number if one else 0)
        west, sure = _filtered(record, e, x[i], y[i])
        label = np.int32(record[e, 4] if west else record[e, 5])
        out[i] = label if sure & one else out[i]
        pending[open_ones] = i
        open_ones += 1 if one & (not sure) else 0
        others[several] = i
        several += 0 if one else 1
    return open_ones, several


@njit  # pragma: no cover - runs compiled
def _beside_exactly(x, y, record, out, pending, n, boundary):  # type: ignore[no-untyped-def]
    """Answer points beside one edge in exact arithmetic; return how many it cannot decide."""
    undecided = 0
    for k in range(n):
        i = pending[k]
        e = np.uint32(-2 - out[i])
        side = _exact_side(record[e, 0], record[e, 1], record[e, 2], record[e, 3], x[i], y[i])
        if side == _UNDECIDED:
            undecided += 1
            continue
        left, right = np.int32(record[e, 4]), np.int32(record[e, 5])
        out[i] = left if (side > 0) | ((side == 0) & (right == _OUTSIDE)) else right
        if side == 0 and len(boundary):
            boundary[i] = True
    return undecided


@njit  # pragma: no cover - runs compiled
def _among(x, y, record, mixed, code, out, others, n, cells, owner, pair):  # type: ignore[no-untyped-def]
    """Answer points by the sum over their cells' edges where the error bound decides all of them.

    Returns how many stay open (left in `others`), and the sum of what was read ahead (see `_fetched`).
    """
    edges, total = len(record), 0.0
    for k in range(n):
        b = np.uint32(-2 - out[others[k]] - edges)
        cells[k, 0], cells[k, 1], cells[k, 2], cells[k, 3] = mixed[b, 0], mixed[b, 1], mixed[b, 2], 0
    k = 0
    while k < n:
        first, pairs = k, 0
        while k < n and pairs + cells[k, 1] <= _PAIRS:
            for j in range(cells[k, 1]):
                owner[pairs] = k
                pair[pairs] = code[np.uint32(cells[k, 0] + j)]
                pairs += 1
            k += 1
        if k == first:  # more edges in one cell than the buffer holds
            cells[k, 3] = 1
            k += 1
        for p in range(pairs):
            total += record[np.uint32(pair[p] >> 2), 0]
        _add_up(x, y, record, others, cells, owner, pair, pairs)
    rest = 0
    for k in range(n):
        i = others[k]
        if cells[k, 3] == 0:
            out[i] = cells[k, 2]
        others[rest] = i
        rest += 0 if cells[k, 3] == 0 else 1
    return rest, total


@njit(inline="always")  # pragma: no cover - runs compiled
def _add_up(x, y, record, others, cells, owner, pair, pairs):  # type: ignore[no-untyped-def]
    for p in range(pairs):
        k, flags = owner[p], pair[p]
        i, e = others[k], np.uint32(flags >> 2)
        west, sure = _filtered(record, e, x[i], y[i])
        below = (flags & _LOWER != 0) & (y[i] < record[e, 1])
        above = (flags & _UPPER != 0) & (y[i] >= record[e, 3])
        change = np.int32(record[e, 4]) - np.int32(record[e, 5])
        cells[k, 2] += change if west & (not below) & (not above) else np.int32(0)
        cells[k, 3] |= np.int32(0 if sure else 1)


@njit  # pragma: no cover - runs compiled
def _among_exactly(x, y, record, mixed, code, out, others, n, boundary):  # type: ignore[no-untyped-def]
    """Answer points by the sum over their cells' edges in exact arithmetic; return how many it cannot decide."""
    undecided = 0
    edges = len(record)
    for k in range(n):
        i = others[k]
        b = np.uint32(-2 - out[i] - edges)
        label, touched, decided = int(mixed[b, 2]), _NOBODY, True
        for j in range(mixed[b, 0], mixed[b, 0] + mixed[b, 1]):
            flags = code[np.uint32(j)]
            e = np.uint32(flags >> 2)
            x1, y1, x2, y2 = record[e, 0], record[e, 1], record[e, 2], record[e, 3]
            left, right = int(record[e, 4]), int(record[e, 5])
            side = _exact_side(x1, y1, x2, y2, x[i], y[i])
            decided &= side != _UNDECIDED
            if side == 1 and not ((flags & _LOWER and y[i] < y1) or (flags & _UPPER and y[i] >= y2)):
                label += left - right
            elif side == 0 and y1 <= y[i] <= y2 and min(x1, x2) <= x[i] <= max(x1, x2):
                touched = min(touched, left if left >= 0 else _NOBODY, right if right >= 0 else _NOBODY)
        if not decided:
            undecided += 1
            continue
        out[i] = touched if label == _OUTSIDE and touched != _NOBODY else label
        if touched != _NOBODY and len(boundary):
            boundary[i] = True
    return undecided


@njit(nogil=True, cache=True)  # pragma: no cover - runs compiled
def _place(  # type: ignore[no-untyped-def]
    x, y, x0, y0, per_x, per_y, columns, rows, table, record, mixed, code, out, boundary
):
    """Write all answers; leave a table entry below −1 where undecided and count those.

    Returned besides is the sum of all that was read ahead: were it dropped, the compiler would drop the reading.
    """
    undecided, total = 0, 0.0
    cell, pending = np.empty(_BLOCK, dtype=np.int32), np.empty(_BLOCK + 1, dtype=np.int32)
    others, cells = np.empty(_BLOCK + 1, dtype=np.int32), np.empty((_BLOCK, 4), dtype=np.int32)
    owner, pair = np.empty(_PAIRS, dtype=np.int32), np.empty(_PAIRS, dtype=np.int32)
    for first in range(0, len(x), _BLOCK):
        past = min(first + _BLOCK, len(x))
        xs, ys, found, flags = x[first:past], y[first:past], out[first:past], boundary[first:past]
        _number_cells(xs, ys, x0, y0, per_x, per_y, columns, rows, cell)
        _look_up(table, cell, found)
        n = _listed(found, pending)
        total += _fetched(record, found, pending, n)
        n, several = _beside(xs, ys, record, found, pending, n, others)
        undecided += _beside_exactly(xs, ys, record, found, pending, n, flags)
        several, ahead = _among(xs, ys, record, mixed, code, found, others, several, cells, owner, pair)
        total += ahead
        undecided += _among_exactly(xs, ys, record, mixed, code, found, others, several, flags)
    return undecided, total


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view: memory-mapped arrays are read-only, and each mixture would be compiled anew."""
    view = array.view()
    view.setflags(write=False)
    return view


def place_points(fabric: Fabric[Cells], points: Points) -> None:
    """Write positions and boundary flags exactly as `geo.locate.kernel.place_points` does."""
    lattice, cells = fabric.lattice, fabric.held
    if not len(cells.record):
        points.out[:] = _OUTSIDE
        return
    undecided, _ = _place(
        _frozen(points.x), _frozen(points.y), lattice.x0, lattice.y0, lattice.per_x, lattice.per_y,
        lattice.columns, lattice.rows, _frozen(cells.table), _frozen(cells.record), _frozen(cells.mixed),
        _frozen(cells.code), points.out, _NO_FLAGS if points.boundary is None else points.boundary,
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
    none, long = np.empty(0, dtype=np.int32), np.zeros(1, dtype=np.int64)
    edges = EdgeTable(np.array([[0.0, 0.0, 0.0, 1.0]]), np.full(1, _OUTSIDE, np.int32), np.full(1, _OUTSIDE, np.int32))
    cells = Cells(np.full(1, _OUTSIDE, dtype=np.int32), np.empty((0, 3), dtype=np.int32), none, np.zeros((1, 8)))
    nowhere = Points(np.zeros(1), np.zeros(1), np.empty(1, dtype=np.int32), None)
    place_points(Fabric(Lattice(0.0, 0.0, 1.0, 1.0, 1, 1), edges, cells, Blocks(long, none)), nowhere)
