"""What the scores of plans are computed from: everything about one generation that no edit changes, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import Refused
from geo.model import GridKind, WorkerKind
from geo.reach import GridReach, reach_of_grids, within_distance
from geo.services.load import LOADS
from geo.services.placement import household_places
from geo.services.published import metric_of
from geo.services.redraw import Drawing
from geo.services.splits import Outlines, load_outlines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geo.crs import Metric
    from geo.model import Area, Generation
    from geo.services.redraw import DrawingBoard
    from geo.settings import Settings
    from geo.store.base import Session

__all__ = ["Ground", "Homes", "load_ground"]


@dataclass(frozen=True, slots=True, eq=False)
class Homes:
    """All households the actor sees, ordered by id, as parallel arrays.

    Attributes
    ----------
    lon, lat : ndarray of float64, shape (h,)
        Degrees, NaN where no place is known.
    base : ndarray of int64, shape (h,)
        Position of the base grid each is stored in (positions of the base drawing in order of id), -1 for none.
    resident, near, linked : ndarray of bool, shape (h,)
        Lives there; within reach of an anchor household; linked to one.
    persons, load : ndarray of float64, shape (h,)
        Persons, and what the household adds to the load of its grid.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    base: NDArray[np.int64]
    resident: NDArray[np.bool_]
    near: NDArray[np.bool_]
    linked: NDArray[np.bool_]
    persons: NDArray[np.float64]
    load: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One generation with its homes, incidents, people, lines and outlines.

    Attributes
    ----------
    ids : tuple of str
        Base grids in position order.
    shapes : ndarray of polygons, shape (n,)
        Their outlines in degrees, in that order.
    areas_m2 : ndarray of float64, shape (n,)
        Their areas.
    case_lon, case_lat : ndarray of float64
        Incidents in degrees; each adds `case_load` to the load of its grid.
    workers : tuple of mapping
        Full-time workers with id and grid_id.
    groups : tuple of mapping
        Party groups with grid_ids.
    anchors : ndarray of int64
        Row in `homes` of each anchor household, -1 where it is not known.
    barriers : tuple of (name, line in metres)
    communities : mapping
        Outline in degrees by community code, where there is one: long straight sides bend when projected, so that
        what lies outside is cut off in degrees and measured in metres.
    guidance : (int, int)
        Households below and above which the county warns.
    snap_m : float
        A barrier this near to a border runs along it and crosses nothing.
    reach_before : tuple of GridReach
        Reach of each base grid today.
    """

    drawing: Drawing
    metric: Metric
    ids: tuple[str, ...]
    shapes: NDArray[np.object_]
    areas_m2: NDArray[np.float64]
    homes: Homes
    case_lon: NDArray[np.float64]
    case_lat: NDArray[np.float64]
    case_load: float
    workers: tuple[Mapping[str, Any], ...]
    groups: tuple[Mapping[str, Any], ...]
    anchors: NDArray[np.int64]
    barriers: tuple[tuple[str, Any], ...]
    communities: Mapping[str, Any]
    areas: Mapping[str, Area]
    outlines: Outlines
    guidance: tuple[int, int]
    snap_m: float
    reach_before: tuple[GridReach, ...]

    def town_of(self, community_code: str) -> str:
        """Return the nine-digit code of the town a community belongs to."""
        area = self.areas.get(community_code)
        return (area.parent_code if area is not None and area.parent_code else "") or community_code[:9]


def load_ground(
    session: Session,
    generation: Generation,
    *,
    settings: Settings,
    load: Mapping[str, float] | None = None,
    board: DrawingBoard | None = None,
) -> Ground:
    """Read what the scores of plans on a generation need.

    Parameters
    ----------
    load : mapping, optional
        Load word → weight as in `geo.services.load.grid_loads`; resident households by default.

    Raises
    ------
    Refused
        A word is no load.
    """
    weights = _checked_weights(load)
    drawing = board.base(session, generation.id) if board else Drawing.of(session.grids(generation.id, GridKind.BASE))
    grids = drawing.grids()
    metric = metric_of(grids)
    shapes = np.array([g.geometry for g in grids], dtype=object)
    position = {g.id: i for i, g in enumerate(grids)}
    homes, row_of_key = _homes(session, generation, position, metric, weights, settings.anchor_distance_m)
    incidents = session.columns("incidents", ("lon", "lat")) if "incidents" in weights else None
    workers = session.rows("gridworkers", where={"kind": WorkerKind.FULL_TIME.value}, columns=("id", "grid_id"))
    groups = session.rows("party_groups", where={"level": "group"}, columns=("id", "grid_ids"))
    keys = session.rows("anchor_households", columns=("household_key",))
    anchors = np.array([row_of_key.get(r["household_key"], -1) for r in keys], dtype=np.int64)
    areas = {a.code: a for a in session.areas()}
    return Ground(
        drawing=drawing,
        metric=metric,
        ids=tuple(g.id for g in grids),
        shapes=shapes,
        areas_m2=metric.area_m2(shapes),
        homes=homes,
        case_lon=incidents["lon"].astype(np.float64) if incidents is not None else np.empty(0),
        case_lat=incidents["lat"].astype(np.float64) if incidents is not None else np.empty(0),
        case_load=weights.get("incidents", 0.0),
        workers=tuple(workers),
        groups=tuple(groups),
        anchors=anchors,
        barriers=_barriers(session, metric),
        communities=_outlines(areas, {g.community_code for g in grids}),
        areas=areas,
        outlines=load_outlines(session, metric),
        guidance=(settings.guidance_min_households, settings.guidance_max_households),
        snap_m=settings.barrier_snap_m,
        reach_before=_reach_today(homes, anchors, workers, groups, position),
    )


def _checked_weights(load: Mapping[str, float] | None) -> Mapping[str, float]:
    weights = load or {"households": 1.0}
    unknown = set(weights) - set(LOADS)
    if unknown:
        raise Refused(f"{min(unknown)!r} is no load", remedy=f"loads: {', '.join(LOADS)}")
    return weights


def _homes(
    session: Session,
    generation: Generation,
    position: Mapping[str, int],
    metric: Metric,
    weights: Mapping[str, float],
    distance_m: float,
) -> tuple[Homes, dict[str, int]]:
    table = session.columns("households", ("id", "source_key", "resident", "persons", "elderly"))
    places = household_places(session)
    told = session.assignments(generation.id, "household")
    grid_of = dict(zip(told["subject_id"], told["grid_id"], strict=True))
    anchors = session.columns("anchor_households", ("lon", "lat", "linked_keys"))
    spots = np.column_stack(metric.forward(anchors["lon"], anchors["lat"]))
    linked = {key for keys in anchors["linked_keys"] for key in (keys or ())}
    resident = table["resident"].astype(bool)
    persons = table["persons"].astype(np.float64)
    columns = {
        "households": resident.astype(np.float64),
        "persons": persons * resident,
        "elderly": table["elderly"].astype(np.float64) * resident,
        "registered": np.ones(len(resident)),
    }
    load = np.zeros(len(resident))
    for word, column in columns.items():
        load += weights.get(word, 0.0) * column
    homes = Homes(
        lon=places.lon,
        lat=places.lat,
        base=np.array([position.get(grid_of.get(h, ""), -1) for h in table["id"]], dtype=np.int64),
        resident=resident,
        near=within_distance(
            np.column_stack(metric.forward(places.lon, places.lat)), spots[np.isfinite(spots).all(axis=1)], distance_m
        ),
        linked=np.array([k in linked for k in table["source_key"]], dtype=bool),
        persons=persons,
        load=load,
    )
    return homes, {key: row for row, key in enumerate(table["source_key"])}


def _barriers(session: Session, metric: Metric) -> tuple[tuple[str, Any], ...]:
    rows = session.rows("lines", where={"barrier": True}, columns=("name", "kind", "geometry"))
    held = [r for r in rows if r["geometry"] is not None and not r["geometry"].is_empty]
    lines = metric.project(np.array([r["geometry"] for r in held], dtype=object)) if held else []
    return tuple((r["name"] or r["kind"], line) for r, line in zip(held, lines, strict=True))


def _outlines(areas: Mapping[str, Area], codes: set[str]) -> dict[str, Any]:
    return {c: areas[c].geometry for c in sorted(codes) if c in areas and areas[c].geometry is not None}


def _reach_today(
    homes: Homes,
    anchors: NDArray[np.int64],
    workers: list[dict[str, Any]],
    groups: list[dict[str, Any]],
    position: Mapping[str, int],
) -> tuple[GridReach, ...]:
    live = homes.resident
    found = reach_of_grids(
        len(position),
        household_grid=homes.base[live],
        household_near=homes.near[live],
        household_linked=homes.linked[live],
        workers_in=[position.get(w["grid_id"] or "", -1) for w in workers],
        groups_in=[position.get(g, -1) for row in groups for g in row["grid_ids"]],
        anchors_in=np.append(homes.base, -1)[anchors].tolist(),
    )
    return tuple(found)
