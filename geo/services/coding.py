"""统一编码: 15-digit grid codes under a community, numbered west to east, north to south.

The rule (domain practice, DB11/T 2157 and DB6101/T 3185): 12-digit code of the community plus a serial;
base grids from 001, exclusive grids from 601. What was filed keeps its code for ever; retired codes are
never given again; so numbering runs over uncoded grids only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo.errors import Refused, Where
from geo.model import Grid, GridKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric

__all__ = ["CodePolicy", "CodeRule", "GivenCode", "chinese_number", "give_codes", "reading_order", "renamed"]

_DIGITS: Final = "零一二三四五六七八九"
# A grid belongs to a row when it lies less than this part of the usual height below the row's top: a full height
# would draw the next row in wherever drawing brings it a centimetre closer.
_ROW_SHARE: Final = 0.75


class CodePolicy(StrEnum):
    """What a redrawn grid that carries on an identity is called: its old code, or a new serial."""

    KEEP = "keep"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class CodeRule:
    """How codes are built: length of parent and serial, and the serials each kind may use."""

    parent_digits: int = 12
    serial_digits: int = 3
    ranges: Mapping[GridKind, tuple[int, int]] = field(
        default_factory=lambda: {
            GridKind.BASE: (1, 599),
            GridKind.EXCLUSIVE: (601, 899),
            GridKind.MICRO: (901, 949),
            GridKind.POLICE: (950, 999),
        }
    )

    def code(self, parent: str, serial: int) -> str:
        """Return the code of a serial under a parent."""
        if len(parent) != self.parent_digits or not parent.isdigit():
            raise Refused(
                f"a grid's community needs a {self.parent_digits}-digit code",
                code="parent-code",
                where=Where(feature=parent or None),
                remedy="correct the area list",
            )
        return f"{parent}{serial:0{self.serial_digits}d}"


@dataclass(frozen=True, slots=True)
class GivenCode:
    """One line of the preview: what a grid was called and what it will be called."""

    grid_id: str
    kind: GridKind
    community_code: str
    old_code: str
    old_name: str
    code: str
    name: str
    is_new: bool


def chinese_number(value: int) -> str:
    """Return 1 … 999 in Chinese numerals: 12 is 十二, 105 is 一百零五."""
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    text = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        text += "十" if tens == 1 and not hundreds else f"{_DIGITS[tens]}十"
    elif hundreds and ones:
        text += "零"
    return text + (_DIGITS[ones] if ones else "")


def reading_order(x: NDArray[np.float64], y: NDArray[np.float64], row_height: float) -> NDArray[np.int64]:
    """Return the order W→E within rows, rows N→S.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Inner points in metres.
    row_height : float
        Points less than this below the northernmost of a row belong to the row.
    """
    north_first = np.lexsort((x, -y))
    row = np.zeros(len(x), dtype=np.int64)
    top, number = np.inf, -1
    for i in north_first:
        if y[i] < top - row_height or number < 0:
            top, number = float(y[i]), number + 1
        row[i] = number
    return np.lexsort((-y, x, row))


def give_codes(
    grids: Sequence[Grid],
    *,
    used: Iterable[str],
    community_names: Mapping[str, str],
    metric: Metric,
    rule: CodeRule | None = None,
    anew: Collection[str] = (),
    named: Collection[str] = (),
) -> list[GivenCode]:
    """Give each uncoded grid the next serial of its community and kind; coded ones keep theirs.

    Parameters
    ----------
    grids : sequence of Grid
        All grids of the new generation; `geometry` in degrees.
    used : iterable of str
        Every code ever given, retired ones included.
    community_names : mapping
        Code → name, from which base grids get their names (黎明社区第一网格).
    anew : collection of str
        Ids of coded grids that take a new serial all the same; their old code is not given again.
    named : collection of str
        Ids of grids whose name was chosen by hand and stays.

    Raises
    ------
    Refused
        A community ran out of serials, or is not known by a code of the right length.
    """
    rule = rule or CodeRule()
    taken = set(used) | {g.code for g in grids if g.code}
    inner = shapely.point_on_surface(metric.project(np.array([g.geometry for g in grids], dtype=object)))
    x, y = shapely.get_x(inner), shapely.get_y(inner)
    groups: dict[tuple[str, GridKind], list[int]] = defaultdict(list)
    given: dict[int, GivenCode] = {}
    for i, grid in enumerate(grids):
        if grid.code and grid.id not in anew:
            given[i] = _line(grid, grid.code, grid.name, is_new=False)
        else:
            groups[grid.community_code, grid.kind].append(i)
    for (community, kind), members in sorted(groups.items()):
        serials = _free_serials(community, kind, taken, rule)
        rows = np.array(members)
        height = _row_height([grids[i] for i in members], metric)
        for i, code_and_serial in zip(rows[reading_order(x[rows], y[rows], height)], serials, strict=False):
            code, serial = code_and_serial
            chosen = grids[i].name if grids[i].id in named else ""
            name = chosen or _name(grids[i], community_names.get(community, community), serial)
            given[int(i)] = _line(grids[i], code, name, is_new=True)
        if any(i not in given for i in members):
            raise Refused(
                f"no serial is left for {kind.value} grids", code="serials-exhausted", where=Where(feature=community)
            )
    return [given[i] for i in range(len(grids))]


def _line(grid: Grid, code: str, name: str, *, is_new: bool) -> GivenCode:
    old = grid.code or grid.local_code or ""
    return GivenCode(grid.id, grid.kind, grid.community_code, old, grid.name, code, name, is_new)


def _row_height(grids: Sequence[Grid], metric: Metric) -> float:
    bounds = shapely.bounds(metric.project(np.array([g.geometry for g in grids], dtype=object)))
    return _ROW_SHARE * float(np.median(bounds[:, 3] - bounds[:, 1]))


def _free_serials(community: str, kind: GridKind, taken: set[str], rule: CodeRule) -> list[tuple[str, int]]:
    first, last = rule.ranges[kind]
    codes = [(rule.code(community, n), n) for n in range(first, last + 1)]
    highest = max((n for code, n in codes if code in taken), default=first - 1)
    return [(code, n) for code, n in codes if n > highest]


def _name(grid: Grid, community: str, serial: int) -> str:
    if grid.kind is GridKind.BASE:
        return f"{community}第{chinese_number(serial)}网格"
    return grid.name


def renamed(grid: Grid, given: GivenCode) -> Grid:
    """Return the grid under its given code and name."""
    return replace(grid, code=given.code, name=given.name)
