"""PostgreSQL goes back to a moment, as `deploy/README.md` tells: base backup, archived WAL, recovery target."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psycopg

from tests.e2e.conftest import SERVER
from tests.postgres import archiving_server, recovered, run_tool
from tests.served import served


def test_a_moment_is_recovered(tmp_path: Path) -> None:
    with archiving_server() as (url, archive):
        environment = {"TENOR_DATABASE_URL": url}
        with served([SERVER, "serve"], cwd=tmp_path, environment=environment) as client:
            client.post("/subjects/before-the-backup/versions", json={"schema": '"int"'})
            base = archive.parent / "base"
            run_tool("pg_basebackup", f"--pgdata={base}", f"--dbname={url}", "--checkpoint=fast", "--wal-method=stream")
            client.post("/subjects/after-the-backup/versions", json={"schema": '"long"'})
            time.sleep(0.7)  # events are sealed within half a second
            with psycopg.connect(url, autocommit=True) as connection:
                moment = str(connection.execute("SELECT clock_timestamp()").fetchall()[0][0])
            assert client.request("DELETE", "/subjects/after-the-backup").status_code == 200
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("SELECT pg_switch_wal()")
                for _ in range(200):
                    archived = connection.execute("SELECT last_archived_wal, failed_count FROM pg_stat_archiver")
                    name, failed = archived.fetchall()[0]
                    assert failed == 0
                    if name and len(list(archive.iterdir())) >= 2:
                        break
                    time.sleep(0.05)
        again = recovered(base, archive, moment)
        environment = {"TENOR_DATABASE_URL": again}
        with served([SERVER, "serve"], cwd=tmp_path, environment=environment) as client:
            assert client.get("/subjects").json() == ["after-the-backup", "before-the-backup"]
            assert client.post("/subjects/next/versions", json={"schema": '"string"'}).json()["id"] == 3
        doctor = subprocess.run(
            [SERVER, "doctor", "--database-url", again], capture_output=True, text=True, timeout=60, check=False
        )
        assert (doctor.returncode, doctor.stdout) == (0, "")
