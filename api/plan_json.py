"""Plans as the wire has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.refusals import told
from api.wire import grid_json
from geo.services.plans import Difference, Edited, PlanView, standing_proof

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geo.model import Json, Plan
    from geo.planning import Saying
    from geo.services.publish import Published
    from geo.services.scoring import AreaScore, PlanScores

__all__ = [
    "comparison_json",
    "edited_json",
    "plan_grids_json",
    "plan_json",
    "plan_summary",
    "published_json",
    "sayings_json",
]


def plan_summary(plan: Plan) -> Json:
    """Return what a list shows of a plan."""
    return {
        "id": plan.id,
        "title": plan.title,
        "state": plan.state.value,
        "version": plan.version,
        "generation_id": plan.generation_id,
        "branch_of": plan.branch_of,
        "author": plan.author,
    }


def plan_json(plan: Plan) -> Json:
    """Return a whole plan."""
    return {
        **plan_summary(plan),
        "edits": [dict(e) for e in plan.edits],
        "undone": len(plan.undone),
        "steps": [dict(s) for s in plan.steps],
        "notes": dict(plan.notes or {}),
        "proof": standing_proof(plan),
    }


def sayings_json(sayings: Iterable[Saying]) -> list[Json]:
    """Return sentences in both languages."""
    return [{"zh": s.zh, "en": s.en} for s in sayings]


def edited_json(edited: Edited) -> Json:
    """Return a plan after edits with the grids the last of them touched."""
    drawing = edited.drawing
    there = sorted(i for i in drawing.changed if i in drawing.facts)
    return {
        **plan_json(edited.plan),
        "changed": [grid_json(drawing.grid(i), geometry=True) for i in there],
        "ended": sorted(set(drawing.changed) - set(there)),
        "warnings": sayings_json(edited.warnings),
    }


def plan_grids_json(view: PlanView, *, geometry: bool, language: str) -> Json:
    """Return the grids a plan makes; why there are none is said in a language, "zh" or "en"."""
    grids = view.drawing.grids() if view.drawing is not None else []
    return {
        "id": view.plan.id,
        "version": view.plan.version,
        "on_grids_in_force": view.on_grids_in_force,
        "fault": told(view.fault, language) if view.fault else "",
        "grids": [grid_json(g, geometry=geometry) for g in grids],
    }


def comparison_json(first: PlanScores, second: PlanScores | None, found: Difference | None) -> Json:
    """Return the scores of two plans beside each other, and how they differ."""
    return {
        "first": _score(first.county),
        "second": None if second is None else _score(second.county),
        "warnings": sayings_json(first.warnings),
        "common": found.common if found else 0,
        "only_first": [dict(e) for e in found.only_first] if found else [],
        "only_second": [dict(e) for e in found.only_second] if found else [],
        "grids": list(found.grids) if found and found.grids is not None else None,
    }


def _score(score: AreaScore) -> Json:
    return {name: getattr(score, name) for name in score.__slots__}


def published_json(done: Published) -> Json:
    """Return what publishing did."""
    day = done.generation.effective_from
    return {
        "plan": plan_summary(done.plan),
        "generation": {
            "id": done.generation.id,
            "serial": done.generation.serial,
            "effective_from": day.isoformat() if day else None,
        },
        "grids": len(done.codes),
        "new_codes": sum(c.is_new for c in done.codes),
        "households": {str(basis): count for basis, count in done.households.by_basis.items()},
        "vacant": list(done.vacant),
    }
