"""From a consumer's test to a producer's: what one test run recorded is published, another verifies the producer.

What comes of it decides a deployment. Real test runs, the `tenor` command, a served registry.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.pacts import Broker
from tests.pytest_runs import run

TENOR = Path(sys.executable).with_name("tenor")

CONSUMER = """
def handle(order):
    return order["total"] * 2 if order.get("currency") == "EUR" else order["total"]

def test_invoices(tenor_events):
    order = {"id": "A1", "total": 3, "currency": "EUR"}
    tenor_events("pytest-orders-value", handle, samples=[order], provider="pytest orders", description="an order")
"""
PRODUCER = """
import os

def test_contracts(tenor_message):
    tenor_message.verify({"an order": {"id": 7, os.environ["FIELD"]: 12}, "a page": None})
"""


def recorded(folder: Path) -> Path:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\ntenor_application = pytest billing\n")
    done = run(folder, CONSUMER, "--tenor-record")
    assert done.returncode == 0, done.stdout
    assert run(folder, CONSUMER).returncode == 0
    [file] = (folder / "contracts").iterdir()
    return file


def tenor(url: str, *arguments: str) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TENOR_")}
    done = subprocess.run([TENOR, *arguments, "--registry", url], env=environment, capture_output=True, check=False)
    return done.returncode


def results(broker: Broker, consumer: str) -> list[Any]:
    query = {"q[][pacticipant]": consumer, "latestby": "cvpv"}
    rows = broker.client.get("/pact/matrix", params=query).json()["matrix"]
    return [(row["provider"]["version"]["number"], row["verificationResult"]["success"])
            for row in rows if row["verificationResult"]]  # fmt: skip


def newest(broker: Broker, provider: str, consumer: str) -> dict[str, Any]:
    names = ("provider", provider, "consumer", consumer, "version", "1.4", "verification-results", "latest")
    return broker.get("pacts", *names)


def number_of_last(broker: Broker, provider: str, consumer: str) -> int:
    """Results of all contracts are numbered in one sequence."""
    return int(newest(broker, provider, consumer)["_links"]["self"]["href"].rpartition("/")[2])


def test_a_recording_is_verified_and_decides(registry: httpx.Client, tmp_path: Path) -> None:
    broker, url = Broker(registry), str(registry.base_url).rstrip("/")
    consumer, provider = "pytest billing", "pytest orders"
    file = recorded(tmp_path / "consumer")
    document = json.loads(file.read_text())
    publish = ("contracts", "publish", str(file), "--branch", "main", "--consumer-version")
    assert tenor(url, *publish, "1.4") == 0
    broker.version(provider, "1", branch="main")
    deploy = ("deploy", "--application", provider, "--environment", "production", "--version")
    ask = ("can-i-deploy", "--application", consumer, "--version", "1.4", "--to-environment", "production")
    assert tenor(url, *deploy, "1") == 0
    assert tenor(url, *ask) == 3  # nobody knows

    ours = tmp_path / "producer"
    ours.mkdir()
    (ours / "pytest.ini").write_text(f"[pytest]\ntenor_provider = '{provider}'\n")
    options = ("-n2", f"--tenor-broker={url}", "--tenor-branch=main", '--tenor-selector={"mainBranch": true}')

    # Without being asked to, nothing is recorded.
    done = run(ours, PRODUCER, *options, FIELD="total")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{consumer} 1.4 with {provider}: kept, 1 message" in done.stdout
    assert results(broker, consumer) == []

    done = run(ours, PRODUCER, *options, "--tenor-publish", "--tenor-provider-version=1", FIELD="sum")
    assert done.returncode == 1
    assert "missing the following keys: total" in done.stdout
    assert f"recorded as broken: {consumer} 1.4 with {provider} 1" in done.stdout
    assert results(broker, consumer) == [("1", False)]
    recorded_as = number_of_last(broker, provider, consumer)
    assert tenor(url, *ask) == 1

    done = run(
        ours, PRODUCER, *options, "--tenor-publish", "--tenor-provider-version=2", "--tenor-tag=t",
        "--tenor-build-url=http://build/7", FIELD="total",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    last = newest(broker, provider, consumer)
    assert (last["success"], last["buildUrl"]) == (True, "http://build/7")
    assert [(each["interactionId"] != "", each["success"]) for each in last["testResults"]] == [(True, True)]
    assert number_of_last(broker, provider, consumer) == recorded_as + 1  # once, whatever number of workers
    assert last["verifiedBy"]["clientLanguage"]["testFramework"].startswith("pytest ")
    version = broker.get("pacticipants", provider, "versions", "2")
    assert [each["name"] for each in version["_embedded"]["branches"]] == ["main"]
    assert [each["name"] for each in version["_embedded"]["tags"]] == ["t"]
    assert tenor(url, *deploy, "2") == 0
    assert tenor(url, *ask) == 0
    assert [each for each in results(broker, consumer) if each[0] == "2"] == [("2", True)]

    # What was never kept is pending: the run passes, the result is recorded, and nobody is misled.
    document["interactions"][0] |= {"description": "a page"}
    file.write_text(json.dumps(document))
    assert tenor(url, *publish, "1.5") == 0
    done = run(
        ours, PRODUCER, *options, "--tenor-pending", "--tenor-publish", "--tenor-provider-version=2", FIELD="total"
    )
    assert done.returncode == 0, done.stdout
    assert "1 xfailed" in done.stdout
    assert "broken by 'a page' (pending: it may fail)" in done.stdout
    assert tenor(url, *ask[:4], "1.5", *ask[5:]) == 1


def test_half_a_run_records_nothing_and_a_lost_result_fails_it(registry: httpx.Client, tmp_path: Path) -> None:
    broker, url = Broker(registry), str(registry.base_url).rstrip("/")
    one = {"type": "Asynchronous/Messages", "contents": {"content": {"id": 1}, "contentType": "application/json"},
           "matchingRules": {"body": {"$": {"matchers": [{"match": "type"}]}}}}  # fmt: skip
    broker.publish("half", "1", "halved", [one | {"description": "an order"}, one | {"description": "a page"}])
    options = (f"--tenor-broker={url}", "--tenor-provider=halved", "--tenor-publish", "--tenor-provider-version=1")
    done = run(tmp_path, PRODUCER, *options, "-k", "order", FIELD="x")
    assert done.returncode == 0, done.stdout
    assert "half 1 with halved: unknown, 1 of 2 messages not verified" in done.stdout
    assert "not recorded, because it is unknown: half 1 with halved 1" in done.stdout
    assert results(broker, "half") == []
    done = run(tmp_path, "def test_else(): pass", *options)
    assert "half 1 with halved: unknown, 2 of 2 messages not verified" in done.stdout
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['pact'] = None\n")
    done = run(tmp_path, PRODUCER, *options, FIELD="x")
    assert (done.returncode, "recorded as broken" in done.stdout) == (1, False), done.stdout
    assert results(broker, "half") == []
    (tmp_path / "conftest.py").unlink()
    # A failure is one, whatever became of the rest.
    done = run(tmp_path, PRODUCER, *options, "-x", "-k", "page", FIELD="x")
    assert "recorded as broken" in done.stdout
    assert results(broker, "half") == [("1", False)]

    lost = "import tenor.broker as b\nb.record_result = lambda *a: b.Call('GET', '/pact/nowhere', bool)\n"
    (tmp_path / "conftest.py").write_text(lost)
    done = run(tmp_path, PRODUCER.replace('"a page": None', '"a page": {"id": 2}'), *options, FIELD="x")
    assert done.returncode == 1, done.stdout
    assert "NOT RECORDED: NotFound: " in done.stdout
    assert "2 passed" in done.stdout
    # Nor does one fail quietly who may not ask.
    done = run(tmp_path, PRODUCER, "--tenor-broker=http://u:p@127.0.0.1:9", "--tenor-provider=p", FIELD="x")
    assert (done.returncode, "u:p" in done.stderr) == (4, False), done.stderr
