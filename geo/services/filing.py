"""From draft to force: 草案 → 已上报 → 已审核 → 已备案 → 生效, with 退回修改 and its reason from each step.

Towns submit their parts one by one; the plan counts as submitted when every town it touches has. No step is
taken on grids that are no longer in force: such a plan is rebased first. The
review needs a second person; on one laptop it is recorded as 线下审核 with reviewer, date and document.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geo.authority import Action, Actor, require
from geo.errors import BaseSuperseded, Conflict, Forbidden, NotFound, Refused, Where
from geo.model import Generation, GenerationState, Plan, PlanState
from geo.services.multiparts import new_multiparts, refuse_multiparts
from geo.services.redraw import DrawingBoard

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.settings import Settings
    from geo.store.base import Session, Store

__all__ = [
    "base_in_force",
    "file_plan",
    "filed_under",
    "refuse_new_pieces",
    "return_plan",
    "review_plan",
    "submit_plan",
    "submitted_towns",
    "towns_of",
]


def submit_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    expected_version: int,
    town: str | None = None,
    now: Callable[[], dt.datetime],
) -> Plan:
    """Submit a draft (已上报), whole or one town's part.

    Parameters
    ----------
    town : str, optional
        Nine-digit code; without it all towns the plan touches are submitted at once.

    Raises
    ------
    Conflict
        The plan is no draft, holds no edit, or that town's part was submitted before.
    BaseSuperseded
        It was drawn on a generation that is not in force.
    Refused
        The plan does not touch that town, or leaves a grid there in pieces that was not so before.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = _in_state(session, plan_id, PlanState.DRAFT, "submitted")
        touched = towns_of(session, plan)
        if not touched:
            raise Conflict("the plan changes nothing yet", code="plan-empty", remedy="merge or redraw grids first")
        wanted = {town} if town else touched
        if not wanted <= touched:
            raise Refused("the plan does not touch this town", code="town-untouched", remedy="name a town it changes")
        already = submitted_towns(plan)
        if town in already:
            raise Conflict("this town's part was submitted already", code="town-submitted", remedy="return it first")
        refuse_new_pieces(session, plan, towns=wanted)
        steps = [_step("submit", actor, now, town=t) for t in sorted(wanted - already)]
        state = PlanState.SUBMITTED if wanted | already >= touched else PlanState.DRAFT
        return _keep(session, plan, expected_version, state, steps)


def review_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    expected_version: int,
    settings: Settings,
    now: Callable[[], dt.datetime],
    reviewer: str = "",
    reviewed_on: dt.date | None = None,
    document: str = "",
    scan: str = "",
) -> Plan:
    """Record the county's review (已审核).

    Where the author reviews too (one laptop), reviewer, date and document number of the paper are needed.

    Raises
    ------
    Forbidden
        The author alone signs, and a second person is demanded.
    Conflict, BaseSuperseded
        The plan is not submitted, or was drawn on a generation that is not in force.
    """
    require(actor, Action.REVIEW)
    with store.writing(actor) as session:
        plan = _in_state(session, plan_id, PlanState.SUBMITTED, "reviewed")
        offline = bool(reviewer and reviewed_on and document)
        if settings.second_person and actor.name == plan.author and not offline:
            raise Forbidden(
                "a plan is reviewed by a second person",
                code="second-person",
                remedy="record 线下审核: --reviewer, --date and --document of the signed paper",
            )
        step = _step(
            "review",
            actor,
            now,
            offline=offline,
            reviewer=reviewer,
            reviewed_on=reviewed_on.isoformat() if reviewed_on else "",
            document=document,
            scan=scan,
        )
        return _keep(session, plan, expected_version, PlanState.REVIEWED, [step])


def file_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    expected_version: int,
    filing_no: str,
    filed_on: dt.date,
    document: str,
    now: Callable[[], dt.datetime],
) -> Plan:
    """Record the filing with the city (已备案): number, date and document (文号).

    Raises
    ------
    Refused
        There is no number, another plan or generation bears it, or the date lies before the review.
    Conflict, BaseSuperseded
        The plan is not reviewed, or was drawn on a generation that is not in force.
    """
    require(actor, Action.REVIEW)
    number = filing_no.strip()
    if not number:
        raise Refused("a filing needs its number", code="filing-number", remedy="give --filing-no")
    with store.writing(actor) as session:
        plan = _in_state(session, plan_id, PlanState.REVIEWED, "filed")
        _refuse_filed_before_review(plan, filed_on)
        _refuse_number_taken(session, plan, number)
        step = _step("file", actor, now, filing_no=number, filed_on=filed_on.isoformat(), document=document)
        return _keep(session, plan, expected_version, PlanState.FILED, [step])


def return_plan(
    store: Store, actor: Actor, plan_id: str, *, expected_version: int, reason: str, now: Callable[[], dt.datetime]
) -> Plan:
    """Send a plan back for changes (退回修改) with the reason; it is a draft again and keeps its edits."""
    require(actor, Action.REVIEW)
    if not reason.strip():
        raise Refused("sending a plan back needs a reason", code="reason-missing", remedy="give --reason")
    with store.writing(actor) as session:
        plan = session.plan(plan_id)
        submitted_parts = any(s["step"] == "submit" for s in _since_return(plan))
        if plan.state is PlanState.EFFECTIVE or (plan.state is PlanState.DRAFT and not submitted_parts):
            raise Conflict(f"a plan in state {plan.state.value} cannot be sent back", code="plan-state")
        step = _step("return", actor, now, reason=reason, from_state=plan.state.value)
        return _keep(session, plan, expected_version, PlanState.DRAFT, [step])


