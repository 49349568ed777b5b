"""Any points in any polygons: file to file, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geo.assign.points import BASES, assign_points
from geo.assign.polygons import GridFile, read_grids
from geo.assign.sinks import answer_schema, check_target, opened_sink
from geo.assign.sources import PointBatch, PointFile, open_points
from geo.crs import Datum, parse_datum, to_cgcs2000
from geo.errors import Refused, Where
from geo.model import Basis

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.locate import GridIndex

__all__ = ["AssignReport", "BadRow", "Placer", "Tally", "assign_file", "prepared"]

FloatArray = NDArray[np.float64]

LISTED: Final = 20
# Axes look swapped where next to nothing lies inside as declared, and most does the other way round.
_SWAPPED_BELOW: Final = 0.01
_SWAPPED_ABOVE: Final = 0.5


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row without a usable point; its values are not repeated."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignReport:
    """What a bulk assignment did.

    `bad` lists the first of the `invalid` rows; `by_basis` counts rows by basis; `warnings` say what was odd
    about the polygons.
    """

    rows: int
    placed: int
    outside: int
    invalid: int
    by_basis: dict[str, int]
    bad: tuple[BadRow, ...]
    warnings: tuple[str, ...]
    encoding: str


@dataclass(slots=True)
class Tally:
    """Counts that grow batch by batch."""

    by_code: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(BASES), dtype=np.int64))
    bad: list[BadRow] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the counts of rows further down the file."""
        self.by_code += other.by_code
        self.bad += other.bad[: LISTED - len(self.bad)]

    def report(self, *, warnings: tuple[str, ...], encoding: str) -> AssignReport:
        """Return the counts as a report."""
        by_basis = {str(b): int(n) for b, n in zip(BASES, self.by_code, strict=True)}
        return AssignReport(
            rows=int(self.by_code.sum()),
            placed=by_basis[Basis.INTERIOR] + by_basis[Basis.BOUNDARY],
            outside=by_basis[Basis.OUTSIDE],
            invalid=by_basis[Basis.INVALID],
            by_basis=by_basis,
            bad=tuple(self.bad),
            warnings=warnings,
            encoding=encoding,
        )


