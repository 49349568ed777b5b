"""The one door out: features to a file by the ending of its name.

======== ============================================================================
ending   what is kept
======== ============================================================================
.gpkg    everything, bit for bit
.geojson everything; nine decimals are exact for coordinates on the lattice (RFC 7946)
.kml     geometry with nine decimals, values as text
.zip     a shapefile: ASCII field names of ten letters, texts of 254 bytes, a 字段说明
.shp     the same, loose
.csv     values as text, points as lon/lat, other geometry as WKT
.xlsx    values, texts as text cells; no geometry
======== ============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.crs import CGCS2000, Datum
from geo.errors import Refused, Where
from geo.formats.atomic import replacing
from geo.formats.write_gdal import write_gpkg, write_shp, write_shp_zip
from geo.formats.write_text import write_csv, write_geojson, write_kml
from geo.formats.write_xlsx import write_xlsx

if TYPE_CHECKING:
    from geo.formats.dataset import Feature

__all__ = ["Written", "write"]

_Writer = Callable[..., list[str]]
_WRITERS: Final[dict[str, _Writer]] = {
    ".gpkg": write_gpkg,
    ".geojson": write_geojson,
    ".json": write_geojson,
    ".kml": write_kml,
    ".zip": write_shp_zip,
    ".csv": write_csv,
    ".xlsx": write_xlsx,
}


@dataclass(frozen=True, slots=True)
class Written:
    """The file written, how many features it holds, and what the format could not keep."""

    path: Path
    features: int
    losses: tuple[str, ...] = ()


def write(
    path: Path | str,
    features: Iterable[Feature],
    *,
    columns: Sequence[str] | None = None,
    layer: str = "网格",
    datum: Datum = CGCS2000,
) -> Written:
    """Write features to a file, whole or not at all.

    Parameters
    ----------
    path : path
        The ending decides the format: .gpkg, .geojson, .kml, .zip or .shp (shapefile), .csv, .xlsx.
    features : iterable of Feature
        Geometry in `datum`; nothing is converted.
    columns : sequence of str, optional
        Properties to write, in this order; default: all, in order of first appearance.
    layer : str
        Layer name in GeoPackage, KML and shapefile.
    datum : Datum
        What the coordinates mean; must have an EPSG code.

    Raises
    ------
    Refused
        The ending is unknown, the datum may not be exported, or a feature does not fit the format.
    Unavailable
        The disk refuses; an existing file is left as it was.
    """
    target = Path(path)
    rows = list(features)
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row.properties))
    if datum.epsg is None:
        remedy = "导出为 cgcs2000"
        raise Refused(
            "偏移坐标 (GCJ-02/BD-09) 不导出", code="datum-unregistered", where=Where(file=target.name), remedy=remedy
        )
    suffix = target.suffix.lower()
    if suffix == ".shp":
        return Written(target, len(rows), tuple(write_shp(target, rows, columns=names, layer=layer, datum=datum)))
    writer = _WRITERS.get(suffix)
    if writer is None:
        remedy = "可用的结尾: .gpkg .geojson .kml .zip .shp .csv .xlsx"
        raise Refused("不认识的导出格式", code="format-unknown", where=Where(file=target.name), remedy=remedy)
    with replacing(target) as fresh:
        losses = writer(fresh, rows, columns=names, layer=layer, datum=datum)
    return Written(target, len(rows), tuple(losses))
