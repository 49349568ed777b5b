"""Commands on the coverage: check and repair, of any polygon file or of the store's grids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, language, opened, report, words
from api.refusals import sentence, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.model import Finding
    from geo.services.files import CheckedFile, RepairedFile

__all__ = ["check", "register", "repair"]

_SHOWN = 40

File = Annotated[Path | None, typer.Argument(help="面文件；不写则查库中的网格")]
FileDatum = Annotated[str | None, typer.Option("--datum", help="文件的坐标系；默认用文件自己声明的")]
NameField = Annotated[str | None, typer.Option("--id", help="作为名称的字段")]


def _finding_facts(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values."""
    return {
        "code": finding.code.value,
        "message": finding.message,
        "features": list(finding.features),
        "lon": finding.lon,
        "lat": finding.lat,
        "size_m": round(finding.size_m, 4),
        "area_m2": round(finding.area_m2, 4),
        "remedy": finding.remedy,
        "blocking": finding.blocking,
    }


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Return findings as lines, with a count at the end."""
    from geo.topology import describe

    lines = [
        f"{'×' if f.blocking else '!'} {f.code.value} {message} "
        f"({f.lon:.6f}, {f.lat:.6f}; {f.size_m:.2f} m, {f.area_m2:.1f} m²) → {remedy}"
        for f in findings[:_SHOWN]
        for message, remedy in [describe(f, language())]
    ]
    if len(findings) > _SHOWN:
        lines.append(words(f"… 另有 {len(findings) - _SHOWN} 个", f"… {len(findings) - _SHOWN} more"))
    blocking = sum(f.blocking for f in findings)
    lines.append(
        words(f"共 {len(findings)} 个问题，其中 {blocking} 个须处理", f"{len(findings)} findings, {blocking} blocking")
    )
    return lines


def check(
    file: File = None,
    datum: FileDatum = None,
    name: NameField = None,
    layer: Annotated[str | None, typer.Option("--layer", help="文件内的图层")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """检查拓扑问题，不改动 / report every topological defect, change nothing."""
    warnings: list[str] = []
    if file is None:
        from geo.services.coverage import check_generation

        with opened(store) as services:
            findings = list(check_generation(services.store, services.actor))
    else:
        from geo.services.files import PolygonFile, check_file

        checked = check_file(PolygonFile(path=file, datum=datum, name_field=name, layer=layer, encoding=encoding))
        findings, warnings = list(checked.findings), _warnings(checked)
    facts: dict[str, Any] = {
        "findings": [_finding_facts(f) for f in findings],
        "blocking": sum(f.blocking for f in findings),
    }
    facts["warnings"] = warnings
    report(facts, as_json=as_json, lines=[*(f"! {w}" for w in warnings), *_finding_lines(findings)])


def _warnings(done: CheckedFile | RepairedFile) -> list[str]:
    """Return what of a file was passed over, in the terminal's language."""
    return [*(sentence(w, language()) for w in done.warnings), *(told(r, language()) for r in done.refused)]


def repair(
    file: File = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="输出文件（修复文件时必填）")] = None,
    tolerance_m: Annotated[float, typer.Option("--tolerance-m", min=0.001, max=50, help="节点最多移动多少米")] = 0.5,
    settle: Annotated[bool, typer.Option("--settle", help="超出容差的按规则划给公共边最长的邻格，逐条列出")] = False,  # noqa: FBT002
    datum: FileDatum = None,
    name: NameField = None,
    layer: Annotated[str | None, typer.Option("--layer", help="文件内的图层")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """修复拓扑问题，列出每处改动 / repair within a tolerance and list every change."""
    warnings: list[str] = []
    if file is None:
        from geo.services.coverage import repair_generation

        with opened(store) as services:
            done: Any = repair_generation(services.store, services.actor, tolerance_m=tolerance_m, settle_rest=settle)
    else:
        from geo.services.files import PolygonFile, repair_file

        if out is None:
            raise typer.BadParameter(words("请用 -o 指定输出文件", "name the output file with -o"), param_hint="-o")
        source = PolygonFile(path=file, datum=datum, name_field=name, layer=layer, encoding=encoding)
        done = repair_file(source, out, tolerance_m=tolerance_m, settle_rest=settle)
        warnings = _warnings(done)
    changes = [*done.changes, *done.settled]
    facts = {
        "tolerance_m": tolerance_m,
        "findings_before": len(done.before),
        "changes": [_change_facts(c) for c in done.changes],
        "settled": [_change_facts(c) for c in done.settled],
        "findings": [_finding_facts(f) for f in done.after],
        "blocking": sum(f.blocking for f in done.after),
        "warnings": warnings,
        **({"out": str(out)} if out else {}),
    }
    lines = [f"! {w}" for w in warnings] + [f"~ {sentence(c.message, language())}" for c in changes[:_SHOWN]]
    lines.append(
        words(
            f"改动 {len(changes)} 处；修复前 {len(done.before)} 个问题",
            f"{len(changes)} changes; {len(done.before)} findings before",
        )
    )
    report(facts, as_json=as_json, lines=[*lines, *_finding_lines(done.after)])


def _change_facts(change: Any) -> dict[str, Any]:
    return {
        "code": str(change.code),
        "features": list(change.features),
        "lon": change.lon,
        "lat": change.lat,
        "moved_m": round(change.moved_m, 4),
        "area_m2": round(change.area_m2, 4),
        "message": change.message,
    }


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("check")(check)
    app.command("repair")(repair)
