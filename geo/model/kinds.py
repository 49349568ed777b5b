"""Kinds and states: the closed sets of words."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AreaKind",
    "Basis",
    "ChangeKind",
    "FindingCode",
    "GenerationState",
    "GridKind",
    "PartyLevel",
    "PlanState",
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
