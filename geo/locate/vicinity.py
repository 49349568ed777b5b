"""Which edges can be the nearest to a point: known by tile, so that one question costs microseconds.

The plane is cut into tiles, each into `_FAN` × `_FAN` smaller ones, made when a point first falls into them. A
tile keeps the edges that may be nearest to one of its points: those not farther from its centre than the nearest
one by more than the width of the tile. Small lists end the cutting. Nothing depends on the order of questions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.locate.nearness import metres_per_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Vicinity"]

_FAN: Final = 16
_ROW: Final = 2 * _FAN  # rounding may lead to a part just beyond the last one
_FEW_EDGES: Final = 6
_DEEPEST: Final = 6
_SMALLEST_M: Final = 1.0
# In a tile of this radius a degree of longitude changes so evenly that a line through it errs by less than 1e-7.
_WIDEST_M: Final = 4_000.0
# Beyond so many kept lists all are forgotten; a county in daily use has some ten thousand.
_MOST_LISTS: Final = 400_000
_ROUNDING: Final = 1.0 + 1e-9

# East-west scale at the equator of the tile and its change with y, north-south scale, and the edges: x, y, dx, dy.
_List = tuple[float, float, float, tuple[tuple[float, float, float, float], ...]]


class _Tile:
    """A square of the plane that is cut further: where it lies, its edges, and its parts by number."""

    __slots__ = ("edges", "level", "parts", "per_x", "per_y", "x0", "y0")

    def __init__(self, box: tuple[float, float, float, float], edges: NDArray[np.intp], *, level: int) -> None:
        self.x0, self.y0 = box[0], box[1]
        self.per_x, self.per_y = _FAN / (box[2] - box[0]), _FAN / (box[3] - box[1])
        self.edges, self.level = edges, level
        self.parts: dict[int, _Tile | _List] = {}

    def part_box(self, column: int, row: int) -> tuple[float, float, float, float]:
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
    """

    def __init__(self, ends: NDArray[np.float64], *, degrees: bool) -> None:
        self._ends, self._degrees = ends, degrees
        self._lists = 0
        self._root: _Tile | None = None
        if len(ends):
            west, south = float(ends[:, ::2].min()), float(ends[:, 1::2].min())
            east, north = float(ends[:, ::2].max()), float(ends[:, 1::2].max())
            wide = max(east - west, north - south)
            box = (west - wide / 2, south - wide / 2, east + wide / 2, north + wide / 2)
            self._bounds = box
            self._root = _Tile(box, np.arange(len(ends)), level=0)

    def nearest_m(self, x: float, y: float) -> float | None:
        """Return the distance in metres from a point to the nearest edge.

        None where there is no edge, or the point lies farther from them than half their extent.
        """
        tile = self._root
        if tile is None or not (self._bounds[0] < x < self._bounds[2] and self._bounds[1] < y < self._bounds[3]):
            return None
        while True:
            key = int((y - tile.y0) * tile.per_y) * _ROW + int((x - tile.x0) * tile.per_x)
            part = tile.parts.get(key)
            if part is None:
                part = self._make(tile, key % _ROW, key // _ROW)
            if part.__class__ is tuple:
                break
            tile = part  # type: ignore[assignment]
        return _nearest_of(part, x, y)

    def _make(self, tile: _Tile, column: int, row: int) -> _Tile | _List:
        """Find the edges of a part, and keep it as a list of them or as a tile to be cut further."""
        box = tile.part_box(column, row)
        edges, radius = self._possible(tile.edges, box)
        part: _Tile | _List
        few = len(edges) <= _FEW_EDGES and (radius < _WIDEST_M or not self._degrees)
        if few or tile.level >= _DEEPEST or radius < _SMALLEST_M:
            if self._lists >= _MOST_LISTS and self._root is not None:
                self._root.parts, self._lists = {}, 0
            part = self._list_of(edges, box)
            self._lists += 1
        else:
            part = _Tile(box, edges, level=tile.level + 1)
        tile.parts[row * _ROW + column] = part
        return part

    def _list_of(self, edges: NDArray[np.intp], box: tuple[float, float, float, float]) -> _List:
        """Return edges with the scales near a box; the east-west one as the line through its values at both rims."""
        south, north = (metres_per_unit(degrees=self._degrees, y=rim) for rim in (box[1], box[3]))
        slope = (north[0] - south[0]) / (box[3] - box[1])
        ends = self._ends[edges]
        found = np.column_stack([ends[:, :2], ends[:, 2:] - ends[:, :2]])
        return south[0] - slope * box[1], slope, (south[1] + north[1]) / 2, tuple(map(tuple, found.tolist()))

    def _possible(
        self, edges: NDArray[np.intp], box: tuple[float, float, float, float]
    ) -> tuple[NDArray[np.intp], float]:
        """Return which of the edges may be nearest to a point of a box, and the box's radius in metres."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        scale = metres_per_unit(degrees=self._degrees, y=y)
        rims = [metres_per_unit(degrees=self._degrees, y=rim) for rim in (box[1], box[3])]
        stretch = max(max(a / b, b / a) for rim in rims for a, b in zip(rim, scale, strict=True))
        radius = math.hypot((box[2] - box[0]) / 2 * scale[0], (box[3] - box[1]) / 2 * scale[1]) * stretch * _ROUNDING
        apart = _distances(self._ends[edges], x, y, scale=scale)
        return edges[apart <= (float(apart.min()) + 2 * radius) * stretch * stretch], radius


def _nearest_of(known: _List, x: float, y: float) -> float:
    """Return the distance in metres to the nearest of a list's edges; no array, no call: it is asked all day."""
    at_zero, slope, scale_y, edges = known
    scale_x = at_zero + slope * y
    best = math.inf
    for x1, y1, dx, dy in edges:
        along_x, along_y = dx * scale_x, dy * scale_y
        to_x, to_y = (x - x1) * scale_x, (y - y1) * scale_y
        share = to_x * along_x + to_y * along_y
        if share > 0.0:
            whole = along_x * along_x + along_y * along_y
            share = share / whole if share < whole else 1.0
            to_x -= share * along_x
            to_y -= share * along_y
        square = to_x * to_x + to_y * to_y
        best = min(best, square)
    return math.sqrt(best)


def _distances(ends: NDArray[np.float64], x: float, y: float, *, scale: tuple[float, float]) -> NDArray[np.float64]:
    x1, x2 = (ends[:, 0] - x) * scale[0], (ends[:, 2] - x) * scale[0]
    y1, y2 = (ends[:, 1] - y) * scale[1], (ends[:, 3] - y) * scale[1]
    dx, dy = x2 - x1, y2 - y1
    along = np.clip(-(x1 * dx + y1 * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return np.hypot(x1 + along * dx, y1 + along * dy)
