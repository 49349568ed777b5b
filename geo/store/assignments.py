"""Assignments: which grid each household or incident lies in, generation by generation, as integer columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import ColumnElement, Table, and_, delete, select
from sqlalchemy import func as sql

from geo.errors import Refused, Where
from geo.model import GenerationState
from geo.store import schema
from geo.store.generations import Generations
from geo.store.visibility import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Select

    from geo.store.base import AssignmentColumns

__all__ = ["Assignments"]

_Placed = tuple[int | None, str, str]

# A range of fids is read whole where it holds at most so many times the rows wanted.
_LOOSE: Final = 3


class _Seen:
    """Which subjects came already: one bit each, by fid."""

    def __init__(self) -> None:
        self._bits = np.zeros(1, dtype=np.uint8)

    def add(self, fids: Iterable[int]) -> None:
        """Note subjects, none of them twice in one call; one noted before is refused."""
        numbers = np.fromiter(fids, dtype=np.int64)
        place, bit = numbers >> 3, np.left_shift(1, numbers & 7).astype(np.uint8)
        if place.max() >= len(self._bits):
            self._bits = np.pad(self._bits, (0, int(place.max()) + 1))
        if (self._bits[place] & bit).any():
            raise _doubled()
        np.bitwise_or.at(self._bits, place, bit)


class Assignments(Generations):
    """The part of a session that keeps assignments."""

    def put_assignments(self, generation_id: str, subject: str, pages: Iterable[AssignmentColumns]) -> None:
        """Write the assignments of one subject; see `geo.store.base.Session.put_assignments`."""
        self._must_write(schema.assignments)
        generation = self._known_generation(generation_id)
        number, subjects = self._subject(subject)
        owner = {"county_code": self._county, "generation_fid": self._generation_fid(generation_id), "subject": number}
        fresh = generation.state is GenerationState.INACTIVE
        if fresh:
            self._forget(owner)
        grids: dict[str, int | None] = {"": None, **self._grid_fids(generation_id)}
        seen, last = _Seen(), 0
        for columns in pages:
            if not len(columns.subject_id):
                continue
            placed = self._resolved(subjects, columns, grids, after=last)
            seen.add(placed)
            last = next(reversed(placed))
            rows = placed if fresh else self._changed(owner, placed)
            self._insert(schema.assignments, [{**owner, **_row(fid, place)} for fid, place in rows.items()])

    def _subject(self, subject: str) -> tuple[int, Table]:
        if subject not in SUBJECTS:
            raise Refused(
                f"{subject!r} cannot be assigned", code="subject-unknown", remedy=f"use {' or '.join(SUBJECTS)}"
            )
        number, kind = SUBJECTS[subject]
        return number, schema.RECORDS[kind]

    def _generation_fid(self, generation_id: str) -> int:
        table = schema.generations
        query = select(table.c.fid).where(table.c.id == generation_id, table.c.county_code == self._county)
        return int(self._connection.execute(query).scalar_one())

    def _resolved(
        self, subjects: Table, columns: AssignmentColumns, grids: Mapping[str, int | None], *, after: int
    ) -> dict[int, _Placed]:
        """Return subject fid → (grid fid, exclusive ids, basis) of one page, in order of fid."""
        fids = self._subject_fids(subjects, columns.subject_id, after=after)
        _check_ids("subject", columns.subject_id, fids)
        _check_ids("grid", dict.fromkeys(columns.grid_id), grids)
        _check_ids("exclusive grid", {one for ids in set(columns.exclusive_ids) for one in ids.split()}, grids)
        rows = zip(columns.subject_id, columns.grid_id, columns.exclusive_ids, columns.basis, strict=True)
        found = {fids[one]: (grids[grid], str(exclusive), str(basis)) for one, grid, exclusive, basis in rows}
        if len(found) < len(columns.subject_id):
            raise _doubled()
        return dict(sorted(found.items()))

    def _subject_fids(self, subjects: Table, ids: Sequence[str], *, after: int) -> dict[str, int]:
        """Return id → fid at least of those of `ids` that the actor sees.

        Pages made by walking the table come in its order: their rows are the next ones after the page before, read
        ten times as fast in one go as looked up one by one.
        """
        query = select(subjects.c.id, subjects.c.fid).where(self._visible(subjects, walked=True))
        following = query.where(subjects.c.fid > after).order_by(subjects.c.fid).limit(len(ids))
        fids: dict[str, int] = {row[0]: row[1] for row in self._connection.execute(following)}
        rest = [one for one in ids if one not in fids]
        if rest:
            asked = query.where(self._within(subjects.c.id, rest))
            fids.update((row[0], row[1]) for row in self._connection.execute(asked))
        return fids

    def _of(self, owner: dict[str, Any]) -> ColumnElement[bool]:
        table = schema.assignments
        return and_(table.c.generation_fid == owner["generation_fid"], table.c.subject == owner["subject"])

    def _forget(self, owner: dict[str, Any]) -> None:
        self._connection.execute(delete(schema.assignments).where(self._of(owner)))

    def _about(self, table: Table, placed: Mapping[int, _Placed]) -> ColumnElement[bool]:
        """Return the condition for the rows of these subjects, and some others where that is one range of fids."""
        first, last = min(placed), max(placed)
        if last - first < _LOOSE * len(placed):
            return table.c.subject_fid.between(first, last)
        return self._within(table.c.subject_fid, placed)

    def _changed(self, owner: dict[str, Any], placed: dict[int, _Placed]) -> dict[int, _Placed]:
        """Move replaced rows into the history; return the rows that are new or differ."""
        table, former = schema.assignments, schema.assignments_former
        names = ("subject_fid", "grid_fid", "exclusive_ids", "basis")
        query = select(*(table.c[name] for name in names)).where(self._of(owner), self._about(table, placed))
        stored = {row[0]: tuple(row[1:]) for row in self._connection.execute(query)}
        changed = {fid: place for fid, place in placed.items() if stored.get(fid) != place}
        replaced = [fid for fid in changed if fid in stored]
        if replaced:
            at = {"replaced_at": self._now()}
            self._insert(former, [{**owner, **_row(fid, stored[fid]), **at} for fid in replaced])
            gone = and_(self._of(owner), self._within(table.c.subject_fid, replaced))
            self._connection.execute(delete(table).where(gone))
        return changed

    def assignments(self, generation_id: str, subject: str) -> dict[str, NDArray[Any]]:
        """Columns subject_id, grid_id, exclusive_ids, basis, ordered by subject_id."""
        self._known_generation(generation_id)
        _, subjects = self._subject(subject)
        table, grid = schema.assignments, schema.grids
        wanted = (subjects.c.id, sql.coalesce(grid.c.id, ""), table.c.exclusive_ids, table.c.basis)
        query = self._joined(generation_id, subject, wanted).order_by(subjects.c.id)
        rows = self._connection.execute(query).fetchall()
        names = ("subject_id", "grid_id", "exclusive_ids", "basis")
        lists: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ((), (), (), ())
        return {name: _objects(values) for name, values in zip(names, lists, strict=True)}

    def assignment_counts(self, generation_id: str, subject: str) -> dict[str, int]:
        """Rows per grid_id ("" = outside or unplaced) among the subjects the actor sees."""
        self._known_generation(generation_id)
        grid_id = sql.coalesce(schema.grids.c.id, "")
        query = self._joined(generation_id, subject, (grid_id, sql.count())).group_by(grid_id).order_by(grid_id)
        return {row[0]: int(row[1]) for row in self._connection.execute(query)}

    def _joined(self, generation_id: str, subject: str, wanted: Sequence[Any]) -> Select[Any]:
        number, subjects = self._subject(subject)
        table, grid = schema.assignments, schema.grids
        return (
            select(*wanted)
            .select_from(table)
            .join(subjects, subjects.c.fid == table.c.subject_fid)
            .outerjoin(grid, grid.c.fid == table.c.grid_fid)
            .where(table.c.generation_fid == self._generation_fid(generation_id), table.c.subject == number)
            .where(self._visible(subjects))
        )


def _doubled() -> Refused:
    return Refused("a subject comes twice", code="key-doubled", remedy="give one row for each subject")


def _row(fid: int, place: _Placed) -> dict[str, Any]:
    return {"subject_fid": fid, "grid_fid": place[0], "exclusive_ids": place[1], "basis": place[2]}


def _check_ids(what: str, ids: Iterable[str], known: Mapping[str, Any]) -> None:
    unknown = next((one for one in ids if one not in known), None)
    if unknown is not None:
        raise Refused(f"there is no {what} {unknown}", code="id-unknown", where=Where(feature=str(unknown)))


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
