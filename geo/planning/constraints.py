"""What a planner asks of a merge: weights of the objective, wishes that must hold, and their check."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from geo.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from geo.planning.units import Units

__all__ = ["Constraints", "Count", "Weights", "count_range"]

Count = int | tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the three terms; an unnamed weight keeps its default.

    Attributes
    ----------
    balance : float
        Of the mean squared deviation of loads from W/K.
    compactness : float
        Of the remaining perimeter over today's.
    disruption : float
        Of the share of load whose grid changes its worker.
    """

    balance: float = 1.0
    compactness: float = 0.25
    disruption: float = 0.5

    def __post_init__(self) -> None:
        for name in ("balance", "compactness", "disruption"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise Refused(
                    f"the weight {name} is {value!r}", code="weight-invalid", remedy="a weight is a number not below 0"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What must hold in any plan. Units are named by position.

    Attributes
    ----------
    keep : tuple of int
        Units that stay unmerged.
    together, apart : tuple of tuple of int
        Units that share one group; units of which no two share a group.
    fixed : tuple of tuple of int
        Groups that stay exactly as they are (all that lies outside the area being re-planned).
    min_load, max_load : float or None
        Limits on the load of every group.
    counts : mapping
        Number of groups, or an inclusive range of it, by parent label or by region.
    regions : mapping
        Labels of the parents in each region (a town of communities) that `counts` may name.
    forbidden : tuple of tuple of int
        Groups that must not occur exactly so.
    """

    keep: tuple[int, ...] = ()
    together: tuple[tuple[int, ...], ...] = ()
    apart: tuple[tuple[int, ...], ...] = ()
    fixed: tuple[tuple[int, ...], ...] = ()
    min_load: float | None = None
    max_load: float | None = None
    counts: Mapping[Hashable, Count] = field(default_factory=dict)
    regions: Mapping[Hashable, tuple[Hashable, ...]] = field(default_factory=dict)
    forbidden: tuple[tuple[int, ...], ...] = ()

    def fixing_outside(self, current: Sequence[Sequence[int]], *, area: Sequence[int]) -> Constraints:
        """Return these wishes with every current group that has no unit in `area` fixed as it is.

        This re-plans an area around a planner's own edits: ask for as many groups as the fixed ones and
        those wanted in the area make together.
        """
        held = set(area)
        outside = tuple(tuple(group) for group in current if not held & set(group))
        return replace(self, fixed=self.fixed + outside)

    def check(self, units: Units) -> None:
        """Refuse wishes that name what is not there or say nothing.

        Raises
        ------
        Refused
            A position is no unit, a parent is unknown, a load limit is not a number or a range is upside down.
        """
        for name in ("keep", "together", "apart", "fixed", "forbidden"):
            for entry in getattr(self, name):
                for unit in (entry,) if name == "keep" else entry:
                    if not 0 <= unit < len(units):
                        raise Refused(
                            f"{name} names unit {unit}, of {len(units)}",
                            code="wish-invalid",
                            remedy="use a unit of this file",
                        )
        for name in ("min_load", "max_load"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise Refused(f"{name} is {value!r}", code="wish-invalid", remedy="give a number not below 0")
        known = set(units.parent_labels)
        for label, count in self.counts.items():
            low, high = count_range(count)
            if not known.intersection(self.regions.get(label, (label,))):
                raise Refused(
                    f"counts names {label!r}, which no unit lies in", code="wish-invalid", remedy="check the label"
                )
            if low < 0 or high < low:
                raise Refused(
                    f"the count of {label!r} is {count!r}", code="wish-invalid", remedy="give a number or low and high"
                )


def count_range(count: Count) -> tuple[int, int]:
    """Return an inclusive range of a wished count."""
    return (count, count) if isinstance(count, int) else (int(count[0]), int(count[1]))
