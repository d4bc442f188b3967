"""The semantic diff in data and words, and remarks on single schemas."""

from __future__ import annotations

import pytest

from registry.formats.protobuf.changes import changes
from registry.formats.protobuf.linting import LINT, lint
from registry.formats.protobuf.locations import locate
from tests.unit.formats.protobuf import schema, source

P2, E23 = 'syntax = "proto2"; ', 'edition = "2023"; '


def message(body: str) -> str:
    return f"message M {{ {body} }}"


# (old, new, changes as `kind path: sentence`)
CHANGES = [
    (message("int32 a = 1;"), message("int32 a = 1;"), []),
    (message(""), message("int32 a = 1;"), ["added /a: int32 a is new"]),
    (message("repeated M a = 1;"), message(""), ["removed /a: repeated M a is gone"]),
    (message("int32 a = 1;"), message("int32 b = 1;"), ["renamed /b: a is called b"]),
    (message("int32 a = 1;"), message("int32 a = 2;"), ["moved /a: a has the number 2, not 1"]),
    (message("int32 a = 1;"), message("string a = 1;"), ["retyped /a: a is string, not int32"]),
    (message("int32 a = 1;"), message("map<string, M> a = 1;"), ["retyped /a: a is map<string, M>, not int32"]),
    (
        message('int32 a = 1 [json_name = "x"];'),
        message("int32 a = 1;"),
        ["renamed /a: a is called a in JSON, not x"],
    ),
    (message("oneof o { int32 a = 1; }"), message("optional int32 a = 1;"), ["moved /a: a is in no oneof, not o"]),
    (
        message("int32 a = 1;"),
        message("optional int32 a = 1;"),
        ["loosened /a: a can now be told apart from its default when unset"],
    ),
    (
        P2 + message("optional int32 a = 1;"),
        P2 + message("required int32 a = 1;"),
        ["constrained /a: a is required now"],
    ),
    (
        P2 + message("optional int32 a = 1 [default = 5];"),
        P2 + message("optional int32 a = 1;"),
        ["retyped /a: a reads as the zero value when unset, not 5"],
    ),
    (message("int32 a = 1;"), message("int32 a = 1; // Why.\n"), ["documented /a: the comment of a changed"]),
    (
        message("int32 a = 1;"),
        message("int32 a = 1 [deprecated = true];"),
        ["documented /a: the deprecation of a changed"],
    ),
    (
        'import "confluent/meta.proto";' + message("int32 a = 1;"),
        'import "confluent/meta.proto";' + message('int32 a = 1 [(confluent.field_meta).tags = "PII"];'),
        ["documented /a: the tags of a changed"],
    ),
    (
        message("E e = 1; enum E { A = 0; B = 1; C = 2; }"),
        message("E e = 1; enum E { A = 0; Z = 1; D = 3; }"),
        ["renamed /e: B of e is called Z", "loosened /e: e may be D", "constrained /e: e is never C"],
    ),
    (
        message("reserved 2;"),
        message('reserved 4 to 6, 9; reserved "x";'),
        ["constrained : 4 to 6, 9, x are reserved now in M", "loosened : 2 is no longer reserved in M"],
    ),
    (
        "package a;" + message("M m = 1;"),
        "package b;" + message("M m = 1;"),
        ["renamed : the package a became b"],
    ),
    (P2 + message(""), E23 + message(""), ["documented : the file is written in editions 1000, not in proto2"]),
    (
        "message Old { int32 a = 1; }",
        "message New { int64 a = 1; }",
        ["added : message New is new", "removed : message Old is gone", "retyped /a: a is int64, not int32"],
    ),
    (
        "message M { repeated N n = 1; map<int32, N> o = 2; } message N { int32 x = 1; N again = 2; }",
        "message M { repeated N n = 1; map<int32, N> o = 2; } message N { int32 y = 1; N again = 2; }",
        ["renamed /n/*/y: x is called y"],
    ),
    (
        E23 + message("M a = 1; repeated int32 b = 2;"),
        E23
        + message(
            "M a = 1 [features.message_encoding = DELIMITED];"
            " repeated int32 b = 2 [features.repeated_field_encoding = EXPANDED];"
        ),
        ["retyped /a: a is encoded in another way", "retyped /b: b is encoded in another way"],
    ),
    (
        message("") + "service S { rpc A (M) returns (M); rpc B (M) returns (M); }",
        message("") + "service S { rpc A (M) returns (stream M); rpc C (M) returns (M); }",
        ["retyped : rpc S.A takes or returns something else", "added : rpc S.C is new", "removed : rpc S.B is gone"],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CHANGES)
def test_changes(old: str, new: str, expected: list[str]) -> None:
    found = changes(schema(old), schema(new))
    assert sorted(f"{each.kind.value} {each.path}: {each.sentence}" for each in found) == sorted(expected)
    for each in found:
        assert not each.path or each.old_path or each.kind.value in ("added", "constrained", "loosened")


def test_changes_reach_into_imports_and_end() -> None:
    old, new = (
        schema('import "d.proto"; message M { D d = 1; }', d_proto=f'syntax = "proto3"; message D {{ {kind} x = 1; }}')
        for kind in ("int32", "string")
    )
    assert [each.path for each in changes(old, new)] == ["/d/x"]
    assert changes(new, new) == ()
    many = "".join(f"int32 f{number} = {number};" for number in range(1, 3001))
    assert len(changes(schema(message("")), schema(message(many)))) == 2000


def documented(fields: str, values: str) -> str:
    """A file whose M and E have comments, each on a line of its own."""
    text = DOCUMENTED.replace("FIELDS", fields).replace("VALUES", values)
    return text.replace("/*", "\n\n/*").replace("*/", "*/\n")


DOCUMENTED = "package p; /* m */ message M { /* f */ FIELDS } /* e */ enum E { E_UNSPECIFIED = 0; VALUES }"

# (fields of a documented message, values of a documented enum, remarks as `rule path`)
REMARKS = [
    ("int32 a = 1;", "", []),
    ("/* n */ message N { /* x */ int32 x = 1; }", "", []),
    ("int32 a = 1; message N { int32 x = 1; }", "", ["undocumented-message M.N", "undocumented-field M.N.x"]),
    ("int32 a = 1; enum F { F_UNKNOWN = 0; }", "", ["undocumented-enum M.F"]),
    ("/* f */ enum F { ONE = 0; }", "", ["enum-without-default M.F"]),
    ("int32 a = 1; /* b */ int32 b = 3; /* c */ int32 c = 7; reserved 5;", "", ["number-gap M"]),
    ("int32 a = 1; /* b */ int32 b = 3; reserved 2;", "", []),
    ("int32 class = 1;", "", ["name-makes-bad-code M.class"]),
    ("int32 camelCase = 1;", "", ["name-style M.camelCase"]),
    ("int32 a_b = 1; /* c */ int32 ab = 2;", "", ["names-clash-in-code M.ab"]),
    ("oneof o { int32 a = 1; }", "", ["oneof-of-one M.o", "undocumented-field M.a"]),
    ("repeated int32 a = 1 [packed = false];", "", ["not-packed M.a"]),
    ("int32 a = 1;", "lower = 1;", ["name-style E.lower"]),
    ("int32 a = 1;", "option allow_alias = true; E_NONE = 0;", ["enum-alias E.E_NONE"]),
    ("/* l */ message lower {}", "", ["name-style M.lower"]),
]


@pytest.mark.parametrize(("fields", "values", "expected"), REMARKS)
def test_remarks(fields: str, values: str, expected: list[str]) -> None:
    parsed = schema(documented(fields, values))
    found = lint(parsed)
    assert sorted(f"{each.rule} {each.path}" for each in found) == sorted(expected)
    assert all(locate(parsed, each.path) is not None and each.sentence for each in found)


def test_remarks_on_files_and_older_syntax() -> None:
    text = (
        P2 + 'import "google/protobuf/any.proto"; import "google/protobuf/empty.proto"; import "confluent/meta.proto";'
        " message M { required google.protobuf.Any a = 1; optional group G = 2 {} optional int32 d = 3 [default = 1];"
        " optional E e = 4; } enum E { ONE = 1; }"
    )
    found = {each.rule for each in lint(schema(text))}
    assert found == {
        "missing-package", "undocumented-message", "undocumented-field", "undocumented-enum", "required-field", "any",
        "group", "unsafe-default", "enum-without-default", "closed-enum", "unused-import",
    }  # fmt: skip
    unused = [each.sentence for each in lint(schema(text)) if each.rule == "unused-import"]
    assert unused == ["nothing of google/protobuf/empty.proto is used"]


def test_a_public_import_counts_for_what_it_passes_on() -> None:
    far = source('syntax = "proto3"; message Far {}')
    near = source('syntax = "proto3"; import public "far.proto";', far_proto=far)
    assert not [
        each
        for each in lint(schema('import "near.proto"; message M { Far f = 1; }', near_proto=near))
        if "import" in each.rule
    ]
    assert [
        each for each in lint(schema('import "near.proto"; message M {}', near_proto=near)) if "import" in each.rule
    ]


def test_a_descriptor_is_not_blamed_for_missing_comments() -> None:
    found = lint(schema(schema("package p; message M { int32 a = 3; }").render("serialized")))
    assert [each.rule for each in found] == ["number-gap"]


def test_every_rule_fires_somewhere() -> None:
    texts = [documented(fields, values) for fields, values, _ in REMARKS]
    seen = {each.rule for text in texts for each in lint(schema(text))}
    assert LINT.keys() - seen == {
        "missing-package", "required-field", "closed-enum", "unsafe-default", "group", "any", "unused-import",
    }  # fmt: skip # those are in the test of older syntax
