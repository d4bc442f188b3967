"""`POST /api/v1/plans` on both engines: what would be done, doing it all or not at all, and plans that are stale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from registry.store.engine import Store
from tests.integration.callers import bearer, guarded, token_of
from tests.integration.test_v1_register import record, rows

MONEY = record("currency", name="shop.Money")
ORDER = record("id", {"name": "total", "type": "shop.Money"}, name="shop.Order")
CART = record({"name": "order", "type": "shop.Order"}, name="shop.Cart")


def item(subject: str, schema: str, *references: tuple[str, str], **more: Any) -> dict[str, Any]:
    named = [{"name": name, "subject": target, "version": -1} for name, target in references]
    return {"subject": subject, "schema": schema, "references": named, **more}


SHOP = [
    item("money", MONEY),
    item("order", ORDER, ("shop.Money", "money")),
    item("cart", CART, ("shop.Order", "order"), ("shop.Money", "money")),
]


def plan(
    client: httpx.Client, schemas: Any, *, dry_run: bool = True, state: str | None = None, environments: Any = ()
) -> httpx.Response:
    body = {"schemas": schemas, "state": state, "environments": environments}
    return client.post(f"/api/v1/plans?dry_run={str(dry_run).lower()}", json=body)


def actions(answer: httpx.Response) -> dict[str, tuple[str, int | None]]:
    assert answer.status_code == 200, answer.text
    return {each["subject"]: (each["action"], each["version"]) for each in answer.json()["schemas"]}


def test_a_plan_says_what_applying_it_does(registry_client: httpx.Client, registry_store: Store) -> None:
    before = rows(registry_store)
    dry = plan(registry_client, SHOP)
    new = {"money": ("create", 1), "order": ("create", 1), "cart": ("create", 1)}
    assert (actions(dry), dry.json()["applied"]) == (new, False)
    assert [each["id"] for each in dry.json()["schemas"]] == [None] * 3
    assert rows(registry_store) == before
    done = plan(registry_client, SHOP, dry_run=False, state=dry.json()["state"])
    assert (actions(done), done.json()["applied"], done.json()["state"]) == (new, True, dry.json()["state"])
    stored = registry_client.get("/subjects/cart/versions/1").json()
    assert stored["id"] == done.json()["schemas"][2]["id"]
    assert [each["version"] for each in stored["references"]] == [1, 1]
    again = plan(registry_client, SHOP)
    assert actions(again) == {"money": ("unchanged", 1), "order": ("unchanged", 1), "cart": ("unchanged", 1)}
    # Carried out already: no conflict, and no change.
    after = rows(registry_store)
    assert plan(registry_client, SHOP, dry_run=False, state=dry.json()["state"]).status_code == 200
    assert rows(registry_store) == after


def test_what_refers_to_a_new_version_is_new_itself(registry_client: httpx.Client) -> None:
    plan(registry_client, SHOP, dry_run=False)
    wider = record("currency", {"name": "amount", "type": "int", "default": 0}, name="shop.Money")
    schemas = [item("money", wider), *SHOP[1:]]
    dry = plan(registry_client, schemas)
    assert actions(dry) == {"money": ("version", 2), "order": ("version", 2), "cart": ("version", 2)}
    assert [change["kind"] for change in dry.json()["schemas"][0]["changes"]]
    plan(registry_client, schemas, dry_run=False, state=dry.json()["state"])
    assert registry_client.get("/subjects/order/versions/2").json()["references"][0]["version"] == 2
    # What is there already as an older version is referred to by that number.
    assert actions(plan(registry_client, SHOP)) == dict.fromkeys(("money", "order", "cart"), ("unchanged", 1))


def test_refusals_are_told_with_reasons_and_nothing_is_registered(
    registry_client: httpx.Client, registry_store: Store
) -> None:
    plan(registry_client, SHOP, dry_run=False)
    before = rows(registry_store)
    schemas = [item("money", record("code", name="shop.Money")), *SHOP[1:], item("new", '"int"'), item("bad", "{")]
    dry = plan(registry_client, schemas)
    told = {each["subject"]: each for each in dry.json()["schemas"]}
    assert {subject: each["action"] for subject, each in told.items()} == {
        "money": "refused", "order": "blocked", "cart": "blocked", "new": "create", "bad": "refused",
    }  # fmt: skip
    assert told["money"]["problem"]["type"].endswith("/incompatible")
    assert told["money"]["findings"][0]["rule"] == "READER_FIELD_MISSING_DEFAULT_VALUE"
    assert "'money'" in told["order"]["reason"]
    assert told["bad"]["problem"]["type"].endswith("/invalid-schema")
    refused = plan(registry_client, schemas, dry_run=False, state=dry.json()["state"])
    assert (refused.status_code, refused.json()["type"]) == (409, "/api/v1/problems/incompatible")
    assert rows(registry_store) == before


@pytest.mark.parametrize("how", ["another version", "a mode", "a referenced subject", "a tighter level", "deleted"])
def test_a_stale_plan_is_refused(registry_client: httpx.Client, registry_store: Store, how: str) -> None:
    registry_client.put("/config/s", json={"compatibility": "NONE"})
    for subject, schema in (("s", '"int"'), ("outside", MONEY)):
        plan(registry_client, [item(subject, schema)], dry_run=False)
    schemas = [item("s", '"string"'), item("order", ORDER, ("shop.Money", "outside"))]
    state = plan(registry_client, schemas).json()["state"]
    match how:
        case "another version":
            plan(registry_client, [item("s", '"long"')], dry_run=False)
        case "a mode":
            registry_client.put("/mode/s", json={"mode": "READONLY"})
        case "a referenced subject":
            wider = record("currency", {"name": "x", "type": "int", "default": 0}, name="shop.Money")
            plan(registry_client, [item("outside", wider)], dry_run=False)
        case "a tighter level":
            registry_client.put("/config/s", json={"compatibility": "BACKWARD"})
        case "deleted":
            registry_client.delete("/subjects/s")
    before = rows(registry_store)
    refused = plan(registry_client, schemas, dry_run=False, state=state)
    assert (refused.status_code, refused.json()["type"]) == (409, "/api/v1/problems/stale-plan")
    assert rows(registry_store) == before


def test_what_does_not_concern_a_plan_leaves_it_fresh(registry_client: httpx.Client) -> None:
    state = plan(registry_client, SHOP).json()["state"]
    plan(registry_client, [item("other", '"int"')], dry_run=False)
    registry_client.put("/config/other", json={"compatibility": "NONE"})
    assert plan(registry_client, SHOP, dry_run=False, state=state).status_code == 200


# What is declared beside schemas.


def declared(answer: httpx.Response) -> dict[str, list[tuple[str, Any, Any]]]:
    """What changes of each subject; of the registry under ""."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    found = {each["subject"]: each["settings"] for each in body["schemas"]} | {"": body["settings"]}
    return {
        name: [(each["name"], each["old"], each["new"]) for each in listed] for name, listed in found.items() if listed
    }


