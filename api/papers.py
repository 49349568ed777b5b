"""From the county's picture to its papers: plain values for the map room, and files written whole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from geo.model import ChangeKind, GridKind
from geo.services.report import Picture, changes_between, county_picture
from maps.view import AreaView, BuildingView, CountyView, Edition, GridView, LineKind, LineView, PaperState, PointView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geo.bootstrap import Services
    from geo.model import Grid
    from geo.services.facts import GridFacts

__all__ = ["county_view", "read_picture", "write_crosswalk", "write_map", "write_sheet"]

# Words of the change kinds as the cross-reference prints them.
_CHANGES = {
    ChangeKind.KEEP: "保留",
    ChangeKind.MERGE: "合并",
    ChangeKind.SPLIT: "拆分",
    ChangeKind.CREATE: "新设",
    ChangeKind.ABOLISH: "撤销",
    ChangeKind.ADJUST: "调整",
}
_TITLE = "{county}基础网格优化前后对比图"


def county_view(
    services: Services,
    picture: Picture,
    *,
    demonstration: bool = False,
    edition: Edition = Edition.INTERNAL,
    approval_no: str = "",
) -> CountyView:
    """Return the plain values a county's papers are drawn from.

    Parameters
    ----------
    picture : Picture
        One county before and after.
    demonstration : bool
        Print 演示数据 on everything.
    """
    county = next((a.name for a in picture.areas.values() if a.kind.value == "county"), picture.county_code)
    members = picture.members()
    change = {k.new_grid_id: k.change for k in picture.lineage}
    before, after = picture.before_generation, picture.after_generation
    today = services.now().astimezone(ZoneInfo(services.settings.timezone)).date()
    return CountyView(
        title=_TITLE.format(county=county) if before else f"{county}基础网格分布图",
        county_name=county,
        county_code=picture.county_code,
        before=tuple(_grid(picture, f) for f in picture.before),
        after=tuple(_grid(picture, f, members.get(f.grid.id, ()), change.get(f.grid.id)) for f in picture.after),
        exclusive=tuple(_overlay(picture, g) for g in picture.overlay if g.kind is GridKind.EXCLUSIVE),
        areas=tuple(
            AreaView(code=a.code, name=a.name, kind=a.kind.value, parent=a.parent_code or "", geometry=a.geometry)
            for a in picture.areas.values()
        ),
        lines=tuple(
            LineView(kind=LineKind(row["kind"]), geometry=row["geometry"], name=row["name"] or "")
            for row in picture.lines
            if row["kind"] in set(LineKind)
        ),
        buildings=tuple(BuildingView(geometry=row["geometry"], name=row["number"] or "") for row in picture.buildings),
        anchors=tuple(PointView(lon=r["lon"], lat=r["lat"]) for r in picture.anchors if r["lon"] is not None),
        centres=tuple(
            PointView(lon=r["lon"], lat=r["lat"], name=r["name"], planned=bool(r["planned"])) for r in picture.centres
        ),
        anchor_distance_m=services.settings.anchor_distance_m,
        data_as_of=after.effective_from,
        before_as_of=before.effective_from if before else None,
        after_as_of=after.effective_from,
        drawn_on=today,
        compiled_by=f"{county}网格化服务管理中心",
        demonstration=demonstration or services.settings.demonstration,
        edition=edition,
        approval_no=approval_no or services.settings.map_approval_no,
        state=PaperState.APPROVED if after.filing_no else PaperState.DISCUSSION,
    )


def _grid(picture: Picture, facts: GridFacts, members: Sequence[Grid] = (), change: object = None) -> GridView:
    grid, reach = facts.grid, facts.reach
    return GridView(
        id=grid.id,
        name=grid.name,
        code=grid.code or grid.local_code or "",
        community=picture.community(grid.community_code),
        town=picture.town(grid.community_code),
        geometry=grid.geometry,
        households=reach.households,
        persons=facts.persons,
        full_time=reach.full_time,
        professional=facts.professional,
        part_time=facts.part_time,
        party_groups=reach.party_groups,
        anchors=reach.anchors,
        near_share=reach.near_share,
        linked_share=reach.linked_share,
        members=tuple(m.name for m in members),
        member_ids=tuple(m.id for m in members),
        change=change,  # type: ignore[arg-type]
    )


def _overlay(picture: Picture, grid: Grid) -> GridView:
    return GridView(
        id=grid.id,
        name=grid.name,
        code=grid.code or "",
        community=picture.community(grid.community_code),
        town=picture.town(grid.community_code),
        geometry=grid.geometry,
        kind=grid.kind,
        owner_unit=grid.owner_unit,
    )


def read_picture(services: Services) -> Picture:
    """Read once what several papers of the county are made from."""
    return county_picture(services.store, services.actor, distance_m=services.settings.anchor_distance_m)


def _view(services: Services, picture: Picture | None, *, demonstration: bool) -> CountyView:
    return county_view(services, picture or read_picture(services), demonstration=demonstration)


def write_map(
    services: Services, path: Path, *, lang: str = "zh", demonstration: bool = False, picture: Picture | None = None
) -> None:
    """Write the interactive page of the county, before and after, fully offline."""
    from maps.interactive import county_page

    county_page(_view(services, picture, demonstration=demonstration), path, lang=lang)


def write_sheet(
    services: Services,
    pdf: Path,
    png: Path,
    *,
    lang: str = "zh",
    demonstration: bool = False,
    town: str | None = None,
    picture: Picture | None = None,
) -> None:
    """Write the A3 sheet of the county (or one town) before and after, as PDF and PNG."""
    from maps.sheet import before_after_sheet, town_sheet

    view = _view(services, picture, demonstration=demonstration)
    if town is None:
        before_after_sheet(view, pdf, png, lang=lang)
    else:
        town_sheet(view, town, pdf, png, lang=lang)


def write_crosswalk(
    services: Services, path: Path, *, demonstration: bool = False, picture: Picture | None = None
) -> None:
    """Write the cross-reference of old and new grids (变更对照表)."""
    from maps.filing import CrosswalkRow, Heading, crosswalk_workbook

    picture = picture or read_picture(services)
    view = county_view(services, picture, demonstration=demonstration)
    heading = Heading(
        title=f"{view.county_name}网格变更对照表",
        unit=view.compiled_by,
        filled_on=view.drawn_on,
        basis=view.household_basis,
        data_as_of=view.data_as_of,
        demonstration=view.demonstration,
        state="" if view.state is PaperState.APPROVED else "讨论稿",
    )
    rows = [
        CrosswalkRow(
            town=c.town,
            community=c.community,
            old_code=c.old_code,
            old_name=c.old_name,
            new_code=c.new_code,
            new_name=c.new_name,
            buildings=c.buildings,
            households=c.households,
            old_worker=c.old_worker,
            new_worker=c.new_worker,
            change=_CHANGES[c.change],
            effective=picture.after_generation.effective_from,
        )
        for c in changes_between(services.store, services.actor, picture)
    ]
    crosswalk_workbook(rows, path, heading=heading)
