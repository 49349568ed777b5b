"""What goes over the wire about plans. Bodies refuse fields they do not know."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import GenerationRef, GridOut

__all__ = [
    "AreaScoreOut",
    "BranchIn",
    "ComparisonOut",
    "EditedOut",
    "EditsIn",
    "FileIn",
    "NoteIn",
    "PlanGrids",
    "PlanIn",
    "PlanList",
    "PlanOut",
    "PlanSummary",
    "ProposalOut",
    "ProposeIn",
    "PublishIn",
    "PublishedOut",
    "RebasedOut",
    "ReturnIn",
    "ReviewIn",
    "StepsIn",
    "SubmitIn",
    "WeightsIn",
]

Title = Annotated[str, Field(max_length=100)]
Text = Annotated[str, Field(max_length=2000)]
Word = Annotated[str, Field(max_length=100)]
GridName = Annotated[str, Field(min_length=1, max_length=100)]
# JSON has no dates: they come as text even where all else must have its own type.
Day = Annotated[dt.date, Field(strict=False)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Range = Annotated[list[Count], Field(min_length=2, max_length=2)]
Load = Annotated[float, Field(ge=0, le=1e9)]


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PlanSummary(_Out):
    """A plan in a list."""

    id: str
    title: str
    state: Literal["draft", "submitted", "reviewed", "filed", "effective"]
    version: int
    generation_id: str
    branch_of: str | None = None
    author: str = ""


class PlanList(_Out):
    """Plans the actor may see, newest first."""

    total: int
    offset: int
    plans: list[PlanSummary]


class PlanOut(PlanSummary):
    """A plan with its edits, its steps and its proof; `proof` is null once edits by hand followed it."""

    edits: list[dict[str, Any]]
    undone: int = Field(description="edits that can be redone")
    steps: list[dict[str, Any]]
    notes: dict[str, Any]
    proof: dict[str, Any] | None = None


class _Saying(_Out):
    zh: str
    en: str


class EditedOut(PlanOut):
    """A plan after edits: the grids the last ones changed, those they ended, and what they cut."""

    changed: list[GridOut]
    ended: list[str]
    warnings: list[_Saying]


class PlanGrids(_Out):
    """The base grids a plan makes; `fault` says, in the caller's language, why its edits no longer fit."""

    id: str
    version: int
    on_grids_in_force: bool
    fault: str
    grids: list[GridOut]


class AreaScoreOut(_Out):
    """Scores of an area; see the guide for what they mean."""

    grids: int
    grids_before: int
    load: float
    largest: float
    smallest: float
    deviation: float
    gini: float
    cut_length_m: float
    worker_changes: int
    incomplete: int
    near_share: float | None
    linked_share: float | None


class ComparisonOut(_Out):
    """Two plans beside each other, or one beside the grids it was drawn on (`second` is null then)."""

    first: AreaScoreOut
    second: AreaScoreOut | None
    warnings: list[_Saying]
    common: int = Field(description="edits in common from the start")
    only_first: list[dict[str, Any]]
    only_second: list[dict[str, Any]]
    grids: list[str] | None = Field(description="grids that come out different; null where that cannot be told")


class PlanIn(_In):
    """A new draft on the grids in force, or on a named generation."""

    title: Title = ""
    generation: Word | None = None


class EditsIn(_In):
    """Edits to append, each with `op` and its fields; all fit, or none is taken."""

    edits: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


class StepsIn(_In):
    """How many edits to undo or redo."""

    steps: Annotated[int, Field(ge=1, le=10_000)] = 1


class BranchIn(_In):
    """The title of a branch."""

    title: Title = ""


class NoteIn(_In):
    """A remark on a grid, or its lock (保留不动)."""

    grid: GridName
    text: Text = ""
    locked: bool | None = None


class WeightsIn(_In):
    """Weights of the objective; one not named keeps its default."""

    balance: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    compactness: Annotated[float, Field(ge=0, le=1e6)] = 0.25
    disruption: Annotated[float, Field(ge=0, le=1e6)] = 0.5


class ProposeIn(_In):
    """What is asked of a merge."""

    to: Count | Range | Literal["fewest"] = Field(description="K, [A, B] or `fewest`")
    weights: WeightsIn = WeightsIn()
    counts: dict[Word, Count | Range] = Field(default={}, description="community or town code: number of grids")
    keep: list[GridName] = []
    together: list[list[GridName]] = []
    apart: list[list[GridName]] = []
    min_load: Load | None = None
    max_load: Load | None = None
    load: dict[Literal["households", "persons", "elderly", "registered", "incidents"], Load] = {}
    area: Annotated[str, Field(max_length=12, pattern=r"^\d*$")] = ""
    barriers: bool = True
    curve: bool = Field(default=False, description="also report every K up to today's number, or over the band")
    trade_off: Annotated[int, Field(ge=0, le=0)] | Annotated[int, Field(ge=2, le=30)] = Field(
        default=0, description="also report at most so many plans between balance and disruption; 0 or at least 2"
    )
    alternatives: Annotated[int, Field(ge=0, le=9)] = 0
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    time_limit: Annotated[float, Field(gt=0, le=600)] = 60.0


class ProposalOut(_Out):
    """The plan with the proposal in it, its branches, and the proof and reasons."""

    plan: PlanOut
    branches: list[PlanSummary]
    report: dict[str, Any]


class SubmitIn(_In):
    """Submit all towns, or one."""

    town: Annotated[str, Field(pattern=r"^\d{9}$")] | None = None


class ReviewIn(_In):
    """The review; reviewer, day and document where it was signed on paper (线下审核)."""

    reviewer: Word = ""
    reviewed_on: Day | None = None
    document: Word = ""
    scan: Word = ""


class FileIn(_In):
    """The filing with the city (备案)."""

    filing_no: Annotated[str, Field(min_length=1, max_length=100)]
    filed_on: Day
    document: Word


class ReturnIn(_In):
    """Why a plan is sent back (退回修改)."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class PublishIn(_In):
    """From when the plan is in force."""

    effective_from: Day
    filing_no: Word = ""
    policy: Literal["keep", "new"] = Field(default="keep", description="whether redrawn grids keep their codes")


class PublishedOut(_Out):
    """What publishing did."""

    plan: PlanSummary
    generation: GenerationRef
    grids: int
    new_codes: int
    households: dict[str, int] = Field(description="placed households by basis")
    vacant: list[str] = Field(description="grids without a full-time worker")


class RebasedOut(PlanOut):
    """A plan brought onto the grids in force, and each edit that no longer fits with its reason."""

    dropped: list[dict[str, Any]]
