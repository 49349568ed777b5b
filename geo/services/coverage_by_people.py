"""`reach`: which grids lack a corner of the iron triangle, how many homes are near an anchor, where to add one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geo.errors import NotFound
from geo.reach import Corner, suggest_anchors, within_distance
from geo.services.facts import grid_facts
from geo.services.placement import household_places
from geo.services.published import metric_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.authority import Actor
    from geo.services.facts import GridFacts
    from geo.store.base import Session, Store

__all__ = ["CentreReach", "ReachReport", "Suggestion", "reach_report"]

# 党群服务中心: floor area per 100 households, about 1,000 m² for 3,400 households.
CENTRE_M2_PER_100_HOUSEHOLDS = 30.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A spot for a further anchor household and how many resident households it would newly reach."""

    lon: float
    lat: float
    households: int


@dataclass(frozen=True, slots=True)
class CentreReach:
    """A community's service centres against its households; `sites_apart_m` is the widest distance between sites."""

    community_code: str
    floor_area_m2: float
    households: int
    per_100_m2: float | None
    enough: bool
    planned_only: bool
    sites_apart_m: float


@dataclass(frozen=True, slots=True)
class ReachReport:
    """Coverage by people of the generation in force."""

    distance_m: float
    grids: tuple[GridFacts, ...]
    near_share: float | None
    linked_share: float | None
    suggestions: tuple[Suggestion, ...]
    centres: tuple[CentreReach, ...]

    def missing(self, corner: Corner) -> tuple[GridFacts, ...]:
        """Return the grids that lack one corner of the iron triangle."""
        return tuple(f for f in self.grids if corner in f.reach.missing)


def reach_report(store: Store, actor: Actor, *, distance_m: float, most: int = 10) -> ReachReport:
    """Measure coverage by gridworkers, party groups and anchor households.

    Parameters
    ----------
    distance_m : float
        Reach of an anchor household in metres.
    most : int
        Suggested spots at most.

    Raises
    ------
    NotFound
        No generation is in force.
    """
    with store.reading(actor) as session:
        generation = session.generation()
        if generation is None:
            raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
        facts = tuple(grid_facts(session, generation, distance_m=distance_m))
        return ReachReport(
            distance_m=distance_m,
            grids=facts,
            near_share=_share(facts, "near_share"),
            linked_share=_share(facts, "linked_share"),
            suggestions=_suggestions(session, facts, distance_m, most),
            centres=_centres(session, facts),
        )


def _share(facts: Sequence[GridFacts], name: str) -> float | None:
    homes = sum(f.reach.households for f in facts)
    held = sum((getattr(f.reach, name) or 0.0) * f.reach.households for f in facts)
    return held / homes if homes else None


def _suggestions(session: Session, facts: Sequence[GridFacts], distance_m: float, most: int) -> tuple[Suggestion, ...]:
    metric = metric_of([f.grid for f in facts])
    homes = household_places(session)
    live = session.columns("households", ("resident",))["resident"].astype(bool)
    points = np.column_stack(metric.forward(homes.lon[live], homes.lat[live]))
    anchors = session.columns("anchor_households", ("lon", "lat"))
    spots = np.column_stack(metric.forward(anchors["lon"], anchors["lat"]))
    near = within_distance(points, spots[np.isfinite(spots).all(axis=1)], distance_m)
    found = suggest_anchors(points, near, distance_m, most=most)
    if not found:
        return ()
    lon, lat = metric.inverse([x for x, _, _ in found], [y for _, y, _ in found])
    return tuple(Suggestion(float(a), float(b), n) for a, b, (_, _, n) in zip(lon, lat, found, strict=True))


def _centres(session: Session, facts: Sequence[GridFacts]) -> tuple[CentreReach, ...]:
    metric = metric_of([f.grid for f in facts])
    homes: dict[str, int] = {}
    for f in facts:
        homes[f.grid.community_code] = homes.get(f.grid.community_code, 0) + f.reach.households
    sites: dict[str, list[dict[str, Any]]] = {}
    for row in session.rows("service_centres"):
        sites.setdefault(row["community_code"], []).append(row)
    return tuple(_centre(code, rows, homes.get(code, 0), metric) for code, rows in sorted(sites.items()))


def _centre(code: str, rows: Sequence[dict[str, Any]], homes: int, metric: Any) -> CentreReach:
    area = sum(float(r["floor_area_m2"] or 0.0) for r in rows)
    x, y = metric.forward([r["lon"] for r in rows], [r["lat"] for r in rows])
    apart = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    per_100 = area / homes * 100 if homes else None
    return CentreReach(
        community_code=code,
        floor_area_m2=area,
        households=homes,
        per_100_m2=per_100,
        enough=per_100 is None or per_100 >= CENTRE_M2_PER_100_HOUSEHOLDS,
        planned_only=all(r["planned"] for r in rows),
        sites_apart_m=float(np.nanmax(apart, initial=0.0)),
    )
