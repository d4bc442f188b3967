"""Places in the text, fixes, the semantic diff, lint, and what rules say."""

from __future__ import annotations

import json
import time
from typing import Any

from registry.formats.base import ChangeKind, Fix, Severity, Source
from registry.formats.json_schema import FORMAT, JsonSchema
from registry.formats.json_schema.changes import changes
from registry.formats.json_schema.compare import TOO_LARGE
from registry.formats.json_schema.differing import WARNINGS
from registry.formats.json_schema.editing import Editor
from registry.formats.json_schema.fixing import fixes
from registry.formats.json_schema.kinds import KINDS
from registry.formats.json_schema.linting import LINT, lint
from registry.formats.json_schema.locations import locate
from registry.formats.json_schema.rules import RULES

S: dict[str, Any] = {"type": "string"}
I: dict[str, Any] = {"type": "integer"}  # noqa: E741 # I is the integer schema in all these tables


def parse(value: Any, *references: tuple[str, Source]) -> JsonSchema:
    return FORMAT.parse(Source(value if isinstance(value, str) else json.dumps(value), references))


# ------------------------------------------------------------------------------------------------------- locations

TEXT = """{
  "type": "object",
  "properties": {
    "a/b": { "type": "string",
             "maxLength": 3 }
  },
  "required": [ "a/b" ]
}"""


def test_line_and_column_of_a_pointer() -> None:
    schema = parse(TEXT)
    rows = [
        ("", (1, 1)),
        ("/properties", (3, 3)),
        ("/properties/a~1b", (4, 5)),
        ("/properties/a~1b/maxLength", (5, 14)),
        ("/required/0", (7, 17)),
        ("/properties/none", None),
        ("/required/1", None),
    ]
    for pointer, place in rows:
        assert locate(schema, pointer) == place, pointer


def test_every_finding_has_a_place() -> None:
    reader, writer = parse(TEXT), parse(TEXT.replace("3", "4").replace('"a/b" ]', "]"))
    for finding in reader.findings(writer):
        assert finding.reader_path is not None
        assert finding.writer_path is not None
        assert locate(reader, finding.reader_path) is not None
        assert locate(writer, finding.writer_path) is not None


# --------------------------------------------------------------------------------------------------------- editing

EDITED: list[tuple[str, str, str]] = [
    ('{"a": 1, "b": 2}', "remove /a", '{"b": 2}'),
    ('{"a": 1, "b": 2}', "remove /b", '{"a": 1}'),
    ('{"a": 1}', "remove /a", "{}"),
    ("[1, 2 , 3]", "remove /1", "[1, 3]"),
    ('{\n  "a": 1,\n  "b": 2\n}', "remove /b", '{\n  "a": 1\n}'),
    ('{\n  "a": 1,\n  "b": 2\n}', "remove /a", '{\n  "b": 2\n}'),
    ('{"a": 1}', "insert  x", '{"a": 1, "x": 9}'),
    ('{"a":1}', "insert  x", '{"a":1,"x":9}'),
    ("{}", "insert  x", '{"x":9}'),
    ('{\n  "a": {\n    "b": 1\n  }\n}', "insert /a x", '{\n  "a": {\n    "b": 1,\n    "x": 9\n  }\n}'),
    ('{\n  "a": {\n    "b": 1\n  }\n}', "insert  x", '{\n  "a": {\n    "b": 1\n  },\n  "x": 9\n}'),
    ("[1, 2]", "insert  ", "[1, 2, 9]"),
    ('{"a": [ 1 ]}', "replace /a/0", '{"a": [ 9 ]}'),
]


def test_edits_keep_what_is_around_them() -> None:
    for text, order, expected in EDITED:
        verb, _, rest = order.partition(" ")
        pointer, _, name = rest.partition(" ")
        path = tuple(pointer.split("/")[1:])
        editor = Editor(text)
        if verb == "insert":
            edit = editor.insert(path, name or None, "9")
        else:
            edit = editor.remove(path) if verb == "remove" else editor.replace(path, "9")
        assert Fix("", "", (edit,)).apply(text) == expected, order


