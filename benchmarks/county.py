"""The county's own stations: reading its households into a store, and placing them, beside geopandas.

    python benchmarks/county.py [ROUNDS]

Ours and the peer take turns in one run; answers are compared; the best of the rounds is printed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from geo.assign import assign_points
from geo.bootstrap import Services, open_services
from geo.formats import read
from geo.locate import GridIndex
from geo.services.ingest import ImportRequest, import_files

if TYPE_CHECKING:
    from collections.abc import Callable

BOUNDARIES = Path(__file__).resolve().parent.parent / "data" / "boundaries"
SURVEYED = "cgcs2000"


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return CPU seconds, wall seconds and the result."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def bring(services: Services, kind: str, path: Path, datum: str) -> Any:
    """Import one file for good."""
    request = ImportRequest(kind=kind, paths=(path,), datum=datum, apply=True, accept_refused=True)
    return import_files(services.store, services.actor, request, settings=services.settings, new_id=services.new_id)


def register() -> None:
    """Read the county's register into a new store."""
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "county.gpkg")
        with open_services(store_url=place, county_code="230724", create=True) as services:
            bring(services, "areas", BOUNDARIES / "01_行政区划" / "丰林县_社区村界.geojson", SURVEYED)
            path = BOUNDARIES / "04_台账" / "住户台账.csv"
            cpu, wall, done = timed(lambda: bring(services, "households", path, "wgs84"))
    print(f"households read, checked and written: {done.inserted} rows, {cpu:.2f} s CPU, {wall:.2f} s wall")


def placement(rounds: int) -> None:
    """Place one spot per building, as often as it holds dwellings, in the true grids."""
    shapes = np.array([f.geometry for f in read(BOUNDARIES / "truth" / "grids.geojson").features], dtype=object)
    houses = read(BOUNDARIES / "06_底图" / "楼栋.gpkg").features
    spots = shapely.point_on_surface(np.array([h.geometry for h in houses], dtype=object))
    spots = np.repeat(spots, [max(int(h.properties.get("套数") or 0), 1) for h in houses])
    lon, lat = shapely.get_x(spots), shapely.get_y(spots)
    index = GridIndex.from_polygons(shapes)
    left, right = gpd.GeoDataFrame(geometry=spots, crs=4490), gpd.GeoDataFrame(geometry=shapes, crs=4490)
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(timed(lambda: assign_points(index, None, lon, lat)))
        peer.append(timed(lambda: gpd.sjoin(left, right, predicate="intersects")))
    joined = peer[-1][2]
    single = joined[~joined.index.duplicated(keep=False)]
    wrong = int(np.sum(ours[-1][2].position[single.index] != single["index_right"]))
    mine, theirs = min(o[0] for o in ours), min(p[0] for p in peer)
    print(f"{len(spots)} dwellings placed: {mine:.4f} s CPU; geopandas.sjoin {theirs:.3f} s, ratio {theirs / mine:.0f}")
    print(f"answers that differ where the peer gives one: {wrong}")


def main() -> None:
    """Run both."""
    register()
    placement(int(sys.argv[1]) if len(sys.argv) > 1 else 5)


if __name__ == "__main__":
    main()
