"""JSON events: what breaks the schema, what JSON cannot say, and what is never fetched."""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenor.codecs import Options, compile
from tenor.codecs.json_schema import JsonBody, finite
from tenor.errors import InvalidEvent, Undecodable, UnusableSchema, Violation
from tenor.schemas import JSON, Schema

HEAD = b"\x00\x00\x00\x00\x01"
ORDER: dict[str, Any] = {
    "title": "Order",
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 4},
        "total": {"type": ["number", "null"], "minimum": 0},
        "lines": {"type": "array", "items": {"type": "object", "required": ["sku"], "additionalProperties": False}},
        "state": {"enum": ["open", "paid"]},
        "pay": {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"iban": {"pattern": "^[A-Z]{2}"}}}]},
    },
    "required": ["id"],
    "additionalProperties": False,
}
ORDER["properties"]["lines"]["items"]["properties"] = {"sku": {"type": "string"}, "n": {"type": "integer"}}


def body(schema: Any, references: dict[str, Any] | None = None, **options: Any) -> JsonBody:
    named = {name: Schema(json.dumps(reference), JSON) for name, reference in (references or {}).items()}
    compiled = compile(Schema(json.dumps(schema), JSON), named, Options(**options))
    assert isinstance(compiled, JsonBody)
    return compiled


def refused(schema: Any, event: Any, **options: Any) -> tuple[Violation, ...]:
    with pytest.raises(InvalidEvent) as caught:
        body(schema, **options).writer(HEAD)(event)
    return caught.value.violations


def test_a_valid_event_is_written_and_read_back() -> None:
    compiled = body(ORDER)
    event = {"id": "A1", "total": None, "lines": [{"sku": "x", "n": 2}], "state": "open", "pay": {"iban": "DE"}}
    framed = compiled.writer(HEAD)(event)
    assert framed == HEAD + json.dumps(event, separators=(",", ":")).encode()
    assert compiled.reader(None, None)(framed, 5) == event
    assert compiled.record == "Order"


REFUSED = [
    ({}, [("/id", "required")]),
    ({"id": 1}, [("/id", "type")]),
    ({"id": "12345"}, [("/id", "maxLength")]),
    ({"id": "1", "total": -1}, [("/total", "minimum")]),
    ({"id": "1", "lines": [{}, {"sku": "x", "n": 1.5}]}, [("/lines/0/sku", "required"), ("/lines/1/n", "type")]),
    ({"id": "1", "lines": [{"sku": "x", "a/b~": 1}]}, [("/lines/0/a~1b~0", "additionalProperties")]),
    ({"id": "1", "state": "sent"}, [("/state", "enum")]),
    ({"id": "1", "pay": {"iban": "x"}}, [("/pay/iban", "pattern")]),
    ({"id": "1", "pay": 7}, [("/pay", "oneOf")]),
    ({"id": "1", "x": 1, "y": 2}, [("/x", "additionalProperties"), ("/y", "additionalProperties")]),
    ([], [("", "type")]),
]


@pytest.mark.parametrize(("event", "violations"), REFUSED, ids=str)
def test_violations_name_path_and_rule(event: Any, violations: list[tuple[str, str]]) -> None:
    assert [(found.path, found.rule) for found in refused(ORDER, event)] == violations


def test_a_violation_shows_the_value_shortly() -> None:
    (violation,) = refused(ORDER, {"id": "x" * 1_000_000})
    assert len(violation.value) < 100
    assert len(violation.sentence) < 200
    assert violation.sentence.endswith("is longer than 4 characters")


# Values that JSON writers turn into something else, or into nothing.
FOREIGN = [
    ({"x": float("nan")}, "/x", "number"),
    ({"x": [None, float("-inf")]}, "/x/1", "number"),
    ({"x": date(2020, 1, 1)}, "/x", "json"),
    ({"x": {1}}, "/x", "json"),
    ({"x": b"raw"}, "/x", "json"),
    ({"x": object}, "/x", "json"),
    ({"x": {1: 2}}, "/x", "key"),
    ({"x": "\ud800"}, "/x", "encoding"),
    ({"\ud800": 1}, "", "key"),
    ({"x": 2**64}, "/x", "range"),
    ({"x": -(2**63) - 1}, "/x", "range"),
    ({"x": Decimal("NaN")}, "/x", "json"),
]


