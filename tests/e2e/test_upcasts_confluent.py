"""confluent-kafka's own deserialisers apply the migration rules that a plan was exported as, with Tenor's outcome."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.schema_registry.rules.jsonata.jsonata_executor import JsonataExecutor
from confluent_kafka.serialization import MessageField, SerializationContext

import tenor
from registry import formats
from registry.evolution.upcasts import derive
from registry.formats.base import Source
from tenor import Schema
from tenor.codecs.protobuf.descriptors import load, message_at, message_class
from tenor.plans import Plan, compile_plan
from tenor.plans.emitters.jsonata import migration_rules

# Its HTTP client warns that it will be replaced: news for its authors.
pytestmark = pytest.mark.filterwarnings("ignore:The httpx module is deprecated")

Fields = dict[str, Any]


def avro(*fields: Fields) -> str:
    return json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": list(fields)})


def json_schema(**properties: Any) -> str:
    required = [name for name, each in properties.items() if "default" not in each]
    document = {"title": "Order", "type": "object", "properties": properties, "required": required}
    return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "additionalProperties": False, **document})


LINE = {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}
ID, TAGS = {"name": "id", "type": "string"}, {"name": "tags", "type": {"type": "array", "items": "string"}}
NOTES = {"name": "notes", "type": {"type": "map", "values": ["null", "string"]}}
LINES = {"name": "lines", "type": {"type": "array", "items": LINE}}
COUNTRY = {"name": "country", "type": "string", "default": "DE"}
NUMBER = {"name": "number", "type": "string", "aliases": ["id"]}

AVRO = [
    avro(ID, {"name": "total", "type": "int"}, TAGS, NOTES, LINES),
    avro(ID, {"name": "total", "type": "double"}, TAGS, NOTES, LINES, COUNTRY),
    avro(NUMBER, {"name": "total", "type": "double"}, TAGS, NOTES, LINES, COUNTRY),
]
AVRO_EVENTS: list[Any] = [
    {"id": "A1", "total": 3, "tags": ["one"], "notes": {"a": None, "b": "x"}, "lines": [{"sku": "s"}]},
    {"id": "", "total": -(2**31), "tags": [], "notes": {}, "lines": []},
    {"id": "é😀", "total": 2**31 - 1, "tags": ["a", "b"], "notes": {"`": None}, "lines": [{"sku": "s"}, {"sku": ""}]},
]
TEXT = {"type": "string"}
JSON = [
    json_schema(id=TEXT, tags={"type": "array", "items": TEXT}),
    json_schema(id=TEXT, tags={"type": "array", "items": TEXT}, country={**TEXT, "default": "DE"}),
    json_schema(number=TEXT, tags={"type": "array", "items": TEXT}, country={**TEXT, "default": "DE"}),
]
JSON_EVENTS: list[Any] = [{"id": "A1", "tags": []}, {"id": "A2", "tags": ["one"]}]

CASES = [
    pytest.param("AVRO", AVRO, AVRO_EVENTS, id="avro"),
    pytest.param("JSON", JSON, JSON_EVENTS, id="json"),
]


@pytest.fixture
def client(registry: httpx.Client) -> Iterator[SchemaRegistryClient]:
    JsonataExecutor.register()  # type: ignore[no-untyped-call]
    with SchemaRegistryClient({"url": str(registry.base_url)}) as opened:
        yield opened


def plans(format: str, texts: list[str]) -> list[Plan]:
    """One plan a hop, everything that is suggested agreed to."""
    schemas = [formats.parse(format, Source(text)) for text in texts]
    found = []
    for old, new in pairwise(schemas):
        open_steps = derive(old, new).unsettled
        found.append(derive(old, new, {step.path: "yes" for step in open_steps}))
    return found


def register(registry: httpx.Client, subject: str, format: str, text: str, rules: list[Any], major: str = "") -> None:
    body: dict[str, Any] = {"schemaType": format, "schema": text}
    if major:
        body["metadata"] = {"properties": {"major": major}}
    if rules:
        body["ruleSet"] = {"migrationRules": rules}
    registry.post(f"/subjects/{subject}/versions", json=body).raise_for_status()


@pytest.mark.parametrize(("format", "texts", "events"), CASES)
def test_an_old_event_is_read_as_the_new_version(
    client: SchemaRegistryClient, registry: httpx.Client, format: str, texts: list[str], events: list[Any]
) -> None:
    topic = f"migrated-{format.lower()}"
    subject, context = f"{topic}-value", SerializationContext(topic, MessageField.VALUE)
    registry.put(f"/config/{subject}", json={"compatibility": "NONE"}).raise_for_status()
    hops = plans(format, texts)
    for version, text in enumerate(texts, 1):
        rules = migration_rules(hops[version - 2], f"v{version}") if version > 1 else []
        register(registry, subject, format, text, rules)
    settings: dict[str, Any] = {"auto.register.schemas": False, "use.latest.version": False}
    latest = {"use.latest.version": True}
    if format == "AVRO":
        serialise: Any = AvroSerializer(client, texts[0], conf=settings)
        deserialise: Any = AvroDeserializer(client, conf=latest)
    else:
        serialise = JSONSerializer(texts[0], client, conf=settings)
        deserialise = JSONDeserializer(None, schema_registry_client=client, conf=latest)
    upcasts = [compile_plan(each) for each in hops]
    for event in events:
        expected = event
        for upcast in upcasts:
            expected = upcast(expected)
        assert expected != event
        assert deserialise(serialise(event, context), context) == expected


def test_a_new_event_is_read_as_the_old_version(client: SchemaRegistryClient, registry: httpx.Client) -> None:
    """A reader that stays at major 1 is given what a hop back makes, where one is claimed."""
    old, new = avro(ID, TAGS), avro(NUMBER, TAGS)
    context = SerializationContext("moved-back", MessageField.VALUE)
    rules = migration_rules(plans("AVRO", [old, new])[0])
    assert [rule["mode"] for rule in rules] == ["UPGRADE", "DOWNGRADE"]
    register(registry, "moved-back-value", "AVRO", old, [], "1")
    registry.put("/config/moved-back-value", json={"compatibility": "NONE"}).raise_for_status()
    register(registry, "moved-back-value", "AVRO", new, rules, "2")
    serialise = AvroSerializer(client, new, conf={"auto.register.schemas": False, "use.latest.version": True})
    stays = {"use.latest.version": False, "use.latest.with.metadata": {"major": "1"}}
    deserialise = AvroDeserializer(client, conf=stays)
    assert deserialise(serialise({"number": "A1", "tags": []}, context), context) == {"id": "A1", "tags": []}


MESSAGES = [
    """syntax = "proto3"; package shop;
    message Order { string order_id = 1; int64 cents_total = 2; repeated string tag_names = 3; Line first_line = 4; }
    message Line { string item_sku = 1; bytes raw_data = 2; }""",
    """syntax = "proto3"; package shop;
    message Order { string order_number = 1; int64 cents_total = 2; repeated string tag_names = 3; Line first_line = 4;
        string ship_country = 5; }
    message Line { string stock_code = 1; bytes raw_data = 2; int32 line_count = 3; }""",
]
ORDERS: list[Any] = [
    {
        "order_id": "A1",
        "cents_total": 2**60,
        "tag_names": ["one", "two"],
        "first_line": {"item_sku": "x", "raw_data": b"\x00"},
    },
    {"order_id": "", "cents_total": 0, "tag_names": []},
]


def test_an_old_message_is_read_as_the_new_version(client: SchemaRegistryClient, registry: httpx.Client) -> None:
    """The stock client evaluates rules on the JSON form of messages, where fields have other names than in Tenor's."""
    topic = "migrated-protobuf"
    registry.put(f"/config/{topic}-value", json={"compatibility": "NONE"}).raise_for_status()
    [plan] = plans("PROTOBUF", MESSAGES)
    register(registry, f"{topic}-value", "PROTOBUF", MESSAGES[0], [])
    register(registry, f"{topic}-value", "PROTOBUF", MESSAGES[1], migration_rules(plan))
    context = SerializationContext(topic, MessageField.VALUE)
    with tenor.Registry(str(registry.base_url)) as ours:
        writer, reader = (ours.events(f"{topic}-value", version=version) for version in (1, 2))
        for event in ORDERS:
            message = writer.encode(event)
            stock = ProtobufDeserializer(
                message_class_of(MESSAGES[1]), {"use.latest.version": True}, schema_registry_client=client
            )
            read = stock(message.value, context)
            expected = compile_plan(plan)(writer.decode(message.value, message.headers).data)
            assert reader.decode(reader.encode(expected).value).data == expected
            assert message_to_event(reader, read) == expected


def message_class_of(text: str) -> Any:
    """The class of a file's first message."""
    schema: Any = formats.parse("PROTOBUF", Source(text))
    file = base64.b64encode(schema.file.SerializeToString()).decode()
    return message_class(message_at(load(Schema(file, "PROTOBUF"), {}), (0,)))


def message_to_event(reader: Any, message: Any) -> Any:
    """What Tenor's client reads of the bytes of a message."""
    return reader.decode(reader.encode(message).value).data
