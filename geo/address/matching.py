"""From a folded text to candidates: read its head, its name and its numbers, and weigh every site that fits."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from geo.address.names import Fit, NameIndex
from geo.address.parts import AddressParts, Numbers, Relation, find_numbers, find_relation
from geo.address.territory import Reading
from geo.address.wording import BREAK, GENERIC_TAILS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from geo.address.gazetteer import Gazetteer, Site, Spot
    from geo.address.territory import Scope

__all__ = ["Candidate", "Hint", "Matcher", "Wording"]

_WRONG_TOWN: Final = 0.30
_WRONG_COMMUNITY: Final = 0.20
_ABSENT: Final = 0.10
_ODD_STAIRWELL: Final = 0.12
_OTHER_BUILDING: Final = 0.05
_ACROSS: Final = 0.04
_UNKNOWN_ZONE: Final = 0.75
_WITHIN: Final = 0.80
_UNEXPLAINED: Final = 0.70
_LONGEST_NAME: Final = 14
# A name written by ear may run into the complaint without a pause (财政唆有人乱停车); of fewer than four letters a
# likeness in sound would be chance.
_SHORTEST_PREFIX: Final = 4
_LONGEST_PREFIX: Final = 10
_STREET: Final = re.compile(r"[\u4e00-\u9fff]{1,6}?(?:大街|路|街|胡同|巷)(?P<house>\d{1,4}号)?\|?")
_AND: Final = re.compile(r"[和与跟及到至]")
_GRID: Final = re.compile(r"(?:第?[\d一二三四五六七八九十]{1,3}号?(?:基础)?网格)\|?")
# Behind a name: a lettered building, figures nobody could read, or one more letter of some other name.
_UNREAD: Final = re.compile(r"[A-Z甲乙丙丁](?:座|栋|幢|号楼|区)|(?!\d{1,2}单元|\d{3,4}(?:室|\||$))\d|[^|的](?:\||$)")
_DOOR_M: Final = 15.0
# A name that goes on with one of these is another thing than the name alone (第一中学家属楼).
_GOES_ON: Final = (
    *GENERIC_TAILS,
    *("幼儿园", "市场", "超市", "宾馆", "饭店", "分院", "分校", "分局"),
    *("新区", "一期", "二期", "三期", "东区", "西区", "南区", "北区", "号"),
)


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known besides the text (the order's community column): codes, None where nothing is."""

    town: str | None = None
    community: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """One reading of a text as head, name, numbers and relation; `end` is where the address ends.

    `guess`: nothing in the text says that the name ends where this reading ends it. `second`: it is named together
    with another thing (前进小学和市场之间), and either may be meant.
    """

    scope: Scope
    name: str
    numbers: Numbers | None
    relation: Relation | None
    start: int
    end: int
    sure: bool = True
    street: str = ""
    guess: bool = False
    second: bool = False

    def key(self) -> str:
        """Return the address without area, stairwell and room: what a correction is remembered by."""
        numbers = self.numbers
        if numbers is None:
            return self.name
        committee = f"{numbers.committee}委" if numbers.committee is not None else ""
        group = f"{numbers.group}组" if numbers.group is not None else ""
        building = f"{'+'.join(numbers.buildings)}号楼" if numbers.buildings else ""
        return f"{self.name}{committee}{group}{building}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spot an address may mean, with the score of that and whether it may be taken without asking."""

    site: Site
    spot: Spot
    score: float
    sure: bool
    absent: bool = False


