"""The ways to read a grid on a page: classes per theme, the rows of its tooltip, its label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from maps import palette
from maps.suppression import Mask, printed

if TYPE_CHECKING:
    from maps.view import CountyView, GridView
    from maps.words import Words

__all__ = ["FIELDS", "HATCHES", "Themes", "basis_text", "corner", "label_rows", "tooltip"]

Json = dict[str, Any]

_FILL: Final = 0.62
HATCHES: Final = (
    {"id": "hatch-missing", "angle": 45, "width": 2.2, "ground": "#FBE3E0", "ink": palette.MISSING},
    {"id": "hatch-group", "angle": 45, "width": 1.6, "ground": "#FFF3D6", "ink": "#B5761B"},
    {"id": "hatch-anchor", "angle": -45, "width": 1.6, "ground": "#E4EEF7", "ink": "#3F83B5"},
    {"id": "hatch-two", "angle": 45, "width": 1.6, "ground": "#F6DCD2", "ink": "#8A3B1E", "cross": True},
    {"id": "hatch-none", "angle": 0, "width": 1.0, "ground": "#FFFFFF", "ink": "#9A9A9A"},
)


@dataclass(frozen=True, slots=True)
class Themes:
    """The five ways to read a grid, each a list of classes and a class number per grid."""

    view: CountyView
    words: Words

    def listed(self) -> list[Json]:
        """Return the themes with their classes, in the order of `of`."""
        w, metres = self.words, f"{self.view.anchor_distance_m:g}"
        plain = [{"fill": c, "opacity": _FILL, "text": ""} for c in palette.PASTELS]
        hints = {
            "households": w("hint_households", basis=basis_text(self.view, w)),
            "anchors": w("hint_anchors", metres=metres),
        }
        classes = {
            "plain": plain,
            "households": [*_ramp(palette.household_classes()), _none(w("no_data"))],
            "workers": [
                *_ramp(palette.per_worker_classes()),
                _hatch("hatch-missing", w("no_worker")),
                _none(w("no_data")),
            ],
            "triangle": self._corners(),
            "anchors": [*_ramp(palette.share_classes()), _none(w("no_data"))],
        }
        return [
            {"id": t, "name": w(f"theme_{t}"), "hint": hints.get(t) or w(f"hint_{t}"), "classes": c}
            for t, c in classes.items()
        ]

    def _corners(self) -> list[Json]:
        w = self.words
        return [
            {"fill": "#BFE0C4", "opacity": 0.75, "text": w("complete")},
            _hatch("hatch-group", w("lacks_party_group")),
            _hatch("hatch-missing", w("lacks_gridworker")),
            _hatch("hatch-anchor", w("lacks_anchor")),
            _hatch("hatch-two", w("lacks_two")),
            {"fill": "#3A3A3A", "opacity": 0.85, "text": w("lacks_all")},
        ]

    def of(self, grid: GridView, colour: int, *, mask: Mask) -> list[int]:
        """Return the class number of a grid in each theme."""
        return [
            colour,
            _households(grid, mask=mask),
            _workers(grid, mask=mask),
            corner(grid),
            _near(grid, mask=mask),
        ]


def _ramp(classes: palette.Classes) -> list[Json]:
    return [{"fill": c, "opacity": 0.8, "text": t} for c, t in zip(classes.colours, classes.texts, strict=True)]


def _hatch(identity: str, text: str) -> Json:
    return {"fill": "", "hatch": identity, "opacity": 0.85, "text": text}


def _none(text: str) -> Json:
    return _hatch("hatch-none", text)


def _households(grid: GridView, *, mask: Mask) -> int:
    classes = palette.household_classes()
    return len(classes.colours) if mask or not grid.households else int(classes.of([grid.households])[0])


def _workers(grid: GridView, *, mask: Mask) -> int:
    classes = palette.per_worker_classes()
    if grid.per_worker is None:
        return len(classes.colours)
    return len(classes.colours) + 1 if mask or not grid.households else int(classes.of([grid.per_worker])[0])


def _near(grid: GridView, *, mask: Mask) -> int:
    classes = palette.share_classes()
    return len(classes.colours) if mask or grid.near_share is None else int(classes.of([grid.near_share])[0])


def corner(grid: GridView) -> int:
    """Return the triangle class: 0 complete, 1–3 lacks group, worker or anchor, 4 two missing, 5 all."""
    workers = grid.full_time + grid.professional + grid.part_time
    missing = [i for i, there in enumerate((grid.party_groups, workers, grid.anchors), start=1) if not there]
    return missing[0] if len(missing) == 1 else (0, 0, 4, 5)[len(missing)]


def basis_text(view: CountyView, words: Words) -> str:
    """Return what the household figures count, in the language of the page."""
    return (
        view.household_basis
        if words.lang == "zh"
        else ("resident households" if view.household_basis == "常住户数" else view.household_basis)
    )


FIELDS: Final = (
    "code",
    "community",
    "town",
    "households",
    "persons",
    "full_time",
    "professional",
    "part_time",
    "per_worker",
    "party_group",
    "anchor_household",
    "triangle",
    "near_share",
    "linked_share",
    "owner_unit",
    "change",
    "members",
)


def _percent(share: float | None, *, coarse: bool) -> str | None:
    if share is None:
        return None
    classes = palette.share_classes()
    return classes.texts[int(classes.of([share])[0])] if coarse else f"{100 * share:.0f}%"


def tooltip(grid: GridView, words: Words, *, mask: Mask, public: bool) -> list[str | None]:
    """Return the tooltip of a base grid in the order of `FIELDS`, its name first."""
    worker = None if mask or grid.per_worker is None else f"{grid.per_worker:.0f}"
    return [
        grid.name,
        grid.code,
        grid.community,
        grid.town,
        printed(grid.households, mask=mask),
        printed(grid.persons, mask=mask) if grid.persons else None,
        str(grid.full_time),
        str(grid.professional),
        str(grid.part_time),
        worker,
        str(grid.party_groups),
        str(grid.anchors),
        _corner_text(grid, words),
        None if mask else _percent(grid.near_share, coarse=public),
        None if mask else _percent(grid.linked_share, coarse=public),
        None,
        words(grid.change.value) if grid.change else None,
        "、".join(grid.members) if words.lang == "zh" else ", ".join(grid.members),
    ]


def _corner_text(grid: GridView, words: Words) -> str:
    there = (grid.party_groups, grid.full_time + grid.professional + grid.part_time, grid.anchors)
    names = ("lacks_party_group", "lacks_gridworker", "lacks_anchor")
    missing = [words(name) for name, count in zip(names, there, strict=True) if not count]
    return "、".join(missing) or words("complete")


def label_rows(grid: GridView, words: Words, *, alone: bool, mask: Mask) -> list[list[str]]:
    """Return the label in three sizes, largest first; a grid `alone` in its village is called by the village."""
    serial = grid.serial or grid.short_name
    count = words.households(printed(grid.households, mask=mask))
    if alone:
        return [[grid.community, f"{serial} · {count}"], [grid.community, count], [grid.community]]
    full = [grid.short_name, f"{serial} · {count}" if serial not in grid.short_name else count]
    return [full, [serial, count], [serial]]
