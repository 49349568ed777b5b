"""Making, filling, checking and keeping a store from the terminal."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import openpyxl
import pytest

from geo.formats import read
from tests.small_county import COUNTY, LIMING, METRIC, NAMES, cell


def test_init_never_takes_an_existing_file(terminal):
    said = terminal("init", terminal.store, "--county", COUNTY)
    assert said.code == 1
    assert "store-exists" in said.err
    assert terminal.done("generation", "list")["generations"]


def test_a_missing_store_is_refused_in_one_line(terminal, tmp_path):
    said = terminal("locate", 129.5, 48.2, "--datum", "wgs84", store=False, WANGGE_STORE=str(tmp_path / "no.gpkg"))
    assert said.code == 1
    assert len(said.err.strip().splitlines()) == 1
    assert str(tmp_path) not in said.err


def test_import_is_a_dry_run_until_applied(terminal):
    said = terminal("import", "households", terminal.files / "homes.csv", "--datum", "cgcs2000")
    assert said.code == 0
    assert "试读" in said.out
    facts = terminal.done("import", "households", terminal.files / "homes.csv", "--datum", "cgcs2000", "--apply")
    assert (facts["inserted"], facts["updated"]) == (0, 0)
    assert facts["unchanged"] == facts["accepted"]


def test_a_missing_datum_is_proposed_with_evidence_and_never_assumed(terminal):
    path = terminal.files / "incidents.xlsx"
    looked = terminal.done("import", "incidents", path)
    assert looked["proposed_datum"] == "gcj02"
    assert looked["files"][0]["datum_evidence"]
    said = terminal("import", "incidents", path, "--apply")
    assert said.code == 1
    assert "--datum gcj02" in said.err


def test_rows_that_are_refused_stop_an_import_until_accepted(terminal):
    lines = (terminal.files / "homes.csv").read_text("gb18030").splitlines()
    half = [lines[0]] + [
        line if n % 2 else ",".join(["", *line.split(",")[1:]]) for n, line in enumerate(lines[1:], start=1)
    ]
    broken = terminal.files / "half.csv"
    broken.write_text("\n".join(half).replace("H0", "N0").replace("P0", "Q0"), "gb18030")
    before = _count(terminal)
    said = terminal("import", "households", broken, "--datum", "cgcs2000", "--apply", "--json")
    assert said.code == 1
    assert "rows-refused" in said.err
    assert not said.facts["applied"]
    assert {r["row"] for r in said.facts["refused"]} == set(range(3, len(lines) + 1, 2))
    assert all(r["code"] and r["remedy"] for r in said.facts["refused"])
    assert _count(terminal) == before
    done = terminal.done("import", "households", broken, "--datum", "cgcs2000", "--apply", "--accept-refused")
    assert done["inserted"] == done["accepted"] == len(range(2, len(lines) + 1, 2))


def _count(terminal):
    return sum(terminal.done("assign")["households"].values())


def test_two_grids_with_one_number_are_named_by_row(terminal):
    text = (terminal.files / "黎明社区.kml").read_text("utf-8").replace("第2网格", "第1网格")
    clash = terminal.files / "黎明社区_重号.kml"
    clash.write_text(text, "utf-8")
    said = terminal("import", "boundaries", clash, "--datum", "wgs84", "--apply", "--json")
    assert said.code == 1
    [refused] = said.facts["refused"]
    assert refused["code"] == "code-clash"
    assert "黎明社区_重号.kml" in refused["where"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("坏.zip", b"PK\x03\x04 cut short", None),
        ("vrt.geojson", b"<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>", None),
        (
            "nan.geojson",
            (
                b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"a"},"geometry":'
                b'{"type":"Polygon","coordinates":[[[129,48],[NaN,48],[129,49],[129,48]]]}}]}'
            ),
            None,
        ),
        ("图.dwg", b"AC1032 drawing", None),
        ("册.rar", b"Rar!\x1a\x07\x00", None),
        ("无.kml", None, "file-missing"),
    ],
)
def test_files_that_cannot_be_taken(terminal, name, content, code):
    path = terminal.files / name
    if content is not None:
        path.write_bytes(content)
    said = terminal("import", "boundaries", path, "--datum", "wgs84", "--apply")
    assert said.code == 1
    assert len(said.err.strip().splitlines()) == 1
    assert name in said.err
    assert code is None or code in said.err


def test_a_workbook_bomb_is_refused(terminal):
    path = terminal.files / "炸弹.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "<Types/>")
        bomb.writestr("xl/workbook.xml", "<workbook/>")
        bomb.writestr("xl/worksheets/sheet1.xml", "<row/>" * 20_000_000)
    said = terminal("import", "households", path, "--datum", "wgs84", "--apply")
    assert said.code == 1
    assert "炸弹.xlsx" in said.err


def test_wrong_usage_is_2(terminal):
    assert terminal("locate", 129.5, 48.2).code == 2
    assert terminal("locate").code == 2
    assert terminal("import", "households").code == 2
    assert terminal("export", "dwg", "-o", "a.dwg").code == 2
    assert terminal("export", "gpkg", "-o", "a.kml").code == 2
    assert terminal("import", "households", "x.csv", "--map", "户号").code == 2
    assert terminal("nothing").code == 2


def test_an_unknown_kind_is_refused(terminal):
    said = terminal("import", "pigeons", terminal.files / "homes.csv")
    assert said.code == 1
    assert "households" in said.err


# -- check and repair ----------------------------------------------------------------------------------------
def test_check_a_file_and_repair_it(terminal):
    drawn = terminal.files / "黎明社区.kml"
    found = terminal.done("check", drawn, "--datum", "wgs84")
    assert found["blocking"]
    assert {"code", "lon", "lat", "size_m", "remedy"} <= set(found["findings"][0])
    out = terminal.files / "修复.gpkg"
    mended = terminal.done("repair", drawn, "-o", out, "--datum", "wgs84", "--tolerance-m", 1.5, "--settle")
    assert mended["blocking"] == 0
    assert mended["changes"]
    assert max(c["moved_m"] for c in mended["changes"]) <= 1.5
    assert len(read(out).features) == 6
    assert terminal.done("check", out) == {"findings": [], "blocking": 0, "warnings": []}


def test_repair_needs_a_datum_and_another_file(terminal):
    drawn = terminal.files / "黎明社区.kml"
    assert "datum" in terminal("check", drawn).err
    assert terminal("repair", drawn, "--datum", "wgs84").code == 2
    said = terminal("repair", drawn, "-o", drawn, "--datum", "wgs84")
    assert said.code == 1
    assert "same-file" in said.err


def test_a_star_of_500_vertices_is_answered(terminal):
    angles = np.random.default_rng(5).uniform(0, 2 * np.pi, 500)
    lon, lat = METRIC.inverse(538_000 + 200 * np.cos(angles), 5_350_000 + 200 * np.sin(angles))
    ring = [[float(x), float(y)] for x, y in zip(lon, lat, strict=True)]
    path = terminal.files / "星.geojson"
    feature = {
        "type": "Feature",
        "properties": {"name": "星"},
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    said = terminal("check", path, "--datum", "cgcs2000")
    assert said.code == 1
    assert "星" in said.err
    assert "crossing" in said.err


def test_a_generation_in_force_is_never_repaired(terminal):
    said = terminal("repair")
    assert said.code == 1
    assert "[conflict]" in said.err


def test_check_of_the_store_finds_nothing_after_repair(terminal):
    assert terminal.done("check")["blocking"] == 0


# -- export, backup, journal ---------------------------------------------------------------------------------
@pytest.mark.parametrize(("form", "ending"), [("gpkg", "gpkg"), ("geojson", "geojson"), ("kml", "kml"), ("shp", "zip")])
def test_exports_hold_every_grid(terminal, form, ending):
    out = terminal.files / f"出.{ending}"
    facts = terminal.done("export", form, "-o", out)
    assert facts["grids"] == 12
    assert len(read(out).features) == 12


def test_workbooks_keep_codes_as_text(terminal):
    out = terminal.files / "出.xlsx"
    terminal.done("export", "xlsx", "-o", out)
    rows = list(openpyxl.load_workbook(out).active.iter_rows(values_only=True))
    assert len(rows) == 13
    assert LIMING in {row[rows[0].index("社区代码")] for row in rows}
    assert {row[rows[0].index("社区")] for row in rows[1:]} == set(NAMES.values())


def test_journal_and_backup(terminal):
    facts = terminal.done("journal", "verify")
    assert facts["entries"] >= 8
    copy = terminal.files / "copy.gpkg"
    terminal.done("backup", copy)
    assert terminal.done("journal", "verify", WANGGE_STORE=str(copy)) == facts
    assert terminal("backup", terminal.files / "no" / "copy.gpkg").code == 1


def test_a_store_of_today_needs_no_upgrade(terminal):
    assert terminal.done("upgrade") == {"added": []}
    assert terminal("upgrade", WANGGE_STORE=str(terminal.files / "no.gpkg")).code == 1


def test_grids_lie_where_they_were_drawn(terminal):
    x, y = METRIC.inverse([cell(LIMING, 1, 0).centroid.x], [cell(LIMING, 1, 0).centroid.y])
    facts = terminal.done("locate", x[0], y[0], "--datum", "cgcs2000")
    assert facts["grid"]["local_code"] == "2"
    assert facts["community"]["name"] == "黎明社区"
