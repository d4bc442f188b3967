"""An import says when versions were registered: `ts` of a registration, on both engines."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

THEN = 1_600_000_000_000


def register(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post("/subjects/old/versions", json={"schema": '"string"', **more})


def ts(client: httpx.Client) -> int:
    found = client.get("/subjects/old/versions/1?deleted=true")
    assert found.status_code == 200, found.text
    return int(found.json()["ts"])


@pytest.fixture
def importing(registry_client: httpx.Client) -> httpx.Client:
    assert registry_client.put("/mode/old?force=true", json={"mode": "IMPORT"}).status_code == 200
    return registry_client


def test_an_imported_version_keeps_its_time(importing: httpx.Client) -> None:
    assert register(importing, id=7, version=1, ts=THEN).status_code == 200
    assert ts(importing) == THEN
    assert importing.get("/schemas/ids/7").json()["ts"] == THEN
    # The same again changes nothing; at another time it is moved there; without one it stays.
    for said, found in ((THEN, THEN), (THEN + 5, THEN + 5), (None, THEN + 5), (-1, THEN + 5), (0, THEN + 5)):
        assert register(importing, id=7, version=1, ts=said).status_code == 200
        assert ts(importing) == found, said
    assert importing.get("/subjects/old/versions").json() == [1]


def test_no_version_is_registered_in_the_future(importing: httpx.Client) -> None:
    assert register(importing, id=7, version=1, ts=10**15).status_code == 200
    assert abs(ts(importing) / 1000 - time.time()) < 60
    before = ts(importing)
    assert register(importing, id=7, version=1, ts=10**30).status_code == 200
    assert ts(importing) == before


def test_a_deleted_version_comes_back_with_its_time(importing: httpx.Client) -> None:
    register(importing, id=7, version=1, ts=THEN)
    importing.delete("/subjects/old/versions/1")
    assert register(importing, id=7, version=1, ts=THEN - 5).status_code == 200
    assert ts(importing) == THEN - 5


def test_whoever_registers_otherwise_says_no_time(registry_client: httpx.Client) -> None:
    assert register(registry_client, ts=THEN).status_code == 200
    assert abs(ts(registry_client) / 1000 - time.time()) < 60
    assert register(registry_client, ts=THEN).status_code == 200
    assert ts(registry_client) > THEN


def test_a_support_window_counts_from_when_a_version_was_replaced_there(importing: httpx.Client) -> None:
    for number, at in ((1, THEN), (2, THEN + 1000)):
        body = {"schema": json.dumps({"type": "enum", "name": "E", "symbols": [f"A{number}"]})}
        assert importing.post("/subjects/old/versions", json={**body, "id": number, "version": number, "ts": at})
    importing.put("/mode/old", json={"mode": "READWRITE"})
    importing.put("/api/v1/subjects/old/policy", json={"readable_for": {"days": 30}})
    assert [each["version"] for each in importing.get("/api/v1/subjects/old/policy").json()["held"]] == [2]
