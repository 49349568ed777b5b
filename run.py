"""Set wangge up in `.venv` and run one command in it; standard library only, on Linux, macOS and Windows.

    python3 run.py demo [--no-serve] [--seed N]   the whole main job on the demonstration county
    python3 run.py test [PYTEST ARGUMENTS]        every test
    python3 run.py battery [PYTEST ARGUMENTS]     the long random batteries alone
    python3 run.py cover                          tests with line and branch coverage, gated
    python3 run.py check                          linter, formatter and type checker
    python3 run.py setup                          set-up alone
    python3 run.py WORD ...                       any other word is a command of `wangge`

The pinned set stands in `requirements/*.lock` with hashes and without any address: packages come from
wherever this machine's own pip or uv is told to fetch them. A stamp in `.venv` remembers what was
installed, so that a second run needs no network at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "wangge-installed.json"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
OLDEST = (3, 11)
USAGE, FAILED = 2, 1

# What the tests use beside Python, and the Debian packages that carry it (the first one known wins).
DEBIAN_PACKAGES = {
    "Chromium": (("chromium",), ("chromium-browser",)),
    "PostgreSQL with PostGIS": (
        ("postgresql-15-postgis-3", "postgresql-15-postgis-3-scripts"),
        ("postgresql-postgis", "postgresql-postgis-scripts"),
    ),
}


class SetUpError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    """Tell the person at the terminal what happens now."""
    print(f"[wangge] {text}", file=sys.stderr, flush=True)


def run(arguments: list[str | Path], *, quiet: bool = False, env: dict[str, str] | None = None) -> int:
    """Run a program to its end and return its exit code."""
    sink = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.run([str(a) for a in arguments], check=False, stdout=sink, stderr=sink, env=env).returncode
    except FileNotFoundError:
        return 127


# -- the environment ---------------------------------------------------------------------------


def make_venv() -> None:
    """Make `.venv`, anew where an older one no longer runs."""
    probe = [PYTHON, "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"]
    if PYTHON.exists() and run(probe, quiet=True) == 0:
        return
    if VENV.exists():
        say("旧的 .venv 不能用，重建 / the old .venv does not run: making it anew")
        shutil.rmtree(VENV)
    say(f"建立环境 / making {VENV}")
    if run([sys.executable, "-m", "venv", VENV]) != 0:
        raise SetUpError(
            "cannot make a virtual environment; on Debian install the package python3-venv, then try again"
        )


def installer() -> list[str | Path]:
    """Return the command that installs: uv of the machine, uv put into `.venv`, or plain pip."""
    if os.environ.get("WANGGE_INSTALLER") == "pip":
        return [PYTHON, "-m", "pip", "install"]
    found = shutil.which("uv")
    own = BIN / ("uv.exe" if WINDOWS else "uv")
    if found is None and not own.exists():
        say("安装 uv / installing uv")
        run([PYTHON, "-m", "pip", "install", "--quiet", "uv"])
    uv = found or (own if own.exists() else None)
    if uv is None:
        say("没有 uv，改用 pip（首次约 2–3 分钟） / no uv here: pip does it, in 2 to 3 minutes")
        return [PYTHON, "-m", "pip", "install"]
    return [uv, "pip", "install", "--python", PYTHON]


def install(lock: Path) -> None:
    """Install exactly what the lock names, every file checked against its hash."""
    wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock]
    command = installer()
    started = time.monotonic()
    say(f"安装依赖 / installing {lock.relative_to(ROOT)}")
    code = run([*command, *wanted])
    if code != 0 and "uv" in Path(command[0]).name:
        say("uv 未成功，改用 pip / uv did not succeed: trying pip")
        code = run([PYTHON, "-m", "pip", "install", *wanted])
    if code != 0:
        raise SetUpError(
            "installation failed: the lines above say why. In a closed network fetch the wheels elsewhere with "
            f"`pip download --require-hashes -r requirements/{lock.name} -d wheels`, "
            "and set PIP_FIND_LINKS and UV_FIND_LINKS to that folder"
        )
    say(f"完成 / done in {time.monotonic() - started:.0f} s")


def link_project() -> None:
    """Make the packages of this checkout importable in `.venv`, and put a `wangge` launcher beside its Python.

    A path file does what an editable install would, without a build tool and without a network.
    """
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([str(PYTHON), "-c", where], check=True, capture_output=True, text=True)
    Path(answer.stdout.strip(), "wangge.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    if WINDOWS:
        (BIN / "wangge.cmd").write_text('@"%~dp0python.exe" -m api.cli %*\n', encoding="utf-8")
        return
    launcher = BIN / "wangge"
    launcher.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m api.cli "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)


def read_stamp() -> dict[str, str]:
    """Return what was installed last, empty where nothing is known."""
    try:
        known = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def set_up(kind: str) -> None:
    """Bring `.venv` to the state of `requirements/<kind>.lock`; does nothing where it is there already."""
    make_venv()
    digests = {
        name: hashlib.sha256((ROOT / "requirements" / f"{name}.lock").read_bytes()).hexdigest()
        for name in ("runtime", "dev")
    }
    digests["root"] = str(ROOT)
    known = read_stamp()
    if known.get("root") == digests["root"] and known.get(kind) == digests[kind]:
        return
    STAMP.unlink(missing_ok=True)
    install(ROOT / "requirements" / f"{kind}.lock")
    link_project()
    # The development set holds the runtime set; the other way round nothing is known of the rest.
    kept = digests if kind == "dev" else {key: digests[key] for key in ("root", "runtime")}
    STAMP.write_text(json.dumps(kept, indent=1), encoding="utf-8")


# -- services the tests use ----------------------------------------------------------------------


def has_chromium() -> bool:
    """Tell whether a Chromium stands on the path."""
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def has_postgis() -> bool:
    """Tell whether a PostgreSQL server with PostGIS is installed (it need not run)."""
    servers = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    extensions = list(Path("/usr/share/postgresql").glob("*/extension/postgis.control"))
    return bool(servers and extensions)


def apt_prefix() -> list[str] | None:
    """Return what must stand before apt-get here, None where we may not or cannot install packages."""
    if not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and run(["sudo", "-n", "true"], quiet=True) == 0:
        return ["sudo", "-n"]
    return None


def install_services() -> None:
    """Install Chromium and PostGIS from Debian's packages where they are missing and that is allowed."""
    present = {"Chromium": has_chromium(), "PostgreSQL with PostGIS": has_postgis()}
    missing = [name for name, there in present.items() if not there]
    prefix = apt_prefix() if missing else None
    if not missing:
        return
    if prefix is None:
        say(f"缺少 / missing: {', '.join(missing)} (no right to install packages here; see CONTRIBUTING.md)")
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run([*prefix, "apt-get", "-qq", "update"], env=env)
    for name in missing:
        say(f"安装 / installing {name}")
        for packages in DEBIAN_PACKAGES[name]:
            if run([*prefix, "apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages], env=env) == 0:
                break
        else:
            say(f"未能安装 / could not install {name}")


# -- words ---------------------------------------------------------------------------------------


def in_checkout(arguments: list[str]) -> int:
    """Run a Python module of `.venv` in the folder of this checkout."""
    return subprocess.run([str(PYTHON), "-m", *arguments], check=False, cwd=ROOT).returncode


def run_tests(arguments: list[str], *, marks: str, extra: tuple[str, ...] = ()) -> int:
    """Set everything up and run pytest over all cores."""
    set_up("dev")
    install_services()
    spread = [] if any(a.startswith(("-n", "-p")) for a in arguments) else ["-n", "auto", "--dist", "loadfile"]
    chosen = [] if "-m" in arguments else ["-m", marks]
    return in_checkout(["pytest", *spread, *chosen, *extra, *arguments])


def test(arguments: list[str]) -> int:
    """Run every test but the long batteries."""
    return run_tests(arguments, marks="not battery")


def battery(arguments: list[str]) -> int:
    """Run the long random batteries."""
    return run_tests(arguments, marks="battery")


def cover(arguments: list[str]) -> int:
    """Run the tests with line and branch coverage and fail below 95 %."""
    reports = ("--cov", "--cov-branch", "--cov-report=term:skip-covered", "--cov-fail-under=95")
    return run_tests(arguments, marks="not battery", extra=reports)


def check(arguments: list[str]) -> int:
    """Run linter, formatter and type checker; all of them, so that one run shows everything."""
    set_up("dev")
    tools = (["ruff", "check", *arguments], ["ruff", "format", "--check"], ["mypy"])
    return max(in_checkout(tool) for tool in tools)


def setup(arguments: list[str]) -> int:
    """Set up and run nothing; `--dev` for the development set."""
    set_up("dev" if "--dev" in arguments else "runtime")
    return 0


def wangge(arguments: list[str]) -> int:
    """Hand the words to the command line, in the caller's folder."""
    # Another demonstration county is written with a library (of the old XLS form) that nobody else needs.
    makes_county = arguments[0] == "demo" and any(a.split("=")[0] == "--seed" for a in arguments)
    set_up("dev" if makes_county else "runtime")
    return run([PYTHON, "-m", "api.cli", *arguments])


WORDS = {"test": test, "battery": battery, "cover": cover, "check": check, "setup": setup}


def main(arguments: list[str]) -> int:
    """Run one word and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.version_info < OLDEST:
        say(f"需要 Python 3.11 或更新 / Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
        return FAILED
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(__doc__)
        return 0 if arguments else USAGE
    word, rest = arguments[0], arguments[1:]
    try:
        return WORDS[word](rest) if word in WORDS else wangge(arguments)
    except SetUpError as error:
        say(str(error))
        return FAILED
    except KeyboardInterrupt:
        say("已中断 / interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
