"""franz-go's registry client, the one behind Redpanda's tools, as it is, against a served process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import httpx
import pytest

PROGRAM = Path(__file__).with_name("go")


@pytest.mark.go
def test_the_client_of_go_registers_checks_and_deletes(registry: httpx.Client) -> None:
    run = subprocess.run(
        ["go", "run", ".", str(registry.base_url).rstrip("/")],
        cwd=PROGRAM,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
    assert registry.get("/subjects/go-proto-value/versions").json() == [1]
