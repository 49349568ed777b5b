"""Which column is which field: the headings staff use, per kind, and the user's own `--map`."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from geo.errors import Refused, Where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FIELDS", "PERSONAL_COLUMNS", "heading", "required_fields", "resolve_columns"]

_COMMUNITY = ("社区村", "社区", "所属社区", "村社区", "社区名称", "所属社区村", "社区居委会", "community")
_TOWN = ("镇", "乡镇", "所属镇", "乡镇街道", "镇街道", "town")
_LON = ("经度", "lon", "lng", "longitude", "x", "东经", "坐标x")
_LAT = ("纬度", "lat", "latitude", "y", "北纬", "坐标y")
_GRID = ("所属网格", "网格名称", "网格", "服务网格", "对应网格", "grid")
_NOTE = ("备注", "说明", "note")

# Field → headings that mean it, in order of trust; compared after `heading`.
FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "boundaries": {
        "name": ("网格名称", "名称", "网格", "name"),
        "local_code": ("原编号", "原网格编号", "编号", "local_code"),
        "code": ("网格编码", "统一编码", "code"),
        "community": _COMMUNITY,
        "town": _TOWN,
    },
    "exclusive": {
        "key": ("编号", "专属网格编号", "网格编号", "序号", "key"),
        "name": ("专属网格名称", "网格名称", "名称", "name"),
        "code": ("网格编码", "统一编码", "code"),
        "community": ("社区代码", *_COMMUNITY),
        "town": _TOWN,
        "owner_unit": ("依托单位", "公司", "所属单位", "owner_unit"),
        "department": ("主管部门", "department"),
    },
    "police": {
        "key": ("编号", "警格编号", "key"),
        "name": ("警格名称", "警格", "名称", "name"),
        "community": _COMMUNITY,
        "town": _TOWN,
        "owner_unit": ("派出所", "依托单位", "owner_unit"),
    },
    "areas": {
        "code": ("代码", "区划代码", "code"),
        "name": ("名称", "简称", "name", "short_name"),
        "official_name": ("全称", "official_name"),
        "kind": ("类型", "级别", "kind"),
        "parent": ("上级代码", "parent_code"),
    },
    "compounds": {
        "key": ("小区编号", "编号", "key"),
        "name": ("小区", "小区名称", "名称", "name"),
        "community": _COMMUNITY,
        "category": ("类别", "类型", "category"),
        "manager": ("物业", "物业公司", "manager"),
    },
    "buildings": {
        "key": ("楼栋编号", "编号", "key"),
        "community": _COMMUNITY,
        "compound": ("小区", "小区名称", "院落", "compound"),
        "number": ("楼号", "栋号", "number"),
        "stairwells": ("单元数", "stairwells"),
        "address": ("地址", "address"),
        "use": ("用途", "use"),
        "dwellings": ("套数", "户数", "dwellings"),
    },
    "households": {
        "key": ("户号", "户编号", "key"),
        "town": _TOWN,
        "community": _COMMUNITY,
        "compound": ("小区", "小区名称", "院落", "compound"),
        "building": ("楼号", "楼栋", "栋号", "building"),
        "stairwell": ("单元", "单元号", "stairwell"),
        "room": ("室", "室号", "房号", "room"),
        "address": ("地址", "住址", "详细地址", "address"),
        "persons": ("人口数", "人数", "家庭人口", "persons"),
        "residence": ("户籍常住", "居住情况", "户籍/常住", "residence"),
        "elderly": ("老年人数", "elderly"),
        "grid": _GRID,
        "lon": _LON,
        "lat": _LAT,
    },
    "gridworkers": {
        "key": ("工号", "key"),
        "serial": ("序号", "serial"),
        "town": _TOWN,
        "community": _COMMUNITY,
        "local_code": ("原编号", "网格编号", "local_code"),
        "grid": ("网格名称", "服务网格", "所属网格", "网格", "grid"),
        "name": ("专职网格员", "姓名", "网格员", "网格员姓名", "name"),
        "chief": ("网格长", "chief"),
        "phone": ("联系电话", "工作电话", "电话", "手机", "phone"),
        "kind": ("类别", "网格员类型", "kind"),
        "unit": ("所属单位", "单位", "unit"),
    },
    "party": {
        "key": ("编号", "key"),
        "level": ("级别", "类型", "level"),
        "name": ("名称", "党组织名称", "name"),
        "parent": ("上级编号", "parent"),
        "community": _COMMUNITY,
        "grid": _GRID,
    },
    "anchors": {
        "key": ("编号", "key"),
        "town": _TOWN,
        "community": _COMMUNITY,
        "grid": _GRID,
        "household": ("户号", "household"),
        "linked": ("联系户户号", "联系户", "linked"),
        "lon": _LON,
        "lat": _LAT,
    },
    "centres": {
        "centre": ("编号", "centre"),
        "name": ("中心名称", "名称", "name"),
        "community": _COMMUNITY,
        "site": ("场所", "site"),
        "floor_area": ("建筑面积", "面积", "floor_area"),
        "state": ("状态", "state"),
        "lon": _LON,
        "lat": _LAT,
    },
    "incidents": {
        "key": ("工单编号", "编号", "order_no", "key"),
        "received": ("受理时间", "来电时间", "received_at"),
        "category": ("问题分类", "诉求分类", "类别", "category"),
        "town": _TOWN,
        "community": _COMMUNITY,
        "grid": _GRID,
        "address": ("事发地址", "地址", "address"),
        "lon": _LON,
        "lat": _LAT,
        "accuracy": ("定位精度", "accuracy_m"),
    },
    "places": {
        "key": ("编号", "key"),
        "name": ("名称", "name"),
        "alias": ("别名", "alias"),
        "category": ("类别", "category"),
        "community": _COMMUNITY,
    },
    "duties": {
        "serial": ("序号", "serial"),
        "category": ("类别", "category"),
        "community": _COMMUNITY,
        "compound": ("小区", "compound"),
        "unit": ("责任单位", "unit"),
        "phone": ("值班电话", "联系电话", "phone"),
    },
    "lines": {
        "name": ("名称", "name"),
        "kind": ("kind", "类型"),
        "grade": ("等级", "grade"),
        "barrier": ("barrier", "阻隔"),
    },
}

_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "boundaries": ("name",),
    "areas": ("code", "name"),
    "compounds": ("name",),
    "buildings": ("key",),
    "households": ("key", "community"),
    "gridworkers": ("community",),
    "party": ("key", "level", "name"),
    "anchors": ("key", "community"),
    "centres": ("centre", "name"),
    "incidents": ("key", "received"),
    "places": ("name",),
    "duties": ("category", "unit"),
    "lines": ("kind",),
}

# Columns that identify a person and have no declared use here: dropped at reading, never stored raw.
PERSONAL_COLUMNS = frozenset(
    {
        "户主",
        "姓名",
        "身份证号",
        "身份证",
        "公民身份号码",
        "联系电话",
        "电话",
        "手机",
        "手机号",
        "诉求人",
        "来电人",
        "负责人",
        "网格员",
        "网格长",
        "专职网格员",
        "兼职网格员",
        "人员类别",
        "民族",
        "政治面貌",
        "出生日期",
        "诉求内容",
    }
)


def heading(text: str) -> str:
    """Return a column heading in comparable form: NFKC, lower case, without blanks, units and brackets."""
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = re.sub(r"\((?:㎡|m2|m²|平方米|米|户|人|个|公顷)\)", "", plain)
    return re.sub(r"[\s()\[\]【】:：_·/]+", "", plain)


def required_fields(kind: str) -> tuple[str, ...]:
    """Return the fields a file of this kind must have a column for."""
    return _REQUIRED.get(kind, ())


def resolve_columns(
    kind: str, columns: Sequence[str], mapping: Mapping[str, str], *, file: str, geometry: bool = False
) -> dict[str, str]:
    """Return field → column of a file.

    Raises
    ------
    Refused
        `mapping` names a field or column that does not exist, or a required field has no column.
    """
    known = FIELDS[kind]
    _check_mapping(kind, columns, mapping, file)
    by_heading = {heading(c): c for c in reversed(columns)}
    found = dict(mapping)
    for field, headings in known.items():
        column = next((by_heading[heading(h)] for h in headings if heading(h) in by_heading), None)
        if column is not None:
            found.setdefault(field, column)
    missing = [f for f in required_fields(kind) if f not in found and not (geometry and f == "name")]
    if missing:
        raise Refused(
            f"no column for {', '.join(missing)}; the file has {', '.join(columns) or 'no columns'}",
            code="column-missing",
            where=Where(file=file),
            remedy=f"name it: --map {missing[0]}=COLUMN",
        )
    return found


def _check_mapping(kind: str, columns: Sequence[str], mapping: Mapping[str, str], file: str) -> None:
    for field, column in mapping.items():
        if field not in FIELDS[kind]:
            raise Refused(
                f"{kind} have no field {field!r}",
                code="field-unknown",
                where=Where(file=file),
                remedy=f"fields: {', '.join(FIELDS[kind])}",
            )
        if column not in columns:
            raise Refused(
                f"the file has no column {column!r}",
                code="column-missing",
                where=Where(file=file),
                remedy=f"columns: {', '.join(columns)}",
            )
