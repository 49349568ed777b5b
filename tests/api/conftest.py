"""The HTTP face over the small county of `tests.plan_county`, with a clock that stands still and moves when told."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from geo.bootstrap import Services
from geo.services.lookup import Lookup
from geo.settings import Settings
from geo.store import open_store
from tests import plan_county as county
from tests.api.checked import Checked


@dataclass
class Ticks:
    """A monotonic clock in seconds."""

    now: float = 1_000.0

    def __call__(self):
        return self.now


def open_county(path, *, ticks=None, settings=None, prefix="new"):
    ids = county.new_ids(prefix)
    store = open_store(str(path), county_code=county.COUNTY, now=county.clock, new_id=ids)
    return Services(
        settings=settings or Settings(),
        store=store,
        lookup=Lookup(store, ticks=ticks or Ticks()),
        actor=county.PLANNER,
        now=county.clock,
        new_id=county.new_ids(f"{prefix}-face"),
    )


@pytest.fixture(scope="session")
def county_file(tmp_path_factory):
    """A GeoPackage with the county in force, to be copied."""
    path = tmp_path_factory.mktemp("api") / "county.gpkg"
    store = open_store(str(path), county_code=county.COUNTY, now=county.clock, new_id=county.new_ids(), create=True)
    county.settle(store)
    store.close()
    return path


@contextmanager
def serving(path, *, actor=None, **options):
    """Serve a store; `actor` is one, or a list that the request header `x-actor` chooses from by number."""
    with open_county(path, **options) as services:
        identify = None if actor is None else (lambda _: actor)
        if isinstance(actor, list):
            identify = _chosen(actor)
        face = create_app(services, identify=identify, ticks=options.get("ticks") or time.monotonic)
        with TestClient(face, base_url="http://localhost") as client:
            client.services = services
            yield client


def _chosen(actors):
    def identify(scope):
        number = next((int(v) for n, v in scope["headers"] if n == b"x-actor"), 0)
        return actors[number]

    return identify


@pytest.fixture
def store_file(county_file, tmp_path):
    return shutil.copyfile(county_file, tmp_path / "county.gpkg")


@pytest.fixture
def face(store_file):
    """The whole face on a store of its own, held to the promises at every exchange."""
    with serving(store_file) as client:
        yield Checked(client)


@pytest.fixture(scope="module")
def desk(county_file, tmp_path_factory):
    """The same shared by the tests of a module: they start plans of their own and put none into force."""
    path = shutil.copyfile(county_file, tmp_path_factory.mktemp("desk") / "county.gpkg")
    with serving(path) as client:
        yield Checked(client)


@pytest.fixture(scope="module")
def reading(county_file, tmp_path_factory):
    """The same for tests that write nothing."""
    path = shutil.copyfile(county_file, tmp_path_factory.mktemp("reading") / "county.gpkg")
    with serving(path) as client:
        yield Checked(client)


def spot(column, row, along=0.31, up=0.27):
    """A point inside a grid of the county."""
    return county.LON + (column + along) * county.WIDE, county.LAT + (row + up) * county.HIGH
