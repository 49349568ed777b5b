"""Polygons that may overlap, leave gaps or lie apart: each one is settled by its own parity.

The lattice is that of a coverage. A cell knows the polygons that hold it whole, and for each polygon whose
boundary enters it the parity of its reference point and the edges of that polygon in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.locate.cells import west_of_edges
from geo.locate.edges import OUTSIDE, EdgeTable
from geo.locate.kernel import between, look_up, sides
from geo.locate.lattice import LOWER_INSIDE, UPPER_INSIDE, CellEdges, Lattice, row_crossings
from geo.predicates import orientation_of

if TYPE_CHECKING:
    from geo.locate.fabric import Fabric, Points

__all__ = ["NOBODY", "Layers", "all_layers", "holders_of", "layers_of", "place_in_layers"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
LongArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NOBODY: Final = np.iinfo(np.int32).max
_BLOCK: Final = 262_144


@dataclass(frozen=True, slots=True)
class Layers:
    """The look-up table of overlapping polygons.

    Attributes
    ----------
    table : ndarray of int32, shape (rows · columns,)
        The only polygon that holds the whole cell, −1 where none does, or −2 − b for mixed cell b.
    whole_start : ndarray of int64, shape (mixed cells + 1,)
        First entry in `whole` of each mixed cell.
    whole : ndarray of int32
        Polygons that hold a mixed cell whole, ascending within the cell.
    group_start : ndarray of int64, shape (mixed cells + 1,)
        First group of each mixed cell.
    group_polygon : ndarray of int32, shape (groups,)
        The polygon whose boundary enters the cell, ascending within the cell.
    group_base : ndarray of int8, shape (groups,)
        Constant of the parity.
    start : ndarray of int64, shape (groups + 1,)
        First pair of each group.
    code : ndarray of int32, shape (pairs,)
        Edge number × 4 and flags, as in `geo.locate.lattice.CellEdges`.
    """

    table: IntArray
    whole_start: LongArray
    whole: IntArray
    group_start: LongArray
    group_polygon: IntArray
    group_base: NDArray[np.int8]
    start: LongArray
    code: IntArray


def layers_of(lattice: Lattice, table: EdgeTable, pairs: CellEdges, *, polygons: int) -> Layers:
    """Build the look-up table from edges that keep their polygons apart (`directed_edges`)."""
    owner = np.maximum(table.left, table.right).astype(np.int64)
    held = _held_cells(lattice, table, owner, polygons=polygons)
    key = pairs.cell * polygons + owner[pairs.code >> 2]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    group = key[first]
    start = np.append(first, len(key)).astype(np.int64)
    at = np.minimum(np.searchsorted(held, group), max(len(held) - 1, 0))
    inside = held[at] == group if len(held) else np.zeros(len(group), dtype=bool)
    base = _group_bases(lattice, table, pairs, start=start, inside=inside)
    whole = np.delete(held, at[inside])
    return _assembled(lattice, whole, group, base=base, start=start, code=pairs.code, polygons=polygons)


def _held_cells(lattice: Lattice, table: EdgeTable, owner: LongArray, *, polygons: int) -> LongArray:
    """Return cell × polygons + polygon, ascending, where the polygon holds the cell's reference point."""
    found = [(owner[edge], row, count) for edge, row, count in row_crossings(lattice, table)]
    if not found:
        return np.empty(0, dtype=np.int64)
    polygon, row, count = (np.concatenate(c) for c in zip(*found, strict=True))
    order = np.lexsort((count, row, polygon))
    polygon, row, count = polygon[order], row[order], count[order]
    # Crossings of one polygon with one row come in pairs: between the two of a pair is inside.
    polygon, row, begin, end = polygon[::2], row[::2], count[::2], count[1::2]
    span = np.repeat(np.arange(len(begin)), end - begin)
    step = np.arange(len(span)) - (np.cumsum(end - begin) - (end - begin))[span]
    cell = row[span] * lattice.columns + begin[span] + step
    return np.sort(cell * polygons + polygon[span])


