"""The demonstration, whole: what a new user gets from the first command of README."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from api.cli import app
from data.make_county import write_county
from geo.formats import read
from tests.browser.offline_browser import offline_page

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "boundaries"
MADE = (
    "fenglin.gpkg",
    "coverage_repaired.gpkg",
    "plan.json",
    "map.html",
    "sheet_A3.pdf",
    "sheet_A3.png",
    "crosswalk.xlsx",
    "repair.json",
    "summary.json",
)


def demonstrated(out, data):
    found = CliRunner().invoke(app, ["demo", "--no-serve", "--out", str(out), "--data", str(data)])
    assert found.exit_code == 0, found.output
    return json.loads((out / "summary.json").read_text("utf-8"))


def passes(summary):
    """Hold a run to what is promised of any county of the generator."""
    assert sum(summary["findings"]["before"].values()) > 0
    assert summary["findings"]["blocking_after"] == 0
    merge = summary["merge"]
    assert (merge["units"], merge["groups"], merge["status"], merge["gap"]) == (163, 114, "optimal", 0)
    assert merge["objective"] == pytest.approx(merge["bound"], rel=1e-6)
    assert summary["publication"]["base_grids"] == 114
    assert summary["publication"]["exclusive_grids"] == 236 + 33
    assert summary["publication"]["workers_standing_by"] == 163 - 114
    assert summary["as_of"]["before"]["code"] is None
    assert len(summary["as_of"]["after"]["code"]) == 15


def explained(summary):
    """Hold the shares to the aim, and every row that differs to a reason."""
    truth = summary["truth"]
    assert truth["households"]["share"] >= 0.999
    assert truth["incidents"]["share"] >= 0.995
    for score in truth.values():
        assert len(score["differing"]) == min(score["compared"] - score["matching"], 50)
        assert all(row["why"] for row in score["differing"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    return out, demonstrated(out, SHIPPED)


def test_the_job_is_done_and_scored(run):
    out, summary = run
    passes(summary)
    explained(summary)
    assert all((out / name).stat().st_size for name in MADE)
    assert summary["placement"]["households"]["rows"] == sum(summary["placement"]["households"]["by_basis"].values())
    assert "gcj02" in {i["datum_proposed"] for i in summary["imports"] if i["kind"] == "incidents"}


def test_the_plan_has_a_reason_for_each_merge(run):
    plan = json.loads((run[0] / "plan.json").read_text("utf-8"))
    assert {k: plan[k] for k in ("units", "groups", "status", "gap")} == {
        "units": 163,
        "groups": 114,
        "status": "optimal",
        "gap": 0,
    }
    merged = sum(len(r["grids"]) - 1 for r in plan["reasons"])
    assert merged == 163 - 114
    assert all(r["shared_m"] > 10 and r["zh"] and r["en"] for r in plan["reasons"])


def test_the_repaired_coverage_and_the_cross_reference(run):
    out, _ = run
    assert sum(f.properties["网格类型"] == "base" for f in read(out / "coverage_repaired.gpkg").features) == 163
    sheet = openpyxl.load_workbook(out / "crosswalk.xlsx").active
    lines = [row for row in sheet.iter_rows(values_only=True) if isinstance(row[0], int)]
    with (SHIPPED / "04_台账" / "住户台账.csv").open(encoding="gb18030", newline="") as stream:
        resident = {row["户号"] for row in csv.DictReader(stream) if row["户籍/常住"].startswith("常住")}
    assert sum(row[8] for row in lines) == len(resident), "户数 counts what its heading says: 常住户数"
    codes = [c for row in sheet.iter_rows() for c in row if isinstance(c.value, str) and len(c.value) == 15]
    codes = [c for c in codes if c.value.isdigit()]
    assert len({c.value for c in codes}) >= 114
    assert {c.data_type for c in codes} == {"s"}


@pytest.mark.browser
def test_the_map_draws_163_and_114_with_the_network_cut(run):
    with offline_page(run[0] / "map.html") as opened:
        assert opened.count("path.grid-after") == 114
        opened.choose("before")
        assert opened.count("path.grid-before") == 163
        assert opened.requests == []
        assert opened.complaints == []


def test_no_name_or_phone_leaves_the_store(run):
    """The invented phones all begin with 100 and have eleven digits; no paper shows one."""
    out, _ = run
    page = (out / "map.html").read_text("utf-8")
    block = page[page.index("<!--county-data-->") if "<!--county-data-->" in page else 0 :]
    for name in ("plan.json", "summary.json", "repair.json"):
        block += (out / name).read_text("utf-8")
    with (SHIPPED / "04_台账" / "住户台账.csv").open(encoding="gb18030") as stream:
        head = stream.readline().rstrip("\r\n").split(",")
        phones = {line.split(",")[head.index("联系电话")] for line, _ in zip(stream, range(3000), strict=False)}
    assert len(phones) > 100
    assert not [p for p in phones if p and p in block]


def test_a_folder_without_the_files_is_refused(tmp_path):
    found = CliRunner().invoke(app, ["demo", "--no-serve", "--out", str(tmp_path / "o"), "--data", str(tmp_path)])
    assert found.exit_code == 1
    assert "make_county.py" in found.stderr


@pytest.mark.battery
def test_without_the_truth_only_the_shares_are_missing(run, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(SHIPPED, data, ignore=shutil.ignore_patterns("truth"))
    blind = demonstrated(tmp_path / "out", data)
    passes(blind)
    assert blind["truth"] is None
    for part in ("findings", "placement"):
        assert blind[part] == run[1][part]
    assert blind["merge"]["objective"] == run[1]["merge"]["objective"]


@pytest.mark.battery
@pytest.mark.parametrize("seed", [7, 11])
def test_other_counties_pass_the_same_way(seed, tmp_path):
    write_county(seed, tmp_path / "county")
    summary = demonstrated(tmp_path / "out", tmp_path / "county")
    passes(summary)
    explained(summary)
