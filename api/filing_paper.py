"""The filing table (备案表) with its cross-reference, for everybody: workers by surname alone, no phone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from api.papers import county_view, read_picture
from geo.model import GridKind
from geo.services.report import changes_between
from maps.filing import FilingRow, Heading, filing_workbook
from maps.view import PaperState

if TYPE_CHECKING:
    from pathlib import Path

    from geo.bootstrap import Services
    from geo.model import Grid
    from geo.services.facts import GridFacts
    from geo.services.report import Picture

__all__ = ["write_filing"]

_HECTARE_M2 = 10_000.0


def write_filing(services: Services, path: Path) -> None:
    """Write the filing table of the grids in force: base grids, then exclusive grids on a sheet of their own.

    Raises
    ------
    NotFound
        No generation is in force.
    """
    picture = read_picture(services)
    view = county_view(services, picture)
    changes = changes_between(services.store, services.actor, picture)
    old: dict[str, list[str]] = {}
    workers: dict[str, str] = {}
    for change in changes:
        old.setdefault(change.new_code, []).append(change.old_name)
        workers[change.new_code] = change.new_worker
    metric = services.lookup.coverage(services.actor).metric
    rows = [replace(_row(picture, f), area_ha=metric.area_m2(f.grid.geometry) / _HECTARE_M2) for f in picture.after]
    rows = [replace(r, worker=workers.get(r.code, ""), old="、".join(old.get(r.code, ()))) for r in rows]
    rows += [_overlay(picture, g) for g in picture.overlay if g.kind is GridKind.EXCLUSIVE]
    heading = Heading(
        title=f"{view.county_name}网格备案表",
        unit=view.compiled_by,
        filled_on=view.drawn_on,
        basis=view.household_basis,
        data_as_of=view.data_as_of,
        demonstration=view.demonstration,
        state="" if view.state is PaperState.APPROVED else "讨论稿",
    )
    filing_workbook(rows, (), path, heading=heading)


def _row(picture: Picture, facts: GridFacts) -> FilingRow:
    grid = facts.grid
    return FilingRow(
        town=picture.town(grid.community_code),
        community=picture.community(grid.community_code),
        code=grid.code or grid.local_code or "",
        name=grid.name,
        buildings=facts.buildings,
        households=facts.reach.households,
        persons=facts.persons,
        part_time=facts.part_time,
        anchors=facts.reach.anchors,
    )


def _overlay(picture: Picture, grid: Grid) -> FilingRow:
    return FilingRow(
        town=picture.town(grid.community_code),
        community=picture.community(grid.community_code),
        code=grid.code or "",
        name=grid.name,
        kind="专属网格",
        note=grid.owner_unit,
    )
