"""The blast radius over the native API, on both engines: from published pacts and deployments to the answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

V1 = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "total", "type": "double"},
        {"name": "sku", "type": "string"},
    ],
}


def without(name: str) -> dict[str, Any]:
    return {**V1, "fields": [each for each in V1["fields"] if each["name"] != name]}  # type: ignore[index] # a literal


def text(schema: Mapping[str, Any]) -> dict[str, str]:
    return {"schema": json.dumps(schema)}


def recorded(consumer: str, paths: Mapping[str, Mapping[str, Any]], subject: str = "orders-value", **extra: Any) -> Any:
    """A message pact as the recorder writes it."""
    needs = [{"path": path, "presence": "required", **said} for path, said in paths.items()]
    tenor = {"version": 1, "subject": subject, "evidence": "recorded", "needs": needs, **extra}
    return {
        "consumer": {"name": consumer},
        "provider": {"name": "orders"},
        "interactions": [
            {
                "type": "Asynchronous/Messages",
                "description": "an order",
                "contents": {"content": {}, "contentType": "application/json", "encoded": False},
                "comments": {"tenor": tenor} if subject else {},
            }
        ],
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }


def publish(client: httpx.Client, number: str, pact: Any) -> None:
    content = base64.b64encode(json.dumps(pact).encode()).decode()
    answer = client.post(
        "/pact/contracts/publish",
        json={
            "pacticipantName": pact["consumer"]["name"],
            "pacticipantVersionNumber": number,
            "contracts": [
                {
                    "consumerName": pact["consumer"]["name"],
                    "providerName": pact["provider"]["name"],
                    "specification": "pact",
                    "contentType": "application/json",
                    "content": content,
                }
            ],
        },
    )
    assert answer.status_code == 200, answer.text


def environment(client: httpx.Client, name: str, *, production: bool = False) -> str:
    answer = client.post("/pact/environments", json={"name": name, "production": production})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["uuid"])


def deploy(client: httpx.Client, application: str, number: str, place: str) -> None:
    path = f"/pact/pacticipants/{application}/versions/{number}/deployed-versions/environment/{place}"
    assert client.post(path, json={}).status_code == 201


def register(client: httpx.Client, schema: Mapping[str, Any], subject: str = "orders-value") -> httpx.Response:
    return client.post(f"/api/v1/subjects/{subject}/versions", json=text(schema))


def impact(client: httpx.Client, schema: Mapping[str, Any], subject: str = "orders-value") -> Any:
    answer = client.post(f"/api/v1/subjects/{quote(subject, safe='')}/impact", json=text(schema))
    assert answer.status_code == 200, answer.text
    return answer.json()


def outcomes(answer: Any) -> Sequence[tuple[str, str, str | None]]:
    return [(row["consumer"], row["outcome"], row["path"]) for row in answer["rows"]]


NUMBER = {"types": ["number"], "when": {"absent": "fails", "null": "fails"}}
TEXT = {"types": ["string"], "when": {"absent": "changes"}}


@pytest.fixture
def shop(registry_client: httpx.Client) -> httpx.Client:
    """billing 1.4 reads total, in prod; search 7 reads sku, in staging."""
    register(registry_client, V1)
    prod, staging = environment(registry_client, "prod", production=True), environment(registry_client, "staging")
    publish(registry_client, "1.4", recorded("billing", {"/total": NUMBER}))
    publish(registry_client, "7", recorded("search", {"/sku": TEXT}))
    deploy(registry_client, "billing", "1.4", prod)
    deploy(registry_client, "search", "7", staging)
    return registry_client


def test_who_breaks_where_on_which_field_and_how_we_know(shop: httpx.Client) -> None:
    answer = impact(shop, without("total"))
    assert answer["verdict"] == "unsafe"
    row = answer["rows"][0]
    assert (row["consumer"], row["version"], row["environments"], row["path"]) == ("billing", "1.4", ["prod"], "/total")
    assert (row["outcome"], row["evidence"], row["production"]) == ("breaks", "recorded", True)
    assert set(row["witness"]) == {"id", "sku"}
    assert "billing" in row["act"]
    assert outcomes(answer)[1:] == [("search", "safe", None)]
    assert shop.get("/subjects/orders-value/versions").json() == [1], "nothing is stored"


def test_what_only_changes_a_result_degrades(shop: httpx.Client) -> None:
    answer = impact(shop, without("sku"))
    assert answer["verdict"] == "unsafe"
    assert outcomes(answer)[0] == ("search", "degrades", "/sku")


def test_a_field_that_nobody_reads_may_go(shop: httpx.Client) -> None:
    answer = impact(shop, without("id"))
    assert answer["verdict"] == "safe"
    assert answer["counts"] == {"breaks": 0, "degrades": 0, "unknown": 0, "safe": 2}


def test_the_newest_deployment_counts(shop: httpx.Client) -> None:
    publish(shop, "1.5", recorded("billing", {"/id": {"types": ["string"]}}))
    place = next(
        each["uuid"]
        for each in shop.get("/pact/environments").json()["_embedded"]["environments"]
        if each["name"] == "prod"
    )
    deploy(shop, "billing", "1.5", place)
    assert impact(shop, without("total"))["verdict"] == "safe"


def test_without_contracts_the_answer_is_unknown_and_says_what_to_do(registry_client: httpx.Client) -> None:
    register(registry_client, V1)
    answer = impact(registry_client, without("total"))
    assert (answer["verdict"], answer["rows"]) == ("unknown", [])
    assert "tenor contracts publish" in answer["next"][0]


GAPS: list[tuple[str, dict[str, Any], str]] = [
    ("a recording with gaps", {"partial": True}, "never run"),
    ("a recording that cannot be read", {"needs": "none"}, "needs"),
    ("needs that contradict each other", {}, ""),
]


@pytest.mark.parametrize(("what", "extra", "said"), GAPS, ids=[each[0] for each in GAPS])
def test_what_a_contract_does_not_say_is_unknown(
    registry_client: httpx.Client, what: str, extra: dict[str, Any], said: str
) -> None:
    register(registry_client, V1)
    place = environment(registry_client, "prod", production=True)
    pact = recorded("billing", {"/total": {"types": ["number"]}}, **extra)
    if not said:
        pact["interactions"][0]["comments"]["tenor"]["needs"].append({"path": "/total", "types": ["string"]})
    publish(registry_client, "1", pact)
    deploy(registry_client, "billing", "1", place)
    answer = impact(registry_client, V1)
    assert answer["verdict"] != "safe", what
    assert any(said in row["reason"] and row["outcome"] in ("unknown", "breaks") for row in answer["rows"])


def test_a_version_that_was_never_deployed_is_unknown(registry_client: httpx.Client) -> None:
    publish(registry_client, "1", recorded("billing", {"/total": NUMBER}))
    answer = impact(registry_client, V1)
    assert answer["verdict"] == "unknown"
    assert any("never recorded" in row["reason"] for row in answer["rows"])


def test_a_version_without_contracts_is_unknown(shop: httpx.Client) -> None:
    place = environment(shop, "qa")
    shop.put("/pact/pacticipants/billing/versions/2", json={})
    deploy(shop, "billing", "2", place)
    answer = impact(shop, V1)
    assert answer["verdict"] == "unknown"
    assert ("billing", "unknown", None) in outcomes(answer)


def test_a_consumer_deployed_twice_is_told_for_both_places(shop: httpx.Client) -> None:
    place = environment(shop, "qa")
    deploy(shop, "billing", "1.4", place)
    row = impact(shop, without("total"))["rows"][0]
    assert sorted(row["environments"]) == ["prod", "qa"]


def test_messages_that_belong_to_no_subject_count_and_can_be_mapped(shop: httpx.Client) -> None:
    publish(shop, "3", recorded("audit", {}, subject=""))
    answer = impact(shop, V1)
    assert answer["verdict"] == "unknown"
    assert any(row["rule"] == "unmapped" and row["consumer"] == "audit" for row in answer["rows"])
    assert [each["application"] for each in shop.get("/api/v1/unmapped").json()["unmapped"]] == ["audit"]
    mapping = {"provider": "orders", "description": "an *", "subject": "orders-value"}
    assert shop.put("/api/v1/mappings", json=mapping).status_code == 200
    assert shop.get("/api/v1/unmapped").json()["unmapped"] == []
    assert "audit" in [
        each["application"] for each in shop.get("/api/v1/subjects/orders-value/consumers").json()["consumers"]
    ]


@pytest.mark.parametrize("subject", ["a\0b", "\n", "x" * 3000, "__GLOBAL"])
def test_a_contract_on_what_is_no_subject_is_unmapped(shop: httpx.Client, subject: str) -> None:
    publish(shop, "3", recorded("audit", {}, subject=subject))
    told = shop.get("/api/v1/unmapped").json()["unmapped"]
    assert [each["application"] for each in told] == ["audit"]
    assert "is no name of a subject" in told[0]["reasons"][0]


def test_a_subject_is_found_however_its_context_is_written(shop: httpx.Client) -> None:
    publish(shop, "3", recorded("audit", {"/id": {"types": ["string"]}}, subject=":.:orders-value"))
    assert ("audit", "unknown", None) in outcomes(impact(shop, V1))


def test_consumers_and_fields(shop: httpx.Client) -> None:
    told = shop.get("/api/v1/subjects/orders-value/consumers").json()
    assert [(each["application"], each["version"]) for each in told["consumers"]] == [
        ("billing", "1.4"),
        ("search", "7"),
    ]
    assert told["producers"] == ["orders"]
    assert told["consumers"][0]["needs"][0]["path"] == "/total"
    assert told["consumers"][0]["places"][0]["environment"] == "prod"
    told = shop.get("/api/v1/subjects/orders-value/fields").json()
    assert {each["path"]: [by["application"] for by in each["readers"]] for each in told["fields"]} == {
        "/id": [],
        "/total": ["billing"],
        "/sku": ["search"],
    }
    assert told["unread"] == ["/id"]
    assert told["complete"]


def test_a_registration_says_whom_it_hurts(shop: httpx.Client) -> None:
    dry = shop.post("/api/v1/subjects/orders-value/versions?dry_run=true", json=text(without("total"))).json()
    assert dry["impact"]["verdict"] == "unsafe"
    assert dry["impact"]["rows"][0]["consumer"] == "billing"
    again = register(shop, V1).json()
    assert again["impact"] is None


def test_a_deleted_pact_is_no_contract(shop: httpx.Client) -> None:
    assert shop.delete("/pact/pacts/provider/orders/consumer/billing/version/1.4").status_code == 204
    assert "billing" not in [row["consumer"] for row in impact(shop, without("total"))["rows"]]


# Policies.


def protect(client: httpx.Client, policy: Mapping[str, Any], subject: str = "orders-value") -> None:
    answer = client.put(f"/api/v1/subjects/{subject}/policy", json=policy)
    assert answer.status_code == 200, answer.text


def post_confluent(client: httpx.Client, schema: Mapping[str, Any]) -> httpx.Response:
    return client.post("/subjects/orders-value/versions", json=text(schema))


def test_a_protected_subject_refuses_through_the_confluent_api_naming_consumers(shop: httpx.Client) -> None:
    protect(shop, {"protect": "used"})
    refused = post_confluent(shop, without("total"))
    assert refused.status_code == 409
    assert refused.json()["error_code"] == 409
    assert "billing 1.4 in prod breaks on /total" in refused.json()["message"]
    assert shop.get("/subjects/orders-value/versions").json() == [1]
    check = shop.post(
        "/compatibility/subjects/orders-value/versions/latest?verbose=true", json=text(without("total"))
    ).json()
    assert check["is_compatible"] is False
    assert "billing" in check["messages"][0]
    native = register(shop, without("total"))
    assert native.status_code == 409
    assert [each["rule"] for each in native.json()["findings"]] == ["CONSUMER_BREAKS"]
    assert post_confluent(shop, without("id")).status_code == 200


def test_unknown_consumers_are_protected_where_the_policy_says_so(registry_client: httpx.Client) -> None:
    register(registry_client, V1)
    protect(registry_client, {"protect": "used"})
    assert post_confluent(registry_client, without("total")).status_code == 200
    protect(registry_client, {"protect": "used_or_unknown"})
    refused = post_confluent(registry_client, without("sku"))
    assert refused.status_code == 409
    assert "Nobody is known to read orders-value" in refused.json()["message"]


def test_everything_protects_fields_that_nobody_reads(shop: httpx.Client) -> None:
    protect(shop, {"protect": "everything"})
    refused = post_confluent(shop, without("id"))
    assert refused.status_code == 409
    assert "every field is protected" in refused.json()["message"]
    more = {**V1, "fields": [*V1["fields"], {"name": "note", "type": "string", "default": ""}]}
    assert post_confluent(shop, more).status_code == 200


def test_policies_of_prefixes_and_of_all(shop: httpx.Client) -> None:
    for scope in ("", "ord*"):
        assert shop.put("/api/v1/policies", json={"scope": scope, "protect": "used"}).status_code == 200
        assert post_confluent(shop, without("total")).status_code == 409
        shop.put("/api/v1/policies", json={"scope": scope})
        assert shop.get("/api/v1/policies").json() == {"policies": []}
    assert post_confluent(shop, without("total")).status_code == 200


@pytest.mark.parametrize(
    "policy",
    [
        {"protect": "all"},
        {"readable_for": {"versions": 0}},
        {"readable_for": {"days": True}},
        {"readable_for": "never"},
    ],
)
def test_policies_that_are_none(registry_client: httpx.Client, policy: dict[str, Any]) -> None:
    assert registry_client.put("/api/v1/subjects/s/policy", json=policy).status_code == 422


def test_a_waiver_lets_a_break_pass_and_stays_in_the_report(shop: httpx.Client) -> None:
    protect(shop, {"protect": "used"})
    until = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    waiver = {"until": until, "reason": "billing is switched off", "owner": "team-orders", "consumer": "billing"}
    made = shop.post("/api/v1/subjects/orders-value/waivers", json=waiver)
    assert made.status_code == 201, made.text
    answer = impact(shop, without("total"))
    assert answer["verdict"] == "safe"
    waived = next(row for row in answer["rows"] if row["outcome"] == "breaks")
    assert waived["waiver"]["reason"] == "billing is switched off"
    assert post_confluent(shop, without("total")).status_code == 200
    assert shop.delete(f"/api/v1/waivers/{made.json()['id']}").status_code == 200
    assert shop.get("/api/v1/waivers").json() == []


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01", "2126-01-01", ""])
def test_waivers_need_a_date_ahead(registry_client: httpx.Client, until: str) -> None:
    body = {"until": until, "reason": "r", "owner": "o"}
    assert registry_client.post("/api/v1/subjects/s/waivers", json=body).status_code == 400


# Support windows.


def test_versions_inside_the_window_stay_and_stay_readable(registry_client: httpx.Client) -> None:
    client = registry_client
    register(client, V1)
    client.put("/config/orders-value", json={"compatibility": "NONE"})
    protect(client, {"readable_for": {"days": 30}})
    unreadable = {**V1, "fields": [*V1["fields"], {"name": "new", "type": "string"}]}
    refused = post_confluent(client, unreadable)
    assert refused.status_code == 409
    assert "version 1 must stay readable" in refused.json()["message"]
    assert impact(client, unreadable)["verdict"] == "unsafe"
    assert post_confluent(client, without("sku")).status_code == 200
    refused = client.delete("/subjects/orders-value/versions/1")
    assert refused.status_code == 422
    assert "It may be deleted from 20" in refused.json()["message"]
    assert client.delete("/subjects/orders-value").status_code == 422
    held = client.get("/api/v1/subjects/orders-value/policy").json()["held"]
    assert [each["version"] for each in held] == [1, 2]
    protect(client, {})
    assert client.delete("/subjects/orders-value/versions/1").status_code == 200


def test_a_deleted_version_is_none_of_the_newest(registry_client: httpx.Client) -> None:
    client = registry_client
    for schema in (V1, without("sku")):
        register(client, schema)
    client.delete("/subjects/orders-value/versions/2")
    protect(client, {"readable_for": {"versions": 1}})
    assert client.delete("/subjects/orders-value/versions/2?permanent=true").status_code == 200
    assert client.delete("/subjects/orders-value/versions/1").status_code == 422


def test_retention_that_nobody_knows_holds_everything(registry_client: httpx.Client) -> None:
    register(registry_client, V1)
    protect(registry_client, {"readable_for": {"while_retained": "orders"}})
    held = registry_client.get("/api/v1/subjects/orders-value/policy").json()["held"]
    assert [(each["version"], each.get("known", True)) for each in held] == [(1, False)]


def test_what_was_seen_of_a_topic_decides_what_is_held(registry_client: httpx.Client) -> None:
    register(registry_client, V1)
    register(registry_client, without("sku"))
    protect(registry_client, {"readable_for": {"while_retained": "orders"}})
    seen = {"retention_ms": 86_400_000, "oldest_at": 1_700_000_000_000, "groups": ["billing"], "schema_ids": [1]}
    told = registry_client.put("/api/v1/topics/orders/evidence", json=seen)
    assert (told.status_code, told.json()["groups"]) == (200, ["billing"])
    held = registry_client.get("/api/v1/subjects/orders-value/policy").json()["held"]
    assert [(each["version"], each.get("known", True)) for each in held] == [(1, True), (2, True)]
    assert "keeps events for 86400 s" in held[0]["why"]
    assert held[0]["until"]
    assert [each["topic"] for each in registry_client.get("/api/v1/topics").json()] == ["orders"]
    assert registry_client.put("/api/v1/topics/orders/evidence", json={"retention_ms": -2}).status_code == 400


# A shared reference.


def test_subjects_that_refer_to_a_changed_one_are_judged_too(registry_client: httpx.Client) -> None:
    client = registry_client
    address = {
        "type": "record",
        "name": "Address",
        "fields": [{"name": "city", "type": "string"}, {"name": "zip", "type": "string"}],
    }
    assert register(client, address, "address").status_code == 201
    order = {"type": "record", "name": "Order", "fields": [{"name": "to", "type": "Address"}]}
    reference = [{"name": "Address", "subject": "address", "version": 1}]
    made = client.post(
        "/api/v1/subjects/orders-value/versions", json={"schema": json.dumps(order), "references": reference}
    )
    assert made.status_code == 201, made.text
    place = environment(client, "prod")
    publish(client, "1", recorded("billing", {"/to/zip": {"types": ["string"]}}))
    deploy(client, "billing", "1", place)
    answer = impact(client, {**address, "fields": address["fields"][:1]}, "address")
    assert answer["touched"] == ["orders-value"]
    assert answer["verdict"] == "unsafe"
    assert (answer["rows"][0]["subject"], answer["rows"][0]["path"]) == ("orders-value", "/to/zip")


# Rollouts.


def rollout(client: httpx.Client, schema: Mapping[str, Any], **more: Any) -> Any:
    body = {**text(schema), "environment": "prod", **more}
    return client.post("/api/v1/subjects/orders-value/rollout", json=body)


def test_the_consumer_that_copes_goes_first(shop: httpx.Client) -> None:
    blocked = rollout(shop, without("total")).json()
    assert not blocked["possible"]
    assert "billing 1.4 cannot read what orders" in blocked["blocked"][0]
    publish(shop, "1.5", recorded("billing", {"/id": {"types": ["string"]}}))
    shop.put("/pact/pacticipants/orders/versions/2.0", json={})
    found = rollout(shop, without("total"), to={"orders": "2.0"}).json()
    assert found["possible"]
    assert found["lines"][:2] == ["1. billing 1.5 to prod before orders 2.0", "2. orders 2.0 to prod"]
    again = rollout(shop, without("total"), to={"orders": "2.0", "billing": "1.4"}).json()
    assert not again["possible"]


def test_a_rollout_to_nowhere_is_refused(shop: httpx.Client) -> None:
    missing = rollout(shop, V1, environment="moon")
    assert (missing.status_code, missing.json()["type"]) == (404, "/api/v1/problems/environment-not-found")
    assert rollout(shop, V1, to={"billing": "99"}).status_code == 404
    assert rollout(shop, V1, to={"nobody": "1"}).status_code == 404


SEALS = {
    "domainRules": [
        {
            "name": "seal",
            "kind": "TRANSFORM",
            "mode": "WRITEREAD",
            "type": "SEAL",
            "params": {"encrypt.kek.name": "people", "tenor.dataSubject": "$.id"},
        }
    ]
}


def test_rules_that_seal_for_persons_ask_what_readers_do_after_an_erasure(shop: httpx.Client) -> None:
    """Wherever the rules come from: the request, the subject's settings, the version before."""
    publish(shop, "3", recorded("mailer", {"/id": {"when": {"erased": "fails"}}}))
    expected = {("mailer", "breaks", "/id"), ("search", "unknown", "/sku")}

    def found(answer: Any) -> set[tuple[str, str, str | None]]:
        assert {row["rule"] for row in answer["rows"] if row["path"] in ("/id", "/sku")} <= {"erased", ""}
        return {each for each in outcomes(answer) if each[2] is not None}

    where = "/api/v1/subjects/orders-value"
    assert found(impact(shop, V1)) == set()
    asked = shop.post(f"{where}/impact", json={**text(V1), "ruleSet": SEALS}).json()
    assert (asked["verdict"], found(asked)) == ("unsafe", expected)
    assert any('"when": {"erased": "handled"}' in step for step in asked["next"])
    checked = shop.post(f"{where}/check", json={**text(V1), "ruleSet": SEALS}).json()
    assert found(checked["impact"]) == expected

    assert shop.put("/config/orders-value", json={"defaultRuleSet": SEALS}).status_code == 200
    assert found(impact(shop, V1)) == expected
    assert shop.put("/api/v1/subjects/orders-value/policy", json={"protect": "used"}).status_code == 200
    refused = shop.post(f"{where}/versions", json=text(V1))
    assert (refused.status_code, "mailer 3 breaks on /id" in refused.text) == (409, True), refused.text
    assert shop.put("/api/v1/subjects/orders-value/policy", json={}).status_code == 200
    made = shop.post(f"{where}/versions", json=text(V1)).json()
    assert (made["version"], found(made["impact"])) == (2, expected)
    assert shop.put("/config/orders-value", json={"defaultRuleSet": None}).status_code == 200
    assert found(impact(shop, V1)) == expected, "the version before has them"
