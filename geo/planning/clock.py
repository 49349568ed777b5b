"""A search's clock: the time it has, whom it tells, and how it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

from geo.planning.proposal import StopSearch

__all__ = ["Clock", "OutOfTime", "Progress"]

Progress = Callable[[float, str], None]


class OutOfTime(Exception):
    """The time limit was met or the caller asked to stop."""


class Clock:
    """Time limit and progress of one search.

    Parameters
    ----------
    limit : float or None
        Seconds allowed, None for as long as it takes.
    progress : callable or None
        ``progress(share, saying)``; may raise `StopSearch`, which ends the search with its best plan so
        far, or anything else, which comes out of the search.
    """

    def __init__(self, limit: float | None, progress: Progress | None = None) -> None:
        self._begun = time.monotonic()
        self._limit = float("inf") if limit is None else limit
        self._progress = progress
        self._stopped = False
        self.muted = False
        self.saying = "preparing"
        self.share = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return 0.0 if self._stopped else max(self._limit - self.seconds, 0.0)

    def tell(self, share: float, saying: str) -> None:
        """Note how far the search is (unless a part of it speaks, muted), tell it, and end it if it is time."""
        if not self.muted:
            self.share, self.saying = share, saying
        self.poll()

    def poll(self) -> None:
        """Tell the caller where the search is; raise `OutOfTime` when it must end."""
        if self._progress is not None and not self._stopped:
            try:
                self._progress(self.share, self.saying)
            except StopSearch as request:
                self._stopped = True
                raise OutOfTime from request
        if self._stopped or self.seconds >= self._limit:
            raise OutOfTime
