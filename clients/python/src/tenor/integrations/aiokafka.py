"""aiokafka: sending events, receiving records, a quarantine topic and dead-letter topics.

    await send(producer, orders, "orders", {"order_id": "A1"}, key=b"A1")
    await consumer.run(records(AIOKafkaConsumer("orders", group_id="billing", enable_auto_commit=False, …)))

aiokafka's own `value_serializer` sees neither topic nor headers, and an error in `value_deserializer` blocks the
partition for good; so events are coded outside of it. Needs nothing of aiokafka but the objects it is given.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tenor.consuming import DeadLetter, QuarantinedRecord, Record, SendDeadLetter
from tenor.integrations.headers import destination

if TYPE_CHECKING:
    from tenor._async.codec import AsyncCodec


async def send(
    producer: Any,
    codec: AsyncCodec,
    topic: str,
    event: Any,
    *,
    key: bytes | None = None,
    partition: int | None = None,
    **metadata: Any,
) -> Any:
    """Validate, frame and send an event; awaits the broker's acknowledgement. `metadata` are those of `encode`.

    `headers=` are the record's own, `key` is what rules see as its key; `metadata["key"]`, what makes a fact unique,
    is given as `fact=`. Raises InvalidEvent, and aiokafka's errors.
    """
    if "fact" in metadata:
        metadata["key"] = metadata.pop("fact")
    message = await codec.encode_when_ready(event, record_key=key, topic=topic, **metadata)
    return await producer.send_and_wait(
        topic, value=message.value, key=key, partition=partition, headers=message.headers
    )


async def records(consumer: Any, *, commit_every: float = 1.0) -> AsyncGenerator[Record, None]:
    """The records of a started consumer whose offsets are committed by acknowledgement, at most every so often.

    The consumer must be made with `enable_auto_commit=False`. What was acknowledged last is committed when the
    iterator is closed.
    """
    acknowledged: dict[Any, int] = {}
    last = time.monotonic()
    try:
        async for message in consumer:
            yield record(message, partial(acknowledged.__setitem__, _partition(message), message.offset + 1))
            if acknowledged and time.monotonic() - last >= commit_every:
                await _commit(consumer, acknowledged)
                last = time.monotonic()
    finally:
        if acknowledged:
            await _commit(consumer, acknowledged)


async def _commit(consumer: Any, acknowledged: dict[Any, int]) -> None:
    from aiokafka.errors import CommitFailedError, IllegalStateError  # type: ignore[import-untyped] # it has no stubs

    try:
        # Partitions that another consumer has now are not ours to commit: it gets their records again.
        ours = {place: offset for place, offset in acknowledged.items() if place in consumer.assignment()}
        if ours:
            await consumer.commit(ours)
    except (CommitFailedError, IllegalStateError):
        pass
    acknowledged.clear()


def record(message: Any, ack: Callable[[], Any] | None = None) -> Record:
    """A ConsumerRecord as a record."""
    position = {"topic": message.topic, "partition": str(message.partition), "offset": str(message.offset)}
    return Record(message.value, list(message.headers), message.key, position, ack)


def quarantine(producer: Any, topic: str) -> Callable[[QuarantinedRecord], Any]:
    """A quarantine in a topic. Let the producer be made with `acks="all"`."""

    async def keep(poison: QuarantinedRecord) -> None:
        headers = [(name, _bytes(value)) for name, value in poison.headers]
        await producer.send_and_wait(topic, value=poison.value, key=poison.key, headers=headers)

    return keep


def dead_letters(producer: Any, topic: str = "") -> SendDeadLetter:
    """What `AsyncRegistry(dead_letters=…)` takes: letters go to the topics that rules name, or to `topic`.

    Let the producer be made with `acks="all"`. Raises ValueError for a letter that has no topic.
    """

    async def send(letter: DeadLetter) -> None:
        headers = [(name, _bytes(value)) for name, value in letter.headers]
        await producer.send_and_wait(destination(letter, topic), value=letter.value, key=letter.key, headers=headers)

    return send


def _partition(message: Any) -> Any:
    from aiokafka import TopicPartition  # type: ignore[import-untyped] # it has no stubs

    return TopicPartition(message.topic, message.partition)


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
