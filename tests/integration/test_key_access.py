"""Who may have which key: grants decide about KEKs, DEKs by subject, and persons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.callers import ADMINS, bearer, guarded, token_of

DEKS = "/dek-registry/v1/keks"
KEKS = "/api/v1/keks"
HANDLE = "ab" * 16


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    with guarded(f"sqlite:///{folder}/t.db", kms=json.dumps({"local-kms": {"secret": "s"}})) as client:
        for name in ("orders", "payments"):
            body = {"name": name, "kmsType": "local-kms", "kmsKeyId": "k", "shared": True}
            assert client.post(DEKS, json=body, headers=ADMINS).status_code == 200
            made = client.post(f"{DEKS}/{name}/deks/{name}-value", json={}, headers=ADMINS)
            assert made.status_code == 200
        yield client


def test_a_key_is_released_to_whom_its_subject_is_granted(client: httpx.Client) -> None:
    path = f"{DEKS}/orders/deks/orders-value"
    for name, grants, status in (
        ("k-reader", ["reader@*"], 403),
        ("k-admin", ["admin@*"], 403),
        ("k-consumer", ["consumer@dek:orders-*"], 200),
        ("k-other", ["consumer@dek:payments-*"], 403),
        ("k-release", ["release@dek:orders-value"], 200),
    ):
        who = bearer(token_of(client, name, *grants))
        answer = client.get(path, headers=who)
        assert answer.status_code == status, name
        assert ("keyMaterial" in answer.json()) == (status == 200)
        assert client.get(f"{path}/versions/-1", headers=who).status_code == status
    assert client.get(path).status_code == 401


def test_an_alias_leads_to_no_other_subjects_key(client: httpx.Client) -> None:
    client.put("/config/orders-copy", json={"aliasForDeks": "payments-value"}, headers=ADMINS)
    who = bearer(token_of(client, "a-consumer", "consumer@dek:orders-*"))
    assert client.get(f"{DEKS}/payments/deks/orders-copy", headers=who).status_code == 403
    both = bearer(token_of(client, "a-both", "consumer@dek:orders-*", "consumer@dek:payments-*"))
    assert client.get(f"{DEKS}/payments/deks/orders-copy", headers=both).json()["subject"] == "payments-value"


def test_persons_keys_are_the_keks_and_erasing_is_granted_by_itself(client: httpx.Client) -> None:
    producer = bearer(token_of(client, "p-producer", "producer@kek:orders", "producer@dek:orders-*"))
    consumer = bearer(token_of(client, "p-consumer", "consumer@kek:orders", "consumer@dek:orders-*"))
    subject = bearer(token_of(client, "p-subject", "consumer@dek:orders-*", "reader@kek:orders"))
    resolve, body = f"{KEKS}/orders/persons:resolve", {"handles": [HANDLE], "mint": True}
    assert client.post(resolve, json=body, headers=consumer).status_code == 403
    (person,) = client.post(resolve, json=body, headers=producer).json()["persons"]
    seen = client.post(resolve, json={"handles": [HANDLE]}, headers=consumer).json()["persons"]
    assert seen == [person]
    assert client.post(resolve, json={"handles": [HANDLE]}, headers=subject).status_code == 403
    path = f"{DEKS}/orders/deks/orders-value/versions/{person['version']}"
    assert client.get(path, headers=consumer).json()["keyMaterial"] == person["key_material"]
    # A person's key fits every subject: who may have the keys of one subject may not read it there.
    assert client.get(path, headers=subject).json()["error_code"] == 40470
    erase = f"{KEKS}/orders/persons/{HANDLE}"
    for name, grants in (("e-admin", "admin@*"), ("e-operator", "operator@*")):
        who = bearer(token_of(client, name, grants))
        assert client.delete(erase, params={"legal_basis": "b"}, headers=who).status_code == 403
    dpo = bearer(token_of(client, "e-dpo", "erase@person:*"))
    assert client.delete(erase, params={"legal_basis": "b"}, headers=dpo).json()["who"] == "e-dpo"
    assert len(client.get(f"{KEKS}/revocations", headers=consumer).json()["items"]) == 1
    other = bearer(token_of(client, "e-other", "reader@kek:payments"))
    heard = client.get(f"{KEKS}/revocations", headers=other).json()
    assert (heard["items"], heard["next"]) == ([], 1)


def test_lists_show_what_may_be_read(client: httpx.Client) -> None:
    who = bearer(token_of(client, "l-reader", "reader@kek:orders"))
    assert client.get(DEKS, headers=who).json() == ["orders"]
    assert [each["name"] for each in client.get(KEKS, headers=who).json()["items"]] == ["orders"]
    assert client.get(DEKS, headers=bearer(token_of(client, "l-nobody", "reader@subject:x"))).status_code == 403
    for path in (f"{KEKS}/orders/rotate", f"{KEKS}/orders/rewrap", f"{DEKS}/orders/test"):
        assert client.post(path, json={"kms_key_id": "x"}, headers=who).status_code == 403
