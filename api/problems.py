"""Refusals as RFC 9457 problems: one table from error class to status, one shape for all of them.

Nothing a caller sent, no path, no SQL, no version and no trace ever stands in a problem. What the caller
needs is there: what is wrong, where, what to do, and the request's id to quote.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.refusals import LANGUAGES, Said, absent, said, sentence
from geo.errors import (
    BaseSuperseded,
    Conflict,
    CoverageBroken,
    DatumRequired,
    EncodingUnknown,
    Forbidden,
    HostileFile,
    Infeasible,
    NotFound,
    Refused,
    StaleVersion,
    Unavailable,
    WanggeError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

__all__ = [
    "MEDIA_TYPE",
    "STATUS",
    "Problem",
    "RowsRefused",
    "install",
    "language_of",
    "problem_of",
    "problem_of_status",
    "render",
]

MEDIA_TYPE: Final = "application/problem+json"
_LOG = logging.getLogger("wangge.api")

# Error class -> status and title (Chinese, English). The nearest ancestor counts.
STATUS: Final[dict[type[WanggeError], tuple[int, str, str]]] = {
    Refused: (422, "不能接受", "Refused"),
    DatumRequired: (422, "未声明坐标系", "Datum not declared"),
    EncodingUnknown: (422, "文字编码不明", "Encoding unknown"),
    HostileFile: (422, "文件超出限制", "File passes a limit"),
    CoverageBroken: (422, "网格不成完整覆盖", "Not a coverage"),
    Infeasible: (422, "无可行方案", "No plan fulfils the wishes"),
    NotFound: (404, "没有找到", "Not found"),
    Conflict: (409, "与现状冲突", "Conflict with the present state"),
    BaseSuperseded: (409, "方案所依据的网格已不是现行的", "Drawn on grids not in force"),
    StaleVersion: (412, "已被他人修改", "Changed by somebody else"),
    Forbidden: (403, "无此权限", "Not allowed"),
    Unavailable: (503, "暂时不能服务", "Unavailable"),
    WanggeError: (500, "内部错误", "Internal error"),
}
# Words that a message quotes were sent by somebody: what is wrong can be said without them.
_QUOTED: Final = re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\")(?!\w)")
# Refusals that come from HTTP itself: status -> code, and title in both languages; the rest stands in api.refusals.
_OF_HTTP: Final[dict[int, tuple[str, str, str]]] = {
    400: ("bad-request", "请求有误", "Bad request"),
    403: ("forbidden", "无此权限", "Not allowed"),
    404: ("not-found", "没有找到", "Not found"),
    405: ("method-not-allowed", "方法不允许", "Method not allowed"),
    406: ("not-acceptable", "格式不支持", "Not acceptable"),
    413: ("body-too-large", "内容过大", "Body too large"),
    415: ("media-type", "内容类型不支持", "Unsupported media type"),
    421: ("wrong-host", "主机名不对", "Wrong host"),
    428: ("if-match-missing", "缺少 If-Match", "If-Match is missing"),
    500: ("internal", "内部错误", "Internal error"),
}
Both = tuple[str, str]


class RowsRefused(Refused):
    """An import was to be applied, rows of it were refused, and nobody said to go on without them."""

    default_code = "rows-refused"

    def __init__(self, report: Mapping[str, Any]) -> None:
        super().__init__(
            f"{report['refused_count']} rows were refused, and nothing was written",
            remedy="mend them, or send accept_refused=true to write the others",
        )
        self.report = report


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, ready to be written in either language: `titles`, `details`, `remedies` are (Chinese, English).

    `extras` are members that read the same in both languages, `spoken` those that do not.
    """

    status: int
    code: str
    titles: Both
    details: Both
    remedies: Both = ("", "")
    extras: Mapping[str, Any] = field(default_factory=dict)
    spoken: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, *, request_id: str, language: str = "zh") -> bytes:
        """Return the JSON text. `language` chooses title, detail and remedy, "zh" or "en"."""
        side = LANGUAGES.index(language)
        members: dict[str, Any] = {
            "type": f"urn:wangge:problem:{self.code}",
            "title": self.titles[side],
            "status": self.status,
            "detail": self.details[side],
            "code": self.code,
            "request_id": request_id,
        }
        if self.remedies[side]:
            members["remedy"] = self.remedies[side]
        return orjson.dumps({**members, **self.extras, **{name: both[side] for name, both in self.spoken.items()}})


def problem_of(error: WanggeError) -> Problem:
    """Return the problem that stands for an error of the domain."""
    status, *titles = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    place = {key: value for key, value in _where(error).items() if value not in (None, "")}
    extras: dict[str, Any] = {"where": place} if place else {}
    spoken: dict[str, tuple[Any, Any]] = {}
    headers: dict[str, str] = {}
    if isinstance(error, Infeasible):
        spoken["conflict"] = _each(error.conflict)
    if isinstance(error, RowsRefused):
        extras["report"] = dict(error.report)
    if isinstance(error, StaleVersion):
        extras["current_version"] = error.current
        spoken["difference"] = _each(error.difference)
        headers["ETag"] = f'"{error.current}"'
    if isinstance(error, BaseSuperseded):
        extras |= {"plan": error.plan_id, "base": _generation(error.base), "in_force": _generation(error.in_force)}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "5"
    chinese, english = (_said(error, language) for language in LANGUAGES)
    return Problem(
        status,
        error.code,
        (titles[0], titles[1]),
        (chinese.message, english.message),
        (chinese.remedy, english.remedy),
        extras,
        spoken,
        headers,
    )


