"""The layers that lie over or under the grids of a county page, as JSON-ready values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from maps import palette
from maps.packing import MILLIONTHS
from maps.themes import FIELDS
from maps.view import CountyView, Edition, GridView, LineKind, LineView, core_grids, streets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.crs import Metric
    from maps.packing import Packer
    from maps.words import Words

__all__ = ["Overlays"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overlays:
    """Builds the overlay sets of one view; empty sets are left out."""

    view: CountyView
    words: Words
    packer: Packer
    metric: Metric

    def listed(self) -> list[Json]:
        """Return the sets in drawing order, each with its items; internal editions alone carry points."""
        view, w = self.view, self.words
        sets = [
            self._outlines(
                "old",
                "old_line",
                self._removed_lines(),
                {"color": "#7B3F00", "weight": 1.6, "dashArray": "5 4", "pane": "old"},
            ),
            self._outlines(
                "boundary",
                "boundary_lines",
                self._parent_lines(),
                {"color": palette.COMMUNITY_LINE, "weight": 2.8, "pane": "outlines"},
            ),
            *self._lines(),
            self._buildings(),
            self._exclusive(),
        ]
        if view.edition is Edition.INTERNAL:
            sets += [
                self._spots("anchors", "anchor_household", 4, palette.ANCHOR),
                self._spots("centres", "service_centre", 7, "#1B4F9C"),
            ]
            if view.households:
                items = [{"p": [self.packer.spot(lon, lat)]} for lon, lat in view.households]
                style = {
                    "color": "#555555",
                    "weight": 0,
                    "stroke": False,
                    "radius": 1.6,
                    "fillColor": "#555555",
                    "fillOpacity": 0.8,
                    "pane": "blocks",
                }
                sets.append(
                    {
                        "id": "household-points",
                        "name": w("household_point"),
                        "legend": w("household_point"),
                        "form": "spot",
                        "canvas": True,
                        "on": False,
                        "style": style,
                        "items": items,
                    }
                )
        return [one for one in sets if one["items"]]

    def _outlines(self, identity: str, word: str, geometries: Sequence[Any], style: Json) -> Json:
        items = [{"p": self.packer.lines(g)} for g in geometries if not shapely.is_empty(g)]
        name = self.words(word)
        return {
            "id": identity,
            "name": name,
            "legend": name,
            "form": "line",
            "on": identity == "boundary",
            "style": style,
            "items": items,
        }

    def _parent_lines(self) -> list[Any]:
        """Outlines of communities, towns and, where known, of the county."""
        grids = self.view.after or self.view.before
        keys = dict.fromkeys((g.town, g.community) for g in grids)
        shapes = [shapely.union_all([g.geometry for g in grids if (g.town, g.community) == k]) for k in keys]
        county = [a.geometry for a in self.view.areas if a.kind == "county" and a.geometry is not None]
        return [shapely.line_merge(shapely.union_all(shapely.boundary(np.array([*shapes, *county], dtype=object))))]

    def _removed_lines(self) -> list[Any]:
        """Lines between old grids that no new grid has."""
        if not self.view.before or not self.view.after:
            return []
        old = shapely.union_all(shapely.boundary(np.array([g.geometry for g in self.view.before], dtype=object)))
        new = shapely.union_all(shapely.boundary(np.array([g.geometry for g in self.view.after], dtype=object)))
        return [shapely.line_merge(shapely.difference(old, new))]

    def _lines(self) -> list[Json]:
        styles: dict[LineKind, Json] = {
            LineKind.ROAD: {"color": "#D9CDB8", "weight": 5, "opacity": 1, "pane": "ground"},
            LineKind.RIVER: {"color": palette.RIVER, "weight": 8, "opacity": 0.9, "pane": "ground"},
            LineKind.RAIL: {"color": palette.RAIL, "weight": 2.5, "dashArray": "9 5", "opacity": 0.9, "pane": "ground"},
        }
        joined = streets(self.view.lines)
        cores = [
            core_grids([g for g in (*self.view.before, *self.view.after) if g.town == town], self.metric)
            for town in self.view.towns()
        ]
        frames = [shapely.total_bounds([g.geometry for g in core]) for core in cores]
        out = []
        for kind, style in styles.items():
            items = [self._line(line, frames) for line in joined if line.kind is kind]
            name = self.words(kind.value)
            out.append(
                {
                    "id": kind.value,
                    "name": name,
                    "legend": name,
                    "form": "line",
                    "on": True,
                    "style": style,
                    "items": items,
                }
            )
        return out

    def _line(self, line: LineView, frames: Sequence[Any]) -> Json:
        """Return a line with a place for its name in each town it runs through."""
        item: Json = {"p": self.packer.lines(line.geometry)}
        if not line.name:
            return item
        spots = []
        for frame in frames:
            inside = shapely.get_parts(shapely.clip_by_rect(line.geometry, *frame))
            if len(inside):
                longest = inside[int(np.argmax(self.metric.length_m(inside)))]
                x, y = shapely.get_coordinates(shapely.line_interpolate_point(longest, 0.5, normalized=True))[0]
                west, south, east, north = longest.bounds
                spots.append(
                    [*self.packer.spot(x, y), round((east - west) * MILLIONTHS), round((north - south) * MILLIONTHS)]
                )
        return {**item, "n": line.name, "t": spots}

    def _buildings(self) -> Json:
        style = {
            "color": "#8F887B",
            "weight": 0.6,
            "fillColor": palette.BUILDING,
            "fillOpacity": 0.75,
            "pane": "blocks",
        }
        items = [{"p": self.packer.polygons(b.geometry)} for b in self.view.buildings]
        name = self.words("building")
        return {
            "id": "buildings",
            "name": name,
            "legend": name,
            "form": "polygon",
            "canvas": True,
            "on": True,
            "style": style,
            "items": items,
        }

    def _exclusive(self) -> Json:
        style = {
            "color": "#1B4F9C",
            "weight": 1.8,
            "dashArray": "4 3",
            "fillColor": "#1B4F9C",
            "fillOpacity": 0.12,
            "pane": "exclusive",
            "className": "grid-exclusive",
        }
        items = [{"p": self.packer.polygons(g.geometry), "v": self._exclusivetooltip(g)} for g in self.view.exclusive]
        name = f"{self.words('exclusive_grid')}({len(items)})"
        return {
            "id": "exclusive",
            "name": name,
            "legend": self.words("exclusive_grid"),
            "form": "polygon",
            "on": False,
            "style": style,
            "items": items,
        }

    def _exclusivetooltip(self, grid: GridView) -> list[str | None]:
        values: list[str | None] = [None] * len(FIELDS)
        for name, value in (
            ("code", grid.code),
            ("community", grid.community),
            ("town", grid.town),
            ("owner_unit", grid.owner_unit),
        ):
            values[FIELDS.index(name)] = value
        return [grid.name, *values]

    def _spots(self, identity: str, word: str, radius: int, colour: str) -> Json:
        points = getattr(self.view, identity)
        style = {
            "color": "#FFFFFF",
            "weight": 1,
            "radius": radius,
            "fillColor": colour,
            "fillOpacity": 0.95,
            "pane": "spots",
            "className": f"spot-{identity}",
        }
        name = self.words(word)
        items = [
            {"p": [self.packer.spot(p.lon, p.lat)], "v": [self._spot_name(p.name, name, planned=p.planned)]}
            for p in points
        ]
        return {
            "id": f"{identity}-points",
            "name": f"{name}({len(items)})",
            "legend": name,
            "form": "spot",
            "on": identity == "centres",
            "style": style,
            "items": items,
        }

    def _spot_name(self, own: str, kind: str, *, planned: bool) -> str:
        return f"{own or kind}{'(' + self.words('planned') + ')' if planned else ''}"
