"""The one glossary: every label a map, sheet or table prints, Chinese first, English by a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from geo.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GLOSSARY", "LANGUAGES", "Words", "words"]

LANGUAGES: Final = ("zh", "en")

GLOSSARY: Final[Mapping[str, tuple[str, str]]] = {
    # things of the field
    "grid": ("网格", "Grid"),
    "base_grid": ("基础网格", "Base grid"),
    "exclusive_grid": ("专属网格", "Exclusive grid"),
    "forestry_exclusive": ("林业局公司专属网格", "Forestry company exclusive grid"),
    "county": ("县", "County"),
    "town": ("镇", "Town"),
    "community": ("社区(村)", "Community (village)"),
    "building": ("楼栋", "Building"),
    "household": ("户", "household"),
    "household_point": ("住户点位", "Household point"),
    "gridworker": ("网格员", "Gridworker"),
    "full_time": ("专职网格员", "Full-time gridworkers"),
    "professional": ("专业网格员", "Professional gridworkers"),
    "part_time": ("兼职网格员", "Part-time gridworkers"),
    "party_group": ("党小组", "Party groups"),
    "anchor_household": ("党员中心户", "Anchor households"),
    "service_centre": ("党群服务中心", "Service centre"),
    "planned": ("规划", "planned"),
    "road": ("道路", "Road"),
    "river": ("河流", "River"),
    "rail": ("铁路", "Railway"),
    "grid_line": ("网格界", "Grid line"),
    "community_line": ("社区界", "Community line"),
    "town_line": ("镇界", "Town line"),
    "county_line": ("县界", "County line"),
    "old_line": ("撤并的原网格界", "Old grid line removed"),
    "boundary_lines": ("社区界、镇界", "Community and town lines"),
    # fields of a grid
    "name": ("名称", "Name"),
    "code": ("编码", "Code"),
    "local_code": ("原编号", "Local number"),
    "households": ("户数", "Households"),
    "persons": ("人数", "Persons"),
    "members": ("由原网格", "From old grids"),
    "change": ("变动方式", "Change"),
    "owner_unit": ("依托单位", "Unit"),
    "per_worker": ("户/专职网格员", "Households per full-time worker"),
    "triangle": ("铁三角", "Iron triangle"),
    "near_share": ("中心户覆盖率", "Near an anchor household"),
    "linked_share": ("联系户比例", "Linked to an anchor household"),
    "keep": ("保留", "Kept"),
    "merge": ("合并", "Merged"),
    "split": ("拆分", "Split"),
    "create": ("新设", "New"),
    "abolish": ("撤销", "Abolished"),
    "adjust": ("调整", "Adjusted"),
    # versions and themes
    "before": ("优化前", "Before"),
    "after": ("优化后", "After"),
    "version": ("网格版本", "Version"),
    "theme": ("专题", "Theme"),
    "layers": ("图层", "Layers"),
    "theme_plain": ("网格分布", "Grids"),
    "theme_households": ("户数", "Households"),
    "theme_workers": ("网格员覆盖", "Gridworker coverage"),
    "theme_triangle": ("铁三角缺项", "Iron triangle"),
    "theme_anchors": ("党员中心户覆盖", "Anchor household coverage"),
    "hint_plain": ("相邻网格异色,颜色无含义", "Neighbours differ; colours carry no meaning"),
    "hint_households": ("每网格{basis};少于200或多于500户请留意", "{basis} per grid; mind below 200 or above 500"),
    "hint_workers": ("每名专职网格员服务的户数", "Households per full-time gridworker"),
    "hint_triangle": (
        "党小组、网格员、党员中心户三者齐全为“铁三角”",
        "Party group, gridworker and anchor household all present",
    ),
    "hint_anchors": (
        "距党员中心户{metres}米以内的住户比例",
        "Share of households within {metres} m of an anchor household",
    ),
    "no_worker": ("无专职网格员", "No full-time worker"),
    "no_data": ("无住户或无数据", "No households or no data"),
    "complete": ("三项齐全", "Complete"),
    "lacks_party_group": ("缺党小组", "No Party group"),
    "lacks_gridworker": ("缺网格员", "No gridworker"),
    "lacks_anchor": ("缺党员中心户", "No anchor household"),
    "lacks_two": ("缺两项", "Two missing"),
    "lacks_all": ("三项均缺", "All missing"),
    "whole_county": ("全县", "Whole county"),
    "towns": ("各镇", "Towns"),
    "fold": ("收起/展开", "Fold"),
    # marginalia
    "legend": ("图例", "Legend"),
    "north": ("北", "N"),
    "scale": ("比例尺", "Scale"),
    "locator": ("位置示意图", "Locator"),
    "demonstration": ("演示数据", "Demonstration data"),
    "internal": ("内部资料 注意保存", "Internal - keep safe"),
    "approval_no": ("审图号", "Map approval no."),
    "no_basemap": ("未加载底图", "No base map loaded"),
    "no_basemap_note": ("未加载底图;网格与地物为本县数据", "No base map; grids and features are the county's own data"),
    "discussion": ("讨论稿", "Draft for discussion"),
    "submitted": ("送审稿", "Draft for review"),
    "disclaimer": ("本图界线不作为行政区域划界依据", "Lines on this map are no basis for administrative boundaries"),
    "crs": (
        "2000国家大地坐标系 高斯-克吕格投影 中央经线{meridian}°",
        "CGCS2000, Gauss-Krüger projection, central meridian {meridian}°E",
    ),
    "compiled_by": ("编制单位", "Compiled by"),
    "drawn_on": ("编制日期", "Drawn"),
    "data_as_of": ("资料截止日期", "Data as of"),
    "as_of": ("截止", "as of"),
    "map_no": ("图号", "Sheet"),
    "label_key": (
        "网格注记:编码末三位(或原编号)/户数",
        "In each grid: last three digits (or local number) / households",
    ),
    "outside_frame": ("图幅外", "Outside the frame"),
    "grids_unit": ("个网格", "grids"),
    "households_unit": ("户", "households"),
    "total": ("合计", "Total"),
    "subtotal": ("小计", "Subtotal"),
    "grids_before": ("优化前网格", "Grids before"),
    "grids_after": ("优化后网格", "Grids after"),
    "households_mean": ("网格均户数", "Mean per grid"),
    "largest": ("最大户数", "Largest"),
    "smallest": ("最小户数", "Smallest"),
    "gridworkers_after": ("专职网格员", "Full-time"),
    "sheet_county": ("基础网格优化前后对照图", "Base grids before and after"),
    "sheet_town": ("基础网格优化前后对照图", "Base grids before and after"),
    "figures_after": ("户数、网格员为优化后", "Figures are those after"),
    "from_to": ("{before}个网格优化为{after}个", "{before} grids become {after}"),
    "suppressed": ("不公布", "withheld"),
    "basis": ("户数口径", "Households counted"),
    "kilometre": ("千米", "km"),
    "metre": ("米", "m"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The glossary in one language."""

    lang: str

    def __call__(self, key: str, **values: object) -> str:
        """Return the label of `key` with its places filled; an unknown key is a `KeyError`."""
        text = GLOSSARY[key][LANGUAGES.index(self.lang)]
        return text.format(**values) if values else text

    def date(self, day: object) -> str:
        """Return a date as a paper prints it (2025年6月30日 or 2025-06-30), "" for None."""
        if day is None:
            return ""
        year, month, number = str(day).split("-")
        return f"{int(year)}年{int(month)}月{int(number)}日" if self.lang == "zh" else f"{year}-{month}-{number}"

    def households(self, count: object) -> str:
        """Return "312户" or "312 hh", the form that fits inside a grid."""
        return f"{count}户" if self.lang == "zh" else f"{count} hh"


def words(lang: str) -> Words:
    """Return the glossary in "zh" or "en".

    Raises
    ------
    Refused
        Another language was asked for.
    """
    if lang not in LANGUAGES:
        raise Refused(f"{lang!r} is not a language of the maps", code="language-unknown", remedy="use zh or en")
    return Words(lang)
