"""Real message brokers for the tests of the brokers leg, from Debian: each a process of ours on a free port.

`.ci/legs brokers` installs them. They keep nothing, and are stopped by their process ids, RabbitMQ's epmd included.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.legs import executable
from tests.postgres import free_port

_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Behind Debian's wrapper in /usr/sbin, which would become another user and write to /var."""


@contextmanager
def running(
    command: Sequence[str | Path], port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A broker from when it accepts connections until the block ends."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + 60
        while not _accepts(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, by force if it does not listen."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _command(name: str) -> str:
    found = executable(name)
    assert found is not None, f"the leg brokers needs {name}"
    return found


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a NATS server."""
    port, folder = free_port(), tmp_path_factory.mktemp("nats")
    with running([_command("nats-server"), "-a", "127.0.0.1", "-p", str(port)], port, folder):
        yield f"nats://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running([_command("redis-server"), *options], port, folder):
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def mqtt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Mosquitto."""
    port, folder = free_port(), tmp_path_factory.mktemp("mqtt")
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    with running([_command("mosquitto"), "-c", str(settings)], port, folder):
        yield f"mqtt://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of RabbitMQ; takes some ten seconds. Its name server epmd is one of our own as well."""
    assert _RABBITMQ.exists(), "the leg brokers needs rabbitmq-server"
    port, names, folder = free_port(), free_port(), tmp_path_factory.mktemp("rabbitmq")
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\n")
    (folder / "enabled_plugins").write_text("[].\n")
    environment = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"tenor{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
    }
    epmd = [_command("epmd"), "-port", str(names), "-address", "127.0.0.1"]
    with running(epmd, names, folder), running([_RABBITMQ], port, folder, environment):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


@pytest.fixture(scope="session")
def mock_kafka() -> Iterator[str]:
    """The bootstrap address of librdkafka's mock cluster, inside this process. Topics have four partitions."""
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del producer
