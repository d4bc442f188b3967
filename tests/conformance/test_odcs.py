"""Schemas as ODCS contracts and back: the same meaning, in documents that the standard's own JSON Schema accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from random import Random
from typing import Any

import jsonschema_rs
import pytest

from registry import formats
from registry.errors import InvalidSchema
from registry.formats.base import Schema, Severity, Source
from tenor.cli.standards.odcs import avro, contract, json_schema
from tenor.cli.standards.odcs.members import SCHEMA, Found, NoContract, custom
from tests.conformance import avro_schemas, json_pairs

OFFICIAL = jsonschema_rs.Draft201909Validator(
    json.loads(files("open_data_contract_standard").joinpath("schema.json").read_bytes())
)
LANGUAGES = {"AVRO": avro, "JSON": json_schema}


def faults(document: Any) -> list[str]:
    return [f"{list(error.instance_path)}: {error.message[:200]}" for error in OFFICIAL.iter_errors(document)]


def document(format: str, node: Any) -> Any:
    facts = contract.Facts("things-value", 3, 7, "g", format, "2026-01-31T00:00:00.000Z", "team", "FULL", "used")
    return json.loads(json.dumps(contract.contract(facts, [node])))


def errors(one: Schema, other: Schema) -> set[tuple[str, str]]:
    """What keeps one from reading the other; a few are wrong beside themselves already."""
    return {(each.rule, each.path) for each in one.findings(other) if each.severity is Severity.ERROR}


TEXTS: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date", "minLength": 1},
    {"type": "string", "pattern": "^a+$", "maxLength": 9, "contentEncoding": "base64"},
    {"type": "string", "enum": ["A", "B"]},
    {"enum": ["A", None, 1]},
    {"const": "A"},
    {"type": "string", "confluent:tags": ["PII"]},
)
NUMBERS: tuple[dict[str, Any], ...] = (
    {"type": "integer", "minimum": 0},
    {"type": "integer", "enum": [1, 2]},
    {"type": "number", "exclusiveMaximum": 10.5, "multipleOf": 0.5},
    {"type": "integer", "format": "int64"},
)


class Typed:
    """Random JSON Schemas of the kind that people write for events: objects, references, what may be null."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.defs: dict[str, Any] = {}

    def schema(self) -> Any:
        made = {**self.object(0), "title": "Thing"}
        if self.random.random() < 0.5:
            made["$schema"] = "http://json-schema.org/draft-07/schema#"
        return {**made, **({"definitions": self.defs} if self.defs else {})}

    def object(self, depth: int) -> Any:
        names = self.random.sample(["id", "total", "a b", "$ref x", "é", "type", "items"], self.random.randint(1, 5))
        made: Any = {"type": "object", "properties": {name: self.any(depth + 1) for name in names}}
        needed = [name for name in names if self.random.random() < 0.5]
        if needed:
            made["required"] = needed
        if self.random.random() < 0.2:
            made["additionalProperties"] = self.random.random() < 0.5
        if self.random.random() < 0.1:
            made["required"] = [*needed, "elsewhere"]
        return made

    def any(self, depth: int) -> Any:
        makers = [self.text, self.number, self.boolean, self.odd]
        if depth < 4:
            makers += [self.object_in, self.array, self.map, self.reference]
        made = self.random.choice(makers)(depth)
        if isinstance(made, dict) and isinstance(made.get("type"), str) and "enum" not in made:
            if self.random.random() < 0.2:
                made["type"] = [made["type"], "null"]
            if self.random.random() < 0.2:
                made |= {"description": "why", "deprecated": True, "examples": [1], "default": None}
        return made

    def object_in(self, depth: int) -> Any:
        return self.object(depth)

    def text(self, depth: int) -> Any:
        return dict(self.random.choice(TEXTS))

    def number(self, depth: int) -> Any:
        return dict(self.random.choice(NUMBERS))

    def boolean(self, depth: int) -> Any:
        return {"type": "boolean"}

    def odd(self, depth: int) -> Any:
        return self.random.choice(
            [True, {}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": ["string", "integer"]}, {"not": {}}]
        )

    def array(self, depth: int) -> Any:
        made: Any = {"type": "array", "items": self.any(depth + 1)}
        if self.random.random() < 0.3:
            made |= {"minItems": 1, "uniqueItems": True}
        return made

    def map(self, depth: int) -> Any:
        return {"type": "object", "additionalProperties": self.any(depth + 1)}

    def reference(self, depth: int) -> Any:
        name = self.random.choice("xyz")
        if name not in self.defs:
            self.defs[name] = {"type": "object"}
            made = self.object(depth)
            if self.random.random() < 0.3:
                made["properties"]["again"] = {"$ref": f"#/definitions/{name}"}
            self.defs[name] = made
        return {"$ref": f"#/definitions/{name}"}


def sampled(count: int) -> Iterator[tuple[str, str]]:
    for seed in range(count):
        yield "AVRO", next(avro_schemas.pairs(seed))[0]
        yield "JSON", json.dumps(Typed(seed).schema())
        if seed % 5 == 0:
            yield "JSON", json.dumps(json_pairs.pair(seed)[0])


def test_what_is_exported_comes_back_with_the_same_meaning(full: bool) -> None:
    told = {"AVRO": 0, "JSON": 0}
    for format, text in sampled(2000 if full else 120):
        try:
            old = formats.parse(format, Source(text))
        except InvalidSchema:  # the makers make some on purpose
            continue
        made = document(format, LANGUAGES[format].object_of(json.loads(old.canonical), "things-value"))
        assert faults(made) == [], text
        found = Found(own=True)
        (promise,) = contract.promises(made, found)
        back = LANGUAGES[format].schema_of(promise.node, found)
        new = formats.parse(format, Source(json.dumps(back)))
        wrong = errors(old, old)
        assert errors(new, old) <= wrong, (text, back)  # backward
        assert errors(old, new) <= wrong, (text, back)  # forward
        assert found.left_out == [], text
        told[format] += custom(promise.node, SCHEMA) is None
    assert min(told.values()) > 70, told


ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "doc": "An order.",
    "aliases": ["Purchase"],
    "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When."},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "note", "type": ["null", "string"], "default": None, "confluent:tags": ["PII"]},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "PAID"]}},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]},
            },
        },
        {"name": "first", "type": ["null", "Line"]},
        {"name": "prices", "type": {"type": "map", "values": "double"}},
        {"name": "either", "type": ["int", "string"]},
    ],
}
FACTS = contract.Facts(
    "orders-value",
    2,
    7,
    "g",
    "AVRO",
    owner="team-orders",
    level="BACKWARD",
    protect="used",
    window={"days": 30},
    metadata={
        "tags": {"shop.Line.sku": ["SKU"], "**.total": ["MONEY"]},
        "properties": {"a": "b", "pin": "1"},
        "sensitive": ["pin"],
    },
    rules={"domainRules": [{"name": "seal", "type": "ENCRYPT", "tags": ["PII"], "mode": "WRITEREAD"}]},
)


