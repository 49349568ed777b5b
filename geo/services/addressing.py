"""Which grid does an address text mean? The county's address book, kept per generation; corrections teach it."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.address import AddressAnswer, AddressBook
from geo.authority import Action, Actor, require
from geo.errors import NotFound, Refused
from geo.model import Basis, GridKind, Json, Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.services.published import PublishedCoverage
    from geo.store.base import Session, Store

__all__ = ["AddressDesk", "KnownAddresses", "correct", "know_addresses", "placement_of"]

# How far (metres) the grids around a building or place are known, for words like 对面 and 附近.
_AROUND_M: Final = 85.0
# How long an answer may lag behind a correction made by another process.
_LAG_SECONDS: Final = 0.5
_TEACHING: Final = frozenset({"import", "correct-address", "restore", "upgrade"})
_KINDS: Final = {"building": "buildings", "compound": "compounds", "place": "places"}
_LONGEST_ALIAS: Final = 40
_LONG_DIGITS: Final = re.compile(r"\d{5,}")
_ENTRIES: Final = 1000

Target = tuple[str, str]


@dataclass(frozen=True, slots=True)
class KnownAddresses:
    """The address book against one coverage: its grids are positions in the coverage's base layer.

    `spots` holds the inner point (degrees, CGCS2000) of every building and place, by (kind, source key).
    """

    book: AddressBook
    spots: Mapping[Target, tuple[float, float]]

    def spot_of(self, answer: AddressAnswer) -> tuple[float, float] | None:
        """Return a point of what was found, None where nothing was, or where it is a grid by name."""
        targets = answer.choices[0].targets if answer.found else ()
        return next((self.spots[t] for t in targets if t in self.spots), None)


def know_addresses(session: Session, cover: PublishedCoverage) -> KnownAddresses:
    """Read buildings, compounds, places and corrections, and place them in the grids of a coverage.

    A building lies in the grid of its inner point, as every household of it does.
    """
    around = _Around(cover)
    buildings, spots = _buildings(session, cover, around)
    places, more = _places(session, cover, around)
    positions = {grid.id: position for position, grid in enumerate(cover.base)}
    aliases = session.rows("aliases", columns=("alias", "kind", "target_key", "community_code"), order_by=("id",))
    areas = _areas(session, cover)
    book = AddressBook.build(
        buildings=buildings,
        compounds=session.rows("compounds", columns=("source_key", "community_code", "name", "aliases")),
        places=places,
        areas=areas,
        aliases=[_alias_row(row, positions) for row in aliases],
    )
    return KnownAddresses(book, spots | more | _area_spots(areas, cover))


def _area_spots(areas: Sequence[Json], cover: PublishedCoverage) -> dict[Target, tuple[float, float]]:
    """Return an inner point of each community that is one grid, as most villages are."""
    inner = {
        ("area", area["code"]): shapely.point_on_surface(cover.base[area["grids"][0]].geometry)
        for area in areas
        if len(area["grids"]) == 1
    }
    return {target: (float(point.x), float(point.y)) for target, point in inner.items()}


class _Around:
    """Grids close to geometries, with the distance in metres."""

    def __init__(self, cover: PublishedCoverage) -> None:
        self._metric = cover.metric
        self._grids = self._metric.project(np.array([g.geometry for g in cover.base], dtype=object))
        self._tree = shapely.STRtree(self._grids)

    def near(self, geometries: NDArray[np.object_]) -> list[tuple[tuple[int, float], ...]]:
        plane = self._metric.project(geometries)
        rows, grids = self._tree.query(plane, predicate="dwithin", distance=_AROUND_M)
        metres = shapely.distance(plane[rows], self._grids[grids])
        found: list[list[tuple[int, float]]] = [[] for _ in range(len(plane))]
        for row, grid, far in zip(rows.tolist(), grids.tolist(), metres.tolist(), strict=True):
            found[row].append((grid, far))
        return [tuple(sorted(pairs)) for pairs in found]


def _buildings(
    session: Session, cover: PublishedCoverage, around: _Around
) -> tuple[list[Json], dict[Target, tuple[float, float]]]:
    names = ("source_key", "community_code", "compound", "number", "stairwells", "address_text", "geometry")
    table = session.columns("buildings", names)
    shapes = table.pop("geometry")
    inner = shapely.point_on_surface(shapes)
    x, y = shapely.get_x(inner), shapely.get_y(inner)
    rows = _with_grids(table, cover.base_index.locate_many(x, y), around.near(shapes))
    return rows, _spots("building", table["source_key"], x, y)


def _places(
    session: Session, cover: PublishedCoverage, around: _Around
) -> tuple[list[Json], dict[Target, tuple[float, float]]]:
    table = session.columns("places", ("source_key", "community_code", "name", "aliases", "lon", "lat"))
    x, y = table.pop("lon").astype(np.float64), table.pop("lat").astype(np.float64)
    rows = _with_grids(table, cover.base_index.locate_many(x, y), around.near(shapely.points(x, y)))
    return rows, _spots("place", table["source_key"], x, y)


def _with_grids(
    table: Mapping[str, NDArray[Any]], grids: NDArray[np.int32], near: Sequence[tuple[tuple[int, float], ...]]
) -> list[Json]:
    names = list(table)
    columns = [table[n].tolist() for n in names]
    return [
        {**dict(zip(names, values, strict=True)), "grid": grid, "near": close}
        for values, grid, close in zip(zip(*columns, strict=True), grids.tolist(), near, strict=True)
    ]


def _spots(kind: str, keys: NDArray[Any], x: NDArray[Any], y: NDArray[Any]) -> dict[Target, tuple[float, float]]:
    return {(kind, k): (lon, lat) for k, lon, lat in zip(keys.tolist(), x.tolist(), y.tolist(), strict=True)}


def _areas(session: Session, cover: PublishedCoverage) -> list[Json]:
    grids: dict[str, list[int]] = {}
    for position, grid in enumerate(cover.base):
        grids.setdefault(grid.community_code, []).append(position)
    return [
        {
            "code": a.code,
            "name": a.name,
            "kind": a.kind.value,
            "parent_code": a.parent_code,
            "grids": grids.get(a.code, ()),
        }
        for a in session.areas()
    ]


def _alias_row(row: Json, positions: Mapping[str, int]) -> Json:
    if row["kind"] != "grid":
        return row
    return {**row, "target_key": positions.get(row["target_key"], -1)}


class AddressDesk:
    """Keeps the address book of every generation asked about, and renews it when something taught it.

    Parameters
    ----------
    store : Store
        The county's store.
    ticks : callable
        Monotonic clock in seconds, used only to limit how often the store is asked for news.
    """

    def __init__(self, store: Store, *, ticks: Callable[[], float]) -> None:
        self._store = store
        self._ticks = ticks
        self._lock = threading.Lock()
        self._known: dict[str, KnownAddresses] = {}
        self._serial = 0
        self._asked_at = -math.inf

    def known(self, actor: Actor, cover: PublishedCoverage) -> KnownAddresses:
        """Return the address book against a coverage.

        Buildings, places and grids are readable by every actor, so one book serves all of them.
        """
        with self._lock:
            if self._ticks() - self._asked_at >= _LAG_SECONDS:
                self._drop_stale(actor)
            if cover.generation.id not in self._known:
                with self._store.reading(actor) as session:
                    self._known[cover.generation.id] = know_addresses(session, cover)
            return self._known[cover.generation.id]

    def _drop_stale(self, actor: Actor) -> None:
        with self._store.reading(actor) as session:
            while news := session.journal(after=self._serial, limit=_ENTRIES):
                self._serial = news[-1].serial
                if any(entry.action in _TEACHING for entry in news):
                    self._known.clear()
        self._asked_at = self._ticks()

    def find(self, actor: Actor, cover: PublishedCoverage, text: str, *, community: str | None = None) -> AddressAnswer:
        """Return what an address means; grids are positions in the coverage's base layer."""
        return self.known(actor, cover).book.find(text, community=community)

    def suggest(self, actor: Actor, cover: PublishedCoverage, prefix: str, *, limit: int = 10) -> list[str]:
        """Return addresses that begin as typed so far."""
        return self.known(actor, cover).book.suggest(prefix, limit=limit)

    def forget(self) -> None:
        """Ask the store for news at the next question."""
        self._asked_at = -math.inf


