"""One request to merge, and how a single K of it is solved and reported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.planning.blocks import in_blocks, solve_in_blocks
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
    """A proposal, the search behind it, still warm (None where none was needed), and value and bound as numbers."""

    proposal: Proposal
    search: Search | None
    objective: float
    bound: float


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
            return self.report(count, None, math.inf, None)
        if in_blocks(instance):
            blocks = solve_in_blocks(instance, clock=self.clock, seed=self.seed, gap=self.gap)
            return self.judged(Search(instance, clock=self.clock, seed=self.seed, gap=self.gap), blocks)
        search = Search(instance, clock=self.clock, seed=self.seed, gap=self.gap, ceiling=ceiling * instance.scale)
        return self.judged(search, search.run())

    def judged(self, search: Search, verdict: Verdict) -> Solved:
        """Turn a verdict into a proposal in units."""
        instance = search.instance
        plan = None
        if verdict.plan is not None:
            plan = tuple(sorted(instance.units_of(group) for group in verdict.plan))
        return self.report(instance.groups, plan, verdict.bound / instance.scale, search)

    def report(self, count: int, groups: Groups | None, bound: float, search: Search | None) -> Solved:
        """Measure groups afresh and state the gap to the bound."""
        if groups is None:
            return Solved(self._without_plan(count, bound), search, math.inf, bound)
        terms = measure(self.units, groups, weights=self.weights)
        bound = min(bound, terms.total)
        share = relative_gap(terms.total, bound)
        over_balance = relative_gap(terms.total, bound, over=terms.balance) if share > 0 else 0.0
        proposal = Proposal(
            status=Status.OPTIMAL if share <= self.gap else Status.FEASIBLE,
            count=count,
            groups=groups,
            objective=terms.total,
            bound=bound,
            gap=share,
            balance_gap=over_balance if math.isfinite(over_balance) else None,
            seconds=self.clock.seconds,
            terms=terms,
        )
        return Solved(proposal, search, terms.total, bound)

    def _without_plan(self, count: int, bound: float) -> Proposal:
        return Proposal(
            status=Status.INFEASIBLE if bound == math.inf else Status.UNKNOWN,
            count=count,
            groups=(),
            objective=None,
            bound=bound if math.isfinite(bound) else None,
            gap=None,
            balance_gap=None,
            seconds=self.clock.seconds,
        )
