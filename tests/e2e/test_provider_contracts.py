"""The `pactflow publish-provider-contract` command of both Pact command lines, as it is, registers event schemas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.test_produces import PROTO
from tests.integration.test_v1_impact import NUMBER, V1, deploy, environment, publish, recorded, register, without
from tests.legs import CACHE
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
TOOLS = {
    "rust": [str(Path(sys.executable).with_name("pact")), "pactflow"],
    "ruby": [str(CACHE / "pactruby" / "bin" / "pactflow")],
}


@pytest.fixture(params=["rust", pytest.param("ruby", marks=pytest.mark.pactruby)])
def command(request: pytest.FixtureRequest) -> list[str]:
    return TOOLS[str(request.param)]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with served([SERVER, "serve"], cwd=tmp_path, environment={"TENOR_DATABASE_URL": "sqlite:///t.db"}) as client:
        yield client


def run(command: list[str], client: httpx.Client, file: Path, number: str, content_type: str) -> str:
    done = subprocess.run(
        [
            *command,
            "publish-provider-contract",
            str(file),
            "--broker-base-url",
            f"{str(client.base_url).rstrip('/')}/pact",
            "--provider",
            "orders",
            "--provider-app-version",
            number,
            "--branch",
            "main",
            "--specification",
            "any",
            "--content-type",
            content_type,
            "--verification-exit-code",
            "0",
            "--verifier",
            "none",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PACT_DO_NOT_TRACK": "true", "NO_COLOR": "1", "LANG": "C.UTF-8"},
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def test_schemas_are_registered_and_judge_consumers(command: list[str], client: httpx.Client, tmp_path: Path) -> None:
    client.put("/config", json={"compatibility": "NONE"})
    first, second = tmp_path / "order.avsc", tmp_path / "order-2.avsc"
    first.write_text(json.dumps(V1))
    second.write_text(json.dumps(without("total")))
    told = run(command, client, first, "1", "application/json")
    assert "version 1 of subject orders-value" in told
    assert client.get("/subjects/orders-value/versions/1").json()["schema"]
    register(client, V1)
    publish(client, "1.4", recorded("billing", {"/total": NUMBER}))
    deploy(client, "billing", "1.4", environment(client, "prod"))
    run(command, client, second, "2", "application/json")
    for number, deployable in (("1", True), ("2", False)):
        query = f"q[][pacticipant]=orders&q[][version]={number}&latestby=cvpv&environment=prod"
        answer = client.get(f"/pact/matrix?{query}").json()
        assert answer["summary"]["deployable"] is deployable
        assert answer["matrix"][0]["verificationType"] == "BDCT"
    proto = tmp_path / "order.proto"
    proto.write_bytes(PROTO)
    run(command, client, proto, "3", "application/protobuf")
    assert client.get("/subjects/orders-value/versions/3").json()["schemaType"] == "PROTOBUF"
    branches = client.get("/pact/pacticipants/orders/versions/3").json()["_embedded"]["branches"]
    assert [each["name"] for each in branches] == ["main"]
