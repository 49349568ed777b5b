"""Measures of single grids: size, shape, parts, borders, barriers, what they cut and where they come from.

Each is a function of one grid's outline alone, so that after an edit only the grids it touched are measured again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo import crs
from geo.planning import Shape, shape_of
from geo.services.lineage import common_shares

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from geo.reach import GridReach
    from geo.services.ground import Ground
    from geo.services.redraw import Drawing

__all__ = ["GridMeasure", "GridScore", "borders_of", "measure_grids", "remeasure_grids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridMeasure:
    """What the outline of one grid is like.

    Attributes
    ----------
    parts : int
        Pieces that do not hang together; 1 for a contiguous grid.
    outside_m2 : float or None
        Area outside its community, None where the community has no outline.
    barriers : tuple of (name, metres)
        Barrier lines that run through the inside, deeper than the snapping distance.
    cut : frozenset of int
        Positions of the buildings and compounds it holds only in part.
    sources : tuple of (old grid id, share)
        Old grids it takes area from, with the share of the old grid's area.
    borders : mapping
        Shared metres by neighbour's id.
    """

    area_m2: float
    perimeter_m: float
    shape: Shape
    parts: int
    outside_m2: float | None
    barriers: tuple[tuple[str, float], ...]
    cut: frozenset[int]
    sources: tuple[tuple[str, float], ...]
    borders: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridScore:
    """One grid of a plan: its measures, what it carries, and whose worker changes there."""

    name: str
    community_code: str
    measure: GridMeasure
    load: float
    persons: int
    worker_changes: int
    reach: GridReach


def measure_grids(ground: Ground, drawing: Drawing) -> dict[str, GridMeasure]:
    """Measure every grid of a drawing."""
    return _measured(ground, drawing, drawing.coverage.ids)


def remeasure_grids(ground: Ground, drawing: Drawing, before: Mapping[str, GridMeasure]) -> dict[str, GridMeasure]:
    """Measure a drawing whose parent's measures are known: only what its last edit touched is looked at."""
    known = set(drawing.coverage.ids)
    found = {i: m for i, m in before.items() if i in known}
    found.update(_measured(ground, drawing, sorted(drawing.changed & known)))
    beside = sorted((drawing.beside - drawing.changed) & known)
    for grid_id, borders in zip(beside, borders_of(ground, drawing, beside), strict=True):
        found[grid_id] = replace(found[grid_id], borders=borders)
    return found


def _measured(ground: Ground, drawing: Drawing, ids: Collection[str]) -> dict[str, GridMeasure]:
    if not ids:
        return {}
    drawn = np.array([drawing.coverage.polygon(i) for i in ids], dtype=object)
    shapes = ground.metric.project(drawn)
    homes = [ground.communities.get(drawing.facts[i].community_code) for i in ids]
    beyond = [None if home is None else shapely.difference(g, home) for g, home in zip(drawn, homes, strict=True)]
    sources: list[list[tuple[str, float]]] = [[] for _ in ids]
    common = common_shares(ground.shapes, drawn, areas_m2=ground.areas_m2, metric=ground.metric)
    for old, new, share in zip(*common, strict=True):
        sources[new].append((ground.ids[old], share))
    rows = zip(ids, shapes, beyond, sources, borders_of(ground, drawing, ids), strict=True)
    return {i: _measure(ground, shape, outside, come, near) for i, shape, outside, come, near in rows}


def _measure(
    ground: Ground, shape: Any, outside: Any, sources: list[tuple[str, float]], borders: Mapping[str, float]
) -> GridMeasure:
    return GridMeasure(
        area_m2=float(shapely.area(shape)),
        perimeter_m=float(shapely.length(shape)),
        shape=shape_of(shape),
        parts=int(shapely.get_num_geometries(shape)),
        outside_m2=None if outside is None else float(ground.metric.area_m2(outside)),
        barriers=_crossings(ground, shape),
        cut=ground.outlines.cut_by(shape),
        sources=tuple(sorted(sources)),
        borders=borders,
    )


def _crossings(ground: Ground, shape: Any) -> tuple[tuple[str, float], ...]:
    shapely.prepare(shape)
    near = [(name, line) for name, line in ground.barriers if shapely.intersects(shape, line)]
    if not near:
        return ()
    rim = shapely.buffer(shapely.boundary(shape), ground.snap_m)
    deep = [(name, shapely.difference(shapely.intersection(shape, line), rim)) for name, line in near]
    return tuple(sorted((name, float(shapely.length(line))) for name, line in deep if shapely.length(line) > 0))


def borders_of(ground: Ground, drawing: Drawing, ids: Collection[str]) -> list[dict[str, float]]:
    """Return the shared metres of each grid by neighbour's id.

    Sums are exactly rounded, so that they do not depend on how a border is cut into chains.
    """
    coverage = drawing.coverage
    chains, owner, other = [], [], []
    for row, grid_id in enumerate(ids):
        face = coverage.position(grid_id)
        for number in coverage.around(face):
            left, right = int(coverage.left[number]), int(coverage.right[number])
            beyond = right if left == face else left
            if beyond >= 0:
                chains.append(coverage.edges[number])
                owner.append(row)
                other.append(coverage.ids[beyond])
    pieces: list[dict[str, list[float]]] = [{} for _ in ids]
    for row, name, steps in zip(owner, other, _steps(ground, chains), strict=True):
        pieces[row].setdefault(name, []).extend(steps)
    return [{name: math.fsum(steps) for name, steps in sorted(held.items())} for held in pieces]


def _steps(ground: Ground, chains: list[Any]) -> list[list[float]]:
    """Return the length of every segment of every chain in metres."""
    if not chains:
        return []
    degrees = crs.from_lattice(np.concatenate(chains))
    east, north = ground.metric.forward(degrees[:, 0], degrees[:, 1])
    steps = np.hypot(np.diff(east), np.diff(north))
    ends = np.cumsum([len(c) for c in chains]).tolist()
    return [steps[a : b - 1].tolist() for a, b in zip([0, *ends[:-1]], ends, strict=True)]
