"""Fetch the vendored assets again, or verify them.

Run ``python maps/assets/refresh.py`` to verify every file against `manifest.json`, with ``--fetch`` to
take the packages anew through the npm client (whichever registry it is set up for) and verify what came,
with ``--accept`` to write new hashes after a version was raised by hand in the manifest or a file under
``own/`` was changed.
Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["fetch", "main", "wrong_files"]

HERE = Path(__file__).parent
MANIFEST = HERE / "manifest.json"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wrong_files(manifest: dict[str, Any]) -> list[str]:
    """Return the paths whose bytes are missing or not those the manifest states."""
    return [e["path"] for e in manifest["files"] if not (HERE / e["path"]).is_file() or _sha256(HERE / e["path"]) != e["sha256"]]


def fetch(name: str, entries: list[dict[str, Any]], folder: Path) -> None:
    """Pack one package (``name@version``) with npm and copy its listed members beside this script."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed to fetch assets")
    done = subprocess.run([npm, "pack", name, "--silent"], cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as archive:
        for entry in entries:
            member = archive.extractfile(entry["member"])
            if member is None:
                raise SystemExit(f"{name} holds no {entry['member']}")
            target = HERE / entry["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.read())


def main(arguments: list[str] | None = None) -> int:
    """Verify, fetch or accept; return 0 when every file is as stated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fetch", action="store_true", help="take the packages anew through npm")
    parser.add_argument("--accept", action="store_true", help="write the hashes of what is there")
    options = parser.parse_args(arguments)
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    if options.fetch:
        with tempfile.TemporaryDirectory() as folder:
            packed = [e for e in manifest["files"] if "member" in e]
            for name in dict.fromkeys(f"{e['package']}@{e['version']}" for e in packed):
                fetch(name, [e for e in packed if f"{e['package']}@{e['version']}" == name], Path(folder))
    if options.accept:
        for entry in manifest["files"]:
            entry["sha256"] = _sha256(HERE / entry["path"])
        MANIFEST.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    wrong = wrong_files(manifest)
    sys.stdout.write("".join(f"differs: {path}\n" for path in wrong) or "all assets are as the manifest states\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
