"""Handled events remembered in PostgreSQL, in the handler's own transaction: threads and tasks."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest

from tenor import AsyncSeenInSql, SeenInSql


def made(url: str) -> SeenInSql:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE orders (id TEXT)")
    seen = SeenInSql(lambda: psycopg.connect(url), table="public.seen", paramstyle="format")
    seen.create()
    return seen


def rows(url: str, table: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()


def test_two_at_the_same_event_wait_for_each_other(pg_url: str) -> None:
    """The second stands at the first one's row until it commits; and handles the event if the first one fails."""
    seen = made(pg_url)
    inside, leave = threading.Event(), threading.Event()

    def slow(connection: Any, fail: bool) -> None:
        connection.execute("INSERT INTO orders VALUES ('slow')")
        inside.set()
        assert leave.wait(20)
        if fail:
            raise ValueError("no")

    def quick(connection: Any) -> None:
        connection.execute("INSERT INTO orders VALUES ('quick')")

    for fail, expected in ((False, ["slow"]), (True, ["slow", "quick"])):
        inside.clear()
        leave.clear()
        event = f"event {fail}"
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(seen.once, "billing", event, partial(slow, fail=fail))
            assert inside.wait(20)
            second = pool.submit(seen.once, "billing", event, quick)
            leave.set()
            assert second.result(20) is fail
            if fail:
                with pytest.raises(ValueError, match="no"):
                    first.result(20)
            else:
                assert first.result(20)
        assert [row[0] for row in rows(pg_url, "orders")] == expected
    assert len(rows(pg_url, "public.seen")) == 2
    seen.forget(older_than=-10)
    assert rows(pg_url, "public.seen") == []


def test_many_threads_handle_each_event_once(pg_url: str) -> None:
    seen = made(pg_url)

    def handle(number: int) -> bool:
        def work(connection: Any) -> None:
            connection.execute("INSERT INTO orders VALUES (%s)", (str(number % 10),))

        return seen.once("billing", str(number % 10), work)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(handle, range(60))) == 10
    assert sorted(row[0] for row in rows(pg_url, "orders")) == [str(number) for number in range(10)]


def test_an_asynchronous_connection_does_as_well(pg_url: str) -> None:
    made(pg_url)

    async def handle() -> list[bool]:
        seen = AsyncSeenInSql(lambda: psycopg.AsyncConnection.connect(pg_url), table="public.seen", paramstyle="format")

        async def work(connection: Any) -> None:
            await connection.execute("INSERT INTO orders VALUES ('a')")

        return list(await asyncio.gather(*(seen.once("billing", "a", work) for _ in range(5))))

    assert sorted(asyncio.run(handle())) == [False] * 4 + [True]
    assert rows(pg_url, "orders") == [("a",)]


def test_a_connection_that_commits_by_itself_is_refused(pg_url: str) -> None:
    seen = SeenInSql(lambda: psycopg.connect(pg_url, autocommit=True), paramstyle="format")
    with pytest.raises(ValueError, match="commits by itself"):
        seen.create()
