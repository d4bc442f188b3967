"""A registry for a test run: `tenor-server` as a child process on a free port of the loopback address.

Each worker of pytest-xdist has one of its own, with a database in pytest's temporary folder. Each test sees a context
of its own in it, so that subjects of the same name do not meet.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

import pytest

if TYPE_CHECKING:
    from tenor import Registry

COMMAND = "tenor-server"
STARTS_WITHIN = 60.0


@pytest.fixture(scope="session")
def tenor_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry: started now and stopped with the test run, or the one of --tenor-url."""
    if given := request.config.getoption("--tenor-url"):
        yield str(given).rstrip("/")
        return
    try:
        command = needed_command()
    except ValueError as error:
        pytest.fail(f"{error}, or a registry at --tenor-url", pytrace=False)
    with serving(command, tmp_path_factory.mktemp("tenor")) as url:
        yield url


@pytest.fixture
def tenor_url(tenor_server: str) -> str:
    """The address of an empty context of the registry, for clients of any kind; another one for each test."""
    return f"{tenor_server}/contexts/.test-{uuid.uuid4().hex}"


@pytest.fixture
def tenor_registry(tenor_url: str) -> Iterator[Registry]:
    """A client of an empty registry."""
    from tenor import Registry

    with Registry(tenor_url) as registry:
        yield registry


def needed_command() -> str:
    """The server's command. Raises ValueError that says how to get it."""
    if (command := server_command(sys.executable, os.environ)) is None:
        raise ValueError(
            f"the fixtures of tenor need the command {COMMAND} in this environment (pip install tenor-server)"
        )
    return command


def server_command(python: str, environment: Mapping[str, str]) -> str | None:
    """The server's command: beside this Python, else on the PATH."""
    beside = Path(python).with_name(COMMAND)
    return str(beside) if beside.is_file() else shutil.which(COMMAND, path=environment.get("PATH", ""))


@contextmanager
def serving(command: str, folder: Path) -> Iterator[str]:
    """A server of ours from when it is ready until the block ends. Raises RuntimeError with what it said."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", folder / "server.log"
    # Settings of a registry that happens to be configured here must not reach this one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TENOR_")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [command, "serve", "--port", str(port)],
            cwd=folder,
            env={**inherited, "TENOR_DATABASE_URL": "sqlite:///registry.db"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    direct = build_opener(ProxyHandler({}))  # a proxy has no business between us and our own child
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            with direct.open(f"{url}/health/ready", timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{COMMAND} did not start (exit code {process.poll()}):\n{said}") from None
        time.sleep(0.05)
