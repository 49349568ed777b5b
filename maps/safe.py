"""Make a page that asks nothing of the network and lets no name become code.

`offline` takes a page as folium renders it, puts every vendored asset into it, refuses any other address,
and closes it with a content policy that lists the hash of each script and style. `data_block`
carries values into a page as inert JSON; `text` escapes them for markup; `cell` for spreadsheets.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from geo.errors import Refused

__all__ = ["ASSET_SCHEME", "asset_bytes", "asset_text", "cell", "data_block", "offline", "text"]

ASSET_SCHEME: Final = "asset:"
ASSETS: Final = Path(__file__).parent / "assets"

_MEDIA: Final = {".png": "image/png", ".svg": "image/svg+xml", ".otf": "font/otf", ".woff2": "font/woff2"}
_URL_ATTRIBUTES: Final = frozenset(
    {
        "action",
        "background",
        "cite",
        "data",
        "formaction",
        "href",
        "icon",
        "manifest",
        "ping",
        "poster",
        "src",
        "srcset",
        "xlink:href",
    }
)
_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_FORBIDDEN: Final = frozenset({"base", "embed", "frame", "iframe", "object", "portal"})
_CSS_URL: Final = re.compile(r"url\(\s*(['\"]?)(.*?)\1\s*\)", re.IGNORECASE | re.DOTALL)
# The one data URI that a style may bring along by itself; pictures come in as assets.
_CSS_FONT: Final = re.compile(r"data:font/woff;base64,[A-Za-z0-9+/]+={0,2}")
_CSS_IMPORT: Final = re.compile(r"@import\b", re.IGNORECASE)
# In running script an address is a string literal that starts a scheme or a host.
_SCRIPT_URL: Final = re.compile(r"""["'`]\s*((?:[a-z][a-z0-9+.-]*:)?//[^"'`\s]+|javascript:)""", re.IGNORECASE)
_SOURCE_MAP: Final = re.compile(r"[ \t]*(?://[#@]|/\*[#@])\s*sourceMappingURL=[^\n*]*(?:\*/)?")
_CELL_DANGER: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")


def text(value: object) -> str:
    """Return `value` escaped for element content and for quoted attributes."""
    return html.escape(str(value), quote=True)


def cell(value: object) -> object:
    """Return a cell value that no spreadsheet takes for a formula.

    Text that begins with ``= + - @``, their full-width forms, a tab or a line end gets an apostrophe in
    front, so the value stays recoverable (drop one leading apostrophe). Text that already begins with an
    apostrophe gets one more for the same reason. Numbers, and text that is a plain signed number, pass.
    """
    if not isinstance(value, str) or not value:
        return value
    bare = value.lstrip(" \u00a0\u3000")
    if value.startswith("'"):
        return f"'{value}"
    return f"'{value}" if bare.startswith(_CELL_DANGER) and not _NUMBER.fullmatch(value) else value


def data_block(identity: str, value: Any) -> str:
    """Return ``<script type="application/json">`` holding `value`, which no parser can leave early.

    ``<``, ``>``, ``&`` and the two line separators of old script engines are written as escapes, so
    ``</script`` and ``<!--`` cannot occur.
    """
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json" id="{text(identity)}">{body}</script>'


@lru_cache(maxsize=1)
def _manifest() -> dict[str, str]:
    """Return sha256 by asset path, as the manifest beside the assets states."""
    listed = json.loads((ASSETS / "manifest.json").read_text(encoding="utf-8"))
    return {entry["path"]: entry["sha256"] for entry in listed["files"]}


def asset_bytes(path: str) -> bytes:
    """Return a vendored or own asset.

    Raises
    ------
    Refused
        The path is not listed, or the bytes are not those the manifest states.
    """
    expected = _manifest().get(path)
    if expected is None:
        raise Refused(
            f"the page asks for {path!r}, which is no vendored asset",
            code="asset-unknown",
            remedy="vendor it with maps/assets/refresh.py",
        )
    body = (ASSETS / path).read_bytes()
    if hashlib.sha256(body).hexdigest() != expected:
        raise Refused(
            f"asset {path!r} is not the file the manifest states",
            code="asset-changed",
            remedy="restore it with maps/assets/refresh.py",
        )
    return body


def asset_text(path: str) -> str:
    """Return a text asset without its source-map comment (an address that a browser may follow)."""
    return _SOURCE_MAP.sub("", asset_bytes(path).decode("utf-8"))


def _refuse_url(url: str, place: str) -> Refused:
    return Refused(
        f"the page would load {url[:80]!r} ({place})", code="url-in-page", remedy="vendor the asset, or drop it"
    )


def _inline_css(css: str, folder: str) -> str:
    """Return CSS whose ``url()`` are assets as data URIs, a font brought along as one, or fragments."""
    if _CSS_IMPORT.search(css):
        raise _refuse_url("@import", "style")

    def replace(match: re.Match[str]) -> str:
        url = match.group(2).strip()
        if url.startswith("#") or _CSS_FONT.fullmatch(url):
            return match.group(0)
        path = url.removeprefix(ASSET_SCHEME) if url.startswith(ASSET_SCHEME) else f"{folder}/{url}" if folder else ""
        if not path or ":" in path or path.startswith("/"):
            raise _refuse_url(url, "style")
        body = base64.b64encode(asset_bytes(path)).decode("ascii")
        return f'url("data:{_MEDIA[Path(path).suffix]};base64,{body}")'

    return _CSS_URL.sub(replace, css)


def _checked_script(body: str) -> str:
    found = _SCRIPT_URL.search(body)
    if found:
        raise _refuse_url(found.group(1), "script")
    if re.search(r"\bimport\s*\(|\bimportScripts\b", body):
        raise _refuse_url("import()", "script")
    return body


def _closed(body: str, tag: str) -> str:
    """Return script or style text that cannot end its element early."""
    ended = re.sub(rf"</(?={tag})", r"<\\/", body, flags=re.IGNORECASE)
    # A browser turns CR LF into LF before it hashes; the policy must state the hash of what it will see.
    return ended.replace("\r\n", "\n").replace("\r", "\n")


def _hash(body: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(body.encode("utf-8")).digest()).decode("ascii") + "'"


@dataclass
class _Page(HTMLParser):
    """Rewrites a page while reading it."""

    out: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    inside: str = ""
    raw: list[str] = field(default_factory=list)
    raw_attributes: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=False)

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        """Drop comments: nothing in a page reads them."""

    def handle_data(self, data: str) -> None:
        (self.raw if self.inside else self.out).append(data)

    def handle_entityref(self, name: str) -> None:
        self.out.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.out.append(f"&#{name};")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._refuse_tag(tag, values)
        if tag in {"script", "style"}:
            self.inside, self.raw, self.raw_attributes = tag, [], values
        elif tag == "link":
            self._stylesheet(values)
        else:
            self._check_urls(tag, values)
            self.out.append(_tag(tag, values))

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self._close_raw("".join(self.raw))
            self.inside = ""
        elif tag not in _VOID:
            self.out.append(f"</{tag}>")

    def _refuse_tag(self, tag: str, values: dict[str, str | None]) -> None:
        if tag in _FORBIDDEN or (tag == "meta" and (values.get("http-equiv") or "").lower() == "refresh"):
            raise _refuse_url(f"<{tag}>", "markup")
        for name in values:
            if name.startswith("on") or name == "style":
                raise Refused(
                    f"attribute {name!r} on <{tag}> would need an exception in the page's policy",
                    code="inline-code",
                    remedy="use a class and a listener",
                )

    def _check_urls(self, tag: str, values: dict[str, str | None]) -> None:
        for name in _URL_ATTRIBUTES & values.keys():
            url = (values[name] or "").strip()
            if not url.startswith(("#", "data:image/")):
                raise _refuse_url(url, f"{name} of <{tag}>")

    def _stylesheet(self, values: dict[str, str | None]) -> None:
        href = (values.get("href") or "").strip()
        if (values.get("rel") or "").lower() != "stylesheet" or not href.startswith(ASSET_SCHEME):
            raise _refuse_url(href, "link")
        path = href.removeprefix(ASSET_SCHEME)
        self._style(_inline_css(asset_text(path), str(Path(path).parent.as_posix())))

    def _style(self, css: str) -> None:
        body = _closed(css, "style")
        self.styles.append(_hash(body))
        self.out.append(f"<style>{body}</style>")

    def _close_raw(self, body: str) -> None:
        if self.inside == "style":
            self._style(_inline_css(body, ""))
        elif self.raw_attributes.get("type") in {"application/json", "application/ld+json"}:
            self.out.append(_tag("script", self.raw_attributes) + body + "</script>")
        else:
            self._script(body)

    def _script(self, body: str) -> None:
        source = (self.raw_attributes.get("src") or "").strip()
        if source and not source.startswith(ASSET_SCHEME):
            raise _refuse_url(source, "script src")
        code = asset_text(source.removeprefix(ASSET_SCHEME)) if source else _checked_script(body)
        code = _closed(code, "script")
        self.scripts.append(_hash(code))
        self.out.append(f"<script>{code}</script>")


