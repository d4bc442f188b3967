"""Fields as paths through the event, and inline tags by entity path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.errors import InvalidSchema
from registry.formats.base import Source, Tagging
from registry.formats.json_schema import FORMAT, JsonSchema

S = {"type": "string"}


def parse(value: Any, *references: tuple[str, Source]) -> JsonSchema:
    return FORMAT.parse(Source(json.dumps(value), references))


FIELDS: list[tuple[Any, list[tuple[str, str, bool]]]] = [
    (True, []),
    ({"properties": {"a": {"type": ["string", "null"]}}}, [("/a", "string|null", False)]),
    (
        {
            "type": "object",
            "required": ["o"],
            "properties": {
                "o": {"type": "object", "required": ["x/y"], "properties": {"x/y": {"type": "integer"}}},
                "z": {"enum": ["a", 1, None]},
            },
        },
        [("/o", "object", True), ("/o/x~1y", "integer", True), ("/z", "string|integer|null", False)],
    ),
    (
        {"properties": {"lines": {"type": "array", "items": {"properties": {"sku": S}}}}},
        [("/lines", "array", False), ("/lines/*/sku", "string", False)],
    ),
    (
        {"properties": {"pair": {"type": "array", "items": [{"properties": {"a": S}}, S]}}},
        [("/pair", "array", False), ("/pair/0/a", "string", False)],
    ),
    (
        {"properties": {"m": {"type": "object", "additionalProperties": {"properties": {"v": S}}}}},
        [("/m", "object", False), ("/m/*/v", "string", False)],
    ),
    (
        {"allOf": [{"properties": {"a": S}}, {"properties": {"b": S}, "required": ["a", "b"]}]},
        [("/a", "string", True), ("/b", "string", True)],
    ),
    (
        {
            "oneOf": [
                {"properties": {"k": {"const": "a"}, "a": S}, "required": ["k", "a"]},
                {"properties": {"k": {"const": "b"}}, "required": ["k"]},
            ]
        },
        [("/k", "string", True), ("/a", "string", False)],
    ),
    (
        {"properties": {"v": S, "next": {"$ref": "#"}}},
        [("/v", "string", False), ("/next", "object", False)],
    ),
    (
        {
            "definitions": {"n": {"properties": {"n": {"$ref": "#/definitions/n"}}}},
            "properties": {"a": {"$ref": "#/definitions/n"}},
        },
        [("/a", "object", False), ("/a/n", "object", False)],
    ),
    ({"type": "string", "properties": {"a": S}}, [("/a", "string", False)]),
    ({"if": {}, "then": {"properties": {"a": S}}}, [("/a", "string", False)]),
]  # fmt: skip


def test_fields() -> None:
    for value, expected in FIELDS:
        found = [(field.path, field.type, field.required) for field in parse(value).fields()]
        assert found == expected, value


def test_documentation_and_tags_of_a_field() -> None:
    schema = parse(
        {
            "definitions": {"zip": {"type": "string", "description": "a zip code", "confluent:tags": ["GEO"]}},
            "properties": {"a": {"$ref": "#/definitions/zip", "confluent:tags": ["PII"]}, "b": {**S, "title": "B"}},
        }
    )
    first, second = schema.fields()
    assert (first.doc, first.tags) == ("a zip code", frozenset({"PII", "GEO"}))
    assert (second.doc, second.tags) == ("B", frozenset())


CUSTOMER = {
    "title": "Customer",
    "type": "object",
    "confluent:tags": ["T0"],
    "definitions": {"address": {"type": "object", "properties": {"zip": {**S, "confluent:tags": ["T1", "T2"]}}}},
    "properties": {
        "address": {"$ref": "#/definitions/address"},
        "a.b": {"type": "object", "properties": {"c": S}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": S}}},
        "any": True,
        "none": False,
        "object": S,
        "m": {"type": "object", "additionalProperties": {"properties": {"v": S}}},
        "one": {"oneOf": [{"properties": {"x": S}}, {"properties": {"y": S}}]},
    },
}

# entity path, type, pointer of the schema that is meant (None: there is none)
ENTITIES: list[tuple[str, str, str | None]] = [
    ("Customer", "sr_record", ""),
    ("$", "sr_record", ""),
    ("object", "sr_record", ""),
    ("Customer", "sr_field", None),
    ("Customer.address", "sr_field", "/properties/address"),
    ("Customer.address", "sr_record", "/definitions/address"),
    ("Customer.address.zip", "sr_field", "/definitions/address/properties/zip"),
    (".Customer.address.zip", "sr_field", "/definitions/address/properties/zip"),
    ("$.address.zip", "sr_field", "/definitions/address/properties/zip"),
    ("address.zip", "sr_field", "/definitions/address/properties/zip"),
    ("object.address.object.zip", "sr_field", "/definitions/address/properties/zip"),
    ("Customer.address.zip", "sr_record", None),
    ("Customer.a.b.c", "sr_field", "/properties/a.b/properties/c"),
    ("Customer.lines.*.sku", "sr_field", "/properties/lines/items/properties/sku"),
    ("Customer.lines.sku", "sr_field", "/properties/lines/items/properties/sku"),
    ("object.lines.array.object.sku", "sr_field", "/properties/lines/items/properties/sku"),
    ("Customer.lines.*", "sr_record", "/properties/lines/items"),
    ("Customer.object", "sr_field", "/properties/object"),
    ("Customer.m.*.v", "sr_field", "/properties/m/additionalProperties/properties/v"),
    ("Customer.one.y", "sr_field", "/properties/one/oneOf/1/properties/y"),
    ("Customer.any", "sr_field", "/properties/any"),
    ("Customer.none", "sr_field", None),
    ("Customer.missing", "sr_field", None),
    ("Client.address", "sr_field", None),
    ("", "sr_record", ""),
    ("Customer.address", "sr_enum", None),
]


def test_entity_paths_name_schemas() -> None:
    schema = parse(CUSTOMER)
    for path, kind, pointer in ENTITIES:
        tagging = Tagging(path, kind, ("X",))
        if pointer is None:
            with pytest.raises(InvalidSchema):
                schema.retagged([tagging], [])
            continue
        changed = json.loads(schema.retagged([tagging], []))
        place: Any = changed
        for step in pointer.split("/")[1:]:
            place = place[int(step)] if isinstance(place, list) else place[step]
        assert "X" in place["confluent:tags"], path
        assert json.dumps(changed).count('"X"') == 1


def test_tags_are_listed_by_the_paths_that_edit_them() -> None:
    schema = parse(CUSTOMER)
    assert schema.tags() == (
        Tagging("Customer", "sr_record", ("T0",)),
        Tagging("Customer.address.zip", "sr_field", ("T1", "T2")),
    )
    again = parse(json.loads(schema.retagged([Tagging("Customer.address", "sr_record", ("T3",))], [])))
    assert Tagging("Customer.address", "sr_record", ("T3",)) in again.tags()
    for tagging in again.tags():
        assert again.retagged([tagging], []) == again.canonical
        assert f'"{tagging.tags[0]}"' not in again.retagged([], [tagging])


def test_tags_added_and_removed() -> None:
    schema = parse({"properties": {"a": {**S, "confluent:tags": ["B", "A"]}}})
    path = "object.a"
    rows = [
        (("C", "A", "C"), (), ["B", "A", "C"]),
        (("C",), ("B", "X"), ["A", "C"]),
        ((), ("A", "B"), None),
    ]
    for add, remove, expected in rows:
        text = schema.retagged([Tagging(path, "sr_field", add)], [Tagging(path, "sr_field", remove)])
        assert json.loads(text)["properties"]["a"].get("confluent:tags") == expected
    assert schema.canonical == '{"properties":{"a":{"type":"string","confluent:tags":["B","A"]}}}'


def test_tags_go_into_their_own_text() -> None:
    referred = Source(json.dumps({"type": "object", "properties": {"x": S}}))
    schema = parse({"properties": {"a": {"$ref": "n.json"}}}, ("n.json", referred))
    assert '"confluent:tags":["P"]' in schema.retagged([Tagging("object.a", "sr_field", ("P",))], [])
    with pytest.raises(InvalidSchema):
        schema.retagged([Tagging("object.a.x", "sr_field", ("P",))], [])