@pytest.mark.parametrize("schema", [{}, {"type": "object", "properties": {"x": {"type": ["null", "string"]}}}])
@pytest.mark.parametrize(("event", "path", "rule"), FOREIGN, ids=str)
def test_what_json_cannot_say_is_refused(schema: Any, event: Any, path: str, rule: str) -> None:
    (violation,) = refused(schema, event)
    assert (violation.path, violation.rule) == (path, rule)


def test_a_decimal_is_a_number_and_a_tuple_an_array() -> None:
    framed = body({}).writer(HEAD)({"x": Decimal("1.10"), "y": (1, 2), "z": Decimal("1E+3")})
    assert framed == HEAD + b'{"x":1.10,"y":[1,2],"z":1000}'


def test_null_beside_numbers_is_no_alarm() -> None:
    assert body({}).writer(HEAD)({"a": None, "b": 1.5, "c": [1e308, {"d": -0.0}], "e": "null"})


NUMBERS = st.floats() | st.integers(-(2**63), 2**64 - 1) | st.none() | st.text(max_size=5) | st.booleans()
EVENTS = st.recursive(NUMBERS, lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x), max_leaves=9)


@given(EVENTS)
def test_the_quick_search_for_nan_misses_none(event: Any) -> None:
    def odd(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(odd, value.values()))
        if isinstance(value, list):
            return any(map(odd, value))
        return isinstance(value, float) and not math.isfinite(value)

    if finite(event):
        assert not odd(event)
    if odd(event):
        refused({}, event)
    else:
        compiled = body({})
        assert compiled.reader(None, None)(compiled.writer(HEAD)(event), 5) == event


def test_an_event_nested_without_end_is_refused() -> None:
    event: Any = 1
    for _ in range(100_000):
        event = [event]
    schema = {"items": {"$ref": "#"}}
    (violation,) = refused(schema, event)
    assert violation.rule == "depth"
    while isinstance(event, list):
        event = event[0]
    with pytest.raises(Undecodable):
        body(schema).reader(None, None)(HEAD + b"[" * 1_000_000, 5)


DAMAGED = [b"", b"{", b'{"id":"1"} x', b"\xff", b'{"id":NaN}', b"nul"]


@pytest.mark.parametrize("raw", DAMAGED)
def test_damaged_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(Undecodable, match="schema Order"):
        body(ORDER).reader(None, None)(HEAD + raw, 5)


def test_what_is_read_is_validated_unless_told_otherwise() -> None:
    raw = HEAD + b'{"id":12345}'
    with pytest.raises(InvalidEvent, match="/id"):
        body(ORDER).reader(None, None)(raw, 5)
    assert body(ORDER, check_reads=False).reader(None, None)(raw, 5) == {"id": 12345}
    with pytest.raises(InvalidEvent, match="/total"):
        body({}).reader(None, body(ORDER))(HEAD + b'{"id":"1","total":-1}', 5)
    with pytest.raises(UnusableSchema, match="cannot be read as AVRO"):
        body({}).reader(None, compile(Schema('"int"'), {}, Options()))


