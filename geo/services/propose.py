"""Merge proposals for the stored coverage: the exact optimum, saved as a draft plan with its proof."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from geo.authority import Action, Actor, require
from geo.errors import NotFound, Refused
from geo.model import Generation, Grid, GridKind, Plan, PlanState
from geo.planning import Constraints, Proposal, Saying, Units, Weights, propose, units_from_polygons
from geo.services.handover import Handover, handovers, households_moved
from geo.services.load import grid_loads
from geo.services.merge_output import Beside, beside, merge_facts, refuse_beside
from geo.services.published import metric_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from geo.settings import Settings
    from geo.store.base import Session, Store

__all__ = ["MergeRequest", "Proposed", "merge_edits", "proof_of", "propose_merge", "report_of", "stored_units"]

# What a load counts, as sentences write it behind a number.
_COUNTED: Final = {
    (): Saying("户", "households"),
    ("households",): Saying("户", "households"),
    ("persons",): Saying("人", "persons"),
    ("elderly",): Saying("名老人", "elderly persons"),
    ("registered",): Saying("户（含非常住）", "registered households"),
    ("incidents",): Saying("件", "incidents"),
}
_WEIGHED: Final = Saying("（加权）", "(weighted)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequest:
    """What a planner asks of a merge; grids are named by id, code, local number with community, or name.

    Attributes
    ----------
    groups : int, (int, int) or "fewest"
        Exactly K, a band, or as few as `max_load` allows.
    counts : mapping
        Community or town code → number of groups (or a range); a town counts all its communities.
    load : mapping
        Load word → weight; resident households by default.
    area : str
        Code prefix: only grids there are merged, all others stay as they are.
    curve : bool
        Also report every K: over the band, else from the K proposed up to today's number.
    trade_off : int
        Also report at most so many plans of the K proposed between balance and disruption; 0 for none.
    """

    groups: int | tuple[int, int] | str
    weights: Weights = field(default_factory=Weights)
    counts: Mapping[str, int | tuple[int, int]] = field(default_factory=dict)
    keep: Sequence[str] = ()
    together: Sequence[Sequence[str]] = ()
    apart: Sequence[Sequence[str]] = ()
    min_load: float | None = None
    max_load: float | None = None
    load: Mapping[str, float] = field(default_factory=dict)
    area: str = ""
    barriers: bool = True
    curve: bool = False
    trade_off: int = 0
    alternatives: int = 0
    seed: int = 0
    time_limit: float | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal and the draft plans it was saved as: the best first, alternatives as its branches.

    `people` says, merge by merge, what becomes of workers and households; `others` holds the curve and the trade-off
    where asked for, `moved` the households that change worker in each plan of the latter and, last, in the proposal.
    """

    proposal: Proposal
    units: Units
    grids: tuple[Grid, ...]
    plans: tuple[Plan, ...]
    people: tuple[Handover, ...] = ()
    others: Beside = field(default_factory=Beside)
    moved: tuple[int, ...] = ()


def stored_units(
    session: Session, generation: Generation, settings: Settings, *, load: Mapping[str, float], barriers: bool
) -> tuple[Units, tuple[Grid, ...]]:
    """Return the units of a generation: its base grids in position order, with loads and neighbours."""
    grids = tuple(session.grids(generation.id, GridKind.BASE))
    lines = [r["geometry"] for r in session.rows("lines", where={"barrier": True})] if barriers else []
    units = units_from_polygons(
        [g.geometry for g in grids],
        loads=grid_loads(session, generation, grids, weights=load or None),
        parents=[g.community_code for g in grids],
        ids=[g.id for g in grids],
        metric=metric_of(grids),
        barriers=lines,
        min_shared_edge_m=settings.min_shared_edge_m,
        barrier_snap_m=settings.barrier_snap_m,
    )
    return units, grids


