"""Labels that keep clear of each other: greedy placement of boxes in millimetres of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from maps.fonts import MM_PER_POINT, Weight, text_width_mm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Box", "Label", "LineOfText", "Placer", "Style"]

LINE_HEIGHT: Final = 1.16
_PAD_MM: Final = 0.35


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the page in millimetres."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right side."""
        return self.left + self.width

    @property
    def top(self) -> float:
        """Upper side."""
        return self.bottom + self.height

    def meets(self, other: Box) -> bool:
        """Whether two rectangles share more than an edge."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def holds(self, other: Box) -> bool:
        """Whether `other` lies within."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


@dataclass(frozen=True, slots=True)
class Style:
    """How a label's first line and the others are written."""

    size: float
    colour: str = "#222222"
    weight: Weight = Weight.REGULAR
    halo: bool = False
    first_colour: str = ""
    first_weight: Weight | None = None

    def of_line(self, number: int) -> tuple[str, Weight]:
        """Return colour and weight of a line of the label."""
        if number == 0:
            return self.first_colour or self.colour, self.first_weight or self.weight
        return self.colour, self.weight


@dataclass(frozen=True, slots=True)
class Label:
    """Rows of text in one style."""

    rows: tuple[str, ...]
    style: Style

    def size_mm(self) -> tuple[float, float]:
        """Return width and height in millimetres, padding included."""
        widths = (text_width_mm(row, self.style.size, self.style.of_line(i)[1]) for i, row in enumerate(self.rows))
        height = len(self.rows) * self.style.size * MM_PER_POINT * LINE_HEIGHT
        return max(widths) + 2 * _PAD_MM, height + _PAD_MM

    def box(self, x: float, y: float) -> Box:
        """Return the box of the label centred at (x, y)."""
        width, height = self.size_mm()
        return Box(x - width / 2, y - height / 2, width, height)


@dataclass(frozen=True, slots=True)
class LineOfText:
    """One line to draw: its middle on the page and how it is written."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    weight: Weight
    halo: bool


@dataclass(slots=True)
class Placer:
    """Remembers what is taken inside a frame and places labels where nothing stands yet."""

    frame: Box
    taken: list[Box] = field(default_factory=list)
    lines: list[LineOfText] = field(default_factory=list)

    def is_free(self, box: Box) -> bool:
        """Whether a box lies inside the frame and touches no placed one."""
        return self.frame.holds(box) and not any(box.meets(other) for other in self.taken)

    def reserve(self, box: Box) -> None:
        """Keep a box free of labels."""
        self.taken.append(box)

    def place(self, label: Label, spots: Iterable[tuple[float, float]], *, room: Sequence[float] | None = None) -> bool:
        """Place a label at the first free spot.

        Parameters
        ----------
        label : Label
        spots : iterable of (x, y)
            Candidate middles in millimetres, best first.
        room : (half width, half height), keyword, optional
            Largest half extents the label may have there.

        Returns
        -------
        bool
            False where no spot is free or the label is larger than its room.
        """
        width, height = label.size_mm()
        if room is not None and (width / 2 > room[0] or height / 2 > room[1]):
            return False
        for x, y in spots:
            box = label.box(x, y)
            if self.is_free(box):
                self.taken.append(box)
                self._write(label, x, y, height)
                return True
        return False

    def _write(self, label: Label, x: float, y: float, height: float) -> None:
        step = label.style.size * MM_PER_POINT * LINE_HEIGHT
        top = y + height / 2 - _PAD_MM / 2
        for number, row in enumerate(label.rows):
            colour, weight = label.style.of_line(number)
            middle = top - (number + 0.5) * step
            self.lines.append(LineOfText(x, middle, row, label.style.size, colour, weight, label.style.halo))
