"""One request to merge, and how a single K of it is solved and reported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.planning.conflict import impossible
from geo.planning.instance import compile_instance
from geo.planning.proposal import Proposal, Status, measure, relative_gap
from geo.planning.search import Search, Verdict

if TYPE_CHECKING:
    from geo.planning.clock import Clock
    from geo.planning.constraints import Constraints, Weights
    from geo.planning.proposal import Groups
    from geo.planning.units import Units

__all__ = ["Solved", "Task"]


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A proposal and the search behind it, still warm (None where none was needed)."""

    proposal: Proposal
    search: Search | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Task:
    """What is merged, how it is valued, what is wished, and the time there is."""

    units: Units
    weights: Weights
    constraints: Constraints
    clock: Clock
    seed: int = 0
    gap: float = 1e-6

    def solve(self, count: int, *, ceiling: float = math.inf) -> Solved:
        """Search one K; plans no better than the objective `ceiling` need not be found."""
        instance = compile_instance(self.units, groups=count, weights=self.weights, constraints=self.constraints)
        if count > len(instance) or impossible(instance):
            return Solved(self.report(count, None, math.inf), None)
        search = Search(instance, clock=self.clock, seed=self.seed, gap=self.gap, ceiling=ceiling * instance.scale)
        return Solved(self.judged(search, search.run()), search)

    def judged(self, search: Search, verdict: Verdict) -> Proposal:
        """Turn a verdict into a proposal in units."""
        instance = search.instance
        plan = None
        if verdict.plan is not None:
            plan = tuple(sorted(instance.units_of(group) for group in verdict.plan))
        return self.report(instance.groups, plan, verdict.bound / instance.scale)

    def report(self, count: int, groups: Groups | None, bound: float) -> Proposal:
        """Measure groups afresh and state the gap to the bound."""
        if groups is None:
            return Proposal(
                status=Status.INFEASIBLE if bound == math.inf else Status.UNKNOWN,
                count=count,
                groups=(),
                objective=math.nan,
                bound=bound,
                gap=math.inf,
                balance_gap=math.inf,
                seconds=self.clock.seconds,
            )
        terms = measure(self.units, groups, weights=self.weights)
        bound = min(bound, terms.total)
        share = relative_gap(terms.total, bound)
        return Proposal(
            status=Status.OPTIMAL if share <= self.gap else Status.FEASIBLE,
            count=count,
            groups=groups,
            objective=terms.total,
            bound=bound,
            gap=share,
            balance_gap=relative_gap(terms.total, bound, over=terms.balance) if share > 0 else 0.0,
            seconds=self.clock.seconds,
            terms=terms,
        )
