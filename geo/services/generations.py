"""Which generation is meant: the one named, the one that collects imports, or the one in force."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geo.errors import NotFound
from geo.model import Generation, GenerationState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geo.authority import Actor
    from geo.store.base import Session, Store

__all__ = ["Held", "collecting_generation", "find_generation", "list_generations", "named_generation"]


@dataclass(frozen=True, slots=True)
class Held:
    """A generation and how many grids of each kind it holds (those the actor sees)."""

    generation: Generation
    grids: Mapping[str, int]


def list_generations(store: Store, actor: Actor) -> list[Generation]:
    """Return all generations, oldest first."""
    with store.reading(actor) as session:
        return session.generations()


def find_generation(store: Store, actor: Actor, word: str) -> Held:
    """Return the generation a person names by serial number or id.

    Raises
    ------
    NotFound
        There is none.
    """
    with store.reading(actor) as session:
        for generation in session.generations():
            if word in (generation.id, str(generation.serial)):
                kinds = Counter(g.kind.value for g in session.grids(generation.id))
                return Held(generation, dict(sorted(kinds.items())))
    raise NotFound("no such generation", remedy="see `wangge generation list`")


def collecting_generation(session: Session, *, new_id: Callable[[], str]) -> Generation:
    """Return the inactive generation that collects imported boundaries, opening one where there is none."""
    known = session.generations()
    for generation in known:
        if generation.state is GenerationState.INACTIVE and generation.plan_id is None:
            return generation
    county = session.areas()[0].county_code if session.areas() else session.actor.areas[0]
    opened = Generation(
        id=new_id(),
        county_code=county,
        serial=max((g.serial for g in known), default=0) + 1,
        state=GenerationState.INACTIVE,
        effective_from=None,
        note="imported boundaries",
    )
    session.put_generation(opened)
    return opened


def named_generation(session: Session, generation_id: str | None) -> Generation:
    """Return the generation of an id; without one the inactive one, else the one in force.

    Raises
    ------
    NotFound
        There is none.
    """
    if generation_id is not None:
        found = session.generation(id=generation_id)
    else:
        inactive = [g for g in session.generations() if g.state is GenerationState.INACTIVE]
        found = inactive[-1] if inactive else session.generation()
    if found is None:
        raise NotFound("no generation of grids is stored", remedy="import boundaries first")
    return found
