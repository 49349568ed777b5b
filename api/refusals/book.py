"""Sentences in pairs, Chinese and English, and the way from one to the other with the values kept.

A pair is two templates with the same places: ``["没有方案 {id}", "there is no plan {id}"]``. A text is found by the
template it fits, the one with most fixed letters first; what stands in the places goes into the other template. A
place may say what stands there, and is then put into the other language too: ``{state:state}`` is a word of
`terms.json`, ``{why:sentence}`` another sentence, ``{all:sentences}`` several of them, ``{first:finding}`` what a
check found.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["LANGUAGES", "Book", "Pair", "Template", "book", "is_chinese"]

LANGUAGES: Final = ("zh", "en")
_FOLDER: Final = Path(__file__).parent
_PLACE: Final = re.compile(r"(?P<quote>')?\{(?P<name>[a-z_]+)(?::(?P<kind>[a-z_]+))?\}(?(quote)')")
_QUOTES: Final = ("'", '"')
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[A-Za-z\u3400-\u9fff]")
# A sentence with fewer letters of its own would fit nearly anything; it is found under its code alone.
_FEWEST: Final = {"zh": 2, "en": 5}
_LATIN: Final = re.compile(r"[A-Za-z]")
# What holds several: the kind of each, what joins them in English and in Chinese.
_LISTS: Final = {
    "sentences": ("sentence", "; ", "；"),
    "changes": ("sentence", ", ", "，"),
    "edits": ("edit", ", ", "、"),
    "fields": ("field", ", ", "、"),
}
# A comma inside brackets parts nothing.
_NOT_INSIDE: Final = r"(?![^()]*\))"


def is_chinese(text: str) -> bool:
    """Tell whether a text is Chinese: names and figures aside, most of its letters are."""
    return len(_HAN.findall(text)) * 2 > len(_LATIN.findall(text))


@dataclass(frozen=True)
class Template:
    """A sentence with places for values."""

    text: str

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Place → what stands there, empty for a value that stays as it is."""
        return {found["name"]: found["kind"] or "" for found in _PLACE.finditer(self.text)}

    @cached_property
    def fixed(self) -> str:
        """The letters around the places."""
        return _PLACE.sub("", self.text)

    @cached_property
    def _parts(self) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
        """The pieces of fixed text, one more than the places between them; of each place name and whether quoted."""
        places = tuple((found["name"], bool(found["quote"])) for found in _PLACE.finditer(self.text))
        return tuple(_PLACE.sub("\0", self.text).split("\0")), places

    def read(self, text: str) -> dict[str, str] | None:
        """Return the values of a text that fits, None for one that does not.

        Each value is the shortest that fits, read from the left and never taken back: the time grows with the text
        and no faster, whatever somebody's names hold.
        """
        (head, *rest), places = self._parts
        if not places:
            return {} if text == head else None
        end = len(text) - len(rest[-1])
        if not text.startswith(head) or not text.endswith(rest[-1]) or end < len(head):
            return None
        values: dict[str, str] = {}
        at = len(head)
        for number, (name, quoted) in enumerate(places):
            stop = end if number == len(places) - 1 else text.find(rest[number], at, end)
            if stop < 0:
                return None
            value = text[at:stop]
            if quoted and value[:1] in _QUOTES and value[:1] == value[-1:]:
                value = value[1:-1]
            if values.setdefault(name, value) != value:
                return None
            at = stop + len(rest[number])
        return values

    def fill(self, values: dict[str, str]) -> str:
        """Return the sentence with its values; a place without one reads ``…``."""
        quote = "'" if _HAN.search(self.text) is None else ""

        def value(found: re.Match[str]) -> str:
            held = values.get(found["name"], "…")
            return f"{quote}{held}{quote}" if found["quote"] else held

        return _PLACE.sub(value, self.text)


