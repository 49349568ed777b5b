# ruff: noqa: E501 - tables read better in long lines
"""A year of incidents with the address text people really give (2024-10-01 … 2025-09-30)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from .names import numeral
from .world import World, stream

if TYPE_CHECKING:
    from .people import Home

__all__ = ["Event", "happen"]

_COUNT = 6000
_START = dt.datetime(2024, 10, 1)  # noqa: DTZ001 - local wall clock, as the export has it

# category → (weight per month January … December, complaints, department)
_CATEGORIES: dict[str, tuple[tuple[float, ...], tuple[str, ...], str]] = {
    "供热": ((9, 8, 6, 3, 0.4, 0, 0, 0, 0.5, 7, 9, 9), ("暖气不热，室温只有{n}度", "暖气片冰凉，家里有老人", "供热管网漏水", "室温不达标要求测温", "阀门漏水多次报修无人处理"), "集中供热公司"),
    "供水": ((2.2, 2, 1.4, 1.2, 1, 1, 1.3, 1.2, 1, 1, 1.4, 2), ("水管冻裂", "水压低，高层没水", "自来水发黄", "停水未通知"), "自来水公司"),
    "排水": ((0.3, 0.3, 1.6, 2, 1.4, 2, 2.6, 2.6, 1.5, 0.7, 0.4, 0.3), ("下水井返水", "污水外溢", "雨后积水严重无法通行", "井盖缺失"), "住建局"),
    "供电": ((1.1, 1, 0.8, 0.6, 0.7, 1, 1.3, 1.2, 0.8, 0.8, 0.9, 1.1), ("停电半天没来电", "电压不稳", "电线老化打火", "线杆倾斜"), "供电所"),
    "燃气": ((0.4, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.4, 0.4), ("楼道有燃气味", "液化气罐堆放在楼道"), "住建局"),
    "物业管理": ((1.6, 1.5, 1.6, 1.6, 1.5, 1.5, 1.5, 1.4, 1.4, 1.5, 1.5, 1.5), ("物业收费不服务", "单元门坏了", "楼道堆放杂物", "垃圾没人清"), "住建局"),
    "房屋漏雨": ((0.4, 0.5, 2.6, 2.4, 1.8, 2.6, 3.4, 3.2, 1.8, 0.9, 0.4, 0.3), ("顶层渗水，墙皮脱落", "外墙渗水发霉", "屋面漏雨", "房盖融雪漏水"), "住建局"),
    "小区照明": ((1.6, 1.4, 1, 0.8, 0.6, 0.5, 0.5, 0.7, 1, 1.5, 1.8, 1.8), ("楼道灯不亮", "小区路灯不亮，照明不亮老人出行不便", "路灯白天亮晚上不亮"), "住建局"),
    "道路积雪结冰": ((3.6, 3, 2.4, 0.6, 0, 0, 0, 0, 0, 0.5, 3, 4), ("门前积雪没清", "路面结冰有人摔倒", "清雪堆在路口挡道"), "综合执法队"),
    "环境卫生": ((0.8, 0.8, 1.2, 1.6, 1.6, 1.6, 1.8, 1.7, 1.4, 1.1, 0.8, 0.8), ("垃圾点溢出", "有人乱倒生活垃圾", "旱厕没人掏", "河边有垃圾"), "综合执法队"),
    "噪声": ((0.3, 0.3, 0.4, 0.6, 0.9, 1.2, 1.4, 1.3, 0.9, 0.6, 0.4, 0.3), ("广场舞音量大", "烧烤店半夜吵", "装修噪音扰民"), "派出所"),
    "停车": ((0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.9, 0.9, 0.7, 0.6, 0.6, 0.6), ("车堵单元门", "消防通道停车", "货车占道"), "派出所"),
    "电梯": ((0.1,) * 12, ("电梯停运", "电梯异响"), "市场监管所"),
    "消防通道": ((0.4, 0.4, 0.4, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.5, 0.5, 0.5), ("柴垛堵住通道", "楼道充电有隐患"), "消防救援站"),
    "流浪犬": ((0.4, 0.4, 0.5, 0.7, 0.9, 0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4), ("流浪狗成群", "犬只不拴绳"), "派出所"),
    "矛盾纠纷": ((0.9, 0.9, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9), ("邻里因漏水争吵", "宅基地边界纠纷", "欠薪问题"), "司法所"),
    "治安隐患": ((0.4,) * 12, ("有陌生人撬门", "空房子有人进出"), "派出所"),
    "森林防火": ((0, 0, 0.5, 1.6, 1.4, 0.4, 0.1, 0.1, 0.7, 1.2, 0.2, 0), ("有人野外烧荒", "林边有烟", "上坟烧纸"), "林业局公司"),
    "河冰": ((0.2, 0.3, 0.9, 0.8, 0, 0, 0, 0, 0, 0, 0.4, 0.3), ("孩子在冰面玩耍", "冰面开裂有人钓鱼"), "应急办"),
    "特殊人群服务": ((0.6,) * 12, ("独居老人联系不上", "残疾人申请辅具", "行动不便需要上门办理"), "民政办"),
    "政策咨询": ((0.9,) * 12, ("咨询低保申请条件", "医保报销怎么办", "取暖补贴什么时候发"), "政务服务中心"),
}  # fmt: skip
_CHANNELS = ("电话", "电话", "电话", "微信", "网站", "伊网通", "伊网通", "上级转办", "网格员上报")


@dataclass(frozen=True, slots=True)
class Event:
    """One incident: what the export says, and where it truly was (metres)."""

    number: str
    channel: str
    received: dt.datetime
    demand: str
    category: str
    urgency: str
    town: str
    community: str
    grid_hint: str
    address: str
    text: str
    department: str
    closed: dt.datetime
    x: float | None
    y: float | None
    grid: str


def _times(rng: np.random.Generator) -> tuple[list[dt.datetime], list[str]]:
    """Draw moments and categories by the weights of the months."""
    names = list(_CATEGORIES)
    weights = np.array([_CATEGORIES[n][0] for n in names])
    months = [(_START.month - 1 + k) % 12 for k in range(12)]
    flat = weights[:, months].ravel()
    drawn = rng.choice(len(flat), _COUNT, p=flat / flat.sum())
    moments = []
    for cell in drawn.tolist():
        month = cell % 12
        first = dt.datetime(2024 + (9 + month) // 12, months[month] + 1, 1)  # noqa: DTZ001 - as above
        day = int(rng.integers(0, 28 + (months[month] != 1) * 2))
        hour = int(np.clip(rng.normal(13.0, 4.2), 0, 23))
        moments.append(
            first + dt.timedelta(days=day, hours=hour, minutes=int(rng.integers(60)), seconds=int(rng.integers(60)))
        )
    order = sorted(range(_COUNT), key=lambda i: (moments[i], i))
    return [moments[i] for i in order], [names[drawn[i] // 12] for i in order]


def _number_style(number: str, rng: np.random.Generator) -> str:
    n = int(number.removesuffix("号楼"))
    wide = "".join(chr(ord(c) + 0xFEE0) for c in str(n))
    styles = (f"{n}号楼", f"{n}号楼", f"{numeral(n)}号楼", f"{n}#", f"{n}幢", f"{n}栋", f"{n}#楼", f"{wide}号楼")
    return styles[int(rng.integers(len(styles)))]


def _address(home: Home, area: str, rng: np.random.Generator, *, full: bool) -> str:
    """Write a home's address the way a caller or clerk does; parts go missing unless `full`."""
    head = rng.choice(
        ["", home.town, f"丰林县{home.town}", home.community, f"{home.town}{home.community}"],
        p=[0.28, 0.3, 0.1, 0.16, 0.16],
    )
    if home.bungalow:
        spot = f"{area if rng.random() < 0.5 else ''}{home.compound}"
        return f"{head}{spot if full or rng.random() < 0.8 else area or home.compound}平房"
    if not full and rng.random() < 0.12:
        return f"{head}{home.compound}"
    number = int(home.number.removesuffix("号楼"))
    style = rng.random()
    if style < 0.16:
        return f"{head}{home.compound}{number}-{home.stairwell}-{home.room}"
    text = f"{head}{home.compound}{_number_style(home.number, rng)}"
    if rng.random() < 0.72:
        text += rng.choice([f"{home.stairwell}单元", f"{numeral(home.stairwell)}单元", f"{home.stairwell}门"])
        text += rng.choice([f"{home.room}室", f"{home.room}", ""], p=[0.5, 0.3, 0.2])
    return text


