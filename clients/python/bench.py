"""What a codec costs, as ratios against the bare library in the same run.

    python clients/python/bench.py [avro] [json_schema] [protobuf] [sealing]

Each row is the median of 11 paired slices by processor time, the order alternating, so that a busy machine slows
both sides. Events have 20 fields and are warm; nothing here talks to a network.
"""

from __future__ import annotations

import base64
import io
import json
import statistics
import sys
import time
import timeit
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent / "tests"), str(Path(__file__).resolve().parents[2])]
warnings.simplefilter("ignore")

import fastavro  # noqa: E402
import httpx  # noqa: E402
import jsonschema_rs  # noqa: E402
import orjson  # noqa: E402
from confluent_kafka.schema_registry import Schema  # noqa: E402
from confluent_kafka.schema_registry._sync.mock_schema_registry_client import (  # noqa: E402
    MockSchemaRegistryClient,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer  # noqa: E402
from confluent_kafka.serialization import MessageField, SerializationContext  # noqa: E402
from fake_keys import FakeKeys  # noqa: E402
from fake_registry import FakeRegistry  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: E402

import tenor  # noqa: E402
from tenor.integrations.confluent_kafka import Deserializer, Serializer  # noqa: E402
from tests import stock_kms  # noqa: E402

Work = Callable[[], Any]
Row = tuple[str, Work, Work, str]


def ratio(work: Work, floor: Work, slices: int = 11, number: int = 4000) -> float:
    """Processor time of `work` over that of `floor`."""

    def seconds(what: Work) -> float:
        return timeit.timeit(what, number=number, timer=time.process_time)

    found = []
    for turn in range(slices):
        if turn % 2:
            first, second = seconds(work), seconds(floor)
        else:
            second, first = seconds(floor), seconds(work)
        found.append(first / second)
    return statistics.median(found)


AVRO_FIELDS: list[tuple[str, Any, Any]] = [
    *((f"i{n}", "int", 1000) for n in range(4)),
    *((f"l{n}", "long", 1000) for n in range(4)),
    *((f"s{n}", "string", "hello world") for n in range(6)),
    *((f"d{n}", "double", 1.5) for n in range(2)),
    ("b", "boolean", True),
    ("o", ["null", "string"], "hello world"),
    ("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "A"),
    ("y", "bytes", b"xyz"),
]


def interned(event: dict[str, Any]) -> dict[str, Any]:
    """The keys of literals in a program are interned, and look-ups compare them by address."""
    return {sys.intern(name): value for name, value in event.items()}


def avro(fake: FakeRegistry, registry: tenor.Registry) -> Iterator[Row]:
    fields = [{"name": name, "type": type_} for name, type_, _ in AVRO_FIELDS]
    text = json.dumps({"type": "record", "name": "Order", "fields": fields})
    event = interned({name: value for name, _, value in AVRO_FIELDS})
    parsed = fastavro.parse_schema(json.loads(text))
    fake.add("avro", text)
    codec, bare = registry.events("avro"), registry.events("avro", metadata=False)
    message = codec.encode(event)
    value = message.value or b""
    codec.decode(value)
    write, read = codec._writing.write, next(iter(codec._readers.values())).read

    def floor() -> bytes:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, parsed, event, strict=True)
        return buffer.getvalue()

    def read_floor() -> Any:
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)

    yield "avro: body written, ranges checked", lambda: write(event), floor, "<= 1.6"
    yield "avro: body read", lambda: read(value, 5), read_floor, "<= 1.3"
    yield "avro: encode without metadata", lambda: bare.encode(event), floor, ""
    yield "avro: encode with CloudEvents headers", lambda: codec.encode(event), floor, "reported"
    yield "avro: decode with headers", lambda: codec.decode(value, message.headers), read_floor, "reported"

    client = MockSchemaRegistryClient({"url": "mock://"})
    context = SerializationContext("t", MessageField.VALUE)
    client.register_schema("t-value", Schema(text, "AVRO"))
    stock = AvroSerializer(client, text)
    latest = AvroSerializer(client, None, conf={"auto.register.schemas": False, "use.latest.version": True})
    stock_read = AvroDeserializer(client)
    framed = stock(event, context)
    ours, ours_read = Serializer(registry, text), Deserializer(registry)
    ours_read(ours(event, context), context)
    yield (
        "confluent-kafka with a schema string, over ours",
        (lambda: stock(event, context)),
        lambda: ours(event, context),
        ">= 1.2",
    )
    yield (
        "confluent-kafka with use.latest.version, over ours",
        (lambda: latest(event, context)),
        lambda: ours(event, context),
        ">= 2.5",
    )
    yield (
        "confluent-kafka reading, over ours",
        (lambda: stock_read(framed, context)),
        lambda: ours_read(value, context),
        "reported",
    )


