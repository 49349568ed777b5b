"""The parts of an address after its name: quarter and group, building, stairwell, floor, room, and where beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["AddressParts", "Numbers", "Relation", "find_numbers", "find_relation"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of an address. `buildings` are house numbers as text ("3", "3A"); None or () where not said.

    `sure` is false where the number may mean something else (三楼: a floor or a building; a bare figure).
    `start` and `end` are where the numbers stand in the folded text.
    """

    start: int
    end: int
    committee: int | None = None
    group: int | None = None
    buildings: tuple[str, ...] = ()
    stairwell: int | None = None
    floor: int | None = None
    room: str = ""
    sure: bool = True

    @property
    def quarter(self) -> bool:
        """Whether a 委 or a 组 is named."""
        return self.committee is not None or self.group is not None


@dataclass(frozen=True, slots=True)
class Relation:
    """后身, 对面, 门口 …: the words, and how far from the named thing the place may be, in metres."""

    words: str
    reach_m: float
    end: int


@dataclass(frozen=True, slots=True)
class AddressParts:
    """An address taken apart; "" and None where a part is not said.

    `towns` and `communities` hold the codes the text allows for (several where a name is shared), `rest` what
    follows the address (the complaint), which takes no part in matching.
    """

    province: str = ""
    city: str = ""
    county: str = ""
    town: str = ""
    community: str = ""
    street: str = ""
    name: str = ""
    committee: int | None = None
    group: int | None = None
    buildings: tuple[str, ...] = ()
    stairwell: int | None = None
    floor: int | None = None
    room: str = ""
    relation: str = ""
    rest: str = ""


_END: Final = r"(?=\||$)"
_B: Final = r"\d{1,3}[A-Z]?"
# 4号院 and 3号小区 are names of compounds, not buildings; 3号院内 is the yard of building 3.
_YARD: Final = r"[院苑](?![内里外墙子门])|园(?!林)|小区|社区|大院|家属[院区小]|住宅[院区小]|生活区|平房区|街坊"
# A room may run into a date: 10112月份 is room 101 since December.
_R: Final = r"(?:\d{3}(?=\d{1,2}[月日天点年])|\d{2,4}(?!\d))"
_QUARTER: Final = re.compile(
    r"(?:(?P<committee>\d{1,3})(?:居民委|居委|委)(?!托|员))?\|?(?:(?P<group>\d{1,3})(?:居民组|村民组|组)(?!织|成|装))?"
)
_BUILDING: Final = (
    (True, re.compile(rf"(?P<buildings>{_B}(?:\+{_B})*)号楼")),
    (True, re.compile(rf"(?P<buildings>{_B})-(?P<stairwell>\d{{1,2}})-(?P<room>{_R})(?:室|号|户)?")),
    (True, re.compile(rf"(?P<buildings>{_B})-(?P<room>\d{{3,4}})(?:室|号|户)?(?!\d)")),
    (True, re.compile(rf"(?P<buildings>{_B})-(?P<stairwell>\d{{1,2}})(?:单元|门)?(?!\d)(?!-)")),
    (True, re.compile(rf"(?P<buildings>{_B})号(?!线|码|文|公路|令|机|台|{_YARD})")),
    (False, re.compile(r"(?P<buildings>\d{1,2})层楼")),
    (False, re.compile(rf"(?P<buildings>\d{{1,2}}[A-Z]?){_END}")),
)
_STAIRWELL: Final = re.compile(r"\|?-?(?P<stairwell>\d{1,2})(?:单元|门(?!诊|市)|栋口)")
_STAIR_ROOM: Final = re.compile(rf"\|?-?(?P<stairwell>\d{{1,2}})-(?P<room>{_R})(?:室|号|户)?")
_FLOOR: Final = re.compile(r"\|?(?P<floor>\d{1,2})(?:层楼|层|楼)")
_ROOM: Final = re.compile(
    r"\|?-?(?P<room>\d{3}(?=\d{1,2}[月日天点年])|\d{2,4}(?![\d度%℃年月日天元块米个人多户次点]))(?:室|号房|房间|房|号)?"
)
_BUNGALOW: Final = re.compile(r"\|?(?:家属区|的)?平房")

