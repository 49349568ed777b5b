"""The stations of the demonstration: the whole main job on one county's files, with what each found."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geo.errors import NotFound, Refused
from geo.services.ingest import ImportReport, ImportRequest, import_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from geo.bootstrap import Services
    from geo.services.coverage import RepairOutcome
    from geo.services.propose import Proposed
    from geo.services.publish import Published

__all__ = ["SHIPPED", "Demonstration", "demonstrate"]

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "boundaries"

COUNTY = "230724"
GRIDS_AFTER = 114
# The grids of the files were in force from the start of the incident year, the merged ones after its end.
OLD_FROM = dt.date(2024, 10, 1)
NEW_FROM = dt.date(2025, 10, 1)
FILING_NO = "丰网格备〔2025〕1号（演示）"
TOLERANCE_M = 0.5
# The survey office hands its base data over with the datum on the delivery note; all else is voted on.
SURVEYED = "cgcs2000"


@dataclass(slots=True)
class Demonstration:
    """Folders, clock and what has been found so far."""

    data: Path
    out: Path
    say: Callable[[str], None]
    ticks: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)

    def station(self, name: str, work: Callable[[], Any]) -> Any:
        """Do one station of the walk and note how long it took."""
        self.say(f"▶ {name} …")
        begun = self.ticks()
        result = work()
        self.seconds[name] = round(self.ticks() - begun, 2)
        self.say(f"  {self.seconds[name]:.1f} 秒")
        return result


def demonstrate(run: Demonstration) -> dict[str, Any]:
    """Run every station into `run.out` and return the summary.

    Raises
    ------
    Refused
        The demonstration files are missing.
    """
    from geo.bootstrap import open_services

    if not (run.data / "02_基础网格").is_dir():
        raise Refused(f"no demonstration files in {run.data}", remedy="make them: python data/make_county.py")
    run.out.mkdir(parents=True, exist_ok=True)
    store = run.out / "fenglin.gpkg"
    for stale in (store, store.with_name(store.name + "-wal"), store.with_name(store.name + "-shm")):
        stale.unlink(missing_ok=True)
    begun = run.ticks()
    with open_services(store_url=str(store), county_code=COUNTY, create=True) as services:
        _stations(run, services)
    run.summary["seconds"] = {**run.seconds, "total": round(run.ticks() - begun, 2)}
    _write_json(run.out / "summary.json", run.summary)
    return run.summary


def _stations(run: Demonstration, services: Services) -> None:
    run.station("读取底图与区划 read areas and base data", lambda: _read_base(run, services))
    run.station("读取手绘网格 read hand-drawn grids", lambda: _read_grids(run, services))
    repaired = run.station("检查与修复 check and repair", lambda: _repair(run, services))
    run.station("读取台账与工单 read registers and incidents", lambda: _read_registers(run, services))
    run.station("启用并落格 activate and place", lambda: _activate(run, services))
    run.station("对照真值 score against the truth", lambda: _score(run, services))
    proposed = run.station("合并 163 → 114 merge", lambda: _merge(run, services))
    published = run.station("编码、备案、启用 code, file and publish", lambda: _publish(run, services, proposed))
    run.station("前后查询 ask as of before and after", lambda: _ask(run, services, published))
    run.station("地图、图件与对照表 map, sheet and cross-reference", lambda: _papers(run, services))
    run.summary["repair_tolerance_m"] = TOLERANCE_M
    run.summary["settling_rule"] = "longest-shared-edge" if repaired.settled else "none needed"


# -- reading ----------------------------------------------------------------------------------------
def _read_base(run: Demonstration, services: Services) -> None:
    areas, base = run.data / "01_行政区划", run.data / "06_底图"
    for name in ("丰林县_县界.geojson", "丰林县_镇界.geojson", "丰林县_社区村界.geojson"):
        _import(run, services, "areas", areas / name, datum=SURVEYED)
    _import(run, services, "lines", base / "道路河流铁路.geojson", datum=SURVEYED)
    _import(run, services, "compounds", base / "小区.geojson", datum=SURVEYED)
    _import(run, services, "buildings", base / "楼栋.gpkg", datum=SURVEYED)
    _import(run, services, "places", base / "地名标志物.geojson", datum=SURVEYED)


def _read_grids(run: Demonstration, services: Services) -> None:
    drawn = run.data / "02_基础网格"
    files = [*sorted(drawn.rglob("*.kml")), *sorted(drawn.rglob("*.shp"))]
    for path in files:
        _import(run, services, "boundaries", path)
    exclusive = run.data / "03_专属网格"
    _import(run, services, "exclusive", exclusive / "专属网格花名册.xls", exclusive / "专属网格.dxf", datum="epsg:4552")
    _import(run, services, "exclusive", exclusive / "林业局公司专属网格.zip")


def _read_registers(run: Demonstration, services: Services) -> None:
    registers = run.data / "04_台账"
    _import(run, services, "households", registers / "住户台账.csv")
    _import(run, services, "gridworkers", registers / "网格员花名册.xlsx")
    _import(run, services, "party", registers / "党组织名册.xlsx")
    _import(run, services, "anchors", registers / "党员中心户.csv")
    _import(run, services, "centres", registers / "党群服务中心.xlsx")
    _import(run, services, "duties", registers / "责任单位.xlsx")
    _import(run, services, "incidents", run.data / "05_工单" / "12345工单导出.xlsx")


def _import(run: Demonstration, services: Services, kind: str, *paths: Path, datum: str | None = None) -> ImportReport:
    """Dry run first; where no datum is declared, the vote's proposal is confirmed and shown; then apply."""

    def ask(word: str | None, *, apply: bool) -> ImportReport:
        request = ImportRequest(kind=kind, paths=paths, datum=word, apply=apply, accept_refused=apply)
        return import_files(services.store, services.actor, request, settings=services.settings, new_id=services.new_id)

    looked = ask(datum, apply=False)
    confirmed = datum or looked.proposed_datum or None
    report = ask(confirmed, apply=True)
    name = paths[0].name
    warned = sum(len(f.warnings) for f in report.files)
    counted = f"{report.rows_read} 行, 接受 {report.accepted}, 拒绝 {len(report.refused)}, 警告 {warned}"
    run.say(f"  {name}: {counted}")
    if looked.proposed_datum and not datum:
        run.say(f"    坐标系由投票提出并确认: {looked.proposed_datum}; {looked.files[0].datum_evidence[0]}")
    run.summary.setdefault("imports", []).append(_import_line(kind, report, looked))
    return report


