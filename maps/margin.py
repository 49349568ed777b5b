"""What stands around a sheet's maps: title, stamps, legend, table, locator, scale, notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from maps import palette
from maps.drawing import Page, Pen
from maps.fonts import Weight, text_width_mm
from maps.layout import A3, Arrangement, Panel, Window, scale_bar_m
from maps.lettering import Box, Label, Placer, Style
from maps.view import CountyView, Edition, Extent, PaperState, extent_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.crs import Metric
    from maps.words import Words

__all__ = ["draw_margin"]

_THIN: Final = Pen("#444444", 0.2)
_THICK: Final = Pen("#222222", 0.7)
_RED: Final = "#C8102E"
# A lower block sets its keys in three columns instead of two.
_TALL_MM: Final = 40.0
_KILOMETRE_M: Final = 1000.0
_BAR_PARTS: Final = 4
_SCALE_ROOM_MM: Final = 14.0


def draw_margin(page: Page, view: CountyView, metric: Metric, arrangement: Arrangement, words: Words) -> None:
    """Draw everything outside the map windows.

    Parameters
    ----------
    page : Page
    view : CountyView
    metric : Metric
    arrangement : Arrangement
        Boxes of the marginalia, and the panels for the scale and the locator's frames.
    words : Words
    """
    page.rectangle(A3.neat, pen=_THICK)
    page.rectangle(Box(A3.neat.left + 1.2, A3.neat.bottom + 1.2, A3.neat.width - 2.4, A3.neat.height - 2.4), pen=_THIN)
    _title(page, view, words)
    boxes = arrangement.margin
    _legend(page, boxes.legend, view, words)
    _table(page, boxes.table, view, words)
    _locator(page, boxes.locator, view, metric, arrangement.panels, words)
    _notes(page, boxes.notes, view, metric, arrangement.panels[0].window.scale, words)


def _fitting(text: str, size: float, room_mm: float, weight: Weight = Weight.REGULAR) -> float:
    """Return the size in points, at most `size`, at which the text fits the room."""
    return min(size, size * room_mm / max(text_width_mm(text, size, weight), 1e-6))


def _title(page: Page, view: CountyView, words: Words) -> None:
    middle = A3.title.left + A3.title.width / 2
    page.write(middle, 281.5, view.title, _fitting(view.title, 22, 250, Weight.BOLD), bold=True, align="center")
    if view.subtitle:
        page.write(middle, 272.8, view.subtitle, _fitting(view.subtitle, 11, 250), colour="#444444", align="center")
    left = A3.title.left + 1
    for text, colour in _stamps(view, words):
        left = _stamp(page, left, 281.5, text, colour) + 3
    if view.map_no:
        page.write(A3.title.right - 1, 281.5, f"{words('map_no')} {view.map_no}", 10, align="right")
    if view.state is not PaperState.APPROVED:
        width = text_width_mm(words(view.state.value), 11, Weight.BOLD) + 4
        _stamp(page, A3.title.right - 1 - width, 273.5, words(view.state.value), "#444444")


def _stamps(view: CountyView, words: Words) -> list[tuple[str, str]]:
    first = words("internal") if view.edition is Edition.INTERNAL else f"{words('approval_no')}: {view.approval_no}"
    out = [(first, _RED)]
    return [*out, (words("demonstration"), _RED)] if view.demonstration else out


def _stamp(page: Page, left: float, middle: float, text: str, colour: str) -> float:
    """Draw a boxed word and return its right side."""
    size = _fitting(text, 11, 70, Weight.BOLD)
    width = text_width_mm(text, size, Weight.BOLD) + 4
    page.rectangle(Box(left, middle - 3.2, width, 6.4), pen=Pen(colour, 0.45))
    page.write(left + width / 2, middle, text, size, colour=colour, bold=True, align="center")
    return left + width


def _block(page: Page, box: Box, title: str) -> None:
    page.rectangle(box, pen=_THIN)
    page.write(box.left + 2, box.top - 3.6, title, 9, bold=True)


@dataclass(frozen=True, slots=True)
class _Key:
    """One entry of the legend: its words and its sample (pen or fill)."""

    text: str
    pen: Pen | None = None
    fill: str = "none"


def _keys(view: CountyView, words: Words) -> list[_Key]:
    grid = Pen(palette.GRID_LINE, 0.25)
    keys = [
        _Key(words("base_grid"), grid, palette.PASTELS[1]),
        _Key(words("old_line"), Pen("#7B3F00", 0.3, (1.1, 0.8))),
        _Key(words("community_line"), Pen(palette.COMMUNITY_LINE, 0.6)),
        _Key(words("town_line"), Pen(palette.TOWN_LINE, 0.75)),
    ]
    present = {line.kind.value for line in view.lines}
    pens = {"road": Pen("#DCD0BC", 1.0), "river": Pen(palette.RIVER, 1.3), "rail": Pen(palette.RAIL, 0.5, (2.2, 1.3))}
    keys += [_Key(words(kind), pen) for kind, pen in pens.items() if kind in present]
    return [*keys, _Key(words("building"), None, palette.BUILDING)] if view.buildings else keys


def _legend(page: Page, box: Box, view: CountyView, words: Words) -> None:
    _block(page, box, words("legend"))
    keys = _keys(view, words)
    notes = [(words("label_key"), "#8E1267")] if view.edition is Edition.INTERNAL else []
    notes.append((words("hint_plain"), "#555555"))
    columns = 2 if box.height > _TALL_MM else 3
    rows = -(-len(keys) // columns)
    note_step = 5.0 if box.height > _TALL_MM else 4.2
    step = min(6.6, (box.height - 7.0 - len(notes) * note_step) / rows)
    wide = (box.width - 4) / columns
    for number, key in enumerate(keys):
        column, row = divmod(number, rows)
        _key(page, key, box.left + 3 + column * wide, box.top - 7.0 - (row + 0.5) * step, wide)
    for number, (text, colour) in enumerate(reversed(notes)):
        page.write(
            box.left + 3, box.bottom + 2.8 + number * note_step, text, _fitting(text, 7.5, box.width - 6), colour=colour
        )


def _key(page: Page, key: _Key, left: float, middle: float, wide: float) -> None:
    sample = Box(left, middle - 1.6, 8.5, 3.2)
    if key.fill != "none":
        page.rectangle(sample, fill=key.fill, pen=key.pen)
    elif key.pen:
        page.stroke([(left, middle), (sample.right, middle)], key.pen)
    page.write(left + 10.5, middle, key.text, _fitting(key.text, 8, wide - 12))


def _table_rows(view: CountyView, words: Words) -> list[tuple[str, ...]]:
    """Return heading, one row per town (of one town: per community) and the total."""
    counts = view.edition is Edition.INTERNAL
    level = "town" if len(view.towns()) > 1 else "community"
    figures = ["households", "households_mean", "largest", "smallest"] if counts else []
    rows = [tuple(words(h) for h in (level, "grids_before", "grids_after", *figures, "gridworkers_after"))]
    names = view.towns() if level == "town" else tuple(dict.fromkeys(g.community for g in (*view.after, *view.before)))
    for name in (*names, None):
        before, after = ([g for g in grids if name in (None, getattr(g, level))] for grids in (view.before, view.after))
        loads = [g.households for g in after] or [0]
        shown = [sum(loads), round(sum(loads) / max(len(after), 1)), max(loads), min(loads)] if counts else []
        workers = sum(g.full_time for g in after)
        rows.append((name or words("total"), *(str(v) for v in (len(before), len(after), *shown, workers))))
    return rows


def _table(page: Page, box: Box, view: CountyView, words: Words) -> None:
    rows = _table_rows(view, words)
    height = min(7.0, (box.height - 5.5) / len(rows))
    first = min(22.0, box.width / 6)
    width = (box.width - first) / (len(rows[0]) - 1)
    for number, row in enumerate(rows):
        middle = box.top - (number + 0.5) * height
        bold = number in (0, len(rows) - 1)
        weight = Weight.BOLD if bold else Weight.REGULAR
        size = min(_fitting(text, 8.5, (width if column else first) - 1.2, weight) for column, text in enumerate(row))
        for column, text in enumerate(row):
            room = first if column == 0 else width
            left = box.left + (0 if column == 0 else first + (column - 1) * width)
            cell = Box(left, middle - height / 2, room, height)
            page.rectangle(cell, fill="#EFEAF4" if number == 0 else "none", pen=_THIN)
            page.write(left + room / 2, middle, text, size, bold=bold, align="center")
    if view.edition is Edition.INTERNAL:
        basis = (
            view.household_basis if words.lang == "zh" or view.household_basis != "常住户数" else "resident households"
        )
        text = (
            f"{words('basis')}: {basis}  {words('figures_after')}  {words('data_as_of')}: {words.date(view.data_as_of)}"
        )
        page.write(
            box.left + 1, box.top - len(rows) * height - 3.0, text, _fitting(text, 7.5, box.width - 2), colour="#555555"
        )


def _locator(page: Page, box: Box, view: CountyView, metric: Metric, panels: Sequence[Panel], words: Words) -> None:
    inner = Box(box.left + 1, box.bottom + 1, box.width - 2, box.height - 2)
    outlines = [metric.project(a.geometry) for a in view.areas if a.kind == "county" and a.geometry is not None]
    every = (*view.before, *view.after)
    shown = Extent(*(float(v) for v in shapely.total_bounds(outlines))) if outlines else extent_of(every, metric)
    scale = max(shown.width / inner.width, shown.height / inner.height) * 1000 * 1.04
    window = Window(inner, shown.centred(inner.width * scale / 1000, inner.height * scale / 1000), scale)
    page.rectangle(box, pen=_THIN, fill=palette.PAPER)
    if outlines:
        page.polygons(window, outlines, ["#FFFFFF"] * len(outlines))
        page.lines(window, outlines, Pen("#555555", 0.35, (2.0, 0.7, 0.5, 0.7)))
    river = [metric.project(line.geometry) for line in view.lines if line.kind.value == "river"]
    page.lines(window, river, Pen(palette.RIVER, 0.5))
    page.polygons(
        window, metric.project(np.asarray([g.geometry for g in every], dtype=object)), ["#C9A3C0"] * len(every)
    )
    placer = Placer(inner)
    placer.reserve(Box(box.left, box.top - 6.5, text_width_mm(words("locator"), 9, Weight.BOLD) + 4, 6.5))
    _locator_names(page, view, metric, panels, window, placer)
    page.write(box.left + 2, box.top - 3.6, words("locator"), 9, bold=True)


def _locator_names(
    page: Page, view: CountyView, metric: Metric, panels: Sequence[Panel], window: Window, placer: Placer
) -> None:
    frames = []
    for panel in (p for p in panels if p.before):
        e = panel.window.extent
        (left, bottom), (right, top) = window.to_page(e.west, e.south), window.to_page(e.east, e.north)
        frames.append((panel.key, Box(left, bottom, right - left, top - bottom)))
    for _, frame in frames:
        page.rectangle(frame, pen=Pen(_RED, 0.4))
        placer.reserve(frame)
    for key, frame in frames:
        x, y = frame.left + frame.width / 2, frame.bottom + frame.height / 2
        high, wide = frame.height / 2 + 2.2, frame.width / 2 + text_width_mm(key, 8) / 2 + 1.5
        placer.place(
            Label((key,), Style(8, weight=Weight.BOLD)), [(x, y + high), (x, y - high), (x - wide, y), (x + wide, y)]
        )
    villages = {g.community: g.geometry for g in view.after or view.before if g.community.endswith("村")}
    for name, geometry in villages.items():
        spot: Any = shapely.centroid(metric.project(geometry))
        x, y = window.to_page(spot.x, spot.y)
        wide = text_width_mm(name, 6.5) / 2 + 2.2
        placer.place(Label((name,), Style(6.5)), [(x + wide, y), (x - wide, y), (x, y - 3), (x, y + 3)])
    for line in placer.lines:
        page.text(line)


def _notes(page: Page, box: Box, view: CountyView, metric: Metric, scale: float, words: Words) -> None:
    page.rectangle(box, pen=_THIN)
    _north(page, box.right - 6, box.top - 2, words("north"))
    _scale_bar(page, box, scale, words)
    meridian = 75 + 3 * (metric.epsg - 4534)
    dated = (("drawn_on", words.date(view.drawn_on)), ("data_as_of", words.date(view.data_as_of)))
    lines = [words("crs", meridian=meridian)]
    lines += [f"{words('compiled_by')}: {view.compiled_by}"] if view.compiled_by else []
    lines += ["  ".join(f"{words(key)}: {value}" for key, value in dated if value)]
    lines += [words("disclaimer")]
    step = min(6.2, (box.height - _SCALE_ROOM_MM) / len(lines))
    for number, text in enumerate(reversed([line for line in lines if line])):
        page.write(box.left + 2.5, box.bottom + (number + 0.6) * step, text, _fitting(text, 8, box.width - 5))


def _north(page: Page, x: float, top: float, text: str) -> None:
    page.write(x, top - 1.6, text, 8, bold=True, align="center")
    tip, foot = top - 3.6, top - 11.5
    page.shape([(x, tip), (x, foot + 2.2), (x - 2.2, foot)], fill="#222222")
    page.shape([(x, tip), (x, foot + 2.2), (x + 2.2, foot)], fill="#FFFFFF")


def _scale_bar(page: Page, box: Box, scale: float, words: Words) -> None:
    number = f"1:{scale:,.0f}".replace(",", " ")
    page.write(box.left + 2.5, box.top - 4.0, f"{words('scale')} {number}", 10, bold=True)
    left, base = box.left + 4, box.top - 12.6
    length = scale_bar_m(scale, 50)
    step = length * 1000 / scale / _BAR_PARTS
    for part in range(_BAR_PARTS):
        page.rectangle(
            Box(left + part * step, base, step, 1.3),
            fill="#222222" if part % 2 == 0 else "#FFFFFF",
            pen=Pen("#222222", 0.2),
        )
    unit, value = (words("kilometre"), length / 1000) if length >= _KILOMETRE_M else (words("metre"), length)
    for part in (0, 2, 4):
        text = f"{value * part / _BAR_PARTS:g}" + (unit if part == _BAR_PARTS else "")
        page.write(left + part * step, base + 3.2, text, 7, align="center")
