"""Which edges can be the nearest to a point: known by tile, so that one question costs microseconds.

The plane is cut into tiles, each into smaller ones (see `_FANS`), made when a point first falls into them. A
tile keeps the edges that may be nearest to one of its points: those not farther from its centre than the nearest
one by more than the width of the tile. Few edges end the cutting. Nothing depends on the order of questions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from geo.locate.nearness import metres_per_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Leaf", "Vicinity"]

Box = tuple[float, float, float, float]

# Into how many parts a tile is cut each way: many at first, few where the edges decide how fine it must be.
_FANS: Final = (64, 4)
_ROW: Final = 128  # rounding may lead to a part just beyond the last one
_FEW_EDGES: Final = 8
_DEEPEST: Final = 16
_SMALLEST_M: Final = 1.0
# In a tile of this radius a degree of longitude changes by less than one part in ten thousand.
_WIDEST_M: Final = 500.0
# Beyond so many leaves all are forgotten; a county in daily use has some ten thousand.
_MOST_LEAVES: Final = 400_000
_ROUNDING: Final = 1.0 + 1e-6


class Leaf:
    """The edges that may be nearest to a point of one small tile, ready for plain arithmetic.

    Attributes
    ----------
    clear : bool
        No edge comes near the tile: whatever holds one of its points holds all of them.
    kept : object
        For those who ask: what they know of a clear tile; None at first.
    """

    __slots__ = ("_edges", "_scale_x", "_scale_y", "_x", "_y", "clear", "kept")

    def __init__(
        self,
        origin: tuple[float, float],
        scale: tuple[float, float],
        edges: tuple[tuple[float, float, float, float, float], ...],
        *,
        clear: bool,
    ) -> None:
        self._x, self._y = origin
        self._scale_x, self._scale_y = scale
        self._edges = edges  # in metres from the origin: x, y, dx, dy, dx² + dy²
        self.clear = clear
        self.kept: Any = None

    def nearest_m(self, x: float, y: float) -> float:
        """Return the distance in metres to the nearest edge; no array, no call: it is asked all day."""
        east, north = (x - self._x) * self._scale_x, (y - self._y) * self._scale_y
        best = math.inf
        for x1, y1, dx, dy, whole in self._edges:
            to_x, to_y = east - x1, north - y1
            share = to_x * dx + to_y * dy
            if share > 0.0:
                share = share / whole if share < whole else 1.0
                to_x -= share * dx
                to_y -= share * dy
            square = to_x * to_x + to_y * to_y
            best = min(best, square)
        return math.sqrt(best)


class _Tile:
    """A square of the plane that is cut further: where it lies, its edges, and its parts by number."""

    __slots__ = ("edges", "level", "others", "parts", "per_x", "per_y", "x0", "y0")

    def __init__(self, box: Box, edges: NDArray[np.intp], others: NDArray[np.intp], *, level: int) -> None:
        self.x0, self.y0 = box[0], box[1]
        fan = _FANS[min(level, 1)]
        self.per_x, self.per_y = fan / (box[2] - box[0]), fan / (box[3] - box[1])
        self.edges, self.others, self.level = edges, others, level
        self.parts: dict[int, _Tile | Leaf] = {}

    def part_box(self, column: int, row: int) -> Box:
        """Return west, south, east and north of a part."""
        return (
            self.x0 + column / self.per_x,
            self.y0 + row / self.per_y,
            self.x0 + (column + 1) / self.per_x,
            self.y0 + (row + 1) / self.per_y,
        )


class Vicinity:
    """Distance to the nearest edge of many single points.

    Parameters
    ----------
    ends : ndarray of float64, shape (m, 4)
        Edges x1, y1, x2, y2, none of length zero.
    degrees : bool
        Coordinates are longitude and latitude; distances are metres either way.
    others : ndarray of float64, shape (k, 4), optional
        Further edges that no clear tile may come near; distances are not measured to them.
    """

    def __init__(self, ends: NDArray[np.float64], *, degrees: bool, others: NDArray[np.float64] | None = None) -> None:
        self._ends, self._degrees = ends, degrees
        self._others = np.empty((0, 4)) if others is None else others
        self._leaves = 0
        self._root: _Tile | None = None
        self._bounds: Box = (0.0, 0.0, 0.0, 0.0)
        if len(ends):
            west, south = float(ends[:, ::2].min()), float(ends[:, 1::2].min())
            east, north = float(ends[:, ::2].max()), float(ends[:, 1::2].max())
            wide = max(east - west, north - south)
            self._bounds = (west - wide / 2, south - wide / 2, east + wide / 2, north + wide / 2)
            self._root = _Tile(self._bounds, np.arange(len(ends)), np.arange(len(self._others)), level=0)

    def nearest_m(self, x: float, y: float) -> float | None:
        """Return the distance in metres from a point to the nearest edge.

        None where there is no edge, or the point lies farther from them than half their extent.
        """
        leaf = self.leaf(x, y)
        return None if leaf is None else leaf.nearest_m(x, y)

    def leaf(self, x: float, y: float) -> Leaf | None:
        """Return what is known around a point, None as in `nearest_m`."""
        tile, bounds = self._root, self._bounds
        if not (bounds[0] < x < bounds[2] and bounds[1] < y < bounds[3]):
            return None
        while True:
            key = int((y - tile.y0) * tile.per_y) * _ROW + int((x - tile.x0) * tile.per_x)  # type: ignore[union-attr]
            part = tile.parts.get(key)  # type: ignore[union-attr]
            if part is None:
                part = self._make(tile, key % _ROW, key // _ROW)  # type: ignore[arg-type]
            if part.__class__ is Leaf:
                return part
            tile = part  # type: ignore[assignment]

    def _make(self, tile: _Tile, column: int, row: int) -> _Tile | Leaf:
        """Find the edges of a part, and keep it as a leaf or as a tile to be cut further."""
        box = tile.part_box(column, row)
        edges, others, view = self._possible(tile, box)
        part: _Tile | Leaf
        few = len(edges) <= _FEW_EDGES and (view.radius < _WIDEST_M or not self._degrees)
        if few or tile.level >= _DEEPEST or view.radius < _SMALLEST_M:
            if self._leaves >= _MOST_LEAVES and self._root is not None:
                self._root.parts, self._leaves = {}, 0
            part = self._leaf_of(edges, box, clear=view.nearest > view.radius and not len(others))
            self._leaves += 1
        else:
            part = _Tile(box, edges, others, level=tile.level + 1)
        tile.parts[row * _ROW + column] = part
        return part

    def _leaf_of(self, edges: NDArray[np.intp], box: Box, *, clear: bool) -> Leaf:
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        scale = metres_per_unit(degrees=self._degrees, y=y)
        ends = self._ends[edges]
        start, step = (ends[:, :2] - (x, y)) * scale, (ends[:, 2:] - ends[:, :2]) * scale
        found = np.column_stack([start, step, (step * step).sum(axis=1)])
        return Leaf((x, y), scale, tuple(map(tuple, found.tolist())), clear=clear)

    def _possible(self, tile: _Tile, box: Box) -> tuple[NDArray[np.intp], NDArray[np.intp], _View]:
        """Return which edges of a tile may be nearest to a point of a box, and which others may come into it."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        scale = metres_per_unit(degrees=self._degrees, y=y)
        rims = [metres_per_unit(degrees=self._degrees, y=rim) for rim in (box[1], box[3])]
        stretch = max(max(a / b, b / a) for rim in rims for a, b in zip(rim, scale, strict=True))
        radius = math.hypot((box[2] - box[0]) / 2 * scale[0], (box[3] - box[1]) / 2 * scale[1]) * stretch * _ROUNDING
        apart = _distances(self._ends[tile.edges], x, y, scale=scale)
        others = tile.others
        if len(others):
            others = others[_distances(self._others[others], x, y, scale=scale) <= radius * stretch]
        near = (float(apart.min()) + 2 * radius) * stretch * stretch
        view = _View(radius, float(apart.min()))
        return tile.edges[apart <= near], others, view


class _View(NamedTuple):
    """From the centre of a box, in metres: how far its corners are, and the nearest edge."""

    radius: float
    nearest: float


def _distances(ends: NDArray[np.float64], x: float, y: float, *, scale: tuple[float, float]) -> NDArray[np.float64]:
    x1, x2 = (ends[:, 0] - x) * scale[0], (ends[:, 2] - x) * scale[0]
    y1, y2 = (ends[:, 1] - y) * scale[1], (ends[:, 3] - y) * scale[1]
    dx, dy = x2 - x1, y2 - y1
    along = np.clip(-(x1 * dx + y1 * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return np.hypot(x1 + along * dx, y1 + along * dy)