def _import_line(kind: str, report: ImportReport, looked: ImportReport) -> dict[str, Any]:
    return {
        "kind": kind,
        "files": [Path(f.path).name for f in report.files],
        "rows_read": report.rows_read,
        "accepted": report.accepted,
        "refused": [{"where": str(r.where), "code": r.code, "message": r.message} for r in report.refused[:20]],
        "refused_count": len(report.refused),
        "warnings": [w for f in report.files for w in f.warnings][:20],
        "encoding": sorted({f.encoding for f in report.files if f.encoding}),
        "datum": sorted({f.datum for f in report.files if f.datum}),
        "datum_proposed": looked.proposed_datum,
        "datum_evidence": [e for f in looked.files for e in f.datum_evidence][:6],
    }


# -- coverage and placement ---------------------------------------------------------------------------
def _repair(run: Demonstration, services: Services) -> RepairOutcome:
    from collections import Counter

    from geo.services.coverage import repair_generation

    outcome = repair_generation(services.store, services.actor, tolerance_m=TOLERANCE_M, settle_rest=True)
    before, after = (Counter(f.code.value for f in found) for found in (outcome.before, outcome.after))
    run.summary["findings"] = {
        "before": dict(sorted(before.items())),
        "after": dict(sorted(after.items())),
        "blocking_after": sum(f.blocking for f in outcome.after),
        "changes": len(outcome.changes),
        "settled": len(outcome.settled),
    }
    run.say(f"  修复前 {sum(before.values())} 个问题, 修复后 {sum(after.values())} 个")
    run.say(f"  改动 {len(outcome.changes)} 处, 按规则划归 {len(outcome.settled)} 处")
    _write_json(
        run.out / "repair.json",
        {"changes": [_change(c) for c in outcome.changes], "settled": [_change(c) for c in outcome.settled]},
    )
    return outcome


def _change(change: Any) -> dict[str, Any]:
    return {
        "code": str(change.code),
        "features": list(change.features),
        "lon": change.lon,
        "lat": change.lat,
        "moved_m": round(change.moved_m, 3),
        "area_m2": round(change.area_m2, 3),
        "message": change.message,
    }


def _activate(run: Demonstration, services: Services) -> None:
    from geo.services.coverage import activate_generation
    from geo.services.export import write_coverage

    done = activate_generation(services.store, services.actor, effective_from=OLD_FROM, now=services.now)
    run.summary["placement"] = {
        "households": {"rows": done.households.rows, "by_basis": dict(done.households.by_basis)},
        "incidents": {"rows": done.incidents.rows, "by_basis": dict(done.incidents.by_basis)},
    }
    run.say(f"  住户 {done.households.by_basis}, 工单 {done.incidents.by_basis}")
    write_coverage(services.lookup.grids(services.actor), run.out / "coverage_repaired.gpkg")


