"""The things the county has, as frozen values. Standard library only; geometry is held, never subclassed.

Geometries are shapely objects in CGCS2000 longitude/latitude (EPSG:4490). They are typed as
`Geometry` (``Any``) so that this module stays free of a geometry library.
Identities are UUID strings handed in by the caller; nothing here draws chance or reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

Json = dict[str, Any]
Geometry = Any

__all__ = [
    "Alias",
    "AnchorHousehold",
    "Area",
    "AreaKind",
    "Basis",
    "Building",
    "ChangeKind",
    "Compound",
    "Duty",
    "Finding",
    "FindingCode",
    "Generation",
    "GenerationState",
    "Geometry",
    "Grid",
    "GridKind",
    "Gridworker",
    "Household",
    "Incident",
    "Json",
    "Line",
    "Lineage",
    "PartyGroup",
    "PartyLevel",
    "Place",
    "Placement",
    "Plan",
    "PlanState",
    "ServiceCentre",
    "WorkerKind",
]


class GridKind(StrEnum):
    """Layers of grids. Only base grids tessellate the extent; the others overlay it."""

    BASE = "base"
    EXCLUSIVE = "exclusive"
    MICRO = "micro"
    POLICE = "police"


class AreaKind(StrEnum):
    """Levels of the administrative tree."""

    COUNTY = "county"
    TOWN = "town"
    COMMUNITY = "community"
    FOREST_CENTRE = "forest_centre_community"
    VILLAGE = "village"


class WorkerKind(StrEnum):
    """专职 / 专业 / 兼职."""

    FULL_TIME = "full_time"
    PROFESSIONAL = "professional"
    PART_TIME = "part_time"


class PartyLevel(StrEnum):
    """党委 / 党支部 / 党小组."""

    COMMITTEE = "committee"
    BRANCH = "branch"
    GROUP = "group"


class Basis(StrEnum):
    """Why a placement says what it says (design: the answer "which grid")."""

    INTERIOR = "interior"
    BOUNDARY = "boundary"
    BUILDING = "building"
    ADDRESS = "address"
    NEAREST = "nearest"
    MANUAL = "manual"
    OUTSIDE = "outside"
    UNPLACED = "unplaced"
    INVALID = "invalid"


class GenerationState(StrEnum):
    """A generation is loaded inactive, looked at, activated; a later one supersedes it."""

    INACTIVE = "inactive"
    ACTIVE = "active"
    SUPERSEDED = "superseded"


class PlanState(StrEnum):
    """草案 → 已上报 → 已审核 → 已备案 → 生效."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    FILED = "filed"
    EFFECTIVE = "effective"


class ChangeKind(StrEnum):
    """保留 / 合并 / 拆分 / 新设 / 撤销 / 调整."""

    KEEP = "keep"
    MERGE = "merge"
    SPLIT = "split"
    CREATE = "create"
    ABOLISH = "abolish"
    ADJUST = "adjust"


