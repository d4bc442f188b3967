"""The parity checker: what each change is called, and where."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from registry.formats.base import Severity
from registry.formats.protobuf import ProtobufSchema
from registry.formats.protobuf.compatibility import differences
from registry.formats.protobuf.rules import COMPATIBLE, INCOMPATIBLE, RULES, WARNINGS
from tests.unit.formats.protobuf import schema, source


def _cases(name: str) -> list[tuple[str, str, frozenset[str]]]:
    """(old, new, differences) of each case of a file."""
    found = []
    for block in Path(__file__).with_name(name).read_text().split("\n\n"):
        if block.startswith("- "):
            old, new, *expected = block.strip().split("\n")
            found.append((old.removeprefix("- "), new.removeprefix("+ "), frozenset(expected)))
    return found


SCALARS = ("int32", "string", "bytes", "double")
CASES = _cases("compatibility.txt")
IMPORTED = _cases("imports.txt")


def told(new: ProtobufSchema, old: ProtobufSchema) -> set[str]:
    return {
        f"{each.rule} {each.path}" + ("!" if each.breaks else "?" if each.rule in WARNINGS else "")
        for each in differences(new.model, old.model)
    }


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_differences(old: str, new: str, expected: frozenset[str]) -> None:
    assert told(schema(new), schema(old)) == expected


def test_every_schema_reads_itself() -> None:
    for old, new, _ in CASES:
        for text in (old, new):
            assert differences(schema(text).model, schema(text).model) == [], text


def test_every_kind_is_covered_and_explained() -> None:
    seen = {word.strip("!?").split()[0] for _, _, expected in CASES for word in expected}
    assert seen == RULES.keys()
    assert (len(COMPATIBLE), len(INCOMPATIBLE)) == (15, 11)
    assert all(text.endswith(".") for text in RULES.values())


def test_findings_are_what_breaks_and_warnings() -> None:
    old, new = schema("message M { int64 a = 1; string b = 2; }"), schema("message M { int32 a = 1; double b = 2; }")
    warning, error = new.findings(old)
    assert (error.severity, error.rule, error.path) == (Severity.ERROR, "FIELD_SCALAR_KIND_CHANGED", "#/M/2")
    assert (error.reader_path, error.writer_path) == ("M.b", "M.b")
    assert (error.reader_value, error.writer_value) == ("double", "string")
    assert error.told() == "field M.b is double in the new schema and string in the old one"
    assert error.told(forward=True) == "field M.b is double in the old schema and string in the new one"
    assert (warning.severity, warning.rule) == (Severity.WARNING, "INTEGER_NARROWED")
    for case_old, case_new, _ in CASES:
        for each in differences(schema(case_new).model, schema(case_old).model):
            told = each.finding().told()
            assert "{" not in told
            assert each.finding().sentence.isprintable()
            assert "{new}" in each.sentence or "{old}" in each.sentence


@pytest.mark.parametrize(("old", "new", "expected"), IMPORTED)
def test_imports_are_compared_through_the_fields(old: str, new: str, expected: frozenset[str]) -> None:
    text = 'import "d.proto"; message M { d.D d = 1; }'
    before, after = (schema(text, d_proto=f'syntax = "proto3"; package d; {body}') for body in (old, new))
    assert told(after, before) == expected


def test_a_transitive_import_and_another_package() -> None:
    p3 = 'syntax = "proto3";'
    text = 'import "near.proto"; message M { Near n = 1; }'

    def made(package: str, kind: str) -> ProtobufSchema:
        far = source(f"{p3} package {package}; message Far {{ {kind} x = 1; }}")
        near = source(f'{p3} import "far.proto"; message Near {{ {package}.Far f = 1; }}', far_proto=far)
        return schema(text, near_proto=near)

    assert told(made("b", "int32"), made("a", "int64")) == {"INTEGER_NARROWED #/Far/1?"}
    assert told(made("a", "string"), made("a", "int32")) == {
        "FIELD_SCALAR_KIND_CHANGED #/Far/1!",
        "FIELD_NAMED_TYPE_CHANGED #/Near/1!",
        "FIELD_NAMED_TYPE_CHANGED #/M/1!",
    }


def test_a_type_that_moves_into_an_import() -> None:
    old = schema("message M { D d = 1; } message D { int32 x = 1; }")
    new = schema('import "d.proto"; message M { D d = 1; }', d_proto='syntax = "proto3"; message D { int32 x = 1; }')
    assert told(new, old) == {"MESSAGE_REMOVED #/D!"}
    assert told(old, new) == {"MESSAGE_ADDED #/D"}


def test_a_typical_pair_is_compared_in_a_fraction_of_a_millisecond() -> None:
    body = "".join(f"{SCALARS[number % 4]} field_{number} = {number};" for number in range(1, 51))
    old, new = schema(f"message M {{ {body} }}"), schema(f"message M {{ {body} M more = 60; }}")
    assert told(new, old) == {"FIELD_ADDED #/M/60"}
    times = []
    for _ in range(30):
        began = time.perf_counter()
        new.findings(old)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.001  # 0.07 ms when nothing else runs
