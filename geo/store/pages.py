"""Records in pages: registers of any length read in the memory of one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import and_, select
from sqlalchemy import func as sql

from geo.errors import Refused
from geo.store import schema
from geo.store.assignments import Assignments
from geo.store.encoding import column_name, key_of
from geo.store.records import Records
from geo.store.visibility import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Select

__all__ = ["Pages"]

_SUBJECT_OF = {kind: subject for subject, (_, kind) in SUBJECTS.items()}


class Pages(Records, Assignments):
    """The part of a session that reads records page by page.

    Pages go by `fid`, not by `id`: rows lie on the disk in this order, and so do the assignments made from them. Ids
    are random, and a page of random rows touches nearly every block of a table, read or written.
    """

    def pages(
        self, kind: str, names: Sequence[str], *, size: int, placed_in: str | None = None
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the columns of all rows, a page at a time; see `geo.store.base.Session.pages`."""
        key_of(kind)
        if size < 1:
            raise Refused("a page holds at least one row", code="page-size", remedy="give a larger size")
        table = schema.RECORDS[kind]
        wanted = [table.c[column_name(kind, name)] for name in names]
        query = select(table.c.fid, *wanted).where(self._visible(table, walked=True))
        if placed_in is not None:
            query = self._with_grid(query, kind, placed_in)
        # A function of its own: what is asked wrongly is refused here, not when the first page is taken.
        return self._walked(query, kind, names, size=size, placed=placed_in is not None)

    def _with_grid(self, query: Select[Any], kind: str, generation_id: str) -> Select[Any]:
        """Add, as the last column, the id of the grid in which a generation places each row."""
        self._known_generation(generation_id)
        number, subjects = self._subject(_SUBJECT_OF.get(kind, kind))
        placed, grid = schema.assignments, schema.grids
        generation = placed.c.generation_fid == self._generation_fid(generation_id)
        here = and_(generation, placed.c.subject == number, placed.c.subject_fid == subjects.c.fid)
        joined = subjects.outerjoin(placed, here).outerjoin(grid, grid.c.fid == placed.c.grid_fid)
        return query.select_from(joined).add_columns(sql.coalesce(grid.c.id, ""))

    def _walked(
        self, query: Select[Any], kind: str, names: Sequence[str], *, size: int, placed: bool
    ) -> Iterator[dict[str, NDArray[Any]]]:
        fid, last = schema.RECORDS[kind].c.fid, 0
        ordered = query.order_by(fid).limit(size)
        while rows := self._connection.execute(ordered.where(fid > last)).fetchall():
            last = rows[-1][0]
            page = self._arrays(kind, names, [row[1 : len(names) + 1] for row in rows])
            yield page | ({"grid_id": np.array([row[-1] for row in rows], dtype=object)} if placed else {})
            if len(rows) < size:
                return