# ----------------------------------------------------------------------------------------------------------- fixes

# writer, reader, rule, fix → reader's text with it
FIXED: list[tuple[Any, Any, str, dict[str, Any]]] = [
    ({**S, "maxLength": 5}, {**S, "maxLength": 3}, "MAX_LENGTH_DECREASED", {"restore": {**S, "maxLength": 5}}),
    (S, {**S, "pattern": "a"}, "PATTERN_ADDED", {"drop-constraint": S}),
    ({"enum": [1, 2]}, {"enum": [2, 3]}, "ENUM_ARRAY_CHANGED", {"accept-both-values": {"enum": [1, 2, 3]}}),
    (S, I, "TYPE_CHANGED", {"accept-both-types": {"type": ["string", "integer"]}, "restore": S}),
    (
        {"properties": {"a": S}},
        {"properties": {"a": S}, "required": ["a"]},
        "REQUIRED_ATTRIBUTE_ADDED",
        {
            "make-optional": {"properties": {"a": S}},
            "add-default": {"properties": {"a": {**S, "default": ""}}, "required": ["a"]},
        },
    ),
    (
        {"properties": {"a": S}, "additionalProperties": False},
        {"properties": {"a": S, "b": S}, "additionalProperties": False, "required": ["b"]},
        "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL",
        {"make-optional": {"properties": {"a": S, "b": S}, "additionalProperties": False}},
    ),
    (
        {"properties": {"a": S, "b": I}, "additionalProperties": False},
        {"properties": {"a": S}, "additionalProperties": False},
        "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        {
            "keep-property": {"properties": {"a": S, "b": I}, "additionalProperties": False},
            "open-content-model": {"properties": {"a": S}},
        },
    ),
    (
        {"properties": {"a": S}},
        {"properties": {"a": S, "b": {**I, "title": "B"}}},
        "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
        {"accept-anything": {"properties": {"a": S, "b": {"title": "B"}}}, "leave-out": {"properties": {"a": S}}},
    ),
    (
        {"properties": {"a": {"type": "array"}}},
        {"properties": {"a": {"enum": [1]}}},
        "TYPE_CHANGED",
        {"accept-either": {"properties": {"a": {"anyOf": [{"type": "array"}, {"enum": [1]}]}}}},
    ),
    ({"dependencies": {"a": ["b"]}}, {"dependencies": {"a": ["b", "c"]}}, "DEPENDENCY_ARRAY_EXTENDED",
     {"restore": {"dependencies": {"a": ["b"]}}}),
    ({"type": "object"}, {"type": "object", "propertyNames": {"maxLength": 3}}, "PROPERTY_NAMES_CHANGED",
     {"drop-constraint": {"type": "object"}}),
    ({"oneOf": [S, I]}, {"oneOf": [S]}, "SUM_TYPE_NARROWED", {"restore": {"oneOf": [S, I]}}),
    ({"type": "array", "items": S}, {"type": "array", "items": I}, "TYPE_CHANGED",
     {"accept-both-types": {"type": "array", "items": {"type": ["string", "integer"]}}}),
]  # fmt: skip


def test_fixes_remove_their_finding() -> None:
    for writer, reader, rule, expected in FIXED:
        old, new = parse(writer), parse(reader)
        finding = next(finding for finding in new.findings(old) if finding.rule == rule)
        found = {fix.id: json.loads(fix.apply(new.source.text)) for fix in fixes(new, old, finding)}
        for name, value in expected.items():
            assert found.get(name) == value, (rule, found)
        for fix in fixes(new, old, finding):
            assert fix.sentence.endswith(".")
            fixed = parse(fix.apply(new.source.text))
            assert finding not in fixed.findings(old)


def test_forward_the_new_writer_is_edited() -> None:
    reader = parse({"properties": {"a": S}, "required": ["a"]})
    writer = parse('{"properties": {"a": {"type": "string"}}}')
    (finding,) = reader.findings(writer)
    found = {fix.id: json.loads(fix.apply(writer.source.text)) for fix in fixes(reader, writer, finding, forward=True)}
    assert found["keep-required"] == {"properties": {"a": S}, "required": ["a"]}