def test_what_is_declared_is_planned_set_and_then_no_change(
    registry_client: httpx.Client, registry_store: Store
) -> None:
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    waiver = {"until": until, "reason": "billing is off", "owner": "shop", "consumer": "billing"}
    settings = {
        "level": "FULL", "policy": "LENIENT", "owner": "payments", "protect": "used", "readable_for": {"days": 30},
        "consumers": ["billing"], "waivers": [waiver],
    }  # fmt: skip
    schemas = [item("money", MONEY, settings=settings), *SHOP[1:]]
    environments = [{"name": "prod", "production": True}, {"name": "test"}]
    made = registry_client.post("/pact/environments", json={"name": "test", "production": False})
    assert made.status_code == 201
    before = rows(registry_store)
    dry = plan(registry_client, schemas, environments=environments)
    told = declared(dry)
    assert rows(registry_store) == before
    assert told[""] == [("environment", None, {"name": "prod", "production": True})]
    ends = f"{datetime.fromisoformat(until) + timedelta(days=1):%Y-%m-%d}T00:00:00Z"
    assert told["money"] == [
        ("level", "BACKWARD", "FULL"), ("policy", "STRICT", "LENIENT"), ("protect", None, "used"),
        ("readable_for", None, {"days": 30}), ("consumer", None, "billing"),
        ("waiver", None, {**waiver, "until": ends}), ("owner", None, "payments"),
    ]  # fmt: skip
    state = dry.json()["state"]
    done = plan(registry_client, schemas, environments=environments, dry_run=False, state=state)
    assert (declared(done), done.json()["state"]) == (told, state)
    assert registry_client.get("/config/money").json()["compatibilityLevel"] == "FULL"
    assert registry_client.get("/api/v1/subjects/money").json()["owner"] == "payments"
    policy = registry_client.get("/api/v1/subjects/money/policy").json()
    assert (policy["protect"], policy["readable_for"]) == ("used", {"days": 30})
    assert [each["consumer"] for each in registry_client.get("/api/v1/waivers").json()] == ["billing"]
    after = rows(registry_store)
    again = plan(registry_client, schemas, environments=environments)
    assert (declared(again), {action for action, _ in actions(again).values()}) == ({}, {"unchanged"})
    assert plan(registry_client, schemas, environments=environments, dry_run=False, state=state).status_code == 200
    assert rows(registry_store) == after


