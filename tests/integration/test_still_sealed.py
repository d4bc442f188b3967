"""A schema that no longer seals for persons: events of older versions still do, and new code still reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.integration.test_produces import can_i_deploy, kinds, produces
from tests.integration.test_v1_impact import SEALS, V1, deploy, environment, protect, publish, recorded, text

PLAIN: dict[str, Any] = {"domainRules": []}
WHERE = "/api/v1/subjects/orders-value"
MORE = {**V1, "fields": [*V1["fields"], {"name": "note", "type": "string", "default": ""}]}


def reads(**when: str) -> dict[str, Any]:
    return {"types": ["string"], **({"when": {"erased": when["erased"]}} if when else {})}


@pytest.fixture
def shop(registry_client: httpx.Client) -> httpx.Client:
    """orders-value 1 seals /id and /sku for persons. In prod mailer fails on an erased /id, search says nothing of
    /sku, audit handles an erased /id."""
    client = registry_client
    made = client.post(f"{WHERE}/versions", json={**text(V1), "ruleSet": SEALS})
    assert made.status_code == 201, made.text
    prod = environment(client, "prod", production=True)
    for consumer, path, said in (
        ("mailer", "/id", reads(erased="fails")),
        ("search", "/sku", reads()),
        ("audit", "/id", reads(erased="handled")),
    ):
        publish(client, "1", recorded(consumer, {path: said}))
        deploy(client, consumer, "1", prod)
    return client


def impact(client: httpx.Client, schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Any:
    answer = client.post(f"{WHERE}/impact", json={**text(schema), "ruleSet": rules})
    assert answer.status_code == 200, answer.text
    return answer.json()


def backward(answer: Any) -> list[tuple[str, str, str]]:
    return [
        (each["consumer"], each["outcome"], each["path"]) for each in answer["rows"] if each["direction"] == "backward"
    ]


EXPECTED = [("mailer", "breaks", "/id"), ("search", "unknown", "/sku")]


def test_the_newest_events_are_still_sealed_without_any_window(shop: httpx.Client) -> None:
    answer = impact(shop, V1, PLAIN)
    assert (answer["verdict"], backward(answer)) == ("unsafe", EXPECTED)
    row = answer["rows"][0]
    assert row["rule"] == "erased"
    assert row["sentence"].startswith(
        "mailer 1 in prod breaks on /id: in events of version 1 (the newest until now) '/id' is sealed for a person"
    )
    assert row["witness"] is not None
    assert any('"when": {"erased": "handled"}' in step for step in answer["next"])
    # While it is sealed on, that is what running code meets as well: told once.
    answer = impact(shop, MORE, SEALS)
    assert backward(answer) == []
    assert [each["path"] for each in answer["rows"] if each["outcome"] == "breaks"] == ["/id"]


def test_inside_the_window_however_many_versions_follow(shop: httpx.Client) -> None:
    shop.put("/config/orders-value", json={"compatibility": "NONE"})
    for schema in (V1, MORE):
        made = shop.post(f"{WHERE}/versions", json={**text(schema), "ruleSet": PLAIN})
        assert made.status_code == 201, made.text
    assert backward(impact(shop, V1, PLAIN)) == [], "nothing says that older events are still there"
    protect(shop, {"readable_for": {"days": 30}})
    answer = impact(shop, V1, PLAIN)
    assert backward(answer) == EXPECTED
    assert "in events of version 1 (versions stay readable for 30 days" in answer["rows"][0]["reason"]
    protect(shop, {"readable_for": {"versions": 2}})
    assert backward(impact(shop, V1, PLAIN)) == []


def test_policies_refuse_what_new_code_could_not_read(shop: httpx.Client) -> None:
    for protected, named, unnamed in (("used", "mailer", "search"), ("used_or_unknown", "search", "audit")):
        protect(shop, {"protect": protected, "readable_for": {"days": 30}})
        refused = shop.post("/subjects/orders-value/versions", json={**text(MORE), "ruleSet": PLAIN})
        assert refused.status_code == 409, refused.text
        assert f"{named} 1 in prod" in refused.text
        assert f"{unnamed} 1" not in refused.text


def test_one_that_says_now_what_it_does_is_safe(shop: httpx.Client) -> None:
    places = shop.get("/pact/environments").json()["_embedded"]["environments"]
    for consumer, path in (("mailer", "/id"), ("search", "/sku")):
        publish(shop, "2", recorded(consumer, {path: reads(erased="handled")}))
        deploy(shop, consumer, "2", places[0]["uuid"])
    answer = impact(shop, MORE, PLAIN)
    assert (answer["verdict"], backward(answer)) == ("safe", []), json.dumps(answer)


def test_can_i_deploy_asks_of_the_window_too(shop: httpx.Client) -> None:
    assert shop.post(f"{WHERE}/versions", json={**text(MORE), "ruleSet": PLAIN}).status_code == 201
    assert produces(shop, "2", ("orders-value", 2)).status_code == 200
    verdicts = [("audit", "BDCT", True), ("mailer", "BDCT", True), ("search", "BDCT", True)]
    assert sorted(kinds(can_i_deploy(shop, "orders", "2"))) == verdicts
    protect(shop, {"readable_for": {"days": 30}})
    answer = can_i_deploy(shop, "orders", "2")
    assert {name: success for name, _, success in kinds(answer)} == {
        "audit": True,
        "mailer": False,
        "search": None,
    }
    told = [reason for row in answer["matrix"] for reason in row.get("reasons", ())]
    assert told[0].startswith("mailer 1 breaks on /id of orders-value: in events of version 1 (versions stay readable")
    deploy(shop, "orders", "2", shop.get("/pact/environments").json()["_embedded"]["environments"][0]["uuid"])
    for number, said, expected in (("2", reads(), None), ("3", reads(erased="handled"), True)):
        publish(shop, number, recorded("mailer", {"/id": said}))
        assert can_i_deploy(shop, "mailer", number)["summary"]["deployable"] is expected
    # Whether the events are still there is not known: so is the rest.
    protect(shop, {"readable_for": {"while_retained": "orders"}})
    assert can_i_deploy(shop, "mailer", "1")["summary"]["deployable"] is None
    assert backward(impact(shop, MORE, PLAIN))[0] == ("mailer", "unknown", "/id")
