"""Scores of open plans, kept between questions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from geo.errors import NotFound
from geo.services.ground import Ground, load_ground
from geo.services.redraw import Drawing, DrawingBoard
from geo.services.scoring import PlanScores, rescore, score_drawing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.authority import Actor
    from geo.settings import Settings
    from geo.store.base import Session, Store

__all__ = ["ScoreBoard"]

_KEPT_GROUNDS = 4  # one a load and area in use; each holds all homes


class ScoreBoard:
    """Scores of open plans, kept so that a question after an edit costs only that edit. Safe between threads.

    What a generation's scores start from is read again whenever the store has imported or placed something since.

    Parameters
    ----------
    store : Store
        The county's store.
    settings : Settings
        Distances and guidance.
    most : int
        Scores kept at most.
    """

    def __init__(self, store: Store, *, settings: Settings, most: int = 64) -> None:
        self.drawings = DrawingBoard()
        self._store, self._settings, self._most = store, settings, most
        self._lock = threading.RLock()
        self._grounds: OrderedDict[Any, Ground] = OrderedDict()
        self._scores: OrderedDict[tuple[int, int], tuple[Ground, Drawing, PlanScores]] = OrderedDict()

    def scores(
        self, actor: Actor, plan_id: str, *, version: int | None = None, load: Mapping[str, float] | None = None
    ) -> PlanScores:
        """Return the scores of a plan (its current or a former version).

        Raises
        ------
        NotFound
            There is no such plan for this actor.
        """
        with self._store.reading(actor) as session:
            plan = session.plan(plan_id, version=version)
            ground = self._ground(session, plan.generation_id, load)
            drawing = self.drawings.drawing(session, plan)
        with self._lock:
            return self._scored(ground, drawing)

    def _ground(self, session: Session, generation_id: str, load: Mapping[str, float] | None) -> Ground:
        seen = tuple(sorted(session.actor.areas))
        stamp = (len(session.imports()), session.count("households"), len(session.generations()))
        key = (generation_id, seen, tuple(sorted((load or {}).items())), stamp)
        with self._lock:
            if key not in self._grounds:
                generation = session.generation(id=generation_id)
                if generation is None:
                    raise NotFound("the plan's generation is not stored")
                self._grounds[key] = load_ground(
                    session, generation, settings=self._settings, load=load, board=self.drawings
                )
                while len(self._grounds) > _KEPT_GROUNDS:
                    self._grounds.popitem(last=False)
            return self._grounds[key]

    def _scored(self, ground: Ground, drawing: Drawing) -> PlanScores:
        """Score from the nearest ancestor that is known."""
        path: list[Drawing] = []
        state: Drawing | None = drawing
        while state is not None and (id(ground), id(state)) not in self._scores:
            path.append(state)
            state = state.parent
        found = self._scores[id(ground), id(state)][2] if state is not None else score_drawing(ground, path.pop())
        for step in reversed(path):
            found = rescore(ground, step, found)
        self._scores[id(ground), id(drawing)] = (ground, drawing, found)
        while len(self._scores) > self._most:
            self._scores.popitem(last=False)
        return found
