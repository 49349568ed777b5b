"""Where things stand on a sheet: panels of one round scale, arranged so that the scale is as large as it can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from geo.errors import Refused
from maps.lettering import Box
from maps.view import Extent

__all__ = ["A3", "ROUND_SCALES", "Arrangement", "Frame", "Marginalia", "Panel", "Window", "arrange", "scale_bar_m"]

ROUND_SCALES: Final = tuple(
    factor * power
    for power in (1_000, 10_000, 100_000, 1_000_000)
    for factor in (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 8.0)
)
_GAP_MM: Final = 2.5
_HEADER_MM: Final = 6.0
_MARGIN_MM: Final = 1.6
_BAND_MM: Final = 48.0
_CORNER_MM: Final = (150.0, 68.0)
_SPLIT_TOWNS: Final = 6
_SMALLEST_MM: Final = 20.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A sheet of paper in millimetres: neat line, title, and the body under it."""

    width: float
    height: float
    neat: Box
    title: Box
    body: Box


A3: Final = Frame(
    width=420.0,
    height=297.0,
    neat=Box(8.0, 8.0, 404.0, 281.0),
    title=Box(12.0, 270.0, 396.0, 17.0),
    body=Box(12.0, 11.0, 396.0, 257.0),
)


@dataclass(frozen=True, slots=True)
class Marginalia:
    """Where legend, table, locator and notes stand."""

    legend: Box
    table: Box
    locator: Box
    notes: Box


