"""Plans as planners keep them: started, edited, undone, branched, annotated, compared, rebased.

Every change is one new version written against the version the planner had; who comes second gets
`StaleVersion` with the current version and the difference. No former version is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from geo.authority import Action, Actor, require
from geo.errors import Conflict, NotFound, Refused
from geo.model import Generation, GenerationState, Plan, PlanState
from geo.services.difference import Difference, compare_plans, difference
from geo.services.drafts import drawn, keep_plan, open_draft, open_plan, refuse_not_ours
from geo.services.multiparts import new_multiparts, said_multipart
from geo.services.published import metric_of
from geo.services.rebase import Dropped, Rebased, rebase_plan
from geo.services.redraw import Drawing, DrawingBoard, locked_grids, redrawn
from geo.services.splits import cuts_between, load_outlines, said_cut
from geo.services.streets import with_stored_lines

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from geo.errors import WanggeError
    from geo.planning import Saying
    from geo.store.base import Session, Store

__all__ = [
    "Difference",
    "Dropped",
    "Edited",
    "PlanView",
    "Rebased",
    "add_edits",
    "annotate_plan",
    "branch_plan",
    "compare_plans",
    "difference",
    "list_plans",
    "rebase_plan",
    "redo_edits",
    "show_plan",
    "standing_proof",
    "start_plan",
    "start_with_edits",
    "undo_edits",
]

_NUMBERS: Final = "一二三四五六七八九十"
_MOST_EDITS = 10_000
_MOST_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Edited:
    """A plan after edits, with warnings about what they do (grids in pieces, buildings and compounds cut) in words."""

    plan: Plan
    drawing: Drawing
    warnings: tuple[Saying, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with what it makes; `fault` is the refusal of an edit that no longer fits, `drawing` is None then."""

    plan: Plan
    base: Generation
    drawing: Drawing | None
    fault: WanggeError | None
    on_grids_in_force: bool


def start_plan(
    store: Store, actor: Actor, *, new_id: Callable[[], str], title: str = "", generation_id: str | None = None
) -> Plan:
    """Start an empty draft on the generation in force (or a named one).

    Raises
    ------
    NotFound
        There is no such generation.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = _begun(session, actor, new_id=new_id, title=title, generation_id=generation_id)
        session.commit()
        return plan


def start_with_edits(
    store: Store,
    actor: Actor,
    edits: Sequence[Mapping[str, Any]],
    *,
    new_id: Callable[[], str],
    now: Callable[[], dt.datetime],
    title: str = "",
) -> Edited:
    """Start a draft on the generation in force with its first edits; where one does not fit there is no draft.

    Raises
    ------
    NotFound, Conflict, Forbidden, Refused
        As `start_plan` and `add_edits` do.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = _begun(session, actor, new_id=new_id, title=title, generation_id=None)
        done = _edited(session, actor, plan, edits, now=now, desk=DrawingBoard())
        session.commit()
        return done


def _begun(session: Session, actor: Actor, *, new_id: Callable[[], str], title: str, generation_id: str | None) -> Plan:
    base = session.generation(id=generation_id)
    if base is None:
        raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
    plan = Plan(
        id=new_id(),
        county_code=base.county_code,
        generation_id=base.id,
        version=0,
        state=PlanState.DRAFT,
        title=_checked_text(title) or f"方案{_numeral(sum(p.branch_of is None for p in session.plans()) + 1)}",
        edits=(),
        author=actor.name,
    )
    return keep_plan(session, plan, None, "start", {}, commit=False)


