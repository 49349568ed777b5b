"""Bringing a former generation's grids back: as a NEW generation, with people, placements and lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.authority import Action, Actor, require
from geo.errors import Conflict, NotFound
from geo.model import Generation, GenerationState, Plan, PlanState
from geo.services.coding import GivenCode
from geo.services.enactment import Order, Published, enact

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from geo.model import Grid
    from geo.store.base import Session, Store

__all__ = ["revert_generation"]


def revert_generation(
    store: Store,
    actor: Actor,
    *,
    to: str,
    effective_from: dt.date,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
    filing_no: str = "",
    at: Callable[[str], None] | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Published:
    """Put the grids of a former generation into force again, in one transaction.

    What was published stays published: the former grids come back under their identities, codes and names, people to
    the grids they served then (as far as they are still there), households and incidents are placed anew, and the
    lineage leads from the grids in force now. A plan of its own records who did it.

    Parameters
    ----------
    to : str
        Id of a superseded generation.
    at : callable, optional
        Told the name of each step before it is taken.
    progress : callable, optional
        ``progress(share, saying)`` while households and incidents are placed; may raise to cancel, then nothing is
        changed.

    Raises
    ------
    NotFound
        There is no such generation, or none is in force.
    Conflict
        That generation was never in force or is so now, or the date is not after the day the present one began.
    """
    require(actor, Action.PUBLISH)
    step = at or (lambda _: None)
    with store.writing(actor) as session:
        former, base = _ends(session, to, effective_from)
        step("codes")
        grids = tuple(session.grids(former.id))
        order = Order(
            plan=_record(session, former, base, actor, now=now, new_id=new_id),
            grids=grids,
            codes=tuple(_as_it_was(g) for g in grids),
            effective_from=effective_from,
            filing_no=filing_no,
            action="revert",
            served=_served_then(session, former),
        )
        done = enact(session, base, order, now=now, new_id=new_id, step=step, progress=progress)
        step("commit")
        session.commit()
    step("committed")
    return done


def _ends(session: Session, to: str, effective_from: dt.date) -> tuple[Generation, Generation]:
    former, base = session.generation(id=to), session.generation()
    if former is None or base is None:
        raise NotFound("there is no such generation, or none is in force", remedy="see `wangge generation list`")
    if former.state is GenerationState.INACTIVE:
        raise Conflict("this generation was never in force", remedy="activate it instead")
    if former.id == base.id:
        raise Conflict("this generation is in force already", code="generation-active")
    if base.effective_from is not None and effective_from <= base.effective_from:
        raise Conflict(
            f"the generation in force began on {base.effective_from}; a later date is needed",
            code="date-order",
            remedy="choose a later effective date",
        )
    return former, base


def _record(
    session: Session,
    former: Generation,
    base: Generation,
    actor: Actor,
    *,
    now: Callable[[], dt.datetime],
    new_id: Callable[[], str],
) -> Plan:
    """Keep a plan that says what was done; it holds no edits, for the grids come back as they were."""
    plan = Plan(
        id=new_id(),
        county_code=base.county_code,
        generation_id=base.id,
        version=0,
        state=PlanState.DRAFT,
        title=f"恢复第{former.serial}版",
        edits=(),
        steps=({"step": "revert", "by": actor.name, "at": now().isoformat(), "to": former.id},),
        author=actor.name,
    )
    return session.put_plan(plan, expected_version=None)


def _as_it_was(grid: Grid) -> GivenCode:
    code = grid.code or grid.local_code or ""
    return GivenCode(grid.id, grid.kind, grid.community_code, code, grid.name, code, grid.name, is_new=False)


def _served_then(session: Session, former: Generation) -> Mapping[str, Mapping[str, Sequence[str]]] | None:
    """Return who served which grid while the former generation was in force, as its successor's plan recorded it."""
    for generation in session.generations():
        if generation.parent_id == former.id and generation.plan_id:
            served: Mapping[str, Mapping[str, Sequence[str]]] | None
            served = (session.plan(generation.plan_id).proof or {}).get("people_before")
            return served
    return None
