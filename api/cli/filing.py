"""Commands that take a plan to force: submit 已上报, return 退回修改, review 已审核, file 已备案, publish 生效."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, day, opened, progress_line, report, words
from api.cli.plan_words import Id, Version, named_plan, plan_facts, plan_line, step

if TYPE_CHECKING:
    import datetime as dt

    from geo.bootstrap import Services
    from geo.model import Plan
    from geo.services.enactment import Published

__all__ = ["file_", "publish", "register", "return_", "review", "submit"]

_SHOWN = 20


def submit(
    plan: Id,
    town: Annotated[str | None, typer.Option("--town", help="只上报一个镇的部分，9 位代码")] = None,
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """上报 / submit a draft, whole or one town's part."""
    from geo.services.filing import submit_plan

    def work(s: Services, plan_id: str, seen: int) -> Plan:
        return submit_plan(s.store, s.actor, plan_id, expected_version=seen, town=town, now=s.now)

    step(plan, version, store, work, as_json=as_json)


def return_(
    plan: Id,
    reason: Annotated[str, typer.Option("--reason", help="退回原因")],
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """退回修改 / send a plan back with the reason."""
    from geo.services.filing import return_plan

    def work(s: Services, plan_id: str, seen: int) -> Plan:
        return return_plan(s.store, s.actor, plan_id, expected_version=seen, reason=reason, now=s.now)

    step(plan, version, store, work, as_json=as_json)


def review(
    plan: Id,
    reviewer: Annotated[str, typer.Option("--reviewer", help="线下审核人")] = "",
    date: Annotated[str | None, typer.Option("--date", help="线下审核日期")] = None,
    document: Annotated[str, typer.Option("--document", help="文号")] = "",
    scan: Annotated[str, typer.Option("--scan", help="扫描件文件名")] = "",
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """审核；在一台电脑上记为线下审核 / record the review, on one laptop the one done on paper."""
    from geo.services.filing import review_plan

    def work(s: Services, plan_id: str, seen: int) -> Plan:
        return review_plan(
            s.store,
            s.actor,
            plan_id,
            expected_version=seen,
            settings=s.settings,
            now=s.now,
            reviewer=reviewer,
            reviewed_on=day(date, option="--date"),
            document=document,
            scan=scan,
        )

    step(plan, version, store, work, as_json=as_json)


def file_(
    plan: Id,
    filing_no: Annotated[str, typer.Option("--filing-no", help="备案号")],
    date: Annotated[str, typer.Option("--date", help="备案日期")],
    document: Annotated[str, typer.Option("--document", help="文号")] = "",
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """备案 / record the filing."""
    from geo.services.filing import file_plan

    def work(s: Services, plan_id: str, seen: int) -> Plan:
        return file_plan(
            s.store,
            s.actor,
            plan_id,
            expected_version=seen,
            filing_no=filing_no,
            filed_on=day(date, option="--date"),
            document=document,
            now=s.now,
        )

    step(plan, version, store, work, as_json=as_json)


def publish(
    plan: Id,
    effective: Annotated[str, typer.Option("--effective", help="生效日期，写成 2025-07-01")],
    filing_no: Annotated[str, typer.Option("--filing-no", help="备案号（线下备案时）")] = "",
    policy: Annotated[str, typer.Option("--codes", help="keep 沿用存续网格的编码，new 一律新编")] = "keep",
    version: Version = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """启用方案：编码、沿革、重新落格、人员，一次完成 / put a plan into force."""
    from geo.services.coding import CodePolicy
    from geo.services.publish import publish_plan

    if policy not in set(CodePolicy):
        raise typer.BadParameter("keep, new", param_hint="--codes")
    with opened(store) as services:
        found = named_plan(services, plan)
        done = publish_plan(
            services.store,
            services.actor,
            found.id,
            effective_from=day(effective, option="--effective"),
            now=services.now,
            new_id=services.new_id,
            filing_no=filing_no,
            policy=CodePolicy(policy),
            expected_version=version,
            progress=progress_line,
        )
        lines = _published_lines(done, today=services.today())
    report(_published_facts(done), as_json=as_json, lines=lines)


def _published_facts(done: Published) -> dict[str, Any]:
    return {
        **plan_facts(done.plan),
        "generation": done.generation.id,
        "serial": done.generation.serial,
        "effective_from": done.generation.effective_from,
        "filing_no": done.generation.filing_no,
        "codes": [asdict(c) for c in done.codes],
        "lineage": [asdict(link) for link in done.lineage],
        "workers": [asdict(m) for m in done.workers],
        "vacant": list(done.vacant),
        "straddles": [{"grid": s.grid_id, "zh": s.saying.zh, "en": s.saying.en} for s in done.straddles],
        "households": dict(done.households.by_basis),
        "incidents": dict(done.incidents.by_basis),
        "anchors_moved": [asdict(c) for c in done.anchors],
        "incidents_moved": [asdict(c) for c in done.incidents_carried],
    }


def _published_lines(done: Published, *, today: dt.date) -> list[str]:
    new = [c for c in done.codes if c.is_new]
    waiting = sum(not m.to_grid for m in done.workers)
    made, homes, incidents = done.generation, done.households.placed, done.incidents.placed
    lines = [
        plan_line(done.plan),
        words(
            f"第 {made.serial} 版，{made.effective_from} 起生效；新编码 {len(new)} 个",
            f"generation {made.serial}, in force from {made.effective_from}; {len(new)} new codes",
        ),
        words(
            f"住户落格 {homes}，工单 {incidents}；待安置网格员 {waiting} 人",
            f"{homes} households and {incidents} incidents placed; {waiting} workers stand by",
        ),
    ]
    if (made.effective_from or today) > today:
        until = words(
            f"  ! 生效日期未到：{made.effective_from} 之前查询仍按原网格答复；人员已按新网格安置",
            f"  ! not in force yet: until {made.effective_from} questions are answered with the former grids; "
            "the workers are placed in the new ones already",
        )
        lines.append(until)
    return [*lines, *(f"  ! {words(s.saying.zh, s.saying.en)}" for s in done.straddles[:_SHOWN])]


def register(plans: typer.Typer) -> None:
    """Add the steps to the group of plan commands."""
    plans.command("submit")(submit)
    plans.command("return")(return_)
    plans.command("review")(review)
    plans.command("file")(file_)
    plans.command("publish")(publish)
