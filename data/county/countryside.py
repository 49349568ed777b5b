# ruff: noqa: E501 - tables read better in long lines
"""What lies outside the towns: two villages, the forestry units, and the outlines of towns and county (plane, metres)."""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon

from .frames import FloatArray, Wave
from .land import Building, Grid
from .plots import bungalow_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ForestUnit", "Village", "build_villages", "outline", "raise_forest"]

_CELL_M = 420.0
_CLEAR_M = 160.0
_LARGEST_HOLE_M2 = 3e6


@dataclass(frozen=True, slots=True)
class Village:
    """A village: one grid, its houses and its street."""

    name: str
    code: str
    grid: Grid
    buildings: tuple[Building, ...]
    street: Any
    homes: int


@dataclass(frozen=True, slots=True)
class ForestUnit:
    """One forest farm or station of a forestry company."""

    name: str
    kind: str
    town: str
    company: str
    shape: Any


def _blob(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> Polygon:
    angle = np.linspace(0.0, 2 * math.pi, 46, endpoint=False)
    wave = Wave.draw(rng, (0.16, 2.1), (0.08, 1.05), (0.035, 0.42))
    # The seam of the wave is blended so that the ring closes smoothly.
    blend = np.clip((2 * math.pi - angle) / 0.9, 0.0, 1.0)
    r = radius * (1.0 + blend * wave(angle) + (1 - blend) * wave(angle - 2 * math.pi))
    return Polygon(np.column_stack([centre[0] + 1.25 * r * np.cos(angle), centre[1] + 0.9 * r * np.sin(angle)]))


def _creek(rng: np.random.Generator, a: tuple[float, float], b: tuple[float, float]) -> LineString:
    middle, along = (np.array(a) + np.array(b)) / 2, np.array(b) - np.array(a)
    along = along / np.hypot(*along)
    across = np.array([-along[1], along[0]])
    u = np.arange(-4200.0, 4201.0, 70.0)
    wave = Wave.draw(rng, (130.0, 1900.0), (45.0, 620.0), (14.0, 260.0))
    return LineString(middle + u[:, None] * across + wave(u)[:, None] * along)


def build_villages(
    plans: Sequence[tuple[str, str, tuple[float, float], int]], rng: np.random.Generator
) -> list[Village]:
    """Lay out two adjoining villages, cut apart by a creek."""
    (_, _, a, _), (_, _, b, _) = plans
    body = shapely.union(_blob(rng, a, 1950.0), _blob(rng, b, 1880.0))
    lines = shapely.union_all([body.exterior, _creek(rng, a, b)], grid_size=2.0)
    faces = [f for f in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))) if f.area > 2e5]
    villages = []
    for name, code, centre, homes in plans:
        face = min(faces, key=lambda f, c=centre: f.distance(shapely.Point(c)))
        grid = Grid(f"{name}/1", name, code, "五营镇", 1, _rough(face))
        street, houses = _hamlet(rng, face, centre, homes)
        buildings = tuple(
            Building(f"LDC{code[-1]}{n:04d}", name, f"{name}{1 + n % 4}组", "", 1, 0, f.stairwells, "平房", f.shape, grid.key,
                     f"五营镇{name}")
            for n, f in enumerate(houses, start=1)
        )  # fmt: skip
        villages.append(Village(name, code, grid, buildings, street, homes))
    return villages


