# ruff: noqa: E501 - tables read better in long lines
"""Write the files with geometry: areas, base grids as drawn, exclusive grids, the base map, the truth."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ezdxf
import geopandas as gpd
import numpy as np
import shapely
from ezdxf.enums import TextEntityAlignment

from geo.crs import Metric

from .dirt import Drawn, Habits, draw_by_hand
from .names import numeral
from .world import COUNTY_CODE, COUNTY_NAME, NOTE, World, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .land import Grid

__all__ = [
    "geojson",
    "grid_word",
    "write_areas",
    "write_base_grids",
    "write_base_map",
    "write_exclusive",
    "write_forest",
]

_METRIC = Metric(4552)
_KML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n'


def _degrees(shapes: Any) -> Any:
    return _METRIC.unproject(shapes)


def geojson(path: Path, title: str, rows: Sequence[tuple[Any, dict[str, Any]]], *, decimals: int = 9) -> None:
    """Write features whose geometry is in degrees; the title says what the file is and that it is invented."""
    features = [
        {"type": "Feature", "properties": properties, "geometry": _rounded(shapely.geometry.mapping(shape), decimals)}
        for shape, properties in rows
    ]
    body = {
        "type": "FeatureCollection",
        "name": title,
        "description": f"{NOTE} 2000国家大地坐标系",
        "features": features,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8", newline="\n")


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, float):
        return round(value, decimals)
    if isinstance(value, dict):
        return {k: _rounded(v, decimals) for k, v in value.items()}
    return [_rounded(v, decimals) for v in value] if isinstance(value, (list, tuple)) else value


def _area(code: str, name: str, official: str, kind: str, parent: str) -> dict[str, Any]:
    return {"code": code, "name": name, "official_name": official, "kind": kind, "parent_code": parent, "note": NOTE}


def write_areas(world: World, folder: Path) -> None:
    """County, towns, communities, villages and forest centres: clean, on the lattice, sharing vertices."""
    county = _area(COUNTY_CODE, COUNTY_NAME, COUNTY_NAME, "county", "")
    geojson(folder / "丰林县_县界.geojson", f"丰林县县界（{NOTE}）", [(_degrees(world.county), county)])
    towns = [
        (_degrees(world.town_outlines[t.plan.name]), _area(t.plan.code, t.plan.name, t.plan.name, "town", COUNTY_CODE))
        for t in world.towns
    ]
    geojson(folder / "丰林县_镇界.geojson", f"丰林县镇界（{NOTE}）", towns)
    rows = []
    for unit in world.units:
        shape = _unit_shape(world, unit)
        rows.append(
            (shape, _area(unit["code12"], unit["short_name"], unit["official_name"], unit["kind"], unit["town_code"]))
        )
    geojson(folder / "丰林县_社区村界.geojson", f"丰林县社区、村及林场中心社区（{NOTE}）", rows)


def _unit_shape(world: World, unit: dict[str, str]) -> Any:
    """Communities and villages are the union of their grids; a forest centre is the union of its forestry units."""
    if unit["kind"] == "forest_centre_community":
        parts = [_degrees(u.shape) for u in world.forest if u.town == unit["town_name"]]
        return shapely.union_all(parts)
    return shapely.coverage_union_all([_degrees(g.shape) for g in world.grids if g.community == unit["short_name"]])


def grid_word(number: int, style: int) -> str:
    """Write a grid's name in one of the ways clerks write it."""
    wide = "".join(chr(ord(c) + 0xFEE0) for c in str(number))
    words = (
        f"第{numeral(number)}网格",
        f"第{number}网格",
        f"第{wide}网格",
        f"{numeral(number)}网格",
        f"{number}号网格",
    )
    return words[style % len(words)]


def _counts(world: World) -> dict[str, tuple[int, int]]:
    found: dict[str, list[int]] = {g.key: [0, 0] for g in world.grids}
    for home in world.homes:
        if home.resident:
            found[home.grid][0] += 1
            found[home.grid][1] += home.persons
    return {k: (a, b) for k, (a, b) in found.items()}


