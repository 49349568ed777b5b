"""Communities known by a roster alone (第三网格：1—8号楼): grids proposed from the buildings, and kept on request."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import shapely

from geo.authority import Action, Actor, require
from geo.crs import metric_for, snap_geometry
from geo.errors import Conflict, NotFound, Refused
from geo.formats.numerals import grid_key, normalise
from geo.model import Area, AreaKind, Grid, GridKind
from geo.planning.drawing import (
    Gathered,
    House,
    Remark,
    RemarkCode,
    RosterLine,
    Seat,
    gather_grids,
    read_roster,
    remark,
    seat_among,
)
from geo.services.drawing_proposals import load_guides
from geo.services.generations import collecting_generation
from geo.services.naming import house_number, plain_text
from geo.topology.repair import repair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from geo.crs import Metric
    from geo.settings import Settings
    from geo.store.base import Session, Store

__all__ = ["DrawnRoster", "draw_roster", "roster_from_rows", "roster_from_text"]

_KINDS: Final = (AreaKind.COMMUNITY, AreaKind.VILLAGE, AreaKind.FOREST_CENTRE)
# Outlines of neighbouring communities that differ by less are meant to be one.
_TOLERANCE_M: Final = 0.5
_COLON: Final = re.compile(r"\s*[:：]\s*")
# Headings of the columns that hold the grid and its buildings, as offices call them.
_GRID_HEADINGS: Final = ("网格名称", "网格", "所属网格", "网格编号", "grid")
_TEXT_HEADINGS: Final = ("楼栋范围", "网格范围", "包含楼栋", "管辖范围", "范围", "楼栋", "buildings")
_COMMUNITY_HEADINGS: Final = ("社区", "社区（村）", "社区(村)", "所属社区", "community")


@dataclass(frozen=True, slots=True)
class DrawnRoster:
    """The grids of a community drawn from its roster.

    Attributes
    ----------
    community : Area
    grids : tuple of Grid
        A seamless coverage of the community, in the order of the roster.
    remarks : tuple of Remark
        What the planner should look at: unreadable text, buildings missing, listed twice or not at all, grids in parts.
    houses : mapping
        Grid id → how many buildings it holds.
    generation_id : str or None
        The inactive generation they were put into; None for a proposal only.
    """

    community: Area
    grids: tuple[Grid, ...]
    remarks: tuple[Remark, ...]
    houses: Mapping[str, int]
    generation_id: str | None = None

    def features(self) -> list[dict[str, Any]]:
        """Return the grids as plain properties with their geometry, for writing to a file."""
        return [
            {
                "name": g.name,
                "local_code": g.local_code,
                "community": self.community.name,
                "buildings": self.houses[g.id],
                "geometry": g.geometry,
            }
            for g in self.grids
        ]


def roster_from_text(text: str) -> tuple[RosterLine, ...]:
    """Read a roster written one grid a line, its name and its buildings parted by a colon.

    Raises
    ------
    Refused
        A line has no colon, or there is no line.

    Examples
    --------
    >>> roster_from_text("第三网格：1—8号楼")
    (RosterLine(grid='第三网格', text='1—8号楼'),)
    """
    found = []
    for number, line in enumerate((x.strip() for x in text.splitlines() if x.strip()), start=1):
        parts = _COLON.split(line, maxsplit=1)
        if len(parts) < 2 or not parts[0]:  # noqa: PLR2004 - name and buildings
            raise Refused(
                f"line {number} of the roster has no colon between grid and buildings",
                code="roster-line",
                remedy="write it as 第三网格：1—8号楼",
            )
        found.append(RosterLine(parts[0], parts[1]))
    return _joined(found)


def roster_from_rows(rows: Iterable[Mapping[str, Any]], *, community: str = "") -> tuple[RosterLine, ...]:
    """Read a roster from table rows with a column for the grid and one for its buildings.

    Parameters
    ----------
    rows : iterable of mapping
        Heading → cell.
    community : str
        Name of the community whose rows count, where the table has a column of communities.

    Raises
    ------
    Refused
        No row has both columns.
    """
    found = []
    for row in rows:
        named = {normalise(str(k)).replace(" ", ""): v for k, v in row.items()}
        grid, text, place = (_cell(named, h) for h in (_GRID_HEADINGS, _TEXT_HEADINGS, _COMMUNITY_HEADINGS))
        if grid and text and (not community or not place or place == normalise(community)):
            found.append(RosterLine(grid, text))
    return _joined(found)


def _cell(row: Mapping[str, Any], headings: Sequence[str]) -> str:
    return next((normalise(str(row[h])) for h in map(normalise, headings) if row.get(h) not in (None, "")), "")


def _joined(lines: Sequence[RosterLine]) -> tuple[RosterLine, ...]:
    """Put the lines of one grid together, in order of first mention."""
    texts: dict[str, list[str]] = {}
    for line in lines:
        texts.setdefault(line.grid, []).append(line.text)
    if not texts:
        raise Refused(
            "the roster names no grid with its buildings",
            code="roster-empty",
            remedy=f"columns: {_GRID_HEADINGS[0]}, {_TEXT_HEADINGS[0]}",
        )
    return tuple(RosterLine(grid, "；".join(own)) for grid, own in texts.items())


def draw_roster(
    store: Store,
    actor: Actor,
    community: str,
    roster: Sequence[RosterLine],
    *,
    settings: Settings,
    new_id: Callable[[], str],
    apply: bool = False,
    replace_grids: bool = False,
    reach_m: float = 30.0,
) -> DrawnRoster:
    """Propose the grids of a community from a roster of buildings, and keep them in the inactive generation on request.

    The community's outline is cut into blocks by streets, rivers and railways; blocks go to the grid whose buildings
    they hold, and are divided midway between buildings where several grids share one (`gather_grids`). Grids of
    neighbouring communities in that generation get the same nodes, so that nothing tears.

    Parameters
    ----------
    community : str
        Code or full name.
    roster : sequence of RosterLine
    apply : bool
        Put the grids into the inactive generation that collects boundaries; else nothing is written.
    replace_grids : bool
        Whether grids of this community that are there already may be replaced; those of the same number keep
        their identity.

    Raises
    ------
    NotFound
        There is no such community, or it has no outline.
    Refused
        No building of the roster is known.
    Conflict
        The inactive generation has grids of this community, and they are not to be replaced.
    Forbidden
        The community lies outside the actor's areas.
    """
    require(actor, Action.PLAN)
    with store.writing(actor) if apply else store.reading(actor) as session:
        area = _community(session, actor, community)
        ground = _outline(session, area)
        if not apply:
            gathered, remarks = _gathered(session, area, ground, roster, settings, reach_m)
            shapes, _ = Seat(ground, None, fits=True).drawn(gathered) or ({}, {})
            return _told(area, _grids(area, roster, gathered, shapes, {}, new_id), gathered, remarks)
        generation = collecting_generation(session, new_id=new_id)
        present = session.grids(generation.id, GridKind.BASE)
        _require_free(area, present, replace_grids=replace_grids)
        seat = seat_among(ground, {g.id: g.geometry for g in present if g.community_code != area.code})
        gathered, remarks = _gathered(session, area, seat.ground, roster, settings, reach_m)
        grids = _kept(session, generation.id, area, roster, gathered, seat, present, remarks, new_id)
        session.note("draw-roster", area.code, detail={"grids": len(grids), "remarks": len(remarks)})
        session.commit()
        return replace(_told(area, grids, gathered, remarks), generation_id=generation.id)


def _kept(
    session: Session,
    generation_id: str,
    area: Area,
    roster: Sequence[RosterLine],
    gathered: Gathered,
    seat: Seat,
    present: Sequence[Grid],
    remarks: list[Remark],
    new_id: Callable[[], str],
) -> tuple[Grid, ...]:
    """Put the grids into the generation, with the neighbours that got a node, in place of those that were there."""
    drawn = seat.drawn(gathered)
    if drawn is None:
        remarks.append(remark(RemarkCode.NEIGHBOURS_DIFFER, grid=area.name))
        drawn = Seat(seat.ground, None, fits=True).drawn(gathered) or ({}, {})
    shapes, beside = drawn
    own = [g for g in present if g.community_code == area.code]
    grids = _grids(area, roster, gathered, shapes, {g.source_key: g.id for g in own}, new_id)
    moved = [replace(g, geometry=beside[g.id]) for g in present if g.id in beside and g.geometry != beside[g.id]]
    session.remove_grids(generation_id, sorted({g.id for g in own} - {g.id for g in grids}))
    session.put_grids(generation_id, [*grids, *moved])
    return grids


def _require_free(area: Area, present: Sequence[Grid], *, replace_grids: bool) -> None:
    own = [g for g in present if g.community_code == area.code]
    if own and not replace_grids:
        raise Conflict(
            f"{area.name} has {len(own)} grids in the inactive generation already",
            code="community-has-grids",
            remedy="look at them first; replace them only when they are to go",
        )


def _community(session: Session, actor: Actor, word: str) -> Area:
    found = [a for a in session.areas() if word in (a.code, a.name) and a.kind in _KINDS]
    if len(found) != 1 or not actor.sees(found[0].code):
        raise NotFound(
            f"no community is called {word[:80]}" if not found else f"{word[:80]} is not one community of yours",
            code="community-unknown",
            remedy="give its twelve-digit code",
        )
    if found[0].geometry is None or found[0].geometry.is_empty:
        raise NotFound(f"{found[0].name} has no outline", remedy="import the areas with their polygons first")
    return found[0]


def _outline(session: Session, area: Area) -> Any:
    """Return the outline of a community as it fits its neighbours': all outlines repaired together, always alike."""
    held = [a for a in session.areas() if a.kind in _KINDS and a.geometry is not None and not a.geometry.is_empty]
    try:
        repaired = repair(
            [a.geometry for a in held],
            names=[a.code for a in held],
            metric=_metric(area.geometry),
            tolerance_m=_TOLERANCE_M,
        )
    except Refused:
        return snap_geometry(area.geometry)
    return next(g for a, g in zip(held, repaired.geometries, strict=True) if a.code == area.code)


