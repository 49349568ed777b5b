"""The parts of an index that every look-up needs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geo.locate.blocks import Blocks
    from geo.locate.edges import EdgeTable
    from geo.locate.lattice import Lattice

__all__ = ["Fabric", "Points"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
Held_co = TypeVar("Held_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Fabric(Generic[Held_co]):
    """A lattice, the edges over it, and what each cell knows of them.

    Attributes
    ----------
    lattice : Lattice
    edges : EdgeTable
    held : Cells or Layers
        Cells of a coverage, or layers of polygons that may overlap.
    blocks : Blocks
        The edges once more, by larger squares.
    """

    lattice: Lattice
    edges: EdgeTable
    held: Held_co
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Points:
    """Points asked for, and where their answers go.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n,)
        Contiguous; NaN and infinite ones are outside.
    out : ndarray of int32, shape (n,)
        Receives positions, −1 outside.
    boundary : ndarray of bool, shape (n,), or None
        Receives whether the point lies exactly on an edge; false on entry.
    """

    x: FloatArray
    y: FloatArray
    out: IntArray
    boundary: BoolArray | None

    def part(self, span: slice) -> Points:
        """Return a view of some of the points."""
        return Points(
            self.x[span], self.y[span], self.out[span], None if self.boundary is None else self.boundary[span]
        )
