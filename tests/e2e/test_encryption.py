"""Sealed events between Tenor's client and third-party ones as they are, over a served registry."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry import (
    Metadata,
    MetadataProperties,
    RuleKind,
    RuleMode,
    RuleParams,
    RuleSet,
    SchemaRegistryClient,
)
from confluent_kafka.schema_registry import Rule as StockRule
from confluent_kafka.schema_registry import Schema as StockSchema
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.confluent import meta_pb2
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import tenor
from tenor import Keys, Schema
from tenor._sync import keys as keys_module
from tenor.errors import AuthenticationFailed, Erased, Rejected
from tenor.integrations.confluent_kafka import Deserializer, Serializer
from tenor.sealing.persons import handle
from tests import stock_kms
from tests.e2e.conftest import SERVER
from tests.legs import NODE_PROJECT
from tests.served import served

# Its HTTP client warns that it will be replaced: news for its authors.
pytestmark = pytest.mark.filterwarnings("ignore:The httpx module is deprecated")

SECRET, PEPPER = "e2e-secret", b"sixteen bytes of pepper"
AVRO = json.dumps(
    {
        "type": "record",
        "name": "Customer",
        "namespace": "shop",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "email", "type": "string", "confluent:tags": ["PII"]},
            {"name": "phone", "type": ["null", "string"], "confluent:tags": ["PII"]},
            {"name": "token", "type": "bytes", "confluent:tags": ["PII"]},
            {"name": "names", "type": {"type": "array", "items": "string"}, "confluent:tags": ["PII"]},
            {"name": "total", "type": "double"},
        ],
    }
)
JSON = json.dumps(
    {
        "title": "Customer",
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "email": {"type": "string", "confluent:tags": ["PII"]},
            "names": {"type": "array", "items": {"type": "string"}, "confluent:tags": ["PII"]},
        },
    }
)
EVENTS: dict[str, Any] = {
    "AVRO": {
        "id": "c-1",
        "email": "ada@example.org",
        "phone": "+44",
        "token": b"\x00\x01\xff",
        "names": ["Ada", "Countess"],
        "total": 1.5,
    },
    "JSON": {"id": "c-1", "email": "ada@example.org", "names": ["Ada", "Countess"]},
}
TEXTS = {"AVRO": AVRO, "JSON": JSON}
SECRETS = [b"ada@example.org", b"Countess"]

# name, format, type, further parameters
CASES: list[tuple[str, str, str, dict[str, str]]] = [
    ("gcm256", "AVRO", "ENCRYPT", {}),
    ("gcm128", "AVRO", "ENCRYPT", {"encrypt.dek.algorithm": "AES128_GCM"}),
    ("siv", "AVRO", "ENCRYPT", {"encrypt.dek.algorithm": "AES256_SIV"}),
    ("rotating", "AVRO", "ENCRYPT", {"encrypt.dek.expiry.days": "1"}),
    ("rotating-siv", "AVRO", "ENCRYPT", {"encrypt.dek.algorithm": "AES256_SIV", "encrypt.dek.expiry.days": "1"}),
    ("body", "AVRO", "ENCRYPT_PAYLOAD", {}),
    ("rotating-body", "AVRO", "ENCRYPT_PAYLOAD", {"encrypt.dek.expiry.days": "1"}),
    ("json", "JSON", "ENCRYPT", {}),
    ("json-body", "JSON", "ENCRYPT_PAYLOAD", {"encrypt.dek.expiry.days": "1"}),
]
CASE = pytest.mark.parametrize(("name", "format", "type_", "params"), CASES, ids=[case[0] for case in CASES])


def rule_set(type_: str, kek: str, params: dict[str, str]) -> dict[str, Any]:
    body = type_.endswith("PAYLOAD")
    base = {"encrypt.kek.name": kek, "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "key"}
    rule = {
        "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": type_, "tags": [] if body else ["PII"],
        "params": {**base, **params}, "onFailure": "ERROR,ERROR",
    }  # fmt: skip
    return {"encodingRules" if body else "domainRules": [rule]}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A registry that may use a key system of its own, for shared KEKs."""
    kms = json.dumps({"local-kms": {"secret": "the server's"}})
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_KMS": kms}
    with served([SERVER, "serve"], cwd=tmp_path_factory.mktemp("served"), environment=environment) as client:
        yield client


