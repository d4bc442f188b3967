"""A load generator for loopback: keep-alive connections that each wait for their answer, bounded in count and time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle


@dataclass
class Tally:
    """What a slice of load saw."""

    answers: int = 0
    failures: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], tally: Tally, deadline: float) -> None:
        self.requests = requests
        self.tally = tally
        self.deadline = deadline
        self.buffer = b""
        self.done = asyncio.get_running_loop().create_future()
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment] # a stream transport
        self._next()

    def _next(self) -> None:
        request = next(self.requests, None) if time.perf_counter() < self.deadline else None
        if request is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        head_end = self.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = self.buffer.find(b"content-length: ")
        if at < 0:
            at = self.buffer.lower().find(b"content-length: ")
        length = int(self.buffer[at + 16 : self.buffer.find(b"\r", at + 16)])
        if len(self.buffer) < head_end + 4 + length:
            return
        self.tally.answers += 1
        self.tally.latencies.append(time.perf_counter() - self.sent)
        if not self.buffer.startswith(b"HTTP/1.1 2"):
            self.tally.failures += 1
        self.buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.tally.failures += 1
            self.done.set_result(None)


def get(path: str, headers: str = "") -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """The bytes of a POST request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _run(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Tally:
    tally = Tally()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    protocols = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(
            lambda: _Connection(requests, tally, started + seconds), "127.0.0.1", port
        )
        protocols.append(protocol)
    await asyncio.wait_for(asyncio.gather(*(protocol.done for protocol in protocols)), seconds + 60)
    tally.seconds = time.perf_counter() - started
    return tally


def run(port: int, requests: Iterator[bytes], *, connections: int = 32, seconds: float = 1.0) -> Tally:
    """Send requests until they or the time run out."""
    import uvloop

    return uvloop.run(_run(port, requests, connections, seconds))


def endless(requests: list[bytes]) -> Iterator[bytes]:
    """The requests again and again."""
    return cycle(requests)


Prepared = Callable[[], Iterator[bytes]]
