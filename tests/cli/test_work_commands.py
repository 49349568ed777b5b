"""Placing, merging, planning, publishing and drawing from the terminal."""

from __future__ import annotations

import csv
import json

import numpy as np
import openpyxl
import pytest

from geo.crs import GCJ02, from_cgcs2000
from tests.small_county import HONGJIAN, LIMING, METRIC, cell


def spot(community, col, row, *, gcj=False):
    x, y = METRIC.inverse([cell(community, col, row).centroid.x], [cell(community, col, row).centroid.y])
    if gcj:
        x, y = from_cgcs2000(x, y, GCJ02)
    return float(x[0]), float(y[0])


# -- locate and assign ---------------------------------------------------------------------------------------
def test_one_place_in_three_ways(terminal):
    by_point = terminal.done("locate", *spot(LIMING, 0, 1), "--datum", "cgcs2000")
    by_gcj = terminal.done("locate", *spot(LIMING, 0, 1, gcj=True), "--datum", "gcj02")
    assert by_point["grid"] == by_gcj["grid"]
    assert by_point["basis"] == "interior"
    both = terminal.done(
        "locate", *spot(LIMING, 0, 1, gcj=True), "--datum", "cgcs2000", "--address", "黎明社区白桦小区1号楼"
    )
    assert both["grid"] == by_point["grid"]
    assert "gcj02" in both["question"]


def test_outside_is_an_answer(terminal):
    facts = terminal.done("locate", 120, 40, "--datum", "wgs84")
    assert (facts["grid"], facts["basis"]) == (None, "outside")
    assert "不在任何" in terminal("locate", 120, 40, "--datum", "wgs84").out


def test_candidates_within_the_accuracy(terminal):
    facts = terminal.done("locate", *spot(LIMING, 0, 1), "--datum", "cgcs2000", "--accuracy-m", 200)
    assert facts["ambiguous"]
    assert len(facts["candidates"]) > 1


def test_a_date_before_everything_is_refused(terminal):
    said = terminal("locate", *spot(LIMING, 0, 1), "--datum", "cgcs2000", "--as-of", "2024-06-01")
    assert said.code == 1
    assert terminal("locate", 129, 48, "--datum", "wgs84", "--as-of", "昨天").code == 2
    assert terminal("locate", "nan", 48, "--datum", "wgs84").code == 1
    assert terminal("locate", 129, 48, "--datum", "moon").code == 1


def test_points_in_polygons_file_to_file(terminal):
    grids = terminal.files / "g.gpkg"
    terminal.done("export", "gpkg", "-o", grids)
    points = terminal.files / "p.csv"
    rows = [("a", *spot(LIMING, 1, 1)), ("b", *spot(HONGJIAN, 2, 0)), ("c", 120.0, 40.0), ("d", "nan", 48.0)]
    points.write_text("no,x,y\n" + "\n".join(",".join(map(str, r)) for r in rows), "utf-8")
    out = terminal.files / "o.csv"
    words = ["--grids", grids, "--grid-id", "原编号", "--points", points, "--id", "no", "--lon", "x", "--lat", "y"]
    said = terminal("assign", *words, "--datum", "cgcs2000", "-o", out)
    assert said.code == 0
    assert "第 5 行" in said.err
    with out.open(encoding="utf-8-sig", newline="") as stream:
        found = {r["no"]: (r["grid"], r["basis"]) for r in csv.DictReader(stream)}
    assert found == {"a": ("5", "interior"), "b": ("3", "interior"), "c": ("", "outside"), "d": ("", "invalid")}
    out.unlink()
    said = terminal("assign", *words, "-o", out)
    assert said.code == 1
    assert not out.exists()
    assert terminal("assign", "--grids", grids).code == 2


def test_the_store_is_placed_anew(terminal):
    facts = terminal.done("assign")
    assert facts["households"]["building"] > 0
    assert facts["incidents"]["outside"] == 1


def test_placing_anew_shows_how_far_it_is(terminal, monkeypatch):
    told = []
    monkeypatch.setattr("api.cli.placing.progress_line", lambda share, what: told.append((share, what)))
    terminal.done("assign")
    assert told[-1] == (1.0, "落格")


