"""The rings around areas put together: segments walked both ways vanish."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from geo.topology.rings import close_walks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from geo.topology.chains import Lattice
    from geo.topology.coverage import Point, Segment

__all__ = ["halves_of", "joined"]


def halves_of(ring: Lattice) -> Iterator[Segment]:
    """Return the directed segments of an open ring, the closing one included."""
    points: list[Point] = [(x, y) for x, y in ring.tolist()]
    return pairwise([*points, points[0]])


def joined(rings: Iterable[Lattice]) -> list[Lattice]:
    """Return the rings of the union of areas that share whole segments.

    Parameters
    ----------
    rings : iterable of (k, 2) int64
        Open rings of all areas, each area on the left; the areas do not overlap.

    Returns
    -------
    list of (k, 2) int64
        In canonical order, shells counter-clockwise.
    """
    held = list(rings)
    halves = {half for ring in held for half in halves_of(ring)}
    runs: list[Lattice] = []
    for ring in held:
        outer = np.array([(b, a) not in halves for a, b in halves_of(ring)])
        runs += _runs(ring, outer)
    return close_walks(runs)


def _runs(ring: Lattice, outer: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Lattice]:
    """Cut a ring into its maximal runs of outer segments."""
    if outer.all():
        return [np.concatenate([ring, ring[:1]])]
    # Begin behind a segment that vanishes, so that no run goes over the end.
    first = int(np.flatnonzero(~outer)[0]) + 1
    points, outer = np.roll(ring, -first, axis=0), np.roll(outer, -first)
    points = np.concatenate([points, points[:1]])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], outer, [False]]).astype(np.int8)))
    return [points[a : b + 1] for a, b in edges.reshape(-1, 2).tolist()]
