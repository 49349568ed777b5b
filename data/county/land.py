"""What stands on the blocks of a town: institutions, compounds, bungalow areas, and the grids around them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Polygon

from .frames import Valley, bend
from .institutions import Institution, institutions_of
from .names import BUNGALOW_AREAS, compound_names, numeral
from .partition import partition_community, reading_order
from .plots import Footprint, bungalow_rows, cut_off, institution, slab_rows
from .streets import Block, Network, TownPlan, draw_network

__all__ = ["Building", "Grid", "Lot", "Town", "build_town"]

_SETBACK = {"river": 64.0, "rail": 30.0, "main": 20.0, "cross": 16.0, "creek": 24.0, "edge": 14.0}
_BLOCK_SETBACK_M = 9.5
_LIVED_IN = 0.735


@dataclass(slots=True)
class Lot:
    """A piece of ground with one use: slab (楼房小区), bungalow (平房区), institution or green."""

    shape: Any
    use: str
    angle: float
    block: int
    name: str = ""
    kind: str = ""
    area_name: str = ""
    footprints: list[Footprint] = field(default_factory=list)
    grid: str = ""

    @property
    def dwellings(self) -> int:
        """Dwellings on the lot: two on each landing, one in each bungalow."""
        if self.use == "slab":
            return sum(2 * f.floors * f.stairwells for f in self.footprints)
        return sum(f.stairwells for f in self.footprints) if self.use == "bungalow" else 0


@dataclass(frozen=True, slots=True)
class Building:
    """A building as the county's map has it (plane, metres)."""

    code: str
    community: str
    compound: str
    number: str
    floors: int
    stairwells: int
    dwellings: int
    use: str
    shape: Any
    grid: str
    address: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A true base grid (plane, metres)."""

    key: str
    community: str
    community_code: str
    town: str
    number: int
    shape: Any

    @property
    def name(self) -> str:
        """第N网格."""
        return f"第{numeral(self.number)}网格"


@dataclass(slots=True)
class Town:
    """A finished town."""

    plan: TownPlan
    valley: Valley
    network: Network
    lots: list[Lot]
    grids: list[Grid]
    buildings: list[Building]
    targets: dict[str, int]


def _parcels(network: Network, valley: Valley) -> list[Any]:
    """Buildable ground of each block in the plane: away from streets, river and railway."""
    arteries = [shapely.buffer(bend(valley, a.line), _SETBACK[a.kind]) for a in network.arteries]
    parcels = []
    for block in network.blocks:
        ground = shapely.buffer(bend(valley, block.shape), -_BLOCK_SETBACK_M, join_style="mitre")
        near = [a for a in arteries if a.intersects(ground)]
        ground = shapely.difference(ground, shapely.union_all(near)) if near else ground
        parts = [p for p in shapely.get_parts(ground) if p.geom_type == "Polygon"]
        parcels.append(max(parts, key=lambda p: p.area) if parts else Polygon())
    return parcels


def _south(angle: float) -> float:
    """Turn a street frame to the quarter turn in which rows face south best."""
    return (angle + math.pi / 4) % (math.pi / 2) - math.pi / 4


def _angles(network: Network, valley: Valley) -> list[float]:
    return [_south(valley.angle_at(b.shape.centroid.x) + b.turn * valley.side) for b in network.blocks]


def _centrality(block: Block) -> float:
    c = block.shape.centroid
    return math.hypot(c.x / 1500.0, (c.y - 380.0) / 480.0)


def _site(item: Institution, blocks: list[Block], parcels: list[Any], free: list[int], rng: np.random.Generator) -> int:
    """Choose the block an institution stands on."""
    fit = [i for i in free if parcels[i].area > item.area * 0.85] or free

    def price(i: int) -> float:
        c = blocks[i].shape.centroid
        if item.where == "station":
            return math.hypot(c.x - 150.0, (c.y - 640.0) * 1.5) / 300.0
        far = _centrality(blocks[i])
        return {"centre": far, "edge": -far}.get(item.where, 0.0) + rng.uniform(0, 0.6 if item.where != "any" else 1.0)

    return min(fit, key=price)


def _lots(network: Network, valley: Valley, rng: np.random.Generator) -> list[Lot]:
    parcels, angles = _parcels(network, valley), _angles(network, valley)
    free = [i for i, p in enumerate(parcels) if p.area > 900.0]
    rest = {i: parcels[i] for i in free}
    lots = []
    for item in institutions_of(network.plan.name):
        at = _site(item, network.blocks, parcels, free, rng)
        free.remove(at)
        lot, left = cut_off(parcels[at], item.area, rng)
        rest[at] = left
        prints = institution(lot, angles[at], item.layout) if item.layout else []
        lots.append(Lot(lot, "institution", angles[at], at, item.name, item.kind, footprints=prints))
    for at, ground in rest.items():
        if ground.area > 900.0:
            lots.append(Lot(ground, "bungalow", angles[at], at))
    return lots


def _density(block: Block) -> float:
    return float(np.clip(1.15 - 0.62 * _centrality(block), 0.05, 1.0))


def _settle(lots: list[Lot], network: Network, targets: dict[str, int], rng: np.random.Generator) -> None:
    """Build bungalows everywhere, then slabs from the centre outwards until the households find room."""
    for community, wanted in targets.items():
        homes = [x for x in lots if x.use == "bungalow" and network.blocks[x.block].community == community]
        for lot in homes:
            lot.footprints = bungalow_rows(lot.shape, lot.angle, rng, density=_density(network.blocks[lot.block]))
        rank = {id(x): _centrality(network.blocks[x.block]) + rng.uniform(0, 0.8) for x in homes}
        room, need = sum(x.dwellings for x in homes), wanted / _LIVED_IN
        for lot in sorted(homes, key=lambda x: rank[id(x)]):
            if room >= need:
                break
            slabs = slab_rows(lot.shape, lot.angle, rng)
            if len(slabs) < 2:
                continue
            room -= lot.dwellings
            lot.use, lot.footprints = "slab", slabs
            room += lot.dwellings
    for lot in lots:
        if lot.use == "bungalow" and not lot.footprints:
            lot.use, lot.name, lot.kind = "green", "", "绿地"


def _grids(network: Network, valley: Valley, lots: list[Lot], codes: dict[str, str]) -> list[Grid]:
    homes = np.zeros(len(network.blocks))
    for lot in lots:
        homes[lot.block] += lot.dwellings
    grids = []
    for community, (_, count, _) in network.plan.communities.items():
        index = [i for i, b in enumerate(network.blocks) if b.community == community]
        blocks = [network.blocks[i] for i in index]
        area = np.array([b.shape.area for b in blocks])
        weights = area / area.mean() + 1.5 * homes[index] / max(homes[index].mean(), 1.0)
        groups = partition_community(blocks, weights, count)
        shapes = [shapely.coverage_union_all([blocks[i].shape for i in g]) for g in groups]
        shapes = [bend(valley, s) for s in shapes]
        order = reading_order(np.array([s.centroid.coords[0] for s in shapes]))
        for number, at in enumerate(order, start=1):
            key = f"{community}/{number}"
            grids.append(Grid(key, community, codes[community], network.plan.name, number, shapes[at]))
            for i in groups[at]:
                blocks[i].grid = len(grids) - 1
    return grids


def _name_lots(lots: list[Lot], network: Network, grids: list[Grid], rng: np.random.Generator) -> None:
    slabs = [x for x in lots if x.use == "slab"]
    for lot, name in zip(slabs, compound_names(rng, len(slabs)), strict=True):
        lot.name, lot.kind = name, "楼房小区"
    quarters = sorted({network.blocks[x.block].quarter for x in lots if x.use == "bungalow"})
    areas = rng.permutation(len(BUNGALOW_AREAS))
    for ward, quarter in enumerate(quarters, start=1):
        here = [x for x in lots if x.use == "bungalow" and network.blocks[x.block].quarter == quarter]
        for group, lot in enumerate(here, start=1):
            lot.name, lot.kind = f"{ward}委{group}组", "平房区"
            lot.area_name = BUNGALOW_AREAS[areas[ward % len(areas)]]
    for lot in lots:
        lot.grid = grids[network.blocks[lot.block].grid].key


def _buildings(town: str, code: str, lots: list[Lot], network: Network) -> list[Building]:
    found: list[Building] = []
    for lot in lots:
        order = sorted(lot.footprints, key=lambda f: (-round(f.shape.centroid.y / 20.0), f.shape.centroid.x))
        for n, f in enumerate(order, start=1):
            slab = lot.use == "slab"
            number = f"{n}号楼" if slab else ""
            dwellings = 2 * f.floors * f.stairwells if slab else f.stairwells if lot.use == "bungalow" else 0
            wells = f.stairwells if slab else 0
            use = {"slab": "住宅", "bungalow": "平房"}.get(lot.use, lot.kind)
            address = f"{town}{lot.name}{number}" if slab else f"{town}{lot.area_name}{lot.name}"
            uid = f"LD{code[-1]}{len(found) + 1:05d}"
            community = network.blocks[lot.block].community
            found.append(
                Building(uid, community, lot.name, number, f.floors, wells, dwellings, use, f.shape, lot.grid, address)
            )
    return found


def build_town(plan: TownPlan, rng: np.random.Generator, codes: dict[str, str]) -> Town:
    """Build a whole town.

    Parameters
    ----------
    plan : TownPlan
        What is settled.
    rng : numpy.random.Generator
        Chance.
    codes : dict
        Community name → 12-digit code.
    """
    valley = Valley.draw(rng, centre=plan.centre, heading=plan.heading, mirrored=plan.mirrored, centre_t=plan.centre_t)
    network = draw_network(plan, rng)
    lots = _lots(network, valley, rng)
    targets = {name: homes for name, (_, _, homes) in plan.communities.items()}
    _settle(lots, network, targets, rng)
    grids = _grids(network, valley, lots, codes)
    _name_lots(lots, network, grids, rng)
    buildings = _buildings(plan.name, plan.code, lots, network)
    return Town(plan, valley, network, lots, grids, buildings, targets)
