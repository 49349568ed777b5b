"""From rings to chains: match every boundary segment with its other side, once.

A ring is an open list of lattice vertices with its face on the left. Every directed segment of a ring is a
*half*; in a coverage each half either has exactly one mate (the same segment walked the other way by the
neighbour) or lies on the outer boundary. Maximal runs of halves between two nodes become *chains*::

        ----- A ----->            one chain, left = A, right = B,
    node             node         stored from the lexicographically smaller node
        <---- B ------

That each ring is simple, and each half has one mate or none, is what makes the sum of all faces'
indicator functions constant across every inner segment: with a simple outer boundary it is exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geo import crs

__all__ = [
    "Chains",
    "Lattice",
    "Numbers",
    "Rings",
    "link",
    "lone_segments",
    "number_vertices",
    "rings_of",
    "signed_area2",
    "sort_chains",
]

Lattice = NDArray[np.int64]
Numbers = NDArray[np.int32]
_Index = NDArray[np.int64]
_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Rings:
    """Closed rings without the repeated last vertex, each with its face on the left.

    `points` is (n, 2) int64 lattice numbers, `starts` (r + 1,) offsets into it, `faces` (r,) face numbers.
    """

    points: Lattice
    starts: _Index
    faces: Numbers

    @classmethod
    def join(cls, rings: list[tuple[int, Lattice]]) -> Rings:
        """Return the rings of a list of (face, points) as one value."""
        sizes = [len(points) for _, points in rings]
        points = np.concatenate([p for _, p in rings]) if rings else np.empty((0, 2), np.int64)
        return cls(
            points, np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]), np.array([f for f, _ in rings], np.int32)
        )


@dataclass(frozen=True, slots=True)
class Chains:
    """Chains with the faces on both sides (-1: outside), and what could not be matched.

    `doubled` holds (k, 2) pairs of faces that walk the same segment the same way: they overlap there;
    `doubled_at` the (k, 2) lattice points where. `outer` are the (m, 2, 2) segments without a mate.
    """

    edges: tuple[Lattice, ...]
    left: Numbers
    right: Numbers
    doubled: Numbers
    doubled_at: Lattice
    outer: Lattice


def number_vertices(points: Lattice) -> _Index:
    """Return one number per row: distinct vertices counted in lexicographic order of (x, y)."""
    if not len(points):
        return np.empty(0, np.int64)
    _, column = np.unique(points[:, 0], return_inverse=True)
    _, line = np.unique(points[:, 1], return_inverse=True)
    key = column.astype(np.int64) * (int(line.max()) + 1) + line
    number: _Index = np.unique(key, return_inverse=True)[1].astype(np.int64)
    return number


def signed_area2(ring: Lattice) -> int:
    """Twice the signed area of one ring in square lattice units, exact; positive when counter-clockwise."""
    x, y = (ring - ring[0]).T
    reach = int(max(x.max(), -x.min(), y.max(), -y.min()))
    # The first vertex is the origin here, so the closing segment adds nothing.
    if 2 * reach * reach * len(ring) < _LARGEST:
        return int(x[:-1] @ y[1:] - x[1:] @ y[:-1])
    a, b = x.tolist(), y.tolist()
    return sum(a[i] * b[i + 1] - a[i + 1] * b[i] for i in range(len(a) - 1))


def rings_of(geometries: NDArray[np.object_]) -> Rings:
    """Return the rings of polygons and multipolygons on the lattice, shells counter-clockwise, holes clockwise.

    Parameters
    ----------
    geometries : (n,) array of shapely Polygon or MultiPolygon
        CGCS2000 degrees; the face of a ring is the position of its geometry here.
    """
    parts, owner = shapely.get_parts(shapely.orient_polygons(shapely.force_2d(geometries)), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    degrees, ring = shapely.get_coordinates(rings, return_index=True)
    points = crs.to_lattice(degrees)
    closing = np.append(ring[1:] != ring[:-1], True)[: len(ring)]
    points, ring = points[~closing], ring[~closing]
    # Vertices that fall together on the lattice are one; the ring is cyclic, so its first looks at its last.
    moved = (points != points[_before(_offsets(ring, len(rings)))]).any(axis=1)
    return Rings(points[moved], _offsets(ring[moved], len(rings)), owner[part].astype(np.int32))


def link(rings: Rings, *, others: Rings | None = None, pinned: Lattice | None = None) -> Chains:
    """Match all halves and cut the rings into chains.

    Parameters
    ----------
    rings : Rings
        Rings of the faces whose chains are wanted.
    others : Rings, optional
        Open runs (face on the left) of neighbours that keep their shape; only what they say about the other
        side of a segment is used.
    pinned : (k, 2) int64, optional
        Vertices that are nodes whatever their degree here, because chains kept elsewhere end there.

    Returns
    -------
    Chains
        Sorted by their first two vertices, so that equal coverages have equal arrays.
    """
    here, n = _successors(rings.starts), len(rings.points)
    run_points, run_ends, run_faces = _open_halves(others)
    pins = pinned if pinned is not None else np.empty((0, 2), np.int64)
    number = number_vertices(np.concatenate([rings.points, run_points, run_ends, pins]))
    count, k = int(number.max(initial=-1)) + 1, len(run_points)
    start = number[: n + k]
    end = np.concatenate([number[:n][here], number[n + k : n + 2 * k]])
    face = np.concatenate([np.repeat(rings.faces, np.diff(rings.starts)), run_faces])
    mate, doubled = _mates(start, end, count)
    right = np.where(mate >= 0, face[mate], -1).astype(np.int32)[:n]
    node = _nodes(start, end, mate, count)
    node[number[n + 2 * k :]] = True
    node[start[:n][right != right[_before(rings.starts)]]] = True
    chains = _chains(rings, here, start[:n], right, mate[:n], _runs(start[:n], rings.starts, node))
    where = np.concatenate([rings.points, run_points])
    lone = np.flatnonzero(mate[:n] < 0)
    outer = np.stack([rings.points[lone], rings.points[here[lone]]], axis=1)
    return replace(chains, doubled=face[doubled].astype(np.int32), doubled_at=where[doubled[:, 0]], outer=outer)


def lone_segments(rings: Rings) -> tuple[Lattice, Numbers]:
    """Return the (m, 2, 2) segments no other ring walks the other way, and the face of each."""
    here = _successors(rings.starts)
    start = number_vertices(rings.points)
    mate, _ = _mates(start, start[here], int(start.max(initial=-1)) + 1)
    lone = np.flatnonzero(mate < 0)
    face = np.repeat(rings.faces, np.diff(rings.starts))
    return np.stack([rings.points[lone], rings.points[here[lone]]], axis=1), face[lone]


def _open_halves(runs: Rings | None) -> tuple[Lattice, Lattice, Numbers]:
    """Return start, end and face of every segment of open runs."""
    if runs is None or not len(runs.points):
        none = np.empty((0, 2), np.int64)
        return none, none, np.empty(0, np.int32)
    inner = np.ones(len(runs.points), bool)
    inner[runs.starts[1:] - 1] = False
    at = np.flatnonzero(inner)
    return runs.points[at], runs.points[at + 1], np.repeat(runs.faces, np.diff(runs.starts))[at]


def _offsets(ring: _Index, rings: int) -> _Index:
    return np.concatenate([[0], np.cumsum(np.bincount(ring, minlength=rings))]).astype(np.int64)


def _successors(starts: _Index) -> _Index:
    """Index of the next vertex in the same ring."""
    following = np.arange(1, starts[-1] + 1)
    full = starts[1:] > starts[:-1]
    following[starts[1:][full] - 1] = starts[:-1][full]
    return following


def _before(starts: _Index) -> _Index:
    """Index of the previous vertex in the same ring."""
    before = np.arange(-1, starts[-1] - 1)
    full = starts[1:] > starts[:-1]
    before[starts[:-1][full]] = starts[1:][full] - 1
    return before


def _mates(start: _Index, end: _Index, count: int) -> tuple[_Index, _Index]:
    """Return each half's mate (-1: none) and the (k, 2) pairs of halves that run the same way."""
    key = start * count + end
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    wanted = end * count + start
    at = np.minimum(np.searchsorted(ordered, wanted), max(len(ordered) - 1, 0))
    mate = np.where(ordered[at] == wanted, order[at], -1) if len(ordered) else np.empty(0, np.int64)
    return mate, np.stack([order[same], order[same + 1]], axis=1)


