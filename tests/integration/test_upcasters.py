"""Upcasters over the API, on both engines: derived, proven, stored, composed, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from registry.store.engine import Store
from tenor.plans import compile_plan, from_data

Json = dict[str, Any]


def record(*fields: Json) -> str:
    return json.dumps({"type": "record", "name": "Order", "fields": list(fields)})


ID: Json = {"name": "id", "type": "int"}
TOTAL: Json = {"name": "total", "type": "int"}
V1 = record(ID, TOTAL)
V2 = record({"name": "id", "type": "long"}, {"name": "amount", "type": "int", "aliases": ["total"]})
V3 = record(
    {"name": "id", "type": "long"},
    {"name": "amount", "type": "double", "aliases": ["total"]},
    {"name": "country", "type": "string", "default": "CH"},
)
NEEDS_VAT = record(ID, TOTAL, {"name": "vat", "type": "string"})


@pytest.fixture
def subject(registry_client: httpx.Client) -> str:
    """A subject with three versions."""
    registry_client.put("/config/orders", json={"compatibility": "NONE"})
    for text in (V1, V2, V3):
        assert registry_client.post("/subjects/orders/versions", json={"schema": text}).status_code == 200
    return "/api/v1/subjects/orders/upcasts"


def problem(answer: httpx.Response, status: int, slug: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["type"].endswith(f"/{slug}")
    detail: str = answer.json()["detail"]
    return detail


def test_an_upcaster_is_derived_proven_stored_and_composed(registry_client: httpx.Client, subject: str) -> None:
    graph = registry_client.get(subject).json()
    assert graph == {"subject": "orders", "versions": [1, 2, 3], "edges": [], "gaps": [[1, 2], [2, 3]], "unproven": []}
    detail = problem(registry_client.get(subject, params={"from": 1}), 404, "upcast-not-found")
    assert "from version 1 to version 3" in detail
    derived = registry_client.post(f"{subject}/derive", json={"old": 1, "new": 2}).json()
    assert (derived["open"], derived["lossy"]) == ([], False)
    stored = registry_client.put(f"{subject}/1..2", json={"plan": derived["plan"], "examples": 200})
    assert stored.status_code == 200, stored.text
    edge = stored.json()
    assert (edge["old"], edge["new"], edge["hash"], edge["proven"]) == (1, 2, derived["hash"], True)
    attestation = edge["attestation"]
    assert (attestation["examples"], attestation["plan"]) == (200, derived["hash"])
    assert {name: result for name, result in attestation["results"].items() if result != "passed"} == {}
    # Without a plan the server derives one.
    assert registry_client.put(f"{subject}/2..3", json={}).json()["proven"] is True
    graph = registry_client.get(subject).json()
    assert (graph["gaps"], graph["unproven"]) == ([], [])
    whole = registry_client.get(subject, params={"from": 1, "to": 3}).json()
    assert (whole["old"], whole["new"], whole["proven"]) == (1, 3, True)
    assert [(each["old"], each["new"]) for each in whole["edges"]] == [(1, 2), (2, 3)]
    upcast = compile_plan(from_data(whole["plan"]))
    assert upcast({"id": 7, "total": 3}) == {"id": 7, "amount": 3.0, "country": "CH"}
    assert registry_client.get(subject, params={"from": 1}).json() == whole
    events = registry_client.get("/api/v1/changes", params={"limit": 200})
    assert events.status_code == 200


def test_a_plan_that_is_wrong_is_refused_with_an_event_that_shows_it(
    registry_client: httpx.Client, subject: str
) -> None:
    derived = registry_client.post(f"{subject}/derive", json={"old": 1, "new": 2}).json()
    wrong = json.loads(json.dumps(derived["plan"]).replace('"total"', '"id"'))
    detail = problem(registry_client.put(f"{subject}/1..2", json={"plan": wrong}), 422, "upcast-refuted")
    assert "the proof failed (P" in detail
    assert '"total"' in detail
    assert registry_client.get(subject).json()["edges"] == []


def test_what_is_open_is_not_stored(registry_client: httpx.Client, subject: str) -> None:
    body = {"schema": NEEDS_VAT}
    assert registry_client.post("/subjects/orders/versions", json=body).status_code == 200
    derived = registry_client.post(f"{subject}/derive", json={"old": 1, "new": 4}).json()
    assert [(each["path"], each["certainty"]) for each in derived["open"]] == [("/vat", "todo")]
    detail = problem(registry_client.put(f"{subject}/1..4", json={"plan": derived["plan"]}), 422, "invalid-upcast")
    assert "/vat" in detail


BAD = [
    ("2..1", {}, "older version to a newer one"),
    ("1..1", {}, "older version to a newer one"),
    ("one..two", {}, "say 1..2"),
    ("1..next", {}, "needs the schema"),
    ("1..2", {"plan": {"format": "AVRO"}}, "plan"),
    ("1..2", {"plan": {"format": "AVRO", "root": {"kind": "bomb"}}}, "plan"),
    ("1..2", {"examples": 0}, "from 1 to"),
    ("1..2", {"decisions": {"/nowhere": "perhaps"}}, ""),
]


@pytest.mark.parametrize(("edge", "body", "words"), BAD)
def test_bad_input_is_named(registry_client: httpx.Client, subject: str, edge: str, body: Json, words: str) -> None:
    assert words in problem(registry_client.put(f"{subject}/{edge}", json=body), 422, "invalid-upcast")


def test_what_is_not_there_is_not_found(registry_client: httpx.Client, subject: str) -> None:
    problem(registry_client.put(f"{subject}/1..9", json={}), 404, "version-not-found")
    problem(registry_client.get("/api/v1/subjects/nobody/upcasts"), 404, "subject-not-found")
    problem(registry_client.delete(f"{subject}/1..2"), 404, "upcast-not-found")
    registry_client.put(f"{subject}/1..2", json={"examples": 50})
    assert registry_client.delete(f"{subject}/1..2").status_code == 204
    assert registry_client.get(subject).json()["edges"] == []


def test_a_deleted_version_takes_its_edges_with_it(registry_client: httpx.Client, subject: str) -> None:
    for edge in ("1..2", "2..3"):
        assert registry_client.put(f"{subject}/{edge}", json={"examples": 50}).status_code == 200
    registry_client.delete("/subjects/orders/versions/2")
    graph = registry_client.get(subject).json()
    assert (graph["versions"], graph["edges"], graph["gaps"]) == ([1, 3], [], [[1, 3]])
    problem(registry_client.get(subject, params={"from": 1}), 404, "upcast-not-found")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE upcast SET plan = replace(plan, 'total', 'id')",
        "UPDATE upcast SET plan_hash = 'other'",
        "UPDATE upcast SET attestation = replace(attestation, '\"plan\"', '\"plot\"')",
        "UPDATE upcast SET old_key = 'other'",
    ],
)
def test_an_edge_that_was_tampered_with_is_refused(
    registry_client: httpx.Client, registry_store: Store, subject: str, change: str
) -> None:
    assert registry_client.put(f"{subject}/1..2", json={"examples": 50}).status_code == 200
    registry_store.write_now(lambda db: db.run(change))
    detail = problem(registry_client.get(subject, params={"from": 1, "to": 2}), 422, "invalid-upcast")
    assert "proven" in detail


def test_a_break_that_proven_plans_cross_may_be_registered(registry_client: httpx.Client) -> None:
    """A support window lets the versions in it be read directly or through upcasters."""
    registry_client.put("/config/orders", json={"compatibility": "NONE"})
    assert registry_client.post("/subjects/orders/versions", json={"schema": V1}).status_code == 200
    policy = registry_client.put("/api/v1/subjects/orders/policy", json={"readable_for": "forever"})
    assert policy.status_code in (200, 204), policy.text
    # A rename without an alias breaks, and is derived once somebody says what it was.
    renamed = record({"name": "id", "type": "int"}, {"name": "amount", "type": "int"})
    refused = registry_client.post("/subjects/orders/versions", json={"schema": renamed})
    assert refused.status_code == 409, refused.text
    upcasts = "/api/v1/subjects/orders/upcasts"
    derived = registry_client.post(f"{upcasts}/derive", json={"old": 1, "schema": {"schema": renamed}}).json()
    (step,) = derived["open"]
    body = {"schema": {"schema": renamed}, "decisions": {step["path"]: "yes"}, "examples": 100}
    stored = registry_client.put(f"{upcasts}/1..next", json=body)
    assert stored.status_code == 200, stored.text
    assert (stored.json()["new"], stored.json()["proven"]) == (None, True)
    accepted = registry_client.post("/subjects/orders/versions", json={"schema": renamed})
    assert accepted.status_code == 200, accepted.text
    whole = registry_client.get(upcasts, params={"from": 1}).json()
    assert (whole["new"], whole["proven"]) == (2, True)
    assert compile_plan(from_data(whole["plan"]))({"id": 1, "total": 2}) == {"id": 1, "amount": 2}
