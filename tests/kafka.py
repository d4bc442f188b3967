"""A real Kafka broker for the tests of the kafka leg: one node, KRaft, thrown away at the end.

`TENOR_TEST_KAFKA=host:port` names a broker to use; otherwise one is started from the jars that `.ci/legs kafka`
fetched. Most tests need no broker: librdkafka's mock cluster does.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.legs import KAFKA_JARS, executable
from tests.postgres import free_port

_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def _java(*arguments: str | Path) -> list[str | Path]:
    java = executable("java")
    assert java is not None
    return [java, "-Xmx512m", "-cp", f"{KAFKA_JARS}/*", *arguments]


def _wait(bootstrap: str, broker: subprocess.Popen[bytes], log: Path) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    deadline = time.monotonic() + 60
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    while True:
        assert broker.poll() is None, log.read_text()
        try:
            if client.list_topics(timeout=1).brokers:
                return
        except KafkaException:
            assert time.monotonic() < deadline, log.read_text()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a real broker, e.g. `127.0.0.1:19092`."""
    if given := os.environ.get("TENOR_TEST_KAFKA"):
        yield given
        return
    folder = tmp_path_factory.mktemp("kafka")
    port = free_port()
    settings = folder / "server.properties"
    settings.write_text(_SETTINGS.format(port=port, controller=free_port(), folder=folder))
    tool = "kafka.tools.StorageTool"
    cluster = subprocess.run(_java(tool, "random-uuid"), capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(
        _java(tool, "format", "--standalone", "-t", cluster, "-c", settings), capture_output=True, text=True, check=True
    )
    log = folder / "log"
    with log.open("wb") as out:
        broker = subprocess.Popen(
            _java("kafka.Kafka", settings), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder
        )
    try:
        _wait(f"127.0.0.1:{port}", broker, log)
        yield f"127.0.0.1:{port}"
    finally:
        broker.terminate()
        try:
            broker.wait(20)
        except subprocess.TimeoutExpired:
            broker.kill()
            broker.wait()
