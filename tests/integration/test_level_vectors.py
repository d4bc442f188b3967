"""Compatibility levels over a version history, against the reference data beside the project: in the pure core and
over the API, where only the check without a version number looks at the whole history."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import pytest

from registry import formats
from registry.evolution.levels import Earlier, conflicts, level
from registry.formats.base import Source
from tests.vectors import shared

pytestmark = pytest.mark.vectors


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = shared("compat-modes.json")["cases"]
    return cases


def _compatible(row: dict[str, Any]) -> bool:
    history = [
        Earlier(number, row["format"], text, partial(formats.parse, row["format"], Source(text)))
        for number, text in reversed(list(enumerate(row["history"], 1)))
    ]
    candidate = formats.parse(row["format"], Source(row["new"]))
    return not any(conflict.breaks for conflict in conflicts(level(row["mode"]), candidate, history))


def test_every_level_s_verdict_is_the_references(rows: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in rows if _compatible(row) != row["compatible"]] == []
    assert len(rows) >= 31


def test_the_api_gives_the_same_verdicts(registry_client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    wrong = []
    for row in rows:
        subject = row["id"]
        registry_client.put(f"/config/{subject}", json={"compatibility": "NONE"}).raise_for_status()
        for text in row["history"]:
            body = {"schema": text, "schemaType": row["format"]}
            registry_client.post(f"/subjects/{subject}/versions", json=body).raise_for_status()
        registry_client.put(f"/config/{subject}", json={"compatibility": row["mode"]}).raise_for_status()
        body = {"schema": row["new"], "schemaType": row["format"]}
        answer = registry_client.post(f"/compatibility/subjects/{subject}/versions", json=body)
        if answer.json()["is_compatible"] != row["compatible"]:
            wrong.append(row["id"])
    assert wrong == []
