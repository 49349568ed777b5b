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

SEEDS = st.integers(0, 2**32 - 1)


def drawn(drawing, edit):
    """Return what an edit makes, or None and the code of its refusal."""
    try:
        return drawing.after(edit), ""
    except Refused as error:
        return None, error.code


class History(RuleBasedStateMachine):
    """One planner's afternoon."""

    def __init__(self):
        super().__init__()
        self.number = 0

    @initialize(seed=SEEDS)
    def start(self, seed):
        rng = np.random.default_rng(seed)
        # One county in a hundred is as large as the real one; of the others most are small, some of up to forty grids.
        rare = rng.integers(100)
        size = 163 if rare == 0 else int(rng.integers(5, 41 if rare < 5 else 12))
        self.begin(base_drawing(size, rng), rng)

    def begin(self, drawing, rng):
        self.base = (drawing, community_lines(drawing))
        self.ground = ground_of(drawing, rng)
        self.states = [(drawing, score_drawing(self.ground, drawing))]
        self.undone = []
        require_sound(self.base, drawing)

    @property
    def drawing(self):
        return self.states[-1][0]

    @rule(kind=st.sampled_from(KINDS), seed=SEEDS)
    def edit(self, kind, seed):
        self.number += 1
        edit = random_edit(self.drawing, np.random.default_rng(seed), self.number, kinds=(kind,))
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

    @precondition(lambda self: len(self.states) > 1)
    @rule()
    def undo(self):
        gone = self.states.pop()
        self.undone.append(gone)
        assert gone[0].parent is self.drawing
        assert score_drawing(self.ground, self.drawing) == self.states[-1][1]

    @precondition(lambda self: self.undone)
    @rule()
    def redo(self):
        again, scores = self.undone.pop()
        assert rescore(self.ground, again, self.states[-1][1]) == scores
        self.states.append((again, scores))

    @precondition(lambda self: len(self.states) > 3)
    @rule(seed=SEEDS)
    def publish(self, seed):
        """What was drawn is written, read, and drawn on again."""
        fresh = Drawing.of(through_bytes(self.drawing))
        assert sorted(fresh.coverage.ids) == sorted(self.drawing.coverage.ids)
        assert score_drawing(self.ground, fresh) == self.states[-1][1]
        self.begin(fresh, np.random.default_rng(seed))


def histories(count, steps, **options):
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        # A history that fails is short enough to read as it is; making it shorter takes minutes.
        phases=(Phase.generate,),
        **options,
    )


# In four parts, so that several processes share them; derandomised, the name of the part being what differs.
@pytest.mark.parametrize("part", range(4))
def test_every_step_of_two_hundred_histories_is_sound(part):
    machine = type(f"History{part}", (History,), {})
    run_state_machine_as_test(machine, settings=histories(50, 30, derandomize=True))


@pytest.mark.battery
@pytest.mark.parametrize("part", range(20))
def test_every_step_of_two_thousand_long_histories_is_sound(part):
    machine = type(f"LongHistory{part}", (History,), {})
    run_state_machine_as_test(machine, settings=histories(100, 50, derandomize=True))
