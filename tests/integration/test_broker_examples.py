"""The worked can-i-deploy examples, told to a broker over HTTP and answered by SQL, on both engines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contracts.queries import environments
from contracts.verdict import Reason
from registry.settings import Settings
from registry.store.engine import Db, Store, open_store
from tests.integration.served import client_on
from tests.pacts import Broker, message
from tests.unit.contracts.examples import EXAMPLES, G1, G2, Example

_VERSION = r"(?P<name>[A-Za-z]\w*)@(?P<number>[\w.]+)(?P<marks>(?:\[[^\]]*\]|\{[^}]*\})*)"
_PACT = re.compile(rf"{_VERSION}\s*->\s*(?P<provider>\w+)\s*(?::(?P<results>.*))?")
_RESULT = re.compile(rf"(?P<outcome>ok|FAIL)\({_VERSION}\)")
_RECORD = re.compile(rf"(?P<verb>dep|rel|version)\({_VERSION}(?:,(?P<environment>\w+))?(?:,(?P<instance>\w+))?\)")
# Names and tags are the examples' own: nothing is to be inferred from them.
SETTINGS = Settings(pact_similar_names=False, pact_tags_as_branches=False, pact_tags_deploy=False)


@pytest.fixture(scope="module", params=["sound", "reference"])
def soundness(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def _served_broker(engine_url: str, soundness: str) -> Iterator[tuple[httpx.Client, Store]]:
    store = open_store(engine_url)
    with client_on(engine_url, replace(SETTINGS, pact_soundness=soundness), store=store) as client:
        yield client, store


@pytest.fixture
def broker(_served_broker: tuple[httpx.Client, Store]) -> Broker:
    client, store = _served_broker
    store.write_now(forget)
    return Broker(client)


def forget(db: Db) -> None:
    """Nothing is known: everything hangs on applications and environments."""
    for table in ("application", "environment", "event"):
        db.run(f"DELETE FROM {table}")
    environments.seed(db, 0)


class Teller:
    """Tells a graph (`tests.unit.contracts.ledger` has the notation) to a broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.count = 0

    def tell(self, text: str) -> None:
        for statement in filter(None, (part.strip() for part in text.split(";"))):
            self._tell(statement)

    def _tell(self, statement: str) -> None:
        pact, record = _PACT.fullmatch(statement), _RECORD.fullmatch(statement)
        if pact:
            self.count += 1
            self._version(pact)
            name, number, provider = pact["name"], pact["number"], pact["provider"]
            self.broker.publish(name, number, provider, [message(f"m{self.count}")])
            for found in _RESULT.finditer(pact["results"] or ""):
                self._version(found)
                self.broker.result(name, number, provider, found["number"], success=found["outcome"] == "ok")
            return
        assert record, statement
        self._version(record)
        if record["verb"] == "dep":
            self.broker.deploy(record["name"], record["number"], record["environment"], record["instance"] or "")
        elif record["verb"] == "rel":
            self.broker.release(record["name"], record["number"], record["environment"])

    def _version(self, told: re.Match[str]) -> None:
        branches = re.findall(r"\{([^}]*)\}", told["marks"])
        tags = re.findall(r"\[([^\]]*)\]", told["marks"])
        self.broker.version(
            told["name"], told["number"], branch=branches[0] if branches else None, tag=tags[0] if tags else None
        )


def told(row: dict[str, Any]) -> str:
    result = row["verificationResult"]
    outcome = "?" if result is None else " ok" if result["success"] else " FAIL"
    provider = row["provider"]["version"]
    consumer = f"{row['consumer']['name']}@{row['consumer']['version']['number']}"
    return f"{consumer}-{row['provider']['name']}@{provider['number'] if provider else ''}{outcome}"


LEVELS = {kind.__name__: str(kind.level.value) for kind in Reason.__subclasses__()}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_the_worked_examples_have_their_answers(broker: Broker, soundness: str, example: Example) -> None:
    if soundness == "reference":
        example = replace(example, **example.reference)
    Teller(broker).tell(example.given)
    for name in set(re.findall(r"q\[\]\[pacticipant\]=(\w+)", example.asked)):
        broker.client.put(f"/pact/pacticipants/{name}", json={})
    for name in set(re.findall(r"environment=(\w+)", example.asked)):
        broker.environment(name)
    found = broker.matrix(example.asked)
    summary = found["summary"]
    assert summary["deployable"] is example.deployable, found["notices"]
    levels = [notice["type"] for notice in found["notices"]]
    reasons = [level for level in levels if level != "warning"]
    assert sorted(reasons) == sorted(LEVELS[name] for name in example.reasons), found["notices"]
    if example.warnings is not None:
        assert levels.count("warning") == len(example.warnings)
    if example.counts is not None:
        counts = (summary["success"], summary["failed"], summary["unknown"], summary.get("ignored"))
        assert counts == example.counts
    if example.rows is not None:
        assert tuple(map(told, found["matrix"])) == example.rows
    for words in example.words:
        assert words in summary["reason"]


def test_can_i_deploy_is_one_question(broker: Broker) -> None:
    Teller(broker).tell(f"{G1}; Foo@1 -> Baz: FAIL(Baz@99)")
    h3 = broker.get("can-i-deploy", pacticipant="Foo", version="1", environment="production", **{"ignore[]": "Baz"})
    assert (h3["summary"]["deployable"], h3["summary"]["ignored"]) == (True, 1)
    h1 = broker.get("can-i-deploy", pacticipant="Foo", version="1", environment="production")
    assert h1["summary"]["deployable"] is None
    h2 = broker.client.get("/pact/can-i-deploy")
    assert h2.status_code == 400
    assert "summary" not in h2.json()


def test_the_matrix_of_a_pair(broker: Broker) -> None:
    Teller(broker).tell(G2)
    found = broker.get("matrix", "provider", "Bar", "consumer", "Foo")  # H7
    summary = found["summary"]
    assert summary["deployable"] is None
    assert [notice["type"] for notice in found["notices"]] == ["error", "error"]
    assert (summary["success"], summary["failed"], summary["unknown"]) == (1, 1, 1)
