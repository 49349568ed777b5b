"""Repair on request: polygons drawn apart become one coverage, within a stated tolerance and with a list of changes.

`repair` never moves a vertex further than the tolerance and never gives away ground wider than it; what
is wider stays a finding that blocks activation. `settle` gives that away too, by a stated rule, when a
planner has seen it and asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.errors import Refused
from geo.model import Finding, FindingCode, Geometry
from geo.settings import Limits
from geo.topology.admission import usable
from geo.topology.crossings import require_bounded, resolve
from geo.topology.faces import NOBODY, Faces
from geo.topology.findings import check
from geo.topology.snapping import lead_through, snap_vertices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric

__all__ = ["SETTLING_RULE", "Change", "Repaired", "repair", "settle"]

SETTLING_RULE = "longest-shared-edge"
# Moves below a tenth of the lattice step are arithmetic, not changes.
_UNMOVED_M = 1e-5
# A detached part below this share of its grid is a slip of the pen when the planner asks for settling.
_SLIP_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing a repair did.

    `code` is ``node-moved``, ``self-crossing``, ``gap``, ``overlap``, ``sliver`` or ``outside-extent``; `moved_m` is
    how far a node went, or how wide the ground is that changed hands.
    """

    code: str
    features: tuple[str, ...]
    lon: float
    lat: float
    moved_m: float
    area_m2: float
    message: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """Geometries in input order, every change made, and the findings that are left."""

    geometries: tuple[Geometry, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]


def repair(
    geometries: Sequence[Geometry],
    *,
    names: Sequence[str],
    metric: Metric,
    tolerance_m: float,
    extent: Geometry | None = None,
    parents: Sequence[str] | None = None,
    limits: Limits | None = None,
) -> Repaired:
    """Make one coverage of polygons drawn apart.

    Parameters
    ----------
    geometries : sequence of shapely polygons
        CGCS2000 degrees, tangled or not.
    names : sequence of str
        What changes and findings call each polygon.
    metric : Metric
        The county's plane.
    tolerance_m : float
        No vertex moves further, no strip wider than this changes hands; above 0 and at most 50.
    extent : Polygon or MultiPolygon, optional
        What the polygons must fill exactly; it does not move.
    parents : sequence of str, optional
        Community of each polygon, handed on to the check.

    Raises
    ------
    Refused
        A polygon is missing or empty, or the tolerance is out of range.
    HostileFile
        A polygon passes the limits of size or crossings.
    """
    if not 0 < tolerance_m <= 50:  # noqa: PLR2004 - beyond 50 m it is redrawing
        raise Refused("the tolerance must be above 0 and at most 50 m", code="tolerance", remedy="give metres")
    drawn = _admitted(geometries, names, limits or Limits())
    whole = None if extent is None else crs.snap_geometry(extent)
    plane = metric.project(drawn)
    moved = snap_vertices(plane, None if whole is None else metric.project(whole), tolerance_m=tolerance_m)
    snapped = metric.unproject(lead_through(moved.shapes, tolerance_m=tolerance_m))
    faces = Faces.cut(snapped, whole, metric=metric)
    owner, given = faces.owners(tolerance_m=tolerance_m)
    owner, slivers = faces.drop_slivers(owner, width_m=tolerance_m, share=0.0)
    made = faces.polygons(owner, len(drawn), also=_left_open(faces, owner, tolerance_m))
    changes = [
        *_tangles(geometries, names, metric),
        *_moves(moved.before, moved.after, metric, drawn, names),
        *_gifts(faces, owner, np.flatnonzero(given).tolist(), names),
        *_gifts(faces, owner, slivers, names, code=FindingCode.SLIVER),
        *_cut_off(faces, names, tolerance_m),
    ]
    findings = check(made, names=names, metric=metric, extent=extent, parents=parents)
    return Repaired(tuple(made), tuple(changes), tuple(findings))


def settle(
    geometries: Sequence[Geometry],
    findings: Sequence[Finding],
    *,
    names: Sequence[str],
    metric: Metric,
    extent: Geometry | None = None,
    parents: Sequence[str] | None = None,
    rule: str = SETTLING_RULE,
) -> Repaired:
    """Give every gap and overlap that is left, however wide, to the neighbour with the longest shared edge.

    Ground outside the extent is cut off; a detached scrap below 1 % of its grid goes to its neighbour.

    Parameters
    ----------
    geometries : sequence of shapely polygons
        As `repair` left them.
    findings : sequence of Finding
        What `repair` left; nothing is done where none of them blocks.
    rule : str
        Only ``longest-shared-edge``.
    """
    if rule != SETTLING_RULE:
        raise Refused(f"{rule!r} is no rule for settling", remedy=f"use {SETTLING_RULE}")
    if not any(f.blocking for f in findings):
        return Repaired(tuple(geometries), (), tuple(findings))
    whole = None if extent is None else crs.snap_geometry(extent)
    faces = Faces.cut(_admitted(geometries, names, Limits()), whole, metric=metric)
    owner, given = faces.owners(tolerance_m=np.inf)
    owner, slips = faces.drop_slivers(owner, width_m=0.0, share=_SLIP_SHARE)
    made = faces.polygons(owner, len(geometries))
    changes = [
        *_gifts(faces, owner, np.flatnonzero(given).tolist(), names),
        *_gifts(faces, owner, slips, names, code=FindingCode.SLIVER),
        *_cut_off(faces, names, np.inf),
    ]
    return Repaired(
        tuple(made), tuple(changes), tuple(check(made, names=names, metric=metric, extent=extent, parents=parents))
    )


