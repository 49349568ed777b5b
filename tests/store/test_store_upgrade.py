"""An older store is told so, gets what it lacks and nothing else, and keeps its rows."""

from __future__ import annotations

import pytest

from geo.errors import Conflict
from tests.store.conftest import EAST, household

# What a store of an earlier day did not have yet.
LACKING = {
    "gpkg": ["ALTER TABLE buildings DROP COLUMN dwellings", "DROP TABLE plan_communities"],
    "postgis": ["ALTER TABLE buildings DROP COLUMN dwellings", "DROP TABLE plan_communities"],
}


@pytest.fixture
def old(place, store, planner):
    with store.writing(planner) as session:
        session.upsert("households", [household(1)])
        for statement in LACKING[place.engine]:
            session._connection.exec_driver_sql(statement)
        session.commit()
    place.close()
    return place


def test_an_older_store_is_refused_with_the_command_to_run(old):
    with pytest.raises(Conflict) as caught:
        old.open()
    assert "wangge upgrade" in caught.value.remedy


def test_an_upgrade_adds_what_is_missing_and_keeps_every_row(old, planner):
    upgraded = old.open(upgrade=True)
    assert upgraded.upgraded == ("table plan_communities", "column buildings.dwellings")
    with upgraded.writing(planner) as session:
        assert session.count("households") == 1
        building = {"source_key": "b", "community_code": EAST, "compound": "", "number": "", "geometry": None}
        session.upsert("buildings", [{**building, "dwellings": 12}])
        session.commit()
    assert old.open(upgrade=True).upgraded == ()
    with old.open().reading(planner) as session:
        assert session.rows("buildings", columns=["dwellings"]) == [{"dwellings": 12}]


def test_an_upgrade_that_stops_half_way_changes_nothing(old, planner, monkeypatch):
    def stop(connection):
        raise RuntimeError

    monkeypatch.setattr("geo.store.upgrade._note_version", stop)
    with pytest.raises(RuntimeError):
        old.open(upgrade=True)
    monkeypatch.undo()
    with pytest.raises(Conflict):
        old.open()
    assert len(old.open(upgrade=True).upgraded) == 2
