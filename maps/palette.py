"""Colours, classes and hatches: what keeps neighbours apart and figures readable, also in grey.

The fills are pastel and chosen so that any two differ in lightness or in blue-yellow contrast, which
the common colour blindnesses keep; the class ramps grow steadily darker, so a grey print keeps their
order. The grid line is magenta, as the Beijing grid standard (DB11) draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "ANCHOR",
    "BUILDING",
    "COMMUNITY_LINE",
    "GRID_LINE",
    "MISSING",
    "PAPER",
    "PASTELS",
    "RAIL",
    "RIVER",
    "ROAD",
    "TOWN_LINE",
    "Classes",
    "adjacent_pairs",
    "colour_indices",
    "household_classes",
    "map_colours",
    "per_worker_classes",
    "relative_luminance",
    "share_classes",
]

PASTELS: Final = ("#F6D3C0", "#CFE3F4", "#F8EDB4", "#D3E8C6", "#E0D3EC", "#BFE0DC")
GRID_LINE: Final = "#C2188B"
COMMUNITY_LINE: Final = "#5B2A86"
TOWN_LINE: Final = "#2B2B2B"
RIVER: Final = "#6FB1DE"
ROAD: Final = "#B9A58C"
RAIL: Final = "#3A3A3A"
BUILDING: Final = "#B8B2A7"
ANCHOR: Final = "#C8102E"
PAPER: Final = "#F7F6F1"
MISSING: Final = "#C8102E"

_BLUES: Final = ("#F1F6FA", "#D3E4F1", "#A9CBE4", "#74AACF", "#3F83B5", "#175A8C")
_EARTHS: Final = ("#FBF3DC", "#F6DCA4", "#EDBB6A", "#DB9343", "#B96A2B", "#85441D")
_GREENS: Final = ("#A93A2A", "#E2926B", "#F3D9A4", "#CFE3B4", "#86BF8C", "#3B8F63")

_HOUSEHOLD_BREAKS: Final = (100, 200, 300, 400, 501)
_PER_WORKER_BREAKS: Final = (150, 200, 250, 300, 400)
_SRGB_LINEAR_BELOW: Final = 0.04045
_SHARE_BREAKS: Final = (0.2, 0.4, 0.6, 0.8, 0.95)


@dataclass(frozen=True, slots=True)
class Classes:
    """An ordered set of classes: class i holds breaks[i-1] ≤ value < breaks[i]."""

    breaks: tuple[float, ...]
    colours: tuple[str, ...]
    texts: tuple[str, ...]

    def of(self, values: Sequence[float]) -> NDArray[np.int64]:
        """Return the class number of each value; NaN and None are not allowed here."""
        return np.searchsorted(np.asarray(self.breaks), np.asarray(values, dtype=np.float64), side="right").astype(
            np.int64
        )


def _ranges(breaks: Sequence[int]) -> tuple[str, ...]:
    middle = [f"{low}–{high - 1}" for low, high in pairwise(breaks)]
    return (f"<{breaks[0]}", *middle, f"≥{breaks[-1]}")


def household_classes() -> Classes:
    """Classes of households per grid; 200 and 500 are the county's size guidance (500 itself is within)."""
    return Classes(_HOUSEHOLD_BREAKS, _BLUES, _ranges(_HOUSEHOLD_BREAKS))


def per_worker_classes() -> Classes:
    """Classes of households per full-time gridworker."""
    return Classes(_PER_WORKER_BREAKS, _EARTHS, _ranges(_PER_WORKER_BREAKS))


def share_classes() -> Classes:
    """Classes of a share 0…1; low is red-brown, high is green, the middle is pale."""
    percents = [round(100 * b) for b in _SHARE_BREAKS]
    middle = [f"{low}%–{high}%" for low, high in pairwise(percents)]
    return Classes(_SHARE_BREAKS, _GREENS, (f"<{percents[0]}%", *middle, f"≥{percents[-1]}%"))


def relative_luminance(colour: str) -> float:
    """Return the WCAG relative luminance (0 black … 1 white) of "#RRGGBB"."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    linear = np.where(channels <= _SRGB_LINEAR_BELOW, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def adjacent_pairs(geometries: Sequence[Any], *, points_count: bool = True) -> NDArray[np.int64]:
    """Return index pairs (i < j), shape (n, 2), of geometries that meet.

    Parameters
    ----------
    geometries : sequence of shapely geometry
    points_count : bool, keyword
        Whether meeting in single points makes neighbours; without it only shared lines do, and the
        pairs of a coverage form a planar graph.
    """
    array = np.asarray(geometries, dtype=object)
    left, right = shapely.STRtree(array).query(array, predicate="intersects")
    keep = left < right
    pairs = np.column_stack([left[keep], right[keep]]).astype(np.int64)
    if not points_count and len(pairs):
        meeting = shapely.intersection(array[pairs[:, 0]], array[pairs[:, 1]])
        pairs = pairs[(shapely.get_dimensions(meeting) >= 1)]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _smallest_last(neighbours: Sequence[set[int]]) -> list[int]:
    """Order nodes so that each has few neighbours before it (Matula & Beck 1983): at most 5 in a planar graph."""
    left = {node: set(near) for node, near in enumerate(neighbours)}
    order: list[int] = []
    while left:
        node = min(left, key=lambda n: (len(left[n]), n))
        for other in left.pop(node):
            left[other].discard(node)
        order.append(node)
    return order[::-1]


def _clash_free(chosen: Sequence[int], pairs: Iterable[Sequence[int]]) -> bool:
    return all(chosen[int(i)] != chosen[int(j)] for i, j in pairs)


def colour_indices(count: int, pairs: Iterable[Sequence[int]], *, colours: int = len(PASTELS)) -> list[int]:
    """Return a colour number per node so that pairs differ wherever `colours` suffice for the greedy order.

    Six colours always suffice for a planar graph, because smallest-last order leaves each node at most
    five neighbours coloured before it. Deterministic.

    Parameters
    ----------
    count : int
        Number of nodes.
    pairs : iterable of (int, int)
        Neighbours.
    colours : int, keyword
        How many colours may be used.

    References
    ----------
    D. W. Matula, L. L. Beck: Smallest-last ordering and clustering and graph coloring algorithms,
    J. ACM 30 (1983).
    """
    neighbours: list[set[int]] = [set() for _ in range(count)]
    for i, j in pairs:
        neighbours[int(i)].add(int(j))
        neighbours[int(j)].add(int(i))
    chosen = [-1] * count
    used = [0] * colours
    for node in _smallest_last(neighbours):
        near = [chosen[n] for n in neighbours[node]]
        chosen[node] = min(range(colours), key=lambda c: (near.count(c), used[c], c))
        used[chosen[node]] += 1
    return chosen


def map_colours(geometries: Sequence[Any]) -> list[int]:
    """Return an index into `PASTELS` per polygon so that neighbours differ.

    Neighbours that meet in a point differ too where six colours allow it; sharing a line they always
    differ in a coverage.
    """
    if not len(geometries):
        return []
    pairs = adjacent_pairs(geometries)
    chosen = colour_indices(len(geometries), pairs)
    if _clash_free(chosen, pairs):
        return chosen
    return colour_indices(len(geometries), adjacent_pairs(geometries, points_count=False))
