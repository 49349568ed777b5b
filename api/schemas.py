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
    "LineageRow",
    "PlacementOut",
    "PlanList",
    "PlanOut",
    "PlanSummary",
    "ProblemOut",
    "Responsible",
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


class PlanSummary(_Out):
    """A plan in a list."""

    id: str
    title: str
    state: Literal["draft", "submitted", "reviewed", "filed", "effective"]
    version: int
    generation_id: str
    branch_of: str | None = None


class PlanList(_Out):
    """Plans the actor may see, newest first."""

    total: int
    offset: int
    plans: list[PlanSummary]


class PlanOut(PlanSummary):
    """A plan with its edits and its proof."""

    edits: list[dict[str, Any]]
    proof: dict[str, Any] | None = None


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
