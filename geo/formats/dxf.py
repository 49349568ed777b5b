"""DXF drawings: closed polylines become polygons, the text inside one becomes its name.

Only the model space is read and no block is exploded. Bulges (arcs) are flattened. Of nested polygons
the smallest one around a text gets it.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from ezdxf import filemanagement, recover
from ezdxf.lldxf.const import DXFError, DXFStructureError

from geo.errors import EncodingUnknown, Refused, Where
from geo.formats.dataset import Feature, Harvest, Source, name_of
from geo.formats.descriptions import read_description
from geo.formats.encoding import canonical_encoding, detect
from geo.formats.numerals import strip_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from geo.model import Geometry

__all__ = ["read_dxf"]

_DEGREES: Final = 180.0
# Chord error of flattened arcs: a centimetre in metres, about the same in degrees.
_CHORD_M: Final = 0.01
_CHORD_DEG: Final = 1e-7
_MAX_CHORDS: Final = 2_000
_RING_POSITIONS: Final = 4
_WESTERN: Final = frozenset({"cp1252", "iso8859-1", "ascii"})
_BROKEN: Final = (
    DXFError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    RecursionError,
)


def read_dxf(source: Source) -> Harvest:
    """Read closed polylines as polygons, open ones as lines, and texts as names.

    Raises
    ------
    Refused
        Not a readable drawing, or one without polylines.
    """
    harvest = Harvest(source)
    place = Where(file=source.name)
    try:
        document, encoding = _open(source)
        entities = list(document.modelspace().query("LWPOLYLINE POLYLINE TEXT MTEXT"))
        lines = [entity for entity in entities if entity.dxftype() in {"LWPOLYLINE", "POLYLINE"}]
        shapes = _shapes(lines, harvest)
        texts = [text for entity in entities if (text := _text(entity)) is not None]
    except _BROKEN as error:
        remedy = "在 CAD 中 “文件 → 另存为”, 文件类型选 “AutoCAD 2000/LT2000 DXF (*.dxf)”"
        raise Refused("DXF 已损坏或不完整", code="dxf-broken", where=place, remedy=remedy) from error
    harvest.encoding, harvest.encoding_evidence = (
        encoding,
        "图纸内声明的代码页" if source.encoding is None else "已声明",
    )
    harvest.datum_evidence = "DXF 不记坐标系, 请声明 (常见: epsg:4552 或 epsg:4531)"
    if not lines:
        raise Refused("图纸的模型空间里没有多段线", code="dxf-empty", where=place, remedy="把网格边界画成闭合多段线")
    _take(shapes, _labels(shapes, texts), harvest)
    return harvest


def _open(source: Source) -> tuple[Any, str]:
    if source.data.startswith(b"AutoCAD Binary DXF"):
        document, auditor = recover.read(io.BytesIO(source.data))
        if auditor.has_errors:
            raise DXFStructureError
        return document, str(canonical_encoding(document.encoding) or document.encoding)
    encoding = source.encoding and canonical_encoding(source.encoding)
    stream = io.BytesIO(source.data)
    if not encoding:
        encoding = _declared(source)
    text = io.TextIOWrapper(stream, encoding=encoding, errors="strict")
    try:
        return filemanagement.read(text), encoding
    except UnicodeDecodeError as error:
        place, remedy = Where(file=source.name), "用 --encoding gb18030 或 utf-8 再试"
        raise EncodingUnknown(f"文字不是有效的 {encoding}", where=place, remedy=remedy) from error


def _take(shapes: list[tuple[int, str, Geometry]], labels: dict[int, list[str]], harvest: Harvest) -> None:
    for index, (row, layer, geometry) in enumerate(shapes):
        harvest.layers.setdefault(layer)
        if harvest.source.layer is not None and layer != harvest.source.layer:
            continue
        texts = labels.get(index, [])
        facts, left = read_description("\n".join(texts))
        properties: dict[str, Any] = {"图层": layer}
        names = left.split("\n") if left else []
        if names:
            properties["name"] = names[0]
        if len(texts) > 1:
            properties["文字"] = " ".join(texts)
        properties |= {key: value for key, value in facts.items() if key not in properties}
        harvest.take(Feature(row, properties, geometry, layer, name_of(properties)))
    if any(geometry.geom_type == "LineString" for _, _, geometry in shapes):
        harvest.warn("有未闭合的多段线, 按线读取; 若是网格边界, 请在 CAD 中闭合")


def _shapes(lines: list[Any], harvest: Harvest) -> list[tuple[int, str, Geometry]]:
    if len(lines) > harvest.source.limits.features:
        raise harvest.hostile(
            "too-many-features", f"超过 {harvest.source.limits.features} 条多段线", "拆成几个文件分别导入"
        )
    shapes = []
    for row, entity in enumerate(lines, start=1):
        layer = str(entity.dxf.layer)
        if entity.dxftype() == "POLYLINE" and not (entity.is_2d_polyline or entity.is_3d_polyline):
            harvest.refuse(row, "geometry-type", "是网格面, 不是多段线", "改画为闭合多段线", layer=layer)
            continue
        positions = _flattened(entity)
        harvest.vertices += len(positions)
        if harvest.vertices > harvest.source.limits.vertices:
            raise harvest.hostile("too-many-vertices", "顶点过多", "抽稀或拆分后再导入")
        shape = _shape(positions, closed=bool(entity.is_closed))
        if shape is None:
            harvest.refuse(row, "geometry-broken", "多段线点数不足或坐标不是有限数值", "在 CAD 中改正", layer=layer)
        else:
            shapes.append((row, layer, shape))
    harvest.vertices = 0  # counted again when the features are taken
    return shapes


def _flattened(entity: Any) -> NDArray[np.float64]:
    """Return an (n, 2) array of a polyline's corners, arcs replaced by chords."""
    if entity.dxftype() == "LWPOLYLINE":
        corners = [(float(x), float(y), float(bulge)) for x, y, bulge in entity.get_points("xyb")]
    else:
        corners = [(float(v.dxf.location.x), float(v.dxf.location.y), float(v.dxf.bulge)) for v in entity.vertices]
    if not any(bulge for _, _, bulge in corners) or not np.isfinite(corners).all():
        return np.array([corner[:2] for corner in corners], dtype=np.float64).reshape(-1, 2)
    chord = _CHORD_DEG if max(abs(value) for x, y, _ in corners for value in (x, y)) <= _DEGREES else _CHORD_M
    ends = [*corners[1:], corners[0]] if entity.is_closed else corners[1:]
    positions = [point for start, end in zip(corners, ends, strict=False) for point in _arc(start, end, chord)]
    if not entity.is_closed:
        positions.append(corners[-1][:2])
    return np.array(positions, dtype=np.float64)


