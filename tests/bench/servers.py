"""Processes under measurement: a bare ASGI app and Tenor, on the same server, pinned to one core."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_BARE_BODY = b'{"schema":"' + b"x" * 440 + b'","schemaType":"AVRO","guid":"00000000-0000-0000-0000-000000000000"}'


async def bare(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg] # ASGI's own
    """The floor: an ASGI app that answers at once."""
    if scope["type"] == "lifespan":
        await receive()  # type: ignore[operator] # ASGI
        await send({"type": "lifespan.startup.complete"})  # type: ignore[operator] # ASGI
        await receive()  # type: ignore[operator] # ASGI
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BARE_BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})  # type: ignore[operator] # ASGI
    await send({"type": "http.response.body", "body": _BARE_BODY})  # type: ignore[operator] # ASGI


@dataclass
class Server:
    """A running server. CPU and memory are those of all its processes, the protoc worker apart."""

    port: int
    process: psutil.Process

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        total = 0.0
        for each in self._processes():
            times = each.cpu_times()
            total += times.user + times.system
        return total

    def memory_mb(self) -> float:
        """Proportional set size of the server's own processes."""
        own = [each for each in self._processes() if "registry.workers" not in " ".join(each.cmdline())]
        return float(sum(each.memory_full_info().pss for each in own)) / 1e6


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str], core: int | None) -> Iterator[Server]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        deadline = time.time() + 30
        while not _answers(port, "/"):
            if time.time() > deadline or process.poll() is not None:
                raise RuntimeError(f"{command} did not start")
            time.sleep(0.005)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _core(number: int) -> int | None:
    cores = sorted(os.sched_getaffinity(0))
    return cores[number % len(cores)] if len(cores) > 1 else None


def client_core() -> int | None:
    """The core the load generator runs on."""
    return _core(1)


@contextmanager
def bare_server() -> Iterator[Server]:
    """The bare ASGI app under granian, with the settings that Tenor uses."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--runtime-mode", "st", "--loop", "uvloop", "--http", "1", "--no-ws"),
        *("--log-level", "warning", "tests.bench.servers:bare"),
    ]
    with _running(command, port, {**os.environ}, _core(0)) as server:
        yield server


@contextmanager
def tenor_server(database_url: str, **settings: object) -> Iterator[Server]:
    """Tenor as an operator starts it."""
    port = free_port()
    environment = {**os.environ, **{f"TENOR_{name.upper()}": str(value) for name, value in settings.items()}}
    script = str(Path(sys.executable).with_name("tenor-server"))
    command = [script, "serve", "--port", str(port), "--database-url", database_url]
    with _running(command, port, environment, _core(0)) as server:
        yield server
