# ruff: noqa: E501 - tables read better in long lines
"""Who works in the grids: gridworkers, the Party tree, anchor households, service centres, duties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from .names import people, phone
from .partition import apportion
from .world import World, stream

if TYPE_CHECKING:
    from .people import Home

__all__ = ["Anchor", "Centre", "Duty", "PartyNode", "Staff", "Worker", "hire"]

_PROFESSIONAL, _PART_TIME, _BRANCHES, _GROUPS = 128, 382, 47, 118
_PROFESSIONS = (
    ("公安", "派出所"), ("城管", "综合执法队"), ("消防", "消防救援站"), ("民政", "民政办"), ("应急", "应急办"), ("市监", "市场监管所"),
    ("卫健", "社区卫生服务站"), ("司法", "司法所"),
)  # fmt: skip
_HELPERS = ("物业人员", "楼栋长", "单元长", "志愿者", "双报到党员", "网格保洁员")


@dataclass(frozen=True, slots=True)
class Worker:
    """A gridworker; `grids` are keys, empty for the whole community."""

    kind: str
    community: str
    grids: tuple[str, ...]
    name: str
    phone: str
    post: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class PartyNode:
    """A committee, branch or group."""

    number: str
    level: str
    name: str
    parent: str
    community: str
    head: str
    members: int
    grids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A 党员中心户 and the households linked to it."""

    number: str
    home: Home
    linked: tuple[Home, ...]


