"""A ground among the grids beside it: what is drawn on it gives its neighbours the very same nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.crs import to_lattice
from geo.errors import CoverageBroken, Refused
from geo.planning.drawing.blocks import lines_between
from geo.topology.coverage import Coverage
from geo.topology.edits import Split
from geo.topology.edits.bends import bent, lies_along
from geo.topology.rings import polygons_from_rings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.planning.drawing.gathering import Gathered
    from geo.topology.chains import Lattice
    from geo.topology.coverage import Point, Segment

__all__ = ["Seat", "seat_among"]

_GROUND: Final = "ground"
# Nodes that a neighbour's own borders put into the common one lie beside it by a few lattice steps at most.
_BESIDE_STEPS: Final = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """A ground that shares its nodes with what lies beside it.

    Attributes
    ----------
    ground : Polygon or MultiPolygon
        In degrees on the lattice.
    among : Coverage or None
        The ground and the grids beside it; None where there are none, or where they do not match.
    fits : bool
        Whether the neighbours match.
    """

    ground: Any
    among: Coverage | None
    fits: bool

    def drawn(self, gathered: Gathered) -> tuple[dict[int, Any], dict[str, Any]] | None:
        """Return the grids' shapes by their position, and the neighbours' by id; None where they do not fit.

        Parameters
        ----------
        gathered : Gathered
            Drawn on this ground.
        """
        own = {int(i): shape for i, shape in zip(gathered.coverage.ids, gathered.coverage.polygons(), strict=True)}
        if self.among is None:
            return (own, {}) if self.fits else None
        try:
            after, pieces = _cut(self.among, gathered)
        except Refused:
            return None
        beside = {name: after.polygon(name) for name in self.among.ids if name != _GROUND}
        return {i: _made_of(shape, pieces) for i, shape in own.items()}, beside


def seat_among(ground: Any, neighbours: Mapping[str, Any]) -> Seat:
    """Seat a ground among grids: nodes on common borders go into both.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        Degrees (CGCS2000).
    neighbours : mapping
        Id → polygon in degrees.
    """
    near = {name: shape for name, shape in neighbours.items() if shapely.intersects(shape, ground)}
    if not near:
        return Seat(ground, None, fits=True)
    try:
        own = _rings(ground)
        beside = {name: _rings(shape) for name, shape in near.items()}
        seated = _with_nodes(own, np.concatenate([r for rings in beside.values() for r in rings]))
        rings = [seated, *(_with_nodes(r, np.concatenate(seated)) for r in beside.values())]
        among = Coverage.build(polygons_from_rings(rings), ids=[_GROUND, *near])
    except CoverageBroken:
        return Seat(ground, None, fits=False)
    return Seat(among.polygon(_GROUND), among, fits=True)


def _rings(shape: Any) -> list[Lattice]:
    return Coverage.build([shape]).rings(0)


def _with_nodes(rings: Sequence[Lattice], nodes: Lattice) -> list[Lattice]:
    """Return rings with the nodes put into their segments beside which they lie; only whoever has them changes."""
    ends = np.concatenate([np.stack([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings])
    origin = ends.reshape(-1, 2).min(axis=0)
    segments = shapely.linestrings((ends - origin).astype(np.float64))
    points = np.unique(nodes, axis=0)
    spots = shapely.points((points - origin).astype(np.float64))
    which, segment = shapely.STRtree(segments).query(spots, predicate="dwithin", distance=_BESIDE_STEPS)
    found: dict[Segment, list[Point]] = {}
    for i, k in zip(which.tolist(), segment.tolist(), strict=True):
        node, (a, b) = _point(points[i]), (_point(ends[k, 0]), _point(ends[k, 1]))
        if lies_along(node, a, b):
            found.setdefault((a, b), []).append(node)
    bends = {
        s: tuple(sorted(held, key=lambda p: abs(p[0] - s[0][0]) + abs(p[1] - s[0][1]))) for s, held in found.items()
    }
    return bent(rings, bends) or list(rings)


def _point(row: Lattice) -> Point:
    return int(row[0]), int(row[1])


def _cut(among: Coverage, gathered: Gathered) -> tuple[Coverage, list[Any]]:
    """Cut the ground out of the coverage along the borders drawn; return the coverage and the pieces."""
    count = int(shapely.get_num_geometries(np.array(gathered.coverage.polygons(), dtype=object)).sum())
    lines = lines_between(gathered.coverage, range(len(gathered.coverage)))
    if not lines:
        return among, [among.polygon(_GROUND)]
    ids = tuple(f"{_GROUND}-{i}" for i in range(1, count))
    places = tuple(tuple((int(x), int(y)) for x, y in to_lattice(line).tolist()) for line in lines)
    after = Split(_GROUND, places, ids).apply(among)
    return after, [after.polygon(i) for i in (_GROUND, *ids)]


def _made_of(shape: Any, pieces: Sequence[Any]) -> Any:
    """Return the pieces that a grid consists of."""
    inner = shapely.point_on_surface(shapely.get_parts(shape))
    own = [p for p in pieces if bool(shapely.contains(p, inner).any())]
    parts = shapely.get_parts(own).tolist()
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
