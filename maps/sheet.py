"""The A3 sheet a meeting uses: each town's core before and after at one round scale, with all marginalia.

Towns of a county lie far apart and each core is small, so a sheet shows a pair of windows per town and a
small locator of the county instead of one map at a scale nobody can read.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import matplotlib as mpl

from geo.errors import NotFound
from maps import palette
from maps.drawing import Page
from maps.fonts import require_glyphs
from maps.layout import A3, arrange
from maps.lettering import Placer
from maps.margin import draw_margin
from maps.view import CountyView, Extent, core_grids, extent_of, require_drawable
from maps.window_map import WindowMap, ground_of
from maps.words import Words, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from geo.crs import Metric

__all__ = ["SheetMade", "before_after_sheet", "town_sheet"]

PNG_DPI: Final = 200


@dataclass(frozen=True, slots=True)
class SheetMade:
    """What was drawn: the scale's denominator and the grids whose label found no room."""

    scale: float
    unlabelled: tuple[str, ...]


def _extents(view: CountyView, metric: Metric, towns: Sequence[str]) -> dict[str, Extent]:
    """Return the core of each town, before and after together."""
    every = (*view.before, *view.after)
    return {t: extent_of(core_grids([g for g in every if g.town == t], metric), metric) for t in towns}


def _texts(view: CountyView) -> Iterable[str]:
    """Return every name that may be drawn."""
    for grid in (*view.before, *view.after):
        yield from (grid.short_name, grid.serial, grid.community, grid.town)
    yield from (
        view.title,
        view.subtitle,
        view.county_name,
        view.compiled_by,
        view.map_no,
        view.approval_no,
        view.household_basis,
    )
    yield from (line.name for line in view.lines)
    yield from (area.name for area in view.areas)


def _draw(view: CountyView, towns: Sequence[str], lang: Words) -> tuple[Page, SheetMade]:
    require_glyphs(_texts(view))
    ground = ground_of(view)
    arrangement = arrange(_extents(view, ground.metric, towns), A3.body)
    page = Page(A3.width, A3.height)
    unlabelled: list[str] = []
    colours = {True: palette.map_colours(ground.before), False: palette.map_colours(ground.after)}
    for panel in arrangement.panels:
        one = WindowMap(page, ground, panel, lang, colours[panel.before], Placer(panel.window.box), [])
        one.draw()
        unlabelled += one.lost
    draw_margin(page, view, ground.metric, arrangement, lang)
    return page, SheetMade(arrangement.panels[0].window.scale, tuple(dict.fromkeys(unlabelled)))


def _write(page: Page, view: CountyView, pdf_path: Path | None, png_path: Path | None) -> None:
    """Write both files whole or not at all; no clock enters, so equal views give equal bytes."""
    drawn = dt.datetime.combine(view.drawn_on, dt.time(), dt.UTC) if view.drawn_on else None
    pdf = {"Title": view.title, "Creator": "wangge", "Producer": "wangge", "CreationDate": drawn}
    for path, kind, options in (
        (pdf_path, "pdf", {"metadata": pdf}),
        (png_path, "png", {"metadata": {"Software": None, "Title": None}, "dpi": PNG_DPI}),
    ):
        if path is None:
            continue
        held = BytesIO()
        # Type 3 glyphs: matplotlib's other form files CFF outlines under a TrueType key, which strict readers refuse.
        with mpl.rc_context({"pdf.fonttype": 3}):
            page.figure.savefig(held, format=kind, **options)
        partial = path.with_name(path.name + ".part")
        partial.write_bytes(held.getvalue())
        partial.replace(path)


def before_after_sheet(
    view: CountyView, pdf_path: Path | None, png_path: Path | None, *, lang: str = "zh"
) -> SheetMade:
    """Draw the county before and after on one A3 landscape sheet.

    Parameters
    ----------
    view : CountyView
    pdf_path, png_path : Path or None
        Where to write (420 × 297 mm; PNG at 200 dots per inch); None leaves one out.
    lang : str, keyword
        "zh" or "en".

    Returns
    -------
    SheetMade
        The scale and the grids whose label found no room.

    Raises
    ------
    Refused
        Nothing to draw, a public edition without approval number, more towns than the sheet carries, or a
        character without a glyph (named, with its text).
    """
    require_drawable(view)
    page, made = _draw(view, view.towns(), words(lang))
    _write(page, view, pdf_path, png_path)
    return made


def town_sheet(
    view: CountyView, town: str, pdf_path: Path | None, png_path: Path | None, *, lang: str = "zh"
) -> SheetMade:
    """Draw one town before and after on an A3 sheet; parameters as in `before_after_sheet`.

    Raises
    ------
    NotFound
        No base grid lies in a town of that name.
    """
    require_drawable(view)
    if town not in view.towns():
        raise NotFound(f"no grid lies in a town named {town!r}", remedy=f"towns here: {', '.join(view.towns())}")
    lang_words = words(lang)
    before, after = (tuple(g for g in grids if g.town == town) for grids in (view.before, view.after))
    name = lang_words("sheet_town")
    part = dataclasses.replace(
        view,
        title=f"{view.county_name}{town}{name}" if lang == "zh" else f"{town}, {view.county_name}: {name}",
        subtitle=lang_words("from_to", before=len(before), after=len(after)),
        before=before,
        after=after,
    )
    page, made = _draw(part, (town,), lang_words)
    _write(page, part, pdf_path, png_path)
    return made
