"""Generations, their grids, and the lineage between them.

A generation is written while inactive, activated once, and never changed again; triggers in both engines hold
the same rule against programs that do not come through here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from geo.errors import Conflict, NotFound, Refused, Where
from geo.model import ChangeKind, Generation, GenerationState, Grid, GridKind, Lineage
from geo.store import schema
from geo.store.codes import Codes
from geo.store.shapes import decode, encode, instant

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

__all__ = ["Generations"]

_FREE_WHEN_ACTIVE = {"filing_no", "note"}
_GENERATION = ("id", "county_code", "serial", "state", "effective_from", "published_at", "parent_id", "plan_id")
_GENERATION_FIELDS = (*_GENERATION, "filing_no", "note")
_GRID_WORDS = ("name", "community_code", "code", "local_code", "source_key", "owner_unit", "department")
_LINK = ("old_grid_id", "new_grid_id", "change", "area_share", "household_share", "households")


class Generations(Codes):
    """The part of a session that keeps generations."""

    def put_generation(self, generation: Generation) -> None:
        """Insert or update a generation; see `geo.store.base.Session.put_generation`."""
        table = schema.generations
        self._must_write(table)
        if generation.county_code != self._county:
            raise Refused(f"the generation belongs to {generation.county_code}, the store to {self._county}")
        values = {name: getattr(generation, name) for name in _GENERATION_FIELDS}
        values["state"] = generation.state.value
        if generation.published_at is not None:
            values["published_at"] = instant(generation.published_at)
        former = self.generation(id=generation.id)
        if former is None:
            self._insert_generation(values)
            return
        self._check_changes(former, generation)
        self._connection.execute(update(table).where(table.c.id == generation.id).values(values))

    def _insert_generation(self, values: dict[str, Any]) -> None:
        if values["state"] != GenerationState.INACTIVE:
            raise Conflict("a new generation begins inactive", remedy="put it as inactive, then activate it")
        table = schema.generations
        clash = select(table.c.id).where(table.c.county_code == self._county, table.c.serial == values["serial"])
        if self._connection.execute(clash).first():
            raise Conflict(f"generation serial {values['serial']} is taken", remedy="use the next serial")
        self._connection.execute(insert(table).values(values))

    def _check_changes(self, former: Generation, new: Generation) -> None:
        if new.state != former.state:
            raise Conflict(f"generation {former.serial} is {former.state.value}", remedy="change the state by activate")
        fixed = (
            {"id", "serial"} if former.state is GenerationState.INACTIVE else {*_GENERATION_FIELDS} - _FREE_WHEN_ACTIVE
        )
        changed = sorted(name for name in fixed if _stored(former, name) != _stored(new, name))
        if changed:
            raise Conflict(
                f"generation {former.serial} is published: {', '.join(changed)} cannot change",
                code="generation-immutable",
                remedy="make a new generation",
            )

    def generations(self) -> list[Generation]:
        """All generations of the county by serial."""
        table = schema.generations
        return self._generations(table.select().where(table.c.county_code == self._county).order_by(table.c.serial))

    def generation(self, *, id: str | None = None, as_of: dt.date | None = None) -> Generation | None:  # noqa: A002
        """One by id; else the active one; with `as_of`, the one in force on that date."""
        table = schema.generations
        query = table.select().where(table.c.county_code == self._county)
        if id is not None:
            query = query.where(table.c.id == id)
        elif as_of is None:
            query = query.where(table.c.state == GenerationState.ACTIVE.value)
        else:
            query = query.where(table.c.state != GenerationState.INACTIVE.value, table.c.effective_from <= as_of)
            query = query.order_by(table.c.effective_from.desc(), table.c.serial.desc()).limit(1)
        found = self._generations(query)
        return found[0] if found else None

    def _generations(self, query: Any) -> list[Generation]:
        return [
            Generation(**{name: row[name] for name in _GENERATION_FIELDS} | {"state": GenerationState(row["state"])})
            for row in self._connection.execute(query).mappings()
        ]

    def _known_generation(self, generation_id: str) -> Generation:
        found = self.generation(id=generation_id)
        if found is None:
            raise NotFound(f"there is no generation {generation_id}")
        return found

    def _inactive(self, generation_id: str) -> Generation:
        found = self._known_generation(generation_id)
        if found.state is not GenerationState.INACTIVE:
            raise Conflict(
                f"generation {found.serial} is {found.state.value} and cannot change",
                code="generation-immutable",
                remedy="make a new generation",
            )
        return found

    # -- grids ---------------------------------------------------------------------------------
    def put_grids(self, generation_id: str, grids: Sequence[Grid]) -> None:
        """Add or replace grids of an inactive generation; see `geo.store.base.Session.put_grids`."""
        table = schema.grids
        self._must_write(table)
        self._inactive(generation_id)
        self._check_grids(grids)
        self._check_code_owners({grid.code: grid.id for grid in grids if grid.code})
        known = self._grid_fids(generation_id)
        rows = self._grid_rows(generation_id, grids)
        changed = [{"fid": known[row["id"]], **row} for row in rows if row["id"] in known]
        self._free_unique_words(changed)
        if changed:
            self._carrier.update(self._connection, table, changed)
        self._insert(table, [row for row in rows if row["id"] not in known])

    def _check_grids(self, grids: Sequence[Grid]) -> None:
        for what, values in (
            ("id", [grid.id for grid in grids]),
            ("code", [grid.code for grid in grids if grid.code]),
            ("source key", [f"{grid.source_key} ({grid.kind})" for grid in grids if grid.source_key]),
        ):
            word, times = Counter(values).most_common(1)[0] if values else ("", 0)
            if times > 1:
                raise Conflict(f"two grids have the {what} {word}", code=f"{what.replace(' ', '-')}-clash")
        for grid in grids:
            if grid.county_code != self._county or grid.geometry is None:
                what = "has no geometry" if grid.geometry is None else f"is not of county {self._county}"
                raise Refused(f"the grid {what}", where=Where(feature=grid.name), remedy="correct the grid")

    def _grid_rows(self, generation_id: str, grids: Sequence[Grid]) -> list[dict[str, Any]]:
        blobs = encode([grid.geometry for grid in grids], "MULTIPOLYGON")
        return [
            {
                "generation_id": generation_id,
                "id": grid.id,
                "county_code": self._county,
                "kind": grid.kind.value,
                **{
                    name: getattr(grid, name) or (None if name in {"code", "local_code"} else "")
                    for name in _GRID_WORDS
                },
                "geom": blob,
            }
            for grid, blob in zip(grids, blobs, strict=True)
        ]

    def _grid_fids(self, generation_id: str) -> dict[str, int]:
        table = schema.grids
        query = select(table.c.id, table.c.fid).where(table.c.generation_id == generation_id)
        return {row.id: row.fid for row in self._connection.execute(query)}

    def _free_unique_words(self, changed: Sequence[dict[str, Any]]) -> None:
        """Clear codes and source keys first, so that grids may exchange them in one call."""
        table = schema.grids
        if changed:
            clear = update(table).where(self._within(table.c.fid, [row["fid"] for row in changed]))
            self._connection.execute(clear.values(code=None, source_key=""))

    def remove_grids(self, generation_id: str, grid_ids: Sequence[str]) -> int:
        """Take grids out of an inactive generation, with their assignments; return how many there were."""
        table, placed = schema.grids, schema.assignments
        self._must_write(table, placed)
        self._inactive(generation_id)
        known = self._grid_fids(generation_id)
        fids = [known[grid_id] for grid_id in dict.fromkeys(grid_ids) if grid_id in known]
        self._connection.execute(delete(placed).where(self._within(placed.c.grid_fid, fids)))
        self._connection.execute(delete(table).where(self._within(table.c.fid, fids)))
        return len(fids)

    def grids(self, generation_id: str, kind: GridKind | None = None) -> list[Grid]:
        """Grids of a generation in position order (order of grid UUID)."""
        table = schema.grids
        query = select(
            table.c.id, table.c.county_code, table.c.kind, *(table.c[name] for name in _GRID_WORDS), table.c.geom
        )
        query = query.where(table.c.generation_id == generation_id, table.c.county_code == self._county)
        if kind is not None:
            query = query.where(table.c.kind == kind.value)
        rows = self._connection.execute(query.order_by(table.c.id)).fetchall()
        shapes = decode([row.geom for row in rows])
        return [
            Grid(
                id=row.id,
                county_code=row.county_code,
                kind=GridKind(row.kind),
                geometry=shape,
                **{name: getattr(row, name) for name in _GRID_WORDS},
            )
            for row, shape in zip(rows, shapes, strict=True)
        ]

    # -- activation ----------------------------------------------------------------------------
    def activate(self, generation_id: str, *, effective_from: dt.date, published_at: dt.datetime) -> None:
        """Make an inactive generation the active one; see `geo.store.base.Session.activate`."""
        table = schema.generations
        self._must_write(table)
        self._inactive(generation_id)
        grids = self.grids(generation_id)
        if not any(grid.kind is GridKind.BASE for grid in grids):
            raise Conflict("the generation has no base grid", remedy="import boundaries into it first")
        former = self.generation()
        if former is not None:
            self._supersede(former, effective_from)
        self._connection.execute(
            update(table)
            .where(table.c.id == generation_id)
            .values(state="active", effective_from=effective_from, published_at=instant(published_at))
        )
        self._turn_codes(grids, effective_from)

    def _supersede(self, former: Generation, effective_from: dt.date) -> None:
        if former.effective_from is not None and effective_from < former.effective_from:
            raise Conflict(
                f"the generation now active starts on {former.effective_from}, after {effective_from}",
                code="effective-date",
                remedy="choose a later date",
            )
        table = schema.generations
        self._connection.execute(update(table).where(table.c.id == former.id).values(state="superseded"))

    # -- lineage -------------------------------------------------------------------------------
    def put_lineage(self, from_generation: str, to_generation: str, links: Sequence[Lineage]) -> None:
        """Write (replace) the links between two generations; the later one is still inactive."""
        table = schema.lineage
        self._must_write(table)
        self._known_generation(from_generation)
        self._inactive(to_generation)
        pair = (table.c.from_generation == from_generation, table.c.to_generation == to_generation)
        self._connection.execute(delete(table).where(*pair))
        ends = {"county_code": self._county, "from_generation": from_generation, "to_generation": to_generation}
        self._insert(table, [{**ends, **{name: getattr(link, name) for name in _LINK}} for link in links])

    def lineage(self, *, from_generation: str | None = None, to_generation: str | None = None) -> list[Lineage]:
        """Links out of, or into, a generation, by old then new grid."""
        table = schema.lineage
        query = select(*(table.c[name] for name in _LINK)).where(table.c.county_code == self._county)
        if from_generation is not None:
            query = query.where(table.c.from_generation == from_generation)
        if to_generation is not None:
            query = query.where(table.c.to_generation == to_generation)
        rows = self._connection.execute(query.order_by(table.c.old_grid_id, table.c.new_grid_id)).mappings()
        return [Lineage(**{**row, "change": ChangeKind(row["change"])}) for row in rows]


def _stored(generation: Generation, name: str) -> Any:
    value = getattr(generation, name)
    return instant(value) if name == "published_at" and value is not None else value
