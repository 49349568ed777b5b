"""Which counts a public edition must withhold, so that totals give none of them away.

Counts of 1–4 households or persons are withheld ("<5"); where a sum with all its other parts printed
would reveal one, a further cell is withheld with it (complementary suppression). Staff, Party groups,
anchor households and buildings are never suppressed, and internal papers print true counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from maps.view import CountyView, GridView

__all__ = ["NOTHING", "SMALL", "Mask", "Sum", "Withheld", "county_sums", "printed", "withheld", "withheld_grids"]

SMALL: Final = 5
_RANK_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Sum:
    """A cell that is the sum of other cells, as a reader can reckon it."""

    total: str
    parts: tuple[str, ...]


class Mask(StrEnum):
    """What a public edition does with a cell; only `OPEN` is false."""

    OPEN = ""
    HIDDEN = "hidden"
    VEILED = "veiled"


@dataclass(frozen=True, slots=True)
class Withheld:
    """Cells to withhold; the veiled ones do not even say that they are small."""

    cells: frozenset[str] = frozenset()
    veiled: frozenset[str] = frozenset()

    def __contains__(self, cell: str) -> bool:
        return cell in self.cells

    def of(self, cell: str) -> Mask:
        """Return how a cell is printed."""
        if cell in self.veiled:
            return Mask.VEILED
        return Mask.HIDDEN if cell in self.cells else Mask.OPEN


def printed(count: int, *, mask: Mask) -> str:
    """Return what a public edition prints for a count: itself, "<5" when small, "*" when withheld beside one."""
    if not mask:
        return str(count)
    return f"<{SMALL}" if mask is Mask.HIDDEN and 0 < count < SMALL else "*"


NOTHING: Final = Withheld()


def _bounds(
    counts: Mapping[str, int], hidden: Collection[str], veiled: Collection[str], sums: Sequence[Sum]
) -> dict[str, tuple[float, float]]:
    """Return what a reader can infer of each hidden cell by interval reckoning until nothing narrows."""
    known = {c: (1.0, SMALL - 1.0) if 0 < counts[c] < SMALL and c not in veiled else (0.0, math.inf) for c in hidden}

    def span(cell: str) -> tuple[float, float]:
        return known.get(cell, (float(counts[cell]), float(counts[cell])))

    changed = True
    while changed:
        changed = False
        for one in sums:
            # total - Σ parts = 0: each cell lies within what the others leave.
            terms = [(one.total, 1.0), *((p, -1.0) for p in one.parts)]
            for cell, sign in terms:
                if cell not in known:
                    continue
                others = [tuple(sorted(s * v for v in span(c))) for c, s in terms if c != cell]
                low, high = sum(o[0] for o in others), sum(o[1] for o in others)
                found = (-high, -low) if sign > 0 else (low, high)
                old = known[cell]
                new = (max(old[0], found[0]), min(old[1], found[1]))
                if new != old:
                    known[cell], changed = new, True
    return known


def _determined(hidden: Sequence[str], sums: Sequence[Sum]) -> set[str]:
    """Return the hidden cells that the sums together fix, whatever combination a reader takes."""
    place = {cell: i for i, cell in enumerate(hidden)}
    rows = []
    for one in sums:
        row = np.zeros(len(hidden))
        for cell, sign in [(one.total, 1.0), *((p, -1.0) for p in one.parts)]:
            if cell in place:
                row[place[cell]] += sign
        if row.any():
            rows.append(row)
    if not rows:
        return set()
    _, values, basis = np.linalg.svd(np.array(rows), full_matrices=True)
    free = basis[int((values > _RANK_TOLERANCE).sum()) :]
    loose = np.abs(free).max(axis=0, initial=0.0) > _RANK_TOLERANCE
    return {cell for cell, i in place.items() if not loose[i]}


def _partner(cell: str, counts: Mapping[str, int], hidden: Collection[str], sums: Sequence[Sum]) -> str | None:
    """Return the visible cell to withhold beside `cell`: in its tightest sum, the smallest that is not nought."""
    holding = [(s.total, *s.parts) for s in sums if cell == s.total or cell in s.parts]
    holding.sort(key=lambda cells: (sum(c in hidden for c in cells), len(cells)))
    for cells in holding:
        free = [c for c in cells if c not in hidden and counts[c] > 0]
        if free:
            return min(free, key=lambda c: (counts[c], c))
    return None


def withheld(counts: Mapping[str, int], sums: Iterable[Sum], *, also: Withheld = NOTHING) -> Withheld:
    """Return the cells to withhold so that no count of 1–4 is printed or can be reckoned.

    Parameters
    ----------
    counts : mapping of str to int
        Every cell that would be printed, totals included.
    sums : iterable of Sum
        All sums among those cells; their true counts must agree.
    also : Withheld, keyword
        Cells withheld for another reason, e.g. the persons of a grid whose households are small.

    Notes
    -----
    A reader is taken to know all printed cells, the sums, and that "<5" means 1–4. Both interval
    reckoning and linear combinations are checked. Cells are added until neither pins a small count; where
    none is left to add (four grids of one household each), saying "<5" is itself what tells, and the
    largest such cell is veiled.
    """
    known_sums = [s for s in sums if s.total in counts and all(p in counts for p in s.parts)]
    secret = {c for c, n in counts.items() if 0 < n < SMALL} | (also.cells & counts.keys())
    hidden, veiled = set(secret), set(also.veiled)
    while True:
        spans = _bounds(counts, hidden, veiled, known_sums)
        fixed = _determined(sorted(hidden), known_sums)
        bare = sorted(c for c in secret if c in fixed or spans[c][0] == spans[c][1])
        partner = next((p for p in (_partner(c, counts, hidden, known_sums) for c in bare) if p is not None), None)
        if partner is not None:
            hidden.add(partner)
            continue
        telling = [c for c in bare if c not in veiled]
        if not telling:
            return Withheld(frozenset(hidden), frozenset(veiled))
        veiled.add(max(telling, key=lambda c: (counts[c], c)))


def county_sums(view: CountyView) -> list[Sum]:
    """Return the sums a reader of both versions can reckon: county, towns, communities, lineage."""
    sums = []
    for prefix, grids in (("before", view.before), ("after", view.after)):
        by_community: dict[tuple[str, str], list[str]] = {}
        for grid in grids:
            by_community.setdefault((grid.town, grid.community), []).append(_cell(prefix, grid))
        sums += [Sum(f"community:{t}:{c}", tuple(parts)) for (t, c), parts in by_community.items()]
    pairs = dict.fromkeys((g.town, g.community) for g in view.after or view.before)
    towns = dict.fromkeys(t for t, _ in pairs)
    sums += [Sum(f"town:{t}", tuple(f"community:{u}:{c}" for u, c in pairs if u == t)) for t in towns]
    sums.append(Sum("county", tuple(f"town:{t}" for t in towns)))
    old = {g.id: _cell("before", g) for g in view.before}
    sums += [
        Sum(_cell("after", g), tuple(old[i] for i in g.member_ids))
        for g in view.after
        if g.member_ids and all(i in old for i in g.member_ids)
    ]
    return sums


def _cell(prefix: str, grid: GridView) -> str:
    return f"{prefix}:{grid.id}"


def _county_counts(view: CountyView, name: str) -> dict[str, int]:
    counts = {"county": 0}
    for prefix, grids in (("before", view.before), ("after", view.after)):
        for grid in grids:
            counts[_cell(prefix, grid)] = getattr(grid, name)
    for grid in view.after or view.before:
        for total in (f"community:{grid.town}:{grid.community}", f"town:{grid.town}", "county"):
            counts[total] = counts.get(total, 0) + getattr(grid, name)
    return counts


def _agreeing(counts: Mapping[str, int], sums: Iterable[Sum]) -> list[Sum]:
    """Keep the sums that hold: a split grid's children do not add up to it, and then reveal nothing exactly."""
    return [s for s in sums if s.total in counts and counts[s.total] == sum(counts.get(p, 0) for p in s.parts)]


def withheld_grids(view: CountyView) -> Withheld:
    """Return the cells of a county page to withhold, named ``before:ID``, ``after:ID``, ``town:NAME``, ``county``.

    Households and persons of a cell are withheld together, since either bounds the other.
    """
    sums = county_sums(view)
    hidden = NOTHING
    while True:
        start = hidden
        for name in ("households", "persons"):
            counts = _county_counts(view, name)
            hidden = withheld(counts, _agreeing(counts, sums), also=hidden)
        if hidden == start:
            return hidden
