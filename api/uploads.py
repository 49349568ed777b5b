"""Uploaded files on their way to the importer: read within limits, named safely, gone when the request ends."""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import UploadFile

from api.refusals import sentence
from geo.errors import HostileFile, Refused, Unavailable
from geo.services.ingest import IMPORT_KINDS, ImportRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from geo.services.ingest import FileReport, ImportReport
    from geo.settings import Limits

__all__ = ["FORM", "Upload", "read_upload", "report_json", "stored_files"]

_WORDS: Final = ("kind", "datum", "encoding", "layer", "apply", "accept_refused", "map")
_SIDECARS: Final = frozenset({".dbf", ".shx", ".prj", ".cpg", ".qpj", ".sbn", ".sbx"})
_DEVICES: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_LONGEST_WORD: Final = 200
_LONGEST_NAME: Final = 100
_SHOWN: Final = 200

# The multipart form as the API description states it.
FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["kind", "file"],
                    "additionalProperties": False,
                    "properties": {
                        "kind": {"type": "string", "enum": sorted(IMPORT_KINDS)},
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "one file or several; the parts of a loose shapefile together",
                        },
                        "datum": {"type": "string", "maxLength": 20, "description": "as for /locate; `:yx` swaps"},
                        "encoding": {"type": "string", "maxLength": 20},
                        "layer": {"type": "string", "maxLength": _LONGEST_WORD},
                        "map": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "field=column, where a column is not recognised",
                        },
                        "apply": {"type": "string", "enum": ["true", "false"], "default": "false"},
                        "accept_refused": {"type": "string", "enum": ["true", "false"], "default": "false"},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent: the files, and the words beside them."""

    files: tuple[UploadFile, ...]
    words: dict[str, str]
    mapping: dict[str, str]

    def request(self, paths: Sequence[Path]) -> ImportRequest:
        """Return the import asked for, on stored files."""
        return ImportRequest(
            kind=self.words["kind"],
            paths=tuple(paths),
            datum=self.words.get("datum") or None,
            encoding=self.words.get("encoding") or None,
            layer=self.words.get("layer") or None,
            mapping=self.mapping,
            apply=_truth(self.words, "apply"),
            accept_refused=_truth(self.words, "accept_refused"),
        )


def _truth(words: dict[str, str], name: str) -> bool:
    word = words.get(name, "false")
    if word not in ("true", "false"):
        raise Refused(f"{name} must be true or false", code="form-invalid", remedy="send true or false")
    return word == "true"


@asynccontextmanager
async def read_upload(request: Request, limits: Limits) -> AsyncIterator[Upload]:
    """Read a multipart form; its files are gone when the block ends.

    Raises
    ------
    Refused
        A field is not known, given twice or missing, or there is no file.
    """
    async with request.form(max_files=limits.zip_members, max_fields=50, max_part_size=10_000) as form:
        yield _upload_of(form)


def _upload_of(form: FormData) -> Upload:
    unknown = set(form) - {*_WORDS, "file"}
    if unknown:
        raise Refused("a field of the form is not known", code="fields-unknown", remedy="see the API description")
    files = [f for f in form.getlist("file") if isinstance(f, UploadFile)]
    if not files or len(files) != len(form.getlist("file")):
        raise Refused("no file was sent", code="file-missing", remedy="send it in the field `file`")
    words = {name: _word(form, name) for name in _WORDS if name in form and name != "map"}
    if words.get("kind") not in IMPORT_KINDS:
        raise Refused("kind is none of the known ones", code="kind-unknown", remedy=", ".join(sorted(IMPORT_KINDS)))
    return Upload(tuple(files), words, dict(_pair(text) for text in form.getlist("map")))


def _word(form: FormData, name: str) -> str:
    given = form.getlist(name)
    if len(given) != 1 or not isinstance(given[0], str) or len(given[0]) > _LONGEST_WORD:
        raise Refused(f"{name} must be one short text", code="form-invalid", remedy="send it once")
    return given[0].strip()


def _pair(text: Any) -> tuple[str, str]:
    name, mark, column = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not mark or not name or not column or len(text) > _LONGEST_WORD:
        raise Refused("map must read field=column", code="form-invalid", remedy="send for example map=persons=人口")
    return name, column


@contextmanager
def stored_files(upload: Upload, limits: Limits) -> Iterator[list[Path]]:
    """Write the files into a folder of their own and hand out those to be read; the folder goes at the end.

    Raises
    ------
    HostileFile
        A name is no plain file name, or comes twice.
    Unavailable
        The disk has no room.
    """
    with tempfile.TemporaryDirectory(prefix="wangge-upload-") as folder:
        room = shutil.disk_usage(folder).free - limits.free_disk_bytes
        if sum(f.size or 0 for f in upload.files) > room:
            raise Unavailable("the disk has no room for these files", code="disk-full", remedy="make room, send again")
        paths = []
        for file in upload.files:
            path = Path(folder) / _safe_name(file.filename or "")
            if path.exists():
                raise HostileFile("two files have one name", code="file-name", remedy="rename one of them")
            with path.open("xb") as out:
                shutil.copyfileobj(file.file, out)
            paths.append(path)
        yield [p for p in paths if p.suffix.lower() not in _SIDECARS or not _has_shape(p, paths)]


def _has_shape(part: Path, paths: Sequence[Path]) -> bool:
    return any(p.suffix.lower() == ".shp" and p.stem == part.stem for p in paths)


def _safe_name(name: str) -> str:
    """Return a file name as sent where it is a plain one: no folder, no control or direction mark, no device."""
    plain = unicodedata.normalize("NFC", name)
    odd = any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn") or c in '/\\:*?"<>|' for c in plain)
    if odd or not plain.strip(" .") or plain.startswith(".") or len(plain) > _LONGEST_NAME or _DEVICES.fullmatch(plain):
        raise HostileFile(
            "a file's name is no plain name", code="file-name", remedy=f"use letters, at most {_LONGEST_NAME}"
        )
    return plain


def report_json(report: ImportReport, language: str) -> dict[str, Any]:
    """Return an import's report as the wire has it, its sentences in a language ("zh" or "en")."""
    return {
        "kind": report.kind,
        "applied": report.applied,
        "rows_read": report.rows_read,
        "accepted": report.accepted,
        "refused_count": len(report.refused),
        "proposed_datum": report.proposed_datum,
        "inserted": report.inserted,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "generation_id": report.generation_id,
        "files": [_file_json(f, language) for f in report.files],
    }


def _file_json(file: FileReport, language: str) -> dict[str, Any]:
    return {
        "name": Path(file.path).name,
        "sha256": file.sha256,
        "format": file.format,
        "encoding": file.encoding,
        "encoding_evidence": file.encoding_evidence,
        "datum": file.datum,
        "proposed_datum": file.proposed_datum,
        "datum_evidence": [sentence(line, language) for line in file.datum_evidence],
        "rows_read": file.rows_read,
        "accepted": file.accepted,
        "refused": [
            {
                "row": r.where.row,
                "column": r.where.column,
                "feature": r.where.feature,
                "code": r.code,
                "message": sentence(r.message, language, code=r.code),
                "remedy": sentence(r.remedy, language, code=r.code),
            }
            for r in file.refused[:_SHOWN]
        ],
        "warnings": [sentence(line, language) for line in file.warnings[:_SHOWN]],
    }
