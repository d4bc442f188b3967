"""Who fetches schemas and says who it is, becomes a known consumer without a contract, from ready answers too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contracts import observing
from registry.settings import Settings
from tests.integration.callers import ADMIN, GUARDED, token_of
from tests.integration.served import client_on
from tests.integration.test_v1_impact import NUMBER, V1, deploy, environment, impact, publish, recorded, register


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(observing, "EVERY", 0.02)
    with client_on(f"sqlite:///{tmp_path / 't.db'}", Settings()) as client:
        yield client


def seen(client: httpx.Client, count: int, subject: str = "orders-value") -> list[tuple[str, str, str | None]]:
    """The consumers of a subject, once there are so many."""
    deadline = time.monotonic() + 10
    while True:
        told = client.get(f"/api/v1/subjects/{subject}/consumers").json()["consumers"]
        found = [(each["application"], each["version"], each["last_seen"]) for each in told]
        if len(found) >= count or time.monotonic() > deadline:
            assert len(found) == count, found
            return found
        time.sleep(0.02)


FETCHES = [
    "/schemas/ids/1",
    "/schemas/ids/1?subject=orders-value&fetchMaxId=false",
    "/subjects/orders-value/versions/latest",
    "/subjects/orders-value/versions/1/schema",
    "/contexts/.:/subjects/orders-value/versions/1",
]


@pytest.mark.parametrize("path", FETCHES)
def test_a_fetch_with_a_name_makes_a_consumer(client: httpx.Client, path: str) -> None:
    register(client, V1)
    for _ in range(3):  # the second and third are ready answers
        assert client.get(path, headers={"Tenor-Application": "billing@1.4"}).status_code == 200
    assert [each[:2] for each in seen(client, 1)] == [("billing", "1.4")]
    answer = impact(client, V1)
    assert answer["verdict"] == "unknown"
    assert (answer["rows"][0]["evidence"], answer["rows"][0]["rule"]) == ("observed", "no-contract")


def test_a_user_agent_names_the_application_too(client: httpx.Client) -> None:
    register(client, V1)
    client.get("/schemas/ids/1", headers={"User-Agent": "search@7 python-httpx/0.28"})
    client.get("/schemas/ids/1", headers={"User-Agent": "curl/8.0 (admin@example.org)"})
    client.get("/schemas/ids/1", headers={"User-Agent": "x@1", "Tenor-Application": "billing@2"})
    assert sorted(each[:2] for each in seen(client, 2)) == [("billing", "2"), ("search", "7")]


def test_a_token_granted_to_one_application_speaks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "EVERY", 0.02)
    with client_on(f"sqlite:///{tmp_path / 't.db'}", GUARDED) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        register(client, V1)
        for identity, grants in (
            ("billing-ci", ["reader@*", "consumer@application:billing"]),
            ("two", ["reader@*", "consumer@application:a", "consumer@application:b"]),
            ("many", ["reader@*", "consumer@application:team-*"]),
        ):
            secret = token_of(client, identity, *grants)
            for _ in range(2):  # the second is a ready answer
                answer = client.get("/schemas/ids/1", headers={"Authorization": f"Bearer {secret}"})
                assert answer.status_code == 200, answer.text
        assert [each[:2] for each in seen(client, 1)] == [("billing", "")]


def test_what_is_not_there_or_names_nobody_is_not_noted(client: httpx.Client) -> None:
    register(client, V1)
    for path, name in (
        ("/schemas/ids/99", "a@1"),
        ("/subjects/none/versions/1", "a@1"),
        ("/subjects", "a@1"),
        ("/schemas/ids/1", "two words"),
        ("/schemas/ids/1", "x" * 500),
        ("/schemas/ids/1?subject=none", "a@1"),
    ):
        client.get(path, headers={"Tenor-Application": name})
    client.get("/schemas/ids/1", headers={"Tenor-Application": "last@1"})
    assert [each[0] for each in seen(client, 1)] == ["last"]


def test_a_version_with_a_contract_stays_what_its_contract_says(client: httpx.Client) -> None:
    register(client, V1)
    publish(client, "1.4", recorded("billing", {"/total": NUMBER}))
    deploy(client, "billing", "1.4", environment(client, "prod"))
    client.get("/schemas/ids/1", headers={"Tenor-Application": "billing"})
    client.get("/schemas/ids/1", headers={"Tenor-Application": "other"})
    found = seen(client, 2)
    assert [each[:2] for each in found] == [("billing", "1.4"), ("other", "")]
    assert found[0][2] is not None
    answer = impact(client, V1)
    assert [(row["consumer"], row["outcome"]) for row in answer["rows"]] == [
        ("other", "unknown"),
        ("other", "unknown"),
        ("billing", "safe"),
    ]


def test_an_old_version_that_is_deployed_no_longer_is_history(client: httpx.Client) -> None:
    register(client, V1)
    client.get("/schemas/ids/1", headers={"Tenor-Application": "billing@1.0"})
    seen(client, 1)
    publish(client, "2.0", recorded("billing", {"/total": NUMBER}))
    deploy(client, "billing", "2.0", environment(client, "prod"))
    assert [each[:2] for each in seen(client, 1)] == [("billing", "2.0")]


def test_who_writes_a_subject_is_no_reader_by_fetching_it(client: httpx.Client) -> None:
    register(client, V1)
    body = {"subjects": [{"subject": "orders-value", "version": 1}]}
    client.put("/api/v1/applications/orders/versions/1/produces", content=json.dumps(body))
    client.get("/schemas/ids/1", headers={"Tenor-Application": "orders@1"})
    client.get("/schemas/ids/1", headers={"Tenor-Application": "billing@1"})
    assert [each[0] for each in seen(client, 1)] == ["billing"]


def test_counts_are_bounded_and_not_lost(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "_MOST", 2)
    register(client, V1)
    for number in range(5):
        client.get("/schemas/ids/1", headers={"Tenor-Application": f"app-{number}"})
        seen(client, number + 1)


def test_made_up_names_do_not_fill_a_subject(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MOST_SEEN", 2)
    register(client, V1)
    for number in range(4):
        client.get("/schemas/ids/1", headers={"Tenor-Application": f"app-{number}"})
        seen(client, min(number + 1, 2))
    time.sleep(0.2)
    seen(client, 2)