@dataclass(frozen=True, slots=True)
class Placer:
    """Turns batches of points into batches of answers; the same wherever it runs.

    Attributes
    ----------
    index : GridIndex
    words : pyarrow.Array of string
        What is written for each position, and at the end "" for outside.
    datum : Datum
        Of the points.
    plane : Datum or None
        The plane points and polygons share, None where points are converted to CGCS2000.
    schema : pyarrow.Schema
    """

    index: GridIndex
    words: Any
    datum: Datum
    plane: Datum | None
    schema: Any

    def place(self, batch: PointBatch) -> tuple[pa.Table, Tally]:
        """Return the answer's rows and their counts."""
        x, y = self.converted(batch.x, batch.y)
        found = assign_points(self.index, None, x, y)
        grid = self.words.take(pa.array(np.where(found.position < 0, len(self.words) - 1, found.position)))
        basis = pa.array([str(b) for b in BASES], pa.string()).take(pa.array(found.basis_code))
        table = pa.Table.from_arrays([batch.ids, grid, basis], schema=self.schema)
        return table, self._tally(batch, found.basis_code)

    def converted(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points in the plane of the index."""
        return (x, y) if self.plane is not None else to_cgcs2000(x, y, self.datum)

    def _tally(self, batch: PointBatch, code: NDArray[np.uint8]) -> Tally:
        invalid = np.flatnonzero(code == BASES.index(Basis.INVALID))[:LISTED]
        finite = np.isfinite(batch.x) & np.isfinite(batch.y)
        bad = [BadRow(int(batch.row[i]), "坐标换算不了" if finite[i] else "坐标缺失或不是数字") for i in invalid]
        return Tally(np.bincount(code, minlength=len(BASES)), bad)

    def refuse_swapped(self, batch: PointBatch, where: Where) -> None:
        """Refuse points that lie outside as declared but inside with their axes exchanged."""
        good = np.isfinite(batch.x) & np.isfinite(batch.y)
        x, y = batch.x[good], batch.y[good]
        if not len(x) or self._share_inside(x, y) > _SWAPPED_BELOW or self._share_inside(y, x) < _SWAPPED_ABOVE:
            return
        raise Refused(
            "按声明的列, 点几乎都在界外; 把经度列和纬度列对调后大多落在网格里",
            code="axes-swapped",
            where=where,
            remedy="核对后把 --lon 和 --lat 对调再运行",
        )

    def _share_inside(self, x: FloatArray, y: FloatArray) -> float:
        with np.errstate(all="ignore"):
            lon, lat = self.converted(x, y)
        return float((self.index.locate_many(lon, lat) >= 0).mean())


def assign_file(
    *,
    grids: Path | str,
    points: Path | str,
    out: Path | str,
    datum: str | None,
    point_id: str,
    lon: str | None = None,
    lat: str | None = None,
    grid_id: str | None = None,
    grids_datum: str | None = None,
    grids_layer: str | None = None,
    points_layer: str | None = None,
    encoding: str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> AssignReport:
    """Place the points of a file in the polygons of a file.

    Memory stays bounded whatever the number of points. The answer appears under its name only when it is
    complete; an exception (also one raised by `progress` to cancel) leaves what was there before.

    Parameters
    ----------
    grids : path
        Polygons in any format that `geo.formats` reads. They need not form a coverage: overlaps are reported
        and the lowest position wins.
    points : path
        CSV, Parquet or GeoPackage.
    out : path
        ``.csv`` or ``.parquet``: columns `point_id`, ``grid`` (the grid's id or its position, empty outside)
        and ``basis``, in the order of the points.
    datum : str or None
        What the points' coordinates mean.
    point_id, lon, lat : str
        Columns of the points; lon and lat may be left out for a GeoPackage with point geometries.
    grid_id : str, optional
        Column that names the grids; default: their position in the file, counted from 0.
    grids_datum : str, optional
        Default: what the file of polygons declares.
    grids_layer, points_layer, encoding : str, optional
    progress : callable, optional
        Called with the share done and a word.

    Raises
    ------
    DatumRequired
        A datum is neither given nor declared.
    Refused
        A file that cannot be read, a column that is missing, axes that look swapped.
    Unavailable
        The disk is full or the target cannot be written.
    """
    placer, grid_file, source = prepared(
        grids=Path(grids), points=Path(points), out=Path(out), datum=datum, point_id=point_id, lon=lon, lat=lat,
        grid_id=grid_id, grids_datum=grids_datum, grids_layer=grids_layer, points_layer=points_layer, encoding=encoding,
    )  # fmt: skip
    tally = _streamed(placer, source, Path(out), progress or _silent)
    return tally.report(warnings=grid_file.warnings, encoding=source.encoding)


def prepared(
    *,
    grids: Path,
    points: Path,
    out: Path,
    datum: str | None,
    point_id: str,
    lon: str | None,
    lat: str | None,
    grid_id: str | None,
    grids_datum: str | None,
    grids_layer: str | None,
    points_layer: str | None,
    encoding: str | None,
) -> tuple[Placer, GridFile, PointFile]:
    """Check all that can be checked before the first point is read."""
    meaning = parse_datum(datum)
    check_target(out)
    source = open_points(points, lon=lon, lat=lat, point_id=point_id, encoding=encoding, layer=points_layer)
    grid_file = read_grids(grids, grid_id=grid_id, datum=grids_datum, points_datum=meaning, layer=grids_layer)
    schema = answer_schema(point_id, source.id_type())
    words = pa.array([*grid_file.labels, ""], pa.string())
    placer = Placer(grid_file.index, words, meaning, grid_file.plane, schema)
    return placer, grid_file, source


def _streamed(placer: Placer, source: PointFile, out: Path, progress: Callable[[float, str], None]) -> Tally:
    tally, unseen = Tally(), True
    with opened_sink(out, placer.schema) as sink:
        for share, batch in source.batches():
            if unseen and len(batch.x):
                placer.refuse_swapped(batch, Where(file=source.path.name))
                unseen = False
            table, counts = placer.place(batch)
            sink.write(table)
            tally.add(counts)
            progress(share, "落格")
    return tally


def _silent(_share: float, _what: str) -> None:
    """Say nothing."""
