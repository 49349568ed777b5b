"""What a stateless merge hands out: the merged polygons or the table of groups, and the report, both or neither."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import shapely

from geo.errors import Refused
from geo.formats import Feature, write
from geo.formats.atomic import replacing
from geo.planning import Saying, Status, Weights, measure
from geo.planning import curve as solved_curve
from geo.planning import trade_off as solved_trade_off
from geo.planning.clock import Clock
from geo.planning.curve import FEWEST_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geo.crs import Datum
    from geo.planning import Curve, Proposal, Reason, TradeOff, TradeOffPoint, Units
    from geo.planning.asking import Target
    from geo.planning.clock import Progress

__all__ = [
    "Beside",
    "beside",
    "group_polygons",
    "group_table",
    "merge_facts",
    "refuse_beside",
    "write_facts",
    "write_merge",
]

_TABLE: Final = ".csv"
_PLAIN: Final = Weights(balance=1.0, compactness=1.0, disruption=1.0)
# Why nothing is beside a proposal though it was asked for.
_CURVE_LATE: Final = Saying(
    "时间不够，没有算出曲线（把 --time-limit 调大）", "no time was left for the curve (give a larger --time-limit)"
)
_CURVE_STOPPED: Final = Saying("已停止，没有算出曲线", "the search was stopped before the curve")
_WAYS_LATE: Final = Saying(
    "时间不够，没有算出取舍（把 --time-limit 调大）", "no time was left for the trade-off (give a larger --time-limit)"
)
_HAIR_M: Final = 0.2  # borders nearer than this are one (geo.planning.borders): a hole that thin is none


def group_table(units: Units, proposal: Proposal) -> list[Feature]:
    """Return one row a unit: its id and the number of its group, from 1."""
    labels = proposal.label(len(units))
    return [Feature(u + 1, {"id": units.ids[u], "group": number + 1}) for u, number in enumerate(labels)]


def group_polygons(shapes: NDArray[Any], units: Units, proposal: Proposal) -> list[Feature]:
    """Return one polygon a group with its members, load and parent.

    Parameters
    ----------
    shapes : ndarray of shapely polygons
        One a unit, in the coordinates that are written.
    units, proposal
        What was merged, and how.
    """
    # The file's unit (degree, foot) in metres, near enough to tell a hair from a hole.
    hair = _HAIR_M * float(shapely.length(shapes).sum()) / max(units.total_perimeter_m, _HAIR_M)
    rows = []
    for number, group in enumerate(proposal.groups, start=1):
        held = list(group)
        facts = {
            "group": number,
            "members": ",".join(units.ids[unit] for unit in group),
            "units": len(group),
            "load": float(units.loads[held].sum()),
            "within": str(units.parent_of(group[0])),
        }
        rows.append(Feature(number, facts, shapes[held[0]] if len(held) == 1 else _joined(shapes[held], hair)))
    return rows


def _joined(shapes: NDArray[Any], hair: float) -> Any:
    """Union of a group. Where borders do not quite meet, vertices that near are made one and slits are closed."""
    whole = _closed(shapes, hair)
    if len(shapely.get_parts(whole)) == 1:
        return whole
    # Several parts: either the members have them (an island), or a border is open by a hair at its ends.
    grown = shapes[0]
    for shape in shapes[1:]:
        near = shapely.snap(shape, grown, hair)
        grown = shapely.union(grown, near if shapely.is_valid(near) else shape)
    snapped = _closed(shapely.get_parts(grown), hair)
    return snapped if len(shapely.get_parts(snapped)) < len(shapely.get_parts(whole)) else whole


def _closed(shapes: NDArray[Any], hair: float) -> Any:
    """Union, with every enclosed slit thinner than a hair filled; its outline keeps the vertices it had."""
    lines = shapely.union_all(shapely.boundary(shapes))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    slits = faces[2.0 * shapely.area(faces) <= hair * shapely.length(faces)]
    return shapely.union_all([*shapes, *slits])


def write_merge(
    units: Units, proposal: Proposal, *, shapes: NDArray[Any], datum: Datum, out: Path, report: Path | None, facts: Any
) -> tuple[str, ...]:
    """Write the result (by its ending) and the report, both or neither; return what the format could not keep.

    Raises
    ------
    Refused, Unavailable
        One of the two cannot be written; files that stood there before still do.
    """
    if out.suffix.lower() == _TABLE:
        rows, columns = group_table(units, proposal), ["id", "group"]
    else:
        rows, columns = group_polygons(shapes, units, proposal), ["group", "members", "units", "load", "within"]
    if report is None:
        return write(out, rows, columns=columns, datum=datum).losses
    with replacing(
        report
    ) as fresh:  # the report is made first and put in place last: it speaks of a result that is there
        fresh.write_text(_text(facts), encoding="utf-8", newline="\n")
        return write(out, rows, columns=columns, datum=datum).losses


def write_facts(report: Path, facts: Any) -> None:
    """Write a report alone, whole or not at all."""
    with replacing(report) as fresh:
        fresh.write_text(_text(facts), encoding="utf-8", newline="\n")


def _text(facts: Any) -> str:
    return json.dumps(facts, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


@dataclass(frozen=True, slots=True)
class Beside:
    """What was asked beside a proposal: other numbers of groups, and other weights at its own number."""

    curve: Curve | None = None
    trade_off: TradeOff | None = None


def refuse_beside(*, trade_off: int) -> None:
    """Refuse, before anything is searched, what could not be drawn beside a proposal.

    Parameters
    ----------
    trade_off : int, keyword
        Plans asked for between balance and disruption; 0 for none.

    Raises
    ------
    Refused
        It is below zero or one: a trade-off lies between two plans.
    """
    if trade_off and trade_off < FEWEST_POINTS:
        raise Refused(
            "a trade-off lies between two plans at least",
            code="trade-off-invalid",
            remedy="ask for two or more, or for none",
        )


def beside(
    units: Units,
    proposal: Proposal,
    *,
    curve: bool,
    trade_off: int,
    groups: Target,
    seconds: float,
    progress: Progress | None = None,
    **asked: Any,
) -> Beside:
    """Return the curve and the trade-off that go with a proposal, each where it was asked for.

    Parameters
    ----------
    curve : bool, keyword
        Every K: over the band asked for, else from the proposal's up to today's number.
    trade_off : int, keyword
        At most so many plans of the proposal's K between balance and disruption; 0 for none.
    groups : int, (int, int) or "fewest", keyword
        What was asked.
    seconds : float, keyword
        Allowed to all of it; of two the curve gets half.
    asked : keyword
        Weights, constraints and seed, as for `geo.planning.curve`.
    """
    clock = Clock(seconds)
    ways = points = None
    if curve:
        low, high = groups if isinstance(groups, tuple) else (max(proposal.count, 1), len(units))
        share = seconds / 2 if trade_off else seconds
        points = solved_curve(units, low, max(high, low), time_limit=share, progress=progress, **asked)
    if trade_off and proposal.groups:
        ways = solved_trade_off(
            units, groups=proposal.count, points=trade_off, time_limit=clock.left, progress=progress, **asked
        )
    return Beside(points, ways)


def merge_facts(
    units: Units, proposal: Proposal, *, others: Beside | None = None, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the facts of a proposal as plain values, units called by `names` (their ids when None).

    Keys: units, groups, status, objective, bound, gap, balance_gap, seconds, terms, target, members, reasons,
    alternatives, conflict and, where asked for, curve (its points and its knee) and trade_off (its points, each
    with balance, disruption, the load that changes its worker, weights and proof; the position of the knee; and
    where the proposal itself stands). Both tell the reason where the time did not suffice for any plan, else None.
    Of an infeasible request `reasons` are the wishes that contradict each other.
    """
    if names is not None:
        units = replace(units, ids=tuple(names))
    target = None if not proposal.groups else units.total_load / proposal.count
    facts = {
        "units": len(units),
        **_proof(proposal),
        "seconds": round(proposal.seconds, 4),
        "terms": None if proposal.terms is None else asdict(proposal.terms),
        "target": target,
        "members": _members(units, proposal),
        "reasons": [_reason(units, reason) for reason in proposal.reasons] or [_saying(s) for s in proposal.conflict],
        "alternatives": [_alternative(units, proposal, other) for other in proposal.alternatives],
        "conflict": [_saying(saying) for saying in proposal.conflict],
    }
    found = others or Beside()
    if found.curve is not None:
        points = [{**_proof(p.proposal), "groups": p.count, "step_cost": p.step_cost} for p in found.curve.points]
        facts["curve"] = {"points": points, "knee": found.curve.knee, "reason": _why_none(found.curve)}
    if found.trade_off is not None:
        facts["trade_off"] = _trade_off(units, proposal, found.trade_off)
    return facts


