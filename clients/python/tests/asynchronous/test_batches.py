"""Messages that travel together. Asynchronous."""

from __future__ import annotations

import threading
from asyncio import CancelledError
from collections.abc import Sequence

import pytest
from concurrency import together

from tenor import Message
from tenor._async.batches import AsyncBatches
from tenor._async.concurrency import sleep

pytestmark = pytest.mark.anyio


class Wire:
    def __init__(self, pause: float = 0.0) -> None:
        self.sent: list[list[bytes | None]] = []
        self.pause = pause
        self.error: Exception | None = None

    async def send(self, messages: Sequence[Message]) -> None:
        await sleep(self.pause)
        self.sent.append([message.value for message in messages])
        if self.error is not None:
            raise self.error

    def values(self) -> list[bytes | None]:
        return [value for batch in self.sent for value in batch]


def message(number: int, size: int = 1) -> Message:
    return Message(b"%d" % number * size, [("a", b"b")])


async def test_what_is_sent_at_once_travels_together() -> None:
    wire = Wire()
    batches = AsyncBatches(wire.send, most=8, delay=0.05)
    batches.size = 8
    await together([lambda number=number: batches.send(message(number)) for number in range(20)])
    assert sorted(int(value or b"") for value in wire.values()) == list(range(20))
    assert max(map(len, wire.sent)) > 1
    assert all(len(batch) <= 8 for batch in wire.sent)


async def test_a_message_alone_does_not_wait_for_ever() -> None:
    wire = Wire()
    batches = AsyncBatches(wire.send, delay=0.02)
    for number in range(8):
        await batches.send(message(number))
    assert wire.values() == [b"%d" % number for number in range(8)]
    assert batches.wait < 0.001  # nobody came: waiting is given up


async def test_slow_sending_makes_batches_smaller_and_full_ones_larger() -> None:
    wire = Wire(pause=0.03)
    batches = AsyncBatches(wire.send, most=16, delay=0.001, aim=0.01)
    batches.size = 8
    await together([lambda number=number: batches.send(message(number)) for number in range(8)])
    assert batches.size < 8
    wire.pause, batches.size = 0.0, 2
    await together([lambda number=number: batches.send(message(number)) for number in range(12)])
    assert batches.size > 2


async def test_bytes_bound_a_batch_and_a_large_message_goes_alone() -> None:
    wire = Wire()
    batches = AsyncBatches(wire.send, most=100, most_bytes=100, delay=0.05)
    batches.size = 100
    await together([lambda number=number: batches.send(message(number, 40)) for number in range(6)])
    await batches.send(message(7, 1000))
    assert len(wire.values()) == 7
    assert all(sum(len(value or b"") for value in batch) <= 100 or len(batch) == 1 for batch in wire.sent)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_batch_that_was_interrupted_was_not_sent() -> None:
    async def interrupted(messages: Sequence[Message]) -> None:
        raise CancelledError

    batches = AsyncBatches(interrupted, delay=0.001)
    with pytest.raises(RuntimeError, match="interrupted"):
        await batches.send(message(1))
    # A thread that ends with an error is told of when it has ended: in this test, not in the next one.
    while any(thread.name == "tenor-refresh" for thread in threading.enumerate()):
        await sleep(0.005)


async def test_whoever_was_in_a_batch_that_failed_learns_it() -> None:
    wire = Wire()
    wire.error = ConnectionError("gone")
    batches = AsyncBatches(wire.send, delay=0.02)
    batches.size = 5
    failed = []

    async def one(number: int) -> None:
        try:
            await batches.send(message(number))
        except ConnectionError as error:
            failed.append(error)

    await together([lambda number=number: one(number) for number in range(5)])
    assert len(failed) == 5
    wire.error = None
    await batches.send(message(9))


@pytest.mark.parametrize("wrong", [{"most": 0}, {"most_bytes": 0}, {"delay": -1}, {"aim": 0}], ids=repr)
async def test_a_batch_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least one message"):
        AsyncBatches(print, **wrong)
