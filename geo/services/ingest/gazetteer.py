"""Which community does a file mean? Names as staff write them, matched to areas exactly or not at all."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from geo.formats.numerals import community_core, community_key
from geo.model import Area, AreaKind
from geo.services.naming import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Communities"]

_LEAVES = (AreaKind.COMMUNITY, AreaKind.FOREST_CENTRE, AreaKind.VILLAGE)


class Communities:
    """The communities, villages and forest centres of a county, by the names in use for them.

    Parameters
    ----------
    areas : iterable of Area
        Areas of the county.
    """

    def __init__(self, areas: Iterable[Area]) -> None:
        known = list(areas)
        self._towns = {plain_text(a.name): a for a in known if a.kind is AreaKind.TOWN}
        self._by_code = {a.code: a for a in known if a.kind in _LEAVES}
        self._answered: dict[tuple[str, str], Area | None] = {}
        self._by_name: dict[str, list[Area]] = defaultdict(list)
        for area in self._by_code.values():
            for name in {
                community_key(area.name),
                community_core(area.name),
                community_key(area.name).removesuffix("村"),
            }:
                self._by_name[name].append(area)

    def __len__(self) -> int:
        return len(self._by_code)

    def find(self, text: str | None, *, town: str | None = None) -> Area | None:
        """Return the community a text names, None where none or several fit.

        Parameters
        ----------
        text : str
            A name with any usual suffix and prefix (新青镇黎明社区), or a 12-digit code.
        town : str, optional
            Name of the town, needed where two towns have a community of one name.
        """
        asked = (text or "", town or "")
        if asked not in self._answered:
            self._answered[asked] = self._find(*asked)
        return self._answered[asked]

    def _find(self, text: str, town: str) -> Area | None:
        plain = plain_text(text)
        if plain in self._by_code:
            return self._by_code[plain]
        if not plain:
            return None
        named = self._town(plain) or self._town(plain_text(town))
        for name in (community_key(plain), community_core(plain)):
            candidates = self._by_name.get(name, [])
            if named is not None:
                candidates = [c for c in candidates if c.parent_code == named.code]
            if len(candidates) == 1:
                return candidates[0]
        return None

    def town_code(self, text: str | None) -> str:
        """Return the code of the town a text names, "" where it names none known here."""
        found = self._town(plain_text(text or ""))
        return found.code if found else ""

    def _town(self, text: str) -> Area | None:
        for name, area in self._towns.items():
            if name in text:
                return area
        return None

    def name(self, code: str) -> str:
        """Return the name of a community by code, the code itself where it is unknown."""
        area = self._by_code.get(code)
        return area.name if area else code

    def codes(self) -> frozenset[str]:
        """Return the codes of all communities."""
        return frozenset(self._by_code)

    def outlined(self) -> list[Area]:
        """Return the communities that have an outline, by code."""
        return [a for _, a in sorted(self._by_code.items()) if a.geometry is not None]
