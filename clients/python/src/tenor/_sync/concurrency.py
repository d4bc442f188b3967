"""What differs between the two clients: locks, pauses, background work and the HTTP client. Synchronous half."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from threading import Lock, Thread
from time import sleep
from typing import Any, Protocol

import httpx

__all__ = ["HttpClient", "Lock", "new_http_client", "settled", "sleep", "spawn"]


class HttpClient(Protocol):
    """What is asked of an injected HTTP client: httpx.Client has it, and so have its successors."""

    def request(self, method: str, url: str, *, content: bytes | None, headers: dict[str, str]) -> Any: ...


def new_http_client(timeout: float) -> httpx.Client:
    """The HTTP client that is used where none was injected."""
    return httpx.Client(timeout=timeout)


def spawn(work: Callable[[], None]) -> None:
    """Run something beside the caller. It must not raise."""
    Thread(target=work, name="tenor-refresh", daemon=True).start()


def settled(result: Any) -> Any:
    """The result of a call. Raises TypeError for a coroutine, which nobody would ever run."""
    if isawaitable(result):
        getattr(result, "close", lambda: None)()
        raise TypeError("a coroutine function needs the asynchronous consumer: AsyncConsumer")
    return result