def base_in_force(session: Session, plan: Plan) -> Generation:
    """Return the generation a plan was drawn on.

    Raises
    ------
    BaseSuperseded
        It is not the one in force.
    """
    base = session.generation(id=plan.generation_id)
    if base is None:
        raise NotFound("the plan's generation is not stored")
    if base.state is not GenerationState.ACTIVE:
        active = session.generation()
        in_force = None if active is None else (active.serial, active.id)
        raise BaseSuperseded(plan.id, base=(base.serial, base.id), in_force=in_force)
    return base


def refuse_new_pieces(session: Session, plan: Plan, *, towns: set[str] | None = None) -> None:
    """Refuse a plan that leaves grids in pieces which the grids it was drawn on do not explain.

    Parameters
    ----------
    towns : set of str, optional
        Nine-digit codes; only grids of these towns are looked at.

    Raises
    ------
    Refused
        There is such a grid; it is named.
    """
    board = DrawingBoard()
    found = new_multiparts(board.base(session, plan.generation_id), board.drawing(session, plan))
    told = [m for m in found if towns is None or m.grid.community_code[:9] in towns]
    refuse_multiparts(told, {a.code: a for a in session.areas()} if told else {})


def filed_under(plan: Plan) -> str:
    """Return the number a plan was last filed under; "" where it was not."""
    return next((str(s["filing_no"]) for s in reversed(plan.steps) if s["step"] == "file"), "")


def towns_of(session: Session, plan: Plan) -> set[str]:
    """Return the nine-digit codes of the towns whose grids a plan's edits name."""
    named = {word for edit in plan.edits for word in _words(edit)}
    return {g.community_code[:9] for g in session.grids(plan.generation_id) if g.id in named}


def submitted_towns(plan: Plan) -> frozenset[str]:
    """Return the towns whose parts of a draft are submitted; those parts stay as they are until sent back."""
    return frozenset(str(s["town"]) for s in _since_return(plan) if s["step"] == "submit")


def _refuse_number_taken(session: Session, plan: Plan, number: str) -> None:
    """Refuse a number that another generation or filed plan bears; one that was sent back bears none any more."""
    wanted = _plain(number)
    for generation in session.generations():
        if generation.plan_id != plan.id and _plain(generation.filing_no) == wanted:
            raise Refused(
                f"generation {generation.serial} bears the filing number {number}",
                code="filing-number-taken",
                where=Where(feature=plan.title or plan.id),
                remedy="give the number that this plan's own paper bears",
            )
    for other in session.plans():
        if other.id != plan.id and other.state is PlanState.FILED and _plain(filed_under(other)) == wanted:
            raise Refused(
                f"another plan, {other.title or other.id}, bears the filing number {number}",
                code="filing-number-taken",
                where=Where(feature=plan.title or plan.id),
                remedy="give the number that this plan's own paper bears",
            )


def _plain(number: str) -> str:
    return unicodedata.normalize("NFKC", number).strip()


def _refuse_filed_before_review(plan: Plan, filed_on: dt.date) -> None:
    step = next(s for s in reversed(plan.steps) if s["step"] == "review")
    reviewed_on = dt.date.fromisoformat(str(step.get("reviewed_on") or step["at"])[:10])
    if filed_on < reviewed_on:
        raise Refused(
            f"the filing of {filed_on} would lie before the review of {reviewed_on}",
            code="filing-date",
            where=Where(feature=plan.title or plan.id),
            remedy="give the day of the filing, on or after that of the review",
        )


def _words(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        return set().union(*map(_words, value.values())) if value else set()
    if isinstance(value, list | tuple):
        return set().union(*map(_words, value)) if value else set()
    return set()


def _in_state(session: Session, plan_id: str, wanted: PlanState, action: str) -> Plan:
    """Return a plan that stands where the next step begins, on grids in force."""
    plan = session.plan(plan_id)
    if plan.state is not wanted:
        raise Conflict(
            f"a plan in state {plan.state.value} cannot be {action}",
            code="plan-state",
            remedy=f"it must be {wanted.value} first",
        )
    base_in_force(session, plan)
    return plan


def _since_return(plan: Plan) -> list[dict[str, Any]]:
    steps = [dict(s) for s in plan.steps]
    last = max((i for i, s in enumerate(steps) if s["step"] in ("return", "rebase")), default=-1)
    return steps[last + 1 :]


def _step(name: str, actor: Actor, now: Callable[[], dt.datetime], **facts: Any) -> dict[str, Any]:
    return {"step": name, "by": actor.name, "at": now().isoformat(), **{k: v for k, v in facts.items() if v != ""}}


def _keep(session: Session, plan: Plan, version: int, state: PlanState, steps: list[dict[str, Any]]) -> Plan:
    kept = session.put_plan(replace(plan, state=state, steps=(*plan.steps, *steps)), expected_version=version)
    session.note(f"plan-{steps[-1]['step']}", plan.id, detail={"state": state.value, "version": kept.version})
    session.commit()
    return kept