@dataclass(frozen=True, slots=True)
class Centre:
    """One site of a service centre."""

    number: str
    name: str
    community: str
    site: str
    area_m2: int
    planned: bool
    address: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers for a category in a community or compound."""

    category: str
    community: str
    compound: str
    unit: str
    phone: str


@dataclass(frozen=True, slots=True)
class Staff:
    """All of them."""

    full_time: list[Worker]
    heads: dict[str, str]
    professional: list[Worker]
    part_time: list[Worker]
    party: list[PartyNode]
    anchors: list[Anchor]
    centres: list[Centre]
    duties: list[Duty]


def _full_time(world: World, rng: np.random.Generator) -> list[Worker]:
    names = people(rng, len(world.grids))
    return [
        Worker("专职", g.community, (g.key,), n, phone(81_000_000 + i), "专职网格员")
        for i, (g, n) in enumerate(zip(world.grids, names, strict=True))
    ]


def _professional(world: World, rng: np.random.Generator) -> list[Worker]:
    communities = list(dict.fromkeys(g.community for g in world.grids))
    found, names = [], people(rng, _PROFESSIONAL)
    for i, name in enumerate(names):
        community = communities[i % len(communities)]
        field, unit = _PROFESSIONS[(i // len(communities)) % len(_PROFESSIONS)]
        keys = [g.key for g in world.grids if g.community == community]
        some = (
            ()
            if rng.random() < 0.5 or len(keys) < 3
            else tuple(keys[k] for k in sorted(rng.choice(len(keys), 3, replace=False)))
        )
        town = world.town_of[community].removesuffix("镇")
        found.append(Worker("专业", community, some, name, phone(82_000_000 + i), field, f"{town}{unit}"))
    return found


def _part_time(world: World, rng: np.random.Generator) -> list[Worker]:
    found, names = [], people(rng, _PART_TIME)
    grids = world.grids
    order = [*range(len(grids)), *range(len(grids)), *rng.permutation(len(grids)).tolist()][:_PART_TIME]
    for i, (at, name) in enumerate(zip(order, names, strict=True)):
        post = str(rng.choice(_HELPERS))
        found.append(Worker("兼职", grids[at].community, (grids[at].key,), name, phone(83_000_000 + i), post, "社区"))
    return found


def _party(world: World, rng: np.random.Generator) -> list[PartyNode]:
    """Committees per community; branches and groups in proportion to its grids; some grids stay without a group."""
    communities = [c for t in world.towns for c in t.plan.communities]
    keys = {c: [g.key for g in world.grids if g.community == c] for c in communities}
    sizes = [float(len(keys[c])) for c in communities]
    branches, groups = apportion(sizes, _BRANCHES), apportion(sizes, _GROUPS)
    names = iter(people(rng, len(communities) + _BRANCHES + _GROUPS))
    found: list[PartyNode] = []
    for n, (community, b, g) in enumerate(zip(communities, branches, groups, strict=True), start=1):
        top, grids = f"DW{n:02d}", keys[community]
        found.append(PartyNode(top, "党委", f"{community}党委", "", community, next(names), 0, tuple(grids)))
        shares = [s.tolist() for s in np.array_split(np.arange(len(grids)), b)]
        for k, share in enumerate(shares, start=1):
            held = tuple(grids[i] for i in share)
            found.append(
                PartyNode(f"{top}-{k:02d}", "党支部", f"{community}第{k}党支部", top, community, next(names), 0, held)
            )
        # Groups follow the grids in order; where they run out, a grid has none, or shares one with its neighbour.
        starts = np.sort(rng.choice(len(grids), g, replace=False)) if g <= len(grids) else np.arange(g) % len(grids)
        for k, start in enumerate(starts.tolist(), start=1):
            held_by = next(i for i, share in enumerate(shares, start=1) if start in share)
            both = start + 1 < len(grids) and start + 1 not in starts and start + 1 in shares[held_by - 1]
            mine = (grids[start], grids[start + 1]) if both and rng.random() < 0.45 else (grids[start],)
            size = int(rng.integers(6, 22))
            found.append(
                PartyNode(f"{top}-X{k:02d}", "党小组", f"{community}第{k}党小组", f"{top}-{held_by:02d}", community,
                          next(names), size, mine)
            )  # fmt: skip
    return found


def _anchors(world: World, rng: np.random.Generator) -> list[Anchor]:
    found: list[Anchor] = []
    by_grid: dict[str, list[Home]] = {}
    for home in world.homes:
        if home.resident:
            by_grid.setdefault(home.grid, []).append(home)
    for grid in world.grids:
        here = by_grid.get(grid.key, [])
        count = int(rng.choice([0, 1, 2, 3, 4], p=[0.08, 0.22, 0.34, 0.24, 0.12]))
        if len(here) < 20 * max(count, 1):
            continue
        for at in rng.choice(len(here), count, replace=False).tolist():
            home = here[at]
            near = sorted((h for h in here if h is not home), key=lambda h, m=home: (h.x - m.x) ** 2 + (h.y - m.y) ** 2)
            linked = tuple(near[: int(rng.integers(5, 16))])
            found.append(Anchor(f"ZX{len(found) + 1:04d}", home, linked))
    return found


def _centres(world: World, rng: np.random.Generator) -> list[Centre]:
    """Twelve centres: four above 1,000 m², one on two sites, one only planned."""
    communities = [c for t in world.towns for c in t.plan.communities]
    large = {"红建中心社区": 1480, "新立中心社区": 1260, "育林社区": 1150, "前进社区": 1040}
    found = []
    for n, community in enumerate(communities, start=1):
        number, name = f"DQ{n:02d}", f"{community}党群服务中心"
        area = large.get(community, int(rng.integers(32, 90)) * 10)
        sites = (
            [("主场所", int(area * 0.6)), ("分场所", area - int(area * 0.6))]
            if community == "新立中心社区"
            else [("主场所", area)]
        )
        for site, part in sites:
            spot, address = _site(world, community, rng)
            found.append(Centre(number, name, community, site, part, community == "富民社区", address, spot.x, spot.y))
    return found


def _site(world: World, community: str, rng: np.random.Generator) -> tuple[Any, str]:
    extent = shapely.coverage_union_all([g.shape for g in world.grids if g.community == community])
    slabs = [b for b in world.buildings if b.community == community and b.stairwells]
    near = sorted(slabs, key=lambda b: b.shape.distance(extent.centroid))[:14]
    building = near[int(rng.integers(len(near)))]
    return building.shape.representative_point(), f"{building.address}一层"


def _duties(world: World) -> list[Duty]:
    found: list[Duty] = []
    for town in world.towns:
        short = town.plan.name.removesuffix("镇")
        for community in town.plan.communities:
            for category, unit in (
                ("供热", "集中供热公司"),
                ("供水", "自来水公司"),
                ("供电", "供电所"),
                ("警格", "派出所"),
            ):
                name = f"{short}{unit}" + (f"（{community}警格）" if category == "警格" else "")
                found.append(Duty(category, community, "", name, phone(84_000_000 + len(found))))
        for lot in town.lots:
            if lot.use == "slab":
                found.append(
                    Duty(
                        "物业",
                        lot.grid.split("/")[0],
                        lot.name,
                        f"{short}{lot.name}物业服务站",
                        phone(84_000_000 + len(found)),
                    )
                )
    for village in world.villages:
        found += [
            Duty(c, village.name, "", f"五营{u}", phone(84_900_000))
            for c, u in (("供电", "供电所"), ("警格", "派出所"))
        ]
    return found


def hire(world: World) -> Staff:
    """Fill all posts of the county."""
    rng = stream(world.seed, "staff")
    names = people(rng, 17)
    communities = list(dict.fromkeys(g.community for g in world.grids))
    return Staff(
        _full_time(world, rng), dict(zip(communities, names, strict=False)), _professional(world, rng), _part_time(world, rng),
        _party(world, rng), _anchors(world, rng), _centres(world, rng), _duties(world),
    )  # fmt: skip
