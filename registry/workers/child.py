"""What runs inside a worker process. Started as a script by `registry.workers`; imports only what it is asked to run.

Spoken over one socket, either way a 4-byte length and a pickle:

    parent   (search_path, memory)                  once
    child    (READY, None)
    parent   (function, None, seconds)              import it, outside the deadline of a call
    parent   (function, arguments, seconds)
    child    (outcome, value)                       DONE, and RETIRE in place of it when the process has grown fat
             (FAILED, (type, sentence, traceback))
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

READY, DONE, RETIRE, FAILED = range(4)
LENGTH = struct.Struct(">I")


def receive(wire: socket.socket) -> bytes | None:
    """One message, or None when the other side is gone."""
    header = _exactly(wire, LENGTH.size)
    return None if header is None else _exactly(wire, LENGTH.unpack(header)[0])


def _exactly(wire: socket.socket, size: int) -> bytes | None:
    part = wire.recv(size)
    if len(part) == size:
        return part
    parts = bytearray(part)
    while part and len(parts) < size:
        part = wire.recv(min(size - len(parts), 1 << 20))
        parts += part
    return bytes(parts) if part else None


def found(name: str) -> Callable[..., Any]:
    """The function behind `module:function`."""
    module, _, function = name.partition(":")
    made: Callable[..., Any] = getattr(import_module(module), function)
    return made


def main(descriptor: int) -> None:
    """Answer calls until the parent goes away."""
    wire = socket.socket(fileno=descriptor)
    search_path, memory = pickle.loads(receive(wire) or b"")  # noqa: S301 # from the parent, which is trusted
    sys.path[:] = search_path
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_die_with_parent, args=(descriptor,), daemon=True).start()
    functions: dict[str, Callable[..., Any]] = {}
    _send(wire, pickle.dumps((READY, None), protocol=5))
    while (message := receive(wire)) is not None:
        name, arguments, seconds = pickle.loads(message)  # noqa: S301 # from the parent, which is trusted
        _spend(seconds)
        try:
            if name not in functions:
                functions[name] = found(name)
            value = None if arguments is None else functions[name](*arguments)
            answer = pickle.dumps((RETIRE if _fat(memory // 2) else DONE, value), protocol=5)
        except Exception as error:
            import traceback

            answer = pickle.dumps((FAILED, (type(error).__name__, str(error), traceback.format_exc())), protocol=5)
        _send(wire, answer)


def _send(wire: socket.socket, data: bytes) -> None:
    wire.sendall(LENGTH.pack(len(data)) + data)


def _spend(seconds: float) -> None:
    """Let the kernel end a call that outlives its parent."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _fat(limit: int) -> bool:
    """Whether this process ever held more than `limit` bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if peak <= limit or sys.platform != "linux":
        return peak > limit
    # Linux lets a new process inherit this figure from the one that started it; the slower one is its own.
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return own * 1024 > limit


def _die_with_parent(descriptor: int) -> None:
    """End the process when the parent's side of the socket closes, even while a call computes."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    while True:
        with contextlib.suppress(InterruptedError):
            if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll()):
                os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
