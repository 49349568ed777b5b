"""Files of square blocks for tests of merges without a store, and what is asked of them."""

from __future__ import annotations

import json

import numpy as np
import shapely

from geo.services.merge_file import MergeFileRequest

ORIGIN = (129.5, 47.8)


def degrees(shape):
    """Metres on a made-up plane as degrees near the county, rounded as text formats do."""

    def move(xy):
        return np.round(np.column_stack([ORIGIN[0] + xy[:, 0] / 74_700, ORIGIN[1] + xy[:, 1] / 111_200]), 9)

    return shapely.transform(shape, move)


def save(path, shapes, rows, *, crs=None):
    features = [
        {"type": "Feature", "properties": row, "geometry": None if shape is None else shapely.geometry.mapping(shape)}
        for shape, row in zip(shapes, rows, strict=True)
    ]
    document = {"type": "FeatureCollection", "features": features}
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def blocks(side=4, size=200.0):
    return [shapely.box(x * size, y * size, (x + 1) * size, (y + 1) * size) for y in range(side) for x in range(side)]


def squares(path, *, side=4, **changes):
    """A file of square blocks in two counties, ids A0…; `changes` maps a row to new properties."""
    shapes = [degrees(shape) for shape in blocks(side)]
    rows = [{"CODE": f"A{k}", "POP": 100 + 7 * (k % 5), "COUNTY": k % side // 2} for k in range(len(shapes))]
    for row, change in changes.items():
        rows[int(row[3:])] |= change
    return save(path, shapes, rows)


def ask(folder, grids, **options):
    given = {"out": folder / "out.csv", "report": folder / "r.json", "groups": 8, "load": "POP", "id_field": "CODE"}
    return MergeFileRequest(grids=grids, **(given | options))