# Words of place, with how far (metres) from the named thing the place may be.
_RELATIONS: Final = (
    (60.0, "斜对面 对面 斜对过 对过 对门 附近 周边 周围 一带 十字路口 路口 道口 那边 这块 那块 跟前"),
    (40.0, "后身 前身 旁边 旁 边上 隔壁 侧面 后面 前面 后边 前边 楼后 楼前 房后 房前 外墙外 墙外 中间 之间"),
    (40.0, "东侧 西侧 南侧 北侧 东边 西边 南边 北边 东面 西面 南面 北面"),
    (15.0, "门口 门前 大门口 正门 大门 后门 侧门 门外 楼下"),
    (0.0, "院内 院里 里面 内 里 后院 前院 楼内 楼上 楼道"),
)
_REACH: Final = {word: reach for reach, words in _RELATIONS for word in words.split()}
_RELATION: Final = re.compile(
    r"\|?的?(?P<words>" + "|".join(sorted(_REACH, key=lambda w: -len(w))) + r")(?:的|处|那|这)?"
)
_DISTANCE: Final = re.compile(
    r"\|?(?:往|向|以|正)?(?P<way>[东西南北]{1,2})(?:侧|边|面|方向)?约?(?P<metres>\d{1,3})(?:多)?米"
)
_SLACK_M: Final = 20.0


def find_numbers(text: str, start: int, stop: int) -> Numbers | None:
    """Return the first numbers of an address that begin in ``text[start:stop]``, None where there are none.

    A bare figure, and 三楼, only count directly behind a name: `sure` is false then.
    """
    for at in range(start, stop):
        if not text[at].isdigit() or (at > start and text[at - 1].isdigit()):
            continue
        found = _quarter_at(text, at) or _building_at(text, at) or _stairwell_at(text, at)
        if found is not None:
            return found
    return None


def _quarter_at(text: str, at: int) -> Numbers | None:
    match = _QUARTER.match(text, at)
    if match is None or match.end() == at:
        return None
    end, behind = match.end(), None
    bungalow = _BUNGALOW.match(text, end)
    end = bungalow.end() if bungalow else end
    following = end + (text[end : end + 1] == "|")
    if text[following : following + 1].isdigit():
        behind = _building_at(text, following)
    return Numbers(
        start=at,
        end=behind.end if behind and behind.sure else end,
        committee=_whole(match["committee"]),
        group=_whole(match["group"]),
        buildings=behind.buildings if behind and behind.sure else (),
        stairwell=behind.stairwell if behind and behind.sure else None,
        room=behind.room if behind and behind.sure else "",
    )


def _building_at(text: str, at: int) -> Numbers | None:
    for sure, pattern in _BUILDING:
        match = pattern.match(text, at)
        if match is None:
            continue
        said = match.groupdict()
        stairwell, room = _whole(said.get("stairwell")), said.get("room") or ""
        end, stairwell, floor, room = _inside(text, match.end(), stairwell, room)
        return Numbers(
            start=at,
            end=end,
            buildings=tuple(b.lstrip("0") or "0" for b in said["buildings"].split("+")),
            stairwell=stairwell,
            floor=floor,
            room=room,
            # Nobody says 三楼二单元 of a floor.
            sure=sure or stairwell is not None,
        )
    return None


def _stairwell_at(text: str, at: int) -> Numbers | None:
    """Read a stairwell without a building (大红楼2单元502)."""
    if _STAIRWELL.match(text, at) is None:
        return None
    end, stairwell, floor, room = _inside(text, at, None, "")
    return Numbers(start=at, end=end, stairwell=stairwell, floor=floor, room=room)


def _inside(text: str, end: int, stairwell: int | None, room: str) -> tuple[int, int | None, int | None, str]:
    """Read stairwell, floor and room behind a building."""
    floor: int | None = None
    both = None if stairwell else _STAIR_ROOM.match(text, end)
    if both:
        return both.end(), int(both["stairwell"]), None, both["room"]
    if stairwell is None and (match := _STAIRWELL.match(text, end)):
        stairwell, end = int(match["stairwell"]), match.end()
    if match := _FLOOR.match(text, end):
        floor, end = int(match["floor"]), match.end()
    if not room and (match := _ROOM.match(text, end)):
        room, end = match["room"], match.end()
    return end, stairwell, floor, room


def _whole(digits: str | None) -> int | None:
    return int(digits) if digits else None


def find_relation(text: str, at: int) -> Relation | None:
    """Return the words of place that stand at a position (第一中学|后身), None where none do."""
    distance = _DISTANCE.match(text, at)
    if distance:
        return Relation(distance[0].strip("|"), float(distance["metres"]) + _SLACK_M, distance.end())
    match = _RELATION.match(text, at)
    if match is None:
        return None
    return Relation(match["words"], _REACH[match["words"]], match.end())