def propose_merge(
    store: Store,
    actor: Actor,
    request: MergeRequest,
    *,
    settings: Settings,
    new_id: Callable[[], str],
    progress: Callable[[float, str], None] | None = None,
    into: Plan | None = None,
) -> Proposed:
    """Propose a merge of the grids in force and save it as a draft plan.

    An infeasible request saves nothing; its proposal names the smallest set of wishes that conflict.

    An empty draft given as `into` takes the proposal instead of a new plan (`StaleVersion` where it was changed).

    Raises
    ------
    NotFound
        No generation is in force, or the area named is not known.
    Refused
        A grid named in a wish is not known, or a trade-off of one plan is asked for.
    """
    require(actor, Action.PLAN)
    refuse_beside(trade_off=request.trade_off)
    with store.reading(actor) as session:
        generation = session.generation()
        if generation is None:
            raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
        units, grids = stored_units(session, generation, settings, load=request.load, barriers=request.barriers)
        areas = {a.code: a.name for a in session.areas()}
    request = replace(request, area=_area_code(request.area, areas))
    longest = settings.limits.optimiser_seconds
    limit = longest if request.time_limit is None else min(request.time_limit, longest)
    asked: dict[str, Any] = {
        "groups": request.groups,
        "weights": request.weights,
        "constraints": _constraints(request, grids),
        "seed": request.seed,
        "progress": progress,
    }
    proposal = propose(
        units,
        time_limit=limit,
        alternatives=request.alternatives,
        reasons=True,
        names=[_called(grid, areas) for grid in grids],
        counted=_COUNTED.get(tuple(request.load), _WEIGHED),
        **asked,
    )
    if not proposal.groups:
        return Proposed(proposal, units, grids, ())
    left = max(limit - proposal.seconds, 0.0)
    others = beside(units, proposal, curve=request.curve, trade_off=request.trade_off, seconds=left, **asked)
    with store.writing(actor) as session:
        people = handovers(session, generation, _merges(proposal, grids, units))
        moved = _moved(session, generation, proposal, others, grids, units)
        plans = _save(session, generation, request, proposal, grids, units, new_id=new_id, into=into)
        session.note("propose", plans[0].id, detail={"status": str(proposal.status), "groups": len(proposal.groups)})
        session.commit()
    return Proposed(proposal, units, grids, tuple(plans), people, others, moved)


def _moved(
    session: Session,
    generation: Generation,
    proposal: Proposal,
    others: Beside,
    grids: Sequence[Grid],
    units: Units,
) -> tuple[int, ...]:
    """Return the households that change worker in each plan of the trade-off and, last, in the proposal."""
    if others.trade_off is None:
        return ()
    plans = [*(point.proposal for point in others.trade_off.points), proposal]
    return households_moved(session, generation, [_merges(plan, grids, units) for plan in plans])


def _merges(proposal: Proposal, grids: Sequence[Grid], units: Units) -> list[Sequence[str]]:
    return [edit["grids"] for edit in merge_edits(proposal.groups, grids, units)]


def _area_code(word: str, areas: Mapping[str, str]) -> str:
    """Return the code of the town or community a word names, by code or by name; "" stays the whole county."""
    found = [code for code, name in areas.items() if word in (code, name)] if word else [""]
    if len(found) != 1:
        raise NotFound(
            f"{len(found)} towns or communities are called {word[:80]}" if found else f"no area is called {word[:80]}",
            code="area-unknown",
            remedy="give its code: 9 digits of a town, 12 of a community",
        )
    return found[0]


def _constraints(request: MergeRequest, grids: Sequence[Grid]) -> Constraints:
    find = _finder(grids)
    outside = [(i,) for i, g in enumerate(grids) if not g.community_code.startswith(request.area)]
    return Constraints(
        keep=tuple(find(n) for n in request.keep),
        together=tuple(tuple(find(n) for n in group) for group in request.together),
        apart=tuple(tuple(find(n) for n in group) for group in request.apart),
        fixed=tuple(outside) if request.area else (),
        min_load=request.min_load,
        max_load=request.max_load,
        counts={code: count for code, count in request.counts.items()},  # noqa: C416 - widens the key type
        regions=_regions(request, grids),
    )


def _regions(request: MergeRequest, grids: Sequence[Grid]) -> dict[Hashable, tuple[Hashable, ...]]:
    """Return the communities of each town (any code prefix) that counts are wished for."""
    communities = sorted({grid.community_code for grid in grids})
    wider = [code for code in request.counts if code not in communities]
    return {code: tuple(c for c in communities if c.startswith(code)) for code in wider}


def _finder(grids: Sequence[Grid]) -> Callable[[str], int]:
    known: dict[str, list[int]] = {}
    for i, grid in enumerate(grids):
        names = {
            grid.id,
            grid.code,
            grid.local_code,
            grid.name,
            f"{grid.community_code}/{grid.local_code}",
            grid.source_key,
        }
        for name in names - {None, ""}:
            known.setdefault(str(name), []).append(i)

    def find(name: str) -> int:
        found = known.get(name, [])
        if len(found) != 1:
            reason = "is not known" if not found else "fits several grids"
            raise Refused(f"the grid {name!r} {reason}", code="grid-unknown", remedy="use the id or community/number")
        return found[0]

    return find