def placement_of(answer: AddressAnswer, cover: PublishedCoverage, located: Placement | None) -> Placement:
    """Return an address answer as a placement.

    Found: the grid, basis ``building`` or ``address``. Asked: no grid, `ambiguous`, the grids to choose from as
    candidates in the order of likelihood, the question and the labels of the choices as notes. Refused: the reason.

    Parameters
    ----------
    located : Placement, optional
        The placement of a point of what was found: it gives the overlay grids and the responsible person.
    """
    grids = [cover.base[int(choice.grid)] for choice in answer.choices]
    if answer.found:
        grid = grids[0]
        base = located or _bare(cover)
        return replace(
            base,
            grid=cover.describe_grid(grid),
            community=cover.describe_area(grid.community_code),
            town=cover.describe_area(cover.town_code(grid.community_code)),
            basis=Basis(answer.basis),
            candidates=(cover.describe_grid(grid),),
            ambiguous=False,
            notes=answer.choices[0].labels,
        )
    labels = tuple(
        f"{'、'.join(choice.labels)} → {grid.name}" for choice, grid in zip(answer.choices, grids, strict=True)
    )
    return replace(
        _bare(cover),
        candidates=tuple(cover.describe_grid(g) for g in grids),
        ambiguous=bool(grids),
        notes=(answer.explain(), *labels),
    )


