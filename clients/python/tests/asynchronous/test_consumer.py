"""The consume path: each event once, none lost, poison set aside. Asynchronous."""

from __future__ import annotations

import json
import logging
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from concurrency import together
from fake_registry import FakeRegistry, error

from tenor import (
    AsyncConsumer,
    AsyncRegistry,
    AsyncSeenInMemory,
    AsyncSeenInSql,
    Event,
    Outcome,
    Record,
    Retries,
    Retry,
)
from tenor._async.concurrency import sleep
from tenor.consuming import QuarantinedRecord, Reason, verdict_of
from tenor.errors import RecordBusy, StoreFailed, Unprocessed

pytestmark = pytest.mark.anyio

SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]})
QUICK = Retries(attempts=3, first=0.0, longest=0.0, trips=2, rest=0.02, patience=0.0)
PATIENT = Retries(attempts=2, first=0.0, longest=0.0, trips=2, rest=0.02, patience=10.0)
SECRET = "4111-1111-1111-1111"


class Bench:
    """A consumer, and everything that happens around it."""

    def __init__(self, **options: Any) -> None:
        self.fake = FakeRegistry()
        self.fake.add("orders", SCHEMA)
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.fake))
        self.registry = AsyncRegistry("http://registry.test", http=http, retry=Retry(rounds=1))
        self.handled: list[Any] = []
        self.poison: list[QuarantinedRecord] = []
        self.errors: list[Exception] = []
        self.options = options

    async def ready(self) -> Bench:
        orders = await self.registry.events("orders")
        options = {"name": "billing", "quarantine": self.poison.append, "retries": QUICK, **self.options}
        self.orders, self.consumer = orders, AsyncConsumer(orders, self.handle, **options)
        return self

    def handle(self, event: Event, *transaction: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.handled.append(event.data)

    def record(self, name: str = "A1", **position: str) -> Record:
        message = self.orders.encode({"id": name}, key=name)
        return Record(message.value, message.headers, b"k", position or {"topic": "orders", "offset": "7"})


async def test_an_event_is_handled() -> None:
    bench = await Bench().ready()
    assert await bench.consumer.process(bench.record()) is Outcome.HANDLED
    assert await bench.consumer.process(Record(None)) is Outcome.HANDLED
    assert bench.handled == [{"id": "A1"}, None]


async def test_a_handler_may_be_a_coroutine_function() -> None:
    bench = await Bench().ready()

    async def handle(event: Event) -> None:
        await sleep(0)
        bench.handled.append(event.data)

    consumer = AsyncConsumer(bench.orders, handle, name="billing", quarantine=bench.poison.append)
    assert await consumer.process(bench.record()) is Outcome.HANDLED
    assert bench.handled == [{"id": "A1"}]


async def test_records_are_acknowledged_after_they_came_to_an_end() -> None:
    bench = await Bench().ready()
    acknowledged: list[int] = []

    async def records() -> Any:
        for number in range(3):
            value = b"nonsense" if number == 1 else bench.record().value
            yield Record(value, ack=lambda number=number: acknowledged.append(number))

    await bench.consumer.run(records())
    assert acknowledged == [0, 1, 2]
    assert (len(bench.handled), [each.verdict.reason for each in bench.poison]) == (2, ["FRAMING"])


# --- poison ----------------------------------------------------------------------------------------------------

POISON = [
    (b"", Reason.FRAMING, "TruncatedFrame"),
    (b"\x00", Reason.FRAMING, "TruncatedFrame"),
    (b"\x00\x00\x00\x00", Reason.FRAMING, "TruncatedFrame"),
    (b"{}", Reason.FRAMING, "NotFramed"),
    (b"\x00\x00\x00\x00\x63\x04A1", Reason.UNKNOWN_SCHEMA, "SchemaNotFound"),
    (b"\x00\x00\x00\x00\x01", Reason.INVALID, "Undecodable"),
    (b"\x00\x00\x00\x00\x01\x7fA1", Reason.INVALID, "Undecodable"),
    (b"\x00\x00\x00\x00\x01\x04A1and more", Reason.INVALID, "Undecodable"),
]


@pytest.mark.parametrize(("value", "reason", "kind"), POISON, ids=lambda case: repr(case)[:40])
async def test_poison_goes_to_quarantine_as_it_is(value: bytes, reason: Reason, kind: str) -> None:
    bench = await Bench().ready()
    headers = [("ce_id", b"1"), ("twice", b"a"), ("twice", b"b"), ("text", "t"), ("none", None)]
    record = Record(value, headers, b"key", {"topic": "orders", "partition": "3", "offset": "17"})
    assert await bench.consumer.process(record) is Outcome.QUARANTINED
    [poison] = bench.poison
    assert (poison.value, poison.key, poison.headers[: len(headers)]) == (value, b"key", headers)
    found = verdict_of(poison.headers)
    assert found == poison.verdict
    assert (found.reason, found.error, found.stage, found.attempts) == (reason, kind, "decode", 1)
    assert (found.consumer, dict(found.position)) == ("billing", dict(record.position))
    assert found.rule


async def test_headers_that_can_be_read_once_are_all_set_aside() -> None:
    bench = await Bench(seen=AsyncSeenInMemory()).ready()
    bench.errors = [ConnectionError(), ConnectionError(), ValueError()]
    message = bench.orders.encode({"id": "A1"})
    assert await bench.consumer.process(Record(message.value, iter(message.headers))) is Outcome.QUARANTINED
    assert bench.poison[0].headers[: len(message.headers)] == message.headers
    assert bench.poison[0].verdict.attempts == 3


async def test_a_store_that_cannot_work_stops_the_consumer(tmp_path: Path) -> None:
    wrong = AsyncSeenInSql(lambda: sqlite3.connect(tmp_path / "x.db", isolation_level=None))
    bench = await Bench(seen=wrong, retries=PATIENT).ready()
    with pytest.raises(Unprocessed, match="store: ValueError"):
        await bench.consumer.process(bench.record())
    assert (bench.handled, bench.poison) == ([], [])


async def test_an_error_of_the_handler_is_poison_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = await Bench().ready()
    bench.errors = [ValueError(f"card {SECRET} is refused")]
    with caplog.at_level(logging.DEBUG):
        assert await bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    [poison] = bench.poison
    assert (poison.verdict.reason, poison.verdict.rule, poison.verdict.stage) == ("HANDLER", "ValueError", "handler")
    assert "topic=orders offset=7" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET.encode() not in b"".join(value or b"" for _, value in poison.headers if isinstance(value, bytes))


async def test_an_upcaster_that_is_not_finished_is_told_apart() -> None:
    def upcast(event: Event) -> Event:
        raise KeyError("no plan")

    bench = await Bench(upcast=upcast).ready()
    assert await bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert (bench.poison[0].verdict.reason, bench.poison[0].verdict.stage) == ("UPCAST_TODO", "upcast")


async def test_the_handler_gets_what_the_upcaster_made() -> None:
    async def upcast(event: Event) -> Event:
        return Event({**event.data, "v": 2}, event.schema)

    bench = await Bench(upcast=upcast).ready()
    await bench.consumer.process(bench.record())
    assert bench.handled == [{"id": "A1", "v": 2}]


async def test_when_the_quarantine_fails_the_record_is_not_acknowledged() -> None:
    calls = []

    def full(poison: QuarantinedRecord) -> None:
        calls.append(poison)
        raise OSError("no space left")

    bench = await Bench(quarantine=full).ready()
    with pytest.raises(Unprocessed, match=r"the record at topic=t|The record at topic=t.*the quarantine failed"):
        await bench.consumer.process(Record(b"nonsense", position={"topic": "t"}))
    assert len(calls) == QUICK.attempts


# --- what may pass ----------------------------------------------------------------------------------------------


async def test_what_may_pass_is_tried_again() -> None:
    bench = await Bench().ready()
    bench.errors = [ConnectionError(), TimeoutError()]
    assert await bench.consumer.process(bench.record()) is Outcome.HANDLED
    assert (bench.handled, bench.poison) == ([{"id": "A1"}], [])


async def test_retries_and_giving_up_quote_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = await Bench(passing=(RuntimeError,), retries=replace(QUICK, trips=1)).ready()
    bench.errors = [RuntimeError(SECRET) for _ in range(QUICK.attempts)]
    with caplog.at_level(logging.DEBUG), pytest.raises(Unprocessed) as raised:
        await bench.consumer.process(bench.record())
    assert "handler: RuntimeError" in str(raised.value)
    assert SECRET not in caplog.text + str(raised.value)
    assert caplog.records  # stamina tells of retries


async def test_what_is_no_passing_trouble_is_tried_once() -> None:
    bench = await Bench().ready()
    bench.errors = [ValueError(), ValueError()]
    await bench.consumer.process(bench.record())
    assert (len(bench.errors), bench.poison[0].verdict.attempts) == (1, 1)


async def test_one_record_that_keeps_failing_is_set_aside() -> None:
    bench = await Bench().ready()
    bench.errors = [ConnectionError() for _ in range(QUICK.attempts)]
    assert await bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert bench.poison[0].verdict.attempts == QUICK.attempts
    assert await bench.consumer.process(bench.record("A2")) is Outcome.HANDLED


async def test_when_records_in_a_row_fail_the_circuit_opens_and_the_topic_is_not_emptied() -> None:
    bench = await Bench().ready()
    bench.errors = [ConnectionError() for _ in range(100)]
    outcomes: list[Any] = []
    for number in range(6):
        try:
            outcomes.append(await bench.consumer.process(bench.record(f"A{number}")))
        except Unprocessed:
            outcomes.append(None)
    assert outcomes == [Outcome.QUARANTINED, *[None] * 5]
    left = len(bench.errors)
    with pytest.raises(Unprocessed):
        await bench.consumer.process(bench.record())
    assert len(bench.errors) == left  # nobody was asked while the circuit is open
    bench.errors = []
    await sleep(0.03)
    assert await bench.consumer.process(bench.record()) is Outcome.HANDLED


async def test_a_patient_consumer_waits_until_it_is_over() -> None:
    bench = await Bench(retries=PATIENT).ready()
    bench.errors = [ConnectionError() for _ in range(9)]
    outcomes = [await bench.consumer.process(bench.record(f"A{number}")) for number in range(4)]
    assert outcomes == [Outcome.QUARANTINED, *[Outcome.HANDLED] * 3]


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("gone"),
        error(503, 50301, "later"),
        httpx.Response(200, text="<html>"),
        error(500, 500, "?"),
        error(404, 404, "a wrong path"),
    ],
    ids=lambda failure: repr(failure)[:40],
)
async def test_a_registry_that_is_away_makes_nothing_poison(failure: Any) -> None:
    bench = await Bench().ready()
    bench.fake.failures = [failure] * 1000
    for _ in range(4):
        with pytest.raises(Unprocessed, match="decode"):
            await bench.consumer.process(bench.record())
        await sleep(0.03)
    assert (bench.poison, bench.handled) == ([], [])
    bench.fake.failures = []
    assert await bench.consumer.process(bench.record()) is Outcome.HANDLED


