"""Placement in rational arithmetic, without an index and without any code of the product.

Every coordinate becomes a fraction; every edge of every polygon is looked at.
"""

import itertools
from fractions import Fraction

import numpy as np
import shapely


def rings_of(geometry):
    """Return all rings of a polygon or multipolygon as lists of pairs of fractions."""
    found = []
    for part in getattr(geometry, "geoms", [geometry]):
        rings = [part.exterior, *part.interiors]
        found += [[(Fraction(x), Fraction(y)) for x, y, *_ in ring.coords] for ring in rings]
    return found


def holds(rings, x, y):
    """Tell whether the rule puts the point (two fractions) inside."""
    odd = False
    for ring in rings:
        for (x1, y1), (x2, y2) in itertools.pairwise(ring):
            if (y1 > y) != (y2 > y):
                at = x1 + (y - y1) / (y2 - y1) * (x2 - x1)
                odd ^= x < at
    return odd


def touches(rings, x, y):
    """Tell whether the point lies on a ring."""
    for ring in rings:
        for (x1, y1), (x2, y2) in itertools.pairwise(ring):
            within = min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)
            if within and (x2 - x1) * (y - y1) == (y2 - y1) * (x - x1):
                return True
    return False


class Brute:
    """Answers like an index, by looking at everything (polygons far from the point aside)."""

    def __init__(self, geometries):
        self.rings = [rings_of(g) for g in geometries]
        self.boxes = [shapely.bounds(g) for g in geometries]

    def _near(self, x, y):
        return [i for i, (w, s, e, n) in enumerate(self.boxes) if w <= x <= e and s <= y <= n]

    def all(self, x, y):
        """Return positions of all polygons that hold the point."""
        fx, fy = Fraction(float(x)), Fraction(float(y))
        return [i for i in self._near(x, y) if holds(self.rings[i], fx, fy)]

    def on_boundary(self, x, y):
        """Tell whether the point lies on a ring of any polygon."""
        fx, fy = Fraction(float(x)), Fraction(float(y))
        return any(touches(self.rings[i], fx, fy) for i in self._near(x, y))

    def place(self, x, y):
        """Return the lowest position by the rule, else the lowest whose closed polygon holds the point, else −1."""
        found = self.all(x, y)
        if found:
            return found[0]
        fx, fy = Fraction(float(x)), Fraction(float(y))
        return next((i for i in self._near(x, y) if touches(self.rings[i], fx, fy)), -1)


def whole(values, shift):
    """Return floats as integers, exactly: multiplied by 2 to the power of `shift`."""
    found = []
    for value in values:
        above, below = float(value).as_integer_ratio()
        found.append(above << (shift - (below.bit_length() - 1)))
    return np.array(found, dtype=object)


def holders(geometries, x, y):
    """Return how many polygons hold each point, and the lowest of them (−1 where none does), without an index.

    The rule of `holds` in integers: floats are fractions whose denominators are powers of two, and times the
    largest of these all become whole. Comparisons of floats are exact as they stand.
    """
    corners = shapely.get_coordinates(geometries)
    every = np.concatenate([corners.ravel(), x, y])
    shift = max(float(v).as_integer_ratio()[1].bit_length() - 1 for v in np.unique(every))
    whole_x, whole_y = whole(x, shift), whole(y, shift)
    count, lowest = np.zeros(len(x), dtype=int), np.full(len(x), -1)
    for position, geometry in enumerate(geometries):
        west, south, east, north = shapely.bounds(geometry)
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        odd = np.zeros(len(near), dtype=bool)
        for ring in shapely.get_rings(geometry):
            ends = shapely.get_coordinates(ring)
            whole_ends = np.column_stack([whole(ends[:, 0], shift), whole(ends[:, 1], shift)])
            for (_, y1), (_, y2), (a, b), (c, d) in zip(ends, ends[1:], whole_ends, whole_ends[1:], strict=False):
                met = np.flatnonzero((y1 > y[near]) != (y2 > y[near]))
                rows = near[met]
                before = (whole_x[rows] - a) * (d - b) - (whole_y[rows] - b) * (c - a)
                odd[met] ^= (before < 0) if d > b else (before > 0)
        held = near[odd]
        count[held] += 1
        lowest[held[lowest[held] < 0]] = position
    return count, lowest
