"""A server as users run it: a process of its own, reached over HTTP."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.postgres import free_port

# Bodies that register the same event in each format.
EACH_FORMAT = [
    {"schema": '{"type":"record","name":"Order","fields":[{"name":"id","type":"int"}]}'},
    {"schemaType": "JSON", "schema": '{"type":"object","properties":{"id":{"type":"integer"}}}'},
    {"schemaType": "PROTOBUF", "schema": 'syntax = "proto3"; message Order { int32 id = 1; }'},
]


@contextmanager
def served(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environment: dict[str, str] | None = None,
    seconds: float = 60,
) -> Iterator[httpx.Client]:
    """Run `command --port N` until the block ends; a client of the server, once it is ready.

    Raises AssertionError with the server's output when it does not answer in time, or does not end well when asked to.
    """
    port = free_port()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TENOR_")}
    # One above the folder: a database or a listing of the folder is the server's own.
    with (cwd.parent / f"{cwd.name}.{port}.log").open("w+") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=cwd,
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

        def said() -> str:
            log.seek(0)
            return f"{command[0]} (exit code {process.poll()}):\n{log.read()}"

        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
                _wait(client, process, seconds, said)
                yield client
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.returncode in (0, -15), said()


def _wait(client: httpx.Client, process: subprocess.Popen[bytes], seconds: float, said: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, said()
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)
