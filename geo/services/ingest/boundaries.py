"""Polygons of files → grids of the collecting generation: names, local numbers, communities, identities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import shapely

from geo.formats.numerals import grid_key, normalise
from geo.model import Area, Grid, GridKind
from geo.services.ingest.reading import RowReader, RowRefused
from geo.services.naming import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.formats import Feature
    from geo.services.ingest.records import County

__all__ = ["GRID_KINDS", "Drawn", "draw_base", "draw_overlay", "join_roster"]

_AREAL = 2

GRID_KINDS: Mapping[str, GridKind] = {
    "boundaries": GridKind.BASE,
    "exclusive": GridKind.EXCLUSIVE,
    "police": GridKind.POLICE,
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A grid as a file gives it: identity facts, and a geometry that is still in the file's numbers (or None)."""

    key: str
    name: str
    community_code: str
    local_code: str | None
    code: str | None
    geometry: Any
    owner_unit: str = ""
    department: str = ""

    def grid(self, county: County, kind: GridKind, known: Mapping[str, str]) -> Grid:
        """Return the grid under its known identity, or under a new one."""
        return Grid(
            id=known.get(self.key) or county.new_id(),
            county_code=county.code,
            kind=kind,
            name=self.name,
            community_code=self.community_code,
            geometry=self.geometry,
            code=self.code,
            local_code=self.local_code,
            source_key=self.key,
            owner_unit=self.owner_unit,
            department=self.department,
        )


def draw_base(row: RowReader, county: County, file: str) -> Drawn:
    """Read one base grid: the community stands in a column, in the folder's name or in the file's."""
    geometry = _polygon(row)
    name = row.text("name") or normalise(row.feature.name)
    named, number, _ = grid_key(name)
    local = row.text("local_code") or (str(number) if number is not None else "")
    area = _community(row, county, file, named)
    if not name and not local:
        raise RowRefused("the polygon has no name", code="name-missing", remedy="name it, e.g. 第一网格")
    number = grid_key(local)[1] if local else None
    key = f"{area.code}/{number if number is not None else plain_text(local or name)}"
    return Drawn(key, name, area.code, local or None, row.text("code") or None, geometry)


def _community(row: RowReader, county: County, file: str, named: str) -> Area:
    town = row.text("town")
    for text in (row.text("community"), named, row.feature.layer, PurePath(file).stem):
        found = county.communities.find(text, town=town) if text else None
        if found is not None:
            return found
    raise RowRefused(
        "neither column, folder nor file name tells the community",
        code="community-unknown",
        remedy="name the folder after the community, or say --map community=COLUMN",
    )


def _polygon(row: RowReader) -> Any:
    geometry = row.feature.geometry
    if geometry is None or shapely.is_empty(geometry):
        raise RowRefused("the feature has no polygon", code="geometry-missing", remedy="draw it as a closed area")
    if shapely.get_dimensions(geometry) != _AREAL:
        raise RowRefused(
            "a line or point stands where an area is needed",
            code="geometry-not-area",
            remedy="close the line to an area",
        )
    return geometry


def draw_overlay(row: RowReader, county: County) -> Drawn:
    """Read one row or outline of an overlay grid; either half may be missing until `join_roster`."""
    key = row.text("key") or normalise(row.feature.name)
    name = row.text("name")
    if not key and not name:
        raise RowRefused("neither number nor name is given", code="name-missing", remedy="fill 编号 or 名称 in")
    area = county.communities.find(row.text("community"), town=row.text("town"))
    return Drawn(
        key=key or name,
        name=name,
        community_code=area.code if area else "",
        local_code=row.text("key") or None,
        code=row.text("code") or None,
        geometry=None if row.feature.geometry is None else _polygon(row),
        owner_unit=row.text("owner_unit"),
        department=row.text("department"),
    )


def join_roster(
    drawn: Sequence[tuple[Drawn, Feature, str]],
) -> tuple[list[tuple[Drawn, Feature, str]], list[tuple[str, Feature, str]]]:
    """Join roster rows (no geometry) and outlines (little else) that carry one number.

    Parameters
    ----------
    drawn : sequence of (Drawn, Feature, file)

    Returns
    -------
    joined : list of (Drawn, Feature, file)
        Complete grids, in order of first appearance.
    left : list of (reason, Feature, file)
        Halves that found no other half.
    """
    rows: dict[str, tuple[Drawn, Feature, str]] = {}
    shapes: dict[str, tuple[Drawn, Feature, str]] = {}
    for item in drawn:
        (shapes if item[0].geometry is not None else rows)[item[0].key] = item
    joined: list[tuple[Drawn, Feature, str]] = []
    left: list[tuple[str, Feature, str]] = []
    for key, (outline, feature, file) in shapes.items():
        row = rows.pop(key, None)
        if row is not None:
            joined.append((replace(row[0], geometry=outline.geometry), feature, file))
        elif outline.name and outline.community_code:
            joined.append((outline, feature, file))
        else:
            left.append((f"outline {key} has no row in a roster", feature, file))
    left += [(f"row {key} has no outline", feature, file) for key, (_, feature, file) in rows.items()]
    return joined, left
