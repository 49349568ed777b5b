"""One store, two engines: every test that asks for `place` or `store` runs on a GeoPackage and on PostGIS."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
import uuid
from dataclasses import dataclass, field

import pytest
import shapely
from sqlalchemy import make_url

from geo.authority import Actor, Role, local_planner
from geo.model import Generation, GenerationState, Grid, GridKind
from geo.store import open_store
from tests.pg import pg_server  # noqa: F401

COUNTY = "230724"
TOWN_A, TOWN_B = "230724100", "230724101"
EAST, WEST = f"{TOWN_A}001", f"{TOWN_B}001"


@dataclass
class Place:
    """Where a store lies; opens it as often as asked and closes what it opened."""

    url: str
    engine: str
    serial: itertools.count = field(default_factory=lambda: itertools.count(1))
    opened: list = field(default_factory=list)

    def clock(self):
        return dt.datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=dt.UTC)

    def new_id(self):
        return str(uuid.UUID(int=next(self.serial)))

    def open(self, *, county_code=COUNTY, **options):
        found = open_store(self.url, county_code=county_code, now=self.clock, new_id=self.new_id, **options)
        self.opened.append(found)
        return found

    def close(self):
        for found in self.opened:
            found.close()
        self.opened.clear()


@pytest.fixture(scope="session")
def empty_county(tmp_path_factory):
    """A GeoPackage with the schema and nothing in it, to be copied."""
    found = Place(str(tmp_path_factory.mktemp("template") / "county.gpkg"), "gpkg")
    found.open(create=True)
    found.close()
    return found.url


@pytest.fixture(scope="session")
def pg_county(pg_server):  # noqa: F811
    """A database with the schema and nothing in it, to be copied."""
    with pg_server.database() as url:
        found = Place(url, "postgis")
        found.open(create=True)
        found.close()
        yield make_url(url).database


@pytest.fixture(params=["gpkg", pytest.param("postgis", marks=pytest.mark.postgis)])
def place(request, tmp_path):
    """Where a store may be; the schema is there already for tests that ask for `store`."""
    ready = "store" in request.fixturenames
    if request.param == "gpkg":
        found = Place(str(tmp_path / "county.gpkg"), "gpkg")
        if ready:
            shutil.copyfile(request.getfixturevalue("empty_county"), found.url)
        yield found
        found.close()
        return
    server = request.getfixturevalue("pg_server")
    template = request.getfixturevalue("pg_county") if ready else None
    with server.database(template=template) as url:
        found = Place(url, "postgis")
        yield found
        found.close()


@pytest.fixture
def store(place):
    return place.open()


@pytest.fixture
def planner():
    return local_planner(COUNTY)


@pytest.fixture
def town_a():
    return Actor("town-a", Role.TOWN_PLANNER, (TOWN_A,))


@pytest.fixture
def town_b():
    return Actor("town-b", Role.TOWN_PLANNER, (TOWN_B,))


def household(number, community=EAST, **fields):
    return {
        "source_key": f"h{number}",
        "community_code": community,
        "address_text": f"红旗街{number}号",
        "lon": 129.5 + number * 1e-4,
        "lat": 48.2,
        **fields,
    }


def generation(number, **fields):
    known = {"county_code": COUNTY, "serial": number, "state": GenerationState.INACTIVE, "effective_from": None}
    return Generation(id=f"generation-{number}", **{**known, **fields})


def grid(number, community=EAST, **fields):
    west = 129.5 + number * 0.01
    known = {
        "id": f"grid-{number:03}",
        "county_code": COUNTY,
        "kind": GridKind.BASE,
        "name": f"第{number}网格",
        "community_code": community,
        "geometry": shapely.box(west, 48.0, west + 0.01, 48.1),
        "local_code": str(number),
    }
    return Grid(**{**known, **fields})


def published(session, number, grids, effective_from):
    """Write a generation with its grids and activate it."""
    session.put_generation(generation(number))
    session.put_grids(f"generation-{number}", grids)
    at = dt.datetime.combine(effective_from, dt.time(8), tzinfo=dt.UTC)
    session.activate(f"generation-{number}", effective_from=effective_from, published_at=at)
