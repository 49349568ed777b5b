"""What an import is asked to do and what it says it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geo.crs import Datum, parse_datum
from geo.errors import DatumRequired

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from geo.formats import Rejected

__all__ = ["IMPORT_KINDS", "Declared", "FileReport", "ImportReport", "ImportRequest", "declared"]

# Command word → record kind of the store ("grids" go into a generation, not into a record table).
IMPORT_KINDS: Mapping[str, str] = {
    "boundaries": "grids",
    "exclusive": "grids",
    "police": "grids",
    "areas": "areas",
    "compounds": "compounds",
    "buildings": "buildings",
    "households": "households",
    "gridworkers": "gridworkers",
    "party": "party_groups",
    "anchors": "anchor_households",
    "centres": "service_centres",
    "incidents": "incidents",
    "places": "places",
    "duties": "duties",
    "lines": "lines",
}

_SWAPPED = ":yx"


@dataclass(frozen=True, slots=True)
class Declared:
    """A datum and the axis order of a file: `swapped` means latitude (northing) comes first."""

    datum: Datum
    swapped: bool = False

    def __str__(self) -> str:
        return f"{self.datum}{_SWAPPED if self.swapped else ''}"


def declared(word: str | None) -> Declared | None:
    """Parse a user's datum word; ``:yx`` after it says that latitude comes first. None where nothing is declared.

    Raises
    ------
    Refused
        The word is no datum.
    """
    text = (word or "").strip().lower()
    try:
        return Declared(parse_datum(text.removesuffix(_SWAPPED)), text.endswith(_SWAPPED))
    except DatumRequired:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """One import: files of one kind.

    Parameters
    ----------
    kind : str
        A key of `IMPORT_KINDS`.
    paths : tuple of Path
        Files, each read on its own; the rows of all are written together or not at all.
    datum : str, optional
        Declared datum word. Where it is missing, a dry run proposes one with evidence and an applying
        run is refused.
    mapping : mapping of str to str
        Field → column, where the column's name is not one known here.
    apply : bool
        Write. A dry run reads, reports and writes nothing.
    accept_refused : bool
        Write the good rows although some were refused.
    """

    kind: str
    paths: tuple[Path, ...]
    datum: str | None = None
    encoding: str | None = None
    layer: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    apply: bool = False
    accept_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What one file gave."""

    path: str
    sha256: str
    format: str
    encoding: str
    encoding_evidence: str
    datum: str
    proposed_datum: str
    datum_evidence: tuple[str, ...]
    rows_read: int
    accepted: int
    refused: tuple[Rejected, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What the import read, refused, warned of and (if asked) wrote."""

    kind: str
    files: tuple[FileReport, ...]
    applied: bool
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    generation_id: str | None = None

    @property
    def rows_read(self) -> int:
        """Rows or features read in all files."""
        return sum(f.rows_read for f in self.files)

    @property
    def accepted(self) -> int:
        """Rows that can be (or were) written."""
        return sum(f.accepted for f in self.files)

    @property
    def refused(self) -> tuple[Rejected, ...]:
        """Refused rows of all files, each with line and reason."""
        return tuple(r for f in self.files for r in f.refused)

    @property
    def proposed_datum(self) -> str:
        """The one datum proposed for all files that declare none, "" where they differ or need none."""
        proposals = {f.proposed_datum for f in self.files}
        return proposals.pop() if len(proposals) == 1 else ""
