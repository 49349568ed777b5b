"""Blocks: the faces that lines make of a ground, as a coverage of its own on the lattice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from geo import crs
from geo.errors import Refused
from geo.topology.coverage import Coverage
from geo.topology.edits.cutting import cut_grid
from geo.topology.rings import close_walks, polygons_from_rings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.topology.chains import Lattice

__all__ = ["cut_blocks", "gathered_shapes", "lines_between"]

_GROUND: Final = "ground"
# The word of `geo.topology.edits.cutting` for lines that leave a ground whole.
_LINE_MISSES: Final = "line-misses"
_LEAST_POINTS: Final = 2


def cut_blocks(ground: Any, lines_m: Sequence[Any] | NDArray[np.object_], *, metric: Metric) -> Coverage:
    """Cut a ground along lines.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        Degrees (CGCS2000).
    lines_m : sequence of LineString
        In metres. What hangs loose in the ground or lies outside has no effect.
    metric : Metric, keyword
        The plane of the lines.

    Returns
    -------
    Coverage
        The blocks, numbered from west to east; the ground itself where nothing cuts it. Blocks narrower than a metre
        belong to the neighbour they share most border with.

    Raises
    ------
    Refused
        A line runs within a millimetre of the outer border, so that it is not clear what it cuts
        (`geo.planning.drawing.guides.cutting_lines` takes such lines out).
    BrokenCoverage
        The ground is no valid polygon.
    """
    whole = Coverage.build([ground], ids=[_GROUND])
    lines = [line for line in (_on_lattice(line, metric) for line in lines_m) if len(line) >= _LEAST_POINTS]
    if not lines:
        return whole
    try:
        cut = cut_grid(whole, _GROUND, lines)
    except Refused as error:
        if error.code != _LINE_MISSES:
            raise
        return whole
    return Coverage.build(polygons_from_rings(cut.pieces), ids=[str(i) for i in range(len(cut.pieces))])


def _on_lattice(line: Any, metric: Metric) -> tuple[tuple[int, int], ...]:
    points = shapely.get_coordinates(line)
    lattice = crs.to_lattice(np.column_stack(metric.inverse(points[:, 0], points[:, 1])))
    moved = np.append(True, (lattice[1:] != lattice[:-1]).any(axis=1)) if len(lattice) else np.empty(0, bool)
    return tuple((int(x), int(y)) for x, y in lattice[moved].tolist())


def lines_between(blocks: Coverage, label: Sequence[int]) -> list[list[list[float]]]:
    """Return the borders between blocks of different labels as lines of [lon, lat], end to end where they continue.

    Both ends and all vertices lie on the lattice; a split edit that cuts the ground along them makes the very same
    borders.
    """
    runs = [
        edge
        for edge, left, right in zip(blocks.edges, blocks.left.tolist(), blocks.right.tolist(), strict=True)
        if left >= 0 and right >= 0 and label[left] != label[right]
    ]
    if not runs:
        return []
    merged = shapely.line_merge(shapely.MultiLineString([run.astype(np.float64) for run in runs]))
    lines = [shapely.get_coordinates(part) for part in shapely.get_parts(merged).tolist()]
    return sorted(crs.from_lattice(np.rint(line).astype(np.int64)).tolist() for line in lines)


def gathered_shapes(blocks: Coverage, label: Sequence[int], count: int) -> NDArray[np.object_]:
    """Return the union of the blocks of each label 0 … count-1 in degrees, put together from chains, not computed."""
    runs: list[list[Lattice]] = [[] for _ in range(count)]
    sides = zip(blocks.edges, blocks.left.tolist(), blocks.right.tolist(), strict=True)
    for edge, left, right in sides:
        a, b = (label[s] if s >= 0 else -1 for s in (left, right))
        if a != b:
            if a >= 0:
                runs[a].append(edge)
            if b >= 0:
                runs[b].append(edge[::-1])
    return polygons_from_rings([close_walks(own) for own in runs])