def add_edits(
    store: Store,
    actor: Actor,
    plan_id: str,
    edits: Sequence[Mapping[str, Any]],
    *,
    expected_version: int,
    now: Callable[[], dt.datetime],
    board: DrawingBoard | None = None,
) -> Edited:
    """Append edits to a draft; all fit, or none is taken. What was undone before cannot be redone any more.

    Parameters
    ----------
    edits : sequence of mapping
        Flat dicts as `geo.services.edits` reads them; author and instant are added here.
    expected_version : int
        The version these edits were drawn on.
    board : DrawingBoard, optional
        Keeps the drawings, so that only the new edits cost.

    Raises
    ------
    StaleVersion
        Somebody else wrote first; carries the current version and what changed.
    Conflict
        The plan is no draft, or an edit changes a locked grid.
    Forbidden
        An edit changes a grid outside the actor's areas.
    Refused
        An edit does not fit; its place in the row is named.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = open_draft(session, plan_id, expected_version)
        done = _edited(session, actor, plan, edits, now=now, desk=board or DrawingBoard())
        session.commit()
        return done


def _edited(
    session: Session,
    actor: Actor,
    plan: Plan,
    edits: Sequence[Mapping[str, Any]],
    *,
    now: Callable[[], dt.datetime],
    desk: DrawingBoard,
) -> Edited:
    if not edits:
        raise Refused("there is no edit", code="edits-empty", remedy="give at least one")
    if len(plan.edits) + len(edits) > _MOST_EDITS:
        raise Refused(f"a plan holds at most {_MOST_EDITS} edits", code="edits-many", remedy="start another plan")
    before = desk.drawing(session, plan)
    after, full = _carried_out(session, plan, before, edits)
    refuse_not_ours(actor, plan, before, after)
    stamp = {"by": actor.name, "at": now().isoformat()}
    log = (*plan.edits, *({**edit, **stamp} for edit in full))
    proof = _proof_kept(plan) if _proven(plan) <= len(plan.edits) else None
    kept = keep_plan(
        session,
        replace(plan, edits=log, undone=(), proof=proof),
        plan.version,
        "edit",
        {"edits": len(edits), "ops": sorted({str(e.get("op")) for e in edits})},
        commit=False,
    )
    warnings = (*_piece_warnings(session, before, after), *_cut_warnings(session, before, after))
    return Edited(kept, desk.drawing(session, kept), warnings)


def _carried_out(
    session: Session, plan: Plan, before: Drawing, edits: Sequence[Mapping[str, Any]]
) -> tuple[Drawing, list[Mapping[str, Any]]]:
    """Return what edits draw, and the edits with the stored lines they name written into them."""
    full: list[Mapping[str, Any]] = []

    def complete(drawing: Drawing, edit: Mapping[str, Any]) -> Mapping[str, Any]:
        full.append(with_stored_lines(session, drawing, edit))
        return full[-1]

    return before.after_all(edits, locked=locked_grids(plan.notes), complete=complete), full


def undo_edits(store: Store, actor: Actor, plan_id: str, *, expected_version: int, steps: int = 1) -> Plan:
    """Take back the last edits of a draft, one after another, down to none.

    Raises
    ------
    Conflict
        The plan is no draft, or holds fewer edits.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = open_draft(session, plan_id, expected_version)
        _enough(steps, len(plan.edits), "undo")
        cut = len(plan.edits) - steps
        moved = replace(
            plan, edits=plan.edits[:cut], undone=(*plan.undone, *reversed(plan.edits[cut:])), proof=_proof_kept(plan)
        )
        _refuse_move(session, actor, plan, moved)
        return keep_plan(session, moved, expected_version, "undo", {"edits": steps})


def redo_edits(store: Store, actor: Actor, plan_id: str, *, expected_version: int, steps: int = 1) -> Plan:
    """Put back edits that were taken back last.

    Raises
    ------
    Conflict
        The plan is no draft, or fewer edits were taken back.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = open_draft(session, plan_id, expected_version)
        _enough(steps, len(plan.undone), "redo")
        cut = len(plan.undone) - steps
        moved = replace(plan, edits=(*plan.edits, *reversed(plan.undone[cut:])), undone=plan.undone[:cut])
        _refuse_move(session, actor, plan, moved)
        return keep_plan(session, moved, expected_version, "redo", {"edits": steps})


def branch_plan(store: Store, actor: Actor, plan_id: str, *, new_id: Callable[[], str], title: str = "") -> Plan:
    """Copy a plan with its edits, notes and locks into a draft of its own (方案二 beside 方案一)."""
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        source = session.plan(plan_id)
        root = source.branch_of or source.id
        family = sum(root in (p.id, p.branch_of) for p in session.plans())
        branch = replace(
            source,
            id=new_id(),
            version=0,
            state=PlanState.DRAFT,
            title=_checked_text(title) or f"方案{_numeral(family + 1)}",
            steps=(),
            branch_of=root,
            proof=_drawn_proof(source),
            author=actor.name,
        )
        return keep_plan(session, branch, None, "branch", {"of": source.id})


def annotate_plan(
    store: Store,
    actor: Actor,
    plan_id: str,
    *,
    expected_version: int,
    grid_id: str,
    now: Callable[[], dt.datetime],
    text: str = "",
    locked: bool | None = None,
) -> Plan:
    """Add a remark to a grid of a plan, or lock or unlock it (保留不动); edits on a locked grid are refused.

    Raises
    ------
    NotFound
        The plan has no such grid.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) as session:
        plan = open_plan(session, plan_id, expected_version)
        DrawingBoard().drawing(session, plan).coverage.position(grid_id)
        notes = dict(plan.notes or {})
        note = dict(notes.get(grid_id) or {})
        if locked is not None:
            note["locked"] = locked
        if text.strip():
            remark = {"text": _checked_text(text), "by": actor.name, "at": now().isoformat()}
            note["remarks"] = [*note.get("remarks", ()), remark]
        notes[grid_id] = note
        detail = {"grid": grid_id} if locked is None else {"grid": grid_id, "locked": locked}
        return keep_plan(session, replace(plan, notes=notes), expected_version, "annotate", detail)


