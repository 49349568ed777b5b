"""Schools, hospitals, works and offices of the three towns (invented, after what such towns have)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEPARTMENTS", "Institution", "institutions_of"]


@dataclass(frozen=True, slots=True)
class Institution:
    """Name, kind (a key of `DEPARTMENTS`), layout of its yard, wanted ground in m² and where it likes to be."""

    name: str
    kind: str
    layout: str
    area: float
    where: str


DEPARTMENTS = {
    "学校": "县教育局",
    "医院": "县卫生健康局",
    "市场": "县市场监督管理局",
    "机关": "县直机关工委",
    "企业": "县工业信息科技局",
    "供热": "县住房和城乡建设局",
    "养老": "县民政局",
    "商铺": "县商务局",
    "车站": "县交通运输局",
    "园区": "县林业和草原局",
    "公园": "县住房和城乡建设局",
    "住宅小区": "县住房和城乡建设局",
}

# kind, layout, ground, where, names without the town's own name in front
_EVERYWHERE: tuple[tuple[str, str, float, str, str], ...] = (
    ("车站", "station", 5200.0, "station", "火车站"),
    ("机关", "office", 7000.0, "centre", "人民政府"),
    ("医院", "hospital", 11000.0, "centre", "林业局职工医院 中医院"),
    ("学校", "school", 15000.0, "any", "第一中学 第二中学 第一小学 第二小学"),
    ("学校", "care", 4200.0, "any", "中心幼儿园 小松鼠幼儿园 蓝天幼儿园"),
    ("市场", "market", 6500.0, "centre", "综合市场"),
    ("机关", "office", 3600.0, "centre", "派出所 林业局公司机关 人民法庭 税务分局 财政所 司法所"),
    ("商铺", "shop", 2600.0, "centre", "农村信用社 林都宾馆 百货商场"),
    ("供热", "heat", 7500.0, "edge", "集中供热公司"),
    ("企业", "works", 15000.0, "edge", "贮木场 木材加工厂"),
    ("养老", "care", 5200.0, "any", "敬老院"),
    ("公园", "", 9000.0, "centre", "森林公园"),
    ("医院", "shop", 2400.0, "any", "社区卫生服务站 第二社区卫生服务站"),
    ("车站", "station", 3200.0, "centre", "客运站"),
)
_TWO_LARGER: tuple[tuple[str, str, float, str, str], ...] = (
    ("学校", "school", 18000.0, "any", "高级中学"),
    ("学校", "care", 4000.0, "any", "阳光幼儿园 小天使幼儿园 金色摇篮幼儿园"),
    ("学校", "school", 11000.0, "any", "第三小学"),
    ("机关", "office", 3400.0, "centre", "林业公安分局 供电所 自来水公司 邮政支局 广播电视站 消防救援站 市场监管所"),
    ("企业", "works", 13000.0, "edge", "山野菜加工厂 木制工艺品厂 森铁机修厂"),
    ("商铺", "shop", 2800.0, "centre", "邮政储蓄银行 工商银行 松缘宾馆 购物中心"),
    ("市场", "market", 4800.0, "any", "早市 建材市场"),
    ("公园", "", 7000.0, "any", "文化广场"),
    ("园区", "works", 12000.0, "edge", "红松种苗基地"),
    ("供热", "heat", 4800.0, "any", "第二锅炉房"),
    ("企业", "works", 7000.0, "edge", "污水处理厂 变电所"),
)
_SEAT: tuple[tuple[str, str, float, str, str], ...] = (
    ("机关", "office", 9000.0, "centre", "县政务服务中心"),
    ("机关", "office", 4600.0, "centre", "县公安局 县人民法院 县人民检察院 县教育局 县医保局"),
    ("医院", "hospital", 13000.0, "any", "县人民医院"),
    ("医院", "care", 4200.0, "any", "妇幼保健院 疾病预防控制中心"),
    ("学校", "school", 12000.0, "any", "职业技术学校 实验小学"),
    ("学校", "care", 3800.0, "any", "育红幼儿园 林业幼儿园"),
    ("园区", "works", 16000.0, "edge", "蓝莓产业园 北药产业园"),
    ("公园", "", 11000.0, "any", "湿地公园"),
    ("企业", "works", 9000.0, "edge", "粮库 液化气站 汽车检测站"),
    ("商铺", "shop", 3000.0, "centre", "电影院 大润超市"),
)


def institutions_of(town: str) -> list[Institution]:
    """Return the institutions of a town, the ones that choose their place first in front."""
    groups = list(_EVERYWHERE)
    groups += [] if town == "红星镇" else list(_TWO_LARGER)
    groups += list(_SEAT) if town == "新青镇" else []
    short = town.removesuffix("镇")
    found = []
    for kind, layout, area, where, names in groups:
        for name in names.split():
            full = name if name.startswith("县") else f"{town if name == '人民政府' else short}{name}"
            found.append(Institution(full, kind, layout, area, where))
    return found