# (references, schema): 5 is valid, "x" is not.
INTEGER = {"type": "integer"}
REFERRING: list[tuple[dict[str, Any], Any]] = [
    ({"a.json": INTEGER}, {"$ref": "a.json"}),
    ({"a.json": {"definitions": {"n": INTEGER}}}, {"$ref": "a.json#/definitions/n"}),
    ({"a.json": INTEGER}, {"$id": "http://acme.test/x/y.json", "$ref": "a.json"}),
    ({"http://acme.test/a.json": INTEGER}, {"$ref": "http://acme.test/a.json"}),
    ({"a.json": {**INTEGER, "$id": "http://acme.test/a.json"}}, {"$ref": "http://acme.test/a.json"}),
    ({"b.json": INTEGER, "a.json": {"$ref": "b.json"}}, {"$ref": "a.json"}),
    ({"types/b.json": INTEGER, "a.json": {"$ref": "types/b.json"}}, {"$id": "http://h.test/q", "$ref": "a.json"}),
    ({"ä b/ö.json": INTEGER, "é.json": {"$ref": "ä b/ö.json"}}, {"$ref": "é.json"}),
    ({"é.json": {"definitions": {"ß": INTEGER}}}, {"$ref": "é.json#/definitions/ß"}),
    ({"%C3%A9.json": INTEGER}, {"$ref": "%C3%A9.json"}),
]


@pytest.mark.parametrize(
    "draft", ["", "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"]
)
@pytest.mark.parametrize(("references", "schema"), REFERRING, ids=str)
def test_references_are_found_by_name(references: dict[str, Any], schema: Any, draft: str) -> None:
    # Beside $ref, draft 7 ignores all other keywords: allOf keeps $id alive.
    whole = {**({"$schema": draft} if draft else {}), **{k: v for k, v in schema.items() if k != "$ref"}}
    whole["allOf"] = [{"$ref": schema["$ref"]}]
    compiled = body(whole, references)
    assert compiled.writer(HEAD)(5) == HEAD + b"5"
    with pytest.raises(InvalidEvent):
        compiled.writer(HEAD)("x")


DRAFTS = [
    ("http://json-schema.org/draft-04/schema#", {"minimum": 3, "exclusiveMinimum": True}),
    ("http://json-schema.org/draft-06/schema#", {"exclusiveMinimum": 3}),
    ("http://json-schema.org/draft-07/schema#", {"if": {"minimum": 4}, "else": False}),
    ("https://json-schema.org/draft/2019-09/schema", {"$defs": {"n": {"minimum": 4}}, "$ref": "#/$defs/n"}),
    ("https://json-schema.org/draft/2020-12/schema", {"$dynamicRef": "#/$defs/n", "$defs": {"n": {"minimum": 4}}}),
    (None, {"definitions": {"n": {"minimum": 4}}, "$ref": "#/definitions/n", "maximum": 0}),  # draft 7 without a word
]


@pytest.mark.parametrize(("draft", "schema"), DRAFTS)
def test_every_draft_is_understood(draft: str | None, schema: Any) -> None:
    compiled = body({"$schema": draft, **schema} if draft else schema)
    assert compiled.writer(HEAD)(4) == HEAD + b"4"
    with pytest.raises(InvalidEvent):
        compiled.writer(HEAD)(3)


def test_formats_are_asserted_on_request() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "format": "date"}
    assert body(schema).writer(HEAD)("yesterday")
    assert refused(schema, "yesterday", check_formats=True)[0].rule == "format"
    assert body({"format": "date"}, check_formats=False).writer(HEAD)("yesterday")


BROKEN = [
    ("{", "it is no JSON"),
    ("[]", "neither an object nor a boolean"),
    ('{"type": "nonsense"}', "nonsense"),
    ('{"$ref": "missing.json"}', "not among the schema's references, and nothing is fetched"),
    ('{"$ref": "http://127.0.0.1:9/x.json"}', "nothing is fetched"),
    ('{"$ref": "file:///etc/passwd"}', "nothing is fetched"),
    ('{"$schema": "http://127.0.0.1:9/meta.json"}', "127.0.0.1"),
    ('{"pattern": "("}', "not a"),
]


@pytest.mark.parametrize(("text", "reason"), BROKEN)
def test_a_schema_that_cannot_be_used_says_why_and_fetches_nothing(text: str, reason: str) -> None:
    with pytest.raises(UnusableSchema, match=reason):
        compile(Schema(text, JSON), {}, Options())


def test_a_pattern_that_explodes_does_not_hang() -> None:
    schema = {"pattern": "^(a+)+$"}
    assert refused(schema, "a" * 100 + "b")