class Matcher:
    """Weighs the sites of a gazetteer against readings of a text."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._sites = gazetteer.sites
        self._territory = gazetteer.territory
        self.names = NameIndex(gazetteer.sites)
        self._quarters: dict[tuple[int | None, int | None], list[Site]] = defaultdict(list)
        self._areas: dict[str, Site] = {}
        for site in gazetteer.sites:
            if site.kind == "area":
                self._areas[site.community] = site
            if site.quarter:
                for key in ((site.committee, site.group), (site.committee, None), (None, site.group)):
                    self._quarters[key].append(site)

    # -- reading --------------------------------------------------------------------------------
    def wordings(self, text: str, start: int = 0) -> Iterator[Wording]:
        """Yield every reading of a folded text, from a position on."""
        for reading in self._territory.readings(text, names=self.names, start=start):
            if reading.scope.foreign:
                yield Wording(reading.scope, "", None, None, reading.at, reading.at)
                continue
            for wording in self._named(text, reading):
                yield wording
                yield from self._second(text, wording)

    def _second(self, text: str, first: Wording) -> Iterator[Wording]:
        """Read the second of two things named together."""
        joint = _AND.match(text, first.end)
        if joint is None or first.guess or first.second:
            return
        if self.names.longest_at(text, joint.end()):
            second = self._named(text, Reading(first.scope, joint.end()))
        elif self._territory.full_name_at(text, joint.end()):
            second = self.wordings(text, joint.end())
        else:
            return
        yield from (replace(w, second=True) for w in second)

    def _named(self, text: str, reading: Reading) -> Iterator[Wording]:
        start = _past_breaks(text, reading.at)
        grid = _GRID.match(text, start)
        start = grid.end() if grid else start
        street = _STREET.match(text, start) if not self.names.longest_at(text, start) else None
        # Behind 红旗街5号 may stand a name, or 5号院 is the name.
        ends = (street.end(), street.start("house")) if street else ()
        for end in ends:
            if end > start and self.names.longest_at(text, end):
                behind, said = replace(reading, at=end), text[start:end].strip(BREAK)
                yield from (replace(w, street=said) for w in self._named(text, behind))
                return
        stop = _break_after(text, start)
        numbers = self._numbers(text, start, stop)
        known = self._name_with_number(text, start, numbers)
        if known:
            yield from self._read(text, reading.scope, start, stop, self._numbers(text, start, stop, behind=known))
        if not known or (numbers is not None and numbers.start > start):
            yield from self._read(text, reading.scope, start, stop, numbers)

    def _name_with_number(self, text: str, start: int, numbers: Numbers | None) -> int:
        """Return where a known name ends that holds these numbers itself (4号院), 0 where none does."""
        end = start + self.names.longest_at(text, start)
        if (
            numbers is None
            or not start <= numbers.start < end
            or (text[end - 1].isdigit() and text[end : end + 1].isdigit())
        ):
            return 0
        return end

    def _read(self, text: str, scope: Scope, start: int, stop: int, numbers: Numbers | None) -> Iterator[Wording]:
        if numbers is None:
            yield from self._unnumbered(text, scope, start, stop)
            return
        name = text[start : numbers.start].strip(BREAK + "的第-")
        relation = find_relation(text, numbers.end)
        end = relation.end if relation else numbers.end
        yield from self._before_numbers(Wording(scope, name, numbers, relation, start, end))

    def _numbers(self, text: str, start: int, stop: int, *, behind: int = 0) -> Numbers | None:
        """Numbers in the segment of the name, or at the very start of the next one (佳园小区，5号楼).

        Behind a known name that holds figures itself they are sought from its end on.
        """
        found = find_numbers(text, max(start, behind), stop)
        if found is None and stop < len(text):
            found = find_numbers(text, stop + 1, stop + 2)
            if found is not None and (stop - start > _LONGEST_NAME or not found.sure):
                return None
        if found is not None and not found.sure and self._bare(text, start, found):
            return None
        return found

    def _bare(self, text: str, start: int, numbers: Numbers) -> bool:
        """Whether an unsure number stands where no name stands before it."""
        return numbers.start == start or self.names.longest_at(text, start) not in (0, numbers.start - start)

    def _before_numbers(self, wording: Wording) -> Iterator[Wording]:
        """Read the name before numbers: whole, or a known name with words of place behind it (佳园小区院内3号楼)."""
        yield wording
        length = self.names.longest_at(wording.name, 0)
        if 0 < length < len(wording.name):
            relation = find_relation(wording.name, length)
            inside = relation is not None and relation.end == len(wording.name) and relation.reach_m <= _DOOR_M
            yield replace(wording, name=wording.name[:length], sure=inside)

    def _unnumbered(self, text: str, scope: Scope, start: int, stop: int) -> Iterator[Wording]:
        length = self.names.longest_at(text, start)
        if length:
            end = start + length
            relation = find_relation(text, end)
            sure = not (text.startswith(_GOES_ON, end) or _UNREAD.match(text, end)) or relation is not None
            yield Wording(scope, text[start:end], None, relation, start, relation.end if relation else end, sure=sure)
            return
        told = {*_told_ends(text, start, stop)}
        guessed = range(start + _SHORTEST_PREFIX, min(stop, start + _LONGEST_PREFIX))
        for end in sorted({*told, *guessed}):
            relation = find_relation(text, end)
            behind = relation.end if relation else end
            yield Wording(scope, text[start:end], None, relation, start, behind, guess=end not in told)

    def later(self, text: str) -> Iterator[Wording]:
        """Yield readings that begin further on, behind words that are no address (水管坏了，在红星镇佳园小区5号楼).

        They may be taken without asking only behind a pause and with an area said: what stands before an address
        may as well be another town's name.
        """
        starts = {at + 1: True for at, char in enumerate(text) if char == BREAK}
        for at in range(1, len(text)):
            if at not in starts and self._territory.full_name_at(text, at):
                starts[at] = False
        for at, pause in sorted(starts.items()):
            for wording in self.wordings(text, at):
                said = wording.scope.towns is not None or wording.scope.communities is not None
                yield replace(wording, sure=wording.sure and pause and said)

    # -- weighing -------------------------------------------------------------------------------
    def candidates(self, wording: Wording, hint: Hint) -> list[Candidate]:
        """Return the spots a reading may mean."""
        found: list[Candidate] = []
        for site, fit in self._fitting(wording, hint):
            cost, sure = self._area_cost(site, wording.scope, hint)
            sure = sure and fit.sure and wording.sure and not wording.scope.doubts
            found += _spots(site, fit.score - cost, wording, sure=sure)
        return found

    def _fitting(self, wording: Wording, hint: Hint) -> Iterable[tuple[Site, Fit]]:
        numbers = wording.numbers
        if numbers is not None and numbers.quarter:
            return self._quarter_fits(wording.name, numbers)
        if wording.name:
            return self._name_fits(wording.name, numbered=bool(numbers and numbers.buildings))
        codes = wording.scope.communities or (frozenset({hint.community}) if hint.community else frozenset())
        if numbers is None:
            said = wording.scope.communities or frozenset()
            return [(self._areas[c], Fit(1.0, sure=True)) for c in said if c in self._areas]
        return [
            (s, Fit(_UNEXPLAINED, sure=False))
            for s in self._sites
            if s.community in codes and s.numbered and any(p.number in numbers.buildings for p in s.spots)
        ]

    def _name_fits(self, name: str, *, numbered: bool) -> list[tuple[Site, Fit]]:
        fits = self.names.fits(name)
        exact = self.names.owners(name)
        found = []
        for position, fit in fits.items():
            site = self._sites[position]
            # A shortened name without a number may be any thing of that name (医院门口: no 医院小区).
            sure = fit.sure and (numbered or position in exact or len(name) == len(site.names[0]))
            found.append((site, Fit(fit.score, sure=sure)))
        return found

    def _quarter_fits(self, name: str, numbers: Numbers) -> list[tuple[Site, Fit]]:
        sites = self._quarters.get((numbers.committee, numbers.group), [])
        if not name:
            return [(s, Fit(1.0, sure=True)) for s in sites if numbers.committee is not None or s.committee is None]
        fits = {self._sites[p].names[0]: f for p, f in self.names.fits(name).items()}
        nothing = Fit(_UNKNOWN_ZONE, sure=False)
        return [(s, max((fits[z] for z in s.zones if z in fits), key=_by_score, default=nothing)) for s in sites]

    def _area_cost(self, site: Site, scope: Scope, hint: Hint) -> tuple[float, bool]:
        if scope.towns is not None and site.town not in scope.towns:
            return _WRONG_TOWN, False
        if scope.communities is not None and site.community not in scope.communities:
            return _WRONG_COMMUNITY, False
        if hint.community and site.community != hint.community:
            return _WRONG_COMMUNITY, False
        if hint.town and site.town != hint.town:
            return _WRONG_TOWN, False
        return 0.0, True

    def parts(self, wording: Wording, text: str) -> AddressParts:
        """Return a reading as parts."""
        said, numbers = wording.scope.said, wording.numbers
        return AddressParts(
            province=said.get("province", ""),
            city=said.get("city", ""),
            county=said.get("county", ""),
            town=said.get("town", ""),
            community=said.get("community", ""),
            street=wording.street,
            name=wording.name,
            committee=numbers.committee if numbers else None,
            group=numbers.group if numbers else None,
            buildings=numbers.buildings if numbers else (),
            stairwell=numbers.stairwell if numbers else None,
            floor=numbers.floor if numbers else None,
            room=numbers.room if numbers else "",
            relation=wording.relation.words if wording.relation else "",
            rest=text[wording.end :].strip(BREAK),
        )


def _past_breaks(text: str, at: int) -> int:
    while text[at : at + 1] == BREAK:
        at += 1
    return at


def _by_score(fit: Fit) -> float:
    return fit.score


def _break_after(text: str, start: int) -> int:
    stop = text.find(BREAK, start)
    return len(text) if stop < 0 else stop


def _told_ends(text: str, start: int, stop: int) -> Iterator[int]:
    """Yield where the text says that an unknown name ends: a pause, a word of place, a kind of compound."""
    if stop - start <= _LONGEST_NAME:
        yield stop
    for at in range(start + 2, min(stop, start + _LONGEST_NAME)):
        if find_relation(text, at):
            yield at
            break
    for at in range(start + 2, min(stop, start + _LONGEST_NAME)):
        tail = next((t for t in GENERIC_TAILS if text.startswith(t, at)), None)
        if tail:
            yield at + len(tail)
            break


def _spots(site: Site, score: float, wording: Wording, *, sure: bool) -> Iterator[Candidate]:
    """Choose the spots of a site by the numbers, exactly, and add the grids beside it for words of place."""
    numbers = wording.numbers
    wanted = numbers.buildings if numbers else ()
    if wanted and numbers and site.numbered and not site.quarter:
        chosen = [s for s in site.spots if s.number in wanted]
        if not chosen:
            yield from (Candidate(site, s, score - _ABSENT, sure=False, absent=True) for s in site.grids().values())
            return
        for spot in chosen:
            odd = bool(numbers.stairwell and spot.stairwells and numbers.stairwell > spot.stairwells)
            yield from _beside(
                Candidate(site, spot, score - _ODD_STAIRWELL * odd, sure=sure and not odd), wording.relation
            )
        if not numbers.sure:
            yield from (Candidate(site, s, score - _OTHER_BUILDING, sure=False) for s in site.grids().values())
        return
    # What a correction named is one spot; a number behind its name may mean another.
    sure = sure and not (wanted and site.kind == "learned")
    for spot in site.grids().values():
        yield from _beside(Candidate(site, spot, score, sure=sure), wording.relation)


def _beside(candidate: Candidate, relation: Relation | None) -> Iterator[Candidate]:
    yield candidate
    if relation is None:
        return
    for grid, metres in candidate.spot.near:
        if metres <= relation.reach_m and grid != candidate.spot.grid:
            yield replace(
                candidate, spot=replace(candidate.spot, grid=grid), score=candidate.score - _ACROSS, sure=False
            )
