"""The county page: one folium map that needs no network, no server and no newer browser than Chromium 78."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import folium
from branca.element import Element, MacroElement
from folium.template import Template

from maps import safe
from maps.payload import county_payload
from maps.view import CountyView, require_drawable
from maps.webfont import characters_of, font_faces
from maps.words import words

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["county_page"]

_MAX_ZOOM = 19
_DATA, _FONTS = "<!--county-data-->", "<!--county-fonts-->"
# What the page's scripts write besides the data.
_WRITERS = ("leaflet/leaflet.js", "own/county.js")
_FRAME = "".join(f'<div class="card" id="{name}"></div>' for name in ("head", "control", "legend", "foot"))


class _County(MacroElement):
    """Hangs the county's data and its drawing script on a folium map."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            wanggeCounty({{ this._parent.get_name() }}, JSON.parse(document.getElementById("county-data").textContent));
        {% endmacro %}
        """
    )

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id = "County", "layers"
        self.payload = payload

    def render(self, **kwargs: Any) -> str:
        """Add the panels, the inert data and the script's own files to the page."""
        figure: Any = self.get_root()
        # The template engine must not read names as markup, so the block goes in as plain text.
        figure.html.add_child(Element("{% raw %}" + _FRAME + "{% endraw %}"), name="frame")
        figure.header.add_child(Element(_FONTS), name="county_fonts")
        figure.header.add_child(Element('<link rel="stylesheet" href="asset:own/county.css">'), name="county_css")
        figure.header.add_child(Element('<script src="asset:own/county.js"></script>'), name="county_js")
        return str(super().render(**kwargs))  # type: ignore[no-untyped-call]


def _frame_map(view: CountyView) -> folium.Map:
    """Return an empty folium map with vendored assets only; its names are fixed, so equal views give equal bytes."""
    west, south = (min(g.geometry.bounds[i] for g in (*view.before, *view.after)) for i in (0, 1))
    plain = folium.Map(
        location=[south, west],
        zoom_start=10,
        tiles=None,
        maxZoom=_MAX_ZOOM,
        zoomSnap=0.25,
        zoomDelta=0.5,
        wheelPxPerZoomLevel=120,
        attributionControl=False,
    )
    plain._id = "county"  # noqa: SLF001 - folium has no public way to a stable name
    # Set on the instance: the class-level lists are shared by every map of the process.
    plain.default_js = [("leaflet", f"{safe.ASSET_SCHEME}leaflet/leaflet.js")]
    plain.default_css = [("leaflet_css", f"{safe.ASSET_SCHEME}leaflet/leaflet.css")]
    return plain


def county_page(view: CountyView, path: Path | None = None, *, lang: str = "zh") -> str:
    """Draw a county before and after as one offline page.

    Parameters
    ----------
    view : CountyView
        Plain values; a public edition needs its approval number and leaves with small counts withheld.
    path : Path, optional
        Where to write the page (UTF-8), besides returning it.
    lang : str, keyword
        "zh" or "en".

    Returns
    -------
    str
        The page. Base grids are SVG paths of class ``grid-before`` or ``grid-after``, one per grid; a radio
        switches versions, another themes. The font of its characters stands in it. Equal views give equal text.

    Raises
    ------
    Refused
        Nothing to draw, no approval number on a public edition, or an address in the page.
    """
    require_drawable(view)
    payload = county_payload(view, words(lang))
    plain = _frame_map(view)
    plain.add_child(_County(payload), name="county")
    figure: Any = plain.get_root()
    figure.title = safe.text(view.title)
    figure.html.add_child(Element(_DATA), name="data_place")
    page = figure.render().replace(_DATA, safe.data_block("county-data", payload), 1)
    faces = font_faces(characters_of([page, *map(safe.asset_text, _WRITERS)]))
    done = safe.offline(page.replace(_FONTS, f"<style>{faces}</style>", 1))
    if path is not None:
        partial = path.with_name(path.name + ".part")
        partial.write_text(done, encoding="utf-8")
        partial.replace(path)
    return done
