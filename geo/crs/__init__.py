"""Datums, projections and the lattice: the only room that knows pyproj.

Stored coordinates are CGCS2000 longitude/latitude (EPSG:4490) on a lattice of 1e-9 degree (about
0.1 mm). Metric work happens in the 3-degree Gauss-Krüger zone of the county. GCJ-02 and BD-09 are
undone by fixed-point iteration, not by the one-step approximation that leaves metres.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from geo.crs.shifted import undo, wgs_to_bd, wgs_to_gcj
from geo.errors import DatumRequired, Refused

__all__ = [
    "BD09",
    "CGCS2000",
    "GCJ02",
    "LATTICE_PER_DEGREE",
    "STORED_EPSG",
    "WGS84",
    "Datum",
    "Metric",
    "Reading",
    "datum_word",
    "from_cgcs2000",
    "from_lattice",
    "geometry_to_cgcs2000",
    "metric_for",
    "parse_datum",
    "readings_by_range",
    "snap",
    "snap_geometry",
    "to_cgcs2000",
    "to_lattice",
    "wkt_of",
]

FloatArray = NDArray[np.float64]

STORED_EPSG: Final = 4490
LATTICE_PER_DEGREE: Final = 1_000_000_000

_MERIDIANS: Final = (75, 135)
_DECLARATION_CHARS: Final = 20_000
_CRS84: Final = re.compile(r"(?:^|[:/])CRS84$", re.IGNORECASE)
_EPSG_NAME: Final = re.compile(
    r"(?:urn:(?:x-)?ogc:def:crs:EPSG:[0-9.]*:|https?://www\.opengis\.net/def/crs/EPSG/[0-9.]+/|EPSG:)(\d{4,6})",
    re.IGNORECASE,
)
_WKT_START: Final = re.compile(
    r"(?:GEOGCS|PROJCS|GEOGCRS|PROJCRS|GEODCRS|BOUNDCRS|COMPD_CS|COMPOUNDCRS)\s*\[", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Datum:
    """What a pair of numbers means: a named datum in degrees, or a plane EPSG code in metres."""

    name: str
    epsg: int | None = None

    def __str__(self) -> str:
        """Return the word `parse_datum` understands."""
        return self.name


CGCS2000 = Datum("cgcs2000", 4490)
WGS84 = Datum("wgs84", 4326)
GCJ02 = Datum("gcj02")
BD09 = Datum("bd09")
_NAMED = {d.name: d for d in (CGCS2000, WGS84, GCJ02, BD09)}
_ALIASES = {
    "4490": CGCS2000,
    "4326": WGS84,
    "gcj-02": GCJ02,
    "bd-09": BD09,
    "bd09ll": BD09,
    "国家2000": CGCS2000,
    "2000国家大地坐标系": CGCS2000,
    "火星坐标": GCJ02,
    "百度坐标": BD09,
}


def parse_datum(text: str | None) -> Datum:
    """Return the datum a user declared.

    Parameters
    ----------
    text : str or None
        ``cgcs2000``, ``wgs84``, ``gcj02``, ``bd09`` (any case, with or without hyphen), or an EPSG
        code of a plane or geographic system such as ``epsg:4552`` or ``4531``.

    Raises
    ------
    DatumRequired
        Nothing was declared, or the word is ``unknown``.
    Refused
        The word is no datum known here.
    """
    word = (text or "").strip().lower()
    if not word or word in {"unknown", "未知"}:
        raise DatumRequired(
            "the datum of these coordinates is not declared",
            remedy="say --datum cgcs2000, wgs84, gcj02, bd09 or a plane code such as epsg:4552",
        )
    known = _NAMED.get(word) or _ALIASES.get(word)
    if known:
        return known
    match = re.fullmatch(r"(?:epsg:?\s*)?(\d{4,6})", word)
    if match is None:
        raise Refused(
            f"{word!r} is not a datum",
            code="datum-unknown",
            remedy="use one of cgcs2000, wgs84, gcj02, bd09, epsg:NNNN",
        )
    epsg = int(match.group(1))
    if epsg in (4490, 4326):
        return CGCS2000 if epsg == STORED_EPSG else WGS84
    try:
        CRS.from_epsg(epsg)
    except CRSError as error:
        raise Refused(f"EPSG:{epsg} is not known", code="datum-unknown", remedy="check the code") from error
    return Datum(f"epsg:{epsg}", epsg)


def datum_word(declaration: str) -> tuple[str | None, str]:
    """Return what a file's own declaration of its coordinate system means.

    Parameters
    ----------
    declaration : str
        WKT of any dialect (a ``.prj`` file, a GeoPackage), ``EPSG:4490``, or an OGC URN (GeoJSON ``crs``).

    Returns
    -------
    word : str or None
        For `parse_datum`; None where the declaration is empty, unreadable or of no registered system.
    evidence : str
        What was seen, for a person.
    """
    text = declaration.strip().strip("\x00\ufeff").strip()
    if not text:
        return None, "文件没有声明坐标系"
    if _CRS84.search(text):
        return WGS84.name, "CRS84 (WGS 84)"
    crs = _declared_crs(text)
    if crs is None:
        return None, "坐标系声明不认识"
    epsg = crs.to_epsg()
    if epsg is None:
        return None, f"坐标系 {crs.name[:80]} 没有登记的 EPSG 代码"
    return str(parse_datum(str(epsg))), f"{crs.name} (EPSG:{epsg})"


def _declared_crs(text: str) -> CRS | None:
    named = _EPSG_NAME.fullmatch(text)
    # PROJ strings are not taken: they can name files of the machine.
    if len(text) > _DECLARATION_CHARS or (named is None and not _WKT_START.match(text)):
        return None
    try:
        return CRS.from_epsg(int(named.group(1))) if named else CRS.from_wkt(text)
    except CRSError:
        return None


def wkt_of(datum: Datum) -> str:
    """Return the ESRI WKT of a datum that has an EPSG code, for ``.prj`` files.

    Raises
    ------
    Refused
        GCJ-02 and BD-09 have no registered system, so no file may declare one.
    """
    if datum.epsg is None:
        raise Refused(f"{datum.name} has no EPSG code", code="datum-unregistered", remedy="export in cgcs2000")
    return CRS.from_epsg(datum.epsg).to_wkt("WKT1_ESRI")


def to_lattice(degrees: ArrayLike) -> NDArray[np.int64]:
    """Return lattice numbers n with n·1e-9 nearest to each coordinate in degrees."""
    values = np.asarray(degrees, dtype=np.float64)
    if not np.isfinite(values).all():
        raise Refused(
            "a coordinate is not a finite number", code="coordinate-not-finite", remedy="remove or correct the feature"
        )
    return np.rint(values * LATTICE_PER_DEGREE).astype(np.int64)


def from_lattice(numbers: ArrayLike) -> FloatArray:
    """Return the float64 nearest to n·1e-9 degree (division rounds correctly, multiplication would not)."""
    return np.asarray(numbers, dtype=np.int64) / float(LATTICE_PER_DEGREE)


def snap(degrees: ArrayLike) -> FloatArray:
    """Return the coordinates moved onto the lattice (at most 0.05 mm)."""
    return from_lattice(to_lattice(degrees))


def snap_geometry(geometries: Any) -> Any:
    """Return shapely geometries (scalar or array) with every vertex on the lattice, Z dropped."""
    return shapely.transform(shapely.force_2d(geometries), snap)


@lru_cache(maxsize=64)
def _transformer(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def to_cgcs2000(x: ArrayLike, y: ArrayLike, datum: Datum) -> tuple[FloatArray, FloatArray]:
    """Convert declared coordinates to CGCS2000 longitude/latitude in degrees.

    Parameters
    ----------
    x, y : array-like of float
        Longitude/latitude in degrees, or easting/northing in metres for a plane datum. NaN stays NaN.
    datum : Datum
        What the numbers mean.

    Returns
    -------
    lon, lat : ndarray of float64
        Degrees; not snapped (points are never snapped). GCJ-02 and BD-09 are inverted to better than
        1e-6 m of their forward formula. WGS84 and CGCS2000 are taken as equal (they differ by less
        than a metre, and PROJ's transform between them is a null one).
    """
    east = np.array(x, dtype=np.float64, ndmin=1)
    north = np.array(y, dtype=np.float64, ndmin=1)
    if datum in (CGCS2000, WGS84):
        return east, north
    if datum in (GCJ02, BD09):
        good = np.isfinite(east) & np.isfinite(north)
        lon, lat = np.full(east.shape, np.nan), np.full(north.shape, np.nan)
        forward = wgs_to_gcj if datum == GCJ02 else wgs_to_bd
        lon[good], lat[good] = undo(forward, east[good], north[good])
        return lon, lat
    if datum.epsg is None:
        raise DatumRequired("the datum of these coordinates is not declared", remedy="declare it")
    lon, lat = _transformer(datum.epsg, STORED_EPSG).transform(east, north)
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def from_cgcs2000(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[FloatArray, FloatArray]:
    """Convert CGCS2000 longitude/latitude in degrees to another datum (inverse of `to_cgcs2000`)."""
    east = np.array(lon, dtype=np.float64, ndmin=1)
    north = np.array(lat, dtype=np.float64, ndmin=1)
    if datum in (CGCS2000, WGS84):
        return east, north
    if datum == GCJ02:
        return wgs_to_gcj(east, north)
    if datum == BD09:
        return wgs_to_bd(east, north)
    if datum.epsg is None:
        raise DatumRequired("the target datum is not declared", remedy="declare it")
    x, y = _transformer(STORED_EPSG, datum.epsg).transform(east, north)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def geometry_to_cgcs2000(geometries: Any, datum: Datum) -> Any:
    """Convert shapely geometries (scalar or array) to CGCS2000 and snap them onto the lattice."""

    def convert(coordinates: FloatArray) -> FloatArray:
        lon, lat = to_cgcs2000(coordinates[:, 0], coordinates[:, 1], datum)
        return snap(np.column_stack([lon, lat]))

    return shapely.transform(shapely.force_2d(geometries), convert)


@dataclass(frozen=True, slots=True)
class Metric:
    """A plane in metres for one county: easting/northing of a CGCS2000 3-degree Gauss-Krüger zone."""

    epsg: int

    def forward(self, lon: ArrayLike, lat: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Degrees (CGCS2000) → metres."""
        return from_cgcs2000(lon, lat, Datum(f"epsg:{self.epsg}", self.epsg))

    def inverse(self, east: ArrayLike, north: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Metres → degrees (CGCS2000), not snapped."""
        return to_cgcs2000(east, north, Datum(f"epsg:{self.epsg}", self.epsg))

    def project(self, geometries: Any) -> Any:
        """Return shapely geometries (scalar or array) in metres."""
        return shapely.transform(geometries, lambda c: np.column_stack(self.forward(c[:, 0], c[:, 1])))

    def unproject(self, geometries: Any) -> Any:
        """Return shapely geometries in degrees on the lattice."""
        return shapely.transform(geometries, lambda c: snap(np.column_stack(self.inverse(c[:, 0], c[:, 1]))))

    def area_m2(self, geometries: Any) -> Any:
        """Area in square metres of geometries given in degrees."""
        return shapely.area(self.project(geometries))

    def length_m(self, geometries: Any) -> Any:
        """Length (of polygons: perimeter, all rings) in metres of geometries given in degrees."""
        return shapely.length(self.project(geometries))


def metric_for(lon: float) -> Metric:
    """Return the metric plane for a longitude in degrees.

    The 3-degree zones with central meridian 75°E … 135°E are EPSG 4534 … 4554 (no zone prefix).

    Raises
    ------
    Refused
        The longitude lies outside China's zones.
    """
    meridian = round(lon / 3.0) * 3
    west, east = _MERIDIANS
    if not west <= meridian <= east:
        raise Refused(
            f"longitude {lon:.3f} lies outside the Gauss-Krüger zones of China",
            code="outside-zones",
            remedy="check the datum and the axis order",
        )
    return Metric(4534 + (meridian - west) // 3)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a batch of number pairs: a datum, whether the axes are swapped, and why."""

    datum: Datum
    swapped: bool
    evidence: str


def readings_by_range(x: ArrayLike, y: ArrayLike, *, near: tuple[float, float, float, float]) -> tuple[Reading, ...]:
    """Propose what a batch of coordinates may be, by magnitude alone; nothing is decided here.

    Parameters
    ----------
    x, y : array-like of float
        The two columns as the file has them.
    near : (west, south, east, north)
        Degrees around the county.

    Returns
    -------
    tuple of Reading
        Degrees give three datums (which one is for the datum vote to say); planes give one.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    good = np.isfinite(first) & np.isfinite(second)
    if not good.any():
        return ()
    a, b = float(np.median(first[good])), float(np.median(second[good]))
    west, south, east, north = near

    def is_near(lon: float, lat: float) -> bool:
        return west - 1 <= lon <= east + 1 and south - 1 <= lat <= north + 1

    for swapped, (lon, lat) in ((False, (a, b)), (True, (b, a))):
        if is_near(lon, lat):
            order = "latitude first" if swapped else "longitude first"
            return tuple(
                Reading(d, swapped, f"median {lon:.4f}, {lat:.4f}: degrees, {order}") for d in (WGS84, GCJ02, BD09)
            )
    return _plane_readings(a, b, is_near)


def _plane_readings(a: float, b: float, is_near: Any) -> tuple[Reading, ...]:
    found = []
    # 4534..4554 without and 4513..4533 with the zone number; 6-degree zones 4491..4501 with it; Mercator.
    for epsg in (*range(4534, 4555), *range(4513, 4534), *range(4491, 4502), 3857):
        for swapped, (east, north) in ((False, (a, b)), (True, (b, a))):
            lon, lat = to_cgcs2000([east], [north], Datum(f"epsg:{epsg}", epsg))
            if np.isfinite(lon[0]) and is_near(float(lon[0]), float(lat[0])):
                order = "northing first, as survey tables write it" if swapped else "easting first"
                found.append(
                    Reading(Datum(f"epsg:{epsg}", epsg), swapped, f"median {east:.1f}, {north:.1f}: metres, {order}")
                )
    return tuple(found)
