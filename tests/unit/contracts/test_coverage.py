"""What a schema guarantees of each matcher: the table of facts about static checks, row by row, for three formats.

A row has a matcher at `$.v` with its example, and for each format shapes of `v` with the outcome of each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from contracts.coverage import SITUATIONS, Covered, Outcome, cover, witness
from contracts.needs import Contract, Evidence, Need, Presence, When
from contracts.reading.bodies import body
from contracts.rules import Kind, Rule, RuleList, rule_set
from contracts.satisfaction import Given, Satisfaction, satisfied
from registry import formats
from registry.formats.base import Schema, Source
from registry.formats.json_schema.official import official
from registry.formats.json_schema.schema import JsonSchema
from registry.formats.reach import View
from tests.vectors import shared

SHARED = shared("pact-matchers.json")
G, C, I = Outcome.GUARANTEED, Outcome.CONDITIONAL, Outcome.IMPOSSIBLE  # noqa: E741 # a table reads by its letters


def avro(kind: Any) -> Schema:
    fields = [{"name": "v", "type": kind}] if kind is not None else []
    return formats.parse("AVRO", Source(json.dumps({"type": "record", "name": "R", "fields": fields})))


def json_schema(kind: Any, **more: Any) -> Schema:
    document: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
    if kind is not None:
        document |= {"required": ["v"], "properties": {"v": kind}}
    return formats.parse("JSON", Source(json.dumps(document | more)))


IMPORTS = "".join(f'import "google/protobuf/{name}.proto";' for name in ("struct", "timestamp", "wrappers"))


def protobuf(field: str | None) -> Schema:
    body = f"{field} v = 1;" if field is not None else ""
    enum = "enum E { PAID = 0; SHIPPED = 1; }"
    return formats.parse("PROTOBUF", Source(f'syntax = "proto3"; {IMPORTS} message R {{ {body} }} {enum}'))


def needs(example: Any, *rules: dict[str, Any]) -> Contract:
    made = body({"v": example}, rule_set({"$.v": {"matchers": list(rules)}} if rules else {}))
    assert not made.reasons
    return Contract(tuple(made.needs), Evidence.DECLARED)


RANK = {G: 0, C: 1, I: 2}


def worst(schema: Schema, contract: Contract, view: View) -> Covered:
    """The worst answer for the needs at and below `v`; an element is judged where there is one."""
    return max(cover(schema, contract, view=view), key=lambda each: RANK[each.outcome])


ENUM = {"type": "enum", "name": "E", "symbols": ["PAID", "SHIPPED"]}
FIXED = {"type": "fixed", "name": "F", "size": 4}
UUID = {"type": "string", "logicalType": "uuid"}
DATE = {"type": "int", "logicalType": "date"}
STAMP = {"type": "long", "logicalType": "timestamp-millis"}
INTS = {"type": "array", "items": "int"}
LONGS = {"type": "map", "values": "long"}
INT_ITEMS = {"type": "array", "items": {"type": "integer"}}
TEXT = {"type": "string"}

Shapes = tuple[tuple[Any, Outcome], ...]
ROWS: tuple[tuple[str, Any, tuple[dict[str, Any], ...], Shapes, Shapes, Shapes], ...] = (
    # what, example, rules, JSON Schema, Avro, Protobuf (decoded)
    (
        "type of a text",
        "x",
        ({"match": "type"},),
        ((TEXT, G), ({"enum": ["a", "b"]}, G), ({"type": ["string", "null"]}, C), ({"type": "integer"}, I), ({}, C)),
        (("string", G), (ENUM, G), (UUID, G), ("bytes", G), (FIXED, G), ("int", I), (["null", "string"], C)),
        (("string", G), ("bytes", G), ("E", G), ("int64", I), ("optional string", C)),
    ),
    (
        "type of a number",
        1.5,
        ({"match": "type"},),
        (({"type": "number"}, G), ({"type": "integer"}, G), ({"type": ["number", "string"]}, C), (TEXT, I)),
        (("int", G), ("long", G), ("float", G), ("double", G), ("string", I)),
        (("int32", G), ("uint32", G), ("float", G), ("double", G), ("bool", I)),
    ),
    (
        "number",
        1,
        ({"match": "number"},),
        (({"type": "number"}, G), ({"const": 3}, G), ({"enum": [3, "3"]}, C)),
        (("int", G), ("double", G), (["int", "string"], C)),
        (("int32", G), ("double", G), ("string", I)),
    ),
    (
        "integer",
        1,
        ({"match": "integer"},),
        (({"type": "integer"}, C), ({"type": "number"}, C), ({"type": "number", "multipleOf": 0.5}, C), (TEXT, I)),
        (("int", G), ("long", G), ("float", C), ("double", C), ("string", I), (["null", "int"], C)),
        (("int32", G), ("uint32", G), ("fixed32", G), ("string", I)),
    ),
    (
        "decimal",
        1.5,
        ({"match": "decimal"},),
        (({"type": "number"}, C), ({"enum": [1.5, 2.25]}, G), (TEXT, I)),
        (("float", C), ("double", C), ("int", I)),
        (("double", G), ("float", G), ("int32", I)),
    ),
    (
        "boolean",
        True,
        ({"match": "boolean"},),
        (({"type": "boolean"}, G), ({"enum": ["true", "false"]}, G), (TEXT, C), ({"type": "number"}, I)),
        (("boolean", G), ("string", C), ("int", I)),
        (("bool", G), ("int32", I)),
    ),
    (
        "null",
        None,
        ({"match": "null"},),
        (({"type": "null"}, G), ({"type": ["null", "string"]}, C), (TEXT, I)),
        (("null", G), (["null", "string"], C), ("string", I)),
        (("string", I),),
    ),
    (
        "regex",
        "PAID",
        ({"match": "regex", "regex": "[A-Z]+"},),
        (
            ({"type": "string", "pattern": "^[A-F]+$"}, G),
            ({"enum": ["PAID", "OPEN"]}, G),
            ({"enum": ["PAID", "open"]}, C),
            ({"enum": ["paid", "open"]}, I),
            ({"type": "string", "pattern": "^[0-9]+$"}, I),
            (TEXT, C),
            ({"type": ["string", "null"], "pattern": "^[A-F]+$"}, C),
            ({"const": "PAID"}, G),
        ),
        ((ENUM, G), ("string", C), (UUID, I), ("boolean", I)),
        (("E", G), ("string", C)),
    ),
    (
        "regex of ids",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        ({"match": "regex", "regex": "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"},),
        (({"type": "string", "format": "uuid"}, G), (TEXT, C)),
        ((UUID, G), ("string", C)),
        (("string", C),),
    ),
    (
        "include",
        "xay",
        ({"match": "include", "value": "a"},),
        (({"type": "string", "pattern": "a+"}, G), ({"type": "string", "pattern": "^b*$"}, I), (TEXT, C)),
        (("string", C), ({**ENUM, "symbols": ["a", "ba"]}, G), ({**ENUM, "symbols": ["b"]}, I)),
        (("string", C), ("E", I)),
    ),
    (
        "date",
        "2024-01-31",
        ({"match": "date", "format": "yyyy-MM-dd"},),
        (
            ({"type": "string", "format": "date"}, G),
            ({"type": "string", "format": "date-time"}, I),
            (TEXT, C),
            ({"type": "integer"}, I),
        ),
        ((DATE, I), (STAMP, I), ("string", C)),
        (("string", C), ("int32", I)),
    ),
    (
        "datetime",
        "2024-01-31T10:11:12Z",
        ({"match": "datetime", "format": "yyyy-MM-dd'T'HH:mm:ssX"},),
        (({"type": "string", "format": "date-time"}, C), ({"type": "string", "format": "date"}, I)),
        ((STAMP, I), ("string", C)),
        (("string", C),),
    ),
    (
        "equality",
        "PAID",
        ({"match": "equality"},),
        (
            ({"const": "PAID"}, G),
            ({"enum": ["PAID"]}, G),
            ({"enum": ["PAID", "OPEN"]}, C),
            ({"enum": ["OPEN"]}, I),
            (TEXT, C),
            ({"type": "string", "maxLength": 3}, I),
            ({"type": "integer"}, I),
        ),
        ((ENUM, C), ({**ENUM, "symbols": ["PAID"]}, G), ("string", C), ("int", I)),
        (("E", C), ("string", C)),
    ),
    ("no rule", 7, (), (({"const": 7}, C), ({"type": "integer", "minimum": 8}, I)), (("int", C),), (("int32", C),)),
    (
        "an array without a rule",
        [1],
        (),
        (
            ({"type": "array", "items": {"const": "x"}, "minItems": 1, "maxItems": 1}, I),
            (INT_ITEMS, C),
            ({**INT_ITEMS, "minItems": 2}, I),
        ),
        ((INTS, C),),
        (("repeated int32", C),),
    ),
    (
        "type of an array",
        ["x"],
        ({"match": "type"},),
        (({"type": "array", "items": TEXT}, G), (INT_ITEMS, I), ({"type": "array"}, C), (TEXT, I)),
        (({"type": "array", "items": "string"}, G), (INTS, I), ({"type": "array", "items": ["null", "string"]}, C)),
        (("repeated string", G), ("repeated int32", I)),
    ),
    (
        "at least one",
        [1],
        ({"match": "type", "min": 1},),
        (({**INT_ITEMS, "minItems": 1}, G), ({**INT_ITEMS, "maxItems": 0}, I), (INT_ITEMS, C)),
        ((INTS, C),),
        (("repeated int32", C),),
    ),
    ("at least none", [1], ({"match": "type", "min": 0},), ((INT_ITEMS, G),), ((INTS, G),), (("repeated int32", G),)),
    (
        "not empty",
        "x",
        ({"match": "notEmpty"},),
        (({"type": "string", "minLength": 1}, G), ({"type": "integer"}, G), (TEXT, C), ({"const": ""}, I)),
        (("string", C), ("int", G), (ENUM, G), ("null", I)),
        (("string", C), ("int32", G)),
    ),
    (
        "keys",
        {"a": 1},
        ({"match": "eachKey", "rules": [{"match": "regex", "regex": "[a-z]"}], "value": "a"},),
        (
            ({"type": "object", "additionalProperties": {"type": "number"}}, C),
            ({"type": "object", "additionalProperties": False}, G),
            ({"type": "object", "patternProperties": {"^[a-c]$": {"const": 1}}, "additionalProperties": False}, G),
        ),
        ((LONGS, C),),
        (("map<string, int32>", C),),
    ),
    (
        "values",
        {"a": 1},
        ({"match": "eachValue", "rules": [{"match": "integer"}], "value": "1"},),
        (({"type": "object", "additionalProperties": TEXT}, I), ({"type": "object"}, C)),
        ((LONGS, G), ({"type": "map", "values": "string"}, I)),
        (("map<string, int32>", G), ("map<string, string>", I)),
    ),
    (
        "one of the items",
        [1],
        ({"match": "arrayContains", "variants": [{"index": 0, "rules": {"$": {"matchers": [{"match": "integer"}]}}}]},),
        ((INT_ITEMS, C), (TEXT, I)),
        ((INTS, C), ("int", I)),
        (("repeated int32", C),),
    ),
    ("version", "1.0.0", ({"match": "semver"},), ((TEXT, C), ({"const": "1.2.3"}, G)), (("string", C), ("int", I)), ()),
    ("content", "x", ({"match": "contentType", "value": "text/plain"},), ((TEXT, C),), (("string", C),), ()),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_table_of_static_checks(row: tuple[str, Any, tuple[dict[str, Any], ...], Shapes, Shapes, Shapes]) -> None:
    _, example, rules, *columns = row
    contract = needs(example, *rules)
    makers: tuple[Callable[[Any], Schema], ...] = (json_schema, avro, protobuf)
    for make, shapes in zip(makers, columns, strict=True):
        for shape, expected in shapes:
            schema = make(shape)
            found = worst(schema, contract, View.PLAIN)
            assert found.outcome is expected, (row[0], schema.format, shape, found)
            if expected is not G:
                assert found.reason
                assert found.situation in SITUATIONS


def test_a_key_must_be_there() -> None:
    contract = Contract((Need("/v"),), Evidence.DECLARED)
    branches = [{"required": ["v"]}, {"required": ["v", "w"]}]
    rows: tuple[tuple[Schema, View, Outcome], ...] = (
        (json_schema({}), View.JSON, G),
        (json_schema({}, required=[]), View.JSON, C),
        (json_schema(None), View.JSON, C),
        (json_schema(None, additionalProperties=False), View.JSON, I),
        (json_schema(None, properties={"v": False}), View.JSON, I),
        (json_schema(None, anyOf=branches), View.JSON, G),
        (json_schema(None, oneOf=[*branches, {"required": ["w"]}]), View.JSON, C),
        (json_schema(None, allOf=[{"$ref": "#/definitions/d"}], definitions={"d": {"required": ["v"]}}), View.JSON, G),
        (json_schema(None, **{"if": {"required": ["w"]}, "then": {"required": ["v"]}}), View.JSON, C),
        (json_schema(None, **{"not": {"required": ["v"]}}), View.JSON, I),
        (avro("int"), View.JSON, G),
        (avro(["null", "int"]), View.JSON, G),
        (avro(None), View.JSON, I),
        (protobuf("int32"), View.JSON, C),
        (protobuf("int32"), View.PLAIN, G),
        (protobuf("optional int32"), View.PLAIN, C),
        (protobuf("repeated int32"), View.PLAIN, G),
        (protobuf("R"), View.PLAIN, C),
        (protobuf(None), View.JSON, I),
    )
    for schema, view, expected in rows:
        found = cover(schema, contract, view=view)[0]
        assert found.outcome is expected, (schema.canonical, view, found)
        assert found.situation == ("" if expected is G else "absent")


def test_the_json_of_protobuf_is_what_its_mapping_prints() -> None:
    rows: tuple[tuple[str, frozenset[str], Outcome], ...] = (
        ("int64", frozenset({"string"}), G),
        ("int64", frozenset({"number"}), C),  # it may be missing
        ("google.protobuf.Timestamp", frozenset({"string"}), G),
        ("google.protobuf.Int64Value", frozenset({"string"}), G),
        ("google.protobuf.DoubleValue", frozenset({"number"}), G),
        ("google.protobuf.NullValue", frozenset({"null"}), G),
        ("google.protobuf.Struct", frozenset({"object"}), G),
        ("google.protobuf.ListValue", frozenset({"array"}), G),
        ("google.protobuf.Value", frozenset({"object"}), C),
        ("E", frozenset({"string"}), G),
    )
    for field, types, expected in rows:
        contract = Contract((Need("/v", Presence.OPTIONAL, types),), Evidence.DECLARED)
        found = cover(protobuf(field), contract)[0]
        assert found.outcome is expected, (field, found)
    stamp = needs("2024-01-31T10:11:12Z", {"match": "regex", "regex": r"\d{4}-\d\d-\d\dT[\d:.]+Z"})
    at = Need("/v", Presence.OPTIONAL, rules=stamp.needs[1].rules)
    assert cover(protobuf("google.protobuf.Timestamp"), Contract((at,), Evidence.DECLARED))[0].outcome is G


def test_camel_case_names_are_found_in_json_only() -> None:
    schema = formats.parse("PROTOBUF", Source('syntax = "proto3"; message R { repeated int32 order_ids = 1; }'))
    for path, view, expected in (
        ("/orderIds", View.JSON, C),
        ("/order_ids", View.JSON, C),
        ("/orderIds", View.PLAIN, I),
        ("/order_ids", View.PLAIN, G),
    ):
        assert cover(schema, Contract((Need(path),), Evidence.DECLARED), view=view)[0].outcome is expected, (path, view)


@pytest.mark.vectors
@pytest.mark.parametrize("matcher", SHARED["matchers"], ids=lambda matcher: matcher["id"])
def test_a_schema_of_one_value_is_judged_as_the_value(matcher: dict[str, Any]) -> None:
    """Each of the observed values as a const of JSON Schema: guaranteed where it is accepted, impossible where not."""
    rules = matcher["matchers"] or ()
    made = body({"v": json.loads(matcher["example_json"])}, rule_set({"$.v": {"matchers": rules}} if rules else {}))
    contract = Contract(tuple(made.needs), Evidence.DECLARED)
    for value in SHARED["values"]:
        if value.get("absent"):
            schema = json_schema(None, additionalProperties=False)
        else:
            schema = json_schema({"const": json.loads(value["json"])})
        found = worst(schema, contract, View.JSON)
        accepted = value["id"] in matcher["accepts"]
        if found.outcome is G:
            assert accepted, (value, found)
        elif found.outcome is I:
            assert not accepted, (value, found)
        else:
            # A whole number may be printed either way, sniffed contents are not known, containers have parts.
            either = any(digit in value["id"] for digit in "12")
            assert either or matcher.get("portable") is False or "arr" in value["id"], (value, found)


# Situations and witnesses


ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "total", "type": "double"},
        {"name": "note", "type": ["null", "string"]},
        {"name": "status", "type": {**ENUM, "symbols": ["PAID", "SHIPPED", "CANCELLED"]}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "sku", "type": "string"}, {"name": "qty", "type": "int"}]}}},
    ],
}  # fmt: skip
STRING, NUMBER, INTEGER = (frozenset({kind}) for kind in ("string", "number", "integer"))
SITUATED: tuple[tuple[Need, str, Outcome], ...] = (
    (Need("/sku"), "absent", I),
    (Need("/note", types=STRING), "null", C),
    (Need("/total", types=STRING), "type", I),
    (Need("/total", types=INTEGER), "type", C),
    (Need("/status", values=("PAID",), fallback=False), "other", C),
    (Need("/lines/*/qty", types=INTEGER, minimum=0), "range", C),
    (Need("/lines/*/qty", minimum=2**40), "range", I),
    (Need("/lines/*/sku", pattern="[A-Z]+"), "pattern", C),
    (Need("/lines", rules=RuleList((Rule(Kind.TYPE, min=1),)), example=[]), "length", C),
    (Need("/lines/*/sku", rules=RuleList((Rule(Kind.SEMVER),))), "matcher", C),
    (Need("/lines/*/price"), "absent", I),
    (Need("/total/currency"), "parent", I),
)


def test_each_situation_has_its_witness() -> None:
    schema = formats.parse("AVRO", Source(json.dumps(ORDER)))
    for need, situation, outcome in SITUATED:
        contract = Contract((need,), Evidence.RECORDED)
        (covered,) = cover(schema, contract, witnesses=True, seconds=1)
        assert (covered.situation, covered.outcome) == (situation, outcome), covered
        assert covered.witness is not None
        assert satisfied(covered.witness, need, Given.by(contract)) is Satisfaction.NO


def test_what_the_code_fails_on_comes_before_what_it_survives() -> None:
    schema = formats.parse(
        "JSON", Source(json.dumps({"type": "object", "properties": {"v": {"type": ["null", "string"]}}}))
    )
    rows: tuple[tuple[dict[str, When], str], ...] = (
        ({}, "absent"),
        ({"absent": When.SAME}, "null"),
        ({"absent": When.CHANGES, "null": When.SAME}, "absent"),
        ({"absent": When.SAME, "null": When.CHANGES}, "null"),
        ({"absent": When.FAILS, "null": When.FAILS}, "absent"),
        ({"null": When.FAILS}, "null"),
    )
    for when, situation in rows:
        contract = Contract((Need("/v", types=STRING, when=when),), Evidence.RECORDED)
        assert cover(schema, contract)[0].situation == situation, when


def test_what_the_code_did_without_a_key_says_nothing_of_places_above_it() -> None:
    """`when` speaks of the need's own place: /a that is missing is no absent /a/b."""
    inner = {"type": "object", "properties": {"b": TEXT}}
    schema = formats.parse("JSON", Source(json.dumps({"type": "object", "properties": {"a": inner}})))
    need = Need("/a/b", Presence.OPTIONAL, STRING, when={"absent": When.SAME, "null": When.SAME})
    covered = cover(schema, Contract((need,), Evidence.RECORDED))[0]
    assert (covered.situation, covered.outcome, covered.reason) == ("parent", C, "'/a' may be missing")
    assert witness(schema, covered, seconds=1) == {}


