"""What a county page carries as data: versions, themes, overlays, labels, texts.

Pure values in, JSON-ready values out. A public edition leaves this module already suppressed, so nothing
withheld travels in the page's source.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from maps import palette
from maps.overlays import Overlays
from maps.packing import MILLIONTHS, Packer, placed
from maps.suppression import NOTHING, printed, withheld_grids
from maps.themes import FIELDS, HATCHES, Themes, basis_text, label_rows, tooltip
from maps.view import CountyView, Edition, GridView, PaperState, core_grids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.crs import Metric
    from maps.suppression import Mask, Withheld
    from maps.words import Words

__all__ = ["county_payload"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Builder:
    view: CountyView
    words: Words
    packer: Packer
    hidden: Withheld
    metric: Metric

    def version(self, prefix: str, grids: Sequence[GridView]) -> Json:
        themes = Themes(self.view, self.words)
        colours = palette.map_colours([g.geometry for g in grids])
        as_of = self.view.before_as_of if prefix == "before" else self.view.after_as_of
        date = f" {self.words.date(as_of)}" if as_of else ""
        name = f"{self.words(prefix)}({len(grids)}){date}"
        sizes = Counter((g.town, g.community) for g in grids)
        items = []
        for grid, colour in zip(grids, colours, strict=True):
            mask = self.hidden.of(f"{prefix}:{grid.id}")
            alone = sizes[grid.town, grid.community] == 1
            rows = label_rows(grid, self.words, alone=alone, mask=mask)
            items.append(
                {
                    "l": rows,
                    "o": int(alone),
                    "s": themes.of(grid, colour, mask=mask),
                    **self._grid(grid, mask=mask),
                }
            )
        lines = shapely.line_merge(
            shapely.union_all(shapely.boundary(np.array([g.geometry for g in grids], dtype=object)))
        )
        return {"id": prefix, "css": f"grid-{prefix}", "name": name, "grids": items, "lines": self.packer.lines(lines)}

    def _grid(self, grid: GridView, *, mask: Mask) -> Json:
        public = self.view.edition is Edition.PUBLIC
        return {
            "p": self.packer.polygons(grid.geometry),
            "v": tooltip(grid, self.words, mask=mask, public=public),
            **placed(self.packer, grid.geometry),
        }

    def places(self) -> list[Json]:
        every = (*self.view.before, *self.view.after)
        out: list[Json] = [{"button": self.words("whole_county"), "bounds": _bounds(every), "rows": []}]
        for town in self.view.towns():
            grids = [g for g in every if g.town == town]
            core = core_grids(grids, self.metric)
            west, south, east, north = shapely.total_bounds([g.geometry for g in core])
            out.append(
                {
                    "button": town,
                    "bounds": _bounds(core),
                    "rows": [town, self._town_line(town)],
                    "a": self.packer.spot((west + east) / 2, (south + north) / 2),
                    "r": [round((east - west) / 2 * MILLIONTHS), round((north - south) / 2 * MILLIONTHS)],
                }
            )
        return out

    def _town_line(self, town: str) -> str:
        before = sum(g.town == town for g in self.view.before)
        after = [g for g in self.view.after or self.view.before if g.town == town]
        count = sum(g.households for g in after)
        figure = printed(count, mask=self.hidden.of(f"town:{town}"))
        return f"{before}→{len(after)} {self.words('grids_unit')}  {self.words.households(figure)}"

    def communities(self) -> list[Json]:
        grids = self.view.after or self.view.before
        out = []
        sizes = Counter((g.town, g.community) for g in grids)
        for name in (n for n, count in sizes.items() if count > 1):
            whole = shapely.union_all([g.geometry for g in grids if (g.town, g.community) == name])
            out.append({"name": name[1], **placed(self.packer, whole)})
        return out


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
    packer = Packer((round(west * MILLIONTHS), round(south * MILLIONTHS)))
    hidden = withheld_grids(view) if view.edition is Edition.PUBLIC else NOTHING
    metric = view.metric()
    builder = _Builder(view, words, packer, hidden, metric)
    versions = [builder.version(p, g) for p, g in (("before", view.before), ("after", view.after)) if g]
    fields = [words(f) for f in FIELDS]
    return {
        "title": view.title,
        "subtitle": view.subtitle,
        "stamps": _stamps(view, words),
        "notes": _notes(view, words),
        "origin": list(packer.origin),
        "bounds": _bounds(every),
        "start": {"version": versions[-1]["id"], "theme": "plain"},
        "fields": fields,
        "themes": Themes(view, words).listed(),
        "hatches": list(HATCHES),
        "colours": {"grid": palette.GRID_LINE},
        "versions": versions,
        "overlays": Overlays(view, words, packer, metric).listed(),
        "places": builder.places(),
        "communities": builder.communities(),
        "words": {key: words(key) for key in _PAGE_WORDS},
    }
