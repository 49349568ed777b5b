"""A made-up county small enough to check by hand, written to disk in the forms staff have.

Two communities of one town, each three by two grids of 300 m, one river between grid rows two and three
of the second community. Households stand in buildings; some have only a point; incidents come in GCJ-02.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
import xlsxwriter

from geo.crs import GCJ02, from_cgcs2000, metric_for

if TYPE_CHECKING:
    from pathlib import Path

COUNTY, TOWN = "230724", "230724100"
LIMING, HONGJIAN = f"{TOWN}001", f"{TOWN}002"
NAMES = {LIMING: "黎明社区", HONGJIAN: "红建中心社区"}
METRIC = metric_for(129.5)
EAST, NORTH, SIDE = 538_000.0, 5_350_000.0, 300.0
COLUMNS, ROWS = 3, 2
HOMES_PER_BUILDING = 10
YARDS = ("红林", "松涛", "云杉", "白桦", "柞木", "山杨")


@dataclass(frozen=True)
class SmallCounty:
    """Where the files are and what is true."""

    folder: Path
    grid_of_home: dict[str, tuple[str, int]]
    grid_of_incident: dict[str, tuple[str, int] | None]

    def path(self, name: str) -> Path:
        return self.folder / name


def corner(community: str, col: int, row: int) -> tuple[float, float]:
    shift = 0.0 if community == LIMING else COLUMNS * SIDE
    return EAST + shift + col * SIDE, NORTH + row * SIDE


def number_of(col: int, row: int) -> int:
    return row * COLUMNS + col + 1


def cell(community: str, col: int, row: int) -> shapely.Polygon:
    x, y = corner(community, col, row)
    return shapely.box(x, y, x + SIDE, y + SIDE)


def grids() -> list[tuple[str, int, shapely.Polygon]]:
    return [
        (community, number_of(col, row), cell(community, col, row))
        for community in NAMES
        for row in range(ROWS)
        for col in range(COLUMNS)
    ]


def write_small_county(folder: Path, *, seed: int = 1, dirt_m: float = 0.3) -> SmallCounty:
    """Write all files and return the truth."""
    rng = np.random.default_rng(seed)
    _write_areas(folder / "areas.geojson")
    for community, name in NAMES.items():
        _write_kml(folder / f"{name}.kml", community, rng, dirt_m)
    homes = _write_homes(folder, rng)
    incidents = _write_incidents(folder / "incidents.xlsx", rng)
    _write_workers(folder / "workers.xlsx")
    return SmallCounty(folder, homes, incidents)


def _degrees(shape: shapely.Geometry) -> shapely.Geometry:
    return METRIC.unproject(shape)


def _feature(shape: shapely.Geometry, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": json.loads(shapely.to_geojson(_degrees(shape)))}


def _collection(path: Path, features: list[dict[str, object]]) -> None:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), "utf-8")


def _write_areas(path: Path) -> None:
    # Outlines carry every grid corner, as the survey office's do.
    outlines = {c: shapely.union_all([g for k, _, g in grids() if k == c]) for c in NAMES}
    whole = shapely.union_all(list(outlines.values()))
    _collection(
        path,
        [
            _feature(whole.buffer(3_000), code=COUNTY, name="丰林县", kind="county"),
            _feature(whole.buffer(500), code=TOWN, name="新青镇", kind="town", parent_code=COUNTY),
            *(_feature(outlines[c], code=c, name=n, kind="community", parent_code=TOWN) for c, n in NAMES.items()),
        ],
    )


def _write_kml(path: Path, community: str, rng: np.random.Generator, dirt_m: float) -> None:
    marks = []
    for owner, number, shape in grids():
        if owner != community:
            continue
        ring = shapely.get_coordinates(shape)[:-1] + rng.uniform(-dirt_m, dirt_m, (4, 2))
        lon, lat = METRIC.inverse(ring[:, 0], ring[:, 1])
        text = " ".join(f"{x:.9f},{y:.9f},0" for x, y in zip([*lon, lon[0]], [*lat, lat[0]], strict=True))
        marks.append(
            f"<Placemark><name>第{number}网格</name><Polygon><outerBoundaryIs><LinearRing><coordinates>{text}"
            "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        )
    body = f"<Folder><name>{NAMES[community]}</name>{''.join(marks)}</Folder>"
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    path.write_text(f"{head}{body}</Document></kml>", encoding="utf-8")


def _write_homes(folder: Path, rng: np.random.Generator) -> dict[str, tuple[str, int]]:
    truth: dict[str, tuple[str, int]] = {}
    rows, buildings = [], []
    for community, number, shape in grids():
        # Uneven loads, so that there is something to balance.
        for n in range(1, 2 + int(rng.integers(1, 4))):
            x, y = shape.bounds[0] + 40 * n, shape.bounds[1] + 100
            name = f"{YARDS[number - 1]}小区"
            key = f"{NAMES[community]}-{number}-{n}"
            buildings.append(
                _feature(
                    shapely.box(x, y, x + 25, y + 12), 楼栋编号=key, 社区=NAMES[community], 小区=name, 楼号=f"{n}号楼"
                )
            )
            for room in range(HOMES_PER_BUILDING):
                home = f"H{community[-3:]}{number:02d}{n:02d}{room:02d}"
                rows.append(
                    [home, "新青镇", NAMES[community], name, f"{n}#", "1", str(101 + room), "2", "常住", "", ""]
                )
                truth[home] = (community, number)
        lon, lat = METRIC.inverse([shape.bounds[0] + 200.0], [shape.bounds[1] + 200.0])
        home = f"P{community[-3:]}{number:02d}"
        rows.append([home, "新青镇", NAMES[community], "", "", "", "", "3人", "常住", f"{lon[0]:.7f}", f"{lat[0]:.7f}"])
        truth[home] = (community, number)
    _collection(folder / "buildings.geojson", buildings)
    with (folder / "homes.csv").open("w", encoding="gb18030", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["户号", "镇", "社区", "小区", "楼号", "单元", "室", "人口数", "户籍/常住", "经度", "纬度"])
        out.writerows(rows)
    return truth


def _write_incidents(path: Path, rng: np.random.Generator) -> dict[str, tuple[str, int] | None]:
    truth: dict[str, tuple[str, int] | None] = {}
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("工单")
    sheet.write_row(0, 0, ["工单编号", "受理时间", "问题分类", "镇", "社区", "事发地址", "经度", "纬度"])
    told = [(c, n, *(np.array(s.bounds[:2]) + rng.uniform(20, 280, 2))) for c, n, s in grids() for _ in range(5)]
    told.append((None, 0, EAST - 1_500.0, NORTH))
    for row, (community, number, x, y) in enumerate(told, start=1):
        lon, lat = from_cgcs2000(*METRIC.inverse([x], [y]), GCJ02)
        when = dt.datetime(2025, 1, 1, 9, tzinfo=dt.UTC) + dt.timedelta(hours=row)
        name = NAMES[community] if community else ""
        cells = [f"G{row:04d}", f"{when:%Y-%m-%d %H:%M:%S}", "供热", "新青镇" if name else "", name, ""]
        sheet.write_row(row, 0, [*cells, round(lon[0], 6), round(lat[0], 6)])
        truth[f"G{row:04d}"] = (community, number) if community else None
    book.close()
    return truth


def _write_workers(path: Path) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("新青镇")
    sheet.merge_range(0, 0, 0, 3, "新青镇网格员花名册（演示数据）")
    sheet.write_row(1, 0, ["社区", "原编号", "专职网格员", "联系电话"])
    for row, (community, number, _) in enumerate(grids(), start=2):
        sheet.write_row(row, 0, [NAMES[community], str(number), f"演{number}员", "10000000000"])
    book.close()