def test_a_contract_says_what_the_registry_knows() -> None:
    made = contract.contract(FACTS, [avro.object_of(ORDER, "x")], [{"server": "prod", "host": "b:9092"}])
    assert faults(made) == []
    assert (made["id"], made["version"], made["status"]) == ("orders-value", "2", "active")
    assert made["team"] == {"name": "team-orders"}
    assert made["slaProperties"] == [{"property": "retention", "value": 30, "unit": "d"}]
    assert made["servers"] == [{"server": "prod", "host": "b:9092", "type": "kafka", "format": "avro"}]
    (node,) = made["schema"]
    assert (node["name"], node["physicalName"], node["description"]) == ("Order", "orders", "An order.")
    fields = {each["name"]: each for each in node["properties"]}
    rows = {name: (each["logicalType"], each["physicalType"], each["required"]) for name, each in fields.items()}
    assert rows == {
        "id": ("string", "string (uuid)", True),
        "at": ("timestamp", "long (timestamp-millis)", True),
        "total": ("number", "bytes (decimal 9,2)", True),
        "note": ("string", "string", False),
        "state": ("string", "enum", True),
        "lines": ("array", "array", True),
        "first": ("object", "shop.Line", False),
        "prices": ("map", "map", True),
        "either": ("object", "union", True),
    }
    assert fields["state"]["enum"] == [{"value": "OPEN"}, {"value": "PAID"}]
    assert (fields["note"]["tags"], fields["note"]["classification"]) == (["PII"], "restricted")
    assert (fields["total"]["tags"], "classification" in fields["total"]) == (["MONEY"], False)
    assert fields["lines"]["items"]["properties"][0]["tags"] == ["SKU"]
    assert custom(made, "tenor:properties") == {"a": "b"}  # not the one that is sensitive
    found = Found(own=True)
    (promise,) = contract.promises(made, found)
    assert (promise.subject, promise.owner) == ("orders-value", "team-orders")
    assert (promise.protect, promise.window) == ("used", {"days": 30})
    avro.schema_of(promise.node, found)
    assert found.tags == {"shop.Order.note": ["PII"], "shop.Order.total": ["MONEY"], "shop.Line.sku": ["SKU"]}


