"""`@confluentinc/schemaregistry` and `@kafkajs/confluent-schema-registry`, as they are, against a served process."""

from __future__ import annotations

import json
import subprocess

import httpx
import pytest

from tests.legs import NODE_PROJECT


@pytest.mark.node
def test_the_clients_of_node_register_and_make_the_round_trip(registry: httpx.Client) -> None:
    run = subprocess.run(
        ["node", "clients.mjs", str(registry.base_url).rstrip("/")],
        cwd=NODE_PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    steps = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert [step["step"] for step in steps] == ["confluentinc", "confluentinc", "confluentinc", "kafkajs", "done"]
    assert registry.get("/config/kafkajs-value").json() == {"compatibilityLevel": "BACKWARD"}