def _why_none(found: Curve) -> dict[str, str] | None:
    """Return why no point of a curve has a plan; None where one has, or where it was proven that none can."""
    plans = [point.proposal for point in found.points]
    if not plans:
        return _saying(_CURVE_STOPPED)
    late = not any(plan.groups for plan in plans) and any(plan.status is Status.UNKNOWN for plan in plans)
    return _saying(_CURVE_LATE) if late else None


def _trade_off(units: Units, proposal: Proposal, found: TradeOff) -> dict[str, Any]:
    plain = measure(units, proposal.groups, weights=_PLAIN)
    here = _between(units, plain.balance, plain.disruption)
    points = [_way(units, point) for point in found.points]
    # The proposal fulfils the wishes at this K: where no other plan does, the time did not suffice.
    reason = None if points else _saying(_WAYS_LATE)
    return {"points": points, "knee": found.knee, "proposed": here, "reason": reason}


def _way(units: Units, point: TradeOffPoint) -> dict[str, Any]:
    place = _between(units, point.balance, point.disruption)
    return {**place, "weights": asdict(point.weights), **_proof(point.proposal)}


def _between(units: Units, balance: float, disruption: float) -> dict[str, float]:
    return {"balance": balance, "disruption": disruption, "moved": disruption * units.total_load}


