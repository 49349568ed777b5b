"""Placement in rational arithmetic, without an index and without any code of the product.

Every coordinate becomes a fraction; every edge of every polygon is looked at.
"""

import itertools
from fractions import Fraction

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
