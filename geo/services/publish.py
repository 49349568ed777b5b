"""A plan becomes the generation in force: codes, lineage, placements, people and journal in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from geo.authority import Action, Actor, require
from geo.errors import Conflict, NotFound, Refused
from geo.model import Generation, GenerationState, Grid, Plan, PlanState
from geo.services.coding import CodePolicy, CodeRule, GivenCode, give_codes, renamed
from geo.services.edits import named_by_hand
from geo.services.enactment import Consequences, Order, Published, consequences_of, enact
from geo.services.filing import base_in_force, filed_under, refuse_new_pieces
from geo.services.published import metric_of
from geo.services.redraw import Drawing, drawn_grids, redrawn

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from geo.store.base import Session, Store

__all__ = ["Preview", "Published", "preview_publication", "publish_plan"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing a plan would do; nothing is written.

    `codes` holds one line a grid in position order; `consequences` what follows for households, workers, party
    groups, anchor households and incidents.
    """

    plan_id: str
    codes: tuple[GivenCode, ...]
    grids: tuple[Grid, ...]
    consequences: Consequences


def preview_publication(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    rule: CodeRule | None = None,
    policy: CodePolicy = CodePolicy.KEEP,
) -> Preview:
    """Show what publishing a plan would do: codes and names under a policy, and all that moves.

    Parameters
    ----------
    policy : CodePolicy
        Whether a redrawn grid that carries on an identity keeps its code or takes a new serial.
    """
    with store.reading(actor) as session:
        plan = session.plan(plan_id)
        base = _base_generation(session, plan)
        grids, codes = _coded(session, base, plan, rule=rule, policy=policy)
        planned = replace(base, id=plan.id, state=GenerationState.INACTIVE, parent_id=base.id, plan_id=plan.id)
        return Preview(plan_id, codes, grids, consequences_of(session, base, planned, grids))


def publish_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    effective_from: dt.date,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    filing_no: str = "",
    rule: CodeRule | None = None,
    policy: CodePolicy = CodePolicy.KEEP,
    expected_version: int | None = None,
    at: Callable[[str], None] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Published:
    """Publish a plan as a new generation in force from a date.

    One transaction holds generation, grids, placements of all households and incidents, lineage, codes,
    people and journal; a stop at any moment leaves all of it or nothing.

    Parameters
    ----------
    filing_no : str
        备案 number, kept with generation and code history. A plan in state 已备案 brings its own; on one laptop a
        plan may be put into force with the number given here, and the filing is recorded as done on paper.
    policy : CodePolicy
        Whether a redrawn grid that carries on an identity keeps its code or takes a new serial.
    expected_version : int, optional
        The version that was looked at; `StaleVersion` where it is no longer the current one.
    at : callable, optional
        Told the name of each step before it is taken; tests stop the process there.
    progress : callable, optional
        ``progress(share, saying)`` while households and incidents are placed; may raise to cancel, then nothing is
        changed.

    Raises
    ------
    BaseSuperseded
        The plan's base is no longer in force: rebase it.
    Conflict
        The plan is published already, it is neither filed nor given a filing number, or the date is not after the
        day the generation in force began.
    StaleVersion
        The plan was changed since it was looked at.
    Refused
        It leaves a grid in pieces.
    """
    require(actor, Action.PUBLISH)
    step = at or _nothing
    with store.writing(actor) as session:
        plan = _looked_at(session, plan_id, expected_version)
        base = _publishable(session, plan, effective_from)
        plan, number = _filed(plan, filing_no, actor=actor, now=now)
        step("codes")
        grids, codes = _coded(session, base, plan, rule=rule, policy=policy)
        order = Order(plan=plan, grids=grids, codes=codes, effective_from=effective_from, filing_no=number)
        done = enact(session, base, order, now=now, new_id=new_id, step=step, progress=progress)
        step("commit")
        session.commit()
    step("committed")
    return done


def _nothing(_: str) -> None:
    """Take no notice of a step."""


def _looked_at(session: Session, plan_id: str, expected_version: int | None) -> Plan:
    plan = session.plan(plan_id)
    if expected_version is not None and plan.version != expected_version:
        session.put_plan(plan, expected_version=expected_version)
    return plan


def _base_generation(session: Session, plan: Plan) -> Generation:
    base = session.generation(id=plan.generation_id)
    if base is None:
        raise NotFound("the plan's generation is not stored")
    return base


def _publishable(session: Session, plan: Plan, effective_from: dt.date) -> Generation:
    if plan.state is PlanState.EFFECTIVE:
        raise Conflict("this plan is published already", code="plan-published", remedy="see `wangge generation list`")
    base = base_in_force(session, plan)
    if base.effective_from is not None and effective_from <= base.effective_from:
        raise Conflict(
            f"the generation in force began on {base.effective_from}; a later date is needed",
            code="date-order",
            remedy="choose a later effective date",
        )
    refuse_new_pieces(session, plan)
    return base


def _filed(plan: Plan, filing_no: str, *, actor: Actor, now: Callable[[], dt.datetime]) -> tuple[Plan, str]:
    """Return the plan with its filing recorded, and the number it goes under."""
    given = filing_no.strip()
    if plan.state is PlanState.FILED:
        number = filed_under(plan)
        if given and number and given != number:
            raise Refused(f"the plan was filed under {number}", code="filing-number", remedy="leave --filing-no out")
        return plan, number or given
    if not given:
        raise Conflict(
            f"a plan in state {plan.state.value} is not put into force",
            code="plan-state",
            remedy="file it first, or give --filing-no of the filing done on paper",
        )
    step: dict[str, Any] = {"step": "file", "by": actor.name, "at": now().isoformat(), "filing_no": given}
    return replace(plan, steps=(*plan.steps, {**step, "offline": True})), given


def _coded(
    session: Session, base: Generation, plan: Plan, *, rule: CodeRule | None, policy: CodePolicy
) -> tuple[tuple[Grid, ...], tuple[GivenCode, ...]]:
    """All grids of the new generation in position order: base grids redrawn and coded, overlays carried over."""
    grids = session.grids(base.id)
    before = Drawing.of(grids)
    after = before.after_all(plan.edits)
    every = drawn_grids(after, grids)
    moved = redrawn(before, after) & before.facts.keys() if policy is CodePolicy.NEW else frozenset()
    # A grid that changed its kind takes a serial of that kind's range.
    turned = {i for i, g in after.overlays.items() if i not in before.overlays or before.overlays[i].kind != g.kind}
    codes = give_codes(
        every,
        used=session.used_codes(),
        community_names={a.code: a.name for a in session.areas()},
        metric=metric_of(every),
        rule=rule,
        anew=moved | turned,
        named=named_by_hand(plan.edits) & {g.id for g in every},
    )
    return tuple(renamed(g, c) for g, c in zip(every, codes, strict=True)), tuple(codes)
