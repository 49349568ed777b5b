"""The kinds of edits a plan is made of, read from its log and carried out on the coverage.

An edit is a flat mapping with the word `op` and these fields; grids are named by id, places are ``[lon, lat]`` in
CGCS2000 degrees, vertices that are there already ``[x, y]`` in lattice numbers (10⁻⁹ degree), so that a log means the
same for ever:

========== ==================================================================================================
merge      `grids`, `into` (one of them)
split      `grid`, `line` or `lines`, `id` or `ids` of the new parts, `names`
split_by   `grid`, `line_id` or `name` of a stored street or river, `id` or `ids`, `names`, `reach_m`
transfer   `from`, `to`, and `line`/`lines` (`inside`: a place in the piece to go) or `piece`: its outline
dissolve   `grid`, `into`, and `line`/`lines` along which it is cut first
move_node  `node`, `to` (a place)
move_edge  `edge`: both ends of the segment, `to` (a place)
rename     `grid`, `name`
set_kind   `grid`, `kind`, `owner_unit`; a base grid that becomes an overlay leaves its ground as in dissolve
========== ==================================================================================================

Borders of communities and the outer boundary follow from the areas: no edit moves them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geo import crs
from geo.errors import Refused, Where
from geo.model import GridKind
from geo.topology.edits import Dissolve, Merge, MoveEdge, MoveNode, Split, Transfer
from geo.topology.edits.moving import faces_at, faces_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from geo.model import Grid
    from geo.topology.coverage import Coverage

__all__ = ["KINDS", "Sketch", "carry_out", "named_by_hand"]

_MOST_VERTICES: Final = 20_000
_MOST_LINES: Final = 1_000
_MOST_NAME: Final = 100
_FURTHEST: Final = (180.0, 90.0)

Edit = "Mapping[str, Any]"
Line = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What edits work on.

    Attributes
    ----------
    coverage : Coverage
        Outlines of the base grids.
    facts : mapping
        Base grid by id.
    overlays : mapping
        Grid of the other kinds by id.
    """

    coverage: Coverage
    facts: Mapping[str, Grid]
    overlays: Mapping[str, Grid] = field(default_factory=dict)


