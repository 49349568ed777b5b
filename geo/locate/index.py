"""The index of one layer of grids: points in, positions out."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, Self, cast

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.crs import Metric, metric_for
from geo.errors import Refused, Where
from geo.locate import compiled, seamless
from geo.locate.blocks import Blocks, blocks_of
from geo.locate.cells import Cells, cells_of_coverage
from geo.locate.edges import OUTSIDE, EdgeTable, directed_edges, shared_edges
from geo.locate.fabric import Fabric, Points
from geo.locate.kernel import place_points
from geo.locate.lattice import Lattice, edges_by_cell, lattice_over
from geo.locate.layers import Layers, all_layers, holders_of, layers_of, place_in_layers
from geo.locate.nearness import metres_per_unit, nearest_edge_m, place_one
from geo.locate.storage import open_arrays, save_arrays
from geo.locate.vicinity import Vicinity

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

__all__ = ["GridIndex", "Kernel", "Located"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
Kernel = Literal["auto", "numpy", "numba"]

# A box around China: coordinates that all lie in it are taken for degrees unless a metric is given.
_CHINA: Final = (72.0, 3.0, 136.0, 54.0)
# Loading the compiled kernel takes about as long as numpy needs for this many points more than the kernel does.
_WORTH_LOADING: Final = 100_000_000
_LAYER_CELLS: Final = 2**24
_WORTH_THREADS: Final = 65_536
_NO_EDGES: Final = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Located:
    """One point's answer.

    Attributes
    ----------
    position : int
        Position of the grid that holds the point, −1 outside.
    distance_to_boundary_m : float or None
        To the nearest boundary of any grid, in metres (in units of the plane where there is no metric);
        None for a point that is not finite or an index without grids.
    candidates : tuple of int
        Positions of all grids within the accuracy asked for, ascending, the holder among them.
    on_boundary : bool
        The point lies exactly on an edge.
    ambiguous : bool
        Another grid than the answer lies within the accuracy.
    """

    position: int
    distance_to_boundary_m: float | None
    candidates: tuple[int, ...]
    on_boundary: bool
    ambiguous: bool


class GridIndex:
    """Which polygon holds a point, by the semi-open rule, exactly.

    A lattice of cells lies over the polygons: a cell wholly inside one polygon answers by one array look-up;
    a cell on a boundary holds the few edges that meet it, each with the polygon on either side. Points on the
    outer boundary that the rule leaves in no polygon belong to the lowest position whose closed polygon holds
    them. Built by `from_polygons`; immutable, picklable, and memory-mapped by `open`.

    Examples
    --------
    >>> import shapely
    >>> index = GridIndex.from_polygons([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], metric=None)
    >>> index.locate_many([0.5, 1.0, 1.5, 9.0], [0.5, 0.5, 0.5, 0.5]).tolist()
    [0, 1, 1, -1]
    """

    __slots__ = ("_fabric", "_metric", "_size", "_strict", "_vicinity")

    def __init__(self, *, fabric: Fabric[Cells | Layers], size: int, metric: Metric | None) -> None:
        self._fabric, self._size, self._metric = fabric, size, metric
        self._strict = isinstance(fabric.held, Cells)
        self._vicinity = Vicinity(fabric.edges.ends, degrees=metric is not None)

    @classmethod
    def from_polygons(
        cls,
        geometries: Sequence[Any] | NDArray[Any],
        *,
        strict: bool = True,
        metric: Metric | Literal["auto"] | None = "auto",
        names: Sequence[str] | None = None,
        cells: int | None = None,
    ) -> Self:
        """Build the index.

        Parameters
        ----------
        geometries : sequence of shapely Polygon or MultiPolygon
            In one plane: degrees (x longitude, y latitude) or any other.
        strict : bool, optional
            The polygons must form a coverage: no overlaps, no enclosed gap narrower than 1 m. Otherwise
            anything goes: the lowest position wins an overlap, a gap is outside.
        metric : Metric, None or "auto", optional
            A `Metric` says that coordinates are degrees; None that a unit of the plane is a metre; "auto"
            takes coordinates that all lie in the longitudes and latitudes of China for degrees.
        names : sequence of str, optional
            What the polygons are called in errors; default: their 1-based number.
        cells : int, optional
            About how many lattice cells to make; default: by the length of the boundaries.

        Raises
        ------
        CoverageBroken
            Invalid polygons, overlaps or narrow gaps, by name.
        Refused
            Something that is no polygon, or has a coordinate that is not finite.
        """
        shapes = np.array(list(geometries), dtype=object)
        called = list(names) if names is not None else [str(i + 1) for i in range(len(shapes))]
        seamless.refuse_non_polygons(shapes, names=called)
        plane = _metric_of(shapes) if metric == "auto" else metric
        if strict:
            return cls._of_coverage(shapes, names=called, metric=plane, cells=cells)
        edges = directed_edges(shapes)
        lattice = lattice_over(
            edges.ends, grids=len(shapes), cells=min(cells or _LAYER_CELLS, _LAYER_CELLS) if cells else None
        )
        pairs = edges_by_cell(lattice, edges.ends)
        held = layers_of(lattice, edges, pairs, polygons=len(shapes))
        blocks = blocks_of(lattice, pairs, edges=len(edges))
        return cls(fabric=Fabric(lattice, edges, held, blocks), size=len(shapes), metric=plane)

    @classmethod
    def _of_coverage(
        cls, shapes: NDArray[Any], *, names: Sequence[str], metric: Metric | None, cells: int | None
    ) -> Self:
        seamless.refuse_invalid(shapes, names=names)
        edges = shared_edges(shapes, names=names)
        lattice = lattice_over(edges.ends, grids=len(shapes), cells=cells)
        pairs = edges_by_cell(lattice, edges.ends)
        seamless.refuse_crossings(edges, pairs, names=names)
        held = cells_of_coverage(lattice, edges, pairs)
        blocks = blocks_of(lattice, pairs, edges=len(edges))
        index = cls(fabric=Fabric(lattice, edges, held, blocks), size=len(shapes), metric=metric)
        seamless.refuse_nesting(edges, index.locate_many(*edges.ends[:, :2].T, kernel="numpy"), names=names)
        index._refuse_narrow_gaps(names)
        return index

    def _refuse_narrow_gaps(self, names: Sequence[str]) -> None:
        gaps = seamless.enclosed_gaps(self._fabric.edges, holder=lambda x, y: self.locate_many(x, y, kernel="numpy"))
        for gap in gaps:
            centre = shapely.get_coordinates(gap)[:, :2].mean(axis=0)
            scale = metres_per_unit(degrees=self._metric is not None, y=float(centre[1]))
            width = seamless.width_m(gap, scale=scale)
            if width < seamless.NARROW_M:
                raise seamless.narrow_gap(gap, width_m=width, edges=self._fabric.edges, names=names)

    def __len__(self) -> int:
        """Return the number of polygons."""
        return self._size

    @property
    def strict(self) -> bool:
        """Whether the polygons are known to form a coverage."""
        return self._strict

    @property
    def metric(self) -> Metric | None:
        """The plane of metres where coordinates are degrees, None where they are plane numbers."""
        return self._metric

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(a.nbytes for a in self._arrays().values())

    def locate_many(self, x: ArrayLike, y: ArrayLike, *, kernel: Kernel = "auto", threads: int = 1) -> IntArray:
        """Return the position of the polygon that holds each point.

        Parameters
        ----------
        x, y : array-like of float64, shape (n,)
            In the plane of the polygons; NaN and infinite ones are outside.
        kernel : {"auto", "numpy", "numba"}, optional
            "auto" takes the compiled kernel where numba is installed and the kernel is loaded
            (`geo.locate.compiled.load`) or worth loading. The answers are the same.
        threads : int, optional
            Threads that share the work.

        Returns
        -------
        ndarray of int32, shape (n,)
            Position, −1 outside. Where polygons overlap, the lowest.
        """
        return self._place(x, y, boundary=False, kernel=kernel, threads=threads)[0]

    def place_many(
        self, x: ArrayLike, y: ArrayLike, *, kernel: Kernel = "auto", threads: int = 1
    ) -> tuple[IntArray, BoolArray]:
        """Return the positions as `locate_many`, and whether each point lies exactly on an edge."""
        out, boundary = self._place(x, y, boundary=True, kernel=kernel, threads=threads)
        return out, cast("BoolArray", boundary)

    def _place(
        self, x: ArrayLike, y: ArrayLike, *, boundary: bool, kernel: Kernel, threads: int
    ) -> tuple[IntArray, BoolArray | None]:
        points = _asked(x, y, boundary=boundary)
        spans = _spans(len(points.x), threads=threads)
        work = self._worker(len(points.x), kernel=kernel)
        if len(spans) == 1:
            work(points)
        else:
            with ThreadPoolExecutor(len(spans)) as pool:
                list(pool.map(lambda span: work(points.part(span)), spans))
        return points.out, points.boundary

    def _worker(self, points: int, *, kernel: Kernel) -> Callable[[Points], None]:
        if not self.strict:
            return partial(place_in_layers, cast("Fabric[Layers]", self._fabric))
        fabric = cast("Fabric[Cells]", self._fabric)
        loaded = compiled.worth_using(points, threshold=_WORTH_LOADING)
        if kernel == "numba" or (kernel == "auto" and loaded):
            return partial(compiled.place_points, fabric)
        return partial(place_points, fabric)

    def locate_all(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], IntArray]:
        """Return every polygon that holds each point, as parallel columns.

        Returns
        -------
        point : ndarray of int64
            Number of the point, ascending; points held by none do not occur.
        position : ndarray of int32
            Position of a polygon that holds it, ascending for one point.
        """
        if not self.strict:
            return all_layers(cast("Fabric[Layers]", self._fabric), _asked(x, y, boundary=False))
        found = self.locate_many(x, y)
        rows = np.flatnonzero(found != OUTSIDE)
        return rows.astype(np.int64), found[rows]

    def locate(self, x: float, y: float, accuracy_m: float | None = None) -> Located:
        """Return one point's polygon, the distance to the nearest boundary, and what else is within reach.

        Parameters
        ----------
        x, y : float
            In the plane of the polygons.
        accuracy_m : float, optional
            Radius in metres within which the true place may be; default 0.

        Raises
        ------
        Refused
            The accuracy is negative or not finite.
        """
        x, y, radius = float(x), float(y), float(accuracy_m or 0.0)
        if not (radius >= 0.0 and math.isfinite(radius)):
            raise Refused(
                "精度要写成不小于 0 的米数",
                code="accuracy",
                remedy="不清楚就不填",
            )
        if not (math.isfinite(x) and math.isfinite(y)):
            return Located(OUTSIDE, None, (), on_boundary=False, ambiguous=False)
        holders, on_boundary = self._holders(x, y)
        distance, near = self._nearest(x, y, radius)
        position = holders[0] if holders else OUTSIDE
        found = set(holders)
        if radius > 0.0:
            found.update(self._fabric.edges.left[near].tolist(), self._fabric.edges.right[near].tolist())
        candidates = tuple(sorted(found - {OUTSIDE}))
        ambiguous = any(c != position for c in candidates)
        return Located(
            position, 0.0 if on_boundary else distance, candidates, on_boundary=on_boundary, ambiguous=ambiguous
        )

    def holders(self, x: float, y: float) -> list[int]:
        """Return every polygon that holds one point, ascending; `locate_all` for a single point, much faster."""
        if not self._strict:
            return holders_of(self._fabric, x, y)  # type: ignore[arg-type]
        position, _ = place_one(self._fabric, x, y)  # type: ignore[arg-type]
        return [] if position == OUTSIDE else [position]

    def holder(self, x: float, y: float) -> tuple[int, bool, float | None]:
        """Return of one finite point in a coverage, fast: position, on a boundary, metres to the nearest one."""
        position, on_boundary = place_one(self._fabric, x, y)  # type: ignore[arg-type]
        if on_boundary:
            return position, True, 0.0
        distance = self._vicinity.nearest_m(x, y)
        return position, False, self._nearest(x, y, 0.0)[0] if distance is None else distance

    def _nearest(self, x: float, y: float, radius: float) -> tuple[float | None, IntArray]:
        distance = None if radius else self._vicinity.nearest_m(x, y)
        if distance is not None:
            return distance, _NO_EDGES
        scale = metres_per_unit(degrees=self._metric is not None, y=y)
        return nearest_edge_m(self._fabric, x, y, scale=scale, within_m=radius)

    def _holders(self, x: float, y: float) -> tuple[list[int], bool]:
        if self.strict:
            position, on_boundary = place_one(cast("Fabric[Cells]", self._fabric), x, y)
            return ([position] if position != OUTSIDE else []), on_boundary
        _, touching = self.place_many([x], [y])
        return self.locate_all([x], [y])[1].tolist(), bool(touching[0])

    def _arrays(self) -> dict[str, NDArray[Any]]:
        held = {f.name: getattr(self._fabric.held, f.name) for f in fields(self._fabric.held)}
        found = {f"held.{k}": v for k, v in held.items() if isinstance(v, np.ndarray)}
        found |= {f"edges.{f.name}": getattr(self._fabric.edges, f.name) for f in fields(self._fabric.edges)}
        return found | {f"blocks.{f.name}": getattr(self._fabric.blocks, f.name) for f in fields(self._fabric.blocks)}

    def _facts(self) -> dict[str, Any]:
        return {
            "lattice": asdict(self._fabric.lattice),
            "strict": self.strict,
            "size": self._size,
            "metric": self._metric.epsg if self._metric else None,
        }

    @classmethod
    def _restored(cls, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        held = {k.removeprefix("held."): v for k, v in arrays.items() if k.startswith("held.")}
        edges = EdgeTable(**{k.removeprefix("edges."): v for k, v in arrays.items() if k.startswith("edges.")})
        blocks = Blocks(arrays["blocks.start"], arrays["blocks.edge"])
        kept = Cells(**held) if facts["strict"] else Layers(**held)
        metric = None if facts["metric"] is None else Metric(int(facts["metric"]))
        return cls(
            fabric=Fabric(Lattice(**facts["lattice"]), edges, kept, blocks), size=int(facts["size"]), metric=metric
        )

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any], dict[str, NDArray[Any]]]]:
        """Pickle as plain facts and arrays."""
        return GridIndex._restored, (self._facts(), self._arrays())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to one file, whole or not at all; raises `Unavailable` where that fails."""
        save_arrays(path, facts=self._facts(), arrays=self._arrays())

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return a saved index, memory-mapped: processes that open one file share one copy.

        Raises
        ------
        NotFound
            There is no such file.
        Refused
            The file is no index, of another version, or damaged.
        """
        facts, arrays = open_arrays(path)
        try:
            return cls._restored(facts, arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(
                "索引文件已损坏", code="index-damaged", where=Where(file=str(path)), remedy="重新生成索引"
            ) from error


def _asked(x: ArrayLike, y: ArrayLike, *, boundary: bool) -> Points:
    east, north = (np.ascontiguousarray(np.atleast_1d(np.asarray(v, dtype=np.float64))) for v in (x, y))
    if east.shape != north.shape or east.ndim != 1:
        raise Refused("x 与 y 两列要一样长", code="shape", remedy="每个点给一个 x 和一个 y")
    n = len(east)
    return Points(east, north, np.empty(n, dtype=np.int32), np.zeros(n, dtype=bool) if boundary else None)


def _spans(points: int, *, threads: int) -> list[slice]:
    parts = max(1, min(threads, points // _WORTH_THREADS))
    cuts = [points * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(cuts)]


def _metric_of(shapes: NDArray[Any]) -> Metric | None:
    if not len(shapes) or shapely.is_empty(shapes).all():
        return None
    west, south, east, north = shapely.total_bounds(shapes)
    if _CHINA[0] <= west and _CHINA[1] <= south and east <= _CHINA[2] and north <= _CHINA[3]:
        return metric_for((west + east) / 2.0)
    return None
