"""Households of the county: who lives where, who is away, and how the ledger writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from .names import people, phone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .land import Building

__all__ = ["Home", "settle_homes"]

_TAGS = ("低保", "残疾", "独居老人", "退役军人", "空巢老人", "高龄老人", "重点优抚")
_TAG_SHARES = (0.035, 0.04, 0.05, 0.03, 0.05, 0.04, 0.006)


@dataclass(slots=True)
class Home:
    """A dwelling of the ledger with what is truly so; `x`, `y` is its true place in metres."""

    serial: str
    town: str
    community: str
    compound: str
    number: str
    stairwell: int
    room: int
    address: str
    head: str
    phone: str
    persons: int
    status: str
    use: str
    tags: str
    elderly: int
    grid: str
    x: float
    y: float
    bungalow: bool

    @property
    def resident(self) -> bool:
        """Counts as 常住."""
        return self.status.startswith("常住")


def _places(building: Building, rng: np.random.Generator) -> list[tuple[float, float, int, int]]:
    """Return (x, y, stairwell, room) of each dwelling, spread along the long side of the outline."""
    ring = shapely.get_coordinates(shapely.minimum_rotated_rectangle(building.shape))
    a, b, c = ring[0], ring[1], ring[2]
    if np.hypot(*(b - a)) < np.hypot(*(c - b)):
        a, b, c = b, c, ring[3]
    wells = building.stairwells or building.dwellings
    found = []
    for well in range(1, wells + 1):
        x, y = a + (b - a) * (well - 0.5) / wells + (c - b) * 0.5
        rooms = [100 * f + d for f in range(1, building.floors + 1) for d in (1, 2)] if building.stairwells else [0]
        for room in rooms:
            jx, jy = rng.uniform(-1.2, 1.2, 2)
            found.append((float(x + jx), float(y + jy), well if building.stairwells else 0, room))
    return found


def _occupancy(rng: np.random.Generator, count: int, wanted: int, appeal: Any) -> Any:
    """Pick exactly `wanted` of `count` dwellings to be lived in, the appealing ones more readily."""
    keys = rng.exponential(1.0, count) / appeal
    lived = np.zeros(count, dtype=bool)
    lived[np.argsort(keys, kind="stable")[:wanted]] = True
    return lived


def settle_homes(
    buildings: Sequence[Building], targets: dict[str, int], towns: dict[str, str], rng: np.random.Generator
) -> list[Home]:
    """Fill the dwellings.

    Parameters
    ----------
    buildings : sequence of Building
        All buildings; those with dwellings are filled.
    targets : dict
        Community or village → resident households wanted.
    towns : dict
        Community or village → town.
    rng : numpy.random.Generator
        Chance.
    """
    homes: list[Home] = []
    for k, (community, wanted) in enumerate(targets.items(), start=1):
        here = [b for b in buildings if b.community == community and b.dwellings]
        spots = [(b, p) for b in here for p in _places(b, rng)]
        appeal = np.repeat(
            [rng.uniform(0.75, 1.35) * (1.0 if b.stairwells else 0.8) for b in here], [b.dwellings for b in here]
        )
        lived = _occupancy(rng, len(spots), min(wanted, len(spots)), appeal)
        homes += _fill(spots, lived, (k, community, towns[community]), rng)
    return homes


def _fill(spots: list[Any], lived: Any, at: tuple[int, str, str], rng: np.random.Generator) -> list[Home]:
    k, community, town = at
    n = len(spots)
    heads = people(rng, n)
    persons = np.where(lived, 1 + rng.binomial(4, 0.305, n), 0)
    dice, lets, away = rng.random(n), rng.random(n), rng.random(n)
    found = []
    for i, (building, (x, y, well, room)) in enumerate(spots):
        status, use = _status(bool(lived[i]), float(away[i]), float(lets[i]))
        count = int(persons[i]) if lived[i] else (1 + int(dice[i] * 3) if status else 0)
        tags, elderly = _tags(rng, count) if lived[i] else ("", 0)
        head = heads[i] if status else ""
        number = phone(k * 1_000_000 + i * 7 + 13) if status else ""
        found.append(
            Home(f"FL{k:02d}{i + 1:05d}", town, community, building.compound, building.number, well, room,
                 building.address, head, number, count, status, use, tags, elderly, building.grid, x, y,
                 not building.stairwells)
        )  # fmt: skip
    return found


def _status(lived: bool, away: float, lets: float) -> tuple[str, str]:  # noqa: FBT001 - private, one caller
    if lived:
        return ("常住" if away < 0.86 else "常住(户籍不在本社区)"), ("出租" if lets < 0.13 or away > 0.95 else "自住")
    return ("户籍在册不在住" if away < 0.62 else ""), "空置"


def _tags(rng: np.random.Generator, persons: int) -> tuple[str, int]:
    hit = rng.random(len(_TAGS)) < np.array(_TAG_SHARES)
    elderly = int(rng.binomial(persons, 0.27))
    if hit[2] or hit[4] or hit[5]:
        elderly = max(elderly, 1)
    return "、".join(t for t, h in zip(_TAGS, hit, strict=True) if h), elderly
