"""The feed of changes, on both engines: order, resuming, filters, waiting."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx
import pytest

from registry import events, history
from registry.events import Actor
from registry.store.engine import Db, Store
from tests.integration.test_v1_register import put, record


def feed(client: httpx.Client, **query: Any) -> dict[str, Any]:
    """One answer of the feed."""
    answer = client.get("/api/v1/changes", params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def fill(store: Store, count: int) -> None:
    """Sealed events on resources `r:0` … in turn."""

    def job(db: Db) -> None:
        for n in range(count):
            events.record(db, Actor("tester"), "tested", f"r:{n % 10}", n=n)
        while events.seal(db):
            pass

    store.write_now(job)


def test_every_change_is_announced_once_and_in_order(registry_client: httpx.Client) -> None:
    put(registry_client, "s", record("a"))
    registry_client.put("/config/s", json={"compatibility": "NONE"})
    registry_client.put("/api/v1/subjects/s/owner", json={"owner": "a"})
    registry_client.delete("/subjects/s")
    deadline = time.monotonic() + 10
    while (body := feed(registry_client))["next_cursor"] < 4:
        assert time.monotonic() < deadline
    assert [(each["sequence"], each["action"], each["resource"]) for each in body["items"]] == [
        (1, "register", "subject:s"), (2, "config", "scope:s"), (3, "owner", "subject:s"), (4, "delete", "subject:s"),
    ]  # fmt: skip
    assert body["items"][0]["detail"] == {"id": 1, "version": 1}
    assert body["next_cursor"] == 4
    assert feed(registry_client, cursor=4) == {"items": [], "next_cursor": 4}
    ahead = registry_client.get("/api/v1/changes?cursor=5&wait=30")
    assert (ahead.status_code, ahead.json()["detail"]) == (400, "The feed has come to 4, not to 5")


@pytest.mark.parametrize("limit", [1, 7, 100, 200])
def test_a_reader_resumes_where_it_stopped(registry_client: httpx.Client, registry_store: Store, limit: int) -> None:
    fill(registry_store, 60)
    seen: list[int] = []
    cursor = 0
    while items := (body := feed(registry_client, cursor=cursor, limit=limit))["items"]:
        assert len(items) <= limit
        seen += [each["detail"]["n"] for each in items]
        cursor = body["next_cursor"]
    assert seen == list(range(60))


def test_a_prefix_narrows_and_still_comes_further(
    registry_client: httpx.Client, registry_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(registry_store, 95)
    monkeypatch.setattr(history, "_WINDOW", 7)
    body = feed(registry_client, resource="r:3", limit=4)
    assert [each["detail"]["n"] for each in body["items"]] == [3, 13, 23, 33]
    assert body["next_cursor"] == 34
    body = feed(registry_client, resource="r:3", cursor=34)
    assert [each["detail"]["n"] for each in body["items"]] == [43, 53, 63, 73, 83, 93]
    assert body["next_cursor"] == 95
    assert feed(registry_client, resource="R:") == {"items": [], "next_cursor": 95}
    assert feed(registry_client, resource="r%") == {"items": [], "next_cursor": 95}
    assert len(feed(registry_client, resource="r:")["items"]) == 95
    out_of_time = registry_store.read_now(lambda db: history.feed(db, after=0, limit=5, prefix="none", seconds=-1))
    assert out_of_time == ([], 7)


def test_waiting_ends_with_the_next_event(registry_client: httpx.Client) -> None:
    def later() -> None:
        time.sleep(0.4)
        put(registry_client, "other", record("a"))
        put(registry_client, "awaited", record("a"))

    thread = threading.Thread(target=later)
    thread.start()
    began = time.monotonic()
    body = feed(registry_client, wait=20, resource="subject:aw")
    elapsed = time.monotonic() - began
    thread.join()
    assert [each["resource"] for each in body["items"]] == ["subject:awaited"]
    assert body["next_cursor"] == 2
    assert 0.3 < elapsed < 5


def test_waiting_ends_with_the_time(registry_client: httpx.Client) -> None:
    began = time.monotonic()
    assert feed(registry_client, wait=0.6) == {"items": [], "next_cursor": 0}
    assert 0.5 < time.monotonic() - began < 5


def test_more_than_a_batch_is_sealed_without_another_write(
    registry_client: httpx.Client, registry_store: Store
) -> None:
    def job(db: Db) -> None:
        for n in range(events.BATCH * 2 + 10):
            events.record(db, Actor(), "tested", "r:1", n=n)

    registry_store.write_now(job)
    deadline = time.monotonic() + 15
    while feed(registry_client, resource="none")["next_cursor"] < events.BATCH * 2 + 10:
        assert time.monotonic() < deadline
        time.sleep(0.1)


QUERIES = ["cursor=-1", "cursor=x", "cursor=99999999999999999999", "wait=-1", "wait=31", "wait=nan", "wait=x",
           "limit=0", "limit=201", "limit=x", f"resource={'x' * 1001}"]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=lambda value: value[:25])
def test_what_a_feed_does_not_take(registry_client: httpx.Client, query: str) -> None:
    began = time.monotonic()
    answer = registry_client.get(f"/api/v1/changes?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["faults"][0]["where"] == query.partition("=")[0]
    assert time.monotonic() - began < 1