def _group_bases(
    lattice: Lattice, table: EdgeTable, pairs: CellEdges, *, start: LongArray, inside: BoolArray
) -> NDArray[np.int8]:
    if not len(pairs.cell):
        return np.empty(0, dtype=np.int8)
    row, column = np.divmod(pairs.cell, lattice.columns)
    crossed = west_of_edges(table.ends, pairs.code, lattice.centre_x()[column], lattice.centre_y()[row])
    return (np.add.reduceat(crossed.astype(np.int64), start[:-1]) + inside).astype(np.int8) & 1


def _assembled(
    lattice: Lattice,
    whole: LongArray,
    group: LongArray,
    *,
    base: NDArray[np.int8],
    start: LongArray,
    code: IntArray,
    polygons: int,
) -> Layers:
    """Give cells with one holder and no boundary their polygon, and number the mixed ones."""
    table = np.full(lattice.size, OUTSIDE, dtype=np.int32)
    cell, polygon = np.divmod(whole, max(polygons, 1))
    table[cell[::-1]] = polygon[::-1]
    doubled = cell[1:][cell[1:] == cell[:-1]]
    group_cell, group_polygon = np.divmod(group, max(polygons, 1))
    mixed = np.unique(np.concatenate([doubled, group_cell]))
    table[mixed] = -2 - np.arange(len(mixed), dtype=np.int32)
    kept = table[cell] < OUTSIDE
    bounds = np.append(mixed, lattice.size)
    return Layers(
        table,
        np.searchsorted(cell[kept], bounds).astype(np.int64),
        polygon[kept].astype(np.int32),
        np.searchsorted(group_cell, bounds).astype(np.int64),
        group_polygon.astype(np.int32),
        base,
        start,
        code,
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """The groups that points in mixed cells meet: who meets which, holding it or touching its boundary."""

    point: NDArray[np.intp]
    polygon: IntArray
    holds: BoolArray
    touches: BoolArray


def _met_groups(fabric: Fabric[Layers], points: Points, *, rows: NDArray[np.intp], number: IntArray) -> _Groups:
    layers = fabric.held
    first = layers.group_start[number]
    point, group = _members(first, layers.group_start[number + 1] - first)
    begin = layers.start[group]
    meeting, pair = _members(begin, layers.start[group + 1] - begin)
    code = layers.code[pair]
    at = rows[point][meeting]
    ends, x, y = np.take(fabric.edges.ends, code >> 2, axis=0), points.x[at], points.y[at]
    west, zero = sides(ends, x, y)
    west &= ((code & LOWER_INSIDE) == 0) | (ends[:, 1] <= y)
    west &= ((code & UPPER_INSIDE) == 0) | (y < ends[:, 3])
    crossings = np.bincount(meeting, weights=west, minlength=len(group)).astype(np.int64)
    touches = np.zeros(len(group), dtype=bool)
    touches[meeting[zero[between(ends[zero], x[zero], y[zero])]]] = True
    holds = ((crossings + layers.group_base[group]) & 1).astype(bool)
    return _Groups(point, layers.group_polygon[group], holds, touches)


def _members(first: LongArray, count: LongArray) -> tuple[NDArray[np.intp], LongArray]:
    owner = np.repeat(np.arange(len(first)), count)
    return owner, (first - (np.cumsum(count) - count))[owner] + np.arange(len(owner))


def place_in_layers(fabric: Fabric[Layers], points: Points) -> None:
    """Write the lowest position that holds each point, −1 where none does, and whether it lies on an edge."""
    for start in range(0, len(points.x), _BLOCK):
        _place_block(fabric, points.part(slice(start, start + _BLOCK)))


def _place_block(fabric: Fabric[Layers], points: Points) -> None:
    layers = fabric.held
    look_up(fabric.lattice, layers.table, points)
    rows = np.flatnonzero(points.out < OUTSIDE)
    number = -2 - points.out[rows]
    first = layers.whole_start[number]
    found = np.full(len(rows), NOBODY, dtype=np.int32)
    some = layers.whole_start[number + 1] > first
    found[some] = layers.whole[first[some]]
    met = _met_groups(fabric, points, rows=rows, number=number)
    np.minimum.at(found, met.point[met.holds], met.polygon[met.holds])
    closed = met.touches & (found == NOBODY)[met.point]
    np.minimum.at(found, met.point[closed], met.polygon[closed])
    found[found == NOBODY] = OUTSIDE
    points.out[rows] = found
    if points.boundary is not None:
        points.boundary[rows[met.point[met.touches]]] = True


def all_layers(fabric: Fabric[Layers], points: Points) -> tuple[LongArray, IntArray]:
    """Return (point, position) for every polygon that holds a point, by point, then by position."""
    layers, entry = fabric.held, points.out
    look_up(fabric.lattice, layers.table, points)
    alone = np.flatnonzero(entry >= 0)
    rows = np.flatnonzero(entry < OUTSIDE)
    number = -2 - entry[rows]
    first = layers.whole_start[number]
    owner, member = _members(first, layers.whole_start[number + 1] - first)
    met = _met_groups(fabric, points, rows=rows, number=number)
    held = np.zeros(len(rows), dtype=bool)
    held[owner] = True
    held[met.point[met.holds]] = True
    lowest = np.full(len(rows), NOBODY, dtype=np.int32)
    closed = met.touches & ~held[met.point]
    np.minimum.at(lowest, met.point[closed], met.polygon[closed])
    lonely = np.flatnonzero(lowest != NOBODY)
    point = np.concatenate([alone, rows[owner], rows[met.point[met.holds]], rows[lonely]]).astype(np.int64)
    position = np.concatenate([entry[alone], layers.whole[member], met.polygon[met.holds], lowest[lonely]])
    order = np.lexsort((position, point))
    return point[order], position[order].astype(np.int32)


def holders_of(fabric: Fabric[Layers], x: float, y: float) -> list[int]:
    """Return every polygon that holds one point, ascending; the same as `all_layers`, without arrays."""
    lattice, layers = fabric.lattice, fabric.held
    u, v = (x - lattice.x0) * lattice.per_x, (y - lattice.y0) * lattice.per_y
    if not (0.0 <= u < lattice.columns and 0.0 <= v < lattice.rows):
        return []
    entry: int = layers.table.item(int(v) * lattice.columns + int(u))
    if entry >= OUTSIDE:
        return [entry] if entry != OUTSIDE else []
    number = -2 - entry
    held: list[int] = layers.whole[layers.whole_start.item(number) : layers.whole_start.item(number + 1)].tolist()
    touched: list[int] = []
    for group in range(layers.group_start.item(number), layers.group_start.item(number + 1)):
        holds, touches = _of_group(fabric, group, x=x, y=y)
        if holds or touches:
            (held if holds else touched).append(layers.group_polygon.item(group))
    return sorted(held) if held or not touched else [min(touched)]


def _of_group(fabric: Fabric[Layers], group: int, *, x: float, y: float) -> tuple[bool, bool]:
    """Tell whether the polygon of a group holds a point, and whether the point lies on one of its edges."""
    layers = fabric.held
    crossings: int = layers.group_base.item(group)
    touches = False
    for code in layers.code[layers.start.item(group) : layers.start.item(group + 1)].tolist():
        x1, y1, x2, y2 = fabric.edges.ends[code >> 2].tolist()
        side = orientation_of(x1, y1, x2, y2, x, y)
        below = code & LOWER_INSIDE and y < y1
        above = code & UPPER_INSIDE and y >= y2
        crossings += side > 0 and not below and not above
        touches = touches or (side == 0 and y1 <= y <= y2 and min(x1, x2) <= x <= max(x1, x2))
    return bool(crossings & 1), touches
