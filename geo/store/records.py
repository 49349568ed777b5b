"""Records of `KINDS`: upsert by key, rows, columns and counts, all under the actor's filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, Table, and_, select
from sqlalchemy import func as sql

from geo.errors import Refused, Where
from geo.model import Area, AreaKind
from geo.store import schema
from geo.store.base import FIELDS, Upserted
from geo.store.encoding import column_array, column_name, encode_columns, key_of, row_dicts
from geo.store.shapes import body_offset
from geo.store.transaction import plain
from geo.store.visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Select

    from geo.store.base import Row

__all__ = ["Records"]


class Records(Visibility):
    """The part of a session that keeps records."""

    # -- writing -------------------------------------------------------------------------------
    def upsert(self, kind: str, rows: Iterable[Mapping[str, Any]]) -> Upserted:
        """Insert or update rows by (county_code, key); see `geo.store.base.Session.upsert`."""
        listed, key = list(rows), key_of(kind)
        table = schema.RECORDS[kind]
        self._must_write(table)
        stored = encode_columns(kind, listed)
        self._check_keys(key, stored[key])
        self._check_county(listed, stored[key])
        self._check_visible(table, stored)
        known = self._known(table, key, stored[key], tuple(stored))
        fresh, changed = self._sorted(listed, stored, known, key=key)
        self._insert(table, fresh)
        if changed:
            self._carrier.update(self._connection, table, changed)
        return Upserted(len(fresh), len(changed), len(listed) - len(fresh) - len(changed))

    def _check_keys(self, key: str, keys: Sequence[str]) -> None:
        if len(set(keys)) == len(keys) and "" not in keys:
            return
        seen: set[str] = set()
        for word in keys:
            if word in seen or not word:
                what = f"the {key} comes twice" if word else f"a row has no {key}"
                raise Refused(what, code="key-doubled", where=Where(feature=word or None), remedy="make keys unique")
            seen.add(word)

    def _check_county(self, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
        for row, key in zip(rows, keys, strict=True):
            if row.get("county_code", self._county) != self._county:
                raise Refused(
                    f"the row belongs to another county than {self._county}",
                    code="other-county",
                    where=Where(feature=key),
                    remedy="open that county's store",
                )

    def _check_visible(self, table: Table, stored: Mapping[str, list[Any]]) -> None:
        field = self._community_field(table)
        if field is not None:
            self._must_see(table, stored[field])

    def _known(self, table: Table, key: str, keys: Sequence[str], names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        """Return key → (fid, values of `names`) of the rows already stored."""
        place = names.index(key) + 1
        query = select(table.c.fid, *(table.c[name] for name in names)).where(
            table.c.county_code == self._county, self._within(table.c[key], keys)
        )
        known = {row[place]: tuple(row) for row in self._connection.execute(query)}
        field = self._community_field(table)
        if field is not None and known and not self._sees_county:
            shown = select(table.c[key]).where(self._visible(table), self._within(table.c[key], list(known)))
            hidden = set(known) - set(self._connection.execute(shown).scalars())
            self._must_see(table, [""] if hidden else [])
        return known

    def _sorted(
        self,
        rows: Sequence[Mapping[str, Any]],
        stored: Mapping[str, list[Any]],
        known: Mapping[str, tuple[Any, ...]],
        *,
        key: str,
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Split rows into those to insert and those to update; equal ones fall out."""
        names = tuple(stored)
        geom = names.index("geom") if "geom" in names else None
        fresh: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        for row, values in zip(rows, zip(*stored.values(), strict=True), strict=True):
            former = known.get(values[names.index(key)])
            if former is None:
                identity = {"id": row.get("id") or self._new_id(), "county_code": self._county}
                fresh.append({**identity, **dict(zip(names, values, strict=True))})
            elif not _same(former[1:], values, geom):
                changed.append({"fid": former[0], **dict(zip(names, values, strict=True))})
        return fresh, changed

    # -- reading -------------------------------------------------------------------------------
    def rows(
        self,
        kind: str,
        *,
        where: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Return rows as dicts; see `geo.store.base.Session.rows`."""
        key_of(kind)
        names = tuple(columns) if columns is not None else FIELDS[kind]
        query = self._filtered(kind, names, where).order_by(*self._order(kind, order_by))
        if limit is not None:
            query = query.limit(limit)
        if offset:
            query = query.offset(offset)
        return row_dicts(kind, names, self._connection.execute(query).fetchall())

    def columns(
        self, kind: str, names: Sequence[str], *, where: Mapping[str, Any] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return columns as arrays ordered by id; see `geo.store.base.Session.columns`."""
        key_of(kind)
        table = schema.RECORDS[kind]
        query = self._filtered(kind, tuple(names), where).order_by(table.c.id)
        return self._arrays(kind, names, self._connection.execute(query).fetchall())

    def _arrays(self, kind: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Return rows of fields as columns."""
        table = schema.RECORDS[kind]
        lists: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ([] for _ in names)
        return {
            name: column_array(kind, name, table.c[column_name(kind, name)], values)
            for name, values in zip(names, lists, strict=True)
        }

    def count(self, kind: str, *, where: Mapping[str, Any] | None = None) -> int:
        """Count the rows that `rows` would list."""
        key_of(kind)
        table = schema.RECORDS[kind]
        query = select(sql.count()).select_from(table).where(self._condition(kind, where))
        return int(self._connection.execute(query).scalar_one())

    def areas(self) -> list[Area]:
        """All areas of the county, by code."""
        return [Area(**{**row, "kind": AreaKind(row["kind"])}) for row in self.rows("areas", order_by=("code",))]

    def _filtered(self, kind: str, names: Sequence[str], where: Mapping[str, Any] | None) -> Select[Any]:
        table = schema.RECORDS[kind]
        return select(*(table.c[column_name(kind, name)] for name in names)).where(self._condition(kind, where))

    def _order(self, kind: str, names: Sequence[str]) -> list[Any]:
        table = schema.RECORDS[kind]
        order: list[Any] = []
        for name in names:
            column = table.c[column_name(kind, name.removeprefix("-"))]
            order.append(column.desc() if name.startswith("-") else column.asc())
        return [*order, table.c.id]

    def _condition(self, kind: str, where: Mapping[str, Any] | None) -> ColumnElement[bool]:
        table = schema.RECORDS[kind]
        asked = [self._equals(table.c[column_name(kind, name)], value) for name, value in (where or {}).items()]
        return and_(self._visible(table), *asked)

    def _equals(self, column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
        if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
            return self._within(column, list(value))
        return column.is_(None) if value is None else column == plain(value)


def _same(former: Sequence[Any], values: Sequence[Any], geom: int | None) -> bool:
    """Tell whether two stored rows are equal; of geometries the coordinates count, not the header."""
    if former == values:
        return True
    if geom is None or former[:geom] != values[:geom] or former[geom + 1 :] != values[geom + 1 :]:
        return False
    one, other = former[geom], values[geom]
    return one is not None and other is not None and one[body_offset(one) :] == other[body_offset(other) :]
