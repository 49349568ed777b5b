# ruff: noqa: E501 - tables read better in long lines
"""Write ledgers and rosters with the merged titles, odd spellings and slips they have in offices."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import xlsxwriter
import xlwt

from geo.crs import GCJ02, Metric, from_cgcs2000

from .names import numeral, people, phone
from .world import NOTE, World, stream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .incidents import Event
    from .land import Grid
    from .people import Home
    from .staff import Staff, Worker

__all__ = ["write_households", "write_incidents", "write_roster", "write_rosters_of_exclusive", "write_staff_tables"]

_METRIC = Metric(4552)
_MADE = dt.datetime(2025, 6, 30, 9, 0, 0)  # noqa: DTZ001 - the date a workbook shows


class _Book:
    """A workbook with fixed dates, so that one seed gives one set of bytes."""

    def __init__(self, path: Path, title: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.book = xlsxwriter.Workbook(str(path), {"in_memory": True})
        self.book.set_properties({"title": f"{title}（{NOTE}）", "comments": NOTE, "created": _MADE})
        self.title = self.book.add_format(
            {"bold": True, "font_size": 16, "align": "center", "valign": "vcenter", "font_name": "宋体"}
        )
        self.head = self.book.add_format(
            {"bold": True, "border": 1, "align": "center", "valign": "vcenter", "font_name": "宋体"}
        )
        self.cell = self.book.add_format({"border": 1, "font_name": "宋体", "valign": "vcenter"})
        self.plain = self.book.add_format({"font_name": "宋体"})

    def sheet(self, name: str, title: str, width: int) -> Any:
        """Add a sheet with a merged title row."""
        sheet = self.book.add_worksheet(name)
        sheet.merge_range(0, 0, 0, width - 1, title, self.title)
        sheet.set_row(0, 28)
        return sheet

    def rows(self, sheet: Any, first: int, rows: Sequence[Sequence[Any]], style: Any = None) -> int:
        """Write rows from a row on; return the row after."""
        for r, row in enumerate(rows, start=first):
            for c, value in enumerate(row):
                sheet.write(r, c, value, style or self.cell)
        return first + len(rows)


def _grid_names(keys: Sequence[str]) -> str:
    return "、".join(f"第{numeral(int(k.split('/')[1]))}网格" for k in keys)


def _csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue().encode("gb18030"))


def write_roster(world: World, staff: Staff, path: Path) -> None:
    """Write the roster of gridworkers: a sheet per town, then the professional and part-time workers."""
    book = _Book(path, "网格员花名册")
    facts = _grid_facts(world, staff)
    workers = {w.grids[0]: w for w in staff.full_time}
    for town in world.towns:
        name = town.plan.name
        grids = list(town.grids) + ([v.grid for v in world.villages] if name == "五营镇" else [])
        sheet = book.sheet(name, f"丰林县{name}网格员花名册（{NOTE}）", 14)
        sheet.merge_range(1, 0, 1, 8, f"填报单位：{name}社会治理网格化服务中心", book.plain)
        sheet.merge_range(1, 9, 1, 13, "填报日期：2025年6月30日", book.plain)
        _roster_head(book, sheet)
        row, totals = 4, np.zeros(4, dtype=int)
        for community in dict.fromkeys(g.community for g in grids):
            here = [g for g in grids if g.community == community]
            row, sums = _roster_community(book, sheet, row, here, facts, workers, staff.heads)
            totals += sums
        book.rows(sheet, row, [("合计", "", "", "", *totals[:3].tolist(), int(totals[3]), "", "", "", "", "")])
        sheet.write(row + 2, 0, "填表人：（演示）　　审核人：（演示）　　联系电话：10000000000", book.plain)
    _other_workers(book, world, "专业网格员", staff.professional)
    _other_workers(book, world, "兼职网格员", staff.part_time)
    book.book.close()


def _roster_head(book: _Book, sheet: Any) -> None:
    names = (
        "序号",
        "社区（村）",
        "原编号",
        "网格名称",
        None,
        None,
        "人口数",
        "党员数",
        "党小组",
        "网格长",
        "专职网格员",
        "联系电话",
        "备注",
    )
    for c, name in enumerate(names):
        if name:
            sheet.merge_range(2, c, 3, c, name, book.head)
    sheet.merge_range(2, 4, 2, 5, "户数", book.head)
    sheet.write(3, 4, "常住", book.head)
    sheet.write(3, 5, "户籍", book.head)
    sheet.set_column(1, 1, 14)
    sheet.set_column(3, 3, 12)
    sheet.set_column(8, 11, 15)


def _grid_facts(world: World, staff: Staff) -> dict[str, tuple[int, int, int, int, str]]:
    """Per grid: resident households, registered households, persons, party members, groups."""
    counts: dict[str, list[int]] = {g.key: [0, 0, 0] for g in world.grids}
    for home in world.homes:
        here = counts[home.grid]
        here[0] += home.resident
        here[1] += home.status in ("常住", "户籍在册不在住")
        here[2] += home.persons if home.resident else 0
    groups: dict[str, list[str]] = {g.key: [] for g in world.grids}
    for node in staff.party:
        if node.level == "党小组":
            for key in node.grids:
                groups[key].append(node.name)
    return {k: (a, b, p, round(p * 0.061), "、".join(groups[k])) for k, (a, b, p) in counts.items()}


def _roster_community(
    book: _Book, sheet: Any, row: int, grids: list[Grid], facts: Any, workers: dict[str, Worker], heads: dict[str, str]
) -> tuple[int, Any]:
    """Write the grids of one community and its 合计; some figures are typed with their unit, as people do."""
    first, sums = row, np.zeros(4, dtype=int)
    for n, grid in enumerate(grids, start=1):
        homes, registered, persons, members, groups = facts[grid.key]
        sums += (homes, registered, persons, members)
        worker = workers[grid.key]
        number = numeral(n) if grid.community == "松林社区" else n
        typed = f"{homes}户" if n % 3 == 0 or grid.community == "团结社区" else homes
        name = grid.name if n % 4 else f"第{grid.number}网格 "
        name = name if grid.town != "五营镇" or "村" not in grid.community else f"{grid.community}网格"
        values = (number, "", str(grid.number), name, typed, registered, persons, members, groups, heads[grid.community],
                  worker.name, worker.phone if n % 5 else f"{worker.phone[:3]}-{worker.phone[3:7]}-{worker.phone[7:]}", NOTE)  # fmt: skip
        book.rows(sheet, row, [values])
        row += 1
    if row - first > 1:
        sheet.merge_range(first, 1, row - 1, 1, grids[0].community, book.cell)
    else:
        sheet.write(first, 1, grids[0].community, book.cell)
    book.rows(sheet, row, [("合计", "", "", f"{len(grids)}个", *sums.tolist(), "", "", "", "", "")])
    return row + 1, sums


def _other_workers(book: _Book, world: World, name: str, workers: Sequence[Worker]) -> None:
    sheet = book.sheet(name, f"丰林县{name}名册（{NOTE}）", 9)
    head = ("序号", "镇", "社区（村）", "服务网格", "姓名", "类别", "所属单位", "联系电话", "备注")
    book.rows(sheet, 1, [head], book.head)
    rows = [
        (
            n,
            world.town_of[w.community],
            w.community,
            _grid_names(w.grids) or "全社区",
            w.name,
            w.post,
            w.unit,
            w.phone,
            NOTE,
        )
        for n, w in enumerate(workers, start=1)
    ]
    book.rows(sheet, 2, rows)


_HOUSE_HEAD = (
    "户号", "镇", "社区", "小区", "楼号", "单元", "室", "地址", "户主", "联系电话", "人口数", "户籍/常住", "房屋状态", "人员类别", "老年人数",
    "所属网格", "经度", "纬度", "备注",
)  # fmt: skip


def _number_written(number: str, dice: float) -> str:
    """Mostly 3号楼, now and then another way."""
    if not number or dice < 0.8:
        return number
    n = int(number.removesuffix("号楼"))
    wide = "".join(chr(ord(c) + 0xFEE0) for c in str(n))
    return (f"{n}#", f"{numeral(n)}号楼", f"{n}栋", f"{wide}号楼", f"{n}", f"{n}号楼 ", f"{n}幢")[
        int((dice - 0.8) * 35) % 7
    ]


def write_households(world: World, staff: Staff, path: Path) -> None:
    """Write the ledger of households; bungalows carry points, other homes only now and then."""
    rng = stream(world.seed, "ledger")
    office = {c.community: (c.x, c.y) for c in staff.centres}
    n = len(world.homes)
    dice, pins, slips, styles = rng.random(n), rng.random(n), rng.random(n), rng.integers(0, 25, n)
    jitter = rng.normal(0.0, 0.6, (n, 2))
    x = np.array([h.x for h in world.homes]) + jitter[:, 0]
    y = np.array([h.y for h in world.homes]) + jitter[:, 1]
    lon, lat = _METRIC.inverse(x, y)
    rows = []
    for i, home in enumerate(world.homes):
        point = _point(home, (lon[i], lat[i]), float(pins[i]), float(slips[i]), office)
        rows.append(_house_row(home, point, float(dice[i]), int(styles[i])))
    twice = np.sort(rng.choice(n, 14, replace=False))
    for shift, at in enumerate(twice.tolist()):
        rows.insert(at + shift + 1, list(rows[at + shift]))
    _csv(path, _HOUSE_HEAD, rows)


def _point(
    home: Home, lonlat: tuple[float, float], pin: float, slip: float, office: dict[str, tuple[float, float]]
) -> tuple[str, str]:
    """Write the point of a home: right, missing, 0,0, or (rarely) the community office's."""
    if not home.bungalow:
        # A wrong point only where the building is named as well: the address outranks it.
        if slip < 0.0012:
            return "0", "0"
        if slip < 0.0034:
            a, b = _METRIC.inverse([office[home.community][0]], [office[home.community][1]])
            return f"{a[0]:.7f}", f"{b[0]:.7f}"
        if pin > 0.22:
            return "", ""
    return f"{lonlat[0]:.7f}", f"{lonlat[1]:.7f}"