def _score(run: Demonstration, services: Services) -> None:
    from geo.services.score import read_truth, score_households, score_incidents

    truth = run.data / "truth"
    if not truth.is_dir():
        run.summary["truth"] = None
        run.say("  没有真值文件, 跳过")
        return
    with services.store.reading(services.actor) as session:
        generation = session.generation()
        if generation is None:
            raise NotFound("no generation is in force")
        households = score_households(session, generation, read_truth(truth / "households.csv", key="户号"))
        incidents = score_incidents(session, generation, read_truth(truth / "incidents.csv", key="工单编号"))
    run.summary["truth"] = {
        name: {
            "compared": score.compared,
            "matching": score.matching,
            "share": round(score.share, 6),
            "without_place": score.without_place,
            "differing": list(score.differing),
        }
        for name, score in (("households", households), ("incidents", incidents))
    }
    run.say(f"  住户一致 {households.share:.3%}, 工单一致 {incidents.share:.3%}")


# -- merging and publishing -----------------------------------------------------------------------------
def _merge(run: Demonstration, services: Services) -> Proposed:
    from geo.services.propose import MergeRequest, propose_merge, report_of

    request = MergeRequest(groups=GRIDS_AFTER, title="方案一：163 → 114")
    proposed = propose_merge(
        services.store, services.actor, request, settings=services.settings, new_id=services.new_id
    )
    report = report_of(proposed)
    _write_json(run.out / "plan.json", report)
    run.summary["merge"] = {k: report[k] for k in ("units", "groups", "status", "objective", "bound", "gap", "seconds")}
    proven = f"{report['status']} (差距 {report['gap']:.0e}), {report['seconds']:.2f} 秒"
    run.say(f"  {report['units']} → {report['groups']}, {proven}")
    return proposed


def _publish(run: Demonstration, services: Services, proposed: Proposed) -> Published:
    from geo.services.publish import preview_publication, publish_plan

    plan = proposed.plans[0]
    preview = preview_publication(services.store, services.actor, plan.id)
    first = next(c for c in preview.codes if c.is_new)
    run.say(f"  编码预览 {len(preview.codes)} 个, 例如 {first.old_name} → {first.code} {first.name}")
    done = publish_plan(
        services.store,
        services.actor,
        plan.id,
        effective_from=NEW_FROM,
        filing_no=FILING_NO,
        now=services.now,
        new_id=services.new_id,
    )
    entries, head = services.store.verify_journal()
    run.summary["publication"] = {
        "generation": done.generation.serial,
        "base_grids": sum(c.kind.value == "base" for c in done.codes),
        "exclusive_grids": sum(c.kind.value == "exclusive" for c in done.codes),
        "lineage_links": len(done.lineage),
        "workers_standing_by": sum(not m.to_grid for m in done.workers),
        "households_by_basis": dict(done.households.by_basis),
        "journal_entries": entries,
        "journal_head": head,
    }
    return done


def _ask(run: Demonstration, services: Services, published: Published) -> None:
    """Ask one merged grid's place with the grids in force before and after."""
    import shapely

    from geo.crs import CGCS2000

    services.lookup.forget()
    merged = next(k for k in published.lineage if k.change.value == "merge" and k.old_grid_id != k.new_grid_id)
    old = services.lookup.grids(services.actor, as_of=OLD_FROM)
    spot = shapely.point_on_surface(next(g.geometry for g in old if g.id == merged.old_grid_id))
    answers = {
        name: services.lookup.locate(services.actor, spot.x, spot.y, datum=CGCS2000, as_of=day)
        for name, day in (("before", NEW_FROM - dt.timedelta(days=1)), ("after", NEW_FROM))
    }
    run.summary["as_of"] = {
        "lon": spot.x,
        "lat": spot.y,
        **{
            name: answer.grid and {k: answer.grid[k] for k in ("id", "code", "name", "local_code")}
            for name, answer in answers.items()
        },
    }
    names = [answer.grid["name"] if answer.grid else "—" for answer in answers.values()]
    run.say(f"  同一地点: {' → '.join(names)}")


def _papers(run: Demonstration, services: Services) -> None:
    from api.papers import read_picture, write_crosswalk, write_map, write_sheet

    picture = read_picture(services)
    write_map(services, run.out / "map.html", demonstration=True, picture=picture)
    write_sheet(services, run.out / "sheet_A3.pdf", run.out / "sheet_A3.png", demonstration=True, picture=picture)
    write_crosswalk(services, run.out / "crosswalk.xlsx", demonstration=True, picture=picture)
    run.summary["papers"] = ["map.html", "sheet_A3.pdf", "sheet_A3.png", "crosswalk.xlsx"]


def _write_json(path: Path, value: Any) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n", encoding="utf-8")
    part.replace(path)
