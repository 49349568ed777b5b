"""Areas, grids, their generations, and what is found, planned and answered about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from geo.model.kinds import AreaKind, Basis, ChangeKind, FindingCode, GenerationState, GridKind, PlanState

Json = dict[str, Any]
Geometry = Any

__all__ = ["Area", "Finding", "Generation", "Geometry", "Grid", "Json", "Lineage", "Placement", "Plan"]


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
