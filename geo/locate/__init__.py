"""Which grid holds a point: exact, for one point or for hundreds of millions."""

from geo.locate.index import GridIndex, Located

__all__ = ["GridIndex", "Located"]
