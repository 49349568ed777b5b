"""Provenance: which files were applied, with hash, datum, encoding, counts and raw rows."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from geo.errors import NotFound, Refused
from geo.store import schema
from geo.store.base import ImportRecord
from geo.store.transaction import Transaction

if TYPE_CHECKING:
    from geo.store.base import Row

__all__ = ["Provenance"]

_WORDS = tuple(field.name for field in fields(ImportRecord) if field.name != "raw_rows")


class Provenance(Transaction):
    """The part of a session that keeps provenance."""

    def record_import(self, record: ImportRecord) -> None:
        """Keep provenance (file hash, datum, encoding, counts, raw rows without personal columns)."""
        self._must_write(schema.imports)
        if record.county_code != self._county:
            raise Refused(f"the import belongs to {record.county_code}, the store to {self._county}")
        lines = json.dumps([dict(row) for row in record.raw_rows], ensure_ascii=False, default=str)
        words = {name: getattr(record, name) for name in _WORDS}
        kept = {"applied_at": self._now(), "applied_by": self.actor.name, "raw_rows": zlib.compress(lines.encode(), 1)}
        self._connection.execute(insert(schema.imports).values({**words, **kept}))

    def imports(self) -> list[ImportRecord]:
        """Provenance of all applied files, oldest first; `raw_rows` is left empty."""
        table = schema.imports
        query = select(*(table.c[name] for name in _WORDS)).where(table.c.county_code == self._county)
        return [ImportRecord(**row) for row in self._connection.execute(query.order_by(table.c.fid)).mappings()]

    def import_rows(self, import_id: str) -> list[Row]:
        """Raw rows kept with one import; `NotFound` unless the actor sees the whole county."""
        table = schema.imports
        query = select(table.c.raw_rows).where(table.c.county_code == self._county, table.c.id == import_id)
        found = self._connection.execute(query).scalar() if self._sees_county else None
        if found is None:
            raise NotFound(f"there is no import {import_id}")
        rows: list[Row] = json.loads(zlib.decompress(bytes(found)))
        return rows
