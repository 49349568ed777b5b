"""What goes over the wire, as the API description states it. Bodies refuse fields they do not know."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AreaList",
    "AreaOut",
    "AreaRef",
    "BatchAnswer",
    "BatchQuery",
    "CodeHistory",
    "CodeRow",
    "GenerationRef",
    "GridList",
    "GridOut",
    "GridRef",
    "Health",
    "HouseholdList",
    "HouseholdOut",
    "IdText",
    "ImportOut",
    "IncidentIn",
    "IncidentList",
    "IncidentOut",
    "LineageRow",
    "PlacementOut",
    "ProblemOut",
    "ReachOut",
    "RecordedOut",
    "Responsible",
    "Sending",
]

BasisWord = Literal[
    "interior", "boundary", "building", "address", "nearest", "manual", "outside", "unplaced", "invalid"
]


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class GridRef(_Out):
    """A grid in short (网格)."""

    id: str
    code: str | None = Field(description="15-digit code, null before the first unified coding")
    name: str
    local_code: str | None = Field(default=None, description="原编号")
    kind: Literal["base", "exclusive", "micro", "police"] = "base"
    owner_unit: str | None = None


class AreaRef(_Out):
    """An area in short."""

    code: str
    name: str


class GenerationRef(_Out):
    """The generation an answer rests on."""

    id: str
    serial: int
    effective_from: dt.date | None


class Responsible(_Out):
    """Whom to send; only for actors entitled to people, the name masked."""

    role: str
    worker_id: str | None = None
    name: str | None = None
    owner_unit: str | None = None


class _Unit(_Out):
    category: str
    name: str
    phone: str | None


class Sending(_Out):
    """Whom to send, in order of calling, and the duty unit of the category."""

    chain: list[Responsible]
    unit: _Unit | None


class PlacementOut(_Out):
    """The answer to "which grid is this?" (落格结果)."""

    grid: GridRef | None
    exclusive: list[GridRef]
    community: AreaRef | None
    town: AreaRef | None
    basis: BasisWord
    distance_to_boundary_m: float | None
    candidates: list[GridRef]
    ambiguous: bool
    generation: GenerationRef | None
    responsible: Responsible | None = None
    notes: list[str] = []
    agree: bool | None = Field(
        default=None, description="whether point and address name one grid; null where only one of them says anything"
    )
    reconciled_by: str = Field(default="", description="the datum under which the point would lie at the address")
    question: str = Field(default="", description="what to ask the caller")
    send: Sending | None = None


class BatchQuery(_In):
    """Many points as columns."""

    datum: str = Field(description="cgcs2000, wgs84, gcj02, bd09 or epsg:NNNN", max_length=20)
    lon: list[float | None] = Field(description="longitude in degrees (or easting); null gives basis `invalid`")
    lat: list[float | None]
    id: list[str | int] | None = Field(default=None, description="sent back as it came")


class BatchAnswer(_Out):
    """The answers as columns, in the order of the question."""

    generation: GenerationRef
    id: list[str | int] | None = None
    grid: list[str] = Field(description='grid id, "" outside')
    code: list[str] = Field(description='grid code, "" outside or uncoded')
    basis: list[BasisWord]


class GridOut(GridRef):
    """A grid."""

    community_code: str
    department: str = ""
    geometry: dict[str, Any] | None = Field(default=None, description="GeoJSON, CGCS2000, 9 decimals")


class GridList(_Out):
    """A page of grids."""

    generation: GenerationRef
    total: int
    offset: int
    grids: list[GridOut]


class LineageRow(_Out):
    """One link between an old grid and a new one."""

    old_grid: str
    new_grid: str
    change: Literal["keep", "merge", "split", "create", "abolish", "adjust"]
    area_share: float
    household_share: float
    households: int


class CodeRow(_Out):
    """One line of the history of a code."""

    code: str
    name: str
    grid_id: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    reason: str | None
    filing_no: str | None


class CodeHistory(_Out):
    """All that a code or local number ever meant."""

    code: str
    history: list[CodeRow]


class AreaOut(AreaRef):
    """An administrative area."""

    kind: str
    official_name: str = ""
    parent_code: str | None = None


class AreaList(_Out):
    """All areas of the county by code."""

    areas: list[AreaOut]


class HouseholdOut(_Out):
    """A household, coarse: no name, no room, no spot."""

    id: str
    compound: str
    building_number: str
    resident: bool
    persons: int
    community_code: str | None
    grid: str | None
    grid_code: str | None
    grid_name: str | None
    exclusive: list[str]
    basis: BasisWord


class HouseholdList(_Out):
    """A page of households of the actor's areas."""

    total: int
    offset: int
    households: list[HouseholdOut]


