"""The address book of a county: find an address, and suggest while typing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from geo.address.answer import AddressAnswer, GridChoice, Outcome, Refusal
from geo.address.decision import decide
from geo.address.gazetteer import Gazetteer, Site, Spot, collect
from geo.address.matching import Candidate, Hint, Matcher, Wording
from geo.address.memory import Lesson, Memory
from geo.address.parts import AddressParts
from geo.address.wording import BREAK, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["AddressBook"]

_LONGEST: Final = 200
_SUGGESTED: Final = 10
_MAY_BE_MEANT: Final = 0.6


class AddressBook:
    """Every name and number of a county by which a place can be asked for, with its grid.

    Make one with `build`; a book never changes. Texts are matched by name (to the letter, to the ear, shortened or
    nearly) and by number (exactly); where more than one grid remains possible the answer is a question.
    """

    def __init__(self, gazetteer: Gazetteer, *, aliases: Iterable[Mapping[str, Any]] = ()) -> None:
        self._gazetteer = gazetteer
        self._matcher = Matcher(gazetteer)
        self._memory = Memory()
        lessons = [lesson for row in aliases if (lesson := self._lesson(row)) is not None]
        for key, learned in lessons:
            self._memory.learn(key, learned)

    @classmethod
    def build(
        cls,
        *,
        buildings: Iterable[Mapping[str, Any]] = (),
        compounds: Iterable[Mapping[str, Any]] = (),
        places: Iterable[Mapping[str, Any]] = (),
        areas: Iterable[Mapping[str, Any]] = (),
        aliases: Iterable[Mapping[str, Any]] = (),
    ) -> AddressBook:
        """Make a book from plain rows.

        Parameters
        ----------
        buildings : iterable of mapping
            `source_key`, `community_code`, `compound`, `number`, `grid` (any int or str; None, "" or −1: outside),
            and where known `stairwells`, `address_text`, `near` ((grid, metres) of grids close by).
        compounds : iterable of mapping
            `source_key`, `community_code`, `name`, and where known `aliases`.
        places : iterable of mapping
            `source_key`, `community_code`, `name`, `grid`, and where known `aliases`, `near`.
        areas : iterable of mapping
            `code`, `name`, `kind` (as `geo.model.AreaKind`), `parent_code`, and where known `aliases` (old names),
            `grids` (of a community, all of them).
        aliases : iterable of mapping
            Corrections made by hand: `alias`, `kind` (building, compound, place, area, grid), `target_key`
            (the source key of a row, the code of an area, or a grid as the other rows name it), `community_code`
            ("" for everywhere). They win over everything else; one whose wording means several things in the county
            only where its area is said. One whose target is gone is left out.
        """
        gazetteer = collect(buildings=buildings, compounds=compounds, places=places, areas=areas)
        gazetteer.sites += _named_by_hand(gazetteer, aliases := list(aliases))
        return cls(gazetteer, aliases=aliases)

    def __len__(self) -> int:
        return len(self._gazetteer.sites)

    def _lesson(self, row: Mapping[str, Any]) -> tuple[str, Lesson] | None:
        """Read a correction; None where its target is gone."""
        spots, key = _target_spots(self._gazetteer, row), self.key_of(str(row["alias"]))
        if not spots or not key:
            return None
        community = str(row.get("community_code") or "")
        town = self._gazetteer.territory.town_of.get(community, community[:9])
        return key, Lesson(community, town, spots, local=self.find(key).outcome is Outcome.ASK)

    # -- questions --------------------------------------------------------------------------------
    def find(self, text: str, *, community: str | None = None, town: str | None = None) -> AddressAnswer:
        """Return what an address means.

        Parameters
        ----------
        text : str
            As the caller said it or the clerk wrote it; complaint text behind the address is ignored.
        community, town : str, optional
            Codes known besides the text (columns of the order). They choose between readings and never turn a
            text that says otherwise into an answer.
        """
        plain = fold(text[:_LONGEST])
        hint = Hint(town or None, community or None)
        wordings = list(self._matcher.wordings(plain)) if plain else []
        if not wordings:
            return AddressAnswer(Outcome.REFUSED, AddressParts(), reason=Refusal.EMPTY)
        for wording in wordings if not any(w.second for w in wordings) else ():
            spots = self._memory.recall(wording, hint)
            if spots:
                return _recalled(wording, spots, self._matcher.parts(wording, plain))
        foreign = next((w for w in wordings if w.scope.foreign), None)
        if foreign is not None:
            parts = self._matcher.parts(foreign, plain)
            return AddressAnswer(
                Outcome.REFUSED, parts, reason=Refusal.FOREIGN, detail=foreign.scope.foreign.strip(BREAK)
            )
        weighed = [(c, w) for w in wordings for c in self._matcher.candidates(w, hint)]
        if max((c.score for c, _ in weighed), default=0.0) < _MAY_BE_MEANT:
            weighed += [(c, w) for w in self._matcher.later(plain) for c in self._matcher.candidates(w, hint)]
        chosen = max(weighed, key=_rank)[1] if weighed else wordings[0]
        return decide(weighed, self._matcher.parts(chosen, plain), self._gazetteer.territory)

    def key_of(self, text: str) -> str:
        """Return what an address is remembered by: its name and numbers, without area, stairwell, room, complaint.

        Of an unknown name it is what stands before a number, a word of place or a pause; "" where nothing is said.
        """
        plain = fold(text[:_LONGEST])
        wordings = list(self._matcher.wordings(plain)) if plain else []
        named = [w for w in wordings if w.key() and not w.guess and w.start == wordings[0].start]
        return min((w.key() for w in named), key=len, default="")

    def parse(self, text: str) -> AddressParts:
        """Return the parts of an address as `find` reads them."""
        return self.find(text).parts

    def suggest(self, prefix: str, *, limit: int = _SUGGESTED) -> list[str]:
        """Return addresses that begin as typed so far: names, then the buildings of a name that is complete.

        Names are found by their characters and by their sound; names that occur in several communities come
        with the community in front.
        """
        plain = fold(prefix)
        found: dict[str, None] = {}
        for reading in self._matcher.wordings(plain) if plain else ():
            name = plain[reading.start :].split(BREAK)[0]
            if name and not reading.scope.foreign:
                found |= dict.fromkeys((*self._named(name, reading), *self._buildings(name, reading)))
        return list(found)[:limit]

    def _named(self, name: str, reading: Wording) -> list[str]:
        names = self._matcher.names
        positions = [p for known in names.starting(name) for p in sorted(names.owners(known))]
        sites = [self._gazetteer.sites[p] for p in positions]
        return [self._words(site) for site in sites if _inside(site, reading)]

    def _words(self, site: Site) -> str:
        return f"{self._gazetteer.territory.describe(site.community)}{site.name}"

    def _buildings(self, text: str, reading: Wording) -> list[str]:
        """Return the buildings of a name that stands there whole, with the figures typed behind it."""
        length = self._matcher.names.longest_at(text, 0)
        digits = "".join(c for c in text[length:] if c.isdigit())
        found: list[str] = []
        for position in sorted(self._matcher.names.owners(text[:length])):
            site = self._gazetteer.sites[position]
            if not _inside(site, reading):
                continue
            numbers = sorted({s.number for s in site.spots if s.number.startswith(digits) and s.number}, key=_in_order)
            found += [f"{self._words(site)}{n}号楼" for n in numbers]
        return found


def _recalled(wording: Wording, spots: tuple[Spot, ...], parts: AddressParts) -> AddressAnswer:
    """Answer by a correction made by hand."""
    grid = spots[0].grid
    choice = GridChoice(grid, 1.0, (wording.key(),), tuple((s.kind, s.key) for s in spots[:1]))
    basis = "building" if spots[0].kind == "building" else "address"
    return AddressAnswer(Outcome.FOUND, parts, grid=grid, basis=basis, choices=(choice,), learned=True)


def _rank(weighed: tuple[Candidate, Wording]) -> tuple[bool, float, bool]:
    candidate, _ = weighed
    return not candidate.absent, candidate.score, candidate.sure


def _in_order(number: str) -> tuple[int, str]:
    digits = "".join(c for c in number if c.isdigit())
    return int(digits or 0), number


def _inside(site: Site, reading: Wording) -> bool:
    scope = reading.scope
    return (scope.towns is None or site.town in scope.towns) and (
        scope.communities is None or site.community in scope.communities
    )


def _target_spots(gazetteer: Gazetteer, row: Mapping[str, Any]) -> tuple[Spot, ...]:
    kind, key = str(row["kind"]), row["target_key"]
    if kind == "grid":
        return (Spot(grid=key, kind="grid", key=str(key)),) if key not in (None, "", -1) else ()
    target = gazetteer.by_key.get((kind, str(key)))
    if isinstance(target, Spot):
        return (target,)
    return tuple(target.spots) if target is not None else ()


def _named_by_hand(gazetteer: Gazetteer, aliases: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Give sites the further names that corrections taught; a building or grid named by hand becomes a site."""
    made = []
    for row in aliases:
        word = fold(str(row["alias"]))
        if not word or BREAK in word or any(c.isdigit() for c in word):
            continue
        target = gazetteer.by_key.get((str(row["kind"]), str(row["target_key"])))
        if isinstance(target, Site):
            target.names += [word] if word not in target.names else []
            continue
        spots = list(_target_spots(gazetteer, row))
        if spots:
            code = str(row.get("community_code") or "")
            town = gazetteer.territory.town_of.get(code, code[:9])
            made.append(Site("learned", spots[0].key, str(row["alias"]), code, town, names=[word], spots=spots))
    return made
