"""`GET /api/v1/asyncapi`: what the registry knows as an AsyncAPI document, on both engines."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs
import pytest

from contracts.asyncapi.document import Message, Scope, document
from contracts.asyncapi.topics import record_name, topics
from contracts.queries import needs
from contracts.queries.needs import Observed
from registry import formats
from registry.errors import InvalidSchema
from registry.formats.base import Source
from registry.names import Subject
from registry.store.engine import Store
from tests.conformance import avro_schemas, json_pairs, protobuf_schemas
from tests.integration.test_v1_impact import NUMBER, TEXT, V1, deploy, environment, publish, recorded, register, without
from tests.legs import NODE_PROJECT

OFFICIAL = NODE_PROJECT / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
KEY = re.compile(r"[A-Za-z0-9._-]+")


def produces(client: httpx.Client, application: str, number: str, *subjects: tuple[str, int]) -> None:
    body = {"subjects": [{"subject": subject, "version": version} for subject, version in subjects]}
    answer = client.put(f"/api/v1/applications/{application}/versions/{number}/produces", json=body)
    assert answer.status_code == 200, answer.text


def put(client: httpx.Client, subject: str, schema: Any, kind: str = "AVRO", **more: Any) -> int:
    text = schema if isinstance(schema, str) and kind == "PROTOBUF" else json.dumps(schema)
    answer = client.post(
        f"/subjects/{quote(subject, safe='')}/versions", json={"schema": text, "schemaType": kind, **more}
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def asked(client: httpx.Client, **query: str) -> Any:
    answer = client.get("/api/v1/asyncapi", params=query)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    check(found)
    return found


def at(document: Any, reference: str) -> Any:
    """What a reference of the document leads to."""
    assert reference.startswith("#/"), reference
    found = document
    for written in reference[2:].split("/"):
        step = written.replace("~1", "/").replace("~0", "~")
        found = found[int(step)] if isinstance(found, list) else found[step]
    return found


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [each for item in node for each in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [each for item in node.values() for each in references(item)]


def check(document: Any) -> None:
    """What holds for every document: references lead somewhere, messages of operations are those of their channel."""
    assert document["asyncapi"] == "3.0.0"
    assert document["info"]["title"]
    assert document["info"]["version"]
    for reference in references(document):
        at(document, reference)
    for group in (document["channels"], document["operations"], *document["components"].values()):
        assert all(KEY.fullmatch(name) for name in group), sorted(group)
    for name, operation in document["operations"].items():
        assert operation["action"] in ("send", "receive"), name
        channel = operation["channel"]["$ref"]
        assert operation["messages"], name
        assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"]), name
    for name, message in document["components"]["messages"].items():
        assert {"x-tenor-subject", "x-tenor-version", "x-tenor-id", "x-tenor-guid"} <= message.keys(), name


def filled(client: httpx.Client) -> httpx.Client:
    """Topics by every naming, of every format; who writes and reads them; odd names."""
    client.put("/config", json={"compatibility": "NONE"})
    prod, stage = environment(client, "prod", production=True), environment(client, "stage")
    register(client, V1)
    register(client, without("sku"))
    put(client, "orders-key", "string")
    put(client, "customers-key", {"type": "integer"}, "JSON")
    tags = {"tags": {"Customer.name": ["PII"]}, "properties": {"team": "crm", "pin": "1234"}, "sensitive": ["pin"]}
    address = {"$id": "http://x.example/address.json", "type": "object", "properties": {"zip": {"$ref": "#/$defs/zip"}}}
    put(client, "address", {**address, "$defs": {"zip": {"type": "string"}}}, "JSON")
    customer = {
        "title": "Customer",
        "type": "object",
        "properties": {
            "name": {"$ref": "#name"},
            "home": {"$ref": "address.json"},
            "zip": {"$ref": "address.json#/$defs/zip"},
            "friends": {"type": "array", "items": {"$ref": "#"}},
            "$ref": {"enum": ["not a reference"]},
        },
        "definitions": {"name": {"$id": "#name", "type": "string", "default": {"a": "b"}}},
    }
    named = [{"name": "address.json", "subject": "address", "version": 1}]
    put(client, "customers-value", customer, "JSON", references=named, metadata=tags)
    proto = 'syntax = "proto3";\npackage shop.v1;\n\nmessage Paid {\n  string id = 1;\n}\n'
    put(client, "payments-shop.v1.Paid", proto, "PROTOBUF")
    put(client, "com.acme.Shipped", {"type": "record", "name": "com.acme.Shipped", "fields": []})
    seen = put(client, "com.acme.Seen", {"type": "record", "name": "Seen", "namespace": "com.acme", "fields": []})
    client.put("/api/v1/topics/trips/evidence", json={"schema_ids": [seen], "retention_ms": 60000})
    aliased = {"type": "record", "name": "A", "namespace": "n", "aliases": ["n.B", "other.C"], "fields": []}
    put(client, ":.dev:orders-value", aliased)
    put(client, "é odd/$name-value", {"type": "enum", "name": "E", "symbols": ["A"], "doc": "An é."})
    put(client, "e odd/$name-value", ["null", "string"])
    produces(client, "orders", "2.0", ("orders-value", 1), ("customers-value", 1))
    produces(client, "orders", "2.1", ("orders-value", 2))
    deploy(client, "orders", "2.0", prod)
    publish(client, "1.4", recorded("billing", {"/total": NUMBER, "/id": TEXT}))
    deploy(client, "billing", "1.4", prod)
    deploy(client, "billing", "1.4", stage)
    publish(client, "7", recorded("search", {"/name": TEXT}, "customers-value"))
    deploy(client, "search", "7", stage)
    client.put("/api/v1/applications/billing/owner", json={"owner": "team-billing"})
    client.put("/api/v1/subjects/orders-value/owner", json={"owner": "team-orders"})
    weak = {"subject": "address", "associationType": "value", "lifecycle": "WEAK"}
    topic = {"resourceName": "moves", "resourceNamespace": "lkc-1", "resourceId": "id-1", "resourceType": "topic"}
    assert client.post("/associations", json={**topic, "associations": [weak]}).status_code == 200
    return client


@pytest.fixture
def shop(registry_client: httpx.Client) -> httpx.Client:
    return filled(registry_client)


def test_topics_messages_and_applications_are_told(shop: httpx.Client) -> None:
    found = asked(shop)
    channels = {name: (each["address"], sorted(each["messages"])) for name, each in found["channels"].items()}
    assert channels == {
        "orders": ("orders", ["orders-value", "orders-value.v1"]),
        "customers": ("customers", ["customers-value"]),
        "payments": ("payments", ["payments-shop.v1.Paid"]),
        "com.acme.Shipped": (None, ["com.acme.Shipped"]),
        "trips": ("trips", ["com.acme.Seen"]),
        "lkc-1.moves": ("moves", ["address"]),
        "dev.orders": ("orders", ["dev.orders-value"]),
        "e_odd_name": ("e odd/$name", ["e_odd_name-value"]),
        "odd_name": ("é odd/$name", ["odd_name-value"]),
    }
    assert found["channels"]["trips"]["bindings"]["kafka"]["topicConfiguration"] == {"retention.ms": 60000}
    assert found["channels"]["lkc-1.moves"]["x-tenor-topic-known-by"] == ["association"]
    uses = {
        name: [(each["version"], each.get("environments"), each["evidence"]) for each in operation["x-tenor-versions"]]
        for name, operation in found["operations"].items()
    }
    assert uses == {
        "orders.send.orders": [("2.0", ["prod"], ["produces"])],
        "orders.send.customers": [("2.0", ["prod"], ["produces"])],
        "billing.receive.orders": [("1.4", ["prod", "stage"], ["recorded"])],
        "search.receive.customers": [("7", ["stage"], ["recorded"])],
    }
    sends, receives = found["operations"]["orders.send.orders"], found["operations"]["billing.receive.orders"]
    assert sends["messages"] == [{"$ref": "#/channels/orders/messages/orders-value.v1"}]
    assert receives["messages"] == [{"$ref": "#/channels/orders/messages/orders-value"}]
    assert (receives["x-tenor-owner"], receives["x-tenor-versions"][0]["fields"]) == ("team-billing", ["/id", "/total"])


def test_a_message_says_what_the_registry_knows_of_its_schema(shop: httpx.Client) -> None:
    found = asked(shop)
    messages, schemas = found["components"]["messages"], found["components"]["schemas"]
    order = messages["orders-value"]
    known = shop.get("/subjects/orders-value/versions/latest").json()
    assert [order[f"x-tenor-{name}"] for name in ("subject", "version", "id", "guid", "owner")] == [
        "orders-value", 2, known["id"], known["guid"], "team-orders",
    ]  # fmt: skip
    assert order["name"] == "Order"
    assert order["bindings"]["kafka"] == {
        "key": {"type": "string"},
        "x-tenor-key": {"$ref": "#/components/schemas/orders-key"},
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicNameStrategy",
        "bindingVersion": "0.5.0",
    }
    assert schemas["orders-value"] == {
        "schemaFormat": "application/vnd.apache.avro;version=1.9.0",
        "schema": json.loads(known["schema"]),
    }
    assert schemas["com.acme.Shipped"]["schema"] == {
        "name": "Shipped", "namespace": "com.acme", "type": "record", "fields": [],
    }  # fmt: skip
    later = schemas["dev.orders-value"]
    assert (later["schemaFormat"][-6:], later["schema"]["aliases"]) == ("1.12.0", ["B", "other.C"])
    assert schemas["payments-shop.v1.Paid"]["schemaFormat"] == "application/vnd.google.protobuf;version=3"
    assert "message Paid" in schemas["payments-shop.v1.Paid"]["schema"]
    customer = messages["customers-value"]
    assert customer["tags"] == [{"name": "PII"}]
    assert customer["x-tenor-references"] == [{"name": "address.json", "subject": "address", "version": 1}]
    assert customer["x-tenor-properties"] == {"team": "crm"}  # not the one that is sensitive
    assert "x-tenor-unresolved" not in customer
    assert messages["odd_name-value"]["description"] == "An é."
    properties = schemas["customers-value"]["schema"]["properties"]
    assert at(found, properties["name"]["$ref"])["type"] == "string"
    assert at(found, at(found, properties["home"]["$ref"])["properties"]["zip"]["$ref"]) == {"type": "string"}
    assert at(found, properties["zip"]["$ref"]) == {"type": "string"}
    assert at(found, properties["friends"]["items"]["$ref"])["title"] == "Customer"


SCOPES: list[tuple[dict[str, str], list[str], list[str]]] = [
    ({"application": "billing"}, ["orders"], ["billing.receive.orders"]),
    ({"application": "search", "environment": "stage"}, ["customers"], ["search.receive.customers"]),
    ({"application": "search", "environment": "prod"}, [], []),
    ({"environment": "stage"}, ["customers", "orders"], ["billing.receive.orders", "search.receive.customers"]),
    ({"prefix": "com.acme."}, ["com.acme.Shipped", "trips"], []),
    ({"prefix": ":.dev:"}, ["dev.orders"], []),
]


@pytest.mark.parametrize(("query", "channels", "operations"), SCOPES)
def test_a_document_of_one_application_or_environment(
    shop: httpx.Client, query: dict[str, str], channels: list[str], operations: list[str]
) -> None:
    found = asked(shop, **query)
    assert (sorted(found["channels"]), sorted(found["operations"])) == (channels, operations)


def test_who_was_seen_fetching_receives(registry_client: httpx.Client, registry_store: Store) -> None:
    register(registry_client, V1)
    then = 1_700_000_000_000
    registry_store.write_now(lambda db: needs.observe(db, [Observed("orders-value", "seen", "3", then, then, 2)]))
    for query in ({}, {"application": "seen"}):
        (operation,) = asked(registry_client, **query)["operations"].values()
        (version,) = operation["x-tenor-versions"]
        assert (operation["action"], version["version"], version["evidence"]) == ("receive", "3", ["observed"])
        assert version["lastSeen"] == "2023-11-14T22:13:20.000Z"


def test_the_keys_of_a_topic_are_there_too(shop: httpx.Client) -> None:
    found = asked(shop, application="billing")
    assert sorted(found["components"]["messages"]) == ["orders-key", "orders-value"]
    assert list(found["channels"]["orders"]["messages"]) == ["orders-value"]


def test_an_application_gives_the_document_its_name_version_and_owner(shop: httpx.Client) -> None:
    info = asked(shop, application="billing")["info"]
    assert (info["title"], info["version"], info["contact"]) == ("billing", "1.4", {"name": "team-billing"})
    assert asked(shop) == asked(shop)


def test_contracts_on_subjects_that_are_not_registered_are_named(registry_client: httpx.Client) -> None:
    publish(registry_client, "1", recorded("early", {"/a": TEXT}, "later-value"))
    found = asked(registry_client, application="early")
    assert found["info"]["x-tenor-not-registered"] == ["later-value"]
    assert (found["channels"], found["operations"]) == ({}, {})


def test_what_is_not_there_is_refused(shop: httpx.Client) -> None:
    for query, status in (({"application": "none"}, 404), ({"environment": "none"}, 404)):
        assert shop.get("/api/v1/asyncapi", params=query).status_code == status


@pytest.mark.node
def test_the_document_is_what_asyncapi_itself_asks_for(shop: httpx.Client) -> None:
    official = jsonschema_rs.Draft7Validator(json.loads(OFFICIAL.read_text()))
    for query in ({}, {"application": "billing"}, {"environment": "prod"}):
        assert [error.message for error in official.iter_errors(asked(shop, **query))] == []
    assert not official.is_valid({**asked(shop), "channels": {"a": {"adress": "a"}}})


def sampled(count: int) -> list[tuple[str, str]]:
    """Schemas of every format."""
    avro = [next(avro_schemas.pairs(seed))[0] for seed in range(count)]
    made = [("JSON", json.dumps(json_pairs.pair(seed)[0])) for seed in range(count)]
    proto = [("PROTOBUF", protobuf_schemas.pair(seed)[0].text()) for seed in range(count // 10)]
    return [*(("AVRO", text) for text in avro), *made, *proto]


@pytest.mark.node
def test_every_schema_fits_into_a_document(full: bool) -> None:
    official = jsonschema_rs.Draft7Validator(json.loads(OFFICIAL.read_text()))
    messages = []
    for number, (format, text) in enumerate(sampled(2000 if full else 150)):
        try:
            alone = formats.parse(format, Source(text)).inlined()
        except InvalidSchema:  # the makers make some on purpose
            continue
        subject = Subject(".", f"s{number}-value")
        where = topics(subject, record_name(format, text), ())
        messages.append(Message(str(subject), 1, True, number, f"g{number}", format, alone, where))
    assert len(messages) > 250
    found = json.loads(json.dumps(document(Scope(), messages, [], {}, {})))
    check(found)
    assert [error.message for error in official.iter_errors(found)] == []
