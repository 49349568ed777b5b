"""A plan becomes the generation in force: codes, lineage, placements, people and journal in one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from geo.authority import Action, Actor, require
from geo.errors import Conflict, NotFound
from geo.model import Generation, GenerationState, Grid, GridKind, Lineage, Plan, PlanState
from geo.services.coding import CodeRule, GivenCode, give_codes, renamed
from geo.services.lineage import lineage_between, successors
from geo.services.placement import Placed, place_subjects
from geo.services.published import load_coverage, metric_of
from geo.services.redraw import redraw_grids
from geo.services.workforce import WorkerMove, carry_people, people_served

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from geo.store.base import Session, Store

__all__ = ["Preview", "Published", "preview_publication", "publish_plan"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing a plan would do to codes and names; nothing is written."""

    plan_id: str
    codes: tuple[GivenCode, ...]


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


def preview_publication(store: Store, actor: Actor, plan_id: str, *, rule: CodeRule | None = None) -> Preview:
    """Show the codes and names a plan's grids would get."""
    with store.reading(actor) as session:
        plan = session.plan(plan_id)
        base = _base_generation(session, plan)
        grids = _redrawn(session, base, plan)
        return Preview(plan_id, tuple(_codes(session, grids, rule)))


def publish_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    effective_from: dt.date,
    filing_no: str,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    rule: CodeRule | None = None,
    at: Callable[[str], None] | None = None,
) -> Published:
    """Publish a plan as a new generation in force from a date.

    One transaction holds generation, grids, placements of all households and incidents, lineage, codes,
    people and journal; a stop at any moment leaves all of it or nothing.

    Parameters
    ----------
    filing_no : str
        备案 number, kept with generation and code history.
    at : callable, optional
        Told the name of each step before it is taken; tests stop the process there.

    Raises
    ------
    Conflict
        The plan's base is no longer in force (rebase it), or the plan is published already.
    """
    require(actor, Action.PUBLISH)
    step = at or _nothing
    with store.writing(actor) as session:
        plan = session.plan(plan_id)
        base = _publishable(session, plan)
        step("codes")
        grids = _redrawn(session, base, plan)
        given = _codes(session, grids, rule)
        coded = [renamed(g, c) for g, c in zip(grids, given, strict=True)]
        step("generation")
        generation = _open(session, base, plan, filing_no=filing_no, effective_from=effective_from, new_id=new_id)
        session.put_grids(generation.id, coded)
        step("placements")
        households, incidents = place_subjects(session, load_coverage(session, generation))
        session.put_assignments(generation.id, households.columns)
        session.put_assignments(generation.id, incidents.columns)
        step("lineage")
        links = _links(session, base, coded, households)
        session.put_lineage(base.id, generation.id, links)
        step("people")
        served = people_served(session)
        workers = carry_people(session, successors(links))
        step("codes history")
        _write_codes(session, given, base, coded, effective_from=effective_from, filing_no=filing_no)
        step("activate")
        session.activate(generation.id, effective_from=effective_from, published_at=now())
        proof = {**(plan.proof or {}), "people_before": served, "workers": [asdict(m) for m in workers]}
        done = session.put_plan(replace(plan, state=PlanState.EFFECTIVE, proof=proof), expected_version=plan.version)
        session.note(
            "publish",
            generation.id,
            detail={
                "plan": plan.id,
                "filing_no": filing_no,
                "effective_from": effective_from.isoformat(),
                "grids": sum(g.kind is GridKind.BASE for g in coded),
                "households": dict(households.by_basis),
            },
        )
        active = session.generation(id=generation.id)
        step("commit")
        session.commit()
    if active is None:
        raise NotFound("the generation vanished while it was published")
    step("committed")
    return Published(done, active, tuple(given), tuple(links), tuple(workers), households, incidents)


def _nothing(_: str) -> None:
    """Take no notice of a step."""


def _base_generation(session: Session, plan: Plan) -> Generation:
    base = session.generation(id=plan.generation_id)
    if base is None:
        raise NotFound("the plan's generation is not stored")
    return base


def _publishable(session: Session, plan: Plan) -> Generation:
    base = _base_generation(session, plan)
    if plan.state is PlanState.EFFECTIVE:
        raise Conflict("this plan is published already", code="plan-published", remedy="see `wangge generation list`")
    if base.state is not GenerationState.ACTIVE:
        raise Conflict(
            "the plan was drawn on a generation that is no longer in force",
            code="base-superseded",
            remedy="run `wangge plan rebase` and look at the plan again",
        )
    return base


def _redrawn(session: Session, base: Generation, plan: Plan) -> list[Grid]:
    """All grids of the new generation in position order: base grids redrawn, overlays carried over."""
    grids = session.grids(base.id)
    drawn = redraw_grids([g for g in grids if g.kind is GridKind.BASE], plan.edits)
    return sorted([*drawn, *(g for g in grids if g.kind is not GridKind.BASE)], key=lambda g: g.id)


def _codes(session: Session, grids: Sequence[Grid], rule: CodeRule | None) -> list[GivenCode]:
    names = {a.code: a.name for a in session.areas()}
    return give_codes(grids, used=session.used_codes(), community_names=names, metric=metric_of(grids), rule=rule)


def _open(
    session: Session,
    base: Generation,
    plan: Plan,
    *,
    filing_no: str,
    effective_from: dt.date,
    new_id: Callable[[], str],
) -> Generation:
    if base.effective_from is not None and effective_from <= base.effective_from:
        raise Conflict(
            f"the generation in force began on {base.effective_from}; a later date is needed",
            code="date-order",
            remedy="choose a later effective date",
        )
    generation = Generation(
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
    session.put_generation(generation)
    return generation


def _links(session: Session, base: Generation, grids: Sequence[Grid], households: Placed) -> list[Lineage]:
    told = session.assignments(base.id, "household")
    before = {str(h): str(g) for h, g in zip(told["subject_id"], told["grid_id"], strict=True)}
    after = dict(zip(households.columns.subject_id, households.columns.grid_id, strict=True))
    old = session.grids(base.id, GridKind.BASE)
    new = [g for g in grids if g.kind is GridKind.BASE]
    return lineage_between(old, new, metric=metric_of(old), before=before, after=after)


def _write_codes(
    session: Session,
    given: Sequence[GivenCode],
    base: Generation,
    grids: Sequence[Grid],
    *,
    effective_from: dt.date,
    filing_no: str,
) -> None:
    for line in given:
        if line.is_new:
            session.add_code(
                line.grid_id,
                line.code,
                name=line.name,
                valid_from=effective_from,
                reason="统一编码",
                filing_no=filing_no,
            )
    kept = {g.id for g in grids}
    for grid in session.grids(base.id):
        if grid.id not in kept:
            session.retire_code(grid.id, valid_to=effective_from, reason="撤并")
