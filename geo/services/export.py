"""A coverage as a file for other programs: grids with their codes, names and communities, nothing personal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.formats import Feature, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geo.model import Grid

__all__ = ["write_coverage"]


def write_coverage(grids: Sequence[Grid], path: Path, *, area_names: Mapping[str, str] | None = None) -> None:
    """Write grids as .gpkg, .geojson, .kml, .zip (shapefile) or .csv, by the ending of the path; whole or not at all.

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
    write(path, features)
