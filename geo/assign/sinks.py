"""Where answers go: one CSV or Parquet file, written batch by batch, the same bytes for the same batches."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from geo.errors import Refused, Where
from geo.formats.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Sink", "answer_schema", "check_target", "opened_sink", "parquet_part"]

_SUFFIXES: Final = (".csv", ".parquet")
_NEEDS_QUOTES: Final = '[",\r\n]'


class Sink(Protocol):
    """Takes tables of the answer's columns."""

    def write(self, table: pa.Table) -> None:
        """Append a batch."""


def answer_schema(point_id: str, id_type: pa.DataType) -> pa.Schema:
    """Return the columns of an answer: the point's id, `grid` (empty outside) and `basis`."""
    return pa.schema([(point_id, id_type), ("grid", pa.string()), ("basis", pa.string())])


def check_target(out: Path) -> None:
    """Refuse a target whose suffix says neither CSV nor Parquet."""
    if out.suffix.lower() not in _SUFFIXES:
        raise Refused("结果只能写成 .csv 或 .parquet", code="format", where=Where(file=out.name), remedy="换一个扩展名")


@contextmanager
def opened_sink(out: Path, schema: pa.Schema) -> Iterator[Sink]:
    """Yield a sink whose file appears under its name only when all was written.

    Raises
    ------
    Unavailable
        The disk is full or the folder cannot be written; nothing is left behind.
    """
    check_target(out)
    with replacing(out) as draft:
        if out.suffix.lower() == ".csv":
            with draft.open("wb") as file:
                yield _Text(file, schema)
        else:
            with parquet_part(draft, schema) as sink:
                yield sink


@contextmanager
def parquet_part(path: Path, schema: pa.Schema) -> Iterator[Sink]:
    """Yield a sink that writes one Parquet file in place; each batch becomes one row group."""
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["grid", "basis"]) as writer:
        yield _Columns(writer)


class _Columns:
    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)


class _Text:
    """CSV with quotes only where a value needs them."""

    def __init__(self, file: _Bytes, schema: pa.Schema) -> None:
        self._file = file
        self._append([pa.array([name]) for name in schema.names])

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._append([column.combine_chunks().cast(pa.string()) for column in table.columns])

    def _append(self, columns: list[pa.Array]) -> None:
        lines = pc.binary_join_element_wise(*(_quoted(c) for c in columns), ",")
        whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
        self._file.write(pc.binary_join(whole, "\n")[0].as_buffer())
        self._file.write(b"\n")


class _Bytes(Protocol):
    def write(self, data: bytes, /) -> int:
        """Write all bytes."""


def _quoted(column: pa.Array) -> pa.Array:
    text = pc.fill_null(column, "")
    special = pc.match_substring_regex(text, _NEEDS_QUOTES)
    if not pc.any(special).as_py():
        return text
    quoted = pc.binary_join_element_wise("", pc.replace_substring(text, '"', '""'), "", '"')
    return pc.if_else(special, quoted, text)
