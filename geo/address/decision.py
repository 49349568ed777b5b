"""One grid, one question, or a refusal: the margin between grids decides, not the margin between candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from geo.address.answer import AddressAnswer, GridChoice, Outcome, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.address.gazetteer import GridRef
    from geo.address.matching import Candidate, Wording
    from geo.address.parts import AddressParts
    from geo.address.territory import Territory

__all__ = ["decide"]

_TAKEN: Final = 0.85
_MARGIN: Final = 0.08
_ASKED: Final = 0.42
_ASKED_BEHIND: Final = 0.25
_MOST_CHOICES: Final = 12
# A community named alone is no address where it has more grids than this.
_MOST_AREA_CHOICES: Final = 3
_MOST_LABELS: Final = 4


def decide(weighed: Sequence[tuple[Candidate, Wording]], parts: AddressParts, territory: Territory) -> AddressAnswer:
    """Decide over all candidates of all readings.

    A grid is answered when its best candidate may be taken (score ≥ 0.85, nothing contradicts it) and leads
    the best candidate of every other grid by 0.08; candidates within 0.25 of the best are asked about, at most 12.
    """
    present = [w for w in weighed if not w[0].absent]
    if not present:
        return _refusal(weighed, parts)
    best = _best_by_grid(present)
    order = sorted(best, key=lambda g: (-_score(best[g]), str(g)))
    taken = _takeable(present, order[0])
    rival = max((c.score for c, _ in weighed if c.spot.grid != order[0]), default=0.0)
    if _score(best[order[0]]) < _ASKED:
        return _refusal([], parts)
    if taken is not None and taken.score - rival >= _MARGIN:
        choice = _choice(order[0], present, territory, floor=taken.score - _MARGIN)
        basis = "building" if taken.spot.kind == "building" and parts.buildings else "address"
        return AddressAnswer(Outcome.FOUND, parts, grid=order[0], basis=basis, choices=(choice,))
    return _question(best, order, present, parts, territory)


def _best_by_grid(present: Sequence[tuple[Candidate, Wording]]) -> dict[GridRef, tuple[Candidate, Wording]]:
    best: dict[GridRef, tuple[Candidate, Wording]] = {}
    for candidate, wording in present:
        known = best.get(candidate.spot.grid)
        if known is None or candidate.score > known[0].score:
            best[candidate.spot.grid] = (candidate, wording)
    return best


def _score(weighed: tuple[Candidate, Wording]) -> float:
    return weighed[0].score


def _takeable(present: Sequence[tuple[Candidate, Wording]], grid: GridRef) -> Candidate | None:
    """Return the best candidate of a grid that may be taken without asking."""
    sure = [c for c, _ in present if c.spot.grid == grid and c.sure and c.score >= _TAKEN]
    return max(sure, key=lambda c: c.score, default=None)


def _refusal(weighed: Sequence[tuple[Candidate, Wording]], parts: AddressParts) -> AddressAnswer:
    """Say why there is nothing: the building does not exist, the quarter, or the name."""
    number = "、".join(parts.buildings)
    absent = [c for c, _ in weighed if c.absent and c.score >= _TAKEN - _MARGIN * 2]
    if absent:
        name = max(absent, key=lambda c: c.score).site.name
        return _refused(Refusal.NO_SUCH_BUILDING, f"{name}{number}号楼", parts)
    if parts.committee is not None or parts.group is not None:
        quarter = (f"{parts.committee}委" if parts.committee is not None else "") + (
            f"{parts.group}组" if parts.group is not None else ""
        )
        return _refused(Refusal.NO_SUCH_QUARTER, quarter, parts)
    if parts.name:
        return _refused(Refusal.UNKNOWN_NAME, parts.name, parts)
    said = parts.community or parts.town or (f"{number}号楼" if number else "")
    return _refused(Refusal.TOO_VAGUE if said else Refusal.EMPTY, said, parts)


def _refused(reason: Refusal, detail: str, parts: AddressParts) -> AddressAnswer:
    return AddressAnswer(Outcome.REFUSED, parts, reason=reason, detail=detail)


def _choice(
    grid: GridRef, present: Sequence[tuple[Candidate, Wording]], territory: Territory, *, floor: float
) -> GridChoice:
    inside = sorted((w for w in present if w[0].spot.grid == grid and w[0].score >= floor), key=lambda w: -w[0].score)
    labels = dict.fromkeys(_label(c, territory) for c, _ in inside)
    targets = dict.fromkeys((c.spot.kind, c.spot.key) for c, _ in inside)
    return GridChoice(grid, inside[0][0].score, tuple(labels)[:_MOST_LABELS], tuple(targets)[:_MOST_LABELS])


def _label(candidate: Candidate, territory: Territory) -> str:
    """Return a candidate in words: town, community, name, building."""
    site, spot = candidate.site, candidate.spot
    area = territory.describe(site.community)
    zone = site.zones[0] if site.quarter and site.zones else ""
    name = "" if site.kind == "area" else site.name.removeprefix(territory.name.get(site.community, "") or "|")
    building = f"{spot.number}号楼" if spot.number else ""
    return f"{area}{zone}{name}{building}"


def _question(
    best: dict[GridRef, tuple[Candidate, Wording]],
    order: list[GridRef],
    present: Sequence[tuple[Candidate, Wording]],
    parts: AddressParts,
    territory: Territory,
) -> AddressAnswer:
    top = best[order[0]][0].score
    level = [g for g in order if best[g][0].score >= top - _MARGIN]
    if len(level) > (_MOST_AREA_CHOICES if best[order[0]][0].site.kind == "area" else _MOST_CHOICES):
        said = parts.name or parts.community or "、".join(f"{b}号楼" for b in parts.buildings)
        return _refused(Refusal.TOO_VAGUE, said, parts)
    asked = [g for g in order if best[g][0].score >= max(top - _ASKED_BEHIND, _ASKED)][:_MOST_CHOICES]
    choices = tuple(_choice(g, present, territory, floor=top - _ASKED_BEHIND) for g in asked)
    question, english = _words([best[g][0] for g in asked], parts, territory)
    return AddressAnswer(Outcome.ASK, parts, choices=choices, question=question, question_en=english)


def _words(asked: list[Candidate], parts: AddressParts, territory: Territory) -> tuple[str, str]:
    """Put one question that tells the choices apart."""
    number = "、".join(f"{b}号楼" for b in parts.buildings)
    sites = {(c.site.community, c.site.name) for c in asked}
    if len(asked) == 1:
        words = _label(asked[0], territory)
        return f"您说的是{words}吗？", f"Do you mean {words}?"
    if len(sites) == 1:
        name = asked[0].site.name
        if parts.relation:
            return f"{name}{parts.relation}，更靠近哪一处？", f"Which side of {name} ({parts.relation})?"
        return f"{name}的哪一栋（哪一处）？", f"Which building of {name}?"
    names = {c.site.name for c in asked}
    if len(names) == 1:
        several_towns = len({c.site.town for c in asked}) == len(asked)
        level, english = ("镇", "town") if several_towns else ("社区", "community")
        what = f"{asked[0].site.name}{number}"
        return f"哪个{level}的{what}？", f"{what}: in which {english}?"
    if number and not parts.committee and all(c.spot.number in parts.buildings for c in asked):
        return f"哪个小区的{number}？", f"{number} of which compound?"
    return "您说的是哪一处？", "Which of these do you mean?"
