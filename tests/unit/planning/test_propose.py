"""Proposals: status, proof, wishes, conflicts in words, stopping, alternatives, curves, reasons."""

from __future__ import annotations

import math

import pytest

from geo.errors import Refused
from geo.planning import (
    Constraints,
    Status,
    StopSearch,
    Weights,
    curve,
    explain,
    measure,
    propose,
    trade_off,
    units_from_polygons,
)
from tests.coverages import town
from tests.merge_checker import complaints


def made(count, *, seed=1, parents=0, spread=0.5):
    cells, loads, labels = town(count, seed=seed, parents=parents, spread=spread)
    return units_from_polygons(cells, loads=loads, parents=labels, ids=[f"第{k + 1}网格" for k in range(count)])


def check(units, proposal, constraints=None, weights=None):
    wishes, w = constraints or Constraints(), weights or Weights()
    pairs = units.pairs.tolist()
    return complaints(
        proposal.groups,
        loads=units.loads.tolist(),
        parents=[units.parent_of(k) for k in range(len(units))],
        perimeters=units.perimeters_m.tolist(),
        shared={tuple(p): m for p, m in zip(pairs, units.shared_m.tolist(), strict=True)},
        joins={tuple(p) for p, j in zip(pairs, units.joins.tolist(), strict=True) if j},
        wishes={
            name: getattr(wishes, name)
            for name in ("keep", "together", "apart", "fixed", "min_load", "max_load", "counts", "regions")
        },
        weights=(w.balance, w.compactness, w.disruption),
        claimed=proposal.objective,
    )


@pytest.fixture(scope="module")
def county():
    return made(163, parents=14)


@pytest.fixture(scope="module")
def best(county):
    return propose(county, groups=114)


def test_a_county_is_proven(county, best):
    assert best.status is Status.OPTIMAL
    assert best.gap == 0.0
    assert best.bound <= best.objective
    assert len(best.groups) == best.count == 114
    assert check(county, best) == []


def test_the_same_seed_gives_the_same_plan(county, best):
    again = propose(county, groups=114)
    assert (again.groups, again.objective, again.bound) == (best.groups, best.objective, best.bound)


def test_without_parents_and_uneven_loads():
    units = made(163, spread=1.2)
    found = propose(units, groups=114)
    assert found.status is Status.OPTIMAL
    assert check(units, found) == []


def test_loads_need_not_be_whole():
    cells, loads, _ = town(80, seed=5)
    units = units_from_polygons(cells, loads=loads * math.pi)
    whole = units_from_polygons(cells, loads=loads)
    one, two = propose(units, groups=55), propose(whole, groups=55)
    assert one.objective == pytest.approx(two.objective, rel=1e-6)


def test_many_empty_units():
    cells, loads, _ = town(60, seed=6)
    loads[::3] = 0
    units = units_from_polygons(cells, loads=loads)
    found = propose(units, groups=45, time_limit=20)
    assert found.status is Status.OPTIMAL
    assert check(units, found) == []


def test_wishes_hold(county):
    target = county.total_load / 114
    pair = tuple(county.pairs[county.joins][0].tolist())
    others = tuple(county.pairs[county.joins][40].tolist())
    label = county.parent_of(100)
    size = int((county.parents == county.parents[100]).sum())
    wishes = Constraints(
        keep=(50, 51), together=(pair,), apart=(others,), max_load=target * 3, counts={label: (size - 3, size - 2)}
    )
    found = propose(county, groups=114, constraints=wishes)
    assert found.status is Status.OPTIMAL
    assert check(county, found, wishes) == []


def test_a_region_counts_its_parents_together(county):
    labels = county.parent_labels
    wishes = Constraints(counts={"镇": 30, labels[0]: 5}, regions={"镇": labels[:5]})
    found = propose(county, groups=114, constraints=wishes)
    assert found.status is Status.OPTIMAL
    assert check(county, found, wishes) == []
    most = sum(county.parent_of(k) in labels[:5] for k in range(len(county)))
    wrong = propose(county, groups=114, constraints=Constraints(counts={"镇": most + 1}, regions={"镇": labels[:5]}))
    assert wrong.status is Status.INFEASIBLE
    assert [s.zh for s in wrong.conflict] == [f"镇为{most + 1}个网格"]


def test_together_without_a_common_border():
    units = made(16)
    wishes = Constraints(together=((0, 15),))
    found = propose(units, groups=6, constraints=wishes)
    assert found.status is Status.OPTIMAL
    assert check(units, found, wishes) == []


