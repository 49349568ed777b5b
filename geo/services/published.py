"""One generation made ready for questions: its grids, their indexes and the areas they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.crs import Metric, metric_for
from geo.locate import GridIndex
from geo.model import Area, AreaKind, Generation, Grid, GridKind, Json
from geo.topology import close_slits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geo.store.base import Session

__all__ = ["PublishedCoverage", "community_names", "extent_of", "load_coverage", "metric_of"]


@dataclass(frozen=True, slots=True)
class PublishedCoverage:
    """A generation in memory. Grids stand in position order; positions are what the indexes answer.

    `overlay` holds every grid that is not a base grid; it is looked up besides the base layer.
    """

    generation: Generation
    base: tuple[Grid, ...]
    overlay: tuple[Grid, ...]
    base_index: GridIndex
    overlay_index: GridIndex | None
    areas: Mapping[str, Area]
    metric: Metric
    ids: NDArray[np.object_]
    codes: NDArray[np.object_]

    def describe_grid(self, grid: Grid) -> Json:
        """Return the public facts of a grid: id, code, name, local number."""
        return {
            "id": grid.id,
            "code": grid.code,
            "name": grid.name,
            "local_code": grid.local_code,
            "kind": grid.kind.value,
            "owner_unit": grid.owner_unit or None,
        }

    def describe_area(self, code: str | None) -> Json | None:
        """Return code and name of an area, None where it is not known."""
        area = self.areas.get(code or "")
        return {"code": area.code, "name": area.name} if area else None

    def describe_generation(self) -> Json:
        """Return id, serial and effective date of the generation answered with."""
        effective = self.generation.effective_from
        return {
            "id": self.generation.id,
            "serial": self.generation.serial,
            "effective_from": effective.isoformat() if effective else None,
        }

    def town_code(self, community_code: str) -> str:
        """Return the nine-digit code of the town a community belongs to."""
        area = self.areas.get(community_code)
        return (area.parent_code if area and area.parent_code else community_code[:9]) or ""


def metric_of(grids: Sequence[Grid]) -> Metric:
    """Return the metric plane of the county the grids lie in."""
    west, _, east, _ = shapely.total_bounds([g.geometry for g in grids])
    return metric_for((west + east) / 2)


def community_names(areas: Mapping[str, Area]) -> dict[str, str]:
    """Return code → name of every area."""
    return {code: area.name for code, area in areas.items()}


def extent_of(areas: Sequence[Area], communities: set[str]) -> Any | None:
    """Return the declared extent: the union of the outlines of the communities that hold base grids.

    Outlines drawn apart leave slits between them; a slit that would be refused as a gap between grids is no land
    of its own and is closed, so that grids are found to miss it. None where any community has no outline: then
    nothing is declared and the union of the grids rules.
    """
    leaves = (AreaKind.COMMUNITY, AreaKind.VILLAGE, AreaKind.FOREST_CENTRE)
    outlines = {a.code: a.geometry for a in areas if a.kind in leaves and a.geometry is not None}
    if not communities or not communities <= outlines.keys():
        return None
    return close_slits(shapely.union_all([outlines[code] for code in sorted(communities)]))


def load_coverage(session: Session, generation: Generation) -> PublishedCoverage:
    """Read a generation and build its indexes.

    Base grids must form a coverage (they did when the generation was activated); overlays may overlap.
    """
    grids = session.grids(generation.id)
    base = tuple(g for g in grids if g.kind is GridKind.BASE)
    overlay = tuple(g for g in grids if g.kind is not GridKind.BASE)
    return PublishedCoverage(
        generation=generation,
        base=base,
        overlay=overlay,
        base_index=GridIndex.from_polygons([g.geometry for g in base]),
        overlay_index=GridIndex.from_polygons([g.geometry for g in overlay], strict=False) if overlay else None,
        areas={a.code: a for a in session.areas()},
        metric=metric_of(grids),
        ids=np.array([g.id for g in base] + [""], dtype=object),
        codes=np.array([g.code or g.local_code or "" for g in base] + [""], dtype=object),
    )
