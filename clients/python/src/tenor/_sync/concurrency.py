"""What differs between the two clients: locks, pauses, background work and the HTTP client. Synchronous half."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutine, iscoroutinefunction
from threading import Event, Lock, Thread
from time import sleep
from typing import Any, Protocol, TypeVar

import httpx

__all__ = [
    "Event",
    "HttpClient",
    "Lock",
    "at_once",
    "callable_here",
    "in_thread",
    "new_http_client",
    "settled",
    "sleep",
    "spawn",
    "waited",
]

T = TypeVar("T")


class HttpClient(Protocol):
    """What is asked of an injected HTTP client: httpx.Client has it, and so have its successors."""

    def request(self, method: str, url: str, *, content: bytes | None, headers: dict[str, str]) -> Any: ...


def new_http_client(timeout: float) -> httpx.Client:
    """The HTTP client that is used where none was injected."""
    return httpx.Client(timeout=timeout)


def spawn(work: Callable[[], None]) -> None:
    """Run something beside the caller. It must not raise."""
    Thread(target=work, name="tenor-refresh", daemon=True).start()


def waited(event: Event, seconds: float) -> bool:
    """Wait until something happened, or for so long; whether it happened."""
    return event.wait(seconds)


def callable_here(function: Any) -> None:
    """Raises TypeError for a coroutine function, whose work nobody would do."""
    if iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 # its kind, not whether
        raise TypeError(f"{function!r} is a coroutine function: it needs the client for coroutines")


def settled(result: Any) -> Any:
    """The result of a call. Raises TypeError for a coroutine, which nobody would ever run."""
    if iscoroutine(result):
        result.close()
        raise TypeError("a coroutine function needs the client for coroutines")
    return result


def in_thread(work: Callable[[], T]) -> T:
    """The result of something that blocks, as everything here does."""
    return work()


def at_once(work: Callable[[], T], error: Exception) -> T:
    """The result of work that can simply be waited for; `error` is what the asynchronous half raises instead."""
    return work()
