"""Values and messages that Confluent's client wrote: all of them open; what must fail fails."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fake_keys import FakeKeys
from google.protobuf import descriptor_pb2

import tenor
from tenor import Keys, Retry, errors, wire
from tenor.keys.algorithms import cipher, raw
from tenor.rules.model import parse
from tenor.sealing import encrypt
from tenor.sealing.executor import State
from tenor.sealing.keyring import KeyRing
from tenor.sealing.sources import Key, source

VECTORS: dict[str, Any] = json.loads((Path(__file__).with_name("vectors") / "csfle.json").read_text())


def each(name: str) -> list[Any]:
    return [pytest.param(row, id=row["id"]) for row in VECTORS.get(name, [])]


def registry(fake: FakeKeys, secret: str) -> tenor.Registry:
    http = httpx.Client(transport=httpx.MockTransport(fake))
    keys = Keys(kms={"local-kms": {"secret": secret}})
    return tenor.Registry("http://registry.test", http=http, retry=Retry(rounds=1), keys=keys)


def filled(kek: Any, deks: Any) -> FakeKeys:
    fake = FakeKeys()
    fake.keks[kek["name"]] = kek
    for dek in deks:
        fake.deks[dek["kekName"], dek["subject"], dek["algorithm"], dek["version"]] = dek
    return fake


GROUPS = {group["id"]: group for group in VECTORS.get("groups", [])}


@pytest.mark.parametrize("row", each("messages"))
def test_messages_open(row: Any) -> None:
    group = GROUPS[row["group"]]
    fake = filled(group["kek"], group["deks"])
    made = fake.add(group["subject"], json.dumps(VECTORS["schema"]), ruleSet=group["rule_set"])
    made["guid"] = group["schema_guid"]
    codec = registry(fake, group["secret"]).events(group["subject"], decode_only=True)
    headers = [(name, bytes.fromhex(value)) for name, value in map(_header, row["headers"])]
    record = VECTORS["record"]
    expected = {**record, "token": bytes.fromhex(record["token"]["hex"])}
    assert codec.decode(bytes.fromhex(row["value_hex"]), headers).data == expected


def _header(header: Any) -> tuple[str, str]:
    return (header["name"], header["value_hex"]) if isinstance(header, dict) else (header[0], header[1])


@pytest.mark.parametrize("row", [*each("vectors"), *each("extra")])
def test_values_open_and_are_written_the_same(row: Any) -> None:
    group = GROUPS[row["group"]]
    rule_set = parse(group["rule_set"], None)
    origin = source((*rule_set.domain, *rule_set.encoding)[0], group["subject"])
    ring = KeyRing()
    key = Key(origin.kek, origin.domain, origin.algorithm, row["dek_version"])
    ring.keep(key, raw(key.algorithm, bytes.fromhex(row["key_proto_hex"])))
    sealed, plaintext = bytes.fromhex(row["ciphertext_hex"]), bytes.fromhex(row["plaintext_hex"])
    state = State(None, ring.clock(), None)
    assert encrypt.open_bytes(origin, ring, "it")(sealed, state) == plaintext
    held = ring.find(key, state.now)
    iv = bytes.fromhex(row["parts"].get("iv_hex") or "")  # the nonce that run drew
    made = encrypt.seal_bytes(origin, lambda record, state: held)(plaintext, None, SimpleNamespace(nonce=lambda: iv))
    assert made == sealed


@pytest.mark.parametrize("row", each("must_fail"))
def test_what_was_altered_does_not_open(row: Any) -> None:
    prepared = cipher(row["algorithm"], raw(row["algorithm"], bytes.fromhex(row["key_proto_hex"])))
    with pytest.raises(errors.AuthenticationFailed):
        prepared.open(bytes.fromhex(row["ciphertext_hex"]))


def protobuf() -> str:
    from confluent_kafka.schema_registry.confluent import meta_pb2

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="demo.proto", package="demo", syntax="proto3", dependency=["confluent/meta.proto"]
    )
    for name in ("Other", "Customer"):
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(
            [("id", kinds.TYPE_INT64), ("email", kinds.TYPE_STRING), ("token", kinds.TYPE_BYTES)], 1
        ):
            made = message.field.add(name=field, number=number, type=kind, label=1)
            if number > 1:
                made.options.Extensions[meta_pb2.field_meta].tags.append("PII")
    return base64.b64encode(file.SerializeToString()).decode()


@pytest.mark.parametrize("row", each("formats"))
def test_json_and_protobuf_open(row: Any) -> None:
    payload = row["kind"] == "payload"
    rule = {
        "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT_PAYLOAD" if payload else "ENCRYPT",
        "tags": [] if payload else ["PII"], "params": {"encrypt.kek.name": "k"}, "onFailure": "ERROR,ERROR",
    }  # fmt: skip
    dek = {
        "kekName": "k", "subject": "s", "version": 1, "algorithm": row["algorithm"],
        "encryptedKeyMaterial": row["wrapped_dek_base64"], "ts": 0,
    }  # fmt: skip
    fake = filled({"name": "k", "kmsType": "local-kms", "kmsKeyId": "m"}, [dek])
    text = row["schema"] if isinstance(row["schema"], str) else json.dumps(row["schema"])
    fake.serialized[text] = protobuf()
    fake.add("s", text, row["schema_type"], ruleSet={("encodingRules" if payload else "domainRules"): [rule]})
    event = registry(fake, row["secret"]).events("s", decode_only=True).decode(bytes.fromhex(row["value_hex"]))
    assert event.data["email"] == "ada@example.org"
    if row["schema_type"] == "PROTOBUF":
        assert (event.data["token"], event.message) == (b"\x00\x01\x02", row["message_type"])


@pytest.mark.parametrize("row", each("person_versions"))
def test_keys_of_persons_open(row: Any) -> None:
    rule = {
        "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": ["PII"],
        "params": {"encrypt.kek.name": "k", "encrypt.dek.expiry.days": "30"}, "onFailure": "ERROR,ERROR",
    }  # fmt: skip
    dek = {
        "kekName": "k", "subject": "s", "version": row["dek_version"], "algorithm": row["algorithm"],
        "encryptedKeyMaterial": row["wrapped_dek_base64"], "ts": 0,
    }  # fmt: skip
    fake = filled({"name": "k", "kmsType": "local-kms", "kmsKeyId": "m"}, [dek])
    fake.add("s", json.dumps(row["schema"]), ruleSet={"domainRules": [rule]})["guid"] = row["guid"]
    codec = registry(fake, row["secret"]).events("s", decode_only=True)
    for value in (row["value_hex"], row["value_with_guid_prefix_hex"]):
        assert codec.decode(bytes.fromhex(value)).data["email"] == "ada@example.org"
    header = [("__value_schema_id", wire.guid_head(uuid.UUID(row["guid"])))]
    assert codec.decode(bytes.fromhex(row["value_hex"])[5:], header).data["email"] == "ada@example.org"
