"""A vertex of a shared border moved, or put into it and moved: every grid that meets there goes along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import Refused, Where
from geo.topology.coverage import OUTSIDE, Coverage, Point, Segment
from geo.topology.edits.bends import bent
from geo.topology.edits.patch import Reversible, edited

if TYPE_CHECKING:
    from geo.topology.chains import Lattice

__all__ = ["MoveEdge", "MoveNode", "faces_at", "faces_beside"]


@dataclass(frozen=True, slots=True)
class MoveNode(Reversible):
    """Move one vertex, of two grids or of as many as meet there.

    Attributes
    ----------
    node, to : (x, y) int
        Lattice numbers.
    """

    node: Point
    to: Point

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the vertex moved.

        Raises
        ------
        Refused
            There is no such vertex, it lies on the outer boundary, another vertex is there already, or a border
            would fold.
        """
        faces = faces_at(coverage, self.node)
        if not faces:
            raise Refused(
                "no border has a vertex at this place",
                code="node-unknown",
                where=_where(self.node),
                remedy="load the current version of the plan",
            )
        _require_inner(faces, self.node)
        _require_free(coverage, self.to)
        rings = {}
        for face in faces:
            own = coverage.rings(face)
            rings[coverage.ids[face]] = [np.where((r == self.node).all(axis=1)[:, None], self.to, r) for r in own]
        return edited(coverage, rings, what="moving this vertex")


@dataclass(frozen=True, slots=True)
class MoveEdge(Reversible):
    """Put a vertex into one segment of a border and move it.

    Attributes
    ----------
    edge : ((x, y), (x, y)) int
        Both ends of the segment, lattice numbers, either way around.
    to : (x, y) int
        Where the new vertex goes.
    """

    edge: Segment
    to: Point

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the vertex put in.

        Raises
        ------
        Refused
            There is no such segment, it lies on the outer boundary, another vertex is there already, or a border
            would fold.
        """
        faces = faces_beside(coverage, self.edge)
        if not faces:
            raise Refused(
                "no border has this segment",
                code="edge-unknown",
                where=_where(self.edge[0]),
                remedy="load the current version of the plan",
            )
        _require_inner(faces, self.edge[0])
        _require_free(coverage, self.to)
        rings = {}
        for face in faces:
            made = bent(coverage.rings(face), {self.edge: (self.to,)})
            rings[coverage.ids[face]] = made if made is not None else coverage.rings(face)
        return edited(coverage, rings, what="moving this line")


def faces_at(coverage: Coverage, node: Point) -> list[int]:
    """Return the positions of the faces that meet in a vertex (-1: the outside), sorted; empty where there is none."""
    found = np.zeros(len(coverage.edges), bool)
    chain, points = _vertices(coverage)
    found[chain[(points == node).all(axis=1)]] = True
    return _sides(coverage, found)


def faces_beside(coverage: Coverage, edge: Segment) -> list[int]:
    """Return the positions of the faces on both sides of a segment (-1: the outside); empty where there is none."""
    found = np.zeros(len(coverage.edges), bool)
    chain, points = _vertices(coverage)
    a, b = ((points == end).all(axis=1) for end in edge)
    joined = ((a[:-1] & b[1:]) | (b[:-1] & a[1:])) & (chain[:-1] == chain[1:])
    found[chain[:-1][joined]] = True
    return _sides(coverage, found)


def _vertices(coverage: Coverage) -> tuple[Lattice, Lattice]:
    sizes = [len(e) for e in coverage.edges]
    return np.repeat(np.arange(len(sizes)), sizes), np.concatenate(coverage.edges)


def _sides(coverage: Coverage, chains: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
    return sorted({*coverage.left[chains].tolist(), *coverage.right[chains].tolist()})


def _require_inner(faces: list[int], node: Point) -> None:
    if OUTSIDE in faces:
        raise Refused(
            "this vertex lies on the outer boundary, which no redrawing moves",
            code="outer-line",
            where=_where(node),
            remedy="move a vertex between two grids, or import the areas anew",
        )


def _require_free(coverage: Coverage, to: Point) -> None:
    if (np.concatenate(coverage.edges) == to).all(axis=1).any():
        raise Refused(
            "another vertex lies at this place already",
            code="node-taken",
            where=_where(to),
            remedy="move it a little aside",
        )


def _where(node: Point) -> Where:
    return Where(feature=f"{node[0] / 1e9:.9f} {node[1] / 1e9:.9f}")
