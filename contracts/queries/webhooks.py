"""Webhooks and their deliveries: questions and changes. Requests are sealed texts; this module does not open them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from registry.store.engine import Db


@dataclass(frozen=True, slots=True)
class StoredWebhook:
    """A webhook; `events` is JSON, `request` sealed."""

    pk: int
    uuid: str
    description: str
    enabled: bool
    events: str
    consumer_name: str | None
    consumer_label: str | None
    provider_name: str | None
    provider_label: str | None
    request: bytes
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One firing of a webhook. `status`: waiting, sending, success, failure."""

    pk: int
    uuid: str
    webhook_pk: int | None
    event: str
    consumer_pk: int | None
    provider_pk: int | None
    version_pk: int | None
    verification_pk: int | None
    request: bytes
    status: str
    attempts: int
    due_at: int
    created_at: int
    updated_at: int


WAITING, SENDING, SUCCESS, FAILURE = "waiting", "sending", "success", "failure"
_WEBHOOK = (
    "w.pk, w.uuid, w.description, w.enabled, w.events, w.consumer_name, w.consumer_label, w.provider_name, "
    "w.provider_label, w.request, w.created_at, w.updated_at"
)
_DELIVERY = (
    "d.pk, d.uuid, d.webhook_pk, d.event, d.consumer_pk, d.provider_pk, d.version_pk, d.verification_pk, d.request, "
    "d.status, d.attempts, d.due_at, d.created_at, d.updated_at"
)


def _webhook(row: Sequence[object]) -> StoredWebhook:
    values = list(row)
    values[3], values[9] = bool(values[3]), bytes(values[9])  # type: ignore[call-overload] # a column of bytes
    return StoredWebhook(*values)  # type: ignore[arg-type] # columns of the statement


def _delivery(row: Sequence[object]) -> Delivery:
    values = list(row)
    values[8] = bytes(values[8])  # type: ignore[call-overload] # a column of bytes
    return Delivery(*values)  # type: ignore[arg-type] # columns of the statement


def webhooks(db: Db) -> list[StoredWebhook]:
    """Every webhook, oldest first."""
    return [_webhook(row) for row in db.all(f"SELECT {_WEBHOOK} FROM webhook w ORDER BY w.pk")]  # noqa: S608 # constants


def webhook(db: Db, uuid: str) -> StoredWebhook | None:
    """A webhook by UUID."""
    row = db.one(f"SELECT {_WEBHOOK} FROM webhook w WHERE w.uuid = :uuid", uuid=uuid)  # noqa: S608 # constants
    return None if row is None else _webhook(row)


def put_webhook(db: Db, changed: StoredWebhook) -> None:
    """Create or change a webhook, by its UUID."""
    db.run(
        """INSERT INTO webhook (uuid, description, enabled, events, consumer_name, consumer_label, provider_name,
        provider_label, request, created_at, updated_at)
        VALUES (:uuid, :description, :enabled, :events, :consumer_name, :consumer_label, :provider_name,
        :provider_label, :request, :created_at, :updated_at)
        ON CONFLICT (uuid) DO UPDATE SET description = excluded.description, enabled = excluded.enabled,
        events = excluded.events, consumer_name = excluded.consumer_name, consumer_label = excluded.consumer_label,
        provider_name = excluded.provider_name, provider_label = excluded.provider_label,
        request = excluded.request, updated_at = excluded.updated_at""",
        uuid=changed.uuid,
        description=changed.description,
        enabled=int(changed.enabled),
        events=changed.events,
        consumer_name=changed.consumer_name,
        consumer_label=changed.consumer_label,
        provider_name=changed.provider_name,
        provider_label=changed.provider_label,
        request=changed.request,
        created_at=changed.created_at,
        updated_at=changed.updated_at,
    )


def delete_webhook(db: Db, pk: int) -> None:
    """Remove a webhook; what it sent stays in the log, what waits is dropped."""
    db.run("DELETE FROM delivery WHERE webhook_pk = :pk AND status IN ('waiting', 'sending')", pk=pk)
    db.run("DELETE FROM webhook WHERE pk = :pk", pk=pk)


def add_delivery(
    db: Db,
    uuid: str,
    webhook_pk: int | None,
    event: str,
    *,
    consumer_pk: int | None,
    provider_pk: int | None,
    version_pk: int | None,
    verification_pk: int | None,
    request: bytes,
    due_at: int,
    now: int,
) -> None:
    """A firing, to be sent when it is due."""
    db.run(
        """INSERT INTO delivery (uuid, webhook_pk, event, consumer_pk, provider_pk, version_pk, verification_pk,
        request, status, attempts, due_at, created_at, updated_at)
        VALUES (:uuid, :webhook, :event, :consumer, :provider, :version, :verification, :request, 'waiting', 0,
        :due, :now, :now)""",
        uuid=uuid,
        webhook=webhook_pk,
        event=event,
        consumer=consumer_pk,
        provider=provider_pk,
        version=version_pk,
        verification=verification_pk,
        request=request,
        due=due_at,
        now=now,
    )


