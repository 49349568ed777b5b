"""Columns of points in, columns of answers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.model import Basis

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geo.locate import GridIndex

__all__ = ["BASES", "Assigned", "assign_points"]

BASES: Final = (Basis.INTERIOR, Basis.BOUNDARY, Basis.OUTSIDE, Basis.INVALID)
_INTERIOR, _BOUNDARY, _OUTSIDE, _INVALID = range(4)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The grids of many points, as parallel columns.

    Attributes
    ----------
    position : ndarray of int32, shape (n,)
        Position of the base grid, −1 outside.
    basis_code : ndarray of uint8, shape (n,)
        Number in `BASES`: interior, boundary (exactly on an edge of a base grid, and in one), outside, invalid
        (a coordinate is not finite).
    overlay_point, overlay_position : ndarray of int64 and int32, shape (m,)
        Which point lies in which overlay grid, by point, then by position.
    """

    position: NDArray[np.int32]
    basis_code: NDArray[np.uint8]
    overlay_point: NDArray[np.int64]
    overlay_position: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.position)

    @property
    def basis(self) -> NDArray[np.str_]:
        """The basis of each point in words."""
        return np.array([str(b) for b in BASES])[self.basis_code]

    def overlays(self) -> list[tuple[int, ...]]:
        """Return the positions of the overlay grids of each point."""
        cuts = np.searchsorted(self.overlay_point, np.arange(len(self) + 1))
        found = self.overlay_position.tolist()
        return [tuple(found[a:b]) for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)]


def assign_points(
    base_index: GridIndex, overlay_index: GridIndex | None, lon: ArrayLike, lat: ArrayLike, *, threads: int = 1
) -> Assigned:
    """Place points in the base grids and, besides, in the overlay grids.

    Parameters
    ----------
    base_index : GridIndex
        The coverage.
    overlay_index : GridIndex or None
        Grids that may overlap each other and lie outside the coverage (built with ``strict=False``).
    lon, lat : array-like of float64, shape (n,)
        In the plane of the indexes, as a rule CGCS2000 degrees. NaN and infinity give the basis "invalid".
    threads : int, optional
        Threads that share the look-up in the base grids.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    position, touching = base_index.place_many(x, y, threads=threads)
    code = np.where(touching, np.uint8(_BOUNDARY), np.uint8(_INTERIOR))
    code[position < 0] = _OUTSIDE
    code[~(np.isfinite(x) & np.isfinite(y))] = _INVALID
    if overlay_index is None:
        point, overlay = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
    else:
        point, overlay = overlay_index.locate_all(x, y)
    return Assigned(position, code, point, overlay)
