"""A bundle of a served registry, made by the command, keeps codecs of every format going without the registry."""

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
from tenor import Bundle, Reference, Retry, Schema
from tests.postgres import free_port

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


def run(url: httpx.URL, folder: Path, *arguments: str) -> Any:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TENOR_")}
    done = subprocess.run(
        [TENOR, *arguments, "--output", "json", "--registry", str(url)],
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
