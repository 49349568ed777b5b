"""Small blocks put together with their neighbours until few enough are left for a proof within moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.planning.drawing.blocks import gathered_shapes
from geo.planning.drawing.solids import bound
from geo.topology.coverage import Coverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.planning.units import Units

__all__ = ["coarse_pairs", "joined_blocks"]


def joined_blocks(blocks: Coverage, pairs: Sequence[tuple[int, int]]) -> Coverage:
    """Return the blocks with those that pairs bind put together, in order of their first."""
    groups = bound(len(blocks), pairs)
    if len(groups) == len(blocks):
        return blocks
    label = [0] * len(blocks)
    for number, group in enumerate(groups):
        for block in group:
            label[block] = number
    return Coverage.build(gathered_shapes(blocks, label, len(groups)))


def coarse_pairs(units: Units, *, most: int, limit: float) -> list[tuple[int, int]]:
    """Return pairs of blocks to put together so that at most `most` are left.

    Over and over the lightest goes to the neighbour it shares most border with, if the two stay within a limit.

    Parameters
    ----------
    units : Units
        The blocks; only across borders that join is anything put together.
    most : int
        How many may be left.
    limit : float
        What none of them should weigh more than; where that leaves more than `most`, more are left.
    """
    around: list[dict[int, float]] = [{} for _ in range(len(units))]
    for (i, j), length, joins in zip(units.pairs.tolist(), units.shared_m.tolist(), units.joins.tolist(), strict=True):
        if joins:
            around[i][j] = around[j][i] = length
    loads = dict(enumerate(units.loads.tolist()))
    found: list[tuple[int, int]] = []
    while len(loads) > most and (pair := _next_pair(loads, around, limit)) is not None:
        kept, gone = pair
        found.append(pair)
        loads[kept] += loads.pop(gone)
        _merge(around, kept, gone)
    return found


def _next_pair(loads: dict[int, float], around: Sequence[dict[int, float]], limit: float) -> tuple[int, int] | None:
    for unit in sorted(loads, key=lambda u: (loads[u], u)):
        fitting = [(length, -o) for o, length in around[unit].items() if loads[unit] + loads[o] <= limit]
        if fitting:
            other = -max(fitting)[1]
            return min(unit, other), max(unit, other)
    return None


def _merge(around: Sequence[dict[int, float]], kept: int, gone: int) -> None:
    for other, length in around[gone].items():
        del around[other][gone]
        if other != kept:
            around[kept][other] = around[other][kept] = around[kept].get(other, 0.0) + length
    around[gone].clear()
