"""Tenor's client against Tenor, on both engines: the whole application in this process."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

import tenor
from tenor import Reference, Schema, calls, errors

URL = "http://tenor"
V1 = {"type": "record", "name": "shop.Order", "fields": [{"name": "id", "type": "string"}]}
V2 = {**V1, "fields": [*V1["fields"], {"name": "total", "type": "double", "default": 0}]}
BROKEN = {**V1, "fields": [*V1["fields"], {"name": "total", "type": "double"}]}
JSON = {"title": "Order", "type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
PROTOBUF = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "money.proto";
message Order { string id = 1; google.protobuf.Timestamp at = 2; shop.Money total = 3; }
message Line { string sku = 1; map<string, int32> stock = 2; }
"""
MONEY = 'syntax = "proto3"; package shop; message Money { int64 cents = 1; string currency = 2; }'


def avro(schema: Any) -> Schema:
    return Schema(json.dumps(schema))


@pytest.fixture
def registry(registry_client: httpx.Client) -> tenor.Registry:
    return tenor.Registry(URL, http=registry_client, negative_ttl=0.0)


def test_a_registration_says_what_became_of_it(registry: tenor.Registry) -> None:
    first = registry.register("orders-value", avro(V1))
    assert (first.version, first.created, first.changes) == (1, True, ())
    rehearsed = registry.register("orders-value", avro(V2), dry_run=True)
    assert (rehearsed.version, rehearsed.created, rehearsed.dry_run) == (2, True, True)
    assert registry.versions("orders-value") == (1,)
    second = registry.register("orders-value", avro(V2))
    assert (second.version, second.created) == (2, True)
    assert all({"kind", "path", "sentence"} <= change.keys() for change in second.changes)
    again = registry.register("orders-value", avro(V2))
    assert (again.version, again.id, again.guid, again.created) == (2, second.id, second.guid, False)


def test_a_repeated_request_is_done_once(registry: tenor.Registry) -> None:
    first = registry.register("s", avro(V1), idempotency_key="k")
    assert registry.register("s", avro(V1), idempotency_key="k") == first
    with pytest.raises(errors.Conflict) as caught:
        registry.register("s", avro(V2), idempotency_key="k")
    assert caught.value.code == 40999


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_incompatible_schema_is_refused_with_findings(registry: tenor.Registry, dry_run: bool) -> None:
    registry.register("s", avro(V1))
    with pytest.raises(errors.Incompatible) as caught:
        registry.register("s", avro(BROKEN), dry_run=dry_run)
    assert [finding["rule"] for finding in caught.value.findings] == ["READER_FIELD_MISSING_DEFAULT_VALUE"]
    verdict = registry.compatibility("s", avro(BROKEN))
    assert not verdict.compatible
    assert verdict.messages


def test_through_the_confluent_api_the_same_errors_come_out(registry: tenor.Registry) -> None:
    registry.send(calls.register("s", avro(V1)))
    with pytest.raises(errors.Incompatible) as caught:
        registry.send(calls.register("s", avro(BROKEN)))
    assert caught.value.code == 409
    with pytest.raises(errors.Rejected) as rejected:
        registry.send(calls.register("s", Schema("{")))
    assert rejected.value.code == 42201


def test_what_is_not_there_has_its_own_error(registry: tenor.Registry) -> None:
    registry.register("s", avro(V1))
    absent: list[tuple[type[Exception], Any]] = [
        (errors.SubjectNotFound, lambda: registry.version("nowhere")),
        (errors.VersionNotFound, lambda: registry.version("s", 7)),
        (errors.SchemaNotFound, lambda: registry.schema(7)),
        (errors.SchemaNotFound, lambda: registry.schema("89791762-2336-4186-9674-299b90a802e2")),
        (errors.SchemaNotFound, lambda: registry.lookup("s", avro(V2))),
        (errors.SubjectNotFound, lambda: registry.lookup("nowhere", avro(V1))),
    ]
    for kind, ask in absent:
        with pytest.raises(kind):
            ask()


@pytest.mark.parametrize("subject", ["a/b", "ü + %2F", ":.dev:orders", "s?x=1#y", " "])
def test_odd_names_of_subjects(registry: tenor.Registry, subject: str) -> None:
    registered = registry.register(subject, avro(V1))
    assert registered.subject == subject
    assert registry.version(subject).schema.text
    assert registry.lookup(subject, avro(V1)).version == 1
    orders = registry.events(subject)
    assert orders.decode(orders.encode({"id": "A1"}).value).data == {"id": "A1"}
    assert registry.send(calls.delete_subject(subject)) == (1,)


def test_lists_and_searches(registry: tenor.Registry) -> None:
    for name in ("orders-key", "orders-value", "payments-value", ":.dev:orders-value"):
        registry.register(name, avro(V1))
    assert registry.subjects("orders") == ("orders-key", "orders-value")
    assert registry.subjects(":.dev:") == (":.dev:orders-value",)
    found = registry.search("value", prefix=":.:")
    assert [item["subject"] for item in found.items] == ["orders-value", "payments-value"]
    page = registry.search(prefix=":.:", limit=2)
    rest = registry.search(prefix=":.:", limit=2, cursor=page.cursor or "")
    assert [item["subject"] for item in (*page.items, *rest.items)] == ["orders-key", "orders-value", "payments-value"]


def test_levels_and_deletions(registry: tenor.Registry) -> None:
    registry.register("s", avro(V1))
    assert registry.send(calls.level("s")) == "BACKWARD"
    assert registry.send(calls.set_level("s", "NONE")) == "NONE"
    assert registry.register("s", avro(BROKEN)).version == 2
    assert registry.send(calls.delete_version("s", 1)) == 1
    assert registry.send(calls.delete_version("s", 1, permanent=True)) == 1
    assert registry.versions("s") == (2,)


