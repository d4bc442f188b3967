"""Transports without a broker: FastStream's own test brokers, SQS by moto, Pub/Sub attributes, headers of any kind."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import boto3
import httpx
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.serialization import MessageField, SerializationContext
from fake_keys import FakeKeys
from fake_registry import FakeRegistry
from faststream import AckPolicy, Context
from faststream.exceptions import NackMessage, RejectMessage
from faststream.kafka import KafkaBroker, TestKafkaBroker
from faststream.mqtt import MQTTBroker, TestMQTTBroker
from faststream.nats import NatsBroker, TestNatsBroker
from faststream.rabbit import RabbitBroker, TestRabbitBroker
from faststream.redis import RedisBroker, TestRedisBroker
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from sealing import KMS, PEPPER, rule, rules

import tenor
from tenor import AsyncConsumer, AsyncRegistry, AsyncSeenInMemory, Message, Retries
from tenor.compression import Compression
from tenor.consuming import QuarantinedRecord, Record
from tenor.errors import AuthenticationFailed, InvalidEvent, RecordKeyNeeded, Unencoded, Unprocessed
from tenor.integrations import aiokafka, kafka, pubsub, sqs
from tenor.integrations import headers as shapes
from tenor.integrations.confluent_kafka import AsyncDeserializer, AsyncSerializer
from tenor.integrations.faststream import Events
from tenor.integrations.headers import packed, unpacked

pytestmark = pytest.mark.anyio

SCHEMA = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]})
BROKERS = [
    (KafkaBroker, TestKafkaBroker),
    (RabbitBroker, TestRabbitBroker),
    (NatsBroker, TestNatsBroker),
    (RedisBroker, TestRedisBroker),
    (MQTTBroker, TestMQTTBroker),
]
MESSAGE = Context("message")
QUICK = Retries(attempts=2, first=0.0, longest=0.0, trips=3, rest=0.01, patience=0.0)


def codec_registry() -> AsyncRegistry:
    fake = FakeRegistry()
    fake.add("orders-value", SCHEMA)
    return AsyncRegistry("http://registry.test", http=httpx.AsyncClient(transport=httpx.MockTransport(fake)))


async def orders_codec(**options: Any) -> tenor.AsyncCodec:
    return await codec_registry().events("orders-value", **options)


# --- FastStream ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("broker_type", "test_type"), BROKERS, ids=lambda each: each.__name__)
async def test_one_middleware_and_one_decoder_fit_every_broker(broker_type: Any, test_type: Any) -> None:
    events = Events({"orders": await orders_codec()})
    broker = broker_type(middlewares=[events.middleware], decoder=events.decoder)
    got: list[Any] = []

    @broker.subscriber("orders")
    async def handle(body: Any, message: Any = MESSAGE) -> None:
        got.append((body, message.headers["ce_type"], message.body[:5]))

    @broker.subscriber("other")
    async def other(body: Any) -> None:
        got.append(body)

    async with test_type(broker):
        await broker.publish({"id": "A1"}, "orders")
        await broker.publish({"id": 7}, "other")
        with pytest.raises(InvalidEvent):
            await broker.publish({"id": 7}, "orders")
    assert got == [({"id": "A1"}, "Order", b"\x00\x00\x00\x00\x01"), {"id": 7}]


async def test_an_event_that_is_framed_already_stays_as_it_is() -> None:
    codec = await orders_codec()
    events = Events({"orders": codec})
    broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder)
    got: list[Any] = []

    @broker.subscriber("orders")
    async def handle(body: Any) -> None:
        got.append(body)

    async with TestKafkaBroker(broker):
        await broker.publish(codec.encode_value({"id": "A1"}), "orders")
        await broker.publish_batch({"id": "A2"}, {"id": "A3"}, topic="orders")
    assert got == [{"id": "A1"}, {"id": "A2"}, {"id": "A3"}]


SEALED = SCHEMA.replace('"type": "string"', '"type": "string", "confluent:tags": ["PII"]')
NOT_ENCODED = [
    (b"nonsense", Unencoded, "not framed"),
    (bytearray(b"{}"), Unencoded, "not framed"),
    (b"\0\0\0\0\x09\x04A1", Unencoded, "schema 9"),
    (b"\0\0\0\0\x01\x04A1", AuthenticationFailed, "does not open"),  # framed by hand, and not sealed
    (b"", Unencoded, "not framed"),
    ("A1", InvalidEvent, "breaks"),
]


@pytest.mark.parametrize(("body", "error", "reason"), NOT_ENCODED)
async def test_bytes_that_the_codec_did_not_write_are_not_published(body: Any, error: Any, reason: str) -> None:
    fake = FakeKeys()
    fake.add("orders-value", SEALED, ruleSet=rules(rule("SEAL")))
    fake.add("other", SCHEMA)
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    codec = await AsyncRegistry("http://registry.test", http=http, keys=tenor.Keys(kms=KMS)).events("orders-value")
    events = Events({"orders": codec})
    broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder)
    got: list[Any] = []

    @broker.subscriber("orders")
    async def handle(body: Any) -> None:
        got.append(body)

    async with TestKafkaBroker(broker):
        with pytest.raises(error, match=reason):
            await broker.publish(body, "orders")
        with pytest.raises(error):
            await broker.publish_batch(codec.encode_value({"id": "A0"}), body, topic="orders")
        await broker.publish(codec.encode_value({"id": "A1"}), "orders")
    assert got == [{"id": "A1"}]


async def beside_codec() -> tenor.AsyncCodec:
    """A codec whose rule seals for the person that a header names, and binds to the record's key."""
    fake = FakeKeys()
    one = rule("SEAL", params={"tenor.dataSubject": "header:customer-id", "tenor.bind": "key"})
    fake.add("orders-value", SEALED, ruleSet=rules(one))
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    keys = tenor.Keys(kms=KMS, pepper=PEPPER)
    return await AsyncRegistry("http://registry.test", http=http, keys=keys).events("orders-value")


