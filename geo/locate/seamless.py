"""Refuse polygons that form no coverage, and name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.errors import CoverageBroken, Refused, Where
from geo.locate.edges import OUTSIDE, EdgeTable, overlap
from geo.predicates import orientation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from geo.locate.lattice import CellEdges

__all__ = [
    "NARROW_M",
    "enclosed_gaps",
    "narrow_gap",
    "refuse_crossings",
    "refuse_invalid",
    "refuse_nesting",
    "refuse_non_polygons",
    "width_m",
]

NARROW_M: Final = 1.0
_POLYGON, _MULTIPOLYGON = 3, 6
_PAIRS_AT_ONCE: Final = 2_000_000


def refuse_non_polygons(shapes: NDArray[Any], *, names: Sequence[str]) -> None:
    """Refuse anything but polygons and multipolygons with finite coordinates, naming the first."""
    if not len(shapes):
        return
    kind = shapely.get_type_id(shapes)
    wrong = np.flatnonzero((kind != _POLYGON) & (kind != _MULTIPOLYGON))
    if wrong.size:
        raise Refused(
            "不是面图形",
            code="not-a-polygon",
            where=Where(feature=names[wrong[0]]),
            remedy="去掉它, 或改画成面",
        )
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1) | shapely.is_empty(shapes)
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    finite[owner[~np.isfinite(xy).all(axis=1)]] = False
    if not finite.all():
        raise Refused(
            "坐标不是有限的数",
            code="coordinate-not-finite",
            where=Where(feature=names[int(np.flatnonzero(~finite)[0])]),
            remedy="删除或改正该要素",
        )


def refuse_invalid(shapes: NDArray[Any], *, names: Sequence[str]) -> None:
    """Refuse empty and self-crossing polygons, naming the first."""
    empty, valid = shapely.is_empty(shapes), shapely.is_valid(shapes)
    bad = np.flatnonzero(empty | ~valid)
    if bad.size:
        first = int(bad[0])
        reason = "图形是空的" if empty[first] else f"图形自相交或不合法: {shapely.is_valid_reason(shapes[first])}"
        raise CoverageBroken(reason, code="invalid-polygon", where=Where(feature=names[first]), remedy="先检查并修复")


def refuse_crossings(edges: EdgeTable, pairs: CellEdges, *, names: Sequence[str]) -> None:
    """Refuse edges that meet elsewhere than at common ends: their polygons share ground.

    Edges that meet do so in some cell, and both are listed there; so only edges of one cell are compared,
    exactly.
    """
    first = np.flatnonzero(np.diff(pairs.cell, prepend=-1))
    count = np.diff(first, append=len(pairs.cell))
    crowded = count > 1
    first, count = first[crowded], count[crowded]
    cuts = np.searchsorted(
        np.cumsum(count.astype(np.int64) ** 2), np.arange(_PAIRS_AT_ONCE, int((count**2).sum()) + 1, _PAIRS_AT_ONCE)
    )
    for begin, end in zip(np.r_[0, cuts], np.r_[cuts, len(count)], strict=True):
        if begin < end:
            _refuse_among(edges, pairs, first[begin:end], count[begin:end], names=names)


def _refuse_among(
    edges: EdgeTable, pairs: CellEdges, first: NDArray[np.int64], count: NDArray[np.int64], *, names: Sequence[str]
) -> None:
    square = count * count
    owner = np.repeat(np.arange(len(count)), square)
    step = np.arange(len(owner)) - (np.cumsum(square) - square)[owner]
    i, j = np.divmod(step, count[owner])
    kept = i < j
    a = pairs.code[first[owner[kept]] + i[kept]] >> 2
    b = pairs.code[first[owner[kept]] + j[kept]] >> 2
    met = _meet_wrongly(edges.ends[a], edges.ends[b])
    if met.any():
        k = int(np.flatnonzero(met)[0])
        raise overlap(*_two_names(edges, int(a[k]), int(b[k]), names))


def _two_names(edges: EdgeTable, a: int, b: int, names: Sequence[str]) -> tuple[str, str]:
    sides = [[p for p in (int(edges.left[e]), int(edges.right[e])) if p != OUTSIDE] for e in (a, b)]
    first = sides[0][0]
    second = next((p for p in sides[1] if p != first), first)
    return names[first], names[second]


def _meet_wrongly(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which pairs of edges share a point that is not an end of both."""
    boxes = np.ones(len(p), dtype=bool)
    for low, high in ((0, 2), (1, 3)):
        boxes &= np.minimum(p[:, low], p[:, high]) <= np.maximum(q[:, low], q[:, high])
        boxes &= np.minimum(q[:, low], q[:, high]) <= np.maximum(p[:, low], p[:, high])
    rows = np.flatnonzero(boxes)
    p, q = p[rows], q[rows]
    (px1, py1, px2, py2), (qx1, qy1, qx2, qy2) = p.T, q.T
    q1, q2 = orientation(px1, py1, px2, py2, qx1, qy1), orientation(px1, py1, px2, py2, qx2, qy2)
    p1, p2 = orientation(qx1, qy1, qx2, qy2, px1, py1), orientation(qx1, qy1, qx2, qy2, px2, py2)
    wrong = (q1 * q2 < 0) & (p1 * p2 < 0)
    for side, x, y, other in ((q1, qx1, qy1, p), (q2, qx2, qy2, p), (p1, px1, py1, q), (p2, px2, py2, q)):
        wrong |= (side == 0) & _strictly_inside(x, y, other)
    met = np.zeros(len(boxes), dtype=bool)
    met[rows] = wrong
    return met


