"""Grids that come to lie in several pieces because of a redrawing, and were not so before.

An exclave (飞地, 插花地) that today's grids have is kept: two pieces of a grid belong together where one grid of today
holds the one in one of its own pieces and the other in another. What hangs together in no such way the plan put
together (other edits than a merge tear nothing); grids that touch in a point only do not hang together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import Refused, Where
from geo.planning import Saying
from geo.services.redraw import redrawn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from geo.model import Area, Grid
    from geo.services.redraw import Drawing

__all__ = ["Multipart", "called", "new_multiparts", "refuse_multiparts", "said_multipart"]

_INSIDES_MEET = "2********"


@dataclass(frozen=True, slots=True)
class Multipart:
    """A base grid in several pieces that no former grid explains."""

    grid: Grid
    parts: int


def called(name: str, area: Area | None) -> str:
    """Return a grid's name with its community's before it: 第一网格 alone stands in each of them."""
    return name if area is None or area.name in name else f"{area.name}{name}"


def new_multiparts(before: Drawing, after: Drawing) -> tuple[Multipart, ...]:
    """Return the base grids that lie in pieces after a redrawing and would not without it, in order of id."""
    moved = sorted(redrawn(before, after) & set(after.coverage.ids))
    apart = [i for i in moved if shapely.get_num_geometries(after.coverage.polygon(i)) > 1]
    if not apart:
        return ()
    former, owner = shapely.get_parts(np.array(before.coverage.polygons(), dtype=object), return_index=True)
    tree = shapely.STRtree(former)
    found = []
    for grid_id in apart:
        pieces = shapely.get_parts(after.coverage.polygon(grid_id))
        piece, part = tree.query(pieces)
        meet = shapely.relate_pattern(pieces[piece], former[part], _INSIDES_MEET)
        piece, part = piece[meet], part[meet]
        if _clusters(len(pieces), piece, part, owner[part]) > 1:
            found.append(Multipart(after.grid(grid_id), len(pieces)))
    return tuple(found)


def _clusters(pieces: int, piece: NDArray[np.int64], part: NDArray[np.int64], owner: NDArray[np.int64]) -> int:
    """Count what remains apart once pieces that different pieces of one former grid hold are put together."""
    label = list(range(pieces))
    rows = list(zip(piece.tolist(), part.tolist(), owner.tolist(), strict=True))
    for (a, one, mine), (b, two, yours) in combinations(rows, 2):
        if mine == yours and one != two and label[a] != label[b]:
            old, new = label[a], label[b]
            label = [new if x == old else x for x in label]
    return len(set(label))


def said_multipart(found: Multipart, areas: Mapping[str, Area]) -> Saying:
    """Say in Chinese and English that a grid would lie in pieces."""
    name = called(found.grid.name, areas.get(found.grid.community_code))
    return Saying(f"{name}合并后由{found.parts}块互不相连的部分组成", f"merged, {name} lies in {found.parts} pieces")


def refuse_multiparts(found: Iterable[Multipart], areas: Mapping[str, Area]) -> None:
    """Refuse a plan by the first of the grids that it leaves in pieces.

    Raises
    ------
    Refused
        There is one; `where` names it.
    """
    for first in found:
        name = called(first.grid.name, areas.get(first.grid.community_code))
        raise Refused(
            f"this plan would leave the grid in {first.parts} separate pieces, which it is not today",
            code="grid-in-pieces",
            where=Where(feature=name),
            remedy="merge only grids with a common border; take that edit back with `wangge plan undo`",
        )
