"""What a grid carries: placed resident households and the other counts that a merge may balance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from geo.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geo.model import Generation, Grid
    from geo.store.base import Session

__all__ = ["LOADS", "grid_loads", "household_table"]

# Load words a planner may choose; each is a column of `household_table`.
LOADS: Final = ("households", "persons", "elderly", "registered", "incidents")


def household_table(session: Session, generation: Generation) -> dict[str, NDArray[np.float64] | NDArray[np.object_]]:
    """Return per household: grid id ("" where unplaced), resident flag, persons, elderly; ordered by id."""
    told = session.assignments(generation.id, "household")
    facts = session.columns("households", ("id", "resident", "persons", "elderly", "community_code"))
    grid_of = dict(zip(told["subject_id"], told["grid_id"], strict=True))
    return {
        "grid": np.array([grid_of.get(h, "") for h in facts["id"]], dtype=object),
        "resident": facts["resident"].astype(np.float64),
        "persons": facts["persons"].astype(np.float64),
        "elderly": facts["elderly"].astype(np.float64),
        "community": facts["community_code"],
    }


def grid_loads(
    session: Session, generation: Generation, grids: Sequence[Grid], *, weights: Mapping[str, float] | None = None
) -> NDArray[np.float64]:
    """Return the load of each grid, a weighted sum of counts; resident households (常住户数) by default.

    Parameters
    ----------
    weights : mapping, optional
        Load word → weight, e.g. ``{"households": 1, "elderly": 0.5}``.

    Raises
    ------
    Refused
        A word is no load.
    """
    chosen = weights or {"households": 1.0}
    unknown = set(chosen) - set(LOADS)
    if unknown:
        raise Refused(f"{min(unknown)!r} is no load", remedy=f"loads: {', '.join(LOADS)}")
    position = {g.id: i for i, g in enumerate(grids)}
    total = np.zeros(len(grids), dtype=np.float64)
    table = household_table(session, generation)
    rows = np.array([position.get(g, -1) for g in table["grid"]], dtype=np.int64)
    held = rows >= 0
    lives = np.asarray(table["resident"], dtype=np.float64)
    columns = {
        "households": lives,
        "persons": np.asarray(table["persons"], dtype=np.float64) * lives,
        "elderly": np.asarray(table["elderly"], dtype=np.float64) * lives,
        "registered": np.ones(len(rows)),
    }
    for word, column in columns.items():
        if word in chosen:
            total += chosen[word] * np.bincount(rows[held], weights=column[held], minlength=len(grids))
    if "incidents" in chosen:
        counts = session.assignment_counts(generation.id, "incident")
        total += chosen["incidents"] * np.array([counts.get(g.id, 0) for g in grids], dtype=np.float64)
    return total
