"""The demonstration county: exact counts, a clean truth, dirt that is really there, the same bytes twice."""

import csv
import hashlib
import io
import itertools
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import ezdxf
import geopandas as gpd
import openpyxl
import pytest
import shapely
import xlrd

from data.make_county import write_county
from geo.crs import metric_for, snap
from geo.formats import read

KML = "{http://www.opengis.net/kml/2.2}"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("county")
    write_county(20241, out)
    return out


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def placemarks(path: Path) -> list[tuple[str, list[tuple[float, ...]]]]:
    root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - our own file
    found = []
    for mark in root.iter(f"{KML}Placemark"):
        text = next(mark.iter(f"{KML}coordinates")).text or ""
        ring = [tuple(float(v) for v in p.split(",")[:2]) for p in text.split()]
        found.append((mark.findtext(f"{KML}name") or "", ring))
    return found


def frame(path: Path, **how: str) -> gpd.GeoDataFrame:
    """A file as a frame, through the project's own readers: other tests of the process close GDAL's drivers."""
    features = read(path, **how).features
    return gpd.GeoDataFrame([f.properties for f in features], geometry=[f.geometry for f in features], crs="EPSG:4490")


def sheet_rows(path: Path, sheet: str) -> list[tuple[object, ...]]:
    return list(openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True))


def gbk_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("gb18030"))))


def test_one_seed_gives_one_set_of_bytes_and_they_are_the_committed_ones(county: Path) -> None:
    committed = Path(__file__).parents[3] / "data" / "boundaries"
    assert digests(county) == digests(committed)


def test_truth_is_a_clean_coverage_and_tiles_the_communities(county: Path) -> None:
    grids = frame(county / "truth" / "grids.geojson")
    areas = frame(county / "01_行政区划" / "丰林县_社区村界.geojson")
    assert len(grids) == 163
    assert grids.key.is_unique
    assert sum(grids.community.str.endswith("村")) == 2
    assert shapely.coverage_is_valid(grids.geometry.values)
    assert sorted(areas.kind.value_counts().to_dict().items()) == [
        ("community", 12),
        ("forest_centre_community", 3),
        ("village", 2),
    ]
    for area in areas[areas.kind != "forest_centre_community"].itertuples():
        union = shapely.coverage_union_all(grids[grids.community == area.name].geometry.values)
        assert union.geom_type == "Polygon"
        assert union.symmetric_difference(area.geometry).area == 0.0
    coordinates = shapely.get_coordinates(grids.geometry.values)
    assert (snap(coordinates) == coordinates).all()


def test_people_are_counted_right(county: Path) -> None:
    ledger = county / "04_台账"
    rows = {
        t: sheet_rows(ledger / "网格员花名册.xlsx", t)
        for t in ("新青镇", "红星镇", "五营镇", "专业网格员", "兼职网格员")
    }
    full = sum(1 for t in ("新青镇", "红星镇", "五营镇") for r in rows[t] if r[10] and str(r[2] or "").isdigit())
    assert full == 163
    assert sum(isinstance(r[0], (int, float)) for r in rows["专业网格员"]) == 128
    assert sum(isinstance(r[0], (int, float)) for r in rows["兼职网格员"]) == 382
    party = [r[1] for r in sheet_rows(ledger / "党组织名册.xlsx", "党组织")]
    assert [party.count(level) for level in ("党委", "党支部", "党小组")] == [12, 47, 118]
    centres = [r for r in sheet_rows(ledger / "党群服务中心.xlsx", "党群服务中心") if str(r[0]).startswith("DQ")]
    assert len(centres) == 13
    areas: dict[object, int] = {}
    for r in centres:
        areas[r[0]] = areas.get(r[0], 0) + int(str(r[4]))
    assert len(areas) == 12
    assert sum(a > 1000 for a in areas.values()) == 4
    assert sum(r[5] == "规划" for r in centres) == 1
    for row in gbk_rows(ledger / "党员中心户.csv"):
        assert 5 <= int(row["联系户数"]) <= 15


def test_households_add_up(county: Path) -> None:
    rows = {r["户号"]: r for r in gbk_rows(county / "04_台账" / "住户台账.csv")}
    resident = [r for r in rows.values() if r["户籍/常住"].startswith("常住")]
    assert len(resident) == pytest.approx(28_000, rel=0.01)
    assert sum(int(r["人口数"]) for r in resident) == pytest.approx(62_200, rel=0.02)
    assert 0.20 <= 1 - len(resident) / len(rows) <= 0.35
    per: dict[str, int] = {}
    for r in resident:
        per[r["社区"]] = per.get(r["社区"], 0) + 1
    assert sum(n > 3400 for n in per.values()) == 3
    assert all(r["联系电话"].startswith("100") for r in resident)


