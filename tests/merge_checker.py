"""An independent checker of merge proposals: it shares no code with the optimiser and adds up in rationals.

Everything is taken from plain lists, turned into exact fractions, and compared with what a proposal claims.
"""

from __future__ import annotations

from fractions import Fraction


def complaints(plan, *, loads, parents, perimeters, shared, joins, wishes, weights, claimed):
    """Return what is wrong with a plan.

    `shared` maps (i, j) to metres, `joins` is the set of neighbour pairs, `wishes` a dict of the constraints,
    `claimed` the objective.
    """
    found = _membership(plan, len(loads))
    for group in plan:
        if len({parents[u] for u in group}) > 1:
            found.append(f"{group} crosses parents")
        if not _hangs_together(group, joins) and tuple(group) not in wishes.get("fixed", ()):
            found.append(f"{group} is not connected")
    found += _broken_wishes(plan, loads, parents, wishes)
    exact = objective(plan, loads=loads, perimeters=perimeters, shared=shared, weights=weights)
    if abs(float(exact) - claimed) > 1e-9 * max(1.0, abs(claimed)):
        found.append(f"objective {claimed} is not {float(exact)}")
    return found


def objective(plan, *, loads, perimeters, shared, weights):
    """Return the objective as an exact fraction."""
    exact = [Fraction(float(w)) for w in loads]
    total, count = sum(exact), len(plan)
    target = total / count
    sums = [sum(exact[u] for u in group) for group in plan]
    balance = sum((s / target - 1) ** 2 for s in sums) / count
    rim = [Fraction(float(p)) for p in perimeters]
    where = {u: n for n, group in enumerate(plan) for u in group}
    inside = sum(Fraction(float(m)) for (i, j), m in shared.items() if where[i] == where[j])
    compactness = (sum(rim) - 2 * inside) / sum(rim) if sum(rim) else Fraction(0)
    moved = sum(s - max(exact[u] for u in group) for s, group in zip(sums, plan, strict=True))
    b, c, d = (Fraction(float(w)) for w in weights)
    return b * balance + c * compactness + d * moved / total


def _membership(plan, count):
    flat = sorted(u for group in plan for u in group)
    return [] if flat == list(range(count)) else ["the groups are no partition of the units"]


def _hangs_together(group, joins):
    left, reached = set(group[1:]), [group[0]]
    while reached:
        here = reached.pop()
        step = {u for u in left if (min(u, here), max(u, here)) in joins}
        left -= step
        reached += step
    return not left


def _broken_wishes(plan, loads, parents, wishes):
    found = []
    slack = 1e-9
    for group in plan:
        held, load = set(group), sum(Fraction(float(loads[u])) for u in group)
        if wishes.get("max_load") is not None and load > wishes["max_load"] * (1 + slack):
            found.append(f"{group} is above the limit")
        if wishes.get("min_load") is not None and load < wishes["min_load"] * (1 - slack):
            found.append(f"{group} is below the limit")
        if len(group) > 1 and held & set(wishes.get("keep", ())):
            found.append(f"{group} merges a kept unit")
        found += [
            f"{both} are torn" for both in wishes.get("together", ()) if 0 < len(held & set(both)) < len(set(both))
        ]
        found += [f"{both} are merged" for both in wishes.get("apart", ()) if len(held & set(both)) > 1]
    for fixed in wishes.get("fixed", ()):
        if tuple(sorted(fixed)) not in {tuple(sorted(group)) for group in plan}:
            found.append(f"{fixed} did not stay")
    for label, count in wishes.get("counts", {}).items():
        low, high = (count, count) if isinstance(count, int) else count
        held = wishes.get("regions", {}).get(label, (label,))
        if not low <= sum(parents[group[0]] in held for group in plan) <= high:
            found.append(f"{label} has not {count} groups")
    return found
