"""A page leaves whole, with every asset inside, or not at all."""

import base64
import hashlib
import html
import json
import re

import pytest

from geo.errors import Refused
from maps import safe
from tests.unit.maps.naughty import NAUGHTY, UNPRINTABLE


def page(head="", body=""):
    """Return a small whole document."""
    return f"<!DOCTYPE html><html><head><title>t</title>{head}</head><body>{body}</body></html>"


@pytest.mark.parametrize(
    "part",
    [
        '<script src="https://cdn.invalid/x.js"></script>',
        '<script src="//cdn.invalid/x.js"></script>',
        '<script src="x.js"></script>',
        '<link rel="stylesheet" href="https://cdn.invalid/x.css">',
        '<link rel="stylesheet" href="x.css">',
        '<link rel="preconnect" href="https://cdn.invalid">',
        '<img src="images/x.png">',
        '<img srcset="x.png 2x">',
        '<a href="https://a.invalid">x</a>',
        '<form action="/x"></form>',
        '<iframe srcdoc="x"></iframe>',
        '<object data="x"></object>',
        '<meta http-equiv="refresh" content="0;url=x">',
        '<base href="https://a.invalid/">',
        "<style>@import 'x.css';</style>",
        "<style>a{background:url(x.png)}</style>",
        "<style>a{background:url('https://a.invalid/x.png')}</style>",
        "<style>a{background:url(data:image/png;base64,AAAA)}</style>",
        "<style>a{background:url(data:image/svg+xml,%3Csvg/%3E)}</style>",
        "<style>a{background:url(data:text/html;base64,AAAA)}</style>",
        "<style>@font-face{src:url(data:font/woff;base64,AA*A)}</style>",
        "<style>@font-face{src:url(data:font/woff,https://a.invalid/)}</style>",
        "<script>L.tileLayer('https://a.invalid/{z}/{x}/{y}.png')</script>",
        '<script>fetch("//a.invalid")</script>',
        "<script>import('x')</script>",
        '<p onclick="x()">x</p>',
        '<p style="color:red">x</p>',
        '<script src="asset:leaflet/none.js"></script>',
        '<script src="asset:own/../safe.py"></script>',
    ],
)
def test_any_address_or_inline_code_is_refused(part):
    with pytest.raises(Refused):
        safe.offline(page(part))
    with pytest.raises(Refused):
        safe.offline(page(body=part))


def test_assets_come_inside_under_a_policy_of_hashes():
    done = safe.offline(
        page('<link rel="stylesheet" href="asset:leaflet/leaflet.css"><script src="asset:leaflet/leaflet.js"></script>')
    )
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', done).group(1))
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert policy.count("sha256-") == 2
    assert "sourceMappingURL" not in done
    assert "images/layers.png" not in done
    assert "data:image/png;base64," in done
    assert done.index("Content-Security-Policy") < done.index("<script")


def test_a_font_may_stand_in_a_style():
    rule = "@font-face{src:url(data:font/woff;base64,d09GRg==)}"
    done = safe.offline(page(f"<style>{rule}</style>"))
    assert f"<style>{rule}</style>" in done
    assert "font-src data:" in html.unescape(done)


def test_the_hash_is_that_of_the_text_between_the_tags():
    done = safe.offline(page("<script>var a = 1;\r\nvar b = '<\\/script>';</script>"))
    body = re.search(r"<script>(.*?)</script>", done, re.DOTALL).group(1)
    assert "\r" not in body
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    assert f"sha256-{digest}" in html.unescape(done)


def test_a_page_cut_short_or_without_head_is_refused():
    with pytest.raises(Refused):
        safe.offline("<html><head></head><body><script>var a")
    with pytest.raises(Refused):
        safe.offline("<p>x</p>")


@pytest.mark.parametrize("name", NAUGHTY + UNPRINTABLE)
def test_data_blocks_are_inert_and_give_the_value_back(name):
    block = safe.data_block("d", {"name": name})
    body = block.removeprefix('<script type="application/json" id="d">').removesuffix("</script>")
    assert "<" not in body
    assert ">" not in body
    assert json.loads(body) == {"name": name}
    kept = safe.offline(page(body=block))
    assert body in kept


@pytest.mark.parametrize("name", NAUGHTY + UNPRINTABLE)
def test_escaped_text_comes_back_as_typed(name):
    assert html.unescape(safe.text(name)) == name
    assert not set("<>\"'") & set(safe.text(name))


@pytest.mark.parametrize(
    "value", [*NAUGHTY, *UNPRINTABLE, "", "a", 5, None, 1.5, "-5", "+3.2", "230724100001001", " =1"]
)
def test_cells_hold_no_formula_and_can_be_recovered(value):
    shown = safe.cell(value)
    if not isinstance(value, str):
        assert shown is value
        return
    original = shown.removeprefix("'") if shown.startswith("'") else shown
    assert original == value
    first = shown.lstrip(" \u3000")[:1]
    assert first not in {"=", "@", "\t", "\r", "\n", "＝"}
    assert first not in {"+", "-"} or re.fullmatch(r"[+-]\d+(\.\d+)?", shown)


def test_assets_are_what_the_manifest_states(monkeypatch, tmp_path):
    assert safe.asset_bytes("leaflet/leaflet.js").startswith(b"/* @preserve")
    copy = tmp_path / "leaflet"
    copy.mkdir()
    (copy / "leaflet.js").write_bytes(b"changed")
    safe.asset_bytes("leaflet/leaflet.css")
    monkeypatch.setattr(safe, "ASSETS", tmp_path)
    with pytest.raises(Refused, match="not the file"):
        safe.asset_bytes("leaflet/leaflet.js")


def test_every_asset_is_as_listed_with_its_licence():
    for entry in json.loads((safe.ASSETS / "manifest.json").read_text("utf-8"))["files"]:
        assert safe.asset_bytes(entry["path"])
        assert (safe.ASSETS / entry.get("licence_file", entry["path"])).is_file()


@pytest.mark.parametrize("name", ["own/county.js", "own/county.css"])
def test_own_files_speak_to_chromium_78(name):
    body = safe.asset_text(name)
    newer_script = (r"\?\.[A-Za-z\[(]", r"\?\?", r"\.replaceAll\(", r"\.at\(", r"=>", r"\bconst\b", r"\blet\b", r"`")
    newer_style = (
        r"\binset:",
        r"\bgap:",
        r":is\(",
        r":where\(",
        r"aspect-ratio",
        r"\bclamp\(",
        r"@layer",
        r"overflow-wrap: anywhere",
    )
    for pattern in newer_script if name.endswith(".js") else newer_style:
        assert not re.search(pattern, body), pattern
    assert "innerHTML" not in body
