"""`tenor observe kafka`: on librdkafka's mock cluster, and on a real broker where there is one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # theirs names no exports

from tests.e2e.test_cli_contracts import Shell


@pytest.fixture
def shell(tmp_path: Path, registry: httpx.Client) -> Shell:
    return Shell(tmp_path, str(registry.base_url))


@pytest.fixture
def mock() -> Iterator[str]:
    """A mock cluster lives as long as the client that made it."""
    client = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 0})
    brokers = client.list_topics(timeout=10).brokers
    yield f"127.0.0.1:{next(iter(brokers.values())).port}"
    client.flush(5)


def produce(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for id in (7, 3, 7):
        producer.produce(topic, struct.pack(">bI", 0, id) + b"x", timestamp=1_700_000_000_000)
    producer.produce(topic, b"no frame")
    assert producer.flush(20) == 0


def test_a_mock_cluster_tells_what_it_can(shell: Shell, mock: str, registry: httpx.Client) -> None:
    produce(mock, "orders")
    told = shell.document("observe", "kafka", "--bootstrap", mock, "--topic", "orders")["topics"]
    assert told[0]["schema_ids"] == [3, 7]
    assert told[0]["oldest_at"] == 1_700_000_000_000
    assert told[0]["retention_ms"] is None, "the mock cluster describes no configurations"
    assert registry.get("/api/v1/topics").json()[0]["topic"] == "orders"


def test_what_cannot_be_observed_is_said_in_a_sentence(shell: Shell, mock: str) -> None:
    refused = shell.tenor("observe", "kafka", "--bootstrap", mock, "--topic", "t", "--set", "nothing", code=2)
    assert "write NAME=VALUE" in refused.stderr


@pytest.mark.kafka
def test_a_broker_tells_retention_groups_and_schemas(shell: Shell, kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    new = [
        NewTopic("seen", 2, 1, config={"retention.ms": "3600000"}),
        NewTopic("kept", 1, 1, config={"cleanup.policy": "compact"}),
    ]
    for future in admin.create_topics(new).values():
        future.result(20)
    produce(kafka, "seen")
    reader = Consumer(
        {"bootstrap.servers": kafka, "group.id": "billing", "auto.offset.reset": "earliest", "log_level": 0}
    )
    reader.subscribe(["seen"])
    assert reader.consume(1, 30)
    reader.commit(asynchronous=False)
    reader.close()
    arguments = ("observe", "kafka", "--bootstrap", kafka, "--topic", "seen", "--topic", "kept")
    seen, kept = shell.document(*arguments)["topics"]
    assert (seen["retention_ms"], seen["groups"], seen["schema_ids"]) == (3_600_000, ["billing"], [3, 7])
    assert (kept["retention_ms"], kept["oldest_at"]) == (-1, None)
    lines = shell.tenor(*arguments).stdout.splitlines()
    assert lines[1].split()[:2] == ["seen", "1"]
    assert "for ever" in lines[2]