def test_a_witness_shows_the_situation_that_is_told() -> None:
    shape = {"type": ["string", "null"], "enum": ["PAID", "OPEN", None]}
    schema = formats.parse("JSON", Source(json.dumps({"type": "object", "properties": {"v": shape}})))
    for situation, event in (("absent", {}), ("null", {"v": None}), ("other", {"v": "OPEN"})):
        survived = {each: When.SAME for each in ("absent", "null", "other") if each != situation}
        need = Need("/v", types=STRING, values=("PAID",), fallback=False, when=survived)
        covered = cover(schema, Contract((need,), Evidence.RECORDED))[0]
        assert covered.situation == situation
        assert witness(schema, covered, seconds=1) == event


def test_places_above_that_have_needs_of_their_own_answer_for_themselves() -> None:
    address = {"type": "object", "required": ["city"], "properties": {"city": TEXT}}
    kinds = frozenset({"object"})
    rows: tuple[tuple[Any, tuple[Need, ...], tuple[Outcome, ...]], ...] = (
        (address, (Need("/a/city"),), (C,)),
        (address, (Need("/a"), Need("/a/city")), (C, G)),
        (address, (Need("/a", Presence.OPTIONAL), Need("/a/city")), (G, G)),
        ({"type": "string"}, (Need("/a", Presence.OPTIONAL), Need("/a/city")), (G, I)),
        ({"type": "string"}, (Need("/a", Presence.OPTIONAL, kinds), Need("/a/city")), (C, G)),
        (
            {"anyOf": [address, {"type": "null"}]},
            (Need("/a", Presence.OPTIONAL, kinds | {"null"}), Need("/a/city")),
            (G, G),
        ),
    )
    for shape, listed, expected in rows:
        schema = formats.parse("JSON", Source(json.dumps({"type": "object", "properties": {"a": shape}})))
        found = cover(schema, Contract(listed, Evidence.RECORDED))
        assert tuple(each.outcome for each in found) == expected, (shape, listed, found)