def _house_row(home: Home, point: tuple[str, str], dice: float, style: int) -> list[Any]:
    number = int(home.grid.split("/")[1])
    hint = (f"第{numeral(number)}网格", f"第{number}网格", f"{number}网格")[0 if style < 19 else 1 if style < 23 else 2]
    village = home.community.endswith("村")
    hint = f"{home.community}网格" if village else f"{home.community}{hint}" if style == 24 else hint
    compound = home.compound + ("　" if style == 7 and dice < 0.3 else "")
    head = home.head + (" " if style == 11 and home.head else "")
    return [
        home.serial, home.town, home.community, compound, _number_written(home.number, dice), home.stairwell or "", home.room or "",
        home.address, head, home.phone, home.persons, home.status, home.use, home.tags, home.elderly or "", hint, *point, NOTE,
    ]  # fmt: skip


def write_incidents(world: World, events: Sequence[Event], path: Path) -> None:
    """Write the export of the hotline: coordinates as its map shows them, with no word on their datum."""
    del world
    book = _Book(path, "12345工单导出")
    sheet = book.book.add_worksheet("工单")
    head = ("工单编号", "来源渠道", "受理时间", "诉求类型", "问题分类", "紧急程度", "镇", "社区", "所属网格", "事发地址", "诉求内容", "经度", "纬度",
            "主办单位", "办结时间", "备注")  # fmt: skip
    book.rows(sheet, 0, [head], book.head)
    pinned = [e for e in events if e.x is not None]
    lon, lat = _METRIC.inverse([e.x for e in pinned], [e.y for e in pinned])
    shown = dict(zip((e.number for e in pinned), zip(*from_cgcs2000(lon, lat, GCJ02), strict=True), strict=True))
    for row, e in enumerate(events, start=1):
        x, y = (f"{v:.6f}" for v in shown[e.number]) if e.number in shown else ("", "")
        values = (e.number, e.channel, f"{e.received:%Y-%m-%d %H:%M:%S}", e.demand, e.category, e.urgency, e.town, e.community,
                  e.grid_hint, e.address, e.text, x, y, e.department, f"{e.closed:%Y-%m-%d %H:%M}", NOTE)  # fmt: skip
        sheet.write_row(row, 0, values)
    sheet.set_column(0, 2, 18)
    sheet.set_column(9, 10, 36)
    book.book.close()


