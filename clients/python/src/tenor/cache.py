"""A bounded cache whose answers can grow old. No I/O, safe between threads; the clock can be injected.

Three lives: what is immutable stays until it is pushed out, what may change lives `ttl` seconds, and a
"not there" lives `negative_ttl` seconds, because the next registration may make it wrong.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, Generic, TypeVar

V = TypeVar("V")
FOREVER: Final = float("inf")
_MISSING: Final = object()


class Cache(Generic[V]):
    """Least recently used out first, never more than `size` entries.

    >>> cache = Cache(size=2)
    >>> cache.put("a", 1); cache.get("a")
    1
    """

    def __init__(self, size: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        if size < 1:
            raise ValueError("a cache has room for at least one entry")
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> V | None:
        """The entry, or None if it is not there or has grown old."""
        with self._lock:
            found: Any = self._kept.get(key, _MISSING)
            if found is _MISSING:
                return None
            until, value = found
            if self._clock() >= until:
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return value  # type: ignore[no-any-return] # the sentinel forces Any above

    def put(self, key: Hashable, value: V, ttl: float = FOREVER) -> None:
        """Keep an entry for `ttl` seconds; the least recently used goes if there is no room."""
        with self._lock:
            self._kept[key] = (self._clock() + ttl, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget an entry, if it is there."""
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
