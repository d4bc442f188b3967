"""`POST /api/v1/plans` on both engines: what would be done, doing it all or not at all, and plans that are stale."""

from __future__ import annotations

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


def plan(client: httpx.Client, schemas: Any, *, dry_run: bool = True, state: str | None = None) -> httpx.Response:
    body = {"schemas": schemas, "state": state}
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
        # What a caller may not read it cannot refer to, nor learn of.
        hidden = plan(client, [item("team-c", ORDER, ("shop.Money", "money"))])
        assert hidden.status_code == 422
        assert "No schema reference found" in hidden.json()["detail"]
