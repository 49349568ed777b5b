"""Points of a file in batches, whatever its size: CSV, Parquet or GeoPackage."""

from __future__ import annotations

import codecs
import csv
import errno
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from geo.errors import EncodingUnknown, NotFound, Refused, Unavailable, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BATCH_ROWS", "PointBatch", "PointFile", "Span", "open_points"]

FloatArray = NDArray[np.float64]

BATCH_ROWS: Final = 2**18
_SPAN_ROWS: Final = 2**20
_BLOCK_BYTES: Final = 8 * 2**20
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_SQLITE: Final = b"SQLite format 3\0"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class PointBatch:
    """Some rows of a file: where they stand, their ids, and their coordinates (NaN where there are none)."""

    row: NDArray[np.int64]
    ids: pa.Array
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True, slots=True)
class Span:
    """Rows [first, past) of one row group of a Parquet file; `row` is the number of the first in the file."""

    group: int
    first: int
    past: int
    row: int


@dataclass(frozen=True, slots=True)
class PointFile:
    """A file of points and the columns that matter in it.

    Attributes
    ----------
    path : Path
    kind : {"csv", "parquet", "gpkg"}
    lon, lat : str or None
        Columns; both None where a GeoPackage's geometry is asked for.
    point_id : str
    encoding : str
        "utf-8" or "gb18030" for text, else "".
    """

    path: Path
    kind: str
    lon: str | None
    lat: str | None
    point_id: str
    encoding: str = ""
    delimiter: str = ","
    layer: str | None = None

    def id_type(self) -> pa.DataType:
        """Return the type of the id column."""
        if self.kind != "parquet":
            return pa.string()
        found = pq.read_schema(self.path).field(self.point_id).type
        return found.value_type if pa.types.is_dictionary(found) else found

    def batches(self) -> Iterator[tuple[float, PointBatch]]:
        """Yield (share of the file read, rows), in the order of the file."""
        if self.kind == "parquet":
            yield from _parquet_batches(self)
        elif self.kind == "csv":
            yield from _csv_batches(self)
        else:
            yield from _gpkg_batches(self)

    def spans(self) -> list[Span]:
        """Return the parts of a Parquet file that can be read apart; none is cut inside a batch."""
        meta, found, row = pq.read_metadata(self.path), [], 0
        for group in range(meta.num_row_groups):
            rows = meta.row_group(group).num_rows
            cuts = range(0, rows, _SPAN_ROWS)
            found += [Span(group, first, min(first + _SPAN_ROWS, rows), row + first) for first in cuts]
            row += rows
        return found

    def span_batches(self, span: Span) -> Iterator[PointBatch]:
        """Yield the rows of one span, in the same batches as `batches` does."""
        with _parquet(self.path) as file:
            yield from _span_batches(self, file, span)


def open_points(
    path: Path,
    *,
    lon: str | None,
    lat: str | None,
    point_id: str,
    encoding: str | None = None,
    layer: str | None = None,
) -> PointFile:
    """Look at a file of points and check that it has the columns asked for.

    Raises
    ------
    NotFound
        There is no such file.
    Refused
        Another format, an empty file, or a column that is not there.
    EncodingUnknown
        Text that is neither strict UTF-8 nor GB18030.
    """
    if not path.is_file():
        raise NotFound("没有这个文件", where=Where(file=str(path)), remedy="检查路径")
    if path.stat().st_size == 0:
        raise Refused("文件是空的", code="empty-file", where=Where(file=path.name), remedy="检查导出是否完成")
    kind = _kind(path)
    if kind == "gpkg":
        _check_columns(path, _gpkg_columns(path, layer), point_id, lon, lat)
        return PointFile(path, kind, lon, lat, point_id, layer=layer)
    if lon is None or lat is None:
        raise Refused(
            "没有说明经度列和纬度列", code="column-missing", where=Where(file=path.name), remedy="加上 --lon 和 --lat"
        )
    if kind == "parquet":
        with _parquet(path) as file:
            _check_columns(path, file.schema_arrow.names, point_id, lon, lat)
        return PointFile(path, kind, lon, lat, point_id)
    chosen = _encoding(path, encoding)
    header, delimiter = _header(path, chosen)
    _check_columns(path, header, point_id, lon, lat)
    return PointFile(path, kind, lon, lat, point_id, encoding=chosen, delimiter=delimiter)


