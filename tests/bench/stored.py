"""Warm latency of the store's own questions as it grows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from registry import registration
from registry.content import Content
from registry.names import Subject
from registry.policy import Config
from registry.registration import Registration
from registry.store.engine import Db, Store, open_store
from registry.store.migrations import migrate
from registry.store.queries import schemas, subjects
from tests.bench.filled import fill, numbers, subject, text
from tests.bench.report import Row
from tests.postgres import durable_server

_SERVER = Config(level="BACKWARD")


def _by_id(db: Db, number: int) -> object:
    return schemas.by_id(db, ".", number + 1)


def _latest(db: Db, number: int) -> object:
    return schemas.latest(db, Subject(".", subject(number)))


def _lookup(db: Db, number: int) -> object:
    return registration.lookup(db, Registration(Subject(".", subject(number)), text(number)), _SERVER)


def _page(db: Db, number: int) -> object:
    return subjects.list_subjects(db, context=".", prefix=subject(number)[:9], limit=100)


QUESTIONS: dict[str, Callable[[Db, int], object]] = {
    "read by id": _by_id,
    "latest": _latest,
    "look-up": _lookup,
    "page of 100 subjects": _page,
}


def _latencies(store: Store, size: int, count: int) -> dict[str, float]:
    """Median microseconds a question, warm: each is asked once before."""
    wanted = list(numbers(count, size))
    answers = {}
    for what, ask in QUESTIONS.items():
        store.read_now(partial(_timed, ask=ask, wanted=wanted))
        answers[what] = median(store.read_now(partial(_timed, ask=ask, wanted=wanted))) * 1e6
    return answers


def _timed(db: Db, *, ask: Callable[[Db, int], object], wanted: list[int]) -> list[float]:
    took = []
    for number in wanted:
        began = time.perf_counter()
        if ask(db, number) is None:
            raise RuntimeError(f"nothing found for {number}")
        took.append(time.perf_counter() - began)
    return took


def _growth(name: str, url: str, sizes: list[int], bound: str, count: int) -> list[Row]:
    store = open_store(url)
    rows: list[Row] = []
    try:
        migrate(store)
        base: dict[str, float] = {}
        filled = 0
        for size in sizes:
            fill(store, filled, size)
            filled = size
            took = _latencies(store, size, count)
            base = base or took
            for what, microseconds in took.items():
                target = (
                    bound
                    if size == sizes[-1] and size > sizes[0] and what in ("read by id", "latest", "look-up")
                    else ""
                )
                note = f"{microseconds:.0f} us"
                rows.append(
                    Row(
                        f"{what}, {size:,} versions, {name}",
                        microseconds / base[what],
                        f"x at {sizes[0]:,}",
                        target,
                        note,
                    )
                )
    finally:
        store.close()
    return rows


def measure(*, smoke: bool, full: bool = False) -> list[Row]:
    """1k, 10k and 100k versions; a million with `--full` (its filling takes minutes)."""
    sizes = [100, 1000] if smoke else [10_000, 100_000] + ([1_000_000] if full else [])
    count = 200 if smoke else 2000
    assert Content("AVRO", text(1)).fingerprint != Content("AVRO", text(2)).fingerprint
    with tempfile.TemporaryDirectory() as folder:
        rows = _growth("SQLite", f"sqlite:///{folder}/t.db", sizes, "<= 2.5", count)
    with durable_server().database() as url:
        return [*rows, *_growth("PostgreSQL", url, sizes, "<= 1.5", count)]
