"""Versions over HTTP: an ETag for what was read, If-Match for what is written."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Depends, Header, HTTPException

__all__ = ["Expected", "etag", "expected_version", "is_known"]

_TAG: Final = re.compile(r'\s*"(\d{1,9})"\s*')
# No version is ever this one: a tag that is none of ours does not match, and the answer names the current one.
_NEVER: Final = 0


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def expected_version(
    if_match: Annotated[
        str | None, Header(max_length=100, description="the ETag that was read; 428 where it is missing")
    ] = None,
) -> int:
    """Return the version a writer had; a missing or unspecific If-Match is refused with 428."""
    if if_match is None or if_match.strip() == "*":
        raise HTTPException(428)
    match = _TAG.fullmatch(if_match)
    return int(match[1]) if match else _NEVER


def is_known(version: int, if_none_match: str | None) -> bool:
    """Tell whether a reader has this version already."""
    return if_none_match is not None and etag(version) in (t.strip() for t in if_none_match.split(","))


Expected = Annotated[int, Depends(expected_version)]
