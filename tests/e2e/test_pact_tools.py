"""Unmodified Pact tools against a served broker: each step is asserted on what the server then holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.legs import CACHE, NODE_PROJECT, ROOT
from tests.pacts import Broker, message, pact, path
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
TOOLS = {
    "rust": [str(Path(sys.executable).with_name("pact")), "broker"],
    "ruby": [str(CACHE / "pactruby" / "bin" / "pact-broker")],
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("served")
    environment = {
        "TENOR_DATABASE_URL": "sqlite:///t.db",
        "TENOR_WEBHOOK_SCHEMES": "http,https",
        "TENOR_WEBHOOK_PRIVATE": "true",
    }
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        yield client


@pytest.fixture
def broker(client: httpx.Client) -> Broker:
    return Broker(client)


def broker_url(client: httpx.Client) -> str:
    return f"{str(client.base_url).rstrip('/')}/pact"


@dataclass(frozen=True)
class Tool:
    """One of the command line tools, and the names that its journey uses."""

    command: tuple[str, ...]
    url: str
    consumer: str
    provider: str

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a verb; its output."""
        environment = {**os.environ, "PACT_DO_NOT_TRACK": "true", "NO_COLOR": "1", "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*self.command, *arguments, "--broker-base-url", self.url],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(params=["rust", pytest.param("ruby", marks=pytest.mark.pactruby)])
def tool(request: pytest.FixtureRequest, client: httpx.Client) -> Tool:
    name = str(request.param)
    return Tool(tuple(TOOLS[name]), broker_url(client), f"{name}/shop c+é", f"{name}% api 日本")


def write(folder: Path, document: dict[str, Any]) -> str:
    file = folder / "pact.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_the_journey_of_a_version_from_publishing_to_production(tool: Tool, broker: Broker, tmp_path: Path) -> None:
    consumer, provider = tool.consumer, tool.provider
    file = write(tmp_path, pact(consumer, provider, [message("an order")]))
    publish = ("publish", file, "--consumer-app-version", "1.0", "--branch", "main", "--tag", "dev")
    tool.run(*publish)
    version = broker.get("pacticipants", consumer, "versions", "1.0")
    assert [mark["name"] for mark in version["_embedded"]["branches"]] == ["main"]
    assert [mark["name"] for mark in version["_embedded"]["tags"]] == ["dev"]
    tool.run(*publish)
    other = write(tmp_path, pact(consumer, provider, [message("another")]))
    assert "Cannot change the content" in tool.run("publish", other, "--consumer-app-version", "1.0", code=1)
    assert (
        len(broker.get("pacts", "provider", provider, "consumer", consumer, "versions")["_links"]["pb:pact-versions"])
        == 1
    )
    assert consumer in tool.run("list-latest-pact-versions")

    environment = f"env-{tool.command[-1].rsplit('/', 1)[-1]}"
    tool.run("create-environment", "--name", environment, "--display-name", "Mine", "--production")
    place = broker.get("environments", name=environment)["_embedded"]["environments"][0]
    assert (place["displayName"], place["production"]) == ("Mine", True)
    identifier = place["uuid"]
    tool.run(
        "update-environment", "--uuid", identifier, "--name", environment, "--display-name", "Other", "--production"
    )
    assert broker.get("environments", identifier)["displayName"] == "Other"
    assert environment in tool.run("list-environments")
    assert environment in tool.run("describe-environment", "--uuid", identifier)

    ask = ("can-i-deploy", "--pacticipant", consumer, "--version", "1.0")
    tool.run(*ask, "--to-environment", environment, code=1)
    tool.run(
        "create-or-update-version", "--pacticipant", provider, "--version", "7", "--branch", "main", "--tag", "stable"
    )
    assert broker.get("pacticipants", provider)["mainBranch"] == "main"
    tool.run("record-deployment", "--pacticipant", provider, "--version", "7", "--environment", environment)
    there = ("environments", identifier, "deployed-versions", "currently-deployed")
    assert [one["_embedded"]["version"]["number"] for one in broker.get(*there)["_embedded"]["deployedVersions"]] == [
        "7"
    ]
    broker.result(consumer, "1.0", provider, "7", success=True)
    for where in (("--to-environment", environment), ("--to", "stable"), ()):
        tool.run(*ask, *where)
    tool.run("can-i-deploy", "--pacticipant", consumer, "--latest", "dev", "--to-environment", environment)
    tool.run("can-i-deploy", "--pacticipant", consumer, "--branch", "main", "--to-environment", environment)
    tool.run("can-i-deploy", "--pacticipant", consumer, "--version", "1.0", "--pacticipant", provider, "--version", "7")
    tool.run("can-i-merge", "--pacticipant", consumer, "--version", "1.0")
    tool.run(*ask, "--to-environment", "nowhere", code=1)
    broker.result(consumer, "1.0", provider, "7", success=False)
    for refused in (("--to-environment", environment), ("--to", "stable")):
        tool.run(*ask, *refused, code=1)
    tool.run("can-i-merge", "--pacticipant", consumer, "--version", "1.0", code=1)
    tool.run(*ask, "--to-environment", environment, "--ignore", provider)

    tool.run("record-release", "--pacticipant", consumer, "--version", "1.0", "--environment", environment)
    supported = ("environments", identifier, "released-versions", "currently-supported")
    assert len(broker.get(*supported)["_embedded"]["releasedVersions"]) == 1
    tool.run("record-support-ended", "--pacticipant", consumer, "--version", "1.0", "--environment", environment)
    assert broker.get(*supported)["_embedded"]["releasedVersions"] == []
    tool.run(
        "record-deployment", "--pacticipant", provider, "--version", "7", "--environment", environment,
        "--application-instance", "blue",
    )  # fmt: skip
    tool.run(
        "record-undeployment", "--pacticipant", provider, "--environment", environment, "--application-instance", "blue"
    )
    assert [one.get("target") for one in broker.get(*there)["_embedded"]["deployedVersions"]] == [None]
    tool.run("record-undeployment", "--pacticipant", provider, "--environment", environment)
    assert broker.get(*there)["_embedded"]["deployedVersions"] == []
    tool.run("delete-environment", "--uuid", identifier)
    assert environment not in broker.environments()


def test_applications_versions_and_branches(tool: Tool, broker: Broker) -> None:
    consumer = f"{tool.consumer} two"
    for url in ("http://one", "http://two"):
        tool.run("create-or-update-pacticipant", "--name", consumer, "--repository-url", url, "--main-branch", "trunk")
        assert broker.get("pacticipants", consumer)["repositoryUrl"] == url
    assert consumer in tool.run("list-pacticipants")
    assert consumer in tool.run("describe-pacticipant", "--name", consumer)
    tool.run("create-or-update-version", "--pacticipant", consumer, "--version", "1", "--branch", "feat/x y")
    assert broker.get("pacticipants", consumer, "branches", "feat/x y", "latest-version")["number"] == "1"
    tool.run("create-version-tag", "--pacticipant", consumer, "--version", "1", "--tag", "t/x y")
    assert broker.get("pacticipants", consumer, "versions", "1", "tags", "t/x y")["name"] == "t/x y"
    assert "t/x y" in tool.run("describe-version", "--pacticipant", consumer, "--version", "1")
    tool.run("create-or-update-version", "--pacticipant", consumer, "--version", "2", "--branch", "trunk")
    for which, number in ((("--latest",), "2"), (("--latest", "t/x y"), "1"), ((), "2")):
        told = json.loads(tool.run("describe-version", "--pacticipant", consumer, *which, "--output", "json"))
        assert told["number"] == number, which
    tool.run("delete-branch", "--pacticipant", consumer, "--branch", "feat/x y")
    assert broker.client.get(path("pacticipants", consumer, "branches", "feat/x y")).status_code == 404


def test_what_only_the_newer_command_line_asks(client: httpx.Client, broker: Broker, tmp_path: Path) -> None:
    consumer, provider = "rust/reader é", "rust read+"
    tool = Tool(tuple(TOOLS["rust"]), broker_url(client), consumer, provider)
    stated = message("an order") | {"providerStates": [{"name": "an order exists"}]}
    broker.publish(consumer, "1", provider, [stated], branch="main", tags=["t/x y"])
    broker.publish(consumer, "2", provider, [stated, message("news")], branch="feat/x y")
    for which, numbers in (
        ((), {"1"}),
        (("--branch", "feat/x y"), {"2"}),
        (("--consumer", consumer, "--branch", "feat/x y"), {"2"}),
        (("--latest",), {"1"}),
        (("--consumer", consumer, "--latest"), {"1"}),
    ):
        folder = tmp_path / "-".join(which).replace("/", "_")
        tool.run("get-pacts", "--provider", provider, *which, "--download", "--download-dir", str(folder))
        read = [json.loads(file.read_text()) for file in folder.glob("**/*.json")]
        assert {one["_links"]["pb:consumer-version"]["name"] for one in read} == numbers, which
    broker.deploy(consumer, "1", "production")
    for where in ((), ("--branch", "main"), ("--environment", broker.environments()["production"])):
        assert "an order exists" in tool.run("provider-states", "list", "--provider", provider, *where), where

    here = ("describe-version", "--pacticipant", consumer, "--environment", "production")
    assert "1" in tool.run(*here, "--deployed")
    tool.run("delete-version-tag", "--pacticipant", consumer, "--version", "1", "--tag", "t/x y")
    assert broker.get("pacticipants", consumer, "versions", "1")["_embedded"]["tags"] == []
    hook = broker.client.post(
        "/pact/webhooks", json={"request": {"method": "POST", "url": "http://127.0.0.1:9/"}}
    ).json()
    tool.run("delete-webhook", "--uuid", hook["uuid"])
    assert broker.client.get(path("webhooks", hook["uuid"])).status_code == 404


def test_webhooks_are_created_changed_and_tried(tool: Tool, broker: Broker) -> None:
    consumer, provider = f"{tool.consumer} three", f"{tool.provider} three"
    broker.publish(consumer, "1", provider, [message("a")])
    request = (
        "--request",
        "POST",
        "--header",
        "Authorization: s3cret",
        "--data",
        '{"who":"${pactbroker.consumerName}"}',
    )
    tool.run(
        "create-webhook", "http://127.0.0.1:9/x", *request, "--contract-content-changed", "--consumer", consumer,
        "--provider", provider, "--description", "about the pair",
    )  # fmt: skip
    (hook,) = [
        one for one in broker.get("webhooks")["_embedded"]["webhooks"] if one.get("consumer") == {"name": consumer}
    ]
    assert (hook["events"], hook["request"]["headers"]["Authorization"]) == (
        [{"name": "contract_content_changed"}],
        "**********",
    )
    identifier, failed = str(uuid.uuid4()), ["--provider-verification-failed"]
    for where in ("http://127.0.0.1:9/one", "http://127.0.0.1:9/two"):
        tool.run("create-or-update-webhook", where, *request, *failed, "--uuid", identifier)
        assert broker.get("webhooks", identifier)["request"]["url"] == where
    assert "ConnectionRefused" in tool.run("test-webhook", "--uuid", identifier)
    broker.client.delete(path("webhooks", identifier))
    broker.client.delete(path("webhooks", hook["uuid"]))


# Who calls


@dataclass(frozen=True)
class Guarded:
    """A broker that asks who calls."""

    client: httpx.Client
    folder: Path
    environment: dict[str, str]

    def token(self, name: str, *grants: str) -> str:
        """A token of an identity with these grants, as an operator makes it beside the server."""
        done = subprocess.run(
            [SERVER, "token", "create", name, *(word for grant in grants for word in ("--grant", grant))],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_AUTHENTICATION": "on"}
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        yield Guarded(client, folder, environment)


@pytest.mark.parametrize("name", ["rust", pytest.param("ruby", marks=pytest.mark.pactruby)])
def test_the_tools_log_in_and_do_what_they_were_granted(guarded: Guarded, tmp_path: Path, name: str) -> None:
    consumer, provider = f"{name}/kiosk é", f"{name} till+"
    tool = Tool(tuple(TOOLS[name]), broker_url(guarded.client), consumer, provider)
    operator = guarded.token("operator", "admin@*", "deploy@environment:*")
    guarded.client.headers["Authorization"] = f"Bearer {operator}"
    broker = Broker(guarded.client)
    writer = guarded.token(f"{name}-ci", f"developer@application:{consumer}", f"developer@application:{provider}")
    reader, deployer = guarded.token("reader", "reader@*"), guarded.token("cd", "reader@*", "deploy@environment:test")
    publish = ("publish", write(tmp_path, pact(consumer, provider, [message("m")])), "--consumer-app-version", "1",
               "--branch", "main")  # fmt: skip
    for refused in ((), ("-u", "x", "-p", "nonsense"), ("-k", reader)):
        tool.run(*publish, *refused, code=1)
        assert broker.client.get(path("pacticipants", consumer)).status_code == 404, refused
    tool.run(*publish, "-k", writer)
    assert broker.get("pacts", "provider", provider, "consumer", consumer, "version", "1")["interactions"]
    for as_password in (("-u", f"{name}-ci", "-p", writer), ("-k", writer)):
        tool.run("create-version-tag", "--pacticipant", consumer, "--version", "1", "--tag", "t", *as_password)
    broker.version(provider, "7")
    record = ("record-deployment", "--pacticipant", provider, "--version", "7", "--environment", "test")
    here = ("environments", broker.environments()["test"], "deployed-versions", "currently-deployed")

    def deployed() -> list[str]:
        rows = broker.get(*here, pacticipant=provider)["_embedded"]["deployedVersions"]
        return [one["_embedded"]["version"]["number"] for one in rows]

    tool.run(*record, "-k", reader, code=1)
    assert deployed() == []
    tool.run(*record, "-k", deployer)
    assert deployed() == ["7"]
    ask = ("can-i-deploy", "--pacticipant", consumer, "--version", "1", "--to-environment", "test")
    tool.run(*ask, "-k", reader, code=1)
    broker.result(consumer, "1", provider, "7", success=True)
    tool.run(*ask, "-k", reader)


# pact-python's verifier (the Rust core)


def verify(
    client: httpx.Client, provider: str, number: str, answers: dict[str, Any], *, wip_since: str | None = None
) -> bool:
    """Verify a provider of messages and publish the results; whether the verifier is content."""
    asked = {
        "url": broker_url(client),
        "provider": provider,
        "number": number,
        "branch": "main",
        "tags": ["checked"],
        "answers": answers,
        "selectors": [{"main_branch": True}, {"deployed_or_released": True}],
        "pending": True,
        "wip_since": wip_since,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.pact_verifier"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def test_the_verifier_takes_selectors_pending_and_work_in_progress(client: httpx.Client, broker: Broker) -> None:
    consumer, provider = "python/shop é", "python api+"
    broker.publish(consumer, "1", provider, [message("an order", id=1)], branch="main")
    broker.deploy(consumer, "1", "production")

    # A pending pact fails without failing the build; the result is published all the same.
    assert verify(client, provider, "1", {"an order": {"id": "one"}})
    sha = broker.get("pacts", "provider", provider, "consumer", consumer, "version", "1")["_links"]["pb:pact-version"][
        "name"
    ]
    results = ("pacts", "provider", provider, "consumer", consumer, "pact-version", sha, "verification-results")
    failed = broker.get(*results, "latest")
    assert (failed["success"], failed["providerApplicationVersion"]) == (False, "1")
    (test,) = failed["testResults"]
    served_ids = [
        one["_id"]
        for one in broker.get("pacts", "provider", provider, "consumer", consumer, "version", "1")["interactions"]
    ]
    assert [test["interactionId"]] == served_ids
    version = broker.get("pacticipants", provider, "versions", "1")["_embedded"]
    assert [mark["name"] for mark in version["branches"]] == ["main"]
    assert [mark["name"] for mark in version["tags"]] == ["checked"]

    assert verify(client, provider, "2", {"an order": {"id": 1}})
    assert broker.get(*results, "latest")["success"] is True
    # Once it was verified on this branch, failing fails the build.
    assert not verify(client, provider, "3", {"an order": {"id": "one"}})
    assert broker.get(*results, "latest")["success"] is False

    broker.publish(consumer, "2", provider, [message("an order", id=1), message("news")], branch="feature")

    assert verify(client, provider, "4", {"an order": {"id": 1}, "news": {"id": 9}}, wip_since="2020-01-01")
    feature = broker.get("pacts", "provider", provider, "consumer", consumer, "version", "2")
    wip = broker.client.get(broker.follow(feature["_links"]["pb:latest-verification-results"]["href"])).json()
    assert (wip["success"], wip["wip"]) == (False, True)
    query = (
        f"q[][pacticipant]={quote(consumer)}&q[][version]=1&q[][pacticipant]={quote(provider, safe='')}&q[][version]=4"
    )
    assert broker.matrix(f"{query}&latestby=cvpv")["summary"]["deployable"] is True


def test_the_verifier_of_the_command_line_verifies_from_the_broker(
    client: httpx.Client, broker: Broker, tmp_path: Path
) -> None:
    """`pact verifier` against an HTTP provider, which is the broker itself: its own health page."""
    consumer, provider = "monitor", "tenor itself"
    interaction = {
        "type": "Synchronous/HTTP",
        "description": "is it alive",
        "request": {"method": "GET", "path": "/health/live"},
        "response": {"status": 200, "body": {"content": {"status": "live"}, "contentType": "application/json"}},
    }
    broker.publish(consumer, "1", provider, [interaction], branch="main")
    command = [
        TOOLS["rust"][0], "verifier", "--broker-url", broker_url(client), "--provider-name", provider,
        "--hostname", client.base_url.host, "--port", str(client.base_url.port), "--publish", "--provider-version", "5",
        "--provider-branch", "main",
    ]  # fmt: skip
    environment = {**os.environ, "PACT_DO_NOT_TRACK": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    query = (
        f"q[][pacticipant]={consumer}&q[][version]=1&q[][pacticipant]={quote(provider)}&q[][version]=5&latestby=cvpv"
    )
    assert broker.matrix(query)["summary"]["deployable"] is True


@pytest.mark.node
def test_a_consumer_of_messages_in_node_and_its_provider(client: httpx.Client, broker: Broker, tmp_path: Path) -> None:
    consumer, provider = "node shop é", "node api+"

    def node(*arguments: str) -> str:
        done = subprocess.run(
            ["node", "pact.mjs", *arguments],
            cwd=NODE_PROJECT,
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, "PACT_DO_NOT_TRACK": "true"},
            check=False,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    node("consume", str(tmp_path))
    (file,) = tmp_path.glob("*.json")
    rust = Tool(tuple(TOOLS["rust"]), broker_url(client), consumer, provider)
    rust.run("publish", str(file), "--consumer-app-version", "1", "--branch", "main")
    document = broker.get("pacts", "provider", provider, "consumer", consumer, "version", "1")
    (message_read,) = document.get("messages") or document["interactions"]
    assert message_read["description"] == "an order event"
    assert (
        broker.get("pacts", "provider", provider, "provider-states")["providerStates"][0]["name"] == "an order exists"
    )
    assert '"verified":true' in node("verify", broker_url(client), "8", "3")
    assert '"verified":false' in node("verify", broker_url(client), "9", '"three"')
    query = f"q[][pacticipant]={quote(consumer)}&q[][version]=1&q[][pacticipant]={quote(provider, safe='')}"
    assert broker.matrix(f"{query}&q[][version]=8&latestby=cvpv")["summary"]["deployable"] is True
    assert broker.matrix(f"{query}&q[][version]=9&latestby=cvpv")["summary"]["deployable"] is False
    assert broker.get("pacticipants", provider)["mainBranch"] == "main"