def _admitted(geometries: Sequence[Geometry], names: Sequence[str], limits: Limits) -> NDArray[np.object_]:
    for geometry, name in zip(geometries, names, strict=True):
        if not usable(geometry):
            raise Refused(f"{name} has no usable polygon", code="geometry-missing", remedy="redraw it, then repair")
    shapes = np.asarray(crs.snap_geometry(np.array(list(geometries), dtype=object)), dtype=object)
    require_bounded(shapes, names, limits)
    for i in np.flatnonzero(~shapely.is_valid(shapes)).tolist():
        shapes[i] = resolve(shapes[i])
    return shapes


def _left_open(faces: Faces, owner: NDArray[np.int64], tolerance_m: float) -> list[tuple[int, int]]:
    """Return (polygon, face) of disputed ground wider than the tolerance: it stays with all who drew it."""
    open_faces = np.flatnonzero((owner == NOBODY) & (faces.width_m > tolerance_m)).tolist()
    return [(p, f) for f in open_faces for p in faces.covers[f]]


def _tangles(geometries: Sequence[Geometry], names: Sequence[str], metric: Metric) -> list[Change]:
    found = []
    for geometry, name in zip(geometries, names, strict=True):
        if shapely.is_valid(geometry):
            continue
        spot = shapely.point_on_surface(resolve(crs.snap_geometry(geometry)))
        before, after = float(metric.area_m2(geometry)), float(metric.area_m2(resolve(crs.snap_geometry(geometry))))
        message = f"{name}的边界自相交，按其所围范围读取"
        found.append(_change("self-crossing", (name,), spot, 0.0, abs(after - before), message))
    return found


def _moves(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    metric: Metric,
    drawn: NDArray[np.object_],
    names: Sequence[str],
) -> list[Change]:
    far = np.hypot(*(after - before).T)
    moved = np.flatnonzero(far > _UNMOVED_M)
    if not len(moved):
        return []
    lon, lat = metric.inverse(before[moved, 0], before[moved, 1])
    points, owner = shapely.get_coordinates(metric.project(drawn), return_index=True)
    owner_of = {tuple(p): int(o) for p, o in zip(points.tolist(), owner.tolist(), strict=True)}
    return [
        Change(
            code="node-moved",
            features=(names[owner_of[tuple(before[k].tolist())]],),
            lon=float(x),
            lat=float(y),
            moved_m=float(far[k]),
            area_m2=0.0,
            message=f"节点移动{far[k]:.2f}米，与相邻边界重合",
        )
        for k, x, y in zip(moved.tolist(), lon, lat, strict=True)
    ]


def _gifts(
    faces: Faces,
    owner: NDArray[np.int64],
    given: Sequence[int],
    names: Sequence[str],
    *,
    code: FindingCode | None = None,
) -> list[Change]:
    found = []
    for face in given:
        taker = int(owner[face])
        if taker == NOBODY:
            continue
        kind = code or (FindingCode.OVERLAP if faces.covers[face] else FindingCode.GAP)
        word = {FindingCode.OVERLAP: "重叠", FindingCode.GAP: "缝隙"}.get(kind, "碎片")
        width, area = float(faces.width_m[face]), float(faces.area_m2[face])
        others = tuple(names[p] for p in faces.covers[face] if p != taker)
        message = f"宽{width:.2f}米、面积{area:.1f}平方米的{word}划归{names[taker]}（与其共边最长）"
        spot = shapely.point_on_surface(faces.shapes[face])
        found.append(_change(kind.value, (names[taker], *others), spot, width, area, message))
    return found


def _cut_off(faces: Faces, names: Sequence[str], widest_m: float) -> list[Change]:
    outside = np.flatnonzero(~faces.inside & (faces.width_m <= widest_m)).tolist()
    found = []
    for face in outside:
        if not faces.covers[face]:
            continue
        features = tuple(names[p] for p in faces.covers[face])
        width, area = float(faces.width_m[face]), float(faces.area_m2[face])
        message = f"{features[0]}超出范围的部分（宽{width:.2f}米）已裁去"
        spot = shapely.point_on_surface(faces.shapes[face])
        found.append(_change(FindingCode.OUTSIDE_EXTENT.value, features, spot, width, area, message))
    return found


def _change(
    code: str, features: tuple[str, ...], spot: Geometry, moved_m: float, area_m2: float, message: str
) -> Change:
    return Change(
        code=code,
        features=features,
        lon=float(shapely.get_x(spot)),
        lat=float(shapely.get_y(spot)),
        moved_m=moved_m,
        area_m2=area_m2,
        message=message,
    )