def json_schema(fake: FakeRegistry, registry: tenor.Registry) -> Iterator[Row]:
    properties: dict[str, Any] = {
        **{f"i{n}": {"type": "integer", "minimum": 0} for n in range(4)},
        **{f"s{n}": {"type": "string", "maxLength": 100} for n in range(9)},
        **{f"d{n}": {"type": "number"} for n in range(4)},
        "o": {"type": ["null", "string"]},
        "e": {"enum": ["A", "B"]},
        "b": {"type": "boolean"},
    }
    schema = {"title": "Order", "properties": properties, "required": list(properties), "additionalProperties": False}
    values = {"i": 100, "s": "hello world", "d": 1.5, "o": "x", "e": "A", "b": True}
    event = interned({name: values[name[0]] for name in properties})
    with_null = interned({**event, "o": None})
    fake.add("json", json.dumps(schema), "JSON")
    codec = registry.events("json")
    value = codec.encode(event).value or b""
    codec.decode(value)
    write, read = codec._writing.write, next(iter(codec._readers.values())).read
    validator = jsonschema_rs.Draft7Validator(schema)

    def floor(event: Any) -> bytes:
        validator.validate(event)
        return orjson.dumps(event)

    def read_floor() -> Any:
        event = orjson.loads(value[5:])
        validator.validate(event)
        return event

    yield "json: body written", lambda: write(event), lambda: floor(event), "<= 1.5"
    yield "json: body written, with a null in it", lambda: write(with_null), lambda: floor(with_null), "<= 1.5"
    yield "json: body read", lambda: read(value, 5), read_floor, "<= 1.5"


def sealing(fake: FakeKeys, registry: tenor.Registry) -> Iterator[Row]:
    """Two sealed text fields of twenty. The stock serialisers run the same rules over the same key system."""
    fields = [
        {"name": name, "type": type_, **({"confluent:tags": ["PII"]} if name in ("s0", "s1") else {})}
        for name, type_, _ in AVRO_FIELDS
    ]
    text = json.dumps({"type": "record", "name": "Order", "fields": fields})
    event = interned({name: value for name, _, value in AVRO_FIELDS})
    parsed = fastavro.parse_schema(json.loads(text))

    def floor() -> bytes:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, parsed, event, strict=True)
        return buffer.getvalue()

    plain = floor()

    def read_floor() -> Any:
        return fastavro.schemaless_reader(io.BytesIO(plain), parsed, None)

    params = {"encrypt.kek.name": "kek", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "key"}
    for name, type_, extra, target in (
        ("ENCRYPT", "ENCRYPT", {}, "<= 2.0"),
        ("ENCRYPT, keys renewed", "ENCRYPT", {"encrypt.dek.expiry.days": "30"}, "reported"),
        ("SEAL", "SEAL", {}, "reported"),
    ):
        rule = {
            "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": type_, "tags": ["PII"],
            "params": {**params, **extra}, "onFailure": "ERROR,ERROR",
        }  # fmt: skip
        fake.add(name, text, ruleSet={"domainRules": [rule]})
        codec = registry.events(name, metadata=False)
        value = codec.encode(event).value or b""
        codec.decode(value)
        write, read = codec._writing.write, next(iter(codec._readers.values())).read
        yield f"avro: two fields by {name}, body written", _calling(write, event), floor, target
        yield f"avro: two fields by {name}, body read", _calling(read, value, 5), read_floor, target
    payload = {"name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT_PAYLOAD", "params": params}
    fake.add("payload", text, ruleSet={"encodingRules": [{**payload, "onFailure": "ERROR,ERROR"}]})
    codec = registry.events("payload", metadata=False)
    codec.decode(codec.encode(event).value or b"")
    yield "avro: body encrypted whole, written", _calling(codec._writing.write, event), floor, "reported"
    yield from stock_sealing(registry, text, event, params)


