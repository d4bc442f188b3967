"""Run the app under granian: one worker on SQLite, any number on PostgreSQL."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from dataclasses import fields, replace

from registry.http import App
from registry.settings import Settings


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Prints the address on stderr once, before the workers start."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes

    if settings.port == 0:
        settings = replace(settings, port=_free_port(settings.host))
    # Workers are new processes: what was decided reaches them through the environment.
    for each in fields(Settings):
        os.environ[f"TENOR_{each.name.upper()}"] = str(getattr(settings, each.name))
    os.environ["TENOR_PARENT"] = str(os.getpid())
    print(
        f"tenor-server: http://{settings.host}:{settings.port} ({settings.database_url.split('@')[-1]})",
        file=sys.stderr,
    )
    server = Granian(
        "registry.serving:worker",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        factory=True,
        log_enabled=True,
        log_level="warning",  # type: ignore[arg-type] # granian takes the name
        respawn_failed_workers=settings.workers > 1,
    )
    server.serve()
    return 0


def worker() -> App:
    """The app of one worker process, which ends when the process that started it is gone."""
    _die_with_parent()
    from registry.app import from_environment

    return from_environment()


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != int(os.environ.get("TENOR_PARENT", os.getppid())):
        os.kill(os.getpid(), signal.SIGKILL)
