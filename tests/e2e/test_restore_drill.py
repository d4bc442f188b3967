"""A backup made while writers are at work, restored elsewhere: nothing acknowledged before it is missing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.postgres import Server, run_tool
from tests.served import served

SERVER = [sys.executable, "-m", "registry.cli"]
WRITERS = 8
AVRO = '{{"type":"record","name":"Order{0}","fields":[{{"name":"id","type":"int"}}]}}'


def operate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SERVER, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


class Writers:
    """Threads that register schemas without end, and remember what was acknowledged."""

    def __init__(self, url: str) -> None:
        self.url, self.stop = url, threading.Event()
        self.acknowledged: list[tuple[str, int]] = []
        self.failures: list[str] = []
        self.threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def _write(self, writer: int) -> None:
        with httpx.Client(base_url=self.url, timeout=20, trust_env=False) as client:
            turn = 0
            while not self.stop.is_set() and turn < 2000:
                turn += 1
                subject = f"orders-{writer}-{turn}"
                answer = client.post(f"/subjects/{subject}/versions", json={"schema": AVRO.format(f"{writer}_{turn}")})
                if answer.status_code != 200:
                    self.failures.append(answer.text)
                    return
                self.acknowledged.append((subject, answer.json()["id"]))

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(30)

    def reached(self, count: int) -> None:
        """Wait until so many were acknowledged in all."""
        for _ in range(3000):
            if len(self.acknowledged) >= count or self.failures:
                return
            self.stop.wait(0.01)
        raise AssertionError(f"only {len(self.acknowledged)} writes")


def rows(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the ones a running server moves by itself."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
            for name in tables
            if not name.startswith("sqlite_")
        }


def present(client: httpx.Client, acknowledged: list[tuple[str, int]]) -> None:
    """Each acknowledged write is answered as it was."""
    subjects = set(client.get("/subjects").json())
    assert {subject for subject, _ in acknowledged} <= subjects
    for subject, id in acknowledged[:: max(1, len(acknowledged) // 50)]:
        assert client.get(f"/subjects/{subject}/versions/latest").json()["id"] == id


def test_a_file_is_backed_up_under_load_and_restored_elsewhere(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    database, copy = home / "tenor.db", tmp_path / "tenor.backup"
    with served([*SERVER, "serve"], cwd=home) as client, Writers(str(client.base_url)) as writers:
        writers.reached(100)
        before = list(writers.acknowledged)
        done = operate("backup", "--database-url", f"sqlite:///{database}", copy)
        assert done.returncode == 0, done.stderr
        after_backup = len(writers.acknowledged)
        writers.reached(after_backup + 20)  # nobody waits for a backup
    assert not writers.failures
    made = json.loads(done.stdout)
    assert made["versions"] >= len(before)
    assert copy.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []

    restored = operate("restore", "--database-url", f"sqlite:///{elsewhere}/tenor.db", copy)
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["chain"] == made["chain"]
    assert rows(elsewhere / "tenor.db") == rows(copy)
    with served([*SERVER, "serve"], cwd=elsewhere) as client:
        present(client, before)
        # It goes on from there: ids are not handed out again.
        answer = client.post("/subjects/next/versions", json={"schema": AVRO.format("Next")})
        assert answer.json()["id"] == made["versions"] + 1
    verdict = operate("doctor", "--database-url", f"sqlite:///{elsewhere}/tenor.db")
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_a_restore_never_overwrites(tmp_path: Path) -> None:
    database, copy = tmp_path / "tenor.db", tmp_path / "copy"
    url = f"sqlite:///{database}"
    with served([*SERVER, "serve"], cwd=tmp_path) as client:
        client.post("/subjects/one/versions", json={"schema": '"int"'})
        assert operate("backup", "--database-url", url, copy).returncode == 0
        again = operate("backup", "--database-url", url, copy)
        assert (again.returncode, "already" in again.stderr) == (1, True)
        client.post("/subjects/two/versions", json={"schema": '"long"'})
        refused = operate("restore", "--database-url", url, copy)
        assert (refused.returncode, "--replace" in refused.stderr) == (1, True)
        served_still = operate("restore", "--database-url", url, "--replace", copy)
        assert (served_still.returncode, "a server has" in served_still.stderr) == (1, True)
        assert client.get("/subjects").json() == ["one", "two"]
    done = operate("restore", "--database-url", url, "--replace", copy)
    assert done.returncode == 0, done.stderr
    aside = tmp_path / "tenor.db.replaced-1"
    assert str(aside) in done.stderr
    assert [name for (name,) in sqlite3.connect(aside).execute("SELECT name FROM subject ORDER BY name")] == [
        "one",
        "two",
    ]
    with served([*SERVER, "serve"], cwd=tmp_path) as client:
        assert client.get("/subjects").json() == ["one"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)


def _empty(path: Path) -> None:
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE something (a)").connection.close()


def _tampered(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE event SET actor = 'nobody' WHERE sequence = 1")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (_cut, "malformed"),
        (_other, "not a database"),
        (_empty, "not a database of Tenor"),
        (_tampered, "not what was sealed"),
        (_newer, "newer server"),
    ],
)
def test_what_is_not_whole_is_not_restored(
    tmp_path: Path, sealed_backup: Path, harm: Callable[[Path], None], word: str
) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(sealed_backup.read_bytes())
    harm(copy)
    refused = operate("restore", "--database-url", f"sqlite:///{tmp_path}/new.db", copy)
    assert refused.returncode == 1
    assert word in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


@pytest.fixture(scope="module")
def sealed_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup whose chain has events."""
    home = tmp_path_factory.mktemp("home")
    with served([*SERVER, "serve"], cwd=home) as client:
        for number in range(50):
            client.post(f"/subjects/s{number}/versions", json={"schema": AVRO.format(number)})
        for _ in range(100):
            if len(client.get("/api/v1/changes").json()["items"]) >= 50:
                break
            threading.Event().wait(0.05)
    done = operate("backup", "--database-url", f"sqlite:///{home}/tenor.db", home / "backup")
    assert json.loads(done.stdout)["sequence"] >= 50
    return home / "backup"


def test_postgresql_is_dumped_under_load_and_restored_elsewhere(pg_server: Server, pg_url: str, tmp_path: Path) -> None:
    """As deploy/README.md says it: pg_dump while writers work, pg_restore into a new database."""
    environment = {"TENOR_DATABASE_URL": pg_url}
    dump = tmp_path / "dump"
    with served([*SERVER, "serve"], cwd=tmp_path, environment=environment) as client:
        with Writers(str(client.base_url)) as writers:
            writers.reached(60)
            before = list(writers.acknowledged)
            run_tool("pg_dump", "--format=custom", f"--file={dump}", pg_url)
            writers.reached(len(writers.acknowledged) + 20)
        assert not writers.failures
    with pg_server.database() as elsewhere:
        run_tool("pg_restore", "--no-owner", f"--dbname={elsewhere}", str(dump))
        with served([*SERVER, "serve"], cwd=tmp_path, environment={"TENOR_DATABASE_URL": elsewhere}) as client:
            present(client, before)
        verdict = operate("doctor", "--database-url", elsewhere)
        assert (verdict.returncode, verdict.stdout) == (0, "")
    refused = operate("backup", "--database-url", pg_url, tmp_path / "file")
    assert (refused.returncode, "pg_dump" in refused.stderr) == (2, True)