def test_schemas_are_judged_by_the_level_that_the_plan_declares(registry_client: httpx.Client) -> None:
    plan(registry_client, [item("money", MONEY)], dry_run=False)
    renamed = record("code", name="shop.Money")
    assert actions(plan(registry_client, [item("money", renamed)])) == {"money": ("refused", None)}
    loose = plan(registry_client, [item("money", renamed, settings={"level": "NONE"})])
    assert (actions(loose), declared(loose)) == (
        {"money": ("version", 2)}, {"money": [("level", "BACKWARD", "NONE")]},
    )  # fmt: skip
    # Nothing is set where something is refused.
    schemas = [item("other", '"int"', settings={"level": "FULL", "owner": "me"}), item("money", renamed)]
    assert plan(registry_client, schemas, dry_run=False).status_code == 409
    assert registry_client.get("/config/other").status_code == 404


def test_only_what_is_said_is_touched(registry_client: httpx.Client) -> None:
    said = {"level": "FULL", "owner": "payments", "protect": "used"}
    plan(registry_client, [item("s", '"int"', settings=said)], dry_run=False)
    registry_client.put("/config/s", json={"normalize": True})
    assert declared(plan(registry_client, [item("s", '"int"')])) == {}
    taken = {"level": None, "owner": None, "protect": None}
    back = plan(registry_client, [item("s", '"int"', settings=taken)], dry_run=False)
    assert declared(back) == {"s": [("level", "FULL", None), ("protect", "used", None), ("owner", "payments", None)]}
    assert registry_client.get("/config/s").json() == {"normalize": True}
    assert registry_client.get("/api/v1/policies").json()["policies"] == []
    # What holds already, from whichever scope, makes no record that would hide the wider one's other settings.
    registry_client.put("/config", json={"compatibility": "FULL_TRANSITIVE"})
    assert declared(plan(registry_client, [item("t", '"int"', settings={"level": "FULL_TRANSITIVE"})])) == {}


@pytest.mark.parametrize("how", ["level", "owner", "policy", "protect", "environment"])
def test_a_plan_whose_settings_moved_is_stale(registry_client: httpx.Client, registry_store: Store, how: str) -> None:
    plan(registry_client, [item("s", '"int"')], dry_run=False)
    said = {"level": "FULL", "policy": "LENIENT", "owner": "payments", "protect": "used"}
    schemas, environments = [item("s", '"int"', settings=said)], [{"name": "prod", "production": True}]
    state = plan(registry_client, schemas, environments=environments).json()["state"]
    match how:
        case "level" | "policy":
            name = {"level": "compatibility", "policy": "compatibilityPolicy"}[how]
            registry_client.put("/config/s", json={name: {"level": "NONE", "policy": "LENIENT"}[how]})
        case "owner":
            registry_client.put("/api/v1/subjects/s/owner", json={"owner": "somebody"})
        case "protect":
            registry_client.put("/api/v1/policies", json={"scope": "*", "protect": "everything"})
        case "environment":
            registry_client.post("/pact/environments", json={"name": "prod", "production": False}).raise_for_status()
    before = rows(registry_store)
    refused = plan(registry_client, schemas, environments=environments, dry_run=False, state=state)
    assert (refused.status_code, refused.json()["type"]) == (409, "/api/v1/problems/stale-plan")
    assert rows(registry_store) == before


