"""`POST /api/v1/subjects/{s}/check` beside schemas that are not registered yet, and against what is in use."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.integration.test_v1_impact import NUMBER, TEXT, V1, deploy, environment, publish, recorded, register, without

MONEY = {"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "amount", "type": "long"}]}
RENAMED = {**MONEY, "fields": [{"name": "value", "type": "long"}]}
ORDER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "total", "type": "shop.Money"}]}
TO_MONEY = [{"name": "shop.Money", "subject": "money", "version": -1}]


def check(client: httpx.Client, subject: str, schema: Any, **more: Any) -> Any:
    answer = client.post(f"/api/v1/subjects/{subject}/check", json={"schema": json.dumps(schema), **more})
    return answer.json() if answer.status_code == 200 else answer


def beside(schema: Any, subject: str = "money", **more: Any) -> list[dict[str, Any]]:
    return [{"subject": subject, "schema": json.dumps(schema), **more}]


def test_a_reference_means_the_schema_that_is_given_beside(registry_client: httpx.Client) -> None:
    client = registry_client
    register(client, MONEY, "money")
    made = client.post("/subjects/order/versions", json={"schema": json.dumps(ORDER), "references": TO_MONEY})
    assert made.status_code == 200, made.text
    assert check(client, "order", ORDER, references=TO_MONEY)["compatible"] is True
    broken = check(client, "order", ORDER, references=TO_MONEY, beside=beside(RENAMED))
    assert broken["compatible"] is False
    assert broken["semantic"]["backward"]["verdict"] == "breaks"
    # What is registered stays what a number means, and what is not there yet may refer on.
    numbered = [{**TO_MONEY[0], "version": 1}]
    assert check(client, "order", ORDER, references=numbered, beside=beside(RENAMED))["compatible"] is True
    chain = [
        *beside({**MONEY, "name": "Coin"}, "coin"),
        *beside(
            {**MONEY, "fields": [{"name": "amount", "type": "shop.Coin"}]},
            references=[{"name": "shop.Coin", "subject": "coin", "version": -1}],
        ),
    ]
    assert check(client, "order", ORDER, references=TO_MONEY, beside=chain)["compatible"] is False
    assert client.get("/subjects").json() == ["money", "order"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (beside(MONEY, schemaType="JSON"), "whose type is JSON"),
        (beside(MONEY, references=TO_MONEY), "subjects deep"),
        (beside(MONEY, references=[{**TO_MONEY[0], "subject": "nowhere"}]), 'subject "nowhere"'),
        ([], 'subject "money"'),
    ],
)
def test_what_is_given_beside_and_cannot_be_used_is_named(
    registry_client: httpx.Client, given: list[dict[str, Any]], words: str
) -> None:
    refused = check(registry_client, "order", ORDER, references=TO_MONEY, beside=given)
    assert (refused.status_code, refused.json()["type"]) == (422, "/api/v1/problems/invalid-schema")
    assert words in refused.json()["detail"]


@pytest.fixture
def places(registry_client: httpx.Client) -> httpx.Client:
    """prod runs orders 1, which writes version 1, and billing 1.4, which reads total; staging runs orders 2, which
    writes version 2, and search 7, which reads sku. The subject's newest version is 3."""
    client = registry_client
    client.put("/config/orders-value", json={"compatibility": "NONE"})
    for schema in (V1, without("total"), without("sku")):
        register(client, schema)
    publish(client, "1.4", recorded("billing", {"/total": NUMBER}))
    publish(client, "7", recorded("search", {"/sku": TEXT}))
    prod, staging = environment(client, "prod", production=True), environment(client, "staging")
    for number, version in (("1", 1), ("2", 2)):
        body = {"subjects": [{"subject": "orders-value", "version": version}]}
        client.put(f"/api/v1/applications/orders/versions/{number}/produces", json=body).raise_for_status()
    for application, number, place in (
        ("billing", "1.4", prod), ("orders", "1", prod), ("search", "7", staging), ("orders", "2", staging),
    ):  # fmt: skip
        deploy(client, application, number, place)
    client.put("/config/orders-value", json={"compatibility": "BACKWARD"})
    return client


def compared(answer: Any) -> tuple[list[int] | None, bool, list[str]]:
    """Versions, Confluent's verdict, and the consumers that count."""
    return answer.get("versions"), answer["compatible"], sorted({row["consumer"] for row in answer["impact"]["rows"]})


def test_a_tag_means_what_is_in_use_in_an_environment(places: httpx.Client) -> None:
    new = {**V1, "fields": [V1["fields"][0], V1["fields"][1]]}  # without sku, total without a default
    assert compared(check(places, "orders-value", new)) == ([3, 2, 1], True, ["billing", "search"])
    assert compared(check(places, "orders-value", new, tag="prod")) == ([1], True, ["billing"])
    assert check(places, "orders-value", new, tag="prod")["impact"]["verdict"] == "safe"
    in_staging = check(places, "orders-value", new, tag="staging")
    assert compared(in_staging) == ([2], False, ["search"])
    assert in_staging["findings"][0]["version"] == 2
    assert in_staging["semantic"]["backward"]["verdict"] == "breaks"
    assert compared(check(places, "another", new, tag="prod")) == ([], True, [])


def test_a_tag_means_what_carries_it_where_no_environment_does(places: httpx.Client) -> None:
    for number in ("1", "2"):
        places.put(f"/pact/pacticipants/orders/versions/{number}/tags/main").raise_for_status()
    assert compared(check(places, "orders-value", V1, tag="main")) == ([2], False, [])
    body = {"subject": "orders-value", "version": 3}
    places.put("/api/v1/applications/ledger/versions/9/reads", json=body).raise_for_status()
    places.put("/pact/pacticipants/ledger/versions/9/tags/main").raise_for_status()
    assert compared(check(places, "orders-value", V1, tag="main"))[0] == [3, 2]


def test_a_tag_that_nothing_has_is_refused_with_what_there_is(places: httpx.Client) -> None:
    places.put("/pact/pacticipants/orders/versions/1/tags/main").raise_for_status()
    refused = check(places, "orders-value", V1, tag="nowhere")
    assert (refused.status_code, refused.json()["type"]) == (404, "/api/v1/problems/not-found")
    assert "called 'nowhere'; the environments are prod, staging" in refused.json()["detail"]
    assert "the tags are main" in refused.json()["detail"]
