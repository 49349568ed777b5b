"""The compiled kernel's door: numba is an extra, and nothing here needs it."""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from geo.errors import Unavailable

if TYPE_CHECKING:
    from geo.locate.cells import Cells
    from geo.locate.fabric import Fabric, Points

__all__ = ["load", "place_points", "worth_using"]

_MODULE: Final = "geo.locate.compiled_kernel"


@lru_cache(maxsize=1)
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None


def worth_using(points: int, *, threshold: int) -> bool:
    """Tell whether the compiled kernel is there, and loaded already or worth loading for so many points."""
    return _installed() and (_MODULE in sys.modules or points >= threshold)


def load() -> None:
    """Load the compiled kernel now, so that the first request does not wait for it.

    Raises
    ------
    Unavailable
        numba is not installed.
    """
    if not _installed():
        raise Unavailable("编译内核需要 numba", code="numba-missing", remedy="pip install wangge[fast]")
    from geo.locate import compiled_kernel  # noqa: PLC0415 - loading numba takes most of a second

    compiled_kernel.warm()


def place_points(fabric: Fabric[Cells], points: Points) -> None:
    """Do what `geo.locate.kernel.place_points` does, compiled; the same bits."""
    if _MODULE not in sys.modules:
        load()
    sys.modules[_MODULE].place_points(fabric, points)
