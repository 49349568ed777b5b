"""What an edit is, and the patch: the chains one coverage has and another has not, which leads both ways."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from geo.errors import CoverageBroken, Refused, Where
from geo.topology.chains import signed_area2, sort_chains
from geo.topology.coverage import OUTSIDE, Coverage, Point
from geo.topology.edits.bends import same_outline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.topology.chains import Lattice

__all__ = ["Edit", "Patch", "Reversible", "Strand", "edited", "parts_in"]


class Edit(Protocol):
    """A change of a coverage as a value."""

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage after the edit; the one handed in stays as it is."""
        ...

    def inverse(self, coverage: Coverage) -> Edit:
        """Return the edit that leads back to `coverage` bit for bit, from what this one makes of it."""
        ...


@dataclass(frozen=True, slots=True)
class Strand:
    """One chain as a plain value: lattice vertices and the ids of the grids on both sides ("" outside)."""

    points: tuple[Point, ...]
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Patch:
    """The difference between two coverages; an edit itself, and the inverse of every other.

    Attributes
    ----------
    ids_before, ids_after : tuple of str
        Grids in order.
    taken, given : tuple of Strand
        Chains only the first coverage has, and only the second.
    """

    ids_before: tuple[str, ...]
    ids_after: tuple[str, ...]
    taken: tuple[Strand, ...]
    given: tuple[Strand, ...]

    @classmethod
    def between(cls, before: Coverage, after: Coverage) -> Patch:
        """Return what leads from one coverage to the other."""
        old, new = _strands(before), _strands(after)
        return cls(
            before.ids,
            after.ids,
            tuple(s for s in old if s not in new),
            tuple(s for s in new if s not in old),
        )

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the chains exchanged.

        Raises
        ------
        Refused
            The coverage is not the one this patch was made for.
        """
        held = _strands(coverage)
        if coverage.ids != self.ids_before or not all(s in held for s in self.taken):
            raise Refused(
                "this difference belongs to another state of the coverage",
                code="patch-misfit",
                remedy="load the current version of the plan",
            )
        place = {name: i for i, name in enumerate(self.ids_after)} | {"": OUTSIDE}
        gone = set(self.taken)
        kept = [(coverage.edges[i], s) for s, i in held.items() if s not in gone]
        rows = [*kept, *((_line(s), s) for s in self.given)]
        chains = sort_chains([e for e, _ in rows], [place[s.left] for _, s in rows], [place[s.right] for _, s in rows])
        return Coverage.from_chains(self.ids_after, chains)

    def inverse(self, coverage: Coverage) -> Patch:  # noqa: ARG002 - a patch knows its way back by itself
        """Return the patch that leads back."""
        return Patch(self.ids_after, self.ids_before, self.given, self.taken)


class Reversible:
    """What every edit but the patch shares: its inverse is the patch back."""

    __slots__ = ()

    def inverse(self: Edit, coverage: Coverage) -> Patch:
        """Return the edit that leads back to `coverage` bit for bit, from what this one makes of it."""
        return Patch.between(self.apply(coverage), coverage)


def edited(coverage: Coverage, rings: Mapping[str, Sequence[Lattice]], *, what: str) -> Coverage:
    """Return the coverage with new rings for some grids, or refuse what they would break.

    Only the grids drawn anew are looked at. That suffices: every half has its mate, so the winding numbers of all
    grids add up to that of the outer boundary, which is 1 inside; where each grid's rings are simple, shells
    left-turning and holes within them, its winding number is 0 or 1; hence exactly one grid holds each place.

    Parameters
    ----------
    rings : mapping
        As for `Coverage.with_rings`.
    what : str
        The edit in words, for the refusal.

    Raises
    ------
    Refused
        A ring would cross or touch itself, turn over, or leave the outer boundary.
    """
    try:
        after = coverage.with_rings(rings)
        _require_simple(after, [name for name, held in rings.items() if held], what=what)
        _require_same_extent(coverage, after, what=what)
    except CoverageBroken as error:
        raise _folds(what, error.where.feature) from error
    return after


def parts_in(rings: Sequence[Lattice]) -> int:
    """Return the number of parts that rings of one grid enclose."""
    return sum(signed_area2(ring) > 0 for ring in rings)


def _require_simple(after: Coverage, names: Sequence[str], *, what: str) -> None:
    for name in names:
        areas = [signed_area2(ring) for ring in after.rings(after.position(name))]
        if 0 in areas or max(areas) < 0 or not after.polygon(name).is_valid:
            raise _folds(what, name)


def _folds(what: str, grid_id: str | None) -> Refused:
    return Refused(
        f"{what} would fold a border or lay one grid over another",
        code="edit-folds",
        where=Where(feature=grid_id),
        remedy="keep the new line between its neighbours and away from other borders",
    )


def _require_same_extent(before: Coverage, after: Coverage, *, what: str) -> None:
    """Nodes may come into the outer boundary, it may not go anywhere else."""
    if _outer(before) == _outer(after):
        return
    if not same_outline(before.outlines(), after.outlines()) or not after.extent().is_valid:
        raise Refused(
            f"{what} would change the outer boundary",
            code="outer-line",
            remedy="the extent follows from the areas; import them anew to change it",
        )


def _outer(coverage: Coverage) -> Counter[bytes]:
    return Counter(coverage.edges[i].tobytes() for i in coverage.around(OUTSIDE))


def _strands(coverage: Coverage) -> dict[Strand, int]:
    names = (*coverage.ids, "")
    rows = zip(coverage.edges, coverage.left.tolist(), coverage.right.tolist(), strict=True)
    return {
        Strand(tuple((x, y) for x, y in edge.tolist()), names[a], names[b]): i for i, (edge, a, b) in enumerate(rows)
    }


def _line(strand: Strand) -> Lattice:
    line = np.array(strand.points, np.int64)
    line.flags.writeable = False
    return line
