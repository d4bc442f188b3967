"""When to try again, and after how long. Pure: the clock and the dice are the caller's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with full jitter.

    A *round* asks every address once; between two rounds there is a pause between nothing and `first` seconds,
    doubling up to `longest`. A server's Retry-After is obeyed up to `longest`. `rounds=1` never tries again.
    """

    rounds: int = 4
    first: float = 0.2
    longest: float = 5.0

    def pause(self, rounds_done: int, dice: Callable[[], float], retry_after: str | None = None) -> float | None:
        """Seconds to wait before the next round, or None to give up. `dice` gives a number from 0 to 1."""
        if rounds_done >= self.rounds:
            return None
        if (asked := seconds(retry_after)) is not None:
            return min(asked, self.longest)
        # The exponent is bounded because 2.0**1025 raises.
        return dice() * min(self.first * 2.0 ** min(rounds_done - 1, 60), self.longest)


NEVER = Retry(rounds=1)


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds. Its other form, a date, trusts two clocks and is left to the backoff."""
    if retry_after is None or not (text := retry_after.strip()).isascii() or not text.isdigit():
        return None
    return float(text[:9])
