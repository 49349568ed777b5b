"""A file on its way into the store, and what the store knew before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geo.services.ingest.positions import Positioned

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from geo.formats import Dataset, Feature, Rejected
    from geo.model import Generation
    from geo.services.ingest.positions import Box, Hints
    from geo.services.ingest.records import County

__all__ = ["Incoming", "Setting"]


@dataclass(slots=True)
class Incoming:
    """One file on its way through the import."""

    dataset: Dataset
    columns: dict[str, str]
    items: list[tuple[Any, Feature]] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    position: Positioned = field(default_factory=lambda: Positioned(None, None, ()))

    @property
    def name(self) -> str:
        """File name without its folder, for messages."""
        return Path(self.dataset.path).name


@dataclass(frozen=True, slots=True)
class Setting:
    """What the store knows before the import."""

    county: County
    hints: Hints
    near: Box
    generation: Generation | None
    known_grids: dict[str, str]
    timezone: ZoneInfo