def stock_sealing(registry: tenor.Registry, text: str, event: Any, params: dict[str, str]) -> Iterator[Row]:
    """confluent-kafka's serialiser with the same rule, over ours."""
    from confluent_kafka.schema_registry import Rule, RuleKind, RuleMode, RuleParams, RuleSet

    stock_kms.register()
    client = MockSchemaRegistryClient({"url": "mock://"})
    rule = Rule(
        "seal", "", RuleKind.TRANSFORM, RuleMode.WRITEREAD, "ENCRYPT", ["PII"], RuleParams(params), None, None,
        "ERROR,ERROR", False,
    )  # fmt: skip
    client.register_schema("t-value", Schema(text, "AVRO", [], None, RuleSet(None, [rule])))
    context = SerializationContext("t", MessageField.VALUE)
    conf: dict[str, Any] = {"auto.register.schemas": False, "use.latest.version": True}
    stock = AvroSerializer(client, None, conf=conf, rule_conf={"secret": "s"})
    stock_read = AvroDeserializer(client, None, rule_conf={"secret": "s"})
    framed = stock(dict(event), context)
    stock_read(framed, context)
    ours = Serializer(registry, conf={"use.latest.version": True}, naming=lambda *_: "ENCRYPT")
    ours_read = Deserializer(registry, naming=lambda *_: "ENCRYPT")
    mine = ours(event, context)
    ours_read(mine, context)
    yield (
        "confluent-kafka, two fields encrypted, over ours",
        (lambda: stock(dict(event), context)),
        lambda: ours(event, context),
        ">= 8",
    )
    yield (
        "confluent-kafka, two fields decrypted, over ours",
        (lambda: stock_read(framed, context)),
        lambda: ours_read(mine, context),
        "reported",
    )


def _calling(function: Callable[..., Any], *arguments: Any) -> Work:
    return lambda: function(*arguments)


def protobuf(fake: FakeRegistry, registry: tenor.Registry) -> Iterator[Row]:
    kinds = descriptor_pb2.FieldDescriptorProto
    rows = [
        ("i", kinds.TYPE_INT32, 1000),
        ("l", kinds.TYPE_INT64, 1000),
        ("s", kinds.TYPE_STRING, "hello world"),
        ("t", kinds.TYPE_STRING, "hello world"),
        ("d", kinds.TYPE_DOUBLE, 1.5),
    ]
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="acme", syntax="proto3")
    message = file.message_type.add(name="Order")
    event = {}
    for number in range(20):
        letter, kind, example = rows[number % 5]
        name = f"{letter}{number}"
        message.field.add(name=name, number=number + 1, type=kind, label=kinds.LABEL_OPTIONAL)
        event[sys.intern(name)] = example
    fake.serialized["order.proto"] = base64.b64encode(file.SerializeToString()).decode()
    fake.add("protobuf", "order.proto", "PROTOBUF")
    codec = registry.events("protobuf")
    value = codec.encode(event).value or b""
    codec.decode(value)
    write, reading = codec._writing.write, next(iter(codec._readers.values()))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    order = message_factory.GetMessageClass(pool.FindMessageTypeByName("acme.Order"))
    yield "protobuf: body written", lambda: write(event), lambda: order(**event).SerializeToString(), "<= 1.5"
    names, body = list(event), value[6:]  # past the id and the index

    def read_floor() -> Any:
        message = order.FromString(body)
        return {name: getattr(message, name) for name in names}

    yield "protobuf: body read", lambda: reading.read(value, reading.at), read_floor, "reported"


def main() -> int:
    fake = FakeKeys()
    registry = tenor.Registry(
        "http://registry.test",
        http=httpx.Client(transport=httpx.MockTransport(fake)),
        keys=tenor.Keys(kms={"local-kms": {"secret": "s"}}),
    )
    chosen = [
        each for each in (avro, json_schema, protobuf, sealing) if each.__name__ in sys.argv[1:] or not sys.argv[1:]
    ]
    for format_ in chosen:
        for name, work, floor, target in format_(fake, registry):
            print(f"{name:<52} {ratio(work, floor):>6.2f}   {target}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
