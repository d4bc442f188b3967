"""`tenor replay --kafka`: a slice of a topic, decoded by the registry and upcast by its proven plans."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
from confluent_kafka import Producer

from tenor import Registry
from tenor.consuming.file import FileQuarantine

TENOR = Path(sys.executable).with_name("tenor")
V1 = json.dumps({"type": "record", "name": "Order", "fields": [{"name": "id", "type": "int"}]})
V2 = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [{"name": "id", "type": "long"}, {"name": "n", "type": "int", "default": 7}],
    }
)
HANDLER = """
import pathlib

def handle(event):
    assert event["n"] == 7
    if event["id"] == 3:
        raise ValueError("three")
    with pathlib.Path("handled").open("a") as file:
        file.write(f"{event['id']} ")
"""


def test_a_slice_of_a_topic_is_replayed_as_todays_version(registry: httpx.Client, tmp_path: Path) -> None:
    for text in (V1, V2):
        assert registry.post("/subjects/replayed-value/versions", json={"schema": text}).status_code == 200
    stored = registry.put("/api/v1/subjects/replayed-value/upcasts/1..2", json={"examples": 20})
    assert stored.json()["proven"] is True, stored.text
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1})
    brokers = ",".join(f"{each.host}:{each.port}" for each in producer.list_topics(timeout=5).brokers.values())
    with Registry(str(registry.base_url)) as client:
        codec = client.events("replayed-value", version=1, metadata=False)
        for number in range(5):
            producer.produce("replayed", codec.encode({"id": number}).value, partition=0)
        producer.produce("replayed", b"\x00no event", partition=0)
        producer.flush(10)
    (tmp_path / "handling.py").write_text(HANDLER)

    def replay(*more: str) -> subprocess.CompletedProcess[str]:
        words = ["replay", "--kafka", brokers, "--topic", "replayed", "--as-version", "2", "--partition", "0"]
        words += ["--handler", "handling:handle", "--registry", str(registry.base_url), *more]
        return subprocess.run([TENOR, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    first = replay("--count", "3")
    assert (first.returncode, first.stdout) == (0, "3 handled, 0 failed\n"), first.stderr
    stopped = replay("--from", "2")
    assert (stopped.returncode, "1 handled, 1 failed" in stopped.stdout) == (1, True)
    assert "topic replayed partition 0 offset 3: handler failed: ValueError: three" in stopped.stderr
    whole = replay("--quarantine", "aside.jsonl")
    assert (whole.returncode, whole.stdout) == (1, "4 handled, 2 failed\n"), whole.stderr
    kept = [record.value for _, record in FileQuarantine(tmp_path / "aside.jsonl").pending()]
    assert len(kept) == 2
    assert kept[1] == b"\x00no event"
    assert (tmp_path / "handled").read_text() == "0 1 2 2 0 1 2 4 "
    wrong = replay("--topic", "other", "--from", "99")
    assert wrong.returncode in (0, 2)
    assert "Traceback" not in wrong.stderr
    both = replay("file.jsonl")
    assert (both.returncode, "either FILE or --kafka" in both.stderr) == (2, True)
