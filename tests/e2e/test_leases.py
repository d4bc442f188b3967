"""A fleet of producers over two worker processes on PostgreSQL: one limit for all of them, and one new key."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx

import tenor
from tenor import Keys

FIELDS = [{"name": "email", "type": "string", "confluent:tags": ["PII"]}]
PARAMS = {"encrypt.kek.name": "ours", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "k"}
LIMIT, CLIENTS, EVENTS = 4000, 6, 1000


def test_a_fleet_stays_within_the_limit_of_its_rule(registry_on_postgresql: httpx.Client) -> None:
    rule = {
        "name": "seal", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": ["PII"],
        "params": {**PARAMS, "encrypt.dek.expiry.days": "30", "tenor.dek.max.uses": str(LIMIT)},
        "onFailure": "ERROR,ERROR",
    }  # fmt: skip
    schema = json.dumps({"type": "record", "name": "a.Mail", "fields": FIELDS})
    body = {"schema": schema, "ruleSet": {"domainRules": [rule]}}
    assert registry_on_postgresql.post("/subjects/mails-value/versions", json=body).status_code == 200
    url = str(registry_on_postgresql.base_url)

    def write(number: int) -> bytes | None:
        with tenor.Registry(url, keys=Keys(kms={"local-kms": {"secret": "s"}}, jitter=0.0)) as registry:
            codec = registry.events("mails-value")
            for _ in range(EVENTS):
                value = codec.encode_value({"email": f"{number}@example.org"})
            return value

    with ThreadPoolExecutor(CLIENTS) as pool:
        last = list(pool.map(write, range(CLIENTS)))
    path = "/dek-registry/v1/keks/ours/deks/mails-value/versions"
    # Six blocks of a thousand may use up the second key as well: then there is a third, and never more.
    assert (versions := registry_on_postgresql.get(path).json()) in ([1, 2], [1, 2, 3])
    leased: dict[int, int] = {}
    for event in registry_on_postgresql.get("/api/v1/audit/events", params={"limit": 200}).json()["items"]:
        if event["action"] == "lease":
            told = event["detail"]
            leased[told["version"]] = leased.get(told["version"], 0) + told["uses"]
    assert leased[1] == LIMIT  # every use of the first key was given to somebody
    assert CLIENTS * EVENTS <= sum(leased.values()) <= len(versions) * LIMIT
    with tenor.Registry(url, keys=Keys(kms={"local-kms": {"secret": "s"}})) as registry:
        reader = registry.events("mails-value", decode_only=True)
        assert [reader.decode(value).data["email"][0] for value in last] == [str(number) for number in range(CLIENTS)]
