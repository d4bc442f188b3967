"""Where dead letters go: every ready way to send them, and what never leaves again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.aio import AIOProducer
from confluent_kafka.serialization import MessageField, SerializationContext
from fake_registry import FakeRegistry
from faststream import Context
from faststream.kafka import KafkaBroker, TestKafkaBroker
from faststream.rabbit import RabbitBroker, TestRabbitBroker
from moto import mock_aws

from tenor import AsyncRegistry, Registry
from tenor.cli import main
from tenor.consuming import DeadLetter, QuarantinedRecord, verdict_of
from tenor.consuming.dead_letters import dead_letter
from tenor.consuming.file import FileQuarantine
from tenor.errors import DeadLetterFailed, RuleFailed
from tenor.integrations import aiokafka, kafka, sqs
from tenor.integrations.confluent_kafka import AsyncSerializer, Deserializer, Serializer
from tenor.integrations.faststream import Events
from tenor.integrations.faststream import dead_letters as publish
from tenor.rules.model import SEALING

pytestmark = pytest.mark.anyio

SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]})
MESSAGE = Context("message")


def fake(mode: str = "WRITE", topic: str = "dead") -> FakeRegistry:
    """A registry whose rule wants ids that begin with A."""
    made = FakeRegistry()
    rule = {
        "name": "begins",
        "kind": "CONDITION",
        "type": "CEL",
        "mode": mode,
        "expr": "message.id.startsWith('A')",
        "params": {"dlq.topic": topic} if topic else {},
        "onFailure": "DLQ" if mode != "WRITEREAD" else "DLQ,DLQ",
    }
    made.add("orders-value", SCHEMA, ruleSet={"domainRules": [rule]})
    return made


def asynchronous(letters: Any, **options: Any) -> AsyncRegistry:
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake(**options)))
    return AsyncRegistry("http://registry.test", http=http, dead_letters=letters)


def synchronous(letters: Any, **options: Any) -> Registry:
    http = httpx.Client(transport=httpx.MockTransport(fake(**options)))
    return Registry("http://registry.test", http=http, dead_letters=letters)


def told(headers: Any) -> tuple[str, str, str]:
    verdict = verdict_of(headers)
    assert verdict is not None
    return verdict.rule, verdict.position.get("topic", ""), verdict.content


async def test_aiokafka_sends_to_the_topic_of_the_rule() -> None:
    sent: list[Any] = []

    async def send_and_wait(topic: str, **record: Any) -> None:
        sent.append((topic, record))

    producer = SimpleNamespace(send_and_wait=send_and_wait)
    codec = await asynchronous(aiokafka.dead_letters(producer)).events("orders-value")
    await aiokafka.send(producer, codec, "orders", {"id": "A1"}, key=b"k", headers={"x": "y"})
    with pytest.raises(RuleFailed, match="was sent"):
        await aiokafka.send(producer, codec, "orders", {"id": "B1"}, key=b"k", headers={"x": "y"})
    assert [topic for topic, _ in sent] == ["orders", "dead"]
    assert [record["key"] for _, record in sent] == [b"k", b"k"]
    assert sent[0][1]["headers"][-1] == ("x", b"y")
    assert told(sent[1][1]["headers"]) == ("begins", "orders", "encoded")
    assert all(isinstance(value, bytes) for _, value in sent[1][1]["headers"])


async def test_a_letter_without_a_topic_needs_one() -> None:
    sent: list[str] = []

    async def send_and_wait(topic: str, **record: Any) -> None:
        sent.append(topic)

    producer = SimpleNamespace(send_and_wait=send_and_wait)
    for otherwise, error in (("", DeadLetterFailed), ("elsewhere", RuleFailed)):
        letters = aiokafka.dead_letters(producer, otherwise)
        codec = await asynchronous(letters, topic="").events("orders-value")
        with pytest.raises(error) as caught:
            await codec.encode_when_ready({"id": "B1"})
        assert type(caught.value) is error
    assert sent == ["elsewhere"]


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """librdkafka's mock cluster."""
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1, "log_level": 0})
    yield ",".join(f"{each.host}:{each.port}" for each in producer.list_topics(timeout=10).brokers.values())
    del producer


def first(brokers: str, topic: str) -> Any:
    client = Consumer({"bootstrap.servers": brokers, "group.id": "x", "auto.offset.reset": "earliest"})
    partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
    client.assign([TopicPartition(topic, number, 0) for number in partitions])
    message = client.poll(10)
    client.close()
    assert message is not None
    assert message.error() is None
    return message


async def test_confluent_kafka_sends_through_its_producer(brokers: str) -> None:
    producer = Producer({"bootstrap.servers": brokers})
    registry = synchronous(kafka.dead_letters(producer), topic="dead1")
    codec = registry.events("orders-value")
    failed: list[Any] = []
    more: dict[str, Any] = {"headers": {"x": "y"}, "fact": "A1", "on_delivery": lambda error, _: failed.append(error)}
    for _ in range(2):
        kafka.send(producer, codec, "orders1", {"id": "A1"}, key=b"k", partition=0, **more)
    producer.flush(10)
    one = first(brokers, "orders1")
    headers = dict(one.headers())
    assert (one.key(), headers["x"], failed) == (b"k", b"y", [None, None])
    assert headers["ce_id"] == codec.encode({"id": "A1"}, key="A1").header_map["ce_id"]  # one fact: one id
    with pytest.raises(RuleFailed, match="was sent"):
        kafka.send(producer, codec, "orders", {"id": "B1"}, key=b"k")
    message = first(brokers, "dead1")
    assert (message.key(), told(message.headers())) == (b"k", ("begins", "orders", "encoded"))
    waits = await asynchronous(kafka.async_dead_letters(producer), topic="dead2").events("orders-value")
    with pytest.raises(RuleFailed, match="was sent"):
        await waits.encode_when_ready({"id": "B2"})
    assert told(first(brokers, "dead2").headers()) == ("begins", "", "encoded")
    with pytest.raises(TypeError, match="no headers"):
        kafka.async_dead_letters(AIOProducer.__new__(AIOProducer))


