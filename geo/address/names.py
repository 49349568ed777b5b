"""How well a written name fits each known one: to the letter, to the ear, shortened, or nearly."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from geo.address.wording import GENERIC_TAILS, folded_sound, ordinals, sound, spelled, stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from geo.address.gazetteer import Site

__all__ = ["Fit", "NameIndex"]

_EXACT: Final = 1.0
_SAME_SOUND: Final = 0.95
_SAME_FOLDED_SOUND: Final = 0.92
_SHORTENED: Final = 0.90
_LONG_NEARLY: Final = 0.87
_SHORTENED_SOUND: Final = 0.86
_OTHER_KIND: Final = 0.78
# What is only near is never taken without asking, however near.
_NEARLY: Final = 0.80
_NEAREST_WORTH: Final = 0.45
_MEANT: Final = 0.5
# Doubled and transposed letters: no invented name is made of a real one in this way.
_SLIP: Final = 0.88
# 嘉和家园小区: the kind is said twice.
_SAID_TWICE: Final = "小区"
_GOOD: Final = 0.85
_LONG: Final = 6
_MIN_STEM: Final = 2
# Words that say what a thing is and not which: near to many names, meaning none of them.
_KINDS_ALONE: Final = frozenset(
    {*GENERIC_TAILS, "幼儿园", "小学", "中学", "学校", "医院", "市场", "超市", "银行", "公司", "宾馆", "派出所"}
)
_ORDINAL_LETTERS: Final = frozenset("第一二三四五六七八九十")


@dataclass(frozen=True, slots=True)
class Fit:
    """How a name fits: a score of at most 1, and whether it may be taken without asking."""

    score: float
    sure: bool


class NameIndex:
    """All names of the sites, for exact and for fuzzy comparison.

    Parameters
    ----------
    sites : iterable of Site
        Sites in order; answers name them by position.
    """

    def __init__(self, sites: Iterable[Site]) -> None:
        self._full: dict[str, set[int]] = defaultdict(set)
        for position, site in enumerate(sites):
            for name in site.names if not site.quarter else ():
                self._full[name].add(position)
        self._stems: dict[str, set[int]] = defaultdict(set)
        for name, owners in self._full.items():
            stem, tail = stem_of(name)
            if tail and len(stem) >= _MIN_STEM and stem not in self._full:
                self._stems[stem] |= owners
        self._by_ear = [
            (_SAME_SOUND, sound, _heard(self._full, sound)),
            (_SAME_FOLDED_SOUND, folded_sound, _heard(self._full, folded_sound)),
            (_SHORTENED_SOUND, sound, _heard(self._stems, sound)),
        ]
        self._names = list(self._full)
        self._sounds = [sound(n) for n in self._names]
        self._first: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self._names, key=lambda n: (-len(n), n)):
            self._first[name[:1]].append(name)

    def __len__(self) -> int:
        return len(self._names)

    def owners(self, name: str) -> frozenset[int]:
        """Return the sites called exactly so."""
        return frozenset(self._full.get(name, ()))

    def longest_at(self, text: str, at: int) -> int:
        """Return the length of the longest known name that stands at a position, 0 where none does."""
        return next((len(n) for n in self._first.get(text[at : at + 1], ()) if text.startswith(n, at)), 0)

    def resembles(self, word: str) -> bool:
        """Tell whether a word is, or may be meant to be, one of the names."""
        return any(fit.score >= _MEANT for fit in self.fits(word).values())

    def starting(self, prefix: str) -> list[str]:
        """Return the names that begin with a prefix as written, as spoken, or in letters (jyxq, jiayuan), in order."""
        if prefix.isascii() and prefix.isalpha():
            return sorted(n for n in self._names if any(s.startswith(prefix.upper()) for s in spelled(n)))
        heard = sound(prefix)
        return sorted(
            n for n, s in zip(self._names, self._sounds, strict=True) if n.startswith(prefix) or s.startswith(heard)
        )

    def fits(self, name: str) -> dict[int, Fit]:
        """Return how the sites' names fit a written one; sites that do not fit at all are left out."""
        found: dict[int, Fit] = {}
        if len(name) < _MIN_STEM:
            return found
        _keep(found, self._full.get(name, ()), Fit(_EXACT, sure=True))
        _keep(found, self._stems.get(name, ()), Fit(_SHORTENED, sure=True))
        for score, ear, heard in self._by_ear:
            for known in heard.get(ear(name), ()):
                _keep(found, self._full.get(known) or self._stems[known], _heard_fit(name, known, score))
        for typed in (*_slips(name), name.removesuffix(_SAID_TWICE)):
            _keep(found, self._full.get(typed, ()), Fit(_SLIP, sure=True))
        if name not in _KINDS_ALONE and max((f.score for f in found.values()), default=0.0) < _GOOD:
            self._nearly(name, found)
        return found

    def _nearly(self, name: str, found: dict[int, Fit]) -> None:
        seen = np.maximum(
            process.cdist([name], self._names, scorer=Levenshtein.normalized_similarity)[0],
            _SAME_SOUND * process.cdist([sound(name)], self._sounds, scorer=Levenshtein.normalized_similarity)[0],
        )
        stem, tail = stem_of(name)
        numbers = ordinals(name)
        for at in np.flatnonzero(seen >= _NEAREST_WORTH).tolist():
            known = self._names[at]
            if ordinals(known) == numbers:
                _keep(found, self._full[known], _near_fit(name, stem, tail, known, float(seen[at])))


def _near_fit(name: str, stem: str, tail: str, known: str, likeness: float) -> Fit:
    """Judge a name that is none of ours but like one.

    A damaged kind (佳园小驱) still names the compound; another kind (佳园花园) may be another compound.
    """
    known_stem, known_tail = stem_of(known)
    if min(len(name), len(known)) >= _LONG and Levenshtein.distance(name, known) <= 1:
        return Fit(_LONG_NEARLY, sure=True)
    if known_tail and not tail and name.startswith(known_stem) and Levenshtein.distance(name, known) <= 1:
        return Fit(_LONG_NEARLY, sure=True)
    if tail and known_tail and sound(stem) == sound(known_stem):
        return Fit(_OTHER_KIND, sure=False)
    return Fit(_NEARLY * likeness, sure=False)


def _slips(name: str) -> Iterator[str]:
    """Yield what may have been meant where a letter was typed twice or two letters changed places."""
    for at in range(len(name) - 1):
        if name[at].isdigit() or name[at + 1].isdigit():
            continue  # 12号院 is not 21号院, nor 11号院 1号院
        if name[at] == name[at + 1]:
            yield name[:at] + name[at + 1 :]
        elif not {name[at], name[at + 1]} & _ORDINAL_LETTERS:
            yield name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _heard_fit(name: str, known: str, score: float) -> Fit:
    """Judge a name that sounds like one of ours; 嘉苑 and 家园 sound alike and are two kinds of compounds."""
    tail, known_tail = stem_of(name)[1], stem_of(known)[1]
    if tail and known_tail and tail != known_tail:
        return Fit(_OTHER_KIND, sure=False)
    return Fit(score, sure=True)


def _heard(names: Iterable[str], ear: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[ear(name)].append(name)
    return found


def _keep(found: dict[int, Fit], sites: Iterable[int], fit: Fit) -> None:
    for site in sites:
        known = found.get(site)
        if known is None or known.score < fit.score:
            found[site] = fit
