"""Actors, roles and areas. A permission is a filter that every store read applies, not an if."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from geo.errors import Forbidden

__all__ = ["Action", "Actor", "Role", "local_planner", "require"]


class Role(StrEnum):
    """What an actor may do; where is said by the actor's areas."""

    COUNTY_PLANNER = "county_planner"
    TOWN_PLANNER = "town_planner"
    DISPATCHER = "dispatcher"
    OFFICER = "officer"
    AUDITOR = "auditor"
    SERVICE = "service"


class Action(StrEnum):
    """Things a role may be entitled to."""

    READ = "read"
    READ_PEOPLE = "read_people"
    UNMASK = "unmask"
    IMPORT = "import"
    PLAN = "plan"
    REVIEW = "review"
    PUBLISH = "publish"
    AUDIT = "audit"


_MAY: dict[Role, frozenset[Action]] = {
    Role.COUNTY_PLANNER: frozenset(Action) - {Action.AUDIT},
    Role.TOWN_PLANNER: frozenset({Action.READ, Action.READ_PEOPLE, Action.PLAN}),
    Role.DISPATCHER: frozenset({Action.READ, Action.READ_PEOPLE}),
    Role.OFFICER: frozenset({Action.READ}),
    Role.AUDITOR: frozenset({Action.READ, Action.AUDIT}),
    Role.SERVICE: frozenset({Action.READ}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an account name, a role, and the area-code prefixes it may see.

    `areas` holds code prefixes (6, 9 or 12 digits); a community is visible when its 12-digit code
    starts with one of them. An empty tuple sees no area.
    """

    name: str
    role: Role
    areas: tuple[str, ...]

    def may(self, action: Action) -> bool:
        """Tell whether the role allows `action` (somewhere)."""
        return action in _MAY[self.role]

    def sees(self, area_code: str) -> bool:
        """Tell whether `area_code` lies in the actor's areas."""
        return any(area_code.startswith(prefix) for prefix in self.areas)


def require(actor: Actor, action: Action) -> None:
    """Raise `Forbidden` unless the actor's role allows the action."""
    if not actor.may(action):
        raise Forbidden(f"the role {actor.role.value} does not allow {action.value}")


def local_planner(county_code: str) -> Actor:
    """Return the actor of local mode: the county's planner."""
    return Actor(name="local", role=Role.COUNTY_PLANNER, areas=(county_code,))
