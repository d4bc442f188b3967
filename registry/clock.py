"""The one clock of the server, so that pure code takes the time as an argument."""

import time


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