def _proof(proposal: Proposal) -> dict[str, Any]:
    return {
        "groups": len(proposal.groups),
        "status": str(proposal.status),
        "objective": proposal.objective,
        "bound": proposal.bound,
        "gap": proposal.gap,
        "balance_gap": proposal.balance_gap,
    }


def _members(units: Units, proposal: Proposal) -> list[dict[str, Any]]:
    return [
        {
            "group": number,
            "members": [units.ids[unit] for unit in group],
            "load": float(units.loads[list(group)].sum()),
            "within": str(units.parent_of(group[0])),
        }
        for number, group in enumerate(proposal.groups, start=1)
    ]


def _reason(units: Units, reason: Reason) -> dict[str, Any]:
    return {
        "members": [units.ids[unit] for unit in reason.group],
        "shared_m": round(reason.shared_m, 1),
        "loads": [float(units.loads[unit]) for unit in reason.group],
        "load": reason.load,
        "target": reason.target,
        "stays": units.ids[reason.stays],
        "moved": reason.moved,
        "price": reason.price,
        "price_proven": reason.price_proven,
        "instead": [[units.ids[unit] for unit in group] for group in reason.instead],
        **_saying(reason.saying),
    }


def _alternative(units: Units, best: Proposal, other: Proposal) -> dict[str, Any]:
    price = None
    if other.objective is not None and best.objective is not None:
        price = other.objective - best.objective
    merges = [[units.ids[unit] for unit in group] for group in other.merges]
    return {**_proof(other), "price": price, "merges": merges}


def _saying(saying: Saying) -> dict[str, str]:
    return {"zh": saying.zh, "en": saying.en}