def test_fixes_keep_the_layout() -> None:
    text = (
        '{\n    "type": "object",\n    "properties": {\n        "a": { "type": "string", "maxLength": 3 }\n    }\n}\n'
    )
    writer = parse({"type": "object", "properties": {"a": {**S, "maxLength": 10}}})
    (finding,) = parse(text).findings(writer)
    fix = fixes(parse(text), writer, finding)[0]
    assert fix.apply(text) == text.replace("3", "10")


def test_no_fix_is_offered_that_does_not_hold() -> None:
    writer, reader = parse({"type": "object"}), parse({"not": True})
    (finding,) = reader.findings(writer)
    assert [fix.id for fix in fixes(reader, writer, finding)] == []
    referred = Source(json.dumps({"type": "object", "required": ["x"], "properties": {"x": S}}))
    behind = parse({"allOf": [{"$ref": "n"}]}, ("n", referred))
    old = parse({"allOf": [{"$ref": "n"}]}, ("n", Source(json.dumps({"type": "object", "properties": {"x": S}}))))
    for finding in behind.findings(old):
        assert all(behind.source.text != fix.apply(behind.source.text) for fix in fixes(behind, old, finding))


# --------------------------------------------------------------------------------------------------------- changes

CHANGED: list[tuple[Any, Any, list[tuple[ChangeKind, str, str | None]]]] = [
    ({"properties": {"a": S}}, {"properties": {"a": S}}, []),
    ({"properties": {"a": S}}, {"properties": {"a": S, "b": {"properties": {"c": S}}}},
     [(ChangeKind.ADDED, "/b", None)]),
    ({"properties": {"a": S, "b": I}}, {"properties": {"a": S}}, [(ChangeKind.REMOVED, "/b", None)]),
    ({"properties": {"a": {**S, "maxLength": 9}}}, {"properties": {"b": {**S, "maxLength": 9}}},
     [(ChangeKind.RENAMED, "/b", "/a")]),
    ({"properties": {"a": {**S, "maxLength": 9}, "o": {"properties": {"x": I}}}},
     {"properties": {"o": {"properties": {"x": I, "a": {**S, "maxLength": 9}}}}}, [(ChangeKind.MOVED, "/o/a", "/a")]),
    ({"properties": {"a": S}}, {"properties": {"a": I}}, [(ChangeKind.RETYPED, "/a", None)]),
    ({"properties": {"a": I}}, {"properties": {"a": {**I, "minimum": 3}}}, [(ChangeKind.CONSTRAINED, "/a", None)]),
    ({"properties": {"a": {**S, "maxLength": 3}}}, {"properties": {"a": S}}, [(ChangeKind.LOOSENED, "/a", None)]),
    ({"properties": {"a": S}}, {"properties": {"a": S}, "required": ["a"]}, [(ChangeKind.CONSTRAINED, "/a", None)]),
    ({"properties": {"a": {**S, "description": "x"}}}, {"properties": {"a": {**S, "description": "y"}}},
     [(ChangeKind.DOCUMENTED, "/a", None)]),
    ({"properties": {"l": {"type": "array", "items": {"properties": {"k": {**S, "minLength": 1}}}}}},
     {"properties": {"l": {"type": "array", "items": {"properties": {"k": {**S, "minLength": 2}}}}}},
     [(ChangeKind.CONSTRAINED, "/l/*/k", None)]),
    ({"type": "string"}, {"type": ["string", "null"]}, [(ChangeKind.RETYPED, "", None),
     (ChangeKind.LOOSENED, "", None)]),
    ({"properties": {"a": S}, "additionalProperties": False}, {"properties": {"a": S}},
     [(ChangeKind.LOOSENED, "", None)]),
    ({"properties": {"a": {"const": "x"}}}, {"properties": {"a": S}}, [(ChangeKind.CONSTRAINED, "/a", None)]),
    ({"propertyNames": {"maxLength": 3}}, {"propertyNames": {"maxLength": 2}}, [(ChangeKind.CONSTRAINED, "", None)]),
    ({"anyOf": [{"properties": {"a": S}}]}, {"anyOf": [{"properties": {"a": S, "b": S}}]},
     [(ChangeKind.ADDED, "/b", None), (ChangeKind.CONSTRAINED, "", None)]),
]  # fmt: skip


