"""Check polygons that ought to form a coverage: all findings, nothing changed.

Looking between neighbours is not enough: each polygon is also looked at alone, the union is compared with the
declared extent, and holes of the union are found, for each of these escapes the others.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import crs
from geo.errors import Refused
from geo.model import Finding, FindingCode, Geometry
from geo.settings import Limits
from geo.topology.admission import place_of, usable
from geo.topology.chains import lone_segments, rings_of
from geo.topology.crossings import crossing_places, require_bounded, resolve
from geo.topology.words import make_finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geo.crs import Metric

__all__ = ["Survey", "check"]

Shapes = NDArray[np.object_]

# Strips thinner than this come from vertices missing on a neighbour's edge, not from drawing: unmatched edges.
NOISE_M: Final = 1e-3
MATCH_DEG: Final = 1e-8
# Two polygons that share at least this part of either are the same area twice.
TWIN_SHARE: Final = 0.98
# A notch in the outer boundary counts as a gap between two grids when it is this many times longer than wide.
SLIT_RATIO: Final = 5.0


def check(
    geometries: Sequence[Geometry | None],
    *,
    names: Sequence[str],
    metric: Metric,
    extent: Geometry | None = None,
    parents: Sequence[str] | None = None,
    codes: Sequence[str | None] | None = None,
    gap_width_m: float = 1.0,
    limits: Limits | None = None,
) -> list[Finding]:
    """Report every defect of polygons that ought to form a coverage.

    Parameters
    ----------
    geometries : sequence of shapely geometries
        CGCS2000 degrees, valid or not; taken onto the lattice for looking, not changed.
    names : sequence of str
        What the findings call each polygon.
    metric : Metric
        The plane in which widths (m) and areas (m²) are measured.
    extent : shapely geometry, optional
        The declared extent; ground of it in no grid is a gap, ground of a grid outside it a finding. Without it
        only enclosed gaps and narrow slits between two grids can be seen.
    parents : sequence of str, optional
        Community of each grid. Names must differ within one; without an extent, an enclosed gap between grids of
        several parents that is wider than `gap_width_m` does not block, for land between towns is legitimate.
    codes : sequence of str or None, optional
        Codes, which must differ.
    gap_width_m : float
        Below this width (area over half perimeter) a polygon part is a sliver and an enclosed gap always blocks.
    limits : Limits, optional
        Bounds on vertices, holes and self-crossings.

    Returns
    -------
    list of Finding
        Polygons alone first, then pairs, then the whole, then names and codes; largest first within a kind.

    Raises
    ------
    HostileFile
        A polygon passes a limit; it is refused before any costly work.
    """
    if len(names) != len(geometries):
        raise Refused("each polygon needs a name", code="names", remedy="give as many names as polygons")
    survey = Survey.look(geometries, names=names, metric=metric, limits=limits or Limits(), gap_width_m=gap_width_m)
    found = [*survey.alone(), *survey.overlaps(), *survey.unmatched()]
    found += survey.gaps(extent, parents) + survey.outside(extent)
    return (
        found
        + _clashes(names, parents, FindingCode.NAME_CLASH)
        + _clashes(codes or (), None, FindingCode.CODE_CLASH, names)
    )


def _clashes(
    words: Sequence[str | None], parents: Sequence[str] | None, code: FindingCode, names: Sequence[str] | None = None
) -> list[Finding]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, word in enumerate(words):
        if word:
            groups[parents[i] if parents else "", word].append(i)
    nowhere = (math.nan, math.nan)
    found = []
    for (_, word), own in groups.items():
        if len(own) > 1:
            features = [f"{names[i]}（{word}）" for i in own] if names else [word] * len(own)
            found.append(make_finding(code, features, at=nowhere))
    return found


@dataclass(frozen=True, slots=True)
class Survey:
    """Polygons on the lattice, ready to be looked at: `raw` as drawn, `shapes` with tangled ones resolved."""

    raw: Shapes
    shapes: Shapes
    names: tuple[str, ...]
    metric: Metric
    gap_width_m: float

    @classmethod
    def look(
        cls,
        geometries: Sequence[Geometry | None],
        *,
        names: Sequence[str],
        metric: Metric,
        limits: Limits,
        gap_width_m: float,
    ) -> Survey:
        """Take usable polygons onto the lattice, refuse hostile ones, resolve tangled ones."""
        raw = np.array([g if usable(g) else None for g in geometries], dtype=object)
        require_bounded(raw, names, limits)
        raw = np.asarray(crs.snap_geometry(raw), dtype=object)
        shapes = raw.copy()
        for i in np.flatnonzero(~shapely.is_valid(raw) & ~shapely.is_missing(raw)).tolist():
            shapes[i] = resolve(raw[i])
        return cls(raw, shapes, tuple(names), metric, gap_width_m)

    def measure(self, shapes: Shapes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return width (m, area over half perimeter) and area (m²) of polygons in degrees."""
        plane = self.metric.project(shapes)
        area = shapely.area(plane)
        half = shapely.length(plane) / 2
        return np.divide(area, half, out=np.zeros_like(area), where=half > 0), area

    def alone(self) -> Iterator[Finding]:
        """Yield what is wrong with each polygon looked at alone."""
        for i in np.flatnonzero(shapely.is_missing(self.raw)).tolist():
            yield make_finding(FindingCode.EMPTY, [self.names[i]], at=(math.nan, math.nan))
        for i in np.flatnonzero(~shapely.is_valid(self.raw) & ~shapely.is_missing(self.raw)).tolist():
            yield from self._crossings(i)
        yield from self._parts()

    def _crossings(self, i: int) -> Iterator[Finding]:
        places, faces = crossing_places(self.raw[i])
        if not len(places):
            yield make_finding(FindingCode.SELF_CROSSING, [self.names[i]], at=place_of(self.raw[i]), geometry=None)
            return
        widths, areas = self.measure(faces)
        for place in places.tolist():
            # The loop at a crossing is the smallest face that meets there.
            at = np.flatnonzero(shapely.dwithin(faces, shapely.Point(place), MATCH_DEG))
            loop = int(at[np.argmin(areas[at])]) if len(at) else None
            yield make_finding(
                FindingCode.SELF_CROSSING,
                [self.names[i]],
                at=(place[0], place[1]),
                size_m=widths[loop] if loop is not None else 0.0,
                area_m2=areas[loop] if loop is not None else 0.0,
                geometry=faces[loop] if loop is not None else None,
            )

    def _parts(self) -> Iterator[Finding]:
        parts, owner = shapely.get_parts(self.shapes, return_index=True)
        if not len(parts):
            return
        widths, areas = self.measure(parts)
        for k in np.flatnonzero(widths < self.gap_width_m).tolist():
            yield self._located(FindingCode.SLIVER, [self.names[owner[k]]], parts[k], widths[k], areas[k])
        for i in np.flatnonzero(np.bincount(owner, minlength=len(self.shapes)) > 1).tolist():
            own = np.flatnonzero(owner == i)
            k = int(own[np.argmin(areas[own])])
            yield self._located(FindingCode.MULTIPART, [self.names[i]], parts[k], widths[k], areas[k], blocking=False)

    def _located(
        self,
        code: FindingCode,
        names: Sequence[str],
        shape: Geometry,
        width: float,
        area: float,
        *,
        blocking: bool = True,
    ) -> Finding:
        inside = shapely.point_on_surface(shape)
        at = (float(shapely.get_x(inside)), float(shapely.get_y(inside)))
        return make_finding(code, names, at=at, size_m=width, area_m2=area, blocking=blocking, geometry=shape)

    def overlaps(self) -> list[Finding]:
        """Find ground in two polygons: overlaps, and duplicates where it is nearly all of both."""
        a, b = shapely.STRtree(self.shapes).query(self.shapes, predicate="intersects")
        a, b = a[a < b], b[a < b]
        common = shapely.intersection(self.shapes[a], self.shapes[b])
        parts, pair = _areal_parts(common)
        if not len(parts):
            return []
        widths, areas = self.measure(parts)
        own = shapely.area(self.shapes)
        twin = shapely.area(common) >= TWIN_SHARE * np.maximum(own[a], own[b])
        found = []
        for k in np.flatnonzero(widths >= NOISE_M)[np.argsort(-areas[widths >= NOISE_M], kind="stable")].tolist():
            p = pair[k]
            code = FindingCode.DUPLICATE if twin[p] else FindingCode.OVERLAP
            found.append(self._located(code, [self.names[a[p]], self.names[b[p]]], parts[k], widths[k], areas[k]))
        return found

    def unmatched(self) -> list[Finding]:
        """Find vertices on (or within a millimetre of) a neighbour's edge that has no vertex there."""
        sound = np.flatnonzero(
            shapely.is_valid(self.shapes) & ~shapely.is_empty(self.shapes) & ~shapely.is_missing(self.shapes)
        )
        segments, face = lone_segments(rings_of(self.shapes[sound]))
        if not len(segments):
            return []
        tree = shapely.STRtree(shapely.linestrings(crs.from_lattice(segments)))
        vertices, first = np.unique(segments[:, 0], axis=0, return_index=True)
        v, s = tree.query(shapely.points(crs.from_lattice(vertices)), predicate="dwithin", distance=MATCH_DEG)
        is_end = (vertices[v] == segments[s, 0]).all(axis=1) | (vertices[v] == segments[s, 1]).all(axis=1)
        other = face[first[v]] != face[s]
        v, s = v[~is_end & other], s[~is_end & other]
        points, lines = (
            shapely.points(crs.from_lattice(vertices[v])),
            shapely.linestrings(crs.from_lattice(segments[s])),
        )
        away = shapely.distance(self.metric.project(points), self.metric.project(lines))
        found = []
        for k in range(len(v)):
            pair = [self.names[sound[face[first[v[k]]]]], self.names[sound[face[s[k]]]]]
            lon, lat = crs.from_lattice(vertices[v[k]]).tolist()
            found.append(
                make_finding(FindingCode.UNMATCHED_EDGE, pair, at=(lon, lat), size_m=away[k], geometry=points[k])
            )
        return found

    def gaps(self, extent: Geometry | None, parents: Sequence[str] | None) -> list[Finding]:
        """Find ground in no polygon: within the extent, else enclosed or in a slit between two polygons."""
        union = shapely.union_all(self.shapes[~shapely.is_missing(self.shapes)])
        if extent is not None:
            free = shapely.difference(crs.snap_geometry(extent), union)
        else:
            free = shapely.GeometryCollection([*_holes(union), *self._slits(union)])
        parts, _ = _areal_parts(np.array([free], dtype=object))
        widths, areas = self.measure(parts)
        wide = widths >= NOISE_M
        parts, widths, areas = parts[wide], widths[wide], areas[wide]
        holes, owner = self._own_holes()
        hole = _first_hit(holes, parts)
        beside: dict[int, list[int]] = defaultdict(list)
        for k, i in zip(
            *shapely.STRtree(self.shapes).query(parts, predicate="dwithin", distance=MATCH_DEG), strict=True
        ):
            beside[int(k)].append(int(i))
        found = []
        for k in np.argsort(-areas, kind="stable").tolist():
            around = sorted(beside[k])
            legitimate = (
                extent is None
                and parents is not None
                and len({parents[i] for i in around}) > 1
                and widths[k] > self.gap_width_m
            )
            lone = len(around) == 1 and hole[k] >= 0 and owner[hole[k]] == around[0]
            names = [self.names[i] for i in around]
            code = FindingCode.HOLE if lone else FindingCode.GAP
            found.append(self._located(code, names, parts[k], widths[k], areas[k], blocking=not legitimate))
        return found + self._filled(holes, owner, np.unique(hole[hole >= 0]))

    def _own_holes(self) -> tuple[Shapes, NDArray[np.int64]]:
        """Return the holes of all polygons, as polygons, and whose they are."""
        parts, owner = shapely.get_parts(self.shapes, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        inner = np.zeros(len(rings), bool)
        inner[1:] = part[1:] == part[:-1]
        return np.asarray(shapely.polygons(rings[inner]), dtype=object), owner[part[inner]]

    def _filled(self, holes: Shapes, owner: NDArray[np.int64], free: NDArray[np.int64]) -> list[Finding]:
        """Tell (not blocking) of holes that other grids fill: an unusual but legitimate shape."""
        filled = np.setdiff1d(np.arange(len(holes)), free)
        widths, areas = self.measure(holes[filled])
        return [
            self._located(FindingCode.HOLE, [self.names[owner[h]]], holes[h], widths[k], areas[k], blocking=False)
            for k, h in enumerate(filled.tolist())
        ]

    def _slits(self, union: Geometry) -> list[Geometry]:
        """Return narrow notches of the outer boundary between two polygons, by a mitred closing in metres."""
        if np.count_nonzero(~shapely.is_missing(self.shapes)) < 2:  # noqa: PLR2004 - a slit has two sides
            return []
        # Enclosed gaps are found by themselves: only the outlines are closed.
        shells = [shapely.Polygon(p.exterior) for p in shapely.get_parts(union)]
        plane = self.metric.project(shapely.union_all(shells))
        reach = self.gap_width_m / 2
        closed = shapely.buffer(shapely.buffer(plane, reach, join_style="mitre"), -reach, join_style="mitre")
        parts, _ = _areal_parts(np.array([shapely.difference(closed, plane)], dtype=object))
        half = shapely.length(parts) / 2
        width = np.divide(shapely.area(parts), half, out=np.zeros_like(half), where=half > 0)
        parts = self.metric.unproject(parts[(width >= NOISE_M) & (half >= SLIT_RATIO * width)])
        k, _ = shapely.STRtree(self.shapes).query(parts, predicate="dwithin", distance=MATCH_DEG)
        return [p for i, p in enumerate(parts) if np.count_nonzero(k == i) > 1 and p.is_valid]

    def outside(self, extent: Geometry | None) -> list[Finding]:
        """Find ground of polygons outside the declared extent."""
        if extent is None:
            return []
        declared = crs.snap_geometry(extent)
        shapely.prepare(declared)
        out = np.flatnonzero(~shapely.covered_by(self.shapes, declared) & ~shapely.is_missing(self.shapes))
        parts, owner = _areal_parts(shapely.difference(self.shapes[out], declared))
        if not len(parts):
            return []
        widths, areas = self.measure(parts)
        order = np.flatnonzero(widths >= NOISE_M)[np.argsort(-areas[widths >= NOISE_M], kind="stable")].tolist()
        return [
            self._located(FindingCode.OUTSIDE_EXTENT, [self.names[out[owner[k]]]], parts[k], widths[k], areas[k])
            for k in order
        ]


def _areal_parts(shapes: Shapes) -> tuple[Shapes, NDArray[np.int64]]:
    """Return the polygons inside geometries of any kind, and the position each comes from."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    nested, inner = shapely.get_parts(parts, return_index=True)
    areal = (shapely.get_dimensions(nested) == 2) & ~shapely.is_empty(nested)  # noqa: PLR2004 - dimension of a surface
    return nested[areal], owner[inner][areal]


def _first_hit(holes: Shapes, gaps: Shapes) -> NDArray[np.int64]:
    """Return for each gap the hole that holds a point of it, -1 for none."""
    hit = np.full(len(gaps), -1)
    gap, hole = shapely.STRtree(holes).query(shapely.point_on_surface(gaps), predicate="intersects")
    hit[gap] = hole
    return hit


def _holes(union: Geometry) -> list[Geometry]:
    return [shapely.Polygon(ring) for part in shapely.get_parts(union) for ring in part.interiors]