def merge_edits(groups: Sequence[Sequence[int]], grids: Sequence[Grid], units: Units) -> tuple[dict[str, Any], ...]:
    """Return the edits of a partition: one merge per group, which carries on the identity of its heaviest grid."""
    edits = []
    for group in groups:
        if len(group) > 1:
            ordered = sorted(group, key=lambda i: (-units.loads[i], grids[i].id))
            edits.append({"op": "merge", "grids": [grids[i].id for i in ordered], "into": grids[ordered[0]].id})
    return tuple(edits)


def _save(
    session: Session,
    generation: Generation,
    request: MergeRequest,
    proposal: Proposal,
    grids: Sequence[Grid],
    units: Units,
    *,
    new_id: Callable[[], str],
    into: Plan | None,
) -> list[Plan]:
    plans: list[Plan] = []
    if into is not None:
        taken = replace(into, edits=merge_edits(proposal.groups, grids, units), undone=(), proof=proof_of(proposal))
        plans.append(session.put_plan(taken, expected_version=into.version))
    every = (proposal, *proposal.alternatives)
    for number, found in list(enumerate(every, start=1))[len(plans) :]:
        plan = Plan(
            id=new_id(),
            county_code=generation.county_code,
            generation_id=generation.id,
            version=0,
            state=PlanState.DRAFT,
            title=request.title or f"方案{'一二三四五六七八九十'[number - 1]}：{len(grids)} → {len(found.groups)}",
            edits=merge_edits(found.groups, grids, units),
            branch_of=plans[0].id if plans else None,
            proof=proof_of(found),
            author=session.actor.name,
        )
        plans.append(session.put_plan(plan, expected_version=None))
    return plans


def proof_of(proposal: Any) -> dict[str, Any]:
    """Return status, objective, bound and gap as stored with a plan and printed in reports."""
    return {
        "status": str(proposal.status),
        "groups": len(proposal.groups),
        "objective": proposal.objective,
        "bound": proposal.bound,
        "gap": proposal.gap,
    }


def report_of(proposed: Proposed) -> dict[str, Any]:
    """Return the plan report: what was asked, what was proven, and every merge with its reason and its people.

    Keys: those of `geo.services.merge_output.merge_facts`, grids named by code or community and number, and
    plans. Each reason also holds `people`: the worker who stays, what becomes of every full-time worker of
    the grids joined, and how many households of which buildings get another worker. Workers are named by id alone.
    Each point of a trade-off, and the proposal beside it, also tells the `households` that change worker.
    """
    called = [_label(grid) for grid in proposed.grids]
    facts = merge_facts(proposed.units, proposed.proposal, others=proposed.others, names=called)
    label = dict(zip((grid.id for grid in proposed.grids), called, strict=True))
    for reason, people in zip(facts["reasons"], proposed.people, strict=False):
        reason["grids"] = reason.pop("members")
        reason["people"] = _people(people, label)
    if "trade_off" in facts:
        ways = [*facts["trade_off"]["points"], facts["trade_off"]["proposed"]]
        for way, households in zip(ways, proposed.moved, strict=True):
            way["households"] = households
    return {**facts, "plans": [p.id for p in proposed.plans]}


def _people(people: Handover, label: Mapping[str, str]) -> dict[str, Any]:
    return {
        "stays": people.stays,
        "workers": [
            {"worker": m.worker_id, "from": label[m.from_grid], "to": label.get(m.to_grid), "status": m.status}
            for m in people.workers
        ],
        "handed_over": [
            {"grid": label[h.grid_id], "households": h.households, "buildings": dict(h.buildings)}
            for h in people.handed_over
        ],
    }


def _label(grid: Grid) -> str:
    return grid.code or f"{grid.community_code}/{grid.local_code or grid.name}"


def _called(grid: Grid, areas: Mapping[str, str]) -> str:
    """Name a grid in a sentence; names repeat in every community, so one without code is told with its community."""
    name = grid.name or grid.local_code or ""
    community = areas.get(grid.community_code, grid.community_code)
    return name if name and (grid.code or community in name) else f"{community}{name}"