async def test_a_registry_that_refuses_the_consumer_stops_it_at_once() -> None:
    bench = await Bench(retries=PATIENT).ready()
    bench.fake.failures = [error(401, 40101, "who are you?")] * 10
    with pytest.raises(Unprocessed, match="Unauthenticated"):
        await bench.consumer.process(bench.record())
    assert bench.poison == []


async def test_a_registry_that_goes_away_in_the_middle_stops_only_what_is_new() -> None:
    bench = await Bench().ready()
    await bench.consumer.process(bench.record())
    bench.fake.failures = [httpx.ConnectError("gone")] * 1000
    assert await bench.consumer.process(bench.record("A2")) is Outcome.HANDLED
    with pytest.raises(Unprocessed):
        await bench.consumer.process(Record(b"\x00\x00\x00\x00\x07\x04A1"))


# --- each event once -------------------------------------------------------------------------------------------


async def test_an_event_that_comes_again_is_handled_once() -> None:
    bench = await Bench(seen=AsyncSeenInMemory()).ready()
    outcomes = [await bench.consumer.process(bench.record(name)) for name in ("A1", "A2", "A1")]
    assert outcomes == [Outcome.HANDLED, Outcome.HANDLED, Outcome.DUPLICATE]
    assert bench.handled == [{"id": "A1"}, {"id": "A2"}]


