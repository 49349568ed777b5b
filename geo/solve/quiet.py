"""The solver prints a banner on standard output when its first model of a process is made; here it is caught.

Standard output belongs to the command line's machine-readable answers, so nothing else may write there.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import highspy

__all__ = ["new_model"]

_MODEL: Any = highspy.Highs
_LOCK = threading.Lock()
_spoken = threading.Event()


def new_model() -> Any:
    """Return an empty, silent solver model."""
    if not _spoken.is_set():
        with _LOCK:
            if not _spoken.is_set():
                _swallow_banner()
                _spoken.set()
    model = _MODEL()
    model.silent()
    return model


def _swallow_banner() -> None:
    try:
        kept = os.dup(1)
    except OSError:  # no standard output at all: nothing to protect
        _MODEL()
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 1)
        _MODEL()
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(sink)
