"""Geometry as a page carries it: runs of whole millionths of a degree, each the difference to the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from maps.room import label_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MILLIONTHS", "Packer", "placed"]

Json = dict[str, Any]

# A millionth of a degree is about 0.1 m, less than a pixel at the deepest zoom.
MILLIONTHS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Packer:
    """Turns degrees into runs of integer differences from one origin."""

    origin: tuple[int, int]

    def run(self, coordinates: NDArray[np.float64]) -> list[int]:
        """Return coordinates, shape (n, 2) in degrees, as one flat run."""
        whole = np.rint(coordinates[:, :2] * MILLIONTHS).astype(np.int64)
        steps = np.diff(whole, axis=0, prepend=np.array([self.origin]))
        return [int(v) for v in steps.ravel()]

    def polygons(self, geometry: Any) -> list[list[list[int]]]:
        """Return the rings of each part, outer ring first, without the repeated last vertex."""
        out = []
        for part in shapely.get_parts(geometry):
            rings = [part.exterior, *part.interiors]
            # A path closes itself, so the repeated last vertex is left out.
            out.append([self.run(shapely.get_coordinates(ring)[:-1]) for ring in rings])
        return out

    def lines(self, geometry: Any) -> list[list[int]]:
        """Return a run per part of a line."""
        return [self.run(shapely.get_coordinates(part)) for part in shapely.get_parts(geometry)]

    def spot(self, lon: float, lat: float) -> list[int]:
        """Return the run of one point."""
        return self.run(np.array([[lon, lat]]))


def placed(packer: Packer, geometry: Any) -> Json:
    """Return where a polygon's label stands (`a`) and its half room there (`r`)."""
    room = label_room(geometry)
    reach = [round(room.half_width * MILLIONTHS), round(room.half_height * MILLIONTHS)]
    return {"a": packer.spot(room.x, room.y), "r": reach}
