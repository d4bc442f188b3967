"""Every verb with --output json, in success and in failure: what it prints is as `tenor output-schema VERB` says.

A new verb needs a row in DOCUMENTS (clients/python/src/tenor/cli/documents/shapes.py), and a step in STEPS below.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from confluent_kafka import Producer

from tenor.cli import CHANGED, STALE, UNKNOWN, UNSAFE, USAGE, VERBS, main
from tenor.cli.documents import ERROR, VERSIONS
from tenor.cli.documents.schema import referred, schema_of
from tenor.cli.documents.shapes import DOCUMENTS
from tests import documents
from tests.served import served

SERVER = Path(sys.executable).with_name("tenor-server")
TENOR = Path(sys.executable).with_name("tenor")
KMS = json.dumps({"local-kms": {"secret": "s3cret"}})
HANDLE = "ab" * 16
UNTIL = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
FIELDS = [{"name": "id", "type": "string"}]


def avro(*more: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": [*FIELDS, *more]})


FILES = {
    "old.avsc": avro(),
    "new.avsc": avro({"name": "note", "type": "string", "default": ""}),
    "bad.avsc": avro({"name": "total", "type": "double"}),
    "todo.avsc": avro({"name": "total", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}),
    "none.avsc": "{",
    "event.jsonl": '{"id": "1"}\n',
    "odd.jsonl": '{"id": "1"}\n{"id": 7}\n',
    "hand.py": "def handle(event):\n    return None\n",
    "broken.py": "def handle(event):\n    raise LookupError('no')\n",
    "test_nothing.py": "def test_nothing():\n    pass\n",
    "model.py": "from dataclasses import dataclass\n\n\n@dataclass\nclass Order:\n    id: str\n",
    "pact.json": json.dumps(
        {
            "consumer": {"name": "web"},
            "provider": {"name": "api"},
            "interactions": [
                {
                    "description": "an order",
                    "request": {"method": "GET", "path": "/"},
                    "response": {"status": 200, "body": {"id": "1"}},
                }
            ],
            "metadata": {"pactSpecification": {"version": "2.0.0"}},
        }
    ),
}
WHICH = "--application web --version 1"
TWO = "--old old.avsc --new new.avsc"
HANDLED = "event.jsonl --plan plan.json --handler"

# In order, as later ones build on earlier ones: the words, and the exit code. {…} is filled in by the test.
STEPS: list[tuple[str, int]] = [
    ("init", 0),
    ("init --schema", 0),
    ("register orders-value old.avsc", 0),
    ("register orders-value new.avsc --dry-run", 0),
    ("register orders-value new.avsc", 0),
    ("plan project", USAGE),
    ("plan old.avsc --out planned.json", 0),
    ("apply planned.json", 0),
    ("get orders-value", 0),
    ("list", 0),
    ("check new.avsc --against old.avsc", 0),
    ("check bad.avsc --against old.avsc", UNSAFE),
    ("check bad.avsc --subject orders-value", UNSAFE),
    ("check project/a.avsc project/b.avsc --against git:main", UNSAFE),
    ("diff old.avsc new.avsc", 0),
    ("sample new.avsc --count 2", 0),
    ("lint new.avsc", 0),
    ("lint new.avsc none.avsc", USAGE),
    ("fmt new.avsc", 0),
    ("gen models old.avsc", 0),
    ("gen models orders-value@1 --out models", 0),
    ("fmt --check old.avsc", CHANGED),
    ("explain TYPE_CHANGED", 0),
    ("explain", 0),
    ("bundle create orders-value --key key.pem --out orders.bundle --versions all --days 7", 0),
    ("bundle verify orders.bundle --trusted key.pub", 0),
    ("bundle verify orders.bundle --trusted other.pub", UNSAFE),
    ("bundle show orders.bundle", 0),
    ("upcast new old.avsc new.avsc --plan plan.json", 0),
    ("upcast new old.avsc todo.avsc", UNSAFE),
    ("upcast new old.avsc new.avsc --python -", 0),
    ("upcast new old.avsc new.avsc --python module.py", 0),
    ("upcast new old.avsc new.avsc --jsonata", 0),
    ("upcast new old.avsc new.avsc --typescript", 0),
    ("upcast new old.avsc new.avsc --rules", 0),
    (f"upcast prove plan.json {TWO} --examples 30", 0),
    (f"upcast prove plan.json {TWO} --examples 30 --samples event.jsonl", 0),
    ("upcast prove plan.json --old old.avsc --new bad.avsc --examples 30", UNSAFE),
    ("upcast publish orders-value 1..2", 0),
    ("upcast list orders-value", 0),
    ("upcast run plan.json event.jsonl", 0),
    ("upcast run plan.json broken.jsonl", UNSAFE),
    (f"replay {HANDLED} hand:handle", 0),
    (f"replay {HANDLED} broken:handle", UNSAFE),
    ("redrive kept.jsonl --kafka {kafka} --dry-run --to t", 0),
    ("contracts publish pact.json --consumer-version 1 --branch main --tag t", 0),
    ("contracts record test_nothing.py -q -p no:cacheprovider", 0),
    ("contracts from-model model:Order --subject orders-value --folder pacts", 0),
    ("contracts list", 0),
    ("contracts verify --provider nobody --provider-version 1 --provider-url http://127.0.0.1:9", UNKNOWN),
    ("env create prod --production --display-name Production", 0),
    ("env create stage", 0),
    ("env update stage --contact Sam=sam@example.org", 0),
    ("env list", 0),
    (f"deploy {WHICH} --environment prod", 0),
    (f"deploy record {WHICH} --environment stage --instance blue", 0),
    (f"deploy undeploy {WHICH} --environment stage --instance blue", 0),
    (f"deploy release {WHICH} --environment stage", 0),
    ("env describe stage", 0),
    ("env delete stage", STALE),
    (f"deploy support-ended {WHICH} --environment stage", 0),
    ("env delete stage", 0),
    (f"can-i-deploy {WHICH} --to-environment prod", UNKNOWN),
    ("produces --application api --version 1 orders-value:1", 0),
    ("produces --reads --application ledger --version 1 orders-value:1", 0),
    ("deploy --application ledger --version 1 --environment prod", 0),
    ("impact orders-value bad.avsc --unknown=pass", 0),
    ("rollout orders-value new.avsc --environment prod", 0),
    ("consumers orders-value", 0),
    ("consumers orders-value --fields", 0),
    ("observe kafka --bootstrap {kafka} --topic orders", 0),
    ("waive orders-value --until {until} --reason r --owner me --consumer ledger", 0),
    ("waive --list", 0),
    ("waive --withdraw {waiver}", 0),
    ("policy set orders-value --protect used --readable-for days=3", 0),
    ("policy set --map api 'an *' orders-value", 0),
    ("policy get orders-value", 0),
    ("policy get", 0),
    ("keys create shared --kms-type local-kms --kms-key-id k --shared", 0),
    ("keys create own --kms-type local-kms --kms-key-id k --doc d --prop a=b", 0),
    ("keys list", 0),
    ("keys create people --kms-type local-kms --kms-key-id k --shared", 0),
    ("keys rotate shared orders-value", 0),
    ("keys rotate shared --kms-key-id k2", 0),
    ("keys rewrap shared", 0),
    ("keys rewrap own", 0),
    ("keys erase people {handle} --legal-basis x --request-id y --yes", 0),
    ("export archive.jsonl", 0),
    ("import dir archive.jsonl --dry-run", 0),
    ("import confluent {elsewhere}", 0),
    ("import pact-broker {elsewhere}/pact", 0),
    ("export asyncapi --output-file asyncapi.json", 0),
    ("import asyncapi asyncapi.json --application api --version 2 --dry-run", 0),
    ("export odcs orders-value --output-file odcs.yaml", 0),
    ("import odcs odcs.yaml --dry-run", 0),
    ("completion bash", 0),
    ("output-schema", 0),
    ("output-schema env list", 0),
    ("output-schema error", 0),
    ("login --with-token", 0),
    ("whoami", 0),
    ("audit tail -n 3", 0),
    ("audit export audit.jsonl", 0),
    ("audit verify audit.jsonl", 0),
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "shred").mkdir()
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_KMS": KMS, "TENOR_SHRED_FOLDER": "shred"}
    with served([SERVER, "serve"], cwd=folder, environment=environment) as client:
        yield client


@pytest.fixture
def kafka() -> Iterator[str]:
    """A mock cluster with one event; it lives as long as its producer."""
    producer = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1})
    producer.produce("orders", b"\0\0\0\0\1x")
    assert producer.flush(20) == 0
    yield ",".join(f"{each.host}:{each.port}" for each in producer.list_topics(timeout=5).brokers.values())
    producer.flush(0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    for name in [name for name in os.environ if name.startswith("TENOR_") and name != "TENOR_REQUIRE_LEGS"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TENOR_KMS", KMS)
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "broken.jsonl").write_text('{"id": "1"}\nno JSON\n', encoding="utf-8")
    for name in ("key", "other"):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / f"{name}.pem").write_bytes(private)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / f"{name}.pub").write_bytes(public)
    project(tmp_path)
    return tmp_path


def project(folder: Path) -> None:
    """A repository whose branch breaks one schema, spoils another, adds a third and leaves the last as it is."""
    inside = folder / "project"
    inside.mkdir()
    for name in "abd":
        (inside / f"{name}.avsc").write_text(FILES["old.avsc"].replace("Order", name))
    for words in ("init -q -b main", "add project", "commit -q -m first", "checkout -q -b branch"):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *identity, *words.split()], cwd=folder, check=True, timeout=30)
    (inside / "a.avsc").write_text(FILES["bad.avsc"].replace("Order", "a"))
    (inside / "b.avsc").write_text("{")
    (inside / "c.avsc").write_text(FILES["old.avsc"].replace("Order", "c"))


def test_every_verb_has_a_shape_and_a_step() -> None:
    assert {*DOCUMENTS} == {*VERBS, ERROR}, "DOCUMENTS of tenor/cli/documents/shapes.py has a row for each verb"
    assert {*VERSIONS} <= {*DOCUMENTS}
    stepped = {verb_of(shlex.split(words)) for words, _ in STEPS}
    assert stepped == {*VERBS}, "STEPS of this file runs each verb once at least"


def verb_of(words: list[str]) -> str:
    two = " ".join(words[:2])
    return two if two in VERBS else words[0]


def test_every_schema_is_one() -> None:
    for name in DOCUMENTS:
        schema = schema_of(name)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert {*referred(schema)} <= {*schema.get("$defs", ())}
        assert schema["$id"] == f"urn:tenor:output:{name.replace(' ', '-')}:{VERSIONS.get(name, 1)}"


def test_what_every_verb_prints(
    folder: Path,
    registry: httpx.Client,
    kafka: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = str(registry.base_url).rstrip("/")
    monkeypatch.setenv("TENOR_URL", url)
    elsewhere = url.replace("127.0.0.1", "localhost")
    filled = {"kafka": kafka, "until": UNTIL, "elsewhere": elsewhere, "handle": HANDLE, "waiver": ""}
    prepared(folder, registry)
    wrong, forms = [], ("json", "yaml")
    for number, (words, code) in enumerate(STEPS):
        arguments = shlex.split(words.format(**filled))
        monkeypatch.setattr(sys, "stdin", io.StringIO("a-token\n"))
        form = forms[number % 2] if "{" not in words else "json"
        ended = main([*arguments, "--output", form])
        said = capfd.readouterr()
        try:
            read = documents.read if form == "json" else documents.read_yaml
            document = read(said.out, verb_of(arguments))
        except (AssertionError, ValueError, KeyError) as error:
            wrong.append(f"{words}: {type(error).__name__}: {str(error)[:1500]} {said.err[:500]}")
            continue
        if "people" in words:  # somebody writes, so that there is a key to destroy
            registry.post("/api/v1/keks/people/persons:resolve", json={"handles": [HANDLE], "mint": True})
        if ended != code or (code == 0 and "error" in document):
            wrong.append(f"{words}: ended with {ended}, not {code}: {said.err[:500]}")
        filled["waiver"] = document.get("id", filled["waiver"]) if words.startswith("waive ") else filled["waiver"]
    assert not wrong, "\n".join(wrong)


def prepared(folder: Path, registry: httpx.Client) -> None:
    """What steps find there that no step makes."""
    from tenor.consuming import Failure, Reason, Record, Stage, quarantined
    from tenor.consuming.file import FileQuarantine

    record = Record(b"x", position={"topic": "orders"})
    failure = Failure(Stage.HANDLER, LookupError("no"), Reason.HANDLER)
    FileQuarantine(folder / "kept.jsonl")(
        quarantined(record, failure, consumer="c", time=datetime.now(UTC).isoformat(), attempts=1)
    )
    file = "schemas:\n  - {path: project/*.avsc, subject: '{stem}', owner: me}\n"
    (folder / "project" / "tenor.yaml").write_text(file.replace("project/", ""))


@pytest.mark.parametrize("verb", VERBS)
def test_a_failure_is_a_document_too(
    verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for form, read in (("json", documents.read), ("yaml", documents.read_yaml)):
        assert main([*verb.split(), "--timeout", "soon", "--output", form]) == 2
        error = read(capsys.readouterr().out, ERROR)["error"]
        assert (error["kind"], error["exit_code"]) == ("USAGE", 2)
    assert import_module(VERBS[verb].module).__doc__


def test_failures_of_every_kind_are_documents(
    folder: Path, registry: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TENOR_URL", str(registry.base_url))
    main(["register", "failing-value", "old.avsc"])
    capsys.readouterr()
    for words, code, more in (
        ("register failing-value bad.avsc", 1, {"status": 409}),
        ("lint none.avsc", 2, {"file": "none.avsc", "line": 1}),
        ("get nowhere", 2, {"status": 404}),
        ("list --registry http://127.0.0.1:9 --timeout 1", 4, {}),
    ):
        assert main([*words.split(), "--output", "json"]) == code
        error = documents.read(capsys.readouterr().out, ERROR)["error"]
        assert {name: error[name] for name in more} == more
        assert error["exit_code"] == code


def test_what_follows_is_a_document_a_line(registry: httpx.Client, tmp_path: Path) -> None:
    registry.post("/subjects/followed/versions", json={"schema": '"string"'})
    command = [str(TENOR), "audit", "tail", "--follow", "--output", "json", "--registry", str(registry.base_url)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            first = documents.read(process.stdout.readline(), "audit tail")["events"]
            registry.post("/subjects/followed/versions", json={"schema": '"long"'})
            registry.post("/subjects/followed-2/versions", json={"schema": '"long"'})
            more = documents.read(process.stdout.readline(), "audit tail")["events"]
        finally:
            process.terminate()
    assert first
    assert {each["sequence"] for each in more}.isdisjoint(each["sequence"] for each in first)