def write_base_grids(world: World, folder: Path, workers: dict[str, str]) -> dict[str, list[str]]:
    """Write the base grids as staff have drawn them; return the defects put in, by file."""
    counts, log = _counts(world), {}
    k = 0
    for town in world.towns:
        if town.plan.name == "红星镇":
            log[town.plan.name] = _write_shapefile(world, town.grids, folder / "红星镇", (counts, workers))
            continue
        for community in town.plan.communities:
            grids = [g for g in town.grids if g.community == community]
            habits = Habits(
                jitter_m=(0.12, 0.16, 0.14)[k % 3], slips=2 + k % 3, gaps=int(k % 2 == 0), spikes=int(k % 3 == 1),
                bow_tie=community == "新民社区", unclosed=community == "建林社区",
            )  # fmt: skip
            drawn = draw_by_hand([g.shape for g in grids], habits, stream(world.seed, f"dirt{community}"))
            style = {"swapped": community == "新林社区", "extended": k % 2 == 1, "names": k}
            _write_kml(
                folder / town.plan.name / f"{community}.kml", (community, grids, drawn), (counts, workers), style
            )
            log[community] = [f"{g.key}: {d}" for g, x in zip(grids, drawn, strict=True) for d in x.defects]
            k += 1
    grids = [v.grid for v in world.villages]
    habits = Habits(jitter_m=0.12, slips=0, gaps=0, doubled=1, spikes=0)
    drawn = draw_by_hand([g.shape for g in grids], habits, stream(world.seed, "dirtvillages"))
    style = {"swapped": False, "extended": True, "names": 0}
    _write_kml(folder / "村" / "跃进村_兴龙村.kml", ("五营镇各村", grids, drawn), (counts, workers), style)
    return log


