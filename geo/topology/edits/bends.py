"""Vertices put into a border where another line meets it, and outlines that differ by nothing else.

A crossing is rounded to the lattice, so a segment that gets a node there bends by at most 0.7 lattice steps
(0.07 mm). Both sides get the same node, hence nothing tears; but a grid that only got such a node has not changed
its ground, and nobody needs to be asked about it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from geo.topology.rings import canonical_ring

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from geo.topology.chains import Lattice
    from geo.topology.coverage import Coverage, Point, Segment

__all__ = ["Bends", "bent", "lies_along", "same_ground", "same_outline"]

Bends = "Mapping[Segment, tuple[Point, ...]]"

# One crossing bends a segment by 0.71 steps at most; nodes put into the bent pieces later add up, seldom beyond this.
_MOST_STEPS: Final = 4
_LEAST_VERTICES: Final = 3


def bent(rings: Sequence[Lattice], bends: Mapping[Segment, tuple[Point, ...]]) -> list[Lattice] | None:
    """Return rings with the vertices put into their segments, None where no segment gets any.

    Parameters
    ----------
    rings : sequence of (k, 2) int64
        Open rings.
    bends : mapping
        Directed segment → vertices between its ends, in order; the other direction counts as well.
    """
    found = False
    made = []
    for ring in rings:
        points = [tuple(p) for p in ring.tolist()]
        walk: list[Point] = []
        for a, b in pairwise([*points, points[0]]):
            between = bends.get((a, b)) or bends.get((b, a), ())[::-1]
            found = found or bool(between)
            walk += [a, *between]
        made.append(np.array(walk, np.int64))
    return made if found else None


def lies_along(point: Point, a: Point, b: Point, *, steps: int = _MOST_STEPS) -> bool:
    """Tell whether a point lies beside the segment a-b, between its ends, within some lattice steps; exact."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    x, y = point[0] - a[0], point[1] - a[1]
    length2 = dx * dx + dy * dy
    return bool(0 < x * dx + y * dy < length2 and (dx * y - dy * x) ** 2 <= steps * steps * length2)


def same_ground(one: Coverage, two: Coverage, grid_id: str) -> bool:
    """Tell whether a grid covers the same ground in two coverages, nodes put into straight borders aside.

    Raises
    ------
    NotFound
        One of them has no such grid.
    """
    return same_outline(one.rings(one.position(grid_id)), two.rings(two.position(grid_id)))


def same_outline(one: Sequence[Lattice], two: Sequence[Lattice]) -> bool:
    """Tell whether two lists of rings run along the same line, vertices within 0.4 mm of it aside."""
    if len(one) != len(two):
        return False
    if all(np.array_equal(a, b) for a, b in zip(one, two, strict=True)):
        return True
    first, second = _points(one), _points(two)
    plain = _plain(one, first & second)
    return plain is not None and plain == _plain(two, first & second)


def _points(rings: Sequence[Lattice]) -> set[Point]:
    return {(x, y) for ring in rings for x, y in ring.tolist()}


def _plain(rings: Sequence[Lattice], common: Collection[Point]) -> list[list[Point]] | None:
    """Return the rings on the common vertices alone, None where another vertex is more than a bend."""
    made = []
    for ring in rings:
        points = [(x, y) for x, y in ring.tolist()]
        at = [i for i, p in enumerate(points) if p in common]
        if len(at) < _LEAST_VERTICES:
            return None
        for i, j in pairwise([*at, at[0] + len(points)]):
            a, b = points[i], points[j % len(points)]
            if not all(lies_along(points[k % len(points)], a, b) for k in range(i + 1, j)):
                return None
        kept = canonical_ring(np.array([points[i] for i in at], np.int64))
        made.append([(x, y) for x, y in kept.tolist()])
    return sorted(made)
