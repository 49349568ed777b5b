"""Buildings and compounds that a border between grids cuts (完整性: neither is to be split)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.planning import Saying

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.model import Grid
    from geo.store.base import Session

__all__ = ["Cut", "Outlines", "cuts_between", "load_outlines", "said_cut"]

# A border drawn along a wall touches the building; it cuts only where more than this lies on both sides.
_LEAST_M2: Final = 1.0
_LEAST_SHARE: Final = 0.01
_KINDS: Final = {"buildings": ("楼栋", "building"), "compounds": ("小区", "compound")}


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """A building or compound that lies in several grids; `grids` are their ids in order."""

    kind: str
    key: str
    name: str
    grids: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """Outlines in metres with kind ("buildings" or "compounds"), source key and name, and a tree over them."""

    kinds: tuple[str, ...]
    keys: tuple[str, ...]
    names: tuple[str, ...]
    shapes: NDArray[np.object_]
    areas: NDArray[np.float64]
    tree: shapely.STRtree

    def cut_by(self, grid: Any) -> frozenset[int]:
        """Return the positions of the outlines that lie partly inside a grid's polygon (metres)."""
        near = self.tree.query(shapely.boundary(grid), predicate="intersects")
        if not len(near):
            return frozenset()
        inside = shapely.area(shapely.intersection(self.shapes[near], grid))
        least = np.maximum(_LEAST_M2, self.areas[near] * _LEAST_SHARE)
        cut = (inside > least) & (inside < self.areas[near] - least)
        return frozenset(near[cut].tolist())

    def cuts(self, found: Mapping[str, frozenset[int]]) -> tuple[Cut, ...]:
        """Return what is cut, from grid id → positions that `cut_by` gave for it."""
        grids: dict[int, list[str]] = {}
        for grid_id in sorted(found):
            for position in found[grid_id]:
                grids.setdefault(position, []).append(grid_id)
        lines = (Cut(self.kinds[i], self.keys[i], self.names[i], tuple(held)) for i, held in grids.items())
        return tuple(sorted(lines))


def load_outlines(session: Session, metric: Metric, *, communities: Iterable[str] | None = None) -> Outlines:
    """Read the outlines of buildings and compounds (of some communities only, where named).

    One whose outline crosses itself has no inside to speak of and is left out.
    """
    where = None if communities is None else {"community_code": sorted(communities)}
    kinds: list[str] = []
    keys: list[str] = []
    names: list[str] = []
    shapes: list[Any] = []
    for kind in _KINDS:
        for row in session.rows(kind, where=where):
            shape = row["geometry"]
            if shape is not None and shapely.is_valid(shape) and not shapely.is_empty(shape):
                kinds.append(kind)
                keys.append(row["source_key"])
                names.append(_name(kind, row))
                shapes.append(shape)
    plane = metric.project(np.array(shapes, dtype=object)) if shapes else np.empty(0, dtype=object)
    return Outlines(tuple(kinds), tuple(keys), tuple(names), plane, shapely.area(plane), shapely.STRtree(plane))


def _name(kind: str, row: Mapping[str, Any]) -> str:
    if kind == "compounds":
        return str(row["name"])
    number = str(row["number"] or "")
    return f"{row['compound']}{number}号楼" if number.isdigit() else f"{row['compound']}{number}"


def cuts_between(
    outlines: Outlines, before: Sequence[Grid], after: Sequence[Grid], *, metric: Metric
) -> tuple[Cut, ...]:
    """Return what a redrawing cuts anew: outlines cut among the grids after it that were whole among those before."""
    was = set().union(*(outlines.cut_by(shape) for shape in _projected(before, metric)), frozenset())
    now = {g.id: outlines.cut_by(shape) - was for g, shape in zip(after, _projected(after, metric), strict=True)}
    return outlines.cuts(now)


def _projected(grids: Sequence[Grid], metric: Metric) -> list[Any]:
    return list(metric.project(np.array([g.geometry for g in grids], dtype=object))) if grids else []


def said_cut(cut: Cut) -> Saying:
    """Say in Chinese and English what is cut."""
    zh, en = _KINDS[cut.kind]
    name = cut.name or cut.key
    return Saying(f"界线切开了{zh}“{name}”", f"the border cuts the {en} {name}")
