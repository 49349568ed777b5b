"""Whom to send where: an incident's point and its address brought to one placement, its worker and its duty unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from geo.authority import Action, Actor
from geo.crs import BD09, CGCS2000, GCJ02, Datum, metric_for, to_cgcs2000
from geo.errors import WanggeError
from geo.model import Basis, Json, Placement, WorkerKind
from geo.services.naming import masked_name, plain_text

if TYPE_CHECKING:
    import datetime as dt

    from geo.address import AddressAnswer
    from geo.services.lookup import Lookup
    from geo.services.published import PublishedCoverage
    from geo.store.base import Session, Store

__all__ = ["DUTY_OF", "IncidentPlacement", "place_incident", "whom_to_send"]

# Which duty answers a category of incident, where the two tables use different words.
DUTY_OF: Final = {
    "供热": "供热",
    "供水": "供水",
    "排水": "供水",
    "供电": "供电",
    "物业管理": "物业",
    "房屋漏雨": "物业",
    "小区照明": "物业",
    "电梯": "物业",
    "环境卫生": "物业",
    "噪声": "警格",
    "停车": "警格",
    "流浪犬": "警格",
    "治安隐患": "警格",
    "矛盾纠纷": "警格",
}
_CHIEF: Final = "网格长"
_DATUMS: Final = (CGCS2000, GCJ02, BD09)
_WORST_RECONCILED_M: Final = 150.0


@dataclass(frozen=True, slots=True)
class IncidentPlacement:
    """One placement from a point and an address.

    Attributes
    ----------
    placement : Placement
        The answer; `basis` says which of the two it rests on.
    agree : bool or None
        Whether both name the same grid; None where only one of them says anything.
    reconciled_by : str
        The datum under which the point would lie where the address is ("gcj02", or "gcj02, swapped"), "" if none.
    question : str
        What to ask the caller, "" where nothing is open.
    """

    placement: Placement
    agree: bool | None
    reconciled_by: str = ""
    question: str = ""


def place_incident(
    lookup: Lookup,
    actor: Actor,
    *,
    lon: float | None,
    lat: float | None,
    datum: Datum,
    text: str,
    community: str | None = None,
    accuracy_m: float | None = None,
    as_of: dt.date | None = None,
) -> IncidentPlacement:
    """Place an incident by its point and its address together.

    A numbered building goes before the point, the point before a name or a guess. Where both name a grid and the
    grids differ, the placement is flagged, and the datum is named under which the point would lie at the address.

    Parameters
    ----------
    lon, lat : float, optional
        The point as recorded, in `datum`; None where there is none.
    text : str
        The address as recorded, "" where there is none.
    community : str, optional
        Code of the community the order names.
    accuracy_m : float, optional
        Radius of uncertainty of the point.
    """
    cover = lookup.coverage(actor, as_of=as_of)
    answer = lookup.addresses.find(actor, cover, text, community=community)
    address = lookup.placed_by_address(actor, cover, answer)
    if lon is None or lat is None or not (math.isfinite(lon) and math.isfinite(lat)):
        return IncidentPlacement(address, None, question=answer.question)
    point = lookup.locate(actor, lon, lat, datum=datum, accuracy_m=accuracy_m, as_of=as_of)
    if not answer.found:
        return _by_point(point, address, answer)
    if address.grid and address.grid["id"] in _grids_within(point):
        same = point.grid is not None and point.grid["id"] == address.grid["id"]
        sure = point if same and address.basis is not Basis.BUILDING else address
        return IncidentPlacement(replace(sure, exclusive=point.exclusive), agree=True)
    spot = lookup.addresses.known(actor, cover).spot_of(answer)
    return _disagreeing(point, address, _reconciling(cover, answer, spot, (lon, lat), datum))


def _by_point(point: Placement, address: Placement, answer: AddressAnswer) -> IncidentPlacement:
    """Answer by the point where the address asks or says nothing; the point may settle the address's question."""
    if point.grid is None:
        return IncidentPlacement(address if address.candidates else point, None, question=answer.question)
    named = {g["id"] for g in address.candidates}
    if not named:
        return IncidentPlacement(point, None)
    agree = bool(named & _grids_within(point))
    note = () if agree else ("地址与坐标不一致：" + answer.question,)
    return IncidentPlacement(
        replace(point, ambiguous=point.ambiguous or not agree, notes=(*point.notes, *note)),
        agree,
        question="" if agree else answer.question,
    )


def _grids_within(point: Placement) -> set[str]:
    grids = {g["id"] for g in point.candidates}
    return grids | {point.grid["id"]} if point.grid else grids


