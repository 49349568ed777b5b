"""Streets, rivers and railways with names, the water itself, and landmarks (plane, metres)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from shapely.geometry import LineString, Point

from .frames import Wave, bend
from .names import numeral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .land import Town

__all__ = ["Line", "Place", "connect_towns", "places_of", "town_lines", "water_of"]

_BRIDGE_M = 22.0
_RIVER_WIDTH = (24.0, 34.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; `barrier` where nobody crosses."""

    name: str
    kind: str
    rank: str
    barrier: bool
    shape: Any


@dataclass(frozen=True, slots=True)
class Place:
    """A named point people know."""

    name: str
    alias: str
    kind: str
    community: str
    x: float
    y: float


def _extent(town: Town) -> Any:
    return shapely.coverage_union_all([g.shape for g in town.grids])


def _broken_at(line: Any, crossings: Sequence[Any], name: str, kind: str) -> list[Line]:
    """Break a barrier open where a street crosses it."""
    gates = shapely.union_all([shapely.buffer(p, _BRIDGE_M) for p in crossings]) if crossings else Point()
    shut = [p for p in shapely.get_parts(shapely.difference(line, gates)) if p.length > 5.0]
    open_parts = [p for p in shapely.get_parts(shapely.intersection(line, gates)) if p.length > 5.0]
    rank = "河流" if kind == "river" else "铁路"
    return [Line(name, kind, rank, True, p) for p in shut] + [Line(name, kind, rank, False, p) for p in open_parts]


def _crossings(line: Any, others: Sequence[Any]) -> list[Any]:
    return [p for o in others for p in shapely.get_parts(shapely.intersection(line, o)) if p.geom_type == "Point"]


def town_lines(town: Town) -> list[Line]:
    """Return the arteries and minor streets of a town, clipped to where they are built."""
    valley, plan, extent = town.valley, town.plan, _extent(town)
    near = shapely.buffer(extent, 6.0)
    by_kind: dict[str, list[Any]] = {}
    for artery in town.network.arteries:
        by_kind.setdefault(artery.kind, []).append(bend(valley, artery.line))
    streets = [*by_kind.get("main", []), *by_kind.get("cross", [])]
    found: list[Line] = []
    names = iter(plan.street_names)
    main_name, rail_road, bank_road = next(names), next(names), next(names)
    found += [Line(main_name, "road", "主干路", False, s) for s in by_kind["main"]]
    for cross in by_kind.get("cross", []):
        clipped = shapely.intersection(cross, near)
        found.append(
            Line(next(names), "road", "次干路", False, max(shapely.get_parts(clipped), key=lambda p: p.length))
        )
    for river in by_kind["river"]:
        bridges = _crossings(river, [x.shape for x in found if x.rank == "次干路"])
        found += _broken_at(river, bridges, "汤旺河", "river")
    for rail in by_kind["rail"]:
        found += _broken_at(rail, _crossings(rail, streets), f"{plan.name.removesuffix('镇')}林区铁路", "rail")
        found += _beside(rail, 22.0 * valley.side, shapely.buffer(extent, -30.0), rail_road)
    for river in by_kind["river"]:
        found += _beside(river, 44.0 * valley.side, shapely.buffer(extent, -30.0), bank_road)
    for creek in by_kind.get("creek", []):
        part = max(shapely.get_parts(shapely.intersection(creek, near)), key=lambda p: p.length)
        found += _broken_at(part, _crossings(part, by_kind["main"]), "二道河沟", "river")
    return found + _minor_lines(town, by_kind, list(names))


def _beside(line: Any, offset: float, inside: Any, name: str) -> list[Line]:
    """Return a road that runs beside a river or railway, only where the town is."""
    curve = shapely.offset_curve(line, offset)
    parts = [p for p in shapely.get_parts(shapely.intersection(curve, inside)) if p.length > 160.0]
    return [Line(name, "road", "支路", False, p) for p in parts]


def _minor_lines(town: Town, by_kind: dict[str, list[Any]], names: list[str]) -> list[Line]:
    """Minor streets where blocks really part, cut back from river and railway."""
    blocks = [b.shape for b in town.network.blocks]
    pieces_of = shapely.get_parts(shapely.union_all(shapely.boundary(np.array(blocks, dtype=object))))
    tree = shapely.STRtree(pieces_of)
    water = shapely.union_all([
        *(shapely.buffer(r, 44.0) for r in by_kind["river"]),
        *(shapely.buffer(r, 22.0) for r in by_kind["rail"]),
        *(shapely.buffer(r, 14.0) for r in by_kind.get("creek", [])),
    ])  # fmt: skip
    outer = shapely.boundary(_extent(town))
    found: list[Line] = []
    taken = shapely.union_all([bend(town.valley, a.line) for a in town.network.arteries])
    shut = shapely.union(water, shapely.buffer(taken, 1.0))
    shapely.prepare(shut)
    for minor in sorted(town.network.minors, key=lambda m: -m.length):
        strip = shapely.buffer(minor, 2.2)
        parts = shapely.union_all(shapely.intersection(strip, pieces_of[np.sort(tree.query(strip))]))
        kept = shapely.difference(bend(town.valley, shapely.line_merge(parts)), shut)
        pieces = [
            p for p in shapely.get_parts(shapely.line_merge(kept)) if p.geom_type == "LineString" and p.length > 45.0
        ]
        pieces = [p for p in pieces if p.distance(outer) > 0.5 or p.length > 90.0]
        if not pieces:
            continue
        name = _minor_name(names, len({x.name for x in found}))
        found += [Line(name, "road", "支路" if p.length > 240 else "巷道", False, p) for p in pieces]
    return found