def test_one_area_is_planned_anew(county, best):
    wishes = Constraints().fixing_outside(best.groups, area=range(30))
    found = propose(county, groups=113, constraints=wishes)
    assert found.status is Status.OPTIMAL
    assert check(county, found, wishes) == []
    assert set(wishes.fixed) <= set(found.groups)


def test_a_band_takes_its_best_count():
    units = made(40)
    single = {k: propose(units, groups=k).objective for k in range(28, 33)}
    found = propose(units, groups=(28, 32))
    assert found.count == min(single, key=single.get)
    assert found.objective == pytest.approx(min(single.values()))
    assert found.status is Status.OPTIMAL


def test_fewest_groups_under_a_limit():
    units = made(30)
    limit = units.total_load / 7
    found = propose(units, groups="fewest", constraints=Constraints(max_load=limit))
    assert found.status is Status.OPTIMAL
    assert found.count >= 8
    fewer = propose(units, groups=found.count - 1, constraints=Constraints(max_load=limit))
    assert fewer.status is Status.INFEASIBLE
    assert check(units, found, Constraints(max_load=limit)) == []


@pytest.mark.parametrize(
    ("groups", "wishes", "zh"),
    [
        (3, {}, ("合并为3个网格（按邻接和归属只能是16至163个）",)),
        (114, {"max_load": 10.0}, ("每个网格不超过10（第",)),
        (163, {"together": ((0, 1),)}, ("合并为163个网格", "第1网格、第2网格并在一起")),
        (
            114,
            {"keep": (0,), "together": ((0, 1),), "apart": ((5, 6),)},
            ("保留第1网格不合并", "第1网格、第2网格并在一起"),
        ),
    ],
)
def test_the_conflict_is_named(county, groups, wishes, zh):
    found = propose(county, groups=groups, constraints=Constraints(**wishes))
    assert found.status is Status.INFEASIBLE
    assert found.objective is None
    assert len(found.conflict) == len(zh)
    assert all(saying.zh.startswith(text) for saying, text in zip(found.conflict, zh, strict=True))
    assert all(saying.en for saying in found.conflict)


def test_every_named_wish_is_needed():
    units = made(25)
    limits = {"max_load": units.total_load / 9, "min_load": units.total_load / 100}
    found = propose(units, groups=9, constraints=Constraints(**limits))
    assert found.status is Status.INFEASIBLE
    assert [saying.en.split(" ")[:3] for saying in found.conflict] == [["merge", "into", "9"], ["no", "group", "above"]]
    assert propose(units, groups=12, constraints=Constraints(**limits)).status is Status.OPTIMAL
    assert propose(units, groups=9, constraints=Constraints(min_load=limits["min_load"])).status is Status.OPTIMAL


def test_a_stop_returns_the_best_so_far(county):
    def stop(share, saying):
        if saying != "first plan":
            raise StopSearch

    found = propose(county, groups=114, progress=stop)
    assert found.status is Status.FEASIBLE
    assert found.bound < found.objective
    assert check(county, found) == []


def test_other_errors_of_a_callback_come_out(county):
    def fail(share, saying):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        propose(county, groups=114, progress=fail)


def test_no_time_at_all_is_honest(county):
    found = propose(county, groups=114, time_limit=0.0)
    assert found.status is Status.UNKNOWN
    assert found.groups == ()


def test_alternatives_differ_and_rank(county, best):
    found = propose(county, groups=114, alternatives=2)
    plans = [found, *found.alternatives]
    assert [p.objective for p in plans] == sorted(p.objective for p in plans)
    assert len(found.alternatives) == 2
    for number, later in enumerate(plans[1:], start=1):
        assert check(county, later) == []
        for earlier in plans[:number]:
            lost = set(earlier.merges) - set(later.merges)
            assert len(lost) >= math.ceil(0.1 * len(earlier.merges))


def test_reasons_give_figures_and_the_next_best():
    units = made(40)
    found = propose(units, groups=30, reasons=True)
    assert [reason.group for reason in found.reasons] == list(found.merges)
    for reason in found.reasons:
        loads = [units.loads[u] for u in reason.group]
        assert reason.load == pytest.approx(sum(loads))
        assert units.loads[reason.stays] == max(loads)
        assert reason.price_proven
        assert reason.price >= -1e-9
        assert reason.group not in reason.instead
        assert f"共有边界{reason.shared_m:.0f}米" in reason.saying.zh
        assert "next best" in reason.saying.en
    assert sum(reason.moved for reason in found.reasons) / units.total_load * 0.5 == pytest.approx(
        found.terms.disruption
    )


