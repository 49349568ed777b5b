"""Ground that goes from one grid to another: whole grids merged, a piece transferred, a grid given up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.errors import Refused, Where
from geo.topology.edits.cutting import Cut, Line, cut_grid, length_m, parts_of
from geo.topology.edits.patch import Reversible, edited, parts_in
from geo.topology.edits.walks import halves_of, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from geo.model import Geometry
    from geo.topology.chains import Lattice
    from geo.topology.coverage import Coverage, Point, Segment

__all__ = ["Dissolve", "Merge", "Transfer"]


@dataclass(frozen=True, slots=True)
class Merge(Reversible):
    """Join several grids into one of them.

    Attributes
    ----------
    grids : tuple of str
        At least two different ones.
    into : str
        Which of them carries on.
    """

    grids: tuple[str, ...]
    into: str

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the grids joined.

        Raises
        ------
        Refused
            Fewer than two different grids are named, or the one to carry on is none of them.
        NotFound
            One of them is not there.
        """
        if len(set(self.grids)) < 2 or self.into not in self.grids:  # noqa: PLR2004 - a merge joins two at least
            raise Refused("a merge joins several different grids into one of them", code="merge-members")
        rings = [ring for name in dict.fromkeys(self.grids) for ring in coverage.rings(coverage.position(name))]
        gone: dict[str, list[Lattice]] = {name: [] for name in self.grids if name != self.into}
        return edited(coverage, {self.into: joined(rings), **gone}, what="this merge")


