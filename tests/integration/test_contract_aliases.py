"""Contracts that name a subject by an alias count for the subject that it means when something is asked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from contracts.queries import needs
from contracts.queries.needs import Observed
from registry.clock import now_ms
from registry.store.engine import Store
from tests.integration.test_produces import can_i_deploy, kinds, produces
from tests.integration.test_v1_impact import (
    NUMBER,
    TEXT,
    V1,
    deploy,
    environment,
    impact,
    outcomes,
    protect,
    publish,
    recorded,
    register,
    rollout,
    text,
    without,
)

ALIAS = "orders-renamed"


def alias(client: httpx.Client, target: str | None, name: str = ALIAS) -> None:
    assert client.put(f"/config/{name}", json={"alias": target}).status_code == 200


@pytest.fixture
def shop(registry_client: httpx.Client) -> httpx.Client:
    """billing 1.4 reads total of what it calls orders-renamed, in prod; nobody told yet what that is."""
    client = registry_client
    client.put("/config", json={"compatibility": "NONE"})
    register(client, V1)
    publish(client, "1.4", recorded("billing", {"/total": NUMBER}, ALIAS))
    deploy(client, "billing", "1.4", environment(client, "prod", production=True))
    return client


def readers(client: httpx.Client, subject: str) -> list[tuple[str, str]]:
    found = client.get(f"/api/v1/subjects/{subject}/consumers").json()["consumers"]
    return [(each["application"], each["version"]) for each in found]


def test_an_alias_that_is_made_moved_and_removed_after_publishing(shop: httpx.Client) -> None:
    assert impact(shop, without("total"))["verdict"] == "unknown"
    alias(shop, "orders-value")
    for asked in ("orders-value", ALIAS):
        assert outcomes(impact(shop, without("total"), asked)) == [("billing", "breaks", "/total")]
        assert readers(shop, asked) == [("billing", "1.4")]
        fields = {each["path"]: each for each in shop.get(f"/api/v1/subjects/{asked}/fields").json()["fields"]}
        assert fields["/total"]["readers"] == [{"application": "billing", "version": "1.4"}]
    assert shop.get("/api/v1/subjects/orders-value/consumers").json()["producers"] == ["orders"]
    protect(shop, {"protect": "used"})
    refused = shop.post("/subjects/orders-value/versions", json=text(without("total")))
    assert (refused.status_code, "billing 1.4 in prod breaks on /total" in refused.text) == (409, True)
    register(shop, V1, "other-value")
    alias(shop, "other-value")
    assert outcomes(impact(shop, without("total"), "other-value")) == [("billing", "breaks", "/total")]
    assert readers(shop, "orders-value") == []
    alias(shop, None)
    assert readers(shop, "other-value") == []


def test_needs_under_both_names_count_once_for_each_version(shop: httpx.Client) -> None:
    alias(shop, "orders-value")
    pact = recorded("billing", {"/sku": TEXT})
    pact["interactions"] += recorded("billing", {"/total": NUMBER}, ALIAS)["interactions"]
    pact["interactions"][1]["description"] = "a total"
    publish(shop, "1.5", pact)
    places = shop.get("/pact/environments").json()["_embedded"]["environments"]
    deploy(shop, "billing", "1.5", places[0]["uuid"])
    assert readers(shop, "orders-value") == [("billing", "1.5")]
    assert outcomes(impact(shop, without("total"))) == [("billing", "breaks", "/total")]
    assert outcomes(impact(shop, without("sku"))) == [("billing", "degrades", "/sku")]
    assert not (blocked := rollout(shop, without("total")).json())["possible"]
    assert "billing 1.5 cannot read what orders" in blocked["blocked"][0]


def test_an_alias_in_a_context_and_in_a_mapping(shop: httpx.Client) -> None:
    publish(shop, "2", recorded("search", {"/total": NUMBER}, ""))
    mapping = {"provider": "orders", "description": "an *", "subject": ":.eu:old"}
    assert shop.put("/api/v1/mappings", json=mapping).status_code == 200
    register(shop, V1, ":.eu:orders-value")
    alias(shop, "orders-value", ":.eu:old")
    assert readers(shop, ":.eu:orders-value") == [("search", "2")], "an alias means a subject of its own context"
    assert readers(shop, "orders-value") == []


def test_can_i_deploy_follows_aliases(shop: httpx.Client) -> None:
    register(shop, without("total"))
    produces(shop, "1", ("orders-value", 1))
    produces(shop, "2", ("orders-value", 2))
    assert can_i_deploy(shop, "orders", "1")["summary"]["deployable"] is None
    alias(shop, "orders-value")
    for number, verdict in (("1", True), ("2", False)):
        answer = can_i_deploy(shop, "orders", number)
        assert (answer["summary"]["deployable"], kinds(answer)) == (verdict, [("billing", "BDCT", verdict)])
    # Without a pact: what an application was generated from, in both directions.
    shop.put("/api/v1/applications/ledger/versions/3/reads", json={"subject": "orders-value", "version": 1})
    qa = environment(shop, "qa")
    deploy(shop, "ledger", "3", qa)
    alias(shop, "moved-value", "orders-value")
    register(shop, without("total"), "moved-value")
    produces(shop, "3", ("moved-value", 1))
    answer = can_i_deploy(shop, "orders", "3", "qa")
    assert (answer["summary"]["deployable"], kinds(answer)) == (False, [("ledger", "BDCT", False)])
    deploy(shop, "orders", "3", qa)
    assert can_i_deploy(shop, "ledger", "3", "qa")["summary"]["deployable"] is False


# Readers without a contract, as an impact counts them.


def seen(store: Store, application: str, number: str, subject: str = "orders-value") -> None:
    at = now_ms()
    store.write_now(lambda db: needs.observe(db, [Observed(subject, application, number, at, at, 1)]))


def told(answer: Any) -> tuple[bool | None, list[str]]:
    reasons = [reason for row in answer["matrix"] for reason in row.get("reasons", ())]
    return answer["summary"]["deployable"], reasons


@pytest.mark.parametrize("number", ["7", ""])
def test_who_was_only_seen_fetching_is_unknown_to_can_i_deploy_too(
    registry_client: httpx.Client, registry_store: Store, number: str
) -> None:
    client = registry_client
    register(client, V1)
    prod, _ = environment(client, "prod"), environment(client, "empty")
    client.put("/pact/pacticipants/audit/versions/7", json={})
    deploy(client, "audit", "7", prod)
    seen(registry_store, "audit", number)
    client.put("/pact/pacticipants/orders/versions/0", json={})
    assert told(can_i_deploy(client, "orders", "0")) == (True, []), "who says nothing of subjects is asked nothing"
    produces(client, "1", ("orders-value", 1))
    sentence = "audit 7 on orders-value: it fetched schemas of the subject (today) and has published no contract"
    answer = can_i_deploy(client, "orders", "1")
    assert told(answer) == (None, [sentence])
    assert any(sentence in each["text"] for each in answer["notices"])
    assert told(can_i_deploy(client, "orders", "1", "empty")) == (True, [])
    # The other way round: whoever is deployed beside the one that writes.
    assert told(can_i_deploy(client, "audit", "7")) == (True, [])
    deploy(client, "orders", "1", prod)
    assert told(can_i_deploy(client, "audit", "7")) == (None, [sentence])
    # A contract, on the subject or by an alias of it, takes the place of what was seen.
    alias(client, "orders-value")
    client.put("/api/v1/applications/audit/versions/7/reads", json={"subject": ALIAS, "version": 1})
    for application, version in (("orders", "1"), ("audit", "7")):
        answer = can_i_deploy(client, application, version)
        assert (told(answer), kinds(answer)) == ((True, []), [("audit", "BDCT", True)])


def test_who_writes_a_subject_does_not_read_it_by_fetching(
    registry_client: httpx.Client, registry_store: Store
) -> None:
    client = registry_client
    register(client, V1)
    prod = environment(client, "prod")
    produces(client, "1", ("orders-value", 1))
    body = {"subjects": [{"subject": "orders-value", "version": 1}]}
    client.put("/api/v1/applications/importer/versions/1/produces", json=body)
    for application in ("orders", "importer"):
        seen(registry_store, application, "1")
        deploy(client, application, "1", prod)
    assert told(can_i_deploy(client, "orders", "1")) == (True, [])
    assert told(can_i_deploy(client, "importer", "1")) == (True, [])


def test_who_was_declared_to_read_is_unknown_until_it_has_a_contract(
    registry_client: httpx.Client, registry_store: Store
) -> None:
    client = registry_client
    register(client, V1)
    prod = environment(client, "prod")
    client.put("/pact/pacticipants/audit/versions/7", json={})
    deploy(client, "audit", "7", prod)
    registry_store.write_now(
        lambda db: needs.declare(
            db, "orders-value", int(db.all("SELECT pk FROM application WHERE name = 'audit'")[0][0])
        )
    )
    produces(client, "1", ("orders-value", 1))
    sentence = "audit 7 on orders-value: it reads the subject, and this version has published no contract"
    assert told(can_i_deploy(client, "orders", "1")) == (None, [sentence])
    deploy(client, "orders", "1", prod)
    assert told(can_i_deploy(client, "audit", "7")) == (None, [sentence])
