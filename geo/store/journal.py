"""The hash-chained journal: each entry carries the hash of the one before it, from the first row on.

The hash is SHA-256 over the canonical JSON (sorted keys, no blanks, UTF-8) of all fields and the previous hash.
Whoever changes, removes, inserts or exchanges an entry breaks the chain at that serial; the head is kept apart, so
that a cut tail shows too. A chain rebuilt whole is seen by a head hash written down elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from geo.errors import Conflict, Refused
from geo.store import schema
from geo.store.base import JournalEntry
from geo.store.shapes import instant
from geo.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

__all__ = ["GENESIS", "Journal", "canonical", "entry_hash"]

GENESIS: Final = "0" * 64
_FIELDS: Final = ("serial", "at", "actor", "action", "subject", "result", "detail", "previous_hash", "hash")
_PERSONAL_KEYS: Final = {
    "person",
    "phone",
    "mobile",
    "id_number",
    "id_card",
    "resident_name",
    "姓名",
    "电话",
    "手机",
    "身份证",
    "身份证号",
}
# Mobile and document numbers standing alone; parts of a UUID or of a longer code do not count.
_PERSONAL_VALUE: Final = re.compile(r"(?<![0-9A-Za-z-])(1[3-9]\d{9}|\d{17}[\dXx])(?![0-9A-Za-z-])")
_CHUNK: Final = 2000


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no blanks, characters as they are, no NaN."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def entry_hash(county_code: str, row: Mapping[str, Any] | RowMapping) -> str:
    """Return the SHA-256 of an entry as stored (`detail` as its canonical text, `at` as its text)."""
    content = {name: row[name] for name in _FIELDS if name != "hash"}
    return hashlib.sha256(canonical({**content, "county_code": county_code}).encode()).hexdigest()


class Journal(Transaction):
    """The part of a session that keeps the journal."""

    def note(
        self, action: str, subject: str, *, result: str = "done", detail: Mapping[str, Any] | None = None
    ) -> JournalEntry:
        """Append an entry in this transaction; see `geo.store.base.Session.note`."""
        self._must_write(schema.journal)
        serial, previous = self._head()
        row = {
            "serial": serial + 1,
            "at": f"{instant(self._now()):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "actor": self.actor.name,
            "action": action,
            "subject": subject,
            "result": result,
            "detail": _detail_text(detail or {}),
            "previous_hash": previous,
        }
        for word in (action, subject, result):
            _refuse_personal(word)
        row["hash"] = entry_hash(self._county, row)
        self._connection.execute(insert(schema.journal).values({**row, "county_code": self._county}))
        self._move_head(row)
        return _entry(row)

    def _head(self) -> tuple[int, str]:
        table = schema.journal_heads
        found = self._connection.execute(table.select().where(table.c.county_code == self._county)).first()
        return (found.serial, found.hash) if found else (0, GENESIS)

    def _move_head(self, row: Mapping[str, Any]) -> None:
        table = schema.journal_heads
        head = {"serial": row["serial"], "hash": row["hash"]}
        # The condition keeps the chain unforked even where two writers came past the lock.
        moved = self._connection.execute(
            update(table).where(table.c.county_code == self._county, table.c.hash == row["previous_hash"]).values(head)
        )
        if row["serial"] == 1:
            self._connection.execute(insert(table).values({**head, "county_code": self._county}))
        elif moved.rowcount != 1:
            raise Conflict("the journal has moved on", remedy="try again")

    def journal(self, *, after: int = 0, limit: int = 1000) -> list[JournalEntry]:
        """Entries with serial > `after`."""
        return [_entry(row) for row in self._stored_entries(after, limit)]

    def _stored_entries(self, after: int, limit: int) -> Sequence[RowMapping]:
        table = schema.journal
        query = select(*(table.c[name] for name in _FIELDS))
        query = query.where(table.c.county_code == self._county, table.c.serial > after)
        return self._connection.execute(query.order_by(table.c.serial).limit(limit)).mappings().all()

    def verify(self) -> tuple[int, str]:
        """Recompute the chain; return (entries, head hash).

        Raises
        ------
        Conflict
            The first serial whose entry is missing, changed, exchanged or cut off.
        """
        serial, previous = 0, GENESIS
        while rows := self._stored_entries(serial, _CHUNK):
            for row in rows:
                if row["serial"] != serial + 1:
                    raise _broken(serial + 1, "is missing")
                if row["previous_hash"] != previous or entry_hash(self._county, row) != row["hash"]:
                    raise _broken(serial + 1, "was changed")
                serial, previous = row["serial"], row["hash"]
        if self._head() != (serial, previous):
            raise _broken(serial + 1, "is missing or the head was changed")
        return serial, previous


def _broken(serial: int, what: str) -> Conflict:
    return Conflict(
        f"the journal is broken at entry {serial}: it {what}",
        code="journal-broken",
        remedy="compare with a backup and with the head hash on earlier papers",
    )


def _detail_text(detail: Mapping[str, Any]) -> str:
    _refuse_personal(detail)
    try:
        return canonical(dict(detail))
    except (TypeError, ValueError) as error:
        raise Refused("the journal keeps JSON only", code="bad-value") from error


def _refuse_personal(value: Any) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).lower() in _PERSONAL_KEYS:
                raise Refused(f"the journal keeps no personal values (field {key})", code="personal-value")
            _refuse_personal(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_personal(inner)
    elif isinstance(value, str) and _PERSONAL_VALUE.search(value):
        raise Refused("the journal keeps no personal values (a phone or document number)", code="personal-value")


def _entry(row: Mapping[str, Any] | RowMapping) -> JournalEntry:
    words = {name: row[name] for name in _FIELDS if name not in {"at", "detail"}}
    return JournalEntry(**words, at=dt.datetime.fromisoformat(row["at"]), detail=json.loads(row["detail"]))
