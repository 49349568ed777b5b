"""Code-and-name history of grids. A code belongs to one grid for ever; a retired one is never reused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from geo.errors import Conflict, NotFound
from geo.store import schema
from geo.store.visibility import Visibility

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from geo.model import Grid
    from geo.store.base import Row

__all__ = ["Codes"]

_HISTORY = ("code", "name", "grid_id", "local", "valid_from", "valid_to", "reason", "filing_no")


class Codes(Visibility):
    """The part of a session that keeps the history of codes and names."""

    def codes(self, code: str) -> list[Row]:
        """History rows of a code or local number, oldest first."""
        return self._history(schema.code_history.c.code == code)

    def code_history(self, grid_id: str) -> list[Row]:
        """History rows of one grid, oldest first."""
        return self._history(schema.code_history.c.grid_id == grid_id)

    def used_codes(self) -> frozenset[str]:
        """Every code ever given in the county, retired ones included."""
        table = schema.code_history
        query = select(table.c.code).where(table.c.county_code == self._county, ~table.c.local).distinct()
        return frozenset(self._connection.execute(query).scalars())

    def _history(self, condition: Any) -> list[Row]:
        table = schema.code_history
        query = select(*(table.c[name] for name in _HISTORY)).where(table.c.county_code == self._county, condition)
        order = (table.c.valid_from, table.c.fid)
        return [dict(row) for row in self._connection.execute(query.order_by(*order)).mappings()]

    def add_code(
        self, grid_id: str, code: str, *, name: str, valid_from: dt.date, reason: str, filing_no: str = ""
    ) -> None:
        """Open a code-and-name history row; see `geo.store.base.Session.add_code`."""
        self._must_write(schema.code_history)
        self._check_code_owners({code: grid_id})
        self._open(grid_id, code, name=name, local=False, valid_from=valid_from, reason=reason, filing_no=filing_no)

    def retire_code(self, grid_id: str, *, valid_to: dt.date, reason: str) -> None:
        """Close the open history row of a grid that ends."""
        table = schema.code_history
        self._must_write(table)
        mine = (table.c.county_code == self._county, table.c.grid_id == grid_id)
        query = table.select().where(*mine).order_by(table.c.valid_from.desc(), table.c.fid.desc()).limit(1)
        last = self._connection.execute(query).mappings().first()
        if last is None:
            raise NotFound(f"grid {grid_id} was never in force")
        if last["valid_to"] not in (None, valid_to):
            raise Conflict(f"the code {last['code']} was retired on {last['valid_to']}", code="code-retired")
        self._check_span(last, valid_to)
        closed = {"valid_to": valid_to, "reason": reason}
        self._connection.execute(update(table).where(table.c.fid == last["fid"]).values(closed))

    def _check_span(self, row: Mapping[Any, Any], valid_to: dt.date) -> None:
        if valid_to < row["valid_from"]:
            raise Conflict(
                f"the code {row['code']} is valid from {row['valid_from']}, after {valid_to}", code="effective-date"
            )

    def _check_code_owners(self, owners: Mapping[str, str]) -> None:
        """Refuse codes that belong, now or formerly, to another grid."""
        table = schema.code_history
        query = select(table.c.code, table.c.grid_id, table.c.valid_to).where(
            table.c.county_code == self._county, ~table.c.local, self._within(table.c.code, owners)
        )
        for code, grid_id, valid_to in self._connection.execute(query):
            if grid_id != owners[code]:
                state = "is another grid's" if valid_to is None else f"was retired on {valid_to}"
                raise Conflict(
                    f"the code {code} {state}",
                    code="code-clash",
                    remedy="retired codes are never reused: take a new serial",
                )

    def _open(
        self, grid_id: str, code: str, *, name: str, local: bool, valid_from: dt.date, reason: str, filing_no: str
    ) -> None:
        table = schema.code_history
        current = next((row for row in self.code_history(grid_id) if row["valid_to"] is None), None)
        here = (table.c.county_code == self._county, table.c.grid_id == grid_id, table.c.valid_to.is_(None))
        if current is not None and (current["code"], current["name"]) == (code, name):
            said = {"reason": reason or current["reason"], "filing_no": filing_no or current["filing_no"]}
            self._connection.execute(update(table).where(*here).values(said))
            return
        if current is not None:
            self._check_span(current, valid_from)
            self._connection.execute(update(table).where(*here).values(valid_to=valid_from))
        row = {"code": code, "name": name, "grid_id": grid_id, "local": local, "valid_from": valid_from}
        words = {"reason": reason, "filing_no": filing_no, "county_code": self._county}
        self._connection.execute(insert(table).values({**row, **words}))

    def _turn_codes(self, grids: Iterable[Grid], effective_from: dt.date) -> None:
        """Bring the history to what a newly active generation says."""
        table = schema.code_history
        words = {grid.id: (grid.code or grid.local_code or "", grid.name, grid.code is None) for grid in grids}
        self._check_code_owners({code: grid_id for grid_id, (code, _, local) in words.items() if not local})
        opened = {row["grid_id"]: row for row in self._history(table.c.valid_to.is_(None))}
        same = {one for one, row in opened.items() if words.get(one, ())[:2] == (row["code"], row["name"])}
        ended = [one for one in opened if one not in same]
        for one in ended:
            self._check_span(opened[one], effective_from)
        here = (table.c.county_code == self._county, table.c.valid_to.is_(None), self._within(table.c.grid_id, ended))
        self._connection.execute(update(table).where(*here).values(valid_to=effective_from))
        span = {
            "county_code": self._county,
            "valid_from": effective_from,
            "valid_to": None,
            "reason": "",
            "filing_no": "",
        }
        fresh = {one: word for one, word in words.items() if one not in same}
        self._insert(
            table,
            [
                {"grid_id": one, "code": code, "name": name, "local": local, **span}
                for one, (code, name, local) in fresh.items()
            ],
        )
