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

    from numpy.typing import NDArray

    from geo.crs import Metric

__all__ = [
    "Carried",
    "common_area",
    "common_shares",
    "lineage_between",
    "links_of",
    "successors",
]

# A node put into a straight border bends it by less than a tenth of a millimetre: less than this in common is no part.
_NEGLIGIBLE_M2 = 1.0


@dataclass(frozen=True, slots=True, order=True)
class Carried:
    """Something that lies in another grid after a redrawing: its source key, and the grids ("" for none)."""

    key: str
    from_grid: str
    to_grid: str


def lineage_between(
    old: Sequence[Grid], new: Sequence[Grid], *, metric: Metric, moved: Mapping[tuple[str, str], int]
) -> list[Lineage]:
    """Return the links between two generations of one layer.

    Parameters
    ----------
    moved : mapping
        (old id, new id) → households that were there and are here now; the new id is "" for those that are nowhere.

    Returns
    -------
    list of Lineage
        One per pair of grids that have area or households in common, by (old, new).
    """
    return links_of(common_area(old, new, metric=metric), moved)


def links_of(common: Mapping[tuple[str, str], float], moved: Mapping[tuple[str, str], int]) -> list[Lineage]:
    """Return the links that shares of area and moved households make, by (old, new).

    Parameters
    ----------
    common : mapping
        (old id, new id) → share of the old grid's area.
    moved : mapping
        (old id, new id) → households that were there and are here now; the new id is "" for those that are nowhere.
    """
    total: Counter[str] = Counter()
    for (grid, _), count in moved.items():
        total[grid] += count
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
            household_share=moved.get((a, b), 0) / total[a] if total[a] else 0.0,
            households=moved.get((a, b), 0),
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
    a = np.array([g.geometry for g in old], dtype=object)
    b = np.array([g.geometry for g in new], dtype=object)
    rows = zip(*common_shares(a, b, areas_m2=metric.area_m2(a), metric=metric), strict=True)
    return {(old[i].id, new[j].id): share for i, j, share in rows}


def common_shares(
    old: NDArray[np.object_], new: NDArray[np.object_], *, areas_m2: NDArray[np.float64], metric: Metric
) -> tuple[list[int], list[int], list[float]]:
    """Return positions in `old` and `new` and the share of the old one's area in the new one.

    Common parts are cut out in degrees, where straight sides are straight whatever vertices they have, and measured in
    metres: projected first, a side that got a vertex would bow away from the one that has none.

    Parameters
    ----------
    old, new : ndarray of polygons
        In degrees.
    areas_m2 : ndarray of float64
        Areas of the old ones.
    """
    left, right = shapely.STRtree(new).query(old, predicate="intersects")
    area = np.asarray(metric.area_m2(shapely.intersection(old[left], new[right])), dtype=np.float64)
    some = area > _NEGLIGIBLE_M2
    # A side with a vertex more measures a little more once projected: a whole is a whole.
    share = np.minimum(np.round(area[some] / areas_m2[left[some]], 9), 1.0)
    return left[some].tolist(), right[some].tolist(), share.tolist()


def successors(links: Sequence[Lineage]) -> dict[str, str]:
    """Return old grid id → the new grid that took most of its households (then area)."""
    best: dict[str, Lineage] = {}
    for link in links:
        known = best.get(link.old_grid_id)
        rank = (link.household_share, link.area_share, link.new_grid_id)
        if known is None or rank > (known.household_share, known.area_share, known.new_grid_id):
            best[link.old_grid_id] = link
    return {old: link.new_grid_id for old, link in best.items()}