def test_a_witness_of_a_json_schema_is_valid() -> None:
    line = {
        "type": "object",
        "required": ["sku"],
        "properties": {"sku": {"type": "string", "pattern": "^[a-z]{3}-[0-9]+$"}},
    }
    document = {
        "type": "object",
        "required": ["lines", "total"],
        "properties": {
            "lines": {"type": "array", "minItems": 2, "items": line},
            "total": {"type": "number", "multipleOf": 0.25, "minimum": 1},
            "kind": {"oneOf": [{"const": "a"}, {"const": "b"}, {"type": "integer", "minimum": 3}]},
        },
    }
    schema = formats.parse("JSON", Source(json.dumps(document)))
    assert isinstance(schema, JsonSchema)
    rows = (
        Need("/lines/*/sku", pattern="[a-z]{3}-[0-9]{1,2}"),
        Need("/lines/*/qty"),
        Need("/lines/1/sku", values=("abc-1",), fallback=False),
        Need("/total", maximum=10_000.5),
        Need("/total", types=INTEGER),
        Need("/kind", Presence.OPTIONAL, values=("a", "b"), fallback=False),
        Need("/kind", values=("a", "b", 3), fallback=False),
        Need("/total", rules=RuleList((Rule(Kind.INTEGER),))),
    )
    for need in rows:
        contract = Contract((need,), Evidence.RECORDED)
        (covered,) = cover(schema, contract)
        assert covered.outcome is C, covered
        event = witness(schema, covered, seconds=1)
        assert event is not None, covered
        assert official(schema).valid(event)
        assert satisfied(event, need, Given.by(contract)) is Satisfaction.NO


