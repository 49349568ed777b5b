"""A quarter of a town on a plane of metres near 129.5° E, 48.2° N, for drawings: squares, streets, compounds."""

from __future__ import annotations

import numpy as np
import shapely

from geo.crs import metric_for, snap_geometry
from geo.planning.drawing import Load

METRIC = metric_for(129.5)
EAST, NORTH = (float(v[0]) for v in METRIC.forward([129.5], [48.2]))

CORNER = np.array([EAST, NORTH])


def place(shape):
    """Return a shape given in metres from the quarter's corner, in degrees on the lattice."""
    return METRIC.unproject(shapely.transform(shape, lambda c: c + CORNER))


def box(west, south, east, north):
    return place(shapely.box(west, south, east, north))


def street(*points):
    return place(shapely.LineString(points))


def ground(side=400.0):
    """Return a square with a vertex every 20 m, so that its sides are as straight in degrees as in metres."""
    return snap_geometry(place(shapely.segmentize(shapely.box(0, 0, side, side), 20.0)))


def metres(shape):
    """Return a shape given in degrees in metres from the corner."""
    return shapely.transform(METRIC.project(shape), lambda c: c - CORNER)


def load_at(points, weights):
    """Return a load of points in metres from the corner."""
    x, y = np.array(points, dtype=np.float64).T
    lon, lat = METRIC.inverse(x + EAST, y + NORTH)
    return Load(lon, lat, np.array(weights, dtype=np.float64))
