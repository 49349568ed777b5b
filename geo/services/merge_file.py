"""Merging the polygons of any file, without a store: read, refuse by row, propose, write whole or nothing."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from geo.crs import CGCS2000, WGS84
from geo.errors import Infeasible, Refused, Where
from geo.planning import Constraints, Proposal, Saying, Status, Units, propose
from geo.services.merge_output import Beside, beside, merge_facts, refuse_beside, write_facts, write_merge
from geo.services.merge_source import MergeFileRequest, MergeSource, read_counts, read_source, source_units
from geo.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.formats import Dataset
    from geo.planning.clock import Progress

__all__ = ["MergeFileRequest", "MergedFile", "merge_file", "read_counts"]

_SUFFIXES: Final = (".csv", ".gpkg", ".geojson", ".json", ".kml", ".shp", ".zip")
_DEGREES_ONLY: Final = frozenset({".geojson", ".json", ".kml"})


@dataclass(frozen=True, slots=True)
class MergedFile:
    """A proposal for a file: its report as written, and what the output's format could not keep."""

    proposal: Proposal
    units: Units
    report: dict[str, Any]
    losses: tuple[str, ...] = ()


def merge_file(
    request: MergeFileRequest, *, settings: Settings | None = None, progress: Progress | None = None
) -> MergedFile:
    """Propose a merge of a file's polygons and write result and report, both or neither.

    Parameters
    ----------
    request : MergeFileRequest
        What is asked.
    settings : Settings, optional, keyword
        Limits, and the lengths that make neighbours and barriers.
    progress : callable, optional, keyword
        As for `geo.planning.propose`; may raise `StopSearch` to take the best plan so far.

    Returns
    -------
    MergedFile
        ``optimal`` or ``feasible``; both files are in place.

    Raises
    ------
    Refused
        The file, a row of it (named) or a wish cannot be accepted, or no plan was found in time; nothing is
        written but, in the last case, the report.
    Infeasible
        No plan meets the wishes: the report is written and names the smallest conflict, `out` is not.
    """
    chosen = settings or Settings()
    _check_paths(request)
    refuse_beside(trade_off=request.trade_off)
    source = read_source(request, settings=chosen)
    units = source_units(request, source, settings=chosen)
    limit = min(math.inf if request.time_limit is None else request.time_limit, chosen.limits.optimiser_seconds)
    asked: dict[str, Any] = {
        "weights": request.weights,
        "constraints": _constraints(request, units),
        "seed": request.seed,
    }
    proposal = propose(
        units,
        groups=request.groups,
        time_limit=limit,
        progress=progress,
        alternatives=request.alternatives,
        reasons=True,
        counted=Saying(f" {request.load}", request.load),
        **asked,
    )
    others = _beside(request, units, proposal, max(limit - proposal.seconds, 0.0), progress, asked)
    facts = {**_asked(request, source.data), **merge_facts(units, proposal, others=others)}
    if not proposal.groups:
        if request.report is not None:
            write_facts(request.report, facts)
        raise _without_plan(proposal)
    losses = _write(request, source, units, proposal, facts)
    return MergedFile(proposal, units, facts, losses)


def _beside(
    request: MergeFileRequest,
    units: Units,
    proposal: Proposal,
    seconds: float,
    progress: Progress | None,
    asked: Mapping[str, Any],
) -> Beside:
    if proposal.status is Status.INFEASIBLE:
        return Beside()
    return beside(
        units,
        proposal,
        curve=request.curve,
        trade_off=request.trade_off,
        groups=request.groups,
        seconds=seconds,
        progress=progress,
        **asked,
    )


def _write(
    request: MergeFileRequest, source: MergeSource, units: Units, proposal: Proposal, facts: dict[str, Any]
) -> tuple[str, ...]:
    """Write in the file's own coordinates, or in degrees where those cannot be written."""
    plane = source.datum not in (CGCS2000, WGS84) and request.out.suffix.lower() in _DEGREES_ONLY
    in_degrees = plane or source.datum.epsg is None
    return write_merge(
        units,
        proposal,
        shapes=source.degrees if in_degrees else source.own,
        datum=CGCS2000 if in_degrees else source.datum,
        out=request.out,
        report=request.report,
        facts=facts,
    )


def _check_paths(request: MergeFileRequest) -> None:
    out, report = request.out, request.report
    if out.suffix.lower() not in _SUFFIXES:
        remedy = f"可用的结尾: {' '.join(_SUFFIXES)}"
        raise Refused("不认识的导出格式", code="format-unknown", where=Where(file=out.name), remedy=remedy)
    inputs = {p.resolve() for p in (request.grids, request.barriers) if p is not None}
    outputs = [p.resolve() for p in (out, report) if p is not None]
    if inputs & set(outputs) or len(set(outputs)) < len(outputs):
        raise Refused("不覆盖原文件", code="same-file", where=Where(file=out.name), remedy="换一个文件名")


def _constraints(request: MergeFileRequest, units: Units) -> Constraints:
    place = {name: position for position, name in enumerate(units.ids)}

    def find(name: str) -> int:
        if name not in place:
            raise Refused(
                f"文件里没有单元 {name!r}", code="wish-invalid", remedy="写 id 字段的值; 没有时写从 0 起的位置"
            )
        return place[name]

    return Constraints(
        keep=tuple(find(name) for name in request.keep),
        together=tuple(tuple(find(name) for name in group) for group in request.together),
        apart=tuple(tuple(find(name) for name in group) for group in request.apart),
        min_load=request.min_load,
        max_load=request.max_load,
        counts={label: count for label, count in request.counts.items()},  # noqa: C416 - widens the key type
    )


def _asked(request: MergeFileRequest, data: Dataset) -> dict[str, Any]:
    """Return what was asked, for the report: enough to ask it again."""
    return {
        "file": request.grids.name,
        "sha256": data.sha256,
        "load": request.load,
        "within": request.within,
        "id": request.id_field,
        "to": "-".join(map(str, request.groups)) if isinstance(request.groups, tuple) else request.groups,
        "weights": asdict(request.weights),
        "seed": request.seed,
    }


def _without_plan(proposal: Proposal) -> Refused:
    if proposal.status is Status.INFEASIBLE:
        named = tuple(saying.zh for saying in proposal.conflict)
        message = f"这些要求不能同时满足: {'; '.join(named)}"
        return Infeasible(message, conflict=named, remedy="放宽其中一项再试")
    return Refused("时限内没有找到方案", code="no-plan-in-time", remedy="放宽时限或要求再试")
