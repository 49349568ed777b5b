"""What corrections taught: wordings that mean what a person said they mean, within the area they were said of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geo.address.gazetteer import Spot
    from geo.address.matching import Hint, Wording

__all__ = ["Lesson", "Memory"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One correction: where it was said of, and the spots meant.

    `local` lessons are about wordings that mean several things in the county (佳园小区3号楼 in two towns): they
    count only where the area is said besides.
    """

    community: str
    town: str
    spots: tuple[Spot, ...]
    local: bool

    def applies(self, wording: Wording, hint: Hint) -> bool:
        """Tell whether a reading lies where the lesson was learned."""
        if not self.community:
            return True
        scope = wording.scope
        if scope.communities is not None:
            return self.community in scope.communities
        if scope.towns is not None and self.town not in scope.towns:
            return False
        if hint.community:
            return hint.community == self.community
        if hint.town:
            return hint.town == self.town
        return scope.towns is not None or not self.local


class Memory:
    """Lessons by the wording they are about (`Wording.key`)."""

    def __init__(self) -> None:
        self._lessons: dict[str, list[Lesson]] = defaultdict(list)

    def learn(self, key: str, lesson: Lesson) -> None:
        """Add a lesson."""
        self._lessons[key].append(lesson)

    def recall(self, wording: Wording, hint: Hint) -> tuple[Spot, ...]:
        """Return the spots a reading was taught to mean; none where nothing, or several grids, were taught."""
        if wording.scope.foreign or wording.scope.doubts:
            return ()
        fitting = [x for x in self._lessons.get(wording.key(), ()) if x.applies(wording, hint)]
        grids = {s.grid for lesson in fitting for s in lesson.spots}
        return fitting[-1].spots if len(grids) == 1 else ()
