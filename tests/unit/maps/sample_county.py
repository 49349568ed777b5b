"""A small invented county: three bent street lattices along a river, 163 grids before, 114 after."""

import dataclasses
import datetime as dt
import functools

import numpy as np
import shapely

from geo.crs import snap_geometry
from geo.model import ChangeKind, GridKind
from maps.view import AreaView, BuildingView, CountyView, GridView, LineKind, LineView, PointView

M = 1 / 111_000  # degrees of latitude per metre
TOWNS = (
    (
        "新青镇",
        "230724100",
        (129.5257, 48.2883),
        (10, 7),
        ("黎明社区", "红建中心社区", "新民社区", "新立中心社区", "富民社区"),
        21,
    ),
    ("红星镇", "230724101", (129.3828, 48.2370), (6, 6), ("东升社区", "前进社区", "团结社区"), 11),
    ("五营镇", "230724102", (129.2376, 48.1056), (11, 5), ("育林社区", "建林社区", "松林社区", "新林社区"), 17),
)
NUMERALS = "零一二三四五六七八九十"


def numeral(number):
    """Return 1…99 in Chinese."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else NUMERALS[tens] + "十"
    return head + (NUMERALS[ones] if ones else "")


def warped(points, centre):
    """Metres around a centre → degrees, bent so that nothing is a chessboard."""
    x, y = points[:, 0], points[:, 1]
    bent_x = x + 90 * np.sin(y / 520) + 25 * np.sin(x / 190 + y / 310)
    bent_y = y + 140 * np.sin(x / 900) + 30 * np.sin(y / 170 - x / 410)
    return np.column_stack([centre[0] + bent_x * M / np.cos(np.radians(centre[1])), centre[1] + bent_y * M])


def cells(size, centre):
    """Return the lattice's quadrangles row by row from the north-west, with a node on each edge's middle."""
    columns, rows = size
    out = []
    for row in range(rows):
        for column in range(columns):
            west, north = (column - columns / 2) * 260, (rows / 2 - row) * 230
            ring = [(0, 0), (130, 0), (260, 0), (260, -115), (260, -230), (130, -230), (0, -230), (0, -115)]
            corners = np.array([(west + dx, north + dy) for dx, dy in ring], dtype=float)
            out.append(snap_geometry(shapely.Polygon(warped(corners, centre))))
    return out


def before_grids(rng):
    """Return 161 town grids in communities of consecutive column bands, and two villages."""
    grids = []
    for town, _, centre, (columns, rows), communities, _ in TOWNS:
        shapes = cells((columns, rows), centre)
        order = sorted(range(len(shapes)), key=lambda i: (i % columns, i // columns))
        for rank, index in enumerate(order):
            community = communities[rank * len(communities) // len(order)]
            number = sum(g.community == community for g in grids) + 1
            grids.append(
                one_grid(
                    f"o{len(grids):03}", f"{number}", f"{community}{number}号网格", community, town, shapes[index], rng
                )
            )
    for name, offset in (("跃进村", (5200, 3900)), ("兴龙村", (-4700, -4200))):
        box = np.array([(0, 0), (900, 80), (1900, -60), (1800, 1300), (700, 1500), (-120, 800)], dtype=float) + offset
        shape = snap_geometry(shapely.Polygon(warped(box, TOWNS[2][2])))
        grids.append(one_grid(f"o{len(grids):03}", "1", f"{name}网格", name, "五营镇", shape, rng))
    return grids


def one_grid(identity, code, name, community, town, shape, rng):
    """Return a grid with drawn counts."""
    households = int(rng.integers(60, 330))
    return GridView(
        id=identity,
        code=code,
        name=name,
        community=community,
        town=town,
        geometry=shape,
        households=households,
        persons=int(households * 2.2),
        full_time=1,
        part_time=int(rng.integers(0, 4)),
        party_groups=int(rng.random() < 0.85),
        anchors=int(rng.integers(0, 5)),
        near_share=float(np.round(rng.random(), 3)),
        linked_share=float(np.round(rng.random() / 2, 3)),
    )


def merged(group, code, name):
    """Return the grid that several old ones become."""
    return GridView(
        id="n" + code,
        code=code,
        name=name,
        community=group[0].community,
        town=group[0].town,
        geometry=shapely.coverage_union_all([g.geometry for g in group]),
        households=sum(g.households for g in group),
        persons=sum(g.persons for g in group),
        full_time=1,
        part_time=sum(g.part_time for g in group),
        party_groups=sum(g.party_groups for g in group),
        anchors=sum(g.anchors for g in group),
        near_share=sum(g.near_share * g.households for g in group) / sum(g.households for g in group),
        linked_share=sum(g.linked_share * g.households for g in group) / sum(g.households for g in group),
        members=tuple(g.name for g in group),
        member_ids=tuple(g.id for g in group),
        change=ChangeKind.MERGE if len(group) > 1 else ChangeKind.KEEP,
    )


def groups_of(grids, merges):
    """Pair vertically adjacent grids of one community until `merges` pairs stand."""
    groups, left = [], list(grids)
    while left:
        first = left.pop(0)
        partner = next((g for g in left[:1] if g.community == first.community and touches_by_line(first, g)), None)
        if partner is not None and merges > 0:
            left.remove(partner)
            merges -= 1
            groups.append([first, partner])
        else:
            groups.append([first])
    return groups


def touches_by_line(one, other):
    """Whether two grids share more than a point."""
    return shapely.length(shapely.intersection(one.geometry, other.geometry)) > 0


def after_grids(before):
    """Return 114 grids with 15-digit codes."""
    after = []
    for town, town_code, _, _, communities, merges in TOWNS:
        serials = dict.fromkeys(communities, 0)
        for group in groups_of([g for g in before if g.town == town and g.community in communities], merges):
            community = group[0].community
            serials[community] += 1
            code = f"{town_code}{communities.index(community) + 1:03}{serials[community]:03}"
            after.append(merged(group, code, f"{community}第{numeral(serials[community])}网格"))
    for rank, grid in enumerate(g for g in before if g.community.endswith("村")):
        after.append(merged([grid], f"2307241022{rank + 1:02}001", f"{grid.community}网格"))
    return after


def features(rng):
    """Return lines, buildings, anchors and exclusive grids of the three towns."""
    lines, buildings, anchors, exclusive = [], [], [], []
    for town, town_code, centre, (columns, rows), communities, _ in TOWNS:
        along = np.linspace(-columns * 160, columns * 160, 60)
        for offset, kind, name in (
            (-rows * 115 - 90, LineKind.RIVER, "汤旺河"),
            (rows * 115 + 60, LineKind.RAIL, "汤林铁路"),
        ):
            lines.append(
                LineView(
                    kind=kind,
                    name=name,
                    geometry=shapely.LineString(warped(np.column_stack([along, np.full(60, offset)]), centre)),
                )
            )
        for row in range(1, rows):
            track = np.column_stack([along, np.full(60, (rows / 2 - row) * 230)])
            lines.append(
                LineView(
                    kind=LineKind.ROAD,
                    name=f"{'繁荣新青中山团结林海红松'[row * 2 - 2 : row * 2]}街",
                    geometry=shapely.LineString(warped(track, centre)),
                )
            )
        for x, y in rng.uniform((-columns * 125, -rows * 110), (columns * 125, rows * 110), (120, 2)):
            block = np.array([(x, y), (x + 48, y), (x + 48, y + 12), (x, y + 12)])
            buildings.append(BuildingView(geometry=shapely.Polygon(warped(block, centre))))
        spots = warped(rng.uniform((-columns * 125, -rows * 110), (columns * 125, rows * 110), (40, 2)), centre)
        anchors += [PointView(lon=float(lon), lat=float(lat)) for lon, lat in spots]
        block = np.array([(-60, -40), (70, -40), (70, 55), (-60, 55)], dtype=float)
        exclusive.append(
            GridView(
                id="x" + town_code,
                code=town_code + "001601",
                name=f"{town}中心学校",
                community=communities[0],
                town=town,
                kind=GridKind.EXCLUSIVE,
                geometry=shapely.Polygon(warped(block, centre)),
                owner_unit=f"{town}中心学校",
            )
        )
    return tuple(lines), tuple(buildings), tuple(anchors), tuple(exclusive)


@functools.lru_cache(maxsize=1)
def sample_county():
    """Return the whole view."""
    rng = np.random.default_rng(7)
    before = before_grids(rng)
    lines, buildings, anchors, exclusive = features(rng)
    areas = [AreaView(code=code, name=town, kind="town") for town, code, *_ in TOWNS]
    outline = shapely.Polygon(
        [(129.0, 48.0), (129.45, 47.98), (129.86, 48.2), (129.8, 48.45), (129.4, 48.47), (129.1, 48.3)]
    )
    areas.append(AreaView(code="230724", name="丰林县", kind="county", geometry=outline))
    return CountyView(
        title="丰林县基础网格优化前后对照图",
        subtitle="163个网格优化为114个",
        county_name="丰林县",
        county_code="230724",
        before=tuple(before),
        after=tuple(after_grids(before)),
        areas=tuple(areas),
        lines=lines,
        buildings=buildings,
        anchors=anchors,
        exclusive=exclusive,
        data_as_of=dt.date(2025, 6, 30),
        before_as_of=dt.date(2025, 6, 30),
        after_as_of=dt.date(2025, 9, 1),
        drawn_on=dt.date(2025, 9, 3),
        compiled_by="丰林县网格化服务管理中心",
        map_no="图1-1",
        demonstration=True,
    )


def renamed(view, name):
    """Return the view with `name` as name of grid, community, town, street, unit and title."""

    def swap(grid):
        return dataclasses.replace(
            grid, name=name, label=name, community=name, town=name, owner_unit=name, members=(name,)
        )

    return dataclasses.replace(
        view,
        title=name,
        subtitle=name,
        county_name=name,
        compiled_by=name,
        before=tuple(map(swap, view.before)),
        after=tuple(map(swap, view.after)),
        exclusive=tuple(map(swap, view.exclusive)),
        areas=tuple(dataclasses.replace(a, name=name) for a in view.areas),
        lines=tuple(dataclasses.replace(line, name=name) for line in view.lines),
    )
