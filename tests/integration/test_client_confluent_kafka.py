"""Tenor's serialisers beside confluent-kafka's own: each reads what the other writes, over a mock cluster."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import DeserializingConsumer, Producer, SerializingProducer, TopicPartition
from confluent_kafka.schema_registry import (
    Schema,
    SchemaRegistryClient,
    header_schema_id_serializer,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import tenor
from tenor.integrations.confluent_kafka import AsyncDeserializer, AsyncSerializer, Deserializer, Serializer
from tests.served import served

pytestmark = pytest.mark.filterwarnings("ignore:The httpx module is deprecated")

AVRO = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [{"name": "id", "type": "string"}, {"name": "total", "type": "double", "default": 0}],
    }
)
JSON = json.dumps(
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Order",
        "type": "object",
        "properties": {"id": {"type": "string"}, "total": {"type": "number"}},
    }
)
PROTO = (
    'syntax = "proto3"; package shop; message Other { int32 x = 1; } message Order { string id = 1; double total = 2; }'
)
ORDER = {"id": "A1", "total": 9.5}


def _order_class() -> Any:
    """The generated class of the second message of PROTO, without generated code."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="tenor/client-orders.proto", package="shop", syntax="proto3")
    other = file.message_type.add(name="Other")
    other.field.add(name="x", number=1, type=kinds.TYPE_INT32, label=kinds.LABEL_OPTIONAL)
    order = file.message_type.add(name="Order")
    order.field.add(name="id", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    order.field.add(name="total", number=2, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


Order = _order_class()
KINDS = ["avro", "json", "protobuf"]
FRAMINGS = ["prefix", "header"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A served registry: the stock client wants a socket."""
    server = Path(sys.executable).with_name("tenor-server")
    folder = tmp_path_factory.mktemp("served")
    with served([server, "serve"], cwd=folder, environment={"TENOR_DATABASE_URL": "sqlite:///t.db"}) as client:
        yield str(client.base_url)


@pytest.fixture
def stock(url: str) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": url}) as opened:
        yield opened


@pytest.fixture
def registry(url: str) -> Iterator[tenor.Registry]:
    with tenor.Registry(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """A mock cluster speaks the real protocol over TCP; it lives as long as its producer."""
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1})
    metadata = producer.list_topics(timeout=10)
    yield ",".join(f"{broker.host}:{broker.port}" for broker in metadata.brokers.values())
    del producer


def ours_to_write(kind: str, registry: tenor.Registry, conf: dict[str, Any], **options: Any) -> Serializer:
    schema = {"avro": AVRO, "json": tenor.Schema(JSON, "JSON"), "protobuf": tenor.Schema(PROTO, "PROTOBUF")}[kind]
    message: dict[str, Any] = {"message": "shop.Order"} if kind == "protobuf" else {}
    return Serializer(registry, schema, None, conf, **message, **options)


def stocks_to_write(kind: str, client: SchemaRegistryClient, conf: dict[str, Any]) -> Any:
    if kind == "avro":
        return AvroSerializer(client, AVRO, conf=conf)
    if kind == "json":
        return JSONSerializer(JSON, client, conf=conf)
    return ProtobufSerializer(Order, client, conf=conf)


def stocks_to_read(kind: str, client: SchemaRegistryClient) -> Any:
    if kind == "avro":
        return AvroDeserializer(client)
    if kind == "json":
        return JSONDeserializer(None, schema_registry_client=client)
    return ProtobufDeserializer(Order, schema_registry_client=client)


def framing_conf(framing: str) -> dict[str, Any]:
    return {"schema.id.serializer": header_schema_id_serializer} if framing == "header" else {}


def context(topic: str, headers: Any = None, field: MessageField = MessageField.VALUE) -> SerializationContext:
    return SerializationContext(topic, field, headers)


def plain(event: Any) -> Any:
    return event if isinstance(event, dict) else {"id": event.id, "total": event.total}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_stock_clients_read_what_tenor_writes(
    registry: tenor.Registry, stock: SchemaRegistryClient, kind: str, framing: str
) -> None:
    topic = f"ours-{kind}-{framing}"
    headers: list[tuple[str, bytes]] = []
    value = ours_to_write(kind, registry, framing_conf(framing))(ORDER, context(topic, headers))
    assert ("__value_schema_id" in dict(headers)) is (framing == "header")
    assert plain(stocks_to_read(kind, stock)(value, context(topic, headers))) == ORDER


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_tenor_reads_what_stock_clients_write(
    registry: tenor.Registry, stock: SchemaRegistryClient, kind: str, framing: str
) -> None:
    topic = f"theirs-{kind}-{framing}"
    headers: list[tuple[str, bytes]] = []
    event = Order(**ORDER) if kind == "protobuf" else dict(ORDER)
    value = stocks_to_write(kind, stock, framing_conf(framing))(event, context(topic, headers))
    assert Deserializer(registry)(value, context(topic, headers)) == ORDER
    # And byte for byte the same, where there is but one way to write it.
    if framing == "prefix" and kind != "json":
        assert ours_to_write(kind, registry, {"use.latest.version": True})(ORDER, context(topic)) == value


@pytest.mark.parametrize("kind", KINDS)
def test_as_serialisers_of_the_stock_producer_and_consumer(registry: tenor.Registry, brokers: str, kind: str) -> None:
    topic = f"drop-in-{kind}"
    serializer = ours_to_write(kind, registry, framing_conf("header"))
    producer = SerializingProducer(
        {
            "bootstrap.servers": brokers,
            "key.serializer": Serializer(registry, '"string"', conf=framing_conf("header")),
            "value.serializer": serializer,
        }
    )
    producer.list_topics(topic, timeout=10)
    headers: list[Any] = [("mine", b"1")]
    producer.produce(topic, key="the key", value=ORDER, headers=headers, partition=0)
    producer.produce(topic, key="the key", value=None, partition=0, headers=[])
    assert producer.flush(10) == 0
    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "g",
            "auto.offset.reset": "earliest",
            "key.deserializer": Deserializer(registry),
            "value.deserializer": Deserializer(registry),
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        first, tombstone = polled(consumer), polled(consumer)
    finally:
        consumer.close()
    assert (first.key(), first.value()) == ("the key", ORDER)
    received = dict(first.headers())
    assert received["mine"] == b"1"
    assert {"__key_schema_id", "__value_schema_id", "ce_id", "ce_time"} <= received.keys()
    assert tombstone.value() is None


def polled(consumer: Any) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if (message := consumer.poll(0.5)) is not None:
            return message
    raise AssertionError("no message came")


def test_an_asyncio_client_awaits_them(url: str) -> None:
    async def round_trip() -> Any:
        async with tenor.AsyncRegistry(url) as registry:
            headers: list[Any] = []
            value = await AsyncSerializer(registry, AVRO)(ORDER, context("asyncio", headers))
            return await AsyncDeserializer(registry)(value, context("asyncio", headers))

    assert asyncio.run(round_trip()) == ORDER


# --- settings --------------------------------------------------------------------------------------------------


def test_stock_settings_mean_what_they_mean_there(registry: tenor.Registry) -> None:
    write = Serializer(registry, AVRO, conf={"subject.name.strategy": topic_record_subject_name_strategy})
    write(ORDER, context("strategy"))
    assert registry.versions("strategy-shop.Order") == (1,)
    Serializer(registry, AVRO, conf={"subject.name.strategy.type": "RECORD"})(ORDER, context("any"))
    assert registry.versions("shop.Order") == (1,)
    registered = registry.version("shop.Order")
    pinned = Serializer(registry, conf={"use.schema.id": registered.id})
    assert (pinned(ORDER, context("pinned")) or b"")[1:5] == (registered.id or 0).to_bytes(4, "big")
    with pytest.raises(tenor.NotFound):
        Serializer(registry, AVRO, conf={"auto.register.schemas": False})(ORDER, context("never-registered"))
    with pytest.raises(tenor.NotFound):
        Serializer(registry, conf={"use.latest.version": True})(ORDER, context("never-registered"))


def test_defaults_are_filled_unless_strict(registry: tenor.Registry) -> None:
    read = Deserializer(registry)
    assert read(Serializer(registry, AVRO)({"id": "x"}, context("filled")), context("filled")) == {
        "id": "x",
        "total": 0.0,
    }
    strict = Serializer(registry, AVRO, conf={"validate.strict": True})
    with pytest.raises(tenor.InvalidEvent, match="/total"):
        strict({"id": "x"}, context("filled"))


def test_objects_are_converted_on_the_way(registry: tenor.Registry) -> None:
    class Placed:
        def __init__(self, id: str) -> None:
            self.id = id

    write = Serializer(registry, AVRO, lambda placed, ctx: {"id": placed.id})
    read = Deserializer(registry, from_dict=lambda event, ctx: Placed(event["id"]))
    assert read(write(Placed("x"), context("objects")), context("objects")).id == "x"


def test_events_are_read_as_the_schema_that_was_named(registry: tenor.Registry) -> None:
    old = json.dumps({**json.loads(AVRO), "fields": json.loads(AVRO)["fields"][:1]})
    value = Serializer(registry, Schema(old, "AVRO"))({"id": "x"}, context("named"))
    Serializer(registry, AVRO)(ORDER, context("named"))
    newest = {"id": "x", "total": 0.0}
    assert Deserializer(registry)(value, context("named")) == {"id": "x"}
    assert Deserializer(registry, AVRO)(value, context("named")) == newest
    assert Deserializer(registry, conf={"use.latest.version": True})(value, context("named")) == newest


def test_a_consumer_starts_before_the_first_registration(registry: tenor.Registry) -> None:
    read = Deserializer(registry)
    assert read(None, context("early")) is None
    with pytest.raises(tenor.SchemaNotFound):
        read(b"\x00\x7f\x00\x00\x00x", context("early"))
    with pytest.raises(tenor.FramingError):
        read(b"{}", context("early"))
    value = Serializer(registry, AVRO)(ORDER, context("early"))
    assert read(value, context("early")) == ORDER


WRONG: list[tuple[Any, str]] = [
    (
        lambda registry: Serializer(registry, AVRO, conf={"auto.registre.schemas": True}),
        "unknown settings: auto.registre",
    ),
    (lambda registry: Deserializer(registry, conf={"use.schema.id": 1}), "unknown settings: use.schema.id"),
    (
        lambda registry: Serializer(registry, AVRO, conf={"schema.id.serializer": print}),
        "schema.id.serializer is one of",
    ),
    (lambda registry: Serializer(registry, AVRO, conf={"subject.name.strategy.type": "X"}), "strategy.type is one of"),
    (
        lambda registry: Serializer(registry, conf={"use.latest.version": True, "auto.register.schemas": True}),
        "exclude each other",
    ),
    (lambda registry: Serializer(registry, AVRO)(ORDER), "a SerializationContext with a topic is needed"),
    (
        lambda registry: Serializer(registry, AVRO, conf=framing_conf("header"))({**ORDER, "id": "long"}, context("h")),
        "needs a list or dict of headers",
    ),
    (lambda registry: Serializer(registry, 7), "a schema is a text or a Schema, not int"),
]


@pytest.mark.parametrize(("use", "sentence"), WRONG)
def test_what_is_wrong_is_said(registry: tenor.Registry, use: Any, sentence: str) -> None:
    with pytest.raises((ValueError, tenor.UnusableSchema), match=sentence):
        use(registry)


def test_headers_that_are_a_dict(registry: tenor.Registry) -> None:
    headers: dict[str, bytes] = {"ce_id": b"mine"}
    value = Serializer(registry, AVRO, conf=framing_conf("header"))(ORDER, context("dict", headers))
    assert headers["ce_id"] == b"mine"
    assert Deserializer(registry)(value, context("dict", headers)) == ORDER


def test_the_schema_is_looked_up_once(url: str) -> None:
    asked = []

    def count(request: httpx.Request) -> None:
        asked.append(f"{request.method} {request.url.path}")

    with httpx.Client(event_hooks={"request": [count]}) as http:
        registry = tenor.Registry(url, http=http)
        write, read = Serializer(registry, AVRO), Deserializer(registry)
        for _ in range(100):
            read(write(ORDER, context("once")), context("once"))
    assert len(asked) == 3  # association, registration, schema by id
