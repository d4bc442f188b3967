"""Run the app under granian: one worker on SQLite, any number on PostgreSQL."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from tempfile import TemporaryDirectory
from types import FrameType

from registry.http.asgi import App
from registry.settings import Settings
from registry.stopping import STOPPING

_Handler = Callable[[int, FrameType | None], object]


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
    server.on_startup(_announce_stop)
    if settings.workers == 1:
        server.serve()
        return 0
    with TemporaryDirectory(prefix="tenor-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["TENOR_METRICS_FOLDER"] = folder
        server.serve()
    return 0


def _announce_stop() -> None:
    """Tell the workers before granian stops them: it lets them finish what they are at, and some wait for events."""
    for number in (signal.SIGTERM, signal.SIGINT):
        ours = signal.getsignal(number)
        if callable(ours):
            signal.signal(number, _announcing(ours))


def _announcing(then: _Handler) -> _Handler:
    def handler(number: int, frame: FrameType | None) -> None:
        for child in multiprocessing.active_children():
            with suppress(ProcessLookupError):
                if child.pid is not None:
                    os.kill(child.pid, signal.SIGUSR1)
        then(number, frame)

    return handler


def worker() -> App:
    """The app of one worker process, which ends when the process that started it is gone."""
    signal.signal(signal.SIGUSR1, lambda number, frame: STOPPING.set())
    _die_with_parent()
    # A request passes from the loop to a reader to the writer and back: with the usual 5 ms each hand-over can wait
    # that long for a thread that computes. 0.5 ms gave 1.5 to 2 times the registrations, a quarter less CPU each.
    sys.setswitchinterval(0.0005)
    from registry.app import from_environment

    return from_environment()


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != int(os.environ.get("TENOR_PARENT", os.getppid())):
        os.kill(os.getpid(), signal.SIGKILL)
