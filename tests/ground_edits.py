"""Edits of the county of plans that can be made again and again: what one made, the next of its kind takes back.

A place is a number; the same number twice is the same ground. What an edit must do is told from shapes alone.
"""

from __future__ import annotations

import shapely

from geo.crs import from_lattice, snap_geometry, to_lattice
from geo.topology.invariants import verify
from tests import plan_county as county

KINDS = ("rename", "merge", "move", "transfer")
# Pairs of (kind, place) for two planners: on ground apart, and on the same ground.
APART = (
    (("rename", 0), ("rename", 1)),
    (("merge", 0), ("move", 0)),
    (("transfer", 0), ("merge", 1)),
    (("move", 1), ("transfer", 1)),
)
TOGETHER = (
    (("merge", 0), ("transfer", 2)),
    (("move", 0), ("move", 0)),
    (("transfer", 0), ("transfer", 0)),
)
_COLUMN_OF_PIECE = (3, 2, 1)
_BENT = (0.2, 0.1)


def spot(x, y):
    """Return [lon, lat] of a place in cells of the county's lattice."""
    return [county.LON + x * county.WIDE, county.LAT + y * county.HIGH]


def streets_across(column, row, *, ways=5):
    """Return rows of streets, so many each way, that cut a grid into blocks; the house in its middle stands clear."""
    places = [0.15 + 0.2 * k for k in range(ways)]
    ends = [((column + p, row - 0.1), (column + p, row + 1.1)) for p in places]
    ends += [((column - 0.1, row + p), (column + 1.1, row + p)) for p in places]
    return [
        {
            "source_key": f"street-{column}{row}-{n}",
            "kind": "road",
            "name": f"横{n}路",
            "geometry": shapely.LineString([spot(*a), spot(*b)]),
        }
        for n, (a, b) in enumerate(ends)
    ]


def outlines(drawing):
    return dict(zip(drawing.coverage.ids, drawing.coverage.polygons(), strict=True))


def owner(drawing, x, y):
    """Return the id of the grid that holds a place."""
    (found,) = [i for i, shape in outlines(drawing).items() if shape.contains(shapely.Point(spot(x, y)))]
    return found


def next_edit(drawing, kind, place, *, word):
    """Return the edit of a kind at a place that a planner draws on what is seen; `word` makes names and ids new."""
    return {"rename": _rename, "merge": _merge, "move": _move, "transfer": _transfer}[kind](drawing, place, word)


def _rename(drawing, place, word):
    return {"op": "rename", "grid": owner(drawing, 0.5 + 5 * place, 0.5 + place), "name": f"{word}的网格"}


def _merge(drawing, place, word):
    west, east = (owner(drawing, x + 0.5, place + 0.5) for x in (0, 1))
    if west != east:
        return {"op": "merge", "grids": [west, east], "into": west}
    return {"op": "split", "grid": west, "line": [spot(1, place - 0.1), spot(1, place + 1.1)], "id": f"new-{word}"}


def _move(drawing, place, word):
    home, bent = (5 + place, 1), (_BENT if word.startswith("A") else tuple(-b for b in _BENT))
    aim = (home[0] + bent[0], home[1] + bent[1])
    known = {tuple(node) for node in drawing.coverage.nodes().tolist()}
    places = [home, *((home[0] + s * _BENT[0], home[1] + s * _BENT[1]) for s in (1, -1))]
    (now,) = [p for p in places if tuple(to_lattice(spot(*p)).tolist()) in known]
    to = home if now == aim else aim
    return {"op": "move_node", "node": to_lattice(spot(*now)).tolist(), "to": spot(*to)}


def _transfer(drawing, place, word):
    column = _COLUMN_OF_PIECE[place]
    piece = snap_geometry(shapely.box(*spot(column + 0.3, 0.8), *spot(column + 0.7, 1)))
    holds, below, above = (owner(drawing, column + 0.5, y) for y in (0.9, 0.7, 1.1))
    to = above if holds == below else below
    return {"op": "transfer", "from": holds, "to": to, "piece": shapely.get_coordinates(piece).tolist()}


def require_done(before, after, edit):
    """Assert that a drawing after an edit is the one before with that edit done, and nothing else changed."""
    assert verify(after.coverage) == ()
    old, new = outlines(before), outlines(after)
    expected = dict(old)
    if edit["op"] == "merge":
        for grid in edit["grids"]:
            expected.pop(grid)
        expected[edit["into"]] = shapely.union_all([old[grid] for grid in edit["grids"]])
    elif edit["op"] == "split":
        parts = {grid: new[grid] for grid in (edit["grid"], edit["id"])}
        assert shapely.union_all(list(parts.values())).equals(old[edit["grid"]])
        assert all(0.3 < part.area / old[edit["grid"]].area < 0.7 for part in parts.values())
        expected.update(parts)
    elif edit["op"] == "transfer":
        piece = shapely.Polygon(edit["piece"])
        expected[edit["to"]] = old[edit["to"]].union(piece)
        expected[edit["from"]] = old[edit["from"]].difference(piece)
    elif edit["op"] == "move_node":
        was, now = from_lattice(edit["node"]), from_lattice(to_lattice(edit["to"]))
        expected = {grid: shapely.transform(shape, lambda xy: _with_node(xy, was, now)) for grid, shape in old.items()}
    else:
        assert after.facts[edit["grid"]].name == edit["name"]
    assert new.keys() == expected.keys()
    assert all(new[grid].equals(shape) for grid, shape in expected.items())


def _with_node(xy, was, now):
    moved = xy.copy()
    moved[(xy == was).all(axis=1)] = now
    return moved