def _said(error: WanggeError, language: str) -> Said:
    """Say what is wrong and what to do, without anything that was sent.

    What is absent and what is somebody else's read the same, and no name that was asked for comes back.
    """
    if isinstance(error, NotFound):
        return Said(absent(language), said(error, language).remedy)
    return said(error, language, message=_QUOTED.sub("…", error.message))


def _each(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    chinese, english = ([sentence(line, language) for line in lines] for language in LANGUAGES)
    return chinese, english


def _generation(told: tuple[int, str] | None) -> dict[str, Any] | None:
    return None if told is None else {"serial": told[0], "id": told[1]}


def _where(error: WanggeError) -> dict[str, Any]:
    place = error.where
    # A file is named, never its folder: paths of the server are nobody's business.
    file = place.file.replace("\\", "/").rsplit("/", 1)[-1] if place.file else None
    return {
        "file": file,
        "layer": place.layer,
        "row": place.row,
        "column": place.column,
        "feature": place.feature,
    }


def problem_of_status(status: int, *, detail: str = "", headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem for a refusal of HTTP itself, such as 404 or 413."""
    known = _OF_HTTP.get(status)
    if known is None:
        phrase = HTTPStatus(status).phrase
        return Problem(
            status, phrase.lower().replace(" ", "-"), (phrase, phrase), (detail or phrase,) * 2, headers=headers or {}
        )
    code, *titles = known
    told = WanggeError(detail or titles[1], code=code)
    chinese, english = (said(told, language) for language in LANGUAGES)
    return Problem(
        status,
        code,
        (titles[0], titles[1]),
        (chinese.message, english.message) if detail else (titles[0], titles[1]),
        (chinese.remedy, english.remedy),
        headers=headers or {},
    )


def _problem_of_validation(error: RequestValidationError, *, status: int) -> Problem:
    """Say which field is wrong and what it should be; never what was sent."""
    rows = []
    for fault in error.errors():
        place = [str(step) for step in fault["loc"]]
        if fault["type"] == "extra_forbidden":
            place = place[:-1]  # the name of an unknown field is the caller's own text
        if fault["type"] == "json_invalid":
            place = ["body"]
        rows.append({"at": ".".join(place), "code": fault["type"], "message": _message(fault)})
    spoken = tuple([{**row, "message": sentence(row["message"], lang)} for row in rows[:50]] for lang in LANGUAGES)
    general = WanggeError("the request is not valid", code="invalid-request")
    return Problem(
        status,
        "invalid-request",
        ("参数不合要求", "Invalid request"),
        (_joined(spoken[0], "：", "；"), _joined(spoken[1], ": ", "; ")),
        (said(general, "zh").remedy, said(general, "en").remedy),
        spoken={"errors": (spoken[0], spoken[1])},
    )


def _joined(rows: Sequence[Mapping[str, str]], colon: str, stop: str) -> str:
    return stop.join(f"{row['at']}{colon}{row['message']}" for row in rows[:5])


def _message(fault: Mapping[str, Any]) -> str:
    """Return the validator's words, without anything it quotes from the input."""
    if fault["type"] == "value_error":
        return "value not accepted"
    return str(fault["msg"])


def language_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return "en" where the caller asks for English first, "zh" otherwise."""
    wanted = next((value for name, value in headers if name == b"accept-language"), b"")
    return "en" if wanted[:2].lower() == b"en" else "zh"


def render(problem: Problem, scope: Mapping[str, Any]) -> Response:
    """Return the response for a problem met while serving `scope` (the ASGI scope)."""
    return Response(
        problem.body(request_id=scope.get("request_id", ""), language=language_of(scope["headers"])),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )


async def _on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, WanggeError)  # noqa: S101  (registered for this class alone)
    return render(problem_of(error), request.scope)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (as above)
    # The OGC standard wants 400 for parameters, everything else here says 422.
    status = 400 if request.scope["path"].startswith("/ogc") else 422
    return render(_problem_of_validation(error, status=status), request.scope)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (as above)
    return render(problem_of_status(error.status_code, headers=error.headers), request.scope)


async def _on_anything(request: Request, error: Exception) -> Response:
    # The class alone is logged: messages of libraries may quote what was sent.
    _LOG.error("request %s failed: %s", request.scope.get("request_id", ""), type(error).__name__)
    return render(problem_of_status(500), request.scope)


def install(app: Any) -> None:
    """Register the handlers on a FastAPI or Starlette application."""
    app.add_exception_handler(WanggeError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_anything)
