"""The coverage: all base grids of an extent as ONE object of shared edges.

Nodes lie on the lattice (int64, n·1e-9 degree), every boundary chain between two nodes is stored once with the
face on its left and on its right, faces are the grids. Polygons are derived. Because a chain has exactly two
sides, no change to it can open a gap or make an overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import shapely

from geo import crs
from geo.errors import NotFound, Refused
from geo.model import FindingCode, Geometry
from geo.topology.admission import (
    NARROW_GAP_M,
    BrokenCoverage,
    narrow_gaps,
    place_of,
    require_unshared,
    require_valid,
    usable,
)
from geo.topology.chains import Chains, Lattice, Numbers, Rings, link, rings_of, signed_area2, sort_chains
from geo.topology.rings import close_walks, polygon_from_rings, polygons_from_rings
from geo.topology.words import make_finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric

__all__ = ["BrokenCoverage", "Coverage", "Segment"]

Point = tuple[int, int]
Segment = tuple[Point, Point]

OUTSIDE = -1
NEAR_DEG = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """A seamless set of grids on shared edges.

    Attributes
    ----------
    ids : tuple of str
        Identity of each face; a face's position is its place here.
    edges : tuple of (k, 2) int64 arrays
        Chains between nodes in lattice numbers, canonically directed and sorted, read-only and shared between
        successive coverages.
    left, right : (edges,) int32
        Position of the face on each side, -1 outside.
    """

    ids: tuple[str, ...]
    edges: tuple[Lattice, ...]
    left: Numbers
    right: Numbers
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def build(cls, geometries: Iterable[Geometry], *, ids: Sequence[str] | None = None) -> Self:
        """Build the shared-edge structure of polygons that match exactly.

        Parameters
        ----------
        geometries : iterable of shapely Polygon or MultiPolygon
            CGCS2000 degrees; taken onto the lattice.
        ids : sequence of str, optional
            Identity of each grid, by default its position.

        Raises
        ------
        BrokenCoverage
            A ring is invalid, two grids overlap, an edge is unmatched, or an enclosed gap is narrower than 1 m;
            wider enclosed gaps (between towns) and several parts are legitimate.
        """
        shapes = np.array([crs.snap_geometry(g) if usable(g) else None for g in geometries], dtype=object)
        names = tuple(str(i) for i in range(len(shapes))) if ids is None else tuple(ids)
        if len(names) != len(shapes) or len(set(names)) != len(names):
            raise Refused(
                "each grid of a coverage needs one id of its own",
                code="ids",
                remedy="give as many different ids as polygons",
            )
        require_valid(shapes, names)
        chains = link(rings_of(shapes))
        require_unshared(chains, names)
        made = cls.from_chains(names, chains)
        made.require_tight()
        return made

    @classmethod
    def from_chains(cls, ids: tuple[str, ...], chains: Chains) -> Self:
        """Wrap chains that are known to be matched; nothing is checked."""
        return cls(ids, chains.edges, chains.left, chains.right)

    def require_tight(self) -> None:
        """Refuse an outer boundary that crosses itself (grids overlap or edges are unmatched) and narrow gaps."""
        gaps = [r for r in self.rings(OUTSIDE) if signed_area2(r) >= 0]
        tight = narrow_gaps(gaps, width_m=NARROW_GAP_M)
        if tight:
            raise BrokenCoverage(tight)
        extent = self.extent()
        if not extent.is_valid:
            place = place_of(extent)
            beside = shapely.dwithin(np.array(self.polygons(), dtype=object), shapely.Point(place), NEAR_DEG)
            names = [name for name, is_near in zip(self.ids, beside.tolist(), strict=True) if is_near]
            raise BrokenCoverage([make_finding(FindingCode.UNMATCHED_EDGE, names, at=place)])

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Coverage):
            return NotImplemented
        return (
            self.ids == other.ids
            and np.array_equal(self.left, other.left)
            and np.array_equal(self.right, other.right)
            and len(self.edges) == len(other.edges)
            and all(a is b or np.array_equal(a, b) for a, b in zip(self.edges, other.edges, strict=True))
        )

    def __hash__(self) -> int:
        return hash((self.ids, len(self.edges)))

    def position(self, grid_id: str) -> int:
        """Return the position of a grid, or raise `NotFound`."""
        index = self._kept.get("index")
        if index is None:
            index = self._kept["index"] = {name: i for i, name in enumerate(self.ids)}
        if grid_id not in index:
            raise NotFound(f"no grid {grid_id} in this coverage", remedy="load the current version of the plan")
        return int(index[grid_id])

    def around(self, face: int) -> list[int]:
        """Return the numbers of the chains around a face (-1: of the outer boundary)."""
        if "around" not in self._kept:
            sides = np.concatenate([self.left, self.right])
            order = np.argsort(sides, kind="stable")
            bounds = np.searchsorted(sides[order], np.arange(OUTSIDE, len(self.ids) + 1))
            self._kept["around"] = (order % max(len(self.edges), 1), bounds)
        order, bounds = self._kept["around"]
        return sorted(set(order[bounds[face + 1] : bounds[face + 2]].tolist()))

    def runs(self, face: int) -> list[Lattice]:
        """Return the chains around a face, each directed with the face on its left."""
        return [self.edges[e] if self.left[e] == face else self.edges[e][::-1] for e in self.around(face)]

    def rings(self, face: int) -> list[Lattice]:
        """Return a face's rings as open (k, 2) int64 arrays in canonical order: shells counter-clockwise."""
        kept = self._kept.setdefault("rings", {})
        if face not in kept:
            kept[face] = close_walks(self.runs(face))
        return list(kept[face])

    def polygons(self) -> list[Geometry]:
        """Return all grids as shapely geometries in degrees, rings at their canonical start, in order of `ids`."""
        kept: dict[str, Geometry] = self._kept.setdefault("polygons", {})
        missing = [i for i, name in enumerate(self.ids) if name not in kept]
        for i, shape in zip(missing, polygons_from_rings([self.rings(i) for i in missing]), strict=True):
            kept[self.ids[i]] = shape
        return [kept[name] for name in self.ids]

    def polygon(self, grid_id: str) -> Geometry:
        """Return one grid as a shapely geometry in degrees."""
        kept = self._kept.setdefault("polygons", {})
        if grid_id not in kept:
            kept[grid_id] = polygon_from_rings(self.rings(self.position(grid_id)))
        return kept[grid_id]

    def outlines(self) -> list[Lattice]:
        """Return the outer boundary: rings with the grids on their left (outlines turn left, gaps right)."""
        return [r[::-1] for r in self.rings(OUTSIDE)] if self.around(OUTSIDE) else []

    def extent(self) -> Geometry:
        """Return the union of all grids (degrees), put together from the outer chains, not computed."""
        return polygon_from_rings(self.outlines())

    def nodes(self) -> Lattice:
        """Return the (n, 2) distinct lattice points where chains end."""
        ends = [e[[0, -1]] for e in self.edges]
        return np.unique(np.concatenate(ends), axis=0) if ends else np.empty((0, 2), np.int64)

    def neighbours(self) -> NDArray[np.int32]:
        """Return the (m, 2) pairs i < j of face positions that share a chain, sorted."""
        return np.unique(self._pairs(), axis=0)

    def shared_length_m(self, metric: Metric) -> NDArray[np.float64]:
        """Return the (m,) shared lengths in metres, parallel to `neighbours()`."""
        inner = (self.left >= 0) & (self.right >= 0)
        _, pair = np.unique(self._pairs(), axis=0, return_inverse=True)
        return np.asarray(np.bincount(pair.ravel(), weights=self.lengths_m(metric)[inner]), dtype=np.float64)

    def lengths_m(self, metric: Metric) -> NDArray[np.float64]:
        """Return the length of each chain in metres."""
        if not self.edges:
            return np.empty(0)
        degrees = crs.from_lattice(np.concatenate(self.edges))
        steps = np.hypot(*(np.diff(v) for v in metric.forward(degrees[:, 0], degrees[:, 1])))
        ends = np.cumsum([len(e) for e in self.edges])
        steps[ends[:-1] - 1] = 0.0
        return np.add.reduceat(np.append(steps, 0.0), np.concatenate([[0], ends[:-1]]))

    def with_rings(self, rings: Mapping[str, Sequence[Lattice]]) -> Coverage:
        """Return the coverage with other rings for some of its grids; only chains beside these are matched anew.

        Parameters
        ----------
        rings : mapping
            Id → open (k, 2) rings with the grid on their left. No rings: the grid ends. Ids not known yet are
            appended to `ids` in the order given.

        Returns
        -------
        Coverage
            Together the rings must cover the ground these grids covered before, and every grid on whose border a
            vertex comes or goes must be among them; `geo.topology.edits` guards both.

        Raises
        ------
        BrokenCoverage
            Two grids walk the same segment the same way.
        """
        kept = [name for name in self.ids if rings.get(name, True)]
        known = set(self.ids)
        ids = (*kept, *(name for name in rings if name not in known and rings[name]))
        place = {name: i for i, name in enumerate(ids)}
        anew = np.array([name in rings for name in self.ids] + [False])
        near = anew[self.left] | anew[self.right]
        renumber = np.array([place.get(name, OUTSIDE) for name in self.ids] + [OUTSIDE], np.int32)
        still = np.flatnonzero(~near).tolist()
        ends = [self.edges[i][[0, -1]] for i in still]
        own = Rings.join([(place[name], ring) for name, held in rings.items() for ring in held])
        beyond = Rings.join(self._runs_beyond(np.flatnonzero(near), anew, renumber))
        made = link(own, others=beyond, pinned=np.concatenate(ends) if ends else None)
        require_unshared(made, ids)
        chains = sort_chains(
            [*(self.edges[i] for i in still), *made.edges],
            [*renumber[self.left[still]].tolist(), *made.left.tolist()],
            [*renumber[self.right[still]].tolist(), *made.right.tolist()],
        )
        return Coverage(ids, chains.edges, chains.left, chains.right, self._still_valid(rings, renumber))

    def _runs_beyond(
        self, near: NDArray[np.int64], anew: NDArray[np.bool_], renumber: Numbers
    ) -> list[tuple[int, Lattice]]:
        """Return the chains between a grid drawn anew and one that stays, directed with the latter on the left."""
        found = []
        for i, left, right in zip(near.tolist(), self.left[near].tolist(), self.right[near].tolist(), strict=True):
            if left >= 0 and not anew[left]:
                found.append((int(renumber[left]), self.edges[i]))
            elif right >= 0 and not anew[right]:
                found.append((int(renumber[right]), self.edges[i][::-1]))
        return found

    def _still_valid(self, rings: Mapping[str, Sequence[Lattice]], renumber: Numbers) -> dict[str, Any]:
        """Return what was derived of grids that stay as they are."""
        shapes, walks = self._kept.get("polygons", {}), self._kept.get("rings", {})
        return {
            "polygons": {name: shape for name, shape in shapes.items() if name not in rings},
            "rings": {
                int(renumber[face]): walk for face, walk in walks.items() if face >= 0 and self.ids[face] not in rings
            },
        }

    def _pairs(self) -> NDArray[np.int32]:
        inner = (self.left >= 0) & (self.right >= 0)
        return np.sort(np.column_stack([self.left[inner], self.right[inner]]), axis=1)
