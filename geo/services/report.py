"""Everything a map, sheet or table of one county is made from, read in one snapshot as plain values."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geo.errors import NotFound
from geo.model import Area, ChangeKind, Generation, Grid, GridKind, Lineage, WorkerKind
from geo.services.facts import GridFacts, grid_facts
from geo.services.naming import masked_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.authority import Actor
    from geo.store.base import Session, Store

__all__ = ["Change", "Picture", "changes_between", "county_picture", "numbered"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One county before and after a redrawing (`before` empty where there is only one generation).

    `members` maps a grid of `after` to the old grids it comes from; `areas` is keyed by code.
    """

    county_code: str
    before_generation: Generation | None
    after_generation: Generation
    before: tuple[GridFacts, ...]
    after: tuple[GridFacts, ...]
    overlay: tuple[Grid, ...]
    lineage: tuple[Lineage, ...]
    areas: Mapping[str, Area]
    lines: tuple[Mapping[str, Any], ...]
    buildings: tuple[Mapping[str, Any], ...]
    anchors: tuple[Mapping[str, Any], ...]
    centres: tuple[Mapping[str, Any], ...]

    def members(self) -> dict[str, list[Grid]]:
        """Return new grid id → old grids, by local number."""
        old = {f.grid.id: f.grid for f in self.before}
        found: dict[str, list[Grid]] = defaultdict(list)
        for link in self.lineage:
            if link.old_grid_id in old:
                found[link.new_grid_id].append(old[link.old_grid_id])
        return dict(found)

    def community(self, code: str) -> str:
        """Return a community's name."""
        area = self.areas.get(code)
        return area.name if area else code

    def town(self, community_code: str) -> str:
        """Return the name of the town a community belongs to."""
        area = self.areas.get(community_code)
        return self.community(area.parent_code if area and area.parent_code else community_code[:9])


def county_picture(
    store: Store, actor: Actor, *, distance_m: float, before: str | None = None, after: str | None = None
) -> Picture:
    """Read what papers need; by default the generation in force and the one it came from.

    Raises
    ------
    NotFound
        No generation is in force.
    """
    with store.reading(actor) as session:
        new = session.generation(id=after)
        if new is None:
            raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
        old = session.generation(id=before or new.parent_id) if (before or new.parent_id) else None
        return Picture(
            county_code=store.county_code,
            before_generation=old,
            after_generation=new,
            before=tuple(grid_facts(session, old, distance_m=distance_m)) if old else (),
            after=tuple(grid_facts(session, new, distance_m=distance_m)),
            overlay=tuple(g for g in session.grids(new.id) if g.kind is not GridKind.BASE),
            lineage=tuple(session.lineage(from_generation=old.id, to_generation=new.id)) if old else (),
            areas={a.code: a for a in session.areas()},
            lines=tuple(session.rows("lines", columns=("kind", "name", "barrier", "geometry"))),
            buildings=tuple(session.rows("buildings", columns=("use", "number", "geometry"))),
            anchors=tuple(session.rows("anchor_households", columns=("lon", "lat"))),
            centres=tuple(session.rows("service_centres", columns=("name", "lon", "lat", "planned"))),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the cross-reference (变更对照表): an old grid and the new one it went to."""

    town: str
    community: str
    old_code: str
    old_name: str
    new_code: str
    new_name: str
    change: ChangeKind
    area_share: float
    buildings: str
    households: int
    household_share: float
    old_worker: str
    new_worker: str


def changes_between(store: Store, actor: Actor, picture: Picture) -> list[Change]:
    """Return the cross-reference of a picture, by community and old number; workers' names are masked."""
    with store.reading(actor) as session:
        old_worker, new_worker = _workers(session, picture)
        buildings = _buildings(session, picture)
        residents = _residents(session, picture)
    old = {f.grid.id: f for f in picture.before}
    new = {f.grid.id: f.grid for f in picture.after}
    rows = []
    for link in picture.lineage:
        was, now = old[link.old_grid_id], new[link.new_grid_id]
        rows.append(
            Change(
                town=picture.town(now.community_code),
                community=picture.community(now.community_code),
                old_code=was.grid.code or was.grid.local_code or "",
                old_name=was.grid.name,
                new_code=now.code or now.local_code or "",
                new_name=now.name,
                change=link.change,
                area_share=link.area_share,
                buildings=buildings.get((link.old_grid_id, link.new_grid_id), ""),
                households=residents[link.old_grid_id, link.new_grid_id],
                household_share=link.household_share,
                old_worker=old_worker.get(was.grid.id, ""),
                new_worker=new_worker.get(now.id, ""),
            )
        )
    return sorted(rows, key=lambda r: (r.new_code, len(r.old_code), r.old_code))


def _residents(session: Session, picture: Picture) -> Counter[tuple[str, str]]:
    """Return the resident households (常住户数, as every paper counts them) that went along each link."""
    if picture.before_generation is None:
        return Counter()
    table = session.columns("households", ("id", "resident"))
    live = set(table["id"][table["resident"].astype(bool)].tolist())
    sides = []
    for generation in (picture.before_generation, picture.after_generation):
        told = session.assignments(generation.id, "household")
        sides.append(dict(zip(told["subject_id"], told["grid_id"], strict=True)))
    before, after = sides
    return Counter((before[h], after[h]) for h in live if before.get(h) and after.get(h))


def _buildings(session: Session, picture: Picture) -> dict[tuple[str, str], str]:
    """Return the buildings (涉及楼栋) whose households went along each link, e.g. 红林小区1-8、10号楼."""
    if picture.before_generation is None:
        return {}
    table = session.columns("households", ("id", "compound", "building_number"))
    before, after = (
        dict(zip(told["subject_id"], told["grid_id"], strict=True))
        for told in (
            session.assignments(g.id, "household") for g in (picture.before_generation, picture.after_generation)
        )
    )
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for home, compound, number in zip(table["id"], table["compound"], table["building_number"], strict=True):
        found[before.get(home, ""), after.get(home, "")][compound or ""].add(number or "")
    return {link: "；".join(numbered(c, n) for c, n in sorted(groups.items()) if c) for link, groups in found.items()}


def numbered(compound: str, numbers: set[str]) -> str:
    """Return a compound with its buildings in runs: 红林小区1-3、5号楼; the bare name where they have no numbers."""
    plain = sorted(int(n) for n in numbers if n.isdigit())
    runs: list[list[int]] = []
    for n in plain:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    words += sorted(n for n in numbers if n and not n.isdigit())
    return f"{compound}{'、'.join(words)}号楼" if words else compound


def _workers(session: Session, picture: Picture) -> tuple[dict[str, str], dict[str, str]]:
    """Return the masked full-time worker of each grid, before and after."""
    rows = session.rows("gridworkers", where={"kind": WorkerKind.FULL_TIME.value}, columns=("id", "name", "grid_id"))
    masked = {w["id"]: masked_name(w["name"]) for w in rows}
    now = {w["grid_id"]: masked[w["id"]] for w in rows if w["grid_id"]}
    plan_id = picture.after_generation.plan_id
    moves = (session.plan(plan_id).proof or {}).get("workers", []) if plan_id else []
    then = {m["from_grid"]: masked.get(m["worker_id"], "") for m in moves}
    return then, now
