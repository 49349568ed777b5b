"""Which grid is this, and who is responsible? By coordinate, singly or in bulk, now or as of a date."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.authority import Action, Actor
from geo.crs import Datum, to_cgcs2000
from geo.errors import NotFound, Refused
from geo.model import Basis, Generation, Grid, GridKind, Json, Placement, WorkerKind
from geo.services.addressing import AddressDesk, placement_of
from geo.services.naming import masked_name
from geo.services.published import PublishedCoverage, load_coverage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from geo.address import AddressAnswer
    from geo.locate import Located
    from geo.store.base import Session, Store

__all__ = [
    "Batch",
    "Lookup",
    "on_call",
    "overlay_positions",
    "placement_at",
    "responsible_grid",
    "swap_proposal",
]

# How long an answer may lag behind a publication made by another process.
_LAG_SECONDS = 0.5
_WIDEST_ACCURACY_M = 100_000
_BASES = np.array([b.value for b in (Basis.INTERIOR, Basis.BOUNDARY, Basis.OUTSIDE, Basis.INVALID)], dtype=object)


@dataclass(frozen=True, slots=True)
class Batch:
    """Bulk answers: small numbers, and the words they stand for.

    Attributes
    ----------
    words : mapping
        For ``grid``, ``code`` and ``basis`` the words (object arrays); the last of grid and code is "" (outside).
    numbers : mapping
        For the same names the number of each point's word, ndarray of int32, shape (n,).
    """

    generation: Json
    words: Mapping[str, NDArray[np.object_]]
    numbers: Mapping[str, NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.numbers["basis"])

    def column(self, name: str) -> NDArray[np.object_]:
        """Return the words of a column, one for each point."""
        return self.words[name][self.numbers[name]]


class Lookup:
    """Questions about places, answered from memory.

    The index of the active generation is kept and swapped whole when another one is published; other
    processes notice within half a second. Generations of the past are loaded when first asked for.

    Parameters
    ----------
    store : Store
        The county's store.
    ticks : callable
        Monotonic clock in seconds, used only to limit how often the store is asked for the active generation.
    today : callable, optional
        The county's day. A generation published ahead answers from its effective date on; without it at once.

    Attributes
    ----------
    epoch : int
        How often `forget` was called: whoever keeps answers drops those of a former epoch.
    """

    def __init__(self, store: Store, *, ticks: Callable[[], float], today: Callable[[], dt.date] | None = None) -> None:
        self._store = store
        self._today = today
        self._ticks = ticks
        self._lock = threading.Lock()
        self._loaded: dict[str, PublishedCoverage] = {}
        self._active_id: str | None = None
        self._asked_at = -math.inf
        self.epoch = 0
        self.addresses = AddressDesk(store, ticks=ticks)

    # -- which coverage -------------------------------------------------------------------------
    def coverage(
        self, actor: Actor, *, as_of: dt.date | None = None, generation: str | None = None, fresh: bool = False
    ) -> PublishedCoverage:
        """Return the coverage in force (today, or on a date), or that of a named generation.

        Parameters
        ----------
        fresh : bool
            Ask the store which one is in force, however short ago it was asked.

        Raises
        ------
        NotFound
            No generation was in force, or none has that id.
        """
        if as_of is None and generation is None and not fresh:
            now = self._ticks()
            known = self._loaded.get(self._active_id or "")
            if known is not None and now - self._asked_at < _LAG_SECONDS:
                return known
        with self._store.reading(actor) as session:
            named = as_of is not None or generation is not None
            wanted = session.generation(id=generation, as_of=as_of) if named else self.in_force(session)
            if wanted is None:
                raise NotFound("no generation of grids is in force", remedy="import boundaries and activate them first")
            loaded = self._load(session, wanted)
        if as_of is None and generation is None:
            self._active_id, self._asked_at = wanted.id, self._ticks()
        return loaded

    def in_force(self, session: Session) -> Generation | None:
        """Return the generation that answers today: the active one, or while its day is to come the one before."""
        active, day = session.generation(), self._today() if self._today else None
        ahead = active is not None and day is not None and (active.effective_from or day) > day
        return (session.generation(as_of=day) if ahead else None) or active

    def _load(self, session: Session, generation: Generation) -> PublishedCoverage:
        with self._lock:
            if generation.id not in self._loaded:
                self._loaded[generation.id] = load_coverage(session, generation)
            return self._loaded[generation.id]

    def forget(self) -> None:
        """Drop what is known of the active generation, so that the next question asks the store."""
        self._asked_at = -math.inf
        self.epoch += 1
        self.addresses.forget()

    # -- places ---------------------------------------------------------------------------------
    def locate(
        self,
        actor: Actor,
        lon: float,
        lat: float,
        *,
        datum: Datum,
        accuracy_m: float | None = None,
        as_of: dt.date | None = None,
        swapped: bool = False,
    ) -> Placement:
        """Place one point.

        Parameters
        ----------
        lon, lat : float
            Longitude and latitude in degrees (or easting and northing for a plane datum).
        datum : Datum
            What the numbers mean.
        accuracy_m : float, optional
            Radius of uncertainty in metres; grids within it become candidates.
        as_of : date, optional
            Answer with the grids in force on that day.
        swapped : bool
            The two numbers come as latitude, longitude.

        Raises
        ------
        Refused
            A coordinate is not finite, or the accuracy is negative.
        NotFound
            No generation is in force.
        """
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise Refused("the coordinate is not a finite number", code="coordinate-not-finite", remedy="send degrees")
        if accuracy_m is not None and not (0 <= accuracy_m <= _WIDEST_ACCURACY_M):
            raise Refused("accuracy_m must lie between 0 and 100000", code="accuracy-range", remedy="send metres")
        cover = self.coverage(actor, as_of=as_of)
        placed = self._answer(actor, cover, *_read(lon, lat, datum, swapped=swapped), accuracy_m)
        if placed.grid is None and not swapped:
            return replace(placed, notes=swap_proposal(cover, lon, lat, datum))
        return placed

    def by_address(
        self, actor: Actor, text: str, as_of: dt.date | None = None, *, community: str | None = None
    ) -> Placement:
        """Place an address text; see `geo.services.addressing.placement_of` for questions and refusals.

        Parameters
        ----------
        text : str
            The address as said or written.
        as_of : date, optional
            Answer with the grids in force on that day.
        community : str, optional
            Code of the community known besides the text.

        Raises
        ------
        NotFound
            No generation is in force.
        """
        cover = self.coverage(actor, as_of=as_of)
        return self.placed_by_address(actor, cover, self.addresses.find(actor, cover, text, community=community))

    def placed_by_address(self, actor: Actor, cover: PublishedCoverage, answer: AddressAnswer) -> Placement:
        """Return an address answer as a placement, with overlays and the responsible person."""
        spot = self.addresses.known(actor, cover).spot_of(answer)
        return placement_of(answer, cover, self._answer(actor, cover, *spot, None) if spot else None)

    def _answer(
        self, actor: Actor, cover: PublishedCoverage, x: float, y: float, accuracy_m: float | None
    ) -> Placement:
        found = cover.base_index.locate(x, y, accuracy_m=accuracy_m)
        overlays = overlay_positions(cover, x, y)
        first = responsible_grid(cover, found.position, overlays)
        return placement_at(cover, found, overlays, self._responsible(actor, first))

    def _responsible(self, actor: Actor, grid: Grid | None) -> Json | None:
        """Who is sent, for actors entitled to people: the full-time worker's post, never a phone unasked."""
        if grid is None or not actor.may(Action.READ_PEOPLE):
            return None
        return self._posts(actor, {"grid_id": grid.id}).get(grid.id) or on_call(grid)

    def responsibles(self, actor: Actor) -> Mapping[str, Json] | None:
        """Return who answers for each grid that has a full-time worker, by id; None for actors not entitled to it."""
        return self._posts(actor, {}) if actor.may(Action.READ_PEOPLE) else None

    def _posts(self, actor: Actor, where: Json) -> dict[str, Json]:
        with self._store.reading(actor) as session:
            rows = session.rows(
                "gridworkers",
                where={**where, "kind": WorkerKind.FULL_TIME.value},
                columns=("id", "name", "grid_id"),
                order_by=("id",),
            )
        return {
            row["grid_id"]: {"role": "专职网格员", "worker_id": row["id"], "name": masked_name(row["name"])}
            for row in reversed(rows)
            if row["grid_id"]
        }

    def locate_batch(
        self, actor: Actor, lon: ArrayLike, lat: ArrayLike, *, datum: Datum, as_of: dt.date | None = None
    ) -> Batch:
        """Place many points; a point that is not finite gets basis ``invalid``, one outside ``outside``.

        Parameters
        ----------
        lon, lat : array-like of float, shape (n,)
            In `datum`.
        """
        cover = self.coverage(actor, as_of=as_of)
        x, y = to_cgcs2000(lon, lat, datum)
        if x.shape != y.shape or x.ndim != 1:
            raise Refused("lon and lat must be columns of equal length", code="columns-unequal", remedy="send pairs")
        position, on_boundary = cover.base_index.place_many(x, y)
        outside = position < 0
        basis = np.where(outside, 2, on_boundary).astype(np.int32)
        basis[outside & ~(np.isfinite(x) & np.isfinite(y))] = 3
        position[outside] = len(cover.ids) - 1
        return Batch(
            cover.describe_generation(),
            {"grid": cover.ids, "code": cover.codes, "basis": _BASES},
            {"grid": position, "code": position, "basis": basis},
        )

    # -- grids ------------------------------------------------------------------------------------
    def grids(
        self,
        actor: Actor,
        *,
        kind: GridKind | None = None,
        as_of: dt.date | None = None,
        generation: str | None = None,
    ) -> tuple[Grid, ...]:
        """Return the grids in force in position order: base layer first, then overlays."""
        cover = self.coverage(actor, as_of=as_of, generation=generation)
        return tuple(g for g in (*cover.base, *cover.overlay) if kind is None or g.kind is kind)

    def grid(self, actor: Actor, grid_id: str, *, as_of: dt.date | None = None) -> Grid:
        """Return one grid in force, by id, code or local number."""
        for grid in self.grids(actor, as_of=as_of):
            if grid_id in (grid.id, grid.code):
                return grid
        raise NotFound("no such grid is in force", remedy="old codes are answered by /codes/{code}")

    def history(self, actor: Actor, grid_id: str) -> list[Json]:
        """Return where a grid came from and went to, generation by generation, oldest first."""
        with self._store.reading(actor) as session:
            links = session.lineage()
        known = {grid_id}
        for _ in range(len(links)):
            more = {e for k in links for e in (k.old_grid_id, k.new_grid_id) if {k.old_grid_id, k.new_grid_id} & known}
            if more <= known:
                break
            known |= more
        rows = [k for k in links if k.old_grid_id in known]
        if not rows and not self._exists(actor, grid_id):
            raise NotFound("no such grid", remedy="check the id")
        return [
            {
                "old_grid": k.old_grid_id,
                "new_grid": k.new_grid_id,
                "change": k.change.value,
                "area_share": k.area_share,
                "household_share": k.household_share,
                "households": k.households,
            }
            for k in rows
        ]

    def _exists(self, actor: Actor, grid_id: str) -> bool:
        return any(g.id == grid_id for g in self.grids(actor))

    def code(self, actor: Actor, code: str) -> list[Json]:
        """Return the history rows of a code or local number; old codes stay searchable for ever."""
        with self._store.reading(actor) as session:
            rows: list[dict[str, Any]] = session.codes(code)
        if not rows:
            raise NotFound("this code was never given", remedy="check the digits")
        return rows


