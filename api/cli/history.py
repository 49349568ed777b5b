"""Commands on generations and coverage by people: list, show, activate, revert; reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, commands, day, language, opened, progress_line, report, words
from api.refusals import term
from geo.model import GenerationState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from geo.model import Generation
    from geo.reach import Corner
    from geo.services.coverage_by_people import ReachReport

__all__ = ["activate", "list_", "reach", "register", "revert", "show"]

_SHOWN = 30
_CORNERS = {"party_group": "党小组", "gridworker": "网格员", "anchor_household": "党员中心户"}
_STATES = {"inactive": "未启用", "active": "现行", "superseded": "已被替换"}

Id = Annotated[str, typer.Argument(help="版本号（序号或标识）")]
Effective = Annotated[str, typer.Option("--effective", help="生效日期，写成 2025-07-01")]


def _facts(generation: Generation) -> dict[str, Any]:
    return {
        "id": generation.id,
        "serial": generation.serial,
        "state": generation.state.value,
        "effective_from": generation.effective_from,
        "published_at": generation.published_at,
        "filing_no": generation.filing_no or None,
        "plan": generation.plan_id,
    }


def _in_force(generations: Sequence[Generation], today: dt.date) -> Generation | None:
    """Return the generation whose grids answer today: the one with the latest effective date that has come."""
    days = [
        (g.effective_from, g.serial, g)
        for g in generations
        if g.state is not GenerationState.INACTIVE and g.effective_from is not None
    ]
    return max([d for d in days if d[0] <= today] or days, default=(None, None, None))[2]


def _line(generation: Generation, now: Generation | None = None, today: dt.date | None = None) -> str:
    state = words(_STATES.get(generation.state.value, generation.state.value), generation.state.value)
    if now is not None and generation.id == now.id:
        state = words("现行", "in force")
    elif today is not None and (generation.effective_from or today) > today:
        state = words("待生效", "to come")
    since = generation.effective_from or "—"
    return f"{generation.serial}  {generation.id}  {state}  {since}  {generation.filing_no}".rstrip()


def list_(store: StoreName = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """列出各版本 / list the generations."""
    from geo.services.generations import list_generations

    with opened(store) as services:
        found, today = list_generations(services.store, services.actor), services.today()
    now = _in_force(found, today)
    facts = [{**_facts(g), "in_force": now is not None and g.id == now.id} for g in found]
    report({"generations": facts}, as_json=as_json, lines=[_line(g, now, today) for g in found])


def show(generation: Id, store: StoreName = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """看一个版本 / show one generation and how many grids it holds."""
    from geo.services.generations import find_generation

    with opened(store) as services:
        found = find_generation(services.store, services.actor, generation)
    facts = {**_facts(found.generation), "grids": dict(found.grids)}
    each = [f"{term('layer', kind, language())} {n}" for kind, n in found.grids.items()]
    counted = words("网格", "grids") + " " + words("、", ", ").join(each)
    report(facts, as_json=as_json, lines=[_line(found.generation), counted])


def activate(
    effective: Effective,
    generation: Annotated[str | None, typer.Argument(help="版本号；不写则启用正在收集的")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """启用导入的网格并落格 / put an imported generation into force and place everything in it."""
    from geo.services.coverage import activate_generation
    from geo.services.generations import find_generation

    with opened(store) as services:
        named = find_generation(services.store, services.actor, generation).generation.id if generation else None
        done = activate_generation(
            services.store,
            services.actor,
            effective_from=day(effective, option="--effective"),
            now=services.now,
            generation_id=named,
            progress=progress_line,
        )
    facts = {
        **_facts(done.generation),
        "households": dict(done.households.by_basis),
        "incidents": dict(done.incidents.by_basis),
    }
    placed = words(
        f"落格：住户 {done.households.placed}，工单 {done.incidents.placed}",
        f"placed: {done.households.placed} households, {done.incidents.placed} incidents",
    )
    report(facts, as_json=as_json, lines=[_line(done.generation), placed])


def revert(
    to: Annotated[str, typer.Argument(help="要恢复的版本")],
    effective: Effective,
    filing_no: Annotated[str, typer.Option("--filing-no", help="备案号")] = "",
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """恢复从前的网格，作为新版本 / bring a former generation's grids back as a new generation."""
    from geo.services.coverage import revert_generation
    from geo.services.generations import find_generation

    with opened(store) as services:
        former = find_generation(services.store, services.actor, to).generation
        done = revert_generation(
            services.store,
            services.actor,
            to=former.id,
            effective_from=day(effective, option="--effective"),
            now=services.now,
            new_id=services.new_id,
            filing_no=filing_no,
            progress=progress_line,
        )
    report(_facts(done.generation), as_json=as_json, lines=[_line(done.generation)])


