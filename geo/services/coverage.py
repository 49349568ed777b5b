"""Boundaries on their way into force: collected, checked, repaired, settled, activated, reverted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from geo.authority import Action, Actor, require
from geo.errors import Conflict, CoverageBroken, NotFound
from geo.model import Finding, Generation, GenerationState, Grid, GridKind
from geo.services.generations import named_generation
from geo.services.placement import Placed, place_subjects
from geo.services.published import extent_of, load_coverage, metric_of
from geo.services.revert import revert_generation
from geo.topology import Repaired, check, repair, settle

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from geo.store.base import Session, Store

__all__ = [
    "Activated",
    "RepairOutcome",
    "activate_generation",
    "check_generation",
    "reassign",
    "repair_generation",
    "revert_generation",
]


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """What a repair of a generation did: every change, and the findings before and after."""

    generation_id: str
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    changes: tuple[Any, ...]
    settled: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Activated:
    """What putting a generation into force placed."""

    generation: Generation
    households: Placed
    incidents: Placed


def _base(session: Session, generation: Generation) -> list[Grid]:
    grids = session.grids(generation.id, GridKind.BASE)
    if not grids:
        raise NotFound("this generation holds no base grids", remedy="import boundaries first")
    return grids


def _question(session: Session, grids: Sequence[Grid]) -> dict[str, Any]:
    """Collect what every topology call is told about these grids."""
    names = {a.code: a.name for a in session.areas()}
    return {
        "names": [f"{names.get(g.community_code, g.community_code)}/{g.name}" for g in grids],
        "metric": metric_of(grids),
        "extent": extent_of(session.areas(), {g.community_code for g in grids}),
        "parents": [g.community_code for g in grids],
    }


def check_generation(store: Store, actor: Actor, *, generation_id: str | None = None) -> tuple[Finding, ...]:
    """Report every finding of a generation's base grids (the inactive one unless named); changes nothing."""
    with store.reading(actor) as session:
        grids = _base(session, named_generation(session, generation_id))
        return tuple(_check(session, grids))


def _check(session: Session, grids: Sequence[Grid]) -> list[Finding]:
    return check([g.geometry for g in grids], codes=[g.code for g in grids], **_question(session, grids))


def repair_generation(
    store: Store,
    actor: Actor,
    *,
    tolerance_m: float,
    settle_rest: bool = False,
    generation_id: str | None = None,
) -> RepairOutcome:
    """Repair the base grids of an inactive generation within a tolerance, and list every change.

    Parameters
    ----------
    tolerance_m : float
        No node moves further than this, in metres.
    settle_rest : bool
        Also give what is wider than the tolerance to the neighbour with the longest shared edge, listed apart.

    Raises
    ------
    Conflict
        The generation is in force; what is published is never changed.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        generation = named_generation(session, generation_id)
        if generation.state is not GenerationState.INACTIVE:
            raise Conflict("a generation in force is never changed", remedy="redraw it in a plan and publish that")
        grids = _base(session, generation)
        question = _question(session, grids)
        before = tuple(_check(session, grids))
        repaired = repair([g.geometry for g in grids], tolerance_m=tolerance_m, **question)
        rest: Repaired | None = None
        if settle_rest and any(f.blocking for f in repaired.findings):
            rest = settle(repaired.geometries, repaired.findings, **question)
        final = rest or repaired
        mended = [replace(g, geometry=shape) for g, shape in zip(grids, final.geometries, strict=True)]
        session.put_grids(generation.id, mended)
        outcome = RepairOutcome(
            generation.id,
            before,
            tuple(_check(session, mended)),
            tuple(repaired.changes),
            tuple(rest.changes if rest else ()),
        )
        session.note("repair", generation.id, detail={"changes": len(outcome.changes), "settled": len(outcome.settled)})
        session.commit()
        return outcome


def activate_generation(
    store: Store,
    actor: Actor,
    *,
    effective_from: dt.date,
    now: Callable[[], dt.datetime],
    generation_id: str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Activated:
    """Put an imported generation into force and place everything in it, in one transaction.

    Parameters
    ----------
    progress : callable, optional
        ``progress(share, saying)`` while households and incidents are placed; may raise to cancel, then nothing is
        changed.

    Raises
    ------
    CoverageBroken
        Blocking findings are left.
    Conflict
        The generation is in force already, or was superseded.
    """
    require(actor, Action.PUBLISH)
    with store.writing(actor) as session:
        generation = named_generation(session, generation_id)
        if generation.state is not GenerationState.INACTIVE:
            raise Conflict("this generation was activated before", remedy="see `wangge generation list`")
        left = [f for f in _check(session, _base(session, generation)) if f.blocking]
        if left:
            raise CoverageBroken(
                f"{len(left)} findings block activation; the first: {left[0].message}",
                remedy="repair, settle or raise the tolerance",
            )
        cover = load_coverage(session, generation)
        households, incidents = place_subjects(session, generation.id, cover, progress=progress)
        session.activate(generation.id, effective_from=effective_from, published_at=now())
        session.note(
            "activate",
            generation.id,
            detail={"effective_from": effective_from.isoformat(), "households": dict(households.by_basis)},
        )
        active = session.generation(id=generation.id)
        session.commit()
    if active is None:
        raise NotFound("the generation vanished while it was activated")
    return Activated(active, households, incidents)


def reassign(
    store: Store, actor: Actor, *, progress: Callable[[float, str], None] | None = None
) -> tuple[Placed, Placed]:
    """Place all households and incidents in the generation in force again, after registers or aliases changed.

    A changed placement keeps the former one in the history of assignments. All is one transaction.

    Parameters
    ----------
    progress : callable, optional
        ``progress(share, saying)``; may raise to cancel, then nothing is changed.

    Returns
    -------
    households, incidents : Placed

    Raises
    ------
    NotFound
        No generation is in force.
    """
    require(actor, Action.IMPORT)
    with store.writing(actor) as session:
        generation = session.generation()
        if generation is None:
            raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
        cover = load_coverage(session, generation)
        households, incidents = place_subjects(session, generation.id, cover, progress=progress)
        session.note("assign", generation.id, detail={"households": dict(households.by_basis)})
        session.commit()
    return households, incidents
