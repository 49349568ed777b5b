"""What a map is drawn from: frozen plain values, filled by the services, read by every sheet and page.

Geometry is shapely in CGCS2000 longitude/latitude (EPSG:4490). Nothing here opens a store, a file or a
clock; counts are true counts, and `maps.suppression` decides what a public edition may print.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.crs import Metric, metric_for
from geo.errors import Refused
from geo.model import ChangeKind, Geometry, GridKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

__all__ = [
    "AreaView",
    "BuildingView",
    "CountyView",
    "Edition",
    "Extent",
    "GridView",
    "LineKind",
    "LineView",
    "PaperState",
    "PointView",
    "core_grids",
    "extent_of",
    "require_drawable",
    "streets",
]

# A grid this many times larger than the median grid of its town is country, not town core.
RURAL_FACTOR: Final = 12.0
# A unified code begins with the 12 digits of its community; local numbers are shorter.
_COMMUNITY_DIGITS: Final = 12


class Edition(StrEnum):
    """Who a map is for: a meeting behind doors, or everybody."""

    INTERNAL = "internal"
    PUBLIC = "public"


class PaperState(StrEnum):
    """What a paper prints about its plan: 讨论稿, 送审稿, or nothing once it is approved."""

    DISCUSSION = "discussion"
    SUBMITTED = "submitted"
    APPROVED = "approved"


class LineKind(StrEnum):
    """Lines that a reader knows a town by."""

    ROAD = "road"
    RIVER = "river"
    RAIL = "rail"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridView:
    """One grid as a map shows it.

    `near_share` is the share (0…1) of its households within `CountyView.anchor_distance_m` of an anchor
    household, `linked_share` the share linked to one; None where unknown. `members` names the old grids
    (codes, local numbers or names) a new grid comes from. `label` is the short name printed inside it.
    """

    id: str
    name: str
    community: str
    town: str
    geometry: Geometry
    code: str = ""
    kind: GridKind = GridKind.BASE
    households: int = 0
    persons: int = 0
    full_time: int = 0
    professional: int = 0
    part_time: int = 0
    party_groups: int = 0
    anchors: int = 0
    near_share: float | None = None
    linked_share: float | None = None
    members: tuple[str, ...] = ()
    member_ids: tuple[str, ...] = ()
    change: ChangeKind | None = None
    label: str = ""
    owner_unit: str = ""

    @property
    def short_name(self) -> str:
        """The label, else the name without its community."""
        return self.label or self.name.removeprefix(self.community) or self.name

    @property
    def serial(self) -> str:
        """Last three digits of the code, "" where there is none."""
        return self.code[-3:] if len(self.code) >= _COMMUNITY_DIGITS else self.code

    @property
    def per_worker(self) -> float | None:
        """Households per full-time gridworker, None where no one works full time."""
        return self.households / self.full_time if self.full_time else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """A county, town, community or village; the outline may be unknown."""

    code: str
    name: str
    kind: str
    parent: str = ""
    geometry: Geometry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """A road, river or railway."""

    kind: LineKind
    geometry: Geometry
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointView:
    """A point that may be shown: an anchor household without a name, a service centre."""

    lon: float
    lat: float
    name: str = ""
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingView:
    """A building's footprint."""

    geometry: Geometry
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyView:
    """Everything one county's papers and pages are drawn from.

    `households` holds (lon, lat) pairs for working screens only, None elsewhere. `household_basis` says
    what the household figures count (口径), `data_as_of` their date (资料截止日期).
    """

    title: str
    county_name: str
    before: tuple[GridView, ...]
    after: tuple[GridView, ...]
    subtitle: str = ""
    county_code: str = ""
    areas: tuple[AreaView, ...] = ()
    lines: tuple[LineView, ...] = ()
    buildings: tuple[BuildingView, ...] = ()
    exclusive: tuple[GridView, ...] = ()
    households: tuple[tuple[float, float], ...] | None = None
    anchors: tuple[PointView, ...] = ()
    centres: tuple[PointView, ...] = ()
    anchor_distance_m: float = 150.0
    household_basis: str = "常住户数"
    data_as_of: dt.date | None = None
    before_as_of: dt.date | None = None
    after_as_of: dt.date | None = None
    drawn_on: dt.date | None = None
    compiled_by: str = ""
    map_no: str = ""
    demonstration: bool = False
    edition: Edition = Edition.INTERNAL
    state: PaperState = PaperState.DISCUSSION
    approval_no: str = ""

    def towns(self) -> tuple[str, ...]:
        """Names of the towns that hold base grids, in order of area code, else of first appearance."""
        seen = dict.fromkeys(g.town for g in (*self.after, *self.before))
        coded = [a.name for a in sorted(self.areas, key=lambda a: a.code) if a.name in seen and a.kind == "town"]
        return (*coded, *(name for name in seen if name not in coded))

    def metric(self) -> Metric:
        """Return the metric plane of this county, from the middle of its grids."""
        west, _, east, _ = shapely.total_bounds([g.geometry for g in (*self.before, *self.after)])
        return metric_for(float(west + east) / 2)