def _metric(ground: Any) -> Metric:
    return metric_for(float(shapely.get_x(shapely.centroid(ground))))


def _gathered(
    session: Session, area: Area, ground: Any, roster: Sequence[RosterLine], settings: Settings, reach_m: float
) -> tuple[Gathered, list[Remark]]:
    columns = ("source_key", "compound", "number", "geometry")
    rows = [
        r
        for r in session.rows("buildings", where={"community_code": area.code}, columns=columns)
        if r["geometry"] is not None and not r["geometry"].is_empty
    ]
    houses = [House(r["source_key"], plain_text(r["compound"] or ""), house_number(r["number"] or "")) for r in rows]
    owner, remarks = read_roster(roster, houses)
    guides = load_guides(session).near(ground)
    gathered = gather_grids(
        ground,
        names=[line.grid for line in roster],
        owner=owner,
        buildings=[r["geometry"] for r in rows],
        labels=[h.label for h in houses],
        lines=guides.lines.tolist(),
        barriers=guides.barriers.tolist(),
        metric=_metric(ground),
        reach_m=reach_m,
        barrier_snap_m=settings.barrier_snap_m,
    )
    return gathered, [*remarks, *gathered.remarks]


def _grids(
    area: Area,
    roster: Sequence[RosterLine],
    gathered: Gathered,
    shapes: Mapping[int, Any],
    known: Mapping[str, str],
    new_id: Callable[[], str],
) -> tuple[Grid, ...]:
    """Return the grids in the order of the roster, under their known identity or a new one."""
    made = []
    for position in sorted(int(i) for i in gathered.coverage.ids):
        name = normalise(roster[position].grid)
        number = grid_key(name).number
        key = f"{area.code}/{number if number is not None else plain_text(name)}"
        made.append(
            Grid(
                id=known.get(key) or new_id(),
                county_code=area.county_code,
                kind=GridKind.BASE,
                name=name,
                community_code=area.code,
                geometry=shapes[position],
                local_code=str(number) if number is not None else None,
                source_key=key,
            )
        )
    return tuple(made)


def _told(area: Area, grids: tuple[Grid, ...], gathered: Gathered, remarks: Sequence[Remark]) -> DrawnRoster:
    positions = sorted(int(i) for i in gathered.coverage.ids)
    houses = {g.id: int((gathered.owner == p).sum()) for g, p in zip(grids, positions, strict=True)}
    return DrawnRoster(area, grids, tuple(remarks), houses)
