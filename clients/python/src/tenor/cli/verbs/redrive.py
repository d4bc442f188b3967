"""Send quarantined records again: their own bytes and headers, without the verdict, to the topic they came from.

From a file that FileQuarantine wrote, or with --topic from a quarantine topic. A record that was sent is noted (in
the file, or as an offset of the group), so that the verb may be interrupted and repeated; one that was sent when it
was interrupted is sent twice. What comes back while the verb runs waits for the next run. With --reason the group has
a name of its own: what was passed over is still there.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tenor.cli import FAILED, SAFE
from tenor.cli.output import Output, one_line
from tenor.cli.running import UsageError
from tenor.consuming import Reason, Verdict, restored, verdict_of
from tenor.consuming.dead_letters import WITHHELD
from tenor.consuming.file import FileQuarantine
from tenor.consuming.quarantine import Header
from tenor.errors import MissingExtra

GROUP: Final = "tenor-redrive"
Send = Callable[[str, "bytes | None", list[Header], "bytes | None"], None]


class _Waiting(NamedTuple):
    """A record to send, and what notes that it was."""

    value: bytes | None
    headers: list[Header]
    key: bytes | None
    verdict: Verdict
    done: Callable[[], Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="what FileQuarantine wrote")
    parser.add_argument("--topic", metavar="TOPIC", help="a quarantine topic, instead of FILE")
    parser.add_argument("--kafka", metavar="HOST:PORT", required=True, help="brokers")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="setting of librdkafka")
    parser.add_argument("--to", metavar="TOPIC", help="where to; without, the topic that each record came from")
    parser.add_argument(
        "--reason", action="append", default=[], choices=[*Reason], metavar="|".join(Reason), help="only these"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most so many")
    parser.add_argument("--group", default=GROUP, help=f"with --topic: the consumer group; default {GROUP}")
    parser.add_argument("--wait", type=float, default=10.0, metavar="SECONDS", help="with --topic: for more records")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Send."""
    if (arguments.file is None) == (arguments.topic is None):
        raise UsageError("name a FILE or a --topic, and not both")
    if arguments.file is not None and not Path(arguments.file).is_file():
        raise UsageError(f"there is no file {arguments.file}")
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError(f"--limit: {arguments.limit} is less than 1")
    settings = dict(_setting(text) for text in arguments.set) | {"bootstrap.servers": arguments.kafka}
    send = None if arguments.dry_run else _sender(settings)
    waiting = _of_file(arguments.file) if arguments.file is not None else _of_topic(arguments, settings)
    sent, unplaced, withheld = Counter[str](), 0, 0
    with output.progress("looking" if arguments.dry_run else "sending") as shown:
        try:
            for record in waiting:
                if arguments.reason and record.verdict.reason not in arguments.reason:
                    continue
                if record.verdict.content == WITHHELD:  # a dead letter that holds no event
                    withheld += 1
                    if send is not None and arguments.topic is not None:
                        record.done()
                    continue
                topic = arguments.to or record.verdict.position.get("topic") or ""
                if not topic:
                    unplaced += 1
                    if arguments.topic is not None:  # to note a later one as sent would pass over this one
                        break
                    continue
                if send is not None:
                    send(topic, record.value, restored(record.headers), record.key)
                    record.done()
                sent[topic] += 1
                shown.at(sent.total())
                if arguments.limit is not None and sent.total() >= arguments.limit:
                    break
        finally:
            if (close := getattr(waiting, "close", None)) is not None:
                close()
    document = {"sent": dict(sent), "without_topic": unplaced, "dry_run": arguments.dry_run}
    output.result(document, _lines(sent, arguments.dry_run))
    if unplaced:
        output.say(f"{unplaced} records do not tell the topic they came from: say --to")
    if withheld:
        output.say(
            f"{withheld} dead letters hold no event that could be sent, only what may be seen of one: passed over"
        )
    return FAILED if unplaced or withheld else SAFE


def _lines(sent: Counter[str], dry_run: bool) -> Iterator[str]:
    for topic, count in sorted(sent.items()):
        yield f"{'would send' if dry_run else 'sent'} {count} to {one_line(topic)}"
    if not sent:
        yield "nothing to send"


def _of_file(path: str) -> Iterator[_Waiting]:
    quarantine = FileQuarantine(path)
    for name, record in quarantine.pending():
        yield _Waiting(record.value, record.headers, record.key, record.verdict, partial(quarantine.redriven, name))


def _of_topic(arguments: argparse.Namespace, settings: dict[str, Any]) -> Iterator[_Waiting]:
    from tenor.integrations.kafka import records

    group = ".".join([arguments.group, *sorted(arguments.reason)])
    consumer = _confluent_kafka().Consumer(
        {"auto.offset.reset": "earliest", **settings, "group.id": group, "enable.auto.commit": False}
    )
    ends = _ends(consumer, arguments.topic)
    consumer.subscribe([arguments.topic])
    until = time.monotonic() + arguments.wait
    received = records(consumer, idle=lambda: time.monotonic() < until, wait=min(0.5, arguments.wait))
    try:
        for record in received:
            if int(record.position["offset"]) >= ends.get(record.position["partition"], 0):
                if time.monotonic() >= until:
                    return
                continue  # it came meanwhile, and may be one that was just sent: unnoted, the next run finds it
            until = time.monotonic() + arguments.wait
            headers: list[Header] = [*(record.headers or ())]
            verdict = verdict_of(headers) or Verdict("")
            done = record.ack if record.ack is not None and not arguments.dry_run else (lambda: None)
            yield _Waiting(record.value, headers, record.key, verdict, done)
            if not arguments.dry_run and arguments.reason and verdict.reason not in arguments.reason:
                done()  # passed over by a group of its own
    finally:
        received.close()
        consumer.close()


def _ends(consumer: Any, topic: str) -> dict[str, int]:
    """Where each partition ends now: what poison comes back meanwhile is not sent round and round."""
    from confluent_kafka import TopicPartition

    numbers = consumer.list_topics(topic, timeout=10.0).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in numbers]
    return {str(place.partition): consumer.get_watermark_offsets(place, timeout=10.0)[1] for place in places}


def _sender(settings: dict[str, Any]) -> Send:
    from tenor.integrations.kafka import sender

    return sender(_confluent_kafka().Producer({"message.timeout.ms": "30000", **settings}))


def _confluent_kafka() -> Any:
    try:
        import confluent_kafka
    except ModuleNotFoundError as error:
        raise MissingExtra(purpose="a re-drive", package="confluent-kafka", extra="confluent") from error
    return confluent_kafka


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set: '{text}' is not NAME=VALUE")
    return name, value
