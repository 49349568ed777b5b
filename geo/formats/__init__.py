"""Every file staff really have, read into one shape and nothing else.

`read` looks at a file from outside (`sniff`), hands it to exactly one reader and returns a `Dataset`:
features in the file's own numbers, with their line of origin, what was refused and why, what was
passed over, which encoding and datum were declared, and which are only proposed.

Examples
--------
>>> from geo.formats import read                                     # doctest: +SKIP
>>> dataset = read(Path("黎明社区.kml"))                              # doctest: +SKIP
>>> dataset.declared_datum is None, len(dataset.features)            # doctest: +SKIP
(True, 12)
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.errors import EncodingUnknown, NotFound, Where
from geo.formats.dataset import Dataset, Feature, Harvest, Rejected, Source
from geo.formats.delimited import read_csv
from geo.formats.dxf import read_dxf
from geo.formats.encoding import canonical_encoding
from geo.formats.geojson import read_geojson
from geo.formats.geopackage import read_geopackage
from geo.formats.kml import read_kml
from geo.formats.shapefile import read_shapefile
from geo.formats.sniff import load, sniff
from geo.formats.tables import personal_columns
from geo.formats.write import write
from geo.formats.xls import read_xls
from geo.formats.xlsx import read_xlsx
from geo.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Dataset", "Feature", "Rejected", "personal_columns", "read", "write"]

_READERS: Final[dict[str, Callable[[Source], Harvest]]] = {
    "geojson": read_geojson,
    "kml": read_kml,
    "kmz": read_kml,
    "shapefile": read_shapefile,
    "geopackage": read_geopackage,
    "dxf": read_dxf,
    "csv": read_csv,
    "xlsx": read_xlsx,
    "xls": read_xls,
}
_LAYERED: Final = frozenset({"kml", "kmz", "shapefile", "dxf"})


def read(
    path: Path | str, *, layer: str | None = None, encoding: str | None = None, limits: Limits | None = None
) -> Dataset:
    """Read a file of any supported format.

    Parameters
    ----------
    path : path
        The file; of a loose shapefile the ``.shp``.
    layer : str, optional
        Read only this layer, sheet or folder.
    encoding : str, optional
        What a person declares; taken strictly. Default: the file's own declaration, strict UTF-8, GB18030.
    limits : Limits, optional
        Upper bounds; the default ones where not given.

    Returns
    -------
    Dataset
        Good features, refused ones with line and reason, warnings. Coordinates are not converted.

    Raises
    ------
    Refused
        The file as a whole cannot be read; the remedy says what to do. `HostileFile` where a limit is
        passed or a format is disguised, `EncodingUnknown` where the text's encoding is a question.
    NotFound
        There is no layer of that name.
    """
    place, bounds = Path(path), limits or Limits()
    if encoding is not None and canonical_encoding(encoding) is None:
        raise EncodingUnknown("没有这种编码", where=Where(file=place.name), remedy="用 utf-8、gb18030、big5 或 utf-16")
    data = load(place, limits=bounds)
    kind = sniff(data, name=place.name, limits=bounds)
    source = Source(path=place, data=data, kind=kind, limits=bounds, layer=layer, encoding=encoding)
    harvest = _READERS[kind](source)
    if layer is not None and kind in _LAYERED and layer not in harvest.layers:
        known = "、".join(harvest.layers)[:200]
        raise NotFound("没有这个图层", where=Where(file=place.name), remedy=f"图层: {known}")
    return harvest.dataset(hashlib.sha256(data).hexdigest())