def write_rosters_of_exclusive(world: World, path: Path) -> None:
    """Write the XLS (BIFF) roster of exclusive grids."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("专属网格")
    bold = xlwt.easyxf("font: bold on, height 320; align: horiz center")
    sheet.write_merge(0, 0, 0, 10, f"丰林县专属网格花名册（{NOTE}）", bold)
    sheet.write_merge(
        1, 1, 0, 10, "填报单位：丰林县委社会工作部　　日期：2025年6月30日　　（林业局公司33个专属网格另册）"
    )
    head = ("序号", "镇", "社区", "编号", "专属网格名称", "类型", "依托单位", "主管部门", "负责人", "联系电话", "备注")
    for c, name in enumerate(head):
        sheet.write(2, c, name, xlwt.easyxf("font: bold on; borders: left thin, right thin, top thin, bottom thin"))
    names = people(stream(world.seed, "heads"), len(world.exclusive))
    for n, (one, name) in enumerate(zip(world.exclusive, names, strict=True), start=1):
        community = one.grid.split("/")[0]
        values = (n, world.town_of[community], community, one.number, one.name, one.kind, one.owner, one.department, name,
                  phone(85_000_000 + n), NOTE)  # fmt: skip
        for c, value in enumerate(values):
            sheet.write(n + 2, c, value)
    end = len(world.exclusive) + 3
    sheet.write(end, 0, "合计")
    sheet.write(end, 3, f"{len(world.exclusive)}个")
    sheet.write(end + 2, 0, "填表人：（演示）　　审核人：（演示）")
    out = io.BytesIO()
    book.save(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue())


def write_staff_tables(staff: Staff, folder: Path) -> None:
    """Write the Party tree, anchor households, service centres and duties."""
    _write_party(staff, folder / "党组织名册.xlsx")
    _write_anchors(staff, folder / "党员中心户.csv")
    _write_centres(staff, folder / "党群服务中心.xlsx")
    book = _Book(folder / "责任单位.xlsx", "责任单位")
    sheet = book.sheet("责任单位", f"丰林县民生事项责任单位一览表（{NOTE}）", 7)
    book.rows(sheet, 1, [("序号", "类别", "社区", "小区", "责任单位", "值班电话", "备注")], book.head)
    rows = [
        (n, d.category, d.community, d.compound, d.unit, d.phone, NOTE) for n, d in enumerate(staff.duties, start=1)
    ]
    book.rows(sheet, 2, rows)
    book.book.close()


def _write_party(staff: Staff, path: Path) -> None:
    book = _Book(path, "党组织名册")
    sheet = book.sheet("党组织", f"丰林县社区党组织名册（{NOTE}）", 9)
    sheet.merge_range(1, 0, 1, 8, "社区党委12个、党支部47个、党小组118个　　日期：2025年6月30日", book.plain)
    book.rows(
        sheet, 2, [("编号", "级别", "名称", "上级编号", "社区", "负责人", "党员数", "对应网格", "备注")], book.head
    )
    rows = []
    for p in staff.party:
        grids = "全社区" if p.level == "党委" else _grid_names(p.grids)
        below = [
            q.members
            for q in staff.party
            if q.level == "党小组" and (q.parent == p.number or q.parent.startswith(f"{p.number}-"))
        ]
        members = p.members if p.level == "党小组" else sum(below)
        rows.append((p.number, p.level, p.name, p.parent, p.community, p.head, members, grids, NOTE))
    book.rows(sheet, 3, rows)
    book.book.close()


def _write_anchors(staff: Staff, path: Path) -> None:
    head = ("编号", "镇", "社区", "所属网格", "户号", "户主", "地址", "经度", "纬度", "联系户数", "联系户户号", "备注")
    rows = []
    lon, lat = _METRIC.inverse([a.home.x for a in staff.anchors], [a.home.y for a in staff.anchors])
    for a, x, y in zip(staff.anchors, lon, lat, strict=True):
        h = a.home
        inner = f"{h.stairwell}单元{h.room}室" if h.stairwell else ""
        rows.append((a.number, h.town, h.community, _grid_names([h.grid]), h.serial, h.head, h.address + inner, f"{x:.7f}", f"{y:.7f}",
                     len(a.linked), ";".join(k.serial for k in a.linked), NOTE))  # fmt: skip
    _csv(path, head, rows)


def _write_centres(staff: Staff, path: Path) -> None:
    book = _Book(path, "党群服务中心")
    sheet = book.sheet("党群服务中心", f"丰林县党群服务中心一览表（{NOTE}）", 10)
    book.rows(
        sheet,
        1,
        [("编号", "中心名称", "社区", "场所", "建筑面积（㎡）", "状态", "地址", "经度", "纬度", "备注")],
        book.head,
    )
    lon, lat = _METRIC.inverse([c.x for c in staff.centres], [c.y for c in staff.centres])
    rows = [
        (
            c.number,
            c.name,
            c.community,
            c.site,
            c.area_m2,
            "规划" if c.planned else "已建",
            c.address,
            f"{x:.7f}",
            f"{y:.7f}",
            NOTE,
        )
        for c, x, y in zip(staff.centres, lon, lat, strict=True)
    ]
    book.rows(sheet, 2, rows)
    book.book.close()
