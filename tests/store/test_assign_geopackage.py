"""Points from a GeoPackage: read from a private copy, which must be whole and must find room."""

import sqlite3
import subprocess
import sys

import geopandas
import pytest
import shapely

from geo.assign import assign_file
from geo.errors import Refused
from geo.formats import read
from tests.store.test_assign_files import grids, households, names_in, options

__all__ = ["grids", "households"]

FULL_FOR_THE_COPY = """
import resource, sys
from geo.assign import assign_file
from geo.errors import Unavailable
grids, points, out = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384))
try:
    assign_file(grids=grids, grid_id="code", points=points, out=out, datum="cgcs2000", grids_datum="cgcs2000",
                point_id="户号")
except Unavailable as error:
    raise SystemExit(0 if error.code == "write-failed" and "p.gpkg" in str(error) else 2)
raise SystemExit(1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files there")
def test_a_disk_too_full_to_copy_a_geopackage_is_said(grids, households, tmp_path):
    ids, lon, lat, _ = households
    geopandas.GeoDataFrame({"户号": ids}, geometry=shapely.points(lon, lat), crs=4490).to_file(tmp_path / "p.gpkg")
    names = names_in(tmp_path)
    words = [str(w) for w in (grids, tmp_path / "p.gpkg", tmp_path / "out.csv")]
    done = subprocess.run(
        [sys.executable, "-c", FULL_FOR_THE_COPY, *words], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path) == names


def test_changes_beside_a_geopackage_are_not_passed_over(grids, households, tmp_path):
    ids, lon, lat, _ = households
    path = tmp_path / "p.gpkg"
    geopandas.GeoDataFrame({"户号": ids}, geometry=shapely.points(lon, lat), crs=4490).to_file(path)
    other = sqlite3.connect(path)  # as a program that has the file open and has saved, but not closed it
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("CREATE TABLE notes (text TEXT)")
    other.commit()
    for read_it in (
        lambda: assign_file(**options(grids, path, tmp_path / "out.csv", lon=None, lat=None)),
        lambda: read(path),
    ):
        with pytest.raises(Refused) as caught:
            read_it()
        assert caught.value.code == "gpkg-open"
    other.close()  # the last to close writes it all into the file
    assign_file(**options(grids, path, tmp_path / "out.csv", lon=None, lat=None))
    assert len(read(path).features) == len(ids)
