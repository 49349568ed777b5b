"""A plan brought from the grids it was drawn on to those in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from geo.authority import Action, Actor, require
from geo.errors import NotFound, WanggeError
from geo.model import Plan, PlanState
from geo.services.drafts import keep_plan, open_plan
from geo.services.redraw import Drawing, DrawingBoard, locked_grids

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from geo.store.base import Store

__all__ = ["Dropped", "Rebased", "rebase_plan"]


@dataclass(frozen=True, slots=True)
class Dropped:
    """An edit that no longer fits, with its refusal."""

    edit: Mapping[str, Any]
    reason: WanggeError


@dataclass(frozen=True, slots=True)
class Rebased:
    """A plan on the generation in force, and what of it no longer fits."""

    plan: Plan
    kept: int
    dropped: tuple[Dropped, ...]


def rebase_plan(
    store: Store, actor: Actor, plan_id: str, *, expected_version: int, now: Callable[[], dt.datetime]
) -> Rebased:
    """Replay a plan's edits on the generation in force; what no longer fits is left out and listed.

    The plan is a draft again, since what was reviewed is not what it now makes; its proof spoke of other grids.

    Raises
    ------
    Conflict
        The plan is in force already.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = open_plan(session, plan_id, expected_version)
        base = session.generation()
        if base is None:
            raise NotFound("no generation is in force")
        if base.id == plan.generation_id:
            return Rebased(plan, len(plan.edits), ())
        drawing, kept, dropped = _replay(DrawingBoard().base(session, base.id), plan)
        step = {"step": "rebase", "by": actor.name, "at": now().isoformat(), "onto": base.id, "dropped": len(dropped)}
        fresh = replace(
            plan,
            generation_id=base.id,
            state=PlanState.DRAFT,
            edits=tuple(kept),
            undone=(),
            steps=(*plan.steps, step),
            notes={i: n for i, n in (plan.notes or {}).items() if i in drawing.facts},
            proof=None,
        )
        detail = {"onto": base.id, "kept": len(kept), "dropped": len(dropped)}
        return Rebased(keep_plan(session, fresh, expected_version, "rebase", detail), len(kept), tuple(dropped))


def _replay(drawing: Drawing, plan: Plan) -> tuple[Drawing, list[Mapping[str, Any]], list[Dropped]]:
    locked = locked_grids(plan.notes)
    kept: list[Mapping[str, Any]] = []
    dropped: list[Dropped] = []
    for number, edit in enumerate(plan.edits, start=1):
        try:
            drawing = drawing.after_all([edit], locked=locked, first=number)
        except WanggeError as error:
            dropped.append(Dropped(edit, error.with_traceback(None)))
        else:
            kept.append(edit)
    return drawing, kept, dropped
