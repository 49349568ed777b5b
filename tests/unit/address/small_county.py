"""A county small enough to be read: two towns, four communities and a village, names that repeat on purpose."""

from __future__ import annotations

from geo.address import AddressBook

AREAS = [
    {"code": "230724", "name": "丰林县", "kind": "county", "parent_code": ""},
    {"code": "230724100", "name": "新青镇", "kind": "town", "parent_code": "230724"},
    {"code": "230724101", "name": "红星镇", "kind": "town", "parent_code": "230724"},
    {"code": "230724100001", "name": "黎明社区", "kind": "community", "parent_code": "230724100", "grids": (0, 1)},
    {"code": "230724100002", "name": "红建中心社区", "kind": "community", "parent_code": "230724100", "grids": (2, 3)},
    {
        "code": "230724101001",
        "name": "前进社区",
        "kind": "community",
        "parent_code": "230724101",
        "grids": (4, 5, 6, 7, 8),
        "aliases": ("东风社区",),
    },
    {"code": "230724101201", "name": "跃进村", "kind": "village", "parent_code": "230724101", "grids": (9,)},
]
LIMING, HONGJIAN, QIANJIN, YUEJIN = "230724100001", "230724100002", "230724101001", "230724101201"

# community, compound, grid of each building from number 1 on
_COMPOUNDS = (
    (LIMING, "佳园小区", (0, 0, 1, 1)),
    (LIMING, "红林小区", (0, 0)),
    (LIMING, "林业嘉苑", (1, 1, 1)),
    (HONGJIAN, "青林小区", (2, 2, 2)),
    (HONGJIAN, "松苑小区", (3, 3)),
    (HONGJIAN, "山水家园", (2, 3)),
    (QIANJIN, "佳园小区", (4, 4, 5, 5, 5, 5)),
    (QIANJIN, "林业小区", (6, 6, 6, 6)),
    (QIANJIN, "松园小区", (7, 7)),
)
_QUARTERS = (
    (LIMING, "1委1组", "贮木场家属区", 0),
    (LIMING, "1委2组", "贮木场家属区", 0),
    (LIMING, "2委1组", "铁北平房区", 1),
    (QIANJIN, "1委1组", "铁北平房区", 7),
    (QIANJIN, "1委2组", "铁北平房区", 8),
    (YUEJIN, "跃进村1组", "", 9),
    (YUEJIN, "跃进村2组", "", 9),
)
_TOWN = {LIMING: "新青镇", HONGJIAN: "新青镇", QIANJIN: "红星镇", YUEJIN: "红星镇"}


def buildings():
    found = [
        {
            "source_key": f"B-{code[-6:]}-{name}-{number}",
            "community_code": code,
            "compound": name,
            "number": f"{number}号楼",
            "stairwells": 3,
            "address_text": f"{_TOWN[code]}{name}{number}号楼",
            "grid": grid,
            "near": ((grid, 0.0), (grid + 1, 30.0)) if name == "松苑小区" else (),
        }
        for code, name, grids in _COMPOUNDS
        for number, grid in enumerate(grids, start=1)
    ]
    return found + [
        {
            "source_key": f"B-{code[-6:]}-{name}",
            "community_code": code,
            "compound": name,
            "number": "",
            "address_text": f"{_TOWN[code]}{zone}{name}",
            "grid": grid,
        }
        for code, name, zone, grid in _QUARTERS
    ]


def compounds():
    return [
        {"source_key": f"C-{code[-6:]}-{name}", "community_code": code, "name": name} for code, name, _ in _COMPOUNDS
    ]


def places():
    return [
        {"source_key": "P1", "community_code": LIMING, "name": "新青第一中学", "aliases": ("第一中学",), "grid": 1},
        {"source_key": "P2", "community_code": QIANJIN, "name": "红星第一中学", "aliases": ("第一中学",), "grid": 6},
        {
            "source_key": "P3",
            "community_code": QIANJIN,
            "name": "前进小学",
            "grid": 7,
            "near": ((7, 0.0), (8, 25.0)),
        },
        {"source_key": "P4", "community_code": HONGJIAN, "name": "县人民医院", "grid": 3},
        {"source_key": "P5", "community_code": HONGJIAN, "name": "新青镇人民政府", "grid": 2},
        {"source_key": "P6", "community_code": HONGJIAN, "name": "林业局职工医院", "grid": 2},
        {"source_key": "P7", "community_code": HONGJIAN, "name": "山神庙", "grid": -1},
    ]


def book(aliases=(), **more):
    return AddressBook.build(
        **{
            "buildings": buildings(),
            "compounds": compounds(),
            "places": places(),
            "areas": AREAS,
            "aliases": aliases,
            **more,
        }
    )
