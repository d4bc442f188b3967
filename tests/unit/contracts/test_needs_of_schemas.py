"""A reader's schema as needs: what its format forgives, and what needs cannot say."""

from __future__ import annotations

import json
from typing import Any

from contracts.coverage import Outcome, cover
from contracts.needs import Evidence, Need, Presence
from contracts.reading.schemas import contract
from registry import formats
from registry.formats.base import Schema, Source

G, C, I = Outcome.GUARANTEED, Outcome.CONDITIONAL, Outcome.IMPOSSIBLE  # noqa: E741 # a table reads by its letters


def avro(*fields: Any, name: str = "R", **more: Any) -> Schema:
    return formats.parse("AVRO", Source(json.dumps({"type": "record", "name": name, "fields": fields} | more)))


def json_schema(**document: Any) -> Schema:
    return formats.parse("JSON", Source(json.dumps({"type": "object"} | document)))


def protobuf(*lines: str, syntax: str = "proto3") -> Schema:
    return formats.parse("PROTOBUF", Source(f'syntax = "{syntax}"; message R {{ {" ".join(lines)} }}'))


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": symbols, **more}


AB, ABC = enum("A", "B"), enum("A", "B", "C")
AVRO: tuple[tuple[str, Schema, Schema, Outcome, str], ...] = (
    # what, reader, writer, the worst outcome, its situation
    ("the same", avro(field("a", "int")), avro(field("a", "int")), G, ""),
    ("a field without default is gone", avro(field("a", "int")), avro(), I, "absent"),
    ("a field with a default is gone", avro(field("a", "int", default=0)), avro(), G, ""),
    ("found by its alias", avro(field("b", "int", aliases=["a"])), avro(field("a", "int")), G, ""),
    ("promoted", avro(field("a", "double")), avro(field("a", "long")), G, ""),
    ("not demoted", avro(field("a", "int")), avro(field("a", "long")), I, "type"),
    ("a float does not read doubles", avro(field("a", "float")), avro(field("a", "double")), I, "type"),
    ("texts as bytes", avro(field("a", "bytes")), avro(field("a", "string")), G, ""),
    ("bytes as a text", avro(field("a", "string")), avro(field("a", "bytes")), C, "type"),
    ("null is new", avro(field("a", "int")), avro(field("a", ["null", "int"])), C, "type"),
    ("null is gone", avro(field("a", ["null", "int"])), avro(field("a", "int")), G, ""),
    ("a symbol is new", avro(field("a", AB)), avro(field("a", ABC)), C, "other"),
    ("a symbol has a default", avro(field("a", {**AB, "default": "A"})), avro(field("a", ABC)), G, ""),
    ("another enum", avro(field("a", AB)), avro(field("a", {**AB, "name": "F"})), I, "type"),
    ("by its alias", avro(field("a", {**AB, "aliases": ["F"]})), avro(field("a", {**AB, "name": "F"})), G, ""),
    (
        "another meaning",
        avro(field("a", {"type": "long", "logicalType": "timestamp-micros"})),
        avro(field("a", {"type": "long", "logicalType": "timestamp-millis"})),
        I,
        "type",
    ),
    (
        "inside a list",
        avro(field("l", {"type": "array", "items": {"type": "record", "name": "L", "fields": [field("x", "int")]}})),
        avro(field("l", {"type": "array", "items": {"type": "record", "name": "L", "fields": []}})),
        I,
        "absent",
    ),
)
TEXT = {"type": "string"}
JSON: tuple[tuple[str, Schema, Schema, Outcome, str], ...] = (
    ("required", json_schema(required=["a"]), json_schema(), C, "absent"),
    ("optional", json_schema(properties={"a": TEXT}), json_schema(properties={"a": TEXT}), G, ""),
    ("retyped", json_schema(properties={"a": TEXT}), json_schema(properties={"a": {"type": "null"}}), C, "null"),
    ("closed", json_schema(additionalProperties=False), json_schema(properties={"a": TEXT}), C, "length"),
    (
        "closed, with others",
        json_schema(properties={"a": TEXT}, additionalProperties=False),
        json_schema(properties={"a": TEXT, "b": TEXT}, additionalProperties=False),
        C,
        "matcher",
    ),
    (
        "longer",
        json_schema(properties={"a": {**TEXT, "maxLength": 3}}, required=["a"]),
        json_schema(properties={"a": {**TEXT, "maxLength": 4}}, required=["a"]),
        C,
        "pattern",
    ),
    (
        "shorter",
        json_schema(properties={"a": {**TEXT, "maxLength": 4}}, required=["a"]),
        json_schema(properties={"a": {**TEXT, "maxLength": 3}}, required=["a"]),
        G,
        "",
    ),
    (
        "a narrower pattern",
        json_schema(properties={"a": {**TEXT, "pattern": "^[a-z]+$"}}, required=["a"]),
        json_schema(properties={"a": {**TEXT, "pattern": "^[a-f]{2}$"}}, required=["a"]),
        G,
        "",
    ),
    (
        "fewer items",
        json_schema(properties={"a": {"type": "array", "minItems": 2}}, required=["a"]),
        json_schema(properties={"a": {"type": "array", "minItems": 1}}, required=["a"]),
        C,
        "length",
    ),
)
PROTOBUF: tuple[tuple[str, Schema, Schema, Outcome, str], ...] = (
    ("gone", protobuf("int32 a = 1;"), protobuf(), G, ""),
    ("renamed", protobuf("int32 a = 1;"), protobuf("int32 b = 1;"), G, ""),
    ("renumbered", protobuf("string a = 1;"), protobuf("string a = 2;"), G, ""),
    ("another type under its number", protobuf("string a = 1;"), protobuf("int32 z = 1;"), I, "type"),
    ("wider", protobuf("int32 a = 1;"), protobuf("int64 a = 1;"), C, "range"),
    ("required", protobuf("required int32 a = 1;", syntax="proto2"), protobuf(syntax="proto2"), I, "absent"),
    ("inside", protobuf("R r = 1; string a = 2;"), protobuf("R r = 1; double a = 2;"), I, "type"),
)


