"""The command `tenor` against a served contract broker: each step is asserted on what the server then holds."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import documents
from tests.pacts import Broker, message, pact

TENOR = Path(sys.executable).with_name("tenor")
CONSUMER, PROVIDER = "shop/web c+é", "orders/api 100% 日本"


class Shell:
    """A folder to type in, and the server that TENOR_URL names."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def pact(self, name: str, consumer: str, provider: str, described: str) -> str:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(pact(consumer, provider, [message(described)])), encoding="utf-8")
        return name

    def tenor(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [TENOR, *arguments],
            cwd=self.folder,
            env={"TENOR_URL": self.url, "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def document(self, *arguments: str, code: int = 0) -> Any:
        return documents.read(self.tenor(*arguments, "--output", "json", code=code).stdout)


@pytest.fixture
def shell(tmp_path: Path, registry: httpx.Client) -> Shell:
    return Shell(tmp_path, str(registry.base_url))


@pytest.fixture
def broker(registry: httpx.Client) -> Broker:
    return Broker(registry)


def released(broker: Broker, environment: str) -> list[str]:
    """The numbers of the versions that are released to an environment and supported."""
    place = broker.environment(environment)
    found = broker.get("environments", place, "released-versions", "currently-supported")["_embedded"]
    return sorted(one["_embedded"]["version"]["number"] for one in found["releasedVersions"])


def deployed(broker: Broker, environment: str) -> list[tuple[str, str]]:
    """What runs in an environment: version numbers and instances."""
    place = broker.environment(environment)
    found = broker.get("environments", place, "deployed-versions", "currently-deployed")["_embedded"]
    return sorted(
        (one["_embedded"]["version"]["number"], one.get("applicationInstance", "")) for one in found["deployedVersions"]
    )


def test_the_journey_of_a_version_from_publishing_to_production(shell: Shell, broker: Broker) -> None:
    made = shell.tenor("env", "create", "live", "--production", "--display-name", "Live, for all")
    assert made.stdout == "created environment live\n"
    place = broker.get("environments", name="live")["_embedded"]["environments"][0]
    assert (place["displayName"], place["production"]) == ("Live, for all", True)
    assert "live" in shell.tenor("env", "list").stdout
    assert place["uuid"] in [row["uuid"] for row in shell.document("env", "list")["environments"]]

    file = shell.pact("order.json", CONSUMER, PROVIDER, "an order")
    publish = ("contracts", "publish", file, "--consumer-version", "1.0/rc 1", "--branch", "feat/x y")
    shell.tenor(*publish, "--tag", "dev", "--tag", "t/2 b", "--build-url", "https://ci.example.org/7")
    assert broker.get("pacticipants", CONSUMER, "versions", "1.0/rc 1")["buildUrl"] == "https://ci.example.org/7"
    version = broker.get("pacticipants", CONSUMER, "versions", "1.0/rc 1")["_embedded"]
    assert [mark["name"] for mark in version["branches"]] == ["feat/x y"]
    assert sorted(mark["name"] for mark in version["tags"]) == ["dev", "t/2 b"]
    assert broker.get("pacts", "provider", PROVIDER, "consumer", CONSUMER, "version", "1.0/rc 1")["interactions"]
    shell.tenor(*publish)  # the same again
    (row,) = shell.document("contracts", "list", "--provider", PROVIDER)["contracts"]
    assert (row["consumer"], row["version"], row["provider"]) == (CONSUMER, "1.0/rc 1", PROVIDER)
    assert CONSUMER in shell.tenor("contracts", "list").stdout

    broker.version(PROVIDER, "7 b/2")
    deploy = ("deploy", "--application", PROVIDER, "--version", "7 b/2", "--environment", "live")
    assert "is deployed to live" in shell.tenor(*deploy).stdout
    assert deployed(broker, "live") == [("7 b/2", "")]
    shell.tenor(*deploy)
    assert deployed(broker, "live") == [("7 b/2", "")]
    blue = shell.document(*deploy, "--instance", "blue")
    assert (blue["applicationInstance"], blue["currentlyDeployed"]) == ("blue", True)
    assert deployed(broker, "live") == [("7 b/2", ""), ("7 b/2", "blue")]

    ask = ("can-i-deploy", "--application", CONSUMER, "--version", "1.0/rc 1", "--to-environment", "live")
    unknown = shell.tenor(*ask, code=3).stdout.splitlines()
    assert unknown[0].startswith(f"don't know: {CONSUMER} version 1.0/rc 1 ")
    assert any(PROVIDER in line for line in unknown[1:])
    assert shell.document(*ask, code=3)["deployable"] is None
    broker.result(CONSUMER, "1.0/rc 1", PROVIDER, "7 b/2", success=False)
    assert shell.tenor(*ask, code=1).stdout.startswith("no: ")
    no = shell.document(*ask, code=1)
    assert (no["answer"], no["deployable"], no["summary"]["failed"]) == ("no", False, 1)
    broker.result(CONSUMER, "1.0/rc 1", PROVIDER, "7 b/2", success=True)
    assert shell.tenor(*ask).stdout.startswith(f"yes: {CONSUMER} version 1.0/rc 1 can be deployed to live\n  ")
    yes = shell.document(*ask)
    assert (yes["answer"], yes["deployable"], len(yes["matrix"])) == ("yes", True, 1)


def test_what_an_environment_runs_is_recorded_and_taken_back(shell: Shell, broker: Broker) -> None:
    shell.tenor("env", "create", "stage")
    for number in ("1", "2 b/c", "3"):
        broker.version(PROVIDER, number)
    here = ("--application", PROVIDER, "--environment", "stage")
    for number, more in (("1", ()), ("2 b/c", ("--instance", "blue/é"))):
        shell.tenor("deploy", "record", *here, "--version", number, *more)
    assert deployed(broker, "stage") == [("1", ""), ("2 b/c", "blue/é")]
    wrong = shell.tenor("deploy", "undeploy", *here, "--version", "2 b/c", code=2)
    assert "there are: 2 b/c (instance blue/é), 1\n" in wrong.stderr
    undone = shell.document("deploy", "undeploy", *here, "--instance", "blue/é")
    assert [one["version"] for one in undone["undeployed"]] == ["2 b/c"]
    assert deployed(broker, "stage") == [("1", "")]
    assert "is not deployed to stage any more" in shell.tenor("deploy", "undeploy", *here, "--version", "1").stdout
    assert deployed(broker, "stage") == []
    assert "is not deployed to stage" in shell.tenor("deploy", "undeploy", *here, code=2).stderr

    for number in ("1", "3", "3"):
        shell.tenor("deploy", "release", *here, "--version", number)
    assert released(broker, "stage") == ["1", "3"]
    ended = shell.document("deploy", "support-ended", *here, "--version", "1")
    assert [one["version"] for one in ended["support_ended"]] == ["1"]
    assert released(broker, "stage") == ["3"]
    shell.tenor("deploy", "support-ended", *here, "--version", "1", code=2)
    shell.tenor("deploy", "release", *here, "--version", "1")  # supported again
    assert released(broker, "stage") == ["1", "3"]

    shell.tenor("deploy", *here, "--version", "3")
    told = shell.tenor("env", "describe", "stage").stdout
    assert told.index("deployed:") < told.index(PROVIDER) < told.index("released:")
    described = shell.document("env", "describe", "stage")
    assert [one["version"] for one in described["deployed"]] == ["3"]
    assert sorted(one["version"] for one in described["released"]) == ["1", "3"]
    kept = shell.tenor("env", "delete", "stage", code=5)
    assert (kept.stdout, "version 3" in kept.stderr, "stage" in broker.environments()) == ("", True, True)
    assert shell.document("env", "delete", "stage", code=5)["deleted"] is False
    shell.tenor("env", "delete", "stage", "--force")
    assert "stage" not in broker.environments()


def test_an_environment_changes_only_in_what_is_said(shell: Shell, broker: Broker) -> None:
    def place(name: str) -> dict[str, Any]:
        (found,) = broker.get("environments", name=name)["_embedded"]["environments"]
        return {key: found.get(key) for key in ("name", "displayName", "production", "contacts")}

    shell.tenor("env", "create", "first", "--production", "--display-name", "The first")
    shell.tenor("env", "update", "first", "--contact", "Sam=sam@example.org", "--contact", "Ops=ops@example.org")
    contacts = [
        {"name": name, "details": {"emailAddress": email}}
        for name, email in (("Sam", "sam@example.org"), ("Ops", "ops@example.org"))
    ]
    kept = {"name": "first", "displayName": "The first", "production": True, "contacts": contacts}
    assert place("first") == kept
    shell.tenor("env", "update", "first", "--no-production")
    shell.tenor("env", "update", "first", "--name", "second", "--display-name", "No longer first")
    changed = {**kept, "name": "second", "displayName": "No longer first", "production": False}
    assert place("second") == changed
    assert "contact: Sam, sam@example.org\n" in shell.tenor("env", "describe", "second").stdout
    shell.tenor("env", "create", "third")
    assert "third" in shell.tenor("env", "update", "second", "--name", "third", code=5).stderr
    assert place("second") == changed
    for wrong in (
        ("second",),
        ("second", "--contact", "nobody"),
        ("first", "--production"),
        ("second", "--name", "a b"),
    ):
        shell.tenor("env", "update", *wrong, code=2)
    assert place("second") == changed
    assert shell.document("env", "delete", "second")["deleted"] is True
    assert "second" not in broker.environments()


def test_a_version_is_chosen_and_sent_somewhere_in_each_of_the_ways(shell: Shell, broker: Broker) -> None:
    consumer, provider, other = "cli/asker é", "cli answerer+", "cli bystander:1"
    broker.version(provider, "7", branch="main", tag="prod")
    broker.publish(consumer, "1", provider, [message("kept", id=1)], branch="main", tags=["rc"])
    broker.publish(consumer, "2", provider, [message("broken", id=2)], branch="feat/x")
    broker.result(consumer, "1", provider, "7", success=True)
    broker.result(consumer, "2", provider, "7", success=False)
    broker.deploy(provider, "7", "test")
    for code, which, where in (
        (0, ("--version", "1"), ("--to-environment", "test")),
        (1, ("--version", "2"), ("--environment", "test")),
        (0, ("--branch", "main"), ("--to", "prod")),
        (1, ("--branch", "feat/x"), ("--to-main-branch",)),
        (0, ("--main-branch",), ("--environment", "test")),
        (0, ("--latest", "rc"), ("--to-main-branch",)),
        (1, ("--latest",), ("--to", "prod")),
    ):
        told = shell.document("can-i-deploy", "--application", consumer, *which, *where, code=code)
        assert [row["provider"]["name"] for row in told["matrix"]] == [provider], (which, where)
    ask = ("can-i-deploy", "--pacticipant", consumer, "--to", "prod")
    ignored = shell.document(*ask, "--version", "2", "--ignore", provider)
    assert (ignored["summary"]["ignored"], ignored["matrix"][0]["ignored"]) == (1, True)
    assert shell.document(*ask, "--version", "2", "--ignore", f"{provider}:7")["summary"]["ignored"] == 1
    broker.version(other, "1")
    assert shell.document(*ask, "--version", "2", "--ignore", f"{other}:", code=1)["summary"]["ignored"] == 0
    for wrong in ((), ("--version", "1", "--branch", "main"), ("--version", "1", "--environment", "test")):
        shell.tenor(*ask, *wrong, code=2)


def test_waiting_ends_with_the_result_or_with_the_time(shell: Shell, broker: Broker) -> None:
    consumer, provider = "cli waiter", "cli slow"
    broker.version(provider, "1")
    broker.publish(consumer, "1", provider, [message("m")], branch="main")
    broker.deploy(provider, "1", "test")
    ask = ("can-i-deploy", "--application", consumer, "--version", "1", "--to-environment", "test")
    late = threading.Timer(1.0, lambda: broker.result(consumer, "1", provider, "1", success=True))
    began = time.monotonic()
    assert "waiting up to 0.2 s" in shell.tenor(*ask, "--wait", "0.2", code=3).stderr
    late.start()
    assert shell.tenor(*ask, "--wait", "30").stdout.startswith("yes: ")
    late.join()
    assert time.monotonic() - began < 20
    broker.result(consumer, "1", provider, "1", success=False)
    assert shell.tenor(*ask, "--wait", "30", code=1).stderr == ""
    shell.tenor(*ask, "--wait", "-1", code=2)
    shell.tenor(*ask, "--wait", "nan", code=2)


def test_what_contradicts_the_published_is_refused_and_changes_nothing(shell: Shell, broker: Broker) -> None:
    consumer, provider = "cli refused", "stock"
    first = shell.pact("one.json", consumer, provider, "one")
    shell.tenor("contracts", "publish", first, "--consumer-version", "1")
    before = broker.get("pacts", "provider", provider, "consumer", consumer, "version", "1")
    shell.pact("more/a.json", consumer, provider, "another")
    shell.pact("more/b.json", consumer, "cellar", "b")
    refused = shell.tenor("contracts", "publish", "more", "--consumer-version", "1", code=5)
    assert (refused.stdout, refused.stderr.count("error:")) == ("", 1)
    assert consumer in refused.stderr
    assert broker.get("pacts", "provider", provider, "consumer", consumer, "version", "1") == before
    assert shell.document("contracts", "list", "--provider", "cellar")["contracts"] == []
    shell.tenor("contracts", "publish", "more", "--consumer-version", "2")
    assert len(shell.document("contracts", "list", "--provider", "cellar")["contracts"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("can-i-deploy", "--application", "no/body", "--version", "1", "--to-environment", "test"), "no/body"),
        (("can-i-deploy", "--application", "cli known", "--version", "1", "--to-environment", "moon"), "moon"),
        (("deploy", "--application", "cli known", "--version", "1", "--environment", "moon"), "there are: "),
        (("deploy", "--application", "cli known", "--version", "9/9", "--environment", "test"), "9/9"),
        (("deploy", "--application", "no/body", "--version", "1", "--environment", "test"), "no/body"),
        (("env", "create", "two words"), "name"),
    ],
)
def test_what_is_not_there_is_named_in_one_sentence(
    shell: Shell, broker: Broker, arguments: tuple[str, ...], said: str
) -> None:
    broker.version("cli known", "1")
    before = (broker.environments(), deployed(broker, "test"))
    failed = shell.tenor(*arguments, code=2)
    assert (failed.stdout, len(failed.stderr.splitlines())) == ("", 1)
    assert said in failed.stderr
    assert shell.document(*arguments, code=2)["error"]["exit_code"] == 2
    assert (broker.environments(), deployed(broker, "test")) == before


def test_an_environment_is_created_once(shell: Shell, broker: Broker) -> None:
    shell.tenor("env", "create", "once")
    before = broker.environments()
    assert "'once' exists already" in shell.tenor("env", "create", "once", "--production", code=5).stderr
    assert broker.environments() == before
    assert broker.get("environments", name="once")["_embedded"]["environments"][0]["production"] is False


def test_a_version_that_does_not_exist_cannot_be_deployed(shell: Shell, broker: Broker) -> None:
    broker.version("cli known", "1")
    ask = ("can-i-deploy", "--application", "cli known", "--version", "never", "--to-environment", "test")
    assert "never" in shell.tenor(*ask, code=1).stdout.splitlines()[1]


def test_a_producer_verifies_its_events_and_the_server_has_the_results(shell: Shell, broker: Broker) -> None:
    consumer, provider = "cli/billing é", "cli sales+"
    broker.publish(consumer, "1", provider, [message("an order", id=1)], branch="main")
    (shell.folder / "order.json").write_text('{"id": 1}')
    (shell.folder / "wrong.json").write_text('{"id": "one"}')

    def verify(version: str, file: str, *more: str, code: int) -> Any:
        options = ("--provider", provider, "--provider-version", version, "--message", f"an order={file}")
        return shell.document("contracts", "verify", *options, *more, code=code)

    def results(version: str) -> list[bool | None]:
        asked = httpx.QueryParams([("q[][pacticipant]", provider), ("q[][version]", version), ("latestby", "cvpv")])
        rows = broker.matrix(str(asked))["matrix"]
        return [row["verificationResult"]["success"] for row in rows if row["verificationResult"]]

    assert verify("0", "wrong.json", "--branch", "early", "--pending", code=0)["answer"] == "passed"
    assert verify("0", "wrong.json", "--branch", "early", code=1)["answer"] == "failed"
    publish = ("--publish", "--branch", "feat/x y")
    told = verify("1.0/a b", "order.json", *publish, code=0)
    assert (told["answer"], told["contracts"]) == ("passed", [{"consumer": consumer, "version": "1"}])
    assert results("1.0/a b") == [True]
    version = broker.get("pacticipants", provider, "versions", "1.0/a b")
    assert [mark["name"] for mark in version["_embedded"]["branches"]] == ["feat/x y"]
    assert verify("2", "wrong.json", *publish, code=1)["answer"] == "failed"
    assert results("2") == [False]
    verify("2", "order.json", *publish, "--selector", '{"mainBranch": true}', code=0)
    assert results("2") == [True]
    assert verify("3", "order.json", code=0)["published"] is False
    assert "3" not in [
        one["number"] for one in broker.get("pacticipants", provider, "versions")["_embedded"]["versions"]
    ]
    broker.publish(consumer, "2", provider, [message("an order", id=2, more=1)], branch="feature")
    early = ("--branch", "main", "--selector", '{"mainBranch": true}', "--build-url", "https://ci.example.org/9")
    assert verify("4", "order.json", "--publish", *early, code=0)["contracts"] == [
        {"consumer": consumer, "version": "1"}
    ]
    told = verify("5", "order.json", "--publish", *early, "--wip-since", "2020-01-01", code=0)
    assert sorted(one["version"] for one in told["contracts"]) == ["1", "2"]
    assert sorted(results("5"), key=str) == [False, True]
    sha = broker.get("pacts", "provider", provider, "consumer", consumer, "version", "2")["_links"]["pb:pact-version"]
    wip = broker.get("pacts", "provider", provider, "consumer", consumer, "pact-version", sha["name"],
                         "verification-results", "latest")  # fmt: skip
    assert (wip["wip"], wip["success"], wip["buildUrl"]) == (True, False, "https://ci.example.org/9")
    assert verify("2", "order.json", "--wip-since", "soon", code=2)["error"]["exit_code"] == 2
    assert verify("2", "order.json", "--selector", '{"branch": "none"}', code=3)["answer"] == "nothing to verify"
    assert verify("2", "order.json", "--selector", '{"colour": "red"}', code=2)["error"]["exit_code"] == 2


def test_a_provider_of_http_is_verified_where_it_serves(shell: Shell, broker: Broker) -> None:
    def get(where: str, status: int) -> dict[str, Any]:
        request = {"method": "GET", "path": where}
        return {"type": "Synchronous/HTTP", "description": where, "request": request, "response": {"status": status}}

    options = ("--provider", "registry itself", "--provider-version", "1", "--provider-url", shell.url, "--publish")
    for number, status, code in (("1", 404, 1), ("2", 200, 0)):
        broker.publish("reader/1", number, "registry itself", [get("/subjects", status)], branch="main")
        done = shell.tenor("contracts", "verify", *options, code=code)
        assert "tracking" not in done.stderr  # pact's core reports to its makers unless it is told not to
        assert done.stdout.endswith(f": registry itself version 1\n  contract with reader/1 version {number}\n")
        asked = {"q[][pacticipant]": "reader/1", "q[][version]": number, "latestby": "cvpv"}
        (row,) = broker.matrix(str(httpx.QueryParams(asked)))["matrix"]
        assert row["verificationResult"]["success"] is (code == 0)
    # One provider that both serves and sends.
    (shell.folder / "sent.json").write_text('{"id": 1}')
    broker.publish("reader/1", "3", "registry itself", [get("/subjects", 200), message("sent", id=1)], branch="main")
    shell.tenor("contracts", "verify", *options, "--message", "sent=sent.json")
