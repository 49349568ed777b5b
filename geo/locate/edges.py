"""The edges of a coverage, each shared one kept once with the grid on either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import CoverageBroken, Where
from geo.predicates import orientation

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OUTSIDE", "EdgeTable", "directed_edges", "overlap", "shared_edges"]

OUTSIDE: Final = -1
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class EdgeTable:
    """Edges directed upward (horizontal ones westward) with the position of the grid on each side.

    Westward is upward under an infinitesimal shear, so that "left of the edge" is the western face
    everywhere and the southern face of a horizontal edge.

    Attributes
    ----------
    ends : ndarray of float64, shape (m, 4)
        Columns x1, y1, x2, y2 with ``y1 < y2``, or ``y1 == y2 and x1 > x2``.
    left, right : ndarray of int32, shape (m,)
        Position of the grid on either side, `OUTSIDE` where there is none.
    """

    ends: FloatArray
    left: IntArray
    right: IntArray

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self.left)


def directed_edges(geometries: NDArray[Any]) -> EdgeTable:
    """Return every ring's edges, one for each polygon that has them (shared edges stand there twice).

    Parameters
    ----------
    geometries : ndarray of shapely polygons or multipolygons
        Position in the array is the label of the edges; empty geometries and None have no edges.

    Returns
    -------
    EdgeTable
        One side holds the owner, the other `OUTSIDE`. Edges of no length are left out.
    """
    parts, owner = shapely.get_parts(shapely.orient_polygons(shapely.force_2d(geometries)), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy += 0.0  # a negative zero would be another key than zero
    owner = owner[part[ring]].astype(np.int32)
    joined = ring[:-1] == ring[1:]
    ends = np.hstack([xy[:-1], xy[1:]])[joined]
    owner = owner[:-1][joined]
    moved = (ends[:, 0] != ends[:, 2]) | (ends[:, 1] != ends[:, 3])
    return _upward(ends[moved], owner[moved])


def _upward(ends: FloatArray, owner: IntArray) -> EdgeTable:
    flip = (ends[:, 3] < ends[:, 1]) | ((ends[:, 3] == ends[:, 1]) & (ends[:, 2] > ends[:, 0]))
    ends = np.where(flip[:, None], ends[:, [2, 3, 0, 1]], ends)
    left = np.where(flip, np.int32(OUTSIDE), owner)
    right = np.where(flip, owner, np.int32(OUTSIDE))
    return EdgeTable(np.ascontiguousarray(ends), left.astype(np.int32), right.astype(np.int32))


def shared_edges(geometries: NDArray[Any], *, names: Sequence[str]) -> EdgeTable:
    """Return the edges of a coverage, each once, with both its grids.

    An edge of one grid that carries vertices of its neighbours exactly on it (a T-junction) is cut there.

    Parameters
    ----------
    geometries : ndarray of shapely polygons or multipolygons
        The coverage, valid geometries.
    names : sequence of str
        What the grids are called in an error.

    Raises
    ------
    CoverageBroken
        Two grids lie on the same side of an edge.
    """
    table = _merged(directed_edges(geometries), names=names)
    cut = _cut_at_vertices(table)
    return table if cut is None else _merged(cut, names=names)


def _merged(table: EdgeTable, *, names: Sequence[str]) -> EdgeTable:
    """Join equal edges; the owner of each side is the one instance that knows it."""
    ends = table.ends
    order = np.lexsort((ends[:, 3], ends[:, 2], ends[:, 1], ends[:, 0]))
    ends, left, right = ends[order], table.left[order], table.right[order]
    first = np.ones(len(ends), dtype=bool)
    first[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    if not starts.size:
        return table
    merged_left, merged_right = np.maximum.reduceat(left, starts), np.maximum.reduceat(right, starts)
    for side in (left, right):
        holders = np.add.reduceat((side != OUTSIDE).astype(np.int32), starts)
        if (holders > 1).any():
            worst = int(np.flatnonzero(holders > 1)[0])
            span = slice(starts[worst], starts[worst + 1] if worst + 1 < starts.size else len(ends))
            pair = [int(v) for v in side[span] if v != OUTSIDE][:2]
            raise overlap(names[pair[0]], names[pair[1]])
    return EdgeTable(ends[starts], merged_left, merged_right)


def overlap(first: str, second: str) -> CoverageBroken:
    """Return the error for two grids that share ground."""
    if first == second:
        return CoverageBroken(
            "同一块地画了两次",
            code="overlap",
            where=Where(feature=first),
            remedy="先检查并修复",
        )
    return CoverageBroken(
        f"网格 {first} 与 {second} 重叠",
        code="overlap",
        where=Where(feature=f"{first} / {second}"),
        remedy="先检查并修复; 或用 strict=False, 重叠处取靠前的网格",
    )


def _cut_at_vertices(table: EdgeTable) -> EdgeTable | None:
    """Cut edges with a grid on one side only where ends of other such edges lie exactly on them."""
    lone = np.flatnonzero((table.left == OUTSIDE) | (table.right == OUTSIDE))
    ends = table.ends[lone]
    points = np.unique(np.vstack([ends[:, :2], ends[:, 2:]]), axis=0)
    if not len(points):
        return None
    tree = shapely.STRtree(shapely.linestrings(ends.reshape(-1, 2, 2)))
    which, edge = tree.query(shapely.points(points), predicate=None)
    x, y = points[which].T
    x1, y1, x2, y2 = ends[edge].T
    inner = ((x != x1) | (y != y1)) & ((x != x2) | (y != y2))
    which, edge = which[inner], edge[inner]
    x, y = points[which].T
    x1, y1, x2, y2 = ends[edge].T
    on_it = orientation(x1, y1, x2, y2, x, y) == 0
    which, edge = which[on_it], edge[on_it]
    return _with_cuts(table, lone[edge], points[which]) if edge.size else None


def _with_cuts(table: EdgeTable, edge: NDArray[np.intp], at: FloatArray) -> EdgeTable:
    """Replace each listed edge by the pieces between its cut points."""
    touched = np.unique(edge)
    keys = np.concatenate([edge, touched, touched])
    nodes = np.vstack([at, table.ends[touched, :2], table.ends[touched, 2:]])
    order = np.lexsort((-nodes[:, 0], nodes[:, 1], keys))  # along the edge: upward, horizontal ones westward
    keys, nodes = keys[order], nodes[order]
    joined = keys[:-1] == keys[1:]
    pieces, origin = np.hstack([nodes[:-1], nodes[1:]])[joined], keys[:-1][joined]
    kept = np.ones(len(table), dtype=bool)
    kept[touched] = False
    return EdgeTable(
        np.vstack([table.ends[kept], pieces]),
        np.concatenate([table.left[kept], table.left[origin]]),
        np.concatenate([table.right[kept], table.right[origin]]),
    )
