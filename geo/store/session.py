"""A session put together from its parts, and what both engines' stores share."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from geo.authority import Actor, Role
from geo.errors import NotFound, Refused
from geo.store import schema
from geo.store.journal import Journal
from geo.store.pages import Pages
from geo.store.plans import Plans
from geo.store.provenance import Provenance
from geo.store.upgrade import check_schema

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from geo.store.transaction import Carrier

__all__ = ["WRITES", "SqlSession", "SqlStore"]

# Execution option under which a connection begins a writing transaction.
WRITES: Final = "wangge_writes"


class SqlSession(Pages, Plans, Provenance, Journal):
    """One transaction with every method of `geo.store.base.Session`."""


class SqlStore:
    """A store over an SQLAlchemy engine; `geo.store.base.Store` says what it promises.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Begins transactions as the option `WRITES` says, and raises errors of `geo.errors` alone.
    county_code : str or None
        None where the store shall tell (it must then hold one county).
    """

    def __init__(
        self,
        engine: Engine,
        carrier: Carrier,
        *,
        url: str,
        county_code: str | None,
        now: Callable[[], dt.datetime],
        new_id: Callable[[], str],
        warnings: tuple[str, ...] = (),
        upgraded: tuple[str, ...] = (),
    ) -> None:
        self.url = url
        self.upgraded = upgraded
        self.warnings = warnings
        self._engine = engine
        self._carrier = carrier
        self._now = now
        self._new_id = new_id
        self.county_code = self._opened_county(county_code)

    def _opened_county(self, wanted: str | None) -> str:
        with self._engine.connect() as connection:
            check_schema(connection)
            query = select(schema.counties.c.county_code).order_by(schema.counties.c.county_code)
            held = list(connection.execute(query).scalars())
        if wanted is None and len(held) == 1:
            return str(held[0])
        if wanted is None:
            raise Refused(f"the store holds {len(held)} counties", remedy=f"say which: {', '.join(held)}")
        if wanted not in held:
            raise NotFound(f"the store does not hold county {wanted}", remedy=f"it holds {', '.join(held)}")
        return wanted

    @contextmanager
    def reading(self, actor: Actor) -> Iterator[SqlSession]:
        """Open a session that only reads (one snapshot)."""
        with self._opened(actor, writes=False) as session:
            yield session

    @contextmanager
    def writing(self, actor: Actor) -> Iterator[SqlSession]:
        """Open a session that writes; nothing stays unless `commit()` was called."""
        with self._opened(actor, writes=True) as session:
            yield session

    @contextmanager
    def _opened(self, actor: Actor, *, writes: bool) -> Iterator[SqlSession]:
        # Closing the connection rolls back whatever was not committed, by error or by leaving.
        with self._engine.connect().execution_options(**{WRITES: self.county_code if writes else ""}) as connection:
            connection.begin()
            yield SqlSession(
                connection,
                self._carrier,
                actor=actor,
                county_code=self.county_code,
                now=self._now,
                new_id=self._new_id,
                writes=writes,
            )

    def verify_journal(self) -> tuple[int, str]:
        """Recompute the chain; return (entries, head hash). Raises `Conflict` naming the first broken serial."""
        auditor = Actor(name="journal", role=Role.AUDITOR, areas=(self.county_code,))
        with self.reading(auditor) as session:
            return session.verify()

    def close(self) -> None:
        """Release every handle."""
        self._engine.dispose()
