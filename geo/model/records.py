"""What lies and lives in the grids: buildings, compounds, households, incidents, people, duties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from geo.model.grids import Geometry
    from geo.model.kinds import PartyLevel, WorkerKind

__all__ = [
    "Alias",
    "AnchorHousehold",
    "Building",
    "Compound",
    "Duty",
    "Gridworker",
    "Household",
    "Incident",
    "Line",
    "PartyGroup",
    "Place",
    "ServiceCentre",
]


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
    """A reported incident (工单).

    Attributes
    ----------
    community_hint : str
        Code of the community its order names, or of the town where that is all it names; "" for neither.
    """

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
