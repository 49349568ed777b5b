"""Old grids ↔ new grids: shares of area and households, and what kind of change each link is."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.model import ChangeKind, Grid, Lineage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.crs import Metric

__all__ = ["Carried", "carried_over", "common_area", "lineage_between", "successors"]

# Below this share of an old grid's area a common piece is the rounding of a moved node, not a part handed over.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True, order=True)
class Carried:
    """Something that lies in another grid after a redrawing: its source key, and the grids ("" for none)."""

    key: str
    from_grid: str
    to_grid: str


def carried_over(keys: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Carried, ...]:
    """Return what changes its grid, by key.

    Parameters
    ----------
    keys : mapping
        Id → source key of everything asked about.
    before, after : mapping
        Id → grid id, "" or missing where there is none.
    """
    moved = (Carried(key, before.get(i, ""), after.get(i, "")) for i, key in keys.items())
    return tuple(sorted(line for line in moved if line.from_grid != line.to_grid))


def lineage_between(
    old: Sequence[Grid], new: Sequence[Grid], *, metric: Metric, before: Mapping[str, str], after: Mapping[str, str]
) -> list[Lineage]:
    """Return the links between two generations of one layer.

    Parameters
    ----------
    before, after : mapping
        Household id → grid id in each generation.

    Returns
    -------
    list of Lineage
        One per pair of grids that have area or households in common, by (old, new).
    """
    common = common_area(old, new, metric=metric)
    moved = Counter((g, after.get(h, "")) for h, g in before.items() if g)
    total = Counter(g for g in before.values() if g)
    pairs = sorted(set(common) | {p for p in moved if p[1]})
    into: dict[str, set[str]] = defaultdict(set)
    out_of: dict[str, set[str]] = defaultdict(set)
    for a, b in pairs:
        out_of[a].add(b)
        into[b].add(a)
    return [
        Lineage(
            old_grid_id=a,
            new_grid_id=b,
            change=_change(a, b, into[b], out_of[a]),
            area_share=common.get((a, b), 0.0),
            household_share=moved[a, b] / total[a] if total[a] else 0.0,
            households=moved[a, b],
        )
        for a, b in pairs
    ]


def _change(old: str, new: str, sources: set[str], targets: set[str]) -> ChangeKind:
    if len(sources) > 1 and len(targets) > 1:
        return ChangeKind.ADJUST
    if len(sources) > 1:
        return ChangeKind.MERGE
    if len(targets) > 1:
        return ChangeKind.SPLIT
    return ChangeKind.KEEP if old == new else ChangeKind.CREATE


def common_area(old: Sequence[Grid], new: Sequence[Grid], *, metric: Metric) -> dict[tuple[str, str], float]:
    """Return the share of each old grid's area that lies in each new grid, where they have any in common."""
    if not old or not new:
        return {}
    a = metric.project(np.array([g.geometry for g in old], dtype=object))
    b = metric.project(np.array([g.geometry for g in new], dtype=object))
    left, right = shapely.STRtree(b).query(a, predicate="intersects")
    areas = shapely.area(shapely.intersection(a[left], b[right]))
    share = areas / shapely.area(a)[left]
    return {
        (old[i].id, new[j].id): round(float(s), 9)
        for i, j, s in zip(left, right, share, strict=True)
        if s > _NEGLIGIBLE
    }


def successors(links: Sequence[Lineage]) -> dict[str, str]:
    """Return old grid id → the new grid that took most of its households (then area)."""
    best: dict[str, Lineage] = {}
    for link in links:
        known = best.get(link.old_grid_id)
        rank = (link.household_share, link.area_share, link.new_grid_id)
        if known is None or rank > (known.household_share, known.area_share, known.new_grid_id):
            best[link.old_grid_id] = link
    return {old: link.new_grid_id for old, link in best.items()}
