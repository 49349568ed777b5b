"""The grids of a file as an index, in the plane the points will come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import CGCS2000, WGS84, Datum, parse_datum, to_cgcs2000
from geo.errors import CoverageBroken, DatumRequired, Refused, Where
from geo.locate import GridIndex
from geo.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

    from geo.formats import Dataset

__all__ = ["GridFile", "read_grids"]

FloatArray = NDArray[np.float64]
_POLYGONS: Final = frozenset({"Polygon", "MultiPolygon"})
# The person at the command line reads a file of her own: bounds against accidents, not against strangers.
_LIMITS: Final = Limits(
    features=2_000_000,
    vertices=100_000_000,
    polygon_vertices=2_000_000,
    table_rows=2_000_000,
    upload_bytes=8_000_000_000,
    unpacked_bytes=16_000_000_000,
)


@dataclass(frozen=True, slots=True)
class GridFile:
    """The polygons of one file, ready for look-ups.

    Attributes
    ----------
    index : GridIndex
        In degrees (CGCS2000), or in the plane of `plane` where points share it.
    labels : tuple of str
        What is written for each position.
    plane : Datum or None
        The plane both files share, None where everything is in degrees.
    warnings : tuple of str
        Overlaps, gaps and features that were passed over.
    """

    index: GridIndex
    labels: tuple[str, ...]
    plane: Datum | None
    warnings: tuple[str, ...]


def read_grids(
    path: Path, *, grid_id: str | None, datum: str | None, points_datum: Datum, layer: str | None = None
) -> GridFile:
    """Read polygons of any supported format.

    Parameters
    ----------
    path : Path
    grid_id : str or None
        Column whose values name the grids; None: their position, counted from 0.
    datum : str or None
        Datum of the polygons; None: what the file declares.
    points_datum : Datum
        Datum of the points. Where both share a plane nothing is converted.
    layer : str, optional

    Raises
    ------
    DatumRequired
        Neither the caller nor the file says what the coordinates mean.
    Refused
        No polygons, or no such column.
    """
    from geo.formats import read  # noqa: PLC0415 - GDAL takes half a second to load

    dataset = read(path, layer=layer, limits=_LIMITS)
    declared = _declared(dataset, datum, path)
    kept = [f for f in dataset.features if f.geometry is not None and f.geometry.geom_type in _POLYGONS]
    where = Where(file=path.name, layer=layer)
    if not kept:
        raise Refused("文件里没有面图形", code="no-polygons", where=where, remedy="检查文件和图层")
    if grid_id is not None and grid_id not in dataset.columns:
        columns = "、".join(dataset.columns)[:200]
        raise Refused(f"没有字段 {grid_id}", code="column-missing", where=where, remedy=f"现有字段: {columns}")
    labels = tuple(str(i) if grid_id is None else _label(f.properties.get(grid_id)) for i, f in enumerate(kept))
    shared = declared if declared == points_datum and declared not in (CGCS2000, WGS84) else None
    shapes = np.array([f.geometry for f in kept], dtype=object)
    index, warnings = _indexed(shapes if shared else _in_degrees(shapes, declared), labels, plane=shared)
    passed = len(dataset.features) - len(kept) + len(dataset.refused)
    if passed:
        warnings = (*warnings, f"{path.name}: {passed} 个要素不是可用的面, 未参加落格")
    return GridFile(index, labels, shared, warnings)


def _declared(dataset: Dataset, datum: str | None, path: Path) -> Datum:
    word = datum or dataset.declared_datum
    if word is None:
        raise DatumRequired(
            "网格文件没有声明坐标系",
            where=Where(file=path.name),
            remedy="加上 --grids-datum, 例如 cgcs2000 或 epsg:4552",
        )
    return parse_datum(word)


def _label(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _in_degrees(shapes: NDArray[Any], datum: Datum) -> NDArray[Any]:
    """Convert without moving anything onto the lattice: the file's own polygons are the question."""
    if datum in (CGCS2000, WGS84):
        return shapes

    def convert(xy: FloatArray) -> FloatArray:
        return np.column_stack(to_cgcs2000(xy[:, 0], xy[:, 1], datum))

    return np.asarray(shapely.transform(shapely.force_2d(shapes), convert), dtype=object)


def _indexed(
    shapes: NDArray[Any], labels: tuple[str, ...], *, plane: Datum | None
) -> tuple[GridIndex, tuple[str, ...]]:
    """Index the polygons as a coverage; where they are none, say so and let the lowest position win."""
    names = [label or str(i) for i, label in enumerate(labels)]
    metric: Literal["auto"] | None = None if plane is not None and plane.epsg is not None else "auto"
    try:
        return GridIndex.from_polygons(shapes, names=names, metric=metric), ()
    except CoverageBroken as broken:
        note = f"面之间不是严密拼接({broken}); 重叠处取文件中靠前的面, 缝隙处算作界外"
        return GridIndex.from_polygons(shapes, strict=False, names=names, metric=metric), (note,)
