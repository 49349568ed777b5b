"""The edges of larger squares of the lattice: where to look for the nearest boundary of one point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.locate.lattice import CellEdges, Lattice

__all__ = ["SIDE", "Blocks", "blocks_across", "blocks_of"]

SIDE: Final = 16  # cells


@dataclass(frozen=True, slots=True)
class Blocks:
    """The edges that meet each block of `SIDE` × `SIDE` cells, blocks row by row from the south-west.

    Attributes
    ----------
    start : ndarray of int64, shape (block rows · block columns + 1,)
        First entry in `edge` of each block.
    edge : ndarray of int32
        Edges, ascending within a block.
    """

    start: NDArray[np.int64]
    edge: NDArray[np.int32]

    def within(self, lattice: Lattice, x: float, y: float, *, reach: int) -> NDArray[np.int32]:
        """Return the edges of blocks at most `reach` blocks away (in x and in y) from a point's block.

        Nothing left out is nearer to the point than `reach` · `SIDE` cells. An edge may come several times.
        """
        wide, high = blocks_across(lattice.columns), blocks_across(lattice.rows)
        column = int(min(max((x - lattice.x0) * lattice.per_x, 0.0), lattice.columns - 1.0)) // SIDE
        row = int(min(max((y - lattice.y0) * lattice.per_y, 0.0), lattice.rows - 1.0)) // SIDE
        west, east = max(column - reach, 0), min(column + reach + 1, wide)
        parts = []
        for k in range(max(row - reach, 0), min(row + reach + 1, high)):
            first, past = self.start.item(k * wide + west), self.start.item(k * wide + east)
            if past > first:
                parts.append(self.edge[first:past])
        return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else self.edge[:0]


def blocks_across(cells: int) -> int:
    """Return how many blocks cover so many cells."""
    return -(-cells // SIDE)


def blocks_of(lattice: Lattice, pairs: CellEdges, *, edges: int) -> Blocks:
    """Gather the edges of cells by block."""
    row, column = np.divmod(pairs.cell, lattice.columns)
    wide, high = blocks_across(lattice.columns), blocks_across(lattice.rows)
    key = np.unique(((row // SIDE) * wide + column // SIDE) * max(edges, 1) + (pairs.code >> 2))
    block, edge = np.divmod(key, max(edges, 1))
    start = np.searchsorted(block, np.arange(wide * high + 1))
    return Blocks(start.astype(np.int64), edge.astype(np.int32))
