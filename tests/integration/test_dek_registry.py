"""The DEK registry over its API, on both engines: as clients of Confluent's field-level encryption use it."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.rules.encryption.dek_registry.dek_registry_client import (
    DekAlgorithm,
    DekRegistryClient,
)
from moto import mock_aws

from registry import keyring
from registry.errors import Busy
from registry.events import Actor
from registry.settings import Settings
from registry.store.engine import Db, Store, open_store
from tenor import errors
from tenor.keys import algorithms, kms
from tests.integration.served import client_on, empty
from tests.served import served

KMS = {"local-kms": {"secret": "server's"}, "hcvault": {"token.id": "t", "keys": "https://vault:8200/*"}}
BASE = "/dek-registry/v1/keks"
SERVERS = kms.driver("local-kms", "", config=KMS["local-kms"])


@pytest.fixture(scope="module")
def _keys(engine_url: str, registry_store: Store) -> Iterator[httpx.Client]:
    with client_on(engine_url, Settings(kms=json.dumps(KMS)), store=registry_store) as client:
        yield client


@pytest.fixture
def client(_keys: httpx.Client, registry_store: Store) -> httpx.Client:
    registry_store.write_now(empty)
    return _keys


def kek(client: httpx.Client, name: str = "orders", **more: Any) -> dict[str, Any]:
    body = {"name": name, "kmsType": "local-kms", "kmsKeyId": "k", **more}
    answer = client.post(BASE, json=body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def wrapped(algorithm: str = algorithms.AES256_GCM) -> str:
    return base64.b64encode(SERVERS.wrap(algorithms.new_key(algorithm))).decode()


def dek(client: httpx.Client, subject: str = "orders-value", status: int = 200, **body: Any) -> Any:
    answer = client.post(f"{BASE}/orders/deks/{subject}", json={"subject": subject, **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, code: int) -> str:
    body = answer.json()
    assert (answer.status_code, body["error_code"], set(body)) == (code // 100, code, {"error_code", "message"})
    return str(body["message"])


def events(store: Store, action: str | None = None) -> list[dict[str, Any]]:
    def read(db: Db) -> list[tuple[str, str, str]]:
        return db.all("SELECT action, resource, body FROM event ORDER BY pk")

    found = [
        {"action": each, "resource": resource, **json.loads(body)} for each, resource, body in store.read_now(read)
    ]
    return [each for each in found if action in (None, each["action"])]


def test_a_kek_lives_and_dies(client: httpx.Client) -> None:
    made = kek(client, kmsType="AWS", kmsKeyId="arn:x", kmsProps={"a": "b", "none": None}, doc="d")
    assert made.pop("ts") > 0
    assert made == {
        "name": "orders",
        "kmsType": "aws-kms",
        "kmsKeyId": "arn:x",
        "kmsProps": {"a": "b"},
        "doc": "d",
        "shared": False,
    }
    again = {"name": "orders", "kmsType": "aws-kms", "kmsKeyId": "arn:x", "kmsProps": {"a": "b"}, "doc": "d"}
    assert refused(client.post(BASE, json=again), 40971) == "Key 'orders' already exists; use a different value"
    changed = client.put(f"{BASE}/orders", json={"kmsProps": {"c": "d"}, "kmsKeyId": "ignored"}).json()
    assert (changed["kmsProps"], changed["doc"], changed["kmsKeyId"]) == ({"c": "d"}, "d", "arn:x")
    assert "doc" not in client.put(f"{BASE}/orders", json={"doc": None, "shared": None}).json()
    assert refused(client.delete(f"{BASE}/orders?permanent=true"), 40471)
    assert client.delete(f"{BASE}/orders").status_code == 204
    assert refused(client.get(f"{BASE}/orders"), 40470) == "Key 'orders' not found"
    assert client.get(f"{BASE}/orders?deleted=True").json()["deleted"] is True
    assert client.get(BASE).json() == []
    assert client.get(f"{BASE}?deleted=true").json() == ["orders"]
    assert client.delete(f"{BASE}/orders").status_code == 204
    assert refused(client.put(f"{BASE}/orders", json={}), 40470)
    assert client.post(f"{BASE}/orders/undelete").status_code == 204
    assert client.delete(f"{BASE}/orders").status_code == 204
    again = {**again, "kmsProps": {"c": "d"}}
    assert refused(client.post(BASE, json=again), 40971)  # of another text
    assert client.post(BASE, json={**again, "doc": None}).status_code == 200  # the same: undeleted
    assert client.get(f"{BASE}/orders").status_code == 200
    assert client.delete(f"{BASE}/orders").status_code == 204
    assert client.delete(f"{BASE}/orders?permanent=true").status_code == 204
    assert refused(client.delete(f"{BASE}/orders?permanent=true"), 40470)
    assert refused(client.post(f"{BASE}/orders/undelete"), 40470)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 42271),
        ({"name": "1st", "kmsType": "aws-kms", "kmsKeyId": "k"}, 42271),
        ({"name": "a b", "kmsType": "aws-kms", "kmsKeyId": "k"}, 42271),
        ({"name": "é", "kmsType": "aws-kms", "kmsKeyId": "k"}, 42271),
        ({"name": "x" * 257, "kmsType": "aws-kms", "kmsKeyId": "k"}, 42271),
        ({"name": "ok", "kmsType": "aws-kms"}, 42271),
        ({"name": "ok", "kmsKeyId": "k"}, 42271),
        ({"name": "ok", "kmsType": "x" * 65, "kmsKeyId": "k"}, 42271),
        ({"name": "ok", "kmsType": "aws-kms", "kmsKeyId": "k" * 10_001}, 42271),
    ],
)
def test_what_is_no_kek_is_refused(client: httpx.Client, body: dict[str, str], code: int) -> None:
    refused(client.post(BASE, json=body), code)


def test_a_body_of_another_shape_is_the_clients_mistake(client: httpx.Client) -> None:
    for body in ("[]", '{"name": 1}', "{", '{"kmsProps": "x"}'):
        answer = client.post(BASE, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), body


def test_a_client_brings_its_keys_wrapped(client: httpx.Client, registry_store: Store) -> None:
    kek(client)
    blob = wrapped()
    made = dek(client, encryptedKeyMaterial=blob)
    assert made.pop("ts") > 0
    assert made == {
        "kekName": "orders",
        "subject": "orders-value",
        "version": 1,
        "algorithm": "AES256_GCM",
        "encryptedKeyMaterial": blob,
    }
    path = f"{BASE}/orders/deks/orders-value"
    assert client.get(path).json()["encryptedKeyMaterial"] == blob
    assert refused(client.post(path, json={"encryptedKeyMaterial": blob}), 40971)
    assert refused(client.post(path, json={"version": 2}), 42271)  # without material, of a KEK that is not shared
    third = client.post(
        f"{BASE}/orders/deks", json={"subject": "orders-value", "version": 3, "encryptedKeyMaterial": blob}
    )
    assert third.json()["version"] == 3
    dek(client, algorithm="AES256_SIV", encryptedKeyMaterial=wrapped("AES256_SIV"))
    assert client.get(f"{path}/versions").json() == [1, 3]
    assert client.get(f"{path}/versions?algorithm=AES256_SIV").json() == [1]
    assert client.get(f"{path}/versions?offset=1&limit=5").json() == [3]
    for latest in ("latest", "-1", "3"):
        assert client.get(f"{path}/versions/{latest}").json()["version"] == 3
    assert refused(client.get(f"{path}/versions/2"), 40470)
    assert refused(client.get(f"{path}/versions/two"), 42202)
    assert refused(client.get(f"{path}/versions/0"), 42202)
    assert refused(client.get(f"{path}/versions/1?algorithm=ROT13"), 42271)
    assert refused(client.get(f"{BASE}/nobody/deks/orders-value"), 40470)
    assert client.get(f"{BASE}/orders/deks").json() == ["orders-value"]
    assert client.get(f"{BASE}?subjectPrefix=ord").json() == ["orders"]
    assert client.get(f"{BASE}?subjectPrefix=pay&subjectPrefix=x").json() == []
    assert not any(blob in str(each) for each in events(registry_store))


def test_deks_are_deleted_softly_then_for_good(client: httpx.Client) -> None:
    kek(client)
    for version in (1, 2):
        dek(client, version=version, encryptedKeyMaterial=wrapped())
    path = f"{BASE}/orders/deks/orders-value"
    assert refused(client.delete(f"{BASE}/orders"), 42272)
    assert refused(client.delete(f"{path}/versions/2?permanent=true"), 40471)
    assert client.delete(f"{path}/versions/-1").status_code == 204
    assert client.get(f"{path}/versions").json() == [1]
    assert client.get(f"{path}/versions/latest").json()["version"] == 1
    assert client.get(f"{path}/versions/latest?deleted=true").json()["deleted"] is True
    assert client.get(f"{path}/versions?deleted=True").json() == [1, 2]
    assert refused(client.delete(f"{path}?permanent=true"), 40471)
    assert client.delete(path).status_code == 204
    assert refused(client.get(path), 40470)
    assert client.get(f"{BASE}/orders/deks").json() == []
    assert client.delete(f"{BASE}/orders").status_code == 204
    assert refused(client.post(f"{path}/undelete"), 40472) == "Key 'orders' must be undeleted first"
    assert refused(client.post(f"{path}/versions/1/undelete"), 40472)
    assert client.get(f"{path}?deleted=true").status_code == 200  # data sealed with it still opens
    assert client.post(f"{BASE}/orders/undelete").status_code == 204
    assert client.post(f"{path}/versions/1/undelete").status_code == 204
    assert client.get(f"{path}/versions").json() == [1]
    assert client.post(f"{path}/undelete").status_code == 204
    assert client.get(f"{path}/versions").json() == [1, 2]
    assert client.delete(path).status_code == 204
    assert client.delete(f"{path}?permanent=true").status_code == 204
    assert refused(client.get(f"{path}?deleted=true"), 40470)
    assert refused(client.delete(path), 40470)
    assert client.delete(f"{BASE}/orders").status_code == 204
    assert client.delete(f"{BASE}/orders?permanent=true").status_code == 204


def test_the_same_dek_is_undeleted_by_creating_it(client: httpx.Client) -> None:
    kek(client)
    blob = wrapped()
    dek(client, encryptedKeyMaterial=blob)
    client.delete(f"{BASE}/orders/deks/orders-value")
    assert dek(client, status=409, encryptedKeyMaterial=wrapped())["error_code"] == 40971
    assert "deleted" not in dek(client, encryptedKeyMaterial=blob)
    assert dek(client, encryptedKeyMaterial=blob, deleted=True)["deleted"] is True


@pytest.mark.parametrize("algorithm", list(algorithms.ALGORITHMS))
def test_the_registry_makes_the_keys_of_a_shared_kek(
    client: httpx.Client, registry_store: Store, algorithm: str
) -> None:
    kek(client, shared=True)
    made = dek(client, algorithm=algorithm)
    serialised = base64.b64decode(made["keyMaterial"])
    assert SERVERS.unwrap(base64.b64decode(made["encryptedKeyMaterial"])) == serialised
    assert len(algorithms.raw(algorithm, serialised)) == algorithms.ALGORITHMS[algorithm].size
    read = client.get(f"{BASE}/orders/deks/orders-value?algorithm={algorithm}").json()
    assert read == made
    assert dek(client, status=409, algorithm=algorithm)["error_code"] == 40971
    raw = algorithms.raw(algorithm, serialised)
    stored = registry_store.read_now(lambda db: db.one("SELECT material, commitment FROM dek"))
    assert stored is not None
    assert bytes(stored[1]) == algorithms.commitment(raw)
    assert raw.hex() not in str(events(registry_store))
    assert made["keyMaterial"] not in str(events(registry_store))


def test_a_shared_kek_takes_only_keys_that_open(client: httpx.Client) -> None:
    kek(client, shared=True)
    foreign = kms.driver("local-kms", "", config={"secret": "other"}).wrap(algorithms.new_key("AES256_GCM"))
    for blob in (base64.b64encode(foreign).decode(), wrapped("AES128_GCM"), "AAAA"):
        assert dek(client, status=422, encryptedKeyMaterial=blob)["error_code"] == 42271
    for blob in ("not base64!", "A" * 70_000, "AAA"):
        assert dek(client, status=422, encryptedKeyMaterial=blob)["error_code"] == 42271
    assert dek(client, encryptedKeyMaterial=wrapped())["keyMaterial"]
    assert dek(client, status=409, encryptedKeyMaterial=wrapped())["error_code"] == 40971


def test_an_import_brings_keys_that_are_not_opened_yet(client: httpx.Client) -> None:
    kek(client, shared=True)
    assert client.put("/mode/orders-value", json={"mode": "IMPORT"}).status_code == 200
    path, foreign = f"{BASE}/orders/deks/orders-value", base64.b64encode(bytes(62)).decode()
    made = dek(client, encryptedKeyMaterial=foreign)
    assert (made["encryptedKeyMaterial"], "keyMaterial" in made) == (foreign, False)
    assert client.get(f"{path}/versions").json() == [1]
    refused(client.get(path), 50070)


def test_a_blob_that_was_exchanged_is_not_handed_out(client: httpx.Client, registry_store: Store) -> None:
    kek(client, shared=True)
    dek(client)
    registry_store.write_now(lambda db: db.run("UPDATE dek SET material = :material", material=wrapped()))
    assert "another key" in refused(client.get(f"{BASE}/orders/deks/orders-value"), 50070)


def test_what_the_server_may_not_use_is_refused(client: httpx.Client) -> None:
    for body in (
        {"kmsType": "aws-kms", "kmsKeyId": "arn"},
        {"kmsType": "hcvault", "kmsKeyId": "https://evil/transit/keys/x"},
        {"kmsType": "abacus", "kmsKeyId": "k"},
    ):
        request = {"name": "orders", "shared": True, **body}
        assert "TENOR_KMS" in refused(client.post(f"{BASE}?testSharing=true", json=request), 42271)
    assert client.get(BASE).json() == []
    alternate = {"encrypt.alternate.kms.key.ids": "https://evil/transit/keys/x"}
    kek(client, kmsType="hcvault", kmsKeyId="https://vault:8200/transit/keys/x", shared=True, kmsProps=alternate)
    assert "evil" in refused(client.post(f"{BASE}/orders/test"), 42271)
    kek(client, "mine")
    assert "not shared" in refused(client.post(f"{BASE}/mine/test"), 42271)
    assert client.put(f"{BASE}/mine?testSharing=true", json={"shared": True}).json()["shared"] is True
    assert client.post(f"{BASE}/mine/test").json()["name"] == "mine"


def test_the_secrets_of_a_kek_are_not_the_servers(client: httpx.Client) -> None:
    """A KEK's own properties do not choose what a server wraps with."""
    kek(client, shared=True, kmsProps={"secret": "attacker's"})
    blob = base64.b64decode(dek(client)["encryptedKeyMaterial"])
    assert SERVERS.unwrap(blob)
    with pytest.raises(errors.AuthenticationFailed):
        kms.driver("local-kms", "", config={"secret": "attacker's"}).unwrap(blob)


