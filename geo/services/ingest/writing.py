"""The rows of an import written in one transaction: records or grids, provenance, journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.services.generations import collecting_generation
from geo.services.ingest.boundaries import GRID_KINDS
from geo.services.ingest.headers import PERSONAL_COLUMNS, heading
from geo.services.ingest.records import POINT_KINDS, with_chief
from geo.services.ingest.request import IMPORT_KINDS, ImportReport
from geo.store.base import ImportRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.authority import Actor
    from geo.model import Generation
    from geo.services.ingest.incoming import Incoming, Setting
    from geo.services.ingest.records import Record
    from geo.services.ingest.request import ImportRequest
    from geo.store.base import Session, Store

__all__ = ["write_rows"]

_PERSONAL = frozenset(heading(c) for c in PERSONAL_COLUMNS)
# Kinds whose records carry the raw coordinates themselves; of the others the import's raw rows keep them.
_KEEPING_RAW = frozenset({"households", "incidents"})
_RAW_FIELDS = frozenset({"raw_x", "raw_y", "datum"})


def write_rows(
    store: Store,
    actor: Actor,
    request: ImportRequest,
    files: Sequence[Incoming],
    setting: Setting,
    report: ImportReport,
) -> ImportReport:
    """Write all files in one transaction: rows, provenance, journal."""
    with store.writing(actor) as session:
        if request.kind in GRID_KINDS:
            generation = collecting_generation(session, new_id=setting.county.new_id)
            counted = _write_grids(session, generation, request.kind, files, setting)
            generation_id: str | None = generation.id
        else:
            done = session.upsert(IMPORT_KINDS[request.kind], _storable(request.kind, files))
            counted, generation_id = (done.inserted, done.updated, done.unchanged), None
        for file in files:
            session.record_import(_provenance(file, request, setting))
        session.note(
            "import",
            request.kind,
            detail={
                "files": [f.dataset.sha256 for f in files],
                "rows": report.accepted,
                "refused": len(report.refused),
            },
        )
        session.commit()
    inserted, updated, unchanged = counted
    return ImportReport(
        kind=report.kind,
        files=report.files,
        applied=True,
        inserted=inserted,
        updated=updated,
        unchanged=unchanged,
        generation_id=generation_id,
    )


def _storable(kind: str, files: Sequence[Incoming]) -> list[Record]:
    """Return the records as the store takes them: a place is a spot, whatever was drawn for it."""
    records = [r for f in files for r, _ in f.items]
    if kind in POINT_KINDS and kind not in _KEEPING_RAW:
        return [{k: v for k, v in r.items() if k not in _RAW_FIELDS} for r in records]
    if kind == "gridworkers":
        return [r for record in records for r in with_chief(record)]
    if kind != "places":
        return records
    spots = shapely.point_on_surface(np.array([r["geometry"] for r in records], dtype=object))
    return [
        {**{k: v for k, v in record.items() if k != "geometry"}, "lon": shapely.get_x(spot), "lat": shapely.get_y(spot)}
        for record, spot in zip(records, spots, strict=True)
    ]


def _write_grids(
    session: Session, generation: Generation, kind: str, files: Sequence[Incoming], setting: Setting
) -> tuple[int, int, int]:
    layer = GRID_KINDS[kind]
    present = {f"{g.kind.value}:{g.source_key}": g for g in session.grids(generation.id)}
    known = {k.removeprefix(f"{layer.value}:"): v for k, v in setting.known_grids.items() if k.startswith(layer.value)}
    grids = [item.grid(setting.county, layer, known) for file in files for item, _ in file.items]
    updated = sum(1 for g in grids if f"{layer.value}:{g.source_key}" in present)
    session.put_grids(generation.id, grids)
    return len(grids) - updated, updated, 0


def _provenance(file: Incoming, request: ImportRequest, setting: Setting) -> ImportRecord:
    kept = [c for c in file.dataset.columns if heading(c) not in _PERSONAL]
    return ImportRecord(
        id=setting.county.new_id(),
        county_code=setting.county.code,
        kind=request.kind,
        file_name=file.name,
        sha256=file.dataset.sha256,
        datum=str(file.position.used or ""),
        encoding=file.dataset.encoding,
        rows_read=len(file.dataset.features),
        rows_refused=len(file.refused),
        raw_rows=[{c: _plain(f.properties.get(c)) for c in kept} for f in file.dataset.features],
    )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
