"""A grid's ground cut along lines, on the lattice: the pieces, and the nodes its borders get from it.

Border and lines are noded together by snap rounding on the unit lattice, which leaves every vertex where it is and
every crossing at the nearest lattice point; the pieces are the faces of that drawing. What the border got is read
off the pieces again, so that the neighbours get the very same nodes.

References
----------
J. D. Hobby, "Practical segment intersection with finite precision output", Computational Geometry 13 (1999)
199-214 (snap rounding; GEOS' overlay on a precision grid).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo import crs
from geo.errors import Refused, Where
from geo.topology.admission import METRES_PER_DEGREE
from geo.topology.chains import signed_area2
from geo.topology.edits.bends import bent, lies_along
from geo.topology.edits.walks import halves_of, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.model import Geometry
    from geo.topology.chains import Lattice
    from geo.topology.coverage import Coverage, Point, Segment

__all__ = ["Cut", "Line", "Piece", "cut_grid", "length_m", "parts_of"]

Line = tuple[tuple[int, int], ...]
Piece = "tuple[Lattice, ...]"

# A street digitised along a border leaves slivers beside it; narrower than this they are no parts.
NARROW_M: Final = 1.0
_NEAR_STEPS: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What lines make of a grid.

    Attributes
    ----------
    pieces : tuple of tuples of rings
        By their westernmost, then southernmost vertex.
    severed : tuple of int
        Pieces that a line parts from another one; parts of the grid that lay apart before are not among them.
    neighbours : mapping
        Id → rings of the grids on whose borders nodes come in.
    """

    pieces: tuple[tuple[Lattice, ...], ...]
    severed: tuple[int, ...]
    neighbours: Mapping[str, list[Lattice]] = field(default_factory=dict)


def parts_of(coverage: Coverage, grid_id: str) -> Cut:
    """Return the parts a grid consists of, uncut."""
    shapes = shapely.get_parts(coverage.polygon(grid_id))
    pieces = [_rings(shape, scale=crs.LATTICE_PER_DEGREE) for shape in shapes.tolist()]
    return Cut(tuple(sorted(pieces, key=_west)), ())


def cut_grid(coverage: Coverage, grid_id: str, lines: Sequence[Line]) -> Cut:
    """Cut a grid along lines.

    Pieces narrower than a metre (area over half the perimeter) stay with the piece they share most border with:
    a street digitised along the border cuts nothing off there.

    Parameters
    ----------
    lines : sequence of lines
        Lattice points; what lies outside the grid or hangs loose in it has no effect.

    Raises
    ------
    Refused
        No line cuts the grid, or one runs within a millimetre of its border so that the crossing is not clear.
    NotFound
        There is no such grid.
    """
    face = coverage.position(grid_id)
    border = coverage.rings(face)
    pieces = _wide(_pieces(border, lines))
    severed = _severed(pieces)
    if not severed:
        raise Refused(
            "the line does not cut this grid in two",
            code="line-misses",
            where=Where(feature=grid_id),
            remedy="draw it over the border on both sides",
        )
    bends = _bends(border, pieces, grid_id)
    near = {int(side) for e in coverage.around(face) for side in (coverage.left[e], coverage.right[e])} - {face, -1}
    neighbours = {coverage.ids[i]: bent(coverage.rings(i), bends) for i in sorted(near)} if bends else {}
    return Cut(tuple(pieces), severed, {name: rings for name, rings in neighbours.items() if rings is not None})


def length_m(segments: Iterable[Segment]) -> float:
    """Return the length of lattice segments on a local plane in metres; good for comparing, not for reporting."""
    ends = np.array(list(segments), np.float64).reshape(-1, 2, 2) / crs.LATTICE_PER_DEGREE
    if not len(ends):
        return 0.0
    shrink = np.cos(np.radians(ends[:, 0, 1]))
    steps = np.hypot((ends[:, 1, 0] - ends[:, 0, 0]) * shrink, ends[:, 1, 1] - ends[:, 0, 1])
    return math.fsum((steps * METRES_PER_DEGREE).tolist())


def _pieces(border: Sequence[Lattice], lines: Sequence[Line]) -> list[tuple[Lattice, ...]]:
    """Return the faces inside the border of the drawing that border and lines make."""
    origin = np.concatenate(border).min(axis=0)
    rim = shapely.linearrings(
        np.concatenate(border).astype(np.float64) - origin,
        indices=np.repeat(np.arange(len(border)), [len(r) for r in border]),
    )
    box = shapely.box(*shapely.total_bounds(rim))
    cutting = [shapely.linestrings(np.array(line, np.float64) - origin) for line in lines if len(line) > 1]
    near = [line for line in cutting if shapely.intersects(line, box)]
    noded = shapely.union_all([*(shapely.linestrings(shapely.get_coordinates(r)) for r in rim), *near], grid_size=1.0)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    ground = _polygon_of(rim)
    spots = shapely.get_coordinates(shapely.point_on_surface(faces))
    inside = faces[shapely.contains_xy(ground, spots)] if len(faces) else faces
    return sorted((_rings(face, origin=origin) for face in inside.tolist()), key=_west)


