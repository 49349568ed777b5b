"""Import of files: read, recognise, vote, convert, report; written whole when asked, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from geo.authority import Action, Actor, require
from geo.errors import DatumRequired, Refused
from geo.formats import Feature, read
from geo.formats.numerals import grid_key
from geo.model import Area, GenerationState, Grid, GridKind
from geo.services.ingest.boundaries import GRID_KINDS, Drawn, draw_base, draw_overlay, join_roster
from geo.services.ingest.gazetteer import Communities
from geo.services.ingest.headers import resolve_columns
from geo.services.ingest.incoming import Incoming, Setting
from geo.services.ingest.positions import (
    Box,
    Hints,
    convert_geometries,
    convert_points,
    decide_datum,
    sample_spots,
)
from geo.services.ingest.reading import RowReader, RowRefused, rejection
from geo.services.ingest.records import POINT_KINDS, RECORD_PARSERS, County, Record
from geo.services.ingest.request import IMPORT_KINDS, FileReport, ImportReport, ImportRequest
from geo.services.ingest.writing import write_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from geo.settings import Settings
    from geo.store.base import Session, Store

__all__ = ["import_files"]

_CHINA: Box = (73.0, 17.0, 136.0, 54.0)
_OVERLAYS = frozenset({"exclusive", "police"})
_ROWS_SHOWN = 10


def import_files(
    store: Store,
    actor: Actor,
    request: ImportRequest,
    *,
    settings: Settings,
    new_id: Callable[[], str],
    progress: Callable[[float, str], None] | None = None,
) -> ImportReport:
    """Read files of one kind, report, and write them when the request says so.

    Parameters
    ----------
    progress : callable, optional
        Told the share done and what is being done; it may raise to cancel.

    Returns
    -------
    ImportReport
        ``applied`` is false for a dry run, and for an applying run in which rows were refused and not
        accepted as refused.

    Raises
    ------
    DatumRequired
        The request applies, and a file with coordinates has no declared datum; the message carries the proposal.
    Refused
        A file cannot be read at all, or lacks a needed column.
    """
    if request.kind not in IMPORT_KINDS:
        raise Refused(f"{request.kind!r} is no kind of import", remedy=f"kinds: {', '.join(IMPORT_KINDS)}")
    require(actor, Action.IMPORT if request.apply else Action.READ)
    with store.reading(actor) as session:
        setting = _setting(session, store.county_code, settings, new_id)
    files = [_read(path, request, setting, settings) for path in request.paths]
    if request.kind in GRID_KINDS:
        _join(files, request.kind)
    for number, file in enumerate(files):
        if progress is not None:
            progress(number / len(files), file.name)
        _position(file, request, setting)
    report = ImportReport(kind=request.kind, files=tuple(_report(f) for f in files), applied=False)
    if not request.apply or (report.refused and not request.accept_refused):
        return report
    _refuse_without_datum(files, request)
    return write_rows(store, actor, request, files, setting, report)


def _setting(session: Session, county_code: str, settings: Settings, new_id: Callable[[], str]) -> Setting:
    areas = session.areas()
    communities = Communities(areas)
    inactive = [g for g in session.generations() if g.state is GenerationState.INACTIVE and g.plan_id is None]
    generation = inactive[-1] if inactive else session.generation()
    grids = session.grids(generation.id) if generation else []
    numbered = {(g.community_code, _number(g)): g.id for g in grids if g.kind is GridKind.BASE}
    return Setting(
        county=County(county_code, communities, {k: v for k, v in numbered.items() if k[1] > 0}, new_id),
        hints=Hints.of(communities.outlined()),
        near=_near(areas),
        generation=generation,
        known_grids={f"{g.kind.value}:{g.source_key}": g.id for g in grids},
        timezone=ZoneInfo(settings.timezone),
    )


def _number(grid: Grid) -> int:
    return grid_key(grid.local_code or grid.name)[1] or 0


def _near(areas: Sequence[Area]) -> Box:
    outlined = [a.geometry for a in areas if a.geometry is not None]
    if not outlined:
        return _CHINA
    west, south, east, north = shapely.total_bounds(outlined)
    return float(west), float(south), float(east), float(north)


def _read(path: Path, request: ImportRequest, setting: Setting, settings: Settings) -> Incoming:
    dataset = read(path, layer=request.layer, encoding=request.encoding, limits=settings.limits)
    spatial = any(f.geometry is not None for f in dataset.features)
    columns = resolve_columns(request.kind, dataset.columns, request.mapping, file=Path(path).name, geometry=spatial)
    file = Incoming(dataset, columns, refused=list(dataset.refused), warnings=[str(w) for w in dataset.warnings])
    parse = _parser(request.kind, setting.county, file.name)
    for feature in dataset.features:
        try:
            file.items.append((parse(RowReader(feature, columns, setting.timezone)), feature))
        except RowRefused as error:
            file.refused.append(rejection(error, feature, file.name))
    if request.kind not in GRID_KINDS:
        _once(file)
    return file


def _parser(kind: str, county: County, file: str) -> Callable[[RowReader], Any]:
    if kind == "boundaries":
        return lambda row: draw_base(row, county, file)
    if kind in _OVERLAYS:
        return lambda row: draw_overlay(row, county)
    parse = RECORD_PARSERS[kind]
    return lambda row: parse(row, county)


def _once(file: Incoming) -> None:
    """Keep one row per source key (the last, as a corrected line follows the one it corrects) and say so."""
    by_key: dict[str, tuple[Record, Feature]] = {}
    twice = 0
    for record, feature in file.items:
        key = record["code"] if "source_key" not in record else record["source_key"]
        twice += key in by_key
        by_key[key] = (record, feature)
    if twice:
        file.warnings.append(f"{twice} rows repeat a key; the last one of each counts")
    file.items = list(by_key.values())


def _join(files: Sequence[Incoming], kind: str) -> None:
    """Overlay grids may come as a roster and an outline file; base grids must not carry one key twice."""
    if kind in _OVERLAYS:
        joined, left = join_roster([(d, f, file.name) for file in files for d, f in file.items])
        for file in files:
            file.items = [(d, f) for d, f, name in joined if name == file.name]
            for reason, feature, name in left:
                if name == file.name:
                    file.refused.append(rejection(RowRefused(reason, code="half-missing"), feature, file.name))
        return
    seen: dict[str, str] = {}
    for file in files:
        kept = []
        for drawn, feature in file.items:
            if drawn.key in seen:
                message = f"{drawn.name} has the number of another grid of its community ({seen[drawn.key]})"
                file.refused.append(
                    rejection(
                        RowRefused(message, code="code-clash", remedy="give each grid its own number"),
                        feature,
                        file.name,
                    )
                )
                continue
            seen[drawn.key] = f"row {feature.row} of {file.name}"
            kept.append((drawn, feature))
        file.items = kept


def _position(file: Incoming, request: ImportRequest, setting: Setting) -> None:
    """Decide the datum of a file and, where it is known, convert its rows."""
    pairs = _pairs(file, request.kind)
    if pairs is None:
        return
    x, y, codes = pairs
    if not np.isfinite(x).any():
        return
    file.position = decide_datum(
        request.datum, file.dataset.declared_datum, x, y, codes, hints=setting.hints, near=setting.near
    )
    used = file.position.used
    if used is None:
        return
    if request.kind in POINT_KINDS:
        records = [r for r, _ in file.items]
        flagged = convert_points(records, used, near=setting.near, flag_repeated=request.kind == "households")
        _warn_points(file, flagged)
    else:
        shapes = convert_geometries([_geometry(item) for item, _ in file.items], used)
        file.items = [(_with_geometry(item, s), f) for (item, f), s in zip(file.items, shapes, strict=True)]


def _pairs(file: Incoming, kind: str) -> tuple[Any, Any, list[str]] | None:
    if kind in POINT_KINDS:
        records = [r for r, _ in file.items]
        x = np.array([np.nan if r["raw_x"] is None else r["raw_x"] for r in records], dtype=np.float64)
        y = np.array([np.nan if r["raw_y"] is None else r["raw_y"] for r in records], dtype=np.float64)
        return x, y, [r.get("community_code") or r.get("community_hint") or "" for r in records]
    shapes = np.array([_geometry(item) for item, _ in file.items], dtype=object)
    if len(shapes) == 0 or all(s is None for s in shapes):
        return None
    spots, owner = sample_spots(shapes)
    codes = [_community_of(item) for item, _ in file.items]
    return spots[:, 0], spots[:, 1], [codes[i] for i in owner]


def _geometry(item: Any) -> Any:
    return item.geometry if isinstance(item, Drawn) else item.get("geometry")


def _community_of(item: Any) -> str:
    return item.community_code if isinstance(item, Drawn) else str(item.get("community_code") or "")


def _with_geometry(item: Any, geometry: Any) -> Any:
    if isinstance(item, Drawn):
        return Drawn(
            item.key,
            item.name,
            item.community_code,
            item.local_code,
            item.code,
            geometry,
            item.owner_unit,
            item.department,
        )
    return {**item, "geometry": geometry}


def _warn_points(file: Incoming, flagged: Iterable[tuple[int, str]]) -> None:
    by_reason: dict[str, list[int]] = {}
    for position, reason in flagged:
        by_reason.setdefault(reason, []).append(file.items[position][1].row)
    for reason, rows in by_reason.items():
        shown = ", ".join(map(str, rows[:_ROWS_SHOWN])) + (" …" if len(rows) > _ROWS_SHOWN else "")
        file.warnings.append(f"{len(rows)} points are not used ({reason}); rows {shown}")


def _report(file: Incoming) -> FileReport:
    dataset, position = file.dataset, file.position
    return FileReport(
        path=str(dataset.path),
        sha256=dataset.sha256,
        format=dataset.format,
        encoding=dataset.encoding,
        encoding_evidence=dataset.encoding_evidence,
        datum=str(position.used or ""),
        proposed_datum=str(position.proposed or ""),
        datum_evidence=position.evidence,
        rows_read=len(dataset.features) + len(dataset.refused),
        accepted=len(file.items),
        refused=tuple(file.refused),
        warnings=tuple(file.warnings),
    )


def _refuse_without_datum(files: Sequence[Incoming], request: ImportRequest) -> None:
    for file in files:
        pairs = _pairs(file, request.kind)
        if pairs is None or not np.isfinite(pairs[0]).any() or file.position.used is not None:
            continue
        proposal = file.position.proposed
        hint = (
            f"the evidence proposes {proposal}: confirm it with --datum {proposal}"
            if proposal
            else "declare it with --datum"
        )
        evidence = "; ".join(file.position.evidence)
        raise DatumRequired(
            f"{file.name}: the datum of its coordinates is not settled{': ' + evidence if evidence else ''}",
            remedy=hint,
        )
