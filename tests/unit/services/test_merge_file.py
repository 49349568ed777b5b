"""A merge of files nobody here made: every oddity handled or refused by its row, both outputs or none."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import shapely

from geo.crs import parse_datum
from geo.errors import CoverageBroken, DatumRequired, Infeasible, NotFound, Refused
from geo.formats import Feature, read, write
from geo.planning.asking import parse_ids, parse_target, parse_weights
from geo.services.merge_file import merge_file, read_counts
from tests.coverages import town
from tests.merge_checker import complaints
from tests.merge_files import ORIGIN, ask, blocks, degrees, save, squares


def groups_of(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    held = {}
    for row in rows:
        held.setdefault(row["group"], []).append(row["id"])
    return held


def test_any_file_is_merged_within_its_counties(tmp_path):
    cells, loads, labels = town(60, seed=3, parents=4)
    shapes = [degrees(cell) for cell in cells]
    rows = [
        {"CODE": f"U{k}", "POP": float(load), "COUNTY": label}
        for k, (load, label) in enumerate(zip(loads, labels, strict=True))
    ]
    grids = save(tmp_path / "any.geojson", shapes, rows)
    done = merge_file(ask(tmp_path, grids, groups=42, within="COUNTY"))
    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert told == done.report
    assert (told["units"], told["groups"], told["status"], told["gap"]) == (60, 42, "optimal", 0.0)
    assert {"objective", "bound", "seconds", "reasons"} <= set(told)
    held = groups_of(tmp_path / "out.csv")
    assert len(held) == 42
    place = {f"U{k}": k for k in range(60)}
    units, pairs = done.units, done.units.pairs.tolist()
    plan = [tuple(sorted(place[name] for name in group)) for group in held.values()]
    assert sorted(plan) == list(done.proposal.groups)
    assert not complaints(
        plan,
        loads=loads.tolist(),
        parents=labels,
        perimeters=units.perimeters_m.tolist(),
        shared={tuple(p): m for p, m in zip(pairs, units.shared_m.tolist(), strict=True)},
        joins={tuple(p) for p, j in zip(pairs, units.joins.tolist(), strict=True) if j},
        wishes={},
        weights=(1, 0.25, 0.5),
        claimed=told["objective"],
    )
    assert len(told["reasons"]) == sum(len(group) > 1 for group in plan)
    assert "POP更换网格员" in told["reasons"][0]["zh"]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".kml", ".shp", ".zip"])
def test_merged_polygons_carry_their_members(tmp_path, suffix):
    grids = squares(tmp_path / "any.geojson")
    out = tmp_path / f"out{suffix}"
    done = merge_file(ask(tmp_path, grids, out=out, within="COUNTY"))
    rows = read(out).features
    assert len(rows) == 8
    whole = shapely.union_all([feature.geometry for feature in read(grids).features])
    assert shapely.equals_exact(
        shapely.normalize(shapely.union_all([r.geometry for r in rows])), shapely.normalize(whole), 1e-9
    )
    name = {str(v).lower(): v for v in rows[0].properties}["members"]
    members = sorted(member for row in rows for member in str(row.properties[name]).split(","))
    assert members == sorted(done.units.ids)
    again = tmp_path / f"again{suffix}"
    merge_file(ask(tmp_path, grids, out=again, within="COUNTY"))
    if suffix != ".gpkg":  # SQLite keeps a time of writing
        assert again.read_bytes() == out.read_bytes()


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    texts = []
    for _ in range(2):
        merge_file(ask(tmp_path, grids, seed=5))
        told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        told.pop("seconds")
        texts.append((told, (tmp_path / "out.csv").read_bytes()))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"row5": {"POP": None}}, "load-invalid", "第 6 行没有 POP"),
        ({"row5": {"POP": "很多"}}, "load-invalid", "第 6 行的 POP 不是"),
        ({"row2": {"POP": -3}}, "load-invalid", "第 3 行的 POP 不是"),
        ({"row2": {"POP": True}}, "load-invalid", "第 3 行的 POP 不是"),
        ({"row3": {"CODE": "A0"}}, "id-clash", "第 4 行的 CODE 与第 1 行相同"),
        ({"row3": {"CODE": None}}, "field-empty", "第 4 行的 CODE 是空的"),
        ({"row3": {"COUNTY": "  "}}, "field-empty", "第 4 行的 COUNTY 是空的"),
    ],
)
def test_a_bad_row_is_named_and_nothing_written(tmp_path, change, code, words):
    grids = squares(tmp_path / "any.geojson", **change)
    with pytest.raises(Refused, match=words) as caught:
        merge_file(ask(tmp_path, grids, within="COUNTY"))
    assert caught.value.code == code
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (None, "geometry-missing"),
        (shapely.Point(*ORIGIN), "unit-geometry"),
        (degrees(shapely.Polygon([(0, 900), (100, 1000), (100, 900), (0, 1000)])), "unit-geometry"),
    ],
)
def test_a_shape_that_is_no_unit_is_named(tmp_path, shape, code):
    shapes = [*(degrees(block) for block in blocks()), shape]
    rows = [{"CODE": f"A{k}", "POP": 10} for k in range(17)]
    with pytest.raises(Refused) as caught:
        merge_file(ask(tmp_path, save(tmp_path / "any.geojson", shapes, rows)))
    assert caught.value.code == code
    assert caught.value.where.row == 17
    assert shape is None or caught.value.where.feature == "A16"


def test_an_overlap_is_named(tmp_path):
    shapes = [degrees(block) for block in [*blocks(), shapely.box(100, 100, 300, 150)]]
    rows = [{"CODE": f"A{k}", "POP": 10} for k in range(17)]
    with pytest.raises(CoverageBroken, match="A16"):
        merge_file(ask(tmp_path, save(tmp_path / "any.geojson", shapes, rows)))


def test_islands_holes_and_parts_of_a_unit(tmp_path):
    ring = shapely.difference(shapely.box(0, 0, 600, 600), shapely.box(200, 200, 400, 400))
    lake = shapely.box(200, 200, 400, 400)
    double = shapely.union_all([shapely.box(600, 0, 800, 600), shapely.box(2000, 0, 2100, 100)])
    island = shapely.box(5000, 5000, 5200, 5200)
    beside = shapely.box(2100, 0, 2300, 100)  # touches the far part of the two-part unit alone
    shapes = [degrees(s) for s in (ring, lake, double, island, beside)]
    rows = [{"CODE": name, "POP": pop} for name, pop in zip("ABCDE", (50, 20, 60, 70, 30), strict=True)]
    grids = save(tmp_path / "any.geojson", shapes, rows)
    merge_file(ask(tmp_path, grids, groups=2, out=tmp_path / "out.geojson"))
    held = {tuple(f.properties["members"].split(",")): f.geometry for f in read(tmp_path / "out.geojson").features}
    assert set(held) == {("A", "B", "C", "E"), ("D",)}
    merged = held["A", "B", "C", "E"]
    assert not any(part.interiors for part in shapely.get_parts(merged))
    with pytest.raises(Infeasible, match="只能是2至5个"):
        merge_file(ask(tmp_path, grids, groups=1))


def test_a_common_corner_is_no_border(tmp_path):
    shapes = [degrees(shapely.box(0, 0, 200, 200)), degrees(shapely.box(200, 200, 400, 400))]
    grids = save(tmp_path / "any.geojson", shapes, [{"CODE": "A", "POP": 1}, {"CODE": "B", "POP": 1}])
    with pytest.raises(Infeasible):
        merge_file(ask(tmp_path, grids, groups=1))


@pytest.mark.parametrize("border", [[(200, 200), (200.05, 100), (200, 0)], [(200.04, 200), (200.05, 0)]])
def test_borders_that_do_not_quite_meet_leave_no_hair(tmp_path, border):
    """The neighbour has a vertex in the middle, five centimetres off the straight border, or lies that far off."""
    left = shapely.box(0, 0, 200, 200)
    right = shapely.Polygon([(400, 0), (400, 200), *border])
    grids = save(
        tmp_path / "any.geojson", [degrees(left), degrees(right)], [{"CODE": "A", "POP": 1}, {"CODE": "B", "POP": 2}]
    )
    done = merge_file(ask(tmp_path, grids, groups=1, out=tmp_path / "out.gpkg"))
    assert done.units.shared_m[0] == pytest.approx(200, abs=2)
    (merged,) = read(tmp_path / "out.gpkg").features
    assert merged.geometry.geom_type == "Polygon"
    assert not merged.geometry.interiors


@pytest.mark.parametrize(
    "crs", ["urn:ogc:def:crs:EPSG::4552", "urn:ogc:def:crs:EPSG::3857", "urn:ogc:def:crs:EPSG::2263"]
)
def test_a_plane_system_keeps_its_numbers(tmp_path, crs):
    """Gauss-Krüger, Web Mercator (never measured in) and New York's feet."""
    east, north = {"4552": (530_000, 5_300_000), "3857": (14_420_000, 6_080_000), "2263": (980_000, 200_000)}[crs[-4:]]
    shapes = [shapely.transform(b, lambda xy: xy + np.array([east, north])) for b in blocks()]
    rows = [{"CODE": f"A{k}", "POP": 100 + k} for k in range(16)]
    grids = save(tmp_path / "any.geojson", shapes, rows, crs=crs)
    done = merge_file(ask(tmp_path, grids, out=tmp_path / "out.gpkg"))
    measured = done.units.shared_m[0] / 200
    assert measured == pytest.approx({"4552": 1.0, "3857": 0.675, "2263": 0.3048}[crs[-4:]], rel=0.01)
    merged = read(tmp_path / "out.gpkg")
    assert parse_datum(merged.declared_datum).epsg == int(crs[-4:])
    bounds = shapely.total_bounds([f.geometry for f in merged.features])
    assert bounds.tolist() == [east, north, east + 800, north + 800]
    merge_file(ask(tmp_path, grids, out=tmp_path / "out.geojson"))
    west = shapely.total_bounds([f.geometry for f in read(tmp_path / "out.geojson").features])[0]
    assert -180 <= west <= 180


