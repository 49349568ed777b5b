"""Plans of redrawing applied to the grids they were drawn on, one immutable drawing after another.

A `Drawing` is the coverage after some edits together with the names and kinds of its grids; an edit makes a child
that remembers its parent, so undo is the parent and the next edit costs only itself. A `DrawingBoard` keeps the
drawings of open plans between questions.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from geo.errors import Conflict, Refused, Where
from geo.model import Grid, GridKind
from geo.topology.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from geo.model import Plan
    from geo.store.base import Session

__all__ = ["Drawing", "DrawingBoard", "locked_grids", "redraw_grids"]

Edit = "Mapping[str, Any]"
_KEPT_DRAWINGS = 512


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """Base grids after some edits.

    Attributes
    ----------
    coverage : Coverage
        Outlines of all base grids as one object.
    facts : mapping
        Grid by id with name, kind, community and codes; the geometry held there is that of the base generation.
    changed : frozenset of str
        Grids whose outline the last edit changed or made, and those it ended.
    beside : frozenset of str
        `changed`, and the grids whose borders go by other neighbours since.
    parent : Drawing or None
        What was edited; None for the base generation.
    """

    coverage: Coverage
    facts: Mapping[str, Grid]
    changed: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    parent: Drawing | None = field(default=None, repr=False)

    @classmethod
    def of(cls, grids: Sequence[Grid]) -> Drawing:
        """Return the drawing of a generation's base grids.

        Raises
        ------
        CoverageBroken
            The grids form no coverage.
        """
        ordered = sorted(grids, key=lambda g: g.id)
        coverage = Coverage.build([g.geometry for g in ordered], ids=[g.id for g in ordered])
        return cls(coverage, {g.id: g for g in ordered})

    def after(self, edit: Mapping[str, Any]) -> Drawing:
        """Return the drawing after one edit.

        Raises
        ------
        Refused
            The edit is of no known kind, misses a field, or does not fit this drawing.
        NotFound
            It names a grid that is not there.
        """
        word = str(edit.get("op", ""))
        step = _STEPS.get(word)
        if step is None:
            raise Refused(f"{word!r} is no edit", code="edit-unknown", remedy=f"edits: {', '.join(sorted(_STEPS))}")
        try:
            coverage, facts = step(self, edit)
        except KeyError as error:
            raise Refused(f"a {word} edit needs the field {error.args[0]!r}", code="edit-incomplete") from error
        changed, beside = _differences(self.coverage, coverage)
        return Drawing(coverage, facts, changed, beside, self)

    def after_all(self, edits: Iterable[Mapping[str, Any]], *, locked: Collection[str] = ()) -> Drawing:
        """Return the drawing after several edits in order; the refusal of one names its place in the row.

        Raises
        ------
        Conflict
            An edit changes a grid of `locked`.
        """
        drawing = self
        for number, edit in enumerate(edits, start=1):
            try:
                drawing = drawing.after(edit)
            except Refused as error:
                error.where = error.where if str(error.where) else Where(row=number)
                raise
            _refuse_locked(drawing, edit, locked)
        return drawing

    def grids(self) -> list[Grid]:
        """Return the base grids in position order (order of id)."""
        ids = self.coverage.ids
        shapes = dict(zip(ids, self.coverage.polygons(), strict=True))
        return [replace(self.facts[i], geometry=shapes[i]) for i in sorted(ids)]

    def grid(self, grid_id: str) -> Grid:
        """Return one base grid, or raise `NotFound`."""
        shape = self.coverage.polygon(grid_id)
        return replace(self.facts[grid_id], geometry=shape)

    def __len__(self) -> int:
        """Return the number of base grids."""
        return len(self.coverage)


class DrawingBoard:
    """Keeps drawings of open plans, so that a question after an edit costs only that edit. Safe between threads.

    Parameters
    ----------
    most : int
        Drawings kept at most; the one least asked for goes first.
    """

    def __init__(self, *, most: int = _KEPT_DRAWINGS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Drawing] = OrderedDict()

    def base(self, session: Session, generation_id: str) -> Drawing:
        """Return the drawing of a generation before any edit.

        A generation in force never changes; an inactive one may, so it is not kept.
        """
        known = self._recall(generation_id)
        if known is not None:
            return known
        drawing = Drawing.of(session.grids(generation_id, GridKind.BASE))
        generation = session.generation(id=generation_id)
        if generation is not None and generation.state.value != "inactive":
            self._keep(generation_id, drawing)
        return drawing

    def drawing(self, session: Session, plan: Plan) -> Drawing:
        """Return the drawing of a plan, from the longest row of its edits that is known.

        Raises
        ------
        Refused
            An edit does not fit its base any more.
        """
        keys = [plan.generation_id, *_keys(plan.generation_id, plan.edits)]
        known = 0
        drawing = None
        for known in range(len(plan.edits), 0, -1):
            drawing = self._recall(keys[known])
            if drawing is not None:
                break
        if drawing is None:
            known, drawing = 0, self.base(session, plan.generation_id)
        for number in range(known, len(plan.edits)):
            drawing = drawing.after_all([plan.edits[number]])
            self._keep(keys[number + 1], drawing)
        return drawing

    def _recall(self, key: str) -> Drawing | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: str, drawing: Drawing) -> None:
        with self._lock:
            self._kept[key] = drawing
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def redraw_grids(grids: Sequence[Grid], edits: Sequence[Mapping[str, Any]]) -> list[Grid]:
    """Return the base grids after a plan's edits, in position order; untouched ones are handed back as they are."""
    drawing = Drawing.of(grids).after_all(edits)
    known = {g.id: g for g in grids}
    redrawn = _ever_changed(drawing)
    return [
        g if g.id in redrawn or g.id not in known else replace(g, geometry=known[g.id].geometry)
        for g in drawing.grids()
    ]