def _nodes(start: _Index, end: _Index, mate: _Index, count: int) -> NDArray[np.bool_]:
    """Say which vertices have another degree than two."""
    degree = np.bincount(start, minlength=count) + np.bincount(end[mate < 0], minlength=count)
    return np.asarray(degree != 2)  # noqa: PLR2004 - a vertex inside a chain has two segments


@dataclass(frozen=True, slots=True)
class _Runs:
    """Halves in walking order, each ring turned to begin at a node (or at its smallest vertex), and run starts."""

    order: _Index
    starts: _Index


def _runs(start: _Index, rings: _Index, node: NDArray[np.bool_]) -> _Runs:
    size = np.diff(rings)
    ring = np.repeat(np.arange(len(size)), size)
    # Begin at the smallest node of the ring, else at its smallest vertex: independent of where the file began.
    rank = np.where(node[start], start, start + len(node))
    smallest = np.full(len(size), 2 * len(node) + 1)
    np.minimum.at(smallest, ring, rank)
    first = np.zeros(len(size), np.int64)
    hits = np.flatnonzero(rank == smallest[ring])[::-1]
    first[ring[hits]] = hits - rings[ring[hits]]
    step = np.arange(len(start)) - rings[ring]
    order = rings[ring] + (step + first[ring]) % size[ring]
    fresh = node[start[order]] | (step == 0)
    return _Runs(order, np.append(np.flatnonzero(fresh), len(order)))


