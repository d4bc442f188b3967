"""A small pool of killable child processes: whatever can run away runs here, under a deadline and a memory limit.

    workers = Workers(size=2)
    workers.call("registry.formats.protobuf.compiler:compile_files", files, "default", seconds=2.0)

A call names an importable function and takes and gives plain data (None, bool, int, float, str, bytes, and lists,
tuples, sets and dicts of these). Children start when first needed, stay warm, and are killed when a call takes
too long; the next call starts a new one. They are not forked from the server: they import only what they run, see
no secrets of the environment, say nothing on stderr, and end when the server ends.

A child that a hostile input took over cannot reach the server through its answers: they unpickle to plain data only.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from registry.errors import Busy, TimedOut, Unavailable
from registry.workers.child import DONE, FAILED, LENGTH, READY, RETIRE

_CHILD = str(Path(__file__).with_name("child.py"))
_START_SECONDS = 20.0
_LARGEST_ANSWER = 1 << 28
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR", "TZ", "SYSTEMROOT")


class WorkerTimeout(TimedOut):
    """A call ran into its deadline; its process was killed."""


class WorkerDied(Unavailable):
    """The process ended during a call: out of memory, a crash of native code, or killed from outside."""

    sentence = "A worker process ended while it ran {what} ({reason})."


class WorkerFailed(Exception):
    """The called function raised. `kind` is the name of its exception's class."""

    def __init__(self, kind: str, sentence: str, traceback: str) -> None:
        self.kind, self.sentence, self.traceback = kind, sentence, traceback
        super().__init__(f"{kind}: {sentence}")


class Workers:
    """Up to `size` processes, each with at most `memory` bytes of address space.

    `queue` callers may wait for a free one. Safe to use from many threads.
    """

    def __init__(self, size: int = 2, *, memory: int = 1 << 30, queue: int = 64, seconds: float = 5.0) -> None:
        self._size, self._memory, self._queue, self._seconds = size, memory, queue, seconds
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._starting = 0
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        atexit.register(self.close)

    def call(self, function: str, *arguments: Any, seconds: float | None = None) -> Any:
        """What `module:function` returns for these arguments.

        Waiting for a free process counts against the deadline; starting one and importing the module does not.

        Raises WorkerTimeout, WorkerDied, WorkerFailed, and Busy when too many wait already.
        """
        allowed = self._seconds if seconds is None else seconds
        deadline = time.monotonic() + allowed
        child = self._taken(function, deadline, allowed)
        healthy = False
        try:
            if child.fresh or function not in child.loaded:
                began = time.monotonic()
                child.prepare(function)
                deadline += time.monotonic() - began
            outcome, value = child.ask((function, arguments, allowed), deadline)
            healthy = outcome == DONE or (outcome == FAILED and value[0] != "MemoryError")
        except TimeoutError:
            raise WorkerTimeout(what=function, seconds=allowed) from None
        except (EOFError, OSError) as error:
            raise WorkerDied(what=function, reason=child.obituary(error)) from None
        finally:
            self._give_back(child, keep=healthy)
        if outcome == FAILED:
            if value[0] == "MemoryError":
                raise WorkerDied(what=function, reason="out of memory")
            raise WorkerFailed(*value)
        return value

    def _taken(self, function: str, deadline: float, allowed: float) -> _Child:
        """A process of one's own: an idle one, a new one, or the next that comes free."""
        with self._changed:
            self._bury()
            if not self._idle and len(self._all) + self._starting >= self._size:
                if self._waiting >= self._queue:
                    raise Busy(reason=f"{self._waiting} calls wait for a worker process")
                self._waiting += 1
                try:
                    free = self._changed.wait_for(
                        lambda: self._closed or self._idle or len(self._all) + self._starting < self._size,
                        deadline - time.monotonic(),
                    )
                finally:
                    self._waiting -= 1
                if not free:
                    raise WorkerTimeout(what=function, seconds=allowed)
            if self._closed:
                raise Busy(reason="the worker processes are stopped")
            if self._idle:
                return self._idle.pop()
            self._starting += 1
        child = None
        try:
            child = _Child(self._memory)
        except OSError as error:
            raise WorkerDied(what=function, reason=f"it could not start: {error}") from None
        finally:
            with self._changed:
                self._starting -= 1
                if child is not None:
                    self._all.add(child)
                self._changed.notify()
        return child

    def _bury(self) -> None:
        """Forget idle processes that something else killed."""
        for child in [child for child in self._idle if child.process.poll() is not None]:
            self._idle.remove(child)
            self._all.discard(child)
            child.kill()

    def _give_back(self, child: _Child, *, keep: bool) -> None:
        if not keep:
            child.kill()
        with self._changed:
            if keep and not self._closed:
                self._idle.append(child)
            else:
                self._all.discard(child)
            self._changed.notify()
        if keep and self._closed:
            child.kill()

    def pids(self) -> list[int]:
        """The process ids of the children alive now (for memory reports and tests)."""
        with self._changed:
            return [child.process.pid for child in self._all]

    def close(self) -> None:
        """Kill all processes; later calls raise Busy."""
        with self._changed:
            self._closed = True
            children, self._all, self._idle = self._all, set(), []
            self._changed.notify_all()
        for child in children:
            child.kill()
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Child:
    """One process and the socket to it. Used by one thread at a time."""

    def __init__(self, memory: int) -> None:
        self.fresh = True
        self.loaded: set[str] = set()
        self._memory = memory
        self._wire, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", _CHILD, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                cwd=os.path.abspath(os.sep),
            )

    def prepare(self, function: str) -> None:
        """Wait until the process has started, and have it import the function."""
        deadline = time.monotonic() + _START_SECONDS
        if self.fresh:
            self._send(([os.path.abspath(entry) for entry in sys.path], self._memory), deadline)
            if self._receive(deadline)[0] != READY:
                raise EOFError
            self.fresh = False
        outcome, _ = self.ask((function, None, _START_SECONDS), deadline)
        if outcome != FAILED:  # a failure repeats, and is told, when the function is called
            self.loaded.add(function)

    def ask(self, message: object, deadline: float) -> tuple[int, Any]:
        """Send a call and wait for its outcome. Raises TimeoutError, EOFError, OSError."""
        self._send(message, deadline)
        return self._receive(deadline)

    def _send(self, message: object, deadline: float) -> None:
        data = pickle.dumps(message, protocol=5)
        self._wire.settimeout(_left(deadline))
        self._wire.sendall(LENGTH.pack(len(data)) + data)

    def _receive(self, deadline: float) -> tuple[int, Any]:
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size, deadline))
        if size > _LARGEST_ANSWER:
            raise EOFError
        data = self._exactly(size, deadline)
        try:
            outcome, value = _PlainData(io.BytesIO(data)).load()
        except pickle.UnpicklingError as error:
            return FAILED, ("TypeError", str(error), "")
        if outcome not in (READY, DONE, RETIRE, FAILED):
            raise EOFError
        return outcome, value

    def _exactly(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wire.settimeout(_left(deadline))
            part = self._wire.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def obituary(self, error: BaseException) -> str:
        """Why the process is gone, as far as the system says."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(0.5)
            return f"signal {-code}" if code < 0 else f"exit code {code}"
        return type(error).__name__

    def kill(self) -> None:
        """End the process and reap it."""
        self.process.kill()
        self._wire.close()
        self.process.wait()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _PlainData(pickle.Unpickler):
    """Loads the built-in types only: no class is ever looked up, so no code can be smuggled in."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")