def test_a_writer_covers_what_its_reader_needs() -> None:
    for what, reader, writer, outcome, situation in (*AVRO, *JSON, *PROTOBUF):
        made = contract(reader, version=3, confirmed=7)
        assert (made.evidence, made.version, made.confirmed, made.reasons) == (Evidence.READER_SCHEMA, 3, 7, ()), what
        worst = max(cover(writer, made), key=lambda each: [G, C, I].index(each.outcome))
        if outcome is G:
            assert worst.outcome is G, (what, worst)
        else:
            assert (worst.outcome, worst.situation) == (outcome, situation), (what, worst)


def test_the_needs_of_a_record_are_its_fields() -> None:
    line = {"type": "record", "name": "Line", "fields": [field("sku", "string"), field("next", ["null", "Line"])]}
    made = contract(avro(field("lines", {"type": "array", "items": line}), field("note", "string", default="")))
    assert [(need.path, need.presence) for need in made.needs] == [
        ("", Presence.REQUIRED),
        ("/lines", Presence.REQUIRED),
        ("/note", Presence.OPTIONAL),
        ("/lines/*", Presence.REQUIRED),
        ("/lines/*/sku", Presence.REQUIRED),
        ("/lines/*/next", Presence.REQUIRED),
    ]
    assert made.needs[1] == Need("/lines", types=frozenset({"array"}), encodings=frozenset({"array", "array:*"}))


UNSAID: tuple[tuple[Schema, str], ...] = (
    (avro(field("a", [{"type": "array", "items": "int"}, {"type": "map", "values": "int"}])), "several records"),
    (avro(field("a", [])), "accepts no value"),
    (avro(field("a", "int", aliases=["b"]), field("b", "int")), "as an alias"),
    (json_schema(properties={"a": {"not": TEXT}}), "'not'"),
    (json_schema(properties={"a": {"type": "number", "multipleOf": 2}}), "'multipleOf'"),
    (json_schema(anyOf=[{"required": ["a"]}, {"required": ["b"]}]), "several kinds of objects"),
    (json_schema(properties={"a": {"anyOf": [{"const": 1}, TEXT]}}), "listed values beside others"),
    (json_schema(properties={"a": {"type": ["array", "string"], "minItems": 1}}), "several kinds of containers"),
    (formats.parse("PROTOBUF", Source('syntax = "proto3"; enum E { A = 0; }')), "no message"),
)


def test_what_needs_cannot_say_is_a_reason() -> None:
    for reader, part in UNSAID:
        assert any(part in reason for reason in contract(reader).reasons), (reader.canonical, contract(reader).reasons)
