"""What is to be said of a plan's grids, the gravest first; trifles are counted, not listed.

The order: grids in pieces, over the size limit, buildings and compounds cut, equal names, barriers crossed, ground
outside the community, grids below the size guidance, and last the slivers outside in one line.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from geo.planning import GroupScore, Saying, Scores, size_warnings
from geo.services.multiparts import called
from geo.services.splits import said_cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geo.services.ground import Ground
    from geo.services.measures import GridScore
    from geo.services.splits import Cut

__all__ = ["OUTSIDE_LEAST_M2", "plan_findings"]

# Less than this outside its community is the rounding of a border drawn along it.
OUTSIDE_LEAST_M2: Final = 1.0
# Below both, ground outside is the width of a hand-drawn line (metres along a whole side), not a piece of land.
_SLIVER_M2: Final = 100.0
_SLIVER_SHARE: Final = 0.001


def plan_findings(ground: Ground, grids: Mapping[str, GridScore], cuts: Sequence[Cut]) -> tuple[Saying, ...]:
    """Return what is to be said of a plan's base grids, in order of weight and then of id.

    Parameters
    ----------
    cuts : sequence of Cut
        Buildings and compounds that lie in several of the grids.
    """
    names = {i: called(g.name, ground.areas.get(g.community_code)) for i, g in grids.items()}
    low, high = ground.guidance
    return (
        *_in_pieces(grids, names),
        *_sizes(grids, names, low=0.0, high=high),
        *(said_cut(cut) for cut in cuts),
        *_equal_names(grids, names),
        *_crossed(grids, names),
        *_outside(grids, names),
        *_sizes(grids, names, low=low, high=float("inf")),
        *_slivers(grids),
    )


def _in_pieces(grids: Mapping[str, GridScore], names: Mapping[str, str]) -> list[Saying]:
    return [
        Saying(f"{names[i]}由{g.measure.parts}块互不相连的部分组成", f"{names[i]} lies in {g.measure.parts} pieces")
        for i, g in grids.items()
        if g.measure.parts > 1
    ]


def _sizes(grids: Mapping[str, GridScore], names: Mapping[str, str], *, low: float, high: float) -> tuple[Saying, ...]:
    """Size guidance speaks of households, whatever load is balanced."""
    groups = {
        n: GroupScore(load=float(g.reach.households), perimeter_m=0.0, moved=0.0, connected=True, parents=1)
        for n, g in enumerate(grids.values())
    }
    told = dict(enumerate(names.values()))
    return size_warnings(Scores(groups=groups, cut_length_m=0.0), names=told, low=low, high=high)


def _equal_names(grids: Mapping[str, GridScore], names: Mapping[str, str]) -> list[Saying]:
    count = Counter((g.community_code, names[i]) for i, g in grids.items())
    return [
        Saying(f"同一社区有{n}个网格都叫{name}", f"{n} grids of one community are called {name}")
        for (_, name), n in count.items()
        if n > 1
    ]


def _crossed(grids: Mapping[str, GridScore], names: Mapping[str, str]) -> list[Saying]:
    return [
        Saying(
            f"{name or '障碍线'}穿过{names[i]}约{deep:.0f}米",
            f"{name or 'a barrier'} runs {deep:.0f} m through {names[i]}",
        )
        for i, g in grids.items()
        for name, deep in g.measure.barriers
    ]


def _outside(grids: Mapping[str, GridScore], names: Mapping[str, str]) -> list[Saying]:
    return [
        Saying(
            f"{names[i]}有{g.measure.outside_m2:.0f}平方米在所属社区界外",
            f"{names[i]} reaches {g.measure.outside_m2:.0f} m² outside its community",
        )
        for i, g in grids.items()
        if _beyond(g) > OUTSIDE_LEAST_M2 and not _is_sliver(g)
    ]


def _slivers(grids: Mapping[str, GridScore]) -> list[Saying]:
    held = [_beyond(g) for g in grids.values() if _beyond(g) > OUTSIDE_LEAST_M2 and _is_sliver(g)]
    if not held:
        return []
    n, total = len(held), sum(held)
    return [
        Saying(
            f"{n}个网格有窄边在所属社区界外，各不足{_SLIVER_M2:.0f}平方米且不到本格的{_SLIVER_SHARE:.1%}，共{total:.0f}平方米",
            f"{n} grids reach outside their community by slivers, each below {_SLIVER_M2:.0f} m² and "
            f"{_SLIVER_SHARE:.1%} of the grid; {total:.0f} m² in all",
        )
    ]


def _beyond(grid: GridScore) -> float:
    return grid.measure.outside_m2 or 0.0


def _is_sliver(grid: GridScore) -> bool:
    return _beyond(grid) < min(_SLIVER_M2, _SLIVER_SHARE * grid.measure.area_m2)