def _chains(rings: Rings, here: _Index, number: _Index, right: Numbers, mate: _Index, runs: _Runs) -> Chains:
    """Cut the walked rings at the run starts, keep each chain once, and direct it canonically."""
    count = len(rings.points)
    face = np.repeat(rings.faces, np.diff(rings.starts))
    head, tail = runs.order[runs.starts[:-1]], runs.order[runs.starts[1:] - 1]
    first, last = number[head], number[here[tail]]
    shared = mate[head] >= 0
    twice = shared & (mate[head] < count)
    pieces: list[tuple[Lattice, int, int]] = []
    for run in np.flatnonzero(~(twice & (first > last))).tolist():
        halves = runs.order[runs.starts[run] : runs.starts[run + 1]]
        line = rings.points[np.append(halves, here[halves[-1]])]
        sides = (int(face[halves[0]]), int(right[halves[0]]))
        closed = first[run] == last[run]
        if shared[run] and (first[run] > last[run] or (closed and signed_area2(line[:-1]) < 0)):
            if closed and twice[run]:
                continue
            line, sides = np.ascontiguousarray(line[::-1]), sides[::-1]
        line.flags.writeable = False
        pieces.append((line, *sides))
    return sort_chains([p[0] for p in pieces], [p[1] for p in pieces], [p[2] for p in pieces])


def sort_chains(edges: list[Lattice], left: list[int], right: list[int]) -> Chains:
    """Put chains into canonical order: by their first vertex, then their second (no two share both)."""
    heads = np.array([e[:2].ravel() for e in edges], np.int64).reshape(-1, 4)
    order = np.lexsort(heads.T[::-1])
    none = np.empty((0, 2), np.int64)
    return Chains(
        tuple(edges[i] for i in order.tolist()),
        np.array(left, np.int32)[order],
        np.array(right, np.int32)[order],
        none.astype(np.int32),
        none,
        none.reshape(0, 2, 2),
    )
