"""A linear or integer programme that grows by columns and rows and can be stopped.

Two traps of the solver are closed here. It stops at an *absolute* gap as well as a relative one, so
both are set, and objectives are expected near 1 per column (callers scale them). And it prints unless
told not to.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.solve.quiet import new_model

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Answer", "Outcome", "Programme"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

_POLL_SECONDS: Final = 0.1
_TOLERANCE: Final = 1e-9
_AGREE: Final = 1e-7
_DIMENSION: Final = "column or row arrays disagree in length"


class Outcome(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solve found.

    Attributes
    ----------
    outcome : Outcome
        ``STOPPED`` means a limit or a cancel; `values` may then be None.
    objective, bound : float
        Value of `values` and the proven lower bound (equal for a solved linear programme).
    values : ndarray or None
        One value a column.
    row_duals : ndarray or None
        One multiplier a row, of linear solves alone.
    reduced : ndarray or None
        Reduced cost of each column, of linear solves alone.
    """

    outcome: Outcome
    objective: float
    bound: float
    values: Floats | None
    row_duals: Floats | None = None
    reduced: Floats | None = None


class Programme:
    """Minimise a linear objective over non-negative columns and ranged rows.

    Parameters
    ----------
    row_lower, row_upper : array-like of float
        Range of each row; equal values make an equation.
    seed : int, keyword
        The solver's seed.
    poll : callable or None, keyword
        Called about ten times a second while solving; whatever it raises ends the solve and comes out
        of the solving call.
    """

    def __init__(
        self,
        row_lower: ArrayLike,
        row_upper: ArrayLike,
        *,
        seed: int = 0,
        poll: Callable[[], None] | None = None,
    ) -> None:
        self._highs: Any = new_model()
        self._poll = poll
        self._polled_at = 0.0
        self._raised: BaseException | None = None
        options = {
            "random_seed": int(seed) % (2**31 - 1),
            "threads": 1,
            "primal_feasibility_tolerance": _TOLERANCE,
            "dual_feasibility_tolerance": _TOLERANCE,
            "mip_feasibility_tolerance": 1e-7,
        }
        for name, value in options.items():
            self._highs.setOptionValue(name, value)
        lower = np.asarray(row_lower, dtype=np.float64)
        self.add_rows(lower, np.asarray(row_upper, dtype=np.float64))
        if poll is not None:
            self._highs.cbSimplexInterrupt += self._on_event
            self._highs.cbMipInterrupt += self._on_event
            self._highs.cbIpmInterrupt += self._on_event

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._highs.getNumRow())

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self._highs.getNumCol())

    def add_rows(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        *,
        starts: ArrayLike = (),
        columns: ArrayLike = (),
        values: ArrayLike = (),
    ) -> None:
        """Add rows; `starts` holds the first entry of each row in `columns` and `values` (empty: no entries)."""
        low = np.asarray(lower, dtype=np.float64)
        index = np.asarray(columns, dtype=np.int32)
        first = np.asarray(starts, dtype=np.int32) if len(index) else np.zeros(len(low), dtype=np.int32)
        _same(len(first), len(low))
        self._highs.addRows(
            len(low),
            low,
            np.asarray(upper, dtype=np.float64),
            len(index),
            first,
            index,
            np.asarray(values, dtype=np.float64),
        )

    def add_columns(
        self,
        costs: ArrayLike,
        *,
        starts: ArrayLike,
        rows: ArrayLike,
        values: ArrayLike,
        upper: float = float("inf"),
    ) -> None:
        """Add columns within [0, `upper`]; `starts` holds the first entry of each in `rows` and `values`."""
        cost = np.asarray(costs, dtype=np.float64)
        first = np.asarray(starts, dtype=np.int32)
        _same(len(first), len(cost))
        index = np.asarray(rows, dtype=np.int32)
        self._highs.addCols(
            len(cost),
            cost,
            np.zeros(len(cost)),
            np.full(len(cost), upper),
            len(index),
            first,
            index,
            np.asarray(values, dtype=np.float64),
        )

    def set_costs(self, costs: ArrayLike) -> None:
        """Replace the objective; the basis stays, so the next linear solve starts warm."""
        cost = np.asarray(costs, dtype=np.float64)
        _same(len(cost), self.columns)
        self._highs.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)

    def set_row_bounds(self, row: int, lower: float, upper: float) -> None:
        """Change the range of one row; the basis stays."""
        self._highs.changeRowBounds(row, lower, upper)

    def solve_linear(self, *, seconds: float = float("inf"), interior: bool = False) -> Answer:
        """Solve the linear programme, from the last basis where there is one.

        Parameters
        ----------
        seconds : float, keyword
            Wall time allowed.
        interior : bool, keyword
            Use the interior point method with crossover: better for a large cold start.
        """
        self._highs.setOptionValue("solver", "ipm" if interior else "choose")
        outcome = self._run(seconds)
        info = self._highs.getInfo()
        if outcome is not Outcome.OPTIMAL:
            return Answer(outcome, float("inf"), float("-inf"), None)
        solution = self._highs.getSolution()
        value = float(info.objective_function_value)
        return Answer(
            outcome,
            value,
            value,
            np.array(solution.col_value),
            np.array(solution.row_dual),
            np.array(solution.col_dual),
        )

    def solve_integer(self, *, seconds: float = float("inf"), gap: float = 0.0, nodes: int | None = None) -> Answer:
        """Solve with every column integer.

        A start is never handed over: with one, the solver's presolve was seen to report an objective that its
        own point does not have. For the same reason the objective is recomputed, and where it disagrees the
        programme is solved again without presolve; if it still disagrees, no bound is claimed.

        Parameters
        ----------
        seconds : float, keyword
            Wall time allowed.
        gap : float, keyword
            Absolute gap at which to stop.
        nodes : int or None, keyword
            Limit on the nodes of the search tree (a limit that keeps runs repeatable).
        """
        count = self.columns
        kinds = np.full(count, int(highspy.HighsVarType.kInteger), dtype=np.uint8)
        self._highs.changeColsIntegrality(count, np.arange(count, dtype=np.int32), kinds)
        self._highs.setOptionValue("solver", "choose")
        self._highs.setOptionValue("mip_abs_gap", max(gap, 1e-10))
        self._highs.setOptionValue("mip_rel_gap", 0.0)
        if nodes is not None:
            self._highs.setOptionValue("mip_max_nodes", nodes)
        answer, honest = self._integer(seconds)
        if honest:
            return answer
        self._highs.setOptionValue("presolve", "off")
        self._highs.clearSolver()
        answer, honest = self._integer(seconds)
        return answer if honest else replace(answer, outcome=Outcome.STOPPED, bound=float("-inf"))

    def _integer(self, seconds: float) -> tuple[Answer, bool]:
        """Solve, and tell whether the objective reported is that of the point."""
        outcome = self._run(seconds)
        info = self._highs.getInfo()
        if outcome is Outcome.INFEASIBLE:
            return Answer(outcome, float("inf"), float("inf"), None), True
        if info.primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
            return Answer(outcome, float("inf"), float(info.mip_dual_bound), None), True
        values = np.round(np.array(self._highs.getSolution().col_value))
        value = float(np.array(self._highs.getLp().col_cost_) @ values)
        honest = abs(value - float(info.objective_function_value)) <= _AGREE * max(1.0, abs(value))
        return Answer(outcome, value, min(float(info.mip_dual_bound), value), values), honest

    def _run(self, seconds: float) -> Outcome:
        # The solver's clock runs on over all its solves, so the limit is on the sum.
        limit = self._highs.getRunTime() + max(seconds, 0.0) if seconds != float("inf") else float("inf")
        self._highs.setOptionValue("time_limit", limit)
        self._raised = None
        self._highs.run()
        if self._raised is not None:
            raise self._raised
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            return Outcome.OPTIMAL
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            return Outcome.INFEASIBLE
        return Outcome.STOPPED

    def _on_event(self, event: Any) -> None:
        now = time.monotonic()
        if self._poll is None or now - self._polled_at < _POLL_SECONDS:
            return
        self._polled_at = now
        try:
            self._poll()
        except BaseException as error:  # noqa: BLE001 - it must not unwind through the solver; it is raised again after it
            self._raised = error
            event.interrupt()


def _same(left: int, right: int) -> None:
    if left != right:
        raise ValueError(_DIMENSION)
