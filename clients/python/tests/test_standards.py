"""Documents of other standards as anybody may write them: read, or refused in words, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from random import Random
from typing import Any

import httpx
import pytest
from faststream.specification import AsyncAPI
from hypothesis import given, settings
from hypothesis import strategies as st

import tenor
from tenor.cli.moving import broker, reading
from tenor.cli.output import Output
from tenor.cli.running import UsageError
from tenor.cli.standards import asyncapi, files
from tenor.cli.standards.odcs import avro, contract, json_schema
from tenor.cli.standards.odcs.members import Found, NoContract

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

BROKERS = {"confluent": "KafkaBroker", "mqtt": "MQTTBroker"}
OLD: dict[str, Any] = {
    "asyncapi": "2.6.0",
    "info": {"title": "t", "version": "1"},
    "channels": {
        "a:B": {
            "bindings": {"amqp": {"queue": {"name": "q"}}},
            "publish": {"message": {"oneOf": [{"$ref": "#/components/messages/M"}, {"payload": {"type": "string"}}]}},
            "subscribe": {
                "message": {"name": "N", "schemaFormat": "application/vnd.apache.avro", "payload": {"type": "int"}}
            },
        }
    },
    "components": {
        "messages": {"M": {"payload": {"$ref": "#/components/schemas/S"}, "headers": {}}},
        "schemas": {"S": {"properties": {"again": {"$ref": "#/components/schemas/S"}}}},
    },
}
NEW: dict[str, Any] = {
    "asyncapi": "3.0.0",
    "info": {"title": "t", "version": "1"},
    "channels": {"c": {"address": "c", "messages": {"m": {"$ref": "#/components/messages/M"}}}},
    "operations": {
        "o": {
            "action": "receive",
            "channel": {"$ref": "#/channels/c"},
            "messages": [{"$ref": "#/channels/c/messages/m"}],
            "x-tenor-versions": [{"subject": "s", "schemaVersion": 2}],
        }
    },
    "components": {
        "messages": {
            "M": {"x-tenor-subject": "s", "x-tenor-version": 1, "payload": {"$ref": "#/components/schemas/S"}}
        },
        "schemas": {"S": {"schemaFormat": "application/vnd.google.protobuf;version=3", "schema": "message M {}"}},
    },
}
ODCS: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "team": {"name": "a", "members": [{"username": "b", "role": "owner"}]},
    "slaProperties": [{"property": "retention", "value": 3, "unit": "d"}],
    "customProperties": [{"property": "tenor:format", "value": "AVRO"}],
    "schema": [
        {
            "name": "a",
            "properties": [
                {
                    "name": "b",
                    "logicalType": "array",
                    "items": {"logicalType": "object", "properties": [{"name": "c"}]},
                },
                {"name": "d", "logicalType": "map", "map": {"value": {"logicalType": "number"}}, "tags": ["T"]},
                {
                    "name": "e",
                    "physicalType": "fixed(3) (decimal 4,2)",
                    "enum": [{"value": "A"}],
                    "customProperties": [{"property": "tenor:field", "value": {"aliases": ["x"]}}],
                },
            ],
        }
    ],
}


def mutated(document: Any, seed: int, value: Any) -> Any:
    """The document with one of its places replaced."""
    made = json.loads(json.dumps(document))
    places: list[tuple[Any, Any]] = []
    waiting = [made]
    while waiting:
        node = waiting.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    holder, key = places[seed % len(places)]
    holder[key] = value
    return made


def test_both_forms_of_asyncapi_are_read() -> None:
    old, new = asyncapi.said(OLD), asyncapi.said(NEW)
    assert [(each.action, each.address, each.message, each.payload.format) for each in old.told] == [
        ("receive", "q", "M", "JSON"),
        ("receive", "q", "publish of channel a:B", "JSON"),
        ("send", "q", "N", "AVRO"),
    ]
    assert old.told[0].payload.schema["components"]["schemas"]["S"] == OLD["components"]["schemas"]["S"]
    (told,) = new.told
    assert (told.subject, told.version, told.payload) == ("s", 2, asyncapi.Payload("PROTOBUF", "message M {}"))


@pytest.mark.parametrize("version", ["2.6.0", "3.0.0"])
@pytest.mark.parametrize("module", ["confluent", "kafka", "rabbit", "nats", "redis", "mqtt"])
def test_the_documents_of_every_broker_of_faststream_are_read(module: str, version: Any) -> None:
    made = import_module(f"faststream.{module}")
    broker = getattr(made, BROKERS.get(module, f"{module.capitalize()}Broker"))()

    async def bill(total: int) -> str:
        return ""

    broker.subscriber("orders")(broker.publisher("bills")(bill))
    described = AsyncAPI(title="billing", version="1", schema_version=version)
    described.add_broker(broker)
    found = asyncapi.said(described.to_specification().to_jsonable())
    assert [(each.action, each.address) for each in found.told] == [("receive", "orders"), ("send", "bills")]
    assert found.told[0].payload.schema["components"]["schemas"]
    assert found.left_out == []


@settings(max_examples=150)
@given(st.sampled_from([OLD, NEW]), st.integers(0, 10_000), JSON)
def test_any_asyncapi_document_is_read_or_refused(document: Any, seed: int, value: Any) -> None:
    with suppress(asyncapi.NoDocument):
        found = asyncapi.said(mutated(document, seed, value))
        assert found.told or found.left_out


@settings(max_examples=200)
@given(st.integers(0, 10_000), JSON, st.booleans())
def test_any_contract_is_read_or_refused(seed: int, value: Any, own: bool) -> None:
    document = mutated(ODCS, seed, value)
    with suppress(NoContract):
        for promise in contract.promises(document, Found(own=own)):
            for language in (avro, json_schema):
                json.dumps(language.schema_of(promise.node, Found(own=own)))


TEXTS: dict[str, tuple[str, str]] = {
    "a list": ("[1]", "it is no object with members"),
    "a text": ("x", "it is no object with members"),
    "nothing": ("", "it is no object with members"),
    "half": ('{"a": ', "is neither JSON nor YAML"),
    "a tag": ("a: !!python/object/apply:os.system [ls]", "is neither JSON nor YAML, line 1"),
    "deep": ("[" * 5000, "is neither JSON nor YAML"),
}


@pytest.mark.parametrize("odd", TEXTS)
def test_files_that_are_no_documents_are_named(tmp_path: Any, odd: str) -> None:
    text, sentence = TEXTS[odd]
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"d\.yaml") as refused:
        files.read(str(tmp_path / "d.yaml"))
    assert sentence in str(refused.value)


def test_days_stay_texts(tmp_path: Any) -> None:
    (tmp_path / "d.yaml").write_text("a: 2026-01-31\nb: 1.5\nc: yes\n")
    assert files.read(str(tmp_path / "d.yaml")) == {"a": "2026-01-31", "b": 1.5, "c": True}


def test_a_document_is_written_as_its_name_says(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("d.json", '{\n  "a": "é"\n}\n'), ("d.yaml", "a: é\n")):
        files.put({"a": "é"}, str(tmp_path / name), Output(), "one", {})
        assert (tmp_path / name).read_text() == text
    with pytest.raises(UsageError, match="cannot write"):
        files.put({}, str(tmp_path / "no" / "d.json"), Output(), "one", {})


# What is moved, between registries that are not alike.


def registry(answer: Callable[[httpx.Request], httpx.Response]) -> tenor.Registry:
    transport = httpx.MockTransport(answer)
    return tenor.Registry("http://r.example", http=httpx.Client(transport=transport), retry=tenor.Retry(rounds=1))


VERSION = {"subject": "s", "version": 1, "id": 1, "schema": '"int"', "ts": 5}
ASSOCIATION = {
    "subject": "s",
    "guid": "g",
    "resourceName": "t",
    "resourceNamespace": "lkc",
    "resourceId": "i",
    "resourceType": "topic",
    "associationType": "value",
    "lifecycle": "WEAK",
    "frozen": False,
}


@pytest.mark.parametrize("all_at_once", [200, 404, 405, 422])
def test_associations_are_read_as_the_source_allows(all_at_once: int) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        asked.append(path)
        if path == "/schemas":
            return httpx.Response(200, json=[VERSION])
        if path == "/associations/resources/-/-":
            refused = {"error_code": 42212 if all_at_once == 422 else all_at_once, "message": "no"}
            return httpx.Response(all_at_once, json=[ASSOCIATION] if all_at_once == 200 else refused)
        if path == "/associations/subjects/s":
            return httpx.Response(200, json=[ASSOCIATION])
        return httpx.Response(404, json={"error_code": 404, "message": "no"})

    found = reading.read(registry(answer), lambda kind, count: None)
    assert found["version", "s", 1]["ts"] == 5
    known = ("association", "s", "lkc", "t", "value")
    assert (known in found) == (all_at_once in (200, 422))
    assert ("/associations/subjects/s" in asked) == (all_at_once == 422)
    if known in found:
        assert found[known] == {"resourceId": "i", "resourceType": "topic", "lifecycle": "WEAK"}


def test_webhooks_that_may_not_be_read_are_a_remark() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/webhooks":
            return httpx.Response(403, json={"error": "not for you"})
        self = {"_links": {"self": {"href": "http://r.example/"}}}
        return httpx.Response(200, json={**self, "_embedded": {"pacticipants": [], "environments": []}})

    origin = broker.Broker(registry(answer))
    assert broker.read(origin, lambda kind, count: None) == {}
    (remark,) = origin.remarks
    assert remark.startswith("webhooks are left out: ")


def test_a_page_that_repeats_ends_the_list() -> None:
    rows = [{**ASSOCIATION, "resourceName": str(number)} for number in range(reading.PAGE)]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/schemas":
            return httpx.Response(200, json=[VERSION])
        if request.url.path.startswith("/associations/"):
            Random(1).shuffle(rows)
            return httpx.Response(200, json=rows)
        return httpx.Response(404, json={"error_code": 404, "message": "no"})

    found = reading.read(registry(answer), lambda kind, count: None)
    assert sum(key[0] == "association" for key in found) == reading.PAGE
