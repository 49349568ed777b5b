"""One file that holds an index: a line of JSON, then the arrays, each where a memory map can read it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo.errors import NotFound, Refused, Unavailable, Where

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["open_arrays", "save_arrays"]

_MAGIC: Final = b"wangge-index 3\n"
_ALIGN: Final = 64
_HEADER_LIMIT: Final = 1_000_000
_DTYPES: Final = ("<f8", "<i8", "<i4", "|i1")


def save_arrays(path: str | os.PathLike[str], *, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write facts and arrays whole or not at all (a temporary file beside it, then a rename).

    Raises
    ------
    Unavailable
        The disk is full or the place cannot be written; no file is left.
    """
    target = Path(path)
    directory, place = {}, 0
    for name, array in arrays.items():
        directory[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": place}
        place = _aligned(place + array.nbytes)
    header = json.dumps({"facts": facts, "arrays": directory}, separators=(",", ":")).encode() + b"\n"
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            file.write(_MAGIC + header)
            for array in arrays.values():
                file.write(b"\0" * (_aligned(file.tell()) - file.tell()))
                array.tofile(file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(
            f"索引写不进去: {error.strerror or error}",
            where=Where(file=str(target)),
            remedy="腾出磁盘空间, 或换一个位置",
        ) from error


def _aligned(place: int) -> int:
    return -(-place // _ALIGN) * _ALIGN


def open_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the facts of a saved index and its arrays, memory-mapped and read-only.

    Raises
    ------
    NotFound
        There is no such file.
    Refused
        The file is no index of this version, or it is cut short.
    """
    source = Path(path)
    where = Where(file=str(source))
    try:
        with source.open("rb") as file:
            magic, line = file.read(len(_MAGIC)), file.readline(_HEADER_LIMIT)
        raw = np.asarray(np.memmap(source, dtype=np.uint8, mode="r")) if magic == _MAGIC else None
    except FileNotFoundError as error:
        raise NotFound("没有这个索引文件", where=where, remedy="重新生成索引") from error
    if raw is None:
        raise Refused("这不是本版本的索引文件", code="index-foreign", where=where, remedy="重新生成索引")
    try:
        header = json.loads(line)
        first = _aligned(len(_MAGIC) + len(line))
        return header["facts"], {name: _array(raw, first, entry) for name, entry in header["arrays"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused("索引文件已损坏", code="index-damaged", where=where, remedy="重新生成索引") from error


def _array(raw: NDArray[np.uint8], first: int, entry: dict[str, Any]) -> NDArray[Any]:
    if entry["dtype"] not in _DTYPES:
        raise ValueError("unknown kind of number")
    dtype, shape = np.dtype(entry["dtype"]), tuple(int(n) for n in entry["shape"])
    begin = first + int(entry["offset"])
    end = begin + dtype.itemsize * int(np.prod(shape))
    if min(shape, default=0) < 0 or begin < first or end > len(raw):
        raise ValueError("array beyond the end of the file")
    array: NDArray[Any] = raw[begin:end].view(dtype).reshape(shape)
    return array
