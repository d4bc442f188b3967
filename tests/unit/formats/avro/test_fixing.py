"""Fixes of Avro schema texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.formats.avro import FORMAT
from registry.formats.avro.fixing import fixes, zero_value
from registry.formats.avro.model import MISSING
from registry.formats.base import Source

FIELD = '{"name": "a", "type": "int"}'


def record(*fields: str, name: str = "R", more: str = "") -> str:
    return f'{{"type": "record", "name": "{name}", "fields": [{", ".join(fields)}]{more}}}'


def fld(type: str, name: str = "a", more: str = "") -> str:
    return f'{{"name": "{name}", "type": {type}{more}}}'


ENUM_AB = '{"type": "enum", "name": "E", "symbols": ["A", "B"]}'
ENUM_A = '{"type": "enum", "name": "E", "symbols": ["A"]}'
ENUM_ABC = '{"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}'
FIXED = '{"type": "fixed", "name": "F", "size": %d}'

BACKWARD: list[tuple[str, str, str, dict[str, str]]] = [
    (
        "a new field",
        record(FIELD, fld('"string"', "b")),
        record(FIELD),
        {
            "add-default": record(FIELD, fld('"string"', "b", ', "default": ""')),
            "make-optional": record(FIELD, fld('["null", "string"]', "b", ', "default": null')),
        },
    ),
    (
        "a renamed field",
        record(fld('"long"', "amount")),
        record(fld('"int"', "amnt")),
        {
            "keep-old-name": record(fld('"long"', "amount", ', "aliases": ["amnt"]')),
            "add-default": record(fld('"long"', "amount", ', "default": 0')),
            "make-optional": record(fld('["null", "long"]', "amount", ', "default": null')),
        },
    ),
    (
        "an optional field",
        record(fld('["null", "string"]')),
        record(),
        {"add-default": record(fld('["null", "string"]', more=', "default": null'))},
    ),
    (
        "an optional field, null last",
        record(fld('["string", "null"]')),
        record(),
        {
            "add-default": record(fld('["string", "null"]', more=', "default": ""')),
            "make-optional": record(fld('["null", "string"]', more=', "default": null')),
        },
    ),
    (
        "a field that has aliases",
        record(fld('"int"', "c", ', "aliases": ["b"]')),
        record(FIELD),
        {
            "keep-old-name": record(fld('"int"', "c", ', "aliases": ["b", "a"]')),
            "add-default": record(fld('"int"', "c", ', "aliases": ["b"], "default": 0')),
            "make-optional": record(fld('["null", "int"]', "c", ', "aliases": ["b"], "default": null')),
        },
    ),
    (
        "a renamed record",
        record(name="S"),
        record(),
        {"keep-old-name": record(name="S", more=', "aliases": ["R"]'), "restore-name": record()},
    ),
    ("a size", FIXED % 2, FIXED % 4, {"restore-size": FIXED % 4}),
    (
        "a symbol",
        ENUM_A,
        ENUM_AB,
        {"restore-symbols": ENUM_AB, "add-enum-default": ENUM_A[:-1] + ', "default": "A"}'},
    ),
    (
        "symbols",
        ENUM_A,
        ENUM_ABC,
        {
            "restore-symbols": ENUM_ABC.replace('["A", "B", "C"]', '["A","B","C"]'),
            "add-enum-default": ENUM_A[:-1] + ', "default": "A"}',
        },
    ),
    ("a branch", '["null", "int"]', '["null", "int", "string"]', {"restore-branch": '["null", "int", "string"]'}),
    (
        "a type",
        record(fld('"int"')),
        record(fld('"string"')),
        {"restore-type": record(fld('"string"')), "accept-both": record(fld('["int", "string"]'))},
    ),
    (
        "no longer optional",
        record(fld('"int"')),
        record(fld('["null", "int"]')),
        {"restore-type": record(fld('["null", "int"]')), "accept-both": record(fld('["int", "null"]'))},
    ),
    (
        "a unit",
        '{"type": "long", "logicalType": "timestamp-micros"}',
        '{"type": "long", "logicalType": "timestamp-millis"}',
        {"restore-type": '{"type": "long", "logicalType": "timestamp-millis"}'},
    ),
    (
        "an ambiguous alias",
        record(fld('"int"', "b", ', "aliases": ["a", "z"]')),
        record(FIELD, fld('"int"', "b")),
        {"drop-alias": record(fld('"int"', "b", ', "aliases": ["z"]'))},
    ),
]

FORWARD: list[tuple[str, str, str, dict[str, str]]] = [
    (
        "a field removed",
        record(FIELD, fld('"int"', "b")),
        record(FIELD),
        {"restore-field": record(FIELD, fld('"int"', "b"))},
    ),
    ("a record renamed", record(), record(name="S"), {"restore-name": record()}),
    ("a size", FIXED % 4, FIXED % 2, {"restore-size": FIXED % 4}),
    ("a symbol added", ENUM_A, ENUM_AB, {"drop-symbols": ENUM_A}),
    ("a branch added", '["null", "int"]', '["null", "string", "int"]', {"drop-branch": '["null", "int"]'}),
    ("a type", record(fld('"int"')), record(fld('"long"')), {"restore-type": record(fld('"int"'))}),
]


@pytest.mark.parametrize(("name", "reader", "writer", "expected"), BACKWARD, ids=[row[0] for row in BACKWARD])
def test_backward_the_reader_is_edited(name: str, reader: str, writer: str, expected: dict[str, str]) -> None:
    schemas = [FORMAT.parse(Source(text)) for text in (reader, writer)]
    finding = schemas[0].findings(schemas[1])[0]
    assert {fix.id: fix.apply(reader) for fix in fixes(schemas[0], schemas[1], finding)} == expected


@pytest.mark.parametrize(("name", "reader", "writer", "expected"), FORWARD, ids=[row[0] for row in FORWARD])
def test_forward_the_writer_is_edited(name: str, reader: str, writer: str, expected: dict[str, str]) -> None:
    schemas = [FORMAT.parse(Source(text)) for text in (reader, writer)]
    finding = schemas[0].findings(schemas[1])[0]
    found = fixes(schemas[0], schemas[1], finding, forward=True)
    assert {fix.id: fix.apply(writer) for fix in found} == expected


def test_formatting_and_comments_stay() -> None:
    field = '    {\n      "name": "a", // new\n      "type": "int"\n    }\n'
    reader = '{\n  "type": "record",\n  "name": "R",\n  "fields": [\n' + field + "  ]\n}\n"
    schemas = [FORMAT.parse(Source(text)) for text in (reader, record())]
    (finding,) = schemas[0].findings(schemas[1])
    first = fixes(schemas[0], schemas[1], finding)[0]
    assert first.apply(reader) == reader.replace('"type": "int"\n', '"type": "int",\n      "default": 0\n')
    assert first.sentence == "Give field a the default 0."


def test_what_is_in_a_reference_is_not_edited() -> None:
    def parse(text: str) -> Any:
        return FORMAT.parse(Source(record(fld('"N"')), (("N", Source(record(fld(text), name="N"))),)))

    reader, writer = parse('"int"'), parse('"string"')
    (finding,) = reader.findings(writer)
    assert list(fixes(reader, writer, finding)) == []


def test_a_finding_of_another_pair_has_no_fix() -> None:
    schemas = [FORMAT.parse(Source(text)) for text in ('"int"', '"string"')]
    (finding,) = schemas[0].findings(schemas[1])
    assert fixes(schemas[0], schemas[0], finding) == ()


ZEROS: list[tuple[Any, Any]] = [
    ("int", 0),
    (["string", "null"], ""),
    (json.loads(ENUM_AB), "A"),
    ({**json.loads(ENUM_AB), "default": "B"}, "B"),
    (json.loads(FIXED % 2), "\x00\x00"),
    ({"type": "array", "items": "int"}, []),
    (
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": "a", "type": "boolean"}, {"name": "b", "type": "int", "default": 1}],
        },
        {"a": False},
    ),
    ({"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}]}, MISSING),
    ({"type": "fixed", "name": "F", "size": 1000}, MISSING),
    ([], MISSING),
    ({"type": "enum", "name": "E", "symbols": []}, MISSING),
]


@pytest.mark.parametrize(("schema", "expected"), ZEROS)
def test_the_plainest_default(schema: Any, expected: Any) -> None:
    assert zero_value(FORMAT.parse(Source(json.dumps(schema))).root) == expected