def test_reasons_of_many_units_compare_what_lies_nearby():
    units = made(420, parents=9)
    found = propose(units, groups=300, reasons=True)
    assert found.status is Status.OPTIMAL
    assert len(found.reasons) == len(found.merges)
    priced = [reason for reason in found.reasons if reason.price is not None]
    assert len(priced) > 0.9 * len(found.reasons)
    for reason in priced:
        assert reason.price >= -1e-9
        assert not reason.price_proven
        assert reason.group not in reason.instead
        assert {u for group in reason.instead for u in group} >= set(reason.group)
        assert "只比较周边" in reason.saying.zh


def test_a_hand_made_plan_can_be_explained():
    units = made(12)
    found = propose(units, groups=9)
    reasons = explain(units, found, names=[f"网格{k}" for k in range(12)], time_limit=0.0)
    assert len(reasons) == len(found.merges)
    assert all(reason.price is None and not reason.price_proven for reason in reasons)
    assert all("次优方案未比较" in reason.saying.zh for reason in reasons)


def test_the_curve_has_a_gap_at_each_point():
    units = made(40)
    found = curve(units, 20, 38, weights=Weights(compactness=0, disruption=0))
    assert [point.count for point in found.points] == list(range(38, 19, -1))
    assert all(point.proposal.gap == 0.0 for point in found.points)
    first, second = found.points[:2]
    assert first.step_cost is None
    assert second.step_cost == pytest.approx(second.proposal.objective - first.proposal.objective)


def test_the_trade_off_is_a_front():
    units = made(40)
    found = trade_off(units, groups=28, points=5)
    points = found.points
    assert 2 <= len(points) <= 5
    assert [p.balance for p in points] == sorted(p.balance for p in points)
    assert [p.disruption for p in points] == sorted((p.disruption for p in points), reverse=True)
    for point in points:
        plain = measure(units, point.proposal.groups, weights=Weights(balance=1, disruption=1))
        assert (point.balance, point.disruption) == pytest.approx((plain.balance, plain.disruption))
        again = propose(units, groups=28, weights=point.weights)
        assert again.objective == pytest.approx(point.proposal.objective)
        assert again.gap == point.proposal.gap == 0.0


def test_the_trade_off_misses_no_best_plan():
    units = made(24)
    found = trade_off(units, groups=14, points=60)
    best = {(round(p.balance, 9), round(p.disruption, 9)) for p in found.points}
    met = 0
    for share in (0.03, 0.1, 0.2, 0.35, 0.5, 2 / 3, 0.8, 0.9, 0.97):
        weights = Weights(balance=1.5 * share, disruption=1.5 * (1 - share))
        plan = propose(units, groups=14, weights=weights)
        here = (round(plan.terms.balance / weights.balance, 9), round(plan.terms.disruption / weights.disruption, 9))
        met += here in best
        # What compactness alone made the best plan may be worse in both; nothing on the front is.
        assert here in best or any(b <= here[0] and d <= here[1] for b, d in best)
    assert met >= 5


def test_the_knee_of_a_trade_off_lies_farthest_below_its_chord():
    found = trade_off(made(40), groups=28, points=9)
    (left, top), (right, bottom) = [(p.balance, p.disruption) for p in (found.points[0], found.points[-1])]
    below = [1 - (p.balance - left) / (right - left) - (p.disruption - bottom) / (top - bottom) for p in found.points]
    assert found.knee == below.index(max(below))
    assert below[found.knee] > 0


def test_a_trade_off_ends_when_told_or_when_time_is_up():
    def stop(share, saying):
        raise StopSearch

    units = made(40)
    assert len(trade_off(units, groups=28, points=9, progress=stop).points) == 2
    assert trade_off(units, groups=28, points=9, progress=stop).knee is None
    assert trade_off(units, groups=28, points=9, time_limit=0.0).points == ()
    assert trade_off(units, groups=41, points=9).points == ()
    for asked in ({"groups": 0}, {"groups": 9, "points": 1}):
        with pytest.raises(Refused, match="trade-off"):
            trade_off(units, **asked)


@pytest.mark.parametrize("groups", [0, -3, (5, 4), "many", 2.5, True])
def test_no_number_of_groups(groups):
    with pytest.raises(Refused, match="no number of groups"):
        propose(made(9), groups=groups)


@pytest.mark.parametrize(
    "wishes",
    [
        {"keep": (99,)},
        {"together": ((0, -1),)},
        {"max_load": math.nan},
        {"min_load": -1},
        {"counts": {"乙": 3}},
        {"counts": {"甲": (3, 2)}},
    ],
)
def test_wishes_that_say_nothing_are_refused(wishes):
    with pytest.raises(Refused):
        propose(made(9), groups=5, constraints=Constraints(**wishes))


def test_weights_are_numbers():
    with pytest.raises(Refused, match="compactness"):
        Weights(compactness=-1)
