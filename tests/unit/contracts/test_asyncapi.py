"""Topics of subjects, and schemas inside an AsyncAPI document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.asyncapi.document import RECEIVE, SEND, Message, Scope, Use, document
from contracts.asyncapi.schemas import carried
from contracts.asyncapi.topics import ASSOCIATION, Topic, record_name, topics
from registry.names import Subject

TOPICS: list[tuple[str, str, list[Topic], list[str], list[tuple[str | None, str, str, str]]]] = [
    # subject, record, associated, seen in → (topic, space, part, how it is known)
    ("orders-value", "Order", [], [], [("orders", "", "value", "topic")]),
    ("orders-key", "Order", [], [], [("orders", "", "key", "topic")]),
    ("a-key-value", "", [], [], [("a-key", "", "value", "topic")]),
    (":.dev:orders-value", "", [], [], [("orders", "dev", "value", "topic")]),
    ("orders-shop.Order", "shop.Order", [], [], [("orders", "", "value", "topic-record")]),
    ("orders-value", "value", [], [], [("orders", "", "value", "topic-record")]),
    ("shop.Order", "shop.Order", [], ["b", "a"], [("a", "", "value", "seen"), ("b", "", "value", "seen")]),
    ("shop.Order", "shop.Order", [], [], [(None, "", "value", "unknown")]),
    ("-value", "", [], [], [(None, "", "value", "unknown")]),
    ("orders-value", "", [Topic("t", "s", "key", ASSOCIATION)], ["a"], [("t", "s", "key", "association")]),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "record", "associated", "seen", "found"), TOPICS)
def test_the_topic_of_a_subject(
    subject: str, record: str, associated: list[Topic], seen: list[str], found: list[tuple[str | None, str, str, str]]
) -> None:
    told = topics(Subject.parse(subject), record, associated, seen)
    assert [(each.name, each.space, each.part, each.known) for each in told] == found


RECORDS = [
    ("AVRO", '"string"', ""),
    ("AVRO", '{"type": "record", "name": "A", "namespace": "n", "fields": []}', "n.A"),
    ("AVRO", '{"type": "record", "name": "m.A", "namespace": "n", "fields": []}', "m.A"),
    ("AVRO", '["null", "string"]', ""),
    ("JSON", '{"title": "A", "name": "B"}', "A"),
    ("JSON", "true", ""),
    ("PROTOBUF", 'syntax = "proto3";\npackage a.b;\nenum E { X = 0; }\nmessage M {}\nmessage N {}', "a.b.M"),
    ("PROTOBUF", "message M {}", "M"),
    ("PROTOBUF", "enum E { X = 0; }", ""),
]


@pytest.mark.parametrize(("format", "text", "name"), RECORDS)
def test_the_name_of_what_a_schema_describes(format: str, text: str, name: str) -> None:
    assert record_name(format, text) == name


PLACE = "#/components/schemas/s"
REFERENCES: list[tuple[Any, Any, tuple[str, ...]]] = [
    # schema, what becomes of the `$ref` at /properties/a, what leads nowhere
    ({"$defs": {"x": {}}}, {"$ref": "#/$defs/x"}, ()),
    ({"$id": "http://h/r.json", "$defs": {"x": {}}}, {"$ref": "r.json#/$defs/x"}, ()),
    ({"$defs": {"x": {"$id": "x.json", "$defs": {"y": {}}}}}, {"$ref": "x.json#/$defs/y"}, ()),
    ({"$defs": {"x": {"$anchor": "here"}}}, {"$ref": "#here"}, ()),
    ({"definitions": {"x": {"$id": "#here"}}}, {"$ref": "#here"}, ()),
    ({}, {"$ref": "#nowhere"}, ("#nowhere",)),
    ({}, {"$ref": "other.json"}, ("other.json",)),
    ({}, {"$ref": "http://json-schema.org/draft-07/schema#"}, ("http://json-schema.org/draft-07/schema#",)),
    ({}, {"$dynamicRef": "#node"}, ("#node",)),
    ({}, {"$ref": "#"}, ()),
    ({}, {"$ref": "#/properties/b"}, ()),
]
LEADS = [
    f"{PLACE}/schema/$defs/x",
    f"{PLACE}/schema/$defs/x",
    f"{PLACE}/schema/$defs/x/$defs/y",
    f"{PLACE}/schema/$defs/x",
    f"{PLACE}/schema/definitions/x",
    "#nowhere",
    "other.json",
    "http://json-schema.org/draft-07/schema#",
    None,
    f"{PLACE}/schema",
    f"{PLACE}/schema/properties/b",
]


@pytest.mark.parametrize(("row", "leads"), list(zip(REFERENCES, LEADS, strict=True)))
def test_references_count_from_the_root_of_the_document(row: tuple[Any, Any, tuple[str, ...]], leads: str) -> None:
    schema, reference, unresolved = row
    told = carried("JSON", json.dumps({**schema, "properties": {"a": reference, "b": {"enum": [reference]}}}), PLACE)
    assert told.unresolved == unresolved
    properties = told.schema["schema"]["properties"]
    assert properties["a"].get("$ref") == leads
    assert properties["b"] == {"enum": [reference]}  # a value, and no reference
    assert "$id" not in told.schema["schema"]


DRAFTS = [
    ("{}", "draft-07"),
    ("true", "draft-07"),
    ('{"$schema": "http://json-schema.org/draft-04/schema#"}', "draft-04"),
    ('{"$schema": "https://json-schema.org/draft/2020-12/schema"}', "2020-12"),
    ('{"$schema": "http://x.example/mine"}', "draft-07"),
]


@pytest.mark.parametrize(("text", "draft"), DRAFTS)
def test_the_format_names_the_draft(text: str, draft: str) -> None:
    assert carried("JSON", text, PLACE).schema["schemaFormat"] == f"application/schema+json;version={draft}"


def test_what_is_nested_too_deeply_is_carried_as_it_is() -> None:
    deep: Any = {}
    for _ in range(390):
        deep = {"items": deep}
    told = carried("JSON", json.dumps(deep), PLACE)
    assert told.schema["schema"] == deep


def message(subject: str, version: int = 1, *, latest: bool = True, **more: Any) -> Message:
    return Message(subject, version, latest, 1, "g", "AVRO", '"string"', topics(Subject.parse(subject), "", ()), **more)


def test_names_that_look_alike_stay_apart() -> None:
    names = [
        "a/b-value",
        "a b-value",
        ":.x:a b-value",
        "a_b-value",
        "x.a b-value",
        "é-value",
        "ü-value",
        "a_b-value.v2",
    ]
    uses = [Use(name, "1", action, names[0]) for name in ("app", "app!", "app?") for action in (SEND, RECEIVE)]
    messages = [message(name) for name in names] + [message("a_b-value", 2, latest=False)]
    found = document(Scope(), messages, uses, {}, {})
    assert len(found["components"]["messages"]) == len(found["components"]["schemas"]) == 9
    assert len(found["channels"]) == 8
    assert {each["x-tenor-application"] for each in found["operations"].values()} == {"app", "app!", "app?"}
    assert len(found["operations"]) == 6


def test_whoever_writes_keys_writes_the_message_that_they_belong_to() -> None:
    use = Use("app", "1", SEND, "orders-key", 1, ("prod",), ("produces",))
    found = document(Scope(), [message("orders-key"), message("orders-value")], [use], {"app": "team"}, {"orders": -1})
    (operation,) = found["operations"].values()
    assert operation["messages"] == [{"$ref": "#/channels/orders/messages/orders-value"}]
    assert operation["x-tenor-owner"] == "team"
    assert found["channels"]["orders"]["bindings"]["kafka"]["topicConfiguration"] == {"retention.ms": -1}
    alone = document(Scope(), [message("orders-key")], [use], {}, {})
    assert "payload" not in alone["components"]["messages"]["orders-key"]
    assert alone["components"]["messages"]["orders-key"]["bindings"]["kafka"]["key"] == {"type": "string"}