async def test_faststream_hands_key_and_headers_over() -> None:
    codec = await beside_codec()
    poison: list[QuarantinedRecord] = []
    consumer = AsyncConsumer(codec, print, name="b", quarantine=poison.append, retries=QUICK)
    got: list[Any] = []
    for consumers in ({}, {"orders": consumer}):
        events = Events({"orders": codec}, consumers)
        broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder)

        @broker.subscriber("orders")
        async def handle(body: Any) -> None:
            got.append(body)

        async with TestKafkaBroker(broker):
            await broker.publish({"id": "A1"}, "orders", key=b"k", headers={"customer-id": "c1"})
            with pytest.raises(InvalidEvent, match="nobody"):
                await broker.publish({"id": "A1"}, "orders", key=b"k")
            with pytest.raises(RecordKeyNeeded):
                await broker.publish({"id": "A1"}, "orders", headers={"customer-id": "c1"})
            encoded = await codec.encode_when_ready({"id": "A2"}, record_key=b"k", headers={"customer-id": "c1"})
            with pytest.raises(AuthenticationFailed):
                await broker.publish(encoded.value, "orders", key=b"other")
            await broker.publish(encoded.value, "orders", key=b"k")
    assert got == [{"id": "A1"}, {"id": "A2"}] * 2
    assert poison == []


async def test_aiokafka_hands_key_and_headers_over() -> None:
    codec = await beside_codec()
    sent: list[Any] = []

    async def take(topic: str, **record: Any) -> None:
        sent.append(SimpleNamespace(topic=topic, offset=len(sent), **record))

    producer = SimpleNamespace(send_and_wait=take)
    await aiokafka.send(producer, codec, "orders", {"id": "A1"}, key=b"k", headers={"customer-id": "c1"})
    with pytest.raises(InvalidEvent, match="nobody"):
        await aiokafka.send(producer, codec, "orders", {"id": "A1"}, key=b"k")
    with pytest.raises(RecordKeyNeeded):
        await aiokafka.send(producer, codec, "orders", {"id": "A1"}, headers={"customer-id": "c1"})
    got: list[Any] = []
    poison: list[QuarantinedRecord] = []
    consumer = AsyncConsumer(
        codec, lambda event: got.append(event.data), name="b", quarantine=poison.append, retries=QUICK
    )
    (one,) = sent
    await consumer.process(aiokafka.record(one))
    one.key = b"other"
    await consumer.process(aiokafka.record(one))
    assert (got, [each.verdict.reason for each in poison]) == ([{"id": "A1"}], ["AUTH_FAILED"])