def _polygon_of(rim: NDArray[np.object_]) -> Geometry:
    """Return the ground within closed rings: what an odd number of them goes around."""
    return shapely.build_area(shapely.multilinestrings([shapely.linestrings(shapely.get_coordinates(r)) for r in rim]))


def _rings(shape: Geometry, *, origin: Lattice | int = 0, scale: float = 1.0) -> tuple[Lattice, ...]:
    """Return the open rings of a polygon on the lattice, the shell counter-clockwise, holes clockwise."""
    rings = shapely.get_rings(shapely.orient_polygons(shape))
    return tuple(np.rint(shapely.get_coordinates(r)[:-1] * scale).astype(np.int64) + origin for r in rings.tolist())


def _west(piece: Sequence[Lattice]) -> tuple[Point, int]:
    """Order pieces by their smallest vertex; of two that share it the smaller one comes first."""
    smallest = min((x, y) for x, y in piece[0].tolist())
    return smallest, sum(signed_area2(ring) for ring in piece)


def _wide(pieces: Sequence[tuple[Lattice, ...]]) -> list[tuple[Lattice, ...]]:
    """Put pieces that are too narrow to the piece they share most border with, the narrowest first."""
    held = list(pieces)
    while len(held) > 1:
        narrow = sorted((_width_m(p), i) for i, p in enumerate(held))
        found = next(((i, j) for width, i in narrow if width < NARROW_M for j in _beside(held, i)[:1]), None)
        if found is None:
            break
        i, j = found
        both = tuple(joined([*held[i], *held[j]]))
        held = sorted([*(p for k, p in enumerate(held) if k not in found), both], key=_west)
    return held


def _width_m(piece: Sequence[Lattice]) -> float:
    shrink = math.cos(math.radians(float(piece[0][0, 1]) / crs.LATTICE_PER_DEGREE))
    step_m = METRES_PER_DEGREE / crs.LATTICE_PER_DEGREE
    area = sum(signed_area2(ring) for ring in piece) / 2 * step_m**2 * shrink
    return area / (length_m(half for ring in piece for half in halves_of(ring)) / 2)


def _beside(pieces: Sequence[Sequence[Lattice]], i: int) -> list[int]:
    """Return the pieces that share border with one, the longest first."""
    mine = {(b, a) for ring in pieces[i] for a, b in halves_of(ring)}
    shared = [(-length_m(h for r in p for h in halves_of(r) if h in mine), j) for j, p in enumerate(pieces) if j != i]
    return [j for length, j in sorted(shared) if length < 0]


def _severed(pieces: Sequence[Sequence[Lattice]]) -> tuple[int, ...]:
    halves = [{half for ring in piece for half in halves_of(ring)} for piece in pieces]
    every = set().union(*halves, set())
    return tuple(i for i, own in enumerate(halves) if any((b, a) in every for a, b in own))


def _bends(
    border: Sequence[Lattice], pieces: Sequence[Sequence[Lattice]], grid_id: str
) -> dict[Segment, tuple[Point, ...]]:
    """Return what the segments of a border became: directed segment → vertices between its ends."""
    halves = {half for piece in pieces for ring in piece for half in halves_of(ring)}
    outer = {(a, b) for a, b in halves if (b, a) not in halves}
    after: dict[Point, list[Point]] = {}
    for a, b in outer:
        after.setdefault(a, []).append(b)
    found: dict[Segment, tuple[Point, ...]] = {}
    walked = 0
    for segment in (half for ring in border for half in halves_of(ring)):
        between = () if segment in outer else _between(segment, after)
        if between is None:
            raise _unclear(grid_id)
        walked += len(between) + 1
        if between:
            found[segment] = between
    if walked != len(outer):
        raise _unclear(grid_id)
    return found


def _between(segment: Segment, after: Mapping[Point, list[Point]]) -> tuple[Point, ...] | None:
    """Walk from one end of a segment to the other over outer halves beside it."""
    a, b = segment
    path: list[Point] = []
    at = a
    while at != b:
        onward = [p for p in after.get(at, ()) if p == b or lies_along(p, at, b, steps=_NEAR_STEPS)]
        if len(onward) != 1:
            return None
        at = onward[0]
        path.append(at)
    return tuple(path[:-1])


def _unclear(grid_id: str) -> Refused:
    return Refused(
        "the line runs so close to the border that it is not clear what it cuts",
        code="line-too-close",
        where=Where(feature=grid_id),
        remedy="draw it across the border, or along it exactly",
    )