def locked_grids(notes: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the ids of the grids that a plan's notes lock (保留不动)."""
    return frozenset(i for i, note in (notes or {}).items() if note.get("locked"))


def _ever_changed(drawing: Drawing) -> set[str]:
    found: set[str] = set()
    state: Drawing | None = drawing
    while state is not None:
        found |= state.changed
        state = state.parent
    return found


def _keys(start: str, edits: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one name for each row of edits from the first on; authors and instants do not count."""
    digest = hashlib.sha256(start.encode())
    keys = []
    for edit in edits:
        drawn = {k: v for k, v in edit.items() if k not in ("by", "at")}
        digest.update(json.dumps(drawn, sort_keys=True, ensure_ascii=False).encode())
        keys.append(digest.hexdigest())
    return keys


def _refuse_locked(drawing: Drawing, edit: Mapping[str, Any], locked: Collection[str]) -> None:
    before = drawing.parent.facts if drawing.parent else {}
    renamed = {i for i, g in drawing.facts.items() if i in before and before[i] != g}
    hit = sorted((drawing.changed | renamed) & set(locked))
    if hit:
        name = before[hit[0]].name if hit[0] in before else hit[0]
        raise Conflict(
            f"this {edit.get('op')} would change the locked grid {name}",
            code="grid-locked",
            where=Where(feature=hit[0]),
            remedy="unlock it first, or leave it out of the edit",
        )


def _differences(old: Coverage, new: Coverage) -> tuple[frozenset[str], frozenset[str]]:
    """Return the grids whose outline differs, and those whose chains do (which a vanished node suffices for)."""
    beside = {i for i in _sides_of(old, without=new) | _sides_of(new, without=old) if i}
    before, after = set(old.ids), set(new.ids)
    both = beside & before & after
    moved = {i for i in both if not old.polygon(i).equals_exact(new.polygon(i), tolerance=0.0)}
    changed = moved | (before ^ after)
    return frozenset(changed), frozenset(beside | changed)


def _sides_of(coverage: Coverage, *, without: Coverage) -> set[str]:
    """Return the grids at chains that the other coverage does not have, or has between other grids."""
    known = {
        (chain.tobytes(), a, b)
        for chain, a, b in zip(without.edges, _names(without, "left"), _names(without, "right"), strict=True)
    }
    rows = zip(coverage.edges, _names(coverage, "left"), _names(coverage, "right"), strict=True)
    return {side for chain, a, b in rows if (chain.tobytes(), a, b) not in known for side in (a, b)}


def _names(coverage: Coverage, side: str) -> list[str]:
    return [coverage.ids[i] if i >= 0 else "" for i in getattr(coverage, side).tolist()]


# -- the kinds of edits ----------------------------------------------------------------------------------
_Changed = tuple[Coverage, "Mapping[str, Grid]"]


def _merge(drawing: Drawing, edit: Mapping[str, Any]) -> _Changed:
    members, into = list(edit["grids"]), str(edit["into"])
    if len(set(members)) < 2 or into not in members:  # noqa: PLR2004 - a merge joins two grids at least
        raise Refused("a merge joins several different grids into one of them", code="merge-members")
    coverage = drawing.coverage
    for member in members:
        coverage.position(member)
    communities = {drawing.facts[m].community_code for m in members}
    if len(communities) > 1:
        raise Refused(
            "grids of different communities cannot be merged",
            code="other-community",
            where=Where(feature=drawing.facts[into].name),
            remedy="merge within one community",
        )
    gone = set(members) - {into}
    kept = [i for i in coverage.ids if i not in gone]
    place = {name: position for position, name in enumerate(kept)}
    groups = [place[into if name in gone else name] for name in coverage.ids]
    return coverage.regrouped(groups, ids=kept), {i: g for i, g in drawing.facts.items() if i not in gone}


def _rename(drawing: Drawing, edit: Mapping[str, Any]) -> _Changed:
    grid_id, name = str(edit["grid"]), str(edit["name"]).strip()
    drawing.coverage.position(grid_id)
    if not name:
        raise Refused("a grid needs a name", code="name-empty")
    return drawing.coverage, {**drawing.facts, grid_id: replace(drawing.facts[grid_id], name=name)}


_STEPS: dict[str, Callable[[Drawing, Mapping[str, Any]], _Changed]] = {"merge": _merge, "rename": _rename}
