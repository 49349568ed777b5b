"""Bulk assignment beyond one machine: the same answer, byte for byte, from a Dask cluster.

The index is laid down once in a folder beside the target, and every worker process maps it: those of one machine
share one copy, and a dying worker takes nothing with it. Each task reads a span of the Parquet file of points and
writes its answers into that folder; a task whose worker dies runs again elsewhere. The parts are then joined in
the order of the file, batch by batch, as one machine would have written them. Workers and the caller must see the
same files (a shared folder, or one machine).

dask is an extra (``wangge[cluster]``) and is loaded on first use.
"""

from __future__ import annotations

import socket
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from geo.assign.bulk import AssignReport, Placer, Tally, prepared
from geo.assign.sinks import opened_sink, parquet_part
from geo.errors import Refused, Unavailable, Where
from geo.locate import GridIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from geo.assign.sources import PointFile, Span
    from geo.crs import Datum

__all__ = ["assign_on_cluster"]

_LOCAL: Final = "local"
_CONNECT_SECONDS: Final = 10.0
_RETRIES: Final = 3
_INDEX: Final = "index"
_WORDS: Final = "words.parquet"


def assign_on_cluster(
    address: str,
    *,
    grids: Path | str,
    points: Path | str,
    out: Path | str,
    datum: str | None,
    point_id: str,
    lon: str,
    lat: str,
    grid_id: str | None = None,
    grids_datum: str | None = None,
    grids_layer: str | None = None,
    workers: int | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> AssignReport:
    """Place the points of a Parquet file on a Dask cluster.

    Parameters
    ----------
    address : str
        Address of a scheduler, such as ``tcp://10.0.0.5:8786``, or ``local`` for worker processes here.
    workers : int, optional
        Number of local worker processes; default: one for each core.
    grids, points, out, datum, point_id, lon, lat, grid_id, grids_datum, grids_layer, progress
        As in `geo.assign.assign_file`; the points are Parquet.

    Raises
    ------
    Unavailable
        The extra is not installed, the address does not answer, or workers keep dying; nothing was written.
    Refused, DatumRequired
        As in `geo.assign.assign_file`.
    """
    placer, grid_file, source = prepared(
        grids=Path(grids), points=Path(points), out=Path(out), datum=datum, point_id=point_id, lon=lon, lat=lat,
        grid_id=grid_id, grids_datum=grids_datum, grids_layer=grids_layer, points_layer=None, encoding=None,
    )  # fmt: skip
    if source.kind != "parquet":
        raise Refused(
            "集群落格只读 Parquet", code="format", where=Where(file=source.path.name), remedy="先另存为 Parquet"
        )
    _refuse_swapped(placer, source)
    with _client(address, workers=workers) as client:
        tally = _shared_out(client, placer, source, Path(out), progress or _silent)
    return tally.report(warnings=grid_file.warnings, encoding="")


def _refuse_swapped(placer: Placer, source: PointFile) -> None:
    for _, batch in source.batches():
        placer.refuse_swapped(batch, Where(file=source.path.name))
        return


@contextmanager
def _client(address: str, *, workers: int | None) -> Iterator[Any]:
    """Yield a client of the named cluster, or of processes started for the occasion."""
    try:
        import distributed  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        remedy = "pip install wangge[cluster]"
        raise Unavailable("没有安装集群组件", code="dask-missing", remedy=remedy) from error
    connect: Any = distributed.Client
    start_cluster: Any = distributed.LocalCluster
    if address == _LOCAL:
        with (
            start_cluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            connect(cluster) as client,
        ):
            yield client
        return
    try:
        _knock(address)
        client = connect(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        remedy = "检查地址和调度器, 或用 --cluster local"
        raise Unavailable(f"集群 {address} 没有应答", code="cluster-unreachable", remedy=remedy) from error
    with client:
        _require_worker(client, address)
        yield client


def _knock(address: str) -> None:
    """Wait, not for ever, for the first byte: a client stays with a listener that takes the call and says nothing.

    A scheduler speaks first. Addresses without a plain host and port are left to the client.

    Raises
    ------
    OSError
        Nobody listens, or nobody speaks in time.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"", "tcp"} or not parts.hostname or not parts.port:
        return
    with socket.create_connection((parts.hostname, parts.port), timeout=_CONNECT_SECONDS) as line:
        if not line.recv(1):
            raise ConnectionError("the line was closed")


def _require_worker(client: Any, address: str) -> None:
    """Refuse a scheduler nobody works for: tasks would wait there for ever."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError as error:
        remedy = "先启动工作进程: dask worker 地址"
        raise Unavailable(f"集群 {address} 没有工作进程", code="cluster-unreachable", remedy=remedy) from error


def _shared_out(
    client: Any, placer: Placer, source: PointFile, out: Path, progress: Callable[[float, str], None]
) -> Tally:
    """Run all spans, then join their parts in the order of the file."""
    spans = source.spans()
    tally = Tally()
    with _parts_beside(out) as folder:
        recipe = _published(placer, folder)
        parts = [folder / f"{number:06d}.parquet" for number in range(len(spans))]
        futures = [
            client.submit(_place_span, recipe, source, span, part, pure=False, retries=_RETRIES)
            for span, part in zip(spans, parts, strict=True)
        ]
        counts = _gathered(client, futures, progress)
        with opened_sink(out, placer.schema) as sink:
            for number, part in enumerate(parts):
                _append(sink, part)
                tally.add(counts[number])
                progress(0.9 + 0.1 * (number + 1) / len(parts), "合并")
    return tally


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What a worker needs to make a `Placer`: small, for the index lies in a file that workers map."""

    folder: str
    datum: Datum
    plane: Datum | None
    schema: Any

    def placer(self) -> Placer:
        index, words = _mapped(self.folder)
        return Placer(index, words, self.datum, self.plane, self.schema)


def _published(placer: Placer, folder: Path) -> _Recipe:
    """Lay the index down once for all workers; one that dies takes nothing with it."""
    placer.index.save(folder / _INDEX)
    pq.write_table(pa.table({"word": placer.words}), folder / _WORDS)
    return _Recipe(str(folder.resolve()), placer.datum, placer.plane, placer.schema)


@lru_cache(maxsize=1)
def _mapped(folder: str) -> tuple[GridIndex, Any]:
    """Open the index of a run, once in each worker process; those of one machine share its memory."""
    words = pq.read_table(Path(folder) / _WORDS)["word"].combine_chunks()
    return GridIndex.open(Path(folder) / _INDEX), words


@contextmanager
def _parts_beside(out: Path) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix=".wangge-parts-", dir=out.parent, ignore_cleanup_errors=True) as name:
            yield Path(name)
    except FileNotFoundError as error:
        raise Unavailable("目标文件夹不存在", where=Where(file=str(out.parent)), remedy="先建好文件夹") from error


def _gathered(client: Any, futures: list[Any], progress: Callable[[float, str], None]) -> list[Tally]:
    """Wait for all tasks; a cancelled or failed run takes its tasks with it."""
    from distributed import KilledWorker, as_completed  # noqa: PLC0415 - an extra, and slow to load
    from distributed.client import FutureCancelledError  # noqa: PLC0415

    finished: Any = as_completed

    try:
        for done, _ in enumerate(finished(futures)):
            progress(0.9 * (done + 1) / len(futures), "落格")
        # Not taken from the loop: a result whose worker died after it was reported is computed again here.
        counts: list[Tally] = client.gather(futures)
    except (KilledWorker, FutureCancelledError) as error:
        remedy = "查看工作进程的内存和日志"
        raise Unavailable("工作进程反复中断", code="workers-lost", remedy=remedy) from error
    except OSError as error:
        raise Unavailable("工作进程写不出结果", code="write-failed", remedy="检查共享文件夹和磁盘空间") from error
    finally:
        client.cancel(futures)
    return counts


def _place_span(recipe: _Recipe, source: PointFile, span: Span, part: Path) -> Tally:
    """Place one span and write its answers whole or not at all (a task may run twice at once)."""
    tally, placer = Tally(), recipe.placer()
    with tempfile.TemporaryDirectory(prefix="task-", dir=part.parent) as folder:
        draft = Path(folder) / part.name
        with parquet_part(draft, placer.schema) as sink:
            for batch in source.span_batches(span):
                table, counts = placer.place(batch)
                sink.write(table)
                tally.add(counts)
        draft.replace(part)
    return tally


def _append(sink: Any, part: Path) -> None:
    with pq.ParquetFile(part) as file:
        for group in range(file.num_row_groups):
            sink.write(file.read_row_group(group, use_threads=False))


def _silent(_share: float, _what: str) -> None:
    """Say nothing."""