def _hamlet(rng: np.random.Generator, face: Any, centre: tuple[float, float], homes: int) -> tuple[Any, list[Any]]:
    """Houses in rows on both sides of a bent village street."""
    angle = rng.uniform(-0.5, 0.5)
    wave = Wave.draw(rng, (45.0, 900.0), (14.0, 330.0))
    u = np.arange(-720.0, 721.0, 40.0)
    v = wave(u)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    street = LineString(np.array(centre) + np.column_stack([u, v]) @ turn)
    houses: list[Any] = []
    room, target = 0, homes / 0.72
    for side in (18.0, 52.0, 88.0, 124.0):
        for sign in (1.0, -1.0):
            for k in range(0, len(u) - 5, 4):
                if room >= target or rng.random() < 0.16:
                    continue
                near = v[k : k + 5] + sign * side
                lot = np.column_stack(
                    [np.r_[u[k : k + 5] + 6, u[k : k + 5][::-1] + 6], np.r_[near, near[::-1] + sign * 30]]
                )
                shape = Polygon(np.array(centre) + lot @ turn)
                found = bungalow_rows(shape, angle, rng, density=0.7) if shape.is_valid and face.contains(shape) else []
                houses += found
                room += sum(f.stairwells for f in found)
    return street, houses


def _warp(rng: np.random.Generator, xy: FloatArray) -> FloatArray:
    """Shift points by smooth noise so that borders run like ridges, not like bisectors."""
    out = xy.copy()
    for _ in range(7):
        length, amplitude = rng.uniform(3500.0, 15000.0), rng.uniform(350.0, 1300.0)
        angle, phase = rng.uniform(0, 2 * math.pi, 2)
        ripple = np.sin((xy @ np.array([math.cos(angle), math.sin(angle)])) * 2 * math.pi / length + phase)
        push = rng.uniform(0, 2 * math.pi)
        out += amplitude * ripple[:, None] * np.array([math.cos(push), math.sin(push)])
    return out


def _county_mask(rng: np.random.Generator, grid: FloatArray) -> Any:
    """Return which points lie in the county: an ellipse along the valley, its rim pushed about by ridges."""
    middle = np.array([528500.0, 5342500.0])
    angle = 0.62
    axes = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    uv = (_warp(rng, grid) - middle) @ axes
    theta = np.arctan2(uv[:, 1] / 26500.0, uv[:, 0] / 37500.0)
    rim = 1.0 + 0.10 * np.sin(3 * theta + rng.uniform(0, 6)) + 0.05 * np.sin(5 * theta + rng.uniform(0, 6))
    return np.hypot(uv[:, 0] / 37500.0, uv[:, 1] / 26500.0) < rim


def _spread(rng: np.random.Generator, cells: FloatArray, count: int) -> FloatArray:
    """Place unit centres in a town's part: best candidates first, then two rounds towards the middle."""
    chosen = [cells[rng.integers(len(cells))]]
    while len(chosen) < count:
        tries = cells[rng.integers(0, len(cells), 24)]
        gap = np.min(np.hypot(*(tries[:, None] - np.array(chosen)[None]).transpose(2, 0, 1)), axis=1)
        chosen.append(tries[int(np.argmax(gap))])
    seeds = np.array(chosen)
    for _ in range(2):
        owner = np.argmin(np.hypot(*(cells[:, None] - seeds[None]).transpose(2, 0, 1)), axis=1)
        middles = np.array([cells[owner == k].mean(axis=0) for k in range(count)])
        seeds = seeds + 0.8 * (middles - seeds)
    return seeds


def _label(rng: np.random.Generator, towns: dict[str, tuple[FloatArray, int]]) -> tuple[FloatArray, Any]:
    """Label raster cells with the unit they belong to, -1 outside; units are numbered town by town."""
    xs, ys = np.arange(478000.0, 580000.0, _CELL_M), np.arange(5300000.0, 5388000.0, _CELL_M)
    grid = np.array(np.meshgrid(xs, ys)).reshape(2, -1).T
    inside = _county_mask(rng, grid)
    warped = _warp(rng, grid)
    centres = np.array([c for c, _ in towns.values()])
    pull = np.sqrt(np.array([float(n) for _, n in towns.values()]))
    town = np.argmin(np.hypot(*(warped[:, None] - centres[None]).transpose(2, 0, 1)) / pull, axis=1)
    owner = np.full(len(grid), -1)
    first = 0
    for k, (_, count) in enumerate(towns.values()):
        here = inside & (town == k)
        seeds = _spread(rng, warped[here], count)
        stretch = rng.uniform(0.9, 1.12, count)
        away = np.hypot(*(warped[here][:, None] - seeds[None]).transpose(2, 0, 1)) * stretch
        owner[here] = first + np.argmin(away, axis=1)
        first += count
    return grid, owner


