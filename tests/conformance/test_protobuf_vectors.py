"""The Protobuf checker against the shared conformance vectors: verdict, kinds, and every difference.

Four scores: the verdict; the set of kinds; the set of (kind, path); all differences, compatible ones included.
"""

from __future__ import annotations

from typing import Any

import pytest

from registry.formats.base import Severity, Source
from registry.formats.protobuf import FORMAT, ProtobufSchema
from registry.formats.protobuf.compatibility import differences
from registry.formats.protobuf.rules import WARNINGS
from tests.vectors import shared

pytestmark = pytest.mark.vectors

# Rows whose answer differs from the vectors, with the reason. None does.
EXPLAINED: dict[str, str] = {}

# The three disputed rows, decided. Parity (`findings`) follows the reference in each; beside it stands:
DECIDED = {
    "proto-219d1bcfb3c6": "a reserved number used again is accepted, with the warning RESERVED_NUMBER_REUSED",
    "proto-340325a72fa7": "a reserved name used again is accepted, with the warning RESERVED_NAME_REUSED",
    "proto-d878cf5da8a8": "a required field removed is refused (REQUIRED_FIELD_REMOVED); semantically it reads",
}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shared("compat-protobuf.json")["cases"]
    return found


def parsed(row: dict[str, Any], side: str) -> ProtobufSchema:
    references = tuple((each["name"], Source(each["schema"])) for each in row["references"] if each["side"] == side)
    return FORMAT.parse(Source(row[side], references))


def test_vectors(rows: list[dict[str, Any]]) -> None:
    wrong = []
    for row in rows:
        reader, writer = parsed(row, "reader"), parsed(row, "writer")
        findings = reader.findings(writer)
        kinds = {f"{each.rule} {each.path}" for each in findings if each.severity is Severity.ERROR}
        every = {
            f"{each.rule} {each.path}" for each in differences(reader.model, writer.model) if each.rule not in WARNINGS
        }
        if ((not kinds), kinds, every) != (row["backward"], set(row["kinds"]), set(row["changes"])):
            wrong.append((row["id"], kinds, row["kinds"], every, row["changes"]))
    assert [each for each in wrong if each[0] not in EXPLAINED] == []
    assert len(rows) >= 248


def test_the_disputed_rows_are_decided(rows: list[dict[str, Any]]) -> None:
    disputed = {row["id"]: row for row in rows if row["status"] == "disputed"}
    assert disputed.keys() == DECIDED.keys()
    for name, row in disputed.items():
        rules = {each.rule for each in parsed(row, "reader").findings(parsed(row, "writer"))}
        assert any(rule in DECIDED[name] for rule in rules), name


def test_canonical_texts_of_the_vectors_are_stable(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for side in ("reader", "writer"):
            schema = parsed(row, side)
            again = FORMAT.parse(Source(schema.canonical, schema.source.references))
            assert again.canonical == schema.canonical, row["id"]
            assert again.findings(schema) == [], row["id"]
