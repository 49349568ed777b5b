"""Scores placements against a known truth, and explains every row that differs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import Refused, Where
from geo.formats.numerals import community_key, grid_key
from geo.model import Generation, Grid, GridKind
from geo.services.placement import household_places
from geo.services.published import PublishedCoverage, load_coverage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geo.store.base import Session

__all__ = ["Score", "read_truth", "score_households", "score_incidents", "truth_key"]

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Score:
    """Share of rows placed as the truth says, of all rows that have a truth.

    Attributes
    ----------
    compared : int
        Rows with a truth; those that could not be placed count as not matching.
    without_place : int
        Of them, rows that could not be placed.
    differing : tuple
        The first rows that do not match, each with the reason.
    """

    compared: int
    matching: int
    without_place: int
    differing: tuple[Mapping[str, Any], ...]

    @property
    def share(self) -> float:
        """Matching over compared, 1.0 where nothing could be compared."""
        return self.matching / self.compared if self.compared else 1.0


def truth_key(text: str) -> tuple[str, int]:
    """Return (community, number) of a truth key such as 黎明社区/3."""
    community, _, number = text.rpartition("/")
    return community_key(community), grid_key(number)[1] or 0


def read_truth(path: Path, *, key: str) -> dict[str, str]:
    """Read a truth table: source key → grid key ("" outside).

    Raises
    ------
    Refused
        The columns are missing.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {key, "grid"} <= set(reader.fieldnames or ()):
            raise Refused("a truth table needs the columns of key and grid", where=Where(file=path.name))
        return {row[key]: row["grid"] for row in reader}


def score_households(session: Session, generation: Generation, truth: Mapping[str, str]) -> Score:
    """Compare the placement of every household with the truth."""
    places = household_places(session)
    keys = session.columns("households", ("source_key",))["source_key"]
    return _score(
        session, generation, "household", truth, dict(zip(places.ids, keys, strict=True)), places.lon, places.lat
    )


def score_incidents(session: Session, generation: Generation, truth: Mapping[str, str]) -> Score:
    """Compare the placement of every incident with the truth (outside counts as a place)."""
    table = session.columns("incidents", ("id", "source_key", "lon", "lat"))
    keys = dict(zip(table["id"], table["source_key"], strict=True))
    return _score(session, generation, "incident", truth, keys, table["lon"], table["lat"])


def _score(
    session: Session,
    generation: Generation,
    subject: str,
    truth: Mapping[str, str],
    keys: Mapping[str, str],
    lon: Any,
    lat: Any,
) -> Score:
    cover = load_coverage(session, generation)
    named = _names(session, cover)
    told = session.assignments(generation.id, subject)
    where = dict(zip(keys, zip(lon, lat, strict=True), strict=True))
    compared = matching = without = 0
    differing: list[dict[str, Any]] = []
    for subject_id, grid, basis in zip(told["subject_id"], told["grid_id"], told["basis"], strict=True):
        expected = truth.get(keys[subject_id])
        if expected is None:
            continue
        compared += 1
        without += basis == "unplaced"
        if basis != "unplaced" and (named[grid] if grid else ("", 0)) == (truth_key(expected) if expected else ("", 0)):
            matching += 1
        elif len(differing) < _SHOWN:
            differing.append(_explain(cover, keys[subject_id], where[subject_id], basis, expected, named.get(grid)))
    return Score(compared, matching, without, tuple(differing))


def _names(session: Session, cover: PublishedCoverage) -> dict[str, tuple[str, int]]:
    areas = {a.code: community_key(a.name) for a in session.areas()}

    def name(grid: Grid) -> tuple[str, int]:
        return areas.get(grid.community_code, ""), grid_key(grid.local_code or grid.name)[1] or 0

    return {g.id: name(g) for g in session.grids(cover.generation.id, GridKind.BASE)}


def _explain(
    cover: PublishedCoverage,
    key: str,
    place: tuple[float, float],
    basis: str,
    expected: str,
    found: tuple[str, int] | None,
) -> dict[str, Any]:
    lon, lat = place
    if not (np.isfinite(lon) and np.isfinite(lat)):
        return {
            "key": key,
            "expected": expected,
            "found": _shown(found),
            "basis": basis,
            "why": "no point, and an address that means no one grid",
        }
    near = cover.base_index.locate(float(lon), float(lat), accuracy_m=None)
    distance = near.distance_to_boundary_m
    why = "recorded place lies this far from the boundary as drawn and repaired"
    return {
        "key": key,
        "expected": expected or "outside",
        "found": _shown(found),
        "basis": basis,
        "boundary_m": None if distance is None else round(distance, 2),
        "why": why,
    }


def _shown(found: tuple[str, int] | None) -> str:
    return f"{found[0]}/{found[1]}" if found else "outside"
