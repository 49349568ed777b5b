"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import Unavailable, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder that replaces `path` on success and vanishes on failure.

    Raises
    ------
    Unavailable
        The folder is missing, read-only, or the disk is full; `path` is as it was before.

    Notes
    -----
    The bytes are forced to the disk before the rename, so that a power cut leaves the old or the new file.
    """
    folder: tempfile.TemporaryDirectory[str] | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A folder of its own also holds what a driver writes beside its file (-journal, -wal).
        folder = tempfile.TemporaryDirectory(prefix=".wangge-", dir=path.parent)
        fresh = Path(folder.name) / path.name
        yield fresh
        _force(fresh)
        fresh.replace(path)
    except OSError as error:
        message, remedy = "文件写不进去, 原文件未改动", "检查文件夹权限和磁盘空间, 关闭正在打开该文件的程序"
        raise Unavailable(message, code="write-failed", where=Where(file=path.name), remedy=remedy) from error
    finally:
        if folder is not None:
            folder.cleanup()


def _force(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
