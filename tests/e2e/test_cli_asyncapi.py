"""`tenor import asyncapi` and `tenor export asyncapi` against a served registry, with documents of a FastStream app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import yaml
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import BaseModel

from tests.e2e.test_cli_moving import register, tenor, url

ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "total", "type": "double"},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}
INVOICE = {"type": "record", "name": "Invoice", "fields": [{"name": "order", "type": "string"}]}


class Order(BaseModel):
    id: str
    total: float


class Invoice(BaseModel):
    order: str


def faststream(version: Literal["2.6.0", "3.0.0"]) -> Any:
    """The document of an app that reads orders and writes invoices."""
    broker = KafkaBroker()

    @broker.subscriber("orders", group_id="billing")
    @broker.publisher("invoices", schema=Invoice)
    async def bill(order: Order) -> Invoice:
        return Invoice(order=order.id)

    @broker.subscriber("raw")
    async def keep(event: Any) -> None: ...

    @broker.publisher("unknown")
    @broker.subscriber("audit")
    async def audit(event: dict[str, str]) -> str:
        return ""

    described = AsyncAPI(title="billing", version="1.4", schema_version=version)
    described.add_broker(broker)
    return described.to_specification().to_jsonable()


@pytest.fixture
def shop(registry: httpx.Client, tmp_path: Path) -> tuple[Path, str]:
    """A folder, and the address of a registry that knows orders and invoices."""
    register(registry, "orders-value", json.dumps(ORDER))
    register(registry, "invoices-value", json.dumps(INVOICE))
    return tmp_path, url(registry)


@pytest.mark.parametrize("version", ["2.6.0", "3.0.0"])
def test_a_faststream_app_is_known_as_consumer_and_producer(
    shop: tuple[Path, str], version: Literal["2.6.0", "3.0.0"]
) -> None:
    folder, address = shop
    name = f"billing-{version}"
    (folder / "asyncapi.json").write_text(json.dumps(faststream(version)))
    command = ("import", "asyncapi", "asyncapi.json", "--application", name, "--registry", address)
    rehearsed = tenor(folder, *command, "--dry-run")
    assert rehearsed.code == 0, rehearsed.err
    assert f"would be told: {name} 1.4 writes invoices-value version 1" in rehearsed.out
    assert name not in tenor(folder, "consumers", "orders-value", "--registry", address).out
    ran = tenor(folder, *command)
    assert ran.code == 0, ran.err
    assert "orders-value" in ran.out
    assert "left out: " in ran.out
    assert "sends unknown-value: the subject is not registered yet" in ran.out
    assert ran.out.count("counts as unknown: the document does not say what it reads of the event") == 1
    listed = tenor(folder, "consumers", "orders-value", "--fields", "--registry", address).out
    assert {line.split()[0]: line.split()[-2] for line in listed.splitlines()[1:4] if name in line} == {
        "/id": name,
        "/total": name,
    }
    known = tenor(folder, "consumers", "invoices-value", "--registry", address, "--output", "json").out
    assert name in json.loads(known)["producers"]
    (folder / "new.avsc").write_text(json.dumps({**ORDER, "fields": [ORDER["fields"][0], ORDER["fields"][2]]}))
    impact = tenor(folder, "impact", "orders-value", "new.avsc", "--registry", address)
    assert impact.code == 1, impact
    assert f"{name} 1.4" in impact.out
    assert "on /total" in impact.out
    again = tenor(folder, *command, "--output", "json")
    assert (again.code, json.loads(again.out)["version"]) == (0, "1.4")
    # Another contract takes another version.
    changed = json.dumps(faststream(version)).replace('"total"', '"sum"')
    (folder / "asyncapi.json").write_text(changed)
    assert tenor(folder, *command).code == 5
    assert tenor(folder, *command, "--version", "1.5").code == 0


GENERAL = """
asyncapi: 3.0.0
info: {title: shipping, version: 2024-01-31}
channels:
  orders:
    address: orders
    messages:
      order: {$ref: '#/components/messages/order'}
  parcels:
    address: parcels
    messages:
      parcel:
        name: Parcel
        headers: {type: object}
        payload:
          schemaFormat: application/vnd.apache.avro;version=1.9.0
          schema: {type: record, name: Invoice, fields: [{name: order, type: string}]}
  strange: {address: null, messages: {m: {payload: {type: string}}}}
  idle: {address: idle, messages: {m: {payload: {type: string}}}}
  far: {address: far, messages: {m: {name: Far, payload: {$ref: 'other.json#/a'}}}}
operations:
  ship:
    action: receive
    channel: {$ref: '#/channels/orders'}
    messages: [{$ref: '#/channels/orders/messages/order'}]
    reply: {channel: {$ref: '#/channels/idle'}}
  track: {action: receive, channel: {$ref: '#/channels/parcels'}}
  send: {action: send, channel: {$ref: '#/channels/parcels'}}
  odd: {action: receive, channel: {$ref: '#/channels/strange'}}
  lost: {action: receive, channel: {$ref: '#/channels/nowhere'}}
  far: {action: receive, channel: {$ref: '#/channels/far'}}
components:
  messages:
    order:
      title: Order
      payload:
        type: object
        required: [id]
        properties: {id: {type: string}, lines: {type: array, items: {$ref: '#/components/schemas/line'}}}
  schemas:
    line: {type: object, properties: {sku: {type: string}, next: {$ref: '#/components/schemas/line'}}}
