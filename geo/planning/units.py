"""Units: what a merge starts from. Today's grids with load, parent, perimeter and measured neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import Refused, Where
from geo.planning.borders import measure_borders

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Around", "Units", "checked_loads", "units_from_polygons"]

Around = tuple[tuple[tuple[int, float, bool], ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The units of a merge and how they touch.

    Attributes
    ----------
    ids : tuple of str
        One name a unit, in the order that positions in groups refer to.
    loads : ndarray of float64, shape (n,)
        What is balanced: households by default. Finite, not negative, not all zero.
    parents : ndarray of int64, shape (n,)
        Index into `parent_labels`; groups never cross it.
    parent_labels : tuple
        The parents' own labels.
    perimeters_m : ndarray of float64, shape (n,)
        Length of all rings in metres.
    pairs : ndarray of int64, shape (m, 2)
        Pairs i < j of the same parent that share any boundary, sorted, each once.
    shared_m : ndarray of float64, shape (m,)
        Shared boundary of each pair in metres.
    joins : ndarray of bool, shape (m,)
        Whether the pair are neighbours: their boundary is long enough to merge across. The others
        only save perimeter when both come into one group another way.
    xy : ndarray of float64, shape (n, 2), or None
        Centroids in metres.
    """

    ids: tuple[str, ...]
    loads: NDArray[np.float64]
    parents: NDArray[np.int64]
    parent_labels: tuple[Hashable, ...]
    perimeters_m: NDArray[np.float64]
    pairs: NDArray[np.int64]
    shared_m: NDArray[np.float64]
    joins: NDArray[np.bool_]
    xy: NDArray[np.float64] | None = field(default=None)
    _around: list[Around] = field(default_factory=list, repr=False)

    @classmethod
    def build(
        cls,
        ids: Sequence[str],
        *,
        loads: ArrayLike,
        perimeters_m: ArrayLike,
        pairs: ArrayLike,
        shared_m: ArrayLike,
        parents: Sequence[Hashable] | None = None,
        xy: ArrayLike | None = None,
        min_shared_edge_m: float = 10.0,
    ) -> Units:
        """Return checked units; pairs are put in order, and those across parents are left out.

        Pairs are neighbours when they share more than `min_shared_edge_m`.

        Raises
        ------
        Refused
            A load, perimeter or shared length is missing, negative or not finite (the unit is named),
            all loads are zero, an id occurs twice, or lengths disagree.
        """
        names = tuple(str(name) for name in ids)
        _refuse_clashes(names)
        load = checked_loads(loads, ids=names)
        labels, index = _parent_index(parents, len(names))
        rim = _checked("perimeter", perimeters_m, names)
        couples, shared = _ordered_pairs(pairs, shared_m, index, names)
        centroids = None if xy is None else np.asarray(xy, dtype=np.float64).reshape(len(names), 2)
        return cls(names, load, index, labels, rim, couples, shared, shared > min_shared_edge_m, centroids)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def total_load(self) -> float:
        """Sum of all loads."""
        return float(self.loads.sum())

    @property
    def total_perimeter_m(self) -> float:
        """Sum of today's perimeters, the yardstick of compactness."""
        return float(self.perimeters_m.sum())

    def around(self) -> Around:
        """Return for each unit who touches it: (other, shared metres, whether they are neighbours)."""
        if not self._around:
            lists: list[list[tuple[int, float, bool]]] = [[] for _ in range(len(self))]
            rows = zip(self.pairs.tolist(), self.shared_m.tolist(), self.joins.tolist(), strict=True)
            for (i, j), length, joins in rows:
                lists[i].append((j, length, joins))
                lists[j].append((i, length, joins))
            self._around.append(tuple(tuple(entries) for entries in lists))
        return self._around[0]

    def parent_of(self, unit: int) -> Hashable:
        """Return the label of a unit's parent."""
        return self.parent_labels[int(self.parents[unit])]


