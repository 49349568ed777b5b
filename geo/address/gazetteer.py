"""The named things of a county that an address can mean, with their grids, made from plain rows."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from geo.address.territory import Territory
from geo.address.wording import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Gazetteer", "GridRef", "Site", "Spot", "collect"]

Row = "Mapping[str, Any]"
GridRef = int | str

_QUARTER: Final = re.compile(r"(?P<head>\D*?)(?:(?P<committee>\d+)委)?(?P<group>\d+)组")
_NUMBER: Final = re.compile(r"\d+[A-Z]?")
_SCHOOL: Final = re.compile(r"第([一二三四五六七八九十]+)(?:高级|初级)?(中|小)学")


@dataclass(frozen=True, slots=True)
class Spot:
    """Something that lies in one grid: a building, or a place. `near` are (grid, metres) of grids close by."""

    grid: GridRef
    kind: str
    key: str
    near: tuple[tuple[GridRef, float], ...] = ()
    number: str = ""
    stairwells: int = 0


@dataclass(slots=True)
class Site:
    """A named thing: a compound, a quarter (委组), a bungalow area, a place or a community.

    `names` are all it is called, folded; `zones` the wider names it may be given with (a bungalow area).
    """

    kind: str
    key: str
    name: str
    community: str
    town: str
    names: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)
    committee: int | None = None
    group: int | None = None
    spots: list[Spot] = field(default_factory=list)

    @property
    def numbered(self) -> bool:
        """Whether any of its buildings has a number."""
        return any(s.number for s in self.spots)

    @property
    def quarter(self) -> bool:
        """Whether it is a 委组 or a 组 of a village."""
        return self.group is not None

    def grids(self) -> dict[GridRef, Spot]:
        """Return one spot per grid."""
        return {s.grid: s for s in reversed(self.spots)}


@dataclass(slots=True)
class Gazetteer:
    """Sites and the area tree they lie in."""

    territory: Territory
    sites: list[Site]
    by_key: dict[tuple[str, str], Spot | Site]


def collect(
    *,
    buildings: Iterable[Mapping[str, Any]],
    compounds: Iterable[Mapping[str, Any]],
    places: Iterable[Mapping[str, Any]],
    areas: Iterable[Mapping[str, Any]],
) -> Gazetteer:
    """Make the sites of a county from its rows; rows without a grid (None, −1 or "") say where nothing is.

    See `geo.address.book.AddressBook.build` for the fields.
    """
    areas = list(areas)
    territory = Territory(areas)
    sites: dict[tuple[str, str], Site] = {}
    by_key: dict[tuple[str, str], Spot | Site] = {}
    for row in compounds:
        site = _site_of(sites, territory, "compound", row, str(row["name"]))
        site.key = str(row["source_key"])
        site.zones += [fold(a) for a in row.get("aliases") or ()]
        by_key["compound", site.key] = site
    for row in buildings:
        _add_building(sites, territory, row, by_key)
    made = _with_places(sites, territory, places, by_key)
    made += _zone_sites(made)
    made += _areas_with_grids(territory, areas, by_key)
    return Gazetteer(territory, made, by_key)


def _site_of(
    sites: dict[tuple[str, str], Site], territory: Territory, kind: str, row: Mapping[str, Any], name: str
) -> Site:
    community, plain = str(row.get("community_code") or ""), fold(name)
    found = sites.get((community, plain))
    if found is None:
        town = territory.town_of.get(community, community[:9])
        found = Site(kind, "", name.strip(), community, town, names=[plain])
        match = _QUARTER.fullmatch(plain)
        if match:
            found.committee = int(match["committee"]) if match["committee"] else None
            found.group = int(match["group"])
        sites[community, plain] = found
    return found


def _grid(row: Mapping[str, Any]) -> GridRef | None:
    grid = row.get("grid")
    return None if grid is None or grid in (-1, "") else grid


def _add_building(
    sites: dict[tuple[str, str], Site],
    territory: Territory,
    row: Mapping[str, Any],
    by_key: dict[tuple[str, str], Spot | Site],
) -> None:
    grid, name = _grid(row), str(row.get("compound") or "")
    if grid is None:
        return
    match = _NUMBER.search(fold(str(row.get("number") or "")))
    spot = Spot(
        grid=grid,
        kind="building",
        key=str(row["source_key"]),
        near=tuple(row.get("near") or ()),
        number=match[0].lstrip("0") if match else "",
        stairwells=int(row.get("stairwells") or 0),
    )
    by_key["building", spot.key] = spot
    if not name.strip():
        return
    site = _site_of(sites, territory, "compound", row, name)
    site.spots.append(spot)
    zone = _zone_in(str(row.get("address_text") or ""), site, territory)
    if zone and zone not in site.zones:
        site.zones.append(zone)


def _zone_in(address: str, site: Site, territory: Territory) -> str:
    """Return the name that stands between town and quarter in a building's address (原木材厂家属区)."""
    if not site.quarter:
        return ""
    plain = fold(address).removesuffix(site.names[0])
    for code in (site.town, site.community):
        plain = plain.removeprefix(fold(territory.name.get(code, "")))
    return "" if any(c.isdigit() for c in plain) else plain