"""


def test_any_document_is_told_and_what_cannot_be_told_is_named(shop: tuple[Path, str]) -> None:
    folder, address = shop
    (folder / "doc.yaml").write_text(GENERAL)
    given = ("--application", "shipping", "--subject", "parcels=invoices-value", "--registry", address)
    ran = tenor(folder, "import", "asyncapi", "doc.yaml", *given, "--output", "json")
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    assert told["version"] == "2024-01-31"
    assert told["writes"] == told["reads"] == [{"subject": "invoices-value", "version": 1}]
    needs = {each["subject"]: [need["path"] for need in each["needs"]] for each in told["contracts"]}
    lines = ["/lines", "/lines/*", "/lines/*/next", "/lines/*/sku"]
    assert needs == {"orders-value": ["", "/id", *lines], "far-value": [""]}
    assert {each["what"]: each["why"] for each in told["left_out"]} == {
        "the reply of operation ship": "replies are no events of a topic",
        "the headers of message Parcel": "contracts speak of the event, not of its headers",
        "operation lost": "it names no action and channel",
        "channel idle": "no operation uses it",
        "operation odd": "nothing says its subject: give --subject or --naming",
        "the schema of message Far": "it refers to other.json#/a, which is not in the document",
    }
    consumers = tenor(folder, "consumers", "invoices-value", "--registry", address).out
    assert "shipping" in consumers


@pytest.mark.parametrize(("idle", "lines"), [(2, 2), (40, 1)])
def test_a_document_of_everybody_is_told_in_a_few_lines(shop: tuple[Path, str], idle: int, lines: int) -> None:
    folder, address = shop
    channels = {f"c{number}": {"address": f"c{number}"} for number in range(idle)}
    operations = {"lost": {"action": "send"}}
    (folder / "all.json").write_text(
        json.dumps({"asyncapi": "3.0.0", "info": {"version": "1"}, "channels": channels, "operations": operations})
    )
    ran = tenor(folder, "import", "asyncapi", "all.json", "--application", "x", "--dry-run", "--registry", address)
    told = [line for line in ran.out.splitlines() if line.endswith("no operation uses it")]
    assert (ran.code, len(told)) == (0, lines)
    assert lines == idle or told == [f"left out: {idle} times, --output json tells where: no operation uses it"]


REFUSED = {
    "no document": ("[1]", "it is no object with members"),
    "no AsyncAPI": ("{}", "it names no version of AsyncAPI"),
    "OpenAPI": ('{"openapi": "3.1.0"}', "it names no version of AsyncAPI"),
    "nothing in it": ('{"asyncapi": "3.0.0", "info": {"version": "1"}}', "it has no operation"),
    "neither JSON nor YAML": ("{a: [", "is neither JSON nor YAML, line"),
    "no version": ('{"asyncapi": "2.6.0", "channels": {"a": {}}}', "give --version"),
    "odd members": (
        '{"asyncapi": "3.0.0", "operations": {"a": 1, "b": {"action": "send", "channel": 1}}}',
        "--version",
    ),
}


@pytest.mark.parametrize("odd", REFUSED)
def test_what_is_no_document_is_refused(tmp_path: Path, odd: str) -> None:
    text, sentence = REFUSED[odd]
    (tmp_path / "doc.yaml").write_text(text)
    ran = tenor(tmp_path, "import", "asyncapi", "doc.yaml", "--application", "a", "--registry", "http://127.0.0.1:9")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran
    assert sentence in ran.err
    assert "doc.yaml" in ran.err


def test_what_is_exported_can_be_imported(shop: tuple[Path, str]) -> None:
    folder, address = shop
    (folder / "asyncapi.json").write_text(json.dumps(faststream("3.0.0")))
    registry = ("--registry", address)
    assert tenor(folder, "import", "asyncapi", "asyncapi.json", "--application", "first", *registry).code == 0
    shown = tenor(folder, "export", "asyncapi", "--application", "first", "--server", "prod=kafka://b:9092", *registry)
    document = yaml.safe_load(shown.out)
    assert shown.code == 0, shown.err
    assert list(document)[:3] == ["asyncapi", "info", "servers"]
    assert document["servers"]["prod"]["bindings"]["kafka"]["schemaRegistryUrl"] == address
    assert sorted(document["operations"]) == ["first.receive.orders", "first.send.invoices"]
    as_json = tenor(folder, "export", "asyncapi", "--application", "first", *registry, "--output", "json").out
    assert json.loads(as_json) == {name: each for name, each in document.items() if name != "servers"}
    said = tenor(folder, "export", "asyncapi", "--application", "first", "--output-file", "out.yaml", *registry)
    assert said.out == "out.yaml: 2 channels, 2 operations, 2 messages\n"
    assert yaml.safe_load((folder / "out.yaml").read_text())["operations"] == document["operations"]
    told = tenor(folder, "import", "asyncapi", "out.yaml", "--application", "first", *registry, "--output", "json")
    found = json.loads(told.out)
    assert found["writes"] == [{"subject": "invoices-value", "version": 1}]
    assert found["reads"] == [{"subject": "orders-value", "version": 1}]
    assert found["left_out"] == []
    wrong = tenor(folder, "export", "asyncapi", "--server", "b:9092", *registry)
    assert (wrong.code, "NAME=PROTOCOL" in wrong.err) == (2, True)
    # A word behind `export` that is no verb's is a folder.
    assert tenor(folder, "export", "archive", *registry).code == 0
    assert (folder / "archive" / "registry.jsonl").exists()