def _kind(path: Path) -> str:
    """Tell the format by the first bytes; a name says nothing but "text"."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == b"PAR1":
        return "parquet"
    if head == _SQLITE:
        return "gpkg"
    if b"\0" in head or head[:2] == b"PK":
        raise Refused(
            "点位文件要用 CSV、Parquet 或 GeoPackage", code="format", where=Where(file=path.name), remedy="另存为 CSV"
        )
    return "csv"


def _check_columns(path: Path, present: list[str], *wanted: str | None) -> None:
    missing = [name for name in wanted if name is not None and name not in present]
    if missing:
        remedy = f"现有列: {'、'.join(present)[:200]}"
        raise Refused(f"没有列 {'、'.join(missing)}", code="column-missing", where=Where(file=path.name), remedy=remedy)


# -- text --------------------------------------------------------------------------------------------


def _encoding(path: Path, declared: str | None) -> str:
    for name in [declared] if declared else ["utf-8", "gb18030"]:
        decoder = codecs.getincrementaldecoder(name)("strict")
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name
    raise EncodingUnknown(
        "既不是 UTF-8 也不是 GB18030 文本", where=Where(file=path.name), remedy="另存为 CSV UTF-8 后重试"
    )


def _header(path: Path, encoding: str) -> tuple[list[str], str]:
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        line = next((text for text in file if text.strip()), "")
    if not line:
        raise Refused("文件是空的", code="empty-file", where=Where(file=path.name), remedy="检查导出是否完成")
    delimiter = max(",\t;", key=line.count)
    return next(csv.reader([line], delimiter=delimiter)), delimiter


def _csv_batches(points: PointFile) -> Iterator[tuple[float, PointBatch]]:
    ragged: list[Any] = []

    def keep(row: Any) -> str:
        # A quote that never ends swallows the rows after it: that is no bad row but a broken file.
        if row.text.count('"') % 2:
            return "error"
        ragged.append(row)
        return "skip"

    wanted = [points.point_id, points.lon, points.lat]
    size = points.path.stat().st_size
    position = _header(points.path, points.encoding)[0].index(points.point_id)
    try:
        with points.path.open("rb") as file:
            reader = pyarrow.csv.open_csv(
                file,
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=_BLOCK_BYTES, encoding=points.encoding
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=points.delimiter, newlines_in_values=True, invalid_row_handler=keep
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )
            line = 2
            for table in reader:
                ids, lon, lat = (table.column(table.schema.get_field_index(n)) for n in wanted)
                batch = PointBatch(line + np.arange(len(ids)), ids, _numbers(lon), _numbers(lat))
                batch, line = _with_ragged(batch, ragged, position=position, delimiter=points.delimiter)
                yield min(file.tell() / size, 1.0), batch
            if ragged:
                none = PointBatch(np.empty(0, dtype=np.int64), pa.array([], pa.string()), np.empty(0), np.empty(0))
                yield 1.0, _with_ragged(none, ragged, position=position, delimiter=points.delimiter, all_left=True)[0]
    except pa.ArrowInvalid as error:
        raise Refused(
            "表格读不下去", code="csv-broken", where=Where(file=points.path.name), remedy="检查引号是否成对"
        ) from error


def _with_ragged(
    batch: PointBatch, ragged: list[Any], *, position: int, delimiter: str, all_left: bool = False
) -> tuple[PointBatch, int]:
    """Put rows with too few or too many cells back in their places, without coordinates."""
    rows, put = batch.row, []
    ragged.sort(key=lambda row: row.number)
    while ragged and (all_left or (len(rows) and ragged[0].number <= rows[-1])):
        row = ragged.pop(0)
        cells = next(csv.reader([row.text], delimiter=delimiter), [])
        put.append((row.number, cells[position] if position < len(cells) else ""))
        rows = rows + (rows >= row.number)
    past = int(rows[-1]) + 1 if len(rows) else 0
    if not put:
        return PointBatch(rows, batch.ids, batch.x, batch.y), past
    row = np.concatenate([rows, [n for n, _ in put]]).astype(np.int64)
    order = np.argsort(row, kind="stable")
    ids = pa.concat_arrays([batch.ids, pa.array([text for _, text in put], pa.string())]).take(pa.array(order))
    none = np.full(len(put), np.nan)
    x, y = (np.concatenate([column, none])[order] for column in (batch.x, batch.y))
    return PointBatch(row[order], ids, x, y), past


def _numbers(column: pa.Array) -> FloatArray:
    """Return a column as float64, NaN where it is no finite number in plain notation."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.match_substring_regex(column, _NUMBER), column, None)
    elif not (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    ):
        return np.full(len(column), np.nan)
    values = column.cast(pa.float64(), safe=False)
    return np.asarray(values.fill_null(np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)


# -- Parquet -----------------------------------------------------------------------------------------


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path, memory_map=False, buffer_size=_BLOCK_BYTES) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise Refused(
            "Parquet 文件已损坏", code="file-damaged", where=Where(file=path.name), remedy="重新导出"
        ) from error


