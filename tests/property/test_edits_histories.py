"""Random histories of edits, undos and redos: after every step the coverage is whole and the scores are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from geo.errors import Refused
from geo.services.redraw import Drawing
from geo.services.scoring import rescore, score_drawing
from tests.edit_histories import (
    KINDS,
    base_drawing,
    community_lines,
    ground_of,
    random_edit,
    require_sound,
    require_way_back,
    through_bytes,
)

ORDINARY, LONG = (200, 30), (2_000, 50)
PARTS = 4


class History:
    """One planner's afternoon: every step is checked against all that must hold."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        # One county in a hundred is as large as the real one; of the others most are small, some of up to forty grids.
        rare = self.rng.integers(100)
        size = 163 if rare == 0 else int(self.rng.integers(5, 41 if rare < 5 else 9))
        self.number = self.drawn = 0
        self._begin(base_drawing(size, self.rng))

    def _begin(self, drawing):
        self.base = (drawing, community_lines(drawing))
        self.ground = ground_of(drawing, self.rng)
        self.states = [(drawing, score_drawing(self.ground, drawing))]
        self.undone = []
        require_sound(self.base, drawing)

    @property
    def drawing(self):
        return self.states[-1][0]

    def step(self):
        """Take one step at random."""
        dice = self.rng.random()
        if dice < 0.12:
            self.undo()
        elif dice < 0.2:
            self.redo()
        elif dice < 0.22:
            self.publish()
        else:
            self.edit(KINDS[self.rng.integers(len(KINDS))])

    def edit(self, kind):
        self.number += 1
        edit = random_edit(self.drawing, self.rng, self.number, kinds=(kind,))
        before = [s.wkb for s in self.drawing.coverage.polygons()]
        after, code = drawn(self.drawing, edit)
        if after is None:
            assert code != Refused.default_code, "a refusal has a name of its own"
            assert [s.wkb for s in self.drawing.coverage.polygons()] == before
            return
        require_sound(self.base, after)
        require_way_back(self.drawing, after)
        assert [g.geometry.wkb for g in through_bytes(after)] == [g.geometry.wkb for g in after.grids()]
        scores = rescore(self.ground, after, self.states[-1][1])
        assert scores == score_drawing(self.ground, after)
        self.states.append((after, scores))
        self.undone = []
        self.drawn += 1

    def undo(self):
        if len(self.states) > 1:
            self.undone.append(self.states.pop())
            assert self.undone[-1][0].parent is self.drawing

    def redo(self):
        if self.undone:
            again, scores = self.undone.pop()
            assert again.parent is self.drawing
            assert rescore(self.ground, again, self.states[-1][1]) == scores
            self.states.append((again, scores))

    def publish(self):
        """What was drawn is written, read, and drawn on again."""
        fresh = Drawing.of(through_bytes(self.drawing))
        assert sorted(fresh.coverage.ids) == sorted(self.drawing.coverage.ids)
        assert [g.geometry.wkb for g in fresh.grids()] == [g.geometry.wkb for g in self.drawing.grids()]
        assert score_drawing(self.ground, fresh) == self.states[-1][1]
        self._begin(fresh)


def drawn(drawing, edit):
    """Return what an edit makes, or None and the code of its refusal."""
    try:
        return drawing.after(edit), ""
    except Refused as error:
        return None, error.code


def live_through(seeds, steps):
    """Walk all histories; return how many edits were drawn."""
    drawn = 0
    for seed in seeds:
        history = History(seed)
        for _ in range(steps):
            history.step()
        drawn += history.drawn
    return drawn


@pytest.mark.parametrize("part", range(PARTS))
def test_every_step_of_two_hundred_histories_is_sound(part):
    count, steps = ORDINARY
    drawn = live_through(range(part, count, PARTS), steps)
    assert drawn > count // PARTS * steps // 3, "too many edits were refused to prove anything"


@pytest.mark.battery
@pytest.mark.parametrize("part", range(20))
def test_every_step_of_two_thousand_long_histories_is_sound(part):
    count, steps = LONG
    assert live_through(range(1_000 + part, 1_000 + count, 20), steps) > count // 20 * steps // 3


class Machine(RuleBasedStateMachine):
    """The same afternoon, its steps chosen by hypothesis, which shortens a history that fails."""

    @initialize(seed=st.integers(0, 2**32 - 1))
    def start(self, seed):
        self.history = History([seed, 1])

    @rule(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1))
    def edit(self, kind, seed):
        self.history.rng = np.random.default_rng(seed)
        self.history.edit(kind)

    @precondition(lambda self: len(self.history.states) > 1)
    @rule()
    def undo(self):
        self.history.undo()

    @precondition(lambda self: self.history.undone)
    @rule()
    def redo(self):
        self.history.redo()

    @precondition(lambda self: len(self.history.states) > 3)
    @rule()
    def publish(self):
        self.history.publish()


def machine_settings(examples, steps, *, shorten):
    phases = (Phase.generate, Phase.shrink) if shorten else (Phase.generate,)
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


def test_no_choice_of_steps_breaks_the_coverage():
    # Shortening takes minutes; the battery does it.
    run_state_machine_as_test(Machine, settings=machine_settings(10, 20, shorten=False))


@pytest.mark.battery
def test_no_long_choice_of_steps_breaks_the_coverage():
    run_state_machine_as_test(Machine, settings=machine_settings(200, 50, shorten=True))
