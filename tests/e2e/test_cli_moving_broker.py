"""`tenor import pact-broker` between two served brokers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_cli_moving import ODD, between, sealed, server, tenor, url
from tests.pacts import Broker, message, path

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
    assert (ran.code, json.loads(ran.out)["verified"]) == (0, True), ran
    assert json.loads(ran.out)["compared"] == {
        "application": 3, "number": 6, "pact": 4, "result": 3, "environment": 4, "deployed": 3, "released": 1,
    }  # fmt: skip
    assert seen(target) == seen(source)
    before = sealed(target)
    again = tenor(tmp_path, "import", "pact-broker", f"{url(source)}/pact", "--registry", url(target))
    assert (again.code, again.out.splitlines()[0]) == (0, "copied nothing")
    assert sealed(target) == before


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
