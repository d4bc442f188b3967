"""Avro's semantic verdict, and the events that show it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.formats.avro import FORMAT, AvroSchema
from registry.formats.avro.semantics import meaning, semantic, witness
from registry.formats.base import Source, Verdict, Witness

Json = Any


def parse(schema: Json) -> AvroSchema:
    return FORMAT.parse(Source(json.dumps(schema)))


def rec(*fields: Json, name: str = "R", **more: Json) -> Json:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def fld(type: Json, name: str = "a", **more: Json) -> Json:
    return {"name": name, "type": type, **more}


def log(name: str, kind: str = "long", **more: int) -> Json:
    return {"type": kind, "logicalType": name, **more}


def enum(*symbols: str, **more: Json) -> Json:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


ENDLESS = rec(fld("R"), fld("int", "b"))
N1, N2 = rec(fld("string"), name="n.N"), rec(fld("int"), name="m.N")

VERDICTS: list[tuple[str, Json, Json, Verdict]] = [
    ("the same", rec(fld("int")), rec(fld("int")), Verdict.COMPATIBLE),
    ("a field removed", rec(), rec(fld("int")), Verdict.COMPATIBLE),
    ("a promotion", "double", "long", Verdict.COMPATIBLE),
    ("an enum with a default", enum("A", default="A"), enum("A", "B"), Verdict.COMPATIBLE),
    ("a logical type removed", "long", log("timestamp-millis"), Verdict.COMPATIBLE),
    (
        "more digits",
        log("decimal", "bytes", precision=9, scale=2),
        log("decimal", "bytes", precision=4, scale=2),
        Verdict.COMPATIBLE,
    ),
    ("another type", "int", "string", Verdict.BREAKS),
    ("a name", rec(name="S"), rec(), Verdict.BREAKS),
    ("no default", rec(fld("int")), rec(), Verdict.BREAKS),
    ("a symbol", {"type": "array", "items": enum("A")}, {"type": "array", "items": enum("A", "B")}, Verdict.BREAKS),
    ("a branch", ["null", "int"], ["null", "int", "string"], Verdict.BREAKS),
    ("deep in a branch", ["null", rec(fld(enum("A")))], ["null", rec(fld(enum("A", "B")))], Verdict.BREAKS),
    ("bytes that are no text", rec(fld("string")), rec(fld("bytes")), Verdict.BREAKS),
    ("a unit", log("timestamp-micros"), log("timestamp-millis"), Verdict.BREAKS),
    ("another thing", log("time-millis", "int"), log("date", "int"), Verdict.BREAKS),
    (
        "a point moved",
        log("decimal", "bytes", precision=4, scale=1),
        log("decimal", "bytes", precision=4, scale=2),
        Verdict.BREAKS,
    ),
    (
        "equal decimals on other types",
        {**log("decimal", "fixed", precision=4), "name": "F", "size": 4},
        log("decimal", "bytes", precision=4),
        Verdict.BREAKS,
    ),
    ("a plain number interpreted", log("timestamp-millis"), "long", Verdict.UNKNOWN),
    ("an unknown logical type", log("money"), log("weight"), Verdict.UNKNOWN),
    ("an ambiguous alias", rec(fld("int", "b", aliases=["a"])), rec(fld("int"), fld("int", "b")), Verdict.UNKNOWN),
    ("an event that cannot be", rec(fld("int"), fld("string", "b")), ENDLESS, Verdict.COMPATIBLE),
    (
        "a branch that cannot be",
        rec(fld(["null", "int"])),
        rec(fld(["int", {**ENDLESS, "name": "Q", "fields": [fld("Q")]}])),
        Verdict.COMPATIBLE,
    ),
    (
        "a list that must be empty",
        {"type": "array", "items": "int"},
        {"type": "array", "items": ENDLESS},
        Verdict.BREAKS,
    ),
    ("branches of one name", [N1, N2], N2, Verdict.BREAKS),
    ("branches of one name, either reads", [rec(fld("long"), name="n.N"), N2], N2, Verdict.COMPATIBLE),
]


@pytest.mark.parametrize(("name", "reader", "writer", "verdict"), VERDICTS, ids=[row[0] for row in VERDICTS])
def test_the_verdict(name: str, reader: Json, writer: Json, verdict: Verdict) -> None:
    answer = semantic(parse(reader), parse(writer), seconds=5)
    assert answer.verdict is verdict
    assert (answer.witness is not None) == (verdict is Verdict.BREAKS)
    assert bool(answer.reasons) == (verdict is not Verdict.COMPATIBLE or name == "an event that cannot be")


def test_unknown_says_why() -> None:
    (reason,) = semantic(parse(log("timestamp-millis")), parse("long")).reasons
    assert reason.startswith("by rule only: At '/' the old schema writes plain long")


WITNESSES: list[tuple[str, Json, Json, str, Witness]] = [
    (
        "a missing symbol, in the list",
        rec(fld({"type": "array", "items": enum("A")})),
        rec(fld({"type": "array", "items": enum("A", "B")})),
        "MISSING_ENUM_SYMBOLS",
        Witness(
            {"a": ["B"]}, "SchemaResolutionError: B not found in reader symbol list E, known symbols: ['A']", "/a/0"
        ),
    ),
    (
        "the branch of a map's value",
        {"type": "map", "values": ["int"]},
        {"type": "map", "values": ["int", "string"]},
        "MISSING_UNION_BRANCH",
        Witness({"key": ""}, "SchemaResolutionError: string does not resolve to union of int", "/key"),
    ),
    (
        "inside the branch",
        ["null", rec(fld(enum("A")))],
        ["null", rec(fld(enum("A", "B")))],
        "MISSING_UNION_BRANCH",
        Witness({"a": "B"}, "SchemaResolutionError: B not found in reader symbol list E, known symbols: ['A']", "/a"),
    ),
    (
        "a field without a default",
        rec(fld("int", "b")),
        rec(fld("int")),
        "READER_FIELD_MISSING_DEFAULT_VALUE",
        Witness({"a": 0}, "SchemaResolutionError: No default value for field b in R", ""),
    ),
    (
        "a size",
        {"type": "fixed", "name": "F", "size": 2},
        {"type": "fixed", "name": "F", "size": 1},
        "FIXED_SIZE_MISMATCH",
        Witness("AA==", "SchemaResolutionError: fixed F of 1 bytes does not resolve to fixed F of 2 bytes", ""),
    ),
    (
        "an instant",
        rec(fld(log("timestamp-micros"))),
        rec(fld(log("timestamp-millis"))),
        "LOGICAL_TYPE_CHANGED",
        Witness({"a": 1}, "instant 1/1000 s read as instant 1/1000000 s", "/a"),
    ),
    (
        "the second of two failures",
        rec(fld("int"), fld("int", "b")),
        rec(fld("string"), fld("boolean", "b")),
        "TYPE_MISMATCH",
        Witness({"a": "", "b": False}, "SchemaResolutionError: boolean does not resolve to int", "/b"),
    ),
]


@pytest.mark.parametrize(("name", "reader", "writer", "rule", "expected"), WITNESSES, ids=[row[0] for row in WITNESSES])
def test_a_witness_shows_its_finding(name: str, reader: Json, writer: Json, rule: str, expected: Witness) -> None:
    schemas = parse(reader), parse(writer)
    finding = [each for each in schemas[0].findings(schemas[1]) if each.rule == rule][-1]
    assert witness(*schemas, finding, seconds=5) == expected


BY_RULE_ONLY: list[tuple[Json, Json]] = [
    (rec(fld("int", "b", aliases=["a"])), rec(fld("int"), fld("int", "b"))),
    (rec(fld("int")), rec(fld(["int", {**ENDLESS, "name": "Q", "fields": [fld("Q")]}]))),
]


@pytest.mark.parametrize(("reader", "writer"), BY_RULE_ONLY)
def test_a_finding_that_no_event_meets_has_no_witness(reader: Json, writer: Json) -> None:
    schemas = parse(reader), parse(writer)
    (finding,) = schemas[0].findings(schemas[1])
    assert witness(*schemas, finding, seconds=5) is None


def test_a_finding_of_another_pair_has_no_witness() -> None:
    (finding,) = parse("int").findings(parse("string"))
    assert witness(parse("int"), parse("int"), finding) is None


MEANINGS = [
    (1, log("date", "int"), ("day", 1)),
    (1, log("local-timestamp-nanos"), ("local time", "1/1000000000 s")),
    (1000, log("time-micros"), ("second of the day", "1/1000 s")),
    (b"\xff", log("decimal", "bytes", precision=2, scale=1), ("number", -0.1)),
    ("x", log("uuid", "string"), None),
    (1, "int", None),
    (1, log("date", "long"), None),
]


@pytest.mark.parametrize(("value", "schema", "expected"), MEANINGS)
def test_what_a_raw_value_means(value: Any, schema: Json, expected: tuple[str, Any] | None) -> None:
    found = meaning(value, parse(schema).root)
    assert (
        found and (found[0], float(found[1]) if expected and isinstance(expected[1], float) else found[1])
    ) == expected
