"""When to try again, and how long to believe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tenor.cache import Cache
from tenor.retry import NEVER, Retry, seconds

PAUSES = [
    (1, 1.0, None, 0.2),
    (2, 1.0, None, 0.4),
    (3, 0.5, None, 0.4),
    (4, 1.0, None, None),
    (1, 1.0, "3", 3.0),
    (1, 1.0, "999999999999", 5.0),
    (1, 1.0, "Wed, 21 Oct 2026 07:28:00 GMT", 0.2),
    (4, 1.0, "3", None),
]


@pytest.mark.parametrize(("rounds", "dice", "retry_after", "pause"), PAUSES)
def test_pauses_double_with_jitter_and_obey_the_server(
    rounds: int, dice: float, retry_after: str | None, pause: float | None
) -> None:
    assert Retry().pause(rounds, lambda: dice, retry_after) == pytest.approx(pause)


def test_pauses_are_bounded_for_ever() -> None:
    assert Retry(rounds=10**6).pause(5000, lambda: 1.0) == 5.0
    assert NEVER.pause(1, lambda: 1.0) is None
    assert seconds("-1") is seconds("") is seconds(None) is seconds("٣") is None


def test_a_cache_keeps_the_most_recently_used_and_forgets_the_old() -> None:
    now = [0.0]
    cache: Cache[int] = Cache(2, clock=lambda: now[0])
    cache.put("a", 1)
    cache.put("b", 2, ttl=10)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == (1, None, 3, 2)
    cache.put("b", 2, ttl=10)
    now[0] = 9.9
    assert cache.get("b") == 2
    now[0] = 10.0
    assert cache.get("b") is None
    cache.drop("c")
    cache.drop("c")
    assert cache.get("c") is None
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(ValueError, match="at least one"):
        Cache(0)


def test_a_cache_stays_bounded_with_many_threads() -> None:
    cache: Cache[int] = Cache(50)

    def work(worker: int) -> None:
        for n in range(500):
            cache.put((worker * n) % 97, n)
            cache.get(n % 97)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(cache) == 50
