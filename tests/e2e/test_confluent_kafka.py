"""confluent-kafka as it is: its registry client and its serialisers, over librdkafka's mock cluster."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

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
        "required": ["id"],
    }
)
ORDER = {"id": "A1", "total": 9.5}


def _order_class() -> Any:
    """The generated class of `message Order { string id = 1; double total = 2; }`, without generated code."""
    file = descriptor_pb2.FileDescriptorProto(name="tenor/orders.proto", package="shop", syntax="proto3")
    order = file.message_type.add(name="Order")
    kinds = descriptor_pb2.FieldDescriptorProto
    order.field.add(name="id", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    order.field.add(name="total", number=2, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


Order = _order_class()


# Its HTTP client warns that it will be replaced: news for its authors.
pytestmark = pytest.mark.filterwarnings("ignore:The httpx module is deprecated")


@pytest.fixture
def client(registry: httpx.Client) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": str(registry.base_url)}) as opened:
        yield opened


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    """A mock cluster speaks the real protocol over TCP; it lives as long as its producer."""
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1})
    metadata = producer.list_topics(timeout=10)
    yield ",".join(f"{broker.host}:{broker.port}" for broker in metadata.brokers.values())
    del producer


def through_kafka(brokers: str, topic: str, value: bytes, headers: list[tuple[str, Any]]) -> tuple[bytes, Any]:
    """Produce one message and consume it; its value and headers."""
    producer = Producer({"bootstrap.servers": brokers})
    producer.list_topics(topic, timeout=10)
    producer.produce(topic, value, headers=headers, partition=0)
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                return message.value() or b"", message.headers()
        raise AssertionError("no message came back")
    finally:
        consumer.close()


def serializer(kind: str, client: SchemaRegistryClient, conf: dict[str, Any]) -> Any:
    if kind == "avro":
        return AvroSerializer(client, AVRO, conf=conf)
    if kind == "json":
        return JSONSerializer(JSON, client, conf=conf)
    return ProtobufSerializer(Order, client, conf=conf)


def deserializer(kind: str, client: SchemaRegistryClient) -> Any:
    if kind == "avro":
        return AvroDeserializer(client)
    if kind == "json":
        return JSONDeserializer(None, schema_registry_client=client)
    return ProtobufDeserializer(Order, schema_registry_client=client)


@pytest.mark.parametrize("framing", ["prefix", "header"])
@pytest.mark.parametrize("kind", ["avro", "json", "protobuf"])
def test_an_event_makes_the_round_trip(
    client: SchemaRegistryClient, brokers: str, registry: httpx.Client, kind: str, framing: str
) -> None:
    topic = f"ck-{kind}-{framing}"
    conf: dict[str, Any] = {"auto.register.schemas": True}
    if framing == "header":
        conf["schema.id.serializer"] = header_schema_id_serializer
    event: Any = Order(id="A1", total=9.5) if kind == "protobuf" else ORDER
    headers: list[tuple[str, Any]] = []
    context = SerializationContext(topic, MessageField.VALUE, headers)
    payload = serializer(kind, client, conf)(event, context)
    value, received = through_kafka(brokers, topic, payload, headers)
    # A consumer of its own, without the producer's cache.
    with SchemaRegistryClient({"url": str(registry.base_url)}) as reader:
        context = SerializationContext(topic, MessageField.VALUE, received)
        decoded = deserializer(kind, reader)(value, context)
    assert decoded == event
    assert registry.get(f"/subjects/{topic}-value/versions").json() == [1]
    if framing == "header":
        assert [name for name, _ in received] == ["__value_schema_id"]
        guid = registry.get(f"/subjects/{topic}-value/versions/1").json()["guid"]
        # Protobuf puts its message indexes behind the guid.
        assert received[0][1][:17] == b"\x01" + bytes.fromhex(guid.replace("-", ""))
    else:
        assert value[0] == 0
        assert int.from_bytes(value[1:5], "big") == registry.get(f"/subjects/{topic}-value/versions/1").json()["id"]


def test_the_registry_client_s_whole_surface(client: SchemaRegistryClient) -> None:
    subject = "ck/odd subject-value"
    id = client.register_schema(subject, Schema(AVRO, "AVRO"))
    full = client.register_schema_full_response(subject, Schema(AVRO, "AVRO"))
    assert (full.schema_id, full.version) == (id, 1)
    assert client.get_schema(id).schema_type == "AVRO"
    assert full.guid is not None
    assert client.get_schema_by_guid(full.guid).schema_str
    found = client.lookup_schema(subject, Schema(AVRO, "AVRO"))
    assert (found.schema_id, found.version, found.subject) == (id, 1, subject)
    assert subject in client.get_subjects()
    assert client.get_versions(subject) == [1]
    assert client.get_latest_version(subject).schema_id == id
    assert client.get_version(subject, 1).schema_id == id
    other = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "n", "type": "int"}]})
    incompatible = Schema(other, "AVRO")
    assert client.test_compatibility(subject, incompatible) is False
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema(subject, incompatible)
    assert (refused.value.http_status_code, refused.value.error_code) == (409, 409)
    client.set_compatibility(subject, "NONE")
    assert client.get_compatibility(subject) == "NONE"
    assert client.register_schema(subject, incompatible) > id
    assert client.delete_version(subject, 2) == 2
    assert client.delete_subject(subject) == [1]
    assert client.delete_subject(subject, permanent=True) == [1, 2]
    with pytest.raises(SchemaRegistryError) as missing:
        client.get_latest_version("ck-none")
    assert (missing.value.http_status_code, missing.value.error_code) == (404, 40401)


def test_references_and_metadata_by_the_client(client: SchemaRegistryClient) -> None:
    leaf = Schema('{"type":"enum","name":"Colour","symbols":["RED"]}', "AVRO")
    client.register_schema("ck-leaf", leaf)
    text = json.dumps({"type": "record", "name": "Paint", "fields": [{"name": "c", "type": "Colour"}]})
    paint = Schema(text, "AVRO", [SchemaReference("Colour", "ck-leaf", 1)])
    client.register_schema("ck-paint-value", paint)
    writer = AvroSerializer(client, paint)
    context = SerializationContext("ck-paint", MessageField.VALUE)
    assert AvroDeserializer(client)(writer({"c": "RED"}, context), context) == {"c": "RED"}
