"""The street network of a town: arteries, quarters and blocks, drawn in valley coordinates.

Arteries (river, main street, railway, cross streets, the edge of the forest) cut the town into quarters;
every quarter has its own minor streets at its own angle. What lies between streets is a block.
All of it is noded on a two-metre raster, so that blocks are a clean coverage with no edge shorter than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from .frames import FloatArray, Wave

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Artery", "Block", "Network", "TownPlan", "draw_network"]

_RASTER_M = 2.0
_OVERSHOOT_M = 4.0
_SMALL_BLOCK_M2 = 4200.0
_LARGE_BLOCK_M2 = 27000.0


@dataclass(frozen=True, slots=True)
class TownPlan:
    """What is settled about a town before chance has its say.

    `bands` are the lengthwise arteries from the far bank to the hillside as (kind, t in metres); `crosses`
    the cross arteries as s in metres; `communities` maps a name to its (band, segment) quarters and its grids.
    """

    name: str
    code: str
    centre: tuple[float, float]
    heading: float
    mirrored: bool
    bands: tuple[tuple[str, float], ...]
    crosses: tuple[float, ...]
    communities: dict[str, tuple[tuple[tuple[int, int], ...], int, int]]
    street_names: tuple[str, ...]
    centre_t: float = 340.0
    creek: int | None = None


@dataclass(frozen=True, slots=True)
class Artery:
    """One artery: kind (river, rail, main, cross, creek, edge) and its line in valley coordinates."""

    kind: str
    line: Any
    rank: int


@dataclass(slots=True)
class Block:
    """A block between streets; `shape` is in valley coordinates."""

    shape: Any
    quarter: tuple[int, int]
    community: str
    grid: int = -1
    turn: float = 0.0


@dataclass(slots=True)
class Network:
    """The street network of a town in valley coordinates."""

    plan: TownPlan
    arteries: list[Artery]
    minors: list[Any]
    blocks: list[Block]
    curves: list[Callable[[Any], FloatArray]] = field(default_factory=list)


_BAND_WAVES = {
    "river": ((62.0, 1250.0), (24.0, 560.0)),
    "main": ((26.0, 2300.0), (9.0, 820.0)),
    "rail": ((38.0, 5200.0),),
    "edge": ((62.0, 1150.0), (34.0, 430.0), (14.0, 190.0)),
}
_BAND_STEP = {"river": 36.0, "main": 44.0, "rail": 60.0, "edge": 42.0}


def _band_curve(rng: np.random.Generator, kind: str, level: float) -> Callable[[Any], FloatArray]:
    wave = Wave.draw(rng, *_BAND_WAVES[kind])
    return lambda s: level + wave(s)


def _cross_curve(rng: np.random.Generator, level: float, *, kind: str) -> Callable[[Any], FloatArray]:
    skew = rng.uniform(-0.16, 0.16)
    parts = ((30.0, 520.0), (12.0, 240.0)) if kind != "cross" else ((13.0, 900.0), (4.0, 330.0))
    wave = Wave.draw(rng, *parts)
    return lambda t: level + skew * (np.asarray(t) - 300.0) + wave(t)


def _arteries(plan: TownPlan, rng: np.random.Generator) -> tuple[list[Artery], list[Any], list[Any]]:
    low, high = plan.bands[0][1] - 220.0, plan.bands[-1][1] + 220.0
    west, east = plan.crosses[0] - 400.0, plan.crosses[-1] + 400.0
    found, bands, crosses = [], [], []
    for kind, level in plan.bands:
        curve = _band_curve(rng, kind, level)
        s = np.arange(west, east, _BAND_STEP[kind])
        bands.append(curve)
        found.append(Artery(kind, LineString(np.column_stack([s, curve(s)])), len(bands) - 1))
    last = len(plan.crosses) - 1
    for k, level in enumerate(plan.crosses):
        kind = "edge" if k in (0, last) else "creek" if k == plan.creek else "cross"
        curve = _cross_curve(rng, level, kind=kind)
        t = np.arange(low, high, 40.0)
        crosses.append(curve)
        found.append(Artery(kind, LineString(np.column_stack([curve(t), t])), k))
    return found, bands, crosses


def _quarters(arteries: Sequence[Artery], bands: list[Any], crosses: list[Any]) -> dict[tuple[int, int], Polygon]:
    lines = shapely.union_all([a.line for a in arteries], grid_size=_RASTER_M)
    cells: dict[tuple[int, int], Polygon] = {}
    for cell in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))):
        p = cell.representative_point()
        key = (sum(float(f(p.x)) < p.y for f in bands) - 1, sum(float(g(p.y)) < p.x for g in crosses) - 1)
        if key not in cells or cells[key].area < cell.area:
            cells[key] = cell
    return cells


def _family(rng: np.random.Generator, cell: Polygon, angle: float, spacing: tuple[float, float]) -> list[LineString]:
    """Roughly parallel, gently bent lines through a quarter."""
    centre, reach = cell.centroid, 0.75 * math.hypot(cell.bounds[2] - cell.bounds[0], cell.bounds[3] - cell.bounds[1])
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-along[1], along[0]])
    wave = Wave.draw(rng, (9.0, 620.0), (4.0, 240.0))
    lines, offset = [], -reach + rng.uniform(0, spacing[0])
    while offset < reach:
        u = np.arange(-reach, reach + 1.0, 48.0)
        v = offset + wave(u) + rng.uniform(-0.035, 0.035) * u
        lines.append(LineString(np.array([centre.x, centre.y]) + u[:, None] * along + v[:, None] * across))
        offset += rng.uniform(*spacing)
    return lines


def _minor_streets(rng: np.random.Generator, cell: Polygon, turn: float) -> list[Any]:
    """Draw the minor streets of one quarter, clipped to it with a small overshoot so that they meet its arteries."""
    reach = shapely.buffer(cell, _OVERSHOOT_M, join_style="mitre")
    inner = shapely.buffer(cell, -34.0)
    long_side = _family(rng, cell, turn, (92.0, 148.0))
    short_side = _family(rng, cell, turn + math.pi / 2 + rng.uniform(-0.14, 0.14), (98.0, 176.0))
    kept = []
    for line in (*long_side, *short_side):
        for part in shapely.get_parts(shapely.intersection(line, reach)):
            # A line that only grazes the rim of its quarter would leave a splinter of a block.
            if part.length > 60.0 and shapely.intersection(part, inner).length > 40.0:
                kept.append(part)  # noqa: PERF401 - the comment above belongs to the test
    return kept


def _faces(arteries: Sequence[Artery], minors: Sequence[Any]) -> Any:
    lines = shapely.union_all([*(a.line for a in arteries), *minors], grid_size=_RASTER_M)
    return shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))


def _is_splinter(face: Any) -> bool:
    width = 2.0 * face.area / face.length
    return bool(face.area < _SMALL_BLOCK_M2 or width < 21.0)


def _merge_faces(rng: np.random.Generator, faces: list[Any]) -> list[Any]:
    """Join splinters, and a few blocks at will, to the neighbour with the longest common street."""
    faces = list(faces)
    waiting = [int(i) for i in np.argsort([f.area for f in faces])]
    while waiting:
        at = waiting.pop(0)
        if faces[at] is None:
            continue
        splinter = _is_splinter(faces[at])
        if not splinter and rng.random() > 0.24:
            continue
        mate = _best_mate(faces, at, limit=math.inf if splinter else _LARGE_BLOCK_M2)
        if mate is None:
            continue
        faces[mate] = shapely.coverage_union(faces[at], faces[mate])
        faces[at] = None
        if splinter:
            waiting.insert(0, mate)
    return [f for f in faces if f is not None]


def _best_mate(faces: list[Any], at: int, *, limit: float) -> int | None:
    best, longest = None, 25.0 if limit < math.inf else 1.0
    for other, face in enumerate(faces):
        if other == at or face is None or not face.intersects(faces[at]):
            continue
        if face.area + faces[at].area > limit:
            continue
        shared = shapely.intersection(face.boundary, faces[at].boundary).length
        joined = shapely.coverage_union(face, faces[at]) if shared > longest else None
        if joined is not None and joined.geom_type == "Polygon" and not joined.interiors:
            best, longest = other, shared
    return best


def _community_of(plan: TownPlan) -> dict[tuple[int, int], str]:
    return {quarter: name for name, (quarters, _, _) in plan.communities.items() for quarter in quarters}


def _take_in(stray: Sequence[Any], by_quarter: dict[tuple[int, int], list[Any]]) -> None:
    """Give faces that lie in no quarter, but are enclosed by those that do, to the quarter they touch most.

    Where three arteries meet in one point of the raster, a splinter may fall outside all quarters.
    """
    town = shapely.union_all([face for faces in by_quarter.values() for face in faces])
    holes = [Polygon(ring) for part in shapely.get_parts(town) for ring in part.interiors]
    for face in stray:
        if any(hole.contains(face.representative_point()) for hole in holes):
            rim = face.boundary
            lengths = {
                q: sum(shapely.intersection(rim, f.boundary).length for f in faces) for q, faces in by_quarter.items()
            }
            by_quarter[max(lengths, key=lambda q: lengths[q])].append(face)


def draw_network(plan: TownPlan, rng: np.random.Generator) -> Network:
    """Draw arteries, minor streets and blocks of a town (valley coordinates, metres)."""
    arteries, bands, crosses = _arteries(plan, rng)
    cells = _quarters(arteries, bands, crosses)
    owner = _community_of(plan)
    turns = {q: float(rng.choice([-1.0, 1.0]) * rng.uniform(0.03, 0.36)) for q in sorted(owner)}
    minors = [line for q in sorted(owner) for line in _minor_streets(rng, cells[q], turns[q])]
    by_quarter: dict[tuple[int, int], list[Any]] = {q: [] for q in sorted(owner)}
    shapely.prepare([cells[q] for q in by_quarter])
    stray = []
    for face in _faces(arteries, minors):
        point = face.representative_point()
        home = next((q for q in by_quarter if cells[q].contains(point)), None)
        (stray if home is None else by_quarter[home]).append(face)
    _take_in(stray, by_quarter)
    blocks = [
        Block(shape, quarter, owner[quarter], turn=turns[quarter])
        for quarter, faces in by_quarter.items()
        for shape in _merge_faces(rng, faces)
    ]
    return Network(plan, arteries, minors, blocks, bands)
