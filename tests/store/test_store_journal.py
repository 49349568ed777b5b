"""The journal shows any later change: one byte, a removed, inserted, exchanged or cut entry."""

from __future__ import annotations

import itertools
import random
import threading

import pytest

from geo.errors import Conflict, Refused
from geo.store.journal import GENESIS, canonical

ENTRIES = 12
GUARDS = {
    "gpkg": ["DROP TRIGGER journal_kept_update", "DROP TRIGGER journal_kept_delete"],
    "postgis": ["DROP TRIGGER journal_guard ON journal"],
}


@pytest.fixture
def noted(store, planner):
    with store.writing(planner) as session:
        for n in range(ENTRIES):
            session.note("import", f"file-{n}", detail={"rows": n, "文件": "住户"})
        session.commit()
    return store


def tamper(place, store, planner, *statements):
    """Change the stored rows as somebody with the database in hands would, guards taken away first."""
    with store.writing(planner) as session:
        for statement in (*GUARDS[place.engine], *statements):
            session._connection.exec_driver_sql(statement)
        session.commit()


def broken_at(store):
    with pytest.raises(Conflict) as caught:
        store.verify_journal()
    assert caught.value.code == "journal-broken"
    return int(caught.value.message.split("entry ")[1].split(":")[0])


def test_entries_are_chained_and_read_back(noted, planner):
    with noted.reading(planner) as session:
        entries = session.journal()
        assert session.journal(after=10, limit=1)[0].serial == 11
    assert [entry.serial for entry in entries] == list(range(1, ENTRIES + 1))
    assert entries[0].previous_hash == GENESIS
    assert all(one.hash == two.previous_hash for one, two in itertools.pairwise(entries))
    assert entries[3].detail == {"rows": 3, "文件": "住户"}
    assert (entries[3].actor, entries[3].action, entries[3].result) == ("local", "import", "done")
    assert entries[3].at.isoformat() == "2026-03-01T08:00:00.123000+00:00"
    assert noted.verify_journal() == (ENTRIES, entries[-1].hash)


def test_an_empty_journal_verifies(store):
    assert store.verify_journal() == (0, GENESIS)


@pytest.mark.parametrize("column", ["at", "actor", "action", "subject", "result", "detail", "previous_hash", "hash"])
def test_one_changed_character_is_found(place, noted, planner, column):
    rng = random.Random(column)
    with noted.reading(planner) as session:
        query = f"SELECT {column} FROM journal WHERE serial = 5"  # noqa: S608
        text = session._connection.exec_driver_sql(query).scalar()
    spot = rng.randrange(len(text))
    other = text[:spot] + chr(ord(text[spot]) ^ 1) + text[spot + 1 :]
    tamper(place, noted, planner, f"UPDATE journal SET {column} = '{other}' WHERE serial = 5")  # noqa: S608
    assert broken_at(noted) == 5


@pytest.mark.parametrize(
    ("statements", "serial"),
    [
        (["DELETE FROM journal WHERE serial = 7"], 7),
        (["DELETE FROM journal WHERE serial = 1"], 1),
        (["DELETE FROM journal WHERE serial = 12"], 12),
        (["UPDATE journal SET serial = 70 WHERE serial = 7"], 7),
        (
            [
                "UPDATE journal SET serial = 99 WHERE serial = 3",
                "UPDATE journal SET serial = 3 WHERE serial = 4",
                "UPDATE journal SET serial = 4 WHERE serial = 99",
            ],
            3,
        ),
        (["UPDATE journal_heads SET serial = 11"], 13),
    ],
)
def test_removed_and_exchanged_entries_are_found(place, noted, planner, statements, serial):
    tamper(place, noted, planner, *statements)
    assert broken_at(noted) == serial


def test_an_inserted_entry_is_found(place, noted, planner):
    names = "county_code, at, actor, action, subject, result, detail, previous_hash, hash"
    copy = f"INSERT INTO journal (serial, {names}) SELECT 13, {names} FROM journal WHERE serial = 12"  # noqa: S608
    tamper(place, noted, planner, copy)
    assert broken_at(noted) == 13


@pytest.mark.parametrize(
    "detail",
    [
        {"phone": "x"},
        {"rows": [{"姓名": "x"}]},
        {"said": "call 13812345678 now"},
        {"said": ["230724199001011234"]},
        {"gap": float("nan")},
        {"when": object()},
    ],
)
def test_personal_values_and_what_is_no_json_are_refused(store, planner, detail):
    with store.writing(planner) as session:
        with pytest.raises(Refused):
            session.note("import", "file", detail=detail)
        assert session.journal() == []


def test_codes_and_ids_are_no_personal_values(store, planner):
    with store.writing(planner) as session:
        detail = {"code": "230724100001001", "id": "00000000-0000-4000-8000-013812345678", "share": 0.1 + 0.2}
        assert session.note("code", "230724100001001", detail=detail).detail == detail


def test_writers_side_by_side_make_one_unforked_chain(place, store, planner):
    stores = [store, place.open(), place.open()]
    failed = []

    def write(one, name):
        try:
            for n in range(10):
                with one.writing(planner) as session:
                    session.note("edit", f"{name}-{n}")
                    session.commit()
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    writers = [threading.Thread(target=write, args=(one, n)) for n, one in enumerate(stores)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert failed == []
    assert store.verify_journal()[0] == 30


def test_canonical_json_has_one_form():
    assert canonical({"b": 1, "a": [True, None, "网格"]}) == '{"a":[true,null,"网格"],"b":1}'