# -- merge, plan, publish ------------------------------------------------------------------------------------
def test_from_merge_to_force(terminal):
    before = terminal.done("locate", *spot(LIMING, 0, 0), "--datum", "cgcs2000")
    report = terminal.files / "r.json"
    merged = terminal.done("merge", "--to", 8, "--report", report)
    assert json.loads(report.read_text("utf-8")) == merged
    assert (merged["units"], merged["groups"], merged["status"], merged["gap"]) == (12, 8, "optimal", 0)
    assert all(r["zh"] and r["en"] for r in merged["reasons"])
    plan = merged["plans"][0]
    shown = terminal.done("plan", "show", plan[:8])
    assert (shown["grids"], shown["state"], shown["proof"]["status"]) == (8, "draft", "optimal")
    assert len([c for c in shown["consequences"]["codes"] if c["is_new"]]) == 8

    assert terminal("plan", "publish", plan, "--effective", "2025-07-01").code == 1, "neither filed nor numbered"
    terminal.done("plan", "submit", plan)
    assert terminal("plan", "review", plan).code == 1, "a second person is needed"
    terminal.done("plan", "return", plan, "--reason", "两处再议")
    terminal.done("plan", "submit", plan)
    terminal.done("plan", "review", plan, "--reviewer", "演审员", "--date", "2025-06-01", "--document", "演〔2025〕1号")
    terminal.done("plan", "file", plan, "--filing-no", "演备〔2025〕1号", "--date", "2025-06-10")
    done = terminal.done("plan", "publish", plan, "--effective", "2025-07-01")
    assert done["state"] == "effective"
    assert sorted(c["code"][-3:] for c in done["codes"] if c["code"].startswith(LIMING)) == ["001", "002", "003", "004"]
    assert sum(not m["to_grid"] for m in done["workers"]) == 4

    after = terminal.done("locate", *spot(LIMING, 0, 0), "--datum", "cgcs2000")
    assert after["grid"]["code"].startswith(LIMING)
    then = terminal.done("locate", *spot(LIMING, 0, 0), "--datum", "cgcs2000", "--as-of", "2025-06-30")
    assert then["grid"] == before["grid"]
    assert [g["state"] for g in terminal.done("generation", "list")["generations"]] == ["superseded", "active"]

    old = terminal.files / "旧.csv"
    old.write_text("社区,网格,值\n黎明社区,第1网格,1\n黎明社区,第9网格,2\n", "utf-8")
    recoded = terminal.done("recode", old, "--column", "网格", "--community", "社区", "-o", terminal.files / "新.xlsx")
    assert (recoded["decided"], [u["row"] for u in recoded["undecided"]]) == (1, [3])
    rows = list(openpyxl.load_workbook(terminal.files / "新.xlsx").active.iter_rows(values_only=True))
    assert rows[1][rows[0].index("新网格编码")].startswith(LIMING)

    terminal.done("generation", "revert", "1", "--effective", "2025-09-01", "--filing-no", "演备〔2025〕2号")
    assert terminal.done("generation", "show", "3")["grids"]["base"] == 12
    assert terminal.done("journal", "verify")["entries"] > 10


def test_wishes_that_conflict_are_named(terminal):
    said = terminal("merge", "--to", 1)
    assert said.code == 1
    assert "infeasible" in said.err
    assert terminal.done("plan", "list")["plans"] == []
    assert terminal("merge", "--to", "many").code == 1
    assert terminal("merge", "--to", 8, "--weights", "beauty=1").code == 1
    assert terminal("merge", "--to", 8, "--keep", "999").code == 1
    assert terminal("merge", "--to", 8, "--within", "x").code == 2


def test_edits_by_hand_with_versions(terminal):
    grids = terminal.files / "g.geojson"
    terminal.done("export", "geojson", "-o", grids)
    rows = [f["properties"] for f in json.loads(grids.read_text("utf-8"))["features"]]
    ids = {(r["社区代码"], r["原编号"]): r["标识"] for r in rows}
    a, b = ids[LIMING, "1"], ids[LIMING, "2"]
    joined = json.dumps({"op": "merge", "grids": [a, b], "into": a})
    made = terminal.done("plan", "apply", "new", joined, "--title", "试")
    plan = made["id"]
    assert (made["grids"], made["title"]) == (11, "试")
    rename = terminal.files / "edits.json"
    rename.write_text(json.dumps([{"op": "rename", "grid": a, "name": "新一网格"}], ensure_ascii=False), "utf-8")
    assert terminal.done("plan", "apply", plan, rename)["edits"] == 2
    stale = terminal("plan", "apply", plan, rename, "--version", made["version"])
    assert stale.code == 1
    assert "stale" in stale.err
    assert terminal.done("plan", "undo", plan, "--steps", 2)["edits"] == 0
    assert terminal("plan", "undo", plan).code == 1
    assert terminal.done("plan", "redo", plan)["edits"] == 1
    other = terminal.done("plan", "branch", plan, "--title", "方案二")
    terminal.done("plan", "undo", other["id"])
    differing = terminal.done("plan", "diff", plan, other["id"])
    assert (len(differing["only_first"]), differing["only_second"]) == (1, [])
    terminal.done("plan", "note", plan, ids[HONGJIAN, "1"], "--text", "保留", "--lock")
    locked = json.dumps({"op": "rename", "grid": ids[HONGJIAN, "1"], "name": "x"})
    assert "grid-locked" in terminal("plan", "apply", plan, locked).err
    assert terminal("plan", "apply", plan, "[1]").code == 1
    assert terminal("plan", "apply", plan, "{").code == 1
    assert terminal("plan", "show", "zzz").code == 1
    assert terminal.done("plan", "rebase", plan)["dropped"] == []


