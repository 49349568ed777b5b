"""Commands that make, fill and keep a store: init, import, export, backup, journal, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, commands, day, language, opened, report, say, words
from api.refusals import sentence, told
from geo.errors import Conflict

__all__ = ["backup", "demo", "export", "import_", "init", "register", "upgrade", "verify"]

_SHOWN_ROWS = 20
_ENDINGS = {
    "gpkg": (".gpkg",),
    "geojson": (".geojson", ".json"),
    "kml": (".kml",),
    "shp": (".zip", ".shp"),
    "csv": (".csv",),
    "xlsx": (".xlsx",),
}
_KINDS = (
    "boundaries",
    "exclusive",
    "police",
    "areas",
    "compounds",
    "buildings",
    "households",
    "gridworkers",
    "party",
    "anchors",
    "centres",
    "incidents",
    "places",
    "duties",
    "lines",
)


def init(
    store: Annotated[str, typer.Argument(help=".gpkg 文件或 postgresql+psycopg2://…")],
    county: Annotated[str, typer.Option("--county", help="县级行政区划代码，6 位")],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """新建库 / make a new store."""
    if "://" not in store:
        path = Path(store)
        if path.exists():
            raise Conflict(f"there is a file {path.name} already", code="store-exists", remedy="name another one")
        path.parent.mkdir(parents=True, exist_ok=True)
    with opened(store, county=county, create=True) as services:
        facts = {"store": store, "county": services.store.county_code}
    report(facts, as_json=as_json, lines=[words(f"已建立 {store}，县级代码 {county}", f"made {store} for {county}")])


def _pairs(entries: list[str]) -> dict[str, str]:
    split = [entry.partition("=") for entry in entries]
    if any(not sign or not column for _, sign, column in split):
        raise typer.BadParameter(words("写成 字段=列名", "write field=column"), param_hint="--map")
    return {field.strip(): column.strip() for field, _, column in split}


def import_(
    kind: Annotated[
        str,
        typer.Argument(help=f"资料种类：{', '.join(_KINDS)}"),
    ],
    files: Annotated[list[Path], typer.Argument(help="文件，可多个")],
    datum: Annotated[str | None, typer.Option("--datum", help="cgcs2000, wgs84, gcj02, bd09 或 epsg:NNNN")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="utf-8, gb18030 …")] = None,
    layer: Annotated[str | None, typer.Option("--layer", help="文件内的图层或工作表")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="字段=列名，可重复")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="写入；不加只试读")] = False,  # noqa: FBT002
    accept_refused: Annotated[bool, typer.Option("--accept-refused", help="有拒绝的行也写入其余")] = False,  # noqa: FBT002
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """导入文件；不加 --apply 只试读并报告 / import files, a dry run unless --apply."""
    from geo.services.ingest import ImportRequest, import_files

    request = ImportRequest(
        kind=kind,
        paths=tuple(files),
        datum=datum,
        encoding=encoding,
        layer=layer,
        mapping=_pairs(mapping or []),
        apply=apply,
        accept_refused=accept_refused,
    )
    with opened(store) as services:
        done = import_files(services.store, services.actor, request, settings=services.settings, new_id=services.new_id)
    report(_import_facts(done), as_json=as_json, lines=_import_lines(done, asked=apply))
    if apply and not done.applied:
        typer.echo(
            words(
                f"不能执行 [rows-refused] 有 {len(done.refused)} 行被拒绝，未写入；改正后重来，或加 --accept-refused",
                f"refused [rows-refused] {len(done.refused)} rows refused, nothing written; "
                "correct them or add --accept-refused",
            ),
            err=True,
        )
        raise typer.Exit(1)


def _import_facts(done: Any) -> dict[str, Any]:
    return {
        "kind": done.kind,
        "applied": done.applied,
        "rows_read": done.rows_read,
        "accepted": done.accepted,
        "inserted": done.inserted,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "generation": done.generation_id,
        "proposed_datum": done.proposed_datum or None,
        "files": [
            {
                "file": Path(f.path).name,
                "sha256": f.sha256,
                "format": f.format,
                "encoding": f.encoding,
                "encoding_evidence": f.encoding_evidence,
                "datum": f.datum or None,
                "proposed_datum": f.proposed_datum or None,
                "datum_evidence": list(f.datum_evidence),
                "rows_read": f.rows_read,
                "accepted": f.accepted,
                "warnings": list(f.warnings),
            }
            for f in done.files
        ],
        "refused": [
            {"where": str(r.where), "row": r.where.row, "code": r.code, "message": r.message, "remedy": r.remedy}
            for r in done.refused
        ],
    }


def _import_lines(done: Any, *, asked: bool) -> list[str]:
    lines = []
    for f in done.files:
        lines.append(f"{Path(f.path).name}: {f.format} {f.encoding} {f.datum}".rstrip())
        lines.append(
            words(
                f"  读 {f.rows_read} 行，可用 {f.accepted} 行，拒绝 {len(f.refused)} 行",
                f"  {f.rows_read} rows read, {f.accepted} good, {len(f.refused)} refused",
            )
        )
        if f.proposed_datum:
            lines.append(
                words(
                    f"  建议坐标系 {f.proposed_datum}：确认后加 --datum {f.proposed_datum}",
                    f"  proposed datum {f.proposed_datum}: confirm with --datum {f.proposed_datum}",
                )
            )
            lines += [f"    {sentence(evidence, language())}" for evidence in f.datum_evidence[:3]]
        lines += [f"  ! {sentence(warning, language())}" for warning in f.warnings[:_SHOWN_ROWS]]
        lines += [f"  × {told(r, language())}" for r in f.refused[:_SHOWN_ROWS]]
        if len(f.refused) > _SHOWN_ROWS:
            lines.append(
                words(f"  × 另有 {len(f.refused) - _SHOWN_ROWS} 行", f"  × {len(f.refused) - _SHOWN_ROWS} more")
            )
    if done.applied:
        lines.append(
            words(
                f"已写入：新增 {done.inserted}，更新 {done.updated}，未变 {done.unchanged}",
                f"written: {done.inserted} new, {done.updated} changed, {done.unchanged} unchanged",
            )
        )
    elif not asked:
        lines.append(words("试读，未写入；加 --apply 写入", "dry run, nothing written; add --apply to write"))
    return lines


def export(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="gpkg, geojson, kml, shp, csv, xlsx")],
    out: Annotated[Path, typer.Option("-o", "--out", help="输出文件")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="某日有效的网格")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """导出现行网格 / export the grids in force."""
    from geo.services.export import export_grids

    when = day(as_of, option="--as-of")
    if form not in _ENDINGS:
        raise typer.BadParameter(", ".join(_ENDINGS), param_hint="FORMAT")
    if out.suffix.lower() not in _ENDINGS[form]:
        text = words(f"{form} 文件的结尾应为 {'、'.join(_ENDINGS[form])}", f"a {form} file ends in {_ENDINGS[form][0]}")
        raise typer.BadParameter(text, param_hint="-o")
    with opened(store) as services:
        written = export_grids(services.lookup, services.store, services.actor, out, as_of=when)
    facts = {"out": str(out), "grids": written.features, "losses": list(written.losses)}
    done = words(f"已导出 {written.features} 个网格到 {out}", f"{written.features} grids written to {out}")
    report(facts, as_json=as_json, lines=[done, *(sentence(loss, language()) for loss in written.losses)])


def backup(
    target: Annotated[str, typer.Argument(help="备份文件")],
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """备份库 / write a consistent copy of the store."""
    with opened(store) as services:
        services.store.backup(target)
    report({"backup": target}, as_json=as_json, lines=[words(f"已备份到 {target}", f"copied to {target}")])


def upgrade(
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """升级旧版本建的库，只增不改；先备份 / add what a store of an older version lacks; back it up first."""
    from geo.bootstrap import open_services

    with open_services(store_url=store, upgrade=True) as services:
        added = list(getattr(services.store, "upgraded", ()))
    done = words(f"已升级，新增 {len(added)} 项", f"upgraded, {len(added)} additions")
    none = words("已是最新，无需升级", "up to date, nothing to add")
    report({"added": added}, as_json=as_json, lines=[done if added else none, *(f"  + {name}" for name in added)])


def verify(store: StoreName = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """核对日志链 / recompute the journal's chain of hashes."""
    with opened(store) as services:
        entries, head = services.store.verify_journal()
    report(
        {"entries": entries, "head": head},
        as_json=as_json,
        lines=[words(f"日志完整：{entries} 条，链头 {head}", f"journal whole: {entries} entries, head {head}")],
    )


def demo(
    out: Annotated[Path, typer.Option("--out", help="输出目录")] = Path("var/demo"),
    data: Annotated[Path | None, typer.Option("--data", help="演示数据目录")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="另造一个演示县")] = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="做完后打开服务")] = True,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """演示：读取、检查修复、落格、合并、发布、出图 / the whole main job on the demonstration county."""
    from api.cli.demo import run_demo

    run_demo(out=out, data=data, seed=seed, serve=serve, as_json=as_json, say=say)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("demo")(demo)
    app.command("init")(init)
    app.command("import")(import_)
    app.command("export")(export)
    app.command("backup")(backup)
    app.command("upgrade")(upgrade)
    journal = commands("日志 / the journal")
    journal.command("verify")(verify)
    app.add_typer(journal, name="journal")