@dataclass(frozen=True, slots=True)
class Window:
    """A map window: a box on the page and the piece of ground it shows at 1:`scale`."""

    box: Box
    extent: Extent
    scale: float

    def to_page(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Metres → millimetres of the page, for numbers or arrays."""
        factor = 1000.0 / self.scale
        return self.box.left + (x - self.extent.west) * factor, self.box.bottom + (y - self.extent.south) * factor

    def to_ground(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Millimetres of the page → metres, for numbers or arrays."""
        factor = self.scale / 1000.0
        return self.extent.west + (x - self.box.left) * factor, self.extent.south + (y - self.box.bottom) * factor


@dataclass(frozen=True, slots=True)
class Panel:
    """One map with its heading."""

    key: str
    before: bool
    header: Box
    window: Window


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Panels of one scale and the marginalia around them."""

    panels: tuple[Panel, ...]
    margin: Marginalia


Extents = Mapping[str, Extent]


@dataclass(frozen=True, slots=True)
class _Stack:
    """Towns side by side, each with its after panel below its before panel."""

    extents: Extents

    def needs(self, scale: float) -> tuple[float, float]:
        """Return the width and height in millimetres that the panels need at 1:`scale`."""
        widths = [_on_paper(e.width, scale) for e in self.extents.values()]
        high = max(_on_paper(e.height, scale) for e in self.extents.values())
        return sum(widths) + (len(widths) - 1) * _GAP_MM, 2 * (high + _HEADER_MM) + _GAP_MM

    def panels(self, area: Box, scale: float) -> list[Panel]:
        room = area.width - (len(self.extents) - 1) * _GAP_MM
        widths = _shares([_on_paper(e.width, scale) for e in self.extents.values()], room)
        high = (area.height - _GAP_MM) / 2
        panels, left = [], area.left
        for (key, extent), width in zip(self.extents.items(), widths, strict=True):
            panels.append(
                _panel(key, Box(left, area.bottom + high + _GAP_MM, width, high), extent, scale=scale, before=True)
            )
            panels.append(_panel(key, Box(left, area.bottom, width, high), extent, scale=scale, before=False))
            left += width + _GAP_MM
        return panels


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Towns below each other, each with its after panel beside its before panel."""

    extents: Extents

    def needs(self, scale: float) -> tuple[float, float]:
        """Return the width and height in millimetres that the panels need at 1:`scale`."""
        wide = max(_on_paper(e.width, scale) for e in self.extents.values())
        heights = [_on_paper(e.height, scale) + _HEADER_MM for e in self.extents.values()]
        return 2 * wide + _GAP_MM, sum(heights) + (len(heights) - 1) * _GAP_MM

    def panels(self, area: Box, scale: float) -> list[Panel]:
        room = area.height - (len(self.extents) - 1) * _GAP_MM
        heights = _shares([_on_paper(e.height, scale) + _HEADER_MM for e in self.extents.values()], room)
        wide = (area.width - _GAP_MM) / 2
        panels, top = [], area.top
        for (key, extent), height in zip(self.extents.items(), heights, strict=True):
            panels.append(_panel(key, Box(area.left, top - height, wide, height), extent, scale=scale, before=True))
            panels.append(
                _panel(
                    key, Box(area.left + wide + _GAP_MM, top - height, wide, height), extent, scale=scale, before=False
                )
            )
            top -= height + _GAP_MM
        return panels


def _on_paper(metres: float, scale: float) -> float:
    return metres * 1000 / scale + 2 * _MARGIN_MM


def _shares(sizes: Sequence[float], room: float) -> list[float]:
    """Split `room` so that each part gets its size and an equal share of what is left."""
    spare = (room - sum(sizes)) / len(sizes)
    return [size + spare for size in sizes]


def _panel(key: str, cell: Box, extent: Extent, *, scale: float, before: bool) -> Panel:
    header = Box(cell.left, cell.top - _HEADER_MM, cell.width, _HEADER_MM)
    box = Box(cell.left, cell.bottom, cell.width, cell.height - _HEADER_MM)
    ground = extent.centred(box.width * scale / 1000, box.height * scale / 1000)
    return Panel(key, before, header, Window(box, ground, scale))


def _banded(group: _Stack | _Pairs, body: Box, scale: float) -> Arrangement | None:
    """Panels over the whole width, marginalia in a band below them."""
    area = Box(body.left, body.bottom + _BAND_MM + _GAP_MM, body.width, body.height - _BAND_MM - _GAP_MM)
    wide, high = group.needs(scale)
    if wide > area.width or high > area.height:
        return None
    shares = (104.0, 132.0, 66.0, 85.0)
    lefts = [body.left + sum(shares[:i]) + i * 3.0 for i in range(4)]
    boxes = [Box(left, body.bottom, width, _BAND_MM) for left, width in zip(lefts, shares, strict=True)]
    return Arrangement(tuple(group.panels(area, scale)), Marginalia(*boxes))


def _cornered(left: _Stack, right: _Pairs, body: Box, scale: float) -> Arrangement | None:
    """Stacked towns on the left over the marginalia, paired towns on the right over the full height."""
    (left_wide, left_high), (right_wide, right_high) = left.needs(scale), right.needs(scale)
    left_wide = max(left_wide, _CORNER_MM[0])
    fits = left_wide + _GAP_MM + right_wide <= body.width and right_high <= body.height
    if not fits or left_high + _GAP_MM + _CORNER_MM[1] > body.height:
        return None
    share = left_wide + (body.width - left_wide - _GAP_MM - right_wide) / 2
    upper = Box(body.left, body.bottom + _CORNER_MM[1] + _GAP_MM, share, body.height - _CORNER_MM[1] - _GAP_MM)
    beside = Box(body.left + share + _GAP_MM, body.bottom, body.width - share - _GAP_MM, body.height)
    panels = (*left.panels(upper, scale), *right.panels(beside, scale))
    return Arrangement(panels, _corner(Box(body.left, body.bottom, share, _CORNER_MM[1])))


def _corner(box: Box) -> Marginalia:
    high = (box.height - _GAP_MM) / 2
    notes, locator = 80.0, 52.0
    return Marginalia(
        legend=Box(box.left, box.bottom, box.width - notes - _GAP_MM, high),
        notes=Box(box.right - notes, box.bottom, notes, high),
        table=Box(box.left, box.bottom + high + _GAP_MM, box.width - locator - _GAP_MM, high),
        locator=Box(box.right - locator, box.bottom + high + _GAP_MM, locator, high),
    )


def _splits(extents: Extents) -> Iterator[tuple[_Stack, _Pairs]]:
    """Every way to stack some towns on the left and pair the others on the right."""
    names = list(extents)
    for chosen in range(1, 2 ** min(len(names), _SPLIT_TOWNS) - 1):
        left = {n: extents[n] for i, n in enumerate(names) if chosen >> i & 1}
        yield _Stack(left), _Pairs({n: e for n, e in extents.items() if n not in left})


def arrange(extents: Extents, body: Box) -> Arrangement:
    """Return a before and an after panel per town, all at the largest round scale that fits.

    Three ways are tried at each scale: towns side by side, towns below each other, and some stacked
    beside others paired, which suits a county with long and tall towns.

    Parameters
    ----------
    extents : mapping of str to Extent
        Ground to show per town, in metres.
    body : Box
        Room on the page, marginalia included.

    Raises
    ------
    Refused
        More towns than a sheet can carry: the largest would be smaller than a thumb.
    """
    longest = max(max(e.width, e.height) for e in extents.values())
    for scale in (s for s in ROUND_SCALES if longest * 1000 / s >= _SMALLEST_MM):
        ways = (_banded(_Stack(extents), body, scale), _banded(_Pairs(extents), body, scale))
        for found in (*ways, *(_cornered(left, right, body, scale) for left, right in _splits(extents))):
            if found is not None:
                return found
    raise Refused(f"{len(extents)} towns do not fit on one sheet", code="sheet-full", remedy="draw one sheet per town")


def scale_bar_m(scale: float, room_mm: float) -> float:
    """Return the longest round length in metres (1, 2 or 5 times a power of ten) whose bar fits the room."""
    longest = room_mm * scale / 1000
    lengths = [factor * 10**power for power in range(7) for factor in (1, 2, 5)]
    return float(max(length for length in lengths if length <= longest))
