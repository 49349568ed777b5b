"""`wangge merge`: fewer grids with proof, on the store's coverage or on any polygon file."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, opened, progress_line, report, words
from geo.errors import Infeasible, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["merge", "register"]

_SHOWN = 30


def merge(
    to: Annotated[str, typer.Option("--to", help="合并成几个：114、110-120 或 fewest（最少）")],
    counts: Annotated[Path | None, typer.Option("--counts", help="各社区（或镇）的个数：两列的表或 JSON")] = None,
    barriers: Annotated[Path | None, typer.Option("--barriers", help="隔断线文件（河流、铁路）")] = None,
    area: Annotated[str | None, typer.Option("--area", help="只动这个镇或社区，代码或名称")] = None,
    curve: Annotated[bool, typer.Option("--curve", help="同时给出各个 K 的代价曲线")] = False,  # noqa: FBT002
    trade_off: Annotated[
        int | None, typer.Option("--trade-off", min=2, max=30, help="同时给出至多几个在均衡与变动之间取舍的方案")
    ] = None,
    min_load: Annotated[float | None, typer.Option("--min-load", help="每格至少")] = None,
    max_load: Annotated[float | None, typer.Option("--max-load", help="每格至多")] = None,
    weights: Annotated[
        str, typer.Option("--weights", help="balance=1,compactness=0.25,disruption=0.5；未写的用默认")
    ] = "",
    keep: Annotated[list[str] | None, typer.Option("--keep", help="保留不动的网格，可重复")] = None,
    together: Annotated[list[str] | None, typer.Option("--together", help="必须在一起：A,B，可重复")] = None,
    apart: Annotated[list[str] | None, typer.Option("--apart", help="不得在一起：A,B，可重复")] = None,
    alternatives: Annotated[int, typer.Option("--alternatives", min=0, max=9, help="另给几个次优方案")] = 0,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    time_limit: Annotated[float | None, typer.Option("--time-limit", min=0.01, help="秒；到时给出目前最好的")] = None,
    title: Annotated[str, typer.Option("--title", help="方案名称")] = "",
    grids: Annotated[Path | None, typer.Option("--grids", help="面文件；不写则用库中现行网格")] = None,
    load: Annotated[
        str | None, typer.Option("--load", help="均衡的字段；库中为 households、persons、elderly=0.5 等")
    ] = None,
    within: Annotated[str | None, typer.Option("--within", help="不得跨越的字段，如社区")] = None,
    id_field: Annotated[str | None, typer.Option("--id", help="编号字段")] = None,
    datum: Annotated[str | None, typer.Option("--datum", help="文件的坐标系；默认用文件声明的")] = None,
    layer: Annotated[str | None, typer.Option("--layer")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="结果：.csv 为 id,group，其余为合并后的面")] = None,
    report_file: Annotated[Path | None, typer.Option("--report", help="报告 JSON")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """合并网格，给出证明与理由 / merge grids into fewer, with proof and reasons."""
    asked = dict(locals())
    if grids is None:
        _merge_store(asked)
    else:
        _merge_file(asked)


_FILE_ONLY = ("within", "id_field", "datum", "layer", "encoding", "barriers", "out")


def _wishes(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both kinds of merge are asked alike, parsed."""
    from geo.planning.asking import parse_ids, parse_target, parse_weights

    alike = ("min_load", "max_load", "alternatives", "seed", "time_limit", "curve")
    return {
        "groups": parse_target(asked["to"]),
        "weights": parse_weights(asked["weights"]),
        "keep": tuple(name for text in asked["keep"] or () for name in parse_ids(text)),
        "together": tuple(parse_ids(text) for text in asked["together"] or ()),
        "apart": tuple(parse_ids(text) for text in asked["apart"] or ()),
        "counts": _counts(asked["counts"]),
        "trade_off": asked["trade_off"] or 0,
        **{name: asked[name] for name in alike},
    }


def _counts(path: Path | None) -> Mapping[str, Any]:
    from geo.services.merge_file import read_counts

    return read_counts(path) if path is not None else {}


