"""One grid cut in several along lines: one part keeps its identity, the others get ids handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.errors import Refused, Where
from geo.topology.chains import signed_area2
from geo.topology.edits.cutting import Line, cut_grid
from geo.topology.edits.patch import Reversible, edited
from geo.topology.edits.walks import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.topology.chains import Lattice
    from geo.topology.coverage import Coverage

__all__ = ["Split"]


@dataclass(frozen=True, slots=True)
class Split(Reversible):
    """Cut a grid along one or several lines.

    The part with the largest area keeps the grid's identity, with every part of the grid that no line cuts; the
    others take `ids` from west to east (by their westernmost, then southernmost vertex).

    Attributes
    ----------
    grid : str
        What is cut.
    lines : tuple of lines
        Each a tuple of lattice points; ends that hang loose inside cut nothing.
    ids : tuple of str
        Identities of the other parts: their number is how many parts are meant, less one.
    """

    grid: str
    lines: tuple[Line, ...]
    ids: tuple[str, ...]

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the grid cut.

        Raises
        ------
        Refused
            The lines do not cut the grid, or into another number of parts; an id is taken.
        NotFound
            There is no such grid.
        """
        taken = [i for i in self.ids if i in coverage.ids]
        if taken or len(set(self.ids)) < len(self.ids) or not self.ids:
            raise Refused(
                "each new part needs one new id of its own",
                code="id-taken",
                where=Where(feature=taken[0] if taken else None),
                remedy="give ids that are not in use",
            )
        cut = cut_grid(coverage, self.grid, self.lines)
        parts = [cut.pieces[i] for i in cut.severed]
        if len(parts) != len(self.ids) + 1:
            raise Refused(
                f"the line cuts this grid into {len(parts)} parts, not {len(self.ids) + 1}",
                code="split-parts",
                where=Where(feature=self.grid),
                remedy="draw a line that crosses the grid once, or say how many parts are meant",
            )
        keeper = max(range(len(parts)), key=lambda i: (_area(parts[i]), -i))
        whole = [ring for i, piece in enumerate(cut.pieces) if i not in cut.severed for ring in piece]
        rest = (part for i, part in enumerate(parts) if i != keeper)
        rings: dict[str, Sequence[Lattice]] = {self.grid: joined([*parts[keeper], *whole])}
        rings |= dict(zip(self.ids, rest, strict=True))
        return edited(coverage, {**cut.neighbours, **rings}, what="this cut")


def _area(rings: Sequence[Lattice]) -> int:
    return sum(signed_area2(ring) for ring in rings)
