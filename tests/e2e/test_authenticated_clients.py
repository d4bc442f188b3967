"""Unmodified clients against a registry that asks who calls: they log in, and understand when they may not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

import tenor
from registry import cli
from tenor.errors import Forbidden, Unauthenticated
from tests.integration.callers import ADMIN, ADMINS, password_of, token_of
from tests.pacts import message, pact
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
PACT = Path(sys.executable).with_name("pact")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_AUTHENTICATION": "on", "TENOR_ADMIN_TOKEN": ADMIN}
    with served([SERVER, "serve"], cwd=tmp_path_factory.mktemp("guarded"), environment=environment) as client:
        yield client


def test_the_confluent_client_logs_in_with_basic(registry: httpx.Client) -> None:
    token = token_of(registry, "kafka", "producer@subject:kafka-*")
    password_of(registry, "person", "correct horse battery", "reader@subject:kafka-*")

    with ExitStack() as opened:

        def client(user: str, password: str) -> SchemaRegistryClient:
            settings = {"url": str(registry.base_url), "basic.auth.user.info": f"{user}:{password}", "max.retries": 0}
            made = SchemaRegistryClient(settings)
            opened.enter_context(made)
            return made

        producer = client("kafka", token)
        id = producer.register_schema("kafka-value", Schema('"int"', "AVRO"))
        assert client("person", "correct horse battery").get_schema(id).schema_str == '"int"'
        assert producer.get_subjects() == ["kafka-value"]
        for refused, status, code in (
            (lambda: producer.register_schema("other", Schema('"int"', "AVRO")), 403, 40301),
            (lambda: producer.delete_subject("kafka-value"), 403, 40301),
            (lambda: client("kafka", "wrong").get_subjects(), 401, 401),
            (lambda: client("person", "wrong horse battery").get_subjects(), 401, 401),
        ):
            with pytest.raises(SchemaRegistryError) as told:
                refused()
            assert (told.value.http_status_code, told.value.error_code) == (status, code)


def test_tenors_client_logs_in_with_a_token(registry: httpx.Client) -> None:
    token = token_of(registry, "library", "developer@subject:library-*")
    url = str(registry.base_url).rstrip("/")
    with tenor.Registry(url, token=token) as client:
        client.register("library-value", tenor.Schema('"long"'))
        assert list(client.subjects()) == ["library-value"]
        with pytest.raises(Forbidden):
            client.register("other", tenor.Schema('"long"'))
    with tenor.Registry(url) as nobody, pytest.raises(Unauthenticated):
        nobody.subjects()


def test_the_pact_tools_log_in(registry: httpx.Client, tmp_path: Path) -> None:
    token = token_of(registry, "pipeline", "consumer@application:shop", "deploy@environment:production")
    file = tmp_path / "pact.json"
    file.write_text(json.dumps(pact("shop", "orders", [message("an order")])))

    def run(*arguments: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [PACT, "broker", *arguments, "--broker-base-url", f"{registry.base_url}/pact"],
            env={**os.environ, "PACT_DO_NOT_TRACK": "true", "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    publish = ("publish", str(file), "--consumer-app-version", "1", "--branch", "main")
    run(*publish, PACT_BROKER_TOKEN=token)
    run(*publish, PACT_BROKER_USERNAME="pipeline", PACT_BROKER_PASSWORD=token)
    run(*publish, code=1)
    run(*publish, PACT_BROKER_TOKEN="wrong", code=1)
    deploy = ("record-deployment", "--pacticipant", "shop", "--version", "1", "--environment")
    run(*deploy, "production", PACT_BROKER_TOKEN=token)
    run(*deploy, "test", PACT_BROKER_TOKEN=token, code=1)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(pact("web", "orders", [message("an order")])))
    run("publish", str(other), "--consumer-app-version", "1", PACT_BROKER_TOKEN=token, code=1)
    held = registry.get("/pact/pacticipants", headers=ADMINS).json()["_embedded"]["pacticipants"]
    assert [each["name"] for each in held] == ["orders", "shop"]


def test_tokens_are_made_listed_and_revoked_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = ["--database-url", f"sqlite:///{tmp_path}/t.db"]

    def run(*arguments: str) -> tuple[int, str]:
        code = cli.main(["token", *database, *arguments])
        return code, capsys.readouterr().out

    code, secret = run("create", "ci", "--grant", "producer@*", "--scope", "producer@subject:a", "--days", "0.5",
                       "--description", "the pipeline's")  # fmt: skip
    assert (code, secret[:4]) == (0, "tnr_")
    assert run("create", "other")[0] == 0
    code, listed = run("list", "ci")
    (found,) = json.loads(listed)
    assert (found["identity"], found["scope"], found["description"]) == ("ci", "producer@subject:a", "the pipeline's")
    assert found["expires_at"] - found["created_at"] == pytest.approx(43_200_000, abs=100)
    assert secret.strip() not in listed
    assert len(json.loads(run("list")[1])) == 2
    assert run("revoke", found["id"])[0] == 0
    assert json.loads(run("list", "ci")[1])[0]["revoked_at"] is not None
    for bad in (("create", "x:y"), ("create", "a", "--grant", "king@*"), ("revoke", "nothing")):
        assert run(*bad)[0] == 4