class Slow(kms.Driver):
    """A key system that counts, and takes its time or fails."""

    kind = "slow"

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def wrap(self, dek: bytes, context: kms.Context = kms.NOTHING) -> bytes:
        self.asked += 1
        time.sleep(0.05)
        if self.error:
            raise self.error
        return SERVERS.wrap(dek)

    def unwrap(self, blob: bytes, context: kms.Context = kms.NOTHING) -> bytes:
        if self.error:
            raise self.error
        return SERVERS.unwrap(blob)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    system = Slow()
    monkeypatch.setattr(keyring.Keyring, "_system", lambda self, kek, key_id=None: system)
    return system


def test_of_many_creators_one_wins_and_one_call_is_paid(client: httpx.Client, slow: Slow) -> None:
    kek(client, shared=True)

    def create(_: int) -> tuple[int, Any]:
        answer = client.post(f"{BASE}/orders/deks/orders-value", json={})
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert sorted(status for status, _ in answers) == [200] + [409] * 7
    assert slow.asked == 1
    assert {body["error_code"] for status, body in answers if status == 409} == {40971}
    (won,) = (body for status, body in answers if status == 200)
    assert client.get(f"{BASE}/orders/deks/orders-value").json() == won


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.KmsUnavailable(kms="slow", action="wrap", reason="down"), 50070),
        (errors.KmsRefused(kms="slow", action="wrap", reason="no"), 40370),
        (errors.KeyNotFound(kms="slow", action="wrap", reason="none"), 50070),
    ],
)
def test_a_key_system_that_fails_leaves_nothing_behind(
    client: httpx.Client, registry_store: Store, slow: Slow, error: Exception, code: int
) -> None:
    kek(client, shared=True)
    slow.error = error
    refused(client.post(f"{BASE}/orders/deks/orders-value", json={}), code)
    refused(client.post(f"{BASE}/orders/test"), code)
    refused(client.post(f"{BASE}/orders/deks/orders-value", json={"encryptedKeyMaterial": wrapped()}), code)
    assert registry_store.read_now(lambda db: db.all("SELECT * FROM dek")) == []
    slow.error = None
    assert dek(client)["version"] == 1


