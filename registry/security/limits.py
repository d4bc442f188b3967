"""How many requests a caller may send: a window of a minute each, counted in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

WINDOW: Final = 60.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: how many requests are left, and in how many seconds its window begins anew."""

    allowed: bool
    limit: int
    left: int
    seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What answers say about it."""
        told = [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.left),
            (b"ratelimit-reset", b"%d" % self.seconds),
        ]
        return told if self.allowed else [*told, (b"retry-after", b"%d" % self.seconds)]


class Limits:
    """Counts requests by caller."""

    def __init__(self, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, caller: str) -> Standing:
        """Count one request."""
        now = self._clock()
        began, count = self._windows.get(caller, (now, 0))
        if now - began >= WINDOW:
            began, count = now, 0
        if len(self._windows) >= _MOST and caller not in self._windows:
            self._windows = {key: each for key, each in self._windows.items() if now - each[0] < WINDOW}
            if len(self._windows) >= _MOST:
                # So many callers in one minute share what is left, rather than that some are not counted.
                caller = ""
                began, count = self._windows.get(caller, (now, 0))
        count += 1
        self._windows[caller] = (began, count)
        return Standing(
            count <= self._limit, self._limit, max(0, self._limit - count), max(1, int(began + WINDOW - now + 0.999))
        )
