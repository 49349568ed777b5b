"""The registers (台账) as an entitled actor may look at them: coarse, by area, never a name, phone, room or spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from geo.authority import Action, Actor, require
from geo.crs import CGCS2000, to_cgcs2000
from geo.errors import Conflict, NotFound, Refused
from geo.services.dispatch import IncidentPlacement, place_incident, whom_to_send
from geo.store.base import AssignmentColumns

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from geo.crs import Datum
    from geo.model import Generation, Json, Placement
    from geo.services.lookup import Lookup
    from geo.services.published import PublishedCoverage
    from geo.store.base import Session, Store

__all__ = ["IncidentReport", "Recorded", "RegisterPage", "list_households", "list_incidents", "record_incident"]

_INCIDENT: Final = ("id", "source_key", "received_at", "category_code")
_HOUSEHOLD: Final = ("id", "compound", "building_number", "resident", "persons")
_LONGEST_TEXT: Final = 300
_LONGEST_WORD: Final = 100


@dataclass(frozen=True, slots=True)
class RegisterPage:
    """A page of a register: how many rows the actor sees in all, and some of them."""

    total: int
    rows: tuple[Json, ...]


def list_incidents(
    store: Store,
    actor: Actor,
    *,
    grid: str | None = None,
    category: str | None = None,
    limit: int,
    offset: int = 0,
) -> RegisterPage:
    """Return incidents of the actor's areas, newest first, each with the grid it lies in now.

    Parameters
    ----------
    grid : str, optional
        Id of a base grid in force; only what lies there.
    category : str, optional
        Only incidents of this category.
    """
    where = {} if category is None else {"category_code": category}
    order = ("-received_at", "source_key")
    return _page(store, actor, "incident", _INCIDENT, where, order, grid=grid, limit=limit, offset=offset)


def list_households(
    store: Store, actor: Actor, *, grid: str | None = None, limit: int, offset: int = 0
) -> RegisterPage:
    """Return households of the actor's areas by id: compound, building and number of persons, no room and no spot.

    Parameters
    ----------
    grid : str, optional
        Id of a base grid in force; only what lies there.
    """
    return _page(store, actor, "household", _HOUSEHOLD, {}, (), grid=grid, limit=limit, offset=offset)


def _page(
    store: Store,
    actor: Actor,
    subject: str,
    columns: Sequence[str],
    where: Mapping[str, Any],
    order: Sequence[str],
    *,
    grid: str | None,
    limit: int,
    offset: int,
) -> RegisterPage:
    require(actor, Action.READ_PEOPLE)
    kind = f"{subject}s"
    with store.reading(actor) as session:
        active = session.generation()
        placed = _placed(session, active, subject)
        if grid is not None:
            where = {**where, "id": [i for i, (held, _, _) in placed.items() if held == grid]}
        total = session.count(kind, where=where)
        rows = session.rows(kind, where=where, columns=columns, order_by=order, limit=limit, offset=offset)
        grids = {g.id: g for g in session.grids(active.id)} if active else {}
    found = []
    for row in rows:
        held, exclusive, basis = placed.get(row["id"], ("", "", "unplaced"))
        known = grids.get(held)
        facts = {
            "community_code": known.community_code if known else None,
            "grid": held or None,
            "grid_code": known.code if known else None,
            "grid_name": known.name if known else None,
            "exclusive": exclusive.split(),
            "basis": basis,
        }
        found.append({**row, **facts})
    return RegisterPage(total, tuple(found))


def _placed(session: Session, active: Generation | None, subject: str) -> dict[str, tuple[str, str, str]]:
    if active is None:
        return {}
    told = session.assignments(active.id, subject)
    rows = zip(told["grid_id"], told["exclusive_ids"], told["basis"], strict=True)
    return dict(zip(told["subject_id"].tolist(), rows, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """An incident as reported; `source_key` is the order's number, a new one is given where it is empty."""

    source_key: str = ""
    received_at: dt.datetime | None = None
    category: str
    address: str = ""
    lon: float | None = None
    lat: float | None = None
    datum: Datum | None = None
    accuracy_m: float | None = None
    community: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An incident on record: its id and number, where it lies, whom to send, and whether it was new."""

    id: str
    source_key: str
    placed: IncidentPlacement
    send: Json | None
    is_new: bool


def record_incident(
    store: Store,
    lookup: Lookup,
    actor: Actor,
    report: IncidentReport,
    *,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
) -> Recorded:
    """Place an incident by its point and address, put it on record, and say whom to send.

    Where a generation is published ahead the incident is placed in its grids too, for the day they come into force.

    The same number reported again updates the incident, so that a repeated call never doubles it.

    Raises
    ------
    Forbidden
        The actor is not entitled to people, or the incident lies outside its areas.
    Refused
        Neither a point nor an address is given, a point without datum, or a text is too long.
    Conflict
        Other grids came into force in this moment.
    """
    require(actor, Action.READ_PEOPLE)
    _check(report)
    cover = lookup.coverage(actor, fresh=True)
    placed = _place(lookup, actor, report)
    ahead = _place_ahead(store, lookup, actor, report, cover)
    key = report.source_key or new_id()
    with store.writing(actor) as session:
        active, standing = session.generation(), lookup.in_force(session)
        if active is None or standing is None or {active.id, standing.id} != {cover.generation.id, *ahead}:
            raise Conflict("other grids came into force in this moment", code="generation-changed", remedy="send again")
        done = session.upsert("incidents", [_row(report, placed.placement, key, now)])
        known = session.rows("incidents", where={"source_key": key}, columns=("id",), limit=1)
        if not known:
            raise NotFound("the incident vanished while it was written")
        incident = str(known[0]["id"])
        for generation, placement in {cover.generation.id: placed.placement, **ahead}.items():
            session.put_assignments(generation, "incident", [_columns(incident, placement)])
        session.note(
            "record-incident", incident, detail={"grid": _grid_id(placed.placement), "new": bool(done.inserted)}
        )
        session.commit()
    grid = _grid_id(placed.placement)
    send = whom_to_send(store, actor, cover, grid, category=report.category) if grid else None
    return Recorded(incident, key, placed, send, bool(done.inserted))


def _check(report: IncidentReport) -> None:
    pointed = report.lon is not None and report.lat is not None
    if (report.lon is None) != (report.lat is None) or not (pointed or report.address.strip()):
        raise Refused(
            "an incident needs a point or an address",
            code="place-missing",
            remedy="send lon, lat and datum, or address",
        )
    if len(report.address) > _LONGEST_TEXT or max(len(report.source_key), len(report.category)) > _LONGEST_WORD:
        raise Refused(
            "a text is too long", code="text-long", remedy=f"an address has at most {_LONGEST_TEXT} characters"
        )


def _place_ahead(
    store: Store, lookup: Lookup, actor: Actor, report: IncidentReport, cover: PublishedCoverage
) -> dict[str, Placement]:
    """Return the id of a generation whose day is to come → where its grids place an incident; empty without one."""
    with store.reading(actor) as session:
        coming = session.generation()
    if coming is None or coming.id == cover.generation.id:
        return {}
    return {coming.id: _place(lookup, actor, report, as_of=coming.effective_from).placement}


def _place(lookup: Lookup, actor: Actor, report: IncidentReport, *, as_of: dt.date | None = None) -> IncidentPlacement:
    if report.lon is not None and report.lat is not None and report.datum is not None and not report.address.strip():
        point = lookup.locate(
            actor, report.lon, report.lat, datum=report.datum, accuracy_m=report.accuracy_m, as_of=as_of
        )
        return IncidentPlacement(point, None)
    return place_incident(
        lookup,
        actor,
        lon=report.lon,
        lat=report.lat,
        datum=report.datum or CGCS2000,
        text=report.address,
        community=report.community or None,
        accuracy_m=report.accuracy_m,
        as_of=as_of,
    )


def _row(report: IncidentReport, placement: Placement, key: str, now: Callable[[], dt.datetime]) -> Json:
    row: Json = {
        "source_key": key,
        "received_at": report.received_at or now(),
        "category_code": report.category,
        "address_text": report.address.strip(),
        "community_hint": report.community or (placement.community or {}).get("code", ""),
    }
    if report.lon is not None and report.lat is not None and report.datum is not None:
        x, y = to_cgcs2000(report.lon, report.lat, report.datum)
        row |= {"lon": float(x[0]), "lat": float(y[0]), "raw_x": report.lon, "raw_y": report.lat}
        row |= {"datum": str(report.datum), "accuracy_m": report.accuracy_m}
    return row


def _columns(incident: str, placement: Placement) -> AssignmentColumns:
    return AssignmentColumns(
        subject_id=[incident],
        grid_id=[_grid_id(placement)],
        exclusive_ids=[" ".join(g["id"] for g in placement.exclusive)],
        basis=[placement.basis.value],
    )


def _grid_id(placement: Placement) -> str:
    return str(placement.grid["id"]) if placement.grid else ""