def units_from_polygons(
    geometries: Sequence[Any],
    *,
    loads: ArrayLike,
    parents: Sequence[Hashable] | None = None,
    ids: Sequence[str] | None = None,
    metric: Any | None = None,
    barriers: Sequence[Any] = (),
    min_shared_edge_m: float = 10.0,
    barrier_snap_m: float = 15.0,
) -> Units:
    """Measure polygons into units.

    Parameters
    ----------
    geometries : sequence of shapely Polygon or MultiPolygon
        In degrees (CGCS2000) when `metric` is given, else in metres. Holes, islands and several parts are
        fine: a perimeter counts all rings, and parts of one unit hang together whatever lies between.
    loads : array-like of float, keyword
        What is balanced.
    parents : sequence or None, keyword
        Label of each unit's community; None for no parents.
    ids : sequence of str or None, keyword
        Names; positions when None.
    metric : Metric or None, keyword
        Plane to measure in.
    barriers : sequence of shapely lines, keyword
        Border nearer than `barrier_snap_m` to one of these does not count, in the coordinates of `geometries`.
    min_shared_edge_m : float, keyword
        Units are neighbours when they share more than this.
    barrier_snap_m : float, keyword
        See `barriers`.

    Raises
    ------
    Refused
        A geometry or load is missing or invalid (the unit is named), or all loads are zero.
    CoverageBroken
        Units overlap or leave strips between them, so that borders cannot be told (the pair is named).
    """
    names = [str(i) for i in range(len(geometries))] if ids is None else [str(name) for name in ids]
    if len(names) != len(geometries):
        raise Refused(f"{len(names)} ids for {len(geometries)} units", code="units-length", remedy="give one a unit")
    _refuse_clashes(tuple(names))
    checked_loads(loads, ids=names)
    borders = measure_borders(geometries, ids=names, metric=metric, barriers=barriers, barrier_snap_m=barrier_snap_m)
    return Units.build(
        names,
        loads=loads,
        perimeters_m=borders.perimeters_m,
        pairs=borders.pairs,
        shared_m=borders.shared_m,
        parents=parents,
        xy=borders.xy,
        min_shared_edge_m=min_shared_edge_m,
    )


def checked_loads(loads: ArrayLike, *, ids: Sequence[str]) -> NDArray[np.float64]:
    """Return loads as float64.

    Raises
    ------
    Refused
        A load is missing, negative or not finite (the unit is named), or all are zero.
    """
    load = _checked("load", loads, ids)
    if load.sum() <= 0:
        raise Refused(
            "all loads are zero, so there is nothing to balance", code="load-zero", remedy="choose another load field"
        )
    return load


def _checked(what: str, values: ArrayLike, ids: Sequence[str]) -> NDArray[np.float64]:
    array = np.array([_number(value) for value in np.asarray(values, dtype=object).ravel()], dtype=np.float64)
    if len(array) != len(ids):
        raise Refused(
            f"{len(array)} values of {what} for {len(ids)} units", code="units-length", remedy="give one a unit"
        )
    bad = np.flatnonzero(~np.isfinite(array) | (array < 0))
    if len(bad):
        first = int(bad[0])
        saying = "is missing or not a number" if not np.isfinite(array[first]) else f"is negative ({array[first]:g})"
        raise Refused(
            f"the {what} of unit {ids[first]} {saying} ({len(bad)} such units)",
            code=f"{what}-invalid",
            where=Where(row=first + 1, feature=str(ids[first])),
            remedy="correct the value, or leave the unit out",
        )
    return array


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _refuse_clashes(names: tuple[str, ...]) -> None:
    if not names:
        raise Refused("there are no units", code="units-empty", remedy="give at least one polygon")
    if len(set(names)) == len(names):
        return
    seen: set[str] = set()
    for row, name in enumerate(names, start=1):
        if name in seen:
            raise Refused(
                f"the id {name!r} occurs twice",
                code="id-clash",
                where=Where(row=row, feature=name),
                remedy="name a field whose values differ",
            )
        seen.add(name)


def _parent_index(parents: Sequence[Hashable] | None, count: int) -> tuple[tuple[Hashable, ...], NDArray[np.int64]]:
    if parents is None:
        return ("",), np.zeros(count, dtype=np.int64)
    given = list(parents)
    if len(given) != count:
        raise Refused(f"{len(given)} parents for {count} units", code="units-length", remedy="give one a unit")
    labels = tuple(dict.fromkeys(given))
    place = {label: i for i, label in enumerate(labels)}
    return labels, np.array([place[label] for label in given], dtype=np.int64)


def _ordered_pairs(
    pairs: ArrayLike,
    shared_m: ArrayLike,
    parents: NDArray[np.int64],
    names: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    couples = np.sort(np.asarray(pairs, dtype=np.int64).reshape(-1, 2), axis=1)
    shared = np.asarray(shared_m, dtype=np.float64).ravel()
    if len(shared) != len(couples) or not (np.isfinite(shared) & (shared >= 0)).all():
        raise Refused(
            "shared lengths must be one finite number a pair", code="shared-invalid", remedy="measure the pairs again"
        )
    if len(couples) and (couples.min() < 0 or couples.max() >= len(names) or (couples[:, 0] == couples[:, 1]).any()):
        raise Refused(
            "a pair names a unit that is not there", code="pair-invalid", remedy="pairs hold positions of two units"
        )
    within = parents[couples[:, 0]] == parents[couples[:, 1]]
    couples, shared = couples[within], shared[within]
    order = np.lexsort((couples[:, 1], couples[:, 0]))
    couples, shared = couples[order], shared[order]
    if len(couples) > 1 and (couples[1:] == couples[:-1]).all(axis=1).any():
        raise Refused("a pair of neighbours is listed twice", code="pair-invalid", remedy="sum its pieces first")
    return couples, shared
