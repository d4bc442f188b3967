"""Avro verdicts and kinds against the reference data beside the project."""

from __future__ import annotations

from typing import Any

import pytest

from registry.formats.avro import FORMAT, AvroSchema
from registry.formats.base import Severity, Source
from tests.vectors import shared

pytestmark = pytest.mark.vectors

DIFFERENCES: dict[str, str] = {}
"""Rows whose kinds are meant to differ from the reference, with the reason. None do."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = shared("compat-avro.json")["cases"]
    return cases


def _schema(row: dict[str, Any], side: str) -> AvroSchema:
    references = tuple((each["name"], Source(each["schema"])) for each in row["references"] if each["side"] == side)
    return FORMAT.parse(Source(row[side], references))


def _errors(row: dict[str, Any]) -> list[str]:
    found = _schema(row, "reader").findings(_schema(row, "writer"))
    return [f"{each.rule} {each.path} {each.info}" for each in found if each.severity is Severity.ERROR]


def test_every_verdict_is_the_references(rows: list[dict[str, Any]]) -> None:
    wrong = [row["id"] for row in rows if row["status"] == "agreed" and (not _errors(row)) != row["backward"]]
    assert wrong == []
    assert len(rows) >= 276


def test_every_kind_location_and_text_is_the_references(rows: list[dict[str, Any]]) -> None:
    wrong = {row["id"]: found for row in rows if (found := _errors(row)) != row["kinds"]}
    assert set(wrong) == set(DIFFERENCES)


def test_every_canonical_text_reads_back_as_itself(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for side in ("reader", "writer"):
            schema = _schema(row, side)
            again = FORMAT.parse(Source(schema.canonical, schema.source.references))
            assert again.canonical == schema.canonical
            assert not again.findings(schema) or _errors(row | {"writer": row["reader"]})