def list_plans(store: Store, actor: Actor) -> list[Plan]:
    """Return the plans the actor may see, newest first."""
    with store.reading(actor) as session:
        return session.plans()


def show_plan(
    store: Store, actor: Actor, plan_id: str, *, version: int | None = None, board: DrawingBoard | None = None
) -> PlanView:
    """Return a plan with the drawing it makes."""
    with store.reading(actor) as session:
        plan = session.plan(plan_id, version=version)
        base = session.generation(id=plan.generation_id)
        if base is None:
            raise NotFound("the plan's generation is not stored")
        drawing, fault = drawn(session, plan, board or DrawingBoard())
        return PlanView(plan, base, drawing, fault, base.state is GenerationState.ACTIVE)


def standing_proof(plan: Plan) -> Mapping[str, Any] | None:
    """Return the optimiser's proof where it still speaks of the plan's edits, None once they were changed by hand.

    What publishing notes beside it (who served before) is no proof of a plan drawn by hand.
    """
    proof = plan.proof
    return proof if proof is not None and "status" in proof and _proven(plan) == len(plan.edits) else None


def _refuse_move(session: Session, actor: Actor, plan: Plan, moved: Plan) -> None:
    board = DrawingBoard()
    refuse_not_ours(actor, plan, *(drawn(session, p, board)[0] for p in (plan, moved)))


def _piece_warnings(session: Session, before: Drawing, after: Drawing) -> tuple[Saying, ...]:
    found = new_multiparts(before, after)
    areas = {a.code: a for a in session.areas()} if found else {}
    return tuple(said_multipart(grid, areas) for grid in found)


def _cut_warnings(session: Session, before: Drawing, after: Drawing) -> tuple[Saying, ...]:
    moved = redrawn(before, after)
    old, new = moved & before.facts.keys(), moved & after.facts.keys()
    if not new:
        return ()
    was, now = [before.grid(i) for i in sorted(old)], [after.grid(i) for i in sorted(new)]
    metric = metric_of(now)
    outlines = load_outlines(session, metric, communities={g.community_code for g in [*was, *now]})
    return tuple(said_cut(cut) for cut in cuts_between(outlines, was, now, metric=metric))


def _proven(plan: Plan) -> int:
    return int((plan.proof or {}).get("edits", len(plan.edits)))


def _proof_kept(plan: Plan) -> Mapping[str, Any] | None:
    """Return the proof with the number of edits it speaks of, so that it is told apart once others follow."""
    return None if plan.proof is None else {**plan.proof, "edits": _proven(plan)}


def _drawn_proof(plan: Plan) -> Mapping[str, Any] | None:
    """Return the proof without what publishing added to it."""
    kept = _proof_kept(plan)
    return None if kept is None else {k: v for k, v in kept.items() if k not in ("people_before", "workers")}


def _enough(steps: int, known: int, word: str) -> None:
    if not 1 <= steps <= known:
        raise Conflict(f"there are {known} edits to {word}, not {steps}", code=f"{word}-empty")


def _checked_text(text: str) -> str:
    plain = text.strip()
    if len(plain) > _MOST_TEXT or any(ord(c) < ord(" ") and c not in "\n\t" for c in plain):
        raise Refused(f"a text has at most {_MOST_TEXT} characters and no control marks", code="text-invalid")
    return plain


def _numeral(number: int) -> str:
    return _NUMBERS[number - 1] if number <= len(_NUMBERS) else str(number)
