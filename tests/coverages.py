"""Made-up coverages for merge tests: blocks between jittered streets, seeded."""

from __future__ import annotations

import numpy as np
import shapely


def town(count, *, seed, parents=0, spread=0.5):
    """Return polygons in metres, loads and parent labels of `count` cells of a jittered lattice."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    points = np.column_stack([x.ravel(), y.ravel()])[:count].astype(float)
    points = (points + rng.uniform(-0.45, 0.45, points.shape)) * 300.0
    frame = shapely.box(-200, -200, side * 300, side * 300)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=frame))
    cells = shapely.intersection(cells, frame)
    loads = np.round(rng.lognormal(5.0, spread, count))
    if not parents:
        return cells, loads, ["甲"] * count
    rows = int(np.ceil(np.sqrt(parents)))
    xy = shapely.get_coordinates(shapely.centroid(cells))
    tile = np.clip(xy // (side * 300 / rows), 0, rows - 1).astype(int)
    return cells, loads, [f"社区{a * rows + b}" for a, b in tile.tolist()]
