"""Registering through the native API, on both engines: answers, dry runs, findings, idempotency keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry import idempotency
from registry.api.exported import described
from registry.clock import now_ms
from registry.doctor import examine
from registry.events import Actor
from registry.store.engine import Store
from tests.integration.served import ENGINES, client_on

PROBLEM = "application/problem+json"


def record(*fields: str | dict[str, Any], name: str = "R") -> str:
    """An Avro record; a plain name is a string field."""
    listed = [each if isinstance(each, dict) else {"name": each, "type": "string"} for each in fields]
    return json.dumps({"type": "record", "name": name, "fields": listed})


def put(client: httpx.Client, subject: str, schema: str, *, query: str = "", key: str = "", **more: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/api/v1/subjects/{subject}/versions{query}", json={"schema": schema, **more}, headers=headers)


def rows(store: Store) -> Sequence[int]:
    """How many rows there are of all that a registration writes."""
    tables = ("context", "subject", "version", "schema_", "term", "reference", "event", "idempotency")
    counted = store.read_now(lambda db: [db.one(f"SELECT count(*) FROM {table}") for table in tables])
    return [row[0] for row in counted if row is not None]


def test_the_answer_says_what_became_of_it(registry_client: httpx.Client) -> None:
    first = put(registry_client, "s", record("a"))
    assert first.status_code == 201
    assert first.headers["content-type"] == "application/json"
    body = first.json()
    assert {key: body[key] for key in ("subject", "version", "id", "created", "changes", "findings")} == {
        "subject": "s", "version": 1, "id": 1, "created": True, "changes": [], "findings": [],
    }  # fmt: skip
    again = put(registry_client, "s", record("a"))
    assert (again.status_code, again.json()) == (200, {**body, "created": False, "impact": None})
    second = put(registry_client, "s", record("a", {"name": "b", "type": "int", "default": 0}))
    assert (second.status_code, second.json()["version"], second.json()["id"]) == (201, 2, 2)
    assert registry_client.get("/subjects/s/versions").json() == [1, 2]
    assert registry_client.get("/schemas/ids/2").json()["guid"] == second.json()["guid"]


def test_the_body_is_that_of_the_confluent_api(registry_client: httpx.Client) -> None:
    put(registry_client, "line", record("sku", name="Line"))
    more: dict[str, Any] = {
        "schemaType": "AVRO",
        "references": [{"name": "Line", "subject": "line", "version": -1}],
        "metadata": {"properties": {"team": "orders"}, "tags": {"**.sku": ["PII"]}, "sensitive": ["team"]},
        "ruleSet": {"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "1"}]},
        "unknown": [None],
    }
    order = record({"name": "lines", "type": {"type": "array", "items": "Line"}}, name="Order")
    assert put(registry_client, "orders", order, **more).status_code == 201
    stored = registry_client.get("/subjects/orders/versions/1").json()
    assert stored["references"] == [{"name": "Line", "subject": "line", "version": 1}]
    assert stored["metadata"] == more["metadata"]
    assert stored["ruleSet"]["domainRules"][0]["expr"] == "1"
    shown = registry_client.get("/api/v1/subjects/orders").json()["document"]
    assert shown == {key: stored[key] for key in ("schema", "schemaType", "references", "metadata", "ruleSet")}


def test_a_dry_run_answers_the_same_and_leaves_nothing(registry_client: httpx.Client, registry_store: Store) -> None:
    put(registry_client, "line", record("sku", name="Line"))
    before = rows(registry_store)
    order = record({"name": "line", "type": "Line"}, name="Order")
    references = [{"name": "Line", "subject": "line", "version": 1}]
    rehearsed = put(registry_client, "orders", order, query="?dry_run=true", key="k", references=references)
    assert (rehearsed.status_code, rehearsed.json()["created"]) == (200, True)
    assert rows(registry_store) == before
    assert registry_client.get("/subjects/orders/versions").status_code == 404
    done = put(registry_client, "orders", order, key="k", references=references)
    assert (done.status_code, done.json()) == (201, rehearsed.json())
    known = put(registry_client, "orders", order, query="?dry_run=true", references=references)
    assert (known.status_code, known.json()) == (200, {**done.json(), "created": False, "impact": None})
    refused = put(registry_client, "orders", record("other", name="Order"), query="?dry_run=true")
    assert (refused.status_code, refused.json()["code"]) == (409, 40901)


def test_an_incompatible_schema_gets_every_finding(registry_client: httpx.Client) -> None:
    registry_client.put("/config/s", json={"compatibility": "FULL_TRANSITIVE"})
    put(registry_client, "s", record("a"))
    put(registry_client, "s", record("a", {"name": "b", "type": "int", "default": 0}))
    refused = put(registry_client, "s", record({"name": "a", "type": "int"}, "c"))
    assert (refused.status_code, refused.headers["content-type"]) == (409, PROBLEM)
    problem = refused.json()
    assert problem["type"] == "/api/v1/problems/incompatible"
    assert (problem["status"], problem["code"], problem["subject"]) == (409, 40901, "s")
    assert problem["level"] == "FULL_TRANSITIVE"
    found = {(each["version"], each["direction"], each["rule"]): each for each in problem["findings"]}
    assert {version for version, _, _ in found} == {1, 2}
    retyped = found[1, "backward", "TYPE_MISMATCH"]
    assert (retyped["old_path"], retyped["new_path"]) == ("/fields/0/type", "/fields/0/type")
    assert (retyped["old"], retyped["new"], retyped["severity"]) == ('"string"', '"int"', "error")
    forward = found[1, "forward", "TYPE_MISMATCH"]
    assert (forward["old"], forward["new"]) == ('"string"', '"int"')
    assert (2, "backward", "READER_FIELD_MISSING_DEFAULT_VALUE") in found
    assert all("{" not in each["sentence"] for each in problem["findings"])
    confluent = registry_client.post("/subjects/s/versions", json={"schema": record({"name": "a", "type": "int"})})
    assert set(confluent.json()) == {"error_code", "message"}


def test_the_type_of_a_problem_leads_somewhere(registry_client: httpx.Client) -> None:
    kind = put(registry_client, "s", "{").json()["type"]
    told = registry_client.get(kind)
    assert (told.status_code, told.json()["type"], told.json()["status"]) == (200, kind, 422)
    assert kind in [each["type"] for each in registry_client.get("/api/v1/problems").json()]
    assert registry_client.get("/api/v1/problems/none").status_code == 404


def test_the_description_is_served_and_current(registry_client: httpx.Client) -> None:
    assert registry_client.get("/openapi/v1.json").text == described("v1")
    assert '"openapi/v1.json"' in registry_client.get("/docs/assets/start.js").text


def test_a_key_is_done_once_and_answered_the_same(registry_client: httpx.Client, registry_store: Store) -> None:
    first = put(registry_client, "s", record("a"), key="k1")
    assert (first.status_code, "idempotency-replayed" in first.headers) == (201, False)
    put(registry_client, "s", record("a", {"name": "b", "type": "int", "default": 0}))
    before = rows(registry_store)
    again = put(registry_client, "s", record("a"), key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert rows(registry_store) == before
    # The same request in other white space and with members that nobody reads.
    text = json.dumps({"x": 1, "schema": record("a")}, indent=2)
    spaced = registry_client.post("/api/v1/subjects/s/versions", content=text, headers={"Idempotency-Key": "k1"})
    assert spaced.content == first.content


def test_what_was_there_already_is_remembered_too(registry_client: httpx.Client) -> None:
    put(registry_client, "s", record("a"))
    first = put(registry_client, "s", record("a"), key="k")
    assert (first.status_code, first.json()["created"]) == (200, False)
    assert registry_client.delete("/subjects/s").status_code == 200
    again = put(registry_client, "s", record("a"), key="k")
    assert (again.status_code, again.content) == (200, first.content)


OTHERS: list[dict[str, Any]] = [
    {"schema": record("b")},
    {"subject": "t"},
    {"query": "?normalize=true"},
    {"metadata": {"properties": {"a": "b"}}},
    {"version": 1},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_key_belongs_to_one_request(registry_client: httpx.Client, other: dict[str, Any]) -> None:
    one: dict[str, Any] = {"subject": "s", "schema": record("a"), "key": "k"}
    assert put(registry_client, **one).status_code == 201
    refused = put(registry_client, **{**one, **other})
    assert (refused.status_code, refused.json()["code"]) == (409, 40999)
    assert refused.json()["type"] == "/api/v1/problems/idempotency-conflict"
    assert put(registry_client, **one).headers["idempotency-replayed"] == "true"


def test_a_refusal_is_decided_anew(registry_client: httpx.Client) -> None:
    put(registry_client, "s", record("a"))
    bad = record({"name": "a", "type": "int"})
    assert [put(registry_client, "s", bad, key="k").status_code for _ in range(2)] == [409, 409]
    registry_client.put("/config/s", json={"compatibility": "NONE"})
    assert put(registry_client, "s", bad, key="k").status_code == 201
    assert put(registry_client, "s", bad, key="k").headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("key", ["a b", "é", "x" * 256, "\t"])
def test_a_key_that_is_none_is_refused(registry_client: httpx.Client, key: str) -> None:
    refused = registry_client.post(
        "/api/v1/subjects/s/versions", json={"schema": record("a")}, headers={b"Idempotency-Key": key.encode()}
    )
    assert (refused.status_code, refused.headers["content-type"]) == (400, PROBLEM)
    assert registry_client.get("/subjects").json() == []


def test_keys_raced_for_are_done_once(registry_client: httpx.Client, registry_store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: put(registry_client, "s", record(f"f{n % 2}"), key="k"), range(16)))
    done = [each for each in answers if each.status_code == 201]
    assert {each.status_code for each in answers} == {201, 409}
    assert {each.content for each in done} == {done[0].content}
    assert len(done) == 8
    assert registry_client.get("/subjects/s/versions").json() == [1]
    assert registry_store.read_now(examine) == []


def test_a_key_counts_for_a_day(registry_client: httpx.Client, registry_store: Store) -> None:
    put(registry_client, "s", record("a"), key="old")
    put(registry_client, "s", record("a"), key="new")
    assert not registry_store.read_now(idempotency.expired)
    yesterday = now_ms() - idempotency.LIFETIME - 1
    key = idempotency.claim(Actor(), "old").place
    registry_store.write_now(
        lambda db: db.run("UPDATE idempotency SET created_at = :at WHERE key = :key", at=yesterday, key=key)
    )
    assert registry_store.read_now(idempotency.expired)
    # It no longer counts, whether purged or not: another request may have it.
    assert put(registry_client, "t", record("b"), key="old").status_code == 201
    assert put(registry_client, "t", record("b"), key="old").headers["idempotency-replayed"] == "true"
    registry_store.write_now(
        lambda db: db.run("UPDATE idempotency SET created_at = :at WHERE key = :key", at=yesterday, key=key)
    )
    assert [registry_store.write_now(idempotency.purge) for _ in range(2)] == [1, 0]
    assert put(registry_client, "s", record("a"), key="new").headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_outlives_the_server(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db" if engine == "sqlite" else request.getfixturevalue("pg_migrated_url")
    with client_on(url) as client:
        first = put(client, "s", record("a"), key="k")
    with client_on(url) as client:
        again = put(client, "s", record("a"), key="k")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert put(client, "s", record("b"), key="k").status_code == 409


def test_an_alias_is_followed_and_contexts_are_kept(registry_client: httpx.Client) -> None:
    registry_client.put("/config/short", json={"alias": "orders"})
    assert put(registry_client, "short", record("a")).json()["subject"] == "orders"
    assert put(registry_client, ":.dev:orders", record("b")).json()["subject"] == ":.dev:orders"
    assert put(registry_client, "a%2Fb%20c", record("c")).json()["subject"] == "a/b c"


def test_a_mode_refuses_as_it_does_everywhere(registry_client: httpx.Client) -> None:
    registry_client.put("/mode", json={"mode": "READONLY"})
    refused = put(registry_client, "s", record("a"))
    assert (refused.status_code, refused.json()["code"]) == (422, 42205)
    registry_client.put("/mode", json={"mode": "IMPORT"})
    imported = put(registry_client, "s", record("a"), id=70, version=5)
    assert (imported.status_code, imported.json()["id"], imported.json()["version"]) == (201, 70, 5)