def test_exclusive_grids_lie_in_one_base_grid_and_join_their_roster(county: Path) -> None:
    folder = county / "03_专属网格"
    doc = ezdxf.readfile(folder / "专属网格.dxf")
    outlines = list(doc.modelspace().query("LWPOLYLINE"))
    assert len(outlines) == 236
    assert all(line.closed for line in outlines)
    sheet = xlrd.open_workbook(folder / "专属网格花名册.xls").sheet_by_index(0)
    numbers = {str(v) for v in sheet.col_values(3) if str(v).startswith("ZS-")}
    assert numbers == {t.dxf.text for t in doc.modelspace().query('TEXT[layer=="注记"]')}
    grids = frame(county / "truth" / "grids.geojson")
    plane = metric_for(129.0).project(grids.geometry.values)
    tree = shapely.STRtree(plane)
    shapes = [shapely.Polygon([p[:2] for p in line.get_points()]) for line in outlines]
    assert len(tree.query(shapes, predicate="within")[0]) == 236
    assert len(tree.query(shapes, predicate="intersects")[0]) == 236


def test_forestry_units_are_33_and_outside_the_base_extent(county: Path) -> None:
    path = county / "03_专属网格" / "林业局公司专属网格.zip"
    with zipfile.ZipFile(path) as archive:
        assert not any(n.endswith(".cpg") for n in archive.namelist())
    forest = frame(path, encoding="gb18030")
    grids = frame(county / "truth" / "grids.geojson")
    assert len(forest) == 33
    assert forest.is_valid.all()
    base = shapely.union_all(grids.geometry.values)
    assert not shapely.intersects(forest.geometry.values, base).any()


def test_hand_drawn_files_are_dirty_as_said(county: Path) -> None:
    folder = county / "02_基础网格"
    files = sorted(folder.rglob("*.kml"))
    marks = {p.stem: placemarks(p) for p in files}
    assert len(files) == 10
    assert sum(len(m) for m in marks.values()) + 33 == 163
    unclosed = [n for m in marks.values() for n, ring in m if ring[0] != ring[-1]]
    assert len(unclosed) == 1
    swapped = [name for name, m in marks.items() if m[0][1][0][0] < 100.0]
    assert swapped == ["新林社区"]
    rings = [shapely.Polygon(r) for m in marks.values() for _, r in m]
    crossing = [p for p in rings if not p.is_valid]
    assert crossing
    drawn = [shapely.Polygon(r) for name in ("红建中心社区", "新立中心社区") for _, r in marks[name]]
    assert not shapely.coverage_is_valid(drawn)
    plane = metric_for(129.0).project(drawn)
    overlap = sum(shapely.area(plane)) - shapely.area(shapely.union_all(plane))
    assert overlap > 50.0
    assert any(a == b for m in marks.values() for _, r in m for a, b in itertools.pairwise(r))
    names = {re.sub(r"[0-9]+|[０-９]+|[一二三四五六七八九十]+", "N", n) for m in marks.values() for n, _ in m}
    assert len(names) >= 3
    assert not list(folder.rglob("*.cpg"))


def test_buildings_keep_clear_of_grid_lines(county: Path) -> None:
    metric = metric_for(129.0)
    buildings = metric.project(frame(county / "06_底图" / "楼栋.gpkg", layer="楼栋").geometry.values)
    grids = metric.project(frame(county / "truth" / "grids.geojson").geometry.values)
    tree = shapely.STRtree(shapely.boundary(grids))
    _, distance = tree.query_nearest(buildings, return_distance=True, all_matches=False)
    assert distance.min() >= 6.0
    assert shapely.is_valid(buildings).all()


def test_incidents_have_a_truth_and_some_lie_in_the_forest(county: Path) -> None:
    rows = sheet_rows(county / "05_工单" / "12345工单导出.xlsx", "工单")
    with (county / "truth" / "incidents.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    assert [r[0] for r in rows[1:]] == [t["工单编号"] for t in truth]
    assert len(truth) == 6000
    assert 5 <= sum(t["basis"] == "outside" for t in truth) <= 30
    assert 300 <= sum(not r[11] for r in rows[1:]) <= 1500
    assert min(str(r[2]) for r in rows[1:]) >= "2024-10-01"
    assert max(str(r[2]) for r in rows[1:]) < "2025-10-01"


@pytest.mark.parametrize("seed", [11, *(pytest.param(n, marks=pytest.mark.battery) for n in range(1, 9))])
def test_another_seed_passes_the_same_way(seed: int, tmp_path: Path) -> None:
    write_county(seed, tmp_path)
    grids = frame(tmp_path / "truth" / "grids.geojson")
    assert len(grids) == 163
    assert shapely.coverage_is_valid(grids.geometry.values)
    assert (grids.geom_type == "Polygon").all()
    # No hole but the land between two villages, which is wide.
    holes = [shapely.Polygon(r) for p in shapely.get_parts(grids.union_all()) for r in p.interiors]
    metric = metric_for(129.4)
    assert all(metric.area_m2(hole) > 10_000 for hole in holes)