def _with_places(
    sites: dict[tuple[str, str], Site],
    territory: Territory,
    places: Iterable[Mapping[str, Any]],
    by_key: dict[tuple[str, str], Spot | Site],
) -> list[Site]:
    for row in places:
        grid, name = _grid(row), str(row["name"])
        site = _site_of(sites, territory, "place", row, name)
        site.kind, key = "place", str(row["source_key"])
        site.key = site.key or key
        site.names += [n for n in _other_names(name, row, site, territory) if n not in site.names]
        by_key["place", key] = site
        if grid is not None:
            site.spots.insert(0, Spot(grid=grid, kind="place", key=key, near=tuple(row.get("near") or ())))
    return [s for s in sites.values() if s.spots]


def _other_names(name: str, row: Mapping[str, Any], site: Site, territory: Territory) -> list[str]:
    """Return what else a place is called: its aliases, without the town in front, 一中 for 第一中学."""
    plain = fold(name)
    names = [fold(a) for a in row.get("aliases") or ()]
    town = fold(territory.name.get(site.town, ""))
    short = town[:-1] if town[-1:] in ("镇", "乡") else town
    # 新青第一中学 is 第一中学 in its town; 红星镇人民政府 keeps its 镇.
    rest = plain.removeprefix(short) if short else plain
    names += [rest] if rest != plain and len(rest) >= 2 else []  # noqa: PLR2004 - one character is no name
    for official, spoken in (("人民政府", "政府"), ("人民医院", "医院")):
        names += [n.replace(official, spoken) for n in (plain, *names) if official in n and n != official]
    if plain.startswith("县"):
        names += [fold(territory.county) + plain[1:], plain[1:]]
    for word in (plain, *list(names)):
        match = _SCHOOL.search(word)
        if match:
            names.append(word[: match.start()] + match[1] + match[2])
    return names


def _zone_sites(sites: list[Site]) -> list[Site]:
    """Make a site of each bungalow area: all quarters of a community that are given with its name."""
    members: dict[tuple[str, str, str], list[Site]] = defaultdict(list)
    for site in sites:
        for zone in site.zones:
            members[site.town, site.community, zone].append(site)
    return [
        Site("zone", zone, zone, community, town, names=[zone], spots=[s for m in inside for s in m.spots])
        for (town, community, zone), inside in members.items()
    ]


def _areas_with_grids(
    territory: Territory, areas: list[Mapping[str, Any]], by_key: dict[tuple[str, str], Spot | Site]
) -> list[Site]:
    """Make a site of each community: named alone, it is as good an address as its grids are few."""
    made = []
    for row in areas:
        code, grids = str(row["code"]), tuple(row.get("grids") or ())
        if code not in territory.town_of or not grids:
            continue
        spots = [Spot(grid=g, kind="area", key=code) for g in grids]
        site = Site("area", code, str(row["name"]), code, territory.town_of[code], spots=spots)
        by_key["area", code] = site
        made.append(site)
    return made
