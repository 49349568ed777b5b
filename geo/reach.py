"""Coverage by people: the iron triangle of each grid, and how far it is to an anchor household.

The iron triangle (铁三角) of a grid is complete when a party group, a full-time gridworker and an
anchor household (党员中心户) are all there. Distances are straight lines in the county's metric plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Corner", "GridReach", "reach_of_grids", "suggest_anchors", "within_distance"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Positions = NDArray[np.int64]


class Corner(StrEnum):
    """The three corners of the iron triangle."""

    PARTY_GROUP = "party_group"
    GRIDWORKER = "gridworker"
    ANCHOR_HOUSEHOLD = "anchor_household"


@dataclass(frozen=True, slots=True)
class GridReach:
    """Reach of one grid; shares are None where the grid has no resident household."""

    households: int
    full_time: int
    party_groups: int
    anchors: int
    near_share: float | None
    linked_share: float | None

    @property
    def missing(self) -> tuple[Corner, ...]:
        """Corners of the iron triangle that this grid lacks."""
        corners = (
            (Corner.PARTY_GROUP, self.party_groups),
            (Corner.GRIDWORKER, self.full_time),
            (Corner.ANCHOR_HOUSEHOLD, self.anchors),
        )
        return tuple(corner for corner, count in corners if not count)

    @property
    def households_per_worker(self) -> float | None:
        """Resident households per full-time gridworker, None where there is none."""
        return self.households / self.full_time if self.full_time else None


def within_distance(points: FloatArray, anchors: FloatArray, distance_m: float) -> BoolArray:
    """Tell which points have an anchor within a distance.

    Parameters
    ----------
    points, anchors : ndarray of float64, shape (n, 2) and (m, 2)
        Metres; a point with NaN is within reach of nothing.
    distance_m : float
        Not below 0; the distance itself counts as within.
    """
    if not distance_m >= 0:
        raise Refused("the distance must not be negative", code="distance-range", remedy="give metres")
    near = np.zeros(len(points), dtype=bool)
    usable = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(usable) == 0 or len(anchors) == 0:
        return near
    # Many households share a building: each distinct spot is asked once.
    spots, spot_of = np.unique(points[usable], axis=0, return_inverse=True)
    tree = shapely.STRtree(shapely.points(anchors))
    hit = np.unique(tree.query(shapely.points(spots), predicate="dwithin", distance=distance_m)[0])
    found = np.zeros(len(spots), dtype=bool)
    found[hit] = True
    near[usable] = found[spot_of.ravel()]
    return near


def reach_of_grids(
    n_grids: int,
    *,
    household_grid: Positions,
    household_near: BoolArray,
    household_linked: BoolArray,
    workers_in: Sequence[int],
    groups_in: Sequence[int],
    anchors_in: Sequence[int],
) -> list[GridReach]:
    """Return the reach of each grid.

    Parameters
    ----------
    household_grid : ndarray of int64, shape (h,)
        Position of the grid of each resident household, -1 where it has none.
    household_near, household_linked : ndarray of bool, shape (h,)
        Within the distance of an anchor household; linked to one.
    workers_in, groups_in, anchors_in : sequence of int
        Grid position of each full-time worker, party group (once per grid it serves) and anchor household.
    """
    held = household_grid >= 0

    def tally(mask: BoolArray) -> Positions:
        return np.bincount(household_grid[held & mask], minlength=n_grids)

    total = tally(np.ones(len(household_grid), dtype=bool))
    near, linked = tally(household_near), tally(household_linked)
    workers, groups, anchors = (_tally_places(p, n_grids) for p in (workers_in, groups_in, anchors_in))
    return [
        GridReach(
            households=int(total[i]),
            full_time=int(workers[i]),
            party_groups=int(groups[i]),
            anchors=int(anchors[i]),
            near_share=float(near[i] / total[i]) if total[i] else None,
            linked_share=float(linked[i] / total[i]) if total[i] else None,
        )
        for i in range(n_grids)
    ]


def _tally_places(places: Sequence[int], n_grids: int) -> Positions:
    inside = np.asarray([p for p in places if p >= 0], dtype=np.int64)
    return np.bincount(inside, minlength=n_grids)


def suggest_anchors(
    points: FloatArray, covered: BoolArray, distance_m: float, *, most: int = 10
) -> list[tuple[float, float, int]]:
    """Propose spots for further anchor households: greedily, the building that reaches most uncovered households.

    The greedy choice is within 1 − 1/e of the best possible for coverage (Nemhauser, Wolsey and Fisher, 1978).

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        Households in metres.
    covered : ndarray of bool, shape (n,)
        Already within reach.
    most : int
        Number of suggestions at most.

    Returns
    -------
    list of (x, y, households newly reached)
    """
    open_points = points[~covered & np.isfinite(points).all(axis=1)]
    if len(open_points) == 0:
        return []
    spots, counts = np.unique(open_points, axis=0, return_counts=True)
    tree = shapely.STRtree(shapely.points(spots))
    source, target = tree.query(shapely.points(spots), predicate="dwithin", distance=distance_m)
    left = counts.astype(np.int64)
    chosen: list[tuple[float, float, int]] = []
    for _ in range(most):
        gain = np.bincount(source, weights=left[target], minlength=len(spots))
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append((float(spots[best, 0]), float(spots[best, 1]), int(gain[best])))
        left[target[source == best]] = 0
    return chosen