def test_a_declared_consumer_is_a_reader_of_whom_nothing_is_known(registry_client: httpx.Client) -> None:
    client = registry_client
    schemas = [item("s", '"int"', settings={"consumers": ["billing"]})]
    plan(client, schemas, environments=[{"name": "live", "production": True}], dry_run=False)
    impact = client.post("/api/v1/subjects/s/impact", json={"schema": '"long"'}).json()
    told = [(row["consumer"], row["version"], row["rule"]) for row in impact["rows"]]
    assert told == [("billing", "", "no-contract"), ("billing", "", "not-deployed")]
    assert impact["verdict"] == "unknown"
    (listed,) = client.get("/api/v1/subjects/s/consumers").json()["consumers"]
    assert (listed["application"], listed["version"], listed["needs"]) == ("billing", "", [])
    client.put("/pact/pacticipants/billing/versions/1.4").raise_for_status()
    named = {
        each["name"]: each["uuid"] for each in client.get("/pact/environments").json()["_embedded"]["environments"]
    }
    url = f"/pact/pacticipants/billing/versions/1.4/deployed-versions/environment/{named['live']}"
    client.post(url, json={}).raise_for_status()
    impact = client.post("/api/v1/subjects/s/impact", json={"schema": '"long"'}).json()
    (row,) = impact["rows"]
    assert (impact["verdict"], row["consumer"], row["outcome"], row["rule"]) == (
        "unknown", "billing", "unknown", "no-contract",
    )  # fmt: skip


def test_a_declared_consumer_stays_one_whatever_becomes_of_its_versions(registry_client: httpx.Client) -> None:
    client = registry_client
    declared_so = [item("s", '"int"', settings={"consumers": ["billing"]})]
    plan(client, declared_so, dry_run=False)

    def readers() -> list[tuple[str, str]]:
        listed = client.get("/api/v1/subjects/s/consumers").json()["consumers"]
        return [(each["application"], each["version"]) for each in listed]

    # Who reads another subject, and was declared for this one, is no stranger here.
    plan(client, [item("t", '"int"')], dry_run=False)
    for number in ("1", "2"):
        body = {"subject": "t", "version": 1}
        client.put(f"/api/v1/applications/billing/versions/{number}/reads", json=body).raise_for_status()
    assert readers() == [("billing", "")]
    named = client.post("/pact/environments", json={"name": "live", "production": True}).json()["uuid"]
    url = f"/pact/pacticipants/billing/versions/2/deployed-versions/environment/{named}"
    client.post(url, json={}).raise_for_status()
    assert readers() == [("billing", "2")]
    client.delete("/pact/pacticipants/billing/versions/2").raise_for_status()
    assert readers() == [("billing", "")]
    assert declared(plan(client, declared_so)) == {}
    # Who only said so once and has no such version any more is none.
    of_t = client.get("/api/v1/subjects/t/consumers").json()["consumers"]
    assert [(each["application"], each["version"]) for each in of_t] == [("billing", "1")]
    client.delete("/pact/pacticipants/billing/versions/1").raise_for_status()
    assert client.get("/api/v1/subjects/t/consumers").json()["consumers"] == []