def _tag(tag: str, values: dict[str, str | None]) -> str:
    inner = "".join(f" {name}" if value is None else f' {name}="{text(value)}"' for name, value in values.items())
    return f"<{tag}{inner}>"


def _policy(page: _Page) -> str:
    scripts = " ".join(dict.fromkeys(page.scripts)) or "'none'"
    styles = " ".join(dict.fromkeys(page.styles)) or "'none'"
    rules = (
        "default-src 'none'",
        f"script-src {scripts}",
        f"style-src {styles}",
        "img-src data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def offline(page: str) -> str:
    """Return a page that stands alone: assets inside, no address left, a strict content policy.

    Parameters
    ----------
    page : str
        A whole document. Assets are named ``asset:path``; values stand in data blocks, never in
        running script.

    Raises
    ------
    Refused
        Any other address (absolute or relative) in markup, style or script; an event attribute, a style
        attribute, a frame, an unknown or changed asset.

    Notes
    -----
    The policy stands in a ``meta`` element right after ``<head>`` and holds hashes only, no
    ``unsafe-inline`` and no nonce, because a file on disk cannot draw a fresh nonce.
    """
    parser = _Page()
    parser.feed(page)
    parser.close()
    if parser.inside:
        raise Refused(
            f"the page ends inside <{parser.inside}>", code="page-broken", remedy="report the names used in this map"
        )
    whole = "".join(parser.out)
    if "<head>" not in whole:
        raise Refused("the page has no head", code="page-broken", remedy="pass a whole document")
    return whole.replace("<head>", "<head>" + _policy(parser), 1)
