"""Lint remarks on Avro schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.formats.avro import FORMAT
from registry.formats.avro.linting import LINT, lint
from registry.formats.base import Source

Json = Any

CLEAN = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "doc": "An order",
    "fields": [
        {"name": "id", "type": "string", "doc": "The key"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When"},
        {
            "name": "note",
            "type": ["null", "string"],
            "default": None,
            "doc": "What the buyer says",
            "confluent:tags": ["PII"],
        },
        {
            "name": "state",
            "doc": "Where it is",
            "type": {"type": "enum", "name": "State", "doc": "States", "symbols": ["NEW", "PAID"], "default": "NEW"},
        },
    ],
}


def remarks(schema: Json | str, strict: bool = True) -> list[tuple[str, str]]:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return [(each.rule, each.path) for each in lint(FORMAT.parse(Source(text), strict=strict))]


def test_a_clean_schema_has_no_remarks() -> None:
    assert remarks(CLEAN) == []


def rec(*fields: Json, **more: Json) -> Json:
    return {"type": "record", "name": "n.R", "doc": "d", "fields": list(fields), **more}


def fld(type: Json, name: str = "a", **more: Json) -> Json:
    return {"name": name, "type": type, "doc": "d", **more}


CASES: list[tuple[Json, str, str]] = [
    ({"type": "fixed", "name": "n.F", "size": 1}, "undocumented-type", ""),
    (rec({"name": "a", "type": "int"}), "undocumented-field", "/fields/0"),
    ({"type": "fixed", "name": "F", "size": 1, "doc": "d"}, "no-namespace", ""),
    (rec(fld(["string", "bytes"])), "ambiguous-union", "/fields/0/type"),
    (rec(fld(["int", "long"])), "ambiguous-union", "/fields/0/type"),
    ([rec(name="n.Q"), rec(name="m.Q")], "ambiguous-union", ""),
    (rec(fld(["null", "int"])), "optional-without-default", "/fields/0"),
    (rec(fld(["int", "null"])), "null-not-first", "/fields/0/type"),
    (rec(fld("int", default="x")), "unsafe-default", "/fields/0/default"),
    (rec(fld(["string", "int"], default=1)), "unsafe-default", "/fields/0/default"),
    ({"type": "enum", "name": "n.E", "doc": "d", "symbols": ["A"], "default": "B"}, "unsafe-default", "/default"),
    ({"type": "enum", "name": "n.E", "doc": "d", "symbols": ["A"]}, "enum-without-default", ""),
    (rec(fld("int", "class")), "name-makes-bad-code", "/fields/0/name"),
    (rec(fld("int", "größe")), "name-makes-bad-code", "/fields/0/name"),
    (rec(fld("int", "__x")), "name-makes-bad-code", "/fields/0/name"),
    (rec(name="n.import"), "name-makes-bad-code", "/name"),
    (rec(fld("int", "ab"), fld("int", "aB")), "names-differ-by-case", "/fields/1/name"),
    (
        {"type": "enum", "name": "n.E", "doc": "d", "symbols": ["A", "a"], "default": "A"},
        "names-differ-by-case",
        "/symbols/1",
    ),
    (rec(fld("int", "x", aliases=["y"]), fld("int", "y")), "alias-is-a-name", "/fields/0/aliases"),
    (rec(fld({"type": "int", "logicalType": "money"})), "unknown-logical-type", "/fields/0/type/logicalType"),
    (rec(fld({"type": "int", "logicalType": "uuid"})), "misplaced-logical-type", "/fields/0/type/logicalType"),
    (
        rec(fld({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3})),
        "misplaced-logical-type",
        "/fields/0/type/logicalType",
    ),
    (rec(fld("long", logicalType="date")), "misplaced-logical-type", "/fields/0/logicalType"),
    (rec(fld("int", defualt=1)), "unknown-property", "/fields/0/defualt"),
    (rec(alias=["x"]), "unknown-property", "/alias"),
    ('{"type":"record","name":"n.R","doc":"d","fields":[],"doc":"e"}', "repeated-member", "/doc"),
    (
        (
            '{"type":"record","name":"n.R","doc":"d","fields":[{"name":"a","doc":"d","type":"int"},{"name":"b","doc":"d",'
            '"type":"int","type":"long"}]}'
        ),
        "repeated-member",
        "/fields/1/type",
    ),
    (rec(fld("n.R")), "no-event", ""),
]


@pytest.mark.parametrize(("schema", "rule", "path"), CASES)
def test_a_remark_and_its_place(schema: Json, rule: str, path: str) -> None:
    assert remarks(schema, strict=rule != "unsafe-default") == [(rule, path)]


def test_every_rule_is_shown_by_a_case() -> None:
    assert {rule for _, rule, _ in CASES} == set(LINT)


def test_types_of_references_are_not_remarked_on() -> None:
    reference = Source('{"type":"record","name":"Bad","fields":[{"name":"class","type":["int","null"]}]}')
    schema = FORMAT.parse(Source(json.dumps(rec(fld("Bad"))), (("Bad", reference),)))
    assert list(lint(schema)) == []
