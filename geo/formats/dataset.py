"""What a reader hands on: features with their line of origin, and what it had to refuse.

Nothing here is converted or guessed. Geometry stays in the file's own numbers, a bad row becomes a
`Rejected` beside the good ones, and only a file that cannot be read at all raises.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from geo.errors import HostileFile, Where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from geo.model import Geometry
    from geo.settings import Limits

__all__ = ["Dataset", "Feature", "Harvest", "Rejected", "Source", "name_of", "vet_geometry"]

# In this order: what staff call the name of a polygon or row.
_NAME_COLUMNS: Final = ("网格名称", "名称", "网格", "所属网格", "name", "Name", "NAME", "grid_name", "GRID_NAME")
# Control characters, line separators, surrogates and direction marks.
_MARKS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Feature:
    """One row or polygon as the file has it.

    Parameters
    ----------
    row : int
        1-based number a person sees: spreadsheet row, line of a text file, or ordinal of the feature.
    properties : mapping
        Column → value (text, int, float, date, bool or None).
    geometry : shapely geometry or None
        In the file's own numbers and axis order; None for tables. Never with Z.
    layer : str
        Sheet, folder or layer name, "" where the format has none.
    name : str
        What the file calls the feature, "" where it says nothing.
    raw : mapping
        The original text of each value that reading changed (``"312户"`` → 312).
    """

    row: int
    properties: Mapping[str, Any]
    geometry: Geometry | None = None
    layer: str = ""
    name: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row or feature that could not be accepted; the message never repeats the row's values."""

    where: Where
    code: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Everything one file says.

    `declared_datum` is a word for `geo.crs.parse_datum` where the file itself declares one;
    `proposed_datum` is a mere proposal with `datum_evidence`, to be confirmed by a person.
    """

    path: Path
    sha256: str
    format: str
    encoding: str = ""
    encoding_evidence: str = ""
    declared_datum: str | None = None
    proposed_datum: str | None = None
    datum_evidence: str = ""
    layers: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    refused: tuple[Rejected, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that passed the door: what every reader is handed."""

    path: Path
    data: bytes
    kind: str
    limits: Limits
    layer: str | None = None
    encoding: str | None = None

    @property
    def name(self) -> str:
        """File name without its folder, for messages."""
        return self.path.name


@dataclass(slots=True)
class Harvest:
    """Collects features, refusals and warnings while a reader works, and watches the limits."""

    source: Source
    features: list[Feature] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)
    encoding: str = ""
    encoding_evidence: str = ""
    declared_datum: str | None = None
    proposed_datum: str | None = None
    datum_evidence: str = ""
    layers: dict[str, None] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    vertices: int = 0
    _warnings: Counter[str] = field(default_factory=Counter)

    def take(self, feature: Feature) -> None:
        """Accept a feature, or refuse it when its name or geometry may not enter.

        Raises
        ------
        HostileFile
            The file passes the number of features, rows or vertices allowed.
        """
        fault = _name_fault(feature.name, self.source.limits.name_chars)
        if fault is None and feature.geometry is not None:
            self.vertices += int(shapely.get_num_coordinates(feature.geometry))
            self._check_vertices()
            fault = vet_geometry(feature.geometry, self.source.limits)
        if fault is not None:
            shown = "" if fault[0] == "name-refused" else feature.name
            self.refuse(feature.row, *fault, layer=feature.layer, feature=shown)
            return
        self.features.append(feature)
        limit = self.source.limits.table_rows if feature.geometry is None else self.source.limits.features
        if len(self.features) > limit:
            raise self.hostile("too-many-features", f"超过 {limit} 条记录", "拆成几个文件分别导入")
        self.columns.update(dict.fromkeys(feature.properties))

    def refuse(
        self,
        row: int | None,
        code: str,
        message: str,
        remedy: str = "",
        *,
        layer: str = "",
        feature: str = "",
        column: str | None = None,
    ) -> None:
        """Note a row or feature that cannot be accepted."""
        where = Where(file=self.source.name, layer=layer or None, row=row, feature=feature or None, column=column)
        self.refused.append(Rejected(where, code, message, remedy))
        if len(self.refused) > self.source.limits.table_rows:
            raise self.hostile("too-many-faults", "坏行过多", "检查文件格式和编码")

    def warn(self, text: str, count: int = 1) -> None:
        """Note a warning; equal ones are counted, not repeated."""
        self._warnings[text] += count

    def hostile(self, code: str, message: str, remedy: str) -> HostileFile:
        """Return the error for a file that passes a limit."""
        return HostileFile(message, code=code, where=Where(file=self.source.name), remedy=remedy)

    def dataset(self, sha256: str) -> Dataset:
        """Return what was gathered as a value."""
        return Dataset(
            path=self.source.path,
            sha256=sha256,
            format=self.source.kind,
            encoding=self.encoding,
            encoding_evidence=self.encoding_evidence,
            declared_datum=self.declared_datum,
            proposed_datum=self.proposed_datum,
            datum_evidence=self.datum_evidence,
            layers=tuple(self.layers),
            columns=tuple(self.columns),
            features=tuple(self.features),
            refused=tuple(self.refused),
            warnings=tuple(f"{text} ({n} 处)" if n > 1 else text for text, n in self._warnings.items()),
        )

    def _check_vertices(self) -> None:
        if self.vertices > self.source.limits.vertices:
            raise self.hostile("too-many-vertices", f"超过 {self.source.limits.vertices} 个顶点", "抽稀或拆分后再导入")


def name_of(properties: Mapping[str, Any], *, also: Sequence[str] = ()) -> str:
    """Return the name a feature carries in its properties, "" where none of the usual columns is filled."""
    for column in (*also, *_NAME_COLUMNS):
        value = properties.get(column)
        if value is not None and not isinstance(value, (dict, list)) and str(value).strip():
            return str(value).strip()
    return ""


def vet_geometry(geometry: Geometry, limits: Limits) -> tuple[str, str, str] | None:
    """Return (code, message, remedy) where a geometry may not enter, None where it may.

    Looks at finite coordinates and at the sizes that make later steps expensive, never at validity:
    that is a finding of the coverage, not a reason to refuse.
    """
    if shapely.is_empty(geometry):
        return "geometry-empty", "图形为空", "删除该要素或补画图形"
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        return "coordinate-not-finite", "坐标不是有限数值 (NaN 或 Infinity)", "删除或改正该要素的坐标"
    for part in shapely.get_parts(geometry):
        if shapely.get_num_coordinates(part) > limits.polygon_vertices:
            return "polygon-too-large", f"单个图形超过 {limits.polygon_vertices} 个顶点", "抽稀后再导入"
        if part.geom_type == "Polygon" and shapely.get_num_interior_rings(part) > limits.polygon_holes:
            return "too-many-holes", f"单个图形超过 {limits.polygon_holes} 个洞", "检查图形"
    return None


def _name_fault(name: str, limit: int) -> tuple[str, str, str] | None:
    if len(name) > limit:
        return "name-refused", f"名称超过 {limit} 个字", "缩短名称, 说明文字放到备注"
    if _MARKS.search(name):
        return "name-refused", "名称含有控制字符或文字方向符", "重新输入名称"
    return None
