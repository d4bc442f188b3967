"""Key material of fields with a tag goes to who was granted the tag, and to nobody who was granted another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.callers import ADMINS, bearer, guarded, token_of

DEKS = "/dek-registry/v1/keks"


def _body(*tags: str, type: str = "ENCRYPT", field: str = "f") -> dict[str, Any]:
    schema = {"type": "record", "name": "R", "fields": [{"name": field, "type": "string", "default": ""}]}
    rule = {"name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": type, "tags": list(tags),
            "params": {"encrypt.kek.name": "kek"}}  # fmt: skip
    return {"schema": json.dumps(schema), "ruleSet": {"domainRules": [rule]}}


SUBJECTS: dict[str, list[dict[str, Any]]] = {
    "pii": [_body("PII")],
    "both": [_body("PII", "GDPR")],
    "changed": [_body("PCI"), _body("PII", field="g")],  # what the first version encrypted still counts
    "payload": [_body(type="ENCRYPT_PAYLOAD")],  # everything, whatever its tags
    "plain": [{"schema": '"string"'}],
}


@pytest.fixture(scope="module")
def client(engine_url: str) -> Iterator[httpx.Client]:
    with guarded(engine_url, kms=json.dumps({"local-kms": {"secret": "s"}})) as client:
        kek = {"name": "kek", "kmsType": "local-kms", "kmsKeyId": "k", "shared": True}
        assert client.post(DEKS, json=kek, headers=ADMINS).status_code == 200
        for subject, versions in SUBJECTS.items():
            for body in versions:
                made = client.post(f"/subjects/{subject}/versions", json=body, headers=ADMINS)
                assert made.status_code == 200, made.text
            assert client.post(f"{DEKS}/kek/deks/{subject}", json={}, headers=ADMINS).status_code == 200
        client.put("/config/door", json={"aliasForDeks": "changed"}, headers=ADMINS)
        yield client


@pytest.mark.parametrize(
    ("grants", "released"),
    [
        (["release@tag:PII"], {"pii"}),
        (["consumer@tag:PII", "reader@subject:*"], {"pii"}),
        (["release@tag:PII", "release@tag:GDPR"], {"pii", "both"}),
        (["release@tag:P*"], {"pii", "changed", "door"}),
        (["release@tag:*"], {"pii", "both", "changed", "door"}),
        (["release@tag:OTHER"], set()),
        (["reader@*", "reader@tag:PII"], set()),
        (["admin@*"], set()),
        (["release@tag:PII", "release@dek:plain"], {"pii", "plain"}),
    ],
)
def test_a_tag_releases_the_keys_of_its_fields(client: httpx.Client, grants: list[str], released: set[str]) -> None:
    who = bearer(token_of(client, "-".join(grants).translate(str.maketrans("@:* ", "....")), *grants))
    answers = {
        subject: client.get(f"{DEKS}/kek/deks/{subject}", headers=who) for subject in (*SUBJECTS, "door", "absent")
    }
    assert {subject for subject, answer in answers.items() if answer.status_code == 200} == released
    for subject, answer in answers.items():
        assert answer.status_code in (200, 403), subject
        assert ("keyMaterial" in answer.json()) == (subject in released)


def test_what_a_tag_released_is_in_the_audit_log(client: httpx.Client) -> None:
    who = bearer(token_of(client, "noted", "release@tag:PII"))
    assert client.get(f"{DEKS}/kek/deks/pii", headers=who).status_code == 200
    found = client.get("/api/v1/audit/events", params={"actor": "noted"}, headers=ADMINS).json()["items"]
    assert [(each["action"], each["resource"]) for each in found] == [("release", "dek:pii")]
