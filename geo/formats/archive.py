"""Zip directories read with suspicion: bombs, lies, slips, nests and names in GBK.

Everything is decided from the directory before a byte is unpacked, and unpacking counts the bytes
that really come out, because the directory may lie. Members are read into memory, never onto a path
that the archive chose.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from geo.errors import HostileFile, Refused, Where

if TYPE_CHECKING:
    from geo.settings import Limits

__all__ = ["Archive", "Member", "open_archive"]

_UTF8_FLAG: Final = 0x800
_ENCRYPTED_FLAG: Final = 0x1
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_SYMLINK: Final = 0o120000
_TYPE_MASK: Final = 0o170000
_CHUNK: Final = 1 << 20
# Below this a high ratio harms nobody: an empty sheet easily packs 1:200.
_HARMLESS_BYTES: Final = 1 << 20
_NESTED: Final = (".zip", ".kmz", ".ovkmz", ".rar", ".7z", ".gz", ".tar", ".xlsx")
_DEVICE: Final = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_FORBIDDEN: Final = re.compile("[\x00-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TRUNCATED: Final = "压缩包不完整或已损坏"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its name as a person reads it and its size by the directory."""

    name: str
    size: int
    info: zipfile.ZipInfo

    @property
    def suffix(self) -> str:
        """Lower-case ending with the dot, "" where there is none."""
        base = self.name.rsplit("/", 1)[-1]
        return "." + base.rsplit(".", 1)[-1].lower() if "." in base else ""


class Archive:
    """A zip whose directory passed all checks; made by `open_archive`."""

    def __init__(self, bundle: zipfile.ZipFile, members: tuple[Member, ...], *, limits: Limits, file: str) -> None:
        self.members = members
        self._bundle = bundle
        self._limits = limits
        self._file = file
        self._left = limits.unpacked_bytes

    def find(self, name: str) -> Member | None:
        """Return the member of that exact name, None where there is none."""
        return next((member for member in self.members if member.name == name), None)

    def read(self, member: Member) -> bytes:
        """Return the bytes of a member, counting what really comes out.

        Raises
        ------
        HostileFile
            More comes out than the directory says or the limit allows.
        Refused
            The data are damaged.
        """
        place = Where(file=self._file, layer=member.name)
        chunks, size = [], 0
        try:
            with self._bundle.open(member.info) as stream:
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if size > min(member.size, self._left):
                        raise HostileFile("压缩包目录与内容不符", code="zip-lies", where=place, remedy="重新压缩")
                    chunks.append(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise Refused(_TRUNCATED, code="zip-damaged", where=place, remedy="重新压缩或重新下载") from error
        self._left -= size
        return b"".join(chunks)


def open_archive(data: bytes, *, limits: Limits, file: str, nested: bool = False) -> Archive:
    """Check a zip's directory and return it opened.

    Parameters
    ----------
    data : bytes
        The archive.
    limits : Limits
        `zip_members`, `unpacked_bytes` and `zip_ratio` are kept.
    file : str
        Name for messages.
    nested : bool
        Whether archives inside are tolerated (office documents carry embedded ones); they are never opened.

    Raises
    ------
    HostileFile
        Too many members, too large, too dense, overlapping, encrypted, nested, or a name that slips out.
    Refused
        Truncated or damaged.
    """
    place = Where(file=file)
    try:
        bundle = zipfile.ZipFile(io.BytesIO(data))
        infos = bundle.infolist()
    except (zipfile.BadZipFile, RuntimeError, ValueError, OverflowError, EOFError) as error:
        raise Refused(_TRUNCATED, code="zip-damaged", where=place, remedy="重新压缩或重新下载") from error
    _check_totals(infos, packed=len(data), limits=limits, place=place)
    members = tuple(_member(info, place=place, nested=nested) for info in infos if not info.is_dir())
    names = [member.name.lower() for member in members]
    if len(set(names)) != len(names):
        raise HostileFile("压缩包内有同名文件", code="zip-duplicate", where=place, remedy="重新压缩")
    return Archive(bundle, members, limits=limits, file=file)


def _check_totals(infos: list[zipfile.ZipInfo], *, packed: int, limits: Limits, place: Where) -> None:
    if len(infos) > limits.zip_members:
        raise HostileFile(
            f"压缩包内超过 {limits.zip_members} 个文件", code="zip-members", where=place, remedy="只压缩需要的文件"
        )
    unpacked = sum(info.file_size for info in infos)
    if unpacked > limits.unpacked_bytes:
        message = f"解压后超过 {limits.unpacked_bytes} 字节"
        raise HostileFile(message, code="zip-too-large", where=place, remedy="拆成几个文件")
    if unpacked > _HARMLESS_BYTES and unpacked > limits.zip_ratio * packed:
        message = f"压缩比超过 {limits.zip_ratio}, 疑为压缩炸弹"
        raise HostileFile(message, code="zip-bomb", where=place, remedy="用 WPS 或 Excel 打开后另存再试")
    # Overlapping members let a small file unpack to a huge one: the packed sizes cannot add up to more than the file.
    starts = sorted((info.header_offset, info.compress_size) for info in infos)
    for (start, size), (following, _) in zip(starts, [*starts[1:], (packed, 0)], strict=False):
        if start + size > following:
            raise HostileFile("压缩包内的文件相互重叠", code="zip-overlap", where=place, remedy="重新压缩")


def _member(info: zipfile.ZipInfo, *, place: Where, nested: bool) -> Member:
    name = _readable_name(info)
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise HostileFile("压缩包有密码", code="zip-encrypted", where=place, remedy="去掉密码后重新压缩")
    if info.compress_type not in _METHODS:
        raise Refused("压缩方法不受支持", code="zip-method", where=place, remedy="用普通 ZIP 格式重新压缩")
    if (info.external_attr >> 16) & _TYPE_MASK == _SYMLINK:
        raise HostileFile("压缩包内有链接文件", code="zip-link", where=place, remedy="重新压缩真实文件")
    if _slips(name) or _slips(info.filename):
        raise HostileFile("压缩包内有越界或非法的文件名", code="zip-slip", where=place, remedy="重新压缩")
    member = Member(name, info.file_size, info)
    if not nested and member.suffix in _NESTED:
        raise HostileFile("压缩包内还有压缩包", code="zip-nested", where=place, remedy="先解压, 再压缩一层")
    return member


def _readable_name(info: zipfile.ZipInfo) -> str:
    """Undo the cp437 reading of names written without the UTF-8 flag: UTF-8 first, then GB18030."""
    if info.flag_bits & _UTF8_FLAG:
        return info.orig_filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.orig_filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _slips(name: str) -> bool:
    if not name or name.startswith("/") or "\\" in name or ":" in name or _FORBIDDEN.search(name):
        return True
    parts = name.split("/")
    return ".." in parts or any(_DEVICE.match(part) for part in parts)
