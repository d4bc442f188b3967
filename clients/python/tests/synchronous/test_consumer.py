# Generated from tests/asynchronous/test_consumer.py by generate_sync.py: change that file, not this one.

"""The consume path: each event once, none lost, poison set aside. Synchronous."""

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
    Consumer,
    Event,
    Outcome,
    Record,
    Registry,
    Retries,
    Retry,
    SeenInMemory,
    SeenInSql,
)
from tenor._sync.concurrency import sleep
from tenor.consuming import QuarantinedRecord, Reason, verdict_of
from tenor.errors import RecordBusy, StoreFailed, Unprocessed

SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]})
QUICK = Retries(attempts=3, first=0.0, longest=0.0, trips=2, rest=0.02, patience=0.0)
PATIENT = Retries(attempts=2, first=0.0, longest=0.0, trips=2, rest=0.02, patience=10.0)
SECRET = "4111-1111-1111-1111"


class Bench:
    """A consumer, and everything that happens around it."""

    def __init__(self, **options: Any) -> None:
        self.fake = FakeRegistry()
        self.fake.add("orders", SCHEMA)
        http = httpx.Client(transport=httpx.MockTransport(self.fake))
        self.registry = Registry("http://registry.test", http=http, retry=Retry(rounds=1))
        self.handled: list[Any] = []
        self.poison: list[QuarantinedRecord] = []
        self.errors: list[Exception] = []
        self.options = options

    def ready(self) -> Bench:
        orders = self.registry.events("orders")
        options = {"name": "billing", "quarantine": self.poison.append, "retries": QUICK, **self.options}
        self.orders, self.consumer = orders, Consumer(orders, self.handle, **options)
        return self

    def handle(self, event: Event, *transaction: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.handled.append(event.data)

    def record(self, name: str = "A1", **position: str) -> Record:
        message = self.orders.encode({"id": name}, key=name)
        return Record(message.value, message.headers, b"k", position or {"topic": "orders", "offset": "7"})


def test_an_event_is_handled() -> None:
    bench = Bench().ready()
    assert bench.consumer.process(bench.record()) is Outcome.HANDLED
    assert bench.consumer.process(Record(None)) is Outcome.HANDLED
    assert bench.handled == [{"id": "A1"}, None]


def test_a_handler_may_be_a_coroutine_function() -> None:
    bench = Bench().ready()

    def handle(event: Event) -> None:
        sleep(0)
        bench.handled.append(event.data)

    consumer = Consumer(bench.orders, handle, name="billing", quarantine=bench.poison.append)
    assert consumer.process(bench.record()) is Outcome.HANDLED
    assert bench.handled == [{"id": "A1"}]


def test_records_are_acknowledged_after_they_came_to_an_end() -> None:
    bench = Bench().ready()
    acknowledged: list[int] = []

    def records() -> Any:
        for number in range(3):
            value = b"nonsense" if number == 1 else bench.record().value
            yield Record(value, ack=lambda number=number: acknowledged.append(number))

    bench.consumer.run(records())
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
def test_poison_goes_to_quarantine_as_it_is(value: bytes, reason: Reason, kind: str) -> None:
    bench = Bench().ready()
    headers = [("ce_id", b"1"), ("twice", b"a"), ("twice", b"b"), ("text", "t"), ("none", None)]
    record = Record(value, headers, b"key", {"topic": "orders", "partition": "3", "offset": "17"})
    assert bench.consumer.process(record) is Outcome.QUARANTINED
    [poison] = bench.poison
    assert (poison.value, poison.key, poison.headers[: len(headers)]) == (value, b"key", headers)
    found = verdict_of(poison.headers)
    assert found == poison.verdict
    assert (found.reason, found.error, found.stage, found.attempts) == (reason, kind, "decode", 1)
    assert (found.consumer, dict(found.position)) == ("billing", dict(record.position))
    assert found.rule


def test_headers_that_can_be_read_once_are_all_set_aside() -> None:
    bench = Bench(seen=SeenInMemory()).ready()
    bench.errors = [ConnectionError(), ConnectionError(), ValueError()]
    message = bench.orders.encode({"id": "A1"})
    assert bench.consumer.process(Record(message.value, iter(message.headers))) is Outcome.QUARANTINED
    assert bench.poison[0].headers[: len(message.headers)] == message.headers
    assert bench.poison[0].verdict.attempts == 3


def test_a_store_that_cannot_work_stops_the_consumer(tmp_path: Path) -> None:
    wrong = SeenInSql(lambda: sqlite3.connect(tmp_path / "x.db", isolation_level=None))
    bench = Bench(seen=wrong, retries=PATIENT).ready()
    with pytest.raises(Unprocessed, match="store: ValueError"):
        bench.consumer.process(bench.record())
    assert (bench.handled, bench.poison) == ([], [])


def test_an_error_of_the_handler_is_poison_and_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench().ready()
    bench.errors = [ValueError(f"card {SECRET} is refused")]
    with caplog.at_level(logging.DEBUG):
        assert bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    [poison] = bench.poison
    assert (poison.verdict.reason, poison.verdict.rule, poison.verdict.stage) == ("HANDLER", "ValueError", "handler")
    assert "topic=orders offset=7" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET.encode() not in b"".join(value or b"" for _, value in poison.headers if isinstance(value, bytes))


def test_an_upcaster_that_is_not_finished_is_told_apart() -> None:
    def upcast(event: Event) -> Event:
        raise KeyError("no plan")

    bench = Bench(upcast=upcast).ready()
    assert bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert (bench.poison[0].verdict.reason, bench.poison[0].verdict.stage) == ("UPCAST_TODO", "upcast")


def test_the_handler_gets_what_the_upcaster_made() -> None:
    def upcast(event: Event) -> Event:
        return Event({**event.data, "v": 2}, event.schema)

    bench = Bench(upcast=upcast).ready()
    bench.consumer.process(bench.record())
    assert bench.handled == [{"id": "A1", "v": 2}]


def test_when_the_quarantine_fails_the_record_is_not_acknowledged() -> None:
    calls = []

    def full(poison: QuarantinedRecord) -> None:
        calls.append(poison)
        raise OSError("no space left")

    bench = Bench(quarantine=full).ready()
    with pytest.raises(Unprocessed, match=r"the record at topic=t|The record at topic=t.*the quarantine failed"):
        bench.consumer.process(Record(b"nonsense", position={"topic": "t"}))
    assert len(calls) == QUICK.attempts


# --- what may pass ----------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again() -> None:
    bench = Bench().ready()
    bench.errors = [ConnectionError(), TimeoutError()]
    assert bench.consumer.process(bench.record()) is Outcome.HANDLED
    assert (bench.handled, bench.poison) == ([{"id": "A1"}], [])


def test_retries_and_giving_up_quote_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(passing=(RuntimeError,), retries=replace(QUICK, trips=1)).ready()
    bench.errors = [RuntimeError(SECRET) for _ in range(QUICK.attempts)]
    with caplog.at_level(logging.DEBUG), pytest.raises(Unprocessed) as raised:
        bench.consumer.process(bench.record())
    assert "handler: RuntimeError" in str(raised.value)
    assert SECRET not in caplog.text + str(raised.value)
    assert caplog.records  # stamina tells of retries


def test_what_is_no_passing_trouble_is_tried_once() -> None:
    bench = Bench().ready()
    bench.errors = [ValueError(), ValueError()]
    bench.consumer.process(bench.record())
    assert (len(bench.errors), bench.poison[0].verdict.attempts) == (1, 1)


def test_one_record_that_keeps_failing_is_set_aside() -> None:
    bench = Bench().ready()
    bench.errors = [ConnectionError() for _ in range(QUICK.attempts)]
    assert bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert bench.poison[0].verdict.attempts == QUICK.attempts
    assert bench.consumer.process(bench.record("A2")) is Outcome.HANDLED


def test_when_records_in_a_row_fail_the_circuit_opens_and_the_topic_is_not_emptied() -> None:
    bench = Bench().ready()
    bench.errors = [ConnectionError() for _ in range(100)]
    outcomes: list[Any] = []
    for number in range(6):
        try:
            outcomes.append(bench.consumer.process(bench.record(f"A{number}")))
        except Unprocessed:
            outcomes.append(None)
    assert outcomes == [Outcome.QUARANTINED, *[None] * 5]
    left = len(bench.errors)
    with pytest.raises(Unprocessed):
        bench.consumer.process(bench.record())
    assert len(bench.errors) == left  # nobody was asked while the circuit is open
    bench.errors = []
    sleep(0.03)
    assert bench.consumer.process(bench.record()) is Outcome.HANDLED


def test_a_patient_consumer_waits_until_it_is_over() -> None:
    bench = Bench(retries=PATIENT).ready()
    bench.errors = [ConnectionError() for _ in range(9)]
    outcomes = [bench.consumer.process(bench.record(f"A{number}")) for number in range(4)]
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
def test_a_registry_that_is_away_makes_nothing_poison(failure: Any) -> None:
    bench = Bench().ready()
    bench.fake.failures = [failure] * 1000
    for _ in range(4):
        with pytest.raises(Unprocessed, match="decode"):
            bench.consumer.process(bench.record())
        sleep(0.03)
    assert (bench.poison, bench.handled) == ([], [])
    bench.fake.failures = []
    assert bench.consumer.process(bench.record()) is Outcome.HANDLED


def test_a_registry_that_refuses_the_consumer_stops_it_at_once() -> None:
    bench = Bench(retries=PATIENT).ready()
    bench.fake.failures = [error(401, 40101, "who are you?")] * 10
    with pytest.raises(Unprocessed, match="Unauthenticated"):
        bench.consumer.process(bench.record())
    assert bench.poison == []


def test_a_registry_that_goes_away_in_the_middle_stops_only_what_is_new() -> None:
    bench = Bench().ready()
    bench.consumer.process(bench.record())
    bench.fake.failures = [httpx.ConnectError("gone")] * 1000
    assert bench.consumer.process(bench.record("A2")) is Outcome.HANDLED
    with pytest.raises(Unprocessed):
        bench.consumer.process(Record(b"\x00\x00\x00\x00\x07\x04A1"))


# --- each event once -------------------------------------------------------------------------------------------


def test_an_event_that_comes_again_is_handled_once() -> None:
    bench = Bench(seen=SeenInMemory()).ready()
    outcomes = [bench.consumer.process(bench.record(name)) for name in ("A1", "A2", "A1")]
    assert outcomes == [Outcome.HANDLED, Outcome.HANDLED, Outcome.DUPLICATE]
    assert bench.handled == [{"id": "A1"}, {"id": "A2"}]


def test_what_failed_was_not_handled() -> None:
    bench = Bench(seen=SeenInMemory()).ready()
    bench.errors = [ValueError()]
    assert bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert bench.consumer.process(bench.record()) is Outcome.HANDLED


def test_events_without_an_id_are_all_new() -> None:
    bench = Bench(seen=SeenInMemory()).ready()
    value = bench.record().value
    assert [bench.consumer.process(Record(value)) for _ in range(2)] == [Outcome.HANDLED] * 2


def test_many_at_once_handle_one_event_once() -> None:
    bench = Bench(seen=SeenInMemory(), retries=PATIENT).ready()
    started = []

    def handle(event: Event) -> None:
        started.append(event)
        sleep(0.02)

    consumer = Consumer(
        bench.orders, handle, name="n", quarantine=bench.poison.append, seen=SeenInMemory(), retries=PATIENT
    )
    record = bench.record()
    bench.orders.decode(record.value)
    outcomes = together([lambda: consumer.process(record) for _ in range(8)])
    assert sorted(outcomes) == [*[Outcome.DUPLICATE] * 7, Outcome.HANDLED]
    assert len(started) == 1


def test_sql_marks_and_handles_in_one_transaction(tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as setup:
        setup.execute("CREATE TABLE orders (id TEXT)")
    setup.close()
    seen = SeenInSql(lambda: sqlite3.connect(database))
    seen.create()
    seen.create()
    bench = Bench().ready()
    failures: list[Exception] = [ValueError("after the insert")]

    def handle(event: Event, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO orders VALUES (?)", (event.data["id"],))
        if failures:
            raise failures.pop()

    consumer = Consumer(bench.orders, handle, name="n", quarantine=bench.poison.append, seen=seen, retries=QUICK)
    outcomes = [consumer.process(bench.record()) for _ in range(3)]
    assert outcomes == [Outcome.QUARANTINED, Outcome.HANDLED, Outcome.DUPLICATE]
    other = Consumer(bench.orders, handle, name="m", quarantine=bench.poison.append, seen=seen, retries=QUICK)
    assert other.process(bench.record()) is Outcome.HANDLED
    reading = sqlite3.connect(database)
    assert reading.execute("SELECT id FROM orders").fetchall() == [("A1",), ("A1",)]
    seen.forget(older_than=-10)
    assert reading.execute("SELECT count(*) FROM tenor_seen").fetchall() == [(0,)]
    reading.close()


def test_an_event_without_identity_is_handled_in_a_transaction_too(tmp_path: Path) -> None:
    """Stock producers write no ids: the handler gets its connection all the same, and nothing is remembered."""
    database = tmp_path / "shop.db"
    with sqlite3.connect(database) as setup:
        setup.execute("CREATE TABLE orders (id TEXT)")
    setup.close()
    seen = SeenInSql(lambda: sqlite3.connect(database))
    seen.create()
    bench = Bench().ready()

    def handle(event: Event, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO orders VALUES (?)", (event.data["id"],))
        if event.data["id"] == "bad":
            raise ValueError("after the insert")

    consumer = Consumer(bench.orders, handle, name="b", quarantine=bench.poison.append, seen=seen, retries=QUICK)
    outcomes = [consumer.process(replace(bench.record(name), headers=None)) for name in ("A1", "A1", "bad")]
    assert outcomes == [Outcome.HANDLED, Outcome.HANDLED, Outcome.QUARANTINED]
    with sqlite3.connect(database) as found:
        assert found.execute("SELECT id FROM orders").fetchall() == [("A1",), ("A1",)]
        assert found.execute("SELECT count(*) FROM tenor_seen").fetchone() == (0,)
    found.close()


def test_a_store_that_fails_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(seen=SeenInSql(lambda: sqlite3.connect(tmp_path / "no table.db"))).ready()
    with pytest.raises(Unprocessed, match="StoreFailed"):
        bench.consumer.process(bench.record())
    assert (bench.handled, bench.poison) == ([], [])


@pytest.mark.parametrize(
    ("options", "said"), [({"table": "a; DROP TABLE b"}, "name of a table"), ({"paramstyle": "named"}, "paramstyle")]
)
def test_sql_options_that_cannot_work_are_refused(options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SeenInSql(lambda: None, **options)


def test_a_connection_that_commits_by_itself_is_refused(tmp_path: Path) -> None:
    seen = SeenInSql(lambda: sqlite3.connect(tmp_path / "x.db", isolation_level=None))
    with pytest.raises(ValueError, match="commits by itself"):
        seen.create()


def test_a_claim_of_somebody_else_is_waited_for() -> None:
    class Claimed(SeenInMemory):
        busy = 3

        def once(self, consumer: str, identity: str, work: Any) -> bool:
            self.busy -= 1
            if self.busy >= 0:
                raise RecordBusy(id=identity)
            return super().once(consumer, identity, work)

    bench = Bench(seen=Claimed(), retries=PATIENT).ready()
    assert bench.consumer.process(bench.record()) is Outcome.HANDLED


def test_a_handler_that_fails_as_its_store_does_is_still_the_handler() -> None:
    bench = Bench(seen=SeenInMemory()).ready()
    bench.errors = [StoreFailed(reason="mine") for _ in range(3)]
    assert bench.consumer.process(bench.record()) is Outcome.QUARANTINED
    assert bench.poison[0].verdict.stage == "handler"