def _load(text: str | None) -> dict[str, float]:
    """Return load words with weights from ``households,elderly=0.5``; empty means the default."""
    weighed: dict[str, float] = {}
    for part in filter(None, (text or "").split(",")):
        word, _, share = part.partition("=")
        try:
            weighed[word.strip()] = float(share or 1)
        except ValueError:
            raise typer.BadParameter(
                words("写成 households,elderly=0.5", "write households,elderly=0.5"), param_hint="--load"
            ) from None
    return weighed


@contextmanager
def _stoppable() -> Iterator[Callable[[float, str], None]]:
    """Yield a progress callable; Ctrl+C ends the search there, and the best plan so far is kept."""
    from geo.planning.proposal import StopSearch

    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def tell(share: float, what: str) -> None:
        progress_line(share, what)
        if asked:
            raise StopSearch

    former = signal.signal(signal.SIGINT, ask)
    try:
        yield tell
    finally:
        signal.signal(signal.SIGINT, former)


# -- a file ----------------------------------------------------------------------------------------------------
def _merge_file(asked: Mapping[str, Any]) -> None:
    from geo.services.merge_file import MergeFileRequest, merge_file

    if asked["load"] is None or asked["out"] is None:
        raise typer.BadParameter(words("文件合并需要 --load 和 -o", "merging a file needs --load and -o"))
    if asked["area"] or asked["title"]:
        raise typer.BadParameter(words("--area 和 --title 只用于库", "--area and --title are for the store"))
    same = ("grids", "out", "load", "within", "id_field", "barriers", "datum", "layer", "encoding")
    request = MergeFileRequest(report=asked["report_file"], **{name: asked[name] for name in same}, **_wishes(asked))
    with _stoppable() as tell:
        done = merge_file(request, progress=tell)
    lines = [*_proof_lines(done.report), *_reason_lines(done.report), *done.losses, f"→ {request.out}"]
    report({**done.report, "out": str(request.out)}, as_json=asked["as_json"], lines=lines)


# -- the store ---------------------------------------------------------------------------------------------------
def _merge_store(asked: Mapping[str, Any]) -> None:
    from geo.services.propose import MergeRequest, propose_merge, report_of

    if any(asked[name] for name in _FILE_ONLY):
        text = words(
            "这些选项与 --grids 一起用：--within --id --datum --layer --encoding --barriers -o",
            "--within, --id, --datum, --layer, --encoding, --barriers and -o go with --grids",
        )
        raise typer.BadParameter(text)
    request = MergeRequest(**_wishes(asked), area=asked["area"] or "", load=_load(asked["load"]), title=asked["title"])
    with opened(asked["store"]) as services, _stoppable() as tell:
        proposed = propose_merge(
            services.store,
            services.actor,
            request,
            settings=services.settings,
            new_id=services.new_id,
            progress=tell,
        )
    facts = report_of(proposed)
    _write_report(asked["report_file"], facts)
    if not proposed.plans:
        if asked["as_json"]:
            report(facts, as_json=True, lines=[])
        if not facts["conflict"]:
            raise Refused(
                "no plan was found in the time given", code="time-limit", remedy="give more time or fewer wishes"
            )
        conflict = tuple(words(c["zh"], c["en"]) for c in facts["conflict"])
        raise Infeasible(words("没有方案能满足这些要求", "no plan meets these wishes"), conflict=conflict)
    lines = [*_proof_lines(facts), *_reason_lines(facts)]
    lines += [words(f"方案 {plan}", f"plan {plan}") for plan in facts["plans"]]
    report(facts, as_json=asked["as_json"], lines=lines)


def _write_report(path: Path | None, facts: Mapping[str, Any]) -> None:
    if path is not None:
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        part.replace(path)


