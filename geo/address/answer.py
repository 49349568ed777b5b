"""The answer to an address: one grid, one question with the choices by grid, or a refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from geo.address.gazetteer import GridRef
    from geo.address.parts import AddressParts

__all__ = ["AddressAnswer", "GridChoice", "Outcome", "Refusal"]


class Outcome(StrEnum):
    """One grid, a question, or neither."""

    FOUND = "found"
    ASK = "ask"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why an address has no answer."""

    EMPTY = "empty"
    FOREIGN = "foreign"
    UNKNOWN_NAME = "unknown-name"
    NO_SUCH_BUILDING = "no-such-building"
    NO_SUCH_QUARTER = "no-such-quarter"
    TOO_VAGUE = "too-vague"


_WORDS: Final = {
    Refusal.EMPTY: ("没有地址文字", "there is no address text"),
    Refusal.FOREIGN: ("“{what}”不在本县", "{what} is not in this county"),
    Refusal.UNKNOWN_NAME: ("没有找到“{what}”这个小区、平房区或地名", "no compound, quarter or place is called {what}"),
    Refusal.NO_SUCH_BUILDING: ("{what}没有这个楼号", "{what} has no building of this number"),
    Refusal.NO_SUCH_QUARTER: ("没有{what}", "there is no {what}"),
    Refusal.TOO_VAGUE: ("地址太笼统（{what}）", "the address is too vague ({what})"),
}


@dataclass(frozen=True, slots=True)
class GridChoice:
    """One grid an address may mean.

    Attributes
    ----------
    grid : int or str
        The grid as the rows named it.
    score : float
        How well the best reading of the address fits, at most 1.
    labels : tuple of str
        What is meant there, in words (红星镇前进社区佳园小区3号楼).
    targets : tuple of (kind, key)
        The rows meant, for a correction: ("building", "LD000001").
    """

    grid: GridRef
    score: float
    labels: tuple[str, ...]
    targets: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """What an address means.

    Attributes
    ----------
    outcome : Outcome
    grid : int, str or None
        The grid, where the outcome is ``found``.
    basis : str
        ``building`` where a numbered building answers, ``address`` otherwise, "" without an answer.
    choices : tuple of GridChoice
        By grid, best first: one where found, all that are possible where asked.
    question, question_en : str
        The one question to put, "" unless asked.
    reason : Refusal or None
    detail : str
        What the reason is about.
    parts : AddressParts
    learned : bool
        A correction made by hand decided.
    """

    outcome: Outcome
    parts: AddressParts
    grid: GridRef | None = None
    basis: str = ""
    choices: tuple[GridChoice, ...] = ()
    question: str = ""
    question_en: str = ""
    reason: Refusal | None = None
    detail: str = ""
    learned: bool = False

    @property
    def found(self) -> bool:
        """Whether there is one grid."""
        return self.outcome is Outcome.FOUND

    def explain(self, *, english: bool = False) -> str:
        """Return the reason of a refusal, or the question, in words."""
        if self.reason is None:
            return self.question_en if english else self.question
        return _WORDS[self.reason][english].format(what=self.detail)
