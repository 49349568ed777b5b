"""How the terminal names, shows and steps a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import opened, report, words
from geo.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.bootstrap import Services
    from geo.model import Plan

__all__ = ["Id", "Version", "named_plan", "plan_facts", "plan_line", "step"]

_STATES = {
    "draft": "草案",
    "submitted": "已上报",
    "reviewed": "已审核",
    "filed": "已备案",
    "effective": "生效",
}

Id = Annotated[str, typer.Argument(help="方案标识（可只写开头几位）")]
Version = Annotated[int | None, typer.Option("--version", help="看到的版本；不写则取当前版本")]


def named_plan(services: Services, word: str) -> Plan:
    """Return the plan of an id, or of a beginning of it that only one plan has.

    Raises
    ------
    NotFound
        No plan begins so, or several do.
    """
    from geo.services.plans import list_plans

    fitting = [p for p in list_plans(services.store, services.actor) if p.id.startswith(word)]
    if len(fitting) != 1:
        several = words("有几个方案以此开头", "several plans begin so")
        reason = several if fitting else words("没有这个方案", "no such plan")
        raise NotFound(reason, remedy=words("用 wangge plan list 查看", "see `wangge plan list`"))
    return fitting[0]


def plan_facts(plan: Plan) -> dict[str, Any]:
    """Return a plan's head as plain values."""
    return {
        "id": plan.id,
        "title": plan.title,
        "state": plan.state.value,
        "version": plan.version,
        "edits": len(plan.edits),
        "undone": len(plan.undone),
        "base": plan.generation_id,
        "branch_of": plan.branch_of,
        "author": plan.author,
    }


def plan_line(plan: Plan) -> str:
    """Return a plan as one line."""
    state = words(_STATES[plan.state.value], plan.state.value)
    edits = words(f"{len(plan.edits)} 处改动", f"{len(plan.edits)} edits")
    return f"{plan.id}  v{plan.version}  {state}  {edits}  {plan.title}"


def step(
    word: str,
    version: int | None,
    store: str | None,
    work: Callable[[Services, str, int], Plan],
    *,
    as_json: bool,
) -> None:
    """Do one thing to a plan at the version that was looked at, and print the plan."""
    with opened(store) as services:
        found = named_plan(services, word)
        done = work(services, found.id, found.version if version is None else version)
    report(plan_facts(done), as_json=as_json, lines=[plan_line(done)])
