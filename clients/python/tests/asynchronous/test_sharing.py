"""One codec, one consumer, many hands: threads or tasks. And payloads of any size. Asynchronous."""

from __future__ import annotations

import inspect
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from concurrency import together
from fake_registry import FakeRegistry

from tenor import AsyncConsumer, AsyncRegistry, AsyncSeenInMemory, AsyncSeenInSql, Outcome, Record, Retries, Retry
from tenor._async.codec import AsyncCodec
from tenor.consuming import QuarantinedRecord
from tenor.errors import InvalidEvent, Undecodable
from tenor.sanitising import Sanitise

pytestmark = pytest.mark.anyio

TASKS = inspect.iscoroutinefunction(AsyncCodec.decode)
MANY = 1000 if TASKS else 100
LARGE = 100_000_000 if TASKS else 10_000_000
"""Once is enough: it takes seconds."""


def schema(version: int) -> str:
    fields = [
        {"name": "id", "type": "string"},
        *({"name": f"f{n}", "type": "int", "default": n} for n in range(version)),
    ]
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


def client(fake: FakeRegistry, **options: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    return AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1), **options)


async def test_many_share_one_codec() -> None:
    """All begin cold, with messages of ten versions, while the newest version moves on; nobody gets another's event."""
    fake = FakeRegistry()
    for version in range(10):
        fake.add("orders", schema(version))
    registry = client(fake, latest_ttl=0.0)
    writers = [await registry.events("orders", version=version + 1) for version in range(10)]
    orders = await registry.events("orders", fill_defaults=True)

    async def work(number: int) -> int:
        for turn in range(5):
            written = {"id": f"{number}-{turn}"}
            version = (number + turn) % 10
            value = writers[version].encode({**written, **{f"f{n}": number for n in range(version)}}).value
            assert value is not None
            event = await orders.decode(value)
            assert event.data == {**written, **{f"f{n}": number for n in range(version)}}
            assert event.schema is not None
            assert event.schema.id == version + 1
            again = await orders.decode(orders.encode(written).value)
            assert again.data["id"] == written["id"]
            if number == 7:
                fake.add("orders", schema(10 + turn))
        return number

    done = await together([lambda number=number: work(number) for number in range(MANY)])
    assert sorted(done) == list(range(MANY))
    asked = [path for path in fake.paths() if "/schemas/ids/" in path]
    assert len(asked) == len(set(asked)) <= 15  # each version is met once, however many meet it at once


async def test_many_share_one_consumer(tmp_path: Path) -> None:
    fake = FakeRegistry()
    fake.add("orders", schema(0))
    orders = await client(fake).events("orders")
    handled: list[str] = []
    poison: list[QuarantinedRecord] = []
    retries = Retries(attempts=3, first=0.0, longest=0.0, patience=20.0)
    consumer = AsyncConsumer(
        orders,
        lambda event: handled.append(event.data["id"]),
        name="b",
        quarantine=poison.append,
        seen=AsyncSeenInMemory(),
        retries=retries,
    )

    async def work(number: int) -> Outcome:
        if number % 10 == 9:
            return await consumer.process(Record(b"%d" % number))
        message = orders.encode({"id": f"{number % 50}"}, key=f"{number % 50}")
        return await consumer.process(Record(message.value, message.headers))

    outcomes = await together([lambda number=number: work(number) for number in range(MANY)])
    assert sorted(handled) == sorted({f"{number % 50}" for number in range(MANY) if number % 10 != 9})
    assert outcomes.count(Outcome.HANDLED) == len(handled)
    assert outcomes.count(Outcome.QUARANTINED) == len(poison) == MANY // 10
    assert len(outcomes) == MANY


async def test_writers_of_one_database_lose_nothing(tmp_path: Path) -> None:
    """SQLite lets one write at a time: the others wait their turn, and each event is handled once."""
    database = tmp_path / "shop.db"
    setup = sqlite3.connect(database)
    setup.execute("CREATE TABLE orders (id TEXT)")
    setup.commit()
    fake = FakeRegistry()
    fake.add("orders", schema(0))
    orders = await client(fake).events("orders")
    seen = AsyncSeenInSql(lambda: sqlite3.connect(database, timeout=20))
    await seen.create()

    def handle(event: Any, connection: Any) -> None:
        connection.execute("INSERT INTO orders VALUES (?)", (event.data["id"],))

    consumer = AsyncConsumer(orders, handle, name="b", quarantine=print, seen=seen, retries=Retries(patience=30.0))
    messages = [orders.encode({"id": f"{number % 8}"}, key=f"{number % 8}") for number in range(24)]
    await together([lambda each=each: consumer.process(Record(each.value, each.headers)) for each in messages])
    assert sorted(setup.execute("SELECT id FROM orders")) == [(f"{number}",) for number in range(8)]
    setup.close()


# --- sizes -----------------------------------------------------------------------------------------------------


async def test_a_payload_of_100_mb_is_written_read_and_bounded() -> None:
    fake = FakeRegistry()
    fake.add("orders", schema(0))
    registry = client(fake)
    orders, bounded = await registry.events("orders"), await registry.events("orders", sanitise=Sanitise())
    data = {"id": "x" * LARGE}
    value = orders.encode(data).value
    assert value is not None
    assert (await orders.decode(value)).data == data
    with pytest.raises(InvalidEvent) as raised:
        bounded.encode(data)
    assert len(str(raised.value)) < 1000
    poison: list[QuarantinedRecord] = []
    consumer = AsyncConsumer(orders, print, name="b", quarantine=poison.append)
    for broken in (value[:-1], value + b"x", b"\x01" * LARGE):
        assert await consumer.process(Record(broken)) is Outcome.QUARANTINED
        assert poison.pop().value is broken


@pytest.mark.parametrize("size", range(24))
async def test_every_cut_is_a_typed_refusal(size: int) -> None:
    fake = FakeRegistry()
    fake.add("orders", schema(2))
    orders = await client(fake).events("orders")
    value = orders.encode({"id": "0123456789", "f0": 10**6, "f1": -(10**9)}).value or b""
    assert len(value) == 24
    poison: list[QuarantinedRecord] = []
    consumer = AsyncConsumer(orders, print, name="b", quarantine=poison.append)
    assert await consumer.process(Record(value[:size])) is Outcome.QUARANTINED
    assert poison[0].verdict.reason == ("FRAMING" if size < 5 else "INVALID")
    if size >= 5:
        with pytest.raises(Undecodable):
            await orders.decode(value[:size])
