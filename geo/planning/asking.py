"""What a person writes when asking for a merge, parsed once: the target, the weights, lists of units, counts."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from geo.errors import Refused
from geo.planning.constraints import Count, Weights

__all__ = ["FEWEST", "Target", "parse_count", "parse_ids", "parse_target", "parse_weights"]

FEWEST: Final = "fewest"

Target = int | tuple[int, int] | str

_BAND: Final = re.compile(r"(\d{1,9})\s*(?:-|–|—|~|～|至|到)\s*(\d{1,9})")
_COMMA: Final = re.compile("[,，]")


def parse_target(text: str) -> Target:
    """Return what ``--to`` asks for: a number of groups, an inclusive band, or ``"fewest"``.

    Raises
    ------
    Refused
        The text is none of these.

    Examples
    --------
    >>> parse_target("114"), parse_target("110-120"), parse_target("fewest")
    (114, (110, 120), 'fewest')
    """
    if text.strip().lower() in {FEWEST, "最少"}:
        return FEWEST
    count = parse_count(text)
    if count is None or (count if isinstance(count, int) else count[0]) < 1:
        raise Refused(
            f"目标 {text!r} 不是网格个数", code="groups-invalid", remedy="写一个数 (114)、一个范围 (110-120) 或 fewest"
        )
    return count


def parse_count(text: str) -> Count | None:
    """Return a number or an inclusive range written ``A-B`` (or A至B), None where the text is neither.

    Examples
    --------
    >>> parse_count("7"), parse_count("6至8"), parse_count("8-6"), parse_count("七")
    (7, (6, 8), None, None)
    """
    word = text.strip()
    if re.fullmatch(r"\d{1,9}", word):
        return int(word)
    band = _BAND.fullmatch(word)
    if band is None:
        return None
    low, high = int(band[1]), int(band[2])
    return (low, high) if low <= high else None


def parse_weights(text: str) -> Weights:
    """Return the weights written as ``balance=1,compactness=0.25,disruption=0.5``; one not named keeps its default.

    Raises
    ------
    Refused
        A name is no term, is written twice, or its value is no number of at least 0.

    Examples
    --------
    >>> parse_weights("disruption=2")
    Weights(balance=1.0, compactness=0.25, disruption=2.0)
    """
    known = tuple(field.name for field in fields(Weights))
    given: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in _COMMA.split(text))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in known or name in given:
            fault = "写了两次" if name in given else "不是目标项"
            raise Refused(f"权重 {name!r} {fault}", code="weight-invalid", remedy=f"可用: {', '.join(known)}")
        try:
            given[name] = float(value)
        except ValueError as error:
            raise Refused(f"权重 {name} 的值不是数", code="weight-invalid", remedy="例如 balance=1") from error
    return Weights(**given)


def parse_ids(text: str) -> tuple[str, ...]:
    """Return the names of a list written ``A,B,C`` (Chinese commas too), in order, each once.

    Examples
    --------
    >>> parse_ids("甲, 乙，甲")
    ('甲', '乙')
    """
    return tuple(dict.fromkeys(filter(None, (piece.strip() for piece in _COMMA.split(text)))))