@dataclass(frozen=True, slots=True)
class Transfer(Reversible):
    """Cut a piece off one grid and give it to a neighbour.

    Attributes
    ----------
    source, target : str
        Who gives and who gets.
    lines : tuple of lines
        Lattice points. Cut along these; or, where `area`, the closed outline of what is to go.
    area : bool
        Whether the lines go around the piece.
    at : (x, y) int, optional
        A place in the piece to go, where a line leaves open which side is meant.
    """

    source: str
    target: str
    lines: tuple[Line, ...]
    area: bool = False
    at: Point | None = None

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the piece in the other grid.

        Raises
        ------
        Refused
            The lines cut nothing off, it is not clear which side is to go, the piece does not lie against the other
            grid, or one of the two would fall apart.
        NotFound
            There is no such grid.
        """
        target = coverage.rings(coverage.position(self.target))
        coverage.position(self.source)
        if self.source == self.target:
            raise Refused("a piece goes to another grid", code="transfer-same", where=Where(feature=self.source))
        cut = cut_grid(coverage, self.source, self.lines)
        getting = cut.neighbours.get(self.target, target)
        going = self._going(cut, getting)
        given = joined([*getting, *(ring for i in going for ring in cut.pieces[i])])
        left = joined([ring for i, piece in enumerate(cut.pieces) if i not in going for ring in piece])
        if parts_in(given) > parts_in(target):
            raise Refused(
                "the piece does not lie against the grid that is to get it",
                code="not-neighbours",
                where=Where(feature=self.target),
                remedy="give it to a grid it shares a border with",
            )
        if parts_in(left) > parts_in(coverage.rings(coverage.position(self.source))):
            raise Refused(
                "what is left of the giving grid would fall apart",
                code="falls-apart",
                where=Where(feature=self.source),
                remedy="cut the piece off from one side",
            )
        return edited(coverage, {**cut.neighbours, self.source: left, self.target: given}, what="this transfer")

    def _going(self, cut: Cut, getting: Sequence[Lattice]) -> set[int]:
        if self.area:
            going = _within(cut, self.lines)
        elif self.at is not None:
            going = {i for i in cut.severed if _holds(cut.pieces[i], self.at)}
        else:
            halves = _backwards(getting)
            going = {i for i in cut.severed if any(h in halves for r in cut.pieces[i] for h in halves_of(r))}
            if len(going) > 1:
                raise Refused(
                    "both sides of the line lie against the grid that is to get one",
                    code="side-unclear",
                    where=Where(feature=self.source),
                    remedy="say by a point which side is meant",
                )
        if not going or len(going) == len(cut.pieces):
            raise Refused(
                "no piece of the grid lies there, or all of it does",
                code="piece-unclear",
                where=Where(feature=self.source),
                remedy="cut off a part that lies against the other grid; merge to give everything",
            )
        return going


@dataclass(frozen=True, slots=True)
class Dissolve(Reversible):
    """Give a grid up: its parts go to neighbours.

    Each part goes to `into`, or to the neighbour it shares the longest border with (of equals to the one whose id
    comes first); parts without such a neighbour follow the parts they lie against.

    Attributes
    ----------
    grid : str
        What is given up.
    into : str, optional
        Who gets everything.
    lines : tuple of lines
        Along these the grid is cut first, so that each side goes its own way.
    among : tuple of str, optional
        Who may get a part; by default every neighbour.
    """

    grid: str
    into: str | None = None
    lines: tuple[Line, ...] = ()
    among: tuple[str, ...] | None = None

    def apply(self, coverage: Coverage) -> Coverage:
        """Return the coverage without the grid.

        Raises
        ------
        Refused
            A part has no neighbour that may get it.
        NotFound
            There is no such grid.
        """
        face = coverage.position(self.grid)
        if self.into is not None:
            coverage.position(self.into)
        near = {int(s) for e in coverage.around(face) for s in (coverage.left[e], coverage.right[e])} - {face, -1}
        names = sorted(coverage.ids[i] for i in near)
        meant = (self.into,) if self.into is not None else self.among
        allowed = [n for n in names if meant is None or n in meant]
        cut = cut_grid(coverage, self.grid, self.lines) if self.lines else parts_of(coverage, self.grid)
        held = {n: list(cut.neighbours.get(n) or coverage.rings(coverage.position(n))) for n in allowed}
        given = self._given(cut, held)
        grown = {n: joined(rings) for n, rings in given.items() if n in cut.neighbours or len(rings) > len(held[n])}
        return edited(coverage, {**cut.neighbours, **grown, self.grid: []}, what="giving this grid up")

    def _given(self, cut: Cut, held: dict[str, list[Lattice]]) -> dict[str, list[Lattice]]:
        given = {name: list(rings) for name, rings in held.items()}
        left = list(cut.pieces)
        while left:
            nearest = [min(((-_shared_m(p, r), n) for n, r in given.items()), default=(0.0, "")) for p in left]
            if min(nearest)[0] >= 0:
                raise Refused(
                    "a part of this grid has no neighbour that may get it",
                    code="no-neighbour",
                    where=Where(feature=self.grid),
                    remedy="name a neighbour it shares a border with",
                )
            for piece, (metres, name) in zip(left, nearest, strict=True):
                if metres < 0:
                    given[name] += piece
            left = [piece for piece, (metres, _) in zip(left, nearest, strict=True) if metres >= 0]
        return given


def _shared_m(piece: Iterable[Lattice], rings: Iterable[Lattice]) -> float:
    halves = _backwards(rings)
    return length_m(half for ring in piece for half in halves_of(ring) if half in halves)


def _backwards(rings: Iterable[Lattice]) -> set[Segment]:
    return {(b, a) for ring in rings for a, b in halves_of(ring)}


def _within(cut: Cut, lines: Sequence[Line]) -> set[int]:
    """Return the pieces that lie inside closed outlines."""
    around = shapely.build_area(shapely.geometrycollections([shapely.linestrings(line) for line in lines]))
    spots = [shapely.point_on_surface(_shape(piece)) for piece in cut.pieces]
    return {i for i, spot in enumerate(spots) if shapely.contains(around, spot)}


def _holds(piece: Sequence[Lattice], place: Point) -> bool:
    return bool(shapely.covers(_shape(piece), shapely.Point(place)))


def _shape(piece: Sequence[Lattice]) -> Geometry:
    """Return a piece as a polygon in lattice numbers."""
    closed = [shapely.linestrings(np.concatenate([ring, ring[:1]])) for ring in piece]
    return shapely.build_area(shapely.geometrycollections(closed))
