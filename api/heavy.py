"""Work that takes seconds (imports, proposals, papers): a few at once beside the event loop, some waiting, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from geo.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HeavyWork"]

T = TypeVar("T")


class HeavyWork:
    """Runs heavy jobs in threads.

    Parameters
    ----------
    running : int
        How many run at once.
    waiting : int
        How many may wait for one of them; further ones are refused at once.
    """

    def __init__(self, *, running: int, waiting: int) -> None:
        self._running, self._most = running, running + waiting
        self._limiter: CapacityLimiter | None = None
        self._present = 0

    async def do(self, job: Callable[[], T]) -> T:
        """Run one job and return what it returns.

        Raises
        ------
        Unavailable
            Too many are waiting already.
        """
        if self._present >= self._most:
            raise Unavailable("too many heavy jobs are waiting", code="queue-full", remedy="try again in a minute")
        if self._limiter is None:
            self._limiter = CapacityLimiter(self._running)
        self._present += 1
        try:
            return await run_sync(job, limiter=self._limiter)
        finally:
            self._present -= 1