def test_plane_numbers_without_a_declaration_are_asked_for(tmp_path):
    grids = save(tmp_path / "any.geojson", blocks(), [{"CODE": f"A{k}", "POP": 1} for k in range(16)])
    with pytest.raises(DatumRequired):
        merge_file(ask(tmp_path, grids))
    merge_file(ask(tmp_path, grids, datum="epsg:4552"))


@pytest.mark.parametrize("suffix", [".gpkg", ".shp"])
def test_other_formats_are_read(tmp_path, suffix):
    rows = [Feature(k + 1, {"CODE": f"A{k}", "POP": 100 + k}, degrees(b)) for k, b in enumerate(blocks())]
    write(tmp_path / f"in{suffix}", rows)
    done = merge_file(ask(tmp_path, tmp_path / f"in{suffix}"))
    assert done.report["status"] == "optimal"


def test_an_impossible_wish_writes_the_report_alone(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    (tmp_path / "out.csv").write_text("before", encoding="utf-8")
    wish = {"together": (("A0", "A1"),), "apart": (("A1", "A0"),), "keep": ("A9",), "max_load": 5000.0}
    with pytest.raises(Infeasible) as caught:
        merge_file(ask(tmp_path, grids, **wish))
    assert set(caught.value.conflict) == {"A0、A1并在一起", "A1、A0不得合并"}
    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (told["status"], told["objective"], told["gap"]) == ("infeasible", None, None)
    assert (
        [s["en"] for s in told["reasons"]] == [s["en"] for s in told["conflict"]] == ["A0、A1 together", "A1、A0 apart"]
    )
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "before"


def test_wishes_by_id_and_counts_by_label(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    (tmp_path / "counts.csv").write_text("county,groups\n0,3\n1,5\n", encoding="utf-8")
    wishes = {"keep": ("A3",), "together": (("A0", "A1"),), "apart": (("A4", "A5"),)}
    counts = read_counts(tmp_path / "counts.csv")
    done = merge_file(ask(tmp_path, grids, within="COUNTY", counts=counts, alternatives=1, **wishes))
    held = list(groups_of(tmp_path / "out.csv").values())
    assert ["A3"] in held
    assert any({"A0", "A1"} <= set(group) for group in held)
    assert not any({"A4", "A5"} <= set(group) for group in held)
    assert sum(int(group[0][1:]) % 4 < 2 for group in held) == 3
    (other,) = done.report["alternatives"]
    assert other["price"] >= 0
    assert other["merges"] != [r["members"] for r in done.report["reasons"]]


def test_barriers_part_what_they_run_along(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    line = degrees(shapely.LineString([(-50, 400), (850, 400)]))
    rivers = save(tmp_path / "rivers.geojson", [line], [{"name": "河"}])
    done = merge_file(ask(tmp_path, grids, barriers=rivers))
    for group in groups_of(tmp_path / "out.csv").values():
        assert len({int(name[1:]) < 8 for name in group}) == 1
    assert len(done.units.pairs[done.units.joins]) == 20


def test_positions_name_units_without_an_id(tmp_path):
    done = merge_file(ask(tmp_path, squares(tmp_path / "any.geojson"), id_field=None, keep=("0",)))
    assert done.units.ids == tuple(str(k) for k in range(16))
    assert ["0"] in groups_of(tmp_path / "out.csv").values()


def test_no_time_is_no_plan(tmp_path):
    with pytest.raises(Refused, match="时限") as caught:
        merge_file(ask(tmp_path, squares(tmp_path / "any.geojson"), time_limit=0.0))
    assert caught.value.code == "no-plan-in-time"
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["status"] == "unknown"
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"load": "PEOPLE"}, NotFound),
        ({"within": "TOWN"}, NotFound),
        ({"keep": ("nobody",)}, Refused),
        ({"counts": {"9": 3}}, Refused),
        ({"time_limit": 0.0, "load": "COUNTY", "groups": 99}, Infeasible),
    ],
)
def test_wishes_about_what_is_not_there(tmp_path, options, error):
    with pytest.raises(error):
        merge_file(ask(tmp_path, squares(tmp_path / "any.geojson"), **options))
    assert not (tmp_path / "out.csv").exists()


