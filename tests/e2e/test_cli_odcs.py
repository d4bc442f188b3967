"""`tenor export odcs` and `tenor import odcs` against a served registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from tests.conformance.test_odcs import FOREIGN, OFFICIAL, ORDER
from tests.e2e.test_cli_moving import ask, register, tenor, url

CUSTOMER = {
    "title": "Customer",
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "home": {"$ref": "address.json"}},
    "required": ["name"],
}
PROTO = """syntax = "proto3";
package shop;

message Paid {
  string id = 1;
  optional int64 cents = 2;
  repeated Line lines = 3;
  map<string, State> states = 4;
  oneof how {
    string card = 5;
    Paid earlier = 6;
  }
}

message Line {
  bytes sku = 1 [deprecated = true];
}

enum State {
  OPEN = 0;
  PAID = 1;
}
"""


@pytest.fixture(scope="module")
def shop(registry: httpx.Client) -> httpx.Client:
    tags = {"metadata": {"tags": {"shop.Line.sku": ["SKU"]}, "properties": {"a": "b"}}}
    register(registry, "orders-value", json.dumps(ORDER), **tags)
    register(
        registry,
        "address",
        json.dumps({"type": "object", "properties": {"zip": {"type": "string"}}}),
        schemaType="JSON",
    )
    register(registry, "customers-value", json.dumps(CUSTOMER), ("address.json", "address", 1), schemaType="JSON")
    register(registry, "paid-value", PROTO, schemaType="PROTOBUF")
    ask(registry, "PUT", "/api/v1/subjects/orders-value/owner", {"owner": "team-orders"})
    ask(registry, "PUT", "/api/v1/subjects/orders-value/policy", {"protect": "used", "readable_for": {"days": 30}})
    return registry


def exported(shop: httpx.Client, folder: Path, *arguments: str) -> Any:
    ran = tenor(folder, "export", "odcs", *arguments, "--registry", url(shop))
    assert ran.code == 0, ran
    found = yaml.safe_load(ran.out)
    assert [error.message for error in OFFICIAL.iter_errors(found)] == []
    return found


def test_a_subject_is_exported_and_comes_back_unchanged(shop: httpx.Client, tmp_path: Path) -> None:
    found = exported(shop, tmp_path, "orders-value", "--server", "prod=b:9092")
    assert (found["team"], found["slaProperties"][0]["value"]) == ({"name": "team-orders"}, 30)
    (tmp_path / "orders.yaml").write_text(yaml.safe_dump(found))
    command = ("import", "odcs", "orders.yaml", "--registry", url(shop), "--output", "json")
    rehearsed = json.loads(tenor(tmp_path, *command, "--dry-run").out)["contracts"][0]
    assert (rehearsed["owner"], rehearsed["policy"], rehearsed["left_out"]) == (None, None, [])
    # Tags that stood in the schema are metadata now: that is a version, once.
    first = json.loads(tenor(tmp_path, *command, "--folder", "schemas").out)["contracts"][0]
    assert (first["version"], first["created"], first["schema_file"]) == (2, True, "schemas/orders-value.avsc")
    assert json.loads((tmp_path / "schemas/orders-value.avsc").read_text())["name"] == "Order"
    again = json.loads(tenor(tmp_path, *command).out)["contracts"][0]
    assert (again["version"], again["created"]) == (2, False)
    known = shop.get("/subjects/orders-value/versions/2").json()
    assert known["metadata"] == {
        "tags": {"shop.Order.note": ["PII"], "shop.Line.sku": ["SKU"]},
        "properties": {"a": "b"},
    }
    assert tenor(
        tmp_path, "export", "odcs", "orders-value", "--output-file", "o.json", "--registry", url(shop)
    ).out == ("o.json: orders-value version 2\n")
    assert json.loads((tmp_path / "o.json").read_text())["version"] == "2"
    older = exported(shop, tmp_path, "orders-value", "--version", "1")
    assert older["version"] == "1"


def test_references_are_written_out(shop: httpx.Client, tmp_path: Path) -> None:
    found = exported(shop, tmp_path, "customers-value")
    again = tenor(tmp_path, "export", "odcs", "customers-value", "--output", "json", "--registry", url(shop))
    assert json.loads(again.out)["schema"] == found["schema"]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(found))
    ran = tenor(tmp_path, "import", "odcs", "c.yaml", "--registry", url(shop))
    assert ran.code == 0, ran


def test_messages_are_exported_and_become_json(shop: httpx.Client, tmp_path: Path) -> None:
    found = exported(shop, tmp_path, "paid-value")
    assert [each["name"] for each in found["schema"]] == ["Paid", "Line"]
    fields = {
        each["name"]: (each["logicalType"], each["physicalType"], each["required"])
        for each in found["schema"][0]["properties"]
    }
    assert fields == {
        "id": ("string", "string", True),
        "cents": ("integer", "int64", False),
        "lines": ("array", "repeated", True),
        "states": ("map", "map", True),
        "card": ("string", "string", False),
        "earlier": ("object", "shop.Paid", False),
    }
    states = found["schema"][0]["properties"][3]
    assert states["map"]["value"]["enum"] == [{"value": "OPEN"}, {"value": "PAID"}]
    (tmp_path / "paid.yaml").write_text(yaml.safe_dump(found))
    refused = tenor(tmp_path, "import", "odcs", "paid.yaml", "--registry", url(shop))
    assert refused.code == 2
    assert "paid.yaml tells of paid-value, which is Protobuf" in refused.err
    command = ("import", "odcs", "paid.yaml", "--subject", "paid-json-value", "--registry", url(shop))
    ran = tenor(tmp_path, *command)
    assert ran.code == 0, ran
    assert "left out: schema Line: it is a part of the first one's file" in ran.out
    made = json.loads(shop.get("/subjects/paid-json-value/versions/latest").json()["schema"])
    assert made["properties"]["lines"]["items"]["properties"]["sku"] == {"type": "string", "deprecated": True}
    assert jsonschema_rs.is_valid(made, {"id": "1", "lines": [{"sku": ""}], "states": {"a": "OPEN"}})


def test_a_contract_of_others_is_registered_with_owner_tags_and_window(shop: httpx.Client, tmp_path: Path) -> None:
    document = json.loads(json.dumps(FOREIGN))
    document["schema"][0]["physicalName"] = "sales"
    (tmp_path / "sales.yaml").write_text(yaml.safe_dump(document))
    command = ("import", "odcs", "sales.yaml", "--format", "avro", "--registry", url(shop))
    rehearsed = tenor(tmp_path, *command, "--dry-run", "--folder", "out")
    assert rehearsed.code == 0, rehearsed
    lines = rehearsed.out.splitlines()
    assert lines[0] == "sales.yaml: would register sales-value version 1, AVRO"
    assert "  would set the owner: ann" in lines
    assert '  would set the policy: {"readable_for": {"days": 365}}' in lines
    assert "  left out: order.order id: primaryKey: no schema says it" in lines
    assert shop.get("/subjects/sales-value/versions").status_code == 404
    assert not (tmp_path / "out").exists()
    assert tenor(tmp_path, *command).code == 0
    detail = ask(shop, "GET", "/api/v1/subjects/sales-value")
    assert detail["owner"] == "ann"
    known = ask(shop, "GET", "/subjects/sales-value/versions/1")
    assert known["metadata"]["tags"] == {"Order.order_day": ["TIME"], "Order.mail": ["PII"]}
    assert known["metadata"]["properties"]["odcs.version"] == "1.1.0"
    assert ask(shop, "GET", "/api/v1/subjects/sales-value/policy")["readable_for"] == {"days": 365}
    again = json.loads(tenor(tmp_path, *command, "--output", "json").out)["contracts"][0]
    assert (again["created"], again["owner"], again["policy"]) == (False, None, None)
    # One that does not fit is refused before any is registered.
    document["schema"][0]["properties"][0] |= {"logicalType": "integer", "logicalTypeOptions": {}}
    (tmp_path / "broken.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "good.yaml").write_text(yaml.safe_dump({**document, "schema": [{"name": "good", "properties": []}]}))
    ran = tenor(tmp_path, "import", "odcs", "good.yaml", "broken.yaml", *command[3:])
    assert ran.code == 1, ran
    assert shop.get("/subjects/good-value/versions").status_code == 404


ODD = "apiVersion: v3.1.0\nschema: [{name: a, properties: [{name: b, logicalTypeOptions: 7}]}]"
REFUSED = {
    "no contract": ("{}", (), "is no ODCS contract: it is no DataContract"),
    "no schema": ("apiVersion: v3.1.0\nkind: DataContract\n", (), "it has no schema"),
    "no name": ("apiVersion: v3.1.0\nkind: DataContract\nschema: [{properties: []}]", (), "give --subject"),
    "no folder": ("apiVersion: v3.1.0\nschema: [{name: a}]", ("--files-only",), "--files-only writes to a --folder"),
    "twice": ("apiVersion: v3.1.0\nschema: [{name: a}, {name: a}]", (), "the subject a-value is that of another"),
    "many": ("apiVersion: v3.1.0\nschema: [{name: a}, {name: b}]", ("--subject", "s"), "names one schema"),
    "odd": (ODD, (), "is no ODCS contract: $.b: logicalTypeOptions is no object"),
}


@pytest.mark.parametrize("odd", REFUSED)
def test_what_is_no_contract_is_refused(tmp_path: Path, odd: str) -> None:
    text, arguments, sentence = REFUSED[odd]
    (tmp_path / "c.yaml").write_text(text)
    ran = tenor(tmp_path, "import", "odcs", "c.yaml", *arguments, "--registry", "http://127.0.0.1:9")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran
    assert sentence in ran.err


def test_files_only_asks_nobody(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(FOREIGN))
    command = ("import", "odcs", "c.yaml", "--folder", ".", "--files-only", "--registry", "http://127.0.0.1:9")
    ran = tenor(tmp_path, *command)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "c.yaml: wrote orders-value.json"), ran
    assert json.loads((tmp_path / "orders-value.json").read_text())["title"] == "order"
