"""Grids as groups of blocks: every quarter is cut again and again along its streets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .streets import Block

__all__ = ["apportion", "partition_community", "reading_order"]

_TOUCH_M = 15.0


def apportion(weights: Sequence[float], seats: int) -> list[int]:
    """Share out seats in proportion, at least one each (Sainte-Laguë)."""
    given = [1] * len(weights)
    for _ in range(seats - len(weights)):
        best = max(range(len(weights)), key=lambda i: weights[i] / (2 * given[i] + 1))
        given[best] += 1
    return given


def _adjacency(shapes: Sequence[Any]) -> list[dict[int, float]]:
    tree = shapely.STRtree(shapes)
    links: list[dict[int, float]] = [{} for _ in shapes]
    left, right = tree.query(shapes, predicate="intersects")
    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        if i < j:
            shared = shapely.intersection(shapes[i].boundary, shapes[j].boundary).length
            if shared > _TOUCH_M:
                links[i][j] = links[j][i] = shared
    return links


def _connected(members: set[int], links: list[dict[int, float]]) -> bool:
    start = min(members)
    seen, queue = {start}, [start]
    while queue:
        for other in links[queue.pop()]:
            if other in members and other not in seen:
                seen.add(other)
                queue.append(other)
    return len(seen) == len(members)


def _cut_length(left: set[int], right: set[int], links: list[dict[int, float]]) -> float:
    return sum(length for i in left for j, length in links[i].items() if j in right)


def _bisect(
    members: list[int],
    share: float,
    centres: NDArray[np.float64],
    weights: NDArray[np.float64],
    links: list[dict[int, float]],
) -> tuple[list[int], list[int]]:
    """Cut connected blocks in two connected parts near the wanted share with a short cut."""
    total = float(weights[members].sum())
    spread = math.sqrt(float(np.ptp(centres[members], axis=0).prod()) + 1.0)
    best: tuple[float, list[int], list[int]] | None = None
    for angle in np.arange(0.0, math.pi, math.pi / 12):
        order = sorted(members, key=lambda i: (centres[i, 0] * math.cos(angle) + centres[i, 1] * math.sin(angle), i))
        for at in range(1, len(order)):
            left, right = set(order[:at]), set(order[at:])
            off = abs(float(weights[order[:at]].sum()) / total - share)
            if off > 0.3 or (best and off * 6.0 > best[0]):
                continue
            if _connected(left, links) and _connected(right, links):
                score = off * 6.0 + _cut_length(left, right, links) / spread
                if best is None or score < best[0]:
                    best = (score, order[:at], order[at:])
    return (best[1], best[2]) if best else _peel(members, links)


def _peel(members: list[int], links: list[dict[int, float]]) -> tuple[list[int], list[int]]:
    """Last resort: take off one block whose loss keeps the rest connected."""
    for one in members:
        rest = [m for m in members if m != one]
        if _connected(set(rest), links):
            return [one], rest
    return members[:1], members[1:]


def _split(members: list[int], parts: int, tools: tuple[Any, Any, Any]) -> list[list[int]]:
    if parts == 1:
        return [members]
    small = parts // 2
    left, right = _bisect(members, small / parts, *tools)
    if len(left) < small or len(right) < parts - small:
        small = min(max(1, len(left) if len(left) < small else parts - len(right)), parts - 1)
    return [*_split(left, small, tools), *_split(right, parts - small, tools)]


def partition_community(blocks: Sequence[Block], weights: NDArray[np.float64], grids: int) -> list[list[int]]:
    """Group the blocks of a community into connected grids.

    Parameters
    ----------
    blocks : sequence of Block
        The blocks of one community.
    weights : ndarray
        What is balanced, roughly: a mixture of ground and dwellings.
    grids : int
        How many grids; quarters (bounded by arteries) share them first.

    Returns
    -------
    list of list of int
        Positions in `blocks`, one list per grid.
    """
    shapes = [b.shape for b in blocks]
    links = _adjacency(shapes)
    centres = shapely.get_coordinates(shapely.centroid(np.array(shapes, dtype=object)))
    quarters = sorted({b.quarter for b in blocks})
    members = [[i for i, b in enumerate(blocks) if b.quarter == q] for q in quarters]
    seats = apportion([float(weights[m].sum()) for m in members], grids)
    tools = (centres, weights, links)
    return [part for m, k in zip(members, seats, strict=True) for part in _split(m, k, tools)]


def reading_order(centres: NDArray[np.float64]) -> list[int]:
    """Order positions by rows from the north, west to east in a row."""
    height = max(float(np.ptp(centres[:, 1])) / max(round(math.sqrt(len(centres) / 1.6)), 1), 1.0)
    top = float(centres[:, 1].max())
    return sorted(range(len(centres)), key=lambda i: (int((top - centres[i, 1]) // height), centres[i, 0]))
