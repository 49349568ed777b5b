"""What only a server can do: many counties, lost connections, wrong locales, creation by two at once."""

from __future__ import annotations

import threading

import pytest

from geo.authority import local_planner
from geo.errors import NotFound, Refused, Unavailable
from geo.model import Generation, GenerationState
from tests.store.conftest import COUNTY, Place, generation, household

pytestmark = pytest.mark.postgis
OTHER = "230725"


@pytest.fixture
def place(pg_server):
    with pg_server.database() as url:
        found = Place(url, "postgis")
        yield found
        found.close()


def test_creation_may_be_repeated_and_run_side_by_side(place, planner):
    made, failed = [], []

    def make():
        try:
            made.append(place.open(create=True))
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    makers = [threading.Thread(target=make) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert failed == []
    with made[0].writing(planner) as session:
        session.upsert("households", [household(1)])
        session.commit()
    with place.open(create=True).reading(planner) as session:
        assert session.count("households") == 1


def test_one_database_holds_many_counties_apart(place):
    here, there = place.open(create=True), place.open(county_code=OTHER, create=True)
    for store, county in ((here, COUNTY), (there, OTHER)):
        with store.writing(local_planner(county)) as session:
            session.upsert("households", [household(1, f"{county}100001", id=f"home-{county}")])
            known = {"serial": 1, "state": GenerationState.INACTIVE, "effective_from": None}
            session.put_generation(Generation(id=f"generation-{county}", county_code=county, **known))
            session.note("import", "households")
            session.commit()
    for store, county in ((here, COUNTY), (there, OTHER)):
        with store.reading(local_planner(county)) as session:
            assert [row["id"] for row in session.rows("households")] == [f"home-{county}"]
            assert [found.id for found in session.generations()] == [f"generation-{county}"]
            assert [entry.serial for entry in session.journal()] == [1]
        assert store.verify_journal()[0] == 1
    with pytest.raises(Refused, match="2 counties"):
        place.open(county_code=None)
    with pytest.raises(Refused, match="belongs to"), here.writing(local_planner(COUNTY)) as session:
        session.put_generation(generation(2, county_code=OTHER))


def test_writers_of_two_counties_do_not_wait_for_each_other(place):
    here, there = place.open(create=True), place.open(county_code=OTHER, create=True, wait_seconds=0.5)
    with here.writing(local_planner(COUNTY)) as one, there.writing(local_planner(OTHER)) as two:
        one.note("edit", "here")
        assert two.note("edit", "there").serial == 1


def test_a_lost_connection_is_said_and_the_next_session_works(place, pg_server, planner):
    store = place.open(create=True)
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wangge'"

    def write():
        with store.writing(planner) as session:
            session.upsert("households", [household(1)])
            pg_server.run(kill)
            session.upsert("households", [household(2)])

    with pytest.raises(Unavailable) as caught:
        write()
    assert caught.value.code == "store-unreachable"
    with store.writing(planner) as session:
        assert session.count("households") == 0
        session.upsert("households", [household(3)])
        pg_server.run(kill)
        with pytest.raises(Unavailable):
            session.commit()
    with store.reading(planner) as session:
        assert session.count("households") == 0


def test_a_server_that_does_not_answer_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="cannot be reached"):
        Place(f"postgresql+psycopg2://wg@/x?host={tmp_path}", "postgis").open()


def test_a_c_locale_is_told_of(place, pg_server):
    assert place.open(create=True).warnings == ()
    name = f"{pg_server.prefix}c_locale"
    pg_server.run(f"CREATE DATABASE {name} TEMPLATE template0 LC_CTYPE 'C' LC_COLLATE 'C'")
    try:
        other = Place(pg_server.url(name), "postgis")
        (told,) = other.open(create=True).warnings
        other.close()
        assert "C.UTF-8" in told
    finally:
        pg_server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_without_utf8_is_refused(pg_server):
    name = f"{pg_server.prefix}latin"
    pg_server.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_CTYPE 'C' LC_COLLATE 'C'")
    try:
        with pytest.raises(Refused, match="SQL_ASCII"):
            Place(pg_server.url(name), "postgis").open(create=True)
    finally:
        pg_server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_backup_names_the_line_to_run_and_no_address_shows_a_password(place):
    store = place.open(create=True)
    with pytest.raises(Refused) as caught:
        store.backup("out.dump")
    assert "pg_dump --format=custom --file=out.dump" in caught.value.remedy
    with pytest.raises(Unavailable) as refused:
        Place("postgresql+psycopg2://wg:secret@127.0.0.1:1/x", "postgis").open()
    assert "secret" not in str(refused.value)


def test_geometry_is_seen_by_postgis(place, planner):
    store = place.open(create=True)
    with store.writing(planner) as session:
        session.upsert("households", [household(n) for n in range(600)])
        query = "SELECT count(*) FROM households WHERE ST_SRID(geom) = 4490 AND ST_X(geom) = lon AND ST_Y(geom) = lat"
        assert session._connection.exec_driver_sql(query).scalar() == 600


def test_a_database_without_a_store_is_not_found(place):
    with pytest.raises(NotFound, match="holds no store"):
        place.open()
