"""Coverages, counties and points for the placement benchmarks, all from a seed, and the exact truth about them."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.crs import from_lattice, to_lattice
from geo.model import AreaKind, Grid, GridKind
from geo.predicates import contains_exact

if TYPE_CHECKING:
    from collections.abc import Sequence

BOX = (129.0, 48.0, 129.5, 48.3)
COUNTY = "230724"
TOWN = f"{COUNTY}100"


def coverage(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` grids that tile the box: rows of seeds, shared edges bent by common midpoints, on the lattice."""
    west, south, east, north = BOX
    columns = math.ceil(math.sqrt(count * 1.5))
    seeds = np.array([(i % columns, i // columns) for i in range(count)], dtype=float) + rng.uniform(
        0.1, 0.9, (count, 2)
    )
    rows = math.ceil(count / columns)
    seeds = seeds / [columns, rows] * [east - west, north - south] + [west, south]
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=shapely.box(*BOX)))
    cells = shapely.intersection(cells, shapely.box(*BOX), grid_size=1e-9)
    # Eight pieces an edge give a grid some 48 vertices, as the grids of the demonstration county have.
    return _bent(cells, rng, pieces=8 if count < 100_000 else 1)


def communities(count: int) -> list[str]:
    """Return the codes of the communities of the county's one town."""
    return [f"{TOWN}{i + 1:03}" for i in range(count)]


def areas(codes: Sequence[str]) -> list[dict]:
    """Return the rows of the county, its town and its communities."""
    rows = [{"code": COUNTY, "name": "丰林县", "kind": AreaKind.COUNTY.value}]
    rows += [{"code": TOWN, "name": "新青镇", "kind": AreaKind.TOWN.value, "parent_code": COUNTY}]
    kind = AreaKind.COMMUNITY.value
    return [*rows, *({"code": c, "name": f"第{c[-3:]}社区", "kind": kind, "parent_code": TOWN} for c in codes)]


def county_grids(shapes: np.ndarray, codes: Sequence[str], *, coded: bool) -> list[Grid]:
    """Return base grids of these outlines, dealt in a row to the communities; `coded` ones have a code by now.

    The order of a generation is the order of grid ids: ids ascend with the position.
    """
    of = [codes[i * len(codes) // len(shapes)] for i in range(len(shapes))]
    return [
        Grid(
            id=str(uuid.UUID(int=(i + 1) << 96)),
            county_code=COUNTY,
            kind=GridKind.BASE,
            name=f"第{i + 1}网格",
            community_code=community,
            geometry=shape,
            code=f"{community}{i + 1:03}" if coded else None,
            local_code=None if coded else f"{i + 1}",
            source_key=f"base-{i}",
        )
        for i, (shape, community) in enumerate(zip(shapes, of, strict=True))
    ]


def _bent(cells: np.ndarray, rng: np.random.Generator, *, pieces: int) -> np.ndarray:
    """Cut every edge into pieces and push the inner vertices a little aside, the same from both its grids."""
    rings = [shapely.get_coordinates(shapely.get_exterior_ring(c)) for c in cells]
    numbers = [to_lattice(r) for r in rings]
    if pieces == 1:
        return shapely.polygons([shapely.linearrings(from_lattice(n)) for n in numbers])
    noise = rng.uniform(-1, 1, (4096, pieces - 1))
    bent = []
    for ring in numbers:
        a, b = ring[:-1], ring[1:]
        swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
        low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
        key = (low[:, 0] * 31 + low[:, 1] * 17 + high[:, 0] * 7 + high[:, 1]) % 4096
        t = np.arange(1, pieces) / pieces
        along = (high - low)[:, None, :]
        aside = noise[key][:, :, None] * 0.04 * np.stack([-along[..., 1], along[..., 0]], axis=-1)
        inner = np.rint(low[:, None, :] + t[None, :, None] * along + aside).astype(np.int64)
        inner[_on_box(low) & _on_box(high) & (low == high).any(axis=1)] = 0
        inner = np.where(swap[:, None, None], inner[:, ::-1], inner)
        whole = np.concatenate([a[:, None, :], inner], axis=1).reshape(-1, 2)
        bent.append(whole[(whole != 0).all(axis=1)])
    return np.array([shapely.Polygon(from_lattice(r)) for r in bent], dtype=object)


def _on_box(ends: np.ndarray) -> np.ndarray:
    west, south, east, north = to_lattice(np.array(BOX))
    return (ends[:, 0] == west) | (ends[:, 0] == east) | (ends[:, 1] == south) | (ends[:, 1] == north)


def points(kind: str, count: int, grids: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return points: ``uniform`` in the box, ``clustered`` in seven towns, or on the ``boundary`` of the grids."""
    west, south, east, north = BOX
    if kind == "uniform":
        return rng.uniform(west, east, count), rng.uniform(south, north, count)
    if kind == "clustered":
        towns = rng.uniform([west + 0.05, south + 0.05], [east - 0.05, north - 0.05], (7, 2))
        at = towns[rng.integers(0, 7, count)] + rng.normal(0, 0.008, (count, 2))
        return np.clip(at[:, 0], west, east), np.clip(at[:, 1], south, north)
    ring, owner = shapely.get_coordinates(shapely.get_exterior_ring(grids), return_index=True)
    edges = np.hstack([ring[:-1], ring[1:]])[owner[:-1] == owner[1:]]
    chosen = edges[rng.integers(0, len(edges), count)]
    t = rng.integers(0, 5, count)[:, None] / 4  # ends, middles and quarters
    at = chosen[:, :2] + t * (chosen[:, 2:] - chosen[:, :2])
    step = rng.integers(-1, 2, (count, 2))  # the point itself or one of its eight float neighbours
    at = np.where(step == 0, at, np.nextafter(at, np.where(step > 0, np.inf, -np.inf)))
    return at[:, 0].copy(), at[:, 1].copy()


def truth(grids: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the lowest exact holder of each point by the plain rule, polygon by polygon, and how many have several.

    No index: points are only sorted by y so that a polygon looks at those in its box.
    """
    order = np.argsort(y, kind="stable")
    xs, ys = x[order], y[order]
    held = np.full(len(x), -1, dtype=np.int32)
    several = 0
    for position, grid in enumerate(grids):
        west, south, east, north = grid.bounds
        a, b = np.searchsorted(ys, south), np.searchsorted(ys, north, side="right")
        near = a + np.flatnonzero((xs[a:b] >= west) & (xs[a:b] <= east))
        if near.size:
            rings = [shapely.get_coordinates(r) for r in shapely.get_rings(grid)]
            inside = near[contains_exact(rings, xs[near], ys[near])]
            several += int((held[inside] >= 0).sum())
            held[inside[held[inside] < 0]] = position
    answer = np.empty_like(held)
    answer[order] = held
    return answer, several
