"""One version of a plan opened for a change, checked, and kept as the next version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geo.errors import Conflict, Forbidden, WanggeError
from geo.model import Plan, PlanState
from geo.services.filing import submitted_towns
from geo.services.redraw import redrawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.authority import Actor
    from geo.services.redraw import Drawing, DrawingBoard
    from geo.store.base import Session

__all__ = ["differing_grids", "drawn", "keep_plan", "open_draft", "open_plan", "refuse_not_ours"]


def open_draft(session: Session, plan_id: str, expected_version: int) -> Plan:
    """Return a plan that may be edited.

    Raises
    ------
    StaleVersion
        Its version is another one.
    Conflict
        It is no draft.
    """
    plan = open_plan(session, plan_id, expected_version)
    if plan.state is not PlanState.DRAFT:
        raise Conflict(
            f"a plan in state {plan.state.value} is not edited", code="plan-state", remedy="send it back first"
        )
    return plan


def open_plan(session: Session, plan_id: str, expected_version: int) -> Plan:
    """Return a plan that is not in force; `StaleVersion` comes before any complaint about the change itself.

    Raises
    ------
    StaleVersion
        Its version is another one; the store says which, and what changed.
    Conflict
        It is in force.
    """
    plan = session.plan(plan_id)
    if plan.version != expected_version:
        session.put_plan(plan, expected_version=expected_version)
    if plan.state is PlanState.EFFECTIVE:
        raise Conflict("the plan is in force and stays as it is", code="plan-published", remedy="start another plan")
    return plan


def keep_plan(
    session: Session, plan: Plan, expected: int | None, action: str, detail: Mapping[str, Any], *, commit: bool = True
) -> Plan:
    """Write the next version with its journal entry, and commit unless told not to."""
    kept = session.put_plan(plan, expected_version=expected)
    session.note(f"plan-{action}", plan.id, detail={**detail, "version": kept.version})
    if commit:
        session.commit()
    return kept


def refuse_not_ours(actor: Actor, plan: Plan, before: Drawing | None, after: Drawing | None) -> None:
    """Refuse to change what lies outside the actor's areas, or what a town has submitted already.

    Raises
    ------
    Forbidden, Conflict
        In this order.
    """
    if before is None or after is None:
        return
    known = {**before.overlays, **after.overlays, **before.facts, **after.facts}
    communities = {known[i].community_code for i in differing_grids(before, after)}
    if any(not actor.sees(code) for code in communities):
        raise Forbidden("this changes a grid outside your areas", remedy="ask the planner of that town")
    if submitted_towns(plan) & {code[:9] for code in communities}:
        raise Conflict(
            "this changes a part that its town has submitted", code="town-submitted", remedy="send that part back first"
        )


def drawn(session: Session, plan: Plan, board: DrawingBoard) -> tuple[Drawing | None, WanggeError | None]:
    """Return what a plan draws, or None and the refusal of the first edit that no longer fits."""
    try:
        return board.drawing(session, plan), None
    except WanggeError as error:
        return None, error.with_traceback(None)


def differing_grids(one: Drawing, two: Drawing) -> tuple[str, ...]:
    """Return the ids of grids whose ground, name, kind or existence differs, in order."""
    a, b = {**one.overlays, **one.facts}, {**two.overlays, **two.facts}
    told = {i for i in a.keys() | b.keys() if a.get(i) != b.get(i)}
    return tuple(sorted(told | redrawn(one, two)))
