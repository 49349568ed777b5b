"""The only place that knows which concrete parts are used: store, clock, ids, settings."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from geo.authority import Actor, local_planner
from geo.services.lookup import Lookup
from geo.settings import Settings
from geo.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from geo.store.base import Store

__all__ = ["Services", "local_day", "open_services", "random_id", "utc_now"]


@dataclass(frozen=True, slots=True)
class Services:
    """What a face needs to serve one county: the store, questions answered from memory, clock and ids."""

    settings: Settings
    store: Store
    lookup: Lookup
    actor: Actor
    now: Callable[[], dt.datetime]
    new_id: Callable[[], str]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def today(self) -> dt.date:
        """Return the county's day, by its own clock."""
        return local_day(self.now(), self.settings)

    def close(self) -> None:
        """Release the store."""
        self.store.close()


def utc_now() -> dt.datetime:
    """Return the present moment, aware, in UTC."""
    return dt.datetime.now(tz=dt.UTC)


def local_day(moment: dt.datetime, settings: Settings) -> dt.date:
    """Return the day a moment falls on where the county lies."""
    return moment.astimezone(ZoneInfo(settings.timezone)).date()


def random_id() -> str:
    """Return a new random identity (UUID 4)."""
    return str(uuid.uuid4())


def open_services(
    settings: Settings | None = None,
    *,
    store_url: str | None = None,
    county_code: str | None = None,
    create: bool = False,
    upgrade: bool = False,
    now: Callable[[], dt.datetime] = utc_now,
    new_id: Callable[[], str] = random_id,
) -> Services:
    """Open the store named (or the settings' one) and hand out the services on it.

    Parameters
    ----------
    create, upgrade : bool
        Make the store where there is none; add what an older one lacks (`store.upgraded` says what).

    Raises
    ------
    NotFound
        There is no such store and `create` is false.
    """
    chosen = settings or Settings()
    store = open_store(
        store_url or chosen.store, county_code=county_code, now=now, new_id=new_id, create=create, upgrade=upgrade
    )
    return Services(
        settings=chosen,
        store=store,
        lookup=Lookup(store, ticks=time.monotonic, today=lambda: local_day(now(), chosen)),
        actor=local_planner(store.county_code),
        now=now,
        new_id=new_id,
    )