def delivery(db: Db, uuid: str) -> Delivery | None:
    """A firing by UUID."""
    row = db.one(f"SELECT {_DELIVERY} FROM delivery d WHERE d.uuid = :uuid", uuid=uuid)  # noqa: S608 # constants
    return None if row is None else _delivery(row)


def any_due(db: Db, now: int) -> bool:
    """Whether something is to be sent."""
    return (
        db.one(
            "SELECT 1 FROM delivery WHERE status IN ('waiting', 'sending') AND due_at <= :now LIMIT 1",
            now=now,
        )
        is not None
    )


def claim(db: Db, now: int, until: int, limit: int) -> list[Delivery]:
    """Take due firings; nobody else gets them until the claim ends, which it also does when the claimer dies."""
    rows = db.all(
        f"""SELECT {_DELIVERY} FROM delivery d WHERE d.status IN ('waiting', 'sending') AND d.due_at <= :now
        ORDER BY d.due_at LIMIT :limit""",  # noqa: S608 # constants
        now=now,
        limit=limit,
    )
    db.many(
        """UPDATE delivery SET status = 'sending', due_at = :until, attempts = attempts + 1, updated_at = :now
        WHERE pk = :pk""",
        [{"pk": row[0], "until": until, "now": now} for row in rows],
    )
    return [_delivery(row) for row in rows]


def settle(db: Db, uuid: str, status: str, due_at: int, *, success: bool, log: str, now: int) -> None:
    """Note what an attempt came to, and what follows; nothing if the firing was dropped meanwhile.

    By UUID: the key of a dropped row may be another's by now.
    """
    if db.run(
        "UPDATE delivery SET status = :status, due_at = :due, updated_at = :now WHERE uuid = :uuid",
        uuid=uuid,
        status=status,
        due=due_at,
        now=now,
    ):
        db.run(
            """INSERT INTO delivery_attempt (delivery_pk, at, success, log)
            SELECT pk, :now, :success, :log FROM delivery WHERE uuid = :uuid""",
            uuid=uuid,
            now=now,
            success=int(success),
            log=log,
        )


def attempts(db: Db, delivery_pk: int) -> list[tuple[int, bool, str]]:
    """(when, whether it arrived, log) of each attempt."""
    rows = db.all("SELECT at, success, log FROM delivery_attempt WHERE delivery_pk = :pk ORDER BY pk", pk=delivery_pk)
    return [(at, bool(success), log) for at, success, log in rows]


def deliveries_of(
    db: Db,
    *,
    version_pk: int | None = None,
    verification_pk: int | None = None,
    pair: tuple[int, int] | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """Firings about a consumer version, a verification or a pair, newest first."""
    if version_pk is not None:
        where, parameters = "d.version_pk = :version", {"version": version_pk}
    elif verification_pk is not None:
        where, parameters = "d.verification_pk = :verification", {"verification": verification_pk}
    else:
        consumer, provider = pair or (0, 0)
        where = "d.consumer_pk = :consumer AND d.provider_pk = :provider"
        parameters = {"consumer": consumer, "provider": provider}
    rows = db.all(
        f"SELECT {_DELIVERY} FROM delivery d WHERE {where} ORDER BY d.pk DESC LIMIT :limit",  # noqa: S608 # constants
        limit=limit,
        **parameters,
    )
    return [_delivery(row) for row in rows]


def names_by_pk(db: Db) -> dict[int, str]:
    """UUIDs of all webhooks by key."""
    return {int(row[0]): str(row[1]) for row in db.all("SELECT pk, uuid FROM webhook")}


def wanted_events(db: Db) -> set[str]:
    """The names of the events that any enabled webhook listens to."""
    rows = db.all("SELECT DISTINCT events FROM webhook WHERE enabled = 1")
    return {name for (listed,) in rows for name in json.loads(listed)}


def announced(db: Db) -> int:
    """The number of the last event of the log that was announced."""
    row = db.one("SELECT value FROM counter WHERE name = 'announced'")
    return 0 if row is None else int(row[0])


def announced_to(db: Db, sequence: int) -> None:
    """Everything up to an event was announced, or happened while nobody listened."""
    db.run(
        """INSERT INTO counter (name, value) VALUES ('announced', :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        value=sequence,
    )
