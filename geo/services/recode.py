"""Anybody's table brought from old grid codes, local numbers or names to the grids in force (对照表 at work).

A code belongs to one grid for ever; local numbers and names change hands, so they are read as of a date. From there
the lineage leads to the grids in force; where it forks and no address decides, the row is listed, never guessed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from geo.errors import NotFound, Refused, Where
from geo.formats import Feature, read, write
from geo.formats.numerals import community_key, count_of, grid_key, normalise
from geo.model import Generation, GenerationState, Grid, GridKind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from geo.authority import Actor
    from geo.formats import Dataset
    from geo.store.base import Session, Store

__all__ = ["ByGrid", "Recoded", "Undecided", "recode_table", "table_by_grid"]

NEW_CODE: Final = "新网格编码"
NEW_NAME: Final = "新网格名称"
REMARK: Final = "对照说明"
# A strip without a household that is less of the old grid than this takes no rows along.
_STRIP_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Undecided:
    """A row that could not be brought over: why, and the grids in force it may belong to (code and name)."""

    row: int
    value: str
    reason: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recoded:
    """A table with new code and name in each decided row."""

    out: Path
    rows: tuple[Feature, ...]
    columns: tuple[str, ...]
    decided: int
    by_address: int
    undecided: tuple[Undecided, ...]


@dataclass(frozen=True, slots=True)
class ByGrid:
    """A table summed by grid in force: id → total and id → rows, and the rows left out."""

    totals: Mapping[str, float]
    rows: Mapping[str, int]
    undecided: tuple[Undecided, ...]


def recode_table(
    store: Store,
    actor: Actor,
    path: Path | str,
    *,
    column: str,
    out: Path | str,
    address_column: str | None = None,
    community_column: str | None = None,
    as_of: dt.date | None = None,
    address_grid: Callable[[str], str | None] | None = None,
) -> Recoded:
    """Append the code and name of the grid in force to every row of a table.

    Nothing of the table is stored, and all its columns are kept: it is the reader's own.

    Parameters
    ----------
    column : str
        Holds old codes, local numbers (with `community_column`, or written 黎明社区/3) or names.
    out : path
        Written whole, in the format its ending says.
    address_column : str, optional
        Read where an old grid was split, by `address_grid`.
    as_of : date, optional
        When the table was made; by default before the generation in force.
    address_grid : callable, optional
        Address text → id of the grid in force, None where it is not sure.

    Raises
    ------
    Refused
        The table cannot be read, or lacks a column.
    NotFound
        No generation is in force.
    """
    table = _table(path, [column, address_column, community_column])
    with store.reading(actor) as session:
        guide = _Guide.of(session, as_of)
        found = [_decide(guide, f, column, address_column, community_column, address_grid) for f in table.features]
    rows, undecided, by_address = [], [], 0
    for feature, (target, how, fault) in zip(table.features, found, strict=True):
        grid = guide.now.get(target)
        words = {
            NEW_CODE: (grid.code or grid.local_code or "") if grid else "",
            NEW_NAME: grid.name if grid else "",
            REMARK: fault.reason if fault else how,
        }
        rows.append(replace(feature, properties={**feature.properties, **words}))
        undecided += [fault] if fault else []
        by_address += how == "按地址"
    columns = tuple(dict.fromkeys([*table.columns, NEW_CODE, NEW_NAME, REMARK]))
    write(out, rows, columns=columns)
    return Recoded(Path(out), tuple(rows), columns, len(rows) - len(undecided), by_address, tuple(undecided))


def table_by_grid(
    store: Store,
    actor: Actor,
    path: Path | str,
    *,
    key: str,
    value: str | None = None,
    community_column: str | None = None,
    as_of: dt.date | None = None,
) -> ByGrid:
    """Sum a ledger by grid in force, old codes and names translated.

    Parameters
    ----------
    key : str
        Column of codes, local numbers or names.
    value : str, optional
        Column to sum ("312户" counts as 312); rows are counted without it.

    Raises
    ------
    Refused
        The table cannot be read, or lacks a column.
    NotFound
        No generation is in force.
    """
    table = _table(path, [key, value, community_column])
    totals: dict[str, float] = defaultdict(float)
    rows: dict[str, int] = defaultdict(int)
    undecided = []
    with store.reading(actor) as session:
        guide = _Guide.of(session, as_of)
        for feature in table.features:
            target, _, fault = _decide(guide, feature, key, None, community_column, None)
            amount = 1.0 if value is None else _amount(feature.properties.get(value))
            if fault is None and amount is None:
                fault = Undecided(feature.row, _text(feature.properties.get(key)), f"{value}不是数")
            if fault is not None or amount is None:
                undecided += [fault] if fault else []
                continue
            totals[target] += amount
            rows[target] += 1
    return ByGrid(dict(totals), dict(rows), tuple(undecided))


def _table(path: Path | str, columns: Sequence[str | None]) -> Dataset:
    table = read(path)
    for name in columns:
        if name is not None and name not in table.columns:
            raise Refused(
                f"the table has no column {name}",
                code="column-missing",
                where=Where(file=table.path.name, column=name),
                remedy=f"columns: {'、'.join(table.columns)[:200]}",
            )
    return table


_Decision = tuple[str, str, "Undecided | None"]


def _decide(
    guide: _Guide,
    feature: Feature,
    column: str,
    address_column: str | None,
    community_column: str | None,
    address_grid: Callable[[str], str | None] | None,
) -> _Decision:
    """Return (id of the grid in force, how it was found, why it was not)."""
    text = _text(feature.properties.get(column))
    community = _text(feature.properties.get(community_column)) if community_column else ""
    starts, reason = guide.starts(text, community)
    if not starts:
        return "", "", Undecided(feature.row, text, reason)
    targets = sorted(set().union(*(guide.targets(g) for g in starts)))
    if len(targets) == 1:
        return targets[0], "按沿革", None
    address = _text(feature.properties.get(address_column)) if address_column else ""
    if address and address_grid is not None:
        told = address_grid(address)
        if told in targets:
            return told, "按地址", None
    why = "原网格已撤销，没有沿革" if not targets else "对应多个现行网格"
    return "", "", Undecided(feature.row, text, why, tuple(guide.label(t) for t in targets))


@dataclass(frozen=True, slots=True, eq=False)
class _Guide:
    """Where every old code, number and name leads.

    `line` holds the generations that were in force in order; `at` is the place in it that names are read at.
    """

    session: Session
    line: tuple[Generation, ...]
    at: int
    grids: tuple[Mapping[str, Grid], ...]
    by_name: tuple[Mapping[tuple[str, str], frozenset[str]], ...]
    steps: tuple[Mapping[str, frozenset[str]], ...]
    known: dict[tuple[str, str], tuple[frozenset[str], str]]

    @classmethod
    def of(cls, session: Session, as_of: dt.date | None) -> _Guide:
        line = tuple(g for g in session.generations() if g.state is not GenerationState.INACTIVE)
        active = session.generation()
        if active is None:
            raise NotFound("no generation is in force", remedy="import boundaries and activate them first")
        meant = session.generation(as_of=as_of) if as_of is not None else None
        at = next((i for i, g in enumerate(line) if meant is not None and g.id == meant.id), max(len(line) - 2, 0))
        areas = {a.code: a.name for a in session.areas()}
        grids = tuple({g.id: g for g in session.grids(one.id)} for one in line)
        steps = tuple(
            _followers(session, old, new, list(grids[i]), grids[i + 1])
            for i, (old, new) in enumerate(itertools.pairwise(line))
        )
        return cls(session, line, at, grids, tuple(_names(held, areas) for held in grids), steps, {})

    @property
    def now(self) -> Mapping[str, Grid]:
        """Grids in force by id."""
        return self.grids[-1]

    def label(self, grid_id: str) -> str:
        grid = self.now[grid_id]
        return f"{grid.code or grid.local_code or ''} {grid.name}".strip()

    def starts(self, text: str, community: str) -> tuple[frozenset[str], str]:
        """Return the grids a text means (one, unless it is ambiguous), or none and the reason."""
        key = (text, community)
        if key not in self.known:
            self.known[key] = self._starts(text, community)
        return self.known[key]

    def _starts(self, text: str, community: str) -> tuple[frozenset[str], str]:
        if not text:
            return frozenset(), "空白"
        owners = frozenset(row["grid_id"] for row in self.session.codes(text) if not row["local"])
        if owners:
            return owners, ""
        order = [self.at, *(i for i in range(len(self.line) - 1, -1, -1) if i != self.at)]
        for place in order:
            for wanted in _readings(text, community):
                found = self.by_name[place].get(wanted, frozenset())
                if len(found) > 1:
                    return frozenset(), "名称对应多个网格，需要社区"
                if found:
                    return found, ""
        return frozenset(), "没有这个网格编码或名称"

    def targets(self, grid_id: str) -> frozenset[str]:
        """Return the grids in force that an old grid became."""
        here = [i for i, held in enumerate(self.grids) if grid_id in held]
        if not here:
            return frozenset()
        start = self.at if self.at in here else max((i for i in here if i < self.at), default=here[0])
        held = frozenset({grid_id})
        for step in self.steps[start:]:
            held = frozenset().union(*(step.get(g, frozenset()) for g in held))
        return held


def _followers(
    session: Session, old: Generation, new: Generation, ids: Sequence[str], after: Mapping[str, Grid]
) -> dict[str, frozenset[str]]:
    links: dict[str, set[str]] = defaultdict(set)
    for link in session.lineage(from_generation=old.id, to_generation=new.id):
        if link.households or link.area_share >= _STRIP_SHARE:
            links[link.old_grid_id].add(link.new_grid_id)
    return {i: frozenset(links[i]) if i in links else frozenset({i} & after.keys()) for i in ids}


def _names(grids: Mapping[str, Grid], areas: Mapping[str, str]) -> dict[tuple[str, str], frozenset[str]]:
    """Return (community, word) → ids, the community also left out; words are names and numbers."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for grid in grids.values():
        numbered = (_number(grid.name), _number(grid.local_code or "")) if grid.kind is GridKind.BASE else ()
        words = {_plain(grid.name), *(n for n in numbered if n)}
        homes = {community_key(areas.get(grid.community_code, "")), grid.community_code, ""}
        for home in homes:
            for word in words:
                found[home, word].add(grid.id)
    return {key: frozenset(ids) for key, ids in found.items()}


def _readings(text: str, community: str) -> list[tuple[str, str]]:
    """Return the ways to read a cell, the surest first."""
    head, slash, tail = text.partition("/")
    home = community_key(community) if community else ""
    named = grid_key(text)
    ways = [(home, _plain(text))]
    if slash:
        ways += [(head.strip(), _number(tail)), (community_key(head), _number(tail))]
    if named.number is not None:
        ways += [(named.community or home, f"#{named.number}")]
    return [way for way in ways if way[1]]


def _number(text: str) -> str:
    number = grid_key(text).number if text else None
    return "" if number is None else f"#{number}"


def _plain(text: str) -> str:
    return normalise(text).replace(" ", "")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _amount(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    found = count_of(str(value))
    return None if found is None else float(found)
