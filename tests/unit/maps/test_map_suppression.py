"""No count of 1–4 can be read or reckoned from what a public edition prints."""

import dataclasses
import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from maps.suppression import NOTHING, Mask, Sum, county_sums, printed, withheld, withheld_grids
from tests.unit.maps.sample_county import sample_county


def solutions(counts, found, sums, ceiling=14):
    """Every assignment of the hidden cells a reader cannot exclude (small ranges only)."""
    order = sorted(found.cells)
    ranges = [range(1, 5) if found.of(c) is Mask.HIDDEN and 0 < counts[c] < 5 else range(ceiling) for c in order]
    for values in itertools.product(*ranges):
        tried = {**counts, **dict(zip(order, values, strict=True))}
        if all(tried[s.total] == sum(tried[p] for p in s.parts) for s in sums):
            yield dict(zip(order, values, strict=True))


@given(st.lists(st.integers(0, 12), min_size=2, max_size=4))
@example([1, 1, 1, 1])
@example([4, 4])
@settings(max_examples=60, deadline=None)
def test_a_reader_finds_two_values_for_every_small_cell(values):
    counts = {f"c{i}": v for i, v in enumerate(values)} | {"total": sum(values)}
    sums = [Sum("total", tuple(f"c{i}" for i in range(len(values))))]
    found = withheld(counts, sums)
    small = {c for c, v in counts.items() if 0 < v < 5}
    assert small <= found.cells
    seen = {c: {counts[c]} for c in small}
    for solution in solutions(counts, found, sums):
        for cell in small:
            seen[cell].add(solution[cell])
        if all(len(v) > 1 for v in seen.values()):
            break
    assert all(len(v) > 1 for v in seen.values())


def test_a_lone_small_grid_takes_the_least_telling_neighbour_with_it():
    counts = {"a": 3, "b": 50, "c": 9, "sum": 62}
    assert withheld(counts, [Sum("sum", ("a", "b", "c"))]).cells == {"a", "c"}


def test_a_village_of_one_grid_takes_its_total_with_it():
    counts = {"v": 2, "village": 2, "town": 100, "other": 98}
    hidden = withheld(counts, [Sum("village", ("v",)), Sum("town", ("village", "other"))])
    assert {"v", "village", "other"} <= hidden.cells


def test_sums_over_two_versions_are_seen_through():
    counts = {"old1": 4, "old2": 30, "new": 34}
    hidden = withheld(counts, [Sum("new", ("old1", "old2"))]).cells
    assert hidden in ({"old1", "old2"}, {"old1", "new"})


def test_nothing_small_nothing_withheld():
    assert withheld({"a": 5, "b": 0, "t": 5}, [Sum("t", ("a", "b"))]) == NOTHING


def test_what_is_printed():
    assert printed(3, mask=Mask.HIDDEN) == "<5"
    assert printed(3, mask=Mask.VEILED) == "*"
    assert printed(50, mask=Mask.HIDDEN) == "*"
    assert printed(50, mask=Mask.OPEN) == "50"


def test_a_county_with_small_grids_gives_none_away():
    view = sample_county()
    first = view.before[0]
    small = dataclasses.replace(first, households=3, persons=6)
    after = tuple(
        dataclasses.replace(g, households=g.households - first.households + 3, persons=g.persons - first.persons + 6)
        if first.id in g.member_ids
        else g
        for g in view.after
    )
    changed = dataclasses.replace(view, before=(small, *view.before[1:]), after=after)
    hidden = withheld_grids(changed)
    assert f"before:{first.id}" in hidden
    for one in county_sums(changed):
        cells = {one.total, *one.parts}
        if f"before:{first.id}" in cells:
            assert len(cells & hidden.cells) >= 2


def test_a_county_without_small_grids_hides_nothing():
    assert withheld_grids(sample_county()) == NOTHING