def test_paths_that_would_lose_a_file_are_refused(tmp_path):
    grids = squares(tmp_path / "any.geojson")
    for options in ({"out": grids}, {"report": grids}, {"out": tmp_path / "x.csv", "report": tmp_path / "x.csv"}):
        with pytest.raises(Refused, match="不覆盖"):
            merge_file(ask(tmp_path, grids, **options))
    with pytest.raises(Refused, match="格式"):
        merge_file(ask(tmp_path, grids, out=tmp_path / "out.txt"))
    assert json.loads(grids.read_text(encoding="utf-8"))["type"] == "FeatureCollection"


def test_loads_may_be_written_as_text(tmp_path):
    done = merge_file(ask(tmp_path, squares(tmp_path / "any.geojson", row0={"POP": "312户"}, row1={"POP": "1.5"})))
    assert done.units.loads[:2].tolist() == [312.0, 1.5]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("c.csv", "社区,网格数\n甲,7\n乙,6-8\n", {"甲": 7, "乙": (6, 8)}),
        ("c.csv", "社区,最少,最多\n甲,2,3\n", {"甲": (2, 3)}),
        ("c.json", '{"甲": 7, "230717": [6, 8]}', {"甲": 7, "230717": (6, 8)}),
    ],
)
def test_counts_are_read(tmp_path, name, text, found):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_counts(tmp_path / name) == found


@pytest.mark.parametrize(
    ("name", "text"),
    [("c.csv", "社区,网格数\n甲,很多\n"), ("c.csv", "社区,网格数\n甲,1\n甲,2\n"), ("c.json", "[1]"), ("c.json", "{")],
)
def test_counts_that_say_nothing_are_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(Refused):
        read_counts(tmp_path / name)


def test_option_texts():
    assert [parse_target(text) for text in ("114", "110-120", "fewest", "最少")] == [
        114,
        (110, 120),
        "fewest",
        "fewest",
    ]
    for text in ("0", "-3", "9-5", "few", "1.5", ""):
        with pytest.raises(Refused):
            parse_target(text)
    weights = parse_weights("balance=2, disruption=0")
    assert (weights.balance, weights.compactness, weights.disruption) == (2.0, 0.25, 0.0)
    for text in ("beauty=1", "balance=x", "balance=-1", "balance=1,balance=2", "balance=nan"):
        with pytest.raises(Refused):
            parse_weights(text)
    assert parse_ids("甲， 乙,甲,") == ("甲", "乙")