class IncidentOut(_Out):
    """An incident, coarse: no address and no spot."""

    id: str
    source_key: str
    received_at: dt.datetime
    category_code: str
    community_code: str | None
    grid: str | None
    grid_code: str | None
    grid_name: str | None
    exclusive: list[str]
    basis: BasisWord


class IncidentList(_Out):
    """A page of incidents of the actor's areas, newest first."""

    total: int
    offset: int
    incidents: list[IncidentOut]


class IncidentIn(_In):
    """An incident by point, by address, or by both; the same number again updates it."""

    id: str = Field(default="", max_length=100, description="the order's number; a new one where it is empty")
    category: str = Field(default="", max_length=100)
    received_at: Annotated[dt.datetime, Field(strict=False)] | None = None
    address: str = Field(default="", max_length=300)
    lon: float | None = None
    lat: float | None = None
    datum: str | None = Field(default=None, max_length=20, description="required with lon and lat")
    accuracy_m: float | None = Field(default=None, ge=0, le=100_000)
    community: str = Field(default="", pattern=r"^(\d{12})?$", description="code of the community the order names")


class RecordedOut(_Out):
    """An incident on record, where it lies and whom to send."""

    id: str
    number: str
    placement: PlacementOut


class _ReachOfGrid(_Out):
    grid: str
    code: str | None
    name: str
    community_code: str
    households: int
    full_time: int
    professional: int
    part_time: int
    party_groups: int
    anchors: int
    near_share: float | None
    linked_share: float | None
    missing: list[Literal["party_group", "gridworker", "anchor_household"]]


class _Suggestion(_Out):
    lon: float
    lat: float
    households: int


class _Centre(_Out):
    community_code: str
    floor_area_m2: float
    households: int
    per_100_m2: float | None
    enough: bool
    planned_only: bool
    sites_apart_m: float


class ReachOut(_Out):
    """Coverage by people: each grid's iron triangle (铁三角), homes near anchor households, service centres."""

    distance_m: float
    near_share: float | None
    linked_share: float | None
    grids: list[_ReachOfGrid]
    suggestions: list[_Suggestion]
    centres: list[_Centre]


class _Refused(_Out):
    row: int | None
    column: str | None
    feature: str | None
    code: str
    message: str
    remedy: str


class _FileOut(_Out):
    name: str
    sha256: str
    format: str
    encoding: str
    encoding_evidence: str
    datum: str
    proposed_datum: str
    datum_evidence: list[str]
    rows_read: int
    accepted: int
    refused: list[_Refused] = Field(description="the first 200")
    warnings: list[str]


class ImportOut(_Out):
    """What an import read, refused, warned of and, where asked, wrote."""

    kind: str
    applied: bool
    rows_read: int
    accepted: int
    refused_count: int
    proposed_datum: str
    inserted: int
    updated: int
    unchanged: int
    generation_id: str | None
    files: list[_FileOut]


class Health(_Out):
    """Whether this process can answer."""

    status: Literal["ok"]
    version: str
    generation: GenerationRef | None


class _Fault(_Out):
    at: str
    code: str
    message: str


class ProblemOut(_Out):
    """A refusal (RFC 9457)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    remedy: str | None = None
    where: dict[str, Any] | None = None
    errors: list[_Fault] | None = None


IdText = Annotated[str, Field(min_length=1, max_length=64)]
