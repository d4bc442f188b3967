"""A waiver also accepts what a subject's compatibility level refuses: until it ends, and in the name of its owner."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.protection import Waiver
from contracts.queries import protection
from registry.clock import now_ms
from registry.store.engine import Store
from tests.integration.test_v1_checks_beside import check
from tests.integration.test_v1_impact import V1, post_confluent, register

RULE = "READER_FIELD_MISSING_DEFAULT_VALUE"
BROKEN = {**V1, "fields": [*V1["fields"], {"name": "new", "type": "long"}]}
AT = f"/fields/{len(V1['fields'])}"


def waive(client: httpx.Client, **about: str) -> str:
    until = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    body = {"until": until, "reason": "nobody replays", "owner": "team-orders", **about}
    made = client.post("/api/v1/subjects/orders-value/waivers", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_what_a_waiver_speaks_of_is_registered_with_a_warning(registry_client: httpx.Client) -> None:
    client = registry_client
    register(client, V1)
    assert post_confluent(client, BROKEN).status_code == 409
    gone = waive(client, rule=RULE, path=AT)
    said = check(client, "orders-value", BROKEN)
    assert said["compatible"] is True
    assert said["semantic"]["backward"] == {**said["semantic"]["backward"], "verdict": "breaks", "accepted": True}
    [finding] = [each for each in said["findings"] if each["rule"] == RULE]
    assert finding["severity"] == "warning"
    assert finding["sentence"].endswith(" by team-orders: nobody replays")
    url = "/compatibility/subjects/orders-value/versions"
    body = {"schema": json.dumps(BROKEN)}
    assert client.post(url, json=body).json()["is_compatible"] is True
    assert client.post(f"{url}/1", json=body).json()["is_compatible"] is False, "a comparison is no registration"
    rehearsed = client.post("/api/v1/subjects/orders-value/versions?dry_run=true", json=body).json()
    assert [each["severity"] for each in rehearsed["findings"]] == ["warning"]
    assert client.delete(f"/api/v1/waivers/{gone}").status_code == 200
    assert post_confluent(client, BROKEN).status_code == 409
    waive(client)
    assert post_confluent(client, BROKEN).status_code == 200


@pytest.mark.parametrize(
    "about", [{"consumer": "billing"}, {"rule": "TYPE_MISMATCH"}, {"path": "/fields/0"}, {"path": f"{AT}0"}]
)
def test_what_it_does_not_speak_of_stays_refused(registry_client: httpx.Client, about: dict[str, str]) -> None:
    register(registry_client, V1)
    waive(registry_client, **about)
    assert post_confluent(registry_client, BROKEN).status_code == 409
    assert check(registry_client, "orders-value", BROKEN)["compatible"] is False


def test_one_break_of_two_is_not_enough(registry_client: httpx.Client) -> None:
    client = registry_client
    register(client, V1)
    waive(client, path=AT)
    more = {**BROKEN, "fields": [*BROKEN["fields"], {"name": "another", "type": "double"}]}
    refused = post_confluent(client, more)
    assert refused.status_code == 409
    said = check(client, "orders-value", more)
    assert sorted(each["severity"] for each in said["findings"] if each["rule"] == RULE) == ["error", "warning"]
    assert "accepted" not in said["semantic"]["backward"]


def test_a_waiver_that_is_over_accepts_nothing(registry_client: httpx.Client, registry_store: Store) -> None:
    register(registry_client, V1)
    over = Waiver("orders-*", 1, "it was", "team-orders", uuid="0" * 36, created_by="x", created_at=1)
    registry_store.write_now(lambda db: protection.put_waiver(db, over))
    assert post_confluent(registry_client, BROKEN).status_code == 409
    ahead = replace(over, until=now_ms() + 3_600_000, uuid="1" * 36)
    registry_store.write_now(lambda db: protection.put_waiver(db, ahead))
    assert post_confluent(registry_client, BROKEN).status_code == 200


def test_a_plan_rests_on_it_too(registry_client: httpx.Client) -> None:
    client: Any = registry_client
    register(client, V1)
    body = {"schemas": [{"subject": "orders-value", "schema": json.dumps(BROKEN)}]}
    assert client.post("/api/v1/plans?dry_run=true", json=body).json()["schemas"][0]["action"] == "refused"
    waive(client, rule=RULE)
    assert client.post("/api/v1/plans?dry_run=true", json=body).json()["schemas"][0]["action"] == "version"
