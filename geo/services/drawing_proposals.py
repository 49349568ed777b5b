"""Oversized grids divided along streets and rivers: proposals saved as a draft plan of split edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.authority import Action, Actor, require
from geo.errors import NotFound, Refused
from geo.locate import GridIndex
from geo.model import Generation, Grid, GridKind, Plan, PlanState
from geo.planning.drawing import Division, Load, Remark, RemarkCode, Terrain, divide_ground, remark
from geo.services.load import LOADS, household_table
from geo.services.placement import household_places
from geo.services.published import metric_of
from geo.services.redraw import Drawing
from geo.services.splits import cuts_between, load_outlines, said_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.planning import Saying
    from geo.settings import Settings
    from geo.store.base import Session, Store

__all__ = ["DrawnPart", "DrawnSplit", "DrawnSplits", "Guides", "SplitRequest", "draw_splits", "load_guides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRequest:
    """What a planner asks to be divided.

    Attributes
    ----------
    max_load : float
        What no grid should exceed; every grid above it is divided.
    grids : sequence of str
        Ids, codes or names with community (``230724100001/3``) of the only grids to be divided; with `parts` they
        are divided even when they are below the limit.
    parts : int, optional
        How many parts each becomes; by default as few as the limit allows.
    area : str
        Code prefix: only grids there.
    load : mapping
        Load word → weight; resident households by default.
    reach_m : float
        How far streets that end short of a border are led on.
    """

    max_load: float
    grids: Sequence[str] = ()
    parts: int | None = None
    area: str = ""
    load: Mapping[str, float] | None = None
    reach_m: float = 30.0
    seed: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """One part of a divided grid: its id in the plan, its name, its load and its area."""

    grid_id: str
    name: str
    load: float
    area_m2: float


@dataclass(frozen=True, slots=True)
class DrawnSplit:
    """One grid divided: the division, the edit that draws it, its parts, and what to look at."""

    grid: Grid
    division: Division
    edit: Mapping[str, Any]
    parts: tuple[DrawnPart, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class DrawnSplits:
    """A proposal.

    Attributes
    ----------
    plan : Plan or None
        The draft it was saved as; None where nothing could be divided.
    splits : tuple of DrawnSplit
    left : tuple of (Grid, Refused)
        Grids above the limit that could not be divided, and the refusal of each.
    warnings : tuple of Saying
        Buildings and compounds that the new borders cut: none, unless they were bound too late.
    unlocated : float
        Load of these grids that has no place on the map and was not counted.
    """

    plan: Plan | None
    splits: tuple[DrawnSplit, ...]
    left: tuple[tuple[Grid, Refused], ...]
    warnings: tuple[Saying, ...] = ()
    unlocated: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Guides:
    """Lines and outlines of a county in degrees: what to cut along, what not to lie across, what not to cut."""

    lines: NDArray[np.object_]
    barriers: NDArray[np.object_]
    outlines: NDArray[np.object_]
    labels: tuple[str, ...]

    def near(self, ground: Any) -> Guides:
        """Return those that come near a ground."""
        outlines = np.flatnonzero(shapely.intersects(self.outlines, ground))
        return Guides(
            self.lines[shapely.intersects(self.lines, ground)],
            self.barriers[shapely.intersects(self.barriers, ground)],
            self.outlines[outlines],
            tuple(self.labels[i] for i in outlines.tolist()),
        )


def load_guides(session: Session) -> Guides:
    """Read streets, rivers and railways, and the outlines of compounds and buildings."""
    rows = [r for r in session.rows("lines", columns=("geometry", "barrier")) if _drawn(r["geometry"])]
    outlines: list[Any] = []
    labels: list[str] = []
    for kind, columns in (("compounds", ("name",)), ("buildings", ("compound", "number"))):
        for row in session.rows(kind, columns=("geometry", *columns)):
            if _drawn(row["geometry"]):
                outlines.append(row["geometry"])
                labels.append("".join(str(row[c] or "") for c in columns))
    return Guides(
        _array([r["geometry"] for r in rows]),
        _array([r["geometry"] for r in rows if r["barrier"]]),
        _array(outlines),
        tuple(labels),
    )


def _drawn(shape: Any) -> bool:
    return shape is not None and not shape.is_empty


def _array(shapes: Sequence[Any]) -> NDArray[np.object_]:
    made = np.empty(len(shapes), dtype=object)
    made[:] = list(shapes)
    return made


def draw_splits(
    store: Store,
    actor: Actor,
    request: SplitRequest,
    *,
    settings: Settings,
    new_id: Callable[[], str],
    progress: Callable[[float, str], None] | None = None,
) -> DrawnSplits:
    """Divide the oversized grids in force into balanced, connected parts, and save the proposal as a draft plan.

    Borders run along streets, rivers and railways of the line layers, and midway between buildings where no street
    divides; no compound and no building is cut. The plan is a row of split edits, so that the coverage never tears
    and every one of them can be undone, moved or thrown away. The same county and seed give the same plan.

    Raises
    ------
    NotFound
        No generation is in force, or a named grid is not there.
    Refused
        The limit is not above zero, a word is no load, or `parts` is below 2.
    """
    require(actor, Action.PLAN)
    _check(request)
    with store.writing(actor) as session:
        base = session.generation()
        if base is None:
            raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
        desk = _Desk(session, base, actor, request, settings, new_id)
        chosen = desk.chosen()
        for number, grid in enumerate(chosen):
            if progress is not None:
                progress(number / len(chosen), grid.name)
            desk.divide(grid)
        done = desk.saved(session)
        if done.plan is not None:
            session.commit()
        return done


def _check(request: SplitRequest) -> None:
    if not request.max_load > 0:
        raise Refused("the limit must be above zero", code="limit-invalid", remedy="give --max-load, e.g. 500")
    if request.parts is not None and request.parts < 2:  # noqa: PLR2004 - one part is no division
        raise Refused("a division makes two parts at least", code="parts-invalid", remedy="give 2 or more")
    unknown = set(request.load or {}) - set(LOADS)
    if unknown:
        raise Refused(f"{min(unknown)!r} is no load", remedy=f"loads: {', '.join(LOADS)}")


class _Desk:
    """The grids of one generation being divided, one after another, on one drawing."""

    def __init__(
        self,
        session: Session,
        base: Generation,
        actor: Actor,
        request: SplitRequest,
        settings: Settings,
        new_id: Callable[[], str],
    ) -> None:
        self._actor, self._request, self._settings, self._new_id = actor, request, settings, new_id
        self._base = base
        self._first = self._drawing = Drawing.of(session.grids(base.id, GridKind.BASE))
        self._grids = self._first.grids()
        self._metric: Metric = metric_of(self._grids)
        self._guides = load_guides(session)
        self._points, self._loads = _points(session, base, self._grids, request.load or {"households": 1.0})
        self._splits: list[DrawnSplit] = []
        self._left: list[tuple[Grid, Refused]] = []
        self._unlocated = 0.0

    def chosen(self) -> list[Grid]:
        """Return the grids to divide: those named, else those above the limit, in position order."""
        named = {_position(self._grids, word) for word in self._request.grids}
        return [
            grid
            for i, grid in enumerate(self._grids)
            if grid.community_code.startswith(self._request.area)
            and self._actor.sees(grid.community_code)
            and (i in named if named else True)
            and (self._loads[i] > self._request.max_load or (named and self._request.parts))
        ]

    def divide(self, grid: Grid) -> None:
        """Divide one grid on the drawing, or note why not."""
        position = next(i for i, g in enumerate(self._grids) if g.id == grid.id)
        inside = self._points.of(position)
        near = self._guides.near(grid.geometry)
        try:
            found = divide_ground(
                grid.geometry,
                self._terrain(near),
                load=inside,
                max_load=self._request.max_load,
                parts=self._request.parts,
                seed=self._request.seed,
            )
            edit = _edit(grid, found, self._new_id)
            after = self._drawing.after(edit)
        except Refused as error:
            self._left.append((grid, error.with_traceback(None)))
            return
        self._drawing = after
        self._unlocated += float(self._loads[position]) - inside.total
        parts = self._parts(grid, edit, inside)
        self._splits.append(DrawnSplit(grid, found, edit, parts, _remarks(grid, found, near)))

    def _terrain(self, near: Guides) -> Terrain:
        return Terrain(
            metric=self._metric,
            lines=near.lines.tolist(),
            barriers=near.barriers.tolist(),
            outlines=near.outlines.tolist(),
            reach_m=self._request.reach_m,
            min_shared_edge_m=self._settings.min_shared_edge_m,
            barrier_snap_m=self._settings.barrier_snap_m,
        )

    def _parts(self, grid: Grid, edit: Mapping[str, Any], inside: Load) -> tuple[DrawnPart, ...]:
        drawn = [self._drawing.grid(i) for i in (grid.id, *edit["ids"])]
        held = GridIndex.from_polygons([g.geometry for g in drawn]).locate_many(inside.lon, inside.lat)
        loads = np.bincount(held[held >= 0], weights=inside.weight[held >= 0], minlength=len(drawn))
        areas = self._metric.area_m2(_array([g.geometry for g in drawn]))
        return tuple(
            DrawnPart(g.id, g.name, float(w), float(a))
            for g, w, a in zip(drawn, loads.tolist(), areas.tolist(), strict=True)
        )

    def saved(self, session: Session) -> DrawnSplits:
        """Write the plan, uncommitted, where there is anything to write."""
        if not self._splits:
            return DrawnSplits(None, (), tuple(self._left))
        plan = Plan(
            id=self._new_id(),
            county_code=self._base.county_code,
            generation_id=self._base.id,
            version=0,
            state=PlanState.DRAFT,
            title=self._request.title or f"拆分方案：{len(self._grids)} → {len(self._drawing)}",
            edits=tuple({**s.edit, "by": self._actor.name} for s in self._splits),
            author=self._actor.name,
        )
        kept = session.put_plan(plan, expected_version=None)
        session.note("propose", kept.id, detail={"splits": len(self._splits), "grids": len(self._drawing)})
        outlines = load_outlines(session, self._metric, communities={s.grid.community_code for s in self._splits})
        before = [s.grid for s in self._splits]
        after = [self._drawing.grid(p.grid_id) for s in self._splits for p in s.parts]
        cuts = cuts_between(outlines, before, after, metric=self._metric)
        warnings = tuple(said_cut(cut) for cut in cuts)
        return DrawnSplits(kept, tuple(self._splits), tuple(self._left), warnings, self._unlocated)


def _edit(grid: Grid, found: Division, new_id: Callable[[], str]) -> dict[str, Any]:
    ids = [new_id() for _ in found.loads[1:]]
    return {"op": "split", "grid": grid.id, "lines": [list(line) for line in found.lines], "ids": ids}


def _remarks(grid: Grid, found: Division, near: Guides) -> tuple[Remark, ...]:
    heavy = tuple(remark(RemarkCode.TOO_HEAVY, grid=grid.name, what=near.labels[i]) for i in found.heavy[:1])
    between = (remark(RemarkCode.BETWEEN_BUILDINGS, grid=grid.name),) if found.between_buildings else ()
    told = f"{found.blocks}→{found.gathered}"
    coarse = (remark(RemarkCode.COARSENED, grid=grid.name, what=told),) if found.coarsened else ()
    return (*heavy, *between, *coarse)


def _position(grids: Sequence[Grid], word: str) -> int:
    for i, grid in enumerate(grids):
        names = (grid.id, grid.code, f"{grid.community_code}/{grid.local_code}", f"{grid.community_code}/{grid.name}")
        if word in names:
            return i
    raise NotFound(f"no grid {word[:80]} is in force", remedy="use its id, its code or community/number")


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """All loads of a county as points in degrees, with the position of their grid."""

    load: Load
    grid: NDArray[np.int64]

    def of(self, position: int) -> Load:
        """Return those of one grid that have a place."""
        held = (self.grid == position) & np.isfinite(self.load.lon)
        return Load(self.load.lon[held], self.load.lat[held], self.load.weight[held])


def _points(
    session: Session, base: Generation, grids: Sequence[Grid], weights: Mapping[str, float]
) -> tuple[_Points, NDArray[np.float64]]:
    """Return every load as a point, and the load of each grid."""
    position = {g.id: i for i, g in enumerate(grids)}
    table, places = household_table(session, base), household_places(session)
    lives = np.asarray(table["resident"], dtype=np.float64)
    columns = {
        "households": lives,
        "persons": np.asarray(table["persons"], dtype=np.float64) * lives,
        "elderly": np.asarray(table["elderly"], dtype=np.float64) * lives,
        "registered": np.ones(len(lives)),
    }
    weight = sum((weights.get(word, 0.0) * column for word, column in columns.items()), np.zeros(len(lives)))
    lon, lat, held = places.lon, places.lat, table["grid"]
    if "incidents" in weights:
        cases, told = session.columns("incidents", ("id", "lon", "lat")), session.assignments(base.id, "incident")
        grid_of = dict(zip(told["subject_id"], told["grid_id"], strict=True))
        lon, lat = np.append(lon, cases["lon"].astype(float)), np.append(lat, cases["lat"].astype(float))
        held = np.append(held, np.array([grid_of.get(i, "") for i in cases["id"]], dtype=object))
        weight = np.append(weight, np.full(len(cases["id"]), weights["incidents"]))
    rows = np.array([position.get(g, -1) for g in held], dtype=np.int64)
    some = (rows >= 0) & (weight > 0)
    load = Load(lon[some], lat[some], weight[some])
    total = np.bincount(rows[some], weights=weight[some], minlength=len(grids)).astype(np.float64, copy=False)
    return _Points(load, rows[some]), total
