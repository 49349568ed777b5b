"""Every refusal in Chinese and in English, from one book of sentences by code.

The packages below raise in one language each. Nothing a person reads is left in the other: the command line and the
problems of HTTP ask here for what is wrong, where, and what to do, in the language of the person, with every name and
figure of the sentence raised. Words, remedies and terms stand in `refusals.json`, the sentences of reports in
`reports.json`, the words of the field in `terms.json`; `tests/house/test_refusals.py` reads every place that refuses
and fails where the book has no such sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from api.refusals.book import LANGUAGES, book, is_chinese
from geo.errors import WanggeError

if TYPE_CHECKING:
    from geo.errors import Where

__all__ = ["LANGUAGES", "Fault", "Said", "absent", "place", "said", "sentence", "term", "told"]

_PLACES = {
    "zh": ("图层 {}", "第 {} 行", "“{}”一列", "要素 {}"),
    "en": ("layer {}", "row {}", "column {}", "feature {}"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A refusal in one language: what is wrong and what to do."""

    message: str
    remedy: str


class Fault(Protocol):
    """What is wrong with something: an error, or a row that a reader or an import could not accept."""

    @property
    def where(self) -> Where:
        """Where it is."""

    @property
    def code(self) -> str:
        """The word for machines."""

    @property
    def message(self) -> str:
        """What is wrong, in either language."""

    @property
    def remedy(self) -> str:
        """What to do, in either language; may be empty."""


def told(fault: Fault, language: str) -> str:
    """Return a fault as one sentence in a language: where it is, what is wrong and, in brackets, what to do."""
    if isinstance(fault, WanggeError):
        spoken = said(fault, language)
    else:
        spoken = Said(*(sentence(text, language, code=fault.code) for text in (fault.message, fault.remedy)))
    colon, opened, closed = ("：", "（", "）") if language == "zh" else (": ", " (", ")")
    where = place(fault.where, language)
    head = f"{where}{colon}{spoken.message}" if where else spoken.message
    return f"{head}{opened}{spoken.remedy}{closed}" if spoken.remedy else head


def said(error: WanggeError, language: str, *, message: str | None = None) -> Said:
    """Return what a refusal says, and its remedy, in a language.

    Parameters
    ----------
    error : WanggeError
        The refusal; its own sentences are in either language.
    language : str
        "zh" or "en".
    message : str, optional
        What to say in place of the error's message, such as the same without names.

    Returns
    -------
    Said
        A sentence that no entry fits comes in brackets after what its kind of refusal says in general: nothing is
        lost. A refusal without a remedy has the code's first one.
    """
    held, text = book(), error.message if message is None else message
    says, does = held.says.get(error.code, ()), held.does.get(error.code, ())
    if error.remedy:
        advice = held.put(error.remedy, language, does) or error.remedy
    else:
        advice = does[0].of(language).fill({}) if does else ""
    return Said(held.put(text, language, says) or _with_general(error, text, language), advice)


def absent(language: str) -> str:
    """Return the one sentence for what is not there and what is somebody else's."""
    return book().says["not-found"][0].of(language).text


def _with_general(error: WanggeError, text: str, language: str) -> str:
    """Return a sentence that is not in the book: as it is in its own language, else behind a general one."""
    if is_chinese(text) == (language == "zh"):
        return text
    says = book().says
    own = says.get(error.code, ())
    general = own[0] if len(own) == 1 else says[type(error).default_code][0]
    return f"{general.of(language).fill({})}（{text}）" if language == "zh" else f"{general.en.fill({})} ({text})"


def sentence(text: str, language: str, *, code: str = "") -> str:
    """Return a sentence of a report in a language; one that is not in the book stays as it is.

    Parameters
    ----------
    text : str
        A sentence in either language.
    language : str
        "zh" or "en".
    code : str, optional
        The refusal's code whose sentences are looked at first.
    """
    held = book()
    return held.put(text, language, (*held.says.get(code, ()), *held.does.get(code, ()))) or text


def term(kind: str, word: str, language: str) -> str:
    """Return a word of the field, such as the state of a plan, in a language; an unknown one stays."""
    return book().term(kind, word, language)


def place(where: Where, language: str) -> str:
    """Return where a fault is, in words: file, layer, row, column, feature."""
    values = (where.layer, where.row, where.column, where.feature)
    known = [
        text.format(value) for text, value in zip(_PLACES[language], values, strict=True) if value not in (None, "")
    ]
    return ("，" if language == "zh" else ", ").join([where.file, *known] if where.file else known)
