"""The house's PostgreSQL: real, fresh for each test, quick, and gone when the run is over."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.conftest import ROOT
from tests.postgres import Server

_seen: set[str] = set()


@pytest.mark.parametrize("turn", range(3))
def test_each_test_gets_an_empty_database(pg_url: str, turn: int) -> None:
    with psycopg.connect(pg_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        connection.execute("CREATE TABLE mine (id int)")
    assert pg_url not in _seen
    _seen.add(pg_url)


def test_a_migrated_database_has_the_tables(pg_migrated_url: str) -> None:
    with psycopg.connect(pg_migrated_url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None


def test_a_database_takes_no_longer_than_a_test_can_bear(pg_server: Server, pg_template: str) -> None:
    def one() -> float:
        begun = time.perf_counter()
        with pg_server.database(pg_template):
            pass
        return time.perf_counter() - begun

    # About 20 ms on an idle machine; the bound allows for a busy one, and for nothing that migrates anew.
    assert min(one() for _ in range(3)) < 3


def test_a_given_server_is_used(pg_server: Server, tmp_path: Path) -> None:
    run = _run_pytest(tmp_path, {"TENOR_TEST_PG_URL": pg_server.admin}, "")
    assert pg_server.admin.rsplit("/", 1)[0] in run


@pytest.mark.parametrize("workers", ["", "-n2"])
def test_one_server_a_run_and_none_after_it(tmp_path: Path, workers: str) -> None:
    out = _run_pytest(tmp_path, {"TENOR_TEST_PG_URL": ""}, workers)
    ports = set(re.findall(r"127\.0\.0\.1:(\d+)", out))
    assert len(ports) == 1
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{ports.copy().pop()}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return
        time.sleep(0.2)
    raise AssertionError("the server outlives its run by ten seconds")


def _run_pytest(folder: Path, environment: dict[str, str], workers: str) -> str:
    """Run two small tests that write down their database's URL, in a pytest of their own; what they wrote."""
    case = "from pathlib import Path\n\ndef test_it(pg_url):\n    Path({name!r}).write_text(pg_url)\n"
    for name in ("a", "b"):
        (folder / f"test_{name}.py").write_text(case.format(name=str(folder / f"{name}.url")))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.postgres", "-p", "no:cacheprovider", "-p", "xdist"]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(
        [*command, *workers.split(), f"--rootdir={folder}", str(folder)],
        cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return "".join((folder / f"{name}.url").read_text() for name in ("a", "b"))
