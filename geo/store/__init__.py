"""Stores: one schema and one contract, a GeoPackage file or PostGIS underneath."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from geo.errors import Refused

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from geo.store.base import Store

__all__ = ["open_store"]

_POSTGIS = "postgresql+psycopg2://"


def open_store(
    url: str,
    *,
    county_code: str | None = None,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    create: bool = False,
    upgrade: bool = False,
    wait_seconds: float = 10.0,
) -> Store:
    """Open a county's store.

    Parameters
    ----------
    url : str
        Path of a ``.gpkg`` file, or ``postgresql+psycopg2://…``.
    county_code : str, optional
        Six digits; needed to create, and to open a database of several counties.
    now : callable
        Clock; gives aware moments.
    new_id : callable
        Source of UUID texts.
    create : bool
        Make the store where there is none. One that exists is opened as it is.
    upgrade : bool
        Add what an older store lacks; its attribute `upgraded` then says what was added. Without it an older store
        raises `Conflict`.
    wait_seconds : float
        How long a writer waits for another one before it gets `Unavailable`.

    Raises
    ------
    Refused
        The address is neither of the two, or the file is no store.
    NotFound
        There is no store and `create` is false, or it does not hold the county.
    Unavailable
        Disk or server cannot serve now.
    """
    open_engine = _engine_of(url)
    return open_engine(
        url, county_code=county_code, now=now, new_id=new_id, create=create, upgrade=upgrade, wait_seconds=wait_seconds
    )


def _engine_of(url: str) -> Callable[..., Store]:
    """Return what opens this address. Engines load when asked for: the embedded one needs no PostgreSQL driver."""
    if "://" not in url:
        path = Path(url)
        if path.suffix.lower() != ".gpkg":
            raise Refused(f"{path.name} does not end in .gpkg", remedy="name a .gpkg file or postgresql+psycopg2://…")
        from geo.store.gpkg import open_gpkg  # noqa: PLC0415

        return lambda place, **options: open_gpkg(Path(place), **options)
    if not url.startswith(_POSTGIS):
        scheme = url.split("://", 1)[0]
        raise Refused(f"{scheme}:// is not a store address", code="store-url", remedy=f"write {_POSTGIS}user@host/name")
    from geo.store.postgis import open_postgis  # noqa: PLC0415

    return open_postgis
