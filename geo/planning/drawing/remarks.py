"""What a drawing could not settle by itself, for the planner to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from geo.planning.proposal import Saying

__all__ = ["Remark", "RemarkCode", "remark"]


class RemarkCode(StrEnum):
    """Kinds of remarks."""

    UNREADABLE = "unreadable"
    NAME_UNKNOWN = "name-unknown"
    NO_SUCH_BUILDING = "no-such-building"
    AMBIGUOUS = "ambiguous"
    CLAIMED_TWICE = "claimed-twice"
    UNCLAIMED = "unclaimed"
    MISPLACED = "misplaced"
    NO_BUILDING = "no-building"
    IN_PARTS = "in-parts"
    BUILDING_CUT = "building-cut"
    NEIGHBOURS_DIFFER = "neighbours-differ"
    TOO_HEAVY = "too-heavy"
    BETWEEN_BUILDINGS = "between-buildings"
    COARSENED = "coarsened"


_WORDS = {
    RemarkCode.UNREADABLE: ("{grid}：读不懂“{what}”", "{grid}: {what} cannot be read"),
    RemarkCode.NAME_UNKNOWN: ("{grid}：本社区没有“{what}”", "{grid}: nothing here is called {what}"),
    RemarkCode.NO_SUCH_BUILDING: ("{grid}：没有{what}", "{grid}: there is no {what}"),
    RemarkCode.AMBIGUOUS: (
        "{grid}：{what}不止一处，请写明小区",
        "{grid}: {what} occurs more than once; name the compound",
    ),
    RemarkCode.CLAIMED_TWICE: ("{what}同时列在{grid}", "{what} is listed under {grid} alike"),
    RemarkCode.UNCLAIMED: (
        "{what}没有列在任何网格，按相邻楼栋划入{grid}",
        "{what} is in no list; drawn into {grid} beside it",
    ),
    RemarkCode.MISPLACED: (
        "{what}列在{grid}，与相连的楼栋一起划在另一网格",
        "{what} of {grid} was drawn elsewhere with what it adjoins",
    ),
    RemarkCode.NO_BUILDING: ("{grid}在图上没有楼栋，未能划出", "{grid} has no building on the map and was not drawn"),
    RemarkCode.IN_PARTS: ("{grid}的楼栋不相连，分成{what}块", "{grid} falls into {what} parts"),
    RemarkCode.BUILDING_CUT: ("{what}跨在{grid}的界线上", "{what} lies across the border of {grid}"),
    RemarkCode.NEIGHBOURS_DIFFER: (
        "{grid}的边界与相邻社区的网格对不上，需先修复再启用",
        "the outline of {grid} does not match the grids beside it; repair before activating",
    ),
    RemarkCode.TOO_HEAVY: ("{what}一处就超过上限，没有切开", "{what} alone is above the limit and was not cut"),
    RemarkCode.BETWEEN_BUILDINGS: (
        "{grid}内没有可用的街道，界线走在楼栋之间",
        "no street divides {grid}; the border runs midway between buildings",
    ),
    RemarkCode.COARSENED: (
        "{grid}的街区多，先把小的并起来再分（{what}块），未证明没有更好的分法",
        "{grid} has many blocks: small ones were put together first ({what}), so a better division is not ruled out",
    ),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark.

    Attributes
    ----------
    code : RemarkCode
    grid : str
        The grid or grids it is about, as the roster calls them.
    what : str
        The building, name or text it is about.
    saying : Saying
        All of it in words.
    """

    code: RemarkCode
    grid: str
    what: str
    saying: Saying


def remark(code: RemarkCode, *, grid: str = "", what: str = "") -> Remark:
    """Return a remark with its sentence in both tongues."""
    zh, en = (words.format(grid=grid, what=what) for words in _WORDS[code])
    return Remark(code, grid, what, Saying(zh, en))
