"""Polygon files checked and repaired as they are, without a store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.crs import CGCS2000, Datum, geometry_to_cgcs2000, metric_for, parse_datum
from geo.errors import DatumRequired, NotFound, Refused, Where
from geo.formats import read, write
from geo.topology import Repaired, check, repair, settle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geo.crs import Metric
    from geo.formats import Feature, Rejected
    from geo.model import Finding, Geometry

__all__ = ["CheckedFile", "PolygonFile", "Polygons", "RepairedFile", "check_file", "read_polygons", "repair_file"]

_AREAL: Final = frozenset({"Polygon", "MultiPolygon"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonFile:
    """Which file, and what a person declares of it.

    Attributes
    ----------
    datum : str or None
        What the coordinates mean; None: what the file itself declares.
    name_field : str or None
        Column that names the polygons in reports; None: the usual name columns, else the row.
    """

    path: Path
    datum: str | None = None
    name_field: str | None = None
    layer: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Polygons:
    """The polygons of a file, converted to CGCS2000 degrees, not moved onto the lattice.

    Attributes
    ----------
    features : tuple of Feature
        As read, one per polygon.
    shapes : list of shapely geometry
        Parallel to `features`.
    names : tuple of str
        What findings call them.
    warnings : tuple of str
        What was passed over.
    refused : tuple of Rejected
        What of the file could not be read.
    """

    features: tuple[Feature, ...]
    shapes: list[Geometry]
    names: tuple[str, ...]
    datum: Datum
    warnings: tuple[str, ...]
    refused: tuple[Rejected, ...]

    def metric(self) -> Metric:
        """Return the metric of the zone the polygons lie in."""
        west, _, east, _ = shapely.total_bounds(self.shapes)
        return metric_for((float(west) + float(east)) / 2)


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """Findings of a file, nothing changed; `refused` could not be read and was not checked."""

    polygons: int
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    refused: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class RepairedFile:
    """What a repair of a file did: every change, findings before and after, and what the format could not keep.

    `refused` could not be read and is not in the new file.
    """

    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    changes: tuple[Any, ...]
    settled: tuple[Any, ...]
    warnings: tuple[str, ...]
    refused: tuple[Rejected, ...]
    losses: tuple[str, ...]


def read_polygons(source: PolygonFile) -> Polygons:
    """Read the polygons of a file of any supported format.

    Raises
    ------
    DatumRequired
        Neither the caller nor the file says what the coordinates mean.
    Refused
        The file holds no polygon, or not the column named.
    """
    dataset = read(source.path, layer=source.layer, encoding=source.encoding)
    where = Where(file=source.path.name, layer=source.layer)
    word = source.datum or dataset.declared_datum
    if word is None:
        raise DatumRequired("文件没有声明坐标系", where=where, remedy="加上 --datum, 例如 cgcs2000、gcj02 或 epsg:4552")
    if source.name_field is not None and source.name_field not in dataset.columns:
        raise NotFound(f"没有字段 {source.name_field}", where=where, remedy=f"字段: {'、'.join(dataset.columns)[:200]}")
    kept = tuple(f for f in dataset.features if f.geometry is not None and f.geometry.geom_type in _AREAL)
    if not kept:
        raise Refused("文件里没有面图形", code="no-polygons", where=where, remedy="检查文件和图层")
    datum = parse_datum(word)
    shapes = geometry_to_cgcs2000(np.array([f.geometry for f in kept], dtype=object), datum)
    passed = len(dataset.features) - len(kept)
    notes = [f"{passed} 个要素不是面, 未参加"] if passed else []
    names = _names(kept, source.name_field)
    return Polygons(kept, list(shapes), names, datum, (*dataset.warnings, *notes), tuple(dataset.refused))


def _names(features: Sequence[Feature], field: str | None) -> tuple[str, ...]:
    """Name each polygon; a name that several bear gets its row, for a finding must point at one."""
    said = [str(f.properties.get(field, "")) if field else f.name for f in features]
    plain = [name or f"第{f.row}个要素" for name, f in zip(said, features, strict=True)]
    twice = {name for name, times in Counter(plain).items() if times > 1}
    return tuple(f"{n}（第{f.row}行）" if n in twice else n for n, f in zip(plain, features, strict=True))


def check_file(source: PolygonFile) -> CheckedFile:
    """Report every finding of a polygon file; changes nothing."""
    polygons = read_polygons(source)
    findings = check(polygons.shapes, names=polygons.names, metric=polygons.metric())
    return CheckedFile(len(polygons.shapes), tuple(findings), polygons.warnings, polygons.refused)


def repair_file(source: PolygonFile, out: Path, *, tolerance_m: float, settle_rest: bool = False) -> RepairedFile:
    """Repair the polygons of a file within a tolerance into a new file in CGCS2000, and list every change.

    Parameters
    ----------
    out : path
        The ending decides the format; written whole or not at all, and never the file that was read.
    tolerance_m : float
        No vertex moves further than this, in metres.
    settle_rest : bool
        Also give what is wider to the neighbour with the longest shared edge, listed apart.

    Raises
    ------
    Refused
        `out` is the file itself, or the file cannot be read or written.
    """
    if out.resolve() == source.path.resolve():
        raise Refused("不覆盖原文件", code="same-file", where=Where(file=out.name), remedy="用 -o 换一个文件名")
    polygons = read_polygons(source)
    question: dict[str, Any] = {"names": polygons.names, "metric": polygons.metric()}
    before = check(polygons.shapes, **question)
    mended = repair(polygons.shapes, tolerance_m=tolerance_m, **question)
    rest: Repaired | None = None
    if settle_rest and any(f.blocking for f in mended.findings):
        rest = settle(mended.geometries, mended.findings, **question)
    final = rest or mended
    rows = [replace(f, geometry=g) for f, g in zip(polygons.features, final.geometries, strict=True) if g is not None]
    written = write(out, rows, datum=CGCS2000)
    return RepairedFile(
        before=tuple(before),
        after=tuple(final.findings),
        changes=tuple(mended.changes),
        settled=tuple(rest.changes) if rest else (),
        warnings=polygons.warnings,
        refused=polygons.refused,
        losses=written.losses,
    )
