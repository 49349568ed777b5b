"""A private PostgreSQL server with PostGIS for tests: own data directory, Unix socket only, gone at the end.

`WANGGE_TEST_PG_URL` names an existing server instead (``postgresql+psycopg2://user@host/postgres``; its user must
be allowed to create databases). Without either, PostGIS tests are skipped by name; under ``CI=true`` they fail.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

_USER = "wg"
_TEMPLATE = "wangge_template"
_CLUSTER = ("--auth=trust", "-E", "UTF8", "--no-sync", "--lc-ctype=C.UTF-8", "--lc-collate=C")
_FAST = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=40"


@dataclass
class Server:
    """A running server: hands out fresh databases made from a template with PostGIS in it."""

    base: str
    prefix: str
    data: Path | None = None
    _numbers: itertools.count = field(default_factory=itertools.count)

    def url(self, name):
        return make_url(self.base).set(database=name).render_as_string(hide_password=False)

    def run(self, *statements, database="postgres"):
        """Run statements outside a transaction."""
        url = make_url(self.base)
        found = psycopg2.connect(
            dbname=database,
            user=url.username,
            password=url.password,
            host=url.query.get("host", url.host),
            port=url.port,
        )
        found.autocommit = True
        try:
            with found.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            found.close()

    def make_template(self):
        self.run(f'CREATE DATABASE "{self.prefix}{_TEMPLATE}"')
        self.run("CREATE EXTENSION IF NOT EXISTS postgis", database=f"{self.prefix}{_TEMPLATE}")

    @contextmanager
    def database(self, *, template=None):
        """A fresh database (a tenth of a second), dropped at the end; yields its store address."""
        name = f"{self.prefix}t{next(self._numbers)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template or self.prefix + _TEMPLATE}"')
        try:
            yield self.url(name)
        finally:
            self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def drop_template(self):
        self.run(f'DROP DATABASE IF EXISTS "{self.prefix}{_TEMPLATE}" WITH (FORCE)')


def binaries():
    """The newest server's directory: a pg_ctl on the PATH may be a wrapper of another make."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: float(p.parts[-3]))
    if found:
        return found[-1].parent
    config = shutil.which("pg_config")
    if config is None:
        return None
    told = Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())
    return told if (told / "pg_ctl").exists() else None


def _missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"PostGIS tests cannot run: {reason}")
    pytest.skip(f"PostGIS tests cannot run: {reason}")


def _server_user():
    """Arguments for a child process: the server refuses to run as root, so only it steps down."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        _missing("running as root without a user postgres")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


@contextmanager
def private_server():
    """Start a server in a short new directory (socket paths are limited to about 107 bytes)."""
    bindir = binaries()
    if bindir is None:
        _missing("no PostgreSQL server is installed (Debian: postgresql-15-postgis-3)")
    step_down = _server_user()
    home = Path(tempfile.mkdtemp(prefix="wg"))
    try:
        home.chmod(0o700)
        if step_down:
            shutil.chown(home, "postgres", "postgres")
        data = home / "data"
        # C.UTF-8: in a plain C locale pg_trgm finds every two Chinese texts equal.
        _call(
            [bindir / "initdb", "-D", data, "-U", _USER, *_CLUSTER],
            step_down,
        )
        start(bindir, data, home, step_down)
        try:
            yield Server(base=f"postgresql+psycopg2://{_USER}@/postgres?host={home}", prefix="", data=data)
        finally:
            _call([bindir / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], step_down)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def start(bindir, data, home, step_down):
    """Start the server on an existing data directory."""
    _call([bindir / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", f"-k {home} {_FAST}", "start"], step_down)


def _call(command, step_down):
    done = subprocess.run(
        [str(word) for word in command], cwd="/", capture_output=True, text=True, check=False, timeout=60, **step_down
    )
    if done.returncode:
        pytest.fail(f"{Path(command[0]).name} failed: {done.stderr or done.stdout}")


@pytest.fixture(scope="session")
def pg_server():
    """One server for the test process (one for each worker under xdist)."""
    given = os.environ.get("WANGGE_TEST_PG_URL")
    if given:
        server = Server(base=given, prefix=f"wg{os.getpid()}_")
        server.make_template()
        yield server
        server.drop_template()
        return
    with private_server() as server:
        server.make_template()
        yield server


@pytest.fixture
def pg_url(pg_server):
    """Address of a fresh, empty PostGIS database."""
    with pg_server.database() as url:
        yield url
