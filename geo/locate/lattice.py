"""The raster of cells over a coverage, and which edges meet which cell.

A cell here is the closed box of the raster widened by `MARGIN` of a cell, many times more than the rounding of
the float arithmetic that sends a point to its cell. So a point and every edge near it always meet in one cell,
although neither the cell of a point nor the boxes are computed exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.predicates import orientation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geo.locate.edges import EdgeTable

__all__ = ["LOWER_INSIDE", "UPPER_INSIDE", "CellEdges", "Lattice", "edges_by_cell", "lattice_over", "row_crossings"]

FloatArray = NDArray[np.float64]
LongArray = NDArray[np.int64]

MARGIN: Final = 1e-6  # of a cell
# Bits of a pair's code: the lower or upper end of the edge lies in the cell.
LOWER_INSIDE: Final = 1
UPPER_INSIDE: Final = 2

_CHUNK: Final = 500_000
_STEP_ERROR: Final = 1e-8  # of a cell: above the rounding of lattice numbers
_CELLS_PER_LENGTH: Final = 32.0
_MIN_CELLS: Final = 2**12
_MAX_CELLS: Final = 2**27
_COUNTY_CELLS: Final = 1_000_000
_COUNTY_GRIDS: Final = 163
_GROWTH: Final = 0.62
# A cell is at least this many units in the last place of a coordinate wide.
_MIN_STEPS: Final = 2.0**24


@dataclass(frozen=True, slots=True)
class Lattice:
    """Equal cells, row by row from the south-west corner; the outermost ring of cells is empty.

    Attributes
    ----------
    x0, y0 : float
        South-west corner, in the plane of the coverage.
    per_x, per_y : float
        Cells per unit.
    columns, rows : int
    """

    x0: float
    y0: float
    per_x: float
    per_y: float
    columns: int
    rows: int

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.columns * self.rows

    def centre_x(self) -> FloatArray:
        """Return the x of the cells' reference points, west to east."""
        return np.asarray(self.x0 + (np.arange(self.columns) + 0.5) / self.per_x, dtype=np.float64)

    def centre_y(self) -> FloatArray:
        """Return the y of the cells' reference points, south to north."""
        return np.asarray(self.y0 + (np.arange(self.rows) + 0.5) / self.per_y, dtype=np.float64)


def lattice_over(ends: FloatArray, *, grids: int, cells: int | None = None) -> Lattice:
    """Choose a lattice over edges.

    The number of cells follows the total length of the edges, so that some 4 % of them are crossed, and is
    bounded by the memory that a coverage of so many grids may take.

    Parameters
    ----------
    ends : ndarray of float64, shape (m, 4)
        Edges in any plane.
    grids : int
        Number of grids.
    cells : int, optional
        About how many cells to make instead.
    """
    if not len(ends):
        return Lattice(0.0, 0.0, 1.0, 1.0, 1, 1)
    x, y = ends[:, [0, 2]], ends[:, [1, 3]]
    west, south, east, north = float(x.min()), float(y.min()), float(x.max()), float(y.max())
    ulp = float(np.spacing(max(abs(west), abs(south), abs(east), abs(north), 1e-300)))
    width, height = max(east - west, _MIN_STEPS * ulp), max(north - south, _MIN_STEPS * ulp)
    wanted = cells or _wanted_cells(ends, width=width, height=height, grids=grids)
    ratio = min(max(width / height, 1.0 / wanted), float(wanted))
    columns, rows = (max(1, round(math.sqrt(wanted * r))) for r in (ratio, 1.0 / ratio))
    columns = min(columns, max(1, int(width / (_MIN_STEPS * ulp))))
    rows = min(rows, max(1, int(height / (_MIN_STEPS * ulp))))
    cell_x, cell_y = width / columns, height / rows
    # Half a cell more than one on each side keeps edges away from the outermost ring of cells.
    return Lattice(west - 1.5 * cell_x, south - 1.5 * cell_y, 1.0 / cell_x, 1.0 / cell_y, columns + 4, rows + 4)


def _wanted_cells(ends: FloatArray, *, width: float, height: float, grids: int) -> int:
    length = float(np.hypot((ends[:, 2] - ends[:, 0]) / width, (ends[:, 3] - ends[:, 1]) / height).sum())
    ceiling = _COUNTY_CELLS * max(1.0, grids / _COUNTY_GRIDS) ** _GROWTH
    return int(min(max((_CELLS_PER_LENGTH * length) ** 2, _MIN_CELLS), ceiling, _MAX_CELLS))


@dataclass(frozen=True, slots=True)
class CellEdges:
    """Pairs of a cell and an edge that meets it, by cell, then by edge.

    Attributes
    ----------
    cell : ndarray of int64, shape (p,)
    code : ndarray of int32, shape (p,)
        Edge number × 4, plus `LOWER_INSIDE` and `UPPER_INSIDE`.
    """

    cell: LongArray
    code: NDArray[np.int32]


def edges_by_cell(lattice: Lattice, ends: FloatArray) -> CellEdges:
    """Return which edges meet which cells.

    An edge that meets the cell is listed; an edge with an end in the cell widened by two margins is listed
    too, and that end is flagged. An end that is not flagged lies outside, and the line of the edge beyond it
    does not come back into the cell.
    """
    keys = [_keys(lattice, ends, start) for start in range(0, len(ends), _CHUNK)]
    key = np.unique(np.concatenate(keys)) if keys else np.empty(0, dtype=np.int64)
    cell, edge = np.divmod(key, max(len(ends), 1))
    code = (edge * 4).astype(np.int32)
    row, column = np.divmod(cell, lattice.columns)
    for bit, (x, y) in ((LOWER_INSIDE, (0, 1)), (UPPER_INSIDE, (2, 3))):
        u = (ends[edge, x] - lattice.x0) * lattice.per_x - column
        v = (ends[edge, y] - lattice.y0) * lattice.per_y - row
        inside = (u >= -2 * MARGIN) & (u <= 1 + 2 * MARGIN) & (v >= -2 * MARGIN) & (v <= 1 + 2 * MARGIN)
        code[inside] |= bit
    return CellEdges(cell, code)