FOREIGN = {
    "apiVersion": "v3.0.2",
    "kind": "DataContract",
    "id": "53581432-6c55-4ba2-a65f-72344a91553a",
    "version": "1.1.0",
    "status": "active",
    "domain": "sales",
    "description": {"purpose": "Orders.", "usage": "Reports."},
    "team": [{"username": "ann", "role": "Owner"}, {"username": "bob", "role": "Engineer"}],
    "slaProperties": [
        {"property": "retention", "value": 1, "unit": "y"},
        {"property": "latency", "value": 4, "unit": "h"},
    ],
    "support": [{"channel": "#orders"}],
    "schema": [
        {
            "name": "order",
            "physicalName": "orders",
            "physicalType": "topic",
            "quality": [{"type": "text", "description": "no doubles"}],
            "properties": [
                {
                    "name": "order id",
                    "logicalType": "string",
                    "required": True,
                    "primaryKey": True,
                    "logicalTypeOptions": {"format": "uuid"},
                },
                {
                    "name": "amount",
                    "logicalType": "number",
                    "physicalType": "decimal(9,2)",
                    "required": True,
                    "logicalTypeOptions": {"minimum": 0},
                },
                {"name": "day", "physicalName": "order_day", "logicalType": "date", "tags": ["TIME"]},
                {
                    "name": "mail",
                    "logicalType": "string",
                    "classification": "PII",
                    "logicalTypeOptions": {"maxLength": 80},
                },
                {"name": "count", "logicalType": "integer", "logicalTypeOptions": {"format": "i32"}},
                {
                    "name": "lines",
                    "logicalType": "array",
                    "required": True,
                    "items": {"logicalType": "object", "properties": [{"name": "sku", "logicalType": "string"}]},
                },
                {"name": "embedding", "logicalType": "vector", "logicalTypeOptions": {"dimensions": 3}},
            ],
        }
    ],
}
OF_ALL = {
    "contract: domain": "no schema says it",
    "contract: support": "no schema says it",
    "contract: description.usage": "no schema says it",
    "contract: team": "a subject has one owner: ann",
    "contract: slaProperties latency": "no policy of a subject says it",
    "schema order: quality": "no schema says it",
}
IN_AVRO = {
    "type": "record",
    "name": "Order",
    "namespace": "",
    "doc": "Orders.",
    "fields": [
        {"name": "order_id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "order_day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
        {"name": "mail", "type": ["null", "string"], "default": None},
        {"name": "count", "type": ["null", "int"], "default": None},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Lines",
                    "namespace": "",
                    "fields": [{"name": "sku", "type": ["null", "string"], "default": None}],
                },
            },
        },
        {"name": "embedding", "type": ["null", "string"], "default": None},
    ],
}
IN_JSON = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "order",
    "type": "object",
    "description": "Orders.",
    "properties": {
        "order id": {"type": "string", "format": "uuid"},
        "amount": {"type": "number", "minimum": 0},
        "order_day": {"type": "string", "format": "date"},
        "mail": {"type": "string", "maxLength": 80},
        "count": {"type": "integer"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "embedding": {"type": "array"},
    },
    "required": ["order id", "amount", "lines"],
}


