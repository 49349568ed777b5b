"""Where things stand on a sheet: panels of one round scale, arranged so that the scale is as large as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from geo.errors import Refused
from maps.lettering import Box
from maps.view import Extent

__all__ = ["A3", "ROUND_SCALES", "Frame", "Panel", "Window", "arrange", "scale_bar_m"]

ROUND_SCALES: Final = tuple(
    factor * power for power in (1_000, 10_000, 100_000, 1_000_000) for factor in (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0)
)
_GAP_MM: Final = 2.5
_HEADER_MM: Final = 6.0
_MARGIN_MM: Final = 1.6


@dataclass(frozen=True, slots=True)
class Frame:
    """A sheet of paper in millimetres and its fixed parts."""

    width: float
    height: float
    panels: Box
    title: Box
    band: Box
    neat: Box


A3: Final = Frame(
    width=420.0,
    height=297.0,
    neat=Box(8.0, 8.0, 404.0, 281.0),
    title=Box(12.0, 270.0, 396.0, 17.0),
    panels=Box(12.0, 62.0, 396.0, 206.0),
    band=Box(12.0, 11.0, 396.0, 48.0),
)


@dataclass(frozen=True, slots=True)
class Window:
    """A map window: a box on the page and the piece of ground it shows at 1:`scale`."""

    box: Box
    extent: Extent
    scale: float

    def to_page(self, x: float, y: float) -> tuple[float, float]:
        """Metres → millimetres of the page."""
        factor = 1000.0 / self.scale
        return self.box.left + (x - self.extent.west) * factor, self.box.bottom + (y - self.extent.south) * factor

    def to_ground(self, x: float, y: float) -> tuple[float, float]:
        """Millimetres of the page → metres."""
        factor = self.scale / 1000.0
        return self.extent.west + (x - self.box.left) * factor, self.extent.south + (y - self.box.bottom) * factor


@dataclass(frozen=True, slots=True)
class Panel:
    """One map with its heading."""

    key: str
    before: bool
    header: Box
    window: Window


def _fits_columns(sizes: Sequence[tuple[float, float]], area: Box, scale: float) -> bool:
    """Whether towns stand side by side, after below before."""
    wide = sum(w for w, _ in sizes) * 1000 / scale + len(sizes) * 2 * _MARGIN_MM + (len(sizes) - 1) * _GAP_MM
    high = max(h for _, h in sizes) * 1000 / scale + 2 * _MARGIN_MM
    return wide <= area.width and high <= (area.height - _GAP_MM) / 2 - _HEADER_MM


def _fits_rows(sizes: Sequence[tuple[float, float]], area: Box, scale: float) -> bool:
    """Whether towns stand below each other, after beside before."""
    wide = max(w for w, _ in sizes) * 1000 / scale + 2 * _MARGIN_MM
    each = (h * 1000 / scale + 2 * _MARGIN_MM + _HEADER_MM for _, h in sizes)
    return wide <= (area.width - _GAP_MM) / 2 and sum(each) + (len(sizes) - 1) * _GAP_MM <= area.height


def _shares(sizes: Sequence[float], room: float) -> list[float]:
    """Split `room` so that each part gets its size and an equal share of what is left."""
    spare = (room - sum(sizes)) / len(sizes)
    return [size + spare for size in sizes]


def _panel(key: str, before: bool, cell: Box, extent: Extent, scale: float) -> Panel:  # noqa: FBT001 - two halves of a pair
    header = Box(cell.left, cell.top - _HEADER_MM, cell.width, _HEADER_MM)
    box = Box(cell.left, cell.bottom, cell.width, cell.height - _HEADER_MM)
    ground = extent.centred(box.width * scale / 1000, box.height * scale / 1000)
    return Panel(key, before, header, Window(box, ground, scale))


def _columns(extents: dict[str, Extent], area: Box, scale: float) -> list[Panel]:
    room = area.width - (len(extents) - 1) * _GAP_MM
    widths = _shares([e.width * 1000 / scale + 2 * _MARGIN_MM for e in extents.values()], room)
    high = (area.height - _GAP_MM) / 2
    panels, left = [], area.left
    for (key, extent), width in zip(extents.items(), widths, strict=True):
        panels.append(_panel(key, True, Box(left, area.bottom + high + _GAP_MM, width, high), extent, scale))
        panels.append(_panel(key, False, Box(left, area.bottom, width, high), extent, scale))
        left += width + _GAP_MM
    return panels


def _rows(extents: dict[str, Extent], area: Box, scale: float) -> list[Panel]:
    room = area.height - (len(extents) - 1) * _GAP_MM
    heights = _shares([e.height * 1000 / scale + 2 * _MARGIN_MM + _HEADER_MM for e in extents.values()], room)
    wide = (area.width - _GAP_MM) / 2
    panels, top = [], area.top
    for (key, extent), height in zip(extents.items(), heights, strict=True):
        panels.append(_panel(key, True, Box(area.left, top - height, wide, height), extent, scale))
        panels.append(_panel(key, False, Box(area.left + wide + _GAP_MM, top - height, wide, height), extent, scale))
        top -= height + _GAP_MM
    return panels


def arrange(extents: dict[str, Extent], area: Box) -> list[Panel]:
    """Return a before and an after panel per town, all at the largest round scale that fits.

    Parameters
    ----------
    extents : dict of str to Extent
        Ground to show per town, in metres.
    area : Box
        Room on the page.

    Raises
    ------
    Refused
        Even the smallest scale does not fit (more towns than a sheet can carry).
    """
    sizes = [(e.width, e.height) for e in extents.values()]
    for scale in ROUND_SCALES:
        if _fits_columns(sizes, area, scale):
            return _columns(extents, area, scale)
        if _fits_rows(sizes, area, scale):
            return _rows(extents, area, scale)
    raise Refused(f"{len(extents)} towns do not fit on one sheet", code="sheet-full", remedy="draw one sheet per town")


def scale_bar_m(scale: float, room_mm: float) -> float:
    """Return the longest round length in metres (1, 2 or 5 times a power of ten) whose bar fits the room."""
    longest = room_mm * scale / 1000
    lengths = [factor * 10**power for power in range(7) for factor in (1, 2, 5)]
    return float(max(length for length in lengths if length <= longest))
