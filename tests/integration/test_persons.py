"""Persons' keys: minted, resolved, erased for good, also against a restored backup; and KEKs that were rotated."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry import shredding
from registry.doctor import examine
from registry.keyring import Keyring
from registry.settings import Settings
from registry.store.engine import Store, open_store
from tenor.keys import algorithms, kms
from tests.integration.served import client_on, empty

CONFIG = {"local-kms": {"secret": "server's"}}
DEKS = "/dek-registry/v1/keks"
KEKS = "/api/v1/keks"
SERVERS = kms.driver("local-kms", "", config=CONFIG["local-kms"])
HANDLES = [f"{n:032x}" for n in range(1, 1001)]
WHY = {"legal_basis": "GDPR 17(1)(b)", "request_id": "DSR-7"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shred")


@pytest.fixture(scope="module")
def _keys(engine_url: str, registry_store: Store, folder: Path) -> Iterator[httpx.Client]:
    settings = Settings(kms=json.dumps(CONFIG), shred_folder=str(folder))
    with client_on(engine_url, settings, store=registry_store) as client:
        yield client


@pytest.fixture
def client(_keys: httpx.Client, registry_store: Store) -> httpx.Client:
    registry_store.write_now(empty)
    return _keys


def kek(client: httpx.Client, name: str = "orders", *, shared: bool = True) -> None:
    body = {"name": name, "kmsType": "local-kms", "kmsKeyId": "k", "shared": shared}
    assert client.post(DEKS, json=body).status_code == 200


def resolve(client: httpx.Client, handles: list[str], name: str = "orders", status: int = 200, **more: Any) -> Any:
    answer = client.post(f"{KEKS}/{name}/persons:resolve", json={"handles": handles, **more})
    assert answer.status_code == status, answer.text
    return answer.json() if status != 200 else answer.json()["persons"]


def erase(client: httpx.Client, handle: str, status: int = 200, name: str = "orders", **why: str) -> Any:
    answer = client.post(f"{KEKS}/{name}/persons/{handle}/erase", json=why or WHY)
    assert answer.status_code == status, answer.text
    return answer.json()


def wrapped() -> str:
    return base64.b64encode(SERVERS.wrap(algorithms.new_key("AES256_GCM"))).decode()


def test_a_thousand_persons_get_keys_with_one_call(client: httpx.Client, registry_store: Store) -> None:
    kek(client)
    assert {each["state"] for each in resolve(client, HANDLES)} == {"unknown"}
    minted = resolve(client, HANDLES, mint=True)
    assert [each["handle"] for each in minted] == HANDLES
    assert [each["version"] for each in minted] == list(range(2**20, 2**20 + 1000))
    assert len({each["key_material"] for each in minted}) == 1000
    assert resolve(client, HANDLES, mint=True) == minted
    assert resolve(client, HANDLES[:2] + HANDLES[:1]) == minted[:2]
    one = minted[7]
    key = algorithms.raw("AES256_GCM", base64.b64decode(one["key_material"]))
    assert base64.b64decode(one["commitment"]) == algorithms.commitment(key)
    assert resolve(client, [], versions=[one["version"]]) == [one]
    resolve(client, HANDLES, versions=[2**20], status=422)
    rows = registry_store.read_now(lambda db: db.all("SELECT material, epoch FROM person"))
    assert not any(key in bytes(material) for material, _ in rows)
    assert {epoch for _, epoch in rows} == {rows[0][1]}
    assert re.fullmatch(r"\d{4}-\d{2}", rows[0][1])
    assert registry_store.read_now(lambda db: db.all("SELECT persons FROM key_cell")) == [(1000,)]


@pytest.mark.parametrize("shared", [True, False])
def test_a_persons_key_is_a_version_of_every_subject(client: httpx.Client, shared: bool) -> None:
    """As unmodified clients read it."""
    kek(client, shared=shared)
    blob = wrapped()
    keys: dict[str, Any] = {} if shared else {"keys": {HANDLES[0]: {"encrypted_key_material": blob}}}
    (person,) = resolve(client, HANDLES[:1], mint=True, **keys)
    for subject in ("orders-value", "payments-value"):
        read = client.get(f"{DEKS}/orders/deks/{subject}/versions/{person['version']}?deleted=True").json()
        assert read["subject"] == subject
        assert read.get("keyMaterial") == person.get("key_material")
        assert read["encryptedKeyMaterial"] == person["encrypted_key_material"]
    assert shared or person["encrypted_key_material"] == blob
    assert client.get(f"{DEKS}/orders/deks/orders-value/versions/-1").status_code == 404
    body = {"encryptedKeyMaterial": blob, "version": person["version"]}
    assert client.post(f"{DEKS}/orders/deks/orders-value", json=body).status_code == 409
    wrong = client.get(f"{DEKS}/orders/deks/orders-value/versions/{person['version']}?algorithm=AES128_GCM")
    assert wrong.json()["error_code"] == 40470


def test_numbers_leave_out_what_clients_put_there(client: httpx.Client) -> None:
    kek(client, shared=False)
    body = {"encryptedKeyMaterial": wrapped(), "version": 2**20 + 5}
    assert client.post(f"{DEKS}/orders/deks/orders-value", json=body).status_code == 200
    keys = {HANDLES[0]: {"encrypted_key_material": wrapped()}}
    (person, other) = resolve(client, HANDLES[:2], mint=True, keys=keys)
    assert person["version"] == 2**20 + 6
    assert other == {"handle": HANDLES[1], "state": "unknown"}


def test_an_erased_person_stays_erased(client: httpx.Client, registry_store: Store) -> None:
    kek(client)
    before, other = resolve(client, HANDLES[:2], mint=True)
    stone = erase(client, HANDLES[0])
    at = stone.pop("erased_at")
    assert stone == {"kek": "orders", "handle": HANDLES[0], "version": 2**20, "who": stone["who"], **WHY}
    assert erase(client, HANDLES[0], legal_basis="again") == {**stone, "erased_at": at}
    gone = {"handle": HANDLES[0], "state": "erased", "version": 2**20, "at": at}
    assert resolve(client, HANDLES[:2], mint=False) == [gone, other]
    assert resolve(client, HANDLES[:1], mint=True) == [gone]
    assert resolve(client, [], versions=[2**20, 2**20 + 7]) == [
        gone,
        {"handle": "", "state": "unknown", "version": 2**20 + 7},
    ]
    read = client.get(f"{DEKS}/orders/deks/orders-value/versions/{2**20}?deleted=true")
    assert read.json()["error_code"] == 40470
    back = {"encryptedKeyMaterial": before["encrypted_key_material"], "version": 2**20}
    assert client.post(f"{DEKS}/orders/deks/orders-value", json=back).status_code in (409, 422)
    (renewed,) = resolve(client, HANDLES[:1], mint=True, renew=True)
    assert renewed["version"] == 2**20 + 2
    assert renewed["key_material"] != before["key_material"]
    erased = [
        json.loads(body)
        for (body,) in registry_store.read_now(lambda db: db.all("SELECT body FROM event WHERE action = 'erase'"))
    ]
    assert erased == [{"kek": "orders", "version": 2**20, **WHY}]
    shown = client.get(f"{KEKS}/orders/persons/{HANDLES[0]}").json()
    assert (shown["state"], shown["version"], "key_material" in shown) == ("live", 2**20 + 2, False)
    listed = client.get(f"{KEKS}/orders/persons/{HANDLES[0]}/erasures").json()
    assert listed == [{**stone, "erased_at": at}]


@pytest.mark.parametrize(
    ("handle", "why", "status"),
    [
        ("f" * 32, WHY, 404),
        ("xyz", WHY, 422),
        ("f" * 34, WHY, 422),
        (HANDLES[0], {"legal_basis": ""}, 400),
        (HANDLES[0], {"legal_basis": "  "}, 422),
    ],
)
def test_an_erasure_that_means_nothing_is_refused(
    client: httpx.Client, handle: str, why: dict[str, str], status: int
) -> None:
    kek(client)
    resolve(client, HANDLES[:1], mint=True)
    erase(client, handle, status, **why)


def test_an_erasure_by_delete_says_why_in_its_query(client: httpx.Client) -> None:
    kek(client)
    resolve(client, HANDLES[:1], mint=True)
    path = f"{KEKS}/orders/persons/{HANDLES[0]}"
    assert client.delete(path).status_code == 400
    assert client.delete(path, params=WHY).json()["legal_basis"] == WHY["legal_basis"]


def test_consumers_hear_of_erasures(client: httpx.Client) -> None:
    kek(client)
    resolve(client, HANDLES[:5], mint=True)
    for handle in HANDLES[:5]:
        erase(client, handle)
    first = client.get(f"{KEKS}/revocations?limit=2").json()
    assert [each["handle"] for each in first["items"]] == HANDLES[:2]
    rest = client.get(f"{KEKS}/revocations?after={first['next']}").json()
    assert [each["version"] for each in rest["items"]] == list(range(2**20 + 2, 2**20 + 5))
    assert client.get(f"{KEKS}/revocations?after={rest['next']}").json() == {"items": [], "next": rest["next"]}
    assert "who" not in rest["items"][0]


def test_a_kek_with_persons_is_not_deleted_and_its_numbers_are_not_reused(client: httpx.Client) -> None:
    kek(client)
    resolve(client, HANDLES[:3], mint=True)
    assert client.delete(f"{DEKS}/orders").json()["error_code"] == 42272
    for handle in HANDLES[:3]:
        erase(client, handle)
    assert client.delete(f"{DEKS}/orders").status_code == 204
    assert client.delete(f"{DEKS}/orders?permanent=true").status_code == 204
    kek(client)
    (person,) = resolve(client, HANDLES[3:4], mint=True)
    assert person["version"] == 2**20 + 3
    assert resolve(client, HANDLES[:1], mint=True)[0]["state"] == "erased"


def test_a_key_of_another_row_does_not_open(client: httpx.Client, registry_store: Store) -> None:
    kek(client)
    resolve(client, HANDLES[:2], mint=True)
    rows = registry_store.read_now(lambda db: db.all("SELECT version, material FROM person ORDER BY version"))
    registry_store.write_now(
        lambda db: db.run("UPDATE person SET material = :m WHERE version = :v", m=bytes(rows[1][1]), v=rows[0][0])
    )
    assert resolve(client, HANDLES[:1], status=500)["code"] == 50070


@pytest.mark.parametrize(
    "body",
    [
        {"handles": ["x"]},
        {"handles": ["A" * 32]},
        {"handles": [1]},
        {"handles": [*HANDLES, "f" * 32]},
        {"versions": [0]},
        {"versions": [2**31]},
        {"mint": "yes"},
        {"handles": HANDLES[:1], "mint": True, "keys": {"x": {"encrypted_key_material": "AAAA"}}},
        {"handles": HANDLES[:1], "mint": True, "keys": {HANDLES[0]: {"encrypted_key_material": "?"}}},
        {"handles": HANDLES[:1], "algorithm": "ROT13"},
    ],
)
def test_a_request_that_means_nothing_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    kek(client, shared=False)
    assert client.post(f"{KEKS}/orders/persons:resolve", json=body).status_code in (400, 422)


def test_minting_for_a_kek_that_is_not_shared_needs_the_clients_keys(client: httpx.Client) -> None:
    kek(client, shared=False)
    assert "not shared" in resolve(client, HANDLES[:1], mint=True, status=422)["detail"]
    assert resolve(client, [], mint=True) == []
    kek(client, "theirs")
    keys = {HANDLES[0]: {"encrypted_key_material": wrapped()}}
    answer = client.post(f"{KEKS}/theirs/persons:resolve", json={"handles": HANDLES[:1], "mint": True, "keys": keys})
    assert "is shared" in answer.json()["detail"]


def test_a_kek_with_persons_stays_shared(client: httpx.Client) -> None:
    kek(client)
    assert client.put(f"{DEKS}/orders", json={"shared": False}).json()["shared"] is False
    client.put(f"{DEKS}/orders", json={"shared": True})
    resolve(client, HANDLES[:1], mint=True)
    assert client.put(f"{DEKS}/orders", json={"shared": False}).json()["error_code"] == 42272
    assert client.put(f"{DEKS}/orders", json={"shared": True}).status_code == 200


def test_the_doctor_sees_an_erased_key_that_came_back(client: httpx.Client, registry_store: Store) -> None:
    kek(client)
    resolve(client, HANDLES[:2], mint=True)
    row = "SELECT kek_pk, version, handle, algorithm, material, created_at FROM person WHERE version = 1048576"
    (kept,) = registry_store.read_now(lambda db: db.all(row))
    erase(client, HANDLES[0])
    assert registry_store.read_now(examine) == []
    names = ("kek_pk", "version", "handle", "algorithm", "material", "created_at")
    registry_store.write_now(
        lambda db: db.run(
            f"INSERT INTO person ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})",
            **dict(zip(names, kept, strict=True)),
        )
    )
    registry_store.write_now(lambda db: db.run("UPDATE kek SET last_person = 1048576"))
    assert registry_store.read_now(examine) == [
        "KEK orders has the key of person 1048576, who was erased",
        "KEK orders handed out numbers of persons up to 1048576, but has 1048577",
    ]


# What comes back from a backup.


@pytest.fixture
def alone(tmp_path: Path) -> tuple[Path, Settings]:
    """A database file and the settings of a registry of its own."""
    (tmp_path / "shred").mkdir()
    return tmp_path / "t.db", Settings(kms=json.dumps(CONFIG), shred_folder=str(tmp_path / "shred"))


def backed_up(database: Path, copy: Path) -> None:
    with sqlite3.connect(database) as source, sqlite3.connect(copy) as target:
        source.backup(target)


def test_a_restored_backup_brings_nobody_back(alone: tuple[Path, Settings], tmp_path: Path) -> None:
    database, settings = alone
    url, copy = f"sqlite:///{database}", tmp_path / "backup.db"
    with client_on(url, settings) as client:
        kek(client)
        resolve(client, HANDLES[:3], mint=True)
        backed_up(database, copy)
        stone = erase(client, HANDLES[0])
        later = resolve(client, HANDLES[3:4], mint=True)[0]["version"]
        erase(client, HANDLES[3])
    for each in tmp_path.glob("t.db*"):
        each.unlink()
    shutil.copy(copy, database)
    with client_on(url, settings) as client:
        assert resolve(client, HANDLES[:1])[0]["state"] == "erased"
        assert resolve(client, HANDLES[1:2])[0]["state"] == "live"
        assert client.get(f"{KEKS}/orders/persons/{HANDLES[0]}/erasures").json() == [stone]
        assert resolve(client, HANDLES[4:5], mint=True)[0]["version"] > later
        feed = client.get(f"{KEKS}/revocations").json()["items"]
        assert {each["handle"] for each in feed} == {HANDLES[0], HANDLES[3]}
    with client_on(url, settings) as client:  # again, nothing is told twice
        assert len(client.get(f"{KEKS}/revocations").json()["items"]) == 2


def test_a_journal_that_lost_its_end_is_completed(alone: tuple[Path, Settings], tmp_path: Path) -> None:
    database, settings = alone
    journal = tmp_path / "shred" / "journal.jsonl"
    with client_on(f"sqlite:///{database}", settings) as client:
        kek(client)
        resolve(client, HANDLES[:2], mint=True)
        erase(client, HANDLES[0])
        erase(client, HANDLES[1])
    whole = journal.read_bytes()
    assert len(whole.splitlines()) == 2
    journal.write_bytes(whole[:-30])
    with client_on(f"sqlite:///{database}", settings):
        pass
    stones = shredding.Journal(journal).read()
    assert sorted(stone.handle.hex() for stone in stones) == HANDLES[:2]


def test_an_old_months_key_is_destroyed_and_backups_die_with_it(
    alone: tuple[Path, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, settings = alone
    url, copy, shred = f"sqlite:///{database}", tmp_path / "backup.db", tmp_path / "shred"
    now = [1_767_225_600_000 + 10 * 86_400_000]  # 11 January 2026

    def at() -> int:
        return now[0]

    monkeypatch.setattr(shredding, "now_ms", at)
    with client_on(url, settings) as client:
        kek(client)
        before = resolve(client, HANDLES[:3], mint=True)
        backed_up(database, copy)
        erase(client, HANDLES[0])
        assert [path.name for path in shred.glob("*.epoch")] == ["2026-01.epoch"]
    now[0] += 31 * 86_400_000
    with client_on(url, settings) as client:
        _upkeep(url, settings)
        assert {path.name for path in shred.glob("*.epoch")} == {"2026-01.epoch", "2026-02.epoch"}
        assert resolve(client, HANDLES[1:3]) == before[1:]
        now[0] += 36 * 86_400_000
        _upkeep(url, settings)
        assert {path.name for path in shred.glob("*.epoch")} == {"2026-02.epoch", "2026-03.epoch"}
        assert resolve(client, HANDLES[1:3]) == before[1:]
    (shred / "journal.jsonl").unlink()  # even so
    for each in tmp_path.glob("t.db*"):
        each.unlink()
    shutil.copy(copy, database)
    with client_on(url, settings) as client:
        assert "2026-01 is gone" in resolve(client, HANDLES[:1], status=500)["detail"]


def _upkeep(url: str, settings: Settings) -> None:
    """What runs in the background once an hour."""
    store = open_store(url)
    try:
        asyncio.run(Keyring(settings, store).upkeep())
    finally:
        store.close()


def test_erased_bytes_leave_the_file(tmp_path: Path) -> None:
    """On SQLite, once the log is written back."""
    database, settings = tmp_path / "t.db", Settings(kms=json.dumps(CONFIG))
    with client_on(f"sqlite:///{database}", settings) as client:
        kek(client)
        (person,) = resolve(client, HANDLES[:1], mint=True)
        blob = base64.b64decode(person["encrypted_key_material"])
        assert any(blob in path.read_bytes() for path in tmp_path.glob("t.db*"))
        erase(client, HANDLES[0])
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not any(blob in path.read_bytes() for path in tmp_path.glob("t.db*"))


# Rotation.


def test_a_rotated_kek_is_rewrapped_in_pieces(client: httpx.Client, registry_store: Store) -> None:
    kek(client)
    for number in range(7):
        assert client.post(f"{DEKS}/orders/deks/s{number}", json={}).status_code == 200
    before = {n: client.get(f"{DEKS}/orders/deks/s{n}").json() for n in range(7)}
    (person,) = resolve(client, HANDLES[:1], mint=True)
    assert client.post(f"{KEKS}/orders/rotate", json={"kms_key_id": "new"}).json()["kms_key_id"] == "new"
    assert client.get(f"{DEKS}/orders/deks/s1").json() == before[1]  # still under the old key
    progress = client.post(f"{KEKS}/orders/rewrap", json={"limit": 5}).json()
    assert (progress["done"], progress["left"], progress["failed"]) == (5, 3, [])
    rest = client.post(f"{KEKS}/orders/rewrap", json={"before": progress["before"], "limit": 5}).json()
    assert (rest["done"], rest["left"]) == (3, 0)
    rows = registry_store.read_now(
        lambda db: db.all("SELECT wrapped_by FROM dek UNION ALL SELECT wrapped_by FROM key_cell")
    )
    assert set(rows) == {("new",)}
    for number in range(7):
        after = client.get(f"{DEKS}/orders/deks/s{number}").json()
        assert after["keyMaterial"] == before[number]["keyMaterial"]
        assert after["encryptedKeyMaterial"] != before[number]["encryptedKeyMaterial"]
    assert resolve(client, HANDLES[:1])[0]["key_material"] == person["key_material"]
    (shown,) = client.get(KEKS).json()["items"]
    assert (shown["deks"], shown["persons"], shown["shared"]) == (7, 1, True)


def test_keys_that_cannot_be_rewrapped_are_told_and_do_not_hold_up_others(
    client: httpx.Client, registry_store: Store
) -> None:
    kek(client)
    for subject in ("bad1", "bad2", "good1", "good2"):
        client.post(f"{DEKS}/orders/deks/{subject}", json={})
    foreign = base64.b64encode(os.urandom(62)).decode()
    registry_store.write_now(
        lambda db: db.run("UPDATE dek SET material = :foreign WHERE subject LIKE 'bad%'", foreign=foreign)
    )
    first = client.post(f"{KEKS}/orders/rewrap", json={"limit": 2}).json()
    assert (first["done"], first["left"]) == (0, 4)
    assert [each.partition(":")[0] for each in first["failed"]] == [f"bad{n} AES256_GCM version 1" for n in (1, 2)]
    second = client.post(f"{KEKS}/orders/rewrap", json={"limit": 2, "skip": 2, "before": first["before"]}).json()
    assert (second["done"], second["left"], second["failed"]) == (2, 2, [])


def test_only_a_shared_kek_is_rotated_by_the_registry(client: httpx.Client) -> None:
    kek(client, shared=False)
    for path, body in (("rotate", {"kms_key_id": "new"}), ("rewrap", {})):
        answer = client.post(f"{KEKS}/orders/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, 42271)


def test_one_reservation_wins(client: httpx.Client) -> None:
    kek(client, shared=False)
    path = f"{KEKS}/orders/deks/orders-value/reservations"
    won = client.post(path, json={"version": 1, "expected": 0}).json()
    assert (won["version"], won["algorithm"]) == (1, "AES256_GCM")
    assert client.post(path, json={}).json()["code"] == 40971
    body = {"encryptedKeyMaterial": wrapped()}
    assert client.post(f"{DEKS}/orders/deks/orders-value", json=body).status_code == 200
    assert client.post(path, json={}).json()["code"] == 40971
    assert client.post(path, json={"version": 2, "expected": 0}).json()["code"] == 40971
    assert client.post(path, json={"version": 2, "expected": 1}).status_code == 200