async def test_serialisers_are_told_the_key_by_a_function() -> None:
    fake = FakeKeys()
    fake.add("orders-value", SEALED, ruleSet=rules(rule("SEAL", params={"tenor.bind": "key"})))
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    registry = AsyncRegistry("http://registry.test", http=http, keys=tenor.Keys(kms=KMS))
    place = SerializationContext("orders", MessageField.VALUE)
    told = AsyncSerializer(registry, naming="topic", key_of=lambda event, ctx: event["id"].encode())
    value = await told({"id": "A1"}, place)
    codec = await registry.events("orders-value")
    assert (await codec.decode(value, record_key=b"A1")).data == {"id": "A1"}
    with pytest.raises(RecordKeyNeeded):
        await AsyncSerializer(registry, naming="topic")({"id": "A1"}, place)
    with pytest.raises(RecordKeyNeeded):  # a deserialiser is told no key: records and a consumer are
        await AsyncDeserializer(registry, naming="topic")(value, place)


@pytest.mark.parametrize("naming", ["record", "topic-record"])
@pytest.mark.parametrize("conf", [None, {"use.latest.version": True}])
async def test_a_deserialiser_finds_the_keys_of_subjects_that_are_named_by_record(naming: str, conf: Any) -> None:
    fake = FakeKeys()
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    registry = AsyncRegistry("http://registry.test", http=http, keys=tenor.Keys(kms=KMS))
    place = SerializationContext("orders", MessageField.VALUE)
    reads = AsyncDeserializer(registry, conf=conf, naming=naming)
    for name in ("One", "Two"):
        text = SEALED.replace('"Order"', f'"{name}"')
        assert text != SEALED
        fake.add({"record": name, "topic-record": f"orders-{name}"}[naming], text, ruleSet=rules(rule("SEAL")))
        value = await AsyncSerializer(registry, text, conf={"use.latest.version": True}, naming=naming)(
            {"id": name}, place
        )
        assert name.encode() not in (value or b"")
        assert await reads(value, place) == {"id": name}


OPEN_SIDES = [{"mode": "WRITE", "onFailure": "ERROR"}, {"onFailure": "ERROR,NONE", "type": "ENCRYPT"}]


@pytest.mark.parametrize("side", OPEN_SIDES, ids=str)
async def test_bytes_that_nobody_can_vouch_for_are_not_published(side: Any) -> None:
    fake = FakeKeys()
    fake.add("orders-value", SEALED, ruleSet=rules({**rule("SEAL"), **side}))
    http = httpx.AsyncClient(transport=httpx.MockTransport(fake))
    codec = await AsyncRegistry("http://registry.test", http=http, keys=tenor.Keys(kms=KMS)).events("orders-value")
    value = codec.encode_value({"id": "A1"})
    assert value is not None
    with pytest.raises(Unencoded, match="what is not sealed"):
        await codec.require_encoded(value)


async def test_no_adapter_lets_bytes_pass_in_place_of_an_event() -> None:
    codec = await orders_codec()
    sent: list[Any] = []

    async def take(*given: Any, **named: Any) -> None:
        sent.append((given, named))

    for body in (b"nonsense", codec.encode_value({"id": "A1"}), "text"):
        with pytest.raises(InvalidEvent):
            await aiokafka.send(SimpleNamespace(send_and_wait=take), codec, "orders", body)
        with pytest.raises(InvalidEvent):
            await AsyncSerializer(codec_registry(), naming="topic")(
                body, SerializationContext("orders", MessageField.VALUE)
            )
        carriers: list[Any] = [sqs.to_sqs, pubsub.to_pubsub]
        for carry in carriers:  # they take what `encode` gives, and nothing else
            with pytest.raises(AttributeError):
                carry(body)
    assert sent == []


STEERING = {"__value_schema_id": b"\x01" + bytes(16), "__rule.name": b"seal", "Content-Encoding": b"zstd"}


