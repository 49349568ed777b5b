"""What findings say, in Chinese and English, from one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from geo.model import Finding, FindingCode, Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lang", "describe", "make_finding", "wordings"]

Lang = Literal["zh", "en"]

_Words = tuple[str, str]

_ZH: Final[dict[FindingCode, _Words]] = {
    FindingCode.GAP: ("{names}之间有缝隙，宽约{size}米，面积{area}平方米", "指定并入哪一个网格，或提高修复容差"),
    FindingCode.OVERLAP: ("{names}相互重叠，宽约{size}米，面积{area}平方米", "指定归哪一个网格，或提高修复容差"),
    FindingCode.SLIVER: ("{names}含有狭长碎片，宽约{size}米，面积{area}平方米", "删除碎片或并入相邻网格"),
    FindingCode.SELF_CROSSING: (
        "{names}的边界自相交，多出的环宽约{size}米，面积{area}平方米",
        "在此处重新描绘边界，或提高修复容差",
    ),
    FindingCode.HOLE: ("{names}内有孔洞，宽约{size}米，面积{area}平方米", "填补孔洞；如确为另一网格，请确认"),
    FindingCode.DUPLICATE: ("{names}是同一范围的重复图形，面积{area}平方米", "删除其中一个"),
    FindingCode.MULTIPART: ("{names}由互不相连的几部分组成，较小部分面积{area}平方米", "确认为飞地，或拆成几个网格"),
    FindingCode.OUTSIDE_EXTENT: (
        "{names}超出划定范围，宽约{size}米，面积{area}平方米",
        "裁去范围外的部分，或更正划定范围",
    ),
    FindingCode.UNMATCHED_EDGE: (
        "{names}的公共边不一致：一方的节点在另一方边上没有对应节点（相距{size}米）",
        "运行修复，补上对应节点",
    ),
    FindingCode.NAME_CLASH: ("同一上级内网格重名：{names}", "更正其中一个名称"),
    FindingCode.CODE_CLASH: ("网格编码重复：{names}", "更正其中一个编码"),
    FindingCode.EMPTY: (
        "{names}没有可用的面：图形为空、不是面、坐标不是有限数或超出经纬度范围",
        "重新绘制或删除该要素",
    ),
}
_EN: Final[dict[FindingCode, _Words]] = {
    FindingCode.GAP: (
        "gap between {names}, about {size} m wide, {area} m²",
        "say which grid gets it, or raise the tolerance",
    ),
    FindingCode.OVERLAP: (
        "{names} overlap, about {size} m wide, {area} m²",
        "say which grid gets it, or raise the tolerance",
    ),
    FindingCode.SLIVER: ("{names} has a sliver, about {size} m wide, {area} m²", "delete it or give it to a neighbour"),
    FindingCode.SELF_CROSSING: (
        "the boundary of {names} crosses itself; the loop is about {size} m wide, {area} m²",
        "redraw the boundary here, or raise the tolerance",
    ),
    FindingCode.HOLE: (
        "{names} has a hole, about {size} m wide, {area} m²",
        "fill it, or confirm that another grid lies in it",
    ),
    FindingCode.DUPLICATE: ("{names} are the same area twice, {area} m²", "delete one of them"),
    FindingCode.MULTIPART: (
        "{names} has separate parts, the smaller {area} m²",
        "confirm the exclave, or make it a grid of its own",
    ),
    FindingCode.OUTSIDE_EXTENT: (
        "{names} reaches outside the declared extent, about {size} m wide, {area} m²",
        "cut it off, or correct the extent",
    ),
    FindingCode.UNMATCHED_EDGE: (
        "edges of {names} do not match: a vertex of one has no vertex on the other's edge ({size} m away)",
        "run repair: it puts the vertex in",
    ),
    FindingCode.NAME_CLASH: ("two grids of one parent have one name: {names}", "correct one of the names"),
    FindingCode.CODE_CLASH: ("two grids have one code: {names}", "correct one of the codes"),
    FindingCode.EMPTY: (
        "{names} has no usable polygon: empty, no area, or coordinates that are not finite degrees",
        "draw it again or delete it",
    ),
}
_SEPARATOR: Final = {"zh": "、", "en": ", "}
_TABLES: Final = {"zh": _ZH, "en": _EN}


def make_finding(
    code: FindingCode,
    features: Sequence[str],
    *,
    at: tuple[float, float],
    size_m: float = 0.0,
    area_m2: float = 0.0,
    blocking: bool = True,
    geometry: Geometry | None = None,
) -> Finding:
    """Return a finding with its Chinese wording.

    Parameters
    ----------
    at : (lon, lat)
        A point on the defect, CGCS2000 degrees.
    size_m, area_m2 : float
        Width in metres (area over half perimeter) and area in square metres.
    geometry : shapely geometry, optional
        The defect itself, in degrees.
    """
    message, remedy = _say(code, features, size_m, area_m2, "zh")
    return Finding(
        code=code,
        message=message,
        features=tuple(features),
        lon=float(at[0]),
        lat=float(at[1]),
        size_m=float(size_m),
        area_m2=float(area_m2),
        remedy=remedy,
        blocking=blocking,
        geometry=geometry,
    )


def describe(finding: Finding, lang: Lang = "zh") -> tuple[str, str]:
    """Return message and remedy of a finding in Chinese (``zh``) or English (``en``)."""
    return _say(finding.code, finding.features, finding.size_m, finding.area_m2, lang)


def wordings() -> tuple[tuple[str, str], ...]:
    """Return every message and remedy with its places for values, as (Chinese, English)."""
    return tuple(both for code in FindingCode for both in zip(_ZH[code], _EN[code], strict=True))


def _say(code: FindingCode, features: Sequence[str], size_m: float, area_m2: float, lang: Lang) -> tuple[str, str]:
    message, remedy = _TABLES[lang][code]
    names = _SEPARATOR[lang].join(features)
    return message.format(names=names, size=_figure(size_m), area=_figure(area_m2)), remedy


def _figure(value: float) -> str:
    """Three figures that mean something: millimetres stay visible, hectares lose their decimals."""
    if value >= 100:  # noqa: PLR2004 - from here on decimals only distract
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 1 or value == 0 else f"{value:.3g}"