def _hint(key: str, rng: np.random.Generator) -> str:
    community, number = key.split("/")
    n = int(number)
    styles = (
        f"第{numeral(n)}网格",
        f"第{numeral(n)}网格",
        f"第{n}网格",
        f"{community}第{numeral(n)}网格",
        f"{n}网格",
        f"{numeral(n)}网格",
    )
    return styles[int(rng.integers(len(styles)))]


def _say(category: str, rng: np.random.Generator) -> str:
    texts = _CATEGORIES[category][1]
    return texts[int(rng.integers(len(texts)))].format(n=int(rng.integers(9, 17)))


def _at_home(home: Home, area: str, rng: np.random.Generator) -> dict[str, Any]:
    pinned = rng.random() < 0.83
    address = _address(home, area, rng, full=not pinned)
    hint = _hint(home.grid, rng) if rng.random() < 0.86 else ""
    x, y = (home.x + rng.normal(0, 1.1), home.y + rng.normal(0, 1.1)) if pinned else (None, None)
    return {
        "town": home.town,
        "community": home.community,
        "grid_hint": hint,
        "address": address,
        "x": x,
        "y": y,
        "grid": home.grid,
    }


def _at_place(world: World, tree: Any, shapes: list[Any], rng: np.random.Generator) -> dict[str, Any]:
    """Draw an incident at a landmark or in the street: the grid is the one that holds the point."""
    spots = [p for p in world.places if p.kind != "桥梁"]
    while True:
        place = spots[int(rng.integers(len(spots)))]
        x, y = place.x + rng.normal(0, 9.0), place.y + rng.normal(0, 9.0)
        point = shapely.Point(x, y)
        hit = [int(i) for i in tree.query(point, predicate="intersects")]
        # Keep to where a redrawn line cannot pass: the truth of a point on the line itself is anybody's.
        if hit and shapely.distance(shapes[hit[0]].exterior, point) > 5.0:
            break
    grid = world.grids[hit[0]]
    name = place.alias if place.alias and rng.random() < 0.4 else place.name
    tail = ("门前", "附近", "对面", "院内", "路口")[int(rng.integers(5))]
    return {"town": grid.town, "community": grid.community, "grid_hint": _hint(grid.key, rng) if rng.random() < 0.6 else "",
            "address": f"{name}{tail}", "x": x, "y": y, "grid": grid.key}  # fmt: skip


