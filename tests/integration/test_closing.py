"""Versions that leave a support window soon, whoever set it: each is told once, at a cost of what is near its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import announcing, deliveries, webhooks
from contracts.closing import AHEAD, BATCH, Closings, closing
from contracts.protection import protection
from contracts.queries import protection as queries
from registry import app
from registry.clock import now_ms
from registry.evolution.windows import DAY, Registered, Retention
from registry.names import DEFAULT_CONTEXT, Subject
from registry.settings import Settings
from registry.store.engine import Db, Store
from tests.integration.served import ENGINES, client_on
from tests.integration.test_announced import Listener, hook, listener
from tests.integration.test_v1_impact import (
    SEALS,
    V1,
    deploy,
    environment,
    publish,
    recorded,
    register,
    text,
    without,
)
from tests.postgres import Server

__all__ = ["listener"]

DAYS = {"readable_for": {"days": 3}}


def policy(client: httpx.Client, scope: str, body: Mapping[str, Any]) -> None:
    answer = client.put("/api/v1/policies", json={"scope": scope, **body})
    assert answer.status_code == 200, answer.text


@pytest.fixture(params=ENGINES)
def client(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(announcing, "EVERY", 0.02)
    monkeypatch.setattr(deliveries, "_POLL", 0.02)
    monkeypatch.setattr(app, "_SEAL_EVERY", 0.02)
    monkeypatch.setattr(webhooks, "FIRST_ATTEMPT", timedelta(0))
    settings = Settings(webhook_schemes="http", webhook_private=True, secret_key="of the tests")
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 't.db'}"
        if request.param != "sqlite":
            server: Server = request.getfixturevalue("pg_server")
            url = stack.enter_context(server.database(request.getfixturevalue("pg_template")))
        yield stack.enter_context(client_on(url, settings))


def test_windows_of_prefixes_and_of_all_close_too(client: httpx.Client, listener: Listener) -> None:
    hook(client, listener, "window_closing")
    for subject in ("orders-value", "orders-key", "bills-value", ":.eu:orders-value"):
        register(client, V1, subject)
        register(client, without("id"), subject)
    policy(client, "orders-*", DAYS)
    told = sorted(each.partition(" may be")[0] for each in listener.texts(2))
    assert told == ["orders-key version 1", "orders-value version 1"]
    policy(client, "orders-k*", {"readable_for": "forever"})
    policy(client, "", DAYS)
    told = sorted(each.partition(" may be")[0] for each in listener.texts(4)[2:])
    assert told == [":.eu:orders-value version 1", "bills-value version 1"], "each once"
    register(client, {**V1, "fields": V1["fields"][1:2]}, "orders-key")  # never to be deleted
    register(client, {**V1, "fields": V1["fields"][1:2]}, "bills-value")
    assert listener.texts(5)[4].startswith("bills-value version 2 may be deleted from 20")
    time.sleep(0.2)
    assert len(listener.received) == 5


def test_a_topic_that_keeps_less_closes_windows(client: httpx.Client, listener: Listener) -> None:
    hook(client, listener, "window_closing")
    for schema in (V1, without("id")):
        register(client, schema)
    policy(client, "*", {"readable_for": {"while_retained": "orders"}})
    time.sleep(0.2)
    assert not listener.received
    client.put("/api/v1/topics/orders/evidence", json={"retention_ms": 86_400_000})
    assert listener.texts(1)[0].startswith("orders-value version 1 may be deleted from 20")


def test_whom_it_hurts_that_older_events_are_still_sealed(client: httpx.Client, listener: Listener) -> None:
    publish(client, "1", recorded("mailer", {"/id": {"types": ["string"], "when": {"erased": "fails"}}}))
    deploy(client, "mailer", "1", environment(client, "prod"))
    policy(client, "", {"readable_for": {"days": 30}})
    client.post("/api/v1/subjects/orders-value/versions", json={**text(V1), "ruleSet": SEALS})
    time.sleep(0.2)
    hook(client, listener, "impact_found")
    client.post("/api/v1/subjects/orders-value/versions", json={**text(V1), "ruleSet": {"domainRules": []}})
    told = "orders-value version 2: mailer 1 in prod breaks on /id: in events of version 1 (versions stay readable"
    assert listener.texts(1)[0].startswith(told)


def fill(db: Db, subjects: Mapping[str, int]) -> None:
    """Subjects of two versions; the second was registered so many ms ago."""
    db.run("INSERT INTO context (pk, name, last_id) VALUES (1, :name, 2)", name=DEFAULT_CONTEXT)
    db.many(
        """INSERT INTO schema_ (pk, context_pk, id, fingerprint, twin, guid, format, text, created_at)
        VALUES (:pk, 1, :pk, :print, 0, :guid, 'AVRO', '"string"', 0)""",
        [{"pk": pk, "print": bytes([pk]), "guid": str(pk)} for pk in (1, 2)],
    )
    db.many(
        "INSERT INTO subject (pk, context_pk, name, revision, live, latest_version, max_version)"
        " VALUES (:pk, 1, :name, 0, 2, 2, 2)",
        [{"pk": pk, "name": name} for pk, name in enumerate(subjects, 1)],
    )
    db.many(
        "INSERT INTO version (subject_pk, version, schema_pk, created_at) VALUES (:pk, :version, :version, :at)",
        [
            {"pk": pk, "version": version, "at": now_ms() - (900 * DAY if version == 1 else ago)}
            for pk, ago in enumerate(subjects.values(), 1)
            for version in (1, 2)
        ],
    )


@pytest.mark.usefixtures("registry_client")
def test_of_thousands_of_subjects_those_near_their_end_are_looked_at(registry_store: Store) -> None:
    near = {f"orders-{at:04}": 28 * DAY for at in range(250)}
    subjects = near | {f"other-{at:04}": (400 if at % 2 else 1) * DAY for at in range(3000)} | {"topic": 9 * DAY}
    registry_store.write_now(lambda db: fill(db, subjects))

    def set_up(db: Db) -> None:
        for scope, window in (("", {"days": 30}), ("topic", {"while_retained": "t"}), ("other-0*", {"days": 9})):
            queries.put_policy(db, scope, protection({"readable_for": window}), now_ms())
        queries.put_topic(db, Retention("t", 10 * DAY, None, now_ms()), {})

    registry_store.write_now(set_up)

    def looked(closings: Closings) -> list[list[str]]:
        found = [registry_store.read_now(lambda db: closings.look(db, [], ()))]
        while closings.more:
            found.append(registry_store.read_now(lambda db: closings.look(db, [], ())))
        return [[str(each.subject) for each in part] for part in found]

    first = Closings()
    parts = looked(first)
    assert len(parts) == len(near) // BATCH + 1, "no subject is looked at that has no end near"
    assert [name for part in parts for name in part] == [*near, "topic"]
    assert looked(first) == [[]], "it is not searched again at once"
    # Of two processes that found the same one tells it.
    assert [registry_store.write_now(lambda db: queries.tell_closing(db, "topic", 1)) for _ in range(2)] == [
        True,
        False,
    ]
    assert sum(map(len, looked(Closings()))) == len(near)


@pytest.mark.parametrize(("ago", "is_told"), [(30 * DAY - AHEAD - DAY, False), (30 * DAY - AHEAD + 1000, True)])
def test_a_week_ahead(ago: int, is_told: bool) -> None:
    at = now_ms()
    history = [Registered(1, 0), Registered(2, at - ago)]
    policies = {"": protection({"readable_for": {"days": 30}})}
    found = closing(policies, {}, {Subject(DEFAULT_CONTEXT, "s"): history}, at)
    assert [each.version for each in found] == ([1] if is_told else [])