@pytest.mark.parametrize("headers", [None, [("x", b"y")]])
async def test_serialisers_of_confluent_kafka_tell_the_topic(headers: Any) -> None:
    sent: list[DeadLetter] = []
    place = SerializationContext("orders", MessageField.VALUE, headers)
    options: Any = {"naming": "topic", "key_of": lambda event, ctx: b"k"}
    with pytest.raises(RuleFailed, match="was sent"):
        Serializer(synchronous(sent.append), **options)({"id": "B1"}, place)
    with pytest.raises(RuleFailed, match="was sent"):
        await AsyncSerializer(asynchronous(sent.append), **options)({"id": "B1"}, place)
    value = Serializer(synchronous(None, mode="READ"), **options)({"id": "B1"}, place)
    with pytest.raises(RuleFailed, match="was sent"):
        Deserializer(synchronous(sent.append, mode="READ"), naming="topic")(value, place)
    assert [told(letter.headers) for letter in sent] == [
        ("begins", "orders", "encoded"),
        ("begins", "orders", "encoded"),
        ("begins", "orders", "original"),
    ]
    assert [letter.key for letter in sent] == [b"k", b"k", None]


@pytest.mark.parametrize(
    ("broker_type", "test_type"), [(KafkaBroker, TestKafkaBroker), (RabbitBroker, TestRabbitBroker)]
)
async def test_a_broker_of_faststream_publishes_letters(broker_type: Any, test_type: Any) -> None:
    broker = broker_type()
    codec = await asynchronous(publish(broker), mode="WRITEREAD").events("orders-value")
    events = Events({"orders": codec})
    broker.add_middleware(events.middleware)
    got: list[Any] = []

    @broker.subscriber("dead")
    async def dead(body: Any, message: Any = MESSAGE) -> None:
        got.append((message.body, told(message.headers), getattr(message.raw_message, "key", None)))

    @broker.subscriber("orders", decoder=events.decoder)
    async def handle(body: Any) -> None: ...

    keyed = {"key": b"k"} if broker_type is KafkaBroker else {}
    async with test_type(broker):
        with pytest.raises(RuleFailed, match="was sent"):
            await broker.publish({"id": "B1"}, "orders", **keyed)
    ((body, verdict, key),) = got
    assert (body[:5], verdict) == (b"\0\0\0\0\x01", ("begins", "orders", "encoded"))
    assert key == (b"k" if keyed else None)


def test_a_queue_of_sqs_keeps_letters() -> None:
    with mock_aws():
        client = boto3.client(
            "sqs",
            region_name="eu-west-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",  # moto's
        )
        urls = {name: client.create_queue(QueueName=name or "rest")["QueueUrl"] for name in ("dead", "")}
        for topic in ("dead", "other"):
            with pytest.raises(RuleFailed, match="was sent"):
                synchronous(sqs.dead_letters(client, urls), topic=topic).events("orders-value").encode({"id": "B1"})
        for url in urls.values():
            (message,) = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
            assert told(sqs.from_sqs(message).headers) == ("begins", "", "encoded")
        with pytest.raises(DeadLetterFailed):
            synchronous(sqs.dead_letters(client, {})).events("orders-value").encode({"id": "B1"})


def test_a_quarantine_is_a_way_to_send_too(tmp_path: Path) -> None:
    file = FileQuarantine(tmp_path / "dead.jsonl")
    with pytest.raises(RuleFailed, match="was sent"):
        synchronous(file).events("orders-value").encode({"id": "B1"}, topic="orders", record_key="k")
    ((_, kept),) = file.pending()
    assert (type(kept), kept.key, told(kept.headers)) == (QuarantinedRecord, b"k", ("begins", "orders", "encoded"))


def test_a_coroutine_function_is_no_way_for_who_cannot_wait() -> None:
    async def send(letter: DeadLetter) -> None: ...

    with pytest.raises(TypeError, match="coroutine"):
        synchronous(send)


def test_a_letter_that_holds_no_event_is_never_sent_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = FileQuarantine(tmp_path / "q.jsonl")
    refused = RuleFailed(rule="r", type="CEL", reason="no", action="DLQ", dead_letter="dead")
    for content in ("withheld", "encoded"):
        file(dead_letter(refused, b"{}", None, None, content=content, subject="s", topic="t", time="t"))
    assert main(["redrive", str(file.path), "--kafka", "127.0.0.1:1", "--dry-run", "--to", "orders"]) == 4
    shown = capsys.readouterr()
    assert shown.out == "would send 1 to orders\n"
    assert "1 dead letters hold no event" in shown.err


@pytest.mark.parametrize("type_", sorted(SEALING))
def test_a_letter_never_names_a_rule_that_seals_to_those_who_would_skip_it(type_: str) -> None:
    refused = RuleFailed(rule="r", type=type_, reason="no", action="DLQ", mode="READ")
    letter = dead_letter(
        refused, b"", [("__rule.name", b"other")], None, content="original", subject="s", topic="", time="t"
    )
    assert letter.verdict.rule == "r"
    assert [name for name, _ in letter.headers if name.startswith("__rule.")] == [
        "__rule.mode",
        "__rule.subject",
        "__rule.exception",
    ]
