"""Look at a Kafka cluster and tell the registry how long topics keep their events, who reads them, and which schemas.

  tenor observe kafka --bootstrap localhost:9092 --topic orders

Of each topic: its retention, the time of its oldest event, the consumer groups that have an offset in it, and the
schema ids in a bounded sample of its newest events. It is kept as evidence with its age: a support window
`while_retained` is unknown without it. Nothing is written to Kafka. Needs the package confluent-kafka.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tenor.cli import SAFE, blast, told
from tenor.cli.connection import connect
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.errors import FramingError
from tenor.wire import read_head

_SECONDS: Final = 10.0
_MOST_GROUPS: Final = 100


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT", help="brokers, separated by commas")
    parser.add_argument("--topic", action="append", required=True, metavar="TOPIC", help="may be repeated")
    parser.add_argument(
        "--sample", type=int, default=100, metavar="N", help="events looked at of each topic; default 100"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of librdkafka")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Look, and tell."""
    settings = {"bootstrap.servers": arguments.bootstrap, "log_level": 0}
    for text in arguments.set:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"--set {text}: write NAME=VALUE")
        settings[name] = value
    cluster = _Cluster(settings)
    seen = []
    with output.progress("looking at topics", len(arguments.topic)) as shown:
        for name in arguments.topic:
            seen.append(cluster.topic(name, max(0, min(arguments.sample, 10_000))))
            shown.advance()
    cluster.close()
    with connect(arguments) as registry:
        kept = [registry.send(blast.topic_evidence(each["topic"], each)) for each in seen]
    output.result({"topics": kept}, _lines(seen))
    return SAFE


def _lines(seen: list[dict[str, Any]]) -> Iterator[str]:
    rows = [("TOPIC", "KEEPS", "OLDEST EVENT", "GROUPS", "SCHEMA IDS")]
    for each in seen:
        oldest = each["oldest_at"]
        rows.append(
            (
                each["topic"],
                _span(each["retention_ms"]),
                "none" if oldest is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(oldest / 1000)),
                ", ".join(each["groups"]) or "none",
                ", ".join(map(str, each["schema_ids"])) or "none",
            )
        )
    yield from told.aligned(rows)


def _span(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "not known"
    return "for ever" if milliseconds < 0 else f"{milliseconds / 3_600_000:g} h"


class _Cluster:
    """What is asked of a cluster, by confluent-kafka."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        try:
            from confluent_kafka import Consumer, KafkaException
            from confluent_kafka.admin import AdminClient
        except ImportError as error:
            raise UsageError("tenor observe kafka needs the package confluent-kafka") from error
        self._failed = KafkaException
        self._admin = AdminClient(dict(settings))
        self._consumer = Consumer({**settings, "group.id": "tenor-observe", "enable.auto.commit": False})

    def close(self) -> None:
        """Let go of the brokers."""
        self._consumer.close()

    def topic(self, name: str, sample: int) -> dict[str, Any]:
        """What is seen of a topic. Raises UsageError when it is not there or no broker answers."""
        try:
            metadata = self._admin.list_topics(name, timeout=_SECONDS).topics[name]
        except self._failed as error:
            raise UsageError(f"no broker answers: {error}") from error
        if metadata.error is not None or not metadata.partitions:
            raise UsageError(f"there is no topic '{name}'")
        oldest, ids = self._events(name, sorted(metadata.partitions), sample)
        return {
            "topic": name,
            "retention_ms": self._retention(name),
            "oldest_at": oldest,
            "groups": self._groups(name, sorted(metadata.partitions)),
            "schema_ids": ids,
            "sampled": sample,
        }

    def _retention(self, name: str) -> int | None:
        """How long a topic keeps events; -1 if it only compacts them. None where the broker does not say."""
        from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined] # exported without saying so

        resource = ConfigResource(ResourceType.TOPIC, name)
        try:
            found = self._admin.describe_configs([resource], request_timeout=_SECONDS)[resource].result(_SECONDS)
            if "delete" not in found["cleanup.policy"].value:
                return -1
            return int(found["retention.ms"].value)
        except (self._failed, KeyError, TimeoutError, ValueError):
            return None

    def _groups(self, name: str, partitions: list[int]) -> list[str]:
        """The consumer groups that have an offset in a topic."""
        from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

        found = []
        try:
            listed = self._admin.list_consumer_groups(request_timeout=_SECONDS).result(_SECONDS).valid
            for group in [each.group_id for each in listed][:_MOST_GROUPS]:
                wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(name, each) for each in partitions])
                offsets = self._admin.list_consumer_group_offsets([wanted])[group].result(_SECONDS)
                if any(each.offset >= 0 for each in offsets.topic_partitions):
                    found.append(group)
        except (self._failed, TimeoutError):
            return found  # the mock cluster, and brokers that do not permit it, tell of no groups
        return sorted(found)

    def _events(self, name: str, partitions: list[int], sample: int) -> tuple[int | None, list[int]]:
        """The time of the oldest event, and the schema ids of some of the newest."""
        from confluent_kafka import TopicPartition

        times: list[int] = []
        ids: set[int] = set()
        for partition in partitions:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(name, partition), _SECONDS)
            if high <= low:
                continue
            each = max(1, sample // len(partitions))
            for start, count in ((low, 1), (max(low, high - each), min(each, high - low))):
                self._consumer.assign([TopicPartition(name, partition, start)])
                for message in self._consumer.consume(count, _SECONDS):
                    if message.error() is not None:
                        continue
                    if start == low:
                        times.append(message.timestamp()[1])
                    ids |= _id_of(message.value())
        return min((each for each in times if each > 0), default=None), sorted(ids)


def _id_of(value: bytes | None) -> set[int]:
    if not value:
        return set()
    try:
        found = read_head(value).schema
    except FramingError:
        return set()
    return {found} if isinstance(found, int) else set()
