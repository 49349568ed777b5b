"""Tables of others brought to the grids in force."""

from __future__ import annotations

import csv
import datetime as dt

import pytest

from geo.errors import Refused
from geo.services.plans import add_edits, start_plan
from geo.services.publish import publish_plan
from geo.services.recode import recode_table, table_by_grid
from geo.services.revert import revert_generation
from tests import plan_county as county
from tests.plan_county import clock, merge

JUNE, JULY, AUGUST = (dt.date(2025, month, 1) for month in (6, 7, 8))


def publish(store, planner, place, day, *edits):
    plan = start_plan(store, planner, new_id=place.new_id)
    add_edits(store, planner, plan.id, edits, expected_version=1, now=clock)
    return publish_plan(store, planner, plan.id, effective_from=day, filing_no="1号", now=clock, new_id=place.new_id)


@pytest.fixture
def codes(store, planner, place):
    county.settle(store)
    first = publish(store, planner, place, JUNE, merge((0, 0), (0, 1), into="g01"))
    second = publish(store, planner, place, JULY, merge((1, 0), (2, 0), into="g20"))
    return [{c.grid_id: (c.code, c.name) for c in done.codes} for done in (first, second)]


def write(tmp_path, header, *rows):
    path = tmp_path / "台账.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_codes_numbers_and_names_lead_to_the_grid_in_force(store, planner, codes, tmp_path):
    first, second = codes
    path = write(
        tmp_path,
        ["网格", "备注"],
        [first["g10"][0], "old code of a grid merged away"],
        [second["g20"][0], "code in force"],
        [first["g10"][1], "its name, in the generation before"],
        ["黎明社区/1", "local number of the first generation, seen through two merges"],
        ["没有的网格", "nobody knows it"],
        ["第三网格", "in both communities"],
        ["", "empty"],
    )
    done = recode_table(store, planner, path, column="网格", out=tmp_path / "新.csv")
    rows = read(tmp_path / "新.csv")
    assert [(r["新网格编码"], r["新网格名称"]) for r in rows[:3]] == [second["g20"]] * 3
    assert rows[0]["备注"].startswith("old code")
    assert [r["新网格编码"] for r in rows[4:]] == ["", "", ""]
    assert done.decided == 4
    assert [u.reason for u in done.undecided] == ["没有这个网格编码或名称", "名称对应多个网格，需要社区", "空白"]


def test_names_are_read_as_of_the_day_of_the_table(store, planner, codes, tmp_path):
    _, second = codes
    path = write(tmp_path, ["社区", "编号"], ["黎明社区", "1"], ["黎明", "第５网格"], ["东升社区居委会", "㈢"])

    def told(**options):
        recode_table(store, planner, path, column="编号", community_column="社区", out=tmp_path / "o.csv", **options)
        return [r["新网格编码"] for r in read(tmp_path / "o.csv")]

    before = [second[i][0] for i in ("g01", "g01", "g60")]
    assert told(as_of=county.FIRST) == before


def test_a_grid_that_was_split_is_decided_by_address_or_listed(store, planner, place, codes, tmp_path):
    with store.reading(planner) as session:
        base = session.generations()[0].id
    revert_generation(store, planner, to=base, effective_from=AUGUST, now=clock, new_id=place.new_id)
    merged = codes[1]["g20"][0]
    path = write(tmp_path, ["网格编码", "地址"], [merged, "红旗街10号"], [merged, "不清楚"], [codes[1]["g31"][0], ""])
    done = recode_table(
        store,
        planner,
        path,
        column="网格编码",
        address_column="地址",
        out=tmp_path / "o.csv",
        address_grid={"红旗街10号": "g10"}.get,
    )
    rows = read(tmp_path / "o.csv")
    assert [r["新网格名称"] for r in rows] == ["第2网格", "", "第8网格"]
    assert (done.decided, done.by_address) == (2, 1)
    assert done.undecided[0].reason == "对应多个现行网格"
    assert done.undecided[0].candidates == ("2 第2网格", "3 第3网格")
    plain = recode_table(store, planner, path, column="网格编码", out=tmp_path / "p.csv")
    assert len(plain.undecided) == 2


def test_a_ledger_is_summed_by_grid_in_force(store, planner, codes, tmp_path):
    first, _ = codes
    rows = [[first["g10"][0], "3户"], [first["g20"][0], "4"], [first["g31"][0], "不详"], ["x", "1"]]
    path = write(tmp_path, ["编码", "困难户数"], *rows)
    found = table_by_grid(store, planner, path, key="编码", value="困难户数")
    assert found.totals == {"g20": 7.0}
    assert [u.row for u in found.undecided] == [4, 5]
    counted = table_by_grid(store, planner, path, key="编码")
    assert counted.rows == {"g20": 2, "g31": 1}
    assert counted.totals == {"g20": 2.0, "g31": 1.0}


def test_a_missing_column_is_named(store, planner, codes, tmp_path):
    path = write(tmp_path, ["编码"], ["x"])
    with pytest.raises(Refused) as caught:
        recode_table(store, planner, path, column="网格", out=tmp_path / "o.csv")
    assert caught.value.where.column == "网格"
    assert not (tmp_path / "o.csv").exists()
    with pytest.raises(Refused):
        table_by_grid(store, planner, path, key="编码", value="户数")
