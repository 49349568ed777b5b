"""Which community does a file mean? Names as staff write them, matched to areas exactly or not at all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from geo.formats.numerals import plain_text
from geo.model import Area, AreaKind

__all__ = ["Communities", "community_key"]

_SUFFIX = re.compile(r"(社区居民委员会|社区居委会|居民委员会|居委会|社区|村民委员会|村委会|村)$")
_LEAVES = (AreaKind.COMMUNITY, AreaKind.FOREST_CENTRE, AreaKind.VILLAGE)


def community_key(text: str) -> str:
    """Return the name without suffixes: 黎明社区居民委员会 → 黎明, 红建中心社区 → 红建."""
    bare = _SUFFIX.sub("", plain_text(text))
    return bare.removesuffix("中心") if bare not in {"中心"} else bare


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
        self._by_key: dict[str, list[Area]] = defaultdict(list)
        for area in self._by_code.values():
            self._by_key[community_key(area.name)].append(area)

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
        plain = plain_text(text or "")
        if plain in self._by_code:
            return self._by_code[plain]
        named = self._town(plain) or self._town(plain_text(town or ""))
        bare = plain.removeprefix("黑龙江省").removeprefix("伊春市").removeprefix("丰林县")
        if named is not None and bare != plain_text(named.name):
            bare = self._without_town(bare, named)
        candidates = self._by_key.get(community_key(bare), []) if bare else []
        if named is not None:
            candidates = [c for c in candidates if c.parent_code == named.code]
        return candidates[0] if len(candidates) == 1 else None

    def _without_town(self, text: str, town: Area) -> str:
        name = plain_text(town.name)
        # 新青镇林场中心社区 is itself a community's name: the prefix goes only where the rest is known.
        rest = text.removeprefix(name)
        return rest if community_key(rest) in self._by_key else text

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