@dataclass(frozen=True)
class Pair:
    """One sentence in both languages."""

    zh: Template
    en: Template

    def of(self, language: str) -> Template:
        """Return the sentence of a language, "zh" or "en"."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Book:
    """All pairs.

    Attributes
    ----------
    says, does : mapping of str to tuple of Pair
        Code of a refusal → what is wrong, and what to do; the first of each is the one to say where none fits.
    reports : tuple of Pair
        Sentences of reports: warnings, evidence, what of a plan changed, what a field of a request should be.
    terms : mapping
        Kind → English word → Chinese word.
    """

    says: dict[str, tuple[Pair, ...]]
    does: dict[str, tuple[Pair, ...]]
    reports: tuple[Pair, ...]
    terms: dict[str, dict[str, str]]

    def put(self, text: str, language: str, first: Sequence[Pair] = ()) -> str | None:
        """Return a text in a language, looking at some pairs first; None where no pair fits.

        Parameters
        ----------
        text : str
            A sentence in either language.
        language : str
            "zh" or "en".
        first : sequence of Pair
            Pairs that are preferred, such as those of the refusal's code.
        """
        if language == "en" and _HAN.search(text) is None:
            return text
        other = "en" if language == "zh" else "zh"
        for pairs in (_by_weight(tuple(first), other), self._all(other)):
            for pair in pairs:
                values = pair.of(other).read(text)
                if values is not None:
                    return pair.of(language).fill(self._turned(values, pair.of(other).kinds, language))
        return text if self.knows(text, language, first) else None

    def knows(self, text: str, language: str, first: Sequence[Pair] = ()) -> bool:
        """Tell whether a text is a sentence of this book, as it stands in a language."""
        return any(pair.of(language).read(text) is not None for pair in (*first, *self._all(language)))

    def term(self, kind: str, word: str, language: str) -> str:
        """Return a word of a kind in a language; an unknown one stays."""
        known = self.terms.get(kind, {})
        if language == "zh":
            return known.get(word, word)
        return next((english for english, chinese in known.items() if chinese == word), word)

    def _turned(self, values: dict[str, str], kinds: dict[str, str], language: str) -> dict[str, str]:
        return {name: self._value(kinds[name], value, language) for name, value in values.items()}

    def _value(self, kind: str, value: str, language: str) -> str:
        if kind in _LISTS:
            each, english, chinese = _LISTS[kind]
            here, there = (english, chinese) if language == "zh" else (chinese, english)
            parts = re.split(f"{re.escape(here)}{_NOT_INSIDE}|{re.escape(english)}{_NOT_INSIDE}", value)
            return there.join(self._value(each, part, language) for part in parts)
        turn: Callable[[str, str], str] | None = {"sentence": self._sentence, "finding": _finding, "span": _span}.get(
            kind
        )
        return turn(value, language) if turn else self.term(kind, value, language)

    def _sentence(self, text: str, language: str) -> str:
        return self.put(text, language) or text

    def _all(self, language: str) -> tuple[Pair, ...]:
        return _whole(self, language)

    def __hash__(self) -> int:
        return id(self)


def _span(text: str, language: str) -> str:
    return text.replace(" to ", "至") if language == "zh" else text.replace("至", " to ")


def _finding(text: str, language: str) -> str:
    """Return what a check found, whose sentences stand with the check itself."""
    from geo.topology.words import wordings

    other = "en" if language == "zh" else "zh"
    for pair in _by_weight(tuple(_pairs(wordings())), other):
        values = pair.of(other).read(text)
        if values is not None:
            return pair.of(language).fill(values)
    return text


@cache
def _by_weight(pairs: tuple[Pair, ...], language: str) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: -len(pair.of(language).fixed)))


@cache
def _whole(held: Book, language: str) -> tuple[Pair, ...]:
    everything = [*held.reports, *(p for pairs in (*held.says.values(), *held.does.values()) for p in pairs)]
    telling = [p for p in everything if len(_LETTER.findall(p.of(language).fixed)) >= _FEWEST[language]]
    return _by_weight(tuple(dict.fromkeys(telling)), language)


def _pairs(rows: Sequence[Sequence[str]]) -> Iterator[Pair]:
    return (Pair(Template(zh), Template(en)) for zh, en in rows)


def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


@cache
def book() -> Book:
    """Return the book of this software, read once."""
    refusals = _read("refusals.json")
    return Book(
        says={code: tuple(_pairs(entry["says"])) for code, entry in refusals.items()},
        does={code: tuple(_pairs(entry["do"])) for code, entry in refusals.items()},
        reports=tuple(_pairs(_read("reports.json"))),
        terms=_read("terms.json"),
    )
