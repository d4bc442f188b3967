"""Inputs made to hurt: each is answered or refused within a second, never with an error of the interpreter."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from registry.errors import InvalidSchema
from registry.formats.base import Policy, Severity, Source
from registry.formats.json_schema import FORMAT, JsonSchema, patterns
from registry.formats.json_schema.compare import MAX_FINDINGS, TOO_LARGE, Comparison
from registry.formats.json_schema.fields import MAX_FIELDS

S, I = {"type": "string"}, {"type": "integer"}  # noqa: E741 # I is the integer schema in all these tables
SECONDS = 5.0
"""Twice what is promised: the machine of the tests is shared."""


def parse(value: Any, *references: tuple[str, Source]) -> JsonSchema:
    return FORMAT.parse(Source(value if isinstance(value, str) else json.dumps(value), references))


def rules(reader: Any, writer: Any) -> set[str]:
    return {finding.rule for finding in parse(reader).findings(parse(writer))}


def cyclic(leaf: Any, nodes: int = 12, references: int = 5) -> dict[str, Any]:
    def node(index: int) -> dict[str, Any]:
        following = {f"r{k}": {"$ref": f"#/definitions/n{(index * 3 + k * k + 1) % nodes}"} for k in range(references)}
        return {"type": "object", "properties": {**following, "leaf": leaf}}

    return {"$ref": "#/definitions/n0", "definitions": {f"n{index}": node(index) for index in range(nodes)}}


def cyclic_union(leaf: Any, nodes: int = 12, references: int = 5) -> dict[str, Any]:
    def node(index: int) -> dict[str, Any]:
        targets = [(index * 3 + k * k + 1) % nodes for k in range(references)]
        return {
            "anyOf": [
                {"type": "object", "properties": {f"r{k}": {"$ref": f"#/definitions/n{target}"}, "leaf": leaf},
                 "additionalProperties": False}
                for k, target in enumerate(targets)
            ]
        }  # fmt: skip

    return {"$ref": "#/definitions/n0", "definitions": {f"n{index}": node(index) for index in range(nodes)}}


def bomb(leaf: Any, wrap: Callable[[Any], Any]) -> dict[str, Any]:
    """Sixty definitions, each referring twice to the next: 2^60 paths."""
    definitions = {f"d{index}": wrap({"$ref": f"#/definitions/d{index + 1}"}) for index in range(60)}
    return {"$ref": "#/definitions/d0", "definitions": {**definitions, "d60": leaf}}


def all_of(reference: Any) -> Any:
    return {"allOf": [reference, dict(reference)]}


def one_of(reference: Any) -> Any:
    return {"oneOf": [reference, {"type": "array", "items": reference}]}


def properties(reference: Any) -> Any:
    return {"type": "object", "properties": {"left": reference, "right": reference}}


def nested(depth: int, leaf: Any) -> str:
    return '{"properties":{"a":' * depth + json.dumps(leaf) + "}}" * depth


def union(keyword: str, factor: int) -> dict[str, Any]:
    branches = [
        {"type": "object", "properties": {f"p{index}": {"const": index * factor}}, "required": [f"p{index}"]}
        for index in range(500)
    ]
    return {keyword: branches}


def wide(limit: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"f{index}": {**S, "maxLength": index + limit} for index in range(5_000)}}


def chain(length: int, leaf: Any) -> JsonSchema:
    source = Source(json.dumps(leaf))
    for _ in range(length):
        source = Source('{"properties":{"a":{"$ref":"n"}}}', (("n", source),))
    return FORMAT.parse(source)


REFUSED = [
    '{"a":' * 10_000 + "1" + "}" * 10_000,
    "[" * 10_000,
    '{"not":' * 500 + "{}" + "}" * 500,
    '{"description":"' + "x" * 20_000_000 + '"}',
    '{"maximum":1e999999999}',
    '{"maximum":' + "9" * 100_000 + "}",
    '{"enum":[' + "[],".join([""] * 500_000) + "0]}",
    '{"properties":{' + ",".join(f'"p{index}":{{}}' for index in range(150_000)) + "}}",
]

ANSWERED: list[tuple[str, Callable[[], Any], Any]] = [
    ("deep", lambda: rules(nested(190, S), nested(190, I)), {"TYPE_CHANGED"}),
    ("deep fields", lambda: len(parse(nested(190, S)).fields()), 190),
    ("deep not", lambda: rules('{"not":' * 390 + "{}" + "}" * 390, '{"not":' * 390 + "true" + "}" * 390), set()),
    ("cyclic, equal but for the title", lambda: rules({**cyclic(S), "title": "t"}, cyclic(S)), set()),
    ("cyclic, widened", lambda: rules(cyclic({"type": "number"}), cyclic(I)), set()),
    ("cyclic, narrowed", lambda: rules(cyclic(I), cyclic({"type": "number"})), {"TYPE_NARROWED"}),
    ("cyclic unions, widened", lambda: rules(cyclic_union({"type": "number"}), cyclic_union(I)), set()),
    (
        "cyclic unions, narrowed",
        lambda: rules(cyclic_union(I), cyclic_union({"type": "number"})),
        {"COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
    ),
    ("allOf bomb", lambda: rules(bomb(S, all_of), bomb(I, all_of)), {"COMBINED_TYPE_SUBSCHEMAS_CHANGED"}),
    (
        "oneOf bomb",
        lambda: rules(bomb(S, one_of), bomb(I, one_of)),
        {"COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
    ),
    ("property bomb", lambda: len(parse(bomb(S, properties)).findings(parse(bomb(I, properties)))), MAX_FINDINGS),
    ("property bomb, fields", lambda: len(parse(bomb(S, properties)).fields()), MAX_FIELDS),
    ("property bomb, tags", lambda: parse(bomb(S, properties)).tags(), ()),
    ("5,000 fields", lambda: len(parse(wide(1)).fields()), 5_000),
    ("5,000 fields, widened", lambda: rules(wide(2), wide(1)), set()),
    ("5,000 fields, narrowed", lambda: len(parse(wide(1)).findings(parse(wide(2)))), MAX_FINDINGS),
    ("500 branches, the same", lambda: rules({**union("oneOf", 1), "title": "t"}, union("oneOf", 1)), set()),
    (
        "500 branches, all different",
        lambda: rules(union("anyOf", 2), {"anyOf": union("anyOf", 3)["anyOf"][1:]}),
        {"COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
    ),
    (
        "500 branches, in another order and widened",
        lambda: rules(
            {"anyOf": [{**branch, "minProperties": 1} for branch in union("anyOf", 1)["anyOf"]]},
            {"anyOf": [{**branch, "minProperties": 2} for branch in reversed(union("anyOf", 1)["anyOf"])]},
        ),
        set(),
    ),
    ("aliases in a row", lambda: parse(aliases(5_000)).fields()[0].type, "string"),
    ("references in a row", lambda: len(chain(900, S).fields()), 400),
    ("references in a row, inlined", lambda: len(json.loads(chain(900, S).inlined())["definitions"]), 900),
]


def aliases(length: int) -> dict[str, Any]:
    row = [{"$ref": f"#/x/{index + 1}"} for index in range(length)]
    return {"properties": {"a": {"$ref": "#/x/0"}}, "x": [*row, S]}


def test_refused_within_a_second() -> None:
    for text in REFUSED:
        started = time.process_time()
        with pytest.raises(InvalidSchema):
            parse(text)
        assert time.process_time() - started < SECONDS, text[:40]


def test_answered_within_a_second() -> None:
    for name, question, answer in ANSWERED:
        started = time.process_time()
        assert question() == answer, name
        assert time.process_time() - started < SECONDS, name


def test_a_comparison_that_would_not_end_is_called_off_as_incompatible(monkeypatch: pytest.MonkeyPatch) -> None:
    def tangled(leaf: Any) -> dict[str, Any]:
        branches = [
            {"properties": {f"p{k}": {"$ref": f"#/definitions/n{(i * 7 + k) % 40}"} for k in range(4)}, "minItems": i}
            for i in range(60)
        ]
        nodes = {f"n{i}": {"anyOf": [*branches, {"const": i}, leaf]} for i in range(40)}
        return {"anyOf": [{"$ref": f"#/definitions/n{i}"} for i in range(40)], "definitions": nodes}

    reader, writer = parse(tangled({"const": "x"})), parse(tangled({"const": "y"}))
    started = time.process_time()
    assert {finding.severity for finding in reader.findings(writer, Policy.LENIENT)} == {Severity.ERROR}
    assert time.process_time() - started < SECONDS
    monkeypatch.setattr(Comparison, "between", classmethod(lambda cls, *_: cls(limit=100)))
    (finding,) = reader.findings(writer)
    assert (finding.rule, finding.severity) == (TOO_LARGE, Severity.ERROR)


EVIL = [
    (r"(a+)+$", "a" * 5_000 + "!"),
    (r"^(?=(a|aa)+$)\1*b", "a" * 5_000),
    (r"(x*)*(x*)*y", "x" * 5_000),
    (r"(a{500}){500}", "a" * 9_999),
]


def test_warnings_never_hide_an_error() -> None:
    loose = {f"a{index}": {"type": "object", "required": ["x"]} for index in range(600)}
    tight = {name: {"type": "object", "required": ["x", "y"]} for name in loose}
    writer, reader = {"properties": {**loose, "z": S}}, {"properties": {**tight, "z": I}}
    found = parse(reader).findings(parse(writer))
    assert [finding.rule for finding in found if finding.severity is Severity.ERROR] == ["TYPE_CHANGED"]
    assert len(found) == MAX_FINDINGS + 1
    deep = {f"d{n}": properties({"$ref": f"#/definitions/d{n + 1}"}) for n in range(60)}
    bombs = [
        {
            "properties": {"a": {"$ref": "#/definitions/d0"}, "z": leaf},
            "definitions": {**deep, "d60": {"required": names}},
        }
        for leaf, names in ((S, ["x"]), (I, ["x", "y"]))
    ]
    assert "TYPE_CHANGED" in rules(bombs[1], bombs[0])


def test_a_pattern_never_runs_long() -> None:
    for pattern, text in EVIL:
        started = time.process_time()
        assert patterns.matches(pattern, text) is not True
        closed = {"type": "object", "patternProperties": {pattern: S}, "additionalProperties": False}
        writer = {"type": "object", "properties": {text: S}, "additionalProperties": False}
        rules(closed, writer)
        assert time.process_time() - started < SECONDS, pattern


def test_what_patterns_match() -> None:
    rows: list[tuple[str, str, bool | None]] = [
        ("^a", "ab", True),
        ("b$", "ab", True),
        ("^b", "ab", False),
        (r"^\p{Lu}", "Éa", True),
        (r"^\d+$", "12", True),
        ("(", "(", None),
        ("a", "a" * 20_000, None),
    ]
    for pattern, text, expected in rows:
        assert patterns.matches(pattern, text) is expected, pattern
    assert patterns.is_regular_expression(r"(?P<year>\d{4})")
    assert not patterns.is_regular_expression("(")