@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
@pytest.mark.parametrize("kind", [list, dict])
async def test_a_serialiser_does_not_pass_on_how_its_input_was_to_be_read(framing: str, kind: Any) -> None:
    given: Any = {**STEERING, "x": b"mine", "ce_source": b"/theirs"}
    context = SerializationContext("orders", MessageField.VALUE, list(given.items()) if kind is list else given)
    value = await AsyncSerializer(codec_registry(), naming="topic", framing=framing)({"id": "A-long-one"}, context)
    headers = dict(context.headers)
    steered = {name: headers.get(name) for name in STEERING}
    assert steered.pop("__value_schema_id") != STEERING["__value_schema_id"]
    assert set(steered.values()) == {None}
    assert (headers["x"], headers["ce_source"]) == (b"mine", b"/theirs")
    codec = await codec_registry().events("orders-value")
    assert (await codec.decode(value, context.headers)).data == {"id": "A-long-one"}


async def test_faststream_does_not_pass_on_how_its_input_was_to_be_read() -> None:
    events, got = Events({"orders": await orders_codec(compression=Compression("zstd"))}), list[Any]()
    broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder)

    @broker.subscriber("orders")
    async def handle(body: dict[str, Any]) -> None:
        got.append(body)

    steering = {name: value.decode("latin-1") for name, value in STEERING.items()}
    async with TestKafkaBroker(broker):
        await broker.publish({"id": "A1"}, "orders", headers={**steering, "x": "mine"})
    assert got == [{"id": "A1"}]


async def test_a_batch_of_which_some_would_be_compressed_is_not() -> None:
    codec = await orders_codec(compression=Compression("zstd", least=100))
    events, got = Events({"orders": codec}), list[Any]()
    broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder)

    @broker.subscriber("orders")
    async def handle(body: dict[str, Any]) -> None:
        got.append(body)

    large, small = {"id": "A" * 500}, {"id": "A1"}
    batches: list[tuple[list[Any], list[Any]]] = [
        ([large, small], [large, small]),
        ([codec.encode_value(small), large], [small, large]),
        ([large, large], [large, large]),
    ]
    async with TestKafkaBroker(broker):
        for bodies, events_in in batches:
            got.clear()
            await broker.publish_batch(*bodies, topic="orders")
            assert got == events_in


async def test_text_headers_carry_no_guid() -> None:
    events = Events({"orders": await orders_codec(framing="guid-header")})
    broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder)
    broker.subscriber("orders")(lambda body: None)
    async with TestKafkaBroker(broker):
        with pytest.raises(ValueError, match="id-prefix"):
            await broker.publish({"id": "A-long-one"}, "orders")


async def consumed(handle: Any, published: list[Any], **options: Any) -> list[QuarantinedRecord]:
    """What a consumer behind FastStream sets aside."""
    codec = await orders_codec()
    poison: list[QuarantinedRecord] = []
    options = {"name": "billing", "quarantine": poison.append, "retries": QUICK, **options}
    events = Events({}, {"orders": AsyncConsumer(codec, print, **options)})  # no codec: poison gets out
    broker = KafkaBroker(middlewares=[events.middleware], decoder=events.decoder, parser=events.parser)
    broker.subscriber("orders", ack_policy=AckPolicy.NACK_ON_ERROR)(handle)
    async with TestKafkaBroker(broker):
        for body, headers in published:
            await broker.publish(
                body if isinstance(body, bytes) else codec.encode_value(body), "orders", headers=headers
            )
    return poison


async def test_a_consumer_behind_faststream_handles_once_and_sets_poison_aside() -> None:
    got: list[Any] = []

    async def handle(body: Any) -> None:
        got.append(body)
        if body["id"] == "A3":
            raise ValueError("no")

    once = ({"id": "A1"}, {"ce_id": "1"})
    poison = await consumed(
        handle, [once, once, (b"nonsense", {}), ({"id": "A3"}, {"ce_id": "3"})], seen=AsyncSeenInMemory()
    )
    assert got == [{"id": "A1"}, {"id": "A3"}]
    assert [(each.value, each.verdict.reason) for each in poison] == [
        (b"nonsense", "FRAMING"),
        (poison[1].value, "HANDLER"),
    ]
    assert poison[0].verdict.position["place"] == "orders"