def _fractal(line: FloatArray, depth: int) -> FloatArray:
    """Displace the middle of each edge by an amount that depends on its ends alone: both neighbours agree."""
    for level in range(depth):
        pieces = [line[:1]]
        for p, q in itertools.pairwise(line):
            a, b = (p, q) if tuple(p) < tuple(q) else (q, p)
            digest = hashlib.blake2b(np.round(np.r_[a, b], 2).tobytes(), digest_size=4).digest()
            share = int.from_bytes(digest, "big") / 2**32 - 0.5
            shift = 0.20 * share * np.array([-(b - a)[1], (b - a)[0]]) / (1 + 0.4 * level)
            pieces += [np.round((a + b) / 2 + shift, 2)[None], q[None]]
        line = np.concatenate(pieces)
    return line


def _rough(shape: Polygon) -> Polygon:
    rings = [_fractal(shapely.get_coordinates(r), 2) for r in (shape.exterior, *shape.interiors)]
    return Polygon(rings[0], rings[1:])


def raise_forest(
    units: Sequence[dict[str, str]], centres: dict[str, tuple[float, float]], base: Any, rng: np.random.Generator
) -> list[ForestUnit]:
    """Draw the forestry units around the towns, outside the base extent.

    Parameters
    ----------
    units : sequence of dict
        Rows of the unit list: name, type, town_name, company.
    centres : dict
        Town name → easting/northing.
    base : geometry
        The extent of the base grids; units keep clear of it.
    rng : numpy.random.Generator
        Chance.
    """
    towns = {t: (np.array(c), sum(u["town_name"] == t for u in units)) for t, c in centres.items()}
    grid, owner = _label(rng, towns)
    half = _CELL_M / 2
    # Corners come from rounded centres, so that neighbouring cells share them to the bit.
    west, south = np.round(grid[:, 0] - half, 2), np.round(grid[:, 1] - half, 2)
    east, north = np.round(grid[:, 0] + half, 2), np.round(grid[:, 1] + half, 2)
    cells = shapely.box(west, south, east, north)
    bodies = []
    for k in range(len(units)):
        parts = shapely.get_parts(shapely.coverage_union_all(cells[owner == k]))
        bodies.append(max(parts, key=lambda p: p.area))
    bodies = [_without_holes(b) for b in shapely.set_precision(bodies, 0.01)]
    smooth = [_rough(p) for p in shapely.coverage_simplify(bodies, 620.0)]
    clear = shapely.simplify(shapely.buffer(base, _CLEAR_M), 15.0)
    found = []
    for unit, shape in zip(units, smooth, strict=True):
        # A roughened outline may cross itself; forest units tile nothing, so each may be mended alone.
        sound = shape if shape.is_valid else shapely.make_valid(shape)
        left = max(shapely.get_parts(shapely.difference(sound, clear)), key=lambda p: p.area)
        found.append(ForestUnit(unit["name"], unit["type"], unit["town_name"], unit["company"], left))
    return found


def _without_holes(shape: Polygon) -> Polygon:
    return Polygon(shape.exterior, [r for r in shape.interiors if Polygon(r).area > _LARGEST_HOLE_M2])


def outline(shapes: Sequence[Any]) -> Any:
    """Return the outline of some shapes as one polygon without the strips between them."""
    body = shapely.buffer(shapely.buffer(shapely.union_all(shapes), 400.0), -400.0)
    biggest = max(shapely.get_parts(body), key=lambda p: p.area)
    return shapely.simplify(Polygon(biggest.exterior), 20.0)
