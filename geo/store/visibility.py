"""Whose area: the one condition that every read of personal records carries.

Areas, grids and places are readable by every actor. Households, incidents and people are seen by the community
of their current grid (the active generation's assignment), else by their own community code: when a redraw
moves a household, the right to see it moves in the same transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Table, and_, select
from sqlalchemy import func as sql

from geo.errors import Forbidden
from geo.store import schema
from geo.store.transaction import Transaction, begins_with

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SUBJECTS", "Visibility"]

# Subjects that are placed, with the number under which assignments keep them and the field of their own community.
SUBJECTS: Final = {"household": (1, "households"), "incident": (2, "incidents")}
_COMMUNITY: Final = {
    "households": "community_code",
    "incidents": "community_hint",
    "gridworkers": "community_code",
    "party_groups": "community_code",
    "anchor_households": "community_code",
}
_NUMBER: Final = {table: number for number, table in SUBJECTS.values()}


class Visibility(Transaction):
    """The area filter of a session."""

    def _visible(self, table: Table, *, walked: bool = False) -> ColumnElement[bool]:
        """Return the condition under which the actor sees rows of `table`.

        Of a table `walked` in the order of `fid` the county is looked at row by row, never searched for.
        """
        county = self._carrier.aside(table.c.county_code) if walked else table.c.county_code
        mine = county == self._county
        field = _COMMUNITY.get(table.name)
        if field is None or self._sees_county:
            return mine
        own = table.c[field]
        community = sql.coalesce(self._current_community(table), own) if table.name in _NUMBER else own
        return and_(mine, begins_with(community, self.actor.areas))

    def _current_community(self, table: Table) -> Any:
        placed, grid = schema.assignments, schema.grids
        return (
            select(grid.c.community_code)
            .join(placed, placed.c.grid_fid == grid.c.fid)
            .where(
                placed.c.generation_fid == self._active_fid(),
                placed.c.subject == _NUMBER[table.name],
                placed.c.subject_fid == table.c.fid,
            )
            .correlate(table)
            .scalar_subquery()
        )

    def _must_see(self, table: Table, communities: Iterable[str]) -> None:
        """Refuse to write records of people outside the actor's areas."""
        if table.name in _COMMUNITY and not self._sees_county and not all(map(self.actor.sees, communities)):
            raise Forbidden("a record lies outside the areas of this account", code="outside-areas")

    def _community_field(self, table: Table) -> str | None:
        return _COMMUNITY.get(table.name)