def test_a_reservation_that_was_abandoned_is_taken_over(client: httpx.Client, registry_store: Store) -> None:
    kek(client, shared=True)
    dek(client)

    def abandon(db: Db, ago: int) -> None:
        db.run("UPDATE dek SET material = NULL, reservation = 'x', created_at = created_at - :ago", ago=ago)

    registry_store.write_now(lambda db: abandon(db, 60_000))
    refused(client.get(f"{BASE}/orders/deks/orders-value"), 40470)
    assert client.get(f"{BASE}/orders/deks").json() == []
    assert dek(client)["version"] == 1


def test_the_expected_version_decides_a_rotation(client: httpx.Client) -> None:
    kek(client)
    path = f"{BASE}/orders/deks/orders-value"

    def rotate(version: int, expected: int) -> int:
        body = {"version": version, "encryptedKeyMaterial": wrapped()}
        return client.post(path, json=body, headers={"if-match": str(expected)}).status_code

    assert rotate(1, 1) == 409
    assert rotate(1, 0) == 200
    assert rotate(2, 1) == 200
    assert rotate(3, 1) == 409
    assert client.get(f"{path}/versions").json() == [1, 2]


def test_persons_versions_are_never_the_latest(client: httpx.Client) -> None:
    kek(client)
    for version in (1, 2**20 - 1, 2**20, 2**31 - 1):
        dek(client, version=version, encryptedKeyMaterial=wrapped())
    path = f"{BASE}/orders/deks/orders-value/versions"
    assert client.get(f"{path}/-1").json()["version"] == 2**20 - 1
    assert client.get(f"{path}/{2**31 - 1}").json()["version"] == 2**31 - 1
    assert refused(client.get(f"{path}/{2**31}"), 42202)
    dek(client, status=422, version=0, encryptedKeyMaterial=wrapped())
    assert client.delete(f"{path}/{2**20 - 1}").status_code == 204
    assert client.get(f"{path}/-1").json()["version"] == 1