async def test_what_failed_was_not_handled() -> None:
    bench = await Bench(seen=AsyncSeenInMemory()).ready()
    bench.errors = [ValueError()]
    assert await bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert await bench.consumer.process(bench.record()) is Outcome.HANDLED


async def test_events_without_an_id_are_all_new() -> None:
    bench = await Bench(seen=AsyncSeenInMemory()).ready()
    value = bench.record().value
    assert [await bench.consumer.process(Record(value)) for _ in range(2)] == [Outcome.HANDLED] * 2


async def test_many_at_once_handle_one_event_once() -> None:
    bench = await Bench(seen=AsyncSeenInMemory(), retries=PATIENT).ready()
    started = []

    async def handle(event: Event) -> None:
        started.append(event)
        await sleep(0.02)

    consumer = AsyncConsumer(
        bench.orders, handle, name="n", quarantine=bench.poison.append, seen=AsyncSeenInMemory(), retries=PATIENT
    )
    record = bench.record()
    await bench.orders.decode(record.value)
    outcomes = await together([lambda: consumer.process(record) for _ in range(8)])
    assert sorted(outcomes) == [*[Outcome.DUPLICATE] * 7, Outcome.HANDLED]
    assert len(started) == 1


async def test_sql_marks_and_handles_in_one_transaction(tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as setup:
        setup.execute("CREATE TABLE orders (id TEXT)")
    setup.close()
    seen = AsyncSeenInSql(lambda: sqlite3.connect(database))
    await seen.create()
    await seen.create()
    bench = await Bench().ready()
    failures: list[Exception] = [ValueError("after the insert")]

    def handle(event: Event, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO orders VALUES (?)", (event.data["id"],))
        if failures:
            raise failures.pop()

    consumer = AsyncConsumer(bench.orders, handle, name="n", quarantine=bench.poison.append, seen=seen, retries=QUICK)
    outcomes = [await consumer.process(bench.record()) for _ in range(3)]
    assert outcomes == [Outcome.QUARANTINED, Outcome.HANDLED, Outcome.DUPLICATE]
    other = AsyncConsumer(bench.orders, handle, name="m", quarantine=bench.poison.append, seen=seen, retries=QUICK)
    assert await other.process(bench.record()) is Outcome.HANDLED
    reading = sqlite3.connect(database)
    assert reading.execute("SELECT id FROM orders").fetchall() == [("A1",), ("A1",)]
    await seen.forget(older_than=-10)
    assert reading.execute("SELECT count(*) FROM tenor_seen").fetchall() == [(0,)]
    reading.close()


async def test_an_event_without_identity_is_handled_in_a_transaction_too(tmp_path: Path) -> None:
    """Stock producers write no ids: the handler gets its connection all the same, and nothing is remembered."""
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as setup:
        setup.execute("CREATE TABLE orders (id TEXT)")
    setup.close()
    seen = AsyncSeenInSql(lambda: sqlite3.connect(database))
    await seen.create()
    bench = await Bench().ready()

    def handle(event: Event, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO orders VALUES (?)", (event.data["id"],))
        if event.data["id"] == "bad":
            raise ValueError("after the insert")

    consumer = AsyncConsumer(bench.orders, handle, name="b", quarantine=bench.poison.append, seen=seen, retries=QUICK)
    outcomes = [await consumer.process(replace(bench.record(name), headers=None)) for name in ("A1", "A1", "bad")]
    assert outcomes == [Outcome.HANDLED, Outcome.HANDLED, Outcome.QUARANTINED]
    with sqlite3.connect(database) as found:
        assert found.execute("SELECT id FROM orders").fetchall() == [("A1",), ("A1",)]
        assert found.execute("SELECT count(*) FROM tenor_seen").fetchone() == (0,)
    found.close()


async def test_a_store_that_fails_loses_nothing(tmp_path: Path) -> None:
    bench = await Bench(seen=AsyncSeenInSql(lambda: sqlite3.connect(tmp_path / "no table.db"))).ready()
    with pytest.raises(Unprocessed, match="StoreFailed"):
        await bench.consumer.process(bench.record())
    assert (bench.handled, bench.poison) == ([], [])


@pytest.mark.parametrize(
    ("options", "said"), [({"table": "a; DROP TABLE b"}, "name of a table"), ({"paramstyle": "named"}, "paramstyle")]
)
async def test_sql_options_that_cannot_work_are_refused(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AsyncSeenInSql(lambda: None, **options)


async def test_a_connection_that_commits_by_itself_is_refused(tmp_path: Path) -> None:
    seen = AsyncSeenInSql(lambda: sqlite3.connect(tmp_path / "x.db", isolation_level=None))
    with pytest.raises(ValueError, match="commits by itself"):
        await seen.create()


async def test_a_claim_of_somebody_else_is_waited_for() -> None:
    class Claimed(AsyncSeenInMemory):
        busy = 3

        async def once(self, consumer: str, identity: str, work: Any) -> bool:
            self.busy -= 1
            if self.busy >= 0:
                raise RecordBusy(id=identity)
            return await super().once(consumer, identity, work)

    bench = await Bench(seen=Claimed(), retries=PATIENT).ready()
    assert await bench.consumer.process(bench.record()) is Outcome.HANDLED


async def test_a_handler_that_fails_as_its_store_does_is_still_the_handler() -> None:
    bench = await Bench(seen=AsyncSeenInMemory()).ready()
    bench.errors = [StoreFailed(reason="mine") for _ in range(3)]
    assert await bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert bench.poison[0].verdict.stage == "handler"
