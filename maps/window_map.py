"""One window of a sheet: grids, streets, lines and labels of a town, before or after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from maps import palette
from maps.drawing import Page, Pen
from maps.fonts import Weight, text_width_mm
from maps.lettering import Box, Label, Placer, Style
from maps.room import Room, label_room
from maps.view import CountyView, Edition, GridView, LineKind, LineView, streets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.crs import Metric
    from maps.layout import Panel, Window
    from maps.words import Words

__all__ = ["Ground", "WindowMap", "ground_of"]

_FILL_ALPHA: Final = 0.85
_GRID_PEN: Final = Pen(palette.GRID_LINE, 0.22)
_OLD_PEN: Final = Pen("#7B3F00", 0.22, (1.1, 0.8))
_COMMUNITY_PEN: Final = Pen(palette.COMMUNITY_LINE, 0.6)
_TOWN_PEN: Final = Pen(palette.TOWN_LINE, 0.75)
_LINE_PENS: Final = {
    LineKind.RIVER: Pen(palette.RIVER, 1.3),
    LineKind.ROAD: Pen("#DCD0BC", 0.75),
    LineKind.RAIL: Pen(palette.RAIL, 0.5, (2.2, 1.3)),
}
# Sizes tried inside a grid; a window shows full names only where most grids take them at a readable size.
_GRID_STYLES: Final = tuple(
    Style(size, first_colour="#8E1267", first_weight=Weight.BOLD) for size in (7.0, 6.5, 6.0, 5.5, 5.0)
)
# Where a label may go when its middle is taken, in quarters of its width and thirds of its height.
_SHIFTS: Final = tuple(
    sorted(((dx, dy) for dx in range(-4, 5) for dy in range(-6, 7)), key=lambda d: (d[0] ** 2 + d[1] ** 2, d))
)
_FULL_SHARE: Final = 0.8
# How many lines of a window are named at most, and from which length on paper.
_NAMED_LINES: Final = 14
_NAMED_MM: Final = 18.0
_LINE_SPOTS: Final = (0.5, 0.35, 0.65, 0.2, 0.8, 0.42, 0.58, 0.27, 0.73, 0.08, 0.92)
_FULL_STYLE: Final = Style(6.5, first_weight=Weight.BOLD)
_COMMUNITY_STYLES: Final = tuple(Style(size, "#4A1F70", Weight.BOLD, halo=True) for size in (8.5, 7.5, 6.5))
_LINE_STYLES: Final = {
    LineKind.RIVER: Style(6.5, "#22699A", halo=True),
    LineKind.ROAD: Style(5.5, "#6E5B3D", halo=True),
    LineKind.RAIL: Style(5.5, "#333333", halo=True),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """The view in metres, each geometry projected once."""

    view: CountyView
    metric: Metric
    before: tuple[Any, ...]
    after: tuple[Any, ...]
    lines: tuple[tuple[LineView, Any], ...]
    buildings: tuple[Any, ...]
    rooms: dict[str, Room]


def _projected(metric: Metric, geometries: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(metric.project(np.asarray(geometries, dtype=object))) if len(geometries) else ()


def ground_of(view: CountyView) -> Ground:
    """Project a view into metres once, streets joined by name."""
    metric = view.metric()
    before = _projected(metric, [g.geometry for g in view.before])
    after = _projected(metric, [g.geometry for g in view.after])
    lines = streets(view.lines)
    rooms = {f"before:{g.id}": label_room(s) for g, s in zip(view.before, before, strict=True)}
    rooms |= {f"after:{g.id}": label_room(s) for g, s in zip(view.after, after, strict=True)}
    paired = tuple(zip(lines, _projected(metric, [line.geometry for line in lines]), strict=True))
    return Ground(view, metric, before, after, paired, _projected(metric, [b.geometry for b in view.buildings]), rooms)


def _label_rows(grid: GridView, *, counts: bool, lang: Words) -> list[tuple[str, ...]]:
    """Return the label in falling size: name, serial and households; the last two on two lines or one; the serial."""
    serial = grid.serial or grid.short_name
    if not counts:
        return (
            [(grid.short_name, serial), (serial,)] if serial not in grid.short_name else [(grid.short_name,), (serial,)]
        )
    count = lang.households(grid.households)
    full = (grid.short_name, f"{serial} · {count}" if serial not in grid.short_name else count)
    return [full, (serial, count), (f"{serial}/{count}",), (serial,)]


def _bounds_hit(window: Window, shapes: Sequence[Any]) -> list[int]:
    """Return the numbers of the geometries whose bounding box meets the window."""
    if not len(shapes):
        return []
    e = window.extent
    west, south, east, north = shapely.bounds(np.asarray(shapes, dtype=object)).T
    return [
        int(i) for i in np.flatnonzero((west <= e.east) & (east >= e.west) & (south <= e.north) & (north >= e.south))
    ]


@dataclass(slots=True)
class WindowMap:
    """One window of the sheet while it is drawn."""

    page: Page
    ground: Ground
    panel: Panel
    lang: Words
    colours: Sequence[int]
    placer: Placer
    lost: list[str]

    @property
    def window(self) -> Window:
        """Where it stands and what ground it shows."""
        return self.panel.window

    @property
    def grids(self) -> tuple[GridView, ...]:
        """Grids of this window's version, shown or not."""
        return self.ground.view.before if self.panel.before else self.ground.view.after

    @property
    def shapes(self) -> tuple[Any, ...]:
        """Their polygons in metres."""
        return self.ground.before if self.panel.before else self.ground.after

    def draw(self) -> None:
        """Draw the whole window, in the order of a map: fills, features, lines, labels."""
        shown = _bounds_hit(self.window, self.shapes)
        self.page.rectangle(self.window.box, fill=palette.PAPER)
        fills = [palette.PASTELS[self.colours[i]] for i in shown]
        if shown:
            self.page.polygons(self.window, [self.shapes[i] for i in shown], fills, alpha=_FILL_ALPHA)
        self._features()
        self.page.lines(self.window, [self.shapes[i] for i in shown], _GRID_PEN)
        if not self.panel.before:
            self.page.lines(self.window, self._removed(), _OLD_PEN)
        self._parents(shown)
        self._letter(shown)
        self.page.rectangle(self.window.box, pen=Pen("#444444", 0.25))
        self._heading(shown)

    def _features(self) -> None:
        for kind in (LineKind.RIVER, LineKind.ROAD, LineKind.RAIL):
            shapes = [s for line, s in self.ground.lines if line.kind is kind]
            hit = _bounds_hit(self.window, shapes)
            self.page.lines(self.window, [shapes[i] for i in hit], _LINE_PENS[kind])
        hit = _bounds_hit(self.window, self.ground.buildings)
        if hit:
            self.page.polygons(
                self.window, [self.ground.buildings[i] for i in hit], [palette.BUILDING] * len(hit), alpha=0.5
            )

    def _removed(self) -> list[Any]:
        """Lines of the old grids in this window that no new grid has."""
        old = [self.ground.before[i] for i in _bounds_hit(self.window, self.ground.before)]
        if not old or not self.shapes:
            return []
        new = [self.shapes[i] for i in _bounds_hit(self.window, self.shapes)]
        gone = shapely.difference(_all_lines(old), _all_lines(new))
        return [shapely.line_merge(gone)] if not shapely.is_empty(gone) else []

    def _parents(self, shown: Sequence[int]) -> None:
        for pen, name in ((_COMMUNITY_PEN, "community"), (_TOWN_PEN, "town")):
            keys = dict.fromkeys(getattr(self.grids[i], name) for i in shown)
            unions = [
                shapely.union_all([self.shapes[i] for i in shown if getattr(self.grids[i], name) == key])
                for key in keys
            ]
            self.page.lines(self.window, unions, pen)

    def _letter(self, shown: Sequence[int]) -> None:
        """Write numbers first and community names on the lines between them; names that find no line go first."""
        shapely.prepare(np.asarray(self.shapes, dtype=object))
        names = dict.fromkeys(self.grids[i].community for i in shown)
        homeless: list[str] = []
        for _ in range(2):
            self.placer = Placer(_inset(self.window.box))
            self.lost = []
            for name in homeless:
                self._community(name, shown, anywhere=True)
            wordiness = self._wordiness(shown)
            for i in shown:
                self._grid(i, wordiness)
            left = [n for n in names if n not in homeless and not self._community(n, shown, anywhere=False)]
            if not left:
                break
            homeless = left
        self._lines()
        for line in self.placer.lines:
            self.page.text(line)

    def _community(self, name: str, shown: Sequence[int], *, anywhere: bool) -> bool:
        """Place a community's name inside it: on a line between its grids, or `anywhere` from its middle."""
        parts = [self.shapes[i] for i in shown if self.grids[i].community == name]
        whole = shapely.union_all(parts)
        shapely.prepare(whole)
        room = label_room(whole)
        spots = [(room.x, room.y)] if anywhere or len(parts) == 1 else []
        places = [self.window.to_page(x, y) for x, y in (*spots, *_seam_points(whole, parts))]
        for style in _COMMUNITY_STYLES:
            label = Label((name,), style)
            inside = places if anywhere else self._inside(whole, label, places)
            if self.placer.place(label, inside):
                return True
        return False

    def _inside(self, shape: Any, label: Label, spots: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return the spots where a label's box, save a hair of its padding, lies inside a prepared polygon."""
        if not len(spots):
            return []
        width, height = label.size_mm()
        spare = 0.08 * height
        at = np.asarray(spots)
        west, south = self.window.to_ground(at[:, 0] - width / 2 + spare, at[:, 1] - height / 2 + spare)
        east, north = self.window.to_ground(at[:, 0] + width / 2 - spare, at[:, 1] + height / 2 - spare)
        held = shapely.covers(shape, shapely.box(west, south, east, north))
        return [spot for spot, good in zip(spots, held, strict=True) if good]

    def _wordiness(self, shown: Sequence[int]) -> int:
        """Return 0 where most grids of the window take their full label at a readable size, else 1."""
        counts = self.ground.view.edition is Edition.INTERNAL
        fits = [
            bool(
                self._inside(
                    self.shapes[i],
                    Label(_label_rows(self.grids[i], counts=counts, lang=self.lang)[0], _FULL_STYLE),
                    [self._middle(i)],
                )
            )
            for i in shown
        ]
        return 0 if fits and sum(fits) >= _FULL_SHARE * len(fits) else 1

    def _middle(self, number: int) -> tuple[float, float]:
        room = self.ground.rooms[f"{'before' if self.panel.before else 'after'}:{self.grids[number].id}"]
        return self.window.to_page(room.x, room.y)

    def _grid(self, number: int, wordiness: int) -> None:
        grid = self.grids[number]
        counts = self.ground.view.edition is Edition.INTERNAL
        x, y = self._middle(number)
        sizes = _label_rows(grid, counts=counts, lang=self.lang)
        for rows in sizes[wordiness:] or sizes[-1:]:
            for style in _GRID_STYLES:
                label = Label(rows, style)
                width, height = label.size_mm()
                around = [(x + dx * width / 4, y + dy * height / 3) for dx, dy in _SHIFTS]
                if self.placer.place(label, self._inside(self.shapes[number], label, around)):
                    return
        if not self.placer.place(Label(sizes[-1], _GRID_STYLES[-1]), [(x, y)]):
            self.lost.append(grid.name)

    def _lines(self) -> None:
        """Name the rivers, the railway and the longest streets of the window; lanes stay nameless."""
        e = self.window.extent
        named = [(line, s) for line, s in self.ground.lines if line.name]
        pieces = []
        for i in _bounds_hit(self.window, [s for _, s in named]):
            inside = shapely.get_parts(shapely.clip_by_rect(named[i][1], e.west, e.south, e.east, e.north))
            if len(inside):
                pieces.append((max(shapely.length(inside)), named[i][0], max(inside, key=shapely.length)))
        pieces.sort(key=lambda p: (p[1].kind is LineKind.ROAD, -p[0], p[1].name))
        for length, line, longest in pieces[:_NAMED_LINES]:
            if length * 1000 / self.window.scale < _NAMED_MM:
                continue
            spots = [shapely.line_interpolate_point(longest, f, normalized=True) for f in _LINE_SPOTS]
            self.placer.place(
                Label((line.name,), _LINE_STYLES[line.kind]), [self.window.to_page(p.x, p.y) for p in spots]
            )

    def _heading(self, shown: Sequence[int]) -> None:
        header, w = self.panel.header, self.lang
        grids = [g for g in self.grids if g.town == self.panel.key]
        text = f"{self.panel.key} {w('before' if self.panel.before else 'after')} · {len(grids)} {w('grids_unit')}"
        if self.ground.view.edition is Edition.INTERNAL:
            text += f" · {w.households(sum(g.households for g in grids))}"
        self.page.write(header.left + 0.5, header.bottom + header.height / 2, text, 10, bold=True)
        inside = {self.grids[i].id for i in shown}
        away = "、".join(dict.fromkeys(g.community for g in grids if g.id not in inside))
        if away:
            note = f"{w('outside_frame')}: {away}"
            if text_width_mm(text, 10, Weight.BOLD) + text_width_mm(note, 7) + 3 < header.width:
                self.page.write(
                    header.right - 0.5, header.bottom + header.height / 2, note, 7, colour="#555555", align="right"
                )


def _seam_points(whole: Any, parts: Sequence[Any]) -> list[tuple[float, float]]:
    """Points along the lines between a community's grids, nearest its centre first: a name there covers no number."""
    inner = shapely.line_merge(shapely.difference(_all_lines(parts), shapely.boundary(whole)))
    middle = shapely.centroid(whole)
    pieces = np.asarray([s for s in shapely.get_parts(inner) if s.length > 0], dtype=object)
    if not len(pieces):
        return []
    points = shapely.line_interpolate_point(pieces[:, None], np.linspace(0, 1, 13)[None, :], normalized=True).ravel()
    order = np.argsort(shapely.distance(points, middle), kind="stable")
    return [(float(points[i].x), float(points[i].y)) for i in order]


def _all_lines(polygons: Sequence[Any]) -> Any:
    return shapely.union_all(shapely.boundary(np.asarray(polygons, dtype=object)))


def _inset(box: Box) -> Box:
    return Box(box.left + 0.4, box.bottom + 0.4, box.width - 0.8, box.height - 0.8)
