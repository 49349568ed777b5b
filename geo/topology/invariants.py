"""What must hold of a coverage after every operation, checked without trusting how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import CoverageBroken
from geo.topology.chains import number_vertices, signed_area2
from geo.topology.coverage import Coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["verify"]


def verify(coverage: Coverage) -> tuple[str, ...]:
    """Return the invariants a coverage breaks, in words; empty when it is sound.

    Checked: every ring valid; every chain with two different sides, at most one of them outside; no segment
    stored twice; chains meet in nodes only; areas add up to the outer boundary's exactly; the outer boundary
    simple; Euler's relation V - E + F = 1 + C; the polygons build the very same coverage again.
    """
    broken = [*_sides(coverage), *_segments(coverage)]
    try:
        broken += [*_polygons(coverage), *_areas(coverage), *_euler(coverage)]
        if Coverage.build(coverage.polygons(), ids=coverage.ids) != coverage:
            broken.append("the polygons build another coverage")
    except CoverageBroken as error:
        broken.append(str(error))
    return tuple(broken)


def _sides(coverage: Coverage) -> list[str]:
    left, right = coverage.left, coverage.right
    broken = []
    if (left == right).any():
        broken.append("a chain has the same face on both sides")
    if (np.maximum(left, right) < 0).any() or max(int(left.max(initial=-1)), int(right.max(initial=-1))) >= len(
        coverage.ids
    ):
        broken.append("a chain lies beside no face")
    if len(set(left.tolist()) | set(right.tolist()) - {-1}) < len(coverage.ids):
        broken.append("a face has no chain")
    return broken


def _segments(coverage: Coverage) -> list[str]:
    """Every segment once, and every vertex inside a chain nowhere else."""
    if not coverage.edges:
        return ["the coverage is empty"] if coverage.ids else []
    sizes = np.array([len(e) for e in coverage.edges])
    number = number_vertices(np.concatenate(coverage.edges))
    chain = np.repeat(np.arange(len(sizes)), sizes)
    inner = chain[1:] == chain[:-1]
    a, b = number[:-1][inner], number[1:][inner]
    segments = np.minimum(a, b) * (int(number.max()) + 1) + np.maximum(a, b)
    broken = ["a segment is stored twice"] if len(np.unique(segments)) < len(segments) else []
    if (a == b).any():
        broken.append("a segment has no length")
    ends = np.cumsum(sizes)
    is_end = np.zeros(len(number), bool)
    is_end[ends - 1] = is_end[ends - sizes] = True
    degree = np.bincount(a, minlength=number.max() + 1) + np.bincount(b, minlength=number.max() + 1)
    nodes = np.unique(number[is_end])
    closed = number[ends - sizes][number[ends - sizes] == number[ends - 1]]
    through = np.setdiff1d(np.unique(number), nodes)
    if (degree[through] != 2).any():  # noqa: PLR2004 - a vertex inside a chain has two segments
        broken.append("a chain runs through a node")
    if (degree[np.setdiff1d(nodes, closed)] == 2).any():  # noqa: PLR2004
        broken.append("a chain is cut where there is no node")
    return broken


def _polygons(coverage: Coverage) -> list[str]:
    shapes = np.array(coverage.polygons(), dtype=object)
    bad = np.flatnonzero(~shapely.is_valid(shapes))
    return [f"grid {coverage.ids[i]} is invalid: {shapely.is_valid_reason(shapes[i])}" for i in bad.tolist()] + (
        [] if not coverage.ids or coverage.extent().is_valid else ["the outer boundary crosses itself"]
    )


def _areas(coverage: Coverage) -> list[str]:
    total = sum(signed_area2(r) for i in range(len(coverage)) for r in coverage.rings(i))
    outline = sum(signed_area2(r) for r in coverage.outlines())
    return (
        []
        if total == outline
        else [f"areas differ from the outline's by {abs(total - outline)} half square lattice units"]
    )


def _euler(coverage: Coverage) -> list[str]:
    ends = np.array([[tuple(e[0]), tuple(e[-1])] for e in coverage.edges], np.int64).reshape(-1, 2)
    number = number_vertices(ends).reshape(-1, 2)
    nodes = int(number.max(initial=-1)) + 1
    inside = sum(signed_area2(r) > 0 for i in range(len(coverage)) for r in coverage.rings(i))
    gaps = sum(signed_area2(r) < 0 for r in coverage.outlines())
    parts = _components(number, nodes)
    euler = nodes - len(number) + inside + gaps + 1
    return [] if euler == 1 + parts else [f"Euler's relation fails: {euler} is not 1 + {parts}"]


def _components(pairs: NDArray[np.int64], nodes: int) -> int:
    """Count connected parts by hooking every node to the smallest number it can reach."""
    root = np.arange(nodes)
    while True:
        low = root.copy()
        np.minimum.at(low, pairs[:, 0], root[pairs[:, 1]])
        np.minimum.at(low, pairs[:, 1], root[pairs[:, 0]])
        low = low[low]
        if (low == root).all():
            return len(np.unique(root))
        root = low