@pytest.fixture
def ours(registry: httpx.Client) -> Iterator[tenor.Registry]:
    keys = Keys(kms={"local-kms": {"secret": SECRET}}, pepper=PEPPER, jitter=0.0)
    with tenor.Registry(str(registry.base_url), keys=keys) as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def _stock_rules() -> None:
    stock_kms.register()


@pytest.fixture
def stock(registry: httpx.Client) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": str(registry.base_url)}) as opened:
        yield opened


def stock_pair(client: SchemaRegistryClient, format: str) -> tuple[Any, Any]:
    """confluent-kafka's serialiser and deserialiser with rules. Each call makes new ones: their caches never expire."""
    conf = {"auto.register.schemas": False, "use.latest.version": True}
    rules = {"secret": SECRET}
    if format == "JSON":
        return JSONSerializer(None, client, conf=conf, rule_conf=rules), JSONDeserializer(
            None, schema_registry_client=client, rule_conf=rules
        )
    return AvroSerializer(client, None, conf=conf, rule_conf=rules), AvroDeserializer(client, rule_conf=rules)


def sealed(codec: tenor.Codec, event: Any) -> bytes:
    value = codec.encode_value(event)
    assert value is not None  # an event is no tombstone
    return value


def place(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def registered(ours: tenor.Registry, topic: str, format: str, type_: str, params: dict[str, str]) -> str:
    schema = Schema(TEXTS[format], format, rule_set=rule_set(type_, f"kek-{topic}", params))
    ours.register(f"{topic}-value", schema)
    return f"{topic}-value"


@CASE
def test_confluent_kafka_reads_what_tenor_writes_and_writes_what_tenor_reads(
    ours: tenor.Registry, stock: SchemaRegistryClient, name: str, format: str, type_: str, params: dict[str, str]
) -> None:
    topic, event = f"py-{name}", EVENTS[format]
    codec = ours.events(registered(ours, topic, format, type_, params))
    write, read = stock_pair(stock, format)
    value = sealed(codec, event)
    assert not any(secret in value for secret in SECRETS)
    assert read(value, place(topic)) == event
    theirs = write(json.loads(json.dumps(event)) if format == "JSON" else dict(event), place(topic))
    assert codec.decode(theirs).data == event


@CASE
def test_stock_producers_make_keys_that_tenor_opens(
    ours: tenor.Registry, stock: SchemaRegistryClient, name: str, format: str, type_: str, params: dict[str, str]
) -> None:
    topic, event = f"first-{name}", EVENTS[format]
    subject = registered(ours, topic, format, type_, params)
    write, _ = stock_pair(stock, format)
    value = write(dict(event), place(topic))
    assert ours.events(subject, decode_only=True).decode(value).data == event


@pytest.mark.parametrize("type_", ["ENCRYPT", "ENCRYPT_PAYLOAD"])
def test_rotated_keys(
    ours: tenor.Registry,
    stock: SchemaRegistryClient,
    registry: httpx.Client,
    type_: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = f"rotated-{type_.lower()}"
    subject = registered(ours, topic, "AVRO", type_, {"encrypt.dek.expiry.days": "1"})
    values = [sealed(ours.events(subject), EVENTS["AVRO"])]
    later = time.time() + 3 * 86_400
    monkeypatch.setattr(keys_module, "_wall", lambda: later)
    keys = Keys(kms={"local-kms": {"secret": SECRET}}, jitter=0.0)
    with tenor.Registry(str(registry.base_url), keys=keys) as other:
        values.append(sealed(other.events(subject), EVENTS["AVRO"]))
    versions = registry.get(f"/dek-registry/v1/keks/kek-{topic}/deks/{subject}/versions").json()
    assert versions == [1, 2]
    write, read = stock_pair(stock, "AVRO")
    values.append(write(dict(EVENTS["AVRO"]), place(topic)))
    reader = ours.events(subject, decode_only=True)
    for value in values:
        assert read(value, place(topic)) == reader.decode(value).data == EVENTS["AVRO"]


def test_a_person_is_erased_and_nobody_else(
    ours: tenor.Registry, stock: SchemaRegistryClient, registry: httpx.Client
) -> None:
    params = {"encrypt.dek.expiry.days": "30", "tenor.dataSubject": "$.id"}
    subject = registered(ours, "people", "AVRO", "ENCRYPT", params)
    codec = ours.events(subject)
    ada, bob = EVENTS["AVRO"], {**EVENTS["AVRO"], "id": "c-2", "email": "bob@example.org"}
    values = [sealed(codec, ada), sealed(codec, bob)]
    # Unmodified consumers read persons' keys as versions like any other.
    _, read = stock_pair(stock, "AVRO")
    assert [read(value, place("people")) for value in values] == [ada, bob]
    assert codec.decode_many([(value, None) for value in values])[1].data == bob
    person = handle(PEPPER, "person", "c-1").hex()
    answer = registry.delete(f"/api/v1/keks/kek-people/persons/{person}", params={"legal_basis": "GDPR Art. 17"})
    assert answer.status_code == 200, answer.text
    keys = Keys(kms={"local-kms": {"secret": SECRET}}, pepper=PEPPER)
    with tenor.Registry(str(registry.base_url), keys=keys) as fresh:
        reader = fresh.events(subject)
        gone, there = reader.decode_many([(value, None) for value in values])
        assert (gone.data["email"], gone.data["phone"], gone.data["total"]) == ("[erased]", None, 1.5)
        assert gone.erased == ("email", "phone", "token", "names")
        assert (there.data, there.erased) == (bob, ())
        with pytest.raises(Erased):
            reader.encode(ada)
    with SchemaRegistryClient({"url": str(registry.base_url)}) as other:
        _, read = stock_pair(other, "AVRO")
        assert read(values[1], place("people")) == bob


def test_what_seal_sealed_stops_stock_consumers(ours: tenor.Registry, stock: SchemaRegistryClient) -> None:
    schema = Schema(AVRO, rule_set=rule_set("SEAL", "kek-seal", {}))
    codec = ours.events("seal-value", schema=schema, register=True)
    value = sealed(codec, EVENTS["AVRO"])
    assert codec.decode(value).data == EVENTS["AVRO"]
    _, read = stock_pair(stock, "AVRO")
    with pytest.raises(SerializationError):
        read(value, place("seal"))


@pytest.mark.parametrize("type_", ["ENCRYPT", "ENCRYPT_PAYLOAD"])
def test_a_shared_kek_needs_no_key_system_at_any_client(
    registry: httpx.Client, stock: SchemaRegistryClient, type_: str
) -> None:
    topic = f"shared-{type_.lower()}"
    body = {"name": f"kek-{topic}", "kmsType": "local-kms", "kmsKeyId": "key", "shared": True}
    assert registry.post("/dek-registry/v1/keks", json=body).status_code == 200
    with tenor.Registry(str(registry.base_url), keys=Keys(pepper=PEPPER)) as bare:
        codec = bare.events(registered(bare, topic, "AVRO", type_, {}))
        value = sealed(codec, EVENTS["AVRO"])
        _, read = stock_pair(stock, "AVRO")
        assert read(value, place(topic)) == codec.decode(value).data == EVENTS["AVRO"]


def test_persons_of_a_shared_kek(registry: httpx.Client) -> None:
    body = {"name": "kek-cells", "kmsType": "local-kms", "kmsKeyId": "key", "shared": True}
    assert registry.post("/dek-registry/v1/keks", json=body).status_code == 200
    with tenor.Registry(str(registry.base_url), keys=Keys(pepper=PEPPER)) as bare:
        codec = bare.events(registered(bare, "cells", "AVRO", "SEAL", {"tenor.dataSubject": "$.id"}))
        values = [sealed(codec, {**EVENTS["AVRO"], "id": f"c-{number}"}) for number in range(3)]
        read = codec.decode_many([(value, None) for value in values])
        assert [event.data["id"] for event in read] == ["c-0", "c-1", "c-2"]
        assert {event.data["email"] for event in read} == {"ada@example.org"}


def test_the_drop_in_runs_the_same_rules(ours: tenor.Registry, stock: SchemaRegistryClient) -> None:
    registered(ours, "dropin", "AVRO", "ENCRYPT", {"encrypt.dek.expiry.days": "1"})
    write, read = stock_pair(stock, "AVRO")
    mine, mine_read = Serializer(ours, conf={"use.latest.version": True}), Deserializer(ours)
    value = mine(EVENTS["AVRO"], place("dropin")) or b""
    assert not any(secret in value for secret in SECRETS)
    assert read(value, place("dropin")) == EVENTS["AVRO"]
    assert mine_read(write(dict(EVENTS["AVRO"]), place("dropin")), place("dropin")) == EVENTS["AVRO"]


def test_the_drop_in_registers_the_rules_of_a_stock_schema(ours: tenor.Registry, stock: SchemaRegistryClient) -> None:
    kek = {"encrypt.kek.name": "drop-in-stock", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "m"}
    tagged = StockRule(
        "seal",
        None,
        RuleKind.TRANSFORM,
        RuleMode.WRITEREAD,
        "ENCRYPT",
        ["PII"],
        RuleParams(kek),
        None,
        None,
        None,
        False,
    )
    owned = Metadata(None, MetadataProperties({"owner": "shop"}), None)
    schema = StockSchema(AVRO, "AVRO", [], owned, RuleSet(None, [tagged]))
    value = Serializer(ours, schema)(EVENTS["AVRO"], place("dropin-stock")) or b""
    assert not any(secret in value for secret in SECRETS)
    assert stock_pair(stock, "AVRO")[1](value, place("dropin-stock")) == EVENTS["AVRO"]
    kept = ours.version("dropin-stock-value").schema.metadata
    assert kept is not None
    assert kept["properties"] == {"owner": "shop"}


FIELD_META: Any = meta_pb2.DESCRIPTOR.extensions_by_name["field_meta"]
PROTO = """syntax = "proto3";
package shop;
import "confluent/meta.proto";
message Other { string id = 1; }
message Customer {
  string id = 1;
  string email = 2 [(confluent.field_meta).tags = "PII"];
  repeated string names = 3 [(confluent.field_meta).tags = "PII"];
  bytes token = 4 [(confluent.field_meta).tags = "PII"];
}
"""


def _customer_class() -> Any:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="e2e/customer.proto", package="shop", syntax="proto3", dependency=["confluent/meta.proto"]
    )
    file.message_type.add(name="Other").field.add(name="id", number=1, type=kinds.TYPE_STRING, label=1)
    customer = file.message_type.add(name="Customer")
    rows = [("id", kinds.TYPE_STRING, 1), ("email", kinds.TYPE_STRING, 1), ("names", kinds.TYPE_STRING, 3)]
    for number, (name, kind, label) in enumerate([*rows, ("token", kinds.TYPE_BYTES, 1)], 1):
        field = customer.field.add(name=name, number=number, type=kind, label=label)
        if number > 1:
            field.options.Extensions[FIELD_META].tags.append("PII")
    pool = descriptor_pool.DescriptorPool()
    for known in (descriptor_pb2.DESCRIPTOR, meta_pb2.DESCRIPTOR):
        pool.AddSerializedFile(known.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Customer"))


@pytest.mark.parametrize("days", ["0", "1"])
def test_protobuf_both_ways(ours: tenor.Registry, stock: SchemaRegistryClient, days: str) -> None:
    topic = f"proto-{days}"
    schema = Schema(PROTO, "PROTOBUF", rule_set=rule_set("ENCRYPT", f"kek-{topic}", {"encrypt.dek.expiry.days": days}))
    ours.register(f"{topic}-value", schema)
    codec = ours.events(f"{topic}-value", message="shop.Customer")
    event = {"id": "c", "email": "ada@example.org", "names": ["Ada", "Countess"], "token": b""}
    value = sealed(codec, event)
    assert not any(secret in value for secret in SECRETS)
    cls, rules = _customer_class(), {"secret": SECRET}
    conf = {"use.deprecated.format": False}
    read = ProtobufDeserializer(cls, conf, stock, rule_conf=rules)
    message = read(value, place(topic))
    assert (message.email, list(message.names), message.token) == ("ada@example.org", ["Ada", "Countess"], b"")
    write = ProtobufSerializer(
        cls, stock, {**conf, "auto.register.schemas": False, "use.latest.version": True}, rule_conf=rules
    )
    assert codec.decode(write(cls(**event), place(topic))).data == event


NUMBERS = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "confluent/meta.proto";
message Account {
  string id = 1;
  bytes age = 2 [(confluent.field_meta) = {tags: "PII", params: [{key: "tenor.sealed", value: "int32"}]}];
  repeated bytes levels = 3
      [(confluent.field_meta) = {tags: "PII", params: [{key: "tenor.sealed", value: "shop.Level"}]}];
  optional bytes since = 4
      [(confluent.field_meta) = {tags: "PII", params: [{key: "tenor.sealed", value: "google.protobuf.Timestamp"}]}];
}
enum Level { LOW = 0; HIGH = 1; }
"""


def test_protobuf_seals_numbers_enums_and_messages_in_bytes(ours: tenor.Registry) -> None:
    schema = Schema(NUMBERS, "PROTOBUF", rule_set=rule_set("SEAL", "kek-numbers", {"tenor.bind": "key"}))
    ours.register("numbers-value", schema)
    codec = ours.events("numbers-value")
    event = {"id": "a", "age": -7, "levels": ["HIGH", "LOW"], "since": {"seconds": 5, "nanos": 6}}
    value = codec.encode_value(event, record_key=b"a")
    assert codec.decode(value, record_key=b"a").data == event
    with pytest.raises(AuthenticationFailed):
        codec.decode(value, record_key=b"b")
    unsealable = NUMBERS.replace("optional bytes since = 4\n      ", "int64 since = 4 ")
    with pytest.raises(Rejected, match=r"no place for field shop\.Account\.since of type int64"):
        ours.register("numbers2-value", Schema(unsealable, "PROTOBUF", rule_set=schema.rule_set))


# --- Node ----------------------------------------------------------------------------------------------------------


def told(value: Any) -> Any:
    match value:
        case bytes():
            return {"hex": value.hex()}
        case dict():
            return {key: told(item) for key, item in value.items()}
        case list():
            return [told(item) for item in value]
    return value


@pytest.mark.node
def test_node_reads_what_tenor_writes_and_writes_what_tenor_reads(ours: tenor.Registry, registry: httpx.Client) -> None:
    requests, expected, codecs = [], [], []
    for name, format, type_, params in CASES:
        topic = f"node-{name}"
        codec = ours.events(registered(ours, topic, format, type_, params))
        codecs.append((codec, EVENTS[format]))
        event = told(EVENTS[format])
        requests.append({"topic": topic, "format": format, "value": sealed(codec, EVENTS[format]).hex()})
        requests.append({"topic": topic, "format": format, "event": event})
        expected.append(event)
    person = ours.events(
        registered(
            ours, "node-person", "AVRO", "ENCRYPT", {"encrypt.dek.expiry.days": "9", "tenor.dataSubject": "$.id"}
        )
    )
    requests.append({"topic": "node-person", "value": sealed(person, EVENTS["AVRO"]).hex()})
    run = subprocess.run(
        ["node", "encryption.mjs", str(registry.base_url).rstrip("/"), SECRET],
        input="\n".join(map(json.dumps, requests)),
        cwd=NODE_PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert [_flat(answer["event"]) for answer in answers[0:-1:2]] == expected
    assert _flat(answers[-1]["event"]) == told(EVENTS["AVRO"])
    for (codec, event), answer in zip(codecs, answers[1::2], strict=True):
        assert codec.decode(bytes.fromhex(answer["value"])).data == event


def _flat(event: Any) -> Any:
    """Node's Avro wraps a value of a union in an object that names the branch."""
    return {
        key: value["string"] if isinstance(value, dict) and list(value) == ["string"] else value
        for key, value in event.items()
    }
