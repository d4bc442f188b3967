"""What providers write, and can-i-deploy that joins runs with what coverage decides, on both engines."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.integration.test_v1_impact import (
    NUMBER,
    TEXT,
    V1,
    deploy,
    environment,
    publish,
    recorded,
    register,
    without,
)


def produces(client: httpx.Client, number: str, *subjects: tuple[str, int], **more: Any) -> httpx.Response:
    body = {"subjects": [{"subject": subject, "version": version} for subject, version in subjects], **more}
    return client.put(f"/api/v1/applications/orders/versions/{number}/produces", json=body)


def can_i_deploy(client: httpx.Client, application: str, number: str, place: str = "prod") -> Any:
    query = f"q[][pacticipant]={application}&q[][version]={number}&latestby=cvpv&environment={place}"
    answer = client.get(f"/pact/matrix?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def kinds(answer: Any) -> list[tuple[str, str | None, bool | None]]:
    return [
        (
            row["consumer"]["name"],
            row.get("verificationType"),
            None if row["verificationResult"] is None else row["verificationResult"]["success"],
        )
        for row in answer["matrix"]
    ]


@pytest.fixture
def shop(registry_client: httpx.Client) -> httpx.Client:
    """orders-value 1 has total, 2 does not; billing reads total and runs in prod."""
    client = registry_client
    client.put("/config", json={"compatibility": "NONE"})
    register(client, V1)
    register(client, without("total"))
    prod = environment(client, "prod", production=True)
    publish(client, "1.4", recorded("billing", {"/total": NUMBER}))
    deploy(client, "billing", "1.4", prod)
    return client


def test_a_provider_that_states_what_it_writes_needs_no_run(shop: httpx.Client) -> None:
    assert produces(shop, "1", ("orders-value", 1)).status_code == 200
    answer = can_i_deploy(shop, "orders", "1")
    assert answer["summary"]["deployable"] is True
    assert kinds(answer) == [("billing", "BDCT", True)]
    produces(shop, "2", ("orders-value", -1))
    answer = can_i_deploy(shop, "orders", "2")
    assert answer["summary"]["deployable"] is False
    assert kinds(answer) == [("billing", "BDCT", False)]
    assert "/total" in answer["matrix"][0]["reasons"][0]
    assert any("billing 1.4 breaks on /total" in notice["text"] for notice in answer["notices"])


def test_a_consumer_is_judged_by_what_the_deployed_provider_writes(shop: httpx.Client) -> None:
    produces(shop, "2", ("orders-value", 2))
    place = next(
        each["uuid"]
        for each in shop.get("/pact/environments").json()["_embedded"]["environments"]
        if each["name"] == "prod"
    )
    deploy(shop, "orders", "2", place)
    publish(shop, "1.5", recorded("billing", {"/sku": TEXT}))
    assert can_i_deploy(shop, "billing", "1.5")["summary"]["deployable"] is True
    assert can_i_deploy(shop, "billing", "1.4")["summary"]["deployable"] is False


def test_without_a_statement_nothing_changes(shop: httpx.Client) -> None:
    shop.put("/pact/pacticipants/orders/versions/9", json={})
    answer = can_i_deploy(shop, "orders", "9")
    assert answer["summary"]["deployable"] is None
    assert kinds(answer) == [("billing", None, None)]


def test_a_run_and_coverage_stand_side_by_side_and_the_worse_counts(shop: httpx.Client) -> None:
    produces(shop, "2", ("orders-value", 2))
    pact = shop.get("/pact/pacts/provider/orders/consumer/billing/version/1.4").json()
    results = pact["_links"]["pb:publish-verification-results"]["href"].replace("http://tenor", "")
    assert shop.post(results, json={"success": True, "providerApplicationVersion": "2"}).status_code == 201
    answer = can_i_deploy(shop, "orders", "2")
    assert sorted(kinds(answer)) == [("billing", "BDCT", False), ("billing", "CDCT", True)]
    assert answer["summary"]["deployable"] is False


def test_a_pact_that_also_holds_requests_still_needs_a_run(shop: httpx.Client) -> None:
    pact = recorded("web", {"/id": {"types": ["string"]}})
    request = {"type": "Synchronous/HTTP", "description": "x", "request": {"method": "GET", "path": "/"}}
    pact["interactions"].append({**request, "response": {"status": 200}})
    publish(shop, "1", pact)
    deploy(shop, "web", "1", environment(shop, "qa"))
    produces(shop, "1", ("orders-value", 1))
    answer = can_i_deploy(shop, "orders", "1", "qa")
    assert answer["summary"]["deployable"] is None
    assert sorted(map(str, kinds(answer))) == ["('web', 'BDCT', True)", "('web', None, None)"]


def test_what_a_provider_says_of_its_own_check_counts(shop: httpx.Client) -> None:
    produces(shop, "1", ("orders-value", 1), self_verified=False)
    assert can_i_deploy(shop, "orders", "1")["summary"]["deployable"] is False


def test_an_unknown_subject_is_named(shop: httpx.Client) -> None:
    assert produces(shop, "1", ("none", -1)).status_code == 404


# As the Pact command line sends it.


def provider_contract(client: httpx.Client, number: str, content: bytes, **contract: Any) -> httpx.Response:
    body = {
        "pacticipantVersionNumber": number,
        "branch": "main",
        "tags": ["dev"],
        "contract": {"content": base64.b64encode(content).decode(), **contract},
    }
    return client.post("/pact/provider-contracts/provider/orders/publish", json=body)


PROTO = b'syntax = "proto3";\nmessage Order { string id = 1; double total = 2; }\n'
SENT: list[tuple[str, bytes, Mapping[str, str], str]] = [
    ("avro by its type", json.dumps(V1).encode(), {"contentType": "application/vnd.apache.avro+json"}, "AVRO"),
    ("avro by its content", json.dumps(V1).encode(), {"contentType": "application/json"}, "AVRO"),
    ("json schema", b'{"type": "object", "title": "Order"}', {"contentType": "application/schema+json"}, "JSON"),
    ("protobuf", PROTO, {"contentType": "text/plain"}, "PROTOBUF"),
]


@pytest.mark.parametrize(("what", "content", "contract", "format"), SENT, ids=[each[0] for each in SENT])
def test_a_provider_contract_registers_the_schema(
    registry_client: httpx.Client, what: str, content: bytes, contract: Mapping[str, str], format: str
) -> None:
    answer = provider_contract(registry_client, "1", content, **contract)
    assert answer.status_code == 200, answer.text
    told = registry_client.get("/subjects/orders-value/versions/1").json()
    assert told.get("schemaType", "AVRO") == format
    assert "version 1 of subject orders-value" in answer.json()["notices"][0]["text"]
    again = provider_contract(registry_client, "2", content, **contract)
    assert "Found the schema as version 1" in again.json()["notices"][0]["text"]


def test_a_provider_contract_goes_to_the_subject_of_its_message_contracts(registry_client: httpx.Client) -> None:
    publish(registry_client, "1", recorded("billing", {"/total": NUMBER}, subject="shop.orders"))
    answer = provider_contract(registry_client, "1", json.dumps(V1).encode())
    assert answer.status_code == 200, answer.text
    assert registry_client.get("/subjects").json() == ["shop.orders"]
    consumers = registry_client.get("/api/v1/subjects/shop.orders/consumers").json()
    assert consumers["producers"] == ["orders"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'{"openapi": "3.1.0"}', "openapi"), (b'{"asyncapi": "3.0.0"}', "asyncapi"), (b"\xff", "UTF-8"), (b"?", "is no")],
)
def test_what_is_no_event_schema_is_refused_by_name(registry_client: httpx.Client, content: bytes, said: str) -> None:
    answer = provider_contract(registry_client, "1", content)
    assert answer.status_code == 400
    assert said in json.dumps(answer.json()["errors"])


# Readers' schemas.


def test_an_application_needs_all_of_the_schema_it_was_generated_from(registry_client: httpx.Client) -> None:
    client = registry_client
    register(client, V1)
    body = {"subject": "orders-value", "version": 1}
    kept = client.put("/api/v1/applications/ledger/versions/3/reads", json=body)
    assert kept.status_code == 200, kept.text
    assert kept.json()["needs"] >= 3
    deploy(client, "ledger", "3", environment(client, "prod"))
    answer = client.post("/api/v1/subjects/orders-value/impact", json={"schema": json.dumps(without("id"))}).json()
    assert answer["verdict"] == "unsafe"
    assert (answer["rows"][0]["consumer"], answer["rows"][0]["path"]) == ("ledger", "/id")
    assert answer["rows"][0]["evidence"] == "reader_schema"


def test_readers_and_writers_meet_on_a_subject_without_a_pact(registry_client: httpx.Client) -> None:
    client = registry_client
    client.put("/config", json={"compatibility": "NONE"})
    register(client, V1)
    register(client, without("total"))
    prod = environment(client, "prod")
    client.put("/api/v1/applications/ledger/versions/3/reads", json={"subject": "orders-value", "version": 1})
    deploy(client, "ledger", "3", prod)
    produces(client, "1", ("orders-value", 1))
    produces(client, "2", ("orders-value", 2))
    answer = can_i_deploy(client, "orders", "1")
    assert (answer["summary"]["deployable"], kinds(answer)) == (True, [("ledger", "BDCT", True)])
    answer = can_i_deploy(client, "orders", "2")
    assert (answer["summary"]["deployable"], kinds(answer)) == (False, [("ledger", "BDCT", False)])
    assert "ledger 3 breaks on /total" in answer["matrix"][0]["reasons"][0]
    deploy(client, "orders", "2", prod)
    answer = can_i_deploy(client, "ledger", "3")
    assert (answer["summary"]["deployable"], kinds(answer)) == (False, [("ledger", "BDCT", False)])
    query = "q[][pacticipant]=ledger&q[][version]=3&latestby=cvpv&environment=prod&ignore[][pacticipant]=orders"
    assert client.get(f"/pact/matrix?{query}").json()["summary"]["deployable"] is True


def test_an_application_has_an_owner_that_reports_name(shop: httpx.Client) -> None:
    assert shop.put("/api/v1/applications/billing/owner", json={"owner": "team-money"}).status_code == 200
    answer = shop.post("/api/v1/subjects/orders-value/impact", json={"schema": json.dumps(without("total"))}).json()
    assert answer["rows"][0]["owner"] == "team-money"
    assert shop.put("/api/v1/applications/nobody/owner", json={"owner": "x"}).status_code == 404
