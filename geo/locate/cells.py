"""What each cell of the lattice knows: one grid, or the few edges that cut it.

For a point p of a cell cut by edges,

    label(p) = base + Σ over the cell's edges e of (left(e) − right(e)) · west(e, p)

where west(e, p) says that p lies strictly left of the upward directed edge, at a height between those of its
ends, of which only the ends inside the cell count. The sum telescopes over the edges that a walk east from p
crosses, so neither their order nor the rest of the row matters: moving p inside the cell changes the label
only where p crosses an edge, and there the sum changes by the same amount; so the difference of both is one
number, `base`. An end outside the cell may be ignored because the line of the edge beyond it never comes back
into the (convex) cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.locate.edges import OUTSIDE, EdgeTable
from geo.locate.lattice import LOWER_INSIDE, UPPER_INSIDE, CellEdges, Lattice, row_crossings
from geo.predicates import orientation

__all__ = ["LINE", "Cells", "aligned_zeros", "cells_of_coverage", "reference_labels", "west_of_edges"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

LINE: Final = 64  # bytes that come from memory together


@dataclass(frozen=True, slots=True)
class Cells:
    """The look-up table of a coverage and the work left for cells on boundaries.

    A random look-up waits for memory, not for arithmetic; so a point in a cell cut through by one edge needs two
    places (table, record), and one in any other boundary cell a third for each edge.

    Attributes
    ----------
    table : ndarray of int32, shape (rows · columns,)
        The grid that holds the whole cell, −1 where none does, or −2 − n for boundary cells: n below the number
        m of edges is the edge that alone cuts through the cell, n = m + b any other boundary cell b.
    mixed : ndarray of int32, shape (boundary cells of the second kind, 3)
        First pair of the cell, its number of pairs, and the constant of the sum.
    code : ndarray of int32, shape (pairs,)
        Edge number × 4 and flags, as in `CellEdges`.
    record : ndarray of float64, shape (m, 8)
        Of each edge x1, y1, x2, y2, left and right, and two zeros: one cache line.
    """

    table: IntArray
    mixed: IntArray
    code: IntArray
    record: FloatArray


def west_of_edges(ends: FloatArray, code: IntArray, x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
    """Return, pair by pair, whether the edge counts as crossed by the walk east from the point."""
    edge = code >> 2
    x1, y1, x2, y2 = ends[edge].T
    within = ((code & LOWER_INSIDE) == 0) | (y1 <= y)
    within &= ((code & UPPER_INSIDE) == 0) | (y < y2)
    within &= orientation(x1, y1, x2, y2, x, y) > 0
    return np.asarray(within, dtype=bool)


def reference_labels(lattice: Lattice, table: EdgeTable) -> IntArray:
    """Return the label of each cell's reference point, row by row, exactly."""
    step = np.zeros(lattice.size, dtype=np.int32)
    change = table.left - table.right
    for edge, row, count in row_crossings(lattice, table):
        east = count > 0
        np.add.at(step, row[east] * lattice.columns + count[east] - 1, change[edge[east]])
    grid = step.reshape(lattice.rows, lattice.columns)[:, ::-1]
    np.cumsum(grid, axis=1, dtype=np.int32, out=grid)
    step += np.int32(OUTSIDE)
    return step


def cells_of_coverage(lattice: Lattice, table: EdgeTable, pairs: CellEdges) -> Cells:
    """Build the look-up table of a coverage from its edges and the cells they meet."""
    labels = reference_labels(lattice, table)
    first = np.flatnonzero(np.diff(pairs.cell, prepend=-1))
    count = np.diff(first, append=len(pairs.cell))
    cell, lead = pairs.cell[first], pairs.code[first]
    simple = (count == 1) & ((lead & (LOWER_INSIDE | UPPER_INSIDE)) == 0)
    others = ~simple
    code = pairs.code[_expanded(first[others], count[others])]
    start = np.concatenate([[0], np.cumsum(count[others])]).astype(np.int64)
    base = _bases(lattice, table, labels, cell=cell[others], start=start, code=code)
    labels[cell[simple]] = -2 - (lead[simple] >> 2)
    labels[cell[others]] = -2 - len(table) - np.arange(len(base), dtype=np.int32)
    mixed = np.column_stack([start[:-1], np.diff(start), base]).astype(np.int32)
    return Cells(labels, mixed, code, _records(table))


def _records(table: EdgeTable) -> FloatArray:
    record = aligned_zeros(len(table), 8)
    record[:, :4], record[:, 4], record[:, 5] = table.ends, table.left, table.right
    return record


def aligned_zeros(rows: int, columns: int) -> FloatArray:
    """Return a table of zeros that begins at the beginning of a cache line."""
    raw = np.zeros(rows * columns * 8 + LINE, dtype=np.uint8)
    skip = -raw.ctypes.data % LINE
    return raw[skip : skip + rows * columns * 8].view(np.float64).reshape(rows, columns)


def _expanded(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    owner = np.repeat(np.arange(len(first)), count)
    return first[owner] + np.arange(len(owner)) - (np.cumsum(count) - count)[owner]


def _bases(
    lattice: Lattice,
    table: EdgeTable,
    labels: IntArray,
    *,
    cell: NDArray[np.int64],
    start: NDArray[np.int64],
    code: IntArray,
) -> IntArray:
    """Return the label of each cell's reference point less the sum over its edges there."""
    if not len(cell):
        return np.empty(0, dtype=np.int32)
    row, column = np.divmod(cell, lattice.columns)
    owner = np.repeat(np.arange(len(cell)), np.diff(start))
    x, y = lattice.centre_x()[column][owner], lattice.centre_y()[row][owner]
    change = (table.left - table.right)[code >> 2]
    crossed = np.where(west_of_edges(table.ends, code, x, y), change, 0)
    return (labels[cell] - np.add.reduceat(crossed, start[:-1])).astype(np.int32)
