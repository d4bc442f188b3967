"""The broker's API as tools see it: publishing, verifying, recording, deleting; errors; odd names; links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from contracts.queries import environments
from registry.settings import Settings
from registry.store.engine import Store, open_store
from tests.integration.served import client_on, empty
from tests.pacts import Broker, contract, message, pact, path

HAL = "application/hal+json;charset=utf-8"
# The last word is the same and so are the first: similar names are what they should not be.
CONSUMER, PROVIDER = "a/b c+é", "p%2F1 日本"


@pytest.fixture(scope="module")
def _served_broker(engine_url: str) -> Iterator[tuple[httpx.Client, Store]]:
    store = open_store(engine_url)
    with client_on(engine_url, Settings(secret_key="of the tests"), store=store) as client:
        yield client, store


@pytest.fixture
def broker(_served_broker: tuple[httpx.Client, Store]) -> Broker:
    client, store = _served_broker
    store.write_now(empty)
    store.write_now(lambda db: environments.seed(db, 0))
    return Broker(client)


@pytest.fixture
def broker_store(_served_broker: tuple[httpx.Client, Store]) -> Store:
    return _served_broker[1]


def published(broker: Broker, number: str = "1", **content: Any) -> dict[str, Any]:
    return broker.publish(CONSUMER, number, PROVIDER, [message("an order", **content)], branch="main", tags=["dev"])


def test_every_answer_has_the_exact_type_and_names_the_brokers_version(broker: Broker) -> None:
    for accept in ("application/hal+json", "application/json", "*/*", "text/html", "application/xml;q=0.1", ""):
        answer = broker.client.get("/pact/", headers={"accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, HAL)
        assert answer.headers["x-pact-broker-version"]
    assert broker.client.get("/pact").json() == broker.client.get("/pact/").json()


def test_the_relations_of_the_index_lead_somewhere(broker: Broker) -> None:
    published(broker)
    broker.result(CONSUMER, "1", PROVIDER, "7", success=True)
    broker.version(PROVIDER, "7", branch="main", tag="t")
    uuid = broker.environment("test")
    hook = broker.client.post(
        path("webhooks"), json={"request": {"method": "POST", "url": "https://example.org/"}}
    ).json()
    values = {
        "provider": PROVIDER,
        "consumer": CONSUMER,
        "tag": "dev",
        "branch": "main",
        "version": "1",
        "pacticipant": CONSUMER,
        "consumerApplicationVersion": "1",
        "environment": "test",
    }
    for relation, link in broker.get()["_links"].items():
        if relation == "curies":
            continue
        href = link["href"]
        known = {**values, "uuid": hook["uuid"] if relation == "pb:webhook" else uuid}
        for name, value in known.items():
            href = href.replace(f"{{{name}}}", quote(value, safe=""))
        assert "{" not in href, relation
        status = broker.client.get(broker.follow(href)).status_code
        posted = relation in ("pb:publish-contracts", "pf:publish-provider-contract")
        assert status == (405 if posted else 200), (relation, href)


def test_links_of_a_pact_lead_somewhere_and_are_absolute(broker: Broker) -> None:
    published(broker)
    published(broker, "2", id=2)
    broker.result(CONSUMER, "2", PROVIDER, "7", success=True)
    document = broker.get("pacts", "provider", PROVIDER, "consumer", CONSUMER, "version", "2")
    sha = document["_links"]["pb:pact-version"]["name"]
    for relation, links in document["_links"].items():
        for link in links if isinstance(links, list) else [links]:
            href = link["href"].replace("{tag}", "dev").replace("{pactVersion}", sha)
            assert href.startswith("http://tenor/pact/"), relation
            if relation in ("curies", "pb:tag-version", "pb:tag-prod-version", "pb:latest-untagged-pact-version"):
                continue
            status = broker.client.get(broker.follow(href)).status_code
            assert status == (405 if relation == "pb:publish-verification-results" else 200), (relation, href)


def test_a_pact_is_served_with_ids_and_results_come_back_under_them(broker: Broker) -> None:
    published(broker)
    (found,) = broker.to_verify(PROVIDER, providerVersionBranch="main", includePendingStatus=True)
    assert found["verificationProperties"]["pending"] is True
    assert found["shortDescription"] == "latest from main branch"
    document = broker.client.get(broker.follow(found["_links"]["self"]["href"])).json()
    (interaction,) = document["interactions"]
    assert next(iter(interaction)) == "_id"
    body = {
        "success": False,
        "providerApplicationVersion": "7",
        "buildUrl": "http://ci/7",
        "testResults": [{"interactionId": interaction["_id"], "success": False, "mismatches": [{"attribute": "body"}]}],
        "verifiedBy": {"implementation": "Rust", "version": "1"},
    }
    href = broker.follow(document["_links"]["pb:publish-verification-results"]["href"])
    answer = broker.client.post(href, json=body)
    assert (answer.status_code, answer.headers["location"]) == (201, answer.json()["_links"]["self"]["href"])
    stored = broker.client.get(broker.follow(answer.headers["location"])).json()
    assert {name: stored[name] for name in body} == body
    assert broker.get("pacticipants", PROVIDER, "versions", "7")["number"] == "7"
    assert broker.get("verification-results", "consumer", CONSUMER, "version", "1", "latest")["success"] is False
    assert broker.client.delete(broker.follow(answer.headers["location"])).status_code == 204
    assert broker.client.get(broker.follow(answer.headers["location"])).status_code == 404


def test_results_belong_to_the_content_whatever_version_publishes_it(broker: Broker) -> None:
    published(broker)
    broker.result(CONSUMER, "1", PROVIDER, "7", success=True)
    published(broker, "2")
    query = f"q[][pacticipant]={quote(CONSUMER)}&q[][version]=2&latestby=cvpv"
    assert broker.matrix(query)["summary"]["deployable"] is True
    published(broker, "3", id=3)
    assert broker.matrix(query.replace("=2&", "=3&"))["summary"]["deployable"] is None
    told = broker.client.get(
        path("pacts", "provider", PROVIDER, "consumer", CONSUMER, "version", "3", "diff", "previous-distinct")
    )
    assert told.headers["content-type"].startswith("text/plain")
    assert "/contents/content/id: 1 → 3" in told.text


def test_the_newest_result_of_a_provider_version_counts_and_a_deleted_one_does_not(broker: Broker) -> None:
    published(broker)
    broker.result(CONSUMER, "1", PROVIDER, "7", success=True)
    last = broker.result(CONSUMER, "1", PROVIDER, "7", success=False)
    query = f"q[][pacticipant]={quote(CONSUMER)}&q[][version]=1&latestby=cvpv"
    assert broker.matrix(query)["summary"]["deployable"] is False
    assert len(broker.matrix(query.removesuffix("&latestby=cvpv"))["matrix"]) == 2
    assert broker.client.delete(broker.follow(last["_links"]["self"]["href"])).status_code == 204
    assert broker.matrix(query)["summary"]["deployable"] is True


def test_pending_ends_with_a_success_that_was_not_work_in_progress(broker: Broker) -> None:
    published(broker)
    broker.publish(CONSUMER, "2", PROVIDER, [message("new")], branch="feature")
    request: dict[str, Any] = {
        "providerVersionBranch": "main",
        "includePendingStatus": True,
        "includeWipPactsSince": "2020-01-01",
        "consumerVersionSelectors": [{"mainBranch": True}],
    }
    chosen, wip = broker.to_verify(PROVIDER, **request)
    assert wip["verificationProperties"]["wip"] is True

    def verify(one: dict[str, Any]) -> None:
        href = broker.follow(one["_links"]["self"]["href"])
        answer = broker.client.post(
            f"{href}/verification-results", json={"success": True, "providerApplicationVersion": "7"}
        )
        assert answer.status_code == 201
        broker.version(PROVIDER, "7", branch="main")

    verify(wip)
    verify(chosen)
    chosen, wip = broker.to_verify(PROVIDER, **request)
    assert chosen["verificationProperties"]["pending"] is False
    assert wip["verificationProperties"]["wip"] is True
    request["consumerVersionSelectors"] = [{"branch": "feature"}]
    (chosen,) = broker.to_verify(PROVIDER, **request)
    assert chosen["verificationProperties"]["pending"] is True
    verify(chosen)
    (chosen,) = broker.to_verify(PROVIDER, **{**request, "includeWipPactsSince": None})
    assert chosen["verificationProperties"]["pending"] is False


def test_pacts_to_verify_may_be_asked_for_in_the_query(broker: Broker) -> None:
    published(broker)
    here = path("pacts", "provider", PROVIDER, "for-verification")
    assert len(broker.client.get(here).json()["_embedded"]["pacts"]) == 1
    query = (
        "consumer_version_selectors[][tag]=dev&consumer_version_selectors[][latest]=true&include_pending_status=true"
    )
    (found,) = broker.client.get(f"{here}?{query}").json()["_embedded"]["pacts"]
    assert found["verificationProperties"]["pending"] is True
    assert broker.client.get(f"{here}?consumer_version_selectors[][tag]=gone").json()["_embedded"]["pacts"] == []
    assert broker.to_verify("nobody") == []
    refused = broker.client.post(here, json={"consumerVersionSelectors": [{"environment": "nowhere"}]})
    assert refused.status_code == 400
    assert "nowhere" in refused.json()["errors"]["consumerVersionSelectors"][0]


def test_what_is_deployed_is_chosen_for_verification(broker: Broker) -> None:
    published(broker)
    published(broker, "2", id=2)
    broker.deploy(CONSUMER, "1", "production")
    numbers = {
        one["_links"]["self"]["name"]
        for one in broker.to_verify(PROVIDER, consumerVersionSelectors=[{"deployedOrReleased": True}, {"latest": True}])
    }
    assert numbers == {f"Pact between {CONSUMER} (1) and {PROVIDER}", f"Pact between {CONSUMER} (2) and {PROVIDER}"}


# publishing


def test_the_content_of_a_version_does_not_change(broker: Broker) -> None:
    published(broker)
    assert published(broker)["notices"][1]["text"].startswith("Pact successfully republished")
    for more in ({}, {"onConflict": "overwrite"}, {"onConflict": "merge"}):
        refused = broker.publish(CONSUMER, "1", PROVIDER, [message("other")], status=409, **more)
        assert "Cannot change the content" in refused["errors"]["contracts"][0]
        assert '+ "other"' in refused["notices"][1]["text"]
    both = {
        "pacticipantName": CONSUMER,
        "pacticipantVersionNumber": "1",
        "tags": ["never"],
        "contracts": [
            contract(pact(CONSUMER, "fresh", [])),
            contract(pact(CONSUMER, PROVIDER, [])),
        ],
    }
    assert broker.client.post(path("contracts", "publish"), json=both).status_code == 409
    assert broker.client.get(path("pacticipants", "fresh")).status_code == 404
    assert [tag["name"] for tag in broker.get("pacticipants", CONSUMER, "versions", "1")["_embedded"]["tags"]] == [
        "dev"
    ]


def test_a_setting_lets_contents_change_and_merge(engine_url: str) -> None:
    with client_on(engine_url, replace(Settings(), pact_changes=True)) as client:
        broker = Broker(client)
        broker.publish("merging", "1", "target", [message("a")])
        broker.publish("merging", "1", "target", [message("b")], onConflict="merge")
        here = ("pacts", "provider", "target", "consumer", "merging", "version", "1")
        assert [one["description"] for one in broker.get(*here)["interactions"]] == ["a", "b"]
        refused = broker.publish("merging", "1", "target", [message("a", id=2)], onConflict="merge", status=409)
        assert '"a"' in refused["errors"]["contracts"][0]
        broker.publish("merging", "1", "target", [message("c")], onConflict="overwrite")
        assert [one["description"] for one in broker.get(*here)["interactions"]] == ["c"]


def test_old_tools_put_patch_and_delete_a_pact(broker: Broker) -> None:
    here = path("pacts", "provider", PROVIDER, "consumer", CONSUMER, "version", "1")
    document = pact(CONSUMER, PROVIDER, [message("a")])
    assert broker.client.put(here, json=document).status_code == 201
    assert broker.client.put(here, json=document).status_code == 200
    assert broker.client.put(here, json=pact(CONSUMER, PROVIDER, [])).status_code == 409
    assert broker.client.patch(here, json=pact(CONSUMER, PROVIDER, [message("b")])).status_code == 200
    assert len(broker.client.get(here).json()["interactions"]) == 2
    assert broker.client.patch(here, json=pact(CONSUMER, PROVIDER, [message("b", id=9)])).status_code == 409
    mismatch = broker.client.put(here, json=pact("else", PROVIDER, []))
    assert (mismatch.status_code, "does not match" in mismatch.json()["error"]) == (400, True)
    assert broker.client.put(here, content=b"{").status_code == 400
    assert broker.client.delete(here).status_code == 204
    assert broker.client.get(here).status_code == 404
    assert broker.get("pacticipants", CONSUMER, "versions", "1")["number"] == "1"


def test_a_name_that_reads_like_another_is_refused_unless_created_on_purpose(broker: Broker) -> None:
    broker.publish("Order Service", "1", "billing", [])
    refused = broker.publish("orders-api", "1", "billing", [], status=409)
    assert "Order Service" in refused["errors"]["name"][0]
    assert broker.client.post(path("pacticipants"), json={"name": "orders-api"}).status_code == 201
    broker.publish("orders-api", "1", "billing", [])


def test_lists_of_pacts_find_what_is_there(broker: Broker) -> None:
    published(broker)
    published(broker, "2", id=2)
    broker.publish(CONSUMER, "3", PROVIDER, [message("x")], branch="feature")
    pair = ("pacts", "provider", PROVIDER, "consumer", CONSUMER)
    numbers = {
        ("versions",): 3,
        ("tag", "dev"): 2,
        ("branch", "main"): 2,
        ("branch", "main", "latest", "versions"): 1,
        ("branch", "versions"): 2,
        ("branch", "latest", "versions"): 1,
    }
    for rest, count in numbers.items():
        assert len(broker.get(*pair, *rest)["_links"]["pb:pact-versions"]) == count, rest
    for rest, number in (
        (("latest",), "3"),
        (("latest", "dev"), "2"),
        (("branch", "main", "latest"), "2"),
        (("latest-untagged",), "3"),
    ):
        assert broker.get(*pair, *rest)["_links"]["pb:consumer-version"]["name"] == number, rest
    provider = ("pacts", "provider", PROVIDER)
    counts: dict[tuple[str, ...], int] = {
        (): 3, ("latest",): 1, ("latest", "dev"): 1, ("tag", "dev"): 2, ("branch",): 2, ("branch", "latest"): 1,
        ("branch", "feature"): 1, ("branch", "feature", "latest"): 1,
    }  # fmt: skip
    for rest, count in counts.items():
        assert len(broker.get(*provider, *rest)["_links"]["pb:pacts"]) == count, rest
    assert broker.client.delete(path(*pair, "branch", "main")).status_code == 204
    assert len(broker.get(*pair, "versions")["_links"]["pb:pact-versions"]) == 1
    assert broker.client.delete(path(*pair, "versions")).status_code == 204
    assert broker.client.get(path(*pair, "latest")).status_code == 404


# applications, versions, branches, tags


def test_applications_are_created_changed_and_deleted(broker: Broker) -> None:
    created = broker.client.post(
        path("pacticipants"), json={"name": CONSUMER, "mainBranch": "trunk", "labels": [{"name": "web"}]}
    )
    assert (created.status_code, created.headers["location"]) == (201, created.json()["_links"]["self"]["href"])
    assert broker.client.post(path("pacticipants"), json={"name": CONSUMER}).status_code == 409
    here = path("pacticipants", CONSUMER)
    patched = broker.client.patch(
        here, json={"repositoryUrl": "http://r"}, headers={"content-type": "application/merge-patch+json"}
    )
    assert (patched.status_code, patched.json()["mainBranch"]) == (200, "trunk")
    assert "mainBranch" not in broker.client.put(here, json={}).json()
    assert broker.client.patch(path("pacticipants", "new"), json={}).status_code == 201
    assert broker.client.post(path("pacticipants"), json={"name": " "}).json() == {
        "errors": {"name": ["can't be blank"]}
    }
    assert broker.client.patch(here, json={"mainBranch": "a b"}).status_code == 400
    listed = broker.get("pacticipants", q="B C")
    assert [one["name"] for one in listed["pacticipants"]] == [CONSUMER]
    assert broker.get("pacticipants", size="1")["page"]["totalPages"] == 2
    assert [one["name"] for one in broker.get("pacticipants", "label", "web")["_embedded"]["pacticipants"]] == [
        CONSUMER
    ]
    assert broker.client.delete(path("pacticipants", CONSUMER, "labels", "web")).status_code == 204
    assert broker.client.put(path("pacticipants", CONSUMER, "labels", "x y")).status_code == 201
    assert broker.get("labels")["_embedded"]["labels"] == [{"name": "x y"}]
    assert broker.client.delete(here).status_code == 204
    assert broker.client.get(here).status_code == 404


def test_lists_are_read_part_by_part_to_the_end(broker: Broker) -> None:
    for number in map(str, range(5)):
        broker.version(CONSUMER, number, branch="main", tag="t/1")
        broker.version(CONSUMER, number, branch=f"feat & {number}")
        broker.version(f"feat & {number}", number)

    def read(first: str) -> tuple[list[str], int]:
        """What the pages of a list hold, following the links, and how much it says there is."""
        found, where, total = [], first, 0
        while where:
            answer = broker.client.get(where).json()
            ((_, part),) = answer["_embedded"].items()
            found += [one.get("number") or one["name"] for one in part]
            total = answer["page"]["totalElements"]
            where = broker.follow(answer["_links"].get("next", {}).get("href", ""))
            where = where if where != "/" else ""
        return found, total

    here, newest = path("pacticipants", CONSUMER), ["4", "3", "2", "1", "0"]
    for where, expected in (
        (f"{here}/versions?size=2", newest),
        (f"{here}/tags/t%2F1/versions?size=2", newest),
        (f"{here}/branches/main/versions?size=2", newest),
        (f"{here}/branches?size=2&q=t+%26", [f"feat & {number}" for number in newest]),
        (f"{here}/branches?size=4", [*(f"feat & {number}" for number in newest), "main"]),
        ("/pact/pacticipants?size=2&q=T+%26", [f"feat & {number}" for number in reversed(newest)]),
    ):
        found, total = read(where)
        assert (sorted(found), total) == (sorted(expected), len(expected)), where
    assert read(f"{here}/versions?size=2")[0] == newest


def test_branches_have_the_head_that_was_added_last(broker: Broker) -> None:
    here = ("pacticipants", CONSUMER, "branches", "feat/x y")
    for number, status in (("1", 201), ("2", 201), ("1", 200)):
        assert broker.client.put(path(*here, "versions", number), content=b"").status_code == status
    assert broker.get(*here, "latest-version")["number"] == "2"
    assert [one["number"] for one in broker.get(*here, "versions")["versions"]] == ["2", "1"]
    assert broker.client.delete(path(*here, "versions", "2")).status_code == 204
    assert broker.get(*here, "latest-version")["number"] == "1"
    broker.client.put(path("pacticipants", CONSUMER, "branches", "main", "versions", "1"), json={"name": "1"})
    assert broker.get("pacticipants", CONSUMER)["mainBranch"] == "main"
    broker.client.put(path("pacticipants", CONSUMER, "branches", "gone", "versions", "1"))
    assert len(broker.get("pacticipants", CONSUMER, "branches", q="feat")["_embedded"]["branches"]) == 1
    bulk = broker.client.delete(f"{path('pacticipants', CONSUMER, 'branches')}?exclude[]=feat%2Fx%20y")
    assert (bulk.status_code, bulk.json()["notices"][0]["text"]) == (202, "1 branches were deleted")
    assert broker.client.delete(path("pacticipants", CONSUMER, "branches")).status_code == 400
    assert broker.client.delete(path(*here)).status_code == 204
    assert broker.get("pacticipants", CONSUMER, "versions", "1")["_embedded"]["branches"][0]["name"] == "main"


def test_tags_create_what_they_need_and_may_deploy(broker: Broker) -> None:
    here = ("pacticipants", CONSUMER, "versions", "1", "tags")
    assert broker.client.put(path(*here, "t/x y"), json={}).status_code == 201
    assert broker.client.put(path(*here, "t/x y"), content=b"").status_code == 200
    assert broker.get("pacticipants", CONSUMER, "latest-version", "t/x y")["number"] == "1"
    # The first tag of a new version is its branch; one named like an environment is a deployment.
    assert broker.get("pacticipants", CONSUMER, "versions", "1")["_embedded"]["branches"][0]["name"] == "t/x y"
    broker.client.put(path(*here, "production"), json={})
    uuid = broker.environments()["production"]
    deployed = broker.get("environments", uuid, "deployed-versions", "currently-deployed")
    assert [one["_embedded"]["version"]["number"] for one in deployed["_embedded"]["deployedVersions"]] == ["1"]
    assert broker.get("pacticipants", CONSUMER, "environments", uuid, "versions")["versions"][0]["number"] == "1"
    assert broker.client.delete(path(*here, "t/x y")).status_code == 204
    assert broker.client.get(path(*here, "t/x y")).status_code == 404


# environments


def test_deployments_replace_each_other_and_releases_stand_side_by_side(broker: Broker) -> None:
    for number in ("1", "2"):
        broker.version(CONSUMER, number)
    first = broker.deploy(CONSUMER, "1", "production")
    assert broker.deploy(CONSUMER, "1", "production")["uuid"] == first["uuid"]
    broker.deploy(CONSUMER, "1", "production", "blue")
    second = broker.deploy(CONSUMER, "2", "production")
    uuid = broker.environments()["production"]

    def current(kind: str, what: str, **query: str) -> list[dict[str, Any]]:
        found = broker.get("environments", uuid, kind, what, **query)["_embedded"]
        rows: list[dict[str, Any]] = next(iter(found.values()))
        return rows

    there = current("deployed-versions", "currently-deployed", pacticipant=CONSUMER)
    assert {(one["_embedded"]["version"]["number"], one.get("target")) for one in there} == {("1", "blue"), ("2", None)}
    assert len(current("deployed-versions", "currently-deployed", target="blue")) == 1
    here = path("deployed-versions", second["uuid"])
    assert broker.client.patch(here, json={"currentlyDeployed": True}).status_code == 422
    assert broker.client.patch(here, json={"currentlyDeployed": False}).json()["currentlyDeployed"] is False
    assert broker.get("deployed-versions", first["uuid"])["currentlyDeployed"] is False
    version = broker.get("pacticipants", CONSUMER, "versions", "1")
    assert {link["name"] for link in version["_links"]["pb:record-release"]} == {"test", "production"}
    for number in ("1", "2"):
        broker.release(CONSUMER, number, "production")
    assert len(current("released-versions", "currently-supported")) == 2
    released = broker.release(CONSUMER, "1", "production")
    here = path("released-versions", released["uuid"])
    assert broker.client.patch(here, json={"currentlySupported": False}).json()["currentlySupported"] is False
    assert len(current("released-versions", "currently-supported")) == 1
    assert broker.client.patch(here, json={"currentlySupported": True}).status_code == 422
    assert broker.release(CONSUMER, "1", "production")["currentlySupported"] is True


BAD_ENVIRONMENTS: tuple[tuple[dict[str, Any], set[str]], ...] = (
    ({}, {"name", "production"}),
    ({"name": "a b", "production": True}, {"name"}),
    ({"name": "x", "production": "yes"}, {"production"}),
    ({"name": "x", "production": True, "contacts": [1]}, {"contacts"}),
    ({"name": "x", "production": True, "displayName": 1}, {"displayName"}),
)


def test_environments_are_created_changed_and_deleted(broker: Broker) -> None:
    for body, fields in BAD_ENVIRONMENTS:
        refused = broker.client.post(path("environments"), json=body)
        assert (refused.status_code, set(refused.json()["errors"])) == (400, fields)
    body = {"name": "app-store", "production": True, "contacts": [{"name": "team", "details": {"mail": "x"}}]}
    created = broker.client.post(path("environments"), json=body)
    assert (created.status_code, created.json()["displayName"]) == (201, "App Store")
    assert created.json()["contacts"] == body["contacts"]
    assert broker.client.post(path("environments"), json=body).status_code == 409
    uuid = created.json()["uuid"]
    changed = broker.client.put(path("environments", uuid), json={"name": "store", "displayName": "Store"}).json()
    assert (changed["name"], changed["production"], "contacts" in changed) == ("store", True, False)
    assert len(broker.get("environments", name="store")["_embedded"]["environments"]) == 1
    assert broker.client.delete(path("environments", uuid)).status_code == 204
    assert broker.client.get(path("environments", uuid)).status_code == 404
    assert broker.client.put(path("environments", uuid), json={"name": "x"}).status_code == 404


# errors and overviews


ERRORS = (
    ("GET", "/pact/nothing", None, 404),
    ("GET", "/pact/pacticipants/nobody", None, 404),
    ("DELETE", "/pact/pacticipants", None, 405),
    ("POST", "/pact/contracts/publish", b"{", 400),
    ("POST", "/pact/contracts/publish", b"[]", 400),
    ("POST", "/pact/contracts/publish", b"{}", 400),
    ("POST", "/pact/contracts/publish", b'{"pacticipantName":"a\\u0000"}', 400),
    ("POST", "/pact/pacticipants", b"[" * 5000, 400),
    ("POST", "/pact/pacticipants", b'{"name":"a\\u0000b"}', 400),
    ("GET", "/pact/pacticipants/a%00b", None, 400),
    ("GET", "/pact/pacticipants?page=0", None, 400),
    ("PUT", path("pacticipants", "a", "versions", "1"), b'{"tags":"abc"}', 400),
    ("PUT", path("pacticipants", "a", "versions", "1"), b'{"tags":[1]}', 400),
    ("PUT", path("pacticipants", "a", "versions", "1"), b'{"branch":5}', 400),
    ("PATCH", path("pacticipants", "a"), b'{"labels":"abc"}', 400),
    ("GET", "/pact/pacticipants?size=x", None, 400),
    ("GET", "/pact/matrix", None, 400),
    ("GET", "/pact/matrix?q[][pacticipant]=nobody", None, 400),
    ("POST", "/pact/pacts/provider/p/for-verification", b'"x"', 400),
    ("GET", "/pact/pacts/provider/p/consumer/c/pact-version/x/verification-results/y", None, 404),
    ("GET", "/pact/environments/x", None, 404),
    ("PATCH", "/pact/deployed-versions/x", b"{}", 404),
    ("GET", "/pact/webhooks/x", None, 404),
    ("GET", "/pact/triggered-webhooks/x/logs", None, 404),
)


def test_mistakes_of_a_client_are_never_a_5xx_and_have_a_sentence(broker: Broker) -> None:
    for method, where, body, status in ERRORS:
        answer = broker.client.request(method, where, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status, (where, answer.text)
        assert answer.headers["content-type"] == HAL
        told = answer.json()
        assert isinstance(told.get("error"), str) or told.get("errors"), where
        problem = broker.client.request(
            method,
            where,
            content=body,
            headers={"content-type": "application/json", "accept": "application/hal+json, application/problem+json"},
        )
        assert problem.headers["content-type"].startswith("application/problem+json")
        assert problem.json()["status"] == status
    form = broker.client.post(path("pacticipants"), data={"name": "x"})
    assert form.status_code == 415


def test_overviews_show_what_is_there(broker: Broker) -> None:
    published(broker)
    broker.result(CONSUMER, "1", PROVIDER, "7", success=True)
    broker.publish("lonely", "1", "other thing", [])
    assert len(broker.get("integrations")["_embedded"]["integrations"]) == 2
    graph = broker.client.get(path("integrations"), headers={"accept": "text/vnd.graphviz"})
    assert f'"{CONSUMER}" -> "{PROVIDER}"' in graph.text
    assert broker.client.get("/pact/relationships.csv").text.count("\n") == 2
    assert broker.client.get(path("groups", PROVIDER)).text == f"{CONSUMER},{PROVIDER}\n"
    items = broker.get("dashboard")["items"]
    assert {item["verificationStatus"] for item in items} == {"success", "never"}
    assert broker.get("metrics")["pactPublications"]["count"] == 2
    assert broker.get("pacts", "latest")["pacts"][0]["_embedded"]["consumer"]["name"] == CONSUMER
    plain = broker.client.get(f"{path('matrix')}?q[][pacticipant]={quote(CONSUMER)}", headers={"accept": "text/plain"})
    assert "CONSUMER" in plain.text
    head = ("pacticipants", CONSUMER, "branches", "main", "latest-version")
    badges = (
        (("pacts", "provider", PROVIDER, "consumer", CONSUMER, "latest", "badge"), "verified"),
        (("pacts", "provider", PROVIDER, "consumer", CONSUMER, "latest", "dev", "badge.svg"), "verified"),
        (("pacts", "provider", "x", "consumer", "y", "latest", "badge"), "not found"),
        ((*head, "can-i-deploy", "to-environment", "test", "badge"), "unknown"),
        (("pacticipants", CONSUMER, "latest-version", "dev", "can-i-deploy", "to", "prod", "badge"), "unknown"),
        (("pacticipants", CONSUMER, "main-branch", "can-i-merge", "badge"), "unknown"),
        (("matrix", "provider", PROVIDER, "latest", "x", "consumer", CONSUMER, "latest", "dev", "badge"), "failed"),
    )  # fmt: skip
    for names, word in badges:
        image = broker.client.get(path(*names))
        assert (image.status_code, image.headers["content-type"]) == (200, "image/svg+xml"), names
        assert f">{word}<" in image.text, names
    assert broker.client.delete(path("integrations", "provider", PROVIDER, "consumer", CONSUMER)).status_code == 204
    assert len(broker.get("integrations")["_embedded"]["integrations"]) == 1
    assert broker.client.delete(path("integrations")).status_code == 204
    assert broker.get("integrations")["_embedded"]["integrations"] == []
    assert broker.get("pacts", "latest")["pacts"] == []
    assert broker.get("pacticipants", CONSUMER, "versions", "1")["number"] == "1"


def test_what_few_tools_ask_is_answered_too(broker: Broker) -> None:
    """Routes that no other test asks; `Broker` compares their answers with what is described."""
    published(broker)
    number = broker.result(CONSUMER, "1", PROVIDER, "7", success=True)["_links"]["self"]["name"]
    pair, at = ("pacts", "provider", PROVIDER, "consumer", CONSUMER), ("pacticipants", CONSUMER, "versions", "1")
    place = broker.environments()["test"]
    release = broker.release(CONSUMER, "1", "test")
    broker.deploy(CONSUMER, "1", "test")
    for kind, member in (("deployed-versions", "deployedVersions"), ("released-versions", "releasedVersions")):
        listed = broker.get(*at, kind, "environment", place)["_embedded"][member]
        assert [one["_embedded"]["version"]["number"] for one in listed] == ["1"]
    assert broker.get("released-versions", release["uuid"])["currentlySupported"] is True

    assert broker.get(*pair, "version", "1", "verification-results", "latest")["success"] is True
    sha = broker.get(*pair, "version", "1")["_links"]["pb:pact-version"]["name"]
    fired = broker.get(*pair, "pact-version", sha, "verification-results", number, "triggered-webhooks")
    assert fired["_embedded"]["triggeredWebhooks"] == []
    head = ("branches", "main", "latest-version", "can-i-deploy", "to-environment", "test")
    assert broker.get("pacticipants", CONSUMER, *head)["summary"]["deployable"] is None

    label = path("pacticipants", CONSUMER, "labels", "l/1")
    assert [broker.client.put(label).status_code for _ in range(2)] == [201, 200]
    assert broker.client.get(label).json()["name"] == "l/1"
    changed = broker.client.patch(path(*at), json={"buildUrl": "http://ci/1"})
    assert (changed.status_code, changed.json()["buildUrl"]) == (200, "http://ci/1")
    new = broker.client.patch(path(*pair, "version", "2"), json=pact(CONSUMER, PROVIDER, [message("b")]))
    assert new.status_code == 201
    hook = {"request": {"method": "POST", "url": "https://example.org/"}}
    for side, name in (("consumer", CONSUMER), ("provider", PROVIDER)):
        made = broker.client.post(path("webhooks", side, name), json=hook)
        assert (made.status_code, made.json()[side]) == (201, {"name": name})
    assert len(broker.get("webhooks", "provider", PROVIDER)["_embedded"]["webhooks"]) == 2


def test_provider_states_are_listed(broker: Broker) -> None:
    one = {**message("a"), "providerStates": [{"name": "an order exists"}]}
    broker.publish(CONSUMER, "1", PROVIDER, [one], branch="main")
    for rest in ((), ("branch", "main")):
        found = broker.get("pacts", "provider", PROVIDER, "provider-states", *rest)["providerStates"]
        assert [(each["consumer"], each["name"]) for each in found] == [(CONSUMER, "an order exists")]
    uuid = broker.environments()["test"]
    assert broker.get("pacts", "provider", PROVIDER, "provider-states", "environment", uuid)["providerStates"] == []


def test_links_honour_the_public_address_and_its_prefix(engine_url: str) -> None:
    settings = Settings(public_url="https://host/pre fix/")
    with client_on(engine_url, settings) as client:
        links = Broker(client).get()["_links"]
        assert links["pb:pacticipants"]["href"] == "https://host/pre fix/pact/pacticipants"


def logged(store: Store, *actions: str) -> list[dict[str, Any]]:
    """The bodies of events of these actions, oldest first, with the action."""
    rows = store.read_now(lambda db: db.all("SELECT action, body FROM event ORDER BY pk"))
    return [{"action": action, **json.loads(body)} for action, body in rows if action in actions]


def test_what_an_environment_runs_is_in_the_log(broker: Broker, broker_store: Store) -> None:
    broker.version(CONSUMER, "1")
    tag = path("pacticipants", CONSUMER, "versions", "1", "tags", "production")
    broker.client.put(tag, json={})
    # Deployed already: the tag that comes again says nothing new.
    broker.client.delete(tag)
    broker.client.put(tag, json={})
    deployment = broker.deploy(CONSUMER, "1", "test", "blue")
    release = broker.release(CONSUMER, "1", "test")
    for _ in range(2):
        broker.client.patch(path("deployed-versions", deployment["uuid"]), json={"currentlyDeployed": False})
        broker.client.patch(path("released-versions", release["uuid"]), json={"currentlySupported": False})
    assert logged(broker_store, "deployed", "undeployed", "released", "support_ended") == [
        {"action": "deployed", "version": "1", "environment": "production", "instance": "", "tag": "production"},
        {"action": "deployed", "version": "1", "environment": "test", "instance": "blue"},
        {"action": "released", "version": "1", "environment": "test"},
        {"action": "undeployed", "version": "1", "environment": "test", "instance": "blue"},
        {"action": "support_ended", "version": "1", "environment": "test"},
    ]


def test_what_is_published_is_in_the_log(broker: Broker, broker_store: Store) -> None:
    published(broker)
    rows = broker_store.read_now(lambda db: db.all("SELECT action, body FROM event ORDER BY pk DESC LIMIT 1"))
    action, body = rows[0]
    assert (action, json.loads(body)["providers"]) == ("contracts_published", [PROVIDER])