@pytest.mark.parametrize("signal", [NackMessage(), RejectMessage()], ids=lambda signal: type(signal).__name__)
async def test_signals_of_faststream_are_no_poison(signal: Exception) -> None:
    calls = []

    async def handle(body: Any) -> None:
        calls.append(body)
        raise signal

    assert await consumed(handle, [({"id": "A1"}, {})]) == []
    assert len(calls) == 1


async def test_what_may_not_be_acknowledged_is_raised_to_faststream() -> None:
    def full(poison: QuarantinedRecord) -> None:
        raise OSError("no space left")

    async def handle(body: Any) -> None: ...

    with pytest.raises(Unprocessed):
        await consumed(handle, [(b"nonsense", {})], quarantine=full)


async def test_a_header_that_is_no_text_does_not_stop_the_parser() -> None:
    raw = SimpleNamespace(headers=(("__value_schema_id", b"\x01" + b"\xff" * 16), ("a", b"b"), ("none", None)))
    seen = shapes.readable(raw)
    assert {name: value.decode() for name, value in seen.headers}["a"] == "b"
    assert dict(seen.headers)["__value_schema_id"].decode() == "\x01" + "\xff" * 16
    assert raw.headers[2] == ("none", None)
    assert shapes.readable(seen) is seen
    assert tenor.wire.schema_header({name: value.decode() for name, value in seen.headers}) == raw.headers[0][1]


# --- Kafka: what a rebalance takes away ------------------------------------------------------------------------


