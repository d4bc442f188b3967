"""What differs between the two clients: locks, pauses, background work and the HTTP client. Asynchronous half."""

from __future__ import annotations

import asyncio
from asyncio import Event, Lock, sleep
from collections.abc import Callable, Coroutine
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

import httpx

__all__ = [
    "AsyncHttpClient",
    "Event",
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

_running: set[asyncio.Task[None]] = set()

T = TypeVar("T")


class AsyncHttpClient(Protocol):
    """What is asked of an injected HTTP client: httpx.AsyncClient has it, and so have its successors."""

    async def request(self, method: str, url: str, *, content: bytes | None, headers: dict[str, str]) -> Any: ...


def new_http_client(timeout: float) -> httpx.AsyncClient:
    """The HTTP client that is used where none was injected."""
    return httpx.AsyncClient(timeout=timeout)


def spawn(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run something beside the caller. It must not raise."""
    task = asyncio.get_running_loop().create_task(work())
    _running.add(task)  # the loop itself keeps only a weak reference
    task.add_done_callback(_running.discard)


async def waited(event: Event, seconds: float) -> bool:
    """Wait until something happened, or for so long; whether it happened."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def callable_here(function: Any) -> None:
    """Any function can be called here, coroutine function or not."""


async def settled(result: Any) -> Any:
    """The result of a call that may be a coroutine function's: handlers, stores and sinks may be of either kind."""
    return await result if isawaitable(result) else result


async def in_thread(work: Callable[[], T]) -> T:
    """The result of something that blocks: key systems do."""
    return await asyncio.to_thread(work)


def at_once(work: Callable[[], Coroutine[Any, Any, T]], error: Exception) -> T:
    """The result of work that cannot be waited for here: raises `error`, which says what to await first."""
    raise error
