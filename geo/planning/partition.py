"""A partition of units into groups: immutable, a change makes a child that remembers parent and flip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geo.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.planning.units import Units

__all__ = ["Flip", "Partition"]


@dataclass(frozen=True, slots=True)
class Flip:
    """A change: units that go to another group (a new number founds a group)."""

    moves: Mapping[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """Which group every unit is in.

    Attributes
    ----------
    units : Units
        What is grouped.
    label : tuple of int
        Number of each unit's group.
    members : mapping
        Units of each group, sorted.
    parent : Partition or None
        Where this one comes from.
    flip : Flip or None
        What was changed there.
    """

    units: Units
    label: tuple[int, ...]
    members: Mapping[int, tuple[int, ...]] = field(repr=False)
    parent: Partition | None = field(default=None, repr=False)
    flip: Flip | None = None

    @classmethod
    def of(cls, units: Units, groups: Sequence[Sequence[int]]) -> Partition:
        """Return the partition with these groups.

        Raises
        ------
        Refused
            A unit is in no group, or in two.
        """
        label = [-1] * len(units)
        for number, group in enumerate(groups):
            for unit in group:
                if label[unit] != -1:
                    raise Refused(
                        f"unit {units.ids[unit]} is in two groups", code="partition-invalid", remedy="name it once"
                    )
                label[unit] = number
        if -1 in label:
            raise Refused(
                f"unit {units.ids[label.index(-1)]} is in no group", code="partition-invalid", remedy="name every unit"
            )
        return cls(units, tuple(label), {n: tuple(sorted(group)) for n, group in enumerate(groups) if len(group)})

    @classmethod
    def today(cls, units: Units) -> Partition:
        """Return every unit as a group of its own."""
        return cls.of(units, [[unit] for unit in range(len(units))])

    def __len__(self) -> int:
        return len(self.members)

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Groups in order of their first unit."""
        return tuple(sorted(self.members.values()))

    def child(self, moves: Mapping[int, int]) -> Partition:
        """Return the partition after a flip; only the groups it touches are made anew.

        Raises
        ------
        Refused
            The flip names a unit that is not there.
        """
        changes = {unit: to for unit, to in moves.items() if 0 <= unit < len(self.label) and self.label[unit] != to}
        if any(not 0 <= unit < len(self.label) for unit in moves):
            raise Refused(
                "a flip names a unit that is not there", code="partition-invalid", remedy="use positions of units"
            )
        label = list(self.label)
        touched: dict[int, set[int]] = {}
        for unit, to in changes.items():
            touched.setdefault(label[unit], set(self.members[label[unit]])).discard(unit)
            touched.setdefault(to, set(self.members.get(to, ()))).add(unit)
            label[unit] = to
        members = {**self.members, **{n: tuple(sorted(held)) for n, held in touched.items()}}
        kept = {number: held for number, held in members.items() if held}
        return Partition(self.units, tuple(label), kept, self, Flip(changes))

    def merged(self, first: int, second: int) -> Partition:
        """Return the partition with group `second` joined to group `first`."""
        return self.child(dict.fromkeys(self.members[second], first))

    def touched(self) -> frozenset[int]:
        """Return the numbers of the groups that the last flip changed (all of them at the root)."""
        if self.parent is None or self.flip is None:
            return frozenset(self.members)
        before = {self.parent.label[unit] for unit in self.flip.moves}
        return frozenset(before | set(self.flip.moves.values()))
