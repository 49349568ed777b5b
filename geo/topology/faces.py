"""The faces that all drawn boundaries cut the plane into, who covers each, and who shall have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo import crs
from geo.topology.crossings import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.model import Geometry

__all__ = ["NOBODY", "Faces"]

NOBODY = -1
_STEP = 1.0 / crs.LATTICE_PER_DEGREE
# Two polygons cover a face where at least so many do.
_TWO = 2


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces on the lattice.

    Attributes
    ----------
    shapes : ndarray of Polygon, shape (f,)
        CGCS2000 degrees; neighbours share their vertices exactly.
    covers : tuple of tuple of int
        Positions of the polygons that cover each face.
    inside : ndarray of bool, shape (f,)
        In the declared extent (all, where none is declared).
    width_m, area_m2 : ndarray of float64, shape (f,)
        Width (area over half perimeter) and area.
    pairs : ndarray of int64, shape (e, 2)
        Faces that share edges.
    shared_m : ndarray of float64, shape (e,)
        How much, in metres.
    """

    shapes: NDArray[np.object_]
    covers: tuple[tuple[int, ...], ...]
    inside: NDArray[np.bool_]
    width_m: NDArray[np.float64]
    area_m2: NDArray[np.float64]
    pairs: NDArray[np.int64]
    shared_m: NDArray[np.float64]

    @classmethod
    def cut(cls, polygons: NDArray[np.object_], extent: Geometry | None, *, metric: Metric) -> Faces:
        """Cut the plane along all boundaries, on the lattice."""
        valid = np.array([p if shapely.is_valid(p) else resolve(p) for p in polygons], dtype=object)
        rings = list(shapely.get_rings(shapely.get_parts(valid)))
        if extent is not None:
            rings += list(shapely.get_rings(shapely.get_parts(extent)))
        lines = shapely.union_all([shapely.LineString(shapely.get_coordinates(r)) for r in rings], grid_size=_STEP)
        pieces = crs.snap_geometry(shapely.get_parts(lines))
        shapes = shapely.orient_polygons(shapely.get_parts(shapely.polygonize(pieces)))
        spots = shapely.point_on_surface(shapes)
        covers = _covers(valid, spots)
        inside = np.ones(len(shapes), dtype=bool) if extent is None else shapely.intersects(extent, spots)
        plane = metric.project(shapes)
        area, half = shapely.area(plane), shapely.length(plane) / 2
        pairs, shared = _adjacency(shapes, metric)
        return cls(shapes, covers, inside, area / half, area, pairs, shared)

    def owners(self, *, tolerance_m: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Give each face that is covered once to its polygon, and narrow doubtful ones to a neighbour.

        Returns
        -------
        owner : ndarray of int64, shape (f,)
            Position, `NOBODY` for ground outside the extent and for what is left open.
        given : ndarray of bool, shape (f,)
            Doubtful faces that were given away.
        """
        owner = np.array([c[0] if len(c) == 1 else NOBODY for c in self.covers], dtype=np.int64)
        owner[~self.inside] = NOBODY
        doubtful = self.inside & np.array([len(c) != 1 for c in self.covers], dtype=bool)
        narrow = doubtful & (self.width_m <= tolerance_m)
        return self._give(owner, narrow), narrow

    def _give(self, owner: NDArray[np.int64], open_faces: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Give open faces away, the one with the longest edge to its taker first."""
        owner, waiting = owner.copy(), set(np.flatnonzero(open_faces).tolist())
        sides = self._sides()
        while waiting:
            offers = [(o, f) for f in sorted(waiting) if (o := self._best_taker(f, owner, sides)) is not None]
            if not offers:
                break
            (_, taker), face = max(offers, key=lambda offer: (offer[0][0], -offer[1]))
            owner[face] = taker
            waiting.discard(face)
        return owner

    def _best_taker(
        self, face: int, owner: NDArray[np.int64], sides: Sequence[list[tuple[int, float]]]
    ) -> tuple[float, int] | None:
        """Return the longest shared length and the polygon it is shared with; of an overlap, one that covers it."""
        allowed = set(self.covers[face])
        shared: dict[int, float] = {}
        for other, length in sides[face]:
            taker = int(owner[other])
            if taker != NOBODY and (len(allowed) < _TWO or taker in allowed):
                shared[taker] = shared.get(taker, 0.0) + length
        if not shared:
            # An overlap walled in by other overlaps goes to the first that covers it.
            return (0.0, min(allowed)) if len(allowed) >= _TWO else None
        taker = max(sorted(shared), key=lambda t: shared[t])
        return shared[taker], taker

    def _sides(self) -> list[list[tuple[int, float]]]:
        sides: list[list[tuple[int, float]]] = [[] for _ in self.shapes]
        for (a, b), length in zip(self.pairs.tolist(), self.shared_m.tolist(), strict=True):
            sides[a].append((b, length))
            sides[b].append((a, length))
        return sides

    def drop_slivers(
        self, owner: NDArray[np.int64], *, width_m: float, share: float
    ) -> tuple[NDArray[np.int64], list[int]]:
        """Give detached narrow or tiny parts of a polygon to the neighbour with the longest shared edge.

        Parameters
        ----------
        width_m : float
            A detached part of at most this width goes.
        share : float
            So does one of less than this share of its polygon's area.

        Returns
        -------
        owner : ndarray of int64
        moved : list of int
            Faces that changed hands.
        """
        owner, moved = owner.copy(), []
        sides = self._sides()
        for part in self._detached(owner, width_m=width_m, share=share):
            shared: dict[int, float] = {}
            for face in part:
                for other, length in sides[face]:
                    taker = int(owner[other])
                    if taker not in (NOBODY, int(owner[part[0]])):
                        shared[taker] = shared.get(taker, 0.0) + length
            if shared:
                owner[part] = max(sorted(shared), key=lambda t: shared[t])
                moved += part
        return owner, moved

    def _detached(self, owner: NDArray[np.int64], *, width_m: float, share: float) -> list[list[int]]:
        parts = self._parts(owner)
        largest: dict[int, float] = {}
        for part in parts:
            held = int(owner[part[0]])
            largest[held] = max(largest.get(held, 0.0), float(self.area_m2[part].sum()))
        found = []
        for part in parts:
            area = float(self.area_m2[part].sum())
            main = largest[int(owner[part[0]])]
            if area < main and (area < share * main or self._width(part) <= width_m):
                found.append(part)
        return found

    def _width(self, part: list[int]) -> float:
        half = float((self.area_m2[part] / self.width_m[part]).sum())
        inner = set(part)
        shared: float = sum(
            s
            for (a, b), s in zip(self.pairs.tolist(), self.shared_m.tolist(), strict=True)
            if a in inner and b in inner
        )
        return float(self.area_m2[part].sum()) / max(half - shared, 1e-9)

    def _parts(self, owner: NDArray[np.int64]) -> list[list[int]]:
        root = list(range(len(owner)))

        def find(i: int) -> int:
            while root[i] != i:
                root[i] = root[root[i]]
                i = root[i]
            return i

        for a, b in self.pairs.tolist():
            if owner[a] == owner[b] != NOBODY:
                root[find(a)] = find(b)
        parts: dict[int, list[int]] = {}
        for i in np.flatnonzero(owner != NOBODY).tolist():
            parts.setdefault(find(i), []).append(i)
        return list(parts.values())

    def polygons(self, owner: NDArray[np.int64], n: int, *, also: Sequence[tuple[int, int]] = ()) -> list[Geometry]:
        """Put each polygon together from its faces.

        Parameters
        ----------
        also : sequence of (polygon, face)
            Faces a polygon keeps besides those it owns: ground left disputed.
        """
        extra: dict[int, list[int]] = {}
        for polygon, face in also:
            extra.setdefault(polygon, []).append(face)
        made = []
        for i in range(n):
            held = [*np.flatnonzero(owner == i).tolist(), *extra.get(i, [])]
            made.append(crs.snap_geometry(shapely.coverage_union_all(self.shapes[held])) if held else shapely.Polygon())
        return [_single(shape) for shape in made]


def _single(shape: Geometry) -> Geometry:
    parts = shapely.get_parts(shape)
    return parts[0] if len(parts) == 1 else shape


def _covers(polygons: NDArray[np.object_], spots: NDArray[np.object_]) -> tuple[tuple[int, ...], ...]:
    spot, polygon = shapely.STRtree(polygons).query(spots, predicate="intersects")
    found: list[list[int]] = [[] for _ in spots]
    for s, p in zip(spot.tolist(), polygon.tolist(), strict=True):
        found[s].append(p)
    return tuple(tuple(sorted(f)) for f in found)


def _adjacency(shapes: NDArray[np.object_], metric: Metric) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return pairs of faces that share edges, and the shared lengths in metres."""
    rings, face = shapely.get_rings(shapes, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inner = ring[1:] == ring[:-1]
    owner = face[ring[1:][inner]]
    ends = np.concatenate([crs.to_lattice(points[:-1][inner]), crs.to_lattice(points[1:][inner])], axis=1)
    backward = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    ends[backward] = ends[backward][:, [2, 3, 0, 1]]
    east, north = metric.forward(points[:, 0], points[:, 1])
    length = np.hypot(np.diff(east), np.diff(north))[inner]
    order = np.lexsort(ends.T)
    same = (ends[order][1:] == ends[order][:-1]).all(axis=1)
    first, second = owner[order][:-1][same], owner[order][1:][same]
    sides = np.sort(np.stack([first, second], axis=1), axis=1)
    shared = length[order][:-1][same]
    different = sides[:, 0] != sides[:, 1]
    pairs, which = np.unique(sides[different], axis=0, return_inverse=True)
    lengths = np.bincount(which.ravel(), weights=shared[different], minlength=len(pairs))
    return np.asarray(pairs, dtype=np.int64), np.asarray(lengths, dtype=np.float64)