def _bare(cover: PublishedCoverage) -> Placement:
    return Placement(
        grid=None,
        exclusive=(),
        community=None,
        town=None,
        basis=Basis.UNPLACED,
        distance_to_boundary_m=None,
        candidates=(),
        ambiguous=False,
        generation=cover.describe_generation(),
    )


def correct(
    store: Store,
    actor: Actor,
    known: KnownAddresses,
    *,
    text: str,
    kind: str,
    target_key: str,
    new_id: Callable[[], str],
    wording: str | None = None,
) -> str:
    """Remember what an address means; from then on this wins over everything the matcher thinks.

    Only the name and the numbers of building and quarter are kept (`AddressBook.key_of`): no stairwell, no room,
    no complaint, no long figure. The journal names the target alone.

    Parameters
    ----------
    text : str
        The address as it was said.
    kind : str
        ``building``, ``compound``, ``place``, ``area`` or ``grid``.
    target_key : str
        Source key of the row, code of the area, or id of the grid.
    wording : str, optional
        The part of the text to remember, where a person chose it (大红楼 of 大红楼暖气不热).

    Returns
    -------
    str
        The wording that is remembered.

    Raises
    ------
    Forbidden
        The actor neither dispatches nor plans.
    NotFound
        There is no such target.
    Refused
        The text holds no wording to remember.
    """
    require(actor, Action.READ_PEOPLE)
    key = _LONG_DIGITS.sub("", known.book.key_of(wording or text))[:_LONGEST_ALIAS]
    if not key:
        raise Refused("the text holds no address to remember", code="address-empty", remedy="give a name or a number")
    with store.writing(actor) as session:
        community = _community_of(session, kind, target_key)
        if community and not actor.sees(community):
            raise NotFound("no such target", remedy="choose one of the county")
        session.upsert("aliases", [_alias(key, kind, target_key, community, new_id())])
        session.note("correct-address", kind, detail={"target": target_key, "community": community})
        session.commit()
    return key


def _alias(wording: str, kind: str, target_key: str, community: str, new_id: str) -> Json:
    return {
        "id": new_id,
        "source_key": f"{community}/{wording}",
        "alias": wording,
        "kind": kind,
        "target_key": target_key,
        "community_code": community,
        "note": "",
    }


def _community_of(session: Session, kind: str, key: str) -> str:
    """Return the community of a correction's target."""
    if kind in _KINDS:
        rows = session.rows(_KINDS[kind], where={"source_key": key}, columns=("community_code",), limit=1)
        found = str(rows[0]["community_code"]) if rows else None
    elif kind == "area":
        found = next((a.code for a in session.areas() if a.code == key), None)
    elif kind == "grid":
        generation = session.generation()
        grids = session.grids(generation.id, GridKind.BASE) if generation else []
        found = next((g.community_code for g in grids if g.id == key), None)
    else:
        raise Refused(
            f"{kind!r} is nothing an address can mean",
            code="target-kind",
            remedy="building, compound, place, area or grid",
        )
    if found is None:
        raise NotFound("no such target", remedy="choose one of the county")
    return found
