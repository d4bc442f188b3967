"""The semantic verdict and its witnesses, and sampled events."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from registry.formats.base import Severity, Verdict
from registry.formats.protobuf import ProtobufSchema, events
from registry.formats.protobuf.sampling import samples
from registry.formats.protobuf.semantic import semantic, witness
from tests.unit.formats.protobuf import schema, source


def _cases() -> list[tuple[str, str, str, list[str]]]:
    found = []
    for block in Path(__file__).with_name("semantic.txt").read_text().split("\n\n"):
        if block.startswith("- "):
            old, new, verdict, *reasons = block.strip().split("\n")
            found.append((old.removeprefix("- "), new.removeprefix("+ "), verdict, reasons))
    return found


@pytest.mark.parametrize(("old", "new", "expected", "told"), _cases())
def test_verdicts(old: str, new: str, expected: str, told: list[str]) -> None:
    verdict, _, event = expected.partition(" ")
    found = semantic(schema(new), schema(old), seconds=5)
    assert found.verdict is Verdict(verdict)
    if found.verdict is Verdict.BREAKS:
        assert found.witness is not None
        assert found.witness.event == json.loads(event)
        assert [found.witness.failure] == told
        assert found.reasons
    else:
        assert list(found.reasons) == told
        assert found.witness is None


def test_a_type_from_an_import_is_reached_through_the_fields() -> None:
    text = 'import "d.proto"; message M { repeated d.D items = 1; }'
    old, new = (
        schema(text, d_proto=f'syntax = "proto3"; package d; message D {{ In in = 1; }} message In {{ {kind} x = 7; }}')
        for kind in ("int32", "double")
    )
    found = semantic(new, old)
    assert found.witness is not None
    assert found.witness.event == {"items": [{"in": {"x": 5}}]}
    assert found.witness.path == "/items/0/in/x"
    by_rule = {finding.rule: witness(new, old, finding) for finding in new.findings(old)}
    assert by_rule == {"FIELD_SCALAR_KIND_CHANGED": found.witness, "FIELD_NAMED_TYPE_CHANGED": found.witness}


# (old, new, rule, event, words of the failure); None: by rule only
def message(body: str) -> str:
    return f"message M {{ {body} }}"


WITNESSES: list[tuple[str, str, str, Any, str]] = [
    (message("int64 a = 1;"), message("int32 a = 1;"), "INTEGER_NARROWED", {"a": str(2**63 - 1)}, "reads as -1"),
    (message("bytes a = 1;"), message("string a = 1;"), "BYTES_READ_AS_STRING", {"a": "/w=="}, "does not parse"),
    (message("int32 a = 1;"), message("int32 a = 2;"), "FIELD_RENUMBERED", {"a": 5}, "knows no field 1"),
    (
        message("oneof o { int32 a = 1; string b = 2; }"),
        message("oneof o { int32 a = 1; }"),
        "ONEOF_FIELD_REMOVED",
        {"b": "a"},
        "M.b is skipped",
    ),
    (
        message("map<int32, fixed32> a = 1;"),
        message("map<sint32, fixed32> a = 1;"),
        "FIELD_SCALAR_KIND_CHANGED",
        {"a": {"5": 5}},
        "keys are read as sint32",
    ),
    (message("reserved 2;"), message("int32 b = 2;"), "RESERVED_NUMBER_REUSED", None, ""),
    (message("") + " message N {}", message(""), "MESSAGE_REMOVED", None, ""),
    ("package a;" + message(""), "package b;" + message(""), "PACKAGE_CHANGED", None, ""),
    (message("optional int32 a = 1;"), message("repeated int32 a = 1;"), "FIELD_NUMERIC_LABEL_CHANGED", None, ""),
]


@pytest.mark.parametrize(("old", "new", "rule", "event", "failure"), WITNESSES)
def test_witnesses_of_findings(old: str, new: str, rule: str, event: Any, failure: str) -> None:
    reader, writer = schema(new), schema(old)
    finding = next(each for each in reader.findings(writer) if each.rule == rule)
    found = witness(reader, writer, finding, seconds=5)
    if event is None:
        assert found is None
    else:
        assert found is not None
        assert found.event == event
        assert failure in found.failure


def test_each_finding_has_its_own_witness() -> None:
    old = schema("message M { int32 a = 1; string b = 2; float c = 3; }")
    new = schema("message M { string a = 1; int32 b = 2; double c = 3; }")
    found = {finding.path: witness(new, old, finding) for finding in new.findings(old)}
    assert {path: each.path for path, each in found.items() if each is not None} == {
        "#/M/1": "/a",
        "#/M/2": "/b",
        "#/M/3": "/c",
    }


def test_no_time_is_no_verdict_of_safety() -> None:
    old, new = schema("message M { int32 a = 1; }"), schema("message M { string a = 1; }")
    assert semantic(new, old, seconds=0).verdict is not Verdict.COMPATIBLE


# Samples

ORDER = """\
import "google/protobuf/timestamp.proto";
message Order { string id = 1; repeated Line lines = 2; oneof o { int32 a = 3; bytes b = 4; }
  google.protobuf.Timestamp at = 5; map<int32, E> m = 6; Order again = 7; }
