"""From a file's numbers to CGCS2000: the datum declared or voted on, then the batch converted at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import geometry_to_cgcs2000, readings_by_range, to_cgcs2000
from geo.locate import GridIndex
from geo.services.ingest.request import Declared, declared
from geo.services.ingest.vote import Vote, vote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.model import Area

__all__ = [
    "Box",
    "Hints",
    "Positioned",
    "convert_geometries",
    "convert_points",
    "decide_datum",
    "sample_spots",
]

Box = tuple[float, float, float, float]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# More rows than this at one and the same spot mean an office's point copied down, not that many homes.
_REPEATED = 20
_MARGIN_DEG = 0.07
# A declaration under which fewer than half of the points lie near the county is contradicted by them.
_HALF = 0.5
_INWARD = 0.9


@dataclass(frozen=True, slots=True)
class Hints:
    """The outlines that rows name, as an index with the code of each position."""

    index: GridIndex | None
    position: dict[str, int]

    @classmethod
    def of(cls, areas: Sequence[Area]) -> Hints:
        """Build the index over outlined communities."""
        if not areas:
            return cls(None, {})
        index = GridIndex.from_polygons([a.geometry for a in areas], strict=False)
        return cls(index, {a.code: i for i, a in enumerate(areas)})

    def expected(self, codes: Sequence[str]) -> NDArray[np.int32]:
        """Return the position each row names, -1 where it names none."""
        return np.array([self.position.get(c, -1) for c in codes], dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Positioned:
    """Datum used for a file, what is proposed where none is known, and the evidence."""

    used: Declared | None
    proposed: Declared | None
    evidence: tuple[str, ...]


def decide_datum(
    word: str | None,
    file_says: str | None,
    x: FloatArray,
    y: FloatArray,
    codes: Sequence[str],
    *,
    hints: Hints,
    near: Box,
) -> Positioned:
    """Use the declared datum, else the file's own, else propose one by vote; nothing is guessed.

    A declaration that leaves most points outside the county while another reading brings them home is
    contradicted in the evidence and nothing is used: swapped axes are proposed, not assumed.
    """
    told = declared(word) or declared(file_says)
    source = "declared" if declared(word) else "the file declares it"
    readings = readings_by_range(x, y, near=near)
    outcome = vote(x, y, hints.expected(codes), readings=readings, index=hints.index) if hints.index else Vote(None, ())
    proposed = outcome.proposed or _only(readings)
    if told is None:
        return Positioned(None, proposed, outcome.evidence)
    flipped = Declared(told.datum, not told.swapped)
    if _share_near(x, y, told, near) < _HALF <= _share_near(x, y, flipped, near):
        note = f"{told} would put these points outside the county; {flipped} brings them home"
        return Positioned(None, flipped, (note, *outcome.evidence))
    return Positioned(told, None, (f"{told}: {source}", *outcome.evidence))


def _only(readings: Sequence[Any]) -> Declared | None:
    return Declared(readings[0].datum, readings[0].swapped) if len(readings) == 1 else None


def _share_near(x: FloatArray, y: FloatArray, told: Declared, near: Box) -> float:
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return 1.0
    lon, lat = _read(x[good], y[good], told)
    return float(_inside(lon, lat, near).mean())


def _read(x: FloatArray, y: FloatArray, told: Declared) -> tuple[FloatArray, FloatArray]:
    return to_cgcs2000(*((y, x) if told.swapped else (x, y)), told.datum)


def _inside(lon: FloatArray, lat: FloatArray, near: Box) -> BoolArray:
    west, south, east, north = near
    inside: BoolArray = (
        (lon >= west - _MARGIN_DEG)
        & (lon <= east + _MARGIN_DEG)
        & (lat >= south - _MARGIN_DEG)
        & (lat <= north + _MARGIN_DEG)
    )
    return inside


def sample_spots(shapes: NDArray[np.object_]) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return spots that stand for drawn shapes in a vote: just inside each vertex, seen from the shape's middle.

    A few dozen spots a grid tell two datums apart where the middles of a dozen grids would not.

    Returns
    -------
    spots : ndarray of float64, shape (n, 2)
        In the file's numbers.
    owner : ndarray of int64, shape (n,)
        Position of the shape each spot belongs to.
    """
    vertices, owner = shapely.get_coordinates(shapes, return_index=True)
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    return middle[owner] + _INWARD * (vertices - middle[owner]), owner


def convert_points(
    records: Sequence[dict[str, Any]], told: Declared, *, near: Box, flag_repeated: bool
) -> list[tuple[int, str]]:
    """Fill lon, lat and datum of records from raw_x, raw_y; return (row, reason) of points that cannot be used.

    A useless point (0,0, far outside the county, an office's point copied down many rows) is kept raw
    and leaves lon and lat empty: the row stays, its place is unknown.
    """
    x = np.array([_nan(r["raw_x"]) for r in records], dtype=np.float64)
    y = np.array([_nan(r["raw_y"]) for r in records], dtype=np.float64)
    lon, lat = _read(x, y, told)
    given = np.isfinite(x) & np.isfinite(y)
    zero = given & (x == 0) & (y == 0)
    far = given & ~zero & ~_inside(lon, lat, near)
    repeated = _repeated(x, y, given & ~zero & ~far) if flag_repeated else np.zeros(len(x), dtype=bool)
    usable = given & ~zero & ~far & ~repeated
    for i, record in enumerate(records):
        record["datum"] = str(told) if given[i] else ""
        record["lon"], record["lat"] = (float(lon[i]), float(lat[i])) if usable[i] else (None, None)
    reasons = ((zero, "0,0 is no place"), (far, "outside the county"), (repeated, "one point repeated in many rows"))
    return [(int(i), reason) for mask, reason in reasons for i in np.flatnonzero(mask)]


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _repeated(x: FloatArray, y: FloatArray, among: BoolArray) -> BoolArray:
    seen = Counter(zip(x[among].tolist(), y[among].tolist(), strict=True))
    often = {spot for spot, n in seen.items() if n > _REPEATED}
    return np.array(
        [a and (px, py) in often for a, px, py in zip(among, x.tolist(), y.tolist(), strict=True)], dtype=bool
    )


def convert_geometries(geometries: Sequence[Any], told: Declared) -> list[Any]:
    """Return geometries in CGCS2000 on the lattice; None stays None."""
    present = [i for i, g in enumerate(geometries) if g is not None]
    result: list[Any] = [None] * len(geometries)
    if not present:
        return result
    shapes = np.array([geometries[i] for i in present], dtype=object)
    if told.swapped:
        shapes = shapely.transform(shapes, lambda c: c[:, ::-1])
    for i, shape in zip(present, geometry_to_cgcs2000(shapes, told.datum), strict=True):
        result[i] = shape
    return result
