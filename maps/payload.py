"""What a county page carries as data: geometry in short integers, classes, labels, texts.

Pure values in, JSON-ready values out. A public edition leaves this module already suppressed, so nothing
withheld travels in the page's source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from maps import palette
from maps.room import label_room
from maps.suppression import printed, withheld_grids
from maps.view import CountyView, Edition, GridView, LineKind, LineView, PaperState
from maps.words import Words

__all__ = ["county_payload"]

Json = dict[str, Any]

_SCALE: Final = 1_000_000
_FILL: Final = 0.62
_HATCHES: Final = (
    {"id": "hatch-missing", "angle": 45, "width": 2.2, "ground": "#FBE3E0", "ink": palette.MISSING},
    {"id": "hatch-group", "angle": 45, "width": 1.6, "ground": "#FFF3D6", "ink": "#B5761B"},
    {"id": "hatch-anchor", "angle": -45, "width": 1.6, "ground": "#E4EEF7", "ink": "#3F83B5"},
    {"id": "hatch-two", "angle": 45, "width": 1.6, "ground": "#F6DCD2", "ink": "#8A3B1E", "cross": True},
    {"id": "hatch-none", "angle": 0, "width": 1.0, "ground": "#FFFFFF", "ink": "#9A9A9A"},
)


@dataclass(frozen=True, slots=True)
class _Packer:
    """Turns degrees into runs of integer differences from one origin."""

    origin: tuple[int, int]

    def run(self, coordinates: NDArray[np.float64]) -> list[int]:
        whole = np.rint(coordinates[:, :2] * _SCALE).astype(np.int64)
        steps = np.diff(whole, axis=0, prepend=np.array([self.origin]))
        return [int(v) for v in steps.ravel()]

    def polygons(self, geometry: Any) -> list[list[list[int]]]:
        out = []
        for part in shapely.get_parts(geometry):
            rings = [part.exterior, *part.interiors]
            # A path closes itself, so the repeated last vertex is left out.
            out.append([self.run(shapely.get_coordinates(ring)[:-1]) for ring in rings])
        return out

    def lines(self, geometry: Any) -> list[list[int]]:
        return [self.run(shapely.get_coordinates(part)) for part in shapely.get_parts(geometry)]

    def spot(self, lon: float, lat: float) -> list[int]:
        return self.run(np.array([[lon, lat]]))


def _placed(packer: _Packer, geometry: Any) -> Json:
    room = label_room(geometry)
    reach = [round(room.half_width * _SCALE), round(room.half_height * _SCALE)]
    return {"a": packer.spot(room.x, room.y), "r": reach}


@dataclass(frozen=True, slots=True)
class _Themes:
    """The five ways to read a grid, each a list of classes and a class number per grid."""

    view: CountyView
    words: Words

    def listed(self) -> list[Json]:
        w, metres = self.words, f"{self.view.anchor_distance_m:g}"
        plain = [{"fill": c, "opacity": _FILL, "text": ""} for c in palette.PASTELS]
        hints = {
            "households": w("hint_households", basis=basis_text(self.view, w)),
            "anchors": w("hint_anchors", metres=metres),
        }
        classes = {
            "plain": plain,
            "households": [*_ramp(palette.household_classes()), _none(w("no_data"))],
            "workers": [
                *_ramp(palette.per_worker_classes()),
                _hatch("hatch-missing", w("no_worker")),
                _none(w("no_data")),
            ],
            "triangle": self._corners(),
            "anchors": [*_ramp(palette.share_classes()), _none(w("no_data"))],
        }
        return [
            {"id": t, "name": w(f"theme_{t}"), "hint": hints.get(t) or w(f"hint_{t}"), "classes": c}
            for t, c in classes.items()
        ]

    def _corners(self) -> list[Json]:
        w = self.words
        return [
            {"fill": "#BFE0C4", "opacity": 0.75, "text": w("complete")},
            _hatch("hatch-group", w("lacks_party_group")),
            _hatch("hatch-missing", w("lacks_gridworker")),
            _hatch("hatch-anchor", w("lacks_anchor")),
            _hatch("hatch-two", w("lacks_two")),
            {"fill": "#3A3A3A", "opacity": 0.85, "text": w("lacks_all")},
        ]

    def of(self, grid: GridView, colour: int, *, hidden: bool) -> list[int]:
        return [
            colour,
            _households(grid, hidden=hidden),
            _workers(grid, hidden=hidden),
            corner(grid),
            _near(grid, hidden=hidden),
        ]


def _ramp(classes: palette.Classes) -> list[Json]:
    return [{"fill": c, "opacity": 0.8, "text": t} for c, t in zip(classes.colours, classes.texts, strict=True)]


def _hatch(identity: str, text: str) -> Json:
    return {"fill": "", "hatch": identity, "opacity": 0.85, "text": text}


def _none(text: str) -> Json:
    return _hatch("hatch-none", text)


def _households(grid: GridView, *, hidden: bool) -> int:
    classes = palette.household_classes()
    return len(classes.colours) if hidden or not grid.households else int(classes.of([grid.households])[0])


def _workers(grid: GridView, *, hidden: bool) -> int:
    classes = palette.per_worker_classes()
    if grid.per_worker is None:
        return len(classes.colours)
    return len(classes.colours) + 1 if hidden or not grid.households else int(classes.of([grid.per_worker])[0])


def _near(grid: GridView, *, hidden: bool) -> int:
    classes = palette.share_classes()
    return len(classes.colours) if hidden or grid.near_share is None else int(classes.of([grid.near_share])[0])


def corner(grid: GridView) -> int:
    """Return the triangle class: 0 complete, 1–3 lacks group, worker or anchor, 4 two missing, 5 all."""
    workers = grid.full_time + grid.professional + grid.part_time
    missing = [i for i, there in enumerate((grid.party_groups, workers, grid.anchors), start=1) if not there]
    return missing[0] if len(missing) == 1 else (0, 0, 4, 5)[len(missing)]


def basis_text(view: CountyView, words: Words) -> str:
    """Return what the household figures count, in the language of the page."""
    return (
        view.household_basis
        if words.lang == "zh"
        else ("resident households" if view.household_basis == "常住户数" else view.household_basis)
    )


_FIELDS: Final = (
    "code",
    "community",
    "town",
    "households",
    "persons",
    "full_time",
    "professional",
    "part_time",
    "per_worker",
    "party_group",
    "anchor_household",
    "triangle",
    "near_share",
    "linked_share",
    "owner_unit",
    "change",
    "members",
)


def _percent(share: float | None, *, coarse: bool) -> str | None:
    if share is None:
        return None
    classes = palette.share_classes()
    return classes.texts[int(classes.of([share])[0])] if coarse else f"{100 * share:.0f}%"


def _values(grid: GridView, words: Words, *, hidden: bool, public: bool) -> list[str | None]:
    """Return the tooltip of a base grid in the order of `_FIELDS`, its name first."""
    worker = None if hidden or grid.per_worker is None else f"{grid.per_worker:.0f}"
    return [
        grid.name,
        grid.code,
        grid.community,
        grid.town,
        printed(grid.households, hidden=hidden),
        printed(grid.persons, hidden=hidden) if grid.persons else None,
        str(grid.full_time),
        str(grid.professional),
        str(grid.part_time),
        worker,
        str(grid.party_groups),
        str(grid.anchors),
        _corner_text(grid, words),
        None if hidden else _percent(grid.near_share, coarse=public),
        None if hidden else _percent(grid.linked_share, coarse=public),
        None,
        words(grid.change.value) if grid.change else None,
        "、".join(grid.members) if words.lang == "zh" else ", ".join(grid.members),
    ]


def _corner_text(grid: GridView, words: Words) -> str:
    there = (grid.party_groups, grid.full_time + grid.professional + grid.part_time, grid.anchors)
    names = ("lacks_party_group", "lacks_gridworker", "lacks_anchor")
    missing = [words(name) for name, count in zip(names, there, strict=True) if not count]
    return "、".join(missing) or words("complete")


def _label_rows(grid: GridView, words: Words, *, alone: bool, hidden: bool) -> list[list[str]]:
    """Return the label in three sizes, largest first; a grid `alone` in its village is called by the village."""
    serial = grid.serial or grid.short_name
    count = words.households(printed(grid.households, hidden=hidden))
    if alone:
        return [[grid.community, f"{serial} · {count}"], [grid.community, count], [grid.community]]
    full = [grid.short_name, f"{serial} · {count}" if serial not in grid.short_name else count]
    return [full, [serial, count], [serial]]


@dataclass(frozen=True, slots=True)
class _Builder:
    view: CountyView
    words: Words
    packer: _Packer
    hidden: frozenset[str]

    def version(self, prefix: str, grids: Sequence[GridView]) -> Json:
        themes = _Themes(self.view, self.words)
        colours = palette.map_colours([g.geometry for g in grids])
        as_of = self.view.before_as_of if prefix == "before" else self.view.after_as_of
        date = f" {self.words.date(as_of)}" if as_of else ""
        name = f"{self.words(prefix)}({len(grids)}){date}"
        sizes = Counter((g.town, g.community) for g in grids)
        items = []
        for grid, colour in zip(grids, colours, strict=True):
            hidden = f"{prefix}:{grid.id}" in self.hidden
            alone = sizes[grid.town, grid.community] == 1
            rows = _label_rows(grid, self.words, alone=alone, hidden=hidden)
            items.append(
                {
                    "l": rows,
                    "o": int(alone),
                    "s": themes.of(grid, colour, hidden=hidden),
                    **self._grid(grid, hidden=hidden),
                }
            )
        lines = shapely.line_merge(
            shapely.union_all(shapely.boundary(np.array([g.geometry for g in grids], dtype=object)))
        )
        return {"id": prefix, "css": f"grid-{prefix}", "name": name, "grids": items, "lines": self.packer.lines(lines)}

    def _grid(self, grid: GridView, *, hidden: bool) -> Json:
        public = self.view.edition is Edition.PUBLIC
        return {
            "p": self.packer.polygons(grid.geometry),
            "v": _values(grid, self.words, hidden=hidden, public=public),
            **_placed(self.packer, grid.geometry),
        }

    def places(self) -> list[Json]:
        every = (*self.view.before, *self.view.after)
        out = [{"button": self.words("whole_county"), "bounds": _bounds(every), "rows": []}]
        for town in self.view.towns():
            grids = [g for g in every if g.town == town]
            core = _core(grids)
            west, south, east, north = shapely.total_bounds([g.geometry for g in core])
            out.append(
                {
                    "button": town,
                    "bounds": _bounds(core),
                    "rows": [town, self._town_line(town)],
                    "a": self.packer.spot((west + east) / 2, (south + north) / 2),
                    "r": [round((east - west) / 2 * _SCALE), round((north - south) / 2 * _SCALE)],
                }
            )
        return out

    def _town_line(self, town: str) -> str:
        before = sum(g.town == town for g in self.view.before)
        after = [g for g in self.view.after or self.view.before if g.town == town]
        count = sum(g.households for g in after)
        figure = printed(count, hidden=f"town:{town}" in self.hidden)
        return f"{before}→{len(after)} {self.words('grids_unit')}  {self.words.households(figure)}"

    def communities(self) -> list[Json]:
        grids = self.view.after or self.view.before
        out = []
        sizes = Counter((g.town, g.community) for g in grids)
        for name in (n for n, count in sizes.items() if count > 1):
            whole = shapely.union_all([g.geometry for g in grids if (g.town, g.community) == name])
            out.append({"name": name[1], **_placed(self.packer, whole)})
        return out

    def overlays(self) -> list[Json]:
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
        out = []
        for kind, style in styles.items():
            items = [self._line(line) for line in self.view.lines if line.kind is kind]
            name = self.words(kind.value)
            out.append(
                {
                    "id": kind.value,
                    "name": name,
                    "legend": name,
                    "form": "line",
                    "labels": True,
                    "on": True,
                    "style": style,
                    "items": items,
                }
            )
        return out

    def _line(self, line: LineView) -> Json:
        x, y = shapely.get_coordinates(shapely.line_interpolate_point(line.geometry, 0.5, normalized=True))[0]
        west, south, east, north = line.geometry.bounds
        room = [round((east - west) / 2 * _SCALE), round((north - south) / 2 * _SCALE)]
        return {"p": self.packer.lines(line.geometry), "n": line.name, "a": self.packer.spot(x, y), "r": room}

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
        items = [{"p": self.packer.polygons(g.geometry), "v": self._exclusive_values(g)} for g in self.view.exclusive]
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

    def _exclusive_values(self, grid: GridView) -> list[str | None]:
        values: list[str | None] = [None] * len(_FIELDS)
        for name, value in (
            ("code", grid.code),
            ("community", grid.community),
            ("town", grid.town),
            ("owner_unit", grid.owner_unit),
        ):
            values[_FIELDS.index(name)] = value
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


def _core(grids: Sequence[GridView]) -> list[GridView]:
    """Grids of the town core: those no larger than twelve times the median (degrees serve for a ratio)."""
    areas = np.array([g.geometry.area for g in grids])  # areas here only rank grids of one town
    return [g for g, a in zip(grids, areas, strict=True) if a <= 12 * np.median(areas)]


def _bounds(grids: Sequence[GridView]) -> list[list[float]]:
    west, south, east, north = (float(v) for v in shapely.total_bounds([g.geometry for g in grids]))
    return [[south, west], [north, east]]


def _stamps(view: CountyView, words: Words) -> list[Json]:
    out: list[Json] = []
    if view.edition is Edition.INTERNAL:
        out.append({"text": words("internal")})
    if view.demonstration:
        out.append({"text": words("demonstration")})
    if view.state is not PaperState.APPROVED:
        out.append({"text": words(view.state.value), "plain": True})
    return out


def _notes(view: CountyView, words: Words) -> list[str]:
    dated = [
        (words("data_as_of"), words.date(view.data_as_of)),
        (words("drawn_on"), words.date(view.drawn_on)),
        (words("compiled_by"), view.compiled_by),
    ]
    notes = [f"{words('basis')}: {basis_text(view, words)}  " + "  ".join(f"{k}: {v}" for k, v in dated if v)]
    if view.edition is Edition.PUBLIC:
        notes.append(f"{words('approval_no')}: {view.approval_no}")
    return [*notes, f"{words('no_basemap_note')}  {words('disclaimer')}"]


_PAGE_WORDS: Final = ("version", "theme", "layers", "towns", "legend", "grid_line", "fold")


def county_payload(view: CountyView, words: Words) -> Json:
    """Return everything the county page's script draws, ready for JSON.

    Household points and anchors travel in internal editions only; counts of 1–4 and their complements
    never enter a public one.
    """
    every = (*view.before, *view.after)
    west, south, *_ = shapely.total_bounds([g.geometry for g in every])
    packer = _Packer((round(west * _SCALE), round(south * _SCALE)))
    hidden = withheld_grids(view) if view.edition is Edition.PUBLIC else frozenset()
    builder = _Builder(view, words, packer, hidden)
    versions = [builder.version(p, g) for p, g in (("before", view.before), ("after", view.after)) if g]
    fields = [words(f) for f in _FIELDS]
    return {
        "title": view.title,
        "subtitle": view.subtitle,
        "stamps": _stamps(view, words),
        "notes": _notes(view, words),
        "origin": list(packer.origin),
        "bounds": _bounds(every),
        "start": {"version": versions[-1]["id"], "theme": "plain"},
        "fields": fields,
        "themes": _Themes(view, words).listed(),
        "hatches": list(_HATCHES),
        "colours": {"grid": palette.GRID_LINE},
        "versions": versions,
        "overlays": builder.overlays(),
        "places": builder.places(),
        "communities": builder.communities(),
        "words": {key: words(key) for key in _PAGE_WORDS},
    }