def test_a_quota_is_kept(engine_url: str, client: httpx.Client) -> None:
    with client_on(engine_url, Settings(key_quota=2)) as few:
        kek(few)
        dek(few, encryptedKeyMaterial=wrapped())
        answer = few.post(f"{BASE}/orders/deks/x", json={"encryptedKeyMaterial": wrapped()})
        assert refused(answer, 40972) == "A maximum of 2 keys already exist"
        refused(few.post(BASE, json={"name": "more", "kmsType": "aws-kms", "kmsKeyId": "k"}), 40972)


def test_rewrap_replaces_the_wrapping_and_nothing_else(client: httpx.Client) -> None:
    kek(client)
    before = dek(client, encryptedKeyMaterial=wrapped())
    path = f"{BASE}/orders/deks/orders-value?rewrap=true"
    assert refused(client.post(path, json={}), 42271)
    blob = wrapped()
    renewed = client.post(path, json={"encryptedKeyMaterial": blob}).json()
    assert renewed == {**before, "encryptedKeyMaterial": blob}
    kek(client, "shared", shared=True)
    first = client.post(f"{BASE}/shared/deks/s", json={}).json()
    second = client.post(f"{BASE}/shared/deks/s?rewrap=true", json={}).json()
    assert second["keyMaterial"] == first["keyMaterial"]
    assert second["encryptedKeyMaterial"] != first["encryptedKeyMaterial"]
    other = client.post(f"{BASE}/shared/deks/s?rewrap=true", json={"encryptedKeyMaterial": wrapped()})
    assert "another key" in refused(other, 42271)


