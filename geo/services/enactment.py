"""What follows from redrawn grids: placements, lineage, people, codes; computed first, written in one transaction."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import NotFound, Refused, Where
from geo.locate import GridIndex
from geo.model import Generation, GenerationState, Grid, GridKind, Lineage, Plan, PlanState
from geo.services.lineage import Carried, lineage_between, successors
from geo.services.placement import Placed, Placing
from geo.services.published import PublishedCoverage, metric_of
from geo.services.workforce import (
    Straddle,
    WorkerMove,
    branch_straddles,
    carry_people,
    people_served,
    place_workers,
    restore_people,
    vacancies,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from geo.services.coding import GivenCode
    from geo.services.placement import PlacedPage
    from geo.store.base import AssignmentColumns, Session

__all__ = ["Consequences", "Order", "Published", "consequences_of", "enact", "open_generation"]


@dataclass(frozen=True, slots=True)
class Consequences:
    """What redrawn grids mean for everything placed in them.

    Attributes
    ----------
    lineage : tuple of Lineage
        Old grid ↔ new grid with shares of area and households.
    workers : tuple of WorkerMove
        网格员安置表: each full-time worker kept, moved or 待安置.
    vacant : tuple of str
        New base grids without a full-time worker.
    straddles : tuple of Straddle
        Redrawn grids whose party groups hang under several branches.
    anchors, incidents : tuple of Carried
        Anchor households and incidents whose grid changes, by source key.
    """

    households: Placed
    incidents_placed: Placed
    lineage: tuple[Lineage, ...]
    workers: tuple[WorkerMove, ...]
    vacant: tuple[str, ...]
    straddles: tuple[Straddle, ...]
    anchors: tuple[Carried, ...]
    incidents: tuple[Carried, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing a plan did."""

    plan: Plan
    generation: Generation
    codes: tuple[GivenCode, ...]
    lineage: tuple[Lineage, ...]
    workers: tuple[WorkerMove, ...]
    households: Placed
    incidents: Placed
    vacant: tuple[str, ...] = ()
    straddles: tuple[Straddle, ...] = ()
    anchors: tuple[Carried, ...] = ()
    incidents_carried: tuple[Carried, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be put into force: a plan's grids with their codes, from when, under which filing number.

    `served` brings people back to the grids they served then (a revert); None lets them follow their grids.
    """

    plan: Plan
    grids: tuple[Grid, ...]
    codes: tuple[GivenCode, ...]
    effective_from: dt.date
    filing_no: str
    action: str = "publish"
    served: Mapping[str, Mapping[str, Sequence[str]]] | None = None


def consequences_of(session: Session, base: Generation, generation: Generation, grids: Sequence[Grid]) -> Consequences:
    """Compute what follows when `grids` succeed those of `base`; nothing is written.

    Parameters
    ----------
    generation : Generation
        The generation the grids belong to, or will.
    grids : sequence of Grid
        All grids, overlays too, in position order.
    """
    placing = Placing(session, _cover(session, generation, grids))
    return _followed(session, base, placing, grids, keep=_let_go)


def _let_go(_: str, pages: Iterable[AssignmentColumns]) -> None:
    deque(pages, maxlen=0)


def _followed(
    session: Session,
    base: Generation,
    placing: Placing,
    grids: Sequence[Grid],
    *,
    keep: Callable[[str, Iterable[AssignmentColumns]], None],
) -> Consequences:
    """Place everything, hand the placements page by page to `keep`, and follow what moves."""
    moves = _Moves(_anchors(session))
    keep("household", moves.of_households(placing.pages("household", before=base.id)))
    keep("incident", moves.of_incidents(placing.pages("incident", before=base.id)))
    old = session.grids(base.id, GridKind.BASE)
    new = [g for g in grids if g.kind is GridKind.BASE]
    links = lineage_between(old, new, metric=metric_of(old), moved=moves.between)
    successor = successors(links)
    workers = place_workers(session.rows("gridworkers", where={"kind": "full_time"}), successor)
    redrawn = _redrawn_names(old, new, links)
    return Consequences(
        households=placing.counts("household"),
        incidents_placed=placing.counts("incident"),
        lineage=tuple(links),
        workers=tuple(workers),
        vacant=vacancies(workers, [g.id for g in new]),
        straddles=branch_straddles(session.rows("party_groups"), successor, redrawn),
        anchors=tuple(sorted(moves.anchors)),
        incidents=tuple(sorted(moves.incidents)),
    )


class _Moves:
    """What changes its grid, gathered from pages as they pass through.

    Parameters
    ----------
    anchors : mapping
        Source key of a household → source key of its anchor household, which goes with it.
    """

    def __init__(self, anchors: Mapping[str, str]) -> None:
        self._anchors = anchors
        self.between: Counter[tuple[str, str]] = Counter()
        self.anchors: list[Carried] = []
        self.incidents: list[Carried] = []

    def of_households(self, pages: Iterable[PlacedPage]) -> Iterator[AssignmentColumns]:
        """Count households by old and new grid, and follow the anchor households among them."""
        for page in pages:
            self.between.update((old, new) for _, old, new in _lines(page) if old)
            self.anchors += [
                Carried(self._anchors[key], old, new)
                for key, old, new in _lines(page)
                if old != new and key in self._anchors
            ]
            yield page.columns

    def of_incidents(self, pages: Iterable[PlacedPage]) -> Iterator[AssignmentColumns]:
        """Follow every incident."""
        for page in pages:
            self.incidents += [Carried(key, old, new) for key, old, new in _lines(page) if old != new]
            yield page.columns


def _lines(page: PlacedPage) -> Iterator[tuple[str, str, str]]:
    """Return source key, former grid and new grid of each row."""
    return zip(page.keys.tolist(), page.before.tolist(), page.columns.grid_id, strict=True)


def _cover(session: Session, generation: Generation, grids: Sequence[Grid]) -> PublishedCoverage:
    base = tuple(g for g in grids if g.kind is GridKind.BASE)
    overlay = tuple(g for g in grids if g.kind is not GridKind.BASE)
    return PublishedCoverage(
        generation=generation,
        base=base,
        overlay=overlay,
        base_index=GridIndex.from_polygons([g.geometry for g in base]),
        overlay_index=GridIndex.from_polygons([g.geometry for g in overlay], strict=False) if overlay else None,
        areas={a.code: a for a in session.areas()},
        metric=metric_of(grids),
        ids=np.array([g.id for g in base] + [""], dtype=object),
        codes=np.array([g.code or g.local_code or "" for g in base] + [""], dtype=object),
    )


def _redrawn_names(old: Sequence[Grid], new: Sequence[Grid], links: Sequence[Lineage]) -> dict[str, str]:
    """Return id → name of the new grids that are not simply an old one."""
    whole = {k.new_grid_id for k in links if k.change.value == "keep"}
    known = {g.id for g in old}
    return {g.id: g.name for g in new if g.id not in whole or g.id not in known}


def _anchors(session: Session) -> dict[str, str]:
    """Return household key → anchor household key."""
    rows = session.rows("anchor_households", columns=("source_key", "household_key"))
    return {r["household_key"]: r["source_key"] for r in rows if r["household_key"]}


def open_generation(
    session: Session,
    base: Generation,
    plan: Plan,
    *,
    effective_from: dt.date,
    filing_no: str,
    new_id: Callable[[], str],
) -> Generation:
    """Return the inactive generation that follows `base`; it is not written yet."""
    return Generation(
        id=new_id(),
        county_code=base.county_code,
        serial=max(g.serial for g in session.generations()) + 1,
        state=GenerationState.INACTIVE,
        effective_from=effective_from,
        parent_id=base.id,
        plan_id=plan.id,
        filing_no=filing_no,
        note=plan.title,
    )


def enact(
    session: Session,
    base: Generation,
    order: Order,
    *,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    step: Callable[[str], None],
    progress: Callable[[float, str], None] | None = None,
) -> Published:
    """Write a generation with everything that hangs on it and put it into force; the caller commits.

    `step` is told the name of each part before it is written, `progress` how far placing has come; both may raise.
    """
    _refuse_equal_names(order.grids)
    step("generation")
    plan, day = order.plan, order.effective_from
    generation = open_generation(session, base, plan, effective_from=day, filing_no=order.filing_no, new_id=new_id)
    session.put_generation(generation)
    session.put_grids(generation.id, order.grids)
    step("placements")
    placing = Placing(session, _cover(session, generation, order.grids), progress=progress)
    found = _followed(session, base, placing, order.grids, keep=partial(session.put_assignments, generation.id))
    step("lineage")
    session.put_lineage(base.id, generation.id, found.lineage)
    step("people")
    before = people_served(session)
    workers = _bring(session, order, found)
    step("codes history")
    _write_codes(session, order, base)
    step("activate")
    session.activate(generation.id, effective_from=day, published_at=now())
    step("plan")
    proof = {**(plan.proof or {}), "people_before": before, "workers": [asdict(m) for m in workers]}
    done = session.put_plan(replace(plan, state=PlanState.EFFECTIVE, proof=proof), expected_version=plan.version)
    step("journal")
    session.note(order.action, generation.id, detail=_detail(order, found))
    active = session.generation(id=generation.id)
    if active is None:
        raise NotFound("the generation vanished while it was published")
    return Published(
        plan=done,
        generation=active,
        codes=order.codes,
        lineage=found.lineage,
        workers=tuple(workers),
        households=found.households,
        incidents=found.incidents_placed,
        vacant=vacancies(workers, [g.id for g in order.grids if g.kind is GridKind.BASE]),
        straddles=found.straddles,
        anchors=found.anchors,
        incidents_carried=found.incidents,
    )


def _bring(session: Session, order: Order, found: Consequences) -> list[WorkerMove]:
    successor = successors(found.lineage)
    if order.served is None:
        return carry_people(session, successor)
    return restore_people(session, order.served, grids={g.id for g in order.grids}, successor=successor)


def _detail(order: Order, found: Consequences) -> dict[str, Any]:
    return {
        "plan": order.plan.id,
        "filing_no": order.filing_no,
        "effective_from": order.effective_from.isoformat(),
        "grids": sum(g.kind is GridKind.BASE for g in order.grids),
        "households": dict(found.households.by_basis),
        "incidents_carried": len(found.incidents),
    }


def _refuse_equal_names(grids: Sequence[Grid]) -> None:
    seen: set[tuple[str, str]] = set()
    for grid in grids:
        if grid.kind is GridKind.BASE:
            key = (grid.community_code, grid.name)
            if key in seen:
                raise Refused(
                    f"two grids of one community would be called {grid.name}",
                    code="name-clash",
                    where=Where(feature=grid.name),
                    remedy="rename one of them in the plan",
                )
            seen.add(key)


def _write_codes(session: Session, order: Order, base: Generation) -> None:
    for line in order.codes:
        if line.is_new:
            session.add_code(
                line.grid_id,
                line.code,
                name=line.name,
                valid_from=order.effective_from,
                reason="统一编码",
                filing_no=order.filing_no,
            )
    kept = {g.id for g in order.grids}
    for grid in session.grids(base.id):
        if grid.id not in kept:
            session.retire_code(grid.id, valid_to=order.effective_from, reason="撤并")