def _write_kml(
    path: Path, content: tuple[str, list[Grid], list[Drawn]], facts: tuple[Any, dict[str, str]], style: dict[str, Any]
) -> None:
    title, grids, drawn = content
    counts, workers = facts
    marks = []
    for n, (grid, one) in enumerate(zip(grids, drawn, strict=True)):
        lon, lat = _METRIC.inverse(one.ring[:, 0], one.ring[:, 1])
        a, b = (lat, lon) if style["swapped"] else (lon, lat)
        text = " ".join(f"{p:.8f},{q:.8f},0" for p, q in zip(a, b, strict=True))
        name = (
            grid_word(grid.number, style["names"] + (n % 7 == 3)) if title != "五营镇各村" else f"{grid.community}网格"
        )
        note = _kml_note(grid, counts[grid.key], workers[grid.key], extended=style["extended"])
        marks.append(
            f"<Placemark><name>{name}</name>{note}<styleUrl>#wg</styleUrl><Polygon><outerBoundaryIs><LinearRing><coordinates>"
            f"{text}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>\n"
        )
    body = (
        f"{_KML_HEAD}<Document><name>{path.stem}网格（{NOTE}）</name>"
        '<Style id="wg"><LineStyle><color>ffff00ff</color><width>2</width></LineStyle><PolyStyle><color>4000ffff</color></PolyStyle></Style>\n'
        f"<Folder><name>{title}</name>\n{''.join(marks)}</Folder></Document></kml>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, encoding="utf-8", newline="\n")


def _kml_note(grid: Grid, counts: tuple[int, int], worker: str, *, extended: bool) -> str:
    homes, persons = counts
    if not extended:
        return f"<description><![CDATA[户数:{homes}<br>人数:{persons}<br>网格员:{worker}<br>{NOTE}]]></description>"
    fields = {"原编号": grid.number, "户数": homes, "人数": persons, "网格员": worker, "备注": NOTE}
    data = "".join(f'<Data name="{k}"><value>{v}</value></Data>' for k, v in fields.items())
    return f"<ExtendedData>{data}</ExtendedData>"


def _write_shapefile(world: World, grids: list[Grid], folder: Path, facts: tuple[Any, dict[str, str]]) -> list[str]:
    counts, workers = facts
    habits = Habits(jitter_m=0.10, slips=5, gaps=2, doubled=4, spikes=1)
    drawn = draw_by_hand([g.shape for g in grids], habits, stream(world.seed, "dirt红星镇"))
    shapes = [shapely.Polygon(np.column_stack(_METRIC.inverse(d.ring[:, 0], d.ring[:, 1]))) for d in drawn]
    rows = [
        {"原编号": str(g.number), "网格名称": grid_word(g.number, 0 if i % 5 else 1), "社区": g.community, "户数": counts[g.key][0],
         "人数": counts[g.key][1], "网格员": workers[g.key], "备注": NOTE}
        for i, g in enumerate(grids)
    ]  # fmt: skip
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4490")
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, data in _shapefile(frame, "红星镇网格").items():
        (folder / f"红星镇网格{suffix}").write_bytes(data)
    return [f"{g.key}: {d}" for g, x in zip(grids, drawn, strict=True) for d in x.defects]


def _shapefile(frame: gpd.GeoDataFrame, name: str) -> dict[str, bytes]:
    """Return the parts of a GBK shapefile without its .cpg, as old office software leaves them."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / f"{name}.shp"
        frame.to_file(target, engine="pyogrio", encoding="GBK", DBF_DATE_LAST_UPDATE="2025-06-30")
        return {s: (Path(scratch) / f"{name}{s}").read_bytes() for s in (".shp", ".shx", ".dbf", ".prj")}


def write_exclusive(world: World, path: Path) -> None:
    """Write the outlines of the exclusive grids as DXF: closed polylines and their numbers as text."""
    ezdxf.options.write_fixed_meta_data_for_testing = True
    doc = ezdxf.new("R2010", setup=False)
    doc.layers.add("专属网格", color=1)
    doc.layers.add("注记", color=7)
    space = doc.modelspace()
    for one in world.exclusive:
        ring = np.round(shapely.get_coordinates(one.shape.exterior)[:-1], 3)
        space.add_lwpolyline(ring.tolist(), close=True, dxfattribs={"layer": "专属网格"})
        spot = one.shape.representative_point()
        text = space.add_text(one.number, height=6.0, dxfattribs={"layer": "注记"})
        text.set_placement((round(spot.x, 3), round(spot.y, 3)), align=TextEntityAlignment.MIDDLE_CENTER)
    west, south = (float(v) for v in np.min([s.shape.bounds[:2] for s in world.exclusive], axis=0))
    space.add_text(f"专属网格示意图 {NOTE}", height=40.0, dxfattribs={"layer": "图名"}).set_placement(
        (round(west), round(south) - 200)
    )
    # The writer collects its classes in a set, whose order changes from run to run.
    doc.classes.add_required_classes(doc.dxfversion)
    doc.classes.classes = dict(sorted(doc.classes.classes.items()))
    stream_out = io.StringIO()
    doc.write(stream_out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stream_out.getvalue(), encoding="utf-8", newline="\n")


def write_forest(world: World, path: Path) -> None:
    """Write the forestry companies' grids as a zipped shapefile."""
    centre = {u["town_name"]: u for u in world.units if u["kind"] == "forest_centre_community"}
    rows = [
        {"编号": f"LY-{i:02d}", "名称": u.name, "类型": u.kind, "公司": u.company, "所属社区": centre[u.town]["short_name"],
         "社区代码": centre[u.town]["code12"], "面积公顷": round(u.shape.area / 1e4, 1), "备注": NOTE}
        for i, u in enumerate(world.forest, start=1)
    ]  # fmt: skip
    frame = gpd.GeoDataFrame(
        rows, geometry=list(_degrees(np.array([u.shape for u in world.forest], dtype=object))), crs="EPSG:4490"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix, data in _shapefile(frame, path.stem).items():
            archive.writestr(
                zipfile.ZipInfo(f"{path.stem}{suffix}", (2025, 6, 30, 9, 0, 0)), data, zipfile.ZIP_DEFLATED
            )


def write_base_map(world: World, folder: Path) -> None:
    """Write buildings, compounds, places, lines and water."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"楼栋编号": b.code, "社区": b.community, "小区": b.compound, "楼号": b.number, "层数": b.floors, "单元数": b.stairwells,
         "套数": b.dwellings, "用途": b.use, "地址": b.address, "备注": NOTE}
        for b in world.buildings
    ]  # fmt: skip
    shapes = _degrees(np.array([b.shape for b in world.buildings], dtype=object))
    os.environ["OGR_CURRENT_DATE"] = "2025-06-30T09:00:00.000Z"
    target = folder / "楼栋.gpkg"
    target.unlink(missing_ok=True)
    frame = gpd.GeoDataFrame(rows, geometry=list(shapes), crs="EPSG:4490")
    frame.to_file(target, layer="楼栋", engine="pyogrio", driver="GPKG", DESCRIPTION=NOTE)
    _write_compounds(world, folder / "小区.geojson")
    places = [
        (
            _degrees(shapely.Point(p.x, p.y)),
            {"名称": p.name, "别名": p.alias, "类别": p.kind, "社区": p.community, "备注": NOTE},
        )
        for p in world.places
    ]
    geojson(folder / "地名标志物.geojson", f"地名、标志物（{NOTE}）", places, decimals=8)
    lines = [
        (_degrees(x.shape), {"名称": x.name, "kind": x.kind, "等级": x.rank, "barrier": x.barrier, "备注": NOTE})
        for x in world.lines
    ]
    geojson(folder / "道路河流铁路.geojson", f"道路、河流、铁路（{NOTE}）", lines, decimals=8)
    waters = [(_degrees(w), {"名称": "汤旺河", "备注": NOTE}) for w in world.waters]
    geojson(folder / "水域.geojson", f"水域（{NOTE}）", waters, decimals=8)


def _write_compounds(world: World, path: Path) -> None:
    rows = []
    for town in world.towns:
        short = town.plan.name.removesuffix("镇")
        for lot in town.lots:
            if lot.use in ("slab", "bungalow"):
                keeper = f"{short}{lot.name}物业服务站" if lot.use == "slab" else ""
                rows.append((
                    _degrees(lot.shape),
                    {"小区编号": f"XQ{len(rows) + 1:04d}", "小区": lot.name, "别名": lot.area_name, "社区": lot.grid.split("/")[0],
                     "类别": lot.kind, "物业": keeper, "备注": NOTE},
                ))  # fmt: skip
    geojson(path, f"小区、院落（{NOTE}）", rows, decimals=8)
