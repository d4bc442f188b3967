"""Avro compatibility: every rule, its corners, its places."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from registry.formats.avro import FORMAT
from registry.formats.base import Finding, Policy, Severity, Source

Json = Any


def findings(reader: Json, writer: Json) -> list[Finding]:
    schemas = [FORMAT.parse(Source(json.dumps(each))) for each in (reader, writer)]
    return list(schemas[0].findings(schemas[1], Policy.STRICT))


def told(reader: Json, writer: Json, severity: Severity = Severity.ERROR) -> list[str]:
    return [f"{x.rule} {x.path} {x.info}" for x in findings(reader, writer) if x.severity is severity]


def rec(*fields: Json, name: str = "R", **more: Json) -> Json:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def fld(type: Json, name: str = "a", **more: Json) -> Json:
    return {"name": name, "type": type, **more}


def enum(*symbols: str, name: str = "E", **more: Json) -> Json:
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size: int, name: str = "F", **more: Json) -> Json:
    return {"type": "fixed", "name": name, "size": size, **more}


def arr(items: Json) -> Json:
    return {"type": "array", "items": items}


def dic(values: Json) -> Json:
    return {"type": "map", "values": values}


PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
READABLE = {
    ("long", "int"),
    ("float", "int"),
    ("double", "int"),
    ("float", "long"),
    ("double", "long"),
    ("double", "float"),
    ("bytes", "string"),
    ("string", "bytes"),
}


@pytest.mark.parametrize("reader", PRIMITIVES)
def test_promotions(reader: str) -> None:
    for writer in PRIMITIVES:
        expected = [] if reader == writer or (reader, writer) in READABLE else [
            f"TYPE_MISMATCH / reader type: {reader.upper()} not compatible with writer type: {writer.upper()}"
        ]  # fmt: skip
        assert told(reader, writer) == expected


MISMATCH = "reader type: {} not compatible with writer type: {}"
PAIRS: list[tuple[str, Json, Json, list[str]]] = [
    ("same", rec(fld("int")), rec(fld("int")), []),
    ("field added with default", rec(fld("int"), fld("int", "b", default=1)), rec(fld("int")), []),
    ("null field added with default null", rec(fld("null", default=None)), rec(), []),
    (
        "field added",
        rec(fld("int"), fld("int", "b")),
        rec(fld("int")),
        ["READER_FIELD_MISSING_DEFAULT_VALUE /fields/1 b"],
    ),
    ("field removed", rec(), rec(fld("int")), []),
    ("fields reordered", rec(fld("int"), fld("long", "b")), rec(fld("long", "b"), fld("int")), []),
    ("field renamed with alias", rec(fld("int", "b", aliases=["a"])), rec(fld("int")), []),
    (
        "alias on the writer",
        rec(fld("int")),
        rec(fld("int", "b", aliases=["a"])),
        ["READER_FIELD_MISSING_DEFAULT_VALUE /fields/0 a"],
    ),
    ("alias equal to the name", rec(fld("int", aliases=["a"])), rec(fld("int")), []),
    ("two fields claim one", rec(fld("int", "b", aliases=["a"]), fld("int", "c", aliases=["a"])), rec(fld("int")), []),
    (
        "alias and name both there",
        rec(fld("int", "b", aliases=["a"])),
        rec(fld("int"), fld("int", "b")),
        ["AMBIGUOUS_ALIAS /fields/0 b, a"],
    ),
    (
        "crossed aliases",
        rec(fld("int", aliases=["b"]), fld("int", "b", aliases=["a"])),
        rec(fld("int"), fld("int", "b")),
        ["AMBIGUOUS_ALIAS /fields/0 a, b", "AMBIGUOUS_ALIAS /fields/1 b, a"],
    ),
    (
        "ambiguous with itself",
        rec(fld("int"), fld("int", "b", aliases=["a"])),
        rec(fld("int"), fld("int", "b", aliases=["a"])),
        ["AMBIGUOUS_ALIAS /fields/1 b, a"],
    ),
    ("record renamed", rec(name="S"), rec(), ["NAME_MISMATCH /name expected: R"]),
    ("record renamed with alias", rec(name="S", aliases=["R"]), rec(), []),
    ("relative alias in a namespace", rec(name="S", namespace="n", aliases=["R"]), rec(namespace="n"), []),
    ("alias in another namespace", rec(name="S", namespace="m", aliases=["n.R"]), rec(namespace="n"), []),
    (
        "alias without the namespace it needs",
        rec(name="S", aliases=["R"]),
        rec(namespace="n"),
        ["NAME_MISMATCH /name expected: n.R"],
    ),
    ("other namespace", rec(namespace="n"), rec(namespace="m"), []),
    (
        "both name and fields",
        rec(fld("int"), name="S"),
        rec(),
        ["NAME_MISMATCH /name expected: R", "READER_FIELD_MISSING_DEFAULT_VALUE /fields/0 a"],
    ),
    ("error is a record", {**rec(), "type": "error"}, rec(), []),
    (
        "field type",
        rec(fld("int")),
        rec(fld("string")),
        ["TYPE_MISMATCH /fields/0/type " + MISMATCH.format("INT", "STRING")],
    ),
    ("items", arr("int"), arr("long"), ["TYPE_MISMATCH /items " + MISMATCH.format("INT", "LONG")]),
    ("values", dic("int"), dic("long"), ["TYPE_MISMATCH /values " + MISMATCH.format("INT", "LONG")]),
    ("array and map", arr("int"), dic("int"), ["TYPE_MISMATCH / " + MISMATCH.format("ARRAY", "MAP")]),
    ("record and int", rec(), "int", ["TYPE_MISMATCH / " + MISMATCH.format("RECORD", "INT")]),
    ("enum symbols more", enum("A", "B"), enum("A"), []),
    ("enum symbols fewer", enum("A"), enum("C", "A", "B"), ["MISSING_ENUM_SYMBOLS /symbols [B, C]"]),
    ("enum symbols fewer with default", enum("A", default="A"), enum("A", "B"), []),
    (
        "a field default is no enum default",
        rec(fld(enum("A"), default="A")),
        rec(fld(enum("A", "B"))),
        ["MISSING_ENUM_SYMBOLS /fields/0/type/symbols [B]"],
    ),
    ("enum renamed", enum("A", name="X"), enum("A"), ["NAME_MISMATCH /name expected: E"]),
    (
        "enum renamed and narrowed",
        enum("A", name="X"),
        enum("B"),
        ["NAME_MISMATCH /name expected: E", "MISSING_ENUM_SYMBOLS /symbols [B]"],
    ),
    ("enum and string", "string", enum("A"), ["TYPE_MISMATCH / " + MISMATCH.format("STRING", "ENUM")]),
    (
        "enum field missing, enum default only",
        rec(fld(enum("A", default="A"))),
        rec(),
        ["TYPE_MISMATCH /fields/0/type " + MISMATCH.format("ENUM", "RECORD")],
    ),
    ("fixed size", fixed(2), fixed(3), ["FIXED_SIZE_MISMATCH /size expected: 3, found: 2"]),
    (
        "fixed name and size",
        fixed(2, name="G"),
        fixed(3),
        ["NAME_MISMATCH /name expected: F", "FIXED_SIZE_MISMATCH /size expected: 3, found: 2"],
    ),
    ("fixed and bytes", "bytes", fixed(2), ["TYPE_MISMATCH / " + MISMATCH.format("BYTES", "FIXED")]),
    (
        "decimal on bytes and on fixed",
        {"type": "bytes", "logicalType": "decimal", "precision": 4},
        {**fixed(8), "logicalType": "decimal", "precision": 4},
        ["TYPE_MISMATCH / " + MISMATCH.format("BYTES", "FIXED")],
    ),
    ("into a union", ["null", "int"], "int", []),
    ("into a union by promotion", ["null", "long"], "int", []),
    (
        "into a union that lacks it",
        ["null", "int"],
        "string",
        ["MISSING_UNION_BRANCH / reader union lacking writer type: STRING"],
    ),
    ("out of a union", "int", ["int"], []),
    ("out of a union with null", "int", ["null", "int"], ["TYPE_MISMATCH /0 " + MISMATCH.format("INT", "NULL")]),
    (
        "out of a union in a field",
        rec(fld("int")),
        rec(fld(["int", "null"])),
        ["TYPE_MISMATCH /fields/0/type/1 " + MISMATCH.format("INT", "NULL")],
    ),
    ("unions in another order", ["int", "null"], ["null", "int"], []),
    (
        "union narrowed",
        ["int"],
        ["int", "string", "null"],
        [
            "MISSING_UNION_BRANCH /1 reader union lacking writer type: STRING",
            "MISSING_UNION_BRANCH /2 reader union lacking writer type: NULL",
        ],
    ),
    ("empty union written", "int", [], []),
    ("empty union read", [], "int", ["MISSING_UNION_BRANCH / reader union lacking writer type: INT"]),
    (
        "branch by unqualified name",
        ["null", rec(namespace="n"), rec(fld("int"), namespace="m")],
        [rec(fld("int"), namespace="o")],
        [],
    ),
    (
        "branch that fails inside",
        ["null", rec(fld("int"))],
        ["null", rec(fld("string"))],
        ["MISSING_UNION_BRANCH /1 reader union lacking writer type: RECORD"],
    ),
    ("recursion", rec(fld("long"), fld(["null", "R"], "b")), rec(fld("int"), fld(["null", "R"], "b")), []),
    (
        "recursion that fails",
        rec(fld("int"), fld(["null", "R"], "b")),
        rec(fld("long"), fld(["null", "R"], "b")),
        ["TYPE_MISMATCH /fields/0/type " + MISMATCH.format("INT", "LONG")],
    ),
    ("metadata", rec(fld("int", doc="d", order="ignore", x=1), doc="d", y=2), rec(fld("int")), []),
    # The reference's habits: a pair that failed before is told where it first failed …
    (
        "one type in two fields",
        rec(fld(rec(fld("int"), name="N")), fld("N", "b")),
        rec(fld(rec(fld("string"), name="N")), fld("N", "b")),
        ["TYPE_MISMATCH /fields/0/type/fields/0/type " + MISMATCH.format("INT", "STRING")],
    ),
    # … and one first tried in a union is located from there.
    (
        "first in a union, then alone",
        rec(fld(["null", rec(fld("int"), name="N")]), fld("N", "b")),
        rec(fld(["null", rec(fld("string"), name="N")]), fld("N", "b")),
        [
            "MISSING_UNION_BRANCH /fields/0/type/1 reader union lacking writer type: RECORD",
            "TYPE_MISMATCH /fields/0/type " + MISMATCH.format("INT", "STRING"),
        ],
    ),
]


@pytest.mark.parametrize(("name", "reader", "writer", "expected"), PAIRS, ids=[row[0] for row in PAIRS])
def test_rules_and_corners(name: str, reader: Json, writer: Json, expected: list[str]) -> None:
    assert told(reader, writer) == expected


def dec(precision: int, scale: int) -> Json:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def log(name: str, kind: str = "long") -> Json:
    return {"type": kind, "logicalType": name}


WARNINGS: list[tuple[str, Json, Json, list[str]]] = [
    (
        "unit",
        log("timestamp-micros"),
        log("timestamp-millis"),
        ["LOGICAL_TYPE_CHANGED / timestamp-millis to timestamp-micros"],
    ),
    ("added", rec(fld(log("date", "int"))), rec(fld("int")), ["LOGICAL_TYPE_ADDED /fields/0/type plain int to date"]),
    ("removed", arr("int"), arr(log("date", "int")), ["LOGICAL_TYPE_REMOVED /items date to plain int"]),
    ("scale", dec(4, 2), dec(4, 1), ["DECIMAL_SCALE_CHANGED / decimal(4, 1) to decimal(4, 2)"]),
    ("precision", dec(4, 2), dec(5, 2), ["DECIMAL_PRECISION_CHANGED / decimal(5, 2) to decimal(4, 2)"]),
    ("bytes to string", dic("string"), dic("bytes"), ["BYTES_READ_AS_STRING /values bytes to string"]),
    ("string to bytes", dic("bytes"), dic("string"), []),
    ("long to double", "double", "long", ["PROMOTION_LOSES_PRECISION / long to double"]),
    ("int to double", "double", "int", []),
    (
        "in a union",
        ["null", log("timestamp-micros")],
        ["null", log("timestamp-millis")],
        ["LOGICAL_TYPE_CHANGED /1 timestamp-millis to timestamp-micros"],
    ),
    ("the branch that is taken", ["bytes", "string"], "bytes", []),
    ("the branch that may be taken", ["string", "bytes"], "bytes", ["AMBIGUOUS_UNION_BRANCH / string, bytes"]),
    (
        "branches that differ by namespace",
        [rec(fld("int"), name="n.R"), rec(fld("string"), name="m.R")],
        rec(fld("string"), name="m.R"),
        ["AMBIGUOUS_UNION_BRANCH / record n.R, record m.R"],
    ),
    (
        "one field for two",
        rec(fld("int", "b", aliases=["a"]), fld("int")),
        rec(fld("int")),
        ["SHARED_FIELD / a: b, a"],
    ),
    (
        "in a recursion",
        rec(fld(log("date", "int")), fld(["null", "R"], "b")),
        rec(fld("int"), fld(["null", "R"], "b")),
        ["LOGICAL_TYPE_ADDED /fields/0/type plain int to date"],
    ),
    (
        "beside an error",
        rec(fld(dec(4, 2)), fld("int", "b")),
        rec(fld(dec(4, 1))),
        ["DECIMAL_SCALE_CHANGED /fields/0/type decimal(4, 1) to decimal(4, 2)"],
    ),
]


@pytest.mark.parametrize(("name", "reader", "writer", "expected"), WARNINGS, ids=[row[0] for row in WARNINGS])
def test_warnings_stand_beside_the_verdict(name: str, reader: Json, writer: Json, expected: list[str]) -> None:
    assert told(reader, writer, Severity.WARNING) == expected
    assert bool(told(reader, writer)) == (name == "beside an error")


LOGICAL: list[tuple[Json, Json, list[str]]] = [
    (log("timestamp-micros"), log("timestamp-millis"), ["LOGICAL_TYPE_CHANGED"]),
    ("int", log("date", "int"), ["LOGICAL_TYPE_REMOVED"]),
    (dec(4, 2), dec(4, 1), ["DECIMAL_SCALE_CHANGED"]),
    (dec(4, 2), dec(5, 2), ["DECIMAL_PRECISION_CHANGED"]),
    (dec(5, 2), dec(4, 2), []),
    ("double", "long", []),
    (
        rec(fld("int", "b"), fld(dec(4, 2))),
        rec(fld(dec(4, 1))),
        ["READER_FIELD_MISSING_DEFAULT_VALUE", "DECIMAL_SCALE_CHANGED"],
    ),
]


@pytest.mark.parametrize(("reader", "writer", "expected"), LOGICAL)
def test_the_policy_logical_takes_logical_types_for_types(reader: Json, writer: Json, expected: list[str]) -> None:
    schemas = [FORMAT.parse(Source(json.dumps(each))) for each in (reader, writer)]
    found = schemas[0].findings(schemas[1], Policy.LOGICAL)
    assert [each.rule for each in found if each.severity is Severity.ERROR] == expected
    assert [each.severity for each in found] == sorted(each.severity for each in found)
    assert schemas[0].findings(schemas[1], Policy.LENIENT) == schemas[0].findings(schemas[1])


def test_a_finding_says_where_in_both_texts_and_in_words() -> None:
    reader = rec(fld(rec(fld("long", "x"), name="N")), fld("N", "b"))
    writer = rec(fld(rec(fld("string", "x"), name="N"), "b"))
    missing, mismatch = findings(reader, writer)
    assert missing.told() == (
        "Field a at '/fields/0' has no default in the new schema, "
        "and record R of the old schema does not have the field."
    )
    assert (missing.reader_path, missing.writer_path) == ("/fields/0", "/fields")
    assert missing.reader_value == 'a: "N"'
    assert mismatch.path == "/fields/1/type/fields/0/type"
    assert (mismatch.reader_path, mismatch.writer_path) == (
        "/fields/0/type/fields/0/type",
        "/fields/0/type/fields/0/type",
    )
    assert (mismatch.reader_value, mismatch.writer_value) == ('"long"', '"string"')
    assert mismatch.told(forward=True) == (
        "At '/fields/1/type/fields/0/type' the old schema expects long, the new schema writes string."
    )


def test_inside_a_reference_there_is_no_place_in_the_text() -> None:
    def parse(kind: str) -> Any:
        reference = Source(json.dumps(rec(fld(kind, "x"), name="N")))
        return FORMAT.parse(Source(json.dumps(rec(fld("N"))), (("N", reference),)))

    (finding,) = parse("int").findings(parse("string"))
    assert finding.path == "/fields/0/type/fields/0/type"
    assert finding.reader_path is None
    assert finding.writer_path is None


def test_another_format_is_not_compared() -> None:
    schema = FORMAT.parse(Source('"int"'))
    with pytest.raises(TypeError):
        schema.findings(SimpleNamespace(format="JSON"))  # type: ignore[arg-type] # what the test is about