def test_every_release_is_recorded_before_it_is_answered(client: httpx.Client, registry_store: Store) -> None:
    kek(client, shared=True)
    dek(client, "audited")
    assert [each["action"] for each in events(registry_store)] == ["create", "create", "release"]
    for _ in range(20):
        client.get(f"{BASE}/orders/deks/audited")
    released = events(registry_store, "release")
    assert len(released) <= 2  # by caller, key and minute
    assert released[0] == {
        "action": "release",
        "resource": "dek:audited",
        "kek": "orders",
        "algorithm": "AES256_GCM",
        "version": 1,
        "opened": True,
    }


def test_counts_of_releases_are_recorded_when_the_server_stops(
    engine_url: str, client: httpx.Client, registry_store: Store
) -> None:
    kek(client)
    dek(client, "counted", encryptedKeyMaterial=wrapped())
    with client_on(engine_url) as other:
        for _ in range(7):
            other.get(f"{BASE}/orders/deks/counted")
    mine = events(registry_store, "release")[1:]
    assert sum(each.get("more", 1) for each in mine) == 7


def test_what_could_not_be_recorded_is_not_handed_out_and_counted_on(
    engine_url: str, registry_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(engine_url)
    try:
        ring = keyring.Keyring(Settings(), store)
        now = [0]
        monkeypatch.setattr(keyring, "now_ms", lambda: now[0])

        async def note(times: int) -> None:
            for _ in range(times):
                await ring._note(Actor("me"), "dek:x", {"version": 1})

        async def run() -> None:
            await note(3)
            now[0] += 60_000
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(store, "write", down)
                for asked in (ring.flush(), note(1)):
                    with pytest.raises(Busy):
                        await asked
            await note(1)
            await ring.flush(all=True)

        registry_store.write_now(empty)
        asyncio.run(run())
    finally:
        store.close()
    assert [each.get("more", 1) for each in events(registry_store, "release")] == [1, 2, 1]


async def down(*_: object) -> None:
    raise Busy(reason="of the test")


def test_subjects_of_any_name_and_context(client: httpx.Client) -> None:
    kek(client)
    for subject in (":.dev:orders-value", "a/b c+d", "ünïcode"):
        path = f"{BASE}/orders/deks/" + "".join(f"%{byte:02X}" for byte in subject.encode())
        made = client.post(path, json={"encryptedKeyMaterial": wrapped()}).json()
        assert made["subject"] == subject
        assert client.get(path).json() == made
    inside = client.get("/contexts/.dev/dek-registry/v1/keks/orders/deks/orders-value").json()
    assert inside["subject"] == ":.dev:orders-value"
    bad = client.post(f"{BASE}/orders/deks", json={"subject": "a\x07b", "encryptedKeyMaterial": wrapped()})
    refused(bad, 42271)
    refused(client.post(f"{BASE}/orders/deks", json={"encryptedKeyMaterial": wrapped()}), 42271)


def test_an_alias_for_keys_is_followed(client: httpx.Client) -> None:
    kek(client)
    client.put("/config/orders-copy", json={"alias": "nobody", "aliasForDeks": "orders-value"})
    dek(client, encryptedKeyMaterial=wrapped())
    assert client.get(f"{BASE}/orders/deks/orders-copy").json()["subject"] == "orders-value"


def test_media_types_and_wrong_verbs(client: httpx.Client) -> None:
    kek(client)
    answer = client.get(f"{BASE}/orders")
    assert answer.headers["content-type"] == "application/vnd.schemaregistry.v1+json"
    assert client.patch(f"{BASE}/orders").json()["error_code"] == 405
    assert client.get("/dek-registry/v1/nothing").json()["error_code"] == 404
    odd = client.post(BASE, content="{}", headers={"content-type": "text/plain"})
    assert odd.json()["error_code"] == 415


def test_a_shared_kek_lives_in_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        aws = boto3.client("kms", region_name="eu-west-1")
        first, second = (aws.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        allowed = {"aws-kms": {"keys": "arn:aws:kms:eu-west-1:*"}}
        with client_on(f"sqlite:///{tmp_path}/t.db", Settings(kms=json.dumps(allowed))) as client:
            assert kek(client, kmsType="AWS", kmsKeyId=first, shared=True)["kmsType"] == "aws-kms"
            assert client.post(f"{BASE}/orders/test").status_code == 200
            made = dek(client)
            blob = base64.b64decode(made["encryptedKeyMaterial"])
            opened = aws.decrypt(CiphertextBlob=blob, EncryptionContext={})
            assert (opened["KeyId"], opened["Plaintext"]) == (first, base64.b64decode(made["keyMaterial"]))
            client.post("/api/v1/keks/orders/rotate", json={"kms_key_id": second})
            assert client.post("/api/v1/keks/orders/rewrap", json={}).json()["left"] == 0
            after = client.get(f"{BASE}/orders/deks/orders-value").json()
            assert after["keyMaterial"] == made["keyMaterial"]
            assert aws.decrypt(CiphertextBlob=base64.b64decode(after["encryptedKeyMaterial"]))["KeyId"] == second
            gone = {"name": "gone", "kmsType": "aws-kms", "kmsKeyId": first[:-4] + "0000", "shared": True}
            assert "has no key" in refused(client.post(f"{BASE}?testSharing=true", json=gone), 50070)
            other = {**gone, "kmsKeyId": first.replace("eu-west-1", "us-east-1")}
            assert "may not use" in refused(client.post(f"{BASE}?testSharing=true", json=other), 42271)


def test_confluents_own_client_is_served(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, server = tmp_path_factory.mktemp("served"), Path(sys.executable).with_name("tenor-server")
    environment = {"TENOR_DATABASE_URL": "sqlite:///t.db", "TENOR_KMS": json.dumps(KMS)}
    with served([server, "serve"], cwd=folder, environment=environment) as own:
        url = {"url": str(own.base_url)}
        with DekRegistryClient(url) as theirs, DekRegistryClient(url) as other, DekRegistryClient(url) as third:
            assert theirs.register_kek("k", "local-kms", "id", kms_props={"a": "b"}, doc="d").shared is False
            props = theirs.get_kek("k").kms_props
            assert props is not None
            assert props.properties == {"a": "b"}
            blob = wrapped("AES128_GCM")
            theirs.register_dek("k", "a/b", blob, DekAlgorithm.AES128_GCM, 1)
            found = other.get_dek("k", "a/b", DekAlgorithm.AES128_GCM, -1)
            assert (found.version, found.encrypted_key_material) == (1, blob)
            with pytest.raises(SchemaRegistryError) as caught:
                third.register_dek("k", "a/b", blob, DekAlgorithm.AES128_GCM, 1)
            assert (caught.value.http_status_code, caught.value.error_code) == (409, 40971)
            with pytest.raises(SchemaRegistryError) as caught:
                theirs.get_dek("k", "a/b", DekAlgorithm.AES256_GCM, 1)
            assert (caught.value.http_status_code, caught.value.error_code) == (404, 40470)