# -- in words ------------------------------------------------------------------------------------------------------
def _proof_lines(facts: Mapping[str, Any]) -> list[str]:
    if facts["status"] == "optimal":
        proof = words("已证明没有更优方案", "proven: there is no better plan")
    else:
        proof = _gap(facts)
    head = f"{facts['units']} → {facts['groups']}"
    tail = words(
        f"目标值 {facts['objective']:.6f}，{facts['seconds']:.2f} 秒",
        f"objective {facts['objective']:.6f}, {facts['seconds']:.2f} s",
    )
    lines = [f"{head}  {proof}  {tail}"]
    return [*lines, *_curve_lines(facts.get("curve")), *_trade_off_lines(facts.get("trade_off"))]


def _curve_lines(curve: Mapping[str, Any] | None) -> list[str]:
    if curve is None:
        return []
    lines = [words("代价曲线（每少一个网格）：", "cost of each grid fewer:")]
    if curve["reason"] is not None:
        return [*lines, "  " + words(curve["reason"]["zh"], curve["reason"]["en"])]
    for point in curve["points"]:
        cells = [words(f"{point['groups']} 个", f"{point['groups']} grids")]
        if point["objective"] is not None:
            cells.append(words(f"目标值 {point['objective']:.6f}", f"objective {point['objective']:.6f}"))
        if point["step_cost"] is not None:
            cells.append(words(f"比上一个 {point['step_cost']:+.6f}", f"step {point['step_cost']:+.6f}"))
        cells += [_gap(point), _knee(curve, point["groups"])]
        lines.append("  " + "  ".join(filter(None, cells)))
    return lines


def _trade_off_lines(found: Mapping[str, Any] | None) -> list[str]:
    if found is None:
        return []
    lines = [
        words(
            "均衡与变动的取舍（离均值：各网格偏离平均的均方根；换人：更换网格员的部分）：",
            "balance against disruption (off the mean: root mean square over grids; moved: gets another worker):",
        )
    ]
    if found["reason"] is not None:
        lines.append("  " + words(found["reason"]["zh"], found["reason"]["en"]))
    for place, point in enumerate(found["points"]):
        weights = ",".join(f"{name}={value:.6g}" for name, value in point["weights"].items())
        cells = [_between(point), _gap(point), f"--weights {weights}", _knee(found, place)]
        lines.append("  " + "  ".join(filter(None, cells)))
    if len(found["points"]) == 1 and found["points"][0]["status"] == "optimal":
        lines.append(words("  两者在此不相争，只有这一个方案", "  the two do not conflict here: there is one plan"))
    return [*lines, "  " + _between(found["proposed"]) + words("  ← 本方案", "  ← this plan")]


def _between(point: Mapping[str, Any]) -> str:
    off, share = point["balance"] ** 0.5, point["disruption"]
    if "households" in point:
        counted = words(f"{point['households']} 户", f"{point['households']} households")
    else:
        counted = words(f"数量 {point['moved']:g}", f"load {point['moved']:g}")
    return words(
        f"离均值 {off:.1%}  换人 {share:.1%}，{counted}", f"off the mean {off:.1%}  moved {share:.1%}, {counted}"
    )


def _gap(point: Mapping[str, Any]) -> str:
    if point["status"] == "unknown":
        return words("时间不够，没有算出", "not found in time")
    if point["gap"] is None:
        return words("没有方案", "no plan")
    if point["status"] == "optimal":
        return words("已证明最优", "proven")
    return words(f"最多还能改进 {point['gap']:.2%}", f"at most {point['gap']:.2%} could be gained")


def _knee(found: Mapping[str, Any], place: int) -> str:
    return words("← 拐点", "← knee") if place == found["knee"] else ""


def _reason_lines(facts: Mapping[str, Any]) -> list[str]:
    reasons: Sequence[Mapping[str, Any]] = facts["reasons"]
    lines = [f"  {words(r['zh'], r['en'])}" for r in reasons[:_SHOWN]]
    if len(reasons) > _SHOWN:
        rest = len(reasons) - _SHOWN
        lines.append(words(f"  … 另有 {rest} 处合并，见报告", f"  … {rest} more merges, see the report"))
    return lines


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("merge")(merge)
