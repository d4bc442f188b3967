"""What the Avro parser takes and what it refuses, with the place it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.errors import InvalidSchema
from registry.formats.avro import FORMAT, insight
from registry.formats.base import Source


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields), **more}


def field(type: Any, name: str = "a", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, **more}


E = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
F = {"type": "fixed", "name": "F", "size": 2}

REFUSED: list[tuple[Any, str, str | None]] = [
    # shape
    ({}, "no type", ""),
    ({"type": {"type": "string"}}, "no type", ""),
    ({"type": ["null", "string"]}, "no type", ""),
    (5, "a type is a name, an object or a list", ""),
    (None, "a type is a name", ""),
    ("R", "undefined name", ""),
    ({"type": "array"}, "array without `items`", ""),
    ({"type": "map"}, "map without `values`", ""),
    ({"type": "record", "name": "R"}, "no list of fields", ""),
    (record("x"), "a field is an object", "/fields/0"),
    (record({"type": "int"}), "no field name", "/fields/0"),
    (record({"name": "a"}), "no type", "/fields/0"),
    (record(field("record")), 'undefined name: "record": write the record as an object', "/fields/0/type"),
    (record(field("int"), field("long")), "duplicate field a", "/fields/1"),
    (record(field("int", order="up")), "order of field a", "/fields/0/order"),
    (record(field("int", order=1)), "order of field a", "/fields/0/order"),
    (record(field("int", doc=5)), "documentation is not a text", "/fields/0/doc"),
    (record(field("int", aliases="b")), "`aliases` is a list of texts", "/fields/0/aliases"),
    (record(aliases=[1]), "`aliases` is a list of texts", "/aliases/0"),
    (record(doc={}), "documentation is not a text", "/doc"),
    # names
    (record(name="1R"), "illegal name", "/name"),
    (record(name="R-x"), "illegal name", "/name"),
    (record(name=""), "illegal name", "/name"),
    (record(name="a..R"), "illegal name", "/name"),
    (record(name=7), "no name", ""),
    ({"type": "record", "fields": []}, "no name", ""),
    (record(namespace="a-b"), "illegal name", "/namespace"),
    (record(namespace=1), "namespace is a text", "/namespace"),
    (record(aliases=["b-c"]), "illegal name", "/aliases/0"),
    (record(field("int", "a b")), "illegal name", "/fields/0/name"),
    (record(name="string"), "may not be named after the primitive", "/name"),
    (record(field(F), field(F, "b")), "can't redefine: F", "/fields/1/type"),
    (record(field("F"), field(F, "b")), "undefined name", "/fields/0/type"),
    # enums and fixed
    ({"type": "enum", "name": "E"}, "no list of symbols", ""),
    ({**E, "symbols": ["A", "A"]}, "duplicate enum symbol: A", "/symbols"),
    ({**E, "symbols": ["A-B"]}, "illegal name", "/symbols/0"),
    ({**E, "symbols": [1]}, "list of texts", "/symbols/0"),
    ({**E, "default": "C"}, "not one of its symbols", "/default"),
    ({**E, "default": 1}, "not a text", "/default"),
    ({**F, "size": -1}, "needs a size", ""),
    ({**F, "size": "2"}, "needs a size", ""),
    ({**F, "size": True}, "needs a size", ""),
    ({**F, "size": 2.5}, "needs a size", ""),
    ({**F, "size": 2**31}, "needs a size", ""),
    # unions
    (["int", ["null"]], "directly hold another union", "/1"),
    (["int", "int"], "duplicate in union: int", "/1"),
    (["int", {"type": "int", "logicalType": "date"}], "duplicate in union: int", "/1"),
    ([F, "F"], "duplicate in union: F", "/1"),
    ([{"type": "array", "items": "int"}, {"type": "array", "items": "long"}], "duplicate in union: array", "/1"),
    # defaults
    (record(field("int", default="1")), 'invalid default "1" for field a', "/fields/0/default"),
    (record(field("int", default=2**31)), "out of the range of int", "/fields/0/default"),
    (record(field("int", default=True)), "not of type int", "/fields/0/default"),
    (record(field("int", default=1.0)), "not of type int", "/fields/0/default"),
    (record(field("long", default=2**63)), "out of the range of long", "/fields/0/default"),
    (record(field("long", default=None)), "not of type long", "/fields/0/default"),
    (record(field("float", default=1e39)), "out of the range of float", "/fields/0/default"),
    (record(field("double", default="x")), "spells no number", "/fields/0/default"),
    (record(field("boolean", default=0)), "not of type boolean", "/fields/0/default"),
    (record(field("null", default=0)), "not of type null", "/fields/0/default"),
    (record(field("string", default=0)), "not of type string", "/fields/0/default"),
    (record(field("bytes", default="\u0100")), "does not spell a byte", "/fields/0/default"),
    (record(field("bytes", default=[])), "spells bytes", "/fields/0/default"),
    (record(field(F, default="x")), "has 1 bytes, fixed F has 2", "/fields/0/default"),
    (record(field(E, default="C")), '"C" is not a symbol of enum E', "/fields/0/default"),
    (record(field(E, default=0)), "not of type enum E", "/fields/0/default"),
    (record(field(["null", "string"], default="x")), "not of type null", "/fields/0/default"),
    (record(field(["string", "null"], default=None)), "not of type string", "/fields/0/default"),
    (record(field([], default=None)), "empty union", "/fields/0/default"),
    (record(field({"type": "array", "items": "int"}, default=[1, "2"])), "not of type int", "/fields/0/default"),
    (record(field({"type": "array", "items": "int"}, default={})), "array of int", "/fields/0/default"),
    (record(field({"type": "map", "values": "int"}, default={"k": None})), "not of type int", "/fields/0/default"),
    (record(field({"type": "map", "values": "int"}, default=[])), "map of int", "/fields/0/default"),
    (record(field(record(field("int", "x"), name="N"), default={})), "lacks the field x", "/fields/0/default"),
    (record(field(record(field("int", "x"), name="N"), default={"x": "1"})), "not of type int", "/fields/0/default"),
    (record(field("R", default={})), "never ends", "/fields/0/default"),
]


@pytest.mark.parametrize(("schema", "reason", "path"), REFUSED)
def test_what_is_refused_and_where(schema: Any, reason: str, path: str | None) -> None:
    with pytest.raises(InvalidSchema, match="Invalid schema of type AVRO, details:") as caught:
        FORMAT.parse(Source(json.dumps(schema)))
    assert reason in caught.value.data["reason"]
    assert caught.value.data["path"] == path
    assert caught.value.data["line"] == 1
    assert caught.value.data["column"] >= 1


TAKEN: list[Any] = [
    "int",
    {"type": "int"},
    [],
    ["null", "int"],
    {"type": "error", "name": "X", "fields": []},
    record(),
    record(name="a.b.R", namespace="ignored"),
    record(name="ns.string"),
    record(name="Größe"),
    record(name=".R"),
    record(namespace=""),
    record(namespace=None, doc=None),
    record(field("R")),  # no value exists, the schema is legal
    record(field(["null", "R"])),
    record(field(E), field("E", "b"), field({"type": "E"}, "c")),
    record(field("int", order="DESCENDING")),
    {"type": "int", "logicalType": "decimal"},  # misplaced: ignored
    {"type": "string", "logicalType": 5},
    {**E, "symbols": []},
    {**E, "default": "B"},
    {**F, "size": 0},
    {"type": "array", "items": "int", "default": [], "name": "dropped", "aliases": 3},
    record(field("int", default=-(2**31)), field("long", "b", default=2**63 - 1)),
    record(field("double", default=1), field("float", "b", default="NaN"), field("double", "c", default="1.5e3")),
    record(field("bytes", default="\u00ff\u0000"), field(F, "b", default="\u0000\u00ff"), field(E, "c", default="A")),
    record(field(["null", "int"], default=None), field(["int", "null"], "b", default=3)),
    record(field(record(field("int", "x", default=1), name="N"), default={"unknown": []})),
    record(field("null", default=None)),
]


@pytest.mark.parametrize("schema", TAKEN)
def test_what_is_taken(schema: Any) -> None:
    FORMAT.parse(Source(json.dumps(schema)))


LENIENT: list[Any] = [
    record(field("int", default="x")),
    record(field(["null", "string"], default="x")),
    record(name="R-x"),
    record(namespace="a-b"),
    record(field("int", "a b")),
    record(field(F), field(F, "b")),
    record(field("F"), field(F, "b")),
    record(field({"type": "array", "items": "F"}), field({"type": "map", "values": "F"}, "c"), field(F, "b")),
    record(field(["null", "F"]), field(F, "b")),
    record(doc=5),
    {**E, "default": "C"},
]


@pytest.mark.parametrize("schema", LENIENT)
def test_imports_take_more(schema: Any) -> None:
    with pytest.raises(InvalidSchema):
        FORMAT.parse(Source(json.dumps(schema)))
    canonical = FORMAT.parse(Source(json.dumps(schema)), strict=False).canonical
    assert FORMAT.parse(Source(canonical), strict=False).canonical == canonical


@pytest.mark.parametrize(
    "schema", [*LENIENT, record(field("double", default="x")), record(field("double", default=10**400))]
)
def test_whatever_was_imported_can_be_examined(schema: Any) -> None:
    imported = FORMAT.parse(Source(json.dumps(schema)), strict=False)
    other = FORMAT.parse(Source(json.dumps(record(field("string", "other"), name="Other"))))
    for reader, writer in ((imported, imported), (imported, other), (other, imported)):
        insight.semantic(reader, writer)
        assert insight.changes(writer, reader) is not None
        for finding in reader.findings(writer):
            insight.witness(reader, writer, finding)
            insight.fixes(reader, writer, finding)
    assert insight.lint(imported)
    assert next(insight.samples(imported)).kind == "minimal"


STILL_REFUSED: list[Any] = [
    record(name=""),
    record(name="string"),
    record(field("int"), field("int")),
    record(field("Nowhere")),
    record(field(F), field({**F, "size": 3}, "b")),
    ["int", ["int"]],
    ["int", "int"],
    {**F, "size": -1},
]


@pytest.mark.parametrize("schema", STILL_REFUSED)
def test_imports_do_not_take_everything(schema: Any) -> None:
    with pytest.raises(InvalidSchema):
        FORMAT.parse(Source(json.dumps(schema)), strict=False)


def test_a_forward_reference_is_the_type_it_names() -> None:
    schema = FORMAT.parse(Source(json.dumps(record(field(["null", "F"]), field(F, "b")))), strict=False)
    assert schema.canonical == (
        '{"type":"record","name":"R","fields":[{"name":"a","type":["null",{"type":"fixed","name":"F","size":2}]},'
        '{"name":"b","type":"F"}]}'
    )


BROKEN_TEXTS = [
    ('{"type": "int"', "not JSON", 1, 15),
    ('{\n  "type": int\n}', "not JSON", 2, 11),
    ("int", "not JSON", 1, 1),
    ('"int" "int"', "not JSON", 1, 7),
    ('{"type":"int","x":NaN}', "NaN is not a JSON value", None, None),
    ('{"type":"int","x":-Infinity}', "not a JSON value", None, None),
    ('{"type":"int","x":"\u0001"}', "not JSON", 1, 20),
    ('{"type":"int" /* open', "not JSON", 1, 22),
]


@pytest.mark.parametrize(("text", "reason", "line", "column"), BROKEN_TEXTS)
def test_a_text_that_is_no_json(text: str, reason: str, line: int | None, column: int | None) -> None:
    with pytest.raises(InvalidSchema) as caught:
        FORMAT.parse(Source(text))
    data = caught.value.data
    assert reason in data["reason"]
    assert (data["line"], data["column"]) == (line, column)


def test_the_place_of_a_problem_is_told_by_line_and_column() -> None:
    text = (
        '{"type": "record",\n "name": "R",\n "fields": [\n  {"name": "a", "type": "int"},\n  {"name": "a", "type": 5}]}'
    )
    with pytest.raises(InvalidSchema) as caught:
        FORMAT.parse(Source(text))
    assert caught.value.data["path"] == "/fields/1/type"
    assert (caught.value.data["line"], caught.value.data["column"]) == (5, 25)


def test_comments_are_white_space() -> None:
    text = '// a\n{"type": /* "b" */ "record", "name": "R", "doc": "/* kept */ // kept", "fields": []} // c'
    assert FORMAT.parse(Source(text)).canonical == (
        '{"type":"record","name":"R","doc":"/* kept */ // kept","fields":[]}'
    )
