"""confluent-kafka's plain clients: sending events, receiving records, a quarantine topic and dead-letter topics.

    send(producer, orders, "orders", {"order_id": "A1"}, key=b"A1")
    consumer.run(records(Consumer({…, "enable.auto.commit": False})))

Needs nothing of confluent_kafka but the objects it is given. Serialisers are in `confluent_kafka`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final

from tenor.consuming import DeadLetter, QuarantinedRecord, Record, SendDeadLetter
from tenor.integrations.headers import Pairs, destination

if TYPE_CHECKING:
    from tenor._sync.codec import Codec

_END_OF_PARTITION: Final = "_PARTITION_EOF"
_LOST: Final = {"ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS", "_NO_OFFSET", "_ASSIGNMENT_LOST"}
"""The partition is another consumer's now, which gets the records again."""


def records(
    consumer: Any, *, commit_every: float = 1.0, idle: Callable[[], bool] = lambda: True, wait: float = 0.5
) -> Generator[Record, None, None]:
    """The records of a subscribed consumer; offsets are committed by acknowledgement, at most every so often.

    The consumer must be made with `enable.auto.commit` off. `idle` is asked after `wait` seconds without a record
    whether to go on. What was acknowledged last is committed at the end. Raises KafkaException.
    """
    acknowledged: dict[tuple[str, int], Any] = {}
    last = time.monotonic()

    def commit() -> None:
        from confluent_kafka import KafkaException

        for message in acknowledged.values():
            try:
                consumer.commit(message=message, asynchronous=False)
            except KafkaException as failed:
                if failed.args[0].name() not in _LOST:
                    raise
        acknowledged.clear()

    try:
        while True:
            message = consumer.poll(wait)
            if acknowledged and time.monotonic() - last >= commit_every:
                commit()
                last = time.monotonic()
            if message is None:
                if not idle():
                    return
            elif (error := message.error()) is None:
                place = (message.topic(), message.partition())
                yield record(message, partial(acknowledged.__setitem__, place, message))
            elif error.name() != _END_OF_PARTITION and not error.retriable():
                from confluent_kafka import KafkaException

                raise KafkaException(error)
    finally:
        commit()


def record(message: Any, ack: Callable[[], Any] | None = None) -> Record:
    """A Message as a record."""
    position = {"topic": message.topic(), "partition": str(message.partition()), "offset": str(message.offset())}
    return Record(message.value(), message.headers() or [], message.key(), position, ack)


def send(
    producer: Any, codec: Codec, topic: str, event: Any, *, key: bytes | str | None = None, **metadata: Any
) -> None:
    """Validate, frame and produce an event; `poll` or `flush` tell what became of it. `metadata` are those of `encode`.

    `headers=` are the record's own, `key` is what rules see as its key (a serialiser of confluent-kafka sees none);
    `fact=` is what makes a fact unique, `partition=` and `on_delivery=` are the producer's. Raises InvalidEvent,
    BufferError, KafkaException.
    """
    more = {name: metadata.pop(name) for name in ("partition", "on_delivery") if name in metadata}
    if "fact" in metadata:
        metadata["key"] = metadata.pop("fact")
    message = codec.encode(event, record_key=key, topic=topic, **metadata)
    producer.produce(topic, value=message.value, key=key, headers=message.headers, **more)


def sender(producer: Any, timeout: float = 30.0) -> Callable[[str, bytes | None, Pairs, bytes | None], None]:
    """A function that sends one record (topic, value, headers, key) and returns when the broker has it.

    Raises KafkaException if it does not get it in time.
    """
    from confluent_kafka import KafkaError, KafkaException

    def send(topic: str, value: bytes | None, headers: Pairs, key: bytes | None) -> None:
        outcome: list[Any] = []
        producer.produce(
            topic, value=value, key=key, headers=headers, on_delivery=lambda error, _: outcome.append(error)
        )
        producer.flush(timeout)
        if not outcome or outcome[0] is not None:
            raise KafkaException(outcome[0] if outcome else KafkaError(KafkaError._TIMED_OUT))

    return send


def quarantine(producer: Any, topic: str, timeout: float = 30.0) -> Callable[[QuarantinedRecord], None]:
    """A quarantine in a topic. Let the producer be made with `acks: all`, which is its default."""
    send = sender(producer, timeout)
    return lambda poison: send(topic, poison.value, poison.headers, poison.key)


def dead_letters(producer: Any, topic: str = "", timeout: float = 30.0) -> SendDeadLetter:
    """What `Registry(dead_letters=…)` takes: letters go to the topics that rules name, or to `topic`.

    The producer is confluent_kafka's plain one, whose other messages are flushed along. Raises ValueError for a
    letter that has no topic, and KafkaException.
    """
    deliver = sender(producer, timeout)
    return lambda letter: deliver(destination(letter, topic), letter.value, letter.headers, letter.key)


def async_dead_letters(producer: Any, topic: str = "", timeout: float = 30.0) -> SendDeadLetter:
    """What `AsyncRegistry(dead_letters=…)` takes: as `dead_letters`, with a thread waiting for the broker.

    The producer is confluent_kafka's plain one: AIOProducer sends no headers, and without them a letter says nothing.
    """
    if iscoroutinefunction(getattr(producer, "produce", None)):
        raise TypeError("AIOProducer sends no headers: a dead letter needs a confluent_kafka.Producer")
    deliver = dead_letters(producer, topic, timeout)

    async def send(letter: DeadLetter) -> None:
        await asyncio.to_thread(deliver, letter)

    return send