class FindingCode(StrEnum):
    """Kinds of defects a check reports."""

    GAP = "gap"
    OVERLAP = "overlap"
    SLIVER = "sliver"
    SELF_CROSSING = "self-crossing"
    HOLE = "hole"
    DUPLICATE = "duplicate"
    MULTIPART = "multipart"
    OUTSIDE_EXTENT = "outside-extent"
    UNMATCHED_EDGE = "unmatched-edge"
    NAME_CLASH = "name-clash"
    CODE_CLASH = "code-clash"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An administrative unit: county, town, community or village."""

    id: str
    county_code: str
    code: str
    name: str
    kind: AreaKind
    official_name: str = ""
    parent_code: str | None = None
    geometry: Geometry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One grid of one generation.

    `id` is the identity that survives generations; `local_code` is the 原编号 carried before the
    first unified coding; `code` is the 15-digit code, None until coded.
    """

    id: str
    county_code: str
    kind: GridKind
    name: str
    community_code: str
    geometry: Geometry
    code: str | None = None
    local_code: str | None = None
    source_key: str = ""
    owner_unit: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """An immutable published coverage, valid from `effective_from` until the next one's."""

    id: str
    county_code: str
    serial: int
    state: GenerationState
    effective_from: dt.date | None
    published_at: dt.datetime | None = None
    parent_id: str | None = None
    plan_id: str | None = None
    filing_no: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """A building (楼栋) or bungalow row; `number` is 楼号, empty for unnumbered rows."""

    id: str
    county_code: str
    source_key: str
    community_code: str
    compound: str
    number: str
    geometry: Geometry
    stairwells: int = 0
    dwellings: int = 0
    use: str = ""
    address_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compound:
    """小区 / 院落: a named group of buildings with an outline."""

    id: str
    county_code: str
    source_key: str
    name: str
    community_code: str
    kind: str = ""
    address_text: str = ""
    aliases: tuple[str, ...] = ()
    geometry: Geometry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """地名、标志物: a name people use for a spot, with the other names it goes by."""

    id: str
    county_code: str
    source_key: str
    name: str
    community_code: str
    lon: float
    lat: float
    kind: str = ""
    address_text: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A road, river or railway; `barrier` marks what cannot be crossed on foot there."""

    id: str
    county_code: str
    source_key: str
    kind: str
    geometry: Geometry
    name: str = ""
    barrier: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A learned wording: `alias` was corrected by hand to mean the object of `kind` with `target_key`."""

    id: str
    county_code: str
    source_key: str
    alias: str
    kind: str
    target_key: str
    community_code: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """A household; `lon`/`lat` in CGCS2000 are None where no usable place is known."""

    id: str
    county_code: str
    source_key: str
    community_code: str
    address_text: str
    compound: str = ""
    building_number: str = ""
    stairwell: str = ""
    room: str = ""
    building_id: str | None = None
    lon: float | None = None
    lat: float | None = None
    raw_x: float | None = None
    raw_y: float | None = None
    datum: str = ""
    resident: bool = True
    persons: int = 0
    elderly: int = 0
    grid_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A reported incident (工单)."""

    id: str
    county_code: str
    source_key: str
    received_at: dt.datetime
    category_code: str
    address_text: str
    community_hint: str = ""
    grid_hint: str = ""
    lon: float | None = None
    lat: float | None = None
    raw_x: float | None = None
    raw_y: float | None = None
    datum: str = ""
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gridworker:
    """A gridworker with the grid served; the name is personal and never leaves unasked."""

    id: str
    county_code: str
    source_key: str
    kind: WorkerKind
    community_code: str
    grid_id: str | None
    grid_ids: tuple[str, ...] = ()
    name: str = ""
    phone: str = ""
    post: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyGroup:
    """A node of the Party tree; groups hang under branches, branches under committees."""

    id: str
    county_code: str
    source_key: str
    level: PartyLevel
    name: str
    community_code: str
    parent_key: str | None = None
    grid_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorHousehold:
    """党员中心户: a household with an address and its linked households."""

    id: str
    county_code: str
    source_key: str
    community_code: str
    lon: float
    lat: float
    household_key: str = ""
    linked_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCentre:
    """党群服务中心: one centre may have several sites and may be planned (规划)."""

    id: str
    county_code: str
    source_key: str
    name: str
    community_code: str
    lon: float
    lat: float
    floor_area_m2: float
    planned: bool = False
    centre_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Who is responsible for a category of incident in a grid, compound or community."""

    id: str
    county_code: str
    source_key: str
    category_code: str
    unit: str
    phone: str = ""
    community_code: str = ""
    compound: str = ""
    grid_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A located, sized defect with a remedy.

    `size_m` is the width of what is wrong (area over half perimeter for strips), `area_m2` its area,
    `lon`/`lat` a point on it, `blocking` whether activation waits for it.
    """

    code: FindingCode
    message: str
    features: tuple[str, ...]
    lon: float
    lat: float
    size_m: float
    area_m2: float
    remedy: str
    blocking: bool = True
    geometry: Geometry | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Old grid ↔ new grid with the share of the old grid's area and households that went there."""

    old_grid_id: str
    new_grid_id: str
    change: ChangeKind
    area_share: float
    household_share: float
    households: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The answer to "which grid is this?"."""

    grid: Json | None
    exclusive: tuple[Json, ...]
    community: Json | None
    town: Json | None
    basis: Basis
    distance_to_boundary_m: float | None
    candidates: tuple[Json, ...]
    ambiguous: bool
    generation: Json | None
    responsible: Json | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A draft redrawing of one generation: a log of edits, its version and its state.

    `edits` holds entries ``{"edit": …, "by": author, "at": instant}``, `undone` those taken back (last first
    to be redone), `steps` what was decided on the way to 备案 (submitted by which town, reviewed by whom,
    returned why), `notes` remarks and locks on grids by grid id.
    """

    id: str
    county_code: str
    generation_id: str
    version: int
    state: PlanState
    title: str
    edits: tuple[Mapping[str, Any], ...]
    undone: tuple[Mapping[str, Any], ...] = ()
    steps: tuple[Mapping[str, Any], ...] = ()
    notes: Mapping[str, Any] | None = None
    branch_of: str | None = None
    proof: Mapping[str, Any] | None = None
    author: str = ""