def overlay_positions(cover: PublishedCoverage, x: float, y: float) -> tuple[int, ...]:
    """Return the positions of the exclusive grids that hold a point (degrees, CGCS2000)."""
    if cover.overlay_index is None:
        return ()
    return tuple(p for p in cover.overlay_index.holders(x, y) if cover.overlay[p].kind is GridKind.EXCLUSIVE)


def responsible_grid(cover: PublishedCoverage, position: int, overlays: Sequence[int]) -> Grid | None:
    """Return the grid whose people are sent to a point: the base grid, else the first overlay."""
    if position >= 0:
        return cover.base[position]
    return cover.overlay[overlays[0]] if overlays else None


def on_call(grid: Grid) -> Json:
    """Return who is sent where a grid has no full-time worker."""
    return {"role": "社区值班", "worker_id": None, "owner_unit": grid.owner_unit or None}


def placement_at(
    cover: PublishedCoverage, found: Located, overlays: Sequence[int], responsible: Json | None
) -> Placement:
    """Return what the indexes found as a placement.

    Parameters
    ----------
    found : Located
        Answer of the base index.
    overlays : sequence of int
        Positions in `cover.overlay`.
    """
    grid = cover.base[found.position] if found.position >= 0 else None
    exclusive = [cover.overlay[p] for p in overlays]
    community = grid.community_code if grid else (exclusive[0].community_code if exclusive else None)
    return Placement(
        grid=cover.describe_grid(grid) if grid else None,
        exclusive=tuple(cover.describe_grid(g) for g in exclusive),
        community=cover.describe_area(community),
        town=cover.describe_area(cover.town_code(community)) if community else None,
        basis=_basis(grid, on_boundary=found.on_boundary),
        distance_to_boundary_m=found.distance_to_boundary_m,
        candidates=tuple(cover.describe_grid(cover.base[p]) for p in found.candidates),
        ambiguous=found.ambiguous,
        generation=cover.describe_generation(),
        responsible=responsible,
    )


def swap_proposal(cover: PublishedCoverage, lon: float, lat: float, datum: Datum) -> tuple[str, ...]:
    """Return a note where a point outside would lie in a grid if its two numbers were exchanged; never assumed."""
    position = next(iter(cover.base_index.holders(*_read(lon, lat, datum, swapped=True))), -1)
    if position < 0:
        return ()
    return (f"两个坐标似乎写反了：对调后落在{cover.base[position].name}，请核实",)


def _read(lon: float, lat: float, datum: Datum, *, swapped: bool) -> tuple[float, float]:
    x, y = to_cgcs2000(*((lat, lon) if swapped else (lon, lat)), datum)
    return float(x[0]), float(y[0])


def _basis(grid: Grid | None, *, on_boundary: bool) -> Basis:
    if grid is None:
        return Basis.OUTSIDE
    return Basis.BOUNDARY if on_boundary else Basis.INTERIOR
