"""Commands on plans: list, show, diff, apply, undo, redo, branch, note, rebase, and the way to filing and force."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import drawing, filing
from api.cli.frame import AsJson, StoreName, commands, language, opened, report, words
from api.cli.plan_words import Id, Version, named_plan, plan_facts, plan_line, step
from api.refusals import told
from geo.errors import Refused, Where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.bootstrap import Services
    from geo.model import Plan
    from geo.services.enactment import Consequences, Published
    from geo.services.scoring import PlanScores

__all__ = ["apply", "branch", "diff", "list_", "note", "rebase", "redo", "register", "show", "undo"]

_SHOWN = 20
_MOST_EDIT_BYTES = 2_000_000


# -- looking ---------------------------------------------------------------------------------------------------
def list_(store: StoreName = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """列出方案 / list the plans, newest first."""
    from geo.services.plans import list_plans

    with opened(store) as services:
        found = list_plans(services.store, services.actor)
    report({"plans": [plan_facts(p) for p in found]}, as_json=as_json, lines=[plan_line(p) for p in found])


def show(plan: Id, version: Version = None, store: StoreName = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """看方案：改动、得分、证明、后果 / show a plan: edits, scores, proof and what publishing would do."""
    from geo.model import PlanState
    from geo.services.plans import show_plan, standing_proof
    from geo.services.scoreboard import ScoreBoard

    with opened(store) as services:
        found = named_plan(services, plan)
        board = ScoreBoard(services.store, settings=services.settings)
        view = show_plan(services.store, services.actor, found.id, version=version, board=board.drawings)
        scores = board.scores(services.actor, found.id, version=version) if view.drawing is not None else None
        ahead = _consequences(services, found.id) if view.drawing is not None and view.on_grids_in_force else None
    proof = standing_proof(view.plan)
    fault = told(view.fault, language()) if view.fault else None
    facts = {
        **plan_facts(view.plan),
        "grids": len(view.drawing) if view.drawing is not None else None,
        "fault": fault,
        "on_grids_in_force": view.on_grids_in_force,
        "proof": proof,
        "steps": list(view.plan.steps),
        "edit_log": list(view.plan.edits),
        "scores": None if scores is None else _score_facts(scores),
        "consequences": ahead,
    }
    lines = [plan_line(view.plan)]
    if not view.on_grids_in_force and view.plan.state is not PlanState.EFFECTIVE:
        lines.append(words("  ! 所依据的网格不是现行的：先 plan rebase", "  ! on former grids: plan rebase first"))
    lines += [words(f"不能执行：{fault}", f"does not fit: {fault}")] if fault else []
    lines += (
        [words("已证明没有更优方案", "proven: there is no better plan")]
        if proof and proof["status"] == "optimal"
        else []
    )
    lines += _score_lines(scores) if scores is not None else []
    lines += _consequence_lines(ahead) if ahead is not None else []
    report(facts, as_json=as_json, lines=lines)


def _score_facts(scores: PlanScores) -> dict[str, Any]:
    return {
        "county": asdict(scores.county),
        "towns": {code: asdict(s) for code, s in scores.towns.items()},
        "communities": {code: asdict(s) for code, s in scores.communities.items()},
        "worker_changes": scores.worker_changes,
        "cuts": len(scores.cuts),
        "disconnected": list(scores.disconnected),
        "crossed": list(scores.crossed),
        "outside": list(scores.outside),
        "warnings": [{"zh": w.zh, "en": w.en} for w in scores.warnings],
    }


def _score_lines(scores: PlanScores) -> list[str]:
    county = scores.county
    span = f"{county.smallest:.0f}–{county.largest:.0f}"
    lines = [
        words(
            f"{county.grids_before} → {county.grids} 个网格；户数 {span}，基尼系数 {county.gini:.3f}",
            f"{county.grids_before} → {county.grids} grids; load {span}, Gini {county.gini:.3f}",
        ),
        words(f"换网格员的户数 {scores.worker_changes}", f"{scores.worker_changes} households change gridworker"),
    ]
    lines += [f"  ! {words(w.zh, w.en)}" for w in scores.warnings[:_SHOWN]]
    if len(scores.warnings) > _SHOWN:
        rest = len(scores.warnings) - _SHOWN
        lines.append(words(f"  … 另有 {rest} 条提示", f"  … {rest} more warnings"))
    return lines


def _consequences(services: Services, plan_id: str) -> dict[str, Any]:
    from geo.services.publish import preview_publication

    preview = preview_publication(services.store, services.actor, plan_id)
    return {
        "codes": [asdict(c) for c in preview.codes],
        "workers_standing_by": sum(not m.to_grid for m in preview.consequences.workers),
        **_carried(preview.consequences),
    }


def _carried(done: Consequences | Published) -> dict[str, Any]:
    incidents = done.incidents_carried if hasattr(done, "incidents_carried") else done.incidents
    return {
        "vacant": list(done.vacant),
        "straddles": [{"grid": s.grid_id, "zh": s.saying.zh, "en": s.saying.en} for s in done.straddles],
        "anchors_moved": len(done.anchors),
        "incidents_moved": len(incidents),
        "workers": [asdict(m) for m in done.workers],
    }


def _consequence_lines(ahead: Mapping[str, Any]) -> list[str]:
    new = [c for c in ahead["codes"] if c["is_new"]]
    lines = [words(f"编码预览：新编码 {len(new)} 个", f"codes: {len(new)} new ones")]
    lines += [f"  {c['old_name']} → {c['code']} {c['name']}" for c in new[:_SHOWN]]
    lines.append(
        words(f"专职网格员待安置 {ahead['workers_standing_by']} 人", f"{ahead['workers_standing_by']} workers stand by")
    )
    lines += [f"  ! {words(s['zh'], s['en'])}" for s in ahead["straddles"][:_SHOWN]]
    return lines


def diff(
    first: Id,
    second: Annotated[str, typer.Argument(help="另一个方案")],
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """比较两个方案 / how two plans differ."""
    from geo.services.plans import compare_plans

    with opened(store) as services:
        found = compare_plans(
            services.store, services.actor, named_plan(services, first).id, named_plan(services, second).id
        )
    facts = {
        "common": found.common,
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
        "grids": list(found.grids or ()),
    }
    lines = [
        words(
            f"共同改动 {found.common}；只在前者 {len(found.only_first)}，只在后者 {len(found.only_second)}；"
            f"不同的网格 {len(found.grids or ())}",
            f"{found.common} edits in common; {len(found.only_first)} only in the first, "
            f"{len(found.only_second)} only in the second; {len(found.grids or ())} grids differ",
        )
    ]
    report(facts, as_json=as_json, lines=lines)


# -- changing ----------------------------------------------------------------------------------------------------
def _edits(text: str) -> list[Mapping[str, Any]]:
    """Return the edits of a JSON text or of the file it names."""
    path = Path(text)
    raw = text
    if not text.lstrip().startswith(("{", "[")):
        if path.stat().st_size > _MOST_EDIT_BYTES:
            raise Refused("the file of edits is too large", code="too-large", where=Where(file=path.name))
        raw = path.read_text(encoding="utf-8")
    try:
        edits = json.loads(raw)
    except ValueError as error:
        raise Refused("the edits are not JSON", code="json", remedy='e.g. {"op": "merge", …}') from error
    rows = edits if isinstance(edits, list) else [edits]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Refused("edits are objects with an op", code="edit-unknown", remedy='e.g. {"op": "merge", …}')
    return rows


def apply(
    plan: Annotated[str, typer.Argument(help="方案标识；写 new 则新建")],
    edits: Annotated[str, typer.Argument(help="JSON 文件，或一段 JSON")],
    title: Annotated[str, typer.Option("--title", help="新方案的名称")] = "",
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """在方案上增加改动 / add edits to a plan; all fit, or none is taken."""
    from geo.services.plans import add_edits, start_with_edits

    rows = _edits(edits)
    with opened(store) as services:
        kept, actor, now = services.store, services.actor, services.now
        if plan == "new":
            done = start_with_edits(kept, actor, rows, new_id=services.new_id, now=now, title=title)
        else:
            known = named_plan(services, plan)
            expected = known.version if version is None else version
            done = add_edits(kept, actor, known.id, rows, expected_version=expected, now=now)
    facts = {
        **plan_facts(done.plan),
        "grids": len(done.drawing),
        "warnings": [{"zh": w.zh, "en": w.en} for w in done.warnings],
    }
    lines = [plan_line(done.plan), *(f"  ! {words(w.zh, w.en)}" for w in done.warnings)]
    report(facts, as_json=as_json, lines=lines)


def undo(
    plan: Id,
    steps: Annotated[int, typer.Option("--steps", min=1)] = 1,
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """撤销 / take back the last edits."""
    from geo.services.plans import undo_edits

    step(
        plan,
        version,
        store,
        lambda s, i, v: undo_edits(s.store, s.actor, i, expected_version=v, steps=steps),
        as_json=as_json,
    )


def redo(
    plan: Id,
    steps: Annotated[int, typer.Option("--steps", min=1)] = 1,
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """重做 / put taken-back edits in again."""
    from geo.services.plans import redo_edits

    step(
        plan,
        version,
        store,
        lambda s, i, v: redo_edits(s.store, s.actor, i, expected_version=v, steps=steps),
        as_json=as_json,
    )


def branch(
    plan: Id,
    title: Annotated[str, typer.Option("--title")] = "",
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """另存为一个新方案 / copy a plan into a draft of its own."""
    from geo.services.plans import branch_plan

    with opened(store) as services:
        made = branch_plan(
            services.store, services.actor, named_plan(services, plan).id, new_id=services.new_id, title=title
        )
    report(plan_facts(made), as_json=as_json, lines=[plan_line(made)])


def note(
    plan: Id,
    grid: Annotated[str, typer.Argument(help="网格标识")],
    text: Annotated[str, typer.Option("--text", help="批注")] = "",
    lock: Annotated[bool | None, typer.Option("--lock/--unlock", help="保留不动 / 解除")] = None,
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """给网格加批注或锁定 / remark on a grid of a plan, or lock it."""
    from geo.services.plans import annotate_plan

    def work(services: Services, plan_id: str, seen: int) -> Plan:
        return annotate_plan(
            services.store,
            services.actor,
            plan_id,
            expected_version=seen,
            grid_id=grid,
            now=services.now,
            text=text,
            locked=lock,
        )

    step(plan, version, store, work, as_json=as_json)


def rebase(plan: Id, version: Version = None, store: StoreName = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """把方案移到现行网格上 / replay a plan's edits on the grids in force."""
    from geo.services.plans import rebase_plan

    with opened(store) as services:
        found = named_plan(services, plan)
        done = rebase_plan(
            services.store,
            services.actor,
            found.id,
            expected_version=found.version if version is None else version,
            now=services.now,
        )
    dropped = [{"edit": dict(d.edit), "reason": told(d.reason, language())} for d in done.dropped]
    lines = [
        plan_line(done.plan),
        words(
            f"保留 {done.kept} 处改动，不再适用 {len(dropped)} 处",
            f"{done.kept} edits kept, {len(dropped)} no longer fit",
        ),
        *(f"  × {d['reason']}" for d in dropped),
    ]
    report({**plan_facts(done.plan), "kept": done.kept, "dropped": dropped}, as_json=as_json, lines=lines)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    plans = commands("方案 / plans of redrawing")
    for name, command in (
        ("list", list_),
        ("show", show),
        ("diff", diff),
        ("apply", apply),
        ("undo", undo),
        ("redo", redo),
        ("branch", branch),
        ("note", note),
        ("rebase", rebase),
    ):
        plans.command(name)(command)
    filing.register(plans)
    drawing.register(plans)
    app.add_typer(plans, name="plan")
