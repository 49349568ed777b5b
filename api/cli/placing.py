"""Commands that place things: locate one point or address, assign many, recode somebody's table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.frame import AsJson, StoreName, day, language, opened, progress_line, report, words
from api.refusals import sentence, term

if TYPE_CHECKING:
    from geo.assign import AssignReport
    from geo.bootstrap import Services
    from geo.model import Placement

__all__ = ["assign", "locate", "recode", "register"]

_SHOWN = 20

Datum = Annotated[str | None, typer.Option("--datum", help="坐标系：cgcs2000, wgs84, gcj02, bd09 或 epsg:NNNN")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="按某日有效的网格回答，写成 2025-07-01")]


# -- one question ----------------------------------------------------------------------------------------
def locate(
    lon: Annotated[float | None, typer.Argument(help="经度（或东坐标）")] = None,
    lat: Annotated[float | None, typer.Argument(help="纬度（或北坐标）")] = None,
    datum: Datum = None,
    accuracy_m: Annotated[float | None, typer.Option("--accuracy-m", help="定位精度，米")] = None,
    address: Annotated[str | None, typer.Option("--address", help="地址、小区、楼号或地名")] = None,
    as_of: AsOf = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """查一个点或一个地址在哪个网格 / which grid a point or an address lies in."""
    when = day(as_of, option="--as-of")
    point = _point_of(lon, lat, datum, address)
    with opened(store) as services:
        if point is None:
            placement, question = services.lookup.by_address(services.actor, address or "", when), ""
        elif address:
            placement, question = _both(services, point, address, datum, accuracy_m, when)
        else:
            placement, question = _by_point(services, point, datum, accuracy_m, when), ""
    facts = {**asdict(placement), "question": question} if question else asdict(placement)
    report(facts, as_json=as_json, lines=[*_placement_lines(placement), *([question] if question else [])])


def _point_of(
    lon: float | None, lat: float | None, datum: str | None, address: str | None
) -> tuple[float, float] | None:
    """Return the point asked for, None where only an address is; anything else is wrong usage."""
    if lon is not None and lat is not None:
        if datum is None:
            text = words(
                "坐标必须注明坐标系，例如 --datum gcj02（微信、高德）或 wgs84（手机 GPS）",
                "a coordinate needs its datum, e.g. --datum gcj02 or wgs84",
            )
            raise typer.BadParameter(text, param_hint="--datum")
        return lon, lat
    if lon is not None or not address:
        text = words("写成 locate 经度 纬度 --datum D，或 --address 地址", "give LON LAT --datum D, or --address TEXT")
        raise typer.BadParameter(text)
    return None


def _by_point(
    services: Services, point: tuple[float, float], datum: str | None, accuracy_m: float | None, when: Any
) -> Placement:
    from geo.crs import parse_datum

    return services.lookup.locate(services.actor, *point, datum=parse_datum(datum), accuracy_m=accuracy_m, as_of=when)


def _both(
    services: Services,
    point: tuple[float, float],
    address: str,
    datum: str | None,
    accuracy_m: float | None,
    when: Any,
) -> tuple[Placement, str]:
    from geo.crs import parse_datum
    from geo.services.dispatch import place_incident

    found = place_incident(
        services.lookup,
        services.actor,
        lon=point[0],
        lat=point[1],
        datum=parse_datum(datum),
        text=address,
        accuracy_m=accuracy_m,
        as_of=when,
    )
    note = found.question
    if found.agree is False:
        hint = words(f"；按 {found.reconciled_by} 则一致", f"; they agree as {found.reconciled_by}")
        note = words("坐标与地址不一致", "point and address disagree") + (hint if found.reconciled_by else "")
    return found.placement, note


def _basis(word: str) -> str:
    return term("basis", word, language())


def _placement_lines(placement: Placement) -> list[str]:
    lines = []
    if placement.grid:
        place = "".join(str(a["name"]) for a in (placement.town, placement.community) if a)
        lines.append(f"{placement.grid['name']}  {placement.grid['code'] or placement.grid['local_code']}  {place}")
    else:
        lines.append(words("不在任何基础网格内", "in no base grid"))
    lines += [
        words("专属网格：", "exclusive grid: ") + f"{g['name']}  {g['code'] or ''} {g.get('owner_unit') or ''}".rstrip()
        for g in placement.exclusive
    ]
    far = placement.distance_to_boundary_m
    lines.append(
        words("依据", "basis")
        + f" {_basis(placement.basis.value)}"
        + ("" if far is None else words("，距界 ", ", boundary at ") + f"{far:.1f} m")
    )
    if placement.ambiguous and placement.candidates:
        named = "、".join(str(g["name"]) for g in placement.candidates)
        lines.append(words("也可能是：", "may also be: ") + named)
    if placement.responsible:
        lines.append(" ".join(str(placement.responsible[k]) for k in ("role", "name") if placement.responsible.get(k)))
    return [*lines, *(sentence(note, language()) for note in placement.notes)]


# -- many --------------------------------------------------------------------------------------------------
def assign(
    grids: Annotated[Path | None, typer.Option("--grids", help="网格面文件；不写则对库重新落格")] = None,
    points: Annotated[Path | None, typer.Option("--points", help="点文件：CSV, Parquet 或 GeoPackage")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="结果，.csv 或 .parquet")] = None,
    datum: Datum = None,
    point_id: Annotated[str | None, typer.Option("--id", help="点的编号列")] = None,
    lon: Annotated[str | None, typer.Option("--lon", help="经度列")] = None,
    lat: Annotated[str | None, typer.Option("--lat", help="纬度列")] = None,
    grid_id: Annotated[str | None, typer.Option("--grid-id", help="网格的编号列；不写用序号，从 0 起")] = None,
    grids_datum: Annotated[str | None, typer.Option("--grids-datum", help="网格文件的坐标系；默认用文件声明的")] = None,
    grids_layer: Annotated[str | None, typer.Option("--grids-layer")] = None,
    layer: Annotated[str | None, typer.Option("--layer", help="点文件内的图层")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding")] = None,
    cluster: Annotated[str | None, typer.Option("--cluster", help="Dask 调度器地址，或 local")] = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """批量落格：文件对文件，或对库重新落格 / place many points: file to file, or the store anew."""
    if grids is None and points is None:
        _assign_store(store, as_json=as_json)
        return
    if grids is None or points is None or out is None or point_id is None:
        text = words("文件落格需要 --grids、--points、--id 和 -o", "placing files needs --grids, --points, --id and -o")
        raise typer.BadParameter(text)
    question: dict[str, Any] = {
        "grids": grids,
        "points": points,
        "out": out,
        "datum": datum,
        "point_id": point_id,
        "lon": lon,
        "lat": lat,
        "grid_id": grid_id,
        "grids_datum": grids_datum,
        "grids_layer": grids_layer,
        "progress": progress_line,
    }
    if cluster is None:
        from geo.assign import assign_file

        done = assign_file(**question, points_layer=layer, encoding=encoding)
    else:
        from geo.assign import assign_on_cluster

        if lon is None or lat is None:
            raise typer.BadParameter(words("集群落格需要 --lon 和 --lat", "a cluster needs --lon and --lat"))
        done = assign_on_cluster(cluster, **question)
    _report_assigned(done, out, as_json=as_json)


def _report_assigned(done: AssignReport, out: Path, *, as_json: bool) -> None:
    for row in done.bad:
        reason = sentence(row.reason, language())
        typer.echo(words(f"第 {row.row} 行：{reason}", f"row {row.row}: {reason}"), err=True)
    if done.invalid > len(done.bad):
        more = done.invalid - len(done.bad)
        typer.echo(words(f"… 另有 {more} 行", f"… {more} more rows"), err=True)
    for warning in done.warnings:
        typer.echo(f"! {sentence(warning, language())}", err=True)
    summary = words(
        f"{done.rows} 行：落格 {done.placed}，界外 {done.outside}，坐标无效 {done.invalid} → {out}",
        f"{done.rows} rows: {done.placed} placed, {done.outside} outside, {done.invalid} invalid → {out}",
    )
    report({**asdict(done), "out": str(out)}, as_json=as_json, lines=[summary])


def _assign_store(store: str | None, *, as_json: bool) -> None:
    from geo.services.coverage import reassign

    with opened(store) as services:
        homes, incidents = reassign(services.store, services.actor, progress=progress_line)
    facts = {"households": dict(homes.by_basis), "incidents": dict(incidents.by_basis)}
    lines = [
        words(label, name)
        + " "
        + words("、", ", ").join(f"{_basis(b)} {n}" for b, n in sorted(placed.by_basis.items()))
        for label, name, placed in (("住户", "households", homes), ("工单", "incidents", incidents))
    ]
    report(facts, as_json=as_json, lines=lines)


# -- somebody's table -----------------------------------------------------------------------------------------
def recode(
    file: Annotated[Path, typer.Argument(help="含旧编码或旧网格名称的表")],
    column: Annotated[str, typer.Option("--column", help="旧编码、原编号或名称所在列")],
    out: Annotated[Path, typer.Option("-o", "--out", help="输出 .xlsx 或 .csv")],
    address: Annotated[str | None, typer.Option("--address", help="地址列：旧网格被拆分时据此判断")] = None,
    community: Annotated[str | None, typer.Option("--community", help="社区列：名称只在社区内唯一")] = None,
    as_of: AsOf = None,
    store: StoreName = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """旧编码换新编码：给表加上新编码和名称 / append new codes and names to a table with old ones."""
    from geo.services.recode import recode_table

    when = day(as_of, option="--as-of")
    with opened(store) as services:
        done = recode_table(
            services.store,
            services.actor,
            file,
            column=column,
            out=out,
            address_column=address,
            community_column=community,
            as_of=when,
            address_grid=lambda text: _grid_of_address(services, text),
        )
    undecided = [
        {"row": u.row, "value": u.value, "reason": u.reason, "candidates": list(u.candidates)} for u in done.undecided
    ]
    facts = {
        "out": str(out),
        "rows": len(done.rows),
        "decided": done.decided,
        "by_address": done.by_address,
        "undecided": undecided,
    }
    lines = [
        words(
            f"{len(done.rows)} 行，已定 {done.decided}（按地址 {done.by_address}）→ {out}",
            f"{len(done.rows)} rows, {done.decided} decided ({done.by_address} by address) → {out}",
        )
    ]
    lines += [
        words(f"  第 {u.row} 行 {u.value}：{u.reason}", f"  row {u.row} {u.value}: {sentence(u.reason, language())}")
        + (f" [{'、'.join(u.candidates)}]" if u.candidates else "")
        for u in done.undecided[:_SHOWN]
    ]
    report(facts, as_json=as_json, lines=lines)


def _grid_of_address(services: Services, text: str) -> str | None:
    placement = services.lookup.by_address(services.actor, text)
    return str(placement.grid["id"]) if placement.grid and not placement.ambiguous else None


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("locate")(locate)
    app.command("assign")(assign)
    app.command("recode")(recode)
