"""Ink on a page measured in millimetres: map windows, lines, rectangles, text.

One matplotlib axes covers the whole sheet with a unit of one millimetre, so a window's scale is exact by
construction and every label can be measured against every other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from maps.fonts import Weight, font, printable
from maps.lettering import Box, LineOfText

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from maps.layout import Window

__all__ = ["Page", "Pen"]

_AREAL: Final = 2
_INCH_MM: Final = 25.4
_POINTS_PER_MM: Final = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Pen:
    """A line: colour, width in millimetres, dash lengths in millimetres."""

    colour: str
    width: float
    dash: tuple[float, ...] = ()

    def options(self) -> dict[str, Any]:
        """Return matplotlib's names for it (dashes count in line widths there)."""
        dashes = [(0, tuple(d / self.width for d in self.dash))] if self.dash else "solid"
        return {"colors": self.colour, "linewidths": self.width * _POINTS_PER_MM, "linestyles": dashes}


def _ring_path(coordinates: Any) -> tuple[Any, list[int]]:
    codes = [int(Path.LINETO)] * len(coordinates)
    codes[0], codes[-1] = int(Path.MOVETO), int(Path.CLOSEPOLY)
    return coordinates, codes


class Page:
    """A sheet being drawn."""

    def __init__(self, width_mm: float, height_mm: float) -> None:
        self.figure = Figure(figsize=(width_mm / _INCH_MM, height_mm / _INCH_MM), facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width_mm)
        self.axes.set_ylim(0, height_mm)
        self.axes.set_axis_off()
        self._level = 1.0

    def _next(self) -> float:
        """Later ink lies above earlier ink, whatever its kind."""
        self._level += 0.001
        return self._level

    def rectangle(self, box: Box, *, fill: str = "none", pen: Pen | None = None, hatch: str | None = None) -> None:
        """Draw a rectangle."""
        width = pen.width * _POINTS_PER_MM if pen else 0.0
        patch = Rectangle(
            (box.left, box.bottom),
            box.width,
            box.height,
            facecolor=fill,
            linewidth=width,
            hatch=hatch,
            zorder=self._next(),
        )
        patch.set_edgecolor(pen.colour if pen else "none")
        self.axes.add_patch(patch)

    def shape(self, corners: Sequence[tuple[float, float]], *, fill: str) -> None:
        """Fill a small polygon given in millimetres."""
        path = Path([*corners, corners[0]], closed=True)
        self.axes.add_patch(PathPatch(path, facecolor=fill, edgecolor="#222222", linewidth=0.4, zorder=self._next()))

    def stroke(self, points: Sequence[tuple[float, float]], pen: Pen) -> None:
        """Draw a line given in millimetres."""
        self.axes.add_collection(
            LineCollection([np.asarray(points)], zorder=self._next(), **pen.options()), autolim=False
        )

    def polygons(self, window: Window, geometries: Iterable[Any], fills: Sequence[str], *, alpha: float = 1.0) -> None:
        """Fill polygons given in metres, clipped to the window."""
        paths = [self._polygon_path(window, g) for g in geometries]
        if len(set(fills)) == 1 and paths:
            # One compound path is drawn and stored many times faster than thousands of small ones.
            paths, fills = [Path.make_compound_path(*paths)], fills[:1]
        shapes = PathCollection(paths, facecolors=list(fills), edgecolors="none", alpha=alpha, zorder=self._next())
        self._add(window, shapes)

    def lines(self, window: Window, geometries: Iterable[Any], pen: Pen) -> None:
        """Draw lines (or the boundaries of polygons) given in metres, clipped to the window."""
        segments = [self._on_page(window, shapely.get_coordinates(part)) for g in geometries for part in _strings(g)]
        if segments:
            self._add(
                window,
                LineCollection(segments, zorder=self._next(), capstyle="round", joinstyle="round", **pen.options()),
            )

    def dots(self, window: Window, points: Iterable[tuple[float, float]], colour: str, size_mm: float) -> None:
        """Draw round dots at points given in metres."""
        places = np.asarray([window.to_page(x, y) for x, y in points])
        if len(places):
            area = (size_mm * _POINTS_PER_MM) ** 2
            made = self.axes.scatter(
                places[:, 0], places[:, 1], s=area, c=colour, edgecolors="white", linewidths=0.3, zorder=self._next()
            )
            self._clip(window, made)

    def text(self, line: LineOfText, *, align: str = "center") -> None:
        """Write one line of real text, its middle height at the given point."""
        halo = {"facecolor": "white", "edgecolor": "none", "alpha": 0.72, "pad": 0.6} if line.halo else None
        self.axes.text(
            line.x,
            line.y,
            # A dollar sign would open matplotlib's formula mode.
            printable(line.text),
            fontproperties=font(line.size, line.weight),
            color=line.colour,
            ha=align,
            va="center_baseline",
            bbox=halo,
            parse_math=False,
            zorder=self._next(),
        )

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        colour: str = "#222222",
        bold: bool = False,
        align: str = "left",
    ) -> None:
        """Write one line without a halo."""
        weight = Weight.BOLD if bold else Weight.REGULAR
        self.text(LineOfText(x, y, text, size, colour, weight, halo=False), align=align)

    def _polygon_path(self, window: Window, geometry: Any) -> Path:
        vertices, codes = [], []
        for part in shapely.get_parts(geometry):
            for ring in (part.exterior, *part.interiors):
                points, marks = _ring_path(self._on_page(window, shapely.get_coordinates(ring)))
                vertices.append(points)
                codes += marks
        return Path(np.concatenate(vertices), codes)

    def _on_page(self, window: Window, coordinates: Any) -> Any:
        x, y = window.to_page(coordinates[:, 0], coordinates[:, 1])
        return np.column_stack([x, y])

    def _add(self, window: Window, collection: Any) -> None:
        self.axes.add_collection(collection, autolim=False)
        self._clip(window, collection)

    def _clip(self, window: Window, artist: Any) -> None:
        box = window.box
        artist.set_clip_path(Rectangle((box.left, box.bottom), box.width, box.height, transform=self.axes.transData))


def _strings(geometry: Any) -> Iterable[Any]:
    lines = shapely.boundary(geometry) if shapely.get_dimensions(geometry) == _AREAL else geometry
    return [part for part in shapely.get_parts(lines) if not shapely.is_empty(part)]
