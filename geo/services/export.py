"""A coverage as a file for other programs: grids with their codes, names and communities, nothing personal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.formats import Feature, write

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geo.authority import Actor
    from geo.formats.write import Written
    from geo.model import Grid
    from geo.services.lookup import Lookup
    from geo.store.base import Store

__all__ = ["export_grids", "write_coverage"]


def export_grids(lookup: Lookup, store: Store, actor: Actor, path: Path, *, as_of: dt.date | None = None) -> Written:
    """Write the grids in force (on a date), all layers, with the names of their communities.

    Raises
    ------
    NotFound
        No generation is (or was) in force.
    """
    grids = lookup.grids(actor, as_of=as_of)
    with store.reading(actor) as session:
        names = {a.code: a.name for a in session.areas()}
    return write_coverage(grids, path, area_names=names)


def write_coverage(grids: Sequence[Grid], path: Path, *, area_names: Mapping[str, str] | None = None) -> Written:
    """Write grids as .gpkg, .geojson, .kml, .zip, .shp, .csv or .xlsx, by the ending of the path; whole or not at all.

    Parameters
    ----------
    grids : sequence of Grid
        Geometry in CGCS2000 degrees.
    area_names : mapping, optional
        Code → name, for a readable community column.
    """
    names = area_names or {}
    features = [
        Feature(
            row=number,
            name=grid.name,
            geometry=grid.geometry,
            properties={
                "网格编码": grid.code or "",
                "网格名称": grid.name,
                "网格类型": grid.kind.value,
                "原编号": grid.local_code or "",
                "社区": names.get(grid.community_code, grid.community_code),
                "社区代码": grid.community_code,
                "依托单位": grid.owner_unit,
                "标识": grid.id,
            },
        )
        for number, grid in enumerate(grids, start=1)
    ]
    return write(path, features)