def test_changes_in_data_and_words() -> None:
    for old, new, expected in CHANGED:
        found = changes(parse(old), parse(new))
        assert [(change.kind, change.path, change.old_path) for change in found] == expected, (old, new, found)
        for change in found:
            assert change.sentence.endswith(".")
            assert "{" not in change.sentence


def test_changes_of_large_schemas_come_in_time() -> None:
    old = parse({"properties": {f"f{index}": {**S, "maxLength": index} for index in range(3_000)}})
    new = parse({"properties": {f"f{index}": {**S, "maxLength": index + 1} for index in range(3_000)}})
    started = time.process_time()
    assert len(changes(old, new)) > 1_000
    assert time.process_time() - started < 3


# ------------------------------------------------------------------------------------------------------------ lint

TIDY = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"a": {"type": "string", "description": "d", "default": "x"}},
    "required": ["a"],
    "additionalProperties": False,
}
LINTED: dict[str, tuple[Any, str]] = {
    "missing-dialect": ({"type": "string"}, ""),
    "unknown-dialect": ({"$schema": "urn:mine"}, "/$schema"),
    "repeated-member": ('{"$schema": "http://json-schema.org/draft-07/schema#", "type": "string", "type": "null"}', ""),
    "undocumented-field": ({**TIDY, "properties": {"a": S}}, "/properties/a"),
    "open-object": ({**TIDY, "additionalProperties": True}, ""),
    "undeclared-required": ({**TIDY, "required": ["a", "b"]}, "/required"),
    "invalid-default": ({**TIDY, "properties": {"a": {**S, "title": "t", "default": 1}}}, "/properties/a/default"),
    "ambiguous-union": ({"anyOf": [S, {"type": "integer"}, {"maxLength": 3}]}, "/anyOf/0"),
    "unknown-keyword": ({**TIDY, "propertees": {}}, "/propertees"),
    "ignored-beside-ref": ({"allOf": [{"$ref": "#/definitions/a", "maxLength": 3}], "definitions": {"a": S}},
                           "/allOf/0/maxLength"),
    "ignored-for-type": ({**TIDY, "maxLength": 3}, "/maxLength"),
    "pattern-not-portable": ({**S, "pattern": "(?P<x>a)(?P=x)"}, "/pattern"),
    "number-not-portable": ({"maximum": 2**53 + 1}, "/maximum"),
    "name-makes-bad-code": ({**TIDY, "properties": {"a-b": {"title": "t"}, "a": {"title": "t"}}}, "/properties/a-b"),
    "names-differ-by-case": ({**TIDY, "properties": {"a": {"title": "t"}, "A": {"title": "t"}}}, "/properties/A"),
    "unused-definition": ({**TIDY, "definitions": {"x": S}}, "/definitions/x"),
    "accepts-nothing": ({"allOf": [S, {"type": "integer"}]}, ""),
}  # fmt: skip


def test_every_lint_rule_has_a_case_and_a_tidy_schema_none() -> None:
    assert lint(parse(TIDY)) == ()
    assert LINTED.keys() == LINT.keys()
    for rule, (value, path) in LINTED.items():
        found = {(remark.rule, remark.path) for remark in lint(parse(value))}
        assert (rule, path) in found, (rule, found)
    for severity, purpose in LINT.values():
        assert severity in Severity
        assert purpose.endswith(".")


def test_lint_of_a_large_schema_comes_in_time() -> None:
    fields = {f"f{index}": {**S, "default": "x"} for index in range(3_000)}
    started = time.process_time()
    assert len(lint(parse({"type": "object", "properties": fields}))) > 3_000
    assert time.process_time() - started < 3


def test_every_rule_is_explained() -> None:
    assert RULES.keys() == KINDS.keys() | WARNINGS.keys() | {TOO_LARGE}
    assert all(text.endswith(".") and len(text) > 40 for text in RULES.values())