# -- people --------------------------------------------------------------------------------------------------
def reach(
    distance_m: Annotated[float | None, typer.Option("--distance-m", min=1, help="党员中心户的服务半径，米")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """铁三角与党员中心户覆盖 / coverage by gridworkers, party groups and anchor households."""
    from geo.services.coverage_by_people import reach_report

    with opened(store) as services:
        done = reach_report(
            services.store, services.actor, distance_m=distance_m or services.settings.anchor_distance_m
        )
    report(_reach_facts(done), as_json=as_json, lines=_reach_lines(done))


def _reach_facts(done: ReachReport) -> dict[str, Any]:
    return {
        "distance_m": done.distance_m,
        "near_share": done.near_share,
        "linked_share": done.linked_share,
        "grids": [
            {
                "id": f.grid.id,
                "code": f.grid.code,
                "name": f.grid.name,
                "households": f.reach.households,
                "households_per_worker": f.reach.households_per_worker,
                "missing": [corner.value for corner in f.reach.missing],
                "near_share": f.reach.near_share,
                "linked_share": f.reach.linked_share,
            }
            for f in done.grids
        ],
        "suggestions": [{"lon": s.lon, "lat": s.lat, "households": s.households} for s in done.suggestions],
        "centres": [
            {
                "community": c.community_code,
                "floor_area_m2": c.floor_area_m2,
                "households": c.households,
                "m2_per_100_households": c.per_100_m2,
                "enough": c.enough,
                "planned_only": c.planned_only,
                "sites_apart_m": c.sites_apart_m,
            }
            for c in done.centres
        ],
    }


def _reach_lines(done: ReachReport) -> list[str]:
    gaps = [f for f in done.grids if f.reach.missing]
    lines = [
        words(
            f"{done.distance_m:.0f} 米内有党员中心户的户数占 ",
            f"households within {done.distance_m:.0f} m of an anchor: ",
        )
        + _percent(done.near_share),
        words("已联系的户数占 ", "linked to one: ") + _percent(done.linked_share),
        words(f"铁三角不全的网格 {len(gaps)} 个", f"{len(gaps)} grids lack a corner of the triangle"),
    ]
    lines += [f"  {f.grid.name}: {words('缺 ', 'lacks ')}{_corners(f.reach.missing)}" for f in gaps[:_SHOWN]]
    lines += [
        words(
            f"  建议增设：{s.lon:.5f}, {s.lat:.5f}，新覆盖 {s.households} 户",
            f"  suggested: {s.lon:.5f}, {s.lat:.5f}, {s.households} households newly reached",
        )
        for s in done.suggestions
    ]
    return lines


def _corners(missing: Sequence[Corner]) -> str:
    return "、".join(words(_CORNERS[c.value], c.value) for c in missing)


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    generations = commands("版本 / generations of grids")
    generations.command("list")(list_)
    generations.command("show")(show)
    generations.command("activate")(activate)
    generations.command("revert")(revert)
    app.add_typer(generations, name="generation")
    app.command("reach")(reach)
