"""A merge proposed for a plan that is open: its locked grids stay, its version is guarded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from geo.authority import Action, Actor, require
from geo.errors import Conflict, Infeasible, Refused
from geo.services.drafts import open_draft
from geo.services.filing import base_in_force
from geo.services.propose import MergeRequest, Proposed, propose_merge
from geo.services.redraw import locked_grids

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.settings import Settings
    from geo.store.base import Store

__all__ = ["propose_for_plan"]


def propose_for_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    request: MergeRequest,
    *,
    expected_version: int,
    settings: Settings,
    new_id: Callable[[], str],
) -> Proposed:
    """Fill an empty draft with the best merge; alternatives become its branches.

    Grids locked in the plan are kept as they are, besides those the request keeps.

    Raises
    ------
    Conflict
        The plan is no draft, or holds edits already.
    BaseSuperseded
        It was drawn on a generation that is not in force.
    StaleVersion
        Somebody else wrote first, before the search or while it ran.
    Infeasible
        No plan fulfils the wishes; `conflict` names the smallest set of them.
    Refused
        The time limit passed before any plan was found.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = open_draft(session, plan_id, expected_version)
        if plan.edits:
            raise Conflict("the plan holds edits already", code="plan-not-empty", remedy="undo them, or start another")
        base_in_force(session, plan)
    asked = replace(request, keep=(*request.keep, *sorted(locked_grids(plan.notes))))
    found = propose_merge(store, actor, asked, settings=settings, new_id=new_id, into=plan)
    if found.plans:
        return found
    if str(found.proposal.status) == "infeasible":
        raise Infeasible(
            "no plan fulfils these wishes",
            conflict=tuple(c.zh for c in found.proposal.conflict),
            remedy="give up one of the wishes named",
        )
    raise Refused("no plan was found in the time given", code="time-limit", remedy="give more time or fewer wishes")
