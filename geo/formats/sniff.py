"""What a file is, by content and by name, before any reader touches it.

A name alone is never believed: a GDAL virtual data set called ``grid.geojson`` would read other files
of the machine. Formats that cannot be read are refused with the exact steps to save them as another.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from geo.errors import HostileFile, Refused, Where
from geo.formats.archive import Archive, open_archive

if TYPE_CHECKING:
    from geo.settings import Limits

__all__ = ["KINDS", "load", "sniff"]

KINDS: Final = ("geojson", "kml", "kmz", "shapefile", "geopackage", "dxf", "csv", "xlsx", "xls")

_BY_SUFFIX: Final = {
    ".geojson": "geojson",
    ".json": "geojson",
    ".kml": "kml",
    ".ovkml": "kml",
    ".kmz": "kmz",
    ".ovkmz": "kmz",
    ".shp": "shapefile",
    ".zip": "shapefile",
    ".gpkg": "geopackage",
    ".dxf": "dxf",
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
}
_CAD_STEPS: Final = "在 CAD 中 “文件 → 另存为”, 文件类型选 “AutoCAD 2000/LT2000 DXF (*.dxf)”, 或导出为 SHP 后压缩成 ZIP"
_TABLE_STEPS: Final = "在 WPS 表格中 “文件 → 另存为”, 文件类型选 “Microsoft Excel 文件 (*.xlsx)”, 保存后重新导入"
_TEXT_STEPS: Final = (
    "把其中的表格复制到 WPS 表格或 Excel, “文件 → 另存为” “Microsoft Excel 文件 (*.xlsx)”, 保存后重新导入"
)
_UNPACK_STEPS: Final = "右键 “解压到当前文件夹”, 选中解出的全部文件, 右键 “添加到压缩文件”, 压缩格式选 “ZIP”, 重新导入"
_SHP_STEPS: Final = "选 .shp 文件, 或把同名的 .shp .dbf .shx .prj 一起压缩成 ZIP"
_PICTURE_STEPS: Final = "图片没有坐标: 在地图页面上照图描绘, 或向制图单位要 SHP/DXF/KML 原文件"
_REFUSED: Final = {
    ".et": ("WPS 表格 (.et) 文件不能直接读取", _TABLE_STEPS),
    ".ett": ("WPS 表格模板 (.ett) 不能直接读取", _TABLE_STEPS),
    ".ods": ("ODS 表格不能直接读取", _TABLE_STEPS),
    ".xlsb": ("二进制工作簿 (.xlsb) 不能直接读取", _TABLE_STEPS),
    ".dwg": ("DWG 图纸不能直接读取", _CAD_STEPS),
    ".dgn": ("DGN 图纸不能直接读取", _CAD_STEPS),
    ".rar": ("RAR 压缩包不能直接读取", _UNPACK_STEPS),
    ".7z": ("7z 压缩包不能直接读取", _UNPACK_STEPS),
    ".gz": ("GZ 压缩包不能直接读取", _UNPACK_STEPS),
    ".tar": ("TAR 压缩包不能直接读取", _UNPACK_STEPS),
    ".doc": ("Word 文档不能直接读取", _TEXT_STEPS),
    ".docx": ("Word 文档不能直接读取", _TEXT_STEPS),
    ".wps": ("WPS 文字文档不能直接读取", _TEXT_STEPS),
    ".pdf": ("PDF 不能直接读取", _TEXT_STEPS),
    ".mdb": ("Access 数据库不能直接读取", "在 Access 中右键该表, “导出 → Excel”, 保存为 .xlsx 后重新导入"),
    ".gdb": ("文件地理数据库不能直接读取", "在 ArcGIS 中 “导出数据” 为 SHP 或 GPKG 后重新导入"),
    ".tab": ("MapInfo 表不能直接读取", "在 MapInfo 中 “表 → 导出” 为 SHP 后压缩成 ZIP"),
    ".ovobj": (
        "奥维 .ovobj 文件不能直接读取",
        "在奥维中 “导出”, 格式选 “KML 格式”, 并记下坐标系 (9.3.0 起 ovkml 为 GCJ-02)",
    ),
    ".dbf": ("只有属性表, 没有图形", _SHP_STEPS),
    ".shx": ("只有索引, 没有图形", _SHP_STEPS),
    ".prj": ("只有坐标系说明, 没有图形", _SHP_STEPS),
    ".jpg": ("图片不能读取", _PICTURE_STEPS),
    ".jpeg": ("图片不能读取", _PICTURE_STEPS),
    ".png": ("图片不能读取", _PICTURE_STEPS),
    ".bmp": ("图片不能读取", _PICTURE_STEPS),
    ".tif": ("图片不能读取", _PICTURE_STEPS),
}
_MAGIC: Final = (
    (b"Rar!\x1a\x07", ".rar"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"\x1f\x8b", ".gz"),
    (b"%PDF", ".pdf"),
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BIFF_START: Final = re.compile(rb"\x09[\x00\x02\x04\x08]")
_SHP_MAGIC: Final = b"\x00\x00\x27\x0a"
_SQLITE: Final = b"SQLite format 3\x00"
_BINARY_DXF: Final = b"AutoCAD Binary DXF"
_DWG: Final = re.compile(rb"AC1[0-9.]{3}")
_DISGUISE: Final = re.compile(rb"<\s*(?:OGRVRT|GDALTile|VRTDataset|OGRWarpedLayer|OGRUnionLayer)", re.IGNORECASE)
_HEAD: Final = 4096


def load(path: Path, *, limits: Limits) -> bytes:
    """Return the bytes of a file that is neither missing, nor a folder, nor too large.

    Raises
    ------
    Refused
        The file is missing, empty or unreadable.
    HostileFile
        The file is larger than `limits.upload_bytes`.
    """
    place = Where(file=path.name)
    if path.is_dir():
        raise Refused("这是文件夹, 不是文件", code="not-a-file", where=place, remedy="选择文件夹内的文件")
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.upload_bytes + 1)
    except (OSError, ValueError) as error:
        raise Refused("文件不存在或打不开", code="file-missing", where=place, remedy="检查路径和权限") from error
    if len(data) > limits.upload_bytes:
        message = f"文件超过 {limits.upload_bytes} 字节"
        raise HostileFile(message, code="file-too-large", where=place, remedy="拆成几个文件")
    if not data:
        raise Refused("文件是空的", code="file-empty", where=place, remedy="重新导出")
    return data


def sniff(data: bytes, *, name: str, limits: Limits) -> str:
    """Return the kind of a file, one of `KINDS`, where name and content agree.

    Parameters
    ----------
    data : bytes
        Whole content.
    name : str
        File name; its ending is a claim, the content decides.

    Raises
    ------
    HostileFile
        One format hides under another's name, or an archive is a bomb.
    Refused
        The format cannot be read; the remedy says how to save it as another.
    """
    place = Where(file=name)
    suffix = Path(name).suffix.lower()
    _refuse_foreign(data, suffix, place)
    claimed = _BY_SUFFIX.get(suffix)
    if claimed is None:
        remedy = "支持: GeoJSON, KML/KMZ/ovkml, SHP (ZIP), GPKG, DXF, CSV, XLSX, XLS"
        raise Refused("不认识的文件类型", code="format-unknown", where=place, remedy=remedy)
    found = _content(data, name=name, limits=limits)
    if found == claimed:
        return claimed
    if {found, claimed} <= {"kmz", "shapefile"}:
        return found  # a zip that holds a KML is a KMZ whatever its ending
    raise HostileFile(
        f"文件名是 {suffix}, 内容却是 {found}", code="disguise", where=place, remedy=_disguise_remedy(found)
    )


def _refuse_foreign(data: bytes, suffix: str, place: Where) -> None:
    by_magic = next((ending for magic, ending in _MAGIC if data.startswith(magic)), None)
    if by_magic is None and _DWG.match(data[:6]):
        by_magic = ".dwg"
    refusal = _REFUSED.get(by_magic or suffix)
    if refusal:
        raise Refused(refusal[0], code="format-refused", where=place, remedy=refusal[1])
    if _DISGUISE.search(data[:_HEAD]):
        message = "这是 GDAL 虚拟数据集 (VRT), 会读取别的文件"
        raise HostileFile(message, code="disguise", where=place, remedy="导出真实数据后再导入")


def _content(data: bytes, *, name: str, limits: Limits) -> str:
    """Return the kind by content alone, or a word for what it is instead."""
    if data.startswith(_ZIP):
        return _zip_kind(open_archive(data, limits=limits, file=name, nested=True))
    if data.startswith(_OLE) or _BIFF_START.match(data[:2]):
        return "xls"
    if data.startswith(_SQLITE):
        return "geopackage"
    if data.startswith(_SHP_MAGIC):
        return "shapefile"
    if data.startswith(_BINARY_DXF):
        return "dxf"
    if name.lower().endswith((".xlsx", ".xlsm", ".zip", ".kmz", ".ovkmz")) and data.startswith(b"PK"):
        raise Refused("压缩包不完整或已损坏", code="zip-damaged", where=Where(file=name), remedy="重新下载或重新压缩")
    return _text_kind(data)


def _zip_kind(archive: Archive) -> str:
    names = {member.name for member in archive.members}
    if "[Content_Types].xml" in names:
        return "xlsx" if any(name.startswith("xl/") for name in names) else "office 文档"
    endings = {member.suffix for member in archive.members}
    if ".shp" in endings:
        return "shapefile"
    if endings & {".kml", ".ovkml"}:
        return "kmz"
    return "不含 SHP 或 KML 的压缩包"


def _text_kind(data: bytes) -> str:
    head = data[:_HEAD]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = data[: _HEAD & ~1].decode("utf-16", errors="replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = head.lower()
    if head.startswith((b"{", b"[")):
        return "geojson"
    if head.startswith(b"<"):
        if b"<kml" in lower or b"<placemark" in lower or b"<!entity" in lower:
            return "kml"
        return "网页 (HTML)" if b"<html" in lower or b"<table" in lower else "kml" if b"<?xml" in lower else "XML"
    if re.match(rb"(?:999\r?\n.*\r?\n\s*)*0\r?\nSECTION", head):
        return "dxf"
    return "csv"


def _disguise_remedy(found: str) -> str:
    if found in KINDS:
        return f"把文件名的结尾改成 {found} 应有的结尾, 或重新导出"
    if found.startswith("网页"):
        return "用 WPS 表格或 Excel 打开, “文件 → 另存为” “Microsoft Excel 文件 (*.xlsx)”"
    return "重新导出"
