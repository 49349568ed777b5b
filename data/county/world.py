"""The whole county in truth: towns, villages, forest, people's homes, overlay grids (plane, metres)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from .countryside import ForestUnit, Village, build_villages, outline, raise_forest
from .institutions import DEPARTMENTS
from .land import Building, Grid, Town, build_town
from .lines import Line, Place, connect_towns, places_of, town_lines, water_of
from .people import Home, settle_homes
from .plans import TOWNS, VILLAGES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COUNTY_CODE", "COUNTY_NAME", "NOTE", "Exclusive", "World", "build_world", "stream"]

COUNTY_CODE = "230724"
COUNTY_NAME = "丰林县"
NOTE = "演示数据"
_EXCLUSIVE = 236


@dataclass(frozen=True, slots=True)
class Exclusive:
    """An exclusive grid inside a base grid."""

    number: str
    name: str
    kind: str
    owner: str
    department: str
    grid: str
    shape: Any


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is truly so."""

    seed: int
    units: list[dict[str, str]]
    towns: list[Town]
    villages: list[Village]
    forest: list[ForestUnit]
    homes: list[Home]
    exclusive: list[Exclusive]
    lines: list[Line]
    places: list[Place]
    waters: list[Any]
    county: Any
    town_outlines: dict[str, Any]

    @property
    def grids(self) -> list[Grid]:
        """All true base grids, town by town, then the villages."""
        return [g for t in self.towns for g in t.grids] + [v.grid for v in self.villages]

    @property
    def buildings(self) -> list[Building]:
        """All buildings."""
        return [b for t in self.towns for b in t.buildings] + [b for v in self.villages for b in v.buildings]

    @property
    def town_of(self) -> dict[str, str]:
        """Community or village → town."""
        return {u["short_name"]: u["town_name"] for u in self.units}


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream of one part, so that a change in one part leaves the others as they were."""
    return np.random.default_rng([seed, *name.encode()])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _exclusive(towns: list[Town], rng: np.random.Generator) -> list[Exclusive]:
    """All institutions, and as many compounds as make 236."""
    chosen = []
    for town in towns:
        chosen += [(town, lot) for lot in town.lots if lot.use == "institution"]
    slabs = [(town, lot) for town in towns for lot in town.lots if lot.use == "slab"]
    picked = sorted(rng.choice(len(slabs), _EXCLUSIVE - len(chosen), replace=False).tolist())
    chosen += [slabs[i] for i in picked]
    found = []
    for n, (town, lot) in enumerate(chosen, start=1):
        compound = lot.use == "slab"
        kind = "住宅小区" if compound else lot.kind
        owner = f"{town.plan.name.removesuffix('镇')}{lot.name}物业服务站" if compound else lot.name
        found.append(
            Exclusive(f"ZS-{n:03d}", f"{lot.name}专属网格", kind, owner, DEPARTMENTS[kind], lot.grid, lot.shape)
        )
    return found


def _town_outlines(forest: list[ForestUnit], county: Any) -> dict[str, Any]:
    """Cut the county's outline among the towns along the forestry units."""
    names = list(dict.fromkeys(u.town for u in forest))
    bodies = [shapely.buffer(outline([u.shape for u in forest if u.town == n]), 1.0) for n in names]
    left, found = county, {}
    for name, body in zip(names[:-1], bodies[:-1], strict=True):
        part = shapely.intersection(left, body)
        found[name] = max(shapely.get_parts(part), key=lambda p: p.area)
        left = shapely.difference(left, found[name])
    found[names[-1]] = max(shapely.get_parts(left), key=lambda p: p.area)
    return found


def build_world(seed: int, units_dir: Path) -> World:
    """Build the county of a seed.

    Parameters
    ----------
    seed : int
        The only source of chance.
    units_dir : Path
        Directory with the real unit names.
    """
    units = _rows(units_dir / "fenglin_units.csv")
    codes = {u["short_name"]: u["code12"] for u in units}
    towns = [build_town(plan, stream(seed, plan.code), codes) for plan in TOWNS]
    villages = build_villages(VILLAGES, stream(seed, "villages"))
    base = shapely.union_all([g.shape for t in towns for g in t.grids] + [v.grid.shape for v in villages])
    centres = {p.name: p.centre for p in TOWNS}
    forest = raise_forest(_rows(units_dir / "fenglin_forest_units.csv"), centres, base, stream(seed, "forest"))
    county = outline([u.shape for u in forest])
    targets = {c: n for t in towns for c, n in t.targets.items()} | {v.name: v.homes for v in villages}
    buildings = [b for t in towns for b in t.buildings] + [b for v in villages for b in v.buildings]
    town_of = {u["short_name"]: u["town_name"] for u in units}
    homes = settle_homes(buildings, targets, town_of, stream(seed, "homes"))
    lines = [x for t in towns for x in town_lines(t)] + connect_towns(towns, stream(seed, "lines"))
    lines += [Line(f"{v.name}村街", "road", "村道", False, v.street) for v in villages]
    places = [p for t in towns for p in places_of(t)]
    places += [Place(f"{v.name}村委会", "村部", "机关", v.name, *v.street.centroid.coords[0]) for v in villages]
    waters = [water_of(t, stream(seed, f"water{t.plan.code}")) for t in towns]
    exclusive = _exclusive(towns, stream(seed, "exclusive"))
    return World(
        seed,
        units,
        towns,
        villages,
        forest,
        homes,
        exclusive,
        lines,
        places,
        waters,
        county,
        _town_outlines(forest, county),
    )