# -- people and papers ---------------------------------------------------------------------------------------
def test_reach(terminal):
    facts = terminal.done("reach", "--distance-m", 100)
    assert facts["distance_m"] == 100
    assert all("anchor_household" in g["missing"] for g in facts["grids"])
    assert "缺 " in terminal("reach").out
    assert "lacks " in terminal("reach", WANGGE_LANG="en").out


def test_map_and_sheet(terminal):
    page, sheet = terminal.files / "m.html", terminal.files / "s.pdf"
    terminal.done("map", "-o", page, "--demonstration")
    text = page.read_text("utf-8")
    assert "演示数据" in text
    terminal.done("sheet", "-o", sheet)
    assert sheet.read_bytes().startswith(b"%PDF")
    assert sheet.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert terminal("map", "-o", page, "--lang", "fr").code == 2
    assert terminal("sheet", "-o", sheet, "--town", "无此镇").code == 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_command_answers_for_help(terminal, lang):
    for words in ([], ["plan"], ["generation"], ["journal"], ["merge"], ["assign"], ["locate"], ["import"]):
        said = terminal(*words, "--help", WANGGE_LANG=lang)
        assert said.code == 0
        assert "Traceback" not in said.out


# -- merging a file ------------------------------------------------------------------------------------------
def test_any_polygon_file_can_be_merged(terminal):
    rng = np.random.default_rng(3)
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"u{i}{j}", "pop": float(rng.uniform(1, 9)), "county": "甲" if i < 3 else "乙"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [
                        [116 + x * 0.01, 40 + y * 0.01]
                        for x, y in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), (i, j))
                    ]
                ],
            },
        }
        for i in range(6)
        for j in range(3)
    ]
    source, out, report = (terminal.files / n for n in ("u.geojson", "o.csv", "r.json"))
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    words = ["merge", "--grids", source, "--load", "pop", "--within", "county", "--id", "name", "--report", report]
    facts = terminal.done(*words, "--to", 12, "-o", out)
    assert (facts["units"], facts["groups"], facts["status"], facts["gap"]) == (18, 12, "optimal", 0)
    with out.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len({r["group"] for r in rows}) == 12
    out.unlink()
    said = terminal(*words, "--to", 1, "-o", out)
    assert said.code == 1
    assert "infeasible" in said.err
    assert not out.exists()
    assert json.loads(report.read_text("utf-8"))["status"] == "infeasible"
    assert terminal("merge", "--grids", source, "--to", 3).code == 2


# -- drawing ---------------------------------------------------------------------------------------------
def test_oversized_grids_become_a_draft(terminal):
    facts = terminal.done("plan", "draw-split", "--max-load", 25)
    assert facts["splits"] or facts["left"]
    for split in facts["splits"]:
        assert len(split["parts"]) >= 2
    if facts["plan"]:
        assert terminal.done("plan", "show", facts["plan"])["fault"] is None
    assert terminal("plan", "draw-split", "--max-load", 0).code == 1


def test_a_roster_of_buildings_becomes_grids(terminal):
    roster = terminal.files / "名册.txt"
    roster.write_text(
        "第一网格：红林小区1-3号楼、松涛小区、云杉小区\n第二网格：白桦小区、柞木小区、山杨小区\n", "gb18030"
    )
    out = terminal.files / "画.gpkg"
    facts = terminal.done("plan", "draw-roster", roster, "--community", "黎明社区", "-o", out)
    assert [g["name"] for g in facts["grids"]] == ["第一网格", "第二网格"]
    assert facts["generation"] is None
    assert terminal.done("check", out)["blocking"] == 0
    assert terminal("plan", "draw-roster", roster, "--community", "无此社区").code == 1
    roster.write_text("第一网格 1-3号楼", "utf-8")
    assert "roster-line" in terminal("plan", "draw-roster", roster, "--community", "黎明社区").err
