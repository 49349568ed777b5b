"""How two plans, or two versions of one, differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from geo.services.drafts import differing_grids, drawn
from geo.services.redraw import DrawingBoard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geo.authority import Actor
    from geo.model import Plan
    from geo.store.base import Store

__all__ = ["Difference", "compare_plans", "difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How two plans differ: edits in common from the start, those only in each, and grids that come out different.

    `grids` holds ids whose outline, name or existence differs; None where one of the plans does not fit its base or
    they start from different generations.
    """

    common: int
    only_first: tuple[Mapping[str, Any], ...]
    only_second: tuple[Mapping[str, Any], ...]
    grids: tuple[str, ...] | None = None


def difference(first: Plan, second: Plan) -> Difference:
    """Return how the edit logs of two plans (or two versions of one) differ; authors and instants do not count."""
    pairs = enumerate(zip(first.edits, second.edits, strict=False))
    same = next((i for i, (a, b) in pairs if _plain(a) != _plain(b)), min(len(first.edits), len(second.edits)))
    return Difference(same, tuple(first.edits[same:]), tuple(second.edits[same:]))


def compare_plans(
    store: Store, actor: Actor, first: str, second: str, *, board: DrawingBoard | None = None
) -> Difference:
    """Return how two plans differ, in edits and in the grids that come out."""
    desk = board or DrawingBoard()
    with store.reading(actor) as session:
        a, b = session.plan(first), session.plan(second)
        found = difference(a, b)
        if a.generation_id != b.generation_id:
            return found
        one, two = drawn(session, a, desk)[0], drawn(session, b, desk)[0]
    return found if one is None or two is None else replace(found, grids=differing_grids(one, two))


def _plain(edit: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in edit.items() if k not in ("by", "at")}