def _arc(start: tuple[float, ...], end: tuple[float, ...], chord: float) -> list[tuple[float, float]]:
    """Return the points from `start` up to, not including, `end`; a bulge is the tangent of a quarter of the angle."""
    (x0, y0, bulge), (x1, y1) = start, end[:2]
    half = math.hypot(x1 - x0, y1 - y0) / 2.0
    if bulge == 0.0 or half == 0.0:
        return [(x0, y0)]
    angle = 4.0 * math.atan(bulge)
    radius = half * (1.0 + bulge * bulge) / (2.0 * bulge)  # negative for a clockwise arc
    rise = (1.0 - bulge * bulge) / (4.0 * bulge)
    centre_x, centre_y = (x0 + x1) / 2.0 - (y1 - y0) * rise, (y0 + y1) / 2.0 + (x1 - x0) * rise
    step = 2.0 * math.acos(max(1.0 - chord / abs(radius), 0.0))
    count = min(max(math.ceil(abs(angle) / step), 1), _MAX_CHORDS) if step else _MAX_CHORDS
    first = math.atan2(y0 - centre_y, x0 - centre_x)
    turns = (first + angle * number / count for number in range(1, count))
    return [(x0, y0), *((centre_x + abs(radius) * math.cos(t), centre_y + abs(radius) * math.sin(t)) for t in turns)]


def _shape(positions: NDArray[np.float64], *, closed: bool) -> Geometry | None:
    if len(positions) < 2 or not np.isfinite(positions).all():  # noqa: PLR2004 - a line has two ends
        return None
    same = bool((positions[0] == positions[-1]).all())
    if not closed and not same:
        return shapely.LineString(positions)
    ring = positions if same else np.vstack([positions, positions[:1]])
    return shapely.Polygon(ring) if len(ring) >= _RING_POSITIONS else None


def _text(entity: Any) -> tuple[float, float, str] | None:
    kind = entity.dxftype()
    if kind not in {"TEXT", "MTEXT"}:
        return None
    words = entity.plain_text()
    point = entity.dxf.insert
    if kind == "TEXT" and (entity.dxf.halign or entity.dxf.valign) and entity.dxf.hasattr("align_point"):
        point = entity.dxf.align_point
    x, y, text = float(point[0]), float(point[1]), strip_marks(str(words))
    return (x, y, text) if text and math.isfinite(x) and math.isfinite(y) else None


def _labels(shapes: list[tuple[int, str, Geometry]], texts: list[tuple[float, float, str]]) -> dict[int, list[str]]:
    """Return the texts of each polygon; a text in several polygons belongs to the smallest."""
    polygons = [index for index, (_, _, g) in enumerate(shapes) if g.geom_type == "Polygon"]
    if not polygons or not texts:
        return {}
    geometries = np.array([shapes[index][2] for index in polygons], dtype=object)
    points = shapely.points([(x, y) for x, y, _ in texts])
    pairs = shapely.STRtree(geometries).query(points, predicate="intersects")
    # Compares sizes within one drawing, in its own units: no figure is made of it.
    sizes = [math.prod(shapely.bounds(geometry)[2:] - shapely.bounds(geometry)[:2]) for geometry in geometries]
    labels: dict[int, list[str]] = {}
    for text, polygon in _smallest(pairs, sizes):
        labels.setdefault(polygons[polygon], []).append(texts[text][2])
    return labels


def _smallest(pairs: NDArray[np.int64], sizes: list[float]) -> Iterator[tuple[int, int]]:
    best: dict[int, int] = {}
    for text, polygon in pairs.T.tolist():
        if text not in best or sizes[polygon] < sizes[best[text]]:
            best[text] = polygon
    yield from sorted(best.items())


def _declared(source: Source) -> str:
    """Return the encoding that the drawing's header declares."""
    head = io.TextIOWrapper(io.BytesIO(source.data), encoding="utf-8", errors="ignore")
    stated = canonical_encoding(str(filemanagement.dxf_stream_info(head).encoding)) or "cp1252"
    if stated in _WESTERN and not source.data.isascii():
        # Drawings made here often say ANSI_1252 above GBK bytes, and every byte passes as Latin.
        return detect(source.data, where=Where(file=source.name))[0]
    return stated