def test_bad_paths_and_patterns_are_answers() -> None:
    schema = json_schema(TEXT)
    rows = (
        Need("v"),
        Need("/v", pattern="("),
        Need("/v", rules=RuleList((Rule(Kind.REGEX, regex="(a+)+$"),))),
        Need("/v", rules=RuleList((Rule(Kind.PLUGIN, name="csv"),))),
        Need("/v", values=({"a": [1]}, 2), fallback=False),
    )
    for need in rows:
        covered = cover(schema, Contract((need,), Evidence.DECLARED), witnesses=True)[0]
        assert covered.outcome is not G, covered
        assert covered.reason, need


def test_a_schema_without_events_covers_nothing() -> None:
    need = Contract((Need("/v", Presence.OPTIONAL),), Evidence.DECLARED)
    enum_only = formats.parse("PROTOBUF", Source('syntax = "proto3"; enum E { A = 0; }'))
    for schema in (enum_only, formats.parse("JSON", Source("false"))):
        covered = cover(schema, need, witnesses=True)[0]
        assert (covered.outcome, covered.reason) == (C, "the schema describes no event")


def test_many_branches_hide_nothing_that_all_ask_for() -> None:
    branches = [{"if": {"properties": {"k": {"const": at}}}, "then": {"required": [f"r{at}"]}} for at in range(14)]
    schema = json_schema(TEXT, allOf=branches)
    made = (Need("/v", types=STRING), Need("/v", types=NUMBER), Need("/r3"))
    found = cover(schema, Contract(made, Evidence.DECLARED))
    assert [each.outcome for each in found] == [G, I, C]