def test_the_subject_of_a_topic_by_association(registry: tenor.Registry, registry_client: httpx.Client) -> None:
    registry.register("com.acme.Orders", avro(V1))
    body = {
        "resourceName": "orders",
        "resourceNamespace": "lkc-1",
        "resourceId": "t-1",
        "resourceType": "topic",
        "associations": [{"subject": "com.acme.Orders", "associationType": "value", "lifecycle": "WEAK"}],
    }
    assert registry_client.post("/associations", json=body).status_code == 200
    assert registry.subject_for("orders") == "com.acme.Orders"
    assert registry.subject_for("orders", "key") == "orders-key"


def test_latest_with_metadata(registry: tenor.Registry) -> None:
    registry.register("s", Schema(json.dumps(V1), metadata={"properties": {"major": "1"}}))
    registry.register("s", Schema(json.dumps(V2), metadata={"properties": {"major": "2"}}))
    assert registry.events("s", properties={"major": "1"}).schema.version == 1
    assert registry.events("s").schema.version == 2


# --- events ----------------------------------------------------------------------------------------------------

FRAMINGS = ["id-prefix", "guid-header"]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_avro_events_with_references(registry: tenor.Registry, framing: str) -> None:
    registry.register(
        "money", avro({"type": "record", "name": "shop.Money", "fields": [{"name": "c", "type": "long"}]})
    )
    order = {**V1, "fields": [*V1["fields"], {"name": "total", "type": ["null", "shop.Money"], "default": None}]}
    schema = Schema(json.dumps(order), references=(Reference("shop.Money", "money", 1),))
    orders = registry.events("orders-value", schema=schema, register=True, framing=framing)
    data = {"id": "a long one", "total": {"c": 5}}
    message = orders.encode(data)
    reader = tenor.Registry(URL, http=registry._transport._http).events("orders-value", decode_only=True)
    event = reader.decode(message.value, message.headers)
    assert (event.data, event.message) == (data, "shop.Order")
    assert event.metadata.dataschema == f"{URL}/schemas/guids/{orders.schema.guid}"
    assert registry.schema(orders.schema.guid or "").schema.text


@pytest.mark.parametrize("framing", FRAMINGS)
def test_json_events_with_references(registry: tenor.Registry, framing: str) -> None:
    registry.register("money", Schema('{"type":"number"}', "JSON"))
    declared: Any = JSON["properties"]
    text = json.dumps({**JSON, "properties": {**declared, "total": {"$ref": "money.json"}}})
    schema = Schema(text, "JSON", (Reference("money.json", "money", 1),))
    orders = registry.events("orders-value", schema=schema, register=True, framing=framing)
    message = orders.encode({"id": "A1", "total": 1.5})
    assert orders.decode(message.value, message.headers).data == {"id": "A1", "total": 1.5}
    with pytest.raises(errors.InvalidEvent, match="/total"):
        orders.encode({"id": "A1", "total": "1.5"})


@pytest.mark.parametrize("framing", FRAMINGS)
def test_protobuf_events_with_references(registry: tenor.Registry, framing: str) -> None:
    registry.register("money", Schema(MONEY, "PROTOBUF"))
    schema = Schema(PROTOBUF, "PROTOBUF", (Reference("money.proto", "money", 1),))
    orders = registry.events("orders-value", schema=schema, register=True, framing=framing)
    data = {"id": "A1", "at": {"seconds": 5, "nanos": 0}, "total": {"cents": 2**40, "currency": "EUR"}}
    message = orders.encode(data)
    assert orders.decode(message.value, message.headers).data == data
    lines = registry.events("orders-value", message="shop.Line", framing=framing)
    message = lines.encode({"sku": "x", "stock": {"a": 1}})
    event = orders.decode(message.value, message.headers)
    assert (event.message, event.data) == ("shop.Line", {"sku": "x", "stock": {"a": 1}})


def test_a_newer_reader_and_an_older_one(registry: tenor.Registry) -> None:
    registry.register("s", avro(V1))
    registry.register("s", avro(V2))
    old, new = registry.events("s", version=1), registry.events("s", version=2)
    assert new.decode(old.encode({"id": "A1"}).value).data == {"id": "A1", "total": 0.0}
    assert old.decode(new.encode({"id": "A1", "total": 1.5}).value).data == {"id": "A1"}


def test_an_id_means_its_own_schema_in_each_context(registry: tenor.Registry) -> None:
    registry.register("s", avro(V1))
    registry.register(":.dev:s", Schema('"string"'))
    here, there = registry.events("s"), registry.events(":.dev:s")
    assert (here.schema.id, there.schema.id) == (1, 1)
    assert here.decode(here.encode({"id": "A1"}).value).data == {"id": "A1"}
    assert there.decode(there.encode("text").value).data == "text"


def test_a_referenced_version_that_was_deleted_is_still_read(registry: tenor.Registry) -> None:
    registry.register("money", avro({"type": "record", "name": "shop.Money", "fields": []}))
    schema = Schema(json.dumps(V1), references=(Reference("shop.Money", "money", 1),))
    registry.register("s", schema)
    message = registry.events("s").encode({"id": "A1"})
    registry.send(calls.delete_subject("s"))
    registry.send(calls.delete_subject("money"))
    assert registry.events("s", decode_only=True).decode(message.value).data == {"id": "A1"}
