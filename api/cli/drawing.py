"""Commands that draw grids: oversized ones divided along streets, communities drawn from a roster of buildings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, language, opened, progress_line, report, words
from api.cli.plan_words import plan_line
from api.refusals import LANGUAGES, told
from geo.errors import Where

if TYPE_CHECKING:
    from geo.planning.drawing import Division, Remark
    from geo.services.drawing_proposals import DrawnSplits
    from geo.services.drawing_rosters import DrawnRoster

__all__ = ["draw_roster", "draw_split", "register"]

_TABLES = frozenset({".xlsx", ".xls", ".csv"})
_SHOWN = 30


def draw_split(
    max_load: Annotated[float, typer.Option("--max-load", help="每格至多；超过的都分")],
    grid: Annotated[list[str] | None, typer.Option("--grid", help="只分这个网格，可重复")] = None,
    parts: Annotated[int | None, typer.Option("--parts", min=2, help="分成几块；默认尽量少")] = None,
    area: Annotated[str, typer.Option("--area", help="只看这个镇或社区，代码")] = "",
    seed: Annotated[int, typer.Option("--seed")] = 0,
    title: Annotated[str, typer.Option("--title", help="方案名称")] = "",
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """过大的网格沿街道、河流拆分，存为方案 / divide oversized grids along streets into a draft plan."""
    from geo.services.drawing_proposals import SplitRequest, draw_splits

    request = SplitRequest(max_load=max_load, grids=tuple(grid or ()), parts=parts, area=area, seed=seed, title=title)
    with opened(store) as services:
        done = draw_splits(
            services.store,
            services.actor,
            request,
            settings=services.settings,
            new_id=services.new_id,
            progress=progress_line,
        )
    report(_split_facts(done), as_json=as_json, lines=_split_lines(done))


def _split_facts(done: DrawnSplits) -> dict[str, Any]:
    return {
        "plan": done.plan.id if done.plan else None,
        "splits": [
            {
                "grid": s.grid.id,
                "name": s.grid.name,
                "status": str(s.division.status),
                "gap": s.division.gap,
                "blocks": s.division.blocks,
                "gathered": s.division.gathered,
                "parts": [{"id": p.grid_id, "name": p.name, "load": p.load, "area_m2": p.area_m2} for p in s.parts],
                "remarks": [_remark(r) for r in s.remarks],
            }
            for s in done.splits
        ],
        "left": [
            {"grid": g.id, "name": g.name, **{spoken: told(why, spoken) for spoken in LANGUAGES}}
            for g, why in done.left
        ],
        "warnings": [{"zh": w.zh, "en": w.en} for w in done.warnings],
        "unlocated": done.unlocated,
    }


def _remark(remark: Remark) -> dict[str, Any]:
    return {"code": remark.code.value, "zh": remark.saying.zh, "en": remark.saying.en}


def _split_lines(done: DrawnSplits) -> list[str]:
    lines = [plan_line(done.plan)] if done.plan else [words("没有需要或可以拆分的网格", "no grid to divide")]
    for split in done.splits:
        loads = "、".join(f"{p.load:.0f}" for p in split.parts)
        head = words(f"  {split.grid.name} → {len(split.parts)} 块：{loads}", f"  {split.grid.name} → {loads}")
        lines.append("  ".join(filter(None, (head, _proof(split.division)))))
        lines += [f"    ! {words(r.saying.zh, r.saying.en)}" for r in split.remarks]
    lines += [f"  × {g.name}{words('：', ': ')}{told(why, language())}" for g, why in done.left]
    return [*lines, *(f"  ! {words(w.zh, w.en)}" for w in done.warnings)]


def _proof(division: Division) -> str:
    """Say how far a division is proven; of one whose blocks were put together first its remark tells."""
    if division.status == "optimal":
        return words(f"{division.blocks} 个街区，已证明没有更好的分法", f"proven best for its {division.blocks} blocks")
    if division.gap is not None:
        return words(f"最多还能改进 {division.gap:.2%}", f"at most {division.gap:.2%} could be gained")
    return ""


def draw_roster(
    file: Annotated[Path, typer.Argument(help="名册：xlsx、xls、csv，或每行 第三网格：1—8号楼 的文本")],
    community: Annotated[str, typer.Option("--community", help="社区代码或名称")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="另存为面文件")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="放入正在收集的版本；不加只提方案")] = False,  # noqa: FBT002
    replace: Annotated[bool, typer.Option("--replace", help="替换该社区已有的网格")] = False,  # noqa: FBT002
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """只有名册没有边界的社区：按楼栋和街道画出网格 / draw a community's grids from its roster of buildings."""
    from geo.services.drawing_rosters import draw_roster as draw
    from geo.services.drawing_rosters import roster_from_rows, roster_from_text

    if file.suffix.lower() in _TABLES:
        from geo.formats import read

        roster = roster_from_rows([f.properties for f in read(file).features], community=community)
    else:
        roster = roster_from_text(_text_of(file))
    with opened(store) as services:
        done = draw(
            services.store,
            services.actor,
            community,
            roster,
            settings=services.settings,
            new_id=services.new_id,
            apply=apply,
            replace_grids=replace,
        )
    if out is not None:
        _write(done, out)
    report(_roster_facts(done, out), as_json=as_json, lines=_roster_lines(done, out))


def _text_of(file: Path) -> str:
    from geo.formats.encoding import decode

    return decode(file.read_bytes(), where=Where(file=file.name)).text


def _write(done: DrawnRoster, out: Path) -> None:
    from geo.formats import Feature, write

    rows = []
    for number, facts in enumerate(done.features(), start=1):
        plain = {"网格名称": facts["name"], "原编号": facts["local_code"], "社区": facts["community"]}
        rows.append(Feature(number, {**plain, "楼栋数": facts["buildings"]}, facts["geometry"], "", facts["name"]))
    write(out, rows)


def _roster_facts(done: DrawnRoster, out: Path | None) -> dict[str, Any]:
    return {
        "community": done.community.code,
        "grids": [{"id": g.id, "name": g.name, "buildings": done.houses[g.id]} for g in done.grids],
        "remarks": [_remark(r) for r in done.remarks],
        "generation": done.generation_id,
        "out": str(out) if out else None,
    }


def _roster_lines(done: DrawnRoster, out: Path | None) -> list[str]:
    lines = [
        words(
            f"{done.community.name}：画出 {len(done.grids)} 个网格", f"{done.community.name}: {len(done.grids)} grids"
        )
    ]
    lines += [
        words(f"  {g.name}：{done.houses[g.id]} 栋", f"  {g.name}: {done.houses[g.id]} buildings") for g in done.grids
    ]
    lines += [f"  ! {words(r.saying.zh, r.saying.en)}" for r in done.remarks[:_SHOWN]]
    if done.generation_id:
        lines.append(
            words("已放入正在收集的版本，检查后再启用", "put into the collecting generation; check, then activate")
        )
    else:
        lines.append(words("只是方案，未写入；加 --apply 写入", "a proposal, nothing written; add --apply to keep it"))
    return [*lines, f"→ {out}"] if out else lines


def register(plans: typer.Typer) -> None:
    """Add this module's commands to the group of plan commands."""
    plans.command("draw-split")(draw_split)
    plans.command("draw-roster")(draw_roster)