class Assigned:
    """A consumer of aiokafka that loses a partition, and whose commits may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.committed: list[Any] = []
        self.error = error

    async def __aiter__(self) -> Any:
        for partition in (0, 1):
            yield SimpleNamespace(topic="t", partition=partition, offset=7, headers=(), key=None, value=b"v")

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("t", 1)}

    async def commit(self, offsets: Any) -> None:
        if self.error is not None:
            raise self.error
        self.committed.append(offsets)


@pytest.mark.parametrize("error", [None, CommitFailedError()], ids=repr)
async def test_partitions_that_are_lost_are_not_committed(error: Exception | None) -> None:
    consumer = Assigned(error)
    async for record in aiokafka.records(consumer):
        assert record.ack is not None
        record.ack()
    assert consumer.committed == ([] if error else [{TopicPartition("t", 1): 8}])


@pytest.mark.parametrize(
    ("code", "raises"), [(KafkaError.ILLEGAL_GENERATION, False), (KafkaError._AUTHENTICATION, True)]
)
def test_a_commit_that_comes_too_late_is_no_error(code: int, raises: bool) -> None:
    def commit(**_: Any) -> None:
        raise KafkaException(KafkaError(code))

    message = SimpleNamespace(
        topic=lambda: "t",
        partition=lambda: 0,
        offset=lambda: 1,
        error=lambda: None,
        value=lambda: b"v",
        key=lambda: None,
        headers=lambda: None,
    )
    found = [message]
    polling = SimpleNamespace(poll=lambda wait: found.pop() if found else None, commit=commit)

    def run() -> None:
        for record in kafka.records(polling, idle=lambda: False):
            assert record.ack is not None
            record.ack()

    if raises:
        with pytest.raises(KafkaException):
            run()
    else:
        run()


# --- SQS and Pub/Sub -------------------------------------------------------------------------------------------

CREDENTIALS = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}


@pytest.fixture
def queue() -> Any:
    with mock_aws():
        client = boto3.client("sqs", **CREDENTIALS)
        yield client, client.create_queue(QueueName="orders")["QueueUrl"]


def received(client: Any, url: str) -> list[Any]:
    answer = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
    return list(answer.get("Messages", ()))


def message(codec: tenor.AsyncCodec, data: Any = None) -> Message:
    return codec.encode(
        data if data is not None else {"id": "A-long-one"},
        subject="s",
        correlation_id="c",
        causation_id="d",
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        tracestate="a=b",
    )


@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
async def test_sqs_carries_an_event_with_all_its_headers(queue: Any, framing: str) -> None:
    client, url = queue
    codec = await orders_codec(framing=framing)
    sent = message(codec)
    assert len(sent.headers) > 10
    client.send_message(QueueUrl=url, **sqs.to_sqs(sent))
    [got] = received(client, url)
    record = sqs.from_sqs(got)
    event = await codec.decode(record.value, record.headers)
    assert event.data == {"id": "A-long-one"}
    assert event.metadata == (await codec.decode(sent.value, sent.headers)).metadata
    assert record.position == {"message_id": got["MessageId"]}


async def test_sqs_carries_tombstones_and_what_others_wrote(queue: Any) -> None:
    client, url = queue
    client.send_message(QueueUrl=url, **sqs.to_sqs(Message(None, [("ce_id", b"1")])))
    client.send_message(QueueUrl=url, MessageBody="{not ours}")
    values = [sqs.from_sqs(each).value for each in received(client, url)]
    assert values == [None, b"{not ours}"]


async def test_sqs_quarantine_shows_its_reason_first(queue: Any) -> None:
    client, url = queue
    codec = await orders_codec()
    consumer = AsyncConsumer(codec, print, name="b", quarantine=sqs.quarantine(client, url), retries=QUICK)
    await consumer.process(Record(b"\xff", message(codec).headers, None, {"message_id": "1"}))
    [got] = received(client, url)
    assert got["MessageAttributes"]["tenor-quarantine-reason"]["StringValue"] == "FRAMING"
    record = sqs.from_sqs(got)
    verdict = tenor.consuming.verdict_of(record.headers)
    assert record.value == b"\xff"
    assert verdict is not None
    assert verdict.position == {"message_id": "1"}


async def test_a_batch_that_sqs_refuses_in_part_is_an_error(queue: Any) -> None:
    client, url = queue
    codec = await orders_codec()
    sqs.batch_sender(client, url)([message(codec) for _ in range(10)])
    assert len(received(client, url)) == 10
    failing = SimpleNamespace(send_message_batch=lambda **_: {"Failed": [{"Id": "0", "Code": "InternalError"}]})
    with pytest.raises(RuntimeError, match="refused 1 of 2 messages: InternalError"):
        sqs.batch_sender(failing, url)([message(codec)] * 2)


@pytest.mark.parametrize("framing", ["id-prefix", "guid-header"])
async def test_pubsub_carries_an_event(framing: str) -> None:
    codec = await orders_codec(framing=framing)
    sent = message(codec)
    data, attributes = pubsub.to_pubsub(sent)
    got = SimpleNamespace(data=data, attributes=attributes, message_id="7", ordering_key="k")
    record = pubsub.from_pubsub(got)
    event = await codec.decode(record.value, record.headers)
    assert (event.data, record.key, record.position) == ({"id": "A-long-one"}, b"k", {"message_id": "7"})
    assert event.metadata == (await codec.decode(sent.value, sent.headers)).metadata
    _, attributes = pubsub.to_pubsub(Message(b"", [("x", b"\xff\x00"), ("y", "ü".encode())]))
    assert attributes == {"x": "ÿ\0", "y": "ü"}
    data, attributes = pubsub.to_pubsub(Message(None, []))
    tombstone = SimpleNamespace(data=data, attributes=attributes, message_id="8")
    assert pubsub.from_pubsub(tombstone).value is None


@given(st.lists(st.tuples(st.text(min_size=1), st.binary(min_size=1)), unique_by=lambda each: each[0], max_size=15))
def test_packed_headers_come_back(given_headers: list[tuple[str, bytes]]) -> None:
    given_headers = [header for header in given_headers if header[0] != "rest"]
    few = packed(given_headers, 10, "rest")
    assert len(few) <= 10
    assert unpacked([*few.items()], "rest") == given_headers


@pytest.mark.parametrize(
    "nonsense", ["", "{}", "[1]", '[["a"]]', "[" * 10**5, b"\xff", None], ids=lambda case: repr(case)[:20]
)
def test_a_rest_that_is_none_stays_a_header(nonsense: Any) -> None:
    assert unpacked([("rest", nonsense)], "rest") == [("rest", nonsense)]


def test_integrations_load_no_broker() -> None:
    """Only FastStream's needs its package; the others take objects."""
    from test_imports import modules_after

    names = "aiokafka, kafka, sqs, pubsub, headers, places"
    loaded = modules_after(f"from tenor.integrations import {names}")
    assert not {name.partition(".")[0] for name in loaded} & {"aiokafka", "confluent_kafka", "boto3", "faststream"}