def _parquet_batches(points: PointFile) -> Iterator[tuple[float, PointBatch]]:
    with _parquet(points.path) as file:
        total, done = max(file.metadata.num_rows, 1), 0
        for group in range(file.num_row_groups):
            span = Span(group, 0, file.metadata.row_group(group).num_rows, done)
            for batch in _span_batches(points, file, span):
                done += len(batch.x)
                yield done / total, batch


def _span_batches(points: PointFile, file: pq.ParquetFile, span: Span) -> Iterator[PointBatch]:
    columns = list(dict.fromkeys([points.point_id, points.lon, points.lat]))
    place = 0
    for table in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[span.group], columns=columns, use_threads=False):
        if place >= span.past:
            return
        if place >= span.first:
            ids, lon, lat = (
                table.column(table.schema.get_field_index(n)) for n in (points.point_id, points.lon, points.lat)
            )
            if pa.types.is_dictionary(ids.type):
                ids = ids.cast(ids.type.value_type)
            row = span.row - span.first + place + 1 + np.arange(table.num_rows)
            yield PointBatch(row, ids, _numbers(lon), _numbers(lat))
        place += table.num_rows


# -- GeoPackage --------------------------------------------------------------------------------------


@contextmanager
def _gpkg_copy(path: Path) -> Iterator[str]:
    """Yield the named driver's path of a private copy: the live file may be open in this process.

    Raises
    ------
    Refused
        What stands beside the file is not in it yet.
    Unavailable
        The temporary folder has no room for the copy.
    """
    from geo.formats.geopackage import refuse_unwritten  # noqa: PLC0415 - GDAL takes half a second to load

    refuse_unwritten(path)
    with tempfile.TemporaryDirectory(prefix="wangge-") as folder:
        copy = Path(folder) / "points.gpkg"
        try:
            shutil.copyfile(path, copy)
            with copy.open("rb+") as file:
                file.seek(18)
                file.write(b"\x01\x01")  # no write-ahead log: reading leaves nothing beside the copy
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise Unavailable(
                f"读取前要先复制到临时目录, 复制失败: {error.strerror}",
                code="write-failed",
                where=Where(file=path.name),
                remedy="腾出磁盘空间, 或用 TMPDIR 指定别的临时目录, 再试",
            ) from error
        yield f"GPKG:{copy}"


def _gpkg_columns(path: Path, layer: str | None) -> list[str]:
    from geo.formats.drivers import gdal_guard, pyogrio  # noqa: PLC0415 - GDAL takes half a second to load

    with _gpkg_copy(path) as copy, gdal_guard(Where(file=path.name, layer=layer), notes=[]):
        info = pyogrio.read_info(copy, layer=layer)
    return [info.get("fid_column") or "fid", *(str(n) for n in info["fields"])]


def _gpkg_batches(points: PointFile) -> Iterator[tuple[float, PointBatch]]:
    from geo.formats.drivers import gdal_guard, pyogrio  # noqa: PLC0415 - GDAL takes half a second to load

    where = Where(file=points.path.name, layer=points.layer)
    columns = [n for n in (points.point_id, points.lon, points.lat) if n is not None]
    with _gpkg_copy(points.path) as copy, gdal_guard(where, notes=[]):
        total = max(int(pyogrio.read_info(copy, layer=points.layer, force_feature_count=True)["features"]), 1)
        options: dict[str, Any] = {"layer": points.layer, "columns": columns, "batch_size": 65_536, "return_fids": True}
        with pyogrio.open_arrow(copy, use_pyarrow=True, **options) as (meta, reader):
            done = 0
            for table in reader:
                yield (done + table.num_rows) / total, _gpkg_batch(points, meta, table, done)
                done += table.num_rows


def _gpkg_batch(points: PointFile, meta: dict[str, Any], table: pa.RecordBatch, done: int) -> PointBatch:
    ids = table.column(table.schema.get_field_index(points.point_id)).cast(pa.string())
    row = done + 1 + np.arange(table.num_rows)
    if points.lon is not None and points.lat is not None:
        lon, lat = (table.column(table.schema.get_field_index(n)) for n in (points.lon, points.lat))
        return PointBatch(row, ids, _numbers(lon), _numbers(lat))
    place = table.schema.get_field_index(meta.get("geometry_name") or "wkb_geometry")
    if place < 0:
        place = table.schema.get_field_index("wkb_geometry")
    blobs = table.column(place).to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(blobs, on_invalid="ignore")
    return PointBatch(row, ids, shapely.get_x(shapes), shapely.get_y(shapes))
