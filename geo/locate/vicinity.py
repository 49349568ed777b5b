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
# In front of the tiles stands a table of so many cells each way, the _FANS of three levels: a leaf no smaller than one
# of them is found at one step.
_ACROSS: Final = 1024
_ROW: Final = 128  # rounding may lead to a part just beyond the last one
_FEW_EDGES: Final = 8
_DEEPEST: Final = 16
_SMALLEST_M: Final = 1.0
# In a tile of this radius a degree of longitude changes by less than one part in ten thousand.
_WIDEST_M: Final = 500.0
# Beyond so many leaves all are forgotten; a county in daily use has some ten thousand.
_MOST_LEAVES: Final = 400_000
_ROUNDING: Final = 1.0 + 1e-6
_root = math.sqrt


class Leaf:
    """The edges that may be nearest to a point of one small tile, ready for plain arithmetic.

    Attributes
    ----------
    clear : bool
        No edge comes near the tile: whatever holds one of its points holds all of them.
    kept : object
        For those who ask: what they know of a clear tile; None at first.
    """

    __slots__ = ("_first", "_more", "clear", "kept")

    def __init__(
        self, centre: tuple[float, float], scale: tuple[float, float], edges: list[list[float]], *, clear: bool
    ) -> None:
        # In metres from the centre: x, y, dx, dy, dx² + dy², and how far off the edge is; the nearest to it first.
        further = edges[1][5] if len(edges) > 1 else math.inf
        self._first = (*centre, *scale, *edges[0][:5], further)
        self._more = tuple(map(tuple, edges[1:]))
        self.clear = clear
        self.kept: Any = None

    def nearest_m(self, x: float, y: float) -> float:
        """Return the distance in metres to the nearest edge; no array, hardly a call: it is asked all day.

        An edge is no nearer than it is to the centre less the point's own way there: most often that settles it
        after the first one.
        """
        x0, y0, scale_x, scale_y, x1, y1, dx, dy, whole, further = self._first
        east, north = (x - x0) * scale_x, (y - y0) * scale_y
        to_x, to_y = east - x1, north - y1
        share = to_x * dx + to_y * dy
        if share > 0.0:
            share = share / whole if share < whole else 1.0
            to_x -= share * dx
            to_y -= share * dy
        metres = _root(to_x * to_x + to_y * to_y)  # written out twice: a call costs as much as all of it
        off = _root(east * east + north * north)
        return metres if metres + off <= further else self._among_more(east, north, metres, off)

    def _among_more(self, east: float, north: float, best: float, off: float) -> float:
        for x1, y1, dx, dy, whole, apart in self._more:
            if apart - off >= best:
                break
            to_x, to_y = east - x1, north - y1
            share = to_x * dx + to_y * dy
            if share > 0.0:
                share = share / whole if share < whole else 1.0
                to_x -= share * dx
                to_y -= share * dy
            best = min(best, _root(to_x * to_x + to_y * to_y))
        return best


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
        self._root: _Tile  # there is one where there are edges
        self._bounds: Box = (0.0, 0.0, 0.0, 0.0)
        self._front: list[list[Leaf | None]] = []
        self._per_x = self._per_y = 0.0
        if len(ends):
            west, south = float(ends[:, ::2].min()), float(ends[:, 1::2].min())
            east, north = float(ends[:, ::2].max()), float(ends[:, 1::2].max())
            wide = max(east - west, north - south)
            self._bounds = (west - wide / 2, south - wide / 2, east + wide / 2, north + wide / 2)
            self._per_x = _ACROSS / (self._bounds[2] - self._bounds[0])
            self._per_y = _ACROSS / (self._bounds[3] - self._bounds[1])
            self._forget()

    def _forget(self) -> None:
        self._root = _Tile(self._bounds, np.arange(len(self._ends)), np.arange(len(self._others)), level=0)
        # Rows are made when a point first falls into them; rounding may lead to one beyond the last.
        self._front = [[]] * (_ACROSS + 1)
        self._leaves = 0

    def nearest_m(self, x: float, y: float) -> float | None:
        """Return the distance in metres from a point to the nearest edge.

        None where there is no edge, or the point lies farther from them than half their extent.
        """
        leaf = self.leaf(x, y)
        return None if leaf is None else leaf.nearest_m(x, y)

    def leaf(self, x: float, y: float) -> Leaf | None:
        """Return what is known around a point, None as in `nearest_m`."""
        west, south, east, north = self._bounds
        if not (west < x < east and south < y < north):
            return None
        row = self._front[int((y - south) * self._per_y)]
        leaf = row[int((x - west) * self._per_x)] if row else None
        return leaf or self._descend(x, y)

    def _descend(self, x: float, y: float) -> Leaf:
        """Go down from the root, cutting where nobody went before; put in front a leaf that fills a cell there."""
        if self._leaves >= _MOST_LEAVES:
            self._forget()
        part: _Tile | Leaf = self._root
        cut, place, inside = 1, (0, 0), True
        while isinstance(part, _Tile):
            tile, fan = part, _FANS[min(part.level, 1)]
            column, row = int((x - tile.x0) * tile.per_x), int((y - tile.y0) * tile.per_y)
            part = tile.parts.get(row * _ROW + column) or self._make(tile, column, row)
            inside = inside and column < fan and row < fan
            cut, place = cut * fan, (place[0] * fan + column, place[1] * fan + row)
        if inside and cut <= _ACROSS:
            self._put_in_front(x, y, part, place=place, cells=_ACROSS // cut)
        return part

    def _put_in_front(self, x: float, y: float, leaf: Leaf, *, place: tuple[int, int], cells: int) -> None:
        """Put a leaf in front of a point where that cell is one of the leaf's own.

        A point so near to a line between cells that one rounding sends it to this side of it and the roundings on the
        way down to the other must not give the whole cell to its neighbour's leaf.
        """
        column, row = int((x - self._bounds[0]) * self._per_x), int((y - self._bounds[1]) * self._per_y)
        if (column // cells, row // cells) != place:
            return
        if not self._front[row]:
            self._front[row] = [None] * (_ACROSS + 1)
        self._front[row][column] = leaf

    def _make(self, tile: _Tile, column: int, row: int) -> _Tile | Leaf:
        """Find the edges of a part, and keep it as a leaf or as a tile to be cut further."""
        box = tile.part_box(column, row)
        edges, others, view = self._possible(tile, box)
        part: _Tile | Leaf
        few = len(edges) <= _FEW_EDGES and (view.radius < _WIDEST_M or not self._degrees)
        if few or tile.level >= _DEEPEST or view.radius < _SMALLEST_M:
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
        apart = _distances(ends, x, y, scale=scale)
        order = np.argsort(apart, kind="stable")
        found = np.column_stack([start, step, (step * step).sum(axis=1), apart])[order]
        return Leaf((x, y), scale, found.tolist(), clear=clear)

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