def _in_forest(world: World, rng: np.random.Generator) -> dict[str, Any]:
    unit = world.forest[int(rng.integers(len(world.forest)))]
    west, south, east, north = unit.shape.bounds
    while True:
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        if unit.shape.contains(shapely.Point(x, y)):
            break
    return {"town": unit.town, "community": "", "grid_hint": "", "address": f"{unit.name}施业区{int(rng.integers(1, 90))}林班附近",
            "x": x, "y": y, "grid": ""}  # fmt: skip


def happen(world: World) -> list[Event]:
    """Return the incidents of a year in order of time."""
    rng = stream(world.seed, "incidents")
    moments, categories = _times(rng)
    residents = [h for h in world.homes if h.resident]
    # Some grids complain more than others.
    temper = {g.key: float(rng.gamma(3.0, 1 / 3.0)) + 0.25 for g in world.grids}
    weight = np.array([temper[h.grid] for h in residents])
    drawn = rng.choice(len(residents), _COUNT, p=weight / weight.sum())
    areas = {(lot.name, lot.grid): lot.area_name for t in world.towns for lot in t.lots if lot.area_name}
    shapes = [g.shape for g in world.grids]
    tree = shapely.STRtree(shapes)
    fires = 0
    found = []
    for i, (moment, category) in enumerate(zip(moments, categories, strict=True)):
        home = residents[int(drawn[i])]
        if category == "森林防火" and fires < 24 and rng.random() < 0.35:
            where, fires = _in_forest(world, rng), fires + 1
        elif category in ("环境卫生", "噪声", "停车", "道路积雪结冰", "流浪犬", "河冰") and rng.random() < 0.45:
            where = _at_place(world, tree, shapes, rng)
        else:
            where = _at_home(home, areas.get((home.compound, home.grid), ""), rng)
        found.append(_event(i, moment, category, where, rng))
    return found


def _event(i: int, moment: dt.datetime, category: str, where: dict[str, Any], rng: np.random.Generator) -> Event:
    said = _say(category, rng)
    address = where.pop("address")
    if rng.random() < 0.22:
        address = f"{address}{rng.choice(['，', ' ', '：'])}{said}"
    address = address + "　" if rng.random() < 0.03 else address
    if rng.random() < 0.08:
        where["community"] = ""
    short = (where["town"] or "").removesuffix("镇")
    department = _CATEGORIES[category][2]
    return Event(
        number=f"YC{moment:%Y%m%d}{i + 1:05d}",
        channel=_CHANNELS[int(rng.integers(len(_CHANNELS)))],
        received=moment,
        demand="咨询"
        if category == "政策咨询"
        else str(rng.choice(["求助", "投诉", "求助", "建议", "举报"], p=[0.4, 0.34, 0.1, 0.1, 0.06])),
        category=category,
        urgency="紧急" if category in ("森林防火", "河冰", "燃气") or rng.random() < 0.05 else "一般",
        text=said,
        address=address,
        department=f"{short}{department}",
        closed=moment + dt.timedelta(hours=float(rng.gamma(2.0, 30.0))),
        **where,
    )
