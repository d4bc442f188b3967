"""`tenor import pact-broker` between two served brokers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import documents
from tests.e2e.test_cli_moving import ODD, SERVER, between, sealed, server, tenor, url
from tests.pacts import Broker, message, path
from tests.served import served

WEB, API = "shop/web c+é", "orders/api 100%"


def fill(client: httpx.Client) -> None:
    """Versions on branches and with tags, pacts, results, environments, deployments."""
    broker = Broker(client)
    client.put(path("pacticipants", API), json={"name": API, "mainBranch": "main", "repositoryUrl": "https://x.y/z"})
    for number, field in (("1", "a"), ("2", "a"), ("3", "b")):
        broker.publish(
            WEB, number, API, [message("an order", **{field: 1})], branch="main", tags=["dev", f"t/{number}"]
        )
    broker.publish("app", "v 1/x", API, [message("an order", a=1)], branch="feat/x")
    for number in ("7", "8"):
        client.put(path("pacticipants", API, "branches", "main", "versions", number), json={})
    client.put(path("pacticipants", API, "versions", "8"), json={"buildUrl": "https://ci.example/8"})
    broker.result(WEB, "1", API, "7", success=True)  # of the content that version 2 has, too
    broker.result(WEB, "3", API, "7", success=False)
    broker.result(WEB, "3", API, "8", success=True)
    broker.deploy(API, "8", "live")
    broker.deploy(API, "7", "live", "blue")
    broker.deploy(WEB, "2", "live")
    broker.release(WEB, "1", "stores")
    client.put(path("pacticipants", WEB, "labels", "front"), json={})
    hooks: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"description": "open", "consumer": {"name": WEB}, "events": [{"name": "contract_published"}]}),
        ({"headers": {"Authorization": "Bearer x", "X-A": "é"}, "body": {"a": 1}}, {"consumer": {"label": "front"}}),
        ({"username": "u", "password": "p"}, {"enabled": False, "provider": {"name": API}}),
    ]
    for index, (more, hook) in enumerate(hooks):
        request = {"method": "POST", "url": "https://ci.example/${pactbroker.eventName}", **more}
        told = client.put(path("webhooks", f"webhook-{index}-of-three"), json={**hook, "request": request})
        assert told.status_code == 201, told.text


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with server(tmp_path_factory.mktemp("brokers") / "source") as client:
        fill(client)
        yield client


@pytest.fixture
def target(tmp_path: Path) -> Iterator[httpx.Client]:
    with server(tmp_path / "target") as client:
        yield client


def seen(client: httpx.Client) -> list[Any]:
    """What people and pipelines learn from a broker."""
    broker = Broker(client)
    ask = {"q[][pacticipant]": WEB, "q[][version]": "2", "latestby": "cvpv", "environment": "live"}
    verdict = broker.get("matrix", **ask)["summary"]
    numbers = [each["number"] for each in broker.get("pacticipants", WEB, "versions")["_embedded"]["versions"]]
    newest = broker.get("pacticipants", WEB, "branches", "main", "latest-version")["number"]
    pact = broker.get("pacts", "provider", API, "consumer", WEB, "version", "3")
    to_verify = broker.to_verify(API, consumerVersionSelectors=[{"deployedOrReleased": True}, {"branch": "feat/x"}])
    sorts = sorted(each["_links"]["self"]["name"] for each in to_verify)
    return [verdict, numbers, newest, pact["interactions"], sorts, sorted(broker.environments())]


def test_a_broker_is_copied_verified_and_copied_again(
    source: httpx.Client, target: httpx.Client, tmp_path: Path
) -> None:
    production = Broker(target).environments()["production"]
    target.put(path("environments", production), json={"name": "production", "displayName": "P", "production": True})
    with between(target) as unreliable:
        to = ("--registry", unreliable.url)
        for writes in (2, 9, 12):
            unreliable.writes = writes
            cut = tenor(tmp_path, "import", "pact-broker", f"{url(source)}/pact", *to)
            assert (cut.code, len(cut.err.splitlines()), unreliable.url in cut.err) == (4, 1, True), cut
        unreliable.writes = None
        ran = tenor(tmp_path, "import", "pact-broker", f"{url(source)}/pact", *to, "--output", "json")
    assert (ran.code, documents.read(ran.out)["verified"]) == (0, True), ran
    assert documents.read(ran.out)["compared"] == {
        "application": 3, "number": 6, "pact": 4, "result": 3, "environment": 4, "deployed": 3, "released": 1,
        "webhook": 3,
    }  # fmt: skip
    assert seen(target) == seen(source)
    waiting = "webhook webhook-1-of-three stays disabled until headers.Authorization is set again"
    assert documents.read(ran.out)["remarks"] == [waiting]
    hooks = {each["uuid"]: each for each in Broker(target).get("webhooks")["_embedded"]["webhooks"]}
    assert [hooks[f"webhook-{number}-of-three"]["enabled"] for number in range(3)] == [True, False, False]
    assert hooks["webhook-1-of-three"]["request"]["headers"] == {"X-A": "é"}
    assert hooks["webhook-1-of-three"]["consumer"] == {"label": "front"}
    before = sealed(target)
    again = tenor(tmp_path, "import", "pact-broker", f"{url(source)}/pact", "--registry", url(target))
    assert (again.code, again.out.splitlines()[:2]) == (0, [waiting, "copied nothing"])
    assert sealed(target) == before


def test_a_webhook_keeps_the_secret_that_was_set_again(
    source: httpx.Client, target: httpx.Client, tmp_path: Path
) -> None:
    copy = ("import", "pact-broker", f"{url(source)}/pact", "--registry", url(target))
    assert tenor(tmp_path, *copy).code == 0
    hook = path("webhooks", "webhook-1-of-three")
    body = {name: target.get(hook).json()[name] for name in ("consumer", "events", "request")}
    body["request"]["headers"]["Authorization"] = "Bearer y"
    assert target.put(hook, json={**body, "enabled": True}).status_code == 200
    assert tenor(tmp_path, *copy).out.splitlines()[0] == "copied nothing"
    # What else is changed in the source comes over, and neither secret nor switch are touched.
    there = source.get(hook).json()
    moved = {**there["request"], "url": "https://ci.example/moved"}
    assert source.put(hook, json={**body, "request": moved}).status_code == 200
    ran = tenor(tmp_path, *copy)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "copied 1 webhooks")
    found = target.get(hook).json()
    assert (found["enabled"], found["request"]["url"]) == (True, "https://ci.example/moved")
    assert found["request"]["headers"]["Authorization"] == "**********"


def test_webhooks_that_the_target_refuses_are_named(source: httpx.Client, tmp_path: Path) -> None:
    refusing = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_WEBHOOK_HOSTS": "other.example"}
    with served([SERVER, "serve"], cwd=tmp_path, environment=refusing) as target:
        ran = tenor(tmp_path, "import", "pact-broker", f"{url(source)}/pact", "--registry", url(target))
    assert ran.code == 5
    assert "webhook webhook-0-of-three was refused: " in ran.out
    assert "the host ci.example is not in the list of allowed hosts" in ran.out


def test_what_is_in_the_way_is_told(source: httpx.Client, target: httpx.Client, tmp_path: Path) -> None:
    Broker(target).publish(WEB, "1", API, [message("something else")])
    ran = tenor(tmp_path, "import", "pact-broker", f"{url(source)}/pact", "--registry", url(target))
    assert (ran.code, ran.out.splitlines()[0]) == (5, f"pact {WEB} 1 {API}: content")
    assert ran.out.splitlines()[-1].startswith("nothing was done")


@pytest.mark.parametrize("odd", ODD)
def test_a_source_that_is_no_broker_is_named(source: httpx.Client, tmp_path: Path, odd: str) -> None:
    with between(source) as broken:
        broken.writes, broken.instead = -1, ODD[odd]
        ran = tenor(tmp_path, "import", "pact-broker", broken.url, "--registry", url(source))
        assert (ran.code, ran.out, len(ran.err.splitlines()), broken.url in ran.err) == (4, "", 1, True), ran