DECLARED_BADLY: list[tuple[Any, int, str]] = [
    ({"level": "SIDEWAYS"}, 422, "compatibility level"),
    ({"policy": "kind"}, 422, "kind"),
    ({"protect": "all"}, 422, "protect must be one of"),
    ({"readable_for": "never"}, 422, "readable_for"),
    ({"owner": ""}, 400, "owner"),
    ({"waivers": [{"until": "soon", "reason": "r", "owner": "o"}]}, 400, "'soon' is no date"),
    ({"waivers": [{"until": "2999-01-01", "reason": "r", "owner": "o"}]}, 400, "at most 366 days"),
    ({"mode": "READONLY"}, 400, "mode"),
]


@pytest.mark.parametrize(("settings", "status", "words"), DECLARED_BADLY, ids=[words for *_, words in DECLARED_BADLY])
def test_what_cannot_be_declared_is_refused(
    registry_client: httpx.Client, settings: Any, status: int, words: str
) -> None:
    refused = plan(registry_client, [item("s", '"int"', settings=settings)], dry_run=False)
    assert refused.status_code == status, refused.text
    assert words in refused.json()["detail"]


def test_a_waiver_that_is_over_is_not_made_again(registry_client: httpx.Client) -> None:
    over = {"waivers": [{"until": "2020-01-01", "reason": "r", "owner": "o"}]}
    assert declared(plan(registry_client, [item("s", '"int"', settings=over)], dry_run=False)) == {}


def test_settings_that_a_mode_forbids_are_refused_with_their_schema(registry_client: httpx.Client) -> None:
    plan(registry_client, [item("s", '"int"')], dry_run=False)
    registry_client.put("/mode/s", json={"mode": "READONLY"})
    dry = plan(registry_client, [item("s", '"int"', settings={"level": "FULL"})])
    assert actions(dry) == {"s": ("refused", None)}
    assert dry.json()["schemas"][0]["problem"]["type"].endswith("/operation-not-permitted")


BAD: list[tuple[Any, str]] = [
    ([item("a", '"int"'), item("a", '"long"')], "Two schemas are for subject 'a'"),
    (list(reversed(SHOP)), "which must come before it"),
    ([item("a", ORDER, ("shop.Money", "a"))], "which must come before it"),
    ([item("", '"int"')] * 2, "Two schemas"),
    ([item(f"s{number}", '"int"') for number in range(1001)], "1000"),
    ([{"subject": "a"}], "schema"),
    (None, "array"),
]


@pytest.mark.parametrize(("schemas", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_plans(registry_client: httpx.Client, schemas: Any, words: str) -> None:
    refused = plan(registry_client, schemas, dry_run=False)
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert words in refused.json()["detail"]
    assert registry_client.get("/subjects").json() == []


def test_a_plan_touches_only_what_its_caller_may_write(tmp_path: Any) -> None:
    with guarded(f"sqlite:///{tmp_path}/t.db") as client:
        client.headers.update(bearer(token_of(client, "ci", "developer@subject:team-*")))
        assert plan(client, [item("team-a", '"int"')], dry_run=False).status_code == 200
        assert plan(client, [item("team-b", '"int"'), item("other", '"int"')]).status_code == 403
        # Settings need what their own routes need, and only where they change.
        owned = [item("team-a", '"int"', settings={"owner": "a", "level": "FULL"})]
        assert plan(client, owned, dry_run=False).status_code == 200
        waived = {"until": f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}", "reason": "r", "owner": "o"}
        assert plan(client, [item("team-a", '"int"', settings={"waivers": [waived]})]).status_code == 403
        assert plan(client, [item("team-a", '"int"', settings={"consumers": ["billing"]})]).status_code == 403
        assert plan(client, owned, environments=[{"name": "live"}]).status_code == 403
        writer = bearer(token_of(client, "writer", "producer@subject:team-*"))
        body = {"schemas": owned}
        assert client.post("/api/v1/plans", json=body, headers=writer).status_code == 200
        body = {"schemas": [item("team-a", '"int"', settings={"owner": "b"})]}
        assert client.post("/api/v1/plans", json=body, headers=writer).status_code == 403
        # What a caller may not read it cannot refer to, nor learn of.
        hidden = plan(client, [item("team-c", ORDER, ("shop.Money", "money"))])
        assert hidden.status_code == 422
        assert "No schema reference found" in hidden.json()["detail"]