def test_recursive_and_shared_schemas_end() -> None:
    node = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}, "v": TEXT}}
    wide = {"anyOf": [{"properties": {f"p{index}": {"const": index}}} for index in range(12)]}
    deep = {"allOf": [wide] * 6, "type": "object"}
    for document in (
        node,
        deep,
        {"$ref": "#/definitions/a", "definitions": {"a": {"anyOf": [{"type": "null"}, node]}}},
    ):
        schema = formats.parse("JSON", Source(json.dumps(document)))
        found = cover(schema, Contract((Need("/next/next/next/v"), Need("/p3", types=INTEGER)), Evidence.DECLARED))
        assert {each.outcome for each in found} <= {C, I}


def test_forty_needs_of_forty_fields_take_a_fraction_of_a_millisecond() -> None:
    fields = [{"name": f"f{index}", "type": ("double", "string", "long", ENUM if index == 3 else "int")[index % 4]}
              for index in range(40)]  # fmt: skip
    schema = formats.parse("AVRO", Source(json.dumps({"type": "record", "name": "R", "fields": fields})))
    made = tuple(
        Need(f"/f{index}", types=(NUMBER, STRING, INTEGER, frozenset[str]())[index % 4]) for index in range(40)
    )
    cover(schema, Contract(made, Evidence.RECORDED))
    best = min(timed(schema, Contract(made, Evidence.RECORDED)) for _ in range(20))
    assert best < 0.001


def timed(schema: Schema, contract: Contract) -> float:
    start = time.perf_counter()
    cover(schema, contract)
    return time.perf_counter() - start