def _keys(lattice: Lattice, ends: FloatArray, start: int) -> LongArray:
    """Return cell × number of edges + edge for one run of edges."""
    piece = ends[start : start + _CHUNK]
    u1, u2 = ((piece[:, i] - lattice.x0) * lattice.per_x for i in (0, 2))
    v1, v2 = ((piece[:, i] - lattice.y0) * lattice.per_y for i in (1, 3))
    found = [cell * len(ends) + (edge + start) for cell, edge in _met_cells(lattice, u1, v1, u2, v2)]
    for u, v in ((u1, v1), (u2, v2)):
        found += [cell * len(ends) + (edge + start) for cell, edge in _cells_around_ends(lattice, u, v)]
    return np.concatenate(found)


def _met_cells(
    lattice: Lattice, u1: FloatArray, v1: FloatArray, u2: FloatArray, v2: FloatArray
) -> Iterator[tuple[LongArray, LongArray]]:
    """Yield (cell, edge): clip each edge to each row it meets, then list the columns of the clipped piece."""
    first = np.floor(v1 - MARGIN).astype(np.int64)
    edge, step = _runs(np.floor(v2 + MARGIN).astype(np.int64) - first + 1)
    row = first[edge] + step
    rise = v2[edge] - v1[edge]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(rise > 0.0, (u2 - u1)[edge] / rise, 0.0)
    low = np.maximum(v1[edge], row - MARGIN) - v1[edge]
    high = np.minimum(v2[edge], row + 1 + MARGIN) - v1[edge]
    west, east = np.minimum(u1, u2)[edge], np.maximum(u1, u2)[edge]
    at_low = np.where(rise > 0.0, u1[edge] + slope * low, west)
    at_high = np.where(rise > 0.0, u1[edge] + slope * high, east)
    slack = MARGIN + _STEP_ERROR * np.abs(slope)
    c0 = np.floor(np.maximum(np.minimum(at_low, at_high) - slack, west - MARGIN)).astype(np.int64)
    c1 = np.floor(np.minimum(np.maximum(at_low, at_high) + slack, east + MARGIN)).astype(np.int64)
    pair, step = _runs(np.maximum(c1 - c0 + 1, 0))
    yield row[pair] * lattice.columns + c0[pair] + step, edge[pair]


def _cells_around_ends(lattice: Lattice, u: FloatArray, v: FloatArray) -> Iterator[tuple[LongArray, LongArray]]:
    """Yield (cell, edge) for ends so near to a cell's border that they count for the neighbours too."""
    reach = 2 * MARGIN
    near = (np.floor(u - reach) != np.floor(u + reach)) | (np.floor(v - reach) != np.floor(v + reach))
    edge = np.flatnonzero(near)
    for du in (-reach, reach):
        for dv in (-reach, reach):
            column, row = np.floor(u[edge] + du).astype(np.int64), np.floor(v[edge] + dv).astype(np.int64)
            yield row * lattice.columns + column, edge


def _runs(lengths: LongArray) -> tuple[LongArray, LongArray]:
    """Return (owner, step) of runs of the given lengths: [2, 1] → ([0, 0, 1], [0, 1, 0])."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner)) - starts[owner]


def row_crossings(lattice: Lattice, table: EdgeTable) -> Iterator[tuple[LongArray, LongArray, LongArray]]:
    """Yield (edge, row, k) where an edge crosses a row's line of reference points, exactly.

    The edge lies east of the first k reference points of the row (``x < x of the edge at y``) and not east
    of the others.
    """
    centre_x, centre_y = lattice.centre_x(), lattice.centre_y()
    for start in range(0, len(table), _CHUNK):
        ends = table.ends[start : start + _CHUNK]
        first = np.searchsorted(centre_y, ends[:, 1], side="left")
        past = np.searchsorted(centre_y, ends[:, 3], side="left")
        edge, step = _runs(past - first)
        row = first[edge] + step
        yield edge + start, row, _columns_west(lattice, ends[edge], centre_x, centre_y[row])


def _columns_west(lattice: Lattice, ends: FloatArray, centre_x: FloatArray, y: FloatArray) -> LongArray:
    """Count the reference points of a row that lie strictly west of each edge."""
    x1, y1, x2, y2 = ends.T
    slope = (x2 - x1) / (y2 - y1)
    u = (x1 + slope * (y - y1) - lattice.x0) * lattice.per_x - 0.5
    count: LongArray = np.clip(np.ceil(u), 0, lattice.columns).astype(np.int64)
    error = _STEP_ERROR * (1.0 + np.abs(slope) * lattice.per_x / lattice.per_y)
    low = np.clip(np.ceil(u - error), 0, lattice.columns).astype(np.int64)
    high = np.clip(np.ceil(u + error), 0, lattice.columns).astype(np.int64)
    open_cases = np.flatnonzero(low < high)
    low, high = low[open_cases], high[open_cases]
    ax, ay, bx, by = ends[open_cases].T
    while (low < high).any():
        middle = np.minimum((low + high) // 2, lattice.columns - 1)
        west = orientation(ax, ay, bx, by, centre_x[middle], y[open_cases]) > 0
        unsettled = low < high
        low = np.where(unsettled & west, middle + 1, low)
        high = np.where(unsettled & ~west, middle, high)
    count[open_cases] = low
    return count
