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
from geo.model import GridKind
from geo.services.edits import Sketch, carry_out
from geo.topology.coverage import Coverage
from geo.topology.edits import same_ground

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from geo.model import Grid, Plan
    from geo.store.base import Session

__all__ = ["Drawing", "DrawingBoard", "drawn_grids", "locked_grids", "redraw_grids", "redrawn"]

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
    overlays : mapping
        Grids of the other kinds by id, with their own geometry.
    changed : frozenset of str
        Base grids whose outline the last edit changed or made, and those it ended; a node put into a straight border
        counts.
    beside : frozenset of str
        `changed`, and the grids whose borders go by other neighbours since.
    parent : Drawing or None
        What was edited; None for the base generation.
    """

    coverage: Coverage
    facts: Mapping[str, Grid]
    overlays: Mapping[str, Grid] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    parent: Drawing | None = field(default=None, repr=False)

    @classmethod
    def of(cls, grids: Sequence[Grid]) -> Drawing:
        """Return the drawing of a generation's grids; those that are no base grids lie over it.

        Raises
        ------
        CoverageBroken
            The base grids form no coverage.
        """
        ordered = sorted((g for g in grids if g.kind is GridKind.BASE), key=lambda g: g.id)
        coverage = Coverage.build([g.geometry for g in ordered], ids=[g.id for g in ordered])
        overlays = {g.id: g for g in grids if g.kind is not GridKind.BASE}
        return cls(coverage, {g.id: g for g in ordered}, overlays)

    def after(self, edit: Mapping[str, Any]) -> Drawing:
        """Return the drawing after one edit, as `geo.services.edits` reads it.

        Raises
        ------
        Refused
            The edit is of no known kind, misses a field, or does not fit this drawing.
        NotFound
            It names a grid that is not there.
        """
        made = carry_out(Sketch(self.coverage, self.facts, self.overlays), edit)
        changed, beside = _differences(self.coverage, made.coverage)
        return Drawing(made.coverage, made.facts, made.overlays, changed, beside, self)

    def after_all(
        self,
        edits: Iterable[Mapping[str, Any]],
        *,
        locked: Collection[str] = (),
        complete: Callable[[Drawing, Mapping[str, Any]], Mapping[str, Any]] | None = None,
        first: int = 1,
    ) -> Drawing:
        """Return the drawing after several edits in order; the refusal of one names its place in the row.

        Parameters
        ----------
        locked : collection of str
            Grids that stay as they are.
        complete : callable, optional
            Given the drawing so far and an edit, returns the edit as it is to be carried out.
        first : int
            Place of the first of them in the row a person sees.

        Raises
        ------
        Conflict
            An edit changes a grid of `locked`.
        """
        drawing = self
        for number, edit in enumerate(edits, start=first):
            try:
                drawing = drawing.after(complete(drawing, edit) if complete else edit)
            except Refused as error:
                error.where = replace(error.where, row=error.where.row or number)
                raise
            _refuse_locked(drawing, edit, locked)
        return drawing

    def grids(self) -> list[Grid]:
        """Return the base grids in position order (order of id)."""
        ids = self.coverage.ids
        shapes = dict(zip(ids, self.coverage.polygons(), strict=True))
        return [replace(self.facts[i], geometry=shapes[i]) for i in sorted(ids)]

    def states(self) -> Iterator[Drawing]:
        """Yield this drawing and those before it, back to the base generation."""
        state: Drawing | None = self
        while state is not None:
            yield state
            state = state.parent

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
        drawing = Drawing.of(session.grids(generation_id))
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
            drawing = drawing.after_all([plan.edits[number]], first=number + 1)
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


def drawn_grids(drawing: Drawing, grids: Sequence[Grid]) -> list[Grid]:
    """Return all grids of a drawing in position order; those no edit touched have the very geometry of `grids`."""
    known = {g.id: g for g in grids}
    touched = frozenset[str]().union(*(state.changed for state in drawing.states()))
    base = [
        g if g.id in touched or g.id not in known else replace(g, geometry=known[g.id].geometry)
        for g in drawing.grids()
    ]
    return sorted([*base, *drawing.overlays.values()], key=lambda g: g.id)


def redraw_grids(grids: Sequence[Grid], edits: Sequence[Mapping[str, Any]]) -> list[Grid]:
    """Return the grids after a plan's edits, in position order; untouched ones are handed back as they are."""
    return drawn_grids(Drawing.of(grids).after_all(edits), grids)


def redrawn(before: Drawing, after: Drawing) -> frozenset[str]:
    """Return the base grids that come, go, or cover other ground; a node put into a straight border moves nothing."""
    one, two = set(before.coverage.ids), set(after.coverage.ids)
    moved = {i for i in one & two if not same_ground(before.coverage, after.coverage, i)}
    return frozenset(moved | (one ^ two))


def locked_grids(notes: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the ids of the grids that a plan's notes lock (保留不动)."""
    return frozenset(i for i, note in (notes or {}).items() if note.get("locked"))


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
    before = drawing.parent
    if before is None or not locked:
        return
    was, now = {**before.overlays, **before.facts}, {**drawing.overlays, **drawing.facts}
    told = {i for i in was.keys() | now.keys() if was.get(i) != now.get(i)}
    hit = sorted((redrawn(before, drawing) | told) & set(locked))
    if hit:
        raise Conflict(
            f"this {edit.get('op')} would change the locked grid {was[hit[0]].name if hit[0] in was else hit[0]}",
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