@pytest.mark.parametrize("format", LANGUAGES)
def test_a_contract_of_others_becomes_a_schema_and_what_cannot_is_named(format: str) -> None:
    found = Found()
    (promise,) = contract.promises(json.loads(json.dumps(FOREIGN)), found)
    assert (promise.subject, promise.owner, promise.window) == ("orders-value", "ann", {"days": 365})
    assert promise.properties == {"odcs.id": FOREIGN["id"], "odcs.version": "1.1.0", "odcs.status": "active"}
    made = LANGUAGES[format].schema_of(promise.node, found)
    assert made == (IN_AVRO if format == "AVRO" else IN_JSON)
    formats.parse(format, Source(json.dumps(made)))
    left = dict(found.left_out)
    assert OF_ALL.items() <= left.items()
    places = {what.removeprefix("$.").removeprefix("order."): why for what, why in left.items() if what not in OF_ALL}
    both = {"order id: primaryKey": "no schema says it", "day: name": "events call it order_day"}
    only = {
        "AVRO": {
            "order id: its name": "Avro calls it order_id",
            "amount: minimum": "Avro has no word for it",
            "mail: maxLength": "Avro has no word for it",
            "embedding: logicalType vector": "Avro has no such type; it becomes a string",
        },
        "JSON": {
            "embedding: logicalType vector": "JSON Schema has no such type; it becomes an array",
            "embedding: dimensions": "JSON Schema has no word for it here",
        },
    }
    assert places == both | only[format]
    if format == "AVRO":
        assert found.tags == {"Order.order_day": ["TIME"], "Order.mail": ["PII"]}
    else:
        assert found.tags == {"$.order_day": ["TIME"], "$.mail": ["PII"]}


@pytest.mark.parametrize("format", LANGUAGES)
def test_what_is_added_to_an_exported_contract_is_a_compatible_change(format: str) -> None:
    old = formats.parse(format, Source(json.dumps(ORDER if format == "AVRO" else IN_JSON)))
    made = document(format, LANGUAGES[format].object_of(json.loads(old.canonical), "x"))
    added = {"name": "added", "logicalType": "integer", "description": "New.", "tags": ["NEW"]}
    made["schema"][0]["properties"].append(added)
    assert faults(made) == []
    found = Found(own=True)
    (promise,) = contract.promises(made, found)
    new = formats.parse(format, Source(json.dumps(LANGUAGES[format].schema_of(promise.node, found))))
    assert "added" in new.canonical
    assert found.left_out == []
    assert ["NEW"] in found.tags.values()
    if format == "AVRO":
        assert errors(new, old) == errors(old, new) == set()


def test_what_one_language_says_is_named_in_the_other() -> None:
    made = document("AVRO", avro.object_of(ORDER, "x"))
    found = Found()
    (promise,) = contract.promises(made, found)
    made = json_schema.schema_of(promise.node, found)
    formats.parse("JSON", Source(json.dumps(made)))
    assert made["properties"]["at"]["format"] == "date-time"
    assert "$.either: tenor:schema" in dict(found.left_out)


NO_CONTRACTS = [
    {},
    {"apiVersion": "v3.0.0", "kind": "Other", "schema": [{}]},
    {"apiVersion": "v2.2.0"},
    {"apiVersion": "v3.1.0"},
]


@pytest.mark.parametrize("odd", NO_CONTRACTS)
def test_what_is_no_contract_is_refused(odd: Any) -> None:
    with pytest.raises(NoContract):
        contract.promises(odd, Found())