def carry_out(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    """Return what one edit makes.

    Raises
    ------
    Refused
        The edit is of no known kind, misses a field, or does not fit; `where` names the grid as people call it.
    NotFound
        It names a grid that is not there.
    """
    word = str(edit.get("op", ""))
    step = _STEPS.get(word)
    if step is None:
        raise Refused(f"{word!r} is no edit", code="edit-unknown", remedy=f"edits: {', '.join(KINDS)}")
    try:
        return step(sketch, edit)
    except KeyError as error:
        raise Refused(f"a {word} edit needs the field {error.args[0]!r}", code="edit-incomplete") from error
    except Refused as error:
        known = sketch.facts.get(error.where.feature or "")
        if known is not None:
            error.where = replace(error.where, feature=known.name)
        raise


def named_by_hand(edits: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of the grids whose name some edit chose."""
    found: set[str] = set()
    for edit in edits:
        if edit.get("op") in ("rename", "set_kind") and edit.get("name"):
            found.add(str(edit["grid"]))
        elif edit.get("op") in ("split", "split_by") and edit.get("names"):
            found.update(_ids(edit))
    return found


# -- the kinds ---------------------------------------------------------------------------------------------
def _merge(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    members, into = tuple(str(g) for g in edit["grids"]), str(edit["into"])
    for member in members:
        sketch.coverage.position(member)
    if into in members:
        _require_one_community(sketch, members, into, what="grids of different communities cannot be merged")
    coverage = Merge(members, into).apply(sketch.coverage)
    return replace(sketch, coverage=coverage, facts=_left(sketch.facts, coverage))


def _split(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    grid_id, ids = str(edit["grid"]), _ids(edit)
    if any(i in sketch.overlays for i in ids):
        raise Refused("this id is another grid's", code="id-taken", remedy="give ids that are not in use")
    coverage = Split(grid_id, _lines(edit), ids).apply(sketch.coverage)
    names = [_checked_name(n) for n in edit.get("names") or ()]
    if names and len(names) != len(ids):
        raise Refused("give one name for each new part", code="split-names", where=Where(feature=grid_id))
    made = replace(sketch, coverage=coverage, facts=dict(sketch.facts))
    for number, part in enumerate(ids):
        name = names[number] if names else _free_name(made, grid_id)
        new = replace(sketch.facts[grid_id], id=part, name=name, code=None, local_code=None, source_key="")
        _require_free_name(made, new)
        made = replace(made, facts=_with(made.facts, new))
    return made


def _transfer(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    source, target = str(edit["from"]), str(edit["to"])
    for grid_id in (source, target):
        sketch.coverage.position(grid_id)
    _require_one_community(sketch, (source, target), source, what="ground stays within its community")
    area = "piece" in edit
    lines = _rings(edit["piece"]) if area else _lines(edit)
    # Not `at`: that is when the edit was made.
    at = _place(edit["inside"]) if "inside" in edit and not area else None
    coverage = Transfer(source, target, lines, area=area, at=at).apply(sketch.coverage)
    return replace(sketch, coverage=coverage)


def _dissolve(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    grid_id, into = str(edit["grid"]), edit.get("into")
    sketch.coverage.position(grid_id)
    if into is not None:
        sketch.coverage.position(str(into))
        _require_one_community(sketch, (grid_id, str(into)), grid_id, what="ground stays within its community")
    own = sketch.facts[grid_id].community_code
    among = tuple(i for i, g in sketch.facts.items() if g.community_code == own and i != grid_id)
    lines = _lines(edit) if "line" in edit or "lines" in edit else ()
    coverage = Dissolve(grid_id, None if into is None else str(into), lines, among).apply(sketch.coverage)
    return replace(sketch, coverage=coverage, facts=_left(sketch.facts, coverage))


def _move_node(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    node, to = _vertex(edit["node"]), _place(edit["to"])
    _require_inside_community(sketch, faces_at(sketch.coverage, node))
    return replace(sketch, coverage=MoveNode(node, to).apply(sketch.coverage))


def _move_edge(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    ends = list(edit["edge"])
    if len(ends) != 2:  # noqa: PLR2004 - a segment has two ends
        raise Refused("a segment has two ends", code="edge-unknown", remedy="give both as [x, y] lattice numbers")
    segment, to = (_vertex(ends[0]), _vertex(ends[1])), _place(edit["to"])
    _require_inside_community(sketch, faces_beside(sketch.coverage, segment))
    return replace(sketch, coverage=MoveEdge(segment, to).apply(sketch.coverage))


def _rename(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    grid_id, name = str(edit["grid"]), _checked_name(edit["name"])
    if grid_id not in sketch.overlays:
        sketch.coverage.position(grid_id)
    known = sketch.overlays.get(grid_id) or sketch.facts[grid_id]
    named = replace(known, name=name)
    if name != known.name:
        _require_free_name(sketch, named)
    if grid_id in sketch.overlays:
        return replace(sketch, overlays=_with(sketch.overlays, named))
    return replace(sketch, facts=_with(sketch.facts, named))


def _set_kind(sketch: Sketch, edit: Mapping[str, Any]) -> Sketch:
    grid_id, kind = str(edit["grid"]), _kind(edit["kind"])
    known = sketch.overlays.get(grid_id)
    if known is None:
        sketch.coverage.position(grid_id)
        known = replace(sketch.facts[grid_id], geometry=sketch.coverage.polygon(grid_id))
    if known.kind is kind:
        raise Refused(f"this grid is {kind.value} already", code="kind-same", where=Where(feature=known.name))
    if kind is GridKind.BASE:
        raise Refused(
            "a grid of another layer has no ground of its own to become a base grid",
            code="overlay-ground",
            where=Where(feature=known.name),
            remedy="split the base grid it lies in along its outline",
        )
    unit = str(edit.get("owner_unit") or known.owner_unit)
    name = _checked_name(edit["name"]) if "name" in edit else known.name
    turned = replace(known, name=name, kind=kind, owner_unit=unit)
    if name != known.name or _name_space(turned) != _name_space(known):
        _require_free_name(sketch, turned)
    rest = _dissolve(sketch, edit) if grid_id in sketch.facts else sketch
    return replace(rest, overlays=_with(rest.overlays, turned))


_STEPS: Final[dict[str, Callable[[Sketch, Mapping[str, Any]], Sketch]]] = {
    "dissolve": _dissolve,
    "merge": _merge,
    "move_edge": _move_edge,
    "move_node": _move_node,
    "rename": _rename,
    "set_kind": _set_kind,
    "split": _split,
    "split_by": _split,
    "transfer": _transfer,
}
KINDS: Final = tuple(_STEPS)


# -- what is refused ---------------------------------------------------------------------------------------
def _require_one_community(sketch: Sketch, grids: Sequence[str], named: str, *, what: str) -> None:
    if len({sketch.facts[g].community_code for g in grids}) > 1:
        raise Refused(
            what,
            code="other-community",
            where=Where(feature=sketch.facts[named].name),
            remedy="stay within one community",
        )


def _require_inside_community(sketch: Sketch, faces: Sequence[int]) -> None:
    """Refuse to move a line between communities; the outer boundary is the topology's to refuse."""
    ids = [sketch.coverage.ids[f] for f in faces if f >= 0]
    if len({sketch.facts[i].community_code for i in ids}) > 1:
        raise Refused(
            "this line parts two communities; redrawing grids does not move it",
            code="community-line",
            where=Where(feature=sketch.facts[ids[0]].name),
            remedy="move a line between grids of one community; import the areas anew to change theirs",
        )


def _require_free_name(sketch: Sketch, grid: Grid) -> None:
    """Refuse a name that another grid of the community bears: two of one name cannot be told apart by people."""
    others = (*sketch.facts.values(), *sketch.overlays.values())
    if any(g.id != grid.id and g.name == grid.name and _name_space(g) == _name_space(grid) for g in others):
        known = sketch.overlays.get(grid.id) or sketch.facts.get(grid.id, grid)
        raise Refused(
            f"another grid of this community is called {grid.name}",
            code="name-taken",
            where=Where(feature=known.name),
            remedy="give another name, or rename that grid first",
        )


def _name_space(grid: Grid) -> tuple[str, GridKind]:
    """Return where names are told apart: base and exclusive grids of a community together, other layers each."""
    return grid.community_code, GridKind.BASE if grid.kind is GridKind.EXCLUSIVE else grid.kind


# -- reading fields ----------------------------------------------------------------------------------------
def _left(facts: Mapping[str, Grid], coverage: Coverage) -> dict[str, Grid]:
    kept = set(coverage.ids)
    return {i: g for i, g in facts.items() if i in kept}


def _with(facts: Mapping[str, Grid], grid: Grid) -> dict[str, Grid]:
    return {**facts, grid.id: grid}


def _ids(edit: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(i) for i in edit["ids"]) if "ids" in edit else (str(edit["id"]),)


def _kind(word: Any) -> GridKind:
    try:
        return GridKind(str(word))
    except ValueError as error:
        kinds = ", ".join(k.value for k in GridKind)
        raise Refused(
            f"{str(word)[:40]!r} is no kind of grid", code="kind-unknown", remedy=f"kinds: {kinds}"
        ) from error


def _checked_name(name: Any) -> str:
    plain = str(name).strip()
    if not plain:
        raise Refused("a grid needs a name", code="name-empty")
    if len(plain) > _MOST_NAME or not plain.isprintable():
        raise Refused(f"a name has at most {_MOST_NAME} characters and no control marks", code="name-invalid")
    return plain


def _free_name(sketch: Sketch, grid_id: str) -> str:
    """Return the parent's name with the first number that no grid of the community bears."""
    parent = sketch.facts[grid_id]
    others = (*sketch.facts.values(), *sketch.overlays.values())
    taken = {g.name for g in others if _name_space(g) == _name_space(parent)}
    number = 2
    while f"{parent.name}（{number}）" in taken:
        number += 1
    return f"{parent.name}（{number}）"


def _lines(edit: Mapping[str, Any]) -> tuple[Line, ...]:
    return _checked_lines(edit["lines"] if "lines" in edit else [edit["line"]])


def _rings(piece: Any) -> tuple[Line, ...]:
    """Return the closed rings of an outline: one ring of places, or a list of rings."""
    nested = _is_list(piece) and len(piece) > 0 and _is_list(piece[0]) and len(piece[0]) > 0 and _is_list(piece[0][0])
    rings = _checked_lines(piece if nested else [piece])
    return tuple(ring if ring[0] == ring[-1] else (*ring, ring[0]) for ring in rings)


def _checked_lines(lines: Any) -> tuple[Line, ...]:
    if not _is_list(lines) or not 0 < len(lines) <= _MOST_LINES:
        raise _bad_line()
    if sum(len(line) if _is_list(line) else 0 for line in lines) > _MOST_VERTICES:
        raise Refused(f"lines have at most {_MOST_VERTICES} vertices", code="line-long", remedy="simplify them")
    made = tuple(tuple(_place(p) for p in line) for line in lines if _is_list(line))
    if len(made) < len(lines) or any(len(set(line)) < 2 for line in made):  # noqa: PLR2004 - a line has two ends
        raise _bad_line()
    return made


def _bad_line() -> Refused:
    return Refused("a line is a list of two places or more", code="line-invalid", remedy="places: [lon, lat]")


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _place(pair: Any) -> tuple[int, int]:
    """Return the lattice point nearest to a place in degrees."""
    numbers = isinstance(pair, (list, tuple)) and len(pair) == 2 and all(_is_number(v) for v in pair)  # noqa: PLR2004
    if not numbers or not all(abs(v) <= most for v, most in zip(pair, _FURTHEST, strict=True)):
        raise Refused("a place is [lon, lat] in degrees", code="place-invalid", remedy="CGCS2000, longitude first")
    x, y = crs.to_lattice(np.array(pair, np.float64)).tolist()
    return int(x), int(y)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _vertex(pair: Any) -> tuple[int, int]:
    whole = isinstance(pair, (list, tuple)) and len(pair) == 2 and all(type(v) is int for v in pair)  # noqa: PLR2004
    if not whole or any(abs(v) > 180 * crs.LATTICE_PER_DEGREE for v in pair):
        raise Refused("a vertex is [x, y] in lattice numbers (10⁻⁹ degree)", code="node-unknown")
    return pair[0], pair[1]
