"""What may and may not stand in the files of this repository."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.house.source_tree import ROOT, tracked_files

# Vendored files keep the words of their authors; they are held by checksum instead.
VENDORED = ("maps/assets/", "api/assets/")
LARGEST_BYTES = 12_000_000

# Spelled in halves so that this file passes its own test.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "un" + "pkg.com", "js" + "delivr.net")
INDEX_OPTION = re.compile(r"--(extra-)?" + r"index-url\s+\S*//|--registry[= ]\S*//")
HOME = re.compile("(/ro" + r"ot/|/ho" + r"me/\w+/|/Us" + r"ers/\w+/|[A-Z]:\\Us" + r"ers\\)")
MERGE_MARK = re.compile(r"^(<{7} |>{7} |={7}$)", re.MULTILINE)
PRIVATE_KEY = "BEGIN " + "PRIVATE KEY"
UNFINISHED = re.compile(r"\bTO" + r"DO\b|\bFIX" + r"ME\b|Not" + r"ImplementedError")


def texts() -> list[tuple[str, str]]:
    """Every tracked text file but the vendored ones, with its name."""
    found = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(VENDORED):
            continue
        raw = path.read_bytes()
        if b"\0" not in raw[:8192]:
            found.append((name, raw.decode("utf-8", errors="replace")))
    return found


def test_no_registry_address() -> None:
    hits = [name for name, text in texts() if any(host in text for host in REGISTRIES) or INDEX_OPTION.search(text)]
    assert not hits, hits


def test_no_path_of_a_machine() -> None:
    assert not [name for name, text in texts() if HOME.search(text)]


def test_no_merge_marks_and_no_keys() -> None:
    assert not [n for n, t in texts() if n.endswith((".py", ".toml", ".yaml", ".json")) and MERGE_MARK.search(t)]
    assert not [n for n, t in texts() if PRIVATE_KEY in t]


def test_nothing_is_left_unfinished() -> None:
    assert not [n for n, t in texts() if n.endswith(".py") and UNFINISHED.search(t)]


def test_no_file_is_huge() -> None:
    assert not [p.name for p in tracked_files() if p.stat().st_size > LARGEST_BYTES]


def test_locks_are_hashed() -> None:
    for name in ("runtime", "dev"):
        text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
        entries = re.split(r"\n(?=[a-z])", text.strip())
        assert len(entries) > 30
        assert not [e.splitlines()[0] for e in entries if "--hash=sha256:" not in e]
        assert "://" not in text


@pytest.mark.parametrize("folder", ["maps/assets", "api/assets"])
def test_vendored_files_are_listed_with_licence_and_checksum(folder: str) -> None:
    manifest = json.loads((ROOT / folder / "manifest.json").read_text(encoding="utf-8"))
    entries = manifest["files"]
    listed = {entry["path"]: entry for entry in entries}
    present = {p.relative_to(ROOT / folder).as_posix() for p in (ROOT / folder).rglob("*") if p.is_file()}
    own = {n for n in present if n.endswith((".py", ".pyc")) or n == "manifest.json"}
    assert set(listed) == present - own
    for name, entry in listed.items():
        digest = hashlib.sha256(Path(ROOT / folder / name).read_bytes()).hexdigest()
        assert digest == entry["sha256"], f"{folder}/{name} is not the file its manifest names"
        assert entry["licence"]


def test_notice_names_every_vendored_folder() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert all(folder.rstrip("/") in notice for folder in VENDORED)
