"""A bundle of a served registry, made by the command, keeps codecs of every format going without the registry.

So it does consumers that read old events as the version their code was written for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import tenor
from tenor import Bundle, Reference, Retry, Schema, Unreachable, Upcasting
from tests import documents
from tests.e2e.conftest import SERVER
from tests.integration.callers import ADMIN, ADMINS, token_of
from tests.postgres import free_port
from tests.served import served

TENOR = Path(sys.executable).with_name("tenor")
LINE = json.dumps({"type": "record", "name": "a.Line", "fields": [{"name": "sku", "type": "string"}]})
ORDER = json.dumps({"type": "record", "name": "a.Order", "fields": [{"name": "line", "type": "a.Line"}]})
JSON_ORDER = json.dumps({"type": "object", "properties": {"line": {"$ref": "line.json"}}, "required": ["line"]})
COMMON = 'syntax = "proto3"; package a; message Line { string sku = 1; }'
PROTO = 'syntax = "proto3"; package a; import "line.proto"; message Order { Line line = 1; }'
EVENT = {"line": {"sku": "A1"}}

SCHEMAS: dict[str, tuple[Schema, Schema]] = {
    "avro": (Schema(LINE), Schema(ORDER, references=(Reference("a.Line", "avro-line", 1),))),
    "json": (
        Schema('{"type": "object", "properties": {"sku": {"type": "string"}}}', "JSON"),
        Schema(JSON_ORDER, "JSON", (Reference("line.json", "json-line", 1),)),
    ),
    "protobuf": (
        Schema(COMMON, "PROTOBUF"),
        Schema(PROTO, "PROTOBUF", (Reference("line.proto", "protobuf-line", 1),)),
    ),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    key = Ed25519PrivateKey.generate()
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "pub.pem").write_bytes(public)
    return folder


def run(url: httpx.URL, folder: Path, *arguments: str, code: int = 0, token: str = "") -> Any:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TENOR_")}
    done = subprocess.run(
        [TENOR, *arguments, "--output", "json", "--registry", str(url)],
        cwd=folder,
        env={**inherited, "TENOR_TOKEN": token} if token else inherited,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return documents.read(done.stdout)


def test_codecs_of_every_format_start_from_a_bundle(registry: httpx.Client, keys: Path) -> None:
    with tenor.Registry(str(registry.base_url)) as client:
        messages = {}
        for name, (line, order) in SCHEMAS.items():
            client.register(f"{name}-line", line)
            orders = client.events(f"{name}-value", schema=order, register=True)
            messages[name] = orders.encode(EVENT)
    subjects = [f"{name}-value" for name in SCHEMAS]
    made = run(registry.base_url, keys, "bundle", "create", *subjects, "--key", "key.pem", "--out", "x.bundle")
    assert made["schemas"] == 6
    assert run(registry.base_url, keys, "bundle", "verify", "x.bundle", "--trusted", "pub.pem")["trusted"]
    bundle = Bundle.read(keys / "x.bundle", (keys / "pub.pem").read_bytes())
    gone = f"http://127.0.0.1:{free_port()}"
    with tenor.Registry(gone, retry=Retry(rounds=1), bundle=bundle) as client:
        for name, (_, order) in SCHEMAS.items():
            for codec in (client.events(f"{name}-value"), client.events(f"{name}-value", schema=order, register=True)):
                sent = codec.encode(EVENT)
                assert sent.value == messages[name].value
                assert codec.decode(messages[name].value, messages[name].headers).data == EVENT
            reader = client.events(f"{name}-value", decode_only=True)
            assert reader.decode(messages[name].value).data == EVENT


SEALED = json.dumps(
    {
        "type": "record",
        "name": "a.Customer",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "email", "type": "string", "confluent:tags": ["PII"]},
        ],
    }
)
CUSTOMER = {"id": "c-1", "email": "ada@example.org"}
KMS = {"local-kms": {"secret": "the clients'"}}
ROLES = ("subject", "context", "kek", "dek")


def sealing(kek: str, **params: str) -> dict[str, Any]:
    named = {"encrypt.kek.name": kek, "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "k", **params}
    return {
        "domainRules": [
            {
                "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "SEAL", "tags": ["PII"],
                "params": named, "onFailure": "ERROR,ERROR",
            }
        ]
    }  # fmt: skip


def test_sealed_events_go_on_with_the_keys_that_the_token_of_the_bundle_releases(keys: Path, tmp_path: Path) -> None:
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_AUTHENTICATION": "on", "TENOR_ADMIN_TOKEN": ADMIN}
    create = ["bundle", "create", "customers-value", "--key", "key.pem", "--out", "keys.bundle"]
    client_keys = tenor.Keys(kms=KMS, pepper=b"sixteen bytes of pepper")
    with served([SERVER, "serve"], cwd=tmp_path, environment=environment) as registry:
        url = str(registry.base_url).rstrip("/")
        producer = token_of(registry, "producer", *(f"producer@{kind}:*" for kind in ROLES))
        reader = token_of(registry, "reader", "reader@*")
        kek = {"name": "ours", "kmsType": "local-kms", "kmsKeyId": "k"}
        assert registry.post("/dek-registry/v1/keks", json=kek, headers=ADMINS).status_code == 200
        with tenor.Registry(url, token=producer, keys=client_keys) as client:
            schema = Schema(SEALED, rule_set=sealing("ours"))
            codec = client.events("customers-value", schema=schema, register=True)
            before = codec.encode_value(CUSTOMER)
        refused = run(registry.base_url, keys, *create, code=4, token=reader)
        assert "dek:customers-value" in refused["error"]["message"]
        assert run(registry.base_url, keys, *create, "--without-keys", token=reader)["keys"] == 0
        assert run(registry.base_url, keys, *create, token=producer)["keys"] == 1
        audited = registry.get("/api/v1/audit/events", headers=ADMINS).text
        assert "lease" in audited
        bundle = Bundle.read(keys / "keys.bundle", (keys / "pub.pem").read_bytes())
        gone = f"http://127.0.0.1:{free_port()}"
        with tenor.Registry(gone, retry=Retry(rounds=1), bundle=bundle, keys=client_keys) as client:
            codec = client.events("customers-value")
            value = codec.encode_value(CUSTOMER)
            assert value is not None
            assert b"ada@" not in value
            assert codec.decode(value).data == codec.decode(before).data == CUSTOMER
        with tenor.Registry(url, token=producer, keys=client_keys) as client:
            assert client.events("customers-value", decode_only=True).decode(value).data == CUSTOMER


def record(*fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": "a.Sale", "fields": list(fields)})


ID = {"name": "id", "type": "int"}
AMOUNT = {"name": "amount", "type": "long"}
COUNTRY = {"name": "country", "type": "string", "default": "CH"}
SALES: list[tuple[str, dict[str, Any]]] = [
    (record(ID, {"name": "total", "type": "int"}), {"id": 1, "total": 5}),
    (record(ID, AMOUNT), {"id": 1, "amount": 5}),
    (record(ID, AMOUNT, COUNTRY), {"id": 1, "amount": 5, "country": "CH"}),
    (record(ID, AMOUNT, COUNTRY, {"name": "note", "type": "string"}), {}),
]


def prove(registry: httpx.Client, subject: str, old: int) -> None:
    """Let the registry derive and prove the plan to the next version; what is open is answered with yes."""
    upcasts = f"/api/v1/subjects/{subject}/upcasts"
    derived = registry.post(f"{upcasts}/derive", json={"old": old, "new": old + 1}).json()
    decisions = {step["path"]: "yes" for step in derived["open"]}
    stored = registry.put(f"{upcasts}/{old}..{old + 1}", json={"decisions": decisions, "examples": 50})
    assert stored.status_code == 200, stored.text


def test_old_events_are_read_as_todays_with_the_plans_of_a_bundle(registry: httpx.Client, keys: Path) -> None:
    subject = "sales-value"
    registry.put(f"/config/{subject}", json={"compatibility": "NONE"})
    with tenor.Registry(str(registry.base_url)) as client:
        for text, _ in SALES:
            client.register(subject, Schema(text))
        values = [client.events(subject, version=n).encode(event).value for n, (_, event) in enumerate(SALES[:3], 1)]
        newest = client.events(subject, version=4).encode({**SALES[2][1], "note": "n"}).value
    prove(registry, subject, 1)
    prove(registry, subject, 2)
    create = ["bundle", "create", subject, "--key", "key.pem", "--out"]
    assert run(registry.base_url, keys, *create, "last.bundle", "--versions", "latest")["upcasts"] == 0
    made = run(registry.base_url, keys, *create, "sales.bundle")
    assert (made["schemas"], made["upcasts"]) == (4, 3)
    pairs = [{"subject": subject, "old": old, "new": new} for old, new in ((1, 2), (1, 3), (2, 3))]
    assert run(registry.base_url, keys, "bundle", "show", "sales.bundle")["upcasts"] == pairs
    bundle = Bundle.read(keys / "sales.bundle", (keys / "pub.pem").read_bytes())
    with tenor.Registry(f"http://127.0.0.1:{free_port()}", retry=Retry(rounds=1), bundle=bundle) as client:
        for code in (
            client.events(subject, version=3, upcast=Upcasting()),
            client.events(subject, schema=Schema(SALES[2][0]), upcast=Upcasting()),
        ):
            for value in values:
                assert code.decode(value).data == SALES[2][1]
            assert code.decode(newest).data == SALES[2][1]  # newer than the code: read as its schema
        assert client.events(subject, version=2, upcast=Upcasting()).decode(values[0]).data == SALES[1][1]
        with pytest.raises(Unreachable):  # there may be a plan by now, and only the registry knows
            client.events(subject, version=4, upcast=Upcasting()).decode(values[0])
