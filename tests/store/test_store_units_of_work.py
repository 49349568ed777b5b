"""Leaving without commit changes nothing; what was committed is there for the next session."""

from __future__ import annotations

import threading

import pytest

from geo.errors import Conflict, NotFound, Refused, Unavailable
from geo.store import open_store
from tests.store.conftest import household


def test_leaving_without_commit_rolls_back(store, planner):
    with store.writing(planner) as session:
        session.upsert("households", [household(1)])
        session.note("import", "households")
        assert session.count("households") == 1
    with store.reading(planner) as session:
        assert session.count("households") == 0
        assert session.journal() == []


def test_an_error_inside_rolls_back(store, planner):
    def fail():
        with store.writing(planner) as session:
            session.upsert("households", [household(1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.reading(planner) as session:
        assert session.count("households") == 0


def test_commit_is_seen_by_a_store_opened_again(place, store, planner):
    with store.writing(planner) as session:
        session.upsert("households", [household(1)])
        session.commit()
    store.close()
    with place.open(county_code=None).reading(planner) as session:
        assert session.rows("households", columns=["source_key"]) == [{"source_key": "h1"}]


def test_after_commit_the_session_reads_but_does_not_write(store, planner):
    with store.writing(planner) as session:
        session.upsert("households", [household(1)])
        session.commit()
        assert session.count("households") == 1
        for write in (
            lambda: session.upsert("households", [household(2)]),
            lambda: session.note("a", "b"),
            session.commit,
        ):
            with pytest.raises(Conflict, match="cannot write"):
                write()
    with store.reading(planner) as session:
        assert session.count("households") == 1


def test_a_reading_session_does_not_write(store, planner):
    with store.reading(planner) as session, pytest.raises(Conflict, match="cannot write"):
        session.upsert("households", [household(1)])


def test_a_reading_session_is_one_snapshot(store, planner):
    with store.writing(planner) as session:
        session.upsert("households", [household(1)])
        session.commit()
    with store.reading(planner) as reader:
        with store.writing(planner) as session:
            session.upsert("households", [household(2)])
            session.commit()
        assert reader.count("households") == 1
    with store.reading(planner) as reader:
        assert reader.count("households") == 2


def test_a_second_writer_waits_for_the_first(store, planner):
    order = []

    def write():
        with store.writing(planner) as session:
            order.append(session.count("households"))

    with store.writing(planner) as session:
        second = threading.Thread(target=write)
        second.start()
        second.join(0.2)
        assert order == [], "the second writer came in while the first was writing"
        session.upsert("households", [household(1)])
        session.commit()
        second.join(10)
    assert order == [1]


def test_a_writer_that_waits_too_long_is_told_so(place, store, planner):
    hasty = place.open(wait_seconds=0.2)
    with store.writing(planner) as session:
        session.note("import", "held")
        with pytest.raises(Unavailable) as caught, hasty.writing(planner) as second:
            second.note("never", "reached")
        session.commit()
    assert caught.value.code == "store-busy"
    with hasty.writing(planner) as second:
        assert second.note("after", "it").serial == 2


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("postgresql://wg@/x", "postgresql+psycopg2://"),
        ("postgres://wg@/x", "postgresql+psycopg2://"),
        ("mysql://wg@/x", "postgresql+psycopg2://"),
        ("county.sqlite", ".gpkg"),
    ],
)
def test_other_addresses_are_refused_with_the_right_spelling(url, remedy):
    with pytest.raises(Refused) as caught:
        open_store(url, now=lambda: None, new_id=lambda: "")
    assert remedy in caught.value.remedy


def test_a_missing_store_is_not_made_unasked(place):
    with pytest.raises(NotFound, match=r"no store|holds no"):
        place.open()


def test_a_new_store_needs_its_county(place):
    with pytest.raises(Refused, match="needs its county"):
        place.open(county_code=None, create=True)


def test_creating_twice_keeps_what_is_there(place, store, planner):
    with store.writing(planner) as session:
        session.upsert("households", [household(1)])
        session.commit()
    with place.open(create=True).reading(planner) as session:
        assert session.count("households") == 1


def test_another_county_is_not_found(place, store):
    with pytest.raises(NotFound, match="230725"):
        place.open(county_code="230725")
