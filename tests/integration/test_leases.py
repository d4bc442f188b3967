"""Leases of key uses over the API, on both engines: no client seals more often than all together may."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from registry.store.engine import Db, Store
from tests.integration.callers import ADMINS, bearer, guarded, token_of

DEKS = "/dek-registry/v1/keks"
LEASES = "/api/v1/keks/orders/deks/orders-value/leases"


def with_key(client: httpx.Client, headers: dict[str, str] | None = None, **more: Any) -> None:
    kek = {"name": "orders", "kmsType": "local-kms", "kmsKeyId": "k"}
    client.post(DEKS, json=kek, headers=headers)
    body = {"encryptedKeyMaterial": base64.b64encode(b"wrapped").decode(), **more}
    answer = client.post(f"{DEKS}/orders/deks/orders-value", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def lease(client: httpx.Client, uses: int, limit: int, **more: Any) -> tuple[int, int, bool]:
    answer = client.post(LEASES, json={"version": 1, "uses": uses, "limit": limit, **more})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["kek"], body["subject"], body["version"]) == ("orders", "orders-value", 1)
    return body["uses"], body["leased"], body["rotate"]


# what is asked for (uses, limit, spent without a lease), and what there is: uses, sum, rotate
SEQUENCE = [
    ((100, 250, 0), (100, 100, False)),
    ((100, 250, 0), (100, 200, False)),
    ((100, 250, 0), (50, 250, False)),  # what is left
    ((100, 250, 0), (0, 250, True)),
    ((100, 260, 0), (10, 260, False)),  # another rule allows more
    ((100, 500, 200), (40, 500, False)),  # debts first
    ((100, 500, 70), (0, 570, True)),
    ((1, 2**32, 2**32), (0, 570 + 2**32, True)),
]


def test_the_sum_of_all_leases_stays_within_the_limit(registry_client: httpx.Client, registry_store: Store) -> None:
    with_key(registry_client)
    for (uses, limit, spent), expected in SEQUENCE:
        assert lease(registry_client, uses, limit, spent=spent) == expected

    def recorded(db: Db) -> list[tuple[Any, ...]]:
        return db.all("SELECT resource, body FROM event WHERE action = 'lease' ORDER BY pk")

    rows = [(resource, json.loads(body)) for resource, body in registry_store.read_now(recorded)]
    assert {resource for resource, _ in rows} == {"dek:orders-value"}
    assert [(body["uses"], body["leased"], body.get("spent", 0)) for _, body in rows] == [
        (given, leased, spent) for (_, _, spent), (given, leased, _) in SEQUENCE
    ]


def test_of_many_at_once_none_gets_what_another_has(registry_client: httpx.Client) -> None:
    with_key(registry_client)
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: lease(registry_client, 7, 100), range(20)))
    assert sum(uses for uses, _, _ in given) == 100
    assert lease(registry_client, 7, 100) == (0, 100, True)


def test_each_version_and_algorithm_has_its_own_count(registry_client: httpx.Client) -> None:
    with_key(registry_client)
    with_key(registry_client, version=2)
    with_key(registry_client, algorithm="AES256_SIV")
    assert lease(registry_client, 10, 10) == (10, 10, False)
    for more in ({"version": 2}, {"algorithm": "AES256_SIV"}):
        body = {"version": 1, "uses": 10, "limit": 10, **more}
        assert registry_client.post(LEASES, json=body).json()["uses"] == 10


def test_rewrapping_and_undeleting_keep_the_count_and_a_new_key_begins_anew(registry_client: httpx.Client) -> None:
    with_key(registry_client)
    lease(registry_client, 10, 100)
    path = f"{DEKS}/orders/deks/orders-value"
    body = {"encryptedKeyMaterial": base64.b64encode(b"again").decode()}
    assert registry_client.post(f"{path}?rewrap=true", json=body).status_code == 200
    registry_client.delete(path)
    refused = registry_client.post(LEASES, json={"version": 1, "uses": 1, "limit": 100})
    assert refused.json()["code"] == 40470  # nothing is sealed with a deleted key
    registry_client.post(f"{path}/undelete")
    assert lease(registry_client, 10, 100) == (10, 20, False)
    registry_client.delete(path)
    registry_client.delete(f"{path}?permanent=true")
    with_key(registry_client)
    assert lease(registry_client, 10, 100) == (10, 10, False)


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"version": 2, "uses": 1, "limit": 1}, 40470),
    ({"version": 1, "uses": 1, "limit": 1, "algorithm": "AES128_GCM"}, 40470),
    ({"version": 1, "uses": 1, "limit": 1, "algorithm": "ROT13"}, 42271),
    ({"version": 2**20, "uses": 1, "limit": 1}, 42202),  # a person's
    *(
        ({"version": 1, "uses": 1, "limit": 1, **wrong}, 400)
        for wrong in (
            {"uses": 0},
            {"uses": 2**24 + 1},
            {"limit": 0},
            {"limit": 2**32 + 1},
            {"spent": -1},
            {"uses": "x"},
        )
    ),
    ({"version": 1, "uses": 1}, 400),
]


def test_what_cannot_be_leased_is_refused(registry_client: httpx.Client) -> None:
    with_key(registry_client)
    for body, code in REFUSED:
        assert registry_client.post(LEASES, json=body).json()["code"] == code, body
    assert registry_client.post(LEASES.replace("/orders/", "/x/"), json=REFUSED[0][0]).json()["code"] == 40470


def test_who_may_make_keys_may_lease_them(tmp_path: Path) -> None:
    with guarded(f"sqlite:///{tmp_path}/t.db") as client:
        with_key(client, ADMINS)
        body = {"version": 1, "uses": 1, "limit": 10}
        for name, grant, status in (
            ("producer", "producer@dek:orders-*", 200),
            ("other", "producer@dek:payments-*", 403),
            ("consumer", "consumer@dek:orders-*", 403),
            ("releasing", "release@dek:orders-value", 403),
        ):
            who = bearer(token_of(client, name, grant))
            assert client.post(LEASES, json=body, headers=who).status_code == status, name
        assert client.post(LEASES, json=body).status_code == 401