def _strictly_inside(x: NDArray[np.float64], y: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points on the line of an edge lie on the edge but at neither end."""
    x1, y1, x2, y2 = ends.T
    within = (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2)) & (y1 <= y) & (y <= y2)
    at_end = ((x == x1) & (y == y1)) | ((x == x2) & (y == y2))
    return np.asarray(within & ~at_end, dtype=bool)


def refuse_nesting(edges: EdgeTable, holder: NDArray[np.int32], *, names: Sequence[str]) -> None:
    """Refuse a polygon that lies inside another without touching its edges.

    Parameters
    ----------
    holder : ndarray of int32, shape (m,)
        What the index answers for the lower end of each edge. In a coverage this is a grid (or the outside)
        beside one of the edges at that point.
    """
    if not len(edges):
        return
    beside = (holder == edges.left) | (holder == edges.right)
    end = (edges.ends[:, 2] + 0.0, edges.ends[:, 3] + 0.0)
    points = np.vstack([edges.ends[:, :2], np.column_stack(end)])
    _, node = np.unique(points, axis=0, return_inverse=True)
    lower, upper = np.split(node.ravel(), 2)
    answer = np.full(int(node.max()) + 1, np.iinfo(np.int32).min)
    answer[lower] = holder
    good = np.zeros(len(answer), dtype=bool)
    good[lower[beside]] = True
    known = answer[upper]
    good[upper[(known == edges.left) | (known == edges.right)]] = True
    bad = np.flatnonzero(~good[lower])
    if bad.size:
        e = int(bad[0])
        inner = int(max(edges.left[e], edges.right[e]))
        raise CoverageBroken(
            f"网格 {names[inner]} 落在另一个网格里面",
            code="overlap",
            where=Where(feature=names[inner]),
            remedy="从外面的网格里挖去它; 或用 strict=False, 重叠处取靠前的网格",
        )


def enclosed_gaps(
    edges: EdgeTable, *, holder: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int32]]
) -> list[Any]:
    """Return the faces that the outer boundary encloses and no grid holds, as polygons."""
    lone = edges.ends[(edges.left == OUTSIDE) | (edges.right == OUTSIDE)]
    faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(lone.reshape(-1, 2, 2))))
    if len(faces) <= 1 and not shapely.get_num_interior_rings(faces).any():
        return []
    inner = shapely.point_on_surface(faces)
    return list(faces[holder(shapely.get_x(inner), shapely.get_y(inner)) == OUTSIDE])


def width_m(gap: Any, *, scale: tuple[float, float]) -> float:
    """Return the width of a gap: the diameter of the largest circle in it, in metres.

    A face of area A and perimeter P holds a circle of radius A/P at least (Bonnesen), so a wide one is
    recognised without looking for the circle; the value is then that lower bound.
    """
    plane = shapely.transform(gap, lambda c: (c - shapely.get_coordinates(gap)[0]) * np.array(scale))
    at_least = 2.0 * shapely.area(plane) / shapely.length(plane)
    if at_least >= NARROW_M:
        return float(at_least)
    tolerance = max(float(at_least) * 1e-3, 1e-9)
    return 2.0 * float(shapely.length(shapely.maximum_inscribed_circle(plane, tolerance)))


def narrow_gap(gap: Any, *, width_m: float, edges: EdgeTable, names: Sequence[str]) -> CoverageBroken:
    """Return the error for a gap between grids, naming those around it."""
    around = {tuple(v) for v in shapely.get_coordinates(gap).tolist()}
    beside = [k for k, e in enumerate(edges.ends.tolist()) if tuple(e[:2]) in around and tuple(e[2:]) in around]
    grids = sorted(
        {int(max(edges.left[k], edges.right[k])) for k in beside if OUTSIDE in (edges.left[k], edges.right[k])}
    )
    called = ", ".join(names[g] for g in grids[:8])
    x, y = shapely.get_coordinates(shapely.point_on_surface(gap))[0]
    return CoverageBroken(
        f"网格 {called} 之间有宽 {width_m:.3g} m 的缝隙, 位于 {x:.9g}, {y:.9g}",
        code="gap",
        where=Where(feature=" / ".join(names[g] for g in grids[:8])),
        remedy="先检查并修复; 或用 strict=False, 缝隙算作界外",
    )
