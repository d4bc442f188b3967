"""Doing many things at once, for tests: as tasks where they are coroutines, as threads where they are calls."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def together(work: list[Callable[[], Any]]) -> Any:
    """Run everything at once; awaitable if the first is a coroutine function's call."""
    first = work[0]()
    if inspect.isawaitable(first):
        return _tasks(first, work[1:])
    with ThreadPoolExecutor(len(work)) as pool:
        return [first, *pool.map(lambda call: call(), work[1:])]


async def _tasks(first: Any, rest: list[Callable[[], Any]]) -> list[Any]:
    return list(await asyncio.gather(first, *(call() for call in rest)))
