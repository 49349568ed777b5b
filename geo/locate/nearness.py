"""One point closely: its grid, how far the nearest boundary is, and which grids lie within reach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.locate.blocks import SIDE, blocks_across
from geo.locate.edges import OUTSIDE
from geo.locate.lattice import LOWER_INSIDE, UPPER_INSIDE
from geo.predicates import orientation_of

if TYPE_CHECKING:
    from geo.locate.cells import Cells
    from geo.locate.edges import EdgeTable
    from geo.locate.fabric import Fabric
    from geo.locate.layers import Layers

__all__ = ["metres_per_unit", "nearest_edge_m", "place_one"]

FloatArray = NDArray[np.float64]
LongArray = NDArray[np.int64]

# So few edges are measured one by one faster than as columns.
_FEW: Final = 24
# CGCS2000 ellipsoid.
_SEMI_MAJOR_M: Final = 6378137.0
_FLATTENING: Final = 1.0 / 298.257222101
_ECCENTRICITY_2: Final = _FLATTENING * (2.0 - _FLATTENING)


def metres_per_unit(*, degrees: bool, y: float) -> tuple[float, float]:
    """Return the metres of one unit of x and of one unit of y at a point.

    In degrees these are the lengths of a degree of longitude and of latitude on the CGCS2000 ellipsoid;
    distances of some kilometres come out right to about one part in ten thousand.
    """
    if not degrees:
        return 1.0, 1.0
    latitude = math.radians(min(max(y, -89.9), 89.9))
    bulge = 1.0 - _ECCENTRICITY_2 * math.sin(latitude) ** 2
    prime_vertical = _SEMI_MAJOR_M / math.sqrt(bulge)
    meridian = prime_vertical * (1.0 - _ECCENTRICITY_2) / bulge
    return math.radians(prime_vertical * math.cos(latitude)), math.radians(meridian)


def place_one(fabric: Fabric[Cells], x: float, y: float) -> tuple[int, bool]:
    """Return the position that holds a point and whether the point lies exactly on an edge."""
    lattice, cells, edges = fabric.lattice, fabric.held, fabric.edges
    u, v = (x - lattice.x0) * lattice.per_x, (y - lattice.y0) * lattice.per_y
    if not (0.0 <= u < lattice.columns and 0.0 <= v < lattice.rows):
        return OUTSIDE, False
    entry: int = cells.table.item(int(v) * lattice.columns + int(u))
    if entry >= OUTSIDE:
        return entry, False
    number = -2 - entry
    if number < len(edges):
        return _beside_edge(edges, number, x=x, y=y)
    return _among_edges(fabric, number - len(edges), x=x, y=y)


def _beside_edge(edges: EdgeTable, edge: int, *, x: float, y: float) -> tuple[int, bool]:
    x1, y1, x2, y2 = edges.ends[edge].tolist()
    side = orientation_of(x1, y1, x2, y2, x, y)
    left, right = edges.left.item(edge), edges.right.item(edge)
    if side > 0:
        return left, False
    return (left if side == 0 and right == OUTSIDE else right), side == 0


def _among_edges(fabric: Fabric[Cells], number: int, *, x: float, y: float) -> tuple[int, bool]:
    cells, edges = fabric.held, fabric.edges
    first, pairs, label = cells.mixed[number].tolist()
    touched: list[int] = []
    on_edge = False
    for code in cells.code[first : first + pairs].tolist():
        x1, y1, x2, y2 = edges.ends[code >> 2].tolist()
        side = orientation_of(x1, y1, x2, y2, x, y)
        left, right = edges.left.item(code >> 2), edges.right.item(code >> 2)
        below = code & LOWER_INSIDE and y < y1
        above = code & UPPER_INSIDE and y >= y2
        if side > 0 and not below and not above:
            label += left - right
        elif side == 0 and y1 <= y <= y2 and min(x1, x2) <= x <= max(x1, x2):
            on_edge = True
            touched += [p for p in (left, right) if p != OUTSIDE]
    return (min(touched) if label == OUTSIDE and touched else label), on_edge


def _distances(ends: FloatArray, x: float, y: float, *, scale: tuple[float, float]) -> FloatArray:
    """Return the distance in metres from a point to each edge."""
    if len(ends) <= _FEW:
        return np.array([_distance(end, x, y, scale=scale) for end in ends.tolist()])
    x1, x2 = (ends[:, 0] - x) * scale[0], (ends[:, 2] - x) * scale[0]
    y1, y2 = (ends[:, 1] - y) * scale[1], (ends[:, 3] - y) * scale[1]
    dx, dy = x2 - x1, y2 - y1
    along = np.clip(-(x1 * dx + y1 * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return np.hypot(x1 + along * dx, y1 + along * dy)


def _distance(end: list[float], x: float, y: float, *, scale: tuple[float, float]) -> float:
    """Return the distance in metres from a point to one edge."""
    x1, y1, x2, y2 = end
    along_x, along_y = (x2 - x1) * scale[0], (y2 - y1) * scale[1]
    to_x, to_y = (x - x1) * scale[0], (y - y1) * scale[1]
    share = (to_x * along_x + to_y * along_y) / (along_x * along_x + along_y * along_y)
    share = 0.0 if share < 0.0 else min(share, 1.0)
    return math.hypot(to_x - share * along_x, to_y - share * along_y)


def nearest_edge_m(
    fabric: Fabric[Cells | Layers], x: float, y: float, *, scale: tuple[float, float], within_m: float
) -> tuple[float | None, NDArray[np.int32]]:
    """Return the distance to the nearest edge and the edges at most `within_m` away.

    Windows of blocks around the point are looked at, each twice as wide as the former, until no edge beyond
    the window can be nearer than the nearest one in it, nor within `within_m`; an edge may come several times.
    """
    lattice, blocks = fabric.lattice, fabric.blocks
    step = SIDE * min(scale[0] / lattice.per_x, scale[1] / lattice.per_y)
    widest = max(blocks_across(lattice.rows), blocks_across(lattice.columns))
    reach = int(min(max(math.ceil(within_m / step), 1), widest)) if len(fabric.edges) else 0
    while reach:
        near = blocks.within(lattice, x, y, reach=reach)
        if near.size:
            distance = _distances(fabric.edges.ends[near], x, y, scale=scale)
            least = float(distance.min())
            if least <= reach * step or reach >= widest:
                return least, near[distance <= within_m]
            reach = int(min(math.ceil(least / step), widest))
        else:
            reach = min(2 * reach, widest)
    return None, np.empty(0, dtype=np.int32)