def _disagreeing(point: Placement, address: Placement, reconciled_by: str) -> IncidentPlacement:
    """Both say something, and not the same."""
    trusted = address if reconciled_by or address.basis is Basis.BUILDING or point.grid is None else point
    candidates = tuple(p.grid for p in (address, point) if p.grid)
    words = f"地址与坐标不一致；按 {reconciled_by} 解读坐标则一致" if reconciled_by else "地址与坐标不一致，请核实"
    placement = replace(trusted, ambiguous=True, candidates=candidates, notes=(*trusted.notes, words))
    return IncidentPlacement(placement, agree=False, reconciled_by=reconciled_by)


def _reconciling(
    cover: PublishedCoverage,
    answer: AddressAnswer,
    spot: tuple[float, float] | None,
    raw: tuple[float, float],
    declared: Datum,
) -> str:
    """Return the reading of the raw numbers that lies in the address's grid and nearest to the address."""
    found = []
    for datum in _DATUMS:
        for swapped in (False, True):
            if datum == declared and not swapped:
                continue
            place = _read(raw[::-1] if swapped else raw, datum)
            if place is None or cover.base_index.locate(*place).position != answer.grid:
                continue
            far = _metres(place, spot) if spot else 0.0
            if far <= _WORST_RECONCILED_M:
                found.append((far, f"{datum.name}, swapped" if swapped else datum.name))
    return min(found)[1] if found else ""


def _read(raw: tuple[float, float], datum: Datum) -> tuple[float, float] | None:
    try:
        x, y = to_cgcs2000(*raw, datum)
    except WanggeError:
        return None
    return float(x[0]), float(y[0])


def _metres(place: tuple[float, float], spot: tuple[float, float]) -> float:
    x, y = metric_for(spot[0]).forward([place[0], spot[0]], [place[1], spot[1]])
    return math.hypot(float(x[1] - x[0]), float(y[1] - y[0]))


def whom_to_send(
    store: Store,
    actor: Actor,
    cover: PublishedCoverage,
    grid_id: str,
    *,
    category: str = "",
    compound: str = "",
) -> Json:
    """Return who answers for a grid, in order of calling, and the duty unit of an incident's category.

    Returns
    -------
    dict
        ``chain``: entries ``role`` (专职网格员, 网格长, 社区值班), ``worker_id``, masked ``name`` (None where the
        actor is not entitled to people); ``unit``: ``category``, ``name`` and, for the entitled, ``phone`` of the
        duty unit, None where the table names none.
    """
    grid = next((g for g in cover.base if g.id == grid_id), None)
    community = grid.community_code if grid else ""
    with store.reading(actor) as session:
        chain = _workers(session, grid_id) if actor.may(Action.READ_PEOPLE) else []
        unit = _duty(session, actor, grid_id, community, category, compound)
    area = cover.describe_area(community)
    chain.append({"role": "社区值班", "worker_id": None, "name": area["name"] if area else None})
    return {"chain": chain, "unit": unit}


def _workers(session: Session, grid_id: str) -> list[Json]:
    rows = session.rows(
        "gridworkers", where={"grid_id": grid_id}, columns=("id", "kind", "name", "post"), order_by=("id",)
    )
    chief = [r for r in rows if _CHIEF in (r["post"] or "")]
    full_time = [r for r in rows if r["kind"] == WorkerKind.FULL_TIME.value and r not in chief]
    named: dict[tuple[str, str], Json] = {}
    for role, found in (("专职网格员", full_time), (_CHIEF, chief)):
        for row in found:
            # After a merge one person may head the grid twice: one call is enough.
            named.setdefault(
                (role, row["name"]), {"role": role, "worker_id": row["id"], "name": masked_name(row["name"])}
            )
    return list(named.values())


def _duty(session: Session, actor: Actor, grid_id: str, community: str, category: str, compound: str) -> Json | None:
    wanted = DUTY_OF.get(category, category)
    if not wanted:
        return None
    rows = session.rows("duties", where={"category_code": wanted}, order_by=("id",))
    ranked = [
        (rank, row) for row in rows if (rank := _duty_rank(row, grid_id, community, plain_text(compound))) is not None
    ]
    if not ranked:
        return None
    row = min(ranked, key=lambda r: r[0])[1]
    phone = row["phone"] if actor.may(Action.READ_PEOPLE) else None
    return {"category": wanted, "name": row["unit"], "phone": phone or None}


def _duty_rank(row: Json, grid_id: str, community: str, compound: str) -> int | None:
    """Rank a duty: of the grid before of the compound before of the community; None where it is another's."""
    if row["grid_id"]:
        return 0 if row["grid_id"] == grid_id else None
    if row["community_code"] and row["community_code"] != community:
        return None
    if row["compound"]:
        return 1 if compound and plain_text(row["compound"]) == compound else None
    return 2 if row["community_code"] else 3