@dataclass(frozen=True, slots=True)
class Extent:
    """A rectangle in metres of a county's plane."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        """East-west size in metres."""
        return self.east - self.west

    @property
    def height(self) -> float:
        """North-south size in metres."""
        return self.north - self.south

    def grown(self, margin: float) -> Extent:
        """Return the rectangle widened by `margin` metres on each side."""
        return Extent(self.west - margin, self.south - margin, self.east + margin, self.north + margin)

    def centred(self, width: float, height: float) -> Extent:
        """Return a rectangle of the given size around the same centre."""
        x, y = (self.west + self.east) / 2, (self.south + self.north) / 2
        return Extent(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def require_drawable(view: CountyView) -> None:
    """Raise unless the view may be printed: grids there, and an approval number on a public edition.

    Raises
    ------
    Refused
        No grid at all, or a public edition without 审图号 (a number belongs to one reviewed map).
    """
    if not view.before and not view.after:
        raise Refused(
            "there is no grid to draw", code="map-empty", remedy="import boundaries and activate a version first"
        )
    if view.edition is Edition.PUBLIC and not view.approval_no.strip():
        raise Refused(
            "a public edition needs the map approval number (审图号) of exactly this map",
            code="approval-missing",
            remedy="pass the number, or make the internal edition",
        )


def streets(lines: Iterable[LineView]) -> tuple[LineView, ...]:
    """Return one line per kind and name, its pieces joined; nameless pieces of a kind form one line.

    Maps of streets come in pieces between crossings; drawn and named piece by piece, a name would stand
    at every crossing.
    """
    groups: dict[tuple[LineKind, str], list[Geometry]] = {}
    for line in lines:
        groups.setdefault((line.kind, line.name), []).append(line.geometry)
    return tuple(
        LineView(kind=kind, name=name, geometry=shapely.line_merge(shapely.union_all(pieces)))
        for (kind, name), pieces in groups.items()
    )


def core_grids(grids: Iterable[GridView], metric: Metric) -> list[GridView]:
    """Return the grids of a town's core: those at most `RURAL_FACTOR` times the median area.

    Villages and forest reach over kilometres and would shrink a town to a dot.
    """
    listed = list(grids)
    if not listed:
        return []
    areas = np.asarray(metric.area_m2(np.asarray([g.geometry for g in listed], dtype=object)))
    return [g for g, small in zip(listed, areas <= RURAL_FACTOR * np.median(areas), strict=True) if small]


def extent_of(grids: Iterable[GridView], metric: Metric) -> Extent:
    """Return the rectangle around grids, in metres."""
    shapes = metric.project(np.asarray([g.geometry for g in grids], dtype=object))
    return Extent(*(float(v) for v in shapely.total_bounds(shapes)))