message Line { sint64 x = 1; } enum E { Z = 0; Y = 1; }
"""


def test_samples_start_small_then_large_then_at_the_edges() -> None:
    parsed = schema(ORDER)
    first, second, *rest = list(islice(samples(parsed), 400))
    assert (first.event, first.kind) == ({}, "minimal")
    assert second.kind == "maximal"
    assert second.event.keys() == {"id", "lines", "a", "at", "m", "again"}
    kinds = [each.kind for each in rest]
    assert kinds == sorted(kinds)  # edge, then random
    assert kinds[-1] == "random"
    edges = [each.event for each in rest if each.kind == "edge"]
    wanted: list[Any] = [{"b": ""}, {"a": -(2**31)}, {"lines": [{"x": str(2**63 - 1)}]}, {"m": {"5": 2}}, {"again": {}}]
    assert [each for each in wanted if each not in edges] == []
    for each in (first, second, *rest):
        event = events.parsed(parsed, each.event, "Order")
        assert events.shown(parsed, event) == each.event
        json.dumps(each.event, allow_nan=False)


def test_samples_are_seeded() -> None:
    parsed = schema(ORDER)

    def drawn(seed: int) -> list[Any]:
        return [each.event for each in islice(samples(parsed, seed=seed), 300)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_samples_of_another_type_and_of_none() -> None:
    parsed = schema(ORDER)
    assert next(samples(parsed, message="Line")).note == "Line"
    assert list(samples(schema("enum E { Z = 0; }"))) == []
    assert list(samples(schema('syntax = "proto2"; message M { required M again = 1; }'))) == []


SPECIAL = (
    "Any",
    "Duration",
    "Empty",
    "FieldMask",
    "ListValue",
    "NullValue",
    "Struct",
    "Timestamp",
    "Value",
    "FloatValue",
)


@pytest.mark.parametrize("name", SPECIAL)
def test_well_known_types_have_a_json_form(name: str) -> None:
    files = ("any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")
    imports = "".join(f'import "google/protobuf/{file}.proto"; ' for file in files)
    kind = f"google.protobuf.{name}"
    parsed = schema(f"{imports} message M {{ {kind} a = 1; repeated {kind} b = 2; map<string, {kind}> c = 3; }}")
    seen = set()
    for each in islice(samples(parsed), 200):
        event = events.parsed(parsed, each.event, "M")
        assert events.shown(parsed, event) == each.event
        seen |= each.event.keys()
    assert seen == ({"a", "b", "c"} if name != "NullValue" else set())  # null is not set, and may not stand in a list


def test_types_that_hold_each_other_do_not_grow_without_measure() -> None:
    doubling = schema(
        "message M0 {}" + "".join(f"message M{n} {{ M{n - 1} a = 1; M{n - 1} b = 2; }}" for n in range(1, 30))
    )
    for each in islice(samples(doubling), 60):
        assert len(json.dumps(each.event)) < 100_000


def test_a_library_that_would_crash_is_not_asked() -> None:
    """protobuf 7.36.2 ends the process when it lists the missing fields of this message."""
    text = (
        'syntax = "proto2"; message M { repeated N n = 1; } message N { optional N again = 8;'
        " map<fixed32, E> m = 10; required fixed64 a = 7; required E e = EE; } enum E { Z = 0; Y = 1; }"
    )
    old, new = schema(text.replace("EE", "1")), schema(text.replace("EE", "20"))
    _check_all(new, old)
    with pytest.raises(events.Refused, match=r"lacks required fields: n\.a, n\.e"):
        events.encoded(events.parsed(old, {"n": [{"m": {"1": "Y"}}]}, "M"), old.model.messages["M"])


def _check_all(new: ProtobufSchema, old: ProtobufSchema) -> None:
    verdict = semantic(new, old)
    assert verdict.verdict is Verdict.BREAKS
    errors = [each for each in new.findings(old) if each.severity is Severity.ERROR]
    assert any(witness(new, old, each) is not None for each in errors)


def test_references_do_not_disturb() -> None:
    far = source('syntax = "proto3"; package far; message Far { int32 x = 1; }')
    old = schema('import "far.proto"; message M { far.Far f = 1; }', far_proto=far)
    new = schema('import "far.proto"; message M { far.Far f = 1; int32 y = 2; }', far_proto=far)
    assert semantic(new, old).verdict is Verdict.COMPATIBLE
