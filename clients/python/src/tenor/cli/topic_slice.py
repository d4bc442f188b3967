"""A slice of a Kafka topic as old events: decoded by the registry, and brought up to a version by its proven plans."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from tenor.cli.plan_file import Read
from tenor.cli.running import UsageError
from tenor.errors import TenorError

if TYPE_CHECKING:
    from tenor import Registry

_SECONDS: Final = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which slice."""
    parser.add_argument("--kafka", metavar="HOST:PORT", help="instead of FILE: brokers, separated by commas")
    parser.add_argument("--topic", help="the topic to read")
    parser.add_argument("--subject", help="its subject; default TOPIC-value")
    parser.add_argument("--as-version", type=int, metavar="N", help="the version that the handler was written for")
    parser.add_argument("--partition", type=int, action="append", default=[], metavar="N", help="default: all")
    parser.add_argument("--from", dest="start", type=int, default=0, metavar="OFFSET", help="default: the oldest")
    parser.add_argument("--count", type=int, metavar="N", help="of each partition; default: all that are there now")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of librdkafka")


def events(arguments: argparse.Namespace, registry: Registry) -> Iterator[Read]:
    """The events of the slice, partition by partition; nothing is committed. Raises UsageError."""
    from tenor.upcasting import Upcasting

    if not arguments.topic or arguments.as_version is None:
        raise UsageError("--kafka needs --topic and --as-version")
    subject = arguments.subject or f"{arguments.topic}-value"
    codec = registry.events(subject, version=arguments.as_version, upcast=Upcasting())
    consumer = _consumer(arguments)
    try:
        for partition in arguments.partition or _partitions(consumer, arguments.topic):
            for offset, value, headers, key in _slice(consumer, arguments, partition):
                position = {"topic": arguments.topic, "partition": str(partition), "offset": str(offset)}
                try:
                    yield Read(position, value or b"", codec.decode(value, headers, record_key=key).data)
                except TenorError as error:
                    yield Read(position, value or b"", None, error)
    finally:
        consumer.close()


def _consumer(arguments: argparse.Namespace) -> Any:
    try:
        from confluent_kafka import Consumer
    except ImportError as error:
        raise UsageError("--kafka needs the package confluent-kafka (pip install tenor[confluent])") from error
    settings = {
        "bootstrap.servers": arguments.kafka,
        "group.id": "tenor-replay",
        "enable.auto.commit": False,
        "log_level": 0,
    }
    for text in arguments.set:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"--set {text}: write NAME=VALUE")
        settings[name] = value
    return Consumer(settings)


def _partitions(consumer: Any, topic: str) -> list[int]:
    from confluent_kafka import KafkaException

    try:
        found = consumer.list_topics(topic, timeout=_SECONDS).topics[topic]
    except (KafkaException, KeyError) as error:
        raise UsageError(f"--kafka: the brokers do not answer: {error}") from error
    if found.error is not None:
        raise UsageError(f"--topic {topic}: {found.error}")
    return sorted(found.partitions)


def _slice(
    consumer: Any, arguments: argparse.Namespace, partition: int
) -> Iterator[tuple[int, bytes | None, Any, bytes | None]]:
    from confluent_kafka import TopicPartition

    place = TopicPartition(arguments.topic, partition)
    low, high = consumer.get_watermark_offsets(place, timeout=_SECONDS)
    start = max(low, arguments.start)
    end = high if arguments.count is None else min(high, start + arguments.count)
    if start >= end:
        return
    consumer.assign([TopicPartition(arguments.topic, partition, start)])
    while True:
        message = consumer.poll(_SECONDS)
        if message is None:
            raise UsageError(f"--topic {arguments.topic}: partition {partition} ends before offset {end}")
        if message.error():
            raise UsageError(f"--topic {arguments.topic}: {message.error()}")
        if message.offset() >= end:
            return
        yield message.offset(), message.value(), message.headers(), message.key()
        if message.offset() == end - 1:
            return
