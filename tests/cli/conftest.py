"""A small county taken through the commands of the terminal, once for all tests of this folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from api.cli import app
from geo.store import open_store
from tests import plan_county
from tests.small_county import COUNTY, NAMES, write_small_county

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def facts(self):
        return json.loads(self.out)


@dataclass
class Terminal:
    """Types commands at a store."""

    store: Path
    files: Path

    def __call__(self, *words, store=True, **env):
        where = {"WANGGE_STORE": str(self.store)} if store else {}
        found = CliRunner().invoke(app, [str(w) for w in words], env={**where, **env}, prog_name="wangge")
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return Said(found.exit_code, found.stdout, found.stderr)

    def done(self, *words, **env):
        said = self(*words, "--json", **env)
        assert said.code == 0, said.err
        return said.facts


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The small county imported, repaired and in force from 2025-01-01."""
    folder = tmp_path_factory.mktemp("terminal")
    write_small_county(folder)
    terminal = Terminal(folder / "county.gpkg", folder)
    terminal.done("init", terminal.store, "--county", COUNTY)
    for kind, names, datum in (
        ("areas", ["areas.geojson"], "cgcs2000"),
        ("buildings", ["buildings.geojson"], "cgcs2000"),
        ("boundaries", [f"{n}.kml" for n in NAMES.values()], "wgs84"),
        ("households", ["homes.csv"], "cgcs2000"),
        ("incidents", ["incidents.xlsx"], "gcj02"),
        ("gridworkers", ["workers.xlsx"], None),
    ):
        said = ["--datum", datum] if datum else []
        assert terminal.done("import", kind, *(folder / n for n in names), *said, "--apply")["applied"]
    terminal.done("repair", "--tolerance-m", 1.5, "--settle")
    terminal.done("generation", "activate", "--effective", "2025-01-01")
    return terminal


@pytest.fixture
def terminal(prepared, tmp_path):
    """A copy of that store, for tests that write; files of the county stand in `files`."""
    store = tmp_path / "county.gpkg"
    prepared.done("backup", store)
    for name in prepared.files.iterdir():
        if not name.name.startswith("county.gpkg"):
            shutil.copy(name, tmp_path)
    return Terminal(store, tmp_path)


@pytest.fixture
def desk(tmp_path):
    """The terminal at the county of plans, whose grids hold unlike numbers of households."""
    path = tmp_path / "county.gpkg"
    store = open_store(
        str(path), county_code=plan_county.COUNTY, now=plan_county.clock, new_id=plan_county.new_ids(), create=True
    )
    plan_county.settle(store)
    store.close()
    return Terminal(path, tmp_path)
