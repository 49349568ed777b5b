"""GDAL with only the named drivers: the one door to pyogrio.

A GDAL that knows sixty formats opens virtual data sets, network services and databases for whoever
renames a file. All drivers but the two needed are skipped before the library starts; the readers
besides check content and name the driver in front of the path.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from geo.errors import Refused, Where

__all__ = ["ALLOWED", "DRIVERS", "gdal_guard", "geometry_of", "pyogrio"]

ALLOWED: Final = frozenset({"ESRI Shapefile", "GPKG"})
# Every other vector driver of the pinned pyogrio; a test compares the list with what the library reports.
_SKIPPED: Final = (
    "ADBC,AIVector,AVCBin,AVCE00,AmigoCloud,CSV,CSW,Carto,DGN,DXF,EDIGEO,EEDA,ESRIJSON,Elasticsearch,FlatGeobuf,GDALG,"
    "GML,GPSBabel,GPX,GTFS,GeoJSON,GeoJSONSeq,GeoRSS,HTTP,Idrisi,JML,JSONFG,KML,LIBKML,LVBAG,MBTiles,MEM,MVT,"
    "MapInfo File,MapML,MiraMonVector,NGW,OAPIF,ODS,OGCAPI,OGR_GMT,OGR_PDS,OGR_VRT,OSM,OpenFileGDB,PCIDSK,PDF,PDS4,"
    "PGDUMP,PLSCENES,PMTiles,S57,SQLite,SXF,Selafin,TopoJSON,VDV,VFK,VICAR,WAsP,WFS,XLSX"
)

if "pyogrio" not in sys.modules:
    os.environ["GDAL_SKIP"] = _SKIPPED
    os.environ["OGR_SQLITE_LOAD_EXTENSIONS"] = ""

import numpy as np  # noqa: E402 - the environment must be set before
import pyogrio  # noqa: E402
import shapely  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geo.model import Geometry

pyogrio.set_gdal_config_options(
    {
        "GDAL_PAM_ENABLED": "NO",
        "SHAPE_RESTORE_SHX": "YES",  # staff send .shp and .dbf alone; the copy is private
        "OGR_SQLITE_LOAD_EXTENSIONS": "",
    }
)
DRIVERS: Final = frozenset(pyogrio.list_drivers())


@contextmanager
def gdal_guard(place: Where, *, notes: list[str]) -> Iterator[None]:
    """Turn GDAL's exceptions into `Refused` and its warnings into notes.

    Parameters
    ----------
    place : Where
        File and layer for the message.
    notes : list of str
        Receives the text of each warning once.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except _GDAL_ERRORS as error:
            message, remedy = "文件已损坏或内容不一致", "在原软件中重新导出"
            raise Refused(message, code="file-damaged", where=place, remedy=remedy) from error
    notes.extend(dict.fromkeys(str(warning.message)[:200] for warning in caught))


_GDAL_ERRORS: Final[tuple[type[Exception], ...]] = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
    pyogrio.errors.CRSError,
    ValueError,
    OSError,
)


def geometry_of(blob: bytes) -> tuple[Geometry | None, bool]:
    """Return the geometry of a WKB without Z, None where it is none, and whether unclosed rings were closed."""
    try:
        return shapely.force_2d(shapely.from_wkb(blob)), False
    except (shapely.errors.GEOSException, ValueError):
        with np.errstate(all="ignore"):  # a NaN among the coordinates is found by whoever vets them
            geometry = shapely.from_wkb(blob, on_invalid="fix")
        return (None, False) if geometry is None else (shapely.force_2d(geometry), True)