def _minor_name(names: list[str], at: int) -> str:
    if at < len(names):
        return names[at]
    base, turn = names[at % len(names)], at // len(names)
    return f"{base.removesuffix('路').removesuffix('街')}{numeral(turn)}胡同"


def water_of(town: Town, rng: np.random.Generator) -> Any:
    """Return the river of a town as a surface of varying width, with an island or two left out."""
    line = next(bend(town.valley, a.line) for a in town.network.arteries if a.kind == "river")
    width = Wave.draw(rng, (5.0, 900.0), (2.5, 310.0))
    steps = np.arange(0.0, line.length, 25.0)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(line, steps))
    along = np.gradient(middle, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(along[:, 0], along[:, 1])[:, None]
    half = np.clip(28.0 + width(steps), *_RIVER_WIDTH)[:, None]
    body = shapely.Polygon(np.concatenate([middle + half * across, (middle - half * across)[::-1]])).buffer(0.0)
    for share in (0.36, 0.71):
        at, k = share * line.length, int(share * len(steps))
        spine = shapely.line_interpolate_point(line, np.linspace(at - 80, at + 90, 6))
        isle = LineString(shapely.get_coordinates(spine) + across[k] * rng.uniform(-3, 3))
        body = shapely.difference(body, shapely.buffer(isle, 11.0))
    return body


def _hermite(a: Any, da: Any, b: Any, db: Any) -> LineString:
    u = np.linspace(0.0, 1.0, 90)[:, None]
    reach = np.hypot(*(b - a))
    h = (2 * u**3 - 3 * u**2 + 1) * a + (u**3 - 2 * u**2 + u) * da * reach
    return LineString(h + (-2 * u**3 + 3 * u**2) * b + (u**3 - u**2) * db * reach)


def connect_towns(towns: Sequence[Town], rng: np.random.Generator) -> list[Line]:
    """Join river, railway and main street of neighbouring towns by lines through the forest."""
    found = []
    for upper, lower in itertools.pairwise(towns):
        for kind, name, rank in (
            ("river", "汤旺河", "河流"),
            ("rail", "汤林铁路", "铁路"),
            ("main", "丰林公路", "公路"),
        ):
            a = _ends(upper, kind)[0]
            b = _ends(lower, kind)[1]
            line = _hermite(a[0], a[1], b[0], b[1])
            xy = shapely.get_coordinates(line)
            taper = np.sin(np.linspace(0, np.pi, len(xy)))
            if kind == "river":
                wave = Wave.draw(rng, (150.0, 1700.0), (60.0, 700.0))(np.linspace(0, line.length, len(xy))) * taper
                xy = xy + wave[:, None] * np.array([-0.6, 0.8])
            found.append(Line(name, "road" if kind == "main" else kind, rank, kind != "main", LineString(xy)))
    return found


def _ends(town: Town, kind: str) -> list[tuple[Any, Any]]:
    """First and last point of an artery, each with the unit direction that leads to the lower town."""
    xy = shapely.get_coordinates(next(bend(town.valley, a.line) for a in town.network.arteries if a.kind == kind))
    first, last = xy[0] - xy[1], xy[-2] - xy[-1]
    return [(xy[0], first / np.hypot(*first)), (xy[-1], last / np.hypot(*last))]


def places_of(town: Town) -> list[Place]:
    """Landmarks of a town: its institutions, its bridges, its station square."""
    found = []
    short = town.plan.name.removesuffix("镇")
    for lot in town.lots:
        if lot.use == "institution":
            p = lot.shape.representative_point()
            alias = lot.name.removeprefix(short)
            found.append(
                Place(lot.name, alias if alias != lot.name else "", lot.kind, lot.grid.split("/")[0], p.x, p.y)
            )
    lines = {x.name: x for x in town_lines(town) if x.rank == "次干路"}
    river = next(bend(town.valley, a.line) for a in town.network.arteries if a.kind == "river")
    for name, line in lines.items():
        for p in _crossings(river, [line.shape]):
            home = min(town.grids, key=lambda g, q=p: g.shape.distance(q))
            found.append(Place(f"{name.removesuffix('路').removesuffix('街')}桥", "", "桥梁", home.community, p.x, p.y))
    return found
